/* files/molecule_file.c -- see hagane/molecule_file.h. The formats are the table below. */
#include "hagane/molecule_file.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/draft.h"
#include "matter/molecule.h"
#include <string.h>

static const hg_molecule_format *const FORMATS[] = { &hg_format_sdf, &hg_format_qdf, &hg_format_xyz };
enum { N_FORMATS = sizeof FORMATS / sizeof *FORMATS };

struct hg_molecule_file {
    hg_input *in;
    hg_lines lines;
    hg_draft draft;
    const hg_molecule_format *format;
    size_t count;
    hg_err broken; /* code HG_OK: not */
};

hg_molecule_file_opts hg_molecule_file_opts_default(void) {
    return (hg_molecule_file_opts) { .limits = hg_molecule_limits_default(),
                                     .max_bytes = (uint64_t)1 << 40,
                                     .chunk = (size_t)256 << 10 };
}

const char *hg_molecule_format_name(size_t i) { return i < N_FORMATS ? FORMATS[i]->name : NULL; }

/* ---- which format ------------------------------------------------------------------------------------------------ */

static const hg_molecule_format *format_of_ending(const char *ending, size_t len) {
    for (size_t i = 0; i < N_FORMATS; i++) {
        const char *at = FORMATS[i]->suffixes, *const end = at + strlen(at);
        for (hg_word w; (w = hg_word_next(&at, end)).len > 0;)
            if (w.len == len && strncasecmp(w.s, ending, len) == 0) return FORMATS[i];
    }
    return NULL;
}

/* "mols.xyz.gz" -> xyz */
static const hg_molecule_format *format_of_name(const char *path) {
    static const char *const PACKED[] = { "gz", "xz", "zst" };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t len = strlen(name);
    for (;;) {
        size_t dot = len;
        while (dot > 0 && name[dot - 1] != '.') dot--;
        if (dot < 2) return NULL; /* none, or a hidden file's */
        bool packed = false;
        for (size_t i = 0; i < sizeof PACKED / sizeof *PACKED; i++)
            packed |= strlen(PACKED[i]) == len - dot && strncasecmp(PACKED[i], name + dot, len - dot) == 0;
        if (!packed) return format_of_ending(name + dot, len - dot);
        len = dot - 1;
    }
}

/* Each format looks at the first bytes as at a text of its own. */
static hg_status format_of_content(const hg_molecule_format **out, const hg_lines *lines, hg_err *err) {
    size_t n;
    const char *head = hg_lines_head(&n, lines);
    *out = NULL;
    for (size_t i = 0; i < N_FORMATS && !*out; i++) {
        hg_input *in;
        hg_lines l;
        HG_TRY(hg_input_open_memory(&in, lines->name, head, n, NULL, err));
        const hg_status st = hg_lines_begin(&l, in, n ? n : 1, err);
        if (st == HG_OK && FORMATS[i]->looks(&l)) *out = FORMATS[i];
        hg_lines_end(&l);
        hg_input_free(in);
        HG_TRY(st);
    }
    if (*out) return HG_OK;
    if (n == 0) return hg_fail(err, HG_EDATA, "%s: is empty, expected molecules", lines->name);
    hg_fail(err, HG_EPARSE, "%s: the format of this file is not known", lines->name);
    hg_text list = hg_text_new(0);
    for (size_t i = 0; i < N_FORMATS; i++) hg_text_add(&list, "%s%s", i ? ", " : "", FORMATS[i]->name);
    hg_advise(err, HG_EPARSE, "there are: %s. Say which it is, or give the file its usual ending", list.s);
    hg_text_free(&list);
    return HG_EPARSE;
}

static hg_status choose(hg_molecule_file *f, const char *name, const char *wanted, hg_err *err) {
    if (wanted) {
        for (size_t i = 0; i < N_FORMATS && !f->format; i++)
            if (strcmp(FORMATS[i]->name, wanted) == 0) f->format = FORMATS[i];
        if (!f->format)
            return hg_names_advise(err, hg_fail(err, HG_ENOTFOUND, "there is no molecule format \"%s\"", wanted),
                                   wanted, hg_molecule_format_name);
        return HG_OK;
    }
    f->format = format_of_name(name);
    return f->format ? HG_OK : format_of_content(&f->format, &f->lines, err);
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* path NULL: bytes[n]. */
static hg_status start(hg_molecule_file *f, const char *path, const char *name, const void *bytes, size_t n,
                       const hg_molecule_file_opts *o, hg_err *err) {
    hg_input_opts in = hg_input_opts_default();
    in.max_bytes = o->max_bytes;
    in.chunk = o->chunk;
    if (path)
        HG_TRY(hg_input_open(&f->in, path, &in, err));
    else
        HG_TRY(hg_input_open_memory(&f->in, name, bytes, n, &in, err));
    HG_TRY(hg_lines_begin(&f->lines, f->in, o->chunk, err));
    HG_TRY(choose(f, path ? path : name, o->format, err));
    f->draft = (hg_draft) { .in = &f->lines, .limits = o->limits };
    f->draft.state = hg_calloc(f->format->state, 1);
    return f->draft.state ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to read %s", f->lines.name);
}

static hg_status open_any(hg_molecule_file **out, const char *path, const char *name, const void *bytes, size_t n,
                          const hg_molecule_file_opts *opts, hg_err *err) {
    const hg_molecule_file_opts o = opts ? *opts : hg_molecule_file_opts_default();
    *out = NULL;
    if (o.chunk == 0) return hg_fail(err, HG_EINVAL, "molecule file: chunk must be above 0");
    HG_TRY(hg_molecule_limits_check(&o.limits, err));
    hg_molecule_file *f = hg_calloc(1, sizeof *f);
    if (!f) return hg_fail(err, HG_ENOMEM, "no memory to read %s", path ? path : name);
    const hg_status st = start(f, path, name, bytes, n, &o, err);
    if (st != HG_OK) {
        hg_molecule_file_free(f);
        return st;
    }
    *out = f;
    return HG_OK;
}

hg_status hg_molecule_file_open(hg_molecule_file **out, const char *path, const hg_molecule_file_opts *opts,
                                hg_err *err) {
    return open_any(out, path, NULL, NULL, 0, opts, err);
}

hg_status hg_molecule_file_open_memory(hg_molecule_file **out, const char *name, const void *bytes, size_t n,
                                       const hg_molecule_file_opts *opts, hg_err *err) {
    return open_any(out, NULL, name, bytes, n, opts, err);
}

void hg_molecule_file_free(hg_molecule_file *f) {
    if (!f) return;
    if (f->draft.state && f->format->end) f->format->end(f->draft.state);
    hg_free(f->draft.state);
    hg_draft_free(&f->draft);
    hg_lines_end(&f->lines);
    hg_input_free(f->in);
    hg_free(f);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* *whole: the text of the molecule was read to its end, so that what is wrong with it says nothing about the next. */
static hg_status read_one(hg_molecule **out, bool *whole, hg_molecule_file *f, hg_err *err) {
    bool more;
    *whole = false;
    HG_TRY(f->format->next(&more, &f->draft, err));
    if (!more && f->count == 0)
        return hg_advise(err, hg_fail(err, HG_EDATA, "%s: holds no molecule", f->lines.name),
                         "is it the file that was meant, or was writing it interrupted?");
    if (!more) return HG_OK;
    *whole = true;
    if (f->draft.m.n == 0)
        return hg_fail_at(err, HG_EDATA, f->lines.name, f->draft.m.line, 0, "a molecule without atoms");
    return hg_draft_end(out, &f->draft, err);
}

hg_status hg_molecule_file_next(hg_molecule **out, hg_molecule_file *f, hg_arena *mem, hg_err *err) {
    const hg_mark mark = hg_arena_mark(mem);
    hg_err own = { 0 };
    bool whole;
    *out = NULL;
    if (f->broken.code != HG_OK) {
        if (err) *err = f->broken;
        return f->broken.code;
    }
    hg_draft_begin(&f->draft, mem);
    const hg_status st = read_one(out, &whole, f, &own);
    f->count += whole;
    if (st == HG_OK) return HG_OK;
    hg_arena_reset(mem, mark);
    if (err) *err = own;
    if (!whole || (st != HG_EDATA && st != HG_ENAN)) f->broken = own;
    return st;
}

const char *hg_molecule_file_format(const hg_molecule_file *f) { return f->format->name; }
size_t hg_molecule_file_count(const hg_molecule_file *f) { return f->count; }

void hg_molecule_file_bytes(uint64_t *done, uint64_t *total, const hg_molecule_file *f) {
    *done = hg_input_fetched(f->in);
    *total = hg_input_total(f->in);
}
