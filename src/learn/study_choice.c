/* learn/study_choice.c -- who of those that were tried is chosen, and how they are mixed */
#include "core/memory.h"
#include "learn/records.h"
#include "learn/study_internal.h"
#include <math.h>

enum {
    ROUNDS = 20 /* of the greedy choice: weights are multiples of 1 / 20 or so */,
    HEAD = 3 /* rounds that the best one has won at the start: halves are too coarse */
};
static const double CLEARLY = 0.8; /* times another's error: better than by chance */
static const double GAIN = 1e-4;   /* a round that wins less than this part of the loss ends the choice, */
/* and so does one that wins less than so many standard errors of what it wins: the one-standard-error rule (Breiman et al., Classification and
 * Regression Trees, 1984, section 3.4.3), or not. Which of them, rows left out say; of equals the first. */
static const double STRICT[] = { 1, 0 };

void hg_study_choice_rules(hg_text *t) {
    hg_text_add(t, "blend %d %d %g %g %g %g", ROUNDS, HEAD, GAIN, CLEARLY, STRICT[0], STRICT[1]);
}

double hg_study_loss(const hg_study *s, const hg_score *score) {
    return s->squared && isfinite(score->rmse) ? score->rmse : hg_score_loss(score);
}

hg_status hg_study_score(hg_score *score, double *loss, const hg_study *s, const hg_rows *rows, const double *out,
                         hg_err *err) {
    if (rows->classes)
        HG_TRY(hg_score_classes(score, out, rows->y, rows->n, rows->classes, err));
    else
        *score = hg_score_values(out, rows->y, rows->n);
    *loss = hg_study_loss(s, score);
    return HG_OK;
}

size_t hg_study_best(const hg_study *s) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->n_trials; i++)
        if (s->trial[i].out &&
            (best == SIZE_MAX || hg_study_loss(s, &s->trial[i].score) < hg_study_loss(s, &s->trial[best].score)))
            best = i;
    return best;
}

/* mix[n,outputs] = (sum[..] + out[..]) / count */
static void mix_in(double *mix, const double *sum, const double *out, size_t n, double count) {
    for (size_t i = 0; i < n; i++) mix[i] = (sum[i] + out[i]) / count;
}

static size_t members(const size_t *count, size_t n) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++) k += count[i] > 0;
    return k;
}

/* In the scale in which it has learned: of few values the squares of errors hang on the largest. */
static double loss_in_scale(const double *out, bool logs, const hg_rows *rows) {
    double sum = 0;
    for (size_t i = 0; i < rows->n; i++) sum += fabs(logs ? log(out[i] / rows->y[i]) : out[i] - rows->y[i]);
    return sum / (double)rows->n;
}

/* Of few rows with sources: affine transfer and trees, halves, unless who knows no source is clearly better. count[n_trials] and its sum;
 * 0: that is not the case. `mix` has room for the rows. */
static double choose_of_few(size_t *count, double *mix, const hg_study *s, const hg_rows *rows) {
    size_t affine = SIZE_MAX, trees = SIZE_MAX, plain = SIZE_MAX;
    double least = INFINITY;
    if (!hg_study_few(rows)) return 0;
    for (size_t i = 0; i < s->n_trials; i++) {
        const hg_trial *t = &s->trial[i];
        if (!t->out) continue;
        if (t->learner == &hg_affine_learner) affine = i;
        if (t->learner == &hg_extratrees_learner && !t->plain && hg_trial_is_default(t)) trees = i;
        const double loss = loss_in_scale(t->out, t->logs, rows);
        if (t->plain && loss < least) least = loss, plain = i;
    }
    if (affine == SIZE_MAX || trees == SIZE_MAX) return 0;
    mix_in(mix, s->trial[affine].out, s->trial[trees].out, s->n, 2);
    if (plain != SIZE_MAX && least < CLEARLY * loss_in_scale(mix, s->trial[affine].logs, rows)) {
        count[plain] = 1;
        return 1;
    }
    count[affine] = count[trees] = 1;
    return 2;
}

/* Does the error of `mix` lie so many standard errors below that of sum / total? With 0 anything below is enough, with INFINITY nothing. */
static bool wins(const double *mix, const double *sum, double total, const hg_study *s, const hg_rows *rows,
                 double strict) {
    double mean = 0, square = 0;
    if (strict == 0) return true;
    for (size_t i = 0; i < rows->n; i++) {
        const double before = fabs(sum[i] / total - rows->y[i]), after = fabs(mix[i] - rows->y[i]);
        const double won = s->squared ? before * before - after * after : before - after;
        mean += won / (double)rows->n;
        square += won * (won / (double)rows->n);
    }
    return mean > strict * sqrt(fmax(square - mean * mean, 0) / (double)rows->n);
}

/* The best one has won the first rounds; each other is given to who brings the error of the mixture down the most. Classes: strict 0. */
static hg_status choose_greedily(size_t *count, double *total, double *sum, double *mix, const hg_study *s,
                                 const hg_rows *rows, double strict, hg_err *err) {
    const size_t size = s->n * s->outputs;
    size_t best = hg_study_best(s);
    double loss = hg_study_loss(s, &s->trial[best].score);
    for (size_t k = 0; k < size; k++) sum[k] = HEAD * s->trial[best].out[k];
    count[best] = HEAD;
    for (*total = HEAD; *total < ROUNDS && !isinf(strict); ++*total) {
        double least = INFINITY;
        for (size_t i = 0; i < s->n_trials; i++) {
            hg_score score;
            double l;
            if (!s->trial[i].out || (!count[i] && members(count, s->n_trials) == HG_STUDY_CHOSEN)) continue;
            mix_in(mix, sum, s->trial[i].out, size, *total + 1);
            HG_TRY(hg_study_score(&score, &l, s, rows, mix, err));
            if (l < least) least = l, best = i;
        }
        if (!(least < loss * (1 - GAIN))) break;
        mix_in(mix, sum, s->trial[best].out, size, *total + 1);
        if (!wins(mix, sum, *total, s, rows, strict)) break;
        loss = least;
        count[best]++;
        for (size_t k = 0; k < size; k++) sum[k] += s->trial[best].out[k];
    }
    return HG_OK;
}

/* strict INFINITY: the best one alone. */
static hg_status choose_blend(double *weight, const hg_study *s, const hg_rows *rows, double strict, hg_arena *mem,
                              hg_err *err) {
    const size_t size = s->n * s->outputs;
    size_t *count = hg_alloc(mem, s->n_trials, sizeof *count);
    double *sum = hg_alloc(mem, size, sizeof *sum), *mix = hg_alloc(mem, size, sizeof *mix);
    if (!count || !sum || !mix) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    double total = isinf(strict) ? 0 : choose_of_few(count, mix, s, rows);
    if (total == 0) HG_TRY(choose_greedily(count, &total, sum, mix, s, rows, strict, err));
    for (size_t i = 0; i < s->n_trials; i++) weight[i] = (double)count[i] / total;
    return HG_OK;
}

/* What the trials say of values in all parts but one, as a study of its own. Who has learned in a scale in which no member has is not among
 * them: intervals of factors need values that are positive everywhere. */
static hg_status leave_out(hg_study *some, hg_rows *in, const hg_study *s, const hg_rows *rows, const size_t *part,
                           size_t left, hg_arena *mem, hg_err *err) {
    double *y = hg_alloc(mem, s->n, sizeof *y);
    *some = *s;
    some->trial = hg_alloc(mem, s->n_trials, sizeof *some->trial);
    some->n = 0;
    if (!y || !some->trial) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    for (size_t i = 0; i < s->n; i++)
        if (part[i] != left) y[some->n++] = rows->y[i];
    *in = (hg_rows) { .n = some->n, .y = y };
    bool scale[2] = { false, false };
    for (size_t k = 0; k < s->n_trials; k++) scale[s->trial[k].logs] |= s->trial[k].weight > 0;
    for (size_t k = 0; k < s->n_trials; k++) {
        hg_trial *t = &some->trial[k];
        *t = s->trial[k];
        if (!scale[t->logs]) t->out = NULL;
        if (!t->out) continue;
        t->out = hg_alloc(mem, some->n, sizeof *t->out);
        if (!t->out) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
        for (size_t i = 0, n = 0; i < s->n; i++)
            if (part[i] != left) t->out[n++] = s->trial[k].out[i];
        t->score = hg_score_values(t->out, y, some->n);
    }
    return HG_OK;
}

/* s->out and s->signs of all rows, mixed by these weights. */
static hg_status mix(hg_study *s, const double *weights, hg_arena *mem, hg_err *err) {
    const double *out[HG_STUDY_MEMBERS], *sd[HG_STUDY_MEMBERS];
    double weight[HG_STUDY_MEMBERS];
    size_t m = 0;
    for (size_t i = 0; i < s->n_trials; i++)
        if (weights[i] > 0) {
            out[m] = s->trial[i].out;
            sd[m] = s->trial[i].sd;
            weight[m++] = weights[i];
        }
    s->out = hg_alloc(mem, s->n * s->outputs, sizeof *s->out);
    s->signs = hg_alloc(mem, s->n, sizeof *s->signs);
    if (!s->out || !s->signs) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    hg_blend_combine(s->out, s->signs, out, sd, weight, m, s->n, s->outputs);
    return HG_OK;
}

/* The rows of one part, mixed by the weights that the others choose: who was chosen by a row's own error looks better on it than on a
 * new row. */
static hg_status mix_part(hg_study *s, const hg_rows *rows, double strict, const size_t *part, size_t left,
                          hg_arena *mem, hg_err *err) {
    double *weight = hg_alloc(mem, s->n_trials, sizeof *weight);
    hg_study some, own = *s;
    hg_rows in;
    if (!weight) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    HG_TRY(leave_out(&some, &in, s, rows, part, left, mem, err));
    HG_TRY(choose_blend(weight, &some, &in, strict, mem, err));
    HG_TRY(mix(&own, weight, mem, err));
    for (size_t i = 0; i < s->n; i++)
        if (part[i] == left) s->out[i] = own.out[i], s->signs[i] = own.signs[i];
    return HG_OK;
}

/* Classes have no intervals, one part of many rows is too large to be chosen by, and halves of few rows with sources are hardly a choice. */
static bool chosen_across(const hg_study *s, const hg_rows *rows) {
    return s->folds > 1 && !rows->classes && !hg_study_few(rows);
}

/* s->trial[].weight, s->out, s->signs, s->score and *loss by one rule. */
static hg_status combine(hg_study *s, double *loss, const hg_rows *rows, double strict, const size_t *part,
                         hg_arena *mem, hg_err *err) {
    double *weight = hg_alloc(mem, s->n_trials, sizeof *weight);
    hg_status st = HG_OK;
    if (!weight) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    HG_TRY(choose_blend(weight, s, rows, strict, mem, err));
    for (size_t i = 0; i < s->n_trials; i++) s->trial[i].weight = weight[i];
    HG_TRY(mix(s, weight, mem, err));
    hg_arena *scratch = hg_arena_new();
    if (!scratch) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    for (size_t f = 0; chosen_across(s, rows) && f < s->folds && st == HG_OK; f++) {
        const hg_mark mark = hg_arena_mark(scratch);
        st = mix_part(s, rows, strict, part, f, scratch, err);
        hg_arena_reset(scratch, mark);
    }
    hg_arena_free(scratch);
    HG_TRY(st);
    return hg_study_score(&s->score, loss, s, rows, s->out, err);
}

hg_status hg_study_choose(hg_study *s, const hg_rows *rows, const hg_study_opts *o, const size_t *part, hg_arena *mem,
                          hg_err *err) {
    double loss, again;
    if (o->single || !chosen_across(s, rows))
        return combine(s, &loss, rows, o->single ? (double)INFINITY : 0, part, mem, err);
    HG_TRY(combine(s, &loss, rows, STRICT[0], part, mem, err));
    HG_TRY(combine(s, &again, rows, STRICT[1], part, mem, err));
    return again < loss ? HG_OK : combine(s, &loss, rows, STRICT[0], part, mem, err);
}
