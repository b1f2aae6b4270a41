/* WRITE: partitions, files, casts. */
#include "tests/unit/duckdb_fixture.h"

#include <stdlib.h>

static const struct sql_partition by_day = {SQL_PARTITION_DAY, "d"};

static struct call write_call(struct sluice *s, const char *dataset, const char *folder,
    const struct sql_partition *partitions, size_t count)
{
    return (struct call){.request = {.verb = SQL_WRITE,
                             .write = {.dataset = dataset,
                                 .folder = make_folder(s, folder),
                                 .prefix = "r-clean",
                                 .partitions = partitions,
                                 .partition_count = count,
                                 .on_file = on_file}}};
}

static int64_t file_rows(struct sluice *s, const char *path, const char *where)
{
    duckdb_result result;
    struct error err = {0};
    struct session *session = container_of(s->session, struct session, base);
    int64_t count;

    assert_ok(statement_query(session->slots[0].main,
                  arena_printf(&s->arena, "select count(*) from '%s' where %s", path, where),
                  &result, &err),
        &err);
    count = statement_int(&result, 0, 0);
    duckdb_destroy_result(&result);
    return count;
}

static void test_days(void **state)
{
    struct sluice s;
    struct call call;
    int64_t rows = 0;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select date '2001-01-01' + (i % 40)::int as d, i, 'text ' || i as x from range(100000) "
        "r(i)",
        NULL, NULL);
    call = write_call(&s, "t", "out", &by_day, 1);
    if (call_run(&s, &call))
        fail_msg("%s", call.err.message);
    assert_int_equal(call.files, 40);
    assert_int_equal(call.request.write.ret_files, 40);
    assert_int_equal(call.request.write.ret_rows, 100000);
    for (size_t i = 0; i < call.files; i++) {
        const struct sql_file *file = &call.seen[i];

        rows += file->rows;
        assert_int_equal(file->rows, 2500);
        assert_true(file->bytes > 1000);
        assert_int_equal(strlen(file->values[0]), 10);
        assert_true(text_starts(file->values[0], "2001-0"));
        assert_int_equal(
            file_rows(&s, file->path,
                arena_printf(&s.arena, "d = '%s' and x = 'text ' || i", file->values[0])),
            2500);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(file->values[0], call.seen[k].values[0]);
    }
    assert_int_equal(rows, 100000);
    sluice_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_days, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
