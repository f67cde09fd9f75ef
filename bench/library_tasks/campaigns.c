/* bench/library_tasks/campaigns.c -- does a model of the library save measurements? Replays of two campaigns
 *
 * 300 compounds, drawn from a public table, are pretended to be unknown, and the largest value is looked for: 40 times from two random rows,
 * by expected improvement. A teacher has learned a related property from another table without any composition of the pool's table.
 *
 * "bulk": log10 of bulk moduli of the Materials Project; the teacher learned shear moduli of AFLOW. "phonons": the highest phonon peak; the
 * teacher learned Debye temperatures of AFLOW. The two were chosen before they were run; a third that was tried,
 * magnetisation of R2Fe14B magnets with a teacher of calculated magnetisations, gained nothing. Figures are measurements until a value within 5 % of the
 * best is there: the median over runs, and with .most what nine runs in ten need; -1: more than 40.
 *
 *   campaign.bulk.without           no model is asked
 *   campaign.bulk.without.most      the same, nine runs in ten
 *   campaign.bulk.mean              what the teacher says is the prior mean
 *   campaign.bulk.mean.most         the same, nine runs in ten
 *   campaign.bulk.input             what the teacher says is an input
 *   campaign.bulk.input.most        the same, nine runs in ten
 *   campaign.phonons.without        no model is asked
 *   campaign.phonons.without.most   the same, nine runs in ten
 *   campaign.phonons.mean           what the teacher says is the prior mean
 *   campaign.phonons.mean.most      the same, nine runs in ten
 *   campaign.phonons.input          what the teacher says is an input
 *   campaign.phonons.input.most     the same, nine runs in ten
 */
#include "core/memory.h"
#include "hagane/suggest.h"
#include "tasks.h"
#include "teachers.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POOL = 300, RUNS = 40, BUDGET = 40, QUICK = 10, KEPT_MOST = 1 << 15 };

static const struct {
    const char *key, *target, *teacher, *property;
} CAMPAIGNS[] = {
    { "campaign.bulk", "matbench-tables/log_kvrh.csv.xz", "composition-properties/aflow__ael_shear_modulus_vrh.csv.xz",
      "shear" },
    { "campaign.phonons", "matbench-tables/phonons.csv.xz",
      "composition-properties/aflow__ael_debye_temperature.csv.xz", "Debye temperature" },
};
static const char *const WAY[] = { "without", "mean", "input" };
enum { N_CAMPAIGNS = sizeof CAMPAIGNS / sizeof *CAMPAIGNS, WAYS = sizeof WAY / sizeof *WAY };

typedef struct {
    uint64_t *key; /* of the target's compositions */
    size_t n;
} known;

static bool is_known(const void *ctx, const hg_composition *c) {
    const known *k = ctx;
    const uint64_t key = hg_composition_key(c);
    for (size_t i = 0; i < k->n; i++)
        if (k->key[i] == key) return true;
    return false;
}

static bool note_it(const void *ctx, const hg_composition *c) {
    known *k = (known *)(uintptr_t)ctx; /* filled while the table is read */
    if (k->n < KEPT_MOST) k->key[k->n++] = hg_composition_key(c);
    return true;
}

/* POOL rows drawn from t, with what the teacher says of each. */
static hg_table *draw_pool(const hg_table *t, const hg_predictor *teacher, hg_pool *pool, hg_arena *mem) {
    const size_t rows = hg_table_rows(t), n = rows < POOL ? rows : POOL;
    size_t *order = hg_alloc(mem, rows, sizeof *order), f, y;
    const char **formula = hg_alloc(mem, n, sizeof *formula);
    double *value = hg_alloc(mem, n, sizeof *value), *said = hg_alloc(mem, n, sizeof *said);
    hg_rng r = hg_rng_make(0, 0);
    hg_table *out;
    hg_err err;
    must(hg_table_find(&f, t, "formula", &err), &err);
    must(hg_table_find(&y, t, "y", &err), &err);
    for (size_t i = 0; i < rows; i++) order[i] = i;
    hg_rng_shuffle(&r, order, rows);
    for (size_t i = 0; i < n; i++) {
        formula[i] = hg_table_text(t, f, order[i]);
        value[i] = hg_table_column(t, y)->number[order[i]];
    }
    must(hg_table_new(&out, "pool", n, &err), &err);
    must(hg_table_add_texts(out, "formula", formula, &err), &err);
    must(hg_table_add_numbers(out, "y", value, &err), &err);
    must(hg_predictor_say(said, teacher, out, "formula", pool, &err), &err);
    must(hg_table_add_numbers(out, "said", said, &err), &err);
    return out;
}

static void replay(figures *f, const char *campaign, size_t way, const hg_table *t, hg_pool *pool) {
    static const char *const INPUT[] = { "formula", "said" };
    static const char *const PRIOR[] = { "said" };
    const hg_objective up = { "y", true };
    hg_suggest_opts o = hg_suggest_opts_default();
    hg_replay_opts q = hg_replay_opts_default();
    hg_replay_result *r;
    hg_err err;
    char key[FIGURE_KEY];
    o.objective = &up, o.n_objectives = 1, o.pool = pool;
    o.features.columns = INPUT, o.features.n_columns = strcmp(WAY[way], "input") == 0 ? 2 : 1;
    o.prior = PRIOR, o.n_prior = strcmp(WAY[way], "mean") == 0;
    q.runs = f->quick ? QUICK : RUNS, q.budget = BUDGET;
    must(hg_replay(&r, t, &o, &q, &err), &err);
    snprintf(key, sizeof key, "%s.%s", campaign, WAY[way]);
    note(f, key, isfinite(r->to_95.median) ? r->to_95.median : -1);
    snprintf(key, sizeof key, "%s.%s.most", campaign, WAY[way]);
    note(f, key, isfinite(r->to_95.q90) ? r->to_95.q90 : -1);
    hg_replay_free(r);
}

static void run_one(figures *f, size_t c, hg_arena *mem) {
    known k = { hg_alloc(mem, KEPT_MOST, sizeof *k.key), 0 };
    hg_table *none, *target, *seen;
    hg_pool *pool = all_cores();
    char path[400];
    snprintf(path, sizeof path, "%s%s", BENCH_DATA, CAMPAIGNS[c].target);
    if (!data_there(path)) return;
    split_table(&none, &target, path, "target", "y", note_it, &k);
    snprintf(path, sizeof path, "%s%s", BENCH_DATA, CAMPAIGNS[c].teacher);
    if (!data_there(path)) return;
    split_table(&seen, NULL, path, "target", CAMPAIGNS[c].property, is_known, &k);
    hg_predictor *teacher = teach(seen, CAMPAIGNS[c].property, TEACHER, pool);
    hg_table *t = draw_pool(target, teacher, pool, mem);
    for (size_t w = 0; w < WAYS; w++) replay(f, CAMPAIGNS[c].key, w, t, pool);
    hg_predictor_free(teacher);
    hg_table_free(t), hg_table_free(none), hg_table_free(target), hg_table_free(seen);
    hg_pool_free(pool);
}

void run_campaigns(figures *f, const char *folder) {
    (void)folder;
    for (size_t c = 0; c < N_CAMPAIGNS; c++) {
        hg_arena *mem = hg_arena_new();
        run_one(f, c, mem);
        hg_arena_free(mem);
    }
}
