/* hagane/dynamics.h -- what molecular dynamics knows of a snapshot: its inherent structure, its cage state, who will move; and snapshots from nothing
 *
 *   HG_TRY(hg_snapshot_quench(s, NULL, mem, err));                                s->inherent
 *   HG_TRY(hg_snapshot_hold(s, NULL, NULL, mem, err));                            s->cage, s->cage_covariance
 *   HG_TRY(hg_snapshot_label(s, &(hg_label_opts) { .time = t, .n_times = 3, .runs = 32, .range = 2 }, NULL, mem, err));
 *
 * Liquids are those of hagane/liquid.h. The same snapshot, options and seed give the same bits for any number of threads, and after any kill.
 */
#ifndef HG_DYNAMICS_H
#define HG_DYNAMICS_H
#include "hagane/liquid.h"

typedef struct {
    hg_liquid_opts liquid; /* its pool is used; default hg_liquid_opts_default() */
    double dt;             /* time step, > 0; default 0.006 */
    uint64_t seed;         /* default 0 */
    const hg_hooks *hooks; /* default NULL */
} hg_dynamics_opts;

typedef struct {
    double wall, stiffness; /* particles farther than `wall` from their places are pushed back; default 0.45 and 200 */
    double settle, average; /* times: before averages begin, and over which they are taken; default 2 and 30 */
} hg_cage_opts;

typedef struct {
    const double *time; /* [n_times] ascending, > 0; each becomes the nearest number of time steps; default none */
    size_t n_times;     /* default 0 */
    size_t runs;        /* > 0; default 32 */
    double range;       /* stretches of pairs closer than this, 0: none; default 2 */
    const char *
        work; /* a folder of this snapshot's alone, where finished runs are kept to go on with; they stay there; default NULL: nowhere */
} hg_label_opts;

HG_BEGIN_DECLS
hg_dynamics_opts hg_dynamics_opts_default(void);
hg_cage_opts hg_cage_opts_default(void);
hg_label_opts hg_label_opts_default(void);

/* Errors of all three: those of hg_liquid_new and hg_liquid_run; HG_EINVAL an option out of its range; HG_ECANCEL. What they fill in lies in mem. */
/* s->inherent: to the nearest minimum of the energy, to forces below 1e-5. */
HG_MUST_CHECK hg_status hg_snapshot_quench(hg_snapshot *s, const hg_dynamics_opts *opts, hg_arena *mem, hg_err *err);
/* s->cage and s->cage_covariance: a run at the snapshot's temperature in which no particle leaves its place by much more than the wall. HG_EDATA: the
 * temperature is not known. */
HG_MUST_CHECK hg_status hg_snapshot_hold(hg_snapshot *s, const hg_cage_opts *cage, const hg_dynamics_opts *opts,
                                         hg_arena *mem, hg_err *err);
/* Labels: the isoconfigurational ensemble. Every run begins at s->x with velocities of its own of the snapshot's temperature, and keeps its energy. Runs go
 * side by side over the pool. s->time has the times that were simulated. Errors: HG_EDATA as above; HG_EIO of `work`. */
HG_MUST_CHECK hg_status hg_snapshot_label(hg_snapshot *s, const hg_label_opts *labels, const hg_dynamics_opts *opts,
                                          hg_arena *mem, hg_err *err);
/* Bound of the correlation with these labels, of particles of a species at time t: (2c / (1 + c))^(1/2), c the correlation of both halves of the runs.
 * NaN without labels. */
double hg_snapshot_ceiling(const hg_snapshot *s, size_t t, uint8_t species);

/* ---- liquids from nothing ----------------------------------------------------------------------------------------------- */

typedef struct {
    size_t n;                  /* particles of a liquid, of which four fifths are A; default 1200 */
    double density;            /* default 1.2 */
    double temperature;        /* default 0.5 */
    size_t liquids, snapshots; /* independent liquids, and snapshots of each; default 4 and 2 */
    size_t validation;         /* so many of the first liquids are for validation; default 1 */
    double hot, melt,
        cool; /* a liquid begins at a temperature for a time, and is cooled over another; default 1, 100 and 400 */
    double equilibrate; /* time at the temperature before the first snapshot; default 2000 */
    double between;     /* and from one to the next; default 450 */
    bool hold;          /* with cage states; default true */
    hg_cage_opts cage;
    hg_label_opts labels; /* its folder is not read; without times there are no labels */
    hg_dynamics_opts dynamics;
    double (*seconds)(void *ctx); /* a clock; default NULL: no times */
    void *clock;                  /* its ctx */
} hg_liquid_plan;
hg_liquid_plan hg_liquid_plan_default(void);

typedef enum { HG_STAGE_EQUILIBRATE, HG_STAGE_QUENCH, HG_STAGE_CAGE, HG_STAGE_RUNS, HG_LIQUID_STAGES } hg_liquid_stage;
typedef struct {
    size_t made, kept;                /* snapshots written now, and those that were there */
    double steps;                     /* of particles that were simulated now, without quenches */
    double seconds[HG_LIQUID_STAGES]; /* that each stage took now; 0 without a clock */
} hg_liquid_tally;
/* A set of labelled snapshots in a folder (made when it is not there): files lNNNsNNN.safetensors, and in work/ what is needed to go on. Killed at any moment
 * it goes on from the last finished piece: 20 units of time of a liquid, a run of an ensemble, a snapshot. More liquids or snapshots can be asked for later.
 * Errors: HG_EDATA the folder was begun with another plan; HG_EIO; those above. */
HG_MUST_CHECK hg_status hg_liquid_generate(hg_liquid_tally *tally, const char *folder, const hg_liquid_plan *plan,
                                           hg_err *err);
HG_END_DECLS
#endif
