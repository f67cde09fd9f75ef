/* library/glass.c -- see library/glass.h: training to a folder */
#include "library/glass.h"
#include "core/memory.h"
#include "core/number.h"
#include "files/hash.h"
#include "library/folder.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *words;
} TIER[HG_GLASS_STATES] = {
    [HG_GLASS_THERMAL] = { "S0", "thermal snapshot alone" },
    [HG_GLASS_INHERENT] = { "S1", "inherent structure" },
    [HG_GLASS_CAGE] = { "S2", "cage state" },
};

const char *hg_glass_tier(hg_glass_state state) { return TIER[state].name; }
const char *hg_glass_tier_words(hg_glass_state state) { return TIER[state].words; }

bool hg_glass_wanted(const hg_snapshot *s, hg_glass_part part) {
    if (part == HG_GLASS_ALL || !*s->split) return true;
    return (strcmp(s->split, "train") == 0) == (part == HG_GLASS_TO_LEARN);
}

/* ---- learning -------------------------------------------------------------------------------------------------------- */

enum { FOLDS = 10 };

typedef struct {
    const hg_glass_lessons *l;
    hg_snapshot_set *set;
    hg_floor_fit *fit;
    hg_floor *model;
    hg_floor_scores *scores;
    hg_hash *hash;
    char digest[HG_HASH_SIZE];
    int64_t liquid[FOLDS]; /* the last one that went into each fold */
    size_t folded;
    const char *folder, *weights;
} teaching;

/* Snapshots of one liquid in a row share a fold, and so do those of a liquid that is met again. */
static size_t fold_of(teaching *t, const hg_snapshot *s) {
    for (size_t f = 0; s->liquid >= 0 && f < FOLDS && f < t->folded; f++)
        if (t->liquid[f] == s->liquid) return f;
    const size_t next = s->liquid < 0 ? t->folded % FOLDS : t->folded < FOLDS ? t->folded : (size_t)(s->liquid % FOLDS);
    t->liquid[next] = s->liquid;
    t->folded++;
    return next;
}

static hg_status note(teaching *t, const hg_snapshot *s, hg_err *err) {
    HG_TRY(hg_hash_add(t->hash, s->species, s->n, err));
    HG_TRY(hg_hash_add(t->hash, s->x, s->n * 3 * sizeof *s->x, err));
    return s->propensity ? hg_hash_add(t->hash, s->propensity, s->n_times * s->n * sizeof *s->propensity, err) : HG_OK;
}

static hg_status learn_one(teaching *t, hg_snapshot *s, hg_arena *mem, hg_err *err) {
    if (!hg_glass_wanted(s, t->l->all ? HG_GLASS_ALL : HG_GLASS_TO_LEARN)) return HG_OK;
    HG_TRY(note(t, s, err));
    if (!t->fit) {
        if (!s->n_times)
            return hg_advise(err, hg_fail(err, HG_EDATA, "%s: it has no labels to learn from", s->id),
                             "where the file has them but not their time, --label-time says it");
        HG_TRY(hg_floor_begin(&t->fit, t->l->state, s->time, s->n_times, FOLDS, t->l->bonds, t->l->thermal, err));
        if (t->l->networks) HG_TRY(hg_floor_with_networks(t->fit, t->l->networks, err));
    }
    HG_TRY(hg_glass_prepare(s, t->l->state, t->l->pool, NULL, mem, err));
    return hg_floor_learn(t->fit, s, fold_of(t, s), t->l->pool, err);
}

static hg_status learn_all(teaching *t, hg_arena *mem, hg_err *err) {
    const size_t n = hg_snapshot_set_count(t->set);
    for (size_t k = 0; k < n; k++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_snapshot *s;
        HG_TRY(hg_snapshot_set_read(&s, t->set, k, mem, err));
        HG_TRY(learn_one(t, s, mem, err));
        hg_arena_reset(mem, mark);
        if (!hg_progress(t->l->hooks, "snapshots", k + 1, n))
            return hg_fail(err, HG_ECANCEL, "interrupted: no model was made");
    }
    if (!t->fit)
        return hg_advise(err, hg_fail(err, HG_EDATA, "none of %zu snapshots is there to learn from", n),
                         "they say that they are for testing; --all takes them, too");
    HG_TRY(hg_hash_hex(t->digest, t->hash, err));
    return hg_floor_end(&t->model, t->scores, t->fit, t->l->pool, err);
}

/* ---- the folder ------------------------------------------------------------------------------------------------------ */

static hg_status write_weights(void *ctx, const char *path, hg_err *err) {
    teaching *t = ctx;
    t->weights = path;
    return hg_floor_save(path, t->model, err);
}

enum { METRIC_NAME = 80 };

static void add_metric(hg_card_property *p, hg_card_number *m, char (*name)[METRIC_NAME], const char *what,
                       const char *of, double time, double value) {
    if (p->n_metrics == HG_CARD_METRICS_MOST || isnan(value)) return;
    hg_print(name[p->n_metrics], METRIC_NAME, "%s of %s at time %.6g, folds left out", what, of, time);
    m[p->n_metrics] = (hg_card_number) { name[p->n_metrics], "", value };
    p->n_metrics++;
}

/* What networks were found to be worth, also where that is nothing. */
static void add_gain(hg_card_property *p, hg_card_number *m, char (*name)[METRIC_NAME], const char *of, double time,
                     const hg_floor_gain *gain) {
    add_metric(p, m, name, "gain of rho by networks", of, time, gain->gain);
    add_metric(p, m, name, "share of networks", of, time, gain->share);
}

/* How it was learned, and of which liquids: what it may be used for. */
static void method_words(char *out, size_t size, const hg_floor_facts *f, size_t snapshots) {
    char at[64] = "";
    if (isfinite(f->coldest) && f->hottest > f->coldest)
        hg_print(at, sizeof at, ", T = %.4g to %.4g", f->coldest, f->hottest);
    else if (isfinite(f->coldest))
        hg_print(at, sizeof at, ", T = %.4g", f->coldest);
    const int n = hg_print(out, size, "ridge on averaged descriptors%s, tier %s: %s; from %zu snapshots%s, t = %.6g",
                           f->networks ? ", corrected by equivariant networks" : "", hg_glass_tier(f->state),
                           hg_glass_tier_words(f->state), snapshots, at, f->time[0]);
    if (n > 0 && (size_t)n < size && f->n_times > 1)
        hg_print(out + n, size - (size_t)n, " to %.6g", f->time[f->n_times - 1]);
}

static hg_status write_card(void *ctx, const char *path, hg_err *err) {
    static const char *const NAME[HG_GLASS_SPECIES] = { "A", "B" };
    const teaching *t = ctx;
    const hg_floor_facts facts = hg_floor_about(t->model);
    char name[256], method[256], data[256], metric[2][HG_CARD_METRICS_MOST][METRIC_NAME];
    hg_card_number number[2][HG_CARD_METRICS_MOST];
    hg_folder_name(name, sizeof name, t->folder);
    hg_folder_name(data, sizeof data, t->l->data ? t->l->data : "");
    method_words(method, sizeof method, &facts, t->scores->snapshots);
    hg_card_data seen = { .role = "train", .file = data, .rows = t->scores->particles };
    memcpy(seen.sha256, t->digest, sizeof seen.sha256);
    static const char TIME_UNIT[] = "sigma (m/epsilon)^(1/2)";
    const hg_card_number option[] = {
        { "tier", "", (double)facts.state },        { "snapshots", "", (double)t->scores->snapshots },
        { "coldest", "epsilon/k", facts.coldest },  { "hottest", "epsilon/k", facts.hottest },
        { "least time", TIME_UNIT, facts.time[0] }, { "most time", TIME_UNIT, facts.time[facts.n_times - 1] },
        { "networks", "", (double)facts.networks }
    };
    hg_card c = { .name = t->l->name ? t->l->name : name,
                  .architecture = hg_glass_kind_find("floor")->version,
                  .method = method,
                  .source = t->l->source,
                  .licence = t->l->licence,
                  .split = "folds are liquids, or snapshots where liquids are not told",
                  .data = &seen,
                  .n_data = 1,
                  .options = option,
                  .n_options = sizeof option / sizeof *option - (facts.networks == 0),
                  .n_properties = facts.bonds ? 2 : 1 };
    c.property[0] = (hg_card_property) { .what = { "propensity", "mean distance that a particle goes", "sigma" },
                                         .metrics = number[0] };
    c.property[1] = (hg_card_property) { .what = { "stretch", "mean change of the length of a bond", "sigma" },
                                         .metrics = number[1] };
    for (size_t i = 0; i < facts.n_times; i++) {
        const double time = facts.time[i];
        for (size_t k = 0; k < HG_GLASS_SPECIES; k++)
            add_metric(&c.property[0], number[0], metric[0], "rho", NAME[k], time, t->scores->node[k][i].rho);
        if (facts.bonds) add_metric(&c.property[1], number[1], metric[1], "rho", "AA", time, t->scores->bond[0][i].rho);
    }
    for (size_t i = 0; t->l->networks && i < facts.n_times; i++) {
        for (size_t k = 0; k < HG_GLASS_SPECIES; k++)
            add_gain(&c.property[0], number[0], metric[0], NAME[k], facts.time[i], &t->scores->node_gain[k][i]);
        if (facts.bonds)
            add_gain(&c.property[1], number[1], metric[1], "AA", facts.time[i], &t->scores->bond_gain[0][i]);
    }
    HG_TRY(hg_hash_file(c.weights_sha256, t->weights, err));
    return hg_card_write(&c, path, err);
}

hg_status hg_glass_train(hg_floor_scores *scores, const char *folder, hg_snapshot_set *set, const hg_glass_lessons *l,
                         hg_err *err) {
    static const hg_folder_file FILES[] = { { "weights.safetensors", write_weights }, { "card.json", write_card } };
    teaching t = { .l = l, .set = set, .scores = scores, .folder = folder };
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? hg_hash_new(&t.hash, err) : hg_fail(err, HG_ENOMEM, "no memory for snapshots");
    if (st == HG_OK) st = learn_all(&t, mem, err);
    if (st == HG_OK) st = hg_folder_write(folder, FILES, 2, &t, err);
    hg_hash_free(t.hash);
    hg_floor_fit_free(t.fit);
    hg_floor_free(t.model);
    hg_arena_free(mem);
    return st;
}

static hg_status open_card(hg_glass_model **out, const char *folder, hg_arena *mem, hg_err *err) {
    char path[HG_FOLDER_PATH];
    const char *text;
    hg_card card;
    HG_TRY(hg_folder_card(&card, &text, path, folder, mem, err));
    const hg_glass_kind *kind = hg_glass_kind_find(card.architecture);
    if (!kind)
        return hg_advise(err,
                         hg_fail(err, HG_ENOTFOUND, "\"%s\" is no model of liquids: its architecture is \"%s\"",
                                 card.name, card.architecture),
                         "models of liquids are made by hagane glass train; others are used by hagane predict");
    HG_TRY(hg_folder_of_card(path, folder, &card, err));
    return hg_glass_model_load(out, kind, path, err);
}

hg_status hg_glass_open(hg_glass_model **out, const char *folder, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    *out = NULL;
    const hg_status st = mem ? open_card(out, folder, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for a card");
    hg_arena_free(mem);
    return st;
}
