/* files/pickle.c -- see files/pickle.h. The machine: Python's Lib/pickletools.py describes each opcode. */
#include "files/pickle.h"
#include "core/memory.h"
#include <string.h>

enum { OBJECTS = 1 << 20, SHOWN = 60 };

/* What may be called. "numpy.core" became "numpy._core" in NumPy 2. */
typedef enum { RECONSTRUCT = 1, NDARRAY, DTYPE, SCALAR, ENCODE } callable;
static const struct {
    const char *module, *name;
    callable number;
} CALLABLE[] = { { "numpy.core.multiarray", "_reconstruct", RECONSTRUCT },
                 { "numpy._core.multiarray", "_reconstruct", RECONSTRUCT },
                 { "numpy", "ndarray", NDARRAY },
                 { "numpy", "dtype", DTYPE },
                 { "numpy.core.multiarray", "scalar", SCALAR },
                 { "numpy._core.multiarray", "scalar", SCALAR },
                 { "_codecs", "encode", ENCODE } };

typedef struct {
    const char *name;
    const unsigned char *begin, *at, *end;
    const unsigned char *op; /* where the current one stands */
    hg_arena *mem;
    hg_err *err;
    hg_pickled **stack; /* NULL entries are marks */
    hg_pickled **memo;
    size_t depth, cap_stack, n_memo, cap_memo, objects;
} machine;

static hg_status bad(const machine *m, const char *what) {
    return hg_advise(
        m->err,
        hg_fail(m->err, HG_EPARSE, "%s: byte %zu of the pickle: %s", m->name, (size_t)(m->op - m->begin) + 1, what),
        "only dictionaries, lists, texts, numbers and arrays of NumPy are read");
}

static hg_status no_memory(const machine *m) { return hg_fail(m->err, HG_ENOMEM, "no memory to read %s", m->name); }

/* ---- the stack --------------------------------------------------------------------------------------------------- */

static hg_status push(machine *m, hg_pickled *v) {
    if (!hg_grow(&m->stack, &m->cap_stack, m->depth + 1, sizeof(hg_pickled *))) return no_memory(m);
    m->stack[m->depth++] = v;
    return HG_OK;
}

static hg_status push_new(machine *m, hg_pickled v) {
    if (++m->objects > OBJECTS)
        return hg_fail(m->err, HG_ELIMIT, "%s: a pickle of more than %d objects", m->name, OBJECTS);
    hg_pickled *own = hg_alloc(m->mem, 1, sizeof *own);
    if (!own) return no_memory(m);
    *own = v;
    return push(m, own);
}

/* The topmost value, no mark. */
static hg_status pop(hg_pickled **v, machine *m) {
    if (m->depth == 0 || !m->stack[m->depth - 1]) return bad(m, "takes a value where none is");
    *v = m->stack[--m->depth];
    return HG_OK;
}

static hg_status top(hg_pickled **v, const machine *m, hg_pickle_kind kind) {
    if (m->depth == 0 || !m->stack[m->depth - 1] || m->stack[m->depth - 1]->kind != kind)
        return bad(m, "adds to something else than a list or dictionary");
    *v = m->stack[m->depth - 1];
    return HG_OK;
}

/* Values above the last mark are stack[*from .. depth). */
static hg_status above_mark(size_t *from, const machine *m) {
    size_t k = m->depth;
    while (k && m->stack[k - 1]) k--;
    *from = k;
    return k ? HG_OK : bad(m, "looks for a mark that is not there");
}

static hg_status append(machine *m, hg_pickled *to, hg_pickled *const *v, size_t n) {
    if (to->n + n > to->cap) { /* in the arena: what was outgrown stays there, less than twice the rest */
        const size_t cap = 2 * (to->n + n);
        hg_pickled **item = hg_alloc(m->mem, cap, sizeof(hg_pickled *));
        if (!item) return no_memory(m);
        if (to->n) memcpy(item, to->item, to->n * sizeof *item);
        to->item = item;
        to->cap = cap;
    }
    if (n) memcpy(to->item + to->n, v, n * sizeof *v);
    to->n += n;
    return HG_OK;
}

/* The topmost n values become a tuple in their place. */
static hg_status tuple(machine *m, size_t n) {
    hg_pickled t = { .kind = HG_PICKLE_LIST };
    if (m->depth < n) return bad(m, "takes a value where none is");
    for (size_t k = m->depth - n; k < m->depth; k++)
        if (!m->stack[k]) return bad(m, "takes a value where none is");
    HG_TRY(append(m, &t, m->stack + m->depth - n, n));
    m->depth -= n;
    return push_new(m, t);
}

/* ---- arguments in the stream ------------------------------------------------------------------------------------- */

static hg_status take(const unsigned char **out, machine *m, uint64_t n) {
    if ((uint64_t)(m->end - m->at) < n) return bad(m, "the file ends within it");
    *out = m->at;
    m->at += n;
    return HG_OK;
}

/* A whole number of n bytes, little-endian. */
static hg_status whole(uint64_t *x, machine *m, size_t n) {
    const unsigned char *at = NULL;
    *x = 0;
    HG_TRY(take(&at, m, n));
    for (size_t i = n; i-- > 0;) *x = *x << 8 | at[i];
    return HG_OK;
}

static hg_status text(machine *m, size_t length_bytes, hg_pickle_kind kind) {
    uint64_t n;
    const unsigned char *at = NULL;
    HG_TRY(whole(&n, m, length_bytes));
    HG_TRY(take(&at, m, n));
    return push_new(m, (hg_pickled) { .kind = kind, .text = (const char *)at, .n = (size_t)n });
}

static hg_status line(const char **s, size_t *n, machine *m) {
    const unsigned char *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (!end) return bad(m, "the file ends within it");
    *s = (const char *)m->at;
    *n = (size_t)(end - m->at);
    m->at = end + 1;
    return HG_OK;
}

static hg_status number(machine *m, hg_pickle_kind kind, double x) {
    return push_new(m, (hg_pickled) { .kind = kind, .real = x });
}

static hg_status big_endian_real(machine *m) {
    const unsigned char *at = NULL;
    uint64_t bits = 0;
    double x;
    HG_TRY(take(&at, m, 8));
    for (size_t i = 0; i < 8; i++) bits = bits << 8 | at[i];
    memcpy(&x, &bits, sizeof x);
    return number(m, HG_PICKLE_REAL, x);
}

/* LONG1: up to 8 bytes, two's complement. */
static hg_status long_whole(machine *m) {
    uint64_t n, x;
    HG_TRY(whole(&n, m, 1));
    if (n > 8) return bad(m, "a whole number of more than 8 bytes");
    HG_TRY(whole(&x, m, (size_t)n));
    const unsigned shift = (unsigned)(64 - 8 * n);
    return number(m, HG_PICKLE_WHOLE, n ? (double)((int64_t)(x << shift) >> shift) : 0);
}

/* ---- memo -------------------------------------------------------------------------------------------------------- */

static hg_status remember(machine *m, uint64_t k) {
    hg_pickled *v = NULL;
    HG_TRY(pop(&v, m));
    m->depth++;
    if (k > m->n_memo + 1024) return bad(m, "a number in the memo far beyond the ones before");
    if (!hg_grow(&m->memo, &m->cap_memo, (size_t)k + 1, sizeof(hg_pickled *))) return no_memory(m);
    while (m->n_memo <= k) m->memo[m->n_memo++] = NULL;
    m->memo[k] = v;
    return HG_OK;
}

static hg_status recall(machine *m, size_t length_bytes) {
    uint64_t k;
    HG_TRY(whole(&k, m, length_bytes));
    if (k >= m->n_memo || !m->memo[k]) return bad(m, "recalls what was never kept");
    return push(m, m->memo[k]);
}

static hg_status keep(machine *m, size_t length_bytes) {
    uint64_t k;
    HG_TRY(whole(&k, m, length_bytes));
    return remember(m, k);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static bool is_text(const char *s, size_t n, const char *what) { return strlen(what) == n && memcmp(s, what, n) == 0; }

static hg_status name(machine *m, const char *module, size_t n_module, const char *s, size_t n) {
    for (size_t i = 0; i < sizeof CALLABLE / sizeof *CALLABLE; i++)
        if (is_text(module, n_module, CALLABLE[i].module) && is_text(s, n, CALLABLE[i].name))
            return push_new(m, (hg_pickled) { .kind = HG_PICKLE_NAME, .array = { .kind = (char)CALLABLE[i].number } });
    hg_fail(m->err, HG_EREFUSED, "%s: byte %zu of the pickle wants to use %.*s.%.*s, which is not allowed", m->name,
            (size_t)(m->op - m->begin) + 1, (int)(n_module < SHOWN ? n_module : SHOWN), module,
            (int)(n < SHOWN ? n : SHOWN), s);
    return hg_advise(m->err, HG_EREFUSED,
                     "a pickle can run any program; only arrays of NumPy are made here. Save what you need as .npz");
}

static hg_status global(machine *m) {
    const char *module = NULL, *s = NULL;
    size_t n_module = 0, n = 0;
    HG_TRY(line(&module, &n_module, m));
    HG_TRY(line(&s, &n, m));
    return name(m, module, n_module, s, n);
}

static hg_status stack_global(machine *m) {
    hg_pickled *module = NULL, *s = NULL;
    HG_TRY(pop(&s, m));
    HG_TRY(pop(&module, m));
    if (s->kind != HG_PICKLE_TEXT || module->kind != HG_PICKLE_TEXT) return bad(m, "a name that is no text");
    return name(m, module->text, module->n, s->text, s->n);
}

/* bytes of Python 2, written as a text of U+0000 .. U+00FF */
static hg_status encode(machine *m, const hg_pickled *arguments) {
    const hg_pickled *t = arguments->n == 2 ? arguments->item[0] : NULL, *how = t ? arguments->item[1] : NULL;
    if (!t || t->kind != HG_PICKLE_TEXT || how->kind != HG_PICKLE_TEXT || !is_text(how->text, how->n, "latin1"))
        return bad(m, "bytes that are no text in latin1");
    char *out = hg_alloc(m->mem, t->n + 1, 1), *copy = hg_arena_strndup(m->mem, t->text, t->n);
    if (!out || !copy) return no_memory(m);
    size_t n = 0;
    for (size_t i = 0; i < t->n; n++) {
        const unsigned char c = (unsigned char)t->text[i], next = i + 1 < t->n ? (unsigned char)t->text[i + 1] : 0;
        const bool two = (c == 0xC2 || c == 0xC3) && next >= 0x80 && next < 0xC0;
        if (c >= 0x80 && !two) return bad(m, "bytes that are no text in latin1");
        out[n] = (char)(two ? (c << 6 & 0xC0) | (next & 0x3F) : c);
        i += two ? 2 : 1;
    }
    return push_new(m, (hg_pickled) { .kind = HG_PICKLE_BYTES, .text = out, .n = n });
}

static hg_status dtype(machine *m, const hg_pickled *arguments) {
    hg_pickled v = { .kind = HG_PICKLE_TYPE };
    const hg_pickled *t = arguments->n ? arguments->item[0] : NULL;
    if (!t || (t->kind != HG_PICKLE_TEXT && t->kind != HG_PICKLE_BYTES) || !hg_ndarray_type(&v.array, t->text, t->n))
        return bad(m, "elements that are no little-endian numbers of 1 to 8 bytes");
    return push_new(m, v);
}

static hg_status scalar(machine *m, const hg_pickled *arguments) {
    const hg_pickled *t = arguments->n == 2 ? arguments->item[0] : NULL, *b = t ? arguments->item[1] : NULL;
    if (!t || t->kind != HG_PICKLE_TYPE || b->kind != HG_PICKLE_BYTES || b->n != t->array.size)
        return bad(m, "a number whose type and bytes do not fit");
    hg_ndarray a = t->array;
    a.data = (const unsigned char *)b->text;
    return number(m, a.kind == 'f' ? HG_PICKLE_REAL : HG_PICKLE_WHOLE, hg_ndarray_at(&a, 0));
}

static hg_status reduce(machine *m) {
    hg_pickled *arguments = NULL, *f = NULL;
    HG_TRY(pop(&arguments, m));
    HG_TRY(pop(&f, m));
    if (f->kind != HG_PICKLE_NAME || arguments->kind != HG_PICKLE_LIST) return bad(m, "calls what is no function");
    switch ((callable)f->array.kind) {
    case RECONSTRUCT: return push_new(m, (hg_pickled) { .kind = HG_PICKLE_ARRAY });
    case DTYPE: return dtype(m, arguments);
    case SCALAR: return scalar(m, arguments);
    case ENCODE: return encode(m, arguments);
    case NDARRAY: break;
    }
    return bad(m, "calls what is no function");
}

/* (version, shape, type, Fortran's order, bytes) */
static hg_status build_array(machine *m, hg_pickled *v, const hg_pickled *state) {
    if (state->n != 5) return bad(m, "the state of an array that is not understood");
    const hg_pickled *shape = state->item[1], *type = state->item[2], *order = state->item[3], *b = state->item[4];
    if (shape->kind != HG_PICKLE_LIST || shape->n > HG_NDARRAY_RANK || type->kind != HG_PICKLE_TYPE ||
        b->kind != HG_PICKLE_BYTES)
        return bad(m, "the state of an array that is not understood");
    if (order->kind == HG_PICKLE_NONE || order->real != 0)
        return bad(m, "an array in Fortran's order: numpy.ascontiguousarray before it is saved");
    hg_ndarray a = type->array;
    a.rank = shape->n;
    for (size_t i = 0; i < a.rank; i++) {
        const hg_pickled *d = shape->item[i];
        if (d->kind != HG_PICKLE_WHOLE || !(d->real >= 0 && d->real < 0x1p53))
            return bad(m, "a shape that is not understood");
        a.shape[i] = (size_t)d->real;
    }
    if (!hg_ndarray_fits(&a, b->n)) return bad(m, "an array whose shape and bytes do not fit");
    a.data = (const unsigned char *)b->text;
    v->array = a;
    return HG_OK;
}

static hg_status build(machine *m) {
    hg_pickled *state = NULL, *v;
    HG_TRY(pop(&state, m));
    if (m->depth == 0 || !(v = m->stack[m->depth - 1]) || state->kind != HG_PICKLE_LIST)
        return bad(m, "the state of an object that is not understood");
    if (v->kind == HG_PICKLE_ARRAY) return build_array(m, v, state);
    if (v->kind != HG_PICKLE_TYPE) return bad(m, "the state of an object that is not understood");
    const hg_pickled *order = state->n > 1 ? state->item[1] : NULL; /* (3, '<', None, None, None, -1, -1, 0) */
    if (order && (order->kind == HG_PICKLE_TEXT || order->kind == HG_PICKLE_BYTES) && order->n == 1 &&
        *order->text != '>')
        return HG_OK;
    return bad(m, "elements that are no little-endian numbers");
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

static hg_status add_all(machine *m, hg_pickle_kind kind) {
    size_t from;
    hg_pickled *to = NULL;
    HG_TRY(above_mark(&from, m));
    const size_t n = m->depth - from;
    m->depth = from - 1;
    HG_TRY(top(&to, m, kind));
    if (kind == HG_PICKLE_DICT && n % 2) return bad(m, "a key without a value");
    return append(m, to, m->stack + from, n);
}

static hg_status add_one(machine *m, hg_pickle_kind kind, size_t n) {
    hg_pickled *to = NULL, *v[2];
    for (size_t k = n; k-- > 0;) HG_TRY(pop(&v[k], m));
    HG_TRY(top(&to, m, kind));
    return append(m, to, v, n);
}

static hg_status skip(machine *m, size_t n) {
    const unsigned char *at = NULL;
    return take(&at, m, n);
}

static hg_status small_whole(machine *m, size_t n) {
    uint64_t x;
    HG_TRY(whole(&x, m, n));
    return number(m, HG_PICKLE_WHOLE, n == 4 ? (double)(int32_t)(uint32_t)x : (double)x);
}

static hg_status one(machine *m, unsigned char op) {
    size_t from;
    hg_pickled *v = NULL;
    switch (op) {
    case 0x80: return skip(m, 1);   /* PROTO */
    case 0x95: return skip(m, 8);   /* FRAME */
    case '(': return push(m, NULL); /* MARK */
    case '0': return pop(&v, m);    /* POP */
    case 'N': return push_new(m, (hg_pickled) { .kind = HG_PICKLE_NONE });
    case 0x88: return number(m, HG_PICKLE_BOOL, 1);
    case 0x89: return number(m, HG_PICKLE_BOOL, 0);
    case 'K': return small_whole(m, 1);
    case 'M': return small_whole(m, 2);
    case 'J': return small_whole(m, 4);
    case 0x8a: return long_whole(m);
    case 'G': return big_endian_real(m);
    case 'X': return text(m, 4, HG_PICKLE_TEXT);
    case 0x8c: return text(m, 1, HG_PICKLE_TEXT);
    case 0x8d: return text(m, 8, HG_PICKLE_TEXT);
    case 'B': return text(m, 4, HG_PICKLE_BYTES);
    case 'C': return text(m, 1, HG_PICKLE_BYTES);
    case 0x8e: return text(m, 8, HG_PICKLE_BYTES);
    case 'U': return text(m, 1, HG_PICKLE_BYTES); /* texts of Python 2 */
    case 'T': return text(m, 4, HG_PICKLE_BYTES);
    case ']':
    case ')': return push_new(m, (hg_pickled) { .kind = HG_PICKLE_LIST });
    case '}': return push_new(m, (hg_pickled) { .kind = HG_PICKLE_DICT });
    case 'a': return add_one(m, HG_PICKLE_LIST, 1);
    case 's': return add_one(m, HG_PICKLE_DICT, 2);
    case 'e': return add_all(m, HG_PICKLE_LIST);
    case 'u': return add_all(m, HG_PICKLE_DICT);
    case 't':
        HG_TRY(above_mark(&from, m));
        memmove(m->stack + from - 1, m->stack + from, (m->depth - from) * sizeof *m->stack); /* over the mark */
        m->depth--;
        return tuple(m, m->depth - (from - 1));
    case 0x85: return tuple(m, 1);
    case 0x86: return tuple(m, 2);
    case 0x87: return tuple(m, 3);
    case 'q': return keep(m, 1);
    case 'r': return keep(m, 4);
    case 0x94: return remember(m, m->n_memo); /* MEMOIZE */
    case 'h': return recall(m, 1);
    case 'j': return recall(m, 4);
    case 'c': return global(m);
    case 0x93: return stack_global(m);
    case 'R': return reduce(m);
    case 'b': return build(m);
    default: return bad(m, "an instruction that is not allowed");
    }
}

static hg_status run(hg_pickled **out, machine *m) {
    while (m->at < m->end) {
        m->op = m->at++;
        if (*m->op != '.') {
            HG_TRY(one(m, *m->op));
            continue;
        }
        HG_TRY(pop(out, m));
        return m->depth ? bad(m, "the end, with values left over") : HG_OK;
    }
    m->op = m->end;
    return bad(m, "the file ends without its last instruction");
}

hg_status hg_pickle_read(hg_pickled **out, const char *file, const unsigned char *bytes, size_t n, hg_arena *mem,
                         hg_err *err) {
    machine m = { .name = file, .begin = bytes, .at = bytes, .end = bytes + n, .op = bytes, .mem = mem, .err = err };
    *out = NULL;
    hg_pickled *v = NULL;
    const hg_status st = run(&v, &m);
    hg_free(m.stack);
    hg_free(m.memo);
    if (st == HG_OK) *out = v;
    return st;
}

const hg_pickled *hg_pickle_get(const hg_pickled *d, const char *key) {
    if (!d || d->kind != HG_PICKLE_DICT) return NULL;
    for (size_t i = 0; i + 1 < d->n; i += 2) {
        const hg_pickled *k = d->item[i];
        if ((k->kind == HG_PICKLE_TEXT || k->kind == HG_PICKLE_BYTES) && is_text(k->text, k->n, key))
            return d->item[i + 1];
    }
    return NULL;
}
