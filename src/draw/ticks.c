/* draw/ticks.c -- see draw/ticks.h */
#include "draw/ticks.h"
#include "core/number.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double LARGEST = 1e305; /* room for margins and differences below the largest double */

bool hg_drawable(double v, bool log) { return fabs(v) <= LARGEST && (!log || v > 0); } /* NaN fails the comparison */

void hg_range_add(hg_range *r, double v) {
    if (!hg_drawable(v, r->log)) return;
    r->min = fmin(r->min, v);
    r->max = fmax(r->max, v);
}

static hg_range settle_log(double lo, double hi, bool free_lo, bool free_hi, double margin) {
    double a = log10(lo), b = log10(hi);
    if (!(b - a > 1e-9)) {
        a -= 0.5;
        b += 0.5;
    }
    const double pad = margin * (b - a);
    if (free_lo) a -= pad;
    if (free_hi) b += pad;
    return (hg_range) { pow(10, fmax(a, -304.5)), pow(10, fmin(b, 304.5)), true };
}

hg_range hg_range_settle(hg_range seen, double fixed_min, double fixed_max, double margin) {
    const bool free_lo = !hg_drawable(fixed_min, seen.log), free_hi = !hg_drawable(fixed_max, seen.log);
    double lo = free_lo ? seen.min : fixed_min, hi = free_hi ? seen.max : fixed_max;
    if (!isfinite(lo)) lo = isfinite(hi) ? (seen.log ? hi / 10 : hi - 1) : (seen.log ? 1 : 0);
    if (!isfinite(hi)) hi = seen.log ? lo * 10 : lo + 1;
    if (lo > hi) lo = hi; /* a fixed end beyond all the data */
    if (seen.log) return settle_log(lo, hi, free_lo, free_hi, margin);
    const double scale = fmax(fabs(lo), fabs(hi));
    if (!(hi - lo > 1e-11 * scale)) { /* all equal as far as labels can tell */
        const double half = scale > 1e-300 ? 0.05 * scale : 0.5;
        return (hg_range) { lo - half, hi + half, false };
    }
    const double pad = margin * (hi - lo);
    return (hg_range) { free_lo ? lo - pad : lo, free_hi ? hi + pad : hi, false };
}

double hg_range_share(const hg_range *r, double v) {
    if (r->log) return (log10(v) - log10(r->min)) / (log10(r->max) - log10(r->min));
    return (v - r->min) / (r->max - r->min);
}

/* ---- numbers as texts ------------------------------------------------------------------------------------------- */

static const char *const SUPERSCRIPT[] = { "\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                           "\u2075", "\u2076", "\u2077", "\u2078", "\u2079" };

static void put(char *buf, size_t size, const char *s) {
    const size_t len = strlen(buf);
    if (len + strlen(s) < size) memcpy(buf + len, s, strlen(s) + 1);
}

static void put_power(char *buf, size_t size, int exponent) {
    char digits[16];
    snprintf(digits, sizeof digits, "%d", exponent < 0 ? -exponent : exponent);
    put(buf, size, "10");
    if (exponent < 0) put(buf, size, "\u207b");
    for (const char *d = digits; *d; d++) put(buf, size, SUPERSCRIPT[*d - '0']);
}

void hg_power_text(char *buf, size_t size, int exponent) {
    buf[0] = '\0';
    put(buf, size, "\u00d7");
    put_power(buf, size, exponent);
}

/* v in fixed notation */
static void put_fixed(char *buf, size_t size, double v, int decimals) {
    char plain[400];
    hg_print(plain, sizeof plain, "%.*f", decimals, fabs(v));
    bool zero = true;
    for (const char *c = plain; *c; c++)
        if (*c >= '1' && *c <= '9') zero = false;
    if (v < 0 && !zero) put(buf, size, "\u2212");
    put(buf, size, plain);
}

void hg_fixed_text(char *buf, size_t size, double v, int decimals) {
    buf[0] = '\0';
    put_fixed(buf, size, v, decimals);
}

static int exponent_of(double v) { return v > 0 ? (int)floor(log10(v) + 1e-12) : 0; }

void hg_number_text(char *buf, size_t size, double v, int digits) {
    buf[0] = '\0';
    if (!isfinite(v)) {
        put(buf, size, isnan(v) ? "\u2013" : v > 0 ? "\u221e" : "\u2212\u221e");
        return;
    }
    char rounded[64]; /* 9.996 to three digits is 10.0: find the exponent after rounding */
    hg_print(rounded, sizeof rounded, "%.*e", digits - 1, v);
    const char *e = strchr(rounded, 'e');
    int exponent = 0;
    if (v != 0 && e) sscanf(e + 1, "%d", &exponent);
    if (exponent >= -4 && exponent < (digits > 6 ? digits : 6)) {
        put_fixed(buf, size, v, digits - 1 > exponent ? digits - 1 - exponent : 0);
        return;
    }
    /* in two steps, because 10^-308 and below is not a normal number */
    const double tens = pow(10, (double)(exponent / 2));
    put_fixed(buf, size, v / tens / pow(10, (double)(exponent - exponent / 2)), digits - 1);
    put(buf, size, "\u00d7");
    put_power(buf, size, exponent);
}

/* ---- ticks ------------------------------------------------------------------------------------------------------ */

static double nice_step(double rough, bool whole) {
    const double power = pow(10, floor(log10(rough))), part = rough / power;
    const double step = power * (part <= 1.0001 ? 1 : part <= 2.0001 ? 2 : part <= 5.0001 ? 5 : 10);
    return whole && step < 1 ? 1 : step;
}

static void linear_ticks(hg_ticks *t, const hg_range *r, size_t want, bool whole) {
    const double step = nice_step((r->max - r->min) / (double)want, whole);
    const double slack = 1e-9 * step, first = ceil((r->min - slack) / step);
    const double largest = fmax(fabs(r->min), fabs(r->max));
    const int top = exponent_of(largest), low = exponent_of(step);
    /* 12,000 and 0.002 are read easily; beyond, one power of ten for the axis */
    t->exponent = top >= 5 || top <= -4 ? (int)(3 * floor(top / 3.0)) : 0;
    const double unit_a = pow(10, (double)(t->exponent / 2)), unit_b = pow(10, (double)(t->exponent - t->exponent / 2));
    int decimals = t->exponent - low;
    decimals = decimals < 0 ? 0 : decimals > 15 ? 15 : decimals;
    for (double k = first; t->n < HG_TICKS_MAX && k * step <= r->max + slack; k++) {
        const double v = fabs(k) < 0.5 ? 0 : k * step;
        t->at[t->n] = v;
        t->text[t->n][0] = '\0';
        put_fixed(t->text[t->n], HG_TICK_TEXT, v / unit_a / unit_b, decimals);
        t->n++;
    }
}

static void log_label(char *buf, double v, int decade, bool plain) {
    buf[0] = '\0';
    if (plain) {
        put_fixed(buf, HG_TICK_TEXT, v, decade < 0 ? -decade : 0);
        return;
    }
    const int first = (int)lround(v / pow(10, decade));
    if (first != 1) {
        snprintf(buf, HG_TICK_TEXT, "%d", first);
        put(buf, HG_TICK_TEXT, "\u00d7");
    }
    put_power(buf, HG_TICK_TEXT, decade);
}

static void log_ticks(hg_ticks *t, const hg_range *r, size_t want) {
    const double a = log10(r->min), b = log10(r->max), decades = b - a;
    if (decades < 0.7) { /* less than a factor five: linear ticks read better */
        linear_ticks(t, r, want, false);
        return;
    }
    static const int all[] = { 1, 2, 5 };
    const size_t within = decades * 3 <= (double)want * 1.3 ? 3 : 1; /* ticks a decade */
    const bool plain = a > -3.001 && b < 5; /* 0.001 to 50,000; else powers of ten on every tick */
    int stride = (int)ceil(decades / (double)want);
    if (stride < 1 || within > 1) stride = 1;
    for (int d = (int)floor(a); d <= (int)ceil(b); d++) {
        if (((d % stride) + stride) % stride) continue;
        for (size_t k = 0; k < within; k++) {
            const double v = all[k] * pow(10, d);
            if (t->n >= HG_TICKS_MAX || log10(v) < a - 1e-9 || log10(v) > b + 1e-9) continue;
            t->at[t->n] = v;
            log_label(t->text[t->n++], v, d, plain);
        }
    }
}

void hg_ticks_make(hg_ticks *t, const hg_range *r, size_t want, bool whole) {
    t->n = 0;
    t->exponent = 0;
    if (want < 2) want = 2;
    if (want > 12) want = 12;
    if (r->log)
        log_ticks(t, r, want);
    else
        linear_ticks(t, r, want, whole);
}
