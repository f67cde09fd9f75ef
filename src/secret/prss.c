/* secret/prss.c -- see secret/prss.h. One cipher context a key: only the counter is set anew for each vector. */
#include "secret/prss.h"
#include "core/memory.h"
#include <openssl/evp.h>
#include <string.h>

struct hg_prss {
    EVP_CIPHER_CTX *key[HG_SLOTS];              /* NULL: not known */
    uint64_t draws[HG_PRSS_PURPOSES];           /* the next number */
    uint64_t least[HG_PRSS_PURPOSES][HG_SLOTS]; /* below it all was used: draws only go up */
};

static EVP_CIPHER_CTX *open_key(const unsigned char *key) {
    static const unsigned char zero[16] = { 0 };
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c && EVP_EncryptInit_ex(c, EVP_aes_128_ctr(), NULL, key, zero) == 1) return c;
    EVP_CIPHER_CTX_free(c);
    return NULL;
}

hg_status hg_prss_new(hg_prss **out, const unsigned char key[HG_SLOTS][HG_PRSS_KEY], const bool known[HG_SLOTS],
                      hg_err *err) {
    *out = NULL;
    hg_prss *p = hg_calloc(1, sizeof *p);
    bool good = p != NULL;
    for (unsigned j = 0; good && j < HG_SLOTS; j++)
        if (known[j]) good = (p->key[j] = open_key(key[j])) != NULL;
    if (!good) {
        hg_prss_free(p);
        return hg_fail(err, HG_ENOMEM, "no memory for the shared randomness of a run");
    }
    *out = p;
    return HG_OK;
}

void hg_prss_free(hg_prss *p) {
    if (!p) return;
    for (unsigned j = 0; j < HG_SLOTS; j++) EVP_CIPHER_CTX_free(p->key[j]); /* wipes the key schedule */
    hg_free(p);
}

uint64_t hg_prss_draw(hg_prss *p, hg_prss_purpose purpose) { return p->draws[purpose]++; }

bool hg_prss_known(const hg_prss *p, unsigned slot) { return p->key[slot] != NULL; }

hg_status hg_prss_fill(hg_prss *p, hg_prss_purpose purpose, uint64_t draw, unsigned slot, uint64_t *words, size_t n,
                       hg_err *err) {
    if (slot >= HG_SLOTS || !p->key[slot])
        return hg_fail(err, HG_EINVAL, "this server does not have slot key %u", slot);
    if (draw < p->least[purpose][slot] || draw >> 56) /* a block that is used twice would undo two masks */
        return hg_fail(err, HG_EINVAL, "draw %llu of shared randomness is not new", (unsigned long long)draw);
    p->least[purpose][slot] = draw + 1;
    unsigned char block[16] = { (unsigned char)purpose };
    for (unsigned i = 0; i < 7; i++) block[1 + i] = (unsigned char)(draw >> (48 - 8 * i));
    bool good = EVP_EncryptInit_ex(p->key[slot], NULL, NULL, NULL, block) == 1;
    unsigned char *bytes = (unsigned char *)words;
    memset(bytes, 0, n * sizeof *words);
    for (size_t left = n * sizeof *words; good && left;) {
        const int part = left < 1 << 30 ? (int)left : 1 << 30;
        int made = 0;
        good = EVP_EncryptUpdate(p->key[slot], bytes, &made, bytes, part) == 1 && made == part;
        bytes += part;
        left -= (size_t)part;
    }
    /* never leave zeros where a mask should be: the caller must stop */
    return good ? HG_OK : hg_fail(err, HG_ENOMEM, "AES-CTR of the shared randomness failed");
}
