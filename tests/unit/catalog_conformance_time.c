/* Positions: what was read stays readable; compaction, rollback, tags, expiry, expectations. */
#include "runner/base/buffer.h"
#include "tests/unit/catalog_conformance.h"

static const char id_1[] = "0192a7c0-0000-7000-8000-000000000001";

/* --- reading at a position --- */

static void test_each_position_stays_readable(void **state)
{
    static const char *const reads[] = {"", "a", "a b", "a b c", "a d", "a d e", "d e", "g"};
    struct desk *desk = desk_with_table(state, false);

    desk_add_append(desk, "x", "a", 1); /* 1 */
    desk_apply(desk);
    desk_add_append(desk, "y", "b", 1); /* 2 */
    desk_apply(desk);
    desk_add_append(desk, "y", "c", 1); /* 3 */
    desk_apply(desk);
    desk_add_replace(desk, "y", "d", 1); /* 4 */
    desk_apply(desk);
    desk_add_append(desk, "z", "e", 1); /* 5 */
    desk_apply(desk);
    desk_add_at(desk, CATALOG_DELETE_PARTITION, "x"); /* 6 */
    desk_apply(desk);
    assert_int_equal(desk->position, 6);
    desk_add(desk, CATALOG_DELETE_ALL_PARTITIONS); /* 7 */
    desk_add_replace(desk, "y", "g", 1);
    desk_apply(desk);
    for (int64_t position = 1; position <= 7; position++)
        assert_string_equal(desk_read(desk, position), reads[position]);
    assert_string_equal(desk_read(desk, 0), reads[7]);
    desk_ask_fails(desk, (struct catalog_query){.verb = CATALOG_LIST_FILES, .at_position = 8},
        ERROR_INVALID, "n.t: there is no position 8: they are kept from 1 to 7");
    desk_check(desk);
}

static void test_a_partition_says_when_it_is_read(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query;

    desk_add_append(desk, "x", "a", 1);
    desk_apply(desk);
    desk_add_replace(desk, "x", "b", 1);
    desk_apply(desk);
    query = desk_ask(desk, CATALOG_LIST_PARTITIONS);
    assert_int_equal(query.partitions[0].since, 2);
    assert_int_equal(query.partitions[0].until, 0);
    query = desk_ask_with(desk,
        (struct catalog_query){.verb = CATALOG_GET_PARTITION,
            .at = {
                .namespace = "n", .table = "t", .partition_id = query.partitions[0].previous_id}});
    assert_int_equal(query.partitions[0].since, 1);
    assert_int_equal(query.partitions[0].until, 2);
    assert_int_equal(query.partitions[0].state, CATALOG_REPLACED);
}

static void test_nothing_done_takes_no_position(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    desk_add_at(desk, CATALOG_DELETE_PARTITION, "x")->if_missing = true;
    desk_add(desk, CATALOG_DELETE_ALL_PARTITIONS);
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, "x")->if_missing = true;
    desk_apply(desk);
    assert_int_equal(desk->position, 0);
    assert_int_equal(desk_version(desk).last_position, 0);
}

static void test_the_position_of_a_time(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query = {.verb = CATALOG_FIND_POSITION};
    int64_t after_ms[3];

    for (int i = 0; i < 3; i++) {
        const struct timespec pause = {.tv_nsec = 3000000};

        nanosleep(&pause, NULL);
        desk_add_append(desk, "x", "a", 1);
        desk_apply(desk);
        after_ms[i] = time_now_ms();
    }
    for (int i = 0; i < 3; i++) {
        query.at_ms = after_ms[i];
        assert_int_equal(desk_ask_with(desk, query).position, i + 1);
    }
    query.at_ms = after_ms[0] - 60000;
    assert_int_equal(desk_ask_with(desk, query).position, 0);
    query.at_ms = INT64_MAX;
    assert_int_equal(desk_ask_with(desk, query).position, 3);
}

/* --- compaction --- */

/* Replaces partition "x" by `key`, which is what it is at `position`; newer deltas go on. */
static void add_compaction(struct desk *desk, const char *key, int64_t rows, int64_t position)
{
    struct catalog_change *change;

    desk_add_at(desk, CATALOG_STAGE_PARTITION, "x");
    desk_add_delta(desk, "x", key, rows, CATALOG_APPEND)->delta.rewrite = true;
    desk_add_at(desk, CATALOG_COMMIT_DELTA, "x")->at.position = position;
    change = desk_add_at(desk, CATALOG_COMMIT_PARTITION, "x");
    change->partition.promote_after = position;
    change->partition.compaction = "{\"watermark\":2}";
}

static void test_a_compaction_changes_no_answer(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_partition partition;
    struct catalog_query deltas;

    for (int i = 0; i < 4; i++) {
        desk_add_append(desk, "x", arena_printf(&desk->arena, "f%d", i + 1), 1);
        desk_apply(desk);
    }
    desk_add_delta(desk, "x", "late", 1, CATALOG_APPEND)->at.delta_id = "late";
    desk_apply(desk);
    add_compaction(desk, "c", 2, 2);
    desk_apply(desk);
    assert_int_equal(desk->position, 0); /* it is no change of what is read */
    assert_int_equal(desk_version(desk).last_position, 4);
    assert_int_equal(desk_version(desk).rows, 4);
    assert_int_equal(desk_version(desk).files, 3);
    assert_string_equal(desk_read(desk, 1), "f1");
    assert_string_equal(desk_read(desk, 2), "c");
    assert_string_equal(desk_read(desk, 3), "c f3");
    assert_string_equal(desk_read(desk, 0), "c f3 f4");
    partition = desk_ask(desk, CATALOG_LIST_PARTITIONS).partitions[0];
    assert_int_equal(partition.since, 2);
    assert_int_equal(partition.position, 4);
    assert_string_equal(partition.compaction, "{\"watermark\":2}");
    deltas =
        desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .current = true});
    assert_int_equal(deltas.count, 3);
    assert_true(deltas.deltas[2].rewrite);
    assert_int_equal(deltas.deltas[2].position, 2);
    desk_check(desk);
    desk_add(desk, CATALOG_COMMIT_DELTA)->at.delta_id = "late"; /* it went along */
    desk_apply(desk);
    assert_string_equal(desk_read(desk, 0), "c f3 f4 late");
    add_compaction(desk, "c2", 5, 5); /* another round, to the end */
    desk_apply(desk);
    assert_string_equal(desk_read(desk, 0), "c2");
    assert_string_equal(desk_read(desk, 4), "c f3 f4");
    assert_string_equal(desk_read(desk, 1), "f1");
    desk_check(desk);
}

static void test_compactions_that_cannot_be(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_change *change;

    for (int i = 0; i < 3; i++) {
        desk_add_append(desk, "x", "f", 1);
        desk_apply(desk);
    }
    add_compaction(desk, "c", 2, 2);
    desk_apply(desk);
    add_compaction(desk, "c", 1, 1); /* before it began */
    desk_apply_fails(desk, ERROR_INVALID, "partition [\"x\"]: it was not read at the position");
    add_compaction(desk, "c", 1, 3);
    desk->changes[3].partition.promote_after = 9; /* in the future */
    desk_apply_fails(desk, ERROR_INVALID, "it was not read at the position");
    add_compaction(desk, "c", 1, 3);
    desk->changes[3].partition.promote_after = 2; /* its own delta is behind */
    desk_apply_fails(desk, ERROR_INVALID, "the new one has deltas of its own behind the position");
    change = desk_add_at(desk, CATALOG_STAGE_PARTITION, "x");
    change->at.partition_id = id_1;
    desk_apply(desk);
    desk_add_replace(desk, "x", "other", 1);
    desk_apply(desk);
    change = desk_add_at(desk, CATALOG_COMMIT_PARTITION, "x");
    change->at.partition_id = id_1;
    change->partition.promote_after = 3;
    desk_apply_fails(desk, ERROR_CONFLICT, "somebody else replaced it");
    desk_add_delta(desk, "x", "f", 1, CATALOG_APPEND)->delta.rewrite = true;
    desk_add_at(desk, CATALOG_COMMIT_DELTA, "x")->at.position = 2; /* into what is read */
    desk_apply_fails(desk, ERROR_CONFLICT, "position 2 cannot be taken");
    desk_check(desk);
}

static void test_buckets_change_with_all_partitions(void **state)
{
    static const char *const key[] = {"day", "id"};
    static const struct catalog_merge four = {.key = key, .key_count = 2, .buckets = 4},
                                      eight = {.key = key, .key_count = 2, .buckets = 8};
    static const struct catalog_file bucketed = {.key = "b", .format = "parquet", .bucket = 1};
    struct desk *desk = desk_with_table(state, true);

    desk_add_replace(desk, "x", "a", 1);
    desk->changes[1].delta.files = &bucketed;
    desk_add_replace(desk, "y", "a", 1);
    desk_add(desk, CATALOG_UPDATE_VERSION)->version.merge = &four; /* the first round */
    desk_apply(desk);
    assert_int_equal(desk_version(desk).merge.buckets, 4);
    desk_add(desk, CATALOG_UPDATE_VERSION)->version.merge = &eight;
    desk_add_replace(desk, "y", "c", 1);
    desk_apply_fails(desk, ERROR_CONFLICT, "partition [\"x\"]: its files are in other buckets");
    desk_add(desk, CATALOG_UPDATE_VERSION)->version.merge = &eight;
    desk_add_replace(desk, "x", "c", 1);
    desk_apply(desk);
    assert_int_equal(desk_version(desk).merge.buckets, 8);
}

/* --- rolling back --- */

static void assert_bare(struct desk *desk, int64_t first, int64_t last, const char *expected)
{
    const struct catalog_query found = desk_ask_with(desk,
        (struct catalog_query){
            .verb = CATALOG_LIST_BARE_POSITIONS, .first_position = first, .last_position = last});
    struct buffer text;

    buffer_init(&text, 0);
    for (size_t i = 0; i < found.count; i++) {
        assert_true(found.positions[i].committed_ms > 0);
        buffer_printf(&text, "%s%lld %s", i ? ", " : "", (long long)found.positions[i].position,
            found.positions[i].brought_back ? "back" : "gone");
    }
    assert_string_equal(text.data, expected);
    buffer_deinit(&text);
}

static void test_a_rollback_is_a_commit(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query deltas;
    int64_t rows;

    desk_add_append(desk, "x", "a", 1); /* 1 */
    desk_add_append(desk, "y", "b", 2);
    desk_add_append(desk, "w", "w", 4);
    desk_apply(desk);
    desk_add_append(desk, "x", "c", 8); /* 2 */
    desk_apply(desk);
    desk_add_replace(desk, "y", "d", 16); /* 3 */
    desk_add_append(desk, "z", "e", 32);
    desk_apply(desk);
    desk_add_at(desk, CATALOG_DELETE_PARTITION, "w"); /* 4 */
    desk_apply(desk);
    desk_add(desk, CATALOG_ROLLBACK)->at.position = 1;
    desk_apply(desk);
    assert_int_equal(desk->position, 5);
    assert_string_equal(desk_read(desk, 0), "w a b");
    rows = desk_version(desk).rows;
    assert_int_equal(rows, 7);
    assert_int_equal(desk_version(desk).partitions, 3);
    for (int64_t position = 1; position <= 5; position++) /* nothing was lost */
        assert_string_equal(desk_read(desk, position),
            ((const char *[]){"", "w a b", "w a c b", "w a c d e", "a c d e", "w a b"})[position]);
    deltas =
        desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .current = true});
    for (size_t i = 0; i < deltas.count; i++) {
        assert_int_equal(deltas.deltas[i].position, 1); /* the order of keys stays */
        assert_true(deltas.deltas[i].rewrite);
    }
    assert_bare(desk, 0, 0, "5 back, 4 gone");
    assert_bare(desk, 5, 5, "5 back");
    assert_bare(desk, 1, 3, "");
    desk_check(desk);
    desk_add_append(desk, "x", "f", 1);
    desk_add(desk, CATALOG_ROLLBACK)->at.position = 9;
    desk_apply_fails(desk, ERROR_INVALID, "n.t version 1: there is no position 9");
    desk_add_append(desk, "x", "f", 1);
    desk_apply(desk);
    assert_string_equal(desk_read(desk, 0), "w a f b");
    desk_add(desk, CATALOG_ROLLBACK)->at.position = 3;
    desk_apply(desk);
    assert_string_equal(desk_read(desk, 0), "w a c d e");
    assert_int_equal(desk->position, 7);
    desk_check(desk);
}

static void test_a_rollback_leaves_what_is_the_same(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    const char *id;

    desk_add_append(desk, "x", "a", 1);
    desk_apply(desk);
    id = desk_ask(desk, CATALOG_LIST_PARTITIONS).partitions[0].id;
    desk_add_append(desk, "y", "b", 1);
    desk_apply(desk);
    desk_add(desk, CATALOG_ROLLBACK)->at.position = 1;
    desk_apply(desk);
    assert_string_equal(desk_ask(desk, CATALOG_LIST_PARTITIONS).partitions[0].id, id);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_PARTITIONS).count, 1);
    desk_check(desk);
}

/* --- tags and expiry --- */

static struct catalog_change *add_tag(struct desk *desk, const char *name, int64_t position)
{
    struct catalog_change *change = desk_add(desk, CATALOG_SET_TAG);

    change->tag = (struct catalog_tag){.name = name, .position = position};
    return change;
}

static void test_tags(void **state)
{
    static const char *const bad[] = {NULL, "", "1", "2024-01-01", "A", "a b", "ä", "-a"};
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query tags;

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        add_tag(desk, bad[i], 0);
        desk_apply_fails(desk, ERROR_INVALID, "is no name for a tag");
    }
    add_tag(desk, "early", 0);
    desk_apply_fails(desk, ERROR_INVALID, "n.t version 1: there is no position 0: nothing was");
    desk_add_append(desk, "x", "a", 1);
    add_tag(desk, "same-apply", 0); /* the newest: what this apply takes */
    desk_apply(desk);
    desk_add_append(desk, "x", "b", 1);
    add_tag(desk, "v1.0", 1);
    desk_apply(desk);
    tags = desk_ask(desk, CATALOG_LIST_TAGS);
    assert_int_equal(tags.count, 2);
    assert_string_equal(tags.tags[0].name, "same-apply");
    assert_int_equal(tags.tags[0].position, 1);
    assert_string_equal(tags.tags[1].name, "v1.0");
    assert_true(tags.tags[1].created_ms > 0);
    add_tag(desk, "v1.0", 2); /* replaces it */
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_TAGS).tags[1].position, 2);
    add_tag(desk, "v2", 3);
    desk_apply_fails(desk, ERROR_INVALID, "there is no position 3: they are kept from 1 to 2");
    desk_add(desk, CATALOG_DELETE_TAG)->tag.name = "v1.0";
    desk_apply(desk);
    desk_add(desk, CATALOG_DELETE_TAG)->tag.name = "v1.0";
    desk_apply_fails(desk, ERROR_NOT_FOUND, "n.t version 1: there is no tag \"v1.0\"");
    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = id_1;
    desk_add(desk, CATALOG_COMMIT_STREAM)->at.stream_id = id_1;
    desk_apply_fails(desk, ERROR_CONFLICT, "1 tag holds positions of the stream");
}

static void test_what_is_expired_is_forgotten(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    for (int i = 0; i < 5; i++) {
        desk_add_replace(desk, "x", arena_printf(&desk->arena, "f%d", i + 1), 1);
        desk_apply(desk);
    }
    add_tag(desk, "held", 2);
    desk_add(desk, CATALOG_EXPIRE)->at.position = 4;
    desk_apply(desk);
    assert_int_equal(desk_version(desk).first_position, 4);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 3); /* f2, f4, f5 */
    assert_string_equal(desk_read(desk, 0), "f5");
    assert_string_equal(desk_read(desk, 4), "f4");
    assert_string_equal(desk_read(desk, 2), "f2"); /* the tag holds it */
    desk_ask_fails(desk, (struct catalog_query){.verb = CATALOG_LIST_FILES, .at_position = 3},
        ERROR_INVALID, "n.t: there is no position 3: they are kept from 4 to 5");
    desk_add(desk, CATALOG_ROLLBACK)->at.position = 3;
    desk_apply_fails(desk, ERROR_INVALID, "there is no position 3: they are kept from 4 to 5");
    desk_check(desk);
    desk_add(desk, CATALOG_DELETE_TAG)->tag.name = "held";
    desk_add(desk, CATALOG_EXPIRE)->at.position = 2; /* does not go back */
    desk_apply(desk);
    assert_int_equal(desk_version(desk).first_position, 4);
    desk_add(desk, CATALOG_EXPIRE)->at.position = 5;
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 1);
    desk_add(desk, CATALOG_EXPIRE)->at.position = 6;
    desk_apply_fails(desk, ERROR_INVALID, "there is no position 6 to expire to");
    desk_check(desk);
}

static void test_expiry_of_what_was_replaced_or_deleted(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_change *change;

    desk_add_append(desk, "x", "a", 1);
    desk_add(desk, CATALOG_STAGE_STREAM)->at.stream_id = id_1;
    desk_apply(desk);
    desk_add(desk, CATALOG_COMMIT_STREAM)->at.stream_id = id_1;
    desk_add_append(desk, "x", "b", 1);
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 2);
    desk_add(desk, CATALOG_EXPIRE)->at.position = desk_version(desk).last_position;
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 1);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_STREAMS).count, 1);
    change = desk_add(desk, CATALOG_DELETE_STREAM);
    desk_apply(desk);
    change = desk_add(desk, CATALOG_EXPIRE);
    change->at.version = 1;
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 0);
    desk_check(desk);
}

/* --- expectations --- */

static void add_expect(struct desk *desk, int64_t position, int64_t schema_id)
{
    struct catalog_change *change = desk_add(desk, CATALOG_EXPECT);

    change->at.position = position;
    change->expect_schema_id = schema_id;
}

static void test_expecting_a_position(void **state)
{
    struct desk *desk = *state;

    add_expect(desk, 0, 0); /* no such table */
    desk_apply(desk);
    add_expect(desk, 1, 0);
    desk_apply_fails(desk, ERROR_CONFLICT, "namespace n: there is no such namespace");
    desk_with_table(state, false);
    add_expect(desk, 0, 1); /* nothing in it */
    desk_add_append(desk, "x", "a", 1);
    desk_apply(desk);
    add_expect(desk, 0, 0);
    desk_add_append(desk, "x", "b", 1);
    desk_apply_fails(desk, ERROR_CONFLICT,
        "n.t version 1: somebody else was faster: its newest position is 1 and 0 was expected");
    desk_add_append(desk, "x", "b", 1); /* what the apply itself did before does not count */
    add_expect(desk, 1, 0);
    desk_apply(desk);
    assert_string_equal(desk_read(desk, 0), "a b");
    add_expect(desk, 2, 2);
    desk_apply_fails(desk, ERROR_CONFLICT, "its schema is 1 and 2 was expected");
}

int conformance_time(const struct conformance_implementation *implementation)
{
    const struct CMUnitTest tests[] = {
        ON_DESK(test_each_position_stays_readable, implementation),
        ON_DESK(test_a_partition_says_when_it_is_read, implementation),
        ON_DESK(test_nothing_done_takes_no_position, implementation),
        ON_DESK(test_the_position_of_a_time, implementation),
        ON_DESK(test_a_compaction_changes_no_answer, implementation),
        ON_DESK(test_compactions_that_cannot_be, implementation),
        ON_DESK(test_buckets_change_with_all_partitions, implementation),
        ON_DESK(test_a_rollback_is_a_commit, implementation),
        ON_DESK(test_a_rollback_leaves_what_is_the_same, implementation),
        ON_DESK(test_tags, implementation),
        ON_DESK(test_what_is_expired_is_forgotten, implementation),
        ON_DESK(test_expiry_of_what_was_replaced_or_deleted, implementation),
        ON_DESK(test_expecting_a_position, implementation),
    };

    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
