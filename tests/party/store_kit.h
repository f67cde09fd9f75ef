/* tests/party/store_kit.h -- stores in scratch folders, shares of known rows, and processes that die at a chosen step */
#ifndef STORE_KIT_H
#define STORE_KIT_H
#include "members.h"
#include "party/store.h"
#include "secret/prss.h"
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KIT_PROJECT "magnets"

/* The address sanitizer keeps what was freed; these tests fork a thousand times, and every page of it would be copied. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "quarantine_size_mb=4"; }

typedef struct {
    char folder[512];
    unsigned char master[HG_MASTER_KEY], secret[HG_SECRET_KEY];
    const unsigned char *key; /* public */
    hg_store_opts opts;
} kit;

static int64_t kit_clock = 1732233600; /* 2024-11-22T00:00:00Z */
static inline int64_t kit_now(void *self) {
    (void)self;
    return kit_clock++;
}
static inline int64_t kit_ms(void *self) {
    (void)self;
    return kit_clock * 1000;
}

/* Tests of crashes open and sync thousands of times: in memory, where there is such a folder. What a killed process wrote is there as on
 * a disk. */
static inline const char *kit_place(char *buf, size_t size, const char *label, bool crashes) {
    if (!crashes || access("/dev/shm", W_OK) != 0) return test_scratch(buf, size, label);
    snprintf(buf, size, "/dev/shm/hagane-test-%ld-%s", (long)getpid(), label);
    return buf;
}

/* The same keys for the same party in every test; the folder is not there yet. A name that begins with '!' is of a test of crashes. */
static inline kit *kit_new(kit *k, const char *name, unsigned party) {
    unsigned char seed[32];
    char label[128];
    *k = (kit) { 0 };
    snprintf(label, sizeof label, "%s-%u", name + (*name == '!'), party);
    kit_place(k->folder, sizeof k->folder, label, *name == '!');
    test_remove_tree(k->folder);
    memset(seed, (int)party + 1, sizeof seed);
    memset(k->master, (int)(party + 0x40), sizeof k->master);
    static unsigned char public_key[HG_SLOTS][HG_PUBLIC_KEY];
    crypto_sign_seed_keypair(public_key[party], k->secret, seed);
    k->key = public_key[party];
    k->opts = (hg_store_opts) { .party = party, .world = { .now = kit_now, .monotonic_ms = kit_ms } };
    return k;
}

static inline hg_status kit_try(hg_store **out, kit *k, bool create, hg_err *err) {
    k->opts.create = create;
    k->opts.master_key = k->master;
    k->opts.secret_key = k->secret;
    return hg_store_open(out, k->folder, &k->opts, err);
}

static inline hg_store *kit_open(kit *k) {
    hg_store *s;
    hg_err err = { 0 };
    assert_ok_err(kit_try(&s, k, false, &err), err);
    return s;
}

/* Made, with the project's policy. */
static inline hg_store *kit_create(kit *k) {
    hg_store *s;
    hg_err err = { 0 };
    unsigned char digest[HG_DIGEST];
    assert_ok_err(kit_try(&s, k, true, &err), err);
    hg_digest(digest, "policy", "text", 4);
    assert_ok(hg_store_policy_put(s, KIT_PROJECT, digest, "text", 4, NULL));
    return s;
}

/* ---- data sets -------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_stored d; /* id, rows, shape */
    size_t words;
    uint64_t *value;          /* [rows, words] what is shared: elements modulo 2^(64 limbs), then bits */
    uint64_t *slot[HG_SLOTS]; /* [rows, words] */
    unsigned char *open;      /* [rows, public_size] */
} kit_set;

/* z = x + y modulo 2^(64 limbs), one element. */
static inline void kit_add(uint64_t *z, const uint64_t *x, const uint64_t *y, unsigned limbs) {
    uint64_t carry = 0;
    for (unsigned i = 0; i < limbs; i++) {
        const uint64_t t = x[i] + carry, sum = t + y[i];
        carry = (uint64_t)(t < carry) + (uint64_t)(sum < y[i]);
        z[i] = sum;
    }
}

/* slot 0 + slot 1 + slot 2, bits by XOR. */
static inline void kit_join(uint64_t *value, const hg_stored *d, const uint64_t *const slot[HG_SLOTS], size_t rows) {
    const size_t words = hg_stored_words(d), elements = d->elements * d->limbs;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < words; i += i < elements ? d->limbs : 1) {
            const size_t at = r * words + i;
            uint64_t t[3];
            if (i >= elements) {
                value[at] = slot[0][at] ^ slot[1][at] ^ slot[2][at];
                continue;
            }
            kit_add(t, slot[0] + at, slot[1] + at, d->limbs);
            kit_add(value + at, t, slot[2] + at, d->limbs);
        }
}

static inline kit_set kit_set_new(const char *owner, uint64_t sequence, uint64_t rows, size_t elements, size_t bits,
                                  size_t public_size) {
    kit_set k = { .d = { .rows = rows,
                         .limbs = 3,
                         .elements = elements,
                         .bits = bits,
                         .public_size = public_size,
                         .sequence = sequence,
                         .kind = 1 } };
    char name[128];
    hg_rng g = hg_rng_make(sequence, rows);
    snprintf(k.d.owner, sizeof k.d.owner, "%s", owner);
    snprintf(k.d.project, sizeof k.d.project, "%s", KIT_PROJECT);
    snprintf(name, sizeof name, "%s %llu", owner, (unsigned long long)sequence);
    hg_digest(k.d.id, "dataset", name, strlen(name));
    k.words = hg_stored_words(&k.d);
    const size_t n = rows * k.words;
    k.value = calloc(n, 8);
    k.open = calloc(rows, public_size ? public_size : 1);
    for (unsigned j = 0; j < HG_SLOTS; j++) k.slot[j] = calloc(n, 8);
    for (size_t i = 0; i < n; i++)
        for (unsigned j = 0; j < HG_SLOTS; j++) {
            k.slot[j][i] = hg_rng_u64(&g);
            if (bits % 64 && i % k.words == k.words - 1) k.slot[j][i] &= ~(uint64_t)0 >> (64 - bits % 64);
        }
    for (size_t i = 0; i < rows * public_size; i++) k.open[i] = (unsigned char)(i % 251);
    const uint64_t *const slot[HG_SLOTS] = { k.slot[0], k.slot[1], k.slot[2] };
    kit_join(k.value, &k.d, slot, rows);
    return k;
}

static inline void kit_set_free(kit_set *k) {
    free(k->value);
    free(k->open);
    for (unsigned j = 0; j < HG_SLOTS; j++) free(k->slot[j]);
}

/* Party p's part, in pieces of `piece` rows. No assert: also for processes that die. */
static inline hg_status kit_upload(hg_store *s, const kit_set *k, size_t piece, hg_err *err) {
    const unsigned p = hg_store_party(s);
    hg_stage *g;
    HG_TRY(hg_stage_new(&g, s, &k->d, err));
    hg_status st = HG_OK;
    for (size_t r = 0; st == HG_OK && r < k->d.rows; r += piece) {
        const size_t n = k->d.rows - r < piece ? (size_t)k->d.rows - r : piece;
        const uint64_t *const slot[2] = { k->slot[p] + r * k->words, k->slot[(p + 1) % HG_SLOTS] + r * k->words };
        st = hg_stage_add(g, slot, k->open + r * k->d.public_size, n, err);
    }
    if (st == HG_OK) st = hg_stage_commit(g, k->d.id, "statement", 9, err);
    hg_stage_free(g);
    return st;
}

static inline hg_status kit_receipts(hg_store *s, const kit_set *k, hg_err *err) {
    HG_TRY(hg_store_validate(s, k->d.id, err));
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        char text[32];
        snprintf(text, sizeof text, "receipt of %u", j);
        HG_TRY(hg_store_receipt_put(s, k->d.id, j, text, strlen(text), err));
    }
    return HG_OK;
}

/* Is it there whole, and does it hold these rows? Asserts. */
static inline void kit_check(hg_store *s, const kit_set *k) {
    const unsigned p = hg_store_party(s);
    const size_t n = (size_t)k->d.rows * k->words;
    hg_stored d;
    hg_err err = { 0 };
    uint64_t *slot[2] = { malloc(n * 8), malloc(n * 8) };
    unsigned char *open = malloc(k->d.rows * k->d.public_size + 1);
    assert_ok_err(hg_store_dataset(&d, s, k->d.id, &err), err);
    assert_ok_err(hg_store_read(slot, open, s, k->d.id, d.epoch, 0, (size_t)k->d.rows, &err), err);
    if (d.epoch == 0) {
        assert_memory_equal(slot[0], k->slot[p], n * 8);
        assert_memory_equal(slot[1], k->slot[(p + 1) % HG_SLOTS], n * 8);
    }
    assert_memory_equal(open, k->open, (size_t)k->d.rows * k->d.public_size);
    free(slot[0]);
    free(slot[1]);
    free(open);
}

/* ---- looking behind the curtain ----------------------------------------------------------------------------------------- */

static inline hg_dataset_state kit_state(hg_store *s, const kit_set *a) {
    hg_stored d;
    assert_ok(hg_store_dataset(&d, s, a->d.id, NULL));
    return d.state;
}

/* One number out of a database file. */
static inline size_t kit_count(const char *folder, const char *file, const char *sql) {
    char path[600];
    sqlite3 *db;
    sqlite3_stmt *q;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    const size_t n = (size_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

/* The wrapped keys that lie in keys.db: bytes that must be gone after a withdrawal. */
static inline size_t kit_wrapped_keys(unsigned char out[8][60], const char *folder) {
    char path[600];
    sqlite3 *db;
    sqlite3_stmt *q;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/keys.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT sealed FROM secret WHERE name LIKE 'set/%'", -1, &q, NULL),
                     SQLITE_OK);
    while (n < 8 && sqlite3_step(q) == SQLITE_ROW) {
        assert_int_equal(sqlite3_column_bytes(q, 0), 60);
        memcpy(out[n++], sqlite3_column_blob(q, 0), 60);
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

/* ---- processes that die ------------------------------------------------------------------------------------------------- */

/* How often power fails, and every which step is the last. A process of the sanitizers is slow to make and to end: there are fewer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { KIT_DEATHS = 30, KIT_STRIDE = 7 };
#else
enum { KIT_DEATHS = 100, KIT_STRIDE = 3 };
#endif

static long kit_steps = -1; /* steps left before death; < 0: immortal */
/* Only around a commit does it matter when: what is not committed is gone whenever the process dies. */
static inline void kit_step(void *user, const char *statement) {
    (void)user;
    if (strcmp(statement, "COMMIT") != 0 && strcmp(statement, "committed") != 0 && strcmp(statement, "settle") != 0)
        return;
    if (kit_steps == 0) raise(SIGKILL);
    if (kit_steps > 0) kit_steps--;
}

/* Runs work in a process of its own that is killed before its step `at` (< 0: never). true: it died. A work that fails makes
 * the test fail. */
static inline bool kit_dies(hg_status (*work)(void *ctx, hg_err *err), void *ctx, long at) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        hg_err err = { 0 };
        kit_steps = at;
        const hg_status st = work(ctx, &err);
        if (st != HG_OK) fprintf(stderr, "%s: %s\n", hg_status_name(st), err.msg);
        _exit(st == HG_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* Until something is in the pipe: the process is at work. */
static inline void kit_wait(int fd) {
    struct pollfd p = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&p, 1, 20000), 1);
}

/* Power fails at a random moment of `child`'s work, which has begun when something is in the pipe. *work: microseconds that the first,
 * unhurt life took, so that the moments spread over a whole life on a slow machine too; 0 before it. */
static inline void kit_power_fails(pid_t child, int fd, hg_rng *g, long *work) {
    struct timespec a, b;
    int status;
    kit_wait(fd);
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (*work) usleep((useconds_t)hg_rng_below(g, (size_t)*work));
    if (*work) kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    if (!*work) *work = 1 + (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
}

/* Is this byte string in any file of the folder? */
static inline bool kit_on_disk(const char *folder, const void *bytes, size_t n) {
    static const char *const NAME[] = { "party.db",     "party.db-wal", "keys.db", "keys.db-wal",
                                        "party.db-shm", "keys.db-shm",  "lock" };
    bool found = false;
    for (size_t i = 0; i < sizeof NAME / sizeof *NAME; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, NAME[i]);
        FILE *f = fopen(path, "rb");
        if (!f) continue;
        fseek(f, 0, SEEK_END);
        const long size = ftell(f);
        rewind(f);
        char *all = malloc((size_t)size + 1);
        assert_int_equal(fread(all, 1, (size_t)size, f), size);
        found = found || memmem(all, (size_t)size, bytes, n);
        free(all);
        fclose(f);
    }
    return found;
}
#endif
