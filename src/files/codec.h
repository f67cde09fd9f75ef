/* files/codec.h -- decompressors behind one small interface; the list is the table in codec.c */
#ifndef HG_FILES_CODEC_H
#define HG_FILES_CODEC_H
#include "hagane/core.h"

typedef struct {
    const unsigned char *next; /* input not yet taken */
    size_t left;
    bool last; /* nothing comes after these bytes */
    unsigned char *out;
    size_t room;
} hg_codec_step;

typedef enum {
    HG_CODEC_MORE,   /* went on; call again with more input or more room */
    HG_CODEC_END,    /* the stream is complete and its input is used up */
    HG_CODEC_CUT,    /* the input ended in the middle */
    HG_CODEC_BAD,    /* damaged, or not of this format after all */
    HG_CODEC_MEMORY, /* no memory */
    HG_CODEC_LIMIT,  /* would need more than max_memory */
} hg_codec_result;

typedef struct {
    const char *name; /* "gzip" */
    const char *magic;
    size_t magic_len;
    void *(*begin)(uint64_t max_memory); /* NULL: no memory */
    hg_codec_result (*step)(void *state, hg_codec_step *io);
    void (*end)(void *state);
} hg_codec;

enum { HG_CODEC_MAGIC = 6 };                                      /* bytes that tell all of them apart */
const hg_codec *hg_codec_of(const unsigned char *head, size_t n); /* NULL: not compressed */
#endif
