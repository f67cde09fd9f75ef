/* tests/fuzz/fuzz_pack.c -- any bytes as a pack of models, as they are and with their hashes put right
 *
 * Without the second run no changed byte would ever come past the SHA-256 of the head.
 */
#include "library/pack.h"
#include "library/pack_format.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { LARGEST = 1 << 20 };

static void check(bool ok) {
    if (!ok) abort();
}

static void read_model(const hg_pack *p, const hg_pack_model *m) {
    hg_err err = { 0 };
    check(hg_pack_check_name(m->name, NULL) == HG_OK && hg_pack_find(p, m->name) == m && m->n_files > 0);
    for (size_t i = 0; i < m->n_files; i++) {
        const hg_status st = hg_pack_each(p, m, &m->file[i], NULL, NULL, &err);
        check(hg_pack_check_file(m->file[i].name, NULL) == HG_OK && hg_pack_file_of(m, m->file[i].name) == &m->file[i]);
        check(m->file[i].offset % PACK_ALIGN == 0 && (st == HG_OK || (st == HG_EDATA && err.msg[0])));
    }
}

static void open_pack(const uint8_t *bytes, size_t n) {
    hg_pack *p;
    hg_err err = { 0 };
    const hg_status st = hg_pack_open_memory(&p, "fuzz", bytes, n, &err);
    check((st == HG_OK) == (p != NULL) && (st == HG_OK || err.msg[0]));
    if (st != HG_OK) return;
    for (size_t i = 0; i < hg_pack_models(p); i++) read_model(p, hg_pack_model_at(p, i));
    hg_pack_free(p);
}

static void put_hashes_right(uint8_t *bytes, size_t n) {
    char hash[HG_HASH_SIZE];
    const uint64_t index = pack_get(bytes + PACK_AT_INDEX, 8);
    memcpy(bytes, PACK_MAGIC, 8);
    pack_put(bytes + PACK_AT_VERSION, 4, HG_PACK_VERSION);
    if (index > n - PACK_HEAD) return;
    check(hg_hash_memory(hash, bytes + PACK_HEAD, (size_t)index, NULL) == HG_OK);
    memcpy(bytes + PACK_AT_INDEX_HASH, hash, PACK_HEX);
    check(hg_hash_memory(hash, bytes, PACK_AT_HASH, NULL) == HG_OK);
    memcpy(bytes + PACK_AT_HASH, hash, PACK_HEX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    open_pack(bytes, n);
    uint8_t *copy = n >= PACK_HEAD && n <= LARGEST ? malloc(n) : NULL;
    if (!copy) return 0;
    memcpy(copy, bytes, n);
    put_hashes_right(copy, n);
    open_pack(copy, n);
    free(copy);
    return 0;
}
