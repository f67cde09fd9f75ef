/* tests/models/test_qdf2.c -- refined tight binding and a correction: what it learns, what it keeps the same, what it refuses */
#include "core/memory.h"
#include "models/qdf2.h"
#include "test.h"

/* Bent and stretched molecules of H and O, by seed: HOH, HOOH or H2 and O apart. Never two atoms on top of each other. */
static hg_molecule *sample(hg_arena *mem, uint64_t seed) {
    static const uint8_t Z[] = { 8, 1, 1, 8 };
    static const double R[] = { 0, 0, 0, 0.96, 0, 0, -0.3, 0.92, 0, -0.2, -0.6, 1.3 };
    hg_rng r = hg_rng_make(seed, 0);
    const bool peroxide = seed % 2;
    hg_molecule *m = hg_molecule_new(mem, peroxide ? 4 : 3);
    memcpy(m->z, Z, m->n);
    for (size_t i = 0; i < 3 * m->n; i++) m->r[i] = R[i] + 0.06 * hg_rng_normal(&r);
    if (peroxide) /* the second hydrogen goes to the second oxygen */
        for (size_t k = 0; k < 3; k++)
            m->r[6 + k] = m->r[9 + k] + (double[]) { 0.3, -0.8, 0.4 }[k] + 0.06 * hg_rng_normal(&r);
    return m;
}

/* Energies that a model of this form can have: tight binding as published, -3 eV an H, -5 eV an O, and one term around the atoms. */
static double truth(const hg_molecule *m, hg_arena *mem) {
    const hg_around b = hg_around_default();
    double *x = hg_alloc(mem, hg_around_columns(&b), sizeof *x), e = 0;
    hg_tb_model *model;
    hg_tb *tb;
    hg_tb_result r;
    hg_err err;
    assert_ok(hg_tb_model_new(&model, NULL, NULL));
    assert_ok(hg_tb_new(&tb, model, NULL));
    assert_ok_err(hg_tb_run(&r, tb, m, &err), err);
    e = r.energy;
    for (size_t a = 0; a < m->n; a++) e -= m->z[a] == 1 ? 3 : 5;
    assert_ok(hg_around_describe(x, &b, m, NULL));
    e += 0.4 * x[3 * hg_around_size(&b) + 1]; /* O sees H at 1.03 angstrom */
    hg_tb_free(tb);
    hg_tb_model_free(model);
    return e;
}

enum { TRAIN = 60, VALIDATION = 20 };

typedef struct {
    hg_molecule *m[TRAIN + VALIDATION];
    double e[TRAIN + VALIDATION];
    hg_qdf2_data train, validation;
} data;

static void make_data(data *d, hg_arena *mem) {
    for (size_t i = 0; i < TRAIN + VALIDATION; i++) {
        d->m[i] = sample(mem, i);
        d->e[i] = truth(d->m[i], mem);
    }
    d->train = (hg_qdf2_data) { TRAIN, d->m, d->e };
    d->validation = (hg_qdf2_data) { VALIDATION, d->m + TRAIN, d->e + TRAIN };
}

static hg_qdf2 *fitted(hg_arena *mem, size_t rounds) {
    data d;
    hg_err err;
    hg_qdf2 *q;
    hg_qdf2_opts o = hg_qdf2_opts_default();
    make_data(&d, mem);
    o.rounds = rounds;
    o.prior = 20; /* kcal/mol: the term is larger than real ones are */
    assert_ok_err(hg_qdf2_fit(&q, &d.train, &d.validation, &o, &err), err);
    return q;
}

static hg_qdf2_result predict(const hg_qdf2 *q, const hg_molecule *m) {
    hg_qdf2_room *room;
    hg_qdf2_result r;
    hg_err err;
    assert_ok(hg_qdf2_room_new(&room, q, NULL));
    assert_ok_err(hg_qdf2_predict(&r, q, room, m, &err), err);
    hg_qdf2_room_free(room);
    return r;
}

static void what_can_be_said_is_learned(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf2 *q = fitted(mem, 0);
    double worst = 0;
    for (uint64_t seed = 1000; seed < 1010; seed++) {
        hg_molecule *m = sample(mem, seed);
        const hg_qdf2_result r = predict(q, m);
        worst = fmax(worst, fabs(r.energy - truth(m, mem)));
        assert_true(r.sd > 0 && r.spread > 0);
    }
    assert_true(worst < 0.01); /* of terms of 1 eV */
    /* something else than water and peroxide: the model knows that it does not know */
    hg_molecule *methane = hg_molecule_new(mem, 5);
    static const double R[] = { 0, 0, 0, 0.63, 0.63, 0.63, -0.63, -0.63, 0.63, -0.63, 0.63, -0.63, 0.63, -0.63, -0.63 };
    memcpy(methane->z, (const uint8_t[]) { 6, 1, 1, 1, 1 }, 5);
    memcpy(methane->r, R, sizeof R);
    const hg_qdf2_result far = predict(q, methane);
    assert_true(far.outside);
    assert_false(predict(q, sample(mem, 1000)).outside);
    assert_true(far.sd > 10 * predict(q, sample(mem, 1000)).sd);
    hg_qdf2_free(q);
    hg_arena_reset(mem, mark);
}

static void turning_moves_nothing_and_far_molecules_add_up(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf2 *q = fitted(mem, 1);
    hg_molecule *m = sample(mem, 1001), *t = sample(mem, 1001), *two = hg_molecule_new(mem, 2 * m->n);
    const double c = cos(0.9), s = sin(0.9);
    for (size_t i = 0; i < m->n; i++) {
        const double *r = m->r + 3 * i;
        t->z[m->n - 1 - i] = m->z[i];
        double *to = t->r + 3 * (m->n - 1 - i);
        to[0] = c * r[0] - s * r[1] + 2, to[1] = s * r[0] + c * r[1], to[2] = r[2] - 7;
        for (size_t k = 0; k < 2; k++) {
            two->z[i + k * m->n] = m->z[i];
            memcpy(two->r + 3 * (i + k * m->n), r, 3 * sizeof *r);
            two->r[3 * (i + k * m->n)] += 5000.0 * (double)k;
        }
    }
    const double e = predict(q, m).energy;
    assert_close(predict(q, t).energy, e, 1e-7);
    assert_close(predict(q, two).energy, 2 * e, 1e-6); /* dipoles at 5,000 angstrom */
    hg_qdf2_free(q);
    hg_arena_reset(mem, mark);
}

static void a_model_comes_back_from_its_file(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512], other[512];
    hg_err err;
    hg_qdf2 *q = fitted(mem, 0), *back;
    hg_molecule *m = sample(mem, 1003);
    test_scratch(path, sizeof path, "qdf2.safetensors");
    assert_ok_err(hg_qdf2_save(q, path, &err), err);
    assert_ok_err(hg_qdf2_load(&back, path, &err), err);
    const hg_qdf2_result a = predict(q, m), b = predict(back, m);
    assert_true(a.energy == b.energy && a.sd == b.sd && a.outside == b.outside);
    hg_qdf2_free(back);
    assert_int_equal(
        hg_qdf2_load(&back, test_source(other, sizeof other, "models/qdf-classic/weights.safetensors"), &err),
        HG_EDATA);
    assert_contains(err.msg, "not weights of \"qdf2 1\"");
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_qdf2_load(&back, path, &err);
        fail_alloc_after(-1);
        hg_qdf2_free(back);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_null(back);
    }
    hg_qdf2_free(q);
    hg_arena_reset(mem, mark);
}

/* Same bits for one thread and three. */
static void threads_change_nothing(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    data d;
    hg_err err;
    hg_qdf2 *q[2];
    hg_qdf2_opts o = hg_qdf2_opts_default();
    make_data(&d, mem);
    o.rounds = 0;
    assert_ok_err(hg_qdf2_fit(&q[0], &d.train, &d.validation, &o, &err), err);
    assert_ok(hg_pool_new(&o.pool, 3, NULL));
    assert_ok_err(hg_qdf2_fit(&q[1], &d.train, &d.validation, &o, &err), err);
    const hg_molecule *m = sample(mem, 1004);
    assert_true(predict(q[0], m).energy == predict(q[1], m).energy);
    assert_true(predict(q[0], m).sd == predict(q[1], m).sd);
    hg_pool_free(o.pool);
    hg_qdf2_free(q[0]);
    hg_qdf2_free(q[1]);
    hg_arena_reset(mem, mark);
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)user, (void)what, (void)done, (void)total;
    return false;
}

static void bad_input_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    data d;
    hg_err err;
    hg_qdf2 *q;
    hg_qdf2_opts o = hg_qdf2_opts_default();
    make_data(&d, mem);
    o.rounds = 0;
    hg_qdf2_data few = { 9, d.m, d.e }, none = { 0, d.m, d.e };
    assert_int_equal(hg_qdf2_fit(&q, &few, &none, &o, &err), HG_EDATA);
    assert_null(q);
    o.ridge = 0;
    assert_int_equal(hg_qdf2_fit(&q, &d.train, &none, &o, &err), HG_EINVAL);
    o = hg_qdf2_opts_default();
    o.rounds = 0;
    const hg_hooks hooks = { .progress = stop };
    o.hooks = &hooks;
    assert_int_equal(hg_qdf2_fit(&q, &d.train, &none, &o, &err), HG_ECANCEL);
    o.hooks = NULL;
    d.m[7]->z[1] = 17;
    assert_int_equal(hg_qdf2_fit(&q, &d.train, &none, &o, &err), HG_ENOTFOUND);
    assert_contains(err.msg, "atom 2 is Cl");
    d.m[7]->z[1] = 1;
    d.e[3] = NAN;
    assert_int_equal(hg_qdf2_fit(&q, &d.train, &none, &o, &err), HG_ENAN);
    d.e[3] = 0;
    assert_ok_err(hg_qdf2_fit(&q, &d.train, &none, &o, &err), err);
    assert_true(isnan(predict(q, d.m[0]).sd)); /* nothing to learn error bars from */
    hg_qdf2_free(q);
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_can_be_said_is_learned),
        TEST(turning_moves_nothing_and_far_molecules_add_up),
        TEST(a_model_comes_back_from_its_file),
        TEST(threads_change_nothing),
        TEST(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
