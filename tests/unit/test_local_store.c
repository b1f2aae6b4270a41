#include "tests/unit/local_fixture.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
    assert_lists(&asked, "**/.csv", ""); /* whole folders: not the end of a.csv */
    assert_lists(&asked, "*.parquet", "");
    assert_lists(&asked, ".*", "");
    assert_lists(&asked, "**/.sluice-*.tmp",
        ".sluice-0123456789abcdef.tmp data/.sluice-0123456789abcdef.tmp");
    assert_lists(&asked, absolute, both);
    asked_deinit(&asked);
    free(absolute);
    free(both);
}

static struct buffer paged; /* requests hand their owner no data */

static int keep_page(struct store_request *request, const struct store_object *objects,
    size_t count, struct error *err)
{
    (void)request;
    for (size_t i = 0; i < count; i++)
        buffer_printf(&paged, "%s ", objects[i].key);
    return count > 2 ? error_set(err, ERROR_LIMIT, "enough") : 0;
}

static void test_a_listing_is_handed_over(void **state)
{
    struct asked asked;

    (void)state;
    asked_init(&asked);
    make_objects();
    buffer_init(&paged, 0);
    ASK(&asked, .verb = STORE_LIST, .key = "*.parquet", .page = keep_page);
    assert_string_equal(paged.data, "");
    ASK(&asked, .verb = STORE_LIST, .key = "a.cs?", .page = keep_page);
    assert_string_equal(paged.data, "a.csv ");
    assert_int_equal(asked.request.object_count, 0);
    ASK(&asked, .verb = STORE_LIST, .key = "**", .page = keep_page);
    assert_outcome(&asked, ERROR_LIMIT, "enough");
    buffer_deinit(&paged);
    asked_deinit(&asked);
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

static void assert_shared(const char *path, const char *object, bool shared)
{
    struct stat a, b;

    assert_int_equal(lstat(path, &a), 0);
    assert_int_equal(stat(object, &b), 0);
    assert_true(S_ISREG(a.st_mode));
    assert_int_equal(a.st_dev == b.st_dev && a.st_ino == b.st_ino, shared);
}

/* Table files: the bytes stay readable under the second name when the first one goes. */
static void test_get_immutable(void **state)
{
    char *target = path_of("second"), *path = path_of("root/a.csv");
    struct store_object object;
    struct asked asked;

    (void)state;
    make_objects();
    asked_init(&asked);
    assert_lists(&asked, "a.csv", "a.csv");
    object = asked.request.objects[0];
    for (unsigned attempt = 0; attempt < 4; attempt++) { /* also over what an earlier one left */
        assert_int_equal(ASK(&asked, .verb = STORE_GET, .key = "a.csv", .path = target,
                             .immutable = true, .in_place = attempt & 1, .expect = &object),
            0);
        assert_shared(target, path, true);
        assert_false(asked.request.in_place); /* nothing is to be checked */
        assert_int_equal(asked.request.bytes_done, 5);
        assert_int_equal(asked.request.bytes_total, 5);
    }
    assert_int_equal(ASK(&asked, .verb = STORE_CHECK, .key = "a.csv", .expect = &object), 0);
    assert_int_equal(ASK(&asked, .verb = STORE_DELETE, .key = "a.csv"), 0);
    assert_true(holds("second", "a.csv"));
    ASK(&asked, .verb = STORE_GET, .key = "a.csv", .path = target, .immutable = true);
    assert_outcome(&asked, ERROR_NOT_FOUND, "/root/a.csv");
    asked_deinit(&asked);
    free(target);
    free(path);
}

static void test_get_immutable_follows_links(void **state)
{
    char *target = path_of("second"), *path = path_of("root/a.csv"), *link = path_of("root/l.csv");
    struct asked asked;

    (void)state;
    make_objects();
    assert_int_equal(symlink(path, link), 0);
    asked_init(&asked);
    assert_int_equal(
        ASK(&asked, .verb = STORE_GET, .key = "l.csv", .path = target, .immutable = true), 0);
    assert_shared(target, path, true);
    asked_deinit(&asked);
    free(target);
    free(path);
    free(link);
}

/* On another file system a hard link cannot be made. */
static void test_get_immutable_copies_across_file_systems(void **state)
{
    char *target, *path = path_of("root/a.csv");
    struct asked asked;
    struct stat here, there;

    (void)state;
    make_objects();
    if (stat("/dev/shm", &there) || stat(fixture_folder, &here) || here.st_dev == there.st_dev ||
        access("/dev/shm", W_OK)) {
        free(path);
        skip();
    }
    target = mem_printf("/dev/shm/sluice-test-%d", (int)getpid());
    asked_init(&asked);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        assert_int_equal(
            ASK(&asked, .verb = STORE_GET, .key = "a.csv", .path = target, .immutable = true), 0);
        assert_shared(target, path, false);
        assert_int_equal(asked.request.bytes_done, 5);
        assert_true(holds(target, "a.csv"));
    }
    assert_int_equal(unlink(target), 0);
    asked_deinit(&asked);
    free(target);
    free(path);
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

static void test_unreadable_object(void **state)
{
    char *target = path_of("copy"), *path = path_of("root/a.csv");
    struct asked asked;

    (void)state;
    make_objects();
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(fixture_folder, 0755), 0);
    asked_init(&asked);
    for (unsigned how = 0; how < 3; how++) {
        if (getuid() == 0) /* who may read anything */
            assert_int_equal(seteuid(65534), 0);
        ASK(&asked, .verb = STORE_GET, .key = "a.csv", .path = target, .in_place = how == 1,
            .immutable = how == 2);
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

/* Of a killed process: its temporary files are locked by nobody. */
static void test_sweep(void **state)
{
    static const char *const keys[] = {"data/x.csv", "x.csv", "n/t/1/**/run-*"};
    char *live = path_of("root/n/t/1/day=2/.sluice-00000000000000aa.tmp");
    struct asked asked;
    int fd;

    (void)state;
    make_objects();
    put("root/n/t/1/.sluice-00000000000000a0.tmp", "x");
    put("root/n/t/1/day=1/.sluice-00000000000000a1.tmp", "x");
    put("root/n/t/1/day=1/.sluice-notes", "somebody's own");
    put("root/n/t/1/day=1/run-0.parquet", "x");
    put("root/n/t/1/day=2/.sluice-00000000000000aa.tmp", "x");
    put("root/n/t/2/.sluice-00000000000000a2.tmp", "x");
    fd = open(live, O_WRONLY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    asked_init(&asked);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        assert_int_equal(ASK(&asked, .verb = STORE_SWEEP, .key = keys[i]), 0);
        assert_int_equal(asked.request.object_count, i < 2 ? 1 : 2);
    }
    assert_lists(&asked, "n/**/*", "n/t/1/day=1/run-0.parquet");
    assert_lists(&asked, "**/.sluice-*",
        "n/t/1/day=1/.sluice-notes n/t/1/day=2/.sluice-00000000000000aa.tmp "
        "n/t/2/.sluice-00000000000000a2.tmp");
    close(fd);
    assert_int_equal(ASK(&asked, .verb = STORE_SWEEP, .key = "n/t/1/**/run-*"), 0);
    assert_int_equal(asked.request.object_count, 1);
    assert_int_equal(ASK(&asked, .verb = STORE_SWEEP, .key = "not/there/**/x-*"), 0);
    assert_int_equal(asked.request.object_count, 0);
    asked_deinit(&asked);
    free(live);
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

/* --- cancel --- */

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
        TEST(test_a_listing_is_handed_over),
        TEST(test_list_says_what_is_wrong),
        TEST(test_list_has_a_limit),
        TEST(test_get_copies),
        TEST(test_get_in_place),
        TEST(test_get_immutable),
        TEST(test_get_immutable_follows_links),
        TEST(test_get_immutable_copies_across_file_systems),
        TEST(test_a_changed_object_is_noticed),
        TEST(test_unreadable_object),
        TEST(test_put_and_delete),
        TEST(test_sweep),
        TEST(test_describe),
        TEST(test_the_root_must_be_absolute),
        TEST(test_cancelled_before_it_begins),
    };

    return cmocka_run_group_tests_name("local_store", tests, NULL, NULL);
}
