#include "connectors/recorded/mask.h"

#include "runner/base/mem.h"
#include "runner/base/sha256.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { DIGITS = 16, RECORD_BYTES_MAX = 16 * 1024 * 1024, CELLS_MAX = 100000 };

struct cell {
    size_t start, end; /* in the record, with its quotes */
};

static bool is_masked(const struct mask *mask, const char *name, size_t length)
{
    for (size_t i = 0; i < mask->columns.count; i++) {
        if (strlen(mask->columns.items[i]) == length &&
            strncasecmp(mask->columns.items[i], name, length) == 0)
            return true;
    }
    return false;
}

static void append_digest(struct buffer *output, const char *bytes, size_t length)
{
    char digest[SHA256_TEXT_SIZE];

    buffer_printf(output, "sha256:%.*s", DIGITS, sha256_text(bytes, length, digest));
}

/* --- CSV --- */

static const char *delimiter_of(const struct mask *mask)
{
    return mask->csv.delimiter ? mask->csv.delimiter : ",";
}

static char quote_of(const struct mask *mask)
{
    return mask->csv.quote ? mask->csv.quote[0] : '"';
}

static char escape_of(const struct mask *mask)
{
    return mask->csv.escape ? mask->csv.escape[0] : quote_of(mask);
}

/* Without its end of line. */
static size_t length_of(const struct buffer *record)
{
    size_t length = record->length;

    if (length > 0 && record->data[length - 1] == '\n')
        length--;
    if (length > 0 && record->data[length - 1] == '\r')
        length--;
    return length;
}

/* The cells of a whole record; freed by the caller. */
static struct cell *split(const struct masking *masking, size_t length, size_t *ret_count)
{
    const struct mask *mask = masking->mask;
    const char *text = masking->record.data, *delimiter = delimiter_of(mask);
    const char quote = quote_of(mask), escape = escape_of(mask);
    const size_t width = strlen(delimiter);
    struct cell *cells = NULL;
    size_t count = 0, capacity = 0, start = 0;
    bool quoted = false;

    for (size_t at = 0; at <= length; at++) {
        if (at < length && quoted) {
            if (text[at] == escape && escape != quote && at + 1 < length)
                at++;
            else if (text[at] == quote)
                quoted = false;
        } else if (at < length && quote && text[at] == quote &&
                   (at == start ||
                       (escape == quote && text[start] == quote && text[at - 1] == quote))) {
            quoted = true; /* it begins, or "" goes on */
        } else if (at == length ||
                   (length - at >= width && memcmp(text + at, delimiter, width) == 0)) {
            cells = mem_grow(cells, &capacity, count, sizeof(*cells));
            cells[count++] = (struct cell){start, at};
            start = at + width;
            at += at < length ? width - 1 : 0;
        }
    }
    *ret_count = count;
    return cells;
}

/* What the cell says: its quotes and escapes taken away. */
static void value_of(
    const struct masking *masking, const struct cell *cell, bool *ret_quoted, struct buffer *value)
{
    const char quote = quote_of(masking->mask), escape = escape_of(masking->mask);
    const char *text = masking->record.data;
    size_t at = cell->start, end = cell->end;

    *ret_quoted = quote && end - at >= 2 && text[at] == quote && text[end - 1] == quote;
    if (*ret_quoted)
        at++, end--;
    for (; at < end; at++) {
        if (*ret_quoted && text[at] == escape && at + 1 < end)
            at++;
        buffer_putc(value, text[at]);
    }
}

static bool is_null(const struct mask *mask, const char *value)
{
    for (size_t i = 0; i < mask->csv.nulls.count; i++) {
        if (strcmp(mask->csv.nulls.items[i], value) == 0)
            return true;
    }
    return *value == '\0';
}

static void write_cell(struct masking *masking, const struct cell *cell)
{
    const char quote = quote_of(masking->mask);
    struct buffer value;
    bool quoted;

    buffer_init(&value, 0);
    value_of(masking, cell, &quoted, &value);
    if (is_null(masking->mask, value.data)) {
        buffer_append(masking->output, masking->record.data + cell->start, cell->end - cell->start);
    } else {
        if (quoted)
            buffer_putc(masking->output, quote);
        append_digest(masking->output, value.data, value.length);
        if (quoted)
            buffer_putc(masking->output, quote);
    }
    buffer_deinit(&value);
}

static int missing(const struct masking *masking, const char *column, struct error *err)
{
    return error_set(err, ERROR_DATA,
        "%s masks column \"%s\", which is not in the header with the delimiter \"%s\": nobody can "
        "say what is to be masked; mend `mask`, or say csv.delimiter",
        masking->mask->what, column, delimiter_of(masking->mask));
}

static int take_names(struct masking *masking, const struct text_list *names, struct error *err)
{
    masking->columns = names->count;
    masking->masked = mem_calloc(names->count + 1, sizeof(bool));
    for (size_t i = 0; i < masking->mask->columns.count; i++) {
        const char *column = masking->mask->columns.items[i];
        bool found = false;

        for (size_t j = 0; j < names->count; j++) {
            if (strcasecmp(names->items[j], column) == 0)
                found = masking->masked[j] = true;
        }
        if (!found)
            return missing(masking, column, err);
    }
    return 0;
}

/* The header itself stays as it is; old ends of lines would hide the rest of the file in it. */
static int take_header(
    struct masking *masking, const struct cell *cells, size_t count, struct error *err)
{
    const size_t length = length_of(&masking->record);
    struct text_list names = {.items = mem_calloc(count + 1, sizeof(char *)), .count = count};
    int rc;

    for (size_t i = 0; i < count; i++) {
        struct buffer name;
        bool quoted;

        buffer_init(&name, 0);
        value_of(masking, &cells[i], &quoted, &name);
        names.items[i] = buffer_steal(&name);
        buffer_deinit(&name);
    }
    if (memchr(masking->record.data, '\r', length))
        rc = error_set(err, ERROR_DATA,
            "%s: the lines of a file end in a carriage return alone: it cannot be masked",
            masking->mask->what);
    else
        rc = take_names(masking, &names, err);
    for (size_t i = 0; i < count; i++)
        free((char *)names.items[i]);
    free(names.items);
    if (rc == 0)
        buffer_append(masking->output, masking->record.data, masking->record.length);
    return rc;
}

static int write_csv(struct masking *masking, struct error *err)
{
    const size_t length = length_of(&masking->record);
    size_t count = 0, end = 0;
    struct cell *cells;
    int rc = 0;

    if (masking->line <= masking->mask->csv.skip) {
        buffer_append(masking->output, masking->record.data, masking->record.length);
        return 0;
    }
    cells = split(masking, length, &count);
    if (!masking->masked && masking->mask->csv.header) {
        rc = take_header(masking, cells, count, err);
        free(cells);
        return rc;
    }
    if (!masking->masked)
        rc = take_names(masking, &masking->mask->names, err);
    /* Where no header counts them, there may be more columns than have names. */
    for (size_t i = 0; i < count && rc == 0; i++) {
        const bool fits =
            masking->mask->csv.header ? count == masking->columns : count >= masking->columns;

        buffer_append(masking->output, masking->record.data + end, cells[i].start - end);
        end = cells[i].end;
        if (!fits || (i < masking->columns && masking->masked[i]))
            write_cell(masking, &cells[i]);
        else
            buffer_append(masking->output, masking->record.data + cells[i].start,
                cells[i].end - cells[i].start);
    }
    buffer_append(masking->output, masking->record.data + end, masking->record.length - end);
    free(cells);
    return rc;
}

/* --- NDJSON: members of an object, their bytes kept --- */

static size_t skip_space(const char *text, size_t at, size_t end)
{
    while (at < end && strchr(" \t\r\n", text[at]))
        at++;
    return at;
}

/* Behind a string that begins at `at`; 0: it does not end. */
static size_t skip_string(const char *text, size_t at, size_t end)
{
    for (at++; at < end; at++) {
        if (text[at] == '\\')
            at++;
        else if (text[at] == '"')
            return at + 1;
    }
    return 0;
}

/* Behind a value; 0: it does not end. */
static size_t skip_value(const char *text, size_t at, size_t end)
{
    size_t depth = 0;

    while (at < end) {
        const char c = text[at];

        if (c == '"') {
            at = skip_string(text, at, end);
            if (at == 0 || depth == 0)
                return at;
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return at;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        at++;
        if (depth == 0 && (c == '}' || c == ']'))
            return at;
    }
    return 0;
}

static void write_member(const char *value, size_t length, struct buffer *output)
{
    while (length > 0 && strchr(" \t\r\n", value[length - 1]))
        length--;
    if (length == 4 && memcmp(value, "null", 4) == 0) {
        buffer_append(output, value, length);
        return;
    }
    buffer_putc(output, '"');
    if (length >= 2 && value[0] == '"')
        append_digest(output, value + 1, length - 2);
    else
        append_digest(output, value, length);
    buffer_putc(output, '"');
}

/* False: the line is no object, and `output` is not whole. */
static bool mask_object(
    struct masking *masking, const char *text, size_t end, struct buffer *output)
{
    size_t at = skip_space(text, 0, end), from = 0;

    if (at >= end || text[at] != '{')
        return false;
    at = skip_space(text, at + 1, end);
    while (at < end && text[at] == '"') {
        const size_t key = at + 1, key_end = skip_string(text, at, end);
        size_t value, value_end;

        if (key_end == 0)
            return false;
        value = skip_space(text, key_end, end);
        if (value >= end || text[value] != ':')
            return false;
        value = skip_space(text, value + 1, end);
        value_end = skip_value(text, value, end);
        if (value_end <= value)
            return false;
        /* A key with escapes may be any. */
        if (is_masked(masking->mask, text + key, key_end - 1 - key) ||
            memchr(text + key, '\\', key_end - 1 - key)) {
            buffer_append(output, text + from, value - from);
            write_member(text + value, value_end - value, output);
            from = value_end;
        }
        at = skip_space(text, value_end, end);
        if (at < end && text[at] == ',')
            at = skip_space(text, at + 1, end);
        else
            break;
    }
    if (at >= end || text[at] != '}' || skip_space(text, at + 1, end) != end)
        return false;
    buffer_append(output, text + from, end - from);
    return true;
}

static void write_json(struct masking *masking)
{
    const size_t length = length_of(&masking->record);
    const char *text = masking->record.data;
    struct buffer output;

    buffer_init(&output, 4 * RECORD_BYTES_MAX);
    if (skip_space(text, 0, length) == length)
        buffer_append(&output, text, length);
    else if (!mask_object(masking, text, length, &output)) {
        buffer_clear(&output);
        append_digest(&output, text, length); /* no JSON before, and none now */
    }
    buffer_append(masking->output, output.data, output.length);
    buffer_append(masking->output, text + length, masking->record.length - length);
    buffer_deinit(&output);
}

/* --- records --- */

void masking_init(struct masking *masking, const struct mask *mask, struct buffer *output)
{
    *masking = (struct masking){.mask = mask, .output = output, .cell_begins = true};
    buffer_init(&masking->record, RECORD_BYTES_MAX);
}

void masking_deinit(struct masking *masking)
{
    buffer_deinit(&masking->record);
    free(masking->masked);
}

static int write_record(struct masking *masking, struct error *err)
{
    int rc = 0;

    masking->line++;
    if (masking->record.overflowed)
        rc = error_set(err, ERROR_LIMIT, "%s: a row of more than 16 MiB cannot be masked",
            masking->mask->what);
    else if (masking->mask->format == FORMAT_CSV)
        rc = write_csv(masking, err);
    else
        write_json(masking);
    buffer_clear(&masking->record);
    masking->quoted = masking->escaped = masking->cell_quoted = false;
    masking->cell_begins = true;
    return rc;
}

/* Whether a line feed ends the record here: not within quotes. */
static void look_at(struct masking *masking, char c)
{
    const struct mask *mask = masking->mask;
    const char quote = quote_of(mask), escape = escape_of(mask), *delimiter = delimiter_of(mask);
    const size_t width = strlen(delimiter), length = masking->record.length;

    if (masking->escaped) {
        masking->escaped = false;
    } else if (masking->quoted) {
        masking->escaped = c == escape && escape != quote;
        masking->quoted = c != quote;
    } else if (quote && c == quote) {
        masking->quoted = masking->cell_begins || (escape == quote && masking->cell_quoted &&
                                                      masking->record.data[length - 2] == quote);
        masking->cell_quoted = masking->cell_quoted || masking->cell_begins;
    }
    masking->cell_begins = !masking->quoted && length >= width &&
                           memcmp(masking->record.data + length - width, delimiter, width) == 0;
    if (masking->cell_begins)
        masking->cell_quoted = false;
}

/* It is no part of the first cell. */
static bool pass_byte_order_mark(struct masking *masking)
{
    if (masking->begun || masking->line > 0 || masking->record.length != 3)
        return false;
    masking->begun = true;
    if (memcmp(masking->record.data, "\xef\xbb\xbf", 3) != 0)
        return false;
    buffer_append(masking->output, masking->record.data, 3);
    buffer_clear(&masking->record);
    masking->cell_begins = true;
    return true;
}

int masking_add(struct masking *masking, const char *bytes, size_t length, struct error *err)
{
    const bool is_csv = masking->mask->format == FORMAT_CSV;

    for (size_t i = 0; i < length; i++) {
        buffer_putc(&masking->record, bytes[i]);
        if (masking->record.overflowed)
            return write_record(masking, err);
        if (pass_byte_order_mark(masking))
            continue;
        if (is_csv && masking->line >= masking->mask->csv.skip)
            look_at(masking, bytes[i]);
        if (bytes[i] == '\n' && !masking->quoted && write_record(masking, err))
            return -1;
    }
    return 0;
}

int masking_end(struct masking *masking, struct error *err)
{
    return masking->record.length > 0 ? write_record(masking, err) : 0;
}
