/* The contract of connectors/catalog.h as tests: written once, against the vtable and on a loop as
 * its users are, and run over each implementation (test_catalog_conformance.c has the table). What
 * they share: a desk with a fresh catalog on it, changes and questions in one line each. */
#ifndef TESTS_UNIT_CATALOG_CONFORMANCE_H
#define TESTS_UNIT_CATALOG_CONFORMANCE_H

#include "connectors/catalog.h"
#include "runner/base/buffer.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "tests/unit/io_fixture.h"

struct conformance_implementation {
    const struct catalog_type *type;
    const char *file; /* in the test's folder: its location */
};

enum { DESK_CHANGES_MAX = 64 };

struct desk {
    const struct conformance_implementation *implementation;
    struct loop loop;
    struct work_pool *pool;
    struct catalog *catalog;
    struct arena arena; /* of the answers */
    struct error err;   /* of the last call that failed */
    struct catalog_change changes[DESK_CHANGES_MAX];
    size_t count;
    int64_t position; /* that the last apply took */
};

/* --- setup and teardown: *state is the implementation, then the desk ------------------------- */

static inline int desk_setup(void **state)
{
    struct desk *desk = mem_new(struct desk);
    struct catalog_options options = {0};

    desk->implementation = *state;
    if (fixture_folder_make(state))
        return -1;
    fixture_loop_init(&desk->loop);
    desk->pool = work_pool_new(&desk->loop, 2, &desk->err);
    arena_init(&desk->arena);
    options.loop = &desk->loop;
    options.pool = desk->pool;
    options.location =
        arena_printf(&desk->arena, "%s/%s", fixture_folder, desk->implementation->file);
    desk->catalog = desk->implementation->type->open(&options, &desk->err);
    *state = desk;
    return desk->catalog ? 0 : -1;
}

static inline int desk_teardown(void **state)
{
    struct desk *desk = *state;

    desk->catalog->type->close(desk->catalog);
    work_pool_free(desk->pool);
    fixture_loop_deinit(&desk->loop);
    arena_deinit(&desk->arena);
    free(desk);
    return fixture_folder_remove(state);
}

#define ON_DESK(test, implementation)                                                              \
    {                                                                                              \
#test, test, desk_setup, desk_teardown, (void *)(implementation)                           \
    }

/* --- changes --------------------------------------------------------------------------------- */

static inline struct catalog_change *desk_add(struct desk *desk, enum catalog_change_verb verb)
{
    struct catalog_change *change = &desk->changes[desk->count++];

    assert_true(desk->count <= DESK_CHANGES_MAX);
    *change = (struct catalog_change){.verb = verb, .at = {.namespace = "n", .table = "t"}};
    return change;
}

/* Of a partition with one value. */
static inline struct catalog_change *desk_add_at(
    struct desk *desk, enum catalog_change_verb verb, const char *value)
{
    struct catalog_change *change = desk_add(desk, verb);
    const char **values = arena_array(&desk->arena, 1, sizeof(*values));

    values[0] = value;
    change->at.values = values;
    change->at.value_count = 1;
    return change;
}

static inline struct catalog_change *desk_add_delta(struct desk *desk, const char *value,
    const char *key, int64_t rows, enum catalog_delta_type type)
{
    struct catalog_change *change = desk_add_at(desk, CATALOG_STAGE_DELTA, value);
    struct catalog_file *file = arena_new(&desk->arena, struct catalog_file);

    *file = (struct catalog_file){.key = key,
        .format = "parquet",
        .rows = rows,
        .bytes = (uint64_t)rows * 10,
        .content = type == CATALOG_DELETE ? CATALOG_DELETES : CATALOG_ROWS};
    change->delta.type = type;
    change->delta.files = file;
    change->delta.file_count = 1;
    return change;
}

/* An append as the engine makes it. */
static inline void desk_add_append(
    struct desk *desk, const char *value, const char *key, int64_t rows)
{
    desk_add_at(desk, CATALOG_STAGE_PARTITION, value)->if_missing = true;
    desk_add_delta(desk, value, key, rows, CATALOG_APPEND);
    desk_add_at(desk, CATALOG_COMMIT_DELTA, value);
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, value)->if_missing = true;
}

static inline void desk_add_replace(
    struct desk *desk, const char *value, const char *key, int64_t rows)
{
    desk_add_at(desk, CATALOG_STAGE_PARTITION, value);
    desk_add_delta(desk, value, key, rows, CATALOG_APPEND);
    desk_add_at(desk, CATALOG_COMMIT_DELTA, value);
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, value);
}

struct desk_applying {
    struct catalog_apply apply;
    struct desk *desk;
    unsigned calls;
};

static inline void desk_on_applied(struct catalog_apply *apply, const struct error *err)
{
    struct desk_applying *applying = container_of(apply, struct desk_applying, apply);

    applying->calls++;
    if (err)
        applying->desk->err = *err;
}

static inline int desk_try_apply(struct desk *desk)
{
    struct desk_applying applying = {.desk = desk,
        .apply = {.changes = desk->changes,
            .count = desk->count,
            .run_id = "run-1",
            .done = desk_on_applied}};

    desk->count = 0;
    error_clear(&desk->err);
    desk->catalog->type->apply(desk->catalog, &applying.apply);
    assert_int_equal(applying.calls, 0); /* never from within */
    loop_run(&desk->loop);
    assert_int_equal(applying.calls, 1);
    desk->position = applying.apply.ret_position;
    return desk->err.code ? -1 : 0;
}

static inline void desk_apply(struct desk *desk)
{
    assert_ok(desk_try_apply(desk), &desk->err);
}

/* The message names what it is about and is one line. */
static inline void desk_apply_fails(struct desk *desk, enum error_code code, const char *part)
{
    assert_int_equal(desk_try_apply(desk), -1);
    assert_contains(desk->err.message, part);
    assert_int_equal(desk->err.code, code);
    assert_null(strchr(desk->err.message, '\n'));
    assert_int_equal(desk->position, 0);
}

/* --- questions ------------------------------------------------------------------------------- */

struct desk_asking {
    struct catalog_query query;
    struct desk *desk;
    unsigned calls;
};

static inline void desk_on_answer(struct catalog_query *query, const struct error *err)
{
    struct desk_asking *asking = container_of(query, struct desk_asking, query);

    asking->calls++;
    if (err)
        asking->desk->err = *err;
}

static inline int desk_try_ask(struct desk *desk, struct catalog_query *query)
{
    struct desk_asking asking = {.desk = desk, .query = *query};

    if (!query->at.namespace && query->verb != CATALOG_LIST_TABLES &&
        query->verb != CATALOG_LIST_ALL_FILES) {
        asking.query.at.namespace = "n";
        asking.query.at.table = "t";
    }
    asking.query.arena = &desk->arena;
    asking.query.done = desk_on_answer;
    error_clear(&desk->err);
    desk->catalog->type->query(desk->catalog, &asking.query);
    assert_int_equal(asking.calls, 0);
    loop_run(&desk->loop);
    assert_int_equal(asking.calls, 1);
    *query = asking.query;
    return desk->err.code ? -1 : 0;
}

static inline struct catalog_query desk_ask_with(struct desk *desk, struct catalog_query query)
{
    assert_ok(desk_try_ask(desk, &query), &desk->err);
    return query;
}

static inline struct catalog_query desk_ask(struct desk *desk, enum catalog_query_verb verb)
{
    return desk_ask_with(desk, (struct catalog_query){.verb = verb});
}

static inline void desk_ask_fails(
    struct desk *desk, struct catalog_query query, enum error_code code, const char *part)
{
    assert_int_equal(desk_try_ask(desk, &query), -1);
    assert_contains(desk->err.message, part);
    assert_int_equal(desk->err.code, code);
}

static inline struct catalog_version desk_version(struct desk *desk)
{
    const struct catalog_query query = desk_ask(desk, CATALOG_GET_VERSION);

    assert_int_equal(query.count, 1);
    return query.versions[0];
}

/* What is read at a position, 0: now: the keys of the files in the order of the answer, "a b". */
static inline const char *desk_read(struct desk *desk, int64_t position)
{
    const struct catalog_query files = desk_ask_with(
        desk, (struct catalog_query){.verb = CATALOG_LIST_FILES, .at_position = position});
    const char *keys;
    struct buffer text;

    buffer_init(&text, 0);
    for (size_t i = 0; i < files.count; i++)
        for (size_t j = 0; j < files.deltas[i].file_count; j++)
            buffer_printf(&text, "%s%s", text.length ? " " : "", files.deltas[i].files[j].key);
    keys = arena_strdup(&desk->arena, text.data);
    buffer_deinit(&text);
    return keys;
}

static inline void desk_check(struct desk *desk)
{
    const struct catalog_query check = desk_ask(desk, CATALOG_CHECK);

    if (check.count > 0)
        fail_msg("%s", check.problems[0]);
}

/* --- a table to begin with: n.t, partitioned by day, version 1 active ------------------------ */

static inline struct catalog_change *desk_add_version(struct desk *desk, bool with_key)
{
    static const struct catalog_column columns[] = {{.name = "day", .type = "DATE"},
        {.name = "id", .type = "INTEGER", .required = true, .comment = "of the row"},
        {.name = "seq", .type = "BIGINT"}, {.name = "note", .type = "NULL"}};
    static const char *const partition_by[] = {"day"}, *const sort_by[] = {"seq desc"};
    static const char *const key[] = {"day", "id"};
    static const struct catalog_merge merge = {
        .key = key, .key_count = 2, .sequence_by = "seq", .tombstones_ms = 1000};
    struct catalog_change *change = desk_add(desk, CATALOG_CREATE_VERSION);

    change->version.columns = columns;
    change->version.column_count = ARRAY_LENGTH(columns);
    change->version.partition_by = partition_by;
    change->version.partition_count = ARRAY_LENGTH(partition_by);
    change->version.sort_by = sort_by;
    change->version.sort_count = ARRAY_LENGTH(sort_by);
    change->version.merge = with_key ? &merge : NULL;
    change->version.lifecycle = CATALOG_ACTIVE;
    return change;
}

static inline struct desk *desk_with_table(void **state, bool with_key)
{
    struct desk *desk = *state;

    desk_add(desk, CATALOG_CREATE_NAMESPACE);
    desk_add(desk, CATALOG_CREATE_TABLE);
    desk_add_version(desk, with_key);
    desk_apply(desk);
    return desk;
}

/* Each runs its tests over an implementation; the number of those that failed. */
int conformance_tables(const struct conformance_implementation *implementation);
int conformance_schemas(const struct conformance_implementation *implementation);
int conformance_changes(const struct conformance_implementation *implementation);
int conformance_deltas(const struct conformance_implementation *implementation);
int conformance_lists(const struct conformance_implementation *implementation);
int conformance_time(const struct conformance_implementation *implementation);

#endif
