/* models/train_ranks.c -- several ranks as one; see models/train.h
 *
 * All there is is a sum of floats. Numbers that must not lose digits go as three floats each, of 24 bits, each rank's into places of its own:
 * what is added to them are zeros. Bytes go in pairs, as whole numbers below 65536.
 */
#include "models/train.h"
#include <math.h>
#include <string.h>

enum { STATUS = 3 * HG_SHARED_NUMBERS, STOP, PIECE = 8192 };

static bool alone(const hg_trainer *t) { return t->ranks.ranks <= 1; }

static hg_status sum(hg_trainer *t, float *x, size_t n, hg_err *err) {
    return t->ranks.allreduce(t->ranks.ctx, x, n, err);
}

static void cut(float piece[3], double x) {
    for (int i = 0; i < 3; i++) {
        piece[i] = (float)x;
        x -= (double)piece[i];
    }
}

static hg_status another_failed(hg_trainer *t, hg_err *err) {
    for (unsigned r = 0; r < t->ranks.ranks; r++) {
        const int code = (int)t->small[r * HG_SHARED + STATUS];
        if (code != HG_OK)
            return hg_advise(err,
                             hg_fail(err, HG_EPARTY, "rank %u of %u stopped: %s", r, t->ranks.ranks,
                                     hg_status_name((hg_status)code)),
                             "its own message says more");
    }
    return HG_OK;
}

hg_status hg_train_agree(hg_trainer *t, hg_status st, double *x, size_t n, bool *stop, hg_err *err) {
    if (alone(t)) return st;
    hg_err unheard;
    float *own = t->small + t->ranks.rank * HG_SHARED;
    memset(t->small, 0, t->ranks.ranks * HG_SHARED * sizeof *t->small);
    for (size_t i = 0; i < n; i++) cut(own + 3 * i, x[i]);
    own[STATUS] = (float)st;
    own[STOP] = *stop;
    const hg_status sent = sum(t, t->small, t->ranks.ranks * HG_SHARED, st == HG_OK ? err : &unheard);
    if (st != HG_OK) return st;
    HG_TRY(sent);
    HG_TRY(another_failed(t, err));
    for (size_t i = 0; i < n; i++) x[i] = 0;
    for (unsigned r = 0; r < t->ranks.ranks; r++) {
        const float *theirs = t->small + r * HG_SHARED;
        for (size_t i = 0; i < n; i++)
            x[i] += (double)theirs[3 * i] + ((double)theirs[3 * i + 1] + (double)theirs[3 * i + 2]);
        *stop = *stop || theirs[STOP] != 0;
    }
    return HG_OK;
}

hg_status hg_train_sum_gradients(hg_trainer *t, hg_err *err) {
    const hg_params *p = t->m->params;
    return alone(t) ? HG_OK : sum(t, p->gradient, p->size, err);
}

hg_status hg_train_share(hg_trainer *t, void *bytes, size_t n, hg_err *err) {
    float piece[PIECE];
    unsigned char *to = bytes;
    for (size_t at = 0; at < n && !alone(t); at += 2 * PIECE) {
        const size_t left = n - at < 2 * PIECE ? n - at : 2 * PIECE, pairs = (left + 1) / 2;
        memset(piece, 0, sizeof piece);
        for (size_t i = 0; i < left && t->ranks.rank == 0; i++)
            piece[i / 2] += (float)(i % 2 ? 256 * to[at + i] : to[at + i]);
        HG_TRY(sum(t, piece, pairs, err));
        for (size_t i = 0; i < left; i++) {
            const unsigned pair = (unsigned)piece[i / 2];
            to[at + i] = (unsigned char)(i % 2 ? pair >> 8 : pair & 255);
        }
    }
    return HG_OK;
}
