/* library/factory_internal.h -- what factory*.c share: a data set that was read, a property of it, and its networks */
#ifndef HG_LIBRARY_FACTORY_INTERNAL_H
#define HG_LIBRARY_FACTORY_INTERNAL_H
#include "learn/networks.h"
#include "library/factory.h"
#include "library/predictor_internal.h"

enum { HG_LEARN, HG_JUDGE, HG_TEST, HG_UNUSED }; /* parts of the rows */

typedef struct {
    const hg_recipe *recipe;
    const hg_recipe_set *set;
    const hg_factory_opts *o;
    hg_arena *mem;
    char path[2 * HG_RECIPE_PATH], sha256[HG_HASH_SIZE];
    hg_table *table;     /* of the rows that can be used */
    size_t left_out;     /* rows that cannot */
    const char **column; /* [n_columns] inputs, the formula first */
    size_t n_columns;
    uint8_t *part;      /* [rows] HG_LEARN .. HG_UNUSED */
    double repeated;    /* share of the test's rows whose composition is learned from */
    hg_intake *intake;  /* of the rows that are not the test's */
    hg_rows rows;       /* all */
    hg_scaling scaling; /* of the rows to learn from */
    float *x;           /* [rows,d] scaled */
} hg_stock;

/* The hash of the table alone, then the rest. */
HG_MUST_CHECK hg_status hg_stock_name(hg_stock *s, const hg_recipe *r, const hg_recipe_set *set,
                                      const hg_factory_opts *o, hg_err *err);
HG_MUST_CHECK hg_status hg_stock_open(hg_stock *s, hg_err *err);
void hg_stock_close(hg_stock *s); /* *s = { 0 } is fine */
hg_features_opts hg_stock_features(const hg_stock *s);
bool hg_stock_is_open(const hg_stock *s);

typedef struct {
    const hg_stock *stock;
    const hg_recipe_property *p;
    size_t column, classes;
    const char **class_name;
    double *y;                            /* [rows]; NaN: blank, or of no class that is known */
    size_t *row[HG_UNUSED], n[HG_UNUSED]; /* of learning, judging, test */
    bool logs;                            /* networks learn logarithms */
    double unit[2], least, most;          /* of what is learned: mean and standard deviation; of the values */
    float *target;                        /* [rows] (y - unit[0]) / unit[1], or of its logarithm, or the class */
    hg_domain domain;                     /* fitted when the first model is made; d 0: not yet */
} hg_order;

/* In the stock's arena, but for the domain. */
HG_MUST_CHECK hg_status hg_order_open(hg_order *out, const hg_stock *s, const hg_recipe_property *p, hg_err *err);
void hg_order_close(hg_order *w);

typedef struct {
    hg_mlp_shape shape;
    float *weights; /* in mem */
    double error;   /* of validation, in units of hg_order.unit, or the log loss */
    size_t number;
} hg_made_network;

/* Where network k of a property lies, and the hash of all that it depends on. */
HG_MUST_CHECK hg_status hg_piece_path(char path[HG_RECIPE_PATH * 2], const hg_stock *s, const hg_recipe_property *p,
                                      size_t k, hg_err *err);
HG_MUST_CHECK hg_status hg_piece_identity(char hex[HG_HASH_SIZE], const hg_stock *s, const hg_recipe_property *p,
                                          size_t k, hg_err *err);
/* *found: it is there. weights NULL: not wanted. HG_EREFUSED: of another recipe. */
HG_MUST_CHECK hg_status hg_piece_read(hg_made_network *out, bool *found, const hg_stock *s, const hg_recipe_property *p,
                                      size_t k, hg_arena *mem, hg_err *err);

/* library/factory_models.c. The model of networks net[n], or of a learner (n = 0), written to work/models/NAME. */
HG_MUST_CHECK hg_status hg_factory_assemble(hg_order *w, const hg_made_network *net, size_t n, const char *name,
                                            const char *recipe, hg_err *err);
HG_MUST_CHECK hg_status hg_factory_fit(const hg_order *w, const char *name, const char *recipe, hg_err *err);
/* "WORK/models/NAME". */
HG_MUST_CHECK hg_status hg_factory_folder(char path[HG_RECIPE_PATH * 2], const hg_factory_opts *o, const char *name,
                                          hg_err *err);
#endif
