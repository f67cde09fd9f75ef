/* files/safetensors.c -- reading; see files/safetensors.h. Writing is in safetensors_write.c. */
#include "files/safetensors.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/json_read.h"
#include <stdlib.h>
#include <string.h>
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors are little-endian and are used as they lie in memory"
#endif

enum { LENGTH_BYTES = 8 };
static const uint64_t HEADER_MOST = 100000000, DATA_MOST = (uint64_t)16 << 30;

static const struct {
    const char *name;
    size_t size;
} TYPES[HG_STORED_TYPES] = {
    [HG_STORED_F64] = { "F64", 8 },   [HG_STORED_F32] = { "F32", 4 }, [HG_STORED_F16] = { "F16", 2 },
    [HG_STORED_BF16] = { "BF16", 2 }, [HG_STORED_I64] = { "I64", 8 }, [HG_STORED_I32] = { "I32", 4 },
    [HG_STORED_I16] = { "I16", 2 },   [HG_STORED_I8] = { "I8", 1 },   [HG_STORED_U64] = { "U64", 8 },
    [HG_STORED_U32] = { "U32", 4 },   [HG_STORED_U16] = { "U16", 2 }, [HG_STORED_U8] = { "U8", 1 },
    [HG_STORED_BOOL] = { "BOOL", 1 },
};

const char *hg_stored_type_name(hg_stored_type type) { return TYPES[type].name; }
size_t hg_stored_type_size(hg_stored_type type) { return TYPES[type].size; }

typedef struct {
    hg_stored pub;
    size_t shape_at; /* into the pool of dimensions */
    uint64_t begin, end;
} entry;

struct hg_safetensors {
    const char *name; /* borrowed while reading, then in mem */
    hg_arena *mem;    /* names, notes, tensors that had to be moved */
    char *pool;       /* [header] names and texts, each with a NUL */
    size_t pool_used;
    size_t *dims;
    size_t n_dims, cap_dims;
    entry *t; /* by place of their data */
    size_t n, cap;
    const entry **by_name; /* [n] */
    hg_stored_note *notes;
    size_t n_notes, cap_notes;
    unsigned char *data; /* 64-byte aligned */
    uint64_t total;
};

typedef struct {
    hg_safetensors *s;
    hg_json_reader json;
    hg_err *err;
} parser;

static hg_status no_memory(const hg_safetensors *s, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "%s: no memory for its tensors", s->name);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static hg_status read_length(size_t *n, hg_input *in, hg_err *err) {
    unsigned char *bytes;
    uint64_t length = 0;
    HG_TRY(hg_input_take(&bytes, in, LENGTH_BYTES, "length", err));
    for (size_t i = LENGTH_BYTES; i-- > 0;) length = length << 8 | bytes[i];
    hg_free(bytes);
    if (length > HEADER_MOST)
        return hg_advise(err,
                         hg_fail(err, HG_EPARSE, "%s: begins with a header length of %llu, more than %llu",
                                 hg_input_name(in), (unsigned long long)length, (unsigned long long)HEADER_MOST),
                         "this is no safetensors file");
    *n = (size_t)length;
    return HG_OK;
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

/* The key or string in the pool, which is as large as the header: each text loses two quotes and gains one NUL. */
static const char *take_text(parser *p) {
    char *at = p->s->pool + p->s->pool_used;
    p->s->pool_used += hg_json_read_text(at, &p->json) + 1;
    return at;
}

static hg_status read_type(parser *p, entry *e) {
    HG_TRY(hg_json_read_expect(&p->json, HG_JSON_STRING, "dtype", p->err));
    for (int i = 0; i < HG_STORED_TYPES; i++)
        if (hg_json_read_is(&p->json, TYPES[i].name)) {
            e->pub.type = (hg_stored_type)i;
            return HG_OK;
        }
    return hg_advise(p->err, hg_json_read_fail(&p->json, p->err, HG_EPARSE, "an element type that is not read"),
                     "F64, F32, F16, BF16, BOOL and whole numbers of 8 to 64 bits are");
}

static hg_status read_shape(parser *p, entry *e) {
    hg_safetensors *s = p->s;
    e->shape_at = s->n_dims;
    e->pub.count = 1;
    HG_TRY(hg_json_read_expect(&p->json, HG_JSON_ARRAY, "shape", p->err));
    for (;;) {
        uint64_t d;
        HG_TRY(hg_json_read_next(&p->json, p->err));
        if (p->json.event == HG_JSON_ARRAY_END) return HG_OK;
        HG_TRY(hg_json_read_whole(&d, &p->json, p->err));
        if (e->pub.rank == HG_STORED_RANK)
            return hg_json_read_fail(&p->json, p->err, HG_ELIMIT, "more than %d dimensions", HG_STORED_RANK);
        size_t count;
        if (d > SIZE_MAX / 16 || __builtin_mul_overflow(e->pub.count, (size_t)d, &count) || count > SIZE_MAX / 16)
            return hg_json_read_fail(&p->json, p->err, HG_ELIMIT, "a shape of too many elements");
        if (!hg_grow(&s->dims, &s->cap_dims, s->n_dims + 1, sizeof *s->dims)) return no_memory(s, p->err);
        s->dims[s->n_dims++] = (size_t)d;
        e->pub.count = count;
        e->pub.rank++;
    }
}

static hg_status read_offsets(parser *p, entry *e) {
    HG_TRY(hg_json_read_expect(&p->json, HG_JSON_ARRAY, "data_offsets", p->err));
    HG_TRY(hg_json_read_next(&p->json, p->err));
    HG_TRY(hg_json_read_whole(&e->begin, &p->json, p->err));
    HG_TRY(hg_json_read_next(&p->json, p->err));
    HG_TRY(hg_json_read_whole(&e->end, &p->json, p->err));
    HG_TRY(hg_json_read_expect(&p->json, HG_JSON_ARRAY_END, "data_offsets", p->err));
    if (e->end < e->begin)
        return hg_json_read_fail(&p->json, p->err, HG_EPARSE, "data_offsets that end before they begin");
    return HG_OK;
}

/* The record of one tensor; the JSON stands on its name. */
static hg_status read_entry(parser *p) {
    static const char *const FIELD[] = { "dtype", "shape", "data_offsets" };
    static hg_status (*const READ[])(parser *, entry *) = { read_type, read_shape, read_offsets };
    hg_safetensors *s = p->s;
    entry e = { .pub = { .name = take_text(p) } };
    bool seen[3] = { false };
    HG_TRY(hg_json_read_expect(&p->json, HG_JSON_OBJECT, "a tensor", p->err));
    for (;;) {
        HG_TRY(hg_json_read_next(&p->json, p->err));
        if (p->json.event == HG_JSON_OBJECT_END) break;
        size_t k = 0;
        while (k < 3 && !hg_json_read_is(&p->json, FIELD[k])) k++;
        if (k == 3)
            return hg_json_read_fail(&p->json, p->err, HG_EPARSE,
                                     "tensor \"%s\" has a field that the format does not know", e.pub.name);
        if (seen[k])
            return hg_json_read_fail(&p->json, p->err, HG_EPARSE, "tensor \"%s\" has two %s", e.pub.name, FIELD[k]);
        seen[k] = true;
        HG_TRY(READ[k](p, &e));
    }
    for (size_t k = 0; k < 3; k++)
        if (!seen[k])
            return hg_json_read_fail(&p->json, p->err, HG_EPARSE, "tensor \"%s\" has no %s", e.pub.name, FIELD[k]);
    if (e.end - e.begin != e.pub.count * TYPES[e.pub.type].size)
        return hg_json_read_fail(&p->json, p->err, HG_EPARSE,
                                 "tensor \"%s\" has %llu bytes of data, its shape and type need %llu", e.pub.name,
                                 (unsigned long long)(e.end - e.begin),
                                 (unsigned long long)(e.pub.count * TYPES[e.pub.type].size));
    if (!hg_grow(&s->t, &s->cap, s->n + 1, sizeof *s->t)) return no_memory(s, p->err);
    s->t[s->n++] = e;
    return HG_OK;
}

static hg_status read_notes(parser *p) {
    hg_safetensors *s = p->s;
    HG_TRY(hg_json_read_expect(&p->json, HG_JSON_OBJECT, "__metadata__", p->err));
    for (;;) {
        hg_stored_note note;
        HG_TRY(hg_json_read_next(&p->json, p->err));
        if (p->json.event == HG_JSON_OBJECT_END) return HG_OK;
        note.key = take_text(p);
        HG_TRY(hg_json_read_expect(&p->json, HG_JSON_STRING, "an entry of __metadata__", p->err));
        note.text = take_text(p);
        if (!hg_grow(&s->notes, &s->cap_notes, s->n_notes + 1, sizeof *s->notes)) return no_memory(s, p->err);
        s->notes[s->n_notes++] = note;
    }
}

static hg_status read_header(parser *p, const char *text, size_t n) {
    bool noted = false;
    hg_json_read_begin(&p->json, p->s->name, text, n);
    if (n == 0 || *text != '{')
        return hg_advise(p->err, hg_fail(p->err, HG_EPARSE, "%s: its header does not begin with '{'", p->s->name),
                         "this is no safetensors file");
    HG_TRY(hg_json_read_expect(&p->json, HG_JSON_OBJECT, "the header", p->err));
    for (;;) {
        HG_TRY(hg_json_read_next(&p->json, p->err));
        if (p->json.event == HG_JSON_OBJECT_END) break;
        if (!hg_json_read_is(&p->json, "__metadata__")) {
            HG_TRY(read_entry(p));
            continue;
        }
        if (noted) return hg_json_read_fail(&p->json, p->err, HG_EPARSE, "__metadata__ comes twice");
        noted = true;
        HG_TRY(read_notes(p));
    }
    for (const char *at = p->json.at; at < p->json.end; at++)
        if (*at != ' ')
            return hg_fail(p->err, HG_EPARSE, "%s: its header has more behind its end than spaces", p->s->name);
    return HG_OK;
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return strcmp(x->pub.name, y->pub.name);
}

static int by_name(const void *a, const void *b) {
    const entry *const *x = a, *const *y = b;
    return strcmp((*x)->pub.name, (*y)->pub.name);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const hg_stored_note *)a)->key, ((const hg_stored_note *)b)->key);
}

/* Data one behind the other, without holes; names and keys once. */
static hg_status check_order(hg_safetensors *s, hg_err *err) {
    if (s->n) qsort(s->t, s->n, sizeof *s->t, by_place);
    for (size_t i = 0; i < s->n; i++) {
        if (s->t[i].begin != s->total)
            return hg_fail(err, HG_EPARSE, "%s: the data of tensor \"%s\" begin at %llu, %s", s->name, s->t[i].pub.name,
                           (unsigned long long)s->t[i].begin,
                           s->t[i].begin < s->total ? "within those of another tensor" : "behind a hole");
        s->total = s->t[i].end;
        s->t[i].pub.shape = s->dims ? s->dims + s->t[i].shape_at : NULL;
    }
    s->by_name = hg_malloc(s->n, sizeof *s->by_name);
    if (!s->by_name) return no_memory(s, err);
    for (size_t i = 0; i < s->n; i++) s->by_name[i] = &s->t[i];
    if (s->n) qsort(s->by_name, s->n, sizeof *s->by_name, by_name);
    for (size_t i = 1; i < s->n; i++)
        if (by_name(&s->by_name[i - 1], &s->by_name[i]) == 0)
            return hg_fail(err, HG_EPARSE, "%s: tensor \"%s\" is there twice", s->name, s->by_name[i]->pub.name);
    if (s->n_notes) qsort(s->notes, s->n_notes, sizeof *s->notes, by_key);
    for (size_t i = 1; i < s->n_notes; i++)
        if (by_key(&s->notes[i - 1], &s->notes[i]) == 0)
            return hg_fail(err, HG_EPARSE, "%s: __metadata__ has \"%s\" twice", s->name, s->notes[i].key);
    return HG_OK;
}

/* ---- the data ---------------------------------------------------------------------------------------------------- */

static hg_status check_bools(const hg_safetensors *s, const hg_stored *t, hg_err *err) {
    const unsigned char *b = t->data;
    for (size_t i = 0; i < t->count; i++)
        if (b[i] > 1)
            return hg_fail(err, HG_EDATA, "%s: element %zu of tensor \"%s\" is %u, expected 0 or 1 for BOOL", s->name,
                           i, t->name, b[i]);
    return HG_OK;
}

/* Others may have put a double at any byte. */
static hg_status place_data(hg_safetensors *s, hg_err *err) {
    for (size_t i = 0; i < s->n; i++) {
        hg_stored *t = &s->t[i].pub;
        const size_t size = TYPES[t->type].size;
        t->data = s->data + s->t[i].begin;
        if (s->t[i].begin % size) {
            void *moved = hg_alloc(s->mem, t->count, size);
            if (!moved) return no_memory(s, err);
            memcpy(moved, t->data, t->count * size);
            t->data = moved;
        }
        if (t->type == HG_STORED_BOOL) HG_TRY(check_bools(s, t, err));
    }
    return HG_OK;
}

static hg_status read_data(hg_safetensors *s, hg_input *in, uint64_t max_bytes, hg_err *err) {
    unsigned char more;
    size_t got;
    const uint64_t most = max_bytes ? max_bytes : DATA_MOST;
    if (s->total > most || s->total > SIZE_MAX / 4)
        return hg_advise(err,
                         hg_fail(err, HG_ELIMIT, "%s: its tensors have %llu bytes, more than %llu", s->name,
                                 (unsigned long long)s->total, (unsigned long long)most),
                         "raise the limit if the file is to be trusted");
    HG_TRY(hg_input_take(&s->data, in, (size_t)s->total, "tensors", err));
    HG_TRY(hg_input_read(&got, in, &more, 1, err));
    if (got) return hg_fail(err, HG_EPARSE, "%s: has more bytes than its tensors need", s->name);
    return place_data(s, err);
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static hg_status read_all(hg_safetensors *s, hg_input *in, uint64_t max_bytes, hg_err *err) {
    size_t n = 0;
    unsigned char *header;
    s->mem = hg_arena_new();
    s->name = hg_arena_strdup(s->mem, hg_input_name(in));
    if (!s->name) return hg_fail(err, HG_ENOMEM, "no memory to read %s", hg_input_name(in));
    HG_TRY(read_length(&n, in, err));
    HG_TRY(hg_input_take(&header, in, n, "header", err));
    s->pool = hg_malloc(n, 1);
    parser p = { .s = s, .err = err };
    const hg_status st = s->pool ? read_header(&p, (const char *)header, n) : no_memory(s, err);
    hg_free(header);
    HG_TRY(st);
    HG_TRY(check_order(s, err));
    return read_data(s, in, max_bytes, err);
}

hg_status hg_safetensors_read(hg_safetensors **out, hg_input *in, uint64_t max_bytes, hg_err *err) {
    hg_safetensors *s = hg_calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory to read %s", hg_input_name(in));
    const hg_status st = read_all(s, in, max_bytes, err);
    if (st != HG_OK) {
        hg_safetensors_free(s);
        return st;
    }
    *out = s;
    return HG_OK;
}

hg_status hg_safetensors_open(hg_safetensors **out, const char *path, uint64_t max_bytes, hg_err *err) {
    hg_input *in;
    hg_input_opts o = hg_input_opts_default();
    *out = NULL;
    o.max_bytes = (max_bytes ? max_bytes : DATA_MOST) + HEADER_MOST + LENGTH_BYTES + 1;
    HG_TRY(hg_input_open(&in, path, &o, err));
    const hg_status st = hg_safetensors_read(out, in, max_bytes, err);
    hg_input_free(in);
    return st;
}

void hg_safetensors_free(hg_safetensors *s) {
    if (!s) return;
    hg_free(s->pool);
    hg_free(s->dims);
    hg_free(s->t);
    hg_free(s->by_name);
    hg_free(s->notes);
    hg_free(s->data);
    hg_arena_free(s->mem);
    hg_free(s);
}

/* ---- what is in it ----------------------------------------------------------------------------------------------- */

size_t hg_safetensors_count(const hg_safetensors *s) { return s->n; }
const hg_stored *hg_safetensors_at(const hg_safetensors *s, size_t i) { return &s->t[i].pub; }

const hg_stored *hg_safetensors_find(const hg_safetensors *s, const char *name) {
    const entry wanted = { .pub = { .name = name } }, *key = &wanted;
    const entry *const *at = s->n ? bsearch(&key, s->by_name, s->n, sizeof *s->by_name, by_name) : NULL;
    return at ? &(*at)->pub : NULL;
}

const char *hg_safetensors_note(const hg_safetensors *s, const char *key) {
    const hg_stored_note wanted = { .key = key };
    const hg_stored_note *at = s->n_notes ? bsearch(&wanted, s->notes, s->n_notes, sizeof *s->notes, by_key) : NULL;
    return at ? at->text : NULL;
}

size_t hg_safetensors_notes(const hg_stored_note **notes, const hg_safetensors *s) {
    *notes = s->notes;
    return s->n_notes;
}

static void shape_words(hg_text *t, const size_t *shape, size_t rank) {
    hg_text_add(t, "[");
    for (size_t i = 0; i < rank; i++) hg_text_add(t, "%s%zu", i ? "," : "", shape[i]);
    hg_text_add(t, "]");
}

static hg_status not_there(const hg_safetensors *s, const char *name, hg_err *err) {
    const char *best = NULL;
    size_t distance = SIZE_MAX;
    for (size_t i = 0; i < s->n; i++) {
        const size_t d = hg_edit_distance(name, s->t[i].pub.name);
        if (d >= distance) continue;
        distance = d;
        best = s->t[i].pub.name;
    }
    hg_fail(err, HG_ENOTFOUND, "%s: there is no tensor \"%s\"", s->name, name);
    if (best)
        hg_advise(err, HG_ENOTFOUND, "the nearest of its %zu names is \"%s\"; are these the weights of another model?",
                  s->n, best);
    return HG_ENOTFOUND;
}

hg_status hg_safetensors_need(const hg_stored **out, const hg_safetensors *s, const char *name, const size_t *shape,
                              size_t rank, hg_err *err) {
    const hg_stored *t = hg_safetensors_find(s, name);
    *out = t;
    if (!t) return not_there(s, name, err);
    if (t->rank == rank && (rank == 0 || memcmp(t->shape, shape, rank * sizeof *shape) == 0)) return HG_OK;
    *out = NULL;
    hg_text have = hg_text_new(0), want = hg_text_new(0); /* without memory the sentence is shorter */
    shape_words(&have, t->shape, t->rank);
    shape_words(&want, shape, rank);
    hg_fail(err, HG_EDATA, "%s: tensor \"%s\" has shape %s, expected %s", s->name, name, have.s, want.s);
    hg_text_free(&have);
    hg_text_free(&want);
    return hg_advise(err, HG_EDATA, "are these the weights of another model, or of another size of it?");
}

/* ---- floats ------------------------------------------------------------------------------------------------------ */

static float float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction */
static float float_of_half(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = (h >> 10) & 31, m = h & 1023;
    if (e == 31) return float_of_bits(sign | 0x7F800000u | m << 13);
    if (e) return float_of_bits(sign | (e + 112) << 23 | m << 13);
    const float small = (float)m * 0x1p-24f; /* exact */
    return sign ? -small : small;
}

hg_status hg_safetensors_doubles(double *out, const hg_safetensors *s, const char *name, size_t n, hg_err *err) {
    const hg_stored *t;
    HG_TRY(hg_safetensors_need(&t, s, name, &n, 1, err));
    if (t->type != HG_STORED_F64 && t->type != HG_STORED_F32)
        return hg_fail(err, HG_EDATA, "\"%s\" is of type %s, not F64 or F32", name, hg_stored_type_name(t->type));
    for (size_t i = 0; i < n; i++)
        out[i] = t->type == HG_STORED_F64 ? ((const double *)t->data)[i] : (double)((const float *)t->data)[i];
    return hg_check_finite(name, out, n, 1, err);
}

hg_status hg_safetensors_open_kind(hg_safetensors **out, const char *path, const char *kind, hg_err *err) {
    HG_TRY(hg_safetensors_open(out, path, 0, err));
    const char *is = hg_safetensors_note(*out, "architecture");
    if (is && strcmp(is, kind) == 0) return HG_OK;
    hg_fail(err, HG_EDATA, "%s: these are not weights of \"%s\"%s%s", path, kind, is ? " but of " : "", is ? is : "");
    hg_safetensors_free(*out);
    *out = NULL;
    return HG_EDATA;
}

hg_status hg_stored_floats(float *out, const hg_stored *t, hg_err *err) {
    const double *d = t->data;
    const uint16_t *h = t->data;
    switch (t->type) {
    case HG_STORED_F64:
        for (size_t i = 0; i < t->count; i++) out[i] = (float)d[i];
        return HG_OK;
    case HG_STORED_F32:
        if (t->count) memcpy(out, t->data, t->count * sizeof *out);
        return HG_OK;
    case HG_STORED_F16:
        for (size_t i = 0; i < t->count; i++) out[i] = float_of_half(h[i]);
        return HG_OK;
    case HG_STORED_BF16:
        for (size_t i = 0; i < t->count; i++) out[i] = float_of_bits((uint32_t)h[i] << 16);
        return HG_OK;
    default:
        return hg_fail(err, HG_EDATA, "tensor \"%s\" is of type %s, expected floating-point numbers", t->name,
                       TYPES[t->type].name);
    }
}
