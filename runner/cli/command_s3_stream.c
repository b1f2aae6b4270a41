/* cat and put: objects and standard streams. */
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/command_s3.h"
#include "runner/cli/s3_progress.h"
#include "runner/cli/s3_session.h"
#include "runner/cli/s3_stream.h"
#include "runner/cli/s3_text.h"
#include "runner/cli/s3_transfer.h"

#include <inttypes.h>
#include <string.h>

/* --- cat --- */

struct cat_options {
    struct s3_flags client; /* the first */
    const char *range, *version_id;
};

static int parse_range(
    const char *text, uint64_t *ret_first, uint64_t *ret_length, struct error *err)
{
    uint64_t first, last;
    char *end;

    errno = 0;
    if (text[0] < '0' || text[0] > '9')
        goto wrong;
    first = strtoull(text, &end, 10);
    if (*end != '-' || errno)
        goto wrong;
    if (!end[1]) {
        *ret_first = first;
        *ret_length = 0;
        return 0;
    }
    if (end[1] < '0' || end[1] > '9')
        goto wrong;
    last = strtoull(end + 1, &end, 10);
    if (*end || errno || last < first || last == UINT64_MAX)
        goto wrong;
    *ret_first = first;
    *ret_length = last - first + 1;
    return 0;
wrong:
    return error_set(err, ERROR_INVALID,
        "\"%s\" is no range: 0-99 is the first 100 bytes, 100- is what follows", text);
}

static int check_range(const char *text, struct error *err)
{
    uint64_t first, length;

    return parse_range(text, &first, &length, err);
}

static const struct option cat_table[] = {
    {"range", OPTION_TEXT, offsetof(struct cat_options, range), .value_name = "FIRST-LAST",
        .check = check_range, .help = "Only these bytes: 0-99, or 100- up to the end"},
    {"version-id", OPTION_TEXT, offsetof(struct cat_options, version_id), .value_name = "ID",
        .help = "That version"},
    S3_TRANSFER_FLAGS,
    S3_CLIENT_FLAGS,
};
const struct option_set s3_cat_set = OPTION_SET("cat", "Options", struct cat_options, cat_table);

struct cat {
    struct s3_job job; /* .get */
    struct s3_session session;
    struct s3_stream out;
    struct error err;
    bool got; /* the object ended, well or not */
};

/* Ends when the object has and all of it is out. */
static void cat_step(struct cat *cat)
{
    if (!cat->got)
        return;
    if (cat->err.code)
        s3_stream_cancel(&cat->out);
    if (cat->out.busy || (!cat->err.code && !s3_stream_idle(&cat->out)))
        return;
    error_keep_first(&cat->err, &cat->out.err);
    s3_session_end(&cat->session, cat->err.code ? &cat->err : NULL);
}

static void on_written(struct s3_stream *stream)
{
    struct cat *cat = container_of(stream, struct cat, out);

    if (stream->ended)
        cat->session.tool->cancel(&cat->job);
    else
        cat->session.tool->resume(&cat->job);
    cat_step(cat);
}

static int on_bytes(struct s3_get *get, const char *bytes, size_t length, struct error *err)
{
    struct cat *cat = container_of(get, struct cat, job.get);

    (void)err;
    return s3_stream_write(&cat->out, bytes, length) ? 0 : HTTP_PAUSE;
}

static void on_got(struct s3_get *get, const struct error *err)
{
    struct cat *cat = container_of(get, struct cat, job.get);

    cat->got = true;
    if (err)
        cat->err = *err;
    if (cat->out.err.code)
        cat->err = cat->out.err; /* because of which the rest was not wanted */
    cat_step(cat);
}

static int cat_one(struct cat *cat, const struct cat_options *options, const char *url)
{
    struct s3_session *session = &cat->session;
    struct s3_get *get = &cat->job.get;
    struct s3_uri uri;
    struct error err;
    int code = s3_session_parse(session, url, &uri);

    if (code)
        return code;
    if (!*uri.key) {
        error_set(
            &err, ERROR_INVALID, "%s is a bucket: name an object, s3://%s/KEY", url, uri.bucket);
        return cli_fail(session->cli, &err);
    }
    cat->got = false;
    cat->err = (struct error){0};
    *get = (struct s3_get){.bucket = uri.bucket,
        .key = uri.key,
        .version_id = options->version_id,
        .write = on_bytes,
        .done = on_got};
    if (options->range)
        parse_range(options->range, &get->first, &get->length, NULL);
    code = s3_session_run(session, &cat->job);
    if (cat->out.left && !session->cli->loop.signal_number)
        return EXIT_OK; /* the reader had enough */
    return code ? cli_fail(session->cli, &session->err) : EXIT_OK;
}

int command_s3_cat(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const struct cat_options *own = options;
    struct cat cat = {.job = {.verb = S3_GET}};
    int code;

    if (arg_count > 1 && (own->range || own->version_id))
        return cli_usage_error(cli, NULL,
            "s3 cat: --range and --version-id are for one object, and these are several");
    code = s3_session_open(&cat.session, cli, &own->client);
    s3_stream_init_output(&cat.out, 1, &cat.session.stream, on_written);
    for (size_t i = 0; i < arg_count && code == EXIT_OK && !cat.out.ended; i++)
        code = cat_one(&cat, own, args[i]);
    code = s3_session_close(&cat.session, code);
    s3_stream_deinit(&cat.out);
    return code;
}

/* --- put --- */

struct put_options {
    struct s3_write_flags write; /* the first */
    const char *if_match;
};

static const struct option put_table[] = {
    S3_WRITE_FLAGS,
    {"if-match", OPTION_TEXT, offsetof(struct put_options, if_match), .value_name = "ETAG",
        .help = "Fails unless the object that is there has this ETag (s3 ls --json); the store "
                "itself makes sure"},
    S3_TRANSFER_FLAGS,
    S3_CLIENT_FLAGS,
};
const struct option_set s3_put_set = OPTION_SET("put", "Options", struct put_options, put_table);

struct put {
    struct s3_job job; /* .put */
    struct s3_session session;
    struct s3_progress progress;
    struct s3_stream in;
    struct s3_transfer_totals totals;
    struct s3_transfer_item item;
    struct error err;
    bool stored;
};

static void put_step(struct put *put)
{
    if (!put->stored)
        return;
    s3_stream_cancel(&put->in); /* reading ahead */
    if (!put->in.busy)
        s3_session_end(&put->session, put->err.code ? &put->err : NULL);
}

static void on_read(struct s3_stream *stream)
{
    struct put *put = container_of(stream, struct put, in);

    put->session.tool->resume(&put->job);
    put_step(put);
}

static int64_t read_input(struct s3_put *put, char *bytes, size_t size, struct error *err)
{
    struct put *own = container_of(put, struct put, job.put);
    const int64_t length = s3_stream_read(&own->in, bytes, size);

    if (length == -1)
        *err = own->in.err;
    return length == S3_STREAM_LATER ? HTTP_PAUSE : length;
}

static void on_stored(struct s3_put *put, const struct error *err)
{
    struct put *own = container_of(put, struct put, job.put);
    const struct cli *cli = own->session.cli;

    own->stored = true;
    if (err)
        own->err = *err;
    own->item.size = (int64_t)put->size;
    own->item.etag = put->etag;
    own->totals = (struct s3_transfer_totals){.done = !err, .bytes_done = put->size};
    s3_progress_clear(&own->progress);
    if (!err)
        s3_transfer_print(cli, &own->item, NULL);
    put_step(own);
}

/* ETags are in quotes on the wire and mostly without them elsewhere. */
static const char *quoted(struct cli *cli, const char *etag)
{
    if (!etag || etag[0] == '"' || text_starts(etag, "W/"))
        return etag;
    return arena_printf(&cli->arena, "\"%s\"", etag);
}

static int put_stream(struct put *put, const struct put_options *options, const char *url)
{
    struct s3_session *session = &put->session;
    struct s3_object_options object;
    struct s3_uri uri;
    struct error err;
    int code = s3_session_parse(session, url, &uri);

    if (code)
        return code;
    if (!*uri.key || text_ends(uri.key, "/")) {
        error_set(&err, ERROR_INVALID,
            "%s is a folder: standard input has no name, so name the object", url);
        return cli_fail(session->cli, &err);
    }
    s3_flags_object(
        &options->write, &session->cli->project->environment->s3, &session->cli->arena, &object);
    put->item = (struct s3_transfer_item){.from = "-", .to_bucket = uri.bucket, .to = uri.key};
    put->job.put = (struct s3_put){.bucket = uri.bucket,
        .key = uri.key,
        .source = {.kind = S3_SOURCE_STREAM, .read = read_input},
        .options = &object,
        .if_none_match = options->write.if_none_match || options->write.no_clobber,
        .if_match = quoted(session->cli, options->if_match),
        .done = on_stored};
    s3_progress_begin(&put->progress, session);
    code = s3_session_run(session, &put->job);
    s3_progress_end(&put->progress, code ? NULL : &put->totals);
    if (code && options->write.no_clobber && session->err.code == ERROR_EXISTS) {
        put->item.outcome = S3_TRANSFER_SKIPPED;
        put->item.etag = NULL;
        s3_transfer_print(session->cli, &put->item, NULL);
        return EXIT_OK;
    }
    return code ? cli_fail(session->cli, &session->err) : EXIT_OK;
}

int command_s3_put(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const struct put_options *own = options;
    struct put put = {.job = {.verb = S3_PUT}};
    int code;

    (void)arg_count;
    if (own->if_match && (own->write.if_none_match || own->write.no_clobber))
        return cli_usage_error(cli, NULL,
            "s3 put: --if-match is for an object that is there, --if-none-match and --no-clobber "
            "for one that is not");
    if (strcmp(args[0], "-") != 0)
        return s3_transfer_put(cli, &own->write, quoted(cli, own->if_match), args[0], args[1]);
    code = s3_session_open(&put.session, cli, &own->write.client);
    s3_stream_init_input(&put.in, 0, &put.session.stream, on_read);
    if (code == EXIT_OK)
        code = put_stream(&put, own, args[1]);
    code = s3_session_close(&put.session, code);
    s3_stream_deinit(&put.in);
    return code;
}
