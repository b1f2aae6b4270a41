#include "runner/engine/hooks.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

struct list {
    const char *name;
    const struct option_items *hooks;
};

static const char *target_of(const struct hook *hook, char text[UUID_TEXT_SIZE])
{
    const char *const parts[] = {hook->url};

    return uuid_v5(parts, 1, text);
}

static size_t add(
    const struct list *list, const char *run_id, struct arena *arena, struct hook_due *ret_due)
{
    const struct hook *hooks = list->hooks->items;
    char target[UUID_TEXT_SIZE];

    for (size_t i = 0; i < list->hooks->count; i++)
        ret_due[i] = (struct hook_due){.run_id = run_id,
            .place = arena_printf(arena, "%s[%zu]", list->name, i + 1),
            .target = arena_strdup(arena, target_of(&hooks[i], target)),
            .body = hooks[i].body};
    return list->hooks->count;
}

bool hooks_any(const struct pipeline *pipeline)
{
    return pipeline->on_commit.count + pipeline->on_failure.count + pipeline->finally.count > 0;
}

const struct hook_due *hooks_due(const struct pipeline *pipeline, const char *run_id,
    bool committed, struct arena *arena, size_t *ret_count)
{
    const struct list first = committed ? (struct list){"on_commit", &pipeline->on_commit}
                                        : (struct list){"on_failure", &pipeline->on_failure};
    const struct list last = {"finally", &pipeline->finally};
    struct hook_due *due =
        arena_array(arena, first.hooks->count + last.hooks->count + 1, sizeof(*due));

    *ret_count = add(&first, run_id, arena, due);
    *ret_count += add(&last, run_id, arena, due + *ret_count);
    return due;
}

const struct hook *hooks_find(const struct pipeline *pipeline, const struct hook_due *due)
{
    const struct list lists[] = {{"on_commit", &pipeline->on_commit},
        {"on_failure", &pipeline->on_failure}, {"finally", &pipeline->finally}};
    const size_t length = strcspn(due->place, "[");
    char target[UUID_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        const struct hook *hooks = lists[i].hooks->items;
        const size_t count = lists[i].hooks->count;
        size_t place;

        if (strlen(lists[i].name) != length || strncmp(lists[i].name, due->place, length) != 0)
            continue;
        place = due->place[length] ? strtoul(due->place + length + 1, NULL, 10) : 0;
        place = place >= 1 && place <= count ? place : 0;
        if (place && strcmp(target_of(&hooks[place - 1], target), due->target) == 0)
            return &hooks[place - 1];
        for (size_t j = 0; j < count; j++) {
            if (strcmp(target_of(&hooks[j], target), due->target) == 0)
                return &hooks[j];
        }
        return place ? &hooks[place - 1] : NULL;
    }
    return NULL;
}

const char *hooks_key(const struct hook_due *due, char text[UUID_TEXT_SIZE])
{
    const char *const parts[] = {due->run_id, due->place};

    return uuid_v5(parts, 2, text);
}
