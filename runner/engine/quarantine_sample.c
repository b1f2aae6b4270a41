#include "runner/engine/quarantine_sample.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/check_sample.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/quarantine_table.h"
#include "runner/engine/run_private.h"

#include <stdlib.h>

void quarantine_sample_keep(struct quarantine *quarantine)
{
    struct buffer text;

    if (!quarantine->sample)
        return;
    buffer_init(&text, 0);
    json_append(&text, quarantine->sample);
    quarantine->counts[quarantine->sampled].sample =
        arena_strdup(&quarantine->task->arena, text.data);
    buffer_deinit(&text);
    json_decref(quarantine->sample);
    quarantine->sample = NULL;
}

/* In the order of the marks. */
static void on_sample(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct quarantine *quarantine = container_of(request, struct quarantine, request);

    for (size_t i = 0; i < row_count; i++) {
        const char *const *row = cells + i * schema->count;
        const size_t mark = strtoul(row[0], NULL, 10);

        if (!quarantine->sample || mark != quarantine->sampled) {
            quarantine_sample_keep(quarantine);
            quarantine->sample = json_array();
            quarantine->sampled = mark;
        }
        json_array_append_new(quarantine->sample, check_sample_row(schema, 1, row));
    }
}

void quarantine_sample_ask(struct quarantine *quarantine, const char *marked)
{
    const struct task *task = quarantine->task;
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select __sluice_mark, ");
    check_sample_append_columns(&sql, task->run->pipeline, quarantine_rows_schema(task), NULL, "r");
    buffer_printf(&sql,
        " from (select *, row_number() over (partition by __sluice_mark order by __sluice_row) as "
        "__sluice_nth from %s) as r where __sluice_nth <= %d order by __sluice_mark, __sluice_row",
        marked, CHECK_SAMPLE_ROWS);
    quarantine->request = (struct sql_request){
        .query = {.sql = arena_strdup(&quarantine->task->arena, sql.data), .on_rows = on_sample}};
    buffer_deinit(&sql);
}
