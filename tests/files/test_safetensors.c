/* tests/files/test_safetensors.c -- NumPy's bytes read, ours written and read back, hostile headers, faults */
#include "files/safetensors.h"
#include "test.h"
#include <unistd.h>

/* ---- helpers ------------------------------------------------------------------------------------------------- */

/* A file of this header and n bytes of data. */
static size_t make(unsigned char *out, const char *header, const void *data, size_t n) {
    const uint64_t length = strlen(header);
    for (size_t i = 0; i < 8; i++) out[i] = (unsigned char)(length >> 8 * i);
    memcpy(out + 8, header, (size_t)length);
    if (n) memcpy(out + 8 + length, data, n);
    return 8 + (size_t)length + n;
}

static hg_status read_bytes(hg_safetensors **s, const void *bytes, size_t n, size_t chunk, hg_err *err) {
    hg_input_opts o = hg_input_opts_default();
    hg_input *in;
    o.chunk = chunk;
    *s = NULL;
    HG_TRY(hg_input_open_memory(&in, "f", bytes, n, &o, err));
    const hg_status st = hg_safetensors_read(s, in, 0, err);
    hg_input_free(in);
    return st;
}

static void refused(const char *header, size_t n, hg_status want, const char *msg) {
    static const unsigned char ZERO[64];
    unsigned char bytes[4096];
    hg_safetensors *s;
    hg_err err = { 0 };
    const hg_status st = read_bytes(&s, bytes, make(bytes, header, ZERO, n), 1 << 16, &err);
    assert_null(s);
    if (st != want) fail_msg("%s instead of %s: %s", hg_status_name(st), hg_status_name(want), err.msg);
    assert_string_equal(err.msg, msg);
}

#define T(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

/* ---- reading ------------------------------------------------------------------------------------------------- */

static const hg_stored *need(const hg_safetensors *s, const char *name, hg_stored_type type, size_t count) {
    const hg_stored *t = hg_safetensors_find(s, name);
    assert_non_null(t);
    assert_int_equal(t->type, type);
    assert_int_equal(t->count, count);
    assert_int_equal((uintptr_t)t->data % hg_stored_type_size(type), 0);
    return t;
}

static void bytes_of_numpy_are_read(void **state) {
    (void)state;
    char path[512];
    hg_safetensors *s;
    hg_err err;
    const hg_stored *t;
    float f[6];
    assert_ok_err(hg_safetensors_open(&s, test_source(path, sizeof path, "tests/fixtures/numpy.safetensors"), 0, &err),
                  err);
    assert_int_equal(hg_safetensors_count(s), 16);
    assert_string_equal(hg_safetensors_note(s, "format"), "np");
    assert_null(hg_safetensors_note(s, "author"));
    t = need(s, "double", HG_STORED_F64, 3);
    assert_true(t->rank == 2 && t->shape[0] == 1 && t->shape[1] == 3);
    assert_true(((const double *)t->data)[0] == 3.141592653589793 && ((const double *)t->data)[2] == 5e-324);
    t = need(s, "weight", HG_STORED_F32, 6);
    assert_true(t->rank == 2 && t->shape[0] == 2 && t->shape[1] == 3);
    for (int i = 0; i < 6; i++) assert_true(((const float *)t->data)[i] == (float)i * (1.0f / 3));
    assert_ok(hg_stored_floats(f, need(s, "half", HG_STORED_F16, 6), &err));
    assert_true(f[0] == 0.333251953125f && f[1] == -65504 && f[2] == 0x1p-24f && isinf(f[3]) && f[5] == 0x1p-14f);
    assert_true(f[4] == 0 && signbit(f[4]));
    assert_ok(hg_stored_floats(f, need(s, "brain", HG_STORED_BF16, 3), &err));
    assert_true(f[0] == 0.33203125f && f[1] < -2.98e38f && f[2] > 9e-41f && f[2] < 1e-40f);
    assert_ok(hg_stored_floats(f, hg_safetensors_find(s, "double"), &err));
    assert_true(f[0] == 3.14159274f);
    assert_true(((const int64_t *)need(s, "i64", HG_STORED_I64, 2)->data)[0] == INT64_MIN);
    assert_true(((const int32_t *)need(s, "i32", HG_STORED_I32, 2)->data)[0] == INT32_MIN);
    assert_true(((const int16_t *)need(s, "i16", HG_STORED_I16, 2)->data)[1] == 9);
    assert_true(((const int8_t *)need(s, "i8", HG_STORED_I8, 3)->data)[0] == -128);
    assert_true(((const uint64_t *)need(s, "u64", HG_STORED_U64, 1)->data)[0] == UINT64_MAX);
    assert_true(((const uint32_t *)need(s, "u32", HG_STORED_U32, 1)->data)[0] == UINT32_MAX);
    assert_true(((const uint16_t *)need(s, "u16", HG_STORED_U16, 1)->data)[0] == UINT16_MAX);
    assert_true(((const uint8_t *)need(s, "u8", HG_STORED_U8, 1)->data)[0] == 255);
    const bool *mask = need(s, "mask", HG_STORED_BOOL, 3)->data;
    assert_true(mask[0] && !mask[1] && mask[2]);
    t = need(s, "scalar", HG_STORED_F32, 1);
    assert_true(t->rank == 0 && *(const float *)t->data == 2.5f);
    t = need(s, "empty", HG_STORED_F32, 0);
    assert_true(t->rank == 2 && t->shape[0] == 0 && t->shape[1] == 4);
    assert_true(*(const float *)need(s, "k\xc3\xb6rper \"1\"", HG_STORED_F32, 1)->data == 1.5f);
    assert_int_equal(hg_stored_floats(f, hg_safetensors_find(s, "u8"), &err), HG_EDATA);
    assert_string_equal(err.msg, "tensor \"u8\" is of type U8, expected floating-point numbers");
    hg_safetensors_free(s);
}

static void a_model_asks_for_names_and_shapes(void **state) {
    (void)state;
    unsigned char bytes[512];
    hg_safetensors *s;
    hg_err err;
    const hg_stored *t;
    static const float x[3] = { 1, 2, 3 };
    const size_t n = make(bytes, "{\"layer.0.bias\":" T("F32", "[3]", "[0,12]") "}", x, 12);
    const size_t shape[2] = { 3, 1 };
    assert_ok(read_bytes(&s, bytes, n, 1 << 16, &err));
    assert_ok(hg_safetensors_need(&t, s, "layer.0.bias", shape, 1, &err));
    assert_true(((const float *)t->data)[2] == 3);
    assert_int_equal(hg_safetensors_need(&t, s, "layer.0.bias", shape, 2, &err), HG_EDATA);
    assert_null(t);
    assert_string_equal(err.msg, "f: tensor \"layer.0.bias\" has shape [3], expected [3,1]");
    assert_int_equal(hg_safetensors_need(&t, s, "layer.1.bias", shape, 1, &err), HG_ENOTFOUND);
    assert_string_equal(err.msg, "f: there is no tensor \"layer.1.bias\"");
    assert_contains(err.hint, "layer.0.bias");
    hg_safetensors_free(s);
}

static void data_at_odd_bytes_are_moved(void **state) {
    (void)state;
    unsigned char bytes[512], data[11];
    hg_safetensors *s;
    const double x = 0.1;
    data[0] = 1, data[1] = 2, data[2] = 3;
    memcpy(data + 3, &x, sizeof x);
    const size_t n = make(bytes, "{\"x\":" T("F64", "[]", "[3,11]") ",\"b\":" T("U8", "[3]", "[0,3]") "}   ", data, 11);
    for (size_t chunk = 1; chunk < 1000; chunk = 3 * chunk + 1) {
        assert_ok(read_bytes(&s, bytes, n, chunk, NULL));
        assert_true(*(const double *)need(s, "x", HG_STORED_F64, 1)->data == 0.1);
        assert_string_equal(hg_safetensors_at(s, 0)->name, "b"); /* in the order of the data */
        hg_safetensors_free(s);
    }
}

/* ---- refusals ------------------------------------------------------------------------------------------------ */

static void hostile_headers_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t n;
        const char *msg;
    } CASE[] = {
        { "", 0, "f: its header does not begin with '{'" },
        { " {}", 0, "f: its header does not begin with '{'" },
        { "[]", 0, "f: its header does not begin with '{'" },
        { "{}\n", 0, "f: its header has more behind its end than spaces" },
        { "{} {}", 0, "f: its header has more behind its end than spaces" },
        { "{\"a\":1}", 0, "f:1:6: a number, expected an object for a tensor" },
        { "{\"a\":{}}", 0, "f:1:7: tensor \"a\" has no dtype" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "f:1:32: tensor \"a\" has no data_offsets" },
        { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 4, "f:1:21: tensor \"a\" has two dtype" },
        { "{\"a\":{\"offsets\":[0,4]}}", 4, "f:1:7: tensor \"a\" has a field that the format does not know" },
        { "{\"a\":" T("F8", "[1]", "[0,1]") "}", 1, "f:1:15: an element type that is not read" },
        { "{\"a\":" T("F32", "[1]", "[0,5]") "}", 5,
          "f:1:53: tensor \"a\" has 5 bytes of data, its shape and type need 4" },
        { "{\"a\":" T("F32", "[1]", "[4,0]") "}", 4, "f:1:52: data_offsets that end before they begin" },
        { "{\"a\":" T("F32", "[1]", "[0,4,8]") "}", 8,
          "f:1:53: a number, expected the end of an array for data_offsets" },
        { "{\"a\":" T("F32", "[1]", "[0]") "}", 4, "f:1:50: expected a whole number from 0 to 2^64 - 1" },
        { "{\"a\":" T("F32", "[-1]", "[0,4]") "}", 4, "f:1:30: expected a whole number from 0 to 2^64 - 1" },
        { "{\"a\":" T("F32", "[1.0]", "[0,4]") "}", 4, "f:1:30: expected a whole number from 0 to 2^64 - 1" },
        { "{\"a\":" T("F32", "[1]", "[0,4]") ",\"a\":" T("F32", "[1]", "[4,8]") "}", 8,
          "f: tensor \"a\" is there twice" },
        { "{\"a\":" T("F32", "[1]", "[0,4]") ",\"\\u0061\":" T("F32", "[1]", "[4,8]") "}", 8,
          "f: tensor \"a\" is there twice" },
        { "{\"a\":" T("F32", "[1]", "[4,8]") "}", 8, "f: the data of tensor \"a\" begin at 4, behind a hole" },
        { "{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[1]", "[4,8]") "}", 8,
          "f: the data of tensor \"b\" begin at 4, within those of another tensor" },
        { "{\"a\":" T("F32", "[1]", "[0,4]") "}", 3, "f: ends after 3 of the 4 bytes of its tensors" },
        { "{\"a\":" T("F32", "[1]", "[0,4]") "}", 5, "f: has more bytes than its tensors need" },
        { "{}", 1, "f: has more bytes than its tensors need" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "f:1:22: a number, expected a string for an entry of __metadata__" },
        { "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "f: __metadata__ has \"a\" twice" },
        { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "f:1:20: __metadata__ comes twice" },
        { "{\"a\":", 0, "f:1:6: the JSON text ends here, expected a value" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) refused(CASE[i].header, CASE[i].n, HG_EPARSE, CASE[i].msg);
    refused("{\"a\":" T("F32", "[4611686018427387904,4]", "[0,4]") "}", 4, HG_ELIMIT,
            "f:1:30: a shape of too many elements");
    refused("{\"a\":" T("F32", "[1000000000,1000000000,1000000000]", "[0,4]") "}", 4, HG_ELIMIT,
            "f:1:52: a shape of too many elements");
    refused("{\"a\":" T("U8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, HG_ELIMIT,
            "f:1:61: more than 16 dimensions");
    refused("{\"a\":" T("U8", "[1000000000000]", "[0,1000000000000]") "}", 1, HG_ELIMIT,
            "f: its tensors have 1000000000000 bytes, more than 17179869184");
    refused("{\"a\":" T("U8", "[1000000000]", "[0,1000000000]") "}", 1, HG_EPARSE,
            "f: ends after 1 of the 1000000000 bytes of its tensors");
}

static void lengths_are_not_believed(void **state) {
    (void)state;
    hg_safetensors *s;
    hg_err err;
    static const unsigned char HUGE_LENGTH[8] = { 255, 255, 255, 255, 255, 255, 255, 127 },
                               CLAIM[9] = { 0, 0, 0, 5, 0, 0, 0, 0, '{' };
    assert_int_equal(read_bytes(&s, HUGE_LENGTH, 8, 64, &err), HG_EPARSE);
    assert_string_equal(err.msg, "f: begins with a header length of 9223372036854775807, more than 100000000");
    assert_int_equal(read_bytes(&s, CLAIM, 9, 64, &err), HG_EPARSE);
    assert_string_equal(err.msg, "f: ends after 1 of the 83886080 bytes of its header");
    assert_int_equal(read_bytes(&s, CLAIM, 5, 64, &err), HG_EPARSE);
    assert_string_equal(err.msg, "f: ends after 5 of the 8 bytes of its length");
    assert_int_equal(hg_safetensors_open(&s, "/nowhere/x", 0, &err), HG_EIO);
    assert_null(s);
    unsigned char bytes[256];
    const size_t n = make(bytes, "{\"m\":" T("BOOL", "[3]", "[0,3]") "}", "\0\1\2", 3);
    assert_int_equal(read_bytes(&s, bytes, n, 64, &err), HG_EDATA);
    assert_string_equal(err.msg, "f: element 2 of tensor \"m\" is 2, expected 0 or 1 for BOOL");
}

static void every_cut_is_noticed(void **state) {
    (void)state;
    char path[512];
    unsigned char bytes[4096];
    hg_safetensors *s;
    hg_err err;
    FILE *f = fopen(test_source(path, sizeof path, "tests/fixtures/numpy.safetensors"), "rb");
    assert_non_null(f);
    const size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_equal(read_bytes(&s, bytes, cut, 1 + cut % 7, &err), HG_EPARSE);
        assert_null(s);
        assert_true(err.msg[0] != '\0');
    }
    assert_ok(read_bytes(&s, bytes, n, 5, NULL));
    hg_safetensors_free(s);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static const float BIAS[3] = { 0.5f, -1, 3 };
static const double SHIFT[1] = { 0.1 };
static const uint8_t MASK[2] = { 1, 0 };
static const size_t THREE[1] = { 3 }, TWO[1] = { 2 }, ZERO_BY_TWO[2] = { 0, 2 };
static const hg_stored OURS[4] = {
    { .name = "mask", .type = HG_STORED_BOOL, .rank = 1, .shape = TWO, .count = 2, .data = MASK },
    { .name = "bias \"\xc3\xa9\"", .type = HG_STORED_F32, .rank = 1, .shape = THREE, .count = 3, .data = BIAS },
    { .name = "shift", .type = HG_STORED_F64, .rank = 0, .count = 1, .data = SHIFT },
    { .name = "none", .type = HG_STORED_F32, .rank = 2, .shape = ZERO_BY_TWO, .count = 0 },
};
static const hg_stored_note NOTES[2] = { { "model", "test" }, { "format", "pt" } };

static size_t file_bytes(const char *path, unsigned char *out, size_t room) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t n = fread(out, 1, room, f);
    fclose(f);
    return n;
}

static void what_is_written_has_the_layout_of_the_format(void **state) {
    (void)state;
    static const char HEADER[] = "{\"__metadata__\":{\"format\":\"pt\",\"model\":\"test\"},"
                                 "\"shift\":" T("F64", "[]", "[0,8]") ",\"bias \\\"\xc3\xa9\\\"\":" T(
                                     "F32", "[3]", "[8,20]") ","
                                                             "\"none\":" T("F32", "[0,2]", "[20,20]") ",\"mask\":" T(
                                                                 "BOOL", "[2]", "[20,22]") "}";
    char path[512];
    unsigned char bytes[1024];
    hg_err err;
    test_scratch(path, sizeof path, "ours.safetensors");
    assert_ok_err(hg_safetensors_write(path, OURS, 4, NOTES, 2, &err), err);
    const size_t n = file_bytes(path, bytes, sizeof bytes), at = (8 + strlen(HEADER) + 63) / 64 * 64;
    assert_int_equal(n, at + 22);
    assert_int_equal(bytes[0] | bytes[1] << 8, at - 8);
    assert_memory_equal(bytes + 8, HEADER, strlen(HEADER));
    for (size_t i = 8 + strlen(HEADER); i < at; i++) assert_int_equal(bytes[i], ' ');
    assert_memory_equal(bytes + at, SHIFT, 8);
    assert_memory_equal(bytes + at + 8, BIAS, 12);
    assert_memory_equal(bytes + at + 20, MASK, 2);
    unlink(path);
}

static void what_is_written_reads_back_equal(void **state) {
    (void)state;
    char path[512];
    hg_rng rng = hg_rng_make(4, 0);
    test_scratch(path, sizeof path, "round.safetensors");
    for (int k = 0; k < 60; k++) {
        enum { MOST = 12 };
        hg_stored t[MOST];
        char name[MOST][64];
        size_t shape[MOST][4];
        unsigned char data[MOST][2048];
        const size_t n = hg_rng_below(&rng, MOST + 1);
        for (size_t i = 0; i < n; i++) {
            snprintf(name[i], sizeof name[i], "t%zu.%zu", hg_rng_below(&rng, 10), i);
            t[i] = (hg_stored) { .name = name[i],
                                 .type = (hg_stored_type)hg_rng_below(&rng, HG_STORED_TYPES),
                                 .rank = hg_rng_below(&rng, 5),
                                 .shape = shape[i],
                                 .count = 1,
                                 .data = data[i] };
            for (size_t d = 0; d < t[i].rank; d++) t[i].count *= shape[i][d] = hg_rng_below(&rng, 5);
            for (size_t b = 0; b < sizeof data[i]; b++)
                data[i][b] = (unsigned char)hg_rng_below(&rng, t[i].type == HG_STORED_BOOL ? 2 : 256);
        }
        hg_safetensors *s;
        hg_err err;
        assert_ok_err(hg_safetensors_write(path, t, n, NOTES, (size_t)k % 3, &err), err);
        assert_ok_err(hg_safetensors_open(&s, path, 0, &err), err);
        const hg_stored_note *notes;
        assert_int_equal(hg_safetensors_count(s), n);
        assert_int_equal(hg_safetensors_notes(&notes, s), k % 3);
        for (size_t i = 0; i < n; i++) {
            const hg_stored *b = need(s, name[i], t[i].type, t[i].count);
            assert_int_equal(b->rank, t[i].rank);
            for (size_t d = 0; d < b->rank; d++) assert_int_equal(b->shape[d], shape[i][d]);
            if (b->count) assert_memory_equal(b->data, data[i], b->count * hg_stored_type_size(b->type));
        }
        hg_safetensors_free(s);
    }
    unlink(path);
}

/* Weights of a kind: another kind, none, another type, another length, what is not finite. */
static void weights_of_a_kind_are_taken_as_doubles(void **state) {
    (void)state;
    static const double d[2] = { 0.1, -3 }, bad[2] = { 1, INFINITY };
    static const float f[2] = { 0.5f, 2 };
    static const uint8_t b[2] = { 1, 2 };
    static const size_t two[] = { 2 };
    static const hg_stored t[] = { { "d", HG_STORED_F64, 1, two, 2, d },
                                   { "f", HG_STORED_F32, 1, two, 2, f },
                                   { "b", HG_STORED_U8, 1, two, 2, b },
                                   { "bad", HG_STORED_F64, 1, two, 2, bad } };
    static const hg_stored_note kind = { "architecture", "net 2" };
    char path[512];
    hg_safetensors *s;
    hg_err err = { 0 };
    double x[3];
    test_scratch(path, sizeof path, "kind.safetensors");
    assert_ok_err(hg_safetensors_write(path, t, 4, &kind, 1, &err), err);
    assert_int_equal(hg_safetensors_open_kind(&s, path, "net 1", &err), HG_EDATA);
    assert_contains(err.msg, "these are not weights of \"net 1\" but of net 2");
    assert_null(s);
    assert_ok_err(hg_safetensors_open_kind(&s, path, "net 2", &err), err);
    assert_ok_err(hg_safetensors_doubles(x, s, "d", 2, &err), err);
    assert_true(x[0] == 0.1 && x[1] == -3);
    assert_ok_err(hg_safetensors_doubles(x, s, "f", 2, &err), err);
    assert_true(x[0] == 0.5 && x[1] == 2);
    assert_int_equal(hg_safetensors_doubles(x, s, "b", 2, &err), HG_EDATA);
    assert_contains(err.msg, "not F64 or F32");
    assert_int_equal(hg_safetensors_doubles(x, s, "bad", 2, &err), HG_ENAN);
    assert_int_equal(hg_safetensors_doubles(x, s, "d", 3, &err), HG_EDATA);
    assert_true(hg_safetensors_doubles(x, s, "e", 2, &err) != HG_OK);
    hg_safetensors_free(s);
    assert_ok_err(hg_safetensors_write(path, t, 4, NULL, 0, &err), err);
    assert_int_equal(hg_safetensors_open_kind(&s, path, "net 2", &err), HG_EDATA);
    unlink(path);
}

static void the_order_of_the_tensors_changes_no_byte(void **state) {
    (void)state;
    char path[512];
    unsigned char a[1024], b[1024];
    hg_stored turned[4];
    hg_stored_note notes[2] = { NOTES[1], NOTES[0] };
    for (size_t i = 0; i < 4; i++) turned[i] = OURS[3 - i];
    test_scratch(path, sizeof path, "order.safetensors");
    assert_ok(hg_safetensors_write(path, OURS, 4, NOTES, 2, NULL));
    const size_t n = file_bytes(path, a, sizeof a);
    assert_ok(hg_safetensors_write(path, turned, 4, notes, 2, NULL));
    assert_int_equal(file_bytes(path, b, sizeof b), n);
    assert_memory_equal(a, b, n);
    unlink(path);
}

static void what_cannot_be_written_is_refused(void **state) {
    (void)state;
    char path[512];
    hg_err err;
    test_scratch(path, sizeof path, "never.safetensors");
    hg_stored t[2] = { OURS[1], OURS[1] };
    assert_int_equal(hg_safetensors_write(path, t, 2, NULL, 0, &err), HG_EINVAL);
    assert_string_equal(err.msg, "safetensors: two tensors are called \"bias \"\xc3\xa9\"\"");
    static const char *const NAME[] = { "", "__metadata__", "\xff", NULL };
    for (size_t i = 0; i < 4; i++) {
        t[0].name = NAME[i];
        assert_int_equal(hg_safetensors_write(path, t, 1, NULL, 0, &err), HG_EINVAL);
    }
    t[0] = OURS[1];
    t[0].count = 2;
    assert_int_equal(hg_safetensors_write(path, t, 1, NULL, 0, &err), HG_EINVAL);
    assert_contains(err.msg, "do not fit together");
    t[0] = OURS[1];
    t[0].data = NULL;
    assert_int_equal(hg_safetensors_write(path, t, 1, NULL, 0, &err), HG_EINVAL);
    t[0] = OURS[1];
    t[0].rank = 17;
    assert_int_equal(hg_safetensors_write(path, t, 1, NULL, 0, &err), HG_EINVAL);
    const hg_stored_note twice[2] = { NOTES[0], NOTES[0] }, binary = { "a", "\xff" };
    assert_int_equal(hg_safetensors_write(path, OURS, 4, twice, 2, &err), HG_EINVAL);
    assert_string_equal(err.msg, "safetensors: two notes are called \"model\"");
    assert_int_equal(hg_safetensors_write(path, OURS, 4, &binary, 1, &err), HG_EINVAL);
    assert_int_not_equal(access(path, F_OK), 0); /* nothing is left behind */
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    char path[512], copy[512];
    hg_err err;
    test_source(path, sizeof path, "tests/fixtures/numpy.safetensors");
    test_scratch(copy, sizeof copy, "fault.safetensors");
    enum { MANY = 120 }; /* the last of them do not happen */
    for (long k = 0; k < MANY; k++) {
        hg_safetensors *s;
        unlink(copy);
        fail_alloc_after(k);
        hg_status st = hg_safetensors_open(&s, path, 0, &err);
        if (st == HG_OK) st = hg_safetensors_write(copy, OURS, 4, NOTES, 2, &err);
        hg_safetensors_free(s);
        fail_alloc_after(-1);
        if (k == 0) assert_int_equal(st, HG_ENOMEM);
        if (k == MANY - 1) assert_int_equal(st, HG_OK);
        if (st == HG_OK) continue; /* some are for a text that can be shorter */
        assert_int_equal(st, HG_ENOMEM);
        assert_int_equal(err.code, HG_ENOMEM);
        assert_int_not_equal(access(copy, F_OK), 0);
    }
    unlink(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(bytes_of_numpy_are_read),
        TEST(a_model_asks_for_names_and_shapes),
        TEST(data_at_odd_bytes_are_moved),
        TEST(hostile_headers_are_refused),
        TEST(lengths_are_not_believed),
        TEST(every_cut_is_noticed),
        TEST(what_is_written_has_the_layout_of_the_format),
        TEST(what_is_written_reads_back_equal),
        TEST(weights_of_a_kind_are_taken_as_doubles),
        TEST(the_order_of_the_tensors_changes_no_byte),
        TEST(what_cannot_be_written_is_refused),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
