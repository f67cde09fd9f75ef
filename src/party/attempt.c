/* party/attempt.c -- see party/serve.h: links to the two others, what must be alike, keys, the OK
 *
 * Messages here are not part of the protocol proper: they carry public facts, digests that both ends of the link may know, and
 * signatures. Rounds are counted on all three alike; every difference is an error that says what differs and with whom.
 */
#include "core/memory.h"
#include "party/ready.h"
#include "party/serve.h"
#include "secret/ring.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

unsigned hg_attempt_party(const hg_attempt *a, hg_neighbour n) {
    return (a->server->party + (n == HG_NEXT ? 1 : 2)) % HG_SERVERS;
}

/* ---- links ------------------------------------------------------------------------------------------------------------------ */

/* The higher of two servers dials. */
static hg_status reach(hg_attempt *a, hg_neighbour n, hg_err *err) {
    hg_server *s = a->server;
    const unsigned party = hg_attempt_party(a, n);
    hg_status st;
    if (s->party < party) {
        st = hg_meet_fetch(&a->link[n], s->meet, (int)party, a->topic, a->number, s->o.peer_ms, err);
    } else {
        hg_link_opts o = hg_link_opts_default();
        o.cluster = s->o.cluster;
        o.purpose = HG_PURPOSE_JOB;
        o.attempt = a->number;
        o.handshake_ms = s->o.peer_ms;
        o.cancel = s->hard;
        memcpy(o.digest, a->topic, HG_DIGEST);
        st = hg_link_connect_patiently(&a->link[n], s->tls, party, &o, s->o.peer_ms, err);
    }
    return st == HG_EPARTY ? hg_serve_missing(s, party, err, err) : st;
}

static hg_status insecure_exchange(void *self, hg_phase phase, uint32_t round, const hg_exchange *x, hg_err *err) {
    const hg_attempt *a = self;
    const hg_server_insecure_cheat *c = a->server->o.insecure_cheat;
    return c->exchange(c->self, hg_channel_tls_channel(a->tls), phase, round, x, err);
}

typedef struct {
    hg_attempt *attempt;
    hg_neighbour neighbour;
    hg_status st;
    hg_err err;
} reaching;

static void *reach_thread(void *arg) {
    reaching *r = arg;
    r->st = reach(r->attempt, r->neighbour, &r->err);
    return NULL;
}

/* Both neighbours at once: a handshake is a few milliseconds of waiting for the other side. */
static hg_status reach_both(hg_attempt *a, hg_err *err) {
    reaching next = { .attempt = a, .neighbour = HG_NEXT };
    pthread_t thread;
    const bool threaded = pthread_create(&thread, NULL, reach_thread, &next) == 0;
    const hg_status st = reach(a, HG_PREVIOUS, err);
    if (threaded)
        pthread_join(thread, NULL);
    else
        reach_thread(&next);
    if (st == HG_OK && next.st != HG_OK && err) *err = next.err;
    return st == HG_OK ? next.st : st;
}

hg_status hg_attempt_open(hg_attempt *a, hg_server *s, const unsigned char topic[HG_DIGEST], uint32_t number,
                          hg_err *err) {
    *a = (hg_attempt) { .server = s, .number = number };
    memcpy(a->topic, topic, HG_DIGEST);
    HG_TRY(reach_both(a, err));
    hg_channel_tls_opts o = hg_channel_tls_opts_default();
    o.round_ms = s->o.round_ms;
    o.cancel = s->hard;
    HG_TRY(hg_channel_tls_new(&a->tls, s->party, a->link[HG_NEXT], a->link[HG_PREVIOUS], &o, err));
    a->insecure = (hg_channel) { a, insecure_exchange };
    const bool cheats = s->o.insecure_cheat && s->o.insecure_cheat->exchange;
    a->channel = cheats ? &a->insecure : hg_channel_tls_channel(a->tls);
    return HG_OK;
}

void hg_attempt_close(hg_attempt *a, const hg_err *why) {
    if (why && a->tls) hg_channel_tls_abort(a->tls, why);
    hg_channel_tls_free(a->tls);
    for (unsigned n = 0; n < HG_NEIGHBOURS; n++) {
        if (a->link[n] && why && !a->tls) hg_link_refuse(a->link[n], why);
        if (a->link[n] && !why) hg_link_close(a->link[n]);
        hg_link_free(a->link[n]);
    }
    hg_run_keys_wipe(&a->run);
    *a = (hg_attempt) { .server = a->server };
}

/* ---- messages --------------------------------------------------------------------------------------------------------------- */

hg_status hg_attempt_swap_each(hg_attempt *a, hg_phase phase, const void *const out[HG_NEIGHBOURS],
                               void *const in[HG_NEIGHBOURS], size_t n, hg_err *err) {
    hg_exchange x = { .out = { out[0], out[1] }, .out_n = { n, n }, .in = { in[0], in[1] }, .in_n = { n, n } };
    return a->channel->exchange(a->channel->self, phase, a->round++, &x, err);
}

hg_status hg_attempt_swap(hg_attempt *a, hg_phase phase, const void *out, void *const in[HG_NEIGHBOURS], size_t n,
                          hg_err *err) {
    return hg_attempt_swap_each(a, phase, (const void *[]) { out, out }, in, n, err);
}

hg_status hg_attempt_swap_text(hg_attempt *a, hg_phase phase, const hg_text *out, hg_text in[HG_NEIGHBOURS],
                               size_t most, hg_err *err) {
    uint64_t n = out->len, theirs[HG_NEIGHBOURS];
    if (out->failed || n > most) return hg_fail(err, HG_ELIMIT, "there is too much to tell the other servers");
    HG_TRY(hg_attempt_swap(a, phase, &n, (void *[]) { &theirs[0], &theirs[1] }, sizeof n, err));
    hg_exchange x = { .out = { out->s, out->s }, .out_n = { out->len, out->len } };
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        if (theirs[k] > most)
            return hg_fail(err, HG_ECHEAT, "party \"%s\" announces a message that is longer than allowed",
                           hg_serve_name(a->server, hg_attempt_party(a, (hg_neighbour)k)));
        in[k] = hg_text_new(most + 1);
        for (size_t left = (size_t)theirs[k]; left && !in[k].failed;) { /* room for what comes */
            static const char ZERO[4096];
            const size_t step = left < sizeof ZERO ? left : sizeof ZERO;
            hg_text_put(&in[k], ZERO, step);
            left -= step;
        }
        if (in[k].failed) return hg_fail(err, HG_ENOMEM, "no memory for a message");
        x.in[k] = in[k].s;
        x.in_n[k] = (size_t)theirs[k];
    }
    if (!n && !theirs[0] && !theirs[1]) return HG_OK;
    return a->channel->exchange(a->channel->self, phase, a->round++, &x, err);
}

static hg_status differs(const hg_attempt *a, unsigned neighbour, const char *what, hg_err *err) {
    return hg_fail(err, HG_EREFUSED, "%s of party \"%s\" differs from that of party \"%s\"", what,
                   hg_serve_name(a->server, hg_attempt_party(a, (hg_neighbour)neighbour)),
                   hg_serve_name(a->server, a->server->party));
}

hg_status hg_attempt_same(hg_attempt *a, const char *what, const unsigned char digest[HG_DIGEST], hg_err *err) {
    unsigned char in[HG_NEIGHBOURS][HG_DIGEST];
    HG_TRY(hg_attempt_swap(a, HG_PHASE_HELLO, digest, (void *[]) { in[0], in[1] }, HG_DIGEST, err));
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
        if (memcmp(in[k], digest, HG_DIGEST) != 0) return differs(a, k, what, err);
    return HG_OK;
}

hg_status hg_attempt_slots(hg_attempt *a, const char *what, const unsigned char digest[2][HG_DIGEST], hg_err *err) {
    unsigned char in[HG_NEIGHBOURS][HG_DIGEST];
    const void *out[HG_NEIGHBOURS] = { [HG_NEXT] = digest[1], [HG_PREVIOUS] = digest[0] };
    HG_TRY(hg_attempt_swap_each(a, HG_PHASE_HELLO, out, (void *[]) { in[0], in[1] }, HG_DIGEST, err));
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
        if (CRYPTO_memcmp(in[k], out[k], HG_DIGEST) != 0) return differs(a, k, what, err);
    return HG_OK;
}

/* ---- what must be alike ------------------------------------------------------------------------------------------------------- */

static const char *const TERM[] = { "the protocol version or the split of the ring", "the cluster's file", "the policy",
                                    "the epoch of the shares", "the job" };
enum { TERMS = sizeof TERM / sizeof *TERM };

/* Everything as digests: fixed length, one loop. */
static hg_status make_terms(unsigned char out[TERMS][HG_DIGEST], const hg_attempt *a, const hg_terms *t, hg_err *err) {
    hg_text version = hg_text_new(0);
    hg_text_add(&version, "protocol %d, program %s, mode %d, tier %d", HG_PROTOCOL, hg_version(), (int)t->policy->mode,
                (int)t->policy->tier);
    const hg_status st = version.failed ? hg_fail(err, HG_ENOMEM, "no memory for a job") : HG_OK;
    if (st == HG_OK) hg_digest(out[0], "protocol", version.s, version.len);
    hg_text_free(&version);
    HG_TRY(st);
    HG_TRY(hg_cluster_digest(out[1], a->server->o.cluster, err));
    memcpy(out[2], t->policy->digest, HG_DIGEST);
    memset(out[3], 0, HG_DIGEST);
    for (unsigned i = 0; i < 8; i++) out[3][i] = (unsigned char)(t->epoch >> (8 * i));
    memcpy(out[4], a->topic, HG_DIGEST);
    return HG_OK;
}

static hg_status compare_terms(hg_attempt *a, const hg_terms *t, hg_err *err) {
    unsigned char mine[TERMS][HG_DIGEST], in[HG_NEIGHBOURS][TERMS][HG_DIGEST];
    HG_TRY(make_terms(mine, a, t, err));
    HG_TRY(hg_attempt_swap(a, HG_PHASE_HELLO, mine, (void *[]) { in[0], in[1] }, sizeof mine, err));
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
        for (unsigned i = 0; i < TERMS; i++)
            if (memcmp(in[k][i], mine[i], HG_DIGEST) != 0)
                return hg_advise(err, differs(a, k, TERM[i], err),
                                 "all three servers need the same program, cluster file and policy");
    return HG_OK;
}

hg_status hg_attempt_agree(hg_attempt *a, const hg_terms *t, hg_err *err) {
    HG_TRY(compare_terms(a, t, err));
    return hg_attempt_gossip(a, t, err);
}

/* ---- keys and the OK ---------------------------------------------------------------------------------------------------------- */

hg_status hg_attempt_keys(hg_attempt *a, hg_mode mode, hg_err *err) {
    hg_server *s = a->server;
    HG_TRY(hg_run_keys_agree(&a->run, a->channel, s->party, a->link[HG_NEXT], a->link[HG_PREVIOUS], a->topic, a->number,
                             a->round, s->o.world, err));
    a->round += 2;
    a->run.mode = mode;
    a->run.channel = a->channel;
    a->run.pool = s->o.pool;
    return HG_OK;
}

/* What a server signs: that it found nothing wrong in this attempt, whose messages it saw like this. */
static void ok_bytes(unsigned char out[2 * HG_DIGEST + 8], const hg_attempt *a, unsigned party,
                     const unsigned char transcript[HG_DIGEST]) {
    memcpy(out, a->topic, HG_DIGEST);
    memcpy(out + HG_DIGEST, transcript, HG_DIGEST);
    for (unsigned i = 0; i < 4; i++) {
        out[2 * HG_DIGEST + i] = (unsigned char)(a->number >> (8 * i));
        out[2 * HG_DIGEST + 4 + i] = (unsigned char)(party >> (8 * i));
    }
}

hg_status hg_attempt_ok(unsigned char joint[HG_DIGEST], hg_attempt *a, const unsigned char transcript[HG_DIGEST],
                        hg_err *err) {
    enum { OK_BYTES = HG_DIGEST + HG_SIGNATURE };
    static const char WHAT[] = "the OK of a run";
    const hg_server *s = a->server;
    unsigned char bytes[2 * HG_DIGEST + 8], mine[OK_BYTES], in[HG_NEIGHBOURS][OK_BYTES], all[HG_SERVERS][HG_DIGEST];
    ok_bytes(bytes, a, s->party, transcript);
    memcpy(mine, transcript, HG_DIGEST);
    hg_identity_sign(mine + HG_DIGEST, s->o.identity, WHAT, bytes, sizeof bytes);
    HG_TRY(hg_attempt_swap(a, HG_PHASE_OK, mine, (void *[]) { in[0], in[1] }, OK_BYTES, err));
    memcpy(all[s->party], transcript, HG_DIGEST);
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        const unsigned party = hg_attempt_party(a, (hg_neighbour)k);
        ok_bytes(bytes, a, party, in[k]);
        if (!hg_signed_by(s->o.cluster->server[party].signing_key, in[k] + HG_DIGEST, WHAT, bytes, sizeof bytes))
            return hg_fail(err, HG_ECHEAT, "the OK of party \"%s\" is not signed by it", hg_serve_name(s, party));
        memcpy(all[party], in[k], HG_DIGEST);
    }
    hg_digest(joint, "the transcripts of a run", all, sizeof all);
    return HG_OK;
}
