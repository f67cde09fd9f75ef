/* core/pool.c -- see hagane/core.h. The caller works too, as worker 0; chunks are taken from one atomic counter.
 * A job is published under the lock with a new generation number, which is what waiting workers look at: for some microseconds they only
 * look, since the next loop of a network comes at once and being woken takes longer than many of them, then they sleep. A caller who finds
 * the threads at work for somebody else does its job alone: a model that several threads share may use its pool. */
#include "core/memory.h"
#include "hagane/core.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

typedef struct {
    hg_pool *pool;
    size_t worker;
} seat;

struct hg_pool {
    size_t threads; /* the caller included */
    pthread_t *ids; /* [threads - 1] */
    seat *seats;
    pthread_mutex_t taken; /* by the caller whose job it is */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    atomic_size_t generation, busy; /* written under lock */
    bool stop;
    unsigned looks; /* how often a waiting thread looks before it sleeps; 0 when threads outnumber processors */
    hg_task task;   /* the job; constant while busy > 0 */
    void *ctx;
    size_t n, chunk;
    atomic_size_t next; /* first index nobody has taken */
};

enum { LOOKS = 1000 }; /* 10 to 50 microseconds */

static void look_away(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void work(hg_pool *p, size_t worker) {
    for (;;) {
        const size_t begin = atomic_fetch_add(&p->next, p->chunk);
        if (begin >= p->n) return;
        p->task(p->ctx, begin, p->n - begin < p->chunk ? p->n : begin + p->chunk, worker);
    }
}

static void *worker_main(void *arg) {
    const seat *s = arg;
    hg_pool *p = s->pool;
    size_t seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stop && p->generation == seen) pthread_cond_wait(&p->wake, &p->lock);
        if (p->stop) break;
        seen = p->generation;
        pthread_mutex_unlock(&p->lock);
        work(p, s->worker);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0) pthread_cond_signal(&p->done);
        pthread_mutex_unlock(&p->lock);
        for (unsigned i = 0; i < p->looks && atomic_load(&p->generation) == seen; i++) look_away();
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

hg_status hg_pool_new(hg_pool **out, size_t threads, hg_err *err) {
    *out = NULL;
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads == 0) threads = online > 0 ? (size_t)online : 1;
    if (threads > 1024) return hg_fail(err, HG_EINVAL, "%zu threads asked for, at most 1024", threads);
    hg_pool *p = hg_calloc(1, sizeof *p);
    if (!p) return hg_fail(err, HG_ENOMEM, "thread pool");
    pthread_mutex_init(&p->taken, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    p->threads = 1;
    p->looks = online > 0 && threads <= (size_t)online ? LOOKS : 0;
    p->ids = hg_calloc(threads, sizeof *p->ids);
    p->seats = hg_calloc(threads, sizeof *p->seats);
    hg_status st = p->ids && p->seats ? HG_OK : hg_fail(err, HG_ENOMEM, "thread pool of %zu", threads);
    while (st == HG_OK && p->threads < threads) {
        p->seats[p->threads] = (seat) { p, p->threads };
        if (pthread_create(&p->ids[p->threads - 1], NULL, worker_main, &p->seats[p->threads]) != 0)
            st = hg_fail(err, HG_ENOMEM, "could not start thread %zu of %zu", p->threads + 1, threads);
        else
            p->threads++;
    }
    if (st != HG_OK) {
        hg_pool_free(p);
        return st;
    }
    *out = p;
    return HG_OK;
}

size_t hg_pool_threads(const hg_pool *p) { return p ? p->threads : 1; }

void hg_pool_for(hg_pool *p, size_t n, size_t chunk, hg_task task, void *ctx) {
    if (chunk == 0) chunk = 1;
    if (!p || p->threads == 1 || n <= chunk || pthread_mutex_trylock(&p->taken) != 0) {
        for (size_t begin = 0; begin < n; begin += chunk) task(ctx, begin, n - begin < chunk ? n : begin + chunk, 0);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->task = task;
    p->ctx = ctx;
    p->n = n;
    p->chunk = chunk;
    atomic_store(&p->next, 0);
    p->busy = p->threads - 1;
    p->generation++;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    work(p, 0);
    for (unsigned i = 0; i < p->looks && atomic_load(&p->busy) > 0; i++) look_away();
    pthread_mutex_lock(&p->lock);
    while (p->busy) pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_unlock(&p->taken);
}

void hg_pool_free(hg_pool *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i + 1 < p->threads; i++) pthread_join(p->ids[i], NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->taken);
    hg_free(p->seats);
    hg_free(p->ids);
    hg_free(p);
}
