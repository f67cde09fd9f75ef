/* tests/models/test_qdf.c -- Quantum Deep Field: the input, the kernels against the tape, and the published weights' own predictions */
#include "core/memory.h"
#include "hagane/csv.h"
#include "hagane/molecule_file.h"
#include "models/qdf_kernel.h"
#include "models/qdf_tape.h"
#include "test.h"
#include <unistd.h>

enum { DIM = 20 };

static hg_molecule *molecule(hg_arena *mem, size_t n, const uint8_t *z, const double *r) {
    hg_molecule *m = hg_molecule_new(mem, n);
    memcpy(m->z, z, n);
    memcpy(m->r, r, 3 * n * sizeof *r);
    return m;
}

/* Not a real molecule: every element, no symmetry. */
static const uint8_t Z[] = { 6, 1, 7, 8, 9, 1 };
static const double R[] = { 0, 0, 0, 1.05, 0.2, -0.1, -0.6, 1.2, 0.3, -1.7, 1.1, 0.9, 0.5, -0.4, 1.3, 0.2, -0.9, -0.5 };

static hg_qdf *model(uint64_t seed) { /* wide spread, so that every part of the function matters */
    hg_qdf *q;
    hg_err err;
    assert_ok_err(hg_qdf_new(&q, DIM, 0, NULL, &err), err);
    hg_rng r = hg_rng_make(seed, 1);
    for (size_t i = 0; i < q->l.count; i++) q->w[i] = (float)(0.2 * hg_rng_normal(&r));
    for (size_t i = 0; i < HG_QDF_TYPES; i++) q->w[q->l.zeta + i] = (float)(0.4 + 2 * hg_rng_uniform(&r));
    for (size_t i = 0; i < HG_QDF_TYPES * DIM; i++) q->w[q->l.coefficient + i] *= 5;
    return q;
}

static void an_atom_has_56_points_on_a_lattice(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf_input q;
    assert_ok(hg_qdf_input_make(
        &q, molecule(mem, 2, (const uint8_t[]) { 1, 8 }, (const double[]) { 0, 0, 0, 0, 0, 30 }), true, mem, NULL));
    assert_int_equal(q.points, 112);
    assert_int_equal(q.orbitals, 4 + 14);
    assert_close(q.electrons, 9, 0);
    double least = 9, most = 0;
    for (size_t p = 0; p < 56; p++) {
        const double *r = q.point + 3 * p, d = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
        least = fmin(least, d);
        most = fmax(most, d);
        assert_close((double)q.potential[p], -exp(-d * d), 1e-6); /* the other is out of sight */
        assert_close((double)q.potential[56 + p], -8 * exp(-d * d), 1e-6);
    }
    assert_close(least, 0.15 * sqrt(3), 1e-12);
    assert_close(most, sqrt(2 * 0.45 * 0.45 + 0.15 * 0.15), 1e-12);
    assert_int_equal(q.type[0], 14);     /* H 1s */
    assert_int_equal(q.type[4], 18);     /* O 1s */
    assert_int_equal(q.power[4 + 5], 0); /* the last of O's six 1s */
    assert_int_equal(q.power[4 + 6], 1); /* its first 2s */
    hg_arena_reset(mem, mark);
}

/* One atom alone, all weights by hand: zeta makes phi, one column of ones makes psi the same for all. */
static void one_column_by_hand(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf *one;
    assert_ok(hg_qdf_new(&one, 1, 0, NULL, NULL));
    const hg_qdf_layout l = one->l;
    float *w = one->w;
    memset(w, 0, l.count * sizeof *w);
    for (size_t i = 0; i < HG_QDF_TYPES; i++) w[l.coefficient + i] = 3, w[l.zeta + i] = 1;
    for (int i = 0; i < 3; i++) w[l.w[i]] = 2;
    w[l.b[2]] = -0.25f;
    w[l.energy_w] = 0.5f;
    w[l.energy_b] = -1;
    hg_qdf_input q;
    assert_ok(hg_qdf_input_make(&q, molecule(mem, 1, (const uint8_t[]) { 1 }, (const double[]) { 1, 2, 3 }), true, mem,
                                NULL));
    double norm = 0, want = -1, e;
    for (size_t p = 0; p < 56; p++) { /* four equal orbitals: psi is phi, with the sum of squares 1 electron */
        double d2 = 0;
        for (size_t k = 0; k < 3; k++) d2 += pow(q.point[3 * p + k] - (double)(k + 1), 2);
        norm += exp(-2 * d2);
    }
    for (size_t p = 0; p < 56; p++) {
        double d2 = 0;
        for (size_t k = 0; k < 3; k++) d2 += pow(q.point[3 * p + k] - (double)(k + 1), 2);
        want += 0.5 * fmax(0, 8 * exp(-d2) / sqrt(norm) - 0.25);
    }
    hg_qdf_room room = { 0 };
    assert_ok(hg_qdf_energy(&e, w, &l, &q, &room, NULL));
    assert_close(e, want, 1e-5);
    hg_qdf_free(one);
    hg_qdf_room_free(&room);
    hg_arena_reset(mem, mark);
}

static double relative(const float *a, const double *b, size_t n) {
    double diff = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        diff += pow((double)a[i] - b[i], 2);
        size += b[i] * b[i];
    }
    return sqrt(diff / fmax(size, 1e-30));
}

/* Every parameter's gradient of both losses, each kind of parameter by itself, against the tape in double. */
static void kernels_are_the_tape(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf *net = model(3);
    const hg_qdf_layout l = net->l;
    float *w = net->w, *g = net->grad;
    double *wd = malloc(l.count * sizeof *wd), *gd = calloc(l.count, sizeof *gd), e, loss;
    for (size_t i = 0; i < l.count; i++) wd[i] = (double)w[i];
    hg_qdf_input q;
    hg_err err;
    assert_ok_err(hg_qdf_input_make(&q, molecule(mem, sizeof Z, Z, R), true, mem, &err), err);
    hg_tape_opts o = hg_tape_opts_default();
    o.dtype = HG_F64;
    hg_tape *t;
    assert_ok(hg_tape_new(&t, &o, NULL));
    hg_qdf_room room = { 0 };
    const size_t parts[] = {
        l.coefficient, l.zeta,     l.w[0],     l.b[0],      l.w[1],        l.b[1],        l.w[2],
        l.b[2],        l.energy_w, l.energy_b, l.density_w, l.density_b,   l.v[0],        l.c[0],
        l.v[1],        l.c[1],     l.v[2],     l.c[2],      l.potential_w, l.potential_b, l.count
    };
    const double target = -7;
    for (int which = 0; which < 2; which++) {
        memset(g, 0, l.count * sizeof *g);
        memset(gd, 0, l.count * sizeof *gd);
        hg_tape_begin(t, 0);
        hg_tensor *psi = hg_qdf_tape_psi(t, wd, gd, &l, &q), *error, *v = NULL;
        double *potential = malloc(q.points * sizeof *potential);
        for (size_t p = 0; p < q.points; p++) potential[p] = (double)q.potential[p];
        if (which == 0) {
            v = hg_qdf_tape_energy(t, wd, gd, &l, psi);
            error = hg_affine(t, v, 1, -target);
            assert_ok_err(hg_qdf_learn_energy(&e, g, w, &l, &q, target, 1.5, &room, &err), err);
            assert_close(e, hg_tensor_value(v), 1e-5);
            double alone;
            assert_ok(hg_qdf_energy(&alone, w, &l, &q, &room, NULL));
            assert_close(alone, hg_tensor_value(v), 1e-5);
            uint16_t *packed = hg_qdf_pack(w, &l);
            assert_ok(hg_qdf_energy_bf16(&alone, w, packed, &l, &q, &room, NULL));
            assert_close(alone, hg_tensor_value(v), 0.02); /* 8 bits of fraction */
            hg_free(packed);
        } else {
            v = hg_qdf_tape_potential(t, wd, gd, &l, hg_qdf_tape_density(t, psi));
            error = hg_sub(t, v, hg_tensor_of(t, HG_SHAPE(q.points, 1), potential, false));
            assert_ok_err(hg_qdf_learn_potential(&loss, NULL, g, w, &l, &q, 1.5, &room, &err), err);
        }
        hg_tensor *y = hg_sum(t, hg_map(t, HG_SQUARE, error), 0);
        if (which == 1) assert_close(loss / hg_tensor_value(y), 1, 1e-5);
        assert_ok_err(hg_backward(t, hg_affine(t, y, 1.5, 0), &err), err);
        for (size_t i = 0; i + 1 < sizeof parts / sizeof *parts; i++) {
            const double off = relative(g + parts[i], gd + parts[i], parts[i + 1] - parts[i]);
            double size = 0;
            for (size_t k = parts[i]; k < parts[i + 1]; k++) size += fabs(gd[k]);
            const bool energy_only = i >= 2 && i < 10, potential_only = i >= 10;
            if (which == 0 ? !potential_only : !energy_only) assert_true(size > 0);
            if (off > 2e-4) fail_msg("loss %d, parameter %zu: off by %.2g of the gradient", which, i, off);
        }
        free(potential);
    }
    hg_qdf_room_free(&room);
    hg_tape_free(t);
    hg_qdf_free(net);
    free(wd);
    free(gd);
    hg_arena_reset(mem, mark);
}

static void the_order_of_atoms_and_a_shift_change_nothing(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf *net = model(4);
    const hg_qdf_layout l = net->l;
    float *w = net->w;
    hg_qdf_room room = { 0 };
    double r[3 * sizeof Z], e[3];
    uint8_t z[sizeof Z];
    for (size_t i = 0; i < sizeof Z; i++) {
        z[i] = Z[sizeof Z - 1 - i];
        for (size_t k = 0; k < 3; k++) r[3 * i + k] = R[3 * (sizeof Z - 1 - i) + k] + 0.7;
    }
    hg_qdf_input q;
    assert_ok(hg_qdf_input_make(&q, molecule(mem, sizeof Z, Z, R), true, mem, NULL));
    assert_ok(hg_qdf_energy(&e[0], w, &l, &q, &room, NULL));
    assert_ok(hg_qdf_energy(&e[1], w, &l, &q, &room, NULL));
    assert_true(e[0] == e[1]);
    assert_ok(hg_qdf_input_make(&q, molecule(mem, sizeof Z, z, r), true, mem, NULL));
    assert_ok(hg_qdf_energy(&e[2], w, &l, &q, &room, NULL));
    assert_close(e[2], e[0], 1e-5);
    hg_qdf_room_free(&room);
    hg_qdf_free(net);
    hg_arena_reset(mem, mark);
}

static void what_it_cannot_compute_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf *net = model(5);
    const hg_qdf_layout l = net->l;
    float *w = net->w;
    hg_qdf_room room = { 0 };
    hg_qdf_input q;
    hg_err err;
    double e;
    hg_molecule *m = molecule(mem, 2, (const uint8_t[]) { 1, 17 }, (const double[]) { 0, 0, 0, 1.3, 0, 0 });
    assert_int_equal(hg_qdf_input_make(&q, m, true, mem, &err), HG_ENOTFOUND);
    assert_contains(err.msg, "atom 2 is Cl");
    m->z[1] = 1;
    m->charge = 2;
    assert_int_equal(hg_qdf_input_make(&q, m, true, mem, &err), HG_EDATA);
    m->charge = 0;
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        hg_status st = hg_qdf_input_make(&q, m, true, mem, &err);
        if (st == HG_OK) st = hg_qdf_energy(&e, w, &l, &q, &room, &err);
        fail_alloc_after(-1);
        hg_qdf_room_free(&room);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
    }
    w[l.w[1]] = NAN;
    assert_int_equal(hg_qdf_energy(&e, w, &l, &q, &room, &err), HG_ENAN);
    hg_qdf_room_free(&room);
    hg_qdf_free(net);
    hg_arena_reset(mem, mark);
}

/* The authors' weights on the authors' test molecules: their program's own predictions. */
static hg_qdf *published(void) {
    char path[512];
    hg_qdf *q;
    hg_err err;
    assert_ok_err(hg_qdf_load(&q, test_source(path, sizeof path, "models/qdf-classic/weights.safetensors"),
                              &(hg_params_opts) { .fixed = true }, &err),
                  err);
    return q;
}

typedef struct {
    char id[40];
    double e;
} prediction;

static int by_id(const void *a, const void *b) {
    return strcmp(((const prediction *)a)->id, ((const prediction *)b)->id);
}

static void the_published_predictions_come_back(void **state) {
    hg_arena *mem = *state;
    char path[512], molecules[512];
    if (!test_shared(path, sizeof path, "data/qdf-qm9/qdf_predictions_test.tsv.xz")) skip();
    test_shared(molecules, sizeof molecules, "data/qdf-qm9/under14_test.txt.xz");
    hg_err err;
    hg_table *table;
    size_t id, want;
    assert_ok_err(hg_csv_read(&table, path, NULL, &err), err);
    assert_ok_err(hg_table_find(&id, table, "ID", &err), err);
    assert_ok_err(hg_table_find(&want, table, "Predict", &err), err);
    const size_t n = hg_table_rows(table);
    prediction *all = calloc(n, sizeof *all);
    for (size_t i = 0; i < n; i++) {
        snprintf(all[i].id, sizeof all[i].id, "%s", hg_table_text(table, id, i));
        all[i].e = hg_table_column(table, want)->number[i];
    }
    qsort(all, n, sizeof *all, by_id);
    hg_qdf *q = published();
    hg_molecule_file *f;
    assert_ok_err(hg_molecule_file_open(&f, molecules, NULL, &err), err);
    hg_qdf_room room = { 0 };
    double worst = 0, error = 0;
    size_t seen = 0;
    for (;; seen++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_molecule *m;
        hg_qdf_input in;
        double e;
        assert_ok_err(hg_molecule_file_next(&m, f, mem, &err), err);
        if (!m) break;
        if (seen % 4) { /* all of them: bench/qdf */
            hg_arena_reset(mem, mark);
            continue;
        }
        assert_ok_err(hg_qdf_input_make(&in, m, true, mem, &err), err);
        assert_ok_err(hg_qdf_energy(&e, q->w, &q->l, &in, &room, &err), err);
        prediction key = { "", 0 };
        snprintf(key.id, sizeof key.id, "%s", m->id);
        const prediction *p = bsearch(&key, all, n, sizeof *all, by_id);
        assert_non_null(p);
        worst = fmax(worst, fabs(e - p->e));
        error += fabs(e - m->values[0].real[0]);
        hg_arena_reset(mem, mark);
    }
    assert_int_equal(seen, 1480);
    assert_true(worst < 5e-4);
    assert_true(error / 370 < 0.065 && error / 370 > 0.05); /* 0.0575 over all */
    hg_qdf_room_free(&room);
    hg_molecule_file_free(f);
    hg_qdf_free(q);
    hg_table_free(table);
    free(all);
}

static void weights_come_back_from_a_file(void **state) {
    (void)state;
    char path[512], narrow[512];
    hg_err err;
    hg_qdf *a, *b;
    test_scratch(path, sizeof path, "qdf.safetensors");
    test_scratch(narrow, sizeof narrow, "qdf-narrow.safetensors");
    a = model(7);
    assert_ok_err(hg_qdf_save(a, path, &err), err);
    assert_ok_err(hg_qdf_load(&b, path, NULL, &err), err);
    for (size_t i = 0; i < HG_QDF_TYPES * DIM; i++)
        assert_true(a->w[a->l.coefficient + i] == b->w[b->l.coefficient + i]);
    assert_memory_equal(a->w + a->l.v[2], b->w + b->l.v[2], DIM * DIM * sizeof *a->w);
    hg_qdf_free(b);
    a->w[a->l.b[1]] = NAN;
    assert_ok_err(hg_qdf_save(a, path, &err), err);
    assert_int_equal(hg_qdf_load(&b, path, NULL, &err), HG_ENAN);
    assert_contains(err.msg, "W_functional.1.bias");
    assert_null(b);
    hg_qdf_free(a);
    assert_ok_err(hg_qdf_new(&a, DIM, 5, NULL, &err), err); /* another width of the map to the potential */
    assert_int_equal(a->l.hk, 5);
    assert_ok_err(hg_qdf_save(a, narrow, &err), err);
    assert_ok_err(hg_qdf_load(&b, narrow, NULL, &err), err);
    assert_true(b->l.dim == DIM && b->l.hk == 5 && b->l.count == a->l.count);
    assert_memory_equal(a->w, b->w, a->l.count * sizeof *a->w);
    hg_qdf_free(b);
    hg_qdf_free(a);
    unlink(narrow);
    assert_int_equal(hg_qdf_new(&a, 0, 0, NULL, &err), HG_EINVAL);
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_qdf_load(&a, path, NULL, &err);
        fail_alloc_after(-1);
        if (st == HG_ENAN) break; /* it came as far as the bad weight */
        assert_int_equal(st, HG_ENOMEM);
        assert_null(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_atom_has_56_points_on_a_lattice),
        TEST(one_column_by_hand),
        TEST(kernels_are_the_tape),
        TEST(the_order_of_atoms_and_a_shift_change_nothing),
        TEST(what_it_cannot_compute_is_refused),
        TEST(weights_come_back_from_a_file),
        TEST(the_published_predictions_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
