/* secret/run.h -- one server's part in one run of a protocol: shares, gates that wait for a round, rounds, cost
 *
 * Sharing (Araki et al., CCS 2016): x = x_0 + x_1 + x_2, server i holds slots x_i and x_(i+1): slot[0] and slot[1] of an
 * hg_share. Adding and public-linear maps are local. A product, an inner product or an entry of a matrix product costs one
 * element sent to the previous server, whatever its length, and one round; it is masked by a zero share each time.
 *
 *   hg_gate_mul(run, &z, &x, &y, err);        queued: z is not valid yet
 *   hg_inner(run, &w, &a, &b, 10, 4, err);
 *   hg_run_round(run, err);              one round for all that is queued; now z and w are valid
 *
 * Calls of secret/compare.h and above end with all their rounds done (and carry what was queued before with their first).
 *
 * Three modes of the same code:
 *   HG_PLAIN        one party, slot[0] = the value, no slot[1], nothing is sent. It knows the three slot keys and draws the
 *                   same randomness, so that it gives the same integers as the servers: the oracle of every test.
 *   HG_SEMI_HONEST  servers follow the protocol.
 *   HG_MALICIOUS    one server may cheat: every share that a product touches carries shares of a x (a: secret MAC key of
 *                   this run), SPDZ-wise over Z_2^(k+s) (Abspoel et al., ePrint 2019/1298); products, inputs and converted
 *                   bits enter two running sums with secret PRSS coefficients; AND gates are recorded and checked against
 *                   triples. hg_run_verify (secret/verify.h) does it before anything is opened.
 */
#ifndef HG_SECRET_RUN_H
#define HG_SECRET_RUN_H
#include "hagane/core.h"
#include "secret/channel.h"
#include "secret/prss.h"
#include "secret/ring.h"

typedef enum { HG_PLAIN, HG_SEMI_HONEST, HG_MALICIOUS } hg_mode;
const char *hg_mode_name(hg_mode m);  /* "semi-honest" */
const char *hg_mode_words(hg_mode m); /* what it protects from, one sentence */

/* n ring elements, shared. Memory is the run's arena (or the caller's: a view may point into another share). */
typedef struct {
    uint64_t *slot[2]; /* [n * limbs]; slot[1] NULL in the plain mode */
    uint64_t *mac[2];  /* shares of a x, NULL when not authenticated */
    size_t n;
    unsigned limbs;
} hg_share;

/* n bits, shared by XOR in the same way, packed 64 a word; bits past n are zero in every slot. */
typedef struct {
    uint64_t *slot[2]; /* [(n + 63) / 64] */
    size_t n;
} hg_bits;

typedef struct { /* of this server; frame headers and TLS are not in bytes */
    size_t rounds, messages, bytes;
    size_t products, ands, openings; /* elements; gates; elements or bits */
} hg_cost;

typedef struct {
    hg_mode mode;
    unsigned party;                           /* 0, 1, 2; 0 in the plain mode */
    unsigned char key[HG_SLOTS][HG_PRSS_KEY]; /* slot keys `party` and `party + 1`; all three in the plain mode */
    unsigned char tag_key[HG_NEIGHBOURS][32]; /* pairwise keys of tags: malicious mode; else zeros do */
    hg_mode imitated;    /* plain mode: whose rounding; HG_MALICIOUS, else the semi-honest servers' */
    hg_channel *channel; /* NULL in the plain mode */
    hg_pool *pool;       /* for local work; NULL: this thread */
    const hg_hooks *hooks;
} hg_run_opts;

typedef struct hg_run hg_run;
HG_MUST_CHECK hg_status hg_run_new(hg_run **out, const hg_run_opts *o, hg_err *err);
void hg_run_free(hg_run *r); /* wipes keys and shares */
hg_mode hg_run_mode(const hg_run *r);
/* HG_SEMI_HONEST or HG_MALICIOUS: whose integers this run computes (a plain run imitates one of them). */
hg_mode hg_run_arithmetic(const hg_run *r);
unsigned hg_run_party(const hg_run *r);
unsigned hg_run_copies(const hg_run *r); /* 2 slots; 1 in the plain mode */
hg_arena *hg_run_arena(hg_run *r);
hg_cost hg_run_cost(const hg_run *r);
hg_pool *hg_run_pool(const hg_run *r);
hg_prss *hg_run_prss(hg_run *r); /* slots `party` and `party + 1`; all three in the plain mode */
/* Transcript: SHA-256 of every message of this run, sent and received, for the audit log. */
void hg_run_transcript(const hg_run *r, unsigned char digest[32]);

/* ---- shares --------------------------------------------------------------------------------------------------------- */

/* All zero. Authenticated in the malicious mode when `mac`. */
HG_MUST_CHECK hg_status hg_share_new(hg_share *out, hg_run *r, size_t n, unsigned limbs, bool mac, hg_err *err);
HG_MUST_CHECK hg_status hg_bits_new(hg_bits *out, hg_run *r, size_t n, hg_err *err);
/* Elements first .. first+n-1, no copy. */
hg_share hg_share_view(const hg_share *x, size_t first, size_t n);
/* x modulo 2^(64 limbs), local. */
HG_MUST_CHECK hg_status hg_share_reduce(hg_share *out, hg_run *r, const hg_share *x, unsigned limbs, hg_err *err);
/* Takes the slots of an input (as they were stored) into the run; in the malicious mode authenticates them: n products, one
 * round, queued. `known` [2] slots of n * limbs words; the plain mode takes the value as slot 0. */
HG_MUST_CHECK hg_status hg_share_input(hg_share *out, hg_run *r, const uint64_t *const known[2], size_t n,
                                       unsigned limbs, hg_err *err);
/* A public constant as a share (each server has it; authenticated by a times it). */
HG_MUST_CHECK hg_status hg_share_public(hg_share *out, hg_run *r, const uint64_t *value, size_t n, unsigned limbs,
                                        hg_err *err);

/* Local. z may be x or y. y of one element is broadcast over x. MACs follow when both have them. */
void hg_share_add(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y);
void hg_share_sub(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y);
void hg_share_add_public(hg_run *r, hg_share *z, const hg_share *x, const uint64_t *c,
                         size_t n_c);                                                          /* n_c = x->n or 1 */
void hg_share_scale(hg_run *r, hg_share *z, const hg_share *x, const uint64_t *c, size_t n_c); /* z = c x elementwise */
void hg_share_shift_left(hg_run *r, hg_share *z, const hg_share *x, unsigned bits);
void hg_share_matvec_i32(hg_run *r, hg_share *y, const int32_t *a, const hg_share *x, size_t rows);
void hg_share_matvec_i64(hg_run *r, hg_share *y, const int64_t *a, const hg_share *x, size_t rows);
void hg_share_copy(hg_run *r, hg_share *z, const hg_share *x); /* into z's own memory, same n and limbs */

/* A uniform secret vector that nobody knows (PRSS, local; the plain mode draws the sum of the three). */
HG_MUST_CHECK hg_status hg_share_random(hg_share *out, hg_run *r, size_t n, unsigned limbs, hg_err *err);

HG_MUST_CHECK hg_status hg_bits_random(hg_bits *out, hg_run *r, size_t n, hg_err *err);
/* Gives x its MAC: n products, queued; x->mac is valid after the round. Nothing to do outside the malicious mode, or when
 * x has one. */
HG_MUST_CHECK hg_status hg_share_authenticate(hg_run *r, hg_share *x, hg_err *err);

/* ---- gates that wait for the next round ----------------------------------------------------------------------------------- */

/* z = x y elementwise; z is made here (run's arena), valid after the round. y of one element is broadcast. In the malicious
 * mode x or y must be authenticated. The same holds for the next two. */
HG_MUST_CHECK hg_status hg_gate_mul(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, hg_err *err);
/* z[i] = sum_j x[i, j] y[i, j], rows inner products of `length` (x: rows * length; y: rows * length, or length: the same for
 * all rows). One element a row. */
HG_MUST_CHECK hg_status hg_inner(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, size_t rows,
                                 size_t length, hg_err *err);
/* z[j] = sum_i b[i] x[i, j]: a selected row of a matrix, or any mixture; cols elements. */
HG_MUST_CHECK hg_status hg_mix(hg_run *r, hg_share *z, const hg_share *b, const hg_share *x, size_t rows, size_t cols,
                               hg_err *err);
HG_MUST_CHECK hg_status hg_and(hg_run *r, hg_bits *z, const hg_bits *x, const hg_bits *y, hg_err *err);
/* The value modulo 2^bits into value[n * limbs] after the round: each server learns it. Malicious mode: two copies, compared
 * at once (HG_ECHEAT). Opening before hg_run_verify is for values that a uniform mask hides. */
HG_MUST_CHECK hg_status hg_open(hg_run *r, uint64_t *value, const hg_share *x, unsigned bits, hg_err *err);
HG_MUST_CHECK hg_status hg_open_bits(hg_run *r, uint64_t *value, const hg_bits *x, hg_err *err);
/* Sends all that is queued and takes the answers. Nothing queued: no round. */
HG_MUST_CHECK hg_status hg_run_round(hg_run *r, hg_err *err);

/* ---- bits, local --------------------------------------------------------------------------------------------------------- */

void hg_bits_xor(hg_run *r, hg_bits *z, const hg_bits *x, const hg_bits *y); /* same n */
void hg_bits_not(hg_run *r, hg_bits *z, const hg_bits *x);
#endif
