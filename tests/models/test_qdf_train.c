/* tests/models/test_qdf_train.c -- Quantum Deep Field learns: its batches against the tape, any number of threads, stops and resumption, what it
 * refuses */
#include "core/memory.h"
#include "json.h"
#include "models/qdf_kernel.h"
#include "models/qdf_tape.h"
#include "models/qdf_train.h"
#include "tensor/params.h"
#include "test.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
enum { KILLS = 0 }; /* BLAS starts threads after a fork, which that sanitizer does not follow */
#else
enum { KILLS = 1 };
#endif
enum { TRAIN = 22, VALIDATION = 5, DIM = 12, HK = 7, STOPS = 20 };

typedef struct {
    hg_arena *mem;
    hg_molecule *m[TRAIN + VALIDATION];
    double e[TRAIN + VALIDATION];
    hg_qdf_data train, validation;
} made;

/* Two to four atoms on a line with kinks. An energy of its composition and its first distance, some eV. */
static void make(made *d) {
    static const uint8_t KIND[] = { 1, 6, 7, 8, 9 };
    static const double OWN[] = { 0, -2.1, -1.3, -1.7, -0.6 };
    hg_rng r = hg_rng_make(5, 0);
    d->mem = hg_arena_new();
    for (size_t i = 0; i < TRAIN + VALIDATION; i++) {
        hg_molecule *m = d->m[i] = hg_molecule_new(d->mem, 2 + hg_rng_below(&r, 3));
        d->e[i] = -3;
        for (size_t a = 0; a < m->n; a++) {
            const size_t k = hg_rng_below(&r, 5);
            m->z[a] = KIND[k];
            d->e[i] += OWN[k];
            m->r[3 * a] = a ? m->r[3 * a - 3] + 1 + 0.4 * hg_rng_uniform(&r) : 0;
            m->r[3 * a + 1] = 0.5 * hg_rng_normal(&r);
        }
        d->e[i] += m->r[3];
    }
    d->train = (hg_qdf_data) { TRAIN, d->m, d->e };
    d->validation = (hg_qdf_data) { VALIDATION, d->m + TRAIN, d->e + TRAIN };
}

static hg_qdf_opts small(void) {
    hg_qdf_opts o = hg_qdf_opts_default();
    o.dim = DIM;
    o.hk = HK;
    o.train.epochs = 6;
    o.train.rate = 3e-3;
    o.train.schedule.every = 4;
    o.train.seed = 9;
    return o;
}

static void the_authors_recipe(void **state) {
    (void)state;
    const hg_qdf_opts o = hg_qdf_opts_default();
    hg_schedule s;
    assert_ok(hg_schedule_begin(&s, &o.train.schedule, NULL));
    assert_int_equal(o.train.batch, 4);
    assert_close(o.train.rate * hg_schedule_factor(&s, 199.9), 1e-4, 1e-18);
    assert_close(o.train.rate * hg_schedule_factor(&s, 200.1), 5e-5, 1e-18);
    assert_close(o.train.rate * hg_schedule_factor(&s, 1999.9), 1e-4 / 512, 1e-18);
    assert_int_equal(o.train.optimizer.kind, HG_ADAM);
    assert_close(o.train.optimizer.decay, 0, 0);
    assert_close(o.train.optimizer.average, 0, 0);
    hg_qdf *q;
    assert_ok(hg_qdf_new(&q, o.dim, o.hk, NULL, NULL));
    assert_int_equal(hg_params_elements(q->params), 392562); /* the authors' model has as many */
    hg_qdf_free(q);
    assert_ok(hg_qdf_new(&q, o.dim, 32, NULL, NULL));
    assert_int_equal(hg_params_elements(q->params), 392562 - (500 + 3 * 62750 + 251) + 64 + 3 * 32 * 33 + 33);
    double zeta[HG_QDF_TYPES], most = 0, w[32 * 32];
    hg_params_get(zeta, q->params, hg_params_find(q->params, "zeta.weight"));
    for (size_t i = 0; i < HG_QDF_TYPES; i++) assert_close(zeta[i], 1, 0);
    hg_params_get(w, q->params, hg_params_find(q->params, "W_HK.1.weight"));
    for (size_t i = 0; i < 32 * 32; i++) most = fmax(most, fabs(w[i]));
    assert_true(most < 1 / sqrt(32) && most > 0.95 / sqrt(32)); /* uniform within 1 / sqrt(inputs) */
    hg_qdf_free(q);
}

/* ---- a batch against the tape ------------------------------------------------------------------------------------------- */

static hg_tensor *mean_square(hg_tape *t, hg_tensor *got, const double *want, size_t n, double by) {
    hg_tensor *off = hg_sub(t, got, hg_tensor_of(t, HG_SHAPE(n, 1), want, false));
    return hg_affine(t, hg_sum(t, hg_map(t, HG_SQUARE, off), 0), 1 / by, 0);
}

/* The loss of a batch as the authors write it: the mean over molecules, or over all points of all of them. */
static double tape_loss(hg_tape *t, double *w, double *grad, const hg_qdf_layout *l, const made *d, const size_t *item,
                        size_t n, unsigned phase) {
    hg_tensor *sum = NULL;
    double points = 0;
    for (size_t i = 0; i < n; i++) points += 56 * (double)d->m[item[i]]->n;
    hg_tape_begin(t, 0);
    for (size_t i = 0; i < n; i++) {
        hg_qdf_input q;
        const hg_mark mark = hg_arena_mark(d->mem);
        assert_ok(hg_qdf_input_make(&q, d->m[item[i]], true, d->mem, NULL));
        hg_tensor *psi = hg_qdf_tape_psi(t, w, grad, l, &q), *one;
        if (phase == 0) {
            hg_tensor *e = hg_reshape(t, hg_qdf_tape_energy(t, w, grad, l, psi), HG_SHAPE(1, 1));
            one = mean_square(t, e, &d->e[item[i]], 1, (double)n);
        } else {
            double *v = hg_alloc(d->mem, q.points, sizeof *v);
            for (size_t p = 0; p < q.points; p++) v[p] = (double)q.potential[p];
            hg_tensor *rho = hg_qdf_tape_density(t, psi);
            one = mean_square(t, hg_qdf_tape_potential(t, w, grad, l, rho), v, q.points, points);
        }
        sum = sum ? hg_add(t, sum, one) : one;
        hg_arena_reset(d->mem, mark);
    }
    hg_err err;
    assert_ok_err(hg_backward(t, sum, &err), err);
    return hg_tensor_value(sum);
}

static double relative(const float *a, const double *b, size_t n) {
    double diff = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        diff += pow((double)a[i] - b[i], 2);
        size += b[i] * b[i];
    }
    return sqrt(diff / fmax(size, 1e-30));
}

/* Eleven molecules on eight pieces, some of one and some of two: loss and every parameter's gradient. */
static void a_batch_is_that_of_the_tape(void **state) {
    (void)state;
    const size_t item[] = { 3, 17, 0, 8, 21, 5, 12, 2, 9, 14, 20 };
    made d;
    make(&d);
    hg_qdf *q;
    hg_qdf_lesson *l;
    hg_pool *pool;
    hg_tape *t;
    hg_err err;
    hg_tape_opts o = hg_tape_opts_default();
    o.dtype = HG_F64;
    assert_ok(hg_tape_new(&t, &o, NULL));
    assert_ok(hg_pool_new(&pool, 2, NULL));
    assert_ok_err(hg_qdf_new(&q, DIM, HK, NULL, &err), err);
    assert_ok_err(hg_qdf_lesson_new(&l, q, &d.train, &d.validation, pool, &err), err);
    const hg_trainable *m = hg_qdf_lesson_trainable(l);
    double *w = calloc(q->l.count, sizeof *w), *g = calloc(q->l.count, sizeof *g);
    for (size_t i = 0; i < q->l.count; i++) w[i] = (double)q->w[i];
    for (unsigned phase = 0; phase < HG_QDF_PHASES; phase++) {
        const size_t all = sizeof item / sizeof *item;
        hg_batch b = { .items = item, .n = all, .whole = item, .n_whole = all, .phase = phase };
        double sum = 0, halves = 0;
        memset(g, 0, q->l.count * sizeof *g);
        hg_params_zero_gradients(q->params);
        const double want = tape_loss(t, w, g, &q->l, &d, item, all, phase);
        for (int again = 0; again < 2; again++) { /* pieces' buffers are clean again */
            sum = 0;
            hg_params_zero_gradients(q->params);
            assert_ok_err(m->learn(m->ctx, &sum, &b, &err), err);
            assert_close(sum / (double)all / want, 1, 1e-5);
            for (size_t i = 0; i < hg_params_count(q->params); i++) {
                const hg_param_entry *e = &q->params->e[i];
                double size = 0;
                for (size_t k = 0; k < e->n; k++) size += fabs(g[e->at + k]);
                const bool of_energy = strncmp(e->name, "W_f", 3) == 0 || strncmp(e->name, "W_pr", 4) == 0;
                const bool orbitals = e->name[0] != 'W';
                assert_true((size > 0) == (orbitals || of_energy == (phase == 0)));
                const double off = relative(q->grad + e->at, g + e->at, e->n);
                if (off > 5e-4) fail_msg("phase %u, %s: off by %.2g of the gradient", phase, e->name, off);
            }
        }
        /* in two parts, as two ranks would have it, each knowing the whole */
        hg_params_zero_gradients(q->params);
        b.n = 4;
        assert_ok(m->learn(m->ctx, &halves, &b, NULL));
        b.items = item + 4;
        b.n = all - 4;
        assert_ok(m->learn(m->ctx, &halves, &b, NULL));
        assert_close(halves, sum, 1e-6);
        assert_true(relative(q->grad, g, q->l.count) < 5e-4);
    }
    double sum = 0, want = 0; /* validation: the sum of absolute errors */
    const size_t three[] = { 4, 0, 2 };
    const hg_batch b = { .items = three, .n = 3, .whole = three, .n_whole = 3 };
    assert_ok_err(m->evaluate(m->ctx, &sum, NULL, &b, &err), err);
    hg_qdf_room room = { 0 };
    for (size_t i = 0; i < 3; i++) {
        hg_qdf_input in;
        double e;
        const hg_mark mark = hg_arena_mark(d.mem);
        assert_ok(hg_qdf_input_make(&in, d.m[TRAIN + three[i]], false, d.mem, NULL));
        assert_ok(hg_qdf_energy(&e, q->w, &q->l, &in, &room, NULL));
        want += fabs(e - d.e[TRAIN + three[i]]);
        hg_arena_reset(d.mem, mark);
    }
    assert_close(sum, want, 1e-12);
    hg_qdf_room_free(&room);
    free(w);
    free(g);
    hg_qdf_lesson_free(l);
    hg_qdf_free(q);
    hg_tape_free(t);
    hg_pool_free(pool);
    hg_arena_free(d.mem);
}

/* ---- a run ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    float *w;
    size_t n;
    hg_train_result result;
} ended;

static void fit(ended *to, const made *d, const hg_qdf_opts *o) {
    hg_qdf *q;
    hg_err err;
    assert_ok_err(hg_qdf_fit(&q, &to->result, &d->train, &d->validation, o, &err), err);
    to->n = q->l.count;
    to->w = malloc(to->n * sizeof *to->w);
    memcpy(to->w, q->w, to->n * sizeof *to->w);
    hg_qdf_free(q);
}

static void any_number_of_threads_gives_the_same_bits(void **state) {
    (void)state;
    made d;
    make(&d);
    ended first, other;
    hg_qdf_opts o = small();
    o.train.batch = 11;
    fit(&first, &d, &o);
    for (size_t threads = 2; threads <= 5; threads++) {
        assert_ok(hg_pool_new(&o.train.pool, threads, NULL));
        fit(&other, &d, &o);
        assert_memory_equal(first.w, other.w, first.n * sizeof *first.w);
        assert_true(first.result.metric == other.result.metric && first.result.loss == other.result.loss);
        free(other.w);
        hg_pool_free(o.train.pool);
    }
    o.train.pool = NULL;
    o.train.seed++;
    fit(&other, &d, &o);
    assert_true(memcmp(first.w, other.w, first.n * sizeof *first.w) != 0);
    free(first.w);
    free(other.w);
    hg_arena_free(d.mem);
}

static void it_learns_and_logs_both_losses(void **state) {
    (void)state;
    char path[512], line[1024];
    double v[2], first[2] = { 0 }, last[2] = { 0 };
    made d;
    make(&d);
    ended end;
    hg_qdf_opts o = small();
    o.train.epochs = 120;
    o.train.schedule.every = 60;
    o.train.log = test_scratch(path, sizeof path, "qdf-learns.jsonl");
    fit(&end, &d, &o);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (size_t i = 0; i < 120; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        const char *losses = strstr(line, "\"train_losses\":");
        assert_non_null(losses);
        assert_int_equal(sscanf(losses, "\"train_losses\": [%lf, %lf]", &v[0], &v[1]), 2);
        assert_close(json_number(line, "train_loss"), v[0] + v[1], 1e-9);
        memcpy(i == 0 ? first : last, v, sizeof v);
    }
    fclose(f);
    unlink(path);
    assert_true(last[0] < 0.1 * first[0]); /* 0.045 to 0.050 with the compilers of today */
    assert_true(last[1] < 0.2 * first[1]);
    assert_true(end.result.metric < 1.5); /* eV; the energies are spread over 5 */
    free(end.w);
    hg_arena_free(d.mem);
}

/* ---- stops ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t left;
    bool kill;
    hg_hooks hooks;
} stopper;

static bool stop_at(void *user, const char *what, size_t done, size_t total) {
    stopper *s = user;
    (void)what, (void)done, (void)total;
    if (--s->left > 0) return true;
    if (s->kill) raise(SIGKILL);
    return false;
}

static void arm(stopper *s, size_t calls, bool kill) {
    *s = (stopper) { .left = calls, .kill = kill, .hooks = { .progress = stop_at, .user = s } };
}

/* Half of the stops are asked for, half are kills in a process of its own. */
static void stopped_anywhere_it_ends_with_the_same_bits(void **state) {
    (void)state;
    char path[512], log[512], undisturbed[512];
    made d;
    make(&d);
    ended want, got;
    hg_qdf_opts o = small();
    o.train.optimizer.average = 0.9; /* what is evaluated and kept changes places with what learns */
    hg_rng r = hg_rng_make(6, 0);
    o.train.log = test_scratch(undisturbed, sizeof undisturbed, "qdf-undisturbed.jsonl");
    fit(&want, &d, &o);
    o.train.checkpoint = test_scratch(path, sizeof path, "qdf.checkpoint");
    o.train.log = test_scratch(log, sizeof log, "qdf-stopped.jsonl");
    o.train.checkpoint_steps = 2;
    o.train.resume = true;
    unlink(path);
    unlink(log);
    size_t stops = 0;
    for (size_t round = 0; stops < STOPS; round++) {
        stopper s;
        hg_train_result result;
        hg_qdf *q;
        hg_err err = { .code = HG_OK };
        bool through;
        assert_true(round < 60);
        const bool killed = KILLS && stops % 2;
        arm(&s, 1 + hg_rng_below(&r, 12), killed);
        o.train.hooks = &s.hooks;
        fflush(NULL);
        const pid_t child = killed ? fork() : -1;
        int status = 0;
        if (!killed) {
            const hg_status st = hg_qdf_fit(&q, &result, &d.train, &d.validation, &o, &err);
            hg_qdf_free(q);
            if (st != HG_OK) assert_int_equal(st, HG_ECANCEL);
            if (st != HG_OK) assert_contains(err.hint, path);
            through = st == HG_OK;
        } else if (child == 0) {
            _exit(hg_qdf_fit(&q, &result, &d.train, &d.validation, &o, &err) == HG_OK ? 0 : 1);
        } else {
            assert_int_equal(waitpid(child, &status, 0), child);
            through = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            assert_true(through || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
        }
        stops += !through;
        if (through) { /* once more from the beginning */
            unlink(path);
            unlink(log);
        }
    }
    o.train.hooks = NULL;
    fit(&got, &d, &o);
    assert_memory_equal(want.w, got.w, want.n * sizeof *want.w);
    assert_true(want.result.metric == got.result.metric && want.result.best_epoch == got.result.best_epoch);
    char a[1024], b[1024];
    FILE *one = fopen(log, "r"), *two = fopen(undisturbed, "r");
    while (fgets(a, sizeof a, one)) {
        assert_non_null(fgets(b, sizeof b, two));
        assert_string_equal(a, b); /* without a clock: the same bytes */
    }
    assert_null(fgets(b, sizeof b, two));
    fclose(one);
    fclose(two);

    d.e[3] += 1e-9; /* other data */
    hg_qdf *q;
    hg_err err;
    assert_int_equal(hg_qdf_fit(&q, &got.result, &d.train, &d.validation, &o, &err), HG_EDATA);
    assert_contains(err.msg, "of a run on other data");
    assert_null(q);
    unlink(path);
    unlink(log);
    unlink(undisturbed);
    free(want.w);
    free(got.w);
    hg_arena_free(d.mem);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------------------ */

static void refused(const made *d, const hg_qdf_opts *o, hg_status want, const char *words) {
    hg_train_result r;
    hg_qdf *q;
    hg_err err;
    assert_int_equal(hg_qdf_fit(&q, &r, &d->train, &d->validation, o, &err), want);
    assert_contains(err.msg, words);
    assert_null(q);
}

static void what_cannot_be_learned_is_refused(void **state) {
    (void)state;
    made d;
    make(&d);
    hg_qdf_opts o = small();
    o.train.epochs = 1;
    o.dim = 5000;
    refused(&d, &o, HG_EINVAL, "a dimension of 5000");
    o = small();
    o.hk = 4097;
    refused(&d, &o, HG_EINVAL, "a dimension of 4097");
    o = small();
    o.train.epochs = 1;
    o.train.bf16 = true;
    refused(&d, &o, HG_EINVAL, "tape for bf16");
    o.train.bf16 = false;
    d.train.n = 0;
    refused(&d, &o, HG_EDATA, "no molecule to learn from");
    d.train.n = TRAIN;
    d.m[7]->z[1] = 17;
    refused(&d, &o, HG_ENOTFOUND, "atom 2 is Cl");
    d.m[7]->z[1] = 1;
    d.m[TRAIN + 1]->r[3] = d.m[TRAIN + 1]->r[0];
    d.m[TRAIN + 1]->r[4] = d.m[TRAIN + 1]->r[1];
    refused(&d, &o, HG_EDATA, "two atoms are closer than 0.1 angstrom");
    d.m[TRAIN + 1]->r[3] += 1.1;
    const double e = d.e[4];
    d.e[4] = NAN;
    refused(&d, &o, HG_ENAN, "its energy is no finite number");
    d.e[4] = 1e200; /* a finite number whose square is none */
    refused(&d, &o, HG_ENAN, "the loss is not finite in epoch 1");
    d.e[4] = e;
    assert_ok(hg_pool_new(&o.train.pool, 2, NULL));
    size_t failed = 0;
    for (long k = 0;; k++) {
        hg_train_result r;
        hg_qdf *q;
        hg_err err;
        fail_alloc_after(k);
        const hg_status st = hg_qdf_fit(&q, &r, &d.train, &d.validation, &o, &err);
        fail_alloc_after(-1);
        hg_qdf_free(q);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        failed++;
    }
    assert_true(failed > 20);
    hg_pool_free(o.train.pool);
    hg_arena_free(d.mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_authors_recipe),
        TEST(a_batch_is_that_of_the_tape),
        TEST(any_number_of_threads_gives_the_same_bits),
        TEST(it_learns_and_logs_both_losses),
        TEST(stopped_anywhere_it_ends_with_the_same_bits),
        TEST(what_cannot_be_learned_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
