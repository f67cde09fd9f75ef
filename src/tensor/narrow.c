/* tensor/narrow.c -- see tensor/narrow.h
 *
 * Sums are cut along k so that what a pass reads of a and b stays in the second cache; within a pass 8 rows of a go through all panels.
 */
#include "tensor/narrow.h"
#include "tensor/tile.h"

enum { LANES = 16, WIDTH = HG_TILE_FLOATS, DEPTH = 128, TURN = 16, ROWS_LEAST = 128, DEPTH_LEAST = 32 };
static const size_t SMALL = (size_t)384 << 10; /* bytes of b */

bool hg_narrow_fits(const hg_matrix *a, size_t m, size_t n, size_t k) {
    return hg_tile_is_wide() && (size_t)a->col <= UINT32_MAX / DEPTH && m >= ROWS_LEAST && k >= DEPTH_LEAST &&
           n >= 2 * LANES && n % LANES == 0 && n * k <= SMALL / sizeof(float);
}

/* A pass reads DEPTH rows of b: how many there are makes no difference. */
bool hg_narrow_fits_as_is(const hg_matrix *a, const hg_matrix *b, size_t m, size_t n, size_t k) {
    return b->col == 1 && (size_t)b->row <= UINT32_MAX / DEPTH && hg_narrow_fits(a, m, n, k < DEPTH ? k : DEPTH);
}

size_t hg_narrow_panels(size_t n) { return (n + WIDTH - 1) / WIDTH; }
size_t hg_narrow_packed(size_t k, size_t n) { return hg_narrow_panels(n) * k * WIDTH; }
hg_panels hg_narrow_layout(const float *packed, size_t k) { return (hg_panels) { packed, WIDTH, k * WIDTH }; }
hg_panels hg_narrow_as_is(const hg_matrix *b) { return (hg_panels) { b->data, (size_t)b->row, WIDTH }; }

void hg_narrow_pack(float *to, const hg_matrix *b, size_t k, size_t n, size_t first, size_t last) {
    for (size_t p = first; p < last; p++) {
        const size_t from = p * WIDTH, cols = n - from < WIDTH ? n - from : WIDTH;
        const float *x = (const float *)b->data + (ptrdiff_t)from * b->col;
        float *panel = to + p * k * WIDTH;
        for (size_t l = 0; l < k; l += TURN) { /* squares, so that columns are read by whole lines */
            const size_t steps = k - l < TURN ? k - l : TURN;
            for (size_t j = 0; j < cols; j++)
                for (size_t s = 0; s < steps; s++)
                    panel[(l + s) * WIDTH + j] = x[(ptrdiff_t)j * b->col + (ptrdiff_t)(l + s) * b->row];
        }
    }
}

void hg_narrow_product(float *c, size_t ldc, const hg_matrix *a, hg_panels b, size_t m, size_t n, size_t k, bool add) {
    uint32_t a_at[DEPTH], b_at[DEPTH];
    const size_t most = k < DEPTH ? k : DEPTH;
    for (size_t l = 0; l < most; l++) {
        a_at[l] = (uint32_t)((ptrdiff_t)l * a->col);
        b_at[l] = (uint32_t)(l * b.pitch);
    }
    for (size_t from = 0; from < k; from += DEPTH) {
        hg_tile t = { .a_at = a_at, .b_at = b_at, .k = k - from < DEPTH ? k - from : DEPTH, .ldc = ldc };
        t.add = add || from > 0;
        for (size_t i = 0; i < m; i += HG_TILE_ROWS) {
            t.rows = m - i < HG_TILE_ROWS ? m - i : HG_TILE_ROWS;
            for (size_t r = 0; r < t.rows; r++)
                t.row[r] = (const float *)a->data + (ptrdiff_t)(i + r) * a->row + (ptrdiff_t)from * a->col;
            for (size_t p = 0, at = 0; at < n; p++, at += WIDTH) {
                t.lanes = n - at < WIDTH ? n - at : WIDTH;
                t.b = b.data + p * b.apart + from * b.pitch;
                t.c = c + i * ldc + at;
                hg_tile_do(HG_F32, &t);
            }
        }
    }
}
