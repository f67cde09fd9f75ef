/* search/policy.h -- every number that decides how a campaign is run, in one place
 *
 * None of them was fitted to the benchmark sets of docs/benchmarks.md; that there is a density treatment at all was prompted
 * by one of them, AutoAM, as that page says.
 */
#ifndef HG_SEARCH_POLICY_H
#define HG_SEARCH_POLICY_H
#include <stddef.h>

typedef struct {
    const char *kernel;           /* of a learned model, when the caller names none */
    double kappa_few, kappa_many; /* of UCB, mean + kappa sd, for few and many groups (bayes/ensemble.h) */
    double tie;                   /* scores closer than this share count as equal */
    size_t most_ties;             /* more candidates than this at once: the first of them */
    size_t joint;                 /* candidates of one Thompson draw */
    double work;           /* candidates x points x members of one prediction: above, the lightest members go ... */
    size_t least_members;  /* ... but not below this many */
    double largest_value;  /* |target| beyond this is a placeholder or a mistake; squares must stay finite */
    double least_spread;   /* targets that differ by less than this have squares that vanish */
    double repeat_noise;   /* a measured candidate may be proposed again when the noise sd exceeds this share of the
                              * spread of the measured values: below it a repeat tells next to nothing */
    double failure_length; /* length of the failure classifier, in scaled units times sqrt(number of groups) */
    double failure_prior;  /* its prior weight, in experiments */
    double least_feasible; /* floor of a probability of being feasible, so that candidates stay comparable */
    size_t chunk;          /* candidates predicted at once: bounds the scratch memory */
    size_t qei_samples, qei_shortlist; /* joint samples; candidates among which they are drawn, best by EI */
    size_t space_points;               /* even points of a space that are scored first */
    size_t space_starts, space_moves;  /* best points refined, neighbours tried at each step */
    size_t check_points;               /* fewer measured rows than this cannot show a model to be worse than the mean */
    double attached_bytes; /* a replay keeps what its ensemble knows of the pool up to this size per thread */
    double hopeless;       /* no suggestion has a better chance to beat the best: the words say so */
    size_t random_orders;  /* permutations behind the random line of a replay */
    double density_from, density_over;  /* search/density.h: strength = clamp((c1 + c2 - from) / over) */
    double density_h, density_h2;       /* kernel widths of the statistic and of the density that is used */
    size_t density_least;               /* fewer candidates than this have no shape */
    size_t density_all, density_subset; /* pools larger than this are compared with a random subset of so many */
    size_t density_dims;                /* more dimensions (formula columns) are left alone */
} hg_policy;

extern const hg_policy HG_POLICY;
#endif
