/* cli/verb_density.c -- `hagane density`: the valence density of a molecule on a grid, and along a line
 *
 * The grid is computed plane by plane and written as it comes, so that memory is that of one plane.
 */
#include "cli/density.h"
#include "cli/input.h"
#include "cli/models.h"
#include "files/cube.h"
#include "hagane/molecule_file.h"
#include "library/folder.h"
#include "models/qdf_density.h"
#include "models/rho_integral.h"
#include <math.h>
#include <string.h>

enum {
    FORMULA_SIZE = 256,
    INTEGRAL_MOST = 200 /* atoms: its time goes with their cube */,
    CHUNK = 1024 /* points a task */,
    TITLE_SIZE = 400
};
static const double MOST = 134217728; /* points of a grid: 2^27, what a cube's reader takes */

typedef struct {
    cli_run *run;
    const char *path, *model;
    hg_molecule *m;
    char formula[FORMULA_SIZE], title[TITLE_SIZE];
    hg_rho *rho;
    hg_rho_room *room;
    hg_rho_cloud *cloud;
    hg_cube_grid grid;
    double integral, sum; /* around atoms; on the grid */
    cli_line line;
    bool has_line;
} job;

/* ---- the molecule and its cloud ---------------------------------------------------------------------------------- */

static hg_status find_molecule(job *b, hg_molecule_file *f, const char *id, hg_err *err) {
    for (;;) {
        const hg_mark mark = hg_arena_mark(b->run->arena);
        HG_TRY(hg_molecule_file_next(&b->m, f, b->run->arena, err));
        if (!b->m || !id || strcmp(b->m->id, id) == 0) break;
        hg_arena_reset(b->run->arena, mark);
    }
    if (b->m) return HG_OK;
    hg_fail_at(err, HG_ENOTFOUND, cli_stream_name(b->path), 0, 0, "there is no molecule \"%s\"", id);
    return hg_advise(err, HG_ENOTFOUND, "hagane predict prints the names of all molecules of a file");
}

static hg_status read_molecule(job *b, hg_err *err) {
    hg_molecule_file *f;
    if (!cli_is_stream(b->path)) HG_TRY(cli_input(b->run, b->path, NULL, 0, err));
    HG_TRY(hg_molecule_file_open(&f, b->path, NULL, err));
    const hg_status st = find_molecule(b, f, cli_value(&b->run->args, "id"), err);
    hg_molecule_file_free(f);
    HG_TRY(st);
    hg_molecule_formula(b->formula, sizeof b->formula, b->m);
    snprintf(b->title, sizeof b->title, "%s%s%.120s", b->formula, *b->m->id ? ", " : "", b->m->id);
    return HG_OK;
}

static hg_status make_cloud(job *b, hg_err *err) {
    char folder[CLI_MODEL_PATH], weights[HG_FOLDER_PATH];
    b->model = cli_value(&b->run->args, "model");
    if (!b->model) b->model = "qdf2-density";
    HG_TRY(cli_model_folder(folder, b->model, err));
    HG_TRY(hg_folder_weights(weights, folder, hg_rho_kind_name(), err));
    HG_TRY(hg_rho_load(&b->rho, weights, err));
    HG_TRY(hg_rho_room_new(&b->room, b->rho, err));
    HG_TRY(hg_rho_cloud_new(&b->cloud, b->rho, b->room, b->m, err));
    if (!hg_rho_deformed(b->cloud))
        hg_log(&b->run->hooks, HG_LOG_WARN, "%s: fluorine was not learned; this is the density of free atoms",
               b->title);
    else if (hg_rho_outside(b->cloud))
        hg_log(&b->run->hooks, HG_LOG_WARN, "%s is unlike what \"%s\" has learned from", b->title, b->model);
    return HG_OK;
}

/* ---- the grid ---------------------------------------------------------------------------------------------------- */

static hg_status lay_grid(job *b, hg_err *err) {
    const double spacing = cli_number(&b->run->args, "spacing", 0.1), margin = cli_number(&b->run->args, "margin", 4);
    double points = 1;
    for (size_t k = 0; k < 3; k++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t a = 0; a < b->m->n; a++) {
            low = fmin(low, b->m->r[3 * a + k]);
            high = fmax(high, b->m->r[3 * a + k]);
        }
        const double steps = ceil((high - low + 2 * margin) / spacing);
        points *= steps + 1;
        if (points > MOST) {
            hg_fail(err, HG_ELIMIT, "%s: the grid would have more than %.0f points", b->title, MOST);
            return hg_advise(err, HG_ELIMIT, "a larger --spacing, or a smaller --margin");
        }
        b->grid.n[k] = (size_t)steps + 1;
        b->grid.origin[k] = 0.5 * (low + high - steps * spacing);
        b->grid.step[3 * k + k] = spacing;
    }
    return HG_OK;
}

typedef struct {
    const job *b;
    double *value; /* of the plane */
    size_t plane;
} plane;

static void plane_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const plane *p = ctx;
    const hg_cube_grid *g = &p->b->grid;
    double point[3 * CHUNK];
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const size_t at[3] = { p->plane, i / g->n[2], i % g->n[2] };
        for (size_t k = 0; k < 3; k++) point[3 * (i - begin) + k] = g->origin[k] + (double)at[k] * g->step[4 * k];
    }
    hg_rho_at(p->value + begin, p->b->cloud, HG_RHO_VALENCE, point, end - begin);
}

/* w NULL: for the integral alone. */
static hg_status planes(job *b, hg_cube_writer *w, hg_err *err) {
    const size_t n = b->grid.n[1] * b->grid.n[2];
    plane p = { .b = b, .value = hg_alloc(b->run->arena, n, sizeof *p.value) };
    if (!p.value) return hg_fail(err, HG_ENOMEM, "no memory for a plane of %zu points", n);
    for (p.plane = 0; p.plane < b->grid.n[0]; p.plane++) {
        double sum = 0;
        hg_pool_for(b->run->pool, n, CHUNK, plane_task, &p);
        for (size_t i = 0; i < n; i++) sum += p.value[i];
        b->sum += sum;
        if (w) HG_TRY(hg_cube_writer_put(w, p.value, n, err));
        if (!hg_progress(&b->run->hooks, "density", p.plane + 1, b->grid.n[0])) return HG_ECANCEL;
    }
    b->sum *= hg_cube_volume(b->grid.step);
    return HG_OK;
}

static hg_status compute_grid(job *b, hg_err *err) {
    const char *path = cli_value(&b->run->args, "cube");
    b->integral = (double)NAN;
    if (b->m->n <= INTEGRAL_MOST) HG_TRY(hg_rho_integral(&b->integral, b->cloud, HG_RHO_VALENCE, b->run->pool, err));
    HG_TRY(lay_grid(b, err));
    if (!path) return planes(b, NULL, err);
    const hg_cube head = {
        .molecule = b->m, .grid = b->grid, .title = b->title, .comment = "valence electron density by hagane", .sets = 1
    };
    hg_cube_opts o = hg_cube_opts_default();
    hg_output *out;
    hg_cube_writer *w;
    o.density = true;
    HG_TRY(cli_stream_open(&out, b->run, path, err));
    HG_TRY(hg_cube_writer_on(&w, out, &head, &o, err));
    hg_status st = planes(b, w, err);
    if (st == HG_OK) st = hg_cube_writer_commit(w, err);
    hg_cube_writer_free(w);
    return st == HG_OK ? cli_stream_close(b->run, out, err) : st;
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

/* The published function's density, when its weights are there. It counts electrons a point; a point stands for a
 * cell of 0.027 A^3. */
static hg_status classic(job *b, hg_err *err) {
    static const double VOLUME = 0.3 * 0.3 * 0.3;
    char folder[CLI_MODEL_PATH], weights[HG_FOLDER_PATH];
    hg_qdf *q;
    if (cli_model_folder(folder, "qdf-classic", NULL) != HG_OK) return HG_OK;
    HG_TRY(hg_folder_weights(weights, folder, "qdf-classic 1", err));
    cli_curve *c = cli_line_add(&b->line, "qdf-classic", HG_COLOUR_ORANGE, false, b->run->arena);
    if (!c) return hg_fail(err, HG_ENOMEM, "no memory for a line");
    HG_TRY(hg_qdf_load(&q, weights, &(hg_params_opts) { .fixed = true }, err));
    const hg_status st = hg_qdf_density(c->y, q, b->m, b->line.point, b->line.n, err);
    hg_qdf_free(q);
    for (size_t i = 0; i < b->line.n && st == HG_OK; i++) c->y[i] /= VOLUME;
    return st;
}

static hg_status compute_line(job *b, hg_err *err) {
    const cli_args *a = &b->run->args;
    const char *reference = cli_value(a, "reference");
    cli_line *l = &b->line;
    HG_TRY(cli_line_make(l, b->m, cli_value(a, "line"), cli_number(a, "step", 0.01), cli_number(a, "beyond", 1),
                         b->run->arena, err));
    cli_curve *free_atoms = cli_line_add(l, "promolecule", HG_COLOUR_GREY, true, b->run->arena);
    cli_curve *learned = cli_line_add(l, "qdf2", HG_COLOUR_BLUE, false, b->run->arena);
    if (!free_atoms || !learned) return hg_fail(err, HG_ENOMEM, "no memory for a line");
    hg_rho_at(free_atoms->y, b->cloud, HG_RHO_ATOMS, l->point, l->n);
    hg_rho_at(learned->y, b->cloud, HG_RHO_VALENCE, l->point, l->n);
    HG_TRY(classic(b, err));
    if (reference) HG_TRY(cli_input(b->run, reference, NULL, 0, err));
    if (reference) HG_TRY(cli_line_reference(l, b->m, reference, b->run->arena, err));
    cli_line_look(l);
    return HG_OK;
}

static hg_status line_results(job *b, hg_err *err) {
    const char *out = cli_value(&b->run->args, "out"), *png = cli_value(&b->run->args, "png");
    hg_text t = hg_text_new(0);
    hg_status st = HG_OK;
    if (out) {
        cli_line_csv(&t, &b->line);
        st = t.failed ? hg_fail(err, HG_ENOMEM, "no memory for a table") : cli_result(b->run, out, t.s, t.len, err);
    }
    hg_text_free(&t);
    if (st == HG_OK && png) st = cli_line_figure(b->run, &b->line, b->title, png, err);
    return st;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static void words(job *b) {
    hg_text *t = &b->run->out;
    const size_t *n = b->grid.n;
    hg_text_add(t, "%s: %.0f valence electrons, without 1s pairs\n", b->title, hg_rho_electrons(b->cloud));
    if (isfinite(b->integral)) hg_text_add(t, "integral: %.4f electrons\n", b->integral);
    hg_text_add(t, "grid of %g A, %zu x %zu x %zu points: sum %.3f electrons\n", b->grid.step[0], n[0], n[1], n[2],
                b->sum);
    if (b->has_line) cli_line_words(t, &b->line);
}

static hg_status json(job *b, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, b->run, "density");
    hg_json_string(&j, "model", b->model);
    hg_json_string(&j, "id", b->m->id);
    hg_json_string(&j, "formula", b->formula);
    hg_json_count(&j, "atoms", b->m->n);
    hg_json_number(&j, "electrons", hg_rho_electrons(b->cloud));
    hg_json_number(&j, "integral", b->integral);
    hg_json_bool(&j, "free_atoms", !hg_rho_deformed(b->cloud));
    hg_json_bool(&j, "outside", hg_rho_outside(b->cloud));
    hg_json_begin_object(&j, "grid");
    hg_json_number(&j, "spacing", b->grid.step[0]);
    hg_json_begin_array(&j, "points");
    for (size_t k = 0; k < 3; k++) hg_json_count(&j, NULL, b->grid.n[k]);
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "origin");
    for (size_t k = 0; k < 3; k++) hg_json_number(&j, NULL, b->grid.origin[k]);
    hg_json_end_array(&j);
    hg_json_number(&j, "sum", b->sum);
    hg_json_end_object(&j);
    if (b->has_line) cli_line_json(&j, &b->line);
    return cli_json_end(b->run, &j, err);
}

/* Before any work. */
static hg_status check(const job *b, hg_err *err) {
    static const char *const OF_A_LINE[] = { "png", "out", "reference", "step", "beyond" };
    const cli_args *a = &b->run->args;
    hg_figure_format format;
    const char *png = cli_value(a, "png"), *out = cli_value(a, "out"), *cube = cli_value(a, "cube");
    for (size_t i = 0; i < sizeof OF_A_LINE / sizeof *OF_A_LINE && !cli_value(a, "line"); i++)
        if (cli_value(a, OF_A_LINE[i]))
            return hg_advise(err, hg_fail(err, HG_EINVAL, "--%s is about a line, and --line is missing", OF_A_LINE[i]),
                             "--line C1,C2");
    if (png && strcmp(png, "-") != 0) HG_TRY(hg_figure_format_find(&format, png, err));
    if (cube && strcmp(cube, "-") == 0)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "a cube does not go to standard output"), "--cube FILE.cube");
    const int to_output = (png && strcmp(png, "-") == 0) + (out && strcmp(out, "-") == 0) + b->run->json;
    return to_output > 1 ? hg_fail(err, HG_EINVAL, "only one of --json, --out - and --png - can have standard output")
                         : HG_OK;
}

static hg_status density(job *b, hg_err *err) {
    const cli_args *a = &b->run->args;
    const char *out = cli_value(a, "out"), *png = cli_value(a, "png");
    b->has_line = cli_value(a, "line") != NULL;
    HG_TRY(check(b, err));
    HG_TRY(read_molecule(b, err));
    HG_TRY(make_cloud(b, err));
    if (b->has_line) HG_TRY(compute_line(b, err));
    HG_TRY(compute_grid(b, err));
    if (b->has_line) HG_TRY(line_results(b, err));
    if (b->run->json) return json(b, err);
    if (!(out && strcmp(out, "-") == 0) && !(png && strcmp(png, "-") == 0)) words(b);
    return HG_OK;
}

static hg_status run_density(cli_run *run, hg_err *err) {
    job *b = hg_alloc(run->arena, 1, sizeof *b);
    if (!b) return hg_fail(err, HG_ENOMEM, "no memory for a molecule");
    b->run = run;
    b->path = run->args.positional[0];
    const hg_status st = density(b, err);
    hg_rho_cloud_free(b->cloud);
    hg_rho_room_free(b->room);
    hg_rho_free(b->rho);
    return st;
}

static const cli_positional POSITIONAL[] = {
    { .name = "MOLECULE",
      .type = CLI_INPUT,
      .help =
          "XYZ, extended XYZ, SDF or Quantum Deep Field's text; \"-\" is standard input. Its first molecule, or that "
          "of --id." },
    { .name = NULL },
};
static const cli_option DENSITY[] = {
    { .name = "model",
      .letter = 'm',
      .type = CLI_TEXT,
      .argument = "NAME",
      .fallback = "qdf2-density",
      .help = "A model of densities that came with the program, or a folder with card.json and weights." },
    { .name = "id",
      .type = CLI_TEXT,
      .argument = "ID",
      .fallback = "the first",
      .help = "The molecule of that name in its file." },
    { .name = "cube",
      .type = CLI_OUTPUT,
      .argument = "FILE.cube",
      .help = "Write the density on a grid, in Gaussian's format." },
    { .name = "spacing",
      .type = CLI_NUMBER,
      .argument = "A",
      .min = 0.01,
      .max = 2,
      .unit = "A",
      .fallback = "0.1",
      .help = "Distance of neighbouring points of the grid." },
    { .name = "margin",
      .type = CLI_NUMBER,
      .argument = "A",
      .min = 0,
      .max = 50,
      .unit = "A",
      .fallback = "4",
      .help = "How far the grid goes beyond the atoms on each side." },
    { .name = NULL },
};
static const cli_option LINE[] = {
    { .name = "line",
      .type = CLI_TEXT,
      .argument = "A,B",
      .help =
          "Densities along the line between two atoms: an element with its number among its like, as C1,C2, or numbers "
          "of atoms." },
    { .name = "step",
      .type = CLI_NUMBER,
      .argument = "A",
      .min = 0.001,
      .max = 1,
      .unit = "A",
      .fallback = "0.01",
      .help = "Distance of points on the line." },
    { .name = "beyond",
      .type = CLI_NUMBER,
      .argument = "A",
      .min = 0,
      .max = 50,
      .unit = "A",
      .fallback = "1",
      .help = "How far the line goes on behind both atoms." },
    { .name = "reference",
      .type = CLI_INPUT,
      .argument = "FILE",
      .help =
          "A density to compare with on the line: a cube, or orbitals as bench/peers/psi4_orbitals.py writes them." },
    { .name = "png",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help = "A picture of the line; PNG, SVG or PDF by its name." },
    { .name = "out", .letter = 'o', .type = CLI_OUTPUT, .argument = "FILE.csv", .help = "The line as a table." },
    { .name = NULL },
};
static const cli_group DENSITY_GROUP = { "Density", DENSITY }, LINE_GROUP = { "Line", LINE };
static const cli_group *const GROUPS[] = { &DENSITY_GROUP, &LINE_GROUP, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane density molecule.xyz --cube density.cube", "the valence density on a grid" },
    { "hagane density molecule.xyz --line C1,C2 --png line.png", "along a bond, as a picture" },
    { .command = NULL },
};
const cli_verb cli_density_record = {
    .name = "density",
    .summary = "compute the electron density of a molecule",
    .description =
        "The density of the valence electrons in e/A^3: that of free atoms, and what bonds, lone pairs and charges "
        "change, learned from Kohn-Sham "
        "densities. It turns with the molecule, and integrates to the number of valence electrons. The 1s pairs of C, "
        "N, O and F are "
        "left out. Elements: H, C, N, O; a molecule with F is given as its free atoms, with a warning.\n\n"
        "The integral by quadrature around the atoms is printed beside the number of electrons, and the sum over the "
        "grid, which is less exact: "
        "valence s orbitals have a sharp peak at C, N and O, 0.1 A wide. A picture leaves these peaks out above. Along "
        "a line it is shown beside that of free atoms (promolecule), "
        "that of the published Quantum Deep Field (all electrons; it has no unit, a point of its grid is taken as "
        "0.027 A^3) and a reference.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json = "schema \"hagane.density/1\": model, id, formula, atoms, electrons, integral (null above 200 atoms), "
            "free_atoms, outside; grid (spacing, points, origin, sum); with "
            "--line: line (from, to, length, position, curves with name, middle, peaks and density). Lengths in A, "
            "densities in e/A^3.",
    .run = run_density,
};
