/* party/sharefile_write.c -- the owner's side: rows of plain values become three encrypted files, a row at a time
 *
 * Each row has fresh random words for slots 0 and 1, slot 2 is what is missing. They come from the world's generator in large
 * pieces. All plain words are wiped when the writer is freed. */
#include "core/memory.h"
#include "files/output.h"
#include "party/sharefile_internal.h"
#include "secret/ring.h"
#include <stdio.h>
#include <string.h>

enum { RANDOM = 64 << 10 };

typedef struct {
    const char *path;
    hg_output *out;
    bool committed;
    crypto_hash_sha256_state body;
    crypto_secretstream_xchacha20poly1305_state stream;
    unsigned char bound[HG_DIGEST]; /* digest of the header: each frame belongs to it */
    unsigned char *chunk;           /* [HG_SHARE_CHUNK] rows not yet encrypted */
    size_t n;
} share_file;

struct hg_share_writer {
    hg_arena *mem;
    const hg_policy *p;
    const hg_world *world;
    hg_share_layout layout;
    unsigned char secret[HG_SECRET_KEY], salt[HG_SLOTS][HG_SHARE_SALT];
    hg_dataset d;
    share_file file[HG_SLOTS];
    crypto_hash_sha256_state slot_hash[HG_SLOTS], open_hash;
    uint64_t *slot[HG_SLOTS], *zero;        /* [layout.words] */
    unsigned char *random, *cipher, *words; /* [RANDOM], [HG_SHARE_CHUNK + extra], [8 * layout.words] */
    size_t random_left;
    hg_status failed; /* nothing can be written after a failure */
};

/* ---- frames ------------------------------------------------------------------------------------------------------------- */

static hg_status put(share_file *f, const void *bytes, size_t n, hg_err *err) {
    crypto_hash_sha256_update(&f->body, bytes, n);
    return hg_output_write(f->out, bytes, n, err);
}

static hg_status put_frame(hg_share_writer *w, share_file *f, const unsigned char *plain, size_t n, unsigned char tag,
                           hg_err *err) {
    const size_t sealed = n + HG_SHARE_FRAME_EXTRA;
    const unsigned char length[4] = { (unsigned char)sealed, (unsigned char)(sealed >> 8),
                                      (unsigned char)(sealed >> 16), (unsigned char)(sealed >> 24) };
    if (crypto_secretstream_xchacha20poly1305_push(&f->stream, w->cipher, NULL, plain, n, f->bound, sizeof f->bound,
                                                   tag) != 0)
        return hg_fail(err, HG_EIO, "%s: could not be encrypted", f->path);
    HG_TRY(put(f, length, sizeof length, err));
    return put(f, w->cipher, sealed, err);
}

static hg_status flush(hg_share_writer *w, share_file *f, hg_err *err) {
    const size_t n = f->n;
    f->n = 0;
    return n ? put_frame(w, f, f->chunk, n, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE, err) : HG_OK;
}

/* ---- beginning ---------------------------------------------------------------------------------------------------------- */

static void encode_header(hg_text *to, const hg_dataset *d, unsigned party, const unsigned char sealed[HG_SHARE_SEALED],
                          const unsigned char stream[HG_SHARE_STREAM]) {
    hg_text inner = hg_text_new(0);
    hg_put_name(&inner, d->project);
    hg_put_name(&inner, d->owner);
    hg_put_bytes(&inner, d->policy, HG_DIGEST);
    hg_put_u8(&inner, party);
    hg_put_u8(&inner, d->tier);
    hg_put_u8(&inner, d->kind);
    hg_put_u32(&inner, d->epoch);
    hg_put_i64(&inner, d->created);
    hg_put_u64(&inner, d->sequence);
    hg_put_bytes(&inner, sealed, HG_SHARE_SEALED);
    hg_put_bytes(&inner, stream, HG_SHARE_STREAM);
    hg_put_bytes(to, HG_SHARE_MAGIC, HG_SHARE_MAGIC_SIZE);
    hg_put_u32(to, (uint32_t)inner.len);
    hg_put_bytes(to, inner.s, inner.len);
    to->failed = to->failed || inner.failed;
    hg_text_free(&inner);
}

static hg_status begin_file(hg_share_writer *w, unsigned j, hg_err *err) {
    share_file *f = &w->file[j];
    unsigned char key[HG_SHARE_KEY], sealed[HG_SHARE_SEALED], stream[HG_SHARE_STREAM], salts[2 * HG_SHARE_SALT];
    hg_share_hash_begin(&f->body, "shares");
    HG_TRY(hg_output_new(&f->out, f->path, NULL, err));
    HG_TRY(hg_world_random(w->world, key, sizeof key, err));
    hg_text header = hg_text_new(HG_SHARE_HEADER_MOST);
    hg_status st = HG_OK;
    if (crypto_box_seal(sealed, key, sizeof key, hg_policy_server(w->p, j)->seal) != 0)
        st = hg_advise(
            err,
            hg_fail(err, HG_EREFUSED, "the sealing key of %s in the policy is no key", hg_policy_server(w->p, j)->name),
            "ask the server's operator for the right one");
    crypto_secretstream_xchacha20poly1305_init_push(&f->stream, stream, key);
    sodium_memzero(key, sizeof key);
    encode_header(&header, &w->d, j, sealed, stream);
    if (st == HG_OK && header.failed) st = hg_fail(err, HG_ENOMEM, "no memory for %s", f->path);
    if (st == HG_OK) st = put(f, header.s, header.len, err);
    hg_digest(f->bound, "share header", header.s, header.len);
    hg_text_free(&header);
    memcpy(salts, w->salt[j], HG_SHARE_SALT);
    memcpy(salts + HG_SHARE_SALT, w->salt[(j + 1) % HG_SLOTS], HG_SHARE_SALT);
    if (st == HG_OK) st = put_frame(w, f, salts, sizeof salts, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE, err);
    sodium_memzero(salts, sizeof salts);
    return st;
}

static hg_status allocate(hg_share_writer *w, const char *const path[HG_SLOTS], hg_err *err) {
    bool all = true;
    const size_t words = w->layout.words;
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        all = (w->file[j].path = hg_arena_strdup(w->mem, path[j])) != NULL && all;
        all = (w->file[j].chunk = hg_alloc(w->mem, HG_SHARE_CHUNK, 1)) != NULL && all;
        all = (w->slot[j] = hg_alloc(w->mem, words, sizeof(uint64_t))) != NULL && all;
    }
    w->zero = hg_alloc(w->mem, words, sizeof(uint64_t));
    w->random = hg_alloc(w->mem, RANDOM, 1);
    w->cipher = hg_alloc(w->mem, HG_SHARE_CHUNK + HG_SHARE_FRAME_EXTRA, 1);
    w->words = hg_alloc(w->mem, words, 8);
    return all && w->zero && w->random && w->cipher && w->words
               ? HG_OK
               : hg_fail(err, HG_ENOMEM, "no memory to write %s", path[0]);
}

static hg_status check_owner(const hg_policy *p, const hg_share_opts *o, hg_err *err) {
    const hg_member *m = hg_policy_member(p, o->owner);
    if (!m) return hg_fail(err, HG_EREFUSED, "\"%s\" is not among the members of %s", o->owner, p->project);
    if (hg_policy_member_of_key(p, o->secret + HG_SECRET_KEY - HG_PUBLIC_KEY) != m)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "the key is not the one that the policy has for %s", m->name),
                         "use the identity that the policy names, or have the owners sign a policy with the new key");
    HG_TRY(hg_shares_allowed(p, m, o->kind, err));
    if ((o->kind == HG_SHARES_MEASURED) != (o->for_job != NULL))
        return hg_fail(err, HG_EINVAL, "what was measured after an answer, and only that, names the job");
    return HG_OK;
}

static hg_status describe(hg_share_writer *w, const hg_share_opts *o, hg_err *err) {
    hg_dataset *d = &w->d;
    *d = (hg_dataset) { .tier = w->p->tier, .kind = o->kind, .epoch = o->epoch, .created = hg_world_now(o->world) };
    memcpy(d->project, w->p->project, sizeof d->project);
    memcpy(d->owner, hg_policy_member(w->p, o->owner)->name, sizeof d->owner);
    memcpy(d->policy, w->p->digest, HG_DIGEST);
    d->sequence = o->sequence ? o->sequence : (uint64_t)d->created;
    if (o->for_job) memcpy(d->for_job, o->for_job, HG_DIGEST);
    HG_TRY(hg_world_random(o->world, d->nonce, sizeof d->nonce, err));
    return hg_world_random(o->world, w->salt, sizeof w->salt, err);
}

hg_status hg_share_writer_new(hg_share_writer **out, const hg_policy *p, const hg_share_opts *o,
                              const char *const path[HG_SLOTS], hg_err *err) {
    hg_share_layout layout;
    *out = NULL;
    if (sodium_init() < 0) return hg_fail(err, HG_EIO, "the system gave no random bytes");
    HG_TRY(check_owner(p, o, err));
    HG_TRY(hg_share_layout_of(&layout, p, o->kind, err));
    hg_arena *mem = hg_arena_new();
    hg_share_writer *w = hg_alloc(mem, 1, sizeof *w);
    if (!w) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "no memory to write %s", path[0]);
    }
    w->mem = mem;
    w->p = p;
    w->world = o->world;
    w->layout = layout;
    memcpy(w->secret, o->secret, HG_SECRET_KEY);
    hg_status st = allocate(w, path, err);
    if (st == HG_OK) st = describe(w, o, err);
    for (unsigned j = 0; j < HG_SLOTS && st == HG_OK; j++) st = begin_file(w, j, err);
    if (st != HG_OK) {
        hg_share_writer_free(w);
        return st;
    }
    for (unsigned j = 0; j < HG_SLOTS; j++) hg_share_slot_begin(&w->slot_hash[j], j, w->salt[j]);
    hg_share_hash_begin(&w->open_hash, "open");
    *out = w;
    return HG_OK;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------- */

static hg_status random_words(hg_share_writer *w, uint64_t *to, size_t n, hg_err *err) {
    for (size_t i = 0; i < n; i++) {
        if (w->random_left < 8) {
            HG_TRY(hg_world_random(w->world, w->random, RANDOM, err));
            w->random_left = RANDOM;
        }
        w->random_left -= 8;
        memcpy(&to[i], w->random + w->random_left, 8);
        memset(w->random + w->random_left, 0, 8);
    }
    return HG_OK;
}

/* slot[0] + slot[1] + slot[2] = the row: modulo 2^192 the elements, by XOR the bits. */
static hg_status split(hg_share_writer *w, const uint64_t *elements, const uint64_t *bits, hg_err *err) {
    const size_t n = HG_RING_LIMBS * w->layout.n_elements, bit_words = w->layout.words - n;
    for (unsigned j = 0; j < 2; j++) {
        HG_TRY(random_words(w, w->slot[j], w->layout.words, err));
        if (w->layout.n_bits % 64) w->slot[j][w->layout.words - 1] &= ((uint64_t)1 << w->layout.n_bits % 64) - 1;
    }
    hg_ring_sub(w->slot[2], elements, w->slot[0], w->layout.n_elements, HG_RING_LIMBS);
    hg_ring_sub(w->slot[2], w->slot[2], w->slot[1], w->layout.n_elements, HG_RING_LIMBS);
    for (size_t i = 0; i < bit_words; i++) w->slot[2][n + i] = bits[i] ^ w->slot[0][n + i] ^ w->slot[1][n + i];
    return HG_OK;
}

static hg_status put_row(hg_share_writer *w, uint32_t index, hg_err *err) {
    const size_t slot_bytes = 8 * w->layout.words, row_bytes = hg_share_row_bytes(&w->layout);
    const unsigned char open[4] = { (unsigned char)index, (unsigned char)(index >> 8), (unsigned char)(index >> 16),
                                    (unsigned char)(index >> 24) };
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        share_file *f = &w->file[j];
        if (f->n + row_bytes > HG_SHARE_CHUNK) HG_TRY(flush(w, f, err));
        if (w->layout.has_index) memcpy(f->chunk + f->n, open, sizeof open);
        f->n += row_bytes;
    }
    for (unsigned s = 0; s < HG_SLOTS; s++) { /* slot s is the first of server s and the second of the one before */
        share_file *first = &w->file[s], *second = &w->file[(s + HG_SLOTS - 1) % HG_SLOTS];
        for (size_t i = 0; i < w->layout.words; i++) hg_share_word_bytes(w->words + 8 * i, w->slot[s][i]);
        crypto_hash_sha256_update(&w->slot_hash[s], w->words, slot_bytes);
        memcpy(first->chunk + first->n - 2 * slot_bytes, w->words, slot_bytes);
        memcpy(second->chunk + second->n - slot_bytes, w->words, slot_bytes);
    }
    if (w->layout.has_index) crypto_hash_sha256_update(&w->open_hash, open, sizeof open);
    w->d.rows++;
    return HG_OK;
}

static hg_status check_row(const hg_share_writer *w, uint32_t index, const uint64_t *bits, hg_err *err) {
    if (w->failed != HG_OK) return hg_fail(err, HG_EINVAL, "the share files were given up before");
    if (w->layout.has_index && index >= w->p->n_pool)
        return hg_fail(err, HG_EINVAL, "row %llu is at pool index %u of %zu", (unsigned long long)w->d.rows, index,
                       w->p->n_pool);
    if (w->layout.n_bits % 64 && bits[(w->layout.n_bits - 1) / 64] >> w->layout.n_bits % 64)
        return hg_fail(err, HG_EINVAL, "row %llu has bits past its end", (unsigned long long)w->d.rows);
    return HG_OK;
}

hg_status hg_share_writer_row(hg_share_writer *w, uint32_t index, const uint64_t *elements, const uint64_t *bits,
                              hg_err *err) {
    HG_TRY(check_row(w, index, bits, err));
    w->failed = split(w, elements, bits, err);
    if (w->failed == HG_OK) w->failed = put_row(w, index, err);
    return w->failed;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------ */

static hg_status pad(hg_share_writer *w, hg_err *err) {
    if (w->d.rows == 0) return hg_fail(err, HG_EDATA, "there is no row to share");
    if (w->p->tier == HG_TIER_PROPERTIES || w->d.kind != HG_SHARES_ROWS) return HG_OK;
    while (w->d.rows % w->p->padding) HG_TRY(hg_share_writer_row(w, 0, w->zero, w->zero, err));
    return HG_OK;
}

static hg_status end_frames(hg_share_writer *w, share_file *f, unsigned char digest[HG_DIGEST], hg_err *err) {
    unsigned char rows[8];
    hg_share_word_bytes(rows, w->d.rows);
    HG_TRY(flush(w, f, err));
    HG_TRY(put_frame(w, f, rows, sizeof rows, crypto_secretstream_xchacha20poly1305_TAG_FINAL, err));
    crypto_hash_sha256_final(&f->body, digest);
    return HG_OK;
}

static hg_status put_trailer(hg_share_writer *w, hg_err *err) {
    hg_text t = hg_text_new(HG_SHARE_STATEMENT_MOST), trailer = hg_text_new(0);
    unsigned char signature[HG_SIGNATURE];
    hg_status st = hg_dataset_encode(&t, &w->d, err);
    if (st == HG_OK) {
        hg_sign(signature, "dataset", t.s, t.len, w->secret);
        hg_put_u32(&trailer, (uint32_t)t.len);
        hg_put_bytes(&trailer, t.s, t.len);
        hg_put_bytes(&trailer, signature, HG_SIGNATURE);
        if (trailer.failed) st = hg_fail(err, HG_ENOMEM, "no memory to write %s", w->file[0].path);
    }
    for (unsigned j = 0; j < HG_SLOTS && st == HG_OK; j++)
        st = hg_output_write(w->file[j].out, trailer.s, trailer.len, err);
    hg_text_free(&t);
    hg_text_free(&trailer);
    return st;
}

static hg_status finish(hg_share_writer *w, hg_err *err) {
    HG_TRY(pad(w, err));
    for (unsigned j = 0; j < HG_SLOTS; j++) HG_TRY(end_frames(w, &w->file[j], w->d.body[j], err));
    for (unsigned j = 0; j < HG_SLOTS; j++) crypto_hash_sha256_final(&w->slot_hash[j], w->d.slot[j]);
    crypto_hash_sha256_final(&w->open_hash, w->d.open);
    HG_TRY(put_trailer(w, err));
    for (unsigned j = 0; j < HG_SLOTS; j++) HG_TRY(hg_output_settle(w->file[j].out, err));
    for (unsigned j = HG_SLOTS; j-- > 0;) { /* server 0's last: where it is, after a crash too, all three are */
        HG_TRY(hg_output_commit(w->file[j].out, err));
        w->file[j].committed = true;
    }
    return HG_OK;
}

hg_status hg_share_writer_commit(hg_share_writer *w, hg_dataset *statement, unsigned char id[HG_DIGEST], hg_err *err) {
    if (w->failed != HG_OK) return hg_fail(err, HG_EINVAL, "the share files were given up before");
    hg_status st = finish(w, err);
    w->failed = HG_EINVAL; /* once */
    if (st == HG_OK && id) st = hg_dataset_id(id, &w->d, err);
    if (st == HG_OK && statement) *statement = w->d;
    for (unsigned j = 0; j < HG_SLOTS && st != HG_OK; j++)
        if (w->file[j].committed) remove(w->file[j].path); /* all three or none */
    return st;
}

void hg_share_writer_free(hg_share_writer *w) {
    if (!w) return;
    const size_t words = 8 * w->layout.words;
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        hg_output_free(w->file[j].out);
        if (w->file[j].chunk) sodium_memzero(w->file[j].chunk, HG_SHARE_CHUNK);
        if (w->slot[j]) sodium_memzero(w->slot[j], words);
    }
    if (w->random) sodium_memzero(w->random, RANDOM);
    if (w->words) sodium_memzero(w->words, words);
    hg_arena *mem = w->mem;
    sodium_memzero(w, sizeof *w);
    hg_arena_free(mem);
}
