/* tests/secret/test_ring.c -- arithmetic modulo 2^64, 2^128 and 2^192 */
#include "secret/ring.h"
#include "secret/ring_pieces.h"
#include "test.h"

/* ---- an independent oracle: schoolbook arithmetic in digits of 16 bits ------------------------------------------------------ */

enum { DIGITS = 12 };

static void digits(uint32_t d[DIGITS], const uint64_t *x, unsigned limbs) {
    for (unsigned i = 0; i < 4 * limbs; i++) d[i] = (uint32_t)(x[i / 4] >> 16 * (i % 4) & 0xffff);
}

static void undigits(uint64_t *x, const uint32_t d[DIGITS], unsigned limbs) {
    memset(x, 0, limbs * sizeof *x);
    for (unsigned i = 0; i < 4 * limbs; i++) x[i / 4] |= (uint64_t)d[i] << 16 * (i % 4);
}

static void slow_mul(uint64_t *z, const uint64_t *x, const uint64_t *y, unsigned limbs) {
    uint32_t a[DIGITS], b[DIGITS], c[DIGITS];
    uint64_t sum[DIGITS] = { 0 };
    digits(a, x, limbs);
    digits(b, y, limbs);
    for (unsigned i = 0; i < 4 * limbs; i++)
        for (unsigned j = 0; i + j < 4 * limbs; j++) sum[i + j] += (uint64_t)a[i] * b[j];
    for (unsigned i = 0; i < 4 * limbs; i++) {
        if (i + 1 < 4 * limbs) sum[i + 1] += sum[i] >> 16;
        c[i] = (uint32_t)(sum[i] & 0xffff);
    }
    undigits(z, c, limbs);
}

/* z = x + y, or x - y = x + not y + 1 */
static void slow_add(uint64_t *z, const uint64_t *x, const uint64_t *y, bool minus, unsigned limbs) {
    uint32_t a[DIGITS], b[DIGITS], c[DIGITS], carry = minus;
    digits(a, x, limbs);
    digits(b, y, limbs);
    for (unsigned i = 0; i < 4 * limbs; i++) {
        const uint32_t s = a[i] + (minus ? b[i] ^ 0xffff : b[i]) + carry;
        c[i] = s & 0xffff;
        carry = s >> 16;
    }
    undigits(z, c, limbs);
}

static void slow_shift(uint64_t *z, const uint64_t *x, int left, unsigned limbs) {
    for (int i = 0; i < (int)(64 * limbs); i++) {
        const int from = i - left;
        const uint64_t bit = from >= 0 && from < (int)(64 * limbs) ? x[from / 64] >> from % 64 & 1 : 0;
        z[i / 64] = (i % 64 ? z[i / 64] : 0) | bit << i % 64;
    }
}

/* Random, with runs of zeros and ones in between, where carries go wrong. */
static uint64_t *values(size_t n, uint64_t seed) {
    uint64_t *x = malloc((n + 1) * sizeof *x);
    hg_rng rng = hg_rng_make(seed, 0);
    for (size_t i = 0; i < n; i++) {
        const uint64_t kind = hg_rng_u64(&rng) % 5, v = hg_rng_u64(&rng);
        x[i] = kind == 0 ? 0 : kind == 1 ? UINT64_MAX : kind == 2 ? (uint64_t)1 << v % 64 : v;
    }
    return x;
}

static void every_operation_agrees_with_schoolbook_digits(void **state) {
    (void)state;
    for (unsigned limbs = 1; limbs <= 3; limbs++)
        for (size_t n = 0; n < 130; n = 2 * n + 1) {
            uint64_t *x = values(n * limbs, n), *y = values(n * limbs, n + 1), *z = values(n * limbs, n + 2);
            uint64_t *want = values(n * limbs, 3), *old = values(n * limbs, n + 2), one[3] = { 77, 1, UINT64_MAX };
            const size_t bytes = n * limbs * sizeof *x;
            hg_ring_add(z, x, y, n, limbs);
            for (size_t i = 0; i < n; i++) slow_add(want + i * limbs, x + i * limbs, y + i * limbs, false, limbs);
            assert_memory_equal(z, want, bytes);
            hg_ring_sub(z, x, y, n, limbs);
            for (size_t i = 0; i < n; i++) slow_add(want + i * limbs, x + i * limbs, y + i * limbs, true, limbs);
            assert_memory_equal(z, want, bytes);
            hg_ring_negate(z, z, n, limbs);
            for (size_t i = 0; i < n; i++) slow_add(want + i * limbs, y + i * limbs, x + i * limbs, true, limbs);
            assert_memory_equal(z, want, bytes);
            hg_ring_mul(z, x, y, n, limbs);
            for (size_t i = 0; i < n; i++) slow_mul(want + i * limbs, x + i * limbs, y + i * limbs, limbs);
            assert_memory_equal(z, want, bytes);
            memcpy(z, old, bytes);
            hg_ring_mul_add(z, x, y, n, limbs);
            for (size_t i = 0; i < n; i++) slow_add(want + i * limbs, want + i * limbs, old + i * limbs, false, limbs);
            assert_memory_equal(z, want, bytes);
            uint64_t dot[3] = { 5, 6, 7 }, sum[3] = { 5, 6, 7 };
            hg_ring_dot_add(dot, x, y, n, limbs);
            for (size_t i = 0; i < n; i++) {
                uint64_t p[3];
                slow_mul(p, x + i * limbs, y + i * limbs, limbs);
                slow_add(sum, sum, p, false, limbs);
            }
            assert_memory_equal(dot, sum, limbs * sizeof *dot);
            hg_ring_scale(z, x, one, n, limbs);
            for (size_t i = 0; i < n; i++) slow_mul(want + i * limbs, x + i * limbs, one, limbs);
            assert_memory_equal(z, want, bytes);
            hg_ring_scale_add(z, x, one, n, limbs);
            for (size_t i = 0; i < n; i++) slow_add(want + i * limbs, want + i * limbs, want + i * limbs, false, limbs);
            assert_memory_equal(z, want, bytes);
            free(x);
            free(y);
            free(z);
            free(want);
            free(old);
        }
}

static void shifts_and_masks_take_any_number_of_bits(void **state) {
    (void)state;
    for (unsigned limbs = 1; limbs <= 3; limbs++) {
        uint64_t *x = values(20 * limbs, limbs), z[60], want[60];
        for (unsigned bits = 0; bits <= 64 * limbs; bits++) {
            hg_ring_shift_left(z, x, bits, 20, limbs);
            for (size_t i = 0; i < 20; i++) slow_shift(want + i * limbs, x + i * limbs, (int)bits, limbs);
            assert_memory_equal(z, want, 20 * limbs * sizeof *z);
            hg_ring_shift_right(z, x, bits, 20, limbs);
            for (size_t i = 0; i < 20; i++) slow_shift(want + i * limbs, x + i * limbs, -(int)bits, limbs);
            assert_memory_equal(z, want, 20 * limbs * sizeof *z);
            memcpy(z, x, 20 * limbs * sizeof *z); /* modulo 2^bits = up and down again */
            hg_ring_mask(z, bits, 20, limbs);
            hg_ring_shift_left(want, x, 64 * limbs - bits, 20, limbs);
            hg_ring_shift_right(want, want, 64 * limbs - bits, 20, limbs);
            assert_memory_equal(z, want, 20 * limbs * sizeof *z);
        }
        free(x);
    }
}

/* A ring of fewer limbs is the same arithmetic with the upper limbs forgotten. */
static void narrow_rings_are_wide_rings_cut_off(void **state) {
    (void)state;
    uint64_t *x = values(60, 1), *y = values(60, 2), z3[60], z[40], x1[40], y1[40], want[40];
    hg_ring_mul(z3, x, y, 20, 3);
    for (unsigned limbs = 1; limbs < 3; limbs++) {
        hg_ring_resize(x1, limbs, x, 3, 20);
        hg_ring_resize(y1, limbs, y, 3, 20);
        hg_ring_mul(z, x1, y1, 20, limbs);
        hg_ring_resize(want, limbs, z3, 3, 20);
        assert_memory_equal(z, want, 20 * limbs * sizeof *z);
    }
    const uint64_t minus[1] = { (uint64_t)-5 };
    hg_ring_resize(z, 3, minus, 1, 1); /* upwards the sign goes along */
    uint64_t expected[3];
    hg_ring_from_int(expected, -5, 3);
    assert_memory_equal(z, expected, sizeof expected);
    free(x);
    free(y);
}

static void numbers_come_in_and_go_out_rounded_once(void **state) {
    (void)state;
    uint64_t z[3];
    for (unsigned limbs = 1; limbs <= 3; limbs++) {
        hg_ring_from_double(z, -1.5, 0, limbs); /* ties to even */
        assert_int_equal((int64_t)z[0], -2);
        assert_int_equal((int64_t)z[limbs - 1], limbs == 1 ? -2 : -1);
        hg_ring_from_double(z, 2.5, 0, limbs);
        assert_int_equal(z[0], 2);
        hg_ring_from_double(z, -0.75, 24, limbs);
        assert_true(hg_ring_to_double(z, 24, limbs) == -0.75);
        hg_ring_from_int(z, 0, limbs);
        assert_true(hg_ring_to_double(z, 24, limbs) == 0);
        hg_ring_from_int(z, INT64_MIN, limbs);
        assert_true(hg_ring_to_double(z, 0, limbs) == -0x1p63);
    }
    /* 2^100 + 2^47: half a last place of 2^100 is 2^47, a tie goes to even; with one more at the bottom it goes up */
    uint64_t tie[3] = { (uint64_t)1 << 47, (uint64_t)1 << 36, 0 };
    assert_true(hg_ring_to_double(tie, 0, 3) == 0x1p100);
    tie[0] |= 1;
    assert_true(hg_ring_to_double(tie, 0, 3) == 0x1p100 + 0x1p48);
    assert_true(hg_ring_to_double(tie, 90, 2) == ldexp(0x1p100 + 0x1p48, -90));
    hg_ring_negate(tie, tie, 1, 3);
    assert_true(hg_ring_to_double(tie, 0, 3) == -(0x1p100 + 0x1p48));
}

static void products_of_shares_add_up_to_the_product(void **state) {
    (void)state;
    enum { N = 33 };
    for (unsigned limbs = 1; limbs <= 3; limbs++) {
        const size_t words = N * limbs;
        uint64_t *x[3], *y[3], *sum = calloc(words, 8), *want = calloc(words, 8),
                               *all[2] = { calloc(words, 8), calloc(words, 8) };
        for (unsigned s = 0; s < 3; s++) {
            x[s] = values(words, s);
            y[s] = values(words, 10 + s);
            hg_ring_add(all[0], all[0], x[s], N, limbs);
            hg_ring_add(all[1], all[1], y[s], N, limbs);
        }
        uint64_t dot[3] = { 0 }, dot_want[3] = { 0 };
        for (unsigned s = 0; s < 3; s++) {
            const uint64_t *const a[2] = { x[s], x[(s + 1) % 3] }, *const b[2] = { y[s], y[(s + 1) % 3] };
            hg_ring_cross_mul_add(sum, a, b, false, N, limbs);
            hg_ring_cross_dot_add(dot, a, b, N, limbs);
        }
        hg_ring_mul(want, all[0], all[1], N, limbs);
        hg_ring_dot_add(dot_want, all[0], all[1], N, limbs);
        assert_memory_equal(sum, want, words * 8);
        assert_memory_equal(dot, dot_want, limbs * 8);
        memset(sum, 0, words * 8);
        for (unsigned s = 0; s < 3; s++) {
            const uint64_t *const a[2] = { x[s], x[(s + 1) % 3] }, *const b[2] = { y[s], y[(s + 1) % 3] };
            hg_ring_cross_mul_add(sum, a, b, true, N, limbs);
        }
        hg_ring_scale(want, all[0], all[1], N, limbs);
        assert_memory_equal(sum, want, words * 8);
        for (unsigned s = 0; s < 3; s++) {
            free(x[s]);
            free(y[s]);
        }
        free(sum);
        free(want);
        free(all[0]);
        free(all[1]);
    }
}

/* ---- public matrices ---------------------------------------------------------------------------------------------------------- */

static void a_matrix_times_a_vector_is_its_rows_products(void **state) {
    (void)state;
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    static const size_t sizes[] = { 0, 1, 5, 12, 13, 31, 256, 257, 600 };
    for (unsigned limbs = 1; limbs <= 3; limbs++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            const size_t n = sizes[s], rows = s == 8 ? 1500 : 7; /* more rows than one task takes */
            uint64_t *bits = values(rows * n, s), *x[2] = { values(n * limbs, 1), values(n * limbs, 2) };
            int32_t *a = malloc((rows * n + 1) * sizeof *a);
            int64_t *b = malloc((rows * n + 1) * sizeof *b);
            for (size_t i = 0; i < rows * n; i++) {
                memcpy(&b[i], &bits[i], 8);
                a[i] = (int32_t)(bits[i] & 0xffffffff);
                if (i < n) a[i] = INT32_MIN; /* the sums of a row can be no larger */
            }
            for (size_t i = 0; i < n * limbs; i++) x[1][i] = UINT64_MAX;
            uint64_t *y[2] = { values(rows * limbs, 3), values(rows * limbs, 3) }, *wide = values(rows * limbs, 4);
            const uint64_t *const from[2] = { x[0], x[1] };
            hg_ring_matvecs_i32(y, a, from, 2, rows, n, limbs, pool);
            hg_ring_matvecs_i64(&wide, b, from, 1, rows, n, limbs, pool);
            for (size_t r = 0; r < rows; r++) {
                uint64_t want[3][3] = { { 0 } }, e[3];
                for (size_t j = 0; j < n; j++) {
                    hg_ring_from_int(e, a[r * n + j], limbs);
                    hg_ring_mul_add(want[0], e, x[0] + j * limbs, 1, limbs);
                    hg_ring_mul_add(want[1], e, x[1] + j * limbs, 1, limbs);
                    hg_ring_from_int(e, b[r * n + j], limbs);
                    hg_ring_mul_add(want[2], e, x[0] + j * limbs, 1, limbs);
                }
                assert_memory_equal(y[0] + r * limbs, want[0], limbs * 8);
                assert_memory_equal(y[1] + r * limbs, want[1], limbs * 8);
                assert_memory_equal(wide + r * limbs, want[2], limbs * 8);
            }
            hg_ring_matvecs_i32(&wide, a, from, 1, rows, n, limbs, NULL); /* alone and in this thread: the same */
            assert_memory_equal(wide, y[0], rows * limbs * 8);
            free(bits);
            free(a);
            free(b);
            free(wide);
            for (int v = 0; v < 2; v++) {
                free(x[v]);
                free(y[v]);
            }
        }
    hg_pool_free(pool);
}

static void every_instruction_set_gives_the_same_pieces(void **state) {
    (void)state;
    static int32_t x[HG_PIECES * HG_PIECE_BLOCK];
    size_t tried = 0;
    for (size_t n = 0; n <= HG_PIECE_BLOCK; n += n < 20 ? 1 : 59) {
        int32_t *a = malloc((n + 1) * sizeof *a); /* of its exact size: the address sanitizer sees a read behind it */
        hg_rng rng = hg_rng_make(n, 1);
        memset(x, 0x7f, sizeof x); /* what lies past n does not count */
        for (size_t j = 0; j < n; j++) {
            a[j] = n % 2 ? INT32_MIN : (int32_t)(hg_rng_u64(&rng) & 0xffffffff);
            for (size_t p = 0; p < HG_PIECES; p++)
                x[p * HG_PIECE_BLOCK + j] = n % 2 ? 0xffffff : (int32_t)(hg_rng_u64(&rng) & 0xffffff);
        }
        for (size_t i = 0; hg_pieces_at(i); i++) {
            if (!hg_pieces_here(hg_pieces_at(i))) continue;
            int64_t s[HG_PIECES];
            hg_pieces_at(i)->dot(s, a, x, HG_PIECES, n);
            for (size_t p = 0; p < HG_PIECES; p++) {
                int64_t want = 0;
                for (size_t j = 0; j < n; j++) want += (int64_t)a[j] * x[p * HG_PIECE_BLOCK + j];
                assert_int_equal(s[p], want);
            }
            tried++;
        }
        free(a);
    }
    assert_true(tried > 0);
    assert_true(hg_pieces_here(hg_pieces_fastest()));
}

/* ---- bits --------------------------------------------------------------------------------------------------------------------- */

static void plane_b_holds_bit_b_of_every_element(void **state) {
    (void)state;
    for (unsigned limbs = 1; limbs <= 3; limbs++)
        for (size_t n = 0; n < 1200; n = 3 * n + 1)
            for (unsigned bits = 1; bits <= 64 * limbs; bits += 21) {
                const size_t words = (n + 63) / 64;
                uint64_t *x = values(n * limbs, n), *planes = malloc((words * bits + 1) * 8);
                memset(planes, 0xaa, (words * bits + 1) * 8);
                hg_ring_to_planes(planes, x, bits, n, limbs);
                for (unsigned b = 0; b < bits; b++)
                    for (size_t i = 0; i < 64 * words; i++) {
                        const uint64_t want = i < n ? x[i * limbs + b / 64] >> b % 64 & 1 : 0;
                        assert_int_equal(planes[b * words + i / 64] >> i % 64 & 1, want);
                    }
                assert_int_equal(planes[words * bits] & 0xff, 0xaa); /* nothing behind the last plane */
                free(x);
                free(planes);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_operation_agrees_with_schoolbook_digits), TEST(shifts_and_masks_take_any_number_of_bits),
        TEST(narrow_rings_are_wide_rings_cut_off),           TEST(numbers_come_in_and_go_out_rounded_once),
        TEST(products_of_shares_add_up_to_the_product),      TEST(a_matrix_times_a_vector_is_its_rows_products),
        TEST(every_instruction_set_gives_the_same_pieces),   TEST(plane_b_holds_bit_b_of_every_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
