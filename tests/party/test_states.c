/* tests/party/test_states.c -- pool states between jobs: one job at a time, forgotten at once or when they come back */
#include "party/states.h"
#include "core/memory.h"
#include "test.h"

static hg_held_state *take(hg_states *s, const char *project) {
    hg_held_state *h;
    hg_err err;
    assert_ok_err(hg_states_take(&h, s, project, 0, &err), err);
    return h;
}

/* As after a job: conditioned on one set. */
static void note(hg_held_state *h) {
    assert_true(hg_grow(&h->seen, &h->room, 1, sizeof *h->seen));
    memset(h->seen[0], 7, sizeof *h->seen);
    h->n_seen = 1;
}

static void a_state_belongs_to_one_job_at_a_time(void **state) {
    (void)state;
    hg_states *s;
    hg_held_state *other;
    hg_err err;
    assert_ok_err(hg_states_new(&s, &err), err);
    hg_held_state *h = take(s, "magnets");
    note(h);
    assert_int_equal(hg_states_take(&other, s, "magnets", 0, &err), HG_ELIMIT);
    assert_null(other);
    hg_states_give(s, take(s, "glass")); /* another project's */
    hg_states_give(s, h);
    h = take(s, "magnets");
    assert_int_equal(h->n_seen, 1);
    hg_states_give(s, h);
    hg_states_free(s);
}

/* A withdrawal while a question is computed: its shares must not stay in memory until somebody asks again. */
static void what_is_forgotten_goes_also_while_a_job_has_it(void **state) {
    (void)state;
    hg_states *s;
    hg_err err;
    assert_ok_err(hg_states_new(&s, &err), err);
    hg_held_state *h = take(s, "magnets");
    hg_states_forget(s, "glass");
    hg_states_forget(s, "magnets");
    note(h);
    hg_states_give(s, h);
    h = take(s, "magnets");
    assert_int_equal(h->n_seen, 0);
    note(h);
    hg_states_give(s, h); /* forgotten once, not for ever */
    assert_int_equal(take(s, "magnets")->n_seen, 1);
    hg_states_give(s, h);
    hg_states_forget(s, "magnets");
    assert_int_equal(take(s, "magnets")->n_seen, 0);
    hg_states_give(s, h);
    hg_states_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_state_belongs_to_one_job_at_a_time),
        TEST(what_is_forgotten_goes_also_while_a_job_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
