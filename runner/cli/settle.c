#include "runner/cli/settle.h"

#include "runner/base/mem.h"

#include <string.h>

void settle_ask(struct cli *cli, struct settle *settle)
{
    settle->leases.state = (struct state_request){.verb = STATE_LIST_LEASES};
    question_ask_state(cli, &settle->leases);
}

const struct state_lease *settle_lease(const struct settle *settle, const char *run_id)
{
    const struct state_request *request = &settle->leases.state;

    for (size_t i = 0; !settle->leases.err.code && i < request->count; i++) {
        if (text_equal(request->leases[i].run_id, run_id))
            return &request->leases[i];
    }
    return NULL;
}

static bool is_dead(const struct settle *settle, const struct state_run *run)
{
    return run->outcome == STATE_RUNNING && !settle->leases.err.code &&
           !settle_lease(settle, run->run_id);
}

static void take_record(struct state_run *run, const struct catalog_commit *commit)
{
    json_t *record =
        commit->record ? json_parse(commit->record, strlen(commit->record), NULL) : NULL;

    run->outcome = STATE_SUCCEEDED;
    run->finished_ms = commit->committed_ms;
    run->record = commit->record;
    run->rows = json_get_int(record, "rows", run->rows);
    run->bytes = (uint64_t)json_get_int(record, "bytes_written", (int64_t)run->bytes);
    json_decref(record);
}

static void settle_run(struct state_run *run, const struct question *commit)
{
    if (!commit->err.code && commit->catalog.count > 0) {
        take_record(run, &commit->catalog.commits[0]);
        return;
    }
    run->outcome = STATE_LOST;
    run->error = "its process ended without saying how";
}

static void forget_commits(struct settle *settle)
{
    for (size_t i = 0; i < settle->commit_count; i++)
        question_deinit(&settle->commits[i]);
    free(settle->commits);
    settle->commits = NULL;
    settle->commit_count = 0;
}

void settle_runs(
    struct cli *cli, struct settle *settle, struct state_run *const *runs, size_t count)
{
    forget_commits(settle);
    settle->commits = mem_calloc(MAX(count, 1), sizeof(*settle->commits));
    settle->commit_count = count;
    for (size_t i = 0; i < count; i++) {
        settle->commits[i].catalog =
            (struct catalog_query){.verb = CATALOG_GET_COMMIT, .run_id = runs[i]->run_id};
        if (is_dead(settle, runs[i]))
            question_ask_catalog(cli, &settle->commits[i]);
    }
    questions_wait(cli);
    for (size_t i = 0; i < count; i++) {
        if (is_dead(settle, runs[i]))
            settle_run(runs[i], &settle->commits[i]);
    }
}

void settle_deinit(struct settle *settle)
{
    forget_commits(settle);
    question_deinit(&settle->leases);
}
