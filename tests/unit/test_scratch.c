/* Folders that go with their process: those of the dead are removed, those of the living never. */
#include "runner/io/scratch.h"

#include "runner/base/time.h"
#include "tests/unit/io_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

enum { ROUNDS = 300 };

static char *path_of(const char *name)
{
    return file_join(fixture_folder, name);
}

static void put(const char *name)
{
    char *path = path_of(name), *folder = file_folder(path);
    struct error err = {0};

    assert_ok(file_make_folders(folder, &err), &err);
    assert_ok(file_write(path, "x", 1, &err), &err);
    free(path);
    free(folder);
}

static bool is_there(const char *name)
{
    char *path = path_of(name);
    const bool there = file_exists(path);

    free(path);
    return there;
}

/* A child that has made one and waits to be killed. */
static pid_t start_holder(const char *name)
{
    int ready[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        struct scratch scratch;

        if (scratch_make(&scratch, fixture_folder, name, NULL) || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_true(child > 0);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void end_holder(pid_t child)
{
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_made_and_removed(void **state)
{
    struct scratch scratch = {0};
    struct error err = {0};
    struct stat st;

    (void)state;
    assert_int_equal(scratch_remove(&scratch, &err), 0);
    assert_ok(scratch_make(&scratch, fixture_folder, "a", &err), &err);
    assert_true(is_there("scratch-a"));
    assert_int_equal(stat(scratch.path, &st), 0);
    put("scratch-a/b/c");
    assert_int_equal(scratch_sweep(fixture_folder), 0); /* it is this process's */
    assert_true(is_there("scratch-a/b/c"));
    assert_ok(scratch_remove(&scratch, &err), &err);
    assert_null(scratch.path);
    assert_false(is_there("scratch-a"));
}

static void test_only_what_the_dead_left_is_swept(void **state)
{
    pid_t live, dead;

    (void)state;
    live = start_holder("live");
    dead = start_holder("dead");
    put("scratch-dead/spill");
    put("scratch-live/spill");
    put("0195b6a0-1/x-export"); /* a run's */
    assert_int_equal(scratch_sweep(fixture_folder), 0);
    end_holder(dead);
    assert_int_equal(scratch_sweep(fixture_folder), 1);
    assert_false(is_there("scratch-dead"));
    assert_true(is_there("scratch-live/spill"));
    assert_true(is_there("0195b6a0-1/x-export"));
    end_holder(live);
    assert_int_equal(scratch_sweep(fixture_folder), 1);
    assert_false(is_there("scratch-live"));
}

static void test_making_one_sweeps(void **state)
{
    struct scratch scratch;
    struct error err = {0};

    (void)state;
    put("scratch-dead/spill");
    assert_ok(scratch_make(&scratch, fixture_folder, "a", &err), &err);
    assert_false(is_there("scratch-dead"));
    assert_ok(scratch_remove(&scratch, &err), &err);
}

static void test_where_none_can_be(void **state)
{
    struct scratch scratch = {0};
    struct error err = {0};
    char *file = path_of("file");

    (void)state;
    put("file");
    assert_int_equal(scratch_make(&scratch, file, "a", &err), -1);
    assert_contains(err.message, "cannot make the folder");
    assert_null(scratch.path);
    assert_int_equal(scratch_sweep(file), 0);
    assert_int_equal(scratch_sweep("/not/there"), 0);
    free(file);
}

/* --- while others are swept without a pause --- */

static int sweep_until_stopped(void *data)
{
    while (!atomic_load((atomic_bool *)data))
        scratch_sweep(fixture_folder);
    return 0;
}

static void test_one_that_is_being_made_is_not_swept(void **state)
{
    atomic_bool stop = false;
    struct error err = {0};
    thrd_t sweeper;

    (void)state;
    assert_int_equal(thrd_create(&sweeper, sweep_until_stopped, &stop), thrd_success);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct scratch scratch;

        assert_ok(scratch_make(&scratch, fixture_folder, "a", &err), &err);
        put("scratch-a/b");
        assert_true(is_there("scratch-a/b"));
        assert_ok(scratch_remove(&scratch, &err), &err);
    }
    atomic_store(&stop, true);
    thrd_join(sweeper, NULL);
}

static int remove_if_left(
    void *data, const char *relative, const struct file_stamp *stamp, struct error *err)
{
    char *path = path_of(relative);

    (void)data, (void)stamp, (void)err;
    if (file_is_temporary(relative))
        file_remove_left(path);
    free(path);
    return 0;
}

static int remove_left_until_stopped(void *data)
{
    while (!atomic_load((atomic_bool *)data))
        file_walk(fixture_folder, 1, true, remove_if_left, NULL, NULL);
    return 0;
}

static void test_a_file_that_is_being_written_is_not_removed(void **state)
{
    atomic_bool stop = false;
    thrd_t sweeper;

    (void)state;
    assert_int_equal(thrd_create(&sweeper, remove_left_until_stopped, &stop), thrd_success);
    for (unsigned i = 0; i < ROUNDS; i++) {
        char *path = path_of("a");

        put("a");
        assert_int_equal(unlink(path), 0);
        free(path);
    }
    atomic_store(&stop, true);
    thrd_join(sweeper, NULL);
}

static void test_a_file_that_was_left_is_removed(void **state)
{
    char *path = path_of(".sluice-0123456789abcdef.tmp");

    (void)state;
    put(".sluice-0123456789abcdef.tmp");
    assert_true(file_remove_left(path));
    assert_false(file_exists(path));
    assert_false(file_remove_left(path));
    free(path);
}

#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)

/* --- what is kept --- */

static void keep(const char *owner, const char *name)
{
    char *file = mem_printf("run-%s/x", name), *path = mem_printf("run-%s", name);
    char *whole = path_of(path);
    struct error err = {0};

    put(file);
    assert_ok(scratch_keep(fixture_folder, whole, owner, name, &err), &err);
    assert_false(file_exists(whole));
    free(whole);
    free(path);
    free(file);
}

static bool is_kept(const char *name)
{
    int64_t until_ms;
    char *path = scratch_kept(fixture_folder, name, &until_ms);
    const bool kept = path != NULL;

    free(path);
    return kept;
}

static void set_age(const char *name, int64_t age_ms)
{
    const int64_t at_ms = time_now_ms() - age_ms;
    const struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    char *path = path_of(name);

    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){at, at}, 0), 0);
    free(path);
}

static void test_an_owner_keeps_one_folder(void **state)
{
    int64_t until_ms;
    char *path;

    (void)state;
    keep("me", "one");
    keep("you", "two");
    keep("me", "three");
    assert_false(is_kept("one"));
    assert_true(is_kept("two"));
    path = scratch_kept(fixture_folder, "three", &until_ms);
    assert_non_null(path);
    assert_in_range(until_ms - time_now_ms(), SCRATCH_KEPT_MS - 60000, SCRATCH_KEPT_MS);
    assert_true(is_there("kept-me-three/x"));
    free(path);
    scratch_sweep(fixture_folder); /* which is for what is old */
    assert_true(is_kept("three"));
    scratch_forget(fixture_folder, "me");
    scratch_forget(fixture_folder, "you");
    assert_false(is_kept("two") || is_kept("three"));
    assert_null(scratch_kept("/no/such/folder", "x", &until_ms));
}

static void test_what_is_kept_goes_after_its_time(void **state)
{
    static const int64_t ages_ms[] = {SCRATCH_KEPT_MS + 1000, -SCRATCH_KEPT_MS - 1000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(ages_ms); i++) {
        keep("me", "one");
        set_age("kept-me-one", ages_ms[i]);
        assert_false(is_kept("one"));
        assert_false(is_there("kept-me-one"));
        keep("me", "one");
        set_age("kept-me-one", ages_ms[i]);
        assert_int_equal(scratch_sweep(fixture_folder), 0); /* nobody left it by accident */
        assert_false(is_there("kept-me-one"));
    }
    keep("me", "one");
    set_age("kept-me-one", SCRATCH_KEPT_MS - 60000);
    scratch_sweep(fixture_folder);
    assert_true(is_kept("one"));
    scratch_forget(fixture_folder, "me");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_made_and_removed),
        IN_FOLDER(test_only_what_the_dead_left_is_swept),
        IN_FOLDER(test_making_one_sweeps),
        IN_FOLDER(test_where_none_can_be),
        IN_FOLDER(test_one_that_is_being_made_is_not_swept),
        IN_FOLDER(test_a_file_that_is_being_written_is_not_removed),
        IN_FOLDER(test_a_file_that_was_left_is_removed),
        IN_FOLDER(test_an_owner_keeps_one_folder),
        IN_FOLDER(test_what_is_kept_goes_after_its_time),
    };

    return cmocka_run_group_tests_name("scratch", tests, NULL, NULL);
}
