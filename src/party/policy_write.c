/* party/policy_write.c -- the canonical text of a policy: what owners sign
 *
 * Every key in one order, with its value, given or default; texts in double quotes, numbers with the fewest digits that read
 * back. Reading it gives the same policy, and writing that the same bytes. */
#include "core/number.h"
#include "party/policy_internal.h"
#include <stdio.h>

static void put_text(hg_text *to, const char *s) {
    hg_text_add(to, "\"");
    for (; *s; s++) hg_text_add(to, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
    hg_text_add(to, "\"");
}

static void put_number(hg_text *to, double x) {
    char number[HG_NUMBER_SIZE];
    hg_number_write(number, x);
    hg_text_add(to, "%s", number);
}

static void put_hex(hg_text *to, const unsigned char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) hg_text_add(to, "%02x", bytes[i]);
}

static void put_range(hg_text *to, double low, double high) {
    hg_text_add(to, "low: ");
    put_number(to, low);
    hg_text_add(to, ", high: ");
    put_number(to, high);
    hg_text_add(to, "}\n");
}

static void put_field(hg_text *to, const hg_policy *p, const hg_policy_field *f) {
    const void *at = (const char *)p + f->at;
    hg_text_add(to, "  %s: ", f->key);
    switch (f->kind) {
    case HG_FIELD_SIZE: hg_text_add(to, "%zu", *(const size_t *)at); break;
    case HG_FIELD_UNSIGNED: hg_text_add(to, "%u", *(const unsigned *)at); break;
    case HG_FIELD_INT: hg_text_add(to, "%d", *(const int *)at); break;
    case HG_FIELD_REAL: put_number(to, *(const double *)at); break;
    case HG_FIELD_BOOL: hg_text_add(to, *(const bool *)at ? "true" : "false"); break;
    }
    hg_text_add(to, "\n");
}

static void put_grid(hg_text *to, const char *key, const double *x, size_t n) {
    hg_text_add(to, "  %s: [", key);
    for (size_t i = 0; i < n; i++) {
        hg_text_add(to, i ? ", " : "");
        put_number(to, x[i]);
    }
    hg_text_add(to, "]\n");
}

static void put_model(hg_text *to, const hg_policy *p) {
    const hg_secret_model *m = &p->model;
    hg_text_add(to, "model:\n  kernel: %s\n", m->matern ? "matern52" : "rbf");
    put_grid(to, "lengths", m->length, m->n_length);
    put_grid(to, "noises", m->noise, m->n_noise);
    hg_text_add(to, "  acquisition: %s\n", hg_acquisition_name(m->acquisition));
    for (size_t i = 0; i < HG_POLICY_MODEL_FIELDS; i++) put_field(to, p, &HG_POLICY_MODEL[i]);
}

static void put_data(hg_text *to, const hg_policy *p) {
    hg_text_add(to, "tier: %s\nmode: %s\n", HG_POLICY_TIERS[p->tier - 1], hg_mode_name(p->mode));
    hg_text_add(to, "target: {column: ");
    put_text(to, p->target);
    hg_text_add(to, ", unit: ");
    put_text(to, p->unit);
    hg_text_add(to, ", goal: %s, ", p->maximize ? "maximize" : "minimize");
    put_range(to, p->low, p->high);
    hg_text_add(to, "features:\n");
    for (size_t k = 0; k < p->n_features; k++) {
        hg_text_add(to, "  - {column: ");
        put_text(to, p->feature[k]);
        hg_text_add(to, ", ");
        put_range(to, p->scale_low[k], p->scale_high[k]);
    }
    put_model(to, p);
    if (!p->pool) return;
    hg_text_add(to, "pool:\n  id: ");
    if (p->id)
        put_text(to, p->id_column);
    else
        hg_text_add(to, "none");
    hg_text_add(to, "\n  candidate: %s\n  rows: |\n", p->candidate ? "\"candidate\"" : "none");
    hg_policy_write_pool(to, p, 4);
}

/* The limits that a policy in this one's place may change, or those that it may not, or both. */
static void put_limits(hg_text *to, const hg_policy *p, bool changing, bool fixed) {
    hg_text_add(to, "limits:\n");
    for (size_t i = 0; i < HG_POLICY_LIMIT_FIELDS; i++) {
        const hg_policy_field *f = &HG_POLICY_LIMITS[i];
        if (f->at == offsetof(hg_policy, most_entries) && p->tier != HG_TIER_COMPOSITIONS) continue;
        if (f->may_change ? changing : fixed) put_field(to, p, f);
    }
}

static void put_member(hg_text *to, const hg_member *m) {
    const char *next = "";
    hg_text_add(to, "  - {name: %s, roles: [", m->name);
    if (m->server) hg_text_add(to, "%sserver", next), next = ", ";
    if (m->owner) hg_text_add(to, "%sowner", next), next = ", ";
    if (m->user) hg_text_add(to, "%suser", next);
    hg_text_add(to, "], key: ");
    put_hex(to, m->key, HG_PUBLIC_KEY);
    if (m->has_old_key) {
        hg_text_add(to, ", old key: ");
        put_hex(to, m->old_key, HG_PUBLIC_KEY);
    }
    if (m->server) {
        hg_text_add(to, ", seal: ");
        put_hex(to, m->seal, HG_PUBLIC_KEY);
    }
    if (m->user) hg_text_add(to, ", budget: %zu", m->budget);
    hg_text_add(to, "}\n");
}

void hg_policy_write_fixed(hg_text *to, const hg_policy *p) {
    hg_text_add(to, "project: %s\n", p->project);
    put_limits(to, p, false, true);
    put_data(to, p);
}

hg_status hg_policy_write(hg_text *to, const hg_policy *p, hg_err *err) {
    char from[HG_TIME_SIZE], until[HG_TIME_SIZE];
    hg_time_write(from, p->not_before);
    hg_time_write(until, p->expires);
    hg_text_add(to, "hagane policy: 1\nproject: %s\nvalid: {from: %s, until: %s}\nreplaces: ", p->project, from, until);
    if (p->has_replaced)
        put_hex(to, p->replaces, HG_DIGEST);
    else
        hg_text_add(to, "none");
    hg_text_add(to, "\nmembers:\n");
    for (size_t i = 0; i < p->n_members; i++) put_member(to, &p->member[i]);
    hg_text_add(to, p->n_revoked ? "revoked:\n" : "revoked: []\n");
    for (size_t i = 0; i < p->n_revoked; i++) {
        hg_text_add(to, "  - ");
        put_hex(to, p->revoked[i], HG_PUBLIC_KEY);
        hg_text_add(to, "\n");
    }
    put_limits(to, p, true, true);
    put_data(to, p);
    if (!to->failed) return HG_OK;
    return to->len > HG_POLICY_BYTES / 2
               ? hg_fail(err, HG_ELIMIT, "the policy is longer than %d MiB", HG_POLICY_BYTES >> 20)
               : hg_fail(err, HG_ENOMEM, "no memory for the policy");
}
