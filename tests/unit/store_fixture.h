/* A store behind connectors/store.h against a scripted origin, one request at a time. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "connectors/store.h"
#include "runner/base/buffer.h"
#include "tests/unit/io_fixture.h"
#include "tests/unit/origin.h"

struct house {
    struct loop loop;
    struct work_pool *pool;
    struct work_lane lane;
    struct origin *origin;
    struct store *store;
    struct store_request request;
    struct arena arena;
    unsigned done_count;
    struct error outcome; /* code ERROR_NONE: success */
    char *path;           /* where GET writes, and what PUT reads */
};

static inline void house_on_done(struct store_request *request, const struct error *err)
{
    struct house *house = container_of(request, struct house, request);

    house->done_count++;
    house->outcome = err ? *err : (struct error){0};
}

static inline void house_open(struct house *house, const struct origin_options *script)
{
    struct error err = {0};

    *house = (struct house){0};
    fixture_loop_init(&house->loop);
    house->pool = work_pool_new(&house->loop, 2, &err);
    assert_non_null(house->pool);
    work_lane_init(&house->lane, house->pool, "files", 2);
    house->origin = origin_start(script);
    house->path = file_join(fixture_folder, "file");
    arena_init(&house->arena);
}

static inline void house_open_store(
    struct house *house, const struct store_type *type, const char *root, const void *settings)
{
    const struct store_options options = {
        .loop = &house->loop, .lane = &house->lane, .root = root, .settings = settings};
    struct error err = {0};

    house->store = type->open(&options, &err);
    if (!house->store)
        fail_msg("%s", err.message);
}

static inline void house_close(struct house *house)
{
    house->store->type->close(house->store);
    loop_run(&house->loop);
    work_lane_deinit(&house->lane);
    work_pool_free(house->pool);
    fixture_loop_deinit(&house->loop);
    origin_stop(house->origin);
    arena_deinit(&house->arena);
    free(house->path);
}

static inline void house_start(struct house *house, const struct store_request *request)
{
    house->request = *request;
    house->request.done = house_on_done;
    house->request.arena = &house->arena;
    if (!house->request.path)
        house->request.path = house->path;
    house->done_count = 0;
    house->store->type->start(house->store, &house->request);
    assert_int_equal(house->done_count, 0);
}

static inline void house_ask(struct house *house, const struct store_request *request)
{
    house_start(house, request);
    loop_run(&house->loop);
    assert_int_equal(house->done_count, 1);
    assert_null(house->request.operation);
    house->store->type->cancel(&house->request); /* done: harmless */
}

static inline void house_good(struct house *house, const struct store_request *request)
{
    house_ask(house, request);
    if (house->outcome.code)
        fail_msg("%s", house->outcome.message);
}

static inline void house_failed(struct house *house, const struct store_request *request,
    enum error_code code, const char *words)
{
    house_ask(house, request);
    if (house->outcome.code != code)
        fail_msg("%s: %s", error_code_name(house->outcome.code), house->outcome.message);
    assert_contains(house->outcome.message, words);
}

static inline void house_has_file(const struct house *house, const char *bytes)
{
    struct buffer found;
    struct error err = {0};

    buffer_init(&found, 0);
    assert_ok(file_read(house->path, 1 << 20, &found, &err), &err);
    assert_string_equal(found.data, bytes);
    buffer_deinit(&found);
}

static inline void house_cancel(void *data)
{
    struct house *house = data;

    house->store->type->cancel(&house->request);
    house->store->type->cancel(&house->request);
}

/* The same request, cancelled at the first, second, … turn of the loop until it ends before that:
 * `done` comes once each time, with success or ERROR_STOPPED. */
static inline void house_cancel_everywhere(struct house *house, const struct store_request *request)
{
    bool beaten = false;

    for (unsigned turn = 1; !beaten; turn++) {
        struct turns turns;

        assert_true(turn < 500);
        turns_start(&turns, &house->loop, turn, house_cancel, house);
        house_start(house, request);
        loop_run(&house->loop);
        beaten = turns.count < turn;
        turns_end(&turns);
        loop_run(&house->loop);
        assert_int_equal(house->done_count, 1);
        if (house->outcome.code && house->outcome.code != ERROR_STOPPED)
            fail_msg("turn %u: %s", turn, house->outcome.message);
        assert_true(!beaten || house->outcome.code == ERROR_NONE);
    }
}

#endif
