/* tests/party/sharefile_kit.h -- a policy with its members' keys, three share files of known rows, and what a server gets out of one */
#ifndef SHAREFILE_KIT_H
#define SHAREFILE_KIT_H
#include "party.h"
#include "party/sharefile.h"
#include "secret/ring.h"
#include "test.h"
#include "world.h"
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 200 }; /* rows kept by these tests */

typedef struct {
    hg_policy *p;
    fake_world world;
    test_keys owner, server[HG_SLOTS];
    char path[HG_SLOTS][600];
    const char *paths[HG_SLOTS];
    hg_share_opts o;
    hg_share_layout layout;
} fixture;

static inline void begin(fixture *f, const char *tier, const char *more) {
    f->p = test_policy(tier, "malicious", more);
    f->world = fake_world_make(11);
    f->world.now = TEST_NOW;
    test_member_keys(&f->owner, TEST_A);
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        char name[40];
        test_member_keys(&f->server[j], j);
        snprintf(name, sizeof name, "shares-%u", j);
        f->paths[j] = test_scratch(f->path[j], sizeof f->path[j], name);
    }
    f->o = (hg_share_opts) { .kind = HG_SHARES_ROWS,
                             .owner = "a",
                             .secret = f->owner.secret,
                             .epoch = 4,
                             .sequence = 9,
                             .world = fake_world_of(&f->world) };
    assert_ok(hg_share_layout_of(&f->layout, f->p, HG_SHARES_ROWS, NULL));
}

static inline void end(fixture *f) {
    for (unsigned j = 0; j < HG_SLOTS; j++) remove(f->path[j]);
    hg_policy_free(f->p);
}

/* Rows k = 0 .. n-1: element e is 1000 k + e - 500, index k mod 36, bit (k mod n_bits) set. */
static inline void write_rows(fixture *f, size_t n, hg_dataset *d, unsigned char id[HG_DIGEST]) {
    hg_share_writer *w;
    hg_err err;
    uint64_t element[3 * 8], bits[8];
    assert_ok_err(hg_share_writer_new(&w, f->p, &f->o, f->paths, &err), err);
    assert_ok(hg_share_layout_of(&f->layout, f->p, f->o.kind, NULL));
    for (size_t k = 0; k < n; k++) {
        for (size_t e = 0; e < f->layout.n_elements; e++)
            hg_ring_from_int(element + 3 * e, (int64_t)(1000 * k + e) - 500, 3);
        memset(bits, 0, sizeof bits);
        if (f->layout.n_bits) bits[k % f->layout.n_bits / 64] = (uint64_t)1 << k % f->layout.n_bits % 64;
        assert_ok_err(hg_share_writer_row(w, (uint32_t)(k % 36), element, bits, &err), err);
    }
    assert_ok_err(hg_share_writer_commit(w, d, id, &err), err);
    hg_share_writer_free(w);
}

/* ---- a source of bytes ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const unsigned char *at;
    size_t left, piece; /* piece: never more at once? no: fills what is asked; 0 = all */
    size_t largest;     /* request seen */
} bytes;

static inline hg_status take_bytes(void *self, size_t *got, void *buf, size_t size, hg_err *err) {
    bytes *b = self;
    (void)err;
    *got = size < b->left ? size : b->left;
    if (size > b->largest) b->largest = size;
    if (*got) memcpy(buf, b->at, *got);
    b->at += *got;
    b->left -= *got;
    return HG_OK;
}

static inline unsigned char *load(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    unsigned char *b = malloc(*n + 1);
    assert_non_null(b);
    assert_int_equal(fread(b, 1, *n, file), *n);
    fclose(file);
    return b;
}

typedef struct {
    size_t rows;
    uint32_t index[MOST];
    uint64_t slot[2][MOST][32]; /* words of a row: elements, then bits */
    hg_dataset d;
    unsigned char id[HG_DIGEST];
} view;

/* All that server j gets out of the bytes. */
static inline hg_status read_bytes(view *v, const fixture *f, unsigned j, const unsigned char *at, size_t n,
                                   hg_err *err) {
    bytes b = { .at = at, .left = n };
    const hg_source source = { take_bytes, &b };
    hg_share_reader *r;
    hg_share_header h;
    hg_share_layout l;
    hg_share_row row;
    bool more = true;
    v->rows = 0;
    HG_TRY(hg_share_reader_new(&r, &h, "upload", &source, err));
    hg_status st = hg_share_reader_begin(r, &l, f->p, j, f->server[j].seal_secret, err);
    while (st == HG_OK && more) {
        st = hg_share_reader_next(&more, &row, r, MOST, err);
        if (st != HG_OK || !more) break;
        assert_true(v->rows < MOST);
        for (unsigned k = 0; k < 2; k++) memcpy(v->slot[k][v->rows], row.element[k], 8 * l.words); /* bits follow */
        assert_ptr_equal(row.bits[0], row.element[0] + 3 * l.n_elements);
        v->index[v->rows++] = row.index;
    }
    if (st == HG_OK) {
        v->d = *hg_share_reader_dataset(r);
        memcpy(v->id, hg_share_reader_id(r), HG_DIGEST);
    } else {
        assert_null(hg_share_reader_dataset(r));
    }
    assert_true(b.largest <= (64 << 10) + 64); /* hostile lengths never make it ask for more */
    hg_share_reader_free(r);
    return st;
}

static inline hg_status read_file(view *v, const fixture *f, unsigned j, hg_err *err) {
    size_t n;
    unsigned char *b = load(f->path[j], &n);
    const hg_status st = read_bytes(v, f, j, b, n, err);
    free(b);
    return st;
}

#endif
