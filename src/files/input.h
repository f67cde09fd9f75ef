/* files/input.h -- one source of bytes: a file, standard input ("-") or memory, decompressed when its first bytes say so
 *
 * gzip, xz and zstd are recognised by content, concatenated members too. What a hostile file could blow up is bounded:
 * the decompressed bytes, their ratio to the compressed ones, and the decoder's own memory.
 * Cost: one buffer of `chunk` bytes and the decoder's window; nothing is read ahead beyond them.
 */
#ifndef HG_FILES_INPUT_H
#define HG_FILES_INPUT_H
#include "hagane/core.h"

typedef struct hg_input hg_input;

typedef struct {
    uint64_t max_bytes;  /* decompressed bytes, > 0                                             default 16 GiB  */
    uint64_t max_ratio;  /* decompressed / compressed, asked once 64 MiB have come out; > 0     default 2000    */
    uint64_t max_memory; /* bytes a decoder may take for its window (at least 1 MiB)            default 256 MiB */
    size_t chunk;        /* bytes fetched at a time, > 0                                        default 64 KiB  */
} hg_input_opts;
hg_input_opts hg_input_opts_default(void);

/* Errors: HG_EIO with what the system said, HG_EINVAL, HG_ENOMEM. A folder is refused. */
HG_MUST_CHECK hg_status hg_input_open(hg_input **out, const char *path, const hg_input_opts *opts, hg_err *err);
/* Borrows bytes[n] until freed; `name` stands for the file in messages. */
HG_MUST_CHECK hg_status hg_input_open_memory(hg_input **out, const char *name, const void *bytes, size_t n,
                                             const hg_input_opts *opts, hg_err *err);
/* Fills buf[size]; *got < size only at the end. Errors: HG_EIO; HG_EPARSE cut short or damaged; HG_ELIMIT; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_input_read(size_t *got, hg_input *in, void *buf, size_t size, hg_err *err);
/* The same bytes as the next read would give, at most HG_INPUT_PEEK, which are read again afterwards. Before the first read only. */
enum { HG_INPUT_PEEK = 4096 };
HG_MUST_CHECK hg_status hg_input_peek(size_t *got, hg_input *in, void *buf, size_t size, hg_err *err);
/* n bytes, 64-byte aligned, with a NUL behind them: hg_free. A length that only the file itself vouches for is not allocated at once;
 * `what` is called cut short when there are fewer. */
HG_MUST_CHECK hg_status hg_input_take(unsigned char **out, hg_input *in, size_t n, const char *what, hg_err *err);
void hg_input_free(hg_input *in);

const char *hg_input_name(const hg_input *in);   /* the path or name, "standard input" for "-" */
const char *hg_input_format(const hg_input *in); /* "gzip", "xz", "zstd", or "" */
uint64_t hg_input_fetched(const hg_input *in);   /* bytes taken from the file so far, compressed ones */
uint64_t hg_input_total(const hg_input *in);     /* bytes in the file, 0 when unknown */
#endif
