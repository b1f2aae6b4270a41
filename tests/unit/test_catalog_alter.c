/* catalog alter and catalog schema --diff: what becomes of a table's columns. */
#include "runner/base/mem.h"
#include "runner/cli/catalog_alter.h"
#include "runner/cli/schema_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct trial {
    struct arena arena;
    struct catalog_alter alter;
    struct catalog_version version;
    struct catalog_column table[5];
    const char *key[1], *partitions[1], *sorts[1];
    struct option_pair pairs[2];
    const char *texts[2];
    struct catalog_column *columns;
    size_t count;
    bool changed;
    struct error err;
};

static int setup(void **state)
{
    struct trial *trial = mem_new(struct trial);

    *trial = (struct trial){
        .table = {{.name = "id", .type = "INTEGER", .field_id = 1, .required = true},
            {.name = "Day", .type = "DATE", .field_id = 2},
            {.name = "price", .type = "FLOAT", .field_id = 3, .comment = "in Euro"},
            {.name = "name", .type = "VARCHAR", .field_id = 5},
            {.name = "n", .type = "INTEGER", .field_id = 6}},
        .key = {"id"},
        .partitions = {"month(day)"},
        .sorts = {"name desc"},
    };
    trial->version = (struct catalog_version){.namespace = "lake",
        .table = "t",
        .columns = trial->table,
        .column_count = 5,
        .partition_by = trial->partitions,
        .partition_count = 1,
        .sort_by = trial->sorts,
        .sort_count = 1,
        .merge = {.key = trial->key, .key_count = 1}};
    arena_init(&trial->arena);
    *state = trial;
    return 0;
}

static int teardown(void **state)
{
    struct trial *trial = *state;

    arena_deinit(&trial->arena);
    free(trial);
    return 0;
}

static int alter(struct trial *trial)
{
    trial->err = (struct error){0};
    return catalog_alter_columns(&trial->alter, &trial->version, &trial->arena, &trial->columns,
        &trial->count, &trial->changed, &trial->err);
}

static struct text_list text(struct trial *trial, const char *value)
{
    trial->texts[0] = value;
    return (struct text_list){trial->texts, 1};
}

static struct option_pairs pair(struct trial *trial, const char *name, const char *value)
{
    trial->pairs[0] = (struct option_pair){.name = name, .value = value};
    return (struct option_pairs){trial->pairs, 1};
}

static void assert_refused(struct trial *trial, const char *message)
{
    assert_int_equal(alter(trial), -1);
    assert_int_equal(trial->err.code, ERROR_INVALID);
    if (!strstr(trial->err.message, message))
        fail_msg("\"%s\" is not in: %s", message, trial->err.message);
    trial->alter = (struct catalog_alter){0};
}

static void test_rename(void **state)
{
    struct trial *trial = *state;

    trial->alter.rename = pair(trial, "PRICE", "cost");
    assert_int_equal(alter(trial), 0);
    assert_true(trial->changed);
    assert_int_equal(trial->count, 5);
    assert_string_equal(trial->columns[2].name, "cost");
    assert_int_equal(trial->columns[2].field_id, 3);
    assert_string_equal(trial->table[2].name, "price"); /* what was asked of is left alone */
    trial->alter.rename = pair(trial, "pric", "cost");
    assert_refused(trial, "--rename: lake.t has no column \"pric\"; did you mean \"price\"?");
    trial->alter.rename = pair(trial, "price", "NAME");
    assert_refused(trial, "lake.t would have two columns \"name\"");
    trial->alter.rename = pair(trial, "price", "");
    assert_refused(trial, "write OLD=NEW");
    trial->alter.rename = pair(trial, "id", "key");
    assert_refused(trial, "--rename \"id\": the key goes by that column");
    trial->alter.rename = pair(trial, "day", "date");
    assert_refused(trial, "partition_by goes by that column");
    trial->alter.rename = pair(trial, "name", "title");
    assert_refused(trial, "sort_by goes by that column");
    trial->version.merge.sequence_by = "n";
    trial->alter.rename = pair(trial, "n", "m");
    assert_refused(trial, "sequence_by goes by that column");
}

/* Names are those before: two may change places. */
static void test_swap(void **state)
{
    struct trial *trial = *state;

    trial->pairs[0] = (struct option_pair){.name = "price", .value = "n"};
    trial->pairs[1] = (struct option_pair){.name = "n", .value = "price"};
    trial->alter.rename = (struct option_pairs){trial->pairs, 2};
    assert_int_equal(alter(trial), 0);
    assert_string_equal(trial->columns[2].name, "n");
    assert_string_equal(trial->columns[4].name, "price");
}

static void test_add(void **state)
{
    struct trial *trial = *state;

    trial->alter.add = text(trial, "\"flight date\" timestamptz");
    assert_int_equal(alter(trial), 0);
    assert_true(trial->changed);
    assert_int_equal(trial->count, 6);
    assert_string_equal(trial->columns[5].name, "flight date");
    assert_string_equal(trial->columns[5].type, "TIMESTAMP WITH TIME ZONE");
    assert_int_equal(trial->columns[5].field_id, 0);
    trial->alter.add = text(trial, "NAME text");
    assert_refused(trial, "lake.t would have two columns \"NAME\"");
    trial->alter.add = text(trial, "x int not null");
    assert_refused(trial, "--add \"x\": a new column is null in the rows that are there");
    trial->alter.add = text(trial, "x integr");
    assert_refused(trial, "--add \"x\": \"integr\" is not a type; did you mean \"integer\"?");
    trial->alter.add = text(trial, "x");
    assert_refused(trial, "--add: \"x\": write NAME TYPE");
    trial->alter.add = text(trial, "x hugeint");
    assert_int_equal(alter(trial), -1);
    assert_int_equal(trial->err.code, ERROR_NOT_SUPPORTED);
}

static void test_widen(void **state)
{
    struct trial *trial = *state;

    trial->alter.widen = text(trial, "price double");
    assert_int_equal(alter(trial), 0);
    assert_string_equal(trial->columns[2].type, "DOUBLE");
    assert_string_equal(trial->columns[2].comment, "in Euro");
    trial->alter.widen = text(trial, "n decimal(12,2)");
    assert_int_equal(alter(trial), 0);
    assert_string_equal(trial->columns[4].type, "DECIMAL(12,2)");
    trial->alter.widen = text(trial, "id bigint");
    assert_int_equal(alter(trial), 0);
    trial->alter.widen = text(trial, "n int4");
    assert_int_equal(alter(trial), 0);
    assert_false(trial->changed);
    trial->alter.widen = text(trial, "id decimal(20,0)");
    assert_refused(trial, "--widen \"id\": the key goes by its values");
    trial->alter.widen = text(trial, "n smallint");
    assert_refused(trial, "--widen \"n\": SMALLINT does not hold all values of INTEGER");
    trial->alter.widen = text(trial, "nn bigint");
    assert_refused(trial, "--widen: lake.t has no column \"nn\"");
}

static void test_comment_and_nullable(void **state)
{
    struct trial *trial = *state;

    trial->alter.comment = pair(trial, "price", "");
    trial->alter.nullable = text(trial, "id");
    assert_int_equal(alter(trial), 0);
    assert_true(trial->changed);
    assert_null(trial->columns[2].comment);
    assert_false(trial->columns[0].required);
    trial->alter.comment = pair(trial, "price", "in Euro");
    trial->alter.nullable = text(trial, "price");
    assert_int_equal(alter(trial), 0);
    assert_false(trial->changed);
    trial->alter.comment = pair(trial, "x", "y");
    assert_refused(trial, "--comment: lake.t has no column \"x\"");
}

static void test_names_are_checked(void **state)
{
    struct trial *trial = *state;
    struct catalog_alter *said = &trial->alter;

    said->sort_by = text(trial, "PRICE desc");
    assert_int_equal(
        catalog_alter_check_names(said, &trial->version, &trial->arena, &trial->err), 0);
    said->sort_by = text(trial, "x desc");
    assert_int_equal(
        catalog_alter_check_names(said, &trial->version, &trial->arena, &trial->err), -1);
    assert_string_equal(trial->err.message, "--sort-by: lake.t has no column \"x\"");
    *said = (struct catalog_alter){.partition_by = text(trial, "bucket(4, name)")};
    assert_int_equal(
        catalog_alter_check_names(said, &trial->version, &trial->arena, &trial->err), 0);
    said->partition_by = text(trial, "moth(name)");
    assert_int_equal(
        catalog_alter_check_names(said, &trial->version, &trial->arena, &trial->err), -1);
    assert_non_null(strstr(trial->err.message, "--partition-by: \"moth\""));
    *said = (struct catalog_alter){.key = text(trial, "who")};
    assert_int_equal(
        catalog_alter_check_names(said, &trial->version, &trial->arena, &trial->err), -1);
    assert_string_equal(trial->err.message, "--key: lake.t has no column \"who\"");
}

static void test_properties(void **state)
{
    struct trial *trial = *state;
    struct option_pairs pairs;

    pairs = pair(trial, "a", "1 \"x\"");
    assert_string_equal(catalog_alter_properties("{\"b\":\"2\"}", &pairs, &trial->arena),
        "{\"b\":\"2\",\"a\":\"1 \\\"x\\\"\"}");
    assert_string_equal(
        catalog_alter_properties(NULL, &pairs, &trial->arena), "{\"a\":\"1 \\\"x\\\"\"}");
    pairs = pair(trial, "b", "");
    assert_string_equal(catalog_alter_properties("{\"b\":\"2\"}", &pairs, &trial->arena), "{}");
}

/* --- catalog schema --diff --- */

static void assert_line(const struct schema_diff *diff, size_t index, enum schema_difference what,
    const char *column, const char *after)
{
    assert_true(index < diff->count);
    assert_int_equal(diff->lines[index].what, what);
    assert_string_equal(diff->lines[index].column, column);
    if (after)
        assert_string_equal(diff->lines[index].after, after);
}

static void test_differences(void **state)
{
    struct trial *trial = *state;
    struct sql_column columns[] = {{.name = "ID", .type = "BIGINT"},
        {.name = "price", .type = "DATE"}, {.name = "name", .type = "VARCHAR"},
        {.name = "n", .type = "int4"}, {.name = "new", .type = "bool"}};
    const struct sql_schema rows = {columns, 5};
    const struct load load = {.into = "lake.t"};
    struct schema_diff diff;

    trial->table[1].name = "valid_from";
    assert_int_equal(
        schema_diff_make(&load, &trial->version, &rows, &trial->arena, &diff, &trial->err), 0);
    assert_true(diff.changes);
    assert_int_equal(diff.count, 4);
    assert_line(&diff, 0, SCHEMA_WIDENED, "id", "BIGINT");
    assert_line(&diff, 1, SCHEMA_MISSING, "valid_from", "DATE");
    assert_line(&diff, 2, SCHEMA_CAST, "price", "FLOAT");
    assert_string_equal(diff.lines[2].rows, "DATE");
    assert_line(&diff, 3, SCHEMA_ADDED, "new", "BOOLEAN");
    assert_null(diff.lines[3].table);
    assert_int_equal(diff.column_count, 6);
    assert_int_equal(diff.columns[5].field_id, 0);
}

static void test_no_differences(void **state)
{
    struct trial *trial = *state;
    struct sql_column columns[] = {{.name = "id", .type = "INTEGER"},
        {.name = "price", .type = "NULL"}, {.name = "name", .type = "VARCHAR"},
        {.name = "n", .type = "int4"}};
    const struct sql_schema rows = {columns, 4};
    const struct load load = {.into = "lake.t", .mode = MODE_SCD2};
    struct schema_diff diff;

    trial->table[1].name = "valid_from"; /* which scd2 makes */
    assert_int_equal(
        schema_diff_make(&load, &trial->version, &rows, &trial->arena, &diff, &trial->err), 0);
    assert_false(diff.changes);
    assert_int_equal(diff.count, 0);
    trial->table[2].type = "NULL";
    columns[1].type = "DOUBLE";
    assert_int_equal(
        schema_diff_make(&load, &trial->version, &rows, &trial->arena, &diff, &trial->err), 0);
    assert_true(diff.changes);
    assert_line(&diff, 0, SCHEMA_TYPED, "price", "DOUBLE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rename, setup, teardown),
        cmocka_unit_test_setup_teardown(test_swap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_add, setup, teardown),
        cmocka_unit_test_setup_teardown(test_widen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comment_and_nullable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_properties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_differences, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_differences, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
