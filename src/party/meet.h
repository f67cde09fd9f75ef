/* party/meet.h -- where a link that came in and the thread that waits for it find each other
 *
 * For an attempt of a job the higher of two servers dials the lower one. Its link may come before the lower one has heard of the job
 * from the user, or after. Links wait here, a bounded number for a bounded time; threads wait with a deadline.
 */
#ifndef HG_PARTY_MEET_H
#define HG_PARTY_MEET_H
#include "party/link.h"

typedef struct hg_meet hg_meet;
enum { HG_MEET_MOST = 64 /* links that nobody waits for yet */, HG_MEET_MS = 30000 /* how long they may */ };

HG_MUST_CHECK hg_status hg_meet_new(hg_meet **out, const hg_world *w, hg_err *err);
void hg_meet_free(hg_meet *m); /* and all links that were not fetched */
/* Hands in a link; it is the table's from now on. What is too old or too many is closed. */
void hg_meet_bring(hg_meet *m, hg_link *k);
/* The link of this digest and attempt from server `party`; waits for it at most wait_ms. HG_EPARTY, HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_meet_fetch(hg_link **out, hg_meet *m, int party, const unsigned char digest[HG_DIGEST],
                                      uint32_t attempt, int wait_ms, hg_err *err);
void hg_meet_stop(hg_meet *m); /* all who wait get HG_ECANCEL, now and later */
#endif
