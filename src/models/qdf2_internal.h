/* models/qdf2_internal.h -- the inside of a qdf2 model, for models/qdf2*.c */
#ifndef HG_MODELS_QDF2_INTERNAL_H
#define HG_MODELS_QDF2_INTERNAL_H
#include "models/qdf2.h"

struct hg_qdf2 {
    hg_around around;
    hg_tb_model *tb;
    size_t columns; /* elements + hg_around_columns: counts of atoms, then what is around them */
    size_t n_theta, n_draws;
    double *theta;        /* [n_theta] */
    double *w;            /* [columns] eV a unit of the column */
    float *draws;         /* [n_draws, columns] eV: differences from w */
    double noise, factor; /* eV; times the spread of draws */
    double most_spread;   /* eV an atom, of the validation molecules */
};

struct hg_qdf2_room {
    hg_tb *tb;
    double *x; /* [columns] */
};

hg_status hg_qdf2_make(hg_qdf2 **out, size_t n_draws, hg_err *err); /* all zero: the published tight binding */
hg_status hg_qdf2_columns(double *x, const hg_qdf2 *q, const hg_molecule *m, hg_err *err);
/* 2-norm over draws of (draw . x) / sqrt(n_draws): eV. */
double hg_qdf2_spread(const hg_qdf2 *q, const double *x);

#endif
