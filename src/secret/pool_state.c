/* secret/pool_state.c -- see secret/pool_state.h: the life of a pool's state; pool_observe.c and pool_propose.c work with it */
#include "secret/pool_state.h"
#include "core/memory.h"
#include "secret/exact.h"
#include "secret/pool_internal.h"
#include "secret/truncate.h"
#include <math.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { LIMBS = HG_POOL_LIMBS, PAIRS_A_BLOCK = 1 << 14 };
static const size_t TABLE_MOST = (size_t)1 << 30; /* bytes */

/* ---- words ----------------------------------------------------------------------------------------------------------------- */

hg_status hg_pool_words_grow(hg_pool_words *w, unsigned copies, size_t n, hg_err *err) {
    if (n > w->cap) {
        const size_t cap = n < 2 * w->cap ? 2 * w->cap : n, bytes = LIMBS * sizeof(uint64_t);
        uint64_t *made[2] = { NULL, NULL };
        bool good = true;
        for (unsigned s = 0; s < copies; s++) good = (made[s] = hg_calloc(cap, bytes)) && good;
        if (!good) {
            for (unsigned s = 0; s < 2; s++) hg_free(made[s]);
            return hg_fail(err, HG_ENOMEM, "no memory for %zu shared numbers of a pool", n);
        }
        const hg_pool_words old = *w;
        for (unsigned s = 0; s < copies; s++) {
            if (old.n) memcpy(made[s], old.slot[s], old.n * bytes);
            w->slot[s] = made[s];
        }
        w->cap = cap;
        hg_pool_words freed = old;
        hg_pool_words_free(&freed);
    }
    for (unsigned s = 0; s < copies && n > w->n; s++)
        memset(w->slot[s] + w->n * LIMBS, 0, (n - w->n) * LIMBS * sizeof(uint64_t));
    w->n = n;
    return HG_OK;
}

void hg_pool_words_free(hg_pool_words *w) {
    for (unsigned s = 0; s < 2; s++) {
        if (w->slot[s]) OPENSSL_cleanse(w->slot[s], w->cap * LIMBS * sizeof(uint64_t));
        hg_free(w->slot[s]);
    }
    *w = (hg_pool_words) { 0 };
}

hg_share hg_pool_words_view(const hg_pool_words *w, size_t first, size_t n) {
    hg_share v = { .n = n, .limbs = LIMBS };
    for (unsigned s = 0; s < 2; s++) v.slot[s] = w->slot[s] ? w->slot[s] + first * LIMBS : NULL;
    return v;
}

/* ---- life ------------------------------------------------------------------------------------------------------------------ */

static hg_status make(hg_pool_state **out, const hg_secret_model *m, unsigned copies, hg_tier tier, size_t p, size_t d,
                      hg_err *err) {
    *out = NULL;
    HG_TRY(hg_pool_model_check(m, err));
    if (p == 0 || p > HG_POOL_ENTRIES_MOST)
        return hg_advise(err,
                         hg_fail(err, p ? HG_ELIMIT : HG_EINVAL, "a pool of %zu entries: 1 to %d are possible", p,
                                 HG_POOL_ENTRIES_MOST),
                         "with more candidates hide the properties alone (tier 1)");
    hg_pool_state *s = hg_calloc(1, sizeof *s);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for a pool");
    s->model = *m;
    s->tier = tier;
    s->copies = copies;
    s->p = p;
    s->d = d;
    s->g = m->n_length * m->n_noise;
    hg_pool_layout *at = &s->at;
    at->drop = s->g * p;
    at->measured = 2 * s->g * p;
    at->q = at->measured + p;
    at->logdet = at->q + s->g;
    at->count = at->logdet + s->g;
    at->total = at->count + 1;
    hg_cells_make(&s->variance_cells, -14, 3, 4, HG_POOL_WIDE, 9);
    hg_cells_make(&s->q_cells, -24, 30, 2, HG_POOL_Q_FRACTION, 36);
    hg_status st = hg_mixture_make(&s->mixture, m, d, err);
    if (st == HG_OK) st = hg_pool_words_grow(&s->now, copies, at->total, err);
    if (st == HG_OK) st = hg_pool_words_grow(&s->kept, copies, at->total, err);
    if (st != HG_OK) {
        hg_pool_state_free(s);
        return st;
    }
    *out = s;
    return HG_OK;
}

void hg_pool_state_free(hg_pool_state *s) {
    if (!s) return;
    hg_free(s->features);
    hg_free(s->table);
    hg_pool_words *const all[] = { &s->shared, &s->kernel, &s->now, &s->kept, &s->onehot };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) hg_pool_words_free(all[i]);
    for (size_t t = 0; t < HG_POOLS_MOST; t++) {
        hg_pool_words_free(&s->gain[t]);
        hg_pool_words_free(&s->inverse[t]);
    }
    hg_free(s);
}

size_t hg_pool_state_bytes(const hg_pool_state *s) {
    size_t elements = s->shared.cap + s->kernel.cap + s->now.cap + s->kept.cap + s->onehot.cap;
    for (size_t t = 0; t < HG_POOLS_MOST; t++) elements += s->gain[t].cap + s->inverse[t].cap;
    return sizeof *s + elements * LIMBS * sizeof(uint64_t) * s->copies +
           (s->table ? s->model.n_length * s->p * s->p * sizeof *s->table : 0) +
           (s->features ? s->p * s->d * sizeof *s->features : 0);
}

hg_status hg_pool_state_fits(const hg_pool_state *s, const hg_run *r, hg_err *err) {
    if (hg_run_copies(r) == s->copies) return HG_OK;
    return hg_fail(err, HG_EINVAL, "this pool was made for %s, the run is %s",
                   s->copies == 1 ? "the plain mode" : "three servers", hg_mode_name(hg_run_mode(r)));
}

unsigned hg_pool_q_bits(const hg_pool_state *s, size_t n) {
    const double most = 64 * (double)(n ? n : 1) / s->model.noise[0];
    unsigned bits = 1;
    while (ldexp(1, (int)bits) < most) bits++;
    return bits + 1; /* rounding */
}

unsigned hg_pool_mean_bits(const hg_pool_state *s, size_t n) {
    const unsigned bits = (hg_pool_q_bits(s, n) + 1) / 2 + 2; /* sqrt(5 q) < 2.25 sqrt q, and |y| <= 8 */
    return bits < 5 ? 5 : bits;
}

void hg_pool_state_keep(hg_pool_state *s) {
    s->kept_rows = s->rows;
    s->changed = false;
}

void hg_pool_state_drop(hg_pool_state *s) {
    if (!s->changed) return;
    for (unsigned c = 0; c < s->copies; c++)
        memcpy(s->now.slot[c], s->kept.slot[c], s->now.n * LIMBS * sizeof(uint64_t));
    s->rows = s->kept_rows;
    s->changed = false;
}

/* What the calls below truncate; hg_cells_apply: 16 numbers for a root and a logarithm, 8 for a logarithm. */
static size_t truncations(const hg_pool_state *s, size_t rows, size_t proposals) {
    size_t n = 0;
    const bool thompson = s->model.acquisition == HG_ACQ_THOMPSON;
    for (size_t t = s->rows; t < s->rows + rows; t++) {
        n += s->g * (s->p + 19); /* w; residual, b, q, and the cells */
        if (t > 0) n += s->g * (s->p + (thompson ? 2 * t : 0));
    }
    const size_t each = s->p + (thompson ? hg_pool_path_truncations(s, s->rows + rows) : s->p * (1 + HG_MASKS_CHORDS)) +
                        (s->g > 1 && !s->model.fixed ? 8 * s->g : 0);
    return n + proposals * each;
}

hg_status hg_pool_state_prepare(hg_run *r, const hg_pool_state *s, size_t rows, size_t proposals, hg_err *err) {
    const size_t need = truncations(s, rows, proposals), have = hg_truncation_left(r);
    return need > have ? hg_truncation_prepare(r, need - have, HG_POOL_FRACTION, LIMBS, err) : HG_OK;
}

/* ---- digests ------------------------------------------------------------------------------------------------------------------ */

static bool add_number(EVP_MD_CTX *h, uint64_t x) { return EVP_DigestUpdate(h, &x, sizeof x) == 1; }

static bool add_words(EVP_MD_CTX *h, const hg_pool_words *w, unsigned slot, size_t n) {
    return add_number(h, n) && (n == 0 || EVP_DigestUpdate(h, w->slot[slot], n * LIMBS * sizeof(uint64_t)) == 1);
}

static bool begin(EVP_MD_CTX *h) { return h && EVP_DigestInit_ex(h, EVP_sha256(), NULL) == 1; }

static hg_status hash_failed(hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory for the digest of a pool"); }

static bool add_model(EVP_MD_CTX *h, const hg_secret_model *m) {
    const uint64_t sizes[] = {
        m->matern, m->n_length, m->n_noise, (uint64_t)m->acquisition, (uint64_t)m->sigma_low, m->sigma_levels, m->fixed
    };
    const double numbers[] = { m->length_centre, m->length_sd, m->noise_centre, m->noise_sd, m->kappa };
    return EVP_DigestUpdate(h, sizes, sizeof sizes) == 1 && EVP_DigestUpdate(h, numbers, sizeof numbers) == 1 &&
           EVP_DigestUpdate(h, m->length, m->n_length * sizeof *m->length) == 1 &&
           EVP_DigestUpdate(h, m->noise, m->n_noise * sizeof *m->noise) == 1;
}

/* All public numbers: what the servers have to agree on before shares are worth anything. */
static hg_status hash_public(hg_pool_state *s, hg_err *err) {
    EVP_MD_CTX *h = EVP_MD_CTX_new();
    bool good =
        begin(h) && add_model(h, &s->model) && add_number(h, s->tier) && add_number(h, s->p) && add_number(h, s->d);
    if (s->features) good = good && EVP_DigestUpdate(h, s->features, s->p * s->d * sizeof *s->features) == 1;
    if (s->table) good = good && EVP_DigestUpdate(h, s->table, s->model.n_length * s->p * s->p * sizeof *s->table) == 1;
    good = good && EVP_DigestFinal_ex(h, s->public_digest, NULL) == 1;
    EVP_MD_CTX_free(h);
    return good ? HG_OK : hash_failed(err);
}

hg_status hg_pool_state_digest(const hg_pool_state *s, unsigned char digest[2][32], hg_err *err) {
    EVP_MD_CTX *h = EVP_MD_CTX_new();
    bool good = h != NULL;
    for (unsigned slot = 0; slot < 2; slot++) {
        const unsigned c = slot < s->copies ? slot : 0;
        good = good && begin(h) && EVP_DigestUpdate(h, s->public_digest, sizeof s->public_digest) == 1 &&
               add_number(h, s->rows) && add_words(h, &s->shared, c, s->shared.n) &&
               add_words(h, &s->kernel, c, s->kernel.n) && add_words(h, &s->now, c, s->now.n) &&
               add_words(h, &s->onehot, c, s->onehot.n ? s->rows * s->p : 0);
        for (size_t t = 0; t < s->g; t++)
            good = good && add_words(h, &s->gain[t], c, s->rows * s->p) &&
                   add_words(h, &s->inverse[t], c, s->inverse[t].n ? s->rows * (s->rows + 1) / 2 : 0);
        good = good && EVP_DigestFinal_ex(h, digest[slot], NULL) == 1;
    }
    EVP_MD_CTX_free(h);
    return good ? HG_OK : hash_failed(err);
}

/* ---- tier 2: a public table ----------------------------------------------------------------------------------------------------- */

static hg_status fill_table(hg_pool_state *s, const double *features, hg_err *err) {
    const size_t p = s->p, d = s->d, lengths = s->model.n_length;
    if (p * p > TABLE_MOST / sizeof *s->table / lengths)
        return hg_advise(err,
                         hg_fail(err, HG_ELIMIT, "tables of %zu length scales for a pool of %zu exceed %zu MiB",
                                 lengths, p, TABLE_MOST >> 20),
                         "use fewer length scales or candidates");
    s->features = hg_malloc(p * d, sizeof *s->features);
    s->table = hg_malloc(lengths * p * p, sizeof *s->table);
    if (!s->features || !s->table) return hg_fail(err, HG_ENOMEM, "no memory for the tables of a pool of %zu", p);
    for (size_t i = 0; i < p * d; i++) {
        s->features[i] = hg_pool_feature(features[i]);
        if (!(features[i] >= 0 && features[i] <= 1))
            return hg_fail(err, HG_EDATA, "feature %zu of entry %zu is %g, outside [0, 1]", i % d, i / d, features[i]);
    }
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j <= i; j++) {
            double u = 0, value[HG_POOLS_MOST];
            for (size_t k = 0; k < d; k++) {
                const double difference = s->features[i * d + k] - s->features[j * d + k];
                u += difference * difference;
            }
            hg_mixture_values(value, &s->mixture, u);
            for (size_t l = 0; l < lengths; l++)
                s->table[(l * p + i) * p + j] = s->table[(l * p + j) * p + i] =
                    (int64_t)hg_exact_round(ldexp(value[l], HG_POOL_FRACTION));
        }
    return HG_OK;
}

hg_status hg_pool_state_new(hg_pool_state **out, const hg_secret_model *m, hg_mode mode, const double *features,
                            size_t p, size_t d, hg_err *err) {
    hg_pool_state *s;
    *out = NULL;
    HG_TRY(make(&s, m, mode == HG_PLAIN ? 1 : 2, HG_TIER_INDICES, p, d, err));
    hg_status st = hg_check_finite("features", features, p, d, err);
    if (st == HG_OK) st = fill_table(s, features, err);
    if (st == HG_OK) st = hash_public(s, err);
    if (st != HG_OK) {
        hg_pool_state_free(s);
        return st;
    }
    *out = s;
    return HG_OK;
}

/* ---- tier 3: a shared kernel ----------------------------------------------------------------------------------------------------- */

/* Rounding must stay far below the noise: p times the error of an entry bounds what it does to an eigenvalue. */
static hg_status check_rounding(const hg_pool_state *s, size_t p, hg_err *err) {
    const double error = (double)p * hg_pool_kernel_error(&s->mixture);
    if (error < s->model.noise[0] / 4) return HG_OK;
    return hg_advise(err,
                     hg_fail(err, HG_ELIMIT,
                             "the shared kernel of %zu entries would be rounded by up to %.1g, more than "
                             "a quarter of the noise %g",
                             p, error, s->model.noise[0]),
                     "use longer length scales or more noise in the policy");
}

/* Features of n pairs from pair number `first` on, in the order (0,1) (0,2) (1,2) (0,3) ... of columns. */
static void gather(hg_share *left, hg_share *right, const hg_run *r, const hg_share *features, size_t n, size_t d,
                   size_t i, size_t j) {
    const size_t row = d * LIMBS, bytes = row * sizeof(uint64_t);
    for (size_t k = 0; k < n; k++) {
        for (unsigned s = 0; s < hg_run_copies(r); s++) {
            memcpy(left->slot[s] + k * row, features->slot[s] + i * row, bytes);
            memcpy(right->slot[s] + k * row, features->slot[s] + j * row, bytes);
            if (!left->mac[s]) continue;
            memcpy(left->mac[s] + k * row, features->mac[s] + i * row, bytes);
            memcpy(right->mac[s] + k * row, features->mac[s] + j * row, bytes);
        }
        if (++i == j) {
            i = 0;
            j++;
        }
    }
}

static void scatter(hg_pool_words *kernel, const hg_share *pairs, unsigned copies, size_t lengths, size_t p, size_t n,
                    size_t i, size_t j) {
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < lengths; l++)
            for (unsigned s = 0; s < copies; s++) {
                const uint64_t *from = pairs->slot[s] + (l * n + k) * LIMBS;
                memcpy(kernel->slot[s] + ((l * p + i) * p + j) * LIMBS, from, LIMBS * sizeof *from);
                memcpy(kernel->slot[s] + ((l * p + j) * p + i) * LIMBS, from, LIMBS * sizeof *from);
            }
        if (++i == j) {
            i = 0;
            j++;
        }
    }
}

/* Kernel of all pairs with j >= first. The diagonal stays 0: it is 1, and public. */
static hg_status fill_kernel(hg_pool_words *kernel, hg_run *r, const hg_mixture *k, const hg_share *features,
                             size_t first, size_t p, size_t d, hg_err *err) {
    size_t i = 0, j = first ? first : 1, left_over = p * (p - 1) / 2 - first * (first ? first - 1 : 0) / 2;
    while (left_over) {
        const size_t n = left_over < PAIRS_A_BLOCK ? left_over : PAIRS_A_BLOCK;
        const hg_mark mark = hg_arena_mark(hg_run_arena(r));
        hg_share left, right, pairs;
        HG_TRY(hg_share_new(&left, r, n * d, LIMBS, features->mac[0] != NULL, err));
        HG_TRY(hg_share_new(&right, r, n * d, LIMBS, features->mac[0] != NULL, err));
        gather(&left, &right, r, features, n, d, i, j);
        HG_TRY(hg_pool_kernel(&pairs, r, k, &left, &right, n, d, err));
        scatter(kernel, &pairs, hg_run_copies(r), k->lengths, p, n, i, j);
        for (size_t step = 0; step < n; step++)
            if (++i == j) {
                i = 0;
                j++;
            }
        hg_arena_reset(hg_run_arena(r), mark);
        left_over -= n;
    }
    return HG_OK;
}

/* Old entries' block of the kernel into a larger one. */
static void move_kernel(hg_pool_words *to, size_t p, const hg_pool_words *from, size_t old, unsigned copies,
                        size_t lengths) {
    for (unsigned s = 0; s < copies; s++)
        for (size_t l = 0; l < lengths; l++)
            for (size_t i = 0; i < old; i++)
                memcpy(to->slot[s] + (l * p + i) * p * LIMBS, from->slot[s] + (l * old + i) * old * LIMBS,
                       old * LIMBS * sizeof(uint64_t));
}

/* A state of old's entries (NULL: none) and `more` new ones. */
static hg_status build(hg_pool_state **out, hg_run *r, const hg_pool_state *old, const hg_secret_model *m,
                       const hg_share *features, size_t more, size_t d, hg_err *err) {
    const size_t before = old ? old->p : 0, p = before + more;
    hg_pool_state *s;
    *out = NULL;
    if (features->n != more * d || features->limbs != LIMBS)
        return hg_fail(err, HG_EINVAL, "%zu shared features of %u limbs for %zu entries of %zu features", features->n,
                       features->limbs, more, d);
    HG_TRY(make(&s, m, hg_run_copies(r), HG_TIER_COMPOSITIONS, p, d, err));
    hg_status st = check_rounding(s, p, err);
    if (st == HG_OK) st = hg_pool_words_grow(&s->shared, s->copies, p * d, err);
    if (st == HG_OK) st = hg_pool_words_grow(&s->kernel, s->copies, m->n_length * p * p, err);
    for (unsigned c = 0; st == HG_OK && c < s->copies; c++) {
        if (old) memcpy(s->shared.slot[c], old->shared.slot[c], before * d * LIMBS * sizeof(uint64_t));
        memcpy(s->shared.slot[c] + before * d * LIMBS, features->slot[c], more * d * LIMBS * sizeof(uint64_t));
    }
    if (st == HG_OK && old) move_kernel(&s->kernel, p, &old->kernel, before, s->copies, m->n_length);
    hg_share all = hg_pool_words_view(&s->shared, 0, p * d);
    if (st == HG_OK) st = hg_share_authenticate(r, &all, err);
    if (st == HG_OK) st = hg_run_round(r, err);
    if (st == HG_OK) st = fill_kernel(&s->kernel, r, &s->mixture, &all, before, p, d, err);
    if (st == HG_OK) st = hash_public(s, err);
    if (st != HG_OK) {
        hg_pool_state_free(s);
        return st;
    }
    *out = s;
    return HG_OK;
}

hg_status hg_pool_state_new_secret(hg_pool_state **out, hg_run *r, const hg_secret_model *m, const hg_share *features,
                                   size_t p, size_t d, hg_err *err) {
    return build(out, r, NULL, m, features, p, d, err);
}

hg_status hg_pool_state_grow(hg_run *r, hg_pool_state *s, const hg_share *features, size_t more, hg_err *err) {
    if (s->tier != HG_TIER_COMPOSITIONS) return hg_fail(err, HG_EINVAL, "a public pool does not grow");
    HG_TRY(hg_pool_state_fits(s, r, err));
    hg_pool_state *larger, old;
    HG_TRY(build(&larger, r, s, &s->model, features, more, s->d, err));
    old = *s;
    *s = *larger;
    *larger = old;
    hg_pool_state_free(larger);
    return HG_OK;
}
