/* tests/support/parties.h -- runs a function as three servers in three threads, or as one party in plain mode
 *
 *   static hg_status square(parties *p, hg_run *r, hg_err *err) {       // must not use assert_*: it runs in threads
 *       const uint64_t x[] = { 3, 5 };
 *       hg_share s, z;
 *       HG_TRY(parties_share(&s, p, r, x, 2, 1, err));                  // 2 elements of 1 limb, MACs in the malicious mode
 *       HG_TRY(hg_gate_mul(r, &z, &s, &s, err));
 *       HG_TRY(hg_run_round(r, err));
 *       return parties_out(p, r, "squares", &z, err);                   // kept for the test
 *   }
 *   parties *p = parties_new(HG_SEMI_HONEST, 1);
 *   assert_ok_err(parties_run(p, square, NULL), p->err[0]);
 *   parties_value(p, "squares")[1] == 25;                               // put together, and the copies agree
 *   parties_free(p);
 *
 * parties_check does that in all three modes and compares the outputs.
 */
#ifndef HG_PARTIES_H
#define HG_PARTIES_H
#include "secret/run.h"
#include "test.h"

enum { PARTIES_OUTPUTS = 32 };

typedef struct parties parties;
typedef hg_status (*parties_fn)(parties *p, hg_run *r, hg_err *err);

/* Messages that pass a server's channel. `out` may be changed (it is a copy); `send` set to false keeps a message back.
 * Called in the server's own thread, before the message goes and after one came. */
typedef struct {
    unsigned party;
    hg_neighbour side;
    hg_phase phase;
    uint32_t round;
    unsigned char *bytes;
    size_t n;
    bool received, send;
} parties_message;
typedef void (*parties_spy)(void *user, parties_message *m);

struct parties {
    hg_mode mode;
    hg_mode imitated; /* of the plain mode */
    uint64_t seed;    /* of keys and of the sharing of inputs */
    void *user;       /* for the function */
    size_t threads;   /* of each server's pool; 0: none */
    parties_spy spy;  /* NULL: none */
    bool cheating;    /* a spy changes what the server itself sends (it stands in its transcript); else the wire errs */
    void *spy_user;
    long fault;          /* see parties_arm */
    hg_status status[3]; /* results of the last run; a plain run has [0] alone */
    hg_err err[3];
    hg_cost cost[3];
    unsigned char transcript[3][32];
    struct {
        char name[32];
        size_t n, words;
        unsigned limbs;       /* 0: bits */
        uint64_t *slot[3][2]; /* as each server had them */
        uint64_t *mac[3][2];
        uint64_t *value; /* put together */
    } out[PARTIES_OUTPUTS];
    size_t n_out;
    size_t inputs[3]; /* sharings made so far, by each server */
    void *lock;
};

parties *parties_new(hg_mode mode, uint64_t seed);
/* The three slot keys of its runs: what no single server has. */
void parties_keys(const parties *p, unsigned char key[HG_SLOTS][HG_PRSS_KEY]);
void parties_free(parties *p);
/* The first status that is not HG_OK (a server's own before "another broke off"). user: p->user. Runs again start afresh. */
hg_status parties_run(parties *p, parties_fn fn, void *user);

/* In the function. Inputs: the same plain values on every server; each takes its slots; no round when not malicious, else the
 * round of the MACs is done here. */
hg_status parties_share(hg_share *out, parties *p, hg_run *r, const uint64_t *value, size_t n, unsigned limbs,
                        hg_err *err);
hg_status parties_share_doubles(hg_share *out, parties *p, hg_run *r, const double *value, size_t n, unsigned fraction,
                                unsigned limbs, hg_err *err);
hg_status parties_share_bits(hg_bits *out, parties *p, hg_run *r, const uint64_t *words, size_t n, hg_err *err);
/* Keeps an output under a name. */
hg_status parties_out(parties *p, const hg_run *r, const char *name, const hg_share *x, hg_err *err);
hg_status parties_out_bits(parties *p, const hg_run *r, const char *name, const hg_bits *x, hg_err *err);
hg_status parties_out_plain(parties *p, const hg_run *r, const char *name, const uint64_t *words, size_t n,
                            hg_err *err); /* the same on every server: an opened value */

/* After the run. Put together; fails the test when neighbours' copies differ, when a MAC is wrong, or when there is none of
 * that name. */
const uint64_t *parties_value(parties *p, const char *name);
size_t parties_size(parties *p, const char *name);
int64_t parties_int(parties *p, const char *name, size_t i); /* the low limb, signed */
double parties_double(parties *p, const char *name, size_t i, unsigned fraction);
bool parties_bit(parties *p, const char *name, size_t i);
/* Costs of all three are alike (bytes too): fails the test otherwise; then the cost of one. */
hg_cost parties_cost(parties *p);

/* fn in plain, semi-honest and malicious mode with the same seed: all succeed, and all outputs are the same. Returns the plain
 * run (free it). costs: of the semi-honest and of the malicious run; may be NULL. imitated: what the plain run imitates in
 * each comparison is the mode it is compared with. */
parties *parties_check(parties_fn fn, void *user, uint64_t seed, hg_cost costs[2]);

/* fn in the modes from..to, again and again: one allocation after another fails behind the place where fn calls parties_arm, and each time the
 * run ends with HG_ENOMEM, until all of them are there. In the last mode at least `least` can fail. After the k-th comes the one 1 + k / fine
 * further (fine 1000: every one). Server 0 arms; whose allocation it is when there are three is a matter of chance. */
void parties_fail(parties_fn fn, void *user, hg_mode from, hg_mode to, long fine, long least);
void parties_arm(const parties *p, const hg_run *r);
#endif
