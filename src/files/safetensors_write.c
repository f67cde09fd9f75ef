/* files/safetensors_write.c -- see files/safetensors.h */
#include "core/memory.h"
#include "core/text.h"
#include "core/utf8.h"
#include "files/json.h"
#include "files/safetensors.h"
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, LENGTH_BYTES = 8 };
static const size_t HEADER_MOST = 100000000;

/* ---- what cannot be written -------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b) {
    return strcmp(((const hg_stored_note *)a)->key, ((const hg_stored_note *)b)->key);
}

static int by_size_then_name(const void *a, const void *b) {
    const hg_stored *const *x = a, *const *y = b;
    const size_t sx = hg_stored_type_size((*x)->type), sy = hg_stored_type_size((*y)->type);
    if (sx != sy) return sx > sy ? -1 : 1;
    return strcmp((*x)->name, (*y)->name);
}

static int by_name(const void *a, const void *b) {
    const hg_stored *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static bool is_text(const char *s) { return hg_utf8_valid(s, strlen(s)) == strlen(s); }

static hg_status check_tensor(const hg_stored *t, hg_err *err) {
    if (!t->name || !*t->name || !is_text(t->name) || strcmp(t->name, "__metadata__") == 0)
        return hg_fail(err, HG_EINVAL, "safetensors: \"%s\" cannot be the name of a tensor", t->name ? t->name : "");
    size_t count = 1;
    bool ok = (unsigned)t->type < HG_STORED_TYPES && t->rank <= HG_STORED_RANK;
    for (size_t i = 0; i < t->rank && ok; i++) ok = !__builtin_mul_overflow(count, t->shape[i], &count);
    if (ok && count == t->count && count < SIZE_MAX / 16 && (t->data || !count)) return HG_OK;
    return hg_fail(err, HG_EINVAL, "safetensors: type, shape and count of tensor \"%s\" do not fit together", t->name);
}

/* `sorted` holds the tensors in any order. */
static hg_status check_names(const hg_stored **sorted, size_t n, hg_stored_note *notes, size_t n_notes, hg_err *err) {
    if (n) qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 1; i < n; i++)
        if (by_name(&sorted[i - 1], &sorted[i]) == 0)
            return hg_fail(err, HG_EINVAL, "safetensors: two tensors are called \"%s\"", sorted[i]->name);
    for (size_t i = 0; i < n_notes; i++)
        if (!is_text(notes[i].key) || !is_text(notes[i].text))
            return hg_fail(err, HG_EINVAL, "safetensors: note \"%s\" is not UTF-8 text", notes[i].key);
    if (n_notes) qsort(notes, n_notes, sizeof *notes, by_key);
    for (size_t i = 1; i < n_notes; i++)
        if (by_key(&notes[i - 1], &notes[i]) == 0)
            return hg_fail(err, HG_EINVAL, "safetensors: two notes are called \"%s\"", notes[i].key);
    return HG_OK;
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

static void put_tensor(hg_json *j, const hg_stored *t, size_t *at) {
    const size_t begin = *at;
    *at += t->count * hg_stored_type_size(t->type);
    hg_json_begin_object(j, t->name);
    hg_json_string(j, "dtype", hg_stored_type_name(t->type));
    hg_json_begin_array(j, "shape");
    for (size_t i = 0; i < t->rank; i++) hg_json_count(j, NULL, t->shape[i]);
    hg_json_end_array(j);
    hg_json_begin_array(j, "data_offsets");
    hg_json_count(j, NULL, begin);
    hg_json_count(j, NULL, *at);
    hg_json_end_array(j);
    hg_json_end_object(j);
}

/* Padded with spaces, so that the data begin at a multiple of ALIGN. */
static hg_status make_header(hg_text *text, const hg_stored **sorted, size_t n, const hg_stored_note *notes,
                             size_t n_notes, hg_err *err) {
    hg_json j;
    size_t at = 0;
    hg_json_begin_text(&j, text, 0);
    hg_json_begin_object(&j, NULL);
    if (n_notes) {
        hg_json_begin_object(&j, "__metadata__");
        for (size_t i = 0; i < n_notes; i++) hg_json_string(&j, notes[i].key, notes[i].text);
        hg_json_end_object(&j);
    }
    for (size_t i = 0; i < n; i++) put_tensor(&j, sorted[i], &at);
    hg_json_end_object(&j);
    if (hg_json_end(&j, err) == HG_OK) {
        text->s[--text->len] = '\0'; /* the line end */
        while ((LENGTH_BYTES + text->len) % ALIGN && !text->failed) hg_text_put(text, " ", 1);
    }
    if (text->len > HEADER_MOST || (text->failed && text->len + HG_JSON_BUFFER > HEADER_MOST))
        return hg_fail(err, HG_ELIMIT, "safetensors: the header would be longer than %zu bytes", HEADER_MOST);
    return text->failed ? hg_fail(err, HG_ENOMEM, "safetensors: no memory for a header of %zu tensors", n) : HG_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static hg_status put_all(hg_output *o, hg_text *header, const hg_stored **sorted, size_t n, hg_err *err) {
    unsigned char length[LENGTH_BYTES];
    for (size_t i = 0; i < LENGTH_BYTES; i++) length[i] = (unsigned char)((uint64_t)header->len >> 8 * i);
    HG_TRY(hg_output_write(o, length, sizeof length, err));
    HG_TRY(hg_output_write(o, header->s, header->len, err));
    for (size_t i = 0; i < n; i++)
        HG_TRY(hg_output_write(o, sorted[i]->data, sorted[i]->count * hg_stored_type_size(sorted[i]->type), err));
    return HG_OK;
}

hg_status hg_safetensors_write_output(hg_output *o, const hg_stored *tensors, size_t n, const hg_stored_note *notes,
                                      size_t n_notes, hg_err *err) {
    for (size_t i = 0; i < n; i++) HG_TRY(check_tensor(&tensors[i], err));
    const hg_stored **sorted = hg_malloc(n, sizeof *sorted);
    hg_stored_note *own = hg_malloc(n_notes, sizeof *own);
    hg_text header = hg_text_new(HEADER_MOST + HG_JSON_BUFFER);
    hg_status st = sorted && own ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to write %zu tensors", n);
    if (st == HG_OK) {
        for (size_t i = 0; i < n; i++) sorted[i] = &tensors[i];
        if (n_notes) memcpy(own, notes, n_notes * sizeof *own);
        st = check_names(sorted, n, own, n_notes, err);
    }
    if (st == HG_OK) {
        if (n) qsort(sorted, n, sizeof *sorted, by_size_then_name);
        st = make_header(&header, sorted, n, own, n_notes, err);
    }
    if (st == HG_OK) st = put_all(o, &header, sorted, n, err);
    hg_text_free(&header);
    hg_free(sorted);
    hg_free(own);
    return st;
}

hg_status hg_safetensors_write(const char *path, const hg_stored *tensors, size_t n, const hg_stored_note *notes,
                               size_t n_notes, hg_err *err) {
    hg_output *o;
    HG_TRY(hg_output_new(&o, path, NULL, err));
    hg_status st = hg_safetensors_write_output(o, tensors, n, notes, n_notes, err);
    if (st == HG_OK) st = hg_output_commit(o, err);
    hg_output_free(o);
    return st;
}
