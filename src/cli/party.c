/* cli/party.c -- see cli/party.h */
#include "cli/party.h"
#include "cli/output.h"
#include "files/folders.h"
#include "party/client.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_option MEMBER[] = {
    CLI_PARTY_CLUSTER(
        "The cluster's file: the three servers' names, addresses and keys. The operators hand it to every member."),
    CLI_PARTY_IDENTITY("Folder with this member's keys and certificate, made by `hagane party init`."),
    CLI_PARTY_PASSPHRASE("File whose first line is the passphrase of this member's keys."),
    CLI_PARTY_WAIT("How long to try again while a server cannot be reached or has too much to do."),
    { .name = NULL },
};
const cli_group cli_member_group = { "Member", MEMBER };

static const cli_option PROJECT[] = {
    CLI_PARTY_PROJECT("The project, as in its policy."),
    { .name = NULL },
};
const cli_group cli_project_group = { "Project", PROJECT };

hg_status cli_read_whole(hg_text *to, cli_run *run, const char *path, size_t most, hg_err *err) {
    *to = hg_text_new(most);
    HG_TRY(hg_party_read_file(to, path, err));
    return cli_input(run, path, to->s, to->len, err);
}

hg_status cli_passphrase(const void **bytes, size_t *n, cli_run *run, hg_err *err) {
    const char *path = cli_value(&run->args, "passphrase-file");
    *bytes = NULL;
    *n = 0;
    if (!path) return HG_OK;
    hg_text t = hg_text_new(4096);
    hg_status st = hg_party_read_file(&t, path, err);
    const size_t len = strcspn(t.s, "\r\n");
    if (st == HG_OK && len == 0) st = hg_fail(err, HG_EDATA, "%s: the first line is empty", path);
    if (st == HG_OK && !(*bytes = hg_arena_strndup(run->arena, t.s, len)))
        st = hg_fail(err, HG_ENOMEM, "no memory for a passphrase");
    *n = len;
    OPENSSL_cleanse(t.s, t.len);
    hg_text_free(&t);
    return st;
}

static hg_status need(const char **value, const cli_run *run, const char *option, const char *what, hg_err *err) {
    *value = cli_value(&run->args, option);
    if (*value) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "--%s is missing: %s", option, what), "`hagane help %s` says more",
                     run->args.verb->name);
}

hg_status cli_project(const char **name, const cli_run *run, hg_err *err) {
    return need(name, run, "project", "the name of the project, as in its policy", err);
}

hg_status cli_party_open(hg_party **out, cli_run *run, hg_err *err) {
    hg_party_opts o = hg_party_opts_default();
    *out = NULL;
    HG_TRY(need(&o.cluster, run, "cluster", "the cluster's file", err));
    HG_TRY(need(&o.identity, run, "identity", "the folder with your keys", err));
    HG_TRY(cli_passphrase(&o.passphrase, &o.passphrase_n, run, err));
    o.world = hg_party_world();
    o.hooks = &run->hooks;
    o.wait_ms = (int)(1000 * cli_number(&run->args, "wait", 0));
    return hg_party_open(out, &o, err);
}

hg_status cli_outbox(const char **path, cli_run *run, hg_err *err) {
    hg_text t = hg_text_new(0);
    hg_text_add(&t, "%s/outbox", cli_value(&run->args, "identity"));
    *path = t.failed ? NULL : hg_arena_strdup(run->arena, t.s);
    hg_text_free(&t);
    if (!*path) return hg_fail(err, HG_ENOMEM, "no memory for a path");
    return hg_folder_make(*path, HG_FOLDER_PRIVATE, err);
}

hg_status cli_master_key(unsigned char key[HG_MASTER_KEY], const cli_run *run, hg_err *err) {
    static const char NAME[] = "HAGANE_PARTY_KEY";
    const char *path = cli_value(&run->args, "key-file"), *text = getenv(NAME);
    if (path) return hg_master_key_read(key, path, err);
    if (text && *text) return hg_master_key_parse(key, NAME, text, strlen(text), err);
    return hg_advise(err, hg_fail(err, HG_EINVAL, "the key of the server's store is missing"),
                     "--key-file FILE, or 64 hexadecimal digits in the environment variable %s", NAME);
}

hg_status cli_store_open(hg_store **out, const char *folder, const hg_identity *id, const hg_cluster *c, bool create,
                         const cli_run *run, hg_err *err) {
    unsigned char key[HG_MASTER_KEY];
    char path[HG_PATH_SIZE];
    const hg_certificate *self = hg_identity_certificate(id);
    const int party = hg_cluster_party_of_key(c, self->signing_key),
              n = snprintf(path, sizeof path, "%s/store", folder);
    *out = NULL;
    if (party < 0) return hg_fail(err, HG_EREFUSED, "%s is none of the three servers of the cluster", self->name);
    if (n < 0 || (size_t)n >= sizeof path) return hg_fail(err, HG_EIO, "the folder's name is too long: %s", folder);
    HG_TRY(cli_master_key(key, run, err));
    const hg_store_opts o = { .party = (unsigned)party,
                              .create = create,
                              .master_key = key,
                              .secret_key = hg_identity_signing_secret(id),
                              .world = *hg_world_system() };
    const hg_status st = hg_store_open(out, path, &o, err);
    OPENSSL_cleanse(key, sizeof key);
    if (st == HG_ENOTFOUND)
        hg_advise(
            err, st,
            "`hagane party serve --new` makes a store; a server that lost its own then gets it back with `hagane party rebuild`");
    return st;
}
