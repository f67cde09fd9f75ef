/* search/html.c -- see search/html.h */
#include "search/html.h"
#include "core/utf8.h"
#include "draw/ticks.h"
#include <math.h>
#include <string.h>

static const struct {
    char c;
    const char *entity;
} ENTITY[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" } };

static void escape_one(hg_text *out, const char *s, size_t n, uint32_t code) {
    for (size_t k = 0; n == 1 && k < sizeof ENTITY / sizeof *ENTITY; k++)
        if (*s == ENTITY[k].c) {
            hg_text_add(out, "%s", ENTITY[k].entity);
            return;
        }
    if (code == 0xfffd)
        hg_text_add(out, "\ufffd");
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        hg_text_put(out, " ", 1);
    else
        hg_text_put(out, s, n);
}

void hg_html_escape(hg_text *out, const char *s) {
    uint32_t code;
    for (size_t n; s && (n = hg_utf8_next(s, &code)) != 0; s += n) escape_one(out, s, n, code);
}

void hg_html_sentence(hg_text *out, const char *s) {
    uint32_t code;
    for (size_t n; s && (n = hg_utf8_next(s, &code)) != 0; s += n) {
        if (strncmp(s, "+- ", 3) == 0) {
            hg_text_add(out, "\u00b1");
            n = 2;
        } else {
            escape_one(out, s, n, code);
        }
    }
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* A number belongs below the line when it follows an element or a closing bracket; not the 4 and 5 of ...SO4.5H2O, which
 * nobody can tell apart without reading the whole formula, so a text with water in it stays as it is. */
void hg_html_formula(hg_text *out, const char *s) {
    if (!s || strstr(s, "H2O")) {
        hg_html_escape(out, s);
        return;
    }
    uint32_t code;
    char before = ' ';
    for (size_t n; (n = hg_utf8_next(s, &code)) != 0; s += n) {
        const bool after = (before >= 'A' && before <= 'Z') || (before >= 'a' && before <= 'z') || before == ')' ||
                           before == ']' || before == '}';
        before = *s;
        if (!digit(*s) || !after) {
            escape_one(out, s, n, code);
            continue;
        }
        size_t len = strspn(s, "0123456789");
        if (s[len] == '.' && digit(s[len + 1])) len += 1 + strspn(s + len + 1, "0123456789");
        hg_text_add(out, "<sub>%.*s</sub>", (int)(len < 40 ? len : 40), s);
        n = len;
    }
}

void hg_html_number(hg_text *out, double v, int digits) {
    char buf[64];
    hg_number_text(buf, sizeof buf, v, digits);
    hg_text_add(out, "%s", buf);
}

static int decade(double v) { return (int)floor(log10(v) + 1e-9); }

void hg_html_plus_minus(hg_text *out, double mean, double sd) {
    if (!isfinite(mean) || !isfinite(sd) || sd <= 0) {
        hg_html_number(out, mean, 4);
        return;
    }
    const double large = fmax(fabs(mean), sd);
    const int top = decade(large), power = top >= 6 || top < -3 ? top : 0;
    const double half = pow(10, power / 2), unit = pow(10, power - power / 2); /* 10^-310 is not a normal number */
    const double m = mean / half / unit, d = sd / half / unit;
    int decimals = d > 0 ? 1 - decade(d) : 6;
    decimals = decimals < 0 ? 0 : decimals > 6 ? 6 : decimals;
    char a[64], b[64], e[32] = "";
    hg_fixed_text(a, sizeof a, m, decimals);
    hg_fixed_text(b, sizeof b, d, decimals);
    if (power) hg_power_text(e, sizeof e, power);
    hg_text_add(out, power ? "(%s\u2009\u00b1\u2009%s)%s" : "%s\u2009\u00b1\u2009%s%s", a, b, e);
}

void hg_html_percent(hg_text *out, double p) {
    if (!(p >= 0 && p <= 1))
        hg_text_add(out, "\u2013");
    else if (p > 0 && p < 0.01)
        hg_text_add(out, "&lt;\u20091\u2009%%");
    else if (p > 0.99 && p < 1)
        hg_text_add(out, "&gt;\u200999\u2009%%");
    else
        hg_text_add(out, "%.0f\u2009%%", 100 * p);
}
