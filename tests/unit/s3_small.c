#include "tests/unit/s3_small_private.h"

#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* --- small things --- */

char *s3_small_header(const char *head, const char *name)
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
char *s3_small_query_value(const char *query, const char *name)
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

char *s3_small_etag(const struct s3_small *store, const void *bytes, size_t length, unsigned parts)
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

void s3_small_date(int64_t time_ms, char text[64])
{
    time_format(time_ms, "%a, %d %b %Y %H:%M:%S GMT", text, 64, NULL);
}

/* --- objects and uploads --- */

struct object *s3_small_find(struct s3_small *store, const char *key)
{
    for (struct object *object = store->objects; object; object = object->next) {
        if (strcmp(object->face.key, key) == 0)
            return object;
    }
    return NULL;
}

void s3_small_drop(struct s3_small *store, const char *key)
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
struct object *s3_small_take(struct s3_small *store, const char *key, char *bytes, size_t length,
    char *etag, const char *head)
{
    struct object *object = mem_new(struct object);

    s3_small_drop(store, key);
    object->face = (struct s3_small_kept){.key = mem_strdup(key),
        .etag = etag,
        .head = mem_strdup(head),
        .bytes = bytes,
        .length = length,
        .tags = s3_small_header(head, "x-amz-tagging")};
    object->modified_ms = time_now_ms();
    object->next = store->objects;
    store->objects = object;
    return object;
}

struct upload *s3_small_upload(struct s3_small *store, const char *id, struct upload ***ret_place)
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

void s3_small_free_part(struct part *part)
{
    if (!part)
        return;
    free(part->bytes);
    free(part->etag);
    free(part->checksum);
    free(part);
}

void s3_small_drop_upload(struct s3_small *store, const char *id)
{
    struct upload **place, *upload = s3_small_upload(store, id, &place);

    *place = upload->next;
    for (size_t i = 0; i <= PARTS_MAX; i++)
        s3_small_free_part(upload->parts[i]);
    free(upload->id);
    free(upload->key);
    free(upload->head);
    free(upload);
}

/* --- answers --- */

static char *keep(struct s3_small *store, char *text)
{
    store->answers = mem_grow(
        store->answers, &store->answer_capacity, store->answer_count, sizeof(*store->answers));
    return store->answers[store->answer_count++] = text;
}

/* `headers` may be "", `body` belongs to the caller. HEAD: only the length goes out. */
void s3_small_reply(struct asked *asked, int status, const char *headers, const char *body,
    size_t length, struct origin_answer *ret_answer)
{
    const bool with_body = strcmp(asked->request->method, "HEAD") != 0;
    struct buffer text;
    char now[64];

    s3_small_date(time_now_ms(), now);
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

void s3_small_reply_text(
    struct asked *asked, int status, const char *body, struct origin_answer *ret_answer)
{
    s3_small_reply(asked, status, "", body, strlen(body), ret_answer);
}

void s3_small_refuse(
    struct asked *asked, int status, const char *code, struct origin_answer *ret_answer)
{
    char *body = mem_printf("<Error><Code>%s</Code><Message>no</Message></Error>", code);
    char *headers = mem_printf("x-amz-error-code: %s\r\n", code);

    s3_small_reply(asked, status, headers, body, strlen(body), ret_answer);
    free(headers);
    free(body);
}

/* --- faults --- */

static enum s3_fault choose_fault(struct asked *asked)
{
    struct s3_small *store = asked->store;

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
        s3_small_refuse(asked, 503, "SlowDown", reply);
        break;
    case S3_FAULT_500_DONE:
        s3_small_refuse(asked, 500, "InternalError", reply);
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
        s3_small_refuse(
            asked, strcmp(asked->request->method, "HEAD") == 0 ? 500 : 200, "InternalError", reply);
        break;
    case S3_FAULT_EXPIRED:
        s3_small_refuse(asked, 400, "ExpiredToken", reply);
        break;
    case S3_FAULT_SLOW:
        reply->delay_ms = 15;
        break;
    case S3_FAULT_DENIED:
        s3_small_refuse(asked, 403, "AccessDenied", reply);
        break;
    case S3_FAULT_NONE:
    case S3_FAULTS:
        break;
    }
}

void s3_small_answer(
    void *data, const struct origin_request *request, struct origin_answer *ret_answer)
{
    struct s3_small *store = data;
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
            s3_small_act(&asked, ret_answer);
        spoil(&asked, fault, ret_answer);
    }
    pthread_mutex_unlock(&store->mutex);
    free(asked.query);
    free(path);
    buffer_deinit(&key);
}

/* --- life, plans, looks --- */

struct s3_small *s3_small_new(void)
{
    struct s3_small *store = mem_new(struct s3_small);

    pthread_mutex_init(&store->mutex, NULL);
    return store;
}

void s3_small_free(struct s3_small *store)
{
    while (store->objects)
        s3_small_drop(store, store->objects->face.key);
    while (store->uploads)
        s3_small_drop_upload(store, store->uploads->id);
    for (size_t i = 0; i < store->answer_count; i++)
        free(store->answers[i]);
    free(store->answers);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

void s3_small_fault_at(struct s3_small *store, enum s3_fault fault, const char *method,
    const char *part, unsigned nth, bool for_ever)
{
    store->planned[store->planned_count++] = (struct planned){
        .fault = fault, .method = method, .part = part, .nth = nth, .for_ever = for_ever};
}

void s3_small_fault(struct s3_small *store, enum s3_fault fault, unsigned nth, bool for_ever)
{
    s3_small_fault_at(store, fault, NULL, NULL, nth, for_ever);
}

void s3_small_fail_key(struct s3_small *store, const char *key, const char *code, unsigned times)
{
    store->planned[store->planned_count++] =
        (struct planned){.key = key, .code = code, .times = times};
}

void s3_small_refuse_checksums(struct s3_small *store)
{
    store->refuse_checksums = true;
}

void s3_small_odd_etags(struct s3_small *store)
{
    store->odd_etags = true;
}

void s3_small_no_batch_delete(struct s3_small *store)
{
    store->no_batch_delete = true;
}

void s3_small_put(
    struct s3_small *store, const char *key, const char *bytes, size_t length, const char *head)
{
    char *copy = mem_calloc(1, length + 1);

    memcpy(copy, bytes, length);
    pthread_mutex_lock(&store->mutex);
    s3_small_take(
        store, key, copy, length, s3_small_etag(store, copy, length, 0), head ? head : "");
    pthread_mutex_unlock(&store->mutex);
}

const struct s3_small_kept *s3_small_object(struct s3_small *store, const char *key)
{
    const struct object *object;

    pthread_mutex_lock(&store->mutex);
    object = s3_small_find(store, key);
    pthread_mutex_unlock(&store->mutex);
    return object ? &object->face : NULL;
}

size_t s3_small_object_count(struct s3_small *store)
{
    size_t count = 0;

    pthread_mutex_lock(&store->mutex);
    for (const struct object *object = store->objects; object; object = object->next)
        count++;
    pthread_mutex_unlock(&store->mutex);
    return count;
}

size_t s3_small_upload_count(struct s3_small *store)
{
    size_t count = 0;

    pthread_mutex_lock(&store->mutex);
    for (const struct upload *upload = store->uploads; upload; upload = upload->next)
        count++;
    pthread_mutex_unlock(&store->mutex);
    return count;
}

unsigned s3_small_request_count(struct s3_small *store)
{
    unsigned count;

    pthread_mutex_lock(&store->mutex);
    count = store->request_count;
    pthread_mutex_unlock(&store->mutex);
    return count;
}
