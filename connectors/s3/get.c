#include "connectors/s3/get_private.h"

#include "runner/base/log.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

static void begin(struct get_flow *flow);

/* --- how it goes wrong --- */

int get_name_error(const struct get_flow *flow, struct error *err)
{
    char name[S3_NAME_SIZE];

    return error_prefix(err, "GET %s", s3_error_name(flow->get->bucket, flow->get->key, name));
}

void get_fail(struct get_flow *flow, const struct error *err)
{
    error_keep_first(&flow->err, err);
}

/* Nobody has seen a byte of it, and it is the first time. */
static bool may_restart(const struct get_flow *flow)
{
    return flow->get->restarts == 0 && flow->written == 0;
}

void get_changed(struct get_flow *flow, const struct error *err)
{
    struct error again = *err;

    if (flow->get->etag || flow->get->version_id || !flow->known) {
        get_fail(flow, err); /* the caller wants that one */
    } else if (may_restart(flow)) {
        flow->restart = true;
    } else {
        if (flow->get->restarts)
            error_prefix(&again, "it changed a second time while it was read");
        get_fail(flow, &again);
    }
}

void get_mismatched(struct get_flow *flow, const struct error *err)
{
    struct error last = *err;

    if (may_restart(flow)) {
        flow->restart = true;
        return;
    }
    if (get_in_order(flow) && flow->written)
        error_set_class(&last, ERROR_TRANSIENT); /* only the caller can read it again */
    get_fail(flow, &last);
}

/* --- what states do on entry --- */

static void on_closed(struct timer *timer)
{
    struct get_flow *flow = container_of(timer, struct get_flow, timer);
    struct s3_get *get = flow->get;
    struct error outcome = flow->err;

    get->flow = NULL;
    get->done(get, outcome.code ? &outcome : NULL);
    /* From here on `get` may be gone, or under way again with a flow of its own. */
    for (unsigned i = 0; i < flow->slot_count; i++) {
        if (flow->slots[i])
            get_part_deinit(flow->slots[i]);
        free(flow->slots[i]);
    }
    free(flow->slots);
    get_check_reset(flow);
    arena_deinit(&flow->arena);
    free(flow);
}

static void cancel_parts(struct get_flow *flow)
{
    for (unsigned i = 0; i < flow->slot_count; i++) {
        if (flow->slots[i] && flow->slots[i]->busy)
            s3_call_cancel(&flow->slots[i]->call);
    }
}

static void enter_state(struct get_flow *flow, enum get_state state)
{
    static const char *const names[] = {"opening", "reading", "ending", "closing"};

    flow->state = state; /* the one place where it changes */
    if (log_enabled(s3_client_options(flow->client)->log, "s3", LOG_TRACE))
        log_event(s3_client_options(flow->client)->log, LOG_TRACE, "s3.get", NULL, NULL,
            "%s: %llu of %llu bytes", names[state],
            (unsigned long long)atomic_load(&flow->get->bytes_done),
            (unsigned long long)flow->total);
    if (state == GET_ENDING)
        cancel_parts(flow);
    if (state == GET_CLOSING)
        timer_close(&flow->timer, on_closed);
}

/* --- parts --- */

/* A free slot; NULL: none. */
static struct get_part *take_slot(struct get_flow *flow)
{
    for (unsigned i = 0; i < flow->slot_count; i++) {
        if (!flow->slots[i]) {
            flow->slots[i] = mem_new(struct get_part);
            flow->slots[i]->flow = flow;
        }
        if (!flow->slots[i]->used)
            return flow->slots[i];
    }
    return NULL;
}

static void start_part(struct get_flow *flow, struct get_part *part, uint64_t length)
{
    part->used = true;
    part->index = flow->part_count++;
    part->first = flow->get->first + flow->handed_out;
    part->length = length;
    get_part_start(part);
}

static void start_parts(struct get_flow *flow)
{
    while (flow->handed_out < flow->total) {
        const uint64_t length = MIN(flow->part_bytes, flow->total - flow->handed_out);
        struct get_part *part = take_slot(flow);

        if (!part)
            return;
        start_part(flow, part, length);
        flow->handed_out += length;
    }
}

static bool all_there(const struct get_flow *flow)
{
    if (flow->handed_out < flow->total)
        return false;
    for (unsigned i = 0; i < flow->slot_count; i++) {
        if (flow->slots[i] && flow->slots[i]->used)
            return false;
    }
    return true;
}

/* From nothing: the first time, or again. */
static void begin(struct get_flow *flow)
{
    struct s3_get *get = flow->get;
    uint64_t hoped = flow->part_bytes = get->part_bytes;
    struct get_part *part;

    for (unsigned i = 0; i < flow->slot_count; i++) {
        if (flow->slots[i])
            get_part_deinit(flow->slots[i]);
    }
    get_check_reset(flow);
    arena_deinit(&flow->arena);
    flow->known = flow->restart = false;
    flow->total = flow->handed_out = 0;
    flow->part_count = 0;
    get->size = 0;
    get->modified_ms = 0;
    get->answered_etag = get->answered_version_id = get->content_type = NULL;
    get->verified = S3_CHECKSUM_NONE;
    atomic_store(&get->bytes_done, 0);
    atomic_store(&get->bytes_total, 0);
    if (get->length)
        hoped = MIN(hoped, get->length);
    part = take_slot(flow);
    part->whole =
        get->size_hint && get->size_hint <= hoped && !get->first && !get->length && !get->restarts;
    enter_state(flow, GET_OPENING);
    start_part(flow, part, hoped);
}

static void begin_again(struct get_flow *flow)
{
    struct error err = {0};

    flow->get->restarts++;
    if (!get_in_order(flow) && ftruncate(flow->get->fd, 0)) {
        error_set_errno(&err, errno, "cannot empty the file to read the object once more");
        get_name_error(flow, &err);
        get_fail(flow, &err);
        enter_state(flow, GET_CLOSING);
        return;
    }
    begin(flow);
}

/* --- the whole flow --- */

void get_step(struct get_flow *flow)
{
    struct error err = {0};

    if (flow->state == GET_OPENING && flow->known)
        enter_state(flow, GET_READING);
    if (flow->state == GET_READING && get_in_order(flow) && !get_stopping(flow))
        get_order_drain(flow);
    if (flow->state == GET_READING && !get_stopping(flow)) {
        start_parts(flow);
        if (all_there(flow) && get_check_whole(flow, &err) == 0)
            enter_state(flow, GET_CLOSING);
        else if (err.code && get_name_error(flow, &err))
            get_mismatched(flow, &err);
    }
    if ((flow->state == GET_OPENING || flow->state == GET_READING) && get_stopping(flow))
        enter_state(flow, GET_ENDING);
    if (flow->state == GET_ENDING && flow->in_flight == 0) {
        if (flow->restart && !flow->err.code)
            begin_again(flow);
        else
            enter_state(flow, GET_CLOSING);
    }
}

/* What was asked for outside of a callback. */
static void on_wake(struct timer *timer)
{
    struct get_flow *flow = container_of(timer, struct get_flow, timer);

    flow->paused = false;
    get_step(flow);
}

/* --- the face --- */

/* In order, each part but the one that is handed on may wait in memory. */
static unsigned choose_window(const struct get_flow *flow)
{
    const struct s3_client_options *options = s3_client_options(flow->client);
    const struct s3_get *get = flow->get;
    uint64_t window =
        MIN(get->parts_max ? get->parts_max : S3_GET_PARTS_PRESET, options->concurrency);

    if (get_in_order(flow))
        window = MIN(window, options->memory_bytes / get->part_bytes);
    return (unsigned)MAX(window, 1);
}

void s3_get_start(struct s3_client *client, struct s3_get *get)
{
    struct get_flow *flow = mem_new(struct get_flow);

    assert(get->bucket && get->key && get->done);
    flow->client = client;
    flow->get = get;
    flow->query = (struct s3_query){"versionId", get->version_id};
    arena_init(&flow->arena);
    timer_init(&flow->timer, s3_client_options(client)->loop);
    if (!get->part_bytes)
        get->part_bytes = s3_client_options(client)->part_bytes;
    flow->slot_count = choose_window(flow);
    flow->slots = mem_calloc(flow->slot_count, sizeof(struct get_part *));
    get->flow = flow;
    get->requests = get->restarts = 0;
    begin(flow);
}

void s3_get_cancel(struct s3_get *get)
{
    struct get_flow *flow = get->flow;
    struct error err = {0};

    if (!flow || flow->err.code || flow->state == GET_CLOSING)
        return;
    error_set(&err, ERROR_STOPPED, "cancelled");
    get_name_error(flow, &err);
    get_fail(flow, &err);
    cancel_parts(flow);
    timer_start(&flow->timer, 0, 0, on_wake); /* where nothing is under way */
}

void s3_get_resume(struct s3_get *get)
{
    if (get->flow && get->flow->state != GET_CLOSING)
        timer_start(&get->flow->timer, 0, 0, on_wake);
}
