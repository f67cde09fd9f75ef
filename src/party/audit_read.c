/* party/audit_read.c -- see party/audit.h: reading an exported log (hostile text) and verifying it */
#include "core/memory.h"
#include "party/audit_table.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    hg_audit_log *log;
    const char *text; /* as it came */
    char *cut;        /* the same with a NUL behind each line and each key */
    size_t n, at, cap;
    size_t line; /* 1-based, of the line last taken */
    hg_err *err;
} reader;

typedef struct { /* one line: "key value" */
    const char *key, *value;
    size_t key_n, value_n;
} row;

static hg_status fail(const reader *r, const char *what) {
    return hg_fail_at(r->err, HG_EPARSE, r->log->name, r->line, 0, "%s", what);
}

static hg_status take_line(row *out, reader *r) {
    r->line++;
    const char *end = r->at < r->n ? memchr(r->text + r->at, '\n', r->n - r->at) : NULL;
    if (!end) return fail(r, "the log is cut short");
    const size_t n = (size_t)(end - r->text) - r->at;
    char *s = r->cut + r->at;
    char *blank = memchr(s, ' ', n);
    *out = (row) { .key = s, .key_n = blank ? (size_t)(blank - s) : n, .value = blank ? blank + 1 : s + n };
    out->value_n = n - (size_t)(out->value - s);
    s[n] = '\0';
    if (blank) *blank = '\0';
    r->at += n + 1;
    return HG_OK;
}

static bool is(const row *l, const char *key) { return l->key_n == strlen(key) && memcmp(l->key, key, l->key_n) == 0; }

/* The next line, which must have this key. */
static hg_status take(row *out, reader *r, const char *key) {
    char words[64];
    HG_TRY(take_line(out, r));
    if (is(out, key)) return HG_OK;
    snprintf(words, sizeof words, *key ? "expected \"%s\"" : "expected an empty line", key);
    return fail(r, words);
}

/* One way to write it: what is compared and kept is the text. */
static bool lower_hex(unsigned char *bytes, size_t n, const row *l) {
    for (size_t i = 0; i < l->value_n; i++)
        if (l->value[i] >= 'A' && l->value[i] <= 'F') return false;
    return hg_hex_read(bytes, n, l->value, l->value_n);
}

static hg_status take_hex(unsigned char *bytes, size_t n, reader *r, const char *key) {
    row l;
    HG_TRY(take(&l, r, key));
    return lower_hex(bytes, n, &l) ? HG_OK : fail(r, "expected hexadecimal digits");
}

static hg_status take_number(uint64_t *x, reader *r, const char *key) {
    row l;
    HG_TRY(take(&l, r, key));
    *x = 0;
    for (size_t i = 0; i < l.value_n; i++) {
        if (l.value[i] < '0' || l.value[i] > '9' || i >= 18) return fail(r, "expected a whole number");
        *x = *x * 10 + (uint64_t)(l.value[i] - '0');
    }
    /* one way to write a number: what is signed is the text */
    return l.value_n && (l.value_n == 1 || l.value[0] != '0') ? HG_OK : fail(r, "expected a whole number");
}

static hg_status take_head(hg_audit_entry *e, reader *r) {
    uint64_t time;
    e->line = r->line + 1;
    e->head_text = r->text + r->at;
    HG_TRY(take_number(&e->sequence, r, "sequence"));
    HG_TRY(take_hex(e->previous, HG_DIGEST, r, "previous"));
    HG_TRY(take_number(&time, r, "time"));
    e->time = (int64_t)time;
    HG_TRY(take_hex(e->scope, HG_DIGEST, r, "scope"));
    HG_TRY(take_hex(e->body, HG_DIGEST, r, "body"));
    e->head_n = (size_t)(r->text + r->at - e->head_text);
    return HG_OK;
}

static hg_status take_field(hg_audit_entry *e, const reader *r, const row *l) {
    const hg_audit_field *f = hg_audit_field_of(l->key, l->key_n);
    if (!f) return fail(r, "no field of an audit log");
    if (!hg_audit_value_good(f, l->value, l->value_n)) return fail(r, "a value that this field cannot have");
    if (e->n_fields == HG_AUDIT_FIELDS) return fail(r, "too many fields");
    for (size_t i = 0; i < e->n_fields; i++)
        if (strcmp(e->key[i], f->key) == 0) return fail(r, "a field comes twice");
    e->key[e->n_fields] = f->key;
    e->value[e->n_fields++] = l->value;
    return HG_OK;
}

/* kind and fields, or nothing; then the hash, which has been read into *l. */
static hg_status take_body(hg_audit_entry *e, row *l, reader *r) {
    e->body_text = r->text + r->at;
    const char *end = e->body_text;
    HG_TRY(take_line(l, r));
    e->hidden = is(l, "hash");
    if (!e->hidden) {
        if (!is(l, "kind") || !hg_audit_kind_of(&e->kind, l->value, l->value_n))
            return fail(r, "expected a kind of entry");
        for (;;) {
            end = r->text + r->at;
            HG_TRY(take_line(l, r));
            if (is(l, "hash")) break;
            HG_TRY(take_field(e, r, l));
        }
    }
    e->body_n = (size_t)(end - e->body_text);
    return HG_OK;
}

static hg_status take_entry(hg_audit_entry *e, reader *r) {
    row l;
    HG_TRY(take_head(e, r));
    HG_TRY(take_body(e, &l, r));
    if (!lower_hex(e->hash, HG_DIGEST, &l)) return fail(r, "expected hexadecimal digits");
    HG_TRY(take_hex(e->signature, HG_SIGNATURE, r, "signature"));
    return take(&l, r, "");
}

static hg_status room_for_one(reader *r) {
    hg_audit_log *l = r->log;
    if (l->n < r->cap) return HG_OK;
    if (l->n >= HG_AUDIT_ENTRIES_MOST)
        return hg_fail(r->err, HG_ELIMIT, "%s: more than %d entries", l->name, HG_AUDIT_ENTRIES_MOST);
    hg_audit_entry *more = hg_alloc(l->arena, r->cap = r->cap ? 2 * r->cap : 64, sizeof *more);
    if (!more) return hg_fail(r->err, HG_ENOMEM, "no memory for the audit log");
    if (l->n) memcpy(more, l->entry, l->n * sizeof *more);
    l->entry = more;
    return HG_OK;
}

static hg_status read_log(reader *r) {
    uint64_t party;
    row l;
    HG_TRY(take_line(&l, r));
    if (!is(&l, "hagane") || l.value_n != 11 || memcmp(l.value, "audit log 1", 11) != 0)
        return fail(r, "this is no audit log");
    HG_TRY(take_number(&party, r, "party"));
    if (party >= HG_SLOTS) return fail(r, "there is no such party");
    r->log->party = (unsigned)party;
    HG_TRY(take_hex(r->log->key, HG_PUBLIC_KEY, r, "key"));
    HG_TRY(take(&l, r, ""));
    while (r->at < r->n) {
        HG_TRY(room_for_one(r));
        hg_audit_entry e = { 0 };
        HG_TRY(take_entry(&e, r));
        r->log->entry[r->log->n++] = e;
    }
    return HG_OK;
}

hg_status hg_audit_read(hg_audit_log **out, const char *name, const void *bytes, size_t n, hg_err *err) {
    *out = NULL;
    if (n > HG_AUDIT_LOG_MOST)
        return hg_fail(err, HG_ELIMIT, "%s: a log of more than %d MiB", name, HG_AUDIT_LOG_MOST >> 20);
    hg_arena *arena = hg_arena_new();
    hg_audit_log *l = hg_alloc(arena, 1, sizeof *l);
    reader r = { .log = l, .n = n, .err = err };
    if (l) *l = (hg_audit_log) { .arena = arena, .name = hg_arena_strdup(arena, name) };
    char *text = hg_alloc(arena, n + 1, 1);
    r.text = text;
    r.cut = hg_alloc(arena, n + 1, 1);
    hg_status st =
        l && l->name && text && r.cut ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for an audit log of %zu bytes", n);
    if (st == HG_OK) {
        if (n) memcpy(text, bytes, n);
        if (n) memcpy(r.cut, bytes, n);
        st = read_log(&r);
    }
    if (st != HG_OK) {
        hg_arena_free(arena);
        return st;
    }
    *out = l;
    return HG_OK;
}

void hg_audit_log_free(hg_audit_log *l) {
    if (l) hg_arena_free(l->arena);
}

/* ---- verifying ------------------------------------------------------------------------------------------------------------- */

static hg_status cheat(const hg_audit_log *l, const hg_audit_entry *e, const char *what, hg_err *err) {
    return hg_advise(err,
                     hg_fail_at(err, HG_ECHEAT, l->name, e ? e->line : 0, 0, "entry %" PRIu64 " of server %u: %s",
                                e ? e->sequence : 0, l->party, what),
                     "keep both this log and the head you had: they are evidence");
}

static const char *project_of(const hg_audit_entry *e) {
    for (size_t i = 0; i < e->n_fields; i++)
        if (strcmp(e->key[i], "project") == 0) return e->value[i];
    return "";
}

/* The entry by itself. */
static hg_status verify_entry(const hg_audit_log *l, const hg_audit_entry *e, const char *project, hg_err *err) {
    unsigned char digest[HG_DIGEST];
    HG_TRY(hg_audit_hash(digest, l->party, l->key, e->head_text, e->head_n, err));
    if (memcmp(digest, e->hash, HG_DIGEST) != 0) return cheat(l, e, "its hash is wrong", err);
    if (!hg_signed_by(l->key, e->signature, "audit entry", e->hash, HG_DIGEST))
        return cheat(l, e, "its signature is wrong", err);
    if (e->hidden) {
        hg_audit_scope(digest, "");
        if (memcmp(digest, e->scope, HG_DIGEST) == 0)
            return cheat(l, e, "what concerns the server itself is hidden", err);
        hg_audit_scope(digest, project ? project : "");
        if (memcmp(digest, e->scope, HG_DIGEST) == 0) return cheat(l, e, "an entry of your own project is hidden", err);
        return HG_OK;
    }
    hg_digest(digest, "audit body", e->body_text, e->body_n);
    if (memcmp(digest, e->body, HG_DIGEST) != 0) return cheat(l, e, "its text was changed", err);
    hg_audit_scope(digest, project_of(e));
    if (memcmp(digest, e->scope, HG_DIGEST) != 0) return cheat(l, e, "its scope is not that of its project", err);
    return HG_OK;
}

/* Where the log begins: at its first entry, or not after what is known already. */
static hg_status verify_begin(const hg_audit_log *l, const hg_audit_head *earlier, hg_err *err) {
    static const unsigned char zero[HG_DIGEST];
    const hg_audit_entry *e = l->entry;
    if (!l->n) return cheat(l, NULL, "the log shows no entry", err);
    if (e->sequence == 0) return cheat(l, e, "entries count from 1", err);
    if (e->sequence == 1)
        return memcmp(e->previous, zero, HG_DIGEST) == 0 ? HG_OK
                                                         : cheat(l, e, "something came before the first entry", err);
    if (!earlier || e->sequence > earlier->sequence + 1) return cheat(l, e, "entries before it are missing", err);
    if (e->sequence == earlier->sequence + 1 && memcmp(e->previous, earlier->hash, HG_DIGEST) != 0)
        return cheat(l, e, "history before it was rewritten: it does not follow the head that you had", err);
    return HG_OK;
}

static hg_status verify_earlier(const hg_audit_log *l, const hg_audit_head *earlier, hg_err *err) {
    const uint64_t first = l->entry[0].sequence;
    if (l->entry[l->n - 1].sequence < earlier->sequence)
        return cheat(l, &l->entry[l->n - 1], "the log was longer when you last saw it", err);
    if (earlier->sequence < first) return HG_OK; /* verify_begin has compared */
    const hg_audit_entry *e = &l->entry[earlier->sequence - first];
    if (memcmp(e->hash, earlier->hash, HG_DIGEST) != 0)
        return cheat(l, e, "it is another one than when you last saw it: history was rewritten", err);
    return HG_OK;
}

hg_status hg_audit_verify(hg_audit_head *head, const hg_audit_log *l, const unsigned char key[HG_PUBLIC_KEY],
                          const char *project, const hg_audit_head *earlier, hg_err *err) {
    if (memcmp(key, l->key, HG_PUBLIC_KEY) != 0)
        return cheat(l, NULL, "the log is signed with another key than this server's", err);
    HG_TRY(verify_begin(l, earlier, err));
    for (size_t i = 0; i < l->n; i++) {
        const hg_audit_entry *e = &l->entry[i];
        if (i && e->sequence != e[-1].sequence + 1) return cheat(l, e, "entries before it are missing", err);
        if (i && memcmp(e->previous, e[-1].hash, HG_DIGEST) != 0)
            return cheat(l, e, "it does not follow the one before it", err);
        HG_TRY(verify_entry(l, e, project, err));
    }
    if (earlier && earlier->sequence) HG_TRY(verify_earlier(l, earlier, err));
    if (!head) return HG_OK;
    head->sequence = l->entry[l->n - 1].sequence;
    memcpy(head->hash, l->entry[l->n - 1].hash, HG_DIGEST);
    return HG_OK;
}
