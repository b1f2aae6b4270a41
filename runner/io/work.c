#include "runner/io/work.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

/* DuckDB parses, plans and optimizes by recursion: the same room as a main thread has. */
enum { STACK_BYTES = 8 * 1024 * 1024 };

struct work_pool {
    uv_async_t finished_async; /* keeps the loop alive while a job is outstanding */
    unsigned outstanding;      /* submitted, not yet done; the loop's thread only */
    unsigned threads_max;

    pthread_mutex_t mutex; /* guards all below, and the lanes and states of submitted jobs */
    pthread_cond_t wake;
    struct work_lane *lanes;    /* a ring: the lane whose turn is last */
    struct work_queue finished; /* for the loop */
    unsigned running;           /* jobs */
    bool ending;
    unsigned thread_count;
    pthread_t threads[];
};

/* --- queues --- */

static void queue_push(struct work_queue *queue, struct work *work)
{
    work->next = NULL;
    work->previous = queue->last;
    *(queue->last ? &queue->last->next : &queue->first) = work;
    queue->last = work;
    queue->count++;
}

static void queue_remove(struct work_queue *queue, struct work *work)
{
    *(work->previous ? &work->previous->next : &queue->first) = work->next;
    *(work->next ? &work->next->previous : &queue->last) = work->previous;
    work->previous = work->next = NULL;
    queue->count--;
}

static struct work *queue_pop(struct work_queue *queue)
{
    struct work *work = queue->first;

    if (work)
        queue_remove(queue, work);
    return work;
}

/* --- threads; the mutex is held wherever nothing else is said --- */

static unsigned lane_runnable(const struct work_lane *lane)
{
    return MIN(lane->waiting.count, lane->limit - lane->running);
}

static unsigned count_runnable(const struct work_pool *pool)
{
    const struct work_lane *lane = pool->lanes;
    unsigned count = 0;

    if (!lane)
        return 0;
    do {
        count += lane_runnable(lane);
        lane = lane->next;
    } while (lane != pool->lanes);
    return count;
}

/* The next job by turn of its lane; NULL: none may run now. */
static struct work *take_job(struct work_pool *pool)
{
    struct work_lane *lane = pool->lanes;

    if (!lane)
        return NULL;
    do {
        lane = lane->next;
        if (lane_runnable(lane)) {
            struct work *work = queue_pop(&lane->waiting);

            pool->lanes = lane;
            pool->running++;
            lane->running++;
            work->state = WORK_RUNNING;
            return work;
        }
    } while (lane != pool->lanes);
    return NULL;
}

static void finish_job(struct work_pool *pool, struct work *work, bool ran)
{
    work->state = WORK_FINISHED;
    work->ran = ran;
    queue_push(&pool->finished, work);
    uv_async_send(&pool->finished_async);
}

static int make_thread(struct work_pool *pool);

/* Finds somebody for the next job that may run, if there is one. Whoever takes a job does the
 * same for the job behind it, so one at a time is enough. */
static void wake_thread(struct work_pool *pool)
{
    const unsigned runnable = count_runnable(pool);

    if (runnable == 0)
        return;
    if (pool->running + runnable > pool->thread_count && pool->thread_count < pool->threads_max)
        make_thread(pool); /* or else one of those that exist does it later */
    pthread_cond_signal(&pool->wake);
}

static void *thread_main(void *data)
{
    struct work_pool *pool = data;

    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        struct work *work = take_job(pool);

        if (!work && pool->ending)
            break;
        if (!work) {
            pthread_cond_wait(&pool->wake, &pool->mutex);
            continue;
        }
        wake_thread(pool);
        pthread_mutex_unlock(&pool->mutex);

        work->run(work);

        pthread_mutex_lock(&pool->mutex);
        pool->running--;
        work->lane->running--;
        finish_job(pool, work, true);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Returns an errno value. */
static int make_thread(struct work_pool *pool)
{
    /* What a thread brings upon itself stays: blocked, it would end the process without a word
     * from a sanitizer or a profiler. */
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF};
    pthread_t *thread = &pool->threads[pool->thread_count];
    sigset_t blocked, before;
    pthread_attr_t attributes;
    char name[16];
    int rc;

    sigfillset(&blocked);
    for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
        sigdelset(&blocked, own[i]);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);

    pthread_sigmask(SIG_BLOCK, &blocked, &before); /* a thread starts with its maker's mask */
    rc = pthread_create(thread, &attributes, thread_main, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    pthread_attr_destroy(&attributes);
    if (rc == 0) {
        snprintf(name, sizeof(name), "work-%u", pool->thread_count % 1000);
        pthread_setname_np(*thread, name);
        pool->thread_count++;
    }
    return rc;
}

/* --- the loop's side --- */

static void on_finished(uv_async_t *async)
{
    struct work_pool *pool = container_of(async, struct work_pool, finished_async);
    struct work_queue finished;
    struct work *work;

    pthread_mutex_lock(&pool->mutex);
    finished = pool->finished;
    pool->finished = (struct work_queue){0};
    pthread_mutex_unlock(&pool->mutex);

    while ((work = queue_pop(&finished))) {
        work->state = WORK_IDLE;
        work->lane = NULL;
        if (--pool->outstanding == 0)
            uv_unref((uv_handle_t *)async);
        work->done(work, work->ran); /* the last one may free the pool */
    }
}

void work_submit(struct work_lane *lane, struct work *work)
{
    struct work_pool *pool = lane->pool;

    assert(work->run && work->done && !work->lane);
    if (pool->outstanding++ == 0)
        uv_ref((uv_handle_t *)&pool->finished_async);
    work->lane = lane;
    work->ran = false;
    atomic_store(&work->cancelled, false);

    pthread_mutex_lock(&pool->mutex);
    work->state = WORK_WAITING;
    queue_push(&lane->waiting, work);
    wake_thread(pool);
    pthread_mutex_unlock(&pool->mutex);
}

void work_cancel(struct work *work)
{
    struct work_lane *lane = work->lane;
    enum work_state state;

    if (!lane)
        return;
    pthread_mutex_lock(&lane->pool->mutex);
    state = work->state;
    if (state == WORK_WAITING) {
        queue_remove(&lane->waiting, work);
        finish_job(lane->pool, work, false);
    }
    pthread_mutex_unlock(&lane->pool->mutex);

    if (state != WORK_WAITING && state != WORK_RUNNING)
        return;
    atomic_store(&work->cancelled, true);
    /* Without the mutex, as it may take long. The job may end meanwhile, but is not gone: `done`
     * comes from a later turn of this very thread. */
    if (state == WORK_RUNNING && work->interrupt)
        work->interrupt(work);
}

bool work_cancelled(const struct work *work)
{
    return atomic_load_explicit(&work->cancelled, memory_order_relaxed);
}

/* --- life --- */

struct work_pool *work_pool_new(struct loop *loop, unsigned threads_max, struct error *err)
{
    struct work_pool *pool;
    int rc;

    assert(threads_max >= 1 && threads_max <= WORK_THREADS_MAX);
    pool = mem_calloc(1, sizeof(*pool) + threads_max * sizeof(pool->threads[0]));
    pool->threads_max = threads_max;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    rc = uv_async_init(&loop->uv, &pool->finished_async, on_finished);
    if (rc) {
        pthread_cond_destroy(&pool->wake);
        pthread_mutex_destroy(&pool->mutex);
        free(pool);
        return error_set_errno(err, -rc, "cannot make a thread pool's wake-up"), NULL;
    }
    uv_unref((uv_handle_t *)&pool->finished_async);

    pthread_mutex_lock(&pool->mutex);
    rc = make_thread(pool);
    pthread_mutex_unlock(&pool->mutex);
    if (rc) {
        work_pool_free(pool);
        return error_set_errno(err, rc, "cannot start a thread"), NULL;
    }
    return pool;
}

static void on_closed(uv_handle_t *handle)
{
    struct work_pool *pool = container_of((uv_async_t *)handle, struct work_pool, finished_async);

    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

void work_pool_free(struct work_pool *pool)
{
    if (!pool)
        return;
    assert(pool->outstanding == 0 && !pool->lanes);
    pthread_mutex_lock(&pool->mutex);
    pool->ending = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    uv_close((uv_handle_t *)&pool->finished_async, on_closed);
}

void work_lane_init(
    struct work_lane *lane, struct work_pool *pool, const char *name, unsigned limit)
{
    assert(limit >= 1);
    *lane = (struct work_lane){.name = name, .pool = pool, .limit = limit};
    pthread_mutex_lock(&pool->mutex);
    if (pool->lanes) {
        lane->next = pool->lanes->next;
        pool->lanes->next = lane;
    } else {
        lane->next = lane;
    }
    pool->lanes = lane;
    pthread_mutex_unlock(&pool->mutex);
}

void work_lane_deinit(struct work_lane *lane)
{
    struct work_pool *pool = lane->pool;
    struct work_lane *previous = lane;

    pthread_mutex_lock(&pool->mutex);
    assert(lane->running == 0 && lane->waiting.count == 0);
    while (previous->next != lane)
        previous = previous->next;
    previous->next = lane->next;
    if (pool->lanes == lane)
        pool->lanes = previous == lane ? NULL : previous;
    pthread_mutex_unlock(&pool->mutex);
}
