/* tests/search/replay_kit.h -- replays of 132 real magnets */
#ifndef REPLAY_KIT_H
#define REPLAY_KIT_H
#include "hagane/csv.h"
#include "hagane/suggest.h"
#include "test.h"

static inline hg_table *magnets(void) {
    char path[512];
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read(&t, test_source(path, sizeof path, "data/mammos-magnets/ndcefeb132.csv"), NULL, &err),
                  err);
    return t;
}

static inline hg_replay_result *magnet_replay(const hg_table *t, hg_acquisition a, size_t n, size_t budget,
                                              hg_pool *pool) {
    static const char *const xy[] = { "x_pos_mm", "y_pos_mm" };
    const hg_objective hc = { "Hc_measured_A_m", true };
    hg_suggest_opts s = hg_suggest_opts_default();
    s.objective = &hc;
    s.n_objectives = 1;
    s.acquisition = a;
    s.features.columns = xy;
    s.features.n_columns = 2;
    s.pool = pool;
    hg_replay_opts o = hg_replay_opts_default();
    o.runs = n;
    o.budget = budget;
    hg_replay_result *r;
    hg_err err;
    assert_ok_err(hg_replay(&r, t, &s, &o, &err), err);
    return r;
}
#endif
