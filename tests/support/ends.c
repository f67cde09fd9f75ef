/* tests/support/ends.c -- see ends.h */
#include "ends.h"
#include "test.h"

void end_make(end *e, fake_world *w, const hg_identity *id, const hg_cluster *c) {
    hg_err err;
    memset(e, 0, sizeof *e);
    e->cluster = *c;
    assert_ok_err(hg_tls_new(&e->tls, id, c->authority, fake_world_of(w), &err), err);
    e->o = hg_link_opts_default();
    e->o.purpose = HG_PURPOSE_CONTROL;
    e->o.connect_ms = e->o.stall_ms = 10000;
    e->o.handshake_ms = 10000;
}

void end_close(end *e) {
    hg_link_free(e->link);
    hg_listener_free(e->listener);
    e->link = NULL;
    e->listener = NULL;
}

void end_free(end *e) {
    end_close(e);
    hg_tls_free(e->tls);
    e->tls = NULL;
}

static void *accept_one(void *self) {
    end *e = self;
    int fd;
    e->st = hg_listener_wait(&fd, e->listener, 5000, e->o.cancel, hg_tls_world(e->tls), &e->err);
    if (e->st == HG_OK && fd < 0) e->st = hg_fail(&e->err, HG_EPARTY, "nobody came");
    if (e->st == HG_OK) e->st = hg_link_accept(&e->link, e->tls, fd, &e->o, &e->err);
    return NULL;
}

void end_begin_accept(end *e) {
    hg_err err;
    e->o.cluster = &e->cluster;
    memset(&e->err, 0, sizeof e->err);
    assert_ok_err(hg_listener_new(&e->listener, "127.0.0.1", 0, &err), err);
    assert_int_equal(pthread_create(&e->thread, NULL, accept_one, e), 0);
}

uint16_t end_port(const end *e) { return hg_listener_port(e->listener); }
void end_finish_accept(end *e) { assert_int_equal(pthread_join(e->thread, NULL), 0); }

void end_connect(end *e, unsigned party, uint16_t port) {
    e->o.cluster = &e->cluster;
    e->cluster.server[party].port = port;
    memset(&e->err, 0, sizeof e->err);
    e->st = hg_link_connect(&e->link, e->tls, party, &e->o, &e->err);
}

void ends_open(end *connects, end *accepts, unsigned party) {
    end_begin_accept(accepts);
    end_connect(connects, party, end_port(accepts));
    end_finish_accept(accepts);
}

void ring_make(ring *r, test_members *m, fake_world *w, uint32_t attempt) {
    for (unsigned i = 0; i < 3; i++) {
        end_make(&r->next[i], w, m->server[i], &m->cluster);
        end_make(&r->previous[i], w, m->server[i], &m->cluster);
        r->next[i].o.purpose = HG_PURPOSE_JOB;
        r->next[i].o.attempt = attempt;
        memset(r->next[i].o.digest, 0x5a, HG_DIGEST);
    }
    for (unsigned i = 0; i < 3; i++) {
        end *a = &r->next[i], *b = &r->previous[(i + 1) % 3];
        ends_open(a, b, (i + 1) % 3);
        assert_ok_err(a->st, a->err);
        assert_ok_err(b->st, b->err);
    }
}

void ring_free(ring *r) {
    for (unsigned i = 0; i < 3; i++) {
        end_free(&r->next[i]);
        end_free(&r->previous[i]);
    }
}

void end_pair_make(end_pair *p, const char *name) {
    memset(p, 0, sizeof *p);
    p->world = fake_world_make(21);
    test_members_make(&p->m, name, &p->world);
    end_make(&p->a, &p->world, p->m.server[0], &p->m.cluster);
    end_make(&p->b, &p->world, p->m.server[1], &p->m.cluster);
}

void end_pair_open(end_pair *p) {
    ends_open(&p->a, &p->b, 1);
    assert_ok_err(p->a.st, p->a.err);
    assert_ok_err(p->b.st, p->b.err);
}

void end_pair_free(end_pair *p) {
    end_free(&p->a);
    end_free(&p->b);
    test_members_free(&p->m);
}
