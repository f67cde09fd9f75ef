/* files/input.c -- see files/input.h. A plain file is read straight into the caller's buffer. */
#include "files/input.h"
#include "core/memory.h"
#include "files/codec.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t RATIO_FROM = (uint64_t)64 << 20; /* small outputs may have any ratio */
static const size_t LARGEST_READ = (size_t)1 << 30, FIRST_PIECE = 1 << 16;

struct hg_input {
    hg_arena *mem; /* owns this struct, the name and the chunk */
    const char *name;
    hg_input_opts o;
    int fd; /* -1: memory */
    bool close_fd, ended;
    const unsigned char *memory; /* not yet fetched */
    size_t memory_left;
    uint64_t fetched, total, delivered;
    unsigned char *chunk, *next; /* [o.chunk]; bytes fetched and not yet used */
    size_t left;
    const hg_codec *codec;
    void *state;
    bool complete;        /* the codec saw its end */
    unsigned char *again; /* [HG_INPUT_PEEK] delivered once by a peek; NULL: none */
    size_t again_at, again_n;
};

hg_input_opts hg_input_opts_default(void) {
    return (hg_input_opts) {
        .max_bytes = (uint64_t)16 << 30, .max_ratio = 2000, .max_memory = (uint64_t)256 << 20, .chunk = (size_t)64 << 10
    };
}

static hg_status system_error(const hg_input *in, const char *what, hg_err *err) {
    char text[128];
    return hg_fail(err, HG_EIO, "%s: could not be %s: %s", in->name, what, strerror_r(errno, text, sizeof text));
}

/* ---- raw bytes ----------------------------------------------------------------------------------------------- */

/* Up to size bytes; *got = 0 only at the end. */
static hg_status fetch(size_t *got, hg_input *in, unsigned char *buf, size_t size, hg_err *err) {
    *got = 0;
    if (in->ended || size == 0) return HG_OK;
    if (in->fd < 0) {
        *got = in->memory_left < size ? in->memory_left : size;
        if (*got) memcpy(buf, in->memory, *got);
        in->memory += *got;
        in->memory_left -= *got;
    } else {
        ssize_t n;
        do n = read(in->fd, buf, size < LARGEST_READ ? size : LARGEST_READ);
        while (n < 0 && errno == EINTR);
        if (n < 0) return system_error(in, "read", err);
        *got = (size_t)n;
    }
    if (*got == 0) in->ended = true;
    in->fetched += *got;
    return HG_OK;
}

/* Keeps the chunk full until `want` bytes are there or the source ends. */
static hg_status top_up(hg_input *in, size_t want, hg_err *err) {
    if (in->left && in->next != in->chunk) memmove(in->chunk, in->next, in->left);
    in->next = in->chunk;
    while (in->left < want && !in->ended) {
        size_t got;
        HG_TRY(fetch(&got, in, in->chunk + in->left, in->o.chunk - in->left, err));
        in->left += got;
    }
    return HG_OK;
}

/* ---- decompression ------------------------------------------------------------------------------------------- */

static hg_status explain(const hg_input *in, hg_codec_result r, hg_err *err) {
    const char *format = in->codec->name;
    switch (r) {
    case HG_CODEC_CUT:
        hg_fail(err, HG_EPARSE, "%s: the %s data end too early", in->name, format);
        return hg_advise(err, HG_EPARSE, "the file was cut short, perhaps while it was copied: fetch it again");
    case HG_CODEC_MEMORY: return hg_fail(err, HG_ENOMEM, "%s: no memory to decompress %s", in->name, format);
    case HG_CODEC_LIMIT:
        hg_fail(err, HG_ELIMIT, "%s: needs more than %llu MiB to decompress", in->name,
                (unsigned long long)(in->o.max_memory >> 20));
        return hg_advise(err, HG_ELIMIT, "compress it again with a smaller window, or decompress it first");
    default:
        hg_fail(err, HG_EPARSE, "%s: the %s data are damaged", in->name, format);
        return hg_advise(err, HG_EPARSE, "fetch the file again, or look at it with the %s program", format);
    }
}

static hg_status decompress(size_t *got, hg_input *in, unsigned char *buf, size_t size, hg_err *err) {
    hg_codec_step io = { .out = buf, .room = size < LARGEST_READ ? size : LARGEST_READ };
    const size_t room = io.room;
    while (io.room == room && !in->complete) {
        if (in->left == 0) HG_TRY(top_up(in, 1, err));
        io.next = in->next;
        io.left = in->left;
        io.last = in->ended;
        const hg_codec_result r = in->codec->step(in->state, &io);
        in->next += in->left - io.left;
        in->left = io.left;
        if (r == HG_CODEC_END)
            in->complete = true;
        else if (r != HG_CODEC_MORE)
            return explain(in, r, err);
    }
    *got = room - io.room;
    return HG_OK;
}

static hg_status check_limits(const hg_input *in, hg_err *err) {
    if (in->delivered > in->o.max_bytes)
        return hg_advise(
            err,
            hg_fail(err, HG_ELIMIT, "%s: holds more than %llu bytes", in->name, (unsigned long long)in->o.max_bytes),
            "raise the limit if the file is to be trusted");
    if (in->codec && in->delivered > RATIO_FROM && in->delivered / in->o.max_ratio > in->fetched)
        return hg_advise(err,
                         hg_fail(err, HG_ELIMIT, "%s: grows more than %llu-fold when decompressed", in->name,
                                 (unsigned long long)in->o.max_ratio),
                         "no table of measurements does that; decompress it first if the file is to be trusted");
    return HG_OK;
}

hg_status hg_input_read(size_t *got, hg_input *in, void *buf, size_t size, hg_err *err) {
    unsigned char *at = buf;
    *got = in->again_n < size ? in->again_n : size;
    if (*got) memcpy(at, in->again + in->again_at, *got); /* counted and checked when they were peeked at */
    in->again_at += *got;
    in->again_n -= *got;
    while (*got < size) {
        size_t n = 0;
        if (in->codec) {
            HG_TRY(decompress(&n, in, at + *got, size - *got, err));
        } else if (in->left) { /* what was fetched to look at the first bytes */
            n = in->left < size - *got ? in->left : size - *got;
            memcpy(at + *got, in->next, n);
            in->next += n;
            in->left -= n;
        } else {
            HG_TRY(fetch(&n, in, at + *got, size - *got, err));
        }
        if (n == 0) break;
        *got += n;
        in->delivered += n;
        HG_TRY(check_limits(in, err));
    }
    return HG_OK;
}

hg_status hg_input_peek(size_t *got, hg_input *in, void *buf, size_t size, hg_err *err) {
    *got = 0;
    if (in->again || in->delivered) return hg_fail(err, HG_EINVAL, "%s: peeked at too late", in->name);
    in->again = hg_alloc(in->mem, HG_INPUT_PEEK, 1);
    if (!in->again) return hg_fail(err, HG_ENOMEM, "no memory to read %s", in->name);
    HG_TRY(hg_input_read(got, in, in->again, size < HG_INPUT_PEEK ? size : HG_INPUT_PEEK, err));
    in->again_n = *got;
    if (*got) memcpy(buf, in->again, *got);
    return HG_OK;
}

static hg_status cut_short(const hg_input *in, size_t have, size_t n, const char *what, hg_err *err) {
    return hg_advise(err,
                     hg_fail(err, HG_EPARSE, "%s: ends after %zu of the %zu bytes of its %s", in->name, have, n, what),
                     "the file was cut short, or is of another format");
}

hg_status hg_input_take(unsigned char **out, hg_input *in, size_t n, const char *what, hg_err *err) {
    const bool vouched = !in->codec && in->total >= n;
    size_t cap = vouched || n < FIRST_PIECE ? n : FIRST_PIECE, have = 0;
    unsigned char *buf = hg_aligned(cap + 1);
    *out = NULL;
    for (;;) {
        size_t got = 0;
        if (!buf) return hg_fail(err, HG_ENOMEM, "%s: no memory for %zu bytes", in->name, n);
        const hg_status st = hg_input_read(&got, in, buf + have, cap - have, err);
        have += got;
        if (st != HG_OK || have < cap) {
            hg_free(buf);
            return st != HG_OK ? st : cut_short(in, have, n, what, err);
        }
        if (have == n) break;
        cap = cap < n / 2 ? 2 * cap : n;
        unsigned char *more = hg_aligned(cap + 1);
        if (more) memcpy(more, buf, have);
        hg_free(buf);
        buf = more;
    }
    buf[n] = '\0';
    *out = buf;
    return HG_OK;
}

/* ---- opening and closing ------------------------------------------------------------------------------------- */

/* The chunk must hold the magic bytes whatever the caller's wish; they are looked at before anything is delivered. */
static hg_status begin(hg_input *in, hg_err *err) {
    HG_TRY(top_up(in, HG_CODEC_MAGIC, err));
    in->codec = hg_codec_of(in->next, in->left);
    if (!in->codec) return HG_OK;
    in->state = in->codec->begin(in->o.max_memory);
    return in->state ? HG_OK : explain(in, HG_CODEC_MEMORY, err);
}

static hg_status make(hg_input **out, const char *name, const hg_input_opts *opts, hg_err *err) {
    hg_input_opts o = opts ? *opts : hg_input_opts_default();
    if (o.max_bytes == 0 || o.max_ratio == 0 || o.chunk == 0)
        return hg_fail(err, HG_EINVAL, "input: max_bytes, max_ratio and chunk must be above 0");
    if (o.chunk < HG_CODEC_MAGIC) o.chunk = HG_CODEC_MAGIC;
    if (o.chunk > LARGEST_READ) o.chunk = LARGEST_READ;
    hg_arena *mem = hg_arena_new();
    hg_input *in = hg_alloc(mem, 1, sizeof *in);
    char *copy = hg_arena_strdup(mem, name);
    unsigned char *chunk = hg_alloc(mem, o.chunk, 1);
    if (!in || !copy || !chunk) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "no memory to read %s", name);
    }
    *in = (hg_input) { .mem = mem, .name = copy, .o = o, .fd = -1, .chunk = chunk, .next = chunk };
    *out = in;
    return HG_OK;
}

static hg_status open_path(hg_input *in, const char *path, hg_err *err) {
    if (strcmp(path, "-") == 0) {
        in->fd = STDIN_FILENO;
        return HG_OK;
    }
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) return system_error(in, "opened", err);
    in->close_fd = true;
    struct stat st;
    if (fstat(in->fd, &st) != 0) return system_error(in, "read", err);
    if (S_ISDIR(st.st_mode)) return hg_fail(err, HG_EIO, "%s: is a folder, expected a file", path);
    if (S_ISREG(st.st_mode) && st.st_size > 0) in->total = (uint64_t)st.st_size;
    return HG_OK;
}

hg_status hg_input_open(hg_input **out, const char *path, const hg_input_opts *opts, hg_err *err) {
    hg_input *in = NULL;
    *out = NULL;
    HG_TRY(make(&in, strcmp(path, "-") == 0 ? "standard input" : path, opts, err));
    hg_status st = open_path(in, path, err);
    if (st == HG_OK) st = begin(in, err);
    if (st != HG_OK) {
        hg_input_free(in);
        return st;
    }
    *out = in;
    return HG_OK;
}

hg_status hg_input_open_memory(hg_input **out, const char *name, const void *bytes, size_t n, const hg_input_opts *opts,
                               hg_err *err) {
    hg_input *in = NULL;
    *out = NULL;
    HG_TRY(make(&in, name, opts, err));
    in->memory = bytes;
    in->memory_left = n;
    in->total = n;
    const hg_status st = begin(in, err);
    if (st != HG_OK) {
        hg_input_free(in);
        return st;
    }
    *out = in;
    return HG_OK;
}

void hg_input_free(hg_input *in) {
    if (!in) return;
    if (in->state) in->codec->end(in->state);
    if (in->close_fd) close(in->fd);
    hg_arena_free(in->mem);
}

const char *hg_input_name(const hg_input *in) { return in->name; }
const char *hg_input_format(const hg_input *in) { return in->codec ? in->codec->name : ""; }
uint64_t hg_input_fetched(const hg_input *in) { return in->fetched; }
uint64_t hg_input_total(const hg_input *in) { return in->total; }
