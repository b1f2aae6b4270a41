/* What lists promise: order, bounds, filters, pages. */
#include "tests/unit/catalog_conformance.h"

enum { POSITIONS = 7 };

/* Appends to partitions "a" and "b" in turn, one position each; "a" is replaced at the end. */
static struct desk *desk_with_deltas(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    for (int i = 1; i < POSITIONS; i++) {
        desk_add_append(desk, i % 2 ? "a" : "b", arena_printf(&desk->arena, "f%d", i), i);
        desk_apply(desk);
    }
    desk_add_replace(desk, "a", "f7", POSITIONS);
    desk_apply(desk);
    return desk;
}

static void test_deltas_between_positions(void **state)
{
    static const struct {
        int64_t first, last;
        bool reverse;
        int64_t limit;
        const char *positions;
    } cases[] = {
        {0, 0, false, 0, "7654321"},
        {0, 0, true, 0, "1234567"},
        {2, 4, false, 0, "432"}, /* inclusive */
        {2, 4, true, 0, "234"},
        {5, 0, false, 0, "765"},
        {0, 2, true, 0, "12"},
        {8, 0, false, 0, ""},
        {0, 0, false, 3, "765"},
        {3, 3, true, 9, "3"},
    };
    struct desk *desk = desk_with_deltas(state);

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct catalog_query query =
            desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_LIST_DELTAS,
                                    .first_position = cases[i].first,
                                    .last_position = cases[i].last,
                                    .reverse = cases[i].reverse,
                                    .limit = cases[i].limit});

        assert_int_equal(query.count, strlen(cases[i].positions));
        for (size_t j = 0; j < query.count; j++)
            assert_int_equal(query.deltas[j].position, cases[i].positions[j] - '0');
        assert_int_equal(query.truncated, cases[i].limit == 3);
        assert_int_equal(query.next != NULL, cases[i].limit == 3);
    }
}

static void test_manifests_come_where_they_are_asked_for(void **state)
{
    struct desk *desk = desk_with_deltas(state);
    struct catalog_query query = desk_ask(desk, CATALOG_LIST_DELTAS);

    assert_int_equal(query.deltas[0].file_count, 0);
    assert_null(query.deltas[0].files);
    query = desk_ask_with(
        desk, (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .with_files = true});
    assert_int_equal(query.deltas[0].file_count, 1);
    assert_string_equal(query.deltas[0].files[0].key, "f7");
}

static void test_deltas_of_replaced_partitions(void **state)
{
    struct desk *desk = desk_with_deltas(state);
    struct catalog_query query = desk_ask(desk, CATALOG_LIST_DELTAS);

    assert_int_equal(query.count, 7);
    assert_int_equal(query.deltas[0].state, CATALOG_COMMITTED);
    assert_int_equal(query.deltas[1].state, CATALOG_COMMITTED); /* of b */
    assert_int_equal(query.deltas[2].state, CATALOG_REPLACED);  /* of a */
    query =
        desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .current = true});
    assert_int_equal(query.count, 4);
    for (size_t i = 0; i < query.count; i++)
        assert_int_equal(query.deltas[i].state, CATALOG_COMMITTED);
}

static void test_deltas_of_one_partition(void **state)
{
    static const char *const b[] = {"b"}, *const nobody[] = {"nobody"};
    struct desk *desk = desk_with_deltas(state);
    struct catalog_query query = {.verb = CATALOG_LIST_DELTAS,
        .at = {.namespace = "n", .table = "t", .values = b, .value_count = 1}};
    struct catalog_query answer = desk_ask_with(desk, query);

    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.deltas[0].position, 6);
    assert_int_equal(answer.deltas[0].previous_position, 4);
    assert_int_equal(answer.deltas[2].previous_position, 0);
    query.at.values = nobody;
    assert_int_equal(desk_ask_with(desk, query).count, 0);
    query.verb = CATALOG_LIST_FILES;
    query.at.values = b;
    answer = desk_ask_with(desk, query);
    assert_int_equal(answer.count, 3);
    assert_string_equal(answer.deltas[0].files[0].key, "f2");
    query.at_position = 5;
    assert_int_equal(desk_ask_with(desk, query).count, 2);
}

static void test_files_by_partition_then_ascending(void **state)
{
    struct desk *desk = desk_with_deltas(state);

    assert_string_equal(desk_read(desk, 0), "f7 f2 f4 f6");
    assert_string_equal(desk_read(desk, 6), "f1 f3 f5 f2 f4 f6");
}

static void test_deltas_of_a_partition_by_its_id(void **state)
{
    struct desk *desk = desk_with_deltas(state);
    const struct catalog_query all = desk_ask(desk, CATALOG_LIST_DELTAS);
    struct catalog_query query = {.verb = CATALOG_LIST_PARTITION_DELTAS,
        .at = {.namespace = "n", .table = "t", .partition_id = all.deltas[6].partition_id}};
    struct catalog_query answer = desk_ask_with(desk, query);

    assert_int_equal(answer.count, 3); /* of one that was replaced, the newest first */
    assert_int_equal(answer.deltas[0].position, 5);
    query.first_position = 3;
    query.last_position = 3;
    assert_int_equal(desk_ask_with(desk, query).count, 1);
}

static void test_a_delta_at_a_position(void **state)
{
    static const char *const a[] = {"a"};
    struct desk *desk = desk_with_deltas(state);
    struct catalog_query query = {.verb = CATALOG_GET_DELTA,
        .at = {.namespace = "n", .table = "t", .values = a, .value_count = 1, .position = 7}};

    assert_int_equal(desk_ask_with(desk, query).deltas[0].rows, 7);
    query.at.position = 5; /* of the one that was replaced */
    assert_int_equal(desk_ask_with(desk, query).deltas[0].state, CATALOG_REPLACED);
    query.at.position = 6; /* that is b's */
    assert_int_equal(desk_ask_with(desk, query).count, 0);
    query.at.value_count = 0;
    desk_ask_fails(desk, query, ERROR_INVALID, "0 partition values were given");
}

static void test_values_tell_null_from_empty(void **state)
{
    static const char *const values[] = {
        NULL, "", "null", "a\"b", "../a/b\n", "ü", "[\"x\"]", "\\"};
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query;
    bool found[ARRAY_LENGTH(values)] = {false};

    for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
        desk_add_append(desk, values[i], "f", (int64_t)i + 1);
    desk_apply(desk);
    query = desk_ask(desk, CATALOG_LIST_PARTITIONS);
    assert_int_equal(query.count, ARRAY_LENGTH(values));
    for (size_t i = 0; i < query.count; i++) {
        const size_t which = (size_t)query.partitions[i].rows - 1;

        assert_false(found[which]);
        found[which] = true;
        assert_true(text_equal(query.partitions[i].values[0], values[which]));
    }
}

/* --- pages --- */

/* A number that tells an item from others. */
static int64_t item_key(const struct catalog_query *query, size_t i)
{
    switch (query->verb) {
    case CATALOG_LIST_DELTAS:
    case CATALOG_LIST_FILES:
    case CATALOG_LIST_ALL_FILES:
        return query->deltas[i].rows;
    case CATALOG_LIST_PARTITIONS:
        return query->partitions[i].values[0][0];
    case CATALOG_LIST_COMMITS:
        return query->commits[i].fence;
    case CATALOG_LIST_SEEN:
        return (int64_t)query->seen[i].size;
    case CATALOG_LIST_TAGS:
        return query->tags[i].position;
    case CATALOG_LIST_VERSIONS:
        return query->versions[i].version;
    case CATALOG_LIST_STREAMS:
        return query->streams[i].id[0];
    case CATALOG_LIST_STAGED:
        return query->staged[i].id[0];
    case CATALOG_LIST_SCHEMAS:
        return query->schemas[i].id;
    case CATALOG_LIST_CURSORS:
        return query->cursors[i].load[0];
    case CATALOG_LIST_PUBLICATIONS:
        return query->publications[i].to[0];
    case CATALOG_LIST_TABLES:
        return query->tables[i].name[0];
    default:
        assert_int_equal(query->verb, CATALOG_LIST_NAMESPACES);
        return query->namespaces[i].name[0];
    }
}

/* The pages of a list, put together, are the list. */
static void check_pages(struct desk *desk, struct catalog_query query, int64_t limit)
{
    const struct catalog_query whole = desk_ask_with(desk, query);
    size_t seen = 0;

    assert_true(whole.count >= 3);
    assert_null(whole.next);
    query.limit = limit;
    do {
        const struct catalog_query page = desk_ask_with(desk, query);

        assert_true(page.count > 0 && page.count <= (size_t)limit);
        assert_int_equal(page.truncated, page.next != NULL);
        for (size_t i = 0; i < page.count; i++, seen++) {
            assert_true(seen < whole.count);
            assert_int_equal(item_key(&page, i), item_key(&whole, seen));
        }
        query.after = page.next;
    } while (query.after);
    assert_int_equal(seen, whole.count);
}

static void fill(struct desk *desk)
{
    static const char *const names[] = {"a", "b", "c"};
    static const struct catalog_cursor cursor = {
        .pipeline = "p", .instance = "", .load = "a", .extract = "e"};

    for (int i = 0; i < 3; i++) {
        struct catalog_change *change = desk_add(desk, CATALOG_RECORD_COMMIT);

        change->commit = (struct catalog_commit){
            .run_id = names[i], .pipeline = "p", .instance = "", .fence = i};
        desk_add(desk, CATALOG_SET_CURSOR)->cursor = (struct catalog_cursor){
            .pipeline = "p", .instance = "", .load = names[i], .extract = "e", .state = "{}"};
        change = desk_add(desk, CATALOG_ADD_SEEN);
        change->seen.cursor = cursor;
        change->seen.seen = (struct catalog_seen){.key = names[2 - i], .size = (uint64_t)i};
        desk_add(desk, CATALOG_SET_TAG)->tag =
            (struct catalog_tag){.name = names[i], .position = 4 - i};
        desk_add(desk, CATALOG_CREATE_TABLE)->at.table = names[i];
        desk_add(desk, CATALOG_CREATE_NAMESPACE)->at.namespace = names[i];
        desk_add_append(desk, names[i], "f", 10 + i);
        desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = names[i];
    }
    desk_apply(desk);
}

static size_t count_of(struct desk *desk, enum catalog_query_verb verb, const char *load)
{
    return desk_ask_with(desk,
        (struct catalog_query){
            .verb = verb, .pipeline = "p", .instance = "", .load = load, .extract = "e"})
        .count;
}

/* With all that it has seen; those of other loads stay. */
static void test_cursor_is_deleted(void **state)
{
    struct desk *desk = desk_with_deltas(state);

    fill(desk);
    assert_int_equal(count_of(desk, CATALOG_LIST_SEEN, "a"), 3);
    desk_add(desk, CATALOG_DELETE_CURSOR)->cursor =
        (struct catalog_cursor){.pipeline = "p", .instance = "", .load = "a"};
    desk_apply(desk);
    assert_int_equal(count_of(desk, CATALOG_LIST_SEEN, "a"), 0);
    assert_int_equal(count_of(desk, CATALOG_LIST_CURSORS, "a"), 0);
    assert_int_equal(count_of(desk, CATALOG_LIST_CURSORS, "b"), 1);
    desk_add(desk, CATALOG_DELETE_CURSOR)->cursor =
        (struct catalog_cursor){.pipeline = "p", .instance = ""};
    desk_apply(desk);
    assert_int_equal(count_of(desk, CATALOG_LIST_CURSORS, "c"), 0);
}

static void test_pages(void **state)
{
    static const enum catalog_query_verb verbs[] = {CATALOG_LIST_DELTAS, CATALOG_LIST_FILES,
        CATALOG_LIST_PARTITIONS, CATALOG_LIST_COMMITS, CATALOG_LIST_SEEN, CATALOG_LIST_TAGS,
        CATALOG_LIST_STREAMS, CATALOG_LIST_STAGED, CATALOG_LIST_CURSORS, CATALOG_LIST_TABLES,
        CATALOG_LIST_NAMESPACES};
    struct desk *desk = desk_with_deltas(state);

    fill(desk);
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        for (int reverse = 0; reverse < 2; reverse++) {
            struct catalog_query query = {.verb = verbs[i], .reverse = reverse};

            if (verbs[i] != CATALOG_LIST_COMMITS) {
                query.pipeline = "p";
                query.instance = "";
            }
            if (verbs[i] == CATALOG_LIST_SEEN) {
                query.load = "a";
                query.extract = "e";
            }
            for (int64_t limit = 1; limit <= 3; limit++)
                check_pages(desk, query, limit);
            query.limit = 1;
            query.after = "nonsense";
            desk_ask_fails(desk, query, ERROR_INVALID, "is not where a page of this list ends");
        }
    }
}

static void test_pages_of_versions_and_schemas(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    for (int i = 0; i < 3; i++) {
        struct catalog_column *columns = arena_array(&desk->arena, (size_t)i + 1, sizeof(*columns));
        struct catalog_change *change;

        desk_add_version(desk, false)->version.lifecycle = CATALOG_BETA;
        change = desk_add(desk, CATALOG_CREATE_TABLE);
        change->at.table = "s";
        change->if_missing = true;
        for (int j = 0; j <= i; j++)
            columns[j] = (struct catalog_column){.name = arena_printf(&desk->arena, "c%d", j),
                .type = "DATE",
                .field_id = j < i ? j + 1 : 0};
        change = desk_add(desk, i == 0 ? CATALOG_CREATE_VERSION : CATALOG_SET_SCHEMA);
        change->at.table = "s";
        if (i == 0) {
            change->version.columns = columns;
            change->version.column_count = 1;
            change->version.lifecycle = CATALOG_ACTIVE;
        } else {
            change->schema.columns = columns;
            change->schema.column_count = (size_t)i + 1;
        }
    }
    desk_apply(desk);
    for (int64_t limit = 1; limit <= 3; limit++) {
        check_pages(desk, (struct catalog_query){.verb = CATALOG_LIST_VERSIONS}, limit);
        check_pages(desk,
            (struct catalog_query){
                .verb = CATALOG_LIST_SCHEMAS, .at = {.namespace = "n", .table = "s"}},
            limit);
    }
}

/* --- everything --- */

static void test_all_files_whatever_refers_to_them(void **state)
{
    struct desk *desk = desk_with_deltas(state); /* f7 f2 f4 f6, and f1 f3 f5 of a replaced one */
    struct catalog_query query = {.verb = CATALOG_LIST_ALL_FILES};
    struct catalog_query answer;
    int64_t sum = 0;

    desk_add(desk, CATALOG_CREATE_TABLE)->at.table = "u";
    desk_add_version(desk, false)->at.table = "u";
    desk_apply(desk);
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "s"); /* staged, with a staged delta */
    desk_add_delta(desk, "s", "f8", 8, CATALOG_APPEND);
    desk_add_delta(desk, "s", "f9", 9, CATALOG_APPEND);
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "s")->at.table = "u";
    desk_add_delta(desk, "s", "f10", 10, CATALOG_APPEND)->at.table = "u";
    desk_apply(desk);
    answer = desk_ask_with(desk, query);
    assert_int_equal(answer.count, 10);
    for (size_t i = 0; i < answer.count; i++) {
        assert_int_equal(answer.deltas[i].file_count, 1);
        sum += answer.deltas[i].rows;
    }
    assert_int_equal(sum, 55);
    assert_int_equal(answer.deltas[9].rows, 10); /* by table */
    for (int64_t limit = 1; limit <= 11; limit++)
        check_pages(desk, query, limit);
    query.at = (struct catalog_locator){.namespace = "n", .table = "u"};
    assert_int_equal(desk_ask_with(desk, query).count, 1);
    query.after = "nonsense";
    desk_ask_fails(desk, query, ERROR_INVALID, "is not where a page of this list ends");
}

int conformance_lists(const struct conformance_implementation *implementation)
{
    const struct CMUnitTest tests[] = {
        ON_DESK(test_deltas_between_positions, implementation),
        ON_DESK(test_manifests_come_where_they_are_asked_for, implementation),
        ON_DESK(test_deltas_of_replaced_partitions, implementation),
        ON_DESK(test_deltas_of_one_partition, implementation),
        ON_DESK(test_files_by_partition_then_ascending, implementation),
        ON_DESK(test_deltas_of_a_partition_by_its_id, implementation),
        ON_DESK(test_a_delta_at_a_position, implementation),
        ON_DESK(test_values_tell_null_from_empty, implementation),
        ON_DESK(test_cursor_is_deleted, implementation),
        ON_DESK(test_pages, implementation),
        ON_DESK(test_pages_of_versions_and_schemas, implementation),
        ON_DESK(test_all_files_whatever_refers_to_them, implementation),
    };

    return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
