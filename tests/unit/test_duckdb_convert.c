/* What a contract makes of a text: nothing is rounded, cut or made infinite without a word. */
#include "tests/unit/duckdb_fixture.h"

struct expectation {
    const char *type, *cell;
    const char *want; /* NULL: a bad row */
};

static const struct expectation expectations[] = {
    {"bigint", "4.0", "4"},
    {"bigint", "4.7", NULL},
    {"bigint", "-3", "-3"},
    {"bigint", "1e3", "1000"},
    {"bigint", "15e-1", NULL},
    {"bigint", "1E-1", NULL},
    {"bigint", "-20e-1", "-2"},
    {"tinyint", "128", NULL},
    {"ubigint", "18446744073709551615", "18446744073709551615"},
    {"decimal(10,2)", "1.2", "1.20"},
    {"decimal(10,2)", "1.230", "1.23"},
    {"decimal(10,2)", "-1.230", "-1.23"},
    {"decimal(10,2)", "1.239", NULL},
    {"decimal(10,2)", "-0.005", NULL},
    {"decimal(10,2)", "12.5e-1", "1.25"},
    {"decimal(10,2)", "5e-3", NULL},
    {"decimal(10,2)", "12345678", "12345678.00"},
    {"decimal(10,2)", "123456789", NULL},
    {"decimal(4,2)", "99.999", NULL},
    {"decimal(18,6)", "5e-9", NULL},
    {"decimal(38,2)", "123456789012345678901234567890123456.78",
        "123456789012345678901234567890123456.78"},
    {"decimal(38,2)", "1.239", NULL},
    {"decimal(38,2)", "1.2300", "1.23"},
    {"decimal(38,0)", "-4.01", NULL},
    {"decimal(38,0)", "4.0", "4"},
    {"double", "1e400", NULL},
    {"double", "-1E400", NULL},
    {"double", "1e300", "1e+300"},
    {"double", "inf", "inf"},
    {"double", "-Infinity", "-inf"},
    {"float", "1e39", NULL},
    {"float", "0.5", "0.5"},
    {"timestamp", "2020-01-01T10:00:00+02:00", "2020-01-01T08:00:00"},
    {"timestamp_ns", "2020-01-01 10:00:00.123456789", "2020-01-01T10:00:00.123456789"},
    {"timestamp_ns", "2020-01-01 10:00:00.1234567891", NULL},
    {"timestamp_ns", "2020-01-01 10:00:00.123456789+02:00", "2020-01-01T08:00:00.123456789"},
    {"timestamp", "2020-01-01 10:00:00.123456", "2020-01-01T10:00:00.123456"},
    {"timestamp", "2020-01-01 10:00:00.123456000", "2020-01-01T10:00:00.123456"},
    {"timestamp", "2020-01-01 10:00:00.1234567", NULL},
    {"timestamp", "2020-01-01T10:00:00.123456001Z", NULL},
    {"timestamptz", "2020-01-01 10:00:00.123456789+02", NULL},
    {"timestamptz", "2020-01-01 10:00:00.1234560+02", "2020-01-01T08:00:00.123456Z"},
    {"timestamp_ms", "2020-01-01 10:00:00.123", "2020-01-01T10:00:00.123"},
    {"timestamp_ms", "2020-01-01 10:00:00.1234", NULL},
    {"timestamp_s", "2020-01-01 10:00:00.0", "2020-01-01T10:00:00"},
    {"timestamp_s", "2020-1-1 10:00:00.5", NULL},
    {"time", "10:00:00.123456", "10:00:00.123456"},
    {"time", "10:00:00.1234567", NULL},
    {"date", "2020-01-01 10:00:00", NULL},
};

/* The value of the first row; `second` is a row more. */
static const char *read_cell(
    struct sluice *s, const struct expectation *e, const char *second, int64_t *ret_rejected)
{
    static unsigned number;
    const struct sql_column contract = {.name = "v", .type = e->type};
    const char *name = arena_printf(&s->arena, "convert-%u", number++);
    const char *text = arena_printf(&s->arena, "v,w\n%s,1\n%s,2\n", e->cell, second);
    const struct sql_source source = {
        .path = make_file(s, arena_printf(&s->arena, "%s.csv", name), text), .object = "x.csv"};
    struct call call = {.request = {.verb = SQL_SCAN}};

    call.request.scan = (struct sql_scan){.dataset = "t",
        .folder = make_folder(s, name),
        .format = FORMAT_CSV,
        .sources = &source,
        .source_count = 1,
        .contract = &contract,
        .contract_count = 1,
        .skip_bad_rows = true};
    call.request.scan.csv.header = true;
    call.request.scan.csv.delimiter = ",";
    if (call_run(s, &call))
        fail_msg("%s as %s: %s", e->cell, e->type, call.err.message);
    *ret_rejected = call.request.scan.ret_rejected;
    return rows(s, "select v from t where w = 1");
}

static void test_cells(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    for (size_t i = 0; i < ARRAY_LENGTH(expectations); i++) {
        const struct expectation *e = &expectations[i];
        const char *want = e->want ? arena_printf(&s.arena, "%s\n", e->want) : "";
        int64_t rejected;

        /* All rows good: one pass. A bad one among them: the slower one that finds it. */
        if (strcmp(read_cell(&s, e, "", &rejected), want) != 0 || rejected != !e->want)
            fail_msg("%s as %s: %s", e->cell, e->type, read_cell(&s, e, "", &rejected));
        if (strcmp(read_cell(&s, e, "bad", &rejected), want) != 0 || rejected != 1 + !e->want)
            fail_msg("%s as %s, beside a bad row", e->cell, e->type);
    }
    sluice_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cells, fixture_folder_make, fixture_folder_remove)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
