/* library/model.c -- see hagane/model.h */
#include "hagane/model.h"
#include "core/memory.h"
#include "library/folder.h"
#include "models/architecture.h"
#include "models/glass_model.h"
#include <math.h>
#include <string.h>

enum { WORKERS_MOST = 1024 };

struct hg_model {
    hg_arena *mem;
    hg_card card;
    const char *text;
    const hg_architecture *a;
    size_t slot[HG_PROPERTIES_MOST]; /* of the architecture's properties, for each of the card's */
    void *model;
    void **room; /* [rooms] */
    size_t rooms;
};

const char *hg_architecture_name(size_t i) {
    const hg_architecture *a = hg_architecture_at(i);
    return a ? a->name : NULL;
}

/* Where the architecture puts what the card lists. */
static hg_status find_slots(hg_model *m, const char *path, hg_err *err) {
    for (size_t i = 0; i < m->card.n_properties; i++) {
        const hg_property *p = &m->card.property[i].what;
        size_t k = 0;
        while (k < m->a->n_properties && strcmp(m->a->property[k].symbol, p->symbol) != 0) k++;
        if (k == m->a->n_properties)
            return hg_fail_at(err, HG_ENOTFOUND, path, 0, 0, "\"%s\" is no property that %s predicts", p->symbol,
                              m->a->name);
        if (strcmp(m->a->property[k].unit, p->unit) != 0)
            return hg_fail_at(err, HG_EDATA, path, 0, 0, "%s computes \"%s\" in %s, not in \"%s\"", m->a->name,
                              p->symbol, m->a->property[k].unit, p->unit);
        m->slot[i] = k;
    }
    return HG_OK;
}

/* Are all properties of the card in the weights? */
static hg_status check_held(const hg_model *m, const char *path, hg_err *err) {
    bool held[HG_PROPERTIES_MOST] = { false };
    if (!m->a->holds) return HG_OK;
    m->a->holds(held, m->model);
    for (size_t i = 0; i < m->card.n_properties; i++)
        if (!held[m->slot[i]])
            return hg_fail(err, HG_EDATA, "%s holds nothing for \"%s\", which its card lists", path,
                           m->card.property[i].what.symbol);
    return HG_OK;
}

static hg_status load(hg_model *m, const char *folder, hg_err *err) {
    char path[HG_FOLDER_PATH];
    m->mem = hg_arena_new();
    if (!m->mem) return hg_fail(err, HG_ENOMEM, "no memory for a model");
    HG_TRY(hg_folder_card(&m->card, &m->text, path, folder, m->mem, err));
    m->a = hg_architecture_find(m->card.architecture);
    if (!m->a || strcmp(m->a->version, m->card.architecture) != 0) {
        hg_fail_at(err, HG_ENOTFOUND, path, 0, 0, "\"%s\" is no kind of model that predicts properties",
                   m->card.architecture);
        return hg_advise(err, HG_ENOTFOUND,
                         hg_glass_kind_find(m->card.architecture)
                             ? "it is a model of liquids: hagane glass predict and hagane glass evaluate use it"
                             : "it may be of another version of this program, or for another verb");
    }
    HG_TRY(find_slots(m, path, err));
    HG_TRY(hg_folder_of_card(path, folder, &m->card, err));
    HG_TRY(m->a->load(&m->model, path, err));
    return check_held(m, path, err);
}

hg_status hg_model_load(hg_model **out, const char *folder, hg_err *err) {
    *out = NULL;
    hg_model *m = hg_calloc(1, sizeof *m);
    if (!m) return hg_fail(err, HG_ENOMEM, "no memory for a model");
    const hg_status st = load(m, folder, err);
    if (st == HG_OK)
        *out = m;
    else
        hg_model_free(m);
    return st;
}

void hg_model_free(hg_model *m) {
    if (!m) return;
    for (size_t i = 0; i < m->rooms; i++) m->a->room_free(m->room[i]);
    hg_free(m->room);
    if (m->model) m->a->free(m->model);
    hg_arena_free(m->mem);
    hg_free(m);
}

const char *hg_model_name(const hg_model *m) { return m->card.name; }
const char *hg_model_architecture(const hg_model *m) { return m->card.architecture; }
size_t hg_model_properties(const hg_model *m) { return m->card.n_properties; }
const hg_property *hg_model_property(const hg_model *m, size_t i) {
    return i < m->card.n_properties ? &m->card.property[i].what : NULL;
}
unsigned hg_model_gives(const hg_model *m) { return m->a->gives; }
bool hg_model_tells_outside(const hg_model *m) { return m->a->tells_outside; }
void hg_model_sizes(size_t *least, size_t *most, const hg_model *m) {
    *least = m->card.least_atoms;
    *most = m->card.most_atoms;
}
const char *hg_model_card(const hg_model *m) { return m->text; }

/* ---- predictions ------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_model *m;
    hg_molecule *const *molecule;
    hg_prediction *out;
    hg_err *why;
} job;

static const double NOTHING = (double)NAN;

static void fill(double *x, size_t n) {
    for (size_t i = 0; x && i < n; i++) x[i] = NOTHING;
}

static void predict_one(const job *j, size_t i, void *room) {
    const hg_model *m = j->m;
    hg_estimate slot[HG_PROPERTIES_MOST];
    hg_prediction *out = &j->out[i], p = *out;
    for (size_t k = 0; k < HG_PROPERTIES_MOST; k++) slot[k] = (hg_estimate) { NOTHING, NOTHING };
    p.property = slot;
    hg_err_clear(&j->why[i]);
    const bool good = m->a->predict(&p, m->model, room, j->molecule[i], &j->why[i]) == HG_OK;
    for (size_t k = 0; k < m->card.n_properties; k++)
        out->property[k] = good ? slot[m->slot[k]] : (hg_estimate) { NOTHING, NOTHING };
    out->outside = !good || p.outside;
    if (good) return;
    fill(out->charge, j->molecule[i]->n);
    fill(out->force, 3 * j->molecule[i]->n);
}

static void predict(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    for (size_t i = begin; i < end; i++) predict_one(j, i, j->m->room[worker]);
}

static hg_status need_rooms(hg_model *m, size_t n, hg_err *err) {
    if (n > WORKERS_MOST) return hg_fail(err, HG_EINVAL, "%zu threads, at most %d", n, WORKERS_MOST);
    if (!m->room) m->room = hg_calloc(WORKERS_MOST, sizeof *m->room);
    if (!m->room) return hg_fail(err, HG_ENOMEM, "no memory to predict in");
    for (; m->rooms < n; m->rooms++) HG_TRY(m->a->room_new(&m->room[m->rooms], m->model, err));
    return HG_OK;
}

static hg_status need_arrays(hg_prediction *p, const hg_model *m, size_t n, unsigned atoms, hg_arena *mem,
                             hg_err *err) {
    *p = (hg_prediction) { .property = hg_alloc(mem, m->card.n_properties, sizeof *p->property) };
    if (atoms & m->a->gives & HG_ATOM_CHARGES) p->charge = hg_alloc(mem, n, sizeof *p->charge);
    if (atoms & m->a->gives & HG_ATOM_FORCES) p->force = hg_alloc(mem, 3 * n, sizeof *p->force);
    fill(p->charge, n);
    fill(p->force, 3 * n);
    const bool all = p->property && (p->charge || !(atoms & m->a->gives & HG_ATOM_CHARGES)) &&
                     (p->force || !(atoms & m->a->gives & HG_ATOM_FORCES));
    return all ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for predictions");
}

hg_status hg_model_predict(hg_prediction *out, hg_err *why, hg_model *m, hg_molecule *const *molecule, size_t n,
                           unsigned atoms, hg_pool *pool, hg_arena *mem, hg_err *err) {
    HG_TRY(need_rooms(m, hg_pool_threads(pool), err));
    for (size_t i = 0; i < n; i++) HG_TRY(need_arrays(&out[i], m, molecule[i]->n, atoms, mem, err));
    job j = { m, molecule, out, why };
    hg_pool_for(pool, n, 4, predict, &j);
    return HG_OK;
}
