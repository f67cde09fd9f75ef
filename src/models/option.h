/* models/option.h -- a number that a person may choose when a model is trained */
#ifndef HG_MODELS_OPTION_H
#define HG_MODELS_OPTION_H
#include <stdbool.h>

typedef struct {
    const char *name, *unit; /* "prior", "kcal/mol"; unit "": none */
    double fallback, min, max;
    bool whole; /* only whole numbers */
    const char *help;
} hg_train_option;

#endif
