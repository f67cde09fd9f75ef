/* library/index.h -- what is in a library, searched: words, properties, figures of merit
 *
 *   hg_index *x;
 *   HG_TRY(hg_index_open(&x, "models", NULL, NULL, err));                     reads what is new since the last time
 *   hg_index_query q = { .property = "gap", .metric = "mae", .most = 0.4, .words = "perovskite" };
 *   HG_TRY(hg_index_search(&hit, &n, x, &q, mem, err));
 *
 * A library is a folder of models and packs (library/rack.h). Its index is a cache, in SQLite with FTS5: made from the
 * cards alone, brought up to date whenever it is opened, and thrown away and made again when it is damaged. A small
 * library has it in memory, a larger one in a hidden file that travels with it; where that cannot be written, in memory.
 */
#ifndef HG_LIBRARY_INDEX_H
#define HG_LIBRARY_INDEX_H
#include "library/card.h"

enum {
    HG_INDEX_KEPT_FROM = 200, /* models: from here on the index is kept in a file */
    HG_INDEX_HITS = 20,       /* found at most, when the query does not say */
    HG_INDEX_KIND = 64        /* bytes of a metric's short name, with its NUL */
};
#define HG_INDEX_FILE ".hagane-index-1.sqlite" /* in the library; the number is the schema's */

typedef struct hg_index hg_index;

/* Opens the index of a library, or of one pack, and brings it up to date. Errors: HG_ENOTFOUND no such folder or file; HG_EIO, HG_ENOMEM,
 * HG_ECANCEL. server: NULL, or a PostgreSQL that keeps the index instead, as libpq names it ("postgresql://host/name");
 * HG_ENOTFOUND in a build without libpq. Models and packs that cannot be read are no errors: see hg_index_trouble. */
HG_MUST_CHECK hg_status hg_index_open(hg_index **out, const char *library, const char *server, const hg_hooks *hooks,
                                      hg_err *err);
void hg_index_free(hg_index *x);
/* Again, when the library may have changed. */
HG_MUST_CHECK hg_status hg_index_refresh(hg_index *x, const hg_hooks *hooks, hg_err *err);
HG_MUST_CHECK hg_status hg_index_count(size_t *models, hg_index *x, hg_err *err);
/* What could not be read: sentences, in the arena. */
HG_MUST_CHECK hg_status hg_index_trouble(const char *const **sentence, size_t *n, hg_index *x, hg_arena *mem,
                                         hg_err *err);

/* All that is given must hold; NULL and 0: it does not matter. */
typedef struct {
    const char
        *words; /* each must stand in name, properties, architecture, descriptor or data source; "perov*" begins so */
    const char *property;     /* its symbol, or its whole name */
    const char *metric;       /* "mae", "mae.validation", or a metric's whole name; orders the result, the best first */
    double least, most;       /* of the metric; both 0: any */
    const char *architecture; /* "qdf2", or with its version "qdf2 1" */
    const char *elements;     /* "Fe O": all must be in the domain */
    size_t limit;             /* hits at most; 0: HG_INDEX_HITS */
} hg_index_query;

typedef struct {
    const char *name, *path; /* the model, and the folder or pack that holds it, below the library */
    const char *architecture, *descriptor, *licence;
    const char *properties; /* "energy, dipole" */
    const char *kind;       /* "mae.test" of the metric, with */
    double value;           /* its value, NaN: there is none, and */
    const char *unit;       /* its unit */
    uint64_t bytes;         /* of the model's files */
} hg_index_hit;

/* The hits in the arena; the best first: by the metric when there is one, by how well the words fit, by name.
 * Errors: HG_ENOTFOUND a property or metric that no model has, with the nearest; HG_EINVAL; HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_index_search(hg_index_hit **hit, size_t *n, hg_index *x, const hg_index_query *q,
                                        hg_arena *mem, hg_err *err);

/* The short name of a metric: "mean absolute error of test" is "mae.test"; what is not known stays what it is. *role: the
 * less, the more it tells of new cases: test, cross-validation, validation, not told, train. */
void hg_index_kind(char kind[HG_INDEX_KIND], int *role, const char *metric);
bool hg_index_more_is_better(const char *kind);
#endif
