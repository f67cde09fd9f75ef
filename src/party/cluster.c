/* party/cluster.c -- see party/cluster.h */
#include "party/cluster.h"
#include "core/text.h"
#include "files/output.h"
#include "files/whole.h"
#include "files/yaml.h"
#include "party/identity.h"
#include <stdio.h>
#include <string.h>

enum { MAX_BYTES = 1 << 20, HEX = 2 * HG_PUBLIC_KEY };

static const char *const KEYS[] = { "cluster", "authority", "servers" };
enum { CLUSTER, AUTHORITY, SERVERS, N_KEYS };
static const char *const SERVER_KEYS[] = { "name", "address", "signing_key", "sealing_key" };
enum { NAME, ADDRESS, SIGNING_KEY, SEALING_KEY, N_SERVER_KEYS };

/* ---- addresses --------------------------------------------------------------------------------------------------------- */

static bool read_port(uint16_t *port, const char *s) {
    unsigned long x = 0;
    const size_t n = strlen(s);
    if (n < 1 || n > 5) return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        x = 10 * x + (unsigned long)(s[i] - '0');
    }
    *port = (uint16_t)x;
    return x >= 1 && x <= 65535;
}

static bool host_letter(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
}

/* In brackets: the letters of an IPv6 address, with a zone; it has a colon, by which hg_address_text knows it again. */
static bool host_ok(const char *host, size_t n, bool brackets) {
    if (n < 1 || n >= HG_HOST_SIZE || *host == '-' || brackets != (memchr(host, ':', n) != NULL)) return false;
    for (size_t i = 0; i < n; i++)
        if (!host_letter(host[i]) && !(brackets && (host[i] == ':' || host[i] == '%'))) return false;
    return true;
}

hg_status hg_address_read(char host[HG_HOST_SIZE], uint16_t *port, const char *text, hg_err *err) {
    const bool brackets = *text == '[';
    const char *begin = text + brackets, *end = strchr(begin, brackets ? ']' : ':');
    const char *colon = end && brackets ? end + 1 : end;
    *host = '\0';
    if (!end || *colon != ':' || !host_ok(begin, (size_t)(end - begin), brackets) || !read_port(port, colon + 1))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "the address is \"%.80s\"", text),
                         "host:port or [IPv6 address]:port, the port from 1 to 65535");
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    return HG_OK;
}

const char *hg_address_text(char buf[HG_ADDRESS_SIZE], const char *host, uint16_t port) {
    const bool brackets = strchr(host, ':') != NULL;
    snprintf(buf, HG_ADDRESS_SIZE, "%s%.255s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "", (unsigned)port);
    return buf;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

/* The sentence of a check that knows no place, with its place in front. */
static hg_status placed(hg_yaml *y, const yaml_node_t *n, hg_status st, const hg_err *inner) {
    if (st == HG_OK) return st;
    return hg_advise(y->err, hg_yaml_fail(y, n, "%s", inner->msg), "%s", inner->hint);
}

static hg_status read_name(char name[HG_NAME_SIZE], hg_yaml *y, const yaml_node_t *n, const char *what) {
    hg_err inner = { 0 };
    char text[256];
    HG_TRY(hg_yaml_text(text, sizeof text, y, n, what));
    HG_TRY(placed(y, n, hg_name_check(what, text, &inner), &inner));
    snprintf(name, HG_NAME_SIZE, "%.63s", text);
    return HG_OK;
}

static hg_status read_key(unsigned char key[HG_PUBLIC_KEY], hg_yaml *y, const yaml_node_t *n, const char *what) {
    char text[HEX + 2];
    HG_TRY(hg_yaml_text(text, sizeof text, y, n, what));
    if (hg_hex_read(key, HG_PUBLIC_KEY, text, strlen(text))) return HG_OK;
    return hg_yaml_fail(y, n, "%s is \"%.40s\", expected %d hexadecimal digits", what, text, HEX);
}

static hg_status need(hg_yaml *y, const yaml_node_t *at, const yaml_node_t *const given[], const char *const keys[],
                      size_t n_keys, const char *what) {
    for (size_t k = 0; k < n_keys; k++)
        if (!given[k]) return hg_yaml_fail(y, at, "%s: \"%s\" is missing", what, keys[k]);
    return HG_OK;
}

static hg_status read_server(hg_cluster_server *s, hg_yaml *y, const yaml_node_t *n) {
    const yaml_node_t *given[N_SERVER_KEYS];
    hg_err inner = { 0 };
    char address[HG_ADDRESS_SIZE];
    HG_TRY(hg_yaml_keys(given, y, n, SERVER_KEYS, N_SERVER_KEYS, "server"));
    HG_TRY(need(y, n, given, SERVER_KEYS, N_SERVER_KEYS, "server"));
    HG_TRY(read_name(s->name, y, given[NAME], "the name of the server"));
    HG_TRY(hg_yaml_text(address, sizeof address, y, given[ADDRESS], "the address"));
    HG_TRY(placed(y, given[ADDRESS], hg_address_read(s->host, &s->port, address, &inner), &inner));
    HG_TRY(read_key(s->signing_key, y, given[SIGNING_KEY], "signing_key"));
    return read_key(s->sealing_key, y, given[SEALING_KEY], "sealing_key");
}

/* Two servers with one key, or one name, are one organisation: the whole protection would be void. */
static const char *doubled(const hg_cluster_server *a, const hg_cluster_server *b) {
    if (strcasecmp(a->name, b->name) == 0) return "name";
    if (memcmp(a->signing_key, b->signing_key, HG_PUBLIC_KEY) == 0) return "signing_key";
    if (memcmp(a->sealing_key, b->sealing_key, HG_PUBLIC_KEY) == 0) return "sealing_key";
    return NULL;
}

static hg_status read_servers(hg_cluster *c, hg_yaml *y, const yaml_node_t *list) {
    size_t count;
    HG_TRY(hg_yaml_list(&count, y, list, HG_SERVERS, "servers"));
    if (count != HG_SERVERS) return hg_yaml_fail(y, list, "servers: %zu of them, expected %d", count, HG_SERVERS);
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *n = hg_yaml_item(y, list, i);
        HG_TRY(read_server(&c->server[i], y, n));
        for (size_t k = 0; k < i; k++) {
            const char *what = doubled(&c->server[k], &c->server[i]);
            if (what) return hg_yaml_fail(y, n, "two servers have the same %s", what);
        }
    }
    return HG_OK;
}

static hg_status read_authority(hg_cluster *c, hg_yaml *y, const yaml_node_t *n) {
    char text[HG_PATH_SIZE];
    HG_TRY(hg_yaml_text(text, sizeof text, y, n, "authority"));
    const char *slash = strrchr(y->name, '/');
    const size_t folder = slash && *text != '/' ? (size_t)(slash - y->name) + 1 : 0;
    if (folder + strlen(text) >= sizeof c->authority) return hg_yaml_fail(y, n, "authority: the path is too long");
    memcpy(c->authority, y->name, folder);
    memcpy(c->authority + folder, text, strlen(text) + 1);
    return HG_OK;
}

static hg_status read_document(hg_cluster *c, hg_yaml *y) {
    const yaml_node_t *given[N_KEYS], *root = hg_yaml_root(y);
    HG_TRY(hg_yaml_keys(given, y, root, KEYS, N_KEYS, "cluster file"));
    HG_TRY(need(y, root, given, KEYS, N_KEYS, "cluster file"));
    HG_TRY(read_name(c->name, y, given[CLUSTER], "the name of the cluster"));
    HG_TRY(read_authority(c, y, given[AUTHORITY]));
    return read_servers(c, y, given[SERVERS]);
}

hg_status hg_cluster_read_memory(hg_cluster *out, const char *name, const char *text, size_t n, hg_err *err) {
    hg_yaml y;
    hg_err inner = { 0 }; /* the yaml reader fills one in any case */
    memset(out, 0, sizeof *out);
    if (n > MAX_BYTES) return hg_fail_at(err, HG_ELIMIT, name, 0, 0, "a cluster file has at most 1 MiB");
    hg_status st = hg_yaml_load(&y, name, text, n, err ? err : &inner);
    if (st != HG_OK) return st;
    st = read_document(out, &y);
    hg_yaml_free(&y);
    if (st != HG_OK) memset(out, 0, sizeof *out);
    return st;
}

hg_status hg_cluster_read(hg_cluster *out, const char *path, hg_err *err) {
    void *text;
    size_t n;
    memset(out, 0, sizeof *out);
    HG_TRY(hg_whole_read(&text, &n, path, MAX_BYTES, 0, err));
    const hg_status st = hg_cluster_read_memory(out, path, text, n, err);
    hg_whole_free(text, n);
    return st;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

static hg_status check(const hg_cluster *c, hg_err *err) {
    HG_TRY(hg_name_check("the name of the cluster", c->name, err));
    if (!*c->authority || !hg_yaml_plain(c->authority, strlen(c->authority)))
        return hg_fail(err, HG_EINVAL,
                       "the cluster has no authority, or its path holds a character that cannot be seen");
    for (size_t i = 0; i < HG_SERVERS; i++) {
        const hg_cluster_server *s = &c->server[i];
        HG_TRY(hg_name_check("the name of the server", s->name, err));
        if (!host_ok(s->host, strlen(s->host), strchr(s->host, ':') != NULL) || s->port == 0)
            return hg_fail(err, HG_EINVAL, "server %s has no address", s->name);
        for (size_t k = 0; k < i; k++) {
            const char *what = doubled(&c->server[k], s);
            if (what) return hg_fail(err, HG_EINVAL, "two servers have the same %s", what);
        }
    }
    return HG_OK;
}

/* A YAML text in single quotes: a quote inside is doubled, nothing else needs care. */
static void put_quoted(hg_text *t, const char *s) {
    hg_text_put(t, "'", 1);
    for (; *s; s++) hg_text_put(t, *s == '\'' ? "''" : s, *s == '\'' ? 2 : 1);
    hg_text_put(t, "'", 1);
}

static void put_text(hg_text *t, const hg_cluster *c) {
    char address[HG_ADDRESS_SIZE], hex[HEX + 1];
    hg_text_add(t, "# three servers of a secret search; every member keeps this file\ncluster: ");
    put_quoted(t, c->name);
    hg_text_add(t, "\nauthority: ");
    put_quoted(t, c->authority);
    hg_text_add(t, "\nservers:\n");
    for (size_t i = 0; i < HG_SERVERS; i++) {
        const hg_cluster_server *s = &c->server[i];
        hg_text_add(t, "  - name: ");
        put_quoted(t, s->name);
        hg_text_add(t, "\n    address: ");
        put_quoted(t, hg_address_text(address, s->host, s->port));
        hg_hex_write(hex, s->signing_key, HG_PUBLIC_KEY);
        hg_text_add(t, "\n    signing_key: '%s'\n", hex);
        hg_hex_write(hex, s->sealing_key, HG_PUBLIC_KEY);
        hg_text_add(t, "    sealing_key: '%s'\n", hex);
    }
}

hg_status hg_cluster_write(const char *path, const hg_cluster *c, hg_err *err) {
    HG_TRY(check(c, err));
    hg_text t = hg_text_new(0);
    hg_output *out = NULL;
    put_text(&t, c);
    hg_status st = t.failed ? hg_fail(err, HG_ENOMEM, "no memory to write %s", path) : HG_OK;
    if (st == HG_OK) st = hg_output_new(&out, path, NULL, err);
    if (st == HG_OK) st = hg_output_write(out, t.s, t.len, err);
    if (st == HG_OK) st = hg_output_commit(out, err);
    hg_output_free(out);
    hg_text_free(&t);
    return st;
}

/* ---- looking up -------------------------------------------------------------------------------------------------------- */

int hg_cluster_party(const hg_cluster *c, const char *name) {
    for (int i = 0; i < HG_SERVERS; i++)
        if (strcmp(c->server[i].name, name) == 0) return i;
    return -1;
}

int hg_cluster_party_of_key(const hg_cluster *c, const unsigned char signing_key[HG_PUBLIC_KEY]) {
    for (int i = 0; i < HG_SERVERS; i++)
        if (memcmp(c->server[i].signing_key, signing_key, HG_PUBLIC_KEY) == 0) return i;
    return -1;
}

hg_status hg_cluster_digest(unsigned char digest[HG_DIGEST], const hg_cluster *c, hg_err *err) {
    hg_text t = hg_text_new(0);
    for (size_t i = 0; i < HG_SERVERS; i++) {
        hg_put_name(&t, c->server[i].name);
        hg_put_bytes(&t, c->server[i].signing_key, HG_PUBLIC_KEY);
        hg_put_bytes(&t, c->server[i].sealing_key, HG_PUBLIC_KEY);
    }
    const hg_status st = t.failed ? hg_fail(err, HG_ENOMEM, "no memory for a digest") : HG_OK;
    if (st == HG_OK) hg_digest(digest, "cluster v1", t.s, t.len);
    hg_text_free(&t);
    return st;
}
