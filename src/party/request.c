/* party/request.c -- see party/request.h */
#include "party/request.h"
#include "core/memory.h"
#include "party/policy.h"
#include <string.h>

/* Of any policy; what this one's rows can have is less: party/serve_share.c. */
#define SHARE_FILE_MOST ((uint64_t)1 << 40)

static const hg_request TABLE[] = {
    { HG_ASK_STATUS, "a status", .strangers = true, .most = 256 },
    { HG_ASK_POLICY, "a policy", .strangers = true, .most = 256 },
    { HG_PUT_POLICY, "a new policy", .strangers = true, .most = HG_POLICY_BYTES },
    { HG_PUT_SHARES, "a share file", .most = SHARE_FILE_MOST },
    { HG_ASK_VALIDATE, "a check of a data set", .most = 512 },
    { HG_PUT_WITHDRAWAL, "a withdrawal", .most = 4096 },
    { HG_ASK_DATASETS, "the data sets", .most = 256 },
    { HG_ASK_JOB, "a job", .most = 4096 },
    { HG_PUT_TAKEN, "an answer's arrival", .most = 512 },
    { HG_ASK_AUDIT, "the audit log", .most = 256 },
    { HG_ASK_REFRESH, "a refresh", .servers = true, .most = 256 },
    { HG_ASK_PULSE, "a pulse", .servers = true, .most = 4096 },
};

const hg_request *hg_request_of(unsigned kind) {
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (TABLE[i].kind == kind) return &TABLE[i];
    return NULL;
}

hg_status hg_message_send(hg_link *k, unsigned kind, const void *bytes, size_t n, hg_err *err) {
    const char *at = bytes;
    do {
        const size_t piece = n < HG_PIECE ? n : HG_PIECE;
        n -= piece;
        HG_TRY(hg_link_send(k, (uint16_t)kind, 0, n ? HG_FRAME_MORE : 0, at, piece, err));
        at += piece;
    } while (n);
    return HG_OK;
}

/* Counts a piece against what is allowed. */
static hg_status allow(hg_message_stream *s, hg_err *err) {
    if (s->left <= s->most) {
        s->most -= s->left;
        return HG_OK;
    }
    return hg_fail(err, HG_ECHEAT, "%s sends a message that is longer than allowed", hg_link_peer(s->link));
}

hg_status hg_message_begin(hg_message_stream *s, hg_link *k, hg_frame head, uint64_t most, hg_err *err) {
    *s = (hg_message_stream) { .link = k, .head = head, .left = head.length, .most = most };
    return allow(s, err);
}

/* The next piece of the message; only called when there is one. */
static hg_status next_piece(hg_message_stream *s, hg_err *err) {
    const uint16_t kind = s->head.kind;
    HG_TRY(hg_link_head(&s->head, s->link, -1, err));
    if (s->head.kind != kind)
        return hg_fail(err, HG_ECHEAT, "%s breaks off a message in its middle", hg_link_peer(s->link));
    s->left = s->head.length;
    return allow(s, err);
}

hg_status hg_message_read(hg_message_stream *s, size_t *got, void *buf, size_t size, hg_err *err) {
    *got = 0;
    while (*got < size) {
        if (s->left == 0) {
            if (!(s->head.flags & HG_FRAME_MORE)) return HG_OK;
            HG_TRY(next_piece(s, err));
            continue;
        }
        const size_t n = size - *got < s->left ? size - *got : s->left;
        HG_TRY(hg_link_body(s->link, (char *)buf + *got, n, err));
        *got += n;
        s->left -= n;
    }
    return HG_OK;
}

hg_status hg_message_rest(hg_text *to, hg_link *k, hg_frame head, uint64_t most, hg_err *err) {
    hg_message_stream s;
    HG_TRY(hg_message_begin(&s, k, head, most, err));
    enum { STEP = 1 << 16 };
    char *buf = hg_malloc(STEP, 1);
    if (!buf) return hg_fail(err, HG_ENOMEM, "no memory for a message");
    hg_status st;
    size_t got = STEP;
    while ((st = hg_message_read(&s, &got, buf, STEP, err)) == HG_OK) {
        hg_text_put(to, buf, got);
        if (got < STEP) break;
    }
    hg_free(buf);
    if (st == HG_OK && to->failed) st = hg_fail(err, HG_ENOMEM, "no memory for a message");
    return st;
}

hg_status hg_message_take(hg_text *to, hg_link *k, unsigned kind, uint64_t most, int wait_ms, hg_err *err) {
    hg_frame head;
    HG_TRY(hg_link_head(&head, k, wait_ms, err));
    if (head.kind != kind)
        return hg_fail(err, HG_ECHEAT, "%s sends another message than it was asked for", hg_link_peer(k));
    return hg_message_rest(to, k, head, most, err);
}
