/* tests/party/test_store_power.c -- the store through power failures, at every commit and at random moments */
#include "party/audit.h"
#include "party/store.h"
#include "store_kit.h"

typedef struct {
    kit *k;
    const kit_set *set;
    unsigned char master[HG_MASTER_KEY];
    int told; /* pipe: one byte a set that was acknowledged */
} job;

static hg_status upload_two(void *ctx, hg_err *err) {
    job *j = ctx;
    hg_store *s;
    j->k->opts.step = kit_step;
    HG_TRY(kit_try(&s, j->k, false, err));
    for (int i = 0; i < 2; i++) {
        HG_TRY(kit_upload(s, &j->set[i], 1500, err));
        if (write(j->told, "u", 1) != 1) return HG_EIO;
    }
    HG_TRY(kit_receipts(s, &j->set[0], err));
    if (write(j->told, "r", 1) != 1) return HG_EIO;
    HG_TRY(hg_store_withdraw(s, KIT_PROJECT, j->set[1].d.id, "request", 7, err));
    if (write(j->told, "w", 1) != 1) return HG_EIO;
    hg_store_free(s);
    return HG_OK;
}

/* What was acknowledged before the death is there; what was not is there whole or not at all; no key is left over. */
static void check_after(kit *k, const kit_set *set, const char *told) {
    unsigned char key[8][60];
    hg_stored d;
    size_t alive = 0;
    k->opts.step = NULL;
    hg_store *s = kit_open(k);
    for (int i = 0; i < 2; i++) {
        const hg_status st = hg_store_dataset(&d, s, set[i].d.id, NULL);
        if (strlen(told) > (size_t)i) assert_int_equal(st, HG_OK);
        if (st != HG_OK) continue;
        if (d.state == HG_DATASET_WITHDRAWN) {
            assert_true(i == 1 && strchr(told, 'r'));
            continue;
        }
        alive++;
        kit_check(s, &set[i]);
        if (i == 0 && strchr(told, 'r')) assert_int_equal(d.state, HG_DATASET_ACTIVE);
        assert_false(i == 1 && strchr(told, 'w'));
    }
    assert_int_equal(kit_wrapped_keys(key, k->folder), alive);
    /* the log is whole */
    hg_text log = hg_text_new(0);
    hg_audit_log *l;
    assert_ok(hg_audit_export(&log, s, 1, NULL, NULL));
    assert_ok(hg_audit_read(&l, "log", log.s, log.len, NULL));
    hg_err err = { 0 };
    assert_ok_err(hg_audit_verify(NULL, l, k->key, KIT_PROJECT, NULL, &err), err);
    hg_audit_log_free(l);
    hg_text_free(&log);
    hg_store_free(s);
}

static size_t drain(char told[16], int fd) {
    const ssize_t n = read(fd, told, 15);
    told[n > 0 ? n : 0] = '\0';
    return strlen(told);
}

static void no_death_at_any_step_loses_what_was_acknowledged(void **state) {
    (void)state;
    kit_set set[2] = { kit_set_new("ann", 1, 5000, 1, 0, 4), kit_set_new("bob", 1, 40, 2, 10, 0) };
    char told[16];
    int fd[2];
    bool died = true;
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    for (long at = 0; died; at++) {
        kit k;
        hg_store_free(kit_create(kit_new(&k, "!steps", 2)));
        job j = { .k = &k, .set = set, .told = fd[1] };
        died = kit_dies(upload_two, &j, at);
        drain(told, fd[0]);
        if (!died) assert_string_equal(told, "uurw");
        check_after(&k, set, told);
        test_remove_tree(k.folder);
        assert_true(at < 1000);
    }
    close(fd[0]);
    close(fd[1]);
    kit_set_free(&set[0]);
    kit_set_free(&set[1]);
}

static hg_status do_rekey(void *ctx, hg_err *err) {
    job *j = ctx;
    hg_store *s;
    j->k->opts.step = kit_step;
    HG_TRY(kit_try(&s, j->k, false, err));
    HG_TRY(hg_store_rekey(s, j->master, err));
    hg_store_free(s);
    return HG_OK;
}

static void a_new_master_key_holds_whole_or_not_at_all(void **state) {
    (void)state;
    kit k;
    hg_err err;
    unsigned char old[8][60], key[HG_MASTER_KEY];
    kit_set set[2] = { kit_set_new("ann", 1, 100, 1, 0, 4), kit_set_new("bob", 1, 40, 2, 10, 0) };
    hg_store *s = kit_create(kit_new(&k, "!rekey", 2));
    assert_ok(kit_upload(s, &set[0], 100, NULL));
    assert_ok(kit_upload(s, &set[1], 100, NULL));
    hg_store_free(s);
    job j = { .k = &k };
    bool died = true;
    for (long at = 0; died; at++) {
        assert_int_equal(kit_wrapped_keys(old, k.folder), 2);
        memset(j.master, (int)(100 + at), sizeof j.master);
        died = kit_dies(do_rekey, &j, at);
        memcpy(key, k.master, sizeof key);
        k.opts.step = NULL;
        if (kit_try(&s, &k, false, &err) != HG_OK) { /* then it is the new one */
            memcpy(k.master, j.master, sizeof key);
            s = kit_open(&k);
        }
        kit_check(s, &set[0]);
        kit_check(s, &set[1]);
        hg_store_free(s);
        if (!died) assert_memory_equal(k.master, j.master, sizeof key);
    }
    assert_false(kit_on_disk(k.folder, old[0], 60));
    memcpy(k.master, key, sizeof key);
    assert_int_equal(kit_try(&s, &k, false, &err), HG_EREFUSED); /* the old key is worth nothing */
    kit_set_free(&set[0]);
    kit_set_free(&set[1]);
    test_remove_tree(k.folder);
}

/* Power fails at any time, a hundred times, on one folder. */
static void a_hundred_power_failures(void **state) {
    (void)state;
    enum { SETS = 303, A_LIFE = 3 };
    kit k;
    hg_rng g = hg_rng_make(7, 7);
    int fd[2];
    long work = 0;
    static kit_set set[SETS];
    for (int i = 0; i < SETS; i++) set[i] = kit_set_new("ann", (uint64_t)i + 1, 1 + (uint64_t)i * 97 % 2000, 1, 0, 4);
    hg_store_free(kit_create(kit_new(&k, "!power", 0)));
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    int done = 0;
    for (int run = 0; run <= 100; run++) {
        const pid_t child = fork();
        if (child == 0) {
            hg_store *s;
            if (kit_try(&s, &k, false, NULL) != HG_OK || write(fd[1], "o", 1) != 1) _exit(1);
            for (int i = done; i < done + A_LIFE; i++) {
                if (kit_upload(s, &set[i], 700, NULL) != HG_OK || kit_receipts(s, &set[i], NULL) != HG_OK) _exit(1);
                if (write(fd[1], "u", 1) != 1) _exit(1);
            }
            _exit(0);
        }
        kit_power_fails(child, fd[0], &g, &work);
        char byte;
        while (read(fd[0], &byte, 1) == 1) done += byte == 'u';
        hg_store *s = kit_open(&k);
        if (done) {
            assert_int_equal(kit_state(s, &set[done - 1]), HG_DATASET_ACTIVE);
            kit_check(s, &set[done - 1]);
        }
        hg_store_free(s);
    }
    hg_store *s = kit_open(&k);
    for (int i = 0; i < done; i++) kit_check(s, &set[i]);
    hg_store_free(s);
    print_message("%d sets were acknowledged in 100 lives\n", done);
    for (int i = 0; i < SETS; i++) kit_set_free(&set[i]);
    close(fd[0]);
    close(fd[1]);
    test_remove_tree(k.folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(no_death_at_any_step_loses_what_was_acknowledged),
        TEST(a_hundred_power_failures),
        TEST(a_new_master_key_holds_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
