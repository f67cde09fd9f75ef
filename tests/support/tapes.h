/* tests/support/tapes.h -- tapes, and tensors from and beside numbers that stand in a test */
#ifndef HG_TEST_TAPES_H
#define HG_TEST_TAPES_H
#include "hagane/tensor.h"

/* A tape that records: TAPE(.dtype = HG_F64, .pool = pool) */
#define TAPE(...) tape_new(&(hg_tape_opts) { .record = true, __VA_ARGS__ })
hg_tape *tape_new(const hg_tape_opts *o);

/* A tensor that gets a gradient: OF(t, HG_SHAPE(2), 1, 2) */
#define OF(t, shape, ...) hg_tensor_of(t, shape, (const double[]) { __VA_ARGS__ }, true)

/* x holds these n <= 64 numbers, to tol max(1, |number|); NaN is like NaN. */
void assert_tensor(const hg_tensor *x, const double *want, size_t n, double tol);
#define ASSERT_TENSOR(x, tol, ...)                                                                                     \
    assert_tensor(x, (const double[]) { __VA_ARGS__ }, sizeof((double[]) { __VA_ARGS__ }) / sizeof(double), tol)
#endif
