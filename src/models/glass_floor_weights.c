/* models/glass_floor_weights.c -- the floor model in a file: safetensors whose sizes follow from the state and the times; version 2 has networks */
#include "core/memory.h"
#include "files/safetensors.h"
#include "models/glass_floor_network.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char KIND[] = "glass-floor 1", WITH_NETWORKS[] = "glass-floor 2";
#define RANGE "level.%c.range"
static const char *const STATE[HG_GLASS_STATES] = { "thermal", "inherent", "cage" };
static const char *const PAIR[HG_FLOOR_PAIRS] = { "AA", "AB", "BB" };

enum { PARTS = 3 + 4 * HG_GLASS_SPECIES + 2 * HG_FLOOR_PAIRS, NAME = 32 };

typedef struct {
    char name[NAME];
    void *data;
    size_t shape[2], rank;
    bool single; /* floats of 32 bits, else of 64 */
} part;

/* The one list of what a file holds. */
static size_t parts_of(part p[PARTS], hg_floor *m) {
    size_t n = 0;
    const size_t T = m->n_times;
    p[n++] = (part) { "time", m->time, { T }, 1, false };
    p[n++] = (part) { "temperature", m->temperature, { 2 }, 1, false };
    p[n++] = (part) { "level.mean", m->level_mean, { m->levels }, 1, false };
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++) {
        p[n] = (part) { "", m->node[k], { T, hg_floor_width(m) }, 2, true };
        snprintf(p[n++].name, NAME, "node.%c.weight", "AB"[k]);
        p[n] = (part) { "", m->level[k], { T, m->levels }, 2, false };
        snprintf(p[n++].name, NAME, "level.%c.weight", "AB"[k]);
        p[n] = (part) { "", m->level_zero[k], { T }, 1, false };
        snprintf(p[n++].name, NAME, "level.%c.zero", "AB"[k]);
        p[n] = (part) { "", m->range[k], { T, 2 }, 2, false };
        snprintf(p[n++].name, NAME, RANGE, "AB"[k]);
    }
    for (size_t k = 0; m->bonds && k < HG_FLOOR_PAIRS; k++) {
        p[n] = (part) { "", m->bond[k], { T, hg_floor_bond_width(m->state) }, 2, true };
        snprintf(p[n++].name, NAME, "bond.%s.weight", PAIR[k]);
        p[n] = (part) { "", m->bond_zero[k], { T }, 1, false };
        snprintf(p[n++].name, NAME, "bond.%s.zero", PAIR[k]);
    }
    return n;
}

/* ---- networks: "network.0.own0.weight", "network.scale", "network.share" ------------------------------------------- */

static void network_name(char name[64], size_t k, const hg_params *p, size_t i) {
    snprintf(name, 64, "network.%zu.%s", k, hg_params_name(p, i));
}

static size_t network_parts(const hg_floor *m) {
    return m->nets ? 2 + m->nets->members * hg_params_count(m->nets->params[0]) : 0;
}

static hg_status networks_of(hg_stored *to, const hg_floor *m, hg_arena *mem, hg_err *err) {
    const hg_floor_nets *e = m->nets;
    size_t *class = hg_alloc(mem, 2, sizeof *class);
    if (!class) return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", e->members);
    class[0] = HG_NET_CLASSES;
    class[1] = m->n_times;
    *to++ = (hg_stored) { "network.scale", HG_STORED_F64, 2, class, class[0] * class[1], e -> scale };
    *to++ = (hg_stored) { "network.share", HG_STORED_F64, 2, class, class[0] * class[1], e -> share };
    for (size_t k = 0; k < e->members; k++)
        for (size_t i = 0; i < hg_params_count(e->params[k]); i++) {
            const hg_shape shape = hg_params_shape(e->params[k], i);
            const size_t n = hg_shape_size(shape);
            char *name = hg_alloc(mem, 64, 1);
            size_t *sides = hg_alloc(mem, shape.rank, sizeof *sides);
            double *x = hg_alloc(mem, n, sizeof *x);
            float *y = hg_alloc(mem, n, sizeof *y);
            if (!name || !sides || !x || !y) return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", e->members);
            network_name(name, k, e->params[k], i);
            memcpy(sides, shape.n, shape.rank * sizeof *sides);
            hg_params_get(x, e->params[k], i);
            for (size_t j = 0; j < n; j++) y[j] = (float)x[j];
            *to++ = (hg_stored) { name, HG_STORED_F32, shape.rank, sides, n, y };
        }
    return HG_OK;
}

static hg_status take_network(hg_params *p, size_t k, const hg_safetensors *file, const char *path, hg_arena *mem,
                              hg_err *err) {
    for (size_t i = 0; i < hg_params_count(p); i++) {
        const hg_shape shape = hg_params_shape(p, i);
        const hg_stored *t;
        char name[64];
        network_name(name, k, p, i);
        HG_TRY(hg_safetensors_need(&t, file, name, shape.n, shape.rank, err));
        float *x = hg_alloc(mem, t->count, sizeof *x);
        double *y = hg_alloc(mem, t->count, sizeof *y);
        if (!x || !y) return hg_fail(err, HG_ENOMEM, "no memory for %s of %s", name, path);
        HG_TRY(hg_stored_floats(x, t, err));
        for (size_t j = 0; j < t->count; j++) {
            if (!isfinite(x[j])) return hg_fail(err, HG_ENAN, "%s: %s holds what is not a finite number", path, name);
            y[j] = (double)x[j];
        }
        hg_params_set(p, i, y);
    }
    return HG_OK;
}

/* As many networks as are there, one behind another. */
static hg_status take_networks(hg_floor *m, const hg_safetensors *file, const char *path, hg_arena *mem, hg_err *err) {
    const size_t sides[2] = { HG_NET_CLASSES, m->n_times };
    size_t members = 0;
    char name[64];
    const hg_stored *scale, *share;
    for (;; members++) {
        snprintf(name, sizeof name, "network.%zu.own0.weight", members);
        if (members > HG_FLOOR_NETS_MOST || !hg_safetensors_find(file, name)) break;
    }
    if (members == 0 || members > HG_FLOOR_NETS_MOST)
        return hg_fail(err, HG_EDATA, "%s: it has %s networks", path, members ? "too many" : "no");
    HG_TRY(hg_safetensors_need(&scale, file, "network.scale", sides, 2, err));
    HG_TRY(hg_safetensors_need(&share, file, "network.share", sides, 2, err));
    if (scale->type != HG_STORED_F64 || share->type != HG_STORED_F64)
        return hg_fail(err, HG_EDATA, "%s: scales and shares of networks have numbers of another type", path);
    HG_TRY(hg_floor_nets_new(&m->nets, m, members, &(hg_params_opts) { .fixed = true }, err));
    memcpy(m->nets->scale, scale->data, scale->count * sizeof(double));
    memcpy(m->nets->share, share->data, share->count * sizeof(double));
    for (size_t i = 0; i < scale->count; i++)
        if (!(m->nets->scale[i] > 0 && isfinite(m->nets->scale[i])) ||
            !(m->nets->share[i] >= 0 && m->nets->share[i] <= 1))
            return hg_fail(err, HG_EDATA, "%s: a scale of its networks is not above 0, or a share not from 0 to 1",
                           path);
    for (size_t k = 0; k < members; k++) HG_TRY(take_network(m->nets->params[k], k, file, path, mem, err));
    return HG_OK;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static hg_status save(const char *path, const hg_floor *m, hg_arena *mem, hg_err *err) {
    part p[PARTS];
    hg_floor copy = *m; /* the list points into it; nothing is written there */
    double known[2] = { m->temperature[0], m->temperature[1] };
    for (size_t k = 0; k < 2; k++)
        if (!isfinite(known[k])) known[k] = 0; /* of files: not known */
    const size_t n = parts_of(p, &copy), nets = network_parts(m);
    hg_stored *t = hg_alloc(mem, n + nets, sizeof *t);
    if (!t) return hg_fail(err, HG_ENOMEM, "no memory to write %s", path);
    for (size_t i = 0; i < n; i++)
        t[i] = (hg_stored) { .name = p[i].name,
                             .type = p[i].single ? HG_STORED_F32 : HG_STORED_F64,
                             .rank = p[i].rank,
                             .shape = p[i].shape,
                             .count = p[i].shape[0] * (p[i].rank == 2 ? p[i].shape[1] : 1),
                             .data = p[i].data == copy.temperature ? known : p[i].data };
    if (nets) HG_TRY(networks_of(t + n, m, mem, err));
    const hg_stored_note notes[] = { { "kind", nets ? WITH_NETWORKS : KIND },
                                     { "state", STATE[m->state] },
                                     { "also", STATE[HG_GLASS_THERMAL] } };
    return hg_safetensors_write(path, t, n + nets, notes, m->thermal ? 3 : 2, err);
}

hg_status hg_floor_save(const char *path, const hg_floor *m, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const hg_status st = save(path, m, mem, err);
    hg_arena_free(mem);
    return st;
}

static hg_status take(const part *p, const hg_safetensors *file, const char *path, hg_err *err) {
    const hg_stored *t;
    HG_TRY(hg_safetensors_need(&t, file, p->name, p->shape, p->rank, err));
    if (t->type != (p->single ? HG_STORED_F32 : HG_STORED_F64))
        return hg_fail(err, HG_EDATA, "%s: %s has numbers of another type", path, p->name);
    memcpy(p->data, t->data, t->count * (p->single ? sizeof(float) : sizeof(double)));
    for (size_t i = 0; i < t->count; i++)
        if (!isfinite(p->single ? (double)((const float *)p->data)[i] : ((const double *)p->data)[i]))
            return hg_fail(err, HG_ENAN, "%s: %s holds what is not a finite number", path, p->name);
    return HG_OK;
}

static hg_status load(hg_floor *m, const hg_safetensors *file, const char *path, hg_arena *mem, hg_err *err) {
    const char *kind = hg_safetensors_note(file, "kind"), *state = hg_safetensors_note(file, "state");
    const char *also = hg_safetensors_note(file, "also");
    const hg_stored *time = hg_safetensors_find(file, "time");
    size_t which = HG_GLASS_STATES;
    for (size_t k = 0; state && k < HG_GLASS_STATES; k++)
        if (strcmp(state, STATE[k]) == 0) which = k;
    const bool networks = kind && strcmp(kind, WITH_NETWORKS) == 0;
    if (!kind || (strcmp(kind, KIND) != 0 && !networks) || which == HG_GLASS_STATES || !time || time->count == 0 ||
        time->count > HG_FLOOR_TIMES_MOST || (also && strcmp(also, STATE[HG_GLASS_THERMAL]) != 0))
        return hg_fail(err, HG_EDATA, "%s: these are not weights of a %s", path, KIND);
    m->state = (hg_glass_state)which;
    m->n_times = time->count;
    m->bonds = hg_safetensors_find(file, "bond.AA.weight") != NULL;
    m->thermal = also != NULL;
    if (!hg_floor_room(m)) return hg_fail(err, HG_ENOMEM, "no memory for the model %s", path);
    part p[PARTS];
    const size_t n = parts_of(p, m);
    bool ranged = true; /* files of the first programs do not say it */
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++) {
        char name[NAME];
        snprintf(name, sizeof name, RANGE, "AB"[k]);
        ranged = ranged && hg_safetensors_find(file, name);
    }
    for (size_t i = 0; i < n; i++)
        if (ranged || (p[i].data != m->range[0] && p[i].data != m->range[1])) HG_TRY(take(&p[i], file, path, err));
    for (size_t k = 0; !ranged && k < HG_GLASS_SPECIES; k++)
        for (size_t t = 0; t < m->n_times; t++) m->range[k][2 * t] = m->range[k][2 * t + 1] = exp(m->level_zero[k][t]);
    for (size_t t = 0; t < m->n_times; t++) {
        if (!(m->time[t] > (t ? m->time[t - 1] : 0)))
            return hg_fail(err, HG_EDATA, "%s: its times do not ascend", path);
        for (size_t k = 0; k < HG_GLASS_SPECIES; k++)
            if (!(m->range[k][2 * t] >= 0 && m->range[k][2 * t] <= m->range[k][2 * t + 1]))
                return hg_fail(err, HG_EDATA, "%s: its mean propensities are no range", path);
    }
    for (size_t k = 0; k < 2; k++)
        if (m->temperature[k] <= 0) m->temperature[k] = (double)NAN;
    return networks ? take_networks(m, file, path, mem, err) : HG_OK;
}

hg_status hg_floor_load(hg_floor **out, const char *path, hg_err *err) {
    enum { MOST = 1 << 28 };
    *out = NULL;
    hg_safetensors *file;
    HG_TRY(hg_safetensors_open(&file, path, MOST, err));
    hg_floor *m = hg_calloc(1, sizeof *m);
    if (m) m->mem = hg_arena_new();
    hg_arena *mem = hg_arena_new();
    const hg_status st =
        m && m->mem ? load(m, file, path, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for the model %s", path);
    hg_arena_free(mem);
    hg_safetensors_free(file);
    if (st == HG_OK)
        *out = m;
    else
        hg_floor_free(m);
    return st;
}
