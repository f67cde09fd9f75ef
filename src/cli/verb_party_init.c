/* cli/verb_party_init.c -- `hagane party init`, `authority`, `cluster`: keys, certificates, and who the servers are */
#include "cli/output.h"
#include "cli/party.h"
#include "party/client.h"
#include "party/cluster.h"
#include <stdio.h>
#include <string.h>

enum { PEM_MOST = 1 << 16 };

#define NAME_OPTION(words)                                                                                             \
    { .name = "name", .type = CLI_TEXT, .argument = "NAME", .help = words }
#define ROLE_OPTION(words)                                                                                             \
    {                                                                                                                  \
        .name = "role", .type = CLI_CHOICE, .argument = "ROLE", .choice = hg_role_name, .repeatable = true,            \
        .help = words                                                                                                  \
    }

static hg_status read_roles(unsigned *roles, const cli_run *run, hg_err *err) {
    *roles = 0;
    const char *role;
    for (size_t i = 0; (role = cli_value_at(&run->args, "role", i)); i++) {
        unsigned one;
        HG_TRY(hg_roles_read(&one, role, err));
        *roles |= one;
    }
    if (*roles) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "--role is missing"),
                     "--role server, or --role owner and --role user, one or both");
}

static hg_status need_name(const char **name, const cli_run *run, hg_err *err) {
    *name = cli_value(&run->args, "name");
    return *name ? HG_OK : hg_fail(err, HG_EINVAL, "--name is missing: how the others will call this one");
}

static hg_status read_opts(hg_identity_opts *o, cli_run *run, hg_err *err) {
    *o = hg_identity_opts_default();
    o->days = (unsigned)cli_count(&run->args, "days", o->days);
    return cli_passphrase(&o->passphrase, &o->passphrase_n, run, err);
}

static void show_certificate(cli_run *run, const hg_certificate *c) {
    char roles[HG_ROLES_SIZE], time[HG_TIME_SIZE], key[2 * HG_PUBLIC_KEY + 1];
    hg_text_add(&run->out, "name          %s\nroles         %s\n", c->name, hg_roles_text(roles, c->roles));
    hg_hex_write(key, c->signing_key, HG_PUBLIC_KEY);
    hg_text_add(&run->out, "signing key   %s\n", key);
    hg_hex_write(key, c->sealing_key, HG_PUBLIC_KEY);
    hg_text_add(&run->out, "sealing key   %s\n", key);
    if (!c->not_after) return;
    hg_time_write(time, c->not_after);
    hg_text_add(&run->out, "valid until   %s\n", time);
}

static void json_certificate(hg_json *j, const hg_certificate *c) {
    char roles[HG_ROLES_SIZE], time[HG_TIME_SIZE], key[2 * HG_PUBLIC_KEY + 1];
    hg_json_string(j, "name", c->name);
    hg_json_string(j, "roles", hg_roles_text(roles, c->roles));
    hg_hex_write(key, c->signing_key, HG_PUBLIC_KEY);
    hg_json_string(j, "signing_key", key);
    hg_hex_write(key, c->sealing_key, HG_PUBLIC_KEY);
    hg_json_string(j, "sealing_key", key);
    hg_time_write(time, c->not_after);
    hg_json_string(j, "valid_until", c->not_after ? time : NULL);
}

static hg_status show(cli_run *run, const char *schema, const hg_certificate *c, hg_err *err) {
    hg_json j;
    if (!run->json) {
        show_certificate(run, c);
        return HG_OK;
    }
    cli_json_begin(&j, run, schema);
    json_certificate(&j, c);
    return cli_json_end(run, &j, err);
}

/* ---- party init ----------------------------------------------------------------------------------------------------------------- */

/* The certificate or the request that is in the folder now. */
static hg_status show_folder(cli_run *run, const char *folder, const char *file, hg_err *err) {
    char path[HG_PATH_SIZE];
    hg_certificate c;
    hg_text pem;
    const bool request = strcmp(file, "request.pem") == 0;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    hg_status st = cli_read_whole(&pem, run, path, PEM_MOST, err);
    if (st == HG_OK)
        st = request ? hg_request_read(&c, pem.s, pem.len, err) : hg_certificate_read(&c, pem.s, pem.len, err);
    hg_text_free(&pem);
    HG_TRY(st);
    if (request && !run->json) hg_text_add(&run->out, "%s is for the authority: `hagane party authority`\n", path);
    return show(run, "party-init", &c, err);
}

static hg_status accept(cli_run *run, const char *folder, const hg_identity_opts *o, hg_err *err) {
    const char *certificate = cli_value(&run->args, "certificate"), *authority = cli_value(&run->args, "authority");
    hg_text one, two = hg_text_new(0);
    if (!authority)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL, "--certificate needs --authority: the authority's own certificate"),
                         "the file authority.pem, which the authority hands out");
    hg_status st = cli_read_whole(&one, run, certificate, PEM_MOST, err);
    if (st == HG_OK) st = cli_read_whole(&two, run, authority, PEM_MOST, err);
    if (st == HG_OK) st = hg_identity_accept(folder, one.s, one.len, two.s, two.len, o, hg_world_system(), err);
    hg_text_free(&one);
    hg_text_free(&two);
    return st;
}

static hg_status run_init(cli_run *run, hg_err *err) {
    const char *folder = run->args.positional[0], *authority = cli_value(&run->args, "authority"), *name;
    hg_identity_opts o;
    unsigned roles;
    HG_TRY(read_opts(&o, run, err));
    if (cli_has(&run->args, "certificate")) {
        HG_TRY(accept(run, folder, &o, err));
        return show_folder(run, folder, "certificate.pem", err);
    }
    HG_TRY(need_name(&name, run, err));
    HG_TRY(read_roles(&roles, run, err));
    if (authority) {
        HG_TRY(hg_identity_create(folder, name, roles, authority, &o, hg_world_system(), err));
        return show_folder(run, folder, "certificate.pem", err);
    }
    HG_TRY(hg_identity_request(folder, name, roles, &o, hg_world_system(), err));
    return show_folder(run, folder, "request.pem", err);
}

static const cli_positional INIT_POSITIONAL[] = {
    { .name = "FOLDER",
      .type = CLI_INPUT,
      .help = "Folder for the keys. It is made, and stays inside the organisation." },
    { .name = NULL },
};
static const cli_option INIT_OPTIONS[] = {
    NAME_OPTION(
        "How the others call this member: letters, digits, '-', '_' and '.', as in its certificate and in policies."),
    ROLE_OPTION("What the certificate entitles to. A server is nothing else beside; an owner may be a user, too."),
    { .name = "authority",
      .type = CLI_INPUT,
      .argument = "PATH",
      .help =
          "Folder of the cluster's authority, where it is at hand: the certificate is made at once. With --certificate: the "
          "authority's own certificate, a file. Without it a request for a certificate is written." },
    { .name = "certificate",
      .type = CLI_INPUT,
      .argument = "FILE",
      .help = "Take in the certificate that the authority made of the request." },
    CLI_PARTY_DAYS(36500, "365", "How long the certificate is valid."),
    CLI_PARTY_PASSPHRASE("File whose first line becomes the passphrase of the keys."),
    { .name = NULL },
};
static const cli_group INIT_GROUP = { "Identity", INIT_OPTIONS };
static const cli_group *const INIT_GROUPS[] = { &INIT_GROUP, NULL };
static const cli_example INIT_EXAMPLES[] = {
    { "hagane party init univ --name univ --role server", "keys, and a request for the authority" },
    { "hagane party init univ --certificate univ.pem --authority authority.pem", "the authority's answer" },
    { "hagane party init acme --name acme --role owner --role user --authority ca",
      "both at once, where the authority's folder is at hand" },
    { .command = NULL },
};
const cli_verb cli_party_init_record = {
    .name = "party init",
    .summary = "make a member's keys and certificate",
    .description =
        "Makes the keys of a server, an owner or a user in a folder of their own, and their certificate. A member whose "
        "authority is another organisation sends it request.pem, tells it the signing key by another way, and takes in "
        "the certificate that comes back. Nothing is ever written over.",
    .positional = INIT_POSITIONAL,
    .groups = INIT_GROUPS,
    .examples = INIT_EXAMPLES,
    .json = "schema \"hagane.party-init/1\": name, roles, signing_key, sealing_key, valid_until (null for a request).",
    .run = run_init,
};

/* ---- party authority ------------------------------------------------------------------------------------------------------------ */

static hg_status certify(cli_run *run, const char *folder, const hg_identity_opts *o, hg_err *err) {
    const char *request = cli_value(&run->args, "certify"), *out = cli_value(&run->args, "out"), *name;
    unsigned roles;
    hg_text pem;
    hg_certificate c;
    HG_TRY(need_name(&name, run, err));
    HG_TRY(read_roles(&roles, run, err));
    if (!out) return hg_fail(err, HG_EINVAL, "--out is missing: the file for the certificate");
    hg_status st = cli_read_whole(&pem, run, request, PEM_MOST, err);
    if (st == HG_OK) st = hg_request_read(&c, pem.s, pem.len, err);
    if (st == HG_OK) st = hg_authority_certify(out, folder, pem.s, pem.len, name, roles, o, hg_world_system(), err);
    hg_text_free(&pem);
    HG_TRY(st);
    return show(run, "party-authority", &c, err);
}

static hg_status run_authority(cli_run *run, hg_err *err) {
    const char *folder = run->args.positional[0], *name;
    hg_identity_opts o;
    hg_json j;
    HG_TRY(read_opts(&o, run, err));
    o.authority_passphrase = o.passphrase;
    o.authority_passphrase_n = o.passphrase_n;
    if (cli_has(&run->args, "certify")) return certify(run, folder, &o, err);
    HG_TRY(need_name(&name, run, err));
    if (!cli_has(&run->args, "days")) o.days = 0;
    HG_TRY(hg_authority_create(folder, name, &o, hg_world_system(), err));
    if (!run->json) {
        hg_text_add(&run->out, "%s/authority.pem is for every member. %s/authority.key stays here, offline.\n", folder,
                    folder);
        return HG_OK;
    }
    cli_json_begin(&j, run, "party-authority");
    hg_json_string(&j, "name", name);
    return cli_json_end(run, &j, err);
}

static const cli_positional AUTHORITY_POSITIONAL[] = {
    { .name = "FOLDER", .type = CLI_INPUT, .help = "The authority's folder." },
    { .name = NULL },
};
static const cli_option AUTHORITY_OPTIONS[] = {
    NAME_OPTION("Of the authority; with --certify, of the member."),
    { .name = "certify",
      .type = CLI_INPUT,
      .argument = "REQUEST",
      .help = "Make a certificate of this request. It must ask for exactly the name and roles given here." },
    ROLE_OPTION("What the certificate entitles to."),
    { .name = "out", .letter = 'o', .type = CLI_TEXT, .argument = "FILE", .help = "Where to write the certificate." },
    CLI_PARTY_DAYS(36500, "365; an authority's own: 3650", "How long the certificate is valid."),
    CLI_PARTY_PASSPHRASE("File whose first line is the passphrase of the authority's key."),
    { .name = NULL },
};
static const cli_group AUTHORITY_GROUP = { "Authority", AUTHORITY_OPTIONS };
static const cli_group *const AUTHORITY_GROUPS[] = { &AUTHORITY_GROUP, NULL };
static const cli_example AUTHORITY_EXAMPLES[] = {
    { "hagane party authority ca --name magnets-ca", "a new authority" },
    { "hagane party authority ca --certify request.pem --name univ --role server --out univ.pem",
      "the certificate of a server, after its signing key was compared by telephone" },
    { .command = NULL },
};
const cli_verb cli_party_authority_record = {
    .name = "party authority",
    .summary = "make the authority of a cluster, or a certificate with it",
    .description =
        "An authority says which keys belong to which member of a cluster. Make one folder, keep it offline, and use it to "
        "answer the requests of members. It sees no data; whoever holds it could name other members, not read shares.",
    .positional = AUTHORITY_POSITIONAL,
    .groups = AUTHORITY_GROUPS,
    .examples = AUTHORITY_EXAMPLES,
    .json = "schema \"hagane.party-authority/1\": name; for a certificate also roles, signing_key, sealing_key.",
    .run = run_authority,
};

/* ---- party cluster ---------------------------------------------------------------------------------------------------------------- */

/* "univ.pem=host:7701" */
static hg_status read_server(hg_cluster_server *out, cli_run *run, const char *word, hg_err *err) {
    const char *equals = strrchr(word, '=');
    hg_certificate c;
    hg_text pem;
    if (!equals)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--server \"%s\" cannot be read", word),
                         "--server CERTIFICATE=HOST:PORT, as in --server univ.pem=univ.example:7701");
    const char *path = hg_arena_strndup(run->arena, word, (size_t)(equals - word));
    if (!path) return hg_fail(err, HG_ENOMEM, "no memory for the options");
    hg_status st = cli_read_whole(&pem, run, path, PEM_MOST, err);
    if (st == HG_OK) st = hg_certificate_read(&c, pem.s, pem.len, err);
    hg_text_free(&pem);
    HG_TRY(st);
    if (!(c.roles & HG_ROLE_SERVER)) return hg_fail(err, HG_EINVAL, "%s: %s is no server", path, c.name);
    memcpy(out->name, c.name, sizeof out->name);
    memcpy(out->signing_key, c.signing_key, HG_PUBLIC_KEY);
    memcpy(out->sealing_key, c.sealing_key, HG_PUBLIC_KEY);
    return hg_address_read(out->host, &out->port, equals + 1, err);
}

static hg_status run_cluster(cli_run *run, hg_err *err) {
    const char *path = run->args.positional[0], *name, *authority = cli_value(&run->args, "authority");
    hg_cluster c = { .name = "" };
    HG_TRY(need_name(&name, run, err));
    if (!authority) return hg_fail(err, HG_EINVAL, "--authority is missing: the authority's certificate");
    if (cli_given_times(&run->args, "server") != HG_SERVERS)
        return hg_fail(err, HG_EINVAL, "a cluster has three servers, not %zu", cli_given_times(&run->args, "server"));
    HG_TRY(hg_name_check("a cluster", name, err));
    if (strlen(authority) >= sizeof c.authority) return hg_fail(err, HG_EINVAL, "--authority is too long");
    memcpy(c.name, name, strlen(name) + 1);
    memcpy(c.authority, authority, strlen(authority) + 1);
    for (unsigned i = 0; i < HG_SERVERS; i++)
        HG_TRY(read_server(&c.server[i], run, cli_value_at(&run->args, "server", i), err));
    HG_TRY(hg_cluster_write(path, &c, err));
    hg_json j;
    if (run->json) {
        cli_json_begin(&j, run, "party-cluster");
        hg_json_string(&j, "name", name);
        hg_json_begin_array(&j, "servers");
    }
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        char address[HG_ADDRESS_SIZE];
        hg_address_text(address, c.server[i].host, c.server[i].port);
        if (!run->json) {
            hg_text_add(&run->out, "%u  %-20s %s\n", i, c.server[i].name, address);
            continue;
        }
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "name", c.server[i].name);
        hg_json_string(&j, "address", address);
        hg_json_end_object(&j);
    }
    if (!run->json) return HG_OK;
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static const cli_positional CLUSTER_POSITIONAL[] = {
    { .name = "FILE", .type = CLI_INPUT, .help = "The cluster's file, which is written." },
    { .name = NULL },
};
static const cli_option CLUSTER_OPTIONS[] = {
    NAME_OPTION("Of the cluster."),
    { .name = "authority",
      .type = CLI_INPUT,
      .argument = "FILE",
      .help = "The authority's certificate, authority.pem. A relative path is meant from the cluster file's folder." },
    { .name = "server",
      .type = CLI_TEXT,
      .argument = "CERTIFICATE=HOST:PORT",
      .repeatable = true,
      .help = "A server's certificate and where it listens; three times, in the order of the protocol." },
    { .name = NULL },
};
static const cli_group CLUSTER_GROUP = { "Servers", CLUSTER_OPTIONS };
static const cli_group *const CLUSTER_GROUPS[] = { &CLUSTER_GROUP, NULL };
static const cli_example CLUSTER_EXAMPLES[] = {
    { "hagane party cluster cluster.yaml --name magnets --authority authority.pem --server a.pem=a.example:7701 --server "
      "b.pem=b.example:7701 --server c.pem=c.example:7701",
      "three servers of three organisations" },
    { .command = NULL },
};
const cli_verb cli_party_cluster_record = {
    .name = "party cluster",
    .summary = "write the file that says who the three servers are",
    .description =
        "Writes the cluster's file from the three servers' certificates and addresses. Every member gets the same file and "
        "keeps it safe: the keys in it are what a server is recognised by.",
    .positional = CLUSTER_POSITIONAL,
    .groups = CLUSTER_GROUPS,
    .examples = CLUSTER_EXAMPLES,
    .json = "schema \"hagane.party-cluster/1\": name; servers (name, address).",
    .run = run_cluster,
};
