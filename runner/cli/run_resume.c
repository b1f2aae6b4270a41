#include "runner/cli/run_resume.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/questions.h"
#include "runner/engine/run_json.h"

#include <string.h>

static bool is_given(const struct option_pairs *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++) {
        if (strcmp(params->items[i].name, name) == 0)
            return true;
    }
    return false;
}

/* A record that was written at the end says them no more: then the defaults count again. */
static void take_params(struct run_flags *flags, struct cli *cli, const struct state_run *run)
{
    json_t *record = run_json_record(run), *params = json_object_get(record, "params"), *value;
    const size_t count = flags->params.count;
    struct option_pair *items =
        arena_array(&cli->arena, count + json_object_size(params), sizeof(*items));
    const char *name;

    if (count > 0)
        memcpy(items, flags->params.items, count * sizeof(*items));
    flags->params.items = items;
    json_object_foreach(params, name, value)
    {
        if (json_is_string(value) && !is_given(&flags->params, name))
            items[flags->params.count++] =
                (struct option_pair){.name = arena_strdup(&cli->arena, name),
                    .value = arena_strdup(&cli->arena, json_string_value(value))};
    }
    json_decref(record);
}

static int find(struct run_flags *flags, struct cli *cli, struct question *found)
{
    const struct state_run *run;

    if (flags->run_id || flags->due_ms)
        return error_set(&found->err, ERROR_INVALID,
            "--resume: the run has its own id and due time; leave %s out",
            flags->run_id ? "--run-id" : "--due");
    question_ask_state(cli, found);
    questions_wait(cli);
    if (found->err.code)
        return -1;
    if (found->state.count == 0)
        return error_set(&found->err, ERROR_INVALID,
            "--resume: there is no run \"%s\" in environment %s; sluice runs lists them",
            flags->resume, cli->project->environment->item.name);
    run = &found->state.runs[0];
    flags->run_id = arena_strdup(&cli->arena, run->run_id);
    flags->due_ms = run->due_ms;
    flags->resumed_pipeline = arena_strdup(&cli->arena, run->pipeline);
    take_params(flags, cli, run);
    return 0;
}

int run_resume(struct run_flags *flags, struct cli *cli)
{
    struct question found = {.state = {.verb = STATE_GET_RUN, .run_id = flags->resume}};
    int code = cli_open_engine(cli, false);

    if (code)
        return code;
    if (find(flags, cli, &found))
        code = cli_fail(cli, &found.err);
    question_deinit(&found);
    return code;
}

int run_resume_check(const struct run_flags *flags, const char *pipeline, struct error *err)
{
    if (!flags->resumed_pipeline || text_equal(flags->resumed_pipeline, pipeline))
        return 0;
    return error_set(err, ERROR_INVALID, "--resume: run %s was one of %s, not of %s", flags->run_id,
        flags->resumed_pipeline, pipeline);
}
