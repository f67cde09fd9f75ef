/* party/store_rows.c -- chunks of rows: encrypted, written in order, read at any place; see party/store.h
 *
 * A key is drawn for each writing of a set in an epoch and used for its chunks 0, 1, 2 ... and its seal alone, each under the
 * nonce of its number, so that no nonce comes twice under a key. The plain bytes of a chunk live in one buffer; a million
 * rows need no more memory than a chunk.
 */
#include "core/memory.h"
#include "party/store_internal.h"
#include <endian.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { ABOUT = HG_UID + 64, SEAL = HG_DIGEST + 16 + 2 * HG_DIGEST };
static const uint64_t SEAL_NUMBER = UINT64_MAX; /* the nonce of the seal: no chunk has this number */

size_t hg_chunk_bytes(const hg_stored *d, size_t rows) { return rows * (d->public_size + 16 * hg_stored_words(d)); }

size_t hg_chunk_rows(const hg_stored *d) {
    const size_t fit = HG_CHUNK_BYTES / hg_chunk_bytes(d, 1);
    return fit < 1 ? 1 : fit < HG_CHUNK_ROWS ? fit : HG_CHUNK_ROWS;
}

/* Rows that a buffer must hold: a small set needs no room for a whole chunk. rows 0: not known yet. */
static size_t buffer_rows(const hg_stored *d) {
    const size_t most = hg_chunk_rows(d);
    return d->rows && d->rows < most ? (size_t)d->rows : most;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------------ */

void hg_set_key_name(char name[HG_SECRET_NAME], const unsigned char uid[HG_UID], uint64_t epoch) {
    char hex[2 * HG_UID + 1];
    hg_hex_write(hex, uid, HG_UID);
    snprintf(name, HG_SECRET_NAME, "set/%s/%llu", hex, (unsigned long long)epoch);
}

hg_status hg_set_key_new(unsigned char key[HG_AEAD_KEY], hg_store *s, const unsigned char uid[HG_UID], uint64_t epoch,
                         bool replace, hg_err *err) {
    char name[HG_SECRET_NAME];
    hg_set_key_name(name, uid, epoch);
    HG_TRY(hg_world_random(&s->world, key, HG_AEAD_KEY, err));
    return hg_vault_put(s->vault, name, key, HG_AEAD_KEY, replace, err);
}

hg_status hg_set_key(unsigned char key[HG_AEAD_KEY], hg_store *s, const unsigned char uid[HG_UID], uint64_t epoch,
                     hg_err *err) {
    char name[HG_SECRET_NAME];
    hg_set_key_name(name, uid, epoch);
    return hg_vault_get(key, HG_AEAD_KEY, s->vault, name, err);
}

/* What a chunk is: authenticated with it. */
static size_t about(unsigned char out[ABOUT], const hg_store *s, const hg_row *r, uint64_t epoch, uint64_t number,
                    uint64_t rows) {
    const hg_stored *d = &r->set;
    const uint64_t field[] = { s->party, epoch, number, rows, d->limbs, d->elements, d->bits, d->public_size };
    memcpy(out, r->uid, HG_UID);
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        const uint64_t le = htole64(field[i]);
        memcpy(out + HG_UID + 8 * i, &le, 8);
    }
    return HG_UID + sizeof field;
}

static void nonce_of(unsigned char nonce[HG_AEAD_NONCE], uint64_t number) {
    const uint64_t le = htole64(number);
    memcpy(nonce, "rows", 4);
    memcpy(nonce + 4, &le, 8);
}

static void words_out(unsigned char *bytes, const uint64_t *w, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const uint64_t le = htole64(w[i]);
        memcpy(bytes + 8 * i, &le, 8);
    }
}

static void words_in(uint64_t *w, const unsigned char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint64_t le;
        memcpy(&le, bytes + 8 * i, 8);
        w[i] = le64toh(le);
    }
}

/* ---- writing --------------------------------------------------------------------------------------------------------------- */

struct hg_chunk_writer {
    hg_store *s;
    hg_row row;
    uint64_t epoch, number, rows; /* of whole chunks written; rows added */
    unsigned char key[HG_AEAD_KEY];
    size_t most, words, have;      /* rows of a chunk; words of a row; rows in the buffer */
    unsigned char *open, *slot[2]; /* [most] rows of public bytes, of words: parts of one buffer */
    unsigned char *plain, *sealed; /* [bytes], [bytes + HG_AEAD_TAG] */
    size_t bytes;
    crypto_hash_sha256_state digest[2];
    bool broken; /* something was not written: what follows would be a set with a hole */
};

hg_status hg_chunk_writer_new(hg_chunk_writer **out, hg_store *s, const hg_row *row, uint64_t epoch,
                              const unsigned char key[HG_AEAD_KEY], hg_err *err) {
    *out = NULL;
    hg_chunk_writer *w = hg_calloc(1, sizeof *w);
    if (!w) return hg_fail(err, HG_ENOMEM, "no memory to write a data set");
    *w = (hg_chunk_writer) {
        .s = s, .row = *row, .epoch = epoch, .most = buffer_rows(&row->set), .words = hg_stored_words(&row->set)
    };
    memcpy(w->key, key, HG_AEAD_KEY);
    w->bytes = hg_chunk_bytes(&row->set, w->most);
    w->plain = hg_malloc(2, w->bytes); /* rows as they come, then side by side */
    w->sealed = hg_malloc(w->bytes + HG_AEAD_TAG, 1);
    if (!w->plain || !w->sealed) {
        hg_chunk_writer_free(w);
        return hg_fail(err, HG_ENOMEM, "no memory for a chunk of a data set");
    }
    w->open = w->plain + w->bytes;
    w->slot[0] = w->open + w->most * row->set.public_size;
    w->slot[1] = w->slot[0] + w->most * 8 * w->words;
    for (int k = 0; k < 2; k++) crypto_hash_sha256_init(&w->digest[k]);
    *out = w;
    return HG_OK;
}

void hg_chunk_writer_free(hg_chunk_writer *w) {
    if (!w) return;
    if (w->plain) OPENSSL_cleanse(w->plain, 2 * w->bytes);
    hg_free(w->plain);
    hg_free(w->sealed);
    OPENSSL_cleanse(w, sizeof *w);
    hg_free(w);
}

uint64_t hg_chunk_writer_rows(const hg_chunk_writer *w) { return w->rows; }

/* The buffer as chunk `number`. In a transaction. */
static hg_status write_chunk(hg_chunk_writer *w, hg_err *err) {
    unsigned char what[ABOUT], nonce[HG_AEAD_NONCE];
    const size_t open = w->have * w->row.set.public_size, slot = w->have * 8 * w->words, n = open + 2 * slot;
    if (open) memcpy(w->plain, w->open, open);
    for (int k = 0; k < 2; k++) {
        memcpy(w->plain + open + (size_t)k * slot, w->slot[k], slot);
        crypto_hash_sha256_update(&w->digest[k], w->slot[k], slot);
    }
    nonce_of(nonce, w->number);
    const size_t what_n = about(what, w->s, &w->row, w->epoch, w->number, w->have);
    HG_TRY(hg_aead_seal(w->sealed, w->key, nonce, what, what_n, w->plain, n, err));
    HG_TRY(hg_database_run(w->s->db, "INSERT INTO chunk(uid, epoch, number, rows, sealed) VALUES (?, ?, ?, ?, ?)",
                           HG_VALUES(hg_value_blob(w->row.uid, HG_UID), hg_value_int(w->epoch), hg_value_int(w->number),
                                     hg_value_int(w->have), hg_value_blob(w->sealed, n + HG_AEAD_TAG)),
                           err));
    w->number++;
    w->have = 0;
    return HG_OK;
}

static hg_status flush(hg_chunk_writer *w, hg_err *err) {
    w->broken = true;
    HG_TRY(hg_database_begin(w->s->db, err));
    HG_TRY(hg_database_end(w->s->db, write_chunk(w, err), err));
    w->broken = false;
    return HG_OK;
}

static hg_status usable(const hg_chunk_writer *w, hg_err *err) {
    return w->broken ? hg_fail(err, HG_EINVAL, "a data set whose writing failed cannot be continued") : HG_OK;
}

/* A full buffer waits until a row more comes, so that the last chunk is written with the seal. */
hg_status hg_chunk_writer_add(hg_chunk_writer *w, const uint64_t *const slot[2], const void *public_bytes, size_t rows,
                              hg_err *err) {
    const size_t open = w->row.set.public_size;
    const uint64_t limit = w->row.set.rows ? w->row.set.rows : HG_ROWS_MOST;
    HG_TRY(usable(w, err));
    if (rows > limit - w->rows)
        return hg_fail(err, HG_ELIMIT, "this data set has at most %llu rows", (unsigned long long)limit);
    for (size_t done = 0; done < rows;) {
        if (w->have == w->most) HG_TRY(flush(w, err));
        const size_t n = rows - done < w->most - w->have ? rows - done : w->most - w->have;
        if (open) memcpy(w->open + w->have * open, (const unsigned char *)public_bytes + done * open, n * open);
        for (int k = 0; k < 2; k++)
            words_out(w->slot[k] + w->have * 8 * w->words, slot[k] + done * w->words, n * w->words);
        w->have += n;
        w->rows += n;
        done += n;
    }
    return HG_OK;
}

static hg_status put_seal(hg_chunk_writer *w, const unsigned char *id, hg_err *err) {
    unsigned char plain[SEAL], sealed[SEAL + HG_AEAD_TAG], what[ABOUT], nonce[HG_AEAD_NONCE];
    const uint64_t head[2] = { w->epoch, w->rows };
    memcpy(plain, id, HG_DIGEST);
    words_out(plain + HG_DIGEST, head, 2);
    for (int k = 0; k < 2; k++) crypto_hash_sha256_final(&w->digest[k], plain + HG_DIGEST + 16 + k * HG_DIGEST);
    nonce_of(nonce, SEAL_NUMBER);
    const hg_status st = hg_aead_seal(sealed, w->key, nonce, what, about(what, w->s, &w->row, w->epoch, SEAL_NUMBER, 0),
                                      plain, SEAL, err);
    OPENSSL_cleanse(plain, sizeof plain);
    HG_TRY(st);
    return hg_database_run(
        w->s->db, "INSERT INTO seal(uid, epoch, sealed) VALUES (?, ?, ?)",
        HG_VALUES(hg_value_blob(w->row.uid, HG_UID), hg_value_int(w->epoch), hg_value_blob(sealed, sizeof sealed)),
        err);
}

hg_status hg_chunk_writer_seal(hg_chunk_writer *w, const unsigned char id[HG_DIGEST], hg_err *err) {
    HG_TRY(usable(w, err));
    w->broken = true; /* once, whatever comes of it */
    if (w->have) HG_TRY(write_chunk(w, err));
    return put_seal(w, id, err);
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

hg_status hg_set_sealed(bool *yes, hg_store *s, const unsigned char uid[HG_UID], uint64_t epoch, hg_err *err) {
    uint64_t one;
    return hg_database_int(&one, yes, s->db, "SELECT 1 FROM seal WHERE uid = ? AND epoch = ?",
                           HG_VALUES(hg_value_blob(uid, HG_UID), hg_value_int(epoch)), err);
}

static hg_status damaged(const hg_row *r, const char *what, hg_err *err) {
    char hex[2 * HG_DIGEST + 1];
    hg_hex_write(hex, r->set.id, HG_DIGEST);
    return hg_advise(err, hg_fail(err, HG_EDATA, "data set %.12s is damaged on this server's disk: %s", hex, what),
                     "this server can be rebuilt from the other two");
}

static hg_status open_seal(hg_seal *out, hg_store *s, const hg_row *r, uint64_t epoch, const unsigned char *key,
                           hg_query *q, hg_err *err) {
    unsigned char sealed[SEAL + HG_AEAD_TAG], plain[SEAL], what[ABOUT], nonce[HG_AEAD_NONCE];
    uint64_t head[2];
    bool row;
    HG_TRY(hg_query_next(&row, q, err));
    if (!row) return hg_fail(err, HG_ENOTFOUND, "the data set is not whole in epoch %llu", (unsigned long long)epoch);
    HG_TRY(hg_query_bytes(sealed, sizeof sealed, q, 0, err));
    nonce_of(nonce, SEAL_NUMBER);
    if (hg_aead_open(plain, key, nonce, what, about(what, s, r, epoch, SEAL_NUMBER, 0), sealed, sizeof sealed, NULL) !=
        HG_OK)
        return damaged(r, "its seal does not fit its key", err);
    words_in(head, plain + HG_DIGEST, 2);
    out->rows = head[1];
    for (int k = 0; k < 2; k++) memcpy(out->digest[k], plain + HG_DIGEST + 16 + k * HG_DIGEST, HG_DIGEST);
    const bool ours = memcmp(plain, r->set.id, HG_DIGEST) == 0 && head[0] == epoch && head[1] == r->set.rows;
    OPENSSL_cleanse(plain, sizeof plain);
    return ours ? HG_OK : damaged(r, "its seal is another set's", err);
}

static hg_status seal_with_key(hg_seal *out, hg_store *s, const hg_row *r, uint64_t epoch, const unsigned char *key,
                               hg_err *err) {
    hg_query q;
    HG_TRY(hg_query_begin(&q, s->db, "SELECT sealed FROM seal WHERE uid = ? AND epoch = ?",
                          HG_VALUES(hg_value_blob(r->uid, HG_UID), hg_value_int(epoch)), err));
    const hg_status st = open_seal(out, s, r, epoch, key, &q, err);
    hg_query_end(&q);
    return st;
}

hg_status hg_set_seal(hg_seal *out, hg_store *s, const hg_row *r, uint64_t epoch, hg_err *err) {
    unsigned char key[HG_AEAD_KEY];
    HG_TRY(hg_set_key(key, s, r->uid, epoch, err));
    const hg_status st = seal_with_key(out, s, r, epoch, key, err);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

void hg_set_digest(unsigned char out[HG_DIGEST], const hg_store *s, const hg_stored *d, uint64_t epoch, unsigned k,
                   const hg_seal *seal) {
    unsigned char bytes[2 * HG_DIGEST + 16];
    const uint64_t head[2] = { epoch, (s->party + k) % HG_SLOTS };
    memcpy(bytes, d->id, HG_DIGEST);
    words_out(bytes + HG_DIGEST, head, 2);
    memcpy(bytes + HG_DIGEST + 16, seal->digest[k], HG_DIGEST);
    hg_digest(out, "stored slot", bytes, sizeof bytes);
}

typedef struct { /* one reading: where it is, and the buffers */
    hg_store *s;
    const hg_row *r;
    uint64_t epoch;
    unsigned char key[HG_AEAD_KEY], *plain;
    size_t bytes;
} reader;

static hg_status open_chunk(const reader *d, hg_query *q, uint64_t number, uint64_t rows, hg_err *err) {
    unsigned char what[ABOUT], nonce[HG_AEAD_NONCE];
    size_t n;
    bool row;
    HG_TRY(hg_query_next(&row, q, err));
    if (!row) return damaged(d->r, "rows are missing", err);
    const unsigned char *sealed = hg_query_blob(&n, q, 0);
    if (n != hg_chunk_bytes(&d->r->set, rows) + HG_AEAD_TAG) return damaged(d->r, "a chunk has the wrong size", err);
    nonce_of(nonce, number);
    if (hg_aead_open(d->plain, d->key, nonce, what, about(what, d->s, d->r, d->epoch, number, rows), sealed, n, NULL) !=
        HG_OK)
        return damaged(d->r, "a chunk was changed", err);
    return HG_OK;
}

static hg_status read_chunk(const reader *d, uint64_t number, uint64_t rows, hg_err *err) {
    hg_query q;
    HG_TRY(hg_query_begin(&q, d->s->db, "SELECT sealed FROM chunk WHERE uid = ? AND epoch = ? AND number = ?",
                          HG_VALUES(hg_value_blob(d->r->uid, HG_UID), hg_value_int(d->epoch), hg_value_int(number)),
                          err));
    const hg_status st = open_chunk(d, &q, number, rows, err);
    hg_query_end(&q);
    return st;
}

static hg_status read_rows(uint64_t *const slot[2], unsigned char *open, const reader *d, uint64_t first, size_t n,
                           hg_err *err) {
    const hg_stored *set = &d->r->set;
    const size_t most = hg_chunk_rows(set), words = hg_stored_words(set), size = set->public_size;
    for (size_t done = 0; done < n;) {
        const uint64_t number = (first + done) / most, left = set->rows - number * most;
        const size_t rows = left < most ? (size_t)left : most, from = (size_t)(first + done - number * most);
        const size_t part = rows - from < n - done ? rows - from : n - done;
        HG_TRY(read_chunk(d, number, rows, err));
        if (open && size) memcpy(open + done * size, d->plain + from * size, part * size);
        for (size_t k = 0; k < 2; k++)
            if (slot[k])
                words_in(slot[k] + done * words, d->plain + rows * size + (k * rows + from) * 8 * words, part * words);
        done += part;
    }
    return HG_OK;
}

static hg_status read_checked(uint64_t *const slot[2], unsigned char *open, reader *d, uint64_t first, size_t n,
                              hg_err *err) {
    hg_seal seal;
    HG_TRY(hg_set_key(d->key, d->s, d->r->uid, d->epoch, err));
    HG_TRY(seal_with_key(&seal, d->s, d->r, d->epoch, d->key, err));
    const hg_status st = read_rows(slot, open, d, first, n, err);
    if (st == HG_OK) return st;
    for (size_t k = 0; k < 2; k++)
        if (slot[k]) memset(slot[k], 0, n * hg_stored_words(&d->r->set) * 8);
    return st;
}

hg_status hg_set_read(uint64_t *const slot[2], void *public_bytes, hg_store *s, const hg_row *r, uint64_t epoch,
                      uint64_t first, size_t n, hg_err *err) {
    reader d = { .s = s, .r = r, .epoch = epoch, .bytes = hg_chunk_bytes(&r->set, buffer_rows(&r->set)) };
    if (first > r->set.rows || n > r->set.rows - first)
        return hg_fail(err, HG_EINVAL, "rows %llu to %llu of %llu", (unsigned long long)first,
                       (unsigned long long)(first + n), (unsigned long long)r->set.rows);
    d.plain = hg_malloc(d.bytes, 1);
    if (!d.plain) return hg_fail(err, HG_ENOMEM, "no memory for %zu bytes of a data set", d.bytes);
    const hg_status st = read_checked(slot, public_bytes, &d, first, n, err);
    OPENSSL_cleanse(d.plain, d.bytes);
    hg_free(d.plain);
    OPENSSL_cleanse(&d, sizeof d);
    return st;
}

/* ---- for the server ----------------------------------------------------------------------------------------------------- */

static hg_status find_in_epoch(hg_row *r, hg_store *s, const unsigned char *id, uint64_t epoch, hg_err *err) {
    HG_TRY(hg_store_find(r, s, id, err));
    if (r->set.state == HG_DATASET_WITHDRAWN || r->set.state == HG_DATASET_UPLOADING)
        return hg_fail(err, HG_EREFUSED, "a data set of %s is %s", r->set.owner, hg_dataset_state_name(r->set.state));
    if (r->set.epoch != epoch)
        return hg_fail(err, HG_EREFUSED,
                       "a data set of %s is in epoch %llu, not in %llu: its shares were refreshed meanwhile",
                       r->set.owner, (unsigned long long)r->set.epoch, (unsigned long long)epoch);
    return HG_OK;
}

hg_status hg_store_read(uint64_t *const slot[2], void *public_bytes, hg_store *s, const unsigned char id[HG_DIGEST],
                        uint64_t epoch, uint64_t first, size_t n, hg_err *err) {
    hg_row r;
    hg_store_enter(s);
    hg_status st = find_in_epoch(&r, s, id, epoch, err);
    if (st == HG_OK) st = hg_set_read(slot, public_bytes, s, &r, epoch, first, n, err);
    return hg_store_leave(s, st);
}

hg_status hg_store_digest(unsigned char digest[2][HG_DIGEST], hg_store *s, const unsigned char id[HG_DIGEST],
                          uint64_t epoch, hg_err *err) {
    hg_row r;
    hg_seal seal;
    hg_store_enter(s);
    hg_status st = find_in_epoch(&r, s, id, epoch, err);
    if (st == HG_OK) st = hg_set_seal(&seal, s, &r, epoch, err);
    for (unsigned k = 0; st == HG_OK && k < 2; k++) hg_set_digest(digest[k], s, &r.set, epoch, k, &seal);
    return hg_store_leave(s, st);
}
