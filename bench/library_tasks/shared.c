/* bench/library_tasks/shared.c -- tables beside the source tree, and parts of them */
#include "core/memory.h"
#include "hagane/csv.h"
#include "library/predictor_internal.h"
#include "tasks.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

hg_table *shared_table(const char *path, const char *formula) {
    char whole[600];
    hg_csv_opts o = hg_csv_opts_default();
    hg_table *t;
    hg_err err;
    snprintf(whole, sizeof whole, "%s/../shared/data/%s", HG_SOURCE_DIR, path);
    if (access(whole, R_OK) != 0) {
        fprintf(stderr, "bench/library: NOT MEASURED: %s is not there\n", whole);
        return NULL;
    }
    o.text = &formula; /* "NaN" is sodium nitride */
    o.n_text = 1;
    must(hg_csv_read(&t, whole, &o, &err), &err);
    return t;
}

hg_table *rows_where(const hg_table *t, const char *column, const char *value, bool equal) {
    hg_err err;
    size_t j, n = 0, *index = hg_malloc(hg_table_rows(t), sizeof *index);
    hg_table *part;
    must(index ? HG_OK : hg_fail(&err, HG_ENOMEM, "no memory for rows"), &err);
    must(hg_table_find(&j, t, column, &err), &err);
    for (size_t i = 0; i < hg_table_rows(t); i++)
        if ((strcmp(hg_table_text(t, j, i), value) == 0) == equal) index[n++] = i;
    must(hg_table_pick(&part, t, index, n, &err), &err);
    hg_free(index);
    return part;
}
