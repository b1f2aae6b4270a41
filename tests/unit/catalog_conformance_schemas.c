/* Columns, and schemas that evolve by field id. */
#include "tests/unit/catalog_conformance.h"

/* The schema of desk_add_version() as it is stored, to be changed. */
static struct catalog_column *columns_now(struct desk *desk)
{
    static const struct catalog_column columns[] = {{.name = "day", .type = "DATE", .field_id = 1},
        {.name = "id", .type = "INTEGER", .field_id = 2, .required = true, .comment = "of the row"},
        {.name = "seq", .type = "BIGINT", .field_id = 3},
        {.name = "note", .type = "NULL", .field_id = 4}, {0}, {0}};
    struct catalog_column *copy =
        arena_array(&desk->arena, ARRAY_LENGTH(columns), sizeof(*columns));

    memcpy(copy, columns, sizeof(columns));
    return copy;
}

static struct catalog_change *add_schema(
    struct desk *desk, const struct catalog_column *columns, size_t count)
{
    struct catalog_change *change = desk_add(desk, CATALOG_SET_SCHEMA);

    change->schema.columns = columns;
    change->schema.column_count = count;
    return change;
}

static void test_columns_are_checked(void **state)
{
    static const struct catalog_column bad[][2] = {
        {{.name = "a", .type = "DATE"}, {.name = "A", .type = "DATE"}},
        {{.name = "a", .type = "DATE"}, {.name = "", .type = "DATE"}},
        {{.name = "a", .type = "DATE"}, {.name = NULL, .type = "DATE"}},
        {{.name = "a", .type = "DATE"}, {.name = "b", .type = ""}},
        {{.name = "a", .type = "DATE"}, {.name = "b", .type = NULL}},
        {{.name = "a", .type = "DATE"}, {.name = "b\xff", .type = "DATE"}},
        {{.name = "a", .type = "DATE"}, {.name = "b", .type = "DATE", .comment = "\xff"}},
        {{.name = "a", .type = "DATE"}, {.name = "b", .type = "DATE", .field_id = -1}},
        {{.name = "a", .type = "DATE", .field_id = 5},
            {.name = "b", .type = "DATE", .field_id = 5}},
    };
    static const char *const parts[] = {"two columns are named \"A\"", "a column needs a name",
        "a column needs a name", "column \"b\": it needs a type", "column \"b\": it needs a type",
        "not valid UTF-8", "not valid UTF-8", "a field id is 1 or more", "have the same field id"};
    struct desk *desk = desk_with_table(state, false);

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct catalog_change *change = desk_add(desk, CATALOG_CREATE_VERSION);

        change->version.columns = bad[i];
        change->version.column_count = 2;
        desk_apply_fails(desk, ERROR_INVALID, parts[i]);
    }
    assert_int_equal(desk_ask(desk, CATALOG_LIST_VERSIONS).count, 1);
}

static void test_column_names_may_hold_anything(void **state)
{
    static const struct catalog_column columns[] = {{.name = "a \"quoted\", (one)", .type = "DATE"},
        {.name = "../../etc", .type = "DATE"}, {.name = "naïve\n\t", .type = "DATE"},
        {.name = "'; DROP TABLE tables; --", .type = "DATE"}};
    static const char *const partition_by[] = {
        "month(\"a \"\"quoted\"\", (one)\")", "bucket(4, \"../../etc\")"};
    struct desk *desk = desk_with_table(state, false);
    struct catalog_change *change = desk_add(desk, CATALOG_CREATE_VERSION);
    struct catalog_version version;

    change->version.columns = columns;
    change->version.column_count = ARRAY_LENGTH(columns);
    change->version.partition_by = partition_by;
    change->version.partition_count = ARRAY_LENGTH(partition_by);
    change->version.lifecycle = CATALOG_ACTIVE;
    desk_apply(desk);
    version = desk_version(desk);
    for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
        assert_string_equal(version.columns[i].name, columns[i].name);
    assert_string_equal(version.partition_by[0], partition_by[0]);
}

static void test_a_column_without_a_type_gets_one(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_column *columns = columns_now(desk);

    columns[4] = (struct catalog_column){.name = "more", .type = "DATE"};
    add_schema(desk, columns, 5);
    desk_add(desk, CATALOG_SET_COLUMN_TYPE)->column =
        (struct catalog_column){.name = "note", .type = "VARCHAR"};
    desk_add(desk, CATALOG_SET_COLUMN_TYPE)->column =
        (struct catalog_column){.name = "note", .type = "VARCHAR"}; /* the same again is fine */
    desk_apply(desk);
    assert_string_equal(desk_version(desk).columns[3].type, "VARCHAR");
    assert_int_equal(desk_version(desk).schema_id, 2); /* the type makes no schema of its own */
    assert_string_equal(desk_ask(desk, CATALOG_LIST_SCHEMAS).schemas[0].columns[3].type, "VARCHAR");
    desk_add(desk, CATALOG_SET_COLUMN_TYPE)->column =
        (struct catalog_column){.name = "note", .type = "BIGINT"};
    desk_apply_fails(desk, ERROR_CONFLICT, "n.t version 1: column \"note\" has got another type");
    desk_add(desk, CATALOG_SET_COLUMN_TYPE)->column =
        (struct catalog_column){.name = "nobody", .type = "BIGINT"};
    desk_apply_fails(desk, ERROR_NOT_FOUND, "n.t version 1: it has no column \"nobody\"");
}

static void test_a_schema_evolves(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_column *columns = columns_now(desk);
    struct catalog_query schemas;
    struct catalog_version version;

    desk_add_append(desk, "d", "old", 1);
    desk_apply(desk);
    columns[1].type = "BIGINT";                                            /* widened */
    columns[1].required = false;                                           /* no longer required */
    columns[3].type = "VARCHAR";                                           /* got its type */
    columns[3].name = "remark";                                            /* renamed */
    columns[4] = (struct catalog_column){.name = "new", .type = "DOUBLE"}; /* added */
    add_schema(desk, columns, 5)->expect_schema_id = 1;
    desk_apply(desk);
    version = desk_version(desk);
    assert_int_equal(version.schema_id, 2);
    assert_int_equal(version.column_count, 5);
    assert_string_equal(version.columns[1].type, "BIGINT");
    assert_false(version.columns[1].required);
    assert_string_equal(version.columns[3].name, "remark");
    assert_int_equal(version.columns[3].field_id, 4);
    assert_int_equal(version.columns[4].field_id, 5);
    assert_int_equal(version.last_position, 1); /* rows are what they were */
    schemas = desk_ask(desk, CATALOG_LIST_SCHEMAS);
    assert_int_equal(schemas.count, 2); /* the oldest first */
    assert_int_equal(schemas.schemas[0].id, 1);
    assert_int_equal(schemas.schemas[1].id, 2);
    assert_int_equal(schemas.schemas[0].column_count, 4);
    assert_string_equal(schemas.schemas[0].columns[1].type, "INTEGER");
    assert_string_equal(schemas.schemas[0].columns[3].name, "note");
    assert_true(schemas.schemas[1].created_ms > 0);
    columns[4].field_id = 5; /* the same again makes none */
    add_schema(desk, columns, 5);
    desk_apply(desk);
    assert_int_equal(desk_version(desk).schema_id, 2);
    columns[5] = (struct catalog_column){.name = "newer", .type = "DATE"};
    add_schema(desk, columns, 6);
    desk_apply(desk);
    assert_int_equal(desk_version(desk).columns[5].field_id, 6); /* never given twice */
}

static void test_an_older_schema_is_a_conflict(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_column *columns = columns_now(desk);

    columns[4] = (struct catalog_column){.name = "new", .type = "DOUBLE"};
    add_schema(desk, columns, 5)->expect_schema_id = 1;
    desk_apply(desk);
    columns[4].name = "mine";
    add_schema(desk, columns, 5)->expect_schema_id = 1;
    desk_apply_fails(desk, ERROR_CONFLICT, "n.t version 1: its schema is 2 by now and 1 was");
}

static void test_what_a_schema_may_not_become(void **state)
{
    struct desk *desk = desk_with_table(state, true);
    static const struct {
        size_t column;
        struct catalog_column becomes;
        const char *part;
    } refused[] = {
        {1, {"id", "VARCHAR", 2, true, NULL}, "column \"id\": it is INTEGER and not all of its"},
        {2, {"seq", "INTEGER", 3, false, NULL}, "column \"seq\": it is BIGINT and not all of its"},
        {2, {"seq", "BIGINT", 3, true, NULL}, "column \"seq\": it cannot become required"},
        {1, {"ident", "INTEGER", 2, true, NULL},
            "column \"id\": it cannot be renamed to \"ident\", as the table's key names it"},
        {2, {"sequence", "BIGINT", 3, false, NULL},
            "column \"seq\": it cannot be renamed to \"sequence\", as the table's sort_by names"},
        {0, {"date", "DATE", 1, false, NULL}, "column \"day\": it cannot be renamed to \"date\""},
        {3, {"note", "NULL", 9, false, NULL}, "column \"note\": it is missing in the new schema"},
        {3, {"note", "NULL", 0, false, NULL}, "column \"note\": it is missing in the new schema"},
        {4, {"more", "DATE", 9, false, NULL}, "column \"more\": there is no field 9"},
        {4, {"more", "DATE", 0, true, NULL}, "column \"more\": it cannot be required, rows that"},
        {4, {"ID", "DATE", 0, false, NULL}, "two columns are named \"ID\""},
    };

    desk_add_append(desk, "d", "old", 1);
    desk_apply(desk);
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct catalog_column *columns = columns_now(desk);

        columns[refused[i].column] = refused[i].becomes;
        add_schema(desk, columns, refused[i].column == 4 ? 5 : 4);
        desk_apply_fails(desk, ERROR_INVALID, refused[i].part);
        assert_contains(desk->err.message, "n.t version 1");
    }
    add_schema(desk, columns_now(desk), 3);
    desk_apply_fails(desk, ERROR_INVALID, "column \"note\": it is missing in the new schema");
    assert_int_equal(desk_version(desk).schema_id, 1);
}

static void test_types_that_widen(void **state)
{
    static const struct {
        const char *from, *to;
        bool widens;
    } types[] = {
        {"INTEGER", "BIGINT", true},
        {"SMALLINT", "INTEGER", true},
        {"BIGINT", "DECIMAL(19,0)", true},
        {"BIGINT", "DECIMAL(18,0)", false},
        {"FLOAT", "DOUBLE", true},
        {"DOUBLE", "FLOAT", false},
        {"DECIMAL(10,2)", "DECIMAL(12,2)", true},
        {"DECIMAL(10,2)", "DECIMAL(11,3)", true},
        {"DECIMAL(10,2)", "DECIMAL(10,3)", false},
        {"DECIMAL(10,2)", "DECIMAL(12,1)", false},
        {"NULL", "VARCHAR", true},
        {"VARCHAR", "NULL", false},
        {"DATE", "TIMESTAMP", false},
        {"BIGINT", "DOUBLE", false},
    };
    struct desk *desk = desk_with_table(state, false);

    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        struct catalog_column column = {.name = "c", .type = types[i].from};
        struct catalog_change *change = desk_add(desk, CATALOG_CREATE_VERSION);

        change->version.columns = &column;
        change->version.column_count = 1;
        change->version.lifecycle = CATALOG_ACTIVE;
        desk_apply(desk);
        column.type = types[i].to;
        column.field_id = 1;
        add_schema(desk, &column, 1);
        if (types[i].widens) {
            desk_apply(desk);
            assert_string_equal(desk_version(desk).columns[0].type, types[i].to);
        } else {
            desk_apply_fails(desk, ERROR_INVALID, types[i].from);
            assert_contains(desk->err.message, types[i].to);
        }
    }
}

static void test_types_are_types(void **state)
{
    static const struct {
        const char *type, *stored; /* NULL: refused */
        enum error_code code;
    } types[] = {
        {"int4", "INTEGER", ERROR_NONE},
        {"timestamptz", "TIMESTAMP WITH TIME ZONE", ERROR_NONE},
        {"decimal(10, 2)[]", "DECIMAL(10,2)[]", ERROR_NONE},
        {"HUGEINT", NULL, ERROR_NOT_SUPPORTED},
        {"NOTHING", NULL, ERROR_INVALID},
    };
    struct desk *desk = desk_with_table(state, false);

    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        struct catalog_column *columns = columns_now(desk);

        columns[3].type = types[i].type;
        for (int verb = 0; verb < 3; verb++) {
            struct catalog_change *change;

            if (verb == 0)
                add_schema(desk, columns, 4);
            if (verb == 1) {
                desk_add(desk, CATALOG_SET_COLUMN_TYPE)->column =
                    (struct catalog_column){.name = "note", .type = types[i].type};
            }
            if (verb == 2) {
                change = desk_add_version(desk, false);
                change->version.columns = columns;
                change->version.lifecycle = CATALOG_BETA;
            }
            if (!types[i].stored) {
                desk_apply_fails(desk, types[i].code, types[i].type);
                assert_contains(desk->err.message, "column \"note\"");
                continue;
            }
            desk_apply(desk);
            if (verb < 2)
                assert_string_equal(desk_version(desk).columns[3].type, types[i].stored);
        }
        if (types[i].stored) { /* a new one, where it has no type yet */
            desk_add_version(desk, false);
            desk_apply(desk);
        }
    }
}

static void test_a_file_says_its_schema(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_column *columns = columns_now(desk);
    struct catalog_file *file;

    columns[4] = (struct catalog_column){.name = "new", .type = "DOUBLE"};
    desk_add_append(desk, "d", "old", 1);
    desk_apply(desk);
    add_schema(desk, columns, 5); /* in the same apply as the first file of it */
    desk_add_append(desk, "d", "new", 1);
    file = (struct catalog_file *)desk->changes[2].delta.files;
    file->schema_id = 2;
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_FILES).deltas[0].files[0].schema_id, 0);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_FILES).deltas[1].files[0].schema_id, 2);
    desk_add_append(desk, "d", "newer", 1);
    file = (struct catalog_file *)desk->changes[1].delta.files;
    file->schema_id = 3;
    desk_apply_fails(desk, ERROR_INVALID, "file 1 of the manifest (newer): there is no schema 3");
    desk_check(desk);
}

/* Who found no table wrote files of the first schema; by now there may be a second one. */
static void test_created_meanwhile(void **state)
{
    static const struct catalog_column first[] = {{.name = "n", .type = "INTEGER"}};
    static const struct catalog_column second[] = {{.name = "n", .type = "BIGINT", .field_id = 1}};
    struct desk *desk = desk_with_table(state, false);
    struct catalog_change *change;

    for (int again = 0; again < 3; again++) {
        change = desk_add(desk, CATALOG_CREATE_VERSION);
        change->at.version = 2;
        change->if_missing = true;
        change->version.columns = again == 2 ? second : first;
        change->version.column_count = 1;
        change->version.lifecycle = CATALOG_ACTIVE;
        if (again < 2)
            desk_apply(desk);
        else
            desk_apply_fails(desk, ERROR_CONFLICT, "another load has created it");
        if (again == 0) {
            add_schema(desk, second, 1)->at.version = 2;
            desk_apply(desk);
        }
    }
}

int conformance_schemas(const struct conformance_implementation *implementation)
{
    const struct CMUnitTest tests[] = {
        ON_DESK(test_columns_are_checked, implementation),
        ON_DESK(test_column_names_may_hold_anything, implementation),
        ON_DESK(test_a_column_without_a_type_gets_one, implementation),
        ON_DESK(test_a_schema_evolves, implementation),
        ON_DESK(test_an_older_schema_is_a_conflict, implementation),
        ON_DESK(test_what_a_schema_may_not_become, implementation),
        ON_DESK(test_types_that_widen, implementation),
        ON_DESK(test_types_are_types, implementation),
        ON_DESK(test_a_file_says_its_schema, implementation),
        ON_DESK(test_created_meanwhile, implementation),
    };

    return cmocka_run_group_tests_name("schemas", tests, NULL, NULL);
}
