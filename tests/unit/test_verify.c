#include "runner/io/verify.h"
#include "tests/unit/io_fixture.h"

#include <zlib.h>
#include <zstd.h>

/* --- making files: each part is a member or frame of its own --- */

enum { SMALL = 60, BIG = 1500000 };

static void fill_plain(char *bytes, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (char)('a' + (seed >> 28)); /* packs to about half */
    }
}

static void append_gzip(struct buffer *file, size_t length)
{
    z_stream stream = {0};
    const size_t room = length + 1000;
    char *plain = malloc(length + 1);

    fill_plain(plain, length, (unsigned)length);
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, 0), Z_OK);
    stream.next_in = (unsigned char *)plain;
    stream.avail_in = (unsigned)length;
    stream.next_out = (unsigned char *)buffer_reserve(file, room);
    stream.avail_out = (unsigned)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    buffer_advance(file, stream.total_out);
    deflateEnd(&stream);
    free(plain);
}

static void append_zstd(struct buffer *file, size_t length)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    const size_t room = ZSTD_compressBound(length);
    char *plain = malloc(length + 1);
    size_t packed;

    fill_plain(plain, length, (unsigned)length);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    packed = ZSTD_compress2(context, buffer_reserve(file, room), room, plain, length);
    assert_false(ZSTD_isError(packed));
    buffer_advance(file, packed);
    ZSTD_freeCCtx(context);
    free(plain);
}

static void append_skippable(struct buffer *file)
{
    buffer_append(file, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
}

typedef void (*append_fn)(struct buffer *file, size_t length);

static const struct {
    enum verify_format format;
    append_fn append;
} formats[] = {{VERIFY_GZIP, append_gzip}, {VERIFY_ZSTD, append_zstd}};

/* --- asking --- */

static int verify_bytes(const void *bytes, size_t length, enum verify_format format,
    uint64_t *ret_plain_bytes, struct error *err)
{
    char *path = file_join(fixture_folder, "file");
    FILE *file = fopen(path, "w");
    int rc;

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
    rc = verify_file(path, format, ret_plain_bytes, NULL, NULL, err);
    free(path);
    return rc;
}

static void assert_good(const struct buffer *file, enum verify_format format, uint64_t expected)
{
    struct error err = {0};
    uint64_t plain_bytes = 12345;

    assert_ok(verify_bytes(file->data, file->length, format, &plain_bytes, &err), &err);
    assert_int_equal(plain_bytes, expected);
}

static void assert_bad(
    const void *bytes, size_t length, enum verify_format format, const char *message)
{
    struct error err = {0};
    uint64_t plain_bytes = 12345;

    assert_int_equal(verify_bytes(bytes, length, format, &plain_bytes, &err), -1);
    assert_int_equal(err.code, ERROR_DATA);
    assert_contains(err.message, message);
    assert_int_equal(plain_bytes, 12345);
}

/* --- tests --- */

static void test_whole_files(void **state)
{
    (void)state;
    for (size_t f = 0; f < ARRAY_LENGTH(formats); f++) {
        static const size_t lengths[] = {0, 1, SMALL, 262144, BIG};
        struct buffer file, all;
        uint64_t total = 0;

        buffer_init(&all, 0);
        for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
            buffer_init(&file, 0);
            formats[f].append(&file, lengths[i]);
            assert_good(&file, formats[f].format, lengths[i]);
            buffer_deinit(&file);

            formats[f].append(&all, lengths[i]);
            total += lengths[i];
            assert_good(&all, formats[f].format, total); /* several members or frames */
        }
        buffer_deinit(&all);
    }
}

static void test_ends_of_members_at_each_place_of_a_block(void **state)
{
    (void)state;
    for (size_t f = 0; f < ARRAY_LENGTH(formats); f++) {
        struct buffer file;
        uint64_t total = 0;

        buffer_init(&file, 0);
        /* Small parts of odd packed lengths: their ends meet those of blocks in many ways. */
        while (file.length < 600000) {
            formats[f].append(&file, 1000 + total % 37);
            total += 1000 + total % 37;
        }
        assert_good(&file, formats[f].format, total);
        buffer_deinit(&file);
    }
}

static void test_truncated_at_every_byte(void **state)
{
    (void)state;
    for (size_t f = 0; f < ARRAY_LENGTH(formats); f++) {
        struct buffer file;

        buffer_init(&file, 0);
        formats[f].append(&file, SMALL);
        for (size_t length = 0; length < file.length; length++)
            assert_bad(file.data, length, formats[f].format, "the file is truncated");
        buffer_deinit(&file);
    }
}

static void test_truncated_in_the_second_part(void **state)
{
    (void)state;
    for (size_t f = 0; f < ARRAY_LENGTH(formats); f++) {
        struct buffer file;
        size_t first;

        buffer_init(&file, 0);
        formats[f].append(&file, SMALL);
        first = file.length;
        formats[f].append(&file, SMALL);
        for (size_t length = first + 1; length < file.length; length++)
            assert_bad(file.data, length, formats[f].format, "");
        buffer_deinit(&file);
    }
}

static void test_truncated_behind_the_first_block(void **state)
{
    (void)state;
    for (size_t f = 0; f < ARRAY_LENGTH(formats); f++) {
        struct buffer file;
        char message[100];

        buffer_init(&file, 0);
        formats[f].append(&file, BIG);
        assert_true(file.length > 600000);
        snprintf(message, sizeof(message), "ends too early, at byte %zu", file.length - 5);
        assert_bad(file.data, file.length - 5, formats[f].format, message);
        assert_bad(file.data, 262144, formats[f].format, "at byte 262144: the file is truncated");
        buffer_deinit(&file);
    }
}

/* Whether a bit may be anything: a gzip's header holds remarks (its time, its system) and its data
 * may end in the midst of a byte; a zstd frame's descriptor has an unused bit (RFC 8878, 3.1.1.1).
 */
static bool is_free(enum verify_format format, size_t bit, size_t file_length)
{
    if (format == VERIFY_GZIP)
        return bit < 10 * 8 || (bit / 8 == file_length - 9 && bit % 8 > 0);
    return bit == 4 * 8 + 4 || bit == 4 * 8 + 5;
}

static void test_flipped_bits(void **state)
{
    (void)state;
    for (size_t f = 0; f < ARRAY_LENGTH(formats); f++) {
        struct buffer file;

        buffer_init(&file, 0);
        formats[f].append(&file, SMALL);
        for (size_t bit = 0; bit < file.length * 8; bit++) {
            struct error err = {0};
            uint64_t plain_bytes = SMALL;

            file.data[bit / 8] ^= (char)(1U << bit % 8);
            if (verify_bytes(file.data, file.length, formats[f].format, &plain_bytes, &err))
                assert_int_equal(err.code, ERROR_DATA);
            else if (!is_free(formats[f].format, bit, file.length))
                fail_msg("bit %zu of byte %zu was flipped and nobody noticed", bit % 8, bit / 8);
            assert_int_equal(plain_bytes, SMALL);
            file.data[bit / 8] ^= (char)(1U << bit % 8);
        }
        assert_good(&file, formats[f].format, SMALL);
        buffer_deinit(&file);
    }
}

static void test_checksums_are_named(void **state)
{
    struct buffer file;

    (void)state;
    buffer_init(&file, 0);
    append_gzip(&file, SMALL);
    file.data[file.length - 8] ^= 1;
    assert_bad(file.data, file.length, VERIFY_GZIP, "incorrect data check");
    buffer_clear(&file);
    append_zstd(&file, SMALL);
    file.data[file.length - 1] ^= 1;
    assert_bad(file.data, file.length, VERIFY_ZSTD, "checksum");
    buffer_deinit(&file);
}

static void test_something_else_behind_the_end(void **state)
{
    (void)state;
    for (size_t f = 0; f < ARRAY_LENGTH(formats); f++) {
        struct buffer file;
        char message[100];
        size_t end;

        buffer_init(&file, 0);
        formats[f].append(&file, SMALL);
        end = file.length;
        for (unsigned i = 1; i <= 17; i++) {
            buffer_putc(&file, 'x');
            snprintf(message, sizeof(message),
                "%u bytes that are not %s follow the end of the data, "
                "at byte %zu",
                i, f ? "zstd" : "gzip", end);
            assert_bad(file.data, file.length, formats[f].format, message);
        }
        while (file.length < end + 700000)
            buffer_puts(&file, "more than a block of it ");
        snprintf(message, sizeof(message), "%zu bytes that are not", file.length - end);
        assert_bad(file.data, file.length, formats[f].format, message);
        buffer_deinit(&file);
    }
}

static void test_zeros_behind_the_end(void **state)
{
    static const char zeros[700000];
    struct buffer file;

    (void)state;
    buffer_init(&file, 0);
    append_gzip(&file, SMALL);
    for (unsigned i = 0; i < 20; i++) {
        buffer_append(&file, zeros, 1);
        assert_good(&file, VERIFY_GZIP, SMALL);
    }
    buffer_append(&file, zeros, sizeof(zeros));
    assert_good(&file, VERIFY_GZIP, SMALL);
    buffer_putc(&file, 'x');
    assert_bad(file.data, file.length, VERIFY_GZIP, "700021 bytes that are not gzip");
    buffer_clear(&file);
    append_zstd(&file, SMALL); /* which has no such custom */
    buffer_append(&file, zeros, 10);
    assert_bad(file.data, file.length, VERIFY_ZSTD, "10 bytes that are not zstd");
    buffer_deinit(&file);
}

static void test_skippable_frames(void **state)
{
    struct buffer file;

    (void)state;
    buffer_init(&file, 0);
    append_skippable(&file);
    assert_good(&file, VERIFY_ZSTD, 0);
    append_zstd(&file, SMALL);
    append_skippable(&file);
    append_zstd(&file, SMALL);
    append_skippable(&file);
    assert_good(&file, VERIFY_ZSTD, 2 * SMALL);
    assert_bad(file.data, file.length - 1, VERIFY_ZSTD, "the file is truncated");
    buffer_deinit(&file);
}

static void test_not_that_format(void **state)
{
    (void)state;
    assert_bad("a,b\n1,2\n", 8, VERIFY_GZIP, "incorrect header check");
    assert_bad("a,b\n1,2\n", 8, VERIFY_ZSTD, "at about byte 0");
    assert_bad(
        "\0\0\0\0\0\0\0\0", 8, VERIFY_GZIP, "incorrect header check"); /* no padding of nothing */
    assert_bad("", 0, VERIFY_GZIP, "truncated");
    assert_bad("", 0, VERIFY_ZSTD, "truncated");
}

static void test_detect(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        enum verify_format format;
    } cases[] = {{"", 0, VERIFY_NONE}, {"\x1f", 1, VERIFY_NONE}, {"\x1f\x8b", 2, VERIFY_GZIP},
        {"\x1f\x8b\x08\0", 4, VERIFY_GZIP}, {"\x28\xb5\x2f\xfd", 4, VERIFY_ZSTD},
        {"\x28\xb5\x2f", 3, VERIFY_NONE}, {"\x5f\x2a\x4d\x18", 4, VERIFY_ZSTD},
        {"\x60\x2a\x4d\x18", 4, VERIFY_NONE}, {"PAR1", 4, VERIFY_NONE}};
    char *path = file_join(fixture_folder, "file");
    enum verify_format format;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_ok(file_write(path, cases[i].bytes, cases[i].length, &err), &err);
        assert_ok(verify_detect(path, &format, &err), &err);
        assert_int_equal(format, cases[i].format);
    }
    assert_int_equal(verify_detect("/no/such/file", &format, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    free(path);
}

static void test_progress_and_stop(void **state)
{
    atomic_uint_fast64_t progress = 0;
    atomic_bool stop = false;
    struct error err = {0};
    uint64_t plain_bytes;
    char *path = file_join(fixture_folder, "file");
    struct buffer file;

    (void)state;
    buffer_init(&file, 0);
    append_gzip(&file, BIG);
    assert_ok(file_write(path, file.data, file.length, &err), &err);
    assert_ok(verify_file(path, VERIFY_GZIP, &plain_bytes, &progress, &stop, &err), &err);
    assert_int_equal(progress, file.length);
    stop = true;
    assert_int_equal(verify_file(path, VERIFY_GZIP, &plain_bytes, NULL, &stop, &err), -1);
    assert_int_equal(err.class, ERROR_CANCELLED);
    assert_int_equal(verify_file("/no/such", VERIFY_GZIP, &plain_bytes, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(verify_file(fixture_folder, VERIFY_GZIP, &plain_bytes, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_IO);
    buffer_deinit(&file);
    free(path);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_files),
        TEST(test_ends_of_members_at_each_place_of_a_block),
        TEST(test_truncated_at_every_byte),
        TEST(test_truncated_in_the_second_part),
        TEST(test_truncated_behind_the_first_block),
        TEST(test_flipped_bits),
        TEST(test_checksums_are_named),
        TEST(test_something_else_behind_the_end),
        TEST(test_zeros_behind_the_end),
        TEST(test_skippable_frames),
        TEST(test_not_that_format),
        TEST(test_detect),
        TEST(test_progress_and_stop),
    };

    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
