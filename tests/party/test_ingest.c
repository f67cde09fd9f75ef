/* tests/party/test_ingest.c -- many rows: they stream through owner and servers, and what is too much for a question is said
 *
 * A million rows and their figures: bench/secret_ingest. Here it is some hundred thousand, and the peak of memory is compared with that of a
 * sixtieth of them. (The sanitizers' own memory is another: there are fewer rows then, and no bound.)
 */
#include "magnets.h"
#include "test.h"
#include <signal.h>
#include <time.h>

enum { FEW = 5000 }; /* more than a question takes: no public tables are made of them */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MANY = 10000 };
static const double MORE_MB = INFINITY;
#else
enum { MANY = 300000 };
static const double MORE_MB = 8;
#endif

static void write_table(char path[400], const magnets *m, const char *name, size_t rows) {
    hg_rng r = hg_rng_make(rows, 0);
    snprintf(path, 400, "%s/%s.csv", m->s.c.folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "name,Hc\n");
    for (size_t i = 0; i < rows; i++) fprintf(f, "M%zu,%.6f\n", hg_rng_below(&r, m->pool), 3 * hg_rng_uniform(&r));
    assert_int_equal(fclose(f), 0);
}

static magnets_result share_many(const magnets *m, const char *owner, const char *name, size_t rows) {
    char path[400];
    write_table(path, m, name, rows);
    const magnets_op op = { .kind = MAGNETS_SHARE, .member = owner, .table = path };
    const magnets_result r = magnets_do(m, &op);
    assert_ok_err(r.st, r.err);
    return r;
}

static void memory_does_not_grow_with_rows(void **state) {
    (void)state;
    magnets *m = magnets_new("many", "semi-honest", 12);
    const magnets_result few = share_many(m, "a", "few", FEW);
    const double before = test_servers_peak_mb(&m->s);
    const magnets_result many = share_many(m, "b", "many", MANY);
    const double after = test_servers_peak_mb(&m->s);
    print_message("%d and %d rows: owner %.1f and %.1f MB, server %.1f and %.1f MB\n", FEW, MANY, few.peak_mb,
                  many.peak_mb, before, after);
    assert_true(many.peak_mb < few.peak_mb + MORE_MB);
    assert_true(after < before + MORE_MB);
    magnets_free(m);
}

/* A server loses its power while they come in; then there are too many to ask about, and their owner takes them back. */
static void many_rows_survive_and_can_be_taken_back(void **state) {
    (void)state;
    static const size_t ROWS[] = { 5, 17, 100, 143 };
    magnets *m = magnets_new("back", "semi-honest", 12);
    magnets_op small = { .kind = MAGNETS_SHARE, .member = "a", .n = 4 };
    memcpy(small.row, ROWS, sizeof ROWS);
    assert_int_equal(magnets_do(m, &small).st, HG_OK);
    const magnets_result quick = share_many(m, "b", "quick", FEW);
    char path[400];
    magnets_result r;
    write_table(path, m, "slow", FEW);
    const magnets_op op = { .kind = MAGNETS_SHARE, .member = "b", .table = path, .wait_ms = 60000 };
    magnets_child child = magnets_begin(m, &op);
    const struct timespec half = { (time_t)(quick.ms / 2e3), (long)fmod(quick.ms / 2 * 1e6, 1e9) };
    nanosleep(&half, NULL);
    test_servers_stop(&m->s, 2, SIGKILL);
    magnets_start(m, 2);
    assert_true(magnets_end(&r, &child, 120000));
    assert_ok_err(r.st, r.err);

    const magnets_op ask = { .kind = MAGNETS_ASK, .member = "c" };
    const magnets_result refused = magnets_do(m, &ask);
    assert_int_equal(refused.st, HG_EREFUSED);
    assert_contains(refused.err.msg, "4096 at most can be computed with");
    assert_contains(refused.err.hint, "its owner can withdraw it");
    for (unsigned k = 0; k < 2; k++) {
        const magnets_op back = { .kind = MAGNETS_WITHDRAW, .member = "b", .dataset = k ? r.dataset : quick.dataset };
        assert_int_equal(magnets_do(m, &back).st, HG_OK);
    }
    const magnets_result answered = magnets_do(m, &ask);
    assert_ok_err(answered.st, answered.err);
    assert_int_equal(answered.index, magnets_answer(m, ROWS, 4));
    magnets_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(memory_does_not_grow_with_rows),
        TEST(many_rows_survive_and_can_be_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
