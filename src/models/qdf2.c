/* models/qdf2.c -- a fitted model: prediction and file; see models/qdf2.h. The fit stands in models/qdf2_fit.c. */
#include "models/qdf2.h"
#include "core/memory.h"
#include "files/safetensors.h"
#include "models/qdf2_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

hg_status hg_qdf2_make(hg_qdf2 **out, hg_err *err) {
    *out = NULL;
    hg_qdf2 *q = hg_calloc(1, sizeof *q);
    if (!q) return hg_fail(err, HG_ENOMEM, "no memory for a model");
    q->around = hg_around_default();
    q->n_theta = hg_tb_theta_count();
    q->theta = hg_calloc(q->n_theta, sizeof *q->theta);
    hg_status st = q->theta ? hg_tb_model_new(&q->tb, NULL, err) : hg_fail(err, HG_ENOMEM, "no memory for a model");
    if (st == HG_OK)
        *out = q;
    else
        hg_qdf2_free(q);
    return st;
}

void hg_qdf2_free(hg_qdf2 *q) {
    if (!q) return;
    hg_tb_model_free(q->tb);
    hg_tb_model_free(q->published);
    hg_free(q->theta);
    hg_free(q->rest);
    hg_linear_free(&q->energy);
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) hg_linear_free(&q->property[p]);
    hg_free(q);
}

hg_status hg_qdf2_room_new(hg_qdf2_room **out, const hg_qdf2 *q, hg_err *err) {
    *out = NULL;
    size_t most = 0;
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) {
        const size_t n = hg_qdf2_property_columns(q, (hg_qdf2_property)p);
        most = n > most ? n : most;
    }
    hg_qdf2_room *r = hg_calloc(1, sizeof *r);
    if (r) r->x = hg_calloc(hg_qdf2_energy_columns(q), sizeof *r->x);
    if (r) r->y = hg_calloc(most, 3 * sizeof *r->y);
    hg_status st =
        r && r->x && r->y ? hg_tb_new(&r->tb, q->tb, err) : hg_fail(err, HG_ENOMEM, "no memory to predict in");
    if (st == HG_OK && q->rests) st = hg_tb_new(&r->published, q->published, err);
    if (st == HG_OK)
        *out = r;
    else
        hg_qdf2_room_free(r);
    return st;
}

void hg_qdf2_room_free(hg_qdf2_room *r) {
    if (!r) return;
    hg_tb_free(r->tb);
    hg_tb_free(r->published);
    hg_free(r->x);
    hg_free(r->y);
    hg_free(r->scratch);
    hg_free(r);
}

hg_status hg_qdf2_rooms_new(hg_qdf2_rooms *r, const hg_qdf2 *q, const hg_pool *pool, hg_err *err) {
    const size_t threads = hg_pool_threads(pool);
    if (threads > HG_QDF2_WORKERS_MOST)
        return hg_fail(err, HG_EINVAL, "%zu threads, at most %d", threads, HG_QDF2_WORKERS_MOST);
    for (; r->n < threads; r->n++) HG_TRY(hg_qdf2_room_new(&r->of[r->n], q, err));
    return HG_OK;
}

void hg_qdf2_rooms_free(hg_qdf2_rooms *r) {
    for (size_t i = 0; i < r->n; i++) hg_qdf2_room_free(r->of[i]);
}

size_t hg_qdf2_energy_columns(const hg_qdf2 *q) { return q->around.elements + hg_around_columns(&q->around); }

hg_status hg_qdf2_columns(double *x, const hg_qdf2 *q, const hg_molecule *m, hg_err *err) {
    HG_TRY(hg_around_describe(x + q->around.elements, &q->around, m, err));
    for (unsigned e = 0; e < q->around.elements; e++) x[e] = 0;
    for (size_t a = 0; a < m->n; a++) x[hg_around_element(&q->around, m->z[a])]++;
    return HG_OK;
}

hg_status hg_qdf2_predict(hg_qdf2_result *out, const hg_qdf2 *q, hg_qdf2_room *room, const hg_molecule *m,
                          hg_err *err) {
    *out = (hg_qdf2_result) { 0 };
    HG_TRY(hg_tb_run(&out->orbitals, room->tb, m, err));
    HG_TRY(hg_qdf2_columns(room->x, q, m, err));
    out->tight_binding = out->orbitals.energy;
    out->energy = out->tight_binding;
    out->energy += hg_linear_value(&q->energy, room->x);
    out->spread = hg_linear_spread(&q->energy, room->x, 1);
    out->sd = hg_linear_sd(&q->energy, out->spread);
    const double gap = out->orbitals.lumo - out->orbitals.homo;
    out->outside =
        q->energy.n_draws && (out->spread > q->most_spread || gap < q->least_gap || abs(m->charge) > q->most_charge);
    return HG_OK;
}

/* ---- file -------------------------------------------------------------------------------------------------------- */

static const char *const KIND = "qdf2 1"; /* raise it when theta, columns or their meaning change */

enum { STORED_MOST = 3 + 3 * (1 + HG_QDF2_PROPERTIES), NAME_SIZE = 40 };
static const char *const REST_NAME = "rest.weight"; /* not there: forces are the slope of the energy */

/* A regression's three tensors: those of the file, or the names of those that go there. */
typedef struct {
    char weight[NAME_SIZE], draws[NAME_SIZE], error[NAME_SIZE];
    size_t columns, draw[2], two;
    double bars[2];
} stored_linear;

static void name_linear(stored_linear *s, const char *name) {
    snprintf(s->weight, NAME_SIZE, "%s.weight", name);
    snprintf(s->draws, NAME_SIZE, "%s.draws", name);
    snprintf(s->error, NAME_SIZE, "%s.noise_factor", name);
}

static size_t put_linear(hg_stored *t, stored_linear *s, const hg_linear *l, const char *name) {
    if (l->columns == 0) return 0;
    name_linear(s, name);
    s->columns = s->draw[1] = l->columns;
    s->draw[0] = l->n_draws;
    s->two = 2;
    s->bars[0] = l->noise, s->bars[1] = l->factor;
    t[0] = (hg_stored) { s->weight, HG_STORED_F64, 1, &s->columns, l->columns, l->w };
    t[1] = (hg_stored) { s->draws, HG_STORED_F32, 2, s->draw, l->n_draws * l->columns, l->draws };
    t[2] = (hg_stored) { s->error, HG_STORED_F64, 1, &s->two, 2, s->bars };
    return 3;
}

hg_status hg_qdf2_save(const hg_qdf2 *q, const char *path, hg_err *err) {
    const size_t theta[] = { q->n_theta }, three[] = { 3 };
    const double domain[] = { q->most_spread, q->least_gap, q->most_charge };
    const size_t around[] = { hg_around_columns(&q->around) };
    stored_linear room[1 + HG_QDF2_PROPERTIES];
    hg_stored t[STORED_MOST] = {
        { "tight_binding.theta", HG_STORED_F64, 1, theta, q->n_theta, q->theta },
        { "domain.spread_gap_charge", HG_STORED_F64, 1, three, 3, domain },
    };
    size_t n = 2;
    if (q->rests) t[n++] = (hg_stored) { REST_NAME, HG_STORED_F64, 1, around, around[0], q->rest };
    n += put_linear(t + n, &room[0], &q->energy, "energy");
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++)
        n += put_linear(t + n, &room[1 + p], &q->property[p], hg_qdf2_property_name((hg_qdf2_property)p));
    const hg_stored_note note = { "architecture", KIND };
    return hg_safetensors_write(path, t, n, &note, 1, err);
}

static hg_status take_linear(hg_linear *l, const hg_safetensors *s, const char *path, const char *name, size_t columns,
                             hg_err *err) {
    stored_linear names;
    double bars[2];
    name_linear(&names, name);
    const hg_stored *draws = hg_safetensors_find(s, names.draws);
    if (!draws || draws->rank != 2 || draws->shape[1] != columns)
        return hg_fail(err, HG_EDATA, "%s: \"%s\" is missing or has another shape", path, names.draws);
    HG_TRY(hg_linear_make(l, columns, draws->shape[0], err));
    HG_TRY(hg_safetensors_doubles(l->w, s, names.weight, columns, err));
    HG_TRY(hg_safetensors_doubles(bars, s, names.error, 2, err));
    l->noise = bars[0], l->factor = bars[1];
    HG_TRY(hg_stored_floats(l->draws, draws, err));
    for (size_t i = 0; i < draws->count; i++)
        if (!isfinite(l->draws[i]))
            return hg_fail(err, HG_ENAN, "\"%s\" holds a value that is not a number", draws->name);
    return HG_OK;
}

static hg_status fill(hg_qdf2 *q, const hg_safetensors *s, const char *path, hg_err *err) {
    double domain[3];
    HG_TRY(hg_safetensors_doubles(q->theta, s, "tight_binding.theta", q->n_theta, err));
    HG_TRY(hg_safetensors_doubles(domain, s, "domain.spread_gap_charge", 3, err));
    q->most_spread = domain[0], q->least_gap = domain[1], q->most_charge = domain[2];
    HG_TRY(take_linear(&q->energy, s, path, "energy", hg_qdf2_energy_columns(q), err));
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) {
        stored_linear names;
        const char *name = hg_qdf2_property_name((hg_qdf2_property)p);
        name_linear(&names, name);
        if (!hg_safetensors_find(s, names.weight)) continue; /* not learned */
        HG_TRY(take_linear(&q->property[p], s, path, name, hg_qdf2_property_columns(q, (hg_qdf2_property)p), err));
    }
    if (hg_safetensors_find(s, REST_NAME)) {
        HG_TRY(hg_qdf2_rest_make(q, err));
        HG_TRY(hg_safetensors_doubles(q->rest, s, REST_NAME, hg_around_columns(&q->around), err));
    }
    return hg_tb_model_set_theta(q->tb, q->theta, err);
}

hg_status hg_qdf2_load(hg_qdf2 **out, const char *path, hg_err *err) {
    hg_safetensors *s;
    *out = NULL;
    HG_TRY(hg_safetensors_open_kind(&s, path, KIND, err));
    hg_status st = hg_qdf2_make(out, err);
    if (st == HG_OK) st = fill(*out, s, path, err);
    hg_safetensors_free(s);
    if (st != HG_OK) {
        hg_qdf2_free(*out);
        *out = NULL;
    }
    return st;
}
