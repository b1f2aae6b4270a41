/* Prints what the credentials chain finds, as one line of JSON: {"Ok": {…}} with the secret, or
 * {"Error": {"code", "class", "message"}}. For tests only: the program itself never shows a secret.
 * The trace log goes to stderr: no secret may be in it.
 *
 * usage: credentials_probe [--profile NAME] [--region NAME] [--unsigned] */
#include "connectors/aws/credentials.h"
#include "connectors/aws/settings_read.h"

#include "runner/base/json.h"
#include "runner/base/log.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdio.h>

struct probe {
    struct loop loop;
    struct work_pool *pool;
    struct work_lane lane;
    struct log *log;
    struct http *http;
    struct credentials_options options;
    struct credentials_chain *chain;
    struct credentials_request request;
    json_t *result;
};

static void fail(const struct error *err)
{
    fprintf(stderr, "credentials_probe: %s\n", err->message);
    exit(2);
}

static json_t *describe(const struct aws_credentials *credentials, const char *profile)
{
    json_t *result = json_object();
    struct aws_settings settings;

    json_put_text(result, "source", credentials->source);
    json_put_text(result, "access_key_id", credentials->access_key_id);
    json_put_text(result, "secret_access_key", credentials->secret_access_key);
    json_put_text(result, "session_token", credentials->session_token);
    json_put_text(result, "account_id", credentials->account_id);
    if (credentials->expires_ms)
        json_put_int(result, "expiry", credentials->expires_ms / 1000);
    aws_settings_read(&settings, profile);
    json_put_text(result, "region", aws_settings_region(&settings));
    aws_settings_deinit(&settings);
    return result;
}

static void on_credentials(struct credentials_request *request, const struct error *err)
{
    struct probe *probe = container_of(request, struct probe, request);
    json_t *failure = json_object();

    probe->result = json_object();
    if (err) {
        json_put_text(failure, "code", error_code_name(err->code));
        json_put_text(failure, "class", error_class_name(err->class));
        json_put_text(failure, "message", err->message);
        json_object_set(probe->result, "Error", failure);
    } else {
        json_object_set_new(
            probe->result, "Ok", describe(request->credentials, probe->options.profile));
        aws_credentials_unref(request->credentials);
    }
    json_decref(failure);
    credentials_chain_free(probe->chain);
}

static int parse(int argc, char **argv, struct credentials_options *options)
{
    for (int i = 1; i < argc; i++) {
        if (text_equal(argv[i], "--unsigned"))
            options->unsigned_access = true;
        else if (text_equal(argv[i], "--profile") && i + 1 < argc)
            options->profile = argv[++i];
        else if (text_equal(argv[i], "--region") && i + 1 < argc)
            options->region = argv[++i];
        else
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct probe probe = {.request = {.done = on_credentials}};
    struct error err = {0};
    char *line;
    bool failed;

    if (parse(argc, argv, &probe.options)) {
        fprintf(stderr, "usage: credentials_probe [--profile P] [--region R] [--unsigned]\n");
        return 2;
    }
    if (!(probe.log = log_new(&(struct log_options){.fd = 2, .filter = "trace"}, &err)) ||
        loop_init(&probe.loop, &err) || !(probe.pool = work_pool_new(&probe.loop, 2, &err)) ||
        !(probe.http = http_new(
              &(struct http_options){.loop = &probe.loop, .log = probe.log, .connections = 4},
              &err)))
        fail(&err);
    work_lane_init(&probe.lane, probe.pool, "files", 2);
    probe.options.loop = &probe.loop;
    probe.options.http = probe.http;
    probe.options.lane = &probe.lane;
    probe.chain = credentials_chain_new(&probe.options);
    credentials_start(probe.chain, &probe.request);
    loop_run(&probe.loop);

    http_free(probe.http);
    work_lane_deinit(&probe.lane);
    work_pool_free(probe.pool);
    if (loop_deinit(&probe.loop, &err))
        fail(&err);
    log_free(probe.log);
    line = json_line(probe.result);
    puts(line);
    failed = json_object_get(probe.result, "Error") != NULL;
    free(line);
    json_decref(probe.result);
    return failed ? 1 : 0;
}
