/* library/teach.c -- see library/teach.h */
#include "library/teach.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/output.h"
#include "library/folder.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ELEMENTS = 119, ELEMENTS_SIZE = 512, METRICS = 5, NAME_SIZE = 256, WORKERS_MOST = 1024 };

/* ---- how good it is ---------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_architecture *a;
    const void *model;
    void **room; /* one a thread */
    const hg_labelled *set;
    hg_estimate *estimate; /* [n,properties] */
    bool *outside;         /* [n] */
} judging;

static void judge_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const judging *j = ctx;
    for (size_t i = begin; i < end; i++) {
        hg_prediction p = { .property = j->estimate + i * j->a->n_properties };
        for (size_t k = 0; k < j->a->n_properties; k++) p.property[k] = (hg_estimate) { (double)NAN, (double)NAN };
        if (j->a->predict(&p, j->model, j->room[worker], j->set->molecule[i], NULL) != HG_OK)
            for (size_t k = 0; k < j->a->n_properties; k++) p.property[k].value = (double)NAN;
        j->outside[i] = p.outside;
    }
}

static hg_status judge_in_rooms(hg_quality *q, judging *j, hg_pool *pool, size_t workers, hg_err *err) {
    for (size_t i = 0; i < workers; i++) HG_TRY(j->a->room_new(&j->room[i], j->model, err));
    hg_pool_for(pool, j->set->n, 4, judge_task, j);
    const size_t K = j->a->n_properties;
    for (size_t i = 0; i < j->set->n; i++)
        for (size_t k = 0; k < K; k++)
            hg_quality_add(&q[k], &j->estimate[i * K + k], j->outside[i], j->set->value[i * K + k]);
    return HG_OK;
}

/* q[properties of the architecture] */
static hg_status judge(hg_quality *q, const hg_architecture *a, const void *model, const hg_labelled *set,
                       hg_pool *pool, hg_err *err) {
    const size_t workers = hg_pool_threads(pool);
    judging j = { .a = a, .model = model, .set = set };
    j.room = hg_calloc(workers, sizeof *j.room);
    j.estimate = hg_calloc(set->n * a->n_properties, sizeof *j.estimate);
    j.outside = hg_calloc(set->n, sizeof *j.outside);
    hg_status st = j.room && j.estimate && j.outside ? judge_in_rooms(q, &j, pool, workers, err)
                                                     : hg_fail(err, HG_ENOMEM, "no memory to judge a model");
    for (size_t i = 0; j.room && i < workers; i++) a->room_free(j.room[i]);
    hg_free(j.room);
    hg_free(j.estimate);
    hg_free(j.outside);
    return st;
}

/* ---- the card ---------------------------------------------------------------------------------------------------- */

/* Elements and sizes of what was learned from. */
static void domain_of(hg_card *c, char elements[ELEMENTS_SIZE], const hg_labelled *set) {
    bool seen[ELEMENTS] = { false };
    for (size_t i = 0; i < set->n; i++) {
        const hg_molecule *m = set->molecule[i];
        for (size_t a = 0; a < m->n; a++) seen[m->z[a]] = true;
        if (!c->least_atoms || m->n < c->least_atoms) c->least_atoms = m->n;
        if (m->n > c->most_atoms) c->most_atoms = m->n;
    }
    size_t at = 0;
    for (unsigned z = 1; z < ELEMENTS; z++)
        if (seen[z]) at += (size_t)snprintf(elements + at, ELEMENTS_SIZE - at, at ? " %s" : "%s", hg_element_symbol(z));
    c->elements = elements;
}

static size_t metrics_of(hg_card_number m[METRICS], const hg_quality *q, const char *unit) {
    if (!q->n) return 0;
    m[0] = (hg_card_number) { "mean absolute error of validation", unit, hg_quality_mae(q) };
    m[1] = (hg_card_number) { "root mean square error of validation", unit, hg_quality_rmse(q) };
    m[2] = (hg_card_number) { "largest error of validation", unit, hg_quality_largest(q) };
    m[3] = (hg_card_number) { "mean of predicted less known in validation", unit, hg_quality_bias(q) };
    m[4] = (hg_card_number) { "share of validation inside 90 % intervals", "", hg_quality_coverage(q) };
    return q->barred ? METRICS : METRICS - 1;
}

static hg_card_data data_of(const char *role, const hg_lesson *l) {
    hg_card_data d = { .role = role, .file = l->file ? hg_path_name(l->file) : "", .molecules = l->of.n };
    memcpy(d.sha256, l->hash, sizeof d.sha256);
    return d;
}

static hg_status write_card(const char *path, const char *folder, const char *weights, const hg_lessons *l,
                            const hg_taught *t, hg_err *err) {
    const hg_arch_trainer *trainer = l->architecture->train;
    hg_card_number metrics[HG_PROPERTIES_MOST][METRICS];
    hg_card_number *options = hg_calloc(trainer->n_options, sizeof *options);
    if (!options) return hg_fail(err, HG_ENOMEM, "no memory for a card");
    for (size_t i = 0; i < trainer->n_options; i++)
        options[i] = (hg_card_number) { trainer->option[i].name, trainer->option[i].unit, l->how.option[i] };
    const hg_card_data data[] = { data_of("train", l->train), data_of("validation", l->validation) };
    char elements[ELEMENTS_SIZE] = "", name[NAME_SIZE];
    hg_folder_name(name, sizeof name, folder);
    hg_card c = { .name = l->name ? l->name : name,
                  .architecture = l->architecture->version,
                  .n_properties = t->n_properties,
                  .source = l->source,
                  .licence = l->licence,
                  .data = data,
                  .n_data = l->validation->of.n ? 2 : 1,
                  .options = options,
                  .n_options = trainer->n_options,
                  .seed = l->how.seed };
    for (size_t k = 0; k < t->n_properties; k++) {
        c.property[k] = (hg_card_property) { .what = *t->property[k], .metrics = metrics[k] };
        c.property[k].n_metrics = metrics_of(metrics[k], &t->quality[k], t->property[k]->unit);
        if (t->property[k] == l->architecture->property && l->property) c.property[k].what.name = l->property;
    }
    domain_of(&c, elements, &l->train->of);
    hg_status st = hg_hash_file(c.weights_sha256, weights, err);
    if (st == HG_OK) st = hg_card_write(&c, path, err);
    hg_free(options);
    return st;
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *folder;
    const hg_lessons *lessons;
    const void *model;
    const hg_taught *taught;
    const char *weights; /* where they were written */
} writing;

static hg_status write_weights(void *ctx, const char *path, hg_err *err) {
    writing *w = ctx;
    w->weights = path;
    return w->lessons->architecture->train->save(w->model, path, err);
}

static hg_status write_its_card(void *ctx, const char *path, hg_err *err) {
    const writing *w = ctx;
    return write_card(path, w->folder, w->weights, w->lessons, w->taught, err);
}

static hg_status write_folder(const char *folder, const hg_lessons *l, const void *model, const hg_taught *t,
                              hg_err *err) {
    static const hg_folder_file FILES[] = { { "weights.safetensors", write_weights }, { "card.json", write_its_card } };
    return hg_folder_write(folder, FILES, 2, &(writing) { folder, l, model, t, NULL }, err);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static hg_status judge_and_write(hg_taught *out, const char *folder, const hg_lessons *l, const void *model,
                                 hg_err *err) {
    const hg_architecture *a = l->architecture;
    hg_quality q[HG_PROPERTIES_MOST] = { 0 };
    bool holds[HG_PROPERTIES_MOST];
    for (size_t k = 0; k < HG_PROPERTIES_MOST; k++) holds[k] = true;
    if (a->holds) a->holds(holds, model);
    if (l->validation->of.n) HG_TRY(judge(q, a, model, &l->validation->of, l->how.pool, err));
    for (size_t k = 0; k < a->n_properties; k++) {
        if (!holds[k]) continue;
        out->property[out->n_properties] = &a->property[k];
        out->quality[out->n_properties++] = q[k];
    }
    const bool first = !l->how.ranks || l->how.ranks->rank == 0;
    return first ? write_folder(folder, l, model, out, err) : HG_OK;
}

hg_status hg_teach(hg_taught *out, const char *folder, const hg_lessons *l, hg_err *err) {
    const hg_architecture *a = l->architecture;
    void *model;
    *out = (hg_taught) { 0 };
    if (hg_pool_threads(l->how.pool) > WORKERS_MOST)
        return hg_fail(err, HG_EINVAL, "%zu threads, at most %d", hg_pool_threads(l->how.pool), WORKERS_MOST);
    HG_TRY(a->train->fit(&model, &l->train->of, &l->validation->of, &l->how, err));
    const hg_status st = judge_and_write(out, folder, l, model, err);
    a->free(model);
    return st;
}
