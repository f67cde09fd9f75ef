/* cli/verb_complete.c -- what can stand at the end of a half-typed line; the completion scripts of the shells ask it
 *
 * `hagane __complete -- suggest pool.csv --target m` prints one candidate a line, a tab, and its words; the line ":files"
 * asks the shell to complete file names. Columns come from the header of the table on the line.
 */
#include "cli/run.h"
#include "hagane/csv.h"
#include <stdio.h>
#include <string.h>

enum { HEAD = 1 << 18 }; /* bytes of a table that are looked at for its header */

typedef struct {
    hg_text out;
    const char *begins; /* what the user has typed of the word to complete */
    size_t skip;        /* bytes of it that stay as they are: "--target=" or "x_pos_mm," */
} answer;

static void offer(answer *a, const char *value, const char *words) {
    if (strncmp(value, a->begins + a->skip, strlen(a->begins + a->skip)) != 0) return;
    hg_text_add(&a->out, "%.*s%s\t%.*s\n", (int)a->skip, a->begins, value, (int)strcspn(words, ".:\n"), words);
}

/* The first HEAD bytes of a table, cut at the end of a line. */
static hg_status read_head(hg_table **out, const char *path, hg_arena *arena, hg_err *err) {
    *out = NULL;
    char *bytes = hg_alloc(arena, HEAD, 1);
    FILE *f = bytes ? fopen(path, "rb") : NULL;
    if (!f) return hg_fail(err, HG_EIO, "%s cannot be read", path);
    size_t n = fread(bytes, 1, HEAD, f);
    fclose(f);
    if (n == HEAD)
        while (n && bytes[n - 1] != '\n') n--;
    return hg_csv_read_memory(out, path, bytes, n, NULL, err);
}

static void offer_columns(answer *a, const char *path, hg_arena *arena) {
    hg_table *t;
    if (!path || read_head(&t, path, arena, NULL) != HG_OK) return; /* nothing to offer is no error here */
    for (size_t j = 0; j < hg_table_columns(t); j++) {
        const hg_column *c = hg_table_column(t, j);
        offer(a, c->name, c->kind == HG_COLUMN_NUMBER ? "numbers" : "text");
    }
    hg_table_free(t);
}

static void offer_values(answer *a, cli_type type, const char *(*choice)(size_t), const char *words, const char *table,
                         hg_arena *arena) {
    if (type == CLI_INPUT || type == CLI_OUTPUT) hg_text_add(&a->out, ":files\n");
    for (size_t i = 0; choice && choice(i); i++) offer(a, choice(i), words);
    if (type == CLI_COLUMNS) {
        const char *comma = strrchr(a->begins + a->skip, ',');
        if (comma) a->skip = (size_t)(comma + 1 - a->begins);
    }
    if (type == CLI_COLUMN || type == CLI_COLUMNS || type == CLI_DIRECTION) offer_columns(a, table, arena);
}

static const cli_option *find(const cli_verb *v, const char *word) {
    const cli_option *o;
    const size_t len = strcspn(word, "=");
    for (size_t i = 0; (o = cli_verb_option(v, i)); i++) {
        if (word[0] == '-' && o->letter && word[1] == o->letter && word[2] == '\0') return o;
        if (len > 2 && strncmp(word, "--", 2) == 0 && strlen(o->name) == len - 2 &&
            memcmp(o->name, word + 2, len - 2) == 0)
            return o;
    }
    return NULL;
}

static void complete_verb_line(answer *a, const cli_verb *v, const char **word, size_t n, hg_arena *arena) {
    bool targets = false;
    for (size_t i = 0; i < n; i++) targets = targets || strncmp(word[i], "--target", 8) == 0;
    const char *table = NULL, *current = word[n - 1], *equals = strchr(current, '=');
    const cli_option *open = NULL, *o; /* the option whose value the current word is */
    size_t positionals = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        if (open || (word[i][0] != '-' || word[i][1] == '\0')) {
            if (!open && positionals++ == 0) table = word[i];
            open = NULL;
            continue;
        }
        o = find(v, word[i]);
        if (o && !strchr(word[i], '=') && o->type != CLI_FLAG && !(o->type == CLI_DIRECTION && targets)) open = o;
    }
    if (!open && current[0] == '-' && equals && (o = find(v, current))) {
        a->skip = (size_t)(equals + 1 - current);
        offer_values(a, o->type, o->choice, o->help, table, arena);
    } else if (open) {
        offer_values(a, open->type, open->choice, open->help, table, arena);
    } else if (current[0] == '-') {
        char name[64];
        for (size_t i = 0; (o = cli_verb_option(v, i)); i++) {
            snprintf(name, sizeof name, "--%s", o->name);
            offer(a, name, o->help);
        }
    } else {
        for (const cli_positional *p = v->positional; p && p->name; p++)
            if (positionals-- == 0) offer_values(a, p->type, p->choice, p->help, table, arena);
    }
}

static hg_status run_complete(cli_run *run, hg_err *err) {
    const char **word = run->args.positional;
    const size_t n = run->args.n_positional;
    answer a = { .out = hg_text_new(0), .begins = word[n - 1] };
    const cli_verb *v;
    char *words[2]; /* finished ones that may name the verb; cli_verb_find does not change them */
    size_t used;
    memcpy(words, word, sizeof *words * (n < 3 ? 1 : 2));
    if (n == 1) {
        for (size_t i = 0; (v = cli_verb_at(i)); i++)
            if (!v->hidden && !cli_verb_is_member(v)) offer(&a, v->name, v->summary);
    } else if (cli_verb_find(&v, &used, words, n < 3 ? 1 : 2, NULL) == HG_OK) {
        const cli_verb *member;
        for (size_t i = 0; n == 2 && (member = cli_verb_member(v, i)); i++)
            offer(&a, strchr(member->name, ' ') + 1, member->summary);
        complete_verb_line(&a, v, word + used, n - used, run->arena);
    }
    run->out = a.out;
    (void)err;
    return HG_OK;
}

static const cli_positional POSITIONAL[] = {
    { .name = "WORD", .type = CLI_TEXT, .many = true, .help = "The words behind `hagane`, the last one half-typed." },
    { .name = NULL },
};
const cli_verb cli_complete_record = {
    .name = "__complete",
    .summary = "what can stand at the end of a half-typed line",
    .description = "Used by the completion scripts of the shells.",
    .positional = POSITIONAL,
    .json = "Nothing.",
    .hidden = true,
    .run = run_complete,
};
