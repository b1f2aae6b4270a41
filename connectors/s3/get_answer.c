/* What an answer says of the object and of the bytes that it brings. */
#include "connectors/s3/get_private.h"

#include "runner/base/text.h"
#include "runner/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const char *header(const struct get_part *part, const char *name)
{
    const char *value = s3_call_header(&part->call, name);

    return value && value[0] ? value : NULL;
}

static int again(struct error *err)
{
    return error_set_class(err, ERROR_TRANSIENT);
}

/* --- the range --- */

static bool read_number(const char **text, char end, uint64_t *ret_number)
{
    char *behind;

    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    *ret_number = strtoull(*text, &behind, 10);
    if (errno || *behind != end || *ret_number > INT64_MAX)
        return false;
    *text = behind + (end != '\0');
    return true;
}

/* "bytes 0-99/1234" (RFC 9110, 14.4) */
static bool read_range(const char *text, struct get_answer *answer)
{
    if (strncasecmp(text, "bytes ", 6) != 0)
        return false;
    text += 6;
    return read_number(&text, '-', &answer->first) && read_number(&text, '/', &answer->last) &&
           read_number(&text, '\0', &answer->size) && answer->first <= answer->last &&
           answer->last < answer->size;
}

static int read_whole(const char *length, struct get_answer *answer, struct error *err)
{
    if (!length || !read_number(&length, '\0', &answer->size))
        return error_set(err, ERROR_NOT_SUPPORTED,
            "the store does not say how long the object is (no Content-Length): it cannot be read "
            "safely");
    answer->plain = true;
    answer->first = 0;
    answer->last = answer->size - 1; /* of no bytes: before the first, see below */
    return 0;
}

int get_answer_read(const struct get_part *part, struct get_answer *ret_answer, struct error *err)
{
    const char *range = header(part, "Content-Range"), *length = header(part, "Content-Length");
    struct get_answer answer = {0};
    uint64_t bytes;

    if (part->call.status == 200) {
        if (read_whole(length, &answer, err))
            return -1;
    } else if (part->call.status != 206) {
        return error_set(err, ERROR_DATA, "HTTP %d is no answer to a GET", part->call.status);
    } else if (!range || !read_range(range, &answer)) {
        error_set(err, ERROR_DATA, "%s was asked for, but the answer's Content-Range is \"%.80s\"",
            part->range, range ? range : "");
        return again(err);
    } else if (length &&
               (!read_number(&length, '\0', &bytes) || bytes != answer.last - answer.first + 1)) {
        error_set(err, ERROR_DATA, "the answer's Content-Range is \"%.80s\", its Content-Length %s",
            range, header(part, "Content-Length"));
        return again(err);
    }
    *ret_answer = answer;
    return 0;
}

/* --- whether it is what was asked for --- */

static bool differ(const char *known, const char *said)
{
    return known && said && strcmp(known, said) != 0;
}

/* Some stores leave the quotes out. */
static bool tags_differ(const char *known, const char *said)
{
    const size_t length = said ? strlen(said) : 0;

    if (!differ(known, said))
        return false;
    return said[0] == '"' || strlen(known) != length + 2 || known[0] != '"' ||
           strncmp(known + 1, said, length) != 0;
}

static bool time_differs(const struct get_part *part)
{
    const char *text = header(part, "Last-Modified");
    int64_t time_ms;

    return part->flow->known && part->flow->get->modified_ms && text &&
           time_parse_http(text, &time_ms, NULL) == 0 && time_ms != part->flow->get->modified_ms;
}

static int check_identity(
    const struct get_part *part, const struct get_answer *answer, struct error *err)
{
    const struct get_flow *flow = part->flow;
    const struct s3_get *get = flow->get;
    const char *tag = header(part, "ETag"), *version = header(part, "x-amz-version-id");
    const char *known_tag = flow->known ? get->answered_etag : get->etag;
    const char *known_version = flow->known ? get->answered_version_id : get->version_id;

    if (tags_differ(known_tag, tag))
        return error_set(err, ERROR_CHANGED,
            "the object changed under way: its ETag was %.80s and is %.80s", known_tag, tag);
    if (differ(known_version, version))
        return error_set(err, ERROR_CHANGED,
            "the object changed under way: its version was %.80s and is %.80s", known_version,
            version);
    if (!tag && time_differs(part))
        return error_set(err, ERROR_CHANGED, "the object changed under way, at %s",
            header(part, "Last-Modified"));
    if (flow->known && answer->plain && answer->size != get->size)
        return error_set(err, ERROR_CHANGED,
            "the object changed under way: it had %llu bytes and has %llu",
            (unsigned long long)get->size, (unsigned long long)answer->size);
    return 0;
}

int get_answer_check(
    const struct get_part *part, const struct get_answer *answer, struct error *err)
{
    const struct get_flow *flow = part->flow;

    if (check_identity(part, answer, err))
        return -1;
    if (answer->plain)
        return 0;
    if (answer->first == part->asked && answer->last < part->first + part->length &&
        (!flow->known || answer->size == flow->get->size))
        return 0;
    error_set(err, ERROR_DATA,
        "the store answers with other bytes than it was asked for: %s, but Content-Range is "
        "\"%.80s\"",
        part->range, header(part, "Content-Range"));
    return again(err);
}

/* --- what is learnt of the object --- */

static const char *keep(struct get_part *part, const char *name)
{
    const char *value = header(part, name);

    return value ? arena_strdup(&part->flow->arena, value) : NULL;
}

static int check_size(const struct get_flow *flow, uint64_t total, struct error *err)
{
    const struct s3_get *get = flow->get;

    if (get->bytes_max && total > get->bytes_max)
        return error_set(err, ERROR_LIMIT, "%llu bytes are more than the limit of %llu",
            (unsigned long long)total, (unsigned long long)get->bytes_max);
    /* A full disk is known before the bytes are paid for. Not every file system can do that. */
    if (!get_in_order(flow) && total > flow->part_bytes && fallocate(get->fd, 0, 0, (off_t)total) &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
        return error_set_errno(
            err, errno, "no room on the disk for %llu bytes", (unsigned long long)total);
    return 0;
}

static void plan_parts(struct get_part *part, const struct get_answer *answer)
{
    struct get_flow *flow = part->flow;

    part->length = answer->plain ? flow->total : MIN(part->length, flow->total);
    flow->handed_out = flow->first_bytes = part->length;
    flow->part_bytes =
        MAX(flow->part_bytes, (flow->total - part->length + S3_PARTS_MAX - 2) / (S3_PARTS_MAX - 1));
}

int get_answer_open(struct get_part *part, const struct get_answer *answer, struct error *err)
{
    struct get_flow *flow = part->flow;
    struct s3_get *get = flow->get;
    const char *modified = header(part, "Last-Modified");
    uint64_t total = answer->size > get->first ? answer->size - get->first : 0;

    if (get->length)
        total = MIN(total, get->length);
    if (total == 0 && get->first > answer->size)
        return error_set(err, ERROR_DATA, "the object has %llu bytes, %s was asked for",
            (unsigned long long)answer->size, part->range);
    if (check_size(flow, total, err))
        return -1;
    get->size = answer->size;
    get->answered_etag = keep(part, "ETag");
    get->answered_version_id = keep(part, "x-amz-version-id");
    get->content_type = keep(part, "Content-Type");
    if (!modified || time_parse_http(modified, &get->modified_ms, NULL))
        get->modified_ms = 0;
    flow->total = total;
    flow->known = true;
    plan_parts(part, answer);
    atomic_store(&get->bytes_total, total);
    return 0;
}
