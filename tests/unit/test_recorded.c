#include "connectors/local/local_store.h"
#include "connectors/recorded/body.h"
#include "connectors/recorded/key.h"
#include "connectors/recorded/manifest.h"
#include "connectors/recorded/recording.h"
#include "connectors/recorded/replay.h"
#include "runner/base/buffer.h"
#include "runner/base/text.h"
#include "tests/unit/file_fixture.h"

#include <string.h>

/* --- keys --- */

static const char *key_of(const char *key, struct arena *arena)
{
    struct buffer kept;
    const char *text;

    buffer_init(&kept, 0);
    recorded_key(key, &kept);
    text = arena_strdup(arena, kept.data);
    buffer_deinit(&kept);
    return text;
}

static void test_keys_hold_no_secrets(void **state)
{
    struct arena arena;
    const char *key;

    (void)state;
    arena_init(&arena);
    assert_string_equal(key_of("data/a?b.csv", &arena), "data/a?b.csv");
    assert_string_equal(key_of("s3://b/k?token=1", &arena), "s3://b/k?token=1");
    assert_string_equal(key_of("https://h/p", &arena), "https://h/p");
    assert_string_equal(key_of("https://me:pw@h/p@q#f", &arena), "https://h/p@q");
    assert_string_equal(
        key_of("https://h/p?X-Amz-Signature=a&sig=b&access_token=c&Expires=1", &arena),
        "https://h/p");
    key = key_of("https://h/p?a=1&api_key=x&b=2&flag", &arena);
    assert_string_equal(key, "https://h/p?a=~6b86b273ff34&b=~d4735e3a265e&flag");
    assert_string_equal(key_of(key, &arena), key);
    assert_string_equal(key_of("https://h?a=", &arena), "https://h?a=~e3b0c44298fc");
    arena_deinit(&arena);
}

static void test_names_that_are_secret(void **state)
{
    static const char *const secrets[] = {"API_TOKEN", "db_password", "X-Amz-Date", "sig", "AuthX"};
    static const char *const plain[] = {"WHO", "day", "design", "", "s"};

    (void)state;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
        assert_true(recorded_is_secret(secrets[i], strlen(secrets[i])));
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        assert_false(recorded_is_secret(plain[i], strlen(plain[i])));
}

static void test_texts_lose_secrets_only(void **state)
{
    static const char *const cases[][2] = {
        {"from: data/x.csv\n", "from: data/x.csv\n"},
        {"from: \"https://u:p@h/x?token=abc&day=1\"\n",
            "from: \"https://redacted@h/x?token=redacted&day=1\"\n"},
        {"[https://h/x?sig=${env.SIG}]", "[https://h/x?sig=${env.SIG}]"},
        {"{a: http://h/x, b: http://h?key=1}", "{a: http://h/x, b: http://h?key=redacted"},
        {"http:", "http:"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buffer text;

        buffer_init(&text, 0);
        recorded_text(cases[i][0], strlen(cases[i][0]), &text);
        assert_string_equal(text.data, cases[i][1]);
        buffer_deinit(&text);
    }
}

static void test_keys_may_hold_any_bytes(void **state)
{
    json_t *object = json_object();
    char *key;

    (void)state;
    recorded_put_key(object, "a\xff\x01z");
    key = recorded_get_key(object);
    assert_string_equal(key, "a\xff\x01z");
    free(key);
    json_decref(object);
    object = json_object();
    assert_null(recorded_get_key(object));
    json_decref(object);
}

/* --- the manifest --- */

static void write_lines(int count)
{
    struct manifest_writer writer;
    struct error err = {0};

    assert_int_equal(manifest_create(&writer, fixture_folder, &err), 0);
    for (int i = 0; i < count; i++) {
        json_t *line = json_object();

        json_put_int(line, "i", i);
        manifest_write(&writer, line, i % 2 == 0);
    }
    assert_int_equal(manifest_close(&writer, &err), 0);
}

/* How many lines are read before it ends; *ret_rc: how it does. */
static int read_lines(int *ret_rc, struct error *err)
{
    struct manifest_reader reader;
    json_t *line = NULL;
    int count = 0;

    assert_int_equal(manifest_open(&reader, fixture_folder, err), 0);
    while ((*ret_rc = manifest_next(&reader, &line, err)) == 1) {
        assert_int_equal(json_get_int(line, "i", -1), count);
        json_decref(line);
        count++;
    }
    manifest_end(&reader);
    return count;
}

/* Every byte that is changed is found at its line; every cut is an end at a whole line. */
static void test_each_byte_of_a_manifest_counts(void **state)
{
    char *path = file_join(fixture_folder, MANIFEST_NAME);
    struct error err = {0};
    struct buffer whole;
    int rc;

    (void)state;
    write_lines(5);
    assert_int_equal(read_lines(&rc, &err), 5);
    assert_int_equal(rc, 0);
    buffer_init(&whole, 0);
    assert_int_equal(file_read(path, 1 << 20, &whole, &err), 0);
    for (size_t i = 0; i < whole.length; i++) {
        const size_t length = whole.length;

        whole.data[i] ^= 1;
        assert_int_equal(file_write(path, whole.data, length, &err), 0);
        whole.data[i] ^= 1;
        assert_true(read_lines(&rc, &err) < 5);
        /* Without its end the last line is one that a killed process began to write. */
        assert_int_equal(rc, i == length - 1 ? 0 : -1);
        assert_int_equal(file_write(path, whole.data, i, &err), 0);
        assert_true(read_lines(&rc, &err) < 5);
        assert_int_equal(rc, 0);
    }
    buffer_deinit(&whole);
    free(path);
}

/* --- stores --- */

struct house {
    struct loop loop;
    struct work_pool *pool;
    struct work_lane lane;
    struct store_request request;
    struct arena arena;
    struct error outcome;
    unsigned done;
};

static void on_done(struct store_request *request, const struct error *err)
{
    struct house *house = container_of(request, struct house, request);

    house->done++;
    house->outcome = err ? *err : (struct error){0};
}

static void open_house(struct house *house)
{
    struct error err = {0};

    *house = (struct house){0};
    fixture_loop_init(&house->loop);
    house->pool = work_pool_new(&house->loop, 2, &err);
    assert_non_null(house->pool);
    work_lane_init(&house->lane, house->pool, "files", 2);
    arena_init(&house->arena);
}

static void close_house(struct house *house)
{
    arena_deinit(&house->arena);
    work_lane_deinit(&house->lane);
    work_pool_free(house->pool);
    fixture_loop_deinit(&house->loop);
}

static struct store *open_local_at(struct house *house, const char *root)
{
    const struct store_options options = {.loop = &house->loop, .lane = &house->lane, .root = root};
    struct error err = {0};

    return local_store_type.open(&options, &err);
}

/* Asks and waits; the error's code. */
static enum error_code ask(struct house *house, struct store *store, enum store_verb verb,
    const char *key, const char *path, const struct store_object *expect)
{
    house->done = 0;
    house->request = (struct store_request){.verb = verb,
        .key = key,
        .path = path,
        .expect = expect,
        .in_place = true,
        .arena = &house->arena,
        .done = on_done};
    store->type->start(store, &house->request);
    loop_run(&house->loop);
    assert_int_equal(house->done, 1);
    return house->outcome.code;
}

static void test_a_store_answers_as_it_was_recorded(void **state)
{
    char *data = file_join(fixture_folder, "data"), *a = file_join(data, "a.csv");
    char *folder = file_join(fixture_folder, "rec"), *out = file_join(fixture_folder, "out");
    struct recording *recording = NULL;
    struct store_object *objects;
    struct replay *replay;
    struct error err = {0};
    struct house house;
    struct store *store;
    json_t *line;

    (void)state;
    open_house(&house);
    assert_int_equal(file_make_folders(data, &err), 0);
    assert_int_equal(file_write(a, "one", 3, &err), 0);
    assert_int_equal(recording_new(folder, &recording, &err), 0);
    line = json_object();
    json_put_text(line, "format", RECORDING_FORMAT);
    json_put_int(line, "version", RECORDING_VERSION);
    recording_write(recording, line);
    store = recording_wrap(recording, "project", open_local_at(&house, data), &house.lane);
    assert_int_equal(ask(&house, store, STORE_LIST, "*.csv", NULL, NULL), ERROR_NONE);
    assert_int_equal(house.request.object_count, 1);
    objects = house.request.objects;
    assert_int_equal(ask(&house, store, STORE_GET, "a.csv", out, &objects[0]), ERROR_NONE);
    assert_int_equal(ask(&house, store, STORE_GET, "none.csv", out, NULL), ERROR_NOT_FOUND);
    assert_int_equal(ask(&house, store, STORE_CHECK, "a.csv", NULL, &objects[0]), ERROR_NONE);
    store->type->close(store);
    assert_int_equal(recording_end(recording, json_object(), &err), 0);
    assert_int_equal(recording_new(folder, &recording, &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);

    assert_int_equal(file_remove(a, &err), 0);
    replay = replay_open(folder, &err);
    assert_non_null(replay);
    store = replay_wrap(replay, "project", "/root", open_local_at(&house, out), &house.lane);
    assert_int_equal(ask(&house, store, STORE_LIST, "*.csv", NULL, NULL), ERROR_NONE);
    assert_int_equal(house.request.object_count, 1);
    objects = house.request.objects;
    assert_string_equal(objects[0].key, "a.csv");
    assert_int_equal(objects[0].size, 3);
    assert_int_equal(ask(&house, store, STORE_GET, "a.csv", out, &objects[0]), ERROR_NONE);
    assert_false(house.request.in_place);
    assert_holds(out, "one");
    assert_int_equal(ask(&house, store, STORE_CHECK, "a.csv", NULL, &objects[0]), ERROR_NONE);
    assert_int_equal(ask(&house, store, STORE_GET, "none.csv", out, NULL), ERROR_NOT_FOUND);
    assert_int_equal(ask(&house, store, STORE_GET, "b.csv", out, NULL), ERROR_DATA);
    assert_non_null(strstr(house.outcome.message, "get /root/b.csv: the recording "));
    objects[0].version = "another";
    assert_int_equal(ask(&house, store, STORE_GET, "a.csv", out, &objects[0]), ERROR_DATA);
    assert_non_null(strstr(house.outcome.message, " in that version"));
    store->type->close(store);
    replay_close(replay);
    close_house(&house);
    free(out);
    free(folder);
    free(a);
    free(data);
}

/* What is put lands below the folder, whatever its key. */
static void test_what_is_put_stays_inside(void **state)
{
    static const char *const keys[][2] = {
        {"x/y.csv", "x/y.csv"},
        {"/etc/y.csv", "outside/etc/y.csv"},
        {"s3://bucket/y.csv", "outside/s3/bucket/y.csv"},
    };
    char *folder = file_join(fixture_folder, "rec2"), *inside = file_join(fixture_folder, "in");
    char *from = file_join(fixture_folder, "from");
    struct recording *recording = NULL;
    struct error err = {0};
    struct replay *replay;
    struct house house;
    struct store *store;
    json_t *line = json_object();

    (void)state;
    open_house(&house);
    assert_int_equal(recording_new(folder, &recording, &err), 0);
    json_put_text(line, "format", RECORDING_FORMAT);
    json_put_int(line, "version", RECORDING_VERSION);
    recording_write(recording, line);
    assert_int_equal(recording_end(recording, NULL, &err), 0);
    replay = replay_open(folder, &err);
    assert_non_null(replay);
    assert_null(replay_end(replay));
    store = replay_wrap(replay, "project", "/root", open_local_at(&house, inside), &house.lane);
    assert_int_equal(file_write(from, "two", 3, &err), 0);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        char *to = file_join(inside, keys[i][1]);

        assert_int_equal(ask(&house, store, STORE_PUT, keys[i][0], from, NULL), ERROR_NONE);
        assert_holds(to, "two");
        assert_int_equal(ask(&house, store, STORE_DELETE, keys[i][0], NULL, NULL), ERROR_NONE);
        assert_false(file_exists(to));
        free(to);
    }
    store->type->close(store);
    replay_close(replay);
    close_house(&house);
    free(from);
    free(inside);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_hold_no_secrets),
        TEST(test_names_that_are_secret),
        TEST(test_texts_lose_secrets_only),
        TEST(test_keys_may_hold_any_bytes),
        TEST(test_each_byte_of_a_manifest_counts),
        TEST(test_a_store_answers_as_it_was_recorded),
        TEST(test_what_is_put_stays_inside),
    };

    return cmocka_run_group_tests_name("recorded", tests, NULL, NULL);
}
