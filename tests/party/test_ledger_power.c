/* tests/party/test_ledger_power.c -- a server dies while it charges: what it told is charged */
#include "ledger_kit.h"

typedef struct {
    kit *k;
    int told;
    unsigned from, jobs;
} life;

static hg_status ask(void *ctx, hg_err *err) {
    life *l = ctx;
    hg_store *s;
    hg_charged out;
    unsigned char transcript[HG_DIGEST] = { 1 };
    l->k->opts.step = kit_step;
    HG_TRY(kit_try(&s, l->k, false, err));
    if (write(l->told, "o", 1) != 1) return HG_EIO;
    for (unsigned i = l->from; i < l->from + l->jobs; i++) {
        hg_charge c = job_of(i);
        c.user_budget = c.dataset_budget = 100000;
        HG_TRY(hg_ledger_charge(&out, s, &c, err));
        if (write(l->told, "c", 1) != 1) return HG_EIO;
        HG_TRY(hg_ledger_keep(s, c.job, "seed", "seed", 4, err));
        HG_TRY(hg_ledger_answer(s, c.job, transcript, err));
        if (write(l->told, "a", 1) != 1) return HG_EIO;
    }
    hg_store_free(s);
    return HG_OK;
}

/* The log since `seen` tells of each charge, no more and no less. */
static void check_log(hg_store *s, const kit *k, size_t charges, hg_audit_head *seen) {
    const hg_audit_head before = *seen;
    size_t told_of = 0;
    hg_text log = hg_text_new(0);
    hg_audit_log *l;
    assert_ok(hg_audit_export(&log, s, before.sequence ? before.sequence : 1, NULL, NULL));
    assert_ok(hg_audit_read(&l, "log", log.s, log.len, NULL));
    assert_ok(hg_audit_verify(seen, l, k->key, NULL, before.sequence ? &before : NULL, NULL));
    for (size_t i = 0; i < l->n; i++)
        told_of += l->entry[i].sequence > before.sequence && l->entry[i].kind == HG_AUDIT_JOB_CHARGED;
    assert_int_equal(told_of, charges);
    hg_audit_log_free(l);
    hg_text_free(&log);
}

/* What was acknowledged is charged; what is charged beyond that is at most the one that was on its way. */
static unsigned check_life(kit *k, const char *told, unsigned from, hg_audit_head *seen) {
    unsigned charged = 0, answered = 0;
    hg_text t = hg_text_new(0);
    for (const char *c = told; *c; c++) {
        charged += *c == 'c';
        answered += *c == 'a';
    }
    k->opts.step = NULL;
    hg_store *s = kit_open(k);
    const uint64_t spent = spent_by(s, "carol") - from;
    assert_true(spent >= charged && spent <= charged + 1);
    for (unsigned i = 0; i < spent; i++) {
        hg_charge c = job_of(from + i);
        hg_job_record r;
        c.user_budget = c.dataset_budget = 100000;
        assert_ok(hg_ledger_job(&r, s, c.job, NULL));
        if (i < answered) assert_int_equal(r.state, HG_JOB_ANSWERED);
        if (r.state == HG_JOB_ANSWERED) {
            assert_int_equal(hg_ledger_kept(&t, s, c.job, "seed", NULL), HG_ENOTFOUND);
        } else {
            hg_charged out;
            assert_ok(hg_ledger_charge(&out, s, &c, NULL));
            assert_true(out.free); /* it goes on without another charge */
        }
    }
    hg_text_free(&t);
    check_log(s, k, (size_t)spent, seen);
    hg_store_free(s);
    return from + (unsigned)spent; /* each job costs one */
}

static void drain(char told[64], int fd) {
    const ssize_t n = read(fd, told, 63);
    told[n > 0 ? n : 0] = '\0';
}

static void no_death_at_any_step_undercounts(void **state) {
    (void)state;
    kit k;
    char told[64];
    int fd[2];
    bool died = true;
    unsigned done = 0;
    hg_audit_head seen = { .sequence = 0 };
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    hg_store_free(new_store(&k, "!steps", 1));
    for (long at = 0; died; at++) {
        life l = { .k = &k, .told = fd[1], .from = done, .jobs = 2 };
        died = kit_dies(ask, &l, at);
        drain(told, fd[0]);
        if (!died) assert_string_equal(told, "ocaca");
        done = check_life(&k, told, done, &seen);
    }
    close(fd[0]);
    close(fd[1]);
    test_remove_tree(k.folder);
}

static void no_power_failure_undercounts(void **state) {
    (void)state;
    kit k;
    char told[64];
    int fd[2];
    long work = 0;
    unsigned done = 0;
    hg_audit_head seen = { .sequence = 0 };
    hg_rng g = hg_rng_make(11, 11);
    hg_store_free(new_store(&k, "!power", 1));
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    for (int run = 0; run <= KIT_DEATHS; run++) {
        const pid_t child = fork();
        if (child == 0) {
            life l = { .k = &k, .told = fd[1], .from = done, .jobs = 4 };
            _exit(ask(&l, NULL) == HG_OK ? 0 : 1);
        }
        kit_power_fails(child, fd[0], &g, &work);
        drain(told, fd[0]);
        done = check_life(&k, told, done, &seen);
    }
    print_message("%u jobs in %d lives\n", done, KIT_DEATHS);
    close(fd[0]);
    close(fd[1]);
    test_remove_tree(k.folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(no_death_at_any_step_undercounts),
        TEST(no_power_failure_undercounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
