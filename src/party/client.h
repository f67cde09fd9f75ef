/* party/client.h -- the members' side of the wire: see hagane/party.h; here is what the program needs beside it */
#ifndef HG_PARTY_CLIENT_H
#define HG_PARTY_CLIENT_H
#include "hagane/party.h"
#include "party/audit.h"
#include "party/epoch.h"
#include "party/job.h"
#include "party/leakage.h"
#include "party/link.h"
#include "party/status.h"

struct hg_party {
    hg_party_opts o;
    hg_cluster cluster;
    hg_identity *identity;
    hg_tls *tls;
    hg_link *link[HG_SERVERS]; /* open ones; NULL: not yet, or lost */
};

/* ---- one server -------------------------------------------------------------------------------------------------------------- */

/* Sends a request; the answer is taken by hg_party_reply. Between the two other servers can be asked. Connects when there is no link yet.
 * A server that has been silent for half of ready_ms is asked on a second connection whether it lives, again and again until
 * answer_ms are over; HG_EPARTY when it is not ready there within ready_ms. */
HG_MUST_CHECK hg_status hg_party_ask(hg_party *p, unsigned server, unsigned kind, const void *bytes, size_t n,
                                     hg_err *err);
HG_MUST_CHECK hg_status hg_party_reply(hg_text *to, hg_party *p, unsigned server, size_t most, hg_err *err);
HG_MUST_CHECK hg_status hg_party_dial(hg_party *p, unsigned server, hg_err *err); /* unless there is a link */
void hg_party_hang_up(hg_party *p, unsigned server);

/* ---- all three ----------------------------------------------------------------------------------------------------------------- */

/* The same request to all three, then three replies. On failure the error is the most telling of the three (a cheat, a
 * refusal, a party that is gone, in this order); once one has failed the others have 1.5 s to say more. reply: three empty texts, free them. */
HG_MUST_CHECK hg_status hg_party_ask_all(hg_text reply[HG_SERVERS], hg_party *p, unsigned kind, const void *bytes,
                                         size_t n, size_t most, hg_err *err);
/* The policy that is in force on all three, verified; HG_ECHEAT when they differ. */
HG_MUST_CHECK hg_status hg_party_policy(hg_policy **out, hg_party *p, const char *project, hg_err *err);
/* The same, with its bytes unless `bytes` is NULL, even when it has expired: to be read, or to take data back. */
HG_MUST_CHECK hg_status hg_party_policy_text(hg_policy **out, hg_text *bytes, hg_party *p, const char *project,
                                             hg_err *err);
/* The same two from the first server that answers, while another one is away: enough to make share files, which all three judge later.
 * HG_EPARTY: none is there. */
HG_MUST_CHECK hg_status hg_party_policy_any(hg_policy **out, hg_party *p, const char *project, hg_err *err);
/* The same of one server, which may lie. */
HG_MUST_CHECK hg_status hg_party_datasets_of(hg_dataset_status **out, size_t *n, hg_party *p, unsigned server,
                                             const char *project, hg_arena *arena, hg_err *err);
HG_MUST_CHECK hg_status hg_party_datasets_any(hg_dataset_status **out, size_t *n, hg_party *p, const char *project,
                                              hg_arena *arena, hg_err *err);
/* Who this member is in it. HG_EREFUSED: nobody. */
HG_MUST_CHECK hg_status hg_party_member(const hg_member **out, const hg_party *p, const hg_policy *policy, hg_err *err);
/* Data sets that server 0 tells of; those count as active that are so on all three. HG_ECHEAT when two servers describe one differently.
 * Memory from the arena. */
HG_MUST_CHECK hg_status hg_party_datasets(hg_dataset_status **out, size_t *n, hg_party *p, const char *project,
                                          hg_arena *arena, hg_err *err);
/* One server's status; HG_EPARTY when it is not there. */
HG_MUST_CHECK hg_status hg_party_status(hg_server_status *out, hg_party *p, unsigned server, hg_arena *arena,
                                        hg_err *err);
/* Logs of the three from entry `first` on, as text. */
HG_MUST_CHECK hg_status hg_party_audit(hg_text log[HG_SERVERS], hg_party *p, const char *project, uint64_t first,
                                       hg_err *err);
/* What asking would reveal and cost; asks no secret, charges nothing. estimate: NULL, or measured by simulation (tier 1 with few
 * rows; *measured says whether it was possible). */
HG_MUST_CHECK hg_status hg_party_dry_run(hg_leakage *l, hg_leakage_estimate *estimate, bool *measured,
                                         hg_policy **policy, hg_party *p, const char *project, size_t batch,
                                         hg_pool *threads, hg_err *err);
/* A whole file, appended. HG_EIO, HG_ELIMIT (the text's limit). */
HG_MUST_CHECK hg_status hg_party_read_file(hg_text *to, const char *path, hg_err *err);
/* Replaces a file whole, readable by its owner alone when it is new. */
HG_MUST_CHECK hg_status hg_party_write_file(const char *path, const void *bytes, size_t n, hg_err *err);
/* An operator (the identity is a server's) has the three make new shares; lost: a server that has nothing left and gets its part
 * from the two others, or HG_NOBODY. */
HG_MUST_CHECK hg_status hg_party_refresh(uint64_t *epoch, hg_party *p, const char *project, unsigned lost, hg_err *err);
/* 32 fresh random bits: the number of an attempt. */
HG_MUST_CHECK hg_status hg_party_number(uint32_t *number, const hg_party *p, hg_err *err);
/* Should a failed attempt be made again? Sleeps a little when there is time left until deadline_ms. */
bool hg_party_try_again(const hg_party *p, hg_status st, int64_t deadline_ms);
#endif
