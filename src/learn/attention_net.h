/* learn/attention_net.h -- a network that looks at a compound's elements, and at its columns: attention, then a mean
 *
 * After CrabNet (Wang, Kauwe, Murdock & Sparks, npj Comput. Mater. 7, 77, 2021). A compound is a set of elements with fractions x_i. The
 * first vector of an element is
 *   h_i = E[z_i] + F f(z_i) + A s(x_i) + C u
 * with E learned for each element, f its 58 features of XenonPy (mean 0, standard deviation 1 over the elements), and s sines and cosines of
 * x and of log x. u are the columns of the row, descriptors of the whole compound among them: CrabNet has none, and needs many more compounds to
 * find them by itself. Then come layers of attention and of two products, each on a normalised input and added to it (Xiong et al., ICML 2020, where
 * CrabNet normalises afterwards), and a small network for each element, whose results are averaged over elements: value times
 * gate for a regression, with the logarithm of its standard deviation; logits of classes.
 * Elements are packed one after another, without padding.
 */
#ifndef HG_LEARN_ATTENTION_NET_H
#define HG_LEARN_ATTENTION_NET_H
#include "hagane/composition.h"
#include "hagane/params.h"

enum {
    HG_ATTENTION_ELEMENTS = 94, /* hydrogen to plutonium, which have features */
    HG_ATTENTION_WAVES = 16,
    HG_ATTENTION_AMOUNT = 4 * HG_ATTENTION_WAVES, /* numbers that tell a fraction */
    HG_ATTENTION_HEADS = 4,
    HG_ATTENTION_OUT = 64, /* outputs of an element; those beyond what is needed are not looked at */
    HG_ATTENTION_LAYERS = 8,
    HG_ATTENTION_WIDTH = 512,
    HG_ATTENTION_COLUMNS = 10000
};

typedef struct {
    size_t width, layers; /* width a multiple of 16 */
    size_t columns;       /* 0: there are none */
    double dropout;       /* of what a layer adds, while training */
} hg_attention_shape;

/* Sealed, with first values drawn from the seed; fixed: without gradients. Errors: HG_EINVAL sizes out of their range, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_attention_params(hg_params **out, const hg_attention_shape *s, uint64_t seed, bool fixed,
                                            hg_err *err);

/* Compounds as elements one after another. */
typedef struct {
    size_t n;
    size_t *offset; /* [n + 1] elements of compound i: offset[i] .. offset[i + 1] - 1 */
    uint32_t *z;    /* [offset[n]] atomic numbers */
    float *amount;  /* [offset[n],HG_ATTENTION_AMOUNT] */
    const float *x; /* [n,columns] of the shape, of about unit size */
} hg_compounds;
/* Lives in mem, without x, which the caller sets. Errors: HG_EDATA an element beyond plutonium, named, an empty composition; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_compounds_make(hg_compounds *out, const hg_composition *c, size_t n, hg_arena *mem,
                                          hg_err *err);

/* What the network is told of elements: features[HG_ATTENTION_ELEMENTS + 1][58], row 0 is none. In mem. */
enum { HG_ATTENTION_FEATURES = 58 };
HG_MUST_CHECK hg_status hg_attention_features(const float **out, hg_arena *mem, hg_err *err);

/* Means over the elements of compounds index[m] (NULL: 0 .. m-1) on the tape: [m,HG_ATTENTION_OUT], then `fill` rows more of
 * one element each, which is none: so that products have as many rows as the caller wants. */
hg_tensor *hg_attention_forward(hg_tape *t, const hg_params *p, const hg_attention_shape *s, const float *features,
                                const hg_compounds *c, const size_t *index, size_t m, size_t fill);
#endif
