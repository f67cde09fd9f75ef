/* tests/support/magnets.c -- see magnets.h */
#include "magnets.h"
#include "members.h"
#include "party/epoch.h"
#include "secret/tier1.h"
#include "test.h"
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 400, ROWS_MOST = 1024 };
static const char PROJECT[] = "magnets";

/* ---- the project ------------------------------------------------------------------------------------------------------------- */

double magnets_hc(const magnets *m, size_t row) {
    const double last = (double)(m->side - 1);
    const double x = (double)(row % m->side) / last - 0.7, y = (double)(row / m->side) / last - 0.4;
    return 2.8 * exp(-3 * (x * x + y * y)) + 0.1 * sin(7 * x - 3 * y) + 0.1;
}

static void write_head(hg_text *to, const magnets *m, const char *mode) {
    hg_text_add(
        to,
        "hagane policy: 1\nproject: %s\ntier: properties\nmode: %s\n"
        "valid: {from: 2020-01-01, until: 2090-01-01}\n"
        "target: {column: Hc, unit: T, goal: maximize, low: 0, high: 3}\n"
        "features: [{column: x, low: 0, high: %zu}, {column: y, low: 0, high: %zu}]\n"
        "limits: {queries per data set: %d, least foreign rows: 1}\n"
        "model: {lengths: [0.2, 0.5, 1.0], noises: [0.001, 0.01]}\npool:\n  id: name\n  rows: |\n    name,x,y\n",
        PROJECT, mode, m->side - 1, m->side - 1, MAGNETS_BUDGET);
    for (size_t i = 0; i < m->pool; i++) hg_text_add(to, "    M%zu,%zu,%zu\n", i, i % m->side, i / m->side);
}

hg_party *magnets_party(const magnets *m, const char *member) {
    hg_party *p;
    hg_err err;
    assert_ok_err(consortium_open(&p, &m->s.c, member, NULL, &err), err);
    return p;
}

void magnets_start(magnets *m, unsigned server) {
    hg_err err;
    assert_ok_err(test_servers_start(&m->s, server, &err), err);
}

magnets *magnets_new(const char *name, const char *mode, size_t side) {
    magnets *m = calloc(1, sizeof *m);
    char folder[PATH];
    hg_err err;
    assert_true(m && side <= MAGNETS_SIDE_MOST);
    m->side = side;
    m->pool = side * side;
    test_scratch(folder, sizeof folder, name);
    test_remove_tree(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_ok_err(test_servers_make(&m->s, folder, &err), err);
    m->s.limits.pulse_ms = 200;
    m->s.limits.peer_ms = 2000;
    m->s.limits.round_ms = 3000;
    m->s.limits.grace_ms = 2000;
    for (unsigned i = 0; i < HG_SERVERS; i++) magnets_start(m, i);
    hg_text head = hg_text_new(0);
    write_head(&head, m, mode);
    assert_ok_err(consortium_policy(&m->s.c, head.s, "", MAGNETS_BUDGET, "c", &err), err);
    hg_text_free(&head);
    hg_party *p = magnets_party(m, "c");
    assert_ok_err(hg_party_policy(&m->policy, p, PROJECT, &err), err);
    hg_party_free(p);
    for (size_t k = HG_SERVERS; k < m->s.c.n_members; k++) {
        char outbox[CONSORTIUM_PATH];
        assert_int_equal(mkdir(consortium_path(outbox, &m->s.c, m->s.c.member[k].name, "outbox"), 0700), 0);
    }
    return m;
}

void magnets_free(magnets *m) {
    test_servers_stop_all(&m->s);
    hg_policy_free(m->policy);
    test_remove_tree(m->s.c.folder);
    free(m);
}

const char *magnets_log(hg_text *to, const magnets *m, unsigned server) {
    char path[PATH];
    hg_err err;
    *to = hg_text_new(0);
    snprintf(path, sizeof path, "%s/s%u/log", m->s.c.folder, server);
    assert_ok_err(hg_party_read_file(to, path, &err), err);
    return to->s;
}

/* ---- one party that sees everything ------------------------------------------------------------------------------------------- */

size_t magnets_answer(const magnets *m, const size_t *row, size_t n) {
    const hg_policy *p = m->policy;
    hg_err err;
    hg_t1_tables *tables;
    hg_run *run;
    hg_share y;
    hg_bits index;
    bool excluded[MAGNETS_SIDE_MOST * MAGNETS_SIDE_MOST] = { false };
    double pool[2 * MAGNETS_SIDE_MOST * MAGNETS_SIDE_MOST];
    static uint64_t words[ROWS_MOST * HG_RING_LIMBS];
    assert_true(n <= ROWS_MOST);
    hg_policy_scaled_pool(pool, p);
    for (size_t i = 0; i < n; i++) {
        assert_ok_err(hg_policy_scale(words + HG_RING_LIMBS * i, p, magnets_hc(m, row[i]), &err), err);
        excluded[row[i]] = true;
    }
    assert_ok_err(hg_t1_tables_new(&tables, NULL, &p->model, pool, m->pool, 2, row, n, NULL, NULL, &err), err);
    const hg_run_opts o = { .mode = HG_PLAIN, .imitated = p->mode };
    assert_ok_err(hg_run_new(&run, &o, &err), err);
    assert_ok_err(hg_share_input(&y, run, (const uint64_t *const[]) { words, NULL }, n, HG_RING_LIMBS, &err), err);
    const hg_t1_opts job = { .excluded = excluded, .batch = 1 };
    assert_ok_err(hg_t1_propose(&index, run, tables, &y, &job, &err), err);
    const size_t answer = (size_t)index.slot[0][0];
    hg_run_free(run);
    hg_t1_tables_free(tables);
    return answer;
}

/* ---- a member's process ---------------------------------------------------------------------------------------------------------- */

static int64_t standing(void *self) { return *(const int64_t *)self; }
static int64_t running(void *self) { return hg_world_system()->monotonic_ms(self); }

static hg_status write_table(const char *path, const magnets *m, const magnets_op *op, hg_err *err) {
    FILE *f = fopen(path, "w");
    if (!f) return hg_fail(err, HG_EIO, "%s cannot be made", path);
    fprintf(f, "name,x,y,Hc\n");
    for (size_t i = 0; i < op->n; i++)
        fprintf(f, "M%zu,%zu,%zu,%.17g\n", op->row[i], op->row[i] % m->side, op->row[i] / m->side,
                magnets_hc(m, op->row[i]));
    return fclose(f) == 0 ? HG_OK : hg_fail(err, HG_EIO, "%s cannot be written", path);
}

static hg_status share(magnets_result *r, const magnets *m, hg_party *p, const char *folder, const magnets_op *op,
                       hg_err *err) {
    char path[CONSORTIUM_PATH + 32];
    hg_party_shared shared;
    const hg_party_share_opts o = { .folder = folder };
    if (op->again) HG_TRY(hg_party_share_again(&r->handed_in, p, PROJECT, &o, err));
    if (r->handed_in) return HG_OK;
    snprintf(path, sizeof path, "%s/table.csv", folder);
    if (!op->table) HG_TRY(write_table(path, m, op, err));
    HG_TRY(hg_party_share(&shared, p, PROJECT, op->table ? op->table : path, &o, err));
    memcpy(r->dataset, shared.dataset, sizeof r->dataset);
    return HG_OK;
}

static hg_status ask(magnets_result *r, hg_party *p, const char *folder, const magnets_op *op, hg_err *err) {
    hg_party_answer *a;
    const hg_party_suggest_opts o = { .batch = 1, .save = op->keep ? folder : NULL };
    HG_TRY(hg_party_suggest(&a, p, PROJECT, &o, err));
    r->index = a->proposal[0].row;
    r->rows = a->rows;
    r->datasets = a->datasets;
    r->left = a->budget_left;
    memcpy(r->job, a->job, sizeof r->job);
    hg_party_answer_free(a);
    return HG_OK;
}

static hg_status work(magnets_result *r, const magnets *m, const magnets_op *op, hg_err *err) {
    char outbox[CONSORTIUM_PATH];
    int64_t now = op->now;
    hg_world world = *hg_world_system();
    hg_party *p;
    hg_party_opts o = hg_party_opts_default();
    if (now) world = (hg_world) { .now = standing, .monotonic_ms = running, .self = &now };
    consortium_path(outbox, &m->s.c, op->member, "outbox");
    o.world = &world;
    o.wait_ms = op->wait_ms;
    o.ready_ms = 3000;
    HG_TRY(consortium_open(&p, &m->s.c, op->member, &o, err));
    hg_status st = HG_EINVAL;
    switch (op->kind) {
    case MAGNETS_SHARE: st = share(r, m, p, outbox, op, err); break;
    case MAGNETS_ASK: st = ask(r, p, outbox, op, err); break;
    case MAGNETS_WITHDRAW: st = hg_party_withdraw(p, PROJECT, op->dataset, err); break;
    default: st = hg_party_refresh(&r->epoch, p, PROJECT, HG_NOBODY, err);
    }
    hg_party_free(p);
    return st;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void run_child(const magnets *m, const magnets_op *op, int fd) {
    enum { OUT = 3 };
    magnets_result r = { .st = HG_OK };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd != OUT) dup2(fd, OUT);
    close_range(OUT + 1, ~0u, 0);
    const double begin = now_ms();
    r.st = work(&r, m, op, &r.err);
    r.ms = now_ms() - begin;
    r.peak_mb = test_peak_mb(getpid());
    const char *at = (const char *)&r;
    for (size_t left = sizeof r; left;) {
        const ssize_t n = write(OUT, at, left);
        if (n <= 0) _exit(1);
        at += n;
        left -= (size_t)n;
    }
    _exit(0);
}

magnets_child magnets_begin(const magnets *m, const magnets_op *op) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) run_child(m, op, ends[1]);
    close(ends[1]);
    return (magnets_child) { pid, ends[0] };
}

bool magnets_end(magnets_result *out, magnets_child *child, int most_ms) {
    char *at = (char *)out;
    size_t left = sizeof *out;
    const double end = now_ms() + most_ms;
    while (left) {
        struct pollfd p = { .fd = child->fd, .events = POLLIN };
        const double time = fmax(0, end - now_ms());
        if (poll(&p, 1, (int)ceil(time)) < 0 || (time <= 0 && !p.revents)) break;
        if (!p.revents) continue;
        const ssize_t n = read(child->fd, at, left);
        if (n <= 0) break;
        at += n;
        left -= (size_t)n;
    }
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    close(child->fd);
    *child = (magnets_child) { 0, -1 };
    return left == 0;
}

magnets_result magnets_do(const magnets *m, const magnets_op *op) {
    magnets_result r;
    magnets_child child = magnets_begin(m, op);
    assert_true(magnets_end(&r, &child, 120000));
    return r;
}
