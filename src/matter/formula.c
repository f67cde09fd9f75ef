/* matter/formula.c -- hg_composition_read: a recursive-descent reader of chemical formulae
 *
 *   parts   = part { separator part }
 *   part    = [ number ] item { item }                         "5H2O": the number multiplies the whole part
 *   item    = ( symbol | "(" parts ")" | "[" parts "]" | "{" parts "}" ) [ number ]
 *   number  = digits [ "." digits ] [ "e" exponent ] [ "/" number ]   "1/3"; digits may all be subscripts
 *   separator = middle dot and its look-alikes | "*" | "." | "-" (only between parts that both begin with a number)
 *
 * A "." between digits is a decimal point, except where that cannot be meant:
 *   - a blank beside it, a letter or bracket after it, or a subscript before and a plain digit after it: separator;
 *   - what follows is a number of waters that ends the part ("CuSO4.5H2O", "CaSO4.0.5H2O", "NiCl2.6(H2O)"): separator;
 *   - it follows an amount of oxygen, and a whole number and more oxygen follow ("Al2O3.2SiO2", "CaO.6Al2O3"): separator.
 * Anything else, such as "CoCl2.6NH3", is read as the decimal 2.6: write a middle dot there.
 *
 * An amount of 0 (x = 0 in a doping series: "La2Sr0CuO4") leaves the element out.
 * Cost: linear in the length, no allocation; the stack holds two compositions (1.6 kB) a bracket level, 24 levels at most.
 */
#include "core/number.h"
#include "core/text.h"
#include "hagane/composition.h"
#include "matter/tables.h"
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 24, MAX_LENGTH = 4096, MAX_DIGITS = 18 };
static const double AMOUNT_MAX = 1e12, AMOUNT_MIN = 1e-12; /* atoms a formula; beyond them it is a slip of the pen */

typedef struct {
    const char *text, *s; /* the whole formula; where we are */
    unsigned depth;
    hg_err *err;
} reader;

static hg_status read_parts(reader *r, hg_composition *out, char close);

/* ---- characters ----------------------------------------------------------------------------------------------------- */

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_plain_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_greek(char c) { return c == '\xCE' || c == '\xCF'; } /* first byte of a delta and its neighbours */
static bool starts(const char *s, const char *with) { return strncmp(s, with, strlen(with)) == 0; }

/* Bytes of the digit at s: 1, 3 for a subscript (U+2080..2089), 0 for none. */
static size_t digit_width(const char *s) {
    if (is_plain_digit(*s)) return 1;
    if (s[0] != '\xE2' || s[1] != '\x82') return 0;
    const unsigned char last = (unsigned char)s[2];
    return last >= 0x80 && last <= 0x89 ? 3 : 0;
}

static unsigned digit_value(const char *s, size_t width) { return (unsigned char)s[width - 1] & 15u; } /* both kinds */

/* Bytes of the blank at s, 0 for none: ASCII, no-break, the typographic spaces of U+2000.., the ideographic one. */
static size_t blank_width(const char *s) {
    if (*s == ' ' || (*s >= '\t' && *s <= '\r')) return 1;
    if (starts(s, "\xC2\xA0")) return 2;
    if (starts(s, "\xE2\x80\xAF") || starts(s, "\xE2\x81\x9F") || starts(s, "\xE3\x80\x80")) return 3;
    return starts(s, "\xE2\x80") && (unsigned char)s[2] >= 0x80 && (unsigned char)s[2] <= 0x8B ? 3 : 0;
}

static void skip_blanks(reader *r) {
    if ((unsigned char)*r->s > ' ' && (unsigned char)*r->s < 0x80) return;
    for (size_t w; (w = blank_width(r->s)) > 0;) r->s += w;
}

/* Bytes of the minus sign at s in any of its shapes, 0 for none. */
static size_t minus_width(const char *s) {
    static const char *const shapes[] = { "-",           "\xE2\x80\x90", "\xE2\x80\x91", "\xE2\x80\x93", "\xE2\x88\x92",
                                          "\xE2\x82\x8B" };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (starts(s, shapes[i])) return strlen(shapes[i]);
    return 0;
}

/* Bytes of the dot or star at s that joins two parts, 0 for none. */
static size_t joint_width(const char *s) {
    static const char *const shapes[] = {
        ".",           "*", "\xC2\xB7", "\xE2\x80\xA2", "\xE2\x88\x99", "\xE2\x8B\x85", "\xE2\x88\x97", "\xE3\x83\xBB",
        "\xEF\xBD\xA5"
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (starts(s, shapes[i])) return strlen(shapes[i]);
    return 0;
}

/* ---- refusals: all off the fast path, and nothing is done when nobody asks why ------------------------------------------ */

/* The formula for a message: at most 80 bytes, control characters replaced. */
static const char *show(char *buf, size_t size, const char *s, size_t max) {
    size_t n = 0;
    for (; s[n] && n < max && n + 4 < size; n++) buf[n] = (unsigned char)s[n] < ' ' || s[n] == 127 ? '?' : s[n];
    while (s[n] && n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80) n--; /* not inside a UTF-8 character */
    snprintf(buf + n, size - n, "%s", s[n] && max >= 80 ? "..." : "");
    return buf;
}

static hg_status refuse(reader *r, const char *where, const char *problem, const char *detail) {
    if (!r->err) return HG_EPARSE;
    char text[96];
    const size_t column = (size_t)(where - r->text) + 1;
    hg_fail(r->err, HG_EPARSE, "formula \"%s\", byte %zu: %s%s%s%s", show(text, sizeof text, r->text, 80), column,
            problem, detail ? " \"" : "", detail ? detail : "", detail ? "\"" : "");
    r->err->column = column;
    return HG_EPARSE;
}

/* The symbol that the writer most likely meant by `word`, or NULL: "Iron" -> Fe, the E of "FE2O3" -> Fe, "Xx" -> Xe. */
static const char *likely_symbol(const reader *r, const char *where, const char *word) {
    const char *symbols[HG_ELEMENTS];
    char two[3] = { where > r->text ? where[-1] : '\0', word[0], '\0' };
    if (is_upper(two[0])) { /* "FE2O3", "NA": the second letter of a symbol in the wrong case */
        two[1] = (char)(two[1] | 32);
        if (hg_element_find(two, 2)) return hg_element_symbol(hg_element_find(two, 2));
    }
    if (!word[1]) return NULL; /* a lone R, M or X stands for something, but not for its neighbour in the alphabet */
    two[0] = (char)(word[0] & ~32);
    two[1] = word[1];
    if (!is_upper(word[0]) && !word[2] && hg_element_find(two, 2)) return hg_element_symbol(hg_element_find(two, 2));
    for (unsigned z = 1; z <= HG_ELEMENTS; z++) {
        if (hg_edit_distance(word, hg_element_name(z)) <= 1) return hg_element_symbol(z);
        symbols[z - 1] = hg_element_symbol(z);
    }
    for (unsigned z = 1; z <= HG_ELEMENTS; z++) /* the same first letter is the likelier slip */
        if (symbols[z - 1][0] == word[0] && hg_edit_distance(word, symbols[z - 1]) <= 1) return symbols[z - 1];
    return hg_nearest_name(word, symbols, HG_ELEMENTS);
}

static hg_status refuse_symbol(reader *r, const char *where) {
    if (!r->err) return HG_EPARSE;
    char word[24];
    size_t n = 1;
    while (is_lower(where[n])) n++;
    show(word, sizeof word, where, n < 16 ? n : 16);
    const char *likely = likely_symbol(r, where, word);
    refuse(r, where, "no element is called", word);
    if (likely) {
        const unsigned z = hg_element_find(likely, strlen(likely));
        return hg_advise(r->err, HG_EPARSE,
                         "did you mean %s (%s)? Capitals matter, and letters such as R, M, X or Ln that stand for "
                         "any element cannot be read",
                         likely, hg_element_name(z));
    }
    return hg_advise(r->err, HG_EPARSE,
                     "write the symbols of the periodic table; letters that stand for any element cannot be read");
}

static hg_status refuse_variable(reader *r, const char *where) {
    refuse(r, where, "an amount must be a number, not a variable", NULL);
    return hg_advise(r->err, HG_EPARSE, "replace x, y, n or delta by its value, one row for each composition");
}

static hg_status refuse_charge(reader *r, const char *shown) {
    refuse(r, r->s, "charges and superscripts are not read:", shown);
    return hg_advise(r->err, HG_EPARSE,
                     "write the neutral composition, without charge, oxidation state or isotope number");
}

/* Small letters where none can be: "fe2o3", the name "Iron" (read so far: Ir), or a variable. */
static hg_status refuse_letters(reader *r) {
    const char *word = r->s;
    while (word > r->text && is_lower(word[-1])) word--;
    if (word > r->text && is_upper(word[-1])) word--;
    size_t n = 1;
    while (is_lower(word[n])) n++;
    const char two[3] = { (char)(word[0] & ~32), word[1], '\0' };
    if (n > 3 || (n == 2 && is_lower(word[0]) && hg_element_find(two, 2))) return refuse_symbol(r, word);
    return refuse_variable(r, r->s);
}

/* After a sign: "x" or "2x" is a variable, "0.1Sr" a difference to be worked out, "Ni" an alloy system, the rest a charge. */
static hg_status refuse_sign(reader *r, size_t sign, const char *shown) {
    const char *after = r->s + sign, *s = after;
    while (digit_width(s) || *s == '.') s += *s == '.' ? 1 : digit_width(s);
    if (is_lower(*s) || is_greek(*s)) return refuse_variable(r, r->s);
    if (!is_upper(*s) && *s != '(') return refuse_charge(r, shown);
    if (s == after) {
        refuse(r, r->s, "elements joined by", shown);
        return hg_advise(r->err, HG_EPARSE, "a composition needs amounts: FeNi or Fe0.4Ni0.6 instead of Fe-Ni");
    }
    refuse(r, r->s, "an amount must be one number, without", shown);
    return hg_advise(r->err, HG_EPARSE, "work it out: La1.9Sr0.1CuO4 instead of La2-0.1Sr0.1CuO4");
}

/* The text ended where something must follow. */
static hg_status refuse_end(reader *r) {
    const char *last = r->s;
    while (last > r->text && last[-1] == ' ') last--;
    while (last > r->text && ((unsigned char)*--last & 0xC0) == 0x80) {}
    if (r->s == r->text) return refuse(r, r->s, "nothing to read", NULL);
    if (!joint_width(last)) return refuse(r, r->s, "the formula ends too early", NULL);
    refuse(r, last, "nothing follows the mark that joins another part:", last);
    return hg_advise(r->err, HG_EPARSE, "delete a footnote mark or full stop");
}

/* Whatever stands at r->s does not belong there: say what it is. */
static hg_status unexpected(reader *r) {
    const char *s = r->s;
    if (!r->err) return HG_EPARSE;
    if (!*s) return refuse_end(r);
    const size_t minus = minus_width(s), sign = minus ? minus : *s == '+' ? 1 : 0;
    char character[8];
    size_t n = 1;
    while (n < 4 && ((unsigned char)s[n] & 0xC0) == 0x80) n++;
    show(character, sizeof character, s, n);
    if (is_lower(*s)) return refuse_letters(r);
    if (is_greek(*s)) return refuse_variable(r, s);
    if (sign) return refuse_sign(r, sign, character);
    if (*s == '^' || starts(s, "\xC2\xB2") || starts(s, "\xC2\xB3") || starts(s, "\xC2\xB9") || starts(s, "\xE2\x81"))
        return refuse_charge(r, character);
    if (digit_width(s)) {
        refuse(r, s, "a number where an element must stand", NULL);
        return hg_advise(r->err, HG_EPARSE, "put a middle dot (or '.') before the number of a hydrate: CuSO4.5H2O");
    }
    if (strchr("()[]{}", *s)) return refuse(r, s, "this bracket does not match:", character);
    refuse(r, s, "cannot read", character);
    if (*s == '_') return hg_advise(r->err, HG_EPARSE, "write plain digits: Fe2O3");
    if (*s == ',') return hg_advise(r->err, HG_EPARSE, "amounts take a decimal point; one formula a cell");
    return hg_advise(r->err, HG_EPARSE, "a formula holds symbols, numbers, brackets and dots");
}

/* ---- the dot -------------------------------------------------------------------------------------------------------- */

/* s stands after a dot: is this "5H2O", "0.5H2O" or "6(H2O)", and does the part end there? */
static bool is_water(const char *s) {
    size_t w;
    while ((w = digit_width(s)) > 0) s += w;
    if (*s == '.')
        for (s++; (w = digit_width(s)) > 0;) s += w;
    const bool bracket = *s == '(';
    s += bracket;
    if (*s != 'H' && *s != 'D' && *s != 'T') return false;
    w = digit_width(++s);
    if (w == 0 || digit_value(s, w) != 2 || s[w] != 'O') return false;
    s += w + 1;
    if (bracket && *s++ != ')') return false;
    return !*s || blank_width(s) || joint_width(s) || strchr(")]}", *s);
}

/* s stands after a dot: a whole number, and oxygen again before the part ends? */
static bool is_oxide(const char *s) {
    size_t w;
    while ((w = digit_width(s)) > 0) s += w;
    for (; is_upper(*s) || is_lower(*s) || strchr("()", *s) || digit_width(s); s++) {
        if (!*s) return false;
        if (*s == 'O' && !is_lower(s[1])) return true;
    }
    return false;
}

/* The dot at `dot` follows the whole number `whole` (has_digits: written at all, in digits of `width` bytes). */
static bool is_decimal_point(const reader *r, const char *dot, size_t width, bool has_digits, bool whole_is_zero,
                             bool oxygen) {
    const size_t after = digit_width(dot + 1);
    if (after == 0 || (has_digits && after != width)) return false;
    if (r->depth > 0 || (has_digits && whole_is_zero)) return true; /* "Fe0.5": a separator would leave Fe0 */
    return !is_water(dot + 1) && !(oxygen && is_oxide(dot + 1));
}

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t m;
    int e, digits; /* digits: significant ones kept in m */
} decimal;

static const char *take_digits(decimal *d, const char *s, size_t width, bool after_point) {
    while (digit_width(s) == width && width > 0) {
        if (d->digits < MAX_DIGITS) {
            d->m = d->m * 10 + digit_value(s, width);
            d->digits += d->m > 0;
            d->e -= after_point;
        } else {
            d->e += !after_point; /* beyond 18 digits only the size counts */
        }
        s += width;
    }
    return s;
}

/* "12", "0.5", ".5", "1e-3" at r->s, which is a digit or a decimal point. */
static double read_decimal(reader *r, bool oxygen) {
    const char *s = r->s, *start = s;
    decimal d = { 0, 0, 0 };
    size_t width = digit_width(s);
    s = take_digits(&d, s, width, false);
    if (*s == '.' && is_decimal_point(r, s, width, s > start, d.m == 0, oxygen)) {
        s++;
        width = digit_width(s);
        s = take_digits(&d, s, width, true);
    }
    if (*s == 'e' || *s == 'E') {
        const char *t = s + 1;
        const bool negative = *t == '-';
        if (*t == '-' || *t == '+') t++;
        if (is_plain_digit(*t)) {
            int e = 0;
            for (; is_plain_digit(*t); t++)
                if (e < 10000) e = e * 10 + (*t - '0');
            d.e += negative ? -e : e;
            s = t;
        }
    }
    r->s = s;
    return d.e == 0 ? (double)d.m : hg_number_scale(d.m, d.e);
}

static hg_status read_number(reader *r, double *v, bool oxygen) {
    const char *start = r->s;
    *v = read_decimal(r, oxygen);
    if (*r->s == '/' && digit_width(r->s + 1)) {
        r->s++;
        const double below = read_decimal(r, oxygen);
        if (!(below > 0)) return refuse(r, start, "division by zero", NULL);
        *v /= below;
    }
    if (!(*v <= AMOUNT_MAX)) return refuse(r, start, "this amount is beyond 1e12", NULL);
    return HG_OK;
}

/* The amount after a symbol or bracket; 1 when none is written. */
static hg_status read_amount(reader *r, double *v, bool oxygen) {
    *v = 1;
    if (is_upper(*r->s)) return HG_OK; /* the common case of a formula without blanks */
    const char *before = r->s;
    skip_blanks(r);
    if (digit_width(r->s)) return read_number(r, v, oxygen);
    if (r->s == before && *r->s == '.' && is_decimal_point(r, r->s, 0, false, false, oxygen))
        return read_number(r, v, oxygen);
    return HG_OK;
}

/* ---- the grammar ---------------------------------------------------------------------------------------------------- */

static hg_status add(reader *r, hg_composition *c, unsigned z, unsigned a, double amount) {
    if (amount == 0) return HG_OK;
    for (size_t i = 0; i < c->n; i++)
        if (c->species[i].z == z && c->species[i].a == a) {
            c->species[i].amount += amount;
            return HG_OK;
        }
    if (c->n == HG_COMPOSITION_MAX) return refuse(r, r->s, "more than 32 different elements", NULL);
    c->species[c->n++] = (hg_species) { z, a, amount };
    return HG_OK;
}

static hg_status add_all(reader *r, hg_composition *c, const hg_composition *part, double times) {
    for (size_t i = 0; i < part->n; i++)
        HG_TRY(add(r, c, part->species[i].z, part->species[i].a, part->species[i].amount * times));
    return HG_OK;
}

/* Reads the symbol at r->s: two letters if they name an element, else one ("No" is nobelium, "NO" is nitrogen monoxide). */
static hg_status read_symbol(reader *r, unsigned *z, unsigned *a) {
    const char *s = r->s;
    *a = 0;
    *z = is_lower(s[1]) ? hg_symbol_table[s[0] - 'A'][s[1] - 'a' + 1] : 0;
    if (*z) {
        r->s += 2;
        return HG_OK;
    }
    *z = hg_symbol_table[s[0] - 'A'][0];
    for (size_t i = 0; *z == 0 && i < HG_ISOTOPES; i++)
        if (s[0] == hg_isotope_table[i].symbol[0]) {
            *z = hg_isotope_table[i].z;
            *a = hg_isotope_table[i].a;
        }
    if (*z == 0) return refuse_symbol(r, s);
    r->s++;
    return HG_OK;
}

static hg_status read_bracket(reader *r, hg_composition *out) {
    const char open = *r->s, *where = r->s;
    hg_composition inner;
    double amount;
    inner.n = 0;
    if (++r->depth > MAX_DEPTH) return refuse(r, where, "brackets nested more than 24 deep", NULL);
    r->s++;
    HG_TRY(read_parts(r, &inner, open == '(' ? ')' : open == '[' ? ']' : '}'));
    r->s++;
    r->depth--;
    HG_TRY(read_amount(r, &amount, false));
    return add_all(r, out, &inner, amount);
}

static hg_status read_items(reader *r, hg_composition *out) {
    for (size_t items = 0;; items++) {
        skip_blanks(r);
        if (is_upper(*r->s)) {
            unsigned z, a;
            double amount;
            HG_TRY(read_symbol(r, &z, &a));
            HG_TRY(read_amount(r, &amount, z == 8));
            HG_TRY(add(r, out, z, a, amount));
        } else if (*r->s == '(' || *r->s == '[' || *r->s == '{') {
            HG_TRY(read_bracket(r, out));
        } else {
            return items > 0 ? HG_OK : unexpected(r);
        }
    }
}

/* Takes a separator. A hyphen joins "0.7BiFeO3-0.3BaTiO3" but would be a guess in "Fe-Ni" or "La2-0.1Sr0.1CuO4". */
static bool take_separator(reader *r, bool numbered) {
    const size_t joint = joint_width(r->s), minus = joint ? 0 : minus_width(r->s);
    if (minus && numbered) {
        const char *s = r->s + minus;
        for (size_t w; (w = blank_width(s)) > 0;) s += w;
        if (!digit_width(s)) return false;
    } else if (!joint) {
        return false;
    }
    r->s += joint + minus;
    return true;
}

static hg_status read_parts(reader *r, hg_composition *out, char close) {
    bool numbered = false;
    for (;;) {
        skip_blanks(r);
        if (digit_width(r->s)) {
            hg_composition part;
            double times;
            part.n = 0;
            numbered = true;
            HG_TRY(read_number(r, &times, false));
            HG_TRY(read_items(r, &part));
            HG_TRY(add_all(r, out, &part, times));
        } else {
            HG_TRY(read_items(r, out));
        }
        if (*r->s == close) return HG_OK;
        if (!take_separator(r, numbered)) return unexpected(r);
    }
}

hg_status hg_composition_read(hg_composition *out, const char *formula, hg_err *err) {
    reader r = { .text = formula, .s = formula, .depth = 0, .err = err };
    out->n = 0;
    if (strnlen(formula, MAX_LENGTH + 1) > MAX_LENGTH)
        return refuse(&r, formula + MAX_LENGTH, "longer than 4096 bytes", NULL);
    const hg_status st = read_parts(&r, out, '\0');
    if (st != HG_OK) return st;
    if (out->n == 0) return refuse(&r, formula, "every amount is zero", NULL);
    for (size_t i = 0; i < out->n; i++) {
        const double amount = out->species[i].amount;
        if (!(amount >= AMOUNT_MIN && amount <= AMOUNT_MAX))
            return refuse(&r, formula, "an amount outside 1e-12 .. 1e12 of", hg_element_symbol(out->species[i].z));
    }
    return HG_OK;
}
