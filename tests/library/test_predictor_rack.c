/* tests/library/test_predictor_rack.c -- models of tables out of a pack: the predictions of the folder, damage, others, faults */
#include "library/predictor_rack.h"
#include "core/memory.h"
#include "hagane/csv.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

static char base[400], folder[500], pack[500];

/* A model in a folder, and the same in a pack. */
static void make(void) {
    static const char TEXT[] = "x,y\n1,2\n2,4.1\n3,6\n4,8.1\n5,10\n6,12.2\n7,14\n8,16\n9,18.1\n10,20\n";
    char command[900];
    hg_table *t;
    hg_predictor *p;
    hg_rack *s;
    size_t done;
    hg_predictor_opts o = hg_predictor_opts_default();
    test_scratch(base, sizeof base, "predictor-rack");
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir '%s'", base, base);
    assert_int_equal(program_shell(command).code, 0);
    snprintf(folder, sizeof folder, "%s/line", base);
    snprintf(pack, sizeof pack, "%s/all.hgpack", base);
    o.learner = "ridge";
    assert_ok(hg_csv_read_memory(&t, "t.csv", TEXT, sizeof TEXT - 1, NULL, NULL));
    assert_ok(hg_predictor_fit(&p, t, "y", &o, NULL));
    assert_ok(hg_predictor_save(p, folder, NULL, NULL));
    assert_ok(hg_rack_open(&s, base, NULL));
    const hg_racked *m = hg_rack_find(s, "line");
    assert_non_null(m);
    assert_ok(hg_rack_put(&done, pack, &m, 1, NULL, NULL));
    hg_rack_free(s);
    hg_predictor_free(p);
    hg_table_free(t);
}

static hg_status load(hg_predictor **p, const char *path, hg_err *err) {
    hg_rack *s;
    *p = NULL;
    HG_TRY(hg_rack_open(&s, path, err));
    const hg_racked *m = hg_rack_find(s, "line");
    assert_non_null(m);
    const hg_status st = hg_predictor_load_racked(p, m, err);
    hg_rack_free(s);
    return st;
}

static double at_three(const hg_predictor *p, hg_arena *mem) {
    static const double X = 3;
    hg_table *t;
    hg_forecast f;
    assert_ok(hg_table_new(&t, "new", 1, NULL));
    assert_ok(hg_table_add_numbers(t, "x", &X, NULL));
    assert_ok(hg_predictor_predict(&f, NULL, p, t, 0.9, NULL, mem, NULL));
    hg_table_free(t);
    return f.value;
}

static void a_pack_gives_the_model_of_the_folder(void **state) {
    hg_predictor *a, *b;
    hg_err err = { 0 };
    const hg_mark mark = hg_arena_mark(*state);
    make();
    assert_ok_err(load(&a, folder, &err), err);
    assert_ok_err(load(&b, pack, &err), err);
    assert_string_equal(hg_predictor_name(b), "line");
    assert_true(at_three(a, *state) == at_three(b, *state));
    assert_close(at_three(b, *state), 6, 0.05);
    hg_predictor_free(a);
    hg_predictor_free(b);
    hg_arena_reset(*state, mark);
}

static void damage_and_faults_are_told(void **state) {
    char command[1200];
    hg_predictor *p;
    hg_err err = { 0 };
    (void)state;
    make();
    hg_status st = HG_ENOMEM;
    for (long k = 0; st == HG_ENOMEM; k++) {
        fail_alloc_after(k);
        st = load(&p, pack, &err);
        fail_alloc_after(-1);
        assert_true(k < 10000 && (st == HG_OK || (st == HG_ENOMEM && !p)));
        hg_predictor_free(p);
    }
    hg_pack *whole; /* one byte of the weights */
    assert_ok(hg_pack_open(&whole, pack, NULL));
    const hg_pack_file *f = hg_pack_file_of(hg_pack_find(whole, "line"), "weights.safetensors");
    snprintf(command, sizeof command, "printf '\\177' | dd of='%s' bs=1 seek=%llu conv=notrunc status=none", pack,
             (unsigned long long)(f->offset + f->size - 3));
    hg_pack_free(whole);
    assert_int_equal(program_shell(command).code, 0);
    assert_int_equal(load(&p, pack, &err), HG_EDATA);
    assert_null(p);
    /* a model of molecules is none of tables */
    char path[600];
    hg_rack *s;
    assert_ok(hg_rack_open(&s, test_source(path, sizeof path, "models"), NULL));
    assert_false(hg_predictor_is_racked(hg_rack_find(s, "qdf2")));
    hg_rack_free(s);
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    assert_int_equal(program_shell(command).code, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_pack_gives_the_model_of_the_folder), TEST(damage_and_faults_are_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
