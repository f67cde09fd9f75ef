/* examples/suggest.c -- the main job from C: what to measure next
 *
 * The end of 1986. Which of the magnets that nobody has measured yet has the highest Curie temperature?
 * Build it with: cc suggest.c $(pkg-config --cflags --libs hagane)
 */
#include <hagane/hagane.h>
#include <stdio.h>

int main(void) {
    hg_err err;
    hg_table *magnets = NULL;
    hg_suggestions *s = NULL;

    const char *formula = "Compound"; /* text, whatever it looks like: "NaN" would be sodium nitride */
    hg_csv_opts read = hg_csv_opts_default();
    read.text = &formula;
    read.n_text = 1;
    hg_status st = hg_csv_read(&magnets, "examples/magnets-1986.csv", &read, &err);

    if (st == HG_OK) {
        const hg_objective goal = { .column = "Tc (K)", .maximize = true };
        hg_suggest_opts opts = hg_suggest_opts_default();
        opts.objective = &goal;
        opts.n_objectives = 1;
        opts.features.columns = &formula; /* learn from the formula alone */
        opts.features.n_columns = 1;
        opts.batch = 3;
        opts.seed = 1; /* the same seed gives the same answer, whatever the number of threads */
        st = hg_suggest(&s, magnets, NULL, NULL, &opts, &err); /* rows without a value are the candidates */
    }
    if (st == HG_OK) {
        printf("%s\n%s\n", s->model_words, s->loo[0].words);
        for (size_t i = 0; i < s->n; i++) {
            const hg_suggestion *next = &s->suggestion[i];
            printf("%zu. %s: %.0f +- %.0f K\n", i + 1, hg_table_text(magnets, 0, next->row), next->mean[0],
                   next->sd[0]);
        }
    } else {
        fprintf(stderr, "%s\n%s\n", err.msg, err.hint);
    }
    hg_suggestions_free(s);
    hg_table_free(magnets);
    return st == HG_OK ? 0 : 1;
}
