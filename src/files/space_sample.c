/* files/space_sample.c -- points of a space: an even sample of all of it, and small moves around one of them
 *
 * Inside, a point is one double a variable: the value, or for levels the index of the level.
 */
#include "core/memory.h"
#include "files/space_internal.h"
#include "num/sobol.h"
#include <math.h>
#include <string.h>

enum { SWEEPS = 8 }; /* of pair moves over a mixture; each pair move is an exact draw of two parts given the others */

/* How many values variable v has; 0: a continuum. */
static size_t count_values(const hg_variable *v) {
    if (v->kind == HG_VARIABLE_LEVELS) return v->n_levels;
    return v->kind == HG_VARIABLE_INTEGER ? (size_t)(v->max - v->min) + 1 : 0;
}

/* Number of points of a space that has no continuous variable, 0 when it has one or when there are more than `limit`. */
static size_t count_points(const hg_space *s, size_t limit) {
    size_t total = 1;
    for (size_t i = 0; i < s->n; i++) {
        const size_t k = count_values(&s->v[i]);
        if (k == 0 || k > limit / total) return 0;
        total *= k;
    }
    return total;
}

static double from_unit(const hg_variable *v, double u) {
    if (v->kind == HG_VARIABLE_REAL || v->kind == HG_VARIABLE_PART) return v->min + (v->max - v->min) * u;
    const double k = (double)count_values(v), i = fmin(floor(k * u), k - 1);
    return v->kind == HG_VARIABLE_INTEGER ? v->min + i : i;
}

/* Moves `amount` from part b to part a, or less where a bound stops it. */
static void exchange(const hg_space *s, double *p, size_t a, size_t b, double amount) {
    const hg_variable *va = &s->v[a], *vb = &s->v[b];
    const double most = fmin(va->max - p[a], p[b] - vb->min), least = -fmin(p[a] - va->min, vb->max - p[b]);
    amount = fmin(fmax(amount, least), most);
    const double sum = p[a] + p[b];
    p[a] = fmin(fmax(p[a] + amount, va->min), va->max);
    if (p[a] < va->min + 1e-12) p[a] = va->min; /* 1e-16 of a component is none */
    p[b] = fmin(fmax(sum - p[a], vb->min), vb->max);
    if (p[b] < vb->min + 1e-12) p[b] = vb->min;
}

/* Two different random parts of mixture m. */
static void pick_pair(const hg_space *s, size_t m, hg_rng *rng, size_t *a, size_t *b) {
    size_t ia = hg_rng_below(rng, s->mixture[m].n), ib = hg_rng_below(rng, s->mixture[m].n - 1), k = 0;
    if (ib >= ia) ib++;
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].kind != HG_VARIABLE_PART || s->v[i].mixture != m) continue;
        if (k == ia) *a = i;
        if (k == ib) *b = i;
        k++;
    }
}

/* Uniform on {sum of parts = 1, min <= part <= max}. Without an active upper bound this is a simplex, reached from uniform
 * numbers u by exponential spacings (Devroye, Non-Uniform Random Variate Generation, 1986, V.2), which keeps the evenness
 * of u. With one, a Gibbs walk from the centre: each step draws a pair of parts exactly, given the others. */
static void draw_mixture(const hg_space *s, size_t m, double *p, const double *u, hg_rng *rng) {
    const hg_mixture *mix = &s->mixture[m];
    const double room = 1 - mix->sum_min, span = mix->sum_max - mix->sum_min;
    bool bounded = false;
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].kind != HG_VARIABLE_PART || s->v[i].mixture != m) continue;
        bounded = bounded || s->v[i].max - s->v[i].min < room - 1e-12;
        p[i] = -log(fmax(u[i], 0x1p-33));
        sum += p[i];
    }
    for (size_t i = 0; i < s->n; i++) {
        const hg_variable *v = &s->v[i];
        if (v->kind != HG_VARIABLE_PART || v->mixture != m) continue;
        p[i] = bounded ? v->min + (v->max - v->min) * room / span : fmin(v->min + room * p[i] / sum, v->max);
    }
    for (size_t k = 0; bounded && k < SWEEPS * mix->n; k++) {
        size_t a = 0, b = 0;
        pick_pair(s, m, rng, &a, &b);
        const double low = fmax(s->v[a].min, p[a] + p[b] - s->v[b].max),
                     high = fmin(s->v[a].max, p[a] + p[b] - s->v[b].min);
        exchange(s, p, a, b, low + (high - low) * hg_rng_uniform(rng) - p[a]);
    }
}

/* ---- digits: what is suggested must be weighed, set and typed ------------------------------------------------------------ */

enum { DIGITS = 4 }; /* a continuous variable moves in steps of 1e-4 of the decade of its range */

/* To the nearest multiple of 10^power, written as a decimal reads: 0.7443, not 0.74429999. */
static double to_decimal(double x, int power) {
    return power < 0 ? round(x * pow(10, -power)) / pow(10, -power) : round(x / pow(10, power)) * pow(10, power);
}

static int finest_digit(const hg_variable *v) {
    return v->max > v->min ? (int)floor(log10(v->max - v->min)) - DIGITS : 0;
}

/* Rounds the parts of mixture m but the one farthest from its bounds, which takes what the others leave of 1. Keeps p when
 * no part has the room (bounds with many digits). */
static void round_mixture(const hg_space *s, size_t m, double *p) {
    size_t free_part = s->n;
    double most = -1, rest = 1;
    int finest = 0;
    for (size_t i = 0; i < s->n; i++) {
        const hg_variable *v = &s->v[i];
        if (v->kind != HG_VARIABLE_PART || v->mixture != m) continue;
        const double room = fmin(p[i] - v->min, v->max - p[i]);
        if (room > most) {
            most = room;
            free_part = i;
        }
        finest = finest_digit(v) < finest ? finest_digit(v) : finest;
    }
    for (size_t i = 0; i < s->n; i++) {
        const hg_variable *v = &s->v[i];
        if (v->kind == HG_VARIABLE_PART && v->mixture == m && i != free_part)
            rest -= fmin(fmax(to_decimal(p[i], finest_digit(v)), v->min), v->max);
    }
    const double decimal = to_decimal(rest, finest - 2); /* two digits for bounds finer than the steps */
    if (fabs(decimal - rest) < 1e-12) rest = decimal;
    if (!(rest >= s->v[free_part].min && rest <= s->v[free_part].max)) return;
    for (size_t i = 0; i < s->n; i++) {
        const hg_variable *v = &s->v[i];
        if (v->kind == HG_VARIABLE_PART && v->mixture == m)
            p[i] = i == free_part ? rest : fmin(fmax(to_decimal(p[i], finest_digit(v)), v->min), v->max);
    }
}

static void round_point(const hg_space *s, double *p) {
    for (size_t j = 0; j < s->n; j++) {
        const hg_variable *v = &s->v[j];
        if (v->kind == HG_VARIABLE_REAL) p[j] = fmin(fmax(to_decimal(p[j], finest_digit(v)), v->min), v->max);
    }
    for (size_t m = 0; m < s->n_mixtures; m++) round_mixture(s, m, p);
}

/* ---- samples ---------------------------------------------------------------------------------------------------------- */

static void all_points(const hg_space *s, double *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t rest = i;
        for (size_t j = s->n; j-- > 0;) {
            const hg_variable *v = &s->v[j];
            const size_t k = count_values(v), at = rest % k;
            rest /= k;
            p[i * s->n + j] = v->kind == HG_VARIABLE_INTEGER ? v->min + (double)at : (double)at;
        }
    }
}

static void even_points(const hg_space *s, double *p, size_t n, uint64_t seed, const hg_sobol *sobol, double *u) {
    for (size_t i = 0; i < n; i++) {
        hg_rng rng = hg_rng_make(seed, i);
        hg_sobol_point(sobol, (uint32_t)i, u);
        for (size_t j = sobol->d; j < s->n; j++) u[j] = hg_rng_uniform(&rng); /* beyond the table: plain random */
        for (size_t j = 0; j < s->n; j++)
            if (s->v[j].kind != HG_VARIABLE_PART) p[i * s->n + j] = from_unit(&s->v[j], u[j]);
        for (size_t m = 0; m < s->n_mixtures; m++) draw_mixture(s, m, p + i * s->n, u, &rng);
        round_point(s, p + i * s->n);
    }
}

/* The table of points p[n, variables]. */
static hg_status to_table(hg_table **out, const hg_space *s, const double *p, size_t n, hg_err *err) {
    *out = NULL;
    hg_table *t = NULL;
    double *column = hg_malloc(n, sizeof *column);
    const char **words = hg_malloc(n, sizeof *words);
    hg_status st = column && words ? hg_table_new(&t, s->source, n, err) : hg_fail(err, HG_ENOMEM, "%zu points", n);
    for (size_t j = 0; st == HG_OK && j < s->n; j++) {
        const hg_variable *v = &s->v[j];
        const bool text = v->kind == HG_VARIABLE_LEVELS && !v->numeric;
        for (size_t i = 0; i < n; i++) {
            const double x = p[i * s->n + j];
            if (text)
                words[i] = v->level[(size_t)x];
            else
                column[i] = v->kind == HG_VARIABLE_LEVELS ? v->value[(size_t)x] : x;
        }
        st = text ? hg_table_add_texts(t, v->name, words, err) : hg_table_add_numbers(t, v->name, column, err);
    }
    hg_free(words);
    hg_free(column);
    if (st == HG_OK)
        *out = t;
    else
        hg_table_free(t);
    return st;
}

hg_status hg_space_sample(hg_table **out, const hg_space *s, size_t n, uint64_t seed, hg_err *err) {
    *out = NULL;
    if (n == 0 || n > UINT32_MAX) return hg_fail(err, HG_EINVAL, "%zu points of a space asked for", n);
    const size_t all = count_points(s, n);
    if (all) n = all;
    double *p = hg_malloc(n, s->n * sizeof *p), *u = hg_malloc(s->n, sizeof *u);
    hg_sobol *sobol = hg_malloc(1, sizeof *sobol);
    hg_status st = p && u && sobol ? HG_OK : hg_fail(err, HG_ENOMEM, "%zu points of %zu variables", n, s->n);
    if (st == HG_OK && all) all_points(s, p, n);
    if (st == HG_OK && !all) {
        hg_sobol_init(sobol, s->n, seed + 1); /* seed 0 of the sequence itself would leave it unscrambled */
        even_points(s, p, n, seed, sobol, u);
    }
    if (st == HG_OK) st = to_table(out, s, p, n, err);
    hg_free(sobol);
    hg_free(u);
    hg_free(p);
    return st;
}

/* Row `row` of t as a point of s. */
static hg_status from_table(double *p, const hg_space *s, const hg_table *t, size_t row, hg_err *err) {
    for (size_t j = 0; j < s->n; j++) {
        const hg_variable *v = &s->v[j];
        size_t column;
        HG_TRY(hg_table_find(&column, t, v->name, err));
        const hg_column *c = hg_table_column(t, column);
        if (v->kind != HG_VARIABLE_LEVELS) {
            HG_TRY(hg_table_need_numbers(t, column, true, err));
            p[j] = fmin(fmax(c->number[row], v->min), v->max); /* NaN becomes min */
            continue;
        }
        const bool numbers = c->kind == HG_COLUMN_NUMBER;
        size_t k = 0;
        while (k < v->n_levels && (numbers ? !v->numeric || v->value[k] != c->number[row]
                                           : strcmp(v->level[k], hg_table_text(t, column, row)) != 0))
            k++;
        p[j] = k < v->n_levels ? (double)k : 0;
    }
    return HG_OK;
}

/* One local move. Every variable takes part with probability 1/2, and at least one does. */
static void move(const hg_space *s, double *p, double step, hg_rng *rng) {
    const size_t sure = hg_rng_below(rng, s->n);
    for (size_t j = 0; j < s->n; j++) {
        const hg_variable *v = &s->v[j];
        if (j != sure && hg_rng_uniform(rng) < 0.5) continue;
        const double jump = step * hg_rng_normal(rng);
        if (v->kind == HG_VARIABLE_PART) {
            size_t a = j, b = j;
            pick_pair(s, v->mixture, rng, &a, &b);
            exchange(s, p, a, b, jump * (s->v[a].max - s->v[a].min));
        } else if (v->kind == HG_VARIABLE_LEVELS) {
            if (j == sure || hg_rng_uniform(rng) < step) p[j] = (double)hg_rng_below(rng, v->n_levels);
        } else {
            double x = p[j] + jump * (v->max - v->min);
            if (v->kind == HG_VARIABLE_INTEGER) x = jump < 0 ? fmin(round(x), p[j] - 1) : fmax(round(x), p[j] + 1);
            p[j] = fmin(fmax(x, v->min), v->max);
        }
    }
}

hg_status hg_space_neighbours(hg_table **out, const hg_space *s, const hg_table *t, size_t row, size_t n, double step,
                              uint64_t seed, hg_err *err) {
    *out = NULL;
    if (n == 0 || row >= hg_table_rows(t) || !(step > 0 && step <= 1))
        return hg_fail(err, HG_EINVAL, "%zu neighbours of row %zu with step %g asked for", n, row, step);
    double *p = hg_malloc(n, s->n * sizeof *p);
    hg_status st = p ? from_table(p, s, t, row, err) : hg_fail(err, HG_ENOMEM, "%zu points", n);
    for (size_t i = 1; st == HG_OK && i < n; i++) memcpy(p + i * s->n, p, s->n * sizeof *p);
    for (size_t i = 0; st == HG_OK && i < n; i++) {
        hg_rng rng = hg_rng_make(seed, i);
        move(s, p + i * s->n, step, &rng);
        round_point(s, p + i * s->n);
    }
    if (st == HG_OK) st = to_table(out, s, p, n, err);
    hg_free(p);
    return st;
}
