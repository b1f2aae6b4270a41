/* Files in the folder of a test: what the tests of runner/io/file.h share. */
#ifndef TESTS_UNIT_FILE_FIXTURE_H
#define TESTS_UNIT_FILE_FIXTURE_H

#include "tests/unit/io_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static inline char *path_of(const char *name)
{
    return file_join(fixture_folder, name);
}

static inline void put(const char *name, const char *text)
{
    struct error err = {0};
    char *path = path_of(name);

    assert_ok(file_write(path, text, strlen(text), &err), &err);
    free(path);
}

static inline void assert_holds(const char *path, const char *text)
{
    struct error err = {0};
    struct buffer buffer;

    buffer_init(&buffer, 0);
    assert_ok(file_read(path, 1 << 20, &buffer, &err), &err);
    assert_string_equal(buffer.data, text);
    buffer_deinit(&buffer);
}

struct seen {
    struct buffer names;
    unsigned count, fail_at;
    bool unreadable_counts;
};

static inline int see(
    void *data, const char *relative, const struct file_stamp *stamp, struct error *err)
{
    struct seen *seen = data;

    if (!stamp && seen->unreadable_counts)
        return -1;
    if (++seen->count == seen->fail_at)
        return error_set(err, ERROR_LIMIT, "enough");
    buffer_printf(&seen->names, "%s\n", relative);
    return 0;
}

static inline void assert_folder_holds(const char *folder, unsigned depth_max, const char *names)
{
    struct error err = {0};
    struct seen seen = {0};

    buffer_init(&seen.names, 0);
    assert_ok(file_walk(folder, depth_max, true, see, &seen, &err), &err);
    assert_string_equal(seen.names.data, names);
    buffer_deinit(&seen.names);
}

#define assert_fails(call, err, expected)                                                          \
    do {                                                                                           \
        assert_int_equal(call, -1);                                                                \
        assert_string_equal(error_code_name((err)->code), error_code_name(expected));              \
    } while (0)

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, fixture_folder_make, fixture_folder_remove)

#endif
