/* party/states.h -- the pool states of tiers 2 and 3 between jobs: one a project, used by one job at a time
 *
 * A state is shares, so it stays in memory; what it was conditioned on is known, and a job replays what came since, or all of it after
 * a restart, a withdrawal, a refresh of shares or a failed check.
 */
#ifndef HG_PARTY_STATES_H
#define HG_PARTY_STATES_H
#include "party/serve.h"
#include "secret/pool_state.h"

typedef struct {
    hg_pool_state *state;                 /* NULL: nothing yet */
    unsigned char (*seen)[HG_DIGEST + 8]; /* [n_seen] sets that it was conditioned on, in order: id, epoch */
    size_t n_seen, room;
    unsigned char policy[HG_DIGEST];
} hg_held_state;

HG_MUST_CHECK hg_status hg_states_new(hg_states **out, hg_err *err);
void hg_states_free(hg_states *s);
/* The project's, for this thread alone until it is given back. wait_ms 0: HG_ELIMIT at once when another job has it. */
HG_MUST_CHECK hg_status hg_states_take(hg_held_state **out, hg_states *s, const char *project, int wait_ms,
                                       hg_err *err);
void hg_states_give(hg_states *s, hg_held_state *h);
/* After a withdrawal or a refresh: the shares go, now or when the job that is at work with them gives them back. */
void hg_states_forget(hg_states *s, const char *project);
void hg_held_state_clear(hg_held_state *h); /* forgets the shares, wiped */
#endif
