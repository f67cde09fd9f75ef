/* tests/learn/test_repeated.c -- errors of rows whose composition was learned from: which rows, from which models, and when none */
#include "learn/repeated.h"
#include "test.h"

enum { SINGLE = 40, PAIRS = 20, ROWS = SINGLE + 2 * PAIRS };

typedef struct {
    float x[2 * ROWS];
    double y[ROWS];
    size_t group[ROWS];
    hg_composition c[ROWS];
} sample;

/* A value of its own for each composition, by chance: nothing can be known of one that was not seen. Pairs stand side by side behind the others. */
static hg_rows rows_of(sample *s) {
    hg_rng g = hg_rng_make(11, 0);
    for (size_t i = 0; i < ROWS; i++) {
        const bool second = i > SINGLE && (i - SINGLE) % 2 == 1;
        s->x[2 * i] = second ? s->x[2 * i - 2] : (float)hg_rng_normal(&g);
        s->x[2 * i + 1] = second ? s->x[2 * i - 1] : (float)hg_rng_normal(&g);
        s->y[i] = second ? s->y[i - 1] + 0.01 : 10 * hg_rng_normal(&g);
        s->group[i] = second ? s->group[i - 1] : 1000 - i;
        s->c[i] = (hg_composition) { .n = 1, .species = { { .z = 26, .amount = 1 } } };
    }
    return (hg_rows) { .n = ROWS, .d = 2, .x = s->x, .y = s->y, .group = s->group, .composition = s->c };
}

static double error_of(const hg_repeated *r, const hg_rows *rows) {
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) sum += fabs(r->out[i] - rows->y[r->row[i]]) / (double)r->n;
    return sum;
}

static void one_row_of_each_pair_is_predicted_by_who_knows_the_other(void **state) {
    static sample data;
    const hg_rows rows = rows_of(&data);
    const hg_mark mark = hg_arena_mark(*state);
    hg_study_opts o = hg_study_opts_default();
    hg_study s;
    hg_repeated r, again;
    hg_err err = { 0 };
    o.learner = "extratrees", o.settings = "leaf=1";
    assert_ok_err(hg_study_run(&s, &rows, &o, *state, &err), err);
    assert_ok_err(hg_repeated_try(&r, &s, &rows, &o, *state, &err), err);
    assert_int_equal(r.n, ROWS / 5); /* of 20 pairs, as many as a fifth of the rows */
    for (size_t i = 0; i < r.n; i++) {
        assert_true(r.row[i] >= SINGLE && r.row[i] < ROWS);
        if (i) assert_true((r.row[i] - SINGLE) / 2 > (r.row[i - 1] - SINGLE) / 2); /* one of a pair, ascending */
    }
    assert_close(error_of(&r, &rows), 0.01, 1e-6); /* the other one is known */
    assert_true(s.score.mae > 6);                  /* of a new composition nothing is */
    assert_ok_err(hg_repeated_try(&again, &s, &rows, &o, *state, &err), err);
    for (size_t i = 0; i < r.n; i++) assert_true(again.row[i] == r.row[i] && again.out[i] == r.out[i]);
    hg_study_free(&s);
    hg_arena_reset(*state, mark);
}

static void there_may_be_nothing_to_leave_out(void **state) {
    static sample data;
    hg_rows rows = rows_of(&data);
    const hg_mark mark = hg_arena_mark(*state);
    hg_study_opts o = hg_study_opts_default();
    hg_study s;
    hg_repeated r;
    o.learner = "ridge";
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    hg_rows few = rows;
    few.n = SINGLE + 2 * (HG_REPEATED_LEAST - 1);
    assert_ok(hg_repeated_try(&r, &s, &few, &o, *state, NULL));
    assert_int_equal(r.n, 0);
    o.budget = 5;
    assert_ok(hg_repeated_try(&r, &s, &rows, &o, *state, NULL));
    assert_int_equal(r.n, 0);
    o.budget = 0, rows.group = NULL;
    assert_ok(hg_repeated_try(&r, &s, &rows, &o, *state, NULL));
    assert_int_equal(r.n, 0);
    rows.group = data.group, rows.composition = NULL;
    assert_ok(hg_repeated_try(&r, &s, &rows, &o, *state, NULL));
    assert_int_equal(r.n, 0);
    hg_study_free(&s);
    hg_arena_reset(*state, mark);
}

static void failing_allocations_are_told(void **state) {
    static sample data;
    const hg_rows rows = rows_of(&data);
    hg_study_opts o = hg_study_opts_default();
    hg_study s;
    hg_repeated r;
    const hg_mark all = hg_arena_mark(*state);
    o.learner = "ridge";
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    bool done = false;
    for (long k = 0; !done && k < 10000; k++) {
        const hg_mark mark = hg_arena_mark(*state);
        fail_alloc_after(k);
        const hg_status st = hg_repeated_try(&r, &s, &rows, &o, *state, NULL);
        fail_alloc_after(-1);
        hg_arena_reset(*state, mark);
        done = st == HG_OK;
        if (!done) assert_int_equal(st, HG_ENOMEM);
    }
    assert_true(done);
    hg_study_free(&s);
    hg_arena_reset(*state, all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_row_of_each_pair_is_predicted_by_who_knows_the_other),
        TEST(there_may_be_nothing_to_leave_out),
        TEST(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
