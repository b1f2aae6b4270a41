/* Every request of the local store, with every call of the system failing, and cancelled
 * everywhere. */
#include "tests/unit/local_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- a seam in the system: the n-th call that changes something fails, or waits --- */

static struct {
    atomic_uint calls;
    unsigned fail_at, pause_at; /* 0: never */
    atomic_bool paused, resume;
} system_seam;

/* Whether the call is to fail. */
static bool system_call(void)
{
    const unsigned call = atomic_fetch_add(&system_seam.calls, 1) + 1;

    if (call == system_seam.pause_at) {
        atomic_store(&system_seam.paused, true);
        while (!atomic_load(&system_seam.resume))
            usleep(100);
    }
    if (call == system_seam.fail_at)
        errno = EIO;
    return call == system_seam.fail_at;
}

static void system_reset(unsigned fail_at, unsigned pause_at)
{
    atomic_store(&system_seam.calls, 0);
    system_seam.fail_at = fail_at;
    system_seam.pause_at = pause_at;
    atomic_store(&system_seam.paused, false);
    atomic_store(&system_seam.resume, false);
}

/* These take the place of libc's in this program.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): libc's start with "__" */
int fsync(int fd)
{
    return system_call() ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    return system_call() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return system_call() ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int symlink(const char *target, const char *path)
{
    return system_call() ? -1 : (int)syscall(SYS_symlinkat, target, AT_FDCWD, path);
}

int mkdir(const char *path, mode_t mode)
{
    return system_call() ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

ssize_t copy_file_range(
    int from, loff_t *from_at, int to, loff_t *to_at, size_t length, unsigned flags)
{
    return system_call() ? -1
                         : syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    /* libuv wakes its loop by it. */
    return length > 8 && system_call() ? -1 : syscall(SYS_write, fd, bytes, length);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* The copy waits in the midst of its work while somebody appends to the object. */
static void test_a_change_while_it_is_copied_is_noticed(void **state)
{
    char *target = path_of("copy"), *path = path_of("root/a.csv");
    struct asked asked;
    int fd;

    (void)state;
    put("root/a.csv", "a.csv");
    asked_init(&asked);
    fd = open(path, O_WRONLY | O_APPEND);
    system_reset(0, 2); /* behind the first block */
    ask_start(&asked, &(struct store_request){.verb = STORE_GET, .key = "a.csv", .path = target});
    while (!atomic_load(&system_seam.paused))
        usleep(100);
    usleep(20000); /* past the resolution of a file's times */
    assert_int_equal(syscall(SYS_write, fd, "!", 1), 1);
    close(fd);
    atomic_store(&system_seam.resume, true);
    loop_run(&asked.loop);
    assert_int_equal(asked.done_count, 1);
    assert_outcome(&asked, ERROR_CHANGED, "changed while it was read");
    assert_false(file_exists(target));
    asked_deinit(&asked);
    free(target);
    free(path);
}

/* --- scenarios --- */

struct scenario {
    const char *name;
    struct store_request request;
    const char *before, *after; /* what `target` holds; NULL: it is not there */
    const char *target;
};

static void make_scenario(const struct scenario *scenario)
{
    fixture_folder_remove(NULL);
    assert_int_equal(mkdir(fixture_folder, 0700), 0);
    put("from", "new");
    put("root/object", "new");
    if (scenario->before)
        put(scenario->target, scenario->before);
}

static bool target_holds(const struct scenario *scenario, const char *text)
{
    char *path = path_of(scenario->target);
    const bool there = file_exists(path);

    free(path);
    return text ? holds(scenario->target, text) : !there;
}

static void check_scenario(const struct scenario *scenario, const struct asked *asked)
{
    assert_int_equal(asked->done_count, 1);
    if (asked->outcome.code == ERROR_NONE && !target_holds(scenario, scenario->after))
        fail_msg("%s: success, but it is not there", scenario->name);
    if (!target_holds(scenario, scenario->before) && !target_holds(scenario, scenario->after))
        fail_msg("%s: neither the old nor the new", scenario->name);
    assert_int_equal(count_temporaries(), 0);
}

typedef void (*scenario_fn)(const struct scenario *scenario);

static void for_each_scenario(scenario_fn run)
{
    char *from = path_of("from"), *to = path_of("to");
    const struct scenario scenarios[] = {
        {.name = "put",
            .request = {.verb = STORE_PUT, .key = "a/b", .path = from},
            .target = "root/a/b",
            .after = "new"},
        {.name = "put over an old one",
            .request = {.verb = STORE_PUT, .key = "a/b", .path = from, .replace = true},
            .target = "root/a/b",
            .before = "old",
            .after = "new"},
        {.name = "put by moving",
            .request = {.verb = STORE_PUT, .key = "a/b", .path = from, .move = true},
            .target = "root/a/b",
            .after = "new"},
        {.name = "put by moving over an old one",
            .request =
                {.verb = STORE_PUT, .key = "a/b", .path = from, .move = true, .replace = true},
            .target = "root/a/b",
            .before = "old",
            .after = "new"},
        {.name = "get",
            .request = {.verb = STORE_GET, .key = "object", .path = to},
            .target = "to",
            .after = "new"},
        {.name = "get in place",
            .request = {.verb = STORE_GET, .key = "object", .path = to, .in_place = true},
            .target = "to",
            .after = "new"},
        {.name = "list",
            .request = {.verb = STORE_LIST, .key = "**"},
            .target = "root/object",
            .before = "new",
            .after = "new"},
        {.name = "delete",
            .request = {.verb = STORE_DELETE, .key = "a/b"},
            .target = "root/a/b",
            .before = "old"},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(scenarios); i++)
        run(&scenarios[i]);
    free(from);
    free(to);
}

static void fail_each_call(const struct scenario *scenario)
{
    unsigned fail_at = 0, failures = 0;
    bool clean = false;

    while (!clean) {
        struct asked asked;

        make_scenario(scenario);
        asked_init(&asked);
        system_reset(++fail_at, 0);
        ask(&asked, &scenario->request);
        clean = atomic_load(&system_seam.calls) < fail_at;
        system_reset(0, 0);
        check_scenario(scenario, &asked);
        if (clean)
            assert_int_equal(asked.outcome.code, ERROR_NONE);
        failures += asked.outcome.code != ERROR_NONE;
        asked_deinit(&asked);
    }
    if (scenario->request.verb == STORE_PUT) /* at least the renaming must have failed */
        assert_true(failures >= 2);
}

static void test_fails_at_each_call(void **state)
{
    (void)state;
    for_each_scenario(fail_each_call);
}

static void cancel_at_each_turn(const struct scenario *scenario)
{
    for (unsigned turn = 0; turn < 6; turn++) {
        struct turns turns;
        struct asked asked;

        make_scenario(scenario);
        asked_init(&asked);
        turns_start(&turns, &asked.loop, turn, cancel_request, &asked);
        ask_start(&asked, &scenario->request);
        if (turn == 0)
            cancel_request(&asked);
        assert_int_equal(asked.done_count, 0);
        loop_run(&asked.loop);
        check_scenario(scenario, &asked);
        if (asked.outcome.code)
            assert_int_equal(asked.outcome.class, ERROR_CANCELLED);
        turns_end(&turns);
        asked_deinit(&asked);
    }
}

static void test_cancelled_at_each_turn(void **state)
{
    (void)state;
    system_reset(0, 0);
    for_each_scenario(cancel_at_each_turn);
}

/* The job stands in its n-th call when it is cancelled. */
static void cancel_in_each_call(const struct scenario *scenario)
{
    for (unsigned pause_at = 1;; pause_at++) {
        struct asked asked;

        make_scenario(scenario);
        asked_init(&asked);
        system_reset(0, pause_at);
        ask_start(&asked, &scenario->request);
        while (!atomic_load(&system_seam.paused) && asked.done_count == 0)
            uv_run(&asked.loop.uv, UV_RUN_NOWAIT);
        cancel_request(&asked);
        atomic_store(&system_seam.resume, true);
        loop_run(&asked.loop);
        check_scenario(scenario, &asked);
        if (asked.outcome.code)
            assert_int_equal(asked.outcome.class, ERROR_CANCELLED);
        asked_deinit(&asked);
        if (!atomic_load(&system_seam.paused))
            break;
    }
    system_reset(0, 0);
}

static void test_cancelled_in_each_call(void **state)
{
    (void)state;
    for_each_scenario(cancel_in_each_call);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_change_while_it_is_copied_is_noticed),
        TEST(test_fails_at_each_call),
        TEST(test_cancelled_at_each_turn),
        TEST(test_cancelled_in_each_call),
    };

    return cmocka_run_group_tests_name("local_store_faults", tests, NULL, NULL);
}
