#include "connectors/aws/xml.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/arena_fixture.h"
#include "tests/unit/conformance.h"
#include "tests/unit/s3_documents.h"

#include <dirent.h>

/* --- vectors of others: what a client that is known to be right makes of each document --- */

/* Roots of documents that no operation of ours asks for: the same list, with the reason, is in
 * connectors/s3/README.md. */
static const char *const not_applicable[] = {"AccessControlPolicy", "AccelerateConfiguration",
    "BucketLoggingStatus", "CORSConfiguration", "GetObjectAttributesOutput",
    "LifecycleConfiguration", "NotificationConfiguration", "ObjectLockConfiguration",
    "OwnershipControls", "PolicyStatus", "PublicAccessBlockConfiguration",
    "ReplicationConfiguration", "RequestPaymentConfiguration", "ServerSideEncryptionConfiguration",
    "VersioningConfiguration", "WebsiteConfiguration"};

/* Names that the vectors give in their own way: lists in the plural. */
static const struct {
    const char *element, *member;
} plurals[] = {{"Version", "Versions"}, {"DeleteMarker", "DeleteMarkers"}, {"Upload", "Uploads"},
    {"Part", "Parts"}, {"Error", "Errors"}};

static const char *member_name(const struct s3_document *document, const struct s3_field *field)
{
    if (field->within)
        return field->within;
    if (!field->name[0])
        return document->name;
    for (size_t i = 0; field->type == S3_FIELD_LIST && i < ARRAY_LENGTH(plurals); i++) {
        if (strcmp(plurals[i].element, field->name) == 0)
            return plurals[i].member;
    }
    return field->name;
}

/* The request's id is an answer's metadata to the vectors, no member. */
static bool is_metadata(const char *member)
{
    return strcmp(member, "RequestId") == 0 || strcmp(member, "HostId") == 0;
}

static json_t *json_of(const struct s3_document *document, const void *object);

static json_t *json_of_field(const struct s3_field *field, const char *place)
{
    const struct s3_items *items = (const void *)place;
    char time[TIME_TEXT_SIZE];
    json_t *list;
    int64_t number;

    switch (field->type) {
    case S3_FIELD_TEXT:
    case S3_FIELD_NAME:
    case S3_FIELD_ECHO:
        return json_text(*(const char *const *)(const void *)place);
    case S3_FIELD_FLAG:
        return json_boolean(*(const bool *)(const void *)place);
    case S3_FIELD_STRUCT:
        return json_of(field->item, place);
    case S3_FIELD_NUMBER:
    case S3_FIELD_TIME:
        number = *(const int64_t *)(const void *)place;
        if (number == S3_NONE)
            return json_null();
        return field->type == S3_FIELD_TIME ? json_string(time_format_rfc3339(number, time))
                                            : json_integer(number);
    case S3_FIELD_LIST:
        break;
    }
    list = items->count ? json_array() : json_null();
    for (size_t i = 0; i < items->count; i++)
        json_array_append_new(
            list, json_of(field->item, (const char *)items->items + i * field->item->size));
    return list;
}

/* What the struct holds, without what the document did not say. */
static json_t *json_of(const struct s3_document *document, const void *object)
{
    json_t *result = json_object();

    for (size_t i = 0; i < document->field_count; i++) {
        const struct s3_field *field = &document->fields[i];
        json_t *value = json_of_field(field, (const char *)object + field->offset);
        const char *member = member_name(document, field);

        if (json_is_object(value) && !field->name[0]) {
            json_object_update(result, value); /* beside the others */
            json_decref(value);
        } else if (json_is_null(value) || (json_is_object(value) && !json_object_size(value)) ||
                   is_metadata(member)) {
            json_decref(value);
        } else {
            json_object_set_new(result, member, value);
        }
    }
    return result;
}

/* A flag that nobody sent is false: not a difference. */
static void drop_unsaid_flags(json_t *ours, const json_t *expected)
{
    const char *key;
    void *next;
    json_t *value;

    json_object_foreach_safe(ours, next, key, value)
    {
        const json_t *there = json_object_get(expected, key);

        if (json_is_false(value) && !there)
            json_object_del(ours, key);
        else if (json_is_object(value) && there)
            drop_unsaid_flags(value, there);
        for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++)
            drop_unsaid_flags(json_array_get(value, i), json_array_get(there, i));
    }
}

static const struct s3_document *find_document(const char *root)
{
    for (size_t i = 0; i < ARRAY_LENGTH(documents); i++) {
        if (strcmp(documents[i]->name, root) == 0)
            return documents[i];
    }
    return NULL;
}

static bool is_not_applicable(const char *root)
{
    for (size_t i = 0; i < ARRAY_LENGTH(not_applicable); i++) {
        if (strcmp(not_applicable[i], root) == 0)
            return true;
    }
    return false;
}

/* Members that wrap the whole answer in the vectors. */
static json_t *payload(json_t *expected, const struct s3_document *document)
{
    json_t *wrapped = json_object_get(expected, document->name);

    json_object_del(expected, "ResponseMetadata");
    return json_is_object(wrapped) ? wrapped : expected;
}

static void check_vector(const char *folder, const char *file, unsigned *passed, unsigned *skipped)
{
    char *json_name = mem_printf("%.*s.json", (int)(strlen(file) - 4), file);
    json_t *whole = conformance_json(folder, json_name), *expected, *ours;
    const struct s3_document *document;
    const struct xml_node *root = NULL;
    struct error err = {0};
    void *answer;
    size_t length;
    char *text = conformance_text(folder, file, &length), *got, *wanted;

    assert_non_null(text);
    assert_non_null(whole);
    if (xml_parse(text, length, &arena, &root, &err))
        fail_msg("%s: %s", file, err.message);
    document = find_document(root->name);
    if (!document) {
        if (!is_not_applicable(root->name))
            fail_msg("%s: <%s> is neither read nor known not to be", file, root->name);
        ++*skipped;
    } else {
        answer = arena_alloc(&arena, document->size);
        if (s3_answer_parse(document, text, length, &arena, answer, &err))
            fail_msg("%s: %s", file, err.message);
        expected = payload(whole, document);
        ours = json_of(document, answer);
        drop_unsaid_flags(ours, expected);
        got = json_line(ours);
        wanted = json_line(expected);
        if (!json_equal(ours, expected))
            fail_msg("%s:\n%s\nis not\n%s", file, got, wanted);
        free(got);
        free(wanted);
        json_decref(ours);
        ++*passed;
    }
    json_decref(whole);
    free(text);
    free(json_name);
}

static void test_vectors(void **state)
{
    char *folder = conformance_path("s3-xml");
    unsigned passed = 0, skipped = 0;
    struct dirent *entry;
    DIR *dir;

    (void)state;
    if (!folder)
        skip();
    dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        if (text_ends(entry->d_name, ".xml"))
            check_vector(folder, entry->d_name, &passed, &skipped);
    }
    closedir(dir);
    free(folder);
    print_message("%u vectors passed, %u not applicable\n", passed, skipped);
    assert_true(passed > 0);
}

/* --- what the vectors do not have --- */

static void parse(const struct s3_document *document, const char *text, void *ret_answer)
{
    struct error err = {0};

    if (s3_answer_parse(document, text, strlen(text), &arena, ret_answer, &err))
        fail_msg("%s: %s", text, err.message);
}

static void test_names_are_decoded_where_they_are_encoded(void **state)
{
    static const char body[] = "<Prefix>a%2Bb+c%2F</Prefix><Contents><Key>a%2Bb+c%2F%00%01%F0%9F"
                               "%90%A6</Key><Size>1</Size></Contents></ListBucketResult>";
    struct s3_list_objects list;
    const struct s3_listed *listed;
    struct error err = {0};
    char *text = mem_printf("<ListBucketResult><EncodingType>url</EncodingType>%s", body);
    char *zero = strstr(text, "%00");

    (void)state;
    assert_int_equal(
        s3_answer_parse(&s3_document_list_objects, text, strlen(text), &arena, &list, &err), -1);
    assert_int_equal(err.code, ERROR_DATA); /* no key of ours can hold a NUL */
    zero[2] = '2';
    parse(&s3_document_list_objects, text, &list);
    listed = list.contents.items;
    assert_int_equal(list.contents.count, 1);
    assert_string_equal(listed->key, "a+b c/\x02\x01\xf0\x9f\x90\xa6");
    assert_string_equal(list.prefix, "a+b c/");
    free(text);

    text = mem_printf("<ListBucketResult>%s", body);
    parse(&s3_document_list_objects, text, &list);
    assert_string_equal(((struct s3_listed *)list.contents.items)->key,
        "a%2Bb+c%2F%00%01%F0%9F%90%A6"); /* nobody said that it is encoded */
    free(text);
}

/* SeaweedFS says "url", and repeats the prefix as it was asked. */
static void test_what_is_only_repeated_need_not_be_encoded(void **state)
{
    struct s3_list_objects list;

    (void)state;
    parse(&s3_document_list_objects,
        "<ListBucketResult><EncodingType>url</EncodingType><Prefix>50%/</Prefix>"
        "<StartAfter>a%2Fb</StartAfter><Contents><Key>50%25%2Fx</Key></Contents></"
        "ListBucketResult>",
        &list);
    assert_string_equal(list.prefix, "50%/");
    assert_string_equal(list.start_after, "a/b");
    assert_string_equal(((struct s3_listed *)list.contents.items)->key, "50%/x");
}

static void test_what_is_not_said(void **state)
{
    struct s3_list_objects list;
    const struct s3_listed *listed;

    (void)state;
    parse(&s3_document_list_objects,
        "<ListBucketResult><Contents><Key/><Size/><LastModified/></Contents></ListBucketResult>",
        &list);
    listed = list.contents.items;
    assert_string_equal(listed->key, "");
    assert_int_equal(listed->size, S3_NONE);
    assert_int_equal(listed->modified_ms, S3_NONE);
    assert_null(listed->etag);
    assert_null(listed->owner.id);
    assert_int_equal(list.max_keys, S3_NONE);
    assert_false(list.truncated);
    assert_int_equal(list.common_prefixes.count, 0);
}

static void test_errors_of_single_keys(void **state)
{
    struct s3_delete_result result;
    const struct s3_deleted *deleted;
    const struct s3_delete_error *failed;

    (void)state;
    parse(&s3_document_delete_result,
        "<DeleteResult><Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker>"
        "<DeleteMarkerVersionId>v1</DeleteMarkerVersionId></Deleted>"
        "<Error><Key>b+c</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
        "<Deleted><Key>d</Key><VersionId>v2</VersionId></Deleted></DeleteResult>",
        &result);
    deleted = result.deleted.items;
    failed = result.errors.items;
    assert_int_equal(result.deleted.count, 2);
    assert_true(deleted[0].delete_marker);
    assert_string_equal(deleted[0].delete_marker_version_id, "v1");
    assert_false(deleted[1].delete_marker);
    assert_string_equal(deleted[1].version_id, "v2");
    assert_int_equal(result.errors.count, 1);
    assert_string_equal(failed->key, "b+c");
    assert_string_equal(failed->code, "AccessDenied");
}

static void test_parts_and_their_checksums(void **state)
{
    struct s3_list_parts list;
    const struct s3_listed_part *parts;

    (void)state;
    parse(&s3_document_list_parts,
        "<ListPartsResult><UploadId>u</UploadId><IsTruncated>TRUE</IsTruncated>"
        "<NextPartNumberMarker>2</NextPartNumberMarker><ChecksumAlgorithm>CRC32C</"
        "ChecksumAlgorithm>"
        "<Part><PartNumber>1</PartNumber><ETag>\"x\"</ETag><Size>5242880</Size>"
        "<ChecksumCRC32C>yZRlqg==</ChecksumCRC32C></Part>"
        "<Part><PartNumber>2</PartNumber><Size>9223372036854775807</Size></Part>"
        "</ListPartsResult>",
        &list);
    parts = list.parts.items;
    assert_int_equal(list.parts.count, 2);
    assert_true(list.truncated);
    assert_int_equal(list.next_part_number_marker, 2);
    assert_string_equal(list.checksum_algorithm, "CRC32C");
    assert_string_equal(parts[0].checksums.crc32c, "yZRlqg==");
    assert_null(parts[0].checksums.crc32);
    assert_true(parts[1].size == INT64_MAX);
    assert_null(parts[1].checksums.crc32c);
}

static void test_copies_locations_tags(void **state)
{
    struct s3_copied copied;
    struct s3_location location;
    struct s3_tagging tagging;
    struct s3_complete_upload complete;

    (void)state;
    parse(&s3_document_copied_part,
        "<CopyPartResult><LastModified>2026-11-21T06:30:00Z</LastModified><ETag>\"e\"</ETag>"
        "</CopyPartResult>",
        &copied);
    assert_string_equal(copied.etag, "\"e\"");
    assert_true(copied.modified_ms == 1795242600000);
    parse(&s3_document_location, "<LocationConstraint/>", &location);
    assert_string_equal(location.constraint, "");
    parse(&s3_document_tagging,
        "<Tagging><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>", &tagging);
    assert_int_equal(tagging.tags.count, 1);
    assert_string_equal(((struct s3_tag *)tagging.tags.items)->value, "");
    parse(&s3_document_tagging, "<Tagging><TagSet/></Tagging>", &tagging);
    assert_int_equal(tagging.tags.count, 0);
    parse(&s3_document_complete_upload,
        "\n\n<?xml version=\"1.0\"?><CompleteMultipartUploadResult><ETag>\"e-2\"</ETag>"
        "<ChecksumType>FULL_OBJECT</ChecksumType></CompleteMultipartUploadResult>",
        &complete);
    assert_string_equal(complete.etag, "\"e-2\"");
    assert_string_equal(complete.checksums.type, "FULL_OBJECT");
}

static void test_what_is_not_the_document(void **state)
{
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {"<html><body/></html>", "is that an S3 server?"},
        {"<ListBucketResult><MaxKeys>many</MaxKeys></ListBucketResult>", "<MaxKeys>: \"many\""},
        {"<ListBucketResult><MaxKeys>-1</MaxKeys></ListBucketResult>", "<MaxKeys>: \"-1\""},
        {"<ListBucketResult><MaxKeys>9223372036854775808</MaxKeys></ListBucketResult>",
            "no number"},
        {"<ListBucketResult><Contents><LastModified>today</LastModified></Contents>"
         "</ListBucketResult>",
            "<LastModified>: \"today\" is no time"},
        {"<ListBucketResult><Contents>", "XML, line 1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct s3_list_objects list = {.max_keys = 77};
        struct error err = {0};

        assert_int_equal(s3_answer_parse(&s3_document_list_objects, wrong[i].text,
                             strlen(wrong[i].text), &arena, &list, &err),
            -1);
        assert_int_equal(err.code, ERROR_DATA);
        if (!strstr(err.message, wrong[i].why))
            fail_msg("\"%s\" is not in \"%s\"", wrong[i].why, err.message);
        assert_int_equal(list.max_keys, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_names_are_decoded_where_they_are_encoded, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_what_is_only_repeated_need_not_be_encoded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_of_single_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_and_their_checksums, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies_locations_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_the_document, setup, teardown),
    };

    return cmocka_run_group_tests_name("s3_answers", tests, NULL, NULL);
}
