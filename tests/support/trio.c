/* tests/support/trio.c -- see trio.h */
#include "trio.h"
#include "members.h"
#include "test.h"
#include <sys/stat.h>

static const consortium_member MEMBERS[] = {
    { .name = "inst", .roles = HG_ROLE_SERVER },
    { .name = "univ", .roles = HG_ROLE_SERVER },
    { .name = "cloud", .roles = HG_ROLE_SERVER },
    { .name = "acme", .roles = HG_ROLE_OWNER },
    { .name = "bolt", .roles = HG_ROLE_OWNER },
    { .name = "carol", .roles = HG_ROLE_OWNER | HG_ROLE_USER },
    { .name = "dora", .roles = HG_ROLE_USER, .outside = true },
};
size_t trio_budget = 6;
enum { N_MEMBERS = sizeof MEMBERS / sizeof *MEMBERS };

const char *trio_path(char buf[TRIO_PATH], const trio *t, const char *name) {
    const int n = snprintf(buf, TRIO_PATH, "%s/%s", t->c.folder, name);
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
    o.cluster = &t->c.cluster;
    o.identity = s->identity;
    o.store = s->store;
    o.world = hg_world_system();
    o.stop = s->stop;
    o.spool = t->c.folder;
    if (create && t->c.cluster.server[party].port == 0) o.port = 0; /* any; later again the same */
    o.hooks = &s->hooks;
    assert_ok_err(hg_server_new(&s->server, &o, &err), err);
    if (t->c.cluster.server[party].port == 0)
        t->c.cluster.server[party].port = hg_server_port(s->server); /* others read it */
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

static void make_identities(trio *t, const char *folder) {
    hg_err err;
    assert_ok_err(consortium_make(&t->c, folder, MEMBERS, N_MEMBERS, &err), err);
    for (unsigned i = 0; i < HG_SERVERS; i++)
        assert_ok_err(consortium_identity(&t->server[i].identity, &t->c, MEMBERS[i].name, &err), err);
    for (unsigned i = HG_SERVERS; i < N_MEMBERS; i++) {
        char outbox[CONSORTIUM_PATH];
        assert_int_equal(mkdir(consortium_path(outbox, &t->c, MEMBERS[i].name, "outbox"), 0700), 0);
    }
}

static void put_policy(const trio *t, const char *head, const char *more) {
    hg_text text = hg_text_new(0), tail = hg_text_new(0);
    hg_err err;
    hg_text_add(&text,
                "hagane policy: 1\nproject: magnets\n%s"
                "valid: {from: 2020-01-01, until: 2090-01-01}\n"
                "target: {column: Hc, unit: T, goal: maximize, low: 0, high: 3}\n"
                "features:\n  - {column: x, low: 0, high: 10}\n  - {column: y, low: 0, high: 10}\n",
                head);
    const bool pool = !strstr(head, "compositions");
    if (pool) hg_text_add(&text, "pool:\n  id: name\n  rows: |\n    name,x,y\n");
    for (unsigned i = 0; pool && i < TRIO_POOL; i++) hg_text_add(&text, "    M%u,%u,%u\n", i, i % 6 * 2, i / 6 * 2);
    hg_text_add(&tail, "%s%s",
                strstr(more, "model:") ? "" : "model: {lengths: [0.2, 0.5, 1.0], noises: [0.001, 0.01]}\n", more);
    assert_ok_err(consortium_policy(&t->c, text.s, tail.s, trio_budget, "acme", &err), err);
    hg_text_free(&text);
    hg_text_free(&tail);
}

hg_party *trio_patient(trio *t, const char *name, int wait_ms) {
    hg_party *p;
    hg_err err;
    hg_party_opts o = hg_party_opts_default();
    o.wait_ms = wait_ms;
    o.answer_ms = 60000;
    assert_ok_err(consortium_open(&p, &t->c, name, &o, &err), err);
    return p;
}

hg_party *trio_party(trio *t, const char *name) { return trio_patient(t, name, 0); }

trio *trio_new(const char *name, const char *head, const char *more) {
    char folder[TRIO_PATH];
    hg_err err;
    trio *t = calloc(1, sizeof *t);
    assert_non_null(t);
    test_scratch(folder, sizeof folder, name);
    test_remove_tree(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    pthread_mutex_init(&t->lock, NULL);
    t->log = hg_text_new(0);
    t->limits = hg_server_opts_default();
    t->limits.pulse_ms = 200;
    t->limits.peer_ms = 3000;
    make_identities(t, folder);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        trio_server *s = &t->server[i];
        s->all = t;
        s->party = i;
        s->hooks = (hg_hooks) { .log = keep_line, .user = s };
        memset(s->key, (int)i + 1, sizeof s->key);
        launch(t, i, true);
    }
    assert_ok_err(consortium_write(&t->c, &err), err);
    for (unsigned i = 0; i < HG_SERVERS; i++) run(&t->server[i]);
    put_policy(t, head, more);
    return t;
}

void trio_free(trio *t) {
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_cancel_raise(t->server[i].stop);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        trio_stop(t, i);
        hg_identity_free(t->server[i].identity);
    }
    test_remove_tree(t->c.folder);
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

hg_status trio_suggest(hg_party *p, size_t *row, size_t *left, hg_err *err) {
    hg_party_answer *a;
    HG_TRY(hg_party_suggest(&a, p, "magnets", NULL, err));
    if (row) *row = a->proposal[0].row;
    if (left) *left = a->budget_left;
    hg_party_answer_free(a);
    return HG_OK;
}

const size_t TRIO_ACME[3] = { 0, 5, 30 };
static const size_t BOLT[] = { 35, 29, 1 }, CAROL[] = { 6, 24 };

void trio_share_all(trio *t) {
    const size_t *row[] = { TRIO_ACME, BOLT, CAROL };
    const size_t n[] = { 3, 3, 2 };
    hg_err err;
    for (unsigned k = 0; k < 3; k++) {
        double y[3];
        for (size_t i = 0; i < n[k]; i++) y[i] = trio_hc(row[k][i]);
        assert_ok_err(trio_share(t, MEMBERS[HG_SERVERS + k].name, row[k], y, n[k], NULL, &err), err);
    }
}
