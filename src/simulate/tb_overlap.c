/* simulate/tb_overlap.c -- overlaps and moments of shells along a bond: closed forms, and tables of them
 *
 * A pair of atoms needs up to 4 x 36 Gaussian products in closed form; a table with quintic Hermite interpolation of values, slopes
 * and curvatures costs a few operations. Nodes are 1/20 bohr apart: an error of h^6/46080 |S^(6)| = 3e-13 |S^(6)|, below 1e-9
 * at distances of bonds. Energies have two continuous derivatives; forces use the interpolant's own.
 */
#include "num/isa.h"
#include "simulate/tb.h"
#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
#define NODE_DISTANCE (1.0 / 20) /* bohr */

/* Gaussians with exponents ea at 0 and eb at R along z: their product is one at alpha R, with variance h. In front of it
 * stands c[0] + c[1] R + c[2] R^2 + c[3] R^3, moments of x, z, z - R and z - R/2 about its centre. */
static void polynomial(double *c, tb_kind kind, size_t channel, double ea, double eb) {
    const double p = ea + eb, h = 0.5 / p, alpha = eb / p, beta = -ea / p, gamma = alpha - 0.5;
    const double form[TB_KINDS][TB_CHANNELS][4] = {
        [TB_OVERLAP] = { { 1, 0, 0, 0 },
                         { 0, beta, 0, 0 },
                         { 0, alpha, 0, 0 },
                         { h, 0, alpha * beta, 0 },
                         { h, 0, 0, 0 } },
        [TB_ALONG] = { { 0, gamma, 0, 0 },
                       { h, 0, gamma * beta, 0 },
                       { h, 0, gamma * alpha, 0 },
                       { 0, h * (alpha + beta + gamma), 0, alpha * beta * gamma },
                       { 0, h * gamma, 0, 0 } },
        [TB_ACROSS] = { { 0, 0, 0, 0 }, { h, 0, 0, 0 }, { h, 0, 0, 0 }, { 0, h * beta, 0, 0 }, { 0, h * alpha, 0, 0 } },
    };
    memcpy(c, form[kind][channel], sizeof form[kind][channel]);
}

double tb_integral(double *slope, double *curvature, const tb_shell *a, const tb_shell *b, double r, tb_kind kind,
                   size_t channel) {
    double sum = 0, d_sum = 0, dd_sum = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++) {
            const double ea = a->exponent[i], eb = b->exponent[j], p = ea + eb, mu = ea * eb / p;
            const double s = a->coefficient[i] * b->coefficient[j] * PI / p * sqrt(PI / p) * exp(-mu * r * r);
            double c[4];
            polynomial(c, kind, channel, ea, eb);
            const double f = c[0] + r * (c[1] + r * (c[2] + r * c[3]));
            const double df = c[1] + r * (2 * c[2] + r * 3 * c[3]), ddf = 2 * c[2] + 6 * r * c[3];
            sum += s * f;
            d_sum += s * (df - 2 * mu * r * f);
            dd_sum += s * (ddf - 4 * mu * r * df + (4 * mu * mu * r * r - 2 * mu) * f);
        }
    if (slope) *slope = d_sum;
    if (curvature) *curvature = dd_sum;
    return sum;
}

tb_shell tb_shell_of(const tb_element *e, unsigned l) {
    const tb_sto *sto = tb_sto_find(e->principal, l, e->gaussians);
    tb_shell s = { .n = sto->n };
    for (size_t i = 0; i < s.n; i++) {
        const double a = sto->exponent[i] * e->zeta[l] * e->zeta[l];
        s.exponent[i] = a;
        s.coefficient[i] = sto->coefficient[i] * pow(2 * a / PI, 0.75) * (l ? 2 * sqrt(a) : 1);
    }
    const double norm = 1 / sqrt(tb_integral(NULL, NULL, &s, &s, 0, TB_OVERLAP, l ? TB_PI : TB_SS));
    for (size_t i = 0; i < s.n; i++) s.coefficient[i] *= norm;
    return s;
}

/* g[k] = s exp(-mu r^2) at the nodes. */
HG_INLINE void bell_body(double *g, double s, double mu) {
    for (size_t k = 0; k < TB_NODES; k++) {
        const double r = (double)(int)k * NODE_DISTANCE;
        g[k] = s * hg_exp_inline(-mu * r * r);
    }
}
HG_ISA_FUNCTION(static, bell, (double *restrict g, double s, double mu), (g, s, mu))

/* Adds the polynomial c times the bell g, and what derives from it. */
HG_INLINE void add_product_body(double *value, double *slope, double *curvature, const double *g, const double *c,
                                double mu) {
    const double c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3];
    for (size_t k = 0; k < TB_NODES; k++) {
        const double r = (double)(int)k * NODE_DISTANCE;
        const double f = c0 + r * (c1 + r * (c2 + r * c3)), df = c1 + r * (2 * c2 + r * 3 * c3),
                     ddf = 2 * c2 + 6 * r * c3;
        value[k] += g[k] * f;
        slope[k] += g[k] * (df - 2 * mu * r * f);
        curvature[k] += g[k] * (ddf - 4 * mu * r * df + (4 * mu * mu * r * r - 2 * mu) * f);
    }
}
HG_ISA_FUNCTION(static, add_product,
                (double *restrict value, double *restrict slope, double *restrict curvature, const double *restrict g,
                 const double *restrict c, double mu),
                (value, slope, curvature, g, c, mu))

/* One channel of one kind. */
static void one_column(tb_node *table, const tb_shell *a, const tb_shell *b, tb_kind kind, size_t channel) {
    double g[TB_NODES], sum[3][TB_NODES] = { { 0 } };
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++) {
            const double ea = a->exponent[i], eb = b->exponent[j], p = ea + eb, mu = ea * eb / p;
            double c[4];
            polynomial(c, kind, channel, ea, eb);
            bell(g, a->coefficient[i] * b->coefficient[j] * PI / p * sqrt(PI / p), mu);
            add_product(sum[0], sum[1], sum[2], g, c, mu);
        }
    for (size_t k = 0; k < TB_NODES; k++) {
        table[k].value[channel] = sum[0][k];
        table[k].slope[channel] = sum[1][k] * NODE_DISTANCE;
        table[k].curvature[channel] = sum[2][k] * NODE_DISTANCE * NODE_DISTANCE;
    }
}

void tb_integral_tables(hg_tb_model *model) {
    for (size_t a = 0; a < TB_ELEMENTS; a++)
        for (size_t b = a; b < TB_ELEMENTS; b++)
            for (size_t c = 0; c < TB_CHANNELS; c++) {
                const unsigned la = tb_channel_a[c], lb = tb_channel_b[c];
                if (la >= tb_elements[a].shells || lb >= tb_elements[b].shells) continue;
                const tb_shell sa = tb_shell_of(&tb_elements[a], la), sb = tb_shell_of(&tb_elements[b], lb);
                for (size_t k = 0; k < TB_KINDS; k++)
                    one_column(model->integral[k][tb_pair_index(a, b)], &sa, &sb, (tb_kind)k, c);
            }
}

void tb_integral_at(double *s, double *slope, const tb_node *table, double r) {
    const double at = r / NODE_DISTANCE;
    if (at >= TB_NODES - 1) {
        for (size_t c = 0; c < TB_CHANNELS; c++) s[c] = 0;
        for (size_t c = 0; slope && c < TB_CHANNELS; c++) slope[c] = 0;
        return;
    }
    const size_t i = (size_t)at;
    const double t = at - (double)i, t2 = t * t, t3 = t2 * t, t4 = t3 * t, t5 = t4 * t;
    const tb_node *p = table + i, *q = p + 1;
    const double q0 = 10 * t3 - 15 * t4 + 6 * t5, p1 = t - 6 * t3 + 8 * t4 - 3 * t5, q1 = -4 * t3 + 7 * t4 - 3 * t5;
    const double p2 = 0.5 * (t2 - 3 * t3 + 3 * t4 - t5), q2 = 0.5 * (t3 - 2 * t4 + t5);
    for (size_t c = 0; c < TB_CHANNELS; c++)
        s[c] = (1 - q0) * p->value[c] + q0 * q->value[c] + p1 * p->slope[c] + q1 * q->slope[c] + p2 * p->curvature[c] +
               q2 * q->curvature[c];
    if (!slope) return;
    const double d0 = 30 * t2 - 60 * t3 + 30 * t4, d1 = 1 - 18 * t2 + 32 * t3 - 15 * t4;
    const double e1 = -12 * t2 + 28 * t3 - 15 * t4, d2 = t - 4.5 * t2 + 6 * t3 - 2.5 * t4,
                 e2 = 1.5 * t2 - 4 * t3 + 2.5 * t4;
    for (size_t c = 0; c < TB_CHANNELS; c++)
        slope[c] = (d0 * (q->value[c] - p->value[c]) + d1 * p->slope[c] + e1 * q->slope[c] + d2 * p->curvature[c] +
                    e2 * q->curvature[c]) /
                   NODE_DISTANCE;
}
