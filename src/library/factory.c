/* library/factory.c -- see library/factory.h: pieces of work, their files, and the order in which all is done */
#include "library/factory.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "files/folders.h"
#include "files/hash.h"
#include "files/lock.h"
#include "files/safetensors.h"
#include "files/whole.h"
#include "library/factory_internal.h"
#include "library/folder.h"
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double BETA2 = 0.98, AVERAGE = 0.999; /* as learn/mlp_learner.c found them good */
enum { PATH_SIZE = HG_RECIPE_PATH * 2, RECIPE_MOST = 8 << 20, WIDTHS = HG_MLP_LAYERS + 1 };

hg_factory_opts hg_factory_opts_default(void) {
    return (hg_factory_opts) { .data = ".", .train = true, .finish = true, .shards = 1 };
}

/* ---- names ------------------------------------------------------------------------------------------------------------- */

static hg_status too_long(hg_err *err) { return hg_fail(err, HG_EINVAL, "the name of the folder of work is too long"); }

hg_status hg_factory_folder(char path[PATH_SIZE], const hg_factory_opts *o, const char *name, hg_err *err) {
    const int n = snprintf(path, PATH_SIZE, "%s/models%s%s", o->work, *name ? "/" : "", name);
    return n < PATH_SIZE ? HG_OK : too_long(err);
}

hg_status hg_piece_path(char path[PATH_SIZE], const hg_stock *s, const hg_recipe_property *p, size_t k, hg_err *err) {
    const int n = snprintf(path, PATH_SIZE, "%s/networks/%s/%06zu.safetensors", s->o->work, p->name, k);
    return n < PATH_SIZE ? HG_OK : too_long(err);
}

static size_t models_of(const hg_recipe_set *s) { return *s->learner || s->networks.keep ? 1 : s->networks.count; }

static void model_name(char name[HG_PACK_NAME_MOST + 1], const hg_recipe_set *s, const hg_recipe_property *p,
                       size_t i) {
    if (*s->learner || s->networks.keep)
        snprintf(name, HG_PACK_NAME_MOST + 1, "%s", p->name);
    else
        snprintf(name, HG_PACK_NAME_MOST + 1, "%s-%06zu", p->name, s->networks.first + i);
}

static bool wanted(const hg_recipe_property *p, const char *only) { return !only || strcmp(p->name, only) == 0; }

bool hg_factory_model(char name[HG_PACK_NAME_MOST + 1], const hg_recipe *r, const char *only, size_t i) {
    for (size_t s = 0; s < r->n_sets; s++)
        for (size_t k = 0; k < r->set[s].n_properties; k++) {
            if (!wanted(&r->set[s].property[k], only)) continue;
            if (i < models_of(&r->set[s])) {
                model_name(name, &r->set[s], &r->set[s].property[k], i);
                return true;
            }
            i -= models_of(&r->set[s]);
        }
    return false;
}

/* ---- recipes of models ------------------------------------------------------------------------------------------------- */

static hg_status recipe_text(hg_text *t, const hg_stock *s, const hg_recipe_property *p, const hg_recipe_networks *w,
                             hg_err *err) {
    hg_json j;
    *t = hg_text_new(RECIPE_MOST);
    hg_json_begin_text(&j, t, 2);
    hg_recipe_write(&j, s->recipe, s->set, p, s->sha256, w);
    const hg_status st = hg_json_end(&j, err);
    if (st == HG_OK && !t->failed) return HG_OK;
    hg_text_free(t);
    return st != HG_OK ? st : hg_fail(err, HG_ENOMEM, "no memory for a recipe");
}

/* Model i of a property, on its own. */
static hg_recipe_networks networks_of(const hg_recipe_set *s, size_t i) {
    hg_recipe_networks w = s->networks;
    if (!w.keep) w.first += i, w.count = 1;
    return w;
}

hg_status hg_piece_identity(char hex[HG_HASH_SIZE], const hg_stock *s, const hg_recipe_property *p, size_t k,
                            hg_err *err) {
    hg_recipe_set set = *s->set;
    hg_stock alone = *s;
    hg_recipe_networks w = set.networks;
    hg_text t;
    w.first = k, w.count = w.keep = 1;
    set.unlisted = false; /* of models, not of networks */
    alone.set = &set;
    HG_TRY(recipe_text(&t, &alone, p, &w, err));
    const hg_status st = hg_hash_memory(hex, t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

/* Is the model there, whole, and made by this very recipe? */
static bool is_made(const hg_factory_opts *o, const char *name, const char *recipe) {
    char folder[PATH_SIZE], path[HG_FOLDER_PATH];
    const char *text;
    void *bytes;
    size_t n;
    hg_card card;
    if (hg_factory_folder(folder, o, name, NULL) != HG_OK) return false;
    if (snprintf(path, sizeof path, "%s/recipe.json", folder) >= (int)sizeof path) return false;
    if (hg_whole_read(&bytes, &n, path, RECIPE_MOST, 0, NULL) != HG_OK) return false;
    const bool same = n == strlen(recipe) && memcmp(bytes, recipe, n) == 0;
    hg_whole_free(bytes, n);
    hg_arena *mem = hg_arena_new();
    const bool whole = same && mem && hg_folder_card(&card, &text, path, folder, mem, NULL) == HG_OK &&
                       hg_folder_of_card(path, folder, &card, NULL) == HG_OK;
    hg_arena_free(mem);
    return whole;
}

/* ---- files of networks ------------------------------------------------------------------------------------------------- */

static hg_status of_another_recipe(const char *path, hg_err *err) {
    return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s is a network of another recipe, or of another table", path),
                     "remove the folder of work, or name another one with --work");
}

static hg_status read_network(hg_made_network *out, const hg_safetensors *f, const char *path, hg_arena *mem,
                              hg_err *err) {
    const hg_stored *width = hg_safetensors_find(f, "width"), *weights = hg_safetensors_find(f, "weights");
    const char *error = hg_safetensors_note(f, "error");
    if (!width || width->type != HG_STORED_I64 || width->count < 2 || width->count > WIDTHS || !weights || !error ||
        hg_number_read(&out->error, error, strlen(error), '.') != HG_NUMBER_FINITE)
        return hg_fail(err, HG_EDATA, "%s is not a network of the factory", path);
    out->shape = (hg_mlp_shape) { .layers = width->count - 1 };
    for (size_t l = 0; l < width->count; l++) {
        const int64_t w = ((const int64_t *)width->data)[l];
        if (w < 1 || w > UINT32_MAX) return hg_fail(err, HG_EDATA, "%s: a layer of %lld units", path, (long long)w);
        out->shape.width[l] = (size_t)w;
    }
    if (weights->count != hg_mlp_size(&out->shape))
        return hg_fail(err, HG_EDATA, "%s: %zu weights are not those of its layers", path, weights->count);
    if (!mem) return HG_OK;
    out->weights = hg_alloc(mem, weights->count, sizeof *out->weights);
    if (!out->weights) return hg_fail(err, HG_ENOMEM, "no memory for a network");
    HG_TRY(hg_stored_floats(out->weights, weights, err));
    for (size_t i = 0; i < weights->count; i++)
        if (!isfinite(out->weights[i])) return hg_fail(err, HG_ENAN, "%s: weight %zu is not finite", path, i);
    return HG_OK;
}

hg_status hg_piece_read(hg_made_network *out, bool *found, const hg_stock *s, const hg_recipe_property *p, size_t k,
                        hg_arena *mem, hg_err *err) {
    char path[PATH_SIZE], identity[HG_HASH_SIZE];
    struct stat there;
    hg_safetensors *f;
    *out = (hg_made_network) { .number = k };
    HG_TRY(hg_piece_path(path, s, p, k, err));
    *found = stat(path, &there) == 0;
    if (!*found) return HG_OK;
    HG_TRY(hg_piece_identity(identity, s, p, k, err));
    HG_TRY(hg_safetensors_open(&f, path, (uint64_t)1 << 32, err));
    const char *its = hg_safetensors_note(f, "identity");
    hg_status st = its && strcmp(its, identity) == 0 ? HG_OK : of_another_recipe(path, err);
    if (st == HG_OK) st = read_network(out, f, path, mem, err);
    hg_safetensors_free(f);
    return st;
}

static hg_status write_network(const hg_stock *s, const hg_recipe_property *p, size_t k, const hg_mlp_task *t,
                               hg_err *err) {
    char path[PATH_SIZE], identity[HG_HASH_SIZE], error[40];
    int64_t width[WIDTHS];
    const size_t widths = t->shape.layers + 1, size = hg_mlp_size(&t->shape);
    for (size_t l = 0; l < widths; l++) width[l] = (int64_t)t->shape.width[l];
    const hg_stored tensor[] = {
        { .name = "width", .type = HG_STORED_I64, .rank = 1, .shape = &widths, .count = widths, .data = width },
        { .name = "weights", .type = HG_STORED_F32, .rank = 1, .shape = &size, .count = size, .data = t->weights },
    };
    hg_print(error, sizeof error, "%.17g", t->error);
    const hg_stored_note note[] = { { "error", error }, { "identity", identity } };
    HG_TRY(hg_piece_path(path, s, p, k, err));
    HG_TRY(hg_piece_identity(identity, s, p, k, err));
    return hg_safetensors_write(path, tensor, 2, note, 2, err);
}

/* ---- training ---------------------------------------------------------------------------------------------------------- */

static double between(hg_rng *r, double least, double most) { return least + (most - least) * hg_rng_uniform(r); }

static size_t whole_between(hg_rng *r, const size_t range[2]) {
    return range[0] + hg_rng_below(r, range[1] - range[0] + 1);
}

/* Network k: its shape, rate and seed. */
static void draw(hg_mlp_task *t, hg_mlp_opts *o, const hg_order *w, size_t k) {
    const hg_recipe_networks *n = &w->stock->set->networks;
    hg_rng r = hg_rng_make(w->stock->recipe->seed, k);
    hg_mlp_shape *s = &t->shape;
    const size_t hidden = whole_between(&r, n->layers);
    *s = (hg_mlp_shape) { .layers = hidden + 1, .width = { w->stock->rows.d, whole_between(&r, n->width) } };
    for (size_t l = 2; l <= hidden; l++)
        s->width[l] = (size_t)ceil(between(&r, n->taper[0], n->taper[1]) * (double)s->width[l - 1]);
    s->width[s->layers] = w->classes ? w->classes : 1;
    const double enough = ceil((double)n->steps * (double)n->batch / (double)w->n[HG_LEARN]);
    o->act = HG_NETWORKS_ACT;
    o->rate = exp(between(&r, log(n->rate[0]), log(n->rate[1])));
    o->epochs = enough < (double)n->least ? n->least : enough > (double)n->epochs ? n->epochs : (size_t)enough;
    o->batch = n->batch;
    o->decay = n->decay;
    o->beta2 = BETA2;
    o->average = AVERAGE;
    o->corner = n->corner;
    o->schedule = HG_RATE_ONE_CYCLE;
    t->seed = hg_rng_u64(&r);
}

typedef struct {
    const hg_order *order;
    size_t k;
} piece;

typedef struct {
    const piece *piece; /* [n] */
    size_t n;
    const hg_hooks *hooks;
    atomic_size_t done;
    atomic_bool stop;
    hg_status *st; /* [n] */
    hg_err *err;   /* [n] */
} crew;

static hg_status train(const piece *p, const hg_hooks *hooks, hg_err *err) {
    const hg_order *w = p->order;
    const hg_mlp_rows rows = { .n = w->stock->rows.n, .x = w->stock->x, .y = w->target, .classes = w->classes };
    hg_mlp_opts o = hg_mlp_opts_default();
    hg_mlp_task t = {
        .train = w->row[HG_LEARN], .n_train = w->n[HG_LEARN], .judge = w->row[HG_JUDGE], .n_judge = w->n[HG_JUDGE]
    };
    draw(&t, &o, w, p->k);
    t.weights = hg_calloc(hg_mlp_size(&t.shape), sizeof *t.weights);
    if (!t.weights) return hg_fail(err, HG_ENOMEM, "no memory for a network");
    hg_status st = hg_mlp_train(&t, 1, &rows, &o, NULL, hooks, err);
    if (st == HG_OK) st = write_network(w->stock, w->p, p->k, &t, err);
    hg_free(t.weights);
    return st;
}

/* Epochs of one network ask whether to go on; how far all are is told between networks. */
static bool go_on(void *user, const char *what, size_t done, size_t total) {
    const crew *c = user;
    (void)what, (void)done, (void)total;
    return !atomic_load(&c->stop);
}

/* Only the thread that called may use the caller's hooks. */
static void work_task(void *ctx, size_t begin, size_t end, size_t worker) {
    crew *c = ctx;
    const hg_hooks quiet = { .progress = go_on, .user = c };
    for (size_t i = begin; i < end; i++) {
        if (worker == 0 && !hg_progress(c->hooks, "networks", atomic_load(&c->done), c->n))
            atomic_store(&c->stop, true);
        c->st[i] = atomic_load(&c->stop) ? HG_ECANCEL : train(&c->piece[i], &quiet, &c->err[i]);
        if (c->st[i] != HG_OK) atomic_store(&c->stop, true);
        atomic_fetch_add(&c->done, 1);
    }
}

/* The first error that is none of being stopped by it. */
static hg_status crew_status(const crew *c, hg_err *err) {
    hg_status st = HG_OK;
    for (size_t i = 0; i < c->n; i++) {
        if (c->st[i] == HG_OK || (c->st[i] == HG_ECANCEL && st != HG_OK)) continue;
        st = c->st[i];
        if (st == HG_ECANCEL) continue;
        if (err) *err = c->err[i];
        return st;
    }
    if (st == HG_ECANCEL)
        hg_advise(err, hg_fail(err, st, "stopped; the networks that were finished are kept"),
                  "the same command goes on from them");
    return st;
}

static hg_status train_pieces(const piece *p, size_t n, const hg_factory_opts *o, hg_arena *mem, hg_err *err) {
    crew c = { .piece = p, .n = n, .hooks = o->hooks };
    c.st = hg_alloc(mem, n, sizeof *c.st);
    c.err = hg_alloc(mem, n, sizeof *c.err);
    if (!c.st || !c.err) return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", n);
    hg_pool_for(o->pool, n, 1, work_task, &c);
    return crew_status(&c, err);
}

/* ---- a set ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_stock stock;
    hg_order *order; /* [n_properties]; stock NULL: not opened yet */
    const hg_factory_opts *o;
    hg_factory_tally *tally;
} bench;

static hg_status open_stock(bench *b, hg_err *err) {
    if (hg_stock_is_open(&b->stock)) return HG_OK;
    HG_TRY(hg_stock_open(&b->stock, err));
    b->order = hg_alloc(b->stock.mem, b->stock.set->n_properties, sizeof *b->order);
    return b->order ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for %s", b->stock.set->table);
}

static hg_status order_of(hg_order **out, bench *b, size_t k, hg_err *err) {
    HG_TRY(open_stock(b, err));
    if (!b->order[k].stock) HG_TRY(hg_order_open(&b->order[k], &b->stock, &b->stock.set->property[k], err));
    *out = &b->order[k];
    return HG_OK;
}

/* Is it this shard's? Pieces are counted through the whole recipe. */
static bool is_mine(bench *b) {
    const bool mine = b->tally->pieces++ % b->o->shards == b->o->shard;
    b->tally->mine += mine;
    return mine;
}

static hg_status train_networks(bench *b, hg_arena *mem, hg_err *err) {
    const hg_recipe_set *set = b->stock.set;
    piece *todo = hg_alloc(mem, set->n_properties * set->networks.count, sizeof *todo);
    size_t n = 0;
    if (!todo) return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", set->networks.count);
    for (size_t k = 0; k < set->n_properties; k++) {
        char path[PATH_SIZE];
        if (!wanted(&set->property[k], b->o->only)) continue;
        if (snprintf(path, sizeof path, "%s/networks/%s", b->o->work, set->property[k].name) >= PATH_SIZE)
            return too_long(err);
        HG_TRY(hg_folder_make(path, HG_FOLDER_SHARED, err));
        for (size_t i = 0; i < set->networks.count; i++) {
            hg_made_network made;
            hg_order *w;
            bool found = false;
            if (!is_mine(b) || !b->o->train) continue;
            HG_TRY(hg_piece_read(&made, &found, &b->stock, &set->property[k], set->networks.first + i, NULL, err));
            b->tally->found += found;
            if (found) continue;
            todo[n].k = set->networks.first + i;
            HG_TRY(order_of(&w, b, k, err));
            todo[n++].order = w;
        }
    }
    return n ? train_pieces(todo, n, b->o, mem, err) : HG_OK;
}

static hg_status fit_learner(bench *b, size_t k, hg_err *err) {
    const hg_recipe_property *p = &b->stock.set->property[k];
    hg_order *w;
    hg_text recipe;
    HG_TRY(recipe_text(&recipe, &b->stock, p, &b->stock.set->networks, err));
    const bool found = is_made(b->o, p->name, recipe.s);
    b->tally->found += found;
    hg_status st = found ? HG_OK : order_of(&w, b, k, err);
    if (st == HG_OK && !found) {
        hg_log(b->o->hooks, HG_LOG_INFO, "learning %s", p->name);
        st = hg_factory_fit(w, p->name, recipe.s, err);
    }
    hg_text_free(&recipe);
    return st;
}

static hg_status fit_learners(bench *b, hg_err *err) {
    for (size_t k = 0; k < b->stock.set->n_properties; k++) {
        if (!wanted(&b->stock.set->property[k], b->o->only)) continue;
        if (is_mine(b) && b->o->train) HG_TRY(fit_learner(b, k, err));
    }
    return HG_OK;
}

/* ---- models ------------------------------------------------------------------------------------------------------------ */

static int by_error(const void *a, const void *b) {
    const hg_made_network *x = a, *y = b;
    if (x->error != y->error) return x->error > y->error ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

static hg_status missing(const hg_recipe_property *p, size_t k, hg_err *err) {
    return hg_advise(err, hg_fail(err, HG_ENOTFOUND, "network %zu of %s is not there yet", k, p->name),
                     "run the other shards to their end first, with the same folder of work");
}

/* Networks w->first .. of a property, the best ones first. */
static hg_status gather(hg_made_network *net, const bench *b, const hg_recipe_property *p, const hg_recipe_networks *w,
                        hg_arena *mem, hg_err *err) {
    for (size_t i = 0; i < w->count; i++) {
        bool found;
        HG_TRY(hg_piece_read(&net[i], &found, &b->stock, p, w->first + i, NULL, err));
        if (!found) return missing(p, w->first + i, err);
    }
    qsort(net, w->count, sizeof *net, by_error);
    for (size_t i = 0; i < (w->keep ? w->keep : 1); i++) {
        bool found;
        HG_TRY(hg_piece_read(&net[i], &found, &b->stock, p, net[i].number, mem, err));
        if (!found) return missing(p, net[i].number, err);
    }
    return HG_OK;
}

static hg_status make_model(bench *b, size_t k, size_t i, hg_arena *mem, hg_err *err) {
    const hg_recipe_property *p = &b->stock.set->property[k];
    const hg_recipe_networks w = networks_of(b->stock.set, i);
    char name[HG_PACK_NAME_MOST + 1];
    hg_order *order;
    hg_text recipe;
    hg_made_network *net = hg_alloc(mem, w.count, sizeof *net);
    if (!net) return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", w.count);
    model_name(name, b->stock.set, p, i);
    HG_TRY(recipe_text(&recipe, &b->stock, p, &w, err));
    const bool made = is_made(b->o, name, recipe.s);
    hg_status st = made ? HG_OK : gather(net, b, p, &w, mem, err);
    if (st == HG_OK && !made) st = order_of(&order, b, k, err);
    if (st == HG_OK && !made) st = hg_factory_assemble(order, net, w.keep ? w.keep : 1, name, recipe.s, err);
    hg_text_free(&recipe);
    b->tally->models += st == HG_OK;
    return st;
}

static hg_status check_model(bench *b, size_t k, hg_err *err) {
    const hg_recipe_property *p = &b->stock.set->property[k];
    hg_text recipe;
    HG_TRY(recipe_text(&recipe, &b->stock, p, &b->stock.set->networks, err));
    const bool made = is_made(b->o, p->name, recipe.s);
    hg_text_free(&recipe);
    b->tally->models += made;
    return made ? HG_OK
                : hg_advise(err, hg_fail(err, HG_ENOTFOUND, "the model %s is not there yet", p->name),
                            "run the other shards to their end first, with the same folder of work");
}

static hg_status make_models(bench *b, hg_arena *mem, hg_err *err) {
    const hg_recipe_set *set = b->stock.set;
    for (size_t k = 0; k < set->n_properties; k++) {
        if (!wanted(&set->property[k], b->o->only)) continue;
        for (size_t i = 0; i < models_of(set); i++) {
            const hg_mark mark = hg_arena_mark(mem);
            if (!hg_progress(b->o->hooks, "models", b->tally->models, 0))
                return hg_fail(err, HG_ECANCEL, "stopped; the models that were finished are kept");
            HG_TRY(*set->learner ? check_model(b, k, err) : make_model(b, k, i, mem, err));
            hg_arena_reset(mem, mark);
        }
    }
    return HG_OK;
}

static bool any_wanted(const hg_recipe_set *s, const char *only) {
    for (size_t k = 0; k < s->n_properties; k++)
        if (wanted(&s->property[k], only)) return true;
    return false;
}

static hg_status run_set(bench *b, const hg_recipe *r, const hg_recipe_set *set, hg_arena *mem, hg_err *err) {
    HG_TRY(hg_stock_name(&b->stock, r, set, b->o, err));
    hg_status st = *set->learner ? fit_learners(b, err) : train_networks(b, mem, err);
    if (st == HG_OK && b->o->finish) st = make_models(b, mem, err);
    for (size_t k = 0; b->order && k < set->n_properties; k++) hg_order_close(&b->order[k]);
    hg_stock_close(&b->stock);
    return st;
}

static hg_status check(const hg_recipe *r, const hg_factory_opts *o, hg_err *err) {
    char name[HG_PACK_NAME_MOST + 1], path[PATH_SIZE];
    if (!o->work || !*o->work) return hg_fail(err, HG_EINVAL, "the factory has no folder of work");
    if (o->shards < 1 || o->shard >= o->shards)
        return hg_fail(err, HG_EINVAL, "shard %zu of %zu: shards are counted from 0", o->shard, o->shards);
    if (!hg_factory_model(name, r, o->only, 0))
        return hg_fail(err, HG_ENOTFOUND, "the recipe has no property \"%s\"", o->only ? o->only : "");
    HG_TRY(hg_folder_make(o->work, HG_FOLDER_SHARED, err));
    if (snprintf(path, sizeof path, "%s/networks", o->work) >= PATH_SIZE) return too_long(err);
    HG_TRY(hg_folder_make(path, HG_FOLDER_SHARED, err));
    HG_TRY(hg_factory_folder(path, o, "", err));
    return hg_folder_make(path, HG_FOLDER_SHARED, err);
}

/* Who makes models has the folder of work alone; shards have a number of it each. On file systems without locks there are none. */
static hg_status lock(int *fd, const hg_factory_opts *o, hg_err *err) {
    char path[PATH_SIZE];
    hg_err why = { 0 };
    if (snprintf(path, sizeof path, "%s/lock", o->work) >= PATH_SIZE) return too_long(err);
    const hg_status st = hg_lock_take(fd, path, o->finish ? 0 : o->shard, o->finish ? 0 : 1, o->work, &why);
    if (st == HG_EIO) hg_log(o->hooks, HG_LOG_WARN, "%s; let no other process use %s", why.msg, o->work);
    if (st == HG_OK || st == HG_EIO) return HG_OK;
    if (err) *err = why;
    return hg_advise(err, st,
                     o->finish ? "wait until it is done, or stop it, or name another folder with --work"
                               : "this shard, or the making of the models, is under way already");
}

hg_status hg_factory_run(hg_factory_tally *out, const hg_recipe *r, const hg_factory_opts *o, hg_err *err) {
    hg_status st = HG_OK;
    int locked;
    *out = (hg_factory_tally) { 0 };
    HG_TRY(check(r, o, err));
    HG_TRY(lock(&locked, o, err));
    for (size_t i = 0; i < r->n_sets && st == HG_OK; i++) {
        hg_arena *mem = hg_arena_new();
        bench b = { .o = o, .tally = out };
        if (!any_wanted(&r->set[i], o->only)) {
            hg_arena_free(mem);
            continue;
        }
        st = mem ? run_set(&b, r, &r->set[i], mem, err) : hg_fail(err, HG_ENOMEM, "no memory for a factory");
        hg_arena_free(mem);
    }
    hg_lock_release(locked);
    return st;
}
