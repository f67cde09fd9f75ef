/* files/ndarray.c -- see files/ndarray.h. The format of .npy: numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include "files/ndarray.h"
#include <string.h>

bool hg_ndarray_type(hg_ndarray *a, const char *descr, size_t len) {
    static const char *const SIZES[] = { "f48", "i1248", "u1248", "b1" };
    if (len && (*descr == '<' || *descr == '|' || *descr == '=')) {
        descr++;
        len--;
    }
    if (len != 2) return false;
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        if (*SIZES[i] == descr[0] && descr[1] && strchr(SIZES[i] + 1, descr[1])) {
            a->kind = descr[0];
            a->size = (size_t)(descr[1] - '0');
            return true;
        }
    return false;
}

bool hg_ndarray_fits(hg_ndarray *a, size_t n) {
    size_t bytes = a->size;
    a->count = 1;
    for (size_t i = 0; i < a->rank; i++)
        if (__builtin_mul_overflow(bytes, a->shape[i], &bytes) ||
            __builtin_mul_overflow(a->count, a->shape[i], &a->count))
            return false;
    return bytes == n;
}

bool hg_ndarray_is(const hg_ndarray *a, size_t rank, const size_t *shape) {
    return a->rank == rank && memcmp(a->shape, shape, rank * sizeof *shape) == 0;
}

double hg_ndarray_at(const hg_ndarray *a, size_t i) {
    const unsigned char *at = a->data + i * a->size;
    uint64_t bits = 0;
    double real;
    float single;
    memcpy(&bits, at, a->size); /* both little-endian; files/safetensors.c refuses to build elsewhere */
    if (a->kind == 'f' && a->size == 8) return memcpy(&real, at, sizeof real), real;
    if (a->kind == 'f') return memcpy(&single, at, sizeof single), (double)single;
    if (a->kind != 'i') return (double)bits;
    const unsigned shift = (unsigned)(64 - 8 * a->size);
    return (double)((int64_t)(bits << shift) >> shift);
}

/* ---- .npy -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *at, *end, *name;
    hg_err *err;
} scan;

static hg_status bad(const scan *s, const char *what) {
    return hg_advise(s->err, hg_fail(s->err, HG_EPARSE, "%s: %s", s->name, what),
                     "is it an array of numbers of numpy.save?");
}

static void blanks(scan *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n')) s->at++;
}

static bool take(scan *s, const char *text) {
    const size_t n = strlen(text);
    blanks(s);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, text, n) != 0) return false;
    s->at += n;
    return true;
}

static bool quoted(scan *s, const char **text, size_t *n) {
    if (!take(s, "'")) return false;
    *text = s->at;
    while (s->at < s->end && *s->at != '\'') s->at++;
    *n = (size_t)(s->at - *text);
    return take(s, "'");
}

static bool shape(scan *s, hg_ndarray *a) {
    if (!take(s, "(")) return false;
    for (a->rank = 0; !take(s, ")"); a->rank++) {
        size_t x = 0;
        blanks(s);
        const char *const from = s->at;
        if (a->rank == HG_NDARRAY_RANK) return false;
        for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
            if (__builtin_mul_overflow(x, (size_t)10, &x) || __builtin_add_overflow(x, (size_t)(*s->at - '0'), &x))
                return false;
        if (s->at == from) return false;
        a->shape[a->rank] = x;
        if (!take(s, ",") && !(s->at < s->end && *s->at == ')')) return false;
    }
    return true;
}

/* {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), } in any order */
static hg_status header(hg_ndarray *a, scan *s) {
    unsigned seen = 0;
    const char *text;
    size_t n;
    if (!take(s, "{")) return bad(s, "a header that is no dictionary");
    while (!take(s, "}")) {
        if (!quoted(s, &text, &n) || !take(s, ":")) return bad(s, "a header that is not understood");
        if (n == 5 && memcmp(text, "descr", n) == 0) {
            if (!quoted(s, &text, &n) || !hg_ndarray_type(a, text, n))
                return bad(s, "elements that are no little-endian numbers of 1 to 8 bytes");
            seen |= 1;
        } else if (n == 13 && memcmp(text, "fortran_order", n) == 0) {
            if (!take(s, "False"))
                return bad(s, "an array in Fortran's order: numpy.ascontiguousarray before it is saved");
            seen |= 2;
        } else if (n == 5 && memcmp(text, "shape", n) == 0) {
            if (!shape(s, a)) return bad(s, "a shape that is not understood");
            seen |= 4;
        } else {
            return bad(s, "a header with a key that the format does not know");
        }
        if (!take(s, ",") && !(s->at < s->end && *s->at == '}')) return bad(s, "a header that is not understood");
    }
    return seen == 7 ? HG_OK : bad(s, "a header without descr, fortran_order or shape");
}

hg_status hg_npy_read(hg_ndarray *out, const char *name, const unsigned char *bytes, size_t n, hg_err *err) {
    scan s = { .name = name, .err = err };
    size_t length = 0, from = 10;
    *out = (hg_ndarray) { .kind = 'f' };
    if (n < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0 || bytes[6] < 1 || bytes[6] > 3)
        return bad(&s, "does not begin as an array of NumPy");
    length = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1) {
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
        from = 12;
    }
    if (length > n - from) return bad(&s, "ends within its header");
    s.at = (const char *)bytes + from;
    s.end = s.at + length;
    HG_TRY(header(out, &s));
    out->data = bytes + from + length;
    return hg_ndarray_fits(out, n - from - length) ? HG_OK : bad(&s, "its length is not that of its shape");
}
