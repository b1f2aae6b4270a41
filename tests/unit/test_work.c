#include "runner/io/work.h"
#include "tests/unit/io_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* --- a pool with two lanes: "serial" runs one job at a time, "wide" three --- */

enum { JOBS = 400, WIDE_LIMIT = 3, THREADS = 4 };

struct pool {
    struct loop loop;
    struct work_pool *pool;
    struct work_lane serial, wide;
};

static void pool_init(struct pool *pool)
{
    struct error err = {0};

    fixture_loop_init(&pool->loop);
    pool->pool = work_pool_new(&pool->loop, THREADS, &err);
    assert_non_null(pool->pool);
    work_lane_init(&pool->serial, pool->pool, "serial", 1);
    work_lane_init(&pool->wide, pool->pool, "wide", WIDE_LIMIT);
}

static void pool_deinit(struct pool *pool)
{
    work_lane_deinit(&pool->serial);
    work_lane_deinit(&pool->wide);
    work_pool_free(pool->pool);
    fixture_loop_deinit(&pool->loop);
}

/* --- jobs that count what happens to them --- */

struct shared {
    atomic_uint running, most_running, started;
};

struct job {
    struct work work;
    struct shared *shared;
    struct work_lane *lane; /* of a job that is submitted again */
    unsigned sleep_us;
    unsigned started_as; /* its number in the order of starts, 1 …; plain memory on purpose: the
                            pool must order it before `done` */
    unsigned done_count, ran_count, repeat;
    unsigned until_running; /* waits until that many have run at once */
    bool until_cancelled, free_in_done;
    unsigned *freed;
    pthread_t thread;
};

static void run_job(struct work *work)
{
    struct job *job = container_of(work, struct job, work);
    const unsigned now = atomic_fetch_add(&job->shared->running, 1) + 1;
    unsigned most = atomic_load(&job->shared->most_running);

    while (most < now && !atomic_compare_exchange_weak(&job->shared->most_running, &most, now)) {
    }
    job->started_as = atomic_fetch_add(&job->shared->started, 1) + 1;
    job->thread = pthread_self();
    while (job->until_cancelled && !work_cancelled(work))
        usleep(100);
    while (atomic_load(&job->shared->most_running) < job->until_running)
        usleep(100);
    if (job->sleep_us)
        usleep(job->sleep_us);
    atomic_fetch_sub(&job->shared->running, 1);
}

static void on_job_done(struct work *work, bool ran)
{
    struct job *job = container_of(work, struct job, work);

    job->done_count++;
    job->ran_count += ran;
    if (job->free_in_done) {
        (*job->freed)++;
        free(job);
    }
}

static void jobs_init(struct job *jobs, unsigned count, struct shared *shared)
{
    memset(jobs, 0, count * sizeof(*jobs));
    for (unsigned i = 0; i < count; i++) {
        jobs[i].work.run = run_job;
        jobs[i].work.done = on_job_done;
        jobs[i].shared = shared;
    }
}

/* --- order and limits --- */

static void test_serial_lane_keeps_order_and_never_overlaps(void **state)
{
    static struct job jobs[JOBS];
    struct shared shared = {0};
    struct pool pool;

    (void)state;
    pool_init(&pool);
    jobs_init(jobs, JOBS, &shared);
    for (unsigned i = 0; i < JOBS; i++) {
        work_submit(&pool.serial, &jobs[i].work);
        assert_int_equal(jobs[i].done_count, 0);
    }
    loop_run(&pool.loop);
    assert_int_equal(shared.most_running, 1);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].started_as, i + 1);
        assert_int_equal(jobs[i].done_count, 1);
        assert_int_equal(jobs[i].ran_count, 1);
        assert_false(pthread_equal(jobs[i].thread, pthread_self()));
    }
    pool_deinit(&pool);
}

static void test_lanes_keep_to_their_limits_and_share_the_threads(void **state)
{
    static struct job serial_jobs[JOBS / 10], wide_jobs[JOBS / 10];
    struct shared serial = {0}, wide = {0};
    struct pool pool;

    (void)state;
    pool_init(&pool);
    jobs_init(serial_jobs, JOBS / 10, &serial);
    jobs_init(wide_jobs, JOBS / 10, &wide);
    for (unsigned i = 0; i < JOBS / 10; i++) {
        serial_jobs[i].sleep_us = wide_jobs[i].sleep_us = 2000;
        wide_jobs[i].until_running = WIDE_LIMIT; /* however late a busy machine starts a thread */
        work_submit(&pool.serial, &serial_jobs[i].work);
        work_submit(&pool.wide, &wide_jobs[i].work);
    }
    loop_run(&pool.loop);
    assert_int_equal(serial.most_running, 1);
    assert_int_equal(wide.most_running, WIDE_LIMIT);
    for (unsigned i = 0; i < JOBS / 10; i++)
        assert_true(serial_jobs[i].ran_count == 1 && wide_jobs[i].ran_count == 1);
    pool_deinit(&pool);
}

/* Each job waits for all the others: it ends only if as many run at once as the limit allows. */
static void run_with_the_others(struct work *work)
{
    struct job *job = container_of(work, struct job, work);

    atomic_fetch_add(&job->shared->running, 1);
    while (atomic_load(&job->shared->running) < WIDE_LIMIT)
        usleep(100);
}

static void test_a_submitted_job_finds_a_thread(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 50; round++) {
        struct job jobs[WIDE_LIMIT];
        struct shared shared = {0};
        struct pool pool;

        pool_init(&pool);
        jobs_init(jobs, WIDE_LIMIT, &shared);
        for (unsigned i = 0; i < WIDE_LIMIT; i++) {
            jobs[i].work.run = run_with_the_others;
            work_submit(&pool.wide, &jobs[i].work);
            if (round % 2)
                usleep(50); /* threads of all ages: fresh, idle, on their way to sleep */
        }
        loop_run(&pool.loop);
        assert_int_equal(shared.running, WIDE_LIMIT);
        pool_deinit(&pool);
    }
}

/* --- again, and freed, from within done --- */

static void on_done_submit_again(struct work *work, bool ran)
{
    struct job *job = container_of(work, struct job, work);

    job->done_count++;
    job->ran_count += ran;
    if (job->done_count < job->repeat)
        work_submit(job->lane, work);
}

static void test_submit_again_from_done(void **state)
{
    struct shared shared = {0};
    struct job jobs[3];
    struct pool pool;

    (void)state;
    pool_init(&pool);
    jobs_init(jobs, 3, &shared);
    for (unsigned i = 0; i < 3; i++) {
        jobs[i].work.done = on_done_submit_again;
        jobs[i].lane = i ? &pool.wide : &pool.serial;
        jobs[i].repeat = 200;
        work_submit(jobs[i].lane, &jobs[i].work);
    }
    loop_run(&pool.loop);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(jobs[i].ran_count, 200);
    pool_deinit(&pool);
}

static void test_free_in_done(void **state)
{
    struct shared shared = {0};
    struct pool pool;
    unsigned freed = 0;

    (void)state;
    pool_init(&pool);
    for (unsigned i = 0; i < JOBS; i++) {
        struct job *job = mem_new(struct job);

        jobs_init(job, 1, &shared);
        job->free_in_done = true;
        job->freed = &freed;
        work_submit(&pool.wide, &job->work);
        if (i % 3 == 0)
            work_cancel(&job->work);
    }
    loop_run(&pool.loop);
    assert_int_equal(freed, JOBS);
    pool_deinit(&pool);
}

struct last_job {
    struct job job;
    struct pool pool;
};

static void on_done_free_pool(struct work *work, bool ran)
{
    struct last_job *last = container_of(work, struct last_job, job.work);

    on_job_done(work, ran);
    work_lane_deinit(&last->pool.serial);
    work_lane_deinit(&last->pool.wide);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): this job is not one that frees itself */
    work_pool_free(last->pool.pool);
}

static void test_the_pool_may_go_with_its_last_job(void **state)
{
    struct shared shared = {0};
    struct last_job last;

    (void)state;
    pool_init(&last.pool);
    jobs_init(&last.job, 1, &shared);
    last.job.work.done = on_done_free_pool;
    work_submit(&last.pool.serial, &last.job.work);
    loop_run(&last.pool.loop);
    assert_int_equal(last.job.done_count, 1);
    work_cancel(&last.job.work); /* harmless, though its lane is gone */
    fixture_loop_deinit(&last.pool.loop);
}

/* --- cancel --- */

static void test_cancel_waiting(void **state)
{
    struct shared shared = {0};
    struct job jobs[4];
    struct pool pool;

    (void)state;
    pool_init(&pool);
    jobs_init(jobs, 4, &shared);
    jobs[0].until_cancelled = true; /* holds the lane */
    for (unsigned i = 0; i < 4; i++)
        work_submit(&pool.serial, &jobs[i].work);
    work_cancel(&jobs[2].work);
    work_cancel(&jobs[2].work); /* again is harmless */
    assert_int_equal(jobs[2].done_count, 0);
    while (jobs[2].done_count == 0)
        uv_run(&pool.loop.uv, UV_RUN_ONCE);
    assert_int_equal(jobs[2].ran_count, 0);
    assert_int_equal(jobs[0].done_count, 0);
    while (atomic_load(&shared.started) == 0)
        usleep(100);
    work_cancel(&jobs[0].work);
    loop_run(&pool.loop);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(jobs[i].done_count, 1);
        assert_int_equal(jobs[i].ran_count, i != 2);
    }
    assert_int_equal(jobs[3].started_as, 3);
    work_cancel(&jobs[3].work); /* done: harmless */
    loop_run(&pool.loop);
    assert_int_equal(jobs[3].done_count, 1);
    pool_deinit(&pool);
}

/* A job in a call that knows nothing of work_cancelled(): only its interrupt gets it out. */
struct blocking_job {
    struct job job;
    int pipe[2];
    unsigned interrupts;
    bool got_byte;
};

static void run_blocking(struct work *work)
{
    struct blocking_job *blocking = container_of(work, struct blocking_job, job.work);
    char byte;

    atomic_fetch_add(&blocking->job.shared->started, 1);
    blocking->got_byte = read(blocking->pipe[0], &byte, 1) == 1;
}

static void interrupt_blocking(struct work *work)
{
    struct blocking_job *blocking = container_of(work, struct blocking_job, job.work);

    blocking->interrupts++;
    assert_int_equal(write(blocking->pipe[1], "x", 1), 1);
}

static void test_cancel_running_interrupts(void **state)
{
    struct blocking_job blocking = {0};
    struct shared shared = {0};
    struct pool pool;

    (void)state;
    pool_init(&pool);
    jobs_init(&blocking.job, 1, &shared);
    blocking.job.work.run = run_blocking;
    blocking.job.work.interrupt = interrupt_blocking;
    assert_int_equal(pipe(blocking.pipe), 0);
    work_submit(&pool.serial, &blocking.job.work);
    while (atomic_load(&shared.started) == 0)
        usleep(100);
    work_cancel(&blocking.job.work);
    assert_int_equal(blocking.interrupts, 1);
    assert_int_equal(blocking.job.done_count, 0);
    loop_run(&pool.loop);
    assert_true(blocking.got_byte);
    assert_int_equal(blocking.job.ran_count, 1);
    close(blocking.pipe[0]);
    close(blocking.pipe[1]);
    pool_deinit(&pool);
}

struct cancel_all {
    struct job *jobs;
    unsigned count;
};

static void cancel_all(void *data)
{
    struct cancel_all *all = data;

    for (unsigned i = 0; i < all->count; i++)
        work_cancel(&all->jobs[(i * 7) % all->count].work);
}

static void test_cancel_at_each_turn(void **state)
{
    (void)state;
    for (unsigned turn = 1; turn <= 40; turn++) {
        struct shared shared = {0};
        struct job jobs[60];
        struct cancel_all all = {.jobs = jobs, .count = 60};
        struct turns turns;
        struct pool pool;

        pool_init(&pool);
        jobs_init(jobs, 60, &shared);
        turns_start(&turns, &pool.loop, turn, cancel_all, &all);
        for (unsigned i = 0; i < 60; i++) {
            jobs[i].sleep_us = i % 5 ? 0 : 200;
            work_submit(i % 2 ? &pool.serial : &pool.wide, &jobs[i].work);
        }
        loop_run(&pool.loop);
        for (unsigned i = 0; i < 60; i++)
            assert_int_equal(jobs[i].done_count, 1);
        turns_end(&turns);
        pool_deinit(&pool);
    }
}

/* --- threads --- */

struct thread_facts {
    struct work work;
    sigset_t mask;
    size_t stack_bytes;
    char name[16];
};

static void run_thread_facts(struct work *work)
{
    struct thread_facts *facts = container_of(work, struct thread_facts, work);
    pthread_attr_t attributes;

    pthread_sigmask(SIG_BLOCK, NULL, &facts->mask);
    pthread_getname_np(pthread_self(), facts->name, sizeof(facts->name));
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &facts->stack_bytes);
    pthread_attr_destroy(&attributes);
}

static void on_facts(struct work *work, bool ran)
{
    (void)work;
    assert_true(ran);
}

static void test_threads_have_names_stacks_and_no_signals(void **state)
{
    struct thread_facts facts = {.work = {.run = run_thread_facts, .done = on_facts}};
    sigset_t mask;
    struct pool pool;

    (void)state;
    pool_init(&pool);
    work_submit(&pool.wide, &facts.work);
    loop_run(&pool.loop);
    assert_string_equal(facts.name, "work-0");
    assert_true(facts.stack_bytes >= 8 * 1024 * 1024);
    assert_true(sigismember(&facts.mask, SIGINT) && sigismember(&facts.mask, SIGTERM));
    assert_true(sigismember(&facts.mask, SIGCHLD) && sigismember(&facts.mask, SIGXFSZ));
    assert_false(sigismember(&facts.mask, SIGSEGV));
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_false(sigismember(&mask, SIGINT)); /* the maker's own mask is as it was */
    pool_deinit(&pool);
}

static void test_nothing_submitted(void **state)
{
    struct pool pool;

    (void)state;
    work_pool_free(NULL);
    pool_init(&pool);
    loop_run(&pool.loop); /* an idle pool does not keep the loop alive */
    pool_deinit(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serial_lane_keeps_order_and_never_overlaps),
        cmocka_unit_test(test_lanes_keep_to_their_limits_and_share_the_threads),
        cmocka_unit_test(test_a_submitted_job_finds_a_thread),
        cmocka_unit_test(test_submit_again_from_done),
        cmocka_unit_test(test_free_in_done),
        cmocka_unit_test(test_the_pool_may_go_with_its_last_job),
        cmocka_unit_test(test_cancel_waiting),
        cmocka_unit_test(test_cancel_running_interrupts),
        cmocka_unit_test(test_cancel_at_each_turn),
        cmocka_unit_test(test_threads_have_names_stacks_and_no_signals),
        cmocka_unit_test(test_nothing_submitted),
    };

    return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
