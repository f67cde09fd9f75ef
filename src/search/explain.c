/* search/explain.c -- see search/explain.h */
#include "search/explain.h"
#include "core/number.h"
#include "search/policy.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double Z90 = 1.6448536269514722; /* half of the central 90 % of a normal distribution, in sd */

size_t hg_metric_nearest(size_t index[3], double distance[3], const double *inv, const double *x,
                         const hg_campaign *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->n_measured; i++) {
        double r2 = 0;
        for (size_t j = 0; j < c->d; j++) {
            const double t = (x[j] - c->x[i * c->d + j]) * inv[j];
            r2 += t * t;
        }
        size_t at = n < 3 ? n : 3; /* insertion: equal distances keep the order of the rows */
        while (at > 0 && distance[at - 1] > sqrt(r2)) at--;
        if (at == 3) continue;
        for (size_t k = n < 3 ? n : 2; k > at; k--) {
            index[k] = index[k - 1];
            distance[k] = distance[k - 1];
        }
        index[at] = i;
        distance[at] = sqrt(r2);
        if (n < 3) n++;
    }
    return n;
}

const char *hg_value_words(char buf[32], double value, double sd) {
    const double size = fmax(fabs(value), sd);
    if (!(sd > 0) || size >= 1e8 || sd < 1e-5 || size < 1e-3) {
        hg_print(buf, 32, "%.4g", value);
        return buf;
    }
    const int decimals = 1 - (int)floor(log10(sd));
    const double step = pow(10, decimals); /* 1211380 +- 39485 is said as 1211000 +- 39000 */
    hg_print(buf, 32, "%.*f", decimals < 0 ? 0 : decimals, decimals < 0 ? round(value * step) / step : value);
    return buf;
}

/* A measured value as it stands in the table while that is short: it is no estimate. */
static const char *measured_words(char buf[32], double value, double sd) {
    char exact[HG_NUMBER_SIZE];
    if (hg_number_write(exact, value) > 8) return hg_value_words(buf, value, fmin(sd, fabs(value) / 100));
    snprintf(buf, 32, "%s", exact);
    return buf;
}

static void put_prediction(hg_text *out, const hg_goal *g, double mean, double sd) {
    char a[32], b[32];
    hg_text_add(out, "%s +- %s%s%s", hg_value_words(a, mean, sd), hg_value_words(b, sd, sd), *g->unit ? " " : "",
                g->unit);
}

static void put_best(hg_text *out, const hg_explain *e) {
    const hg_goal *g = &e->c->goal[0];
    const double gain = g->sign * (e->s->mean[0] - e->best[0]);
    char a[32], b[32], row[64];
    const char *space = *g->unit ? " " : "";
    hg_text_add(out, ", %s%s%s %s the best so far (%s%s%s in %s)", hg_value_words(a, fabs(gain), e->s->sd[0]), space,
                g->unit, gain >= 0 ? "better than" : "short of", measured_words(b, e->best[0], e->s->sd[0]), space,
                g->unit, hg_row_words(row, e->c->measured, e->best_row));
}

static void put_neighbour(hg_text *out, const hg_explain *e) {
    const hg_suggestion *s = e->s;
    if (s->n_neighbours == 0) return;
    const hg_goal *g = &e->c->goal[0];
    const double near = s->distance[0], y = g->sign * g->y[e->neighbour[0]];
    char row[64], value[32] = "";
    hg_row_words(row, e->c->measured, s->neighbour[0]);
    if (!isnan(y)) measured_words(value, y, s->sd[0]);
    const char *which = e->c->pool != e->c->measured ? "measured " : ""; /* lines of two files are in play */
    if (near < 0.5)
        hg_text_add(out, "; close to %s%s", which, row);
    else if (near < 1.5)
        hg_text_add(out, "; the nearest measured is %s, %.1f length scales away", row, near);
    else
        hg_text_add(out, "; far from everything measured (nearest %s, %.1f length scales)", row, near);
    if (*value)
        hg_text_add(out, "%s%s%s%s%s", near < 1.5 ? " (" : " with ", value, *g->unit ? " " : "", g->unit,
                    near < 1.5 ? ")" : "");
}

/* sd as a share of what the model knew before any data: below a third it is sure, above two thirds it is not. */
static void put_reason(hg_text *out, const hg_explain *e) {
    double share = 0;
    for (size_t j = 0; j < e->c->n_goals; j++) share = fmax(share, e->s->sd[j] / e->signal_sd[j]);
    share = fmin(share, 1);
    const char *sure = share < 1.0 / 3 ? "is sure here" : share > 2.0 / 3 ? "knows little here" : "is fairly sure here";
    hg_text_add(out, ", and the model %s (uncertainty %.0f %% of what it was before any data)", sure, 100 * share);
    switch (e->acquisition) {
    case HG_ACQ_RANDOM: hg_text_add(out, "; chosen at random"); return;
    case HG_ACQ_UNCERTAINTY: hg_text_add(out, "; chosen because it is the least known: explores"); return;
    default: break;
    }
    const double gain = e->c->goal[0].sign * (e->s->mean[0] - e->best[0]);
    const bool promising = e->c->n_goals > 1 ? e->s->p_improve > 0.3 : gain > -0.5 * e->s->sd[0];
    if (share > 2.0 / 3)
        hg_text_add(out, promising ? "; explores where the prediction is good too" : "; explores");
    else if (share < 1.0 / 3)
        hg_text_add(out, promising ? "; exploits what is known" : "; nothing better is in sight");
    else
        hg_text_add(out, promising ? "; exploits and explores" : "; mostly explores");
}

void hg_explain_suggestion(hg_text *out, const hg_explain *e) {
    const hg_suggestion *s = e->s;
    hg_text_add(out, "predicted ");
    for (size_t j = 0; j < e->c->n_goals; j++) {
        if (e->c->n_goals > 1) hg_text_add(out, "%s%s ", j ? ", " : "", e->c->goal[j].name);
        put_prediction(out, &e->c->goal[j], s->mean[j], s->sd[j]);
    }
    if (e->c->n_goals == 1 && e->best_row != SIZE_MAX) put_best(out, e);
    if (e->c->n_goals > 1) hg_text_add(out, "; probability %.2g of enlarging the front", s->p_improve);
    put_neighbour(out, e);
    put_reason(out, e);
    if (s->p_feasible < 0.8)
        hg_text_add(out, "; probability %.2g of %s", s->p_feasible,
                    e->c->n_limits == 0   ? "not failing"
                    : e->c->n_failed == 0 ? "meeting the requirements"
                                          : "meeting the requirements and not failing");
    if (fabs(e->cost - 1) > 0.2) hg_text_add(out, "; costs %.2g times the usual", e->cost);
    hg_text_add(out, ".");
}

/* ---- leave-one-out ------------------------------------------------------------------------------------------- */

static void put_check(hg_text *w, const hg_loo *l, const hg_campaign *c, size_t g, size_t inside) {
    const hg_goal *goal = &c->goal[g];
    char a[32], b[32], row[64];
    hg_text_add(w,
                "Leave-one-out over %zu rows: error %s%s%s, always saying the mean: %s; %zu of %zu inside the 90 %% "
                "interval; largest surprise %s, %.1f sd.",
                l->n, hg_value_words(a, l->rmse, l->rmse), *goal->unit ? " " : "", goal->unit,
                hg_value_words(b, l->rmse_mean, l->rmse), inside, l->n,
                hg_row_words(row, c->measured, l->max_abs_z_row), l->max_abs_z);
    if (!l->better_than_mean && l->n < HG_POLICY.check_points)
        hg_text_add(w, " The model is no better than the mean yet; so few rows cannot show more.");
    else if (!l->better_than_mean)
        hg_text_add(w,
                    " The model of \"%s\" predicts no better than the mean: trust the predictions little, take the "
                    "suggestions as exploration, and consider other features.",
                    goal->name);
    if (l->n >= 10 && l->coverage90 < 0.7)
        hg_text_add(w, " Fewer values than promised lie inside the interval: the uncertainties are too small.");
    if (l->max_abs_z > 4)
        hg_text_add(w, " Check %s: its value does not fit its neighbours.",
                    hg_row_words(row, c->measured, l->max_abs_z_row));
}

hg_status hg_check_model(hg_loo *out, double *relevance, const hg_campaign *c, size_t g, const hg_surrogate *s,
                         hg_err *err) {
    const hg_goal *goal = &c->goal[g];
    const size_t n = goal->n;
    *out = (hg_loo) { .n = n };
    size_t *row = hg_alloc(c->mem, n, sizeof *row);
    double *y = hg_alloc(c->mem, n, sizeof *y), *mean = hg_alloc(c->mem, n, sizeof *mean),
           *sd = hg_alloc(c->mem, n, sizeof *sd);
    if (!row || !y || !mean || !sd) return hg_fail(err, HG_ENOMEM, "check of %zu rows", n);
    hg_arena *scratch = hg_arena_new();
    const hg_status st = hg_surrogate_study(mean, sd, relevance, s, hg_features_groups(c->features), scratch, err);
    hg_arena_free(scratch);
    HG_TRY(st);
    double average = 0, err2 = 0, mean2 = 0;
    for (size_t i = 0, at = 0; i < c->n_measured; i++) {
        if (isnan(goal->y[i])) continue;
        row[at] = c->row[i];
        y[at] = goal->sign * goal->y[i];
        mean[at] *= goal->sign;
        sd[at] = sqrt(sd[at]);
        average += y[at++] / (double)n;
    }
    size_t inside = 0;
    out->max_abs_z = -1;
    for (size_t i = 0; i < n; i++) {
        const double e = y[i] - mean[i], without = (y[i] - average) * (double)n / (double)(n - 1);
        const double z = fabs(e) / fmax(sd[i], 1e-300);
        err2 += e * e / (double)n;
        mean2 += without * without / (double)n;
        inside += z <= Z90 ? 1 : 0;
        if (!(z > out->max_abs_z)) continue;
        out->max_abs_z = z;
        out->max_abs_z_row = row[i];
    }
    out->row = row;
    out->y = y;
    out->mean = mean;
    out->sd = sd;
    out->rmse = sqrt(err2);
    out->rmse_mean = sqrt(mean2);
    out->coverage90 = (double)inside / (double)n;
    out->better_than_mean = out->rmse < out->rmse_mean;
    hg_text words = hg_text_new(0);
    put_check(&words, out, c, g, inside);
    out->words = words.failed ? NULL : hg_arena_strdup(c->mem, words.s);
    hg_text_free(&words);
    return out->words ? HG_OK : hg_fail(err, HG_ENOMEM, "check of %zu rows", n);
}
