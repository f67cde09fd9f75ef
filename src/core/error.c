/* core/error.c -- see hagane/core.h. Buffers are fixed, so reporting a failure cannot fail. */
#include "core/utf8.h"
#include "core/number.h"
#include "hagane/core.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const NAMES[HG_STATUS_COUNT] = {
    [HG_OK] = "HG_OK",         [HG_EINVAL] = "HG_EINVAL",
    [HG_ENOMEM] = "HG_ENOMEM", [HG_EIO] = "HG_EIO",
    [HG_EPARSE] = "HG_EPARSE", [HG_EDATA] = "HG_EDATA",
    [HG_ENAN] = "HG_ENAN",     [HG_ENOTFOUND] = "HG_ENOTFOUND",
    [HG_ENOTPD] = "HG_ENOTPD", [HG_ENOTCONV] = "HG_ENOTCONV",
    [HG_ELIMIT] = "HG_ELIMIT", [HG_ECANCEL] = "HG_ECANCEL",
    [HG_EPARTY] = "HG_EPARTY", [HG_EREFUSED] = "HG_EREFUSED",
    [HG_ECHEAT] = "HG_ECHEAT",
};

const char *hg_version(void) { return HG_VERSION; }

const char *hg_status_name(hg_status st) { return (unsigned)st < HG_STATUS_COUNT ? NAMES[st] : "unknown status"; }

/* Appends to buf[size] from `at`; a text that does not fit ends in "...", not inside a character. What comes from a file
 * must not talk to the terminal. Returns the new length. */
static size_t append(char *buf, size_t size, size_t at, const char *fmt, va_list args) {
    const int n = hg_print_args(buf + at, size - at, fmt, args);
    if (n < 0) return at;
    size_t len = at + (size_t)n;
    if (len >= size) {
        len = size - 4;
        while (len > 0 && ((unsigned char)buf[len] & 0xC0) == 0x80) len--;
        memcpy(buf + len, "...", 4);
        len += 3;
    }
    hg_utf8_clean(buf + (at < len ? at : len));
    return len;
}

static size_t appendf(char *buf, size_t size, size_t at, const char *fmt, ...) HG_PRINTF(4, 5);
static size_t appendf(char *buf, size_t size, size_t at, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    at = append(buf, size, at, fmt, args);
    va_end(args);
    return at;
}

static hg_status fail(hg_err *err, hg_status code, const char *file, size_t line, size_t column, const char *fmt,
                      va_list args) {
    if (!err) return code;
    *err = (hg_err) { .code = code, .line = line, .column = column };
    size_t at = 0;
    if (file) at = appendf(err->msg, sizeof err->msg, at, "%s:", file);
    if (line) at = appendf(err->msg, sizeof err->msg, at, "%zu:", line);
    if (column) at = appendf(err->msg, sizeof err->msg, at, "%zu:", column);
    if (at) at = appendf(err->msg, sizeof err->msg, at, " ");
    append(err->msg, sizeof err->msg, at, fmt, args);
    return code;
}

hg_status hg_fail(hg_err *err, hg_status code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fail(err, code, NULL, 0, 0, fmt, args);
    va_end(args);
    return code;
}

hg_status hg_fail_at(hg_err *err, hg_status code, const char *file, size_t line, size_t column, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fail(err, code, file, line, column, fmt, args);
    va_end(args);
    return code;
}

hg_status hg_advise(hg_err *err, hg_status code, const char *fmt, ...) {
    if (!err) return code;
    va_list args;
    va_start(args, fmt);
    append(err->hint, sizeof err->hint, 0, fmt, args);
    va_end(args);
    return code;
}

void hg_err_clear(hg_err *err) {
    if (err) *err = (hg_err) { .code = HG_OK };
}

hg_status hg_check_finite(const char *name, const double *x, size_t n, size_t d, hg_err *err) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            if (!isfinite(x[i * d + j])) return hg_fail(err, HG_ENAN, "%s row %zu is not finite", name, i);
    return HG_OK;
}
