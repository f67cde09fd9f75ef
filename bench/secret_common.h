/* bench/secret_common.h -- what the studies of secret search share: the film's data, shares of numbers, a server's keys */
#ifndef HG_BENCH_SECRET_COMMON_H
#define HG_BENCH_SECRET_COMMON_H
#include "files/json.h"
#include "hagane/csv.h"
#include "secret/channel.h"
#include "secret/run.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POOL_MOST = 256 };

static void check(hg_status st, const char *what, const hg_err *err) {
    if (st == HG_OK) return;
    fprintf(stderr, "%s: %s %s\n", what, err->msg, err->hint);
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static hg_status to_stdout(void *ctx, const char *bytes, size_t n, hg_err *err) {
    (void)ctx;
    return fwrite(bytes, 1, n, stdout) == n ? HG_OK : hg_fail(err, HG_EIO, "standard output");
}

/* ---- the data -------------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    double pool[2 * POOL_MOST], value[POOL_MOST], y[POOL_MOST], best;
    size_t rank[POOL_MOST]; /* candidates by value, lowest first */
} data;

static const double *column(const hg_table *t, const char *name) {
    size_t j;
    hg_err err;
    check(hg_table_find(&j, t, name, &err), name, &err);
    check(hg_table_need_numbers(t, j, false, &err), name, &err);
    return hg_table_column(t, j)->number;
}

/* Features to [0, 1]. The property's range is what a policy would say: 0 to 1.5 MA/m, to [-8, 8]. */
static data read_data(void) {
    static const char *const NAME[] = { "x_pos_mm", "y_pos_mm" };
    data d = { 0 };
    hg_table *t;
    hg_err err;
    const char *path = HG_SOURCE_DIR "/data/mammos-magnets/ndcefeb132.csv";
    check(hg_csv_read(&t, path, NULL, &err), path, &err);
    d.n = hg_table_rows(t);
    if (d.n > POOL_MOST) exit(1);
    for (size_t j = 0; j < 2; j++) {
        const double *x = column(t, NAME[j]);
        double low = x[0], high = x[0];
        for (size_t i = 0; i < d.n; i++) {
            low = fmin(low, x[i]);
            high = fmax(high, x[i]);
        }
        for (size_t i = 0; i < d.n; i++) d.pool[2 * i + j] = (x[i] - low) / (high - low);
    }
    const double *h = column(t, "Hc_measured_A_m");
    for (size_t i = 0; i < d.n; i++) {
        d.value[i] = h[i];
        d.best = fmax(d.best, h[i]);
        d.y[i] = rint(((h[i] - 750e3) * 16 / 1.5e6) * 0x1p24) * 0x1p-24;
        size_t k = i;
        for (; k > 0 && h[d.rank[k - 1]] > h[i]; k--) d.rank[k] = d.rank[k - 1];
        d.rank[k] = i;
    }
    hg_table_free(t);
    return d;
}

/* ---- a server of three ------------------------------------------------------------------------------------------------------ */

/* Shares of numbers, the parts that are random from `rng`: the same ones on all three servers. */
static hg_status share_numbers(hg_share *out, hg_run *r, hg_mode mode, unsigned party, hg_rng rng, const double *value,
                               size_t n, unsigned fraction, hg_err *err) {
    uint64_t *slot[2] = { calloc(3 * n, 8), calloc(3 * n, 8) };
    for (size_t i = 0; i < n; i++) {
        uint64_t part[3][3], x[3];
        hg_ring_from_double(x, value[i], fraction, 3);
        for (unsigned k = 0; k < 9; k++) part[k / 3][k % 3] = k < 6 ? hg_rng_u64(&rng) : x[k % 3];
        hg_ring_sub(part[2], part[2], part[0], 1, 3);
        hg_ring_sub(part[2], part[2], part[1], 1, 3);
        for (unsigned s = 0; s < 2; s++) memcpy(slot[s] + 3 * i, mode == HG_PLAIN ? x : part[(party + s) % 3], 24);
    }
    const hg_status st = hg_share_input(out, r, (const uint64_t *const[]) { slot[0], slot[1] }, n, 3, err);
    free(slot[0]);
    free(slot[1]);
    return st;
}

/* Keys from a seed; net NULL: the plain party. */
static hg_run_opts server_opts(hg_mode mode, hg_mode imitated, unsigned party, uint64_t seed, hg_memory_net *net) {
    hg_run_opts o = { .mode = mode, .party = party, .imitated = imitated };
    hg_rng rng = hg_rng_make(seed, 3);
    for (unsigned j = 0; j < 3; j++)
        for (unsigned i = 0; i < HG_PRSS_KEY; i++) o.key[j][i] = (unsigned char)hg_rng_u64(&rng);
    unsigned char tag[3][32]; /* of the pair (j, j + 1) */
    for (unsigned i = 0; i < 96; i++) tag[i / 32][i % 32] = (unsigned char)hg_rng_u64(&rng);
    memcpy(o.tag_key[HG_NEXT], tag[party], 32);
    memcpy(o.tag_key[HG_PREVIOUS], tag[(party + 2) % 3], 32);
    if (net) o.channel = hg_memory_net_channel(net, party);
    return o;
}
#endif
