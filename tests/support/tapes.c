/* tests/support/tapes.c -- see tests/support/tapes.h */
#include "tapes.h"
#include "test.h"

hg_tape *tape_new(const hg_tape_opts *o) {
    hg_tape *t;
    assert_ok(hg_tape_new(&t, o, NULL));
    return t;
}

void assert_tensor(const hg_tensor *x, const double *want, size_t n, double tol) {
    double got[64];
    assert_non_null(x);
    assert_true(n <= sizeof got / sizeof *got);
    assert_int_equal(hg_tensor_size(x), n);
    hg_tensor_get(got, x);
    for (size_t i = 0; i < n; i++)
        if (!(isnan(got[i]) && isnan(want[i]))) assert_close(got[i], want[i], tol);
}
