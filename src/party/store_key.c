/* party/store_key.c -- see party/store.h: the master key as a file or as text */
#include "files/output.h"
#include "files/whole.h"
#include "party/store.h"
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MOST = 4096, DIGITS = 2 * HG_MASTER_KEY };

hg_status hg_master_key_parse(unsigned char key[HG_MASTER_KEY], const char *name, const char *text, size_t n,
                              hg_err *err) {
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' ')) n--;
    if (hg_hex_read(key, HG_MASTER_KEY, text, n)) return HG_OK;
    OPENSSL_cleanse(key, HG_MASTER_KEY);
    return hg_advise(err, hg_fail(err, HG_EPARSE, "%s: holds no master key", name),
                     "a master key is %d hexadecimal digits on one line", DIGITS);
}

hg_status hg_master_key_read(unsigned char key[HG_MASTER_KEY], const char *path, hg_err *err) {
    void *text;
    size_t n;
    HG_TRY(hg_whole_read(&text, &n, path, FILE_MOST, HG_WHOLE_SECRET, err));
    const hg_status st = hg_master_key_parse(key, path, text, n, err);
    hg_whole_free(text, n);
    return st;
}

hg_status hg_master_key_write(const char *path, const hg_world *w, hg_err *err) {
    unsigned char key[HG_MASTER_KEY];
    char line[DIGITS + 2];
    hg_output *o = NULL;
    if (access(path, F_OK) == 0)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: is there already", path),
                         "a store that was made with it cannot be opened without it; choose another name");
    HG_TRY(hg_world_random(w, key, sizeof key, err));
    hg_hex_write(line, key, sizeof key);
    line[DIGITS] = '\n';
    hg_status st = hg_output_new_private(&o, path, err);
    if (st == HG_OK) st = hg_output_write(o, line, DIGITS + 1, err);
    if (st == HG_OK) st = hg_output_commit(o, err);
    hg_output_free(o);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(line, sizeof line);
    return st;
}
