/* party/serve_tier1.c -- see party/serve_work.h: tier 1, public rows, secret properties */
#include "core/memory.h"
#include "party/serve_work.h"
#include <string.h>

static hg_status prepare(hg_work *w, hg_err *err) {
    hg_server *s = w->server;
    if (w->rows.n < 2)
        return hg_fail(err, HG_EREFUSED, "project %s has %zu rows; a model needs two at least", w->policy->project,
                       w->rows.n);
    for (size_t i = 0; i < w->rows.n_sets; i++)
        if (w->rows.set[i].elements != 1 || w->rows.set[i].bits || !w->rows.set[i].public_size)
            return hg_fail(err, HG_EDATA, "a data set of %s is stored in another form than its policy says",
                           w->rows.set[i].owner);
    HG_TRY(hg_tables_hold(&w->tables, s->tables, w->policy, w->rows.measured, w->rows.n, err));
    hg_t1_tables_digest(hg_table_t1(w->tables), w->public_digest);
    return HG_OK;
}

static bool needs_seed(const hg_work *w) { return w->policy->model.acquisition == HG_ACQ_THOMPSON || w->job.batch > 1; }

static size_t noise_bits(const hg_work *w) { return hg_t1_noise_bits(hg_table_t1(w->tables), w->job.batch); }

static hg_status draw_noise(hg_bits *noise, hg_work *w, hg_run *run, hg_err *err) {
    return hg_t1_noise_draw(noise, run, hg_table_t1(w->tables), w->job.batch, err);
}

/* Measured candidates and those that the policy never proposes. */
static bool *make_excluded(const hg_work *w) {
    const hg_policy *p = w->policy;
    bool *excluded = hg_alloc(w->rows.arena, p->n_pool, sizeof *excluded);
    for (size_t i = 0; excluded && p->candidate && i < p->n_pool; i++) excluded[i] = !p->candidate[i];
    for (size_t i = 0; excluded && i < w->rows.n; i++) excluded[w->rows.measured[i]] = true;
    return excluded;
}

static hg_status take_rows(hg_share *y, hg_work *w, hg_run *run, hg_err *err) {
    HG_TRY(hg_share_input(y, run, (const uint64_t *const[]) { w->rows.slot[0], w->rows.slot[1] }, w->rows.n,
                          HG_RING_LIMBS, err));
    return hg_run_round(run, err); /* authentication, in the malicious mode */
}

static hg_status propose(hg_bits *output, hg_work *w, hg_run *run, hg_err *err) {
    hg_share y;
    hg_t1_opts o = { .excluded = make_excluded(w),
                     .batch = w->job.batch,
                     .seed = w->coins.seed,
                     .noise = w->coins.noise,
                     .release = w->policy->release_bits };
    const size_t each = o.release ? 2 : 1; /* index and level of a proposal stand side by side */
    hg_bits *index = hg_alloc(w->rows.arena, w->job.batch, sizeof *index), *part;
    part = hg_alloc(w->rows.arena, w->job.batch, each * sizeof *part);
    o.level = hg_alloc(w->rows.arena, w->job.batch, sizeof *o.level);
    if (!o.excluded || !index || !part || !o.level) return hg_fail(err, HG_ENOMEM, "no memory for a job");
    HG_TRY(take_rows(&y, w, run, err));
    HG_TRY(hg_t1_propose(index, run, hg_table_t1(w->tables), &y, &o, err));
    for (size_t i = 0; i < w->job.batch; i++) {
        part[i * each] = index[i];
        if (o.release) part[i * each + 1] = o.level[i];
    }
    return hg_bits_join(output, run, part, w->job.batch * each, err);
}

static hg_status check(hg_bits *output, hg_work *w, hg_run *run, hg_err *err) {
    const size_t n = (size_t)w->rows.set[w->subject].rows, first = w->rows.first[w->subject];
    hg_share y;
    size_t *row = hg_alloc(w->rows.arena, n, sizeof *row);
    if (!row) return hg_fail(err, HG_ENOMEM, "no memory for a check");
    for (size_t i = 0; i < n; i++) row[i] = first + i;
    HG_TRY(take_rows(&y, w, run, err));
    return hg_t1_plausible(output, run, hg_table_t1(w->tables), &y, row, n, w->policy->plausibility, err);
}

static void release(hg_work *w, bool verified) {
    (void)verified;
    hg_tables_release(w->server->tables, w->tables);
}

const hg_tier_record hg_tier1_record = {
    .prepare = prepare,
    .needs_seed = needs_seed,
    .noise_bits = noise_bits,
    .draw_noise = draw_noise,
    .propose = propose,
    .check = check,
    .release = release,
};
