/* Delivering of hooks: who is told in which order, what ends a hook and what leaves it for later.
 */
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/deliver.h"
#include "runner/engine/hooks.h"
#include "tests/unit/config_fixture.h"

#include <string.h>

enum { HOOKS_MAX = 8 };

#define URL "http://h/"

/* A catalog, a state and a server in one; each answers from a later turn of the loop. */
struct world {
    struct catalog catalog;
    struct state state;
    struct poster poster;
    struct engine engine;
    struct environment environment;
    struct loop loop;
    struct log *log;
    struct pipeline *pipeline;
    struct log_context context;
    struct deliver deliver;

    struct timer later; /* one operation at a time */
    void (*answer)(struct world *world);
    struct catalog_query *query;
    struct catalog_apply *apply;
    struct state_request *request;
    struct post_request *post;

    struct hook_due committed[HOOKS_MAX], failed[HOOKS_MAX];
    size_t committed_count, failed_count;
    const char *known_commit;  /* of a hook of the state: it was committed after all */
    const char *refuses;       /* URLs that hold this are not taken */
    bool lists_fail, hangs;    /* nobody answers until it is cancelled */
    struct buffer told, ended; /* "url body;" and "run place;" */
    struct table keys;
    unsigned done;
};

static struct world *world_of_timer(struct timer *timer)
{
    return container_of(timer, struct world, later);
}

static void on_later(struct timer *timer)
{
    struct world *world = world_of_timer(timer);

    world->answer(world);
}

static void answer_with(struct world *world, void (*answer)(struct world *world))
{
    world->answer = answer;
    timer_start(&world->later, 0, 0, on_later);
}

static const struct error broken = {
    .code = ERROR_IO, .class = ERROR_PERMANENT, .message = "broken"};

/* --- catalog --- */

static void answer_query(struct world *world)
{
    struct catalog_query *query = world->query;

    if (query->verb == CATALOG_LIST_HOOKS && !world->lists_fail) {
        query->hooks = world->committed;
        query->count = world->committed_count;
    } else if (query->verb == CATALOG_GET_COMMIT) {
        query->count = world->known_commit && strcmp(query->run_id, world->known_commit) == 0;
    }
    query->done(query, query->verb == CATALOG_LIST_HOOKS && world->lists_fail ? &broken : NULL);
}

static void start_query(struct catalog *catalog, struct catalog_query *query)
{
    struct world *world = container_of(catalog, struct world, catalog);

    world->query = query;
    answer_with(world, answer_query);
}

static void answer_apply(struct world *world)
{
    world->apply->done(world->apply, NULL);
}

static void start_apply(struct catalog *catalog, struct catalog_apply *apply)
{
    struct world *world = container_of(catalog, struct world, catalog);

    assert_int_equal(apply->count, 1);
    assert_int_equal(apply->changes->verb, CATALOG_END_HOOK);
    assert_int_equal(apply->fence, 7); /* who lost the lease ends nothing */
    buffer_printf(&world->ended, "%s %s;", apply->changes->hook.run_id, apply->changes->hook.place);
    world->apply = apply;
    answer_with(world, answer_apply);
}

static const struct catalog_type catalog_type = {.query = start_query, .apply = start_apply};

/* --- state --- */

static struct state_run history = {.run_id = "r1", .pipeline = "p", .instance = ""};

static void answer_request(struct world *world)
{
    struct state_request *request = world->request;

    if (request->verb == STATE_LIST_HOOKS) {
        request->due = world->failed;
        request->count = world->failed_count;
    } else if (request->verb == STATE_GET_RUN) {
        history.run_id = request->run_id;
        request->runs = &history;
        request->count = strcmp(request->run_id, "forgotten") != 0;
    }
    request->done(request, NULL);
}

static void start_request(struct state *state, struct state_request *request)
{
    struct world *world = container_of(state, struct world, state);

    if (request->verb == STATE_END_HOOK)
        buffer_printf(&world->ended, "%s %s;", request->run_id, request->place);
    world->request = request;
    answer_with(world, answer_request);
}

static const struct state_type state_type = {.start = start_request};

/* --- server --- */

static void answer_post(struct world *world)
{
    struct post_request *post = world->post;
    const bool refused = world->refuses && strstr(post->url, world->refuses);
    const struct error err = {
        .code = ERROR_IO, .class = ERROR_TRANSIENT, .message = "HTTP 503 from h"};

    post->status = refused ? 503 : 204;
    post->done(post, refused ? &err : NULL);
}

/* In place of an answer: somebody presses Ctrl-C. */
static void cancel_all(struct world *world)
{
    deliver_cancel(&world->deliver);
}

static void start_post(struct poster *poster, struct post_request *post)
{
    struct world *world = container_of(poster, struct world, poster);
    json_t *body = json_parse(post->body, strlen(post->body), NULL);
    const char *run = json_get_text(body, "run_id");

    assert_string_equal(post->headers[post->header_count - 1].name, "Idempotency-Key");
    table_put(&world->keys, post->headers[post->header_count - 1].value, world);
    buffer_printf(&world->told, "%s %s;", post->url + strlen(URL), run ? run : post->body);
    json_decref(body);
    world->post = post;
    post->poster = poster;
    answer_with(world, world->hangs ? cancel_all : answer_post);
}

static void answer_cancelled(struct world *world)
{
    struct error err;

    error_set(&err, ERROR_STOPPED, "cancelled");
    world->post->done(world->post, &err);
}

static void cancel_post(struct post_request *post)
{
    answer_with(container_of(post->poster, struct world, poster), answer_cancelled);
}

static const struct post_type post_type = {.start = start_post, .cancel = cancel_post};

/* --- the world --- */

static int set_up(void **state)
{
    const struct log_options options = {.format = LOG_FORMAT_JSON, .fd = -1, .filter = "off"};
    const struct pipeline_scope scope = {.run_id = "r", .due_ms = 1000, .for_run = true};
    static const char text[] =
        "name: p\nextract: {a: {from: x.csv, only_new: true}}\nload: {a: {into: n.t}}\n"
        "on_commit: [{url: " URL "1, attempts: 2}]\n"
        "on_failure: [{url: " URL "2, attempts: 1}]\nfinally: [{url: " URL "3, attempts: 1}]\n";
    struct world *world = mem_new(struct world);
    struct diagnostics problems;
    struct error err;

    diagnostics_init(&problems);
    world->pipeline = pipeline_parse("p.yaml", text, strlen(text), &scope, &problems);
    assert_non_null(world->pipeline);
    diagnostics_deinit(&problems);
    assert_int_equal(loop_init(&world->loop, &err), 0);
    world->log = log_new(&options, &err);
    world->catalog.type = &catalog_type;
    world->state.type = &state_type;
    world->poster.type = &post_type;
    world->engine = (struct engine){.loop = &world->loop,
        .log = world->log,
        .environment = &world->environment,
        .catalog = &world->catalog,
        .state = &world->state,
        .poster = &world->poster};
    timer_init(&world->later, &world->loop);
    buffer_init(&world->told, 0);
    buffer_init(&world->ended, 0);
    table_init(&world->keys);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    struct error err;

    timer_close(&world->later, NULL);
    loop_run(&world->loop);
    assert_int_equal(loop_deinit(&world->loop, &err), 0);
    log_free(world->log);
    pipeline_free(world->pipeline);
    buffer_deinit(&world->told);
    buffer_deinit(&world->ended);
    table_deinit(&world->keys);
    free(world);
    return 0;
}

static struct hook_due *add(
    struct world *world, struct hook_due *list, size_t *count, const char *run_id, bool committed)
{
    struct arena *arena = &world->pipeline->arena;
    const struct hook_due *due;
    size_t due_count;

    due = hooks_due(world->pipeline, run_id, committed, arena, &due_count);
    assert_true(*count + due_count <= HOOKS_MAX);
    for (size_t i = 0; i < due_count; i++) {
        list[*count] = due[i];
        list[(*count)++].created_ms = time_now_ms();
    }
    return &list[*count - due_count];
}

static struct hook_due *commit(struct world *world, const char *run_id)
{
    return add(world, world->committed, &world->committed_count, run_id, true);
}

static struct hook_due *lose(struct world *world, const char *run_id)
{
    return add(world, world->failed, &world->failed_count, run_id, false);
}

static void on_done(struct deliver *deliver)
{
    container_of(deliver, struct world, deliver)->done++;
}

static void deliver_all(struct world *world, bool earlier)
{
    deliver_start(&world->deliver, &world->engine, world->pipeline, "", "own", 7, &world->context,
        earlier, on_done);
    assert_int_equal(world->done, 0);
    loop_run(&world->loop);
    assert_int_equal(world->done, 1);
    deliver_deinit(&world->deliver);
    world->done = 0;
}

/* --- tests --- */

static void test_commits_then_failures(void **state)
{
    struct world *world = *state;

    commit(world, "r1");
    lose(world, "r2");
    commit(world, "own");
    deliver_all(world, false);
    assert_string_equal(world->told.data, "1 r1;3 r1;1 own;3 own;2 r2;3 r2;");
    assert_string_equal(world->ended.data,
        "r1 on_commit[1];r1 finally[1];own on_commit[1];own finally[1];"
        "r2 on_failure[1];r2 finally[1];");
    assert_int_equal(world->keys.count, 6);
}

static void test_nothing_to_tell(void **state)
{
    struct world *world = *state;

    deliver_all(world, false);
    deliver_all(world, true);
    assert_int_equal(world->told.length, 0);
    assert_int_equal(world->ended.length, 0);
}

/* What is not taken stays; its server is not asked again, the others are. */
static void test_a_server_that_does_not_answer(void **state)
{
    struct world *world = *state;

    commit(world, "r1");
    commit(world, "r2");
    world->refuses = URL "1";
    deliver_all(world, false);
    assert_string_equal(world->told.data, "1 r1;1 r1;3 r1;3 r2;"); /* attempts: 2 */
    assert_string_equal(world->ended.data, "r1 finally[1];r2 finally[1];");
    assert_int_equal(world->keys.count, 3); /* both attempts have the same */
}

/* Before a run: once, and nothing of the run itself. */
static void test_earlier_ones(void **state)
{
    struct world *world = *state;

    commit(world, "r1");
    lose(world, "own"); /* a process before had this id, and is gone */
    lose(world, "r2");
    world->refuses = URL "1";
    deliver_all(world, true);
    assert_string_equal(world->told.data, "1 r1;3 r1;2 r2;3 r2;");
    assert_string_equal(world->ended.data, "r1 finally[1];r2 on_failure[1];r2 finally[1];");
}

static void test_a_run_that_was_committed_has_not_failed(void **state)
{
    struct world *world = *state;

    lose(world, "r1");
    lose(world, "r2");
    world->known_commit = "r1";
    deliver_all(world, false);
    assert_string_equal(world->told.data, "2 r2;3 r2;");
    assert_string_equal(
        world->ended.data, "r1 on_failure[1];r1 finally[1];r2 on_failure[1];r2 finally[1];");
}

static void test_what_is_given_up(void **state)
{
    struct world *world = *state;
    struct hook_due *due = commit(world, "r1");

    due[0].created_ms -= 8LL * MS_PER_DAY;
    due[1].place = "on_failure[9]"; /* of no pipeline any more */
    due[1].target = "other";
    commit(world, "r2")[0].created_ms -= 6LL * MS_PER_DAY;
    deliver_all(world, false);
    assert_string_equal(world->told.data, "1 r2;3 r2;");
    assert_string_equal(
        world->ended.data, "r1 on_commit[1];r1 on_failure[9];r2 on_commit[1];r2 finally[1];");
}

/* Of its own; of a run that the history has lost. */
static void test_bodies(void **state)
{
    struct world *world = *state;

    commit(world, "r1")[0].body = "{\"text\":\"hi\"}";
    commit(world, "forgotten");
    deliver_all(world, false);
    assert_string_equal(world->told.data, "1 {\"text\":\"hi\"};3 r1;1 forgotten;3 forgotten;");
}

/* What the catalog does not say, the state may. */
static void test_lists_that_fail(void **state)
{
    struct world *world = *state;

    commit(world, "r1");
    lose(world, "r2");
    world->lists_fail = true;
    deliver_all(world, false);
    assert_string_equal(world->told.data, "2 r2;3 r2;");
}

static void test_cancelled_while_it_posts(void **state)
{
    struct world *world = *state;

    commit(world, "r1");
    world->hangs = true;
    deliver_all(world, false);
    assert_string_equal(world->told.data, "1 r1;"); /* nothing behind it */
    assert_int_equal(world->ended.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commits_then_failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_to_tell, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_server_that_does_not_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_earlier_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_run_that_was_committed_has_not_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists_that_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancelled_while_it_posts, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
