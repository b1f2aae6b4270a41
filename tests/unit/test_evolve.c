/* New rows meet a table's columns: what is added, what becomes wider, what is refused. */
#include "runner/engine/evolve.h"

#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct trial {
    struct arena arena;
    struct evolve evolve;
    struct catalog_column table[4];
    struct sql_column rows[4];
    struct sql_schema schema;
    struct error err;
    const char *fixed[1];
};

/* A table (id BIGINT 1, v TYPE 7) and rows (ID BIGINT, v type). */
static int try_types(
    struct trial *trial, const char *table, const char *rows, enum schema_policy policy)
{
    *trial = (struct trial){
        .table = {{.name = "id", .type = "BIGINT", .field_id = 1},
            {.name = "v", .type = table, .field_id = 7}},
        .rows = {{.name = "ID", .type = "BIGINT"}, {.name = "v", .type = rows}},
    };
    arena_init(&trial->arena);
    trial->schema = (struct sql_schema){trial->rows, 2};
    trial->evolve = (struct evolve){.table = "n.t",
        .columns = trial->table,
        .column_count = 2,
        .rows = &trial->schema,
        .policy = policy};
    return evolve_columns(&trial->evolve, &trial->arena, &trial->err);
}

static void assert_becomes(const char *table, const char *rows, const char *type)
{
    struct trial trial;

    assert_int_equal(try_types(&trial, table, rows, SCHEMA_EVOLVE), 0);
    if (strcmp(trial.evolve.ret_columns[1].type, type) != 0)
        fail_msg("%s with %s becomes %s", table, rows, trial.evolve.ret_columns[1].type);
    assert_int_equal(trial.evolve.ret_changed, strcmp(table, type) != 0);
    assert_int_equal(trial.evolve.ret_columns[1].field_id, 7);
    assert_string_equal(trial.evolve.ret_write.columns[1].type, type);
    assert_int_equal(trial.evolve.ret_write.columns[1].field_id, 7);
    assert_int_equal(trial.evolve.ret_write.columns[0].field_id, 1);
    assert_string_equal(trial.evolve.ret_write.columns[0].name, "id");
    arena_deinit(&trial.arena);
}

static void types_become_wider(void **state)
{
    (void)state;
    assert_becomes("INTEGER", "BIGINT", "BIGINT");
    assert_becomes("BIGINT", "DECIMAL(10,2)", "DECIMAL(21,2)");
    assert_becomes("INTEGER", "UINTEGER", "BIGINT");
    assert_becomes("FLOAT", "DOUBLE", "DOUBLE");
    assert_becomes("DECIMAL(10,2)", "DECIMAL(10,4)", "DECIMAL(12,4)");
    assert_becomes(
        "STRUCT(\"a\" INTEGER)", "STRUCT(b DATE, a BIGINT)", "STRUCT(\"a\" BIGINT, \"b\" DATE)");
    assert_becomes("INTEGER[]", "BIGINT[3]", "BIGINT[]");
}

static void later_types_are_fitted(void **state)
{
    static const char *const pairs[][2] = {{"BIGINT", "INTEGER"}, {"DOUBLE", "FLOAT"},
        {"DECIMAL(10,2)", "BIGINT"}, {"BIGINT", "VARCHAR"}, {"VARCHAR", "BIGINT"},
        {"BIGINT", "DOUBLE"}, {"DOUBLE", "BIGINT"}, {"DATE", "TIMESTAMP"}, {"BIGINT", "HUGEINT"},
        {"BIGINT", "NULL"}, {"STRUCT(\"a\" BIGINT, \"b\" DATE)", "STRUCT(a INTEGER)"},
        {"VARCHAR", "ENUM('a')"}, {"DECIMAL(38,0)", "DECIMAL(38,2)"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
        assert_becomes(pairs[i][0], pairs[i][1], pairs[i][0]);
}

static void only_evolve_widens(void **state)
{
    struct trial trial;

    (void)state;
    for (int policy = SCHEMA_FREEZE; policy <= SCHEMA_DISCARD_ROWS; policy++) {
        assert_int_equal(try_types(&trial, "INTEGER", "BIGINT", (enum schema_policy)policy), 0);
        assert_string_equal(trial.evolve.ret_columns[1].type, "INTEGER");
        assert_false(trial.evolve.ret_changed);
        arena_deinit(&trial.arena);
    }
}

/* What partitions and keys are made of keeps its texts. */
static void fixed_columns_stay_whole_numbers(void **state)
{
    static const char *const cases[][3] = {{"INTEGER", "BIGINT", "BIGINT"},
        {"BIGINT", "DECIMAL(20,2)", "BIGINT"}, {"FLOAT", "DOUBLE", "FLOAT"}};
    struct trial trial;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(try_types(&trial, cases[i][0], cases[i][1], SCHEMA_EVOLVE), 0);
        trial.fixed[0] = "V";
        trial.evolve.fixed = (struct text_list){trial.fixed, 1};
        assert_int_equal(evolve_columns(&trial.evolve, &trial.arena, &trial.err), 0);
        assert_string_equal(trial.evolve.ret_columns[1].type, cases[i][2]);
        arena_deinit(&trial.arena);
    }
}

static void a_type_appears(void **state)
{
    struct trial trial;

    (void)state;
    assert_int_equal(try_types(&trial, "NULL", "int4", SCHEMA_FREEZE), 0);
    assert_string_equal(trial.evolve.ret_columns[1].type, "INTEGER");
    assert_false(trial.evolve.ret_changed); /* it is set, and no schema of its own */
    arena_deinit(&trial.arena);
}

static void a_field_without_a_place(void **state)
{
    struct trial trial;
    const char *table = "STRUCT(\"a\" INTEGER)", *rows = "STRUCT(a INTEGER, b DATE)";

    (void)state;
    assert_int_equal(try_types(&trial, table, rows, SCHEMA_FREEZE), -1);
    assert_int_equal(trial.err.code, ERROR_DATA);
    assert_string_equal(trial.err.message,
        "column \"v\" is STRUCT(\"a\" INTEGER, \"b\" DATE) and must be STRUCT(\"a\" INTEGER), as "
        "the table n.t has it, which has no place for the field \"b\"; cast it in the SELECT, or "
        "write schema: discard_columns");
    arena_deinit(&trial.arena);
    assert_int_equal(try_types(&trial, table, rows, SCHEMA_DISCARD_ROWS), -1);
    arena_deinit(&trial.arena);
    assert_int_equal(try_types(&trial, table, rows, SCHEMA_DISCARD_COLUMNS), 0);
    arena_deinit(&trial.arena);
    /* neither holds the other, and there is no third */
    assert_int_equal(
        try_types(&trial, "STRUCT(a DATE)[]", "STRUCT(a INTEGER, b DATE)[]", SCHEMA_EVOLVE), -1);
    arena_deinit(&trial.arena);
}

static int try_columns(struct trial *trial, enum schema_policy policy, bool required)
{
    try_types(trial, "BIGINT", "BIGINT", policy);
    trial->table[1].required = required;
    trial->rows[1] = (struct sql_column){.name = "w", .type = "timestamptz"};
    trial->rows[2] = (struct sql_column){.name = "x", .type = "NULL"};
    trial->schema.count = 3;
    return evolve_columns(&trial->evolve, &trial->arena, &trial->err);
}

static void columns_are_added_behind(void **state)
{
    struct trial trial;

    (void)state;
    assert_int_equal(try_columns(&trial, SCHEMA_EVOLVE, false), 0);
    assert_true(trial.evolve.ret_changed);
    assert_int_equal(trial.evolve.ret_column_count, 4);
    assert_string_equal(trial.evolve.ret_columns[1].name, "v"); /* kept, null in these rows */
    assert_string_equal(trial.evolve.ret_columns[2].name, "w");
    assert_string_equal(trial.evolve.ret_columns[2].type, "TIMESTAMP WITH TIME ZONE");
    assert_int_equal(trial.evolve.ret_columns[2].field_id, 8);
    assert_string_equal(trial.evolve.ret_columns[3].type, "NULL");
    assert_int_equal(trial.evolve.ret_write.columns[3].field_id, 9);
    assert_string_equal(trial.evolve.ret_what, "w TIMESTAMP WITH TIME ZONE added, x NULL added");
    arena_deinit(&trial.arena);
    for (int policy = SCHEMA_DISCARD_COLUMNS; policy <= SCHEMA_DISCARD_ROWS; policy++) {
        assert_int_equal(try_columns(&trial, (enum schema_policy)policy, false), 0);
        assert_false(trial.evolve.ret_changed);
        assert_int_equal(trial.evolve.ret_write.count, 2);
        arena_deinit(&trial.arena);
    }
    assert_int_equal(try_columns(&trial, SCHEMA_FREEZE, false), -1);
    assert_string_equal(trial.err.message,
        "column \"w\" (timestamptz) is not in the table n.t and its schema is frozen; leave it out "
        "of the SELECT, or write schema: discard_columns");
    arena_deinit(&trial.arena);
}

static void a_required_column_cannot_lack(void **state)
{
    struct trial trial;

    (void)state;
    assert_int_equal(try_columns(&trial, SCHEMA_EVOLVE, true), -1);
    assert_int_equal(trial.err.code, ERROR_DATA);
    assert_string_equal(trial.err.message,
        "column \"v\" of the table n.t is required and the rows have none; add it to the SELECT, "
        "or let it be null: sluice catalog alter n.t --nullable v");
    arena_deinit(&trial.arena);
}

static void a_new_table_takes_the_rows_columns(void **state)
{
    struct trial trial;

    (void)state;
    try_types(&trial, "BIGINT", "ENUM('a', 'b')", SCHEMA_FREEZE);
    trial.evolve.columns = NULL;
    trial.evolve.column_count = 0;
    assert_int_equal(evolve_columns(&trial.evolve, &trial.arena, &trial.err), 0);
    assert_false(trial.evolve.ret_changed);
    assert_int_equal(trial.evolve.ret_column_count, 2);
    assert_string_equal(trial.evolve.ret_columns[0].name, "ID");
    assert_int_equal(trial.evolve.ret_write.columns[0].field_id, 1);
    assert_string_equal(trial.evolve.ret_columns[1].type, "VARCHAR");
    assert_int_equal(trial.evolve.ret_columns[1].field_id, 2);
    assert_string_equal(trial.evolve.ret_what, "");
    arena_deinit(&trial.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_become_wider),
        cmocka_unit_test(later_types_are_fitted),
        cmocka_unit_test(only_evolve_widens),
        cmocka_unit_test(fixed_columns_stay_whole_numbers),
        cmocka_unit_test(a_type_appears),
        cmocka_unit_test(a_field_without_a_place),
        cmocka_unit_test(columns_are_added_behind),
        cmocka_unit_test(a_required_column_cannot_lack),
        cmocka_unit_test(a_new_table_takes_the_rows_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
