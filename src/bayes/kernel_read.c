/* bayes/kernel_read.c -- kernel expressions from text, by recursive descent (see bayes/kernel.h for the grammar) */
#include "bayes/kernel.h"
#include "core/text.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 16 }; /* of brackets: the text may be anybody's */

typedef struct {
    const char *text;
    size_t at;
    unsigned depth;
    hg_kernel *k;
    hg_err *err;
} reader;

static hg_status expression(reader *r, size_t *node);

static char peek(reader *r) {
    while (isspace((unsigned char)r->text[r->at])) r->at++;
    return r->text[r->at];
}

static hg_status refuse(reader *r, hg_status code, const char *what) {
    const hg_status st = hg_fail(r->err, code, "kernel \"%.80s\", character %zu: %s", r->text, r->at + 1, what);
    if (r->err) r->err->column = r->at + 1;
    return hg_advise(r->err, st, "write base kernels joined by + and *, such as \"matern52 + linear\"");
}

static hg_status add_node(reader *r, size_t *out, hg_kernel_node node) {
    if (r->k->nodes == HG_KERNEL_NODES) return refuse(r, HG_EINVAL, "more than 8 base kernels");
    *out = r->k->nodes;
    r->k->node[r->k->nodes++] = node;
    return HG_OK;
}

static const char *name_at(size_t i) { return i < HG_BASE_KERNEL_COUNT ? HG_BASE_KERNELS[i].name : NULL; }

static hg_status base_kernel(reader *r, size_t *node) {
    const char *word = r->text + r->at;
    size_t len = 0;
    while (isalnum((unsigned char)word[len]) || word[len] == '_') len++;
    if (len == 0) return refuse(r, HG_EINVAL, word[0] ? "expected the name of a kernel" : "the text ends too early");
    for (size_t i = 0; i < HG_BASE_KERNEL_COUNT; i++) {
        if (strlen(HG_BASE_KERNELS[i].name) != len || memcmp(HG_BASE_KERNELS[i].name, word, len) != 0) continue;
        if (r->k->leaves == HG_KERNEL_LEAVES) return refuse(r, HG_EINVAL, "more than 8 base kernels");
        r->at += len;
        r->k->base[r->k->leaves] = &HG_BASE_KERNELS[i];
        return add_node(r, node, (hg_kernel_node) { .op = HG_NODE_LEAF, .leaf = r->k->leaves++ });
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(len < 60 ? len : 60), word);
    const hg_status st = hg_fail(r->err, HG_ENOTFOUND, "there is no kernel \"%s\"", name);
    if (r->err) r->err->column = r->at + 1;
    return hg_names_advise(r->err, st, name, name_at);
}

static hg_status factor(reader *r, size_t *node) {
    if (peek(r) != '(') return base_kernel(r, node);
    if (++r->depth > MAX_DEPTH) return refuse(r, HG_EINVAL, "brackets nested too deeply");
    r->at++;
    HG_TRY(expression(r, node));
    if (peek(r) != ')') return refuse(r, HG_EINVAL, "a bracket is not closed");
    r->at++;
    r->depth--;
    return HG_OK;
}

static hg_status term(reader *r, size_t *node) {
    HG_TRY(factor(r, node));
    while (peek(r) == '*') {
        const size_t left = *node;
        size_t right;
        r->at++;
        HG_TRY(factor(r, &right));
        HG_TRY(add_node(r, node, (hg_kernel_node) { .op = HG_NODE_MULTIPLY, .left = left, .right = right }));
    }
    return HG_OK;
}

static hg_status expression(reader *r, size_t *node) {
    HG_TRY(term(r, node));
    while (peek(r) == '+') {
        const size_t left = *node;
        size_t right;
        r->at++;
        HG_TRY(term(r, &right));
        HG_TRY(add_node(r, node,
                        (hg_kernel_node) { .op = HG_NODE_ADD, .left = left, .right = right, .weight = r->k->weights }));
        r->k->weights++;
    }
    return HG_OK;
}

/* One blank around + and *, none elsewhere: the same kernel always prints the same. */
static void normalise(char *out, const char *text) {
    size_t len = 0;
    for (; *text && len + 4 < HG_KERNEL_TEXT; text++) {
        if (isspace((unsigned char)*text)) continue;
        if (*text == '+' || *text == '*') out[len++] = ' ';
        out[len++] = *text;
        if (*text == '+' || *text == '*') out[len++] = ' ';
    }
    out[len] = '\0';
}

hg_status hg_kernel_read(hg_kernel *out, const char *text, hg_err *err) {
    *out = (hg_kernel) { .nodes = 0 };
    reader r = { .text = text, .k = out, .err = err };
    size_t root;
    if (strlen(text) >= HG_KERNEL_TEXT)
        return hg_fail(err, HG_EINVAL, "kernel expression longer than %d characters", HG_KERNEL_TEXT - 1);
    HG_TRY(expression(&r, &root));
    if (peek(&r)) return refuse(&r, HG_EINVAL, "expected + or * or the end");
    normalise(out->text, text);
    return HG_OK;
}
