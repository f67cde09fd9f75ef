/* tests/library/test_shipped.c -- the pack that comes with the program: what its recipe says is there, whole, and predicts */
#include "hagane/predictor.h"
#include "library/factory.h"
#include "library/predictor_rack.h"
#include "test.h"
#include <sys/stat.h>

enum { PATH = 600, LEAST = 45, BYTES_MOST = 20000000 };

static hg_rack *open_pack(void) {
    char path[PATH];
    hg_err err = { 0 };
    hg_rack *s;
    assert_ok_err(hg_rack_open(&s, test_source(path, sizeof path, "models/library.hgpack"), &err), err);
    return s;
}

static void the_recipe_is_what_is_shipped(void **state) {
    char path[PATH], name[HG_PACK_NAME_MOST + 1];
    struct stat st;
    hg_recipe *r;
    size_t n = 0;
    (void)state;
    hg_rack *s = open_pack();
    assert_ok(hg_recipe_read(&r, test_source(path, sizeof path, "models/recipes/library.yaml"), NULL));
    for (; hg_factory_model(name, r, NULL, n); n++) assert_non_null(hg_rack_find(s, name));
    assert_true(n >= LEAST && n == hg_rack_count(s));
    for (size_t i = 0; i < r->n_sets;
         i++) { /* each data set has its origin and a licence, and none is of those that have none */
        assert_true(*r->set[i].source && *r->set[i].licence);
        assert_null(strstr(r->set[i].table, "ltc-sps"));
        assert_null(strstr(r->set[i].table, "superconductors"));
        assert_null(strstr(r->set[i].table, "thermoelectric"));
    }
    assert_int_equal(stat(test_source(path, sizeof path, "models/library.hgpack"), &st), 0);
    assert_true(st.st_size <= BYTES_MOST);
    hg_recipe_free(r);
    hg_rack_free(s);
}

static bool has_metric(const hg_card *c, const char *part) {
    for (size_t i = 0; i < c->property[0].n_metrics; i++)
        if (strstr(c->property[0].metrics[i].name, part) && isfinite(c->property[0].metrics[i].value)) return true;
    return false;
}

/* An oxide and an alloy, whatever the column of formulae is called, and the other inputs of alloys and films. */
static hg_table *two_rows(const hg_predictor *p) {
    static const char *const FORMULA[] = { "Nd2Fe14B", "Pr2Fe14B" }, *const WAY[] = { "CAST", "CAST" },
                             *const TEST[] = { "C", "T" };
    static const double A[] = { 8.78, 8.75 }, C[] = { 12.16, 12.2 }, V[] = { 938, 940 }, X[] = { 0.4, 0.5 },
                        T[] = { 25, 800 };
    hg_table *t;
    const char *name;
    assert_ok(hg_table_new(&t, "two", 2, NULL));
    for (size_t i = 0; (name = hg_predictor_column(p, i)); i++) {
        if (strstr(name, "Processing"))
            assert_ok(hg_table_add_texts(t, name, WAY, NULL));
        else if (strstr(name, "Type of test"))
            assert_ok(hg_table_add_texts(t, name, TEST, NULL));
        else if (hg_predictor_text_column(p, 0) && strcmp(name, hg_predictor_text_column(p, 0)) == 0)
            assert_ok(hg_table_add_texts(t, name, FORMULA, NULL));
        else
            assert_ok(hg_table_add_numbers(t, name,
                                           strstr(name, "temperature")   ? T
                                           : strcmp(name, "a") == 0      ? A
                                           : strcmp(name, "c") == 0      ? C
                                           : strcmp(name, "volume") == 0 ? V
                                                                         : X,
                                           NULL));
    }
    return t;
}

static void each_model_has_a_card_and_predicts(void **state) {
    const hg_racked *m;
    hg_rack *s = open_pack();
    for (size_t i = 0; (m = hg_rack_at(s, i)); i++) {
        const hg_mark mark = hg_arena_mark(*state);
        const char *text;
        hg_predictor *p;
        hg_card c;
        hg_forecast f[2];
        hg_err err = { 0 };
        assert_ok_err(hg_racked_card(&c, &text, m, *state, &err), err);
        assert_true(c.source && c.licence && c.split && c.method);
        assert_true(has_metric(&c, "of test"));
        assert_ok_err(hg_predictor_load_racked(&p, m, &err), err);
        hg_table *t = two_rows(p);
        assert_ok_err(hg_predictor_predict(f, NULL, p, t, 0.9, NULL, *state, &err), err);
        for (size_t k = 0; k < 2; k++) {
            assert_true(isfinite(f[k].value));
            if (!hg_predictor_classes(p)) assert_true(f[k].low < f[k].value && f[k].value < f[k].high);
        }
        hg_table_free(t);
        hg_predictor_free(p);
        hg_arena_reset(*state, mark);
    }
    hg_rack_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(the_recipe_is_what_is_shipped), TEST(each_model_has_a_card_and_predicts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
