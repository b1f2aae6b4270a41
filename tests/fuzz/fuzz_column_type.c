/* Two types, one a line: what is read prints as text that is read as the same; widening is an
 * order, and the common type is one that both widen to. */
#include "runner/base/column_type.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct column_type *parse(const char *text, struct arena *arena)
{
    const struct column_type *type, *again;
    struct error err = {0};
    struct buffer printed, twice;

    if (column_type_parse(text, arena, &type, &err)) {
        assert(err.code == ERROR_INVALID || err.code == ERROR_NOT_SUPPORTED);
        assert(err.message[0]);
        return NULL;
    }
    buffer_init(&printed, 0);
    buffer_init(&twice, 0);
    column_type_append(&printed, type);
    assert(column_type_parse(printed.data, arena, &again, &err) == 0);
    assert(column_type_equal(type, again) && column_type_widens(type, again));
    column_type_append(&twice, again);
    assert(strcmp(printed.data, twice.data) == 0);
    buffer_deinit(&twice);
    buffer_deinit(&printed);
    return type;
}

static void check_iceberg(const char *text, struct arena *arena)
{
    const struct column_type *type;
    struct error err = {0};
    const char *name;

    if (column_type_from_iceberg(text, arena, &type, &err))
        return;
    name = column_type_iceberg(type, arena);
    assert(name && column_type_from_iceberg(name, arena, &type, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    char *line = strchr(text, '\n');
    const struct column_type *a, *b, *common;
    struct arena arena;

    if (line)
        *line++ = '\0';
    arena_init(&arena);
    a = parse(text, &arena);
    b = line ? parse(line, &arena) : NULL;
    check_iceberg(text, &arena);
    if (a && b) {
        common = column_type_common(a, b, &arena);
        assert(!common || (column_type_widens(a, common) && column_type_widens(b, common)));
        assert(common || (!column_type_widens(a, b) && !column_type_widens(b, a)));
        assert(!common == !column_type_common(b, a, &arena));
        assert(!column_type_equal(a, b) || (column_type_widens(a, b) && column_type_widens(b, a)));
    }
    arena_deinit(&arena);
    free(text);
    return 0;
}
