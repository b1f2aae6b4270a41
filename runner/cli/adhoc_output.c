#include "runner/cli/adhoc_output.h"

#include <errno.h>
#include <unistd.h>

int adhoc_output_begin(struct adhoc_output *output, const char *path, struct error *err)
{
    int fd;

    *output = (struct adhoc_output){.stream = stdout, .is_file = path != NULL};
    if (!path)
        return 0;
    if (file_new_begin(&output->file, path, err))
        return -1;
    fd = dup(output->file.fd);
    output->stream = fd < 0 ? NULL : fdopen(fd, "w");
    if (output->stream)
        return 0;
    error_set_errno(err, errno, "cannot write %s", path);
    if (fd >= 0)
        close(fd);
    return file_new_end(&output->file, -1, true, NULL);
}

int adhoc_output_end(struct adhoc_output *output, int rc, struct error *err)
{
    const char *path = output->file.to;
    bool failed;

    if (!output->is_file)
        return rc;
    failed = ferror(output->stream);
    if ((fclose(output->stream) || failed) && !rc)
        rc = error_set_errno(err, errno, "cannot write %s", path);
    return file_new_end(&output->file, rc, true, err);
}

int adhoc_output_file(const char *from, const char *path, struct error *err)
{
    char block[64 * 1024];
    size_t length;
    FILE *file;
    int rc = 0;

    if (path)
        return file_copy(from, path, true, NULL, NULL, err);
    file = fopen(from, "re");
    if (!file)
        return error_set_errno(err, errno, "cannot open %s", from);
    while ((length = fread(block, 1, sizeof(block), file)) > 0 &&
           fwrite(block, 1, length, stdout) == length)
        continue;
    if (ferror(file))
        rc = error_set_errno(err, errno, "cannot read %s", from);
    fclose(file);
    return rc;
}
