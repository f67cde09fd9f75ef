/* models/botan_tape.c -- see models/botan_tape.h */
#include "models/botan_tape.h"

enum { W = HG_BOTAN_WIDTH };

typedef struct {
    hg_tape *t;
    char *w, *grad;
    size_t element; /* bytes */
} tape;

static hg_tensor *leaf(const tape *p, hg_shape shape, size_t at) {
    return hg_tensor_borrow(p->t, shape, p->w + at * p->element, p->grad ? p->grad + at * p->element : NULL);
}

static hg_tensor *layer(const tape *p, hg_tensor *x, size_t weight, size_t bias, size_t inputs, size_t outputs,
                        hg_function act) {
    return hg_linear(p->t, x, leaf(p, HG_SHAPE(outputs, inputs), weight), leaf(p, HG_SHAPE(outputs), bias), act);
}

static hg_tensor *mlp(const tape *p, hg_tensor *x, const size_t weight[2], const size_t bias[2], size_t inputs) {
    return layer(p, layer(p, x, weight[0], bias[0], inputs, W, HG_RELU), weight[1], bias[1], W, W, HG_RELU);
}

static hg_tensor *decoder(const tape *p, hg_tensor *x, const hg_botan_layout *l) {
    return layer(p, mlp(p, x, l->decoder_w, l->decoder_b, W), l->decoder_w[2], l->decoder_b[2], W, 1, HG_IDENTITY);
}

static hg_tensor *kinds(hg_tape *t, const hg_botan_graph *g) {
    hg_tensor *x = hg_tensor_zeros(t, HG_SHAPE(g->n, 1));
    for (size_t i = 0; x && i < g->n; i++)
        if (hg_tensor_dtype(x) == HG_F32)
            hg_tensor_floats(x)[i] = g->species[i];
        else
            hg_tensor_doubles(x)[i] = g->species[i];
    return x;
}

void hg_botan_tape(hg_tensor **node, hg_tensor **edge, hg_tape *t, void *w, void *grad, const hg_botan_layout *l,
                   const hg_botan_graph *g) {
    hg_tensor *x = kinds(t, g), *e = hg_tensor_of_floats(t, HG_SHAPE(g->edges, 3), g->d, false);
    const tape p = { t, w, grad, x && hg_tensor_dtype(x) == HG_F64 ? sizeof(double) : sizeof(float) };
    const hg_index *from = hg_index_of(t, g->from, g->edges, g->n), *to = hg_index_of(t, g->to, g->edges, g->n);
    x = mlp(&p, x, l->node_w, l->node_b, 1);
    e = mlp(&p, e, l->edge_w, l->edge_b, 3);
    hg_tensor *const x0 = x, *const e0 = e;
    for (size_t s = 0; s < HG_BOTAN_STEPS; s++) {
        hg_tensor *const ends[] = { hg_gather(t, x, from), hg_gather(t, x, to), e, e0 };
        e = mlp(&p, hg_concat(t, ends, 4, 1), l->meet_w, l->meet_b, 4 * W);
        hg_tensor *const around[] = { x, x0, hg_segment_sum(t, e, to) };
        x = mlp(&p, hg_concat(t, around, 3, 1), l->move_w, l->move_b, 3 * W);
    }
    *node = decoder(&p, x, l);
    *edge = decoder(&p, e, l);
}
