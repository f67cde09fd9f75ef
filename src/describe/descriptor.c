/* describe/descriptor.c -- the table of descriptor sets and their arithmetic; see hagane/descriptor.h
 *
 * The features of one element lie side by side in memory and every statistic is a loop over features inside a loop over
 * species: elementwise, so the compiler vectorises it and the result is the same bits for any vector width.
 * Variances are taken about the mean in a second pass: E[f^2] - E[f]^2 would lose the eight digits we promise.
 */
#include "hagane/descriptor.h"
#include "core/text.h"
#include "describe/alloy.h"
#include "describe/chemistry.h"
#include "describe/tables.h"
#include "matter/elements.h"
#include "matter/tables.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct { /* a composition ready for arithmetic: rows of an element table, amounts, fractions */
    size_t n;
    double total;
    const double *row[HG_COMPOSITION_MAX];
    double amount[HG_COMPOSITION_MAX], fraction[HG_COMPOSITION_MAX];
} mixture;

#define XENONPY   "xenonpy290"
#define MAGPIE    "magpie132"
#define FRACTIONS "fractions"
#define CHEMISTRY "chemistry62"
#define ALLOY     "alloy24"

struct hg_descriptor {
    const char *name, *source;
    size_t dim;
    const char *const *columns;
    hg_status (*compute)(double *x, const hg_composition *c, hg_err *err);
    unsigned
        sets; /* bits: those that are put side by side, with nothing in dim, columns and compute; 0: it is one itself */
    bool statistics; /* of the elements' properties: two such sets say much the same in other words */
};

static hg_status beyond_table(hg_err *err, const char *set, unsigned z, size_t elements) {
    hg_fail(err, HG_EDATA, "%s (%s) is beyond the element table of %s, which ends at %s", hg_element_name(z),
            hg_element_symbol(z), set, hg_element_symbol((unsigned)elements));
    return hg_advise(err, HG_EDATA,
                     "leave that row out, or use the descriptor \"fractions\", which knows every element");
}

static void weigh(mixture *m, const hg_composition *c) {
    m->n = c->n;
    m->total = 0;
    for (size_t k = 0; k < c->n; k++) m->total += c->species[k].amount;
    for (size_t k = 0; k < c->n; k++) {
        m->amount[k] = c->species[k].amount;
        m->fraction[k] = c->species[k].amount / m->total;
    }
}

/* Rows of table[elements + 1][features] for the species of c. An isotope gets a copy of its element's row, with its own
 * atomic weight, in spare[HG_ISOTOPES][features]. */
static hg_status gather(mixture *m, const hg_composition *c, const char *set, const double *table, size_t elements,
                        size_t features, size_t weight, double *spare, hg_err *err) {
    for (size_t k = 0; k < c->n; k++) {
        const hg_species *s = &c->species[k];
        if (s->z > elements) return beyond_table(err, set, s->z, elements);
        m->row[k] = table + s->z * features;
        if (s->a == 0) continue;
        memcpy(spare, m->row[k], features * sizeof *spare);
        spare[weight] = hg_species_mass(s);
        m->row[k] = spare;
        spare += features;
    }
    weigh(m, c);
    return HG_OK;
}

/* ---- XenonPy: 58 features x average, sum, variance, max, min ---------------------------------------------------------- */

static hg_status xenonpy290(double *x, const hg_composition *c, hg_err *err) {
    enum { F = HG_XENONPY_FEATURES };
    mixture m;
    double spare[HG_ISOTOPES * F];
    HG_TRY(gather(&m, c, XENONPY, hg_xenonpy_table[0], HG_XENONPY_ELEMENTS, F, HG_XENONPY_WEIGHT, spare, err));
    double *restrict ave = x + HG_XENONPY_AVE * F, *restrict sum = x + HG_XENONPY_SUM * F;
    double *restrict var = x + HG_XENONPY_VAR * F, *restrict max = x + HG_XENONPY_MAX * F;
    double *restrict min = x + HG_XENONPY_MIN * F;
    for (size_t j = 0; j < F; j++) {
        const double f = m.row[0][j];
        ave[j] = m.fraction[0] * f;
        max[j] = min[j] = f;
    }
    for (size_t k = 1; k < m.n; k++) {
        const double *restrict row = m.row[k], w = m.fraction[k];
        for (size_t j = 0; j < F; j++) {
            ave[j] += w * row[j];
            max[j] = row[j] > max[j] ? row[j] : max[j];
            min[j] = row[j] < min[j] ? row[j] : min[j];
        }
    }
    for (size_t j = 0; j < F; j++) {
        sum[j] = ave[j] * m.total;
        var[j] = 0;
    }
    for (size_t k = 0; k < m.n; k++) {
        const double *restrict row = m.row[k], w = m.fraction[k];
        for (size_t j = 0; j < F; j++) {
            const double d = row[j] - ave[j];
            var[j] += w * d * d;
        }
    }
    return HG_OK;
}

/* ---- Magpie: 22 properties x min, max, range, mean, mean deviation, mode ------------------------------------------------ */

static hg_status no_value(hg_err *err, unsigned z, size_t property) {
    const char *name = strchr(hg_magpie_columns[property], ':') + 1; /* columns of block 0 are "min:<property>" */
    hg_fail(err, HG_EDATA, "magpie132 has no %s for %s (%s)", name, hg_element_name(z), hg_element_symbol(z));
    return hg_advise(err, HG_EDATA, "leave that row out, or use the descriptor \"xenonpy290\", whose gaps are filled");
}

/* Property of the most abundant element; of several, the least value. */
static void find_mode(double *mode, const mixture *m, size_t features) {
    double most = 0;
    for (size_t k = 0; k < m->n; k++) most = fmax(most, m->fraction[k]);
    for (size_t j = 0; j < features; j++) {
        mode[j] = INFINITY;
        for (size_t k = 0; k < m->n; k++)
            if (m->fraction[k] >= most * (1 - 1e-12)) mode[j] = fmin(mode[j], m->row[k][j]);
    }
}

static hg_status magpie132(double *x, const hg_composition *c, hg_err *err) {
    enum { F = HG_MAGPIE_FEATURES };
    mixture m;
    double spare[HG_ISOTOPES * F];
    HG_TRY(gather(&m, c, MAGPIE, hg_magpie_table[0], HG_MAGPIE_ELEMENTS, F, HG_MAGPIE_WEIGHT, spare, err));
    double *min = x + HG_MAGPIE_MIN * F, *max = x + HG_MAGPIE_MAX * F, *range = x + HG_MAGPIE_RANGE * F;
    double *mean = x + HG_MAGPIE_MEAN * F, *deviation = x + HG_MAGPIE_MEAN_DEVIATION * F;
    for (size_t j = 0; j < F; j++) {
        min[j] = INFINITY;
        max[j] = -INFINITY;
        mean[j] = deviation[j] = 0;
        for (size_t k = 0; k < m.n; k++) {
            const double f = m.row[k][j];
            if (isnan(f)) return no_value(err, c->species[k].z, j);
            min[j] = fmin(min[j], f);
            max[j] = fmax(max[j], f);
            mean[j] += m.fraction[k] * f;
        }
        for (size_t k = 0; k < m.n; k++) deviation[j] += m.fraction[k] * fabs(m.row[k][j] - mean[j]);
        range[j] = max[j] - min[j];
    }
    find_mode(x + HG_MAGPIE_MODE * F, &m, F);
    return HG_OK;
}

/* ---- fractions ------------------------------------------------------------------------------------------------------ */

static hg_status fractions(double *x, const hg_composition *c, hg_err *err) {
    mixture m;
    (void)err; /* every element has its place */
    weigh(&m, c);
    memset(x, 0, HG_ELEMENTS * sizeof *x);
    for (size_t k = 0; k < c->n; k++) x[c->species[k].z - 1] += m.fraction[k]; /* D and T count as hydrogen */
    return HG_OK;
}

/* ---- chemistry ------------------------------------------------------------------------------------------------------ */

static hg_status chemistry(double *x, const hg_composition *c, hg_err *err) {
    for (size_t k = 0; k < c->n; k++)
        if (c->species[k].z > HG_XENONPY_ELEMENTS)
            return beyond_table(err, CHEMISTRY, c->species[k].z, HG_XENONPY_ELEMENTS);
    hg_chemistry(x, c);
    return HG_OK;
}

static hg_status alloy(double *x, const hg_composition *c, hg_err *err) { return hg_alloy(x, c, ALLOY, err); }

/* ---- the table: one line a set -------------------------------------------------------------------------------------- */

static const hg_descriptor SETS[] = {
    { XENONPY,
      "XenonPy, as in Liu et al., Adv. Mater. 33, 2102507 (2021); elements_completed, 94 elements x 58 features",
      HG_XENONPY_BLOCKS *HG_XENONPY_FEATURES, hg_xenonpy_columns, xenonpy290, 0, true },
    { MAGPIE, "Magpie, Ward et al., npj Comput. Mater. 2, 16028 (2016); 103 elements x 22 properties as in matminer",
      HG_MAGPIE_BLOCKS *HG_MAGPIE_FEATURES, hg_magpie_columns, magpie132, 0, true },
    { FRACTIONS, "atomic fraction of each of the 118 elements", HG_ELEMENTS, hg_fraction_columns, fractions, 0, false },
    { CHEMISTRY,
      "charges, shells, pairs and families of elements, with norms and ionic character of Ward et al. (2016)",
      HG_CHEMISTRY_DIM, hg_chemistry_columns, chemistry, 0, false },
    { ALLOY,
      "heats of mixing and misfits after Miedema; Takeuchi, Inoue, Mater. Trans. 46, 2817 (2005), as in matminer",
      HG_ALLOY_DIM, hg_alloy_columns, alloy, 0, false },
};
enum { N_SETS = sizeof SETS / sizeof *SETS };

/* Sets side by side: one record for each choice of them, so that a descriptor is a constant, whoever asks for it. The name
 * begins with '+'; number i of the table joins the sets whose bits are 1 in i. */
#define PART_0(name) ""
#define PART_1(name) "+" name
#define JOINED_5(a, b, c, d, e)                                                                                        \
    { PART_##e(XENONPY) PART_##d(MAGPIE) PART_##c(FRACTIONS) PART_##b(CHEMISTRY) PART_##a(ALLOY),                      \
      "several sets side by side",                                                                                     \
      0,                                                                                                               \
      NULL,                                                                                                            \
      NULL,                                                                                                            \
      (a) << 4 | (b) << 3 | (c) << 2 | (d) << 1 | (e),                                                                 \
      false },
#define JOINED_4(a, b, c, d) JOINED_5(a, b, c, d, 0) JOINED_5(a, b, c, d, 1)
#define JOINED_3(a, b, c)    JOINED_4(a, b, c, 0) JOINED_4(a, b, c, 1)
#define JOINED_2(a, b)       JOINED_3(a, b, 0) JOINED_3(a, b, 1)
#define JOINED_1(a)          JOINED_2(a, 0) JOINED_2(a, 1)
static const hg_descriptor JOINED[] = { JOINED_1(0) JOINED_1(1) };
_Static_assert(sizeof JOINED / sizeof *JOINED == 1 << N_SETS, "a bit for each set");

size_t hg_descriptor_count(void) { return N_SETS; }

const hg_descriptor *hg_descriptor_at(size_t i) { return i < N_SETS ? &SETS[i] : NULL; }

static const char *name_at(size_t i) { return i < N_SETS ? SETS[i].name : NULL; }

static hg_status find_set(size_t *i, const char *name, size_t len, hg_err *err) {
    char word[64];
    for (*i = 0; *i < N_SETS; ++*i)
        if (strlen(SETS[*i].name) == len && memcmp(SETS[*i].name, name, len) == 0) return HG_OK;
    snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), name);
    return hg_names_advise(err, hg_fail(err, HG_ENOTFOUND, "no descriptor is called \"%s\"", word), word, name_at);
}

hg_status hg_descriptor_find(const hg_descriptor **out, const char *name, hg_err *err) {
    unsigned sets = 0;
    size_t i = 0;
    *out = NULL;
    for (const char *s = name;; s++) {
        const size_t len = strcspn(s, "+");
        HG_TRY(find_set(&i, s, len, err));
        if (sets >> i & 1) return hg_fail(err, HG_EINVAL, "the descriptor \"%s\" has %s twice", name, SETS[i].name);
        sets |= 1U << i;
        s += len;
        if (!*s) break;
    }
    *out = sets == 1U << i ? &SETS[i] : &JOINED[sets];
    return HG_OK;
}

const char *hg_descriptor_name(const hg_descriptor *d) { return d->name + (d->sets ? 1 : 0); }
const char *hg_descriptor_source(const hg_descriptor *d) { return d->source; }

size_t hg_descriptor_dim(const hg_descriptor *d) {
    size_t dim = d->dim;
    for (size_t i = 0; i < N_SETS; i++) dim += d->sets >> i & 1 ? SETS[i].dim : 0;
    return dim;
}

const char *hg_descriptor_column(const hg_descriptor *d, size_t j) {
    for (size_t i = 0; i < N_SETS && d->sets; i++) {
        if (!(d->sets >> i & 1)) continue;
        if (j < SETS[i].dim) return SETS[i].columns[j];
        j -= SETS[i].dim;
    }
    return j < d->dim ? d->columns[j] : NULL;
}

/* The line of the table that number j is of; NULL: there is no such number. */
static const hg_descriptor *set_of(const hg_descriptor *d, size_t j) {
    for (size_t i = 0; i < N_SETS && d->sets; i++) {
        if (!(d->sets >> i & 1)) continue;
        if (j < SETS[i].dim) return &SETS[i];
        j -= SETS[i].dim;
    }
    return j < d->dim ? d : NULL;
}

const char *hg_descriptor_statistics(const hg_descriptor *d, size_t j) {
    const hg_descriptor *set = set_of(d, j);
    return set && set->statistics ? set->name : NULL;
}

const char *hg_descriptor_derived(const hg_descriptor *d, size_t j) {
    const hg_descriptor *set = set_of(d, j);
    return set && set->compute != fractions ? set->name : NULL;
}

hg_status hg_descriptor_compute(double *x, const hg_descriptor *d, const hg_composition *c, hg_err *err) {
    if (c->n == 0 || c->n > HG_COMPOSITION_MAX) return hg_fail(err, HG_EINVAL, "a composition of %zu species", c->n);
    for (size_t k = 0; k < c->n; k++) /* a composition may be made by a program */
        if (c->species[k].z < 1 || c->species[k].z > HG_ELEMENTS || !(c->species[k].amount > 0))
            return hg_fail(err, HG_EINVAL, "species %zu of a composition: element %u, amount %g", k, c->species[k].z,
                           c->species[k].amount);
    if (!d->sets) return d->compute(x, c, err);
    for (size_t i = 0; i < N_SETS; i++) {
        if (!(d->sets >> i & 1)) continue;
        HG_TRY(SETS[i].compute(x, c, err));
        x += SETS[i].dim;
    }
    return HG_OK;
}
