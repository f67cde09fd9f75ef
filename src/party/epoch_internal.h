/* party/epoch_internal.h -- what epoch.c and epoch_shares.c share: the plan, and the refresh under way */
#ifndef HG_PARTY_EPOCH_INTERNAL_H
#define HG_PARTY_EPOCH_INTERNAL_H
#include "party/store_internal.h"

typedef struct {
    hg_stored set; /* epoch: the old one */
    const unsigned char *statement;
    size_t n;
} hg_planned;

typedef struct {
    char project[HG_NAME_SIZE];
    uint64_t epoch; /* the new one */
    unsigned lost;  /* HG_NOBODY: none */
    hg_planned *set;
    size_t n;
} hg_plan; /* memory: the arena given to hg_plan_read; statements lie in the bytes */
HG_MUST_CHECK hg_status hg_plan_read(hg_plan *out, const void *bytes, size_t n, hg_arena *mem, hg_err *err);

typedef struct { /* the line of the table refresh, with its plan */
    hg_refresh_state state;
    hg_plan plan;
    unsigned char digest[HG_DIGEST];
    unsigned prepared, committed; /* bit k: party k said so */
    hg_arena *mem;
} hg_under_way;
/* *found = false: none. Free in any case. Entered. */
HG_MUST_CHECK hg_status hg_under_way_read(hg_under_way *out, bool *found, hg_store *s, const char *project,
                                          hg_err *err);
HG_MUST_CHECK hg_status hg_under_way_need(hg_under_way *out, hg_store *s, const char *project,
                                          hg_err *err); /* HG_EREFUSED */
void hg_under_way_free(hg_under_way *u);
/* The k-th set as it is here; *gone: withdrawn since. */
HG_MUST_CHECK hg_status hg_planned_row(hg_row *row, bool *gone, hg_store *s, const hg_under_way *u, size_t k,
                                       hg_err *err);
void hg_seed_name(char name[HG_SECRET_NAME], const char *project);
#endif
