/* tensor/rows.c -- rows picked by an index, and rows summed by its inverse; see tensor/index.h
 *
 * Both are bound by memory. Picking copies rows; a result that no cache holds is written past the caches, as memcpy does, so that its lines
 * are not read first. Summing goes through the rows of the result, so that no two threads write to the same one and sums have one order.
 * Its work is cut by items and rows together (a row costs one unit and one for each item), so that a row of very many items, the gradient
 * of an embedding, is many tasks as well: a task sums the parts of at most two rows that it shares with others aside, and those parts are
 * added in their order afterwards.
 */
#include "num/isa.h"
#include "tensor/index.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* NARROW: rows of fewer elements are summed in double, so that at most HG_CHUNK / NARROW rows are added up in float. */
enum { NARROW = 8, UNITS_LEAST = 256, MOST_IN_FLOAT = HG_CHUNK / NARROW };
static const size_t PAST_CACHES = (size_t)16 << 20; /* bytes of a result that is written past the caches */
static const size_t CACHED = (size_t)12 << 20;      /* bytes of a result that stays in them */

size_t hg_rows_width(const hg_tensor *x) {
    size_t width = 1;
    for (unsigned i = 1; i < x->rank; i++) width *= x->shape[i];
    return width;
}

static bool rows_are_packed(const hg_tensor *x) {
    ptrdiff_t step = 1;
    for (unsigned i = x->rank; i-- > 1;) {
        if (x->shape[i] != 1 && x->stride[i] != step) return false;
        step *= (ptrdiff_t)x->shape[i];
    }
    return true;
}

hg_tensor *hg_with_rows(hg_tape *t, hg_tensor *x) {
    if (!x) return NULL;
    if (x->rank == 0) return hg_tape_fail(t, HG_EINVAL, "one number has no rows");
    return hg_elements(x) == 0 || rows_are_packed(x) ? x : hg_contiguous(t, x);
}

hg_rows hg_rows_of(const hg_tensor *x) { return (hg_rows) { x->data, x->stride[0], hg_rows_width(x) }; }

hg_rows hg_rows_packed(const void *data, const hg_tensor *like) {
    const size_t width = hg_rows_width(like);
    return (hg_rows) { data, (ptrdiff_t)width, width };
}

/* ---- picking ------------------------------------------------------------------------------------------------------ */

typedef struct {
    void *y;
    hg_rows x;
    const hg_index *ix;
    hg_dtype dtype;
    bool mean, add, past_caches;
} picking;

/* Rows are whole 64-byte lines, both at their addresses: written around the caches. */
#if defined(__x86_64__)
HG_INLINE void stream_row(char *to, const char *from, size_t bytes) {
    for (size_t b = 0; b < bytes; b += 16)
        _mm_stream_si128((__m128i *)(void *)(to + b), _mm_loadu_si128((const __m128i *)(const void *)(from + b)));
}
__attribute__((target("avx512f"))) static void stream_rows_avx512(char *to, const char *x, ptrdiff_t step,
                                                                  const uint32_t *row, size_t m, size_t all,
                                                                  size_t bytes) {
    for (size_t j = 0; j < m; j++, to += bytes) {
        const char *from = x + (ptrdiff_t)row[j] * step;
        hg_prefetch_row(x + (ptrdiff_t)row[j + HG_AHEAD < all ? j + HG_AHEAD : j] * step, bytes);
        for (size_t b = 0; b < bytes; b += HG_LINE)
            _mm512_stream_si512((__m512i *)(void *)(to + b), _mm512_loadu_si512((const void *)(from + b)));
    }
    _mm_sfence();
}
static void stream_rows(char *to, const char *x, ptrdiff_t step, const uint32_t *row, size_t m, size_t all,
                        size_t bytes) {
    if (__builtin_cpu_supports("avx512f")) {
        stream_rows_avx512(to, x, step, row, m, all, bytes);
        return;
    }
    for (size_t j = 0; j < m; j++, to += bytes) {
        hg_prefetch_row(x + (ptrdiff_t)row[j + HG_AHEAD < all ? j + HG_AHEAD : j] * step, bytes);
        stream_row(to, x + (ptrdiff_t)row[j] * step, bytes);
    }
    _mm_sfence();
}
#else
static void stream_rows(char *to, const char *x, ptrdiff_t step, const uint32_t *row, size_t m, size_t all,
                        size_t bytes) {
    for (size_t j = 0; j < m; j++, to += bytes) memcpy(to, x + (ptrdiff_t)row[j] * step, bytes);
}
#endif

#define PICK(type, R)                                                                                                  \
    HG_INLINE void pick_##type##_body(R *restrict y, const R *restrict x, ptrdiff_t step, size_t width,                \
                                      const uint32_t *restrict row, size_t m, size_t all, const uint32_t *offset,      \
                                      bool add) {                                                                      \
        for (size_t j = 0; j < m; j++, y += width) {                                                                   \
            const R *from = x + (ptrdiff_t)row[j] * step;                                                              \
            hg_prefetch_row(x + (ptrdiff_t)row[j + HG_AHEAD < all ? j + HG_AHEAD : j] * step, width * sizeof(R));      \
            const R scale = offset ? 1 / (R)(offset[row[j] + 1] - offset[row[j]]) : 1;                                 \
            if (add)                                                                                                   \
                for (size_t i = 0; i < width; i++) y[i] += scale * from[i];                                            \
            else                                                                                                       \
                for (size_t i = 0; i < width; i++) y[i] = scale * from[i];                                             \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, pick_##type,                                                                               \
                    (R * y, const R *x, ptrdiff_t step, size_t width, const uint32_t *row, size_t m, size_t all,       \
                     const uint32_t *offset, bool add),                                                                \
                    (y, x, step, width, row, m, all, offset, add))
PICK(f32, float)
PICK(f64, double)

static void pick_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const picking *p = ctx;
    const size_t size = hg_dtype_size(p->dtype), m = end - begin, all = p->ix->m - begin;
    const uint32_t *row = p->ix->row + begin, *offset = p->mean ? p->ix->offset : NULL;
    char *to = (char *)p->y + begin * p->x.width * size;
    (void)worker;
    if (p->past_caches)
        stream_rows(to, p->x.data, p->x.step * (ptrdiff_t)size, row, m, all, p->x.width * size);
    else if (p->dtype == HG_F32)
        pick_f32((float *)(void *)to, p->x.data, p->x.step, p->x.width, row, m, all, offset, p->add);
    else
        pick_f64((double *)(void *)to, p->x.data, p->x.step, p->x.width, row, m, all, offset, p->add);
}

void hg_rows_gather(hg_tape *t, void *y, hg_rows x, const hg_index *ix, bool mean, bool add) {
    if (x.width == 0 || ix->m == 0) return;
    if (mean) hg_index_invert(ix);
    const size_t bytes = x.width * hg_dtype_size(hg_tape_dtype(t));
    picking p = { y, x, ix, hg_tape_dtype(t), mean, add, false };
    p.past_caches =
        !mean && !add && bytes % HG_LINE == 0 && ix->m >= PAST_CACHES / bytes && (uintptr_t)y % HG_LINE == 0;
    const size_t chunk = HG_CHUNK / x.width;
    hg_pool_for(hg_tape_pool(t), ix->m, chunk ? chunk : 1, pick_task, &p);
}

/* ---- summing ------------------------------------------------------------------------------------------------------ */

typedef struct {
    void *y;
    hg_rows x;
    const hg_index *ix;
    hg_dtype dtype;
    bool mean, add;
    size_t chunk; /* units a task */
    void *
        shared; /* [tasks, 2, width]: a task's part of the row that began before it, and of the one that goes on behind it */
} summing;

/* y[width] (+)= scale times the sum of the rows order[p] or p, begin <= p < end. Narrow rows are summed in double. */
#define SUM(type, R)                                                                                                   \
    HG_INLINE void items_##type(R *restrict y, const R *restrict x, ptrdiff_t step, size_t width,                      \
                                const uint32_t *restrict order, size_t begin, size_t end, size_t all, R scale,         \
                                bool add) {                                                                            \
        if (!add)                                                                                                      \
            for (size_t i = 0; i < width; i++) y[i] = 0;                                                               \
        for (size_t p = begin; p < end; p++) {                                                                         \
            const R *from = x + (ptrdiff_t)(order ? order[p] : p) * step;                                              \
            if (order)                                                                                                 \
                hg_prefetch_row(x + (ptrdiff_t)order[p + HG_AHEAD < all ? p + HG_AHEAD : p] * step,                    \
                                width * sizeof(R));                                                                    \
            for (size_t i = 0; i < width; i++) y[i] += from[i];                                                        \
        }                                                                                                              \
        if (scale != 1)                                                                                                \
            for (size_t i = 0; i < width; i++) y[i] *= scale;                                                          \
    }                                                                                                                  \
    HG_INLINE void narrow_items_##type(R *restrict y, const R *restrict x, ptrdiff_t step, size_t width,               \
                                       const uint32_t *restrict order, size_t begin, size_t end, size_t all, R scale,  \
                                       bool add) {                                                                     \
        double sum[NARROW] = { 0 };                                                                                    \
        for (size_t p = begin; p < end; p++) {                                                                         \
            const R *from = x + (ptrdiff_t)(order ? order[p] : p) * step;                                              \
            if (order) __builtin_prefetch(x + (ptrdiff_t)order[p + HG_AHEAD < all ? p + HG_AHEAD : p] * step);         \
            for (size_t i = 0; i < width; i++) sum[i] += (double)from[i];                                              \
        }                                                                                                              \
        for (size_t i = 0; i < width; i++) y[i] = (add ? y[i] : 0) + scale * (R)sum[i];                                \
    }                                                                                                                  \
    HG_INLINE void any_items_##type(R *restrict y, const R *restrict x, ptrdiff_t step, size_t width,                  \
                                    const uint32_t *restrict order, size_t begin, size_t end, size_t all, R scale,     \
                                    bool add) {                                                                        \
        if (width == 1) /* energies, and vectors: loops that are unrolled */                                           \
            narrow_items_##type(y, x, step, 1, order, begin, end, all, scale, add);                                    \
        else if (width == 3)                                                                                           \
            narrow_items_##type(y, x, step, 3, order, begin, end, all, scale, add);                                    \
        else if (width < NARROW)                                                                                       \
            narrow_items_##type(y, x, step, width, order, begin, end, all, scale, add);                                \
        else                                                                                                           \
            items_##type(y, x, step, width, order, begin, end, all, scale, add);                                       \
    }                                                                                                                  \
    HG_INLINE void sum_part_##type##_body(R *y, const R *x, ptrdiff_t step, size_t width, const uint32_t *order,       \
                                          size_t begin, size_t end) {                                                  \
        any_items_##type(y, x, step, width, order, begin, end, end, 1, false);                                         \
    }                                                                                                                  \
    HG_ISA_FUNCTION(                                                                                                   \
        static, sum_part_##type,                                                                                       \
        (R * y, const R *x, ptrdiff_t step, size_t width, const uint32_t *order, size_t begin, size_t end),            \
        (y, x, step, width, order, begin, end))                                                                        \
    /* Whole rows of the result, first <= i < last. */                                                                 \
    HG_INLINE void sum_rows_##type##_body(R *y, const R *x, ptrdiff_t step, size_t width, const uint32_t *order,       \
                                          const uint32_t *offset, size_t first, size_t last, size_t all, bool mean,    \
                                          bool add) {                                                                  \
        for (size_t i = first; i < last; i++) {                                                                        \
            const R scale = mean && offset[i + 1] > offset[i] ? 1 / (R)(offset[i + 1] - offset[i]) : 1;                \
            any_items_##type(y + i * width, x, step, width, order, offset[i], offset[i + 1], all, scale, add);         \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, sum_rows_##type,                                                                           \
                    (R * y, const R *x, ptrdiff_t step, size_t width, const uint32_t *order, const uint32_t *offset,   \
                     size_t first, size_t last, size_t all, bool mean, bool add),                                      \
                    (y, x, step, width, order, offset, first, last, all, mean, add))                                   \
    /* y (+)= scale (own + the rests[n, width], `apart` elements from one another). */                                 \
    static void join_##type(R *y, const R *own, const R *rests, size_t n, size_t apart, size_t width, double scale,    \
                            bool add) {                                                                                \
        for (size_t i = 0; i < width; i++) {                                                                           \
            double sum = (double)own[i];                                                                               \
            for (size_t k = 0; k < n; k++) sum += (double)rests[k * apart + i];                                        \
            y[i] = (R)((add ? (double)y[i] : 0) + scale * sum);                                                        \
        }                                                                                                              \
    }
SUM(f32, float)
SUM(f64, double)

/* Row i of the result has the units offset[i] + i up to those of row i + 1: one for itself, then one an item. */
static size_t first_unit(const hg_index *ix, size_t i) { return ix->offset[i] + i; }

static size_t row_of_unit(const hg_index *ix, size_t unit) {
    size_t low = 0, high = ix->n; /* first_unit(low) <= unit < first_unit(high) */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (first_unit(ix, middle) <= unit)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The part of row i between the units begin and end, to its place among the shared ones: slot 0 for one that began before. */
static void sum_shared(const summing *s, size_t i, size_t begin, size_t end) {
    const uint32_t *offset = s->ix->offset;
    const size_t at = first_unit(s->ix, i) + 1, stop = first_unit(s->ix, i + 1) < end ? first_unit(s->ix, i + 1) : end;
    const size_t from = offset[i] + (begin > at ? begin - at : 0), to = offset[i] + (stop > at ? stop - at : 0);
    const size_t slot = begin / s->chunk * 2 + (first_unit(s->ix, i) >= begin), place = slot * s->x.width;
    if (s->dtype == HG_F32)
        sum_part_f32((float *)s->shared + place, s->x.data, s->x.step, s->x.width, s->ix->order, from, to);
    else
        sum_part_f64((double *)s->shared + place, s->x.data, s->x.step, s->x.width, s->ix->order, from, to);
}

static void sum_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const summing *s = ctx;
    const hg_index *ix = s->ix;
    size_t first = row_of_unit(ix, begin), last = row_of_unit(ix, end - 1) + 1;
    (void)worker;
    if (first_unit(ix, first) < begin) sum_shared(s, first++, begin, end);
    if (last > first && first_unit(ix, last) > end) sum_shared(s, --last, begin, end);
    if (last <= first) return;
    if (s->dtype == HG_F32)
        sum_rows_f32(s->y, s->x.data, s->x.step, s->x.width, ix->order, ix->offset, first, last, ix->m, s->mean,
                     s->add);
    else
        sum_rows_f64(s->y, s->x.data, s->x.step, s->x.width, ix->order, ix->offset, first, last, ix->m, s->mean,
                     s->add);
}

/* The row that begins in the task of these units and goes on behind it: its part there, and the first slots of those that follow. */
static void join_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const summing *s = ctx;
    const hg_index *ix = s->ix;
    const size_t i = row_of_unit(ix, end - 1), width = s->x.width, task = begin / s->chunk;
    (void)worker;
    if (first_unit(ix, i) < begin || first_unit(ix, i + 1) <= end) return;
    const size_t behind = (first_unit(ix, i + 1) - 1) / s->chunk - task, own = (2 * task + 1) * width;
    const double scale = s->mean ? 1 / (double)(ix->offset[i + 1] - ix->offset[i]) : 1;
    if (s->dtype == HG_F32) {
        const float *parts = (const float *)s->shared + own;
        join_f32((float *)s->y + i * width, parts, parts + width, behind, 2 * width, width, scale, s->add);
    } else {
        const double *parts = (const double *)s->shared + own;
        join_f64((double *)s->y + i * width, parts, parts + width, behind, 2 * width, width, scale, s->add);
    }
}

/* The same by going through x, when the result stays in a cache: `columns` of them, all rows, items in their order. */
#define PUT(type, R)                                                                                                   \
    HG_INLINE void put_##type##_body(R *restrict y, const R *restrict x, ptrdiff_t step, size_t width, size_t columns, \
                                     const hg_index *ix, bool mean, bool add) {                                        \
        for (size_t i = 0; i < ix->n && !add; i++)                                                                     \
            for (size_t c = 0; c < columns; c++) y[i * width + c] = 0;                                                 \
        for (size_t j = 0; j < ix->m; j++, x += step) {                                                                \
            R *to = y + ix->row[j] * width;                                                                            \
            hg_prefetch_row(y + ix->row[j + HG_AHEAD < ix->m ? j + HG_AHEAD : j] * width, columns * sizeof(R));        \
            for (size_t c = 0; c < columns; c++) to[c] += x[c];                                                        \
        }                                                                                                              \
        for (size_t i = 0; i < ix->n && mean; i++) {                                                                   \
            const uint32_t items = ix->offset[i + 1] - ix->offset[i];                                                  \
            const R scale = items ? 1 / (R)items : 0;                                                                  \
            for (size_t c = 0; c < columns; c++) y[i * width + c] *= scale;                                            \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(                                                                                                   \
        static, put_##type,                                                                                            \
        (R * y, const R *x, ptrdiff_t step, size_t width, size_t columns, const hg_index *ix, bool mean, bool add),    \
        (y, x, step, width, columns, ix, mean, add))
PUT(f32, float)
PUT(f64, double)

static void put_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const summing *s = ctx;
    (void)worker;
    if (s->dtype == HG_F32)
        put_f32((float *)s->y + begin, (const float *)s->x.data + begin, s->x.step, s->x.width, end - begin, s->ix,
                s->mean, s->add);
    else
        put_f64((double *)s->y + begin, (const double *)s->x.data + begin, s->x.step, s->x.width, end - begin, s->ix,
                s->mean, s->add);
}

/* Worth it for items in no order, several a row. A row of very many is summed with more care by its inverse. Which thread has which
 * columns is without influence on the result, so that there may be as many parts as threads. */
static bool put(hg_tape *t, summing *s) {
    const hg_index *ix = s->ix;
    const size_t size = hg_dtype_size(s->dtype), line = HG_LINE / size, lines = (s->x.width + line - 1) / line;
    if (!ix->order || s->x.width < NARROW || ix->most > MOST_IN_FLOAT || ix->m < 2 * ix->n) return false;
    if (ix->n > CACHED / size / s->x.width || ix->m * s->x.width < HG_CHUNK) return false;
    const size_t threads = hg_pool_threads(hg_tape_pool(t)), parts = threads < lines ? threads : lines;
    hg_pool_for(hg_tape_pool(t), s->x.width, (lines + parts - 1) / parts * line, put_task, s);
    return true;
}

void hg_rows_sum(hg_tape *t, void *y, hg_rows x, const hg_index *ix, bool mean, bool add) {
    if (x.width == 0 || ix->n == 0) return;
    hg_index_invert(ix);
    const size_t units = ix->m + ix->n, fair = HG_CHUNK / x.width, chunk = fair < UNITS_LEAST ? UNITS_LEAST : fair;
    summing s = { y, x, ix, hg_tape_dtype(t), mean, add, chunk, NULL };
    if (put(t, &s)) return;
    const size_t mark = hg_tape_mark(t), tasks = (units - 1) / chunk + 1;
    if (tasks > 1) {
        s.shared = hg_tape_alloc(t, 2 * tasks * x.width, hg_dtype_size(s.dtype));
        if (!s.shared) return;
    }
    hg_pool_for(hg_tape_pool(t), units, chunk, sum_task, &s);
    if (tasks > 1) hg_pool_for(hg_tape_pool(t), units, chunk, join_task, &s);
    hg_tape_release(t, mark);
}
