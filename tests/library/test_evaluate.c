/* tests/library/test_evaluate.c -- models side by side: the same sums in one block or many, and a picture of them */
#include "library/evaluate.h"
#include "test.h"

enum { N = 5 };

static void read_set(hg_molecule_set *s, hg_arena *mem) {
    char path[512];
    hg_err err;
    const hg_target t = { NULL, 1, false };
    test_source(path, sizeof path, "data/qm9-under7/energy_test.txt.xz");
    assert_ok_err(hg_molecule_set_read(s, path, &(hg_molecule_set_opts) { .target = &t, .n_targets = 1 }, mem, &err),
                  err);
    assert_int_equal(s->n, N);
}

static void add_all(hg_evaluation *e, hg_model **model, hg_baseline *b, const hg_molecule_set *s) {
    char path[512];
    hg_err err;
    assert_ok_err(hg_model_load(model, test_source(path, sizeof path, "models/qdf2"), &err), err);
    hg_judged j = { .name = "qdf2", .model = *model };
    hg_model_sizes(&j.least, &j.most, *model);
    assert_ok(hg_evaluation_add(e, &j, NULL));
    memset(b, 0, sizeof *b);
    for (size_t i = 0; i < s->n; i++)
        if (i != 4) hg_baseline_add(b, s->molecule[i], s->value[i]); /* the one with fluorine */
    assert_ok(hg_baseline_fit(b, NULL));
    assert_ok(hg_evaluation_add(e, &(hg_judged) { .name = "composition", .baseline = b, .least = 4, .most = 7 }, NULL));
}

static void blocks_add_up(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static hg_baseline b;
    hg_evaluation one = { 0 }, many = { 0 };
    hg_model *model[2];
    hg_molecule_set s;
    hg_pool *pool;
    read_set(&s, mem);
    add_all(&one, &model[0], &b, &s);
    add_all(&many, &model[1], &b, &s);
    assert_ok(hg_pool_new(&pool, 2, NULL));
    assert_ok(hg_evaluation_block(&one, &s, pool, mem, NULL));
    for (size_t i = 0; i < N; i++) {
        const hg_molecule_set single = { .n = 1, .molecule = s.molecule + i, .value = s.value + i };
        assert_ok(hg_evaluation_block(&many, &single, NULL, mem, NULL));
    }
    assert_int_equal(one.by_size.rows, 3); /* 4, 5 and 7 atoms */
    assert_int_equal(many.by_size.rows, 3);
    assert_memory_equal(one.by_size.key, ((size_t[]) { 4, 5, 7 }), 3 * sizeof(size_t));
    assert_memory_equal(one.by_size.q, many.by_size.q, 6 * sizeof(hg_quality));
    for (size_t k = 0; k < 2; k++) {
        double sum = 0;
        for (size_t i = 0; i < 3; i++) sum += one.by_size.q[2 * i + k].absolute;
        assert_close(sum, one.total[k].absolute, 1e-12);
    }
    assert_int_equal(one.total[0].n, N);
    assert_int_equal(one.total[1].n, 4);
    assert_int_equal(one.total[1].failed, 1);
    assert_contains(one.first[1].msg, "no molecule with F");
    assert_int_equal(one.first[0].code, HG_OK);
    hg_pool_free(pool);
    hg_evaluation_free(&one);
    hg_evaluation_free(&many);
    hg_model_free(model[0]);
    hg_model_free(model[1]);
    hg_arena_reset(mem, mark);
}

static void the_picture(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static hg_baseline b;
    hg_evaluation e = { 0 };
    hg_model *model;
    hg_molecule_set s;
    hg_bytes svg;
    hg_err err;
    assert_ok_err(hg_evaluation_figure(&svg, &e, "eV", 1, HG_FIGURE_SVG, &err), err); /* nothing yet */
    hg_bytes_free(&svg);
    read_set(&s, mem);
    add_all(&e, &model, &b, &s);
    assert_ok(hg_evaluation_block(&e, &s, NULL, mem, NULL));
    assert_ok_err(hg_evaluation_figure(&svg, &e, "kcal/mol", 1 / HG_KCAL_PER_MOL_PER_EV, HG_FIGURE_SVG, &err), err);
    assert_true(strncmp(svg.data, "<?xml", 5) == 0 || strncmp(svg.data, "<svg", 4) == 0);
    hg_bytes_free(&svg);
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_evaluation_figure(&svg, &e, "", 1, HG_FIGURE_PNG, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_null(svg.data);
    }
    hg_bytes_free(&svg);
    hg_evaluation_free(&e);
    hg_model_free(model);
    hg_arena_reset(mem, mark);
}

static void too_many_are_refused(void **state) {
    (void)state;
    hg_evaluation e = { 0 };
    hg_err err;
    for (int i = 0; i < HG_JUDGED_MOST; i++) assert_ok(hg_evaluation_add(&e, &(hg_judged) { .name = "x" }, NULL));
    assert_int_equal(hg_evaluation_add(&e, &(hg_judged) { .name = "x" }, &err), HG_EINVAL);
    assert_contains(err.msg, "at most 8 models");
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(blocks_add_up), TEST(the_picture), TEST(too_many_are_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
