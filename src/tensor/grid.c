/* tensor/grid.c -- what moves the elements of grids about, made of views and copies; see hagane/tensor.h */
#include "tensor/op.h"

static bool is_grid(hg_tape *t, const hg_tensor *x, size_t r, const char *who) {
    char text[128];
    if (x && x->rank == 5 && r >= 1 && r <= 1024) return true;
    if (x)
        hg_tape_fail(t, HG_EINVAL, "%s: %s by %zu; x[batch, channels, d, h, w] by a factor from 1 to 1024 is expected",
                     who, hg_shape_text(text, x), r);
    else
        hg_tape_fail(t, HG_EINVAL, "%s: there is no input", who);
    return false;
}

static hg_tensor *turn(hg_tape *t, hg_tensor *x, hg_shape shape, const unsigned *axes) {
    return hg_permute(t, hg_reshape(t, x, shape), axes);
}

/* Eight axes are one in two steps of at most six: inside planes first, then planes, in long runs. */
hg_tensor *hg_pixel_shuffle3d(hg_tape *t, hg_tensor *x, size_t r) {
    if (!is_grid(t, x, r, "pixel_shuffle3d")) return NULL;
    const size_t *n = x->shape, d = n[2], h = n[3], w = n[4], cube = r * r * r, c = n[1] / cube, many = n[0] * c;
    if (n[1] % cube != 0)
        return hg_tape_fail(t, HG_EINVAL, "pixel_shuffle3d: %zu channels are not a multiple of %zu", n[1], cube);
    hg_tensor *y = turn(t, x, HG_SHAPE(many * r, r, r, d, h, w), (const unsigned[]) { 0, 3, 4, 1, 5, 2 });
    y = turn(t, y, HG_SHAPE(many, r, d, h * r * w * r), (const unsigned[]) { 0, 2, 1, 3 });
    return hg_reshape(t, y, HG_SHAPE(n[0], c, d * r, h * r, w * r));
}

hg_tensor *hg_pixel_unshuffle3d(hg_tape *t, hg_tensor *x, size_t r) {
    if (!is_grid(t, x, r, "pixel_unshuffle3d")) return NULL;
    const size_t *n = x->shape, d = n[2] / r, h = n[3] / r, w = n[4] / r, many = n[0] * n[1];
    char text[128];
    if (n[2] % r != 0 || n[3] % r != 0 || n[4] % r != 0)
        return hg_tape_fail(t, HG_EINVAL, "pixel_unshuffle3d: %s cannot be cut into cubes of %zu",
                            hg_shape_text(text, x), r);
    hg_tensor *y = turn(t, x, HG_SHAPE(many, d, r, n[3] * n[4]), (const unsigned[]) { 0, 2, 1, 3 });
    y = turn(t, y, HG_SHAPE(many * r, d, h, r, w, r), (const unsigned[]) { 0, 3, 5, 1, 2, 4 });
    return hg_reshape(t, y, HG_SHAPE(n[0], n[1] * r * r * r, d, h, w));
}

hg_tensor *hg_upsample3d(hg_tape *t, hg_tensor *x, size_t r) {
    if (!is_grid(t, x, r, "upsample3d")) return NULL;
    const size_t *n = x->shape, planes = n[0] * n[1] * n[2];
    hg_tensor *y = hg_reshape(t, x, HG_SHAPE(planes, 1, n[3], 1, n[4], 1));
    y = hg_expand(t, y, HG_SHAPE(planes, r, n[3], r, n[4], r));
    return hg_reshape(t, y, HG_SHAPE(n[0], n[1], n[2] * r, n[3] * r, n[4] * r));
}
