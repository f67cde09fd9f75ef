/* core/text.c -- see core/text.h */
#include "core/text.h"
#include "core/number.h"
#include "core/memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char EMPTY[1]; /* what an hg_text shows before its first append; never written */

hg_text hg_text_new(size_t limit) { return (hg_text) { .s = EMPTY, .limit = limit ? limit : (size_t)1 << 30 }; }

static bool reserve(hg_text *t, size_t more) {
    if (t->failed) return false;
    char *s = t->s == EMPTY ? NULL : t->s;
    if (more > t->limit || t->len > t->limit - more || !hg_grow(&s, &t->cap, t->len + more + 1, 1)) {
        t->failed = true;
        return false;
    }
    t->s = s;
    return true;
}

void hg_text_put(hg_text *t, const char *s, size_t len) {
    if (!reserve(t, len)) return;
    memcpy(t->s + t->len, s, len);
    t->len += len;
    t->s[t->len] = '\0';
}

void hg_text_add(hg_text *t, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = hg_print_args(NULL, 0, fmt, args);
    va_end(args);
    if (n >= 0 && reserve(t, (size_t)n)) {
        hg_print_args(t->s + t->len, (size_t)n + 1, fmt, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

void hg_text_free(hg_text *t) {
    if (t->s != EMPTY) hg_free(t->s);
    *t = hg_text_new(t->limit);
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

size_t hg_edit_distance(const char *a, const char *b) {
    const size_t na = strlen(a), nb = strlen(b);
    size_t row[64];
    if (na > 63 || nb > 63) return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0]; /* distance of a[..i-1], b[..j-1] */
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            const size_t above = row[j], change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            size_t best = above < row[j - 1] ? above + 1 : row[j - 1] + 1;
            if (change < best) best = change;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[nb];
}

/* Is `name` nearer to the word than *distance? Then that becomes its distance. */
static bool nearer(size_t *distance, const char *word, const char *name) {
    const size_t d = hg_edit_distance(word, name);
    if (d >= *distance) return false;
    *distance = d;
    return true;
}

/* "z" is no misspelt "x": something must be right. */
static size_t too_far(const char *word) {
    const size_t len = strlen(word);
    return len < len / 3 + 2 ? len : len / 3 + 2;
}

const char *hg_nearest_name(const char *word, const char *const *names, size_t n) {
    const char *best = NULL;
    size_t distance = too_far(word);
    for (size_t i = 0; i < n; i++)
        if (nearer(&distance, word, names[i])) best = names[i];
    return best;
}

const char *hg_path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The longest run of letters that both have; fewer than three are chance. */
static size_t shared_run(const char *a, const char *b) {
    enum { CHANCE = 3 };
    size_t most = 0;
    for (const char *from = a; *from; from++)
        for (const char *at = b; *at; at++) {
            size_t n = 0;
            while (from[n] && lower(from[n]) == lower(at[n])) n++;
            if (n > most) most = n;
        }
    return most < CHANCE ? 0 : most;
}

/* Is x nearer to the word than y? */
static bool is_nearer(const char *word, const char *x, const char *y) {
    const size_t p = shared_run(word, x), q = shared_run(word, y);
    return p != q ? p > q : hg_edit_distance(word, x) < hg_edit_distance(word, y);
}

size_t hg_nearest_names(const char **near, size_t most, const char *word, const char *const *names, size_t n) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = found;
        bool known = false;
        for (size_t k = 0; k < found && !known; k++) known = strcmp(near[k], names[i]) == 0;
        while (at > 0 && is_nearer(word, names[i], near[at - 1])) at--;
        if (known || at == most) continue;
        if (found < most) found++;
        memmove(near + at + 1, near + at, (found - at - 1) * sizeof *near);
        near[at] = names[i];
    }
    return found;
}

hg_status hg_nearest_advise(hg_err *err, hg_status code, const char *word, const char *const *names, size_t n,
                            const char *rest) {
    enum { TOLD = 5 };
    const char *near[TOLD];
    const size_t told = hg_nearest_names(near, TOLD, word, names, n);
    hg_text list = hg_text_new(0); /* without memory the advice is shorter */
    for (size_t i = 0; i < told; i++) hg_text_add(&list, "%s%s", i ? ", " : "", near[i]);
    if (n > told)
        hg_advise(err, code, "the nearest names are %s, and %zu more%s", list.s, n - told, rest);
    else
        hg_advise(err, code, "there are: %s%s", list.s, rest);
    hg_text_free(&list);
    return code;
}

hg_status hg_names_advise(hg_err *err, hg_status code, const char *word, const char *(*at)(size_t i)) {
    const char *best = NULL, *name;
    size_t distance = too_far(word);
    hg_text list = hg_text_new(0); /* without memory the advice is shorter */
    for (size_t i = 0; (name = at(i)) != NULL; i++) {
        if (nearer(&distance, word, name)) best = name;
        hg_text_add(&list, "%s%s", i ? ", " : "", name);
    }
    if (best)
        hg_advise(err, code, "did you mean %s? There are: %s", best, list.s);
    else
        hg_advise(err, code, "there are: %s", list.s);
    hg_text_free(&list);
    return code;
}
