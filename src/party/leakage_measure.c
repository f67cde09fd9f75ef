/* party/leakage_measure.c -- how much the answers of the policy at hand tell, by trying them on made-up data; see party/leakage.h
 *
 * Every sample has a stream of random numbers of its own and writes to a place of its own, so that the numbers do not depend on
 * the threads. */
#include "core/memory.h"
#include "party/leakage.h"
#include "secret/tier1.h"
#include <math.h>
#include <string.h>

/* The rows that answers are computed from, and what is excluded from being one. */
typedef struct {
    hg_t1_tables *tables;
    bool *excluded; /* [n_pool] */
} question;

/* Data sets that all gave one first answer. */
typedef struct {
    size_t index, *member, n, truths; /* the answer; [n] samples; how many truths are among them */
    double variance; /* within groups of the same second answer, over the prior's, averaged over hidden values */
    bool known;      /* some group had two members */
    hg_status st;
} cell;

typedef struct {
    const hg_policy *p;
    const hg_leakage_opts *o;
    const size_t *measured;
    size_t n, n_hidden;
    double own[HG_LEAKAGE_ROWS]; /* scaled; NaN: hidden */
    double *scaled_pool;
    question first;
    double *y;      /* [samples, n] */
    size_t *answer; /* [samples] the first */
    hg_status *st;  /* [samples] */
    cell *cell;     /* [n_cells] those of the truths */
    size_t n_cells;
    hg_arena *mem;
} measurement;

static hg_status ask(size_t *answer, const measurement *m, const question *q, const double *y) {
    uint64_t word[HG_RING_LIMBS] = { m->o->seed }; /* of Thompson sampling: a coin that everybody saw */
    const hg_t1_opts o = { .excluded = q->excluded, .seed = { .slot = { word }, .n = 1, .limbs = 1 }, .batch = 1 };
    double gap;
    return hg_t1_float(answer, &gap, NULL, q->tables, y, &o, NULL);
}

static double uniform(hg_rng *rng) { return HG_Y_LIMIT * (2 * hg_rng_uniform(rng) - 1); }

/* ---- the first answer --------------------------------------------------------------------------------------------------- */

static void answer_samples(void *ctx, size_t begin, size_t end, size_t worker) {
    measurement *m = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        double *y = m->y + i * m->n;
        hg_rng rng = hg_rng_make(m->o->seed, i);
        for (size_t k = 0; k < m->n; k++) y[k] = isnan(m->own[k]) ? uniform(&rng) : m->own[k];
        m->st[i] = ask(&m->answer[i], m, &m->first, y);
    }
}

/* Entropy of the counts, with Miller's correction for what a sample of this size misses; error of the plain estimate. */
static hg_status entropy(hg_leakage_estimate *e, const measurement *m, hg_err *err) {
    size_t *count = hg_calloc(m->p->n_pool, sizeof *count), kinds = 0;
    if (!count) return hg_fail(err, HG_ENOMEM, "no memory to count %zu candidates", m->p->n_pool);
    const double n = (double)m->o->samples;
    double mean = 0, square = 0;
    for (size_t i = 0; i < m->o->samples; i++) count[m->answer[i]]++;
    for (size_t j = 0; j < m->p->n_pool; j++) {
        if (!count[j]) continue;
        const double share = (double)count[j] / n, bits = -log2(share);
        mean += share * bits;
        square += share * bits * bits;
        kinds++;
    }
    hg_free(count);
    e->bits_first = mean + (double)(kinds - 1) / (2 * n * 0.6931471805599453);
    e->bits_error = sqrt(fmax(0, square - mean * mean) / n);
    return HG_OK;
}

/* ---- what answers leave open -------------------------------------------------------------------------------------------- */

/* Pooled variance of the hidden values within groups: sample member[i] belongs to group[i] < n_pool. Over the prior's
 * variance. *known false when every group has one member. */
static hg_status pooled(double *variance, bool *known, const measurement *m, const size_t *member, const size_t *group,
                        size_t n) {
    size_t *count = hg_calloc(m->p->n_pool, sizeof *count), groups = 0;
    double *sum = hg_calloc(m->p->n_pool, sizeof *sum), squares = 0;
    const double prior = 4.0 * HG_Y_LIMIT * HG_Y_LIMIT / 12;
    hg_status st = count && sum ? HG_OK : HG_ENOMEM;
    for (size_t i = 0; i < n && st == HG_OK; i++) groups += count[group[i]]++ == 0;
    for (size_t k = 0; k < m->n && st == HG_OK; k++) {
        if (!isnan(m->own[k])) continue;
        memset(sum, 0, m->p->n_pool * sizeof *sum);
        for (size_t i = 0; i < n; i++) sum[group[i]] += m->y[member[i] * m->n + k];
        for (size_t i = 0; i < n; i++) {
            const double off = m->y[member[i] * m->n + k] - sum[group[i]] / (double)count[group[i]];
            squares += off * off;
        }
    }
    *known = n > groups;
    *variance = *known ? squares / (double)(n - groups) / (double)m->n_hidden / prior : 0;
    hg_free(count);
    hg_free(sum);
    return st;
}

static hg_status question_new(question *q, const measurement *m, const size_t *measured, size_t n, hg_pool *threads,
                              hg_err *err) {
    const hg_policy *p = m->p;
    *q = (question) { .excluded = hg_calloc(p->n_pool, sizeof(bool)) };
    if (!q->excluded) return hg_fail(err, HG_ENOMEM, "no memory for %zu candidates", p->n_pool);
    for (size_t j = 0; j < p->n_pool; j++) q->excluded[j] = p->candidate && !p->candidate[j];
    for (size_t i = 0; i < n; i++) q->excluded[measured[i]] = true;
    return hg_t1_tables_new(&q->tables, NULL, &p->model, m->scaled_pool, p->n_pool, p->n_features, measured, n, threads,
                            NULL, err);
}

static void question_free(question *q) {
    hg_t1_tables_free(q->tables);
    hg_free(q->excluded);
}

static hg_status second_answers(cell *c, const measurement *m) {
    size_t measured[HG_LEAKAGE_ROWS + 1];
    double y[HG_LEAKAGE_ROWS + 1];
    question q;
    hg_rng rng = hg_rng_make(m->o->seed, ((uint64_t)1 << 32) + c->index);
    memcpy(measured, m->measured, m->n * sizeof *measured);
    measured[m->n] = c->index;
    y[m->n] = uniform(&rng); /* what the user measured there */
    size_t *answer = hg_calloc(c->n, sizeof *answer);
    hg_status st = question_new(&q, m, measured, m->n + 1, NULL, NULL);
    if (!answer) st = HG_ENOMEM;
    for (size_t i = 0; i < c->n && st == HG_OK; i++) {
        memcpy(y, m->y + c->member[i] * m->n, m->n * sizeof *y);
        st = ask(&answer[i], m, &q, y);
    }
    if (st == HG_OK) st = pooled(&c->variance, &c->known, m, c->member, answer, c->n);
    question_free(&q);
    hg_free(answer);
    return st;
}

static void follow_cells(void *ctx, size_t begin, size_t end, size_t worker) {
    measurement *m = ctx;
    (void)worker;
    for (size_t c = begin; c < end; c++) m->cell[c].st = second_answers(&m->cell[c], m);
}

/* The first answers of the first `truths` samples, each once, and all samples that gave them. */
static hg_status find_cells(measurement *m, hg_err *err) {
    for (size_t t = 0; t < m->o->truths; t++) {
        size_t c = 0;
        while (c < m->n_cells && m->cell[c].index != m->answer[t]) c++;
        if (c == m->n_cells) m->cell[m->n_cells++] = (cell) { .index = m->answer[t] };
        m->cell[c].truths++;
    }
    for (size_t c = 0; c < m->n_cells; c++) {
        cell *x = &m->cell[c];
        for (size_t i = 0; i < m->o->samples; i++) x->n += m->answer[i] == x->index;
        x->member = hg_alloc(m->mem, x->n, sizeof *x->member);
        if (!x->member) return hg_fail(err, HG_ENOMEM, "no memory to measure what answers tell");
        x->n = 0;
        for (size_t i = 0; i < m->o->samples; i++)
            if (m->answer[i] == x->index) x->member[x->n++] = i;
    }
    return HG_OK;
}

static hg_status spread_of_second(double *spread, const measurement *m, hg_err *err) {
    double sum = 0;
    size_t truths = 0;
    for (size_t c = 0; c < m->n_cells; c++) {
        const cell *x = &m->cell[c];
        if (x->st != HG_OK) return hg_fail(err, x->st, "the policy could not be tried on made-up data");
        if (!x->known) continue; /* too few samples to say */
        sum += (double)x->truths * x->variance;
        truths += x->truths;
    }
    *spread = truths ? sqrt(sum / (double)truths) : 0;
    return HG_OK;
}

static hg_status spread_of_first(double *spread, const measurement *m, hg_err *err) {
    size_t *all = hg_calloc(m->o->samples, sizeof *all);
    double variance = 0;
    bool known;
    for (size_t i = 0; all && i < m->o->samples; i++) all[i] = i;
    const hg_status st = all ? pooled(&variance, &known, m, all, m->answer, m->o->samples) : HG_ENOMEM;
    hg_free(all);
    *spread = sqrt(variance);
    return st == HG_OK ? HG_OK : hg_fail(err, st, "no memory to measure what answers tell");
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

hg_leakage_opts hg_leakage_opts_default(void) { return (hg_leakage_opts) { .samples = 4000, .truths = 32, .seed = 1 }; }

static hg_status check(const measurement *m, const double *known, hg_err *err) {
    const hg_policy *p = m->p;
    const hg_leakage_opts *o = m->o;
    if (p->tier != HG_TIER_PROPERTIES)
        return hg_fail(err, HG_EINVAL,
                       "which rows were measured is not known on this tier: there is nothing to try out");
    if (p->model.epsilon > 0)
        return hg_fail(err, HG_EINVAL, "noise makes the answers differentially private: epsilon says what they tell");
    if (m->n < 2 || m->n > HG_LEAKAGE_ROWS)
        return hg_fail(err, HG_ELIMIT, "%zu rows: what answers tell is measured for 2 to %d", m->n, HG_LEAKAGE_ROWS);
    if (o->samples < 2 || o->truths == 0 || o->truths > o->samples)
        return hg_fail(err, HG_EINVAL, "%zu samples, %zu truths among them", o->samples, o->truths);
    for (size_t i = 0; i < m->n; i++) {
        if (m->measured[i] >= p->n_pool) return hg_fail(err, HG_EINVAL, "row %zu is at no entry of the pool", i + 1);
        if (known && !isnan(known[i]) && !(known[i] >= p->low && known[i] <= p->high))
            return hg_fail(err, HG_EINVAL, "the known value %g lies outside the policy's range", known[i]);
    }
    return HG_OK;
}

static hg_status run(hg_leakage_estimate *e, measurement *m, hg_err *err) {
    const hg_leakage_opts *o = m->o;
    HG_TRY(question_new(&m->first, m, m->measured, m->n, o->threads, err));
    hg_pool_for(o->threads, o->samples, 16, answer_samples, m);
    for (size_t i = 0; i < o->samples; i++)
        if (m->st[i] != HG_OK) return hg_fail(err, m->st[i], "the policy could not be tried on made-up data");
    HG_TRY(entropy(e, m, err));
    HG_TRY(spread_of_first(&e->spread[0], m, err));
    if (!hg_progress(o->hooks, "what answers tell", 1, 2)) return hg_fail(err, HG_ECANCEL, "measuring was stopped");
    HG_TRY(find_cells(m, err));
    hg_pool_for(o->threads, m->n_cells, 1, follow_cells, m);
    e->samples = o->samples;
    e->hidden = m->n_hidden;
    return spread_of_second(&e->spread[1], m, err);
}

hg_status hg_leakage_measure(hg_leakage_estimate *e, const hg_policy *p, const size_t *measured, const double *known,
                             size_t n, const hg_leakage_opts *o, hg_err *err) {
    const hg_leakage_opts defaults = hg_leakage_opts_default();
    measurement m = { .p = p, .o = o ? o : &defaults, .measured = measured, .n = n };
    *e = (hg_leakage_estimate) { .samples = 0 };
    HG_TRY(check(&m, known, err));
    for (size_t i = 0; i < n; i++) {
        const double y =
            known ? (known[i] - (p->low + p->high) / 2) * (2 * HG_Y_LIMIT / (p->high - p->low)) : (double)NAN;
        m.own[i] = p->maximize ? y : -y;
        m.n_hidden += isnan(m.own[i]) ? 1 : 0;
    }
    if (m.n_hidden == 0) return hg_fail(err, HG_EINVAL, "all values are the user's own: an answer tells nothing new");
    m.mem = hg_arena_new();
    m.scaled_pool = hg_alloc(m.mem, p->n_pool, p->n_features * sizeof *m.scaled_pool);
    m.y = hg_alloc(m.mem, m.o->samples, n * sizeof *m.y);
    m.answer = hg_alloc(m.mem, m.o->samples, sizeof *m.answer);
    m.st = hg_alloc(m.mem, m.o->samples, sizeof *m.st);
    m.cell = hg_alloc(m.mem, m.o->truths, sizeof *m.cell);
    hg_status st = HG_OK;
    if (m.scaled_pool && m.y && m.answer && m.st && m.cell) {
        hg_policy_scaled_pool(m.scaled_pool, p);
        st = run(e, &m, err);
    } else {
        st = hg_fail(err, HG_ENOMEM, "no memory to measure what answers tell");
    }
    question_free(&m.first);
    hg_arena_free(m.mem);
    return st;
}
