/* Puts from every kind of source into a small S3: what test_s3_put.c and test_s3_put_faults.c
 * share. */
#ifndef TESTS_UNIT_PUT_FIXTURE_H
#define TESTS_UNIT_PUT_FIXTURE_H

#include "connectors/s3/put.h"
#include "tests/unit/s3_small_fixture.h"

enum { PART = 40 * 1000, LENGTH = 2 * PART + 1234 };

static const enum s3_source_kind kinds[] = {S3_SOURCE_MEMORY, S3_SOURCE_FILE, S3_SOURCE_STREAM};

/* --- one put, run to its end --- */

struct run {
    struct store_fixture fixture;
    struct s3_put put;
    char *bytes;
    size_t length, at; /* of the stream */
    size_t piece;      /* bytes at once of the stream */
    bool pauses, paused;
    size_t fails_at; /* of the stream; 0: never */
    uv_idle_t idle;  /* resumes */
    struct timer timer;
    char path[300], etag[128];
    struct s3_put other; /* a second one */
    size_t other_at;
    unsigned other_done;
};

static inline void on_done(struct s3_put *put, const struct error *err)
{
    struct run *run = container_of(put, struct run, put);

    store_fixture_done(&run->fixture, err);
    snprintf(run->etag, sizeof(run->etag), "%s", put->etag ? put->etag : "");
}

static inline void on_idle(uv_idle_t *idle)
{
    struct run *run = container_of(idle, struct run, idle);

    uv_idle_stop(idle);
    s3_put_resume(&run->put);
}

static inline int64_t read_stream(struct s3_put *put, char *bytes, size_t size, struct error *err)
{
    struct run *run = container_of(put, struct run, put);
    const size_t length = MIN(MIN(size, run->piece), run->length - run->at);

    if (run->fails_at && run->at >= run->fails_at)
        return error_set(err, ERROR_IO, "the pipe broke");
    if (run->pauses && !run->paused) {
        run->paused = true;
        uv_idle_start(&run->idle, on_idle);
        return HTTP_PAUSE;
    }
    run->paused = false;
    memcpy(bytes, run->bytes + run->at, length);
    run->at += length;
    return (int64_t)length;
}

static inline void write_source(struct run *run)
{
    struct error err = {0};

    snprintf(run->path, sizeof(run->path), "%s/source", fixture_folder);
    assert_ok(file_write(run->path, run->bytes, run->length, &err), &err);
}

static inline void start(struct run *run, const struct s3_client_options *options,
    enum s3_source_kind kind, size_t length)
{
    memset(run, 0, sizeof(*run));
    store_fixture_init(&run->fixture, options);
    run->length = length;
    run->bytes = store_fixture_bytes(length);
    run->piece = 7000;
    run->put = (struct s3_put){
        .bucket = "bucket",
        .key = "a/b.csv",
        .part_bytes = PART,
        .parallel = 2,
        .spill_folder = fixture_folder,
        .done = on_done,
        .source = {.kind = kind, .fd = -1},
    };
    uv_idle_init(&run->fixture.s3.loop.uv, &run->idle);
    if (kind == S3_SOURCE_MEMORY) {
        run->put.source.bytes = run->bytes;
        run->put.source.length = length;
    } else if (kind == S3_SOURCE_FILE) {
        write_source(run);
        run->put.source.path = run->path;
    } else {
        run->put.source.read = read_stream;
    }
}

static inline void cancel(void *data)
{
    struct run *run = data;

    s3_put_cancel(&run->put);
    s3_put_cancel(&run->put);
}

static inline void go_and_cancel(struct run *run, unsigned turn)
{
    s3_put_start(run->fixture.s3.client, &run->put);
    assert_int_equal(run->fixture.done_count, 0);
    store_fixture_run(&run->fixture, turn, cancel, run);
}

static inline void go(struct run *run)
{
    go_and_cancel(run, 0);
}

static inline void end(struct run *run)
{
    uv_close((uv_handle_t *)&run->idle, NULL);
    store_fixture_deinit(&run->fixture);
    free(run->bytes);
}

static inline const struct origin_request *sent(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.s3.origin) - 1);
    return origin_request(run->fixture.s3.origin, index);
}

/* The object is there, with these bytes, and nothing else is. */
static inline void stored(struct run *run)
{
    const struct s3_small_kept *object;

    store_fixture_good(&run->fixture);
    object = s3_small_object(run->fixture.store, run->put.key);
    assert_non_null(object);
    assert_int_equal(object->length, run->length);
    assert_memory_equal(object->bytes, run->bytes, run->length);
    assert_string_equal(run->etag, object->etag);
    assert_int_equal(run->put.size, run->length);
    assert_int_equal(atomic_load(&run->put.bytes_done), run->length);
    assert_int_equal(s3_small_upload_count(run->fixture.store), 0);
}

static inline void not_stored(struct run *run)
{
    assert_null(s3_small_object(run->fixture.store, run->put.key));
    assert_int_equal(s3_small_upload_count(run->fixture.store), 0);
}

#endif
