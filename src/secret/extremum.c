/* secret/extremum.c -- see secret/compare.h: the least or greatest of many, by tournaments of all pairs
 *
 * In a group of h items all h (h - 1) / 2 pairs are compared at once; an item wins when it beats all others: an AND
 * tree over its h - 1 comparisons. The winners' values go up by hg_bits_inner and play in groups again. An item is the
 * winner when it wins its group and its group wins: one AND a level, which rides along with the values. Rounds of L
 * levels: those of the comparisons and AND trees, 2 (L - 1), and 1 when L > 1. Everything about who plays whom is
 * public.
 */
#include "secret/compare.h"
#include "secret/planes.h"

/* ---- sizes of groups: public, the same on every server ----------------------------------------------------------- */

/* m items in `groups` groups that follow each other, sizes differ by one at most, the larger first. */
typedef struct {
    size_t m, groups;
} draw;

static size_t first_of(const draw *d, size_t g) {
    const size_t extra = d->m % d->groups;
    return g * (d->m / d->groups) + (g < extra ? g : extra);
}
static size_t size_of(const draw *d, size_t g) { return first_of(d, g + 1) - first_of(d, g); }
static size_t pairs_of(const draw *d) {
    size_t pairs = 0;
    for (size_t g = 0; g < d->groups; g++) pairs += size_of(d, g) * (size_of(d, g) - 1) / 2;
    return pairs;
}

/* A round counts as much as this many bytes: 0.6 ms at 100 MB/s, between a machine room and a country. */
enum { ROUND_BYTES = 60000, GROUP_MOST = 256, LEVELS_MOST = 4 };

static uint64_t tournament_cost(size_t m, size_t h, const hg_extremum_opts *o) {
    uint64_t rounds = hg_negative_rounds(o->bits);
    for (size_t k = 1; k < h - 1; k *= 2) rounds++;
    const uint64_t groups = (m + h - 1) / h, pairs = groups * (h * (h - 1) / 2);
    return rounds * ROUND_BYTES + (pairs * hg_negative_ands(o->bits) + m * h) / 8;
}

/* The best size of the groups that m items play in when `levels` may follow each other; *cost of all. */
static size_t best_group(uint64_t *cost, size_t m, unsigned levels, const hg_extremum_opts *o) {
    size_t best = m;
    *cost = tournament_cost(m, m, o);
    for (size_t h = 2; levels > 1 && h <= m / 2 && h <= GROUP_MOST; h += 1 + h / 8) {
        uint64_t above;
        (void)best_group(&above, (m + h - 1) / h, levels - 1, o);
        const uint64_t all = tournament_cost(m, h, o) + above + 2 * ROUND_BYTES + 16 * m * ((o->bits + 63) / 64);
        if (all < *cost) {
            *cost = all;
            best = h;
        }
    }
    return best;
}

static draw plan(size_t m, const hg_extremum_opts *o) {
    uint64_t cost;
    const size_t h = o->group ? o->group : best_group(&cost, m, LEVELS_MOST, o);
    return (draw) { m, h >= m ? 1 : (m + h - 1) / h };
}

/* ---- one level --------------------------------------------------------------------------------------------------- */

/* Element k of d: what is negative when the later of pair k beats the earlier. Pairs: group by group, (0,1), (0,2), ...
 * (1,2) ... */
static hg_status differences(hg_share *d, hg_run *r, const hg_share *v, const draw *of, const hg_extremum_opts *o,
                             hg_err *err) {
    const unsigned limbs = (o->bits + 63) / 64;
    hg_share low;
    HG_TRY(hg_share_new(d, r, pairs_of(of), limbs, false, err));
    HG_TRY(hg_share_new(&low, r, v->n, limbs, false, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++) {
        hg_ring_resize(low.slot[s], limbs, v->slot[s], v->limbs, v->n);
        uint64_t *to = d->slot[s];
        for (size_t g = 0; g < of->groups; g++) {
            const uint64_t *x = low.slot[s] + first_of(of, g) * limbs;
            const size_t h = size_of(of, g);
            for (size_t a = 0; a < h; a++)
                for (size_t b = a + 1; b < h; b++, to += limbs)
                    hg_ring_sub(to, x + (o->greatest ? a : b) * limbs, x + (o->greatest ? b : a) * limbs, 1, limbs);
        }
    }
    return HG_OK;
}

static void set_bit(uint64_t *words, size_t i, uint64_t bit) { words[i / 64] |= bit << i % 64; }

/* Plane f, item i: i beats its f-th opponent. Opponents of small groups that do not exist are beaten. */
static hg_status factors(hg_planes *f, hg_run *r, const hg_bits *later, const draw *of, hg_err *err) {
    const size_t most = size_of(of, 0), stride = hg_planes_stride(of->m);
    HG_TRY(hg_planes_new(f, r, most - 1, stride, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++) {
        const uint64_t one = (hg_run_party(r) + s) % HG_SLOTS == 0; /* a public 1 lies in slot 0 */
        uint64_t *to = f->b.slot[s];
        size_t k = 0;
        for (size_t g = 0; g < of->groups; g++) {
            const size_t i = first_of(of, g), h = size_of(of, g);
            for (size_t a = 0; a < h; a++) {
                for (size_t b = a + 1; b < h; b++, k++) {
                    const uint64_t bit = later->slot[s][k / 64] >> k % 64 & 1;
                    set_bit(to, a * stride + i + b, bit);
                    set_bit(to, (b - 1) * stride + i + a, bit ^ one);
                }
                if (h < most) set_bit(to, (most - 2) * stride + i + a, one);
            }
        }
    }
    return HG_OK;
}

static hg_status play(hg_bits *win, hg_run *r, const hg_share *v, const draw *of, const hg_extremum_opts *o,
                      hg_err *err) {
    hg_share d;
    hg_bits later;
    hg_planes f, all;
    HG_TRY(differences(&d, r, v, of, o, err));
    HG_TRY(hg_negative(r, &later, &d, o->bits, err));
    HG_TRY(factors(&f, r, &later, of, err));
    HG_TRY(hg_planes_all(&all, r, &f, err));
    HG_TRY(hg_bits_new(win, r, of->m, err));
    hg_planes_bits(r, win, &all, 0);
    return HG_OK;
}

/* ---- from level to level ----------------------------------------------------------------------------------------- */

/* Items and bits padded to groups of one size, then the winners' values. */
static hg_status values_of_winners(hg_share *up, hg_run *r, const hg_share *v, const hg_bits *win, const draw *of,
                                   hg_err *err) {
    const size_t most = size_of(of, 0);
    hg_share y;
    hg_bits b;
    HG_TRY(hg_share_new(&y, r, of->groups * most, v->limbs, v->mac[0] != NULL, err));
    HG_TRY(hg_bits_new(&b, r, of->groups * most, err));
    for (size_t g = 0; g < of->groups; g++) {
        const size_t i = first_of(of, g), h = size_of(of, g);
        hg_share to = hg_share_view(&y, g * most, h);
        const hg_share from = hg_share_view(v, i, h);
        hg_share_copy(r, &to, &from);
        for (unsigned s = 0; s < hg_run_copies(r); s++)
            for (size_t a = 0; a < h; a++)
                set_bit(b.slot[s], g * most + a, win->slot[s][(i + a) / 64] >> (i + a) % 64 & 1);
    }
    return hg_bits_inner(r, up, &b, &y, of->groups, most, err);
}

/* Queues hot[i] and= win[owner[i]]. */
static hg_status narrow(hg_bits *hot, hg_run *r, const hg_bits *win, const size_t *owner, hg_err *err) {
    hg_bits spread;
    HG_TRY(hg_bits_new(&spread, r, hot->n, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t i = 0; i < hot->n; i++)
            set_bit(spread.slot[s], i, win->slot[s][owner[i] / 64] >> owner[i] % 64 & 1);
    return hg_and(r, hot, hot, &spread, err);
}

static void new_owners(size_t *owner, size_t n, const draw *of) {
    const size_t extra = of->m % of->groups, base = of->m / of->groups, border = extra * (base + 1);
    for (size_t i = 0; i < n; i++)
        owner[i] = owner[i] < border ? owner[i] / (base + 1) : extra + (owner[i] - border) / base;
}

/* v: those who play. hot: one bit for each of them. */
static hg_status tournament(hg_bits *hot, hg_run *r, hg_share v, const hg_extremum_opts *o, hg_err *err) {
    const size_t n = v.n;
    size_t *owner = hg_alloc(hg_run_arena(r), n, sizeof *owner);
    if (!owner) return hg_fail(err, HG_ENOMEM, "no memory for a tournament of %zu", n);
    for (size_t i = 0; i < n; i++) owner[i] = i;
    for (bool leaves = true;; leaves = false) {
        const draw of = plan(v.n, o);
        hg_bits win;
        HG_TRY(play(&win, r, &v, &of, o, err));
        if (leaves)
            *hot = win;
        else
            HG_TRY(narrow(hot, r, &win, owner, err));
        if (of.groups == 1) return hg_run_round(r, err);
        HG_TRY(values_of_winners(&v, r, &v, &win, &of, err));
        new_owners(owner, n, &of);
    }
}

/* ---- who plays --------------------------------------------------------------------------------------------------- */

static hg_status check(const hg_share *x, const hg_extremum_opts *o, size_t *playing, hg_err *err) {
    *playing = 0;
    for (size_t i = 0; i < x->n; i++) *playing += !(o->excluded && o->excluded[i]);
    if (*playing == 0) return hg_fail(err, HG_EINVAL, "all of %zu values are excluded: there is no extremum", x->n);
    if (o->bits < 1 || o->bits > 64 * x->limbs)
        return hg_fail(err, HG_EINVAL, "an extremum in %u bits of numbers of %u limbs", o->bits, x->limbs);
    if (o->group == 1) return hg_fail(err, HG_EINVAL, "a tournament in groups of one has no end");
    return HG_OK;
}

static hg_status of_the_playing(hg_bits *onehot, hg_run *r, const hg_share *x, size_t playing,
                                const hg_extremum_opts *o, hg_err *err) {
    hg_share v = *x;
    hg_bits hot;
    if (playing < x->n) HG_TRY(hg_share_new(&v, r, playing, x->limbs, x->mac[0] != NULL, err));
    for (size_t i = 0, k = 0; playing < x->n && i < x->n; i++) {
        if (o->excluded[i]) continue;
        hg_share to = hg_share_view(&v, k++, 1);
        const hg_share from = hg_share_view(x, i, 1);
        hg_share_copy(r, &to, &from);
    }
    HG_TRY(hg_bits_new(&hot, r, playing, err));
    if (playing > 1)
        HG_TRY(tournament(&hot, r, v, o, err));
    else
        hg_bits_not(r, &hot, &hot);
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t i = 0, k = 0; i < x->n; i++) {
            if (o->excluded && o->excluded[i]) continue;
            set_bit(onehot->slot[s], i, hot.slot[s][k / 64] >> k % 64 & 1);
            k++;
        }
    return hg_run_round(r, err);
}

hg_status hg_extremum(hg_run *r, hg_bits *onehot, const hg_share *x, const hg_extremum_opts *o, hg_err *err) {
    size_t playing;
    HG_TRY(check(x, o, &playing, err));
    HG_TRY(hg_bits_new(onehot, r, x->n, err));
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    const hg_status st = of_the_playing(onehot, r, x, playing, o, err);
    hg_arena_reset(hg_run_arena(r), mark);
    return st;
}

/* ---- index ------------------------------------------------------------------------------------------------------- */

static uint64_t parity(uint64_t x) {
    for (unsigned k = 32; k; k /= 2) x ^= x >> k;
    return x & 1;
}

hg_status hg_onehot_index(hg_bits *index, hg_run *r, const hg_bits *onehot, hg_err *err) {
    static const uint64_t ODD[6] = { 0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
                                     0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000 };
    size_t bits = 0;
    while (onehot->n > (size_t)1 << bits) bits++;
    HG_TRY(hg_bits_new(index, r, bits, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t b = 0; b < bits; b++) {
            uint64_t all = 0;
            for (size_t w = 0; w < (onehot->n + 63) / 64; w++)
                all ^= b < 6 ? onehot->slot[s][w] & ODD[b] : onehot->slot[s][w] & -(uint64_t)(w >> (b - 6) & 1);
            set_bit(index->slot[s], b, parity(all));
        }
    return HG_OK;
}
