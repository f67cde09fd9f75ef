/* models/rho_integral.h -- integrals of functions that are sharp at atoms */
#ifndef HG_MODELS_RHO_INTEGRAL_H
#define HG_MODELS_RHO_INTEGRAL_H
#include "models/rho.h"

/* value[n] at points[n,3] in angstrom; called from several threads. */
typedef void (*hg_integrand)(double *value, const void *ctx, const double *points, size_t n);
/* Over all space, around atoms at r[n,3] in angstrom: 32,768 points an atom, some 1e-5 of a density's integral. The
 * same bits for any number of threads. Time: that of the integrand, and n^2 a point. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_integrate(double *out, hg_integrand f, const void *ctx, const double *r, size_t n,
                                     hg_pool *pool, hg_err *err);
/* Electrons. */
HG_MUST_CHECK hg_status hg_rho_integral(double *out, const hg_rho_cloud *c, hg_rho_kind kind, hg_pool *pool,
                                        hg_err *err);
#endif
