/* describe/alloy.h -- numbers of an alloy: heats of mixing, misfits of size, modulus and electrons, in the whole and about its main element
 *
 * For 72 elements that Miedema's model has parameters of: no noble gases, oxygen, halogens or chalcogens. With w shares of atoms, r the cube
 * root of the molar volume, and means over atoms unless something else is said. The main element is the most abundant one, of several
 * the lightest; a solute's number is its share times its difference from the main element.
 */
#ifndef HG_DESCRIBE_ALLOY_H
#define HG_DESCRIBE_ALLOY_H
#include "hagane/composition.h"

/* One line a number: its name, what it is. */
#define HG_ALLOY_NUMBERS(X)                                                                                            \
    X(MIXING, "all:mixing_enthalpy")     /* kJ/mol; 4 sum over pairs of w_i w_j H_ij, H of the liquid 1:1 */           \
    X(MIXING_SD, "mixing_enthalpy:sd")   /* over pairs, weighted by w_i w_j */                                         \
    X(MIXING_MIN, "mixing_enthalpy:min") /* of any pair; 0 of an element */                                            \
    X(MIXING_MAX, "mixing_enthalpy:max")                                                                               \
    X(MIXING_MAIN, "main:mixing_enthalpy") /* sum over solutes */                                                      \
    X(ENTROPY, "mixing_entropy_R")         /* -sum w ln w */                                                           \
    X(FREE, "free_energy_at_melting")      /* kJ/mol; mixing enthalpy - T R entropy at the mean melting point */       \
    X(SIZE, "all:size_misfit")             /* sqrt(sum w (1 - r / mean r)^2), Yang & Zhang 2012 */                     \
    X(SIZE_RANGE, "size_range")            /* largest r / smallest r */                                                \
    X(SIZE_MAIN, "main:size_misfit")       /* sum of |r / r_main - 1| over solutes */                                  \
    X(SIZE_MAIN_2, "main:size_misfit_rms") /* root of the sum of its squares: Labusch's concentrated solutions */      \
    X(EN, "miedema_en:mean")               /* V */                                                                     \
    X(EN_SD, "miedema_en:sd")                                                                                          \
    X(EN_MAIN, "main:miedema_en")                                                                                      \
    X(DENSITY, "electron_density:mean") /* cube root, of the boundary of Miedema's cell */                             \
    X(DENSITY_SD, "electron_density:sd")                                                                               \
    X(DENSITY_MAIN, "main:electron_density")                                                                           \
    X(BULK, "bulk_modulus:mean") /* GPa */                                                                             \
    X(BULK_SD, "bulk_modulus:sd")                                                                                      \
    X(SHEAR, "shear_modulus:mean") /* GPa */                                                                           \
    X(SHEAR_SD, "shear_modulus:sd")                                                                                    \
    X(SHEAR_MAIN, "main:shear_modulus")                                                                                \
    X(VOLUME, "molar_volume:mean") /* cm^3/mol */                                                                      \
    X(SOLUTES, "main:solutes")     /* share of atoms that are not the main element */

#define HG_ALLOY_ENUM(name, text) HG_ALLOY_##name,
enum { HG_ALLOY_NUMBERS(HG_ALLOY_ENUM) HG_ALLOY_DIM };

extern const char *const hg_alloy_columns[HG_ALLOY_DIM];

/* x[HG_ALLOY_DIM]. HG_EDATA: an element, or a pair, that the tables do not have; `set` is the descriptor's name. */
HG_MUST_CHECK hg_status hg_alloy(double *x, const hg_composition *c, const char *set, hg_err *err);
#endif
