/* secret/tier1_tables.c -- from doubles to the integers that shares are multiplied with; see secret/tier1_tables.h
 *
 * Rounding is where it is decided once and for all: after it everything is exact. What the ranges allow is computed from the
 * rounded integers themselves and from the public bound |y| <= 8, not from expectations.
 */
#include "secret/tier1_tables.h"
#include "core/memory.h"
#include "files/hash.h"
#include "secret/tier1_draw.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ONE = 1 << HG_T1_FRACTION;

typedef struct {
    hg_t1_tables *t;
    double root_c[HG_GRID_MOST];                         /* sqrt(c) */
    double largest[HG_GRID_MOST], squares[HG_GRID_MOST]; /* of sqrt(c) R: greatest entry, sum of squares */
    double *weight_sum, *weight_most, *spread_most;      /* [thetas, blocks] greatest sum of |Wt|, |Wt|, s */
    double *scratch;                                     /* [workers, n, HG_LANES] */
    char hex[HG_GRID_MOST][HG_HASH_SIZE];
    hg_status st[HG_GRID_MOST];
} build;

void hg_t1_tables_free(hg_t1_tables *t) {
    if (!t) return;
    hg_free(t->pool);
    hg_free(t->measured);
    hg_free(t->root);
    hg_free(t->weight);
    hg_free(t->spread);
    hg_free(t->threshold);
    hg_free(t->sigma);
    hg_free(t->prior);
    hg_free(t->residual);
    hg_t1_work_free(t->work);
    hg_free(t);
}

void hg_t1_tables_digest(const hg_t1_tables *t, unsigned char digest[32]) { memcpy(digest, t->digest, 32); }
size_t hg_t1_tables_bytes(const hg_t1_tables *t) { return t->bytes + hg_t1_work_bytes(t->work); }
size_t hg_t1_lengths(const hg_t1_tables *t) { return t->model.fixed ? 1 : t->model.n_length; }

unsigned hg_t1_score_bits(const hg_secret_model *m) {
    return m->acquisition == HG_ACQ_PI || m->acquisition == HG_ACQ_EI || m->epsilon > 0 ? 128 : 64;
}

/* ---- chords of the expected improvement ----------------------------------------------------------------------------- */

void hg_t1_chords_place(hg_t1_chords *c, size_t n_pool) {
    c->per_unit = n_pool > HG_LARGE_POOL ? 8 : 16;
    c->first = HG_T1_CHORD_FIRST * c->per_unit;
    c->n = (size_t)((HG_T1_CHORD_LAST - HG_T1_CHORD_FIRST) * c->per_unit);
}

static double improvement(double u) { return hg_exact_normal_pdf(u) + u * hg_exact_normal_cdf(u); }

static void make_chords(hg_t1_chords *c, size_t n_pool) {
    hg_t1_chords_place(c, n_pool);
    const double unit = 0x1p32, step = 1.0 / c->per_unit;
    _Static_assert(HG_T1_LINE_FRACTION == 32, "unit above");
    for (size_t k = 0; k < c->n; k++) {
        const double u = (double)(c->first + (int)k) / c->per_unit, at = improvement(u);
        const double slope = (improvement(u + step) - at) / step;
        c->b[k] = (int64_t)hg_exact_round(unit * slope);
        c->a[k] = (int64_t)hg_exact_round(unit * (at - slope * u));
    }
}

/* ---- what each theta weighs ---------------------------------------------------------------------------------------------- */

/* ln p: log-normal, without its constant. */
static double log_prior(const hg_secret_model *m, double length, double noise) {
    const double a = (hg_exact_log(length) - hg_exact_log(m->length_centre)) / m->length_sd;
    const double b = (hg_exact_log(noise) - hg_exact_log(m->noise_centre)) / m->noise_sd;
    return -0.5 * (a * a + b * b);
}

static void place_thetas(hg_t1_tables *t) {
    const hg_secret_model *m = &t->model;
    double best = 0;
    t->thetas = m->fixed ? 1 : m->n_length * m->n_noise;
    for (size_t i = 0; i < t->thetas; i++) {
        t->length[i] = m->length[i / m->n_noise];
        t->noise_ratio[i] = m->noise[i % m->n_noise];
        const double p = log_prior(m, t->length[i], t->noise_ratio[i]);
        if (i == 0 || p > best) {
            best = p;
            t->reference = i;
        }
    }
}

/* c = (|K| 1'K^-1 1 p^-2)^(1/dof); row r of R is L^-1's minus v_r u / vv. One task a theta. */
static void weigh(void *ctx, size_t begin, size_t end, size_t worker) {
    build *b = ctx;
    (void)worker;
    const hg_t1_tables *t = b->t;
    for (size_t i = begin; i < end; i++) {
        const hg_t1_theta *s = &t->work->theta[i];
        const double ln_c =
            2 * s->logs + hg_exact_log(s->vv) - 2 * log_prior(&t->model, t->length[i], t->noise_ratio[i]);
        b->root_c[i] = hg_exact_exp(0.5 * ln_c / (double)t->dof);
        for (size_t r = 0; r < t->n; r++) {
            const double *row = s->inverse + hg_t1_row(r), f = s->v[r] / s->vv;
            for (size_t k = 0; k < t->n; k++) {
                const double x = b->root_c[i] * ((k <= r ? row[k] : 0) - f * s->u[k]);
                b->squares[i] += x * x;
                if (fabs(x) > b->largest[i]) b->largest[i] = fabs(x);
            }
        }
    }
}

/* |z_i| <= 8 2^24 |row i|_1, so q <= 64 2^48 n |Rt|_F^2. Bits of root are dropped until that stays below 2^126 and entries fit. */
static hg_status choose_drop(build *b, hg_err *err) {
    hg_t1_tables *t = b->t;
    double squares = 0, largest = 0;
    for (size_t i = 0; i < t->thetas; i++) {
        squares = fmax(squares, b->squares[i]);
        largest = fmax(largest, b->largest[i]);
    }
    for (t->drop = 0; t->drop <= HG_T1_DROP_MOST; t->drop++) {
        const double scale = ldexp(1, HG_T1_FRACTION - (int)t->drop);
        if (largest * scale < 0x1p31 - 1 && 1.01 * (double)t->n * squares * scale * scale * 0x1p54 < 0x1p126)
            return HG_OK;
    }
    return hg_advise(err,
                     hg_fail(err, HG_ELIMIT,
                             "the likelihood of %zu rows does not fit in 128 bits: the prior of some "
                             "grid value is too small",
                             t->n),
                     "leave out grid values many prior sds from the median, or widen the prior");
}

static void quantise_root(build *b, size_t i) {
    hg_t1_tables *t = b->t;
    const hg_t1_theta *s = &t->work->theta[i];
    const double scale = ldexp(1, HG_T1_FRACTION - (int)t->drop) * b->root_c[i];
    int32_t *root = t->root + i * t->n * t->n;
    for (size_t r = 0; r < t->n; r++) {
        const double *row = s->inverse + hg_t1_row(r), f = s->v[r] / s->vv;
        for (size_t k = 0; k < t->n; k++) {
            const double x = (k <= r ? row[k] : 0) - f * s->u[k];
            root[r * t->n + k] = (int32_t)hg_exact_round(scale * x);
            if (i == t->reference) t->residual[r * t->n + k] = x;
        }
    }
}

/* ceil(2^(96 - 2 drop) c dof 2^((2 i - 1) / 16)) as two words, at most 2^126: q never gets there, so the comparison is the same. */
static void put_threshold(uint64_t word[2], double x, int exponent) {
    int e;
    const double m = frexp(x, &e); /* exact: x = m 2^e */
    const uint64_t digits = (uint64_t)ldexp(m, 53);
    const int shift = e - 53 + exponent;
    word[0] = word[1] = 0;
    if (shift > HG_T1_RANGE - 53)
        word[1] = 1ull << (HG_T1_RANGE - 64);
    else if (shift >= 64)
        word[1] = digits << (shift - 64);
    else if (shift > 0) {
        word[0] = digits << shift;
        word[1] = digits >> (64 - shift);
    } else
        word[0] = shift > -53 ? (digits + ((1ull << -shift) - 1)) >> -shift : 1;
}

static void make_thresholds(build *b) {
    hg_t1_tables *t = b->t;
    const double step = hg_exact_log(2) / 16;
    for (size_t k = 0; k < t->model.sigma_levels; k++) {
        const int level = t->model.sigma_low + (int)k;
        t->sigma[k] = (int64_t)hg_exact_round(ONE * hg_exact_exp(step * level));
        for (size_t i = 0; k > 0 && i < t->thetas; i++)
            put_threshold(t->threshold + 2 * ((k - 1) * t->thetas + i),
                          b->root_c[i] * b->root_c[i] * (double)t->dof * hg_exact_exp(step * (2 * level - 1)),
                          96 - 2 * (int)t->drop);
    }
}

/* out[lane, r] of x[r, lane], in tiles that stay in the cache. */
static void transpose(int32_t *out, const double *x, size_t n, size_t lanes) {
    for (size_t first = 0; first < n; first += 16) {
        const size_t end = n - first < 16 ? n : first + 16;
        for (size_t j = 0; j < lanes; j++)
            for (size_t r = first; r < end; r++) out[j * n + r] = (int32_t)x[r * HG_LANES + j];
    }
}

/* ---- what each candidate weighs -------------------------------------------------------------------------------------------- */

static int64_t spread_of(const hg_secret_model *m, double s) {
    const double x = m->acquisition == HG_ACQ_PI ? 1 / s : m->acquisition == HG_ACQ_EI ? s : m->kappa * s;
    return (int64_t)hg_exact_round(ONE * x);
}

/* Universal kriging from simple kriging: W = w + (1 - 1'w) u / vv, s^2 = 1 - aa + (1 - 1'w)^2 / vv. One task a (theta, block). */
static void quantise_block(void *ctx, size_t begin, size_t end, size_t worker) {
    build *b = ctx;
    hg_t1_tables *t = b->t;
    const hg_t1_work *w = t->work;
    for (size_t task = begin; task < end; task++) {
        const size_t theta = task / w->n_blocks, first = task % w->n_blocks * HG_LANES;
        const size_t lanes = t->n_pool - first < HG_LANES ? t->n_pool - first : HG_LANES;
        const hg_t1_theta *s = &w->theta[theta];
        const hg_t1_block *block = &w->block[task];
        double *x = b->scratch + worker * t->n * HG_LANES;
        double rest[HG_LANES], sum[HG_LANES] = { 0 }, most[HG_LANES] = { 0 };
        for (size_t j = 0; j < HG_LANES; j++) rest[j] = (1 - block->av[j]) / s->vv;
        hg_exact_block_round(x, sum, most, block->w, s->u, rest, ONE, t->n);
        for (size_t j = 0; j < lanes; j++) {
            b->weight_sum[task] = fmax(b->weight_sum[task], sum[j]);
            b->weight_most[task] = fmax(b->weight_most[task], most[j]);
            const double s2 = (1 - block->aa[j]) + (1 - block->av[j]) * rest[j];
            const double sd = sqrt(s2 > HG_T1_LEAST_VARIANCE ? s2 : HG_T1_LEAST_VARIANCE);
            b->spread_most[task] = fmax(b->spread_most[task], sd);
            if (t->spread) t->spread[(first + j) * t->thetas + theta] = spread_of(&t->model, sd);
        }
        if (b->weight_most[task] < 0x1p31 - 1)
            transpose(t->weight + (theta * t->n_pool + first) * t->n, x, t->n, lanes);
    }
}

/* |m_j| <= 8 2^24 sum |Wt_j|; what is compared must keep its sign. */
static hg_status check_scores(const build *b, hg_err *err) {
    const hg_t1_tables *t = b->t;
    double sum = 0, most = 0, spread = 0;
    for (size_t i = 0; i < t->thetas * t->work->n_blocks; i++) {
        sum = fmax(sum, b->weight_sum[i]);
        most = fmax(most, b->weight_most[i]);
        spread = fmax(spread, b->spread_most[i]);
    }
    const double sigma = (double)t->sigma[t->model.fixed ? 0 : t->model.sigma_levels - 1];
    const double mean = HG_Y_LIMIT * ONE * sum, best = HG_Y_LIMIT * ONE * ONE;
    double score = mean + sigma * HG_T1_DRAW_MOST * ONE; /* Thompson; any model's further proposals of a batch */
    if (t->model.acquisition == HG_ACQ_UCB) score = fmax(score, mean + sigma * t->model.kappa * spread * ONE);
    double node = 0; /* compared with zero, not with another */
    if (t->model.acquisition == HG_ACQ_EI)
        node = t->chords.per_unit * (mean + best) - t->chords.first * sigma * spread * ONE;
    if (!(most < 0x1p31 - 1) || !(score < 0x1p61) || !(node < 0x1p63))
        return hg_advise(err,
                         hg_fail(err, HG_ELIMIT,
                                 "the weights of %zu rows (up to %.3g, sums up to %.3g) or the signal's "
                                 "greatest sd %.3g are too large for scores of 64 bits",
                                 t->n, most / ONE, sum / ONE, sigma / ONE),
                         "raise the lowest noise, leave out the longest lengths, or lower the highest sigma");
    return HG_OK;
}

/* ---- digest ------------------------------------------------------------------------------------------------------------------ */

static hg_status add(hg_hash *h, const void *p, size_t n, hg_err *err) { return p ? hg_hash_add(h, p, n, err) : HG_OK; }

static hg_status digest_theta(char hex[HG_HASH_SIZE], const hg_t1_tables *t, size_t theta) {
    hg_hash *h;
    HG_TRY(hg_hash_new(&h, NULL));
    const size_t square = t->n * t->n, cross = t->n_pool * t->n;
    hg_status st = add(h, t->root + theta * square, square * sizeof *t->root, NULL);
    if (st == HG_OK) st = add(h, t->weight + theta * cross, cross * sizeof *t->weight, NULL);
    if (st == HG_OK) st = hg_hash_hex(hex, h, NULL);
    hg_hash_free(h);
    return st;
}

/* One task a theta: the largest tables are hashed in parallel, as leaves. */
static void finish_theta(void *ctx, size_t begin, size_t end, size_t worker) {
    build *b = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        quantise_root(b, i);
        b->st[i] = digest_theta(b->hex[i], b->t, i);
    }
}

static hg_status digest_all(const build *b, hg_hash *h, hg_err *err) {
    const hg_t1_tables *t = b->t;
    const hg_secret_model *m = &t->model;
    const uint64_t head[] = { 1, /* version of these tables */
                              t->n_pool,
                              t->d,
                              t->n,
                              t->thetas,
                              t->reference,
                              t->drop,
                              (uint64_t)m->acquisition,
                              m->sigma_levels,
                              (uint64_t)(int64_t)m->sigma_low,
                              m->fixed,
                              t->chords.n };
    HG_TRY(add(h, head, sizeof head, err));
    HG_TRY(add(h, t->length, t->thetas * sizeof *t->length, err));
    HG_TRY(add(h, t->noise_ratio, t->thetas * sizeof *t->noise_ratio, err));
    HG_TRY(add(h, &m->epsilon, sizeof m->epsilon, err));
    HG_TRY(add(h, t->measured, t->n * sizeof *t->measured, err));
    for (size_t i = 0; i < t->thetas; i++) {
        if (b->st[i] != HG_OK) return hg_fail(err, b->st[i], "the digest of a public table could not be made");
        HG_TRY(add(h, b->hex[i], HG_HASH_SIZE - 1, err));
    }
    HG_TRY(add(h, t->spread, t->n_pool * t->thetas * sizeof *t->spread, err));
    HG_TRY(add(h, t->threshold, (m->sigma_levels - 1) * t->thetas * 2 * sizeof *t->threshold, err));
    HG_TRY(add(h, t->sigma, m->sigma_levels * sizeof *t->sigma, err));
    HG_TRY(add(h, t->chords.a, t->chords.n * sizeof *t->chords.a, err));
    HG_TRY(add(h, t->chords.b, t->chords.n * sizeof *t->chords.b, err));
    return add(h, t->prior, t->prior ? hg_t1_lengths(t) * t->n_pool * t->n_pool * sizeof *t->prior : 0, err);
}

static hg_status digest(const build *b, hg_err *err) {
    hg_hash *h;
    char hex[HG_HASH_SIZE];
    HG_TRY(hg_hash_new(&h, err));
    hg_status st = digest_all(b, h, err);
    if (st == HG_OK) st = hg_hash_hex(hex, h, err);
    hg_hash_free(h);
    for (size_t i = 0; st == HG_OK && i < 32; i++) {
        const char pair[] = { hex[2 * i], hex[2 * i + 1], 0 };
        b->t->digest[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return st;
}

/* ---- all together ---------------------------------------------------------------------------------------------------------- */

static hg_status check_sizes(const hg_secret_model *m, const double *pool, size_t n_pool, size_t d,
                             const size_t *measured, size_t n, hg_err *err) {
    HG_TRY(hg_secret_model_check(m, err));
    if (n_pool < 2 || n_pool > HG_T1_POOL_MOST || d < 1 || d > 4096)
        return hg_fail(err, HG_EINVAL, "%zu candidates of %zu features; 2 to %d of 1 to 4096 are possible", n_pool, d,
                       HG_T1_POOL_MOST);
    if (n < 2 || n > HG_T1_ROWS_MOST)
        return hg_fail(err, HG_EINVAL, "%zu measured rows; 2 to %d are possible", n, HG_T1_ROWS_MOST);
    const size_t grid = m->fixed ? 1 : m->n_length * m->n_noise;
    if (n_pool > HG_LARGE_POOL && grid > HG_GRID_LARGE_POOL)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL,
                                 "a grid of %zu points for %zu candidates; above %d candidates at most %d", grid,
                                 n_pool, HG_LARGE_POOL, HG_GRID_LARGE_POOL),
                         "tables grow with candidates, rows and grid points: take fewer lengths and noises");
    for (size_t i = 0; i < n; i++)
        if (measured[i] >= n_pool)
            return hg_fail(err, HG_EINVAL, "row %zu was measured at candidate %zu of %zu", i, measured[i], n_pool);
    return hg_check_finite("candidate", pool, n_pool, d, err);
}

/* Makes a table's array: its bytes are counted in one place. */
static void *array(hg_t1_tables *t, size_t n, size_t size) {
    t->bytes += n * size;
    return hg_calloc(n, size);
}

static hg_status allocate(hg_t1_tables *t, hg_err *err) {
    const size_t levels = t->model.sigma_levels, lengths = hg_t1_lengths(t);
    const bool exact_prior = t->model.acquisition == HG_ACQ_THOMPSON && t->n_pool <= HG_T1_EXACT_PRIOR;
    t->bytes = sizeof *t;
    t->pool = array(t, t->n_pool, t->d * sizeof *t->pool);
    t->measured = array(t, t->n, sizeof *t->measured);
    t->root = array(t, t->thetas * t->n, t->n * sizeof *t->root);
    t->weight = array(t, t->thetas * t->n_pool, t->n * sizeof *t->weight);
    if (t->model.acquisition != HG_ACQ_THOMPSON) t->spread = array(t, t->n_pool, t->thetas * sizeof *t->spread);
    t->threshold = array(t, 2 * levels, t->thetas * sizeof *t->threshold);
    t->sigma = array(t, levels, sizeof *t->sigma);
    if (exact_prior) t->prior = array(t, lengths * t->n_pool, t->n_pool * sizeof *t->prior);
    t->residual = array(t, t->n, t->n * sizeof *t->residual);
    if (!t->pool || !t->measured || !t->root || !t->weight || !t->threshold || !t->sigma || !t->residual ||
        (t->model.acquisition != HG_ACQ_THOMPSON && !t->spread) || (exact_prior && !t->prior))
        return hg_fail(err, HG_ENOMEM, "tables of %zu candidates and %zu rows need %zu bytes", t->n_pool, t->n,
                       t->bytes);
    return HG_OK;
}

/* Whether the work of `previous` is the beginning of what t needs. */
static bool continues(const hg_t1_tables *previous, const hg_t1_tables *t) {
    const hg_t1_work *w = previous ? previous->work : NULL;
    const hg_secret_model *m = &t->model, *before = previous ? &previous->model : NULL;
    return w && w->rows <= t->n && previous->n_pool == t->n_pool && previous->d == t->d &&
           before->matern == m->matern && before->fixed == m->fixed && before->n_length == m->n_length &&
           before->n_noise == m->n_noise && !memcmp(before->length, m->length, m->n_length * sizeof *m->length) &&
           !memcmp(before->noise, m->noise, m->n_noise * sizeof *m->noise) &&
           !memcmp(previous->pool, t->pool, t->n_pool * t->d * sizeof *t->pool) &&
           !memcmp(previous->measured, t->measured, w->rows * sizeof *t->measured);
}

static hg_status fill(build *b, hg_t1_tables *previous, hg_pool *threads, const hg_hooks *hooks, hg_err *err) {
    hg_t1_tables *t = b->t;
    const hg_secret_model *m = &t->model;
    const bool same = continues(previous, t);
    if (same) {
        t->work = previous->work;
        previous->work = NULL;
    } else
        HG_TRY(hg_t1_work_new(&t->work, t->pool, t->n_pool, t->d, m->length, m->fixed ? 1 : m->n_length, m->noise,
                              m->fixed ? 1 : m->n_noise, m->matern, err));
    hg_t1_work *w = t->work;
    HG_TRY(hg_t1_work_append(w, t->measured + w->rows, t->n - w->rows, threads, hooks, err));
    hg_pool_for(threads, t->thetas, 1, weigh, b);
    HG_TRY(choose_drop(b, err));
    make_thresholds(b);
    hg_pool_for(threads, t->thetas * w->n_blocks, 1, quantise_block, b);
    if (m->acquisition == HG_ACQ_EI) make_chords(&t->chords, t->n_pool);
    HG_TRY(check_scores(b, err));
    if (t->prior && same && previous->prior)
        memcpy(t->prior, previous->prior, hg_t1_lengths(t) * t->n_pool * t->n_pool * sizeof *t->prior);
    else if (t->prior)
        HG_TRY(hg_t1_prior_factors(t->prior, t, threads, err));
    hg_pool_for(threads, t->thetas, 1, finish_theta, b);
    return digest(b, err);
}

hg_status hg_t1_tables_new(hg_t1_tables **out, hg_t1_tables *previous, const hg_secret_model *m, const double *pool,
                           size_t n_pool, size_t d, const size_t *measured, size_t n, hg_pool *threads,
                           const hg_hooks *hooks, hg_err *err) {
    *out = NULL;
    HG_TRY(check_sizes(m, pool, n_pool, d, measured, n, err));
    hg_t1_tables *t = hg_calloc(1, sizeof *t);
    if (!t) return hg_fail(err, HG_ENOMEM, "tables of %zu candidates", n_pool);
    t->model = *m;
    t->n_pool = n_pool;
    t->d = d;
    t->n = n;
    t->dof = n - 1;
    place_thetas(t);
    build b = { .t = t };
    const size_t tasks = t->thetas * ((n_pool + HG_LANES - 1) / HG_LANES);
    hg_status st = allocate(t, err);
    double *room = hg_calloc(3 * tasks + hg_pool_threads(threads) * n * HG_LANES, sizeof *room);
    if (st == HG_OK && !room) st = hg_fail(err, HG_ENOMEM, "tables of %zu candidates and %zu rows", n_pool, n);
    if (st == HG_OK) {
        memcpy(t->pool, pool, n_pool * d * sizeof *pool);
        memcpy(t->measured, measured, n * sizeof *measured);
        b.weight_sum = room;
        b.weight_most = room + tasks;
        b.spread_most = room + 2 * tasks;
        b.scratch = room + 3 * tasks;
        st = fill(&b, previous, threads, hooks, err);
    }
    hg_free(room);
    if (st != HG_OK) {
        hg_t1_tables_free(t);
        return st;
    }
    *out = t;
    return HG_OK;
}
