/* bench/qdf_density.c -- how good are valence densities of molecules, and how are their weights learned?
 *
 *   qdf_density [--json] [--quick] [--threads N]
 *   qdf_density --choose            errors of validation for several options
 *   qdf_density --train FOLDER      learn, write weights.safetensors and card.json
 *
 * Learning takes the tight binding of the shipped weights, which is that of an earlier qdf2; with --qdf2 that of
 * models/qdf2.
 *
 * Data: 384 molecules of QM9 as occupied orbitals, PBE / def2-SVP (../shared/data/densities). Test: all molecules of 9
 * heavy atoms, and of the others, counted from 0 in the file's order, numbers 4, 9, 14, ...; validation: numbers 3, 8,
 * 13, ... All choices were made on validation; then the shipped weights were learned from all but the test. The model
 * is models/qdf2-density. --quick: every eighth test molecule.
 *
 * Errors are normalised mean absolute ones, integral |rho - rho_DFT| / valence electrons, in percent, mean over
 * molecules, on cubic grids of 0.3 bohr, all points within 7 bohr of an atom; the valence density is that of all
 * orbitals but the lowest ones, one a heavy atom.
 *
 *   nine_nmae                        the model, 30 molecules of 9 heavy atoms
 *   nine_nmae_outer                  without the points nearer than 0.3 A to a nucleus of C, N, O
 *   nine_promolecule                 the sum of free atoms, the same molecules
 *   nine_promolecule_outer           without the points near nuclei
 *   small_nmae                       the model, 70 molecules of 2 to 6 heavy atoms
 *   small_nmae_outer                 without the points near nuclei
 *   small_promolecule                the sum of free atoms, the same molecules
 *   small_promolecule_outer          without the points near nuclei
 *   nine_nmae_worst                  the largest of a molecule
 *   all_electron_nmae                nine_nmae with all electrons in the denominator: what peers report
 *   least                            e/A^3: lowest value on the grids; nothing is clipped at zero
 *   integral_worst                   electrons: how far an integral by quadrature around atoms is off, test molecules
 *   rotation_worst                   e/A^3: largest change of rho at a point when molecule and point are turned
 *   clouds_per_s_core                molecules a second and core, from coordinates to coefficients
 *   points_per_s_core                values a second and core
 */
#include "core/memory.h"
#include "options.h"
#include "files/hash.h"
#include "hagane/molecule.h"
#include "library/card.h"
#include "models/qdf2_internal.h"
#include "models/rho_integral.h"
#include "models/rho_internal.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { MOST = 1000, NINE = 9, REACH = 7 /* bohr: beyond lie 1e-4 of the electrons */ };
static const double RIDGE = 1e-4, FLATTEN = 1.2;
static const size_t POINTS = 300;

static struct {
    bool json, quick, choose, qdf2;
    const char *train;
    size_t threads;
} OPTIONS = { .threads = 2 };

static void stop_at(const char *what, const hg_err *err) {
    fprintf(stderr, "qdf_density: %s%s%s\n", what, err ? ": " : "", err ? err->msg : "");
    exit(1);
}

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static const char DATA[] = HG_SOURCE_DIR "/../shared/data/densities/densmo.bin.xz";
static const char QDF2[] = HG_SOURCE_DIR "/models/qdf2/weights.safetensors";
static const char SHIPPED[] = HG_SOURCE_DIR "/models/qdf2-density/weights.safetensors";

typedef struct {
    const hg_orbitals *o[MOST];
    size_t n;
} set;

static struct {
    hg_orbitals_file file;
    set train, validation, small, nine;
} data;

static void add(set *s, const hg_orbitals *o) {
    if (s->n == MOST) stop_at("more molecules than expected", NULL);
    s->o[s->n++] = o;
}

static void read_data(void) {
    hg_err err;
    size_t number = 0;
    if (hg_orbitals_read(&data.file, DATA, &err) != HG_OK) {
        fprintf(stderr, "qdf_density: the densities are not there: %s\n", err.msg);
        exit(1);
    }
    for (size_t i = 0; i < data.file.n; i++) {
        const hg_orbitals *o = &data.file.molecule[i];
        const size_t fifth = o->heavy == NINE ? 5 : number++ % 5;
        add(fifth == 5 ? &data.nine : fifth == 4 ? &data.small : fifth == 3 ? &data.validation : &data.train, o);
    }
}

static bool show(void *user, const char *what, size_t done, size_t total) {
    (void)user;
    if (done % 50 == 0 || done == total) fprintf(stderr, "%s %zu of %zu\n", what, done, total);
    return true;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

typedef struct {
    double nmae, outer, atoms, atoms_outer, electrons, all_electrons, least; /* nmae of the model, and of free atoms */
} score;

typedef struct {
    const hg_orbitals *o;
    const hg_rho_cloud *cloud;
    size_t n[3];
    double origin[3], step;
    double (*sum)[5]; /* of each slab; the last: its least value */
} grid;

/* Is it nearer than `reach` to an atom of at least atomic number z? */
static bool near_atom(const hg_molecule *m, const double *p, double reach, unsigned z) {
    for (size_t a = 0; a < m->n; a++) {
        double rr = 0;
        for (size_t k = 0; k < 3; k++) rr += (p[k] - m->r[3 * a + k]) * (p[k] - m->r[3 * a + k]);
        if (m->z[a] >= z && rr < reach * reach) return true;
    }
    return false;
}

static bool near_core(const hg_molecule *m, const double *p) { return near_atom(m, p, 0.3, 2); }

static void grid_task(void *ctx, size_t begin, size_t end, size_t worker) {
    grid *g = ctx;
    const size_t all = g->n[1] * g->n[2];
    double *p = malloc(3 * all * sizeof *p), *v = malloc(3 * all * sizeof *v);
    hg_err err;
    (void)worker;
    if (!p || !v) stop_at("no memory", NULL);
    for (size_t s = begin; s < end; s++) {
        size_t n = 0;
        for (size_t i = 0; i < all; i++) {
            const size_t at[3] = { s, i / g->n[2], i % g->n[2] };
            for (size_t k = 0; k < 3; k++) p[3 * n + k] = g->origin[k] + g->step * (double)at[k];
            n += near_atom(g->o->molecule, p + 3 * n, REACH * HG_ANGSTROM_PER_BOHR, 1);
        }
        hg_rho_at(v, g->cloud, HG_RHO_VALENCE, p, n);
        hg_rho_at(v + n, g->cloud, HG_RHO_ATOMS, p, n);
        if (hg_orbitals_at(v + 2 * n, g->o, false, p, n, &err) != HG_OK) stop_at("orbitals", &err);
        double *sum = g->sum[s];
        for (size_t i = 0; i < n; i++) {
            const double model = fabs(v[i] - v[2 * n + i]), atoms = fabs(v[n + i] - v[2 * n + i]);
            const bool core = near_core(g->o->molecule, p + 3 * i);
            sum[0] += model, sum[2] += atoms;
            if (!core) sum[1] += model, sum[3] += atoms;
            sum[4] = fmin(sum[4], v[i]);
        }
    }
    free(p);
    free(v);
}

static score judge(const hg_orbitals *o, const hg_rho_cloud *cloud, hg_pool *pool) {
    const hg_molecule *m = o->molecule;
    grid g = { .o = o, .cloud = cloud, .step = 0.3 * HG_ANGSTROM_PER_BOHR };
    const double margin = REACH * HG_ANGSTROM_PER_BOHR;
    for (size_t k = 0; k < 3; k++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t a = 0; a < m->n; a++) low = fmin(low, m->r[3 * a + k]), high = fmax(high, m->r[3 * a + k]);
        g.origin[k] = low - margin;
        g.n[k] = (size_t)ceil((high - low + 2 * margin) / g.step) + 1;
    }
    g.sum = calloc(g.n[0], sizeof *g.sum);
    if (!g.sum) stop_at("no memory", NULL);
    double sum[5] = { 0 };
    hg_pool_for(pool, g.n[0], 1, grid_task, &g);
    for (size_t s = 0; s < g.n[0]; s++)
        for (size_t k = 0; k < 5; k++) sum[k] = k < 4 ? sum[k] + g.sum[s][k] : fmin(sum[k], g.sum[s][k]);
    free(g.sum);
    const double electrons = hg_rho_electrons(cloud), f = 100 * g.step * g.step * g.step / electrons;
    return (
        score) { f * sum[0], f * sum[1], f * sum[2], f * sum[3], electrons, electrons + 2 * (double)o->heavy, sum[4] };
}

/* Of many molecules: means. */
typedef struct {
    score mean;
    double worst, all_electron, integral_worst;
    size_t n;
} result;

static hg_rho_cloud *cloud_of(const hg_rho *q, hg_rho_room *room, const hg_molecule *m) {
    hg_rho_cloud *c;
    hg_err err;
    if (hg_rho_cloud_new(&c, q, room, m, &err) != HG_OK) stop_at("density", &err);
    return c;
}

static result judge_all(const hg_rho *q, const set *s, size_t stride, bool integrals, hg_pool *pool) {
    hg_rho_room *room;
    hg_err err;
    result r = { .n = 0 };
    if (hg_rho_room_new(&room, q, &err) != HG_OK) stop_at("density", &err);
    for (size_t i = 0; i < s->n; i += stride) {
        hg_rho_cloud *c = cloud_of(q, room, s->o[i]->molecule);
        const score x = judge(s->o[i], c, pool);
        double integral = 0;
        if (integrals && hg_rho_integral(&integral, c, HG_RHO_VALENCE, pool, &err) != HG_OK) stop_at("integral", &err);
        r.mean.nmae += x.nmae, r.mean.outer += x.outer, r.mean.atoms += x.atoms, r.mean.atoms_outer += x.atoms_outer;
        r.all_electron += x.nmae * x.electrons / x.all_electrons;
        r.worst = fmax(r.worst, x.nmae);
        r.mean.least = fmin(r.mean.least, x.least);
        r.integral_worst = fmax(r.integral_worst, fabs(integral - x.electrons));
        r.n++;
        hg_rho_cloud_free(c);
    }
    const double n = (double)r.n;
    r.mean.nmae /= n, r.mean.outer /= n, r.mean.atoms /= n, r.mean.atoms_outer /= n, r.all_electron /= n;
    hg_rho_room_free(room);
    return r;
}

/* By random points: quicker than grids, for choices. */
static score estimate(const hg_rho *q, const set *s) {
    enum { AN_ATOM = 1500 };
    hg_rho_room *room;
    hg_err err;
    score mean = { 0 };
    if (hg_rho_room_new(&room, q, &err) != HG_OK) stop_at("density", &err);
    for (size_t i = 0; i < s->n; i++) {
        const hg_molecule *m = s->o[i]->molecule;
        const size_t n = AN_ATOM * m->n;
        hg_rng r = hg_rng_make(77, i);
        double *p = malloc(7 * n * sizeof *p), *w = p + 3 * n, *rho = w + n, *atoms = rho + n, *reference = atoms + n;
        hg_rho_cloud *c = cloud_of(q, room, m);
        if (!p) stop_at("no memory", NULL);
        hg_rho_points(p, w, n, m, &r);
        hg_rho_at(rho, c, HG_RHO_VALENCE, p, n);
        hg_rho_at(atoms, c, HG_RHO_ATOMS, p, n);
        if (hg_orbitals_at(reference, s->o[i], false, p, n, &err) != HG_OK) stop_at("orbitals", &err);
        const double f = 100 / hg_rho_electrons(c) / (double)s->n;
        for (size_t k = 0; k < n; k++) {
            const double wrong = f * w[k] * fabs(rho[k] - reference[k]);
            mean.nmae += wrong;
            if (!near_core(m, p + 3 * k)) mean.outer += wrong;
            mean.atoms += f * w[k] * fabs(atoms[k] - reference[k]);
        }
        hg_rho_cloud_free(c);
        free(p);
    }
    hg_rho_room_free(room);
    return mean;
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */

static hg_rho_normal *normal_of(const set *s, double flatten, const double *theta, hg_pool *pool) {
    hg_hooks hooks = { .progress = show };
    hg_rho_opts o = hg_rho_opts_default();
    hg_rho_normal *f;
    hg_err err;
    o.flatten = flatten, o.points = POINTS, o.theta = theta, o.pool = pool, o.hooks = &hooks;
    if (hg_rho_normal_new(&f, s->o, s->n, &o, &err) != HG_OK) stop_at("learning", &err);
    return f;
}

static hg_rho *fit(const hg_rho_normal *f, double ridge) {
    hg_rho *q;
    hg_err err;
    if (hg_rho_fit(&q, f, ridge, &err) != HG_OK) stop_at("learning", &err);
    return q;
}

static void choose(const double *theta, hg_pool *pool) {
    static const double FLATTENS[] = { 1.4, 1, 1.4 }, RIDGES[] = { 1e-4, 1e-3 };
    for (size_t i = 0; i < 3; i++) { /* the last: orbitals of the published tight binding */
        hg_rho_normal *f = normal_of(&data.train, FLATTENS[i], i < 2 ? theta : NULL, pool);
        for (size_t k = 0; k < 2; k++) {
            hg_rho *q = fit(f, RIDGES[k]);
            printf("flatten %g, ridge %g, %s orbitals: validation %.3f %%\n", FLATTENS[i], RIDGES[k],
                   i < 2 ? "refined" : "published", estimate(q, &data.validation).nmae);
            fflush(stdout);
            hg_rho_free(q);
        }
        hg_rho_normal_free(f);
    }
}

static void write_card(const char *folder, const char *weights, size_t n, const score *v) {
    char path[4096];
    hg_err err;
    hg_card_data used = { .role = "train", .file = "densmo.bin.xz", .molecules = n };
    const hg_card_number options[] = { { "ridge", "", RIDGE },
                                       { "flatten", "", FLATTEN },
                                       { "points", "an atom", (double)POINTS } };
    const hg_card_number metrics[] = { { "normalised mean absolute error of validation", "%", v->nmae },
                                       { "the same without the points nearer than 0.3 A to C, N, O", "%", v->outer },
                                       { "that of free atoms", "%", v->atoms },
                                       { "molecules of validation", "", (double)data.validation.n } };
    hg_card c = {
        .name = "qdf2-density",
        .architecture = hg_rho_kind_name(),
        .property = { { .what = { "density", "valence electron density", "e/A^3" },
                        .metrics = metrics,
                        .n_metrics = sizeof metrics / sizeof *metrics } },
        .n_properties = 1,
        .source =
            "PBE/def2-SVP orbitals at QM9 geometries, computed with psi4 1.3.2 for this project; molecules of H, C, N, "
            "O with up to 6 heavy atoms",
        .licence = "no restriction",
        .data = &used,
        .n_data = 1,
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .least_atoms = 1000,
        .elements = "H C N O"
    };
    const set *both[] = { &data.train, &data.validation };
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < both[k]->n; i++) {
            const size_t atoms = both[k]->o[i]->molecule->n;
            if (atoms < c.least_atoms) c.least_atoms = atoms;
            if (atoms > c.most_atoms) c.most_atoms = atoms;
        }
    if (hg_hash_file(used.sha256, DATA, &err) != HG_OK || hg_hash_file(c.weights_sha256, weights, &err) != HG_OK)
        stop_at("hash", &err);
    snprintf(path, sizeof path, "%s/card.json", folder);
    if (hg_card_write(&c, path, &err) != HG_OK) stop_at("card", &err);
}

/* Errors of validation are those of weights that have not seen it; what is written has. */
static void train(const double *theta, hg_pool *pool) {
    char weights[4096];
    hg_err err;
    if (mkdir(OPTIONS.train, 0777) != 0 && errno != EEXIST) stop_at(strerror(errno), NULL);
    hg_rho_normal *f = normal_of(&data.train, FLATTEN, theta, pool);
    hg_rho *q = fit(f, RIDGE);
    const score v = estimate(q, &data.validation);
    hg_rho_free(q);
    printf("validation: %.3f %% (free atoms %.3f %%)\n", v.nmae, v.atoms);
    hg_rho_opts o = hg_rho_opts_default();
    o.flatten = FLATTEN, o.points = POINTS, o.pool = pool, o.hooks = &(hg_hooks) { .progress = show };
    if (hg_rho_normal_add(f, data.validation.o, data.validation.n, &o, &err) != HG_OK) stop_at("learning", &err);
    q = fit(f, RIDGE);
    snprintf(weights, sizeof weights, "%s/weights.safetensors", OPTIONS.train);
    if (hg_rho_save(q, weights, &err) != HG_OK) stop_at("weights", &err);
    write_card(OPTIONS.train, weights, data.train.n + data.validation.n, &v);
    hg_rho_free(q);
    hg_rho_normal_free(f);
}

/* ---- turning, speed ---------------------------------------------------------------------------------------------- */

static void turn(double *out, const double *in, size_t n, const double q[4]) { /* unit quaternion */
    const double a = q[0], b = q[1], c = q[2], d = q[3];
    const double R[9] = { a * a + b * b - c * c - d * d, 2 * (b * c - a * d),           2 * (b * d + a * c),
                          2 * (b * c + a * d),           a * a - b * b + c * c - d * d, 2 * (c * d - a * b),
                          2 * (b * d - a * c),           2 * (c * d + a * b),           a * a - b * b - c * c + d * d };
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++)
            out[3 * i + k] = R[3 * k] * in[3 * i] + R[3 * k + 1] * in[3 * i + 1] + R[3 * k + 2] * in[3 * i + 2];
}

static double turned_error(const hg_rho *q) {
    enum { AT = 500 };
    hg_rng r = hg_rng_make(5, 0);
    hg_rho_room *room;
    hg_err err;
    double worst = 0;
    if (hg_rho_room_new(&room, q, &err) != HG_OK) stop_at("density", &err);
    for (size_t i = 0; i < data.nine.n; i += 3) {
        const hg_molecule *m = data.nine.o[i]->molecule;
        hg_molecule t = *m;
        double z[4], norm = 0, p[3 * AT], w[AT], turned[3 * AT], before[AT], after[AT];
        for (int k = 0; k < 4; k++) z[k] = hg_rng_normal(&r), norm += z[k] * z[k];
        for (int k = 0; k < 4; k++) z[k] /= sqrt(norm);
        t.r = malloc(3 * m->n * sizeof *t.r);
        if (!t.r) stop_at("no memory", NULL);
        turn(t.r, m->r, m->n, z);
        hg_rho_points(p, w, AT, m, &r);
        turn(turned, p, AT, z);
        hg_rho_cloud *a = cloud_of(q, room, m), *b = cloud_of(q, room, &t);
        hg_rho_at(before, a, HG_RHO_VALENCE, p, AT);
        hg_rho_at(after, b, HG_RHO_VALENCE, turned, AT);
        for (size_t k = 0; k < AT; k++) worst = fmax(worst, fabs(before[k] - after[k]));
        hg_rho_cloud_free(a);
        hg_rho_cloud_free(b);
        free(t.r);
    }
    hg_rho_room_free(room);
    return worst;
}

static void speed(double *clouds, double *points, const hg_rho *q) {
    enum { AT = 20000 };
    static double p[3 * AT], w[AT], rho[AT];
    hg_rng r = hg_rng_make(6, 0);
    hg_rho_room *room;
    hg_err err;
    if (hg_rho_room_new(&room, q, &err) != HG_OK) stop_at("density", &err);
    double begin = cpu();
    for (size_t i = 0; i < data.nine.n; i++) hg_rho_cloud_free(cloud_of(q, room, data.nine.o[i]->molecule));
    *clouds = (double)data.nine.n / (cpu() - begin);
    hg_rho_points(p, w, AT, data.nine.o[0]->molecule, &r);
    hg_rho_cloud *c = cloud_of(q, room, data.nine.o[0]->molecule);
    begin = cpu();
    hg_rho_at(rho, c, HG_RHO_VALENCE, p, AT);
    *points = AT / (cpu() - begin);
    hg_rho_cloud_free(c);
    hg_rho_room_free(room);
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static void print(const char *key, double x) {
    static bool first = true;
    if (OPTIONS.json)
        printf("%s\n  \"%s\": %.6g", first ? "{" : ",", key, x);
    else
        printf("%-26s %.5g\n", key, x);
    first = false;
}

static void measure(const hg_rho *q, hg_pool *pool) {
    const size_t stride = OPTIONS.quick ? 8 : 1;
    const result nine = judge_all(q, &data.nine, stride, true, pool),
                 small = judge_all(q, &data.small, stride, true, pool);
    double clouds, points;
    speed(&clouds, &points, q);
    print("nine_nmae", nine.mean.nmae);
    print("nine_nmae_outer", nine.mean.outer);
    print("nine_nmae_worst", nine.worst);
    print("nine_promolecule", nine.mean.atoms);
    print("nine_promolecule_outer", nine.mean.atoms_outer);
    print("small_nmae", small.mean.nmae);
    print("small_nmae_outer", small.mean.outer);
    print("small_promolecule", small.mean.atoms);
    print("small_promolecule_outer", small.mean.atoms_outer);
    print("all_electron_nmae", nine.all_electron);
    print("least", fmin(nine.mean.least, small.mean.least));
    print("integral_worst", fmax(nine.integral_worst, small.integral_worst));
    print("rotation_worst", turned_error(q));
    print("clouds_per_s_core", clouds);
    print("points_per_s_core", points);
    if (OPTIONS.json) printf("\n}\n");
}

static void read_options(int argc, char **argv) {
    const bench_option options[] = {
        { .word = "--json", .set = &OPTIONS.json },    { .word = "--quick", .set = &OPTIONS.quick },
        { .word = "--qdf2", .set = &OPTIONS.qdf2 },    { .word = "--choose", .set = &OPTIONS.choose },
        { .word = "--train", .text = &OPTIONS.train }, { .word = "--threads", .count = &OPTIONS.threads }
    };
    BENCH_OPTIONS(options, argc, argv);
}

int main(int argc, char **argv) {
    hg_err err;
    hg_pool *pool;
    hg_qdf2 *qdf2 = NULL;
    hg_rho *shipped = NULL;
    read_options(argc, argv);
    read_data();
    if (hg_pool_new(&pool, OPTIONS.threads, &err) != HG_OK) stop_at("threads", &err);
    if (OPTIONS.qdf2 && hg_qdf2_load(&qdf2, QDF2, &err) != HG_OK) stop_at("qdf2", &err);
    if (!OPTIONS.qdf2 && hg_rho_load(&shipped, SHIPPED, &err) != HG_OK) stop_at("weights", &err);
    const double *theta = qdf2 ? qdf2->theta : shipped->theta;
    if (!OPTIONS.choose && !OPTIONS.train && OPTIONS.qdf2) stop_at("--qdf2 goes with --choose or --train", NULL);
    if (OPTIONS.choose)
        choose(theta, pool);
    else if (OPTIONS.train)
        train(theta, pool);
    else
        measure(shipped, pool);
    hg_qdf2_free(qdf2);
    hg_rho_free(shipped);
    hg_pool_free(pool);
    hg_orbitals_free(&data.file);
    return 0;
}
