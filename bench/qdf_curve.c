/* bench/qdf_curve.c -- Quantum Deep Field trained from scratch here, beside its authors' own log, epoch by epoch
 *
 *   qdf_curve [--json | --markdown] [--quick] [--figure FILE] [LOG ...]
 *
 * A LOG is the log.jsonl that `hagane train --arch qdf-classic` leaves in its folder; without any, those of docs/qdf/. The authors' log is that of
 * their published model (../shared/data/qdf-qm9): summed losses of all batches of an epoch, eV^2 for the energy, and the mean absolute
 * error of validation, here in kcal/mol. Data, batches, learning rate and first values' distributions are theirs; seeds are not, and
 * their curve swings by a third from one epoch to the next. So the figures compare what is steadier: sums of training losses, and medians
 * of the validation error over the last epochs. --quick changes nothing: nothing is trained here.
 *
 *   runs               logs that were read
 *   epochs             of the longest
 *   first_loss_e       Loss_E of the first epoch, first log
 *   authors_first_loss_e  the authors'
 *   first_loss_v       Loss_V of the first epoch, first log
 *   authors_first_loss_v  the authors'
 *   last_loss_e_ratio  Loss_E of the first log's last epoch by the authors' of the same epoch
 *   last_loss_v_ratio  the same of Loss_V
 *   val_kcal           median validation error of the last three epochs, first log
 *   authors_val_kcal   the authors', of the same epochs
 */
#include "files/json_read.h"
#include "files/output.h"
#include "hagane/hagane.h"
#include <glob.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 6, MOST_EPOCHS = 4096, PHASES = 2, LINE = 4096, LAST = 3 };
static const double KCAL = HG_KCAL_PER_MOL_PER_EV;

typedef struct {
    char name[64];
    size_t n;
    double e[MOST_EPOCHS], v[MOST_EPOCHS], error[MOST_EPOCHS]; /* sums of the losses; kcal/mol */
} curve;

static void stop_at(const char *what, const hg_err *err) {
    fprintf(stderr, "qdf_curve: %s%s%s\n", what, err ? ": " : "", err ? err->msg : "");
    exit(1);
}

static void check(hg_status st, const char *what, const hg_err *err) {
    if (st != HG_OK) stop_at(what, err);
}

/* ---- logs ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    double epoch, step, metric, loss[PHASES];
} line_values;

static hg_status read_losses(double loss[PHASES], hg_json_reader *r, hg_err *err) {
    HG_TRY(hg_json_read_expect(r, HG_JSON_ARRAY, "losses", err));
    for (int k = 0; k < PHASES; k++) {
        HG_TRY(hg_json_read_expect(r, HG_JSON_NUMBER, "the losses of energy and potential", err));
        HG_TRY(hg_json_read_real(&loss[k], r, err));
    }
    return hg_json_read_expect(r, HG_JSON_ARRAY_END, "two losses and no more", err);
}

static hg_status read_line(line_values *v, const char *path, const char *text, hg_err *err) {
    const struct {
        const char *key;
        double *to;
    } numbers[] = { { "epoch", &v->epoch }, { "step", &v->step }, { "metric", &v->metric } };
    hg_json_reader r;
    *v = (line_values) { .metric = NAN, .loss = { NAN, NAN } };
    hg_json_read_begin(&r, path, text, strlen(text));
    HG_TRY(hg_json_read_expect(&r, HG_JSON_OBJECT, "an epoch", err));
    for (;;) {
        HG_TRY(hg_json_read_next(&r, err));
        if (r.event == HG_JSON_OBJECT_END) return HG_OK;
        double *to = NULL;
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            if (hg_json_read_is(&r, numbers[i].key)) to = numbers[i].to;
        if (hg_json_read_is(&r, "train_losses")) {
            HG_TRY(read_losses(v->loss, &r, err));
        } else if (to) {
            HG_TRY(hg_json_read_next(&r, err));
            if (r.event == HG_JSON_NUMBER) HG_TRY(hg_json_read_real(to, &r, err));
        } else {
            HG_TRY(hg_json_read_skip(&r, err));
        }
    }
}

static void read_log(curve *c, const char *path) {
    char text[LINE];
    hg_err err;
    const char *slash = strrchr(path, '/'), *from = slash ? slash + 1 : path;
    FILE *f = fopen(path, "r");
    if (!f) stop_at(path, NULL);
    *c = (curve) { .n = 0 };
    snprintf(c->name, sizeof c->name, "%.*s", (int)strcspn(from, "."), from);
    while (c->n < MOST_EPOCHS && fgets(text, sizeof text, f)) {
        line_values v;
        check(read_line(&v, path, text, &err), "log", &err);
        const double batches = v.step / (PHASES * v.epoch); /* of an epoch; the log has the mean over molecules */
        c->e[c->n] = v.loss[0] * batches;
        c->v[c->n] = v.loss[1] * batches;
        c->error[c->n++] = KCAL * v.metric;
    }
    fclose(f);
    if (c->n == 0) stop_at(path, NULL);
}

static void read_authors(curve *c) {
    static const char *const NAME[] = { "Loss_E", "Loss_V", "MAE_val(eV)" };
    double *const to[] = { c->e, c->v, c->error };
    char path[600];
    hg_err err;
    hg_table *t;
    snprintf(path, sizeof path, "%s/../shared/data/qdf-qm9/qdf_training_log.tsv.xz", HG_SOURCE_DIR);
    check(hg_csv_read(&t, path, NULL, &err), "the authors' log", &err);
    *c = (curve) { .name = "authors", .n = hg_table_rows(t) };
    if (c->n > MOST_EPOCHS) stop_at("the authors' log is too long", NULL);
    for (size_t k = 0; k < 3; k++) {
        size_t j;
        check(hg_table_find(&j, t, NAME[k], &err), "the authors' log", &err);
        check(hg_table_need_numbers(t, j, false, &err), "the authors' log", &err);
        for (size_t i = 0; i < c->n; i++) to[k][i] = hg_table_column(t, j)->number[i] * (k == 2 ? KCAL : 1);
    }
    hg_table_free(t);
}

/* ---- what is printed ------------------------------------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_before(const curve *c, size_t end) { /* of the errors of up to three epochs before */
    double x[LAST];
    const size_t n = end < LAST ? end : LAST;
    memcpy(x, c->error + end - n, n * sizeof *x);
    qsort(x, n, sizeof *x, ascending);
    return x[n / 2];
}

static void print_cell(const char *format, const double *x, bool there) { there ? printf(format, *x) : printf(" |"); }

/* A table for each of the three columns of a log. */
static void print_tables(const curve *authors, const curve *run, size_t runs) {
    static const struct {
        const char *title, *format;
        size_t offset; /* of the column in a curve */
    } column[] = { { "Loss_E", " %.0f |", offsetof(curve, e) },
                   { "Loss_V", " %.0f |", offsetof(curve, v) },
                   { "validation, kcal/mol", " %.1f |", offsetof(curve, error) } };
    size_t longest = 0;
    for (size_t r = 0; r < runs; r++) longest = run[r].n > longest ? run[r].n : longest;
    for (size_t k = 0; k < sizeof column / sizeof *column; k++) {
        printf("%s| %s: epoch | authors |", k ? "\n" : "", column[k].title);
        for (size_t r = 0; r < runs; r++) printf(" %s |", run[r].name);
        printf("\n|---|---|");
        for (size_t r = 0; r < runs; r++) printf("---|");
        printf("\n");
        for (size_t i = 0; i < longest && i < authors->n; i++) {
            printf("| %zu |", i + 1);
            print_cell(column[k].format, (const double *)((const char *)authors + column[k].offset) + i, true);
            for (size_t r = 0; r < runs; r++)
                print_cell(column[k].format, (const double *)((const char *)&run[r] + column[k].offset) + i,
                           i < run[r].n);
            printf("\n");
        }
    }
}

static void print_figures(bool json, const curve *authors, const curve *run, size_t runs) {
    size_t longest = 0;
    for (size_t r = 0; r < runs; r++) longest = run[r].n > longest ? run[r].n : longest;
    const size_t end = run->n < authors->n ? run->n : authors->n;
    const struct {
        const char *name;
        double x;
    } figure[] = {
        { "runs", (double)runs },
        { "epochs", (double)longest },
        { "first_loss_e", run->e[0] },
        { "authors_first_loss_e", authors->e[0] },
        { "first_loss_v", run->v[0] },
        { "authors_first_loss_v", authors->v[0] },
        { "last_loss_e_ratio", run->e[end - 1] / authors->e[end - 1] },
        { "last_loss_v_ratio", run->v[end - 1] / authors->v[end - 1] },
        { "val_kcal", median_before(run, end) },
        { "authors_val_kcal", median_before(authors, end) },
    };
    if (json) printf("{\"bench\": \"qdf_curve\", \"schema\": 1");
    for (size_t i = 0; i < sizeof figure / sizeof *figure; i++)
        printf(json ? ", \"%s\": %.6g" : "%-22s %.6g\n", figure[i].name, figure[i].x);
    if (json) printf("}\n");
}

static void draw(const char *path, const curve *authors, const curve *run, size_t runs) {
    static double epoch[MOST_EPOCHS];
    hg_layer layer[MOST_RUNS + 1];
    hg_figure f = hg_figure_default();
    hg_bytes bytes;
    hg_figure_format format;
    hg_output *out;
    hg_err err;
    size_t longest = 0;
    for (size_t i = 0; i < MOST_EPOCHS; i++) epoch[i] = (double)(i + 1);
    for (size_t r = 0; r < runs; r++) {
        layer[r + 1] = hg_layer_make(HG_LAYER_LINE, run[r].name, epoch, run[r].error, run[r].n,
                                     (hg_colour)(HG_COLOUR_BLUE + (int)r));
        longest = run[r].n > longest ? run[r].n : longest;
    }
    layer[0] = hg_layer_make(HG_LAYER_LINE, "authors", epoch, authors->error,
                             longest < authors->n ? longest : authors->n, HG_COLOUR_INK);
    f.layer = layer;
    f.n_layers = runs + 1;
    f.x.label = "epoch";
    f.x.whole = true;
    f.y.label = "mean absolute error of validation (kcal/mol)";
    f.y.scale = HG_SCALE_LOG;
    f.themed = true;
    check(hg_figure_format_find(&format, path, &err), path, &err);
    check(hg_figure_render(&bytes, &f, format, &err), path, &err);
    check(hg_output_new(&out, path, NULL, &err), path, &err);
    check(hg_output_write(out, bytes.data, bytes.len, &err), path, &err);
    check(hg_output_commit(out, &err), path, &err);
    hg_output_free(out);
    hg_bytes_free(&bytes);
}

int main(int argc, char **argv) {
    static curve authors, run[MOST_RUNS];
    bool json = false, markdown = false;
    const char *figure = NULL;
    size_t runs = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--markdown") == 0)
            markdown = true;
        else if (strcmp(argv[i], "--quick") == 0)
            continue;
        else if (strcmp(argv[i], "--figure") == 0 && i + 1 < argc)
            figure = argv[++i];
        else if (argv[i][0] != '-' && runs < MOST_RUNS)
            read_log(&run[runs++], argv[i]);
        else
            stop_at("usage: qdf_curve [--json | --markdown] [--quick] [--figure FILE] [LOG ...]", NULL);
    }
    glob_t found = { .gl_pathc = 0 };
    if (runs == 0 && glob(HG_SOURCE_DIR "/docs/qdf/*.jsonl", 0, NULL, &found) == 0)
        while (runs < found.gl_pathc && runs < MOST_RUNS) read_log(&run[runs], found.gl_pathv[runs]), runs++;
    globfree(&found);
    if (runs == 0) stop_at("there is no log", NULL);
    read_authors(&authors);
    if (markdown)
        print_tables(&authors, run, runs);
    else
        print_figures(json, &authors, run, runs);
    if (figure) draw(figure, &authors, run, runs);
    return 0;
}
