#include "runner/engine/resume.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/engine/run_private.h"

#include <string.h>

static char *object_name(const char *task, const char *key)
{
    return mem_printf("%s\x1f%s", task ? task : "", key ? key : "");
}

/* Its place and its content; the name of a file differs from process to process. */
static char *file_name(const char *task, const char *key, const char *checksum, uint64_t bytes)
{
    const char *slash = strrchr(key, '/');

    return mem_printf("%s\x1f%.*s\x1f%s\x1f%llu", task ? task : "", slash ? (int)(slash - key) : 0,
        key, checksum ? checksum : "", (unsigned long long)bytes);
}

static struct state_journal *copy_entry(struct arena *arena, const struct state_journal *entry)
{
    struct state_journal *copy = arena_new(arena, struct state_journal);

    *copy = (struct state_journal){.run_id = arena_strdup(arena, entry->run_id),
        .kind = strcmp(entry->kind, "file") == 0 ? "file" : "object",
        .what = arena_strdup(arena, entry->what),
        .task = entry->task ? arena_strdup(arena, entry->task) : NULL,
        .key = entry->key ? arena_strdup(arena, entry->key) : NULL,
        .version = entry->version ? arena_strdup(arena, entry->version) : NULL,
        .checksum = entry->checksum ? arena_strdup(arena, entry->checksum) : NULL,
        .bytes = entry->bytes};
    return copy;
}

void resume_take(struct run *run, const struct recover *recover)
{
    struct resume *resume = &run->resume;

    resume->folders =
        arena_array(&run->arena, recover->kept_folder_count, sizeof(*resume->folders));
    for (size_t i = 0; i < recover->kept_folder_count; i++)
        resume->folders[i] = arena_strdup(&run->arena, recover->kept_folders[i]);
    resume->folder_count = recover->kept_folder_count;
    for (size_t i = 0; i < recover->complete_count && resume->folder_count > 0; i++) {
        struct state_journal *entry = copy_entry(&run->arena, &recover->complete[i]);
        const bool is_file = strcmp(entry->kind, "file") == 0;
        char *name;

        if (is_file && !table_has(&recover->found, entry->what))
            continue;
        name = is_file ? file_name(entry->task, entry->what, entry->checksum, entry->bytes)
                       : object_name(entry->task, entry->key);
        table_put(is_file ? &resume->files : &resume->objects, name, entry);
        free(name);
    }
}

void resume_free(struct run *run)
{
    table_deinit(&run->resume.objects);
    table_deinit(&run->resume.files);
    arena_deinit(&run->resume.arena);
    free(run->resume.notes);
    free(run->resume.writing);
}

const struct state_journal *resume_object(
    struct run *run, const char *task, const char *key, const char *version, uint64_t bytes)
{
    char *name = object_name(task, key);
    const struct state_journal *entry = table_get(&run->resume.objects, name);

    if (entry)
        table_put(&run->resume.objects, name, NULL);
    free(name);
    return entry && version && text_equal(entry->version, version) && entry->bytes == bytes &&
                   entry->checksum
               ? entry
               : NULL;
}

const struct state_journal *resume_file(
    struct run *run, const char *task, const char *key, const char *checksum, uint64_t bytes)
{
    char *name = file_name(task, key, checksum, bytes);
    const struct state_journal *entry = table_get(&run->resume.files, name);

    if (entry)
        table_put(&run->resume.files, name, NULL);
    free(name);
    return entry;
}

void resume_keep(struct run *run, const struct state_journal *entry)
{
    struct state_journal *copy = arena_new(&run->arena, struct state_journal);
    char *name = object_name(entry->task, entry->key);

    *copy = *entry;
    table_put(&run->resume.objects, name, copy);
    free(name);
}

const char *resume_next_left(struct run *run)
{
    const struct table *files = &run->resume.files;

    while (run->resume.swept < files->count) {
        const struct state_journal *entry = files->entries[run->resume.swept++].value;

        if (entry)
            return entry->what;
    }
    return NULL;
}

/* --- notes --- */

static void write_notes(struct run *run);

/* What could not be noted is done again after a crash; where the lease was lost, its heartbeats
 * say so. */
static void on_written(struct state_request *request, const struct error *err)
{
    struct run *run = container_of(request, struct run, resume.request);

    if (err)
        log_event(run->engine->log, LOG_DEBUG, "run.state", &run->context, NULL,
            "the journal does not say what is complete: %s", err->message);
    run->resume.is_writing = false;
    free(run->resume.writing);
    run->resume.writing = NULL;
    if (run->resume.note_count > 0)
        write_notes(run);
    else
        tasks_check_finished(run);
}

/* All that came while the ones before were written go at once. */
static void write_notes(struct run *run)
{
    struct resume *resume = &run->resume;

    arena_deinit(&resume->arena);
    resume->writing = resume->notes;
    resume->request = (struct state_request){.verb = STATE_ADD_JOURNAL,
        .pipeline = run->pipeline->name,
        .instance = run->options.instance,
        .entries = resume->writing,
        .entry_count = resume->note_count,
        .arena = &resume->arena,
        .done = on_written};
    resume->notes = NULL;
    resume->note_count = resume->note_capacity = 0;
    resume->is_writing = true;
    run->state_store->type->start(run->state_store, &resume->request);
}

void resume_note(struct run *run, const struct state_journal *entry)
{
    struct resume *resume = &run->resume;

    if (run->options.preview_dataset)
        return;
    resume->notes =
        mem_grow(resume->notes, &resume->note_capacity, resume->note_count, sizeof(*entry));
    resume->notes[resume->note_count] = *entry;
    resume->notes[resume->note_count].run_id = run->options.run_id;
    resume->notes[resume->note_count++].fence = run->lease.fence;
    if (!resume->is_writing)
        write_notes(run);
}
