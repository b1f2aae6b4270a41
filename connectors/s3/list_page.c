/* One page of each kind of listing. */
#include "connectors/s3/list_private.h"

#include "connectors/s3/answers.h"

#include <stdio.h>
#include <string.h>

/* --- what is asked --- */

static void ask(struct list_flow *flow, const char *name, const char *value)
{
    flow->query[flow->query_count++] = (struct s3_query){name, value};
}

static void ask_if(struct list_flow *flow, const char *name, const char *value)
{
    if (value)
        ask(flow, name, value);
}

void list_page_ask(struct list_flow *flow)
{
    const struct s3_list *list = flow->list;

    flow->query_count = 0;
    switch (list->what) {
    case S3_LIST_OBJECTS:
        ask(flow, "list-type", "2");
        ask_if(flow, "continuation-token", flow->key_marker);
        ask_if(flow, "start-after", flow->other_marker ? flow->other_marker : list->start_after);
        ask(flow, "max-keys", flow->page_size);
        break;
    case S3_LIST_VERSIONS:
        ask(flow, "versions", NULL);
        ask_if(flow, "key-marker", flow->key_marker);
        ask_if(flow, "version-id-marker", flow->other_marker);
        ask(flow, "max-keys", flow->page_size);
        break;
    case S3_LIST_UPLOADS:
        ask(flow, "uploads", NULL);
        ask_if(flow, "key-marker", flow->key_marker);
        ask_if(flow, "upload-id-marker", flow->other_marker);
        ask(flow, "max-uploads", flow->page_size);
        break;
    case S3_LIST_BUCKETS:
        /* Nothing that a store of the time before pages would not know. */
        ask_if(flow, "continuation-token", flow->key_marker);
        ask_if(flow, "prefix", flow->prefix);
        return;
    }
    ask(flow, "encoding-type", "url"); /* keys may hold what XML cannot */
    ask_if(flow, "prefix", flow->prefix);
    ask_if(flow, "delimiter", flow->delimiter);
}

/* --- what comes --- */

int list_page_compare(const void *a, const void *b)
{
    const struct s3_item *x = a, *y = b;
    const int order = strcmp(x->key, y->key);

    if (order)
        return order;
    if (x->latest != y->latest)
        return x->latest ? -1 : 1;
    return x->modified_ms > y->modified_ms ? -1 : x->modified_ms < y->modified_ms;
}

static struct s3_item *add(struct list_flow *flow, enum s3_item_kind kind, const char *key)
{
    struct s3_item *item = &flow->items[flow->count++];

    *item = (struct s3_item){.kind = kind, .key = key, .size = S3_NONE, .modified_ms = S3_NONE};
    return item;
}

static void reserve(struct list_flow *flow, size_t count)
{
    flow->items = arena_array(&flow->arena, count, sizeof(*flow->items));
    flow->count = 0;
}

static void add_objects(
    struct list_flow *flow, enum s3_item_kind kind, const struct s3_items *objects)
{
    const struct s3_listed *items = objects->items;

    for (size_t i = 0; i < objects->count; i++) {
        struct s3_item *item = add(flow, kind, items[i].key);

        item->size = items[i].size;
        item->modified_ms = items[i].modified_ms;
        item->etag = items[i].etag;
        item->storage_class = items[i].storage_class;
        item->version_id = items[i].version_id;
        item->latest = items[i].latest;
        item->checksum_algorithm = items[i].checksum_algorithm;
        item->checksum_type = items[i].checksum_type;
    }
}

static void add_prefixes(struct list_flow *flow, const struct s3_items *prefixes)
{
    const struct s3_prefix *items = prefixes->items;

    for (size_t i = 0; i < prefixes->count; i++)
        add(flow, S3_ITEM_PREFIX, items[i].prefix);
}

static void set_marker(char **marker, const char *text)
{
    char *copy = text && text[0] ? mem_strdup(text) : NULL; /* `text` may be *marker */

    free(*marker);
    *marker = copy;
}

/* A token that comes twice would go round for ever. */
static int advance(
    struct list_flow *flow, bool more, const char *key, const char *other, struct error *err)
{
    const char *old_key = flow->key_marker ? flow->key_marker : "",
               *old_other = flow->other_marker ? flow->other_marker : "";

    flow->last = !more;
    if (!more)
        return 0;
    if (!key && !other)
        return error_set(
            err, ERROR_DATA, "the store says that there is more, but not where it goes on");
    if (strcmp(old_key, key ? key : "") == 0 && strcmp(old_other, other ? other : "") == 0)
        return error_set(
            err, ERROR_DATA, "the store sends the same page again: the listing has no end");
    set_marker(&flow->key_marker, key);
    set_marker(&flow->other_marker, other);
    return 0;
}

static int parse(
    struct list_flow *flow, const struct s3_document *document, void *ret_answer, struct error *err)
{
    return s3_answer_parse(
        document, flow->call.answer, flow->call.answer_length, &flow->arena, ret_answer, err);
}

static const char *last_key(const struct s3_list_objects *answer)
{
    const struct s3_listed *objects = answer->contents.items;
    const struct s3_prefix *prefixes = answer->common_prefixes.items;
    const char *last = NULL;

    if (answer->contents.count)
        last = objects[answer->contents.count - 1].key;
    for (size_t i = 0; i < answer->common_prefixes.count; i++) {
        if (!last || strcmp(prefixes[i].prefix, last) > 0)
            last = prefixes[i].prefix;
    }
    return last;
}

static int read_objects(struct list_flow *flow, struct error *err)
{
    struct s3_list_objects answer;

    if (parse(flow, &s3_document_list_objects, &answer, err))
        return -1;
    reserve(flow, answer.contents.count + answer.common_prefixes.count);
    add_objects(flow, S3_ITEM_OBJECT, &answer.contents);
    add_prefixes(flow, &answer.common_prefixes);
    if (answer.next_continuation_token)
        return advance(flow, answer.truncated, answer.next_continuation_token, NULL, err);
    /* Some stores forget the token; all know start-after. */
    return advance(flow, answer.truncated, NULL, last_key(&answer), err);
}

static int read_versions(struct list_flow *flow, struct error *err)
{
    struct s3_list_versions answer;

    if (parse(flow, &s3_document_list_versions, &answer, err))
        return -1;
    reserve(
        flow, answer.versions.count + answer.delete_markers.count + answer.common_prefixes.count);
    add_objects(flow, S3_ITEM_OBJECT, &answer.versions);
    add_objects(flow, S3_ITEM_DELETE_MARKER, &answer.delete_markers);
    add_prefixes(flow, &answer.common_prefixes);
    return advance(
        flow, answer.truncated, answer.next_key_marker, answer.next_version_id_marker, err);
}

static int read_uploads(struct list_flow *flow, struct error *err)
{
    struct s3_list_uploads answer;
    const struct s3_upload *uploads;

    if (parse(flow, &s3_document_list_uploads, &answer, err))
        return -1;
    uploads = answer.uploads.items;
    reserve(flow, answer.uploads.count + answer.common_prefixes.count);
    for (size_t i = 0; i < answer.uploads.count; i++) {
        struct s3_item *item = add(flow, S3_ITEM_UPLOAD, uploads[i].key);

        item->modified_ms = uploads[i].initiated_ms;
        item->storage_class = uploads[i].storage_class;
        item->upload_id = uploads[i].upload_id;
        item->checksum_algorithm = uploads[i].checksum_algorithm;
        item->checksum_type = uploads[i].checksum_type;
    }
    add_prefixes(flow, &answer.common_prefixes);
    return advance(
        flow, answer.truncated, answer.next_key_marker, answer.next_upload_id_marker, err);
}

static int read_buckets(struct list_flow *flow, struct error *err)
{
    struct s3_list_buckets answer;
    const struct s3_bucket *buckets;

    if (parse(flow, &s3_document_list_buckets, &answer, err))
        return -1;
    buckets = answer.buckets.items;
    reserve(flow, answer.buckets.count);
    for (size_t i = 0; i < answer.buckets.count; i++) {
        struct s3_item *item = add(flow, S3_ITEM_BUCKET, buckets[i].name);

        item->modified_ms = buckets[i].created_ms;
        item->region = buckets[i].region;
    }
    return advance(flow, answer.continuation_token && answer.continuation_token[0],
        answer.continuation_token, NULL, err);
}

static int read_answer(struct list_flow *flow, struct error *err)
{
    switch (flow->list->what) {
    case S3_LIST_OBJECTS:
        return read_objects(flow, err);
    case S3_LIST_VERSIONS:
        return read_versions(flow, err);
    case S3_LIST_UPLOADS:
        return read_uploads(flow, err);
    case S3_LIST_BUCKETS:
        break;
    }
    return read_buckets(flow, err);
}

static int check_items(const struct list_flow *flow, struct error *err)
{
    for (size_t i = 0; i < flow->count; i++) {
        if (!flow->items[i].key)
            return error_set(err, ERROR_DATA, "an entry of the listing has no key");
    }
    return 0;
}

int list_page_read(struct list_flow *flow, struct error *err)
{
    arena_deinit(&flow->arena);
    if (read_answer(flow, err) || check_items(flow, err))
        return -1;
    mem_sort(flow->items, flow->count, sizeof(*flow->items), list_page_compare);
    return 0;
}
