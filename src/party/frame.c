/* party/frame.c -- see party/frame.h */
#include "party/frame.h"
#include <string.h>

void hg_frame_write(unsigned char header[HG_FRAME_HEADER], const hg_frame *f) {
    hg_le_put(header, f->length, 4);
    hg_le_put(header + 4, f->round, 4);
    hg_le_put(header + 8, f->kind, 2);
    header[10] = HG_FRAME_VERSION;
    header[11] = f->flags;
    hg_le_put(header + 12, 0, 4);
}

hg_status hg_frame_read(hg_frame *out, const unsigned char header[HG_FRAME_HEADER], size_t most, hg_err *err) {
    *out = (hg_frame) { .length = hg_le_get(header, 4),
                        .round = hg_le_get(header + 4, 4),
                        .kind = (uint16_t)hg_le_get(header + 8, 2),
                        .flags = header[11] };
    if (header[10] != HG_FRAME_VERSION || hg_le_get(header + 12, 4) != 0)
        return hg_fail(err, HG_ECHEAT, "sent what is no frame of version %d", HG_FRAME_VERSION);
    if (out->flags & ~HG_FRAME_MORE) return hg_fail(err, HG_ECHEAT, "sent a frame with unknown flags %u", out->flags);
    if (out->length > most || out->length > HG_FRAME_MOST)
        return hg_fail(err, HG_ECHEAT, "sent a frame of %u bytes, at most %zu may come here", out->length,
                       most < HG_FRAME_MOST ? most : (size_t)HG_FRAME_MOST);
    return HG_OK;
}

/* ---- errors as payload: u16 status, u16 length and text of the sentence, the same of the advice ------------------------ */

static size_t put_text(unsigned char *at, const char *s) {
    const size_t n = strlen(s);
    hg_le_put(at, (uint32_t)n, 2);
    memcpy(at + 2, s, n);
    return 2 + n;
}

size_t hg_frame_error_write(unsigned char payload[HG_FRAME_ERROR_MOST], const hg_err *e) {
    _Static_assert(HG_FRAME_ERROR_MOST >= 2 + 2 * 2 + sizeof e->msg + sizeof e->hint, "room for the longest");
    hg_le_put(payload, (uint32_t)e->code, 2);
    size_t n = 2;
    n += put_text(payload + n, e->msg);
    return n + put_text(payload + n, e->hint);
}

/* A text of at most size-1 bytes at *at; false: cut short or too long. What it says is cleaned by hg_fail. */
static bool get_text(char *s, size_t size, const unsigned char **at, size_t *left) {
    if (*left < 2) return false;
    const size_t n = hg_le_get(*at, 2);
    if (n >= size || n > *left - 2 || memchr(*at + 2, '\0', n)) return false;
    memcpy(s, *at + 2, n);
    s[n] = '\0';
    *at += 2 + n;
    *left -= 2 + n;
    return true;
}

hg_status hg_frame_error_read(hg_err *out, const unsigned char *payload, size_t n, hg_err *err) {
    char msg[sizeof out->msg], hint[sizeof out->hint];
    memset(out, 0, sizeof *out);
    const uint32_t code = n >= 2 ? hg_le_get(payload, 2) : 0;
    const unsigned char *at = payload + 2;
    size_t left = n >= 2 ? n - 2 : 0;
    if (code == HG_OK || code >= HG_STATUS_COUNT || !get_text(msg, sizeof msg, &at, &left) ||
        !get_text(hint, sizeof hint, &at, &left) || left)
        return hg_fail(err, HG_ECHEAT, "sent an error that cannot be read");
    hg_fail(out, (hg_status)code, "%s", msg);
    if (*hint) hg_advise(out, (hg_status)code, "%s", hint);
    return HG_OK;
}
