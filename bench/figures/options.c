/* bench/figures/options.c -- see bench/figures/options.h */
#include "options.h"
#include "core/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some programs take hours: what is not understood starts none. */
static void usage(const bench_option *option, size_t n, const char *program) {
    fprintf(stderr, "usage: %s", hg_path_name(program));
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, " [%s%s]", option[i].word, option[i].count ? " N" : option[i].text ? " NAME" : "");
    fprintf(stderr, "\n");
    exit(2);
}

static bool read_count(size_t *out, const char *word) {
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(word, &end, 10);
    *out = (size_t)value;
    return *word >= '0' && *word <= '9' && *end == '\0' && errno == 0;
}

void bench_options(const bench_option *option, size_t n, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        while (k < n && strcmp(argv[i], option[k].word) != 0) k++;
        if (k == n || (!option[k].set && i + 1 == argc)) usage(option, n, argv[0]);
        if (option[k].set)
            *option[k].set = true;
        else if (option[k].text)
            *option[k].text = argv[++i];
        else if (!read_count(option[k].count, argv[++i]))
            usage(option, n, argv[0]);
    }
}

static hg_status print_out(void *ctx, const char *bytes, size_t n, hg_err *err) {
    return fwrite(bytes, 1, n, ctx) == n ? HG_OK : hg_fail(err, HG_EIO, "standard output");
}

void bench_json_begin(hg_json *j, const char *name) {
    hg_json_begin(j, print_out, stdout, 0);
    hg_json_begin_object(j, NULL);
    hg_json_string(j, "bench", name);
    hg_json_count(j, "schema", 1);
}
