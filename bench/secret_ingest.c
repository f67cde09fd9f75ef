/* bench/secret_ingest.c -- a million measured rows into three servers: time, and memory at its peak
 *
 *   secret_ingest [--json] [--quick] [--malicious]
 *
 * Three servers in processes of their own, TLS 1.3 on the loopback interface, and an owner in a fourth who cuts a table into three share
 * files, hands them in, and waits until the servers have checked every row together and signed. Rows are on a pool of 1,024
 * places, each many times. --quick: a tenth of the rows. A question is not asked: tier 1 computes with 4,096 rows at most.
 *
 *   ingest_rows        rows shared
 *   ingest_s           from the table to three receipts
 *   ingest_table_mb    size of the table
 *   ingest_share_mb    size of one share file
 *   client_peak_mb     the owner's largest resident set
 *   server_idle_mb     largest resident set of a server before
 *   server_peak_mb     largest resident set of a server in the end
 *   withdraw_s         erasing it all again
 */
#include "../tests/support/servers.h"
#include "options.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIDE = 32, PATH_MOST = 400 };

#define GO(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != HG_OK) {                                                                                         \
            fprintf(stderr, "secret_ingest: %s\n  %s\n", err.msg, err.hint);                                           \
            return false;                                                                                              \
        }                                                                                                              \
    } while (0)

typedef struct {
    size_t rows;
    double seconds, table_mb, share_mb, client_mb, idle_mb, peak_mb, withdraw_s;
} figures;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double file_mb(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? 1e-6 * (double)st.st_size : NAN;
}

/* ---- the data -------------------------------------------------------------------------------------------------------------------- */

static void write_head(hg_text *to, const char *mode) {
    hg_text_add(to,
                "hagane policy: 1\nproject: ingest\ntier: properties\nmode: %s\n"
                "valid: {from: 2020-01-01, until: 2100-01-01}\n"
                "target: {column: Hc, unit: T, goal: maximize, low: 0, high: 3}\n"
                "features: [{column: x, low: 0, high: 31}, {column: y, low: 0, high: 31}]\npool:\n  rows: |\n    x,y\n",
                mode);
    for (unsigned i = 0; i < SIDE * SIDE; i++) hg_text_add(to, "    %u,%u\n", i % SIDE, i / SIDE);
}

static bool write_table(const char *path, size_t rows) {
    hg_rng r = hg_rng_make(5, 0);
    FILE *f = fopen(path, "w");
    if (!f) return false;
    fprintf(f, "x,y,Hc\n");
    for (size_t i = 0; i < rows; i++) {
        const size_t k = hg_rng_below(&r, SIDE * SIDE);
        fprintf(f, "%zu,%zu,%.6f\n", k % SIDE, k / SIDE, 3 * hg_rng_uniform(&r));
    }
    return fclose(f) == 0;
}

/* ---- an owner --------------------------------------------------------------------------------------------------------------------- */

static bool share(const test_servers *s, const char *table, const char *folder, char dataset[HG_PARTY_DIGEST]) {
    hg_party *p;
    hg_party_shared shared;
    hg_err err;
    const hg_party_share_opts o = { .folder = folder };
    GO(consortium_open(&p, &s->c, "a", NULL, &err));
    GO(hg_party_share(&shared, p, "ingest", table, &o, &err));
    memcpy(dataset, shared.dataset, HG_PARTY_DIGEST);
    hg_party_free(p);
    return true;
}

/* In a process of its own: its peak is not the benchmark's. */
static bool share_apart(figures *f, const test_servers *s, const char *table, const char *folder,
                        char dataset[HG_PARTY_DIGEST]) {
    int ends[2], status;
    struct rusage used;
    char file[PATH_MOST + 32];
    if (pipe(ends) != 0) return false;
    const double begin = now();
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const bool ok = share(s, table, folder, dataset);
        _exit(ok && write(ends[1], dataset, HG_PARTY_DIGEST) == HG_PARTY_DIGEST ? 0 : 1);
    }
    close(ends[1]);
    snprintf(file, sizeof file, "%s/ingest-1-0.share", folder);
    const struct timespec moment = { 0, 20000000 };
    pid_t ended;
    while ((ended = wait4(child, &status, WNOHANG, &used)) == 0) {
        const double mb = file_mb(file);
        if (mb > f->share_mb) f->share_mb = mb;
        nanosleep(&moment, NULL);
    }
    f->seconds = now() - begin;
    f->client_mb = 1024e-6 * (double)used.ru_maxrss;
    const bool ok = ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
                    read(ends[0], dataset, HG_PARTY_DIGEST) == HG_PARTY_DIGEST;
    close(ends[0]);
    return ok;
}

static bool withdraw(figures *f, const test_servers *s, const char *dataset) {
    hg_party *p;
    hg_err err;
    GO(consortium_open(&p, &s->c, "a", NULL, &err));
    const double begin = now();
    GO(hg_party_withdraw(p, "ingest", dataset, &err));
    f->withdraw_s = now() - begin;
    hg_party_free(p);
    return true;
}

static bool measure(figures *f, test_servers *s, const char *mode) {
    char table[PATH_MOST], folder[PATH_MOST], dataset[HG_PARTY_DIGEST];
    hg_text head = hg_text_new(0);
    hg_err err;
    snprintf(table, sizeof table, "%s/rows.csv", s->c.folder);
    snprintf(folder, sizeof folder, "%s/outbox", s->c.folder);
    mkdir(folder, 0700);
    write_head(&head, mode);
    GO(consortium_policy(&s->c, head.s, "", 20, "c", &err));
    hg_text_free(&head);
    if (!write_table(table, f->rows)) return false;
    f->table_mb = file_mb(table);
    f->idle_mb = test_servers_peak_mb(s);
    if (!share_apart(f, s, table, folder, dataset)) return false;
    f->peak_mb = test_servers_peak_mb(s);
    return withdraw(f, s, dataset);
}

static bool run(figures *f, const char *folder, const char *mode) {
    static test_servers s;
    hg_err err;
    GO(test_servers_make(&s, folder, &err));
    for (unsigned i = 0; i < HG_SERVERS; i++) GO(test_servers_start(&s, i, &err));
    const bool ok = measure(f, &s, mode);
    test_servers_stop_all(&s);
    return ok;
}

/* ---- out --------------------------------------------------------------------------------------------------------------------------- */

static hg_status print_json(const figures *f) {
    hg_json j;
    bench_json_begin(&j, "secret_ingest");
    hg_json_count(&j, "ingest_rows", f->rows);
    hg_json_number(&j, "ingest_s", f->seconds);
    hg_json_number(&j, "ingest_table_mb", f->table_mb);
    hg_json_number(&j, "ingest_share_mb", f->share_mb);
    hg_json_number(&j, "client_peak_mb", f->client_mb);
    hg_json_number(&j, "server_idle_mb", f->idle_mb);
    hg_json_number(&j, "server_peak_mb", f->peak_mb);
    hg_json_number(&j, "withdraw_s", f->withdraw_s);
    hg_json_end_object(&j);
    return hg_json_end(&j, NULL);
}

static void print_words(const figures *f) {
    printf("%zu rows shared in %.1f s (table %.0f MB, each share file %.0f MB), withdrawn in %.1f s\n"
           "largest resident set: owner %.0f MB, server %.0f MB (%.0f MB when idle)\n",
           f->rows, f->seconds, f->table_mb, f->share_mb, f->withdraw_s, f->client_mb, f->peak_mb, f->idle_mb);
}

int main(int argc, char **argv) {
    bool json = false, quick = false, malicious = false;
    const bench_option options[] = { { .word = "--json", .set = &json },
                                     { .word = "--quick", .set = &quick },
                                     { .word = "--malicious", .set = &malicious } };
    BENCH_OPTIONS(options, argc, argv);
    const char *tmp = getenv("TMPDIR");
    char folder[200], command[240];
    figures f = { .rows = quick ? 100000 : 1000000 };
    snprintf(folder, sizeof folder, "%s/hagane-ingest-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) return 1;
    const bool ok = run(&f, folder, malicious ? "malicious" : "semi-honest");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) fprintf(stderr, "secret_ingest: %s could not be removed\n", folder);
    if (!ok) return 1;
    if (json) return print_json(&f) == HG_OK ? 0 : 1;
    print_words(&f);
    return 0;
}
