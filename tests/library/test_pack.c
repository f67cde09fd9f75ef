/* tests/library/test_pack.c -- packs: what is written comes back; what is cut, flipped or made up is told apart */
#include "library/pack.h"
#include "library/pack_format.h"
#include "program.h"
#include "test.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MODELS = 3, FILES = 2, PATH = 512 };

/* Model m has card.json "card of m" and weights of 100 * (m + 1) letters. */
typedef struct {
    const char *text[FILES];
    size_t calls;
} content;

static hg_status hand_over(void *ctx, size_t i, hg_pack_sink sink, void *to, hg_err *err) {
    content *c = ctx;
    c->calls++;
    return sink(to, c->text[i], strlen(c->text[i]), err);
}

static char weights[MODELS][400];
static content contents[MODELS];
static hg_pack_file files[MODELS][FILES];
static hg_packing packing[MODELS];
static char path[PATH];

static int prepare(void **state) {
    static const char *const names[MODELS] = { "steel-2", "steel-1", "zinc oxide" };
    static const char *const cards[MODELS] = { "{\"card\": 1}", "", "{\"card\": 3}" };
    for (size_t m = 0; m < MODELS; m++) {
        memset(weights[m], 'a' + (int)m, 100 * (m + 1));
        contents[m] = (content) { { weights[m], cards[m] }, 0 };
        files[m][0].name = "weights.safetensors";
        files[m][1].name = "card.json";
        for (size_t i = 0; i < FILES; i++) {
            files[m][i].size = strlen(contents[m].text[i]);
            assert_ok(hg_hash_memory(files[m][i].sha256, contents[m].text[i], files[m][i].size, NULL));
        }
        packing[m] = (hg_packing) { names[m], files[m], FILES, hand_over, &contents[m] };
    }
    test_scratch(path, sizeof path, "models.hgpack");
    return test_setup(state);
}

static int clean(void **state) {
    unlink(path);
    return test_teardown(state);
}

static unsigned char *whole(size_t *n) {
    struct stat st;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    *n = (size_t)st.st_size;
    unsigned char *bytes = malloc(*n);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

static void a_pack_comes_back(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_err err;
    hg_pack *p;
    const char *bytes;
    assert_ok_err(hg_pack_write(path, packing, MODELS, &err), err);
    assert_ok_err(hg_pack_open(&p, path, &err), err);
    assert_null(hg_pack_trouble(p));
    assert_int_equal(hg_pack_models(p), 3);
    assert_string_equal(hg_pack_model_at(p, 0)->name, "steel-1");
    assert_string_equal(hg_pack_model_at(p, 1)->name, "steel-2");
    assert_string_equal(hg_pack_model_at(p, 2)->name, "zinc oxide");
    assert_null(hg_pack_model_at(p, 3));
    assert_null(hg_pack_find(p, "steel"));
    const hg_pack_model *m = hg_pack_find(p, "zinc oxide");
    assert_non_null(m);
    assert_string_equal(m->file[0].name, "card.json");
    assert_null(hg_pack_file_of(m, "recipe.json"));
    const hg_pack_file *f = hg_pack_file_of(m, "weights.safetensors");
    assert_int_equal(f->size, 300);
    assert_int_equal(f->offset % 64, 0);
    assert_ok_err(hg_pack_read(&bytes, p, m, f, 300, mem, &err), err);
    assert_string_equal(bytes, weights[2]);
    assert_int_equal(hg_pack_read(&bytes, p, m, f, 299, mem, &err), HG_ELIMIT);
    m = hg_pack_find(p, "steel-1");
    assert_ok_err(hg_pack_read(&bytes, p, m, &m->file[0], 0, mem, &err), err); /* an empty file is one, too */
    assert_string_equal(bytes, "");
    hg_pack_free(p);
    hg_arena_reset(mem, mark);
}

/* By hand: head 192; index 3 * 2 + 7 + 7 + 10 + 3 * (1 + 9 + 72 + 1 + 19 + 72) = 552, so that data begin at 768. */
static void its_bytes_are_those_of_the_format(void **state) {
    (void)state;
    size_t n, again;
    assert_ok(hg_pack_write(path, packing, MODELS, NULL));
    unsigned char *a = whole(&n);
    assert_memory_equal(a, "hgpack\r\n\1\0\0\0\0\0\0\0", 16);
    assert_int_equal(pack_get(a + 24, 8), 552);
    assert_int_equal(pack_get(a + 32, 4), 3);
    assert_int_equal(pack_get(a + 36, 4), 6);
    /* steel-1: card 0, weights 200 -> 256; steel-2: card 11 -> 64, weights 100 -> 128; zinc oxide: 64, 300 -> 320 */
    assert_int_equal(n, 768 + 256 + 64 + 128 + 64 + 320 + 552 + 192);
    assert_int_equal(pack_get(a + 16, 8), n);
    assert_memory_equal(a, a + n - 192, 192);
    assert_memory_equal(a + 192, a + n - 192 - 552, 552);
    assert_memory_equal(a + 192, "\7\2steel-1\11card.json", 19);
    assert_memory_equal(a + 768, weights[1], 200);
    /* the same models in another order: the same bytes */
    const hg_packing turned[MODELS] = { packing[2], packing[0], packing[1] };
    assert_ok(hg_pack_write(path, turned, MODELS, NULL));
    unsigned char *b = whole(&again);
    assert_int_equal(n, again);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    assert_ok(hg_pack_write(path, NULL, 0, NULL)); /* none at all is a pack, too */
    hg_pack *p;
    assert_ok(hg_pack_open(&p, path, NULL));
    assert_int_equal(hg_pack_models(p), 0);
    hg_pack_free(p);
}

/* How many models are whole; -1: it does not open, and says why. */
static int intact(const unsigned char *bytes, size_t n, bool *trouble) {
    hg_pack *p;
    hg_err err = { 0 };
    int good = 0;
    if (hg_pack_open_memory(&p, "cut.hgpack", bytes, n, &err) != HG_OK) {
        assert_contains(err.msg, "cut.hgpack: ");
        assert_true(err.hint[0] != '\0');
        return -1;
    }
    *trouble = hg_pack_trouble(p) != NULL;
    for (size_t i = 0; i < hg_pack_models(p); i++) {
        const hg_pack_model *m = hg_pack_model_at(p, i);
        bool fine = true;
        for (size_t k = 0; k < m->n_files; k++) {
            const hg_status st = hg_pack_each(p, m, &m->file[k], NULL, NULL, &err);
            if (st != HG_OK) assert_int_equal(st, HG_EDATA);
            fine &= st == HG_OK;
        }
        good += fine;
    }
    hg_pack_free(p);
    return good;
}

static void cut_anywhere_it_says_so_and_keeps_the_rest(void **state) {
    (void)state;
    size_t n;
    bool trouble = false;
    assert_ok(hg_pack_write(path, packing, MODELS, NULL));
    unsigned char *a = whole(&n);
    for (size_t keep = 0; keep < n; keep++) {
        unsigned char *part = malloc(keep ? keep : 1); /* exactly as long, for the address sanitizer */
        memcpy(part, a, keep);
        const int good = intact(part, keep, &trouble);
        free(part);
        const int want = keep < 192 + 552                    ? -1
                         : keep < 768 + 200                  ? 0
                         : keep < 768 + 256 + 64 + 100       ? 1
                         : keep < 768 + 256 + 192 + 64 + 300 ? 2
                                                             : 3;
        assert_int_equal(good, want);
        assert_true(good < 0 || trouble);
    }
    free(a);
}

/* Is byte i one of a file's, not of head, index or the zeros between? Offsets as in its_bytes_are_those_of_the_format. */
static bool is_data(size_t i) {
    static const size_t from[] = { 768, 1024, 1088, 1216, 1280 }, size[] = { 200, 11, 100, 11, 300 };
    for (size_t k = 0; k < 5; k++)
        if (i >= from[k] && i < from[k] + size[k]) return true;
    return false;
}

static void flipped_anywhere_it_loses_one_model_at_most(void **state) {
    (void)state;
    size_t n;
    assert_ok(hg_pack_write(path, packing, MODELS, NULL));
    unsigned char *a = whole(&n);
    for (size_t i = 0; i < n; i++)
        for (unsigned bit = 1; bit < 256; bit <<= 7) {
            bool trouble = false;
            a[i] ^= (unsigned char)bit;
            const int good = intact(a, n, &trouble);
            a[i] ^= (unsigned char)bit;
            assert_int_equal(good, is_data(i) ? 2 : 3);
            if (i < 192 + 552) assert_true(trouble);
        }
    free(a);
}

/* A head and an index that are signed as they should be, and lie. */
static void seal(unsigned char *a, size_t index) {
    char hex[HG_HASH_SIZE];
    assert_ok(hg_hash_memory(hex, a + 192, index, NULL));
    memcpy(a + 64, hex, 64);
    assert_ok(hg_hash_memory(hex, a, 128, NULL));
    memcpy(a + 128, hex, 64);
}

static void lying_sizes_are_refused(void **state) {
    (void)state;
    static const struct {
        size_t at;
        unsigned bytes;
        uint64_t value;
        const char *why;
    } lies[] = {
        { 16, 8, UINT64_MAX, "disagrees with itself" },
        { 16, 8, 100, "disagrees with itself" },
        { 16, 8, 1 << 20, "disagrees with its head" },
        { 24, 8, UINT64_MAX, "cut short within its index" },
        { 32, 4, UINT32_MAX, "disagrees with itself" },
        { 32, 4, 2, "disagrees with its head" },
        { 32, 4, 4, "cut short" },
        { 36, 4, UINT32_MAX, "disagrees with itself" },
        { 36, 4, 5, "more files than its head says" },
        { 192, 1, 255, "bad name of a model" },
        { 193, 1, 0, "no file, or too many" },
        { 193, 1, 65, "no file, or too many" },
        { 194, 1, '/', "bad name of a model" },
        { 194, 1, '.', "bad name of a model" },
        { 194, 1, 0, "bad name of a model" },
        { 194, 1, 'z', "models are not in order" },
        { 202, 1, '.', "bad name of a file" },
        { 202, 1, 'z', "files of a model are not in order" },
        { 201, 1, 200, "bad name of a file" },
        { 211, 8, UINT64_MAX, "larger than the whole pack" },
        { 16, 8, 2343, "do not fit" },
        { 219, 1, 'x', "no SHA-256" },
        { 40, 1, 1, "its head" },
        { 12, 1, 1, "its head" },
    };
    size_t n;
    assert_ok(hg_pack_write(path, packing, MODELS, NULL));
    unsigned char *a = whole(&n), *b = malloc(n);
    a[n - 192] ^= 1; /* so that the copy at the end does not help */
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        hg_pack *p;
        hg_err err = { 0 };
        memcpy(b, a, n);
        pack_put(b + lies[i].at, lies[i].bytes, lies[i].value);
        seal(b, 552);
        const hg_status st = hg_pack_open_memory(&p, "p", b, n, &err);
        if (st == HG_OK) print_error("lie %zu was believed\n", i);
        assert_int_equal(st, HG_EDATA);
        assert_null(p);
        assert_contains(err.msg, lies[i].why);
    }
    free(a);
    free(b);
}

/* The copy at the end is right, but of a file of another length: nothing would lie where it says. */
static void bytes_in_front_are_no_pack(void **state) {
    (void)state;
    size_t n;
    hg_pack *p;
    hg_err err;
    assert_ok(hg_pack_write(path, packing, MODELS, NULL));
    unsigned char *a = whole(&n), *b = calloc(n + 64, 1);
    memcpy(b + 64, a, n);
    assert_int_equal(hg_pack_open_memory(&p, "p", b, n + 64, &err), HG_EPARSE);
    assert_null(p);
    free(a);
    free(b);
}

static void other_files_and_versions_are_told_apart(void **state) {
    (void)state;
    hg_pack *p;
    hg_err err;
    unsigned char text[300] = "id,y\n";
    assert_int_equal(hg_pack_open_memory(&p, "p", text, 4, &err), HG_EPARSE);
    assert_contains(err.hint, "cut short");
    assert_int_equal(hg_pack_open_memory(&p, "p", text, sizeof text, &err), HG_EPARSE);
    assert_contains(err.msg, "p: is no pack of models");
    memcpy(text, PACK_MAGIC "\2", 9);
    assert_int_equal(hg_pack_open_memory(&p, "p", text, sizeof text, &err), HG_EREFUSED);
    assert_contains(err.msg, "a pack of format 2, this program reads format 1");
    assert_int_equal(hg_pack_open(&p, "/nowhere/x.hgpack", &err), HG_EIO);
    assert_int_equal(hg_pack_open(&p, "/dev/null", &err), HG_EIO);
    assert_contains(err.msg, "no ordinary file");
}

static void bad_models_are_not_written(void **state) {
    (void)state;
    hg_err err;
    static const char *const bad[] = { "", ".x", "a/b", "a\nb", "\xff", "x.hgpack" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_packing m = packing[0];
        m.name = bad[i];
        assert_int_equal(hg_pack_write(path, &m, 1, &err), HG_EINVAL);
        assert_contains(err.msg, "cannot be the name of a model");
    }
    const hg_packing twice[2] = { packing[0], packing[0] };
    assert_int_equal(hg_pack_write(path, twice, 2, &err), HG_EINVAL);
    assert_contains(err.msg, "two models \"steel-2\"");
    files[0][1].name = "weights.safetensors";
    assert_int_equal(hg_pack_write(path, packing, 1, &err), HG_EINVAL);
    assert_contains(err.msg, "two files");
    files[0][1].name = "card.json";
    /* a file that changes while it is packed: longer, shorter, other bytes */
    for (int change = -1; change <= 1; change++) {
        files[0][0].size += (uint64_t)change;
        if (change == 0) files[0][0].sha256[0] ^= 1;
        assert_int_equal(hg_pack_write(path, packing, 1, &err), HG_EDATA);
        if (change == 0) files[0][0].sha256[0] ^= 1;
        files[0][0].size -= (uint64_t)change;
        assert_false(test_file_exists(path));
    }
}

static hg_status stop_here(void *ctx, size_t i, hg_pack_sink sink, void *to, hg_err *err) {
    if (i == 0 && ctx == &contents[2]) raise(SIGKILL); /* in the middle of the data */
    return hand_over(ctx, i, sink, to, err);
}

static void killed_while_writing_the_old_pack_stays(void **state) {
    (void)state;
    size_t n;
    bool trouble = true;
    assert_ok(hg_pack_write(path, packing, 2, NULL));
    const pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < MODELS; i++) packing[i].each = stop_here;
        _exit(hg_pack_write(path, packing, MODELS, NULL) == HG_OK ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    unsigned char *a = whole(&n);
    assert_int_equal(intact(a, n, &trouble), 2);
    assert_false(trouble);
    free(a);
    char left[PATH + 40]; /* what the killed one had begun */
    const char *slash = strrchr(path, '/');
    snprintf(left, sizeof left, "%.*s/.%s.hagane-%ld-0", (int)(slash - path), path, slash + 1, (long)child);
    assert_true(test_file_exists(left));
    unlink(left);
}

static void memory_may_lack(void **state) {
    hg_arena *mem = *state;
    hg_err err;
    for (int writing = 1; writing >= 0; writing--)
        for (long k = 0;; k++) {
            const hg_mark mark = hg_arena_mark(mem);
            hg_pack *p = NULL;
            const char *bytes;
            fail_alloc_after(k);
            hg_status st = writing ? hg_pack_write(path, packing, MODELS, &err) : hg_pack_open(&p, path, &err);
            if (p) {
                const hg_pack_model *m = hg_pack_model_at(p, 0);
                st = hg_pack_read(&bytes, p, m, &m->file[1], 1000, mem, &err);
            }
            fail_alloc_after(-1);
            hg_pack_free(p);
            hg_arena_reset(mem, mark);
            if (st == HG_OK) break;
            assert_int_equal(st, HG_ENOMEM);
            assert_true(!writing || !test_file_exists(path));
        }
}

#define WITH_MODELS(name) cmocka_unit_test_setup_teardown(name, prepare, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_MODELS(a_pack_comes_back),
        WITH_MODELS(its_bytes_are_those_of_the_format),
        WITH_MODELS(cut_anywhere_it_says_so_and_keeps_the_rest),
        WITH_MODELS(flipped_anywhere_it_loses_one_model_at_most),
        WITH_MODELS(lying_sizes_are_refused),
        WITH_MODELS(bytes_in_front_are_no_pack),
        WITH_MODELS(other_files_and_versions_are_told_apart),
        WITH_MODELS(bad_models_are_not_written),
        WITH_MODELS(killed_while_writing_the_old_pack_stays),
        WITH_MODELS(memory_may_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
