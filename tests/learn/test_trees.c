/* tests/learn/test_trees.c -- trees in files: as they were, and what is refused of weights that may be anybody's */
#include "learn/trees.h"
#include "test.h"

/* Two trees of two features: x0 <= 1 ? 10 : (x1 <= 2 ? 20 : 30), and a leaf alone: 5. */
static void plant(hg_trees *t) {
    assert_ok(hg_trees_make(t, 2, 2, 1, 6, 4, NULL));
    const uint32_t root[] = { 0, 5, 6 }, next[] = { 1, 0, 3, 1, 2, 3 };
    const int32_t feature[] = { 0, -1, 1, -1, -1, -1 };
    const float threshold[] = { 1, 0, 2, 0, 0, 0 }, value[] = { 10, 20, 30, 5 };
    memcpy(t->root, root, sizeof root);
    memcpy(t->next, next, sizeof next);
    memcpy(t->feature, feature, sizeof feature);
    memcpy(t->threshold, threshold, sizeof threshold);
    memcpy(t->value, value, sizeof value);
}

static hg_status through_a_file(hg_trees *back, const hg_trees *t, size_t d, size_t outputs, hg_arena *mem,
                                hg_err *err) {
    char path[512];
    hg_shelf shelf = hg_shelf_new(mem);
    hg_safetensors *s;
    shelf.prefix = "x.";
    assert_ok(hg_trees_save(t, &shelf, NULL));
    assert_ok(hg_safetensors_write(test_scratch(path, sizeof path, "trees.safetensors"), shelf.tensor, shelf.n, NULL, 0,
                                   NULL));
    hg_shelf_free(&shelf);
    assert_ok(hg_safetensors_open(&s, path, 0, NULL));
    const hg_shelf_view view = { s, path, "x." };
    const hg_status st = hg_trees_load(back, &view, d, outputs, err);
    hg_safetensors_free(s);
    return st;
}

static void a_question_leads_to_its_leaf(void **state) {
    hg_trees t, back;
    plant(&t);
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(through_a_file(&back, &t, 2, 1, *state, NULL));
    const struct { float x[2], leaf; } asked[] = { { { 1, 9 }, 10 }, { { 1.5F, 2 }, 20 }, { { 1.5F, 2.5F }, 30 } };
    for (size_t i = 0; i < 3; i++) {
        assert_true(*hg_trees_leaf(&t, 0, asked[i].x) == asked[i].leaf);
        assert_true(*hg_trees_leaf(&back, 0, asked[i].x) == asked[i].leaf);
        assert_true(*hg_trees_leaf(&back, 1, asked[i].x) == 5);
    }
    hg_arena_reset(*state, mark);
    hg_trees_free(&t);
    hg_trees_free(&back);
}

/* Each of these would lead out of the arrays, round in a circle, or to no number. */
static void weights_that_are_no_trees_are_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    enum { WAYS = 12 };
    for (int way = 0; way < WAYS; way++) {
        hg_trees t, back;
        hg_err err;
        plant(&t);
        switch (way) {
        case 0: t.feature[0] = 2; break;
        case 1: t.feature[1] = -2; break;
        case 2: t.next[0] = 0; break; /* itself */
        case 3: t.next[2] = 1; break; /* back */
        case 4: t.next[2] = 4; break; /* the right child is in the next tree */
        case 5: t.next[0] = UINT32_MAX; break;
        case 6: t.next[1] = 4; break; /* no such leaf */
        case 7: t.root[0] = 1; break;
        case 8: t.root[1] = 0; break; /* an empty tree */
        case 9: t.root[1] = 7; break; /* beyond all nodes */
        case 10: t.threshold[0] = NAN; break;
        default: t.value[3] = INFINITY; break;
        }
        assert_int_equal(through_a_file(&back, &t, 2, 1, mem, &err), way < 10 ? HG_EDATA : HG_ENAN);
        if (way < 10) assert_contains(err.msg, "the weights hold");
        assert_null(back.root);
        hg_trees_free(&t);
    }
    hg_trees t, back;
    hg_err err;
    plant(&t);
    assert_int_equal(through_a_file(&back, &t, 1, 1, mem, &err), HG_EDATA); /* one feature only */
    assert_int_equal(through_a_file(&back, &t, 2, 2, mem, &err), HG_EDATA); /* two numbers a leaf */
    t.leaves = 3;
    assert_int_equal(through_a_file(&back, &t, 2, 1, mem, &err), HG_EDATA);
    hg_trees_free(&t);
    hg_arena_reset(mem, mark);
    assert_int_equal(hg_trees_make(&t, 1, 1, 1, SIZE_MAX, 1, &err), HG_ELIMIT);
    for (long k = 0; k < 5; k++) {
        fail_alloc_after(k);
        assert_int_equal(hg_trees_make(&t, 1, 1, 1, 1, 1, &err), HG_ENOMEM);
        fail_alloc_after(-1);
        assert_null(t.root);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_question_leads_to_its_leaf),
        TEST(weights_that_are_no_trees_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
