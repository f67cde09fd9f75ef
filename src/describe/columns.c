/* describe/columns.c -- see describe/columns.h */
#include "describe/columns.h"
#include "hagane/composition.h"
#include <math.h>
#include <string.h>

enum { COUNTING_ROWS = 5 }; /* fewer rows that happen to hold 0, 1, 2 may well be a variable */

/* ---- names ---------------------------------------------------------------------------------------------------------- */

/* The name in small letters and digits, without unit bracket, and only what follows a last ':' ("REFERENCE: doi"). */
static void plain_name(char buf[48], const char *name) {
    const char *colon = strrchr(name, ':');
    size_t n = 0;
    if (colon && colon[1]) name = colon + 1;
    for (; *name && *name != '(' && *name != '[' && n < 47; name++) {
        const char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '#') buf[n++] = c;
    }
    buf[n] = '\0';
}

static bool listed(const char *name, const char *const *list, size_t n) {
    char plain[48];
    plain_name(plain, name);
    for (size_t i = 0; i < n; i++)
        if (strcmp(plain, list[i]) == 0) return true;
    return false;
}

bool hg_name_is_id(const char *name) {
    static const char *const ids[] = { "id",  "ids",     "index",     "idx",          "no",       "nr",  "#",
                                       "row", "rowid",   "rownumber", "sampleid",     "sampleno", "uid", "uuid",
                                       "0",   "unnamed", "sample",    "samplenumber", "serial",   "key" };
    const size_t len = strlen(name);
    if (listed(name, ids, sizeof ids / sizeof *ids)) return true;
    if (len < 3 || !strchr("_ -.", name[len - 3])) return false; /* "material_id", "Reference ID" */
    return (name[len - 2] | 32) == 'i' && (name[len - 1] | 32) == 'd';
}

bool hg_name_is_bookkeeping(const char *name) {
    static const char *const words[] = { "doi",      "ref",     "refs",  "reference", "references", "source", "sources",
                                         "citation", "url",     "link",  "file",      "filename",   "path",   "comment",
                                         "comments", "note",    "notes", "remark",    "remarks",    "author", "authors",
                                         "title",    "journal", "year",  "date",      "timestamp" };
    return listed(name, words, sizeof words / sizeof *words);
}

static bool name_has(const char *name, const char *const *words, size_t n) {
    char plain[48];
    plain_name(plain, name);
    for (size_t i = 0; i < n; i++)
        if (strstr(plain, words[i])) return true;
    return false;
}

/* A column called "formula" is one even when some cells are wrong: the error that names them helps more than leaving the
 * column out. "alloy" or "material" may as well hold names, so nearly all cells must read. */
static double least_readable(const char *name) {
    static const char *const sure[] = { "formula", "composition", "compound", "stoichiometry" };
    static const char *const likely[] = { "chemical", "material", "alloy" };
    if (name_has(name, sure, sizeof sure / sizeof *sure)) return 0.5;
    return name_has(name, likely, sizeof likely / sizeof *likely) ? 0.9 : 2;
}

int hg_look_formula_rank(const hg_look *l) {
    const size_t cells = l->rows - l->blank;
    if (l->number || l->mixed || cells == 0) return 0;
    const double share = (double)l->readable / (double)cells;
    if (share >= least_readable(l->name)) return 2;
    return share >= 0.95 && l->rich * 2 > cells ? 1 : 0;
}

/* ---- cells ---------------------------------------------------------------------------------------------------------- */

static void look_at_numbers(hg_look *l, const hg_table *t, size_t table) {
    const double *x = hg_table_column(t, l->at[table])->number;
    const size_t rows = hg_table_rows(t);
    if (table == 0) l->counts = rows >= COUNTING_ROWS && (x[0] == 0 || x[0] == 1);
    for (size_t i = 0; i < rows; i++) {
        if (!isfinite(x[i])) {
            if (l->missing + l->infinite == 0) {
                l->bad_table = table;
                l->bad_row = i;
            }
            *(isnan(x[i]) ? &l->missing : &l->infinite) += 1;
        } else {
            l->min = fmin(l->min, x[i]);
            l->max = fmax(l->max, x[i]);
        }
        if (table == 0 && x[i] != x[0] + (double)i) l->counts = false;
    }
}

/* Adds s to the sorted levels unless it is there or there are too many. */
static void add_level(hg_look *l, const char *s, size_t max_levels) {
    size_t low = 0, high = l->levels;
    if (l->levels > max_levels) return;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(l->level[middle], s);
        if (order == 0) return;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(l->level + low + 1, l->level + low, (l->levels - low) * sizeof *l->level);
    l->level[low] = s;
    l->levels++;
}

/* "n/a" among numbers makes a column text; this tells it from a column of words. */
static bool looks_numeric(const char *s) {
    s += *s == '-' || *s == '+';
    s += *s == '.' || *s == ',';
    return *s >= '0' && *s <= '9';
}

static void look_at_texts(hg_look *l, const hg_table *t, size_t table, size_t max_levels, size_t *numeric) {
    for (size_t i = 0; i < hg_table_rows(t); i++) {
        const char *s = hg_table_text(t, l->at[table], i);
        hg_composition c;
        if (!*s) {
            if (l->blank++ == 0) {
                l->bad_table = table;
                l->bad_row = i;
            }
            continue;
        }
        add_level(l, s, max_levels);
        *numeric += looks_numeric(s);
        if (hg_composition_read(&c, s, NULL) != HG_OK) continue;
        l->readable++;
        l->rich += c.n >= 2 && strpbrk(s, "0123456789abcdefghijklmnopqrstuvwxyz") != NULL;
    }
}

hg_status hg_look_at(hg_look *l, const hg_table *const *t, size_t n_tables, const char *name, size_t max_levels,
                     hg_arena *mem, hg_err *err) {
    *l = (hg_look) { .name = name, .absent = n_tables, .min = INFINITY, .max = -INFINITY };
    l->at = hg_alloc(mem, n_tables, sizeof *l->at);
    l->level = hg_alloc(mem, max_levels + 2, sizeof *l->level);
    if (!l->at || !l->level) return hg_fail(err, HG_ENOMEM, "no memory to look at column \"%s\"", name);
    size_t numbers = 0, numeric = 0;
    for (size_t k = 0; k < n_tables; k++) {
        const hg_status st = hg_table_find(&l->at[k], t[k], name, NULL);
        if (st == HG_ENOMEM) return hg_fail(err, HG_ENOMEM, "no memory to look for column \"%s\"", name);
        if (st != HG_OK) {
            l->absent = k;
            return HG_OK;
        }
        l->rows += hg_table_rows(t[k]);
        numbers += hg_table_column(t[k], l->at[k])->kind == HG_COLUMN_NUMBER;
    }
    l->number = numbers == n_tables;
    l->mixed = numbers > 0 && !l->number;
    for (size_t k = 0; k < n_tables && !l->mixed; k++) {
        if (l->number)
            look_at_numbers(l, t[k], k);
        else
            look_at_texts(l, t[k], k, max_levels, &numeric);
    }
    l->numeric = numeric * 2 > l->rows - l->blank;
    return HG_OK;
}
