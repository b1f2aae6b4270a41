#include "connectors/duckdb/records.h"

#include "runner/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW_BYTES = 1024 * 1024, UNIT_BYTES = 64 * 1024 };

/* Where in a record a byte stands. */
enum place { AT_CELL, BEHIND_SPACE, IN_CELL, IN_QUOTES, ESCAPED, BEHIND_QUOTES, BROKEN };

struct records {
    struct records_dialect dialect;
    size_t delimiter_length;
    int fd;
    char *data; /* the window */
    size_t capacity, length, at;
    uint64_t offset; /* of data[0] in the file */
    int64_t line;    /* of data[at] */
    char line_end;   /* '\r' in files of the old kind */
    bool ended;
    /* Of UTF-16: bytes the other way round, whether that is known, half a pair, half a unit. */
    bool big, begun;
    uint32_t high;
    int odd; /* -1: none */
};

/* --- the window --- */

static ssize_t read_plain(struct records *records, char *bytes, size_t size)
{
    ssize_t got;

    do {
        got = read(records->fd, bytes, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

static size_t put_utf8(char *at, uint32_t code)
{
    if (code < 0x80) {
        *at = (char)code;
        return 1;
    }
    if (code < 0x800) {
        at[0] = (char)(0xc0 | code >> 6);
        at[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        at[0] = (char)(0xe0 | code >> 12);
        at[1] = (char)(0x80 | (code >> 6 & 0x3f));
        at[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    at[0] = (char)(0xf0 | code >> 18);
    at[1] = (char)(0x80 | (code >> 12 & 0x3f));
    at[2] = (char)(0x80 | (code >> 6 & 0x3f));
    at[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* One unit of UTF-16; of the first half of a pair nothing comes yet. */
static size_t decode_unit(struct records *records, uint32_t unit, char *at)
{
    const uint32_t high = records->high;

    records->high = 0;
    if (high && unit >= 0xdc00 && unit < 0xe000)
        return put_utf8(at, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
    if (unit >= 0xd800 && unit < 0xdc00) {
        records->high = unit;
        return 0;
    }
    return put_utf8(at, unit >= 0xdc00 && unit < 0xe000 ? 0xfffd : unit);
}

/* Each unit is at most three bytes, each pair four. */
static ssize_t read_utf16(struct records *records, char *bytes, size_t size)
{
    unsigned char units[UNIT_BYTES];
    size_t length = 0;
    ssize_t got;

    if (records->odd >= 0)
        units[0] = (unsigned char)records->odd;
    got =
        read_plain(records, (char *)units + (records->odd >= 0), MIN(size / 3 * 2, UNIT_BYTES) - 1);
    if (got <= 0)
        return got;
    got += records->odd >= 0;
    for (ssize_t i = 0; i + 1 < got; i += 2) {
        uint32_t unit = (uint32_t)units[i] | (uint32_t)units[i + 1] << 8;

        if (!records->begun)
            records->big = unit == 0xfffe;
        records->begun = true;
        if (records->big)
            unit = (unit >> 8 | unit << 8) & 0xffff;
        length += decode_unit(records, unit, bytes + length);
    }
    records->odd = got % 2 ? units[got - 1] : -1;
    return length ? (ssize_t)length : read_utf16(records, bytes, size);
}

/* More bytes behind those from `at` on, which move to its beginning. */
static int fill(struct records *records, struct error *err)
{
    ssize_t got;

    memmove(records->data, records->data + records->at, records->length - records->at);
    records->offset += records->at;
    records->length -= records->at;
    records->at = 0;
    if (records->capacity - records->length < UNIT_BYTES * 2) {
        records->capacity *= 2;
        records->data = mem_realloc(records->data, records->capacity, 1);
    }
    got = (records->dialect.utf16 ? read_utf16 : read_plain)(
        records, records->data + records->length, records->capacity - records->length);
    if (got < 0)
        return error_set_errno(err, errno, "cannot read the file again");
    records->length += (size_t)got;
    records->ended = got == 0;
    return 0;
}

/* The first line end says of which kind all are. */
static void find_line_end(struct records *records)
{
    const char *lf = memchr(records->data, '\n', records->length);
    const char *cr = memchr(records->data, '\r', records->length);

    records->line_end = cr && (!lf || cr + 1 < lf) ? '\r' : '\n';
}

struct records *records_open(
    const char *path, const struct records_dialect *dialect, struct error *err)
{
    struct records *records = mem_new(struct records);

    records->dialect = *dialect;
    records->delimiter_length = dialect->delimiter ? strlen(dialect->delimiter) : 0;
    records->line = 1;
    records->odd = -1;
    records->fd = open(path, O_RDONLY | O_CLOEXEC);
    records->capacity = WINDOW_BYTES;
    records->data = mem_calloc(1, records->capacity);
    if (records->fd < 0) {
        error_set_errno(err, errno, "%s", path);
    } else if (fill(records, err) == 0) {
        find_line_end(records);
        if (records->length >= 3 && memcmp(records->data, "\xef\xbb\xbf", 3) == 0)
            records->at = 3;
        return records;
    }
    records_close(records);
    return NULL;
}

void records_close(struct records *records)
{
    if (!records)
        return;
    if (records->fd >= 0)
        close(records->fd);
    free(records->data);
    free(records);
}

/* --- where a record ends --- */

static bool ends_delimiter(const char *delimiter, size_t length, const char *text, size_t at)
{
    return length > 0 && text[at] == delimiter[length - 1] && at + 1 >= length &&
           memcmp(text + at + 1 - length, delimiter, length) == 0;
}

/* As DuckDB's state machine goes: quotes mean something at the beginning of a cell only, behind one
 * space at most, and after what cannot be the rest of the line is lost. */
static enum place next_place(const struct records_dialect *dialect, size_t delimiter_length,
    enum place place, const char *text, size_t at)
{
    const char byte = text[at];

    switch (place) {
    case AT_CELL:
    case BEHIND_SPACE:
    case IN_CELL:
        if (ends_delimiter(dialect->delimiter, delimiter_length, text, at))
            return AT_CELL;
        if (place != IN_CELL && byte == dialect->quote && byte)
            return IN_QUOTES;
        return place == AT_CELL && byte == ' ' ? BEHIND_SPACE : IN_CELL;
    case IN_QUOTES:
        if (byte == dialect->escape && byte && dialect->escape != dialect->quote)
            return ESCAPED;
        return byte == dialect->quote ? BEHIND_QUOTES : IN_QUOTES;
    case ESCAPED:
        return IN_QUOTES;
    case BEHIND_QUOTES:
        if (byte == dialect->quote && (dialect->escape == dialect->quote || !dialect->escape))
            return IN_QUOTES;
        if (ends_delimiter(dialect->delimiter, delimiter_length, text, at))
            return AT_CELL;
        return byte == ' ' || byte == '\r' || (delimiter_length > 1) ? BEHIND_QUOTES : BROKEN;
    case BROKEN:
        break;
    }
    return BROKEN;
}

struct search {
    size_t at; /* bytes of the record that were looked at */
    enum place place;
    int64_t lines; /* line ends within quotes */
};

/* Goes on to the line end that ends the record; false: it is not in the window. */
static bool find_end(const struct records *records, struct search *search)
{
    const char *text = records->data + records->at;
    const size_t length = records->length - records->at;
    const char *end = memchr(text + search->at, records->line_end, length - search->at);

    if (!records->dialect.delimiter || (search->at == 0 && end && records->dialect.quote &&
                                           !memchr(text, records->dialect.quote, end - text))) {
        search->at = end ? (size_t)(end - text) : length;
        return end != NULL;
    }
    for (; search->at < length; search->at++) {
        if (text[search->at] == records->line_end) {
            if (search->place != IN_QUOTES && search->place != ESCAPED)
                return true;
            search->lines++;
            search->place = IN_QUOTES;
        } else {
            search->place = next_place(
                &records->dialect, records->delimiter_length, search->place, text, search->at);
        }
    }
    return false;
}

/* The bytes of a record that is too long are let go. */
static bool let_go(struct records *records, struct search *search)
{
    if (search->at <= RECORDS_BYTES_MAX)
        return false;
    records->at += search->at;
    search->at = 0;
    return true;
}

int records_next(struct records *records, struct record *ret_record, struct error *err)
{
    struct record record = {.line = records->line, .offset = records->offset + records->at};
    struct search search = {.place = AT_CELL};
    bool cut = false, found;

    while (!(found = find_end(records, &search)) && !records->ended) {
        cut = let_go(records, &search) || cut;
        if (fill(records, err))
            return -1;
    }
    if (!found && search.at == 0 && !cut)
        return 0;
    cut = cut || search.at > RECORDS_BYTES_MAX;
    record.text = cut ? NULL : records->data + records->at;
    record.length = search.at;
    record.end = records->offset + records->at + search.at + found;
    if (!cut && record.length > 0 && record.text[record.length - 1] == '\r')
        record.length--;
    records->at += search.at + found;
    records->line += search.lines + found;
    *ret_record = record;
    return 1;
}

int records_skip_lines(struct records *records, int64_t count, struct error *err)
{
    const struct records_dialect dialect = records->dialect;
    struct record line;
    int rc = 1;

    records->dialect.delimiter = NULL;
    while (count-- > 0 && rc > 0)
        rc = records_next(records, &line, err);
    records->dialect = dialect;
    return rc < 0 ? -1 : 0;
}

/* --- cells --- */

bool records_next_cell(const struct records_dialect *dialect, const char *text, size_t length,
    size_t *at, struct records_cell *ret_cell)
{
    const size_t delimiter = strlen(dialect->delimiter);
    enum place place = AT_CELL;
    size_t end = *at;

    if (*at > length)
        return false;
    for (; end < length; end++) {
        place = next_place(dialect, delimiter, place, text, end);
        if (place == AT_CELL && ends_delimiter(dialect->delimiter, delimiter, text, end) &&
            end + 1 >= *at + delimiter)
            break;
    }
    *ret_cell = (struct records_cell){
        .start = *at, .length = (end < length ? end + 1 - delimiter : length) - *at};
    *at = end < length ? end + 1 : length + 1;
    return true;
}
