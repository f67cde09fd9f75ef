/* cli/output.c -- see cli/output.h */
#include "cli/output.h"
#include "files/hash.h"
#include "num/linalg.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { MAX_FILES = 16 }; /* of each kind; a verb handles a handful */

typedef struct {
    const char *path;
    const char *bytes; /* NULL: an input, or a streamed result */
    size_t n;
    hg_output *open; /* its temporary file */
    char hash[HG_HASH_SIZE];
} file;

struct cli_record {
    char **word; /* [n_words] behind the verb, as typed */
    size_t n_words;
    file input[MAX_FILES], output[MAX_FILES];
    size_t n_inputs, n_outputs;
    struct timespec began, clock;
};

void cli_json_begin(hg_json *j, cli_run *run, const char *schema) {
    char name[64] = "hagane.";
    strncat(name, schema, sizeof name - 12);
    strcat(name, "/1");
    hg_json_begin_text(j, &run->out, 0);
    hg_json_begin_object(j, NULL);
    hg_json_string(j, "schema", name);
    hg_json_string(j, "version", hg_version());
}

hg_status cli_json_end(cli_run *run, hg_json *j, hg_err *err) {
    (void)run;
    hg_json_end_object(j);
    return hg_json_end(j, err);
}

/* ---- before the work ---------------------------------------------------------------------------------------------------- */

/* The file itself, whatever its name: links and "./" lead to the same one. A device may well be read and written. */
static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A table is the work of months: no result takes its place, under whatever name. */
hg_status cli_spare(const char *input, const char *output, hg_err *err) {
    if (strcmp(input, "-") == 0 || !same_file(input, output)) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "%s would be replaced, and it is an input of this run", output),
                     "give the result another name");
}

static hg_status check_folder(const char *path, hg_err *err) {
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path) return HG_OK;
    hg_text folder = hg_text_new(0);
    struct stat info;
    hg_text_put(&folder, path, (size_t)(slash - path));
    const bool missing = !folder.failed && stat(folder.s, &info) != 0 && errno == ENOENT;
    hg_status st = HG_OK;
    if (missing)
        st = hg_advise(err, hg_fail(err, HG_EIO, "%s: there is no folder %s", path, folder.s), "mkdir -p makes it");
    hg_text_free(&folder);
    return st;
}

hg_status cli_check_outputs(const cli_args *a, hg_err *err) {
    for (size_t i = 0; i < a->n_given; i++) {
        const cli_given *out = &a->given[i];
        if (out->option->type != CLI_OUTPUT || strcmp(out->value, "-") == 0) continue;
        for (size_t k = 0; k < a->n_positional && a->verb->positional[k].name; k++)
            if (a->verb->positional[k].type == CLI_INPUT) HG_TRY(cli_spare(a->positional[k], out->value, err));
        for (size_t k = 0; k < a->n_given; k++)
            if (a->given[k].option->type == CLI_INPUT) HG_TRY(cli_spare(a->given[k].value, out->value, err));
        HG_TRY(check_folder(out->value, err));
    }
    return HG_OK;
}

/* ---- files of a run ---------------------------------------------------------------------------------------------------- */

static hg_status add_file(file *list, size_t *n, file f, hg_err *err) {
    if (*n == MAX_FILES) return hg_fail(err, HG_ELIMIT, "a run handles %d files at most", MAX_FILES);
    list[(*n)++] = f;
    return HG_OK;
}

hg_status cli_input(cli_run *run, const char *path, const char *bytes, size_t n, hg_err *err) {
    file f = { .path = path, .n = n };
    if (bytes)
        HG_TRY(hg_hash_memory(f.hash, bytes, n, err));
    else
        HG_TRY(hg_hash_file(f.hash, path, err));
    return add_file(run->record->input, &run->record->n_inputs, f, err);
}

static hg_status check_path(const cli_record *r, const char *path, hg_err *err) {
    for (size_t i = 0; i < r->n_outputs; i++)
        if (strcmp(r->output[i].path, path) == 0)
            return hg_fail(err, HG_EINVAL, "two results cannot both be written to %s", path);
    return HG_OK;
}

hg_status cli_result(cli_run *run, const char *path, const char *bytes, size_t n, hg_err *err) {
    if (strcmp(path, "-") == 0) {
        hg_text_put(&run->out, bytes, n);
        return HG_OK;
    }
    HG_TRY(check_path(run->record, path, err));
    char *copy = hg_alloc(run->arena, n, 1);
    if (!copy) return hg_fail(err, HG_ENOMEM, "no memory for %s", path);
    memcpy(copy, bytes, n);
    file f = { .path = path, .bytes = copy, .n = n };
    HG_TRY(hg_hash_memory(f.hash, bytes, n, err));
    return add_file(run->record->output, &run->record->n_outputs, f, err);
}

hg_status cli_stream_open(hg_output **out, cli_run *run, const char *path, hg_err *err) {
    cli_record *r = run->record;
    HG_TRY(check_path(r, path, err));
    HG_TRY(add_file(r->output, &r->n_outputs, (file) { .path = path }, err));
    file *f = &r->output[r->n_outputs - 1];
    HG_TRY(hg_output_new(&f->open, path, NULL, err));
    *out = f->open;
    return hg_output_hash(f->open, err);
}

hg_status cli_stream_close(cli_run *run, hg_output *stream, hg_err *err) {
    for (size_t i = 0; i < run->record->n_outputs; i++)
        if (run->record->output[i].open == stream) return hg_output_hash_hex(run->record->output[i].hash, stream, err);
    return HG_OK;
}

hg_status cli_record_new(cli_record **out, const cli_run *run, char **word, size_t n, hg_err *err) {
    cli_record *r = *out = hg_alloc(run->arena, 1, sizeof *r);
    if (!r) return hg_fail(err, HG_ENOMEM, "no memory for the run record");
    r->word = word;
    r->n_words = n;
    clock_gettime(CLOCK_REALTIME, &r->began);
    clock_gettime(CLOCK_MONOTONIC, &r->clock);
    return HG_OK;
}

/* ---- the record -------------------------------------------------------------------------------------------------------- */

static void json_files(hg_json *j, const char *key, const file *list, size_t n) {
    hg_json_begin_array(j, key);
    for (size_t i = 0; i < n; i++) {
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "path", list[i].path);
        hg_json_string(j, "sha256", list[i].hash);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

static void json_options(hg_json *j, const cli_args *a) {
    hg_json_begin_array(j, "options"); /* a list, for the order of --maximize and --minimize means something */
    for (size_t i = 0; i < a->n_given; i++) {
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "name", a->given[i].option->name);
        if (a->given[i].value)
            hg_json_string(j, "value", a->given[i].value);
        else
            hg_json_bool(j, "value", true);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

static double seconds(struct timespec t) { return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec; }

static void json_costs(hg_json *j, const cli_record *r) {
    struct timespec end, cpu;
    struct tm utc;
    char began[32] = "";
    clock_gettime(CLOCK_MONOTONIC, &end);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    if (gmtime_r(&r->began.tv_sec, &utc)) strftime(began, sizeof began, "%Y-%m-%dT%H:%M:%SZ", &utc);
    hg_json_string(j, "began", began);
    hg_json_number(j, "wall_s", seconds(end) - seconds(r->clock));
    hg_json_number(j, "cpu_s", seconds(cpu));
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) hg_json_number(j, "peak_mb", (double)usage.ru_maxrss / 1024);
}

static hg_status write_record(hg_text *t, const cli_run *run, hg_err *err) {
    const cli_record *r = run->record;
    hg_json j;
    hg_json_begin_text(&j, t, 2);
    hg_json_begin_object(&j, NULL);
    hg_json_string(&j, "schema", "hagane.run/1");
    hg_json_string(&j, "version", hg_version());
    hg_json_string(&j, "verb", run->args.verb->name);
    hg_json_begin_array(&j, "words");
    for (size_t i = 0; i < r->n_words; i++) hg_json_string(&j, NULL, r->word[i]);
    hg_json_end_array(&j);
    json_options(&j, &run->args);
    hg_json_number(&j, "seed", (double)run->seed);
    hg_json_number(&j, "threads", (double)hg_pool_threads(run->pool));
    hg_json_string(&j, "blas", hg_linalg_config());
    json_files(&j, "inputs", r->input, r->n_inputs);
    json_files(&j, "outputs", r->output, r->n_outputs);
    json_costs(&j, r);
    hg_json_end_object(&j);
    return hg_json_end(&j, err);
}

/* Hands over the record itself, when one is asked for or a result file gives it a name. */
static hg_status add_record(cli_run *run, hg_err *err) {
    const char *path = cli_computes(run->args.verb) ? cli_value(&run->args, "record") : NULL;
    if (!path && run->record->n_outputs == 0) return HG_OK;
    hg_text name = hg_text_new(0), text = hg_text_new(0);
    if (!path) hg_text_add(&name, "%s.run.json", run->record->output[0].path);
    hg_status st = write_record(&text, run, err);
    if (!path) path = hg_arena_strdup(run->arena, name.s);
    if (st == HG_OK && (!path || name.failed)) st = hg_fail(err, HG_ENOMEM, "no memory for the run record");
    if (st == HG_OK) st = cli_result(run, path, text.s, text.len, err);
    hg_text_free(&name);
    hg_text_free(&text);
    return st;
}

/* Once more: a record takes its name from the result. */
static hg_status spare_inputs(const cli_record *r, hg_err *err) {
    for (size_t i = 0; i < r->n_outputs; i++)
        for (size_t k = 0; k < r->n_inputs; k++) HG_TRY(cli_spare(r->input[k].path, r->output[i].path, err));
    return HG_OK;
}

hg_status cli_commit(cli_run *run, hg_err *err) {
    cli_record *r = run->record;
    HG_TRY(add_record(run, err));
    HG_TRY(spare_inputs(r, err));
    for (size_t i = 0; i < r->n_outputs; i++) {
        file *f = &r->output[i];
        if (!f->open) { /* not streamed */
            HG_TRY(hg_output_new(&f->open, f->path, NULL, err));
            HG_TRY(hg_output_write(f->open, f->bytes, f->n, err));
        }
        HG_TRY(hg_output_settle(f->open, err));
    }
    for (size_t i = 0; i < r->n_outputs; i++) HG_TRY(hg_output_commit(r->output[i].open, err));
    return HG_OK;
}

void cli_results_free(cli_run *run) {
    if (!run->record) return;
    for (size_t i = 0; i < run->record->n_outputs; i++) hg_output_free(run->record->output[i].open);
}
