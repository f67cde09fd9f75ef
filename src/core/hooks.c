/* core/hooks.c -- see hagane/core.h */
#include "core/utf8.h"
#include "core/number.h"
#include "hagane/core.h"
#include <stdarg.h>
#include <stdio.h>

void hg_log(const hg_hooks *h, hg_log_level level, const char *fmt, ...) {
    if (!h || !h->log) return;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    hg_print_args(text, sizeof text, fmt, args);
    va_end(args);
    hg_utf8_clean(text);
    h->log(h->user, level, text);
}

bool hg_progress(const hg_hooks *h, const char *what, size_t done, size_t total) {
    return !h || !h->progress || h->progress(h->user, what, done, total);
}
