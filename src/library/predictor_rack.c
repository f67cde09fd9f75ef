/* library/predictor_rack.c -- predictors out of a library, whether they lie in folders or in packs; see library/predictor_rack.h */
#include "library/predictor_rack.h"
#include "files/safetensors.h"
#include "library/predictor_internal.h"
#include <stdio.h>
#include <string.h>

static const uint64_t BYTES_MOST = (uint64_t)1 << 34;

static hg_status card_of(hg_card *card, const hg_racked *m, hg_arena *mem, hg_err *err) {
    const char *text;
    HG_TRY(hg_racked_card(card, &text, m, mem, err));
    if (strcmp(card->architecture, HG_PREDICTOR_ARCHITECTURE) == 0) return HG_OK;
    return hg_fail(err, HG_ENOTFOUND, "%s of %s: its architecture is \"%s\", expected \"%s\"", m->name, m->path,
                   card->architecture, HG_PREDICTOR_ARCHITECTURE);
}

bool hg_predictor_is_racked(const hg_racked *m) {
    hg_arena *mem = hg_arena_new();
    hg_card card;
    const bool is = mem && card_of(&card, m, mem, NULL) == HG_OK;
    hg_arena_free(mem);
    return is;
}

static hg_status read_bytes(hg_predictor **out, const char *bytes, size_t n, const char *source, hg_err *err) {
    hg_input *in;
    hg_safetensors *s = NULL;
    HG_TRY(hg_input_open_memory(&in, source, bytes, n, NULL, err));
    hg_status st = hg_safetensors_read(&s, in, BYTES_MOST, err);
    if (st == HG_OK) st = hg_predictor_of_weights(out, s, source, err);
    hg_safetensors_free(s);
    hg_input_free(in);
    return st;
}

static hg_status load(hg_predictor **out, const hg_racked *m, hg_arena *mem, hg_err *err) {
    char source[HG_RACK_PATH];
    const char *bytes;
    hg_card card;
    HG_TRY(card_of(&card, m, mem, err));
    snprintf(source, sizeof source, "%.3000s/%.250s", m->path, m->name);
    const hg_pack_file *f = hg_pack_file_of(m->model, "weights.safetensors");
    if (!f || strcmp(f->sha256, card.weights_sha256) != 0)
        return hg_fail(err, HG_EDATA, "%s: the weights are not those of its card", source);
    HG_TRY(hg_pack_read(&bytes, m->pack, m->model, f, BYTES_MOST, mem, err));
    HG_TRY(read_bytes(out, bytes, (size_t)f->size, source, err));
    if (((*out)->name = hg_arena_strdup((*out)->mem, card.name))) return HG_OK;
    hg_predictor_free(*out);
    *out = NULL;
    return hg_fail(err, HG_ENOMEM, "no memory for the model %s", m->name);
}

hg_status hg_predictor_load_racked(hg_predictor **out, const hg_racked *m, hg_err *err) {
    *out = NULL;
    if (!m->pack) return hg_predictor_load(out, m->path, err);
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? load(out, m, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for the model %s", m->name);
    hg_arena_free(mem);
    return st;
}
