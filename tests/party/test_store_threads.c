/* tests/party/test_store_threads.c -- one store, many threads: jobs and uploads at the same time */
#include "party/audit.h"
#include "party/ledger.h"
#include "party/store.h"
#include "store_kit.h"

typedef struct {
    hg_store *s;
    const kit_set *set; /* [8] */
    int failures[8];
} shared;

/* Uploads, charges and reads of eight tasks on one store. */
static void at_once(void *ctx, size_t begin, size_t end, size_t worker) {
    shared *x = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        hg_charged out;
        hg_charge c = { .queries = 1, .user_budget = 1000, .dataset_budget = 1000, .deterministic = true };
        uint64_t *slot[2] = { malloc(x->set[i].d.rows * x->set[i].words * 8), NULL };
        strcpy(c.project, KIT_PROJECT);
        strcpy(c.user, "carol");
        x->failures[i] += kit_upload(x->s, &x->set[i], 100, NULL) != HG_OK;
        for (unsigned j = 0; j < 10; j++) {
            memset(c.job, (int)(10 * i + j), HG_DIGEST);
            x->failures[i] += hg_ledger_charge(&out, x->s, &c, NULL) != HG_OK;
            x->failures[i] += hg_store_read(slot, NULL, x->s, x->set[i].d.id, 0, 0, x->set[i].d.rows, NULL) != HG_OK;
            x->failures[i] += memcmp(slot[0], x->set[i].slot[0], x->set[i].d.rows * x->set[i].words * 8) != 0;
        }
        free(slot[0]);
    }
}

static void many_threads_use_one_store(void **state) {
    (void)state;
    kit k;
    kit_set set[8];
    hg_pool *pool;
    uint64_t spent;
    shared x = { .s = kit_create(kit_new(&k, "!threads", 0)), .set = set };
    for (size_t i = 0; i < 8; i++) set[i] = kit_set_new("ann", i + 1, 300, 1, 0, 4);
    assert_ok(hg_pool_new(&pool, 4, NULL));
    hg_pool_for(pool, 8, 1, at_once, &x);
    hg_pool_free(pool);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(x.failures[i], 0);
        kit_check(x.s, &set[i]);
        kit_set_free(&set[i]);
    }
    assert_ok(hg_ledger_user(&spent, x.s, KIT_PROJECT, "carol", NULL));
    assert_int_equal(spent, 80);
    hg_text log = hg_text_new(0);
    hg_audit_log *l;
    assert_ok(hg_audit_export(&log, x.s, 1, NULL, NULL));
    assert_ok(hg_audit_read(&l, "log", log.s, log.len, NULL));
    assert_ok(hg_audit_verify(NULL, l, k.key, NULL, NULL, NULL));
    hg_audit_log_free(l);
    hg_text_free(&log);
    hg_store_free(x.s);
    test_remove_tree(k.folder);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(many_threads_use_one_store) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
