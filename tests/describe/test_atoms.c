/* tests/describe/test_atoms.c -- sums over pairs and triples: by hand, turned, apart, and their gradient */
#include "describe/atoms.h"
#include "test.h"

static const double PI = 3.14159265358979323846;
static const uint8_t Z[] = { 6, 1, 7, 8, 9, 1 };
static const double R[] = { 0, 0, 0, 1.05, 0.2, -0.1, -0.6, 1.2, 0.3, -1.7, 1.1, 0.9, 0.5, -0.4, 1.3, 0.2, -0.9, -0.5 };

static hg_molecule *molecule(hg_arena *mem, size_t n, const uint8_t *z, const double *r) {
    hg_molecule *m = hg_molecule_new(mem, n);
    memcpy(m->z, z, n);
    memcpy(m->r, r, 3 * n * sizeof *r);
    return m;
}

static double *describe(hg_arena *mem, const hg_around *b, const hg_molecule *m) {
    double *x = hg_alloc(mem, hg_around_columns(b), sizeof *x);
    hg_err err;
    assert_ok_err(hg_around_describe(x, b, m, &err), err);
    return x;
}

/* Water of right angle, legs of 1 angstrom: O sees two H, each H sees O and H. */
static void water_by_hand(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_around b = hg_around_default();
    const double *x = describe(
        mem, &b, molecule(mem, 3, (const uint8_t[]) { 8, 1, 1 }, (const double[]) { 0, 0, 0, 1, 0, 0, 0, 1, 0 }));
    assert_int_equal(hg_around_size(&b), 5 * 16 + 15 * 32);
    const double *o = x + 3 * hg_around_size(&b), *h = x;
    const double cut2 = 0.5 * (1 + cos(PI / 6)), cut3 = 0.5 * (1 + cos(PI / 4));
    assert_close(o[1], 2 * cut2 * exp(-0.5 * pow((1 - 1.03) / 0.13, 2)),
                 1e-12); /* O sees H: element 0, second function */
    assert_close(h[3 * 16 + 1], 2 * cut2 * exp(-0.5 * pow((1 - 1.03) / 0.13, 2)), 1e-12); /* both H see O */
    double want = 0; /* O's triple with two H, radius 1.1, angle 3.5 pi / 8; theta = pi / 2 */
    for (int sign = -1; sign <= 1; sign += 2) want += pow(0.5 * (1 + cos(PI / 2 + sign * 3.5 * PI / 8)), 16);
    assert_close(o[80 + 3], cut3 * cut3 * exp(-0.5 * pow(0.1 / 0.4, 2)) * want, 1e-12);
    hg_arena_reset(mem, mark);
}

static void turning_and_naming_otherwise_change_nothing(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_around b = hg_around_default();
    hg_molecule *m = molecule(mem, sizeof Z, Z, R), *t = molecule(mem, sizeof Z, Z, R);
    const double c = cos(0.7), s = sin(0.7);
    for (size_t i = 0; i < sizeof Z; i++) {
        const double *r = R + 3 * (sizeof Z - 1 - i);
        t->z[i] = Z[sizeof Z - 1 - i];
        t->r[3 * i] = c * r[0] - s * r[2] + 3;
        t->r[3 * i + 1] = r[1] - 1;
        t->r[3 * i + 2] = s * r[0] + c * r[2];
    }
    const double *x = describe(mem, &b, m), *y = describe(mem, &b, t);
    size_t seen = 0;
    for (size_t i = 0; i < hg_around_columns(&b); i++) {
        assert_close(x[i], y[i], 1e-12);
        seen += x[i] > 1e-3;
    }
    assert_true(seen > 200);
    hg_arena_reset(mem, mark);
}

static void molecules_far_from_each_other_add_up(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_around b = hg_around_default();
    uint8_t z[2 * sizeof Z];
    double r[6 * sizeof Z];
    for (size_t i = 0; i < 2 * sizeof Z; i++) {
        z[i] = Z[i % sizeof Z];
        for (size_t k = 0; k < 3; k++) r[3 * i + k] = R[3 * (i % sizeof Z) + k] + (i >= sizeof Z && k == 1 ? 12 : 0);
    }
    const double *one = describe(mem, &b, molecule(mem, sizeof Z, Z, R)),
                 *two = describe(mem, &b, molecule(mem, 2 * sizeof Z, z, r));
    for (size_t i = 0; i < hg_around_columns(&b); i++) assert_close(two[i], 2 * one[i], 1e-13);
    hg_arena_reset(mem, mark);
}

typedef struct {
    hg_arena *mem;
    const hg_around *b;
    hg_molecule *m;
    const double *w;
} weighted;

static double weighted_sum(void *ctx, const double *r) {
    const weighted *v = ctx;
    const hg_mark mark = hg_arena_mark(v->mem);
    memcpy(v->m->r, r, 3 * v->m->n * sizeof *r);
    const double *x = describe(v->mem, v->b, v->m);
    double sum = 0;
    for (size_t i = 0; i < hg_around_columns(v->b); i++) sum += v->w[i] * x[i];
    hg_arena_reset(v->mem, mark);
    return sum;
}

static void check_gradient(hg_arena *mem, size_t n, const uint8_t *z, const double *at) {
    const hg_mark mark = hg_arena_mark(mem);
    const hg_around b = hg_around_default();
    hg_molecule *m = molecule(mem, n, z, at);
    double *w = hg_alloc(mem, hg_around_columns(&b), sizeof *w), *g = hg_alloc(mem, 3 * n, sizeof *g),
           *r = hg_alloc(mem, 3 * n, sizeof *r);
    hg_rng rng = hg_rng_make(5, 0);
    for (size_t i = 0; i < hg_around_columns(&b); i++) w[i] = hg_rng_normal(&rng);
    assert_ok(hg_around_gradient(g, w, &b, m, NULL));
    memcpy(r, at, 3 * n * sizeof *r);
    weighted v = { mem, &b, m, w };
    assert_true(test_gradient_error(weighted_sum, &v, r, g, 3 * n, 1e-5) < 1e-7);
    hg_arena_reset(mem, mark);
}

static void gradients(void **state) {
    check_gradient(*state, sizeof Z, Z, R);
    check_gradient(
        *state, 4, (const uint8_t[]) { 6, 6, 1, 1 },
        (const double[]) { 0, 0, 0.6, 0, 0, -0.6, 0, 0, 1.66, 0, 0, -1.66 }); /* acetylene: angles of 180 degrees */
}

static void what_is_not_described_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_around b = hg_around_default();
    double x[2800];
    hg_err err;
    assert_int_equal(hg_around_columns(&b), 2800);
    assert_int_equal(
        hg_around_describe(
            x, &b, molecule(mem, 2, (const uint8_t[]) { 1, 16 }, (const double[]) { 0, 0, 0, 1.3, 0, 0 }), &err),
        HG_ENOTFOUND);
    assert_contains(err.msg, "atom 2 is S");
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(water_by_hand),
        TEST(turning_and_naming_otherwise_change_nothing),
        TEST(molecules_far_from_each_other_add_up),
        TEST(gradients),
        TEST(what_is_not_described_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
