/* Streams and partitions: staged, committed, replaced; and the walk through all of it. */
#include "tests/unit/catalog_conformance.h"

static const char id_1[] = "0192a7c0-0000-7000-8000-000000000001";
static const char id_2[] = "0192a7c0-0000-7000-8000-000000000002";
static const char id_3[] = "0192a7c0-0000-7000-8000-000000000003";

static struct catalog_query get_delta(struct desk *desk, const char *id)
{
    return desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_GET_DELTA,
                                   .at = {.namespace = "n", .table = "t", .delta_id = id}});
}

static struct catalog_query get_partition(struct desk *desk, const char *id)
{
    return desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_GET_PARTITION,
                                   .at = {.namespace = "n", .table = "t", .partition_id = id}});
}

static size_t count_deltas(struct desk *desk, const char *partition_id)
{
    struct catalog_query query = {.verb = CATALOG_LIST_PARTITION_DELTAS,
        .at = {.namespace = "n", .table = "t", .partition_id = partition_id}};

    return desk_ask_with(desk, query).count;
}

/* --- the walk through DeltaCAT's SQLite storage --- */

static void stage_two_deltas_and_merge_them(struct desk *desk, const char *stream_id)
{
    static const char *const ids[] = {"first", "second"};
    struct catalog_change *change;

    for (int i = 0; i < 2; i++) {
        change = desk_add_delta(desk, "d", i ? "b" : "a", i ? 4 : 3, CATALOG_APPEND);
        change->at.partition_id = id_2;
        change->at.stream_id = stream_id;
        change->at.delta_id = ids[i];
    }
    desk_apply(desk);
    assert_int_equal(get_delta(desk, "first").deltas[0].state, CATALOG_STAGED);
    change = desk_add(desk, CATALOG_MERGE_DELTAS);
    change->at.stream_id = stream_id;
    change->at.delta_id = "merged";
    change->merge.ids = ids;
    change->merge.count = 2;
    desk_apply(desk);
    assert_int_equal(get_delta(desk, "first").count, 0); /* they are one now */
    assert_int_equal(get_delta(desk, "merged").deltas[0].rows, 7);
}

static void look_at_the_committed_delta(struct desk *desk, int64_t position)
{
    const char *const values[] = {"d"};
    const struct catalog_locator at = {
        .namespace = "n", .table = "t", .values = values, .value_count = 1, .position = position};
    struct catalog_query query;

    query = desk_ask(desk, CATALOG_LIST_DELTAS);
    assert_int_equal(query.count, 1);
    assert_int_equal(query.deltas[0].position, position);
    query = desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_GET_DELTA, .at = at});
    assert_string_equal(query.deltas[0].id, "merged");
    assert_int_equal(query.deltas[0].file_count, 0); /* without manifest */
    query = desk_ask_with(
        desk, (struct catalog_query){.verb = CATALOG_GET_DELTA, .at = at, .with_files = true});
    assert_int_equal(query.deltas[0].file_count, 2);
    assert_string_equal(query.deltas[0].files[0].key, "a");
    assert_string_equal(query.deltas[0].files[1].key, "b");
    query = desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_GET_LATEST_DELTA, .at = at});
    assert_string_equal(query.deltas[0].id, "merged");
}

static void delete_step_by_step(struct desk *desk)
{
    desk_add_at(desk, CATALOG_DELETE_PARTITION, "d");
    desk_apply(desk);
    assert_int_equal(get_partition(desk, id_2).partitions[0].state, CATALOG_REPLACED);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_PARTITIONS).count, 0);
    desk_add(desk, CATALOG_DELETE_STREAM); /* and its version with it */
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_GET_VERSION).count, 0);
    assert_int_equal(
        desk_ask(desk, CATALOG_GET_LATEST_VERSION).versions[0].lifecycle, CATALOG_DELETED);
    desk_add(desk, CATALOG_DELETE_TABLE);
    desk_add(desk, CATALOG_DELETE_NAMESPACE);
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_NAMESPACES).count, 0);
    desk_check(desk);
}

static void test_the_walk_through(void **state)
{
    struct desk *desk = desk_with_table(state, false); /* namespace, table, version */
    struct catalog_change *change;
    int64_t delta_position;

    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = id_1;
    desk_apply(desk);
    assert_string_not_equal(desk_version(desk).stream_id, id_1);
    desk_add(desk, CATALOG_COMMIT_STREAM)->at.stream_id = id_1;
    desk_apply(desk);
    assert_string_equal(desk_version(desk).stream_id, id_1);
    change = desk_add_at(desk, CATALOG_STAGE_PARTITION, "d");
    change->at.stream_id = id_1;
    change->at.partition_id = id_2;
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_PARTITIONS).count, 0);
    stage_two_deltas_and_merge_them(desk, id_1);
    desk_add(desk, CATALOG_COMMIT_DELTA)->at.delta_id = "merged";
    desk_apply(desk);
    delta_position = desk->position;
    assert_true(delta_position > 0);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_DELTAS).count, 0); /* the partition is staged */
    assert_string_equal(desk_read(desk, 0), "");
    assert_int_equal(count_deltas(desk, id_2), 1); /* seen here alone */
    change = desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d");
    change->at.partition_id = id_2;
    desk_apply(desk);
    assert_int_equal(get_partition(desk, id_2).partitions[0].state, CATALOG_COMMITTED);
    assert_int_equal(get_partition(desk, id_2).partitions[0].position, delta_position);
    look_at_the_committed_delta(desk, delta_position);
    assert_string_equal(desk_read(desk, 0), "a b");
    delete_step_by_step(desk);
}

/* --- streams --- */

static struct catalog_change *in_stream(struct catalog_change *change, const char *id)
{
    change->at.stream_id = id;
    return change;
}

static void test_a_stream_replaces_the_one_that_it_noted(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query streams;
    const char *first;

    desk_add_append(desk, "d", "a", 1);
    desk_apply(desk);
    first = desk_version(desk).stream_id;
    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = id_1;
    in_stream(desk_add_at(desk, CATALOG_STAGE_PARTITION, "d"), id_1);
    in_stream(desk_add_delta(desk, "d", "b", 2, CATALOG_APPEND), id_1);
    in_stream(desk_add_at(desk, CATALOG_COMMIT_DELTA, "d"), id_1);
    in_stream(desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d"), id_1);
    desk_apply(desk);
    assert_string_equal(desk_read(desk, 0), "a"); /* staged is not read */
    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = id_2;
    desk_add(desk, CATALOG_COMMIT_STREAM)->at.stream_id = id_1;
    desk_apply(desk);
    assert_string_equal(desk_read(desk, 0), "b"); /* with what was committed into it */
    assert_int_equal(desk_version(desk).rows, 2);
    streams = desk_ask(desk, CATALOG_LIST_STREAMS); /* the newest first */
    assert_int_equal(streams.count, 3);
    assert_string_equal(streams.streams[0].id, id_2);
    assert_int_equal(streams.streams[0].state, CATALOG_STAGED);
    assert_string_equal(streams.streams[1].previous_id, first);
    assert_int_equal(streams.streams[1].state, CATALOG_COMMITTED);
    assert_int_equal(streams.streams[1].rows, 2);
    assert_int_equal(streams.streams[1].version, 1);
    assert_string_equal(streams.streams[2].id, first);
    assert_int_equal(streams.streams[2].state, CATALOG_REPLACED);
    assert_null(streams.streams[2].previous_id);
    desk_add(desk, CATALOG_COMMIT_STREAM)->at.stream_id = id_2; /* it noted the first one */
    desk_apply_fails(desk, ERROR_CONFLICT, "n.t version 1: somebody else replaced its stream");
    desk_add(desk, CATALOG_COMMIT_STREAM)->at.stream_id = id_1;
    desk_apply_fails(desk, ERROR_CONFLICT, "its stream is committed already");
    in_stream(desk_add_at(desk, CATALOG_STAGE_PARTITION, "d"), first);
    desk_apply_fails(desk, ERROR_CONFLICT, "was replaced or deleted and takes no more changes");
    desk_check(desk);
}

static void test_positions_go_on_in_a_new_stream(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    for (int i = 0; i < 3; i++) {
        desk_add_append(desk, "d", "a", 1);
        desk_apply(desk);
    }
    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = id_1;
    desk_apply(desk);
    desk_add_append(desk, "d", "a", 1);
    desk_apply(desk);
    assert_int_equal(desk->position, 4);
    desk_add(desk, CATALOG_COMMIT_STREAM)->at.stream_id = id_1;
    desk_apply(desk);
    assert_int_equal(desk_version(desk).last_position, 5);
    assert_int_equal(desk_version(desk).first_position, 5);
    desk_add_append(desk, "d", "b", 1);
    desk_apply(desk);
    assert_int_equal(desk->position, 6);
    assert_string_equal(desk_read(desk, 6), "b");
    desk_ask_fails(desk, (struct catalog_query){.verb = CATALOG_LIST_FILES, .at_position = 4},
        ERROR_INVALID, "n.t: there is no position 4: they are kept from 5 to 6");
}

static void test_streams_are_found_and_deleted_by_id(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query = {
        .verb = CATALOG_GET_STREAM, .at = {.namespace = "n", .table = "t", .stream_id = id_1}};

    assert_int_equal(desk_ask(desk, CATALOG_GET_STREAM).streams[0].state, CATALOG_COMMITTED);
    assert_int_equal(desk_ask_with(desk, query).count, 0);
    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = id_1;
    desk_apply(desk);
    assert_int_equal(desk_ask_with(desk, query).streams[0].state, CATALOG_STAGED);
    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = id_1;
    desk_apply_fails(desk, ERROR_EXISTS, "n.t version 1: a stream with the id 0192a7c0");
    desk_add(desk, CATALOG_DELETE_STREAM)->at.stream_id = id_1;
    desk_apply(desk);
    assert_int_equal(desk_ask_with(desk, query).count, 0);
    desk_add(desk, CATALOG_DELETE_STREAM)->at.stream_id = id_1;
    desk_apply_fails(desk, ERROR_NOT_FOUND, "there is no stream with the id 0192a7c0");
    desk_add(desk, CATALOG_COMMIT_STREAM)->at.stream_id = id_1;
    desk_apply_fails(desk, ERROR_NOT_FOUND, "n.t: there is no stream with the id 0192a7c0");
    assert_int_equal(desk_ask(desk, CATALOG_LIST_STREAMS).count, 1);
}

/* --- partitions --- */

static void test_a_partition_notes_what_it_is_to_replace(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query;
    const char *first;

    desk_add_append(desk, "d", "a", 1);
    desk_apply(desk);
    first = desk_ask(desk, CATALOG_LIST_PARTITIONS).partitions[0].id;
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d")->at.partition_id = id_1;
    desk->changes[0].properties = "{\"p\":\"q\"}";
    desk_apply(desk);
    query = get_partition(desk, id_1);
    assert_int_equal(query.partitions[0].state, CATALOG_STAGED);
    assert_string_equal(query.partitions[0].previous_id, first);
    assert_int_equal(query.partitions[0].previous_position, 1);
    assert_string_equal(query.partitions[0].properties, "{\"p\":\"q\"}");
    assert_string_equal(query.partitions[0].stream_id, desk_version(desk).stream_id);
    assert_int_equal(query.partitions[0].since, 0);
    assert_string_equal(desk_ask(desk, CATALOG_LIST_PARTITIONS).partitions[0].id, first);
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d")->at.partition_id = id_1;
    desk_apply_fails(desk, ERROR_EXISTS, "a partition with this id exists already");
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d")->at.partition_id = id_2;
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d"); /* somebody else is first */
    desk_apply(desk);
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d")->at.partition_id = id_1;
    desk_apply_fails(desk, ERROR_CONFLICT,
        "n.t version 1 partition [\"d\"]: somebody else replaced it since it was staged");
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d")->at.partition_id = id_2;
    desk_apply_fails(desk, ERROR_CONFLICT, "is committed already");
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d")->at.partition_id = first;
    desk_apply_fails(desk, ERROR_CONFLICT, "was replaced or deleted");
    desk_check(desk);
}

static void test_a_partition_replaces_the_one_that_is_named(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_change *change;
    const char *first;

    desk_add_append(desk, "d", "a", 1);
    desk_apply(desk);
    first = desk_ask(desk, CATALOG_LIST_PARTITIONS).partitions[0].id;
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d")->at.partition_id = id_1;
    desk_apply(desk);
    change = desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d");
    change->at.partition_id = id_1;
    change->partition.expect_id = id_3;
    desk_apply_fails(desk, ERROR_CONFLICT, "somebody else replaced it");
    change = desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d");
    change->at.partition_id = id_1;
    change->partition.expect_id = first;
    change->partition.compaction = "{\"round\": 1}";
    desk_apply(desk);
    assert_string_equal(get_partition(desk, id_1).partitions[0].compaction, "{\"round\": 1}");
    assert_int_equal(get_partition(desk, first).partitions[0].until, 2);
    assert_int_equal(get_partition(desk, id_1).partitions[0].since, 2);
}

static void test_a_staged_partition_goes(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    desk_add_append(desk, "d", "a", 1);
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "e")->at.partition_id = id_1;
    desk_add_delta(desk, "e", "b", 1, CATALOG_APPEND);
    desk_apply(desk);
    desk_add_at(desk, CATALOG_DELETE_PARTITION, "e")->at.partition_id = id_1;
    desk_apply(desk);
    assert_int_equal(get_partition(desk, id_1).count, 0);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 1);
    desk_add_at(desk, CATALOG_DELETE_PARTITION, "e");
    desk_apply_fails(desk, ERROR_NOT_FOUND, "partition [\"e\"]: there is no such partition");
    desk_add_at(desk, CATALOG_DELETE_PARTITION, "d")->at.partition_id =
        desk_ask(desk, CATALOG_LIST_PARTITIONS).partitions[0].id;
    desk_apply_fails(desk, ERROR_CONFLICT, "is committed; delete it by its values");
    desk_check(desk);
}

/* --- what is staged and left --- */

static int64_t staged_of(struct desk *desk, const char *id, const char *kind, int64_t files)
{
    const struct catalog_query query = desk_ask(desk, CATALOG_LIST_STAGED);

    for (size_t i = 0; i < query.count; i++) {
        const struct catalog_staged *staged = &query.staged[i];

        if (!text_equal(staged->id, id))
            continue;
        assert_string_equal(staged->kind, kind);
        assert_string_equal(staged->namespace, "n");
        assert_string_equal(staged->table, "t");
        assert_int_equal(staged->version, 1);
        assert_int_equal(staged->files, files);
        assert_int_equal(staged->rows, files);
        assert_true(staged->touched_ms >= staged->created_ms && staged->created_ms > 0);
        return staged->touched_ms;
    }
    fail_msg("%s %s is not listed", kind, id);
    return 0;
}

/* A stream with a partition in it; a partition with a delta in it; deltas of a committed partition
 * and of one that was replaced. */
static void test_what_is_staged_is_listed_and_dropped(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query;
    int64_t last_ms = 0;

    desk_add_append(desk, "d", "a", 1);
    desk_add_append(desk, "r", "b", 1);
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_STAGED).count, 0);
    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = "s-1";
    desk_apply(desk);
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "x")->at.stream_id = "s-1";
    desk_add_delta(desk, "x", "c", 1, CATALOG_APPEND)->at.stream_id = "s-1";
    desk_add_delta(desk, "d", "e", 1, CATALOG_APPEND)->at.delta_id = "d-1";
    desk_add_delta(desk, "r", "f", 1, CATALOG_APPEND)->at.delta_id = "d-2";
    desk_apply(desk);
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d")->at.partition_id = "p-1";
    desk_add_delta(desk, "d", "g", 1, CATALOG_APPEND)->at.delta_id = "d-3";
    desk_apply(desk);
    desk_add_replace(desk, "r", "h", 1);
    desk_apply(desk);
    staged_of(desk, "s-1", "stream", 1);
    staged_of(desk, "p-1", "partition", 1);
    staged_of(desk, "d-1", "delta", 1);
    staged_of(desk, "d-2", "delta", 1); /* it cannot be committed any more */
    query = desk_ask(desk, CATALOG_LIST_STAGED);
    assert_int_equal(query.count, 4);
    for (size_t i = 0; i < query.count; i++) {
        assert_true(query.staged[i].touched_ms >= last_ms);
        last_ms = query.staged[i].touched_ms;
    }
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 7);
    desk_add(desk, CATALOG_DROP_STAGED)->before_ms = query.staged[0].touched_ms;
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_STAGED).count, 4);
    desk_add(desk, CATALOG_DROP_STAGED)->before_ms = last_ms + 1;
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_STAGED).count, 0);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 3);
    assert_string_equal(desk_read(desk, 0), "a h");
    desk_check(desk);
}

static void test_the_values_fit_the_scheme(void **state)
{
    static const char *const two[] = {"d", "e"};
    struct desk *desk = desk_with_table(state, false);

    desk_add(desk, CATALOG_STAGE_PARTITION);
    desk_apply_fails(desk, ERROR_INVALID, "0 partition values were given for 1 partition fields");
    desk_add(desk, CATALOG_STAGE_PARTITION)->at.values = two;
    desk->changes[0].at.value_count = 2;
    desk_apply_fails(desk, ERROR_INVALID, "2 partition values were given for 1 partition fields");
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "\xff");
    desk_apply_fails(desk, ERROR_INVALID, "not valid UTF-8");
    desk_ask_fails(desk, (struct catalog_query){.verb = CATALOG_GET_PARTITION}, ERROR_INVALID,
        "0 partition values were given for 1 partition fields");
}

static void test_everything_or_nothing(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    desk_add(desk, CATALOG_UPDATE_TABLE)->description = "new";
    desk_add_append(desk, "d", "a", 1);
    desk_add(desk, CATALOG_RECORD_COMMIT)->commit =
        (struct catalog_commit){.run_id = "run-1", .pipeline = "p", .instance = ""};
    desk_add_at(desk, CATALOG_DELETE_PARTITION, "never there");
    desk_apply_fails(desk, ERROR_NOT_FOUND, "there is no such partition");
    assert_null(desk_ask(desk, CATALOG_GET_TABLE).tables[0].description);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 0);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_COMMITS).count, 0);
    assert_int_equal(desk_version(desk).last_position, 0);
}

int conformance_changes(const struct conformance_implementation *implementation)
{
    const struct CMUnitTest tests[] = {
        ON_DESK(test_the_walk_through, implementation),
        ON_DESK(test_a_stream_replaces_the_one_that_it_noted, implementation),
        ON_DESK(test_positions_go_on_in_a_new_stream, implementation),
        ON_DESK(test_streams_are_found_and_deleted_by_id, implementation),
        ON_DESK(test_a_partition_notes_what_it_is_to_replace, implementation),
        ON_DESK(test_a_partition_replaces_the_one_that_is_named, implementation),
        ON_DESK(test_a_staged_partition_goes, implementation),
        ON_DESK(test_what_is_staged_is_listed_and_dropped, implementation),
        ON_DESK(test_the_values_fit_the_scheme, implementation),
        ON_DESK(test_everything_or_nothing, implementation),
    };

    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
