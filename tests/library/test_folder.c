/* tests/library/test_folder.c -- weights in a model's folder are those that its card tells of, or are not opened */
#include "library/folder.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

static void a_shipped_model_is_whole(void **state) {
    (void)state;
    char folder[512], path[HG_FOLDER_PATH];
    hg_err err;
    test_source(folder, sizeof folder, "models/qdf2-density");
    assert_ok_err(hg_folder_weights(path, folder, "qdf2-density 1", &err), err);
    assert_contains(path, "models/qdf2-density/weights.safetensors");
    assert_int_equal(hg_folder_weights(path, folder, "qdf2-density 2", &err), HG_ENOTFOUND);
    assert_contains(err.msg, "its architecture is \"qdf2-density 1\", expected \"qdf2-density 2\"");
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_folder_weights(path, folder, "qdf2-density 1", NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
    }
}

static void other_weights_are_refused(void **state) {
    (void)state;
    char folder[512], from[600], card[600], weights[600], path[HG_FOLDER_PATH];
    hg_err err;
    test_scratch(folder, sizeof folder, "folder");
    snprintf(card, sizeof card, "%s/card.json", folder);
    snprintf(weights, sizeof weights, "%s/weights.safetensors", folder);
    mkdir(folder, 0777);
    assert_int_equal(hg_folder_weights(path, folder, "qdf2-density 1", &err), HG_EIO);
    char *text = test_read_file(test_source(from, sizeof from, "models/qdf2-density/card.json"));
    assert_non_null(text);
    test_write_file(card, text);
    free(text);
    assert_int_equal(hg_folder_weights(path, folder, "qdf2-density 1", &err), HG_EIO);
    test_write_file(weights, "something else");
    assert_int_equal(hg_folder_weights(path, folder, "qdf2-density 1", &err), HG_EDATA);
    assert_contains(err.msg, "is not the file that its card tells of");
    assert_contains(err.hint, "copy card.json and weights.safetensors together");
    unlink(card);
    unlink(weights);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_shipped_model_is_whole),
        TEST(other_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
