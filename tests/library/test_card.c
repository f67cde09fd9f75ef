/* tests/library/test_card.c -- cards of models: what is written is read, and what is refused has its place */
#include "library/card.h"
#include "json.h"
#include "program.h"
#include "test.h"

static const char HASH[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static hg_card example(void) {
    static const hg_card_data data[] = { { "train", "a.txt", "11", 34, 0, 0 }, { "test", "b.csv", "12", 0, 5, 4 } };
    static const hg_card_number options[] = { { "prior", "kcal/mol", 0.15 } };
    static const hg_card_number metrics[] = { { "mean absolute error of validation", "eV", 0.1 } };
    hg_card c = { .name = "small \"one\"", .architecture = "qdf2 1", .n_properties = 2, .data = data, .n_data = 2 };
    c.property[0] = (hg_card_property) { { "energy", "atomization energy", "eV" }, metrics, 1, -2.5, 40 };
    c.property[1] = (hg_card_property) { { "dipole", "dipole moment", "D" }, NULL, 0, 0, 0 };
    c.options = options, c.n_options = 1;
    c.licence = "CC0-1.0";
    c.method = "extratrees 0.6, mlp 0.4", c.descriptor = "xenonpy290 1", c.split = "80:20 by composition";
    c.parent = "older", c.parent_sha256 = HASH;
    c.seed = 7;
    c.least_atoms = 3, c.most_atoms = 14;
    c.elements = "H C";
    memcpy(c.weights_sha256, HASH, sizeof HASH);
    return c;
}

static void a_card_comes_back(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    const char *text;
    hg_card back;
    hg_err err;
    const hg_card c = example();
    test_scratch(path, sizeof path, "card.json");
    assert_ok_err(hg_card_write(&c, path, &err), err);
    assert_ok_err(hg_card_read(&back, &text, path, mem, &err), err);
    assert_string_equal(back.name, "small \"one\"");
    assert_string_equal(back.architecture, "qdf2 1");
    assert_int_equal(back.n_properties, 2);
    assert_string_equal(back.property[0].what.name, "atomization energy");
    assert_string_equal(back.property[1].what.symbol, "dipole");
    assert_string_equal(back.property[1].what.unit, "D");
    assert_int_equal(back.least_atoms, 3);
    assert_int_equal(back.most_atoms, 14);
    assert_string_equal(back.elements, "H C");
    assert_int_equal(back.property[0].n_metrics, 1);
    assert_string_equal(back.property[0].metrics[0].name, "mean absolute error of validation");
    assert_true(back.property[0].metrics[0].value == 0.1);
    assert_true(back.property[0].least == -2.5 && back.property[0].most == 40);
    assert_int_equal(back.property[1].n_metrics, 0);
    assert_string_equal(back.licence, "CC0-1.0");
    assert_null(back.source);
    assert_string_equal(back.method, "extratrees 0.6, mlp 0.4");
    assert_string_equal(back.descriptor, "xenonpy290 1");
    assert_string_equal(back.split, "80:20 by composition");
    assert_string_equal(back.parent, "older");
    assert_string_equal(back.parent_sha256, HASH);
    assert_string_equal(back.weights_sha256, HASH);
    /* what only people and other programs read */
    char word[100];
    assert_true(json_valid(text));
    assert_true(json_number(text, "properties.0.metrics.0.value") == 0.1);
    assert_true(json_number(text, "options.0.value") == 0.15);
    assert_string_equal(json_string(word, sizeof word, text, "data.0.file"), "a.txt");
    assert_true(json_number(text, "data.0.molecules") == 34);
    assert_true(json_number(text, "data.1.rows") == 5);
    assert_true(json_number(text, "data.1.compositions") == 4);
    assert_true(json_is_null(text, "data_source"));
    hg_arena_reset(mem, mark);
}

#define HEAD   "{\"schema\": \"hagane.card/1\", \"name\": \"m\", \"architecture\": \"qdf2 1\",\n"
#define ENERGY "{\"symbol\": \"energy\", \"name\": \"energy\", \"unit\": \"eV\"}"
#define TAIL   "\"weights_sha256\": \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}"

static void refused(hg_arena *mem, const char *text, hg_status st, const char *msg) {
    const hg_mark mark = hg_arena_mark(mem);
    hg_card c;
    hg_err err = { 0 };
    assert_int_equal(hg_card_read_text(&c, "card.json", text, strlen(text), mem, &err), st);
    assert_contains(err.msg, msg);
    hg_arena_reset(mem, mark);
}

static void what_is_no_card_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_card c;
    hg_err err;
    const char good[] = HEAD "\"properties\": [" ENERGY "], \"new\": [1, {}],\n" TAIL;
    assert_ok_err(hg_card_read_text(&c, "card.json", good, sizeof good - 1, mem, &err), err);
    assert_int_equal(c.most_atoms, 0); /* no domain: unknown */
    hg_arena_reset(mem, mark);
    refused(mem, "", HG_EPARSE, "card.json:1:1:");
    refused(mem, "[]", HG_EPARSE, "expected an object for a card");
    refused(mem, "{}", HG_ENOTFOUND, "card.json:1:2: this card has no \"schema\"");
    refused(mem, HEAD "\"properties\": [" ENERGY "]}", HG_ENOTFOUND, "this card has no \"weights_sha256\"");
    refused(mem, HEAD "\"properties\": [],\n" TAIL, HG_ENOTFOUND, "this card has no \"properties\"");
    refused(mem, HEAD TAIL, HG_ENOTFOUND, "this card has no \"properties\"");
    refused(mem, HEAD "\"properties\": [7],\n" TAIL, HG_EPARSE, "card.json:2:16: expected an object for a property");
    refused(mem, HEAD "\"properties\": [{\"symbol\": \"energy\", \"unit\": \"eV\"}],\n" TAIL, HG_ENOTFOUND,
            "a property has no \"name\"");
    refused(mem, HEAD "\"properties\": [" ENERGY "," ENERGY "],\n" TAIL, HG_EPARSE,
            "the property \"energy\" stands here a second time");
    refused(mem, HEAD "\"properties\": [{\"metrics\": [{\"value\": \"much\"}]}]", HG_EPARSE,
            "expected a number for value");
    refused(mem, HEAD "\"properties\": [{\"metrics\": [7]}]", HG_EPARSE, "expected an object for a metric");
    refused(mem, HEAD "\"properties\": [{\"metrics\": [{}]}]", HG_ENOTFOUND, "a metric has no \"name\"");
    refused(mem, HEAD "\"parent\": {\"name\": null}", HG_EPARSE, "expected a string for name");
    refused(mem, HEAD "\"name\": \"n\"", HG_EPARSE, "card.json:2:1: \"name\" stands here a second time");
    refused(mem, HEAD "\"domain\": {\"elements\": \"H\", \"most_atoms\": -1}", HG_EPARSE, "card.json:2:");
    refused(mem, HEAD "\"properties\": [" ENERGY "], \"weights_sha256\": \"0x\"}", HG_EPARSE, "is no SHA-256");
    refused(mem, "{\"schema\": \"hagane.run/1\", \"name\": \"\", \"architecture\": \"\", " TAIL, HG_EPARSE,
            "its schema is \"hagane.run/1\", expected \"hagane.card/1\"");
    refused(mem, HEAD "\"properties\": [" ENERGY "],\n" TAIL " x", HG_EPARSE, "card.json:3:");
    char many[4096] = HEAD "\"properties\": [";
    for (int i = 0; i < 17; i++) {
        char one[100];
        snprintf(one, sizeof one, "%s{\"symbol\": \"s%d\", \"name\": \"\", \"unit\": \"\"}", i ? "," : "", i);
        strcat(many, one);
    }
    refused(mem, many, HG_ELIMIT, "more than 16 properties");
}

static void memory_may_lack(void **state) {
    hg_arena *mem = *state;
    char path[512];
    const char *text;
    hg_err err;
    test_scratch(path, sizeof path, "card-fault.json");
    const hg_card c = example();
    for (int writing = 1; writing >= 0; writing--)
        for (long k = 0;; k++) {
            const hg_mark mark = hg_arena_mark(mem);
            hg_card back;
            fail_alloc_after(k);
            const hg_status st = writing ? hg_card_write(&c, path, &err) : hg_card_read(&back, &text, path, mem, &err);
            fail_alloc_after(-1);
            hg_arena_reset(mem, mark);
            assert_true(!writing || st == HG_OK || !test_file_exists(path));
            if (st == HG_OK) break;
            assert_int_equal(st, HG_ENOMEM);
        }
    remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_card_comes_back), TEST(what_is_no_card_is_refused),
                                        TEST(memory_may_lack) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
