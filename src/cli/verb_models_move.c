/* cli/verb_models_move.c -- parts of `hagane models` that copy, check and remove: pull, push, pack, verify, rm */
#include "cli/models.h"
#include "cli/output.h"
#include "library/rack.h"
#include <string.h>
#include <unistd.h>

/* ---- which models ----------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_rack *rack[CLI_LIBRARIES];
    size_t racks;
    const hg_racked **model; /* [n], by name */
    size_t n;
} choice;

static void close_choice(choice *c) {
    for (size_t i = 0; i < c->racks; i++) hg_rack_free(c->rack[i]);
}

static hg_status open_racks(choice *c, cli_run *run, const char *const *path, size_t n, bool warn, hg_err *err) {
    const char *words;
    for (size_t i = 0; i < n; i++) {
        HG_TRY(hg_rack_open(&c->rack[i], path[i], err));
        c->racks++;
        for (size_t k = 0; warn && (words = hg_rack_trouble(c->rack[i], k)); k++)
            hg_log(&run->hooks, HG_LOG_WARN, "%s", words);
    }
    return HG_OK;
}

/* Puts it where it belongs by its name, unless that name is there. */
static void insert(choice *c, const hg_racked *m) {
    size_t at = c->n;
    while (at > 0 && strcmp(c->model[at - 1]->name, m->name) > 0) at--;
    if (at > 0 && strcmp(c->model[at - 1]->name, m->name) == 0) return;
    memmove(&c->model[at + 1], &c->model[at], (c->n - at) * sizeof *c->model);
    c->model[at] = m;
    c->n++;
}

/* Of models of one name the first is what --model means. */
static void take_all(choice *c, cli_run *run) {
    const hg_racked *m;
    for (size_t i = 0; i < c->racks; i++)
        for (size_t k = 0; (m = hg_rack_at(c->rack[i], k)); k++) {
            const size_t before = c->n;
            insert(c, m);
            if (c->n == before)
                hg_log(&run->hooks, HG_LOG_WARN, "\"%s\" of %s stays: another one has its name", m->name, m->path);
        }
}

static hg_status choose(choice *c, cli_run *run, const char *const *name, size_t n, hg_err *err) {
    size_t most = n;
    for (size_t i = 0; n == 0 && i < c->racks; i++) most += hg_rack_count(c->rack[i]);
    c->model = hg_alloc(run->arena, most, sizeof *c->model);
    if (!c->model) return hg_fail(err, HG_ENOMEM, "no memory for %zu models", most);
    if (n == 0) take_all(c, run);
    for (size_t i = 0; i < n; i++) { /* where --model would find it: in the first library that has the name */
        const hg_racked *m;
        HG_TRY(hg_racks_need(&m, (const hg_rack *const *)c->rack, c->racks, name[i], err));
        insert(c, m);
    }
    return HG_OK;
}

/* ---- pull, push, pack ------------------------------------------------------------------------------------------------- */

static hg_status report(cli_run *run, const choice *c, const char *schema, const char *to, size_t copied, hg_err *err) {
    hg_json j;
    if (!run->json) {
        hg_text_add(&run->out, "%zu %s copied to %s", copied, copied == 1 ? "model" : "models", to);
        if (copied < c->n)
            hg_text_add(&run->out, "; %zu %s there already", c->n - copied, c->n - copied == 1 ? "was" : "were");
        hg_text_add(&run->out, "\n");
        return HG_OK;
    }
    cli_json_begin(&j, run, schema);
    hg_json_string(&j, "to", to);
    hg_json_count(&j, "copied", copied);
    hg_json_begin_array(&j, "models");
    for (size_t i = 0; i < c->n; i++) hg_json_string(&j, NULL, c->model[i]->name);
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

/* `push mp-gap` asks for a folder "mp-gap" with all models in it, which hardly anybody means. */
static hg_status check_place(const choice *c, const char *to, size_t names, hg_err *err) {
    bool model = false;
    if (names || access(to, F_OK) == 0) return HG_OK;
    for (size_t i = 0; i < c->racks && !model; i++) model = hg_rack_find(c->rack[i], to);
    if (!model) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "\"%s\" is a model: where is it to be copied to?", to),
                     "the folder or the pack comes first, then the models");
}

static hg_status copy(cli_run *run, const char *const *from, size_t n_from, const char *to, bool replace,
                      const char *schema, hg_err *err) {
    const cli_args *a = &run->args;
    const hg_rack_opts opts = { .replace = replace, .hooks = &run->hooks };
    choice c = { .n = 0 };
    size_t copied;
    run->keeps = true; /* models that were copied before an interruption stay, each whole */
    hg_status st = open_racks(&c, run, from, n_from, true, err);
    if (st == HG_OK) st = check_place(&c, to, a->n_positional - 1, err);
    if (st == HG_OK) st = choose(&c, run, a->positional + 1, a->n_positional - 1, err);
    if (st == HG_OK) st = hg_rack_put(&copied, to, c.model, c.n, &opts, err);
    if (st == HG_OK) st = report(run, &c, schema, to, copied, err);
    close_choice(&c);
    return st;
}

static hg_status run_pull(cli_run *run, hg_err *err) {
    const char *to, *from = run->args.positional[0];
    HG_TRY(cli_library(&to, run, err));
    if (access(from, F_OK) != 0)
        return hg_advise(err, hg_fail(err, HG_ENOTFOUND, "there is no folder and no pack \"%s\" to copy from", from),
                         "where the models come from stands first, then their names");
    return copy(run, &from, 1, to, cli_has(&run->args, "replace"), "models-pull", err);
}

static hg_status push(cli_run *run, bool replace, const char *schema, hg_err *err) {
    const char *from[CLI_LIBRARIES];
    size_t n;
    HG_TRY(cli_libraries(from, &n, run, err));
    return copy(run, from, n, run->args.positional[0], replace, schema, err);
}

static hg_status run_push(cli_run *run, hg_err *err) {
    return push(run, cli_has(&run->args, "replace"), "models-push", err);
}

static hg_status run_pack(cli_run *run, hg_err *err) {
    const char *to = run->args.positional[0];
    const size_t n = strlen(to), m = strlen(HG_PACK_SUFFIX);
    if (n <= m || strcmp(to + n - m, HG_PACK_SUFFIX) != 0)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "%s: the name of a pack ends in " HG_PACK_SUFFIX, to),
                         "the pack comes first, as in all" HG_PACK_SUFFIX ", then the models; none named: all");
    if (access(to, F_OK) == 0)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: is there already", to),
                         "`hagane models push %s` adds models to it", to);
    return push(run, false, "models-pack", err);
}

/* ---- verify ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_json json;
    size_t good, bad, trouble; /* models, and sentences about whole packs */
} verification;

static void tell(verification *v, cli_run *run, const char *name, const char *path, const char *why) {
    if (!name)
        v->trouble++;
    else if (why)
        v->bad++;
    else
        v->good++;
    if (run->json) {
        hg_json_begin_object(&v->json, NULL);
        hg_json_string(&v->json, "model", name);
        hg_json_string(&v->json, "path", path);
        hg_json_string(&v->json, "why", why);
        hg_json_end_object(&v->json);
    } else if (why) {
        hg_text_add(&run->out, "%s%s%s\n", name ? name : "", name ? ": " : "", why);
    }
}

static hg_status verify_all(verification *v, cli_run *run, const choice *c, bool everything, hg_err *err) {
    const char *words;
    for (size_t i = 0; everything && i < c->racks; i++)
        for (size_t k = 0; (words = hg_rack_trouble(c->rack[i], k)); k++)
            tell(v, run, NULL, hg_rack_path(c->rack[i]), words);
    for (size_t i = 0; i < c->n; i++) {
        hg_err why;
        if (!hg_progress(&run->hooks, "models", i, c->n)) return HG_ECANCEL;
        const hg_status st = hg_racked_check(c->model[i], &why);
        if (st == HG_ENOMEM) return hg_fail(err, st, "%s", why.msg);
        tell(v, run, c->model[i]->name, c->model[i]->path, st == HG_OK ? NULL : why.msg);
    }
    return HG_OK;
}

static hg_status verify_and_tell(verification *v, cli_run *run, const choice *c, hg_err *err) {
    const bool everything = run->args.n_positional == 0;
    if (run->json) {
        cli_json_begin(&v->json, run, "models-verify");
        hg_json_begin_array(&v->json, "models");
    }
    HG_TRY(verify_all(v, run, c, everything, err));
    if (run->json) {
        hg_json_end_array(&v->json);
        hg_json_count(&v->json, "whole", v->good);
        hg_json_count(&v->json, "damaged", v->bad);
        HG_TRY(cli_json_end(run, &v->json, err));
    } else if (!v->bad && !v->trouble) {
        hg_text_add(&run->out, v->good == 1 ? "the model is whole\n" : "all %zu models are whole\n", v->good);
    }
    if (!v->bad && !v->trouble) return HG_OK;
    HG_TRY(cli_stdout_text(&run->out, err)); /* what was found is told, although the verb fails */
    run->out = hg_text_new(0);
    if (!v->bad) return hg_fail(err, HG_EDATA, "the models are whole, what holds them is not");
    hg_fail(err, HG_EDATA, "%zu of %zu models are damaged", v->bad, v->bad + v->good);
    return hg_advise(err, HG_EDATA, "fetch those again; `hagane models rm` takes them out of a pack");
}

static hg_status run_verify(cli_run *run, hg_err *err) {
    const char *from[CLI_LIBRARIES];
    verification v = { .good = 0 };
    choice c = { .n = 0 };
    size_t n;
    HG_TRY(cli_libraries(from, &n, run, err));
    hg_status st = open_racks(&c, run, from, n, false, err);
    if (st == HG_OK) st = choose(&c, run, run->args.positional, run->args.n_positional, err);
    if (st == HG_OK) st = verify_and_tell(&v, run, &c, err);
    close_choice(&c);
    return st;
}

/* ---- rm --------------------------------------------------------------------------------------------------------------- */

static hg_status remove_chosen(cli_run *run, choice *c, hg_err *err) {
    const hg_rack_opts opts = { .hooks = &run->hooks };
    hg_json j;
    HG_TRY(choose(c, run, run->args.positional, run->args.n_positional, err));
    HG_TRY(hg_rack_remove(c->rack[0], c->model, c->n, &opts, err));
    if (!run->json) {
        hg_text_add(&run->out, "%zu %s removed from %s\n", c->n, c->n == 1 ? "model" : "models",
                    hg_rack_path(c->rack[0]));
        return HG_OK;
    }
    cli_json_begin(&j, run, "models-rm");
    hg_json_string(&j, "library", hg_rack_path(c->rack[0]));
    hg_json_begin_array(&j, "removed");
    for (size_t i = 0; i < c->n; i++) hg_json_string(&j, NULL, c->model[i]->name);
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static hg_status run_rm(cli_run *run, hg_err *err) {
    const char *library;
    choice c = { .n = 0 };
    HG_TRY(cli_library(&library, run, err));
    run->keeps = true;
    hg_status st = open_racks(&c, run, &library, 1, true, err);
    if (st == HG_OK) st = remove_chosen(run, &c, err);
    close_choice(&c);
    return st;
}

/* ---- records ---------------------------------------------------------------------------------------------------------- */

#define NAMES                                                                                                          \
    { .name = "NAME", .type = CLI_TEXT, .optional = true, .many = true, .help = "Models; none named: all." }
#define REPLACE                                                                                                        \
    { .name = "replace", .help = "Put them in the place of other models that have their names." }
#define COPY_JSON "to, copied, models: the names; those that were there already are not counted as copied."

static const cli_option CHANGED[] = {
    CLI_LIBRARY("The library to change, a folder or a pack; else the one that HAGANE_MODELS names."),
    REPLACE,
    { .name = NULL }
};
static const cli_group CHANGED_GROUP = { "Where", CHANGED };
static const cli_group *const CHANGED_GROUPS[] = { &CHANGED_GROUP, NULL };
static const cli_option SOURCE[] = {
    CLI_LIBRARY("The library they come from, a folder or a pack; else all that the program finds."),
    REPLACE,
    { .name = NULL }
};
static const cli_group SOURCE_GROUP = { "Where", SOURCE };
static const cli_group *const SOURCE_GROUPS[] = { &SOURCE_GROUP, NULL };
static const cli_option ONLY_SOURCE[] = {
    CLI_LIBRARY("The library, a folder or a pack; else all that the program finds."), { .name = NULL }
};
static const cli_group ONLY_SOURCE_GROUP = { "Where", ONLY_SOURCE };
static const cli_group *const ONLY_SOURCE_GROUPS[] = { &ONLY_SOURCE_GROUP, NULL };
static const cli_option ONLY_CHANGED[] = {
    CLI_LIBRARY("The library to change, a folder or a pack; else the one that HAGANE_MODELS names."), { .name = NULL }
};
static const cli_group ONLY_CHANGED_GROUP = { "Where", ONLY_CHANGED };
static const cli_group *const ONLY_CHANGED_GROUPS[] = { &ONLY_CHANGED_GROUP, NULL };

static const cli_positional PULL[] = {
    { .name = "FROM", .type = CLI_INPUT, .help = "A library: a folder of models, one model's folder, or a pack." },
    NAMES,
    { .name = NULL }
};
static const cli_example PULL_EXAMPLES[] = {
    { "hagane models pull alloys.hgpack --library models", "unpack all models of a pack" },
    { "hagane models pull /mnt/lab/models steel-strength --library models", "one model of a colleague" },
    { .command = NULL },
};
const cli_verb cli_models_pull_record = {
    .name = "models pull",
    .summary = "copy models from a folder or a pack into a library",
    .description =
        "Copies models, all or those named, and checks each byte on its way. A model is put in its place when it is "
        "complete. One that is there already, byte by byte, is left alone; another of the same name is refused without --replace.",
    .positional = PULL,
    .groups = CHANGED_GROUPS,
    .examples = PULL_EXAMPLES,
    .json = "schema \"hagane.models-pull/1\": " COPY_JSON,
    .run = run_pull,
};

static const cli_positional PUSH[] = {
    { .name = "TO", .type = CLI_TEXT, .help = "A folder, which is made, or a pack: a name that ends in .hgpack." },
    NAMES,
    { .name = NULL }
};
static const cli_example PUSH_EXAMPLES[] = {
    { "hagane models push /mnt/lab/models qdf2 --library models", "give a model to the others" },
    { "hagane models push alloys.hgpack steel-strength --library models --replace", "a newer model into a pack" },
    { .command = NULL },
};
const cli_verb cli_models_push_record = {
    .name = "models push",
    .summary = "copy models of a library into another folder or pack",
    .description =
        "The other way round of `hagane models pull`. A pack is written anew with what it holds already, and put in "
        "its place when it is complete.",
    .positional = PUSH,
    .groups = SOURCE_GROUPS,
    .examples = PUSH_EXAMPLES,
    .json = "schema \"hagane.models-push/1\": " COPY_JSON,
    .run = run_push,
};

static const cli_positional PACK[] = {
    { .name = "PACK", .type = CLI_TEXT, .help = "The file to make; its name ends in .hgpack." }, NAMES, { .name = NULL }
};
static const cli_example PACK_EXAMPLES[] = {
    { "hagane models pack everything.hgpack", "all models in one file" },
    { .command = NULL },
};
const cli_verb cli_models_pack_record = {
    .name = "models pack",
    .summary = "models of a library as one checked file, to hand on or to keep",
    .description =
        "Writes a new pack. It holds the files of the models and their SHA-256, is searched, verified and used as it is, "
        "and the same models always give the same bytes.",
    .positional = PACK,
    .groups = ONLY_SOURCE_GROUPS,
    .examples = PACK_EXAMPLES,
    .json = "schema \"hagane.models-pack/1\": " COPY_JSON,
    .run = run_pack,
};

static const cli_positional VERIFY[] = { NAMES, { .name = NULL } };
static const cli_example VERIFY_EXAMPLES[] = {
    { "hagane models verify --library alloys.hgpack", "did it arrive whole?" },
    { .command = NULL },
};
const cli_verb cli_models_verify_record = {
    .name = "models verify",
    .summary = "is every byte of every model what it was?",
    .description =
        "Reads all files of the models, all or those named, and compares them with their SHA-256; reads the cards, and "
        "compares the weights with what their card tells of. What is damaged is listed, and the verb fails.",
    .positional = VERIFY,
    .groups = ONLY_SOURCE_GROUPS,
    .examples = VERIFY_EXAMPLES,
    .json =
        "schema \"hagane.models-verify/1\": models (model, path, why: null when it is whole), whole, damaged: how many.",
    .run = run_verify,
};

static const cli_positional RM[] = { { .name = "NAME", .type = CLI_TEXT, .many = true, .help = "Models." },
                                     { .name = NULL } };
static const cli_example RM_EXAMPLES[] = {
    { "hagane models rm steel-strength --library models", "a model that is not wanted any more" },
    { .command = NULL },
};
const cli_verb cli_models_rm_record = {
    .name = "models rm",
    .summary = "remove models from a library",
    .description =
        "Removes models' folders, or writes the pack anew without them, which also takes a damaged model out of a pack. A "
        "folder that holds other folders is refused.",
    .positional = RM,
    .groups = ONLY_CHANGED_GROUPS,
    .examples = RM_EXAMPLES,
    .json = "schema \"hagane.models-rm/1\": library, removed: the names.",
    .run = run_rm,
};
