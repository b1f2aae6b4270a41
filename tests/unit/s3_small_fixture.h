/* A client with a lane against a small S3 (s3_small.h), for tests of what writes. */
#ifndef TESTS_UNIT_S3_SMALL_FIXTURE_H
#define TESTS_UNIT_S3_SMALL_FIXTURE_H

#include "tests/unit/s3_fixture.h"
#include "tests/unit/s3_small.h"

struct store_fixture {
    struct s3_fixture s3;
    struct s3_small *store;
    struct work_pool *pool;
    struct work_lane lane;
    struct turns turns;
    struct error outcome;
    unsigned done_count;
};

/* `options` may be NULL; time-outs are short where they are not set. */
static inline void store_fixture_init(
    struct store_fixture *fixture, const struct s3_client_options *options)
{
    struct s3_client_options own = options ? *options : (struct s3_client_options){0};
    struct error err = {0};

    memset(fixture, 0, sizeof(*fixture));
    fixture_loop_init(&fixture->s3.loop);
    fixture->pool = work_pool_new(&fixture->s3.loop, 2, &err);
    assert_non_null(fixture->pool);
    work_lane_init(&fixture->lane, fixture->pool, "io", 2);
    fixture->store = s3_small_new();
    fixture->s3.origin =
        origin_start(&(struct origin_options){.answer = s3_small_answer, .data = fixture->store});
    own.loop = &fixture->s3.loop;
    own.lane = &fixture->lane;
    own.endpoint = origin_url(fixture->s3.origin);
    if (!own.retry.attempts)
        own.retry = (struct retry_policy){.attempts = 4, .backoff_ms = 1, .max_backoff_ms = 4};
    if (!own.timeouts.first_byte_ms)
        own.timeouts = (struct http_timeouts){.first_byte_ms = 200, .stall_ms = 200};
    fixture->s3.client = s3_client_new(&own, &err);
    if (!fixture->s3.client)
        fail_msg("%s", err.message);
}

static inline void store_fixture_deinit(struct store_fixture *fixture)
{
    s3_client_free(fixture->s3.client);
    work_lane_deinit(&fixture->lane);
    work_pool_free(fixture->pool);
    loop_run(&fixture->s3.loop);
    fixture_loop_deinit(&fixture->s3.loop);
    origin_stop(fixture->s3.origin);
    s3_small_free(fixture->store);
    memset(&s3_fake_credentials, 0, sizeof(s3_fake_credentials));
}

static inline void store_fixture_done(struct store_fixture *fixture, const struct error *err)
{
    fixture->done_count++;
    fixture->outcome = err ? *err : (struct error){0};
}

/* Runs to the end, with `act` at the n-th turn of the loop (0: never). */
static inline void store_fixture_run(
    struct store_fixture *fixture, unsigned act_at, void (*act)(void *data), void *data)
{
    assert_int_equal(fixture->done_count, 0);
    turns_start(&fixture->turns, &fixture->s3.loop, act_at, act, data);
    loop_run(&fixture->s3.loop);
    turns_end(&fixture->turns);
    loop_run(&fixture->s3.loop);
    assert_int_equal(fixture->done_count, 1);
}

static inline void store_fixture_good(const struct store_fixture *fixture)
{
    if (fixture->outcome.code)
        fail_msg("%s", fixture->outcome.message);
}

static inline void store_fixture_failed(
    const struct store_fixture *fixture, enum error_code code, const char *words)
{
    if (fixture->outcome.code != code)
        fail_msg("%s: %s", error_code_name(fixture->outcome.code), fixture->outcome.message);
    assert_contains(fixture->outcome.message, words);
    assert_null(strchr(fixture->outcome.message, '\n'));
}

/* Bytes that differ wherever they are. */
static inline char *store_fixture_bytes(size_t length)
{
    char *bytes = mem_calloc(1, length + 1);

    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i * 2654435761U >> 13);
    return bytes;
}

#endif
