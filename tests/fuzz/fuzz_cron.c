/* A schedule's text, a zone and a time: due times are in order, and next and previous agree. */
#include "config/cron.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zone *open_zone(unsigned choice)
{
    static const char *const names[] = {"UTC", "Europe/Berlin", "America/New_York",
        "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca",
        "Antarctica/Troll"};
    struct error err;
    struct zone *zone = zone_open(names[choice % ARRAY_LENGTH(names)], &err);

    return zone ? zone : zone_open(NULL, &err); /* a system without zones */
}

static void check(const struct cron *cron, const struct zone *zone, int64_t at_ms)
{
    int64_t next_ms, previous_ms, again_ms;
    const bool has_next = cron_next(cron, zone, at_ms, &next_ms);
    const bool has_previous = cron_previous(cron, zone, at_ms, &previous_ms);

    if (has_next) {
        assert(next_ms > at_ms);
        assert(cron_previous(cron, zone, next_ms, &again_ms) && again_ms == next_ms);
        assert(cron_previous(cron, zone, next_ms - 1, &again_ms) == has_previous);
        assert(!has_previous || again_ms == previous_ms);
    }
    if (has_previous) {
        assert(previous_ms <= at_ms);
        assert(cron_next(cron, zone, previous_ms - 1, &again_ms) && again_ms == previous_ms);
        assert(cron_next(cron, zone, previous_ms, &again_ms) == has_next);
        assert(!has_next || again_ms == next_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t at_ms;
    struct error err;
    struct cron cron;
    char *text;

    if (size < 1 + sizeof(at_ms))
        return 0;
    memcpy(&at_ms, data + 1, sizeof(at_ms));
    text = mem_strndup((const char *)data + 1 + sizeof(at_ms), size - 1 - sizeof(at_ms));
    if (cron_parse(text, &cron, &err) == 0) {
        struct zone *zone = open_zone(data[0]);

        /* Any time must be survived; those of the next centuries are the likely ones. */
        check(&cron, zone, at_ms);
        check(&cron, zone, at_ms % (300LL * 366 * MS_PER_DAY));
        zone_free(zone);
    } else {
        assert(err.code == ERROR_INVALID || err.code == ERROR_LIMIT);
        assert(err.message[0]);
    }
    free(text);
    return 0;
}
