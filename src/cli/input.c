/* cli/input.c -- see cli/input.h */
#include "cli/input.h"
#include "cli/output.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_is_stream(const char *path) {
    struct stat st;
    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

static hg_status read_all(hg_text *t, int fd, const char *name, hg_err *err) {
    char block[65536];
    for (;;) {
        const ssize_t n = read(fd, block, sizeof block);
        if (n > 0) hg_text_put(t, block, (size_t)n);
        if (n == 0 || t->failed) break;
        if (n < 0 && cli_interrupted()) return HG_ECANCEL;
        if (n < 0 && errno != EINTR) return hg_fail(err, HG_EIO, "%s: %s", name, strerror(errno));
    }
    return t->failed ? hg_fail(err, HG_ELIMIT, "%s is too long; write it to a file first", name) : HG_OK;
}

hg_status cli_stream_read(hg_text *t, cli_run *run, const char *path, hg_err *err) {
    const bool standard = strcmp(path, "-") == 0;
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && cli_interrupted()) return HG_ECANCEL;
    if (fd < 0) return hg_fail(err, HG_EIO, "%s: could not be opened: %s", path, strerror(errno));
    hg_status st = read_all(t, fd, cli_stream_name(path), err);
    if (!standard) close(fd);
    return st == HG_OK ? cli_input(run, path, t->s, t->len, err) : st;
}

const char *cli_stream_name(const char *path) { return strcmp(path, "-") == 0 ? "standard input" : path; }

static hg_status missing_words(hg_csv_opts *o, cli_run *run, hg_err *err) {
    const size_t n = cli_given_times(&run->args, "missing");
    if (n == 0) return HG_OK; /* the usual words */
    const char **words = hg_alloc(run->arena, n, sizeof *words);
    if (!words) return hg_fail(err, HG_ENOMEM, "no memory for the options");
    for (size_t i = 0; i < n; i++) words[i] = cli_value_at(&run->args, "missing", i);
    o->missing = words;
    o->n_missing = n;
    return HG_OK;
}

hg_status cli_table_read(hg_table **out, cli_run *run, const char *path, hg_err *err) {
    return cli_table_read_words(out, run, path, NULL, 0, err);
}

hg_status cli_table_read_words(hg_table **out, cli_run *run, const char *path, const char *const *word, size_t n,
                               hg_err *err) {
    hg_csv_opts o = hg_csv_opts_default();
    *out = NULL;
    HG_TRY(missing_words(&o, run, err));
    const char *formula = cli_value(&run->args, "formula");
    const char **text = hg_alloc(run->arena, n + 1, sizeof *text);
    if (!text) return hg_fail(err, HG_ENOMEM, "no memory for the options");
    for (size_t i = 0; i < n; i++) text[o.n_text++] = word[i];
    if (formula) text[o.n_text++] = formula;
    o.text = text;
    return cli_table_read_as(out, run, path, &o, err);
}

hg_status cli_table_read_as(hg_table **out, cli_run *run, const char *path, const hg_csv_opts *opts, hg_err *err) {
    hg_csv_opts o = *opts;
    o.hooks = &run->hooks;
    *out = NULL;
    if (!cli_is_stream(path)) {
        HG_TRY(hg_csv_read(out, path, &o, err));
        return cli_input(run, path, NULL, 0, err);
    }
    hg_text t = hg_text_new((size_t)1 << 34);
    hg_status st = cli_stream_read(&t, run, path, err);
    if (st == HG_OK) st = hg_csv_read_memory(out, cli_stream_name(path), t.s, t.len, &o, err);
    hg_text_free(&t);
    return st;
}

bool cli_is_table(const char *path) {
    static const char *const ENDING[] = { ".csv", ".tsv", ".tab" }, *const PACKED[] = { "", ".gz", ".xz", ".zst" };
    const size_t len = strlen(path);
    for (size_t i = 0; i < sizeof ENDING / sizeof *ENDING; i++)
        for (size_t k = 0; k < sizeof PACKED / sizeof *PACKED; k++) {
            const size_t e = strlen(ENDING[i]), p = strlen(PACKED[k]);
            if (len > e + p && strncmp(path + len - e - p, ENDING[i], e) == 0 && strcmp(path + len - p, PACKED[k]) == 0)
                return true;
        }
    return false;
}
