/* matter/unit.c -- see matter/unit.h */
#include "matter/unit.h"
#include <string.h>

/* Symbols that take SI prefixes, and those that stand alone. */
static const char *const PREFIXED[] = {
    "m",
    "g",
    "s",
    "A",
    "K",
    "mol",
    "cd",
    "Hz",
    "N",
    "Pa",
    "J",
    "W",
    "C",
    "V",
    "F",
    "ohm",
    "S",
    "T",
    "Wb",
    "H",
    "eV",
    "Ha",
    "Ry",
    "bar",
    "Oe",
    "G",
    "L",
    "l",
    "M",
    "cal",
    "Da",
    "B",
    "Ohm",
    "R",
    "emu",
    "\xce\xa9" /* capital omega */,
    "\xe2\x84\xa6" /* ohm sign */,
};
static const char *const ALONE[] = {
    "%",
    "wt%",
    "at%",
    "mol%",
    "vol%",
    "wt.%",
    "at.%",
    "mol.%",
    "vol.%",
    "wt",
    "at",
    "vol",
    "ppm",
    "ppb",
    "min",
    "h",
    "hr",
    "d",
    "day",
    "days",
    "yr",
    "deg",
    "degC",
    "degree",
    "degrees",
    "rad",
    "Torr",
    "atm",
    "atom",
    "atoms",
    "fu",
    "f.u.",
    "cell",
    "unit cell",
    "u",
    "amu",
    "bohr",
    "Bohr",
    "Hartree",
    "hartree",
    "angstrom",
    "Angstrom",
    "Ang",
    "a0",
    "a.u.",
    "au",
    "arb. u.",
    "arb.u.",
    "muB",
    "mu_B",
    "uB",
    "mub",
    "Phi0",
    "rpm",
    "sccm",
    "cc",
    "psi",
    "HV",
    "HRC",
    "sqcm",
    "e",
    "D",
    "debye",
    "Debye",
    "kb",
    "k_B",
    "kB",
    "\xc3\x85" /* A with ring */,
    "\xe2\x84\xab" /* angstrom sign */,
    "\xc2\xb0" /* degree */,
    "\xc2\xb0"
    "C",
    "\xe2\x84\x83" /* degree Celsius */,
    "\xc2\xb5"
    "B",
    "\xce\xbc"
    "B",
    "\xce\xbc"
    "_B",
    "a\xe2\x82\x80" /* a with subscript 0 */,
};
/* yocto to yotta, with both spellings of micro */
static const char *const PREFIX[] = { "y", "z", "a", "f", "p", "n", "u", "m", "c", "d",        "da",
                                      "h", "k", "M", "G", "T", "P", "E", "Z", "Y", "\xc2\xb5", "\xce\xbc" };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool is(const char *word, const char *s, size_t len) { return strlen(word) == len && memcmp(word, s, len) == 0; }

static bool listed(const char *const *list, size_t n, const char *s, size_t len) {
    for (size_t i = 0; i < n; i++)
        if (is(list[i], s, len)) return true;
    return false;
}

static bool is_symbol(const char *s, size_t len) {
    if (listed(ALONE, COUNT(ALONE), s, len) || listed(PREFIXED, COUNT(PREFIXED), s, len)) return true;
    for (size_t i = 0; i < COUNT(PREFIX); i++) {
        const size_t n = strlen(PREFIX[i]);
        if (len > n && memcmp(s, PREFIX[i], n) == 0 && listed(PREFIXED, COUNT(PREFIXED), s + n, len - n)) return true;
    }
    return false;
}

/* Length of a joint at s: a sign, digit, blank, dot or superscript between or after symbols; 0: none. */
static size_t joint(const char *s, size_t len) {
    static const char *const LONGER[] = { "\xc2\xb7" /* middle dot */,
                                          "\xe2\x8b\x85" /* dot operator */,
                                          "\xc2\xb2" /* squared */,
                                          "\xc2\xb3" /* cubed */,
                                          "\xc2\xb9" /* one */,
                                          "\xe2\x81\xbb" /* superscript minus */,
                                          "\xe2\x88\x92" /* minus sign */ };
    if (strchr("/*^+- .0123456789()", *s)) return 1;
    for (size_t i = 0; i < COUNT(LONGER); i++)
        if (len >= strlen(LONGER[i]) && memcmp(s, LONGER[i], strlen(LONGER[i])) == 0) return strlen(LONGER[i]);
    return 0;
}

/* Symbols between joints, at least one; a whole that is listed ("arb. u.") counts too. */
static bool reads_as_unit(const char *s, size_t len) {
    if (is_symbol(s, len)) return true;
    bool any = false;
    while (len) {
        size_t n = joint(s, len);
        if (n == 0) {
            size_t e = 0; /* up to the next joint; symbols with inner dots or digits come first */
            for (size_t i = 1; i <= len; i++)
                if (is_symbol(s, i) && (i == len || joint(s + i, len - i))) e = i;
            if (e == 0) return false;
            any = true;
            n = e;
        }
        s += n;
        len -= n;
    }
    return any;
}

bool hg_unit_of_name(const char *name, size_t *base_len, size_t *unit_at, size_t *unit_len) {
    const size_t n = strlen(name);
    if (n < 4 || (name[n - 1] != ')' && name[n - 1] != ']')) return false;
    const char close = name[n - 1], open = close == ')' ? '(' : '[';
    size_t depth = 1, i = n - 1;
    while (i > 0 && depth) {
        i--;
        if (name[i] == close) depth++;
        if (name[i] == open) depth--;
    }
    if (depth || i == 0) return false;
    size_t from = i + 1, to = n - 1, base = i;
    while (from < to && name[from] == ' ') from++;
    while (to > from && name[to - 1] == ' ') to--;
    while (base > 0 && name[base - 1] == ' ') base--;
    if (base == 0 || to == from || to - from > 40 || !reads_as_unit(name + from, to - from)) return false;
    *base_len = base;
    *unit_at = from;
    *unit_len = to - from;
    return true;
}
