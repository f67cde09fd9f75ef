/* tests/support/consortium.c -- see consortium.h */
#include "consortium.h"
#include <stdio.h>
#include <string.h>

const char *consortium_path(char buf[CONSORTIUM_PATH], const consortium *c, const char *name, const char *file) {
    snprintf(buf, CONSORTIUM_PATH, "%s/%s%s%s", c->folder, name, file ? "/" : "", file ? file : "");
    return buf;
}

/* ---- keys ----------------------------------------------------------------------------------------------------------------- */

hg_status consortium_identity(hg_identity **out, const consortium *c, const char *member, hg_err *err) {
    char folder[CONSORTIUM_PATH];
    return hg_identity_load(out, consortium_path(folder, c, member, NULL), NULL, hg_world_system(), err);
}

static hg_status add_member(consortium *c, const consortium_member *m, hg_err *err) {
    char folder[CONSORTIUM_PATH], authority[CONSORTIUM_PATH];
    if (c->n_members == CONSORTIUM_MEMBERS) return hg_fail(err, HG_EINVAL, "too many members");
    c->member[c->n_members++] = *m;
    return hg_identity_create(consortium_path(folder, c, m->name, NULL), m->name, m->roles,
                              consortium_path(authority, c, "authority", NULL), NULL, hg_world_system(), err);
}

static hg_status pin_server(consortium *c, unsigned i, hg_err *err) {
    hg_cluster_server *s = &c->cluster.server[i];
    hg_identity *id;
    HG_TRY(consortium_identity(&id, c, c->member[i].name, err));
    const hg_certificate *own = hg_identity_certificate(id);
    memcpy(s->name, own->name, sizeof s->name);
    memcpy(s->signing_key, own->signing_key, HG_PUBLIC_KEY);
    memcpy(s->sealing_key, own->sealing_key, HG_PUBLIC_KEY);
    snprintf(s->host, sizeof s->host, "127.0.0.1");
    hg_identity_free(id);
    return HG_OK;
}

hg_status consortium_make(consortium *c, const char *folder, const consortium_member *member, size_t n, hg_err *err) {
    char path[CONSORTIUM_PATH];
    *c = (consortium) { .cluster = { .name = "tests" } };
    if (strlen(folder) >= sizeof c->folder) return hg_fail(err, HG_EINVAL, "the folder's name is too long: %s", folder);
    snprintf(c->folder, sizeof c->folder, "%s", folder);
    consortium_path(path, c, "authority", NULL);
    HG_TRY(hg_authority_create(path, "authority", NULL, hg_world_system(), err));
    consortium_path(path, c, "authority", "authority.pem");
    snprintf(c->cluster.authority, sizeof c->cluster.authority, "%s", path);
    for (size_t k = 0; k < n; k++) HG_TRY(add_member(c, &member[k], err));
    for (unsigned i = 0; i < HG_SERVERS; i++) HG_TRY(pin_server(c, i, err));
    return HG_OK;
}

hg_status consortium_write(const consortium *c, hg_err *err) {
    char path[CONSORTIUM_PATH];
    return hg_cluster_write(consortium_path(path, c, "cluster.yaml", NULL), &c->cluster, err);
}

/* ---- members ----------------------------------------------------------------------------------------------------------------- */

hg_status consortium_open(hg_party **out, const consortium *c, const char *member, const hg_party_opts *opts,
                          hg_err *err) {
    char cluster[CONSORTIUM_PATH], folder[CONSORTIUM_PATH];
    hg_party_opts o = opts ? *opts : hg_party_opts_default();
    o.cluster = consortium_path(cluster, c, "cluster.yaml", NULL);
    o.identity = consortium_path(folder, c, member, NULL);
    if (!o.world) o.world = hg_world_system();
    return hg_party_open(out, &o, err);
}

/* ---- a policy ------------------------------------------------------------------------------------------------------------------ */

static void put_key(hg_text *to, const char *name, const unsigned char key[HG_PUBLIC_KEY]) {
    hg_text_add(to, ", %s: ", name);
    for (size_t i = 0; i < HG_PUBLIC_KEY; i++) hg_text_add(to, "%02x", key[i]);
}

static hg_status put_members(hg_text *to, const consortium *c, size_t budget, hg_err *err) {
    hg_text_add(to, "members:\n");
    for (size_t k = 0; k < c->n_members; k++) {
        const unsigned roles = c->member[k].roles;
        hg_identity *id;
        if (c->member[k].outside) continue;
        HG_TRY(consortium_identity(&id, c, c->member[k].name, err));
        const hg_certificate *own = hg_identity_certificate(id);
        hg_text_add(to, "  - {name: %s, roles: [%s%s]", own->name, roles & HG_ROLE_SERVER ? "server" : "owner",
                    roles & HG_ROLE_USER ? ", user" : "");
        put_key(to, "key", own->signing_key);
        if (roles & HG_ROLE_SERVER) put_key(to, "seal", own->sealing_key);
        if (roles & HG_ROLE_USER) hg_text_add(to, ", budget: %zu", budget);
        hg_text_add(to, "}\n");
        hg_identity_free(id);
    }
    return to->failed ? hg_fail(err, HG_ENOMEM, "no memory for a policy") : HG_OK;
}

static hg_status sign_all(hg_text *text, const consortium *c, const hg_policy *p, hg_err *err) {
    for (size_t k = HG_SERVERS; k < c->n_members; k++) {
        hg_text next = hg_text_new(0);
        hg_identity *id;
        if (c->member[k].outside) continue;
        HG_TRY(consortium_identity(&id, c, c->member[k].name, err));
        const hg_status st = hg_policy_sign(&next, p, text->s, text->len, hg_identity_signing_secret(id), err);
        hg_identity_free(id);
        hg_text_free(text);
        *text = next;
        HG_TRY(st);
    }
    return HG_OK;
}

static hg_status write_policy(hg_text *text, const consortium *c, const char *head, const char *tail, size_t budget,
                              hg_err *err) {
    hg_policy *p;
    hg_text draft = hg_text_new(0);
    hg_text_add(&draft, "%s", head);
    hg_status st = put_members(&draft, c, budget, err);
    hg_text_add(&draft, "%s", tail);
    if (st == HG_OK) st = hg_policy_read(&p, "policy.yaml", draft.s, draft.len, err);
    hg_text_free(&draft);
    HG_TRY(st);
    st = hg_policy_write(text, p, err);
    if (st == HG_OK) st = sign_all(text, c, p, err);
    hg_policy_free(p);
    return st;
}

hg_status consortium_policy(const consortium *c, const char *head, const char *tail, size_t budget, const char *by,
                            hg_err *err) {
    char path[CONSORTIUM_PATH];
    hg_text text = hg_text_new(0);
    hg_party *p;
    hg_status st = write_policy(&text, c, head, tail, budget, err);
    if (st == HG_OK) st = hg_party_write_file(consortium_path(path, c, "policy.yaml", NULL), text.s, text.len, err);
    hg_text_free(&text);
    HG_TRY(st);
    HG_TRY(consortium_open(&p, c, by, NULL, err));
    st = hg_party_policy_put(p, path, err);
    hg_party_free(p);
    return st;
}
