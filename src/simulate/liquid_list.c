/* simulate/liquid_list.c -- which cluster acts on which
 *
 * The box is cut into columns along z, about as wide as a cluster is tall. Within a column particles are ordered by z and taken four by four, so that a
 * cluster is compact. Of two clusters one has the pair in its list; which one depends on whether their numbers are odd, so that lists are equally long.
 */
#include "core/memory.h"
#include "matter/snapshot.h"
#include "simulate/liquid.h"
#include <math.h>
#include <string.h>

static const float EMPTY_PLACE = 1e4F; /* times the slot's number: far from all, and from one another */
enum { CANDIDATES = 4096 };

/* ---- slots ---------------------------------------------------------------------------------------------------------- */

static uint32_t column_along(double x, double length, size_t columns) {
    const size_t c = (size_t)(x / length * (double)columns);
    return (uint32_t)(c < columns ? c : columns - 1);
}

/* Positions and what belongs to them, by particle. The image in the box stands at x - origin. */
static void take_out(hg_liquid *l) {
    double *x = l->ordered, *v = x + 3 * l->n, *anchor = v + 3 * l->n;
    for (size_t s = 0; s < 4 * l->clusters; s++) {
        if (l->id[s] == LIQUID_EMPTY) continue;
        for (size_t k = 0; k < 3; k++) {
            const size_t lane = liquid_lane(s, k), to = 3 * (size_t)l->id[s] + k;
            x[to] = l->x[lane];
            v[to] = l->v[lane];
            anchor[to] = l->anchor[lane];
        }
    }
}

/* By column, and by z within one. Particles of equal z stand by number. */
static void sort_into_columns(hg_liquid *l) {
    const double *x = l->ordered;
    const size_t columns = l->columns[0] * l->columns[1];
    memset(l->column_start, 0, (columns + 1) * sizeof *l->column_start);
    for (size_t i = 0; i < l->n; i++) {
        const double in[2] = { hg_wrapped(x[3 * i], l->box[0]), hg_wrapped(x[3 * i + 1], l->box[1]) };
        l->column_of[i] = column_along(in[0], l->box[0], l->columns[0]) * (uint32_t)l->columns[1] +
                          column_along(in[1], l->box[1], l->columns[1]);
        l->column_start[l->column_of[i] + 1]++;
    }
    for (size_t c = 0; c < columns; c++) l->column_start[c + 1] += l->column_start[c];
    for (size_t i = l->n; i-- > 0;) l->order[--l->column_start[l->column_of[i] + 1]] = (uint32_t)i;
    /* column_start[c + 1] is now where column c begins */
    memmove(l->column_start, l->column_start + 1, columns * sizeof *l->column_start);
    l->column_start[columns] = (uint32_t)l->n;
}

typedef struct {
    double z;
    uint32_t id;
} height;

static void sort_by_height(height *h, size_t n) {
    for (size_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : (size_t)((double)gap / 2.2))
        for (size_t i = gap; i < n; i++) {
            const height v = h[i];
            size_t j = i;
            for (; j >= gap && (h[j - gap].z > v.z || (h[j - gap].z == v.z && h[j - gap].id > v.id)); j -= gap)
                h[j] = h[j - gap];
            h[j] = v;
        }
}

static void put_in(hg_liquid *l, size_t slot, uint32_t id) {
    const double *x = l->ordered, *v = x + 3 * l->n, *anchor = v + 3 * l->n;
    l->id[slot] = id;
    for (size_t k = 0; k < 3; k++) {
        const size_t lane = liquid_lane(slot, k), from = 3 * (size_t)id + k;
        l->x[lane] = x[from];
        l->v[lane] = v[from];
        l->anchor[lane] = anchor[from];
        l->origin[lane] = x[from] - hg_wrapped(x[from], l->box[k]);
    }
}

static void leave_empty(hg_liquid *l, size_t slot) {
    l->id[slot] = LIQUID_EMPTY;
    for (size_t k = 0; k < 3; k++) {
        const size_t lane = liquid_lane(slot, k);
        l->x[lane] = l->anchor[lane] = k == 0 ? (double)(EMPTY_PLACE * (float)(slot + 1)) : 0;
        l->v[lane] = l->origin[lane] = 0;
    }
}

static void find_bounds(hg_liquid *l, size_t c) {
    float *lo = l->bound + 6 * c, *hi = lo + 3;
    uint16_t type = 0;
    for (size_t k = 0; k < 3; k++) {
        lo[k] = INFINITY;
        hi[k] = -INFINITY;
    }
    for (size_t s = 4 * c; s < 4 * c + 4; s++) {
        if (l->id[s] == LIQUID_EMPTY) continue;
        if (l->species[l->id[s]]) type = (uint16_t)(type | 0x1111U << s % 4);
        for (size_t k = 0; k < 3; k++) {
            const float x = l->near[liquid_lane(s, k)];
            lo[k] = x < lo[k] ? x : lo[k];
            hi[k] = x > hi[k] ? x : hi[k];
        }
    }
    l->type[c] = type;
}

/* column_start then counts clusters. */
static hg_status fill_slots(hg_liquid *l, hg_err *err) {
    const size_t columns = l->columns[0] * l->columns[1];
    height *h = hg_malloc(l->n, sizeof *h);
    if (!h) return hg_fail(err, HG_ENOMEM, "no memory for a list of pairs of %zu particles", l->n);
    size_t cluster = 0, begin = 0;
    for (size_t c = 0; c < columns; c++) {
        const size_t end = l->column_start[c + 1], count = end - begin;
        for (size_t i = 0; i < count; i++) {
            const uint32_t id = l->order[begin + i];
            h[i] = (height) { hg_wrapped(l->ordered[3 * (size_t)id + 2], l->box[2]), id };
        }
        sort_by_height(h, count);
        l->column_start[c] = (uint32_t)cluster;
        for (size_t i = 0; i < (count + 3) / 4 * 4; i++) {
            if (i < count)
                put_in(l, 4 * cluster + i, h[i].id);
            else
                leave_empty(l, 4 * cluster + i);
        }
        cluster += (count + 3) / 4;
        begin = end;
    }
    l->column_start[columns] = (uint32_t)cluster;
    l->clusters = cluster;
    hg_free(h);
    return HG_OK;
}

/* ---- pairs ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_liquid *l;
    liquid_scene scene;
    float reach; /* the longest cut-off and the skin */
    uint32_t cluster;
    double shift[3];
    uint32_t candidate[CANDIDATES];
    size_t n;
    bool self;
    bool own_image; /* a long cluster may meet its own image: from one side */
} search;

static bool mine(uint32_t a, uint32_t b) { return (a < b) ^ ((a ^ b) & 1U); }

static hg_status keep(search *q, hg_err *err) {
    liquid_list *list = &q->l->list;
    if (list->fars + q->n + 1 > UINT32_MAX) return hg_fail(err, HG_ELIMIT, "too many pairs of particles for one list");
    if (!hg_grow(&list->far, &list->fars_cap, list->fars + q->n + 1, sizeof *list->far) ||
        !hg_grow(&list->entry, &list->entries_cap, list->entries + 1, sizeof *list->entry))
        return hg_fail(err, HG_ENOMEM, "no memory for a list of pairs of %zu particles", q->l->n);
    const size_t begin = list->fars;
    if (q->self) list->far[list->fars++] = q->cluster;
    list->fars += q->l->kernels->prune(list->far + list->fars, &q->scene, q->cluster, q->shift, q->candidate, q->n);
    q->n = 0;
    if (list->fars > begin)
        list->entry[list->entries++] = (liquid_entry) { .cluster = q->cluster,
                                                        .begin = (uint32_t)begin,
                                                        .far_end = (uint32_t)list->fars,
                                                        .shift = { q->shift[0], q->shift[1], q->shift[2] },
                                                        .self = q->self };
    q->self = false;
    return HG_OK;
}

static float gap(float lo_a, float hi_a, float lo_b, float hi_b) {
    const float below = lo_a - hi_b, above = lo_b - hi_a, g = below > above ? below : above;
    return g > 0 ? g : 0;
}

static hg_status look_into_column(search *q, size_t column, const float lo[3], const float hi[3], hg_err *err) {
    const hg_liquid *l = q->l;
    size_t c = l->column_start[column], end = l->column_start[column + 1];
    for (size_t top = end; c < top;) { /* the first that is not wholly below */
        const size_t middle = c + (top - c) / 2;
        if (l->bound[6 * middle + 5] < lo[2] - q->reach)
            c = middle + 1;
        else
            top = middle;
    }
    const float reach2 = q->reach * q->reach;
    for (; c < end; c++) { /* what is no candidate is written over: no branch, which could not be foretold */
        const float *b = l->bound + 6 * c;
        if (b[2] > hi[2] + q->reach) break;
        if (q->n == CANDIDATES) HG_TRY(keep(q, err));
        const float dx = gap(lo[0], hi[0], b[0], b[3]), dy = gap(lo[1], hi[1], b[1], b[4]),
                    dz = gap(lo[2], hi[2], b[2], b[5]);
        const bool wanted = c == q->cluster ? q->own_image : mine(q->cluster, (uint32_t)c);
        q->candidate[q->n] = (uint32_t)c;
        q->n += wanted & (dx * dx + dy * dy + dz * dz < reach2);
    }
    return HG_OK;
}

/* Columns that hold x in [lo, hi], in the box; none: *begin > *end. */
static void columns_within(int *begin, int *end, double lo, double hi, double length, size_t columns) {
    *begin = (int)floor(lo / length * (double)columns - 1e-6);
    *end = (int)floor(hi / length * (double)columns + 1e-6);
    if (*begin < 0) *begin = 0;
    if (*end > (int)columns - 1) *end = (int)columns - 1;
}

static hg_status look_from_image(search *q, const int step[3], hg_err *err) {
    const hg_liquid *l = q->l;
    const float *b = l->bound + 6 * (size_t)q->cluster;
    float lo[3], hi[3];
    for (size_t k = 0; k < 3; k++) {
        q->shift[k] = step[k] * l->box[k];
        lo[k] = b[k] + (float)q->shift[k];
        hi[k] = b[3 + k] + (float)q->shift[k];
        if (lo[k] - q->reach >= (float)l->box[k] || hi[k] + q->reach < 0) return HG_OK;
    }
    int x0, x1, y0, y1;
    columns_within(&x0, &x1, (double)(lo[0] - q->reach), (double)(hi[0] + q->reach), l->box[0], l->columns[0]);
    columns_within(&y0, &y1, (double)(lo[1] - q->reach), (double)(hi[1] + q->reach), l->box[1], l->columns[1]);
    q->n = 0;
    const int side = 9 * step[0] + 3 * step[1] + step[2];
    q->self = side == 0;
    q->own_image = side > 0;
    for (int x = x0; x <= x1; x++)
        for (int y = y0; y <= y1; y++) HG_TRY(look_into_column(q, (size_t)x * l->columns[1] + (size_t)y, lo, hi, err));
    return keep(q, err);
}

/* Entries into parts of about as many pairs each. */
static void cut_into_parts(hg_liquid *l) {
    liquid_list *list = &l->list;
    size_t p = 1;
    list->part[0] = 0;
    for (size_t e = 0; e < list->entries; e++)
        while (p < list->parts && list->entry[e].begin >= list->fars * p / list->parts) list->part[p++] = e;
    while (p <= list->parts) list->part[p++] = list->entries;
}

static void set_reach(liquid_table *t, const hg_liquid *l, double more) {
    for (size_t p = 0; p < 4; p++) {
        const double reach = sqrt(l->pair[p].rc2) + more;
        t->list2[p] = (float)(reach * reach);
    }
}

typedef struct {
    hg_liquid *l;
    liquid_scene scene;
} picking;

static void pick_some(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const picking *q = ctx;
    const liquid_list *list = &q->l->list;
    for (size_t k = list->part[begin]; k < list->part[end]; k++) {
        liquid_entry *e = list->entry + k;
        uint32_t from = e->begin;
        if (e->self) { /* the cluster itself is never far */
            list->other[from] = e->cluster;
            from++;
        }
        e->end = from + (uint32_t)q->l->kernels->prune(list->other + from, &q->scene, e->cluster, e->shift,
                                                       list->far + from, e->far_end - from);
    }
}

void liquid_pick(hg_liquid *l) {
    const size_t all = LIQUID_LANES * l->clusters;
    picking q = { .l = l, .scene = { .x = l->near, .type = l->type } };
    liquid_near(l->near, l->x, l->origin, all);
    set_reach(&q.scene.table, l, l->opts.margin);
    hg_pool_for(l->opts.pool, l->list.parts, 1, pick_some, &q);
    memcpy(l->picked, l->x, all * sizeof *l->picked);
}

hg_status liquid_relist(hg_liquid *l, hg_err *err) {
    take_out(l);
    sort_into_columns(l);
    HG_TRY(fill_slots(l, err));
    const size_t all = LIQUID_LANES * l->clusters;
    liquid_near(l->near, l->x, l->origin, all);
    for (size_t c = 0; c < l->clusters; c++) find_bounds(l, c);
    memcpy(l->listed, l->x, all * sizeof *l->listed);
    search *q = hg_malloc(1, sizeof *q);
    if (!q) return hg_fail(err, HG_ENOMEM, "no memory for a list of pairs of %zu particles", l->n);
    *q = (search) { .l = l, .scene = { .x = l->near, .type = l->type } };
    hg_status st = HG_OK;
    set_reach(&q->scene.table, l, l->skin);
    for (size_t p = 0; p < 4; p++) q->reach = fmaxf(q->reach, sqrtf(q->scene.table.list2[p]));
    l->list.entries = l->list.fars = 0;
    for (uint32_t c = 0; c < l->clusters && st == HG_OK; c++) {
        q->cluster = c;
        for (int image = 0; image < 27 && st == HG_OK; image++)
            st = look_from_image(q, (const int[3]) { image / 9 - 1, image / 3 % 3 - 1, image % 3 - 1 }, err);
    }
    hg_free(q);
    HG_TRY(st);
    if (!hg_grow(&l->list.other, &l->list.others_cap, l->list.fars, sizeof *l->list.other))
        return hg_fail(err, HG_ENOMEM, "no memory for a list of pairs of %zu particles", l->n);
    cut_into_parts(l);
    liquid_pick(l);
    l->lists++;
    l->has_list = true;
    l->has_force = false;
    return HG_OK;
}
