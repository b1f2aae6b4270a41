#include "connectors/local/local_list.h"
#include "connectors/local/local_store.h"
#include "runner/base/buffer.h"
#include "runner/io/file.h"
#include "tests/unit/io_fixture.h"

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

/* These take the place of libc's in this program. */
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

/* --- a store in the fixture's folder --- */

struct asked {
    struct loop loop;
    struct work_pool *pool;
    struct work_lane lane;
    struct store *store;
    struct store_request request;
    struct arena arena;
    unsigned done_count;
    struct error outcome; /* code ERROR_NONE: success */
};

static void on_done(struct store_request *request, const struct error *err)
{
    struct asked *asked = container_of(request, struct asked, request);

    asked->done_count++;
    asked->outcome = err ? *err : (struct error){0};
}

static void asked_init(struct asked *asked)
{
    struct store_options options = {.loop = &asked->loop, .lane = &asked->lane};
    struct error err = {0};
    char *root = file_join(fixture_folder, "root");

    *asked = (struct asked){0};
    fixture_loop_init(&asked->loop);
    asked->pool = work_pool_new(&asked->loop, 2, &err);
    assert_non_null(asked->pool);
    work_lane_init(&asked->lane, asked->pool, "files", 2);
    options.root = root;
    asked->store = local_store_type.open(&options, &err);
    assert_non_null(asked->store);
    arena_init(&asked->arena);
    free(root);
}

static void asked_deinit(struct asked *asked)
{
    local_store_type.close(asked->store);
    work_lane_deinit(&asked->lane);
    work_pool_free(asked->pool);
    fixture_loop_deinit(&asked->loop);
    arena_deinit(&asked->arena);
}

static void ask_start(struct asked *asked, const struct store_request *request)
{
    asked->request = *request;
    asked->request.done = on_done;
    asked->request.arena = &asked->arena;
    asked->done_count = 0;
    local_store_type.start(asked->store, &asked->request);
    assert_int_equal(asked->done_count, 0);
}

static enum error_code ask(struct asked *asked, const struct store_request *request)
{
    ask_start(asked, request);
    loop_run(&asked->loop);
    assert_int_equal(asked->done_count, 1);
    local_store_type.cancel(&asked->request); /* done: harmless */
    return asked->outcome.code;
}

#define ASK(asked, ...) ask(asked, &(struct store_request){__VA_ARGS__})

static void assert_outcome(struct asked *asked, enum error_code code, const char *part)
{
    assert_string_equal(error_code_name(asked->outcome.code), error_code_name(code));
    assert_contains(asked->outcome.message, part);
}

/* --- files --- */

static char *path_of(const char *name)
{
    return file_join(fixture_folder, name);
}

static void put(const char *name, const char *text)
{
    struct error err = {0};
    char *path = path_of(name), *folder = file_folder(path);

    assert_ok(file_make_folders(folder, &err), &err);
    assert_ok(file_write(path, text, strlen(text), &err), &err);
    free(path);
    free(folder);
}

static bool holds(const char *name, const char *text)
{
    char *path = path_of(name);
    struct buffer buffer;
    bool same;

    buffer_init(&buffer, 0);
    same = file_read(path, 1 << 24, &buffer, NULL) == 0 && strcmp(buffer.data, text) == 0;
    buffer_deinit(&buffer);
    free(path);
    return same;
}

static unsigned count_temporaries(void)
{
    struct store_object *objects;
    struct error err = {0};
    const atomic_bool stop = false;
    struct arena arena;
    size_t count;

    arena_init(&arena);
    assert_ok(
        local_list(fixture_folder, "**/.sluice-*", 100, &stop, &arena, &objects, &count, &err),
        &err);
    arena_deinit(&arena);
    return (unsigned)count;
}

/* --- list --- */

static void assert_lists(struct asked *asked, const char *glob, const char *keys)
{
    struct buffer found;

    if (ASK(asked, .verb = STORE_LIST, .key = glob))
        fail_msg("%s: %s", glob, asked->outcome.message);
    buffer_init(&found, 0);
    for (size_t i = 0; i < asked->request.object_count; i++)
        buffer_printf(&found, "%s%s", i ? " " : "", asked->request.objects[i].key);
    if (strcmp(found.data, keys) != 0)
        fail_msg("%s lists \"%s\", not \"%s\"", glob, found.data, keys);
    buffer_deinit(&found);
}

static void make_objects(void)
{
    static const char *const names[] = {"a.csv", "b.csv", "b.txt", "data/1.csv", "data/2.csv",
        "data/2.csv.gz", "data/x/3.csv", "data/x/y/4.csv", "data/.hidden/5.csv", "data/.6.csv",
        "data-x/7.csv", ".sluice-0123456789abcdef.tmp", "data/.sluice-0123456789abcdef.tmp"};

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char *name = mem_printf("root/%s", names[i]);

        put(name, names[i]);
        free(name);
    }
}

static void test_list(void **state)
{
    struct asked asked;
    char *absolute = path_of("root/data/[12].csv");
    char *both =
        mem_printf("%s/root/data/1.csv %s/root/data/2.csv", fixture_folder, fixture_folder);

    (void)state;
    make_objects();
    asked_init(&asked);
    assert_lists(&asked, "a.csv", "a.csv");
    assert_int_equal(asked.request.objects[0].size, 5);
    assert_in_range(asked.request.objects[0].modified_ms, 1600000000000, 9999999999999);
    assert_lists(&asked, "*.csv", "a.csv b.csv");
    assert_lists(&asked, "?.[a-c]*", "a.csv b.csv");
    assert_lists(&asked, "data/*.csv", "data/1.csv data/2.csv");
    assert_lists(&asked, "./data//./*.csv", "data/1.csv data/2.csv");
    assert_lists(&asked, "data/*/*.csv", "data/x/3.csv");
    assert_lists(&asked, "data/**/*.csv", "data/1.csv data/2.csv data/x/3.csv data/x/y/4.csv");
    assert_lists(&asked, "**/[3-7].csv", "data-x/7.csv data/x/3.csv data/x/y/4.csv");
    assert_lists(&asked, "*a*/**.gz", "data/2.csv.gz");
    assert_lists(&asked, "data/.*.csv", "data/.6.csv");
    assert_lists(&asked, "data/.hidden/*", "data/.hidden/5.csv");
    assert_lists(&asked, "data/**/.h*/*", "data/.hidden/5.csv");
    assert_lists(&asked, "*.parquet", "");
    assert_lists(&asked, ".*", "");
    assert_lists(&asked, "**/.sluice-*.tmp",
        ".sluice-0123456789abcdef.tmp data/.sluice-0123456789abcdef.tmp");
    assert_lists(&asked, absolute, both);
    asked_deinit(&asked);
    free(absolute);
    free(both);
}

static void test_list_says_what_is_wrong(void **state)
{
    struct asked asked;

    (void)state;
    asked_init(&asked);
    ASK(&asked, .verb = STORE_LIST, .key = "*.csv"); /* the root is not there */
    assert_outcome(&asked, ERROR_NOT_FOUND, "/root: No such file or directory");
    make_objects();
    ASK(&asked, .verb = STORE_LIST, .key = "none/*.csv");
    assert_outcome(&asked, ERROR_NOT_FOUND, "/root/none");
    ASK(&asked, .verb = STORE_LIST, .key = "none.csv");
    assert_outcome(&asked, ERROR_NOT_FOUND, "/root/none.csv: No such file or directory");
    ASK(&asked, .verb = STORE_LIST, .key = "a.csv/*");
    assert_outcome(&asked, ERROR_NOT_FOUND, "Not a directory");
    ASK(&asked, .verb = STORE_LIST, .key = "data");
    assert_outcome(&asked, ERROR_INVALID, "is a folder, not a file: data/* would name the files");
    asked_deinit(&asked);
}

static void test_list_has_a_limit(void **state)
{
    const atomic_bool stop = false;
    struct store_object *objects = NULL;
    struct error err = {0};
    struct arena arena;
    char *root = path_of("root");
    size_t count = 77;

    (void)state;
    make_objects();
    arena_init(&arena);
    assert_ok(local_list(root, "*.csv", 2, &stop, &arena, &objects, &count, &err), &err);
    assert_int_equal(count, 2);
    count = 77;
    assert_int_equal(local_list(root, "*.csv", 1, &stop, &arena, &objects, &count, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_contains(err.message, "more than 1 files match *.csv");
    assert_int_equal(count, 77);
    arena_deinit(&arena);
    free(root);
}

/* --- get and check --- */

static void test_get_copies(void **state)
{
    char *target = path_of("copy");
    struct store_object object;
    struct asked asked;

    (void)state;
    make_objects();
    asked_init(&asked);
    assert_lists(&asked, "a.csv", "a.csv");
    object = asked.request.objects[0];
    assert_int_equal(
        ASK(&asked, .verb = STORE_GET, .key = "a.csv", .path = target, .expect = &object), 0);
    assert_true(holds("copy", "a.csv"));
    assert_int_equal(asked.request.bytes_done, 5);
    assert_int_equal(asked.request.bytes_total, 5);
    assert_int_equal(ASK(&asked, .verb = STORE_GET, .key = "b.csv", .path = target), 0);
    assert_true(holds("copy", "b.csv")); /* over what an earlier attempt left */
    asked_deinit(&asked);
    free(target);
}

static void test_get_in_place(void **state)
{
    char *target = path_of("link"), *object_path = path_of("root/a.csv"), read[512] = {0};
    struct asked asked;

    (void)state;
    make_objects();
    asked_init(&asked);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        assert_int_equal(
            ASK(&asked, .verb = STORE_GET, .key = "a.csv", .path = target, .in_place = true), 0);
        assert_int_equal(asked.request.bytes_done, 5);
        assert_int_equal(readlink(target, read, sizeof(read) - 1), strlen(object_path));
        assert_string_equal(read, object_path);
    }
    asked_deinit(&asked);
    free(target);
    free(object_path);
}

static void test_a_changed_object_is_noticed(void **state)
{
    char *target = path_of("copy"), *path = path_of("root/a.csv");
    struct store_object object;
    struct asked asked;

    (void)state;
    make_objects();
    asked_init(&asked);
    assert_lists(&asked, "a.csv", "a.csv");
    object = asked.request.objects[0];
    assert_int_equal(ASK(&asked, .verb = STORE_CHECK, .key = "a.csv", .expect = &object), 0);
    assert_int_equal(chmod(path, 0640), 0); /* not the bytes */
    assert_int_equal(ASK(&asked, .verb = STORE_CHECK, .key = "a.csv", .expect = &object), 0);

    put("root/a.csv", "longer");
    ASK(&asked, .verb = STORE_CHECK, .key = "a.csv", .expect = &object);
    assert_outcome(&asked, ERROR_CHANGED, "it had 5 bytes, now it has 6");
    ASK(&asked, .verb = STORE_GET, .key = "a.csv", .expect = &object, .path = target);
    assert_outcome(&asked, ERROR_CHANGED, "has changed since");
    assert_false(file_exists(target));
    assert_int_equal(ASK(&asked, .verb = STORE_CHECK, .key = "a.csv"), 0); /* any version */

    assert_int_equal(unlink(path), 0);
    ASK(&asked, .verb = STORE_CHECK, .key = "a.csv", .expect = &object);
    assert_outcome(&asked, ERROR_CHANGED, "is gone");
    ASK(&asked, .verb = STORE_CHECK, .key = "a.csv");
    assert_outcome(&asked, ERROR_NOT_FOUND, path);
    asked_deinit(&asked);
    free(target);
    free(path);
}

/* The copy waits in the midst of its work while somebody appends to the object. */
static void test_a_change_while_it_is_copied_is_noticed(void **state)
{
    char *target = path_of("copy"), *path = path_of("root/a.csv");
    struct asked asked;
    int fd;

    (void)state;
    make_objects();
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

static void test_unreadable_object(void **state)
{
    char *target = path_of("copy"), *path = path_of("root/a.csv");
    struct asked asked;

    (void)state;
    make_objects();
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(fixture_folder, 0755), 0);
    asked_init(&asked);
    for (unsigned in_place = 0; in_place < 2; in_place++) {
        if (getuid() == 0) /* who may read anything */
            assert_int_equal(seteuid(65534), 0);
        ASK(&asked, .verb = STORE_GET, .key = "a.csv", .path = target, .in_place = in_place);
        if (getuid() == 0)
            assert_int_equal(seteuid(0), 0);
        assert_outcome(&asked, ERROR_DENIED, path);
        assert_false(file_exists(target));
    }
    ASK(&asked, .verb = STORE_GET, .key = "data", .path = target, .in_place = true);
    assert_outcome(&asked, ERROR_INVALID, "is a folder");
    ASK(&asked, .verb = STORE_GET, .key = "none", .path = target, .in_place = true);
    assert_outcome(&asked, ERROR_NOT_FOUND, "/root/none");
    asked_deinit(&asked);
    free(target);
    free(path);
}

/* --- put and delete --- */

static void test_put_and_delete(void **state)
{
    char *from = path_of("from");
    struct asked asked;

    (void)state;
    asked_init(&asked);
    put("from", "1");
    assert_int_equal(ASK(&asked, .verb = STORE_PUT, .key = "n/t/x", .path = from), 0);
    assert_true(holds("root/n/t/x", "1"));
    assert_true(holds("from", "1"));
    assert_int_equal(asked.request.bytes_done, 1);
    assert_int_equal(asked.request.bytes_total, 1);
    put("from", "2");
    ASK(&asked, .verb = STORE_PUT, .key = "n/t/x", .path = from);
    assert_outcome(&asked, ERROR_EXISTS, "/root/n/t/x");
    ASK(&asked, .verb = STORE_PUT, .key = "n/t/x", .path = from, .move = true);
    assert_outcome(&asked, ERROR_EXISTS, "/root/n/t/x");
    assert_true(holds("root/n/t/x", "1"));
    assert_true(holds("from", "2"));
    assert_int_equal(
        ASK(&asked, .verb = STORE_PUT, .key = "n/t/x", .path = from, .replace = true), 0);
    assert_true(holds("root/n/t/x", "2"));
    put("from", "3");
    assert_int_equal(
        ASK(&asked, .verb = STORE_PUT, .key = "n/t/x", .path = from, .replace = true, .move = true),
        0);
    assert_true(holds("root/n/t/x", "3"));
    assert_false(file_exists(from));
    ASK(&asked, .verb = STORE_PUT, .key = "n/t/y", .path = from);
    assert_outcome(&asked, ERROR_NOT_FOUND, from);
    put("from", "4");
    ASK(&asked, .verb = STORE_PUT, .key = "n/t/x/below", .path = from);
    assert_outcome(&asked, ERROR_EXISTS, "cannot make the folder");

    assert_int_equal(ASK(&asked, .verb = STORE_DELETE, .key = "n/t/x"), 0);
    assert_lists(&asked, "**", "");
    assert_int_equal(ASK(&asked, .verb = STORE_DELETE, .key = "n/t/x"), 0);
    assert_int_equal(ASK(&asked, .verb = STORE_DELETE, .key = "no/such/folder"), 0);
    ASK(&asked, .verb = STORE_DELETE, .key = "n/t");
    assert_outcome(&asked, ERROR_IO, "/root/n/t: Is a directory");
    asked_deinit(&asked);
    free(from);
}

static void test_what_a_crash_left_can_be_removed(void **state)
{
    struct asked asked;

    (void)state;
    make_objects();
    asked_init(&asked);
    assert_int_equal(count_temporaries(), 2);
    assert_int_equal(
        ASK(&asked, .verb = STORE_DELETE, .key = "data/.sluice-0123456789abcdef.tmp"), 0);
    assert_int_equal(count_temporaries(), 1);
    asked_deinit(&asked);
}

static void test_describe(void **state)
{
    struct asked asked;
    struct buffer shown;

    (void)state;
    asked_init(&asked);
    buffer_init(&shown, 0);
    local_store_type.describe(asked.store, "/abs/x.csv", &shown);
    local_store_type.describe(asked.store, "a/x.csv", &shown);
    assert_contains(shown.data, "/abs/x.csv");
    assert_contains(shown.data, fixture_folder);
    assert_contains(shown.data, "/root/a/x.csv");
    buffer_deinit(&shown);
    asked_deinit(&asked);
}

static void test_the_root_must_be_absolute(void **state)
{
    const struct store_options options = {.root = "relative"};
    struct error err = {0};

    (void)state;
    assert_null(local_store_type.open(&options, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_contains(err.message, "\"relative\"");
}

/* --- every request, with every call of the system failing, and cancelled everywhere --- */

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

static void cancel_request(void *data)
{
    struct asked *asked = data;

    local_store_type.cancel(&asked->request);
    local_store_type.cancel(&asked->request); /* again is harmless */
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

static void occupy_lane(struct work *work)
{
    while (!work_cancelled(work))
        usleep(100);
}

static void on_occupied(struct work *work, bool ran)
{
    (void)work;
    (void)ran;
}

static void test_cancelled_before_it_begins(void **state)
{
    struct work occupied[2] = {
        {.run = occupy_lane, .done = on_occupied}, {.run = occupy_lane, .done = on_occupied}};
    struct asked asked;

    (void)state;
    make_objects();
    asked_init(&asked);
    work_submit(&asked.lane, &occupied[0]);
    work_submit(&asked.lane, &occupied[1]);
    ask_start(&asked, &(struct store_request){.verb = STORE_DELETE, .key = "a.csv"});
    cancel_request(&asked);
    while (asked.done_count == 0)
        uv_run(&asked.loop.uv, UV_RUN_ONCE);
    assert_outcome(&asked, ERROR_STOPPED, "a.csv: cancelled");
    assert_true(holds("root/a.csv", "a.csv"));
    work_cancel(&occupied[0]);
    work_cancel(&occupied[1]);
    loop_run(&asked.loop);
    asked_deinit(&asked);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list),
        TEST(test_list_says_what_is_wrong),
        TEST(test_list_has_a_limit),
        TEST(test_get_copies),
        TEST(test_get_in_place),
        TEST(test_a_changed_object_is_noticed),
        TEST(test_a_change_while_it_is_copied_is_noticed),
        TEST(test_unreadable_object),
        TEST(test_put_and_delete),
        TEST(test_what_a_crash_left_can_be_removed),
        TEST(test_describe),
        TEST(test_the_root_must_be_absolute),
        TEST(test_fails_at_each_call),
        TEST(test_cancelled_at_each_turn),
        TEST(test_cancelled_in_each_call),
        TEST(test_cancelled_before_it_begins),
    };

    return cmocka_run_group_tests_name("local_store", tests, NULL, NULL);
}
