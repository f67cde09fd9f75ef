/* learn/rows_parts.c -- see learn/rows_parts.h */
#include "learn/rows_parts.h"
#include "core/memory.h"

typedef struct {
    hg_rows_part part;
    const void *ctx;
    hg_status *status; /* of each part */
} job;

static void task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    j->status[begin / HG_ROWS_PART] = j->part(j->ctx, begin, end - begin);
}

hg_status hg_rows_parts(hg_rows_part part, const void *ctx, size_t n, hg_pool *pool, hg_err *err) {
    const size_t parts = (n + HG_ROWS_PART - 1) / HG_ROWS_PART;
    job j = { part, ctx, hg_calloc(parts, sizeof *j.status) };
    hg_status st = j.status ? HG_OK : HG_ENOMEM;
    if (st == HG_OK) hg_pool_for(pool, n, HG_ROWS_PART, task, &j);
    for (size_t i = 0; i < parts && st == HG_OK; i++) st = j.status[i];
    hg_free(j.status);
    return st == HG_OK ? HG_OK : hg_fail(err, st, "no memory for predictions");
}
