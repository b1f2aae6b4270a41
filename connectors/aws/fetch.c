#include "connectors/aws/fetch.h"

#include "connectors/aws/answer.h"
#include "connectors/aws/credentials_private.h"
#include "connectors/aws/fetch_ask.h"
#include "connectors/aws/process.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <string.h>

static void fetch_step(struct credentials_fetch *fetch);

/* --- what callbacks do: record, then step --- */

static void on_job(struct work *work, bool ran)
{
    struct fetch_job *job = container_of(work, struct fetch_job, work);
    struct credentials_fetch *fetch = container_of(job, struct credentials_fetch, job);
    struct error stopped;

    fetch->job_busy = false;
    if (!ran) {
        error_set(&stopped, ERROR_STOPPED, "cancelled");
        error_keep_first(&fetch->err, &stopped);
    }
    error_keep_first(&fetch->err, &job->err);
    fetch_step(fetch);
}

static void on_exchange(struct exchange *exchange, const struct error *err)
{
    struct credentials_fetch *fetch = container_of(exchange, struct credentials_fetch, exchange);

    fetch->exchange_busy = false;
    if (err)
        error_keep_first(&fetch->err, err);
    fetch_step(fetch);
}

/* --- what states do on entry --- */

static void submit(struct credentials_fetch *fetch)
{
    fetch->job_busy = true;
    work_submit(fetch->lane, &fetch->job.work);
}

static void read_profiles(struct credentials_fetch *fetch)
{
    fetch_job_init(&fetch->job, on_job);
    for (int file = PROFILE_CONFIG; file <= PROFILE_CREDENTIALS; file++)
        fetch->job.files[file] = (struct fetch_file){
            .path = aws_profile_path(&fetch->environment, (enum profile_file)file),
            .limit = PROFILE_FILE_BYTES_MAX,
            .text = fetch->job.files[file].text,
        };
    submit(fetch);
}

/* The token's file, or the program; false: fetch->err says why not. */
static bool run_locally(struct credentials_fetch *fetch)
{
    const struct credentials_plan *plan = &fetch->plan;

    fetch_job_deinit(&fetch->job);
    fetch_job_init(&fetch->job, on_job);
    if (plan->kind == PLAN_PROCESS) {
        buffer_deinit(&fetch->job.files[0].text);
        buffer_init(&fetch->job.files[0].text, FETCH_PROCESS_BYTES_MAX);
        if (process_words(plan->command, &fetch->job.words, &fetch->err)) {
            error_prefix(&fetch->err, "%s", plan->source);
            return false;
        }
    } else {
        fetch->job.files[0].path = mem_strdup(plan->token_file);
        fetch->job.files[0].limit = FETCH_TOKEN_BYTES_MAX;
    }
    submit(fetch);
    return true;
}

static void enter_state(struct credentials_fetch *fetch, enum fetch_state state)
{
    fetch->state = state; /* the one place where it changes */
    switch (state) {
    case FETCH_READING_PROFILES:
        read_profiles(fetch);
        break;
    case FETCH_RUNNING_LOCALLY:
        if (!run_locally(fetch))
            fetch->state = FETCH_DONE;
        break;
    case FETCH_METADATA_TOKEN:
        fetch_ask_metadata_token(fetch);
        break;
    case FETCH_METADATA_ROLE:
        fetch_ask_metadata_role(fetch);
        break;
    case FETCH_ASKING:
        fetch_ask_source(fetch);
        break;
    case FETCH_ASSUMING:
        fetch_ask_role(fetch);
        break;
    case FETCH_IDLE:
    case FETCH_DONE:
        break;
    }
}

/* --- what is decided when a state is over --- */

static enum fetch_state after_source(const struct credentials_fetch *fetch)
{
    return fetch->role_index < fetch->plan.role_count ? FETCH_ASSUMING : FETCH_DONE;
}

static enum fetch_state failed(struct credentials_fetch *fetch)
{
    assert(fetch->err.code);
    return FETCH_DONE;
}

static void make_settings(struct credentials_fetch *fetch)
{
    struct aws_file files[FETCH_FILES_MAX];

    for (unsigned i = 0; i < FETCH_FILES_MAX; i++) {
        const struct fetch_file *file = &fetch->job.files[i];

        files[i] =
            (struct aws_file){file->path, file->found ? file->text.data : NULL, file->text.length};
    }
    aws_settings_init(&fetch->settings, &fetch->environment, fetch->profile, &files[0], &files[1]);
}

/* The keys are in the plan, or none are wanted. */
static enum fetch_state take_static(struct credentials_fetch *fetch)
{
    const struct credentials_plan *plan = &fetch->plan;
    const struct aws_credentials texts = {
        .access_key_id = plan->access_key_id,
        .secret_access_key = plan->secret_access_key,
        .session_token = plan->session_token,
        .account_id = plan->account_id,
        .source = plan->source,
    };

    fetch->credentials = aws_credentials_new(&texts, &fetch->err);
    return fetch->credentials ? after_source(fetch) : failed(fetch);
}

static enum fetch_state decide(struct credentials_fetch *fetch)
{
    make_settings(fetch);
    if (credentials_plan_make(
            &fetch->settings, &fetch->options, &fetch->arena, &fetch->plan, &fetch->err))
        return failed(fetch);
    fetch->planned = true;
    switch (fetch->plan.kind) {
    case PLAN_UNSIGNED:
    case PLAN_STATIC:
        return take_static(fetch);
    case PLAN_METADATA:
        return FETCH_METADATA_TOKEN;
    case PLAN_CONTAINER:
        if (fetch->plan.token_file)
            return FETCH_RUNNING_LOCALLY;
        if (fetch->plan.token && fetch_keep_token(fetch, fetch->plan.token,
                                     "AWS_CONTAINER_AUTHORIZATION_TOKEN", &fetch->err))
            return failed(fetch);
        return FETCH_ASKING;
    case PLAN_WEB_IDENTITY:
    case PLAN_SSO:
    case PLAN_PROCESS:
        break;
    }
    return FETCH_RUNNING_LOCALLY;
}

static int take_sso_token(
    struct credentials_fetch *fetch, const struct buffer *text, struct error *err)
{
    char *token = answer_sso_token(text, fetch->plan.sso_profile, time_now_ms(), err);
    const int result = token ? fetch_keep_token(fetch, token, "the cached SSO token", err) : -1;

    aws_forget(token);
    return result;
}

static enum fetch_state take_local(struct credentials_fetch *fetch)
{
    const struct credentials_plan *plan = &fetch->plan;
    const struct fetch_file *file = &fetch->job.files[0];
    struct error *err = &fetch->err;
    int result;

    if (plan->kind == PLAN_PROCESS) {
        fetch->credentials = answer_process(&file->text, plan->source, plan->account_id, err);
        return fetch->credentials ? after_source(fetch) : failed(fetch);
    }
    if (!file->found) {
        if (plan->kind == PLAN_SSO)
            error_set(err, ERROR_DENIED, "%s: there is no %s: run `aws sso login --profile %s`",
                plan->source, plan->token_file, plan->sso_profile);
        else
            error_set(err, ERROR_DENIED, "%s: there is no %s", plan->source, plan->token_file);
        return failed(fetch);
    }
    if (plan->kind == PLAN_SSO)
        result = take_sso_token(fetch, &file->text, err);
    else
        result = fetch_keep_token(fetch, file->text.data, plan->token_file, err);
    return result ? failed(fetch) : FETCH_ASKING;
}

/* Version 1 has no token: only where it is asked for, and version 2 was not refused. */
static bool goes_on_without_token(const struct credentials_fetch *fetch)
{
    return fetch->state == FETCH_METADATA_TOKEN && fetch->plan.metadata_v1 && !fetch->cancelled &&
           fetch->err.detail != 403 && fetch->err.detail != 400;
}

static enum fetch_state next_state(struct credentials_fetch *fetch)
{
    if (fetch->cancelled)
        error_set(&fetch->err, ERROR_STOPPED, "cancelled");
    if (fetch->err.code && goes_on_without_token(fetch))
        error_clear(&fetch->err);
    if (fetch->err.code)
        return FETCH_DONE;
    switch (fetch->state) {
    case FETCH_READING_PROFILES:
        return decide(fetch);
    case FETCH_RUNNING_LOCALLY:
        return take_local(fetch);
    case FETCH_METADATA_TOKEN:
        return FETCH_METADATA_ROLE;
    case FETCH_METADATA_ROLE:
        return FETCH_ASKING;
    case FETCH_ASSUMING:
        fetch->role_index++;
        return after_source(fetch);
    case FETCH_ASKING:
    case FETCH_IDLE:
    case FETCH_DONE:
        break;
    }
    return after_source(fetch);
}

/* --- the end --- */

/* Who was asked stands in front, the whole chain of roles never: it would push out what they said.
 * Where the instance was only a guess, what matters is what came before it. */
static void explain(struct credentials_fetch *fetch)
{
    const struct error why = fetch->err;
    const struct plan_role *role = &fetch->plan.roles[fetch->role_index];

    if (!fetch->planned || why.class == ERROR_CANCELLED)
        return;
    if (fetch->credentials && fetch->role_index < fetch->plan.role_count)
        error_prefix(&fetch->err, "profile %s, role %s", role->profile, role->arn);
    else if (!strstr(why.message, fetch->plan.source))
        error_prefix(&fetch->err, "%s", fetch->plan.source);
    if (fetch->plan.only_guess) {
        error_set(&fetch->err, ERROR_DENIED, "no credentials of AWS: %s; %s", fetch->plan.notes,
            fetch->err.message);
        if (why.detail >= 500) /* there is one, and it is in trouble */
            error_set_class(&fetch->err, why.class);
    }
}

static void release(struct credentials_fetch *fetch)
{
    fetch_job_deinit(&fetch->job);
    aws_forget(fetch->token);
    fetch->token = NULL;
    if (fetch->body.length)
        explicit_bzero(fetch->body.data, fetch->body.length);
    buffer_deinit(&fetch->body);
    buffer_deinit(&fetch->url);
    buffer_deinit(&fetch->authorization);
    aws_settings_deinit(&fetch->settings);
    arena_deinit(&fetch->arena);
}

/* --- the whole flow --- */

static void fetch_step(struct credentials_fetch *fetch)
{
    enter_state(fetch, next_state(fetch));
    if (fetch->state != FETCH_DONE)
        return;
    assert(!fetch->job_busy && !fetch->exchange_busy);
    if (fetch->err.code) {
        explain(fetch);
        fetch_keep(fetch, NULL);
    }
    release(fetch);
    fetch->state = FETCH_IDLE;
    fetch->done(fetch, fetch->err.code ? &fetch->err : NULL);
}

void credentials_fetch_start(struct credentials_fetch *fetch)
{
    assert(fetch->state == FETCH_IDLE);
    fetch->credentials = NULL;
    fetch->err = (struct error){0};
    fetch->cancelled = fetch->planned = false;
    fetch->role_index = 0;
    fetch->exchange.done = on_exchange;
    arena_init(&fetch->arena);
    buffer_init(&fetch->url, 0);
    buffer_init(&fetch->body, 0);
    buffer_init(&fetch->authorization, 0);
    enter_state(fetch, FETCH_READING_PROFILES);
}

void credentials_fetch_cancel(struct credentials_fetch *fetch)
{
    if (fetch->state == FETCH_IDLE || fetch->cancelled)
        return;
    fetch->cancelled = true;
    if (fetch->job_busy)
        work_cancel(&fetch->job.work);
    if (fetch->exchange_busy)
        exchange_cancel(&fetch->exchange);
}
