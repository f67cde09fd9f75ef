/* party/audit.c -- see party/audit.h: writing the log, and giving it out */
#include "party/audit.h"
#include "core/number.h"
#include "core/utf8.h"
#include "party/audit_table.h"
#include "party/store_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEAD = 512, BODY = 8 << 10 };

/* ---- notes ------------------------------------------------------------------------------------------------------------------ */

/* A value that does not fit, or one field too many, is marked by an empty value: hg_audit_add refuses it. Sentences are cut. */
static void note(hg_audit_note *n, const char *key, const char *value) {
    const hg_audit_field *f = hg_audit_field_of(key, strlen(key));
    if (n->n == HG_AUDIT_FIELDS) {
        n->value[0][0] = '\0';
        return;
    }
    char *to = n->value[n->n];
    n->key[n->n++] = key;
    size_t len = strlen(value);
    if (len >= HG_AUDIT_VALUE) len = f && f->type == HG_FIELD_TEXT ? hg_utf8_valid(value, HG_AUDIT_VALUE - 1) : 0;
    memcpy(to, value, len);
    to[len] = '\0';
    if (f && f->type == HG_FIELD_TEXT) hg_utf8_clean(to);
}

void hg_note_text(hg_audit_note *n, const char *key, const char *text) { note(n, key, text); }

void hg_note_digest(hg_audit_note *n, const char *key, const unsigned char digest[HG_DIGEST]) {
    char hex[2 * HG_DIGEST + 1];
    hg_hex_write(hex, digest, HG_DIGEST);
    note(n, key, hex);
}

void hg_note_count(hg_audit_note *n, const char *key, uint64_t count) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, count);
    note(n, key, text);
}

void hg_note_number(hg_audit_note *n, const char *key, double x) {
    char text[HG_NUMBER_SIZE];
    hg_number_write(text, x);
    note(n, key, text);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------- */

static hg_status make_body(char body[BODY], const char **project, hg_audit_kind kind, const hg_audit_note *n,
                           hg_err *err) {
    int at = snprintf(body, BODY, "kind %s\n", hg_audit_row(kind)->name);
    *project = "";
    for (size_t i = 0; i < n->n; i++) {
        const hg_audit_field *f = hg_audit_field_of(n->key[i], strlen(n->key[i]));
        if (!f || !hg_audit_value_good(f, n->value[i], strlen(n->value[i])))
            return hg_fail(err, HG_EINVAL, "the audit log takes no field \"%s\" with such a value", n->key[i]);
        if (strcmp(f->key, "project") == 0) *project = n->value[i];
        at += snprintf(body + at, (size_t)(BODY - at), "%s %s\n", f->key, n->value[i]);
    }
    return HG_OK;
}

hg_status hg_audit_hash(unsigned char hash[HG_DIGEST], unsigned party, const unsigned char key[HG_PUBLIC_KEY],
                        const char *head, size_t n, hg_err *err) {
    char hex[2 * HG_PUBLIC_KEY + 1];
    hg_text t = hg_text_new(HEAD + 256);
    hg_hex_write(hex, key, HG_PUBLIC_KEY);
    hg_text_add(&t, "party %u\nkey %s\n", party, hex);
    hg_text_put(&t, head, n);
    const bool good = !t.failed;
    hg_digest(hash, "audit entry", t.s, t.len);
    hg_text_free(&t);
    return good ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for an entry of the audit log");
}

static void make_head(char head[HEAD], uint64_t sequence, const unsigned char *previous, int64_t time,
                      const char *project, const char *body) {
    unsigned char digest[HG_DIGEST];
    char before[2 * HG_DIGEST + 1], scope[2 * HG_DIGEST + 1], what[2 * HG_DIGEST + 1];
    hg_hex_write(before, previous, HG_DIGEST);
    hg_audit_scope(digest, project);
    hg_hex_write(scope, digest, HG_DIGEST);
    hg_digest(digest, "audit body", body, strlen(body));
    hg_hex_write(what, digest, HG_DIGEST);
    snprintf(head, HEAD, "sequence %" PRIu64 "\nprevious %s\ntime %" PRId64 "\nscope %s\nbody %s\n", sequence, before,
             time, scope, what);
}

static hg_status last(hg_audit_head *out, hg_store *s, hg_err *err) {
    hg_query q;
    bool row;
    *out = (hg_audit_head) { 0 };
    HG_TRY(hg_query_begin(&q, s->db, "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1", NULL, 0, err));
    hg_status st = hg_query_next(&row, &q, err);
    if (st == HG_OK && row) {
        out->sequence = hg_query_int(&q, 0);
        st = hg_query_bytes(out->hash, HG_DIGEST, &q, 1, err);
    }
    hg_query_end(&q);
    return st;
}

hg_status hg_audit_add(hg_store *s, hg_audit_kind kind, const hg_audit_note *n, hg_err *err) {
    char body[BODY], head[HEAD];
    unsigned char hash[HG_DIGEST], signature[HG_SIGNATURE];
    const char *project;
    hg_audit_head before;
    HG_TRY(make_body(body, &project, kind, n, err));
    HG_TRY(last(&before, s, err));
    make_head(head, before.sequence + 1, before.hash, hg_store_now(s), project, body);
    HG_TRY(hg_audit_hash(hash, s->party, s->secret + HG_SECRET_KEY - HG_PUBLIC_KEY, head, strlen(head), err));
    hg_sign(signature, "audit entry", hash, sizeof hash, s->secret);
    return hg_database_run(
        s->db, "INSERT INTO audit(sequence, project, head, body, hash, signature) VALUES (?, ?, ?, ?, ?, ?)",
        HG_VALUES(hg_value_int(before.sequence + 1), hg_value_text(project), hg_value_text(head), hg_value_text(body),
                  hg_value_blob(hash, sizeof hash), hg_value_blob(signature, sizeof signature)),
        err);
}

hg_status hg_audit_append(hg_store *s, hg_audit_kind kind, const hg_audit_note *n, hg_err *err) {
    if ((unsigned)kind >= HG_AUDIT_KINDS) return hg_fail(err, HG_EINVAL, "there is no kind %d of entries", (int)kind);
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = hg_audit_add(s, kind, n, err);
    return hg_store_end(s, st, err);
}

hg_status hg_audit_head_get(hg_audit_head *out, hg_store *s, hg_err *err) {
    hg_store_enter(s);
    return hg_store_leave(s, last(out, s, err));
}

/* ---- giving out -------------------------------------------------------------------------------------------------------------- */

static hg_status put_entry(hg_text *to, const hg_query *q, const char *project, hg_err *err) {
    char head[HEAD], body[BODY], of[HG_NAME_SIZE], hash[2 * HG_DIGEST + 1], by[2 * HG_SIGNATURE + 1];
    unsigned char bytes[HG_SIGNATURE];
    HG_TRY(hg_query_text(of, sizeof of, q, 0, err));
    HG_TRY(hg_query_text(head, sizeof head, q, 1, err));
    HG_TRY(hg_query_text(body, sizeof body, q, 2, err));
    HG_TRY(hg_query_bytes(bytes, HG_DIGEST, q, 3, err));
    hg_hex_write(hash, bytes, HG_DIGEST);
    HG_TRY(hg_query_bytes(bytes, HG_SIGNATURE, q, 4, err));
    hg_hex_write(by, bytes, HG_SIGNATURE);
    const bool shown = !project || !*of || strcmp(of, project) == 0;
    hg_text_add(to, "%s%shash %s\nsignature %s\n\n", head, shown ? body : "", hash, by);
    return HG_OK;
}

static hg_status put_entries(hg_text *to, hg_store *s, uint64_t first, const char *project, size_t most, hg_err *err) {
    hg_query q;
    const size_t begin = to->len; /* at least one, however little is wanted */
    HG_TRY(hg_query_begin(
        &q, s->db, "SELECT project, head, body, hash, signature FROM audit WHERE sequence >= ? ORDER BY sequence",
        HG_VALUES(hg_value_int(first)), err));
    hg_status st = HG_OK;
    for (bool row = true; st == HG_OK && row && to->len - begin < most;) {
        st = hg_query_next(&row, &q, err);
        if (st == HG_OK && row) st = put_entry(to, &q, project, err);
    }
    hg_query_end(&q);
    return st;
}

hg_status hg_audit_export_piece(hg_text *text, hg_store *s, uint64_t first, const char *project, size_t most,
                                hg_err *err) {
    char hex[2 * HG_PUBLIC_KEY + 1];
    hg_hex_write(hex, s->secret + HG_SECRET_KEY - HG_PUBLIC_KEY, HG_PUBLIC_KEY);
    hg_text_add(text, "hagane audit log 1\nparty %u\nkey %s\n\n", s->party, hex);
    hg_store_enter(s);
    hg_status st = hg_audit_rest(s, false, err);
    if (st == HG_OK) st = put_entries(text, s, first > INT64_MAX ? INT64_MAX : first, project, most, err);
    hg_store_leave(s, st);
    return st == HG_OK && text->failed ? hg_fail(err, HG_ENOMEM, "no memory for the audit log") : st;
}

hg_status hg_audit_export(hg_text *text, hg_store *s, uint64_t first, const char *project, hg_err *err) {
    return hg_audit_export_piece(text, s, first, project, SIZE_MAX, err);
}
