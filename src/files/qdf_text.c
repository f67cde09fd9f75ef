/* files/qdf_text.c -- the text of Quantum Deep Field's data sets (Tsubaki & Mizoguchi, PRL 125, 206401, 2020)
 *
 * Blocks parted by an empty line: the id; a line `element x y z` (angstrom) for each atom; the target values, parted by
 * blanks. They become the value "target", a list. All molecules of a file have as many targets as the first, or none, so that
 * a file which was cut short is noticed.
 */
#include "files/draft.h"
#include <string.h>

enum { TARGETS = 64 };

typedef struct {
    bool known; /* the first molecule was read */
    size_t targets;
} qdf_state;

/* An id, atoms, and the targets or an empty line. */
static bool looks(hg_lines *in) {
    bool more;
    if (hg_lines_next(&more, in, NULL) != HG_OK || !more) return false;
    if (hg_lines_next(&more, in, NULL) != HG_OK || !more) return false;
    return hg_atom_line(in->s, in->len, false);
}

static hg_status read_id(hg_draft *d, hg_err *err) {
    const hg_word id = hg_word_trim(d->in->s, d->in->len);
    if (hg_atom_line(d->in->s, d->in->len, false))
        return hg_advise(err,
                         hg_lines_fail(d->in, id.s, err, HG_EPARSE, "an atom, expected the id of the next molecule"),
                         "a molecule begins with its id on a line of its own, and an empty line ends it");
    d->m.id = hg_arena_strndup(d->mem, id.s, id.len);
    d->m.line = d->in->number;
    return d->m.id ? HG_OK : hg_draft_no_memory(d, err);
}

/* Then it holds targets: atoms have symbols here, never atomic numbers. */
static bool begins_with_number(const hg_lines *in) {
    const char *at = in->s;
    double x;
    return hg_real_word(&x, hg_word_next(&at, in->s + in->len));
}

static hg_status read_targets(size_t *n, hg_draft *d, hg_err *err) {
    double x[TARGETS];
    const char *at = d->in->s, *const end = at + d->in->len;
    hg_word w;
    for (*n = 0; (w = hg_word_next(&at, end)).len > 0; ++*n) {
        if (*n == TARGETS) return hg_lines_fail(d->in, w.s, err, HG_ELIMIT, "more than %d target values", TARGETS);
        HG_TRY(hg_draft_real(&x[*n], d, w, "a target value", err));
    }
    double *kept = hg_alloc(d->mem, *n, sizeof *kept);
    if (!kept) return hg_draft_no_memory(d, err);
    for (size_t i = 0; i < *n; i++) kept[i] = x[i];
    const hg_field target = { .name = "target", .kind = HG_FIELD_REAL, .rank = 1, .rows = 1, .cols = *n, .real = kept };
    return hg_draft_value(d, target, err);
}

/* Behind the targets the molecule must end. */
static hg_status expect_end(hg_draft *d, hg_err *err) {
    bool more;
    HG_TRY(hg_lines_next(&more, d->in, err));
    const hg_word w = hg_word_trim(d->in->s, d->in->len);
    if (!more || w.len == 0) return HG_OK;
    return hg_advise(err, hg_lines_fail(d->in, w.s, err, HG_EPARSE, "expected an empty line behind the target values"),
                     "blocks are parted by one empty line: id, atoms, targets");
}

static hg_status compare_targets(const hg_draft *d, size_t n, hg_err *err) {
    qdf_state *s = d->state;
    if (!s->known) *s = (qdf_state) { .known = true, .targets = n };
    if (n == s->targets) return HG_OK;
    hg_fail_at(err, HG_EPARSE, d->in->name, d->in->number, 0,
               "molecule \"%.*s\" (line %zu) has %zu target values, the first one of the file has %zu",
               hg_word_shown((hg_word) { d->m.id, strlen(d->m.id) }), d->m.id, d->m.line, n, s->targets);
    return hg_advise(err, HG_EPARSE, "was the file cut short, or an empty line put inside a molecule?");
}

static hg_status next(bool *more, hg_draft *d, hg_err *err) {
    size_t targets = 0;
    do HG_TRY(hg_lines_next(more, d->in, err));
    while (*more && hg_word_trim(d->in->s, d->in->len).len == 0);
    if (!*more) return HG_OK;
    HG_TRY(read_id(d, err));
    for (;;) {
        bool line;
        const char *rest;
        HG_TRY(hg_lines_next(&line, d->in, err));
        if (!line || hg_word_trim(d->in->s, d->in->len).len == 0) break;
        if (begins_with_number(d->in)) {
            HG_TRY(read_targets(&targets, d, err));
            HG_TRY(expect_end(d, err));
            break;
        }
        HG_TRY(hg_draft_atom_line(&rest, d, err));
        const hg_word w = hg_word_next(&rest, d->in->s + d->in->len);
        if (w.len) return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "expected the line of an atom to end behind z");
    }
    return compare_targets(d, targets, err);
}

const hg_molecule_format hg_format_qdf = {
    .name = "qdf", .suffixes = "qdf", .state = sizeof(qdf_state), .looks = looks, .next = next
};
