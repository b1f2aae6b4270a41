/* A state in the test's folder, asked without a loop. */
#ifndef TESTS_UNIT_STATE_FIXTURE_H
#define TESTS_UNIT_STATE_FIXTURE_H

#include "connectors/state_sqlite/history.h"
#include "tests/unit/io_fixture.h"

struct diary {
    struct sqlite db;
    struct observer self;
    struct arena arena;
    struct error err;
};

static inline const char *db_path(void)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/state.db", fixture_folder);
    return path;
}

static inline void diary_open(struct diary *diary, bool read_only)
{
    const struct sqlite_options options = {
        .path = db_path(), .schema = &history_schema, .read_only = read_only};

    memset(diary, 0, sizeof(*diary));
    arena_init(&diary->arena);
    observer_init(&diary->self);
    assert_ok(sqlite_open(&diary->db, &options, &diary->err), &diary->err);
}

static inline void diary_close(struct diary *diary)
{
    observer_deinit(&diary->self);
    sqlite_close(&diary->db);
    arena_deinit(&diary->arena);
}

static inline int try_ask(struct diary *diary, struct state_request *request)
{
    request->arena = &diary->arena;
    error_clear(&diary->err);
    return history_run(&diary->db, &diary->self, request, &diary->err);
}

static inline struct state_request ask(struct diary *diary, struct state_request request)
{
    assert_ok(try_ask(diary, &request), &diary->err);
    return request;
}

static inline void put_run(struct diary *diary, const char *pipeline, const char *run_id,
    int64_t started_ms, enum state_outcome outcome)
{
    ask(diary, (struct state_request){.verb = STATE_PUT_RUN,
                   .run = {.run_id = run_id,
                       .pipeline = pipeline,
                       .instance = "",
                       .due_ms = 5,
                       .started_ms = started_ms,
                       .finished_ms = outcome == STATE_RUNNING ? 0 : started_ms + 1,
                       .outcome = outcome,
                       .rows = 7,
                       .bytes = 70,
                       .record = "{}"}});
}

static inline struct state_request lease_request(
    enum state_verb verb, const char *run_id, int64_t fence)
{
    return (struct state_request){.verb = verb,
        .lease = {.pipeline = "birds", .instance = "", .run_id = run_id, .fence = fence}};
}

static inline struct state_request acquire(struct diary *diary, const char *run_id)
{
    return ask(diary, lease_request(STATE_ACQUIRE_LEASE, run_id, 0));
}

static inline void change(struct diary *diary, const char *sql)
{
    assert_ok(sqlite_run(&diary->db, sql, &diary->err), &diary->err);
}

#endif
