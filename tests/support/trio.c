/* tests/support/trio.c -- see trio.h */
#include "trio.h"
#include "members.h"
#include "test.h"
#include <sys/stat.h>

static const char *const SERVERS[] = { "inst", "univ", "cloud" };
static const struct {
    const char *name, *roles;
} MEMBERS[] = { { "acme", "owner" }, { "bolt", "owner" }, { "carol", "owner+user" }, { "dora", "user" } };
size_t trio_budget = 6;
enum { N_MEMBERS = sizeof MEMBERS / sizeof *MEMBERS };

const char *trio_path(char buf[TRIO_PATH], const trio *t, const char *name) {
    const int n = snprintf(buf, TRIO_PATH, "%s/%s", t->folder, name);
    assert_true(n > 0 && n < TRIO_PATH);
    return buf;
}

double trio_hc(size_t row) {
    const double x = (double)(row % 6) / 5 - 0.7, y = (double)(row / 6) / 5 - 0.4;
    return 2.8 * exp(-3 * (x * x + y * y)) + 0.1 * sin(7 * x - 3 * y) + 0.1;
}

/* ---- servers --------------------------------------------------------------------------------------------------------------- */

static void keep_line(void *user, hg_log_level level, const char *message) {
    trio_server *s = user;
    (void)level;
    pthread_mutex_lock(&s->all->lock);
    hg_text_add(&s->all->log, "%u: %s\n", s->party, message);
    pthread_mutex_unlock(&s->all->lock);
}

bool trio_logged(trio *t, const char *part) {
    pthread_mutex_lock(&t->lock);
    const bool found = strstr(t->log.s, part) != NULL;
    pthread_mutex_unlock(&t->lock);
    return found;
}

static void *serve(void *arg) {
    hg_err err;
    trio_server *s = arg;
    if (hg_server_run(s->server, &err) != HG_OK) keep_line(s, HG_LOG_WARN, err.msg);
    return NULL;
}

static void open_store(trio *t, trio_server *s, bool create) {
    char path[TRIO_PATH], name[32];
    hg_err err;
    snprintf(name, sizeof name, "store-%u", s->party);
    mkdir(trio_path(path, t, name), 0700);
    const hg_store_opts o = { .party = s->party,
                              .create = create,
                              .master_key = s->key,
                              .secret_key = hg_identity_signing_secret(s->identity),
                              .world = *hg_world_system() };
    assert_ok_err(hg_store_open(&s->store, path, &o, &err), err);
}

static void launch(trio *t, unsigned party, bool create) {
    trio_server *s = &t->server[party];
    hg_err err;
    open_store(t, s, create);
    assert_ok_err(hg_cancel_new(&s->stop, &err), err);
    hg_server_opts o = t->limits;
    o.cluster = &t->cluster;
    o.identity = s->identity;
    o.store = s->store;
    o.world = hg_world_system();
    o.stop = s->stop;
    o.spool = t->folder;
    if (create && t->cluster.server[party].port == 0) o.port = 0; /* any; later again the same */
    o.hooks = &s->hooks;
    assert_ok_err(hg_server_new(&s->server, &o, &err), err);
    if (t->cluster.server[party].port == 0)
        t->cluster.server[party].port = hg_server_port(s->server); /* others read it */
}

static void run(trio_server *s) {
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    s->running = true;
}

void trio_start(trio *t, unsigned party) {
    launch(t, party, false);
    run(&t->server[party]);
}

void trio_stop(trio *t, unsigned party) {
    trio_server *s = &t->server[party];
    if (!s->running) return;
    hg_cancel_raise(s->stop);
    pthread_join(s->thread, NULL);
    s->running = false;
    hg_server_free(s->server);
    hg_store_free(s->store);
    hg_cancel_free(s->stop);
}

void trio_lose(trio *t, unsigned party) {
    char path[TRIO_PATH], name[32];
    trio_stop(t, party);
    snprintf(name, sizeof name, "store-%u", party);
    test_remove_tree(trio_path(path, t, name));
    launch(t, party, true);
    run(&t->server[party]);
}

/* ---- members and policy ------------------------------------------------------------------------------------------------------ */

static void make_identities(trio *t) {
    char folder[TRIO_PATH], authority[TRIO_PATH];
    hg_err err;
    const hg_world *w = hg_world_system();
    trio_path(authority, t, "ca");
    assert_ok_err(hg_authority_create(authority, "ca", NULL, w, &err), err);
    snprintf(t->cluster.name, sizeof t->cluster.name, "magnets");
    trio_path(folder, t, "ca/authority.pem");
    snprintf(t->cluster.authority, sizeof t->cluster.authority, "%s", folder);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        trio_path(folder, t, SERVERS[i]);
        assert_ok_err(hg_identity_create(folder, SERVERS[i], HG_ROLE_SERVER, authority, NULL, w, &err), err);
        assert_ok_err(hg_identity_load(&t->server[i].identity, folder, NULL, w, &err), err);
        const hg_certificate *c = hg_identity_certificate(t->server[i].identity);
        hg_cluster_server *s = &t->cluster.server[i];
        memcpy(s->name, c->name, sizeof s->name);
        memcpy(s->signing_key, c->signing_key, HG_PUBLIC_KEY);
        memcpy(s->sealing_key, c->sealing_key, HG_PUBLIC_KEY);
        snprintf(s->host, sizeof s->host, "127.0.0.1");
    }
    for (unsigned i = 0; i < N_MEMBERS; i++) {
        unsigned roles;
        assert_ok_err(hg_roles_read(&roles, MEMBERS[i].roles, &err), err);
        trio_path(folder, t, MEMBERS[i].name);
        assert_ok_err(hg_identity_create(folder, MEMBERS[i].name, roles, authority, NULL, w, &err), err);
        strncat(folder, "/outbox", sizeof folder - strlen(folder) - 1);
        assert_int_equal(mkdir(folder, 0700), 0);
    }
}

static void put_hex(hg_text *to, const unsigned char *bytes) {
    for (size_t i = 0; i < HG_PUBLIC_KEY; i++) hg_text_add(to, "%02x", bytes[i]);
}

static hg_identity *member(const trio *t, const char *name) {
    char folder[TRIO_PATH];
    hg_identity *id;
    hg_err err;
    assert_ok_err(hg_identity_load(&id, trio_path(folder, t, name), NULL, hg_world_system(), &err), err);
    return id;
}

static void put_members(hg_text *to, const trio *t) {
    hg_text_add(to, "members:\n");
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_text_add(to, "  - {name: %s, roles: [server], key: ", t->cluster.server[i].name);
        put_hex(to, t->cluster.server[i].signing_key);
        hg_text_add(to, ", seal: ");
        put_hex(to, t->cluster.server[i].sealing_key);
        hg_text_add(to, "}\n");
    }
    for (unsigned i = 0; i < 3; i++) { /* dora is a stranger to the policy */
        hg_identity *id = member(t, MEMBERS[i].name);
        hg_text_add(to, "  - {name: %s, roles: [owner%s], key: ", MEMBERS[i].name, i == 2 ? ", user" : "");
        put_hex(to, hg_identity_certificate(id)->signing_key);
        if (i == 2) hg_text_add(to, ", budget: %zu", trio_budget);
        hg_text_add(to, "}\n");
        hg_identity_free(id);
    }
}

static void write_policy(const trio *t, const char *head, const char *more) {
    hg_text text = hg_text_new(0);
    hg_err err;
    hg_policy *p;
    hg_text_add(&text,
                "hagane policy: 1\nproject: magnets\n%s"
                "valid: {from: 2020-01-01, until: 2090-01-01}\n"
                "target: {column: Hc, unit: T, goal: maximize, low: 0, high: 3}\n"
                "features:\n  - {column: x, low: 0, high: 10}\n  - {column: y, low: 0, high: 10}\n",
                head);
    const bool pool = !strstr(head, "compositions");
    if (pool) hg_text_add(&text, "pool:\n  id: name\n  rows: |\n    name,x,y\n");
    for (unsigned i = 0; pool && i < TRIO_POOL; i++) hg_text_add(&text, "    M%u,%u,%u\n", i, i % 6 * 2, i / 6 * 2);
    put_members(&text, t);
    hg_text_add(&text, "%s%s",
                strstr(more, "model:") ? "" : "model: {lengths: [0.2, 0.5, 1.0], noises: [0.001, 0.01]}\n", more);
    assert_ok_err(hg_policy_read(&p, "policy", text.s, text.len, &err), err);
    for (unsigned i = 0; i < 3; i++) { /* all owners sign */
        hg_identity *id = member(t, MEMBERS[i].name);
        hg_text next = hg_text_new(0);
        hg_policy_free(p);
        assert_ok_err(hg_policy_read(&p, "policy", text.s, text.len, &err), err);
        assert_ok_err(hg_policy_sign(&next, p, text.s, text.len, hg_identity_signing_secret(id), &err), err);
        hg_text_free(&text);
        text = next;
        hg_identity_free(id);
    }
    hg_policy_free(p);
    char path[TRIO_PATH];
    assert_ok_err(hg_party_write_file(trio_path(path, t, "policy.yaml"), text.s, text.len, &err), err);
    hg_text_free(&text);
}

hg_party *trio_patient(trio *t, const char *name, int wait_ms) {
    char folder[TRIO_PATH], cluster[TRIO_PATH];
    hg_party *p;
    hg_err err;
    hg_party_opts o = hg_party_opts_default();
    o.cluster = trio_path(cluster, t, "cluster.yaml");
    o.identity = trio_path(folder, t, name);
    o.world = hg_party_world();
    o.wait_ms = wait_ms;
    o.answer_ms = 60000;
    assert_ok_err(hg_party_open(&p, &o, &err), err);
    return p;
}

hg_party *trio_party(trio *t, const char *name) { return trio_patient(t, name, 0); }

trio *trio_new(const char *name, const char *head, const char *more) {
    char path[TRIO_PATH];
    hg_err err;
    trio *t = calloc(1, sizeof *t);
    assert_non_null(t);
    test_scratch(t->folder, sizeof t->folder, name);
    test_remove_tree(t->folder);
    assert_int_equal(mkdir(t->folder, 0700), 0);
    pthread_mutex_init(&t->lock, NULL);
    t->log = hg_text_new(0);
    t->limits = hg_server_opts_default();
    t->limits.pulse_ms = 200;
    t->limits.peer_ms = 3000;
    make_identities(t);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        trio_server *s = &t->server[i];
        s->all = t;
        s->party = i;
        s->hooks = (hg_hooks) { .log = keep_line, .user = s };
        memset(s->key, (int)i + 1, sizeof s->key);
        launch(t, i, true);
    }
    assert_ok_err(hg_cluster_write(trio_path(path, t, "cluster.yaml"), &t->cluster, &err), err);
    for (unsigned i = 0; i < HG_SERVERS; i++) run(&t->server[i]);
    write_policy(t, head, more);
    hg_party *p = trio_party(t, "acme");
    assert_ok_err(hg_party_policy_put(p, trio_path(path, t, "policy.yaml"), &err), err);
    hg_party_free(p);
    return t;
}

void trio_free(trio *t) {
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_cancel_raise(t->server[i].stop);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        trio_stop(t, i);
        hg_identity_free(t->server[i].identity);
    }
    test_remove_tree(t->folder);
    hg_text_free(&t->log);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- data --------------------------------------------------------------------------------------------------------------------- */

void trio_table(char path[TRIO_PATH], const trio *t, const char *name, const size_t *row, const double *y, size_t n) {
    FILE *f = fopen(trio_path(path, t, name), "w");
    assert_non_null(f);
    fprintf(f, "name,x,y,Hc\n");
    for (size_t i = 0; i < n; i++) fprintf(f, "M%zu,%zu,%zu,%.17g\n", row[i], row[i] % 6 * 2, row[i] / 6 * 2, y[i]);
    assert_int_equal(fclose(f), 0);
}

hg_status trio_share(trio *t, const char *owner, const size_t *row, const double *y, size_t n, hg_party_shared *out,
                     hg_err *err) {
    char path[TRIO_PATH], folder[TRIO_PATH], name[64];
    hg_party_shared s;
    snprintf(name, sizeof name, "%s/outbox", owner);
    const hg_party_share_opts o = { .folder = trio_path(folder, t, name) };
    snprintf(name, sizeof name, "%s.csv", owner);
    trio_table(path, t, name, row, y, n);
    hg_party *p = trio_party(t, owner);
    const hg_status st = hg_party_share(out ? out : &s, p, "magnets", path, &o, err);
    hg_party_free(p);
    return st;
}
