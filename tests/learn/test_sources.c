/* tests/learn/test_sources.c -- of many sources those are taken that say something of the rows, and nothing else */
#include "learn/sources.h"
#include "core/memory.h"
#include "learn/affine.h"
#include "test.h"

enum { N = 60, D = 3, SOURCES = 7 };

/* y = u + 2 v + noise. Sources: chance, u, constant, v, u again with much noise, chance, one that is not finite. */
typedef struct {
    float x[N * D];
    double y[N], column[SOURCES][N];
    const double *at[SOURCES];
} world;

static hg_rows make(world *w, double noise) {
    hg_rng r = hg_rng_make(11, 0);
    for (size_t i = 0; i < N; i++) {
        const double u = hg_rng_normal(&r), v = hg_rng_normal(&r);
        for (size_t j = 0; j < D; j++) w->x[i * D + j] = (float)hg_rng_normal(&r);
        w->y[i] = u + 2 * v + noise * hg_rng_normal(&r);
        const double c[SOURCES] = { hg_rng_normal(&r), u, 4, v, u + 1.5 * hg_rng_normal(&r), hg_rng_normal(&r), NAN };
        for (size_t k = 0; k < SOURCES; k++) w->column[k][i] = c[k];
    }
    for (size_t k = 0; k < SOURCES; k++) w->at[k] = w->column[k];
    return (hg_rows) { .n = N, .d = D, .x = w->x, .y = w->y };
}

static void what_says_something_is_taken_in_its_order(void **state) {
    (void)state;
    static world w;
    const hg_rows rows = make(&w, 0.1);
    hg_source_worth worth[SOURCES];
    const hg_learning how = { .seed = 1 };
    double shares = 0;
    assert_ok(hg_sources_choose(worth, &rows, w.at, SOURCES, SOURCES, &how, NULL));
    for (size_t k = 0; k < SOURCES; k++) {
        print_message("source %zu: alone %.2f, share %.2f, order %zu\n", k, worth[k].alone, worth[k].share,
                      worth[k].order);
        assert_true((worth[k].share > 0) == (worth[k].order > 0));
        shares += worth[k].share;
    }
    assert_close(shares, 1, 1e-12);
    assert_true(worth[3].order == 1 && worth[1].order == 2); /* y = u + 2 v: v says more */
    assert_true(worth[1].alone > worth[4].alone && worth[4].alone > worth[0].alone);
    assert_close(worth[3].share / worth[1].share, (1 + worth[3].alone) / (1 + worth[1].alone), 1e-9);
    assert_true(worth[0].order == 0 && worth[5].order == 0); /* chance */
    assert_close(worth[2].alone, 0, 0);                      /* constant, not finite: worth nothing */
    assert_close(worth[6].alone, 0, 0);
    assert_ok(hg_sources_choose(worth, &rows, w.at, SOURCES, 1, &how, NULL)); /* one at most */
    assert_true(worth[3].order == 1 && worth[1].order == 0);
    assert_close(worth[3].share, 1, 1e-12);
}

/* The nats are differences of the objective that affine transfer has. */
static void worth_is_a_difference_of_evidence(void **state) {
    (void)state;
    static world w;
    hg_rows rows = make(&w, 0.1);
    hg_source_worth worth[SOURCES];
    const hg_learning how = { .seed = 1 };
    double none, with;
    float x[N * (D + 1)];
    assert_ok(hg_sources_choose(worth, &rows, w.at, SOURCES, 1, &how, NULL));
    assert_ok(hg_affine_evidence(&none, &rows, &how, NULL));
    for (size_t i = 0; i < N; i++) {
        x[i * (D + 1)] = (float)w.column[3][i];
        memcpy(x + i * (D + 1) + 1, w.x + i * D, D * sizeof *x);
    }
    rows.x = x, rows.d = D + 1, rows.sources = 1;
    assert_ok(hg_affine_evidence(&with, &rows, &how, NULL));
    assert_close(worth[3].alone, with - none, 1e-9);
}

static void units_and_order_do_not_matter(void **state) {
    (void)state;
    static world w;
    const hg_rows rows = make(&w, 0.1);
    hg_source_worth a[SOURCES], b[SOURCES];
    const double *turned[SOURCES];
    assert_ok(hg_sources_choose(a, &rows, w.at, SOURCES, SOURCES, &(hg_learning) { .seed = 1 }, NULL));
    for (size_t k = 0; k < SOURCES; k++) {
        for (size_t i = 0; i < N; i++) w.column[k][i] *= 1024;
        turned[SOURCES - 1 - k] = w.column[k];
    }
    assert_ok(hg_sources_choose(b, &rows, turned, SOURCES, SOURCES, &(hg_learning) { .seed = 1 }, NULL));
    for (size_t k = 0; k < SOURCES; k++) assert_int_equal(a[k].order, b[SOURCES - 1 - k].order);
}

static void chance_is_not_taken(void **state) {
    (void)state;
    static world w;
    const hg_rows rows = make(&w, 0.1);
    const double *chance[2] = { w.at[0], w.at[5] };
    hg_source_worth worth[2];
    assert_ok(hg_sources_choose(worth, &rows, chance, 2, 2, &(hg_learning) { .seed = 1 }, NULL));
    assert_true(worth[0].order == 0 && worth[1].order == 0);
    assert_ok(hg_sources_choose(worth, &rows, NULL, 0, 5, &(hg_learning) { .seed = 1 }, NULL)); /* none at all */
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)user, (void)what, (void)done, (void)total;
    return false;
}

static void it_stops_when_asked_and_memory_may_fail(void **state) {
    (void)state;
    static world w;
    const hg_rows rows = make(&w, 0.1);
    hg_source_worth worth[SOURCES];
    const hg_hooks hooks = { .progress = stop };
    assert_int_equal(hg_sources_choose(worth, &rows, w.at, SOURCES, 2, &(hg_learning) { .hooks = &hooks }, NULL),
                     HG_ECANCEL);
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK && k < 1000; k++) {
        fail_alloc_after(k);
        st = hg_sources_choose(worth, &rows, w.at, 2, 1, &(hg_learning) { .seed = 1 }, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
    }
    assert_int_equal(st, HG_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_says_something_is_taken_in_its_order),
        TEST(worth_is_a_difference_of_evidence),
        TEST(units_and_order_do_not_matter),
        TEST(chance_is_not_taken),
        TEST(it_stops_when_asked_and_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
