/* secret/channel.c -- see secret/channel.h: names of phases, and the channel of three threads in one process */
#include "secret/channel.h"
#include "core/memory.h"
#include <pthread.h>
#include <string.h>

const char *hg_phase_name(hg_phase phase) {
    static const char *const name[HG_PHASE_COUNT] = {
        [HG_PHASE_HELLO] = "the handshake",
        [HG_PHASE_CHARGE] = "the charging of budgets",
        [HG_PHASE_INPUT] = "the taking of inputs",
        [HG_PHASE_COMPUTE] = "the computation",
        [HG_PHASE_FENCE] = "the fence before the check",
        [HG_PHASE_COIN] = "the coin of the check",
        [HG_PHASE_TRIPLES] = "the check of the triples",
        [HG_PHASE_CHECK] = "the check of the products",
        [HG_PHASE_ZERO] = "the zero test",
        [HG_PHASE_OK] = "the agreement on the check",
        [HG_PHASE_OPEN] = "the opening",
    };
    return phase < HG_PHASE_COUNT ? name[phase] : "an unknown phase";
}

typedef struct message {
    struct message *later;
    hg_phase phase;
    uint32_t round;
    size_t n;
    unsigned char bytes[];
} message;

typedef struct {
    message *first, *last;
} mailbox;

typedef struct {
    hg_memory_net *net;
    unsigned party;
} seat;

struct hg_memory_net {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    mailbox box[3][HG_NEIGHBOURS]; /* of the party that takes it, from which neighbour */
    const mailbox *awaited[3];     /* what a party waits for; NULL: it does not wait */
    bool closed[3], stalled;
    seat seats[3];
    hg_channel channels[3];
};

static unsigned neighbour(unsigned party, unsigned side) { return (party + (side == HG_NEXT ? 1 : 2)) % 3; }

static void free_messages(message *m) {
    while (m) {
        message *later = m->later;
        explicit_bzero(m->bytes, m->n);
        hg_free(m);
        m = later;
    }
}

/* NULL in *out for an empty message: nothing is sent. */
static hg_status pack(message **out, hg_phase phase, uint32_t round, const void *bytes, size_t n, hg_err *err) {
    *out = NULL;
    if (n == 0) return HG_OK;
    message *m = n < SIZE_MAX - sizeof *m ? hg_malloc(sizeof *m + n, 1) : NULL;
    if (!m) return hg_fail(err, HG_ENOMEM, "no memory for a message of %zu bytes", n);
    *m = (message) { .phase = phase, .round = round, .n = n };
    memcpy(m->bytes, bytes, n);
    *out = m;
    return HG_OK;
}

/* Lock held. When all that are still here wait for each other, nobody will ever send: a message was held back. */
static void look_for_a_stall(hg_memory_net *net) {
    unsigned stuck = 0;
    for (unsigned i = 0; i < 3; i++) {
        const mailbox *box = net->awaited[i];
        const unsigned side = box == &net->box[i][HG_NEXT] ? HG_NEXT : HG_PREVIOUS;
        if (box && !net->closed[i] && net->closed[neighbour(i, side)]) return; /* it will be told of that */
        stuck += net->closed[i] || (box && !box->first);
    }
    if (stuck < 3) return;
    net->stalled = true;
    pthread_cond_broadcast(&net->changed);
}

/* Lock held. Waits for the message of a neighbour; a closed neighbour's last messages are still there to be taken. */
static hg_status take(message **out, hg_memory_net *net, unsigned party, unsigned side, hg_err *err) {
    mailbox *box = &net->box[party][side];
    const unsigned from = neighbour(party, side);
    while (!box->first) {
        if (net->stalled) return hg_fail(err, HG_EPARTY, "server %u sends nothing", from);
        if (net->closed[from]) return hg_fail(err, HG_EPARTY, "server %u broke off", from);
        if (net->closed[party]) return hg_fail(err, HG_EPARTY, "this server's channel is closed");
        net->awaited[party] = box;
        look_for_a_stall(net);
        if (!net->stalled) pthread_cond_wait(&net->changed, &net->lock);
    }
    net->awaited[party] = NULL;
    *out = box->first;
    box->first = box->first->later;
    if (!box->first) box->last = NULL;
    (*out)->later = NULL;
    return HG_OK;
}

static hg_status check(const message *m, unsigned from, hg_phase phase, uint32_t round, size_t n, hg_err *err) {
    if (m->phase != phase || m->round != round)
        return hg_fail(err, HG_ECHEAT, "server %u sent a message of %s, round %u, in %s, round %u", from,
                       hg_phase_name(m->phase), m->round, hg_phase_name(phase), round);
    if (m->n != n)
        return hg_fail(err, HG_ECHEAT, "server %u sent %zu bytes in %s, round %u, expected %zu", from, m->n,
                       hg_phase_name(phase), round, n);
    return HG_OK;
}

static hg_status memory_exchange(void *self, hg_phase phase, uint32_t round, const hg_exchange *x, hg_err *err) {
    const seat *s = self;
    hg_memory_net *net = s->net;
    message *out[HG_NEIGHBOURS] = { NULL }, *in[HG_NEIGHBOURS] = { NULL };
    hg_status st = HG_OK;
    for (unsigned side = 0; side < HG_NEIGHBOURS && st == HG_OK; side++)
        st = pack(&out[side], phase, round, x->out[side], x->out_n[side], err);
    pthread_mutex_lock(&net->lock);
    for (unsigned side = 0; side < HG_NEIGHBOURS && st == HG_OK; side++) {
        if (!out[side]) continue;
        mailbox *box = &net->box[neighbour(s->party, side)][side == HG_NEXT ? HG_PREVIOUS : HG_NEXT];
        if (box->last)
            box->last->later = out[side];
        else
            box->first = out[side];
        box->last = out[side];
        out[side] = NULL;
    }
    pthread_cond_broadcast(&net->changed);
    for (unsigned side = 0; side < HG_NEIGHBOURS && st == HG_OK; side++)
        if (x->in_n[side]) st = take(&in[side], net, s->party, side, err);
    pthread_mutex_unlock(&net->lock);
    for (unsigned side = 0; side < HG_NEIGHBOURS && st == HG_OK; side++) {
        if (!in[side]) continue;
        st = check(in[side], neighbour(s->party, side), phase, round, x->in_n[side], err);
        if (st == HG_OK) memcpy(x->in[side], in[side]->bytes, in[side]->n);
    }
    for (unsigned side = 0; side < HG_NEIGHBOURS; side++) {
        free_messages(out[side]);
        free_messages(in[side]);
    }
    return st;
}

hg_status hg_memory_net_new(hg_memory_net **out, hg_err *err) {
    *out = NULL;
    hg_memory_net *n = hg_calloc(1, sizeof *n);
    if (!n) return hg_fail(err, HG_ENOMEM, "no memory for a net of three");
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->changed, NULL);
    for (unsigned i = 0; i < 3; i++) {
        n->seats[i] = (seat) { n, i };
        n->channels[i] = (hg_channel) { .self = &n->seats[i], .exchange = memory_exchange };
    }
    *out = n;
    return HG_OK;
}

hg_channel *hg_memory_net_channel(hg_memory_net *n, unsigned party) { return &n->channels[party]; }

void hg_memory_net_close(hg_memory_net *n, unsigned party) {
    pthread_mutex_lock(&n->lock);
    n->closed[party] = true;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
}

void hg_memory_net_free(hg_memory_net *n) {
    if (!n) return;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned side = 0; side < HG_NEIGHBOURS; side++) free_messages(n->box[i][side].first);
    pthread_cond_destroy(&n->changed);
    pthread_mutex_destroy(&n->lock);
    hg_free(n);
}
