#include "runner/io/file.h"
#include "tests/unit/file_fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- whole files --- */

static void test_write_and_read(void **state)
{
    struct error err = {0};
    char *path = path_of("a");
    struct buffer buffer;

    (void)state;
    put("a", "old");
    put("a", "new");
    put("empty", "");
    assert_folder_holds(fixture_folder, 1, "a\nempty\n"); /* and no temporary file */

    buffer_init(&buffer, 0);
    buffer_puts(&buffer, "before ");
    assert_ok(file_read(path, 3, &buffer, &err), &err);
    assert_string_equal(buffer.data, "before new");
    assert_fails(file_read(path, 2, &buffer, &err), &err, ERROR_LIMIT);
    assert_contains(err.message, path);
    assert_string_equal(buffer.data, "before new"); /* untouched */
    assert_fails(file_read(fixture_folder, 2, &buffer, &err), &err, ERROR_IO);
    buffer_deinit(&buffer);
    free(path);
}

static void test_read_what_is_not_there(void **state)
{
    struct error err = {0};
    char *path = path_of("missing");
    struct file_stamp stamp;
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    assert_fails(file_read(path, 9, &buffer, &err), &err, ERROR_NOT_FOUND);
    assert_contains(err.message, path);
    assert_fails(file_stamp(path, &stamp, &err), &err, ERROR_NOT_FOUND);
    assert_fails(file_stamp(fixture_folder, &stamp, &err), &err, ERROR_INVALID);
    assert_contains(err.message, "is a folder, not a file");
    assert_fails(file_stamp("/dev/null", &stamp, &err), &err, ERROR_INVALID);
    assert_false(file_exists(path));
    assert_ok(file_remove(path, &err), &err);
    buffer_deinit(&buffer);
    free(path);
}

static void test_write_where_no_folder_is(void **state)
{
    struct error err = {0};
    char *path = path_of("no/such/folder");

    (void)state;
    assert_fails(file_write(path, "x", 1, &err), &err, ERROR_NOT_FOUND);
    assert_contains(err.message, path);
    free(path);
}

static void test_long_names_can_be_written(void **state)
{
    char name[256];

    (void)state;
    memset(name, 'n', 255);
    name[255] = '\0';
    put(name, "x");
}

static void test_unreadable_file(void **state)
{
    struct error err = {0};
    char *path = path_of("secret");
    struct buffer buffer;
    int rc;

    (void)state;
    put("secret", "x");
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(fixture_folder, 0755), 0);
    buffer_init(&buffer, 0);
    if (geteuid() == 0) /* who may read anything */
        assert_int_equal(seteuid(65534), 0);
    rc = file_read(path, 9, &buffer, &err);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_fails(rc, &err, ERROR_DENIED);
    assert_contains(err.message, path);
    buffer_deinit(&buffer);
    free(path);
}

static void test_stamps(void **state)
{
    struct file_stamp before, after;
    struct error err = {0};
    char *path = path_of("a");

    (void)state;
    put("a", "12345");
    assert_ok(file_stamp(path, &before, &err), &err);
    assert_int_equal(before.size, 5);
    assert_ok(file_stamp(path, &after, &err), &err);
    assert_true(file_stamp_equal(&before, &after));
    put("a", "54321"); /* another file: at least its inode differs */
    assert_ok(file_stamp(path, &after, &err), &err);
    assert_false(file_stamp_equal(&before, &after));
    free(path);
}

static void test_temporary_names(void **state)
{
    (void)state;
    assert_true(file_is_temporary(".sluice-0123456789abcdef.tmp"));
    assert_false(file_is_temporary(".sluice-0123456789abcde.tmp"));
    assert_false(file_is_temporary(".sluice-0123456789abcdeff.tmp"));
    assert_false(file_is_temporary(".sluice-0123456789abcdeg.tmp"));
    assert_false(file_is_temporary(".sluice-0123456789abcdef.tmp.csv"));
    assert_false(file_is_temporary("sluice-0123456789abcdef.tmp"));
    assert_false(file_is_temporary(""));
}

/* --- copying and publishing --- */

enum { BIG_BYTES = 3 * 1024 * 1024 + 17 };

static void put_big(const char *path)
{
    struct error err = {0};
    char *bytes = malloc(BIG_BYTES);

    for (unsigned i = 0; i < BIG_BYTES; i++)
        bytes[i] = (char)(i * 2654435761U >> 13);
    assert_ok(file_write(path, bytes, BIG_BYTES, &err), &err);
    free(bytes);
}

static void assert_same_bytes(const char *path_a, const char *path_b)
{
    struct error err = {0};
    struct buffer a, b;

    buffer_init(&a, 0);
    buffer_init(&b, 0);
    assert_ok(file_read(path_a, BIG_BYTES, &a, &err), &err);
    assert_ok(file_read(path_b, BIG_BYTES, &b, &err), &err);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    buffer_deinit(&a);
    buffer_deinit(&b);
}

static void test_copy(void **state)
{
    atomic_uint_fast64_t progress = 0;
    struct error err = {0};
    char *from = path_of("from"), *to = path_of("to"), *empty = path_of("empty");

    (void)state;
    put_big(from);
    assert_ok(file_copy(from, to, false, &progress, NULL, &err), &err);
    assert_int_equal(progress, BIG_BYTES);
    assert_same_bytes(from, to);
    assert_fails(file_copy(from, to, false, NULL, NULL, &err), &err, ERROR_EXISTS);
    put("empty", "");
    assert_ok(file_copy(empty, to, true, NULL, NULL, &err), &err);
    assert_holds(to, "");
    assert_fails(file_copy(fixture_folder, to, true, NULL, NULL, &err), &err, ERROR_IO);
    assert_folder_holds(fixture_folder, 1, "empty\nfrom\nto\n");
    free(from);
    free(to);
    free(empty);
}

/* Its size is 0 until it is read: neither a reflink nor copy_file_range() can do it. */
static void test_copy_of_a_file_that_the_kernel_makes_up(void **state)
{
    struct error err = {0};
    char *to = path_of("to");
    struct file_stamp stamp;

    (void)state;
    assert_ok(file_copy("/proc/self/stat", to, false, NULL, NULL, &err), &err);
    assert_ok(file_stamp(to, &stamp, &err), &err);
    assert_true(stamp.size > 0);
    free(to);
}

static void test_copy_stops(void **state)
{
    const atomic_bool stop = true;
    struct error err = {0};
    char *from = path_of("from"), *to = path_of("to");

    (void)state;
    put_big(from);
    assert_fails(file_copy(from, to, true, NULL, &stop, &err), &err, ERROR_STOPPED);
    assert_folder_holds(fixture_folder, 1, "from\n");
    free(from);
    free(to);
}

static void test_publish(void **state)
{
    atomic_uint_fast64_t progress = 0;
    struct error err = {0};
    char *from = path_of("from"), *to = path_of("to");

    (void)state;
    put("from", "1");
    assert_ok(file_publish(from, to, false, &progress, NULL, &err), &err);
    assert_int_equal(progress, 1);
    assert_false(file_exists(from));
    put("from", "2");
    assert_fails(file_publish(from, to, false, NULL, NULL, &err), &err, ERROR_EXISTS);
    assert_holds(from, "2");
    assert_holds(to, "1");
    assert_ok(file_publish(from, to, true, NULL, NULL, &err), &err);
    assert_holds(to, "2");
    assert_fails(file_publish(from, to, true, NULL, NULL, &err), &err, ERROR_NOT_FOUND);
    assert_contains(err.message, from);
    free(from);
    free(to);
}

static void test_publish_across_file_systems(void **state)
{
    char elsewhere[] = "/dev/shm/sluice-test-XXXXXX";
    struct error err = {0};
    struct stat here, there;
    char *from, *to = path_of("to"), *copy = path_of("copy");

    (void)state;
    if (!mkdtemp(elsewhere))
        skip();
    stat(elsewhere, &there);
    stat(fixture_folder, &here);
    from = file_join(elsewhere, "from");
    put_big(from);
    assert_ok(file_copy(from, copy, false, NULL, NULL, &err), &err);
    assert_ok(file_publish(from, to, false, NULL, NULL, &err), &err);
    assert_false(file_exists(from));
    assert_same_bytes(copy, to);
    assert_fails(file_publish(copy, to, false, NULL, NULL, &err), &err, ERROR_EXISTS);
    assert_ok(file_publish(copy, from, false, NULL, NULL, &err), &err); /* and back */
    assert_same_bytes(from, to);
    assert_fails(file_publish(from, to, false, NULL, NULL, &err), &err, ERROR_EXISTS);
    assert_true(file_exists(from));
    assert_ok(file_remove_tree(elsewhere, &err), &err);
    free(from);
    free(to);
    free(copy);
    if (here.st_dev == there.st_dev)
        skip(); /* the same one after all */
}

/* --- full disks --- */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_file_that_may_not_grow(void **state)
{
    struct error write_err = {0}, copy_err = {0};
    char *from = path_of("from"), *to = path_of("to");
    char bytes[4096] = {0};
    int write_rc, copy_rc;

    (void)state;
    put_big(from);
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(1000);
    write_rc = file_write(to, bytes, sizeof(bytes), &write_err);
    copy_rc = file_copy(from, to, true, NULL, NULL, &copy_err);
    limit_file_size(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    assert_fails(write_rc, &write_err, ERROR_NO_SPACE);
    assert_contains(write_err.message, to);
    assert_fails(copy_rc, &copy_err, ERROR_NO_SPACE);
    assert_folder_holds(fixture_folder, 1, "from\n");
    free(from);
    free(to);
}

static void test_a_full_disk(void **state)
{
    struct error err = {0};
    char *disk = path_of("disk"), *from = path_of("from"), *to = path_of("disk/to");
    char *old = path_of("disk/old");

    (void)state;
    assert_ok(file_make_folders(disk, &err), &err);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=64k")) {
        free(disk), free(from), free(to), free(old);
        skip(); /* only root may */
        return;
    }
    put_big(from);
    put("disk/old", "old");
    assert_fails(file_copy(from, old, true, NULL, NULL, &err), &err, ERROR_NO_SPACE);
    assert_contains(err.message, "No space left");
    assert_fails(file_publish(from, to, false, NULL, NULL, &err), &err, ERROR_NO_SPACE);
    assert_true(file_exists(from));
    assert_folder_holds(disk, 1, "old\n");
    assert_holds(old, "old");
    assert_int_equal(umount(disk), 0);
    free(disk);
    free(from);
    free(to);
    free(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_write_and_read),
        TEST(test_read_what_is_not_there),
        TEST(test_write_where_no_folder_is),
        TEST(test_long_names_can_be_written),
        TEST(test_unreadable_file),
        TEST(test_stamps),
        TEST(test_temporary_names),
        TEST(test_copy),
        TEST(test_copy_of_a_file_that_the_kernel_makes_up),
        TEST(test_copy_stops),
        TEST(test_publish),
        TEST(test_publish_across_file_systems),
        TEST(test_a_file_that_may_not_grow),
        TEST(test_a_full_disk),
    };

    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
