/* Deltas: staged with their manifests, merged, committed, deleted. */
#include "tests/unit/catalog_conformance.h"

static const char id_1[] = "0192a7c0-0000-7000-8000-000000000001";
static const char id_2[] = "0192a7c0-0000-7000-8000-000000000002";

static struct catalog_query get_delta(struct desk *desk, const char *id)
{
    return desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_GET_DELTA,
                                   .at = {.namespace = "n", .table = "t", .delta_id = id}});
}

static void test_a_delta_says_what_it_was_made_of(void **state)
{
    static const struct catalog_file files[] = {
        {"n/t/1/x.parquet", "parquet", 5, 50, CATALOG_ROWS, 1, "crc32c:0a1b2c3d",
            "{\"1\":{\"min\":\"a\"}}", 3},
        {"s3://elsewhere/y.parquet", "parquet", 2, 20, CATALOG_DELETES, 0, NULL, NULL, 0}};
    struct desk *desk = desk_with_table(state, true);
    struct catalog_change *change;
    struct catalog_delta delta;

    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d");
    change = desk_add_delta(desk, "d", "x", 1, CATALOG_UPSERT);
    change->delta.files = files;
    change->delta.file_count = 2;
    change->delta.author = "me 1.0";
    change->delta.rewrite = true;
    change->properties = "{\"a\":\"b\"}";
    change->at.delta_id = id_1;
    desk_add_at(desk, CATALOG_COMMIT_DELTA, "d");
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d");
    desk_apply(desk);
    delta = desk_ask(desk, CATALOG_LIST_FILES).deltas[0];
    assert_string_equal(delta.id, id_1);
    assert_int_equal(delta.type, CATALOG_UPSERT);
    assert_true(delta.rewrite);
    assert_string_equal(delta.author, "me 1.0");
    assert_string_equal(delta.properties, "{\"a\":\"b\"}");
    assert_string_equal(delta.run_id, "run-1");
    assert_string_equal(delta.values[0], "d");
    assert_int_equal(delta.rows, 7);
    assert_int_equal(delta.bytes, 70);
    assert_int_equal(delta.file_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(delta.files[i].key, files[i].key);
        assert_string_equal(delta.files[i].format, "parquet");
        assert_int_equal(delta.files[i].rows, files[i].rows);
        assert_int_equal(delta.files[i].bytes, files[i].bytes);
        assert_int_equal(delta.files[i].content, files[i].content);
        assert_int_equal(delta.files[i].schema_id, files[i].schema_id);
        assert_true(text_equal(delta.files[i].checksum, files[i].checksum));
        assert_true(text_equal(delta.files[i].stats, files[i].stats));
        assert_int_equal(delta.files[i].bucket, files[i].bucket);
    }
    desk_add_append(desk, "d", "y", 1);
    desk_apply(desk);
    assert_contains(desk_ask(desk, CATALOG_LIST_DELTAS).deltas[0].author, "sluice ");
}

static void test_bad_manifests(void **state)
{
    static const struct catalog_file bad[] = {{NULL, "parquet", 1, 1}, {"", "parquet", 1, 1},
        {"f", NULL, 1, 1}, {"f", "", 1, 1}, {"f", "parquet", -1, 1},
        {"f", "parquet", 1, UINT64_MAX}, {"../f", "parquet", 1, 1}, {"a/../f", "parquet", 1, 1},
        {"a//f", "parquet", 1, 1}, {"a/.", "parquet", 1, 1}, {"f\xff", "parquet", 1, 1},
        {"f", "parquet", 1, 1, CATALOG_ROWS, -1}, {"f", "parquet", 1, 1, CATALOG_ROWS, 2},
        {"f", "parquet", 1, 1, CATALOG_ROWS, 0, "0a1b"},
        {"f", "parquet", 1, 1, CATALOG_ROWS, 0, NULL, "[]"},
        {"f", "parquet", 1, 1, CATALOG_ROWS, 0, NULL, NULL, -1}};
    struct desk *desk = desk_with_table(state, false);

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        desk_add_at(desk, CATALOG_STAGE_PARTITION, "x");
        desk_add_delta(desk, "x", "f", 1, CATALOG_APPEND)->delta.files = &bad[i];
        desk_apply_fails(
            desk, ERROR_INVALID, "n.t version 1 partition [\"x\"]: file 1 of the manifest");
    }
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 0);
}

static void test_types_and_contents_fit_the_table(void **state)
{
    static const struct catalog_file rows = {.key = "f", .format = "parquet"};
    static const struct catalog_file deletes = {
        .key = "f", .format = "parquet", .content = CATALOG_DELETES};
    struct desk *desk = desk_with_table(state, false);

    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d");
    desk_add_delta(desk, "d", "f", 1, CATALOG_UPSERT);
    desk_apply_fails(
        desk, ERROR_INVALID, "the table has no key, so that there is nothing to upsert");
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d");
    desk_add_delta(desk, "d", "f", 1, CATALOG_DELETE);
    desk_apply_fails(
        desk, ERROR_INVALID, "the table has no key, so that there is nothing to delete");
    desk_add_version(desk, true);
    desk_apply(desk);
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d");
    desk_add_delta(desk, "d", "f", 1, CATALOG_APPEND)->delta.files = &deletes;
    desk_apply_fails(desk, ERROR_INVALID, "holds deletes, which a delta of type append does not");
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d");
    desk_add_delta(desk, "d", "f", 1, CATALOG_DELETE)->delta.files = &rows;
    desk_apply_fails(desk, ERROR_INVALID, "holds rows, which a delta of type delete does not");
}

static void test_wrong_transitions_of_a_delta(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    desk_add_append(desk, "d", "a", 1);
    desk->changes[1].at.delta_id = id_1;
    desk_apply(desk);
    desk_add_delta(desk, "d", "b", 1, CATALOG_APPEND)->at.delta_id = id_1;
    desk_apply_fails(desk, ERROR_EXISTS, "a delta with the id 0192a7c0");
    desk_add(desk, CATALOG_COMMIT_DELTA)->at.delta_id = id_1;
    desk_apply_fails(desk, ERROR_CONFLICT, "the delta with this id is committed already");
    desk_add(desk, CATALOG_DELETE_DELTA)->at.delta_id = id_1;
    desk_apply_fails(desk, ERROR_CONFLICT, "is committed already and stays so");
    desk_add(desk, CATALOG_COMMIT_DELTA)->at.delta_id = id_2;
    desk_apply_fails(desk, ERROR_NOT_FOUND, "n.t: there is no delta with the id 0192a7c0");
    desk_add(desk, CATALOG_DELETE_DELTA)->at.delta_id = id_2;
    desk_apply_fails(desk, ERROR_NOT_FOUND, "n.t: there is no delta with the id 0192a7c0");
    desk_add_delta(desk, "d", "b", 1, CATALOG_APPEND)->at.delta_id = id_2;
    desk_apply(desk);
    desk_add_replace(desk, "d", "c", 1);
    desk_apply(desk);
    desk_add(desk, CATALOG_COMMIT_DELTA)->at.delta_id = id_2; /* its partition was replaced */
    desk_apply_fails(desk, ERROR_CONFLICT, "partition [\"d\"]: the partition with this id was");
    desk_add(desk, CATALOG_DELETE_DELTA)->at.delta_id = id_2;
    desk_apply(desk);
    assert_int_equal(get_delta(desk, id_2).count, 0);
    desk_add_delta(desk, "z", "b", 1, CATALOG_APPEND);
    desk_apply_fails(desk, ERROR_NOT_FOUND, "partition [\"z\"]: there is no such partition");
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "z");
    desk_add_at(desk, CATALOG_COMMIT_DELTA, "z");
    desk_apply_fails(desk, ERROR_NOT_FOUND, "no delta is staged in it that could be committed");
    desk_check(desk);
}

static void test_positions_grow(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    desk_add_append(desk, "d", "a", 1);
    desk->changes[2].at.position = 10;
    desk_apply(desk);
    assert_int_equal(desk->position, 10);
    for (int64_t position = 9; position <= 10; position++) {
        desk_add_append(desk, "e", "b", 1);
        desk->changes[2].at.position = position;
        desk_apply_fails(desk, ERROR_CONFLICT,
            "cannot be taken: the stream is at 10, the partition at 0, and positions grow");
    }
    desk_add_append(desk, "d", "b", 1); /* one for all of an apply */
    desk_add_append(desk, "e", "c", 1);
    desk_apply(desk);
    assert_int_equal(desk->position, 11);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(desk_ask(desk, CATALOG_LIST_DELTAS).deltas[i].position, 11);
    assert_int_equal(desk_version(desk).last_position, 11);
    desk_check(desk);
}

static void test_a_second_delta_joins_the_first(void **state)
{
    struct desk *desk = desk_with_table(state, true);
    struct catalog_query files;

    desk_add_append(desk, "d", "a", 3);
    desk_add_append(desk, "d", "b", 4);
    desk_add_delta(desk, "d", "c", 5, CATALOG_ADD);
    desk_add_at(desk, CATALOG_COMMIT_DELTA, "d");
    desk_apply(desk);
    files = desk_ask(desk, CATALOG_LIST_FILES);
    assert_int_equal(files.count, 1);
    assert_int_equal(files.deltas[0].rows, 12);
    assert_int_equal(files.deltas[0].type, CATALOG_ADD); /* add and append make add */
    assert_string_equal(desk_read(desk, 0), "a b c");
    desk_add_append(desk, "d", "d", 1);
    desk_add_delta(desk, "d", "e", 1, CATALOG_DELETE);
    desk_add_at(desk, CATALOG_COMMIT_DELTA, "d");
    desk_apply_fails(desk, ERROR_CONFLICT, "one run cannot both append and delete");
    desk_check(desk);
}

static struct catalog_change *add_merge(struct desk *desk, const char *const *ids, size_t count)
{
    struct catalog_change *change = desk_add(desk, CATALOG_MERGE_DELTAS);

    change->merge.ids = ids;
    change->merge.count = count;
    return change;
}

static void test_what_cannot_be_merged(void **state)
{
    static const char *const bad[][2] = {
        {"a", "b"}, {"a", "c"}, {"a", "empty"}, {"a", "done"}, {"a", "nobody"}, {"a", "a"}};
    static const char *const parts[] = {"b is of another partition", "c is of type upsert and",
        "empty has no files to merge", "done is committed already", "with the id nobody",
        "a is to be merged twice"};
    struct desk *desk = desk_with_table(state, true);

    desk_add_append(desk, "d", "x", 1);
    desk->changes[1].at.delta_id = "done";
    desk_add_append(desk, "e", "x", 1);
    desk_apply(desk);
    desk_add_delta(desk, "d", "x", 1, CATALOG_APPEND)->at.delta_id = "a";
    desk_add_delta(desk, "e", "x", 1, CATALOG_APPEND)->at.delta_id = "b";
    desk_add_delta(desk, "d", "x", 1, CATALOG_UPSERT)->at.delta_id = "c";
    desk_add_delta(desk, "d", "x", 1, CATALOG_APPEND)->at.delta_id = "empty";
    desk->changes[3].delta.file_count = 0;
    desk_apply(desk);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        add_merge(desk, bad[i], 2);
        assert_int_equal(desk_try_apply(desk), -1);
        assert_contains(desk->err.message, parts[i]);
        assert_int_equal(desk->err.code, i == 3   ? ERROR_CONFLICT
                                         : i == 4 ? ERROR_NOT_FOUND
                                                  : ERROR_INVALID);
    }
    add_merge(desk, NULL, 0);
    desk_apply_fails(desk, ERROR_INVALID, "no deltas to merge were named");
    add_merge(desk, bad[0], 1)->at.delta_id = "b"; /* taken */
    desk_apply_fails(desk, ERROR_EXISTS, "a delta with the id b exists already");
    desk_check(desk);
}

static void test_entries_are_merged_in_the_order_of_the_ids(void **state)
{
    static const char *const ids[] = {"c", "a", "b"};
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query;

    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d")->if_missing = true;
    for (size_t i = 0; i < 3; i++)
        desk_add_delta(desk, "d", ids[i], (int64_t)i + 1, i ? CATALOG_APPEND : CATALOG_ADD)
            ->at.delta_id = ids[i];
    add_merge(desk, ids, 3)->at.delta_id = "m";
    desk_add(desk, CATALOG_COMMIT_DELTA)->at.delta_id = "m";
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d");
    desk_apply(desk);
    assert_string_equal(desk_read(desk, 0), "c a b");
    query = get_delta(desk, "m");
    assert_int_equal(query.deltas[0].rows, 6);
    assert_int_equal(query.deltas[0].bytes, 60);
    assert_int_equal(query.deltas[0].type, CATALOG_ADD);
    desk_check(desk);
}

int conformance_deltas(const struct conformance_implementation *implementation)
{
    const struct CMUnitTest tests[] = {
        ON_DESK(test_a_delta_says_what_it_was_made_of, implementation),
        ON_DESK(test_bad_manifests, implementation),
        ON_DESK(test_types_and_contents_fit_the_table, implementation),
        ON_DESK(test_wrong_transitions_of_a_delta, implementation),
        ON_DESK(test_positions_grow, implementation),
        ON_DESK(test_a_second_delta_joins_the_first, implementation),
        ON_DESK(test_what_cannot_be_merged, implementation),
        ON_DESK(test_entries_are_merged_in_the_order_of_the_ids, implementation),
    };

    return cmocka_run_group_tests_name("deltas", tests, NULL, NULL);
}
