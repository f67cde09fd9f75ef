/* party/sharefile_read.c -- a server's side: bytes that an unknown sender calls a share file, a frame at a time
 *
 * Until the last frame and the trailer have been read and found right everything is a claim; what stands in a frame is already
 * authenticated by whoever knew the server's public key, which is anybody. */
#include "core/memory.h"
#include "party/sharefile_internal.h"
#include <string.h>

struct hg_share_reader {
    hg_arena *mem;
    const char *name;
    hg_source source;
    hg_share_header header;
    unsigned char sealed[HG_SHARE_SEALED], stream_header[HG_SHARE_STREAM], bound[HG_DIGEST];
    crypto_hash_sha256_state body, slot_hash[2], open_hash;
    crypto_secretstream_xchacha20poly1305_state stream;
    const hg_policy *p; /* NULL before begin */
    hg_share_layout layout;
    unsigned char *cipher, *plain; /* [HG_SHARE_CHUNK + extra], [HG_SHARE_CHUNK] */
    size_t plain_n, plain_at;
    uint64_t *words[2]; /* [layout.words] of the current row */
    uint64_t rows;
    bool complete;
    hg_status failed;
    hg_dataset d;
    unsigned char id[HG_DIGEST];
};

static hg_status cut_short(const hg_share_reader *r, hg_err *err) {
    return hg_advise(err, hg_fail(err, HG_EPARSE, "%s: the share file is cut short", r->name), "send it again");
}

static hg_status malformed(const hg_share_reader *r, const char *what, hg_err *err) {
    return hg_fail(err, HG_EPARSE, "%s: %s", r->name, what);
}

static hg_status changed(const hg_share_reader *r, const char *what, hg_err *err) {
    return hg_advise(err, hg_fail(err, HG_ECHEAT, "%s: %s", r->name, what), "nothing of the file was kept");
}

static hg_status take(hg_share_reader *r, void *buf, size_t n, hg_err *err) {
    size_t got;
    HG_TRY(r->source.read(r->source.self, &got, buf, n, err));
    return got == n ? HG_OK : cut_short(r, err);
}

static uint32_t u32_of(const unsigned char b[4]) {
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* ---- header ------------------------------------------------------------------------------------------------------------- */

static hg_status decode_header(hg_share_reader *r, const unsigned char *bytes, size_t n, hg_err *err) {
    hg_share_header *h = &r->header;
    hg_taker t = hg_taker_of(bytes, n);
    hg_take_name(&t, h->project, sizeof h->project);
    hg_take_name(&t, h->owner, sizeof h->owner);
    hg_take_bytes(&t, h->policy, HG_DIGEST);
    h->party = hg_take_u8(&t);
    h->tier = (hg_tier)hg_take_u8(&t);
    h->kind = (hg_shares_kind)hg_take_u8(&t);
    h->epoch = hg_take_u32(&t);
    h->created = hg_take_i64(&t);
    h->sequence = hg_take_u64(&t);
    hg_take_bytes(&t, r->sealed, sizeof r->sealed);
    hg_take_bytes(&t, r->stream_header, sizeof r->stream_header);
    if (!hg_take_end(&t) || h->party >= HG_SLOTS || h->tier < HG_TIER_PROPERTIES || h->tier > HG_TIER_COMPOSITIONS ||
        (size_t)h->kind >= HG_SHARES_KINDS)
        return malformed(r, "the header of the share file is damaged", err);
    return HG_OK;
}

static hg_status read_header(hg_share_reader *r, hg_err *err) {
    unsigned char b[HG_SHARE_MAGIC_SIZE + 4 + HG_SHARE_HEADER_MOST];
    const size_t begin = HG_SHARE_MAGIC_SIZE + 4;
    HG_TRY(take(r, b, begin, err));
    if (memcmp(b, HG_SHARE_MAGIC, HG_SHARE_MAGIC_SIZE) != 0)
        return hg_advise(err, malformed(r, "this is not a share file of this version", err),
                         "hagane party share makes share files");
    const uint32_t n = u32_of(b + HG_SHARE_MAGIC_SIZE);
    if (n > HG_SHARE_HEADER_MOST) return malformed(r, "the header of the share file is damaged", err);
    HG_TRY(take(r, b + begin, n, err));
    hg_share_hash_begin(&r->body, "shares");
    crypto_hash_sha256_update(&r->body, b, begin + n);
    hg_digest(r->bound, "share header", b, begin + n);
    return decode_header(r, b + begin, n, err);
}

hg_status hg_share_reader_new(hg_share_reader **out, hg_share_header *header, const char *name, const hg_source *source,
                              hg_err *err) {
    *out = NULL;
    hg_arena *mem = hg_arena_new();
    hg_share_reader *r = hg_alloc(mem, 1, sizeof *r);
    if (!r) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "no memory to read %s", name);
    }
    r->mem = mem;
    r->source = *source;
    r->name = hg_arena_strdup(mem, name);
    const hg_status st = r->name ? read_header(r, err) : hg_fail(err, HG_ENOMEM, "no memory to read %s", name);
    if (st != HG_OK) {
        hg_share_reader_free(r);
        return st;
    }
    *header = r->header;
    *out = r;
    return HG_OK;
}

/* ---- frames ------------------------------------------------------------------------------------------------------------- */

static hg_status read_frame(hg_share_reader *r, unsigned char *tag, hg_err *err) {
    unsigned char length[4];
    unsigned long long plain;
    HG_TRY(take(r, length, sizeof length, err));
    const uint32_t n = u32_of(length);
    if (n < HG_SHARE_FRAME_EXTRA || n > HG_SHARE_CHUNK + HG_SHARE_FRAME_EXTRA)
        return malformed(r, "a frame of the share file has an impossible length", err);
    HG_TRY(take(r, r->cipher, n, err));
    crypto_hash_sha256_update(&r->body, length, sizeof length);
    crypto_hash_sha256_update(&r->body, r->cipher, n);
    if (crypto_secretstream_xchacha20poly1305_pull(&r->stream, r->plain, &plain, tag, r->cipher, n, r->bound,
                                                   sizeof r->bound) != 0)
        return changed(r, "the share file was changed after it was made", err);
    r->plain_n = (size_t)plain;
    r->plain_at = 0;
    return HG_OK;
}

static hg_status open_key(hg_share_reader *r, const unsigned char seal_secret[32], hg_err *err) {
    unsigned char key[HG_SHARE_KEY], seal[HG_PUBLIC_KEY];
    const bool mine = crypto_scalarmult_base(seal, seal_secret) == 0 &&
                      crypto_box_seal_open(key, r->sealed, sizeof r->sealed, seal, seal_secret) == 0 &&
                      crypto_secretstream_xchacha20poly1305_init_pull(&r->stream, r->stream_header, key) == 0;
    sodium_memzero(key, sizeof key);
    if (mine) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: the share file was not sealed to this server's key", r->name),
                     "has the key changed since the policy was signed?");
}

static hg_status begin_hashes(hg_share_reader *r, hg_err *err) {
    unsigned char tag;
    HG_TRY(read_frame(r, &tag, err));
    if (r->plain_n != 2 * HG_SHARE_SALT || tag != crypto_secretstream_xchacha20poly1305_TAG_MESSAGE)
        return malformed(r, "the first frame of the share file is damaged", err);
    for (unsigned k = 0; k < 2; k++)
        hg_share_slot_begin(&r->slot_hash[k], (r->header.party + k) % HG_SLOTS, r->plain + k * HG_SHARE_SALT);
    hg_share_hash_begin(&r->open_hash, "open");
    r->plain_n = 0;
    return HG_OK;
}

static hg_status check_header(const hg_share_reader *r, const hg_policy *p, unsigned party, hg_err *err) {
    const hg_share_header *h = &r->header;
    if (strcmp(h->project, p->project) != 0)
        return hg_fail(err, HG_EREFUSED, "%s: shares of project \"%s\", expected \"%s\"", r->name, h->project,
                       p->project);
    if (memcmp(h->policy, p->digest, HG_DIGEST) != 0 || h->tier != p->tier)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: shared under another policy of %s", r->name, p->project),
                         "get the policy in force and share again");
    if (h->party != party)
        return hg_fail(err, HG_EREFUSED, "%s: a file for %s, this is %s", r->name, hg_policy_server(p, h->party)->name,
                       hg_policy_server(p, party)->name);
    const hg_member *m = hg_policy_member(p, h->owner);
    if (!m)
        return hg_fail(err, HG_EREFUSED, "%s: \"%s\" is not among the members of %s", r->name, h->owner, p->project);
    return hg_shares_allowed(p, m, h->kind, err);
}

hg_status hg_share_reader_begin(hg_share_reader *r, hg_share_layout *layout, const hg_policy *p, unsigned party,
                                const unsigned char seal_secret[32], hg_err *err) {
    r->failed = HG_EINVAL; /* until all of this is done */
    HG_TRY(check_header(r, p, party, err));
    HG_TRY(hg_share_layout_of(&r->layout, p, r->header.kind, err));
    r->cipher = hg_alloc(r->mem, HG_SHARE_CHUNK + HG_SHARE_FRAME_EXTRA, 1);
    r->plain = hg_alloc(r->mem, HG_SHARE_CHUNK, 1);
    for (unsigned k = 0; k < 2; k++) r->words[k] = hg_alloc(r->mem, r->layout.words, sizeof(uint64_t));
    if (!r->cipher || !r->plain || !r->words[0] || !r->words[1])
        return hg_fail(err, HG_ENOMEM, "no memory to read %s", r->name);
    HG_TRY(open_key(r, seal_secret, err));
    HG_TRY(begin_hashes(r, err));
    r->p = p;
    r->failed = HG_OK;
    *layout = r->layout;
    return HG_OK;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------ */

/* What the owner signed is what was read. */
static hg_status check_statement(hg_share_reader *r, const unsigned char body[HG_DIGEST], hg_err *err) {
    const hg_share_header *h = &r->header;
    const hg_dataset *d = &r->d;
    unsigned char digest[HG_DIGEST];
    if (strcmp(d->owner, h->owner) != 0 || d->kind != h->kind || d->epoch != h->epoch || d->created != h->created ||
        d->sequence != h->sequence || d->rows != r->rows)
        return changed(r, "the share file's header and its signed statement differ", err);
    if (memcmp(d->body[h->party], body, HG_DIGEST) != 0)
        return changed(r, "the share file is not the one that was signed", err);
    for (unsigned k = 0; k < 2; k++) {
        crypto_hash_sha256_final(&r->slot_hash[k], digest);
        if (sodium_memcmp(digest, d->slot[(h->party + k) % HG_SLOTS], HG_DIGEST) != 0)
            return changed(r, "the shares are not those that their owner committed to", err);
    }
    crypto_hash_sha256_final(&r->open_hash, digest);
    if (memcmp(digest, d->open, HG_DIGEST) != 0)
        return changed(r, "the pool indices are not those that their owner committed to", err);
    return HG_OK;
}

static hg_status end_file(hg_share_reader *r, hg_err *err) {
    unsigned char body[HG_DIGEST], length[4], statement[HG_SHARE_STATEMENT_MOST + HG_SIGNATURE];
    hg_taker t = hg_taker_of(r->plain, r->plain_n);
    if (hg_take_u64(&t) != r->rows || !hg_take_end(&t)) return changed(r, "rows of the share file are missing", err);
    crypto_hash_sha256_final(&r->body, body);
    HG_TRY(take(r, length, sizeof length, err));
    const uint32_t n = u32_of(length);
    if (n > HG_SHARE_STATEMENT_MOST) return malformed(r, "the trailer of the share file is damaged", err);
    HG_TRY(take(r, statement, n + HG_SIGNATURE, err));
    size_t more;
    HG_TRY(r->source.read(r->source.self, &more, length, 1, err));
    if (more) return malformed(r, "the share file goes on behind its end", err);
    HG_TRY(hg_dataset_read(&r->d, r->p, statement, n + HG_SIGNATURE, err));
    hg_digest(r->id, "dataset", statement, n);
    return check_statement(r, body, err);
}

/* ---- rows --------------------------------------------------------------------------------------------------------------- */

static hg_status next_rows(hg_share_reader *r, hg_err *err) {
    unsigned char tag;
    HG_TRY(read_frame(r, &tag, err));
    if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) {
        HG_TRY(end_file(r, err));
        r->complete = true;
        return HG_OK;
    }
    if (tag != crypto_secretstream_xchacha20poly1305_TAG_MESSAGE || r->plain_n == 0 ||
        r->plain_n % hg_share_row_bytes(&r->layout))
        return malformed(r, "a frame of the share file does not hold whole rows", err);
    return HG_OK;
}

static hg_status take_row(hg_share_reader *r, hg_share_row *row, hg_err *err) {
    const size_t slot_bytes = 8 * r->layout.words, elements = HG_RING_LIMBS * r->layout.n_elements;
    const unsigned char *at = r->plain + r->plain_at;
    r->plain_at += hg_share_row_bytes(&r->layout);
    *row = (hg_share_row) { .index = 0 };
    if (r->layout.has_index) {
        row->index = u32_of(at);
        crypto_hash_sha256_update(&r->open_hash, at, 4);
        at += 4;
        if (row->index >= r->p->n_pool)
            return hg_fail(err, HG_EDATA, "%s: row %llu is at pool index %u, the pool has %zu", r->name,
                           (unsigned long long)r->rows + 1, row->index, r->p->n_pool);
    }
    for (unsigned k = 0; k < 2; k++, at += slot_bytes) {
        hg_taker t = hg_taker_of(at, slot_bytes);
        crypto_hash_sha256_update(&r->slot_hash[k], at, slot_bytes);
        hg_take_words(&t, r->words[k], r->layout.words);
        row->element[k] = r->words[k];
        row->bits[k] = r->words[k] + elements;
        if (r->layout.n_bits % 64 && r->words[k][r->layout.words - 1] >> r->layout.n_bits % 64)
            return hg_fail(err, HG_EDATA, "%s: row %llu has bits past its end", r->name,
                           (unsigned long long)r->rows + 1);
    }
    r->rows++;
    return HG_OK;
}

static hg_status next(bool *more, hg_share_row *row, hg_share_reader *r, uint64_t most_rows, hg_err *err) {
    if (!r->complete && r->plain_at == r->plain_n) HG_TRY(next_rows(r, err));
    if (r->complete) return HG_OK;
    if (r->rows == most_rows)
        return hg_fail(err, HG_ELIMIT, "%s: more than %llu rows", r->name, (unsigned long long)most_rows);
    HG_TRY(take_row(r, row, err));
    *more = true;
    return HG_OK;
}

hg_status hg_share_reader_next(bool *more, hg_share_row *row, hg_share_reader *r, uint64_t most_rows, hg_err *err) {
    *more = false;
    if (r->failed != HG_OK || !r->p) return hg_fail(err, HG_EINVAL, "%s: reading was given up before", r->name);
    r->failed = next(more, row, r, most_rows, err);
    return r->failed;
}

const hg_dataset *hg_share_reader_dataset(const hg_share_reader *r) { return r->complete ? &r->d : NULL; }
const unsigned char *hg_share_reader_id(const hg_share_reader *r) { return r->complete ? r->id : NULL; }

void hg_share_reader_free(hg_share_reader *r) {
    if (!r) return;
    if (r->plain) sodium_memzero(r->plain, HG_SHARE_CHUNK);
    for (unsigned k = 0; k < 2; k++)
        if (r->words[k]) sodium_memzero(r->words[k], 8 * r->layout.words);
    hg_arena *mem = r->mem;
    sodium_memzero(r, sizeof *r);
    hg_arena_free(mem);
}
