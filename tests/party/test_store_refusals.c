/* tests/party/test_store_refusals.c -- stores that are not opened, rows that are not believed, keys that are not taken */
#include "party/store.h"
#include "party/audit.h"
#include "store_kit.h"
#include <sqlite3.h>

static void refuses_other_keys_parties_versions_and_places(void **state) {
    (void)state;
    kit k, other;
    hg_err err;
    hg_store *s, *second;
    kit_new(&k, "refuse", 0);
    assert_int_equal(kit_try(&s, &k, false, &err), HG_ENOTFOUND);
    assert_null(s);
    s = kit_create(&k);
    assert_int_equal(kit_try(&second, &k, false, &err), HG_EREFUSED); /* taken */
    assert_contains(err.msg, "another process uses this folder");
    hg_store_free(s);
    assert_int_equal(kit_try(&s, &k, true, &err), HG_EREFUSED);
    assert_contains(err.msg, "is there already");
    k.master[0] ^= 1;
    assert_int_equal(kit_try(&s, &k, false, &err), HG_EREFUSED);
    assert_contains(err.msg, "master key");
    k.master[0] ^= 1;
    k.opts.party = 1;
    assert_int_equal(kit_try(&s, &k, false, &err), HG_EREFUSED);
    k.opts.party = 3;
    assert_int_equal(kit_try(&s, &k, false, &err), HG_EINVAL);
    k.opts.party = 0;
    /* another store's keys */
    char from[600], to[600];
    hg_store_free(kit_create(kit_new(&other, "refuse-other", 0)));
    snprintf(from, sizeof from, "%s/keys.db", other.folder);
    snprintf(to, sizeof to, "%s/keys.db", k.folder);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(kit_try(&s, &k, false, &err), HG_EREFUSED);
    assert_contains(err.msg, "do not belong together");
    /* a newer schema */
    sqlite3 *db;
    snprintf(to, sizeof to, "%s/party.db", k.folder);
    assert_int_equal(sqlite3_open(to, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(kit_try(&s, &k, false, &err), HG_EREFUSED);
    assert_contains(err.msg, "newer version");
    /* no database at all */
    FILE *f = fopen(to, "wb");
    for (int i = 0; i < 4096; i++) fputc(i * 37 % 251 + 1, f);
    fclose(f);
    assert_int_equal(kit_try(&s, &k, false, &err), HG_EDATA);
    assert_int_equal(chmod(k.folder, 0777), 0);
    assert_int_equal(kit_try(&s, &k, false, &err), HG_EREFUSED);
    assert_contains(err.hint, "chmod 700");
    test_remove_tree(k.folder);
    test_remove_tree(other.folder);
}

static void refuses_rows_that_were_changed_on_disk(void **state) {
    (void)state;
    static const char *const HARM[] = {
        "UPDATE chunk SET sealed = CAST(substr(sealed, 1, 100) || x'00FF00' || substr(sealed, 104) AS BLOB) WHERE number = 1",
        "DELETE FROM chunk WHERE number = 1",
        "UPDATE chunk SET number = 2 - number WHERE number IN (0, 2)", /* two chunks change places */
        "UPDATE chunk SET sealed = substr(sealed, 1, 100)",
        "UPDATE seal SET sealed = zeroblob(length(sealed))",
        "UPDATE dataset SET rows = rows - 1",
        "UPDATE dataset SET limbs = 77",
        "UPDATE dataset SET rows = 8192",                              /* a whole chunk hidden */
        "UPDATE dataset SET id = CAST(zeroblob(31) || x'01' AS BLOB)", /* another set's shares under this id */
        "DELETE FROM seal",
    };
    kit_set a = kit_set_new("ann", 1, 10000, 1, 0, 4);
    for (size_t i = 0; i < sizeof HARM / sizeof *HARM; i++) {
        kit k;
        hg_err err;
        sqlite3 *db;
        char path[600];
        hg_store *s = kit_create(kit_new(&k, "harm", 0));
        assert_ok(kit_upload(s, &a, 10000, NULL));
        hg_store_free(s);
        snprintf(path, sizeof path, "%s/party.db", k.folder);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        if (i == 2) assert_int_equal(sqlite3_exec(db, "DROP INDEX chunk_number", NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, HARM[i], NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_changes(db) > 0, 1);
        sqlite3_close(db);
        s = kit_open(&k);
        uint64_t *slot[2] = { calloc(30000, 8), calloc(30000, 8) };
        unsigned char id[HG_DIGEST] = { [HG_DIGEST - 1] = 1 };
        const hg_status st = hg_store_read(slot, NULL, s, i == 8 ? id : a.d.id, 0, 0, i == 7 ? 8192 : 9999, &err);
        assert_int_not_equal(st, HG_OK);
        if (i < 5 || i == 7) assert_int_equal(st, HG_EDATA);
        for (size_t w = 0; w < 30000; w++) assert_true(slot[0][w] == 0 && slot[1][w] == 0); /* nothing is returned */
        free(slot[0]);
        free(slot[1]);
        hg_store_free(s);
        test_remove_tree(k.folder);
    }
    kit_set_free(&a);
}

static void refuses_sets_without_shape(void **state) {
    (void)state;
    kit k;
    hg_err err;
    hg_stage *g;
    hg_store *s = kit_create(kit_new(&k, "shape", 0));
    kit_set a = kit_set_new("ann", 1, 10, 1, 0, 4);
    hg_stored d = a.d;
    d.limbs = 4;
    assert_int_equal(hg_stage_new(&g, s, &d, &err), HG_EINVAL);
    d = a.d;
    d.elements = 0;
    assert_int_equal(hg_stage_new(&g, s, &d, &err), HG_EINVAL);
    d.elements = HG_ROW_ELEMENTS_MOST + 1;
    assert_int_equal(hg_stage_new(&g, s, &d, &err), HG_ELIMIT);
    d = a.d;
    strcpy(d.project, "unheard-of");
    assert_int_equal(hg_stage_new(&g, s, &d, &err), HG_ENOTFOUND);
    assert_null(g);
    assert_ok(hg_stage_new(&g, s, &a.d, &err));
    assert_int_equal(hg_stage_commit(g, a.d.id, "x", 1, &err), HG_EDATA); /* no row */
    hg_stage_free(g);
    hg_store_free(s);
    kit_set_free(&a);
    test_remove_tree(k.folder);
}

static void a_master_key_is_read_only_from_a_file_of_its_owner(void **state) {
    (void)state;
    char path[512];
    unsigned char key[HG_MASTER_KEY], again[HG_MASTER_KEY];
    hg_err err;
    const hg_world w = { .now = kit_now, .monotonic_ms = kit_ms };
    unlink(test_scratch(path, sizeof path, "master.key"));
    assert_ok(hg_master_key_write(path, &w, NULL));
    assert_int_equal(hg_master_key_write(path, &w, &err), HG_EREFUSED);
    assert_ok(hg_master_key_read(key, path, NULL));
    assert_ok(hg_master_key_read(again, path, NULL));
    assert_memory_equal(key, again, sizeof key);
    struct stat st;
    assert_true(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    chmod(path, 0640);
    assert_int_equal(hg_master_key_read(key, path, &err), HG_EREFUSED);
    unlink(path);
    static const char DIGITS[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    assert_ok(hg_master_key_parse(key, "HAGANE_KEY", DIGITS, sizeof DIGITS - 1, NULL));
    for (unsigned i = 0; i < HG_MASTER_KEY; i++) assert_int_equal(key[i], i);
    assert_int_equal(hg_master_key_parse(key, "HAGANE_KEY", DIGITS, 63, &err), HG_EPARSE);
    assert_string_equal(err.msg, "HAGANE_KEY: holds no master key");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(refuses_other_keys_parties_versions_and_places),
        TEST(refuses_rows_that_were_changed_on_disk),
        TEST(refuses_sets_without_shape),
        TEST(a_master_key_is_read_only_from_a_file_of_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
