#include "runner/base/mem.h"
#include "runner/cli/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* One case: what is known on 2026-11-21 at 12:00 UTC, and what is to be said. Runs are given by the
 * hours since they started; each took half an hour. */
struct run_fact {
    double hours_ago; /* 0: there is none */
    enum state_outcome outcome;
    const char *error;
};

struct health_case {
    const char *title;
    const char *schedule, *zone;
    double watched_hours; /* ago */
    const char *freshness;
    struct run_fact started, finished, succeeded;
    const char *invalid, *state_error;
    struct health_table table; /* where it has a name */
    enum health_status status;
    const char *reasons; /* codes, joined by a space */
    const char *says;    /* in the first message; NULL: anything */
    const char *missed;  /* NULL: none */
};

#define RUN(hours, what)                                                                           \
    {                                                                                              \
        .hours_ago = (hours), .outcome = STATE_##what                                              \
    }
#define ONE_RUN(hours, what) .started = RUN(hours, what), .finished = RUN(hours, what)
#define ONE_SUCCESS(hours) ONE_RUN(hours, SUCCEEDED), .succeeded = RUN(hours, SUCCEEDED)

static const struct health_case cases[] = {
    {"never run, no schedule", .watched_hours = 1000},
    {"never run, no schedule, freshness", .watched_hours = 1000, .freshness = "1h"},
    {"never run, nothing was due yet", "0 6 * * *", .watched_hours = 5},
    {"never run, nothing was due yet, freshness", "0 6 * * *", .watched_hours = 5,
        .freshness = "1h"},
    {"never run, was due", "0 6 * * *", .watched_hours = 7, .status = HEALTH_UNHEALTHY,
        .reasons = "run_missed", .says = "the run due at 2026-11-21T06:00:00.000Z (6 h ago)",
        .missed = "2026-11-21T06:00:00.000Z"},
    {"ran after it was due", "0 6 * * *", .watched_hours = 1000, ONE_SUCCESS(6)},
    {"ran before it was due", "0 6 * * *", .watched_hours = 1, ONE_SUCCESS(6.5),
        .status = HEALTH_UNHEALTHY, .reasons = "run_missed", .missed = "2026-11-21T06:00:00.000Z"},
    {"runs now, late but started", "0 6 * * *", .watched_hours = 1000, .started = RUN(1, RUNNING),
        .finished = RUN(30, SUCCEEDED), .succeeded = RUN(30, SUCCEEDED)},
    {"within the grace of five minutes", "58 11 * * *", .watched_hours = 1000, ONE_SUCCESS(24)},
    {"past the grace", "54 11 * * *", .watched_hours = 1000, ONE_SUCCESS(24),
        .status = HEALTH_UNHEALTHY, .reasons = "run_missed", .missed = "2026-11-21T11:54:00.000Z"},
    {"the one before is missed within the grace of the last", "0 * * * *", .watched_hours = 1000,
        ONE_SUCCESS(1.5), .status = HEALTH_UNHEALTHY, .reasons = "run_missed",
        .missed = "2026-11-21T11:00:00.000Z"},
    {"each minute: half a minute of grace", "* * * * *", .watched_hours = 1000,
        ONE_SUCCESS(1.0 / 60)},
    {"each minute: two are missed", "* * * * *", .watched_hours = 1000, ONE_SUCCESS(2.5 / 60),
        .status = HEALTH_UNHEALTHY, .reasons = "run_missed", .missed = "2026-11-21T11:59:00.000Z"},
    {"due in another zone", "0 6 * * *", "America/New_York", .watched_hours = 1000, ONE_SUCCESS(6),
        .status = HEALTH_UNHEALTHY, .reasons = "run_missed", .missed = "2026-11-21T11:00:00.000Z"},
    {"failed", .watched_hours = 1000, .started = RUN(2, FAILED),
        .finished = {2, STATE_FAILED, "x.yaml:1:1: no such file"}, .succeeded = RUN(20, SUCCEEDED),
        .status = HEALTH_UNHEALTHY, .reasons = "run_failed",
        .says = "the last run failed 90 min ago: x.yaml:1:1: no such file"},
    {"failed a check", .watched_hours = 1000, ONE_RUN(1, CHECK_FAILED), .status = HEALTH_UNHEALTHY,
        .reasons = "run_failed", .says = "the last run failed a data check"},
    {"lost", .watched_hours = 1000, ONE_RUN(1, LOST), .status = HEALTH_UNHEALTHY,
        .reasons = "run_failed", .says = "the last run was lost"},
    {"cancelled", .watched_hours = 1000, ONE_RUN(1, CANCELLED)},
    {"failed, runs again", .watched_hours = 1000, .started = RUN(0.1, RUNNING),
        .finished = RUN(2, FAILED), .status = HEALTH_UNHEALTHY, .reasons = "run_failed"},
    {"fresh enough", .watched_hours = 1000, .freshness = "26h", ONE_SUCCESS(26)},
    {"nothing new is fresh", .watched_hours = 1000, .freshness = "26h", ONE_RUN(2, NOTHING_NEW),
        .succeeded = RUN(2, NOTHING_NEW)},
    {"stale", .watched_hours = 1000, .freshness = "24h", ONE_SUCCESS(26),
        .status = HEALTH_UNHEALTHY, .reasons = "stale",
        .says = "the last success is 25h 30m old; freshness allows 24h 00m"},
    {"months of freshness are those of the calendar", .watched_hours = 10000, .freshness = "1mo",
        ONE_SUCCESS(31 * 24), .status = HEALTH_HEALTHY},
    {"cancelled and never succeeded", .watched_hours = 50, .freshness = "2d", ONE_RUN(1, CANCELLED),
        .status = HEALTH_UNHEALTHY, .reasons = "stale",
        .says = "no run has succeeded for 2d; freshness allows 2d"},
    {"failed, missed and stale", "0 6 * * *", .watched_hours = 1000, .freshness = "1d",
        ONE_RUN(30, FAILED), .succeeded = RUN(50, SUCCEEDED), .status = HEALTH_UNHEALTHY,
        .reasons = "run_missed run_failed stale", .missed = "2026-11-21T06:00:00.000Z"},
    {"invalid", "0 6 * * *", .watched_hours = 1000, .invalid = "x.yaml:3:1: no",
        .status = HEALTH_UNHEALTHY, .reasons = "invalid", .says = "x.yaml:3:1: no"},
    {"the state cannot be read", "0 6 * * *", .watched_hours = 1000, .freshness = "1h",
        .state_error = "disk on fire", .status = HEALTH_UNKNOWN, .reasons = "state_unreadable",
        .says = "disk on fire"},
    {"a table that is there", .table = {"a.b", .exists = true, .was_written = true}},
    {"a table before its first commit", .table = {.name = "a.b", .exists = false}},
    {"a table that is gone", .table = {"a.b", .was_written = true}, .status = HEALTH_UNHEALTHY,
        .reasons = "table_gone", .says = "table a.b was written and is not in the catalog"},
    {"a data file that is gone", .table = {"a.b", .exists = true, .file_gone = "/s/1.parquet"},
        .status = HEALTH_UNHEALTHY, .reasons = "table_gone",
        .says = "table a.b: its data file /s/1.parquet is gone"},
    {"a catalog that cannot be read", .table = {"a.b", .error = "not a database"},
        .status = HEALTH_UNKNOWN, .reasons = "catalog_unreadable",
        .says = "table a.b: not a database"},
    {"failed, and a catalog that cannot be read", ONE_RUN(1, FAILED),
        .table = {"a.b", .error = "not a database"}, .status = HEALTH_UNHEALTHY,
        .reasons = "run_failed catalog_unreadable"},
};

/* --- a case --- */

static int64_t now(void)
{
    const struct civil noon = {.year = 2026, .month = 11, .day = 21, .hour = 12};

    return time_from_civil(&noon);
}

static int64_t hours_ago(double hours)
{
    return now() - (int64_t)(hours * MS_PER_HOUR);
}

static const struct state_run *make_run(struct state_run *run, const struct run_fact *fact)
{
    if (fact->hours_ago == 0)
        return NULL;
    *run = (struct state_run){.outcome = fact->outcome,
        .error = fact->error,
        .due_ms = hours_ago(fact->hours_ago),
        .run_id = "x",
        .started_ms = hours_ago(fact->hours_ago),
        .finished_ms =
            fact->outcome == STATE_RUNNING ? 0 : hours_ago(fact->hours_ago) + MS_PER_HOUR / 2};
    return run;
}

static void evaluate(const struct health_case *c, struct arena *arena, struct health *ret_health)
{
    struct state_run started, finished, succeeded;
    struct zone *zone = c->zone ? zone_open(c->zone, NULL) : NULL;
    struct cron cron;
    struct health_facts facts = {.now_ms = now(),
        .invalid = c->invalid,
        .state_error = c->state_error,
        .zone = zone,
        .watched_since_ms = hours_ago(c->watched_hours),
        .started = make_run(&started, &c->started),
        .finished = make_run(&finished, &c->finished),
        .succeeded = make_run(&succeeded, &c->succeeded),
        .tables = &c->table,
        .table_count = c->table.name ? 1 : 0};

    facts.runs = facts.started;
    facts.run_count = facts.started != NULL;
    assert_true(!c->zone || zone);
    if (c->schedule) {
        assert_int_equal(cron_parse(c->schedule, &cron, NULL), 0);
        facts.cron = &cron;
    }
    if (c->freshness)
        assert_int_equal(duration_parse(c->freshness, &facts.freshness, NULL), 0);
    health_evaluate(&facts, arena, ret_health);
    zone_free(zone);
}

static void join_codes(const struct health *health, char *codes, size_t size)
{
    size_t length = 0;

    codes[0] = '\0';
    for (size_t i = 0; i < health->reason_count; i++)
        length += (size_t)snprintf(codes + length, size - length, "%s%s", i ? " " : "",
            health_code_name(health->reasons[i].code));
}

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct health_case *c = &cases[i];
        char codes[200], missed[TIME_TEXT_SIZE];
        struct arena arena;
        struct health health;

        arena_init(&arena);
        evaluate(c, &arena, &health);
        join_codes(&health, codes, sizeof(codes));
        if (strcmp(codes, c->reasons ? c->reasons : "") != 0 || health.status != c->status)
            fail_msg("%s: it is %s because of \"%s\"", c->title, health_status_name(health.status),
                codes);
        if (c->says && !strstr(health.reasons[0].message, c->says))
            fail_msg("%s: it says: %s", c->title, health.reasons[0].message);
        if (c->missed)
            assert_string_equal(time_format_rfc3339(health.missed_ms, missed), c->missed);
        else
            assert_int_equal(health.missed_ms, 0);
        arena_deinit(&arena);
    }
}

static void test_next_due(void **state)
{
    const struct health_case unreadable = {
        .schedule = "15 6 * * *", .zone = "Europe/Berlin", .state_error = "no"};
    char due[TIME_TEXT_SIZE];
    struct arena arena;
    struct health health;

    (void)state;
    arena_init(&arena);
    evaluate(&unreadable, &arena, &health);
    assert_string_equal(time_format_rfc3339(health.next_due_ms, due), "2026-11-22T05:15:00.000Z");
    arena_deinit(&arena);
}

/* A run that was started a second early for its due time is that run. */
static void test_a_run_started_early_is_not_missed(void **state)
{
    struct cron cron;
    struct state_run run = {.outcome = STATE_SUCCEEDED, .finished_ms = now()};
    struct health_facts facts = {
        .now_ms = now(), .cron = &cron, .started = &run, .finished = &run, .succeeded = &run};
    struct health health;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_int_equal(cron_parse("0 6 * * *", &cron, NULL), 0);
    facts.runs = &run;
    facts.run_count = 1;
    run.due_ms = run.started_ms = hours_ago(6) - 1000;
    health_evaluate(&facts, &arena, &health);
    assert_int_equal(health.missed_ms, hours_ago(6));
    run.due_ms = hours_ago(6);
    health_evaluate(&facts, &arena, &health);
    assert_int_equal(health.missed_ms, 0);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_next_due),
        cmocka_unit_test(test_a_run_started_early_is_not_missed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
