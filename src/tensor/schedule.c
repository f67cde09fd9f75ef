/* tensor/schedule.c -- learning rates over time; see hagane/optimizer.h
 *
 * All but the plateau are functions of x alone: nothing to remember, nothing that differs after a resumption.
 */
#include "tensor/optimizer.h"
#include <math.h>

static const double PI = 3.14159265358979323846;

/* From a at u = 0 to b at u = 1, flat at both ends. */
static double half_cosine(double a, double b, double u) { return b + (a - b) * 0.5 * (1 + cos(PI * fmin(u, 1))); }

static double constant(const hg_schedule *s, double x) {
    (void)s, (void)x;
    return 1;
}
static double step(const hg_schedule *s, double x) { return pow(s->o.factor, floor(x / s->o.every)); }
static double cosine(const hg_schedule *s, double x) { return half_cosine(1, s->o.lowest, x / s->o.total); }
static double plateau(const hg_schedule *s, double x) {
    (void)x;
    return s->reduced;
}

static double one_cycle(const hg_schedule *s, double x) {
    const double top = s->o.rise * s->o.total;
    return x < top ? half_cosine(1 / s->o.divide, 1, x / top)
                   : half_cosine(1, s->o.lowest, (x - top) / (s->o.total - top));
}

static const struct {
    const char *name;
    bool needs_total;
    double (*factor)(const hg_schedule *s, double x);
} KINDS[HG_RATE_KINDS] = {
    [HG_RATE_CONSTANT] = { "constant", false, constant }, [HG_RATE_STEP] = { "step", false, step },
    [HG_RATE_COSINE] = { "cosine", true, cosine },        [HG_RATE_ONE_CYCLE] = { "one-cycle", true, one_cycle },
    [HG_RATE_PLATEAU] = { "plateau", false, plateau },
};

const char *hg_rate_name(hg_rate_kind k) { return k < HG_RATE_KINDS ? KINDS[k].name : NULL; }

bool hg_rate_needs_total(hg_rate_kind k) { return k < HG_RATE_KINDS && KINDS[k].needs_total; }

hg_schedule_opts hg_schedule_opts_default(void) {
    return (hg_schedule_opts) { .every = 1, .factor = 0.5, .rise = 0.3, .divide = 25, .patience = 10, .gain = 1e-4 };
}

hg_status hg_schedule_begin(hg_schedule *out, const hg_schedule_opts *opts, hg_err *err) {
    const hg_schedule_opts o = opts ? *opts : hg_schedule_opts_default();
    const struct {
        const char *name;
        bool good;
    } want[] = {
        { "kind", o.kind < HG_RATE_KINDS },
        { "warm_up", o.warm_up >= 0 && isfinite(o.warm_up) },
        { "total", o.total >= 0 && isfinite(o.total) && (o.total > 0 || !hg_rate_needs_total(o.kind)) },
        { "every", o.every > 0 && isfinite(o.every) },
        { "factor", o.factor > 0 && o.factor <= 1 },
        { "lowest", o.lowest >= 0 && o.lowest <= 1 },
        { "rise", o.rise > 0 && o.rise < 1 },
        { "divide", o.divide >= 1 && isfinite(o.divide) },
        { "gain", o.gain >= 0 && o.gain < 1 },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        if (!want[i].good) return hg_fail(err, HG_EINVAL, "the learning rate's %s is out of its range", want[i].name);
    *out = (hg_schedule) { .o = o, .best = INFINITY, .reduced = 1 };
    return HG_OK;
}

double hg_schedule_factor(const hg_schedule *s, double x) {
    const double f = fmax(KINDS[s->o.kind].factor(s, x), s->o.lowest);
    return x < s->o.warm_up ? f * x / s->o.warm_up : f;
}

void hg_schedule_observe(hg_schedule *s, double metric) {
    if (metric < s->best - s->o.gain * fabs(s->best) || (isinf(s->best) && metric < s->best)) {
        s->best = metric;
        s->waited = 0;
    } else if (++s->waited > s->o.patience) {
        s->reduced = fmax(s->reduced * s->o.factor, s->o.lowest);
        s->waited = 0;
    }
}
