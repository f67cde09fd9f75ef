/* tests/models/test_train.c -- the training loop: it learns, its bits are the same for any cut and number of threads, its log, its ends */
#include "json.h"
#include "learner.h"
#include "models/train.h"
#include "tensor/tape.h"
#include "test.h"
#include <unistd.h>

/* All values one after another. */
static double *values(const hg_params *p, size_t *n) {
    *n = hg_params_elements(p);
    double *x = malloc(*n * sizeof *x), *to = x;
    for (size_t i = 0; i < hg_params_count(p); i++) {
        hg_params_get(to, p, i);
        to += hg_shape_size(hg_params_shape(p, i));
    }
    return x;
}

static void a_small_network_learns(void **state) {
    (void)state;
    learner l;
    hg_train_result r;
    hg_err err;
    learner_new(&l, HG_F32);
    l.dropout = l.noise = 0;
    hg_train_opts o = learner_opts();
    o.epochs = 150;
    o.rate = 1e-2;
    o.optimizer.decay = 0;
    assert_ok_err(hg_train(&r, &l.trainable, &o, &err), err);
    assert_int_equal(r.epochs, 150);
    assert_int_equal(r.steps, 150 * 7);
    assert_int_equal(r.why, HG_TRAIN_EPOCHS);
    assert_true(r.loss < 0.005); /* half the variance of the data is 0.23 */
    assert_true(r.metric < 0.02);
    assert_true(r.best_epoch > 50);
    learner_free(&l);
}

/* The plain loop, written down without the trainer: same losses, same steps. */
static void it_does_what_a_plain_loop_does(void **state) {
    (void)state;
    enum { EPOCHS = 3 };
    learner l[2];
    hg_train_result r;
    hg_train_opts o = hg_train_opts_default();
    o.epochs = EPOCHS;
    o.batch = 100; /* all items: their order does not matter but for rounding */
    o.rate = 0.01;
    for (int k = 0; k < 2; k++) {
        learner_new(&l[k], HG_F64);
        l[k].dropout = l[k].noise = 0;
        l[k].trainable.validation = 0;
        l[k].trainable.evaluate = NULL;
    }
    assert_ok(hg_train(&r, &l[0].trainable, &o, NULL));
    assert_true(isnan(r.metric) && r.best_epoch == 0);

    hg_optimizer *z;
    hg_tape *t;
    size_t items[100], n;
    double last = 0;
    for (size_t i = 0; i < 100; i++) items[i] = i;
    assert_ok(hg_optimizer_new(&z, l[1].p, NULL, NULL));
    assert_ok(hg_tape_new(&t, &(hg_tape_opts) { .dtype = HG_F64, .record = true, .training = true }, NULL));
    for (int e = 0; e < EPOCHS; e++) {
        hg_tape_begin(t, 0);
        hg_tensor *mean = hg_affine(
            t, l[1].trainable.loss(&l[1], t, &(hg_batch) { .items = items, .n = 100, .whole = items, .n_whole = 100 }),
            0.01, 0);
        last = hg_tensor_value(mean);
        assert_ok(hg_backward(t, mean, NULL));
        assert_ok(hg_optimizer_step(NULL, z, 0.01, NULL, NULL));
    }
    assert_close(r.loss, last, 1e-12);
    double *a = values(l[0].p, &n), *b = values(l[1].p, &n);
    for (size_t i = 0; i < n; i++) assert_close(a[i], b[i], 1e-9);
    free(a);
    free(b);
    hg_tape_free(t);
    hg_optimizer_free(z);
    for (int k = 0; k < 2; k++) learner_free(&l[k]);
}

static void train(learner *l, const hg_train_opts *o, hg_dtype dtype) {
    hg_train_result r;
    hg_err err;
    learner_new(l, dtype);
    l->dropout = 0; /* its masks are of a recording: other parts, other masks */
    assert_ok_err(hg_train(&r, &l->trainable, o, &err), err);
}

static void parts_change_rounding_and_threads_nothing(void **state) {
    (void)state;
    hg_pool *pool;
    hg_train_opts o = learner_opts(), pooled = o, parts = o;
    learner a, b, c;
    size_t n;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    pooled.pool = pool;
    parts.part = 5;
    train(&a, &o, HG_F64);
    train(&b, &pooled, HG_F64);
    train(&c, &parts, HG_F64);
    double *x = values(a.p, &n), *y = values(b.p, &n), *z = values(c.p, &n);
    assert_memory_equal(x, y, n * sizeof *x);
    for (size_t i = 0; i < n; i++) assert_close(x[i], z[i], 1e-7);
    assert_true(c.losses > 3 * a.losses);
    free(x);
    free(y);
    free(z);
    learner_free(&a);
    learner_free(&b);
    learner_free(&c);
    hg_pool_free(pool);
}

/* ---- what it sees --------------------------------------------------------------------------------------------- */

typedef struct {
    size_t seen[100], batches, inside; /* inside: items of this batch seen so far */
    uint64_t seeds[64];
    hg_params *p;
} witness;

static hg_tensor *watch(void *ctx, hg_tape *t, const hg_batch *b) {
    witness *w = ctx;
    assert_int_equal(b->step, w->batches);
    assert_int_equal(b->epoch, w->batches / 4);
    assert_int_equal(b->n_whole, w->batches % 4 == 3 ? 10 : 30);
    assert_ptr_equal(b->items, b->whole + w->inside); /* parts follow one another */
    assert_int_equal(b->n, w->inside + 8 <= b->n_whole ? 8 : b->n_whole - w->inside);
    for (size_t i = 0; i < b->n; i++) w->seen[b->items[i]]++;
    w->seeds[w->batches] = b->seed;
    w->inside = (w->inside + b->n) % b->n_whole;
    w->batches += w->inside == 0;
    return hg_sum(t, hg_map(t, HG_SQUARE, hg_param(t, w->p, 0)), 0);
}

static void each_epoch_sees_each_item_once_in_an_order_of_its_own(void **state) {
    (void)state;
    witness w = { .batches = 0 };
    hg_train_result r;
    hg_train_opts o = hg_train_opts_default();
    assert_ok(hg_params_new(&w.p, NULL, NULL));
    hg_params_add(w.p, HG_SHAPE(3), hg_init_constant(1), "x");
    assert_ok(hg_params_seal(w.p, NULL));
    const hg_trainable m = { .name = "witness", .params = w.p, .items = 100, .ctx = &w, .loss = watch };
    o.epochs = 3;
    o.batch = 30;
    o.part = 8;
    assert_ok(hg_train(&r, &m, &o, NULL));
    assert_int_equal(w.batches, 12);
    for (int i = 0; i < 100; i++) assert_int_equal(w.seen[i], 3);
    for (int i = 0; i < 12; i++)
        for (int k = 0; k < i; k++) assert_true(w.seeds[i] != w.seeds[k]);
    hg_params_free(w.p);
}

/* From the second epoch on nothing asks for memory: each such request would fail. */
static bool no_more_memory(void *user, const char *what, size_t done, size_t total) {
    (void)user, (void)what, (void)total;
    fail_alloc_after(done >= 7 ? 0 : -1);
    return true;
}

static void a_step_asks_for_no_memory(void **state) {
    (void)state;
    if (HG_TAPE_ONE_PIECE) skip(); /* under the address sanitizer each tensor is a block of its own */
    const hg_hooks hooks = { .progress = no_more_memory };
    learner l;
    hg_train_result r;
    hg_err err;
    hg_train_opts o = learner_opts();
    o.hooks = &hooks;
    learner_new(&l, HG_F32);
    assert_ok_err(hg_train(&r, &l.trainable, &o, &err), err);
    fail_alloc_after(-1);
    learner_free(&l);
}

/* ---- its ends ------------------------------------------------------------------------------------------------- */

static void patience_ends_it_and_the_best_weights_stay(void **state) {
    (void)state;
    double metrics[] = { 5, 3, 4, 3, 2.99, NAN, 4, 1 };
    learner l, short_;
    hg_train_result r, rs;
    size_t n;
    hg_train_opts o = learner_opts();
    o.epochs = 50;
    o.patience = 3;
    o.gain = 0.01; /* 2.99 is no better than 3 */
    o.schedule.kind = HG_RATE_CONSTANT;
    learner_new(&l, HG_F32);
    l.metrics = metrics;
    assert_ok(hg_train(&r, &l.trainable, &o, NULL));
    assert_int_equal(r.why, HG_TRAIN_PATIENCE);
    assert_int_equal(r.epochs, 5);
    assert_int_equal(r.best_epoch, 2);
    assert_true(r.metric == 3);

    learner_new(&short_, HG_F32);
    short_.metrics = metrics;
    o.epochs = 2;
    assert_ok(hg_train(&rs, &short_.trainable, &o, NULL));
    double *a = values(l.p, &n), *b = values(short_.p, &n);
    assert_memory_equal(a, b, n * sizeof *a);
    free(a);
    free(b);
    learner_free(&l);
    learner_free(&short_);
}

static void metrics_that_are_no_numbers_leave_the_last_weights(void **state) {
    (void)state;
    double metrics[] = { NAN, NAN, NAN, NAN, NAN };
    learner l;
    hg_train_result r;
    double before, after;
    hg_train_opts o = learner_opts();
    learner_new(&l, HG_F64);
    l.metrics = metrics;
    hg_params_get(&before, l.p, 5);
    assert_ok(hg_train(&r, &l.trainable, &o, NULL));
    hg_params_get(&after, l.p, 5);
    assert_true(isnan(r.metric) && r.best_epoch == 0 && before != after);
    learner_free(&l);
}

static void plateau_reduces_the_rate(void **state) {
    (void)state;
    double metrics[] = { 5, 5, 5, 5, 5, 5 };
    char path[512], line[1024];
    double rates[6];
    learner l;
    hg_train_result r;
    hg_train_opts o = learner_opts();
    o.log = test_scratch(path, sizeof path, "plateau.jsonl");
    o.epochs = 6;
    o.schedule = hg_schedule_opts_default();
    o.schedule.kind = HG_RATE_PLATEAU;
    o.schedule.patience = 1;
    learner_new(&l, HG_F32);
    l.metrics = metrics;
    assert_ok(hg_train(&r, &l.trainable, &o, NULL));
    FILE *f = fopen(path, "r");
    for (int i = 0; i < 6; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        rates[i] = json_number(line, "rate");
    }
    fclose(f);
    unlink(path);
    for (int i = 0; i < 6; i++) assert_close(rates[i], 3e-3 / (i < 3 ? 1 : i < 5 ? 2 : 4), 1e-15);
    learner_free(&l);
}

/* ---- phases, log ---------------------------------------------------------------------------------------------- */

static void phases_step_in_turn_and_the_log_tells_of_both(void **state) {
    (void)state;
    char path[512], line[1024];
    learner l;
    hg_train_result r;
    hg_err err;
    hg_train_opts o = learner_opts();
    o.log = test_scratch(path, sizeof path, "phases.jsonl");
    o.seconds = learner_clock;
    o.evaluate_epochs = 2;
    o.epochs = 3;
    learner_new(&l, HG_F32);
    o.clock = &l;
    l.trainable.phases = 2;
    assert_ok_err(hg_train(&r, &l.trainable, &o, &err), err);
    assert_int_equal(r.steps, 3 * 7 * 2);
    assert_int_equal(l.losses, 3 * 7 * 2);
    FILE *f = fopen(path, "r");
    for (int i = 1; i <= 3; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        assert_true(json_valid(line));
        assert_true(json_number(line, "epoch") == i);
        assert_true(json_number(line, "step") == 14 * i);
        assert_int_equal(json_length(line, "train_losses"), 2);
        assert_close(json_number(line, "train_loss"),
                     json_number(line, "train_losses.0") + json_number(line, "train_losses.1"), 1e-12);
        assert_int_equal(json_is_null(line, "metric"), i == 1);
        assert_true(json_number(line, "seconds") == i);
    }
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
    unlink(path);
    learner_free(&l);
}

/* ---- refusals ------------------------------------------------------------------------------------------------- */

static void refused(const hg_trainable *m, const hg_train_opts *o, const char *what) {
    hg_train_result r;
    hg_err err;
    assert_int_equal(hg_train(&r, m, o, &err), HG_EINVAL);
    assert_contains(err.msg, what);
}

static hg_status never(void *ctx, float *x, size_t n, hg_err *err) {
    (void)ctx, (void)x, (void)n;
    return hg_fail(err, HG_EPARTY, "never called");
}

static void refusals(void **state) {
    (void)state;
    learner l;
    learner_new(&l, HG_F32);
    const hg_trainable good = l.trainable;
    const hg_train_opts fine = learner_opts();
    hg_trainable m;
    hg_train_opts o;
#define BAD_NETWORK(field, value, words) m = good, m.field = value, refused(&m, &fine, words)
#define BAD_OPTION(field, value, words)  o = fine, o.field = value, refused(&good, &o, words)
    BAD_NETWORK(name, NULL, "name");
    BAD_NETWORK(loss, NULL, "loss");
    BAD_NETWORK(items, 0, "number of items");
    BAD_NETWORK(phases, 9, "phases");
    BAD_NETWORK(evaluate, NULL, "evaluation");
    BAD_OPTION(epochs, 0, "epochs");
    BAD_OPTION(batch, 0, "batch");
    BAD_OPTION(rate, NAN, "rate");
    BAD_OPTION(evaluate_epochs, 0, "evaluate_epochs");
    BAD_OPTION(checkpoint_epochs, 0, "checkpoint_epochs");
    BAD_OPTION(gain, 1, "gain");
    BAD_OPTION(resume, true, "checkpoint");
    BAD_OPTION(optimizer.beta1, 2, "beta1");
    BAD_OPTION(schedule.factor, 0, "factor");
    hg_ranks r = { .rank = 2, .ranks = 2, .allreduce = never };
    BAD_OPTION(ranks, &r, "ranks");
    r = (hg_ranks) { .rank = 0, .ranks = 2 };
    BAD_OPTION(ranks, &r, "ranks");
    m = good;
    m.validation = 0;
    m.evaluate = NULL;
    o = fine;
    o.patience = 1;
    refused(&m, &o, "validation");
    learner d;
    learner_new(&d, HG_F64);
    r = (hg_ranks) { .rank = 0, .ranks = 2, .allreduce = never };
    o = fine;
    o.ranks = &r;
    hg_err err;
    assert_int_equal(hg_train(&(hg_train_result) { 0 }, &d.trainable, &o, &err), HG_EINVAL);
    assert_contains(err.msg, "dtype");
    learner_free(&d);

    l.fail_loss = 3;
    assert_int_equal(hg_train(&(hg_train_result) { 0 }, &l.trainable, &fine, &err), HG_EINVAL);
    assert_contains(err.msg, "no loss");
    l.fail_loss = 0;
    l.losses = 0;
    l.nan_loss = 9;
    assert_int_equal(hg_train(&(hg_train_result) { 0 }, &l.trainable, &fine, &err), HG_ENAN);
    assert_string_equal(err.msg, "the loss is not finite in epoch 2, step 9");
    o = fine;
    o.log = "/nowhere/x.jsonl";
    assert_int_equal(hg_train(&(hg_train_result) { 0 }, &l.trainable, &o, &err), HG_EIO);
    assert_contains(err.msg, "/nowhere/x.jsonl");
    learner_free(&l);
}

static void no_memory(void **state) {
    (void)state;
    char checkpoint[512], log[512];
    hg_train_opts o = learner_opts();
    hg_train_result r;
    o.epochs = 1;
    o.checkpoint = test_scratch(checkpoint, sizeof checkpoint, "memory.checkpoint");
    o.log = test_scratch(log, sizeof log, "memory.jsonl");
    for (long k = 0;; k++) {
        learner l;
        learner_new(&l, HG_F32);
        fail_alloc_after(k);
        const hg_status st = hg_train(&r, &l.trainable, &o, NULL);
        fail_alloc_after(-1);
        learner_free(&l);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_true(k < 3000);
    }
    unlink(checkpoint);
    unlink(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_small_network_learns),
        TEST(it_does_what_a_plain_loop_does),
        TEST(parts_change_rounding_and_threads_nothing),
        TEST(each_epoch_sees_each_item_once_in_an_order_of_its_own),
        TEST(a_step_asks_for_no_memory),
        TEST(patience_ends_it_and_the_best_weights_stay),
        TEST(metrics_that_are_no_numbers_leave_the_last_weights),
        TEST(plateau_reduces_the_rate),
        TEST(phases_step_in_turn_and_the_log_tells_of_both),
        TEST(refusals),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
