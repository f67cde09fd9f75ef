/* files/csv_dialect.h -- which separator and decimal sign a text uses, told from its first bytes */
#ifndef HG_FILES_CSV_DIALECT_H
#define HG_FILES_CSV_DIALECT_H
#include "hagane/core.h"

typedef struct {
    char separator, decimal;
} hg_csv_dialect;

/* head[n] is the beginning of the text without its byte-order mark, `whole` when it is all of it. separator and decimal
 * may be given (0: detect). Separator: the one of , ; tab | that cuts every row into as many cells as the header, two at
 * least; where several do, the one that leaves most numbers, then most cells. Decimal: a comma when cells read as numbers
 * only with it and none only with a point; a comma-separated text never has decimal commas unless asked. */
hg_csv_dialect hg_csv_dialect_detect(const char *head, size_t n, bool whole, char separator, char decimal);

/* "','" or "a tab", for sentences. */
const char *hg_csv_separator_words(char separator, char buf[8]);
#endif
