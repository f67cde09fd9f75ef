/* tests/support/test.c -- see test.h */
#include "test.h"
#include "core/memory.h"
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

int test_setup(void **state) {
    *state = hg_arena_new();
    return *state ? 0 : -1;
}

int test_teardown(void **state) {
    fail_alloc_after(-1);
    test_point();
    const size_t left = hg_arena_bytes(*state);
    hg_arena_free(*state);
    if (left) print_error("scratch arena: %zu bytes not handed back\n", left);
    return left ? -1 : 0;
}

void test_assert_ok(hg_status st, const char *call, const hg_err *err, const char *file, int line) {
    if (st == HG_OK) return;
    print_error("%s: %s %s\n", call, hg_status_name(st), err ? err->msg : "");
    _fail(file, line);
}

void test_assert_close(double a, double b, double tol, const char *file, int line) {
    const double scale = fmax(1, fmax(fabs(a), fabs(b)));
    if (fabs(a - b) <= tol * scale) return;
    print_error("%.17g is not %.17g to %g (difference %g)\n", a, b, tol, a - b);
    _fail(file, line);
}

void test_assert_contains(const char *text, const char *part, const char *file, int line) {
    if (text && strstr(text, part)) return;
    print_error("\"%s\" does not contain \"%s\"\n", text ? text : "(null)", part);
    _fail(file, line);
}

void fail_alloc_after(long k) { hg_fault_alloc_after(k); }

const char *test_source(char *buf, size_t size, const char *relative) {
    snprintf(buf, size, "%s/%s", HG_SOURCE_DIR, relative);
    return buf;
}

const char *test_shared(char *buf, size_t size, const char *relative) {
    snprintf(buf, size, "%s/../shared/%s", HG_SOURCE_DIR, relative);
    if (access(buf, R_OK) == 0) return buf;
    print_error("SKIPPED: %s is not there (data that cannot be redistributed; see docs)\n", buf);
    return NULL;
}

const char *test_scratch(char *buf, size_t size, const char *name) {
    mkdir(HG_SCRATCH_DIR, 0777);
    snprintf(buf, size, "%s/%ld-%s", HG_SCRATCH_DIR, (long)getpid(), name);
    return buf;
}

/* The C library's file of LC_NUMERIC with another sign: localedef is not needed, nor anything installed. */
static bool make_comma(void) {
    enum { HEADER = 32 };
    char folder[512], path[600], bytes[4096];
    test_scratch(folder, sizeof folder, "locales");
    mkdir(folder, 0777);
    setenv("LOCPATH", folder, 1);
    snprintf(path, sizeof path, "%s/comma", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/comma/LC_NUMERIC", folder);
    FILE *in = fopen("/usr/lib/locale/C.utf8/LC_NUMERIC", "rb"), *out = in ? fopen(path, "wb") : NULL;
    const size_t n = in ? fread(bytes, 1, sizeof bytes, in) : 0;
    for (size_t i = HEADER; i + 1 < n; i++) /* the sign as a text, and as a wide character */
        if (bytes[i] == '.' && bytes[i + 1] == '\0') bytes[i] = ',';
    const bool made = out && fwrite(bytes, 1, n, out) == n;
    if (in) fclose(in);
    if (out) fclose(out);
    const bool set = made && setlocale(LC_NUMERIC, "comma");
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(folder);
    unsetenv("LOCPATH");
    return set;
}

bool test_comma(void) {
    static const char *const INSTALLED[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "de_DE" };
    char text[8];
    bool set = false;
    for (size_t i = 0; i < sizeof INSTALLED / sizeof *INSTALLED && !set; i++)
        set = setlocale(LC_NUMERIC, INSTALLED[i]) != NULL;
    set = set || make_comma();
    snprintf(text, sizeof text, "%.1f", 0.5);
    if (set && strcmp(text, "0,5") == 0) return true;
    test_point();
    print_error("SKIPPED in part: no locale with a decimal comma is there, and none could be made\n");
    return false;
}

void test_point(void) { setlocale(LC_NUMERIC, "C"); }

double test_gradient_error(double (*f)(void *ctx, const double *x), void *ctx, double *x, const double *grad, size_t n,
                           double step) {
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        const double keep = x[i];
        x[i] = keep + step;
        const double up = f(ctx, x);
        x[i] = keep - step;
        const double down = f(ctx, x);
        x[i] = keep;
        worst = fmax(worst, fabs((up - down) / (2 * step) - grad[i]) / fmax(1, fabs(grad[i])));
    }
    return worst;
}

bool test_stop(void *user, const char *what, size_t done, size_t total) {
    (void)user, (void)what, (void)total;
    return done == 0;
}

double test_correlation(const float *a, const float *b, size_t n) {
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++) {
        ma += (double)a[i] / (double)n;
        mb += (double)b[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        const double p = (double)a[i] - ma, q = (double)b[i] - mb;
        aa += p * p;
        bb += q * q;
        ab += p * q;
    }
    return ab / sqrt(aa * bb);
}
