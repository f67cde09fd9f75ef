/* party/meet.c -- see party/meet.h */
#include "party/meet.h"
#include "core/memory.h"
#include <pthread.h>
#include <string.h>

typedef struct {
    hg_link *link;
    int64_t since;
} guest;

struct hg_meet {
    const hg_world *world;
    pthread_mutex_t lock;
    pthread_cond_t news;
    guest guest[HG_MEET_MOST];
    size_t n;
    bool stopped;
};

hg_status hg_meet_new(hg_meet **out, const hg_world *w, hg_err *err) {
    hg_meet *m = *out = hg_calloc(1, sizeof *m);
    if (!m) return hg_fail(err, HG_ENOMEM, "no memory for a server");
    m->world = w;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return HG_OK;
}

void hg_meet_free(hg_meet *m) {
    if (!m) return;
    for (size_t i = 0; i < m->n; i++) hg_link_free(m->guest[i].link);
    pthread_cond_destroy(&m->news);
    pthread_mutex_destroy(&m->lock);
    hg_free(m);
}

static void leave(hg_meet *m, size_t i) {
    memmove(m->guest + i, m->guest + i + 1, (m->n - i - 1) * sizeof *m->guest);
    m->n--;
}

void hg_meet_bring(hg_meet *m, hg_link *k) {
    hg_link *gone[HG_MEET_MOST]; /* closed outside the lock */
    size_t n_gone = 0;
    pthread_mutex_lock(&m->lock);
    const int64_t now = hg_world_ms(m->world);
    while (m->n && (m->n == HG_MEET_MOST || now - m->guest[0].since > HG_MEET_MS || m->stopped)) {
        gone[n_gone++] = m->guest[0].link; /* the oldest stands first */
        leave(m, 0);
    }
    m->guest[m->n++] = (guest) { k, now };
    pthread_cond_broadcast(&m->news);
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < n_gone; i++) hg_link_free(gone[i]);
}

static hg_link *find(hg_meet *m, int party, const unsigned char digest[HG_DIGEST], uint32_t attempt) {
    for (size_t i = 0; i < m->n; i++) {
        hg_link *k = m->guest[i].link;
        const hg_visitor *v = hg_link_visitor(k);
        if (v->party != party || v->attempt != attempt || memcmp(v->digest, digest, HG_DIGEST) != 0) continue;
        leave(m, i);
        return k;
    }
    return NULL;
}

hg_status hg_meet_fetch(hg_link **out, hg_meet *m, int party, const unsigned char digest[HG_DIGEST], uint32_t attempt,
                        int wait_ms, hg_err *err) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until); /* for the wait alone: what the world says is not a thread's business */
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    int late = 0;
    pthread_mutex_lock(&m->lock);
    while (!(*out = find(m, party, digest, attempt)) && !late && !m->stopped)
        late = pthread_cond_timedwait(&m->news, &m->lock, &until);
    const bool stopped = m->stopped;
    pthread_mutex_unlock(&m->lock);
    if (*out) return HG_OK;
    if (stopped) return hg_fail(err, HG_ECANCEL, "this server stops");
    return hg_fail(err, HG_EPARTY, "it did not come within %d s", wait_ms / 1000);
}

void hg_meet_stop(hg_meet *m) {
    pthread_mutex_lock(&m->lock);
    m->stopped = true;
    pthread_cond_broadcast(&m->news);
    pthread_mutex_unlock(&m->lock);
}
