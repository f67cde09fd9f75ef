/* examples/network.c -- a network of one's own: learns an energy, and gives the force that belongs to it
 *
 * Two atoms on a Morse curve, E(r) = D (1 - exp(-a (r - r0)))^2. The network sees 60 energies; the force is its slope.
 * Build it with: cc network.c $(pkg-config --cflags --libs hagane) -lm
 */
#include <hagane/hagane.h>
#include <math.h>
#include <stdio.h>

enum { POINTS = 60, HIDDEN = 32 };
static const double D = 9.9, A = 2.7, R0 = 1.1; /* eV, 1/A, A: about nitrogen's */

static double energy(double r) { return D * pow(1 - exp(-A * (r - R0)), 2); }
static double force(double r) { return -2 * D * A * (1 - exp(-A * (r - R0))) * exp(-A * (r - R0)); }

typedef struct {
    hg_params *p;
    size_t w1, b1, w2, b2, w3, b3; /* which parameter is which */
    double r[POINTS], e[POINTS];
} net;

/* x[n, 1] -> [n, 1]. Nothing is checked here: a failure sticks to the tape, and the trainer tells it. */
static hg_tensor *predict(const net *m, hg_tape *t, hg_tensor *x) {
    hg_tensor *h = hg_linear(t, x, hg_param(t, m->p, m->w1), hg_param(t, m->p, m->b1), HG_SILU);
    h = hg_linear(t, h, hg_param(t, m->p, m->w2), hg_param(t, m->p, m->b2), HG_SILU);
    return hg_linear(t, h, hg_param(t, m->p, m->w3), hg_param(t, m->p, m->b3), HG_IDENTITY);
}

/* The sum of the squared errors of the batch. */
static hg_tensor *loss(void *ctx, hg_tape *t, const hg_batch *b) {
    const net *m = ctx;
    double x[POINTS], y[POINTS];
    for (size_t i = 0; i < b->n; i++) {
        x[i] = m->r[b->items[i]] - R0;
        y[i] = m->e[b->items[i]];
    }
    hg_tensor *want = hg_tensor_of(t, HG_SHAPE(b->n, 1), y, false);
    hg_tensor *off = hg_sub(t, predict(m, t, hg_tensor_of(t, HG_SHAPE(b->n, 1), x, false)), want);
    return hg_sum(t, hg_map(t, HG_SQUARE, off), 0);
}

static hg_status learn(net *m, hg_err *err) {
    for (size_t i = 0; i < POINTS; i++) {
        m->r[i] = 0.85 + 1.2 * (double)i / (POINTS - 1);
        m->e[i] = energy(m->r[i]);
    }
    m->w1 = hg_params_add(m->p, HG_SHAPE(HIDDEN, 1), hg_init_linear(1), "first.weight");
    m->b1 = hg_params_add(m->p, HG_SHAPE(HIDDEN), hg_init_linear(1), "first.bias");
    m->w2 = hg_params_add(m->p, HG_SHAPE(HIDDEN, HIDDEN), hg_init_linear(HIDDEN), "second.weight");
    m->b2 = hg_params_add(m->p, HG_SHAPE(HIDDEN), hg_init_linear(HIDDEN), "second.bias");
    m->w3 = hg_params_add(m->p, HG_SHAPE(1, HIDDEN), hg_init_linear(HIDDEN), "third.weight");
    m->b3 = hg_params_add(m->p, HG_SHAPE(1), hg_init_linear(HIDDEN), "third.bias");
    hg_status st = hg_params_seal(m->p, err);
    if (st != HG_OK) return st;

    const hg_trainable what = { .name = "network 1", .params = m->p, .items = POINTS, .loss = loss, .ctx = m };
    hg_train_opts how = hg_train_opts_default();
    hg_train_result result;
    how.epochs = 10000;
    how.batch = 20;
    how.rate = 1e-2;
    how.schedule.kind = HG_RATE_COSINE;
    st = hg_train(&result, &what, &how, err);
    if (st == HG_OK)
        printf("%llu steps, mean squared error %.1e eV^2\n", (unsigned long long)result.steps, result.loss);
    return st;
}

/* Distances between those that were learned from. */
static hg_status show(const net *m, hg_err *err) {
    static const double R[] = { 0.95, 1.1, 1.3, 1.7 };
    hg_tape *t;
    hg_status st = hg_tape_new(&t, NULL, err);
    if (st != HG_OK) return st;
    printf("   r/A    E/eV  network   F/(eV/A)  network\n");
    for (size_t i = 0; i < sizeof R / sizeof *R && st == HG_OK; i++) {
        const double x = R[i] - R0;
        double slope = 0;
        hg_tape_begin(t, i);
        hg_tensor *in = hg_tensor_of(t, HG_SHAPE(1, 1), &x, true), *e = predict(m, t, in);
        st = hg_backward(t, e, err);
        if (st != HG_OK) break;
        hg_tensor_get_grad(&slope, in);
        printf("%6.2f %7.3f %8.3f %10.2f %8.2f\n", R[i], energy(R[i]), hg_tensor_value(e), force(R[i]), -slope);
        if (fabs(-slope - force(R[i])) > 0.5) st = HG_EDATA;
    }
    hg_tape_free(t);
    return st;
}

int main(void) {
    hg_err err = { 0 };
    net m = { 0 };
    hg_status st = hg_params_new(&m.p, NULL, &err);
    if (st == HG_OK) st = learn(&m, &err);
    if (st == HG_OK) st = show(&m, &err);
    if (st != HG_OK) fprintf(stderr, "%s\n", err.msg[0] ? err.msg : "the force is off by more than 0.5 eV/A");
    hg_params_free(m.p);
    return st == HG_OK ? 0 : 1;
}
