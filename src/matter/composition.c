/* matter/composition.c -- what is done with a composition that was read: totals and the canonical formula */
#include "matter/elements.h"
#include "matter/tables.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_MULTIPLE = 1000, MAX_UNITS = 9, MAX_DECIMALS = 4, SMALL_NUMBER = 30, LARGE_NUMBER = 10000 };
/* Relative. Small whole numbers may stand for decimals that someone rounded, to six digits at best ("Fe0.333333"); large ones
 * and decimals must be the amounts themselves, or many would fit. */
static const double TOLERANCE = 2e-6, EXACT = 1e-9;

double hg_composition_atoms(const hg_composition *c) {
    double total = 0;
    for (size_t i = 0; i < c->n; i++) total += c->species[i].amount;
    return total;
}

double hg_composition_mass(const hg_composition *c) {
    double total = 0;
    for (size_t i = 0; i < c->n; i++) total += c->species[i].amount * hg_species_mass(&c->species[i]);
    return total;
}

/* ---- canonical formula ---------------------------------------------------------------------------------------------- */

/* Before in Pauling electronegativity (elements without one last), then in the alphabet. */
static bool comes_before(const hg_species *a, const hg_species *b) {
    const double ea = hg_element_table[a->z].electronegativity, eb = hg_element_table[b->z].electronegativity;
    const double ka = isnan(ea) ? INFINITY : ea, kb = isnan(eb) ? INFINITY : eb;
    return ka < kb || (ka == kb && strcmp(hg_species_symbol(a), hg_species_symbol(b)) < 0);
}

static void sort_species(hg_species *s, size_t n) {
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && comes_before(&s[j], &s[j - 1]); j--) {
            const hg_species t = s[j];
            s[j] = s[j - 1];
            s[j - 1] = t;
        }
}

/* v with at most `decimals` decimals as text without trailing zeros, "" for 1; 0 when that would change v. Written from
 * integers, so that the locale's decimal comma stays out. */
static size_t put_number(char buf[32], double v, int decimals) {
    const double unit = decimals ? 1e4 : 1, ticks = round(v * unit);
    buf[0] = '\0';
    if (!(ticks >= 1 && v <= LARGE_NUMBER) ||
        fabs(ticks - v * unit) > (decimals || v > SMALL_NUMBER + 0.5 ? EXACT : TOLERANCE) * v * unit)
        return SIZE_MAX;
    const unsigned long long whole = (unsigned long long)(ticks / unit),
                             part = (unsigned long long)(ticks - (double)whole * unit);
    if (whole == 1 && part == 0) return 0;
    size_t n = (size_t)snprintf(buf, 32, part ? "%llu.%04llu" : "%llu", whole, part);
    while (part && buf[n - 1] == '0') n--;
    buf[n] = '\0';
    return n;
}

/* Length of the numbers of s[n] * scale, SIZE_MAX when one cannot be written so. */
static size_t numbers_length(const hg_species *s, size_t n, double scale, int decimals) {
    char buf[32];
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t k = put_number(buf, s[i].amount * scale, decimals);
        if (k == SIZE_MAX) return SIZE_MAX;
        length += k;
    }
    return length;
}

/* The scale to write s[n] in: whole numbers without common divisor when the largest is at most 30; else whole numbers or
 * decimals in which one amount is 1 to 9, whichever text is shorter. All candidates depend on the ratios of the amounts
 * only, and so does the result. 0: none can be written exactly. */
static double best_scale(const hg_species *s, size_t n, int *decimals) {
    double least = s[0].amount, largest = least, best = 0;
    size_t shortest = SIZE_MAX;
    for (size_t i = 1; i < n; i++) {
        least = fmin(least, s[i].amount);
        largest = fmax(largest, s[i].amount);
    }
    *decimals = 0;
    for (int k = 1; k <= MAX_MULTIPLE && best == 0; k++)
        if ((shortest = numbers_length(s, n, k / least, 0)) != SIZE_MAX) best = k / least;
    if (best > 0 && largest * best < SMALL_NUMBER + 0.5) return best;
    for (int k = 1; k <= MAX_UNITS; k++)
        for (size_t i = 0; i < n; i++) {
            const double scale = k / s[i].amount;
            const size_t length = numbers_length(s, n, scale, MAX_DECIMALS);
            if (length < shortest || (length == shortest && *decimals && scale < best * (1 - TOLERANCE))) {
                shortest = length;
                best = scale;
                *decimals = MAX_DECIMALS;
            }
        }
    return best;
}

/* A fraction in 0 < f < 1 with six digits after its leading zeros. */
static void put_fraction(char buf[48], double f) {
    int zeros = 0;
    for (; f < 0.1 && zeros < 30; zeros++) f *= 10;
    const int ticks = (int)fmin(999999, round(f * 1e6));
    int n = snprintf(buf, 48, "0.%.*s%06d", zeros, "000000000000000000000000000000", ticks);
    while (n > 3 && buf[n - 1] == '0') buf[--n] = '\0';
}

static void append(char *buf, size_t size, size_t *at, const char *text) {
    for (; *text; text++, ++*at)
        if (*at + 1 < size) buf[*at] = *text;
}

/* "Cu0.5H2O" would be read as a hydrate; "Cu0.5H2O1" is not. number: of the last three species, the last one blank. */
static bool looks_like_water(const hg_species *s, size_t n, char number[3][48]) {
    return n >= 3 && s[n - 1].z == 8 && s[n - 2].z == 1 && !number[(n - 1) % 3][0] &&
           strchr(number[(n - 3) % 3], '.') && strcmp(number[(n - 2) % 3], "2") == 0;
}

/* A sum of scrambled terms does not care for their order. The scale is no round number: 1/16 of the atoms would lie between two steps of
 * 5,000, and rounding would then decide. Scrambled by the finaliser of splitmix64 (Steele, Lea & Flood, OOPSLA 2014). */
uint64_t hg_composition_key(const hg_composition *c) {
    const double atoms = hg_composition_atoms(c);
    uint64_t key = 0;
    for (size_t i = 0; i < c->n; i++) {
        const hg_species *s = &c->species[i];
        uint64_t z =
            (s->z + UINT64_C(1000) * s->a) * UINT64_C(100003) + (uint64_t)llround(5000.0123 * s->amount / atoms);
        z = (z + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        key += z ^ (z >> 31);
    }
    return key;
}

size_t hg_composition_write(char *buf, size_t size, const hg_composition *c) {
    hg_species s[HG_COMPOSITION_MAX];
    char number[3][48];
    size_t at = 0;
    int decimals = 0;
    memcpy(s, c->species, c->n * sizeof *s);
    sort_species(s, c->n);
    const double scale = c->n ? best_scale(s, c->n, &decimals) : 1, total = hg_composition_atoms(c);
    for (size_t i = 0; i < c->n; i++) {
        append(buf, size, &at, hg_species_symbol(&s[i]));
        if (scale > 0)
            put_number(number[i % 3], s[i].amount * scale, decimals);
        else
            put_fraction(number[i % 3], s[i].amount / total);
        append(buf, size, &at, number[i % 3]);
    }
    if (looks_like_water(s, c->n, number)) append(buf, size, &at, "1");
    if (size) buf[at < size ? at : size - 1] = '\0';
    return at;
}
