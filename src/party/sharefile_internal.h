/* party/sharefile_internal.h -- the format of a share file, as its writer and its reader both need it
 *
 *   8         "HGSHARE1"
 *   4         bytes that follow up to the end of the header
 *   ...       project, owner (u32 length, bytes), policy digest (32), server (1), tier (1), kind (1), epoch (4), created (8),
 *             sequence (8), sealed key (80), header of the encrypted stream (24)
 *   frames    u32 length, ciphertext; the first holds the salts of the two slots (64), the last (marked final) the number of
 *             rows (8), those between whole rows: index (4) on tier 1, then the words of the two slots
 *   4         length of the statement; the statement (party/statement.h); the signature (64)
 * Numbers are little-endian. The digest of header and frames stands in the statement.
 */
#ifndef HG_PARTY_SHAREFILE_INTERNAL_H
#define HG_PARTY_SHAREFILE_INTERNAL_H
#include "party/sharefile.h"
#include <sodium.h>

#define HG_SHARE_MAGIC "HGSHARE1"
enum {
    HG_SHARE_MAGIC_SIZE = 8,
    HG_SHARE_HEADER_MOST = 1024,
    HG_SHARE_STATEMENT_MOST = 4096,
    HG_SHARE_CHUNK = 64 << 10, /* plain bytes of a frame, at most */
    HG_SHARE_SALT = 32,
    HG_SHARE_KEY = crypto_secretstream_xchacha20poly1305_KEYBYTES,
    HG_SHARE_SEALED = HG_SHARE_KEY + crypto_box_SEALBYTES,
    HG_SHARE_STREAM = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    HG_SHARE_FRAME_EXTRA = crypto_secretstream_xchacha20poly1305_ABYTES
};
_Static_assert(HG_SHARE_MAGIC_SIZE + 4 + HG_SHARE_HEADER_MOST <= HG_SHARE_BEGIN_MOST, "the header");

static inline size_t hg_share_row_bytes(const hg_share_layout *l) { return (l->has_index ? 4 : 0) + 16 * l->words; }

/* SHA-256 as hg_digest has it, over pieces. */
void hg_share_hash_begin(crypto_hash_sha256_state *h, const char *what);
/* The commitment to one slot: its number and salt come first. */
void hg_share_slot_begin(crypto_hash_sha256_state *h, unsigned slot, const unsigned char salt[HG_SHARE_SALT]);
static inline void hg_share_word_bytes(unsigned char out[8], uint64_t w) {
    for (unsigned i = 0; i < 8; i++) out[i] = (unsigned char)(w >> 8 * i);
}
#endif
