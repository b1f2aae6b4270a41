#include "connectors/recorded/recording.h"

#include "connectors/recorded/recording_private.h"
#include "runner/base/mem.h"
#include "runner/io/file.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool is_empty(const char *folder)
{
    DIR *open = opendir(folder);
    const struct dirent *entry;
    bool empty = open != NULL;

    while (empty && (entry = readdir(open)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (open)
        closedir(open);
    return empty;
}

static int make_folders(const char *folder, struct error *err)
{
    char *bodies = file_join(folder, BODY_FOLDER);
    int rc = 0;

    if (file_exists(folder) && !is_empty(folder))
        rc = error_set(err, ERROR_EXISTS,
            "%s is there and not empty: record into a new folder, or remove that one first",
            folder);
    else if (file_make_folders(folder, err))
        rc = -1;
    else if (chmod(folder, 0700) || (mkdir(bodies, 0700) && errno != EEXIST))
        rc = error_set_errno(err, errno, "cannot create %s", bodies);
    free(bodies);
    return rc;
}

int recording_new(const char *folder, struct recording **ret_recording, struct error *err)
{
    struct recording *recording;

    if (make_folders(folder, err))
        return -1;
    recording = mem_new(struct recording);
    if (manifest_create(&recording->manifest, folder, err)) {
        free(recording);
        return -1;
    }
    recording->folder = mem_strdup(folder);
    table_init(&recording->masked);
    *ret_recording = recording;
    return 0;
}

void recording_write(struct recording *recording, json_t *line)
{
    manifest_write(&recording->manifest, line, true);
}

int recording_keep(
    struct recording *recording, const char *path, struct body *ret_body, struct error *err)
{
    return body_add(recording->folder, path, NULL, NULL, ret_body, err);
}

int recording_keep_text(struct recording *recording, const char *text, size_t length,
    struct body *ret_body, struct error *err)
{
    return body_add_text(recording->folder, text, length, ret_body, err);
}

void recording_mask(struct recording *recording, const struct mask *masks, size_t count)
{
    recording->masks = masks;
    recording->mask_count = count;
}

json_t *recording_error_json(const struct error *err)
{
    json_t *object = json_object();

    json_put_text(object, "code", error_code_name(err->code));
    json_put_text(object, "class", error_class_name(err->class));
    json_put_int(object, "detail", err->detail);
    json_put_text(object, "message", err->message);
    return object;
}

int recording_end(struct recording *recording, json_t *end, struct error *err)
{
    int rc;

    if (end) {
        json_put_int(end, "requests", recording->requests);
        json_put_int(end, "bytes", (int64_t)recording->bytes);
        recording_write(recording, end);
    }
    rc = manifest_close(&recording->manifest, err);
    if (rc == 0)
        rc = file_sync_folder(recording->folder, err);
    table_deinit(&recording->masked);
    free(recording->folder);
    free(recording);
    return rc;
}
