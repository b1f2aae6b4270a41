/* What a compaction makes of a partition, and which files gc may take: pure. */
#include "tests/unit/io_fixture.h"

#include "runner/engine/compact_plan.h"
#include "runner/engine/gc.h"

static const char *const key[] = {"id"};

struct fixture {
    struct arena arena;
    struct catalog_version table;
    struct catalog_partition partition;
    struct catalog_delta deltas[8];
    struct catalog_file files[8];
    size_t count;
    struct compact_limits limits;
    struct compact_plan plan;
};

static void begin(struct fixture *fixture, bool keyed)
{
    *fixture = (struct fixture){.partition = {.id = "p"},
        .limits = {.file_bytes = 100, .group_bytes = 1000, .buckets = 1, .now_ms = 10000}};
    arena_init(&fixture->arena);
    if (keyed)
        fixture->table.merge = (struct catalog_merge){.key = key, .key_count = 1};
}

static struct catalog_file *add(
    struct fixture *fixture, int64_t position, uint64_t bytes, enum catalog_content content)
{
    struct catalog_file *file = &fixture->files[fixture->count];

    *file = (struct catalog_file){.key = arena_printf(&fixture->arena, "f%zu", fixture->count),
        .bytes = bytes,
        .content = content};
    fixture->deltas[fixture->count++] = (struct catalog_delta){
        .position = position, .created_ms = position, .files = file, .file_count = 1};
    return file;
}

/* The roles as letters, in the order of the plan: K N B T E, groups as numbers behind N. */
static const char *plan(struct fixture *fixture)
{
    static const char letters[] = "KNBTE";
    struct buffer text;
    struct error err = {0};
    const char *kept;

    assert_ok(compact_plan_partition(&fixture->table, &fixture->partition, fixture->deltas,
                  fixture->count, &fixture->limits, &fixture->arena, &fixture->plan, &err),
        &err);
    buffer_init(&text, 0);
    buffer_puts(&text, fixture->plan.worth_it ? "+" : "-");
    for (size_t i = 0; i < fixture->plan.file_count; i++) {
        const struct compact_file *file = &fixture->plan.files[i];

        buffer_printf(&text, " %s%c", file->file->key, letters[file->role]);
        if (file->role == COMPACT_NEW)
            buffer_printf(&text, "%zu", file->group);
    }
    kept = arena_strdup(&fixture->arena, text.data);
    buffer_deinit(&text);
    return kept;
}

static void test_without_a_key(void **state)
{
    struct fixture fixture;

    (void)state;
    begin(&fixture, false);
    assert_string_equal(plan(&fixture), "-");
    add(&fixture, 3, 10, CATALOG_ROWS);
    assert_string_equal(plan(&fixture), "- f0K");
    add(&fixture, 2, 10, CATALOG_ROWS);
    add(&fixture, 4, 200, CATALOG_ROWS);
    add(&fixture, 5, 10, CATALOG_ROWS);
    assert_string_equal(plan(&fixture), "+ f1N0 f0N0 f2K f3K");
    assert_int_equal(fixture.plan.watermark, 5);
    assert_int_equal(fixture.plan.rewritten_files, 2);
    assert_int_equal(fixture.plan.rewritten_bytes, 20);
    add(&fixture, 6, 40, CATALOG_ROWS);
    assert_string_equal(plan(&fixture), "+ f1N0 f0N0 f2K f3N1 f4N1");
    fixture.limits.min_files = 6;
    assert_string_equal(plan(&fixture), "- f1N0 f0N0 f2K f3N1 f4N1");
    fixture.limits.min_deltas = 5;
    assert_int_equal(plan(&fixture)[0], '+');
    fixture.limits.min_files = fixture.limits.min_deltas = 0;
    fixture.limits.full = true;
    assert_string_equal(plan(&fixture), "+ f1N0 f0N0 f2N0 f3N0 f4N0");
    fixture.limits.group_bytes = 100; /* file_bytes at least */
    assert_string_equal(plan(&fixture), "+ f1N0 f0N0 f2N1 f3N2 f4N2");
    arena_deinit(&fixture.arena);
}

static void test_with_a_key(void **state)
{
    struct fixture fixture;

    (void)state;
    begin(&fixture, true);
    add(&fixture, 1, 900, CATALOG_ROWS);
    assert_string_equal(plan(&fixture), "- f0N0"); /* rows of one delta */
    fixture.limits.full = true;
    assert_string_equal(plan(&fixture), "+ f0N0");
    fixture.limits.full = false;
    add(&fixture, 2, 200, CATALOG_ROWS);
    add(&fixture, 2, 10, CATALOG_DELETES); /* before rows of its position, which beat it */
    assert_string_equal(plan(&fixture), "+ f0N0 f2N0 f1N1");
    assert_int_equal(fixture.plan.group_count, 2);
    /* After a round its buckets go on, what is behind the watermark is new. */
    fixture.partition.compaction = "{\"watermark\": 2, \"buckets\": 1, \"rounds\": 4}";
    fixture.files[0].bucket = fixture.files[1].bucket = 1;
    fixture.deltas[0].position = 2;
    fixture.count = 2;
    assert_string_equal(plan(&fixture), "- f0B f1B");
    add(&fixture, 3, 10, CATALOG_ROWS);
    assert_string_equal(plan(&fixture), "+ f0B f1B f2N0");
    assert_int_equal(fixture.plan.past.rounds, 4);
    assert_int_equal(fixture.plan.rewritten_files, 3);
    fixture.limits.buckets = 2; /* of another number all are new */
    assert_string_equal(plan(&fixture), "+ f0N0 f1N1 f2N1");
    arena_deinit(&fixture.arena);
}

static void test_tombstones(void **state)
{
    struct fixture fixture;

    (void)state;
    begin(&fixture, true);
    fixture.table.merge.tombstones_ms = 1000;
    fixture.partition.compaction =
        "{\"watermark\": 5, \"buckets\": 1, \"tombstones\": {\"f1\": 9500, \"f2\": 8900}}";
    add(&fixture, 5, 10, CATALOG_ROWS)->bucket = 1;
    add(&fixture, 5, 10, CATALOG_DELETES)->bucket = 1;
    assert_string_equal(plan(&fixture), "- f1T f0B");
    add(&fixture, 5, 10, CATALOG_DELETES)->bucket = 1;
    assert_string_equal(plan(&fixture), "+ f1T f2E f0B");
    assert_int_equal(fixture.plan.rewritten_files, 0);
    fixture.table.merge.tombstones_ms = 0;
    assert_string_equal(plan(&fixture), "+ f1E f2E f0B");
    assert_int_equal(compact_slice(&(struct catalog_merge){.tombstones_ms = 80}, 19), 1);
    assert_int_equal(compact_slice(&(struct catalog_merge){.tombstones_ms = 0}, 19), 19);
    arena_deinit(&fixture.arena);
}

static void test_a_rolled_back_partition(void **state)
{
    struct fixture fixture;

    (void)state;
    begin(&fixture, true);
    fixture.partition.since = 9;
    add(&fixture, 2, 10, CATALOG_ROWS);
    add(&fixture, 3, 10, CATALOG_ROWS);
    assert_string_equal(plan(&fixture), "+ f0N0 f1N0");
    assert_int_equal(fixture.plan.watermark, 9);
    arena_deinit(&fixture.arena);
}

static void test_what_it_cannot_read(void **state)
{
    struct fixture fixture;
    struct error err = {0};

    (void)state;
    begin(&fixture, true);
    fixture.partition.compaction = "{";
    add(&fixture, 2, 10, CATALOG_ROWS);
    assert_int_equal(compact_plan_partition(&fixture.table, &fixture.partition, fixture.deltas, 1,
                         &fixture.limits, &fixture.arena, &fixture.plan, &err),
        -1);
    assert_contains(err.message, "what the last compaction of partition p says");
    arena_deinit(&fixture.arena);
}

static void test_buckets(void **state)
{
    (void)state;
    assert_int_equal(compact_plan_buckets(0, 100), 1);
    assert_int_equal(compact_plan_buckets(100, 100), 1);
    assert_int_equal(compact_plan_buckets(101, 100), 2);
    assert_int_equal(compact_plan_buckets(UINT64_C(1) << 60, 1), COMPACT_BUCKETS_MAX);
}

static void test_what_is_ours(void **state)
{
#define ID "01a1fe91-e7ed-7f25-8859-6099c0e42641"
    static const char *const ours[] = {
        "n/t/1/" ID "-a-0.parquet", "n/t_2/12/day=2001-01/x=1/" ID "-0-0-0-0.parquet"};
    static const char *const others[] = {"", "x", "n/t/1/x.parquet", "n/t/" ID "-a-0.parquet",
        "n/t/1/" ID ".parquet", "n/t/1/" ID "-a-0.csv", "n/t/01/" ID "-a-0.parquet",
        "n/t/x/" ID "-a-0.parquet", "N/t/1/" ID "-a-0.parquet", "n//1/" ID "-a-0.parquet",
        "/n/t/1/" ID "-a-0.parquet"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(ours); i++)
        assert_true(gc_is_ours(ours[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_false(gc_is_ours(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_key),
        cmocka_unit_test(test_with_a_key),
        cmocka_unit_test(test_tombstones),
        cmocka_unit_test(test_a_rolled_back_partition),
        cmocka_unit_test(test_what_it_cannot_read),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_what_is_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
