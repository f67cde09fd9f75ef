/* library/glass.h -- models of liquids in folders: trained from labelled snapshots, loaded, and scored on others
 *
 * A result names its tier, the information that it was made from: S0 the thermal snapshot alone, S1 its inherent structure too, S2 a cage state,
 * which needs a short simulation. Tiers are not to be compared without their names.
 */
#ifndef HG_LIBRARY_GLASS_H
#define HG_LIBRARY_GLASS_H
#include "hagane/snapshot_file.h"
#include "models/glass_model.h"

const char *hg_glass_tier(hg_glass_state state);       /* "S0", "S1", "S2" */
const char *hg_glass_tier_words(hg_glass_state state); /* "thermal snapshot alone" */

/* Which snapshots of a set: by the split that they name. A set in which none names one is taken whole. */
typedef enum { HG_GLASS_TO_LEARN, HG_GLASS_TO_SCORE, HG_GLASS_ALL } hg_glass_part;
bool hg_glass_wanted(const hg_snapshot *s, hg_glass_part part);

/* Is the structure known? If not, it is simulated, in mem: a quench takes 1-3 s for 4096 particles, a cage state several times that. The same bits
 * for any number of threads. Errors: those of hg_snapshot_quench and hg_snapshot_hold; HG_EDATA a cage state without a temperature; HG_ECANCEL. */
bool hg_glass_prepared(const hg_snapshot *s, hg_glass_state state);
HG_MUST_CHECK hg_status hg_glass_prepare(hg_snapshot *s, hg_glass_state state, hg_pool *pool, const hg_hooks *hooks,
                                         hg_arena *mem, hg_err *err);

/* ---- training -------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_glass_state state;
    bool bonds;                         /* learn changes of distances, too */
    bool thermal;                       /* descriptors of the snapshot as it is, too: hg_floor_begin */
    const hg_floor_nets_opts *networks; /* that correct it where they gain in liquids left out; NULL: none */
    bool all;                           /* snapshots that name themselves test or validation, too */
    const char *data;                   /* path of the set, of which the card keeps the name */
    const char *name;                   /* of the model; NULL: the folder's */
    const char *source, *licence;       /* of the data, in words; NULL: not told */
    hg_pool *pool;
    const hg_hooks *hooks;
} hg_glass_lessons;

/* Writes the folder whole or not at all. Snapshots of one liquid are left out together; where liquids are not told, one at a time.
 * Errors: those of reading and of hg_floor_learn; HG_EDATA nothing to learn from; HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_glass_train(hg_floor_scores *scores, const char *folder, hg_snapshot_set *set,
                                       const hg_glass_lessons *l, hg_err *err);
/* Of any kind. Errors: those of the folder and of its weights; HG_ENOTFOUND a model of something else. */
HG_MUST_CHECK hg_status hg_glass_open(hg_glass_model **out, const char *folder, hg_err *err);

/* ---- scores ---------------------------------------------------------------------------------------------------------- */

typedef enum { HG_GLASS_A, HG_GLASS_B, HG_GLASS_AA, HG_GLASS_KINDS } hg_glass_scored;
const char *hg_glass_scored_name(hg_glass_scored kind); /* "A": particles; "AA": bonds */

typedef struct {
    double time;
    hg_glass_scored what;
    size_t snapshots, n;
    double rho, error; /* Pearson's, mean over snapshots; standard error of the mean, NaN of one */
    double corrected;  /* each divided by what noise of its labels allows; NaN: halves of the runs are not known */
    double attainable; /* what noise allows, mean */
    double pooled;     /* over all snapshots at once */
    double spread;     /* variance predicted by variance known, in snapshots: below 1 predictions are too much alike */
} hg_glass_score;

enum { HG_GLASS_SCORES_MOST = HG_FLOOR_TIMES_MOST * HG_GLASS_KINDS };

typedef struct {
    size_t n;
    hg_glass_score score[HG_GLASS_SCORES_MOST]; /* by time, then kind */
    double coldest, hottest;                    /* temperatures of the snapshots; NaN: not known */
    size_t unlike;                              /* of the snapshots: hg_glass_strays */
    size_t split, bare, other; /* left out: by the split they name, without labels, labels of other times */
} hg_glass_scores;

/* Every A particle of all snapshots at one time, to be drawn. */
typedef struct {
    double time; /* wanted; one of the model's */
    size_t n, room;
    float *known, *predicted; /* [n] freed by hg_glass_points_free */
} hg_glass_points;
void hg_glass_points_free(hg_glass_points *p);

/* Those times of the model that the labels have, too. points: NULL, or zeros but for the time. Errors: HG_EDATA no snapshot of that part with labels of
 * one of the model's times; those of reading and predicting. */
HG_MUST_CHECK hg_status hg_glass_evaluate(hg_glass_scores *out, hg_glass_points *points, const hg_glass_model *m,
                                          hg_snapshot_set *set, hg_glass_part part, hg_pool *pool,
                                          const hg_hooks *hooks, hg_err *err);
/* Are these temperatures so far from those that the model has learned from that it should not be trusted? False where they are not known. */
bool hg_glass_foreign(const hg_floor_facts *f, double coldest, double hottest);

/* Pearson's correlation over the particles of a species; NaN: fewer than three, or all alike. */
double hg_glass_rho(const hg_snapshot *s, const float *predicted, const float *known, size_t species);

/* Mean propensities of a snapshot outside of those learned from by more than a quarter: the liquid is unlike them, whatever its temperature. */
typedef struct {
    size_t species;
    double time, mean, least, most; /* least and most: of snapshots learned from */
} hg_glass_stray;
/* The one that is farthest out; propensity[f->n_times,s->n]. False: there is none, or the model does not know what it has learned. */
bool hg_glass_strays(hg_glass_stray *out, const hg_floor_facts *f, const hg_snapshot *s, const float *propensity);

/* What others have published of such liquids (Kob and Andersen's at density 1.2), mean over 100 test snapshots, species A; to stand beside. */
typedef struct {
    const char *who; /* "BOTAN" */
    double temperature, time, rho;
} hg_glass_published;
const hg_glass_published *hg_glass_published_at(size_t i); /* NULL past the last */
/* Is it of this temperature and time, near enough to stand beside? */
bool hg_glass_published_fits(const hg_glass_published *p, double temperature, double time);
/* Structural relaxation time of that liquid, as the published data sets have it: at T = 0.44, 0.50, 0.56, 0.64. 0: not known. */
double hg_glass_relaxation_time(double temperature);
#endif
