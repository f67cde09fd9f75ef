/* party/epoch.h -- new shares of the same values: refresh, and rebuilding a lost server
 *
 * A thief who copies one server's disk this year and another's next year must not be able to put values together. In a refresh
 * every slot gets a term, the three terms of an element adding up to zero: x_j + F(k_j) - F(k_(j+1)). Whoever holds two slots
 * before and after knows two terms, hence all three, however they are made; so nothing is lost by giving all three servers
 * one fresh seed, and no share travels. (Each sends 32 fresh random bytes to both others over TLS, whose session keys are gone
 * afterwards: what was stolen before does not give the seed.) The seed is destroyed with the old epoch.
 *
 * Two phases, each server's step on its disk before it says so; every call may be repeated; after a crash the same calls go on:
 *   1. hg_epoch_plan      one server writes the plan: project, new epoch, which sets. All get it, and the seed.
 *   2. hg_epoch_begin     on every server: the plan and the seed are on disk.
 *   3. hg_epoch_prepare   new shares under new keys are on disk beside the old ones. Neighbours compare hg_epoch_digest.
 *   4. hg_epoch_agree     "prepared": no way back but a refusal of another.
 *   5. hg_epoch_hear      what the others said (hg_epoch_status, over authenticated links). When all three are prepared it commits:
 *                         the new epoch is the one in force; the old one stays. When all three have committed, old keys
 *                         and rows are erased. When one refused, it goes back.
 * A server that has not prepared may refuse for good (hg_epoch_refuse); one that has prepared may not: it waits until it knows.
 * While a refresh is under way (not idle), a project runs no jobs.
 *
 * Rebuilding: the plan names the lost server. The two others make a seed without it and prepare as above; the lost one, on
 * an empty folder, begins with the same plan (no seed), gets its two slots in the new epoch, one from each
 * neighbour (hg_epoch_rows, hg_epoch_take), and is then prepared. The shares it lost are worth nothing from the commit on.
 */
#ifndef HG_PARTY_EPOCH_H
#define HG_PARTY_EPOCH_H
#include "party/store.h"

enum { HG_SEED = 32, HG_NOBODY = 3, HG_PLAN_SETS_MOST = 1 << 16, HG_PLAN_MOST = 64 << 20 };

typedef enum {
    HG_REFRESH_IDLE,      /* none under way */
    HG_REFRESH_BEGUN,     /* plan (and seed) on disk */
    HG_REFRESH_PREPARED,  /* new shares on disk; may not refuse any more */
    HG_REFRESH_COMMITTED, /* the new epoch is in force, the old one still here */
    HG_REFRESH_STATES
} hg_refresh_state;
const char *hg_refresh_state_name(hg_refresh_state s);

typedef struct { /* what a server says about itself and is told by others; fixed size, public */
    char project[HG_NAME_SIZE];
    hg_refresh_state state;
    uint64_t epoch;                   /* in force */
    unsigned char plan[HG_DIGEST];    /* SHA-256 of the plan under way; zero when idle */
    unsigned char done[HG_DIGEST];    /* of the last plan whose epoch is in force; zero: none */
    unsigned char refused[HG_DIGEST]; /* of the last plan refused; zero: none */
} hg_refresh;

/* The joint seed: hash of the plan's digest and the contributions in the order of parties ([HG_SEED] each; the lost one's left out, may be NULL). */
HG_MUST_CHECK hg_status hg_epoch_seed(unsigned char seed[HG_SEED], const unsigned char plan[HG_DIGEST],
                                      const unsigned char *const contribution[HG_SLOTS], unsigned lost, hg_err *err);
/* A plan for all validated and active sets of a project, appended to *plan. lost: party to rebuild, or HG_NOBODY. */
HG_MUST_CHECK hg_status hg_epoch_plan(hg_text *plan, hg_store *s, const char *project, unsigned lost, hg_err *err);
/* plan: hostile bytes. Is it for this project and this lost server (HG_NOBODY: none), as the caller means it? HG_EPARSE, HG_ECHEAT. */
HG_MUST_CHECK hg_status hg_epoch_plan_check(const void *plan, size_t n, const char *project, unsigned lost,
                                            hg_err *err);
HG_MUST_CHECK hg_status hg_epoch_plan_digest(unsigned char digest[HG_DIGEST], const void *plan, size_t n, hg_err *err);
/* plan: hostile bytes. seed NULL: this is the lost server. HG_EREFUSED: another refresh is under way, a wrong epoch, a set of the
 * plan is not here whole, refused before. The same again: nothing happens (the seed must be the same). */
HG_MUST_CHECK hg_status hg_epoch_begin(hg_store *s, const void *plan, size_t n, const unsigned char *seed, hg_err *err);
/* Makes the new shares, chunk by chunk; after a crash it goes on with the set it was at. Nothing to do on the lost server. One thread at a
 * time for a project. HG_ECANCEL by the progress hook: call it again, or refuse. */
HG_MUST_CHECK hg_status hg_epoch_prepare(hg_store *s, const char *project, const hg_hooks *hooks, hg_err *err);
/* All new shares are here and the neighbours have the same: state PREPARED. HG_EREFUSED before hg_epoch_prepare (or hg_epoch_take) is
 * through. */
HG_MUST_CHECK hg_status hg_epoch_agree(hg_store *s, const char *project, hg_err *err);
/* For good, before hg_epoch_agree (HG_EREFUSED after it). */
HG_MUST_CHECK hg_status hg_epoch_refuse(hg_store *s, const char *project, const char *reason, hg_err *err);
HG_MUST_CHECK hg_status hg_epoch_status(hg_refresh *out, hg_store *s, const char *project, hg_err *err);
/* Is the refresh under way the one that the caller means: with this lost server? HG_EREFUSED: another, or none. */
HG_MUST_CHECK hg_status hg_epoch_meant(hg_store *s, const char *project, unsigned lost, hg_err *err);
/* What party `from` says now (not this server's own). Takes the step that follows from all that was heard; *now: this server's status
 * after it. HG_ECHEAT: it says what cannot be (committed without us, refused after it agreed); HG_EREFUSED: another epoch. */
HG_MUST_CHECK hg_status hg_epoch_hear(hg_refresh *now, hg_store *s, unsigned from, const hg_refresh *said, hg_err *err);
/* Of all sets of the prepared plan, each slot; as hg_store_digest, for that neighbour's eyes only. */
HG_MUST_CHECK hg_status hg_epoch_digest(unsigned char digest[2][HG_DIGEST], hg_store *s, const char *project,
                                        hg_err *err);

enum { HG_REFRESH_SIZE = HG_NAME_SIZE + 4 + 8 + 3 * HG_DIGEST };
void hg_refresh_pack(unsigned char bytes[HG_REFRESH_SIZE], const hg_refresh *r);
HG_MUST_CHECK hg_status hg_refresh_unpack(hg_refresh *r, const unsigned char bytes[HG_REFRESH_SIZE], hg_err *err);

/* ---- rebuilding -------------------------------------------------------------------------------------------------------- */

/* The k-th set of the plan under way, with its rows (0 .. n-1; *n is how many there are). */
HG_MUST_CHECK hg_status hg_epoch_set(hg_stored *out, size_t *n, hg_store *s, const char *project, size_t k,
                                     hg_err *err);
/* On a survivor, after hg_epoch_prepare: the words of the slot that `lost` shares with it, rows first .. first+rows-1 of set k, new epoch.
 * words: rows * hg_stored_words; public_bytes may be NULL. */
HG_MUST_CHECK hg_status hg_epoch_rows(uint64_t *words, void *public_bytes, hg_store *s, const char *project, size_t k,
                                      uint64_t first, size_t rows, hg_err *err);
/* On the lost server: the same rows of both slots (slot[0] from the previous server, slot[1] from the next), in order. */
HG_MUST_CHECK hg_status hg_epoch_take(hg_store *s, const char *project, size_t k, uint64_t first,
                                      const uint64_t *const slot[2], const void *public_bytes, size_t rows,
                                      hg_err *err);
/* Which row of set k is wanted next (after a crash, too); rows of the set when it is whole, or was withdrawn meanwhile. */
HG_MUST_CHECK hg_status hg_epoch_taken(uint64_t *next, hg_store *s, const char *project, size_t k, hg_err *err);
#endif
