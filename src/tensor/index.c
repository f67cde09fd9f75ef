/* tensor/index.c -- which item belongs to which row, checked once; see hagane/tensor.h */
#include "tensor/index.h"
#include <string.h>

typedef struct { /* where the pieces come from */
    hg_tape *t;
    hg_arena *a;
} home;

static void *room(const home *h, size_t n, size_t size) {
    return h->t ? hg_tape_alloc(h->t, n, size) : hg_alloc(h->a, n, size);
}

static void count_items(const hg_index *ix) {
    memset(ix->offset, 0, (ix->n + 1) * sizeof *ix->offset);
    for (size_t j = 0; j < ix->m; j++) ix->offset[ix->row[j] + 1]++;
    for (size_t i = 0; i < ix->n; i++) ix->offset[i + 1] += ix->offset[i];
}

/* Counting sort, which keeps the order of equal rows: offset[i] is moved along while items are put, and moved back afterwards. */
static void sort_items(const hg_index *ix) {
    for (size_t j = 0; j < ix->m; j++) ix->order[ix->offset[ix->row[j]]++] = (uint32_t)j;
    memmove(ix->offset + 1, ix->offset, ix->n * sizeof *ix->offset);
    ix->offset[0] = 0;
}

static uint32_t most_items(const hg_index *ix) {
    uint32_t most = 0;
    for (size_t i = 0; i < ix->n; i++)
        if (ix->offset[i + 1] - ix->offset[i] > most) most = ix->offset[i + 1] - ix->offset[i];
    return most;
}

void hg_index_invert(const hg_index *ix) {
    if (ix->inverted) return;
    count_items(ix);
    if (ix->order) sort_items(ix);
    ((hg_index *)ix)->most = most_items(ix);
    ((hg_index *)ix)->inverted =
        true; /* on a tape, which one thread has; in an arena this was done before anyone could see it */
}

static hg_status check_sizes(size_t m, size_t n, hg_err *err) {
    if (m < UINT32_MAX && n < UINT32_MAX) return HG_OK;
    return hg_fail(err, HG_ELIMIT, "an index of %zu items in %zu rows, at most %u of each", m, n, UINT32_MAX - 1);
}

static hg_status make(hg_index **out, const home *h, const uint32_t *rows, size_t m, size_t n, hg_err *err) {
    HG_TRY(check_sizes(m, n, err));
    bool sorted = true;
    for (size_t j = 0; j < m; j++) {
        if (rows[j] >= n)
            return hg_fail(err, HG_EINVAL, "item %zu of an index is in row %u, there are %zu rows", j, rows[j], n);
        sorted = sorted && (j == 0 || rows[j - 1] <= rows[j]);
    }
    hg_index *ix = room(h, 1, sizeof *ix);
    uint32_t *row = room(h, m, sizeof *row), *offset = room(h, n + 1, sizeof *offset);
    uint32_t *order = sorted ? NULL : room(h, m, sizeof *order);
    if (!ix || !row || !offset || (!sorted && !order)) return hg_fail(err, HG_ENOMEM, "no memory for an index");
    if (m) memcpy(row, rows, m * sizeof *row);
    *ix = (hg_index) { .m = m, .n = n, .row = row, .offset = offset, .order = order };
    *out = ix;
    return HG_OK;
}

static hg_status make_segments(hg_index **out, const home *h, const uint32_t *offsets, size_t n, hg_err *err) {
    HG_TRY(check_sizes(0, n, err));
    if (offsets[0] != 0) return hg_fail(err, HG_EINVAL, "segments begin at %u, they have to at 0", offsets[0]);
    for (size_t i = 0; i < n; i++)
        if (offsets[i + 1] < offsets[i])
            return hg_fail(err, HG_EINVAL, "segment %zu begins at %u and ends at %u", i, offsets[i], offsets[i + 1]);
    const size_t m = offsets[n];
    HG_TRY(check_sizes(m, n, err));
    hg_index *ix = room(h, 1, sizeof *ix);
    uint32_t *row = room(h, m, sizeof *row), *offset = room(h, n + 1, sizeof *offset);
    if (!ix || !row || !offset) return hg_fail(err, HG_ENOMEM, "no memory for %zu segments", n);
    memcpy(offset, offsets, (n + 1) * sizeof *offset);
    for (size_t i = 0; i < n; i++)
        for (size_t j = offset[i]; j < offset[i + 1]; j++) row[j] = (uint32_t)i;
    *ix = (hg_index) { .m = m, .n = n, .row = row, .offset = offset, .inverted = true };
    ix->most = most_items(ix);
    *out = ix;
    return HG_OK;
}

static const hg_index *on_tape(hg_tape *t, hg_status st, hg_index *ix, const hg_err *err) {
    if (st == HG_OK) return ix;
    hg_tape_fail(t, st, "%s", err->msg);
    return NULL;
}

const hg_index *hg_index_of(hg_tape *t, const uint32_t *rows, size_t m, size_t n) {
    hg_err err;
    hg_index *ix = NULL;
    if (hg_tape_status(t, NULL) != HG_OK) return NULL;
    const hg_status st = make(&ix, &(home) { .t = t }, rows, m, n, &err);
    return on_tape(t, st, ix, &err);
}

const hg_index *hg_segments_of(hg_tape *t, const uint32_t *offsets, size_t n) {
    hg_err err;
    hg_index *ix = NULL;
    if (hg_tape_status(t, NULL) != HG_OK) return NULL;
    const hg_status st = make_segments(&ix, &(home) { .t = t }, offsets, n, &err);
    return on_tape(t, st, ix, &err);
}

hg_status hg_index_keep(const hg_index **out, const uint32_t *rows, size_t m, size_t n, hg_arena *a, hg_err *err) {
    *out = NULL;
    hg_index *ix;
    HG_TRY(make(&ix, &(home) { .a = a }, rows, m, n, err));
    hg_index_invert(ix);
    *out = ix;
    return HG_OK;
}

hg_status hg_segments_keep(const hg_index **out, const uint32_t *offsets, size_t n, hg_arena *a, hg_err *err) {
    *out = NULL;
    hg_index *ix;
    HG_TRY(make_segments(&ix, &(home) { .a = a }, offsets, n, err));
    *out = ix;
    return HG_OK;
}

size_t hg_index_items(const hg_index *ix) { return ix ? ix->m : 0; }
size_t hg_index_rows(const hg_index *ix) { return ix ? ix->n : 0; }

const hg_index *hg_example_index(hg_tape *t, hg_rng *r, size_t m, size_t n) {
    uint32_t *rows = hg_tape_alloc(t, m, sizeof *rows);
    for (size_t j = 0; rows && j < m; j++) rows[j] = (uint32_t)hg_rng_below(r, n);
    return rows ? hg_index_of(t, rows, m, n) : NULL;
}

hg_tensor *hg_example_constant(hg_tape *t, hg_rng *r, hg_shape shape) {
    hg_tensor *x = hg_example(t, r, shape, false);
    if (x) x->wants_grad = false;
    return x;
}
