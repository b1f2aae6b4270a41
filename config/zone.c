#include "config/zone.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct change {
    int64_t time_ms;
    int32_t offset_s; /* from then on */
};

struct zone {
    char *name;
    int32_t first_offset_s; /* before the first change */
    struct change *changes; /* ascending */
    size_t count;
    bool has_rule;
    struct zone_rule rule; /* from the last change on */
};

/* --- TZif --- */

/* RFC 8536, section 3.1. */
enum { HEADER_BYTES = 44, TYPE_BYTES = 6 };

/* Changes before this are the beginning of time (some files write -2^59), after it damage. */
static const int64_t change_limit_s = 400000000000; /* year 14645 */

struct header {
    uint32_t utc_flags, standard_flags, leaps, times, types, characters;
    char version;
};

/* The arrays of a data block, as they lie in the file. */
struct block {
    const unsigned char *times, *indexes, *types;
    size_t bytes;
};

static uint32_t read_u32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read_time_s(const unsigned char *at, size_t time_bytes)
{
    if (time_bytes == 4)
        return (int32_t)read_u32(at);
    return (int64_t)((uint64_t)read_u32(at) << 32 | read_u32(at + 4));
}

static int read_header(
    const unsigned char *bytes, size_t length, struct header *header, struct error *err)
{
    if (length < HEADER_BYTES || memcmp(bytes, "TZif", 4) != 0)
        return error_set(err, ERROR_DATA, "it is not a time zone file");
    *header = (struct header){
        .version = (char)bytes[4],
        .utc_flags = read_u32(bytes + 20),
        .standard_flags = read_u32(bytes + 24),
        .leaps = read_u32(bytes + 28),
        .times = read_u32(bytes + 32),
        .types = read_u32(bytes + 36),
        .characters = read_u32(bytes + 40),
    };
    return 0;
}

/* Finds the arrays behind a header; `length` is what is left of the file. */
static int read_block(const struct header *header, size_t time_bytes, const unsigned char *bytes,
    size_t length, struct block *block, struct error *err)
{
    const uint64_t times_bytes = (uint64_t)header->times * time_bytes;
    const uint64_t total = times_bytes + header->times + (uint64_t)header->types * TYPE_BYTES +
                           header->characters + (uint64_t)header->leaps * (time_bytes + 4) +
                           header->standard_flags + header->utc_flags;

    if (total > length)
        return error_set(err, ERROR_DATA, "the file is truncated");
    if (header->leaps > 0)
        return error_set(
            err, ERROR_NOT_SUPPORTED, "it counts leap seconds; name the zone without \"right/\"");
    block->times = bytes;
    block->indexes = bytes + times_bytes;
    block->types = block->indexes + header->times;
    block->bytes = (size_t)total;
    return 0;
}

static int read_type(const struct header *header, const struct block *block, size_t index,
    int32_t *ret, struct error *err)
{
    int32_t offset_s;

    if (index >= header->types)
        return error_set(err, ERROR_DATA, "a change names kind %zu of %u", index, header->types);
    offset_s = (int32_t)read_u32(block->types + index * TYPE_BYTES);
    if (offset_s < ZONE_OFFSET_MIN_S || offset_s > ZONE_OFFSET_MAX_S)
        return error_set(err, ERROR_DATA, "an offset of %d s from UTC", offset_s);
    *ret = offset_s;
    return 0;
}

static int read_changes(struct zone *zone, const struct header *header, const struct block *block,
    size_t time_bytes, struct error *err)
{
    int64_t previous_s = INT64_MIN;

    if (read_type(header, block, 0, &zone->first_offset_s, err))
        return -1;
    zone->changes = mem_calloc(header->times, sizeof(*zone->changes));
    for (size_t i = 0; i < header->times; i++) {
        const int64_t time_s = read_time_s(block->times + i * time_bytes, time_bytes);
        int32_t offset_s;

        if (read_type(header, block, block->indexes[i], &offset_s, err))
            return -1;
        if ((i > 0 && time_s <= previous_s) || time_s > change_limit_s)
            return error_set(err, ERROR_DATA, "change %zu of %u is out of order", i, header->times);
        previous_s = time_s;
        if (time_s < -change_limit_s)
            zone->first_offset_s = offset_s;
        else
            zone->changes[zone->count++] = (struct change){time_s * MS_PER_SECOND, offset_s};
    }
    return 0;
}

/* "\n<rule>\n"; an empty rule says that the last offset stays. */
static int read_footer(
    struct zone *zone, const unsigned char *bytes, size_t length, struct error *err)
{
    const unsigned char *end;

    if (length == 0 || bytes[0] != '\n' || !(end = memchr(bytes + 1, '\n', length - 1)))
        return error_set(err, ERROR_DATA, "the file is truncated");
    if (end == bytes + 1)
        return 0;
    zone->has_rule = true;
    return zone_rule_parse((const char *)bytes + 1, (size_t)(end - bytes - 1), &zone->rule, err);
}

/* Version 1 has one block of 32-bit times. Later ones repeat everything with 64 bits, which is
 * what counts, and end in the footer. */
static int read_file(
    struct zone *zone, const unsigned char *bytes, size_t length, struct error *err)
{
    size_t at = HEADER_BYTES;
    struct header header;
    struct block block;

    if (length > ZONE_FILE_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "the file is over %d bytes", ZONE_FILE_BYTES_MAX);
    if (read_header(bytes, length, &header, err))
        return -1;
    if (header.version == '\0') {
        if (read_block(&header, 4, bytes + at, length - at, &block, err))
            return -1;
        return read_changes(zone, &header, &block, 4, err);
    }
    if (read_block(&header, 4, bytes + at, length - at, &block, err))
        return -1;
    at += block.bytes;
    if (read_header(bytes + at, length - at, &header, err))
        return -1;
    at += HEADER_BYTES;
    if (read_block(&header, 8, bytes + at, length - at, &block, err) ||
        read_changes(zone, &header, &block, 8, err))
        return -1;
    at += block.bytes;
    return read_footer(zone, bytes + at, length - at, err);
}

struct zone *zone_parse(const char *name, const void *bytes, size_t length, struct error *err)
{
    struct zone *zone = mem_new(struct zone);

    zone->name = mem_strdup(name);
    if (read_file(zone, bytes, length, err)) {
        error_prefix(err, "time zone \"%s\"", name);
        zone_free(zone);
        return NULL;
    }
    return zone;
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->changes);
    free(zone->name);
    free(zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone ? zone->name : "UTC";
}

/* --- files --- */

/* A name comes from a pipeline: it must not reach outside of the folder. */
static bool name_is_safe(const char *name)
{
    const char *part = name;

    if (strlen(name) > NAME_MAX)
        return false;
    for (const char *at = name;; at++) {
        if (*at == '/' || *at == '\0') {
            if (at == part || *part == '.')
                return false;
            part = at + 1;
        } else if (!isalnum((unsigned char)*at) && !strchr("+-_.", *at)) {
            return false;
        }
        if (*at == '\0')
            return true;
    }
}

/* Reads up to one byte more than is allowed, for zone_parse() to refuse it. */
static int read_bytes(int fd, unsigned char *bytes, size_t *ret_length)
{
    size_t length = 0;
    struct stat status;

    if (fstat(fd, &status))
        return errno;
    if (!S_ISREG(status.st_mode))
        return EISDIR;
    while (length <= ZONE_FILE_BYTES_MAX) {
        const ssize_t got = read(fd, bytes + length, ZONE_FILE_BYTES_MAX + 1 - length);

        if (got < 0 && errno != EINTR)
            return errno;
        if (got == 0)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    *ret_length = length;
    return 0;
}

static int set_open_error(struct error *err, int errnum, const char *name, const char *folder)
{
    if (errnum == EISDIR)
        return error_set(err, ERROR_NOT_FOUND,
            "time zone \"%s\" is a group of zones; name one of them, such as Europe/Berlin", name);
    if (errnum != ENOENT && errnum != ENOTDIR)
        return error_set_errno(
            err, errnum, "time zone \"%s\": cannot read %s/%s", name, folder, name);
    if (access(folder, F_OK))
        return error_set(err, ERROR_NOT_FOUND,
            "time zone \"%s\": there is no folder %s; install tzdata or set TZDIR", name, folder);
    return error_set(err, ERROR_NOT_FOUND,
        "time zone \"%s\" is not in %s; use an IANA name such as Europe/Berlin", name, folder);
}

static struct zone *open_file(const char *name, struct error *err)
{
    const char *folder = getenv("TZDIR");
    struct zone *zone = NULL;
    unsigned char *bytes;
    size_t length = 0;
    int fd, errnum;
    char *path;

    if (!folder || !*folder)
        folder = "/usr/share/zoneinfo";
    path = mem_printf("%s/%s", folder, name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not stop us */
    errnum = fd < 0 ? errno : 0;
    bytes = mem_calloc(ZONE_FILE_BYTES_MAX + 1, 1);
    if (fd >= 0) {
        errnum = read_bytes(fd, bytes, &length);
        close(fd);
    }
    if (errnum)
        set_open_error(err, errnum, name, folder);
    else
        zone = zone_parse(name, bytes, length, err);
    free(bytes);
    free(path);
    return zone;
}

struct zone *zone_open(const char *name, struct error *err)
{
    struct zone *zone;

    if (!name || strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0) {
        zone = mem_new(struct zone);
        zone->name = mem_strdup(name ? name : "UTC");
        return zone;
    }
    if (!name_is_safe(name)) {
        error_set(err, ERROR_INVALID,
            "\"%s\" is not a time zone; use an IANA name such as Europe/Berlin", name);
        return NULL;
    }
    return open_file(name, err);
}

/* --- questions --- */

/* How many changes have happened up to an instant. */
static size_t changes_until(const struct zone *zone, int64_t time_ms)
{
    size_t low = 0, high = zone->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (zone->changes[middle].time_ms <= time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct zone_span zone_span(const struct zone *zone, int64_t time_ms)
{
    struct zone_span span = {ZONE_FIRST_MS, ZONE_LAST_MS, 0};
    size_t happened;

    if (!zone)
        return span;
    happened = changes_until(zone, time_ms);
    if (happened == zone->count && zone->has_rule)
        span = zone_rule_span(&zone->rule, time_ms);
    else
        span.offset_s = happened ? zone->changes[happened - 1].offset_s : zone->first_offset_s;
    if (happened > 0)
        span.start_ms = MAX(span.start_ms, zone->changes[happened - 1].time_ms);
    if (happened < zone->count)
        span.end_ms = zone->changes[happened].time_ms;
    return span;
}

int32_t zone_offset_s(const struct zone *zone, int64_t time_ms)
{
    return zone_span(zone, time_ms).offset_s;
}

static int64_t offset_ms(const struct zone_span *span)
{
    return (int64_t)span->offset_s * MS_PER_SECOND;
}

int64_t zone_to_local(const struct zone *zone, int64_t time_ms)
{
    const struct zone_span span = zone_span(zone, time_ms);

    return time_ms + offset_ms(&span);
}

enum zone_local zone_from_local(
    const struct zone *zone, int64_t local_ms, int64_t *ret_first_ms, int64_t *ret_last_ms)
{
    /* No instant outside of these can show it. */
    const int64_t from_ms = local_ms - (int64_t)ZONE_OFFSET_MAX_S * MS_PER_SECOND;
    const int64_t to_ms = local_ms - (int64_t)ZONE_OFFSET_MIN_S * MS_PER_SECOND;
    int64_t at_ms, first_ms = 0, last_ms = 0;
    struct zone_span span;
    int shown = 0;

    assert(local_ms > ZONE_FIRST_MS / 2 && local_ms < ZONE_LAST_MS / 2);
    for (at_ms = from_ms; at_ms <= to_ms; at_ms = span.end_ms) {
        int64_t instant_ms;

        span = zone_span(zone, at_ms);
        instant_ms = local_ms - offset_ms(&span);
        if (instant_ms < at_ms || instant_ms >= span.end_ms)
            continue;
        if (shown++ == 0)
            first_ms = instant_ms;
        last_ms = instant_ms;
    }
    if (shown == 0)
        first_ms = last_ms = zone_first_ms(zone, local_ms);
    *ret_first_ms = first_ms;
    *ret_last_ms = last_ms;
    return shown == 0 ? ZONE_SKIPPED : shown == 1 ? ZONE_UNIQUE : ZONE_AMBIGUOUS;
}

int64_t zone_first_ms(const struct zone *zone, int64_t local_ms)
{
    int64_t at_ms = local_ms - (int64_t)ZONE_OFFSET_MAX_S * MS_PER_SECOND;

    assert(local_ms > ZONE_FIRST_MS / 2 && local_ms < ZONE_LAST_MS / 2);
    for (;;) {
        const struct zone_span span = zone_span(zone, at_ms);
        const int64_t instant_ms = MAX(local_ms - offset_ms(&span), at_ms);

        if (instant_ms < span.end_ms)
            return instant_ms;
        at_ms = span.end_ms;
    }
}

int64_t zone_peak_ms(const struct zone *zone, int64_t time_ms)
{
    /* Longer ago the clock cannot have been ahead of what it shows now. */
    const int64_t from_ms =
        time_ms - ((int64_t)ZONE_OFFSET_MAX_S - ZONE_OFFSET_MIN_S) * MS_PER_SECOND;
    struct zone_span span = zone_span(zone, time_ms);
    int64_t peak_ms = time_ms + offset_ms(&span);

    assert(time_ms > ZONE_FIRST_MS / 2 && time_ms < ZONE_LAST_MS / 2);
    while (span.start_ms > from_ms) {
        const int64_t before_ms = span.start_ms - 1;

        span = zone_span(zone, before_ms);
        peak_ms = MAX(peak_ms, before_ms + offset_ms(&span));
    }
    return peak_ms;
}
