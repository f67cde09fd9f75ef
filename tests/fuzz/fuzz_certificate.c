/* tests/fuzz/fuzz_certificate.c -- any bytes as a certificate or a request: refused, or a name and roles that hold */
#include "party/identity.h"
#include <stdlib.h>
#include <string.h>

static void check(const hg_certificate *c) {
    char text[HG_ROLES_SIZE];
    unsigned roles;
    if (hg_name_check("name", c->name, NULL) != HG_OK) abort();
    if (hg_roles_read(&roles, hg_roles_text(text, c->roles), NULL) != HG_OK || roles != c->roles) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_certificate c;
    hg_err err = { 0 };
    if (hg_certificate_read(&c, bytes, n, &err) == HG_OK) check(&c);
    if (hg_request_read(&c, bytes, n, &err) == HG_OK) check(&c);
    return 0;
}
