/* secret/run.c -- see secret/run.h: the life of a run, its queue, its rounds
 *
 * One message to the previous server holds what all queued gates send, in the order of the queue; the next server's message
 * has the same layout. The second copies of openings (malicious mode) go to the next server: as they are up to 32 bytes, as
 * their SHA-256 above. They are compared before any opened value is handed out. In the semi-honest mode that message holds the
 * parts of sums that are opened in the round of their product (hg_inner_open).
 */
#include "secret/run_internal.h"
#include "core/memory.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

const char *hg_mode_name(hg_mode m) {
    static const char *const name[] = { "plain", "semi-honest", "malicious" };
    return m <= HG_MALICIOUS ? name[m] : "unknown";
}

const char *hg_mode_words(hg_mode m) {
    static const char *const words[] = {
        "one party computes with plain values: nothing is protected",
        "protects from one server that follows the protocol and looks at everything it gets; "
        "not from a server that sends wrong messages",
        "protects from one server that sends anything at all, together with any owners and users: "
        "cheating is found and the job stops before anything is opened",
    };
    return m <= HG_MALICIOUS ? words[m] : "unknown mode";
}

bool hg_grow_secret(void *p, size_t *cap, size_t need, size_t size) {
    void *old;
    memcpy(&old, p, sizeof old);
    if (need <= *cap) return true;
    const size_t want = need < 2 * *cap ? 2 * *cap : need;
    void *grown = hg_malloc(want, size);
    if (!grown) return false;
    if (old) {
        memcpy(grown, old, *cap * size);
        OPENSSL_cleanse(old, *cap * size);
        hg_free(old);
    }
    memcpy(p, &grown, sizeof grown);
    *cap = want;
    return true;
}

static void free_secret(void *p, size_t bytes) {
    if (p) OPENSSL_cleanse(p, bytes);
    hg_free(p);
}

static hg_status no_memory(hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory for a run of the secret protocol");
}

/* ---- life --------------------------------------------------------------------------------------------------------------- */

static hg_status check_opts(const hg_run_opts *o, hg_err *err) {
    if (o->mode > HG_MALICIOUS) return hg_fail(err, HG_EINVAL, "%d is no mode of a run", (int)o->mode);
    if (o->party > (o->mode == HG_PLAIN ? 0 : 2)) return hg_fail(err, HG_EINVAL, "there is no server %u", o->party);
    if ((o->mode == HG_PLAIN) == (o->channel != NULL))
        return hg_fail(err, HG_EINVAL, "a %s run %s a channel", hg_mode_name(o->mode),
                       o->channel ? "has no use for" : "needs");
    return HG_OK;
}

static hg_status draw_mac_key(hg_run *r, hg_err *err) {
    const uint64_t draw = hg_prss_draw(r->prss, HG_PRSS_MAC);
    for (unsigned s = 0; s < 2; s++)
        HG_TRY(hg_prss_fill(r->prss, HG_PRSS_MAC, draw, (r->party + s) % 3, r->key[s], HG_RING_LIMBS, err));
    return HG_OK;
}

hg_status hg_run_new(hg_run **out, const hg_run_opts *o, hg_err *err) {
    *out = NULL;
    HG_TRY(check_opts(o, err));
    hg_run *r = hg_calloc(1, sizeof *r);
    if (!r) return no_memory(err);
    r->mode = o->mode;
    r->imitated = o->mode == HG_MALICIOUS || o->imitated == HG_MALICIOUS ? HG_MALICIOUS : HG_SEMI_HONEST;
    if (o->mode == HG_SEMI_HONEST) r->imitated = HG_SEMI_HONEST;
    r->party = o->party;
    r->copies = o->mode == HG_PLAIN ? 1 : 2;
    r->channel = o->channel;
    r->pool = o->pool;
    r->hooks = o->hooks;
    r->arena = hg_arena_new_secret();
    r->scratch = hg_malloc(2 * HG_CHUNK_WORDS, sizeof *r->scratch);
    r->hash = EVP_MD_CTX_new();
    bool known[HG_SLOTS];
    for (unsigned j = 0; j < HG_SLOTS; j++) known[j] = o->mode == HG_PLAIN || (j + 3 - o->party) % 3 < 2;
    hg_status st = r->arena && r->scratch && r->hash && EVP_DigestInit_ex(r->hash, EVP_sha256(), NULL) == 1
                       ? HG_OK
                       : no_memory(err);
    if (st == HG_OK) st = hg_prss_new(&r->prss, o->key, known, err);
    if (st == HG_OK && o->mode == HG_MALICIOUS) {
        memcpy(r->tag_key, o->tag_key, sizeof r->tag_key);
        st = draw_mac_key(r, err);
    }
    if (st != HG_OK) {
        hg_run_free(r);
        return st;
    }
    *out = r;
    return HG_OK;
}

static void free_buffer(hg_buffer *b) { free_secret(b->p, b->cap); }

void hg_run_free(hg_run *r) {
    if (!r) return;
    hg_prss_free(r->prss);
    hg_arena_free(r->arena);
    free_secret(r->scratch, 2 * HG_CHUNK_WORDS * sizeof *r->scratch);
    free_secret(r->gates, r->gates_cap * sizeof *r->gates);
    free_secret(r->triples, r->triples_cap * sizeof *r->triples);
    free_buffer(&r->out);
    free_buffer(&r->in);
    free_buffer(&r->copy);
    free_buffer(&r->copy_in);
    free_buffer(&r->thirds);
    EVP_MD_CTX_free(r->hash);
    hg_free(r->wait);
    hg_free(r->masks);
    free_secret(r, sizeof *r);
}

hg_mode hg_run_mode(const hg_run *r) { return r->mode; }
hg_mode hg_run_arithmetic(const hg_run *r) { return r->imitated; }
unsigned hg_run_party(const hg_run *r) { return r->party; }
unsigned hg_run_copies(const hg_run *r) { return r->copies; }
hg_arena *hg_run_arena(hg_run *r) { return r->arena; }
hg_cost hg_run_cost(const hg_run *r) { return r->cost; }
hg_pool *hg_run_pool(const hg_run *r) { return r->pool; }
hg_prss *hg_run_prss(hg_run *r) { return r->prss; }
void hg_run_transcript(const hg_run *r, unsigned char digest[32]) { memcpy(digest, r->transcript, 32); }

/* ---- one exchange ------------------------------------------------------------------------------------------------------------ */

hg_status hg_run_sha256(hg_run *r, unsigned char digest[32], const void *a, size_t n_a, const void *b, size_t n_b,
                        hg_err *err) {
    const bool good = EVP_DigestInit_ex(r->hash, NULL, NULL) == 1 && EVP_DigestUpdate(r->hash, a, n_a) == 1 &&
                      EVP_DigestUpdate(r->hash, b, n_b) == 1 && EVP_DigestFinal_ex(r->hash, digest, NULL) == 1;
    return good ? HG_OK : hg_fail(err, HG_ENOMEM, "SHA-256 failed");
}

hg_status hg_run_break(hg_run *r, hg_status st) {
    if (st == HG_OK || r->broken != HG_OK) return st;
    r->broken = st;
    OPENSSL_cleanse(r->key, sizeof r->key);
    OPENSSL_cleanse(r->sums, sizeof r->sums);
    return st;
}

/* The digest of a direction of a link: chained over round, phase, length and bytes of each message. */
static hg_status chain(hg_run *r, unsigned char digest[32], hg_phase phase, const void *bytes, size_t n, hg_err *err) {
    unsigned char head[32 + 16] = { 0 };
    const uint64_t about[2] = { (uint64_t)phase << 32 | (uint32_t)r->cost.rounds, n };
    if (n == 0) return HG_OK;
    memcpy(head, digest, 32);
    memcpy(head + 32, about, sizeof about);
    return hg_run_sha256(r, digest, head, sizeof head, bytes, n, err);
}

hg_status hg_run_exchange(hg_run *r, hg_phase phase, const hg_exchange *x, hg_err *err) {
    if (r->broken) return hg_fail(err, r->broken, "this run was broken off before");
    if (!hg_progress(r->hooks, "secret computation", r->cost.rounds, 0))
        return hg_run_break(r, hg_fail(err, HG_ECANCEL, "stopped in %s", hg_phase_name(phase)));
    hg_status st = r->channel->exchange(r->channel->self, phase, (uint32_t)r->cost.rounds, x, err);
    for (unsigned side = 0; side < HG_NEIGHBOURS && st == HG_OK; side++) {
        st = chain(r, r->link[side][0], phase, x->out[side], x->out_n[side], err);
        if (st == HG_OK) st = chain(r, r->link[side][1], phase, x->in[side], x->in_n[side], err);
        r->cost.bytes += x->out_n[side];
        r->cost.messages += x->out_n[side] != 0;
    }
    if (st == HG_OK) st = hg_run_sha256(r, r->transcript, r->link, sizeof r->link, "", 0, err);
    r->cost.rounds++;
    return hg_run_break(r, st);
}

/* ---- the queue ------------------------------------------------------------------------------------------------------------------ */

hg_status hg_run_wait(hg_run *r, const hg_wait *w, hg_err *err) {
    if (!hg_grow(&r->wait, &r->wait_cap, r->waits + 1, sizeof *r->wait)) return hg_run_break(r, no_memory(err));
    r->wait[r->waits++] = *w;
    return HG_OK;
}

static hg_status append(hg_run *r, hg_buffer *b, const void *bytes, size_t n, hg_err *err) {
    if (!hg_grow_secret(&b->p, &b->cap, b->n + n, 1)) return hg_run_break(r, no_memory(err));
    if (n) memcpy(b->p + b->n, bytes, n);
    b->n += n;
    return HG_OK;
}

hg_status hg_run_send(hg_run *r, const void *bytes, size_t n, hg_err *err) { return append(r, &r->out, bytes, n, err); }
hg_status hg_run_send_copy(hg_run *r, const void *bytes, size_t n, hg_err *err) {
    return append(r, &r->copy, bytes, n, err);
}

/* The low `bytes` bytes of each element. */
static hg_status append_elements(hg_run *r, hg_buffer *b, const uint64_t *x, size_t n, unsigned limbs, unsigned bits,
                                 hg_err *err) {
    const size_t each = (bits + 7) / 8;
    if (!hg_grow_secret(&b->p, &b->cap, b->n + n * each, 1)) return hg_run_break(r, no_memory(err));
    for (size_t i = 0; i < n; i++) {
        uint64_t e[HG_RING_LIMBS];
        memcpy(e, x + i * limbs, limbs * sizeof *e);
        hg_ring_mask(e, bits, 1, limbs);
        memcpy(b->p + b->n + i * each, e, each);
    }
    b->n += n * each;
    return HG_OK;
}

hg_status hg_open(hg_run *r, uint64_t *value, const hg_share *x, unsigned bits, hg_err *err) {
    assert(bits >= 1 && bits <= 64 * x->limbs);
    r->cost.openings += x->n;
    const hg_wait w = {
        .kind = HG_WAIT_OPEN, .at = r->out.n, .bytes = x->n * ((bits + 7) / 8), .x = *x, .bits = bits, .value = value
    };
    if (r->mode != HG_PLAIN) HG_TRY(append_elements(r, &r->out, x->slot[1], x->n, x->limbs, bits, err));
    if (r->mode == HG_MALICIOUS) HG_TRY(append_elements(r, &r->copy, x->slot[0], x->n, x->limbs, bits, err));
    return hg_run_wait(r, &w, err);
}

hg_status hg_open_bits(hg_run *r, uint64_t *value, const hg_bits *x, hg_err *err) {
    r->cost.openings += x->n;
    const size_t bytes = (x->n + 7) / 8;
    const hg_wait w = { .kind = HG_WAIT_OPEN_BITS, .at = r->out.n, .bytes = bytes, .b = *x, .value = value };
    if (r->mode != HG_PLAIN) HG_TRY(append(r, &r->out, x->slot[1], bytes, err));
    if (r->mode == HG_MALICIOUS) HG_TRY(append(r, &r->copy, x->slot[0], bytes, err));
    return hg_run_wait(r, &w, err);
}

/* ---- the round --------------------------------------------------------------------------------------------------------------------- */

static void finish_open(hg_run *r, const hg_wait *w) {
    const unsigned limbs = w->x.limbs;
    const size_t each = (w->bits + 7) / 8;
    memcpy(w->value, w->x.slot[0], w->x.n * limbs * sizeof *w->value);
    if (r->mode != HG_PLAIN) {
        hg_ring_add(w->value, w->value, w->x.slot[1], w->x.n, limbs);
        for (size_t i = 0; i < w->x.n; i++) {
            uint64_t e[HG_RING_LIMBS] = { 0 };
            memcpy(e, r->in.p + w->at + i * each, each);
            hg_ring_add(w->value + i * limbs, w->value + i * limbs, e, 1, limbs);
        }
    }
    hg_ring_mask(w->value, w->bits, w->x.n, limbs);
}

static void finish_bits(const hg_run *r, uint64_t *words, size_t n, size_t at) {
    const size_t count = (n + 63) / 64;
    if (count) words[count - 1] = 0; /* the message has whole bytes only */
    memcpy(words, r->in.p + at, (n + 7) / 8);
    if (n % 64) words[count - 1] &= ((uint64_t)1 << n % 64) - 1;
}

static void finish_open_bits(hg_run *r, const hg_wait *w) {
    const size_t count = (w->b.n + 63) / 64;
    if (r->mode == HG_PLAIN) {
        memcpy(w->value, w->b.slot[0], count * sizeof *w->value);
        return;
    }
    finish_bits(r, w->value, w->b.n, w->at);
    for (size_t i = 0; i < count; i++) w->value[i] ^= w->b.slot[0][i] ^ w->b.slot[1][i];
}

/* This server's part is there: add those of the two others. */
static void finish_sum(hg_run *r, const hg_wait *w) {
    const unsigned char *const from[2] = { r->in.p + w->at, r->copy_in.p + w->second };
    for (unsigned side = 0; side < 2 && r->mode != HG_PLAIN; side++)
        for (size_t i = 0; i < w->x.n; i++) {
            uint64_t e[HG_RING_LIMBS];
            memcpy(e, from[side] + i * w->x.limbs * sizeof *e, w->x.limbs * sizeof *e);
            hg_ring_add(w->value + i * w->x.limbs, w->value + i * w->x.limbs, e, 1, w->x.limbs);
        }
}

static hg_status finish(hg_run *r, const hg_wait *w, hg_err *err) {
    const size_t words = w->x.n * w->x.limbs;
    switch (w->kind) {
    case HG_WAIT_OPEN: finish_open(r, w); return HG_OK;
    case HG_WAIT_OPEN_BITS: finish_open_bits(r, w); return HG_OK;
    case HG_WAIT_SUM: finish_sum(r, w); return HG_OK;
    case HG_WAIT_PRODUCT:
        memcpy(w->x.slot[1], r->in.p + w->at, words * sizeof(uint64_t));
        if (!w->x.mac[0]) return HG_OK;
        memcpy(w->x.mac[1], r->in.p + w->at + words * sizeof(uint64_t), words * sizeof(uint64_t));
        return hg_verify_record(r, &w->x, err);
    case HG_WAIT_MAC:
        memcpy(w->x.mac[1], r->in.p + w->at, words * sizeof(uint64_t));
        return hg_verify_record(r, &w->x, err);
    case HG_WAIT_AND:
        finish_bits(r, w->b.slot[1], w->b.n, w->at);
        for (size_t i = 0; r->mode == HG_MALICIOUS && i < (w->b.n + 63) / 64; i++)
            r->gates[w->first + i].c[1] = w->b.slot[1][i];
        return HG_OK;
    case HG_WAIT_TRIPLES:
        for (size_t i = 0; i < w->bytes / sizeof(uint64_t); i++)
            memcpy(&r->triples[w->first + i].c[1], r->in.p + w->at + i * sizeof(uint64_t), sizeof(uint64_t));
        return HG_OK;
    }
    return HG_OK;
}

/* What the second copies must be: the third slots as the next server sent them, from the previous one. */
static hg_status check_copies(hg_run *r, hg_phase phase, hg_err *err) {
    if (r->mode != HG_MALICIOUS) return HG_OK; /* what came from there are parts of sums */
    r->thirds.n = 0;
    for (size_t i = 0; i < r->waits; i++) {
        const hg_wait *w = &r->wait[i];
        if (w->kind == HG_WAIT_OPEN || w->kind == HG_WAIT_OPEN_BITS)
            HG_TRY(append(r, &r->thirds, r->in.p + w->at, w->bytes, err));
    }
    unsigned char digest[32];
    const void *expected = r->thirds.p;
    if (r->thirds.n > sizeof digest) {
        HG_TRY(hg_run_sha256(r, digest, r->thirds.p, r->thirds.n, "", 0, err));
        expected = digest;
    }
    if (r->copy_in.n == 0 || CRYPTO_memcmp(expected, r->copy_in.p, r->copy_in.n) == 0) return HG_OK;
    return hg_fail(err, HG_ECHEAT, "the two copies of an opened value differ, in %s, round %zu", hg_phase_name(phase),
                   r->cost.rounds - 1);
}

/* Only openings in it: a round of that name. */
static hg_phase phase_of(const hg_run *r) {
    for (size_t i = 0; i < r->waits; i++)
        if (r->wait[i].kind != HG_WAIT_OPEN && r->wait[i].kind != HG_WAIT_OPEN_BITS) return HG_PHASE_COMPUTE;
    return HG_PHASE_OPEN;
}

static hg_status exchange_queue(hg_run *r, hg_phase phase, hg_err *err) {
    unsigned char digest[32];
    const void *copy = r->copy.p;
    size_t copy_n = r->copy.n;
    if (r->mode == HG_MALICIOUS && copy_n > sizeof digest) {
        HG_TRY(hg_run_sha256(r, digest, r->copy.p, r->copy.n, "", 0, err));
        copy = digest;
        copy_n = sizeof digest;
    }
    if (!hg_grow_secret(&r->in.p, &r->in.cap, r->out.n + 1, 1) ||
        !hg_grow_secret(&r->copy_in.p, &r->copy_in.cap, copy_n + 1, 1))
        return no_memory(err);
    r->in.n = r->out.n;
    r->copy_in.n = copy_n;
    const hg_exchange x = { .out = { [HG_NEXT] = copy, [HG_PREVIOUS] = r->out.p },
                            .out_n = { [HG_NEXT] = copy_n, [HG_PREVIOUS] = r->out.n },
                            .in = { [HG_NEXT] = r->in.p, [HG_PREVIOUS] = r->copy_in.p },
                            .in_n = { [HG_NEXT] = r->out.n, [HG_PREVIOUS] = copy_n } };
    HG_TRY(hg_run_exchange(r, phase, &x, err));
    return check_copies(r, phase, err);
}

hg_status hg_run_round(hg_run *r, hg_err *err) {
    if (r->broken) return hg_fail(err, r->broken, "this run was broken off before");
    if (r->waits == 0) return HG_OK;
    hg_status st = HG_OK;
    if (r->mode == HG_MALICIOUS) st = hg_verify_triples(r, err);
    if (st == HG_OK && r->mode != HG_PLAIN) st = exchange_queue(r, phase_of(r), err);
    if (r->mode == HG_PLAIN) r->cost.rounds++;
    for (size_t i = 0; i < r->waits && st == HG_OK; i++)
        if (r->mode != HG_PLAIN || r->wait[i].kind >= HG_WAIT_OPEN) st = finish(r, &r->wait[i], err);
    r->waits = 0;
    r->out.n = r->copy.n = 0;
    return hg_run_break(r, st);
}
