/* library/glass_prepare.c -- what a model needs to know of a snapshot is simulated when it is not there */
#include "hagane/dynamics.h"
#include "library/glass.h"
#include <math.h>

bool hg_glass_prepared(const hg_snapshot *s, hg_glass_state state) {
    if (state == HG_GLASS_INHERENT) return s->inherent != NULL;
    return state == HG_GLASS_THERMAL || (s->cage && s->cage_covariance);
}

hg_status hg_glass_prepare(hg_snapshot *s, hg_glass_state state, hg_pool *pool, const hg_hooks *hooks, hg_arena *mem,
                           hg_err *err) {
    if (hg_glass_prepared(s, state)) return HG_OK;
    hg_dynamics_opts o = hg_dynamics_opts_default();
    o.liquid.pool = pool;
    o.hooks = hooks;
    if (state == HG_GLASS_INHERENT) return hg_snapshot_quench(s, &o, mem, err);
    if (isnan(s->temperature))
        return hg_advise(
            err, hg_fail(err, HG_EDATA, "%s: its temperature is not known, and without it no cage state", s->id),
            "--temperature says it");
    const hg_cage_opts cage = hg_cage_opts_default();
    return hg_snapshot_hold(s, &cage, &o, mem, err);
}
