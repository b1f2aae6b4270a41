/* What a load means for its table, its limits, and the statements that it runs: names are quoted,
 * conditions stand alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/load_limit.h"
#include "runner/engine/load_sql.h"
#include "runner/engine/load_table.h"

#include <string.h>

static struct arena arena;

static struct load keyed(int mode, const char **key, size_t key_count)
{
    return (struct load){.into = "n.t",
        .from = "d",
        .mode = mode,
        .key = {.items = key, .count = key_count},
        .limits = {.deletes_share = -1, .deletes_rows = -1}};
}

/* --- what it means --- */

static void test_a_key_that_holds_the_partition_needs_no_look_up(void **state)
{
    const char *key[] = {"id", "Region"};
    struct partition_field fields[] = {{.column = "region"}, {.column = "ID"}};
    struct load load = keyed(MODE_UPSERT, key, 2);
    const struct catalog_version version = {.merge = {.key = key, .key_count = 2}};
    struct load_table table;

    (void)state;
    load.partitions = fields;
    load.partition_count = 2;
    load_table_of(&load, &version, &arena, &table);
    assert_int_equal(table.moving.count, 0);
    assert_false(table.looks_up);
    assert_false(table.expects);
    load.update.unchanged = UNCHANGED_SKIP;
    load_table_of(&load, &version, &arena, &table);
    assert_true(table.looks_up);
    assert_true(table.expects);
}

static void test_a_row_that_may_move_is_looked_up(void **state)
{
    const char *key[] = {"id"};
    struct partition_field fields[] = {{.column = "day"}, {.column = "day"}};
    struct load load = keyed(MODE_UPSERT, key, 1);
    const struct catalog_version version = {.merge = {.key = key, .key_count = 1}};
    struct load_table table;

    (void)state;
    load.partitions = fields;
    load.partition_count = 2;
    load_table_of(&load, &version, &arena, &table);
    assert_int_equal(table.moving.count, 1);
    assert_true(table.looks_up);
    load_table_of(&load, NULL, &arena, &table); /* nothing is there: but nobody may have made it */
    assert_false(table.looks_up);
    assert_true(table.expects);
    load.mode = MODE_OVERWRITE;
    load_table_of(&load, &version, &arena, &table);
    assert_false(table.expects);
}

static void test_the_key_of_a_history_has_its_time(void **state)
{
    const char *key[] = {"id"};
    const struct load load = keyed(MODE_SCD2, key, 1);
    struct load_table table;
    struct catalog_version version;
    const void *field;
    const char *name;
    struct error err;

    (void)state;
    load_table_of(&load, NULL, &arena, &table);
    assert_int_equal(table.merge.key_count, 2);
    assert_string_equal(table.merge.key[1], SCD2_FROM);
    assert_int_equal(table.own_key.count, 1);
    version = (struct catalog_version){.merge = table.merge};
    assert_int_equal(load_table_check(&load, &version, &field, &name, &err), 0);
    version.merge.key_count = 1;
    assert_int_equal(load_table_check(&load, &version, &field, &name, &err), -1);
    assert_string_equal(name, "key");
}

static void test_tombstones_are_the_newest_load_s_to_say(void **state)
{
    const char *key[] = {"id"};
    struct load load = keyed(MODE_UPSERT, key, 1);
    const struct catalog_version version = {
        .merge = {.key = key, .key_count = 1, .tombstones_ms = 5}};
    struct load_table table;

    (void)state;
    load_table_of(&load, &version, &arena, &table);
    assert_int_equal(table.merge.tombstones_ms, 5);
    load.tombstones.ms = MS_PER_DAY;
    load_table_of(&load, &version, &arena, &table);
    assert_int_equal(table.merge.tombstones_ms, MS_PER_DAY);
}

static void refused(const struct load *load, const struct catalog_version *version,
    const char *option, const char *part)
{
    const void *field;
    const char *name;
    struct error err;

    assert_int_equal(load_table_check(load, version, &field, &name, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_equal(name, option);
    if (!strstr(err.message, part))
        fail_msg("\"%s\" does not hold \"%s\"", err.message, part);
}

static void test_what_does_not_fit_the_table(void **state)
{
    const char *key[] = {"id"}, *other[] = {"ID", "b"};
    const struct catalog_version none = {.version = 1};
    const struct catalog_version one = {.merge = {.key = key, .key_count = 1}};
    struct load load = keyed(MODE_APPEND, NULL, 0);
    const void *field;
    const char *name;
    struct error err;

    (void)state;
    assert_int_equal(load_table_check(&load, &none, &field, &name, &err), 0);
    refused(&load, &one, "mode", "has a key (id)");
    load = keyed(MODE_UPSERT, key, 1);
    assert_int_equal(load_table_check(&load, &one, &field, &name, &err), 0);
    refused(&load, &none, "key", "has no key");
    load.sequence_by = "seq";
    refused(&load, &one, "sequence_by", "their arrival");
    load = keyed(MODE_UPSERT, other, 2);
    refused(&load, &one, "key", "the key of the table n.t is [id]");
    load = keyed(MODE_OVERWRITE, NULL, 0); /* takes the table's */
    assert_int_equal(load_table_check(&load, &one, &field, &name, &err), 0);
}

static void test_limits(void **state)
{
    struct load load = {.into = "n.t",
        .limits = {.deletes = "5%", .deletes_share = 0.05, .deletes_rows = -1, .rewrite = 100}};
    struct error err = {0};

    (void)state;
    assert_int_equal(load_limit_deletes(&load, 5, 100, &err), 0);
    assert_int_equal(load_limit_deletes(&load, 6, 100, &err), -1);
    assert_int_equal(err.code, ERROR_CHECK);
    assert_int_equal(load_limit_deletes(&load, 0, 0, &err), 0);
    load.limits = (struct load_limits){.deletes = "3", .deletes_share = -1, .deletes_rows = 3};
    assert_int_equal(load_limit_deletes(&load, 3, 1, &err), 0);
    assert_int_equal(load_limit_deletes(&load, 4, 1000, &err), -1);
    load.limits.rewrite = 100;
    assert_int_equal(load_limit_rewrite(&load, 100, 1, &err), 0);
    assert_int_equal(load_limit_rewrite(&load, 101, 1, &err), -1);
    assert_int_equal(err.code, ERROR_CHECK);
    load.limits.rewrite = 0;
    assert_int_equal(load_limit_rewrite(&load, 1 << 30, 1, &err), 0);
}

/* --- statements --- */

static void holds(const char *sql, const char *part)
{
    if (!strstr(sql, part))
        fail_msg("\"%s\" does not hold \"%s\"", sql, part);
}

static void test_names_are_quoted_and_conditions_stand_alone(void **state)
{
    const char *key[] = {"a\"b"};
    struct sql_column columns[] = {{.name = "a\"b", .type = "BIGINT"}, {.name = "x y"}};
    const struct sql_schema copy = {.columns = columns, .count = 2};
    struct load_sql sql = {.names = {"d.copy", "d.delta", "d.stored", "d.joined"},
        .alias = "d",
        .copy = &copy,
        .stored = &copy,
        .own_key = {key, 1},
        .key = {key, 1},
        .delete_when = "op = 'D' -- gone",
        .update_when = "new.x > old.x"};
    const char *text = load_sql_delta(&sql, &arena);

    (void)state;
    holds(text, "partition by \"a\"\"b\" order by _sluice_row desc");
    holds(text, "coalesce((\nop = 'D' -- gone\n), false)");
    holds(text, "from \"d.copy\" as \"d\"");
    holds(load_sql_null_key(&sql, &arena), "where \"a\"\"b\" is null");
    text = load_sql_joined(&sql, &arena);
    holds(text, "new.\"a\"\"b\" = old.\"a\"\"b\"");
    holds(text, "coalesce((\nnew.x > old.x\n), false)");
    sql.sequence = "x y";
    holds(load_sql_delta(&sql, &arena), "order by \"x y\" desc nulls last, _sluice_row desc");
    holds(load_sql_joined(&sql, &arena), "coalesce(new.\"x y\" >= old.\"x y\", false)");
}

/* What is gone and does not come again is a delete, under the types of what comes. */
static void test_rows_that_are_left(void **state)
{
    const char *key[] = {"id"};
    struct sql_column columns[] = {{.name = "id", .type = "BIGINT"}, {.name = "x", .type = "DATE"},
        {.name = "new", .type = "DOUBLE"}, {.name = "empty", .type = "NULL"}};
    const struct sql_schema copy = {.columns = columns, .count = 4};
    const struct sql_schema table = {.columns = columns, .count = 2};
    struct load_sql sql = {.names = {"c", "d", "o", "j", "r", "k", "l"},
        .alias = "a",
        .copy = &copy,
        .table = &table,
        .own_key = {key, 1},
        .key = {key, 1}};

    (void)state;
    assert_null(strstr(load_sql_delta(&sql, &arena), "union all"));
    sql.gone = "g";
    assert_string_equal(load_sql_left(&sql, &arena),
        "select cast(gone.\"id\" as BIGINT) as \"id\", cast(gone.\"x\" as DATE) as \"x\", "
        "cast(null as DOUBLE) as \"new\", null as \"empty\" from \"g\" as gone anti join \"c\" as "
        "new on new.\"id\" = gone.\"id\"");
    holds(load_sql_delta(&sql, &arena),
        " union all select \"id\", \"x\", \"new\", \"empty\", -1, true from \"l\"");
}

/* Where the sequence is the partition's column, a delete is in the old partition and in its own. */
static void test_a_sequence_that_says_the_partition(void **state)
{
    const char *key[] = {"id"}, *moving[] = {"at"};
    struct sql_column columns[] = {{.name = "id"}, {.name = "at"}};
    const struct sql_schema copy = {.columns = columns, .count = 2};
    const struct text_list partition = {moving, 1};
    struct load_sql sql = {.names = {"c", "d", "o", "j"},
        .copy = &copy,
        .own_key = {key, 1},
        .key = {key, 1},
        .moving = {moving, 1},
        .sequence = "at",
        .joined = true};
    const char *text = load_sql_deletes(&sql, &partition, &arena);

    (void)state;
    holds(text, "case when _sluice_stored then _sluice_old_0 else \"at\" end as \"at\"");
    holds(text, "union all select \"id\", \"at\" as \"at\" from \"j\" where _sluice_delete");
}

static int clean(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_key_that_holds_the_partition_needs_no_look_up, clean),
        cmocka_unit_test_teardown(test_a_row_that_may_move_is_looked_up, clean),
        cmocka_unit_test_teardown(test_the_key_of_a_history_has_its_time, clean),
        cmocka_unit_test_teardown(test_tombstones_are_the_newest_load_s_to_say, clean),
        cmocka_unit_test_teardown(test_what_does_not_fit_the_table, clean),
        cmocka_unit_test_teardown(test_limits, clean),
        cmocka_unit_test_teardown(test_names_are_quoted_and_conditions_stand_alone, clean),
        cmocka_unit_test_teardown(test_rows_that_are_left, clean),
        cmocka_unit_test_teardown(test_a_sequence_that_says_the_partition, clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
