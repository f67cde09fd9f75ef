/* party/record.c -- see party/record.h */
#include "party/record.h"
#include "core/memory.h"
#include "files/output.h"
#include "party/client.h"
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MOST = 1200, STEP = 1 << 12, ANSWERS_MOST = 64 << 20 };

typedef struct {
    uint64_t place, whole; /* of the place; of place and value */
} mark;

typedef struct {
    mark m;
    uint64_t sequence;
} known_row;

struct hg_record {
    unsigned char key[crypto_shorthash_KEYBYTES];
    hg_output *file;
    known_row *known; /* by place, then whole */
    size_t n, cap, changed;
};

static hg_status no_memory(hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory for the record of what was shared");
}

static hg_status rows_path(char path[PATH_MOST], const char *folder, const char *project, uint64_t sequence,
                           hg_err *err) {
    const int n = snprintf(path, PATH_MOST, "%s/%s-%llu.rows", folder, project, (unsigned long long)sequence);
    return n > 0 && n < PATH_MOST ? HG_OK : hg_fail(err, HG_EIO, "the folder's name is too long: %s", folder);
}

/* ---- rows of earlier data sets -------------------------------------------------------------------------------------------- */

static hg_status add_known(hg_record *r, const unsigned char bytes[sizeof(mark)], uint64_t sequence, hg_err *err) {
    if (r->n == r->cap) {
        known_row *more = hg_realloc(r->known, r->cap ? 2 * r->cap : STEP, sizeof *more);
        if (!more) return no_memory(err);
        r->cap = r->cap ? 2 * r->cap : STEP;
        r->known = more;
    }
    hg_taker t = hg_taker_of(bytes, sizeof(mark));
    known_row *k = &r->known[r->n++];
    k->m.place = hg_take_u64(&t);
    k->m.whole = hg_take_u64(&t);
    k->sequence = sequence;
    return HG_OK;
}

/* A file that is not there was made on another machine, or by an older program. */
static hg_status load(hg_record *r, const char *folder, const char *project, uint64_t sequence, hg_err *err) {
    char path[PATH_MOST];
    unsigned char bytes[sizeof(mark)];
    HG_TRY(rows_path(path, folder, project, sequence, err));
    FILE *f = fopen(path, "rb");
    if (!f) return HG_OK;
    hg_status st = HG_OK;
    while (st == HG_OK && fread(bytes, sizeof bytes, 1, f) == 1) st = add_known(r, bytes, sequence, err);
    if (st == HG_OK && ferror(f)) st = hg_fail(err, HG_EIO, "%s cannot be read", path);
    fclose(f);
    return st;
}

static int by_mark(const void *a, const void *b) {
    const known_row *x = a, *y = b;
    if (x->m.place != y->m.place) return x->m.place < y->m.place ? -1 : 1;
    return (x->m.whole > y->m.whole) - (x->m.whole < y->m.whole);
}

static hg_status open_record(hg_record *r, const char *folder, const char *project, uint64_t sequence,
                             const uint64_t *earlier, size_t n, hg_err *err) {
    char path[PATH_MOST];
    for (size_t i = 0; i < n; i++) HG_TRY(load(r, folder, project, earlier[i], err));
    if (r->n) qsort(r->known, r->n, sizeof *r->known, by_mark);
    HG_TRY(rows_path(path, folder, project, sequence, err));
    return hg_output_new_private(&r->file, path, err);
}

hg_status hg_record_new(hg_record **out, const char *folder, const char *project, uint64_t sequence,
                        const uint64_t *earlier, size_t n, const unsigned char secret[HG_SECRET_KEY], hg_err *err) {
    unsigned char digest[HG_DIGEST];
    *out = NULL;
    hg_record *r = hg_calloc(1, sizeof *r);
    if (!r) return no_memory(err);
    hg_digest(digest, "the key of a record of rows", secret, HG_SECRET_KEY);
    memcpy(r->key, digest, sizeof r->key);
    sodium_memzero(digest, sizeof digest);
    const hg_status st = open_record(r, folder, project, sequence, earlier, n, err);
    if (st == HG_OK)
        *out = r;
    else
        hg_record_free(r);
    return st;
}

void hg_record_free(hg_record *r) {
    if (!r) return;
    hg_output_free(r->file);
    hg_free(r->known);
    sodium_memzero(r, sizeof *r);
    hg_free(r);
}

/* ---- a row ---------------------------------------------------------------------------------------------------------------------- */

static hg_status mark_of(mark *m, const hg_record *r, const hg_split_row *row, hg_err *err) {
    hg_text t = hg_text_new(0);
    unsigned char hash[crypto_shorthash_BYTES];
    hg_put_u32(&t, row->index);
    hg_put_words(&t, row->place, row->n_place);
    crypto_shorthash(hash, (const unsigned char *)t.s, t.len, r->key);
    hg_taker k = hg_taker_of(hash, sizeof hash);
    m->place = hg_take_u64(&k);
    hg_put_words(&t, row->value, row->n_value);
    crypto_shorthash(hash, (const unsigned char *)t.s, t.len, r->key);
    k = hg_taker_of(hash, sizeof hash);
    m->whole = hg_take_u64(&k);
    const bool failed = t.failed;
    if (t.len) sodium_memzero(t.s, t.len);
    hg_text_free(&t);
    return failed ? no_memory(err) : HG_OK;
}

/* First known row that is not before (place, whole). */
static size_t lower_bound(const hg_record *r, mark m) {
    const known_row key = { .m = m };
    size_t low = 0, high = r->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (by_mark(&r->known[mid], &key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

hg_status hg_record_row(uint64_t *seen, hg_record *r, const hg_split_row *row, hg_err *err) {
    mark m;
    *seen = 0;
    HG_TRY(mark_of(&m, r, row, err));
    const size_t at = lower_bound(r, m), place = lower_bound(r, (mark) { .place = m.place });
    if (at < r->n && r->known[at].m.place == m.place && r->known[at].m.whole == m.whole)
        *seen = r->known[at].sequence;
    else
        r->changed += place < r->n && r->known[place].m.place == m.place;
    hg_text t = hg_text_new(0);
    hg_put_u64(&t, m.place);
    hg_put_u64(&t, m.whole);
    const hg_status st = t.failed ? no_memory(err) : hg_output_write(r->file, t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

size_t hg_record_changed(const hg_record *r) { return r->changed; }

hg_status hg_record_keep(hg_record *r, hg_err *err) { return hg_output_commit(r->file, err); }

void hg_record_forget(const char *folder, const char *project, uint64_t sequence) {
    char path[PATH_MOST];
    if (rows_path(path, folder, project, sequence, NULL) == HG_OK) unlink(path);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------------- */

static hg_status answers_path(char path[PATH_MOST], const char *folder, const char *project, hg_err *err) {
    const int n = snprintf(path, PATH_MOST, "%s/%s.answers", folder, project);
    return n > 0 && n < PATH_MOST ? HG_OK : hg_fail(err, HG_EIO, "the folder's name is too long: %s", folder);
}

hg_status hg_record_answer(const char *folder, const char *project, const unsigned char job[HG_DIGEST],
                           const size_t *row, size_t n, hg_err *err) {
    char path[PATH_MOST], hex[2 * HG_DIGEST + 1];
    hg_text line = hg_text_new(0);
    HG_TRY(answers_path(path, folder, project, err));
    hg_hex_write(hex, job, HG_DIGEST);
    hg_text_add(&line, "%s", hex);
    for (size_t i = 0; i < n; i++) hg_text_add(&line, " %zu", row[i]);
    hg_text_add(&line, "\n");
    /* one write of one line at the end: two questions at once do not mix */
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const bool written = !line.failed && fd >= 0 && write(fd, line.s, line.len) == (ssize_t)line.len;
    if (fd >= 0) close(fd);
    hg_text_free(&line);
    return written ? HG_OK : hg_fail(err, HG_EIO, "%s cannot be written", path);
}

static hg_status refuse_row(const char *line, size_t len, const char *hex, size_t row, hg_err *err) {
    return hg_advise(err,
                     hg_fail(err, HG_EINVAL, "row %zu was not proposed by job %.16s: it proposed%.*s", row, hex,
                             len < 200 ? (int)len : 200, line),
                     "a row that was measured for another reason is shared as a table");
}

/* line: " 17 5", the rows of one answer. */
static bool has_row(const char *line, size_t len, size_t row) {
    char *end;
    for (const char *at = line; at < line + len && *at == ' '; at = end)
        if (strtoull(at, &end, 10) == row) return true;
    return false;
}

hg_status hg_record_proposed(bool *known, const char *folder, const char *project, const unsigned char job[HG_DIGEST],
                             const size_t *row, size_t n, hg_err *err) {
    enum { HEX = 2 * HG_DIGEST };
    char path[PATH_MOST], hex[HEX + 1];
    *known = false;
    HG_TRY(answers_path(path, folder, project, err));
    if (access(path, F_OK) != 0) return HG_OK;
    hg_hex_write(hex, job, HG_DIGEST);
    hg_text t = hg_text_new(ANSWERS_MOST);
    hg_status st = hg_party_read_file(&t, path, err);
    const char *line = st == HG_OK ? strstr(t.s, hex) : NULL;
    *known = line != NULL;
    for (size_t i = 0; line && st == HG_OK && i < n; i++) {
        const size_t len = strcspn(line + HEX, "\n");
        if (!has_row(line + HEX, len, row[i])) st = refuse_row(line + HEX, len, hex, row[i], err);
    }
    hg_text_free(&t);
    return st;
}
