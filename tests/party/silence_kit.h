/* tests/party/silence_kit.h -- a project on three servers, members at work, and what is said of who is silent */
#ifndef SILENCE_KIT_H
#define SILENCE_KIT_H
#include "magnets.h"
#include "test.h"
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HANG_MS = 120000, PATIENCE_MS = 90000 };
static const size_t ROWS[] = { 0, 5, 30, 35, 29, 1, 17, 22 };

static inline void sleep_ms(long ms) {
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static inline magnets_result work(const magnets *m, magnets_op op) {
    magnets_result r;
    magnets_child child = magnets_begin(m, &op);
    assert_true(magnets_end(&r, &child, HANG_MS));
    return r;
}

static inline magnets_op sharing(const char *owner, const size_t *row, size_t n) {
    magnets_op op = { .kind = MAGNETS_SHARE, .member = owner, .n = n };
    memcpy(op.row, row, n * sizeof *row);
    return op;
}

static const magnets_op ASK = { .kind = MAGNETS_ASK, .member = "c" };

static inline void share_two(const magnets *m) {
    for (size_t k = 0; k < 2; k++) {
        magnets_op op = sharing(k ? "b" : "a", ROWS + 4 * k, 4);
        op.now = (int64_t)time(NULL) + (int64_t)k;
        const magnets_result r = work(m, op);
        assert_ok_err(r.st, r.err);
    }
}

static inline void assert_usable(const magnets *m, size_t rows) {
    magnets_op op = ASK;
    op.wait_ms = PATIENCE_MS;
    const magnets_result r = work(m, op);
    assert_ok_err(r.st, r.err);
    assert_int_equal(r.rows, rows);
    if (rows == 8) assert_int_equal(r.index, magnets_answer(m, ROWS, rows));
}

static inline void assert_missing(const magnets_result *r, const char *name) {
    assert_int_equal(r->st, HG_EPARTY);
    assert_contains(r->err.msg, name);
}

/* The others' words about it. */
static inline void assert_noticed(magnets *m, unsigned by, const char *name) {
    char sentence[80];
    hg_text log = hg_text_new(0);
    snprintf(sentence, sizeof sentence, "party \"%s\" does not answer", name);
    for (unsigned tries = 0; tries < 300; tries++) {
        hg_text_free(&log);
        if (strstr(magnets_log(&log, m, by), sentence)) break;
        sleep_ms(100);
    }
    assert_contains(log.s, sentence);
    hg_text_free(&log);
}

#endif
