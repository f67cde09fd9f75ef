/* models/architecture.c -- see models/architecture.h */
#include "models/architecture.h"
#include "core/memory.h"
#include "models/qdf2.h"
#include "models/qdf_kernel.h"
#include <string.h>

/* ---- qdf-classic ------------------------------------------------------------------------------------------------- */

static const hg_property CLASSIC[] = { { "energy", "energy", "eV" } };

typedef struct {
    hg_qdf_room room;
    hg_arena *mem;
} classic_room;

static hg_status classic_load(void **model, const char *weights, hg_err *err) {
    return hg_qdf_load((hg_qdf **)model, weights, &(hg_params_opts) { .fixed = true }, err);
}

static void classic_free(void *model) { hg_qdf_free(model); }

static void classic_room_free(void *room) {
    classic_room *r = room;
    if (!r) return;
    hg_qdf_room_free(&r->room);
    hg_arena_free(r->mem);
    hg_free(r);
}

static hg_status classic_room_new(void **room, const void *model, hg_err *err) {
    (void)model;
    classic_room *r = hg_calloc(1, sizeof *r);
    *room = NULL;
    if (r) r->mem = hg_arena_new();
    if (r && r->mem) {
        *room = r;
        return HG_OK;
    }
    classic_room_free(r);
    return hg_fail(err, HG_ENOMEM, "no memory to predict in");
}

static hg_status classic_predict(hg_prediction *out, const void *model, void *room, const hg_molecule *m, hg_err *err) {
    const hg_qdf *q = model;
    classic_room *r = room;
    const hg_mark mark = hg_arena_mark(r->mem);
    hg_qdf_input in;
    hg_status st = hg_qdf_input_make(&in, m, false, r->mem, err);
    if (st == HG_OK) st = hg_qdf_energy(&out->property[0].value, q->w, &q->l, &in, &r->room, err);
    hg_arena_reset(r->mem, mark);
    return st;
}

/* ---- qdf2 -------------------------------------------------------------------------------------------------------- */

static const hg_property QDF2[] = { { "energy", "energy", "eV" } };

static hg_status qdf2_load(void **model, const char *weights, hg_err *err) {
    return hg_qdf2_load((hg_qdf2 **)model, weights, err);
}
static void qdf2_free(void *model) { hg_qdf2_free(model); }
static hg_status qdf2_room_new(void **room, const void *model, hg_err *err) {
    return hg_qdf2_room_new((hg_qdf2_room **)room, model, err);
}
static void qdf2_room_free(void *room) { hg_qdf2_room_free(room); }

static hg_status qdf2_predict(hg_prediction *out, const void *model, void *room, const hg_molecule *m, hg_err *err) {
    hg_qdf2_result r;
    HG_TRY(hg_qdf2_predict(&r, model, room, m, err));
    out->property[0] = (hg_estimate) { r.energy, r.sd };
    out->outside = r.outside;
    if (out->charge) memcpy(out->charge, r.orbitals.charge, m->n * sizeof *out->charge);
    return HG_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define PROPERTIES(a) .property = (a), .n_properties = sizeof(a) / sizeof *(a)

static const hg_architecture ALL[] = {
    { .name = "qdf-classic",
      .version = "qdf-classic 1",
      PROPERTIES(CLASSIC),
      .load = classic_load,
      .free = classic_free,
      .room_new = classic_room_new,
      .room_free = classic_room_free,
      .predict = classic_predict },
    { .name = "qdf2",
      .version = "qdf2 1",
      PROPERTIES(QDF2),
      .gives = HG_ATOM_CHARGES,
      .load = qdf2_load,
      .free = qdf2_free,
      .room_new = qdf2_room_new,
      .room_free = qdf2_room_free,
      .predict = qdf2_predict },
};

const hg_architecture *hg_architecture_at(size_t i) { return i < sizeof ALL / sizeof *ALL ? &ALL[i] : NULL; }

const hg_architecture *hg_architecture_find(const char *word) {
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        if (strcmp(word, ALL[i].name) == 0 || strcmp(word, ALL[i].version) == 0) return &ALL[i];
    return NULL;
}
