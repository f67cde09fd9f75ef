/* library/teach.h -- from molecules with known properties to a folder with weights and a card
 *
 * The trainer of the architecture makes the model; here it is judged on the validation molecules, and written: both
 * files whole, under their names only when both are there.
 */
#ifndef HG_LIBRARY_TEACH_H
#define HG_LIBRARY_TEACH_H
#include "files/hash.h"
#include "library/quality.h"
#include "models/architecture.h"

typedef struct {
    hg_labelled of;
    const char *file; /* its path, of which the card keeps the name */
    char hash[HG_HASH_SIZE];
} hg_lesson;

typedef struct {
    const hg_architecture *architecture; /* with a trainer */
    const hg_lesson *train, *validation; /* validation->of.n may be 0 */
    hg_training how;
    const char *name;             /* of the model; NULL: the folder's */
    const char *property;         /* the first property's name; NULL: the architecture's */
    const char *source, *licence; /* of the data; NULL: not told */
} hg_lessons;

typedef struct {
    size_t n_properties; /* those that the weights hold, in the card's order */
    const hg_property *property[HG_PROPERTIES_MOST];
    hg_quality quality[HG_PROPERTIES_MOST]; /* on the validation molecules */
} hg_taught;

/* After an error the folder is as it was. Errors: those of the trainer, HG_ECANCEL too; HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_teach(hg_taught *out, const char *folder, const hg_lessons *lessons, hg_err *err);
#endif
