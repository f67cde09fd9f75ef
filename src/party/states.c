/* party/states.c -- see party/states.h */
#include "party/states.h"
#include "core/memory.h"
#include <string.h>

typedef struct place place;
struct place {
    place *next;
    char project[HG_NAME_SIZE];
    bool taken, forgotten; /* forgotten: while it was taken */
    hg_held_state held;
};

struct hg_states {
    pthread_mutex_t lock;
    pthread_cond_t news;
    place *first;
};

hg_status hg_states_new(hg_states **out, hg_err *err) {
    hg_states *s = *out = hg_calloc(1, sizeof *s);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for a server");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return HG_OK;
}

void hg_held_state_clear(hg_held_state *h) {
    hg_pool_state_free(h->state);
    h->state = NULL;
    h->n_seen = 0;
}

void hg_states_free(hg_states *s) {
    if (!s) return;
    while (s->first) {
        place *p = s->first;
        s->first = p->next;
        hg_held_state_clear(&p->held);
        hg_free(p->held.seen);
        hg_free(p);
    }
    pthread_cond_destroy(&s->news);
    pthread_mutex_destroy(&s->lock);
    hg_free(s);
}

static place *find(hg_states *s, const char *project) {
    for (place *p = s->first; p; p = p->next)
        if (strcmp(p->project, project) == 0) return p;
    place *p = hg_calloc(1, sizeof *p);
    if (!p) return NULL;
    memcpy(p->project, project, strlen(project) + 1);
    p->next = s->first;
    return s->first = p;
}

hg_status hg_states_take(hg_held_state **out, hg_states *s, const char *project, int wait_ms, hg_err *err) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    *out = NULL;
    int late = wait_ms == 0;
    pthread_mutex_lock(&s->lock);
    place *p = find(s, project);
    while (p && p->taken && !late) late = pthread_cond_timedwait(&s->news, &s->lock, &until);
    const bool free_place = p && !p->taken;
    if (free_place) {
        p->taken = true;
        *out = &p->held;
    }
    pthread_mutex_unlock(&s->lock);
    if (!p) return hg_fail(err, HG_ENOMEM, "no memory for a project's state");
    if (free_place) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_ELIMIT, "another question in project %s is being computed", project),
                     "ask again in a moment, or use --wait");
}

void hg_states_forget(hg_states *s, const char *project) {
    pthread_mutex_lock(&s->lock);
    for (place *p = s->first; p; p = p->next) {
        if (strcmp(p->project, project) != 0) continue;
        p->forgotten = p->taken;
        if (!p->taken) hg_held_state_clear(&p->held);
    }
    pthread_mutex_unlock(&s->lock);
}

void hg_states_give(hg_states *s, hg_held_state *h) {
    if (!h) return;
    pthread_mutex_lock(&s->lock);
    for (place *p = s->first; p; p = p->next) {
        if (&p->held != h) continue;
        if (p->forgotten) hg_held_state_clear(h);
        p->taken = p->forgotten = false;
    }
    pthread_cond_broadcast(&s->news);
    pthread_mutex_unlock(&s->lock);
}
