/* secret/run_internal.h -- what the files of a run share: run.c (life, rounds), share.c and bits.c (local), gate.c, verify.c */
#ifndef HG_SECRET_RUN_INTERNAL_H
#define HG_SECRET_RUN_INTERNAL_H
#include "secret/run.h"
#include <openssl/evp.h>

enum {
    HG_CHUNK_WORDS = 2040
}; /* of shared randomness at a time: a multiple of 1, 2 and 3 limbs that stays in the cache */

/* hg_grow for secrets: the old block is wiped. */
bool hg_grow_secret(void *p, size_t *cap, size_t need, size_t size);

typedef struct {
    unsigned char *p;
    size_t n, cap;
} hg_buffer;

/* What waits for its answer. `at`: place in the message to the previous server, and of the answer from the next one. */
typedef enum {
    HG_WAIT_PRODUCT,
    HG_WAIT_MAC,
    HG_WAIT_AND,
    HG_WAIT_TRIPLES,
    HG_WAIT_OPEN,
    HG_WAIT_OPEN_BITS,
    HG_WAIT_SUM
} hg_wait_kind;
typedef struct {
    hg_wait_kind kind;
    size_t at, bytes;
    hg_share x;      /* product: z. mac: whose mac[1]. open: x */
    hg_bits b;       /* and: z. open bits: x */
    uint64_t *value; /* open, sum (this server's part lies in it already) */
    size_t second;   /* sum: place in the messages to the next server and from the previous one */
    unsigned bits;   /* open */
    size_t first;    /* and: first word of the log; triples: first of the pool */
} hg_wait;

/* 64 AND gates, or 64 triples, with both slots of everything: c should be a and b. */
typedef struct {
    uint64_t a[2], b[2], c[2];
} hg_and_word;

typedef struct {
    uint64_t w[HG_RING_LIMBS], u[HG_RING_LIMBS]; /* own parts of sum beta z and of sum beta (a z) */
    size_t n;                                    /* products in them */
} hg_sums;

/* Truncation masks made in advance: slot words (this server's two; the plain mode has all three) and the authenticated number
 * of times that their sum wraps. */
typedef struct {
    uint64_t *word[HG_SLOTS];
    hg_share wrap;
    size_t n, used;
} hg_mask_batch;

struct hg_run {
    hg_mode mode, imitated;
    unsigned party, copies;
    hg_arena *arena;
    hg_prss *prss;
    hg_channel *channel;
    hg_pool *pool;
    const hg_hooks *hooks;
    hg_cost cost;
    hg_status broken; /* the first error of an exchange: nothing is sent after it */

    hg_wait *wait; /* queue of the round */
    size_t waits, wait_cap, opens;
    hg_buffer out, in, copy, copy_in, thirds;
    uint64_t *scratch; /* [2 * HG_CHUNK_WORDS] */

    EVP_MD_CTX *hash;
    unsigned char link[HG_NEIGHBOURS][2][32]; /* chained digests: sent to, received from */
    unsigned char transcript[32];

    /* malicious mode */
    unsigned char tag_key[HG_NEIGHBOURS][32];
    uint64_t key[2][HG_RING_LIMBS]; /* shares of the MAC key a */
    hg_sums sums[HG_RING_LIMBS];    /* for each ring width */
    hg_and_word *gates, *triples;
    size_t n_gates, gates_cap, n_triples, triples_cap;
    uint64_t tests; /* zero tests so far */
    hg_mask_batch *masks;
    size_t n_masks, masks_cap, masks_left;
};

/* One exchange, counted and hashed into the transcript; a failure breaks the run. */
HG_MUST_CHECK hg_status hg_run_exchange(hg_run *r, hg_phase phase, const hg_exchange *x, hg_err *err);
HG_MUST_CHECK hg_status hg_run_break(hg_run *r, hg_status st); /* remembers the first failure */
HG_MUST_CHECK hg_status hg_run_sha256(hg_run *r, unsigned char digest[32], const void *a, size_t n_a, const void *b,
                                      size_t n_b, hg_err *err);
/* Adds to the queue; bytes are appended to the message to the previous server by the caller before. */
HG_MUST_CHECK hg_status hg_run_wait(hg_run *r, const hg_wait *w, hg_err *err);
HG_MUST_CHECK hg_status hg_run_send(hg_run *r, const void *bytes, size_t n, hg_err *err);
HG_MUST_CHECK hg_status hg_run_send_copy(hg_run *r, const void *bytes, size_t n, hg_err *err); /* to the next server */
/* z += a fresh zero share: n words of ring elements of `limbs` limbs, or bits by XOR. Nothing in the plain mode. */
HG_MUST_CHECK hg_status hg_run_add_zero(hg_run *r, hg_prss_purpose purpose, uint64_t *z, size_t n, unsigned limbs,
                                        hg_err *err);
HG_MUST_CHECK hg_status hg_run_xor_zero(hg_run *r, uint64_t *z, size_t words, hg_err *err);

/* gate.c. A product whose MAC comes later: nothing is recorded; no factor needs a MAC. hg_mul_mac gives z = x y its MAC from
 * that of x, once x has one: queued, recorded after the round. Both together cost what hg_gate_mul costs, in two rounds. */
HG_MUST_CHECK hg_status hg_mul_bare(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, hg_err *err);
HG_MUST_CHECK hg_status hg_mul_mac(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, hg_err *err);
/* Opens x'y + mask (rows inner products, as hg_inner) in the round of the product: each server sends its part, masked, to both
 * others. Not in the malicious mode: nobody could check it. value[rows * limbs]. */
HG_MUST_CHECK hg_status hg_inner_open(hg_run *r, uint64_t *value, const hg_share *x, const hg_share *y, size_t rows,
                                      size_t length, const hg_share *mask, hg_err *err);

/* verify.c. record: a product enters the running sums. log: an AND gate, z[1] comes later. */
HG_MUST_CHECK hg_status hg_verify_record(hg_run *r, const hg_share *z, hg_err *err);
HG_MUST_CHECK hg_status hg_verify_log(size_t *first, hg_run *r, const hg_bits *x, const hg_bits *y, const hg_bits *z,
                                      hg_err *err);
/* Queues as many triples as the logged gates will need. */
HG_MUST_CHECK hg_status hg_verify_triples(hg_run *r, hg_err *err);
enum { HG_VERIFY_OPENED = 64 }; /* words of triples that are opened */
/* Triples for each of n gate words: the fewest B with binomial(B n + HG_VERIFY_OPENED, B) >= 2^(HG_VERIFY_SECURITY + 1). */
size_t hg_verify_triples_each(size_t n);
/* A random permutation of n words, n < 2^32, from a coin of 128 bits. */
HG_MUST_CHECK hg_status hg_verify_permutation(uint32_t *order, size_t n, const uint64_t coin[2], hg_err *err);
#endif
