/* describe/chemistry.h -- what a formula says beyond statistics of its elements: who gives electrons to whom, and what is left
 *
 * Charges. Each element has a range: from its most negative state (0 when it has none) to its most positive one. All begin at the lower end,
 * and give until the sum is zero, one after the other: elements with one state only and hydrogen; what is the middle of an anion, as in
 * sulphates and phosphates; metals with several states, up to the lowest of them, then on, those of d and f shells before the others;
 * other elements that can take; and last the most electronegative that can. Within a kind the less electronegative gives first. So LiFePO4
 * is Li +1, P +5, Fe +2, O -2. Where the last to give stops in between, its charge is a mean: Fe3O4 has Fe +2.67. An alloy has charges of
 * zero. It is a rule, not a measurement, and it is the same for any way to write a formula.
 */
#ifndef HG_DESCRIBE_CHEMISTRY_H
#define HG_DESCRIBE_CHEMISTRY_H
#include "hagane/composition.h"

/* One line a number: its name, what it is. */
#define HG_CHEMISTRY_NUMBERS(X)                                                                                        \
    X(ELEMENTS, "elements") /* how many */                                                                             \
    X(NORM_2, "norm:2")     /* (sum w^p)^(1/p), Ward et al. 2016 */                                                    \
    X(NORM_3, "norm:3")                                                                                                \
    X(NORM_5, "norm:5")                                                                                                \
    X(NORM_7, "norm:7")                                                                                                \
    X(NORM_10, "norm:10")                                                                                              \
    X(ENTROPY, "mixing_entropy")    /* -sum w ln w */                                                                  \
    X(VALENCE_S, "valence_share:s") /* of all valence electrons, Ward et al. 2016 */                                   \
    X(VALENCE_P, "valence_share:p")                                                                                    \
    X(VALENCE_D, "valence_share:d")                                                                                    \
    X(VALENCE_F, "valence_share:f")                                                                                    \
    X(IONIC_MAX, "ionic_character:max") /* of pairs, 1 - exp(-(difference of electronegativity)^2 / 4) */              \
    X(IONIC_MEAN, "ionic_character:mean")                                                                              \
    X(EN_PAIRS, "en_difference:mean") /* sum over pairs of w_i w_j |difference| */                                     \
    X(EN_SPREAD, "en_difference:sd")                                                                                   \
    X(BAND_CENTRE, "band_centre")     /* eV; -prod (Mulliken's electronegativity)^w, Butler & Ginley 1978 */           \
    X(TRANSFER, "charge:transferred") /* per atom */                                                                   \
    X(CHARGE_MAX, "charge:max")                                                                                        \
    X(CHARGE_MIN, "charge:min")                                                                                        \
    X(GIVERS, "givers:share") /* of atoms */                                                                           \
    X(TAKERS, "takers:share")                                                                                          \
    X(EN_GIVERS, "givers:en") /* means weighted by charge; of all atoms when no charge is transferred */               \
    X(EN_TAKERS, "takers:en")                                                                                          \
    X(EN_BETWEEN, "takers:en_above_givers")                                                                            \
    X(IONISATION, "givers:first_ion_en")                                                                               \
    X(AFFINITY, "takers:electron_affinity")                                                                            \
    X(RADIUS_GIVERS, "givers:covalent_radius")                                                                         \
    X(RADIUS_TAKERS, "takers:covalent_radius")                                                                         \
    X(RADIUS_RATIO, "givers:radius_to_takers")                                                                         \
    X(FIELD, "givers:field") /* charge / covalent radius^2, 1/angstrom^2 */                                            \
    X(PERIOD_GIVERS, "givers:period")                                                                                  \
    X(PERIOD_TAKERS, "takers:period")                                                                                  \
    X(POLARISABLE_TAKERS, "takers:polarizability")                                                                     \
    X(LEFT_MEAN,                                                                                                       \
      "givers:electrons_left:mean") /* valence electrons that giving atoms keep, d and f shells of metals */           \
    X(LEFT_MAX, "givers:electrons_left:max")                                                                           \
    X(LEFT_D, "givers:d_electrons_left")                                                                               \
    X(LEFT_F, "givers:f_electrons_left")                                                                               \
    X(LEFT_PAIR, "givers:s_pair_left")  /* of p elements: lone pairs */                                                \
    X(HOLES, "takers:places_left")      /* in shells of 8 (H: 2) */                                                    \
    X(PER_TAKER, "electrons_per_taker") /* s and p electrons of all by atoms that take, Mooser & Pearson 1956 */       \
    X(ALKALI, "family:alkali")          /* shares of atoms */                                                          \
    X(EARTH, "family:alkaline_earth")                                                                                  \
    X(TRANSITION, "family:transition_metal")                                                                           \
    X(LANTHANIDE, "family:lanthanide")                                                                                 \
    X(ACTINIDE, "family:actinide")                                                                                     \
    X(POOR_METAL, "family:poor_metal")                                                                                 \
    X(METALLOID, "family:metalloid")                                                                                   \
    X(PNICTOGEN, "family:pnictogen")                                                                                   \
    X(CHALCOGEN, "family:chalcogen")                                                                                   \
    X(HALOGEN, "family:halogen")                                                                                       \
    X(NOBLE, "family:noble_gas")                                                                                       \
    X(LEAST_EN_SHARE, "least_en:share") /* the least and the most electronegative element */                           \
    X(LEAST_EN_NUMBER, "least_en:mendeleev_number")                                                                    \
    X(LEAST_EN_PERIOD, "least_en:period")                                                                              \
    X(MOST_EN_SHARE, "most_en:share")                                                                                  \
    X(MOST_EN_NUMBER, "most_en:mendeleev_number")                                                                      \
    X(MOST_EN_PERIOD, "most_en:period")                                                                                \
    X(SECOND_NUMBER, "second_en:mendeleev_number") /* the most electronegative but one; of an element itself */        \
    X(SECOND_SHARE, "second_en:share")                                                                                 \
    X(MAIN_SHARE, "main:share") /* the most abundant element; of several the least electronegative */                  \
    X(MAIN_NUMBER, "main:mendeleev_number")                                                                            \
    X(MAIN_PERIOD, "main:period")

#define HG_CHEMISTRY_ENUM(name, text) HG_CHEMISTRY_##name,
enum { HG_CHEMISTRY_NUMBERS(HG_CHEMISTRY_ENUM) HG_CHEMISTRY_DIM };

extern const char *const hg_chemistry_columns[HG_CHEMISTRY_DIM];

/* Mean charges charge[c->n] of the species, which sum to zero over the formula. All elements are within H to Pu. */
void hg_chemistry_charges(double *charge, const hg_composition *c);
/* x[HG_CHEMISTRY_DIM]. The same precondition. */
void hg_chemistry(double *x, const hg_composition *c);
#endif
