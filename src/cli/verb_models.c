/* cli/verb_models.c -- `hagane models`: the family, and its parts that look: list, search, show */
#include "cli/grid.h"
#include "cli/models.h"
#include "cli/output.h"
#include "library/index.h"
#include "library/rack.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LIMIT_MOST = 1000000, LISTED_MOST = 10000000 };

/* ---- hits of all libraries -------------------------------------------------------------------------------------------- */

typedef struct {
    const char *library;
    hg_index_hit what;
} hit;

typedef struct {
    hit *at;
    size_t n;
    const char **trouble;
    size_t troubles;
} hits;

static hg_status more(void **array, size_t n, size_t add, size_t size, hg_arena *mem, hg_err *err) {
    char *new = hg_alloc(mem, n + add, size);
    if (!new) return hg_fail(err, HG_ENOMEM, "no memory for the models found");
    if (n) memcpy(new, *array, n * size);
    *array = new;
    return HG_OK;
}

static hg_status add_hits(hits *all, cli_run *run, const char *library, hg_index *x, const hg_index_query *q,
                          hg_err *err) {
    const char *const *sentence;
    hg_index_hit *found;
    size_t n, k;
    HG_TRY(hg_index_search(&found, &n, x, q, run->arena, err));
    HG_TRY(hg_index_trouble(&sentence, &k, x, run->arena, err));
    HG_TRY(more((void **)&all->at, all->n, n, sizeof *all->at, run->arena, err));
    HG_TRY(more((void **)&all->trouble, all->troubles, k, sizeof *all->trouble, run->arena, err));
    for (size_t i = 0; i < n; i++) all->at[all->n++] = (hit) { library, found[i] };
    for (size_t i = 0; i < k; i++) all->trouble[all->troubles++] = sentence[i];
    return HG_OK;
}

/* A property that only one library knows is no error of the others. */
static hg_status search_one(hits *all, bool *unknown, cli_run *run, const char *library, const hg_index_query *q,
                            hg_err *err) {
    hg_index *x;
    HG_TRY(hg_index_open(&x, library, cli_value(&run->args, "server"), &run->hooks, err));
    const hg_status st = add_hits(all, run, library, x, q, err);
    hg_index_free(x);
    if (st == HG_ENOTFOUND) *unknown = true;
    return st == HG_ENOTFOUND ? HG_OK : st;
}

/* Of several libraries the hits of one metric are put in one order; else they stand library by library. */
static void merge(hits *all, const hg_index_query *q) {
    const double sign = q->metric && hg_index_more_is_better(q->metric) ? -1 : 1;
    for (size_t i = 1; q->metric && i < all->n; i++)
        for (size_t k = i; k > 0 && sign * all->at[k].what.value < sign * all->at[k - 1].what.value; k--) {
            const hit h = all->at[k];
            all->at[k] = all->at[k - 1];
            all->at[k - 1] = h;
        }
    if (q->limit && all->n > q->limit) all->n = q->limit;
}

static hg_status search_all(hits *all, cli_run *run, const hg_index_query *q, hg_err *err) {
    const char *library[CLI_LIBRARIES];
    size_t n, unknown = 0;
    HG_TRY(cli_libraries(library, &n, run, err));
    for (size_t i = 0; i < n; i++) {
        bool it_is = false;
        HG_TRY(search_one(all, &it_is, run, library[i], q, err));
        unknown += it_is;
    }
    if (unknown == n) return HG_ENOTFOUND; /* err has the words of the last one */
    if (n > 1) merge(all, q);
    for (size_t i = 0; i < all->troubles; i++) hg_log(&run->hooks, HG_LOG_WARN, "%s", all->trouble[i]);
    return HG_OK;
}

/* ---- printing --------------------------------------------------------------------------------------------------------- */

static hg_status print_words(cli_run *run, const hits *all, hg_err *err) {
    static const char *const heads[] = {
        "model", "predicts", "figure", "", "unit", "architecture", "descriptor", "in"
    };
    enum { COLUMNS = sizeof heads / sizeof *heads, FIGURE = 3 };
    if (all->n == 0) {
        hg_text_add(&run->out, "no model\n");
        return HG_OK;
    }
    cli_grid g = cli_grid_new(run->arena, all->n + 1, COLUMNS);
    for (size_t j = 0; j < COLUMNS; j++) {
        cli_grid_set(&g, 0, j, "%s", heads[j]);
        if (!g.failed) g.left[j] = j != FIGURE;
    }
    for (size_t i = 0; i < all->n; i++) {
        const hg_index_hit *h = &all->at[i].what;
        const char *const cells[COLUMNS] = {
            h->name, h->properties,   h->kind,       NULL,
            h->unit, h->architecture, h->descriptor, strcmp(h->path, h->name) == 0 ? all->at[i].library : h->path
        };
        for (size_t j = 0; j < COLUMNS; j++)
            if (cells[j]) cli_grid_set(&g, i + 1, j, "%s", cells[j]);
        if (isfinite(h->value)) cli_grid_set(&g, i + 1, FIGURE, "%.4g", h->value);
    }
    HG_TRY(cli_grid_done(&g, err));
    for (size_t i = 0; i <= all->n; i++) cli_grid_print(&run->out, &g, i, 0);
    return HG_OK;
}

static hg_status print_json(cli_run *run, const hits *all, const char *schema, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, schema);
    hg_json_begin_array(&j, "models");
    for (size_t i = 0; i < all->n; i++) {
        const hg_index_hit *h = &all->at[i].what;
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "name", h->name);
        hg_json_string(&j, "properties", h->properties);
        hg_json_string(&j, "metric", h->kind);
        hg_json_number(&j, "value", h->value);
        hg_json_string(&j, "unit", h->unit);
        hg_json_string(&j, "architecture", h->architecture);
        hg_json_string(&j, "descriptor", h->descriptor);
        hg_json_string(&j, "licence", h->licence);
        hg_json_count(&j, "bytes", (size_t)h->bytes);
        hg_json_string(&j, "library", all->at[i].library);
        hg_json_string(&j, "path", h->path);
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "trouble");
    for (size_t i = 0; i < all->troubles; i++) hg_json_string(&j, NULL, all->trouble[i]);
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

/* ---- list and search -------------------------------------------------------------------------------------------------- */

static hg_status run_list(cli_run *run, hg_err *err) {
    const hg_index_query q = { .limit = LISTED_MOST };
    hits all = { .n = 0 };
    HG_TRY(search_all(&all, run, &q, err));
    return run->json ? print_json(run, &all, "models-list", err) : print_words(run, &all, err);
}

static hg_status run_search(cli_run *run, hg_err *err) {
    const cli_args *a = &run->args;
    hg_text words = hg_text_new(1 << 12);
    hits all = { .n = 0 };
    for (size_t i = 0; i < a->n_positional; i++) hg_text_add(&words, "%s ", a->positional[i]);
    const hg_index_query q = { .words = words.len ? words.s : NULL,
                               .property = cli_value(a, "property"),
                               .metric = cli_value(a, "metric"),
                               .least = cli_number(a, "least", cli_has(a, "most") ? -HUGE_VAL : 0),
                               .most = cli_number(a, "most", cli_has(a, "least") ? HUGE_VAL : 0),
                               .architecture = cli_value(a, "architecture"),
                               .elements = cli_value(a, "elements"),
                               .limit = cli_count(a, "limit", HG_INDEX_HITS) };
    hg_status st = words.failed ? hg_fail(err, HG_ELIMIT, "too many words") : search_all(&all, run, &q, err);
    hg_text_free(&words);
    HG_TRY(st);
    return run->json ? print_json(run, &all, "models-search", err) : print_words(run, &all, err);
}

/* ---- show ------------------------------------------------------------------------------------------------------------- */

static void line(hg_text *t, const char *what, const char *words) {
    if (words && *words) hg_text_add(t, "%-14s%s\n", what, words);
}

/* "Debye temperature (K)": a column's name has its unit. */
static bool says_unit(const hg_card_property *p) {
    const char *name = strcmp(p->what.symbol, p->what.name) != 0 ? p->what.name : p->what.symbol;
    const size_t n = strlen(name), u = strlen(p->what.unit);
    return n > u + 2 && name[n - u - 2] == '(' && name[n - 1] == ')' && memcmp(name + n - u - 1, p->what.unit, u) == 0;
}

static void print_card(hg_text *t, const hg_card *c, const hg_racked *m) {
    hg_text_add(t, "%s%s%s\n", cli_bold(true), m->name, cli_bold(false));
    for (size_t i = 0; i < c->n_properties; i++) {
        const hg_card_property *p = &c->property[i];
        const bool named = strcmp(p->what.symbol, p->what.name) != 0, unit = *p->what.unit && !says_unit(p);
        hg_text_add(t, "%-14s%s%s%s%s%s%s\n", "predicts", p->what.symbol, named ? ", " : "", named ? p->what.name : "",
                    unit ? " (" : "", unit ? p->what.unit : "", unit ? ")" : "");
        if (p->least != 0 || p->most != 0)
            hg_text_add(t, "%-14s%.6g to %.6g%s%s\n", "  learned", p->least, p->most, *p->what.unit ? " " : "",
                        p->what.unit);
        for (size_t k = 0; k < p->n_metrics; k++)
            hg_text_add(t, "%14s%s: %.4g%s%s\n", "", p->metrics[k].name, p->metrics[k].value,
                        *p->metrics[k].unit ? " " : "", p->metrics[k].unit);
    }
    line(t, "architecture", c->architecture);
    line(t, "method", c->method);
    line(t, "descriptor", c->descriptor);
    line(t, "elements", c->elements);
    line(t, "data", c->source);
    line(t, "licence", c->licence);
    line(t, "split", c->split);
    line(t, "parent", c->parent);
    line(t, "weights", c->weights_sha256);
    line(t, "in", m->path);
}

static hg_status show(cli_run *run, const hg_racked *m, hg_err *err) {
    hg_card card;
    const char *text;
    HG_TRY(hg_racked_card(&card, &text, m, run->arena, err));
    if (run->json)
        hg_text_add(&run->out, "%s%s", text, strlen(text) && text[strlen(text) - 1] == '\n' ? "" : "\n");
    else
        print_card(&run->out, &card, m);
    return HG_OK;
}

static hg_status run_show(cli_run *run, hg_err *err) {
    const char *library[CLI_LIBRARIES];
    hg_rack *rack[CLI_LIBRARIES];
    const hg_racked *m;
    size_t n, open = 0;
    HG_TRY(cli_libraries(library, &n, run, err));
    hg_status st = HG_OK;
    while (open < n && st == HG_OK) {
        st = hg_rack_open(&rack[open], library[open], err);
        open += st == HG_OK;
    }
    if (st == HG_OK) st = hg_racks_need(&m, (const hg_rack *const *)rack, n, run->args.positional[0], err);
    if (st == HG_OK) st = show(run, m, err);
    while (open--) hg_rack_free(rack[open]);
    return st;
}

/* ---- records ---------------------------------------------------------------------------------------------------------- */

static const cli_example EXAMPLES[] = {
    { "hagane models list", "which models are there?" },
    { "hagane help models search", "everything about one part" },
    { .command = NULL },
};
const cli_verb cli_models_record = {
    .name = "models",
    .summary = "the library of trained models: find, show, copy, pack, check",
    .description =
        "A library is a folder. In it each model has a folder of its own with card.json and weights.safetensors, and any "
        "number of models lie in packs, files that end in .hgpack. Nothing needs a network: copy a pack, and the models are there. "
        "Without --library the models that came with the program are meant, and those in the folder that HAGANE_MODELS names.",
    .examples = EXAMPLES,
    .json = "Each part has its own object.",
};

#define LOOK_HELP "A folder of models, or a pack; else all that the program finds."
#define SERVER                                                                                                         \
    {                                                                                                                  \
        .name = "server", .type = CLI_TEXT, .argument = "URL", .fallback = "the index is in SQLite",                   \
        .help = "Keep the index on this PostgreSQL server, as postgresql://host/name."                                 \
    }
static const cli_option SHOW[] = { CLI_LIBRARY(LOOK_HELP), { .name = NULL } };
static const cli_group SHOW_GROUP = { "Where", SHOW };
static const cli_group *const SHOW_GROUPS[] = { &SHOW_GROUP, NULL };
static const cli_option LIST[] = { CLI_LIBRARY(LOOK_HELP), SERVER, { .name = NULL } };
static const cli_group LIST_GROUP = { "Where", LIST };
static const cli_group *const LIST_GROUPS[] = { &LIST_GROUP, NULL };
static const cli_example LIST_EXAMPLES[] = {
    { "hagane models list --library alloys.hgpack", "what is in this pack?" },
    { .command = NULL },
};
#define HIT_KEYS                                                                                                         \
    "models (name, properties, metric, value, unit, architecture, descriptor, licence, bytes, library, path below it), " \
    "trouble: sentences about what could not be read."
const cli_verb cli_models_list_record = {
    .name = "models list",
    .summary = "all models of a library",
    .description =
        "Lists the models by name: what they predict, how well by the figure of their card that tells most of new cases, "
        "and what they are.",
    .groups = LIST_GROUPS,
    .examples = LIST_EXAMPLES,
    .json = "schema \"hagane.models-list/1\": " HIT_KEYS,
    .run = run_list,
};

static const cli_positional WORDS[] = {
    { .name = "WORD",
      .type = CLI_TEXT,
      .optional = true,
      .many = true,
      .help =
          "Each must stand in name, properties, architecture, descriptor, data source, licence or split; \"perov*\" is a beginning." },
    { .name = NULL },
};
static const cli_option SEARCH[] = {
    { .name = "property",
      .letter = 'p',
      .type = CLI_TEXT,
      .argument = "NAME",
      .help = "What is predicted: its symbol, or its whole name." },
    { .name = "metric",
      .letter = 'm',
      .type = CLI_TEXT,
      .argument = "NAME",
      .help =
          "Order by this figure of the card, the best first: mae, rmse, auc, r2, or any by its whole name. mae.validation is "
          "that of the validation data; mae alone is that which tells most of new cases." },
    { .name = "least",
      .type = CLI_NUMBER,
      .argument = "X",
      .min = -HUGE_VAL,
      .max = HUGE_VAL,
      .help = "The figure is at least X." },
    { .name = "most",
      .type = CLI_NUMBER,
      .argument = "X",
      .min = -HUGE_VAL,
      .max = HUGE_VAL,
      .help = "The figure is at most X." },
    { .name = "architecture",
      .letter = 'a',
      .type = CLI_TEXT,
      .argument = "NAME",
      .help = "The kind of model, as qdf2." },
    { .name = "elements",
      .letter = 'e',
      .type = CLI_TEXT,
      .argument = "LIST",
      .help = "The model has learned from all of these, as \"Fe Co O\"." },
    { .name = "limit",
      .letter = 'n',
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = LIMIT_MOST,
      .fallback = "20",
      .help = "Models at most." },
    CLI_LIBRARY(LOOK_HELP),
    SERVER,
    { .name = NULL },
};
static const cli_group SEARCH_GROUP = { "Search", SEARCH };
static const cli_group *const SEARCH_GROUPS[] = { &SEARCH_GROUP, NULL };
static const cli_example SEARCH_EXAMPLES[] = {
    { "hagane models search --property gap --metric mae --most 0.4 perovskite",
      "good models of band gaps that know perovskites" },
    { "hagane models search molec* --elements \"C H S\"", "models of molecules with sulfur" },
    { .command = NULL },
};
const cli_verb cli_models_search_record = {
    .name = "models search",
    .summary = "find models by words, property, figures of merit, elements",
    .description =
        "Finds models by what their cards say. All that is asked must hold. With --metric the best model comes first, else "
        "the one that the words fit best. A library of 200 models or more keeps an index in a hidden file, which is brought "
        "up to date at each search.",
    .positional = WORDS,
    .groups = SEARCH_GROUPS,
    .examples = SEARCH_EXAMPLES,
    .json = "schema \"hagane.models-search/1\": " HIT_KEYS,
    .run = run_search,
};

static const cli_positional NAME[] = {
    { .name = "NAME", .type = CLI_TEXT, .help = "The model." },
    { .name = NULL },
};
static const cli_example SHOW_EXAMPLES[] = {
    { "hagane models show qdf2", "where does it come from, and how good is it?" },
    { .command = NULL },
};
const cli_verb cli_models_show_record = {
    .name = "models show",
    .summary = "the card of a model: what it predicts, how well, learned from what",
    .description = "Prints what the card says. --json prints the card itself.",
    .positional = NAME,
    .groups = SHOW_GROUPS,
    .examples = SHOW_EXAMPLES,
    .json = "the card, schema \"hagane.card/1\".",
    .run = run_show,
};
