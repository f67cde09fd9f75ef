/* files/snapshot_facts.h -- the JSON object that describes a snapshot in compact files: what readers of them need of it */
#ifndef HG_FILES_SNAPSHOT_FACTS_H
#define HG_FILES_SNAPSHOT_FACTS_H
#include "files/json_read.h"

enum { HG_FACTS_TIMES = 64 };

typedef struct {
    uint64_t n, n_a, runs, n_times, n_pairs; /* N, NA, R or ntraj, nt, npairs; 0: not said */
    uint64_t nodes, edges;                   /* nodes_offset, edges_offset */
    double box[3];                           /* L, or box; 0: not said */
    double temperature, scale;               /* T, NaN: not said; disp_scale, 0: not said */
    int64_t liquid;                          /* traj, -1: not said */
    double time[HG_FACTS_TIMES];
    size_t n_listed; /* times */
    bool kamd;       /* format is "kamd1" */
    char id[64], split[32];
} hg_snapshot_facts;

/* The object that comes next. Other keys are passed over. HG_EPARSE with the place; HG_ELIMIT too many times. */
HG_MUST_CHECK hg_status hg_snapshot_facts_read(hg_snapshot_facts *out, hg_json_reader *j, hg_err *err);
/* The same behind its opening brace. */
HG_MUST_CHECK hg_status hg_snapshot_facts_read_inside(hg_snapshot_facts *out, hg_json_reader *j, hg_err *err);
#endif
