#include "runner/cli/health.h"

#include "runner/base/mem.h"
#include "runner/cli/due.h"

enum { REASONS_FIXED = 8, MISSED_MAX = 1000 };

const char *health_status_name(enum health_status status)
{
    static const char *const names[] = {
        [HEALTH_HEALTHY] = "healthy",
        [HEALTH_UNHEALTHY] = "unhealthy",
        [HEALTH_UNKNOWN] = "unknown",
    };

    return names[status];
}

const char *health_code_name(enum health_code code)
{
    static const char *const names[] = {
        [HEALTH_INVALID] = "invalid",
        [HEALTH_RUN_FAILED] = "run_failed",
        [HEALTH_RUN_MISSED] = "run_missed",
        [HEALTH_STALE] = "stale",
        [HEALTH_TABLE_GONE] = "table_gone",
        [HEALTH_STATE_UNREADABLE] = "state_unreadable",
        [HEALTH_CATALOG_UNREADABLE] = "catalog_unreadable",
    };

    return names[code];
}

static void add_reason(struct health *health, enum health_code code, const char *message)
{
    const bool is_unknown = code == HEALTH_STATE_UNREADABLE || code == HEALTH_CATALOG_UNREADABLE;

    health->reasons[health->reason_count++] = (struct health_reason){code, message};
    if (!is_unknown)
        health->status = HEALTH_UNHEALTHY;
    else if (health->status == HEALTH_HEALTHY)
        health->status = HEALTH_UNKNOWN;
}

/* --- the schedule --- */

/* The last time that was due and is past its grace; 0: none. */
static int64_t last_due(const struct health_facts *facts)
{
    int64_t due_ms, before_ms;

    if (!cron_previous(facts->cron, facts->zone, facts->now_ms, &due_ms))
        return 0;
    if (due_is_overdue(facts->cron, facts->zone, due_ms, facts->now_ms))
        return due_ms;
    return cron_previous(facts->cron, facts->zone, due_ms - 1, &before_ms) ? before_ms : due_ms;
}

/* How many times are due in (since_ms, until_ms], MISSED_MAX at most, and the first of them. */
static size_t count_due(
    const struct health_facts *facts, int64_t since_ms, int64_t until_ms, int64_t *ret_first_ms)
{
    int64_t due_ms = since_ms;
    size_t count = 0;

    while (count < MISSED_MAX && cron_next(facts->cron, facts->zone, due_ms, &due_ms) &&
           due_ms <= until_ms) {
        if (count++ == 0)
            *ret_first_ms = due_ms;
    }
    return count;
}

static void find_missed(const struct health_facts *facts, struct health *health)
{
    const struct due_facts due = {.pipeline = facts->pipeline ? facts->pipeline : "",
        .instance = "",
        .cron = facts->cron,
        .zone = facts->zone,
        .catchup = facts->catchup,
        .now_ms = facts->now_ms,
        .watched_since_ms = facts->watched_since_ms,
        .runs = facts->runs,
        .run_count = facts->run_count};
    const int64_t last_ms = last_due(facts), since_ms = due_since(&due);

    if (last_ms <= since_ms)
        return;
    health->missed_ms = last_ms;
    health->missed_count = 1;
    if (facts->catchup == CATCHUP_ALL)
        health->missed_count = count_due(facts, since_ms, last_ms, &health->missed_ms);
}

static void check_schedule(
    const struct health_facts *facts, struct arena *arena, struct health *health)
{
    char due[TIME_TEXT_SIZE], ago[TIME_TEXT_SIZE];
    const char *more = "";

    if (!cron_next(facts->cron, facts->zone, facts->now_ms, &health->next_due_ms))
        health->next_due_ms = 0;
    if (facts->state_error)
        return;
    find_missed(facts, health);
    if (health->missed_ms == 0)
        return;
    if (health->missed_count > 1)
        more = arena_printf(arena, ", nor did %s%zu after it",
            health->missed_count == MISSED_MAX ? "at least " : "", health->missed_count - 1);
    add_reason(health, HEALTH_RUN_MISSED,
        arena_printf(arena, "the run due at %s (%s) did not start%s",
            time_format_rfc3339(health->missed_ms, due),
            time_format_ago(health->missed_ms, facts->now_ms, ago), more));
}

/* --- the last run, freshness --- */

static void check_last_run(
    const struct health_facts *facts, struct arena *arena, struct health *health)
{
    const struct state_run *run = facts->finished;
    char ago[TIME_TEXT_SIZE];
    const char *what;

    if (!run || (run->outcome != STATE_FAILED && run->outcome != STATE_CHECK_FAILED &&
                    run->outcome != STATE_LOST))
        return;
    what = run->outcome == STATE_FAILED         ? "failed"
           : run->outcome == STATE_CHECK_FAILED ? "failed a data check"
                                                : "was lost";
    time_format_ago(run->finished_ms ? run->finished_ms : run->started_ms, facts->now_ms, ago);
    add_reason(health, HEALTH_RUN_FAILED,
        arena_printf(arena, "the last run %s %s%s%s", what, ago, run->error ? ": " : "",
            run->error ? run->error : ""));
}

static void check_freshness(
    const struct health_facts *facts, struct arena *arena, struct health *health)
{
    const struct state_run *success = facts->succeeded;
    const int64_t since_ms = success ? success->finished_ms : facts->watched_since_ms;
    char age[TIME_TEXT_SIZE], limit[TIME_TEXT_SIZE];

    if (duration_ms(&facts->freshness) == 0 || !facts->started ||
        duration_add(&facts->freshness, since_ms, 1) >= facts->now_ms)
        return;
    duration_format(facts->now_ms - since_ms, age);
    duration_format(duration_ms(&facts->freshness), limit);
    add_reason(health, HEALTH_STALE,
        success
            ? arena_printf(arena, "the last success is %s old; freshness allows %s", age, limit)
            : arena_printf(arena, "no run has succeeded for %s; freshness allows %s", age, limit));
}

/* --- tables --- */

static void check_table(
    const struct health_table *table, struct arena *arena, struct health *health)
{
    if (table->error)
        add_reason(health, HEALTH_CATALOG_UNREADABLE,
            arena_printf(arena, "table %s: %s", table->name, table->error));
    else if (!table->exists && table->was_written)
        add_reason(health, HEALTH_TABLE_GONE,
            arena_printf(
                arena, "table %s was written and is not in the catalog any more", table->name));
    else if (table->exists && table->file_gone)
        add_reason(health, HEALTH_TABLE_GONE,
            arena_printf(
                arena, "table %s: its data file %s is gone", table->name, table->file_gone));
}

void health_evaluate(
    const struct health_facts *facts, struct arena *arena, struct health *ret_health)
{
    struct health health = {
        .reasons = arena_array(arena, REASONS_FIXED + facts->table_count, sizeof(*health.reasons))};

    if (facts->invalid) {
        add_reason(&health, HEALTH_INVALID, facts->invalid);
        *ret_health = health;
        return;
    }
    if (facts->state_error)
        add_reason(&health, HEALTH_STATE_UNREADABLE, facts->state_error);
    if (facts->cron)
        check_schedule(facts, arena, &health);
    if (!facts->state_error) {
        check_last_run(facts, arena, &health);
        check_freshness(facts, arena, &health);
    }
    for (size_t i = 0; i < facts->table_count; i++)
        check_table(&facts->tables[i], arena, &health);
    *ret_health = health;
}
