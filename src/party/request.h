/* party/request.h -- what members ask a server for, and how messages longer than a frame travel
 *
 * A link carries one request at a time: a message of one of the kinds below, then HG_REPLY or the end with an error. One table
 * says who may ask what and how long a request may be; nothing longer is read, whoever sends it.
 */
#ifndef HG_PARTY_REQUEST_H
#define HG_PARTY_REQUEST_H
#include "core/text.h"
#include "party/link.h"

typedef enum {
    HG_REPLY = HG_KIND_SERVER,
    HG_ASK_STATUS,     /* -> what the server is and does: project */
    HG_ASK_POLICY,     /* -> the policy in force with its signatures: project */
    HG_PUT_POLICY,     /* a policy with all signatures */
    HG_PUT_SHARES,     /* a share file, streamed */
    HG_ASK_VALIDATE,   /* check a staged data set together: project, id, attempt -> receipt */
    HG_PUT_WITHDRAWAL, /* an owner's signed withdrawal -> receipt */
    HG_ASK_DATASETS,   /* -> the project's data sets, without their rows: project */
    HG_ASK_JOB,        /* attempt, a signed job -> the server's answer */
    HG_PUT_TAKEN,      /* the user has all three answers: project, job digest */
    HG_ASK_AUDIT,      /* -> a piece of the server's log: project, first entry */
    HG_ASK_REFRESH,    /* an operator asks for new shares: project, attempt, lost party or HG_NOBODY -> epoch */
    HG_ASK_PULSE,      /* a server asks another: are you there? */
    HG_REQUEST_END
} hg_request_kind;

typedef struct {
    hg_request_kind kind;
    const char *name; /* "a share file", as it stands in messages */
    bool servers;     /* only another server may ask */
    bool strangers;   /* members of the cluster that are in no policy may ask */
    uint64_t most;    /* bytes */
} hg_request;
/* NULL: no such kind. */
const hg_request *hg_request_of(unsigned kind);

enum { HG_PIECE = 1 << 20 }; /* bytes of a frame of a long message */

/* A whole message in frames of HG_PIECE bytes. Errors: as hg_link_send. */
HG_MUST_CHECK hg_status hg_message_send(hg_link *k, unsigned kind, const void *bytes, size_t n, hg_err *err);
/* The next message, when it is of this kind and has at most `most` bytes, appended to *to. wait_ms: until it begins. Errors: HG_ECHEAT
 * another kind or too long, HG_ENOMEM, as hg_link_head. */
HG_MUST_CHECK hg_status hg_message_take(hg_text *to, hg_link *k, unsigned kind, uint64_t most, int wait_ms,
                                        hg_err *err);
/* The rest of a message whose first head was read already. */
HG_MUST_CHECK hg_status hg_message_rest(hg_text *to, hg_link *k, hg_frame head, uint64_t most, hg_err *err);

/* A message read as a stream, for what does not fit in memory: fills buf[size], *got < size only at its end. */
typedef struct {
    hg_link *link;
    hg_frame head; /* of the piece under way */
    size_t left;   /* of it */
    uint64_t most; /* of the whole, still allowed */
} hg_message_stream;
/* `head` was read already. HG_ECHEAT: the first piece is too long. */
HG_MUST_CHECK hg_status hg_message_begin(hg_message_stream *s, hg_link *k, hg_frame head, uint64_t most, hg_err *err);
HG_MUST_CHECK hg_status hg_message_read(hg_message_stream *s, size_t *got, void *buf, size_t size, hg_err *err);
#endif
