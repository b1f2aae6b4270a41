#include "connectors/s3/list.h"

#include "connectors/s3/client.h"
#include "connectors/s3/list_private.h"
#include "runner/base/log.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void list_step(struct list_flow *flow);

/* --- what a pattern leaves --- */

static const char *behind_folder(const char *pattern)
{
    const size_t literal = strcspn(pattern, "*?[");
    const char *slash = memrchr(pattern, '/', literal);

    return slash ? slash + 1 : pattern;
}

static bool has_hidden(const char *text)
{
    return text[0] == '.' || strstr(text, "/.");
}

/* Its folder is a literal: all that is asked for lies in it. */
static bool matches(const char *pattern, const char *key)
{
    const char *rest = behind_folder(pattern);
    const size_t folder = (size_t)(rest - pattern);

    if (strncmp(key, pattern, folder) != 0 || !text_glob(rest, key + folder))
        return false;
    return !text_has_glob(pattern) || has_hidden(rest) || !has_hidden(key + folder);
}

/* A store may know better what a prefix is, or not know prefixes (ListBuckets). */
static bool is_wanted(const struct list_flow *flow, const struct s3_item *item)
{
    const struct s3_list *list = flow->list;

    if (flow->prefix && !text_starts(item->key, flow->prefix))
        return false;
    if (!list->pattern)
        return true;
    return item->kind != S3_ITEM_PREFIX && matches(list->pattern, item->key);
}

static void push_down(struct list_flow *flow)
{
    const char *pattern = flow->list->pattern;
    size_t literal;

    if (!pattern) {
        flow->prefix = flow->list->prefix ? mem_strdup(flow->list->prefix) : NULL;
        flow->delimiter = flow->list->delimiter;
        return;
    }
    literal = strcspn(pattern, "*?[");
    flow->prefix = mem_strndup(pattern, literal);
    if (!strchr(pattern + literal, '/') && !strstr(pattern + literal, "**"))
        flow->delimiter = "/"; /* nothing deeper can match */
}

/* --- a page --- */

static void trim(struct list_flow *flow)
{
    struct s3_list *list = flow->list;
    const bool one_key = list->pattern && !text_has_glob(list->pattern);
    bool others = false;
    size_t wanted = 0;

    list->looked += flow->count;
    for (size_t i = 0; i < flow->count; i++) {
        if (!is_wanted(flow, &flow->items[i])) {
            others = true;
            continue;
        }
        if (list->limit && list->count + wanted == list->limit) {
            list->more = true;
            flow->last = true;
            break;
        }
        flow->items[wanted++] = flow->items[i];
    }
    flow->count = wanted;
    list->count += wanted;
    if (list->limit && list->count == list->limit && !flow->last)
        list->more = flow->last = true;
    /* Nothing that begins with a key comes before it; of an object there is one, of versions and
     * uploads any number. */
    if (one_key && (others || list->what == S3_LIST_OBJECTS))
        flow->last = true;
}

static const char *keep_text(struct list_flow *flow, const char *text)
{
    return text ? arena_strdup(flow->list->arena, text) : NULL;
}

static void keep_items(struct list_flow *flow)
{
    for (size_t i = 0; i < flow->count; i++) {
        struct s3_item *item;

        flow->kept =
            mem_grow(flow->kept, &flow->kept_capacity, flow->kept_count, sizeof(*flow->kept));
        item = &flow->kept[flow->kept_count++];
        *item = flow->items[i];
        item->key = keep_text(flow, item->key);
        item->etag = keep_text(flow, item->etag);
        item->storage_class = keep_text(flow, item->storage_class);
        item->version_id = keep_text(flow, item->version_id);
        item->upload_id = keep_text(flow, item->upload_id);
        item->region = keep_text(flow, item->region);
        item->checksum_algorithm = keep_text(flow, item->checksum_algorithm);
        item->checksum_type = keep_text(flow, item->checksum_type);
    }
}

static void hand_over(struct list_flow *flow)
{
    struct s3_list *list = flow->list;

    if (!flow->kept_count)
        return;
    mem_sort(flow->kept, flow->kept_count, sizeof(*flow->kept), list_page_compare);
    list->items = arena_array(list->arena, flow->kept_count, sizeof(*flow->kept));
    memcpy(list->items, flow->kept, flow->kept_count * sizeof(*flow->kept));
    list->item_count = flow->kept_count;
}

/* 0, HTTP_PAUSE or -1. */
static int take_page(struct list_flow *flow, struct error *err)
{
    struct s3_list *list = flow->list;
    char name[S3_NAME_SIZE];

    if (list_page_read(flow, err))
        return error_prefix(err, "listing %s",
            list->bucket ? s3_error_name(list->bucket, flow->prefix, name) : "the buckets");
    trim(flow);
    if (!list->page)
        keep_items(flow);
    else if (flow->count)
        return list->page(list, flow->items, flow->count, err);
    return 0;
}

/* --- callbacks --- */

static void keep_time(struct list_flow *flow)
{
    const char *date = s3_call_header(&flow->call, "Date");
    int64_t store_ms;

    if (date && time_parse_http(date, &store_ms, NULL) == 0)
        flow->list->store_ms = store_ms;
}

static void on_answer(struct s3_call *call, const struct error *err)
{
    struct list_flow *flow = container_of(call, struct list_flow, call);
    struct error failure = {0};
    int rc = 0;

    if (err)
        failure = *err;
    else if (!flow->err.code) {
        keep_time(flow);
        rc = take_page(flow, &failure);
    }
    error_keep_first(&flow->err, &failure);
    if (rc == HTTP_PAUSE && !flow->last && !flow->err.code)
        flow->pausing = true;
    list_step(flow);
}

static void on_wake(struct timer *timer)
{
    struct list_flow *flow = container_of(timer, struct list_flow, timer);

    flow->pausing = false;
    if (flow->state == LIST_PAUSED)
        list_step(flow);
}

static void on_closed(struct timer *timer)
{
    struct list_flow *flow = container_of(timer, struct list_flow, timer);
    struct s3_list *list = flow->list;
    struct error outcome = flow->err;

    if (!outcome.code && !list->page)
        hand_over(flow);
    list->flow = NULL;
    list->done(list, outcome.code ? &outcome : NULL);
    /* From here on `list` may be gone, or under way again with a flow of its own. */
    free(flow->kept);
    free(flow->prefix);
    free(flow->key_marker);
    free(flow->other_marker);
    arena_deinit(&flow->arena);
    free(flow);
}

/* --- what states do on entry --- */

static void ask(struct list_flow *flow)
{
    list_page_ask(flow);
    flow->call = (struct s3_call){
        .method = "GET",
        .bucket = flow->list->bucket,
        .query = flow->query,
        .query_count = flow->query_count,
        .answer_is_xml = true, /* one that is cut is asked for again */
        .done = on_answer,
    };
    flow->list->pages++;
    s3_call_start(flow->client, &flow->call);
}

static void enter_state(struct list_flow *flow, enum list_state state)
{
    static const char *const names[] = {"asking", "paused", "closing"};
    struct log *log = s3_client_options(flow->client)->log;

    flow->state = state; /* the one place where it changes */
    if (log_enabled(log, "s3", LOG_TRACE))
        log_event(log, LOG_TRACE, "s3.list", NULL, NULL, "%s: %llu items of %u pages", names[state],
            (unsigned long long)flow->list->count, flow->list->pages);
    if (state == LIST_ASKING)
        ask(flow);
    if (state == LIST_CLOSING)
        timer_close(&flow->timer, on_closed);
}

/* --- the whole flow --- */

/* A page came and was taken, or a pause is over. */
static void list_step(struct list_flow *flow)
{
    if (flow->err.code || flow->last)
        enter_state(flow, LIST_CLOSING);
    else if (flow->pausing)
        enter_state(flow, LIST_PAUSED);
    else
        enter_state(flow, LIST_ASKING);
}

/* --- the face --- */

void s3_list_start(struct s3_client *client, struct s3_list *list)
{
    struct list_flow *flow = mem_new(struct list_flow);

    assert(list->done && (list->page || list->arena));
    assert((list->what == S3_LIST_BUCKETS) == !list->bucket);
    assert(!list->pattern || !(list->prefix || list->delimiter));
    flow->client = client;
    flow->list = list;
    arena_init(&flow->arena);
    timer_init(&flow->timer, s3_client_options(client)->loop);
    snprintf(flow->page_size, sizeof(flow->page_size), "%u",
        list->page_size ? list->page_size : S3_LIST_PAGE_PRESET);
    push_down(flow);
    list->flow = flow;
    list->items = NULL;
    list->item_count = 0;
    list->count = list->looked = 0;
    list->more = false;
    list->store_ms = 0;
    list->pages = 0;
    enter_state(flow, LIST_ASKING);
}

void s3_list_cancel(struct s3_list *list)
{
    struct list_flow *flow = list->flow;
    struct error err = {0};

    if (!flow || flow->err.code || flow->state == LIST_CLOSING)
        return;
    error_set(&err, ERROR_STOPPED, "listing was cancelled");
    error_keep_first(&flow->err, &err);
    s3_call_cancel(&flow->call);
    timer_start(&flow->timer, 0, 0, on_wake); /* where it is paused */
}

void s3_list_resume(struct s3_list *list)
{
    if (list->flow && list->flow->state != LIST_CLOSING)
        timer_start(&list->flow->timer, 0, 0, on_wake);
}
