/* models/rho_reference.c -- see models/rho_reference.h */
#include "models/rho_reference.h"
#include "core/memory.h"
#include "files/input.h"
#include "models/rho_basis.h"
#include "num/linalg.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the basis --------------------------------------------------------------------------------------------------- */

enum { PRIMITIVES = 5 };
/* def2-SVP: Weigend & Ahlrichs, Phys. Chem. Chem. Phys. 7, 3297 (2005). Coefficients are of normalised primitives. */
static const struct {
    uint8_t z, l, n;
    double exponent[PRIMITIVES], coefficient[PRIMITIVES];
} BASIS[] = {
    { 1, 0, 3, { 13.010701, 1.9622572, 0.44453796 }, { 0.019682158, 0.13796524, 0.47831935 } },
    { 1, 0, 1, { 0.12194962 }, { 1 } },
    { 1, 1, 1, { 0.8 }, { 1 } },
    { 6,
      0,
      5,
      { 1238.401694, 186.2900499, 42.25117635, 11.67655793, 3.593050648 },
      { 0.005456883208, 0.04063840921, 0.1802559389, 0.4631512175, 0.4408717331 } },
    { 6, 0, 1, { 0.4024514736 }, { 1 } },
    { 6, 0, 1, { 0.1309018267 }, { 1 } },
    { 6, 1, 3, { 9.468097062, 2.010354514, 0.5477100471 }, { 0.03838787173, 0.2111702511, 0.5132817211 } },
    { 6, 1, 1, { 0.1526861379 }, { 1 } },
    { 6, 2, 1, { 0.8 }, { 1 } },
    { 7,
      0,
      5,
      { 1712.841585, 257.6481268, 58.45824585, 16.19836791, 5.005260081 },
      { -0.005393412531, -0.04022158112, -0.1793114499, -0.4637631782, -0.4417142266 } },
    { 7, 0, 1, { 0.5873185657 }, { 1 } },
    { 7, 0, 1, { 0.1876459225 }, { 1 } },
    { 7, 1, 3, { 13.57147023, 2.925737287, 0.7992775075 }, { -0.04007239885, -0.2180704503, -0.5129446605 } },
    { 7, 1, 1, { 0.2195434803 }, { 1 } },
    { 7, 2, 1, { 1 }, { 1 } },
    { 8,
      0,
      5,
      { 2266.176779, 340.8701019, 77.36313517, 21.47964494, 6.658943312 },
      { -0.005343180993, -0.03989003923, -0.1785391199, -0.4642768496, -0.4430974517 } },
    { 8, 0, 1, { 0.8097597567 }, { 1 } },
    { 8, 0, 1, { 0.2553077223 }, { 1 } },
    { 8, 1, 3, { 17.72150432, 3.863550544, 1.048092088 }, { 0.04339457319, 0.2309412077, 0.5137531106 } },
    { 8, 1, 1, { 0.2764154441 }, { 1 } },
    { 8, 2, 1, { 1.2 }, { 1 } },
    { 9,
      0,
      5,
      { 2894.832599, 435.4193912, 98.84332887, 27.485198, 8.540549817 },
      { -0.005340825551, -0.03990425887, -0.1791276804, -0.4675809082, -0.4465313102 } },
    { 9, 0, 1, { 1.065457804 }, { 1 } },
    { 9, 0, 1, { 0.3324734675 }, { 1 } },
    { 9, 1, 3, { 22.69663392, 4.987233926, 1.349161395 }, { -0.04521287444, -0.2375431707, -0.5128735359 } },
    { 9, 1, 1, { 0.3482988198 }, { 1 } },
    { 9, 2, 1, { 1.4 }, { 1 } },
};
enum { SHELLS = sizeof BASIS / sizeof *BASIS };

static size_t functions_of(unsigned z) { /* 0: no such element */
    size_t n = 0;
    for (size_t s = 0; s < SHELLS; s++) n += BASIS[s].z == z ? 2u * BASIS[s].l + 1 : 0;
    return n;
}

/* Coefficients of exp(-a r^2) C_lm, the function normalised. */
static void contraction(double c[SHELLS][PRIMITIVES]) {
    static const double PI = 3.14159265358979323846;
    for (size_t s = 0; s < SHELLS; s++) {
        const double h = BASIS[s].l + 1.5;
        double overlap = 0;
        for (size_t i = 0; i < BASIS[s].n; i++) /* radial norm 2 (2a)^h / Gamma(h), angular (2l+1) / 4 pi */
            c[s][i] = BASIS[s].coefficient[i] *
                      sqrt(2 * pow(2 * BASIS[s].exponent[i], h) / tgamma(h) * (2 * BASIS[s].l + 1) / (4 * PI));
        for (size_t i = 0; i < BASIS[s].n; i++)
            for (size_t j = 0; j < BASIS[s].n; j++) {
                const double a = BASIS[s].exponent[i], b = BASIS[s].exponent[j];
                overlap +=
                    BASIS[s].coefficient[i] * BASIS[s].coefficient[j] * pow(4 * a * b / ((a + b) * (a + b)), 0.5 * h);
            }
        for (size_t i = 0; i < BASIS[s].n; i++) c[s][i] /= sqrt(overlap);
    }
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

enum { MAGIC = 8, ATOMS_MOST = 200, MOLECULES_MOST = 1000000 };
static const char WORD[] = "DENSMO01";

bool hg_orbitals_begin(const void *bytes, size_t n) { return n >= MAGIC && memcmp(bytes, WORD, MAGIC) == 0; }

typedef struct {
    hg_input *in;
    hg_arena *mem;
    size_t number; /* of the molecule, from 1 */
} source;

static hg_status take(source *s, void *to, size_t n, hg_err *err) {
    size_t got;
    HG_TRY(hg_input_read(&got, s->in, to, n, err));
    if (got == n) return HG_OK;
    return hg_fail_at(err, HG_EPARSE, hg_input_name(s->in), 0, 0, "the file ends in molecule %zu", s->number);
}

static hg_status bad(const source *s, hg_err *err, hg_status code, const char *what) {
    return hg_fail_at(err, code, hg_input_name(s->in), 0, 0, "molecule %zu: %s", s->number, what);
}

static hg_status take_atoms(source *s, hg_orbitals *o, size_t atoms, hg_err *err) {
    hg_molecule *m = hg_molecule_new(s->mem, atoms);
    int32_t *z = hg_alloc(s->mem, atoms, sizeof *z);
    char *id = hg_alloc(s->mem, 16, 1);
    size_t functions = 0;
    if (!m || !z || !id) return hg_fail(err, HG_ENOMEM, "no memory for a molecule of %zu atoms", atoms);
    HG_TRY(take(s, z, atoms * sizeof *z, err));
    HG_TRY(take(s, m->r, 3 * atoms * sizeof *m->r, err));
    o->heavy = 0;
    for (size_t a = 0; a < atoms; a++) {
        const size_t n = z[a] > 0 && z[a] < 119 ? functions_of((unsigned)z[a]) : 0;
        if (!n) return bad(s, err, HG_ENOTFOUND, "an element that def2-SVP is not tabulated for here: H, C, N, O, F");
        m->z[a] = (uint8_t)z[a];
        functions += n;
        o->heavy += z[a] > 1;
    }
    for (size_t i = 0; i < 3 * atoms; i++) m->r[i] *= HG_ANGSTROM_PER_BOHR;
    if (functions != o->functions) return bad(s, err, HG_EPARSE, "its number of functions is not that of its atoms");
    if (o->heavy > o->occupied) return bad(s, err, HG_EPARSE, "fewer orbitals than 1s pairs");
    snprintf(id, 16, "%d", o->id);
    m->id = id;
    o->molecule = m;
    return hg_molecule_check(m, NULL, err);
}

static hg_status take_molecule(source *s, hg_orbitals *o, hg_err *err) {
    int32_t head[4];
    double numbers[5];
    HG_TRY(take(s, head, sizeof head, err));
    HG_TRY(take(s, numbers, sizeof numbers, err));
    if (head[1] < 1 || head[2] < 1 || head[3] < 1 || head[3] > head[2])
        return bad(s, err, HG_EPARSE, "its numbers of atoms, functions and orbitals make no sense");
    if (head[1] > ATOMS_MOST) return bad(s, err, HG_ELIMIT, "more than 200 atoms");
    *o = (hg_orbitals) { .id = head[0], .functions = (size_t)head[2], .occupied = (size_t)head[3] };
    HG_TRY(take_atoms(s, o, (size_t)head[1], err)); /* functions are those of so many atoms from here on */
    const size_t n = o->functions * o->occupied;
    double *level = hg_alloc(s->mem, o->occupied, sizeof *level);
    o->c = hg_alloc(s->mem, n, sizeof *o->c);
    if (!level || !o->c) return hg_fail(err, HG_ENOMEM, "no memory for %zu orbitals", o->occupied);
    HG_TRY(take(s, level, o->occupied * sizeof *level, err));
    HG_TRY(take(s, o->c, n * sizeof *o->c, err));
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(o->c[i]) < 1e6F)) return bad(s, err, HG_ENAN, "a coefficient is no number, or beyond a million");
    return HG_OK;
}

static hg_status take_all(hg_orbitals_file *f, source *s, hg_err *err) {
    char word[MAGIC];
    int32_t n;
    size_t got, cap = 0;
    HG_TRY(hg_input_read(&got, s->in, word, MAGIC, err));
    if (!hg_orbitals_begin(word, got))
        return hg_fail_at(err, HG_EPARSE, hg_input_name(s->in), 0, 0,
                          "this is no file of orbitals: it does not begin with \"%s\"", WORD);
    HG_TRY(take(s, &n, sizeof n, err));
    if (n < 1 || n > MOLECULES_MOST)
        return hg_fail_at(err, HG_EPARSE, hg_input_name(s->in), 0, 0, "it says that it has %d molecules", (int)n);
    for (s->number = 1; s->number <= (size_t)n; s->number++) { /* memory grows with what is really there */
        if (!hg_grow(&f->molecule, &cap, s->number, sizeof *f->molecule))
            return hg_fail(err, HG_ENOMEM, "no memory for %zu molecules", s->number);
        HG_TRY(take_molecule(s, &f->molecule[f->n], err));
        f->n++;
    }
    HG_TRY(hg_input_read(&got, s->in, word, 1, err));
    return got ? hg_fail_at(err, HG_EPARSE, hg_input_name(s->in), 0, 0, "there is more behind the last molecule")
               : HG_OK;
}

static hg_status read_input(hg_orbitals_file *out, hg_input *in, hg_err *err) {
    hg_orbitals_file f = { .mem = hg_arena_new() };
    source s = { .in = in, .mem = f.mem };
    const hg_status st = f.mem ? take_all(&f, &s, err) : hg_fail(err, HG_ENOMEM, "no memory for orbitals");
    if (st == HG_OK)
        *out = f;
    else
        hg_orbitals_free(&f);
    return st;
}

hg_status hg_orbitals_read(hg_orbitals_file *out, const char *path, hg_err *err) {
    hg_input *in;
    *out = (hg_orbitals_file) { 0 };
    HG_TRY(hg_input_open(&in, path, NULL, err));
    const hg_status st = read_input(out, in, err);
    hg_input_free(in);
    return st;
}

hg_status hg_orbitals_read_memory(hg_orbitals_file *out, const char *name, const void *bytes, size_t n, hg_err *err) {
    hg_input *in;
    *out = (hg_orbitals_file) { 0 };
    HG_TRY(hg_input_open_memory(&in, name, bytes, n, NULL, err));
    const hg_status st = read_input(out, in, err);
    hg_input_free(in);
    return st;
}

void hg_orbitals_free(hg_orbitals_file *f) {
    hg_arena_free(f->mem);
    hg_free(f->molecule);
    *f = (hg_orbitals_file) { 0 };
}

/* ---- densities --------------------------------------------------------------------------------------------------- */

enum { BLOCK = 128 /* points at a time */ };

static void functions_at(float *phi, const hg_orbitals *o, double c[SHELLS][PRIMITIVES], const double *p) {
    static const double FAR = 36; /* exp(-36) is nothing */
    size_t at = 0;
    for (size_t a = 0; a < o->molecule->n; a++) {
        double d[3], harmonic[RHO_HARMONICS], rr = 0;
        for (int k = 0; k < 3; k++) {
            d[k] = (p[k] - o->molecule->r[3 * a + (size_t)k]) / HG_ANGSTROM_PER_BOHR;
            rr += d[k] * d[k];
        }
        rho_harmonics(harmonic, d);
        for (size_t s = 0; s < SHELLS; s++) {
            if (BASIS[s].z != o->molecule->z[a]) continue;
            double radial = 0;
            for (size_t i = 0; i < BASIS[s].n; i++)
                if (BASIS[s].exponent[i] * rr < FAR) radial += c[s][i] * exp(-BASIS[s].exponent[i] * rr);
            const size_t l = BASIS[s].l;
            for (size_t m = 0; m < 2 * l + 1; m++) phi[at++] = (float)(radial * harmonic[l * l + m]);
        }
    }
}

hg_status hg_orbitals_at(double *rho, const hg_orbitals *o, bool all, const double *points, size_t n, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const double unit = 1 / (HG_ANGSTROM_PER_BOHR * HG_ANGSTROM_PER_BOHR * HG_ANGSTROM_PER_BOHR);
    const size_t first = all ? 0 : o->heavy, orbitals = o->occupied - first;
    double c[SHELLS][PRIMITIVES];
    float *phi = hg_malloc(BLOCK * (o->functions + o->occupied), sizeof *phi);
    if (!phi) return hg_fail(err, HG_ENOMEM, "no memory for orbitals at points");
    float *psi = phi + BLOCK * o->functions;
    contraction(c);
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        const size_t block = n - begin < BLOCK ? n - begin : BLOCK;
        for (size_t i = 0; i < block; i++) functions_at(phi + i * o->functions, o, c, points + 3 * (begin + i));
        if (orbitals)
            hg_gemm_f32(psi, orbitals, phi, o->functions, false, o->c + first, o->occupied, false, block, orbitals,
                        o->functions, 1, 0);
        for (size_t i = 0; i < block; i++) {
            double sum = 0;
            for (size_t k = 0; k < orbitals; k++) sum += (double)psi[i * orbitals + k] * (double)psi[i * orbitals + k];
            rho[begin + i] = 2 * unit * sum;
        }
    }
    hg_free(phi);
    return HG_OK;
}
