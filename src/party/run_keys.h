/* party/run_keys.h -- keys of one attempt of a job
 *
 * A pseudo-random stream must never be met twice, so no key outlives an attempt: each comes from the TLS exporter of the pair's
 * own link (fresh with each connection, known to the two ends alone), the nonces of all three servers, the job's digest and the attempt,
 * through HKDF-SHA-256 (RFC 5869, OpenSSL EVP_KDF). Slot key j is shared by servers j and j-1; tag keys by each pair.
 */
#ifndef HG_PARTY_RUN_KEYS_H
#define HG_PARTY_RUN_KEYS_H
#include "hagane/core.h"
#include "party/link.h"
#include "secret/run.h"

enum { HG_RUN_NONCE = 32 };

typedef struct { /* everything that goes into the keys */
    unsigned party;
    unsigned char exporter[HG_NEIGHBOURS][32]; /* of the links to next and previous; label HG_RUN_LABEL */
    unsigned char nonce[HG_SERVERS][HG_RUN_NONCE];
    unsigned char job[HG_DIGEST];
    uint32_t attempt;
} hg_run_seed;
#define HG_RUN_LABEL "EXPORTER-hagane-run-v1"

/* Fills o->party, o->key[party], o->key[party + 1], o->tag_key; the third slot key is zero. Local. */
HG_MUST_CHECK hg_status hg_run_keys_derive(hg_run_opts *o, const hg_run_seed *seed, hg_err *err);
/* Two rounds over the channel (HG_PHASE_HELLO, rounds `first` and first + 1): nonces, then a digest of what everyone saw, so that a
 * server that gave its neighbours different nonces is found (HG_ECHEAT). Then hg_run_keys_derive. */
HG_MUST_CHECK hg_status hg_run_keys_agree(hg_run_opts *o, hg_channel *channel, unsigned party, hg_link *next,
                                          hg_link *previous, const unsigned char job[HG_DIGEST], uint32_t attempt,
                                          uint32_t first, const hg_world *w, hg_err *err);
void hg_run_keys_wipe(hg_run_opts *o);
#endif
