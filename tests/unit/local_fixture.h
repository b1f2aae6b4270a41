/* What the tests of the local store share: a store in the fixture's folder and one request to it.
 */
#ifndef TESTS_UNIT_LOCAL_FIXTURE_H
#define TESTS_UNIT_LOCAL_FIXTURE_H

#include "connectors/local/local_list.h"
#include "connectors/local/local_store.h"
#include "runner/base/buffer.h"
#include "runner/io/file.h"
#include "tests/unit/io_fixture.h"

#include <unistd.h>

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

static inline void on_done(struct store_request *request, const struct error *err)
{
    struct asked *asked = container_of(request, struct asked, request);

    asked->done_count++;
    asked->outcome = err ? *err : (struct error){0};
}

static inline void asked_init(struct asked *asked)
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

static inline void asked_deinit(struct asked *asked)
{
    local_store_type.close(asked->store);
    work_lane_deinit(&asked->lane);
    work_pool_free(asked->pool);
    fixture_loop_deinit(&asked->loop);
    arena_deinit(&asked->arena);
}

static inline void ask_start(struct asked *asked, const struct store_request *request)
{
    asked->request = *request;
    asked->request.done = on_done;
    asked->request.arena = &asked->arena;
    asked->done_count = 0;
    local_store_type.start(asked->store, &asked->request);
    assert_int_equal(asked->done_count, 0);
}

static inline enum error_code ask(struct asked *asked, const struct store_request *request)
{
    ask_start(asked, request);
    loop_run(&asked->loop);
    assert_int_equal(asked->done_count, 1);
    local_store_type.cancel(&asked->request); /* done: harmless */
    return asked->outcome.code;
}

#define ASK(asked, ...) ask(asked, &(struct store_request){__VA_ARGS__})

static inline void assert_outcome(struct asked *asked, enum error_code code, const char *part)
{
    assert_string_equal(error_code_name(asked->outcome.code), error_code_name(code));
    assert_contains(asked->outcome.message, part);
}

/* --- files --- */

static inline char *path_of(const char *name)
{
    return file_join(fixture_folder, name);
}

static inline void put(const char *name, const char *text)
{
    struct error err = {0};
    char *path = path_of(name), *folder = file_folder(path);

    assert_ok(file_make_folders(folder, &err), &err);
    assert_ok(file_write(path, text, strlen(text), &err), &err);
    free(path);
    free(folder);
}

static inline bool holds(const char *name, const char *text)
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

static inline unsigned count_temporaries(void)
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

static inline void cancel_request(void *data)
{
    struct asked *asked = data;

    local_store_type.cancel(&asked->request);
    local_store_type.cancel(&asked->request); /* again is harmless */
}

#endif
