/* describe/alloy.c -- see describe/alloy.h
 *
 * Heats of mixing: Takeuchi, Inoue, Mater. Trans. 46, 2817 (2005). Parameters: Miedema's, de Boer et al., Cohesion in Metals (1988). Both as
 * matminer distributes them. What is made of them: Yang, Zhang, Mater. Chem. Phys. 132, 233 (2012), for size misfit and entropy against enthalpy; Labusch, Phys. Status
 * Solidi 41, 659 (1970), for solutes that strengthen.
 */
#include "describe/alloy.h"
#include "describe/tables.h"
#include <math.h>
#include <string.h>

static const double GAS = 8.31446261815324e-3; /* kJ/(mol K) */

#define TEXT(name, text) text,
const char *const hg_alloy_columns[HG_ALLOY_DIM] = { HG_ALLOY_NUMBERS(TEXT) };

typedef struct {
    unsigned z;
    double w;
    const hg_miedema *m;
} part;

static hg_status refuse(hg_err *err, hg_status st) {
    return hg_advise(err, st, "this set is for alloys; leave that row out, or use another descriptor");
}

/* Elements by number; isotopes of hydrogen are hydrogen. */
static hg_status collect(part *p, size_t *n, const hg_composition *c, const char *set, hg_err *err) {
    double total = 0;
    *n = 0;
    for (size_t k = 0; k < c->n; k++) total += c->species[k].amount;
    for (size_t k = 0; k < c->n; k++) {
        const unsigned z = c->species[k].z;
        size_t at = 0;
        if (!(hg_miedema_table[z].molar_volume > 0))
            return refuse(err, hg_fail(err, HG_EDATA, "%s has no parameters of %s (%s)", set, hg_element_name(z),
                                       hg_element_symbol(z)));
        while (at < *n && p[at].z < z) at++;
        if (at == *n || p[at].z != z) {
            memmove(p + at + 1, p + at, (*n - at) * sizeof *p);
            p[at] = (part) { z, 0, &hg_miedema_table[z] };
            ++*n;
        }
        p[at].w += c->species[k].amount / total;
    }
    for (size_t i = 0; i < *n; i++)
        for (size_t j = 0; j < i; j++)
            if (isnan(hg_mixing_table[p[i].z][p[j].z]))
                return refuse(err, hg_fail(err, HG_EDATA, "%s has no heat of mixing of %s with %s", set,
                                           hg_element_name(p[j].z), hg_element_name(p[i].z)));
    return HG_OK;
}

static double heat(const part *a, const part *b) { return (double)hg_mixing_table[a->z][b->z]; }
static double radius(const part *p) { return cbrt(p->m->molar_volume); }
static double density(const part *p) { return cbrt(p->m->electron_density); }
static double en(const part *p) { return p->m->electronegativity; }
static double bulk(const part *p) { return p->m->bulk_modulus; }
static double shear(const part *p) { return p->m->shear_modulus; }
static double volume(const part *p) { return p->m->molar_volume; }

static double mean_of(const part *p, size_t n, double (*f)(const part *)) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += p[k].w * f(&p[k]);
    return sum;
}

static double sd_of(const part *p, size_t n, double (*f)(const part *)) {
    const double mean = mean_of(p, n, f);
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += p[k].w * (f(&p[k]) - mean) * (f(&p[k]) - mean);
    return sqrt(sum);
}

static double from_main(const part *p, size_t n, const part *main, double (*f)(const part *)) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += p[k].w * (f(&p[k]) - f(main));
    return sum;
}

static void mixing(double *x, const part *p, size_t n, const part *main) {
    double sum = 0, pairs = 0, square = 0, melting = 0;
    for (size_t i = 0; i < n; i++) {
        x[HG_ALLOY_ENTROPY] -= p[i].w * log(p[i].w);
        melting += p[i].w * hg_xenonpy_table[p[i].z][HG_XENONPY_MELTING_POINT];
        if (&p[i] != main) x[HG_ALLOY_MIXING_MAIN] += p[i].w * heat(&p[i], main);
        for (size_t j = 0; j < i; j++) {
            const double h = heat(&p[i], &p[j]), w = p[i].w * p[j].w;
            const bool first = i == 1 && j == 0;
            sum += w * h;
            pairs += w;
            x[HG_ALLOY_MIXING_MIN] = first ? h : fmin(x[HG_ALLOY_MIXING_MIN], h);
            x[HG_ALLOY_MIXING_MAX] = first ? h : fmax(x[HG_ALLOY_MIXING_MAX], h);
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            square += p[i].w * p[j].w / pairs * (heat(&p[i], &p[j]) - sum / pairs) * (heat(&p[i], &p[j]) - sum / pairs);
    x[HG_ALLOY_MIXING] = 4 * sum;
    x[HG_ALLOY_MIXING_SD] = sqrt(square);
    x[HG_ALLOY_FREE] = 4 * sum - melting * GAS * x[HG_ALLOY_ENTROPY];
}

static void sizes(double *x, const part *p, size_t n, const part *main) {
    const double mean = mean_of(p, n, radius);
    double least = INFINITY, most = 0, square = 0, of_main = 0;
    for (size_t k = 0; k < n; k++) {
        const double r = radius(&p[k]), off = 1 - r / mean, solute = r / radius(main) - 1;
        square += p[k].w * off * off;
        least = fmin(least, r);
        most = fmax(most, r);
        x[HG_ALLOY_SIZE_MAIN] += p[k].w * fabs(solute);
        of_main += p[k].w * solute * solute;
    }
    x[HG_ALLOY_SIZE] = sqrt(square);
    x[HG_ALLOY_SIZE_RANGE] = most / least;
    x[HG_ALLOY_SIZE_MAIN_2] = sqrt(of_main);
}

hg_status hg_alloy(double *x, const hg_composition *c, const char *set, hg_err *err) {
    part p[HG_COMPOSITION_MAX];
    size_t n;
    HG_TRY(collect(p, &n, c, set, err));
    const part *main = &p[0];
    for (size_t k = 1; k < n; k++)
        if (p[k].w > main->w * (1 + 1e-12)) main = &p[k];
    memset(x, 0, HG_ALLOY_DIM * sizeof *x);
    mixing(x, p, n, main);
    sizes(x, p, n, main);
    x[HG_ALLOY_EN] = mean_of(p, n, en);
    x[HG_ALLOY_EN_SD] = sd_of(p, n, en);
    x[HG_ALLOY_EN_MAIN] = from_main(p, n, main, en);
    x[HG_ALLOY_DENSITY] = mean_of(p, n, density);
    x[HG_ALLOY_DENSITY_SD] = sd_of(p, n, density);
    x[HG_ALLOY_DENSITY_MAIN] = from_main(p, n, main, density);
    x[HG_ALLOY_BULK] = mean_of(p, n, bulk);
    x[HG_ALLOY_BULK_SD] = sd_of(p, n, bulk);
    x[HG_ALLOY_SHEAR] = mean_of(p, n, shear);
    x[HG_ALLOY_SHEAR_SD] = sd_of(p, n, shear);
    x[HG_ALLOY_SHEAR_MAIN] = from_main(p, n, main, shear);
    x[HG_ALLOY_VOLUME] = mean_of(p, n, volume);
    x[HG_ALLOY_SOLUTES] = 1 - main->w;
    return HG_OK;
}
