/* library/extrapolate.c -- see library/extrapolate.h */
#include "library/extrapolate.h"
#include "core/memory.h"
#include "core/text.h"
#include "learn/clusters.h"
#include "library/predictor_internal.h"
#include "matter/elements.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PARTS = 5, /* at random, and groups of like rows */
    ELEMENTS_MOST = 8,
    ELEMENT_ROWS_LEAST = 5,
    ROWS_LEAST = 20,
    UNLIKE_LEAST = 10
};
static const double END = 0.2;       /* share of the rows that is highest, lowest */
static const double ROUNDING = 1e-5; /* of the range: what a sum of floats may add to the largest of them */

static const struct {
    const char *name, *help, *words;
} KIND[HG_FAR_COUNT] = {
    [HG_FAR_RANDOM] = { "random", "at random, in 5 parts", "Rows drawn at random" },
    [HG_FAR_CLUSTERS] = { "clusters", "like rows together, in 5 groups", "Groups of like rows, left out whole" },
    [HG_FAR_ELEMENTS] = { "elements", "all rows with an element", "Elements that no other row had" },
    [HG_FAR_HIGHEST] = { "highest", "the highest fifth", "The highest fifth of the values" },
    [HG_FAR_LOWEST] = { "lowest", "the lowest fifth", "The lowest fifth of the values" },
};

const char *hg_far_name(hg_far_kind k) { return KIND[k].name; }
const char *hg_far_help(hg_far_kind k) { return KIND[k].help; }

typedef struct {
    hg_extrapolation *out;
    hg_measured m;
    const char *target;
    const double *value; /* [rows.n]; NULL: texts */
    hg_predictor_opts *o;
    size_t *train, *test; /* [rows.n] */
    bool *leave;          /* [rows.n] */
    size_t done, total;
    hg_arena *mem;
    hg_err *err;
} work;

static hg_status no_memory(hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory for rows left out"); }

/* ---- leaving rows out ------------------------------------------------------------------------------------------------ */

static hg_status begin(work *w, hg_far_kind k, size_t folds) {
    hg_far_test *t = &w->out->test[k];
    t->why = "";
    t->fold = hg_alloc(w->mem, folds, sizeof *t->fold);
    return t->fold ? HG_OK : no_memory(w->err);
}

/* The rows of w->leave predicted from the others. Rows that cannot be learned from -- of one class alone, say -- are no error of
 * the table: the fold is skipped. */
static hg_status leave_out(work *w, hg_far_kind k, const char *name) {
    hg_far_test *t = &w->out->test[k];
    hg_fold *f = &t->fold[t->n_folds];
    hg_err why = { 0 };
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", name);
    for (size_t i = 0; i < w->m.rows.n; i++)
        if (w->leave[i])
            w->test[f->n_test++] = i;
        else
            w->train[f->n_train++] = i;
    if (!hg_progress(w->o->hooks, "leaving out", w->done++, w->total)) return hg_fail(w->err, HG_ECANCEL, "cancelled");
    const hg_status st =
        hg_predictor_judge(f, &w->out->classes, &w->m, w->target, w->train, w->test, w->o, w->mem, &why);
    if (st == HG_OK) {
        t->n_folds++;
        return HG_OK;
    }
    if (st == HG_EDATA && k != HG_FAR_RANDOM) {
        t->skipped++;
        return HG_OK;
    }
    if (w->err) *w->err = why;
    return st;
}

static hg_status leave_parts(work *w, hg_far_kind k, const size_t *part, size_t parts) {
    char name[32];
    HG_TRY(begin(w, k, parts));
    for (size_t p = 0; p < parts; p++) {
        for (size_t i = 0; i < w->m.rows.n; i++) w->leave[i] = part[i] == p;
        snprintf(name, sizeof name, "%zu", p + 1);
        HG_TRY(leave_out(w, k, name));
    }
    return HG_OK;
}

static hg_status leave_random(work *w) {
    size_t *part = hg_alloc(w->mem, w->m.rows.n, sizeof *part);
    const size_t parts = part ? hg_rows_split(part, &w->m.rows, PARTS, w->o->seed) : 0;
    if (parts == 0) return no_memory(w->err);
    if (parts < 2) return hg_fail(w->err, HG_EDATA, "all rows have the same inputs: they cannot be parted");
    return leave_parts(w, HG_FAR_RANDOM, part, parts);
}

static hg_status leave_clusters(work *w) {
    size_t parts, *part = hg_alloc(w->mem, w->m.rows.n, sizeof *part);
    if (!part) return no_memory(w->err);
    HG_TRY(hg_rows_clusters(part, &parts, &w->m.rows, PARTS, w->o->seed, w->err));
    if (parts > 1) return leave_parts(w, HG_FAR_CLUSTERS, part, parts);
    w->out->test[HG_FAR_CLUSTERS].why = "all rows are alike";
    return HG_OK;
}

/* ---- elements ---------------------------------------------------------------------------------------------------------- */

static bool has(const hg_composition *c, unsigned z) {
    for (size_t k = 0; k < c->n; k++)
        if (c->species[k].z == z) return true;
    return false;
}

/* Elements that at least a few rows have and at most half of all, by falling number; when there are too many, evenly from all of them:
 * rare ones are not easier, and frequent ones no fairer. */
static size_t choose_elements(unsigned chosen[ELEMENTS_MOST], const hg_rows *rows) {
    size_t count[HG_ELEMENTS + 1] = { 0 }, n = 0;
    unsigned all[HG_ELEMENTS];
    for (size_t i = 0; i < rows->n; i++)
        for (unsigned z = 1; z <= HG_ELEMENTS; z++) count[z] += has(&rows->composition[i], z);
    for (unsigned z = 1; z <= HG_ELEMENTS; z++)
        if (count[z] >= ELEMENT_ROWS_LEAST && 2 * count[z] <= rows->n) {
            size_t at = n++;
            for (; at && count[all[at - 1]] < count[z]; at--) all[at] = all[at - 1];
            all[at] = z;
        }
    const size_t most = n < ELEMENTS_MOST ? n : ELEMENTS_MOST;
    for (size_t k = 0; k < most; k++) chosen[k] = all[k * n / most];
    return most;
}

static hg_status leave_elements(work *w) {
    hg_far_test *t = &w->out->test[HG_FAR_ELEMENTS];
    const hg_rows *rows = &w->m.rows;
    unsigned z[ELEMENTS_MOST];
    t->why = "there is no column of formulae";
    if (!rows->composition) return HG_OK;
    const size_t n = choose_elements(z, rows);
    t->why = "no element is in 5 rows or more and in half of them at most";
    if (n == 0) return HG_OK;
    HG_TRY(begin(w, HG_FAR_ELEMENTS, n));
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < rows->n; i++) w->leave[i] = has(&rows->composition[i], z[k]);
        HG_TRY(leave_out(w, HG_FAR_ELEMENTS, hg_element_symbol(z[k])));
    }
    return HG_OK;
}

/* ---- ends ---------------------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Values beyond the border: rows with one value stay on one side. */
static hg_status leave_end(work *w, hg_far_kind k) {
    hg_far_test *t = &w->out->test[k];
    const size_t n = w->m.rows.n;
    size_t left = 0;
    t->why = "classes have no order";
    if (w->out->classes) return HG_OK;
    double *sorted = hg_alloc(w->mem, n, sizeof *sorted);
    if (!sorted) return no_memory(w->err);
    memcpy(sorted, w->value, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    const size_t end = (size_t)(END * (double)n);
    const double border = k == HG_FAR_HIGHEST ? sorted[n - 1 - end] : sorted[end];
    for (size_t i = 0; i < n; i++) {
        w->leave[i] = k == HG_FAR_HIGHEST ? w->value[i] > border : w->value[i] < border;
        left += w->leave[i];
    }
    t->why = "too many rows have the same value";
    if (left < ELEMENT_ROWS_LEAST) return HG_OK;
    HG_TRY(begin(w, k, 1));
    return leave_out(w, k, KIND[k].name);
}

/* ---- how the rows fared ------------------------------------------------------------------------------------------------------ */

typedef struct {
    double *ratio; /* of a row's error to its half width, on its side */
    size_t n, barred;
    double error, inside, width;
} sums;

/* A half width of 0 holds nothing but its own value. */
static double ratio_of(const hg_fold *f, size_t i) {
    const double error = f->known[i] - f->value[i],
                 half = error > 0 ? f->high[i] - f->value[i] : f->value[i] - f->low[i];
    return error == 0 ? 0 : fabs(error) / half;
}

static void add_row(sums *s, const hg_fold *f, size_t i, bool classes) {
    s->error += classes ? f->known[i] != f->value[i] : fabs(f->known[i] - f->value[i]);
    s->n++;
    if (classes) return;
    s->ratio[s->barred++] = ratio_of(f, i);
    s->inside += f->known[i] >= f->low[i] && f->known[i] <= f->high[i];
    s->width += f->high[i] - f->low[i];
}

/* like, unlike: which rows count. */
static void add_test(sums *s, const hg_far_test *t, bool like, bool unlike, bool classes) {
    for (size_t k = 0; k < t->n_folds; k++)
        for (size_t i = 0; i < t->fold[k].n; i++)
            if (t->fold[k].unlike[i] ? unlike : like) add_row(s, &t->fold[k], i, classes);
}

static size_t rows_of(const hg_far_test *t) {
    size_t n = 0;
    for (size_t k = 0; k < t->n_folds; k++) n += t->fold[k].n;
    return n;
}

/* The factor is the ratio of the rank that a new row would not exceed in nine cases of ten (conformal prediction). */
static hg_far_score score_of(sums *s, double random) {
    const double n = (double)s->n, bars = (double)s->barred, none = (double)NAN;
    hg_far_score r = { s->n, none, none, none, none, none, false };
    if (s->n) r.error = s->error / n;
    if (s->n && random > 0) r.times = r.error / random;
    if (!s->barred) return r;
    const size_t rank = (size_t)ceil(0.9 * (bars + 1));
    qsort(s->ratio, s->barred, sizeof *s->ratio, by_value);
    r.at_least = rank > s->barred;
    r.factor = s->ratio[(r.at_least ? s->barred : rank) - 1];
    r.coverage90 = s->inside / bars;
    r.width90 = s->width / bars;
    return r;
}

/* Mean ranks stand for equal values. */
static hg_status ranks(double *rank, const double *x, size_t n, hg_err *err) {
    double *sorted = hg_malloc(n, sizeof *sorted);
    if (!sorted) return no_memory(err);
    memcpy(sorted, x, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < n; i++) {
        size_t below = 0, same = 0; /* by halving: how many are less, how many not more */
        for (size_t low = 0, high = n; low < high;) {
            const size_t mid = (low + high) / 2;
            if (sorted[mid] < x[i])
                low = mid + 1;
            else
                high = mid;
            below = low;
        }
        for (same = below; same < n && sorted[same] == x[i];) same++;
        rank[i] = 0.5 * (double)(below + same - 1);
    }
    hg_free(sorted);
    return HG_OK;
}

static double correlation(const double *x, const double *y, size_t n) {
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) mx += x[i] / (double)n, my += y[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0; /* all predicted alike: no order */
}

static hg_status judge_end(hg_far_test *t, hg_far_kind k, hg_arena *mem, hg_err *err) {
    t->rank = (double)NAN;
    if (k < HG_FAR_HIGHEST || t->n_folds == 0 || t->fold[0].n < 2) return HG_OK;
    const hg_fold *f = &t->fold[0];
    double *x = hg_alloc(mem, f->n, sizeof *x), *y = hg_alloc(mem, f->n, sizeof *y);
    if (!x || !y) return no_memory(err);
    HG_TRY(ranks(x, f->value, f->n, err));
    HG_TRY(ranks(y, f->known, f->n, err));
    t->rank = correlation(x, y, f->n);
    const double hair = ROUNDING * (f->most - f->least);
    for (size_t i = 0; i < f->n; i++)
        t->beyond += k == HG_FAR_HIGHEST ? f->value[i] > f->most + hair : f->value[i] < f->least - hair;
    return HG_OK;
}

static hg_status judge_all(work *w) {
    hg_extrapolation *e = w->out;
    size_t most = 0;
    for (int k = 0; k < HG_FAR_COUNT; k++) most += rows_of(&e->test[k]);
    double *ratio = hg_alloc(w->mem, most, sizeof *ratio), random = 0;
    if (!ratio) return no_memory(w->err);
    for (int k = 0; k < HG_FAR_COUNT; k++) {
        hg_far_test *t = &e->test[k];
        const struct {
            hg_far_score *score;
            bool like, unlike;
        } of[] = { { &t->all, true, true }, { &t->like, true, false }, { &t->unlike, false, true } };
        for (size_t c = 0; c < 3; c++) {
            sums s = { .ratio = ratio };
            add_test(&s, t, of[c].like, of[c].unlike, e->classes > 0);
            *of[c].score = score_of(&s, random);
            if (k == HG_FAR_RANDOM && c == 0) random = t->all.error, t->all.times = 1;
        }
        if (t->skipped && !t->n_folds) t->why = "the other rows cannot be learned from";
        HG_TRY(judge_end(t, (hg_far_kind)k, w->mem, w->err));
    }
    sums s = { .ratio = ratio };
    for (int k = HG_FAR_RANDOM; k <= HG_FAR_ELEMENTS; k++) add_test(&s, &e->test[k], false, true, e->classes > 0);
    e->whole = s.n < UNLIKE_LEAST;
    if (e->whole) {
        s = (sums) { .ratio = ratio };
        for (int k = HG_FAR_CLUSTERS; k <= HG_FAR_ELEMENTS; k++) add_test(&s, &e->test[k], true, true, e->classes > 0);
    }
    e->unlike = score_of(&s, random);
    return HG_OK;
}

/* ---- words ---------------------------------------------------------------------------------------------------------------------- */

static void say_score(hg_text *t, const hg_far_score *s) {
    if (isfinite(s->times)) hg_text_add(t, "errors are %.2g times those of rows drawn at random", s->times);
    if (!isfinite(s->coverage90)) return;
    hg_text_add(t, "; 90 %% intervals hold %.0f %%", 100 * s->coverage90);
    if (s->factor > 1.05)
        hg_text_add(t, ": multiply their widths by %s%.2g", s->at_least ? "at least " : "", s->factor);
}

static void say_test(hg_text *t, hg_far_kind k, const hg_far_test *test) {
    hg_text_add(t, "%s: ", KIND[k].words);
    if (*test->why) {
        hg_text_add(t, "not tried, %s.\n", test->why);
        return;
    }
    say_score(t, &test->all);
    if (isfinite(test->rank))
        hg_text_add(
            t,
            ". %zu of %zu predictions lie beyond all that was learned; the rank correlation with the known values is %.2f",
            test->beyond, test->all.n, test->rank);
    hg_text_add(t, ".\n");
}

static hg_status put_in_words(work *w) {
    hg_extrapolation *e = w->out;
    hg_text t = hg_text_new(0);
    for (int k = HG_FAR_CLUSTERS; k < HG_FAR_COUNT; k++) say_test(&t, (hg_far_kind)k, &e->test[k]);
    if (e->unlike.n) {
        hg_text_add(&t, "%s: ",
                    e->whole ? "Few of them are called outside by a prediction; for a row that is, take what "
                               "groups and elements left out whole tell"
                             : "Rows that a prediction calls outside");
        say_score(&t, &e->unlike);
        hg_text_add(&t, ".\n");
    }
    e->words = t.failed ? NULL : hg_arena_strdup(w->mem, t.s);
    hg_text_free(&t);
    return e->words ? HG_OK : no_memory(w->err);
}

/* ---- all ------------------------------------------------------------------------------------------------------------------------ */

static hg_status prepare(work *w, const hg_table *t) {
    size_t j;
    HG_TRY(hg_predictor_measured(&w->m, t, w->target, w->o, w->mem, w->err));
    const size_t n = w->m.rows.n;
    if (n < ROWS_LEAST)
        return hg_fail(w->err, HG_EDATA, "%s: %zu rows have a \"%s\"; %d are needed to leave some out in several ways",
                       hg_table_source(t), n, w->target, ROWS_LEAST);
    HG_TRY(hg_table_find(&j, w->m.t, w->target, w->err));
    const hg_column *c = hg_table_column(w->m.t, j);
    if (c->kind == HG_COLUMN_NUMBER) w->value = c->number;
    w->train = hg_alloc(w->mem, n, sizeof *w->train);
    w->test = hg_alloc(w->mem, n, sizeof *w->test);
    w->leave = hg_alloc(w->mem, n, sizeof *w->leave);
    return w->train && w->test && w->leave ? HG_OK : no_memory(w->err);
}

hg_status hg_extrapolate(hg_extrapolation *out, const hg_table *t, const char *target, const hg_predictor_opts *opts,
                         hg_arena *mem, hg_err *err) {
    hg_predictor_opts o = opts ? *opts : hg_predictor_opts_default();
    work w = { .out = out, .target = target, .o = &o, .total = 2 * PARTS + ELEMENTS_MOST + 2, .mem = mem, .err = err };
    memset(out, 0, sizeof *out);
    hg_status st = prepare(&w, t);
    if (st == HG_OK) st = leave_random(&w);
    if (st == HG_OK) st = leave_clusters(&w);
    if (st == HG_OK) st = leave_elements(&w);
    if (st == HG_OK) st = leave_end(&w, HG_FAR_HIGHEST);
    if (st == HG_OK) st = leave_end(&w, HG_FAR_LOWEST);
    if (st == HG_OK) st = judge_all(&w);
    if (st == HG_OK) st = put_in_words(&w);
    hg_table_free(w.m.t);
    return st;
}

void hg_predictor_keep_far(hg_predictor *p, const hg_extrapolation *e) {
    p->far = (hg_far) { (double)e->unlike.n, e->unlike.times, e->unlike.coverage90, e->unlike.factor };
}

hg_far hg_predictor_far(const hg_predictor *p) { return p->far; }
