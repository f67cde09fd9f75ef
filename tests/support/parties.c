/* tests/support/parties.c -- see parties.h */
#include "parties.h"
#include "secret/run_internal.h"
#include <pthread.h>

typedef struct {
    parties *p;
    parties_fn fn;
    unsigned party;
    hg_channel *inner;
    hg_memory_net *net;
    unsigned char key[HG_SLOTS][HG_PRSS_KEY], tag[3][32];
} server;

parties *parties_new(hg_mode mode, uint64_t seed) {
    parties *p = calloc(1, sizeof *p);
    pthread_mutex_t *lock = malloc(sizeof *lock);
    assert_non_null(p);
    assert_non_null(lock);
    pthread_mutex_init(lock, NULL);
    p->lock = lock;
    p->mode = mode;
    p->seed = seed;
    return p;
}

static void clear(parties *p) {
    for (size_t k = 0; k < p->n_out; k++) {
        for (unsigned i = 0; i < 3; i++)
            for (unsigned s = 0; s < 2; s++) {
                free(p->out[k].slot[i][s]);
                free(p->out[k].mac[i][s]);
            }
        free(p->out[k].value);
    }
    memset(p->out, 0, sizeof p->out);
    p->n_out = 0;
    for (unsigned i = 0; i < 3; i++) {
        p->inputs[i] = 0;
        p->status[i] = HG_OK;
        memset(&p->err[i], 0, sizeof p->err[i]);
        memset(&p->cost[i], 0, sizeof p->cost[i]);
    }
}

void parties_free(parties *p) {
    if (!p) return;
    clear(p);
    pthread_mutex_destroy(p->lock);
    free(p->lock);
    free(p);
}

/* ---- the run ------------------------------------------------------------------------------------------------------------ */

static void test_bytes(unsigned char *bytes, size_t n, uint64_t seed, uint64_t stream) {
    hg_rng rng = hg_rng_make(seed, stream);
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)hg_rng_u64(&rng);
}

void parties_keys(const parties *p, unsigned char key[HG_SLOTS][HG_PRSS_KEY]) {
    test_bytes(key[0], (size_t)HG_SLOTS * HG_PRSS_KEY, p->seed, 1);
}

/* The spy sees copies of what goes out, and what came. */
static hg_status spied_exchange(void *self, hg_phase phase, uint32_t round, const hg_exchange *x, hg_err *err) {
    server *s = self;
    hg_exchange y = *x;
    unsigned char *copy[HG_NEIGHBOURS] = { NULL };
    for (unsigned side = 0; side < HG_NEIGHBOURS; side++) {
        if (!x->out_n[side]) continue;
        copy[side] = malloc(x->out_n[side]);
        memcpy(copy[side], x->out[side], x->out_n[side]);
        parties_message m = { s->party, side, phase, round, copy[side], x->out_n[side], false, true };
        s->p->spy(s->p->spy_user, &m);
        y.out[side] = copy[side];
        void *own; /* what lies there is the sender's own memory */
        memcpy(&own, &x->out[side], sizeof own);
        if (s->p->cheating) memcpy(own, copy[side], x->out_n[side]);
        y.out_n[side] = m.send ? m.n : 0;
    }
    const hg_status st = s->inner->exchange(s->inner->self, phase, round, &y, err);
    for (unsigned side = 0; side < HG_NEIGHBOURS; side++) {
        parties_message m = { s->party, side, phase, round, x->in[side], x->in_n[side], true, true };
        if (st == HG_OK && x->in_n[side]) s->p->spy(s->p->spy_user, &m);
        free(copy[side]);
    }
    return st;
}

static void *serve(void *arg) {
    server *s = arg;
    parties *p = s->p;
    hg_channel spied = { .self = s, .exchange = spied_exchange };
    hg_run_opts o = { .mode = p->mode, .party = s->party, .imitated = p->imitated };
    memcpy(o.key, s->key, sizeof o.key);
    for (unsigned j = 0; j < HG_SLOTS; j++) /* a server has two of the keys */
        if (p->mode != HG_PLAIN && (j + 3 - s->party) % 3 == 2) memset(o.key[j], 0xee, sizeof o.key[j]);
    memcpy(o.tag_key[HG_NEXT], s->tag[s->party], 32);
    memcpy(o.tag_key[HG_PREVIOUS], s->tag[(s->party + 2) % 3], 32);
    if (p->mode != HG_PLAIN) o.channel = p->spy ? &spied : s->inner;
    hg_run *r = NULL;
    hg_err *err = &p->err[s->party];
    hg_status st = HG_OK;
    if (p->threads) st = hg_pool_new(&o.pool, p->threads, err);
    if (st == HG_OK) st = hg_run_new(&r, &o, err);
    if (st == HG_OK) st = s->fn(p, r, err);
    if (r) {
        p->cost[s->party] = hg_run_cost(r);
        hg_run_transcript(r, p->transcript[s->party]);
    }
    p->status[s->party] = st;
    if (s->net) hg_memory_net_close(s->net, s->party);
    hg_run_free(r);
    hg_pool_free(o.pool);
    return NULL;
}

hg_status parties_run(parties *p, parties_fn fn, void *user) {
    clear(p);
    p->user = user;
    server s[3];
    pthread_t id[3];
    hg_memory_net *net = NULL;
    memset(s, 0, sizeof s);
    parties_keys(p, s[0].key);
    test_bytes(s[0].tag[0], sizeof s[0].tag, p->seed, 2);
    if (p->mode != HG_PLAIN && (p->status[0] = hg_memory_net_new(&net, &p->err[0])) != HG_OK) return p->status[0];
    const unsigned servers = p->mode == HG_PLAIN ? 1 : 3;
    for (unsigned i = 0; i < servers; i++) {
        if (i) s[i] = s[0];
        s[i].p = p;
        s[i].fn = fn;
        s[i].party = i;
        s[i].net = net;
        s[i].inner = net ? hg_memory_net_channel(net, i) : NULL;
    }
    if (servers == 1) {
        serve(&s[0]);
    } else {
        for (unsigned i = 0; i < 3; i++) assert_int_equal(pthread_create(&id[i], NULL, serve, &s[i]), 0);
        for (unsigned i = 0; i < 3; i++) pthread_join(id[i], NULL);
    }
    hg_memory_net_free(net);
    hg_status worst = HG_OK;
    for (unsigned i = 0; i < servers; i++)
        if (p->status[i] != HG_OK && (worst == HG_OK || worst == HG_EPARTY)) worst = p->status[i];
    return worst;
}

/* ---- inputs and outputs ----------------------------------------------------------------------------------------------------- */

hg_status parties_share(hg_share *out, parties *p, hg_run *r, const uint64_t *value, size_t n, unsigned limbs,
                        hg_err *err) {
    const unsigned me = hg_run_party(r);
    const uint64_t stream = 1000 + p->inputs[me]++;
    uint64_t *words = calloc(3 * n * limbs + 1, sizeof *words);
    if (!words) return hg_fail(err, HG_ENOMEM, "test input");
    uint64_t *slot[3] = { words, words + n * limbs, words + 2 * n * limbs };
    hg_rng rng = hg_rng_make(p->seed, stream);
    for (size_t i = 0; i < 2 * n * limbs; i++) words[i] = hg_rng_u64(&rng);
    hg_ring_sub(slot[2], value, slot[0], n, limbs);
    hg_ring_sub(slot[2], slot[2], slot[1], n, limbs);
    const uint64_t *const known[2] = { hg_run_mode(r) == HG_PLAIN ? value : slot[me], slot[(me + 1) % 3] };
    hg_status st = hg_share_input(out, r, known, n, limbs, err);
    if (st == HG_OK) st = hg_run_round(r, err);
    free(words);
    return st;
}

hg_status parties_share_doubles(hg_share *out, parties *p, hg_run *r, const double *value, size_t n, unsigned fraction,
                                unsigned limbs, hg_err *err) {
    uint64_t *words = calloc(n * limbs + 1, sizeof *words);
    if (!words) return hg_fail(err, HG_ENOMEM, "test input");
    for (size_t i = 0; i < n; i++) hg_ring_from_double(words + i * limbs, value[i], fraction, limbs);
    const hg_status st = parties_share(out, p, r, words, n, limbs, err);
    free(words);
    return st;
}

hg_status parties_share_bits(hg_bits *out, parties *p, hg_run *r, const uint64_t *words, size_t n, hg_err *err) {
    const unsigned me = hg_run_party(r);
    const uint64_t stream = 1000 + p->inputs[me]++;
    HG_TRY(hg_bits_new(out, r, n, err));
    hg_rng rng = hg_rng_make(p->seed, stream);
    for (size_t i = 0; i < (n + 63) / 64; i++) {
        const uint64_t last = i == n / 64 ? ((uint64_t)1 << n % 64) - 1 : UINT64_MAX;
        uint64_t slot[3] = { hg_rng_u64(&rng) & last, hg_rng_u64(&rng) & last, 0 };
        slot[2] = (words[i] & last) ^ slot[0] ^ slot[1];
        for (unsigned s = 0; s < hg_run_copies(r); s++)
            out->slot[s][i] = hg_run_mode(r) == HG_PLAIN ? words[i] & last : slot[(me + s) % 3];
    }
    return HG_OK;
}

static uint64_t *copy_words(const uint64_t *from, size_t n) {
    uint64_t *to = malloc(n * sizeof *to + 1);
    if (to && n) memcpy(to, from, n * sizeof *to);
    return to;
}

static hg_status keep(parties *p, const hg_run *r, const char *name, uint64_t *const slot[2], uint64_t *const mac[2],
                      size_t n, unsigned limbs, size_t words, hg_err *err) {
    const unsigned me = hg_run_party(r);
    pthread_mutex_lock(p->lock);
    size_t k = 0;
    while (k < p->n_out && strcmp(p->out[k].name, name) != 0) k++;
    hg_status st = k < PARTIES_OUTPUTS ? HG_OK : hg_fail(err, HG_ELIMIT, "too many outputs of a test");
    if (st == HG_OK && k == p->n_out) {
        p->n_out++;
        snprintf(p->out[k].name, sizeof p->out[k].name, "%s", name);
        p->out[k].n = n;
        p->out[k].limbs = limbs;
        p->out[k].words = words;
    }
    for (unsigned s = 0; st == HG_OK && s < 2; s++) {
        if (slot[s]) p->out[k].slot[me][s] = copy_words(slot[s], words);
        if (mac && mac[s]) p->out[k].mac[me][s] = copy_words(mac[s], words);
    }
    pthread_mutex_unlock(p->lock);
    return st;
}

hg_status parties_out(parties *p, const hg_run *r, const char *name, const hg_share *x, hg_err *err) {
    return keep(p, r, name, x->slot, x->mac, x->n, x->limbs, x->n * x->limbs, err);
}

hg_status parties_out_bits(parties *p, const hg_run *r, const char *name, const hg_bits *x, hg_err *err) {
    return keep(p, r, name, x->slot, NULL, x->n, 0, (x->n + 63) / 64, err);
}

/* Server 0 says the value, the others must say the same: slots 0 and 1 hold it, so that neighbours' copies are compared. */
hg_status parties_out_plain(parties *p, const hg_run *r, const char *name, const uint64_t *words, size_t n,
                            hg_err *err) {
    uint64_t *zero = calloc(n + 1, sizeof *zero), *value = copy_words(words, n);
    const unsigned me = hg_run_party(r);
    uint64_t *const slot[2] = { me == 0 ? value : zero, hg_run_mode(r) == HG_PLAIN ? NULL : me == 2 ? value : zero };
    const hg_status st = zero && value ? keep(p, r, name, slot, NULL, n, 1, n, err) : HG_ENOMEM;
    free(zero);
    free(value);
    return st;
}

/* a, put together: the first draw of its purpose from each key. */
static void mac_key(uint64_t a[HG_RING_LIMBS], const parties *p) {
    unsigned char key[HG_SLOTS][HG_PRSS_KEY];
    const bool all[HG_SLOTS] = { true, true, true };
    uint64_t part[HG_RING_LIMBS];
    hg_prss *prss;
    parties_keys(p, key);
    assert_ok(hg_prss_new(&prss, (const unsigned char(*)[HG_PRSS_KEY])key, all, NULL));
    const uint64_t draw = hg_prss_draw(prss, HG_PRSS_MAC);
    memset(a, 0, sizeof part);
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        assert_ok(hg_prss_fill(prss, HG_PRSS_MAC, draw, j, part, HG_RING_LIMBS, NULL));
        hg_ring_add(a, a, part, 1, HG_RING_LIMBS);
    }
    hg_prss_free(prss);
}

static size_t find(parties *p, const char *name) {
    for (size_t k = 0; k < p->n_out; k++)
        if (strcmp(p->out[k].name, name) == 0) return k;
    print_error("the run left no output \"%s\"\n", name);
    fail();
    return 0;
}

static void put_together(uint64_t *value, uint64_t *(*slot)[2], size_t words, size_t n, unsigned limbs) {
    memcpy(value, slot[0][0], words * sizeof *value);
    if (!slot[0][1]) return;
    for (unsigned i = 0; i < 3; i++) {
        assert_non_null(slot[i][1]);
        assert_memory_equal(slot[i][1], slot[(i + 1) % 3][0], words * sizeof *value); /* neighbours have the same */
    }
    for (unsigned i = 1; i < 3; i++)
        if (limbs)
            hg_ring_add(value, value, slot[i][0], n, limbs);
        else
            for (size_t w = 0; w < words; w++) value[w] ^= slot[i][0][w];
}

const uint64_t *parties_value(parties *p, const char *name) {
    const size_t k = find(p, name);
    if (p->out[k].value) return p->out[k].value;
    const size_t words = p->out[k].words, n = p->out[k].n;
    const unsigned limbs = p->out[k].limbs;
    p->out[k].value = malloc(words * sizeof(uint64_t) + 1);
    put_together(p->out[k].value, p->out[k].slot, words, n, limbs);
    if (p->out[k].mac[0][0]) {
        uint64_t *mac = calloc(2 * words + 1, sizeof *mac), *expected = mac + words, a[HG_RING_LIMBS];
        mac_key(a, p);
        put_together(mac, p->out[k].mac, words, n, limbs);
        hg_ring_scale(expected, p->out[k].value, a, n, limbs);
        assert_memory_equal(mac, expected, words * sizeof *mac);
        free(mac);
    }
    return p->out[k].value;
}

size_t parties_size(parties *p, const char *name) { return p->out[find(p, name)].n; }

int64_t parties_int(parties *p, const char *name, size_t i) {
    return (int64_t)parties_value(p, name)[i * p->out[find(p, name)].limbs];
}

double parties_double(parties *p, const char *name, size_t i, unsigned fraction) {
    const unsigned limbs = p->out[find(p, name)].limbs;
    return hg_ring_to_double(parties_value(p, name) + i * limbs, fraction, limbs);
}

bool parties_bit(parties *p, const char *name, size_t i) { return parties_value(p, name)[i / 64] >> i % 64 & 1; }

hg_cost parties_cost(parties *p) {
    if (p->mode != HG_PLAIN)
        for (unsigned i = 1; i < 3; i++) assert_memory_equal(&p->cost[i], &p->cost[0], sizeof p->cost[0]);
    return p->cost[0];
}

parties *parties_check(parties_fn fn, void *user, uint64_t seed, hg_cost costs[2]) {
    parties *plain = NULL;
    for (hg_mode mode = HG_SEMI_HONEST; mode <= HG_MALICIOUS; mode++) {
        parties_free(plain);
        plain = parties_new(HG_PLAIN, seed);
        plain->imitated = mode;
        assert_ok_err(parties_run(plain, fn, user), plain->err[0]);
        parties *p = parties_new(mode, seed);
        const hg_status st = parties_run(p, fn, user);
        for (unsigned i = 0; i < 3; i++)
            if (p->status[i] != HG_OK && p->status[i] == st)
                print_error("%s, server %u: %s\n", hg_mode_name(mode), i, p->err[i].msg);
        assert_ok(st);
        assert_int_equal(p->n_out, plain->n_out);
        for (size_t k = 0; k < plain->n_out; k++) {
            const char *name = plain->out[k].name;
            assert_int_equal(parties_size(p, name), parties_size(plain, name));
            if (memcmp(parties_value(p, name), parties_value(plain, name), plain->out[k].words * sizeof(uint64_t))) {
                print_error("%s: \"%s\" differs from the plain run\n", hg_mode_name(mode), name);
                fail();
            }
        }
        if (costs) costs[mode - HG_SEMI_HONEST] = parties_cost(p);
        parties_free(p);
    }
    return plain;
}

/* ---- lack of memory ----------------------------------------------------------------------------------------------------------- */

void parties_arm(const parties *p, const hg_run *r) {
    if (hg_run_party(r) == 0) fail_alloc_after(p->fault);
}

static bool goes_well(hg_mode mode, hg_mode imitated, long fault, parties_fn fn, void *user) {
    parties *p = parties_new(mode, 8);
    p->imitated = imitated;
    p->fault = fault;
    const hg_status st = parties_run(p, fn, user);
    fail_alloc_after(-1);
    parties_free(p);
    if (st != HG_OK) assert_int_equal(st, HG_ENOMEM);
    return st == HG_OK;
}

void parties_fail(parties_fn fn, void *user, hg_mode from, hg_mode to, long fine, long least) {
    long k = 0;
    for (hg_mode mode = from; mode <= to; mode++) {
        k = 0;
        while (!goes_well(mode, to == HG_PLAIN ? HG_SEMI_HONEST : to, k, fn, user)) k += 1 + k / fine;
    }
    assert_true(k >= least);
}
