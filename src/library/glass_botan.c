/* library/glass_botan.c -- see library/glass_botan.h */
#include "library/glass_botan.h"
#include "core/memory.h"
#include "files/hash.h"
#include "hagane/weights.h"
#include "library/folder.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VALIDATE_FROM = 4 /* snapshots */, VALIDATE_PART = 10, PATH = 4096 };

typedef struct {
    const hg_glass_lessons *l;
    hg_glass_botan_opts o;
    hg_glass_botan_result r;
    hg_botan *b;
    hg_arena *mem;
    hg_hash *hash;
    char digest[HG_HASH_SIZE];
    size_t n, cap, particles, paired; /* paired: snapshots with labels of pairs */
    const hg_botan_graph **graph;     /* [n] */
    const hg_botan_labels **label;
    int64_t *liquid;
    const char *folder, *weights;
} course;

hg_glass_botan_opts hg_glass_botan_opts_default(void) {
    return (hg_glass_botan_opts) { .time = NAN, .epochs = 20, .rate = 1e-4 };
}

/* ---- snapshots ---------------------------------------------------------------------------------------------------------- */

static hg_status find_time(size_t *k, course *c, const hg_snapshot *s, hg_err *err) {
    if (!s->n_times)
        return hg_advise(err, hg_fail(err, HG_EDATA, "%s: it has no labels to learn from", s->id),
                         "where the file has them but not their time, --label-time says it");
    if (isnan(c->r.time)) c->r.time = isnan(c->o.time) ? s->time[s->n_times - 1] : c->o.time;
    for (*k = 0; *k < s->n_times; ++*k)
        if (fabs(s->time[*k] - c->r.time) <= 1e-3 * c->r.time) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EDATA, "%s: it has no labels of time %g", s->id, c->r.time),
                     "BOTAN learns one time; all snapshots must have it");
}

static void note_temperature(hg_botan_about *a, double temperature) {
    a->coldest = fmin(a->coldest, temperature); /* fmin and fmax pass over what is not known */
    a->hottest = fmax(a->hottest, temperature);
}

static hg_status keep(course *c, const hg_snapshot *s, hg_err *err) {
    size_t k = 0;
    HG_TRY(find_time(&k, c, s, err));
    size_t caps[3] = { c->cap, c->cap, c->cap };
    const bool grown = hg_grow(&c->graph, &caps[0], c->n + 1, sizeof *c->graph) &&
                       hg_grow(&c->label, &caps[1], c->n + 1, sizeof *c->label) &&
                       hg_grow(&c->liquid, &caps[2], c->n + 1, sizeof *c->liquid);
    hg_botan_graph *g = hg_alloc(c->mem, 1, sizeof *g);
    hg_botan_labels *y = hg_alloc(c->mem, 1, sizeof *y);
    uint8_t *species = hg_alloc(c->mem, s->n, 1);
    if (!grown || !g || !y || !species) return hg_fail(err, HG_ENOMEM, "no memory for %zu snapshots", c->n + 1);
    c->cap = caps[0];
    HG_TRY(hg_hash_add(c->hash, s->x, s->n * 3 * sizeof *s->x, err));
    HG_TRY(hg_botan_graph_make(g, s, c->mem, err));
    HG_TRY(hg_botan_labels_make(y, g, s, k, c->mem, err));
    memcpy(species, s->species, s->n);
    g->species = species; /* the snapshot's own goes */
    c->graph[c->n] = g;
    c->label[c->n] = y;
    c->liquid[c->n++] = s->liquid;
    c->particles += s->n;
    c->paired += y->edges > 0;
    note_temperature(&c->b->about, s->temperature);
    return HG_OK;
}

static hg_status read_all(course *c, hg_snapshot_set *set, hg_err *err) {
    const size_t n = hg_snapshot_set_count(set);
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for snapshots");
    for (size_t k = 0; k < n && st == HG_OK; k++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_snapshot *s;
        st = hg_snapshot_set_read(&s, set, k, mem, err);
        if (st == HG_OK && hg_glass_wanted(s, c->l->all ? HG_GLASS_ALL : HG_GLASS_TO_LEARN)) st = keep(c, s, err);
        hg_arena_reset(mem, mark);
    }
    hg_arena_free(mem);
    if (st == HG_OK && c->n == 0)
        return hg_advise(err, hg_fail(err, HG_EDATA, "none of %zu snapshots is there to learn from", n),
                         "they say that they are for testing; --all takes them, too");
    if (st == HG_OK) st = hg_hash_hex(c->digest, c->hash, err);
    return st;
}

/* How many of the first are to learn from: the others share no liquid with them. */
static size_t to_learn(const course *c) {
    if (c->n < VALIDATE_FROM) return c->n;
    size_t n = c->n - (c->n + VALIDATE_PART - 1) / VALIDATE_PART;
    for (size_t i = 0; i < n; i++)
        for (size_t k = n; k < c->n && c->liquid[i] >= 0; k++)
            if (c->liquid[i] == c->liquid[k]) n = i;
    return n ? n : c->n;
}

/* ---- training -------------------------------------------------------------------------------------------------------------- */

static hg_status begin_with(course *c, hg_err *err) {
    static const char FLAT[] = ".f32";
    const char *path = c->o.start;
    const size_t n = path ? strlen(path) : 0, end = sizeof FLAT - 1;
    if (!path) return HG_OK;
    if (n > end && strcmp(path + n - end, FLAT) == 0) return hg_botan_read_flat(c->b, path, err);
    return hg_params_load(c->b->params, path, "", err);
}

static hg_status learn(course *c, double p, size_t epochs, const char *ending, hg_err *err) {
    const size_t n = to_learn(c);
    char checkpoint[PATH];
    hg_train_result result;
    hg_botan_opts o = hg_botan_opts_default();
    const hg_botan_data train = { n, c->graph, c->label }, validation = { c->n - n, c->graph + n, c->label + n };
    if (epochs == 0) return HG_OK;
    o.p = p;
    o.train.epochs = epochs;
    o.train.rate = c->o.rate;
    o.train.seed = c->o.seed;
    o.train.pool = c->l->pool;
    o.train.hooks = c->l->hooks;
    if (c->o.checkpoint) {
        if (snprintf(checkpoint, sizeof checkpoint, "%s%s", c->o.checkpoint, ending) >= (int)sizeof checkpoint)
            return hg_fail(err, HG_EINVAL, "the name of the checkpoint is too long");
        o.train.checkpoint = checkpoint;
        o.train.resume = true;
    }
    HG_TRY(hg_botan_fit(c->b, &result, &train, &validation, &o, err));
    c->r.train = n;
    c->r.validation = c->n - n;
    c->r.best_epoch = result.best_epoch;
    c->r.rho = c->n > n ? 1 - result.metric : (double)NAN;
    return HG_OK;
}

/* ---- the folder -------------------------------------------------------------------------------------------------------------- */

static hg_status write_weights(void *ctx, const char *path, hg_err *err) {
    course *c = ctx;
    c->weights = path;
    return hg_botan_save(c->b, path, err);
}

static hg_status write_card(void *ctx, const char *path, hg_err *err) {
    const course *c = ctx;
    char name[256], data[256];
    hg_folder_name(name, sizeof name, c->folder);
    hg_folder_name(data, sizeof data, c->l->data ? c->l->data : "");
    hg_card_data seen = { .role = "train", .file = data, .rows = c->particles };
    memcpy(seen.sha256, c->digest, sizeof seen.sha256);
    const hg_card_number option[] = { { "snapshots", "", (double)c->r.train },
                                      { "validation snapshots", "", (double)c->r.validation },
                                      { "time", "sigma (m/epsilon)^(1/2)", c->r.time },
                                      { "coldest", "epsilon/k", c->b->about.coldest },
                                      { "hottest", "epsilon/k", c->b->about.hottest },
                                      { "epochs on pairs", "", (double)c->o.pair_epochs },
                                      { "epochs", "", (double)c->o.epochs },
                                      { "best epoch", "", (double)c->r.best_epoch },
                                      { "learning rate", "", c->o.rate } };
    hg_card_number rho = { "rho of A, validation snapshots", "", c->r.rho };
    hg_card card = { .name = c->l->name ? c->l->name : name,
                     .architecture = hg_glass_kind_find("botan")->version,
                     .method = "BOTAN as published, tier S0: thermal snapshot alone",
                     .source = c->l->source,
                     .licence = c->l->licence,
                     .split = "the last tenth of the snapshots is for validation, whole liquids",
                     .data = &seen,
                     .n_data = 1,
                     .options = option,
                     .n_options = sizeof option / sizeof *option,
                     .n_properties = 2 };
    card.property[0] = (hg_card_property) { .what = { "propensity", "mean distance that a particle goes", "sigma" },
                                            .metrics = &rho,
                                            .n_metrics = c->r.validation ? 1 : 0 };
    card.property[1] =
        (hg_card_property) { .what = { "stretch", "mean change of the length of a bond", "sigma" }, .metrics = NULL };
    HG_TRY(hg_hash_file(card.weights_sha256, c->weights, err));
    return hg_card_write(&card, path, err);
}

static hg_status take_course(course *c, hg_snapshot_set *set, hg_err *err) {
    static const hg_folder_file FILES[] = { { "weights.safetensors", write_weights }, { "card.json", write_card } };
    c->mem = hg_arena_new();
    if (!c->mem) return hg_fail(err, HG_ENOMEM, "no memory for snapshots");
    HG_TRY(hg_hash_new(&c->hash, err));
    HG_TRY(hg_botan_new(&c->b, &(hg_params_opts) { .seed = c->o.seed }, err));
    HG_TRY(begin_with(c, err));
    HG_TRY(read_all(c, set, err));
    HG_TRY(learn(c, 0, c->o.pair_epochs, ".pairs", err));
    c->b->about.p = c->paired == c->n ? hg_botan_opts_default().p : 1;
    HG_TRY(learn(c, c->b->about.p, c->o.epochs, "", err));
    c->b->about.time = c->r.time;
    return hg_folder_write(c->folder, FILES, 2, c, err);
}

hg_status hg_glass_train_botan(hg_glass_botan_result *out, const char *folder, hg_snapshot_set *set,
                               const hg_glass_lessons *l, const hg_glass_botan_opts *opts, hg_err *err) {
    course c = { .l = l, .o = opts ? *opts : hg_glass_botan_opts_default(), .folder = folder };
    c.r = (hg_glass_botan_result) { .time = NAN, .rho = NAN };
    const hg_status st = take_course(&c, set, err);
    *out = c.r;
    hg_botan_free(c.b);
    hg_hash_free(c.hash);
    hg_free(c.graph);
    hg_free(c.label);
    hg_free(c.liquid);
    hg_arena_free(c.mem);
    return st;
}
