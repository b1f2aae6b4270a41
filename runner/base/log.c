#include "runner/base/log.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCOPES_MAX = 32, LINE_LIMIT = 256 * 1024, SECRET_MIN = 4 };

struct scope_level {
    char *scope;
    enum log_level level;
};

struct log {
    enum log_format format;
    int fd, file_fd;
    bool color;
    char *dir;
    int64_t keep_ms, file_hour;
    enum log_level level;
    struct scope_level scopes[SCOPES_MAX];
    size_t scope_count;
    char **secrets;
    size_t secret_count, secret_capacity;
    uint64_t lost_lines;
    log_sink_fn sink;
    void *sink_data;
    struct buffer line;
};

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error", "off", NULL};

int log_level_parse(const char *name)
{
    for (int i = 0; level_names[i]; i++) {
        if (strcmp(level_names[i], name) == 0)
            return i;
    }
    return -1;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

/* --- the filter --- */

static int add_rule(struct log *log, const char *rule, struct error *err)
{
    const char *equals = strchr(rule, '=');
    const int level = log_level_parse(equals ? equals + 1 : rule);

    if (level < 0)
        return error_set(err, ERROR_INVALID,
            "log filter: \"%s\" is not a level; write it as info,s3=debug (levels: trace, debug, "
            "info, warn, error, off)",
            equals ? equals + 1 : rule);
    if (!equals) {
        log->level = (enum log_level)level;
        return 0;
    }
    if (log->scope_count == SCOPES_MAX || equals == rule)
        return error_set(err, ERROR_INVALID, "log filter: \"%s\": %s", rule,
            equals == rule ? "a scope is missing before \"=\"" : "more than 32 scopes");
    log->scopes[log->scope_count++] = (struct scope_level){
        .scope = mem_strndup(rule, (size_t)(equals - rule)), .level = (enum log_level)level};
    return 0;
}

static int parse_filter(struct log *log, const char *filter, struct error *err)
{
    char *copy = mem_strdup(filter), *rest = copy, *rule;
    int result = 0;

    while (result == 0 && (rule = strsep(&rest, ","))) {
        if (*rule)
            result = add_rule(log, rule, err);
    }
    free(copy);
    return result;
}

bool log_enabled(const struct log *log, const char *scope, enum log_level level)
{
    const size_t length = strcspn(scope, ".");

    if (!log)
        return false;
    for (size_t i = log->scope_count; i-- > 0;) {
        const struct scope_level *rule = &log->scopes[i];

        if (strncmp(rule->scope, scope, length) == 0 && rule->scope[length] == '\0')
            return level >= rule->level;
    }
    return level >= log->level;
}

/* --- making and ending one --- */

static int make_folders(const char *dir, struct error *err)
{
    char *path = mem_strdup(dir);
    int result = 0;

    for (char *slash = path + 1; result == 0 && slash;) {
        slash = strchr(slash, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0755) && errno != EEXIST)
            result = error_set_errno(err, errno, "log folder %s", path);
        if (slash)
            *slash++ = '/';
    }
    free(path);
    /* Lines that cannot be written later are only counted: better told before the first. */
    if (result == 0 && access(dir, W_OK | X_OK))
        result = error_set_errno(err, errno, "log folder %s: no file can be written there", dir);
    return result;
}

struct log *log_new(const struct log_options *options, struct error *err)
{
    struct log *log = mem_new(struct log);

    log->format = options->format;
    log->fd = options->fd;
    log->file_fd = -1;
    log->color = options->color;
    log->keep_ms = options->keep_ms;
    log->level = LOG_INFO;
    buffer_init(&log->line, LINE_LIMIT);
    if (options->filter && parse_filter(log, options->filter, err))
        goto fail;
    if (options->dir) {
        if (make_folders(options->dir, err))
            goto fail;
        log->dir = mem_strdup(options->dir);
    }
    return log;
fail:
    log_free(log);
    return NULL;
}

void log_free(struct log *log)
{
    if (!log)
        return;
    if (log->file_fd >= 0)
        close(log->file_fd);
    for (size_t i = 0; i < log->scope_count; i++)
        free(log->scopes[i].scope);
    for (size_t i = 0; i < log->secret_count; i++)
        free(log->secrets[i]);
    free(log->secrets);
    free(log->dir);
    buffer_deinit(&log->line);
    free(log);
}

void log_set_sink(struct log *log, log_sink_fn sink, void *data)
{
    log->sink = sink;
    log->sink_data = data;
}

/* --- secrets --- */

void log_redact(struct log *log, const char *secret)
{
    if (!log || strlen(secret) < SECRET_MIN)
        return;
    log->secrets =
        mem_grow(log->secrets, &log->secret_capacity, log->secret_count, sizeof(*log->secrets));
    log->secrets[log->secret_count++] = mem_strdup(secret);
}

static void redact_line(struct log *log)
{
    for (size_t i = 0; i < log->secret_count; i++) {
        const size_t length = strlen(log->secrets[i]);
        char *found = log->line.data;

        while ((found = strstr(found, log->secrets[i]))) {
            const size_t tail = (size_t)(log->line.data + log->line.length - found) - length;

            memset(found, '*', 3);
            memmove(found + 3, found + length, tail + 1);
            log->line.length -= length - 3;
            found += 3;
        }
    }
}

/* --- files --- */

static bool is_log_file(const char *name)
{
    unsigned year, month, day, hour;
    int end = 0;

    return sscanf(name, "%4u-%2u-%2uT%2u.ndjson%n", &year, &month, &day, &hour, &end) == 4 &&
           end == (int)strlen(name);
}

static void remove_old_files(const struct log *log, int64_t now_ms)
{
    char oldest[TIME_TEXT_SIZE];
    struct dirent *entry;
    DIR *dir = opendir(log->dir);

    if (!dir)
        return;
    time_format(now_ms - log->keep_ms, "%Y-%m-%dT%H.ndjson", oldest, sizeof(oldest), NULL);
    while ((entry = readdir(dir))) {
        if (is_log_file(entry->d_name) && strcmp(entry->d_name, oldest) < 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

/* The file of the hour; -1 where it cannot be opened, which is tried again with the next line. */
static int hourly_file(struct log *log, int64_t now_ms)
{
    const int64_t hour = now_ms / MS_PER_HOUR;
    char name[TIME_TEXT_SIZE];
    char *path;

    if (log->file_fd >= 0 && log->file_hour == hour)
        return log->file_fd;
    if (log->file_fd >= 0)
        close(log->file_fd);
    time_format(now_ms, "%Y-%m-%dT%H.ndjson", name, sizeof(name), NULL);
    path = mem_printf("%s/%s", log->dir, name);
    log->file_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    log->file_hour = hour;
    free(path);
    if (log->file_fd >= 0 && log->keep_ms > 0)
        remove_old_files(log, now_ms);
    return log->file_fd;
}

/* One write() a line, so that lines of several processes do not mix in one file. */
static void write_line(struct log *log, int fd, const char *line, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(fd, line, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            log->lost_lines++;
            return;
        }
        line += written;
        length -= (size_t)written;
    }
}

/* --- lines --- */

static void append_member(struct buffer *line, const char *key, json_t *value)
{
    buffer_printf(line, "%s\"%s\":", line->length > 1 ? "," : "", key);
    json_append(line, value);
    json_decref(value);
}

static void format_json(struct log *log, int64_t now_ms, enum log_level level, const char *event,
    const struct log_context *context, const json_t *fields, const char *message)
{
    struct buffer *line = &log->line;
    char ts[TIME_TEXT_SIZE];
    const char *key;
    json_t *value;

    buffer_clear(line);
    buffer_putc(line, '{');
    append_member(line, "ts", json_string(time_format_rfc3339(now_ms, ts)));
    append_member(line, "level", json_string(level_names[level]));
    append_member(line, "event", json_text(event));
    append_member(line, "msg", json_text(message));
    if (context && context->pipeline)
        append_member(line, "pipeline", json_text(context->pipeline));
    if (context && context->instance && *context->instance)
        append_member(line, "instance", json_text(context->instance));
    if (context && context->run_id)
        append_member(line, "run_id", json_text(context->run_id));
    if (context && context->task)
        append_member(line, "task", json_text(context->task));
    if (context && context->attempt)
        append_member(line, "attempt", json_integer(context->attempt));
    json_object_foreach((json_t *)fields, key, value)
    {
        const size_t before = line->length;

        buffer_putc(line, ',');
        json_t *name = json_text(key);
        json_append(line, name);
        json_decref(name);
        buffer_putc(line, ':');
        json_append(line, value);
        if (line->length > LINE_LIMIT - 64) {
            buffer_truncate(line, before);
            break;
        }
    }
    line->overflowed = false;
    buffer_puts(line, "}\n");
    redact_line(log);
}

static void format_text(struct log *log, int64_t now_ms, enum log_level level, const char *event,
    const struct log_context *context, const char *message)
{
    static const char *const colors[] = {"\033[2m", "\033[2m", "", "\033[33m", "\033[31m", ""};
    const char *color = log->color ? colors[level] : "";
    struct buffer *line = &log->line;
    char clock[TIME_TEXT_SIZE];

    buffer_clear(line);
    time_format(now_ms, "%T", clock, sizeof(clock), NULL);
    buffer_printf(line, "%s%s %-5s ", color, clock, level_names[level]);
    if (context && context->task)
        buffer_printf(line, "%s: ", context->task);
    text_append_printable(line, message);
    if (level < LOG_INFO)
        buffer_printf(line, " (%s)", event);
    buffer_printf(line, "%s\n", *color ? "\033[0m" : "");
    redact_line(log);
}

void log_event(struct log *log, enum log_level level, const char *event,
    const struct log_context *context, json_t *fields, const char *format, ...)
{
    int64_t now_ms;
    va_list args;
    char *message;
    int file;

    if (!log_enabled(log, event, level)) {
        json_decref(fields);
        return;
    }
    va_start(args, format);
    message = mem_vprintf(format, args);
    va_end(args);
    now_ms = time_now_ms();
    file = log->dir ? hourly_file(log, now_ms) : -1;
    if (file >= 0 || (log->format == LOG_FORMAT_JSON && (log->fd >= 0 || log->sink)))
        format_json(log, now_ms, level, event, context, fields, message);
    if (file >= 0)
        write_line(log, file, log->line.data, log->line.length);
    if (log->format == LOG_FORMAT_TEXT)
        format_text(log, now_ms, level, event, context, message);
    if (log->sink && log->format != LOG_FORMAT_NONE)
        log->sink(log->sink_data, level, event, log->line.data, log->line.length);
    else if (log->fd >= 0 && log->format != LOG_FORMAT_NONE)
        write_line(log, log->fd, log->line.data, log->line.length);
    free(message);
    json_decref(fields);
}
