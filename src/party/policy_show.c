/* party/policy_show.c -- a policy in plain words, for people who are about to sign it */
#include "party/leakage.h"
#include "party/policy_internal.h"
#include <math.h>

static void put_members(hg_text *to, const hg_policy *p, const char *role, size_t at) {
    size_t n = 0;
    hg_text_add(to, "%s", role);
    for (size_t i = 0; i < p->n_members; i++) {
        const hg_member *m = &p->member[i];
        if (*(const bool *)((const char *)m + at)) hg_text_add(to, "%s%s", n++ ? ", " : "", m->name);
    }
    hg_text_add(to, ".\n");
}

static void put_people(hg_text *to, const hg_policy *p) {
    put_members(to, p, "Servers, of three organisations that must not work together: ", offsetof(hg_member, server));
    put_members(to, p, "Owners, who share data and must all sign: ", offsetof(hg_member, owner));
    put_members(to, p, "Users, who may ask: ", offsetof(hg_member, user));
    for (size_t i = 0; i < p->n_members; i++)
        if (p->member[i].user)
            hg_text_add(to, "%s may ask %zu queries in all.\n", p->member[i].name, p->member[i].budget);
    for (size_t i = 0; i < p->n_members; i++)
        if (p->member[i].has_old_key)
            hg_text_add(to, "%s is changing its key: the old one is still taken.\n", p->member[i].name);
    if (p->n_revoked) hg_text_add(to, "%zu key%s revoked.\n", p->n_revoked, p->n_revoked == 1 ? " is" : "s are");
}

static void put_subject(hg_text *to, const hg_policy *p) {
    const char *unit = p->unit[0] ? " " : "";
    hg_text_add(to, "The property is \"%s\", from %g to %g%s%s; a value outside is refused. It is to be made %s.\n",
                p->target, p->low, p->high, unit, p->unit, p->maximize ? "large" : "small");
    if (p->pool)
        hg_text_add(to,
                    "The candidate list has %zu entries, %zu of which may be proposed, described by %zu feature%s.\n",
                    p->n_pool, p->n_candidates, p->n_features, p->n_features == 1 ? "" : "s");
    else
        hg_text_add(to, "Candidates and data rows are together at most %zu, described by %zu feature%s.\n",
                    p->most_entries, p->n_features, p->n_features == 1 ? "" : "s");
}

static void put_hidden(hg_text *to, const hg_policy *p) {
    hg_text_add(to, "Tier %s: %s.\n", HG_POLICY_TIERS[p->tier - 1], hg_tier_words(p->tier));
    hg_text_add(to, "No server, owner or user sees a value that another member shared.\n");
    hg_text_add(to, "Mode %s: %s.\n", hg_mode_name(p->mode), hg_mode_words(p->mode));
    hg_text_add(to, "Two servers that work together see everything.\n");
    if (p->tier != HG_TIER_PROPERTIES)
        hg_text_add(to, "Rows of a data set are padded to a multiple of %zu, so that their number stays vague.\n",
                    p->padding);
}

static void put_rules(hg_text *to, const hg_policy *p) {
    hg_text_add(
        to,
        "There is no answer with fewer than %zu candidates, or fewer than %zu rows of other owners than the one who asks.\n",
        p->least_pool, p->least_foreign);
    hg_text_add(to, "A data set takes part in at most %zu quer%s. One job may ask for %zu proposal%s.\n",
                p->dataset_budget, p->dataset_budget == 1 ? "y" : "ies", p->most_batch, p->most_batch == 1 ? "" : "s");
    if (p->plausibility > 0 && p->tier == HG_TIER_PROPERTIES) /* hidden rows cannot be left out one by one */
        hg_text_add(
            to,
            "A shared row is checked against the others once: its owner, nobody else, is told when it lies more "
            "than %.3g standard deviations off.\n",
            sqrt(p->plausibility));
    if (p->model.epsilon > 0)
        hg_text_add(to, "Differential privacy: each answer has epsilon %g, each data set a budget of %g.\n",
                    p->model.epsilon, p->epsilon_budget);
}

static void put_model(hg_text *to, const hg_policy *p) {
    const hg_secret_model *m = &p->model;
    hg_text_add(
        to,
        "Model: %s kernel, %zu length scales from %g to %g of the features' ranges, %zu noise levels from %g to %g of "
        "the signal's variance, chosen %s; acquisition %s",
        m->matern ? "Matern-5/2" : "squared exponential", m->n_length, m->length[0], m->length[m->n_length - 1],
        m->n_noise, m->noise[0], m->noise[m->n_noise - 1], m->fixed ? "in advance" : "in secret",
        hg_acquisition_name(m->acquisition));
    hg_text_add(to, m->acquisition == HG_ACQ_UCB ? ", kappa %g.\n" : ".\n", m->kappa);
}

hg_status hg_policy_show(hg_text *to, const hg_policy *p, hg_err *err) {
    char from[HG_TIME_SIZE], until[HG_TIME_SIZE], hex[2 * HG_DIGEST + 1];
    hg_leakage l;
    hg_time_write(from, p->not_before);
    hg_time_write(until, p->expires);
    hg_hex_write(hex, p->digest, HG_DIGEST);
    hg_text_add(to, "Policy of project %s, valid from %s until %s.\nDigest %s.\n", p->project, from, until, hex);
    if (p->has_replaced) {
        hg_hex_write(hex, p->replaces, HG_DIGEST);
        hg_text_add(to, "It takes the place of %s.\n", hex);
    }
    put_subject(to, p);
    put_people(to, p);
    put_hidden(to, p);
    hg_leakage_of(&l, p, 1);
    HG_TRY(hg_leakage_words(to, p, &l, NULL, err));
    put_rules(to, p);
    put_model(to, p);
    return to->failed ? hg_fail(err, HG_ENOMEM, "no memory for words on the policy") : HG_OK;
}
