/* models/botan.c -- see models/botan.h */
#include "models/botan.h"
#include "core/memory.h"
#include "core/number.h"
#include "files/safetensors.h"
#include "files/whole.h"
#include "hagane/weights.h"
#include "matter/neighbours.h"
#include "tensor/params.h"
#include <math.h>
#include <string.h>

/* ---- parameters ------------------------------------------------------------------------------------------------------ */

enum { W = HG_BOTAN_WIDTH };

typedef struct {
    const char *name;
    size_t at; /* of the place of its weight in hg_botan_layout */
    size_t bias;
    size_t inputs, outputs;
} layer;

#define AT(member) offsetof(hg_botan_layout, member)
static const layer LAYERS[] = {
    /* in the order of the authors' weights; a layer's weight, then its bias */
    { "node_encoder.fc1", AT(node_w[0]), AT(node_b[0]), 1, W },
    { "node_encoder.fc2", AT(node_w[1]), AT(node_b[1]), W, W },
    { "edge_encoder.fc1", AT(edge_w[0]), AT(edge_b[0]), 3, W },
    { "edge_encoder.fc2", AT(edge_w[1]), AT(edge_b[1]), W, W },
    { "decoder.fc1", AT(decoder_w[0]), AT(decoder_b[0]), W, W },
    { "decoder.fc2", AT(decoder_w[1]), AT(decoder_b[1]), W, W },
    { "decoder.fc3", AT(decoder_w[2]), AT(decoder_b[2]), W, 1 },
    { "network.edge_model.mlp.fc1", AT(meet_w[0]), AT(meet_b[0]), 4 * W, W },
    { "network.edge_model.mlp.fc2", AT(meet_w[1]), AT(meet_b[1]), W, W },
    { "network.node_model.mlp.fc1", AT(move_w[0]), AT(move_b[0]), 3 * W, W },
    { "network.node_model.mlp.fc2", AT(move_w[1]), AT(move_b[1]), W, W },
};
enum { N_LAYERS = sizeof LAYERS / sizeof *LAYERS };

void hg_botan_free(hg_botan *b) {
    if (!b) return;
    hg_params_free(b->params);
    hg_free(b);
}

static hg_status add_params(hg_botan *b, const hg_params_opts *opts, hg_err *err) {
    HG_TRY(hg_params_new(&b->params, opts, err));
    for (size_t i = 0; i < N_LAYERS; i++) {
        const layer *l = &LAYERS[i];
        hg_params_add(b->params, HG_SHAPE(l->outputs, l->inputs), hg_init_linear(l->inputs), "%s.weight", l->name);
        hg_params_add(b->params, HG_SHAPE(l->outputs), hg_init_linear(l->inputs), "%s.bias", l->name);
    }
    HG_TRY(hg_params_seal(b->params, err));
    for (size_t i = 0; i < N_LAYERS; i++) {
        memcpy((char *)&b->l + LAYERS[i].at, &b->params->e[2 * i].at, sizeof(size_t));
        memcpy((char *)&b->l + LAYERS[i].bias, &b->params->e[2 * i + 1].at, sizeof(size_t));
    }
    b->l.count = b->params->size;
    b->w = b->params->values;
    b->grad = b->params->gradient;
    return HG_OK;
}

hg_status hg_botan_new(hg_botan **out, const hg_params_opts *opts, hg_err *err) {
    *out = NULL;
    if (opts && opts->dtype != HG_F32) return hg_fail(err, HG_EINVAL, "BOTAN has parameters of 32 bits");
    hg_botan *b = hg_calloc(1, sizeof *b);
    if (!b) return hg_fail(err, HG_ENOMEM, "no memory for a model");
    b->about = (hg_botan_about) { NAN, NAN, NAN, NAN };
    const hg_status st = add_params(b, opts, err);
    if (st == HG_OK)
        *out = b;
    else
        hg_botan_free(b);
    return st;
}

static const struct {
    const char *key;
    size_t at; /* in hg_botan_about */
} NOTES[] = { { "time", offsetof(hg_botan_about, time) },
              { "coldest", offsetof(hg_botan_about, coldest) },
              { "hottest", offsetof(hg_botan_about, hottest) },
              { "p", offsetof(hg_botan_about, p) } };
enum { N_NOTES = sizeof NOTES / sizeof *NOTES };

static hg_status read_notes(hg_botan_about *a, const char *path, hg_err *err) {
    hg_safetensors *s;
    hg_status st = HG_OK;
    HG_TRY(hg_safetensors_open(&s, path, 0, err));
    for (size_t i = 0; i < N_NOTES && st == HG_OK; i++) {
        const char *word = hg_safetensors_note(s, NOTES[i].key);
        double x = NAN;
        if (word && hg_number_read(&x, word, strlen(word), '.') != HG_NUMBER_FINITE)
            st = hg_fail(err, HG_EPARSE, "%s: its note \"%s\" is \"%s\", expected a number", path, NOTES[i].key, word);
        memcpy((char *)a + NOTES[i].at, &x, sizeof x);
    }
    hg_safetensors_free(s);
    return st;
}

hg_status hg_botan_load(hg_botan **out, const char *path, const hg_params_opts *opts, hg_err *err) {
    HG_TRY(hg_botan_new(out, opts, err));
    hg_status st = hg_params_load((*out)->params, path, "", err);
    if (st == HG_OK) st = read_notes(&(*out)->about, path, err);
    if (st == HG_OK) return HG_OK;
    hg_botan_free(*out);
    *out = NULL;
    return st;
}

hg_status hg_botan_save(const hg_botan *b, const char *path, hg_err *err) {
    char text[N_NOTES][HG_NUMBER_SIZE];
    hg_note note[N_NOTES];
    size_t n = 0;
    for (size_t i = 0; i < N_NOTES; i++) {
        double x;
        memcpy(&x, (const char *)&b->about + NOTES[i].at, sizeof x);
        if (!isfinite(x)) continue; /* not known */
        hg_number_write(text[n], x);
        note[n] = (hg_note) { NOTES[i].key, text[n] };
        n++;
    }
    return hg_params_save(path, b->params, note, n, err);
}

static float float_at(const unsigned char *b) { /* little-endian */
    const uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

hg_status hg_botan_read_flat(hg_botan *b, const char *path, hg_err *err) {
    enum { BYTES = HG_BOTAN_PARAMETERS * 4, MOST = 1 << 20 };
    void *bytes = NULL;
    size_t n = 0;
    HG_TRY(hg_whole_read(&bytes, &n, path, MOST, 0, err));
    hg_status st = HG_OK;
    if (n != BYTES)
        st = hg_fail(err, HG_EDATA, "%s: %zu bytes; BOTAN's weights are %d floats, %d bytes", path, n,
                     HG_BOTAN_PARAMETERS, BYTES);
    const unsigned char *at = bytes;
    for (size_t i = 0; st == HG_OK && i < HG_BOTAN_PARAMETERS; i++) {
        const float x = float_at(at + 4 * i);
        if (!isfinite(x)) st = hg_fail(err, HG_ENAN, "%s: number %zu is not finite", path, i + 1);
    }
    for (size_t i = 0; st == HG_OK && i < b->params->n; i++) {
        const hg_param_entry *e = &b->params->e[i];
        for (size_t k = 0; k < e->n; k++, at += 4) b->w[e->at + k] = float_at(at);
    }
    hg_whole_free(bytes, n);
    return st;
}

/* ---- graphs ---------------------------------------------------------------------------------------------------------------- */

hg_status hg_botan_graph_make(hg_botan_graph *g, const hg_snapshot *s, hg_arena *mem, hg_err *err) {
    hg_neighbours near;
    *g = (hg_botan_graph) { .n = s->n, .species = s->species };
    for (size_t i = 0; i < s->n; i++)
        if (s->species[i] > 1)
            return hg_fail(err, HG_EDATA, "particle %zu is of a third species; BOTAN knows two", i + 1);
    HG_TRY(hg_neighbours_find(&near, s->x, s->n, s->box, HG_BOTAN_RANGE, mem, err));
    g->edges = near.first[s->n];
    g->first = hg_alloc(mem, s->n + 1, sizeof *g->first);
    g->to = hg_alloc(mem, g->edges, sizeof *g->to);
    g->d = hg_alloc(mem, g->edges, 3 * sizeof *g->d);
    if (!g->first || !g->to || !g->d) return hg_fail(err, HG_ENOMEM, "no memory for a graph of %zu edges", g->edges);
    g->from = near.other;
    for (size_t i = 0; i < s->n; i++) {
        g->first[i + 1] = (uint32_t)near.first[i + 1];
        for (size_t e = near.first[i]; e < near.first[i + 1]; e++) {
            g->to[e] = (uint32_t)i;
            for (size_t k = 0; k < 3; k++) g->d[3 * e + k] = (float)-near.d[3 * e + k];
        }
    }
    return HG_OK;
}

size_t hg_botan_edge(const hg_botan_graph *g, size_t from, size_t to) {
    size_t low = g->first[to], high = g->first[to + 1];
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (g->from[middle] < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->first[to + 1] && g->from[low] == from ? low : SIZE_MAX;
}

void hg_botan_turn(float *out, const hg_botan_graph *g, unsigned which) {
    static const unsigned char AXES[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                              { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    const unsigned char *axis = AXES[which / 8 % 6];
    const float sign[3] = { which & 1 ? -1.0f : 1, which & 2 ? -1.0f : 1, which & 4 ? -1.0f : 1 };
    for (size_t e = 0; e < g->edges; e++)
        for (size_t k = 0; k < 3; k++) out[3 * e + k] = sign[k] * g->d[3 * e + axis[k]];
}

hg_status hg_botan_labels_make(hg_botan_labels *y, const hg_botan_graph *g, const hg_snapshot *s, size_t time,
                               hg_arena *mem, hg_err *err) {
    *y = (hg_botan_labels) { .node = hg_alloc(mem, g->n, sizeof *y->node),
                             .edge = hg_alloc(mem, g->edges, sizeof *y->edge) };
    if (!y->node || !y->edge) return hg_fail(err, HG_ENOMEM, "no memory for %zu labels", g->n + g->edges);
    if (time >= s->n_times)
        return hg_fail(err, HG_EINVAL, "time number %zu of a snapshot that has %zu", time + 1, s->n_times);
    for (size_t i = 0; i < g->n; i++) y->node[i] = s->propensity ? s->propensity[time * s->n + i] : NAN;
    for (size_t e = 0; e < g->edges; e++) y->edge[e] = NAN;
    for (size_t k = 0; s->stretch && k < s->n_pairs; k++) {
        const size_t i = s->pair[2 * k], j = s->pair[2 * k + 1];
        const size_t e = hg_botan_edge(g, i, j), back = hg_botan_edge(g, j, i);
        if (e == SIZE_MAX || back == SIZE_MAX) continue;
        y->edge[e] = y->edge[back] = s->stretch[time * s->n_pairs + k];
    }
    for (size_t i = 0; i < g->n; i++) y->nodes += isnan(y->node[i]) ? 0 : 1;
    for (size_t e = 0; e < g->edges; e++) y->edges += isnan(y->edge[e]) ? 0 : 1;
    return HG_OK;
}
