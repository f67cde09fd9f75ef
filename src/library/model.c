/* library/model.c -- see hagane/model.h */
#include "hagane/model.h"
#include "core/memory.h"
#include "files/hash.h"
#include "library/card.h"
#include "models/architecture.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MOST = 4096, WORKERS_MOST = 1024 };

struct hg_model {
    hg_arena *mem;
    hg_card card;
    const char *text;
    const hg_architecture *a;
    void *model;
    void **room; /* [rooms] */
    size_t rooms;
};

const char *hg_architecture_name(size_t i) {
    const hg_architecture *a = hg_architecture_at(i);
    return a ? a->name : NULL;
}

static hg_status path_in(char path[PATH_MOST], const char *folder, const char *name, hg_err *err) {
    const int n = snprintf(path, PATH_MOST, "%s/%s", folder, name);
    return n > 0 && n < PATH_MOST ? HG_OK : hg_fail(err, HG_EIO, "the folder's name is too long: %s", folder);
}

static hg_status load_weights(hg_model *m, const char *folder, hg_err *err) {
    char path[PATH_MOST], hash[HG_HASH_SIZE];
    HG_TRY(path_in(path, folder, "weights.safetensors", err));
    HG_TRY(hg_hash_file(hash, path, err));
    if (strcmp(hash, m->card.weights_sha256) != 0) {
        hg_fail(err, HG_EDATA, "%s is not the file that its card tells of: its SHA-256 differs", path);
        return hg_advise(err, HG_EDATA, "copy card.json and weights.safetensors together, or train again");
    }
    return m->a->load(&m->model, path, err);
}

static hg_status load(hg_model *m, const char *folder, hg_err *err) {
    char path[PATH_MOST];
    m->mem = hg_arena_new();
    if (!m->mem) return hg_fail(err, HG_ENOMEM, "no memory for a model");
    HG_TRY(path_in(path, folder, "card.json", err));
    HG_TRY(hg_card_read(&m->card, &m->text, path, m->mem, err));
    m->a = hg_architecture_find(m->card.architecture);
    if (m->a && strcmp(m->a->version, m->card.architecture) == 0) return load_weights(m, folder, err);
    hg_fail_at(err, HG_ENOTFOUND, path, 0, 0, "its architecture \"%s\" is unknown here", m->card.architecture);
    return hg_advise(err, HG_ENOTFOUND, "it may be of a newer version of this program");
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
const char *hg_model_property(const hg_model *m) { return m->card.property; }
const char *hg_model_unit(const hg_model *m) { return m->card.unit; }
const char *hg_model_card(const hg_model *m) { return m->text; }

/* ---- predictions ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_model *m;
    hg_molecule *const *molecule;
    hg_prediction *out;
    hg_err *why;
} job;

static void predict(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    for (size_t i = begin; i < end; i++) {
        hg_estimate e;
        hg_err_clear(&j->why[i]);
        const hg_status st = j->m->a->predict(&e, j->m->model, j->m->room[worker], j->molecule[i], &j->why[i]);
        j->out[i] = st == HG_OK ? (hg_prediction) { e.value, e.sd, e.outside }
                                : (hg_prediction) { (double)NAN, (double)NAN, true };
    }
}

static hg_status need_rooms(hg_model *m, size_t n, hg_err *err) {
    if (n > WORKERS_MOST) return hg_fail(err, HG_EINVAL, "%zu threads, at most %d", n, WORKERS_MOST);
    if (!m->room) m->room = hg_calloc(WORKERS_MOST, sizeof *m->room);
    if (!m->room) return hg_fail(err, HG_ENOMEM, "no memory to predict in");
    for (; m->rooms < n; m->rooms++) HG_TRY(m->a->room_new(&m->room[m->rooms], m->model, err));
    return HG_OK;
}

hg_status hg_model_predict(hg_prediction *out, hg_err *why, hg_model *m, hg_molecule *const *molecule, size_t n,
                           hg_pool *pool, hg_err *err) {
    HG_TRY(need_rooms(m, hg_pool_threads(pool), err));
    job j = { m, molecule, out, why };
    hg_pool_for(pool, n, 4, predict, &j);
    return HG_OK;
}
