/* tests/learn/test_mlp.c -- many networks at once: by hand, the tape as an oracle, threads and neighbours, refusals, faults */
#include "learn/mlp.h"
#include "core/memory.h"
#include "learn/learner.h"
#include "learn/mlp_net.h"
#include "tensor/params.h"
#include "test.h"

static float x_of[200 * 12], y_of[200];
static size_t row_of[200];

/* y = sin(2 a) + b c of 200 rows, or its class. */
static hg_mlp_rows make_rows(size_t classes) {
    hg_rng r = hg_rng_make(5, 0);
    for (size_t i = 0; i < 200; i++) {
        float *x = x_of + 12 * i;
        for (size_t j = 0; j < 12; j++) x[j] = (float)((j < 3 ? 1 : 0.3) * hg_rng_normal(&r));
        const double y = sin(2 * (double)x[0]) + (double)x[1] * (double)x[2];
        y_of[i] = classes ? (float)fmin(fmax(floor(y) + (double)(classes / 2), 0), (double)(classes - 1)) : (float)y;
        row_of[i] = i;
    }
    return (hg_mlp_rows) { .n = 200, .x = x_of, .y = y_of, .classes = classes };
}

static hg_mlp_task make_task(size_t hidden, uint64_t seed, float *weights) {
    return (hg_mlp_task) { .shape = { 3, { 12, hidden, 10, 1 } },
                           .seed = seed,
                           .train = row_of,
                           .n_train = 160,
                           .judge = row_of + 160,
                           .n_judge = 40,
                           .weights = weights };
}

static void a_network_by_hand(void **state) {
    (void)state;
    const hg_mlp_shape s = { 2, { 2, 3, 2 } };
    /* relu(a - b + 1), relu(2 b), relu(-a); then h0 + 10 h1, 3 - h2 */
    const float w[] = { 1, -1, 0, 2, -1, 0, 1, 0, 0, 1, 10, 0, 0, 0, -1, 0, 3 };
    assert_int_equal(hg_mlp_size(&s), sizeof w / sizeof *w);
    const float x[] = { 4, 1, -2, -1, 0, 0 };
    float y[6];
    assert_ok(hg_mlp_apply(y, &s, HG_RELU, w, x, 3, NULL));
    const double want[] = { 4 + 20, 3, 0, 1, 1, 3 };
    for (size_t i = 0; i < 6; i++) assert_close((double)y[i], want[i], 1e-7);
}

/* The tape rounds the same operands where no edge is below 8. */
static void the_gradient_is_that_of_the_tape(void **state) {
    (void)state;
    enum { CLASSES = 9, M = 37 };
    const hg_mlp_shape s = { 3, { 12, 21, 16, CLASSES } };
    const hg_mlp_rows rows = make_rows(CLASSES);
    hg_mlp_opts o = hg_mlp_opts_default();
    hg_mlp_net net;
    hg_mlp_room room;
    hg_tape *t;
    hg_tape_opts to = hg_tape_opts_default();
    uint32_t class[M];
    size_t some[M];
    double sum = 0, got[21 * 16], want[21 * 16];
    o.act = HG_TANH;
    for (size_t i = 0; i < M; i++) class[i] = (uint32_t)y_of[some[i] = (7 * i) % 200];
    assert_ok(hg_mlp_net_make(&net, &s, &o, 3, NULL));
    assert_ok(hg_mlp_room_make(&room, &s, 64, *state, NULL));
    to.bf16 = true;
    assert_ok(hg_tape_new(&t, &to, NULL));
    hg_tape_begin(t, 0);
    float batch[M * 12];
    for (size_t i = 0; i < M; i++) memcpy(batch + 12 * i, x_of + 12 * some[i], 12 * sizeof *batch);
    hg_tensor *h = hg_tensor_of_floats(t, HG_SHAPE(M, 12), batch, false);
    for (size_t l = 0; l < 3; l++)
        h = hg_linear(t, h, hg_param(t, net.p, 2 * l), hg_param(t, net.p, 2 * l + 1), l < 2 ? HG_TANH : HG_IDENTITY);
    hg_tensor *loss = hg_cross_entropy(t, h, class, NULL);
    assert_ok(hg_backward(t, loss, NULL));
    const double want_loss = hg_tensor_value(loss);
    float kept[2048];
    assert_true(net.p->size <= 2048);
    memcpy(kept, net.p->gradient, net.p->size * sizeof *kept);
    hg_params_zero_gradients(net.p);
    sum = hg_mlp_net_gradient(&net, &room, &rows, some, M, &o);
    assert_close(sum / M, want_loss, 1e-5);
    for (size_t k = 0; k < 6; k++) {
        hg_params_get_gradient(got, net.p, k);
        double size = 0;
        for (size_t i = 0; i < net.p->e[k].n; i++) {
            want[i] = (double)kept[net.p->e[k].at + i];
            size = fmax(size, fabs(want[i]));
        }
        /* a sum in another order rounds another way before it is rounded to bfloat16: a few in the last place */
        for (size_t i = 0; i < net.p->e[k].n; i++) assert_true(fabs(got[i] - want[i]) < 4e-3 * size);
        assert_true(size > 1e-4);
    }
    hg_tape_free(t);
    hg_mlp_net_free(&net);
    hg_arena_reset(*state, (hg_mark) { 0 });
}

/* Strips that become weights at once, and the plain way: all gradients, then the optimiser. The same bits, step after step. */
static void strips_are_the_whole_step(void **state) {
    static const hg_mlp_shape shapes[] = { { 3, { 12, 900, 16, 1 } }, { 2, { 12, 7, 1 } }, { 1, { 12, 1 } } };
    const hg_mlp_rows rows = make_rows(0);
    hg_mlp_opts o = hg_mlp_opts_default();
    o.decay = 0.1, o.average = 0.9;
    for (size_t k = 0; k < 3; k++) {
        hg_mlp_net net, plain;
        hg_mlp_room room;
        assert_ok(hg_mlp_net_make(&net, &shapes[k], &o, 3, NULL));
        assert_ok(hg_mlp_net_make(&plain, &shapes[k], &o, 3, NULL));
        assert_ok(hg_mlp_room_make(&room, &shapes[k], 32, *state, NULL));
        for (size_t step = 0; step < 4; step++) {
            assert_ok(hg_mlp_net_step(&net, &room, &rows, row_of + 30 * step, 30, &o, 1e-2, NULL));
            hg_mlp_net_gradient(&plain, &room, &rows, row_of + 30 * step, 30, &o);
            assert_ok(hg_optimizer_step(NULL, plain.o, 1e-2, NULL, NULL));
        }
        assert_memory_equal(net.p->values, plain.p->values, hg_params_bytes(net.p));
        hg_optimizer_swap(net.o);
        hg_optimizer_swap(plain.o);
        assert_memory_equal(net.p->values, plain.p->values, hg_params_bytes(net.p));
        hg_mlp_net_free(&net);
        hg_mlp_net_free(&plain);
        hg_arena_reset(*state, (hg_mark) { 0 });
    }
}

/* Huber's slope, and the loss, of one row through a network without hidden units: w = 0, b as drawn. */
static void huber_by_hand(void **state) {
    const hg_mlp_shape s = { 1, { 12, 1 } };
    const hg_mlp_rows rows = make_rows(0);
    hg_mlp_opts o = hg_mlp_opts_default();
    hg_mlp_net net;
    hg_mlp_room room;
    double zero[12] = { 0 }, b = 0.25, g;
    o.corner = 0.5;
    assert_ok(hg_mlp_net_make(&net, &s, &o, 3, NULL));
    assert_ok(hg_mlp_room_make(&room, &s, 8, *state, NULL));
    hg_params_set(net.p, 0, zero);
    hg_params_set(net.p, 1, &b);
    y_of[3] = -1.0f; /* 1.25 off: beyond the corner */
    y_of[4] = 0.5f;  /* 0.25 off */
    const size_t two[] = { 3, 4 };
    const double sum = hg_mlp_net_gradient(&net, &room, &rows, two, 2, &o);
    assert_close(sum, 0.5 * (1.25 - 0.25) + 0.25 * 0.25 / 2, 1e-6);
    hg_params_get_gradient(&g, net.p, 1);
    assert_close(g, (0.5 - 0.25) / 2, 1e-6);
    assert_close(hg_mlp_net_errors(&net, &room, &rows, two, 2, &o), 1.5, 1e-6);
    hg_mlp_net_free(&net);
    hg_arena_reset(*state, (hg_mark) { 0 });
}

static void neighbours_and_threads_change_nothing(void **state) {
    (void)state;
    static float alone[1000], beside[3][4000], threads[3][4000];
    const hg_mlp_rows rows = make_rows(0);
    hg_mlp_opts o = hg_mlp_opts_default();
    hg_pool *pool;
    o.epochs = 60;
    o.rate = 1e-2;
    o.schedule = HG_RATE_ONE_CYCLE;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    hg_mlp_task one = make_task(20, 2, alone);
    hg_mlp_task a[] = { make_task(40, 1, beside[0]), make_task(20, 2, beside[1]), make_task(90, 3, beside[2]) };
    hg_mlp_task b[] = { make_task(40, 1, threads[0]), make_task(20, 2, threads[1]), make_task(90, 3, threads[2]) };
    assert_ok(hg_mlp_train(&one, 1, &rows, &o, NULL, NULL, NULL));
    assert_ok(hg_mlp_train(a, 3, &rows, &o, NULL, NULL, NULL));
    assert_ok(hg_mlp_train(b, 3, &rows, &o, pool, NULL, NULL));
    const size_t size = hg_mlp_size(&one.shape);
    assert_memory_equal(alone, beside[1], size * sizeof *alone);
    assert_memory_equal(beside, threads, sizeof beside);
    assert_true(memcmp(alone, beside[0], size * sizeof *alone) != 0);
    assert_true(one.error == a[1].error && one.error == b[1].error && one.epochs == 60);

    float value[40]; /* the error told is that of the weights given, but for bfloat16 */
    double error = 0, spread = 0;
    assert_ok(hg_mlp_apply(value, &one.shape, o.act, alone, x_of + 12 * 160, 40, NULL));
    for (size_t i = 0; i < 40; i++) {
        error += fabs((double)value[i] - (double)y_of[160 + i]) / 40;
        spread += fabs((double)y_of[160 + i]) / 40;
    }
    assert_close(error, one.error, 0.02);
    assert_true(error < 0.6 * spread);
    hg_pool_free(pool);
}

static void it_stops_early_and_keeps_the_best(void **state) {
    (void)state;
    static float weights[4000];
    const hg_mlp_rows rows = make_rows(0);
    hg_mlp_opts o = hg_mlp_opts_default();
    hg_mlp_task t = make_task(90, 4, weights);
    o.epochs = 400;
    o.patience = 5;
    o.rate = 1e-2;
    t.n_train = 24; /* soon by heart */
    assert_ok(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, NULL));
    assert_true(t.epochs > 6 && t.epochs < 400);
    hg_mlp_task last = make_task(90, 4, weights);
    last.n_train = 24;
    last.n_judge = 0; /* nothing to choose by: all epochs */
    o.epochs = 3;
    assert_ok(hg_mlp_train(&last, 1, &rows, &o, NULL, NULL, NULL));
    assert_int_equal(last.epochs, 3);
}

/* One step: the mean is of the first weights, 2 parts in 11, and the next ones (hagane/optimizer.h). */
static void averages_by_hand(void **state) {
    (void)state;
    static float first[1000], next[1000], mean[1000];
    const hg_mlp_rows rows = make_rows(0);
    hg_mlp_opts o = hg_mlp_opts_default();
    hg_mlp_task t = make_task(20, 2, first);
    double moved = 0;
    o.epochs = 1, o.batch = 200, t.n_judge = 0;
    o.rate = 1e-30;
    assert_ok(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, NULL));
    o.rate = 1e-2, t.weights = next;
    assert_ok(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, NULL));
    o.average = 0.5, t.weights = mean;
    assert_ok(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, NULL));
    for (size_t i = 0; i < hg_mlp_size(&t.shape); i++) {
        moved = fmax(moved, fabs((double)next[i] - (double)first[i]));
        assert_close((double)mean[i], (2 * (double)first[i] + 9 * (double)next[i]) / 11, 1e-6);
    }
    assert_true(moved > 5e-3);
}

/* A fraction that is hundreds of deviations from the others' says no more than one that is dozens away. */
static void inputs_far_out_are_drawn_in(void **state) {
    (void)state;
    const hg_learner *l = hg_learner_find("mlp");
    double option[HG_LEARNER_OPTIONS_MOST], y[200], out[3];
    hg_mlp_rows drawn = make_rows(0);
    void *m;
    for (size_t i = 0; i < 200; i++) y[i] = (double)drawn.y[i];
    const hg_rows rows = { .n = 200, .d = 12, .x = x_of, .y = y };
    hg_learner_defaults(option, l);
    assert_ok(hg_learner_set(option, l, "members=1 width=16 epochs=20", NULL));
    const hg_learning how = { .option = option, .seed = 3 };
    assert_ok(l->fit(&m, &rows, &how, NULL));
    float far[36] = { [0] = 1, [12] = 50, [24] = 5000 };
    assert_ok(l->predict(out, NULL, m, &(hg_rows) { .n = 3, .d = 12, .x = far }, NULL, NULL));
    assert_true(fabs(out[1] - out[2]) < 0.05 * fabs(out[0] - out[1]));
    l->free(m);
}

static bool stop_at_two(void *user, const char *what, size_t done, size_t total) {
    (void)what, (void)total;
    *(size_t *)user = done;
    return done < 2;
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    static float weights[4000];
    hg_mlp_rows rows = make_rows(0);
    hg_err err;
    size_t reached = 0;
    const hg_hooks hooks = { .progress = stop_at_two, .user = &reached };
    hg_mlp_opts o = hg_mlp_opts_default();
    o.epochs = 5;
    hg_mlp_task t = make_task(20, 1, weights);
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, &hooks, &err), HG_ECANCEL);
    assert_int_equal(reached, 2);
    t.shape.width[3] = 2;
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err), HG_EINVAL);
    t.shape.width[3] = 1, t.shape.width[1] = 0;
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err), HG_EINVAL);
    t = make_task(20, 1, weights);
    row_of[190] = 200;
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err), HG_EINVAL);
    row_of[190] = 190;
    o.rate = NAN;
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "rate");
    o.rate = 1e30;
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err), HG_ENAN);
    o.rate = 1e-3, o.average = 1;
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "average");
    o.average = 0, o.beta2 = -1;
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "beta");
    o.beta2 = 0.999;
    rows = make_rows(4);
    t.shape.width[3] = 4;
    assert_ok(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err));
    y_of[7] = 1.5f;
    assert_int_equal(hg_mlp_train(&t, 1, &rows, &o, NULL, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "row 7");
    const hg_learner *l = hg_learner_find("mlp");
    assert_contains(l->suits(&(hg_rows) { .n = 9, .d = 1000000 }), "columns at most");
    assert_contains(l->suits(&(hg_rows) { .n = 9, .d = 0 }), "needs columns");
    assert_null(l->suits(&(hg_rows) { .n = 9, .d = 290 }));
    const hg_mlp_shape deep = { HG_MLP_LAYERS + 1, { 1 } }, none = { 0, { 1 } };
    assert_true(hg_mlp_size(&deep) == SIZE_MAX && hg_mlp_size(&none) == SIZE_MAX);
}

static void memory_may_fail_anywhere(void **state) {
    (void)state;
    static float weights[2][4000];
    const hg_mlp_rows rows = make_rows(0);
    hg_mlp_opts o = hg_mlp_opts_default();
    o.epochs = 1;
    hg_mlp_task t[] = { make_task(20, 1, weights[0]), make_task(30, 2, weights[1]) };
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_mlp_train(t, 2, &rows, &o, NULL, NULL, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_true(k < 1000);
    }
}

/* A file that says it has other layers, or of a strange number of networks. */
static void hostile_weights_are_refused(void **state) {
    const hg_learner *l = hg_learner_find("mlp");
    const double unit[2] = { 0, 1 }, scale[2] = { 0, 1 };
    static const float weights[64];
    static const struct {
        int64_t width[3];
        size_t shape[2];
        bool good;
    } cases[] = {
        { { 2, 8, 1 }, { 1, 33 }, true },          { { 2, 8, 1 }, { 1, 32 }, false },
        { { 2, 8, 1 }, { 0, 33 }, false },         { { 2, -8, 1 }, { 1, 33 }, false },
        { { 3, 8, 1 }, { 1, 41 }, false },         { { 2, 8, 2 }, { 1, 42 }, false },
        { { 2, INT64_MAX, 1 }, { 1, 33 }, false }, { { 2, 0, 1 }, { 1, 1 }, false },
        { { 2, 1 << 30, 1 }, { 1, 33 }, false },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char path[512];
        hg_shelf shelf = hg_shelf_new(*state);
        hg_safetensors *file;
        hg_err err;
        void *m;
        assert_ok(hg_shelf_doubles(&shelf, "mean", scale, 2, NULL));
        assert_ok(hg_shelf_doubles(&shelf, "inverse", scale, 2, NULL));
        assert_ok(hg_shelf_doubles(&shelf, "unit", unit, 2, NULL));
        assert_ok(hg_shelf_put(&shelf, "width", HG_STORED_I64, &(const size_t) { 3 }, 1, cases[k].width, NULL));
        assert_ok(hg_shelf_put(&shelf, "weights", HG_STORED_F32, cases[k].shape, 2, weights, NULL));
        test_scratch(path, sizeof path, "mlp.safetensors");
        assert_ok_err(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, &err), err);
        assert_ok(hg_safetensors_open(&file, path, 0, NULL));
        const hg_shelf_view view = { .file = file, .source = path, .prefix = "" };
        const hg_status st = l->load(&m, &view, 2, 0, &err);
        assert_int_equal(st, cases[k].good ? HG_OK : HG_EDATA);
        l->free(m);
        hg_safetensors_free(file);
        hg_shelf_free(&shelf);
        hg_arena_reset(*state, (hg_mark) { 0 });
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_network_by_hand),
        TEST(the_gradient_is_that_of_the_tape),
        TEST(strips_are_the_whole_step),
        TEST(huber_by_hand),
        TEST(neighbours_and_threads_change_nothing),
        TEST(it_stops_early_and_keeps_the_best),
        TEST(averages_by_hand),
        TEST(inputs_far_out_are_drawn_in),
        TEST(what_cannot_be_is_refused),
        TEST(memory_may_fail_anywhere),
        TEST(hostile_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
