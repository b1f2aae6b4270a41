/* The one commit: files in the order in which they were written, the record in it. */
#include "runner/base/mem.h"
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char text[] = "name: p\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv, only_new: true}\n"
                           "load:\n"
                           "  a: {into: n.t}\n";

static void test_files_are_in_the_order_of_writing(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};
    const struct fake_table *table;
    const struct fake_partition *partition;

    (void)state;
    fakes_init(&fakes, 1);
    fakes.files_per_load = 12;
    run_well(&scenario, "first");
    table = table_get(&fakes.tables, "n.t");
    partition = table_get(&table->partitions, "");
    assert_int_equal(partition->files.count, 12);
    for (unsigned i = 0; i < 12; i++) {
        char *path = mem_printf("n/t/1/first-a-1-%u.parquet", i);

        assert_string_equal(partition->files.entries[i].key, path);
        free(path);
    }
    scenario_deinit(&scenario);
}

static void test_the_record_is_in_the_commit(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};
    const struct fake_commit *commit;
    json_t *record;

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    commit = table_get(&fakes.committed, "first");
    assert_string_equal(commit->pipeline, "p");
    record = json_parse(commit->record, strlen(commit->record), NULL);
    assert_int_equal(json_get_int(record, "rows", -1), 12);
    assert_int_equal(json_get_int(record, "files", -1), 3);
    assert_int_equal(json_get_int(record, "due_ms", -1), 1000);
    json_decref(record);
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_in_the_order_of_writing),
        cmocka_unit_test(test_the_record_is_in_the_commit),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
