/* party/audit_compare.c -- see party/audit.h: three servers' logs side by side, and a log in words */
#include "core/memory.h"
#include "party/audit_table.h"
#include <stdlib.h>
#include <string.h>

enum { SHORT = 12 }; /* digits of a digest that people are shown */

static const char *value_of(const hg_audit_entry *e, const char *key, size_t len) {
    for (size_t i = 0; i < e->n_fields; i++)
        if (strlen(e->key[i]) == len && memcmp(e->key[i], key, len) == 0) return e->value[i];
    return NULL;
}

/* ---- words ------------------------------------------------------------------------------------------------------------------- */

static void put_value(hg_text *to, const char *key, size_t len, const char *value) {
    const hg_audit_field *f = hg_audit_field_of(key, len);
    const size_t n = strlen(value);
    hg_text_put(to, value, f && f->type == HG_FIELD_DIGEST && n > SHORT ? SHORT : n);
}

/* Of "|row|rows}" the word that fits the value. */
static void put_noun(hg_text *to, const char *one, const char *value) {
    const char *many = strchr(one + 1, '|') + 1;
    hg_text_add(to, " ");
    if (value && strcmp(value, "1") == 0)
        hg_text_put(to, one + 1, (size_t)(many - one) - 2);
    else
        hg_text_put(to, many, strcspn(many, "}"));
}

/* A piece of a pattern: {key} becomes the value, {key|one|many} with its noun. false: a value is not there (shown as "?").
 * to NULL: only asked. */
static bool expand(hg_text *to, const hg_audit_entry *e, const char *s, const char *end) {
    bool all = true;
    while (s < end) {
        const char *brace = memchr(s, '{', (size_t)(end - s)), *stop = brace ? brace : end;
        if (to) hg_text_put(to, s, (size_t)(stop - s));
        if (!brace) break;
        const size_t len = strcspn(brace + 1, "|}");
        const char *value = value_of(e, brace + 1, len);
        all = all && value;
        if (to && value) put_value(to, brace + 1, len, value);
        if (to && !value) hg_text_put(to, "?", 1);
        if (to && brace[len + 1] == '|') put_noun(to, brace + len + 1, value);
        s = strchr(brace, '}') + 1;
    }
    return all;
}

static void sentence(hg_text *to, const hg_audit_entry *e) {
    if (e->hidden) {
        hg_text_add(to, "an entry of another project");
        return;
    }
    for (const char *s = hg_audit_row(e->kind)->words; *s;) {
        const char *open = strchr(s, '[');
        const char *stop = open ? open : s + strlen(s);
        expand(to, e, s, stop);
        if (!open) return;
        const char *close = strchr(open, ']');
        if (expand(NULL, e, open + 1, close)) expand(to, e, open + 1, close);
        s = close + 1;
    }
}

/* Other projects' entries in a row are one line: of them only the number is seen. */
static size_t hidden_from(const hg_audit_log *l, size_t i) {
    size_t n = 0;
    while (i + n < l->n && l->entry[i + n].hidden) n++;
    return n;
}

void hg_audit_words(hg_text *words, const hg_audit_log *l) {
    char when[HG_TIME_SIZE];
    for (size_t i = 0; i < l->n;) {
        const size_t hidden = hidden_from(l, i);
        hg_time_write(when, l->entry[i].time);
        hg_text_add(words, "%s %6llu  ", when, (unsigned long long)l->entry[i].sequence);
        if (hidden > 1)
            hg_text_add(words, "%zu entries of other projects, up to %llu", hidden,
                        (unsigned long long)l->entry[i + hidden - 1].sequence);
        else
            sentence(words, &l->entry[i]);
        hg_text_add(words, "\n");
        i += hidden > 1 ? hidden : 1;
    }
}

/* ---- side by side --------------------------------------------------------------------------------------------------------- */

typedef struct { /* what several logs tell of */
    hg_audit_kind event;
    const char *subject;
    const hg_audit_entry *entry;
} event;

static int by_event(const void *a, const void *b) {
    const event *x = a, *y = b;
    if (x->event != y->event) return x->event < y->event ? -1 : 1;
    const int by_subject = strcmp(x->subject, y->subject);
    if (by_subject) return by_subject;
    return x->entry->sequence < y->entry->sequence ? -1 : 1;
}

/* Events of a log, each once (the first telling), sorted. NULL: no memory. */
static event *events_of(size_t *n, const hg_audit_log *l) {
    event *list = hg_malloc(l->n ? l->n : 1, sizeof *list);
    size_t have = 0, kept = 0;
    if (!list) return NULL;
    for (size_t i = 0; i < l->n; i++) {
        const hg_audit_entry *e = &l->entry[i];
        const hg_audit_kind_row *k = hg_audit_row(e->kind);
        const char *subject = !e->hidden && k->subject ? value_of(e, k->subject, strlen(k->subject)) : NULL;
        if (subject) list[have++] = (event) { k->event, subject, e };
    }
    qsort(list, have, sizeof *list, by_event);
    for (size_t i = 0; i < have; i++)
        if (!kept || list[kept - 1].event != list[i].event || strcmp(list[kept - 1].subject, list[i].subject) != 0)
            list[kept++] = list[i];
    *n = kept;
    return list;
}

static void name_event(hg_text *words, const event *e) {
    hg_text_add(words, "%s %.*s: ", hg_audit_row(e->event)->subject, SHORT, e->subject);
}

static void say_missing(hg_text *words, const event *e, const hg_audit_log *in, const hg_audit_log *not_in) {
    char when[HG_TIME_SIZE];
    name_event(words, e);
    hg_text_add(words, "\"%s\" stands in the log of server %u and not in that of server %u",
                hg_audit_row(e->event)->name, in->party, not_in->party);
    hg_time_write(when, not_in->n ? not_in->entry[not_in->n - 1].time : 0);
    hg_text_add(words, ", which ends at %s\n", when);
}

/* Fields that both have and that should be the same. */
static size_t compare_fields(hg_text *words, const event *x, const hg_audit_log *a, const event *y,
                             const hg_audit_log *b) {
    size_t differences = 0;
    for (size_t i = 0; i < x->entry->n_fields; i++) {
        const char *key = x->entry->key[i], *here = x->entry->value[i], *there = value_of(y->entry, key, strlen(key));
        if (!there || strcmp(here, there) == 0 || !hg_audit_field_of(key, strlen(key))->same) continue;
        name_event(words, x);
        hg_text_add(words, "%s is %s in the log of server %u and %s in that of server %u\n", key, here, a->party, there,
                    b->party);
        differences++;
    }
    return differences;
}

/* The least of the three lists' next events; of each list, whether it has it. */
static const event *next_event(bool has[HG_SLOTS], event *const list[HG_SLOTS], const size_t at[HG_SLOTS],
                               const size_t n[HG_SLOTS]) {
    const event *least = NULL;
    for (unsigned k = 0; k < HG_SLOTS; k++) {
        const event *e = at[k] < n[k] ? &list[k][at[k]] : NULL;
        if (!e) continue;
        if (!least || e->event < least->event || (e->event == least->event && strcmp(e->subject, least->subject) < 0))
            least = e;
    }
    for (unsigned k = 0; k < HG_SLOTS; k++) {
        const event *e = least && at[k] < n[k] ? &list[k][at[k]] : NULL;
        has[k] = e && e->event == least->event && strcmp(e->subject, least->subject) == 0;
    }
    return least;
}

/* One event: in which logs, with which fields. */
static size_t compare_event(hg_text *words, event *const list[HG_SLOTS], const size_t at[HG_SLOTS],
                            const bool has[HG_SLOTS], const hg_audit_log *const log[HG_SLOTS]) {
    size_t differences = 0;
    unsigned first = HG_SLOTS;
    for (unsigned k = 0; k < HG_SLOTS; k++)
        if (has[k] && first == HG_SLOTS) first = k;
    for (unsigned k = 0; k < HG_SLOTS; k++) {
        if (k == first) continue;
        if (has[k]) {
            differences += compare_fields(words, &list[first][at[first]], log[first], &list[k][at[k]], log[k]);
            continue;
        }
        say_missing(words, &list[first][at[first]], log[first], log[k]);
        differences++;
    }
    return differences;
}

static size_t compare(hg_text *words, event *const list[HG_SLOTS], const size_t n[HG_SLOTS],
                      const hg_audit_log *const log[HG_SLOTS]) {
    size_t at[HG_SLOTS] = { 0 }, differences = 0;
    int64_t from = INT64_MIN; /* from when on all three were there */
    bool has[HG_SLOTS];
    for (unsigned k = 0; k < HG_SLOTS; k++)
        if (log[k]->n && log[k]->entry[0].time > from) from = log[k]->entry[0].time;
    while (next_event(has, list, at, n)) {
        bool before = false;
        for (unsigned k = 0; k < HG_SLOTS; k++) before = before || (has[k] && list[k][at[k]].entry->time < from);
        if (!before) differences += compare_event(words, list, at, has, log);
        for (unsigned k = 0; k < HG_SLOTS; k++) at[k] += has[k];
    }
    return differences;
}

hg_status hg_audit_compare(hg_text *words, size_t *differences, const hg_audit_log *const log[HG_SLOTS], hg_err *err) {
    event *list[HG_SLOTS] = { NULL };
    size_t n[HG_SLOTS] = { 0 };
    bool good = true;
    *differences = 0;
    for (unsigned k = 0; k < HG_SLOTS; k++)
        if (log[k]->party != k)
            return hg_fail(err, HG_EINVAL, "%s: the log of server %u stands in the place of server %u", log[k]->name,
                           log[k]->party, k);
    for (unsigned k = 0; k < HG_SLOTS && good; k++) good = (list[k] = events_of(&n[k], log[k])) != NULL;
    if (good) *differences = compare(words, list, n, log);
    for (unsigned k = 0; k < HG_SLOTS; k++) hg_free(list[k]);
    return good && !words->failed ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to compare audit logs");
}
