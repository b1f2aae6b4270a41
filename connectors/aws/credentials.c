#include "connectors/aws/credentials.h"

#include "connectors/aws/credentials_private.h"
#include "connectors/aws/fetch.h"
#include "connectors/aws/settings_read.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/io/timer.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

enum {
    AHEAD_MS = 5 * MS_PER_MINUTE, /* of the expiry they are fetched anew */
    JITTER_MS = MS_PER_MINUTE,    /* and up to this much earlier */
    AGAIN_MS = MS_PER_MINUTE,     /* after a failure, while the old ones hold */
    KEEP_MIN_MS = MS_PER_MINUTE,  /* what came expired (a clock is wrong) is used for so long */
};

struct credentials_chain {
    struct loop *loop;
    int64_t (*now_ms)(void);
    char *profile, *sts_region;
    struct credentials_fetch fetch;
    bool fetching, freed;
    const struct aws_credentials *current;
    bool refused;                   /* a server said that the current ones have expired */
    int64_t due_ms, valid_until_ms; /* of the current ones; 0: never, always */
    struct credentials_request *first, *last;
    struct timer timer; /* brings what is there already */
    void (*closed)(void *data);
    void *closed_data;
};

/* --- what is kept --- */

static bool usable(const struct credentials_chain *chain)
{
    return chain->current && !chain->refused &&
           (chain->valid_until_ms == 0 || chain->now_ms() < chain->valid_until_ms);
}

static bool due(const struct credentials_chain *chain)
{
    return chain->due_ms != 0 && chain->now_ms() >= chain->due_ms;
}

static int64_t draw_ms(int64_t bound_ms)
{
    uint32_t bits;

    if (bound_ms <= 0 || getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
        return 0;
    return (int64_t)(bits % (uint64_t)bound_ms);
}

/* Short-lived ones are fetched anew when two thirds of their life are over. */
static void keep(struct credentials_chain *chain, const struct aws_credentials *credentials)
{
    const int64_t now_ms = chain->now_ms(), soonest_ms = now_ms + KEEP_MIN_MS;
    const int64_t life_ms = credentials->expires_ms - now_ms;

    aws_credentials_unref(chain->current);
    chain->current = credentials;
    chain->refused = false;
    chain->due_ms = chain->valid_until_ms = 0;
    if (credentials->expires_ms == 0)
        return;
    chain->valid_until_ms = MAX(credentials->expires_ms, soonest_ms);
    chain->due_ms = credentials->expires_ms - MIN(AHEAD_MS + draw_ms(JITTER_MS), life_ms / 3);
    chain->due_ms = MAX(chain->due_ms, soonest_ms);
}

/* --- those who wait --- */

static void append(struct credentials_chain *chain, struct credentials_request *request)
{
    request->previous = chain->last;
    request->next = NULL;
    *(chain->last ? &chain->last->next : &chain->first) = request;
    chain->last = request;
    request->waiting = true;
}

static void take_out(struct credentials_chain *chain, struct credentials_request *request)
{
    *(request->previous ? &request->previous->next : &chain->first) = request->next;
    *(request->next ? &request->next->previous : &chain->last) = request->previous;
    request->previous = request->next = NULL;
    request->waiting = false;
}

static void answer(
    struct credentials_chain *chain, struct credentials_request *request, const struct error *err)
{
    struct error stopped;

    take_out(chain, request);
    if (request->cancelled) {
        error_set(&stopped, ERROR_STOPPED, "waiting for credentials was cancelled");
        err = &stopped;
    }
    request->credentials = err ? NULL : aws_credentials_ref(chain->current);
    request->done(request, err);
}

/* Those who can be answered now: who cancelled, and all where there are credentials or an error.
 * Who begins to wait within a callback waits for the next time. */
static void answer_all(struct credentials_chain *chain, const struct error *err)
{
    struct credentials_request *end = chain->last, *request = chain->first;
    const bool all = err || usable(chain);

    while (request) {
        struct credentials_request *next = request == end ? NULL : request->next;

        if (all || request->cancelled)
            answer(chain, request, err);
        request = next;
    }
}

static bool anybody_waits(const struct credentials_chain *chain)
{
    for (const struct credentials_request *request = chain->first; request; request = request->next)
        if (!request->cancelled)
            return true;
    return false;
}

/* --- fetching --- */

static void on_timer_closed(struct timer *timer)
{
    free(container_of(timer, struct credentials_chain, timer));
}

static void free_now(struct credentials_chain *chain)
{
    aws_credentials_unref(chain->current);
    free(chain->profile);
    free(chain->sts_region);
    timer_close(&chain->timer, on_timer_closed);
    if (chain->closed)
        chain->closed(chain->closed_data);
}

static void fetch_unless_under_way(struct credentials_chain *chain)
{
    if (chain->fetching)
        return;
    chain->fetching = true;
    credentials_fetch_start(&chain->fetch);
}

static void on_fetched(struct credentials_fetch *fetch, const struct error *err)
{
    struct credentials_chain *chain = container_of(fetch, struct credentials_chain, fetch);

    chain->fetching = false;
    if (chain->freed) {
        aws_credentials_unref(fetch->credentials);
        free_now(chain);
        return;
    }
    if (!err) {
        keep(chain, fetch->credentials);
    } else if (usable(chain)) {
        chain->due_ms = chain->now_ms() + AGAIN_MS + draw_ms(JITTER_MS);
        err = NULL;
    } else if (err->class == ERROR_CANCELLED && anybody_waits(chain)) {
        err = NULL; /* who came after the cancel did not ask for it */
        fetch_unless_under_way(chain);
    }
    answer_all(chain, err);
}

static void on_timer(struct timer *timer)
{
    answer_all(container_of(timer, struct credentials_chain, timer), NULL);
}

/* --- the face --- */

struct credentials_chain *credentials_chain_new(const struct credentials_options *options)
{
    struct credentials_chain *chain = mem_new(struct credentials_chain);

    chain->loop = options->loop;
    chain->now_ms = time_now_ms;
    chain->closed = options->closed;
    chain->closed_data = options->closed_data;
    chain->profile = options->profile ? mem_strdup(options->profile) : NULL;
    chain->sts_region = options->region ? mem_strdup(options->region) : NULL;
    chain->fetch = (struct credentials_fetch){
        .loop = options->loop,
        .http = options->http,
        .lane = options->lane,
        .environment = aws_environment_of_process(),
        .profile = chain->profile,
        .options = {.region = chain->sts_region, .unsigned_access = options->unsigned_access},
        .done = on_fetched,
    };
    timer_init(&chain->timer, options->loop);
    return chain;
}

void credentials_chain_set_clock(struct credentials_chain *chain, int64_t (*now_ms)(void))
{
    chain->now_ms = now_ms;
}

void credentials_chain_free(struct credentials_chain *chain)
{
    if (!chain)
        return;
    assert(!chain->first);
    chain->freed = true;
    if (chain->fetching)
        credentials_fetch_cancel(&chain->fetch);
    else
        free_now(chain);
}

void credentials_start(struct credentials_chain *chain, struct credentials_request *request)
{
    const bool ready = usable(chain);

    request->chain = chain;
    request->credentials = NULL;
    request->cancelled = false;
    append(chain, request);
    if (ready)
        timer_start(&chain->timer, 0, 0, on_timer);
    if (!ready || due(chain))
        fetch_unless_under_way(chain);
}

void credentials_cancel(struct credentials_request *request)
{
    struct credentials_chain *chain = request->chain;

    if (!request->waiting || request->cancelled)
        return;
    request->cancelled = true;
    timer_start(&chain->timer, 0, 0, on_timer);
    if (chain->fetching && !anybody_waits(chain))
        credentials_fetch_cancel(&chain->fetch);
}

void credentials_expired(struct credentials_chain *chain, const struct aws_credentials *credentials)
{
    if (credentials && credentials == chain->current)
        chain->refused = true;
}

const struct aws_credentials *credentials_now(struct credentials_chain *chain)
{
    if (!usable(chain))
        return NULL;
    if (due(chain))
        fetch_unless_under_way(chain);
    return chain->current;
}
