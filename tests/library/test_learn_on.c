/* tests/library/test_learn_on.c -- a source that is a network: its hidden layers as features, and its networks learning on */
#include "core/memory.h"
#include "hagane/csv.h"
#include "hagane/predictor.h"
#include "learn/mlp_learner.h"
#include "learn/records.h"
#include "program.h"
#include "test.h"

enum { MANY = 400, FEW = 30, NEW = 60, TEXT = 1 << 16 };

/* The related property, z = sin(2 a) + b^2 / 2, of many rows; the wanted one, y = 2 - 3 z, of few. */
static hg_table *table_of(size_t rows, uint64_t stream, char target) {
    static char text[TEXT];
    hg_rng r = hg_rng_make(9, stream);
    hg_table *t;
    hg_err err;
    size_t at = (size_t)snprintf(text, sizeof text, "a,b,c,%c\n", target);
    for (size_t i = 0; i < rows; i++) {
        const double a = 4 * hg_rng_uniform(&r), b = hg_rng_normal(&r), c = hg_rng_normal(&r);
        const double z = sin(2 * a) + 0.5 * b * b, v = target == 'z' ? z : 2 - 3 * z;
        at += (size_t)snprintf(text + at, sizeof text - at, "%.6f,%.6f,%.6f,%.6f\n", a, b, c, v);
    }
    assert_ok_err(hg_csv_read_memory(&t, "t.csv", text, strlen(text), NULL, &err), err);
    return t;
}

static hg_predictor *learn(const hg_table *t, const char *target, const char *learner, const char *settings,
                           hg_predictor *const *source) {
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_predictor *p;
    hg_err err = { 0 };
    o.learner = learner, o.settings = settings, o.folds = 2;
    o.source = source, o.n_sources = source ? 1 : 0;
    assert_ok_err(hg_predictor_fit(&p, t, target, &o, &err), err);
    return p;
}

static double error_of(hg_forecast *f, const hg_predictor *p, const hg_table *t, hg_arena *mem) {
    hg_err err = { 0 };
    size_t j;
    double sum = 0;
    assert_ok_err(hg_predictor_predict(f, NULL, p, t, 0.9, NULL, mem, &err), err);
    assert_ok(hg_table_find(&j, t, "y", NULL));
    for (size_t i = 0; i < NEW; i++) sum += fabs(f[i].value - hg_table_column(t, j)->number[i]) / NEW;
    return sum;
}

/* Both methods do with 30 rows what the same learners alone cannot, and go through a folder that has all they need. */
static void a_network_teaches_what_its_layers_know(void **state) {
    static const char *const METHOD[][2] = { { "frozen", "head=0" }, { "frozen", "head=1" }, { "fine-tune", NULL } };
    static const char NET[] = "members=2 width=32 epochs=200";
    hg_table *many = table_of(MANY, 0, 'z'), *few = table_of(FEW, 1, 'y'), *new_rows = table_of(NEW, 2, 'y');
    hg_predictor *source = learn(many, "z", "mlp", NET, NULL);
    hg_forecast a[NEW], b[NEW];
    hg_err err = { 0 };
    char folder[512];
    const hg_mark mark = hg_arena_mark(*state);
    hg_predictor *alone = learn(few, "y", "gp", NULL, NULL);
    const double none = error_of(a, alone, new_rows, *state);
    double worst = 0;
    hg_predictor_free(alone);
    for (size_t k = 0; k < sizeof METHOD / sizeof *METHOD; k++) {
        hg_predictor *p = learn(few, "y", METHOD[k][0], METHOD[k][1], &source), *back;
        const double e = error_of(a, p, new_rows, *state);
        print_message("%s %s: %.3f, a Gaussian process of the 30 rows alone %.3f\n", METHOD[k][0],
                      METHOD[k][1] ? METHOD[k][1] : "", e, none);
        worst = fmax(worst, e);
        assert_ok_err(hg_predictor_save(p, test_scratch(folder, sizeof folder, "learned-on"), NULL, &err), err);
        hg_predictor_free(p);
        assert_ok_err(hg_predictor_load(&back, folder, &err), err);
        error_of(b, back, new_rows, *state);
        for (size_t i = 0; i < NEW; i++) assert_memory_equal(&a[i].value, &b[i].value, sizeof a[i].value);
        hg_predictor_free(back);
    }
    assert_true(worst < 0.7 * none);
    hg_arena_reset(*state, mark);
    hg_predictor_free(source);
    hg_table_free(many);
    hg_table_free(few);
    hg_table_free(new_rows);
}

static void a_source_without_networks_is_said(void **state) {
    (void)state;
    hg_table *many = table_of(MANY, 0, 'z'), *few = table_of(FEW, 1, 'y');
    hg_predictor *source = learn(many, "z", "gp", NULL, NULL), *p;
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_err err = { 0 };
    o.learner = "fine-tune", o.source = &source, o.n_sources = 1;
    assert_int_equal(hg_predictor_fit(&p, few, "y", &o, &err), HG_EDATA);
    assert_contains(err.msg, "network");
    assert_null(p);
    hg_predictor_free(source);
    hg_table_free(many);
    hg_table_free(few);
}

/* ---- the engine below ------------------------------------------------------------------------------------------------ */

enum { D = 3 };

/* Values of a straight line of what the network says are met by the line alone: no epoch is better by much. */
static void a_straight_line_is_all_that_is_needed(void **state) {
    (void)state;
    float x[MANY * D];
    double y[MANY], says[MANY], again[MANY], option[HG_LEARNER_OPTIONS_MOST], worst = 0;
    hg_rng r = hg_rng_make(4, 0);
    const hg_learner *l = &hg_mlp_learner;
    void *from, *to;
    hg_err err = { 0 };
    for (size_t i = 0; i < MANY * D; i++) x[i] = (float)hg_rng_normal(&r);
    for (size_t i = 0; i < MANY; i++) y[i] = tanh((double)x[i * D]) + 0.3 * (double)x[i * D + 1];
    hg_rows rows = { .n = MANY, .d = D, .x = x, .y = y };
    hg_learner_defaults(option, l);
    assert_ok_err(hg_learner_set(option, l, "members=2 width=16 epochs=30", &err), err);
    const hg_learning how = { .option = option, .seed = 1 };
    assert_ok_err(l->fit(&from, &rows, &how, &err), err);
    assert_int_equal(hg_mlp_inputs(from), D);
    assert_int_equal(hg_mlp_hidden_size(from), 2 * 8); /* 16, then 8 units */
    assert_ok(l->predict(says, NULL, from, &rows, NULL, NULL));
    for (size_t i = 0; i < MANY; i++) y[i] = 100 - 7 * says[i];
    rows.n = 40;
    const hg_mlp_tuning t = { .epochs = 3, .patience = 3, .rate = 1e-6 }; /* which hardly moves anything */
    assert_ok_err(hg_mlp_tune(&to, from, &rows, &t, &how, &err), err);
    rows.n = MANY;
    assert_ok(l->predict(again, NULL, to, &rows, NULL, NULL));
    for (size_t i = 0; i < MANY; i++) worst = fmax(worst, fabs(again[i] - y[i]));
    assert_true(worst < 1.5); /* y spreads over 14; the two networks differ from their mean */
    l->free(to);
    rows.d = D - 1;
    assert_int_equal(hg_mlp_tune(&to, from, &rows, &t, &how, &err), HG_EDATA);
    assert_null(to);
    l->free(from);
}

/* What upon hidden layers is linear is what a network says: the last layer is a sum of them. */
static void hidden_layers_sum_up_to_the_output(void **state) {
    (void)state;
    enum { ONE = 8 };
    float x[MANY * D], hidden[MANY * ONE];
    double y[MANY], says[MANY], out[MANY], option[HG_LEARNER_OPTIONS_MOST], ridge[HG_LEARNER_OPTIONS_MOST], worst = 0;
    hg_rng r = hg_rng_make(5, 0);
    void *net, *line;
    for (size_t i = 0; i < MANY * D; i++) x[i] = (float)hg_rng_normal(&r);
    for (size_t i = 0; i < MANY; i++) y[i] = tanh((double)x[i * D]) + 0.3 * (double)x[i * D + 1];
    hg_rows rows = { .n = MANY, .d = D, .x = x, .y = y };
    hg_learner_defaults(option, &hg_mlp_learner);
    assert_ok(hg_learner_set(option, &hg_mlp_learner, "members=1 width=16 epochs=30", NULL));
    assert_ok(hg_mlp_learner.fit(&net, &rows, &(hg_learning) { .option = option, .seed = 1 }, NULL));
    assert_int_equal(hg_mlp_hidden_size(net), ONE);
    assert_ok(hg_mlp_learner.predict(says, NULL, net, &rows, NULL, NULL));
    assert_ok(hg_mlp_hidden(hidden, net, x, MANY, NULL));
    const hg_rows inside = { .n = MANY, .d = ONE, .x = hidden, .y = says };
    hg_learner_defaults(ridge, &hg_ridge_learner);
    assert_ok(hg_ridge_learner.fit(&line, &inside, &(hg_learning) { .option = ridge, .seed = 1 }, NULL));
    assert_ok(hg_ridge_learner.predict(out, NULL, line, &inside, NULL, NULL));
    for (size_t i = 0; i < MANY; i++) worst = fmax(worst, fabs(out[i] - says[i]));
    print_message("farthest from a linear function of its hidden layer: %.2g\n", worst);
    assert_true(worst < 0.02);
    hg_ridge_learner.free(line);
    hg_mlp_learner.free(net);
}

static void failing_allocations_are_told(void **state) {
    (void)state;
    static const char *const METHOD[2] = { "frozen", "fine-tune" };
    hg_table *many = table_of(200, 0, 'z'), *few = table_of(FEW, 1, 'y');
    hg_predictor *source = learn(many, "z", "mlp", "members=1 width=16 epochs=100", NULL);
    for (size_t m = 0; m < 2; m++) {
        hg_predictor_opts o = hg_predictor_opts_default();
        hg_status st = HG_ENOMEM;
        hg_err err = { 0 };
        o.learner = METHOD[m], o.settings = m ? "epochs=2" : NULL, o.source = &source, o.n_sources = 1, o.folds = 2;
        for (long k = 0; st != HG_OK && k < 100000; k += 1 + k / 8) {
            hg_predictor *p;
            fail_alloc_after(k);
            st = hg_predictor_fit(&p, few, "y", &o, &err);
            fail_alloc_after(-1);
            if (st != HG_OK && st != HG_ENOMEM) print_message("%s, allocation %ld: %s\n", METHOD[m], k, err.msg);
            if (st == HG_OK)
                hg_predictor_free(p);
            else
                assert_true(st == HG_ENOMEM && !p);
        }
        assert_int_equal(st, HG_OK);
    }
    hg_predictor_free(source);
    hg_table_free(many);
    hg_table_free(few);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_network_teaches_what_its_layers_know), TEST(a_source_without_networks_is_said),
        TEST(a_straight_line_is_all_that_is_needed),  TEST(hidden_layers_sum_up_to_the_output),
        TEST(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
