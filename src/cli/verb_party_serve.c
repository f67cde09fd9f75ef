/* cli/verb_party_serve.c -- `hagane party serve`: one of the three servers, until SIGTERM */
#include "cli/output.h"
#include "cli/party.h"
#include "files/folders.h"
#include "party/client.h"
#include "party/server.h"
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A signal belongs to the process: the one thing here that is not in a struct. */
static hg_cancel *stopper;

static void on_stop(int number) {
    (void)number;
    hg_cancel_raise(stopper);
}

static void catch_signals(hg_cancel *stop) {
    stopper = stop;
    struct sigaction action = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND }; /* the second one kills */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Lines for a log: UTC time, words. Several threads write. */
static void on_log(void *user, hg_log_level level, const char *message) {
    const cli_run *run = user;
    if (run->quiet && level != HG_LOG_WARN) return;
    char when[32] = "";
    const time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(stderr, "%s %s\n", when, message); /* one call, one line */
}

typedef struct {
    hg_cluster cluster;
    hg_identity *identity;
    hg_store *store;
    hg_cancel *stop;
    hg_server *server;
    hg_hooks hooks;
    char folder[HG_PATH_SIZE], spool[HG_PATH_SIZE];
} service;

static hg_status make_folder(char path[HG_PATH_SIZE], const char *parent, const char *name, hg_err *err) {
    const int n = snprintf(path, HG_PATH_SIZE, "%s/%s", parent, name);
    if (n < 0 || n >= HG_PATH_SIZE) return hg_fail(err, HG_EIO, "the folder's name is too long: %s", parent);
    return hg_folder_make(path, HG_FOLDER_PRIVATE, err);
}

static hg_status open_store(service *v, cli_run *run, hg_err *err) {
    HG_TRY(make_folder(v->folder, run->args.positional[0], "store", err));
    HG_TRY(make_folder(v->spool, run->args.positional[0], "spool", err));
    return cli_store_open(&v->store, run->args.positional[0], v->identity, &v->cluster, cli_has(&run->args, "new"), run,
                          err);
}

static hg_status open_service(service *v, cli_run *run, hg_err *err) {
    const char *cluster = cli_value(&run->args, "cluster"), *listen = cli_value(&run->args, "listen");
    static char host[HG_HOST_SIZE];
    uint16_t port;
    hg_identity_opts id = hg_identity_opts_default();
    if (!cluster) return hg_fail(err, HG_EINVAL, "--cluster is missing: the cluster's file");
    HG_TRY(cli_passphrase(&id.passphrase, &id.passphrase_n, run, err));
    HG_TRY(hg_cluster_read(&v->cluster, cluster, err));
    HG_TRY(hg_identity_load(&v->identity, run->args.positional[0], &id, hg_world_system(), err));
    HG_TRY(open_store(v, run, err));
    HG_TRY(hg_cancel_new(&v->stop, err));
    hg_server_opts o = hg_server_opts_default();
    o.cluster = &v->cluster;
    o.identity = v->identity;
    o.store = v->store;
    o.world = hg_world_system();
    o.stop = v->stop;
    o.pool = run->pool;
    o.spool = v->spool;
    o.hooks = &v->hooks;
    o.jobs = cli_count(&run->args, "jobs", o.jobs);
    o.links = cli_count(&run->args, "links", o.links);
    o.projects = cli_count(&run->args, "projects", o.projects);
    o.member_projects = cli_count(&run->args, "member-projects", o.member_projects);
    o.upload_rows = cli_count(&run->args, "upload-rows", (size_t)o.upload_rows);
    o.keep_free = (uint64_t)cli_count(&run->args, "keep-free", (size_t)(o.keep_free >> 20)) << 20;
    o.table_bytes = cli_count(&run->args, "table-memory", o.table_bytes >> 20) << 20;
    if (listen) {
        HG_TRY(hg_address_read(host, &port, listen, err));
        o.host = host;
        o.port = port;
    }
    return hg_server_new(&v->server, &o, err);
}

/* A question takes tens of megabytes and gives them back, many times. Had from the kernel each time, that is a quarter of its work. */
static void keep_freed_memory(void) {
#ifdef __GLIBC__
    enum { LARGEST = 32 << 20, KEPT = 64 << 20 };
    (void)mallopt(M_MMAP_THRESHOLD, LARGEST);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT);
#endif
}

static hg_status run_serve(cli_run *run, hg_err *err) {
    service v = { .hooks = { .log = on_log, .user = run } };
    keep_freed_memory();
    hg_status st = open_service(&v, run, err);
    if (st == HG_OK) {
        const hg_certificate *self = hg_identity_certificate(v.identity);
        const int64_t days = hg_certificate_days(self, hg_world_now(hg_world_system()));
        const int party = hg_cluster_party_of_key(&v.cluster, self->signing_key);
        catch_signals(v.stop);
        if (days < 30) hg_log(&v.hooks, HG_LOG_WARN, "warning: the certificate ends in %lld days", (long long)days);
        hg_log(&v.hooks, HG_LOG_INFO, "ready: party %d \"%s\" listens on port %u", party, self->name,
               (unsigned)hg_server_port(v.server));
        st = hg_server_run(v.server, err);
        hg_log(&v.hooks, HG_LOG_INFO, "stopped: party %d \"%s\"", party, self->name);
    }
    hg_server_free(v.server);
    hg_store_free(v.store);
    hg_identity_free(v.identity);
    return st; /* the cancel stays: a late signal may still raise it */
}

static const cli_positional POSITIONAL[] = {
    { .name = "FOLDER", .type = CLI_INPUT, .help = "The server's folder, made by `hagane party init`." },
    { .name = NULL },
};
static const cli_option OPTIONS[] = {
    CLI_PARTY_CLUSTER("The cluster's file: the three servers."),
    CLI_PARTY_KEY_FILE(
        "File with the key that encrypts the store, 64 hexadecimal digits, readable by its owner alone. Keep it on another "
        "disk than the store and its backups."),
    { .name = "new", .help = "Make the store of a new server. One that is there is never touched." },
    { .name = "listen",
      .type = CLI_TEXT,
      .argument = "HOST:PORT",
      .fallback = "the address in the cluster's file",
      .help = "Where to listen, behind a relay or a container. Port 0: any free one." },
    { .name = "jobs",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1024,
      .fallback = "4",
      .help = "How many questions to compute at once." },
    { .name = "links",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 4,
      .max = 10000,
      .fallback = "64",
      .help = "How many members may be connected at once." },
    { .name = "projects",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1e6,
      .fallback = "256",
      .help = "How many projects this server takes." },
    { .name = "member-projects",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1e6,
      .fallback = "16",
      .help = "How many projects one member may bring: send the first policy of." },
    { .name = "upload-rows",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1e8,
      .fallback = "10000000",
      .help = "How many rows one data set may have. A longer one is refused; its owner shares it in parts." },
    { .name = "keep-free",
      .type = CLI_INTEGER,
      .argument = "MIB",
      .min = 0,
      .max = 1e9,
      .unit = "MiB",
      .fallback = "1024",
      .help = "How much of the server's disk no upload may take." },
    { .name = "table-memory",
      .type = CLI_INTEGER,
      .argument = "MIB",
      .min = 1,
      .max = 1e6,
      .unit = "MiB",
      .fallback = "2048",
      .help = "Memory for public tables that are kept between questions." },
    CLI_THREADS("How many threads to compute public tables with."),
    CLI_PARTY_PASSPHRASE("File whose first line is the passphrase of the server's keys."),
    { .name = NULL },
};
static const cli_group GROUP = { "Server", OPTIONS };
static const cli_group *const GROUPS[] = { &GROUP, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane party serve univ --cluster cluster.yaml --key-file univ.key --new", "the first start" },
    { "hagane party serve univ --cluster cluster.yaml --key-file univ.key", "every later start" },
    { .command = NULL },
};
const cli_verb cli_party_serve_record = {
    .name = "party serve",
    .summary = "run one of the three servers until SIGTERM",
    .description =
        "Runs one of the three servers. It takes policies, share files and questions, and computes with the two others. "
        "It logs one line for everything that happens on standard error: sizes, names, times, never a value. When it is "
        "ready it says so with its port. SIGTERM or SIGINT lets running questions end and then stops; a second one "
        "kills, which loses nothing either.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json = "Nothing: it prints no result.",
    .run = run_serve,
};
