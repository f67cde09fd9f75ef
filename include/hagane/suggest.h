/* hagane/suggest.h -- the main job: which candidates should be measured next, and why
 *
 * A campaign is a table of candidates (some measured), or measured rows plus a pool, or measured rows plus a space; one to
 * three objectives; constraints on other measured columns; failures; cost. One call fits the models, checks them by
 * leave-one-out, scores every candidate and returns a batch with its reasons.
 */
#ifndef HG_SUGGEST_H
#define HG_SUGGEST_H
#include "hagane/acquire.h"
#include "hagane/features.h"
#include "hagane/table.h"

typedef struct {
    const char *column;
    bool maximize;
} hg_objective;

typedef struct {
    const char *column; /* measured like a target */
    bool above;         /* value must be > limit, else < limit */
    double limit;
} hg_requirement;

typedef struct hg_space hg_space; /* a continuous / integer / categorical / mixture space, hagane/space.h */

typedef struct {
    const hg_objective *objective;
    size_t n_objectives; /* 1 to 3, required */
    const hg_requirement *require;
    size_t n_require;   /* default none */
    const char *failed; /* column that marks failed experiments (1/yes/true/failed); NULL: none */
    const char *cost;   /* positive cost of measuring a candidate; NULL: equal */
    hg_features_opts features;
    hg_acquisition acquisition; /* AUTO: EI for one objective, EHVI for several */
    double ucb_kappa;           /* mean + kappa sd; <= 0: the default schedule           default 0 */
    const char *const *prior;   /* columns of both tables with what other models say of each row: the prior mean of an
                                 * objective is a constant and a multiple of each; they are no inputs  default none */
    size_t n_prior;
    const char *kernel; /* as in hagane/gp.h; NULL: the default policy            default NULL */
    size_t batch;       /* suggestions wanted                                    default 1 */
    bool monte_carlo;   /* q-EI by joint samples instead of kriging believers     default false */
    bool even_pool;     /* take a pool that is clustered like an earlier campaign as if it were even  default false */
    uint64_t seed;
    hg_pool *pool; /* NULL: this thread */
    const hg_hooks *hooks;
} hg_suggest_opts;

typedef struct {
    size_t row;                        /* of the candidate table (0-based); SIZE_MAX for a point of a space */
    double mean[3], sd[3];             /* per objective, the target's units; sd of the noise-free value */
    double p_improve;                  /* probability of beating the best measured so far (of enlarging the front) */
    double p_feasible;                 /* of meeting every requirement and not failing; 1 when there is none */
    double score;                      /* of the acquisition function when it was chosen */
    size_t neighbour[3], n_neighbours; /* rows of the measured table, nearest in the model's own metric first */
    double distance[3];                /* in length scales */
    const double *x;                   /* [features dim] its features (raw units) */
    const char *why;                   /* one plain sentence */
} hg_suggestion;

typedef struct { /* leave-one-out check of one objective's model over the measured rows */
    size_t n;
    const size_t *row;           /* [n] rows of the measured table */
    const double *y, *mean, *sd; /* [n] measured, predicted without it, sd with noise */
    double rmse, rmse_mean;      /* of the model; of always saying the (leave-one-out) mean */
    double coverage90;           /* share of measured values inside the 90 % interval */
    double max_abs_z;            /* largest standardised residual, and its row */
    size_t max_abs_z_row;
    bool better_than_mean; /* false: the words warn */
    const char *words;
} hg_loo;

typedef struct {
    hg_suggestion *suggestion;
    size_t n; /* best first */
    hg_loo loo[3];
    size_t n_objectives;
    double best[3];
    size_t best_row; /* best measured (one objective); rows of the front otherwise below */
    const size_t *front;
    size_t n_front;                                 /* several objectives: measured, non-dominated rows */
    const double *pool_mean, *pool_sd, *pool_score; /* [n_pool] of objective 0; NULL for a space */
    const size_t *pool_row;
    size_t n_pool; /* candidate rows scored */
    const double *relevance;
    size_t n_groups; /* per feature group, objective 0; names from `features` */
    const hg_features *features;
    const char *model_words;               /* which columns, kernel, size, noise */
    const char *acquisition;               /* name of what was used */
    const char *warnings;                  /* "" or sentences, one a line */
    const hg_table *measured, *candidates; /* borrowed from the caller; candidates NULL for a space */
    const hg_table *points; /* of a space: one row a suggestion, its variables as columns; owned here; else NULL */
} hg_suggestions;

HG_BEGIN_DECLS
hg_suggest_opts hg_suggest_opts_default(void);

/* candidates NULL and space NULL: rows of `measured` whose every objective is blank are the candidates.
 * Errors: HG_EDATA (all measured, fewer than 2 measurements, text or constant target, ...), HG_ENOTFOUND, HG_ENAN,
 * HG_EINVAL, HG_ECANCEL, HG_ENOMEM; messages name file, line and column. */
HG_MUST_CHECK hg_status hg_suggest(hg_suggestions **out, const hg_table *measured, const hg_table *candidates,
                                   const hg_space *space, const hg_suggest_opts *opts, hg_err *err);
void hg_suggestions_free(hg_suggestions *s);

/* ---- replay: pretend that a fully measured table is unknown, and count ---------------------------------------------- */

typedef struct {
    size_t initial;          /* random measurements to begin with       default 2 */
    size_t budget;           /* measurements after them; 0 = all         default 40 */
    size_t runs;             /* repetitions with their own random start  default 100 */
    bool average_duplicates; /* rows with the same features become one, target averaged  default true */
} hg_replay_opts;

typedef struct {
    double median, q90,
        max;          /* measurements made after the initial ones; NaN when more runs than it allows never got there */
    size_t unreached; /* runs that never got there within the budget */
} hg_reach;

typedef struct {
    size_t n_pool, runs, budget, initial;
    hg_reach to_95, to_99, to_top5;             /* see below */
    hg_reach random_95, random_99, random_top5; /* the same for random order, run to the end of the pool */
    const double *best_so_far; /* [budget + 1, 3] median, 10 % and 90 % quantile of the best after k measurements */
    const double *random_best; /* [budget + 1, 3] */
    double y_best;
    const char *words;
} hg_replay_result;

hg_replay_opts hg_replay_opts_default(void);
/* One objective. Reached 95 % (99 %): maximising a positive target, y >= 0.95 (0.99) y_max; otherwise within 5 % (1 %) of
 * the pool's range of its best. top5: any of the best ceil(0.05 n) rows. Same result for any number of threads. */
HG_MUST_CHECK hg_status hg_replay(hg_replay_result **out, const hg_table *t, const hg_suggest_opts *opts,
                                  const hg_replay_opts *replay, hg_err *err);
void hg_replay_free(hg_replay_result *r);
HG_END_DECLS
#endif
