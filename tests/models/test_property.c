/* tests/models/test_property.c -- units of known values, and the kinds of models */
#include "hagane/property.h"
#include "models/architecture.h"
#include "models/qdf2.h"
#include "test.h"

static const hg_property ENERGY = { "energy", "energy", "eV" }, DIPOLE = { "dipole", "dipole moment", "D" };

static double factor(const char *unit, const hg_property *p) {
    double f;
    assert_ok(hg_unit_factor(&f, unit, p, NULL));
    return f;
}

static void units_become_those_of_the_property(void **state) {
    (void)state;
    assert_true(factor("eV", &ENERGY) == 1);
    assert_close(factor("hartree", &ENERGY), 27.211386245988, 1e-12);
    assert_close(factor("kcal/mol", &ENERGY), 0.0433641, 1e-7); /* 4184 J/mol over e N_A = 96485.332 C/mol */
    assert_close(factor("kJ/mol", &ENERGY), 1 / 96.485332, 1e-9);
    assert_close(factor("e*bohr", &DIPOLE), 2.541746, 1e-6); /* the atomic unit of the dipole moment */
    double f;
    hg_err err;
    assert_int_equal(hg_unit_factor(&f, "hartree", &DIPOLE, &err), HG_EINVAL);
    assert_contains(err.msg, "dipole moment is in D, which is not to be had from hartree");
    assert_int_equal(hg_unit_factor(&f, "furlong", &ENERGY, &err), HG_ENOTFOUND);
    size_t n = 0;
    while (hg_unit_name(n)) n++;
    assert_int_equal(n, 7);
}

/* What every record of the table promises to the rest of the program. */
static void kinds_of_models_are_sound(void **state) {
    (void)state;
    const hg_architecture *a;
    for (size_t i = 0; (a = hg_architecture_at(i)); i++) {
        assert_ptr_equal(hg_architecture_find(a->name), a);
        assert_ptr_equal(hg_architecture_find(a->version), a);
        assert_true(a->n_properties >= 1 && a->n_properties <= HG_PROPERTIES_MOST);
        assert_string_equal(a->property[0].symbol, "energy");
        for (size_t k = 0; k < a->n_properties; k++)
            assert_int_equal(strcspn(a->property[k].symbol, " =,\"\t"), strlen(a->property[k].symbol)); /* one word */
        for (size_t k = 0; a->train && k < a->train->n_options; k++) {
            const hg_train_option *o = &a->train->option[k];
            assert_true(o->min <= o->fallback && o->fallback <= o->max);
            assert_true(!o->whole || o->fallback == floor(o->fallback));
            assert_non_null(o->help);
        }
    }
    assert_null(hg_architecture_find("nothing"));
}

/* The defaults of the table are those of the library. */
static void options_of_qdf2(void **state) {
    (void)state;
    const hg_arch_trainer *t = hg_architecture_find("qdf2")->train;
    const hg_qdf2_opts o = hg_qdf2_opts_default();
    size_t found = 0;
    for (size_t k = 0; k < t->n_options; k++) {
        const hg_train_option *x = &t->option[k];
        const struct {
            const char *name;
            double value;
        } want[] = {
            { "rounds", (double)o.rounds },   { "prior", o.prior },         { "floor", o.floor }, { "ridge", o.ridge },
            { "theta_prior", o.theta_prior }, { "draws", (double)o.draws }, { "share", o.share }
        };
        for (size_t i = 0; i < sizeof want / sizeof *want; i++)
            if (strcmp(want[i].name, x->name) == 0) {
                assert_true(x->fallback == want[i].value);
                found++;
            }
    }
    assert_int_equal(found, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(units_become_those_of_the_property), TEST(kinds_of_models_are_sound),
                                        TEST(options_of_qdf2) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
