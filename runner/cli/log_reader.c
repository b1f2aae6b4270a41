#include "runner/cli/log_reader.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 * 1024 };

void log_reader_init(struct log_reader *reader, const char *folder, const struct log_filter *filter,
    log_line_fn on_line, void *data)
{
    *reader =
        (struct log_reader){.folder = folder, .filter = filter, .on_line = on_line, .data = data};
}

static void close_first(struct log_reader *reader)
{
    struct log_reader_file *file = &reader->files[0];

    close(file->fd);
    free(file->name);
    buffer_deinit(&file->rest);
    reader->open_count--;
    memmove(reader->files, reader->files + 1, reader->open_count * sizeof(*file));
}

void log_reader_deinit(struct log_reader *reader)
{
    while (reader->open_count > 0)
        close_first(reader);
    free(reader->last_name);
}

/* --- lines --- */

static void emit(struct log_reader *reader, const char *line, size_t length)
{
    if (!reader->stopped)
        reader->stopped = !reader->on_line(reader->data, line, length);
}

static void take_block(
    struct log_reader *reader, struct log_reader_file *file, const char *block, size_t length)
{
    while (length > 0 && !reader->stopped) {
        const char *end = memchr(block, '\n', length);
        const size_t part = end ? (size_t)(end - block) : length;

        if (end && file->rest.length == 0) {
            emit(reader, block, part);
        } else {
            buffer_append(&file->rest, block, part);
            if (end || file->rest.length >= LOG_LINE_MAX) {
                emit(reader, file->rest.data, file->rest.length);
                buffer_clear(&file->rest);
            }
        }
        block += part + (end != NULL);
        length -= part + (end != NULL);
    }
}

static int read_file(struct log_reader *reader, struct log_reader_file *file, struct error *err)
{
    char block[BLOCK_BYTES];

    while (!reader->stopped) {
        const ssize_t length = read(file->fd, block, sizeof(block));

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return error_set_errno(err, errno, "log %s/%s", reader->folder, file->name);
        if (length == 0)
            break;
        take_block(reader, file, block, (size_t)length);
    }
    return 0;
}

static void finish_file(struct log_reader *reader, struct log_reader_file *file)
{
    if (file->rest.length > 0)
        emit(reader, file->rest.data, file->rest.length);
    buffer_clear(&file->rest);
}

/* --- files --- */

struct names {
    char **items;
    size_t count, capacity;
};

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void names_deinit(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

/* The wanted files after the last one, in order. */
static int find_next(const struct log_reader *reader, struct names *ret_names, struct error *err)
{
    DIR *dir = opendir(reader->folder);
    struct names names = {0};
    struct dirent *entry;

    if (!dir && errno != ENOENT)
        return error_set_errno(err, errno, "log folder %s", reader->folder);
    while (dir && (entry = readdir(dir))) {
        if (reader->last_name && strcmp(entry->d_name, reader->last_name) <= 0)
            continue;
        if (!log_filter_file(reader->filter, entry->d_name))
            continue;
        names.items = mem_grow(names.items, &names.capacity, names.count, sizeof(*names.items));
        names.items[names.count++] = mem_strdup(entry->d_name);
    }
    if (dir)
        closedir(dir);
    mem_sort(names.items, names.count, sizeof(*names.items), compare_names);
    *ret_names = names;
    return 0;
}

static int open_file(struct log_reader *reader, const char *name, struct error *err)
{
    char *path = mem_printf("%s/%s", reader->folder, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const int errnum = errno;
    struct log_reader_file *file;

    free(path);
    free(reader->last_name);
    reader->last_name = mem_strdup(name);
    if (fd < 0 && errnum == ENOENT)
        return 0; /* its time was over while we looked */
    if (fd < 0)
        return error_set_errno(err, errnum, "log %s/%s", reader->folder, name);
    file = &reader->files[reader->open_count++];
    *file = (struct log_reader_file){.name = mem_strdup(name), .fd = fd};
    buffer_init(&file->rest, LOG_LINE_MAX + BLOCK_BYTES);
    return 0;
}

static int read_open_files(struct log_reader *reader, struct error *err)
{
    for (unsigned i = 0; i < reader->open_count; i++) {
        if (read_file(reader, &reader->files[i], err))
            return -1;
    }
    return 0;
}

/* Closes files that nothing is added to any more, up to the last `keep`. */
static void retire(struct log_reader *reader, int64_t now_ms, unsigned keep)
{
    int64_t hour_ms;

    while (reader->open_count > keep && (reader->open_count == LOG_OPEN_MAX ||
                                            !log_filter_hour(reader->files[0].name, &hour_ms) ||
                                            now_ms > hour_ms + MS_PER_HOUR + LOG_LINGER_MS)) {
        finish_file(reader, &reader->files[0]);
        close_first(reader);
    }
}

int log_reader_read(struct log_reader *reader, int64_t now_ms, struct error *err)
{
    struct names names;
    int result = 0;

    if (find_next(reader, &names, err))
        return -1;
    /* What was added before the next file appeared comes before it. */
    result = read_open_files(reader, err);
    for (size_t i = 0; result == 0 && i < names.count && !reader->stopped; i++) {
        retire(reader, now_ms, 0);
        result = open_file(reader, names.items[i], err);
        if (result == 0 && reader->open_count > 0)
            result = read_file(reader, &reader->files[reader->open_count - 1], err);
    }
    retire(reader, now_ms, 1);
    names_deinit(&names);
    return result;
}

void log_reader_finish(struct log_reader *reader)
{
    for (unsigned i = 0; i < reader->open_count; i++)
        finish_file(reader, &reader->files[i]);
}
