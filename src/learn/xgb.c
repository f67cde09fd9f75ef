/* learn/xgb.c -- the only file that knows XGBoost; see learn/xgb.h
 *
 * Bits that do not depend on threads: a series is made by one thread from begin to end (histograms of several are added in the order of
 * threads), its random numbers are drawn anew each round, and OpenMP is asked for one thread, so that it never starts any. Trees leave as
 * text, JSON with nine digits, which gives back each float exactly.
 */
#include "learn/xgb.h"
#include "core/number.h"
#include "files/json_read.h"
#include <math.h>
#include <string.h>
#include <xgboost/c_api.h>

typedef struct {
    DMatrixHandle rows[2]; /* to learn from; held out */
    BoosterHandle booster;
    bst_ulong n_rows; /* 1 or 2 */
    hg_err *err;
} work;

const char *hg_xgb_missing(void) { return NULL; }

/* The first line of XGBoost's words is the sentence; a stack trace follows it. */
static hg_status took(work *w, int result, const char *what) {
    if (result == 0) return HG_OK;
    const char *words = XGBGetLastError(), *at = strstr(words, "Check failed");
    if (!at) at = words;
    return hg_fail(w->err, HG_EDATA, "XGBoost cannot %s: %.*s", what, (int)strcspn(at, "\n"), at);
}

static hg_status set(work *w, const char *name, const char *value) {
    return took(w, XGBoosterSetParam(w->booster, name, value), "be set up");
}

static hg_status set_number(work *w, const char *name, double value) {
    char text[HG_NUMBER_SIZE];
    hg_number_write(text, value); /* whatever the locale */
    return set(w, name, text);
}

/* ---- rows and settings ------------------------------------------------------------------------------------------- */

static hg_status put_rows(work *w, size_t k, const hg_xgb_rows *r, size_t d) {
    HG_TRY(took(w, XGDMatrixCreateFromMat_omp(r->x, r->n, d, NAN, &w->rows[k], 1), "take the rows"));
    w->n_rows = k + 1;
    HG_TRY(took(w, XGDMatrixSetFloatInfo(w->rows[k], "label", r->y, r->n), "take the targets"));
    return took(w, XGDMatrixSetFloatInfo(w->rows[k], "weight", r->weight, r->n), "take the weights");
}

static const struct {
    const char *objective, *metric;
} LOSSES[HG_XGB_LOSSES] = {
    [HG_XGB_SQUARED] = { "reg:squarederror", "rmse" }, [HG_XGB_HUBER] = { "reg:pseudohubererror", "mphe" }
};

static hg_status set_up(work *w, size_t classes, const hg_xgb_opts *o) {
    HG_TRY(set(w, "verbosity", "0"));
    HG_TRY(set(w, "nthread", "1"));
    HG_TRY(set(w, "tree_method", "hist"));
    HG_TRY(set(w, "seed_per_iteration", "1"));
    HG_TRY(set_number(w, "seed", o->seed));
    HG_TRY(set_number(w, "eta", o->rate));
    HG_TRY(set_number(w, "max_depth", (double)o->depth));
    HG_TRY(set_number(w, "subsample", o->rows));
    HG_TRY(set_number(w, "colsample_bylevel", o->columns));
    HG_TRY(set_number(w, "lambda", o->lambda));
    HG_TRY(set_number(w, "min_child_weight", o->leaf));
    HG_TRY(set_number(w, "base_score", classes ? 0.5 : 0)); /* 0 on the scale of the trees */
    if (classes > 2) HG_TRY(set_number(w, "num_class", (double)classes));
    const char *const of_classes[2] = { classes > 2 ? "multi:softprob" : "binary:logistic",
                                        classes > 2 ? "mlogloss" : "logloss" };
    HG_TRY(set(w, "objective", classes ? of_classes[0] : LOSSES[o->loss].objective));
    return set(w, "eval_metric", classes ? of_classes[1] : LOSSES[o->loss].metric);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

/* The loss of the held-out rows: "[12]\theld-rmse:0.25". */
static hg_status held_loss(double *loss, work *w, size_t round) {
    const char *name = "held", *words;
    HG_TRY(took(w, XGBoosterEvalOneIter(w->booster, (int)round, &w->rows[1], &name, 1, &words), "judge a round"));
    const char *number = strrchr(words, ':');
    if (!number || hg_number_read(loss, number + 1, strlen(number + 1), '.') != HG_NUMBER_FINITE)
        return hg_fail(w->err, HG_EDATA, "XGBoost's loss is not a number: %s", words);
    return HG_OK;
}

/* *best: how many rounds are worth keeping. */
static hg_status run(size_t *best, work *w, const hg_xgb_opts *o, const hg_xgb_watch *watch) {
    double least = INFINITY;
    *best = o->rounds;
    for (size_t i = 0; i < o->rounds; i++) {
        if (watch && !watch->go_on(watch->ctx, i))
            return hg_fail(w->err, HG_ECANCEL, "stopped after %zu of %zu rounds", i, o->rounds);
        HG_TRY(took(w, XGBoosterUpdateOneIter(w->booster, (int)i, w->rows[0]), "make a tree"));
        if (w->n_rows < 2) continue;
        double loss;
        HG_TRY(held_loss(&loss, w, i));
        if (loss < least) least = loss, *best = i + 1;
        if (i + 1 - *best >= o->patience) break;
    }
    return HG_OK;
}

/* ---- trees out of text ------------------------------------------------------------------------------------------- */

typedef struct {
    hg_json_reader json;
    hg_trees *t;          /* with room for all */
    size_t nodes, leaves; /* filled so far */
    hg_err *err;
} reading;

static hg_status not_a_tree(const reading *r) {
    return hg_json_read_fail(&r->json, r->err, HG_EPARSE, "this is not a tree of XGBoost");
}

/* x < s, as XGBoost asks, is x <= the float below s. */
static hg_status read_question(reading *r, size_t at, double split) {
    const float below = nextafterf((float)split, -INFINITY);
    if (!isfinite(below)) return not_a_tree(r);
    r->t->threshold[at] = below;
    return HG_OK;
}

static hg_status read_feature(reading *r, size_t at) {
    char name[24];
    double number;
    if (r->json.event != HG_JSON_STRING || r->json.len >= sizeof name) return not_a_tree(r);
    const size_t len = hg_json_read_text(name, &r->json);
    if (name[0] != 'f' || hg_number_read(&number, name + 1, len - 1, '.') != HG_NUMBER_FINITE || !(number >= 0) ||
        number >= (double)r->t->d)
        return not_a_tree(r);
    r->t->feature[at] = (int32_t)number;
    return HG_OK;
}

static hg_status read_node(reading *r, size_t at);

/* The children stand beside each other, so both have their places before either is read. "yes" is written first. */
static hg_status read_children(reading *r, size_t at) {
    if (r->json.event != HG_JSON_ARRAY || r->nodes + 2 > r->t->nodes) return not_a_tree(r);
    const size_t left = r->nodes;
    r->t->next[at] = (uint32_t)left;
    r->nodes += 2;
    for (size_t k = 0; k < 2; k++) {
        HG_TRY(hg_json_read_expect(&r->json, HG_JSON_OBJECT, "a node", r->err));
        HG_TRY(read_node(r, left + k));
    }
    return hg_json_read_expect(&r->json, HG_JSON_ARRAY_END, "the end of the children", r->err);
}

static hg_status read_leaf(reading *r, size_t at) {
    double value;
    if (r->json.event != HG_JSON_NUMBER || r->leaves == r->t->leaves) return not_a_tree(r);
    HG_TRY(hg_json_read_real(&value, &r->json, r->err));
    r->t->next[at] = (uint32_t)r->leaves;
    r->t->value[r->leaves++] = (float)value;
    r->t->feature[at] = -1;
    return HG_OK;
}

/* Behind the brace of node number `at`. */
static hg_status read_node(reading *r, size_t at) {
    for (;;) {
        HG_TRY(hg_json_read_next(&r->json, r->err));
        if (r->json.event == HG_JSON_OBJECT_END) return HG_OK;
        const bool split = hg_json_read_is(&r->json, "split"), leaf = hg_json_read_is(&r->json, "leaf"),
                   threshold = hg_json_read_is(&r->json, "split_condition"),
                   children = hg_json_read_is(&r->json, "children");
        if (!split && !leaf && !threshold && !children) {
            HG_TRY(hg_json_read_skip(&r->json, r->err));
            continue;
        }
        HG_TRY(hg_json_read_next(&r->json, r->err));
        if (split) HG_TRY(read_feature(r, at));
        if (leaf) HG_TRY(read_leaf(r, at));
        if (children) HG_TRY(read_children(r, at));
        if (threshold) {
            double number;
            if (r->json.event != HG_JSON_NUMBER) return not_a_tree(r);
            HG_TRY(hg_json_read_real(&number, &r->json, r->err));
            HG_TRY(read_question(r, at, number));
        }
    }
}

static size_t count(const char *text, const char *word) {
    size_t n = 0;
    for (const char *s = text; (s = strstr(s, word)); s += strlen(word)) n++;
    return n;
}

static hg_status take_trees(hg_trees *out, work *w, const char **text, size_t trees, size_t d) {
    size_t nodes = 0, leaves = 0;
    for (size_t k = 0; k < trees; k++) nodes += count(text[k], "\"nodeid\""), leaves += count(text[k], "\"leaf\"");
    HG_TRY(hg_trees_make(out, trees, d, 1, nodes, leaves, w->err));
    reading r = { .t = out, .err = w->err };
    for (size_t k = 0; k < trees; k++) {
        out->root[k] = (uint32_t)r.nodes;
        if (r.nodes++ == nodes) return not_a_tree(&r);
        hg_json_read_begin(&r.json, "XGBoost", text[k], strlen(text[k]));
        HG_TRY(hg_json_read_expect(&r.json, HG_JSON_OBJECT, "a tree", w->err));
        HG_TRY(read_node(&r, out->root[k]));
    }
    out->root[trees] = (uint32_t)r.nodes;
    return r.nodes == nodes && r.leaves == leaves ? HG_OK : not_a_tree(&r);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static hg_status fit(hg_trees *out, work *w, const hg_xgb_rows *train, const hg_xgb_rows *held, size_t d,
                     size_t classes, const hg_xgb_opts *o, const hg_xgb_watch *watch) {
    size_t best;
    bst_ulong n;
    const char **text;
    HG_TRY(took(w, XGBSetGlobalConfig("{\"verbosity\":0}"), "be silenced")); /* of this thread */
    HG_TRY(put_rows(w, 0, train, d));
    if (held->n) HG_TRY(put_rows(w, 1, held, d));
    HG_TRY(took(w, XGBoosterCreate(w->rows, w->n_rows, &w->booster), "begin"));
    HG_TRY(set_up(w, classes, o));
    HG_TRY(run(&best, w, o, watch));
    HG_TRY(took(w, XGBoosterDumpModelEx(w->booster, "", 0, "json", &n, &text), "tell its trees"));
    const size_t trees = best * (classes > 2 ? classes : 1);
    if (trees > n) return hg_fail(w->err, HG_EDATA, "XGBoost has made %zu trees, not %zu", (size_t)n, trees);
    return take_trees(out, w, text, trees, d);
}

hg_status hg_xgb_fit(hg_trees *out, const hg_xgb_rows *train, const hg_xgb_rows *held, size_t d, size_t classes,
                     const hg_xgb_opts *opts, const hg_xgb_watch *watch, hg_err *err) {
    work w = { .err = err };
    *out = (hg_trees) { 0 };
    const hg_status st = fit(out, &w, train, held, d, classes, opts, watch);
    if (st != HG_OK) hg_trees_free(out);
    if (w.booster) XGBoosterFree(w.booster); /* in the thread that used it: XGBoost keeps predictions of each thread */
    for (size_t k = 0; k < w.n_rows; k++) XGDMatrixFree(w.rows[k]);
    return st;
}
