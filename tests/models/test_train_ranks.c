/* tests/models/test_train_ranks.c -- several ranks train one network: here as threads, as processes in tests/mpi */
#include "learner.h"
#include "models/train.h"
#include "tensor/params.h"
#include "test.h"
#include <pthread.h>
#include <unistd.h>

enum { MOST = 5 };

/* What ranks share: each lays its numbers down, rank 0 adds them, each takes the sum. */
typedef struct {
    pthread_barrier_t all;
    float *x[MOST];
    unsigned ranks;
} meeting;

typedef struct {
    meeting *m;
    hg_ranks reduce;
    learner l;
    hg_train_opts o;
    hg_train_result result;
    hg_status st;
    hg_err err;
    size_t sums;
} rank;

static hg_status add_up(void *ctx, float *x, size_t n, hg_err *err) {
    rank *own = ctx;
    meeting *m = own->m;
    (void)err;
    own->sums++;
    m->x[own->reduce.rank] = x;
    pthread_barrier_wait(&m->all);
    if (own->reduce.rank == 0)
        for (size_t i = 0; i < n; i++)
            for (unsigned r = 1; r < m->ranks; r++) x[i] += m->x[r][i];
    pthread_barrier_wait(&m->all);
    if (own->reduce.rank > 0) memcpy(x, m->x[0], n * sizeof *x);
    pthread_barrier_wait(&m->all);
    return HG_OK;
}

static void *live(void *arg) {
    rank *own = arg;
    own->st = hg_train(&own->result, &own->l.trainable, &own->o, &own->err);
    return NULL;
}

/* Ranks with networks of their own and the same options, which the caller may change before they run. */
static void gather(rank *r, meeting *m, unsigned ranks, const hg_train_opts *o) {
    *m = (meeting) { .ranks = ranks };
    pthread_barrier_init(&m->all, NULL, ranks);
    for (unsigned i = 0; i < ranks; i++) {
        r[i] = (rank) { .m = m, .o = *o };
        r[i].reduce = (hg_ranks) { .rank = i, .ranks = ranks, .allreduce = add_up, .ctx = &r[i] };
        r[i].o.ranks = &r[i].reduce;
        learner_new(&r[i].l, HG_F32);
        r[i].l.dropout = 0;
    }
}

static void run(rank *r, meeting *m) {
    pthread_t id[MOST];
    for (unsigned i = 0; i < m->ranks; i++) assert_int_equal(pthread_create(&id[i], NULL, live, &r[i]), 0);
    for (unsigned i = 0; i < m->ranks; i++) pthread_join(id[i], NULL);
    for (unsigned i = 1; i < m->ranks; i++) assert_int_equal(r[i].sums, r[0].sums);
}

static void part(rank *r, meeting *m) {
    for (unsigned i = 0; i < m->ranks; i++) learner_free(&r[i].l);
    pthread_barrier_destroy(&m->all);
}

static void all_are_the_same(const rank *r, const meeting *m) {
    for (unsigned i = 0; i < m->ranks; i++) {
        if (r[i].st != HG_OK) fail_msg("rank %u: %s", i, r[i].err.msg);
        assert_memory_equal(r[i].l.p->values, r[0].l.p->values, hg_params_bytes(r[0].l.p));
        assert_true(r[i].result.metric == r[0].result.metric && r[i].result.loss == r[0].result.loss);
    }
}

static void several_ranks_follow_the_curve_of_one(void **state) {
    (void)state;
    rank r[MOST], one[1];
    meeting m, alone;
    hg_train_opts o = learner_opts();
    o.epochs = 20;
    gather(one, &alone, 1, &o);
    run(one, &alone);
    assert_int_equal(one->sums, 0);
    for (unsigned ranks = 2; ranks <= MOST; ranks += 3) {
        gather(r, &m, ranks, &o);
        for (unsigned i = 1; i < ranks; i++) /* the first values of rank 0 count */
            hg_params_set(r[i].l.p, 5, &(double) { 99 });
        run(r, &m);
        all_are_the_same(r, &m);
        assert_close(r->result.loss, one->result.loss, 1e-5);
        assert_close(r->result.metric, one->result.metric, 1e-5);
        assert_int_equal(r->result.steps, one->result.steps);
        for (unsigned i = 0; i < ranks; i++) assert_true(r[i].l.losses >= 20 * 6 && r[i].l.losses <= 20 * 7);
        part(r, &m);
    }
    part(one, &alone);
}

/* More ranks than items of a batch: some have nothing to do. */
static void ranks_without_items_wait(void **state) {
    (void)state;
    rank r[MOST];
    meeting m;
    hg_train_opts o = learner_opts();
    o.batch = 3;
    o.epochs = 1;
    gather(r, &m, MOST, &o);
    run(r, &m);
    all_are_the_same(r, &m);
    assert_int_equal(r[3].l.losses, 0);
    assert_int_equal(r[0].l.losses, 34);
    part(r, &m);
}

static void one_rank_stops_all_and_all_go_on(void **state) {
    (void)state;
    char checkpoint[512], log[512];
    rank a[2], b[2];
    meeting ma, mb;
    learner_stop stop;
    hg_train_opts o = learner_opts();
    gather(a, &ma, 2, &o);
    run(a, &ma);
    all_are_the_same(a, &ma);

    o.checkpoint = test_scratch(checkpoint, sizeof checkpoint, "ranks.checkpoint");
    o.log = test_scratch(log, sizeof log, "ranks.jsonl");
    gather(b, &mb, 2, &o);
    learner_stop_at(&stop, 12);
    b[1].o.hooks = &stop.hooks;
    run(b, &mb);
    for (int i = 0; i < 2; i++) assert_int_equal(b[i].st, HG_ECANCEL);
    part(b, &mb);
    o.resume = true;
    gather(b, &mb, 2, &o);
    b[1].o.checkpoint = "/nowhere/only-rank-0-reads-and-writes";
    run(b, &mb);
    all_are_the_same(b, &mb);
    assert_memory_equal(a->l.p->values, b->l.p->values, hg_params_bytes(a->l.p));
    part(b, &mb);
    part(a, &ma);
    unlink(checkpoint);
    unlink(log);
}

static void a_rank_that_fails_tells_the_others(void **state) {
    (void)state;
    rank r[3];
    meeting m;
    hg_train_opts o = learner_opts();
    for (int kind = 0; kind < 4; kind++) {
        gather(r, &m, 3, &o);
        if (kind == 0) r[1].l.nan_loss = 4;
        if (kind == 1) r[1].o.batch = 17;              /* another batch */
        if (kind == 2) r[1].l.trainable.identity = ""; /* other data */
        if (kind == 3) r[1].o.optimizer.beta1 = 7;     /* nothing that can be */
        run(r, &m);
        assert_int_equal(r[1].st, kind == 0 ? HG_ENAN : HG_EINVAL);
        if (kind == 2) assert_contains(r[1].err.msg, "rank 1 has another data than rank 0");
        for (int i = 0; i < 3; i += 2) {
            assert_int_equal(r[i].st, HG_EPARTY);
            assert_contains(r[i].err.msg, "rank 1 of 3 stopped");
        }
        part(r, &m);
    }
    gather(r, &m, 2, &o); /* only rank 0 opens files */
    r[0].o.log = "/nowhere/x";
    run(r, &m);
    assert_int_equal(r[0].st, HG_EIO);
    assert_int_equal(r[1].st, HG_EPARTY);
    part(r, &m);
}

/* ---- numbers and bytes through sums of floats ----------------------------------------------------------------- */

static void *exchange(void *arg) {
    rank *own = arg;
    float small[3 * HG_SHARED];
    unsigned char bytes[40001];
    double x[2] = { own->reduce.rank == 1 ? 1.0 / 3 : 0, (double)own->reduce.rank * 1e-9 + 1e7 };
    bool stop = own->reduce.rank == 2;
    hg_trainer t = { .ranks = own->reduce, .small = small };
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = own->reduce.rank ? 77 : (unsigned char)(i * 2654435761u >> 11);
    own->st = hg_train_agree(&t, HG_OK, x, 2, &stop, NULL);
    if (own->st == HG_OK) own->st = hg_train_share(&t, bytes, sizeof bytes, NULL);
    bool good = stop && x[0] == 1.0 / 3 && x[1] == 1e7 + (1e-9 + 1e7) + (2e-9 + 1e7);
    for (size_t i = 0; i < sizeof bytes; i++) good = good && bytes[i] == (unsigned char)(i * 2654435761u >> 11);
    own->result.epochs = good;
    return NULL;
}

static void doubles_and_bytes_lose_nothing(void **state) {
    (void)state;
    rank r[3];
    meeting m;
    pthread_t id[3];
    const hg_train_opts o = learner_opts();
    gather(r, &m, 3, &o);
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&id[i], NULL, exchange, &r[i]), 0);
    for (int i = 0; i < 3; i++) pthread_join(id[i], NULL);
    for (int i = 0; i < 3; i++) assert_true(r[i].st == HG_OK && r[i].result.epochs == 1);
    part(r, &m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(several_ranks_follow_the_curve_of_one), TEST(ranks_without_items_wait),
        TEST(one_rank_stops_all_and_all_go_on),      TEST(a_rank_that_fails_tells_the_others),
        TEST(doubles_and_bytes_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
