/* party/sharefile.c -- what the writer and the reader of share files have in common; see party/sharefile.h */
#include "party/sharefile.h"
#include "party/sharefile_internal.h"
#include <string.h>

hg_status hg_share_layout_of(hg_share_layout *l, const hg_policy *p, hg_shares_kind kind, hg_err *err) {
    const size_t d = p->n_features;
    *l = (hg_share_layout) { .has_index = false };
    switch (p->tier) {
    case HG_TIER_PROPERTIES: *l = (hg_share_layout) { .has_index = true, .n_elements = 1 }; break;
    case HG_TIER_INDICES: *l = (hg_share_layout) { .n_elements = 1, .n_bits = p->n_pool }; break;
    case HG_TIER_COMPOSITIONS:
        if (kind == HG_SHARES_ROWS) *l = (hg_share_layout) { .n_elements = 1 + d, .n_bits = 1 };
        if (kind == HG_SHARES_MEASURED) *l = (hg_share_layout) { .n_elements = 1, .n_bits = p->most_entries };
        if (kind == HG_SHARES_CANDIDATES) *l = (hg_share_layout) { .n_elements = d };
        break;
    }
    l->words = HG_RING_LIMBS * l->n_elements + (l->n_bits + 63) / 64;
    if (l->words == 0 || (kind == HG_SHARES_CANDIDATES && p->tier != HG_TIER_COMPOSITIONS))
        return hg_fail(err, HG_EINVAL, "tier %d has no %s", (int)p->tier, hg_shares_words(kind));
    return HG_OK;
}

/* A frame a row, as no writer of ours makes them; a frame of salts and a last one come before and behind. */
uint64_t hg_share_file_most(const hg_share_layout *l, uint64_t rows) {
    const uint64_t frame = 4 + HG_SHARE_FRAME_EXTRA + hg_share_row_bytes(l) + 2 * HG_SHARE_SALT;
    return HG_SHARE_BEGIN_MOST + (rows + 2) * frame + 4 + HG_SHARE_STATEMENT_MOST + HG_SIGNATURE;
}

void hg_share_hash_begin(crypto_hash_sha256_state *h, const char *what) {
    crypto_hash_sha256_init(h);
    crypto_hash_sha256_update(h, (const unsigned char *)"hagane ", 7);
    crypto_hash_sha256_update(h, (const unsigned char *)what, strlen(what) + 1);
}

void hg_share_slot_begin(crypto_hash_sha256_state *h, unsigned slot, const unsigned char salt[HG_SHARE_SALT]) {
    const unsigned char number = (unsigned char)slot;
    hg_share_hash_begin(h, "slot");
    crypto_hash_sha256_update(h, &number, 1);
    crypto_hash_sha256_update(h, salt, HG_SHARE_SALT);
}
