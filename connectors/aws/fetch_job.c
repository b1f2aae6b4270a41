#include "connectors/aws/fetch_job.h"

#include "connectors/aws/process.h"
#include "runner/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Not file_read(): /dev/null and pipes of a shell are files here, too. */
int fetch_read(
    const char *path, size_t limit, bool *ret_found, struct buffer *text, struct error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const size_t before = text->length;
    char bytes[4096];
    ssize_t length;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *ret_found = false;
        return 0;
    }
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    while ((length = read(fd, bytes, sizeof(bytes))) > 0 || (length < 0 && errno == EINTR)) {
        if (length > 0)
            buffer_append(text, bytes, (size_t)length);
        if (text->overflowed || text->length - before > limit)
            break;
    }
    if (length < 0)
        error_set_errno(err, errno, "cannot read %s", path);
    else if (length > 0)
        error_set(err, ERROR_LIMIT, "%s has more than %zu bytes", path, limit);
    explicit_bzero(bytes, sizeof(bytes));
    close(fd);
    if (length != 0)
        return -1;
    *ret_found = true;
    return 0;
}

static bool must_stop(const void *data)
{
    return work_cancelled(data);
}

static void run(struct work *work)
{
    static const struct process_limits limits = {FETCH_PROCESS_MS, FETCH_PROCESS_BYTES_MAX};
    struct fetch_job *job = container_of(work, struct fetch_job, work);

    if (job->words) {
        process_run(job->words, &limits, must_stop, work, &job->files[0].text, &job->err);
        return;
    }
    for (unsigned i = 0; i < FETCH_FILES_MAX; i++) {
        struct fetch_file *file = &job->files[i];

        if (file->path && fetch_read(file->path, file->limit, &file->found, &file->text, &job->err))
            return;
    }
}

void fetch_job_init(struct fetch_job *job, work_done_fn done)
{
    *job = (struct fetch_job){.work = {.run = run, .done = done}};
    for (unsigned i = 0; i < FETCH_FILES_MAX; i++)
        buffer_init(&job->files[i].text, 0);
}

void fetch_job_deinit(struct fetch_job *job)
{
    for (unsigned i = 0; i < FETCH_FILES_MAX; i++) {
        struct fetch_file *file = &job->files[i];

        if (file->text.length)
            explicit_bzero(file->text.data, file->text.length);
        buffer_deinit(&file->text);
        free(file->path);
    }
    free(job->words);
    *job = (struct fetch_job){0};
}
