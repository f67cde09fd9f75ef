/* tests/support/servers.c -- see servers.h */
#include "servers.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- keys ----------------------------------------------------------------------------------------------------------------- */

static hg_status free_port(uint16_t *port, hg_err *err) {
    hg_listener *l;
    HG_TRY(hg_listener_new(&l, "127.0.0.1", 0, err));
    *port = hg_listener_port(l);
    hg_listener_free(l);
    return HG_OK;
}

hg_status test_servers_through(test_servers *s, const uint16_t port[HG_SERVERS], hg_err *err) {
    for (unsigned i = 0; i < HG_SERVERS; i++) s->c.cluster.server[i].port = port[i];
    return consortium_write(&s->c, err);
}

hg_status test_servers_make(test_servers *s, const char *folder, hg_err *err) {
    static const consortium_member MEMBERS[] = {
        { .name = "s0", .roles = HG_ROLE_SERVER }, { .name = "s1", .roles = HG_ROLE_SERVER },
        { .name = "s2", .roles = HG_ROLE_SERVER }, { .name = "a", .roles = HG_ROLE_OWNER },
        { .name = "b", .roles = HG_ROLE_OWNER },   { .name = "c", .roles = HG_ROLE_OWNER | HG_ROLE_USER }
    };
    *s = (test_servers) { .limits = hg_server_opts_default() };
    HG_TRY(consortium_make(&s->c, folder, MEMBERS, sizeof MEMBERS / sizeof *MEMBERS, err));
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        HG_TRY(hg_world_random(hg_world_system(), s->master[i], HG_MASTER_KEY, err));
        HG_TRY(free_port(&s->port[i], err));
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
    char store[CONSORTIUM_PATH], spool[CONSORTIUM_PATH], log[CONSORTIUM_PATH];
    const char *name = s->c.cluster.server[i].name;
    hg_identity *id;
    hg_store *kept;
    hg_server *server;
    hg_hooks hooks = { .log = on_log, .user = fopen(consortium_path(log, &s->c, name, "log"), "a") };
    HG_TRY(consortium_identity(&id, &s->c, name, err));
    mkdir(consortium_path(store, &s->c, name, "store"), 0700);
    mkdir(consortium_path(spool, &s->c, name, "spool"), 0700);
    const hg_store_opts so = { .party = i,
                               .create = !s->made[i],
                               .master_key = s->master[i],
                               .secret_key = hg_identity_signing_secret(id),
                               .world = *hg_world_system() };
    HG_TRY(hg_store_open(&kept, store, &so, err));
    HG_TRY(hg_cancel_new(&stopper, err));
    signal(SIGTERM, on_term);
    hg_server_opts o = s->limits;
    hg_cluster view = s->c.cluster;
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

/* ---- memory ------------------------------------------------------------------------------------------------------------------- */

double test_peak_mb(pid_t pid) {
    char path[64], line[256];
    double kb = NAN;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) (void)!sscanf(line, "VmHWM: %lf kB", &kb);
    if (f) fclose(f);
    return kb * 1024e-6;
}

double test_servers_peak_mb(const test_servers *s) {
    double most = 0;
    for (unsigned i = 0; i < HG_SERVERS; i++) most = fmax(most, test_peak_mb(s->pid[i]));
    return most;
}
