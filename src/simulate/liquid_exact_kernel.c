/* simulate/liquid_exact_kernel.c -- the same forces in double, with energies: four pairs at once, in vectors that the compiler cuts to the processor's */
#include "num/isa.h"
#include "simulate/liquid.h"
#include <math.h>

typedef double four __attribute__((vector_size(32)));
typedef int64_t bits4 __attribute__((vector_size(32)));

#define LOAD(to, from) memcpy(&(to), (from), sizeof(four))

/* One particle against the four of a cluster, of which those before `first` are left out. */
HG_INLINE void one_with_four(double *restrict fi, double *restrict fj, double *restrict ei, double *restrict ej,
                             liquid_sums *sums, const double *restrict xi, const double *restrict xj,
                             const liquid_rows *rows, size_t species, size_t type, size_t i, const double shift[3],
                             int64_t first) {
    const double *c = (*rows)[species][type].c12; /* five rows of four */
    four dx, dy, dz, c12, c6, fc, rc2, constant, y;
    LOAD(dx, xj);
    LOAD(dy, xj + 4);
    LOAD(dz, xj + 8);
    LOAD(c12, c);
    LOAD(c6, c + 4);
    LOAD(fc, c + 8);
    LOAD(rc2, c + 12);
    LOAD(constant, c + 16);
    dx = (xi[i] + shift[0]) - dx;
    dy = (xi[4 + i] + shift[1]) - dy;
    dz = (xi[8 + i] + shift[2]) - dz;
    const four r2 = dx * dx + dy * dy + dz * dz;
    const bits4 lane = { 0, 1, 2, 3 };
    const bits4 in = (bits4)(r2 < rc2) & (bits4)(lane >= first);
    if (!(in[0] | in[1] | in[2] | in[3])) return;
    const four y2 = 1.0 / r2;
    for (size_t k = 0; k < 4; k++) y[k] = sqrt(y2[k]);
    const four y6 = y2 * y2 * y2;
    const four g = (four)((bits4)(((c12 * y6 - c6) * y6 * y - fc) * y) & in);
    const four gx = g * dx, gy = g * dy, gz = g * dz;
    const four w = (four)((bits4)(g * r2) & in);
    const four u = (four)((bits4)((c12 * (1.0 / 12) * y6 - c6 * (1.0 / 6)) * y6 + fc * (r2 * y) + constant) & in);
    fi[i] += (gx[0] + gx[1]) + (gx[2] + gx[3]);
    fi[4 + i] += (gy[0] + gy[1]) + (gy[2] + gy[3]);
    fi[8 + i] += (gz[0] + gz[1]) + (gz[2] + gz[3]);
    for (size_t k = 0; k < 4; k++) {
        fj[k] -= gx[k];
        fj[4 + k] -= gy[k];
        fj[8 + k] -= gz[k];
    }
    const double energy = (u[0] + u[1]) + (u[2] + u[3]);
    sums->potential += energy;
    sums->virial += (w[0] + w[1]) + (w[2] + w[3]);
    if (!ei) return;
    ei[i] += energy / 2;
    for (size_t k = 0; k < 4; k++) ej[k] += u[k] / 2;
}

HG_INLINE void entries_body(double *f, liquid_sums *sums, const liquid_exact_scene *s, const liquid_entry *e, size_t n,
                            const uint32_t *other) {
    for (size_t a = 0; a < n; a++, e++)
        for (uint32_t b = e->begin; b < e->end; b++) {
            const bool self = e->self && b == e->begin;
            const size_t ci = LIQUID_LANES * (size_t)e->cluster, cj = LIQUID_LANES * (size_t)other[b];
            double fi[12] = { 0 }; /* a cluster with itself writes both sides */
            for (size_t i = 0; i < 4; i++)
                one_with_four(fi, f + cj, s->energy ? s->energy + ci : NULL, s->energy ? s->energy + cj : NULL, sums,
                              s->x + ci, s->x + cj, s->rows, s->type[e->cluster] >> i & 1U, s->type[other[b]] & 15U, i,
                              e->shift, self ? (int64_t)i + 1 : 0);
            for (size_t k = 0; k < 12; k++) f[ci + k] += fi[k];
        }
}
HG_ISA_FUNCTION(static, entries,
                (double *f, liquid_sums *sums, const liquid_exact_scene *s, const liquid_entry *e, size_t n,
                 const uint32_t *other),
                (f, sums, s, e, n, other))
void liquid_exact_entries(double *f, liquid_sums *sums, const liquid_exact_scene *s, const liquid_entry *e, size_t n,
                          const uint32_t *other) {
    entries(f, sums, s, e, n, other);
}
