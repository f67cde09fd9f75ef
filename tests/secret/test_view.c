/* tests/secret/test_view.c -- what one server sees: uniform, masked word by word, and made from its own knowledge alone */
#include "parties.h"
#include "secret/verify.h"

/* ---- one server's view -------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned party; /* whose messages are counted */
    size_t bins[256], bytes;
    uint64_t sent[3][1024]; /* by each server, in the order they went */
    size_t words[3];
} listener;

static void count_bytes(void *user, parties_message *m) {
    listener *l = user;
    if (!m->received || m->party != l->party || m->phase == HG_PHASE_OPEN) return;
    for (size_t i = 0; i < m->n; i++) l->bins[m->bytes[i]]++;
    l->bytes += m->n;
}

static hg_status everything_small(parties *p, hg_run *r, hg_err *err) {
    static const uint64_t x[6 * 3] = { 1, 0, 0, 2, 0, 0 }, bits[2] = { 0, 1 };
    hg_share s, z, masks;
    hg_bits b, c;
    HG_TRY(parties_share(&s, p, r, x, 6, 3, err));
    HG_TRY(parties_share_bits(&b, p, r, bits, 128, err));
    HG_TRY(hg_and(r, &c, &b, &b, err));
    HG_TRY(hg_gate_mul(r, &z, &s, &s, err));
    HG_TRY(hg_inner(r, &z, &s, &s, 2, 3, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_mix(r, &z, &z, &s, 2, 3, err));
    HG_TRY(hg_and(r, &c, &c, &b, err));
    HG_TRY(hg_run_round(r, err));
    uint64_t value[9];
    HG_TRY(hg_share_random(&masks, r, 3, 3, err));
    hg_share_add(r, &z, &z, &masks);
    HG_TRY(hg_open(r, value, &z, 192, err));
    return hg_run_round(r, err);
}

/* Chi-square of 255 degrees: mean 255, standard deviation 22.6. Seeds are fixed: the figures do not change. */
static void what_a_server_takes_is_uniform_whatever_the_secrets(void **state) {
    (void)state;
    for (hg_mode mode = HG_SEMI_HONEST; mode <= HG_MALICIOUS; mode++)
        for (unsigned party = 0; party < 3; party++) {
            listener l = { .party = party };
            for (uint64_t seed = 1; seed <= 40; seed++) {
                parties *p = parties_new(mode, seed);
                p->spy = count_bytes;
                p->spy_user = &l;
                assert_ok(parties_run(p, everything_small, NULL));
                parties_free(p);
            }
            const double expected = (double)l.bytes / 256;
            double chi = 0;
            for (int b = 0; b < 256; b++)
                chi += ((double)l.bins[b] - expected) * ((double)l.bins[b] - expected) / expected;
            assert_true(expected > 30);
            assert_true(chi > 255 - 5 * 22.6 && chi < 255 + 5 * 22.6);
        }
}

static hg_status only_zeros(parties *p, hg_run *r, hg_err *err) {
    (void)p;
    static const uint64_t zero[30] = { 0 };
    const uint64_t *const known[2] = { zero, zero };
    hg_share x, z;
    hg_bits b, c;
    HG_TRY(hg_share_input(&x, r, known, 6, 2, err)); /* every slot of it is zero, and so is every product of them */
    HG_TRY(hg_bits_new(&b, r, 192, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_gate_mul(r, &z, &x, &x, err));
    HG_TRY(hg_inner(r, &z, &x, &x, 3, 2, err));
    const hg_share two = hg_share_view(&x, 0, 2);
    HG_TRY(hg_mix(r, &z, &two, &x, 2, 3, err));
    if (hg_run_mode(r) == HG_SEMI_HONEST) HG_TRY(hg_and(r, &c, &b, &b, err)); /* triples have words of their own */
    return hg_run_round(r, err);
}

static void keep_words(void *user, parties_message *m) {
    listener *l = user;
    if (m->received) return;
    for (size_t i = 0; i < m->n / 8; i++) memcpy(&l->sent[m->party][l->words[m->party]++], m->bytes + 8 * i, 8);
}

/* With zero factors a message is nothing but its zero share. Without one it would be zero: the factors' product in the open. */
static void every_word_that_leaves_is_masked_by_a_zero_share_of_its_own(void **state) {
    (void)state;
    for (hg_mode mode = HG_SEMI_HONEST; mode <= HG_MALICIOUS; mode++) {
        listener l = { .bytes = 0 };
        parties *p = parties_new(mode, 77);
        p->spy = keep_words;
        p->spy_user = &l;
        assert_ok(parties_run(p, only_zeros, NULL));
        const size_t bits = mode == HG_SEMI_HONEST ? 3 : 0, n = (6 + 3 + 3) * 2 * (mode == HG_MALICIOUS ? 2 : 1);
        const size_t inputs = mode == HG_MALICIOUS ? 12 : 0;
        for (unsigned i = 0; i < 3; i++) assert_int_equal(l.words[i], inputs + n + bits);
        for (size_t k = 0; k < l.words[0]; k++) {
            for (unsigned i = 0; i < 3; i++) {
                assert_true(l.sent[i][k] != 0);
                for (size_t j = 0; j < k; j++) assert_true(l.sent[i][k] != l.sent[i][j]); /* no mask twice */
            }
            const uint64_t sum = l.sent[0][k] + l.sent[1][k] + l.sent[2][k];
            if (k >= inputs + n)
                assert_int_equal(l.sent[0][k] ^ l.sent[1][k] ^ l.sent[2][k], 0); /* they cancel: bits */
            else if (k % 2 == 0)
                assert_int_equal(sum, 0); /* low limbs of elements */
        }
        parties_free(p);
    }
}

/* ---- a simulator -------------------------------------------------------------------------------------------------------------------------- */

/* What a server sees can be made without the others' secrets: the real view is its slots, its keys, and messages that are masked
 * with a key that it does not have. The simulator gives random words instead, and for an opening the third slot that the output
 * asks for. The server computes as ever and gets the right output; sizes and order of messages are those of the real run. (In
 * the malicious mode there are tags besides: the server could make the ones it expects by itself, so they tell it nothing.) */
typedef struct {
    hg_rng rng;
    const unsigned char *third; /* for the next opening */
    size_t sizes[16][2], rounds;
} simulator;

static hg_status simulated(void *self, hg_phase phase, uint32_t round, const hg_exchange *x, hg_err *err) {
    (void)err;
    simulator *s = self;
    s->sizes[round][0] = x->in_n[HG_NEXT];
    s->sizes[round][1] = x->in_n[HG_PREVIOUS];
    s->rounds++;
    unsigned char *in = x->in[HG_NEXT];
    for (size_t i = 0; i < x->in_n[HG_NEXT]; i++)
        in[i] = phase == HG_PHASE_OPEN ? s->third[i] : (unsigned char)hg_rng_u64(&s->rng);
    return HG_OK;
}

typedef struct {
    simulator *sim; /* NULL: a real run */
    uint64_t x[4], output, third;
    size_t sizes[3][16][2];
} small_job;

/* Opens (x0 x1 + x2 x3)^2. */
static hg_status small_circuit(hg_run *r, hg_share *x, small_job *j, uint64_t *value, hg_err *err) {
    hg_share pair = hg_share_view(x, 0, 2), other = hg_share_view(x, 2, 2), z;
    HG_TRY(hg_inner(r, &z, &pair, &other, 1, 2, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_gate_mul(r, &z, &z, &z, err));
    HG_TRY(hg_run_round(r, err));
    if (j->sim) j->third = j->output - z.slot[0][0] - z.slot[1][0];
    HG_TRY(hg_open(r, value, &z, 64, err));
    return hg_run_round(r, err);
}

static hg_status small_real(parties *p, hg_run *r, hg_err *err) {
    small_job *j = p->user;
    hg_share x;
    uint64_t value;
    HG_TRY(parties_share(&x, p, r, j->x, 4, 1, err));
    HG_TRY(parties_out(p, r, "x", &x, err));
    HG_TRY(small_circuit(r, &x, j, &value, err));
    return parties_out_plain(p, r, "value", &value, 1, err);
}

static void note_sizes(void *user, parties_message *m) {
    small_job *j = user;
    if (m->received) j->sizes[m->party][m->round][m->side == HG_NEXT ? 0 : 1] = m->n;
}

static void a_view_is_made_from_own_slots_keys_and_output_alone(void **state) {
    (void)state;
    small_job real = { .x = { 3, 5, 7, 11 } };
    parties *p = parties_new(HG_SEMI_HONEST, 21);
    p->spy = note_sizes;
    p->spy_user = &real;
    assert_ok(parties_run(p, small_real, &real));
    assert_int_equal(parties_value(p, "value")[0], (3 * 7 + 5 * 11) * (3 * 7 + 5 * 11));
    for (unsigned party = 0; party < 3; party++) {
        simulator sim = { .rng = hg_rng_make(party, 99) };
        small_job j = { .sim = &sim, .output = parties_value(p, "value")[0] };
        sim.third = (const unsigned char *)&j.third;
        hg_channel channel = { &sim, simulated };
        hg_run_opts o = { .mode = HG_SEMI_HONEST, .party = party, .channel = &channel };
        parties_keys(p, o.key);
        memset(o.key[(party + 2) % 3], 0, HG_PRSS_KEY);
        hg_run *r;
        hg_err err;
        assert_ok_err(hg_run_new(&r, &o, &err), err);
        hg_share x;
        size_t k = 0;
        while (strcmp(p->out[k].name, "x") != 0) k++;
        const uint64_t *const slots[2] = { p->out[k].slot[party][0], p->out[k].slot[party][1] };
        assert_ok(hg_share_input(&x, r, slots, 4, 1, &err));
        uint64_t value = 0;
        assert_ok_err(small_circuit(r, &x, &j, &value, &err), err);
        assert_int_equal(value, j.output);
        assert_int_equal(sim.rounds, 3);
        assert_memory_equal(sim.sizes, real.sizes[party], sizeof sim.sizes);
        hg_run_free(r);
    }
    parties_free(p);
}

/* ---- the sums are masked ------------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    uint64_t sent[3][8];
} fence_words;

static void keep_fence(void *user, parties_message *m) {
    fence_words *f = user;
    if (!m->received && m->phase == HG_PHASE_FENCE && m->side == HG_PREVIOUS)
        memcpy(f->sent[m->party], m->bytes + 32, m->n - 32);
    if (!m->received && m->phase == HG_PHASE_CHECK) memcpy(&f->sent[m->party][4], m->bytes, m->n);
}

static hg_status one_product(parties *p, hg_run *r, hg_err *err) {
    static const uint64_t two[2] = { 2, 0 };
    hg_share x, z;
    HG_TRY(parties_share(&x, p, r, two, 1, 2, err));
    HG_TRY(hg_gate_mul(r, &z, &x, &x, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(parties_out(p, r, "x", &x, err));
    HG_TRY(parties_out(p, r, "z", &z, err));
    return hg_run_verify_products(r, err);
}

static void prss_words(uint64_t *w, const unsigned char (*key)[HG_PRSS_KEY], hg_prss_purpose purpose, uint64_t draw,
                       unsigned slot) {
    const bool all[HG_SLOTS] = { true, true, true };
    hg_prss *p;
    assert_ok(hg_prss_new(&p, key, all, NULL));
    assert_ok(hg_prss_fill(p, purpose, draw, slot, w, 2, NULL));
    hg_prss_free(p);
}

/* All of the fence's and the check's words again, with all three keys, from the definition: sum of beta z and beta (a z), u - a w, each
 * with its own zero share. A word without one would be told apart here. */
static void sums_leave_a_server_under_zero_shares(void **state) {
    (void)state;
    fence_words f;
    parties *p = parties_new(HG_MALICIOUS, 31);
    p->spy = keep_fence;
    p->spy_user = &f;
    assert_ok(parties_run(p, one_product, NULL));
    assert_int_equal(parties_value(p, "z")[0], 4);
    unsigned char key[HG_SLOTS][HG_PRSS_KEY];
    parties_keys(p, key);
    const unsigned char(*const k)[HG_PRSS_KEY] = (const unsigned char(*)[HG_PRSS_KEY])key;
    size_t x = 0, z = 0;
    while (strcmp(p->out[x].name, "x") != 0) x++;
    while (strcmp(p->out[z].name, "z") != 0) z++;
    uint64_t masked[3][6]; /* w, u, T as they went */
    for (unsigned i = 0; i < 3; i++) {
        uint64_t own[3][2] = { { 0 } }, a[2][2];
        for (unsigned s = 0; s < 2; s++) prss_words(a[s], k, HG_PRSS_MAC, 0, (i + s) % 3);
        for (uint64_t draw = 0; draw < 2; draw++) { /* the input, then the product */
            const size_t o = draw ? z : x;
            uint64_t beta[2][2];
            for (unsigned s = 0; s < 2; s++) prss_words(beta[s], k, HG_PRSS_CHECK, draw, (i + s) % 3);
            for (unsigned m = 0; m < 2; m++) {
                uint64_t *const *v = m ? p->out[o].mac[i] : p->out[o].slot[i];
                for (unsigned s = 0; s < 3; s++) /* x0 y0 + x0 y1 + x1 y0 */
                    hg_ring_mul_add(own[m], beta[s == 2], v[s == 1], 1, 2);
            }
        }
        memcpy(masked[i], f.sent[i], sizeof masked[i]);
        const unsigned next = (i + 1) % 3;
        uint64_t *const w[2] = { f.sent[i], f.sent[next] }; /* slots i and i+1 of w */
        hg_ring_mul_add(own[2], a[0], w[0], 1, 2);
        hg_ring_mul_add(own[2], a[0], w[1], 1, 2);
        hg_ring_mul_add(own[2], a[1], w[0], 1, 2);
        hg_ring_sub(own[2], f.sent[i] + 2, own[2], 1, 2);
        for (unsigned m = 0; m < 3; m++) {
            uint64_t zero[2], other[2];
            prss_words(zero, k, HG_PRSS_ZERO, 3 + m, i); /* draws 0 to 2: the input's MAC, z, a z */
            prss_words(other, k, HG_PRSS_ZERO, 3 + m, next);
            assert_memory_not_equal(masked[i] + 2 * m, own[m], 16);
            hg_ring_add(own[m], own[m], zero, 1, 2);
            hg_ring_sub(own[m], own[m], other, 1, 2);
            assert_memory_equal(masked[i] + 2 * m, own[m], 16);
        }
    }
    for (unsigned l = 0; l < 2; l++) hg_ring_add(masked[0] + 4, masked[0] + 4, masked[l + 1] + 4, 1, 2);
    assert_int_equal(masked[0][4] | masked[0][5], 0); /* T */
    parties_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_a_server_takes_is_uniform_whatever_the_secrets),
        TEST(every_word_that_leaves_is_masked_by_a_zero_share_of_its_own),
        TEST(a_view_is_made_from_own_slots_keys_and_output_alone),
        TEST(sums_leave_a_server_under_zero_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
