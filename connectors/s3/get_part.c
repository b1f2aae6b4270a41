/* One part: its request, and what becomes of its bytes. */
#include "connectors/s3/get_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- what goes out --- */

/* A weak tag may not be compared that way (RFC 9110, 13.1.1). */
static const char *tag_to_match(const struct get_flow *flow)
{
    const char *tag = flow->known ? flow->get->answered_etag : flow->get->etag;

    return tag && strncmp(tag, "W/", 2) != 0 ? tag : NULL;
}

/* What is still missing: also where an answer broke off. */
static int on_prepare(struct s3_call *call, struct error *err)
{
    struct get_part *part = container_of(call, struct get_part, call);
    const struct get_flow *flow = part->flow;
    const char *tag = tag_to_match(flow);
    size_t count = 0;

    (void)err;
    /* Where all came and then it broke: the last byte once more, as there is no range of none. */
    part->asked = part->first + part->arrived;
    if (part->arrived && part->arrived == part->length)
        part->asked--;
    snprintf(part->range, sizeof(part->range), "bytes=%llu-%llu", (unsigned long long)part->asked,
        (unsigned long long)(part->first + part->length - 1));
    if (!part->whole || part->arrived)
        part->headers[count++] = (struct http_header){"Range", part->range};
    if (tag)
        part->headers[count++] = (struct http_header){"If-Match", tag};
    if (s3_client_wants_checksums(flow->client))
        part->headers[count++] = (struct http_header){"x-amz-checksum-mode", "ENABLED"};
    call->headers = part->headers;
    call->header_count = count;
    return 0;
}

/* --- what comes back --- */

static int on_head(struct s3_call *call, struct error *err)
{
    struct get_part *part = container_of(call, struct get_part, call);
    struct get_flow *flow = part->flow;
    struct get_answer answer;

    if (get_answer_read(part, &answer, err))
        return -1;
    if (get_answer_check(part, &answer, err))
        return -1;
    if (!flow->known && get_answer_open(part, &answer, err))
        return -1;
    part->plain = answer.plain;
    part->skip = part->first + part->arrived - answer.first;
    if (part->arrived == 0 && get_check_begin(part, err))
        return -1;
    if (flow->state == GET_OPENING)
        get_step(flow); /* the other parts need not wait for the end of this one */
    return 0;
}

static int write_file(
    const struct get_part *part, const char *bytes, size_t length, struct error *err)
{
    uint64_t offset = part->first - part->flow->get->first + part->arrived;

    while (length > 0) {
        const ssize_t put = pwrite(part->flow->get->fd, bytes, length, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return error_set_errno(err, errno, "cannot write byte %llu of %llu to the disk",
                (unsigned long long)offset, (unsigned long long)part->flow->total);
        bytes += put;
        length -= (size_t)put;
        offset += (uint64_t)put;
    }
    return 0;
}

/* An error of ours ends it all, whatever class it has: the call must not try again. */
static int fail_here(struct get_flow *flow, struct error *err)
{
    if (err->code) {
        get_fail(flow, err);
        error_set_class(err, ERROR_PERMANENT);
    }
    return -1;
}

static int on_write(struct s3_call *call, const char *bytes, size_t length, struct error *err)
{
    struct get_part *part = container_of(call, struct get_part, call);
    struct get_flow *flow = part->flow;
    const uint64_t skip = MIN(part->skip, length), missing = part->length - part->arrived;
    int rc;

    bytes += skip;
    length -= skip;
    if (length > missing && !part->plain) {
        error_set(err, ERROR_DATA, "more bytes come than %s asks for", part->range);
        return error_set_class(err, ERROR_TRANSIENT);
    }
    length = MIN(length, missing);
    if (length > 0) {
        rc = get_in_order(flow) ? get_order_write(part, bytes, length, err)
                                : write_file(part, bytes, length, err);
        if (rc == HTTP_PAUSE)
            return rc; /* the same bytes come again, those to skip among them */
        if (rc)
            return fail_here(flow, err);
        if (part->sum.kind)
            s3_checksum_update(&part->sum, bytes, length);
        part->arrived += length;
        atomic_fetch_add(&flow->get->bytes_done, length);
    }
    part->skip -= skip;
    return 0;
}

/* --- how it ends --- */

static void start_again(struct get_part *part)
{
    atomic_fetch_sub(&part->flow->get->bytes_done, part->arrived);
    part->arrived = 0;
    part->buffered = 0;
    get_part_start(part);
}

static void on_failed(struct get_part *part, const struct error *err)
{
    struct get_flow *flow = part->flow;
    const bool behind_end = part->call.status == 416;
    struct error shorter = {0};

    if (get_stopping(flow))
        return;
    if (behind_end && !flow->known && !part->whole && part->first == 0) {
        part->whole = true; /* an empty object has no range: see whether it is one */
        get_part_start(part);
    } else if (behind_end && flow->known) {
        error_set(&shorter, ERROR_CHANGED,
            "the object became shorter while it was read: %s is not there any more", part->range);
        get_name_error(flow, &shorter);
        get_changed(flow, &shorter);
    } else if (err->code == ERROR_CHANGED) {
        get_changed(flow, err);
    } else if (err->class == ERROR_TRANSIENT && part->arrived > part->arrived_before &&
               ++part->rounds < GET_ROUNDS_MAX) {
        get_part_start(part); /* a line that breaks often still carries something */
    } else {
        get_fail(flow, err);
    }
}

/* Without a Content-Length nobody else has seen it. */
static void on_short(struct get_part *part)
{
    struct error err = {0};

    if (++part->short_count < GET_SHORT_MAX) {
        get_part_start(part);
        return;
    }
    error_set(&err, ERROR_DATA, "answers end after %llu of %llu bytes: %s",
        (unsigned long long)part->arrived, (unsigned long long)part->length, part->range);
    error_set_class(&err, ERROR_TRANSIENT);
    get_name_error(part->flow, &err);
    get_fail(part->flow, &err);
}

static void on_whole(struct get_part *part)
{
    struct get_flow *flow = part->flow;
    struct error err = {0};

    if (get_check_part(part, &err) == 0) {
        if (!get_in_order(flow))
            get_part_release(part); /* else when it was handed on */
        return;
    }
    get_name_error(flow, &err);
    if (err.code == ERROR_DATA && !part->reread && part->written == 0) {
        part->reread = true;
        start_again(part);
    } else {
        if (part->written)
            error_set_class(&err, ERROR_TRANSIENT); /* only the caller can read it again */
        get_fail(flow, &err);
    }
}

static void on_done(struct s3_call *call, const struct error *err)
{
    struct get_part *part = container_of(call, struct get_part, call);
    struct get_flow *flow = part->flow;

    part->busy = false;
    part->stopped = false;
    flow->in_flight--;
    if (err)
        on_failed(part, err);
    else if (!get_stopping(flow) && part->arrived < part->length)
        on_short(part);
    else if (!get_stopping(flow))
        on_whole(part);
    get_step(flow);
}

void get_part_start(struct get_part *part)
{
    struct get_flow *flow = part->flow;

    part->call = (struct s3_call){
        .method = "GET",
        .bucket = flow->get->bucket,
        .key = flow->get->key,
        .query = &flow->query,
        .query_count = flow->query.value ? 1 : 0,
        .prepare = on_prepare,
        .head = on_head,
        .write = on_write,
        .done = on_done,
    };
    part->busy = true;
    part->arrived_before = part->arrived;
    flow->in_flight++;
    flow->get->requests++;
    s3_call_start(flow->client, &part->call);
}

void get_part_release(struct get_part *part)
{
    s3_checksum_deinit(&part->sum);
    *part = (struct get_part){.flow = part->flow, .buffer = part->buffer};
}

void get_part_deinit(struct get_part *part)
{
    get_part_release(part);
    free(part->buffer);
    part->buffer = NULL;
}
