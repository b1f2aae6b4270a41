/* presign, mb, rb, whoami: one request each, or none. */
#include "runner/base/mem.h"
#include "runner/cli/command_s3.h"
#include "runner/cli/s3_session.h"

#include <stddef.h>

/* --- presign --- */

struct presign_options {
    struct s3_flags client; /* the first */
    const char *method, *version_id;
    struct duration expires;
};

enum { EXPIRES_MAX_DAYS = 7 };

static int check_method(const char *text, struct error *err)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", NULL};

    for (size_t i = 0; methods[i]; i++) {
        if (text_equal(text, methods[i]))
            return 0;
    }
    return error_set(err, ERROR_INVALID, "\"%s\" is none of GET, HEAD, PUT, DELETE", text);
}

static const struct option presign_table[] = {
    {"expires", OPTION_DURATION, offsetof(struct presign_options, expires), .preset = "1h",
        .min = MS_PER_SECOND, .max = (double)EXPIRES_MAX_DAYS * MS_PER_DAY,
        .value_name = "DURATION",
        .help = "How long it can be used, up to 7d; temporary credentials may end it earlier"},
    {"method", OPTION_TEXT, offsetof(struct presign_options, method), .preset = "GET",
        .value_name = "METHOD", .check = check_method, .help = "GET, HEAD, PUT or DELETE"},
    {"version-id", OPTION_TEXT, offsetof(struct presign_options, version_id), .value_name = "ID",
        .help = "Of that version"},
    S3_CLIENT_FLAGS,
};
const struct option_set s3_presign_set =
    OPTION_SET("presign", "Options", struct presign_options, presign_table);

/* One job in its session. */
struct small {
    struct s3_job job;
    struct s3_session session;
};

static void on_presigned(struct s3_presign *presign, const struct error *err)
{
    struct small *small = container_of(presign, struct small, job.presign);

    if (!err && small->session.cli->globals.json)
        cli_print_json(json_pack("{s:o}", "url", json_text(presign->url)));
    else if (!err)
        puts(presign->url);
    s3_session_end(&small->session, err);
}

/* Opens, parses, runs, prints what went wrong. `set` fills in the job. */
static int run_small(struct small *small, struct cli *cli, const struct s3_flags *flags,
    const char *url, void (*set)(struct small *small, const struct s3_uri *uri, const void *data),
    const void *data)
{
    struct s3_uri uri = {.key = ""};
    int code = s3_session_open(&small->session, cli, flags);

    if (code == EXIT_OK && url)
        code = s3_session_parse(&small->session, url, &uri);
    if (code == EXIT_OK) {
        set(small, &uri, data);
        code = s3_session_run(&small->session, &small->job);
        if (code)
            code = cli_fail(cli, &small->session.err);
    }
    return code;
}

static void set_presign(struct small *small, const struct s3_uri *uri, const void *data)
{
    const struct presign_options *options = data;
    struct s3_query *query = arena_new(&small->session.cli->arena, struct s3_query);

    *query = (struct s3_query){"versionId", options->version_id};
    small->job.presign = (struct s3_presign){
        .method = options->method,
        .bucket = uri->bucket,
        .key = uri->key,
        .query = query,
        .query_count = options->version_id != NULL,
        .expires_s = (unsigned)(duration_ms(&options->expires) / MS_PER_SECOND),
        .done = on_presigned,
    };
}

int command_s3_presign(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const struct presign_options *own = options;
    struct small small = {.job = {.verb = S3_PRESIGN}};
    const int code = run_small(&small, cli, &own->client, args[0], set_presign, own);

    (void)arg_count;
    return s3_session_close(&small.session, code);
}

/* --- mb, rb --- */

struct bucket_options {
    struct s3_flags client; /* the first */
    bool force;
};

static const struct option mb_table[] = {S3_CLIENT_FLAGS};
const struct option_set s3_mb_set = OPTION_SET("mb", "Options", struct bucket_options, mb_table);

static const struct option rb_table[] = {
    {"force", OPTION_BOOL, offsetof(struct bucket_options, force),
        .help = "With all objects in it and all their versions"},
    S3_CLIENT_FLAGS,
};
const struct option_set s3_rb_set = OPTION_SET("rb", "Options", struct bucket_options, rb_table);

static void on_bucket(struct s3_bucket_request *request, const struct error *err)
{
    struct small *small = container_of(request, struct small, job.bucket);

    s3_session_end(&small->session, err);
}

static int check_bucket(struct s3_session *session, const char *url, struct s3_uri *ret_uri)
{
    struct error err;
    const int code = s3_session_parse(session, url, ret_uri);

    if (code || !*ret_uri->key)
        return code;
    error_set(&err, ERROR_INVALID, "%s is no bucket: leave out what follows s3://%s", url,
        ret_uri->bucket);
    return cli_fail(session->cli, &err);
}

static int run_bucket(struct small *small, const char *url, enum s3_bucket_verb verb)
{
    struct s3_session *session = &small->session;
    struct s3_uri uri;
    int code = check_bucket(session, url, &uri);

    if (code)
        return code;
    small->job.verb = S3_BUCKET;
    small->job.bucket =
        (struct s3_bucket_request){.verb = verb, .bucket = uri.bucket, .done = on_bucket};
    code = s3_session_run(session, &small->job);
    if (code && verb == S3_BUCKET_DELETE && session->err.code == ERROR_CONFLICT)
        error_set(&session->err, ERROR_CONFLICT,
            "%s; old versions count, too (ls --versions): --force deletes them",
            session->err.message);
    return code ? cli_fail(session->cli, &session->err) : EXIT_OK;
}

int command_s3_mb(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const struct bucket_options *own = options;
    struct small small = {0};
    int code = s3_session_open(&small.session, cli, &own->client);

    (void)arg_count;
    if (code == EXIT_OK)
        code = run_bucket(&small, args[0], S3_BUCKET_CREATE);
    return s3_session_close(&small.session, code);
}

static void on_emptied(struct s3_transfer *transfer, const struct error *err)
{
    struct small *small = container_of(transfer, struct small, job.transfer);

    s3_session_end(&small->session, err);
}

static void on_listed(struct s3_list *list, const struct error *err)
{
    struct small *small = container_of(list, struct small, job.list);

    s3_session_end(&small->session, err);
}

/* First all versions, then, where the store has none, the objects. */
static int empty_bucket(struct small *small, const char *url)
{
    struct s3_session *session = &small->session;
    struct s3_uri uri;
    int code = check_bucket(session, url, &uri);

    for (int versions = 1; versions >= 0 && code == EXIT_OK; versions--) {
        small->job.verb = S3_TRANSFER;
        small->job.transfer = (struct s3_transfer){
            .verb = S3_TRANSFER_REMOVE,
            .sources = &url,
            .source_count = 1,
            .recursive = true,
            .versions = versions,
            .done = on_emptied,
        };
        code = s3_session_run(session, &small->job);
        if (versions && code && session->err.code == ERROR_NOT_SUPPORTED)
            code = EXIT_OK;
        if (code)
            code = cli_fail(session->cli, &session->err);
    }
    return code;
}

/* Not every store refuses to delete a bucket with all that is in it. */
static int check_empty(struct small *small, const char *url)
{
    struct s3_session *session = &small->session;
    struct arena *arena = &session->cli->arena;
    struct s3_uri uri;
    struct error err;
    int code = check_bucket(session, url, &uri);

    if (code)
        return code;
    small->job.verb = S3_LIST;
    small->job.list = (struct s3_list){
        .bucket = uri.bucket, .limit = 1, .page_size = 1, .arena = arena, .done = on_listed};
    code = s3_session_run(session, &small->job);
    if (code)
        return cli_fail(session->cli, &session->err);
    if (small->job.list.count == 0)
        return EXIT_OK;
    error_set(&err, ERROR_CONFLICT,
        "s3://%s is not empty; --force deletes it with all that is in it", uri.bucket);
    return cli_fail(session->cli, &err);
}

int command_s3_rb(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const struct bucket_options *own = options;
    struct small small = {0};
    int code = s3_session_open(&small.session, cli, &own->client);

    (void)arg_count;
    if (code == EXIT_OK)
        code = own->force ? empty_bucket(&small, args[0]) : check_empty(&small, args[0]);
    if (code == EXIT_OK)
        code = run_bucket(&small, args[0], S3_BUCKET_DELETE);
    return s3_session_close(&small.session, code);
}

/* --- whoami --- */

static const struct option whoami_table[] = {S3_CLIENT_FLAGS};
const struct option_set s3_whoami_set =
    OPTION_SET("whoami", "Options", struct s3_flags, whoami_table);

static void print_identity_json(const struct s3_identity *identity)
{
    json_t *value = json_object();

    json_put_text(value, "source", identity->source);
    json_put_text(value, "access_key_id", identity->access_key_id);
    json_put_text(value, "account", identity->account_id);
    if (identity->expires_ms)
        json_put_time(value, "expires", identity->expires_ms);
    json_put_text(value, "region", identity->region);
    json_put_text(value, "endpoint", identity->endpoint);
    cli_print_json(value);
}

static void print_fact(const char *name, const char *value)
{
    struct buffer shown;

    buffer_init(&shown, 0);
    text_append_printable(&shown, value);
    printf("%-10s%s\n", name, shown.data);
    buffer_deinit(&shown);
}

static void print_identity(const struct s3_identity *identity)
{
    char expires[TIME_TEXT_SIZE] = "never";

    if (identity->expires_ms)
        time_format_rfc3339(identity->expires_ms, expires);
    print_fact("source", identity->source ? identity->source : "unknown");
    print_fact("key id", identity->access_key_id ? identity->access_key_id : "none: unsigned");
    print_fact("expires", expires);
    if (identity->account_id)
        print_fact("account", identity->account_id);
    print_fact("region", identity->region);
    print_fact("endpoint", identity->endpoint ? identity->endpoint : "AWS");
}

static void on_identity(struct s3_identity *identity, const struct error *err)
{
    struct small *small = container_of(identity, struct small, job.identity);

    if (!err && small->session.cli->globals.json)
        print_identity_json(identity);
    else if (!err)
        print_identity(identity);
    s3_session_end(&small->session, err);
}

static void set_identity(struct small *small, const struct s3_uri *uri, const void *data)
{
    (void)uri, (void)data;
    small->job.identity = (struct s3_identity){.done = on_identity};
}

int command_s3_whoami(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct small small = {.job = {.verb = S3_IDENTITY}};
    const int code = run_small(&small, cli, options, NULL, set_identity, NULL);

    (void)args, (void)arg_count;
    return s3_session_close(&small.session, code);
}
