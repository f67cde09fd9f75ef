/* describe/chemistry.c -- see describe/chemistry.h
 *
 * Sources: Ward, Agrawal, Choudhary, Wolverton, npj Comput. Mater. 2, 16028 (2016), for norms, shares of valence electrons and ionic
 * character; Butler, Ginley, J. Electrochem. Soc. 125, 228 (1978), for the centre between the bands; Mooser, Pearson, J. Electron. 1, 629
 * (1956), for electrons by anion. Properties of elements are those of xenonpy290, without gaps from H to Pu.
 */
#include "describe/chemistry.h"
#include "describe/tables.h"
#include <math.h>
#include <string.h>

#define TEXT(name, text) text,
const char *const hg_chemistry_columns[HG_CHEMISTRY_DIM] = { HG_CHEMISTRY_NUMBERS(TEXT) };

typedef struct {
    unsigned z;
    double w, q;     /* share of atoms, charge */
    const double *f; /* features of the element */
} atom;

#define F(a, name) ((a)->f[HG_XENONPY_##name])
static double en(const atom *a) { return F(a, EN_PAULING); }

/* Elements as atoms, the least electronegative first, of equal ones the lighter; isotopes of hydrogen are hydrogen. How many. */
static size_t collect(atom *a, const hg_composition *c) {
    double total = 0;
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++) total += c->species[k].amount;
    for (size_t k = 0; k < c->n; k++) {
        const unsigned z = c->species[k].z;
        const atom new = { z, c->species[k].amount / total, 0, hg_xenonpy_table[z] };
        size_t same = 0, at = n;
        while (same < n && a[same].z != z) same++;
        if (same < n) {
            a[same].w += new.w;
            continue;
        }
        for (; at > 0 && (en(&a[at - 1]) > en(&new) || (en(&a[at - 1]) == en(&new) && a[at - 1].z > z)); at--)
            a[at] = a[at - 1];
        a[at] = new;
        n++;
    }
    return n;
}

/* ---- charges ------------------------------------------------------------------------------------------------------ */

static double least(const atom *a) { return fmin(hg_oxidation_table[a->z].least, 0); }
static double most(const atom *a) { return fmax(hg_oxidation_table[a->z].most, 0); }

static bool is_d_or_f(unsigned z) {
    return (z >= 21 && z <= 30) || (z >= 39 && z <= 48) || (z >= 57 && z <= 80) || (z >= 89 && z <= 112);
}

/* How an element gives. What can take, too, gives first where it has enough of the last taker around it to be the middle of an
 * anion (sulphate, phosphate), and after the metals otherwise (sulphide oxide). */
typedef enum { GIVES_ALWAYS, CENTRE, METAL, POOR_METAL, RATHER_TAKES, TAKES, KINDS } kind;

static kind kind_of(const atom *a, const atom *last) {
    const hg_oxidation o = hg_oxidation_table[a->z];
    if (a == last) return TAKES;
    if (a->z == 1 || (o.states == 1 && o.least > 0)) return GIVES_ALWAYS;
    const bool settled = o.low == o.most || en(a) > 2; /* tin, which would rather keep two electrons, is not */
    if (o.least < 0) return o.most > 0 && settled && last && last->w > 2 * a->w ? CENTRE : RATHER_TAKES;
    return is_d_or_f(a->z) ? METAL : POOR_METAL;
}

/* Raises the charges of one kind, in the order of electronegativity, until nothing is missing any more. `low`: to the lowest
 * positive state only. */
static void give(double *missing, atom *a, size_t n, const atom *last, kind which, bool low) {
    for (size_t k = 0; k<n && * missing> 0; k++) {
        if (kind_of(&a[k], last) != which) continue;
        const double q = fmin(low ? hg_oxidation_table[a[k].z].low : most(&a[k]), a[k].q + *missing / a[k].w);
        if (q > a[k].q) *missing -= a[k].w * (q - a[k].q);
        if (q > a[k].q) a[k].q = q;
    }
}

static void charge(atom *a, size_t n) {
    const atom *last = NULL;
    double missing = 0;
    for (size_t k = 0; k < n; k++) {
        a[k].q = least(&a[k]);
        missing -= a[k].w * a[k].q;
        if (a[k].q < 0) last = &a[k];
    }
    give(&missing, a, n, last, GIVES_ALWAYS, false);
    give(&missing, a, n, last, CENTRE, false);
    give(&missing, a, n, last, METAL, true);
    give(&missing, a, n, last, POOR_METAL, true);
    for (kind k = METAL; k < KINDS; k++) give(&missing, a, n, last, k, false);
}

void hg_chemistry_charges(double *out, const hg_composition *c) {
    atom a[HG_COMPOSITION_MAX];
    const size_t n = collect(a, c);
    charge(a, n);
    for (size_t k = 0; k < c->n; k++)
        for (size_t i = 0; i < n; i++)
            if (a[i].z == c->species[k].z) out[k] = a[i].q;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

static void stoichiometry(double *x, const atom *a, size_t n) {
    static const struct {
        int column;
        double p;
    } NORMS[] = { { HG_CHEMISTRY_NORM_2, 2 },
                  { HG_CHEMISTRY_NORM_3, 3 },
                  { HG_CHEMISTRY_NORM_5, 5 },
                  { HG_CHEMISTRY_NORM_7, 7 },
                  { HG_CHEMISTRY_NORM_10, 10 } };
    x[HG_CHEMISTRY_ELEMENTS] = (double)n;
    for (size_t i = 0; i < sizeof NORMS / sizeof *NORMS; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) sum += pow(a[k].w, NORMS[i].p);
        x[NORMS[i].column] = pow(sum, 1 / NORMS[i].p);
    }
    for (size_t k = 0; k < n; k++) x[HG_CHEMISTRY_ENTROPY] -= a[k].w * log(a[k].w);
}

static void shells(double *x, const atom *a, size_t n) {
    double s = 0, p = 0, d = 0, f = 0;
    for (size_t k = 0; k < n; k++) {
        s += a[k].w * F(&a[k], NUM_S_VALENCE);
        p += a[k].w * F(&a[k], NUM_P_VALENCE);
        d += a[k].w * F(&a[k], NUM_D_VALENCE);
        f += a[k].w * F(&a[k], NUM_F_VALENCE);
    }
    const double all = s + p + d + f; /* each element has s electrons, or (Pd) d electrons */
    x[HG_CHEMISTRY_VALENCE_S] = s / all;
    x[HG_CHEMISTRY_VALENCE_P] = p / all;
    x[HG_CHEMISTRY_VALENCE_D] = d / all;
    x[HG_CHEMISTRY_VALENCE_F] = f / all;
}

static void pairs(double *x, const atom *a, size_t n) {
    double mean = 0, square = 0, mulliken = 0;
    for (size_t i = 0; i < n; i++) {
        mean += a[i].w * en(&a[i]);
        /* affinities below zero are of atoms that take nothing: the ionisation energy alone, halved, is positive */
        const double affinity = fmax(F(&a[i], ELECTRON_AFFINITY), 0);
        mulliken += a[i].w * log((F(&a[i], FIRST_ION_EN) + affinity) / 2);
        for (size_t j = 0; j < i; j++) {
            const double off = fabs(en(&a[i]) - en(&a[j])), ionic = 1 - exp(-off * off / 4);
            x[HG_CHEMISTRY_IONIC_MAX] = fmax(x[HG_CHEMISTRY_IONIC_MAX], ionic);
            x[HG_CHEMISTRY_IONIC_MEAN] += 2 * a[i].w * a[j].w * ionic;
            x[HG_CHEMISTRY_EN_PAIRS] += 2 * a[i].w * a[j].w * off;
        }
    }
    for (size_t i = 0; i < n; i++) square += a[i].w * (en(&a[i]) - mean) * (en(&a[i]) - mean);
    x[HG_CHEMISTRY_EN_SPREAD] = sqrt(square);
    x[HG_CHEMISTRY_BAND_CENTRE] = -exp(mulliken);
}

/* Means over those who give (sign 1) or take (sign -1), weighted by charge; over all where nothing is transferred. */
static double mean_of(const atom *a, size_t n, int sign, int feature) {
    double sum = 0, weight = 0, all = 0;
    for (size_t k = 0; k < n; k++) {
        const double w = a[k].w * fmax(sign * a[k].q, 0);
        sum += w * a[k].f[feature];
        weight += w;
        all += a[k].w * a[k].f[feature];
    }
    return weight > 0 ? sum / weight : all;
}

static void transfer(double *x, const atom *a, size_t n) {
    for (size_t k = 0; k < n; k++) {
        const double q = a[k].q, r = F(&a[k], COVALENT_RADIUS_CORDERO) / 100;
        x[HG_CHEMISTRY_TRANSFER] += a[k].w * fmax(q, 0);
        x[HG_CHEMISTRY_CHARGE_MAX] = fmax(x[HG_CHEMISTRY_CHARGE_MAX], q);
        x[HG_CHEMISTRY_CHARGE_MIN] = fmin(x[HG_CHEMISTRY_CHARGE_MIN], q);
        x[HG_CHEMISTRY_GIVERS] += q > 0 ? a[k].w : 0;
        x[HG_CHEMISTRY_TAKERS] += q < 0 ? a[k].w : 0;
        x[HG_CHEMISTRY_FIELD] = fmax(x[HG_CHEMISTRY_FIELD], q / (r * r));
    }
    x[HG_CHEMISTRY_EN_GIVERS] = mean_of(a, n, 1, HG_XENONPY_EN_PAULING);
    x[HG_CHEMISTRY_EN_TAKERS] = mean_of(a, n, -1, HG_XENONPY_EN_PAULING);
    x[HG_CHEMISTRY_EN_BETWEEN] = x[HG_CHEMISTRY_EN_TAKERS] - x[HG_CHEMISTRY_EN_GIVERS];
    x[HG_CHEMISTRY_IONISATION] = mean_of(a, n, 1, HG_XENONPY_FIRST_ION_EN);
    x[HG_CHEMISTRY_AFFINITY] = mean_of(a, n, -1, HG_XENONPY_ELECTRON_AFFINITY);
    x[HG_CHEMISTRY_RADIUS_GIVERS] = mean_of(a, n, 1, HG_XENONPY_COVALENT_RADIUS_CORDERO);
    x[HG_CHEMISTRY_RADIUS_TAKERS] = mean_of(a, n, -1, HG_XENONPY_COVALENT_RADIUS_CORDERO);
    x[HG_CHEMISTRY_RADIUS_RATIO] = x[HG_CHEMISTRY_RADIUS_GIVERS] / x[HG_CHEMISTRY_RADIUS_TAKERS];
    x[HG_CHEMISTRY_PERIOD_GIVERS] = mean_of(a, n, 1, HG_XENONPY_PERIOD);
    x[HG_CHEMISTRY_PERIOD_TAKERS] = mean_of(a, n, -1, HG_XENONPY_PERIOD);
    x[HG_CHEMISTRY_POLARISABLE_TAKERS] = mean_of(a, n, -1, HG_XENONPY_DIPOLE_POLARIZABILITY);
}

/* What shells hold once charges are given and taken. A p element's filled d and f shells do not count. */
static void leftovers(double *x, const atom *a, size_t n) {
    double givers = 0, takers = 0, sp = 0;
    for (size_t k = 0; k < n; k++) {
        const double s = F(&a[k], NUM_S_VALENCE), p = F(&a[k], NUM_P_VALENCE), q = a[k].q, w = a[k].w;
        const double outer = is_d_or_f(a[k].z) ? s + F(&a[k], NUM_D_VALENCE) + F(&a[k], NUM_F_VALENCE) : s + p;
        sp += w * (s + p);
        if (q > 0) {
            const double left = fmax(outer - q, 0);
            givers += w;
            x[HG_CHEMISTRY_LEFT_MEAN] += w * left;
            x[HG_CHEMISTRY_LEFT_MAX] = fmax(x[HG_CHEMISTRY_LEFT_MAX], left);
            if (!is_d_or_f(a[k].z))
                x[HG_CHEMISTRY_LEFT_PAIR] += w * fmin(left, 2);
            else
                x[F(&a[k], NUM_F_VALENCE) > 0 && a[k].z < 72 ? HG_CHEMISTRY_LEFT_F : HG_CHEMISTRY_LEFT_D] += w * left;
        } else if (q < 0) {
            takers += w;
            x[HG_CHEMISTRY_HOLES] += w * fmax((a[k].z == 1 ? 2 : 8) - outer + q, 0);
        }
    }
    if (givers > 0) x[HG_CHEMISTRY_LEFT_MEAN] /= givers;
    if (takers > 0) x[HG_CHEMISTRY_HOLES] /= takers;
    x[HG_CHEMISTRY_PER_TAKER] = sp / (takers > 0 ? takers : 1);
}

static int family(unsigned z) {
    static const unsigned char METALLOIDS[] = { 5, 14, 32, 33, 51, 52 }, PNICTOGENS[] = { 7, 15 },
                               CHALCOGENS[] = { 8, 16, 34 };
    if (z == 2 || z == 10 || z == 18 || z == 36 || z == 54 || z == 86) return HG_CHEMISTRY_NOBLE;
    if (z == 9 || z == 17 || z == 35 || z == 53 || z == 85) return HG_CHEMISTRY_HALOGEN;
    if (z == 3 || z == 11 || z == 19 || z == 37 || z == 55 || z == 87) return HG_CHEMISTRY_ALKALI;
    if (z == 4 || z == 12 || z == 20 || z == 38 || z == 56 || z == 88) return HG_CHEMISTRY_EARTH;
    if (z >= 57 && z <= 71) return HG_CHEMISTRY_LANTHANIDE;
    if (z >= 89) return HG_CHEMISTRY_ACTINIDE;
    if (is_d_or_f(z)) return HG_CHEMISTRY_TRANSITION;
    if (memchr(METALLOIDS, (int)z, sizeof METALLOIDS)) return HG_CHEMISTRY_METALLOID;
    if (memchr(PNICTOGENS, (int)z, sizeof PNICTOGENS)) return HG_CHEMISTRY_PNICTOGEN;
    if (memchr(CHALCOGENS, (int)z, sizeof CHALCOGENS)) return HG_CHEMISTRY_CHALCOGEN;
    return z == 1 || z == 6 ? -1 : HG_CHEMISTRY_POOR_METAL; /* hydrogen and carbon are families of their own */
}

static void elements(double *x, const atom *a, size_t n) {
    const atom *low = &a[0], *high = &a[n - 1], *second = &a[n > 1 ? n - 2 : 0], *main = &a[0];
    for (size_t k = 0; k < n; k++) {
        const int of = family(a[k].z);
        if (of >= 0) x[of] += a[k].w;
        if (a[k].w > main->w * (1 + 1e-12)) main = &a[k];
    }
    x[HG_CHEMISTRY_LEAST_EN_SHARE] = low->w;
    x[HG_CHEMISTRY_LEAST_EN_NUMBER] = F(low, MENDELEEV_NUMBER);
    x[HG_CHEMISTRY_LEAST_EN_PERIOD] = F(low, PERIOD);
    x[HG_CHEMISTRY_MOST_EN_SHARE] = high->w;
    x[HG_CHEMISTRY_MOST_EN_NUMBER] = F(high, MENDELEEV_NUMBER);
    x[HG_CHEMISTRY_MOST_EN_PERIOD] = F(high, PERIOD);
    x[HG_CHEMISTRY_SECOND_NUMBER] = F(second, MENDELEEV_NUMBER);
    x[HG_CHEMISTRY_SECOND_SHARE] = second->w;
    x[HG_CHEMISTRY_MAIN_SHARE] = main->w;
    x[HG_CHEMISTRY_MAIN_NUMBER] = F(main, MENDELEEV_NUMBER);
    x[HG_CHEMISTRY_MAIN_PERIOD] = F(main, PERIOD);
}

void hg_chemistry(double *x, const hg_composition *c) {
    atom a[HG_COMPOSITION_MAX];
    const size_t n = collect(a, c);
    memset(x, 0, HG_CHEMISTRY_DIM * sizeof *x);
    charge(a, n);
    stoichiometry(x, a, n);
    shells(x, a, n);
    pairs(x, a, n);
    transfer(x, a, n);
    leftovers(x, a, n);
    elements(x, a, n);
}
