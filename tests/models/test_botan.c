/* tests/models/test_botan.c -- BOTAN: the plain version against the fast one, its symmetries, the authors' own weights and output, training */
#include "core/memory.h"
#include "hagane/snapshot_file.h"
#include "matter/snapshot.h"
#include "models/botan_tape.h"
#include "models/botan_train.h"
#include "tensor/params.h"
#include "test.h"
#include <unistd.h>

enum { N = 36 }; /* few, for the sanitizers: a pass costs as their pairs do */

/* A gas with some order in it: neighbours not closer than 0.7. */
static hg_snapshot *liquid(hg_arena *mem, uint64_t seed) {
    hg_snapshot *s = hg_snapshot_new(mem, N);
    hg_rng r = hg_rng_make(seed, 0);
    s->box[0] = 4.2, s->box[1] = 4.5, s->box[2] = 4.1;
    for (size_t i = 0; i < N;) {
        double least = 9;
        for (size_t k = 0; k < 3; k++) s->x[3 * i + k] = s->box[k] * hg_rng_uniform(&r);
        for (size_t j = 0; j < i; j++) {
            double d2 = 0;
            for (size_t k = 0; k < 3; k++) {
                const double d = hg_nearest_image(s->x[3 * i + k] - s->x[3 * j + k], s->box[k]);
                d2 += d * d;
            }
            least = fmin(least, d2);
        }
        if (least < 0.49) continue;
        s->species[i] = i % 5 == 0;
        i++;
    }
    return s;
}

static hg_botan *model(uint64_t seed) { /* wide spread, so that every part of the function matters */
    hg_botan *b;
    hg_err err;
    assert_ok_err(hg_botan_new(&b, NULL, &err), err);
    hg_rng r = hg_rng_make(seed, 1);
    for (size_t i = 0; i < hg_params_count(b->params); i++) {
        const hg_shape s = hg_params_shape(b->params, i);
        double *x = malloc(hg_shape_size(s) * sizeof *x);
        const double sd = s.rank == 2 ? 1.2 / sqrt((double)s.n[1]) : 0.3;
        for (size_t k = 0; k < hg_shape_size(s); k++) x[k] = sd * hg_rng_normal(&r);
        hg_params_set(b->params, i, x);
        free(x);
    }
    for (size_t o = 0; o < HG_BOTAN_WIDTH; o++) /* a sum over some 20 edges */
        for (size_t k = 0; k < HG_BOTAN_WIDTH; k++) b->w[b->l.move_w[0] + (3 * o + 2) * HG_BOTAN_WIDTH + k] *= 0.03f;
    return b;
}

typedef struct {
    hg_botan_graph g;
    float *node, *edge;
} said;

static said say(hg_arena *mem, const hg_botan *b, const hg_snapshot *s, hg_pool *pool) {
    said y;
    hg_err err;
    hg_botan_room room = { 0 };
    assert_ok_err(hg_botan_graph_make(&y.g, s, mem, &err), err);
    y.node = hg_alloc(mem, y.g.n, sizeof *y.node);
    y.edge = hg_alloc(mem, y.g.edges, sizeof *y.edge);
    assert_ok_err(hg_botan_forward(y.node, y.edge, b, &y.g, &room, pool, &err), err);
    hg_botan_room_free(&room);
    return y;
}

static double spread(const float *x, size_t n) {
    double s = 0, ss = 0;
    for (size_t i = 0; i < n; i++) s += (double)x[i], ss += (double)x[i] * (double)x[i];
    return sqrt(ss / (double)n - s / (double)n * s / (double)n);
}

static void it_has_as_many_parameters_as_published(void **state) {
    hg_botan *b = model(1);
    (void)state;
    assert_int_equal(hg_params_elements(b->params), HG_BOTAN_PARAMETERS);
    assert_true(hg_params_find(b->params, "network.node_model.mlp.fc1.weight") != SIZE_MAX);
    hg_botan_free(b);
}

/* Three particles by hand: all weights 0 but biases and one path, so that a node says how many edges come in. */
static void edges_are_added_up_at_their_ends(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_botan *b;
    assert_ok(hg_botan_new(&b, NULL, NULL));
    memset(b->w, 0, b->l.count * sizeof *b->w);
    b->w[b->l.meet_b[1]] = 1;       /* every e is (1, 0, ...) */
    b->w[b->l.move_w[0] + 128] = 1; /* the first of the sum */
    b->w[b->l.move_w[1]] = 0.5f;    /* halved */
    b->w[b->l.decoder_w[0]] = 1;
    b->w[b->l.decoder_w[1]] = 1;
    b->w[b->l.decoder_w[2]] = 1;
    b->w[b->l.decoder_b[2]] = 10;
    hg_snapshot *s = hg_snapshot_new(mem, 4);
    s->box[0] = s->box[1] = s->box[2] = 9;
    const double x[12] = { 0.5, 1, 1, 8, 1, 1, 1.9, 1, 1, 5, 5, 5 }; /* 1 by the wall, 2 beyond it, 3 near 1, 4 alone */
    memcpy(s->x, x, sizeof x);
    const said y = say(mem, b, s, NULL);
    assert_int_equal(y.g.edges, 4);
    assert_close((double)y.node[0], 11, 1e-6);
    assert_close((double)y.node[1], 10.5, 1e-6);
    assert_close((double)y.node[2], 10.5, 1e-6);
    assert_close((double)y.node[3], 10, 1e-6);
    const size_t e = hg_botan_edge(&y.g, 1, 0);
    assert_close((double)y.g.d[3 * e], 1.5, 1e-6); /* from 2 to 1, through the wall */
    assert_close((double)y.edge[e], 11, 1e-6);
    assert_true(hg_botan_edge(&y.g, 3, 0) == SIZE_MAX);
    hg_botan_free(b);
    hg_arena_reset(mem, mark);
}

static double *doubles(hg_arena *mem, const float *x, size_t n) {
    double *y = hg_alloc(mem, n, sizeof *y);
    for (size_t i = 0; x && i < n; i++) y[i] = (double)x[i];
    return y;
}

/* Both outputs, the loss and every parameter's gradient, each kind of parameter by itself, against the tape in double. */
static void the_fast_version_is_the_plain_one(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_err err;
    hg_botan *b = model(2);
    const hg_snapshot *s = liquid(mem, 3);
    const said y = say(mem, b, s, NULL);
    hg_botan_labels label = { hg_alloc(mem, N, sizeof(float)), hg_alloc(mem, y.g.edges, sizeof(float)), 0, 0 };
    double *wn = hg_alloc(mem, N, sizeof *wn), *we = hg_alloc(mem, y.g.edges, sizeof *we);
    hg_rng r = hg_rng_make(4, 0);
    for (size_t i = 0; i < N; i++) label.node[i] = i % 7 == 3 ? NAN : (float)hg_rng_normal(&r);
    for (size_t e = 0; e < y.g.edges; e++) label.edge[e] = e % 3 == 1 ? NAN : (float)hg_rng_normal(&r);
    for (size_t i = 0; i < N; i++) label.nodes += isnan(label.node[i]) ? 0 : 1;
    for (size_t e = 0; e < y.g.edges; e++) label.edges += isnan(label.edge[e]) ? 0 : 1;

    hg_tape_opts o = hg_tape_opts_default();
    o.dtype = HG_F64;
    hg_tape *t;
    hg_tensor *node, *edge;
    assert_ok(hg_tape_new(&t, &o, NULL));
    double *w = doubles(mem, b->w, b->l.count), *grad = doubles(mem, NULL, b->l.count);
    hg_botan_tape(&node, &edge, t, w, grad, &b->l, &y.g);
    assert_ok_err(hg_tape_status(t, &err), err);
    assert_true(spread(y.node, N) > 1e-3 && spread(y.edge, y.g.edges) > 1e-3); /* it says something */
    for (size_t i = 0; i < N; i++) assert_close((double)y.node[i], hg_tensor_doubles(node)[i], 1e-5);
    for (size_t e = 0; e < y.g.edges; e++) assert_close((double)y.edge[e], hg_tensor_doubles(edge)[e], 1e-5);

    for (size_t i = 0; i < N; i++) wn[i] = isnan(label.node[i]) ? 0 : 0.4 / (double)label.nodes;
    for (size_t e = 0; e < y.g.edges; e++) we[e] = isnan(label.edge[e]) ? 0 : 0.6 / (double)label.edges;
    double *yn = doubles(mem, label.node, N), *ye = doubles(mem, label.edge, y.g.edges);
    for (size_t i = 0; i < N; i++) yn[i] = isnan(yn[i]) ? 0 : yn[i];
    for (size_t e = 0; e < y.g.edges; e++) ye[e] = isnan(ye[e]) ? 0 : ye[e];
    hg_tensor *off[2] = { hg_sub(t, node, hg_tensor_of(t, HG_SHAPE(N, 1), yn, false)),
                          hg_sub(t, edge, hg_tensor_of(t, HG_SHAPE(y.g.edges, 1), ye, false)) };
    hg_tensor *part[2] = { hg_tensor_of(t, HG_SHAPE(N, 1), wn, false),
                           hg_tensor_of(t, HG_SHAPE(y.g.edges, 1), we, false) };
    for (int k = 0; k < 2; k++) part[k] = hg_sum(t, hg_mul(t, part[k], hg_map(t, HG_SQUARE, off[k])), 0);
    hg_tensor *sum = hg_add(t, part[0], part[1]);
    assert_ok_err(hg_backward(t, sum, &err), err);

    double loss;
    hg_botan_room room = { 0 };
    assert_ok_err(hg_botan_learn(&loss, b->grad, b, &y.g, NULL, &label, 0.4, 1, &room, NULL, &err), err);
    assert_close(loss, hg_tensor_value(sum), 1e-5);
    for (size_t i = 0; i < hg_params_count(b->params); i++) {
        const hg_param_entry *e = &b->params->e[i];
        double most = 0, worst = 0;
        for (size_t k = 0; k < e->n; k++) {
            most = fmax(most, fabs(grad[e->at + k]));
            worst = fmax(worst, fabs(grad[e->at + k] - (double)b->grad[e->at + k]));
        }
        if (!(most > 0 && worst < 1e-4 * most)) fail_msg("%s: %g of %g", e->name, worst, most);
    }
    hg_botan_room_free(&room);
    hg_tape_free(t);
    hg_botan_free(b);
    hg_arena_reset(mem, mark);
}

/* The gradient of the loss by differences along a direction near it: nothing of the plain version is used. */
static void the_gradient_is_the_slope(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_botan *b = model(5);
    const said y = say(mem, b, liquid(mem, 6), NULL);
    hg_botan_labels label = { y.node, y.edge, N, y.g.edges };
    hg_botan_room room = { 0 };
    for (size_t i = 0; i < N; i++) y.node[i] += (float)(i % 3);
    for (size_t e = 0; e < y.g.edges; e++) y.edge[e] += (float)(e % 5);
    for (int half = 0; half <= 2; half++) {
        const double p = 0.5 * half;
        double loss, slope = 0, length = 0, side[2];
        float *step = hg_alloc(mem, b->l.count, sizeof *step), *unused = hg_alloc(mem, b->l.count, sizeof *unused);
        memset(b->grad, 0, b->l.count * sizeof *b->grad);
        assert_ok(hg_botan_learn(&loss, b->grad, b, &y.g, NULL, &label, p, 1, &room, NULL, NULL));
        hg_rng r = hg_rng_make(7, (uint64_t)half);
        for (size_t i = 0; i < b->l.count; i++) length += (double)b->grad[i] * (double)b->grad[i];
        length = sqrt(length);
        for (size_t i = 0; i < b->l.count; i++)
            step[i] = (float)((double)b->grad[i] * hg_rng_uniform(&r) * 1e-3 / length);
        for (size_t i = 0; i < b->l.count; i++) slope += 2 * (double)step[i] * (double)b->grad[i];
        for (int k = 0; k < 2; k++) {
            for (size_t i = 0; i < b->l.count; i++) b->w[i] += k ? step[i] : -step[i];
            assert_ok(hg_botan_learn(&side[k], unused, b, &y.g, NULL, &label, p, 1, &room, NULL, NULL));
            for (size_t i = 0; i < b->l.count; i++) b->w[i] -= k ? step[i] : -step[i];
        }
        assert_true(fabs(slope) > 1e-3);
        if (fabs(side[1] - side[0] - slope) > 0.02 * fabs(slope)) fail_msg("%g %g", side[1] - side[0], slope);
    }
    hg_botan_room_free(&room);
    hg_botan_free(b);
    hg_arena_reset(mem, mark);
}

/* Shifting, with particles going through the walls, and other names of particles change nothing. Turning the box by one of the 48 symmetries
 * of a cube is what the trainer does to edges. */
static void places_and_names_do_not_matter(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_botan *b = model(8);
    hg_snapshot *s = liquid(mem, 9), *other = hg_snapshot_new(mem, N), *turned = hg_snapshot_new(mem, N);
    const said y = say(mem, b, s, NULL);
    static const double SHIFT[3] = { 1.3, -7.7, 2.9 };
    for (size_t k = 0; k < 3; k++) other->box[k] = s->box[k];
    for (size_t i = 0; i < N; i++) {
        const size_t at = 7 * i % N; /* 7 and 36 have no divisor in common */
        other->species[at] = s->species[i];
        for (size_t k = 0; k < 3; k++) other->x[3 * at + k] = hg_wrapped(s->x[3 * i + k] + SHIFT[k], s->box[k]);
    }
    const said z = say(mem, b, other, NULL);
    assert_int_equal(z.g.edges, y.g.edges);
    for (size_t i = 0; i < N; i++) assert_close((double)z.node[7 * i % N], (double)y.node[i], 1e-5);
    for (size_t e = 0; e < y.g.edges; e++) {
        const size_t f = hg_botan_edge(&z.g, 7 * y.g.from[e] % N, 7 * y.g.to[e] % N);
        assert_true(f != SIZE_MAX);
        assert_close((double)z.edge[f], (double)y.edge[e], 1e-5);
    }
    turned->species = s->species;
    turned->box[0] = s->box[1], turned->box[1] = s->box[2], turned->box[2] = s->box[0];
    for (size_t i = 0; i < N; i++) {
        turned->x[3 * i] = hg_wrapped(-s->x[3 * i + 1], s->box[1]);
        turned->x[3 * i + 1] = s->x[3 * i + 2];
        turned->x[3 * i + 2] = s->x[3 * i];
    }
    const said v = say(mem, b, turned, NULL);
    hg_botan_graph g = y.g;
    float *node = hg_alloc(mem, N, sizeof *node);
    hg_botan_room room = { 0 };
    g.d = hg_alloc(mem, g.edges, 3 * sizeof *g.d);
    hg_botan_turn(g.d, &y.g, 3 * 8 + 1); /* axes 1, 2, 0; the first with the other sign */
    assert_ok(hg_botan_forward(node, NULL, b, &g, &room, NULL, NULL));
    double differs = 0;
    for (size_t i = 0; i < N; i++) {
        assert_close((double)node[i], (double)v.node[i], 1e-5);
        differs = fmax(differs, fabs((double)node[i] - (double)y.node[i]));
    }
    assert_true(differs > 1e-3); /* BOTAN itself is not blind to orientation */
    hg_botan_room_free(&room);
    hg_botan_free(b);
    hg_arena_reset(mem, mark);
}

static void all_orientations_differ(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    float d[3] = { 1, 2, 3 }, out[48][3];
    const hg_botan_graph g = { .edges = 1, .d = d };
    for (unsigned k = 0; k < 48; k++) {
        hg_botan_turn(out[k], &g, k);
        for (unsigned i = 0; i < k; i++) assert_true(memcmp(out[i], out[k], sizeof out[k]) != 0);
    }
    assert_memory_equal(out[0], d, sizeof d);
    hg_arena_reset(mem, mark);
}

static void threads_do_not_change_a_bit(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_botan *b = model(10);
    hg_snapshot *s = liquid(mem, 11);
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    const said one = say(mem, b, s, NULL), three = say(mem, b, s, pool);
    assert_memory_equal(one.node, three.node, N * sizeof(float));
    assert_memory_equal(one.edge, three.edge, one.g.edges * sizeof(float));
    float *grad[2];
    hg_botan_room room = { 0 };
    for (int k = 0; k < 2; k++) {
        const hg_botan_labels label = { three.edge, one.edge, N, one.g.edges };
        double loss;
        grad[k] = hg_alloc(mem, b->l.count, sizeof(float));
        assert_ok(hg_botan_learn(&loss, grad[k], b, &one.g, NULL, &label, 0.3, 1, &room, k ? pool : NULL, NULL));
    }
    assert_memory_equal(grad[0], grad[1], b->l.count * sizeof(float));
    hg_botan_room_free(&room);
    hg_pool_free(pool);
    hg_botan_free(b);
    hg_arena_reset(mem, mark);
}

/* The authors' weights on one of their snapshots, against what their own program said: botan_edge_model1.json. */
static void the_published_weights_say_what_they_said(void **state) {
    static const float NODE[8] = {
        0.082471f, 0.040834f, 0.125849f, 0.10473f, 0.079202f, 0.135627f, 0.030182f, 0.088553f
    };
    static const struct {
        size_t to;
        float says;
    } EDGE[8] = { { 12, -0.074184f }, { 85, -0.088889f }, { 136, -0.04996f },  { 224, -0.110554f },
                  { 363, 0.043154f }, { 429, 0.097201f }, { 501, -0.055568f }, { 671, 0.133051f } };
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512], weights[512];
    hg_err err;
    if (!test_shared(path, sizeof path, "data/botan-ka-small/s401.bin")) skip();
    if (!test_shared(weights, sizeof weights, "data/botan-ka-small/botan_edge_model1.f32")) skip();
    hg_snapshot *s;
    assert_ok_err(hg_snapshot_read(&s, NULL, path, NULL, mem, &err), err);
    hg_botan *b;
    assert_ok(hg_botan_new(&b, &(hg_params_opts) { .fixed = true }, NULL));
    assert_ok_err(hg_botan_read_flat(b, weights, &err), err);
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 2, NULL));
    const said y = say(mem, b, s, pool);
    hg_pool_free(pool);
    assert_int_equal(y.g.edges, 166240);
    for (size_t i = 0; i < 8; i++) assert_close((double)y.node[i], (double)NODE[i], 1e-5);
    for (size_t k = 0; k < 8; k++)
        assert_close((double)y.edge[hg_botan_edge(&y.g, 0, EDGE[k].to)], (double)EDGE[k].says, 1e-5);
    double mean = 0;
    for (size_t e = 0; e < y.g.edges; e++) mean += (double)y.edge[e] / (double)y.g.edges;
    assert_close(mean, 0.015293, 1e-5);
    assert_close(spread(y.edge, y.g.edges), 0.077527, 1e-5);

    /* through a file of our own */
    char own[512];
    hg_botan *again;
    test_scratch(own, sizeof own, "botan.safetensors");
    b->about.time = 4120;
    assert_ok_err(hg_botan_save(b, own, &err), err);
    assert_ok_err(hg_botan_load(&again, own, NULL, &err), err);
    assert_memory_equal(again->w, b->w, b->l.count * sizeof *b->w);
    assert_close(again->about.time, 4120, 0);
    assert_true(isnan(again->about.coldest));
    unlink(own);
    hg_botan_free(again);
    hg_botan_free(b);
    hg_arena_reset(mem, mark);
}

/* ---- training ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_botan_graph graph[3];
    hg_botan_labels label[3];
    const hg_botan_graph *g[3];
    const hg_botan_labels *y[3];
} lessons;

/* Labels that can be learned: how many neighbours, how long. */
static void teach(lessons *l, hg_arena *mem) {
    for (size_t k = 0; k < 3; k++) {
        hg_snapshot *s = liquid(mem, 20 + k);
        double time = 1;
        s->runs = 2, s->n_times = 1, s->time = &time;
        s->propensity = hg_alloc(mem, N, sizeof(float));
        assert_ok(hg_botan_graph_make(&l->graph[k], s, mem, NULL));
        const hg_botan_graph *g = &l->graph[k];
        s->pair = hg_alloc(mem, g->edges, sizeof *s->pair); /* half of them, two numbers each */
        s->stretch = hg_alloc(mem, g->edges / 2, sizeof *s->stretch);
        for (size_t i = 0; i < N; i++) s->propensity[i] = 0.05f * (float)(g->first[i + 1] - g->first[i]);
        for (size_t e = 0; e < g->edges; e++) {
            const float *d = g->d + 3 * e;
            if (g->from[e] > g->to[e]) continue;
            s->pair[2 * s->n_pairs] = g->from[e], s->pair[2 * s->n_pairs + 1] = g->to[e];
            s->stretch[s->n_pairs++] = sqrtf(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        }
        assert_ok(hg_botan_labels_make(&l->label[k], g, s, 0, mem, NULL));
        assert_int_equal(l->label[k].edges, g->edges);
        assert_int_equal(l->label[k].nodes, N);
        l->g[k] = g, l->y[k] = &l->label[k];
    }
}

static void it_learns_and_goes_on_where_it_stopped(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    lessons l;
    hg_err err;
    teach(&l, mem);
    const hg_botan_data train = { 2, l.g, l.y }, validation = { 1, l.g + 2, l.y + 2 };
    hg_botan_opts o = hg_botan_opts_default();
    hg_train_result result;
    hg_botan *whole, *parts;
    char path[512];
    test_scratch(path, sizeof path, "botan.checkpoint");
    unlink(path);
    const hg_params_opts seed = { .seed = 3 };
    assert_ok(hg_botan_new(&whole, &seed, NULL));
    assert_ok(hg_botan_new(&parts, &seed, NULL));
    o.train.rate = 6e-3;
    o.train.epochs = 15;
    o.p = 0;
    assert_ok_err(hg_botan_fit(whole, &result, &train, &validation, &o, &err), err);
    if (!(result.metric < 0.3)) fail_msg("1 - rho is %g", result.metric);
    o.p = 0.4;
    o.train.epochs = 2;
    hg_botan *const both[2] = { whole, parts };
    memcpy(parts->w, whole->w, whole->l.count * sizeof *whole->w);
    assert_ok_err(hg_botan_fit(whole, &result, &train, &validation, &o, &err), err);
    o.train.checkpoint = path;
    o.train.resume = true;
    o.train.epochs = 1;
    assert_ok_err(hg_botan_fit(parts, &result, &train, &validation, &o, &err), err);
    o.train.epochs = 2;
    assert_ok_err(hg_botan_fit(parts, &result, &train, &validation, &o, &err), err);
    assert_memory_equal(whole->w, parts->w, whole->l.count * sizeof *whole->w);
    unlink(path);
    for (int k = 0; k < 2; k++) hg_botan_free(both[k]);
    hg_arena_reset(mem, mark);
}

/* ---- refusals, faults ---------------------------------------------------------------------------------------------------------- */

static void what_it_cannot_use_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_err err;
    char path[512];
    hg_botan_graph g;
    hg_botan_labels y;
    hg_botan *b = model(1);
    hg_snapshot *s = liquid(mem, 1);
    s->species[7] = 2;
    assert_int_equal(hg_botan_graph_make(&g, s, mem, &err), HG_EDATA);
    assert_contains(err.msg, "particle 8 is of a third species");
    s->species[7] = 0;
    s->box[1] = 3.9;
    assert_int_equal(hg_botan_graph_make(&g, s, mem, &err), HG_EINVAL);
    s->box[1] = 4.5;
    assert_ok(hg_botan_graph_make(&g, s, mem, &err));
    assert_int_equal(hg_botan_labels_make(&y, &g, s, 0, mem, &err), HG_EINVAL);
    assert_contains(err.msg, "time number 1");

    test_scratch(path, sizeof path, "botan.f32");
    FILE *f = fopen(path, "wb");
    float bad[HG_BOTAN_PARAMETERS] = { 0 };
    assert_int_equal(fwrite(bad, 4, 100, f), 100);
    fclose(f);
    assert_int_equal(hg_botan_read_flat(b, path, &err), HG_EDATA);
    assert_contains(err.msg, "400 bytes");
    bad[30] = NAN;
    f = fopen(path, "wb");
    assert_int_equal(fwrite(bad, 4, HG_BOTAN_PARAMETERS, f), HG_BOTAN_PARAMETERS);
    fclose(f);
    const float was = b->w[0];
    assert_int_equal(hg_botan_read_flat(b, path, &err), HG_ENAN);
    assert_contains(err.msg, "number 31");
    assert_true(b->w[0] == was);
    hg_botan *other = NULL;
    assert_int_not_equal(hg_botan_load(&other, path, NULL, &err), HG_OK);
    assert_null(other);
    unlink(path);

    hg_train_result result;
    hg_botan_opts o = hg_botan_opts_default();
    const hg_botan_graph *one = &g;
    const hg_botan_labels blank = { hg_alloc(mem, N, 4), hg_alloc(mem, g.edges, 4), 0, 0 }, *none = &blank;
    const hg_botan_data nothing = { 0 }, unlabelled = { 1, &one, &none };
    assert_int_equal(hg_botan_fit(b, &result, &nothing, NULL, &o, &err), HG_EDATA);
    assert_int_equal(hg_botan_fit(b, &result, &unlabelled, NULL, &o, &err), HG_EDATA);
    assert_contains(err.msg, "no labels of its particles");
    o.p = 1.5;
    assert_int_equal(hg_botan_fit(b, &result, &unlabelled, NULL, &o, &err), HG_EINVAL);

    hg_botan_room room = { 0 };
    float node[N];
    for (size_t i = 0; i < b->l.count; i++) b->w[i] = 1e30f;
    assert_int_equal(hg_botan_forward(node, NULL, b, &g, &room, NULL, &err), HG_ENAN);
    hg_botan_room_free(&room);
    hg_botan_free(b);
    hg_arena_reset(mem, mark);
}

static hg_status all_of_it(hg_arena *mem, const hg_snapshot *s, hg_err *err) {
    hg_botan *b = NULL;
    hg_botan_room room = { 0 };
    hg_botan_graph g = { 0 };
    hg_train_result result;
    hg_botan_opts o = hg_botan_opts_default();
    o.train.epochs = 1;
    float node[N];
    hg_status st = hg_botan_new(&b, NULL, err);
    if (st == HG_OK) st = hg_botan_graph_make(&g, s, mem, err);
    if (st == HG_OK) st = hg_botan_forward(node, NULL, b, &g, &room, NULL, err);
    if (st == HG_OK) {
        hg_botan_labels y = { node, hg_alloc(mem, g.edges, sizeof(float)), N, g.edges };
        const hg_botan_labels *label = &y;
        const hg_botan_graph *graph = &g;
        const hg_botan_data data = { 1, &graph, &label };
        st = y.edge ? hg_botan_fit(b, &result, &data, NULL, &o, err) : HG_ENOMEM;
    }
    hg_botan_room_free(&room);
    hg_botan_free(b);
    return st;
}

static void no_memory_is_told(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_snapshot *s = liquid(mem, 1);
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k++) {
        hg_err err;
        hg_arena *own = hg_arena_new();
        fail_alloc_after(k);
        st = all_of_it(own, s, &err);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        hg_arena_free(own);
        assert_true(k < 1000);
    }
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_has_as_many_parameters_as_published),
        TEST(edges_are_added_up_at_their_ends),
        TEST(the_fast_version_is_the_plain_one),
        TEST(the_gradient_is_the_slope),
        TEST(places_and_names_do_not_matter),
        TEST(all_orientations_differ),
        TEST(threads_do_not_change_a_bit),
        TEST(the_published_weights_say_what_they_said),
        TEST(it_learns_and_goes_on_where_it_stopped),
        TEST(what_it_cannot_use_is_refused),
        TEST(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
