/* tests/party/test_cluster.c -- cluster.yaml: what is read, what is refused and where */
#include "party/cluster.h"
#include "program.h"
#include "test.h"
#include "core/text.h"
#include <unistd.h>

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_C "200102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SERVER(name, address, key)                                                                                     \
    "  - name: " name "\n    address: \"" address "\"\n    signing_key: " key "\n    sealing_key: " key "\n"
#define HEAD "cluster: magnets\nauthority: authority.pem\nservers:\n"
#define THREE                                                                                                          \
    SERVER("a", "127.0.0.1:7701", KEY_A) SERVER("b", "[::1]:7702", KEY_B) SERVER("c", "lab.example:7703", KEY_C)

static hg_status read_text(hg_cluster *c, const char *text, hg_err *err) {
    return hg_cluster_read_memory(c, "folder/cluster.yaml", text, strlen(text), err);
}

static void a_cluster_is_read(void **state) {
    (void)state;
    hg_cluster c;
    hg_err err;
    assert_ok_err(read_text(&c, HEAD THREE, &err), err);
    assert_string_equal(c.name, "magnets");
    assert_string_equal(c.authority, "folder/authority.pem");
    assert_string_equal(c.server[0].host, "127.0.0.1");
    assert_string_equal(c.server[1].host, "::1");
    assert_string_equal(c.server[2].host, "lab.example");
    assert_int_equal(c.server[1].port, 7702);
    assert_int_equal(c.server[2].signing_key[0], 0x20);
    assert_int_equal(c.server[2].sealing_key[31], 0x1f);
    assert_int_equal(hg_cluster_party(&c, "b"), 1);
    assert_int_equal(hg_cluster_party(&c, "d"), -1);
    assert_int_equal(hg_cluster_party_of_key(&c, c.server[2].signing_key), 2);
    assert_ok(read_text(&c, "cluster: m\nauthority: /etc/ca.pem\nservers:\n" THREE, &err));
    assert_string_equal(c.authority, "/etc/ca.pem");
}

/* Each key taken away, doubled or given another value is told with its line. */
static void mistakes_are_told_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *msg;
    } bad[] = {
        { "", "folder/cluster.yaml:1: empty file" },
        { "cluster: [", "folder/cluster.yaml:" },
        { "servers: []\nauthority: a\ncluster: m\n", "cluster.yaml:1:10: servers: 0 of them, expected 3" },
        { "cluster: m\nservers:\n" THREE, "\"authority\" is missing" },
        { "authority: a\nservers:\n" THREE, "\"cluster\" is missing" },
        { "cluster: m\nauthority: a\n", "\"servers\" is missing" },
        { "cluster: m\nauthority: ''\nservers:\n" THREE, "cluster.yaml:2:12: authority is" },
        { "cluster: m m\nauthority: a\nservers:\n" THREE, "cluster.yaml:1:10: the name of the cluster is \"m m\"" },
        { "cluster: m\ncluster: m\nauthority: a\nservers:\n" THREE, "cluster.yaml:2:1: cluster file: \"cluster\"" },
        { HEAD SERVER("a", "h:1", KEY_A) SERVER("b", "h:2", KEY_B), "servers: 2 of them, expected 3" },
        { HEAD THREE SERVER("d", "h:1", KEY_A), "servers: 4 entries, expected at most 3" },
        { HEAD "  - a\n  - b\n  - c\n", "cluster.yaml:4:5: server: expected a mapping" },
        { HEAD "  - {name: a}\n  - b\n  - c\n", "cluster.yaml:4:5: server: \"address\" is missing" },
        { HEAD SERVER("a", "h", KEY_A) SERVER("b", "h:2", KEY_B) SERVER("c", "h:3", KEY_C),
          "cluster.yaml:5:14: the address is \"h\"" },
        { HEAD SERVER("a", "h:0", KEY_A) SERVER("b", "h:2", KEY_B) SERVER("c", "h:3", KEY_C),
          "the address is \"h:0\"" },
        { HEAD SERVER("a", "h:1", "00ff") SERVER("b", "h:2", KEY_B) SERVER("c", "h:3", KEY_C),
          "cluster.yaml:6:18: signing_key is \"00ff\", expected 64" },
        { HEAD SERVER("a", "h:1", KEY_A) SERVER("A", "h:2", KEY_B) SERVER("c", "h:3", KEY_C),
          "cluster.yaml:8:5: two servers have the same name" },
        { HEAD SERVER("a", "h:1", KEY_A) SERVER("b", "h:2", KEY_B) SERVER("c", "h:3", KEY_A),
          "cluster.yaml:12:5: two servers have the same signing_key" },
        { HEAD THREE "extra: 1\n", "unknown key \"extra\"" },
        { "&a [*a, *a, *a]\n", "cluster file: expected a mapping" },
        { "cluster: m\nauthority: a\nservers: &s [*s, *s, *s]\n", "server: expected a mapping" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_cluster c;
        hg_err err = { 0 };
        assert_int_equal(read_text(&c, bad[i].text, &err), HG_EPARSE);
        assert_contains(err.msg, bad[i].msg);
        assert_int_equal(c.server[0].port, 0); /* nothing half-read comes back */
        assert_int_equal(read_text(&c, bad[i].text, NULL), HG_EPARSE);
    }
}

static void what_is_written_reads_back(void **state) {
    (void)state;
    char path[512];
    hg_cluster c, d;
    hg_err err;
    unsigned char one[HG_DIGEST], two[HG_DIGEST];
    test_scratch(path, sizeof path, "cluster.yaml");
    assert_ok(read_text(&c, HEAD THREE, NULL));
    snprintf(c.authority, sizeof c.authority, "/it's here/# no comment: ca.pem");
    assert_ok_err(hg_cluster_write(path, &c, &err), err);
    assert_ok_err(hg_cluster_read(&d, path, &err), err);
    assert_memory_equal(&c, &d, sizeof c);
    assert_ok(hg_cluster_digest(one, &c, NULL));
    d.server[0].port++; /* an address may change */
    assert_ok(hg_cluster_digest(two, &d, NULL));
    assert_memory_equal(one, two, HG_DIGEST);
    d.server[0].sealing_key[3] ^= 1;
    assert_ok(hg_cluster_digest(two, &d, NULL));
    assert_memory_not_equal(one, two, HG_DIGEST);
    d.server[1] = d.server[0];
    assert_int_equal(hg_cluster_write(path, &d, &err), HG_EINVAL);
    c.server[2].port = 0;
    assert_int_equal(hg_cluster_write(path, &c, &err), HG_EINVAL);
    assert_ok(hg_cluster_read(&d, path, NULL)); /* the old file stays */
    unlink(path);
    assert_int_equal(hg_cluster_read(&d, path, &err), HG_EIO);
}

static void addresses(void **state) {
    (void)state;
    static const char *const bad[] = { "",        "h",     "h:",        ":7701",    "h:70000", "h:+1",
                                       "h:1x",    "[::1]", "[::1]7701", "::1:77",   "h h:1",   "h/x:1",
                                       "[h/x]:1", "-h:1",  "[]:1",      "h:000001", "[::1:1",  "h:1:2" };
    char host[HG_HOST_SIZE], text[HG_ADDRESS_SIZE];
    uint16_t port;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hg_address_read(host, &port, bad[i], NULL), HG_EINVAL);
    static const char *const good[] = { "127.0.0.1:1", "[fe80::1%eth0]:65535", "a-b_c.example:7701" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(hg_address_read(host, &port, good[i], NULL));
        assert_string_equal(hg_address_text(text, host, port), good[i]);
    }
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    char path[512];
    hg_cluster c;
    unsigned char digest[HG_DIGEST];
    assert_ok(read_text(&c, HEAD THREE, NULL));
    test_scratch(path, sizeof path, "cluster-faults.yaml");
    hg_status st = HG_ENOMEM;
    for (long k = 0; st == HG_ENOMEM; k++) {
        fail_alloc_after(k);
        st = hg_cluster_write(path, &c, NULL);
        if (st == HG_OK) st = hg_cluster_digest(digest, &c, NULL);
        if (st == HG_OK) st = hg_cluster_read(&c, path, NULL);
        fail_alloc_after(-1);
        assert_true(k < 100);
        if (st != HG_OK) assert_ok(read_text(&c, HEAD THREE, NULL));
    }
    assert_ok(st);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_cluster_is_read), TEST(mistakes_are_told_with_their_place), TEST(what_is_written_reads_back),
        TEST(addresses),         TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
