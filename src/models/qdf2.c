/* models/qdf2.c -- a fitted model: prediction and file; see models/qdf2.h. The fit stands in models/qdf2_fit.c. */
#include "models/qdf2.h"
#include "core/memory.h"
#include "files/safetensors.h"
#include "models/qdf2_internal.h"
#include <math.h>
#include <string.h>

hg_status hg_qdf2_make(hg_qdf2 **out, size_t n_draws, hg_err *err) {
    *out = NULL;
    hg_qdf2 *q = hg_calloc(1, sizeof *q);
    if (!q) return hg_fail(err, HG_ENOMEM, "no memory for a model");
    q->around = hg_around_default();
    q->columns = q->around.elements + hg_around_columns(&q->around);
    q->n_theta = hg_tb_theta_count();
    q->n_draws = n_draws;
    q->theta = hg_calloc(q->n_theta, sizeof *q->theta);
    q->w = hg_calloc(q->columns, sizeof *q->w);
    q->draws = hg_calloc(q->n_draws * q->columns, sizeof *q->draws);
    hg_status st = q->theta && q->w && q->draws ? hg_tb_model_new(&q->tb, NULL, err)
                                                : hg_fail(err, HG_ENOMEM, "no memory for a model");
    if (st == HG_OK)
        *out = q;
    else
        hg_qdf2_free(q);
    return st;
}

void hg_qdf2_free(hg_qdf2 *q) {
    if (!q) return;
    hg_tb_model_free(q->tb);
    hg_free(q->theta);
    hg_free(q->w);
    hg_free(q->draws);
    hg_free(q);
}

hg_status hg_qdf2_room_new(hg_qdf2_room **out, const hg_qdf2 *q, hg_err *err) {
    *out = NULL;
    hg_qdf2_room *r = hg_calloc(1, sizeof *r);
    if (r) r->x = hg_calloc(q->columns, sizeof *r->x);
    const hg_status st = r && r->x ? hg_tb_new(&r->tb, q->tb, err) : hg_fail(err, HG_ENOMEM, "no memory to predict in");
    if (st == HG_OK)
        *out = r;
    else
        hg_qdf2_room_free(r);
    return st;
}

void hg_qdf2_room_free(hg_qdf2_room *r) {
    if (!r) return;
    hg_tb_free(r->tb);
    hg_free(r->x);
    hg_free(r);
}

hg_status hg_qdf2_columns(double *x, const hg_qdf2 *q, const hg_molecule *m, hg_err *err) {
    HG_TRY(hg_around_describe(x + q->around.elements, &q->around, m, err));
    for (unsigned e = 0; e < q->around.elements; e++) x[e] = 0;
    for (size_t a = 0; a < m->n; a++) x[hg_around_element(&q->around, m->z[a])]++;
    return HG_OK;
}

double hg_qdf2_spread(const hg_qdf2 *q, const double *x) {
    double sum = 0;
    for (size_t d = 0; d < q->n_draws; d++) {
        const float *draw = q->draws + d * q->columns;
        double dot = 0;
        for (size_t i = 0; i < q->columns; i++) dot += (double)draw[i] * x[i];
        sum += dot * dot;
    }
    return q->n_draws ? sqrt(sum / (double)q->n_draws) : (double)NAN;
}

hg_status hg_qdf2_predict(hg_qdf2_result *out, const hg_qdf2 *q, hg_qdf2_room *room, const hg_molecule *m,
                          hg_err *err) {
    *out = (hg_qdf2_result) { 0 };
    HG_TRY(hg_tb_run(&out->orbitals, room->tb, m, err));
    HG_TRY(hg_qdf2_columns(room->x, q, m, err));
    out->tight_binding = out->orbitals.energy;
    out->energy = out->tight_binding;
    for (size_t i = 0; i < q->columns; i++) out->energy += q->w[i] * room->x[i];
    out->spread = hg_qdf2_spread(q, room->x);
    out->sd = sqrt(q->noise * q->noise + q->factor * q->factor * out->spread * out->spread);
    out->outside = q->n_draws && out->spread > q->most_spread * (double)m->n;
    return HG_OK;
}

/* ---- file --------------------------------------------------------------------------------------------------------------- */

static const char *const KIND = "qdf2 1"; /* raise it when theta, columns or their meaning change */

hg_status hg_qdf2_save(const hg_qdf2 *q, const char *path, hg_err *err) {
    const size_t theta[] = { q->n_theta }, w[] = { q->columns }, draws[] = { q->n_draws, q->columns }, three[] = { 3 };
    const double bars[] = { q->noise, q->factor, q->most_spread };
    const hg_stored t[] = {
        { "tight_binding.theta", HG_STORED_F64, 1, theta, q->n_theta, q->theta },
        { "linear.weight", HG_STORED_F64, 1, w, q->columns, q->w },
        { "linear.draws", HG_STORED_F32, 2, draws, q->n_draws * q->columns, q->draws },
        { "error.noise_factor_most", HG_STORED_F64, 1, three, 3, bars },
    };
    const hg_stored_note note = { "architecture", KIND };
    return hg_safetensors_write(path, t, sizeof t / sizeof *t, &note, 1, err);
}

static hg_status take(double *to, const hg_safetensors *s, const char *name, size_t n, hg_err *err) {
    const hg_stored *t;
    HG_TRY(hg_safetensors_need(&t, s, name, &n, 1, err));
    if (t->type != HG_STORED_F64)
        return hg_fail(err, HG_EDATA, "\"%s\" is of type %s, not F64", name, hg_stored_type_name(t->type));
    memcpy(to, t->data, n * sizeof *to);
    return hg_check_finite(name, to, n, 1, err);
}

static hg_status fill(hg_qdf2 *q, const hg_safetensors *s, const hg_stored *draws, hg_err *err) {
    double bars[3];
    HG_TRY(take(q->theta, s, "tight_binding.theta", q->n_theta, err));
    HG_TRY(take(q->w, s, "linear.weight", q->columns, err));
    HG_TRY(take(bars, s, "error.noise_factor_most", 3, err));
    q->noise = bars[0], q->factor = bars[1], q->most_spread = bars[2];
    HG_TRY(hg_stored_floats(q->draws, draws, err));
    for (size_t i = 0; i < draws->count; i++)
        if (!isfinite(q->draws[i]))
            return hg_fail(err, HG_ENAN, "\"%s\" holds a value that is not a number", draws->name);
    return hg_tb_model_set_theta(q->tb, q->theta, err);
}

hg_status hg_qdf2_load(hg_qdf2 **out, const char *path, hg_err *err) {
    hg_safetensors *s;
    *out = NULL;
    HG_TRY(hg_safetensors_open(&s, path, 0, err));
    const char *kind = hg_safetensors_note(s, "architecture");
    const hg_stored *draws = hg_safetensors_find(s, "linear.draws");
    const hg_around around = hg_around_default();
    hg_status st = HG_OK;
    if (!kind || strcmp(kind, KIND) != 0)
        st = hg_fail(err, HG_EDATA, "%s: these are not weights of \"%s\"%s%s", path, KIND, kind ? " but of " : "",
                     kind ? kind : "");
    else if (!draws || draws->rank != 2 || draws->shape[1] != around.elements + hg_around_columns(&around))
        st = hg_fail(err, HG_EDATA, "%s: \"linear.draws\" is missing or has another shape", path);
    if (st == HG_OK) st = hg_qdf2_make(out, draws->shape[0], err);
    if (st == HG_OK) st = fill(*out, s, draws, err);
    hg_safetensors_free(s);
    if (st != HG_OK) {
        hg_qdf2_free(*out);
        *out = NULL;
    }
    return st;
}
