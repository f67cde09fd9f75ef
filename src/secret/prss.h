/* secret/prss.h -- pseudo-random secret sharing: randomness that two or three servers have without talking
 *
 * Cramer, Damgard, Ishai (TCC 2005) with AES-128-CTR (OpenSSL EVP). Slot key j is known to servers j and j-1, never to the
 * third. A key lives for one attempt of one job. The counter block is
 *     purpose (8 bits) | draw (56 bits) | block (64 bits)
 * where `draw` counts the calls of this run with that purpose: all servers make the same calls in the same order, so the same
 * draw number means the same step and gate everywhere, and no block is ever used twice (checked). One counter for each
 * purpose: what the malicious mode draws more (MACs, checks) does not shift the values that the plain mode draws too.
 */
#ifndef HG_SECRET_PRSS_H
#define HG_SECRET_PRSS_H
#include "hagane/core.h"

enum { HG_SLOTS = 3, HG_PRSS_KEY = 16 };
typedef enum {
    HG_PRSS_ZERO = 1,
    HG_PRSS_RANDOM,
    HG_PRSS_BITS_ZERO,
    HG_PRSS_BITS,
    HG_PRSS_MASK,
    HG_PRSS_MAC,
    HG_PRSS_COIN,
    HG_PRSS_CHECK,
    HG_PRSS_REFRESH,
    HG_PRSS_PURPOSES
} hg_prss_purpose;

typedef struct hg_prss hg_prss;
/* known[j]: key[j] is valid. Two are known to a server, all three to the one-party mode. */
HG_MUST_CHECK hg_status hg_prss_new(hg_prss **out, const unsigned char key[HG_SLOTS][HG_PRSS_KEY],
                                    const bool known[HG_SLOTS], hg_err *err);
void hg_prss_free(hg_prss *p); /* wipes the keys */
/* The next draw number of this purpose: call once a vector, on every server alike. */
uint64_t hg_prss_draw(hg_prss *p, hg_prss_purpose purpose);
bool hg_prss_known(const hg_prss *p, unsigned slot);
/* Fills words[n] from slot key `slot` at this draw. HG_EINVAL when the key is not known, or when (purpose, draw, slot) is not
 * new: draws of a purpose and slot only go up. */
HG_MUST_CHECK hg_status hg_prss_fill(hg_prss *p, hg_prss_purpose purpose, uint64_t draw, unsigned slot, uint64_t *words,
                                     size_t n, hg_err *err);
#endif
