/* models/botan_pass.c -- BOTAN forward, and backward by hand; see models/botan.h
 *
 * Edges are ordered by the node they go to, so that sums into a node are sums over rows that lie together. Pieces of nodes with their edges are
 * the work of the pool. With E the encoded edge and P the weights of the processor's first edge layer by their inputs:
 *   z = P_from x_from + P_to x_to + P_e e + (P_E E + b)
 * has its first two terms from the nodes, and its last one, c, does not change from step to step.
 * Backward: activations of all steps are kept, 14 arrays of 64 floats an edge. Gradients are those of HG_BOTAN_SLOTS pieces, which are added in
 * their order: the same bits for any number of threads. What an edge gives to the node it comes from may be in another piece: each has
 * a sum for all nodes.
 */
#include "core/memory.h"
#include "models/botan.h"
#include <math.h>
#include <string.h>

enum { W = HG_BOTAN_WIDTH, SQUARE = W * W, STEPS = HG_BOTAN_STEPS, SLOTS = HG_BOTAN_SLOTS, TILE = 48, PIECE = 32 };

/* Weights as the inner loops want them on the way forward: [inputs, outputs]. */
typedef struct {
    float node[2][SQUARE], edge[2][SQUARE], from[SQUARE], to[SQUARE], bond[SQUARE], fixed[SQUARE], meet[SQUARE];
    float stay[SQUARE], origin[SQUARE], sum[SQUARE], move[SQUARE], decoder[2][SQUARE];
} turned;

typedef struct {
    const hg_botan_graph *g;
    const float *d, *w;
    const hg_botan_layout *l;
    turned *t;
    /* [edges,64] c; e[s], h[s] after step s and within it; without `keep` all e are one, and h is not kept */
    bool keep;
    float *c, *e[STEPS + 1], *h[STEPS + 1];
    /* [n,64] x[s], sum[s] of edges into it, y[s] within the step; k: the part of x_encoded; a, b: what nodes give to edges */
    float *x[STEPS + 1], *sum[STEPS + 1], *y[STEPS + 1], *k, *a[2], *b[2];
    size_t step;
    float *node_out, *edge_out;
    /* backward */
    const hg_botan_labels *labels;
    double node_weight, edge_weight; /* of one square */
    float *grad[SLOTS], *da[SLOTS];  /* [count], [n,64] */
    float *dx, *dk, *dsum, *db;      /* [n,64] */
    float *de, *dc;                  /* [edges,64] */
    double loss[SLOTS];
} work;

/* ---- memory ---------------------------------------------------------------------------------------------------------- */

void hg_botan_room_free(hg_botan_room *r) {
    hg_free(r->p);
    *r = (hg_botan_room) { 0 };
}

static hg_status room_for(hg_botan_room *r, size_t floats, hg_err *err) {
    r->used = 0;
    if (floats <= r->size) return HG_OK;
    hg_botan_room_free(r);
    r->p = hg_aligned(floats * sizeof(float));
    if (!r->p) return hg_fail(err, HG_ENOMEM, "no memory for %zu bytes of a network", floats * sizeof(float));
    r->size = floats;
    return HG_OK;
}

static float *take(hg_botan_room *r, size_t rows) { /* NULL while only counting */
    float *p = r->p ? r->p + r->used : NULL;
    r->used += rows * W;
    return p;
}

static size_t rows_of(size_t floats) { return (floats + W - 1) / W; }

/* Hands out all arrays; called twice, first with an empty room to count. */
static void lay_out(work *w, hg_botan_room *r, bool keep, bool learn) {
    const size_t n = w->g->n, m = w->g->edges;
    w->keep = keep;
    w->t = (turned *)take(r, rows_of(sizeof(turned) / sizeof(float)));
    w->c = take(r, m);
    w->k = take(r, n);
    for (int i = 0; i < 2; i++) w->a[i] = take(r, n), w->b[i] = take(r, n);
    for (size_t s = 0; s <= STEPS; s++) {
        w->e[s] = s == 0 || keep ? take(r, m) : w->e[0];
        w->x[s] = s == 0 || keep ? take(r, n) : w->x[0];
        w->h[s] = s > 0 && keep ? take(r, m) : NULL;
        w->sum[s] = s > 0 && keep ? take(r, n) : NULL;
        w->y[s] = s > 0 && keep ? take(r, n) : NULL;
    }
    if (!learn) return;
    for (size_t s = 0; s < SLOTS; s++) w->grad[s] = take(r, rows_of(w->l->count)), w->da[s] = take(r, n);
    w->dx = take(r, n), w->dk = take(r, n), w->dsum = take(r, n), w->db = take(r, n);
    w->de = take(r, m), w->dc = take(r, m);
}

static hg_status make_room(work *w, hg_botan_room *room, bool keep, bool learn, hg_err *err) {
    hg_botan_room count = { 0 };
    lay_out(w, &count, keep, learn);
    HG_TRY(room_for(room, count.used, err));
    lay_out(w, room, keep, learn);
    return HG_OK;
}

/* to[inputs,outputs] of 64 columns of a weight that has `step`, from column `at`. */
static void turn(float *to, const float *w, size_t step, size_t at, size_t inputs) {
    for (size_t i = 0; i < inputs; i++)
        for (size_t o = 0; o < W; o++) to[i * W + o] = w[o * step + at + i];
}

static void turn_all(work *w) {
    const hg_botan_layout *l = w->l;
    turned *t = w->t;
    const float *v = w->w;
    turn(t->node[0], v + l->node_w[0], 1, 0, 1);
    turn(t->node[1], v + l->node_w[1], W, 0, W);
    turn(t->edge[0], v + l->edge_w[0], 3, 0, 3);
    turn(t->edge[1], v + l->edge_w[1], W, 0, W);
    float *const meet[4] = { t->from, t->to, t->bond, t->fixed }, *const move[3] = { t->stay, t->origin, t->sum };
    for (size_t i = 0; i < 4; i++) turn(meet[i], v + l->meet_w[0], 4 * W, i * W, W);
    for (size_t i = 0; i < 3; i++) turn(move[i], v + l->move_w[0], 3 * W, i * W, W);
    turn(t->meet, v + l->meet_w[1], W, 0, W);
    turn(t->move, v + l->move_w[1], W, 0, W);
    for (size_t i = 0; i < 2; i++) turn(t->decoder[i], v + l->decoder_w[i], W, 0, W);
}

/* ---- forward ------------------------------------------------------------------------------------------------------------- */

static const float NOTHING[W] = { 0 };

static void relu(float *y, const float *bias, const float *x, const float *w, size_t rows) {
    hg_botan_apply(&(hg_botan_layer) { y, bias, 0, x, w, W, rows, HG_BOTAN_RELU, NULL });
}

static void linear(float *y, const float *bias, const float *x, const float *w, size_t rows) {
    hg_botan_apply(&(hg_botan_layer) { y, bias, 0, x, w, W, rows, HG_BOTAN_PLAIN, NULL });
}

static void add_linear(float *y, const float *x, const float *w, size_t rows, hg_botan_end end) {
    hg_botan_apply(&(hg_botan_layer) { y, y, W, x, w, W, rows, end, NULL });
}

static size_t tile(size_t at, size_t end) { return end - at < TILE ? end - at : TILE; }

/* What rows of nodes give to the edges of the next step. */
static void give(const work *w, size_t next, size_t at, size_t rows) {
    const float *x = w->x[next - 1] + at * W;
    linear(w->a[next & 1] + at * W, NOTHING, x, w->t->from, rows);
    linear(w->b[next & 1] + at * W, NOTHING, x, w->t->to, rows);
}

static void encode_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const work *w = ctx;
    const hg_botan_layout *l = w->l;
    const hg_botan_graph *g = w->g;
    float h[TILE * W], kind[TILE];
    (void)worker;
    for (size_t i = begin, rows; i < end; i += rows) {
        rows = tile(i, end);
        for (size_t t = 0; t < rows; t++) kind[t] = (float)g->species[i + t];
        hg_botan_narrow(h, kind, 1, w->t->node[0], w->w + l->node_b[0], rows);
        relu(w->x[0] + i * W, w->w + l->node_b[1], h, w->t->node[1], rows);
        linear(w->k + i * W, w->w + l->move_b[0], w->x[0] + i * W, w->t->origin, rows);
        give(w, 1, i, rows);
    }
    for (size_t e = g->first[begin], rows; e < g->first[end]; e += rows) {
        rows = tile(e, g->first[end]);
        hg_botan_narrow(h, w->d + 3 * e, 3, w->t->edge[0], w->w + l->edge_b[0], rows);
        relu(w->e[0] + e * W, w->w + l->edge_b[1], h, w->t->edge[1], rows);
        linear(w->c + e * W, w->w + l->meet_b[0], w->e[0] + e * W, w->t->fixed, rows);
    }
}

/* Edges into a few nodes, and then these nodes themselves. */
static void step_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const work *w = ctx;
    const hg_botan_layout *l = w->l;
    const hg_botan_graph *g = w->g;
    const size_t s = w->step;
    const float *a = w->a[s & 1], *b = w->b[s & 1];
    float h_here[TILE * W], sum_here[PIECE * W], y_here[PIECE * W];
    float *sum = w->keep ? w->sum[s] + begin * W : sum_here, *y = w->keep ? w->y[s] + begin * W : y_here;
    (void)worker;
    memset(sum, 0, (end - begin) * W * sizeof *sum);
    for (size_t e = g->first[begin], rows; e < g->first[end]; e += rows) {
        rows = tile(e, g->first[end]);
        float *h = w->keep ? w->h[s] + e * W : h_here;
        hg_botan_meet(h, w->c + e * W, a, g->from + e, b, g->to + e, rows);
        add_linear(h, w->e[s - 1] + e * W, w->t->bond, rows, HG_BOTAN_RELU);
        relu(w->e[s] + e * W, w->w + l->meet_b[1], h, w->t->meet, rows);
        hg_botan_scatter(sum, begin, g->to + e, w->e[s] + e * W, rows);
    }
    const size_t rows = end - begin;
    memcpy(y, w->k + begin * W, rows * W * sizeof *y);
    add_linear(y, w->x[s - 1] + begin * W, w->t->stay, rows, HG_BOTAN_PLAIN);
    add_linear(y, sum, w->t->sum, rows, HG_BOTAN_RELU);
    relu(w->x[s] + begin * W, w->w + l->move_b[1], y, w->t->move, rows);
    if (s < STEPS) give(w, s + 1, begin, rows);
}

static void decode(const work *w, float *out, const float *x, size_t rows) {
    const hg_botan_layout *l = w->l;
    float u[2][TILE * W];
    for (size_t at = 0, n; at < rows; at += n) {
        n = tile(at, rows);
        relu(u[0], w->w + l->decoder_b[0], x + at * W, w->t->decoder[0], n);
        relu(u[1], w->w + l->decoder_b[1], u[0], w->t->decoder[1], n);
        hg_botan_to_one(out + at, u[1], w->w + l->decoder_w[2], w->w[l->decoder_b[2]], n);
    }
}

static void decode_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const work *w = ctx;
    const uint32_t *first = w->g->first;
    (void)worker;
    if (w->node_out) decode(w, w->node_out + begin, w->x[STEPS] + begin * W, end - begin);
    if (w->edge_out)
        decode(w, w->edge_out + first[begin], w->e[STEPS] + (size_t)first[begin] * W, first[end] - first[begin]);
}

static void process(work *w, hg_pool *pool) {
    turn_all(w);
    hg_pool_for(pool, w->g->n, PIECE, encode_task, w);
    for (w->step = 1; w->step <= STEPS; w->step++) hg_pool_for(pool, w->g->n, PIECE, step_task, w);
}

static bool all_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

hg_status hg_botan_forward(float *node, float *edge, const hg_botan *b, const hg_botan_graph *g, hg_botan_room *room,
                           hg_pool *pool, hg_err *err) {
    work w = { .g = g, .d = g->d, .w = b->w, .l = &b->l, .node_out = node, .edge_out = edge };
    HG_TRY(make_room(&w, room, false, false, err));
    process(&w, pool);
    hg_pool_for(pool, g->n, PIECE, decode_task, &w);
    if ((node && !all_finite(node, g->n)) || (edge && !all_finite(edge, g->edges)))
        return hg_fail(err, HG_ENAN, "the weights of BOTAN give no number for this snapshot");
    return HG_OK;
}

/* ---- backward ---------------------------------------------------------------------------------------------------------------- */

/* y = (x w) where mask > 0: the way back through a layer whose weight w[outputs, inputs] has rows `step` long. */
static void back(float *y, const float *x, const float *w, size_t step, const float *mask, size_t rows) {
    hg_botan_apply(&(hg_botan_layer) { y, NOTHING, 0, x, w, step, rows, mask ? HG_BOTAN_MASK : HG_BOTAN_PLAIN, mask });
}

static void add_back(float *y, const float *x, const float *w, size_t step, size_t rows) {
    hg_botan_apply(&(hg_botan_layer) { y, y, W, x, w, step, rows, HG_BOTAN_PLAIN, NULL });
}

/* Gradient of a square layer: dz of its result, x what it read. */
static void learn_layer(float *grad, size_t weight, size_t bias, const float *dz, const float *x, size_t rows) {
    hg_botan_outer(grad + weight, W, dz, x, rows);
    hg_botan_columns(grad + bias, dz, rows);
}

/* dx of rows of the last x or e; returns the sum of squares times weight. */
static double learn_decoder(const work *w, float *grad, float *dx, const float *x, const float *label, double weight,
                            size_t rows) {
    const hg_botan_layout *l = w->l;
    float u[2][TILE * W], du[TILE * W], out[TILE];
    double loss = 0;
    relu(u[0], w->w + l->decoder_b[0], x, w->t->decoder[0], rows);
    relu(u[1], w->w + l->decoder_b[1], u[0], w->t->decoder[1], rows);
    hg_botan_to_one(out, u[1], w->w + l->decoder_w[2], w->w[l->decoder_b[2]], rows);
    for (size_t t = 0; t < rows; t++) {
        const double off = isnan(label[t]) ? 0 : (double)out[t] - (double)label[t];
        loss += weight * off * off;
        out[t] = (float)(2 * weight * off);
        grad[l->decoder_b[2]] += out[t];
    }
    hg_botan_from_one(du, grad + l->decoder_w[2], out, u[1], w->w + l->decoder_w[2], rows);
    learn_layer(grad, l->decoder_w[1], l->decoder_b[1], du, u[0], rows);
    back(u[1], du, w->w + l->decoder_w[1], W, u[0], rows);
    learn_layer(grad, l->decoder_w[0], l->decoder_b[0], u[1], x, rows);
    back(dx, u[1], w->w + l->decoder_w[0], W, NULL, rows);
    return loss;
}

static void slot_nodes(const work *w, size_t slot, size_t *begin, size_t *end) {
    *begin = slot * w->g->n / SLOTS;
    *end = (slot + 1) * w->g->n / SLOTS;
}

static void decoder_task(void *ctx, size_t from, size_t to, size_t worker) {
    work *w = ctx;
    (void)worker;
    for (size_t slot = from; slot < to; slot++) {
        size_t i, end;
        slot_nodes(w, slot, &i, &end);
        const size_t first = w->g->first[i], last = w->g->first[end];
        float *grad = w->grad[slot];
        double loss = 0;
        memset(grad, 0, w->l->count * sizeof *grad);
        memset(w->dk + i * W, 0, (end - i) * W * sizeof *grad);
        memset(w->dc + first * W, 0, (last - first) * W * sizeof *grad);
        memset(w->dx + i * W, 0, (end - i) * W * sizeof *grad);
        memset(w->de + first * W, 0, (last - first) * W * sizeof *grad);
        for (size_t rows; w->node_weight > 0 && i < end; i += rows) {
            rows = tile(i, end);
            loss +=
                learn_decoder(w, grad, w->dx + i * W, w->x[STEPS] + i * W, w->labels->node + i, w->node_weight, rows);
        }
        for (size_t e = first, rows; w->edge_weight > 0 && e < last; e += rows) {
            rows = tile(e, last);
            loss +=
                learn_decoder(w, grad, w->de + e * W, w->e[STEPS] + e * W, w->labels->edge + e, w->edge_weight, rows);
        }
        w->loss[slot] = loss;
    }
}

/* dx of x[s] becomes dx of x[s-1] as far as it comes by the nodes, and dsum. */
static void nodes_back(const work *w, float *grad, size_t begin, size_t end) {
    const hg_botan_layout *l = w->l;
    const size_t s = w->step;
    float dz[2][TILE * W];
    for (size_t i = begin, rows; i < end; i += rows) {
        rows = tile(i, end);
        const size_t at = i * W;
        hg_botan_mask(dz[1], w->dx + at, w->x[s] + at, rows * W);
        learn_layer(grad, l->move_w[1], l->move_b[1], dz[1], w->y[s] + at, rows);
        back(dz[0], dz[1], w->w + l->move_w[1], W, w->y[s] + at, rows);
        hg_botan_add(w->dk + at, dz[0], rows * W);
        hg_botan_outer(grad + l->move_w[0], 3 * W, dz[0], w->x[s - 1] + at, rows);
        hg_botan_outer(grad + l->move_w[0] + 2 * W, 3 * W, dz[0], w->sum[s] + at, rows);
        back(w->dx + at, dz[0], w->w + l->move_w[0], 3 * W, NULL, rows);
        back(w->dsum + at, dz[0], w->w + l->move_w[0] + 2 * W, 3 * W, NULL, rows);
    }
}

/* de of e[s] becomes de of e[s-1]; what the nodes at both ends get. */
static void edges_back(const work *w, float *grad, float *da, size_t first, size_t last) {
    const hg_botan_layout *l = w->l;
    const hg_botan_graph *g = w->g;
    const size_t s = w->step;
    float dz[2][TILE * W];
    for (size_t e = first, rows; e < last; e += rows) {
        rows = tile(e, last);
        const size_t at = e * W;
        hg_botan_arrive(dz[1], w->de + at, w->dsum, g->to + e, w->e[s] + at, rows);
        learn_layer(grad, l->meet_w[1], l->meet_b[1], dz[1], w->h[s] + at, rows);
        back(dz[0], dz[1], w->w + l->meet_w[1], W, w->h[s] + at, rows);
        hg_botan_outer(grad + l->meet_w[0] + 2 * W, 4 * W, dz[0], w->e[s - 1] + at, rows);
        hg_botan_add(w->dc + at, dz[0], rows * W);
        hg_botan_scatter(w->db, 0, g->to + e, dz[0], rows);
        hg_botan_scatter(da, 0, g->from + e, dz[0], rows);
        back(w->de + at, dz[0], w->w + l->meet_w[0] + 2 * W, 4 * W, NULL, rows);
    }
}

static void step_back_task(void *ctx, size_t from, size_t to, size_t worker) {
    const work *w = ctx;
    (void)worker;
    for (size_t slot = from; slot < to; slot++) {
        size_t begin, end;
        slot_nodes(w, slot, &begin, &end);
        memset(w->db + begin * W, 0, (end - begin) * W * sizeof(float));
        memset(w->da[slot], 0, w->g->n * W * sizeof(float));
        nodes_back(w, w->grad[slot], begin, end);
        edges_back(w, w->grad[slot], w->da[slot], w->g->first[begin], w->g->first[end]);
    }
}

/* What edges gave to nodes: to dx of x[s-1], and to the weights. */
static void give_back_task(void *ctx, size_t from, size_t to, size_t worker) {
    const work *w = ctx;
    const float *v = w->w + w->l->meet_w[0];
    (void)worker;
    for (size_t slot = from; slot < to; slot++) {
        size_t i, end;
        slot_nodes(w, slot, &i, &end);
        float *grad = w->grad[slot] + w->l->meet_w[0], da[TILE * W];
        for (size_t rows; i < end; i += rows) {
            rows = tile(i, end);
            const float *x = w->x[w->step - 1] + i * W, *db = w->db + i * W;
            memcpy(da, w->da[0] + i * W, rows * W * sizeof *da);
            for (size_t k = 1; k < SLOTS; k++) hg_botan_add(da, w->da[k] + i * W, rows * W);
            hg_botan_outer(grad, 4 * W, da, x, rows);
            hg_botan_outer(grad + W, 4 * W, db, x, rows);
            add_back(w->dx + i * W, da, v, 4 * W, rows);
            add_back(w->dx + i * W, db, v + W, 4 * W, rows);
        }
    }
}

/* Through both layers of an encoder: dx of its result x, whose input is `from`. */
static void learn_encoder(const work *w, float *grad, const float *dx, const float *x, const float *from, size_t inputs,
                          const float *narrow, const size_t weight[2], const size_t bias[2], size_t rows) {
    float h[TILE * W], dz[2][TILE * W];
    hg_botan_narrow(h, from, inputs, narrow, w->w + bias[0], rows);
    hg_botan_mask(dz[1], dx, x, rows * W);
    learn_layer(grad, weight[1], bias[1], dz[1], h, rows);
    back(dz[0], dz[1], w->w + weight[1], W, h, rows);
    hg_botan_narrow_outer(grad + weight[0], dz[0], from, inputs, rows);
    hg_botan_columns(grad + bias[0], dz[0], rows);
}

static void encoder_back_task(void *ctx, size_t from, size_t to, size_t worker) {
    const work *w = ctx;
    const hg_botan_layout *l = w->l;
    (void)worker;
    for (size_t slot = from; slot < to; slot++) {
        size_t i, end;
        slot_nodes(w, slot, &i, &end);
        const size_t first = w->g->first[i], last = w->g->first[end];
        float *grad = w->grad[slot], kind[TILE];
        for (size_t rows; i < end; i += rows) {
            rows = tile(i, end);
            float *dx = w->dx + i * W;
            const float *x = w->x[0] + i * W, *dk = w->dk + i * W;
            for (size_t t = 0; t < rows; t++) kind[t] = (float)w->g->species[i + t];
            hg_botan_outer(grad + l->move_w[0] + W, 3 * W, dk, x, rows);
            hg_botan_columns(grad + l->move_b[0], dk, rows);
            add_back(dx, dk, w->w + l->move_w[0] + W, 3 * W, rows);
            learn_encoder(w, grad, dx, x, kind, 1, w->t->node[0], l->node_w, l->node_b, rows);
        }
        for (size_t e = first, rows; e < last; e += rows) {
            rows = tile(e, last);
            float *de = w->de + e * W;
            const float *x = w->e[0] + e * W, *dc = w->dc + e * W;
            hg_botan_outer(grad + l->meet_w[0] + 3 * W, 4 * W, dc, x, rows);
            hg_botan_columns(grad + l->meet_b[0], dc, rows);
            add_back(de, dc, w->w + l->meet_w[0] + 3 * W, 4 * W, rows);
            learn_encoder(w, grad, de, x, w->d + 3 * e, 3, w->t->edge[0], l->edge_w, l->edge_b, rows);
        }
    }
}

hg_status hg_botan_learn(double *loss, float *grad, const hg_botan *b, const hg_botan_graph *g, const float *d,
                         const hg_botan_labels *y, double p, double scale, hg_botan_room *room, hg_pool *pool,
                         hg_err *err) {
    work w = { .g = g, .d = d ? d : g->d, .w = b->w, .l = &b->l, .labels = y };
    if (y->nodes) w.node_weight = p / (double)y->nodes;
    if (y->edges) w.edge_weight = (1 - p) / (double)y->edges;
    HG_TRY(make_room(&w, room, true, true, err));
    process(&w, pool);
    hg_pool_for(pool, SLOTS, 1, decoder_task, &w);
    for (w.step = STEPS; w.step > 0; w.step--) {
        hg_pool_for(pool, SLOTS, 1, step_back_task, &w);
        hg_pool_for(pool, SLOTS, 1, give_back_task, &w);
    }
    hg_pool_for(pool, SLOTS, 1, encoder_back_task, &w);
    *loss = 0;
    for (size_t s = 0; s < SLOTS; s++) {
        *loss += w.loss[s];
        for (size_t i = 0; i < b->l.count; i++) grad[i] += (float)scale * w.grad[s][i];
    }
    if (!isfinite(*loss)) return hg_fail(err, HG_ENAN, "the loss of BOTAN is not a finite number");
    return HG_OK;
}
