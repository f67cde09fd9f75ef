/* party/policy_read.c -- a policy's text into numbers; every mistake with its line, its column and advice
 *
 * What stands here is the shape of the text. Keys that are absent take the defaults, which the canonical text writes out. */
#include "core/memory.h"
#include "files/input.h"
#include "party/policy_internal.h"
#include "secret/pool_policy.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL(member) (offsetof(hg_policy, model) + offsetof(hg_secret_model, member))
const hg_policy_field HG_POLICY_MODEL[HG_POLICY_MODEL_FIELDS] = {
    { "noise floor", offsetof(hg_policy, least_noise), HG_FIELD_REAL, 1e-4, 1, false },
    { "length median", MODEL(length_centre), HG_FIELD_REAL, 0, 1e6, false }, /* hg_secret_model_check knows better */
    { "length sd", MODEL(length_sd), HG_FIELD_REAL, 0, 1e6, false },
    { "noise median", MODEL(noise_centre), HG_FIELD_REAL, 0, 1e6, false },
    { "noise sd", MODEL(noise_sd), HG_FIELD_REAL, 0, 1e6, false },
    { "kappa", MODEL(kappa), HG_FIELD_REAL, 0, 1e6, false },
    { "sigma low", MODEL(sigma_low), HG_FIELD_INT, -1024, 1024, false },
    { "sigma levels", MODEL(sigma_levels), HG_FIELD_SIZE, 1, HG_SIGMA_LEVELS_MOST, false },
    { "fixed", MODEL(fixed), HG_FIELD_BOOL, 0, 1, false },
};
const hg_policy_field HG_POLICY_LIMITS[HG_POLICY_LIMIT_FIELDS] = {
    { "least candidates", offsetof(hg_policy, least_pool), HG_FIELD_SIZE, 2, HG_POOL_MOST, false },
    { "least foreign rows", offsetof(hg_policy, least_foreign), HG_FIELD_SIZE, 0, 1e6, false },
    { "entries", offsetof(hg_policy, most_entries), HG_FIELD_SIZE, 2, HG_POOL_MOST, false },
    { "padding", offsetof(hg_policy, padding), HG_FIELD_SIZE, 1, 4096, false },
    { "queries per data set", offsetof(hg_policy, dataset_budget), HG_FIELD_SIZE, 1, 1e6, true },
    { "proposals per query", offsetof(hg_policy, most_batch), HG_FIELD_SIZE, 1, HG_BATCH_MOST, true },
    { "release bits", offsetof(hg_policy, release_bits), HG_FIELD_UNSIGNED, 0, HG_RELEASE_MOST, false },
    { "plausibility", offsetof(hg_policy, plausibility), HG_FIELD_REAL, 0, 1e6, false },
    { "privacy epsilon", MODEL(epsilon), HG_FIELD_REAL, 0, 1e4, false },
    { "privacy budget", offsetof(hg_policy, epsilon_budget), HG_FIELD_REAL, 0, 1e6, true },
};
const char *const HG_POLICY_TIERS[] = { "properties", "indices", "compositions" };

static hg_status no_memory(const hg_policy_reader *r) {
    return hg_fail(r->y.err, HG_ENOMEM, "no memory for the policy %s", r->name);
}

static hg_status need(hg_policy_reader *r, const yaml_node_t *parent, const yaml_node_t *n, const char *key,
                      const char *example) {
    if (n) return HG_OK;
    return hg_advise(r->y.err, hg_yaml_fail(&r->y, parent, "\"%s\" is missing", key), "for example %s", example);
}

/* ---- numbers of the tables ---------------------------------------------------------------------------------------------- */

static hg_status read_field(hg_policy_reader *r, const hg_policy_field *f, const yaml_node_t *n) {
    void *at = (char *)r->p + f->at;
    int64_t whole;
    switch (f->kind) {
    case HG_FIELD_REAL: return hg_yaml_number(at, &r->y, n, f->least, f->most, f->key);
    case HG_FIELD_BOOL: return hg_yaml_bool(at, &r->y, n, f->key);
    default: break;
    }
    HG_TRY(hg_yaml_whole(&whole, &r->y, n, (int64_t)f->least, (int64_t)f->most, f->key));
    if (f->kind == HG_FIELD_SIZE)
        *(size_t *)at = (size_t)whole;
    else if (f->kind == HG_FIELD_UNSIGNED)
        *(unsigned *)at = (unsigned)whole;
    else
        *(int *)at = (int)whole;
    return HG_OK;
}

static hg_status read_limits(hg_policy_reader *r, const yaml_node_t *n) {
    const char *keys[HG_POLICY_LIMIT_FIELDS];
    const yaml_node_t *given[HG_POLICY_LIMIT_FIELDS] = { NULL };
    if (!n) return HG_OK;
    for (size_t i = 0; i < HG_POLICY_LIMIT_FIELDS; i++) keys[i] = HG_POLICY_LIMITS[i].key;
    HG_TRY(hg_yaml_keys(given, &r->y, n, keys, HG_POLICY_LIMIT_FIELDS, "limits"));
    for (size_t i = 0; i < HG_POLICY_LIMIT_FIELDS; i++)
        if (given[i]) HG_TRY(read_field(r, &HG_POLICY_LIMITS[i], given[i]));
    return HG_OK;
}

/* ---- the model ---------------------------------------------------------------------------------------------------------- */

enum { KERNEL = HG_POLICY_MODEL_FIELDS, LENGTHS, NOISES, ACQUISITION, N_MODEL };
static const char *const KERNELS[] = { "rbf", "matern52" };

static hg_status read_grid(double out[HG_GRID_MOST], size_t *count, hg_policy_reader *r, const yaml_node_t *n,
                           const char *what) {
    HG_TRY(hg_yaml_list(count, &r->y, n, HG_GRID_MOST, what));
    if (*count == 0) return hg_yaml_fail(&r->y, n, "%s: the list is empty", what);
    for (size_t i = 0; i < *count; i++)
        HG_TRY(hg_yaml_number(&out[i], &r->y, hg_yaml_item(&r->y, n, i), 1e-8, 1e8, what));
    return HG_OK;
}

static hg_status read_acquisition(hg_policy_reader *r, const yaml_node_t *n) {
    static const hg_acquisition ALLOWED[] = { HG_ACQ_UCB, HG_ACQ_THOMPSON, HG_ACQ_EI, HG_ACQ_PI };
    const char *names[4];
    const size_t count = r->p->tier == HG_TIER_PROPERTIES ? 4 : 2; /* secret/pool_state.h has the first two alone */
    size_t which;
    for (size_t i = 0; i < 4; i++) names[i] = hg_acquisition_name(ALLOWED[i]);
    HG_TRY(hg_yaml_choice(&which, &r->y, n, names, count, "acquisition"));
    r->p->model.acquisition = ALLOWED[which];
    return HG_OK;
}

static hg_status check_model(hg_policy_reader *r, const yaml_node_t *n) {
    const hg_secret_model *m = &r->p->model;
    hg_err why = { 0 };
    for (size_t i = 0; i < m->n_noise; i++)
        if (m->noise[i] < r->p->least_noise)
            return hg_advise(
                r->y.err,
                hg_yaml_fail(&r->y, n, "noises: %g lies below the noise floor %g", m->noise[i], r->p->least_noise),
                "raise it: below the floor fixed-point numbers lose the pivots");
    if (m->epsilon > 0 && !m->fixed)
        return hg_advise(r->y.err,
                         hg_yaml_fail(&r->y, n, "a privacy epsilon needs a model that does not depend on the data"),
                         "write \"fixed: true\" under model, with one length and one noise");
    if (m->epsilon > 0 && r->p->epsilon_budget < m->epsilon)
        return hg_yaml_fail(&r->y, n, "the privacy budget %g is below the epsilon of one query, %g",
                            r->p->epsilon_budget, m->epsilon);
    /* said here, before anybody signs: a policy that no server can answer would bind its project's name for good */
    const hg_status st =
        r->p->tier == HG_TIER_PROPERTIES ? hg_secret_model_check(m, &why) : hg_pool_model_check(m, &why);
    if (st == HG_OK || st == HG_ENOMEM) return st == HG_OK ? HG_OK : no_memory(r);
    return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "model: %s", why.msg), "%s", why.hint);
}

static hg_status read_model(hg_policy_reader *r, const yaml_node_t *root, const yaml_node_t *n) {
    const char *keys[N_MODEL];
    const yaml_node_t *given[N_MODEL] = { NULL };
    size_t which;
    if (!n) return check_model(r, root);
    for (size_t i = 0; i < HG_POLICY_MODEL_FIELDS; i++) keys[i] = HG_POLICY_MODEL[i].key;
    keys[KERNEL] = "kernel", keys[LENGTHS] = "lengths", keys[NOISES] = "noises", keys[ACQUISITION] = "acquisition";
    HG_TRY(hg_yaml_keys(given, &r->y, n, keys, N_MODEL, "model"));
    for (size_t i = 0; i < HG_POLICY_MODEL_FIELDS; i++)
        if (given[i]) HG_TRY(read_field(r, &HG_POLICY_MODEL[i], given[i]));
    if (given[KERNEL]) {
        HG_TRY(hg_yaml_choice(&which, &r->y, given[KERNEL], KERNELS, 2, "kernel"));
        r->p->model.matern = which == 1;
    }
    hg_secret_model *m = &r->p->model;
    if (given[LENGTHS]) HG_TRY(read_grid(m->length, &m->n_length, r, given[LENGTHS], "lengths"));
    if (given[NOISES]) HG_TRY(read_grid(m->noise, &m->n_noise, r, given[NOISES], "noises"));
    if (given[ACQUISITION]) HG_TRY(read_acquisition(r, given[ACQUISITION]));
    return check_model(r, n);
}

/* ---- target and features ------------------------------------------------------------------------------------------------ */

static hg_status read_range(double *low, double *high, hg_policy_reader *r, const yaml_node_t *parent,
                            const yaml_node_t *n_low, const yaml_node_t *n_high) {
    static const double MOST = 1e15;
    HG_TRY(need(r, parent, n_low, "low", "low: 0"));
    HG_TRY(need(r, parent, n_high, "high", "high: 2.5"));
    HG_TRY(hg_yaml_number(low, &r->y, n_low, -MOST, MOST, "low"));
    HG_TRY(hg_yaml_number(high, &r->y, n_high, -MOST, MOST, "high"));
    /* too narrow for its place on the line of numbers: scaled values would have no digits left */
    const double largest = fmax(fabs(*low), fabs(*high));
    if (*high - *low > largest * 1e-9 && *high - *low > 1e-200) return HG_OK;
    return hg_yaml_fail(&r->y, n_high, "high is not above low");
}

static hg_status read_target(hg_policy_reader *r, const yaml_node_t *n) {
    enum { COLUMN, UNIT, GOAL, LOW, HIGH, N };
    static const char *const KEYS[N] = { "column", "unit", "goal", "low", "high" };
    static const char *const GOALS[] = { "minimize", "maximize" };
    const yaml_node_t *given[N];
    size_t goal = 1;
    hg_policy *p = r->p;
    HG_TRY(hg_yaml_keys(given, &r->y, n, KEYS, N, "target"));
    HG_TRY(need(r, n, given[COLUMN], "column", "column: coercivity"));
    HG_TRY(hg_yaml_text(p->target, sizeof p->target, &r->y, given[COLUMN], "column"));
    if (given[UNIT] && hg_yaml_word(given[UNIT]) && *hg_yaml_word(given[UNIT]))
        HG_TRY(hg_yaml_text(p->unit, sizeof p->unit, &r->y, given[UNIT], "unit"));
    if (given[GOAL]) HG_TRY(hg_yaml_choice(&goal, &r->y, given[GOAL], GOALS, 2, "goal"));
    p->maximize = goal == 1;
    return read_range(&p->low, &p->high, r, n, given[LOW], given[HIGH]);
}

static hg_status read_feature(hg_policy_reader *r, const yaml_node_t *n, size_t i) {
    enum { COLUMN, LOW, HIGH, N };
    static const char *const KEYS[N] = { "column", "low", "high" };
    const yaml_node_t *given[N];
    char column[HG_COLUMN_SIZE];
    hg_policy *p = r->p;
    HG_TRY(hg_yaml_keys(given, &r->y, n, KEYS, N, "feature"));
    HG_TRY(need(r, n, given[COLUMN], "column", "{column: x (mm), low: 0, high: 10}"));
    HG_TRY(hg_yaml_text(column, sizeof column, &r->y, given[COLUMN], "column"));
    for (size_t k = 0; k < i; k++)
        if (!strcmp(p->feature[k], column)) return hg_yaml_fail(&r->y, n, "feature \"%s\" is listed twice", column);
    if (!strcmp(column, p->target)) return hg_yaml_fail(&r->y, n, "\"%s\" is the target, not a feature", column);
    if (!(p->feature[i] = hg_arena_strdup(p->arena, column))) return no_memory(r);
    return read_range(&p->scale_low[i], &p->scale_high[i], r, n, given[LOW], given[HIGH]);
}

static hg_status read_features(hg_policy_reader *r, const yaml_node_t *n) {
    size_t count;
    hg_policy *p = r->p;
    HG_TRY(hg_yaml_list(&count, &r->y, n, HG_FEATURES_MOST, "features"));
    if (count == 0) return hg_yaml_fail(&r->y, n, "features: the list is empty");
    p->feature = hg_alloc(p->arena, count, sizeof *p->feature);
    p->scale_low = hg_alloc(p->arena, count, sizeof *p->scale_low);
    p->scale_high = hg_alloc(p->arena, count, sizeof *p->scale_high);
    if (!p->feature || !p->scale_low || !p->scale_high) return no_memory(r);
    for (p->n_features = 0; p->n_features < count; p->n_features++)
        HG_TRY(read_feature(r, hg_yaml_item(&r->y, n, p->n_features), p->n_features));
    return HG_OK;
}

/* ---- members ------------------------------------------------------------------------------------------------------------ */

static hg_status read_key(unsigned char key[HG_PUBLIC_KEY], hg_policy_reader *r, const yaml_node_t *n,
                          const char *what) {
    const char *s = hg_yaml_word(n);
    if (s && hg_hex_read(key, HG_PUBLIC_KEY, s, strlen(s))) return HG_OK;
    return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "%s is not a key", what),
                     "64 hexadecimal digits, as hagane party init prints them");
}

static hg_status read_name(char out[HG_NAME_SIZE], hg_policy_reader *r, const yaml_node_t *n, const char *what) {
    const char *s = hg_yaml_word(n);
    size_t i = 0;
    while (s && s[i] && i < HG_NAME_SIZE &&
           strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", s[i]))
        i++;
    if (s && i > 0 && i < HG_NAME_SIZE && !s[i] && !strchr("-_.", *s)) {
        memcpy(out, s, i + 1);
        return HG_OK;
    }
    return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "%s is \"%.70s\"", what, s ? s : "a list or mapping"),
                     "letters, digits, '-', '_' and '.', a letter or digit first, at most %d", HG_NAME_SIZE - 1);
}

static hg_status read_roles(hg_member *m, hg_policy_reader *r, const yaml_node_t *n) {
    static const char *const ROLES[] = { "server", "owner", "user" };
    size_t count, which;
    HG_TRY(hg_yaml_list(&count, &r->y, n, 3, "roles"));
    bool *const role[] = { &m->server, &m->owner, &m->user };
    for (size_t i = 0; i < count; i++) {
        HG_TRY(hg_yaml_choice(&which, &r->y, hg_yaml_item(&r->y, n, i), ROLES, 3, "role"));
        *role[which] = true;
    }
    if (count == 0) return hg_yaml_fail(&r->y, n, "%s has no role", m->name);
    if (m->server && (m->owner || m->user))
        return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "%s is a server and something else", m->name),
                         "give the organisation's other role a member of its own, with its own key");
    return HG_OK;
}

enum { NAME, ROLES_KEY, KEY, OLD_KEY, SEAL, BUDGET, N_MEMBER };

static hg_status read_member_keys(hg_member *m, hg_policy_reader *r, const yaml_node_t *n,
                                  const yaml_node_t *const given[]) {
    HG_TRY(need(r, n, given[KEY], "key", "key: 3b6a27bc..., 64 hexadecimal digits"));
    HG_TRY(read_key(m->key, r, given[KEY], "key"));
    if (given[OLD_KEY]) {
        m->has_old_key = true;
        HG_TRY(read_key(m->old_key, r, given[OLD_KEY], "old key"));
    }
    if (!m->server == !given[SEAL]) return m->server ? read_key(m->seal, r, given[SEAL], "seal") : HG_OK;
    return m->server ? need(r, n, NULL, "seal", "seal: 64 hexadecimal digits, the server's sealing key")
                     : hg_yaml_fail(&r->y, given[SEAL], "seal: only a server has a sealing key");
}

static hg_status read_member(hg_member *m, hg_policy_reader *r, const yaml_node_t *n) {
    static const char *const KEYS[N_MEMBER] = { "name", "roles", "key", "old key", "seal", "budget" };
    const yaml_node_t *given[N_MEMBER];
    HG_TRY(hg_yaml_keys(given, &r->y, n, KEYS, N_MEMBER, "member"));
    HG_TRY(need(r, n, given[NAME], "name", "name: aist"));
    HG_TRY(read_name(m->name, r, given[NAME], "name"));
    HG_TRY(need(r, n, given[ROLES_KEY], "roles", "roles: [owner, user]"));
    HG_TRY(read_roles(m, r, given[ROLES_KEY]));
    HG_TRY(read_member_keys(m, r, n, given));
    if (given[BUDGET] && !m->user) return hg_yaml_fail(&r->y, given[BUDGET], "budget: %s is no user", m->name);
    int64_t budget = m->user ? 20 : 0;
    if (given[BUDGET]) HG_TRY(hg_yaml_whole(&budget, &r->y, given[BUDGET], 1, 1000000, "budget"));
    m->budget = (size_t)budget;
    return HG_OK;
}

static bool same_key(const unsigned char *a, const unsigned char *b) { return memcmp(a, b, HG_PUBLIC_KEY) == 0; }

/* Two members with one key, or one key in two places, would be one organisation in two roles. */
static hg_status check_member(hg_policy_reader *r, const yaml_node_t *n, size_t i) {
    const hg_policy *p = r->p;
    const hg_member *m = &p->member[i];
    if (m->has_old_key && same_key(m->key, m->old_key))
        return hg_yaml_fail(&r->y, n, "%s: key and old key are the same", m->name);
    for (size_t k = 0; k < i; k++) {
        const hg_member *o = &p->member[k];
        if (!strcmp(o->name, m->name)) return hg_yaml_fail(&r->y, n, "member \"%s\" is listed twice", m->name);
        if (same_key(m->key, o->key) || (o->has_old_key && same_key(m->key, o->old_key)) ||
            (m->has_old_key && same_key(m->old_key, o->key)) ||
            (m->has_old_key && o->has_old_key && same_key(m->old_key, o->old_key)))
            return hg_yaml_fail(&r->y, n, "%s and %s have the same key", o->name, m->name);
        if (m->server && o->server && same_key(m->seal, o->seal))
            return hg_yaml_fail(&r->y, n, "%s and %s have the same sealing key", o->name, m->name);
    }
    if (!hg_policy_revoked(p, m->key) && !(m->has_old_key && hg_policy_revoked(p, m->old_key))) return HG_OK;
    return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "%s has a key that is revoked", m->name),
                     "give the member its new key, and leave out the old one");
}

static hg_status read_members(hg_policy_reader *r, const yaml_node_t *n) {
    size_t count, owners = 0, users = 0;
    unsigned servers = 0;
    hg_policy *p = r->p;
    HG_TRY(hg_yaml_list(&count, &r->y, n, HG_MEMBERS_MOST, "members"));
    p->member = hg_alloc(p->arena, count, sizeof *p->member);
    if (!p->member) return no_memory(r);
    for (p->n_members = 0; p->n_members < count; p->n_members++) {
        hg_member *m = &p->member[p->n_members];
        const yaml_node_t *item = hg_yaml_item(&r->y, n, p->n_members);
        HG_TRY(read_member(m, r, item));
        HG_TRY(check_member(r, item, p->n_members));
        if (m->server) m->party = servers++;
        owners += m->owner;
        users += m->user;
    }
    if (servers != HG_SLOTS) return hg_yaml_fail(&r->y, n, "members: %u servers, expected 3", servers);
    if (owners == 0) return hg_yaml_fail(&r->y, n, "members: nobody is an owner");
    if (users == 0) return hg_yaml_fail(&r->y, n, "members: nobody is a user");
    return HG_OK;
}

static hg_status read_revoked(hg_policy_reader *r, const yaml_node_t *n) {
    size_t count;
    hg_policy *p = r->p;
    if (!n) return HG_OK;
    HG_TRY(hg_yaml_list(&count, &r->y, n, HG_REVOKED_MOST, "revoked"));
    p->revoked = hg_alloc(p->arena, count, sizeof *p->revoked);
    if (!p->revoked) return no_memory(r);
    for (; p->n_revoked < count; p->n_revoked++)
        HG_TRY(read_key(p->revoked[p->n_revoked], r, hg_yaml_item(&r->y, n, p->n_revoked), "revoked"));
    return HG_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

static hg_status read_time(int64_t *out, hg_policy_reader *r, const yaml_node_t *parent, const yaml_node_t *n,
                           const char *key) {
    HG_TRY(need(r, parent, n, key, "2025-01-31, or 2025-01-31T12:00:00Z"));
    if (hg_yaml_word(n) && hg_time_read(out, hg_yaml_word(n))) return HG_OK;
    return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "%s is no date", key),
                     "2025-01-31, or 2025-01-31T12:00:00Z (UTC)");
}

static hg_status read_valid(hg_policy_reader *r, const yaml_node_t *n) {
    static const char *const KEYS[] = { "from", "until" };
    const yaml_node_t *given[2];
    HG_TRY(hg_yaml_keys(given, &r->y, n, KEYS, 2, "valid"));
    HG_TRY(read_time(&r->p->not_before, r, n, given[0], "from"));
    HG_TRY(read_time(&r->p->expires, r, n, given[1], "until"));
    return r->p->not_before < r->p->expires ? HG_OK : hg_yaml_fail(&r->y, given[1], "until is not after from");
}

static hg_status read_replaces(hg_policy_reader *r, const yaml_node_t *n) {
    const char *s = n ? hg_yaml_word(n) : "none";
    if (s && !strcmp(s, "none")) return HG_OK;
    r->p->has_replaced = s && hg_hex_read(r->p->replaces, HG_DIGEST, s, strlen(s));
    if (r->p->has_replaced) return HG_OK;
    return hg_yaml_fail(&r->y, n, "replaces is the digest of the policy before this one, or none");
}

static hg_status read_candidates(hg_policy_reader *r, const yaml_node_t *root, const yaml_node_t *pool,
                                 const yaml_node_t *limits) {
    hg_policy *p = r->p;
    if (p->tier == HG_TIER_COMPOSITIONS) {
        if (pool)
            return hg_advise(r->y.err, hg_yaml_fail(&r->y, pool, "tier compositions has no public pool"),
                             "candidates are shared: hagane party share --candidates");
        if (p->most_entries < p->least_pool)
            return hg_advise(r->y.err,
                             hg_yaml_fail(&r->y, limits ? limits : root,
                                          "entries is %zu, expected at least the least candidates, %zu",
                                          p->most_entries, p->least_pool),
                             "entries: how many candidates and data rows there may be together, for example 256");
        p->n_candidates = p->most_entries;
        return HG_OK;
    }
    if (p->most_entries)
        return hg_yaml_fail(&r->y, limits ? limits : root,
                            "entries belongs to tier compositions; here the pool says it");
    HG_TRY(need(r, root, pool, "pool", "pool: {file: pool.csv}"));
    HG_TRY(hg_policy_read_pool(r, pool));
    for (size_t k = 0; k < p->n_features; k++)
        if (!strcmp(p->feature[k], p->id_column)) return hg_yaml_fail(&r->y, pool, "pool: id is a feature as well");
    p->most_entries = p->n_pool;
    if (p->n_candidates >= p->least_pool) return HG_OK;
    return hg_advise(r->y.err,
                     hg_yaml_fail(&r->y, pool, "pool: %zu candidates, fewer than the least candidates, %zu",
                                  p->n_candidates, p->least_pool),
                     "a short list of candidates turns answers into questions about single values");
}

static hg_status read_document(hg_policy_reader *r) {
    enum {
        VERSION,
        PROJECT,
        TIER,
        MODE,
        VALID,
        REPLACES,
        TARGET,
        FEATURES,
        POOL,
        MODEL_KEY,
        LIMITS,
        MEMBERS,
        REVOKED,
        N
    };
    static const char *const KEYS[N] = { "hagane policy", "project", "tier",  "mode",   "valid",   "replaces", "target",
                                         "features",      "pool",    "model", "limits", "members", "revoked" };
    static const char *const EXAMPLES[N] = {
        [VERSION] = "hagane policy: 1",
        [PROJECT] = "project: magnets",
        [TIER] = "tier: properties",
        [MODE] = "mode: semi-honest",
        [VALID] = "valid: {from: 2025-01-01, until: 2026-01-01}",
        [TARGET] = "target: {column: Hc (T), goal: maximize, low: 0, high: 3}",
        [FEATURES] = "features: [{column: x, low: 0, high: 1}]",
        [MEMBERS] = "members: [{name: a, roles: [server], key: ..., seal: ...}, ...]",
    };
    const char *const modes[] = { hg_mode_name(HG_SEMI_HONEST), hg_mode_name(HG_MALICIOUS) };
    const yaml_node_t *root = hg_yaml_root(&r->y), *given[N];
    hg_policy *p = r->p;
    int64_t version;
    size_t which;
    HG_TRY(hg_yaml_keys(given, &r->y, root, KEYS, N, "policy"));
    for (size_t k = 0; k < N; k++)
        if (EXAMPLES[k]) HG_TRY(need(r, root, given[k], KEYS[k], EXAMPLES[k]));
    HG_TRY(hg_yaml_whole(&version, &r->y, given[VERSION], 1, 1, "hagane policy"));
    HG_TRY(read_name(p->project, r, given[PROJECT], "project"));
    HG_TRY(hg_yaml_choice(&which, &r->y, given[TIER], HG_POLICY_TIERS, HG_TIER_COMPOSITIONS, "tier"));
    p->tier = (hg_tier)(which + 1);
    if (p->tier != HG_TIER_PROPERTIES) hg_pool_model_default(&p->model);
    HG_TRY(hg_yaml_choice(&which, &r->y, given[MODE], modes, 2, "mode"));
    p->mode = which == 1 ? HG_MALICIOUS : HG_SEMI_HONEST;
    HG_TRY(read_valid(r, given[VALID]));
    HG_TRY(read_replaces(r, given[REPLACES]));
    HG_TRY(read_target(r, given[TARGET]));
    HG_TRY(read_features(r, given[FEATURES]));
    HG_TRY(read_limits(r, given[LIMITS]));
    HG_TRY(read_model(r, root, given[MODEL_KEY]));
    HG_TRY(read_candidates(r, root, given[POOL], given[LIMITS]));
    HG_TRY(read_revoked(r, given[REVOKED]));
    return read_members(r, given[MEMBERS]);
}

static hg_status set_digests(hg_policy *p, hg_err *err) {
    hg_text text = hg_text_new(HG_POLICY_BYTES);
    hg_status st = hg_policy_write(&text, p, err);
    if (st == HG_OK) hg_digest(p->digest, "policy", text.s, text.len);
    hg_text_free(&text);
    if (st != HG_OK || !p->pool) return st;
    hg_policy_write_pool(&text, p, 0);
    st = text.failed ? hg_fail(err, HG_ENOMEM, "no memory for the pool") : HG_OK;
    if (st == HG_OK) hg_digest(p->pool_digest, "pool", text.s, text.len);
    hg_text_free(&text);
    return st;
}

static void set_defaults(hg_policy *p) {
    hg_secret_model_default(&p->model);
    p->maximize = true;
    p->least_noise = 1e-4;
    p->padding = 8;
    p->least_pool = 32;
    p->least_foreign = 3;
    p->dataset_budget = 20;
    p->most_batch = 1;
    p->plausibility = 16;
}

static hg_status read_policy(hg_policy **out, const char *name, const char *folder, const void *bytes, size_t n,
                             hg_err *err) {
    *out = NULL;
    if (n > HG_POLICY_BYTES)
        return hg_fail_at(err, HG_ELIMIT, name, 0, 0, "a policy has at most %d MiB", HG_POLICY_BYTES >> 20);
    hg_arena *arena = hg_arena_new();
    hg_policy *p = hg_alloc(arena, 1, sizeof *p);
    if (!p) {
        hg_arena_free(arena);
        return hg_fail(err, HG_ENOMEM, "no memory for the policy %s", name);
    }
    p->arena = arena;
    set_defaults(p);
    hg_policy_reader r = { .p = p, .name = name, .folder = folder, .text = bytes, .len = n };
    hg_status st = hg_yaml_load(&r.y, name, bytes, n, err);
    if (st == HG_OK) {
        st = read_document(&r);
        hg_yaml_free(&r.y);
    }
    if (st == HG_OK) st = set_digests(p, err);
    if (st != HG_OK) {
        hg_policy_free(p);
        return st;
    }
    *out = p;
    return HG_OK;
}

hg_status hg_policy_read(hg_policy **out, const char *name, const void *bytes, size_t n, hg_err *err) {
    return read_policy(out, name, NULL, bytes, n, err);
}

hg_status hg_policy_load(hg_policy **out, const char *path, hg_err *err) {
    hg_input_opts o = hg_input_opts_default();
    hg_input *in;
    *out = NULL;
    o.max_bytes = HG_POLICY_BYTES + 1; /* one more than is taken, so that too long is told apart */
    HG_TRY(hg_input_open(&in, path, &o, err));
    const char *slash = strrchr(path, '/');
    const size_t folder_len = slash ? (size_t)(slash - path) + 1 : 0;
    size_t len = 0;
    char *text = hg_malloc(1, HG_POLICY_BYTES + 1), *folder = hg_malloc(folder_len + 1, 1);
    hg_status st = text && folder ? hg_input_read(&len, in, text, HG_POLICY_BYTES + 1, err)
                                  : hg_fail(err, HG_ENOMEM, "no memory to read %s", path);
    if (st == HG_OK) {
        memcpy(folder, path, folder_len);
        folder[folder_len] = '\0';
        st = read_policy(out, hg_input_name(in), folder, text, len, err);
    }
    hg_free(text);
    hg_free(folder);
    hg_input_free(in);
    return st;
}
