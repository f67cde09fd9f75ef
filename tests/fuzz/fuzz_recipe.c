/* tests/fuzz/fuzz_recipe.c -- any bytes as a recipe of the factory: refused with a sentence, or one whose parts are recipes again */
#include "library/recipe.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok) {
    if (!ok) abort();
}

static void write_and_read(const hg_recipe *r, const hg_recipe_set *s, const hg_recipe_property *p) {
    hg_text t = hg_text_new(0);
    hg_json j;
    hg_recipe *part;
    hg_json_begin_text(&j, &t, 0);
    hg_recipe_write(&j, r, s, p, s->sha256, &s->networks);
    check(hg_json_end(&j, NULL) == HG_OK);
    check(hg_recipe_read_text(&part, "part", t.s, t.len, NULL) == HG_OK);
    check(strcmp(part->set->property->name, p->name) == 0 && strcmp(part->set->table, s->table) == 0);
    check(part->set->n_inputs == s->n_inputs);
    hg_recipe_free(part);
    hg_text_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_recipe *r;
    hg_err err = { 0 };
    if (hg_recipe_read_text(&r, "fuzz", (const char *)bytes, n, &err) != HG_OK) {
        check(err.msg[0] && !r);
        return 0;
    }
    for (size_t i = 0; i < r->n_sets && i < 10; i++) write_and_read(r, &r->set[i], r->set[i].property);
    hg_recipe_free(r);
    return 0;
}
