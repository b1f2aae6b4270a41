/* What the tests of tables share: Parquet files made by SQL, and datasets of parts opened. */
#ifndef TESTS_UNIT_DUCKDB_TABLE_FIXTURE_H
#define TESTS_UNIT_DUCKDB_TABLE_FIXTURE_H

#include "tests/unit/duckdb_fixture.h"

static inline void run_sql(struct sluice *s, const char *sql)
{
    struct session *session = container_of(s->session, struct session, base);
    struct error err = {0};

    if (statement_run(session->slots[0].main, sql, &err))
        fail_msg("%s: %s", sql, err.message);
}

/* "id BIGINT, text VARCHAR": what the SELECT gives. */
static inline const char *types(struct sluice *s, const char *sql)
{
    struct session *session = container_of(s->session, struct session, base);
    struct sql_schema schema;
    struct error err = {0};
    const char *text = "";

    assert_ok(
        statement_describe(session->slots[0].main, sql, NULL, 0, &s->arena, &schema, &err), &err);
    for (size_t i = 0; i < schema.count; i++)
        text = arena_printf(&s->arena, "%s%s%s %s", text, i ? ", " : "", schema.columns[i].name,
            schema.columns[i].type);
    return text;
}

/* The SELECT's rows in a file of that name in the test's folder: its path. */
static inline const char *parquet(struct sluice *s, const char *name, const char *select)
{
    const char *path = at(s, name);

    run_sql(s, arena_printf(&s->arena, "COPY (%s) TO '%s' (FORMAT parquet)", select, path));
    return path;
}

static inline enum error_code open_table(
    struct sluice *s, const struct sql_dataset *dataset, struct error *ret_err)
{
    struct call call = {.request = {.verb = SQL_OPEN, .open = {.dataset = dataset}}};
    const enum error_code code = call_run(s, &call);

    *ret_err = call.err;
    return code;
}

static inline void must_open(struct sluice *s, const struct sql_dataset *dataset)
{
    struct error err;

    if (open_table(s, dataset, &err))
        fail_msg("%s: %s", dataset->name, err.message);
}

#define LIST(...)                                                                                  \
    {                                                                                              \
        .items = (const char *[]){__VA_ARGS__},                                                    \
        .count = ARRAY_LENGTH(((const char *[]){__VA_ARGS__}))                                     \
    }
#define NUMBERS(...) ((const int64_t[]){__VA_ARGS__})
#define NAMES(...) ((const char *const[]){__VA_ARGS__})

#endif
