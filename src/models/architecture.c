/* models/architecture.c -- see models/architecture.h */
#include "models/architecture.h"
#include "core/memory.h"
#include "models/qdf2.h"
#include "models/qdf_kernel.h"
#include "models/qdf_train.h"
#include <math.h>
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

_Static_assert(sizeof CLASSIC / sizeof *CLASSIC == 1, "values of hg_labelled are energies alone");
enum { EPOCHS, BATCH, RATE, HALVE, AVERAGE, WIDTH, HK, CLASSIC_OPTIONS };
static const hg_train_option CLASSIC_OPTION[CLASSIC_OPTIONS] = {
    [EPOCHS] = { "epochs", "", 2000, 1, 1e6, true, "Times that all molecules are learned from." },
    [BATCH] = { "batch", "", 4, 1, 4096, true, "Molecules a step." },
    [RATE] = { "rate", "", 1e-4, 1e-9, 1, false, "Learning rate of Adam." },
    [HALVE] = { "halve", "epochs", 200, 1, 1e6, true, "The learning rate is halved every so many." },
    [AVERAGE] = { "average", "", 0, 0, 0.999999, false,
                  "Averaged weights: so much of the average stays at each step. 0: the weights as they are." },
    [WIDTH] = { "width", "", 250, 1, 4096, true, "Orbitals that are made of the basis; width of the energy's layers." },
    [HK] = { "hk", "", 250, 1, 4096, true,
             "Width of the map from density to potential, a function of one number: 32 trains faster." },
};

static hg_status classic_fit(void **model, const hg_labelled *train, const hg_labelled *validation,
                             const hg_training *how, hg_err *err) {
    enum { CHECKPOINT_STEPS = 500 }; /* half a minute of work is lost at most */
    const hg_qdf_data data[] = { { train->n, train->molecule, train->value },
                                 { validation->n, validation->molecule, validation->value } };
    const double *x = how->option;
    hg_train_result result;
    hg_qdf_opts o = hg_qdf_opts_default();
    o.dim = (size_t)x[WIDTH];
    o.hk = (size_t)x[HK];
    o.train.epochs = (size_t)x[EPOCHS];
    o.train.batch = (size_t)x[BATCH];
    o.train.rate = x[RATE];
    o.train.schedule.every = x[HALVE];
    o.train.optimizer.average = x[AVERAGE];
    o.train.seed = how->seed;
    o.train.pool = how->pool;
    o.train.hooks = how->hooks;
    o.train.log = how->log;
    o.train.checkpoint = how->checkpoint;
    o.train.checkpoint_steps = CHECKPOINT_STEPS;
    o.train.resume = how->resume;
    o.train.ranks = how->ranks;
    o.train.seconds = how->seconds;
    o.train.clock = how->clock;
    return hg_qdf_fit((hg_qdf **)model, &result, &data[0], &data[1], &o, err);
}

static hg_status classic_save(const void *model, const char *path, hg_err *err) {
    return hg_qdf_save(model, path, err);
}

static const hg_arch_trainer CLASSIC_TRAINER = {
    .option = CLASSIC_OPTION, .n_options = CLASSIC_OPTIONS, .steps = true, .fit = classic_fit, .save = classic_save
};

/* ---- qdf2 -------------------------------------------------------------------------------------------------------- */

/* The dipole is learned from its components. */
enum { ENERGY, DIPOLE, DIPOLE_X, HOMO = DIPOLE_X + 3, LUMO, QDF2_PROPERTIES };
static const hg_property QDF2[QDF2_PROPERTIES] = {
    [ENERGY] = { "energy", "energy", "eV" },
    [DIPOLE] = { "dipole", "length of the dipole", "D" },
    [DIPOLE_X] = { "dipole_x", "dipole along x", "D" },
    [DIPOLE_X + 1] = { "dipole_y", "dipole along y", "D" },
    [DIPOLE_X + 2] = { "dipole_z", "dipole along z", "D" },
    [HOMO] = { "homo", "highest occupied level", "eV" },
    [LUMO] = { "lumo", "lowest empty level", "eV" },
};
/* The model has its dipoles in e angstrom. */
static double qdf2_unit(size_t p) { return p == HG_QDF2_DIPOLE ? HG_DEBYE_PER_E_ANGSTROM : 1; }
/* Where the label, or the first of its components, of each of the model's own properties stands. */
static const size_t QDF2_AT[HG_QDF2_PROPERTIES] = {
    [HG_QDF2_DIPOLE] = DIPOLE_X, [HG_QDF2_HOMO] = HOMO, [HG_QDF2_LUMO] = LUMO
};

static hg_status qdf2_load(void **model, const char *weights, hg_err *err) {
    return hg_qdf2_load((hg_qdf2 **)model, weights, err);
}
static void qdf2_free(void *model) { hg_qdf2_free(model); }
static hg_status qdf2_room_new(void **room, const void *model, hg_err *err) {
    return hg_qdf2_room_new((hg_qdf2_room **)room, model, err);
}
static void qdf2_room_free(void *room) { hg_qdf2_room_free(room); }

static void qdf2_holds(bool *property, const void *model) {
    property[ENERGY] = true;
    property[DIPOLE] = hg_qdf2_knows(model, HG_QDF2_DIPOLE);
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++)
        for (size_t k = 0; k < hg_qdf2_property_size((hg_qdf2_property)p); k++)
            property[QDF2_AT[p] + k] = hg_qdf2_knows(model, (hg_qdf2_property)p);
}

static hg_status qdf2_predict(hg_prediction *out, const void *model, void *room, const hg_molecule *m, hg_err *err) {
    hg_qdf2_result r;
    hg_qdf2_value v;
    HG_TRY(hg_qdf2_predict(&r, model, room, m, err));
    out->property[ENERGY] = (hg_estimate) { r.energy, r.sd };
    out->outside = r.outside;
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) {
        HG_TRY(hg_qdf2_read(&v, model, room, &r, m, (hg_qdf2_property)p, err));
        for (size_t k = 0; k < hg_qdf2_property_size((hg_qdf2_property)p); k++)
            out->property[QDF2_AT[p] + k] = (hg_estimate) { qdf2_unit(p) * v.value[k], qdf2_unit(p) * v.sd };
    }
    const hg_estimate *d = out->property + DIPOLE_X;
    out->property[DIPOLE] = (hg_estimate) { hypot(hypot(d[0].value, d[1].value), d[2].value), d[0].sd };
    if (out->charge && hg_qdf2_knows(model, HG_QDF2_DIPOLE))
        HG_TRY(hg_qdf2_charges(out->charge, model, room, &r, m, err));
    else if (out->charge)
        memcpy(out->charge, r.orbitals.charge, m->n * sizeof *out->charge);
    return out->force ? hg_qdf2_forces(out->force, model, room, m, err) : HG_OK;
}

enum { ROUNDS, PRIOR, FLOOR, RIDGE, THETA_PRIOR, REST, DRAWS, SHARE, QDF2_OPTIONS };
static const hg_train_option QDF2_OPTION[QDF2_OPTIONS] = {
    [ROUNDS] = { "rounds", "", 4, 0, 20, true,
                 "Steps in which the tight binding is refined; 0: the correction alone." },
    [PRIOR] = { "prior", "kcal/mol", 0.045, 1e-6, 1e6, false,
                "How large a coefficient of the correction is expected to be." },
    [FLOOR] = { "floor", "", 0.05, 1e-9, 1e3, false, "Least spread that a feature is scaled by." },
    [RIDGE] = { "ridge", "(kcal/mol)^2", 0.003, 1e-9, 1e6, false,
                "Squared residual that the priors are weighed against." },
    [THETA_PRIOR] = { "theta_prior", "", 1, 1e-6, 1e6, false,
                      "How far increments may move, times each family's scale." },
    [REST] = { "rest", "eV", 0.003, 0, 1e6, false,
               "How large a coefficient of the forces' correction is expected to be; 0: forces of the energy." },
    [DRAWS] = { "draws", "", 32, 0, 10000, true, "Samples of the posterior, for error bars; 0: none." },
    [SHARE] = { "share", "", 1, 0.01, 1, false,
                "Part of the molecules that is learned from, drawn by the seed: what another choice of data would do." },
};

/* Columns of value[n,QDF2_PROPERTIES] as the arrays that a fit takes; in `room` for QDF2_PROPERTIES n numbers. */
static void qdf2_data(hg_qdf2_data *d, double *room, const hg_labelled *set) {
    *d = (hg_qdf2_data) { set->n, set->molecule, room, { NULL } };
    for (size_t i = 0; i < set->n; i++) *room++ = set->value[i * QDF2_PROPERTIES + ENERGY];
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) {
        d->label[p] = room;
        for (size_t i = 0; i < set->n; i++)
            for (size_t k = 0; k < hg_qdf2_property_size((hg_qdf2_property)p); k++)
                *room++ = set->value[i * QDF2_PROPERTIES + QDF2_AT[p] + k] / qdf2_unit(p);
    }
}

static hg_status qdf2_fit(void **model, const hg_labelled *train, const hg_labelled *validation, const hg_training *how,
                          hg_err *err) {
    hg_qdf2_data data[2];
    double *labels = hg_malloc(train->n + validation->n, QDF2_PROPERTIES * sizeof *labels);
    if (!labels) return hg_fail(err, HG_ENOMEM, "no memory for what %zu molecules are", train->n + validation->n);
    qdf2_data(&data[0], labels, train);
    qdf2_data(&data[1], labels + train->n * QDF2_PROPERTIES, validation);
    const double *x = how->option;
    const hg_qdf2_opts o = { .rounds = (size_t)x[ROUNDS],
                             .prior = x[PRIOR],
                             .floor = x[FLOOR],
                             .ridge = x[RIDGE],
                             .theta_prior = x[THETA_PRIOR],
                             .rest = x[REST],
                             .draws = (size_t)x[DRAWS],
                             .share = x[SHARE],
                             .seed = how->seed,
                             .pool = how->pool,
                             .hooks = how->hooks };
    const hg_status st = hg_qdf2_fit((hg_qdf2 **)model, &data[0], &data[1], &o, err);
    hg_free(labels);
    return st;
}

static hg_status qdf2_save(const void *model, const char *path, hg_err *err) { return hg_qdf2_save(model, path, err); }

static const hg_arch_trainer QDF2_TRAINER = {
    .option = QDF2_OPTION, .n_options = QDF2_OPTIONS, .fit = qdf2_fit, .save = qdf2_save
};

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
      .predict = classic_predict,
      .train = &CLASSIC_TRAINER },
    { .name = "qdf2",
      .version = "qdf2 1",
      PROPERTIES(QDF2),
      .gives = HG_ATOM_CHARGES | HG_ATOM_FORCES,
      .tells_outside = true,
      .load = qdf2_load,
      .free = qdf2_free,
      .room_new = qdf2_room_new,
      .room_free = qdf2_room_free,
      .predict = qdf2_predict,
      .holds = qdf2_holds,
      .train = &QDF2_TRAINER },
};

const hg_architecture *hg_architecture_at(size_t i) { return i < sizeof ALL / sizeof *ALL ? &ALL[i] : NULL; }

const hg_architecture *hg_architecture_find(const char *word) {
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        if (strcmp(word, ALL[i].name) == 0 || strcmp(word, ALL[i].version) == 0) return &ALL[i];
    return NULL;
}
