/* search/result.c -- see search/result.h */
#include "search/result.h"
#include <string.h>

/* By the exact name, which hg_table_find would not insist on. */
static bool has(const hg_table *t, const char *before, const char *name) {
    const size_t len = strlen(before);
    for (size_t j = 0; j < hg_table_columns(t); j++) {
        const char *s = hg_table_column(t, j)->name;
        if (strncmp(s, before, len) == 0 && strcmp(s + len, name) == 0) return true;
    }
    return false;
}

bool hg_result_column(const hg_table *t, const char *name) {
    static const char *const PAIR[] = { HG_RESULT_MEAN, HG_RESULT_SD }, *const ALONE[] = {
        HG_RESULT_RANK, HG_RESULT_BETTER, HG_RESULT_ALLOWED, HG_RESULT_WHY
    };
    if (!has(t, "", HG_RESULT_RANK) || !has(t, "", HG_RESULT_BETTER)) return false;
    for (size_t k = 0; k < sizeof ALONE / sizeof *ALONE; k++)
        if (strcmp(name, ALONE[k]) == 0) return true;
    for (size_t k = 0; k < 2; k++) {
        const size_t len = strlen(PAIR[k]);
        if (strncmp(name, PAIR[k], len) == 0) return has(t, PAIR[!k], name + len);
    }
    return false;
}
