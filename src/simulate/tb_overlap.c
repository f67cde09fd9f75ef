/* simulate/tb_overlap.c -- overlaps of shells along a bond: closed forms, and tables of them
 *
 * A pair of atoms needs up to 4 x 36 Gaussian products in closed form; a table of values and slopes with cubic Hermite interpolation
 * costs a few operations. Nodes are 1/64 bohr apart: an error of h^4/384 |S''''| = 1.6e-10 |S''''|, about 1e-9 at distances
 * of bonds. The interpolant's own derivative is what forces use, so that they belong to the energy exactly.
 */
#include "simulate/tb.h"
#include <math.h>

static const double PI = 3.14159265358979323846;
static const double NODE_DISTANCE = 1.0 / 64; /* bohr */

/* One pair of Gaussians, a at 0 and b at R along z: the product is a Gaussian at b R / (a + b). */
double tb_overlap_plain(double *slope, const tb_shell *a, const tb_shell *b, double r, bool pi) {
    double sum = 0, d_sum = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++) {
            const double ea = a->exponent[i], eb = b->exponent[j], p = ea + eb, mu = ea * eb / p;
            const double s = a->coefficient[i] * b->coefficient[j] * PI / p * sqrt(PI / p) * exp(-mu * r * r);
            double f = 1, df = 0; /* the polynomial in front: moments of z - z_a, z - z_b about the product's centre */
            if (a->l && b->l) {
                f = pi ? 0.5 / p : 0.5 / p - ea * eb * r * r / (p * p);
                df = pi ? 0 : -2 * ea * eb * r / (p * p);
            } else if (a->l) {
                f = eb * r / p;
                df = eb / p;
            } else if (b->l) {
                f = -ea * r / p;
                df = -ea / p;
            }
            sum += s * f;
            d_sum += s * (df - 2 * mu * r * f);
        }
    if (slope) *slope = d_sum;
    return sum;
}

tb_shell tb_shell_of(const tb_element *e, unsigned l) {
    const tb_sto *sto = tb_sto_find(e->principal, l, e->gaussians);
    tb_shell s = { .l = l, .n = sto->n };
    for (size_t i = 0; i < s.n; i++) {
        const double a = sto->exponent[i] * e->zeta[l] * e->zeta[l];
        s.exponent[i] = a;
        s.coefficient[i] = sto->coefficient[i] * pow(2 * a / PI, 0.75) * (l ? 2 * sqrt(a) : 1);
    }
    const double norm = 1 / sqrt(tb_overlap_plain(NULL, &s, &s, 0, true));
    for (size_t i = 0; i < s.n; i++) s.coefficient[i] *= norm;
    return s;
}

static void one_table(tb_node *table, const tb_element *a, const tb_element *b) {
    tb_shell sa[TB_SHELLS], sb[TB_SHELLS];
    for (unsigned l = 0; l < a->shells; l++) sa[l] = tb_shell_of(a, l);
    for (unsigned l = 0; l < b->shells; l++) sb[l] = tb_shell_of(b, l);
    for (size_t c = 0; c < TB_CHANNELS; c++) {
        const unsigned la = tb_channel_a[c], lb = tb_channel_b[c];
        if (la >= a->shells || lb >= b->shells) continue;
        for (size_t i = 0; i < TB_NODES; i++) {
            double slope;
            table[i].value[c] = tb_overlap_plain(&slope, &sa[la], &sb[lb], (double)i * NODE_DISTANCE, c == TB_PI);
            table[i].slope[c] = slope * NODE_DISTANCE;
        }
    }
}

void tb_overlap_tables(hg_tb_model *model) {
    for (size_t a = 0; a < TB_ELEMENTS; a++)
        for (size_t b = a; b < TB_ELEMENTS; b++)
            one_table(model->overlap[tb_pair_index(a, b)], &tb_elements[a], &tb_elements[b]);
}

void tb_overlap_at(double *s, double *slope, const tb_node *table, double r) {
    const double at = r / NODE_DISTANCE;
    if (at >= TB_NODES - 1) {
        for (size_t c = 0; c < TB_CHANNELS; c++) s[c] = 0;
        for (size_t c = 0; slope && c < TB_CHANNELS; c++) slope[c] = 0;
        return;
    }
    const size_t i = (size_t)at;
    const double t = at - (double)i, t2 = t * t, t3 = t2 * t;
    const tb_node *p = table + i, *q = p + 1;
    const double h11 = 3 * t2 - 2 * t3, h00 = 1 - h11, h01 = t - 2 * t2 + t3, h10 = t3 - t2;
    for (size_t c = 0; c < TB_CHANNELS; c++)
        s[c] = h00 * p->value[c] + h01 * p->slope[c] + h11 * q->value[c] + h10 * q->slope[c];
    if (!slope) return;
    const double d11 = 6 * (t - t2), d01 = 1 - 4 * t + 3 * t2, d10 = 3 * t2 - 2 * t;
    for (size_t c = 0; c < TB_CHANNELS; c++)
        slope[c] = (d11 * (q->value[c] - p->value[c]) + d01 * p->slope[c] + d10 * q->slope[c]) / NODE_DISTANCE;
}
