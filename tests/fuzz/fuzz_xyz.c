/* tests/fuzz/fuzz_xyz.c -- any bytes as XYZ; what is read and can be written reads back the same */
#include "files/xyz.h"
#include "molecules.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static char *written(size_t *n, const hg_molecule *m) {
    char *text = NULL;
    hg_output *o = NULL;
    FILE *stream = open_memstream(&text, n);
    must(stream != NULL);
    must(hg_output_new(&o, "-", stream, NULL) == HG_OK);
    const bool ok = hg_xyz_write(o, m, NULL) == HG_OK && hg_output_commit(o, NULL) == HG_OK;
    hg_output_free(o);
    fclose(stream);
    if (ok) return text;
    free(text);
    return NULL;
}

/* The text read, compared with m, and written again. */
static char *rewritten(size_t *n, const hg_molecule *m, const char *text) {
    hg_err err = { 0 };
    hg_arena *mem = hg_arena_new();
    hg_molecule *back = NULL;
    hg_molecule_file *f = open_fuzz("xyz", (const uint8_t *)text, *n, 1 << 16, &err);
    must(f && hg_molecule_file_next(&back, f, mem, &err) == HG_OK && back);
    must(back->n == m->n && memcmp(back->r, m->r, 3 * m->n * sizeof *m->r) == 0 && memcmp(back->z, m->z, m->n) == 0);
    must(strcmp(back->id, m->id) == 0 && back->charge == m->charge && back->n_values == m->n_values);
    char *again = written(n, back);
    must(again != NULL);
    hg_molecule_file_free(f);
    hg_arena_free(mem);
    return again;
}

/* A text that looks like a number comes back as one: what was written once more is then the same for ever. */
static void round_trip(const hg_molecule *m) {
    size_t n, second_n;
    char *first = written(&n, m);
    if (!first) return; /* a name or a text that the format cannot hold */
    char *second = rewritten(&n, m, first);
    second_n = n;
    char *third = rewritten(&n, m, second);
    must(n == second_n && memcmp(second, third, n) == 0);
    free(first);
    free(second);
    free(third);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_molecules("xyz", bytes, n, round_trip);
    return 0;
}
