/* Bytes as a TZif file, behind a time to ask about: whatever is accepted gives answers that agree
 * with each other. */
#include "config/cron.h"
#include "config/zone.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_span(const struct zone *zone, int64_t at_ms)
{
    const struct zone_span span = zone_span(zone, at_ms);

    assert(span.start_ms < span.end_ms);
    assert(span.start_ms <= at_ms && at_ms < span.end_ms);
    assert(span.offset_s >= ZONE_OFFSET_MIN_S && span.offset_s <= ZONE_OFFSET_MAX_S);
    assert(zone_offset_s(zone, span.start_ms) == span.offset_s);
    assert(zone_offset_s(zone, span.end_ms - 1) == span.offset_s);
}

static void check_local(const struct zone *zone, int64_t at_ms)
{
    const int64_t local_ms = zone_to_local(zone, at_ms);
    const int64_t peak_ms = zone_peak_ms(zone, at_ms);
    int64_t first_ms, last_ms;
    const enum zone_local kind = zone_from_local(zone, local_ms, &first_ms, &last_ms);

    assert(kind != ZONE_SKIPPED); /* it is shown at at_ms */
    assert(first_ms <= at_ms && at_ms <= last_ms);
    assert((kind == ZONE_UNIQUE) == (first_ms == last_ms));
    assert(zone_to_local(zone, first_ms) == local_ms && zone_to_local(zone, last_ms) == local_ms);
    assert(peak_ms >= local_ms);
    assert(zone_first_ms(zone, peak_ms) <= at_ms);
    assert(zone_first_ms(zone, peak_ms + 1) > at_ms);
    assert(zone_first_ms(zone, local_ms) <= first_ms);
}

static void check_schedule(const struct zone *zone, const char *text, int64_t at_ms)
{
    int64_t next_ms, again_ms;
    struct error err;
    struct cron cron;

    assert(cron_parse(text, &cron, &err) == 0);
    if (!cron_next(&cron, zone, at_ms, &next_ms))
        return;
    assert(next_ms > at_ms);
    assert(cron_previous(&cron, zone, next_ms, &again_ms) && again_ms == next_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct zone *zone;
    int64_t at_ms;

    if (size < sizeof(at_ms))
        return 0;
    memcpy(&at_ms, data, sizeof(at_ms));
    zone = zone_parse("Fuzz/Zone", data + sizeof(at_ms), size - sizeof(at_ms), &err);
    if (!zone) {
        assert(err.message[0]);
        return 0;
    }
    zone_offset_s(zone, at_ms);
    at_ms %= 8000LL * 366 * MS_PER_DAY; /* the calendar, and some years around it */
    check_span(zone, at_ms);
    check_local(zone, at_ms);
    check_schedule(zone, "30 2 * * *", at_ms);
    check_schedule(zone, "*/15 * * * *", at_ms);
    zone_free(zone);
    return 0;
}
