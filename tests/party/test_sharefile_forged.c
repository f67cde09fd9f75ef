/* tests/party/test_sharefile_forged.c -- a forger's workshop: the format by hand, from docs/secret-files.md, and every lie found */
#include "sharefile_kit.h"

typedef struct {
    uint32_t index; /* of the one row */
    bool other_words, other_open, other_body, other_sequence, other_rows, other_salt, no_rows, two_finals, other_signer;
    uint64_t past_end; /* of the bits, tier 2 */
} forgery;

static void digest_of(unsigned char out[HG_DIGEST], const char *what, const hg_text *t) {
    hg_digest(out, what, t->s, t->len);
}

static void put_frame(hg_text *to, crypto_secretstream_xchacha20poly1305_state *s, const unsigned char bound[HG_DIGEST],
                      const hg_text *plain, unsigned char tag) {
    unsigned char c[4096];
    unsigned long long n;
    assert_true(plain->len < 4000);
    crypto_secretstream_xchacha20poly1305_push(s, c, &n, (const unsigned char *)plain->s, plain->len, bound, HG_DIGEST,
                                               tag);
    hg_put_u32(to, (uint32_t)n);
    hg_put_bytes(to, c, (size_t)n);
}

/* A file for server 1 with one row: y = 0 on tier 1, y and entry 0 on tier 2, in slots 5, 7 and what is missing. */
static void forge(hg_text *file, const fixture *f, const forgery *g) {
    const bool tier1 = f->p->tier == HG_TIER_PROPERTIES;
    unsigned char key[32] = { 1 }, sealed[32 + crypto_box_SEALBYTES], stream[24], bound[HG_DIGEST], salt[3][32];
    unsigned char signature[HG_SIGNATURE];
    crypto_secretstream_xchacha20poly1305_state s;
    hg_dataset d = {
        .tier = f->p->tier, .epoch = 4, .created = TEST_NOW, .sequence = 9, .rows = g->other_rows ? 8 : 1
    };
    hg_text inner = hg_text_new(0), frame = hg_text_new(0), slots[3], open = hg_text_new(0), statement = hg_text_new(0);
    uint64_t words[3][4] = { { 5, 0, 0, 9 }, { 7, 0, 0, 3 }, { 0 } };
    hg_ring_add(words[2], words[0], words[1], 1, 3);
    hg_ring_negate(words[2], words[2], 1, 3);
    words[2][3] = 9 ^ 3 ^ 1;
    words[1][3] |= g->past_end;
    const size_t n_words = tier1 ? 3 : 4;
    strcpy(d.project, "magnets");
    strcpy(d.owner, "a");
    memcpy(d.policy, f->p->digest, HG_DIGEST);
    crypto_box_seal(sealed, key, sizeof key, f->server[1].seal);
    crypto_secretstream_xchacha20poly1305_init_push(&s, stream, key);
    hg_put_name(&inner, "magnets");
    hg_put_name(&inner, "a");
    hg_put_bytes(&inner, f->p->digest, HG_DIGEST);
    hg_put_u8(&inner, 1);
    hg_put_u8(&inner, f->p->tier);
    hg_put_u8(&inner, 0);
    hg_put_u32(&inner, 4);
    hg_put_i64(&inner, TEST_NOW);
    hg_put_u64(&inner, g->other_sequence ? 10 : 9);
    hg_put_bytes(&inner, sealed, sizeof sealed);
    hg_put_bytes(&inner, stream, sizeof stream);
    hg_put_bytes(file, "HGSHARE1", 8);
    hg_put_u32(file, (uint32_t)inner.len);
    hg_put_bytes(file, inner.s, inner.len);
    digest_of(bound, "share header", file);
    for (unsigned j = 0; j < 3; j++) {
        memset(salt[j], (int)j + 40, 32);
        slots[j] = hg_text_new(0);
        hg_put_u8(&slots[j], j);
        hg_put_bytes(&slots[j], salt[j], 32);
        hg_put_words(&slots[j], words[j], n_words);
        digest_of(d.slot[j], "slot", &slots[j]);
    }
    if (g->other_words) words[2][0] ^= 1; /* sealed is not what was committed to */
    if (g->other_salt) salt[1][0] ^= 1;
    hg_put_bytes(&frame, salt[1], 32);
    hg_put_bytes(&frame, salt[2], 32);
    put_frame(file, &s, bound, &frame, 0);
    hg_text_free(&frame);
    if (tier1) hg_put_u32(&frame, g->index);
    hg_put_words(&frame, words[1], n_words);
    hg_put_words(&frame, words[2], n_words);
    if (!g->no_rows) put_frame(file, &s, bound, &frame, 0);
    hg_text_free(&frame);
    hg_put_u64(&frame, 1);
    put_frame(file, &s, bound, &frame, 3);
    if (g->two_finals) put_frame(file, &s, bound, &frame, 3);
    digest_of(d.body[1], "shares", file);
    if (g->other_body) d.body[1][0] ^= 1;
    if (tier1) hg_put_u32(&open, g->index);
    digest_of(d.open, "open", &open);
    if (g->other_open) d.open[0] ^= 1;
    assert_ok(hg_dataset_encode(&statement, &d, NULL));
    hg_sign(signature, "dataset", statement.s, statement.len, g->other_signer ? f->server[0].secret : f->owner.secret);
    hg_put_u32(file, (uint32_t)statement.len);
    hg_put_bytes(file, statement.s, statement.len);
    hg_put_bytes(file, signature, sizeof signature);
    for (unsigned j = 0; j < 3; j++) hg_text_free(&slots[j]);
    hg_text_free(&inner);
    hg_text_free(&frame);
    hg_text_free(&open);
    hg_text_free(&statement);
}

/* The file made by hand is taken, so the page has the format right; and each single lie of an owner is found, though every byte is
 * properly sealed and signed. */
static void a_dishonest_owner_is_found_out(void **state) {
    (void)state;
    static const struct {
        const char *tier;
        forgery g;
        hg_status st;
        const char *says;
    } CASES[] = {
        { "properties", { .index = 35 }, HG_OK, NULL },
        { "indices", { .index = 0 }, HG_OK, NULL },
        { "properties", { .index = 36 }, HG_EDATA, "row 1 is at pool index 36, the pool has 36" },
        { "properties", { .other_words = true }, HG_ECHEAT, "the shares are not those that their owner committed to" },
        { "properties", { .other_salt = true }, HG_ECHEAT, "the shares are not those that their owner committed to" },
        { "properties", { .other_open = true }, HG_ECHEAT, "the pool indices are not those" },
        { "properties", { .other_body = true }, HG_ECHEAT, "not the one that was signed" },
        { "properties", { .other_sequence = true }, HG_ECHEAT, "header and its signed statement differ" },
        { "properties", { .other_rows = true }, HG_ECHEAT, "header and its signed statement differ" },
        { "properties", { .no_rows = true }, HG_ECHEAT, "rows of the share file are missing" },
        { "properties", { .two_finals = true }, HG_EPARSE, "goes on behind its end" },
        { "properties", { .other_signer = true }, HG_EREFUSED, "not signed by a" },
        { "indices", { .past_end = (uint64_t)1 << 36 }, HG_EDATA, "row 1 has bits past its end" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        fixture f;
        view *v = malloc(sizeof *v);
        hg_text file = hg_text_new(0);
        hg_err err = { 0 };
        begin(&f, CASES[i].tier, "limits: {padding: 1}\n");
        forge(&file, &f, &CASES[i].g);
        const hg_status st = read_bytes(v, &f, 1, (const unsigned char *)file.s, file.len, &err);
        if (st != CASES[i].st) print_error("%zu: %s %s\n", i, hg_status_name(st), err.msg);
        assert_int_equal(st, CASES[i].st);
        if (CASES[i].says) assert_contains(err.msg, CASES[i].says);
        hg_text_free(&file);
        free(v);
        end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_dishonest_owner_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
