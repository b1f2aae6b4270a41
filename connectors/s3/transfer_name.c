#include "connectors/s3/transfer_private.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <stdio.h>
#include <string.h>

int transfer_place_parse(
    const char *text, struct arena *arena, struct transfer_place *ret_place, struct error *err)
{
    struct s3_uri uri;

    if (!s3_uri_is(text)) {
        if (!*text)
            return error_set(err, ERROR_INVALID, "an empty name is no file");
        if (strcmp(text, "-") == 0)
            return error_set(err, ERROR_INVALID,
                "\"-\" is no file here: s3 put reads standard input, s3 cat writes standard output "
                "(./- is a file of that name)");
        *ret_place = (struct transfer_place){.name = arena_strdup(arena, text)};
        return 0;
    }
    if (s3_uri_parse(text, arena, &uri, err))
        return -1;
    *ret_place = (struct transfer_place){.bucket = uri.bucket, .name = uri.key};
    return 0;
}

static const char *as_folder(const char *name, struct arena *arena)
{
    return *name && !text_ends(name, "/") ? arena_printf(arena, "%s/", name) : name;
}

/* Up to the last slash in front of byte `end`. */
static const char *folder_before(const char *name, size_t end, struct arena *arena)
{
    const char *slash = memrchr(name, '/', end);

    return arena_strndup(arena, name, slash ? (size_t)(slash + 1 - name) : 0);
}

int transfer_origin_parse(const char *text, const struct s3_transfer *transfer, struct arena *arena,
    struct transfer_origin *ret_origin, struct error *err)
{
    struct transfer_origin origin;
    const char *name;

    if (transfer_place_parse(text, arena, &origin.place, err))
        return -1;
    name = origin.place.name;
    if (transfer->recursive || transfer->verb == S3_TRANSFER_SYNC) {
        if (!transfer->literal && origin.place.bucket && text_has_glob(name))
            return error_set(err, ERROR_INVALID,
                "%s is a pattern, not a folder: leave --recursive out and let ** reach into "
                "folders,"
                " or take it as it is with --raw",
                text);
        origin.kind = TRANSFER_FOLDER;
        origin.folder = as_folder(name, arena);
    } else if (!transfer->literal && text_has_glob(name)) {
        origin.kind = TRANSFER_PATTERN;
        origin.folder = folder_before(name, strcspn(name, "*?["), arena);
    } else {
        origin.kind = TRANSFER_ONE;
        origin.folder = folder_before(name, strlen(name), arena);
    }
    *ret_origin = origin;
    return 0;
}

char *transfer_target_name(const struct transfer_target *target, const char *relative)
{
    const char *name = target->place.name;

    if (!target->is_folder)
        return mem_strdup(name);
    return mem_printf("%s%s%s", name, *name && !text_ends(name, "/") ? "/" : "", relative);
}

int transfer_check_path(const char *relative, struct error *err)
{
    const char *part = relative;

    for (;;) {
        const size_t length = strcspn(part, "/");

        if (length == 0 || (length == 1 && part[0] == '.') ||
            (length == 2 && part[0] == '.' && part[1] == '.'))
            return error_set(err, ERROR_DATA,
                "its name cannot be a file's below the target: it has a part that is %s; copy it "
                "under a name of your own",
                length == 0   ? "empty"
                : length == 1 ? "\".\""
                              : "\"..\"");
        if (!part[length])
            return 0;
        part += length + 1;
    }
}

static bool matches_any(const struct text_list *patterns, const char *relative)
{
    const char *slash = strrchr(relative, '/');

    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];

        if (text_glob(pattern, strchr(pattern, '/') || !slash ? relative : slash + 1))
            return true;
    }
    return false;
}

bool transfer_wanted(
    const struct text_list *include, const struct text_list *exclude, const char *relative)
{
    if (include->count && matches_any(include, relative))
        return true;
    return exclude->count ? !matches_any(exclude, relative) : !include->count;
}

const char *transfer_shown(const char *bucket, const char *name, char text[S3_NAME_SIZE])
{
    struct buffer shown;

    if (bucket)
        return s3_error_name(bucket, name, text);
    buffer_init(&shown, 0);
    text_append_printable(&shown, name);
    snprintf(text, S3_NAME_SIZE, "%s", shown.data);
    buffer_deinit(&shown);
    return text;
}

/* --- what cannot be meant --- */

static bool is_many(const struct transfer_origin *origin)
{
    return origin->kind == TRANSFER_FOLDER ||
           (origin->kind == TRANSFER_PATTERN && strstr(origin->place.name, "**"));
}

/* It would find what it has just written, and so on. */
static bool holds(const struct transfer_origin *origin, const struct transfer_place *target)
{
    return is_many(origin) && origin->place.bucket &&
           text_equal(origin->place.bucket, target->bucket) &&
           text_starts(target->name, origin->folder) && target->name[strlen(origin->folder)];
}

static int check_origin(
    const struct s3_transfer *transfer, const struct transfer_origin *origin, struct error *err)
{
    const bool removes = transfer->verb == S3_TRANSFER_REMOVE;
    const char *name = origin->place.name;
    char shown[S3_NAME_SIZE];

    transfer_shown(origin->place.bucket, name, shown);
    if (removes && !origin->place.bucket)
        return error_set(err, ERROR_INVALID,
            "%s is no s3:// URL: s3 rm removes objects, files of this machine are rm's", shown);
    if (removes && !transfer->recursive && text_starts(name, "**"))
        return error_set(err, ERROR_INVALID,
            "%s is all that is in the bucket: say so with s3://%s --recursive", shown,
            origin->place.bucket);
    if (origin->place.bucket && origin->kind == TRANSFER_ONE && !*name)
        return error_set(
            err, ERROR_INVALID, "%s is a whole bucket: add --recursive if that is meant", shown);
    if (origin->place.bucket && origin->kind == TRANSFER_ONE && text_ends(name, "/") &&
        !transfer->literal)
        return error_set(err, ERROR_INVALID,
            "%s is a folder: add --recursive for what is in it, or --raw if an object is called so",
            shown);
    if (transfer->version_id && (origin->kind != TRANSFER_ONE || !origin->place.bucket))
        return error_set(
            err, ERROR_INVALID, "--version-id is for one object, and %s is not one", shown);
    return 0;
}

int transfer_check(const struct s3_transfer *transfer, const struct transfer_origin *origins,
    const struct transfer_place *target, struct error *err)
{
    char shown[S3_NAME_SIZE];

    for (size_t i = 0; i < transfer->source_count; i++) {
        const struct transfer_origin *origin = &origins[i];

        if (check_origin(transfer, origin, err))
            return -1;
        if (!target)
            continue;
        if (!origin->place.bucket && !target->bucket)
            return error_set(err, ERROR_INVALID,
                "neither %s nor the target is an s3:// URL: files are copied by cp",
                transfer_shown(NULL, origin->place.name, shown));
        if (transfer->if_none_match && (origin->place.bucket || !target->bucket))
            return error_set(err, ERROR_INVALID,
                "--if-none-match is for uploads; --no-clobber looks before it copies");
        if (holds(origin, target))
            return error_set(err, ERROR_INVALID,
                "the target lies in %s, which would be copied into itself; name another one",
                transfer_shown(origin->place.bucket, origin->folder, shown));
    }
    return 0;
}
