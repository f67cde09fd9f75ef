/* party/record.h -- what a member's own machine remembers, beside its share files: rows that were shared, rows that were proposed
 *
 * Servers cannot know that a row comes a second time: they see shares. The member's machine can. For each data set there is a file
 * <project>-<sequence>.rows with two keyed digests (SipHash-2-4) of each row: of its place in the pool, and of place and value. Its key
 * comes from the member's private key, so that the file says nothing to others. <project>.answers has a line for each answered job. A
 * member who works on two machines has two memories: what is not remembered is not warned of.
 */
#ifndef HG_PARTY_RECORD_H
#define HG_PARTY_RECORD_H
#include "party/encode.h"
#include "party/split.h"

typedef struct hg_record hg_record;

/* A record for the rows of data set `sequence`, to be compared with those of the n data sets `earlier`. HG_ENOMEM, HG_EIO. */
HG_MUST_CHECK hg_status hg_record_new(hg_record **out, const char *folder, const char *project, uint64_t sequence,
                                      const uint64_t *earlier, size_t n, const unsigned char secret[HG_SECRET_KEY],
                                      hg_err *err);
/* One more row, as hg_split_opts.row tells it. *seen: sequence of a data set that has it with the same value, 0: none. */
HG_MUST_CHECK hg_status hg_record_row(uint64_t *seen, hg_record *r, const hg_split_row *row, hg_err *err);
/* How many rows had another value before. */
size_t hg_record_changed(const hg_record *r);
HG_MUST_CHECK hg_status hg_record_keep(hg_record *r, hg_err *err); /* the file gets its name */
void hg_record_free(hg_record *r);                                 /* not kept: no file is left */
void hg_record_forget(const char *folder, const char *project, uint64_t sequence);

/* A job was answered with these n rows. */
HG_MUST_CHECK hg_status hg_record_answer(const char *folder, const char *project, const unsigned char job[HG_DIGEST],
                                         const size_t *row, size_t n, hg_err *err);
/* Was each of the n rows proposed by the job? HG_EINVAL naming one that was not; *known = false: nothing is remembered of the job. */
HG_MUST_CHECK hg_status hg_record_proposed(bool *known, const char *folder, const char *project,
                                           const unsigned char job[HG_DIGEST], const size_t *row, size_t n,
                                           hg_err *err);
#endif
