/* tests/support/magnets.h -- a project on three server processes, members in processes of their own, and what one party would answer
 *
 *   magnets *m = magnets_new("power", "semi-honest", 12); project "magnets": a 12 x 12 pool, a smooth property; owners a and b,
 *                                                         owner and user c; the servers run and have the policy
 *   magnets_op op = { .kind = MAGNETS_ASK, .member = "c", .wait_ms = 60000 };
 *   magnets_child child = magnets_begin(m, &op);          a member at work: meanwhile servers may be killed
 *   magnets_end(&result, &child, 90000);                  false: it hung
 *   magnets_answer(m, row, n);                            the index that one party computes from these rows, in this order
 *
 * One thread: what is forked here starts from a quiet process.
 */
#ifndef HG_TEST_MAGNETS_H
#define HG_TEST_MAGNETS_H
#include "servers.h"

enum { MAGNETS_SIDE_MOST = 12, MAGNETS_ROWS = 4, MAGNETS_BUDGET = 100000 };

typedef struct {
    test_servers s;
    size_t side, pool; /* side * side candidates */
    hg_policy *policy;
} magnets;

/* Fails the test when it cannot be. Short times for everything. */
magnets *magnets_new(const char *name, const char *mode, size_t side);
void magnets_free(magnets *m);
void magnets_start(magnets *m, unsigned server);
hg_party *magnets_party(const magnets *m, const char *member);
double magnets_hc(const magnets *m, size_t row); /* the property of a pool row, in [0, 3] */
size_t magnets_answer(const magnets *m, const size_t *row, size_t n);
/* A server's words so far: the text's string. */
const char *magnets_log(hg_text *to, const magnets *m, unsigned server);

/* ---- members at work -------------------------------------------------------------------------------------------------------- */

/* A refresh is asked for with a server's own identity. */
typedef enum { MAGNETS_SHARE, MAGNETS_ASK, MAGNETS_WITHDRAW, MAGNETS_REFRESH, MAGNETS_KINDS } magnets_kind;

typedef struct {
    magnets_kind kind;
    const char *member;
    size_t row[MAGNETS_ROWS], n; /* to share */
    const char *table;           /* to share instead of rows: a file */
    const char *dataset;         /* to withdraw */
    int wait_ms;                 /* how long it tries again while servers are away */
    bool again;                  /* first hands in what an earlier call left */
    bool keep;                   /* a question that was not answered is kept, and asked again by the next one */
    int64_t now;                 /* the member's clock, which stands still; 0: the machine's */
} magnets_op;

typedef struct {
    hg_status st;
    hg_err err;
    double ms, peak_mb;                                  /* time; largest resident set of the member's process */
    size_t handed_in;                                    /* again: data sets */
    char dataset[HG_PARTY_DIGEST], job[HG_PARTY_DIGEST]; /* shared; asked */
    size_t index, rows, datasets, left;                  /* of an answer */
    uint64_t epoch;                                      /* after a refresh */
} magnets_result;

typedef struct {
    pid_t pid;
    int fd;
} magnets_child;

magnets_child magnets_begin(const magnets *m, const magnets_op *op);
/* false: no result within most_ms, or a crash. It is gone then; with most_ms = 0, because the member's machine lost its power. */
bool magnets_end(magnets_result *out, magnets_child *child, int most_ms);
/* Begins and ends. */
magnets_result magnets_do(const magnets *m, const magnets_op *op);
#endif
