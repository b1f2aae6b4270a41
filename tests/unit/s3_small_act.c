#include "tests/unit/s3_small_private.h"

#include "connectors/aws/xml.h"
#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/crc.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void checksum_text(uint64_t crc, char text[16])
{
    const unsigned char bytes[4] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
        (unsigned char)(crc >> 8), (unsigned char)crc};

    EVP_EncodeBlock((unsigned char *)text, bytes, 4);
}

/* --- the operations --- */

/* False: the condition does not hold, and that is the answer. */
static bool check_conditions(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct object *object = s3_small_find(asked->store, asked->key);
    char *none = s3_small_header(asked->request->head, "If-None-Match");
    char *match = s3_small_header(asked->request->head, "If-Match");
    const bool holds =
        (!none || !object) && (!match || (object && strcmp(match, object->face.etag) == 0));

    free(none);
    free(match);
    if (!holds)
        s3_small_refuse(asked, 412, "PreconditionFailed", ret_answer);
    return holds;
}

/* False: the bytes are not those that were summed up. */
static bool check_checksum(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct origin_request *request = asked->request;
    char *said = s3_small_header(request->head, "x-amz-checksum-crc32c");
    char own[16];
    bool right;

    checksum_text(crc_update(CRC_32C, 0, request->body, request->body_length), own);
    right = !said || strcmp(said, own) == 0;
    free(said);
    if (!right)
        s3_small_refuse(asked, 400, "BadDigest", ret_answer);
    return right;
}

static void put_object(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct origin_request *request = asked->request;
    struct object *object;
    char *bytes, *headers, *said;

    if (!check_conditions(asked, ret_answer) || !check_checksum(asked, ret_answer))
        return;
    bytes = mem_calloc(1, request->body_length + 1);
    memcpy(bytes, request->body, request->body_length);
    object = s3_small_take(asked->store, asked->key, bytes, request->body_length,
        s3_small_etag(asked->store, bytes, request->body_length, 0), request->head);
    said = s3_small_header(request->head, "x-amz-checksum-crc32c");
    snprintf(object->face.checksum, sizeof(object->face.checksum), "%s", said ? said : "");
    free(said);
    headers = mem_printf("ETag: %s\r\n", object->face.etag);
    s3_small_reply(asked, 200, headers, "", 0, ret_answer);
    free(headers);
}

/* The object that x-amz-copy-source names; NULL: that is the answer. */
static struct object *copy_source(
    struct asked *asked, const char *source, struct origin_answer *ret_answer)
{
    char *wanted = s3_small_header(asked->request->head, "x-amz-copy-source-if-match");
    const char *slash = strchr(source, '/');
    struct object *object;
    struct buffer key;

    buffer_init(&key, 0);
    s3_uri_decode_key(slash + 1, strcspn(slash + 1, "?"), &key, NULL);
    object = s3_small_find(asked->store, key.data);
    buffer_deinit(&key);
    if (!object) {
        s3_small_refuse(asked, 404, "NoSuchKey", ret_answer);
    } else if (wanted && strcmp(wanted, object->face.etag) != 0) {
        s3_small_refuse(asked, 412, "PreconditionFailed", ret_answer);
        object = NULL;
    }
    free(wanted);
    return object;
}

static void copied(
    struct asked *asked, const char *name, const char *etag, struct origin_answer *ret_answer)
{
    char *body = mem_printf("<%s><ETag>%s</ETag></%s>", name, etag, name);

    s3_small_reply_text(asked, 200, body, ret_answer);
    free(body);
}

static void copy_object(struct asked *asked, const char *source, struct origin_answer *ret_answer)
{
    const struct object *from = copy_source(asked, source, ret_answer);
    struct object *object;
    char *bytes;

    if (!from)
        return;
    bytes = mem_calloc(1, from->face.length + 1);
    memcpy(bytes, from->face.bytes, from->face.length);
    object = s3_small_take(asked->store, asked->key, bytes, from->face.length,
        s3_small_etag(asked->store, bytes, from->face.length, 0), asked->request->head);
    copied(asked, "CopyObjectResult", object->face.etag, ret_answer);
}

static void put_part(struct asked *asked, struct upload *upload, unsigned number, const char *bytes,
    size_t length, bool is_copy, struct origin_answer *ret_answer)
{
    struct part *part = mem_new(struct part);
    char *headers;

    part->bytes = mem_calloc(1, length + 1);
    memcpy(part->bytes, bytes, length);
    part->length = length;
    part->etag = s3_small_etag(asked->store, bytes, length, 0);
    part->checksum = s3_small_header(asked->request->head, "x-amz-checksum-crc32c");
    s3_small_free_part(upload->parts[number]);
    upload->parts[number] = part;
    if (is_copy) {
        copied(asked, "CopyPartResult", part->etag, ret_answer);
        return;
    }
    headers = part->checksum ? mem_printf("ETag: %s\r\nx-amz-checksum-crc32c: %s\r\n", part->etag,
                                   part->checksum)
                             : mem_printf("ETag: %s\r\n", part->etag);
    s3_small_reply(asked, 200, headers, "", 0, ret_answer);
    free(headers);
}

static void upload_part(struct asked *asked, const char *id, struct origin_answer *ret_answer)
{
    struct upload *upload = s3_small_upload(asked->store, id, NULL);
    char *number = s3_small_query_value(asked->query, "partNumber");
    char *source = s3_small_header(asked->request->head, "x-amz-copy-source");
    char *range = s3_small_header(asked->request->head, "x-amz-copy-source-range");
    unsigned long long first = 0, last = 0;
    const struct object *from;

    if (!upload) {
        s3_small_refuse(asked, 404, "NoSuchUpload", ret_answer);
    } else if (!source) {
        if (check_checksum(asked, ret_answer))
            put_part(asked, upload, (unsigned)strtoul(number, NULL, 10), asked->request->body,
                asked->request->body_length, false, ret_answer);
    } else if ((from = copy_source(asked, source, ret_answer))) {
        if (!range || sscanf(range, "bytes=%llu-%llu", &first, &last) != 2 ||
            last >= from->face.length)
            s3_small_refuse(asked, 416, "InvalidRange", ret_answer);
        else
            put_part(asked, upload, (unsigned)strtoul(number, NULL, 10), from->face.bytes + first,
                (size_t)(last - first + 1), true, ret_answer);
    }
    free(number);
    free(source);
    free(range);
}

static void create_upload(struct asked *asked, struct origin_answer *ret_answer)
{
    struct upload *upload = mem_new(struct upload);
    char *body;

    upload->id = mem_printf("U%u", ++asked->store->next_id);
    upload->key = mem_strdup(asked->key);
    upload->head = mem_strdup(asked->request->head);
    upload->initiated_ms = time_now_ms();
    upload->next = asked->store->uploads;
    asked->store->uploads = upload;
    body = mem_printf("<InitiateMultipartUploadResult><UploadId>%s</UploadId>"
                      "</InitiateMultipartUploadResult>",
        upload->id);
    s3_small_reply_text(asked, 200, body, ret_answer);
    free(body);
}

/* What the parts make, in `all`, and their MD5s; false: a part is missing or another one. */
static bool join_parts(const struct upload *upload, const char *document, struct buffer *all,
    struct buffer *digests, unsigned *ret_count)
{
    const struct xml_node *root;
    struct arena arena;
    bool right;

    arena_init(&arena);
    right = xml_parse(document, strlen(document), &arena, &root, NULL) == 0;
    for (const struct xml_node *node = right ? xml_child(root, "Part") : NULL; node && right;
         node = xml_next(node)) {
        const unsigned number = (unsigned)strtoul(xml_text(node, "PartNumber"), NULL, 10);
        const char *crc = xml_text(node, "ChecksumCRC32C");
        const struct part *part = number <= PARTS_MAX ? upload->parts[number] : NULL;
        unsigned char digest[EVP_MAX_MD_SIZE];

        right = part && number == *ret_count + 1 &&
                strcmp(xml_text(node, "ETag"), part->etag) == 0 &&
                (!crc || text_equal(crc, part->checksum));
        if (!right)
            break;
        ++*ret_count;
        buffer_append(all, part->bytes, part->length);
        EVP_Digest(part->bytes, part->length, digest, NULL, EVP_md5(), NULL);
        buffer_append(digests, digest, 16);
    }
    arena_deinit(&arena);
    return right && *ret_count > 0;
}

static void complete_upload(struct asked *asked, const char *id, struct origin_answer *ret_answer)
{
    struct upload *upload = s3_small_upload(asked->store, id, NULL);
    struct buffer all, digests;
    unsigned count = 0;
    char *body;

    if (!upload) {
        s3_small_refuse(asked, 404, "NoSuchUpload", ret_answer);
        return;
    }
    if (!check_conditions(asked, ret_answer))
        return;
    buffer_init(&all, 0);
    buffer_init(&digests, 0);
    if (!join_parts(upload, asked->request->body, &all, &digests, &count)) {
        s3_small_refuse(asked, 400, "InvalidPart", ret_answer);
    } else {
        const size_t length = all.length;
        const struct object *object = s3_small_take(asked->store, asked->key, buffer_steal(&all),
            length, s3_small_etag(asked->store, digests.data, digests.length, count), upload->head);

        s3_small_drop_upload(asked->store, id);
        body = mem_printf("<CompleteMultipartUploadResult><ETag>%s</ETag>"
                          "</CompleteMultipartUploadResult>",
            object->face.etag);
        s3_small_reply_text(asked, 200, body, ret_answer);
        free(body);
    }
    buffer_deinit(&all);
    buffer_deinit(&digests);
}

static void list_parts(struct asked *asked, const char *id, struct origin_answer *ret_answer)
{
    const struct upload *upload = s3_small_upload(asked->store, id, NULL);

    if (!upload)
        s3_small_refuse(asked, 404, "NoSuchUpload", ret_answer);
    else
        s3_small_reply_text(asked, 200,
            upload->parts[1] ? "<ListPartsResult><Part><PartNumber>1</PartNumber></Part>"
                               "</ListPartsResult>"
                             : "<ListPartsResult></ListPartsResult>",
            ret_answer);
}

static void list_uploads(struct asked *asked, struct origin_answer *ret_answer)
{
    struct buffer xml;

    buffer_init(&xml, 0);
    buffer_puts(&xml, "<ListMultipartUploadsResult>");
    for (const struct upload *upload = asked->store->uploads; upload; upload = upload->next) {
        char when[64];

        time_format(upload->initiated_ms, "%Y-%m-%dT%H:%M:%S.000Z", when, sizeof(when), NULL);
        buffer_printf(&xml,
            "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>",
            upload->key, upload->id, when);
    }
    buffer_puts(&xml, "</ListMultipartUploadsResult>");
    s3_small_reply_text(asked, 200, xml.data, ret_answer);
    buffer_deinit(&xml);
}

/* The first key behind `after` that begins with `prefix`; NULL: none. */
static const struct object *next_object(
    const struct s3_small *store, const char *after, const char *prefix)
{
    const struct object *next = NULL;

    for (const struct object *object = store->objects; object; object = object->next) {
        const char *key = object->face.key;

        if (strcmp(key, after) > 0 && strncmp(key, prefix, strlen(prefix)) == 0 &&
            (!next || strcmp(key, next->face.key) < 0))
            next = object;
    }
    return next;
}

/* ListObjectsV2, all in one page, without folders. Keys here are as XML has them. */
static void list_objects(struct asked *asked, struct origin_answer *ret_answer)
{
    char *prefix = s3_small_query_value(asked->query, "prefix");
    struct buffer xml;

    buffer_init(&xml, 0);
    buffer_puts(&xml, "<ListBucketResult><IsTruncated>false</IsTruncated>");
    for (const struct object *object = next_object(asked->store, "", prefix ? prefix : ""); object;
         object = next_object(asked->store, object->face.key, prefix ? prefix : "")) {
        char when[64];

        time_format(object->modified_ms, "%Y-%m-%dT%H:%M:%S.000Z", when, sizeof(when), NULL);
        buffer_printf(&xml,
            "<Contents><Key>%s</Key><Size>%zu</Size><ETag>%s</ETag><LastModified>%s</LastModified>"
            "</Contents>",
            object->face.key, object->face.length, object->face.etag, when);
    }
    buffer_puts(&xml, "</ListBucketResult>");
    s3_small_reply_text(asked, 200, xml.data, ret_answer);
    buffer_deinit(&xml);
    free(prefix);
}

static void get_object(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct object *object = s3_small_find(asked->store, asked->key);
    char modified[64], *headers, *type;

    if (!object) {
        s3_small_refuse(asked, 404, "NoSuchKey", ret_answer);
        return;
    }
    s3_small_date(object->modified_ms, modified);
    type = s3_small_header(object->face.head, "Content-Type");
    headers = mem_printf("ETag: %s\r\nLast-Modified: %s\r\nContent-Type: %s\r\n"
                         "x-amz-meta-color: blue\r\n%s%s%s",
        object->face.etag, modified, type ? type : "binary/octet-stream",
        object->face.checksum[0] ? "x-amz-checksum-crc32c: " : "", object->face.checksum,
        object->face.checksum[0] ? "\r\n" : "");
    s3_small_reply(asked, 200, headers, object->face.bytes, object->face.length, ret_answer);
    free(headers);
    free(type);
}

static void delete_many(struct asked *asked, struct origin_answer *ret_answer)
{
    struct s3_small *store = asked->store;
    const struct xml_node *root;
    struct arena arena;
    struct buffer xml;

    arena_init(&arena);
    buffer_init(&xml, 0);
    buffer_puts(&xml, "<DeleteResult>");
    if (xml_parse(asked->request->body, asked->request->body_length, &arena, &root, NULL)) {
        s3_small_refuse(asked, 400, "MalformedXML", ret_answer);
        goto end;
    }
    for (const struct xml_node *node = xml_child(root, "Object"); node; node = xml_next(node)) {
        const char *key = xml_text(node, "Key"), *code = NULL;

        for (size_t i = 0; i < store->planned_count; i++) {
            struct planned *planned = &store->planned[i];

            if (planned->key && strcmp(planned->key, key) == 0 && planned->times) {
                planned->times--;
                code = planned->code;
            }
        }
        if (code)
            buffer_printf(&xml, "<Error><Key>%s</Key><Code>%s</Code><Message>no</Message></Error>",
                key, code);
        else
            s3_small_drop(store, key);
    }
    buffer_puts(&xml, "</DeleteResult>");
    s3_small_reply_text(asked, 200, xml.data, ret_answer);
end:
    buffer_deinit(&xml);
    arena_deinit(&arena);
}

static void get_tagging(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct object *object = s3_small_find(asked->store, asked->key);

    if (!object)
        s3_small_refuse(asked, 404, "NoSuchKey", ret_answer);
    else
        s3_small_reply_text(asked, 200,
            object->face.tags ? "<Tagging><TagSet><Tag><Key>a b</Key><Value>c</Value></Tag>"
                                "</TagSet></Tagging>"
                              : "<Tagging><TagSet/></Tagging>",
            ret_answer);
}

static void act_on_object(struct asked *asked, const char *id, struct origin_answer *ret_answer)
{
    const char *method = asked->request->method;
    char *source = s3_small_header(asked->request->head, "x-amz-copy-source");

    if (strcmp(method, "PUT") == 0 && id)
        upload_part(asked, id, ret_answer);
    else if (strcmp(method, "PUT") == 0 && source)
        copy_object(asked, source, ret_answer);
    else if (strcmp(method, "PUT") == 0)
        put_object(asked, ret_answer);
    else if (strcmp(method, "POST") == 0 && id)
        complete_upload(asked, id, ret_answer);
    else if (strcmp(method, "POST") == 0)
        create_upload(asked, ret_answer);
    else if (strcmp(method, "DELETE") == 0 && id) {
        if (!s3_small_upload(asked->store, id, NULL)) {
            s3_small_refuse(asked, 404, "NoSuchUpload", ret_answer);
        } else {
            s3_small_drop_upload(asked->store, id);
            s3_small_reply_text(asked, 204, "", ret_answer);
        }
    } else if (strcmp(method, "DELETE") == 0) {
        s3_small_drop(asked->store, asked->key);
        s3_small_reply_text(asked, 204, "", ret_answer);
    } else if (id)
        list_parts(asked, id, ret_answer);
    else if (strstr(asked->query, "tagging"))
        get_tagging(asked, ret_answer);
    else
        get_object(asked, ret_answer);
    free(source);
}

void s3_small_act(struct asked *asked, struct origin_answer *ret_answer)
{
    const char *method = asked->request->method;
    char *id = s3_small_query_value(asked->query, "uploadId");

    if (asked->store->refuse_checksums && strcasestr(asked->request->head, "\nx-amz-checksum-") &&
        !strcasestr(asked->request->head, "x-amz-checksum-mode"))
        s3_small_refuse(asked, 501, "NotImplemented", ret_answer);
    else if (asked->key[0])
        act_on_object(asked, id, ret_answer);
    else if (strstr(asked->query, "list-type=2"))
        list_objects(asked, ret_answer);
    else if (strstr(asked->query, "uploads"))
        list_uploads(asked, ret_answer);
    else if (strstr(asked->query, "delete") && asked->store->no_batch_delete)
        s3_small_refuse(asked, 501, "NotImplemented", ret_answer);
    else if (strstr(asked->query, "delete"))
        delete_many(asked, ret_answer);
    else
        s3_small_reply(asked, strcmp(method, "DELETE") == 0 ? 204 : 200,
            "x-amz-bucket-region: eu-west-1\r\n", "", 0, ret_answer);
    free(id);
}
