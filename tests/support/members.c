/* tests/support/members.c -- see members.h */
#include "members.h"
#include "test.h"
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st, (void)type, (void)where;
    return remove(path);
}

void test_remove_tree(const char *folder) { nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

const char *test_members_path(char *buf, size_t size, const test_members *m, const char *name) {
    snprintf(buf, size, "%s/%s", m->folder, name);
    return buf;
}

static hg_identity *make_member(const test_members *m, const char *name, unsigned roles, fake_world *w) {
    char folder[512], authority[512];
    hg_identity *id;
    hg_err err;
    test_members_path(folder, sizeof folder, m, name);
    test_members_path(authority, sizeof authority, m, "authority");
    assert_ok_err(hg_identity_create(folder, name, roles, authority, NULL, fake_world_of(w), &err), err);
    assert_ok_err(hg_identity_load(&id, folder, NULL, fake_world_of(w), &err), err);
    return id;
}

void test_members_make(test_members *m, const char *name, fake_world *w) {
    char path[512];
    hg_err err;
    memset(m, 0, sizeof *m);
    test_scratch(m->folder, sizeof m->folder, name);
    test_remove_tree(m->folder);
    assert_int_equal(mkdir(m->folder, 0700), 0);
    test_members_path(path, sizeof path, m, "authority");
    assert_ok_err(hg_authority_create(path, "tests", NULL, fake_world_of(w), &err), err);
    snprintf(m->cluster.name, sizeof m->cluster.name, "tests");
    snprintf(m->cluster.authority, sizeof m->cluster.authority, "%s/authority.pem", path);
    for (int i = 0; i < 3; i++) {
        hg_cluster_server *s = &m->cluster.server[i];
        snprintf(s->name, sizeof s->name, "server-%d", i);
        snprintf(s->host, sizeof s->host, "127.0.0.1");
        m->server[i] = make_member(m, s->name, HG_ROLE_SERVER, w);
        const hg_certificate *c = hg_identity_certificate(m->server[i]);
        memcpy(s->signing_key, c->signing_key, HG_PUBLIC_KEY);
        memcpy(s->sealing_key, c->sealing_key, HG_PUBLIC_KEY);
    }
    m->owner = make_member(m, "owner-a", HG_ROLE_OWNER, w);
    m->user = make_member(m, "user-c", HG_ROLE_OWNER | HG_ROLE_USER, w);
}

void test_members_free(test_members *m) {
    for (int i = 0; i < 3; i++) hg_identity_free(m->server[i]);
    hg_identity_free(m->owner);
    hg_identity_free(m->user);
    test_remove_tree(m->folder);
}
