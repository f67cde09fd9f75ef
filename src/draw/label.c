/* draw/label.c -- see draw/label.h */
#include "draw/label.h"
#include "core/utf8.h"
#include <string.h>

static const double DIGIT_HEIGHT = 0.73; /* of the font size, in the usual sans families */

void hg_label_clean(char buf[HG_LABEL_MAX], const char *s) {
    size_t len = 0;
    uint32_t code;
    for (size_t n; s && (n = hg_utf8_next(s, &code)) != 0; s += n) {
        if (len + 4 + 3 >= HG_LABEL_MAX) { /* keep room for the ellipsis */
            memcpy(buf + len, "\u2026", 3);
            len += 3;
            break;
        }
        if (code == 0xfffd && n == 1) {
            memcpy(buf + len, "\ufffd", 3);
            len += 3;
        } else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
            buf[len++] = ' ';
        } else {
            memcpy(buf + len, s, n);
            len += n;
        }
    }
    buf[len] = '\0';
}

double hg_label_width(cairo_t *cr, const char *clean) {
    cairo_text_extents_t e;
    cairo_text_extents(cr, clean, &e);
    return e.x_advance;
}

void hg_label_fit(char buf[HG_LABEL_MAX], cairo_t *cr, const char *s, double width) {
    hg_label_clean(buf, s);
    size_t len = strlen(buf);
    while (len > 0 && hg_label_width(cr, buf) > width) {
        if (len >= 3 && memcmp(buf + len - 3, "\u2026", 3) == 0) len -= 3;
        while (len > 0 && ((unsigned char)buf[len - 1] & 0xc0) == 0x80) len--; /* the last character, whole */
        if (len > 0) len--;
        while (len > 0 && buf[len - 1] == ' ') len--;
        memcpy(buf + len, "\u2026", 4);
        if (len == 0) break;
        len += 3;
    }
}

void hg_label_font(cairo_t *cr, double size, bool bold) {
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size);
}

static void place(cairo_t *cr, const char *clean, double x, double y, double ax, double ay, double angle) {
    cairo_matrix_t font;
    cairo_get_font_matrix(cr, &font);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, angle);
    cairo_move_to(cr, -ax * hg_label_width(cr, clean), ay * DIGIT_HEIGHT * font.yy);
}

void hg_label_draw(cairo_t *cr, const char *clean, double x, double y, double ax, double ay, double angle) {
    if (!clean[0]) return;
    cairo_save(cr);
    place(cr, clean, x, y, ax, ay, angle);
    cairo_show_text(cr, clean);
    cairo_restore(cr);
}

void hg_label_draw_halo(cairo_t *cr, const char *clean, double x, double y, double ax, double ay, hg_rgb ink) {
    cairo_save(cr);
    place(cr, clean, x, y, ax, ay, 0);
    cairo_text_path(cr, clean);
    cairo_set_line_width(cr, 2.2);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_source_rgb(cr, HG_PAPER.r, HG_PAPER.g, HG_PAPER.b);
    cairo_stroke_preserve(cr);
    cairo_set_source_rgb(cr, ink.r, ink.g, ink.b);
    cairo_fill(cr);
    cairo_restore(cr);
}

/* fontconfig keeps what it read for the life of the process, behind offsets that the leak checker cannot follow */
#ifdef __SANITIZE_ADDRESS__
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig"; }
#endif
