/* A get against a scripted object, run to its end: what the tests of connectors/s3/get share. */
#ifndef TESTS_UNIT_S3_GET_FIXTURE_H
#define TESTS_UNIT_S3_GET_FIXTURE_H

#include "connectors/s3/get.h"
#include "tests/unit/s3_object.h"

#include <fcntl.h>
#include <unistd.h>

enum { OBJECT_BYTES = 47, CHANGED_BYTES = 38, PART_BYTES = 10, PARTS = 5 };

enum pace { PACE_WILLING, PACE_PAUSES, PACE_REFUSES, PACE_CANCELS };

struct run {
    struct s3_fixture fixture;
    struct object object;
    struct s3_get get;
    struct error outcome;
    unsigned done_count, write_count;
    enum pace pace;
    bool paused;
    struct timer timer; /* resumes late */
    struct buffer body; /* what the callback had, or the file has */
    struct turns turns;
};

static const struct s3_client_options options = {
    .retry = {.attempts = 4, .backoff_ms = 1, .max_backoff_ms = 4},
    .timeouts = {.first_byte_ms = 400, .stall_ms = 200},
};

static inline void on_done(struct s3_get *get, const struct error *err)
{
    struct run *run = container_of(get, struct run, get);

    run->done_count++;
    run->outcome = err ? *err : (struct error){0};
    if (!err && !get->write)
        assert_int_equal(atomic_load(&get->bytes_done), atomic_load(&get->bytes_total));
    if (!err && get->answered_etag)
        assert_string_equal(
            get->answered_etag, get->size == CHANGED_BYTES ? "\"second\"" : "\"first\"");
}

static inline void on_timer(struct timer *timer)
{
    s3_get_resume(&container_of(timer, struct run, timer)->get);
}

static inline int on_write(struct s3_get *get, const char *bytes, size_t length, struct error *err)
{
    struct run *run = container_of(get, struct run, get);

    assert_int_equal(run->done_count, 0);
    run->write_count++;
    if (run->pace == PACE_REFUSES && run->write_count == 3) {
        error_set(err, ERROR_BUSY, "the pipe is broken"); /* transient: but it is ours */
        return -1;
    }
    if (run->pace == PACE_CANCELS && run->write_count == 3)
        s3_get_cancel(get);
    if (run->pace == PACE_PAUSES && !run->paused) {
        run->paused = true;
        if (run->write_count % 4 == 1)
            s3_get_resume(get); /* in here, too */
        else
            timer_start(&run->timer, 2, 0, on_timer);
        return HTTP_PAUSE;
    }
    run->paused = false;
    buffer_append(&run->body, bytes, length);
    return 0;
}

static inline void run_init(struct run *run, const struct object *object)
{
    const struct origin_options script = {.answer = object_answer, .data = &run->object};

    memset(run, 0, sizeof(*run));
    run->object = *object;
    if (!run->object.size)
        run->object.size = OBJECT_BYTES;
    run->object.changed_size = CHANGED_BYTES;
    object_init(&run->object);
    buffer_init(&run->body, 0);
    s3_fixture_init(&run->fixture, &options, &script);
    timer_init(&run->timer, &run->fixture.loop);
    run->get = (struct s3_get){
        .bucket = "bucket",
        .key = "k",
        .part_bytes = PART_BYTES,
        .parts_max = 3,
        .fd = -1,
        .done = on_done,
    };
}

static inline void into_file(struct run *run)
{
    char *path = mem_printf("%s/object", fixture_folder);

    run->get.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(run->get.fd >= 0);
    free(path);
}

static inline void in_order(struct run *run, enum pace pace)
{
    run->get.write = on_write;
    run->pace = pace;
}

static inline void go(struct run *run)
{
    char bytes[256];
    ssize_t got;

    s3_get_start(run->fixture.client, &run->get);
    assert_int_equal(run->done_count, 0);
    loop_run(&run->fixture.loop);
    assert_int_equal(run->done_count, 1);
    if (run->get.fd < 0)
        return;
    got = pread(run->get.fd, bytes, sizeof(bytes), 0);
    assert_true(got >= 0);
    buffer_append(&run->body, bytes, (size_t)got);
}

static inline void run_deinit(struct run *run)
{
    if (run->get.fd >= 0)
        close(run->get.fd);
    timer_close(&run->timer, NULL);
    buffer_deinit(&run->body);
    s3_fixture_deinit(&run->fixture);
    object_deinit(&run->object);
}

static inline const struct origin_request *sent(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.origin) - 1);
    return origin_request(run->fixture.origin, index);
}

/* Nothing but these bytes of one object. */
static inline void has(struct run *run, bool changed, size_t first, size_t length)
{
    if (run->outcome.code)
        fail_msg("%s", run->outcome.message);
    assert_int_equal(run->body.length, length);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(run->body.data[i], object_byte(changed, first + i));
}

static inline void failed(struct run *run, enum error_code code, const char *words)
{
    if (run->outcome.code != code)
        fail_msg("%s: %s", error_code_name(run->outcome.code), run->outcome.message);
    assert_contains(run->outcome.message, words);
    assert_null(strchr(run->outcome.message, '\n'));
}

#endif
