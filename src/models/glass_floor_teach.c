/* models/glass_floor_teach.c -- see models/glass_floor_lessons.h: networks learn, and what they are worth is found out */
#include "models/glass_floor_lessons.h"
#include "core/memory.h"
#include "hagane/train.h"
#include <math.h>

enum { SHARES = 5 };                /* 0, 1/4, .. 1 */
static const double OF_BONDS = 0.4; /* in the loss, beside 1 of particles */
/* A gain must be so many standard errors, of 2, 3, .. liquids: 97.5 % of Student's t with one degree of freedom less. (A share taken by chance costs
 * little: a network that has learned nothing says little.) */
static const double ERRORS[] = { 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23 };
enum { ERRORS_KNOWN = sizeof ERRORS / sizeof *ERRORS };

/* ---- one network ------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_floor_school *g;
    const hg_params *params;
    size_t *item; /* [items] lessons */
} course;

static hg_tensor *loss_of(hg_tape *t, const hg_params *p, const hg_floor_lesson *a) {
    const size_t T = a->scene.n_times;
    hg_tensor *node, *bond = NULL;
    hg_net_tape(&node, a->scene.bonds ? &bond : NULL, t, p, &a->scene);
    hg_tensor *known = hg_tensor_of_floats(t, HG_SHAPE(a->scene.n, T), a->left, false);
    hg_tensor *loss = hg_loss(t, HG_LOSS_MSE, node, known, NULL);
    if (a->scene.bonds == 0) return loss;
    known = hg_tensor_of_floats(t, HG_SHAPE(a->scene.bonds, T), a->bond_left, false);
    return hg_add(t, loss, hg_affine(t, hg_loss(t, HG_LOSS_MSE, bond, known, NULL), OF_BONDS, 0));
}

static hg_tensor *loss(void *ctx, hg_tape *t, const hg_batch *b) {
    const course *c = ctx;
    hg_tensor *sum = NULL;
    for (size_t i = 0; i < b->n; i++) {
        hg_tensor *one = loss_of(t, c->params, &c->g->l->lesson[c->item[b->items[i]]]);
        sum = sum ? hg_add(t, sum, one) : one;
    }
    return sum;
}

static hg_status train(hg_floor_school *g, size_t group, hg_err *err) {
    const hg_floor_nets_opts *o = &g->l->o;
    course c = { .g = g, .params = g->nets->params[group], .item = hg_malloc(g->l->n, sizeof *c.item) };
    if (!c.item) return hg_fail(err, HG_ENOMEM, "no memory for %zu snapshots", g->l->n);
    hg_trainable m = { .name = "glass network 1", .params = g->nets->params[group], .ctx = &c, .loss = loss };
    for (size_t i = 0; i < g->l->n; i++)
        if (g->group[g->l->lesson[i].fold] != group) c.item[m.items++] = i;
    hg_train_opts t = hg_train_opts_default();
    hg_train_result r;
    t.epochs = o->epochs;
    t.batch = 1;
    t.rate = o->rate;
    t.optimizer.kind = HG_ADAMW;
    t.optimizer.decay = 1e-2;
    t.optimizer.clip_norm = 1;
    t.optimizer.average = 0.99;
    t.schedule.kind = HG_RATE_COSINE;
    t.seed = o->seed + group;
    t.pool = g->pool;
    t.hooks = o->hooks;
    const hg_status st = hg_train(&r, &m, &t, err);
    hg_free(c.item);
    return st;
}

/* ---- what it is worth -------------------------------------------------------------------------------------------- */

typedef struct {
    double n, y, a, b, yy, aa, bb, ya, yb, ab; /* labels, ridge, network */
} moments;

/* rho of labels with ridge + share network. */
static double rho_of(const moments *m, double share) {
    const double y = m->y / m->n, a = m->a / m->n, b = m->b / m->n;
    const double ya = m->ya / m->n - y * a, yb = m->yb / m->n - y * b, yy = m->yy / m->n - y * y;
    const double aa = m->aa / m->n - a * a, ab = m->ab / m->n - a * b, bb = m->bb / m->n - b * b;
    const double own = (aa + 2 * share * ab + share * share * bb) * yy;
    return own > 0 ? (ya + share * yb) / sqrt(own) : 0;
}

static void add(moments *m, double left, double a, double b) {
    const double y = left + a;
    m->n++;
    m->y += y, m->a += a, m->b += b;
    m->yy += y * y, m->aa += a * a, m->bb += b * b;
    m->ya += y * a, m->yb += y * b, m->ab += a * b;
}

static void judge(hg_floor_school *g, const hg_floor_lesson *a, const float *node, const float *bond) {
    const size_t T = a->scene.n_times;
    size_t n[HG_NET_CLASSES] = { 0 };
    for (size_t t = 0; t < T; t++) {
        moments m[HG_NET_CLASSES] = { { 0 } };
        for (size_t i = 0, k = t; i < a->scene.n; i++, k += T)
            add(&m[a->species[i]], (double)a->left[k], (double)a->scene.ridge[k], (double)node[k]);
        for (size_t b = 0, k = t; b < a->scene.bonds; b++, k += T)
            add(&m[HG_GLASS_SPECIES + a->scene.kind[b]], (double)a->bond_left[k], (double)a->scene.bond_ridge[k],
                (double)bond[k]);
        for (size_t c = 0; c < HG_NET_CLASSES; c++) {
            n[c] = (size_t)m[c].n;
            for (size_t k = 0; n[c] > 1 && k < SHARES; k++)
                g->rho[((c * T + t) * g->folds + a->fold) * SHARES + k] += rho_of(&m[c], (double)k / (SHARES - 1));
        }
    }
    for (size_t c = 0; c < HG_NET_CLASSES; c++) g->seen[c * g->folds + a->fold] += n[c] > 1;
}

static hg_status judge_all(hg_floor_school *g, size_t group, hg_err *err) {
    hg_tape_opts o = hg_tape_opts_default();
    hg_tape *t;
    o.pool = g->pool;
    o.record = false;
    HG_TRY(hg_tape_new(&t, &o, err));
    hg_status st = HG_OK;
    for (size_t i = 0; st == HG_OK && i < g->l->n; i++) {
        const hg_floor_lesson *a = &g->l->lesson[i];
        hg_tensor *node, *bond = NULL;
        if (g->group[a->fold] != group) continue;
        hg_tape_begin(t, i);
        hg_net_tape(&node, a->scene.bonds ? &bond : NULL, t, g->nets->params[group], &a->scene);
        st = hg_tape_status(t, err);
        if (st == HG_OK) judge(g, a, hg_tensor_floats(node), bond ? hg_tensor_floats(bond) : NULL);
    }
    hg_tape_free(t);
    return st;
}

/* The share with the best mean of rho over liquids, if its gain stands out. */
static hg_floor_gain choose(const hg_floor_school *g, size_t c, size_t t) {
    const double *rho = g->rho + (c * g->m->n_times + t) * g->folds * SHARES;
    const size_t *seen = g->seen + c * g->folds;
    hg_floor_gain best = { .floor = (double)NAN, .rho = (double)NAN, .gain = (double)NAN, .error = (double)NAN };
    for (size_t k = 0; k < SHARES; k++) {
        double mean = 0, gain = 0, squares = 0, n = 0;
        for (size_t f = 0; f < g->folds; f++) {
            if (!seen[f]) continue;
            const double by = rho[f * SHARES + k] / (double)seen[f], more = by - rho[f * SHARES] / (double)seen[f];
            n++;
            mean += by;
            gain += more;
            squares += more * more;
        }
        if (n == 0) return best;
        mean /= n;
        gain /= n;
        if (k == 0) {
            best.floor = best.rho = mean;
        } else if (k == 1 || gain > best.gain) {
            best.gain = gain;
            best.error = n > 1 ? sqrt(fmax(squares / n - gain * gain, 0) / (n - 1)) : (double)NAN;
            const size_t row = (size_t)n - 2 < ERRORS_KNOWN ? (size_t)n - 2 : ERRORS_KNOWN - 1;
            const bool stands = n > 1 && gain > ERRORS[row] * best.error && gain > 0;
            best.share = stands ? (double)k / (SHARES - 1) : 0;
            best.rho = stands ? mean : best.floor;
        }
    }
    return best;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static hg_status deal(hg_floor_school *g, hg_err *err) {
    size_t used = 0;
    bool met[HG_FLOOR_FOLDS_MOST] = { false };
    for (size_t i = 0; i < g->l->n; i++) met[g->l->lesson[i].fold] = true;
    for (size_t f = 0; f < g->folds; f++) g->group[f] = met[f] ? used++ % g->l->o.networks : SIZE_MAX;
    const size_t members = g->l->o.networks, largest = (used + members - 1) / members;
    if (used >= members && used >= largest + 2) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EDATA, "%zu liquids are too few for %zu networks", used, members),
                     "each leaves out another part of them, and learns from at least two others");
}

static void measure(hg_floor_school *g) {
    const size_t T = g->m->n_times;
    for (size_t t = 0; t < T; t++) {
        double sum[HG_NET_CLASSES] = { 0 }, n[HG_NET_CLASSES] = { 0 };
        for (size_t i = 0; i < g->l->n; i++) {
            const hg_floor_lesson *a = &g->l->lesson[i];
            for (size_t k = 0; k < a->scene.n; k++) {
                sum[a->species[k]] += (double)a->y[k * T + t] * (double)a->y[k * T + t];
                n[a->species[k]]++;
            }
            for (size_t k = 0; k < a->scene.bonds; k++) {
                const size_t c = HG_GLASS_SPECIES + a->scene.kind[k];
                sum[c] += (double)a->bond_y[k * T + t] * (double)a->bond_y[k * T + t];
                n[c]++;
            }
        }
        for (size_t c = 0; c < HG_NET_CLASSES; c++) g->nets->scale[c * T + t] = sum[c] > 0 ? sqrt(sum[c] / n[c]) : 1;
    }
}

static hg_status room(hg_floor_school *g, hg_arena *mem, hg_err *err) {
    const size_t T = g->m->n_times;
    size_t most = 0;
    for (size_t c = 0; c < HG_NET_CLASSES; c++) {
        const size_t width = hg_net_ridge_width(g->m, c);
        most = width > most ? width : most;
        g->weight[c] = hg_alloc(mem, T, width * sizeof *g->weight[c]);
        if (!g->weight[c]) return hg_fail(err, HG_ENOMEM, "no memory for %zu weights", width);
    }
    g->w = hg_alloc(mem, T, most * sizeof *g->w);
    g->rho = hg_alloc(mem, HG_NET_CLASSES * T * g->folds, SHARES * sizeof *g->rho);
    g->seen = hg_alloc(mem, HG_NET_CLASSES, g->folds * sizeof *g->seen);
    return g->w && g->rho && g->seen ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for %zu weights", most);
}

static hg_status teach(hg_floor_school *g, hg_floor_scores *scores, hg_arena *mem, hg_err *err) {
    const size_t T = g->m->n_times;
    HG_TRY(room(g, mem, err));
    measure(g);
    for (size_t k = 0; k < g->nets->members; k++) {
        HG_TRY(hg_floor_tell(g, k, err));
        HG_TRY(train(g, k, err));
        HG_TRY(judge_all(g, k, err));
    }
    for (size_t c = 0; c < HG_NET_CLASSES; c++)
        for (size_t t = 0; t < T; t++) {
            const hg_floor_gain gain = choose(g, c, t);
            *(hg_net_of_bonds(c) ? &scores->bond_gain[c - HG_GLASS_SPECIES][t] : &scores->node_gain[c][t]) = gain;
            g->nets->share[c * T + t] = gain.share;
        }
    return HG_OK;
}

hg_status hg_floor_lessons_end(hg_floor_nets **out, hg_floor_scores *scores, hg_floor_lessons *l, const hg_floor *m,
                               hg_fold_ridge *const *ridge, size_t folds, hg_pool *pool, hg_err *err) {
    hg_floor_school g = { .l = l, .m = m, .ridge = ridge, .folds = folds, .pool = pool };
    *out = NULL;
    for (size_t c = 0; c < HG_NET_CLASSES; c++)
        g.chosen[c] = hg_net_of_bonds(c) ? scores->bond[c - HG_GLASS_SPECIES] : scores->node[c];
    HG_TRY(deal(&g, err));
    hg_params_opts o = hg_params_opts_default();
    o.seed = l->o.seed;
    HG_TRY(hg_floor_nets_new(&g.nets, m, l->o.networks, &o, err));
    hg_arena *mem = hg_arena_new();
    const hg_status st = teach(&g, scores, mem, err);
    hg_arena_free(mem);
    bool any = false;
    for (size_t i = 0; i < HG_NET_CLASSES * m->n_times; i++) any = any || g.nets->share[i] > 0;
    if (st == HG_OK && any)
        *out = g.nets;
    else
        hg_floor_nets_free(g.nets);
    return st;
}
