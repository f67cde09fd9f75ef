/* party/encode.h -- numbers and names as bytes, and back, for everything that is signed, sealed or sent
 *
 * Little-endian, fixed widths, names with a length in front: one value has one encoding, so that a signature over the bytes is a
 * signature over the values. The taker never reads past its end: the first short or wrong field sets `bad`, later fields
 * come out as zero, and one check at the end is enough.
 */
#ifndef HG_PARTY_ENCODE_H
#define HG_PARTY_ENCODE_H
#include "core/text.h"
#include "hagane/core.h"

/* ---- out: an hg_text grows ------------------------------------------------------------------------------------------- */

void hg_put_u8(hg_text *t, unsigned x);
void hg_put_u32(hg_text *t, uint32_t x);
void hg_put_u64(hg_text *t, uint64_t x);
void hg_put_i64(hg_text *t, int64_t x);
void hg_put_bytes(hg_text *t, const void *bytes, size_t n); /* without a length */
void hg_put_name(hg_text *t, const char *s);                /* u32 length, bytes */
void hg_put_words(hg_text *t, const uint64_t *w, size_t n); /* without a length */

/* ---- in -------------------------------------------------------------------------------------------------------------- */

typedef struct {
    const unsigned char *at;
    size_t left;
    bool bad;
} hg_taker;
hg_taker hg_taker_of(const void *bytes, size_t n);
unsigned hg_take_u8(hg_taker *t);
uint32_t hg_take_u32(hg_taker *t);
uint64_t hg_take_u64(hg_taker *t);
int64_t hg_take_i64(hg_taker *t);
void hg_take_bytes(hg_taker *t, void *bytes, size_t n);
void hg_take_name(hg_taker *t, char *s,
                  size_t size); /* NUL-terminated; a NUL inside, bad UTF-8 or size bytes and more are bad */
void hg_take_words(hg_taker *t, uint64_t *w, size_t n);
bool hg_take_end(const hg_taker *t); /* all read, nothing left, nothing bad */

/* ---- text ------------------------------------------------------------------------------------------------------------- */

void hg_hex_write(char *out, const void *bytes, size_t n);          /* 2 n + 1 characters, lower case */
bool hg_hex_read(void *bytes, size_t n, const char *s, size_t len); /* exactly 2 n digits, lower or upper case */

enum { HG_TIME_SIZE = 24 };
/* "2025-01-31T12:00:00Z" (UTC), years 1970 to 9999. */
void hg_time_write(char out[HG_TIME_SIZE], int64_t seconds);
/* That, or "2025-01-31" for its first second. false: neither. */
bool hg_time_read(int64_t *seconds, const char *s);

/* ---- digests and signatures ------------------------------------------------------------------------------------------- */

enum { HG_NAME_SIZE = 64 }; /* of a member, a project or a cluster, with its NUL */
enum { HG_DIGEST = 32, HG_PUBLIC_KEY = 32, HG_SECRET_KEY = 64, HG_SIGNATURE = 64 };

/* SHA-256 over "hagane <what>" NUL and the bytes: a digest of one kind of thing is never that of another. */
void hg_digest(unsigned char out[HG_DIGEST], const char *what, const void *bytes, size_t n);
/* Ed25519 over that digest (libsodium). secret: seed and public key, 64 bytes. */
void hg_sign(unsigned char signature[HG_SIGNATURE], const char *what, const void *bytes, size_t n,
             const unsigned char secret[HG_SECRET_KEY]);
bool hg_signed_by(const unsigned char key[HG_PUBLIC_KEY], const unsigned char signature[HG_SIGNATURE], const char *what,
                  const void *bytes, size_t n);
#endif
