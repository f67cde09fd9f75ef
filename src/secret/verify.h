/* secret/verify.h -- the malicious mode: nothing that was computed is opened before it was checked
 *
 * docs/secret.md, "Malicious mode", has the protocol and the proof sketch. In the other modes these calls do nothing and cost
 * nothing.
 */
#ifndef HG_SECRET_VERIFY_H
#define HG_SECRET_VERIFY_H
#include "secret/run.h"

enum { HG_VERIFY_SECURITY = 40 }; /* bits of statistical security, at least */

/* Fence; T = u - a w for each ring width in use; AND gates against a pool of triples assigned to them by a coin thrown after
 * the fence; keyed-hash zero test. Clears what was recorded: may be called again for what comes later. Queued gates are
 * refused (HG_EINVAL): end the round first. Errors: HG_ECHEAT naming the phase; HG_EPARTY. */
HG_MUST_CHECK hg_status hg_run_verify(hg_run *r, hg_err *err);
/* The arithmetic part alone (A, B, D: both honest servers know the result of D at once), 3 rounds and a few elements, for openings in the middle of a run whose values do not depend on
 * unchecked AND gates (HG_EINVAL when some are pending). */
HG_MUST_CHECK hg_status hg_run_verify_products(hg_run *r, hg_err *err);
/* Zero test: HG_ECHEAT (who: "an owner" etc. stands in the sentence) when some x[i] is not zero modulo 2^(64 limbs). All modes, 1 round; the malicious
 * mode verifies first what was recorded (with pending ANDs as hg_run_verify, else as hg_run_verify_products), so that a failure does
 * not depend on data that a cheating server spoilt. A run that failed is over. */
HG_MUST_CHECK hg_status hg_share_assert_zero(hg_run *r, const hg_share *x, const char *what, hg_err *err);
#endif
