/* cli/verb_glass_predict.c -- `hagane glass predict`: from one snapshot to a map of who will move */
#include "cli/glass.h"
#include "cli/grid.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "core/number.h"
#include "draw/slab.h"
#include "hagane/dynamics.h"
#include "matter/neighbours.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TIMES_MOST = HG_FLOOR_TIMES_MOST, STAGES_MOST = 8 };
static const double SHORT = 0.5; /* below, simulation is cheaper than any model */

typedef struct {
    const char *name;
    double seconds;
} stage;

typedef struct {
    cli_run *run;
    hg_snapshot *s;
    hg_glass_model *m;
    hg_floor_facts facts;
    size_t n_times, n_pairs;
    double time[TIMES_MOST];
    uint32_t *pair;             /* [n_pairs,2] bonds */
    float *propensity;          /* [n_times,n] */
    float *stretch;             /* [n_times,n_pairs]; NULL: the model knows no bonds */
    bool simulated[TIMES_MOST]; /* instead of predicted */
    size_t n_simulated, runs;
    bool unlike; /* mean propensities far from those learned from */
    stage stage[STAGES_MOST];
    size_t stages;
    double began;
} job;

static void stage_done(job *b, const char *name) {
    const double now = cli_seconds(NULL);
    if (b->stages < STAGES_MOST) b->stage[b->stages++] = (stage) { name, now - b->began };
    b->began = now;
}

/* ---- what was asked ---------------------------------------------------------------------------------------------------- */

/* "6.86", "tau", "0.03tau" */
static hg_status read_time(double *time, const char *word, size_t n, double temperature, hg_err *err) {
    char text[64], *end;
    if (n == 0 || n >= sizeof text)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--time has an entry of %zu letters", n),
                         "such as --time 6.86,tau or --time 0.03tau");
    memcpy(text, word, n);
    text[n] = 0;
    *time = strtod(text, &end);
    if (end == text) *time = 1;
    const bool in_tau = strcmp(end, "tau") == 0;
    if ((*end && !in_tau) || !(*time > 0) || isinf(*time))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--time %s: expected a time above 0", text),
                         "such as --time 6.86,tau or --time 0.03tau");
    if (!in_tau) return HG_OK;
    if (isnan(temperature))
        return hg_advise(
            err, hg_fail(err, HG_EINVAL, "--time %s: the file does not say its temperature, on which tau hangs", text),
            "say it by --temperature, or give the time in units of Lennard-Jones");
    const double tau = hg_glass_relaxation_time(temperature);
    if (tau == 0)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL,
                                 "--time %s: tau is known at T = 0.44, 0.50, 0.56 and 0.64 only, this is %g", text,
                                 temperature),
                         "give the time in units of Lennard-Jones");
    *time *= tau;
    return HG_OK;
}

static hg_status read_times(job *b, hg_err *err) {
    const char *list = cli_value(&b->run->args, "time");
    for (size_t t = 0; !list && t < b->facts.n_times; t++) b->time[b->n_times++] = b->facts.time[t];
    while (list && *list) {
        const size_t n = strcspn(list, ",");
        if (b->n_times == TIMES_MOST) return hg_fail(err, HG_EINVAL, "--time has more than %d entries", TIMES_MOST);
        double *t = &b->time[b->n_times++];
        HG_TRY(read_time(t, list, n, b->s->temperature, err));
        list += n + (list[n] == ',');
    }
    const double first = b->facts.time[0], last = b->facts.time[b->facts.n_times - 1];
    for (size_t t = 0; t < b->n_times; t++) {
        const bool before = b->time[t] < 0.97 * first, cheap = b->time[t] < SHORT;
        b->simulated[t] = cli_has(&b->run->args, "simulate-short") && (before || cheap);
        b->n_simulated += b->simulated[t];
        if (b->simulated[t] || (!before && b->time[t] <= 1.03 * last)) continue;
        return hg_advise(
            err,
            hg_fail(err, HG_EINVAL, "--time %g: the model has learned times from %g to %g", b->time[t], first, last),
            cheap    ? "below 0.5 direct simulation is cheaper than any model: --simulate-short does it"
            : before ? "train on labels of that time, or let --simulate-short simulate it"
                     : "train on labels of that time");
    }
    return HG_OK;
}

static void warn(const job *b) {
    const double T = b->s->temperature;
    if (hg_glass_foreign(&b->facts, T, T))
        hg_log(&b->run->hooks, HG_LOG_WARN,
               "the snapshot's temperature is %g, the model has learned from %g to %g: do not trust it", T,
               b->facts.coldest, b->facts.hottest);
    if (isnan(T) && isfinite(b->facts.coldest))
        hg_log(&b->run->hooks, HG_LOG_WARN,
               "the snapshot's temperature is not known (--temperature): the model has learned from %g to %g",
               b->facts.coldest, b->facts.hottest);
    for (size_t t = 0; t < b->n_times; t++)
        if (b->time[t] < SHORT && !b->simulated[t]) {
            hg_log(
                &b->run->hooks, HG_LOG_WARN,
                "at times below 0.5 direct simulation is cheaper than any model, and exact: --simulate-short does it");
            break;
        }
    if (b->n_simulated)
        hg_log(&b->run->hooks, HG_LOG_INFO, "%zu of %zu times %s simulated, %zu runs, not predicted", b->n_simulated,
               b->n_times, b->n_times == 1 ? "is" : "are", b->runs);
}

/* ---- prediction -------------------------------------------------------------------------------------------------------- */

static hg_status prepare(job *b, hg_err *err) {
    if (hg_glass_prepared(b->s, b->facts.state)) return HG_OK;
    HG_TRY(hg_glass_prepare(b->s, b->facts.state, b->run->pool, &b->run->hooks, b->run->arena, err));
    stage_done(b, hg_glass_tier_words(b->facts.state));
    return HG_OK;
}

static hg_status find_bonds(job *b, hg_err *err) {
    hg_neighbours near;
    HG_TRY(hg_neighbours_find(&near, b->s->x, b->s->n, b->s->box, HG_FLOOR_BOND, b->run->arena, err));
    const size_t n = near.first[b->s->n] / 2;
    b->pair = hg_alloc(b->run->arena, n, 2 * sizeof *b->pair);
    if (!b->pair) return hg_fail(err, HG_ENOMEM, "no memory for %zu bonds", n);
    for (size_t i = 0; i < b->s->n; i++)
        for (size_t l = near.first[i]; l < near.first[i + 1]; l++) {
            if (near.other[l] < i) continue;
            b->pair[2 * b->n_pairs] = (uint32_t)i;
            b->pair[2 * b->n_pairs++ + 1] = near.other[l];
        }
    return HG_OK;
}

/* Between two times of the model: straight in log t, of log x where x is positive by nature. */
static void between(float *out, const float *x, size_t n, const hg_floor_facts *f, double time, bool logarithm) {
    size_t k = 0;
    while (k + 2 < f->n_times && f->time[k + 1] < time) k++;
    const size_t next = f->n_times == 1 ? 0 : k + 1;
    double w = next == k ? 0 : log(time / f->time[k]) / log(f->time[next] / f->time[k]);
    w = fmin(fmax(w, 0), 1);
    for (size_t i = 0; i < n; i++) {
        const double a = (double)x[k * n + i], c = (double)x[next * n + i];
        out[i] = (float)(logarithm ? exp((1 - w) * log(a) + w * log(c)) : (1 - w) * a + w * c);
    }
}

/* Stretches of another list of pairs (i < j), for those of ours that are in it; NaN for the others. Ours are in the order of i. */
static hg_status stretches_of(float *out, const job *b, const uint32_t *pair, const float *stretch, size_t n_pairs,
                              hg_err *err) {
    const size_t n = b->s->n;
    size_t *first = hg_alloc(b->run->arena, n + 1, sizeof *first);
    if (!first) return hg_fail(err, HG_ENOMEM, "no memory for bonds of %zu particles", n);
    for (size_t i = 0, k = 0; i <= n; i++) {
        while (k < b->n_pairs && b->pair[2 * k] < i) k++;
        first[i] = k;
    }
    for (size_t k = 0; k < b->n_pairs; k++) out[k] = NAN;
    for (size_t a = 0; a < n_pairs; a++)
        for (size_t k = first[pair[2 * a]]; k < first[pair[2 * a] + 1]; k++)
            if (b->pair[2 * k + 1] == pair[2 * a + 1]) out[k] = stretch[a];
    return HG_OK;
}

/* The isoconfigurational ensemble itself, at those of the times that are short. */
static hg_status simulate(job *b, hg_err *err) {
    const size_t n = b->s->n;
    double time[TIMES_MOST];
    size_t n_times = 0;
    for (size_t t = 0; t < b->n_times; t++) { /* ascending, each once */
        size_t at = 0;
        if (!b->simulated[t]) continue;
        while (at < n_times && time[at] < b->time[t]) at++;
        if (at < n_times && time[at] == b->time[t]) continue;
        memmove(time + at + 1, time + at, (n_times - at) * sizeof *time);
        time[at] = b->time[t];
        n_times++;
    }
    hg_snapshot s = *b->s;
    s.n_times = s.n_pairs = 0;
    s.propensity = s.propensity_half[0] = s.propensity_half[1] = NULL;
    s.pair = NULL;
    s.stretch = s.stretch_half[0] = s.stretch_half[1] = NULL;
    hg_dynamics_opts o = hg_dynamics_opts_default();
    o.liquid.pool = b->run->pool;
    o.seed = b->run->seed;
    o.hooks = &b->run->hooks;
    const hg_label_opts labels = {
        .time = time, .n_times = n_times, .runs = b->runs, .range = b->stretch ? HG_FLOOR_BOND : 0
    };
    HG_TRY(hg_snapshot_label(&s, &labels, &o, b->run->arena, err));
    for (size_t t = 0; t < b->n_times; t++) {
        size_t at = 0;
        if (!b->simulated[t]) continue;
        while (at + 1 < n_times && time[at] < b->time[t]) at++;
        memcpy(b->propensity + t * n, s.propensity + at * n, n * sizeof *s.propensity);
        if (b->stretch)
            HG_TRY(stretches_of(b->stretch + t * b->n_pairs, b, s.pair, s.stretch + at * s.n_pairs, s.n_pairs, err));
    }
    stage_done(b, "simulation");
    return HG_OK;
}

static void warn_unlike(job *b, const float *p) {
    hg_glass_stray s;
    b->unlike = hg_glass_strays(&s, &b->facts, b->s, p);
    if (b->unlike)
        hg_log(
            &b->run->hooks, HG_LOG_WARN,
            "the mean propensity of %s at time %g comes out at %.3g, in the liquids learned from it was %.3g to %.3g: this "
            "liquid is unlike them, do not trust it",
            hg_glass_scored_name((hg_glass_scored)s.species), s.time, s.mean, s.least, s.most);
}

static hg_status predict(job *b, hg_err *err) {
    hg_arena *mem = b->run->arena;
    const size_t n = b->s->n, T = b->facts.n_times;
    if (b->facts.bonds) HG_TRY(find_bonds(b, err));
    float *p = hg_alloc(mem, T * n, sizeof *p), *q = b->facts.bonds ? hg_alloc(mem, T * b->n_pairs, sizeof *q) : NULL;
    b->propensity = hg_alloc(mem, b->n_times * n, sizeof *b->propensity);
    if (q) b->stretch = hg_alloc(mem, b->n_times * b->n_pairs, sizeof *b->stretch);
    if (!p || !b->propensity || (b->facts.bonds && (!q || !b->stretch)))
        return hg_fail(err, HG_ENOMEM, "no memory to predict %zu particles", n);
    if (b->n_simulated) HG_TRY(simulate(b, err));
    if (b->n_simulated == b->n_times) return HG_OK;
    HG_TRY(prepare(b, err));
    HG_TRY(hg_glass_model_predict(p, q, b->m, b->s, b->pair, b->n_pairs, b->run->pool, err));
    warn_unlike(b, p);
    for (size_t t = 0; t < b->n_times; t++) {
        if (b->simulated[t]) continue;
        between(b->propensity + t * n, p, n, &b->facts, b->time[t], true);
        if (q) between(b->stretch + t * b->n_pairs, q, b->n_pairs, &b->facts, b->time[t], false);
    }
    stage_done(b, "prediction");
    return HG_OK;
}

/* ---- results ----------------------------------------------------------------------------------------------------------- */

static void json_row(hg_json *j, const float *x, size_t n) {
    hg_json_begin_array(j, NULL);
    for (size_t i = 0; i < n; i++) hg_json_number(j, NULL, (double)x[i]);
    hg_json_end_array(j);
}

static void json_map(hg_json *j, const job *b) {
    const hg_snapshot *s = b->s;
    hg_json_string(j, "model", cli_value(&b->run->args, "model"));
    hg_json_string(j, "tier", hg_glass_tier(b->facts.state));
    hg_json_string(j, "id", s->id);
    hg_json_number(j, "temperature", s->temperature);
    hg_json_bool(j, "foreign", hg_glass_foreign(&b->facts, s->temperature, s->temperature));
    hg_json_bool(j, "unlike", b->unlike);
    hg_json_count(j, "particles", s->n);
    hg_json_numbers(j, "box", s->box, 3);
    hg_json_numbers(j, "times", b->time, b->n_times);
    hg_json_begin_array(j, "simulated");
    for (size_t t = 0; t < b->n_times; t++) hg_json_bool(j, NULL, b->simulated[t]);
    hg_json_end_array(j);
    if (b->n_simulated) hg_json_count(j, "runs", b->runs);
    hg_json_begin_array(j, "species");
    for (size_t i = 0; i < s->n; i++) hg_json_count(j, NULL, s->species[i]);
    hg_json_end_array(j);
    hg_json_numbers(j, "positions", s->x, 3 * s->n);
    hg_json_begin_array(j, "propensity");
    for (size_t t = 0; t < b->n_times; t++) json_row(j, b->propensity + t * s->n, s->n);
    hg_json_end_array(j);
    if (b->stretch) {
        hg_json_begin_array(j, "bonds");
        for (size_t i = 0; i < 2 * b->n_pairs; i++) hg_json_count(j, NULL, b->pair[i]);
        hg_json_end_array(j);
        hg_json_begin_array(j, "stretch");
        for (size_t t = 0; t < b->n_times; t++) json_row(j, b->stretch + t * b->n_pairs, b->n_pairs);
        hg_json_end_array(j);
    }
    hg_json_begin_object(j, "seconds");
    for (size_t i = 0; i < b->stages; i++) hg_json_number(j, b->stage[i].name, b->stage[i].seconds);
    hg_json_end_object(j);
}

static hg_status write_map(const job *b, const char *path, hg_err *err) {
    hg_text t = hg_text_new(0);
    hg_json j;
    hg_json_begin_text(&j, &t, 0);
    hg_json_begin_object(&j, NULL);
    hg_json_string(&j, "schema", "hagane.glass-predict/1");
    json_map(&j, b);
    hg_json_end_object(&j);
    hg_status st = hg_json_end(&j, err);
    if (st == HG_OK && t.failed) st = hg_fail(err, HG_ENOMEM, "no memory for a map of %zu particles", b->s->n);
    if (st == HG_OK) st = cli_result(b->run, path, t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

/* Number of the time of labels that is this one, where the file has them: then the picture has three panels. */
static bool known_at(size_t *k, const hg_snapshot *s, double time) {
    for (*k = 0; s->propensity && *k < s->n_times; ++*k)
        if (fabs(log(s->time[*k] / time)) < 0.01) return true;
    return false;
}

/* Bonds of both panels are one list: the model's, or the file's where the model knows none. */
static hg_status set_bonds(hg_slab *p, const job *b, bool known, size_t k, hg_err *err) {
    const hg_snapshot *s = b->s;
    known = known && s->stretch;
    p->pair = b->stretch ? b->pair : s->pair;
    p->n_pairs = b->stretch ? b->n_pairs : known ? s->n_pairs : 0;
    p->predicted_stretch = b->stretch;
    if (!known) return HG_OK;
    p->known_stretch = s->stretch + k * s->n_pairs;
    if (!b->stretch) return HG_OK;
    float *ours = hg_alloc(b->run->arena, b->n_pairs, sizeof *ours);
    if (!ours) return hg_fail(err, HG_ENOMEM, "no memory for %zu bonds", b->n_pairs);
    HG_TRY(stretches_of(ours, b, s->pair, s->stretch + k * s->n_pairs, s->n_pairs, err));
    p->known_stretch = ours;
    return HG_OK;
}

/* "T = 0.44, t = 130 (0.032 \u03c4), tier S1, \u03c1 of A 0.78" */
static void title_of(char *out, size_t size, const job *b, const float *known) {
    const double T = b->s->temperature, t = b->time[0], tau = isfinite(T) ? hg_glass_relaxation_time(T) : 0;
    char temperature[32] = "", part[32] = "", from[48], rho[32] = "";
    if (isfinite(T)) hg_print(temperature, sizeof temperature, "T = %.4g, ", T);
    if (tau > 0 && fabs(t / tau - 1) < 0.005)
        hg_print(part, sizeof part, " (\u03c4)");
    else if (tau > 0)
        hg_print(part, sizeof part, " (%.2g \u03c4)", t / tau);
    if (b->simulated[0])
        hg_print(from, sizeof from, "%zu runs", b->runs);
    else
        hg_print(from, sizeof from, "tier %s", hg_glass_tier(b->facts.state));
    const double r = known ? hg_glass_rho(b->s, b->propensity, known, 0) : (double)NAN;
    if (isfinite(r)) hg_print(rho, sizeof rho, ", \u03c1 of A %.2f", r);
    hg_print(out, size, "%st = %.6g%s, %s%s", temperature, t, part, from, rho);
}

/* A slab of the first of the times. */
static hg_status draw_slab(const job *b, const char *path, hg_err *err) {
    char title[192];
    hg_slab p = hg_slab_default();
    hg_figure_format format = HG_FIGURE_PNG;
    HG_TRY(cli_glass_format(&format, path, err));
    hg_bytes bytes;
    p.n = b->s->n;
    p.x = b->s->x;
    p.species = b->s->species;
    for (size_t k = 0; k < 3; k++) p.box[k] = b->s->box[k];
    size_t k = 0;
    const bool known = !b->simulated[0] && known_at(&k, b->s, b->time[0]);
    if (known) p.known = b->s->propensity + k * b->s->n;
    p.predicted = b->propensity;
    title_of(title, sizeof title, b, p.known);
    HG_TRY(set_bonds(&p, b, known, k, err));
    if (b->simulated[0]) { /* what there is was simulated */
        p.known = p.predicted;
        p.known_stretch = p.predicted_stretch;
        p.predicted = p.predicted_stretch = NULL;
    }
    p.centre = cli_number(&b->run->args, "slab", (double)NAN);
    p.title = title;
    HG_TRY(hg_slab_draw(&bytes, &p, format, err));
    const hg_status st = cli_result(b->run, path, bytes.data, bytes.len, err);
    hg_bytes_free(&bytes);
    return st;
}

static double mean_of(const job *b, size_t t, size_t species) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < b->s->n; i++) {
        if (b->s->species[i] != species) continue;
        sum += (double)b->propensity[t * b->s->n + i];
        n++;
    }
    return n ? sum / (double)n : (double)NAN;
}

static size_t most_mobile(const job *b, size_t t) {
    size_t best = 0;
    for (size_t i = 1; i < b->s->n; i++)
        if (b->propensity[t * b->s->n + i] > b->propensity[t * b->s->n + best]) best = i;
    return best;
}

static hg_status print_words(job *b, hg_err *err) {
    static const char *const HEAD[] = { "time", "mean A", "mean B", "most", "particle", "from" };
    cli_run *run = b->run;
    if (b->n_simulated == b->n_times)
        hg_text_add(&run->out, "%s: %zu particles, all simulated\n", run->args.positional[0], b->s->n);
    else
        hg_text_add(&run->out, "%s: %zu particles, tier %s (%s)\n", run->args.positional[0], b->s->n,
                    hg_glass_tier(b->facts.state), hg_glass_tier_words(b->facts.state));
    cli_grid g = cli_grid_new(run->arena, b->n_times + 1, b->n_simulated ? 6 : 5);
    for (size_t k = 0; k < (b->n_simulated ? 6 : 5); k++) cli_grid_set(&g, 0, k, "%s", HEAD[k]);
    for (size_t t = 0; t < b->n_times; t++) {
        const size_t most = most_mobile(b, t);
        cli_grid_set(&g, t + 1, 0, "%.6g", b->time[t]);
        for (size_t k = 0; k < 2; k++) {
            const double mean = mean_of(b, t, k);
            if (isnan(mean))
                cli_grid_set(&g, t + 1, 1 + k, "-");
            else
                cli_grid_set(&g, t + 1, 1 + k, "%.4f", mean);
        }
        cli_grid_set(&g, t + 1, 3, "%.4f", (double)b->propensity[t * b->s->n + most]);
        cli_grid_set(&g, t + 1, 4, "%zu", most + 1);
        if (b->simulated[t])
            cli_grid_set(&g, t + 1, 5, "%zu runs", b->runs);
        else if (b->n_simulated)
            cli_grid_set(&g, t + 1, 5, "model");
    }
    HG_TRY(cli_grid_done(&g, err));
    cli_grid_show(&run->out, &g, g.rows);
    for (size_t i = 0; i < b->stages; i++)
        hg_log(&run->hooks, HG_LOG_INFO, "%s: %.2f s", b->stage[i].name, b->stage[i].seconds);
    return HG_OK;
}

static hg_status deliver(job *b, hg_err *err) {
    const char *out = cli_value(&b->run->args, "out"), *picture = cli_value(&b->run->args, "png");
    if (out) HG_TRY(write_map(b, out, err));
    if (picture) {
        HG_TRY(draw_slab(b, picture, err));
        stage_done(b, "picture");
    }
    if (!b->run->json) return out && strcmp(out, "-") == 0 ? HG_OK : print_words(b, err);
    hg_json j;
    cli_json_begin(&j, b->run, "glass-predict");
    json_map(&j, b);
    return cli_json_end(b->run, &j, err);
}

static hg_status work(job *b, hg_err *err) {
    cli_run *run = b->run;
    const char *path = run->args.positional[0], *words;
    hg_snapshot_opts o;
    hg_figure_format format;
    HG_TRY(cli_glass_format(&format, cli_value(&run->args, "png"), err));
    HG_TRY(cli_glass_opts(&o, run, err));
    o.pair_range = cli_value(&run->args, "png") ? HG_FLOOR_BOND : 0;
    b->runs = cli_count(&run->args, "runs", 32);
    b->began = cli_seconds(NULL);
    HG_TRY(hg_snapshot_read(&b->s, &words, path, &o, run->arena, err));
    if (words && *words) hg_log(&run->hooks, HG_LOG_INFO, "%s", words);
    if (isnan(b->s->temperature)) b->s->temperature = o.temperature;
    stage_done(b, "reading");
    b->facts = hg_glass_model_about(b->m);
    HG_TRY(read_times(b, err));
    warn(b);
    HG_TRY(predict(b, err));
    return deliver(b, err);
}

static hg_status check_file(const char *path, hg_err *err) {
    struct stat st;
    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "%s is a folder, expected a file with one snapshot", path),
                     "hagane glass evaluate scores all snapshots of a folder");
}

static hg_status run_predict(cli_run *run, hg_err *err) {
    job b = { .run = run };
    HG_TRY(check_file(run->args.positional[0], err));
    HG_TRY(cli_input(run, run->args.positional[0], NULL, 0, err));
    HG_TRY(cli_glass_open(&b.m, run, err));
    const hg_status st = work(&b, err);
    hg_glass_model_free(b.m);
    return st;
}

/* ---- record ------------------------------------------------------------------------------------------------------------ */

static const cli_positional SNAPSHOT[] = {
    { .name = "SNAPSHOT",
      .type = CLI_INPUT,
      .help = "A file with positions, species and box; docs/glass.md has the formats." },
    { .name = NULL },
};
static const cli_option PREDICT[] = {
    { .name = "model", .letter = 'm', .type = CLI_TEXT, .argument = "MODEL", .help = "Folder or name of the model." },
    { .name = "time",
      .letter = 't',
      .type = CLI_TEXT,
      .argument = "TIMES",
      .fallback = "all that the model has learned",
      .help =
          "Times, separated by commas: numbers, or parts of the relaxation time, as 0.03tau. Between two times of the model the logarithm of the "
          "propensity is taken as straight in the logarithm of time." },
    { .name = "out",
      .letter = 'o',
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help = "Write the map as JSON: what --json prints." },
    { .name = "png",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help =
          "Draw a slab (PNG, SVG or PDF by the ending of the name) of the box at the first of the times: predicted, and beside it simulated and the difference where the file has "
          "labels." },
    { .name = "slab",
      .type = CLI_NUMBER,
      .argument = "Z",
      .min = 0,
      .max = 1e6,
      .fallback = "the middle of the box",
      .help = "Height of the slab in the picture." },
    { .name = "simulate-short",
      .type = CLI_FLAG,
      .help =
          "Simulate times below 0.5, and times shorter than those of the model, instead of predicting them: exact, and cheaper there." },
    { .name = "runs",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 100000,
      .fallback = "32",
      .help = "simulate-short: runs, each with velocities of its own." },
    CLI_GLASS_SPECIES,
    CLI_GLASS_TEMPERATURE,
    CLI_GLASS_LABEL_TIME,
    { .name = NULL },
};
static const cli_group GROUP = { "Prediction", PREDICT };
static const cli_group *const GROUPS[] = { &GROUP, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane glass predict snapshot.data --model mobile --time 0.03tau,tau --temperature 0.44 --out map.json",
      "a map of who will move" },
    { .command = NULL },
};
const cli_verb cli_glass_predict_record = {
    .name = "glass predict",
    .summary = "predict which particles of a snapshot will move",
    .description =
        "For each particle the mean distance that it will have gone at each time, over all that thermal motion may do; and for each bond how "
        "much its length will have changed. The result names its tier: what the model needs to know of the snapshot. A warning tells when the temperature is "
        "not one that the model has learned.",
    .positional = SNAPSHOT,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.glass-predict/1\": model, tier, id, temperature, foreign (true: not one that the model has learned), unlike (true: mean propensities are not those of the liquids learned from), particles, box, times, simulated (which of them, instead of predicted) and then runs, species (0 is A), positions (three numbers a particle), propensity (an array a time); where the "
        "model knows bonds: bonds (pairs of particles from 0, one after the other) and stretch (an array a time); seconds of each stage.",
    .run = run_predict,
};
