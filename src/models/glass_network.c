/* models/glass_network.c -- see models/glass_network.h: what it sees, and what it computes on a tape */
#include "models/glass_network.h"
#include "matter/neighbours.h"
#include "matter/snapshot.h"
#include <math.h>
#include <stdio.h>

enum { S = HG_NET_SCALARS, V = HG_NET_VECTORS, R = HG_NET_RADIAL, HEAD = 32 };
static const double RANGE = 1.7, LEAST = 0.7; /* of edges */
static const double MOVED = 0.15;             /* typical length of a move */
static const double GATHERED = 0.25;          /* of a sum over some sixteen neighbours */

/* ---- what it sees ------------------------------------------------------------------------------------------------ */

static size_t levels(hg_glass_state state) { return hg_glass_base(state) - HG_GLASS_BASE + HG_GLASS_PHYSICS; }

size_t hg_net_width(hg_glass_state state, bool thermal) {
    return HG_GLASS_SPECIES + 2 * levels(state) + (thermal ? HG_GLASS_PHYSICS : 0);
}

/* Columns of x[n,width] to those of out[n,stride], less their mean over the species and by their standard deviation. */
static void standardised(float *out, size_t stride, const float *x, size_t width, size_t columns,
                         const hg_snapshot *s) {
    for (size_t c = 0; c < columns; c++) {
        double n[HG_GLASS_SPECIES] = { 0 }, sum[HG_GLASS_SPECIES] = { 0 }, squares[HG_GLASS_SPECIES] = { 0 };
        for (size_t i = 0; i < s->n; i++) {
            n[s->species[i]]++;
            sum[s->species[i]] += (double)x[i * width + c];
        }
        for (size_t i = 0; i < s->n; i++) {
            const double d = (double)x[i * width + c] - sum[s->species[i]] / n[s->species[i]];
            squares[s->species[i]] += d * d;
        }
        for (size_t i = 0; i < s->n; i++) {
            const size_t k = s->species[i];
            const double d = (double)x[i * width + c] - sum[k] / n[k], sd = sqrt(squares[k] / n[k]);
            out[i * stride + c] = (float)(sd > 1e-6 ? d / sd : 0);
        }
    }
}

/* Of each particle: itself, and twice averaged over its neighbours. */
static void see_particles(hg_net_scene *out, const hg_snapshot *s, const hg_net_view *v) {
    const size_t width = hg_glass_width(v->state), base = hg_glass_base(v->state), L = levels(v->state);
    const size_t physics = HG_GLASS_BASE - HG_GLASS_PHYSICS, W = out->width;
    const double *step = v->state == HG_GLASS_INHERENT ? s->inherent : v->state == HG_GLASS_CAGE ? s->cage : NULL;
    for (size_t i = 0; i < s->n; i++) {
        out->own[i * W + s->species[i]] = 1;
        for (size_t k = 0; step && k < 3; k++) out->moved[3 * i + k] = (float)(step[3 * i + k] / MOVED);
    }
    float *to = out->own + HG_GLASS_SPECIES;
    standardised(to, W, v->x + physics, width, L, s);
    standardised(to + L, W, v->x + 2 * base + physics, width, L, s);
    if (v->thermal)
        standardised(to + 2 * L, W, v->thermal + physics, hg_glass_width(HG_GLASS_THERMAL), HG_GLASS_PHYSICS, s);
}

static void radial(float *out, double r, double r0) {
    const double spacing = (RANGE - LEAST) / (R - 1);
    const double cut = r < RANGE ? 0.5 * (cos(3.14159265358979323846 * r / RANGE) + 1) : 0;
    for (size_t k = 0; k < R; k++) {
        const double u = (r - LEAST - (double)k * spacing) / spacing, w = (r0 - LEAST - (double)k * spacing) / spacing;
        out[k] = (float)(cut * exp(-0.5 * u * u));
        out[R + k] = (float)(cut * exp(-0.5 * w * w));
    }
}

/* From i to j: in the reference structure, and as they are. */
static void see_pair(float *near, float *const toward[2], size_t at, const double *d, size_t i, size_t j,
                     const hg_snapshot *s) {
    double r = 0, r0 = 0, d0[3];
    for (size_t k = 0; k < 3; k++) {
        d0[k] = hg_nearest_image(s->x[3 * j + k] - s->x[3 * i + k], s->box[k]);
        r += d[k] * d[k];
        r0 += d0[k] * d0[k];
    }
    r = sqrt(r);
    r0 = sqrt(r0);
    radial(near, r, r0);
    for (size_t k = 0; k < 3; k++) {
        toward[0][3 * at + k] = (float)(r > 0 ? d[k] / r : 0);
        toward[1][3 * at + k] = (float)(r0 > 0 ? d0[k] / r0 : 0);
    }
}

static bool room(hg_net_scene *out, hg_arena *mem) {
    const size_t T = out->n_times;
    out->own = hg_alloc(mem, out->n * out->width, sizeof *out->own);
    out->moved = hg_alloc(mem, 3 * out->n, sizeof *out->moved);
    out->near = hg_alloc(mem, out->edges * 2 * R, sizeof *out->near);
    out->kind = hg_alloc(mem, out->bonds, sizeof *out->kind);
    out->bond_near = hg_alloc(mem, out->bonds * (2 * R + HG_NET_PAIRS), sizeof *out->bond_near);
    out->ridge = hg_alloc(mem, out->n * T, sizeof *out->ridge);
    out->bond_ridge = hg_alloc(mem, out->bonds * T, sizeof *out->bond_ridge);
    bool ok = out->own && out->moved && out->near && out->kind && out->bond_near && out->ridge && out->bond_ridge;
    for (size_t k = 0; k < 2; k++) {
        out->toward[k] = hg_alloc(mem, 3 * out->edges, sizeof *out->toward[k]);
        out->bond_toward[k] = hg_alloc(mem, 3 * out->bonds, sizeof *out->bond_toward[k]);
        ok = ok && out->toward[k] && out->bond_toward[k];
    }
    return ok;
}

hg_status hg_net_scene_make(hg_net_scene *out, const hg_snapshot *s, const hg_net_view *v, hg_arena *mem, hg_err *err) {
    hg_neighbours near;
    double *x = hg_alloc(mem, s->n, 3 * sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for %zu particles", s->n);
    HG_TRY(hg_glass_positions(x, s, v->state, err));
    HG_TRY(hg_neighbours_find(&near, x, s->n, s->box, RANGE, mem, err));
    *out = (hg_net_scene) { .n = s->n,
                            .n_times = v->n_times,
                            .width = hg_net_width(v->state, v->thermal != NULL),
                            .edges = near.first[s->n],
                            .bonds = v->bonds };
    uint32_t *end = hg_alloc(mem, out->edges + 2 * out->bonds, sizeof *end);
    if (!end || !room(out, mem)) return hg_fail(err, HG_ENOMEM, "no memory for %zu edges", out->edges);
    see_particles(out, s, v);
    for (size_t i = 0; i < s->n; i++)
        for (size_t e = near.first[i]; e < near.first[i + 1]; e++) {
            end[e] = (uint32_t)i;
            see_pair(out->near + e * 2 * R, out->toward, e, near.d + 3 * e, i, near.other[e], s);
        }
    HG_TRY(hg_index_keep(&out->to, end, out->edges, s->n, mem, err));
    HG_TRY(hg_index_keep(&out->from, near.other, out->edges, s->n, mem, err));
    uint32_t *first = end + out->edges, *second = first + out->bonds;
    for (size_t b = 0; b < out->bonds; b++) {
        const uint32_t i = first[b] = v->bond[2 * b], j = second[b] = v->bond[2 * b + 1];
        double d[3];
        for (size_t k = 0; k < 3; k++) d[k] = hg_nearest_image(x[3 * j + k] - x[3 * i + k], s->box[k]);
        float *to = out->bond_near + b * (2 * R + HG_NET_PAIRS);
        see_pair(to, out->bond_toward, b, d, i, j, s);
        out->kind[b] = (uint8_t)(s->species[i] + s->species[j]);
        to[2 * R + out->kind[b]] = 1;
    }
    HG_TRY(hg_index_keep(&out->first, first, out->bonds, s->n, mem, err));
    return hg_index_keep(&out->second, second, out->bonds, s->n, mem, err);
}

/* ---- what it computes -------------------------------------------------------------------------------------------- */

static void add(hg_params *p, const char *name, size_t layer, size_t in, size_t out, bool bias) {
    hg_params_add(p, HG_SHAPE(out, in), hg_init_linear(in), "%s%zu.weight", name, layer);
    if (bias) hg_params_add(p, HG_SHAPE(out), hg_init_zeros(), "%s%zu.bias", name, layer);
}

/* The last layer of a head: nothing is added at first. */
static void add_last(hg_params *p, const char *name, size_t in, size_t out) {
    hg_params_add(p, HG_SHAPE(out, in), hg_init_zeros(), "%s1.weight", name);
    hg_params_add(p, HG_SHAPE(out), hg_init_zeros(), "%s1.bias", name);
}

hg_status hg_net_params_new(hg_params **out, size_t width, size_t n_times, bool bonds, const hg_params_opts *o,
                            hg_err *err) {
    HG_TRY(hg_params_new(out, o, err));
    hg_params *p = *out;
    add(p, "own", 0, width + n_times, S, true);
    add(p, "own", 1, S, S, true);
    add(p, "moved", 0, 1, V, false);
    for (size_t l = 0; l < HG_NET_LAYERS; l++) {
        hg_params_add(p, HG_SHAPE(S), hg_init_constant(1), "norm%zu.gain", l);
        hg_params_add(p, HG_SHAPE(S), hg_init_zeros(), "norm%zu.bias", l);
        add(p, "send", 2 * l, S, S, true);
        add(p, "send", 2 * l + 1, S, S + 3 * V, true);
        add(p, "filter", l, 2 * R, S + 3 * V, false);
        add(p, "mix", l, V, 2 * V, false);
        add(p, "update", 2 * l, S + 2 * V, S, true);
        add(p, "update", 2 * l + 1, S, S + V, true);
    }
    add(p, "node", 0, S + V, HEAD, true);
    add_last(p, "node", HEAD, n_times);
    if (bonds) {
        add(p, "bond", 0, 2 * S + 2 * V + 2 * R + HG_NET_PAIRS + n_times, HEAD, true);
        add_last(p, "bond", HEAD, n_times);
    }
    const hg_status st = hg_params_seal(p, err);
    if (st == HG_OK) return HG_OK;
    hg_params_free(p);
    *out = NULL;
    return st;
}

typedef struct {
    hg_tape *t;
    const hg_params *p;
} net;

static hg_tensor *named(const net *g, const char *name, size_t layer, const char *what) {
    char full[32];
    snprintf(full, sizeof full, "%s%zu.%s", name, layer, what);
    return hg_param_named(g->t, g->p, full);
}

static hg_tensor *linear(const net *g, hg_tensor *x, const char *name, size_t layer, hg_function act) {
    return hg_linear(g->t, x, named(g, name, layer, "weight"), named(g, name, layer, "bias"), act);
}

static hg_tensor *turned(const net *g, hg_tensor *v, const char *name, size_t layer) { /* vectors know no bias */
    return hg_linear(g->t, v, named(g, name, layer, "weight"), NULL, HG_IDENTITY);
}

static hg_tensor *mlp(const net *g, hg_tensor *x, const char *name, size_t layer) {
    return linear(g, linear(g, x, name, layer, HG_SILU), name, layer + 1, HG_IDENTITY);
}

static hg_tensor *leaf(const net *g, const float *x, size_t n, size_t m) {
    return hg_tensor_of_floats(g->t, HG_SHAPE(n, m), x, false);
}

static hg_tensor *arrows(const net *g, const float *x, size_t n) {
    return hg_tensor_of_floats(g->t, HG_SHAPE(n, 3, 1), x, false);
}

/* Columns of x[n,..] that multiply vectors: [n,1,V]. */
static hg_tensor *factors(const net *g, hg_tensor *x, size_t n, size_t from) {
    return hg_reshape(g->t, hg_slice(g->t, x, 1, from, from + V, 1), HG_SHAPE(n, 1, V));
}

/* What comes along the edges. */
static void message(hg_tensor **s, hg_tensor **v, const net *g, const hg_net_scene *a, hg_tensor *near,
                    hg_tensor *const toward[2], size_t l) {
    hg_tape *t = g->t;
    hg_tensor *h = hg_layer_norm(t, *s, named(g, "norm", l, "gain"), named(g, "norm", l, "bias"), 1e-5);
    h = hg_mul(t, hg_gather(t, mlp(g, h, "send", 2 * l), a->from), turned(g, near, "filter", l));
    hg_tensor *ds = hg_segment_sum(t, hg_slice(t, h, 1, 0, S, 1), a->to);
    hg_tensor *dv = hg_mul(t, factors(g, h, a->edges, S), hg_gather(t, *v, a->from));
    for (size_t k = 0; k < 2; k++) dv = hg_add(t, dv, hg_mul(t, factors(g, h, a->edges, S + (k + 1) * V), toward[k]));
    *s = hg_add(t, *s, hg_affine(t, ds, GATHERED, 0));
    *v = hg_add(t, *v, hg_affine(t, hg_segment_sum(t, dv, a->to), GATHERED, 0));
}

static hg_tensor *lengths(const net *g, hg_tensor *v) { return hg_norm2(g->t, v, 1, 1e-4); }

/* What a particle makes of it. */
static void update(hg_tensor **s, hg_tensor **v, const net *g, const hg_net_scene *a, size_t l) {
    hg_tape *t = g->t;
    hg_tensor *both = turned(g, *v, "mix", l);
    hg_tensor *u = hg_slice(t, both, 2, 0, V, 1), *w = hg_slice(t, both, 2, V, 2 * V, 1);
    hg_tensor *const in[] = { *s, lengths(g, w), hg_sum(t, hg_mul(t, u, w), 1u << 1) };
    hg_tensor *h = mlp(g, hg_concat(t, in, 3, 1), "update", 2 * l);
    *s = hg_add(t, *s, hg_slice(t, h, 1, 0, S, 1));
    *v = hg_add(t, *v, hg_mul(t, factors(g, h, a->n, S), u));
}

static hg_tensor *bond_head(const net *g, const hg_net_scene *a, hg_tensor *s, hg_tensor *v) {
    hg_tape *t = g->t;
    hg_tensor *i = hg_gather(t, s, a->first), *j = hg_gather(t, s, a->second);
    hg_tensor *apart = hg_sub(t, hg_gather(t, v, a->second), hg_gather(t, v, a->first));
    hg_tensor *along[2];
    for (size_t k = 0; k < 2; k++)
        along[k] = hg_sum(t, hg_mul(t, apart, arrows(g, a->bond_toward[k], a->bonds)), 1u << 1);
    hg_tensor *const in[] = { hg_add(t, i, j), /* nothing that changes when the ends do */
                              hg_mul(t, i, j),
                              along[0],
                              along[1],
                              leaf(g, a->bond_near, a->bonds, 2 * R + HG_NET_PAIRS),
                              leaf(g, a->bond_ridge, a->bonds, a->n_times) };
    return mlp(g, hg_concat(t, in, 6, 1), "bond", 0);
}

void hg_net_tape(hg_tensor **node, hg_tensor **bond, hg_tape *t, const hg_params *p, const hg_net_scene *a) {
    const net g = { t, p };
    hg_tensor *const own[] = { leaf(&g, a->own, a->n, a->width), leaf(&g, a->ridge, a->n, a->n_times) };
    hg_tensor *s = mlp(&g, hg_concat(t, own, 2, 1), "own", 0);
    hg_tensor *v = turned(&g, arrows(&g, a->moved, a->n), "moved", 0);
    hg_tensor *near = leaf(&g, a->near, a->edges, 2 * R);
    hg_tensor *const toward[2] = { arrows(&g, a->toward[0], a->edges), arrows(&g, a->toward[1], a->edges) };
    for (size_t l = 0; l < HG_NET_LAYERS; l++) {
        message(&s, &v, &g, a, near, toward, l);
        update(&s, &v, &g, a, l);
    }
    hg_tensor *const last[] = { s, lengths(&g, v) };
    *node = mlp(&g, hg_concat(t, last, 2, 1), "node", 0);
    if (bond) *bond = bond_head(&g, a, s, v);
}
