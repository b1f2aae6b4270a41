/* What a dead run left is put right by the next one, exactly; the history is repaired from the
 * catalog; the outcome of a commit is read, never guessed. */
#include "runner/base/mem.h"
#include "runner/engine/recover.h"
#include "runner/io/file.h"
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char text[] = "name: p\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv, only_new: true}\n"
                           "load:\n"
                           "  a: {into: n.t}\n"
                           "  out: {from: a, to: \"out-${run.id}.csv\"}\n";

static void add(struct table *table, const char *key, const char *value)
{
    free(table_put(table, key, mem_strdup(value)));
}

/* As if run `id` had died while its files were stored. */
static char *leave_dead_run(struct fakes *fakes, const char *id)
{
    char *folder = mem_printf("%s/%s", house_spool(), id), *key;

    assert_int_equal(file_make_folders(folder, NULL), 0);
    key = mem_printf("%s|folder|%s", id, folder);
    add(&fakes->journal, key, "1");
    free(key);
    key = mem_printf("%s|table|n/t/1", id);
    add(&fakes->journal, key, "1");
    free(key);
    key = mem_printf("n/t/1/day=1/%s-a-0.parquet", id);
    add(&fakes->objects, key, "1");
    free(key);
    return folder;
}

static void test_exactly_the_files_of_the_dead_run_are_removed(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};
    char *folder;

    (void)state;
    fakes_init(&fakes, 1);
    folder = leave_dead_run(&fakes, "dead");
    add(&fakes.objects, "m/t/1/dead-a-0.parquet", "1"); /* not journalled: not its table */
    add(&fakes.objects, "m/t/1/deadly-a-0.parquet", "1");
    run_well(&scenario, "first");
    assert_false(file_exists(folder));
    assert_null(table_get(&fakes.objects, "n/t/1/day=1/dead-a-0.parquet"));
    assert_non_null(table_get(&fakes.objects, "m/t/1/dead-a-0.parquet"));
    assert_int_equal(fakes_started(&fakes, "store.delete"), 1);
    assert_int_equal(fakes_started(&fakes, "store.sweep n/t/1/**/dead-*"), 1);
    assert_int_equal(fakes_started(&fakes, "store.sweep"), 1);
    assert_int_equal(logged(&scenario, "run.recovered"), 1);
    assert_says(scenario.messages.data, "1 files and 1 folders removed");
    run_well(&scenario, "second");
    assert_int_equal(logged(&scenario, "run.recovered"), 0);
    free(folder);
    scenario_deinit(&scenario);
}

static void test_the_glob_ends_the_run_id(void **state)
{
    char *glob = recover_table_glob("n/t/1", "dead");

    (void)state;
    assert_true(text_glob(glob, "n/t/1/day=1/dead-a-0.parquet"));
    assert_true(text_glob(glob, "n/t/1/dead-a-0.parquet"));
    assert_false(text_glob(glob, "n/t/1/deadly-a-0.parquet"));
    assert_false(text_glob(glob, "n/t/10/dead-a-0.parquet"));
    free(glob);
}

static void test_files_of_a_dead_run_that_was_committed_stay(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};
    char *folder;

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_left(&fakes.objects), 4);
    folder = mem_printf("%s/first", house_spool());
    assert_int_equal(file_make_folders(folder, NULL), 0);
    add(&fakes.journal, "first|table|n/t/1", "1");
    free(table_put(&fakes.journal, "first|folder|", NULL));
    run_well(&scenario, "second");
    assert_int_equal(fakes_left(&fakes.objects), 4);
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(folder);
    scenario_deinit(&scenario);
}

static void test_the_fence_in_a_name(void **state)
{
    static const struct {
        const char *key;
        int64_t fence;
    } cases[] = {
        {"n/t/1/day=1/run-1-a-7-0.parquet", 7},
        {"n/t/1/run-1-a-7-again-12.parquet", 7},
        {"n/t/1/run-1-a-b-7-again-deletes-0.parquet", 7},
        {"n/t/1/run-1-a-5-7-kept-0.parquet", 7},
        {"_quarantine/p__load_a/1/day=1/run-load.a-123-quarantine-3.parquet", 123},
        {"n/t/1/run-a-0.parquet", 0},
        {"n/t/1/run", 0},
        {"-", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_int_equal(recover_file_fence(cases[i].key), cases[i].fence);
}

/* --- while this process was stopped, another one took the run over --- */

static void take_over(struct fakes *fakes, const char *name)
{
    if (!text_starts(name, "store.list n/t/1"))
        return;
    add(&fakes->objects, "n/t/1/day=1/dead-a-2-0.parquet", "1");
    add(&fakes->journal, "dead|folder|dead-2", "2");
}

static void test_files_of_whoever_took_over_stay(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};
    char *folder;

    (void)state;
    fakes_init(&fakes, 1);
    folder = leave_dead_run(&fakes, "dead");
    fakes.watch = take_over;
    run_once(&scenario);
    assert_string_equal(scenario.err.message, "");
    assert_null(table_get(&fakes.objects, "n/t/1/day=1/dead-a-0.parquet"));
    assert_non_null(table_get(&fakes.objects, "n/t/1/day=1/dead-a-2-0.parquet"));
    assert_int_equal(fakes_left(&fakes.journal), 1); /* nor is its journal */
    assert_non_null(table_get(&fakes.journal, "dead|folder|dead-2"));
    free(folder);
    scenario_deinit(&scenario);
}

static void commit_now(struct fakes *fakes, const char *name)
{
    if (text_starts(name, "store.list n/t/1"))
        table_put(&fakes->committed, "first", fakes->watch_data);
}

/* It was not committed when it was asked for first, but is when files are to be deleted. */
static void test_files_that_are_committed_meanwhile_stay(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_left(&fakes.objects), 4);
    fakes.watch_data = table_put(&fakes.committed, "first", NULL);
    add(&fakes.journal, "first|table|n/t/1", "1");
    fakes.watch = commit_now;
    run_well(&scenario, "second"); /* nothing dangles */
    assert_int_equal(fakes_left(&fakes.objects), 4);
    scenario_deinit(&scenario);
}

/* As the journal has it: from the spool, wherever that is now. */
static void test_a_folder_goes_by_its_name_in_the_spool(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};
    char *folder = mem_printf("%s/dead", house_spool());
    char *scratch = mem_printf("%s/scratch-dead", house_spool());

    (void)state;
    fakes_init(&fakes, 1);
    assert_int_equal(file_make_folders(folder, NULL), 0);
    assert_int_equal(file_make_folders(scratch, NULL), 0); /* of a preview: in no journal */
    add(&fakes.journal, "dead|folder|dead", "1");
    run_well(&scenario, "first");
    assert_false(file_exists(folder));
    assert_false(file_exists(scratch));
    assert_says(scenario.messages.data, "0 files and 2 folders removed");
    assert_int_equal(fakes_started(&fakes, "state.add_journal folder"), 1);
    assert_true(table_has(&fakes.journal, "first|folder|first-1"));
    free(scratch);
    free(folder);
    scenario_deinit(&scenario);
}

/* The same run id again, as a scheduler does it: the lease's holder is the dead run itself. */
static void test_a_dead_run_cleans_up_after_itself(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};
    char *folder;

    (void)state;
    fakes_init(&fakes, 1);
    folder = leave_dead_run(&fakes, "dead");
    run_well(&scenario, "dead");
    assert_null(table_get(&fakes.objects, "n/t/1/day=1/dead-a-0.parquet"));
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    free(folder);
    scenario_deinit(&scenario);
}

/* Of two processes before us with this run's id the first may live: it was silent when the second
 * took over, which died before it had cleared the journal. What the second one has is ours. */
static void test_what_the_one_just_before_had_is_kept(void **state)
{
    for (int64_t fence = 1; fence <= 2; fence++) {
        const bool kept = fence == 2;
        char *key = mem_printf("n/t/1/day=1/dead-a-%d-0.parquet", (int)fence);
        char *entry = mem_printf("dead|file|%s", key);
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = text};

        (void)state;
        fakes_init(&fakes, 1);
        fakes.fence = fakes.catalog_fence = 2;
        add(&fakes.journal, "dead|folder|dead-1", "1");
        add(&fakes.journal, "dead|table|n/t/1", "1");
        add(&fakes.journal, entry, kept ? "2" : "1");
        add(&fakes.objects, key, "1");
        run_well(&scenario, "dead"); /* nor does one stay that it has no use for */
        assert_int_equal(logged(&scenario, "run.recovered"), !kept);
        if (!kept)
            assert_says(scenario.messages.data, "1 files and 1 folders removed");
        free(entry);
        free(key);
        scenario_deinit(&scenario);
    }
}

static void test_history_is_repaired_from_commits(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    add(&fakes.runs, "first", "lost"); /* it died before it could write that it succeeded */
    add(&fakes.run_rows, "first", "0");
    run_well(&scenario, "second");
    assert_string_equal(table_get(&fakes.runs, "first"), "succeeded");
    assert_string_equal(table_get(&fakes.run_rows, "first"), "12");
    fakes_heal(&fakes);
    run_well(&scenario, "third");
    assert_int_equal(fakes_started(&fakes, "state.put_run first"), 0);
    scenario_deinit(&scenario);
}

static void test_a_repeated_run_leaves_its_history_alone(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_string_equal(table_get(&fakes.run_rows, "first"), "12");
    run_well(&scenario, "first");
    assert_int_equal(logged(&scenario, "run.repeated"), 1);
    assert_string_equal(table_get(&fakes.runs, "first"), "succeeded");
    assert_string_equal(table_get(&fakes.run_rows, "first"), "12");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    scenario_deinit(&scenario);
}

/* --- a commit whose outcome is not known --- */

static void test_a_commit_that_failed_after_it_was_done_is_a_success(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "catalog.commit", 0, 1, ERROR_IO, true);
    run_well(&scenario, "first");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    assert_string_equal(table_get(&fakes.runs, "first"), "succeeded");
    assert_non_null(table_get(&fakes.objects, "out-first.csv"));
    assert_int_equal(scenario.summary.rows, 12);
    scenario_deinit(&scenario);
}

static void test_a_commit_that_failed_removes_the_files(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "catalog.commit", 0, 1, ERROR_IO, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_IO, "catalog.commit failed");
    assert_int_equal(fakes_left(&fakes.objects), 0);
    assert_int_equal(fakes_left(&fakes.journal), 0);
    assert_string_equal(table_get(&fakes.runs, "first"), "failed");
    assert_int_equal(scenario.summary.rows, 0);
    assert_string_equal(table_get(&fakes.run_rows, "first"), "0");
    scenario_deinit(&scenario);
}

/* Neither the commit nor the question about it came back: nothing may be removed. */
static void test_an_outcome_that_cannot_be_read_removes_nothing(void **state)
{
    for (int committed = 0; committed < 2; committed++) {
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

        (void)state;
        fakes_init(&fakes, 1);
        fakes_fail(&fakes, "catalog.commit", 0, 1, ERROR_IO, committed);
        fakes_fail(&fakes, "catalog.get_commit first", 1, 1, ERROR_IO, false);
        run_once(&scenario);
        assert_failed(&scenario, ERROR_IO, "not known whether the run was committed");
        assert_int_equal(fakes_dangling(&fakes), 0);
        assert_int_equal(fakes_left(&fakes.journal), 5); /* two objects and a file, too */
        run_well(&scenario, "second");
        assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
        assert_int_equal(fakes_left(&fakes.publications), 0);
        assert_non_null(table_get(&fakes.objects, committed ? "out-first.csv" : "out-second.csv"));
        assert_string_equal(table_get(&fakes.runs, "first"), committed ? "succeeded" : "failed");
        scenario_deinit(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exactly_the_files_of_the_dead_run_are_removed),
        cmocka_unit_test(test_the_glob_ends_the_run_id),
        cmocka_unit_test(test_files_of_a_dead_run_that_was_committed_stay),
        cmocka_unit_test(test_the_fence_in_a_name),
        cmocka_unit_test(test_files_of_whoever_took_over_stay),
        cmocka_unit_test(test_files_that_are_committed_meanwhile_stay),
        cmocka_unit_test(test_a_folder_goes_by_its_name_in_the_spool),
        cmocka_unit_test(test_a_dead_run_cleans_up_after_itself),
        cmocka_unit_test(test_what_the_one_just_before_had_is_kept),
        cmocka_unit_test(test_history_is_repaired_from_commits),
        cmocka_unit_test(test_a_repeated_run_leaves_its_history_alone),
        cmocka_unit_test(test_a_commit_that_failed_after_it_was_done_is_a_success),
        cmocka_unit_test(test_a_commit_that_failed_removes_the_files),
        cmocka_unit_test(test_an_outcome_that_cannot_be_read_removes_nothing),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
