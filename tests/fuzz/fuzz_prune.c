/* Bytes as a type, two bounds, a constant and statistics: whatever is taken for a value keeps its
 * order, and a file that holds nothing but the constant is never left out. */
#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/prune.h"
#include "runner/engine/prune_value.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 4 };

/* Separated by bytes 0. */
static void split(char *text, size_t size, const char *parts[PARTS])
{
    char *at = text;

    for (int i = 0; i < PARTS; i++) {
        parts[i] = at;
        at = MIN(at + strlen(at) + 1, text + size);
    }
}

static void check_order(const struct column_type *type, const char *text, bool quoted)
{
    const enum prune_family family = prune_family_of(type);
    struct prune_value low, high, constant;

    if (prune_parse_bound(text, type, PRUNE_LOWEST, &low) &&
        prune_parse_bound(text, type, PRUNE_HIGHEST, &high))
        assert(prune_compare(family, &low, &high) <= 0);
    if (!prune_parse_constant(text, quoted, type, &constant))
        return;
    assert(prune_compare(family, &constant, &constant) == 0);
    if (prune_parse_bound(text, type, PRUNE_LOWEST, &low))
        assert(prune_compare(family, &low, &constant) <= 0);
    if (prune_parse_bound(text, type, PRUNE_HIGHEST, &high))
        assert(prune_compare(family, &high, &constant) >= 0);
}

static bool may(const char *type, const char *stats, enum sql_comparison comparison,
    const char *value, bool quoted)
{
    const struct catalog_column column = {.name = "c", .type = type, .field_id = 1};
    const struct sql_condition condition = {.column = "c",
        .comparison = comparison,
        .values = &value,
        .value_count = 1,
        .quoted = quoted};
    const struct prune_file file = {.rows = 1, .stats = stats};
    struct prune *prune = prune_new(&condition, 1, &column, 1);
    const bool answer = prune_may_match(prune, &file);

    prune_free(prune);
    return answer;
}

static void check_file(const char *type, const char *min, const char *max, bool quoted)
{
    json_t *facts = json_object(), *stats = json_object();
    char *text;

    json_put_text(facts, "min", min);
    json_put_text(facts, "max", max);
    json_put_int(facts, "nulls", 0);
    json_object_set_new(stats, "1", facts);
    text = json_line(stats);
    assert(may(type, text, SQL_EQUAL, min, quoted) || strcmp(min, max) != 0);
    assert(may(type, text, SQL_LESS_EQUAL, max, quoted) || strcmp(min, max) != 0);
    may(type, text, SQL_GREATER, max, quoted);
    free(text);
    json_decref(stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const bool quoted = size > 0 && data[0] & 1;
    char *text = mem_calloc(size + 1, 1);
    const struct column_type *type;
    const char *parts[PARTS];
    struct arena arena;
    struct error err;

    if (size > 0)
        memcpy(text, data + 1, size - 1);
    split(text, size, parts);
    arena_init(&arena);
    if (column_type_parse(parts[0], &arena, &type, &err) == 0) {
        check_order(type, parts[1], quoted);
        check_order(type, parts[2], quoted);
        check_file(parts[0], parts[1], parts[1], quoted);
        check_file(parts[0], parts[1], parts[2], quoted);
        may(parts[0], parts[3], SQL_EQUAL, parts[1], quoted);
    }
    arena_deinit(&arena);
    free(text);
    return 0;
}
