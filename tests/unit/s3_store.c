#include "tests/unit/s3_store.h"

#include "connectors/aws/xml.h"
#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/crc.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { PARTS_MAX = 10000, FAULTS_MAX = 8 };

struct part {
    char *bytes, *etag, *checksum;
    size_t length;
};

struct upload {
    char *id, *key, *head;
    struct part *parts[PARTS_MAX + 1];
    int64_t initiated_ms;
    struct upload *next;
};

struct object {
    struct s3_stored face;
    int64_t modified_ms;
    struct object *next;
};

struct planned {
    enum s3_fault fault;
    const char *method, *part, *key, *code; /* key: of DeleteObjects */
    unsigned nth, times;
    bool for_ever;
};

struct s3_store {
    pthread_mutex_t mutex;
    struct object *objects;
    struct upload *uploads;
    struct planned planned[FAULTS_MAX];
    size_t planned_count;
    bool refuse_checksums, odd_etags, no_batch_delete;
    unsigned request_count, next_id;
    char **answers; /* given out: kept until the end */
    size_t answer_count, answer_capacity;
};

/* One request, taken apart. */
struct asked {
    const struct origin_request *request;
    struct s3_store *store;
    char *key;   /* "": the bucket */
    char *query; /* "" */
};

/* --- small things --- */

static char *header(const char *head, const char *name)
{
    const size_t length = strlen(name);

    for (const char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n')) {
        if (strncasecmp(line + 1, name, length) == 0 && line[1 + length] == ':') {
            const char *value = line + 1 + length + 1;

            value += strspn(value, " ");
            return mem_strndup(value, strcspn(value, "\r\n"));
        }
    }
    return NULL;
}

/* Decoded; NULL: not there. */
static char *query_value(const char *query, const char *name)
{
    const size_t length = strlen(name);
    struct buffer value;

    for (const char *at = query; at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL) {
        if (strncmp(at, name, length) == 0 && strchr("=&", at[length])) {
            const char *text = at + length + (at[length] == '=');

            buffer_init(&value, 0);
            s3_uri_decode_key(text, strcspn(text, "&"), &value, NULL);
            return buffer_steal(&value);
        }
    }
    return NULL;
}

static void append_hex(struct buffer *text, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        buffer_printf(text, "%02x", ((const unsigned char *)bytes)[i]);
}

static char *make_etag(
    const struct s3_store *store, const void *bytes, size_t length, unsigned parts)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct buffer text;

    buffer_init(&text, 0);
    EVP_Digest(bytes, length, digest, NULL, EVP_md5(), NULL);
    buffer_puts(&text, store->odd_etags ? "\"odd" : "\"");
    append_hex(&text, digest, 16);
    if (parts)
        buffer_printf(&text, "-%u", parts);
    buffer_putc(&text, '"');
    return buffer_steal(&text);
}

static void date(int64_t time_ms, char text[64])
{
    time_format(time_ms, "%a, %d %b %Y %H:%M:%S GMT", text, 64, NULL);
}

static void checksum_text(uint64_t crc, char text[16])
{
    const unsigned char bytes[4] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
        (unsigned char)(crc >> 8), (unsigned char)crc};

    EVP_EncodeBlock((unsigned char *)text, bytes, 4);
}

/* --- objects and uploads --- */

static struct object *find(struct s3_store *store, const char *key)
{
    for (struct object *object = store->objects; object; object = object->next) {
        if (strcmp(object->face.key, key) == 0)
            return object;
    }
    return NULL;
}

static void drop_object(struct s3_store *store, const char *key)
{
    for (struct object **place = &store->objects; *place; place = &(*place)->next) {
        struct object *object = *place;

        if (strcmp(object->face.key, key) != 0)
            continue;
        *place = object->next;
        free(object->face.key);
        free(object->face.etag);
        free(object->face.head);
        free(object->face.bytes);
        free(object->face.tags);
        free(object);
        return;
    }
}

/* Takes the bytes and the ETag. */
static struct object *store_object(struct s3_store *store, const char *key, char *bytes,
    size_t length, char *etag, const char *head)
{
    struct object *object = mem_new(struct object);

    drop_object(store, key);
    object->face = (struct s3_stored){.key = mem_strdup(key),
        .etag = etag,
        .head = mem_strdup(head),
        .bytes = bytes,
        .length = length,
        .tags = header(head, "x-amz-tagging")};
    object->modified_ms = time_now_ms();
    object->next = store->objects;
    store->objects = object;
    return object;
}

static struct upload *find_upload(
    struct s3_store *store, const char *id, struct upload ***ret_place)
{
    for (struct upload **place = &store->uploads; *place; place = &(*place)->next) {
        if (id && strcmp((*place)->id, id) == 0) {
            if (ret_place)
                *ret_place = place;
            return *place;
        }
    }
    return NULL;
}

static void free_part(struct part *part)
{
    if (!part)
        return;
    free(part->bytes);
    free(part->etag);
    free(part->checksum);
    free(part);
}

static void drop_upload(struct s3_store *store, const char *id)
{
    struct upload **place, *upload = find_upload(store, id, &place);

    *place = upload->next;
    for (size_t i = 0; i <= PARTS_MAX; i++)
        free_part(upload->parts[i]);
    free(upload->id);
    free(upload->key);
    free(upload->head);
    free(upload);
}

/* --- answers --- */

static char *keep(struct s3_store *store, char *text)
{
    store->answers = mem_grow(
        store->answers, &store->answer_capacity, store->answer_count, sizeof(*store->answers));
    return store->answers[store->answer_count++] = text;
}

/* `headers` may be "", `body` belongs to the caller. HEAD: only the length goes out. */
static void answer(struct asked *asked, int status, const char *headers, const char *body,
    size_t length, struct origin_answer *ret_answer)
{
    const bool with_body = strcmp(asked->request->method, "HEAD") != 0;
    struct buffer text;
    char now[64];

    date(time_now_ms(), now);
    buffer_init(&text, 0);
    buffer_printf(&text, "HTTP/1.1 %d X\r\nDate: %s\r\nx-amz-request-id: R%u\r\n%s", status, now,
        asked->store->request_count, headers);
    if (status != 204)
        buffer_printf(&text, "Content-Length: %zu\r\n", length);
    buffer_puts(&text, "\r\n");
    if (with_body)
        buffer_append(&text, body, length);
    ret_answer->length = text.length;
    ret_answer->bytes = keep(asked->store, buffer_steal(&text));
}

static void answer_text(
    struct asked *asked, int status, const char *body, struct origin_answer *ret_answer)
{
    answer(asked, status, "", body, strlen(body), ret_answer);
}

static void refuse(
    struct asked *asked, int status, const char *code, struct origin_answer *ret_answer)
{
    char *body = mem_printf("<Error><Code>%s</Code><Message>no</Message></Error>", code);
    char *headers = mem_printf("x-amz-error-code: %s\r\n", code);

    answer(asked, status, headers, body, strlen(body), ret_answer);
    free(headers);
    free(body);
}

/* --- the operations --- */

/* False: the condition does not hold, and that is the answer. */
static bool check_conditions(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct object *object = find(asked->store, asked->key);
    char *none = header(asked->request->head, "If-None-Match");
    char *match = header(asked->request->head, "If-Match");
    const bool holds =
        (!none || !object) && (!match || (object && strcmp(match, object->face.etag) == 0));

    free(none);
    free(match);
    if (!holds)
        refuse(asked, 412, "PreconditionFailed", ret_answer);
    return holds;
}

/* False: the bytes are not those that were summed up. */
static bool check_checksum(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct origin_request *request = asked->request;
    char *said = header(request->head, "x-amz-checksum-crc32c");
    char own[16];
    bool right;

    checksum_text(crc_update(CRC_32C, 0, request->body, request->body_length), own);
    right = !said || strcmp(said, own) == 0;
    free(said);
    if (!right)
        refuse(asked, 400, "BadDigest", ret_answer);
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
    object = store_object(asked->store, asked->key, bytes, request->body_length,
        make_etag(asked->store, bytes, request->body_length, 0), request->head);
    said = header(request->head, "x-amz-checksum-crc32c");
    snprintf(object->face.checksum, sizeof(object->face.checksum), "%s", said ? said : "");
    free(said);
    headers = mem_printf("ETag: %s\r\n", object->face.etag);
    answer(asked, 200, headers, "", 0, ret_answer);
    free(headers);
}

/* The object that x-amz-copy-source names; NULL: that is the answer. */
static struct object *copy_source(
    struct asked *asked, const char *source, struct origin_answer *ret_answer)
{
    char *wanted = header(asked->request->head, "x-amz-copy-source-if-match");
    const char *slash = strchr(source, '/');
    struct object *object;
    struct buffer key;

    buffer_init(&key, 0);
    s3_uri_decode_key(slash + 1, strcspn(slash + 1, "?"), &key, NULL);
    object = find(asked->store, key.data);
    buffer_deinit(&key);
    if (!object) {
        refuse(asked, 404, "NoSuchKey", ret_answer);
    } else if (wanted && strcmp(wanted, object->face.etag) != 0) {
        refuse(asked, 412, "PreconditionFailed", ret_answer);
        object = NULL;
    }
    free(wanted);
    return object;
}

static void copied(
    struct asked *asked, const char *name, const char *etag, struct origin_answer *ret_answer)
{
    char *body = mem_printf("<%s><ETag>%s</ETag></%s>", name, etag, name);

    answer_text(asked, 200, body, ret_answer);
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
    object = store_object(asked->store, asked->key, bytes, from->face.length,
        make_etag(asked->store, bytes, from->face.length, 0), asked->request->head);
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
    part->etag = make_etag(asked->store, bytes, length, 0);
    part->checksum = header(asked->request->head, "x-amz-checksum-crc32c");
    free_part(upload->parts[number]);
    upload->parts[number] = part;
    if (is_copy) {
        copied(asked, "CopyPartResult", part->etag, ret_answer);
        return;
    }
    headers = part->checksum ? mem_printf("ETag: %s\r\nx-amz-checksum-crc32c: %s\r\n", part->etag,
                                   part->checksum)
                             : mem_printf("ETag: %s\r\n", part->etag);
    answer(asked, 200, headers, "", 0, ret_answer);
    free(headers);
}

static void upload_part(struct asked *asked, const char *id, struct origin_answer *ret_answer)
{
    struct upload *upload = find_upload(asked->store, id, NULL);
    char *number = query_value(asked->query, "partNumber");
    char *source = header(asked->request->head, "x-amz-copy-source");
    char *range = header(asked->request->head, "x-amz-copy-source-range");
    unsigned long long first = 0, last = 0;
    const struct object *from;

    if (!upload) {
        refuse(asked, 404, "NoSuchUpload", ret_answer);
    } else if (!source) {
        if (check_checksum(asked, ret_answer))
            put_part(asked, upload, (unsigned)atoi(number), asked->request->body,
                asked->request->body_length, false, ret_answer);
    } else if ((from = copy_source(asked, source, ret_answer))) {
        if (!range || sscanf(range, "bytes=%llu-%llu", &first, &last) != 2 ||
            last >= from->face.length)
            refuse(asked, 416, "InvalidRange", ret_answer);
        else
            put_part(asked, upload, (unsigned)atoi(number), from->face.bytes + first,
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
    answer_text(asked, 200, body, ret_answer);
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
        const unsigned number = (unsigned)atoi(xml_text(node, "PartNumber"));
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
    struct upload *upload = find_upload(asked->store, id, NULL);
    struct buffer all, digests;
    unsigned count = 0;
    char *body;

    if (!upload) {
        refuse(asked, 404, "NoSuchUpload", ret_answer);
        return;
    }
    if (!check_conditions(asked, ret_answer))
        return;
    buffer_init(&all, 0);
    buffer_init(&digests, 0);
    if (!join_parts(upload, asked->request->body, &all, &digests, &count)) {
        refuse(asked, 400, "InvalidPart", ret_answer);
    } else {
        const size_t length = all.length;
        const struct object *object = store_object(asked->store, asked->key, buffer_steal(&all),
            length, make_etag(asked->store, digests.data, digests.length, count), upload->head);

        drop_upload(asked->store, id);
        body = mem_printf("<CompleteMultipartUploadResult><ETag>%s</ETag>"
                          "</CompleteMultipartUploadResult>",
            object->face.etag);
        answer_text(asked, 200, body, ret_answer);
        free(body);
    }
    buffer_deinit(&all);
    buffer_deinit(&digests);
}

static void list_parts(struct asked *asked, const char *id, struct origin_answer *ret_answer)
{
    const struct upload *upload = find_upload(asked->store, id, NULL);

    if (!upload)
        refuse(asked, 404, "NoSuchUpload", ret_answer);
    else
        answer_text(asked, 200,
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
    answer_text(asked, 200, xml.data, ret_answer);
    buffer_deinit(&xml);
}

static void get_object(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct object *object = find(asked->store, asked->key);
    char modified[64], *headers, *type;

    if (!object) {
        refuse(asked, 404, "NoSuchKey", ret_answer);
        return;
    }
    date(object->modified_ms, modified);
    type = header(object->face.head, "Content-Type");
    headers = mem_printf("ETag: %s\r\nLast-Modified: %s\r\nContent-Type: %s\r\n"
                         "x-amz-meta-color: blue\r\n%s%s%s",
        object->face.etag, modified, type ? type : "binary/octet-stream",
        object->face.checksum[0] ? "x-amz-checksum-crc32c: " : "", object->face.checksum,
        object->face.checksum[0] ? "\r\n" : "");
    answer(asked, 200, headers, object->face.bytes, object->face.length, ret_answer);
    free(headers);
    free(type);
}

static void delete_many(struct asked *asked, struct origin_answer *ret_answer)
{
    struct s3_store *store = asked->store;
    const struct xml_node *root;
    struct arena arena;
    struct buffer xml;

    arena_init(&arena);
    buffer_init(&xml, 0);
    buffer_puts(&xml, "<DeleteResult>");
    if (xml_parse(asked->request->body, asked->request->body_length, &arena, &root, NULL)) {
        refuse(asked, 400, "MalformedXML", ret_answer);
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
            drop_object(store, key);
    }
    buffer_puts(&xml, "</DeleteResult>");
    answer_text(asked, 200, xml.data, ret_answer);
end:
    buffer_deinit(&xml);
    arena_deinit(&arena);
}

static void get_tagging(struct asked *asked, struct origin_answer *ret_answer)
{
    const struct object *object = find(asked->store, asked->key);

    if (!object)
        refuse(asked, 404, "NoSuchKey", ret_answer);
    else
        answer_text(asked, 200,
            object->face.tags ? "<Tagging><TagSet><Tag><Key>a b</Key><Value>c</Value></Tag>"
                                "</TagSet></Tagging>"
                              : "<Tagging><TagSet/></Tagging>",
            ret_answer);
}

static void act_on_object(struct asked *asked, const char *id, struct origin_answer *ret_answer)
{
    const char *method = asked->request->method;
    char *source = header(asked->request->head, "x-amz-copy-source");

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
        if (!find_upload(asked->store, id, NULL)) {
            refuse(asked, 404, "NoSuchUpload", ret_answer);
        } else {
            drop_upload(asked->store, id);
            answer_text(asked, 204, "", ret_answer);
        }
    } else if (strcmp(method, "DELETE") == 0) {
        drop_object(asked->store, asked->key);
        answer_text(asked, 204, "", ret_answer);
    } else if (id)
        list_parts(asked, id, ret_answer);
    else if (strstr(asked->query, "tagging"))
        get_tagging(asked, ret_answer);
    else
        get_object(asked, ret_answer);
    free(source);
}

static void act(struct asked *asked, struct origin_answer *ret_answer)
{
    const char *method = asked->request->method;
    char *id = query_value(asked->query, "uploadId");

    if (asked->store->refuse_checksums && strcasestr(asked->request->head, "\nx-amz-checksum-") &&
        !strcasestr(asked->request->head, "x-amz-checksum-mode"))
        refuse(asked, 501, "NotImplemented", ret_answer);
    else if (asked->key[0])
        act_on_object(asked, id, ret_answer);
    else if (strstr(asked->query, "uploads"))
        list_uploads(asked, ret_answer);
    else if (strstr(asked->query, "delete") && asked->store->no_batch_delete)
        refuse(asked, 501, "NotImplemented", ret_answer);
    else if (strstr(asked->query, "delete"))
        delete_many(asked, ret_answer);
    else
        answer(asked, strcmp(method, "DELETE") == 0 ? 204 : 200,
            "x-amz-bucket-region: eu-west-1\r\n", "", 0, ret_answer);
    free(id);
}

/* --- faults --- */

static enum s3_fault choose_fault(struct asked *asked)
{
    struct s3_store *store = asked->store;

    for (size_t i = 0; i < store->planned_count; i++) {
        struct planned *planned = &store->planned[i];

        if (planned->key ||
            (planned->method && strcmp(planned->method, asked->request->method) != 0) ||
            (planned->part && !strstr(asked->request->target, planned->part)))
            continue;
        planned->times++;
        if (planned->times == planned->nth || (planned->for_ever && planned->times > planned->nth))
            return planned->fault;
    }
    return S3_FAULT_NONE;
}

static bool is_done_first(enum s3_fault fault)
{
    return fault == S3_FAULT_NONE || fault == S3_FAULT_500_DONE || fault == S3_FAULT_DROPPED ||
           fault == S3_FAULT_RESET_IN || fault == S3_FAULT_CUT || fault == S3_FAULT_STALL_DONE ||
           fault == S3_FAULT_ERROR_200_DONE || fault == S3_FAULT_SLOW;
}

static void spoil(struct asked *asked, enum s3_fault fault, struct origin_answer *ret_answer)
{
    struct origin_answer *reply = ret_answer;

    switch (fault) {
    case S3_FAULT_503:
        refuse(asked, 503, "SlowDown", reply);
        break;
    case S3_FAULT_500_DONE:
        refuse(asked, 500, "InternalError", reply);
        break;
    case S3_FAULT_RESET_BEFORE:
    case S3_FAULT_DROPPED:
        *reply = (struct origin_answer){.end = ORIGIN_RESET};
        break;
    case S3_FAULT_RESET_IN:
    case S3_FAULT_CUT:
        reply->cut_after = reply->length > 12 ? reply->length - 10 : 1;
        reply->end = fault == S3_FAULT_CUT ? ORIGIN_CLOSE : ORIGIN_RESET;
        break;
    case S3_FAULT_STALL:
    case S3_FAULT_STALL_DONE:
        *reply = (struct origin_answer){.end = ORIGIN_HANG};
        break;
    case S3_FAULT_ERROR_200:
    case S3_FAULT_ERROR_200_DONE: /* HEAD has no body to say it in */
        refuse(
            asked, strcmp(asked->request->method, "HEAD") == 0 ? 500 : 200, "InternalError", reply);
        break;
    case S3_FAULT_EXPIRED:
        refuse(asked, 400, "ExpiredToken", reply);
        break;
    case S3_FAULT_SLOW:
        reply->delay_ms = 15;
        break;
    case S3_FAULT_DENIED:
        refuse(asked, 403, "AccessDenied", reply);
        break;
    case S3_FAULT_NONE:
    case S3_FAULTS:
        break;
    }
}

void s3_store_answer(
    void *data, const struct origin_request *request, struct origin_answer *ret_answer)
{
    struct s3_store *store = data;
    struct asked asked = {.request = request, .store = store};
    char *path = mem_strndup(request->target, strcspn(request->target, "?"));
    const char *slash = strchr(path + 1, '/');
    const char *question = strchr(request->target, '?');
    struct buffer key;
    enum s3_fault fault;

    buffer_init(&key, 0);
    if (slash)
        s3_uri_decode_key(slash + 1, strlen(slash + 1), &key, NULL);
    asked.key = key.data;
    asked.query = mem_strdup(question ? question + 1 : "");
    pthread_mutex_lock(&store->mutex);
    store->request_count++;
    fault = choose_fault(&asked);
    if (!request->whole && request->body_length) {
        ret_answer->end = ORIGIN_CLOSE; /* the client is gone */
    } else {
        if (is_done_first(fault))
            act(&asked, ret_answer);
        spoil(&asked, fault, ret_answer);
    }
    pthread_mutex_unlock(&store->mutex);
    free(asked.query);
    free(path);
    buffer_deinit(&key);
}

/* --- life, plans, looks --- */

struct s3_store *s3_store_new(void)
{
    struct s3_store *store = mem_new(struct s3_store);

    pthread_mutex_init(&store->mutex, NULL);
    return store;
}

void s3_store_free(struct s3_store *store)
{
    while (store->objects)
        drop_object(store, store->objects->face.key);
    while (store->uploads)
        drop_upload(store, store->uploads->id);
    for (size_t i = 0; i < store->answer_count; i++)
        free(store->answers[i]);
    free(store->answers);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

void s3_store_fault_at(struct s3_store *store, enum s3_fault fault, const char *method,
    const char *part, unsigned nth, bool for_ever)
{
    store->planned[store->planned_count++] = (struct planned){
        .fault = fault, .method = method, .part = part, .nth = nth, .for_ever = for_ever};
}

void s3_store_fault(struct s3_store *store, enum s3_fault fault, unsigned nth, bool for_ever)
{
    s3_store_fault_at(store, fault, NULL, NULL, nth, for_ever);
}

void s3_store_fail_key(struct s3_store *store, const char *key, const char *code, unsigned times)
{
    store->planned[store->planned_count++] =
        (struct planned){.key = key, .code = code, .times = times};
}

void s3_store_refuse_checksums(struct s3_store *store)
{
    store->refuse_checksums = true;
}

void s3_store_odd_etags(struct s3_store *store)
{
    store->odd_etags = true;
}

void s3_store_no_batch_delete(struct s3_store *store)
{
    store->no_batch_delete = true;
}

void s3_store_put(
    struct s3_store *store, const char *key, const char *bytes, size_t length, const char *head)
{
    char *copy = mem_calloc(1, length + 1);

    memcpy(copy, bytes, length);
    pthread_mutex_lock(&store->mutex);
    store_object(store, key, copy, length, make_etag(store, copy, length, 0), head ? head : "");
    pthread_mutex_unlock(&store->mutex);
}

const struct s3_stored *s3_store_object(struct s3_store *store, const char *key)
{
    const struct object *object;

    pthread_mutex_lock(&store->mutex);
    object = find(store, key);
    pthread_mutex_unlock(&store->mutex);
    return object ? &object->face : NULL;
}

size_t s3_store_object_count(struct s3_store *store)
{
    size_t count = 0;

    pthread_mutex_lock(&store->mutex);
    for (const struct object *object = store->objects; object; object = object->next)
        count++;
    pthread_mutex_unlock(&store->mutex);
    return count;
}

size_t s3_store_upload_count(struct s3_store *store)
{
    size_t count = 0;

    pthread_mutex_lock(&store->mutex);
    for (const struct upload *upload = store->uploads; upload; upload = upload->next)
        count++;
    pthread_mutex_unlock(&store->mutex);
    return count;
}

unsigned s3_store_request_count(struct s3_store *store)
{
    unsigned count;

    pthread_mutex_lock(&store->mutex);
    count = store->request_count;
    pthread_mutex_unlock(&store->mutex);
    return count;
}
