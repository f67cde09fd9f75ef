/* tests/models/test_qdf_density.c -- the published function's density at any point is that of its own grid there */
#include "models/qdf_density.h"
#include "models/qdf_kernel.h"
#include "test.h"

static hg_molecule *water(hg_arena *mem) {
    hg_molecule *m = hg_molecule_new(mem, 3);
    static const double R[] = { 0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0 };
    memcpy(m->z, (const uint8_t[]) { 8, 1, 1 }, 3);
    memcpy(m->r, R, sizeof R);
    return m;
}

static hg_qdf *published(void) {
    char path[512];
    hg_err err;
    hg_qdf *q;
    assert_ok_err(hg_qdf_load(&q, test_source(path, sizeof path, "models/qdf-classic/weights.safetensors"),
                              &(hg_params_opts) { .fixed = true }, &err),
                  err);
    return q;
}

static void its_own_points_have_its_own_density(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf *q = published();
    hg_molecule *m = water(mem);
    hg_qdf_input in;
    hg_qdf_room room = { 0 };
    assert_ok(hg_qdf_input_make(&in, m, true, mem, NULL));
    float *kernel = hg_alloc(mem, in.points, sizeof *kernel);
    double *rho = hg_alloc(mem, in.points, sizeof *rho), loss, sum = 0;
    assert_ok(hg_qdf_learn_potential(&loss, kernel, NULL, q->w, &q->l, &in, 1, &room, NULL));
    assert_ok(hg_qdf_density(rho, q, m, in.point, in.points, NULL));
    for (size_t i = 0; i < in.points; i++) {
        assert_close(rho[i], (double)kernel[i], 1e-5);
        sum += rho[i];
    }
    assert_close(sum, 10, 1e-12); /* all electrons, by the definition of its norms */
    hg_qdf_room_free(&room);
    hg_qdf_free(q);
    hg_arena_reset(mem, mark);
}

static void other_elements_and_no_memory_are_said(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf *q = published();
    hg_molecule *m = water(mem);
    double rho;
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_qdf_density(&rho, q, m, m->r, 1, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
    }
    m->z[0] = 16;
    assert_int_equal(hg_qdf_density(&rho, q, m, m->r, 1, NULL), HG_ENOTFOUND);
    hg_qdf_free(q);
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(its_own_points_have_its_own_density),
        TEST(other_elements_and_no_memory_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
