/* connectors/catalog_sqlite against a model of one page: random applies, the same ones each time;
 * and how long a large one takes. */
#include "runner/base/text.h"
#include "tests/unit/catalog_fixture.h"

enum { VALUES = 6, APPLIES = 400, CHANGES_PER_APPLY = 5 };

/* What a table holds: by partition, whether it is there, rows, files and newest position. */
struct model_partition {
    bool there;
    int64_t rows, files, position;
};

struct model {
    struct model_partition partitions[VALUES];
    int64_t position, commits;
};

static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static const char *value_of(size_t which)
{
    static const char *const values[VALUES] = {"2024-01", "2024-02", "", NULL, "ä", "[]"};

    return values[which];
}

struct plan {
    struct model after;
    bool took_position, replaced[VALUES], will_fail;
};

static int64_t take_position(struct plan *plan)
{
    if (!plan->took_position)
        plan->after.position++;
    plan->took_position = true;
    return plan->after.position;
}

static void plan_append(struct book *book, struct plan *plan, size_t which, int64_t rows)
{
    struct model_partition *partition = &plan->after.partitions[which];

    book_add_append(book, value_of(which), "f", rows);
    *partition = (struct model_partition){true, partition->there ? partition->rows + rows : rows,
        partition->there ? partition->files + 1 : 1, take_position(plan)};
}

static void plan_replace(struct book *book, struct plan *plan, size_t which, int64_t rows)
{
    book_add_replace(book, value_of(which), "f", rows);
    plan->after.partitions[which] = (struct model_partition){true, rows, 1, take_position(plan)};
    plan->replaced[which] = true;
}

static void plan_delete(struct plan *plan, size_t which)
{
    if (plan->after.partitions[which].there)
        take_position(plan);
    plan->after.partitions[which] = (struct model_partition){0};
}

static void plan_delete_all(struct book *book, struct plan *plan)
{
    book_add(book, CATALOG_DELETE_ALL_PARTITIONS);
    for (size_t i = 0; i < VALUES; i++)
        plan_delete(plan, i);
}

/* A few changes that make sense together, and now and then one that fails at the end. */
static void plan_apply(struct book *book, struct plan *plan, uint64_t *random)
{
    const size_t count = 1 + next_random(random) % CHANGES_PER_APPLY;

    if (next_random(random) % 20 == 0)
        plan_delete_all(book, plan);
    for (size_t i = 0; i < count; i++) {
        const size_t which = next_random(random) % VALUES;
        const int64_t rows = (int64_t)(next_random(random) % 100);

        switch (next_random(random) % 4) {
        case 0:
        case 1:
            plan_append(book, plan, which, rows);
            break;
        case 2:
            plan_replace(book, plan, which, rows);
            break;
        default:
            book_add_at(book, CATALOG_DELETE_PARTITION, value_of(which))->if_missing = true;
            plan_delete(plan, which);
        }
    }
    plan->will_fail = next_random(random) % 8 == 0;
    if (plan->will_fail) {
        book_add_at(book, CATALOG_DELETE_PARTITION, "never there");
    } else {
        book_add_commit(book, arena_printf(&book->arena, "run-%d", (int)plan->after.commits), 1);
        plan->after.commits++;
    }
}

static void compare(struct book *book, const struct model *model)
{
    const struct catalog_query version = book_ask(book, CATALOG_GET_VERSION);
    const struct catalog_query partitions = book_ask(book, CATALOG_LIST_PARTITIONS);
    const struct catalog_query files = book_ask(book, CATALOG_LIST_FILES);
    int64_t rows = 0, listed_rows = 0, file_count = 0;
    size_t there = 0;

    for (size_t i = 0; i < VALUES; i++) {
        const struct model_partition *expected = &model->partitions[i];

        there += expected->there;
        rows += expected->rows;
        file_count += expected->files;
        for (size_t j = 0; j < partitions.count; j++) {
            const struct catalog_partition *found = &partitions.partitions[j];

            if (!text_equal(found->values[0], value_of(i)))
                continue;
            assert_true(expected->there);
            assert_int_equal(found->rows, expected->rows);
            assert_int_equal(found->files, expected->files);
            assert_int_equal(found->position, expected->position);
        }
    }
    for (size_t i = 0; i < files.count; i++)
        for (size_t j = 0; j < files.deltas[i].file_count; j++)
            listed_rows += files.deltas[i].files[j].rows;
    assert_int_equal(partitions.count, there);
    assert_int_equal(version.versions[0].partitions, there);
    assert_int_equal(version.versions[0].rows, rows);
    assert_int_equal(version.versions[0].files, file_count);
    assert_int_equal(listed_rows, rows);
    assert_int_equal(version.versions[0].last_position, model->position);
    assert_int_equal(book_ask(book, CATALOG_LIST_COMMITS).count, model->commits);
}

static void test_random_applies_against_the_model(void **state)
{
    struct model model = {0};
    uint64_t random = 0x5eed;
    struct book book;
    unsigned failed = 0;

    (void)state;
    book_open_with_table(&book);
    for (int i = 0; i < APPLIES; i++) {
        struct plan plan = {.after = model};

        plan_apply(&book, &plan, &random);
        assert_int_equal(book_try_apply(&book), plan.will_fail ? -1 : 0);
        failed += plan.will_fail;
        if (!plan.will_fail)
            model = plan.after;
        compare(&book, &model);
        arena_deinit(&book.arena);
    }
    assert_in_range(failed, 10, APPLIES / 2);
    book_check(&book);
    book_close(&book);
}

/* --- how long a large apply takes --- */

static void add_partition(
    struct catalog_change *changes, const struct catalog_file *file, const char *const *values)
{
    static const enum catalog_change_verb verbs[] = {CATALOG_STAGE_PARTITION, CATALOG_STAGE_DELTA,
        CATALOG_COMMIT_DELTA, CATALOG_COMMIT_PARTITION};

    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
        changes[i] = (struct catalog_change){.verb = verbs[i],
            .if_missing = true,
            .at = {
                .namespace = "wildlife", .table = "strikes", .values = values, .value_count = 1}};
    changes[1].delta.type = CATALOG_APPEND;
    changes[1].delta.files = file;
    changes[1].delta.file_count = 1;
}

static uint64_t apply_partitions_ms(struct book *book, size_t count)
{
    struct catalog_change *changes = mem_calloc(count * 4, sizeof(*changes));
    struct catalog_apply apply = {.changes = changes, .count = count * 4, .run_id = "run"};
    const uint64_t start_ns = time_monotonic_ns();

    for (size_t i = 0; i < count; i++) {
        const char **values = arena_array(&book->arena, 1, sizeof(*values));
        struct catalog_file *file = arena_new(&book->arena, struct catalog_file);

        values[0] = arena_printf(&book->arena, "day-%zu", i);
        *file = (struct catalog_file){.key = arena_printf(&book->arena,
                                          "wildlife/strikes/1/day-%zu/run-clean-%zu.parquet", i, i),
            .format = "parquet",
            .rows = 100,
            .bytes = 1000};
        add_partition(&changes[i * 4], file, values);
    }
    assert_ok(database_apply(&book->db, &apply, &book->err), &book->err);
    free(changes);
    return (time_monotonic_ns() - start_ns) / 1000000;
}

static void test_large_applies_are_fast(void **state)
{
    struct book book;
    uint64_t start_ns;

    (void)state;
    book_open_with_table(&book);
    print_message("200 partitions: %llu ms\n", (unsigned long long)apply_partitions_ms(&book, 200));
    for (int i = 0; i < 2; i++) { /* new partitions, then appends to them */
        const uint64_t ms = apply_partitions_ms(&book, 10000);

        print_message("10,000 partitions: %llu ms\n", (unsigned long long)ms);
        assert_true(ms < 5000); /* a sanitizer's pace on a busy machine; it is a tenth without */
    }
    start_ns = time_monotonic_ns();
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].partitions, 10000);
    print_message(
        "version: %llu us\n", (unsigned long long)(time_monotonic_ns() - start_ns) / 1000);
    start_ns = time_monotonic_ns();
    assert_int_equal(book_ask(&book, CATALOG_LIST_FILES).count, 20200);
    print_message(
        "20,200 files: %llu ms\n", (unsigned long long)(time_monotonic_ns() - start_ns) / 1000000);
    book_check(&book);
    book_close(&book);
}

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_random_applies_against_the_model),
        IN_FOLDER(test_large_applies_are_fast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
