/* party/leakage.c -- see party/leakage.h */
#include "party/leakage.h"
#include <math.h>

size_t hg_leakage_price(const hg_policy *p, size_t batch) {
    const double index = log2((double)p->n_candidates);
    return batch * (1 + (size_t)ceil(p->release_bits / index));
}

void hg_leakage_of(hg_leakage *l, const hg_policy *p, size_t batch) {
    *l = (hg_leakage) {
        .candidates = p->n_candidates,
        .bits_index = log2((double)p->n_candidates),
        .bits_released = p->release_bits,
        .inequalities = p->tier == HG_TIER_PROPERTIES ? p->n_candidates - 1 : 0,
        .price = hg_leakage_price(p, batch),
        .epsilon_job = p->model.epsilon * (double)batch,
    };
    const double answer = l->bits_index + l->bits_released;
    l->bits_job = (double)batch * answer;
    /* as many answers as the price of one allows */
    l->bits_budget = answer * floor((double)p->dataset_budget / (double)hg_leakage_price(p, 1));
}

static const char *plural(size_t n) { return n == 1 ? "" : "s"; }

static void put_visible(hg_text *to, const hg_policy *p) {
    static const char *const VISIBLE[] = {
        [HG_TIER_PROPERTIES] =
            "how many rows each owner shared and when, which candidates were measured, who asks and when",
        [HG_TIER_INDICES] = "who uploads and asks and when, and padded row counts",
        [HG_TIER_COMPOSITIONS] = "who uploads and asks and when, padded row counts, and the number of features",
    };
    hg_text_add(to, "Servers and readers of the log see %s. No server sees a value%s.\n", VISIBLE[p->tier],
                p->tier == HG_TIER_PROPERTIES
                    ? "; which candidate was proposed they see when its measurement is registered"
                    : " or which candidate was proposed");
}

static void put_answer(hg_text *to, const hg_policy *p, const hg_leakage *l) {
    hg_text_add(
        to,
        "An answer goes to the user who asked, to nobody else. It is one of %zu candidates, and tells of the data at "
        "most %.2f bits on average; a single answer can tell more.\n",
        l->candidates, l->bits_index);
    if (l->bits_released)
        hg_text_add(to, "With it comes the predicted mean, rounded to steps of %.3g%s%s: %u bits more.\n",
                    (p->high - p->low) / ldexp(1, (int)l->bits_released), p->unit[0] ? " " : "", p->unit,
                    l->bits_released);
    else
        hg_text_add(to, "Nothing else is told: no mean, no deviation, no probability, no neighbour's value.\n");
    if (l->inequalities)
        hg_text_add(
            to,
            "Who knows the candidate list can write each answer down as %zu linear inequalities on the data. Owners "
            "with few rows are not protected for long on this tier.\n",
            l->inequalities);
    if (l->epsilon_job > 0)
        hg_text_add(to, "Noise makes the answer differentially private with epsilon %g for each value.\n",
                    l->epsilon_job);
}

static void put_estimate(hg_text *to, const hg_leakage_estimate *e) {
    hg_text_add(
        to,
        "Measured on %zu made-up data sets with these rows, %zu of their values hidden: the first answer tells %.1f "
        "bits (+- %.1f).",
        e->samples, e->hidden, e->bits_first, fmax(0.1, e->bits_error));
    for (size_t k = 0; k < HG_LEAKAGE_ANSWERS; k++)
        hg_text_add(to, " After %zu answer%s a hidden value is known to %.2f of what it was before.", k + 1,
                    plural(k + 1), e->spread[k]);
    hg_text_add(to, "\n");
}

hg_status hg_leakage_words(hg_text *to, const hg_policy *p, const hg_leakage *l, const hg_leakage_estimate *e,
                           hg_err *err) {
    put_answer(to, p, l);
    if (e) put_estimate(to, e);
    put_visible(to, p);
    hg_text_add(
        to,
        "Price: %zu of the user's queries, and as many of each data set that takes part. All that one data set's "
        "budget of %zu can tell is %.0f bits on average.\n",
        l->price, p->dataset_budget, l->bits_budget);
    return to->failed ? hg_fail(err, HG_ENOMEM, "no memory for words on leakage") : HG_OK;
}
