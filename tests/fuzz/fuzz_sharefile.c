/* tests/fuzz/fuzz_sharefile.c -- any bytes as a share file
 *
 * An even first byte: the rest is the file. An odd one: the rest is what stands inside the encryption, so that a sender who knows the
 * server's public key, which everybody does, is played too: pieces of (length u16, tag, bytes), a last one of length 0xffff, and what
 * follows is the statement, signed by its owner. */
#include "party/sharefile.h"
#include "party_policy.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const unsigned char *at;
    size_t left;
} bytes;

static hg_status take(void *self, size_t *got, void *buf, size_t size, hg_err *err) {
    bytes *b = self;
    (void)err;
    if (size > 70000) abort(); /* no length of the file is believed */
    *got = size < b->left ? size : b->left;
    if (*got) memcpy(buf, b->at, *got);
    b->at += *got;
    b->left -= *got;
    return HG_OK;
}

static void read_all(const hg_policy *p, unsigned party, const unsigned char *at, size_t n) {
    unsigned char secret[HG_SECRET_KEY], seal_secret[32], key[32], seal[32];
    bytes b = { at, n };
    const hg_source source = { take, &b };
    hg_share_reader *r;
    hg_share_header h;
    hg_share_layout l;
    hg_share_row row;
    hg_err err = { 0 };
    bool more = true;
    uint64_t sum = 0;
    fuzz_keys(secret, seal_secret, key, seal, party);
    hg_status st = hg_share_reader_new(&r, &h, "fuzz", &source, &err);
    if ((st == HG_OK) != (r != NULL)) abort();
    if (r) st = hg_share_reader_begin(r, &l, p, party, seal_secret, &err);
    while (st == HG_OK && more) {
        st = hg_share_reader_next(&more, &row, r, 100, &err);
        if (st == HG_OK && more)
            for (size_t i = 0; i < l.words; i++) sum += row.element[0][i] ^ row.element[1][i];
    }
    if (st != HG_OK && !err.msg[0]) abort();
    if (r && (st == HG_OK) != (hg_share_reader_dataset(r) != NULL)) abort();
    if (st != HG_OK && r && hg_share_reader_next(&more, &row, r, 100, NULL) == HG_OK)
        abort(); /* refused once, refused for ever */
    hg_share_reader_free(r);
    static volatile uint64_t sink;
    sink = sum;
    (void)sink;
}

static void put_frame(hg_text *to, crypto_secretstream_xchacha20poly1305_state *s, const unsigned char *bound,
                      const uint8_t *plain, size_t n, unsigned char tag) {
    unsigned char *c = malloc(n + crypto_secretstream_xchacha20poly1305_ABYTES);
    if (!c) abort();
    crypto_secretstream_xchacha20poly1305_push(s, c, NULL, plain, n, bound, HG_DIGEST, tag);
    hg_put_u32(to, (uint32_t)(n + crypto_secretstream_xchacha20poly1305_ABYTES));
    hg_put_bytes(to, c, n + crypto_secretstream_xchacha20poly1305_ABYTES);
    free(c);
}

/* A file of owner "a" for server `party` around the given inside. */
static void seal_around(hg_text *to, const hg_policy *p, unsigned party, hg_shares_kind kind, const uint8_t *data,
                        size_t n) {
    unsigned char key[32] = { 7 }, sealed[32 + crypto_box_SEALBYTES], stream[24], bound[HG_DIGEST];
    unsigned char secret[HG_SECRET_KEY], seal_secret[32], public[32], seal[32], signature[HG_SIGNATURE];
    crypto_secretstream_xchacha20poly1305_state s;
    hg_text h = hg_text_new(0);
    crypto_box_seal(sealed, key, sizeof key, hg_policy_server(p, party)->seal);
    crypto_secretstream_xchacha20poly1305_init_push(&s, stream, key);
    hg_put_name(&h, "p");
    hg_put_name(&h, "a");
    hg_put_bytes(&h, p->digest, HG_DIGEST);
    hg_put_u8(&h, party);
    hg_put_u8(&h, p->tier);
    hg_put_u8(&h, kind);
    hg_put_u32(&h, 0);
    hg_put_i64(&h, 0);
    hg_put_u64(&h, 0);
    hg_put_bytes(&h, sealed, sizeof sealed);
    hg_put_bytes(&h, stream, sizeof stream);
    hg_put_bytes(to, "HGSHARE1", 8);
    hg_put_u32(to, (uint32_t)h.len);
    hg_put_bytes(to, h.s, h.len);
    hg_text_free(&h);
    hg_digest(bound, "share header", to->s, to->len);
    while (n >= 3) {
        const size_t wanted = data[0] | (size_t)data[1] << 8;
        const unsigned char tag = data[2];
        data += 3, n -= 3;
        if (wanted == 0xffff) break;
        const size_t len = wanted < n ? wanted : n;
        put_frame(to, &s, bound, data, len, tag);
        data += len, n -= len;
    }
    fuzz_keys(secret, seal_secret, public, seal, FUZZ_OWNER);
    hg_sign(signature, "dataset", data, n, secret);
    hg_put_u32(to, (uint32_t)n);
    hg_put_bytes(to, data, n);
    hg_put_bytes(to, signature, sizeof signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const hg_policy *policy[3];
    if (size == 0) return 0;
    if (!policy[0]) {
        policy[0] = fuzz_policy("properties");
        policy[1] = fuzz_policy("indices");
        policy[2] = fuzz_policy("compositions");
    }
    const hg_policy *p = policy[data[0] / 2 % 3];
    const unsigned party = data[0] / 6 % 3;
    if (data[0] % 2 == 0) {
        read_all(p, party, data + 1, size - 1);
        return 0;
    }
    hg_text file = hg_text_new(0);
    seal_around(&file, p, party, (hg_shares_kind)(data[0] / 18 % HG_SHARES_KINDS), data + 1, size - 1);
    read_all(p, party, (const unsigned char *)file.s, file.len);
    hg_text_free(&file);
    return 0;
}
