/* bench/rounds.c -- what a round of three servers costs: three processes on loopback, TLS 1.3, beside the same bytes over bare TCP
 *
 *   rounds [--json] [--quick]
 *
 * A round: each server sends 64 bytes to both neighbours and takes 64 from both. Times are wall clock at server 0; processor time is the
 * mean of the three.
 *
 *   connect_ms      TCP, TLS handshake with mutual certificates, ready messages: until a link may be used, median
 *   round_us        median of a round;  round_p99_us: 99 of 100 are faster
 *   round_cpu_us    processor time of one server in a round, kernel included
 *   tcp_round_us    the same round over bare sockets with poll: what the kernel alone takes;  tcp_cpu_us
 *   bulk_mb_per_s   rounds of 1 MiB each way: 10^6 bytes a second that each server sends
 *   far_round_ms    a round when every line takes 20 ms one way (a relay of our own)
 */
#include "files/json.h"
#include "party/channel_tls.h"
#include "party/run_keys.h"
#include "relay.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SMALL = 64, BULK = 1 << 20, DELAY_US = 20000, MOST_ROUNDS = 20000 };

typedef struct { /* what a server of a ring reports */
    double seconds[MOST_ROUNDS];
    size_t rounds;
    double cpu;
} report;

typedef struct {
    char folder[64];
    hg_identity *id[3];
    hg_cluster cluster;
    hg_listener *listener[3];
    relay *line[3]; /* in front of server i; NULL: none */
    report *report; /* [3], shared memory would do; a pipe does */
} net;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void need(hg_status st, const hg_err *err) {
    if (st == HG_OK) return;
    fprintf(stderr, "rounds: %s\n", err->msg);
    exit(1);
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *x, size_t n, double q) {
    qsort(x, n, sizeof *x, compare);
    return x[(size_t)(q * (double)(n - 1))];
}

/* ---- members in a folder of their own --------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void make_net(net *n) {
    hg_err err;
    char path[128], authority[128];
    const hg_world *w = hg_world_system();
    memset(n, 0, sizeof *n);
    snprintf(n->folder, sizeof n->folder, "/tmp/hagane-rounds-XXXXXX");
    if (!mkdtemp(n->folder)) exit(1);
    snprintf(authority, sizeof authority, "%s/authority", n->folder);
    need(hg_authority_create(authority, "bench", NULL, w, &err), &err);
    snprintf(n->cluster.name, HG_NAME_SIZE, "bench");
    snprintf(n->cluster.authority, HG_PATH_SIZE, "%s/authority.pem", authority);
    for (int i = 0; i < 3; i++) {
        hg_cluster_server *s = &n->cluster.server[i];
        snprintf(s->name, HG_NAME_SIZE, "server-%d", i);
        snprintf(s->host, HG_HOST_SIZE, "127.0.0.1");
        snprintf(path, sizeof path, "%s/%d", n->folder, i);
        need(hg_identity_create(path, s->name, HG_ROLE_SERVER, authority, NULL, w, &err), &err);
        need(hg_identity_load(&n->id[i], path, NULL, w, &err), &err);
        memcpy(s->signing_key, hg_identity_certificate(n->id[i])->signing_key, HG_PUBLIC_KEY);
        memcpy(s->sealing_key, hg_identity_certificate(n->id[i])->sealing_key, HG_PUBLIC_KEY);
        need(hg_listener_new(&n->listener[i], "127.0.0.1", 0, &err), &err);
        s->port = hg_listener_port(n->listener[i]);
    }
}

static void free_net(net *n) {
    for (int i = 0; i < 3; i++) {
        hg_identity_free(n->id[i]);
        hg_listener_free(n->listener[i]);
    }
    nftw(n->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- a ring of three processes ---------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned party;
    hg_tls *tls;
    hg_link *next, *previous;
    hg_channel_tls *channel;
} server;

static hg_link_opts job_opts(const net *n) {
    hg_link_opts o = hg_link_opts_default();
    o.cluster = &n->cluster;
    o.purpose = HG_PURPOSE_JOB;
    return o;
}

static void accept_previous(server *s, const net *n) {
    hg_err err;
    int fd;
    const hg_link_opts o = job_opts(n);
    need(hg_listener_wait(&fd, n->listener[s->party], 10000, NULL, hg_world_system(), &err), &err);
    need(hg_link_accept(&s->previous, s->tls, fd, &o, &err), &err);
}

/* Server 0 dials first, the others once they were called: one thread each is enough. */
static void join_ring(server *s, const net *n, unsigned party) {
    hg_err err;
    *s = (server) { .party = party };
    const hg_link_opts o = job_opts(n);
    need(hg_tls_new(&s->tls, n->id[party], n->cluster.authority, hg_world_system(), &err), &err);
    if (party != 0) accept_previous(s, n);
    need(hg_link_connect(&s->next, s->tls, (party + 1) % 3, &o, &err), &err);
    if (party == 0) accept_previous(s, n);
    need(hg_channel_tls_new(&s->channel, party, s->next, s->previous, NULL, &err), &err);
}

static void leave_ring(server *s) {
    hg_channel_tls_free(s->channel);
    hg_link_free(s->next);
    hg_link_free(s->previous);
    hg_tls_free(s->tls);
}

static void tls_round(server *s, uint32_t round, unsigned char *out, unsigned char *in[2], size_t n) {
    hg_err err;
    hg_channel *c = hg_channel_tls_channel(s->channel);
    const hg_exchange x = { .out = { out, out }, .out_n = { n, n }, .in = { in[0], in[1] }, .in_n = { n, n } };
    need(c->exchange(c->self, HG_PHASE_COMPUTE, round, &x, &err), &err);
}

/* ---- the same over bare TCP ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int fd[2];
} bare;

static int bare_dial(uint16_t port) {
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_port = htons(port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) exit(1);
    return fd;
}

static void bare_join(bare *b, const net *n, unsigned party) {
    hg_err err;
    const int one = 1;
    b->fd[HG_NEXT] = bare_dial(n->cluster.server[(party + 1) % 3].port);
    need(hg_listener_wait(&b->fd[HG_PREVIOUS], n->listener[party], 10000, NULL, hg_world_system(), &err), &err);
    for (int k = 0; k < 2; k++) {
        setsockopt(b->fd[k], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (fcntl(b->fd[k], F_SETFL, O_NONBLOCK) != 0) exit(1);
    }
}

static void bare_round(bare *b, const unsigned char *out, unsigned char *in[2], size_t n) {
    size_t got[2] = { 0, 0 };
    for (int k = 0; k < 2; k++)
        if (send(b->fd[k], out, n, MSG_NOSIGNAL) != (ssize_t)n) exit(1);
    while (got[0] < n || got[1] < n) {
        struct pollfd p[2];
        for (int k = 0; k < 2; k++) p[k] = (struct pollfd) { .fd = got[k] < n ? b->fd[k] : -1, .events = POLLIN };
        if (poll(p, 2, 10000) <= 0) exit(1);
        for (int k = 0; k < 2; k++) {
            const ssize_t piece = p[k].revents ? recv(b->fd[k], in[k] + got[k], n - got[k], 0) : 0;
            if (piece < 0) exit(1);
            got[k] += (size_t)piece;
        }
    }
}

/* ---- measuring ------------------------------------------------------------------------------------------------------------------ */

typedef enum { OVER_TLS, OVER_TCP } kind;

static void play(report *r, const net *n, unsigned party, kind how, size_t bytes, size_t rounds) {
    server s;
    bare b;
    unsigned char *out = calloc(bytes, 1), *in[2] = { malloc(bytes), malloc(bytes) };
    if (how == OVER_TLS)
        join_ring(&s, n, party);
    else
        bare_join(&b, n, party);
    const size_t warm = rounds / 10;
    double begin_cpu = 0;
    for (size_t i = 0; i < warm + rounds; i++) {
        if (i == warm) begin_cpu = cpu();
        const double begin = now();
        if (how == OVER_TLS)
            tls_round(&s, (uint32_t)i, out, in, bytes);
        else
            bare_round(&b, out, in, bytes);
        if (i >= warm) r->seconds[i - warm] = now() - begin;
    }
    r->rounds = rounds;
    r->cpu = (cpu() - begin_cpu) / (double)rounds;
    if (how == OVER_TLS) leave_ring(&s);
    free(out), free(in[0]), free(in[1]);
}

static bool write_all(int fd, const void *bytes, size_t n) {
    for (const char *at = bytes; n;) {
        const ssize_t put = write(fd, at, n);
        if (put <= 0) return false;
        at += put;
        n -= (size_t)put;
    }
    return true;
}

static bool read_all(int fd, void *bytes, size_t n) {
    for (char *at = bytes; n;) {
        const ssize_t got = read(fd, at, n);
        if (got <= 0) return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

/* Three processes; server 0's times, the mean of the processor time of all. */
static void run_ring(report *out, const net *n, kind how, size_t bytes, size_t rounds) {
    int pipes[3][2];
    pid_t child[3];
    double total = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (pipe2(pipes[i], O_CLOEXEC) != 0 || (child[i] = fork()) < 0) exit(1);
        if (child[i] == 0) {
            report *r = calloc(1, sizeof *r);
            play(r, n, i, how, bytes, rounds);
            _exit(write_all(pipes[i][1], r, sizeof *r) ? 0 : 1);
        }
        close(pipes[i][1]);
    }
    for (int i = 2; i >= 0; i--) {
        if (!read_all(pipes[i][0], out, sizeof *out)) exit(1);
        close(pipes[i][0]);
        waitpid(child[i], NULL, 0);
        total += out->cpu;
    }
    out->cpu = total / 3;
}

/* One process accepts, this one connects again and again. */
static double connect_ms(net *n, size_t times) {
    double *t = malloc(times * sizeof *t);
    hg_err err;
    hg_tls *tls;
    const pid_t child = fork();
    if (child == 0) {
        server s = { .party = 1 };
        need(hg_tls_new(&s.tls, n->id[1], n->cluster.authority, hg_world_system(), &err), &err);
        for (size_t i = 0; i < times; i++) {
            accept_previous(&s, n);
            hg_link_free(s.previous);
        }
        hg_tls_free(s.tls);
        _exit(0);
    }
    const hg_link_opts o = job_opts(n);
    need(hg_tls_new(&tls, n->id[0], n->cluster.authority, hg_world_system(), &err), &err);
    for (size_t i = 0; i < times; i++) {
        hg_link *k;
        const double begin = now();
        need(hg_link_connect(&k, tls, 1, &o, &err), &err);
        t[i] = now() - begin;
        hg_link_free(k);
    }
    hg_tls_free(tls);
    waitpid(child, NULL, 0);
    const double median = quantile(t, times, 0.5);
    free(t);
    return 1e3 * median;
}

/* The same cluster behind relays. */
static double far_round_ms(net *n, report *r, size_t rounds) {
    uint16_t port[3];
    relay *line[3];
    relay_opts o = relay_opts_default();
    o.delay_us = DELAY_US;
    for (int i = 0; i < 3; i++) {
        port[i] = n->cluster.server[i].port;
        line[i] = relay_new("127.0.0.1", port[i], &o);
        if (!line[i]) exit(1);
        n->cluster.server[i].port = relay_port(line[i]);
    }
    run_ring(r, n, OVER_TLS, SMALL, rounds);
    for (int i = 0; i < 3; i++) {
        n->cluster.server[i].port = port[i];
        relay_free(line[i]);
    }
    return 1e3 * quantile(r->seconds, r->rounds, 0.5);
}

static hg_status to_stdout(void *ctx, const char *bytes, size_t n, hg_err *err) {
    return fwrite(bytes, 1, n, ctx) == n ? HG_OK : hg_fail(err, HG_EIO, "standard output cannot be written to");
}

int main(int argc, char **argv) {
    bool json = false, quick = false;
    for (int i = 1; i < argc; i++) {
        json = json || !strcmp(argv[i], "--json");
        quick = quick || !strcmp(argv[i], "--quick");
    }
    net n;
    report *r = calloc(1, sizeof *r);
    const size_t rounds = quick ? 2000 : MOST_ROUNDS;
    make_net(&n);
    const double connect = connect_ms(&n, quick ? 20 : 100);
    run_ring(r, &n, OVER_TLS, SMALL, rounds);
    const double cpu_us = 1e6 * r->cpu, p99 = 1e6 * quantile(r->seconds, r->rounds, 0.99),
                 median = 1e6 * quantile(r->seconds, r->rounds, 0.5);
    run_ring(r, &n, OVER_TCP, SMALL, rounds);
    const double tcp_cpu = 1e6 * r->cpu, tcp = 1e6 * quantile(r->seconds, r->rounds, 0.5);
    run_ring(r, &n, OVER_TLS, BULK, quick ? 40 : 200);
    const double bulk = 2 * BULK / quantile(r->seconds, r->rounds, 0.5) / 1e6;
    const double far = far_round_ms(&n, r, quick ? 20 : 50);
    free_net(&n);
    free(r);

    const struct {
        const char *key, *words;
        double value;
    } out[] = { { "connect_ms", "a link, ms", connect },
                { "round_us", "a round, us", median },
                { "round_p99_us", "99 of 100 rounds, us", p99 },
                { "round_cpu_us", "processor time of a server in a round, us", cpu_us },
                { "tcp_round_us", "a round over bare TCP, us", tcp },
                { "tcp_cpu_us", "processor time of it, us", tcp_cpu },
                { "bulk_mb_per_s", "large rounds, MB/s a server", bulk },
                { "far_round_ms", "a round with 20 ms one way, ms", far } };
    hg_json j;
    if (json) hg_json_begin(&j, to_stdout, stdout, 2);
    if (json) hg_json_begin_object(&j, NULL);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        if (json)
            hg_json_number(&j, out[i].key, out[i].value);
        else
            printf("%-44s %10.3f\n", out[i].words, out[i].value);
    }
    if (!json) return 0;
    hg_err err;
    hg_json_end_object(&j);
    need(hg_json_end(&j, &err), &err);
    return 0;
}
