/* Reading tables: which files, how they are read together, what changed between two positions; over
 * a catalog and a store in memory, whose answers come from later turns of the loop. */
#include "tests/unit/table_read_fixture.h"

/* --- one read --- */

struct reading {
    struct environment environment;
    struct project project;
    struct engine *engine;
    struct slots slots;
    struct arena arena;
    struct table_read read;
    struct turns turns;
    unsigned done_count;
    struct error err;
};

static void on_done(struct table_read *read, const struct error *err)
{
    struct reading *reading = container_of(read, struct reading, read);

    reading->done_count++;
    reading->err = err ? *err : (struct error){0};
}

static void cancel(void *data)
{
    struct reading *reading = data;
    const unsigned before = reading->done_count;

    table_read_cancel(&reading->read);
    table_read_cancel(&reading->read);
    assert_int_equal(reading->done_count, before);
}

/* False: it was over before that turn. */
static bool read_until(
    struct reading *reading, const struct table_read *arguments, unsigned cancel_at)
{
    static const struct store_type *const stores[] = {&store_type, NULL};
    static const struct catalog_type *const catalogs[] = {&catalog_type, NULL};
    static const struct engine_registry registry = {.stores = stores, .catalogs = catalogs};
    struct engine_options options = {
        .registry = &registry, .project = &reading->project, .loop = &loop};
    struct error err = {0};

    fixture_loop_init(&loop);
    reading->environment = (struct environment){
        .item = {.name = "dev"}, .catalog = {.url = "sqlite:x"}, .store = "file:/store"};
    reading->project = (struct project){.root = "/", .environment = &reading->environment};
    reading->engine = engine_new(&options, &err);
    assert_non_null(reading->engine);
    arena_init(&reading->arena);
    reading->slots = (struct slots){.limit = 2};
    gets = gets_most = 0;
    reading->done_count = 0;
    reading->read = *arguments;
    reading->read.engine = reading->engine;
    reading->read.slots = &reading->slots;
    reading->read.arena = &reading->arena;
    reading->read.done = on_done;
    reading->read.at.namespace = "n";
    if (!reading->read.at.table)
        reading->read.at.table = "t";
    reading->read.name = "rows";
    turns_start(&reading->turns, &loop, cancel_at, cancel, reading);
    table_read_start(&reading->read);
    assert_int_equal(reading->done_count, 0);
    loop_run(&loop);
    assert_int_equal(reading->done_count, 1);
    table_read_cancel(&reading->read); /* done: harmless */
    assert_int_equal(reading->slots.used, 0);
    assert_int_equal(gets_at_once, 0);
    turns_end(&reading->turns);
    return cancel_at > 0 && reading->turns.count >= cancel_at;
}

static void end(struct reading *reading)
{
    engine_free(reading->engine);
    loop_run(&loop);
    fixture_loop_deinit(&loop);
    arena_deinit(&reading->arena);
}

/* "a b | deletes c": the parts, file by file; with positions, groups and changes where there are.
 */
static void put_part(const struct sql_part *part, struct buffer *text)
{
    buffer_puts(text, text->length ? " | " : "");
    buffer_puts(text, part->deletes ? "deletes " : "");
    buffer_puts(text, part->base ? "base " : "");
    for (size_t i = 0; i < part->files.count; i++) {
        const char *name = strrchr(part->files.items[i], '/') + 1;

        buffer_printf(text, "%s%s", i ? " " : "", name);
        if (part->positions)
            buffer_printf(text, "@%" PRId64, part->positions[i]);
        if (part->groups)
            buffer_printf(text, "#%" PRId64, part->groups[i]);
        if (part->changes)
            buffer_printf(text, "=%s", part->changes[i]);
    }
}

static void assert_reads(const struct table_read *arguments, const char *expected)
{
    struct reading reading;
    struct buffer text;

    read_until(&reading, arguments, 0);
    if (reading.err.code)
        fail_msg("%s", reading.err.message);
    buffer_init(&text, 0);
    for (size_t i = 0; i < reading.read.ret_dataset.part_count; i++)
        put_part(&reading.read.ret_dataset.parts[i], &text);
    assert_string_equal(text.data, expected);
    assert_string_equal(reading.read.ret_dataset.name, "rows");
    assert_int_equal(reading.read.ret_dataset.with_changes, arguments->changes);
    buffer_deinit(&text);
    end(&reading);
}

static void assert_refused(
    const struct table_read *arguments, enum error_code code, const char *message)
{
    struct reading reading;

    read_until(&reading, arguments, 0);
    assert_string_equal(error_code_name(reading.err.code), error_code_name(code));
    assert_contains(reading.err.message, message);
    end(&reading);
}

#define READ(...) (&(struct table_read){.in_place = true, __VA_ARGS__})

/* --- tables to read --- */

static struct catalog_column old_columns[] = {{"id", "INTEGER", 1, false, NULL},
    {"town", "VARCHAR", 2, false, NULL}, {"new", "NULL", 4, false, NULL}};
static struct catalog_column columns[] = {{"id", "BIGINT", 1, false, NULL},
    {"city", "VARCHAR", 2, false, NULL}, {"seen", "DATE", 3, false, NULL},
    {"new", "DATE", 4, false, NULL}};
static const char *const key[] = {"id"};

#define ROWS(k)                                                                                    \
    {                                                                                              \
        .key = k ".parquet", .rows = 10, .bytes = 100, .schema_id = 2                              \
    }
#define DELETES(k)                                                                                 \
    {                                                                                              \
        .key = k ".parquet", .rows = 1, .bytes = 10, .schema_id = 2, .content = CATALOG_DELETES    \
    }
#define STATS(k, min, max)                                                                         \
    {                                                                                              \
        .key = k ".parquet", .rows = 10, .bytes = 100, .schema_id = 2,                             \
        .stats = "{\"1\":{\"min\":\"" min "\",\"max\":\"" max "\",\"nulls\":0}}"                   \
    }

static void set_model(const struct partition *partitions, const struct delta *deltas,
    int64_t last_position, bool has_key)
{
    model = (struct table_model){.version = {.namespace = "n",
                                     .table = "t",
                                     .version = 3,
                                     .schema_id = 2,
                                     .columns = columns,
                                     .column_count = ARRAY_LENGTH(columns),
                                     .last_position = last_position,
                                     .first_position = 1},
        .schemas = {{1, old_columns, ARRAY_LENGTH(old_columns), 0},
            {2, columns, ARRAY_LENGTH(columns), 0}},
        .schema_count = 2,
        .partitions = partitions,
        .deltas = deltas};
    if (has_key)
        model.version.merge = (struct catalog_merge){.key = key, .key_count = 1};
    gone_file = NULL;
}

/* Two partitions; b of the second was written under the first schema. */
static void set_log(void)
{
    static const struct partition partitions[] = {{"p", "x", 1, 0}, {"q", "y", 2, 0}, {0}};
    static const struct delta deltas[] = {
        {"p", 1, CATALOG_APPEND, false, {STATS("a", "1", "5")}},
        {"q", 2, CATALOG_APPEND, false,
            {{.key = "b.parquet", .rows = 10, .bytes = 100, .schema_id = 1}}},
        {"p", 3, CATALOG_APPEND, false, {STATS("c", "6", "9"), STATS("d", "10", "12")}},
        {0},
    };

    set_model(partitions, deltas, 3, false);
}

static void test_a_table_at_a_position(void **state)
{
    (void)state;
    set_log();
    assert_reads(READ(0), "a.parquet c.parquet d.parquet | b.parquet");
    assert_reads(READ(.at_position = 3), "a.parquet c.parquet d.parquet | b.parquet");
    assert_reads(READ(.at_position = 2), "a.parquet | b.parquet");
    assert_reads(READ(.at_ms = 1500), "a.parquet");
    model.tags[0] = (struct catalog_tag){.name = "eve", .position = 2};
    model.tag_count = 1;
    assert_reads(READ(.at_tag = "eve"), "a.parquet | b.parquet");
    model.version.first_position = 3; /* but for the tag */
    assert_reads(READ(.at_position = 2), "a.parquet | b.parquet");
    assert_refused(READ(.at_position = 1), ERROR_INVALID,
        "position 1 of n.t is expired: the first one that is kept is 3");
    assert_refused(
        READ(.at_position = 4), ERROR_INVALID, "has no position 4 yet: its newest one is 3");
    assert_refused(READ(.at_tag = "adam"), ERROR_INVALID, "and no tag of n.t, which has eve");
    assert_refused(READ(.at_ms = 500), ERROR_INVALID,
        "nothing had been committed to n.t at 1970-01-01T00:00:00.500Z");
    assert_refused(READ(.at.table = "u"), ERROR_NOT_FOUND, "there is no table n.u");
}

static void test_results(void **state)
{
    const char *const values[] = {"y"};
    struct reading reading;
    const struct sql_part *part;

    (void)state;
    set_log();
    read_until(&reading, READ(.at = {.values = values, .value_count = 1}, .space = "n"), 0);
    assert_int_equal(reading.read.ret_position, 3);
    assert_int_equal(reading.read.ret_files, 1);
    assert_int_equal(reading.read.ret_bytes, 100);
    assert_int_equal(reading.read.ret_dataset.rows, 10);
    assert_string_equal(reading.read.ret_dataset.space, "n");
    assert_int_equal(reading.read.ret_dataset.schema.count, 4);
    assert_string_equal(reading.read.ret_dataset.schema.columns[1].name, "city");
    assert_int_equal(reading.read.ret_dataset.merge.key.count, 0);
    assert_string_equal(reading.read.ret_version.columns[2].type, "DATE");
    assert_int_equal(reading.read.ret_dataset.part_count, 1);
    part = reading.read.ret_dataset.parts; /* the first schema's, by field id */
    assert_string_equal(part->files.items[0], "/store/b.parquet");
    assert_string_equal(part->names[0], "id");
    assert_string_equal(part->names[1], "town");
    assert_null(part->names[2]); /* it was not there */
    assert_null(part->names[3]); /* it had no value */
    end(&reading);
}

/* Each file of the partitions that are named, with the delta that brought it. */
static void test_origins(void **state)
{
    static const char *const values[] = {"z", "y"};
    static const struct catalog_partition partitions[] = {
        {.values = values, .value_count = 1}, {.values = &values[1], .value_count = 1}};
    struct reading reading;
    const struct sql_dataset *dataset = &reading.read.ret_dataset;

    (void)state;
    set_log();
    assert_reads(READ(.partitions = partitions, .partition_count = 2), "b.parquet");
    read_until(&reading, READ(.origins = true), 0);
    for (size_t p = 0; p < dataset->part_count; p++) {
        const struct sql_part *part = &dataset->parts[p];

        for (size_t i = 0; i < part->files.count; i++) {
            const struct table_origin *origin = &reading.read.ret_origins[part->origins[i]];
            const char which = origin->file.key[0];
            assert_string_equal(origin->file.key, strrchr(part->files.items[i], '/') + 1);
            assert_int_equal(origin->delta.position, which == 'd' ? 3 : which - 'a' + 1);
        }
    }
    assert_int_equal(dataset->part_count, 2);
    end(&reading);
}

static void test_an_empty_table(void **state)
{
    static const struct partition partitions[] = {{0}};
    static const struct delta deltas[] = {{0}};
    struct reading reading;

    (void)state;
    set_model(partitions, deltas, 0, false);
    read_until(&reading, READ(0), 0);
    assert_int_equal(reading.err.code, 0);
    assert_int_equal(reading.read.ret_position, 0);
    assert_int_equal(reading.read.ret_dataset.part_count, 0);
    assert_int_equal(reading.read.ret_dataset.schema.count, 4);
    end(&reading);
}

/* --- pruning and merging --- */

static const struct sql_condition *id_is(const char *const *value)
{
    static struct sql_condition condition;

    condition = (struct sql_condition){
        .column = "id", .comparison = SQL_EQUAL, .values = value, .value_count = 1};
    return &condition;
}

static void test_files_are_skipped(void **state)
{
    static const char *const seven[] = {"7"};
    struct reading reading;

    (void)state;
    set_log();
    assert_reads(READ(.conditions = id_is(seven), .condition_count = 1), "b.parquet | c.parquet");
    read_until(&reading, READ(.conditions = id_is(seven), .condition_count = 1), 0);
    assert_int_equal(reading.read.ret_files, 2);
    assert_int_equal(reading.read.ret_skipped, 2);
    end(&reading);
}

/* p: two deltas; q: clean; r: a delete of a row of it. */
static void set_keyed(void)
{
    static const struct partition partitions[] = {
        {"p", "x", 1, 0}, {"q", "y", 1, 0}, {"r", "z", 2, 0}, {0}};
    static const struct delta deltas[] = {
        {"p", 1, CATALOG_UPSERT, false, {STATS("p1", "1", "5")}},
        {"q", 1, CATALOG_UPSERT, false, {STATS("q-1", "1", "5"), STATS("q-2", "6", "9")}},
        {"p", 2, CATALOG_UPSERT, false, {STATS("p2", "3", "9")}},
        {"r", 2, CATALOG_UPSERT, false, {STATS("r2", "20", "25")}},
        {"r", 3, CATALOG_DELETE, false, {DELETES("r3")}},
        {0},
    };

    set_model(partitions, deltas, 3, true);
}

static void test_only_what_is_not_clean_is_merged(void **state)
{
    struct reading reading;

    (void)state;
    set_keyed();
    assert_reads(READ(0),
        "base p1.parquet@1#0 r2.parquet@2#2 | q-1.parquet q-2.parquet | p2.parquet@2#0 | "
        "deletes r3.parquet@3#2");
    assert_reads(READ(.at_position = 1), "p1.parquet q-1.parquet q-2.parquet");
    read_until(&reading, READ(0), 0);
    assert_int_equal(reading.read.ret_dataset.merge.key.count, 1);
    assert_int_equal(reading.read.ret_dataset.rows, -1);
    assert_null(reading.read.ret_dataset.parts[3].names[1]); /* the key alone */
    assert_string_equal(reading.read.ret_dataset.parts[3].names[0], "id");
    end(&reading);
}

/* Tombstones that a compaction kept stand at the position of its rows: those are no base then, as a
 * base row would lose to a delete that it beats. */
static void test_rows_beside_deletes_are_no_base(void **state)
{
    static const struct partition partitions[] = {{"p", "x", 1, 0}, {0}};
    static const struct delta deltas[] = {
        {"p", 1, CATALOG_UPSERT, false, {STATS("p1", "1", "5"), DELETES("d1")}},
        {"p", 2, CATALOG_UPSERT, false, {STATS("p2", "3", "9")}},
        {0},
    };

    (void)state;
    set_model(partitions, deltas, 2, true);
    assert_reads(READ(0), "p1.parquet@1#0 p2.parquet@2#0 | deletes d1.parquet@1#0");
}

/* What merge_deltas made one may have a key in each of them; what one writer split by size, and
 * what is in buckets of its own, has not. */
static void test_keys_that_a_delta_may_repeat(void **state)
{
    static const struct partition partitions[] = {{"p", "x", 1, 0}, {0}};
    static const struct {
        struct catalog_file files[2];
        const char *expected;
    } cases[] = {
        {{ROWS("a-load-0"), ROWS("a-load-1")}, "a-load-0.parquet a-load-1.parquet"},
        {{ROWS("a-load-0"), ROWS("b-load-0")}, "a-load-0.parquet@1#0 b-load-0.parquet@1#0"},
        {{ROWS("a-load-0"), ROWS("a-loads-0")}, "a-load-0.parquet@1#0 a-loads-0.parquet@1#0"},
        {{{.key = "a-0-0.parquet", .rows = 1, .schema_id = 2, .bucket = 1},
             {.key = "b-0-0.parquet", .rows = 1, .schema_id = 2, .bucket = 2}},
            "a-0-0.parquet b-0-0.parquet"},
        {{{.key = "a-0-0.parquet", .rows = 1, .schema_id = 2, .bucket = 1}, ROWS("b-0")},
            "a-0-0.parquet@1#0 b-0.parquet@1#0"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct delta deltas[] = {
            {"p", 1, CATALOG_UPSERT, false, {cases[i].files[0], cases[i].files[1]}}, {0}};

        set_model(partitions, deltas, 1, true);
        assert_reads(READ(0), cases[i].expected);
    }
}

static void test_pruning_what_is_merged(void **state)
{
    static const char *const four[] = {"4"}, *const one[] = {"1"}, *const many[] = {"100"};
    struct sql_condition conditions[2];

    (void)state;
    set_keyed();
    /* On the key: file by file; deletes without statistics stay where rows of theirs do. */
    assert_reads(
        READ(.conditions = id_is(one), .condition_count = 1), "base p1.parquet@1#0 | q-1.parquet");
    conditions[0] = *id_is(four);
    conditions[1] = (struct sql_condition){.column = "city", .comparison = SQL_IS_NOT_NULL};
    assert_reads(READ(.conditions = conditions, .condition_count = 2),
        "base p1.parquet@1#0 | q-1.parquet | p2.parquet@2#0");
    conditions[0] = *id_is(one); /* in p1 alone: but p2 may hold a newer row of it */
    assert_reads(READ(.conditions = conditions, .condition_count = 2),
        "base p1.parquet@1#0 | q-1.parquet | p2.parquet@2#0");
    conditions[0] = *id_is(many);
    assert_reads(READ(.conditions = conditions, .condition_count = 2), "");
    assert_reads(READ(.keep_deletes = true),
        "base p1.parquet@1#0 r2.parquet@2#2 | q-1.parquet q-2.parquet | p2.parquet@2#0 | "
        "deletes r3.parquet@3#2");
}

/* --- changes --- */

static void test_changes(void **state)
{
    (void)state;
    set_keyed();
    assert_reads(READ(.changes = true, .after_position = 1),
        "p2.parquet@2=upsert r2.parquet@2=upsert | deletes r3.parquet@3=delete");
    assert_reads(READ(.changes = true, .after_position = 2), "deletes r3.parquet@3=delete");
    assert_reads(READ(.changes = true, .after_position = 3), "");
    /* The first time: what is there. */
    assert_reads(READ(.changes = true),
        "base p1.parquet@1#0=insert r2.parquet@2#2=insert | q-1.parquet@1=insert "
        "q-2.parquet@1=insert | p2.parquet@2#0=insert | deletes r3.parquet@3#2=insert");
    model.version.first_position = 3;
    assert_refused(READ(.changes = true, .after_position = 2), ERROR_INVALID,
        "n.t was read up to position 2, and what came next is expired: the first position that is "
        "kept is 3");
    assert_refused(READ(.changes = true, .after_position = 9), ERROR_INVALID,
        "n.t was read up to position 9, but its newest one is 3");
}

/* Compactions, also one after another, change nothing. */
static void test_changes_over_compactions(void **state)
{
    static const struct partition partitions[] = {
        {"p", "x", 1, 3}, {"q", "x", 3, 5}, {"r", "x", 5, 0}, {0}};
    static const struct delta deltas[] = {
        {"p", 1, CATALOG_APPEND, false, {ROWS("a")}},
        {"p", 2, CATALOG_APPEND, false, {ROWS("b")}},
        {"p", 3, CATALOG_APPEND, false, {ROWS("c")}},
        {"q", 3, CATALOG_APPEND, true, {ROWS("abc")}},
        {"q", 4, CATALOG_APPEND, false, {ROWS("d")}},
        {"q", 5, CATALOG_APPEND, false, {ROWS("e")}},
        {"r", 5, CATALOG_APPEND, true, {ROWS("abcde")}},
        {"r", 6, CATALOG_APPEND, false, {ROWS("f")}},
        {0},
    };

    (void)state;
    set_model(partitions, deltas, 6, false);
    assert_reads(READ(0), "abcde.parquet f.parquet");
    assert_reads(READ(.changes = true, .after_position = 1),
        "b.parquet@2=insert c.parquet@3=insert d.parquet@4=insert e.parquet@5=insert "
        "f.parquet@6=insert");
    assert_reads(
        READ(.changes = true, .after_position = 4), "e.parquet@5=insert f.parquet@6=insert");
    assert_reads(READ(.changes = true, .after_position = 5), "f.parquet@6=insert");
    assert_reads(READ(.changes = true, .after_position = 1, .at_position = 4),
        "b.parquet@2=insert c.parquet@3=insert d.parquet@4=insert");
}

static void test_changes_over_overwrites(void **state)
{
    static const struct partition partitions[] = {{"p", "x", 1, 3}, {"q", "x", 3, 5},
        {"r", "x", 5, 0}, {"s", "y", 1, 4}, {"t", NULL, 2, 0}, {0}};
    static const struct delta deltas[] = {
        {"p", 1, CATALOG_APPEND, false, {ROWS("a")}},
        {"s", 1, CATALOG_APPEND, false, {ROWS("s")}},
        {"p", 2, CATALOG_APPEND, false, {ROWS("b")}},
        {"t", 2, CATALOG_APPEND, false, {ROWS("n")}},
        {"q", 3, CATALOG_APPEND, false, {ROWS("c")}}, /* over p */
        {"r", 5, CATALOG_APPEND, true, {ROWS("cc")}}, /* compacts q */
        {0},
    };

    (void)state;
    set_model(partitions, deltas, 6, false);
    assert_reads(READ(.changes = true, .after_position = 1),
        "a.parquet@3=delete s.parquet@4=delete n.parquet@2=insert cc.parquet@5=insert");
    assert_reads(READ(.changes = true, .after_position = 1, .at_position = 3),
        "a.parquet@3=delete n.parquet@2=insert c.parquet@3=insert");
    assert_reads(READ(.changes = true, .after_position = 3), "s.parquet@4=delete");
}

static void test_changes_over_a_rollback(void **state)
{
    static const struct partition partitions[] = {{"p", "x", 1, 4}, {"q", "x", 4, 0}, {0}};
    static const struct delta deltas[] = {
        {"p", 1, CATALOG_APPEND, false, {ROWS("a")}},
        {"p", 2, CATALOG_APPEND, false, {ROWS("b")}},
        {"p", 3, CATALOG_APPEND, false, {ROWS("c")}},
        {"q", 1, CATALOG_APPEND, true, {ROWS("a")}},
        {"q", 2, CATALOG_APPEND, true, {ROWS("b")}},
        {"q", 5, CATALOG_APPEND, false, {ROWS("d")}},
        {0},
    };

    (void)state;
    set_model(partitions, deltas, 5, false);
    assert_reads(READ(.changes = true, .after_position = 3),
        "a.parquet@4=delete b.parquet@4=delete c.parquet@4=delete a.parquet@4=insert "
        "b.parquet@4=insert d.parquet@5=insert");
    set_model(partitions, deltas, 5, true);
    assert_refused(READ(.changes = true, .after_position = 3), ERROR_INVALID,
        "n.t was rolled back at position 4");
}

/* --- files --- */

static void test_files_are_fetched(void **state)
{
    struct reading reading;

    (void)state;
    set_log();
    read_until(&reading, &(struct table_read){.folder = "/run", .space = "n"}, 0);
    assert_int_equal(reading.err.code, 0);
    assert_int_equal(gets, 4);
    assert_int_equal(gets_most, 2); /* slots */
    assert_string_equal(reading.read.ret_dataset.parts[0].files.items[0], "/run/n.rows.0.parquet");
    assert_string_equal(reading.read.ret_dataset.parts[1].files.items[0], "/run/n.rows.1.parquet");
    end(&reading);
    assert_refused(&(struct table_read){0}, ERROR_IO, "have to be fetched");
}

static void test_a_file_that_is_gone(void **state)
{
    static const char says[] = "table n.t: its data file c.parquet is gone: restore it as "
                               "/store/c.parquet; `sluice catalog files n.t` lists them all";

    (void)state;
    set_log();
    gone_file = "c.parquet";
    assert_refused(READ(0), ERROR_NOT_FOUND, says);
    assert_refused(READ(.folder = "/run"), ERROR_NOT_FOUND, says);
    assert_refused(&(struct table_read){.folder = "/run"}, ERROR_NOT_FOUND, says);
}

/* Also while it stands in line for a slot. */
static void test_cancelled_at_each_turn(void **state)
{
    const struct table_read reads[] = {{.folder = "/run"},
        {.folder = "/run", .changes = true, .after_position = 1},
        {.in_place = true, .at_ms = 2500}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(reads); i++) {
        unsigned turn = 1, cancelled = 0;
        bool more = true;

        for (; more; turn++) {
            struct reading reading;

            set_log();
            more = read_until(&reading, &reads[i], turn);
            if (reading.err.code) {
                assert_int_equal(reading.err.code, ERROR_STOPPED);
                cancelled++;
            }
            end(&reading);
        }
        assert_in_range(cancelled, 5, turn);
    }
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_table_at_a_position),
        TEST(test_results),
        TEST(test_origins),
        TEST(test_an_empty_table),
        TEST(test_files_are_skipped),
        TEST(test_only_what_is_not_clean_is_merged),
        TEST(test_rows_beside_deletes_are_no_base),
        TEST(test_keys_that_a_delta_may_repeat),
        TEST(test_pruning_what_is_merged),
        TEST(test_changes),
        TEST(test_changes_over_compactions),
        TEST(test_changes_over_overwrites),
        TEST(test_changes_over_a_rollback),
        TEST(test_files_are_fetched),
        TEST(test_a_file_that_is_gone),
        TEST(test_cancelled_at_each_turn),
    };

    return cmocka_run_group_tests_name("table_read", tests, NULL, NULL);
}
