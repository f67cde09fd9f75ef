/* core/arena.c -- see hagane/core.h. A list of blocks, each twice the last; a piece larger than that gets its own.
 * Under the address sanitizer a block holds one piece, so that the red zones lie around what the caller asked for. */
#include "core/memory.h"
#include "hagane/core.h"
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ONE_PIECE_A_BLOCK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_PIECE_A_BLOCK 1
#endif
#endif
#ifndef ONE_PIECE_A_BLOCK
#define ONE_PIECE_A_BLOCK 0
#endif

enum { ALIGN = 64, FIRST_BLOCK = 16 * 1024 };
static const size_t LARGEST_BLOCK = (size_t)4 << 20; /* doubling stops here */

typedef struct {
    char *data;
    size_t size, used;
} block;

struct hg_arena {
    block *blocks;
    size_t n, cap;
    bool secret;
};

hg_arena *hg_arena_new(void) { return hg_calloc(1, sizeof(hg_arena)); }

hg_arena *hg_arena_new_secret(void) {
    hg_arena *a = hg_arena_new();
    if (a) a->secret = true;
    return a;
}

static block *add_block(hg_arena *a, size_t bytes) {
    if (!hg_grow(&a->blocks, &a->cap, a->n + 1, sizeof *a->blocks)) return NULL;
    size_t size = bytes;
    if (!ONE_PIECE_A_BLOCK) {
        size_t next = a->n ? 2 * a->blocks[a->n - 1].size : FIRST_BLOCK;
        if (next > LARGEST_BLOCK) next = LARGEST_BLOCK;
        if (next > size) size = next;
    }
    char *data = hg_aligned(size);
    if (!data) return NULL;
    a->blocks[a->n] = (block) { .data = data, .size = size };
    return &a->blocks[a->n++];
}

void *hg_alloc(hg_arena *a, size_t n, size_t size) {
    if (!a || (size && n > SIZE_MAX / 4 / size)) return NULL;
    const size_t want = n * size;
    const size_t bytes = ONE_PIECE_A_BLOCK ? want : (want + ALIGN - 1) / ALIGN * ALIGN;
    block *b = a->n ? &a->blocks[a->n - 1] : NULL;
    if (!b || ONE_PIECE_A_BLOCK || b->size - b->used < bytes) b = add_block(a, bytes);
    if (!b) return NULL;
    void *p = b->data + b->used;
    b->used += bytes;
    memset(p, 0, want);
    return p;
}

char *hg_arena_strndup(hg_arena *a, const char *s, size_t len) {
    char *copy = hg_alloc(a, len + 1, 1);
    if (copy) memcpy(copy, s, len);
    return copy;
}

char *hg_arena_strdup(hg_arena *a, const char *s) { return hg_arena_strndup(a, s, strlen(s)); }

hg_mark hg_arena_mark(const hg_arena *a) {
    if (!a || a->n == 0) return (hg_mark) { 0, 0 };
    return (hg_mark) { .block = a->n, .used = a->blocks[a->n - 1].used };
}

void hg_arena_reset(hg_arena *a, hg_mark mark) {
    if (!a) return;
    for (; a->n > mark.block; a->n--) {
        block *b = &a->blocks[a->n - 1];
        if (a->secret) explicit_bzero(b->data, b->used);
        hg_free(b->data);
    }
    if (a->n && a->secret && a->blocks[a->n - 1].used > mark.used)
        explicit_bzero(a->blocks[a->n - 1].data + mark.used, a->blocks[a->n - 1].used - mark.used);
    if (a->n) a->blocks[a->n - 1].used = mark.used;
}

size_t hg_arena_bytes(const hg_arena *a) {
    size_t sum = 0;
    for (size_t i = 0; a && i < a->n; i++) sum += a->blocks[i].used;
    return sum;
}

void hg_arena_free(hg_arena *a) {
    if (!a) return;
    hg_arena_reset(a, (hg_mark) { 0, 0 });
    hg_free(a->blocks);
    hg_free(a);
}
