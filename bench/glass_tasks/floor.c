/* bench/glass_tasks/floor.c -- the floor model: how well, and how long from a raw snapshot
 *
 * Task floor: models of tiers S1 and S2 learn from the 10 training snapshots of ../shared/data/botan-ka-small (T = 0.44, t = tau) and are scored on
 * the 5 test snapshots, Pearson's rho, mean over snapshots; every choice was made on the training snapshots. Then the first test snapshot is predicted
 * from its thermal positions alone: reading is not counted, the structure that the model needs is. Where the data are not there nothing is measured.
 *
 *   s1_rho_tau, s2_rho_tau    A particles
 *   edge_rho_tau              AA pairs closer than 1.35, tier S2
 *   predict_s_4096_s1, predict_s_4096_s2  seconds
 */
#include "library/glass.h"
#include "tasks.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DATA HG_SOURCE_DIR "/../shared/data/botan-ka-small"

static void learn(const char *folder, hg_glass_state state, hg_pool *pool) {
    hg_err err;
    hg_snapshot_set *set;
    static hg_floor_scores scores;
    const hg_glass_lessons l = { .state = state, .bonds = true, .data = DATA, .pool = pool };
    must(hg_snapshot_set_open(&set, DATA, NULL, &err), &err);
    must(hg_glass_train(&scores, folder, set, &l, &err), &err);
    hg_snapshot_set_free(set);
}

static void score(figures *f, const char *tier, const hg_glass_model *m, hg_pool *pool) {
    hg_err err;
    hg_snapshot_set *set;
    static hg_glass_scores s;
    char key[FIGURE_KEY];
    must(hg_snapshot_set_open(&set, DATA, NULL, &err), &err);
    must(hg_glass_evaluate(&s, NULL, m, set, HG_GLASS_TO_SCORE, pool, NULL, &err), &err);
    for (size_t i = 0; i < s.n; i++) {
        snprintf(key, sizeof key, "%s_rho_tau", tier);
        if (s.score[i].what == HG_GLASS_A) note(f, key, s.score[i].rho);
        if (s.score[i].what == HG_GLASS_AA && strcmp(tier, "s2") == 0) note(f, "edge_rho_tau", s.score[i].rho);
    }
    hg_snapshot_set_free(set);
}

static void predict(figures *f, const char *tier, const hg_glass_model *m, hg_pool *pool) {
    hg_err err;
    hg_snapshot *s;
    hg_snapshot_opts o = hg_snapshot_opts_default();
    char key[FIGURE_KEY];
    hg_arena *mem = hg_arena_new();
    o.pair_range = 0;
    must(hg_snapshot_read(&s, NULL, DATA "/s401.bin", &o, mem, &err), &err);
    s->inherent = NULL;
    float *p = hg_alloc(mem, s->n, sizeof *p);
    const double begin = now();
    must(hg_glass_prepare(s, hg_glass_model_about(m).state, pool, NULL, mem, &err), &err);
    must(hg_glass_model_predict(p, NULL, m, s, NULL, 0, pool, &err), &err);
    snprintf(key, sizeof key, "predict_s_4096_%s", tier);
    note(f, key, now() - begin);
    hg_arena_free(mem);
}

static void run_tier(figures *f, const char *folder, const char *tier, hg_glass_state state, hg_pool *pool) {
    hg_err err;
    hg_glass_model *m;
    char model[600];
    snprintf(model, sizeof model, "%s/%s", folder, tier);
    learn(model, state, pool);
    must(hg_glass_open(&m, model, &err), &err);
    score(f, tier, m, pool);
    predict(f, tier, m, pool);
    hg_glass_model_free(m);
}

void run_floor_model(figures *f, const char *folder) {
    if (access(DATA "/s001.bin", R_OK) != 0) {
        fprintf(stderr, "bench/glass: " DATA " is not there: the floor model is not measured\n");
        return;
    }
    hg_pool *pool = all_cores();
    note_word(f, "model", "floor model, trained here");
    run_tier(f, folder, "s1", HG_GLASS_INHERENT, pool);
    run_tier(f, folder, "s2", HG_GLASS_CAGE, pool);
    hg_pool_free(pool);
}
