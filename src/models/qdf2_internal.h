/* models/qdf2_internal.h -- the inside of a qdf2 model, for models/qdf2*.c */
#ifndef HG_MODELS_QDF2_INTERNAL_H
#define HG_MODELS_QDF2_INTERNAL_H
#include "models/linear.h"
#include "models/qdf2.h"

struct hg_qdf2 {
    hg_around around;
    hg_tb_model *tb;
    size_t n_theta;
    double *theta;    /* [n_theta] */
    hg_linear energy; /* elements + hg_around_columns: counts of atoms, then what is around them; eV */
    hg_linear property[HG_QDF2_PROPERTIES];
    bool rests;             /* forces: are they those of the published tight binding and rest . surroundings? */
    double *rest;           /* [hg_around_columns] eV */
    hg_tb_model *published; /* NULL when not */
    /* Where it has learned: a larger spread (eV), a smaller gap between HOMO and LUMO (eV), a larger charge is
     * outside. */
    double most_spread, least_gap, most_charge;
};

struct hg_qdf2_room {
    hg_tb *tb;
    hg_tb *published; /* NULL: forces are those of the energy */
    double *x;        /* [columns of the energy] */
    double *y;        /* [columns of a property, three times] */
    double *scratch;  /* what a molecule of any size needs */
    size_t scratch_cap;
};

/* A room for each thread of a pool. */
enum { HG_QDF2_WORKERS_MOST = 256 };
typedef struct {
    hg_qdf2_room *of[HG_QDF2_WORKERS_MOST];
    size_t n;
} hg_qdf2_rooms;
/* r is all zero, and is freed after an error too. HG_EINVAL: more threads than HG_QDF2_WORKERS_MOST; HG_ENOMEM. */
hg_status hg_qdf2_rooms_new(hg_qdf2_rooms *r, const hg_qdf2 *q, const hg_pool *pool, hg_err *err);
void hg_qdf2_rooms_free(hg_qdf2_rooms *r);

hg_status hg_qdf2_make(hg_qdf2 **out, hg_err *err); /* all zero: the published tight binding; no weights yet */
size_t hg_qdf2_energy_columns(const hg_qdf2 *q);
hg_status hg_qdf2_columns(double *x, const hg_qdf2 *q, const hg_molecule *m, hg_err *err);

/* ---- forces of molecules at rest: models/qdf2_rest.c ------------------------------------------------------------- */

/* The published tight binding for forces, no correction yet. HG_ENOMEM. */
hg_status hg_qdf2_rest_make(hg_qdf2 *q, hg_err *err);
/* q->rest, so that forces vanish at the training molecules as well as they can; nothing when o->rest is 0. Molecules
 * whose charges do not converge are left out. Errors: those of hg_around_describe; HG_ENOTPD; HG_ECANCEL; HG_ENOMEM. */
hg_status hg_qdf2_rest_fit(hg_qdf2 *q, const hg_qdf2_data *train, const hg_qdf2_data *validation, const hg_qdf2_opts *o,
                           hg_err *err);

/* ---- properties: models/qdf2_property.c -------------------------------------------------------------------------- */

size_t hg_qdf2_property_columns(const hg_qdf2 *q, hg_qdf2_property p);
/* x[components, columns] of the room's last molecule: that of `r`. HG_ENOMEM. */
hg_status hg_qdf2_property_describe(double *x, const hg_qdf2 *q, hg_qdf2_room *room, const hg_tb_result *r,
                                    const hg_molecule *m, hg_qdf2_property p, hg_err *err);
/* Priors' standard deviations, scale[columns], and the squared residual that they are weighed against, in the
 * property's unit. */
double hg_qdf2_property_prior(double *scale, const hg_qdf2 *q, hg_qdf2_property p);
/* Learns those of which at least ten molecules have labels. */
hg_status hg_qdf2_property_fit(hg_qdf2 *q, const hg_qdf2_data *train, const hg_qdf2_data *validation,
                               const hg_qdf2_opts *o, hg_err *err);

#endif
