/* secret/tier1_noise.c -- see secret/tier1_noise.h
 *
 * Random bits lie in 64 planes of one bit for each (digit, candidate); plane b has the significance of b's six bits reversed, so that the
 * tree of the comparison always joins the first half of the planes with the second half: neighbours in significance.
 */
#include "secret/tier1_noise.h"
#include "secret/compare.h"
#include "secret/exact.h"
#include <math.h>
#include <string.h>

enum { PLANES = 64, TAIL = 45 }; /* exp(-45) = 3e-20 */

static unsigned significance(unsigned plane) {
    unsigned s = 0;
    for (unsigned i = 0; i < 6; i++) s |= (plane >> i & 1) << (5 - i);
    return s;
}

/* D counts 257 to 514 grains; the greatest number of digits does for all, so that it is known before what is excluded. */
static size_t digits(double epsilon) {
    size_t n = 1;
    while (n < HG_T1_DIGITS_MOST && ldexp(1, (int)n) < TAIL * 2 * 514 / epsilon) n++;
    return n;
}

static size_t plane_words(const hg_t1_tables *t) { return (digits(t->model.epsilon) * t->n_pool + 63) / 64; }

size_t hg_t1_noise_bits(const hg_t1_tables *t, size_t batch) {
    return t->model.epsilon > 0 ? batch * PLANES * plane_words(t) * 64 : 0;
}

hg_status hg_t1_noise_draw(hg_bits *noise, hg_run *r, const hg_t1_tables *t, size_t batch, hg_err *err) {
    return hg_bits_random(noise, r, hg_t1_noise_bits(t, batch), err);
}

void hg_t1_noise_digits(hg_t1_digits *d, const hg_t1_tables *t, const bool *excluded) {
    int64_t most = 1;
    for (size_t j = 0; j < t->n_pool; j++)
        for (size_t r = 0; r < t->n && !(excluded && excluded[j]); r++) {
            const int64_t w = t->weight[j * t->n + r];
            most = w > most ? w : -w > most ? -w : most;
        }
    const double reach = ldexp((double)most, HG_Y_FRACTION + 4); /* one y moves by 16 at most */
    int e;
    frexp(reach, &e); /* 2^(e-1) <= reach < 2^e: 256 to 512 grains */
    d->grain = (unsigned)(e - 9);
    const double scale = 2 * (ceil(ldexp(reach, -(int)d->grain)) + 1) / t->model.epsilon;
    d->n = digits(t->model.epsilon);
    for (size_t i = 0; i < d->n; i++)
        d->chance[i] = (uint64_t)ldexp(1 / (1 + hg_exact_exp(ldexp(1, (int)i) / scale)), 64);
}

/* ---- shared ------------------------------------------------------------------------------------------------------------- */

/* Bit (digit, candidate) of plane b: bit significance(b) of the digit's chance. */
static void put_mask(uint64_t *mask, const hg_t1_digits *d, const hg_t1_tables *t, size_t words) {
    for (unsigned b = 0; b < PLANES; b++)
        for (size_t i = 0; i < d->n * t->n_pool; i++)
            mask[b * words + i / 64] |= (d->chance[i / t->n_pool] >> significance(b) & 1) << i % 64;
}

static void cut(hg_bits *out, const hg_bits *x, size_t first_word, size_t words) {
    out->n = words * 64;
    for (unsigned s = 0; s < 2; s++) out->slot[s] = x->slot[s] ? x->slot[s] + first_word : NULL;
}

static void put(hg_run *r, hg_bits *to, size_t at, const hg_bits *from, size_t first, size_t words) {
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        memcpy(to->slot[s] + at, from->slot[s] + first, words * sizeof(uint64_t));
}

/* random < chance: less = public bit and not random bit; same = both alike. Local. */
static hg_status leaves(hg_bits *less, hg_bits *same, hg_run *r, const hg_bits *random, const uint64_t *mask,
                        hg_err *err) {
    hg_bits inverse;
    HG_TRY(hg_bits_new(&inverse, r, random->n, err));
    HG_TRY(hg_bits_new(less, r, random->n, err));
    HG_TRY(hg_bits_new(same, r, random->n, err));
    hg_bits_not(r, &inverse, random);
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t i = 0; i < random->n / 64; i++) {
            less->slot[s][i] = inverse.slot[s][i] & mask[i];
            same->slot[s][i] = (random->slot[s][i] & mask[i]) ^ (inverse.slot[s][i] & ~mask[i]);
        }
    return HG_OK;
}

/* Joins planes 0 .. half-1 (low) with half .. 2 half - 1 (high): less = less_high or (same_high and less_low). One round. */
static hg_status join(hg_bits *less, hg_bits *same, hg_run *r, size_t half, size_t words, hg_err *err) {
    hg_bits x, y, z, high, first, second;
    const size_t n = half * words, parts = half > 1 ? 2 : 1;
    HG_TRY(hg_bits_new(&x, r, parts * n * 64, err));
    HG_TRY(hg_bits_new(&y, r, parts * n * 64, err));
    put(r, &x, 0, same, n, n);
    put(r, &y, 0, less, 0, n);
    if (parts > 1) {
        put(r, &x, n, same, n, n);
        put(r, &y, n, same, 0, n);
    }
    HG_TRY(hg_and(r, &z, &x, &y, err));
    HG_TRY(hg_run_round(r, err));
    cut(&high, less, n, n);
    cut(&first, &z, 0, n);
    hg_bits_xor(r, &high, &high, &first);
    *less = high;
    if (parts > 1) {
        cut(&second, &z, n, n);
        *same = second;
    }
    return HG_OK;
}

hg_status hg_t1_noise(hg_share *noise, hg_run *r, const hg_t1_tables *t, const hg_bits *random, size_t pick,
                      const bool *excluded, unsigned limbs, hg_err *err) {
    hg_t1_digits d;
    hg_bits own, less, same;
    hg_share digit, term;
    const size_t words = plane_words(t), m = t->n_pool;
    uint64_t *mask = hg_alloc(hg_run_arena(r), PLANES, words * sizeof *mask);
    if (!mask) return hg_fail(err, HG_ENOMEM, "noise for %zu candidates", m);
    hg_t1_noise_digits(&d, t, excluded);
    put_mask(mask, &d, t, words);
    cut(&own, random, pick * PLANES * words, PLANES * words);
    HG_TRY(leaves(&less, &same, r, &own, mask, err));
    for (size_t half = PLANES / 2; half > 0; half /= 2) HG_TRY(join(&less, &same, r, half, words, err));
    less.n = d.n * m;
    HG_TRY(hg_bits_to_share(r, &digit, &less, limbs, err));
    HG_TRY(hg_share_new(noise, r, m, limbs, true, err));
    HG_TRY(hg_share_new(&term, r, m, limbs, true, err));
    for (size_t i = 0; i < d.n; i++) {
        const hg_share one = hg_share_view(&digit, i * m, m);
        hg_share_shift_left(r, &term, &one, d.grain + (unsigned)i);
        hg_share_add(r, noise, noise, &term);
    }
    return HG_OK;
}

/* ---- plain ---------------------------------------------------------------------------------------------------------------- */

void hg_t1_noise_plain(double *noise, const hg_t1_tables *t, const uint64_t *random, size_t pick,
                       const bool *excluded) {
    hg_t1_digits d;
    hg_t1_noise_digits(&d, t, excluded);
    const size_t words = plane_words(t);
    const uint64_t *plane = random + pick * PLANES * words;
    memset(noise, 0, t->n_pool * sizeof *noise);
    for (size_t i = 0; i < d.n * t->n_pool; i++) {
        uint64_t u = 0;
        for (unsigned b = 0; b < PLANES; b++) u |= (plane[b * words + i / 64] >> i % 64 & 1) << significance(b);
        if (u < d.chance[i / t->n_pool]) noise[i % t->n_pool] += ldexp(1, (int)(d.grain + i / t->n_pool) - 48);
    }
}
