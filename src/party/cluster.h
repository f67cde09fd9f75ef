/* party/cluster.h -- cluster.yaml: where the three servers are and how they are known
 *
 *   cluster: magnets
 *   authority: authority.pem          # certificate of the authority; a relative path starts at this file's folder
 *   servers:                          # three, in the order 0, 1, 2 of the protocol
 *     - name: server-a
 *       address: "127.0.0.1:7701"     # host:port, [::1]:7701, or host.example:7701
 *       signing_key: 5b0e...          # Ed25519, 64 hexadecimal digits: the pin
 *       sealing_key: 91c4...          # X25519
 *     - ...
 *
 * Everything in it is public. Every member gets it from the operators and keeps it: who can change it can name other servers.
 */
#ifndef HG_PARTY_CLUSTER_H
#define HG_PARTY_CLUSTER_H
#include "hagane/core.h"
#include "party/encode.h"

enum { HG_SERVERS = 3, HG_HOST_SIZE = 256, HG_ADDRESS_SIZE = HG_HOST_SIZE + 16, HG_PATH_SIZE = 1024 };

typedef struct {
    char name[HG_NAME_SIZE];
    char host[HG_HOST_SIZE]; /* a name or an address, no brackets */
    uint16_t port;
    unsigned char signing_key[HG_PUBLIC_KEY], sealing_key[HG_PUBLIC_KEY];
} hg_cluster_server;

typedef struct {
    char name[HG_NAME_SIZE];
    char authority[HG_PATH_SIZE]; /* path, ready to open */
    hg_cluster_server server[HG_SERVERS];
} hg_cluster;

/* Errors: HG_EIO, HG_EPARSE with line and column, HG_ELIMIT (1 MiB). Nothing is allocated that stays. */
HG_MUST_CHECK hg_status hg_cluster_read(hg_cluster *out, const char *path, hg_err *err);
/* `name` stands in error messages; a relative authority path starts at its folder. */
HG_MUST_CHECK hg_status hg_cluster_read_memory(hg_cluster *out, const char *name, const char *text, size_t n,
                                               hg_err *err);
/* Writes the file whole or not at all; the authority's path as it is in the struct. Checks it first (HG_EINVAL). */
HG_MUST_CHECK hg_status hg_cluster_write(const char *path, const hg_cluster *c, hg_err *err);
/* 0, 1, 2 or -1. */
int hg_cluster_party(const hg_cluster *c, const char *name);
int hg_cluster_party_of_key(const hg_cluster *c, const unsigned char signing_key[HG_PUBLIC_KEY]);
/* Names, order and both keys of the three (not addresses): what all three must agree on. */
HG_MUST_CHECK hg_status hg_cluster_digest(unsigned char digest[HG_DIGEST], const hg_cluster *c, hg_err *err);

/* "host:port" and "[v6]:port". HG_EINVAL. */
HG_MUST_CHECK hg_status hg_address_read(char host[HG_HOST_SIZE], uint16_t *port, const char *text, hg_err *err);
const char *hg_address_text(char buf[HG_ADDRESS_SIZE], const char *host, uint16_t port);
#endif
