/* What the tests of connectors/duckdb share: a session in a folder that goes with the test, and
 * requests that are waited for. Needs io_fixture.h's folder. */
#ifndef TESTS_UNIT_DUCKDB_FIXTURE_H
#define TESTS_UNIT_DUCKDB_FIXTURE_H

#include "tests/unit/io_fixture.h"

#include "connectors/duckdb/session.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/arena.h"
#include "runner/base/text.h"
#include "runner/io/work.h"

#include <sys/stat.h>

struct sluice {
    struct loop loop;
    struct work_pool *pool;
    struct work_lane lane;
    struct sql_session *session;
    struct arena arena;
};

const struct sql_engine_type *sluice_duckdb_engine(void);

struct call {
    struct sql_request request;
    struct error err;
    unsigned done;
    size_t files; /* on_file calls */
    struct sql_file seen[64];
    struct buffer text; /* of a query: cells with | and newlines */
    struct sql_schema schema;
    struct timer *timer;
};

static inline void sluice_open_with(struct sluice *s, struct sql_session_options options)
{
    struct error err = {0};

    memset(s, 0, sizeof(*s));
    fixture_loop_init(&s->loop);
    s->pool = work_pool_new(&s->loop, 4, &err);
    work_lane_init(&s->lane, s->pool, "sql", 3);
    arena_init(&s->arena);
    options.loop = &s->loop;
    options.lane = &s->lane;
    options.folder = fixture_folder;
    options.memory = options.memory ? options.memory : 256 * 1024 * 1024;
    options.threads = 2;
    s->session = sluice_duckdb_engine()->open(&options, &err);
    if (!s->session)
        fail_msg("open: %s", err.message);
}

static inline void sluice_open(struct sluice *s)
{
    sluice_open_with(s, (struct sql_session_options){0});
}

static inline void sluice_close(struct sluice *s)
{
    sluice_duckdb_engine()->close(s->session);
    work_lane_deinit(&s->lane);
    work_pool_free(s->pool);
    loop_run(&s->loop);
    fixture_loop_deinit(&s->loop);
    arena_deinit(&s->arena);
}

static inline void call_done(struct sql_request *request, const struct error *err)
{
    struct call *call = container_of(request, struct call, request);

    call->done++;
    if (err)
        call->err = *err;
}

static inline void call_start(struct sluice *s, struct call *call)
{
    call->request.arena = &s->arena;
    call->request.done = call_done;
    sluice_duckdb_engine()->start(s->session, &call->request);
    assert_int_equal(call->done, 0);
}

/* Runs the request to its end; the error's code. */
static inline enum error_code call_run(struct sluice *s, struct call *call)
{
    call_start(s, call);
    loop_run(&s->loop);
    assert_int_equal(call->done, 1);
    return call->err.code;
}

static inline void call_rows(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct call *call = container_of(request, struct call, request);

    call->schema.count = schema->count;
    for (size_t r = 0; r < row_count; r++) {
        for (size_t c = 0; c < schema->count; c++) {
            const char *cell = cells[r * schema->count + c];

            buffer_printf(&call->text, "%s%s", c ? "|" : "", cell ? cell : "NULL");
        }
        buffer_putc(&call->text, '\n');
    }
}

/* The rows as text, in the session's arena; fails the test where the statement does. */
static inline const char *rows(struct sluice *s, const char *sql)
{
    struct call call = {
        .request = {.verb = SQL_QUERY, .query = {.sql = sql, .on_rows = call_rows}}};
    const char *text;

    buffer_init(&call.text, 0);
    if (call_run(s, &call))
        fail_msg("%s: %s", sql, call.err.message);
    text = arena_strdup(&s->arena, call.text.data);
    buffer_deinit(&call.text);
    return text;
}

/* The error of a statement that must fail. */
static inline const char *refusal(struct sluice *s, const char *sql)
{
    struct call call = {
        .request = {.verb = SQL_QUERY, .query = {.sql = sql, .on_rows = call_rows}}};

    buffer_init(&call.text, 0);
    if (!call_run(s, &call))
        fail_msg("%s: not refused", sql);
    buffer_deinit(&call.text);
    assert_null(strchr(call.err.message, '\n'));
    return arena_strdup(&s->arena, call.err.message);
}

static inline void derive(struct sluice *s, const char *name, const char *sql, const char *folder,
    struct sql_dataset *ret_dataset)
{
    struct call call = {
        .request = {.verb = SQL_DERIVE, .derive = {.dataset = name, .sql = sql, .folder = folder}}};

    if (call_run(s, &call))
        fail_msg("%s: %s", sql, call.err.message);
    if (ret_dataset)
        *ret_dataset = call.request.derive.ret_dataset;
}

/* A path below the test's folder. */
static inline const char *at(struct sluice *s, const char *name)
{
    return arena_printf(&s->arena, "%s/%s", fixture_folder, name);
}

static inline const char *make_folder(struct sluice *s, const char *name)
{
    const char *path = at(s, name);

    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

static inline const char *make_file_n(
    struct sluice *s, const char *name, const char *bytes, size_t length)
{
    const char *path = at(s, name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *make_file(struct sluice *s, const char *name, const char *text)
{
    return make_file_n(s, name, text, strlen(text));
}

static inline void on_file(struct sql_request *request, const struct sql_file *file)
{
    struct call *call = container_of(request, struct call, request);

    assert_int_equal(call->done, 0);
    if (call->files < ARRAY_LENGTH(call->seen))
        call->seen[call->files] = *file;
    call->files++;
}

#endif
