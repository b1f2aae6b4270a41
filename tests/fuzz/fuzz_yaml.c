/* A whole pipeline file: YAML, binding, interpolation, rules. No file is opened. */
#include "config/pipeline.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *text, size_t size, const struct pipeline_scope *scope)
{
    struct diagnostics problems;
    struct pipeline *pipeline;
    struct buffer line;

    diagnostics_init(&problems);
    pipeline = pipeline_parse("fuzz.yaml", text, size, scope, &problems);
    /* Either it is good or it says why not, with a place that lies in the file. */
    if ((pipeline == NULL) != (problems.error_count > 0))
        abort();
    diagnostics_sort(&problems);
    buffer_init(&line, 0);
    for (size_t i = 0; i < problems.count; i++) {
        buffer_clear(&line);
        diagnostics_format(&problems.items[i], &line);
        if (strchr(line.data, '\n') ||
            (problems.items[i].mark.line > 0 && problems.items[i].mark.column == 0))
            abort();
    }
    buffer_deinit(&line);
    pipeline_free(pipeline);
    diagnostics_deinit(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pipeline_scope look = {.without_files = true};
    const struct pipeline_scope run = {
        .without_files = true, .run_id = "r", .due_ms = 1700000000000, .for_run = true};
    char *text = mem_calloc(size + 1, 1);

    memcpy(text, data, size);
    parse(text, size, &look);
    parse(text, size, &run);
    free(text);
    return 0;
}
