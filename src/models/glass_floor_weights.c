/* models/glass_floor_weights.c -- the floor model in a file: safetensors whose sizes follow from the state and the times */
#include "core/memory.h"
#include "files/safetensors.h"
#include "models/glass_floor_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char KIND[] = "glass-floor 1";
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

hg_status hg_floor_save(const char *path, const hg_floor *m, hg_err *err) {
    part p[PARTS];
    hg_floor copy = *m; /* the list points into it; nothing is written there */
    double known[2] = { m->temperature[0], m->temperature[1] };
    for (size_t k = 0; k < 2; k++)
        if (!isfinite(known[k])) known[k] = 0; /* of files: not known */
    const size_t n = parts_of(p, &copy);
    hg_stored t[PARTS];
    for (size_t i = 0; i < n; i++)
        t[i] = (hg_stored) { .name = p[i].name,
                             .type = p[i].single ? HG_STORED_F32 : HG_STORED_F64,
                             .rank = p[i].rank,
                             .shape = p[i].shape,
                             .count = p[i].shape[0] * (p[i].rank == 2 ? p[i].shape[1] : 1),
                             .data = p[i].data == copy.temperature ? known : p[i].data };
    const hg_stored_note notes[] = { { "kind", KIND },
                                     { "state", STATE[m->state] },
                                     { "also", STATE[HG_GLASS_THERMAL] } };
    return hg_safetensors_write(path, t, n, notes, m->thermal ? 3 : 2, err);
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

static hg_status load(hg_floor *m, const hg_safetensors *file, const char *path, hg_err *err) {
    const char *kind = hg_safetensors_note(file, "kind"), *state = hg_safetensors_note(file, "state");
    const char *also = hg_safetensors_note(file, "also");
    const hg_stored *time = hg_safetensors_find(file, "time");
    size_t which = HG_GLASS_STATES;
    for (size_t k = 0; state && k < HG_GLASS_STATES; k++)
        if (strcmp(state, STATE[k]) == 0) which = k;
    if (!kind || strcmp(kind, KIND) != 0 || which == HG_GLASS_STATES || !time || time->count == 0 ||
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
    return HG_OK;
}

hg_status hg_floor_load(hg_floor **out, const char *path, hg_err *err) {
    enum { MOST = 1 << 28 };
    *out = NULL;
    hg_safetensors *file;
    HG_TRY(hg_safetensors_open(&file, path, MOST, err));
    hg_floor *m = hg_calloc(1, sizeof *m);
    if (m) m->mem = hg_arena_new();
    const hg_status st =
        m && m->mem ? load(m, file, path, err) : hg_fail(err, HG_ENOMEM, "no memory for the model %s", path);
    hg_safetensors_free(file);
    if (st == HG_OK)
        *out = m;
    else
        hg_floor_free(m);
    return st;
}
