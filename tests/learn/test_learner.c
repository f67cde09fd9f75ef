/* tests/learn/test_learner.c -- what every learner of the table keeps: threads, seeds, files, refusals, faults */
#include "learn/learner.h"
#include "core/memory.h"
#include "test.h"

enum { N = 60, D = 4, NEW = 25 };

/* y = 3 a - 2 b + a little noise, c says nothing, d is constant; classes by the sign of y, and a third one far up. Compounds are
 * Fe, O and Si, of which a and b tell the amounts. */
typedef struct {
    float x[(N + NEW) * D];
    double y[N + NEW];
    hg_composition c[N + NEW];
} world;

static hg_rows rows_of(world *w, size_t classes, size_t from, size_t n, bool with_y) {
    hg_rng r = hg_rng_make(7, 0);
    for (size_t i = 0; i < N + NEW; i++) {
        float *x = w->x + i * D;
        for (size_t j = 0; j < 3; j++) x[j] = (float)hg_rng_normal(&r);
        x[3] = 5;
        const double y = 3 * (double)x[0] - 2 * (double)x[1] + 0.05 * hg_rng_normal(&r);
        w->y[i] = classes ? (double)(y > 0) + (double)(classes > 2 && y > 3) : y;
        w->c[i] = (hg_composition) { .n = 3,
                                     .species = { { .z = 26, .amount = exp(0.5 * (double)x[0]) },
                                                  { .z = 8, .amount = exp(0.5 * (double)x[1]) },
                                                  { .z = 14, .amount = 1 } } };
    }
    return (hg_rows) { .n = n,
                       .d = D,
                       .x = w->x + from * D,
                       .sources = 2,
                       .composition = w->c + from,
                       .y = with_y ? w->y + from : NULL,
                       .classes = classes };
}

/* Little work for those that take many rounds: what is tested here does not need more. */
static double rounds = 60;

static void shorten(double *option, const hg_learner *l) {
    const struct {
        const char *name;
        double most;
    } LESS[] = { { "epochs", rounds }, { "members", 2 }, { "width", 32 }, { "layers", 1 }, { "batch", 16 } };
    for (size_t k = 0; k < l->n_options; k++)
        for (size_t i = 0; i < sizeof LESS / sizeof *LESS; i++)
            if (strcmp(l->option[k].name, LESS[i].name) == 0) option[k] = LESS[i].most;
}

static hg_status fit(void **m, const hg_learner *l, const hg_rows *rows, uint64_t seed, hg_pool *pool, hg_err *err) {
    double option[HG_LEARNER_OPTIONS_MOST];
    hg_learner_defaults(option, l);
    shorten(option, l);
    return l->fit(m, rows, &(hg_learning) { .option = option, .seed = seed, .pool = pool }, err);
}

static size_t outputs(size_t classes) { return classes ? classes : 1; }

/* A model written to a file, read again: the same predictions. Damaged files are refused, whatever the tensor. */
static void round_trip(const hg_learner *l, const void *m, size_t classes, const hg_rows *new_rows, const double *want,
                       hg_arena *mem) {
    char path[512];
    hg_err err = { 0 };
    hg_shelf shelf = hg_shelf_new(mem);
    hg_safetensors *file;
    void *back;
    double out[NEW * 3];
    const hg_mark mark = hg_arena_mark(mem);
    assert_ok_err(l->save(m, &shelf, &err), err);
    assert_true(shelf.n > 0);
    test_scratch(path, sizeof path, "learner.safetensors");
    assert_ok_err(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, &err), err);
    assert_ok_err(hg_safetensors_open(&file, path, 0, &err), err);
    const hg_shelf_view view = { .file = file, .source = path, .prefix = "" };
    assert_ok_err(l->load(&back, &view, D, classes, &err), err);
    assert_ok_err(l->predict(out, NULL, back, new_rows, NULL, &err), err);
    assert_memory_equal(out, want, NEW * outputs(classes) * sizeof *out);
    l->free(back);
    hg_safetensors_free(file);

    for (size_t k = 0; k < shelf.n; k++) { /* one tensor left out at a time */
        const hg_stored last = shelf.tensor[shelf.n - 1], gone = shelf.tensor[k];
        shelf.tensor[k] = last;
        assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n - 1, NULL, 0, NULL));
        shelf.tensor[k] = gone;
        assert_ok(hg_safetensors_open(&file, path, 0, NULL));
        const hg_shelf_view less = { .file = file, .source = path, .prefix = "" };
        assert_int_not_equal(l->load(&back, &less, D, classes, &err), HG_OK);
        assert_null(back);
        hg_safetensors_free(file);
    }
    hg_shelf_free(&shelf);
    hg_arena_reset(mem, mark);
}

static void check_task(const hg_learner *l, size_t classes, hg_arena *mem) {
    static world w;
    const hg_rows rows = rows_of(&w, classes, 0, N, true), new_rows = rows_of(&w, classes, N, NEW, false);
    const size_t k = outputs(classes);
    double one[NEW * 3], three[NEW * 3], alone[3];
    hg_err err = { 0 };
    hg_pool *pool;
    void *m, *again;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    assert_ok_err(fit(&m, l, &rows, 1, NULL, &err), err);
    assert_ok_err(l->predict(one, NULL, m, &new_rows, NULL, &err), err);
    double wrong = 0, spread = 0;
    for (size_t i = 0; i < NEW; i++) {
        if (!classes) {
            wrong += fabs(one[i] - w.y[N + i]), spread += fabs(w.y[N + i]);
            continue;
        }
        double sum = 0;
        size_t most = 0;
        for (size_t q = 0; q < k; q++) {
            assert_true(one[i * k + q] >= 0);
            sum += one[i * k + q];
            if (one[i * k + q] > one[i * k + most]) most = q;
        }
        assert_close(sum, 1, 1e-9);
        wrong += (double)((double)most != w.y[N + i]), spread += 1;
    }
    print_message("%s, %zu classes: %.3f of %.3f\n", l->name, classes, wrong / NEW, spread / NEW);
    assert_true(wrong < 0.5 * spread); /* it has learned */

    assert_ok_err(fit(&again, l, &rows, 1, pool, &err), err); /* three threads: the same bits */
    assert_ok_err(l->predict(three, NULL, again, &new_rows, pool, &err), err);
    assert_memory_equal(one, three, NEW * k * sizeof *one);
    hg_rows row = new_rows; /* and one row alone */
    row.n = 1, row.x += 7 * D, row.composition += 7;
    assert_ok_err(l->predict(alone, NULL, m, &row, NULL, &err), err);
    assert_memory_equal(alone, one + 7 * k, k * sizeof *alone);

    round_trip(l, m, classes, &new_rows, one, mem);
    l->free(m);
    l->free(again);
    hg_pool_free(pool);
}

static void each_learner_learns_the_same_for_any_number_of_threads(void **state) {
    for (size_t i = 0; hg_learner_at(i); i++) {
        const hg_learner *l = hg_learner_at(i);
        static const size_t CLASSES[] = { 0, 2, 3 };
        for (size_t t = 0; t < 3; t++) {
            static world w;
            const hg_rows rows = rows_of(&w, CLASSES[t], 0, N, true);
            if (!l->suits || !l->suits(&rows)) check_task(l, CLASSES[t], *state);
        }
        assert_ptr_equal(hg_learner_find(l->name), l);
        assert_ptr_equal(hg_learner_find(l->version), l);
        assert_true(l->n_options <= HG_LEARNER_OPTIONS_MOST);
        double option[HG_LEARNER_OPTIONS_MOST];
        hg_err err;
        hg_learner_defaults(option, l);
        for (size_t k = 0; l->variant && l->variant[k]; k++)
            assert_ok_err(hg_learner_set(option, l, l->variant[k], &err), err);
    }
    assert_null(hg_learner_find("oracle"));
}

static void each_learner_survives_failing_allocations(void **state) {
    (void)state;
    static world w;
    const hg_rows rows = rows_of(&w, 0, 0, 12, true);
    rounds = 1;
    for (size_t i = 0; hg_learner_at(i); i++) {
        const hg_learner *l = hg_learner_at(i);
        if (l->suits && l->suits(&rows)) continue;
        bool done = false;
        for (long k = 0; !done && k < 100000; k += 1 + k / 20) {
            void *m;
            double out[12];
            fail_alloc_after(k);
            hg_status st = fit(&m, l, &rows, 1, NULL, NULL);
            if (st == HG_OK) {
                st = l->predict(out, NULL, m, &rows, NULL, NULL);
                l->free(m);
            } else {
                assert_null(m);
            }
            fail_alloc_after(-1);
            done = st == HG_OK;
            if (!done) assert_int_equal(st, HG_ENOMEM);
        }
        assert_true(done);
    }
    rounds = 60;
}

/* ---- ridge by hand ------------------------------------------------------------------------------------------------- */

static void ridge_is_the_textbook_formula(void **state) {
    (void)state;
    const float x[4] = { -3, -1, 1, 3 }; /* scaled: x / sqrt(5) */
    const double y[4] = { 1, 2, 6, 11 };
    const hg_rows rows = { .n = 4, .d = 1, .x = x, .y = y };
    const hg_learner *l = hg_learner_find("ridge");
    double option[1], out[1];
    void *m;
    hg_learner_defaults(option, l);
    assert_ok(hg_learner_set(option, l, "penalty=6", NULL));
    assert_ok(l->fit(&m, &rows, &(hg_learning) { .option = option }, NULL));
    const hg_rows at = { .n = 1, .d = 1, .x = &(const float) { 2 } };
    assert_ok(l->predict(out, NULL, m, &at, NULL, NULL));
    /* Z'y = (-3 - 2 + 6 + 33)/sqrt5 = 34/sqrt5, Z'Z = 4: w = 34/sqrt5 / 10, value 5 + 2/sqrt5 w */
    assert_close(out[0], 5 + 2 * 34 / (5 * 10.0), 1e-12);
    l->free(m);
}

/* More columns than rows: the dual way gives what the primal one does when a column is repeated: twice the column is half
 * the penalty. */
static void ridge_is_the_same_in_its_dual_form(void **state) {
    (void)state;
    enum { COPIES = 8 };
    static world w;
    const hg_rows rows = rows_of(&w, 0, 0, 20, true);
    float many[20 * 3 * COPIES];
    for (size_t i = 0; i < 20; i++)
        for (size_t j = 0; j < 3 * COPIES; j++) many[i * 3 * COPIES + j] = w.x[i * D + j % 3];
    const hg_rows wide = { .n = 20, .d = 3 * COPIES, .x = many, .y = rows.y };
    const hg_learner *l = hg_learner_find("ridge");
    double a[20], b[20];
    void *m;
    assert_ok(l->fit(&m, &rows, &(hg_learning) { .option = &(const double) { 5 } }, NULL));
    assert_ok(l->predict(a, NULL, m, &rows, NULL, NULL));
    l->free(m);
    assert_ok(l->fit(&m, &wide, &(hg_learning) { .option = &(const double) { 5 * COPIES } }, NULL));
    assert_ok(l->predict(b, NULL, m, &wide, NULL, NULL));
    l->free(m);
    for (size_t i = 0; i < 20; i++) assert_close(a[i], b[i], 1e-9);
}

/* ---- parts, options -------------------------------------------------------------------------------------------------- */

static void parts_keep_groups_together_and_classes_apart(void **state) {
    (void)state;
    static world w;
    hg_rows rows = rows_of(&w, 2, 0, N, true);
    size_t group[N], part[N], again[N], count[5] = { 0 }, ones[5] = { 0 }, total = 0;
    for (size_t i = 0; i < N; i++) group[i] = 1000 - i % 20;
    for (size_t i = 0; i < N; i++) w.y[i] = (double)(i % 20 < 10);
    rows.group = group;
    assert_int_equal(hg_rows_split(part, &rows, 5, 3), 5);
    assert_int_equal(hg_rows_split(again, &rows, 5, 3), 5);
    assert_memory_equal(part, again, sizeof part);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(part[i], part[i % 20]);
        count[part[i]]++;
        ones[part[i]] += (size_t)w.y[i], total += (size_t)w.y[i];
    }
    for (size_t p = 0; p < 5; p++) {
        assert_int_equal(count[p], N / 5);
        assert_int_equal(ones[p], total / 5);
    }
    assert_int_equal(hg_rows_split(part, &rows, 50, 3), 20); /* as many as there are groups */
    assert_int_equal(hg_rows_split(again, &rows, 5, 4), 5);  /* another seed */
    assert_memory_not_equal(part, again, sizeof part);
}

static void options_are_read_and_refused_in_words(void **state) {
    (void)state;
    hg_err err;
    double option[1] = { 0 };
    const hg_learner *l = hg_learner_find("ridge");
    assert_ok(hg_learner_set(option, l, "penalty=0.5", &err));
    assert_close(option[0], 0.5, 0);
    assert_int_equal(hg_learner_set(option, l, "penalti=1", &err), HG_EINVAL);
    assert_contains(err.msg, "penalti");
    assert_contains(err.hint, "penalty");
    assert_int_equal(hg_learner_set(option, l, "penalty=-1", &err), HG_EINVAL);
    assert_contains(err.msg, "outside");
    assert_int_equal(hg_learner_set(option, l, "penalty", &err), HG_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_learner_learns_the_same_for_any_number_of_threads),
        TEST(each_learner_survives_failing_allocations),
        TEST(ridge_is_the_textbook_formula),
        TEST(ridge_is_the_same_in_its_dual_form),
        TEST(parts_keep_groups_together_and_classes_apart),
        TEST(options_are_read_and_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
