/* learn/domain.c -- see learn/domain.h */
#include "learn/domain.h"
#include "core/memory.h"
#include "learn/rows_kernel.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64, TOGETHER = HG_ROWS_TOGETHER, LANES = 16 };
static const double FAR_SHARE = 0.99, MARGIN = 1.25;

static hg_status make(hg_domain *dom, size_t d, size_t points, hg_err *err) {
    *dom = (hg_domain) { .d = d, .points = points, .axes = d < HG_DOMAIN_AXES ? d : HG_DOMAIN_AXES, .reach = 1 };
    dom->low = hg_malloc(d, sizeof *dom->low);
    dom->high = hg_malloc(d, sizeof *dom->high);
    dom->axis = hg_calloc(dom->axes * d, sizeof *dom->axis);
    dom->point = hg_calloc(points * dom->axes, sizeof *dom->point);
    dom->near = hg_calloc(points * dom->axes, sizeof *dom->near);
    if (dom->low && dom->high && dom->axis && dom->point && dom->near) return HG_OK;
    hg_domain_free(dom);
    return hg_fail(err, HG_ENOMEM, "no memory for the domain of a model");
}

void hg_domain_free(hg_domain *dom) {
    hg_free(dom->low);
    hg_free(dom->high);
    hg_free(dom->axis);
    hg_free(dom->point);
    hg_free(dom->near);
    hg_free(dom->group);
    hg_scaling_free(&dom->scaling);
    *dom = (hg_domain) { 0 };
}

/* Few columns stand for themselves; many are projected so that distances stay what they are in the mean. */
static void choose_axes(hg_domain *dom, uint64_t seed) {
    hg_rng r = hg_rng_make(seed, 0xd03a);
    const bool project = dom->axes < dom->d;
    for (size_t a = 0; a < dom->axes; a++)
        for (size_t j = 0; j < dom->d; j++)
            dom->axis[j * dom->axes + a] = project ? hg_rng_normal(&r) / sqrt((double)dom->axes) : (double)(a == j);
}

typedef double places[TOGETHER][HG_DOMAIN_AXES];

/* n <= TOGETHER rows; z[TOGETHER,d] is scratch. */
static void place(places at, const hg_domain *dom, const float *x, size_t n, double *z) {
    hg_scaling_apply(z, &dom->scaling, x, n);
    if (n < TOGETHER) memset(z + n * dom->d, 0, (TOGETHER - n) * dom->d * sizeof *z);
    if (dom->axes == HG_ROWS_AXES) {
        hg_rows_project(at[0], dom->axis, z, dom->d);
        return;
    }
    memset(at, 0, sizeof(places));
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < dom->d; j++)
            for (size_t a = 0; a < dom->axes; a++) at[r][a] += dom->axis[j * dom->axes + a] * z[r * dom->d + j];
}

static size_t group_of(const hg_rows *rows, size_t i) { return rows->group ? rows->group[i] : i; }

static void ranges(hg_domain *dom, const hg_rows *rows, const bool *plain) {
    for (size_t j = 0; j < dom->d; j++) {
        dom->low[j] = plain[j] ? FLT_MAX : -FLT_MAX;
        dom->high[j] = plain[j] ? -FLT_MAX : FLT_MAX;
        for (size_t i = 0; plain[j] && i < rows->n; i++) {
            dom->low[j] = fminf(dom->low[j], rows->x[i * dom->d + j]);
            dom->high[j] = fmaxf(dom->high[j], rows->x[i * dom->d + j]);
        }
    }
    dom->has_composition = rows->composition != NULL;
    for (size_t i = 0; rows->composition && i < rows->n; i++)
        for (size_t k = 0; k < rows->composition[i].n; k++) dom->element[rows->composition[i].species[k].z] = true;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As far as all but one in a hundred rows are from rows of other groups, and a quarter more. */
static hg_status measure_reach(hg_domain *dom, const hg_rows *rows, hg_pool *pool, hg_err *err) {
    hg_domain_view *view = hg_malloc(rows->n, sizeof *view);
    double *distance = hg_malloc(rows->n, sizeof *distance);
    hg_status st = view && distance ? hg_domain_look(view, dom, rows, true, pool, err)
                                    : hg_fail(err, HG_ENOMEM, "no memory for the domain of a model");
    size_t n = 0;
    for (size_t i = 0; st == HG_OK && i < rows->n; i++)
        if (isfinite(view[i].distance)) distance[n++] = view[i].distance;
    if (st == HG_OK && n) {
        qsort(distance, n, sizeof *distance, by_value);
        const double far = distance[(size_t)(FAR_SHARE * (double)(n - 1))];
        if (far > 0) dom->reach = MARGIN * far;
    }
    hg_free(view);
    hg_free(distance);
    return st;
}

static void round_points(hg_domain *dom) {
    for (size_t k = 0; k < dom->axes * dom->points; k++) dom->near[k] = (float)dom->point[k];
}

static hg_status fit(hg_domain *dom, const hg_rows *rows, const bool *plain, uint64_t seed, hg_pool *pool,
                     hg_err *err) {
    size_t *order = hg_malloc(rows->n, sizeof *order);
    double *z = hg_malloc(TOGETHER * dom->d, sizeof *z);
    dom->group = hg_malloc(dom->points, sizeof *dom->group);
    hg_status st = order && z && dom->group ? hg_scaling_fit(&dom->scaling, rows, err)
                                            : hg_fail(err, HG_ENOMEM, "no memory for the domain of a model");
    if (st == HG_OK) {
        hg_rng r = hg_rng_make(seed, 0xd03b);
        for (size_t i = 0; i < rows->n; i++) order[i] = i;
        hg_rng_shuffle(&r, order, rows->n);
        choose_axes(dom, seed);
        for (size_t p = 0; p < dom->points; p++) {
            places at;
            place(at, dom, rows->x + order[p] * dom->d, 1, z);
            for (size_t a = 0; a < dom->axes; a++) dom->point[a * dom->points + p] = at[0][a];
            dom->group[p] = group_of(rows, order[p]);
        }
        round_points(dom);
        ranges(dom, rows, plain);
        st = measure_reach(dom, rows, pool, err);
    }
    hg_free(order);
    hg_free(z);
    return st;
}

hg_status hg_domain_fit(hg_domain *out, const hg_rows *rows, const bool *plain, uint64_t seed, hg_pool *pool,
                        hg_err *err) {
    HG_TRY(make(out, rows->d, rows->n < HG_DOMAIN_POINTS ? rows->n : HG_DOMAIN_POINTS, err));
    const hg_status st = fit(out, rows, plain, seed, pool, err);
    if (st != HG_OK) hg_domain_free(out);
    return st;
}

/* ---- a look ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_domain_view *view;
    const hg_domain *dom;
    const hg_rows *rows;
    bool apart;
    size_t *plain; /* [n_plain]: columns whose range is known */
    size_t n_plain;
    double *scratch; /* [workers, TOGETHER, d] */
} looking;

/* In float: a distance to six digits is what its unit is good for. */
static double nearest(const hg_domain *dom, const double *at, bool apart, size_t group) {
    float square[HG_DOMAIN_POINTS + LANES], least[LANES], all = INFINITY, place32[HG_DOMAIN_AXES];
    for (size_t a = 0; a < dom->axes; a++) place32[a] = (float)at[a];
    hg_rows_squares(square, dom->near, place32, dom->axes, dom->points);
    for (size_t p = 0; apart && p < dom->points; p++)
        if (dom->group[p] == group) square[p] = INFINITY;
    for (size_t k = 0; k < LANES; k++) square[dom->points + k] = least[k] = INFINITY;
    for (size_t p = 0; p < dom->points; p += LANES)
        for (size_t k = 0; k < LANES; k++) least[k] = square[p + k] < least[k] ? square[p + k] : least[k];
    for (size_t k = 0; k < LANES; k++) all = least[k] < all ? least[k] : all;
    return sqrt((double)all);
}

static hg_domain_view view_of(const looking *l, size_t i, const double *at) {
    const hg_domain *dom = l->dom;
    const float *x = l->rows->x + i * dom->d;
    hg_domain_view v = { .column = SIZE_MAX };
    v.distance = nearest(dom, at, l->apart, group_of(l->rows, i)) / dom->reach;
    for (size_t k = 0; k < l->n_plain && v.column == SIZE_MAX; k++)
        if (x[l->plain[k]] < dom->low[l->plain[k]] || x[l->plain[k]] > dom->high[l->plain[k]]) v.column = l->plain[k];
    const hg_composition *c = dom->has_composition && l->rows->composition ? &l->rows->composition[i] : NULL;
    for (size_t k = 0; c && k < c->n && !v.element; k++)
        if (!dom->element[c->species[k].z]) v.element = c->species[k].z;
    v.outside = v.element || v.column != SIZE_MAX || v.distance > 1;
    return v;
}

static void look_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const looking *l = ctx;
    const hg_domain *dom = l->dom;
    for (size_t i = begin; i < end; i += TOGETHER) {
        const size_t n = end - i < TOGETHER ? end - i : TOGETHER;
        places at;
        place(at, dom, l->rows->x + i * dom->d, n, l->scratch + worker * TOGETHER * dom->d);
        for (size_t r = 0; r < n; r++) l->view[i + r] = view_of(l, i + r, at[r]);
    }
}

hg_status hg_domain_look(hg_domain_view *view, const hg_domain *dom, const hg_rows *rows, bool apart, hg_pool *pool,
                         hg_err *err) {
    looking l = { .view = view, .dom = dom, .rows = rows, .apart = apart && dom->group };
    l.scratch = hg_malloc(hg_pool_threads(pool) * TOGETHER * dom->d, sizeof *l.scratch);
    l.plain = hg_malloc(dom->d, sizeof *l.plain);
    const bool ready = l.scratch && l.plain;
    for (size_t j = 0; ready && j < dom->d; j++)
        if (dom->low[j] > -FLT_MAX || dom->high[j] < FLT_MAX) l.plain[l.n_plain++] = j;
    if (ready) hg_pool_for(pool, rows->n, CHUNK, look_task, &l);
    hg_free(l.scratch);
    hg_free(l.plain);
    return ready ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for the domain of a model");
}

/* ---- files --------------------------------------------------------------------------------------------------------------- */

hg_status hg_domain_save(const hg_domain *dom, hg_shelf *to, hg_err *err) {
    uint8_t element[HG_ELEMENTS + 1] = { 0 };
    const size_t elements = HG_ELEMENTS + 1, axis[2] = { dom->d, dom->axes }, point[2] = { dom->axes, dom->points };
    element[0] = dom->has_composition;
    for (size_t z = 1; z < elements; z++) element[z] = dom->element[z];
    HG_TRY(hg_scaling_save(&dom->scaling, to, err));
    HG_TRY(hg_shelf_floats(to, "low", dom->low, dom->d, err));
    HG_TRY(hg_shelf_floats(to, "high", dom->high, dom->d, err));
    HG_TRY(hg_shelf_put(to, "element", HG_STORED_U8, &elements, 1, element, err));
    HG_TRY(hg_shelf_put(to, "axis", HG_STORED_F64, axis, 2, dom->axis, err));
    HG_TRY(hg_shelf_put(to, "point", HG_STORED_F64, point, 2, dom->point, err));
    return hg_shelf_doubles(to, "reach", &dom->reach, 1, err);
}

static hg_status read_domain(hg_domain *dom, const hg_shelf_view *from, const hg_stored *point, hg_err *err) {
    const size_t elements = HG_ELEMENTS + 1, axis[2] = { dom->d, dom->axes };
    const hg_stored *t;
    HG_TRY(hg_scaling_load(&dom->scaling, from, dom->d, err));
    HG_TRY(hg_shelf_get_floats(dom->low, from, "low", dom->d, err));
    HG_TRY(hg_shelf_get_floats(dom->high, from, "high", dom->d, err));
    HG_TRY(hg_shelf_get(&t, from, "element", HG_STORED_U8, &elements, 1, err));
    dom->has_composition = ((const uint8_t *)t->data)[0] != 0;
    for (size_t z = 1; z < elements; z++) dom->element[z] = ((const uint8_t *)t->data)[z] != 0;
    HG_TRY(hg_shelf_get(&t, from, "axis", HG_STORED_F64, axis, 2, err));
    memcpy(dom->axis, t->data, t->count * sizeof *dom->axis);
    memcpy(dom->point, point->data, point->count * sizeof *dom->point);
    round_points(dom);
    HG_TRY(hg_shelf_get_doubles(&dom->reach, from, "reach", 1, err));
    if (dom->reach > 0) return HG_OK;
    return hg_fail(err, HG_EDATA, "%s: the reach of a domain is %g, expected a positive number", from->source,
                   dom->reach);
}

hg_status hg_domain_load(hg_domain *out, const hg_shelf_view *from, size_t d, hg_err *err) {
    const size_t shape[2] = { d < HG_DOMAIN_AXES ? d : HG_DOMAIN_AXES, HG_SHELF_ANY };
    const hg_stored *point;
    *out = (hg_domain) { 0 };
    HG_TRY(hg_shelf_get(&point, from, "point", HG_STORED_F64, shape, 2, err));
    if (point->shape[1] == 0 || point->shape[1] > HG_DOMAIN_POINTS)
        return hg_fail(err, HG_EDATA, "%s: a domain of %zu points", from->source, point->shape[1]);
    HG_TRY(make(out, d, point->shape[1], err));
    const hg_status st = read_domain(out, from, point, err);
    if (st != HG_OK) hg_domain_free(out);
    return st;
}
