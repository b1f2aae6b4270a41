#include "runner/base/mem.h"
#include "runner/cli/command_s3.h"
#include "runner/cli/s3_session.h"
#include "runner/cli/s3_text.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

struct ls_options {
    struct s3_flags client; /* the first */
    bool recursive, versions, human, raw;
};

static const struct option ls_table[] = {
    {"recursive", OPTION_BOOL, offsetof(struct ls_options, recursive), .letter = 'r',
        .help = "All objects whose keys begin so, folders are not kept together"},
    {"versions", OPTION_BOOL, offsetof(struct ls_options, versions),
        .help = "All versions of objects, and delete markers"},
    {"human", OPTION_BOOL, offsetof(struct ls_options, human), .letter = 'H',
        .help = "Sizes as 7.9 MiB"},
    {"raw", OPTION_BOOL, offsetof(struct ls_options, raw),
        .help = "* ? [ in the name are what they are, no pattern"},
    S3_CLIENT_FLAGS,
};
const struct option_set s3_ls_set = OPTION_SET("ls", "Options", struct ls_options, ls_table);

const char s3_ls_details[] =
    "Without a URL: the buckets. With one: what begins with it, what lies deeper as folders. A "
    "pattern (* ? [] **, in quotes) matches whole keys, ** also across folders. Times are UTC.\n\n"
    "Keys of --json, one object a line: kind (object, delete_marker, folder, bucket), url, key, "
    "bytes, modified, etag, storage_class, version_id and latest (with --versions), region.";

struct listing {
    struct s3_job job; /* .list */
    struct s3_session session;
    const struct ls_options *options;
    const char *folder; /* names are shown below it */
    struct buffer line;
    bool reader_gone;
};

/* --- one line --- */

static void print_json(const struct listing *listing, const struct s3_item *item)
{
    static const char *const kinds[] = {"object", "delete_marker", "folder", "upload", "bucket"};
    const bool bucket = item->kind == S3_ITEM_BUCKET;
    json_t *value = json_object();

    json_put_text(value, "kind", kinds[item->kind]);
    json_object_set_new(value, "url",
        bucket ? s3_text_name_json(item->key, "")
               : s3_text_name_json(listing->job.list.bucket, item->key));
    if (!bucket)
        json_object_set_new(value, "key", json_text(item->key));
    if (item->kind == S3_ITEM_OBJECT)
        json_put_int(value, "bytes", item->size);
    if (item->modified_ms > 0)
        json_put_time(value, "modified", item->modified_ms);
    if (item->etag)
        json_object_set_new(value, "etag", s3_text_etag_json(item->etag));
    json_put_text(value, "storage_class", item->storage_class);
    json_put_text(value, "version_id", item->version_id);
    if (item->version_id)
        json_object_set_new(value, "latest", json_boolean(item->latest));
    json_put_text(value, "region", item->region);
    cli_print_json(value);
}

static void append_time(struct buffer *line, int64_t time_ms)
{
    char text[TIME_TEXT_SIZE] = "";

    if (time_ms > 0)
        time_format(time_ms, "%F %T", text, sizeof(text), NULL);
    buffer_printf(line, "%19s", text);
}

static void append_size(struct listing *listing, const struct s3_item *item)
{
    char text[TIME_TEXT_SIZE] = "-";

    if (item->kind == S3_ITEM_DELETE_MARKER)
        snprintf(text, sizeof(text), "deleted");
    else if (item->kind == S3_ITEM_OBJECT && listing->options->human)
        size_format((uint64_t)MAX(item->size, 0), text);
    else if (item->kind == S3_ITEM_OBJECT)
        snprintf(text, sizeof(text), "%" PRId64, item->size);
    buffer_printf(&listing->line, " %*s", listing->options->human ? 10 : 13, text);
}

static void print_text(struct listing *listing, const struct s3_item *item)
{
    const size_t folder = strlen(listing->folder);

    buffer_clear(&listing->line);
    append_time(&listing->line, item->modified_ms);
    if (item->kind == S3_ITEM_BUCKET) {
        buffer_printf(&listing->line, " %s", item->key);
    } else {
        append_size(listing, item);
        if (listing->options->versions)
            buffer_printf(&listing->line, " %-32s %s", item->version_id ? item->version_id : "-",
                item->latest ? "*" : " ");
        buffer_putc(&listing->line, ' ');
        text_append_printable(&listing->line,
            strncmp(item->key, listing->folder, folder) == 0 ? item->key + folder : item->key);
    }
    puts(listing->line.data);
}

/* --- the list --- */

static int on_page(
    struct s3_list *list, const struct s3_item *items, size_t count, struct error *err)
{
    struct listing *listing = container_of(list, struct listing, job.list);

    for (size_t i = 0; i < count; i++) {
        if (listing->session.cli->globals.json)
            print_json(listing, &items[i]);
        else
            print_text(listing, &items[i]);
    }
    listing->reader_gone = fflush(stdout) || ferror(stdout);
    return listing->reader_gone ? error_set(err, ERROR_STOPPED, "nobody reads on") : 0;
}

static void on_done(struct s3_list *list, const struct error *err)
{
    struct listing *listing = container_of(list, struct listing, job.list);

    s3_session_end(&listing->session, err);
}

static void set_list(struct listing *listing, const struct s3_uri *uri)
{
    const struct ls_options *options = listing->options;
    const bool pattern = !options->raw && text_has_glob(uri->key);
    const char *slash = strrchr(uri->key, '/');
    struct s3_list *list = &listing->job.list;

    list->what = options->versions ? S3_LIST_VERSIONS : S3_LIST_OBJECTS;
    list->bucket = uri->bucket;
    if (pattern) {
        list->pattern = uri->key;
        return;
    }
    list->prefix = uri->key;
    if (options->recursive)
        return;
    list->delimiter = "/";
    if (slash)
        listing->folder =
            arena_strndup(&listing->session.cli->arena, uri->key, (size_t)(slash + 1 - uri->key));
}

static int list_objects(struct listing *listing, const char *url)
{
    struct s3_session *session = &listing->session;
    struct s3_uri uri = {.key = ""};
    struct error err;
    int code;

    listing->job.list = (struct s3_list){.what = S3_LIST_BUCKETS, .page = on_page, .done = on_done};
    if (url) {
        code = s3_session_parse(session, url, &uri);
        if (code)
            return code;
        set_list(listing, &uri);
    }
    code = s3_session_run(session, &listing->job);
    if (listing->reader_gone)
        return EXIT_OK; /* main() says so where that is a failure */
    if (code)
        return cli_fail(session->cli, &session->err);
    if (listing->job.list.count || !*uri.key)
        return EXIT_OK;
    error_set(&err, ERROR_NOT_FOUND, "%s: nothing %s", url,
        listing->job.list.pattern ? "matches" : "begins with that");
    return cli_fail(session->cli, &err);
}

int command_s3_ls(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const struct ls_options *own = options;
    struct listing listing = {.job = {.verb = S3_LIST}, .options = own, .folder = ""};
    int code = s3_session_open(&listing.session, cli, &own->client);

    buffer_init(&listing.line, 0);
    if (code == EXIT_OK)
        code = list_objects(&listing, arg_count ? args[0] : NULL);
    buffer_deinit(&listing.line);
    return s3_session_close(&listing.session, code);
}
