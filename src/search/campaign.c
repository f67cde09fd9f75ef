/* search/campaign.c -- see search/campaign.h: scales, distances and changes of a campaign that was read */
#include "search/campaign.h"
#include "core/memory.h"
#include "search/density.h"
#include "search/policy.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *hg_row_words(char buf[64], const hg_table *t, size_t row) {
    const size_t line = hg_table_line(t, row);
    if (line)
        snprintf(buf, 64, "line %zu", line); /* what an editor shows; JSON has the row too */
    else
        snprintf(buf, 64, "row %zu", row);
    return buf;
}

/* A number column is divided by its range. The numbers of one formula column are of many kinds and sizes: each is divided
 * by the spread sqrt(12) sd (the range of a uniform distribution with that sd, but not ruled by one outlier) and by
 * sqrt(dim), so that two random rows lie about as far apart as in one number column and one length scale serves them
 * all. A level of a category moves two 0/1 columns: / sqrt(2) puts any two levels at distance 1. */
void hg_campaign_scale(double *shift, double *scale, const hg_features *f, const double *const *x, const size_t *rows,
                       size_t parts) {
    const size_t d = hg_features_dim(f);
    size_t n = 0;
    for (size_t p = 0; p < parts; p++) n += rows[p];
    for (size_t g = 0; g < hg_features_groups(f); g++) {
        const hg_feature_group *group = hg_features_group(f, g);
        for (size_t j = group->first; j < group->first + group->dim; j++) {
            double low = HUGE_VAL, high = -HUGE_VAL, mean = 0, var = 0;
            for (size_t p = 0; p < parts; p++)
                for (size_t i = 0; i < rows[p]; i++) {
                    const double v = x[p][i * d + j];
                    low = fmin(low, v);
                    high = fmax(high, v);
                    mean += v / (double)n;
                }
            for (size_t p = 0; p < parts; p++)
                for (size_t i = 0; i < rows[p]; i++) {
                    const double v = x[p][i * d + j] - mean;
                    var += v * v / (double)n;
                }
            double span = high - low;
            if (group->kind == HG_GROUP_CATEGORY) span = sqrt(2);
            if (group->kind == HG_GROUP_FORMULA) span = sqrt(12 * var * (double)group->dim);
            shift[j] = group->kind == HG_GROUP_NUMBER ? low : group->kind == HG_GROUP_CATEGORY ? 0 : mean;
            scale[j] = high > low && span > 0 ? span : 1; /* a constant stays: all its distances are 0 */
        }
    }
}

static const double VANISHING = 1e300; /* scale of columns that are no inputs: no distance sees them */

hg_status hg_campaign_widen(hg_campaign *c, size_t extra, bool in_ranges, hg_err *err) {
    const size_t d = c->d + extra;
    size_t *group = hg_alloc(c->mem, d, sizeof *group);
    double *shift = hg_alloc(c->mem, d, sizeof *shift), *scale = hg_alloc(c->mem, d, sizeof *scale);
    if (!group || !shift || !scale) return hg_fail(err, HG_ENOMEM, "campaign of %s", hg_table_source(c->measured));
    for (size_t j = 0; j < d; j++) {
        const bool input = j < c->d;
        group[j] = input ? c->group[j] : 0;
        shift[j] = input && !in_ranges ? c->shift[j] : 0;
        scale[j] = !input ? VANISHING : in_ranges ? 1 : c->scale[j];
    }
    c->group = group;
    c->shift = shift;
    c->scale = scale;
    c->d = d;
    return HG_OK;
}

hg_status hg_campaign_weigh_density(hg_campaign *c, uint64_t seed, hg_pool *pool, hg_err *err) {
    const size_t d = c->d, n = c->n_measured + c->n_failed + c->n_candidates, groups = hg_features_groups(c->features);
    if (d > HG_POLICY.density_dims) return HG_OK;
    double *all = hg_alloc(c->mem, n, d * sizeof *all), *rows;
    bool *ranked = hg_alloc(c->mem, d, sizeof *ranked);
    if (!all || !ranked) return hg_fail(err, HG_ENOMEM, "campaign of %s", hg_table_source(c->measured));
    memcpy(all, c->x, c->n_measured * d * sizeof *all);
    memcpy(all + c->n_measured * d, c->xf, c->n_failed * d * sizeof *all);
    memcpy(all + (c->n_measured + c->n_failed) * d, c->xc, c->n_candidates * d * sizeof *all);
    for (size_t g = 0; g < groups; g++) {
        const hg_feature_group *group = hg_features_group(c->features, g);
        for (size_t j = 0; j < group->dim; j++) ranked[group->first + j] = group->kind == HG_GROUP_NUMBER;
    }
    const hg_density_opts o = { .x = all,
                                .n = n,
                                .d = d,
                                .groups = groups,
                                .ranked = ranked,
                                .shift = c->shift,
                                .scale = c->scale,
                                .seed = seed,
                                .pool = pool };
    HG_TRY(hg_density_rows(&rows, &c->density, &o, c->mem, err));
    if (c->density == 0) return HG_OK;
    HG_TRY(hg_campaign_widen(c, HG_DENSITY_COLUMNS, true, err));
    c->raw = c->xc;
    c->x = rows;
    c->xf = c->x + c->n_measured * c->d;
    c->xc = c->xf + c->n_failed * c->d;
    return HG_OK;
}

double hg_campaign_distance2(const hg_campaign *c, const double *a, const double *b) {
    double sum = 0;
    for (size_t j = 0; j < c->d; j++) {
        const double t = (a[j] - b[j]) / c->scale[j];
        sum += t * t;
    }
    return sum;
}

void hg_campaign_drop(hg_campaign *c, const bool *out) {
    size_t kept = 0;
    for (size_t i = 0; i < c->n_candidates; i++) {
        if (out[i]) continue;
        c->candidate[kept] = c->candidate[i];
        memmove(c->xc + kept * c->d, c->xc + i * c->d, c->d * sizeof *c->xc);
        if (c->cost) c->cost[kept] = c->cost[i];
        const size_t dim = hg_features_dim(c->features);
        if (c->raw) memmove(c->raw + kept * dim, c->raw + i * dim, dim * sizeof *c->raw);
        for (size_t k = 0; k < c->n_limits; k++)
            if (c->limit[k].known) c->limit[k].known[kept] = c->limit[k].known[i];
        kept++;
    }
    c->n_candidates = kept;
}

typedef struct {
    const double *x;
    size_t bytes;
} raw_row;

static int by_bytes(const void *a, const void *b) {
    const raw_row *p = a, *q = b;
    return memcmp(p->x, q->x, p->bytes);
}

hg_status hg_campaign_repeats(bool *same, const hg_campaign *c, hg_err *err) {
    raw_row *sorted = hg_malloc(c->n_measured, sizeof *sorted);
    if (!sorted) return hg_fail(err, HG_ENOMEM, "%zu measured rows", c->n_measured);
    for (size_t i = 0; i < c->n_measured; i++) sorted[i] = (raw_row) { c->x + i * c->d, c->d * sizeof *c->x };
    qsort(sorted, c->n_measured, sizeof *sorted, by_bytes);
    for (size_t i = 0; i < c->n_candidates; i++) {
        const raw_row key = { c->xc + i * c->d, c->d * sizeof *c->x };
        same[i] = bsearch(&key, sorted, c->n_measured, sizeof *sorted, by_bytes) != NULL;
    }
    hg_free(sorted);
    return HG_OK;
}

bool hg_campaign_meets(const hg_campaign *c, size_t i) {
    for (size_t k = 0; k < c->n_limits; k++) {
        const hg_limit *l = &c->limit[k];
        if (!(l->above ? l->value[i] > l->limit : l->value[i] < l->limit)) return false; /* NaN: not known */
    }
    return true;
}

void hg_campaign_free(hg_campaign *c) {
    if (!c) return;
    hg_features_free(c->features);
    hg_text_free(&c->warnings);
    hg_arena_free(c->mem);
}
