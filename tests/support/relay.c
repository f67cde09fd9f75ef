/* tests/support/relay.c -- see relay.h */
#include "relay.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64, PIECE = 64 << 10 };
static const uint64_t QUEUE_MOST = 64 << 20; /* bytes under way, one way: more than any delay of a test needs */

typedef struct piece {
    struct piece *next;
    int64_t due; /* us */
    size_t n, done;
    unsigned char bytes[];
} piece;

typedef struct {
    piece *first, *last;
    uint64_t queued, taken, passed; /* bytes */
    bool ended;                     /* the source has no more */
} lane;

typedef struct {
    int fd[2]; /* [RELAY_UP]: who connected; [RELAY_DOWN]: the server */
    lane way[2];
    relay_opts o;
    bool open;
} line;

struct relay {
    pthread_t thread;
    pthread_mutex_t lock;
    int listener, wake;
    uint16_t port;
    struct sockaddr_in to; /* under the lock, like what follows */
    relay_opts o;
    bool stop, breaking;
    uint64_t bytes[2];
    unsigned connections;
    line lines[CONNECTIONS]; /* the thread's own */
};

relay_opts relay_opts_default(void) {
    return (relay_opts) { .cut_after = { RELAY_NEVER, RELAY_NEVER },
                          .swallow_after = { RELAY_NEVER, RELAY_NEVER },
                          .flip_at = { RELAY_NEVER, RELAY_NEVER } };
}

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void nodelay(int fd) {
    const int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void close_line(line *l) {
    for (int w = 0; w < 2; w++) {
        close(l->fd[w]);
        for (piece *p = l->way[w].first; p;) {
            piece *next = p->next;
            free(p);
            p = next;
        }
    }
    memset(l, 0, sizeof *l);
}

static void accept_one(relay *r) {
    const int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    line *l = NULL;
    for (size_t i = 0; i < CONNECTIONS && !l; i++)
        if (!r->lines[i].open) l = &r->lines[i];
    const int server = l ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (server < 0 || connect(server, (struct sockaddr *)&r->to, sizeof r->to) != 0) {
        if (server >= 0) close(server);
        close(fd);
        return;
    }
    (void)fcntl(server, F_SETFL, O_NONBLOCK);
    nodelay(fd);
    nodelay(server);
    *l = (line) { .fd = { fd, server }, .o = r->o, .open = true };
    r->connections++;
}

/* Takes what is there; false: the socket broke. */
static bool take(line *l, int w, int64_t delay) {
    lane *a = &l->way[w];
    piece *p = malloc(sizeof *p + PIECE);
    if (!p) return false;
    const ssize_t got = recv(l->fd[w], p->bytes, PIECE, 0);
    if (got <= 0) {
        free(p);
        if (got == 0) a->ended = true;
        return got == 0 || errno == EAGAIN || errno == EINTR;
    }
    *p = (piece) { .due = now_us() + delay, .n = (size_t)got };
    const uint64_t at = l->o.flip_at[w];
    if (at >= a->taken && at < a->taken + p->n) p->bytes[at - a->taken] ^= 0x10;
    a->taken += p->n;
    a->queued += p->n;
    if (a->last)
        a->last->next = p;
    else
        a->first = p;
    a->last = p;
    return true;
}

/* Bytes of this piece that may still pass; *swallow: the rest of it is to vanish. */
static size_t allowed(const line *l, int w, const piece *p, bool *swallow) {
    const lane *a = &l->way[w];
    const uint64_t cut = l->o.cut_after[w], quiet = l->o.swallow_after[w], most = cut < quiet ? cut : quiet;
    const size_t left = p->n - p->done;
    *swallow = quiet <= a->passed;
    if (most == RELAY_NEVER) return left;
    return most - a->passed < left ? (size_t)(most - a->passed) : left;
}

static void drop_first(lane *a) {
    piece *p = a->first;
    a->queued -= p->n - p->done;
    a->first = p->next;
    if (!a->first) a->last = NULL;
    free(p);
}

/* Passes on what is due; false: this line is at its end. */
static bool pass(relay *r, line *l, int w, int64_t now) {
    lane *a = &l->way[w];
    while (a->first && a->first->due <= now) {
        piece *p = a->first;
        bool swallow;
        const size_t n = allowed(l, w, p, &swallow);
        if (swallow) {
            drop_first(a);
            continue;
        }
        if (n == 0) return false; /* cut */
        const ssize_t put = send(l->fd[!w], p->bytes + p->done, n, MSG_NOSIGNAL);
        if (put < 0) return errno == EAGAIN || errno == EINTR;
        p->done += (size_t)put;
        a->queued -= (uint64_t)put;
        a->passed += (uint64_t)put;
        r->bytes[w] += (uint64_t)put;
        if (p->done == p->n) drop_first(a);
    }
    if (l->o.cut_after[w] != RELAY_NEVER && a->passed >= l->o.cut_after[w]) return false;
    if (a->ended && !a->first) shutdown(l->fd[!w], SHUT_WR);
    return !(l->way[0].ended && l->way[1].ended && !l->way[0].first && !l->way[1].first);
}

/* What to poll of a line, and when something falls due. */
static void prepare(const line *l, struct pollfd p[2], int64_t now, int64_t *wait) {
    for (int w = 0; w < 2; w++) {
        const lane *out = &l->way[!w], *in = &l->way[w];
        const bool due = out->first && out->first->due <= now;
        p[w] = (struct pollfd) {
            .fd = l->fd[w], .events = (short)((in->ended || in->queued > QUEUE_MOST ? 0 : POLLIN) | (due ? POLLOUT : 0))
        };
        if (!p[w].events) p[w].fd = -1;
        if (out->first && !due && out->first->due - now < *wait) *wait = out->first->due - now;
    }
}

static bool serve(relay *r, line *l, const struct pollfd p[2]) {
    for (int w = 0; w < 2; w++)
        if ((p[w].revents & (POLLIN | POLLHUP | POLLERR)) && !l->way[w].ended && !take(l, w, l->o.delay_us))
            return false;
    const int64_t now = now_us();
    return pass(r, l, RELAY_UP, now) && pass(r, l, RELAY_DOWN, now);
}

static void *run(void *self) {
    relay *r = self;
    for (;;) {
        struct pollfd p[2 + 2 * CONNECTIONS];
        size_t n = 2, at[CONNECTIONS];
        int64_t wait = 1000000, now = now_us();
        p[0] = (struct pollfd) { .fd = r->wake, .events = POLLIN };
        p[1] = (struct pollfd) { .fd = r->listener, .events = POLLIN };
        for (size_t i = 0; i < CONNECTIONS; i++) {
            at[i] = n;
            if (!r->lines[i].open) continue;
            prepare(&r->lines[i], p + n, now, &wait);
            n += 2;
        }
        const struct timespec t = { wait / 1000000, wait % 1000000 * 1000 };
        if (ppoll(p, n, &t, NULL) < 0 && errno != EINTR) return NULL;
        pthread_mutex_lock(&r->lock);
        uint64_t waste;
        if (p[0].revents && read(r->wake, &waste, sizeof waste) < 0) { /* it was somebody else's turn */
        }
        const bool stop = r->stop, breaking = r->breaking;
        r->breaking = false;
        for (size_t i = 0; i < CONNECTIONS; i++)
            if (r->lines[i].open && (stop || breaking || !serve(r, &r->lines[i], p + at[i]))) close_line(&r->lines[i]);
        if (!stop && p[1].revents) accept_one(r);
        pthread_mutex_unlock(&r->lock);
        if (stop) return NULL;
    }
}

/* ---- the other thread's side --------------------------------------------------------------------------------------------- */

static bool open_sockets(relay *r) {
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->listener < 0 || r->wake < 0 || bind(r->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(r->listener, CONNECTIONS) != 0 || getsockname(r->listener, (struct sockaddr *)&at, &size) != 0)
        return false;
    r->port = ntohs(at.sin_port);
    return true;
}

relay *relay_new(const char *host, uint16_t port, const relay_opts *o) {
    relay *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->o = o ? *o : relay_opts_default();
    r->to = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons(port) };
    pthread_mutex_init(&r->lock, NULL);
    if (inet_pton(AF_INET, host, &r->to.sin_addr) == 1 && open_sockets(r) &&
        pthread_create(&r->thread, NULL, run, r) == 0)
        return r;
    if (r->listener > 0) close(r->listener);
    if (r->wake > 0) close(r->wake);
    free(r);
    return NULL;
}

uint16_t relay_port(const relay *r) { return r->port; }

static void wake(relay *r) {
    const uint64_t one = 1;
    if (write(r->wake, &one, sizeof one) < 0) { /* it is awake */
    }
}

void relay_set(relay *r, const relay_opts *o) {
    pthread_mutex_lock(&r->lock);
    r->o = *o;
    pthread_mutex_unlock(&r->lock);
}

void relay_delay(relay *r, int64_t delay_us) {
    pthread_mutex_lock(&r->lock);
    r->o.delay_us = delay_us;
    for (size_t i = 0; i < CONNECTIONS; i++) r->lines[i].o.delay_us = delay_us;
    pthread_mutex_unlock(&r->lock);
}

void relay_aim(relay *r, uint16_t port) {
    pthread_mutex_lock(&r->lock);
    r->to.sin_port = htons(port);
    pthread_mutex_unlock(&r->lock);
}

void relay_break(relay *r) {
    pthread_mutex_lock(&r->lock);
    r->breaking = true;
    pthread_mutex_unlock(&r->lock);
    wake(r);
}

uint64_t relay_bytes(relay *r, relay_way way) {
    pthread_mutex_lock(&r->lock);
    const uint64_t n = r->bytes[way];
    pthread_mutex_unlock(&r->lock);
    return n;
}

unsigned relay_connections(relay *r) {
    pthread_mutex_lock(&r->lock);
    const unsigned n = r->connections;
    pthread_mutex_unlock(&r->lock);
    return n;
}

void relay_free(relay *r) {
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_mutex_unlock(&r->lock);
    wake(r);
    pthread_join(r->thread, NULL);
    close(r->listener);
    close(r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
