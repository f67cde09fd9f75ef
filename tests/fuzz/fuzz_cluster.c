/* tests/fuzz/fuzz_cluster.c -- any bytes as a cluster file: refused with a place, or three servers that can be written and read back */
#include "party/cluster.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_cluster c;
    hg_err err = { 0 };
    char host[HG_HOST_SIZE], text[HG_ADDRESS_SIZE], again[HG_HOST_SIZE];
    uint16_t port, port_again;
    if (hg_cluster_read_memory(&c, "fuzz/cluster.yaml", (const char *)bytes, n, &err) != HG_OK) {
        if (!*err.msg) abort();
    } else {
        for (unsigned i = 0; i < HG_SERVERS; i++) {
            const hg_cluster_server *s = &c.server[i];
            hg_address_text(text, s->host, s->port);
            if (hg_address_read(again, &port_again, text, NULL) != HG_OK || strcmp(again, s->host) != 0) abort();
            if (hg_cluster_party(&c, s->name) != (int)i || hg_cluster_party_of_key(&c, s->signing_key) != (int)i)
                abort();
        }
    }
    char *copy = malloc(n + 1);
    if (!copy) return 0;
    if (n) memcpy(copy, bytes, n);
    copy[n] = '\0';
    if (hg_address_read(host, &port, copy, NULL) == HG_OK) {
        hg_address_text(text, host, port);
        if (hg_address_read(again, &port_again, text, NULL) != HG_OK || port != port_again || strcmp(host, again) != 0)
            abort();
    }
    free(copy);
    return 0;
}
