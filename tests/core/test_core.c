/* tests/core/test_core.c -- errors, arenas, memory, random numbers, hooks, threads, bounded text */
#include "test.h"
#include <pthread.h>
#include "core/memory.h"
#include "core/text.h"
#include <stdatomic.h>

/* ---- statuses and errors ------------------------------------------------------------------------------------- */

static void an_error_has_its_place_in_front_and_its_advice_apart(void **state) {
    (void)state;
    hg_err err;
    const hg_status st = hg_fail_at(&err, HG_EPARSE, "magnets.csv", 17, 4, "column \"%s\" holds \"n/a\"", "Ms");
    assert_int_equal(st, HG_EPARSE);
    assert_int_equal(err.code, HG_EPARSE);
    assert_string_equal(err.msg, "magnets.csv:17:4: column \"Ms\" holds \"n/a\"");
    assert_string_equal(err.hint, "");
    assert_int_equal(err.line, 17);
    assert_int_equal(err.column, 4);
    assert_int_equal(hg_advise(&err, st, "say --missing %s", "n/a"), HG_EPARSE);
    assert_string_equal(err.hint, "say --missing n/a");
    assert_int_equal(hg_fail(&err, HG_EDATA, "all measured"), HG_EDATA); /* a new error takes the old advice away */
    assert_string_equal(err.msg, "all measured");
    assert_string_equal(err.hint, "");
    assert_int_equal(hg_fail_at(&err, HG_EIO, "a.csv", 0, 0, "no such file"), HG_EIO);
    assert_string_equal(err.msg, "a.csv: no such file");
    assert_int_equal(hg_fail_at(&err, HG_EPARSE, NULL, 0, 3, "odd"), HG_EPARSE);
    assert_string_equal(err.msg, "3: odd");
    hg_err_clear(&err);
    assert_int_equal(err.code, HG_OK);
    assert_string_equal(err.msg, "");
}

static void an_error_needs_no_place_to_go_and_no_room_to_fit(void **state) {
    (void)state;
    assert_int_equal(hg_fail(NULL, HG_ENOMEM, "x"), HG_ENOMEM);
    assert_int_equal(hg_advise(NULL, HG_ENOMEM, "x"), HG_ENOMEM);
    hg_err_clear(NULL);
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    hg_err err;
    assert_int_equal(hg_fail_at(&err, HG_EIO, longer, 1, 1, "%s", longer), HG_EIO);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_string_equal(err.msg + sizeof err.msg - 4, "...");
    hg_advise(&err, HG_EIO, "%s", longer);
    assert_int_equal(strlen(err.hint), sizeof err.hint - 1);
    assert_string_equal(err.hint + sizeof err.hint - 4, "...");
    longer[sizeof err.msg - 1] = '\0'; /* fills the buffer exactly: nothing is cut */
    hg_fail(&err, HG_EIO, "%s", longer);
    assert_string_equal(err.msg, longer);
}

static void an_error_is_clean_text_whatever_is_in_the_file(void **state) {
    (void)state;
    hg_err err;
    hg_fail_at(&err, HG_EDATA, "a\x1b[2J.csv", 3, 0, "\"\xb5m\" \x7f\xc2\x9bm\r\n \xce\xbcm");
    assert_string_equal(err.msg, "a?[2J.csv:3: \"?m\" ???m?? \xce\xbcm");
    hg_advise(&err, HG_EDATA, "\x1b]0;\a");
    assert_string_equal(err.hint, "?]0;?");
    char longer[2001];
    for (size_t i = 0; i < 1000; i++) memcpy(longer + 2 * i, "\xce\xbc", 3);
    for (size_t shift = 0; shift < 2; shift++) { /* cut between two characters or inside one */
        hg_fail(&err, HG_EDATA, "%s%s", shift ? "x" : "", longer);
        assert_null(strchr(err.msg, '?'));
        assert_string_equal(err.msg + strlen(err.msg) - 5, "\xce\xbc...");
    }
}

static void every_status_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < HG_STATUS_COUNT; i++) {
        assert_non_null(hg_status_name((hg_status)i));
        for (int j = 0; j < i; j++) assert_string_not_equal(hg_status_name((hg_status)i), hg_status_name((hg_status)j));
    }
    assert_string_equal(hg_status_name(HG_ENOTPD), "HG_ENOTPD");
    assert_string_equal(hg_status_name((hg_status)HG_STATUS_COUNT), "unknown status");
    assert_string_equal(hg_status_name((hg_status)-1), "unknown status");
    assert_string_equal(hg_version(), HG_VERSION);
}

static void the_first_bad_row_is_named(void **state) {
    (void)state;
    hg_err err;
    const double x[] = { 1, 2, 3, 4, INFINITY, NAN };
    assert_ok(hg_check_finite("x", x, 2, 2, &err));
    assert_int_equal(hg_check_finite("x", x, 3, 2, &err), HG_ENAN);
    assert_string_equal(err.msg, "x row 2 is not finite");
    assert_int_equal(hg_check_finite("y", x, 6, 1, &err), HG_ENAN);
    assert_string_equal(err.msg, "y row 4 is not finite");
    assert_ok(hg_check_finite("nothing", NULL, 0, 3, &err));
}

/* ---- arenas and memory --------------------------------------------------------------------------------------- */

static void an_arena_gives_zeroed_memory_of_any_size_and_takes_it_back(void **state) {
    hg_arena *a = *state;
    const hg_mark start = hg_arena_mark(a);
    unsigned char *piece[40];
    for (size_t i = 0; i < 40; i++) { /* sizes from 1 byte to 400 kB, over several blocks */
        const size_t size = 1 + i * i * i * 6;
        piece[i] = hg_alloc(a, size, 1);
        assert_non_null(piece[i]);
        for (size_t j = 0; j < size; j++) assert_int_equal(piece[i][j], 0);
        memset(piece[i], (int)i, size);
    }
    for (size_t i = 0; i < 40; i++) /* nobody wrote over a neighbour */
        for (size_t j = 0; j < 1 + i * i * i * 6; j++) assert_int_equal(piece[i][j], i);

    const size_t before = hg_arena_bytes(a);
    const hg_mark middle = hg_arena_mark(a);
    for (int i = 0; i < 100; i++) assert_non_null(hg_alloc(a, 1000, sizeof(double)));
    assert_true(hg_arena_bytes(a) >= before + 800000);
    hg_arena_reset(a, middle);
    assert_int_equal(hg_arena_bytes(a), before);
    unsigned char *again = hg_alloc(a, 5000, 1); /* memory that comes round again is zeroed again */
    for (size_t j = 0; j < 5000; j++) assert_int_equal(again[j], 0);
    hg_arena_reset(a, start);
    assert_int_equal(hg_arena_bytes(a), 0);
    assert_non_null(hg_alloc(a, 0, 8));
    assert_non_null(hg_alloc(a, 8, 0));
    hg_arena_reset(a, start);
}

static void pieces_are_aligned_for_vector_code(void **state) {
    hg_arena *a = *state;
    const hg_mark start = hg_arena_mark(a);
    for (size_t i = 1; i < 200; i++) {
        const uintptr_t p = (uintptr_t)hg_alloc(a, i, 1);
        assert_true(p != 0);
        assert_int_equal(p % 64, 0);
    }
    hg_arena_reset(a, start);
}

static void an_arena_refuses_what_overflows_and_null(void **state) {
    hg_arena *a = *state;
    assert_null(hg_alloc(a, SIZE_MAX, 2));
    assert_null(hg_alloc(a, 2, SIZE_MAX));
    assert_null(hg_alloc(a, SIZE_MAX / 8, 16));
    assert_null(hg_alloc(NULL, 1, 1));
    assert_null(hg_arena_strdup(NULL, "x"));
    assert_int_equal(hg_arena_bytes(NULL), 0);
    hg_arena_reset(NULL, hg_arena_mark(NULL));
    hg_arena_free(NULL);
    const hg_mark start = hg_arena_mark(a);
    assert_string_equal(hg_arena_strdup(a, "Nd2Fe14B"), "Nd2Fe14B");
    assert_string_equal(hg_arena_strndup(a, "Nd2Fe14B", 3), "Nd2");
    assert_string_equal(hg_arena_strndup(a, "", 0), "");
    hg_arena_reset(a, start);
}

static void an_arena_survives_any_allocation_failure(void **state) {
    (void)state;
    for (long k = 0;; k++) { /* k allocations succeed, one fails, the rest succeed */
        fail_alloc_after(k);
        hg_arena *a = hg_arena_new();
        size_t got = 0;
        for (int i = 0; i < 12; i++) got += hg_alloc(a, (size_t)30000, 1) != NULL;
        fail_alloc_after(-1);
        assert_true(!a || got >= 11); /* one failure costs one piece and no more */
        hg_arena_free(a);
        if (got == 12) {
            assert_true(k >= 3); /* the arena, the list of blocks, the first block */
            break;
        }
    }
}

static void memory_calls_refuse_overflow_and_keep_what_was_there(void **state) {
    (void)state;
    assert_null(hg_malloc(SIZE_MAX, 2));
    assert_null(hg_calloc(SIZE_MAX / 4, 8));
    assert_null(hg_aligned(SIZE_MAX));
    void *p = hg_malloc(0, 8);
    assert_non_null(p); /* not "no memory" */
    hg_free(p);
    hg_free(NULL);
    int *list = NULL;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(hg_grow(&list, &cap, (size_t)i + 1, sizeof *list));
        list[i] = i;
    }
    const size_t cap_before = cap;
    int *const list_before = list;
    fail_alloc_after(0);
    assert_false(hg_grow(&list, &cap, cap + 1, sizeof *list));
    fail_alloc_after(-1);
    assert_false(hg_grow(&list, &cap, SIZE_MAX, sizeof *list));
    assert_ptr_equal(list, list_before);
    assert_int_equal(cap, cap_before);
    for (int i = 0; i < 1000; i++) assert_int_equal(list[i], i);
    hg_free(list);
}

/* ---- random numbers ------------------------------------------------------------------------------------------ */

/* Known answers of Philox4x32-10: Random123 (Salmon et al., SC11, 2011), file tests/kat_vectors. */
static void philox_gives_the_published_numbers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < 3; i++) {
        const uint32_t *c = known[i].counter, *k = known[i].key, *o = known[i].out;
        hg_rng r = hg_rng_make(k[0] | (uint64_t)k[1] << 32, c[2] | (uint64_t)c[3] << 32); /* seed, stream */
        r.counter[0] = c[0];
        r.counter[1] = c[1];
        assert_true(hg_rng_u64(&r) == (o[0] | (uint64_t)o[1] << 32));
        assert_true(hg_rng_u64(&r) == (o[2] | (uint64_t)o[3] << 32));
    }
}

static void seed_and_stream_fix_the_sequence_and_nothing_else_does(void **state) {
    (void)state;
    hg_rng a = hg_rng_make(7, 3), b = hg_rng_make(7, 3), other_seed = hg_rng_make(8, 3),
           other_stream = hg_rng_make(7, 4);
    for (int i = 0; i < 100; i++) {
        const uint64_t v = hg_rng_u64(&a);
        assert_true(v == hg_rng_u64(&b));
        assert_true(v != hg_rng_u64(&other_seed));
        assert_true(v != hg_rng_u64(&other_stream));
    }
    hg_rng edge = hg_rng_make(1, 2), same_stream = hg_rng_make(1, 2);
    edge.counter[0] = 0xffffffff; /* the block counter carries into its upper word and never into the stream */
    hg_rng_u64(&edge), hg_rng_u64(&edge), hg_rng_u64(&edge);
    assert_int_equal(edge.counter[0], 1);
    assert_int_equal(edge.counter[1], 1);
    assert_int_equal(edge.counter[2], same_stream.counter[2]);
}

/* With n = 200,000 the bounds below are five standard errors wide: wrong generators miss them by far, right ones do not. */
static void moments_of_uniform_and_normal_are_right(void **state) {
    (void)state;
    enum { N = 200000 };
    hg_rng r = hg_rng_make(2026, 0);
    double u1 = 0, u2 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, lag = 0, before = 0;
    for (int i = 0; i < N; i++) {
        const double u = hg_rng_uniform(&r), g = hg_rng_normal(&r);
        assert_true(u > 0 && u < 1);
        u1 += u, u2 += u * u;
        g1 += g, g2 += g * g, g3 += g * g * g, g4 += g * g * g * g;
        lag += g * before;
        before = g;
    }
    const double se = 5 / sqrt(N);
    assert_true(fabs(u1 / N - 0.5) < se * sqrt(1.0 / 12));
    assert_true(fabs(u2 / N - 1.0 / 3) < se * sqrt(4.0 / 45));
    assert_true(fabs(g1 / N) < se);
    assert_true(fabs(g2 / N - 1) < se * sqrt(2));
    assert_true(fabs(g3 / N) < se * sqrt(15));
    assert_true(fabs(g4 / N - 3) < se * sqrt(96));
    assert_true(fabs(lag / N) < se); /* the two numbers of one Box-Muller pair are independent */
}

static void a_uniform_number_is_never_0_or_1(void **state) {
    (void)state;
    hg_rng r = { .buffer = { UINT32_MAX, UINT32_MAX, 0,
                             0 } }; /* the next two are the largest and the smallest there are */
    const double largest = hg_rng_uniform(&r), smallest = hg_rng_uniform(&r);
    assert_true(largest < 1 && largest > 1 - 1e-15);
    assert_true(smallest > 0 && smallest < 1e-15);
}

static void integers_below_n_are_even_and_a_shuffle_is_a_permutation(void **state) {
    (void)state;
    hg_rng r = hg_rng_make(5, 0);
    size_t count[7] = { 0 }, order[50], seen[50] = { 0 };
    for (int i = 0; i < 70000; i++) count[hg_rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++) assert_true(fabs((double)count[i] - 10000) < 5 * sqrt(10000 * 6.0 / 7));
    for (int i = 0; i < 100; i++) assert_int_equal(hg_rng_below(&r, 1), 0);
    assert_true(hg_rng_below(&r, SIZE_MAX) < SIZE_MAX);
    for (size_t i = 0; i < 50; i++) order[i] = i;
    hg_rng_shuffle(&r, order, 50);
    size_t moved = 0;
    for (size_t i = 0; i < 50; i++) {
        seen[order[i]]++;
        moved += order[i] != i;
    }
    for (size_t i = 0; i < 50; i++) assert_int_equal(seen[i], 1);
    assert_true(moved > 30);
    hg_rng_shuffle(&r, order, 0);
    hg_rng_shuffle(&r, order, 1);

    size_t first[3] = { 0 }; /* where element 0 of three lands: each place a third of the time */
    for (int i = 0; i < 30000; i++) {
        size_t three[3] = { 0, 1, 2 };
        hg_rng_shuffle(&r, three, 3);
        for (size_t j = 0; j < 3; j++) first[j] += three[j] == 0;
    }
    for (int j = 0; j < 3; j++) assert_true(fabs((double)first[j] - 10000) < 5 * sqrt(10000 * 2.0 / 3));
}

/* ---- hooks --------------------------------------------------------------------------------------------------- */

typedef struct {
    char last[1100];
    size_t calls;
} heard;

static void hear(void *user, hg_log_level level, const char *message) {
    heard *h = user;
    snprintf(h->last, sizeof h->last, "%d %s", (int)level, message);
    h->calls++;
}

static bool stop_at_5(void *user, const char *what, size_t done, size_t total) {
    (void)what, (void)total;
    ((heard *)user)->calls++;
    return done < 5;
}

static void words_and_progress_go_where_the_caller_says(void **state) {
    (void)state;
    heard h = { .calls = 0 };
    const hg_hooks hooks = { .log = hear, .progress = stop_at_5, .user = &h }, silent = { .log = NULL };
    hg_log(&hooks, HG_LOG_WARN, "%d blanks", 3);
    assert_string_equal(h.last, "2 3 blanks");
    assert_true(hg_progress(&hooks, "fit", 4, 10));
    assert_false(hg_progress(&hooks, "fit", 5, 10));
    assert_int_equal(h.calls, 3);
    hg_log(NULL, HG_LOG_WARN, "x");
    hg_log(&silent, HG_LOG_WARN, "x");
    assert_true(hg_progress(NULL, "x", 0, 0) && hg_progress(&silent, "x", 0, 0));
}

/* ---- threads ------------------------------------------------------------------------------------------------- */

enum { JOB = 10007 };
typedef struct {
    unsigned char done[JOB];
    double part[JOB];
    atomic_size_t chunks, workers_bad, borders_bad;
    size_t chunk, threads, n;
} job;

static void do_part(void *ctx, size_t begin, size_t end, size_t worker) {
    job *j = ctx;
    atomic_fetch_add(&j->chunks, 1);
    if (worker >= j->threads) atomic_fetch_add(&j->workers_bad, 1);
    if (begin % j->chunk != 0 || (end != j->n && end - begin != j->chunk)) atomic_fetch_add(&j->borders_bad, 1);
    hg_rng r = hg_rng_make(1, begin); /* a stream a chunk: the numbers cannot depend on who drew them */
    for (size_t i = begin; i < end; i++) {
        j->done[i]++;
        j->part[i] = hg_rng_normal(&r);
    }
}

static void each_index_is_done_once_and_the_same_for_any_number_of_threads(void **state) {
    (void)state;
    job *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    assert_true(a && b);
    *a = (job) { .chunk = 64, .threads = 1, .n = JOB };
    hg_pool_for(NULL, JOB, 64, do_part, a);
    for (size_t threads = 1; threads <= 5; threads++) {
        hg_pool *p;
        assert_ok(hg_pool_new(&p, threads, NULL));
        assert_int_equal(hg_pool_threads(p), threads);
        for (int again = 0; again < 50; again++) { /* a pool takes job after job */
            *b = (job) { .chunk = 64, .threads = threads, .n = JOB };
            hg_pool_for(p, JOB, 64, do_part, b);
            assert_int_equal(b->chunks, (JOB + 63) / 64);
            assert_int_equal(b->workers_bad, 0);
            assert_int_equal(b->borders_bad, 0);
            for (size_t i = 0; i < JOB; i++) assert_int_equal(b->done[i], 1);
            assert_memory_equal(a->part, b->part, sizeof a->part);
        }
        hg_pool_free(p);
    }
    free(a);
    free(b);
}

static void a_pool_takes_odd_sizes(void **state) {
    (void)state;
    hg_pool *p;
    assert_ok(hg_pool_new(&p, 3, NULL));
    job *j = calloc(1, sizeof *j);
    assert_non_null(j);
    static const size_t cases[][2] = { { 0, 8 },   { 1, 8 },      { 8, 8 },         { 9, 8 },
                                       { 100, 1 }, { 100, 1000 }, { 100, SIZE_MAX } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        *j = (job) { .chunk = cases[c][1], .threads = 3, .n = cases[c][0] };
        hg_pool_for(p, j->n, j->chunk, do_part, j);
        for (size_t i = 0; i < JOB; i++) assert_int_equal(j->done[i], i < j->n);
    }
    *j = (job) { .chunk = 1, .threads = 3, .n = 10 };
    hg_pool_for(p, 10, 0, do_part, j); /* chunk 0 means 1 */
    assert_int_equal(j->chunks, 10);
    free(j);
    hg_pool_free(p);
    hg_pool_free(NULL);
    assert_int_equal(hg_pool_threads(NULL), 1);
    assert_ok(hg_pool_new(&p, 0, NULL)); /* one a processor */
    assert_true(hg_pool_threads(p) >= 1);
    hg_pool_free(p);
}

typedef struct {
    hg_pool *pool;
    job *inner;
    atomic_size_t wrong;
} shared_pool;

/* Each index does a whole job of its own on the pool that runs it. */
static void use_the_same_pool(void *ctx, size_t begin, size_t end, size_t worker) {
    shared_pool *s = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        job *j = &s->inner[i];
        hg_pool_for(s->pool, j->n, j->chunk, do_part, j);
        for (size_t k = 0; k < j->n; k++) atomic_fetch_add(&s->wrong, j->done[k] != 1);
        atomic_fetch_add(&s->wrong, j->workers_bad + j->borders_bad);
    }
}

static void *call_from_a_thread(void *ctx) {
    shared_pool *s = ctx;
    for (size_t i = 0; i < 50; i++) {
        memset(s->inner->done, 0, sizeof s->inner->done);
        use_the_same_pool(s, 0, 1, 0);
    }
    return NULL;
}

static void a_pool_serves_one_caller_and_the_others_help_themselves(void **state) {
    (void)state;
    enum { CALLS = 8 };
    hg_pool *p;
    assert_ok(hg_pool_new(&p, 3, NULL));
    job *inner = calloc(CALLS, sizeof *inner);
    assert_non_null(inner);
    for (size_t i = 0; i < CALLS; i++) inner[i] = (job) { .chunk = 64, .threads = 3, .n = JOB };
    shared_pool nested = { .pool = p, .inner = inner };
    hg_pool_for(p, CALLS, 1, use_the_same_pool, &nested);
    assert_int_equal(nested.wrong, 0);

    shared_pool call[CALLS];
    pthread_t id[CALLS];
    for (size_t i = 0; i < CALLS; i++) {
        inner[i] = (job) { .chunk = 64, .threads = 3, .n = JOB };
        call[i] = (shared_pool) { .pool = p, .inner = &inner[i] };
        assert_int_equal(pthread_create(&id[i], NULL, call_from_a_thread, &call[i]), 0);
    }
    for (size_t i = 0; i < CALLS; i++) {
        pthread_join(id[i], NULL);
        assert_int_equal(call[i].wrong, 0);
    }
    free(inner);
    hg_pool_free(p);
}

static void a_pool_refuses_nonsense_and_survives_any_allocation_failure(void **state) {
    (void)state;
    hg_err err;
    hg_pool *p;
    assert_int_equal(hg_pool_new(&p, 5000, &err), HG_EINVAL);
    assert_null(p);
    assert_string_equal(err.msg, "5000 threads asked for, at most 1024");
    for (long k = 0;; k++) {
        p = (hg_pool *)state; /* poison: a failing call must overwrite it */
        fail_alloc_after(k);
        const hg_status st = hg_pool_new(&p, 3, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_int_equal(k, 3); /* the pool, its ids, its seats */
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(p);
    }
    hg_pool_free(p);
}

/* ---- bounded text and near names ------------------------------------------------------------------------------- */

static void a_text_grows_and_says_once_when_it_could_not(void **state) {
    (void)state;
    hg_text t = hg_text_new(0);
    assert_string_equal(t.s, "");
    for (int i = 0; i < 1000; i++) hg_text_add(&t, "%d,", i % 10);
    hg_text_put(&t, "end\0not this", 3);
    assert_false(t.failed);
    assert_int_equal(t.len, 2003);
    assert_string_equal(t.s + 1996, "8,9,end");
    hg_text_free(&t);
    assert_string_equal(t.s, "");

    hg_text small = hg_text_new(5);
    hg_text_add(&small, "12345"); /* exactly the limit */
    assert_false(small.failed);
    hg_text_add(&small, "6");
    assert_true(small.failed);
    assert_string_equal(small.s, "12345"); /* what was there stays */
    hg_text_put(&small, "", 0);
    assert_true(small.failed); /* and the failure too */
    hg_text_free(&small);
    assert_int_equal(small.limit, 5);

    hg_text none = hg_text_new(0);
    fail_alloc_after(0);
    hg_text_put(&none, "x", 1);
    fail_alloc_after(-1);
    assert_true(none.failed);
    hg_text_put(&none, "y", 1); /* later appends do nothing */
    assert_string_equal(none.s, "");
    hg_text_free(&none);
}

static void a_misspelt_name_finds_its_neighbour(void **state) {
    (void)state;
    assert_int_equal(hg_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(hg_edit_distance("", "abc"), 3);
    assert_int_equal(hg_edit_distance("SUGGEST", "suggest"), 0);
    assert_int_equal(hg_edit_distance("flaw", "lawn"), 2);
    static const char *const verbs[] = { "suggest", "replay", "describe", "report", "doctor" };
    assert_string_equal(hg_nearest_name("sugest", verbs, 5), "suggest");
    assert_string_equal(hg_nearest_name("Repaly", verbs, 5), "replay");
    assert_null(hg_nearest_name("xylophone", verbs, 5));
    assert_null(hg_nearest_name("x", verbs, 0));
    static const char *const pairs[] = { "ab12", "ab34" };
    assert_string_equal(hg_nearest_name("ab32", pairs, 2), "ab12"); /* as near as the other, and the first */
    assert_string_equal(hg_nearest_name("abcd", pairs, 2), "ab12"); /* two letters of four */
    assert_null(hg_nearest_name("axcd", pairs, 2));                 /* three */
    const char *const letters[] = { "x", "y" };
    assert_null(hg_nearest_name("z", letters, 2)); /* nothing of it is right */
    assert_string_equal(hg_nearest_name("Y", letters, 2), "y");
    char longer[100];
    memset(longer, 'a', 99);
    longer[99] = '\0';
    assert_true(hg_edit_distance(longer, "a") == SIZE_MAX);
    assert_null(hg_nearest_name(longer, verbs, 5));
}

static void the_nearest_names_come_in_order(void **state) {
    (void)state;
    static const char *const models[] = { "gap", "steel-strength", "qdf2", "gap", "qdf2-density", "qdf-classic" };
    const char *near[6];
    assert_int_equal(hg_nearest_names(near, 3, "qdf", models, 6), 3);
    assert_string_equal(near[0], "qdf2");        /* it is a part of three */
    assert_string_equal(near[1], "qdf-classic"); /* 8 edits, 9 */
    assert_string_equal(near[2], "qdf2-density");
    assert_int_equal(hg_nearest_names(near, 6, "gas", models, 6), 5); /* "gap" once */
    assert_string_equal(near[0], "gap");
    assert_string_equal(near[1], "qdf2"); /* 4 edits; the longer ones are farther */
    assert_string_equal(near[4], "steel-strength");
    static const char *const longer[] = { "qdf2", "mp-gap", "alloy-modulus", "steel-model" };
    assert_int_equal(hg_nearest_names(near, 4, "Model", longer, 4), 4);
    assert_string_equal(near[0], "steel-model"); /* five letters, three, fewer: not the shortest names */
    assert_string_equal(near[1], "alloy-modulus");
    assert_int_equal(hg_nearest_names(near, 1, "qdf9", models, 6), 1);
    assert_string_equal(near[0], "qdf2");
    assert_int_equal(hg_nearest_names(near, 3, "x", models, 0), 0);
    assert_string_equal(hg_path_name("a/b/steel.csv"), "steel.csv");
    assert_string_equal(hg_path_name("steel.csv"), "steel.csv");
    assert_string_equal(hg_path_name("a/"), "");
}

static const char *verb_at(size_t i) {
    static const char *const verbs[] = { "suggest", "replay", "describe" };
    return i < sizeof verbs / sizeof *verbs ? verbs[i] : NULL;
}

static void an_unknown_name_is_answered_with_the_nearest_and_the_list(void **state) {
    (void)state;
    hg_err err = { .hint = "" };
    assert_int_equal(hg_names_advise(&err, HG_ENOTFOUND, "replya", verb_at), HG_ENOTFOUND);
    assert_string_equal(err.hint, "did you mean replay? There are: suggest, replay, describe");
    assert_int_equal(hg_names_advise(&err, HG_EINVAL, "zzzzzzzz", verb_at), HG_EINVAL);
    assert_string_equal(err.hint, "there are: suggest, replay, describe");
    assert_int_equal(hg_names_advise(NULL, HG_EINVAL, "x", verb_at), HG_EINVAL);
    fail_alloc_after(0); /* without memory for the list, still an answer */
    assert_int_equal(hg_names_advise(&err, HG_ENOTFOUND, "replya", verb_at), HG_ENOTFOUND);
    fail_alloc_after(-1);
    assert_contains(err.hint, "did you mean replay?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_error_has_its_place_in_front_and_its_advice_apart),
        TEST(an_error_needs_no_place_to_go_and_no_room_to_fit),
        TEST(an_error_is_clean_text_whatever_is_in_the_file),
        TEST(every_status_has_a_name_of_its_own),
        TEST(the_first_bad_row_is_named),
        TEST(an_arena_gives_zeroed_memory_of_any_size_and_takes_it_back),
        TEST(pieces_are_aligned_for_vector_code),
        TEST(an_arena_refuses_what_overflows_and_null),
        TEST(an_arena_survives_any_allocation_failure),
        TEST(memory_calls_refuse_overflow_and_keep_what_was_there),
        TEST(philox_gives_the_published_numbers),
        TEST(seed_and_stream_fix_the_sequence_and_nothing_else_does),
        TEST(moments_of_uniform_and_normal_are_right),
        TEST(a_uniform_number_is_never_0_or_1),
        TEST(integers_below_n_are_even_and_a_shuffle_is_a_permutation),
        TEST(words_and_progress_go_where_the_caller_says),
        TEST(each_index_is_done_once_and_the_same_for_any_number_of_threads),
        TEST(a_pool_takes_odd_sizes),
        TEST(a_pool_serves_one_caller_and_the_others_help_themselves),
        TEST(a_pool_refuses_nonsense_and_survives_any_allocation_failure),
        TEST(a_text_grows_and_says_once_when_it_could_not),
        TEST(a_misspelt_name_finds_its_neighbour),
        TEST(the_nearest_names_come_in_order),
        TEST(an_unknown_name_is_answered_with_the_nearest_and_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
