#include "runner/cli/questions.h"

#include "runner/base/mem.h"

static void on_state(struct state_request *request, const struct error *err)
{
    error_keep_first(&container_of(request, struct question, state)->err, err);
}

static void on_catalog(struct catalog_query *query, const struct error *err)
{
    error_keep_first(&container_of(query, struct question, catalog)->err, err);
}

void question_ask_state(struct cli *cli, struct question *question)
{
    struct state *state;

    arena_init(&question->arena);
    question->state.arena = &question->arena;
    question->state.done = on_state;
    if (engine_state(cli->engine, &state, &question->err) == 0)
        state->type->start(state, &question->state);
}

void question_ask_catalog(struct cli *cli, struct question *question)
{
    struct catalog *catalog;

    arena_init(&question->arena);
    question->catalog.arena = &question->arena;
    question->catalog.done = on_catalog;
    if (engine_catalog(cli->engine, &catalog, &question->err) == 0)
        catalog->type->query(catalog, &question->catalog);
}

void questions_wait(struct cli *cli)
{
    loop_run(&cli->loop);
}

void question_deinit(struct question *question)
{
    arena_deinit(&question->arena);
}
