/* library/rack.h -- models kept together: a folder of models and packs, one pack, or one model's folder
 *
 * A model in a folder of its own is card.json, weights.safetensors and what else its trainer left there; the folder's name
 * is the model's. Names that begin with a dot are nobody's: half-written files, and the index. What cannot be opened is
 * told by hg_rack_trouble and hides nothing else.
 *
 * Everything that changes a rack does so for one model, or one pack, whole or not at all.
 */
#ifndef HG_LIBRARY_RACK_H
#define HG_LIBRARY_RACK_H
#include "library/folder.h"
#include "library/pack.h"

enum { HG_RACK_PATH = HG_FOLDER_PATH };

typedef struct {
    const char *name;
    const char *path;           /* of its folder, or of the pack */
    const hg_pack *pack;        /* NULL: a folder */
    const hg_pack_model *model; /* in the pack */
} hg_racked;

typedef struct hg_rack hg_rack;

/* A path that is not there is HG_ENOTFOUND. Other errors: HG_EIO; of a single pack those of hg_pack_open; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rack_open(hg_rack **out, const char *path, hg_err *err);
void hg_rack_free(hg_rack *s);

const char *hg_rack_path(const hg_rack *s);
size_t hg_rack_count(const hg_rack *s);
/* By name; of several that have one name the folder comes first, then packs by their names. NULL past the last. */
const hg_racked *hg_rack_at(const hg_rack *s, size_t i);
const hg_racked *hg_rack_find(const hg_rack *s, const char *name); /* the first of that name; NULL: none */
const hg_pack *hg_rack_pack(const hg_rack *s, size_t i);           /* the packs that opened; NULL past the last */
const char *hg_rack_trouble(const hg_rack *s, size_t i);           /* sentences; NULL past the last */
/* HG_ENOTFOUND with the nearest name, unless it is there. */
HG_MUST_CHECK hg_status hg_rack_need(const hg_racked **out, const hg_rack *s, const char *name, hg_err *err);
/* The same of several, the first of which that has the name is taken; n >= 1. */
HG_MUST_CHECK hg_status hg_racks_need(const hg_racked **out, const hg_rack *const *s, size_t n, const char *name,
                                      hg_err *err);

/* ---- one model -------------------------------------------------------------------------------------------------------- */

/* As hg_folder_card. */
HG_MUST_CHECK hg_status hg_racked_card(hg_card *card, const char **text, const hg_racked *m, hg_arena *mem,
                                       hg_err *err);
/* Names, sizes and hashes of its files; those in a folder are read for that. HG_EDATA: a folder holds another folder. */
HG_MUST_CHECK hg_status hg_racked_files(const hg_pack_file **file, size_t *n, const hg_racked *m, hg_arena *mem,
                                        hg_err *err);
/* All bytes are what they were, the card is one, and the weights are the card's. Errors: HG_EDATA, HG_EPARSE, HG_EIO ... */
HG_MUST_CHECK hg_status hg_racked_check(const hg_racked *m, hg_err *err);

/* ---- changes (rack_put.c) -------------------------------------------------------------------------------------------- */

typedef struct {
    bool replace;          /* models of the same name and other bytes; else they are HG_EREFUSED */
    const hg_hooks *hooks; /* NULL: silent */
} hg_rack_opts;

/* Copies models, which come by name as a rack has them, into a folder (which is made) or, when the path ends in .hgpack, a pack (made, or written anew with what
 * it holds already). *done: how many were copied; those that are there already, byte by byte, are not. Every byte is
 * checked on its way. Errors: HG_EREFUSED; HG_EDATA damaged, or two of one name among them; HG_EIO, HG_ECANCEL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rack_put(size_t *done, const char *path, const hg_racked *const *models, size_t n,
                                    const hg_rack_opts *o, hg_err *err);
/* Takes models of this rack away: their folders, or the pack is written anew without them. The rack has to be opened
 * again afterwards. HG_EDATA: a folder holds what no model has; HG_EIO, HG_ECANCEL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rack_remove(const hg_rack *s, const hg_racked *const *models, size_t n,
                                       const hg_rack_opts *o, hg_err *err);
#endif
