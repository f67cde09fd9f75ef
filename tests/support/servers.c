/* tests/support/servers.c -- see servers.h */
#include "servers.h"
#include "files/output.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_MOST = 512 };

static const char *path_of(char path[PATH_MOST], const test_servers *s, const char *folder, const char *file) {
    snprintf(path, PATH_MOST, "%s/%s%s%s", s->folder, folder, file ? "/" : "", file ? file : "");
    return path;
}

/* ---- keys ----------------------------------------------------------------------------------------------------------------- */

static hg_status free_port(uint16_t *port, hg_err *err) {
    hg_listener *l;
    HG_TRY(hg_listener_new(&l, "127.0.0.1", 0, err));
    *port = hg_listener_port(l);
    hg_listener_free(l);
    return HG_OK;
}

static hg_status add_member(test_servers *s, const char *name, unsigned roles, hg_err *err) {
    char folder[PATH_MOST], authority[PATH_MOST];
    if (s->n_members == TEST_SERVERS_MEMBERS) return hg_fail(err, HG_EINVAL, "too many members");
    snprintf(s->member[s->n_members], HG_NAME_SIZE, "%s", name);
    s->roles[s->n_members++] = roles;
    return hg_identity_create(path_of(folder, s, name, NULL), name, roles, path_of(authority, s, "authority", NULL),
                              NULL, hg_world_system(), err);
}

static hg_status load(hg_identity **out, const test_servers *s, const char *member, hg_err *err) {
    char folder[PATH_MOST];
    return hg_identity_load(out, path_of(folder, s, member, NULL), NULL, hg_world_system(), err);
}

static hg_status make_server(test_servers *s, unsigned i, hg_err *err) {
    char name[3] = { 's', (char)('0' + i), 0 };
    hg_identity *id;
    HG_TRY(add_member(s, name, HG_ROLE_SERVER, err));
    HG_TRY(load(&id, s, name, err));
    hg_cluster_server *c = &s->cluster.server[i];
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(c->host, sizeof c->host, "127.0.0.1");
    memcpy(c->signing_key, hg_identity_certificate(id)->signing_key, HG_PUBLIC_KEY);
    memcpy(c->sealing_key, hg_identity_certificate(id)->sealing_key, HG_PUBLIC_KEY);
    hg_identity_free(id);
    HG_TRY(hg_world_random(hg_world_system(), s->master[i], HG_MASTER_KEY, err));
    return free_port(&s->port[i], err);
}

hg_status test_servers_through(test_servers *s, const uint16_t port[HG_SERVERS], hg_err *err) {
    char path[PATH_MOST];
    for (unsigned i = 0; i < HG_SERVERS; i++) s->cluster.server[i].port = port[i];
    return hg_cluster_write(path_of(path, s, "cluster.yaml", NULL), &s->cluster, err);
}

hg_status test_servers_make(test_servers *s, const char *folder, const char *const *name, size_t n, hg_err *err) {
    char path[PATH_MOST];
    *s = (test_servers) { .limits = hg_server_opts_default() };
    snprintf(s->folder, sizeof s->folder, "%s", folder);
    HG_TRY(hg_authority_create(path_of(path, s, "authority", NULL), "authority", NULL, hg_world_system(), err));
    snprintf(s->cluster.name, sizeof s->cluster.name, "bench");
    path_of(path, s, "authority", "authority.pem");
    snprintf(s->cluster.authority, sizeof s->cluster.authority, "%s", path);
    for (unsigned i = 0; i < HG_SERVERS; i++) HG_TRY(make_server(s, i, err));
    for (size_t k = 0; k < n; k++) {
        char plain[HG_NAME_SIZE];
        const size_t len = strcspn(name[k], "+");
        snprintf(plain, sizeof plain, "%.*s", (int)len, name[k]);
        HG_TRY(add_member(s, plain, HG_ROLE_OWNER | (name[k][len] ? HG_ROLE_USER : 0), err));
    }
    return test_servers_through(s, s->port, err);
}

/* ---- servers --------------------------------------------------------------------------------------------------------------- */

static void on_log(void *file, hg_log_level level, const char *message) {
    (void)level;
    fprintf(file, "%s\n", message);
    fflush(file);
}

static hg_cancel *stopper;
static void on_term(int number) {
    (void)number;
    hg_cancel_raise(stopper);
}

/* The child: never returns to the caller's code. */
static hg_status serve(const test_servers *s, unsigned i, int ready, hg_err *err) {
    char folder[PATH_MOST], store[PATH_MOST], spool[PATH_MOST], log[PATH_MOST];
    const char *name = s->cluster.server[i].name;
    hg_identity *id;
    hg_store *kept;
    hg_server *server;
    hg_hooks hooks = { .log = on_log, .user = fopen(path_of(log, s, name, "log"), "a") };
    HG_TRY(load(&id, s, name, err));
    path_of(folder, s, name, NULL);
    mkdir(path_of(store, s, name, "store"), 0700);
    mkdir(path_of(spool, s, name, "spool"), 0700);
    const hg_store_opts so = { .party = i,
                               .create = !s->made[i],
                               .master_key = s->master[i],
                               .secret_key = hg_identity_signing_secret(id),
                               .world = *hg_world_system() };
    HG_TRY(hg_store_open(&kept, store, &so, err));
    HG_TRY(hg_cancel_new(&stopper, err));
    signal(SIGTERM, on_term);
    hg_server_opts o = s->limits;
    hg_cluster view = s->cluster;
    for (unsigned k = 0; k < HG_SERVERS; k++)
        if (s->seen[i][k]) view.server[k].port = s->seen[i][k];
    o.cluster = &view;
    o.identity = id;
    o.store = kept;
    o.world = hg_world_system();
    o.stop = stopper;
    o.spool = spool;
    o.host = "127.0.0.1";
    o.port = s->port[i];
    o.hooks = hooks.user ? &hooks : NULL;
    o.insecure_cheat = s->insecure_cheat[i];
    HG_TRY(hg_server_new(&server, &o, err));
    if (write(ready, "r", 1) != 1) return hg_fail(err, HG_EIO, "nobody waits for this server");
    const hg_status st = hg_server_run(server, err);
    hg_server_free(server);
    hg_store_free(kept);
    hg_identity_free(id);
    return st;
}

/* The child's side: no socket of the caller's stays open here, or its end would not be seen by others. */
static void run_child(const test_servers *s, unsigned i, int ready) {
    enum { READY = 3 };
    hg_err e = { .code = HG_OK };
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives a test that crashed */
    if (ready != READY) dup2(ready, READY);
    close_range(READY + 1, ~0u, 0);
    const hg_status st = serve(s, i, READY, &e);
    if (st != HG_OK) fprintf(stderr, "server %u: %s\n", i, e.msg);
    _exit(st == HG_OK ? 0 : 1);
}

hg_status test_servers_launch(test_servers *s, unsigned i, hg_err *err) {
    int ends[2];
    if (pipe(ends) != 0) return hg_fail(err, HG_EIO, "pipe: %s", strerror(errno));
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) run_child(s, i, ends[1]);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return hg_fail(err, HG_EIO, "fork: %s", strerror(errno));
    }
    s->pid[i] = child;
    s->ready[i] = ends[0];
    return HG_OK;
}

hg_status test_servers_await(test_servers *s, unsigned i, hg_err *err) {
    char byte;
    if (s->pid[i] && read(s->ready[i], &byte, 1) == 1) {
        s->made[i] = true;
        return HG_OK;
    }
    test_servers_stop(s, i, SIGKILL);
    return hg_fail(err, HG_EPARTY, "server %u did not start", i);
}

hg_status test_servers_start(test_servers *s, unsigned i, hg_err *err) {
    HG_TRY(test_servers_launch(s, i, err));
    return test_servers_await(s, i, err);
}

int test_servers_stop(test_servers *s, unsigned i, int number) {
    int status = 0;
    if (!s->pid[i]) return -1;
    kill(s->pid[i], number);
    waitpid(s->pid[i], &status, 0);
    close(s->ready[i]);
    s->pid[i] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void test_servers_stop_all(test_servers *s) {
    for (unsigned i = 0; i < HG_SERVERS; i++) test_servers_stop(s, i, SIGTERM);
}

/* ---- members ----------------------------------------------------------------------------------------------------------------- */

hg_status test_servers_open(hg_party **out, const test_servers *s, const char *member, hg_err *err) {
    char cluster[PATH_MOST], folder[PATH_MOST];
    hg_party_opts o = hg_party_opts_default();
    o.cluster = path_of(cluster, s, "cluster.yaml", NULL);
    o.identity = path_of(folder, s, member, NULL);
    o.world = hg_world_system();
    return hg_party_open(out, &o, err);
}

static void put_key(hg_text *to, const char *name, const unsigned char key[HG_PUBLIC_KEY]) {
    hg_text_add(to, ", %s: ", name);
    for (size_t i = 0; i < HG_PUBLIC_KEY; i++) hg_text_add(to, "%02x", key[i]);
}

static hg_status put_members(hg_text *to, const test_servers *s, size_t budget, hg_err *err) {
    hg_text_add(to, "members:\n");
    for (size_t k = 0; k < s->n_members; k++) {
        hg_identity *id;
        HG_TRY(load(&id, s, s->member[k], err));
        const hg_certificate *c = hg_identity_certificate(id);
        const bool server = s->roles[k] & HG_ROLE_SERVER, user = s->roles[k] & HG_ROLE_USER;
        hg_text_add(to, "  - {name: %s, roles: [%s%s]", s->member[k], server ? "server" : "owner",
                    user ? ", user" : "");
        put_key(to, "key", c->signing_key);
        if (server) put_key(to, "seal", c->sealing_key);
        if (user) hg_text_add(to, ", budget: %zu", budget);
        hg_text_add(to, "}\n");
        hg_identity_free(id);
    }
    return to->failed ? hg_fail(err, HG_ENOMEM, "no memory for a policy") : HG_OK;
}

static hg_status sign_all(hg_text *text, const test_servers *s, const hg_policy *p, hg_err *err) {
    for (size_t k = HG_SERVERS; k < s->n_members; k++) {
        hg_text next = hg_text_new(0);
        hg_identity *id;
        HG_TRY(load(&id, s, s->member[k], err));
        const hg_status st = hg_policy_sign(&next, p, text->s, text->len, hg_identity_signing_secret(id), err);
        hg_identity_free(id);
        hg_text_free(text);
        *text = next;
        HG_TRY(st);
    }
    return HG_OK;
}

static hg_status write_policy(hg_text *text, const test_servers *s, const char *head, size_t budget, hg_err *err) {
    hg_policy *p;
    hg_text draft = hg_text_new(0);
    hg_text_add(&draft, "%s", head);
    hg_status st = put_members(&draft, s, budget, err);
    if (st == HG_OK) st = hg_policy_read(&p, "policy.yaml", draft.s, draft.len, err);
    hg_text_free(&draft);
    HG_TRY(st);
    st = hg_policy_write(text, p, err);
    if (st == HG_OK) st = sign_all(text, s, p, err);
    hg_policy_free(p);
    return st;
}

static hg_status save(const char *path, const hg_text *text, hg_err *err) {
    hg_output *f;
    HG_TRY(hg_output_new(&f, path, NULL, err));
    hg_status st = hg_output_write(f, text->s, text->len, err);
    if (st == HG_OK) st = hg_output_commit(f, err);
    hg_output_free(f);
    return st;
}

hg_status test_servers_policy(const test_servers *s, const char *head, size_t budget, const char *by, hg_err *err) {
    char path[PATH_MOST];
    hg_text text = hg_text_new(0);
    hg_party *p;
    hg_status st = write_policy(&text, s, head, budget, err);
    if (st == HG_OK) st = save(path_of(path, s, "policy.signed", NULL), &text, err);
    hg_text_free(&text);
    HG_TRY(st);
    HG_TRY(test_servers_open(&p, s, by, err));
    st = hg_party_policy_put(p, path, err);
    hg_party_free(p);
    return st;
}
