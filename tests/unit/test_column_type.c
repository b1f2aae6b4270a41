#include "runner/base/column_type.h"

#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct column_type *parse(struct arena *arena, const char *text)
{
    const struct column_type *type;
    struct error err = {0};

    if (column_type_parse(text, arena, &type, &err))
        fail_msg("%s: %s", text, err.message);
    return type;
}

static void assert_prints(struct arena *arena, const char *text, const char *expected)
{
    struct buffer buffer;

    buffer_init(&buffer, 0);
    column_type_append(&buffer, parse(arena, text));
    assert_string_equal(buffer.data, expected);
    buffer_deinit(&buffer);
}

static void every_spelling_has_one_name(void **state)
{
    static const char *const pairs[][2] = {{"BIGINT", "BIGINT"}, {"int8", "BIGINT"},
        {"long", "BIGINT"}, {"INT", "INTEGER"}, {"int4", "INTEGER"}, {"signed", "INTEGER"},
        {"short", "SMALLINT"}, {"int1", "TINYINT"}, {"uint8", "UTINYINT"}, {"UBIGINT", "UBIGINT"},
        {"bool", "BOOLEAN"}, {"text", "VARCHAR"}, {"VARCHAR(10)", "VARCHAR"},
        {"character varying(3)", "VARCHAR"}, {"national character varying", "VARCHAR"},
        {"char", "VARCHAR"}, {"real", "FLOAT"}, {"float(10)", "FLOAT"}, {"float(53)", "DOUBLE"},
        {"double precision", "DOUBLE"}, {"float8", "DOUBLE"}, {"bytea", "BLOB"}, {"guid", "UUID"},
        {"numeric", "DECIMAL(18,3)"}, {"dec(5)", "DECIMAL(5,0)"},
        {"DECIMAL( 10 , 2 )", "DECIMAL(10,2)"}, {"decimal(38,38)", "DECIMAL(38,38)"},
        {"datetime", "TIMESTAMP"}, {"TIMESTAMP_S", "TIMESTAMP"}, {"TIMESTAMP_MS", "TIMESTAMP"},
        {"timestamp(3)", "TIMESTAMP"}, {"timestamp(9)", "TIMESTAMP_NS"},
        {"timestamp without time zone", "TIMESTAMP"}, {"TIMESTAMP_NS", "TIMESTAMP_NS"},
        {"timestamptz", "TIMESTAMP WITH TIME ZONE"},
        {"Timestamp  With Time\tZone", "TIMESTAMP WITH TIME ZONE"}, {"time", "TIME"},
        {"TIME WITHOUT TIME ZONE", "TIME"}, {"JSON", "JSON"}, {"NULL", "NULL"},
        {"\"NULL\"", "NULL"}, {"ENUM('a', 'b''c', 'd)')", "VARCHAR"}, {" date ", "DATE"}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
        assert_prints(&arena, pairs[i][0], pairs[i][1]);
    arena_deinit(&arena);
}

static void nested_types_keep_their_names(void **state)
{
    struct arena arena;
    const struct column_type *type;

    (void)state;
    arena_init(&arena);
    assert_prints(&arena, "INTEGER[]", "INTEGER[]");
    assert_prints(&arena, "INTEGER[3]", "INTEGER[]");
    assert_prints(&arena, "INT[][2]", "INTEGER[][]");
    assert_prints(&arena, "int array", "INTEGER[]");
    assert_prints(&arena, "int array[4]", "INTEGER[]");
    assert_prints(&arena, "MAP(VARCHAR, INTEGER[])", "MAP(VARCHAR, INTEGER[])");
    assert_prints(&arena, "row(a int)", "STRUCT(\"a\" INTEGER)");
    assert_prints(&arena,
        "STRUCT(\"a b\" INTEGER, c VARCHAR[], \"x\"\"y\" DECIMAL(10,2), \"struct\" DATE)[]",
        "STRUCT(\"a b\" INTEGER, \"c\" VARCHAR[], \"x\"\"y\" DECIMAL(10,2), \"struct\" DATE)[]");
    assert_prints(&arena, "STRUCT(größe INT, \"\" INT)", "STRUCT(\"größe\" INTEGER, \"\" INTEGER)");
    assert_prints(&arena, "STRUCT(a STRUCT(b MAP(INTEGER, STRUCT(c INTEGER[][]))))",
        "STRUCT(\"a\" STRUCT(\"b\" MAP(INTEGER, STRUCT(\"c\" INTEGER[][]))))");
    type = parse(&arena, "struct(a int, b timestamp with time zone, c enum('x'))");
    assert_int_equal(type->kind, COLUMN_STRUCT);
    assert_int_equal(type->inner_count, 3);
    assert_string_equal(type->names[2], "c");
    assert_int_equal(type->inner[1]->kind, COLUMN_TIMESTAMPTZ);
    assert_int_equal(type->inner[2]->kind, COLUMN_ENUM);
    arena_deinit(&arena);
}

static void assert_refused(const char *text, int code, const char *part)
{
    const struct column_type *type = NULL;
    struct error err = {0};
    struct arena arena;

    arena_init(&arena);
    assert_int_equal(column_type_parse(text, &arena, &type, &err), -1);
    assert_null(type);
    assert_int_equal(err.code, code);
    if (!strstr(err.message, part))
        fail_msg("%s: \"%s\" is not in: %s", text, part, err.message);
    arena_deinit(&arena);
}

static void what_is_no_type_is_refused(void **state)
{
    struct buffer deep;

    (void)state;
    assert_refused("", ERROR_INVALID, "it ends too early");
    assert_refused("bigin", ERROR_INVALID, "did you mean \"bigint\"?");
    assert_refused("colour", ERROR_INVALID, "is not a type: write one");
    assert_refused("INTEGER[", ERROR_INVALID, "a list is written TYPE[]");
    assert_refused("INTEGER[0]", ERROR_INVALID, "a list is written TYPE[]");
    assert_refused("INTEGER x", ERROR_INVALID, "there is more behind it");
    assert_refused("DECIMAL(39,2)", ERROR_INVALID, "1 to 38 digits");
    assert_refused("DECIMAL(5,6)", ERROR_INVALID, "no more digits behind the point");
    assert_refused("DECIMAL(5,-1)", ERROR_INVALID, "a decimal is written");
    assert_refused("DECIMAL(5", ERROR_INVALID, "a decimal is written");
    assert_refused("STRUCT", ERROR_INVALID, "a struct is written");
    assert_refused("STRUCT()", ERROR_INVALID, "a name is missing");
    assert_refused("STRUCT(a)", ERROR_INVALID, "a name is missing");
    assert_refused("STRUCT(a INT, A INT)", ERROR_INVALID, "two fields of the same name");
    assert_refused("STRUCT(\"a INT)", ERROR_INVALID, "a quoted name does not end");
    assert_refused("STRUCT(\"a\"\" INT)", ERROR_INVALID, "a quoted name does not end");
    assert_refused("\"", ERROR_INVALID, "a quoted name does not end");
    assert_refused("MAP(INT)", ERROR_INVALID, "a map is written");
    assert_refused("ENUM('a)", ERROR_INVALID, "an enumeration is written");
    assert_refused("ENUM()", ERROR_INVALID, "an enumeration is written");
    assert_refused("timestamp with zone", ERROR_INVALID, "did you mean TIMESTAMP WITH TIME ZONE?");
    assert_refused("timestamp(10)", ERROR_INVALID, "0 to 9 digits");
    buffer_init(&deep, 0);
    buffer_puts(&deep, "INTEGER");
    for (int i = 0; i < 40; i++)
        buffer_puts(&deep, "[]");
    assert_refused(deep.data, ERROR_INVALID, "nested too deeply");
    buffer_clear(&deep);
    for (int i = 0; i < 40; i++)
        buffer_puts(&deep, "STRUCT(a ");
    assert_refused(deep.data, ERROR_INVALID, "nested too deeply");
    buffer_deinit(&deep);
}

static void what_files_would_bend_is_refused(void **state)
{
    (void)state;
    assert_refused("HUGEINT", ERROR_NOT_SUPPORTED, "cast it to DECIMAL(38,0), BIGINT or DOUBLE");
    assert_refused("STRUCT(a HUGEINT)[]", ERROR_NOT_SUPPORTED, "table files cannot hold HUGEINT");
    assert_refused("INTERVAL", ERROR_NOT_SUPPORTED, "cast it to VARCHAR or a number");
    assert_refused("TIME WITH TIME ZONE", ERROR_NOT_SUPPORTED, "cast it to TIME");
    assert_refused("timetz", ERROR_NOT_SUPPORTED, "cast it to TIME");
    assert_refused("UNION(a INTEGER, b VARCHAR)", ERROR_NOT_SUPPORTED, "cast it to one type");
    assert_refused("BIT", ERROR_NOT_SUPPORTED, "cast it to VARCHAR");
    assert_refused("BIGNUM", ERROR_NOT_SUPPORTED, "cast it to");
    assert_refused("GEOMETRY", ERROR_NOT_SUPPORTED, "cast it to VARCHAR or BLOB");
}

static void equality_looks_through_spelling(void **state)
{
    static const char *const same[][2] = {{"int8", "BIGINT"},
        {"STRUCT(a INT)", "STRUCT(\"A\" int4)"}, {"ENUM('a')", "text"}, {"INT[3]", "INT[]"},
        {"timestamp_s", "timestamp"}};
    static const char *const different[][2] = {{"INT", "BIGINT"},
        {"STRUCT(a INT)", "STRUCT(b INT)"}, {"STRUCT(a INT)", "STRUCT(a INT, b INT)"},
        {"STRUCT(a INT, b INT)", "STRUCT(b INT, a INT)"}, {"DECIMAL(10,2)", "DECIMAL(10,3)"},
        {"INT[]", "INT"}, {"JSON", "VARCHAR"}, {"MAP(INT, INT)", "MAP(INT, BIGINT)"}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LENGTH(same); i++)
        assert_true(column_type_equal(parse(&arena, same[i][0]), parse(&arena, same[i][1])));
    for (size_t i = 0; i < ARRAY_LENGTH(different); i++)
        assert_false(
            column_type_equal(parse(&arena, different[i][0]), parse(&arena, different[i][1])));
    arena_deinit(&arena);
}

static void widening_keeps_every_value(void **state)
{
    static const char *const yes[][2] = {{"INT", "BIGINT"}, {"TINYINT", "SMALLINT"},
        {"UTINYINT", "SMALLINT"}, {"UINTEGER", "BIGINT"}, {"UINTEGER", "UBIGINT"}, {"INT", "INT"},
        {"INT", "DECIMAL(10,0)"}, {"BIGINT", "DECIMAL(22,3)"}, {"UBIGINT", "DECIMAL(20,0)"},
        {"FLOAT", "DOUBLE"}, {"DECIMAL(10,2)", "DECIMAL(12,2)"}, {"DECIMAL(10,2)", "DECIMAL(11,3)"},
        {"NULL", "INT"}, {"NULL", "STRUCT(a INT)[]"}, {"ENUM('a')", "VARCHAR"},
        {"STRUCT(a INT)", "STRUCT(b INT, a BIGINT)"}, {"INT[]", "BIGINT[]"},
        {"MAP(INT, FLOAT)", "MAP(BIGINT, DOUBLE)"}, {"\"NULL\"[]", "DATE[]"}};
    static const char *const no[][2] = {{"BIGINT", "INT"}, {"INT", "UINTEGER"}, {"UINTEGER", "INT"},
        {"UBIGINT", "BIGINT"}, {"INT", "DECIMAL(10,1)"}, {"INT", "DOUBLE"}, {"DOUBLE", "FLOAT"},
        {"DECIMAL(10,2)", "DECIMAL(12,1)"}, {"DECIMAL(10,2)", "DECIMAL(10,3)"}, {"INT", "NULL"},
        {"DATE", "TIMESTAMP"}, {"VARCHAR", "JSON"}, {"JSON", "VARCHAR"}, {"DECIMAL(3,0)", "INT"},
        {"STRUCT(a INT, b INT)", "STRUCT(a INT)"}, {"STRUCT(a BIGINT)", "STRUCT(a INT)"},
        {"INT[]", "INT"}, {"BOOLEAN", "INT"}, {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"},
        {"TIMESTAMP", "TIMESTAMP_NS"}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LENGTH(yes); i++) {
        if (!column_type_widens(parse(&arena, yes[i][0]), parse(&arena, yes[i][1])))
            fail_msg("%s to %s", yes[i][0], yes[i][1]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(no); i++) {
        if (column_type_widens(parse(&arena, no[i][0]), parse(&arena, no[i][1])))
            fail_msg("%s to %s", no[i][0], no[i][1]);
    }
    arena_deinit(&arena);
}

static void two_types_have_the_narrowest_one_that_holds_both(void **state)
{
    static const char *const triples[][3] = {{"INT", "BIGINT", "BIGINT"},
        {"INT", "UINTEGER", "BIGINT"}, {"UTINYINT", "TINYINT", "SMALLINT"},
        {"UBIGINT", "INT", "DECIMAL(20,0)"}, {"BIGINT", "DECIMAL(10,2)", "DECIMAL(21,2)"},
        {"DECIMAL(10,2)", "DECIMAL(10,5)", "DECIMAL(13,5)"},
        {"DECIMAL(38,0)", "DECIMAL(38,2)", NULL}, {"FLOAT", "DOUBLE", "DOUBLE"},
        {"NULL", "DATE", "DATE"}, {"DATE", "TIMESTAMP", NULL}, {"INT", "DOUBLE", NULL},
        {"INT", "VARCHAR", NULL}, {"INT[]", "BIGINT[]", "BIGINT[]"}, {"INT[]", "DATE[]", NULL},
        {"STRUCT(a INT, c DATE)", "STRUCT(b INT, A BIGINT)",
            "STRUCT(\"a\" BIGINT, \"c\" DATE, \"b\" INTEGER)"},
        {"STRUCT(a INT)", "STRUCT(a DATE)", NULL}, {"STRUCT(a INT)", "INT[]", NULL},
        {"MAP(INT, UINTEGER)", "MAP(BIGINT, INT)", "MAP(BIGINT, BIGINT)"}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LENGTH(triples); i++) {
        const struct column_type *a = parse(&arena, triples[i][0]),
                                 *b = parse(&arena, triples[i][1]);
        const struct column_type *there = column_type_common(a, b, &arena);
        const struct column_type *back = column_type_common(b, a, &arena);

        if (!there != !triples[i][2] || !back != !there ||
            (there && !column_type_equal(there, parse(&arena, triples[i][2]))))
            fail_msg("%s and %s", triples[i][0], triples[i][1]);
        assert_true(!there || (column_type_widens(a, there) && column_type_widens(b, there)));
        assert_true(!back || (column_type_widens(a, back) && column_type_widens(b, back)));
    }
    arena_deinit(&arena);
}

static void iceberg_has_its_own_names(void **state)
{
    static const char *const pairs[][2] = {{"BIGINT", "long"}, {"TINYINT", "int"},
        {"UINTEGER", "long"}, {"UBIGINT", "decimal(20,0)"}, {"DECIMAL(10,2)", "decimal(10,2)"},
        {"JSON", "string"}, {"ENUM('a')", "string"}, {"TIMESTAMP_NS", "timestamp_ns"},
        {"timestamptz", "timestamptz"}, {"BLOB", "binary"}, {"NULL", "unknown"}};
    static const char *const back[][2] = {{"long", "BIGINT"}, {"int", "INTEGER"},
        {"string", "VARCHAR"}, {"decimal(20,0)", "DECIMAL(20,0)"},
        {"decimal(9, 2)", "DECIMAL(9,2)"}, {"fixed[16]", "BLOB"}, {"binary", "BLOB"},
        {"uuid", "UUID"}, {"date", "DATE"}, {"time", "TIME"}, {"timestamp", "TIMESTAMP"},
        {"timestamptz", "TIMESTAMP WITH TIME ZONE"}, {"unknown", "NULL"}, {"boolean", "BOOLEAN"},
        {"float", "FLOAT"}, {"double", "DOUBLE"}};
    static const char *const no[] = {"", "LONG", "list", "decimal(39,0)", "decimal(1,2)",
        "decimal(9,2) ", "decimal(9)", "fixed[x]", "fixed[4]x", "bigint"};
    const struct column_type *type;
    struct error err = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
        assert_string_equal(column_type_iceberg(parse(&arena, pairs[i][0]), &arena), pairs[i][1]);
    assert_null(column_type_iceberg(parse(&arena, "INT[]"), &arena));
    assert_null(column_type_iceberg(parse(&arena, "STRUCT(a INT)"), &arena));
    for (size_t i = 0; i < ARRAY_LENGTH(back); i++) {
        assert_int_equal(column_type_from_iceberg(back[i][0], &arena, &type, &err), 0);
        assert_true(column_type_equal(type, parse(&arena, back[i][1])));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(no); i++) {
        assert_int_equal(column_type_from_iceberg(no[i], &arena, &type, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
    }
    assert_int_equal(column_type_from_iceberg("timestamptz_ns", &arena, &type, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_SUPPORTED);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_has_one_name),
        cmocka_unit_test(nested_types_keep_their_names),
        cmocka_unit_test(what_is_no_type_is_refused),
        cmocka_unit_test(what_files_would_bend_is_refused),
        cmocka_unit_test(equality_looks_through_spelling),
        cmocka_unit_test(widening_keeps_every_value),
        cmocka_unit_test(two_types_have_the_narrowest_one_that_holds_both),
        cmocka_unit_test(iceberg_has_its_own_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
