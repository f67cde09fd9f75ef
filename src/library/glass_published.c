/* library/glass_published.c -- what others have reached: GlassBench, Kob-Andersen in three dimensions
 *
 * Pearson's rho of A particles, mean over 100 test snapshots of N = 4096: the score tables that accompany Jiang et al. (J. Phys. Chem. B, 2025,
 * arXiv:2407.06111), which hold the curves of the roadmap (arXiv:2311.14752) too. Figures are quoted.
 */
#include "library/glass.h"
#include <math.h>

enum { COLD_TIMES = 9, WARM_TIMES = 8, ROWS = 5 };

static const double COLD = 0.44, COLD_TIME[COLD_TIMES] = { 0.13, 1.3, 13, 130, 412, 1300, 4120, 13000, 41200 };
static const double WARM = 0.50, WARM_TIME[WARM_TIMES] = { 0.108, 0.434, 2.17, 6.86, 21.7, 68.6, 217, 686 };

static const struct {
    const char *who;
    double cold[COLD_TIMES], warm[WARM_TIMES];
} PUBLISHED[ROWS] = {
    { "BOTAN",
      { .949, .739, .734, .697, .734, .748, .752, .691, .514 },
      { .952, .915, .748, .733, .720, .732, .709, .600 } },
    { "CAGE",
      { .684, .847, .901, .826, .802, .801, .782, .706, .533 },
      { .643, .586, .756, .806, .815, .801, .766, .659 } },
    { "GlassMLP",
      { .392, .796, .768, .725, .737, .761, .756, .677, .469 },
      { .227, .595, .752, .736, .711, .715, .700, .590 } },
    { "SE(3)-GNN",
      { .896, .672, .681, .708, .749, .785, .791, .731, .558 },
      { .915, .733, .697, .706, .724, .754, .752, .665 } },
    { "EIGNN, cage",
      { .878, .872, .915, .858, .839, .834, .817, .753, .589 },
      { .881, .689, .818, .850, .848, .831, .797, .692 } },
};

const hg_glass_published *hg_glass_published_at(size_t i) {
    static _Thread_local hg_glass_published p;
    const size_t row = i / (COLD_TIMES + WARM_TIMES), at = i % (COLD_TIMES + WARM_TIMES);
    if (row >= ROWS) return NULL;
    p = at < COLD_TIMES ? (hg_glass_published) { PUBLISHED[row].who, COLD, COLD_TIME[at], PUBLISHED[row].cold[at] }
                        : (hg_glass_published) { PUBLISHED[row].who, WARM, WARM_TIME[at - COLD_TIMES],
                                                 PUBLISHED[row].warm[at - COLD_TIMES] };
    return &p;
}

/* Time grids of Shiba et al., J. Chem. Phys. 158, 084503 (2023). */
double hg_glass_relaxation_time(double temperature) {
    static const double KNOWN[][2] = { { 0.44, 4120 }, { 0.50, 217 }, { 0.56, 52 }, { 0.64, 16.5 } };
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (fabs(KNOWN[i][0] - temperature) < 0.005) return KNOWN[i][1];
    return 0;
}

bool hg_glass_published_fits(const hg_glass_published *p, double temperature, double time) {
    return fabs(p->temperature - temperature) < 0.005 && fabs(log(p->time / time)) < 0.02;
}
