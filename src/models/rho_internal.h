/* models/rho_internal.h -- the inside of a density model, for models/rho*.c */
#ifndef HG_MODELS_RHO_INTERNAL_H
#define HG_MODELS_RHO_INTERNAL_H
#include "models/rho.h"
#include "models/rho_features.h"

typedef struct {
    size_t weight[RHO_ELEMENTS][RHO_L]; /* first of w[count of functions][classes][features] */
    size_t scale[RHO_ELEMENTS][RHO_L];  /* first of scale[features] */
    size_t moves;                       /* first of RHO_MOVES weights */
    size_t weights, scales;
} rho_layout;
rho_layout rho_layout_make(void);

struct hg_rho {
    hg_tb_model *tb;
    rho_layout l;
    size_t n_theta;
    double *theta;             /* [n_theta] */
    double *w;                 /* [l.weights], of features divided by their scale */
    double *scale;             /* [l.scales] */
    double most[RHO_ELEMENTS]; /* largest rho_strangeness of an atom that was learned from */
};
struct hg_rho_room {
    hg_tb *tb;
    hg_arena *mem;
};

struct hg_rho_cloud {
    size_t n;
    bool deformed, outside;
    double electrons;
    double *r;             /* [n,3] bohr */
    const rho_atom **atom; /* [n] */
    double *c;             /* [n, RHO_EXPONENTS, RHO_HARMONICS] of exp(-0.1 2^k r^2) C_lm */
};

HG_MUST_CHECK hg_status hg_rho_make(hg_rho **out, const double *theta, hg_err *err); /* all weights 0, all scales 1 */
double rho_strangeness(const hg_rho *q, const rho_features *f, size_t atom); /* mean square of scaled features */
/* Features of a molecule whose elements are all of rho_elements. In the room's arena. */
HG_MUST_CHECK hg_status rho_look(rho_features *f, hg_rho_room *room, const hg_molecule *m, hg_err *err);
#endif
