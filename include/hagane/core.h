/* hagane/core.h -- what every call of the library speaks: statuses, errors, arenas, seeds, hooks, threads
 *
 * Conventions of the whole library
 *   hg_<noun>_<verb>(outputs, object, inputs, sizes, options, scratch, err)
 *   A call that can fail returns an hg_status and fills the caller's hg_err (which may be NULL). On failure an
 *   output handle is NULL and an output array is unspecified, unless its own comment says more.
 *   `T **out` becomes yours (free it with hg_<noun>_free, NULL is fine there), `T *` is borrowed, `const` untouched.
 *   Arrays are row-major: x[n,d] means x[i*d + j]. Options structs have a default function; NULL means defaults.
 *   The library never prints, never exits, never reads the environment or the clock.
 *   Any object may be used by one thread at a time; a const object by many. Different objects are independent.
 */
#ifndef HG_CORE_H
#define HG_CORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_MUST_CHECK        __attribute__((warn_unused_result))
#define HG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Every public header stands between these two: they make its functions visible outside the shared library. */
#ifdef __cplusplus
#define HG_BEGIN_DECLS                                                                                                 \
    extern "C" {                                                                                                       \
    _Pragma("GCC visibility push(default)")
#define HG_END_DECLS                                                                                                   \
    _Pragma("GCC visibility pop")                                                                                      \
    }
#else
#define HG_BEGIN_DECLS _Pragma("GCC visibility push(default)")
#define HG_END_DECLS   _Pragma("GCC visibility pop")
#endif

HG_BEGIN_DECLS

/* ---- version ------------------------------------------------------------------------------------------------- */

#define HG_VERSION "0.1.0"
const char *hg_version(void); /* of the library at run time, the same form as HG_VERSION */

/* ---- statuses and errors ------------------------------------------------------------------------------------- */

typedef enum {
    HG_OK = 0,
    HG_EINVAL,    /* an argument or option is out of its range: the caller's mistake            */
    HG_ENOMEM,    /* no memory                                                                  */
    HG_EIO,       /* a file or stream could not be opened, read or written                      */
    HG_EPARSE,    /* a file or text does not follow its format; err has file, line and column   */
    HG_EDATA,     /* well-formed data that cannot be used: a text target, everything measured   */
    HG_ENAN,      /* a number is NaN or infinite where it must be finite                        */
    HG_ENOTFOUND, /* a named thing (column, element, kernel, model) does not exist              */
    HG_ENOTPD,    /* a matrix is not positive definite even with jitter                         */
    HG_ENOTCONV,  /* an iteration did not converge                                              */
    HG_ELIMIT,    /* a stated limit was reached (size, memory, decompression ratio)             */
    HG_ECANCEL,   /* the caller's progress callback asked to stop                               */
    HG_EPARTY,    /* another party cannot be reached, stopped, or broke off                      */
    HG_EREFUSED,  /* a signature, a certificate, the policy, a budget or a date forbids it       */
    HG_ECHEAT,    /* a check failed that no honest party can fail                                */
    HG_STATUS_COUNT
} hg_status;

const char *hg_status_name(hg_status st); /* "HG_EPARSE"; never NULL */

typedef struct {
    hg_status code;
    char msg[480];       /* one sentence, with its place in front: `magnets.csv:17:4: column "Ms" holds "n/a"` */
    char hint[240];      /* what to do about it, or "" */
    size_t line, column; /* 1-based place in a file or text, 0 when there is none */
} hg_err;

/* Fill *err (NULL is fine) and return code, so that a failing path is one line: return hg_fail(err, ...).
 * Long texts are cut with "..."; control characters and what is not UTF-8 become '?'. hg_fail_at puts "file:line:column: " in front, leaving out what is 0 or NULL. */
hg_status hg_fail(hg_err *err, hg_status code, const char *fmt, ...) HG_PRINTF(3, 4);
hg_status hg_fail_at(hg_err *err, hg_status code, const char *file, size_t line, size_t column, const char *fmt, ...)
    HG_PRINTF(6, 7);
/* Add advice to the error just made and return code again: return hg_advise(err, hg_fail(err, ...), "...") */
hg_status hg_advise(hg_err *err, hg_status code, const char *fmt, ...) HG_PRINTF(3, 4);
void hg_err_clear(hg_err *err);

#define HG_TRY(call)                                                                                                   \
    do {                                                                                                               \
        const hg_status hg_try_ = (call);                                                                              \
        if (hg_try_ != HG_OK) return hg_try_;                                                                          \
    } while (0)

/* HG_ENAN and the sentence `name row i is not finite` (0-based) at the first bad row of x[n,d]. */
HG_MUST_CHECK hg_status hg_check_finite(const char *name, const double *x, size_t n, size_t d, hg_err *err);

/* ---- arenas -------------------------------------------------------------------------------------------------- */

/* An arena owns many allocations and frees them at once. Memory is zeroed and 64-byte aligned. Built with the
 * address sanitizer every piece is a block of its own, so that an overrun is seen. */
typedef struct hg_arena hg_arena;
typedef struct {
    size_t block, used;
} hg_mark;

hg_arena *hg_arena_new(
    void); /* NULL when out of memory; all calls below take NULL and then return NULL or do nothing */
void *hg_alloc(hg_arena *a, size_t n, size_t size); /* n * size bytes, overflow-checked; n = 0 gives a valid pointer */
char *hg_arena_strdup(hg_arena *a, const char *s);
char *hg_arena_strndup(hg_arena *a, const char *s, size_t len);
hg_mark hg_arena_mark(const hg_arena *a);
void hg_arena_reset(hg_arena *a, hg_mark mark); /* frees all that was allocated after the mark */
size_t hg_arena_bytes(const hg_arena *a);       /* bytes handed out and not given back */
void hg_arena_free(hg_arena *a);

/* ---- random numbers ------------------------------------------------------------------------------------------ */

/* Counter-based Philox4x32-10 (Salmon et al., SC11, 2011): (seed, stream) fixes the whole sequence, streams are
 * independent, and a value never depends on the thread count when each task has its own stream. */
typedef struct {
    uint32_t key[2], counter[4], buffer[4];
    unsigned used;
    bool has_normal;
    double normal;
} hg_rng;

hg_rng hg_rng_make(uint64_t seed, uint64_t stream);
uint64_t hg_rng_u64(hg_rng *r);
double hg_rng_uniform(hg_rng *r);                        /* in (0, 1), 53 bits */
double hg_rng_normal(hg_rng *r);                         /* mean 0, sd 1 (Box-Muller) */
size_t hg_rng_below(hg_rng *r, size_t n);                /* uniform in 0 .. n-1 without bias; n > 0 */
void hg_rng_shuffle(hg_rng *r, size_t *index, size_t n); /* Fisher-Yates, in place */

/* ---- hooks: words and progress go where the caller says -------------------------------------------------------- */

typedef enum { HG_LOG_DEBUG, HG_LOG_INFO, HG_LOG_WARN } hg_log_level;

typedef struct {
    void (*log)(void *user, hg_log_level level, const char *message);          /* NULL: silent */
    bool (*progress)(void *user, const char *what, size_t done, size_t total); /* false = stop; total 0: unknown */
    void *user;
} hg_hooks;

void hg_log(const hg_hooks *h, hg_log_level level, const char *fmt, ...) HG_PRINTF(3, 4); /* h NULL is fine */
bool hg_progress(const hg_hooks *h, const char *what, size_t done, size_t total);         /* true = go on */

/* ---- threads ------------------------------------------------------------------------------------------------- */

/* A fixed set of threads. Work is cut into chunks whose borders depend on n and chunk alone, so that a result which
 * does not depend on the order of chunks is the same for any number of threads. */
typedef struct hg_pool hg_pool;
typedef void (*hg_task)(void *ctx, size_t begin, size_t end, size_t worker); /* worker: 0 .. threads-1 */

HG_MUST_CHECK hg_status hg_pool_new(hg_pool **out, size_t threads, hg_err *err); /* 0: one a processor */
size_t hg_pool_threads(const hg_pool *p);                                        /* 1 for NULL */
/* Returns when all is done. p NULL, or at work for another caller or for the task that asks: in this thread. */
void hg_pool_for(hg_pool *p, size_t n, size_t chunk, hg_task task, void *ctx);
void hg_pool_free(hg_pool *p);

HG_END_DECLS
#endif
