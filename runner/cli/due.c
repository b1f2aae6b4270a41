#include "runner/cli/due.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <string.h>
#include <sys/stat.h>

enum { GRACE_MS_MAX = 5 * MS_PER_MINUTE };

const char *due_run_id(
    const char *pipeline, const char *instance, int64_t due_ms, char text[UUID_TEXT_SIZE])
{
    char due[TIME_TEXT_SIZE];
    const char *const parts[] = {pipeline, instance, time_format_rfc3339(due_ms, due)};

    return uuid_v5(parts, ARRAY_LENGTH(parts), text);
}

bool due_is_time(const struct cron *cron, const struct zone *zone, int64_t due_ms)
{
    int64_t previous_ms;

    return cron_previous(cron, zone, due_ms, &previous_ms) && previous_ms == due_ms;
}

bool due_is_overdue(
    const struct cron *cron, const struct zone *zone, int64_t due_ms, int64_t now_ms)
{
    int64_t before_ms;

    if (!cron_previous(cron, zone, due_ms - 1, &before_ms))
        return true;
    return now_ms - due_ms >= MIN((due_ms - before_ms) / 2, GRACE_MS_MAX);
}

static bool is_scheduled(const struct due_facts *facts, const struct state_run *run)
{
    char id[UUID_TEXT_SIZE];

    return strcmp(due_run_id(facts->pipeline, facts->instance, run->due_ms, id), run->run_id) == 0;
}

int64_t due_since(const struct due_facts *facts)
{
    int64_t scheduled_ms = 0, any_ms = 0;

    for (size_t i = 0; i < facts->run_count; i++) {
        const struct state_run *run = &facts->runs[i];

        if (facts->again_lost && (run->outcome == STATE_LOST || run->outcome == STATE_CANCELLED))
            continue;
        any_ms = MAX(any_ms, run->due_ms);
        if (facts->catchup == CATCHUP_ALL && run->due_ms > scheduled_ms && is_scheduled(facts, run))
            scheduled_ms = run->due_ms;
    }
    return scheduled_ms ? scheduled_ms : any_ms ? any_ms : facts->watched_since_ms;
}

size_t due_list(const struct due_facts *facts, int64_t *ret_due, size_t max)
{
    const int64_t since_ms = due_since(facts);
    size_t count = 0;
    int64_t due_ms;

    if (facts->catchup != CATCHUP_ALL) {
        if (max == 0 || !cron_previous(facts->cron, facts->zone, facts->now_ms, &due_ms) ||
            due_ms <= since_ms)
            return 0;
        if (facts->catchup == CATCHUP_NONE &&
            due_is_overdue(facts->cron, facts->zone, due_ms, facts->now_ms))
            return 0;
        ret_due[0] = due_ms;
        return 1;
    }
    due_ms = since_ms;
    while (count < max && cron_next(facts->cron, facts->zone, due_ms, &due_ms) &&
           due_ms <= facts->now_ms)
        ret_due[count++] = due_ms;
    return count;
}

int64_t due_watched_since(const char *path)
{
    struct stat status;

    if (stat(path, &status))
        return 0;
    return (int64_t)status.st_mtim.tv_sec * MS_PER_SECOND + status.st_mtim.tv_nsec / 1000000;
}

int due_schedule(const struct pipeline *pipeline, struct cron *ret_cron, struct zone **ret_zone,
    struct error *err)
{
    struct error own = {0};
    struct zone *zone = NULL;
    struct cron cron;

    if (!pipeline->schedule)
        return 1;
    if (cron_parse(pipeline->schedule, &cron, err))
        return -1;
    if (pipeline->timezone) /* NULL is UTC, also for the name "UTC" */
        zone = zone_open(pipeline->timezone, &own);
    if (own.code) {
        *err = own;
        return -1;
    }
    *ret_cron = cron;
    *ret_zone = zone;
    return 0;
}
