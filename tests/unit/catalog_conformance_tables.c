/* Namespaces, tables and versions. */
#include "tests/unit/catalog_conformance.h"

/* --- names --- */

static void test_names_are_checked(void **state)
{
    static const char *const bad[] = {NULL, "", "_x", "Strikes", "a-b", "a.b", "a b", "ä", "../x"};
    struct desk *desk = *state;

    desk_add(desk, CATALOG_CREATE_NAMESPACE);
    desk_add(desk, CATALOG_CREATE_TABLE);
    desk_apply(desk);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        desk_add(desk, CATALOG_CREATE_NAMESPACE)->at.namespace = bad[i];
        desk_apply_fails(desk, ERROR_INVALID, "a name consists of a-z, 0-9 and _");
        desk_add(desk, CATALOG_CREATE_TABLE)->at.table = bad[i];
        desk_apply_fails(desk, ERROR_INVALID, "a name consists of a-z, 0-9 and _");
        if (!bad[i])
            continue;
        desk_add(desk, CATALOG_UPDATE_TABLE)->new_name = bad[i];
        desk_apply_fails(desk, ERROR_INVALID, "a name consists of a-z, 0-9 and _");
    }
}

static void test_names_come_in_the_order_of_their_bytes(void **state)
{
    static const char *const names[] = {"b", "a10", "a2", "a", "z", "0"};
    static const char *const sorted[] = {"0", "a", "a10", "a2", "b", "z"};
    struct desk *desk = *state;
    struct catalog_query up, down, tables;

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        desk_add(desk, CATALOG_CREATE_NAMESPACE)->at.namespace = names[i];
        desk_add(desk, CATALOG_CREATE_TABLE)->at.namespace = names[i];
    }
    desk_apply(desk);
    up = desk_ask(desk, CATALOG_LIST_NAMESPACES);
    down = desk_ask_with(
        desk, (struct catalog_query){.verb = CATALOG_LIST_NAMESPACES, .reverse = true});
    tables = desk_ask(desk, CATALOG_LIST_TABLES); /* all */
    assert_int_equal(up.count, 6);
    assert_int_equal(down.count, 6);
    assert_int_equal(tables.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(up.namespaces[i].name, sorted[i]);
        assert_string_equal(down.namespaces[5 - i].name, sorted[i]);
        assert_string_equal(tables.tables[i].namespace, sorted[i]);
        assert_string_equal(tables.tables[i].name, "t");
    }
}

static void test_a_missing_parent_is_named(void **state)
{
    static const enum catalog_query_verb lists[] = {CATALOG_LIST_VERSIONS, CATALOG_LIST_SCHEMAS,
        CATALOG_LIST_STREAMS, CATALOG_LIST_PARTITIONS, CATALOG_LIST_DELTAS, CATALOG_LIST_FILES,
        CATALOG_LIST_TAGS, CATALOG_LIST_BARE_POSITIONS, CATALOG_FIND_POSITION};
    static const enum catalog_query_verb gets[] = {CATALOG_GET_NAMESPACE, CATALOG_GET_TABLE,
        CATALOG_GET_VERSION, CATALOG_GET_LATEST_VERSION, CATALOG_GET_STREAM, CATALOG_GET_PARTITION,
        CATALOG_GET_DELTA, CATALOG_GET_LATEST_DELTA, CATALOG_GET_COMMIT};
    static const char *const parts[] = {
        "namespace n: there is no such namespace", "n.t: there is no such table", "n.t: it has no"};
    struct desk *desk = *state;

    desk_ask_fails(desk,
        (struct catalog_query){.verb = CATALOG_LIST_TABLES, .at = {.namespace = "nobody"}},
        ERROR_NOT_FOUND, "namespace nobody: there is no such namespace");
    for (size_t level = 0; level < ARRAY_LENGTH(parts); level++) {
        for (size_t i = level == 2; i < ARRAY_LENGTH(lists); i++)
            desk_ask_fails(
                desk, (struct catalog_query){.verb = lists[i]}, ERROR_NOT_FOUND, parts[level]);
        for (size_t i = level; i < ARRAY_LENGTH(gets); i++) /* what is missing gives none */
            assert_int_equal(desk_ask(desk, gets[i]).count, 0);
        desk_add(desk, level == 0 ? CATALOG_CREATE_NAMESPACE : CATALOG_CREATE_TABLE)->if_missing =
            true;
        desk_apply(desk);
    }
    desk_ask_fails(desk,
        (struct catalog_query){.verb = CATALOG_LIST_PARTITION_DELTAS,
            .at = {.namespace = "n", .table = "t", .partition_id = "nothing"}},
        ERROR_NOT_FOUND, "there is no partition with the id nothing");
}

static void test_a_change_below_nothing(void **state)
{
    static const enum catalog_change_verb verbs[] = {CATALOG_UPDATE_TABLE, CATALOG_DELETE_TABLE,
        CATALOG_CREATE_VERSION, CATALOG_UPDATE_VERSION, CATALOG_SET_SCHEMA, CATALOG_SET_LIFECYCLE,
        CATALOG_STAGE_STREAM, CATALOG_COMMIT_STREAM, CATALOG_DELETE_STREAM, CATALOG_STAGE_PARTITION,
        CATALOG_STAGE_DELTA, CATALOG_MERGE_DELTAS, CATALOG_COMMIT_DELTA, CATALOG_COMMIT_PARTITION,
        CATALOG_DELETE_DELTA, CATALOG_DELETE_PARTITION, CATALOG_DELETE_ALL_PARTITIONS,
        CATALOG_ROLLBACK, CATALOG_SET_TAG, CATALOG_DELETE_TAG, CATALOG_EXPIRE,
        CATALOG_SET_COLUMN_TYPE};
    struct desk *desk = *state;

    desk_add(desk, CATALOG_CREATE_TABLE);
    desk_apply_fails(desk, ERROR_NOT_FOUND, "namespace n: there is no such namespace");
    desk_add(desk, CATALOG_UPDATE_NAMESPACE);
    desk_apply_fails(desk, ERROR_NOT_FOUND, "namespace n: there is no such namespace");
    desk_add(desk, CATALOG_DELETE_NAMESPACE);
    desk_apply_fails(desk, ERROR_NOT_FOUND, "namespace n: there is no such namespace");
    desk_add(desk, CATALOG_CREATE_NAMESPACE);
    desk_apply(desk);
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        desk_add(desk, verbs[i]);
        desk_apply_fails(desk, ERROR_NOT_FOUND, "n.t: there is no such table");
    }
    desk_add(desk, CATALOG_CREATE_TABLE);
    desk_apply(desk);
    for (size_t i = 3; i < ARRAY_LENGTH(verbs); i++) {
        desk_add(desk, verbs[i]);
        desk_apply_fails(desk, ERROR_NOT_FOUND, "n.t: it has no active version");
        desk_add(desk, verbs[i])->at.version = 7;
        desk_apply_fails(desk, ERROR_NOT_FOUND, "n.t version 7: there is no such version");
    }
    desk_add(desk, CATALOG_DELETE_TABLE)->if_missing = true;
    desk_add(desk, CATALOG_DELETE_TABLE)->if_missing = true;
    desk_add(desk, CATALOG_DELETE_NAMESPACE)->if_missing = true;
    desk_add(desk, CATALOG_DELETE_NAMESPACE)->if_missing = true;
    desk_apply(desk);
}

/* --- namespaces --- */

static void test_namespace(void **state)
{
    struct desk *desk = *state;
    struct catalog_query query;

    desk_add(desk, CATALOG_CREATE_NAMESPACE)->properties = "{\"owner\":\"é\"}";
    desk_add(desk, CATALOG_CREATE_NAMESPACE)->if_missing = true; /* changes nothing */
    desk_apply(desk);
    query = desk_ask(desk, CATALOG_GET_NAMESPACE);
    assert_int_equal(query.count, 1);
    assert_string_equal(query.namespaces[0].name, "n");
    assert_string_equal(query.namespaces[0].properties, "{\"owner\":\"é\"}");
    assert_in_range(query.namespaces[0].created_ms, time_now_ms() - 60000, time_now_ms());
    desk_add(desk, CATALOG_CREATE_NAMESPACE);
    desk_apply_fails(desk, ERROR_EXISTS, "namespace n: it exists already");
    desk_add(desk, CATALOG_UPDATE_NAMESPACE); /* nothing is said */
    desk_apply(desk);
    assert_string_equal(
        desk_ask(desk, CATALOG_GET_NAMESPACE).namespaces[0].properties, "{\"owner\":\"é\"}");
    desk_add(desk, CATALOG_UPDATE_NAMESPACE)->properties = "{}";
    desk_apply(desk);
    assert_string_equal(desk_ask(desk, CATALOG_GET_NAMESPACE).namespaces[0].properties, "{}");
    desk_add(desk, CATALOG_UPDATE_NAMESPACE)->new_name = "m";
    desk_apply_fails(desk, ERROR_NOT_SUPPORTED, "namespace n: it cannot be renamed");
    desk_add(desk, CATALOG_CREATE_TABLE);
    desk_apply(desk);
    desk_add(desk, CATALOG_DELETE_NAMESPACE);
    desk_apply_fails(desk, ERROR_CONFLICT, "namespace n: it has 1 table");
    desk_add(desk, CATALOG_DELETE_TABLE);
    desk_add(desk, CATALOG_DELETE_NAMESPACE);
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_NAMESPACES).count, 0);
}

/* --- tables --- */

static void test_table(void **state)
{
    struct desk *desk = *state;
    struct catalog_change *change;
    struct catalog_query query;

    desk_add(desk, CATALOG_CREATE_NAMESPACE);
    change = desk_add(desk, CATALOG_CREATE_TABLE);
    change->description = "What flew";
    change->properties = "{\"a\":\"b\"}";
    desk_apply(desk);
    query = desk_ask(desk, CATALOG_GET_TABLE);
    assert_string_equal(query.tables[0].namespace, "n");
    assert_string_equal(query.tables[0].name, "t");
    assert_string_equal(query.tables[0].description, "What flew");
    assert_string_equal(query.tables[0].properties, "{\"a\":\"b\"}");
    assert_int_equal(query.tables[0].latest_version, 0);
    desk_add(desk, CATALOG_CREATE_TABLE);
    desk_apply_fails(desk, ERROR_EXISTS, "n.t: the table exists already");
    desk_add(desk, CATALOG_UPDATE_TABLE)->description = "What flies";
    desk_apply(desk);
    query = desk_ask(desk, CATALOG_GET_TABLE);
    assert_string_equal(query.tables[0].description, "What flies");
    assert_string_equal(query.tables[0].properties, "{\"a\":\"b\"}"); /* as it is */
    desk_add(desk, CATALOG_UPDATE_TABLE)->properties = "{\"c\":\"d\"}";
    desk_apply(desk);
    query = desk_ask(desk, CATALOG_GET_TABLE);
    assert_string_equal(query.tables[0].description, "What flies");
    assert_string_equal(query.tables[0].properties, "{\"c\":\"d\"}");
}

static void test_a_renamed_table_keeps_all(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query = {
        .verb = CATALOG_LIST_FILES, .at = {.namespace = "n", .table = "u"}};

    desk_add_append(desk, "d", "a", 1);
    desk_add(desk, CATALOG_CREATE_TABLE)->at.table = "taken";
    desk_apply(desk);
    desk_add(desk, CATALOG_UPDATE_TABLE)->new_name = "taken";
    desk_apply_fails(desk, ERROR_EXISTS, "n.t: a table named taken exists already");
    desk_add(desk, CATALOG_UPDATE_TABLE)->new_name = "u";
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_GET_TABLE).count, 0);
    assert_string_equal(desk_ask_with(desk, query).deltas[0].files[0].key, "a");
    desk_add(desk, CATALOG_CREATE_TABLE); /* its name is free */
    desk_apply(desk);
    desk_check(desk);
}

static void test_a_deleted_table_is_gone_with_all_below(void **state)
{
    struct desk *desk = desk_with_table(state, false);

    desk_add_append(desk, "d", "a", 1);
    desk_add(desk, CATALOG_SET_TAG)->tag.name = "held";
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d");
    desk_add_delta(desk, "d", "staged", 1, CATALOG_APPEND);
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 2);
    desk_add(desk, CATALOG_DELETE_TABLE);
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_TABLES).count, 0);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_ALL_FILES).count, 0);
    desk_check(desk);
    desk_add(desk, CATALOG_CREATE_TABLE);
    desk_add_version(desk, false);
    desk_apply(desk);
    assert_int_equal(desk_version(desk).version, 1);
    assert_int_equal(desk_version(desk).last_position, 0);
    assert_string_equal(desk_read(desk, 0), "");
}

/* --- versions --- */

static void test_a_version_says_what_it_was_made_of(void **state)
{
    struct desk *desk = *state;
    struct catalog_version version;
    struct catalog_change *change;

    desk_add(desk, CATALOG_CREATE_NAMESPACE);
    desk_add(desk, CATALOG_CREATE_TABLE);
    change = desk_add_version(desk, true);
    change->description = "the first";
    change->properties = "{\"k\":\"v\"}";
    desk_apply(desk);
    version = desk_version(desk);
    assert_string_equal(version.namespace, "n");
    assert_string_equal(version.table, "t");
    assert_int_equal(version.version, 1);
    assert_int_equal(version.lifecycle, CATALOG_ACTIVE);
    assert_int_equal(version.schema_id, 1);
    assert_int_equal(version.column_count, 4);
    assert_string_equal(version.columns[1].name, "id");
    assert_string_equal(version.columns[1].type, "INTEGER");
    assert_int_equal(version.columns[1].field_id, 2);
    assert_true(version.columns[1].required);
    assert_false(version.columns[0].required);
    assert_string_equal(version.columns[1].comment, "of the row");
    assert_null(version.columns[0].comment);
    assert_string_equal(version.partition_by[0], "day");
    assert_string_equal(version.sort_by[0], "seq desc");
    assert_int_equal(version.merge.key_count, 2);
    assert_string_equal(version.merge.key[1], "id");
    assert_string_equal(version.merge.sequence_by, "seq");
    assert_int_equal(version.merge.tombstones_ms, 1000);
    assert_int_equal(version.merge.buckets, 0);
    assert_string_equal(version.description, "the first");
    assert_string_equal(version.properties, "{\"k\":\"v\"}");
    assert_int_equal(strlen(version.stream_id), 36); /* it has its committed stream */
    assert_int_equal(version.rows + version.files + version.partitions, 0);
    assert_int_equal(version.last_position, 0);
}

static void test_versions_come_one_after_another(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_query query;

    desk_add_version(desk, false)->at.version = 1;
    desk_apply_fails(desk, ERROR_EXISTS, "n.t version 1: it exists already");
    desk_add_version(desk, false)->at.version = 3;
    desk_apply_fails(desk, ERROR_CONFLICT, "n.t version 3: versions come one after another and 2");
    desk_add_version(desk, false)->version.lifecycle = CATALOG_BETA;
    desk_add_version(desk, false)->at.version = 3;
    desk_apply(desk);
    query = desk_ask(desk, CATALOG_LIST_VERSIONS);
    assert_int_equal(query.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(query.versions[i].version, i + 1); /* ascending */
    query =
        desk_ask_with(desk, (struct catalog_query){.verb = CATALOG_LIST_VERSIONS, .reverse = true});
    assert_int_equal(query.versions[0].version, 3);
}

static void test_the_latest_and_the_latest_active_version(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    struct catalog_change *change;
    struct catalog_query table;

    desk_add_version(desk, false)->version.lifecycle = CATALOG_UNRELEASED;
    desk_apply(desk);
    assert_int_equal(desk_version(desk).version, 1);
    assert_int_equal(desk_ask(desk, CATALOG_GET_LATEST_VERSION).versions[0].version, 2);
    table = desk_ask(desk, CATALOG_GET_TABLE);
    assert_int_equal(table.tables[0].latest_version, 2);
    assert_int_equal(table.tables[0].latest_active_version, 1);
    desk_add_append(desk, "d", "a", 1); /* version 0 is the latest active one */
    desk_apply(desk);
    assert_int_equal(desk_version(desk).rows, 1);
    change = desk_add(desk, CATALOG_SET_LIFECYCLE);
    change->at.version = 2;
    change->lifecycle = CATALOG_ACTIVE;
    desk_apply(desk);
    assert_int_equal(desk_version(desk).version, 2);
    assert_int_equal(desk_version(desk).rows, 0);
}

static void test_lifecycle(void **state)
{
    static const enum catalog_lifecycle all[] = {CATALOG_BETA, CATALOG_UNRELEASED,
        CATALOG_DEPRECATED, CATALOG_ACTIVE, CATALOG_DELETED, CATALOG_DELETED};
    struct desk *desk = desk_with_table(state, false);
    struct catalog_change *change;

    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        change = desk_add(desk, CATALOG_SET_LIFECYCLE);
        change->at.version = 1;
        change->lifecycle = all[i];
        desk_apply(desk);
        assert_int_equal(desk_ask(desk, CATALOG_GET_LATEST_VERSION).versions[0].lifecycle, all[i]);
    }
    change = desk_add(desk, CATALOG_SET_LIFECYCLE); /* deleted is for ever */
    change->at.version = 1;
    change->lifecycle = CATALOG_ACTIVE;
    desk_apply_fails(desk, ERROR_CONFLICT, "n.t version 1: it is deleted and stays so");
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d")->at.version = 1;
    desk_apply_fails(desk, ERROR_CONFLICT, "n.t version 1: it is deleted");
}

static void test_a_version_only_where_none_is_there(void **state)
{
    static const struct catalog_column other[] = {{.name = "day", .type = "DATE"},
        {.name = "id", .type = "BIGINT"}, {.name = "seq", .type = "BIGINT"},
        {.name = "note", .type = "NULL"}};
    struct desk *desk = desk_with_table(state, true);
    struct catalog_change *change;

    desk_add_version(desk, true)->if_missing = true;
    desk_apply(desk);
    assert_int_equal(desk_ask(desk, CATALOG_LIST_VERSIONS).count, 1);
    for (int i = 0; i < 4; i++) {
        change = desk_add_version(desk, i != 2);
        change->if_missing = true;
        if (i == 0)
            change->version.columns = other;
        else if (i == 1)
            change->version.partition_count = 0;
        else if (i == 3)
            change->version.column_count = 3;
        desk_apply_fails(desk, ERROR_CONFLICT, "n.t: another load has created it");
    }
}

static void test_a_version_names_columns_that_are_there(void **state)
{
    static const char *const unknown[] = {"nobody"}, *const twice[] = {"id", "ID"};
    static const struct catalog_merge bad_key = {.key = unknown, .key_count = 1},
                                      bad_twice = {.key = twice, .key_count = 2},
                                      bad_sequence = {.sequence_by = "nobody"},
                                      bad_number = {.buckets = -1};
    const struct catalog_merge *const merges[] = {&bad_key, &bad_twice, &bad_sequence, &bad_number};
    static const char *const parts[] = {"key names \"nobody\"", "key names \"ID\" twice",
        "sequence_by names \"nobody\"", "numbers of 0 or more"};
    struct desk *desk = desk_with_table(state, false);

    for (size_t i = 0; i < ARRAY_LENGTH(merges); i++) {
        desk_add_version(desk, false)->version.merge = merges[i];
        desk_apply_fails(desk, ERROR_INVALID, parts[i]);
    }
    desk_add_version(desk, false)->version.sort_by = unknown;
    desk_apply_fails(desk, ERROR_INVALID, "n.t: sort_by names \"nobody\"");
    desk_add_version(desk, false)->version.partition_by = unknown;
    desk_apply_fails(desk, ERROR_INVALID, "n.t: partition_by names \"nobody\"");
}

static void test_a_version_is_updated_as_far_as_is_said(void **state)
{
    static const char *const sort_by[] = {"id"}, *const key[] = {"day", "id"},
                             *const other[] = {"id"};
    static const struct catalog_merge changed = {.key = key, .key_count = 2, .buckets = 8},
                                      other_key = {.key = other, .key_count = 1};
    struct desk *desk = desk_with_table(state, true);
    struct catalog_version version;

    desk_add(desk, CATALOG_UPDATE_VERSION)->description = "new";
    desk_add(desk, CATALOG_UPDATE_VERSION)->properties = "{\"x\":\"y\"}";
    desk_apply(desk);
    version = desk_version(desk);
    assert_string_equal(version.description, "new");
    assert_string_equal(version.properties, "{\"x\":\"y\"}");
    assert_string_equal(version.sort_by[0], "seq desc");
    assert_string_equal(version.merge.sequence_by, "seq");
    desk_add(desk, CATALOG_UPDATE_VERSION)->version.sort_by = sort_by;
    desk->changes[0].version.sort_count = 1;
    desk_add(desk, CATALOG_UPDATE_VERSION)->version.merge = &changed;
    desk_apply(desk);
    version = desk_version(desk);
    assert_string_equal(version.description, "new");
    assert_string_equal(version.sort_by[0], "id");
    assert_null(version.merge.sequence_by);
    assert_int_equal(version.merge.buckets, 8);
    assert_int_equal(version.merge.key_count, 2); /* the key stays */
    desk_add(desk, CATALOG_UPDATE_VERSION)->version.merge = &other_key;
    desk_apply_fails(desk, ERROR_INVALID, "n.t version 1: the key of a table version stays");
}

/* --- metadata --- */

static void test_properties_are_checked(void **state)
{
    static const char *const bad[] = {
        "", "{", "[]", "1", "{\"a\":1}", "{\"a\":\"b\",\"a\":\"c\"}", "{\"a\":\"\xff\"}", "null"};
    static const enum catalog_change_verb verbs[] = {CATALOG_UPDATE_NAMESPACE, CATALOG_UPDATE_TABLE,
        CATALOG_UPDATE_VERSION, CATALOG_STAGE_PARTITION};
    struct desk *desk = desk_with_table(state, false);

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(verbs); j++) {
            desk_add_at(desk, verbs[j], "d")->properties = bad[i];
            desk_apply_fails(desk, ERROR_INVALID, "properties");
        }
        desk_add_at(desk, CATALOG_STAGE_PARTITION, "d");
        desk_add_delta(desk, "d", "f", 1, CATALOG_APPEND)->properties = bad[i];
        desk_apply_fails(desk, ERROR_INVALID, "n.t version 1 partition [\"d\"]: properties");
    }
    desk_add(desk, CATALOG_UPDATE_TABLE)->description = "\xc3\x28";
    desk_apply_fails(desk, ERROR_INVALID, "n.t: description: it is not valid UTF-8");
}

static void test_properties_up_to_a_megabyte(void **state)
{
    struct desk *desk = desk_with_table(state, false);
    static const char begin[] = "{\"q\\\"/..ü\":\"";
    char *json = mem_calloc(CATALOG_PROPERTIES_MAX + 2, 1);

    memset(json, 'x', CATALOG_PROPERTIES_MAX);
    for (size_t i = 0; begin[i]; i++)
        json[i] = begin[i];
    snprintf(json + CATALOG_PROPERTIES_MAX - 2, 4, "\"}");
    desk_add(desk, CATALOG_UPDATE_TABLE)->properties = json;
    desk_add_at(desk, CATALOG_STAGE_PARTITION, "d")->properties = json;
    desk_add_at(desk, CATALOG_COMMIT_PARTITION, "d");
    desk_apply(desk);
    assert_string_equal(desk_ask(desk, CATALOG_GET_TABLE).tables[0].properties, json);
    assert_string_equal(desk_ask(desk, CATALOG_LIST_PARTITIONS).partitions[0].properties, json);
    snprintf(json + CATALOG_PROPERTIES_MAX - 2, 4, "x\"}");
    desk_add(desk, CATALOG_UPDATE_TABLE)->properties = json;
    desk_apply_fails(desk, ERROR_INVALID, "n.t: properties: 1048577 bytes of JSON are over");
    free(json);
}

int conformance_tables(const struct conformance_implementation *implementation)
{
    const struct CMUnitTest tests[] = {
        ON_DESK(test_names_are_checked, implementation),
        ON_DESK(test_names_come_in_the_order_of_their_bytes, implementation),
        ON_DESK(test_a_missing_parent_is_named, implementation),
        ON_DESK(test_a_change_below_nothing, implementation),
        ON_DESK(test_namespace, implementation),
        ON_DESK(test_table, implementation),
        ON_DESK(test_a_renamed_table_keeps_all, implementation),
        ON_DESK(test_a_deleted_table_is_gone_with_all_below, implementation),
        ON_DESK(test_a_version_says_what_it_was_made_of, implementation),
        ON_DESK(test_versions_come_one_after_another, implementation),
        ON_DESK(test_the_latest_and_the_latest_active_version, implementation),
        ON_DESK(test_lifecycle, implementation),
        ON_DESK(test_a_version_only_where_none_is_there, implementation),
        ON_DESK(test_a_version_names_columns_that_are_there, implementation),
        ON_DESK(test_a_version_is_updated_as_far_as_is_said, implementation),
        ON_DESK(test_properties_are_checked, implementation),
        ON_DESK(test_properties_up_to_a_megabyte, implementation),
    };

    return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
