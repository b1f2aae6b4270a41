#include "connectors/s3/put_private.h"

#include "runner/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 128 * 1024 };

/* --- on a thread --- */

static int open_source(struct put_job *job)
{
    if (job->path) {
        job->fd = open(job->path, O_RDONLY | O_CLOEXEC);
        if (job->fd < 0)
            return error_set_errno(&job->err, errno, "cannot open %s", job->path);
    }
    if (fstat(job->fd, &job->status))
        return error_set_errno(&job->err, errno, "cannot look at the file that is sent");
    if (!S_ISREG(job->status.st_mode))
        return error_set(&job->err, ERROR_INVALID,
            "%s is no regular file: what has no length is sent as a stream",
            job->path ? job->path : "the source");
    return 0;
}

static int update_from_file(struct put_job *job, struct s3_checksum *checksum)
{
    char bytes[READ_BYTES];
    uint64_t at = 0;

    while (at < job->length) {
        const size_t size = (size_t)MIN((uint64_t)sizeof(bytes), job->length - at);
        ssize_t got;

        if (work_cancelled(&job->work))
            return error_set(&job->err, ERROR_STOPPED, "cancelled");
        got = pread(job->fd, bytes, size, (off_t)(job->offset + at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(&job->err, errno, "cannot read the file that is sent");
        if (got == 0)
            return error_set(&job->err, ERROR_CHANGED,
                "the file that is sent became shorter under way: send it again when nobody writes "
                "to it");
        s3_checksum_update(checksum, bytes, (size_t)got);
        at += (uint64_t)got;
    }
    return 0;
}

static void compute_checksum(struct put_job *job)
{
    struct s3_checksum checksum = {0};

    if (s3_checksum_init(&checksum, job->checksum, &job->err))
        return;
    if (update_from_file(job, &checksum) == 0)
        s3_checksum_text(&checksum, job->text, &job->err);
    s3_checksum_deinit(&checksum);
}

static void run_open(struct work *work)
{
    struct put_job *job = container_of(work, struct put_job, work);

    if (open_source(job))
        return;
    job->length = (uint64_t)job->status.st_size;
    if (job->checksum != S3_CHECKSUM_NONE && job->length <= job->single_bytes)
        compute_checksum(job);
}

static void run_part(struct work *work)
{
    compute_checksum(container_of(work, struct put_job, work));
}

/* --- on the loop --- */

static void on_opened(struct work *work, bool ran)
{
    struct put_job *job = container_of(work, struct put_job, work);

    job->busy = false;
    if (!ran)
        error_set(&job->err, ERROR_STOPPED, "cancelled");
    s3_put_step(job->operation);
}

static void on_part(struct work *work, bool ran)
{
    struct put_job *job = container_of(work, struct put_job, work);
    struct put_slot *slot = container_of(job, struct put_slot, job);

    job->busy = false;
    if (!ran)
        error_set(&job->err, ERROR_STOPPED, "cancelled");
    if (job->err.code)
        s3_put_name_error(job->operation, &job->err);
    memcpy(slot->part->checksum, job->text, sizeof(job->text));
    s3_part_ready(slot->part, job->err.code ? &job->err : NULL);
}

static void submit(struct put_job *job, work_run_fn run, work_done_fn done)
{
    job->busy = true;
    job->work.run = run;
    job->work.done = done;
    work_submit(s3_client_options(job->operation->client)->lane, &job->work);
}

void s3_put_open(struct s3_put_operation *operation)
{
    const struct s3_source *source = &operation->put->source;

    operation->open = (struct put_job){
        .operation = operation,
        .path = source->path,
        .fd = source->path ? -1 : source->fd,
        .single_bytes = operation->single_bytes,
        .checksum = operation->checksum,
    };
    submit(&operation->open, run_open, on_opened);
}

void s3_put_read_part(struct put_slot *slot, uint64_t offset, uint64_t length)
{
    struct s3_put_operation *operation =
        container_of(slot->part->upload, struct s3_put_operation, multipart);

    slot->job = (struct put_job){
        .operation = operation,
        .fd = operation->fd,
        .offset = offset,
        .length = length,
        .checksum = operation->checksum,
    };
    submit(&slot->job, run_part, on_part);
}

/* An open file's fstat() does not wait for a disk. */
int s3_put_check_file(const struct s3_put_operation *operation, struct error *err)
{
    const struct stat *before = &operation->open.status;
    struct stat now;

    if (fstat(operation->fd, &now))
        return error_set_errno(err, errno, "cannot look at the file that is sent");
    if (now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
        return error_set(err, ERROR_CHANGED,
            "the file changed while it was sent (it had %lld bytes, now it has %lld): send it "
            "again "
            "when nobody writes to it",
            (long long)before->st_size, (long long)now.st_size);
    return 0;
}
