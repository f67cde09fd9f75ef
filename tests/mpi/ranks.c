/* tests/mpi/ranks.c -- started by mpirun, once a rank: trains the network of the tests of training, stops, goes on, and compares with
 * the same network trained alone. Its argument is the number of ranks that mpirun was asked for. */
#include "learner.h"
#include "models/ranks.h"
#include "tensor/params.h"
#include "test.h"
#include <unistd.h>

static unsigned long expected;

static void train(learner *l, hg_train_opts *o, const hg_ranks *r, hg_train_result *result, hg_status want) {
    hg_err err = { .code = HG_OK };
    learner_new(l, HG_F32);
    l->dropout = 0;
    o->ranks = r;
    const hg_status st = hg_train(result, &l->trainable, o, &err);
    if (st != want) fail_msg("rank %u: %s %s", r ? r->rank : 0, hg_status_name(st), err.msg);
}

/* Each rank has the bytes of rank 0: their difference to the sum's share is none. */
static void all_have_the_same(const hg_params *p, hg_ranks *r) {
    float *x = malloc(p->size * sizeof *x);
    hg_err err;
    memcpy(x, p->values, p->size * sizeof *x);
    for (size_t i = 0; i < p->size && r->rank > 0; i++) x[i] = 0;
    assert_ok_err(r->allreduce(r->ctx, x, p->size, &err), err);
    assert_memory_equal(x, p->values, p->size * sizeof *x);
    free(x);
}

static void ranks_train_as_one(void **state) {
    (void)state;
    char path[600];
    hg_ranks r;
    hg_err err;
    learner alone, together, stopped, resumed;
    learner_stop stop;
    hg_train_result a, b, c;
    hg_train_opts o = learner_opts();
    assert_ok_err(hg_ranks_begin(&r, &err), err);
    assert_int_equal(r.ranks, expected);
    assert_contains(hg_ranks_config(), "MPI");
    train(&alone, &o, NULL, &a, HG_OK);
    train(&together, &o, &r, &b, HG_OK);
    all_have_the_same(together.p, &r);
    assert_close(a.loss, b.loss, 1e-5);
    assert_close(a.metric, b.metric, 1e-5);

    o.checkpoint =
        test_scratch(path, sizeof path, "mpi.checkpoint"); /* a name of its own on each: only rank 0 uses it */
    learner_stop_at(&stop, 10);
    o.hooks = r.rank + 1 == r.ranks ? &stop.hooks : NULL; /* the last rank stops all */
    train(&stopped, &o, &r, &c, HG_ECANCEL);
    o.hooks = NULL;
    o.resume = true;
    train(&resumed, &o, &r, &c, HG_OK);
    assert_memory_equal(resumed.p->values, together.p->values, hg_params_bytes(together.p));
    unlink(path);
    learner_free(&alone);
    learner_free(&together);
    learner_free(&stopped);
    learner_free(&resumed);
    hg_ranks_end();
}

int main(int argc, char **argv) {
    expected = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = { TEST(ranks_train_as_one) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
