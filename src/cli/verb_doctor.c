/* cli/verb_doctor.c -- `hagane doctor`: what this machine and this build give, and whether the arithmetic is right */
#include "cli/output.h"
#include "cli/run.h"
#include "core/number.h"
#include "hagane/gp.h"
#include "num/linalg.h"
#include <cairo.h>
#include <lzma.h>
#include <math.h>
#include <nlopt.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

/* ---- what is there ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    void (*words)(char *buf, size_t size);
} fact;

static void nlopt_words(char *buf, size_t size) {
    int major, minor, patch;
    nlopt_version(&major, &minor, &patch);
    snprintf(buf, size, "%d.%d.%d", major, minor, patch);
}
static void zlib_words(char *buf, size_t size) { snprintf(buf, size, "%s", zlibVersion()); }
static void lzma_words(char *buf, size_t size) { snprintf(buf, size, "%s", lzma_version_string()); }
static void zstd_words(char *buf, size_t size) { snprintf(buf, size, "%s", ZSTD_versionString()); }
static void yaml_words(char *buf, size_t size) { snprintf(buf, size, "%s", yaml_get_version_string()); }
static void crypto_words(char *buf, size_t size) { snprintf(buf, size, "%s", OpenSSL_version(OPENSSL_VERSION)); }
static void sodium_words(char *buf, size_t size) { snprintf(buf, size, "%s", sodium_version_string()); }
static void sqlite_words(char *buf, size_t size) { snprintf(buf, size, "%s", sqlite3_libversion()); }
static void cairo_words(char *buf, size_t size) { snprintf(buf, size, "%s", cairo_version_string()); }
static void blas_words(char *buf, size_t size) { snprintf(buf, size, "%s", hg_linalg_config()); }

static void program_words(char *buf, size_t size) {
    snprintf(buf, size, "hagane %s, built by %s %s", hg_version(),
#ifdef __clang__
             "clang",
#else
             "gcc",
#endif
             __VERSION__);
}

static void isa_words(char *buf, size_t size) {
#if defined(__x86_64__)
    snprintf(buf, size, "x86-64%s%s%s%s%s", __builtin_cpu_supports("sse4.2") ? " sse4.2" : "",
             __builtin_cpu_supports("avx") ? " avx" : "", __builtin_cpu_supports("avx2") ? " avx2" : "",
             __builtin_cpu_supports("fma") ? " fma" : "", __builtin_cpu_supports("avx512f") ? " avx512f" : "");
#elif defined(__aarch64__)
    snprintf(buf, size, "aarch64 neon");
#else
    snprintf(buf, size, "generic C");
#endif
}

static void thread_words(char *buf, size_t size) {
    hg_pool *pool;
    if (hg_pool_new(&pool, 0, NULL) != HG_OK) {
        snprintf(buf, size, "cannot be started");
        return;
    }
    snprintf(buf, size, "%zu by default, of %ld processors online; BLAS on 1", hg_pool_threads(pool),
             sysconf(_SC_NPROCESSORS_ONLN));
    hg_pool_free(pool);
}

static void memory_words(char *buf, size_t size) {
    const double gib = (double)sysconf(_SC_PAGESIZE) / (1 << 30);
    hg_print(buf, size, "%.1f GiB, %.1f GiB of it free", gib * (double)sysconf(_SC_PHYS_PAGES),
             gib * (double)sysconf(_SC_AVPHYS_PAGES));
}

static void size_words(char *buf, size_t size) {
    const unsigned one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    snprintf(buf, size, "size_t %zu, pointer %zu, double %zu bytes, %s-endian", sizeof(size_t), sizeof(void *),
             sizeof(double), first ? "little" : "big");
}

static void locale_words(char *buf, size_t size) {
    const char *lang = getenv("LC_ALL");
    if (!lang || !*lang) lang = getenv("LC_CTYPE");
    if (!lang || !*lang) lang = getenv("LANG");
    snprintf(buf, size, "%s; numbers are written with a point in any locale", lang && *lang ? lang : "C");
}

static const fact FACTS[] = {
    { "program", program_words }, { "BLAS", blas_words },     { "instruction_sets", isa_words },
    { "threads", thread_words },  { "memory", memory_words }, { "sizes", size_words },
    { "locale", locale_words },   { "nlopt", nlopt_words },   { "zlib", zlib_words },
    { "lzma", lzma_words },       { "zstd", zstd_words },     { "yaml", yaml_words },
    { "openssl", crypto_words },  { "sodium", sodium_words }, { "sqlite", sqlite_words },
    { "cairo", cairo_words },
};
enum { N_FACTS = sizeof FACTS / sizeof *FACTS };

/* ---- is it right ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *name;
    bool (*passes)(hg_arena *scratch);
} check;

/* [[4, 2], [2, 5]] = [[2, 0], [1, 2]] times its transpose. */
static bool cholesky_passes(hg_arena *scratch) {
    (void)scratch;
    double a[] = { 4, 2, 2, 5 };
    return hg_chol(a, 2) == 0 && fabs(a[0] - 2) < 1e-14 && fabs(a[2] - 1) < 1e-14 && fabs(a[3] - 2) < 1e-14;
}

/* A stream is the same for every reader, and another stream is another one. */
static bool random_passes(hg_arena *scratch) {
    (void)scratch;
    hg_rng a = hg_rng_make(0, 0), b = hg_rng_make(0, 0), c = hg_rng_make(0, 1);
    double mean = 0;
    bool same = true, other = false;
    for (size_t i = 0; i < 1000; i++) {
        const double x = hg_rng_uniform(&a);
        same = same && x == hg_rng_uniform(&b);
        other = other || x != hg_rng_uniform(&c);
        mean += x / 1000;
    }
    return same && other && fabs(mean - 0.5) < 0.05; /* 5.5 standard deviations */
}

/* A line is learned from five points: the middle between two of them lies on it. */
static bool model_passes(hg_arena *scratch) {
    const double x[] = { 0, 1, 2, 3, 4 }, y[] = { 1, 3, 5, 7, 9 }, at = 2.5;
    double mean, var;
    hg_gp *gp;
    if (hg_gp_fit(&gp, x, y, 5, 1, NULL, NULL) != HG_OK) return false;
    const bool ok = hg_gp_predict(&mean, &var, gp, &at, 1, scratch, NULL) == HG_OK && fabs(mean - 6) < 0.3;
    hg_gp_free(gp);
    return ok;
}

static const check CHECKS[] = {
    { "Cholesky factor", cholesky_passes },
    { "random streams", random_passes },
    { "Gaussian process", model_passes },
};
enum { N_CHECKS = sizeof CHECKS / sizeof *CHECKS };

static hg_status run_doctor(cli_run *run, hg_err *err) {
    char words[512];
    bool passed[N_CHECKS], all = true;
    for (size_t i = 0; i < N_CHECKS; i++) all = (passed[i] = CHECKS[i].passes(run->arena)) && all;
    hg_json j;
    if (run->json) cli_json_begin(&j, run, "doctor");
    for (size_t i = 0; i < N_FACTS; i++) {
        FACTS[i].words(words, sizeof words);
        if (run->json) {
            hg_json_string(&j, FACTS[i].name, words);
        } else {
            hg_text_add(&run->out, "%-18s", FACTS[i].name);
            cli_wrap(&run->out, words, 18, 18, cli_terminal_width());
        }
    }
    if (run->json) {
        hg_json_begin_object(&j, "self_test");
    }
    for (size_t i = 0; i < N_CHECKS; i++) {
        if (run->json) {
            hg_json_bool(&j, CHECKS[i].name, passed[i]);
        } else {
            hg_text_add(&run->out, "%-18s%s\n", CHECKS[i].name, passed[i] ? "right" : "WRONG");
        }
    }
    if (run->json) {
        hg_json_end_object(&j);
        HG_TRY(cli_json_end(run, &j, err));
    }
    if (all) return HG_OK;
    HG_TRY(cli_stdout_text(&run->out, err)); /* a failing verb prints nothing else */
    return hg_advise(err, hg_fail(err, HG_ENOTCONV, "the self-test failed"), "BLAS may be broken: %s",
                     hg_linalg_config());
}

const cli_verb cli_doctor_record = {
    .name = "doctor",
    .summary = "show versions, libraries, processor and threads, and test the arithmetic",
    .description = "Shows what this program was built from and runs on: version, BLAS and the processor it was chosen "
                   "for, instruction sets, threads, memory, linked libraries, locale. Then a quick self-test. Put its "
                   "output into a bug report.",
    .json = "schema \"hagane.doctor/1\": one text for each fact, and self_test, an object of true or false.",
    .run = run_doctor,
};
