/* tests/models/test_qdf2_rest.c -- forces of qdf2: learned from molecules at rest */
#include "core/memory.h"
#include "models/qdf2.h"
#include "models/qdf2_internal.h"
#include "test.h"

/* Water, bent and stretched by seed; `waters` of them 30 angstrom apart. */
static hg_molecule *water(hg_arena *mem, uint64_t seed, size_t waters) {
    static const double R[] = { 0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0 };
    hg_rng r = hg_rng_make(seed, 0);
    hg_molecule *m = hg_molecule_new(mem, 3 * waters);
    for (size_t w = 0; w < waters; w++)
        for (size_t i = 0; i < 9; i++) {
            m->z[3 * w + i / 3] = i < 3 ? 8 : 1;
            m->r[9 * w + i] = R[i] + 0.04 * hg_rng_normal(&r) + (i % 3 == 0 ? 30.0 * (double)w : 0);
        }
    return m;
}

enum { TRAIN = 130, VALIDATION = 20, ALL = TRAIN + VALIDATION };

typedef struct {
    hg_molecule *m[ALL];
    double e[ALL];
    hg_qdf2_data train, validation;
} data;

/* Energies: -10 eV a water, and noise, eV. */
static void make_data(data *d, hg_arena *mem, double noise) {
    hg_rng r = hg_rng_make(11, 0);
    for (size_t i = 0; i < ALL; i++) {
        d->m[i] = water(mem, i, 1);
        d->e[i] = -10 + noise * hg_rng_normal(&r);
    }
    d->train = (hg_qdf2_data) { TRAIN, d->m, d->e, { NULL } };
    d->validation = (hg_qdf2_data) { VALIDATION, d->m + TRAIN, d->e + TRAIN, { NULL } };
}

static hg_qdf2 *fitted(const data *d, double rest) {
    hg_qdf2_opts o = hg_qdf2_opts_default();
    hg_err err;
    hg_qdf2 *q;
    o.rounds = 0;
    o.rest = rest;
    o.prior = 1;
    o.seed = 3;
    assert_ok_err(hg_qdf2_fit(&q, &d->train, &d->validation, &o, &err), err);
    return q;
}

/* Forces of one molecule, and its potential; force may be NULL. */
static double forces_of(double *force, const hg_qdf2 *q, const hg_molecule *m) {
    hg_qdf2_room *room;
    hg_qdf2_result r;
    hg_err err;
    double v;
    assert_ok(hg_qdf2_room_new(&room, q, NULL));
    assert_ok_err(hg_qdf2_predict(&r, q, room, m, &err), err);
    if (force) assert_ok_err(hg_qdf2_forces(force, q, room, m, &err), err);
    assert_ok_err(hg_qdf2_potential(&v, q, room, m, &err), err);
    assert_true(q->rests || fabs(v - r.energy) < 1e-9);
    hg_qdf2_room_free(room);
    return v;
}

static double sd_of(const hg_qdf2 *q, const hg_molecule *m) {
    hg_qdf2_room *room;
    hg_qdf2_result r;
    assert_ok(hg_qdf2_room_new(&room, q, NULL));
    assert_ok(hg_qdf2_predict(&r, q, room, m, NULL));
    hg_qdf2_room_free(room);
    return r.sd;
}

static void forces_are_slopes_of_their_potential(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static data d;
    make_data(&d, mem, 0.002);
    for (size_t k = 0; k < 2; k++) { /* of the published tight binding and a correction; of the energy */
        hg_qdf2 *q = fitted(&d, k ? 0 : 0.03);
        hg_molecule *m = water(mem, 500, 2);
        double force[18], largest = 0;
        forces_of(force, q, m);
        for (size_t i = 0; i < 18; i++) {
            const double keep = m->r[i], h = 1e-3;
            double v[2];
            for (size_t side = 0; side < 2; side++) {
                m->r[i] = keep + (side ? h : -h);
                v[side] = forces_of(NULL, q, m);
            }
            m->r[i] = keep;
            assert_true(fabs((v[1] - v[0]) / (2 * h) + force[i]) < 1e-2 * (1 + fabs(force[i])));
            largest = fmax(largest, fabs(force[i]));
        }
        assert_true(largest > 0.05);
        hg_qdf2_free(q);
    }
    hg_arena_reset(mem, mark);
}

static double rms_force(const hg_qdf2 *q, hg_arena *mem) { /* over molecules that were not learned from */
    double sum = 0, force[9];
    for (uint64_t seed = 1000; seed < 1010; seed++) {
        forces_of(force, q, water(mem, seed, 1));
        for (size_t i = 0; i < 9; i++) sum += force[i] * force[i] / 90;
    }
    return sqrt(sum);
}

/* Waters of all shapes that are said to be at rest: a large prior believes that, a small one does not. */
static void forces_vanish_where_molecules_are_at_rest(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static data d;
    make_data(&d, mem, 0.002);
    hg_qdf2 *little = fitted(&d, 1e-6), *with = fitted(&d, 1);
    assert_true(rms_force(little, mem) > 0.5);
    assert_true(rms_force(with, mem) < 0.25 * rms_force(little, mem));
    assert_true(sd_of(with, d.m[0]) == sd_of(little, d.m[0])); /* energies do not take part */
    hg_qdf2_free(little);
    hg_qdf2_free(with);
    hg_arena_reset(mem, mark);
}

/* With its forces, and one of before there were any: those of the energy. */
static void forces_come_back_from_the_file(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    static data d;
    hg_err err;
    hg_qdf2 *back;
    const hg_molecule *m = water(mem, 700, 2);
    double force[2][18];
    make_data(&d, mem, 0.002);
    for (size_t k = 0; k < 2; k++) {
        hg_qdf2 *q = fitted(&d, k ? 0 : 0.1);
        test_scratch(path, sizeof path, "forces.safetensors");
        assert_ok_err(hg_qdf2_save(q, path, &err), err);
        assert_ok_err(hg_qdf2_load(&back, path, &err), err);
        assert_true(back->rests == !k);
        assert_true(forces_of(force[0], q, m) == forces_of(force[1], back, m));
        assert_memory_equal(force[0], force[1], sizeof force[0]);
        for (long a = 0;; a++) {
            hg_qdf2 *none;
            fail_alloc_after(a);
            const hg_status st = hg_qdf2_load(&none, path, &err);
            fail_alloc_after(-1);
            hg_qdf2_free(none);
            if (st == HG_OK) break;
            assert_int_equal(st, HG_ENOMEM);
            assert_null(none);
        }
        hg_qdf2_free(back);
        hg_qdf2_free(q);
    }
    hg_arena_reset(mem, mark);
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)user, (void)done, (void)total;
    return strcmp(what, "forces") != 0;
}

static void bad_input_and_missing_memory_are_told(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static data d;
    hg_err err;
    hg_qdf2 *q;
    hg_qdf2_opts o = hg_qdf2_opts_default();
    make_data(&d, mem, 0.05);
    o.rounds = 0;
    o.rest = -1;
    assert_int_equal(hg_qdf2_fit(&q, &d.train, &d.validation, &o, &err), HG_EINVAL);
    assert_contains(err.msg, "rest = -1");
    o.rest = 1;
    const hg_hooks hooks = { .progress = stop };
    o.hooks = &hooks;
    assert_int_equal(hg_qdf2_fit(&q, &d.train, &d.validation, &o, &err), HG_ECANCEL);
    o.hooks = NULL;
    const hg_qdf2_data few = { 10, d.m, d.e, { NULL } };
    for (long k = 0;; k++) {
        assert_ok(hg_qdf2_make(&q, NULL));
        fail_alloc_after(k);
        const hg_status learned = hg_qdf2_rest_fit(q, &few, &d.validation, &o, &err);
        fail_alloc_after(-1);
        hg_qdf2_free(q);
        if (learned == HG_OK) {
            assert_true(k > 10);
            break;
        }
        assert_int_equal(learned, HG_ENOMEM);
    }
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(forces_are_slopes_of_their_potential),
        TEST(forces_vanish_where_molecules_are_at_rest),
        TEST(forces_come_back_from_the_file),
        TEST(bad_input_and_missing_memory_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
