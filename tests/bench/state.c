/* What lease, journal and record cost a run, on the embedded state: the requests of one run, one
 * after the other, as the engine makes them, with the loop and the threads that they need.
 *
 *   state runs FILE COUNT        prints the median of a run's requests in microseconds */
#include "connectors/state_sqlite/state_sqlite.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct loop loop;
    struct work_pool *pool;
    struct work_lane lane;
    struct state *state;
    struct arena arena;
};

static void check(int result, const struct error *err)
{
    if (!result)
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void on_done(struct state_request *request, const struct error *err)
{
    (void)request;
    check(err ? -1 : 0, err);
}

static void ask(struct bench *bench, struct state_request *request)
{
    request->arena = &bench->arena;
    request->done = on_done;
    request->pipeline = "bench";
    request->instance = "";
    bench->state->type->start(bench->state, request);
    loop_run(&bench->loop);
}

static void put_run(struct bench *bench, const struct state_lease *lease, bool ended)
{
    struct state_request request = {.verb = STATE_PUT_RUN,
        .lease = *lease,
        .run = {.run_id = lease->run_id,
            .pipeline = "bench",
            .instance = "",
            .started_ms = time_now_ms(),
            .finished_ms = ended ? time_now_ms() : 0,
            .outcome = ended ? STATE_SUCCEEDED : STATE_RUNNING,
            .rows = 1000,
            .bytes = 100000,
            .record = "{\"tasks\":[{\"task\":\"load.x\",\"into\":\"n.t\",\"rows\":1000}]}"}};

    ask(bench, &request);
}

static void add_journal(struct bench *bench, const struct state_lease *lease, const char *kind)
{
    struct state_request request = {.verb = STATE_ADD_JOURNAL,
        .journal = {
            .run_id = lease->run_id, .kind = kind, .what = "bench/table/1", .fence = lease->fence}};

    ask(bench, &request);
}

/* A run of one object into one table. */
static void one_run(struct bench *bench, const char *run_id)
{
    static const enum state_verb last[] = {
        STATE_RENEW_LEASE, STATE_CLEAR_JOURNAL, STATE_RELEASE_LEASE};
    static const char *const journal[] = {"folder", "object", "table", "file"};
    struct state_request request = {.verb = STATE_ACQUIRE_LEASE,
        .lease = {.pipeline = "bench", .instance = "", .run_id = run_id, .ttl_ms = 60000}};
    struct state_lease lease;

    ask(bench, &request);
    lease = request.lease;
    request = (struct state_request){.verb = STATE_LIST_JOURNAL, .run_id = run_id};
    ask(bench, &request);
    put_run(bench, &lease, false);
    for (size_t i = 0; i < ARRAY_LENGTH(journal); i++)
        add_journal(bench, &lease, journal[i]);
    for (size_t i = 0; i < ARRAY_LENGTH(last); i++) {
        if (last[i] == STATE_CLEAR_JOURNAL)
            put_run(bench, &lease, true);
        request = (struct state_request){.verb = last[i], .run_id = run_id, .lease = lease};
        ask(bench, &request);
    }
}

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static int64_t median_of_runs(struct bench *bench, long count)
{
    int64_t *times = mem_calloc((size_t)count, sizeof(*times)), median;

    for (long i = 0; i < count; i++) {
        char run_id[48];
        uint64_t begin_ns;

        snprintf(run_id, sizeof(run_id), "01a1fe67-aeba-786f-bec2-%012ld", i);
        arena_init(&bench->arena);
        begin_ns = time_monotonic_ns();
        one_run(bench, run_id);
        times[i] = (int64_t)(time_monotonic_ns() - begin_ns) / 1000;
        arena_deinit(&bench->arena);
    }
    mem_sort(times, (size_t)count, sizeof(*times), compare_times);
    median = times[count / 2];
    free(times);
    return median;
}

int main(int argc, char **argv)
{
    const long count = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    struct state_options options = {0};
    struct error err = {0};
    struct bench bench = {0};

    if (count < 1 || strcmp(argv[1], "runs") != 0) {
        fprintf(stderr, "usage: state runs FILE COUNT\n");
        return 2;
    }
    check(loop_init(&bench.loop, &err), &err);
    bench.pool = work_pool_new(&bench.loop, 2, &err);
    check(bench.pool ? 0 : -1, &err);
    work_lane_init(&bench.lane, bench.pool, "state", 1);
    options = (struct state_options){
        .loop = &bench.loop, .pool = bench.pool, .lane = &bench.lane, .location = argv[2]};
    bench.state = state_sqlite_type.open(&options, &err);
    check(bench.state ? 0 : -1, &err);
    printf("%lld\n", (long long)median_of_runs(&bench, count));
    bench.state->type->close(bench.state);
    loop_run(&bench.loop);
    work_lane_deinit(&bench.lane);
    work_pool_free(bench.pool);
    loop_run(&bench.loop);
    check(loop_deinit(&bench.loop, &err), &err);
    return 0;
}
