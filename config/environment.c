#include "config/environment.h"

#include "config/bind_internal.h"
#include "config/environment_internal.h"
#include "config/path.h"
#include "runner/base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *const default_environment = "dev";
static const char *const default_catalog = "sqlite:.sluice/catalog.db";

/* --- finding sluice.yaml --- */

static const char *find_upwards(struct arena *arena, const char *folder)
{
    static const char *const names[] = {"sluice.yaml", "config/sluice.yaml"};

    for (;;) {
        for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
            const char *path = path_join(arena, folder, names[i]);

            if (access(path, F_OK) == 0)
                return path;
        }
        if (strcmp(folder, "/") == 0 || strcmp(folder, ".") == 0)
            return NULL;
        folder = path_folder(arena, folder);
    }
}

/* NULL: there is none, and none was asked for. */
static const char *find_config(struct arena *arena, const char *given)
{
    const char *working = path_working_folder(arena);
    const char *variable = getenv("SLUICE_CONFIG");

    if (given)
        return path_join(arena, working, given);
    if (variable && *variable)
        return path_join(arena, working, variable);
    return find_upwards(arena, working);
}

/* The folder of sluice.yaml, or the one above when that is config/. */
static const char *root_of(struct arena *arena, const char *config_path)
{
    const char *folder = path_folder(arena, config_path);
    char *real = realpath(folder, NULL);
    const char *slash;

    if (real)
        folder = arena_strdup(arena, real);
    free(real);
    slash = strrchr(folder, '/');
    return slash && strcmp(slash, "/config") == 0 ? path_folder(arena, folder) : folder;
}

/* --- reading it --- */

static const struct option *environments_option(void)
{
    return option_find(&project_options, "environments");
}

static const struct yaml_pair *find_pair(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->pairs[i].key->text, key) == 0)
            return &map->pairs[i];
    }
    return NULL;
}

/* Environments that are not chosen may ask for variables that are not set here. */
static void bind_file(struct project *project, struct bind *bind, const struct yaml_node *root)
{
    struct interpolate_scope scope = {.allowed = INTERPOLATE_ENV};
    const struct yaml_pair *environments = find_pair(root, "environments");

    bind->scope = &scope;
    bind_object(bind, &project_options, root, root->mark, project, "environments");
    if (environments) {
        scope.allowed |= INTERPOLATE_VARS;
        scope.keep_unset = bind->quiet_unset = true;
        bind_option(bind, environments_option(), environments, project);
    }
    bind->scope = NULL;
}

static struct environment *find_environment(const struct project *project, const char *name)
{
    struct environment *all = project->environments.items;

    for (size_t i = 0; i < project->environments.count; i++) {
        if (strcmp(all[i].item.name, name) == 0)
            return &all[i];
    }
    return NULL;
}

/* The chosen environment once more, now that its vars are known and variables must be set. */
static void bind_chosen(struct project *project, struct bind *bind, const struct yaml_node *root,
    struct environment *chosen)
{
    const struct option_set *set = environments_option()->fields;
    const struct yaml_pair *pair =
        find_pair(find_pair(root, "environments")->value, chosen->item.name);
    const struct option_item item = chosen->item;
    const struct option_pairs vars = chosen->vars;
    struct interpolate_scope scope = {.allowed = INTERPOLATE_ENV | INTERPOLATE_VARS, .vars = &vars};
    const size_t outer = bind_push(bind, "environments"), inner = bind_push(bind, item.name);

    bind->scope = &scope;
    option_set_presets(set, chosen, &project->arena);
    chosen->item = item;
    bind_object(bind, set, pair->value, item.mark, chosen, NULL);
    bind_pop(bind, inner);
    bind_pop(bind, outer);
}

static void add_default_environment(struct project *project)
{
    const struct option_set *set = environments_option()->fields;
    struct environment *only = arena_new(&project->arena, struct environment);

    option_set_presets(set, only, &project->arena);
    only->item.name = default_environment;
    project->environments = (struct option_items){only, 1};
}

static struct environment *choose(
    struct project *project, const char *given, struct diagnostics *problems)
{
    const char *variable = getenv("SLUICE_ENV");
    const char *name = given ? given : variable && *variable ? variable : default_environment;
    const struct environment *all = project->environments.items;
    const char **names = mem_calloc(project->environments.count + 1, sizeof(*names));
    struct environment *chosen = find_environment(project, name);
    const char *nearest;
    struct buffer known;

    buffer_init(&known, 300);
    for (size_t i = 0; i < project->environments.count; i++) {
        names[i] = all[i].item.name;
        buffer_printf(&known, "%s%s", i ? ", " : "", names[i]);
    }
    nearest = text_nearest(name, names);
    if (!chosen && nearest)
        diagnostics_error(problems, project->path ? project->path : "sluice.yaml",
            (struct option_mark){0}, "there is no environment \"%s\"; did you mean \"%s\"?", name,
            nearest);
    else if (!chosen)
        diagnostics_error(problems, project->path ? project->path : "sluice.yaml",
            (struct option_mark){0}, "there is no environment \"%s\"; choose one with --env: %s",
            name, known.data);
    buffer_deinit(&known);
    free(names);
    return chosen;
}

/* --- relative paths become absolute --- */

static const char *absolute_url(struct project *project, const char *url, const char *scheme)
{
    const char *path = url + strlen(scheme);

    if (!text_starts(url, scheme))
        return url;
    if (text_starts(path, "//")) /* file:///path */
        path += 2;
    return arena_printf(
        &project->arena, "%s%s", scheme, path_join(&project->arena, project->root, path));
}

static void finish_environment(struct project *project, struct environment *environment)
{
    struct catalog_config *catalog = &environment->catalog;

    environment->root = project->root;
    if (!catalog->url && !catalog->kind)
        catalog->url = default_catalog;
    if (catalog->url)
        catalog->url = absolute_url(project, catalog->url, "sqlite:");
    environment->store = absolute_url(project, environment->store, "file:");
    environment->state = absolute_url(project, environment->state, "sqlite:");
    environment->spool = path_join(&project->arena, project->root, ".sluice/spool");
    environment->logs.dir = path_join(&project->arena, project->root, environment->logs.dir);
    if (environment->s3.ca_file)
        environment->s3.ca_file =
            path_join(&project->arena, project->root, environment->s3.ca_file);
    if (environment->http.ca_file)
        environment->http.ca_file =
            path_join(&project->arena, project->root, environment->http.ca_file);
}

static void finish(struct project *project)
{
    struct environment *all = project->environments.items;
    const char *slash = strrchr(project->root, '/');

    if (!project->name)
        project->name = slash && slash[1] ? slash + 1 : "project";
    project->pipelines = path_join(&project->arena, project->root, project->pipelines);
    for (size_t i = 0; i < project->environments.count; i++)
        finish_environment(project, &all[i]);
}

/* --- environments beside each other --- */

/* What depends on a variable that is not set here is not known. */
static bool mix(const struct environment *a, const struct environment *b)
{
    return a->catalog.url && b->catalog.url && !strstr(a->catalog.url, "${") &&
           !strstr(a->store, "${") && !strstr(b->store, "${") &&
           strcmp(a->catalog.url, b->catalog.url) == 0 && strcmp(a->store, b->store) != 0;
}

void project_check_environments(const struct project *project, struct diagnostics *problems)
{
    const struct environment *all = project->environments.items;

    for (size_t i = 0; project->path && i < project->environments.count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (!mix(&all[i], &all[j]))
                continue;
            diagnostics_error(problems, project->path, all[i].item.mark,
                "environments.%s: it shares the catalog %s with %s, but has another store, in "
                "which "
                "nobody finds the data files of the other; give it a catalog of its own, or the "
                "same store",
                all[i].item.name, all[i].catalog.url, all[j].item.name);
            break;
        }
    }
}

/* --- the whole --- */

/* An environment that is not written out is a mistake only when it is asked for. */
static void read_tree(
    struct project *project, struct bind *bind, const struct yaml_node *root, const char *env_name)
{
    const size_t errors = bind->problems->error_count;
    struct environment *chosen;
    bool written;

    if (root->kind != YAML_MAP) {
        bind_fail(bind, root->mark,
            "sluice.yaml is a map: project:, pipelines:, environments:; "
            "this is %s",
            yaml_kind_name(root));
        return;
    }
    bind_file(project, bind, root);
    if (bind->problems->error_count > errors)
        return;
    written = project->environments.count > 0;
    if (!written)
        add_default_environment(project);
    chosen = choose(project, env_name, bind->problems);
    if (chosen && written)
        bind_chosen(project, bind, root, chosen);
    project->environment = chosen;
}

static void read_config(struct project *project, const char *config_path, const char *env_name,
    struct diagnostics *problems)
{
    struct bind_marks marks;
    struct yaml_node *root;
    struct bind bind;
    struct error err;
    size_t length;
    char *text;

    if (path_read_file(config_path, YAML_BYTES_MAX, &text, &length, &err)) {
        diagnostics_error(problems, project->path, (struct option_mark){0}, "%s", err.message);
        return;
    }
    root = yaml_load(project->path, text, length, &project->arena, problems);
    bind_init(&bind, project->path, text, length, &project->arena, &marks, problems);
    if (root)
        read_tree(project, &bind, root, env_name);
    bind_deinit(&bind);
    free(text);
}

struct project *project_load(
    const char *config_path, const char *env_name, struct diagnostics *problems)
{
    struct project *project = mem_new(struct project);
    const size_t errors = problems->error_count;
    const char *found;

    arena_init(&project->arena);
    option_set_presets(&project_options, project, &project->arena);
    found = find_config(&project->arena, config_path);
    if (found) {
        project->path = path_display(&project->arena, found);
        project->root = root_of(&project->arena, found);
        read_config(project, found, env_name, problems);
    } else {
        project->root = path_working_folder(&project->arena);
        add_default_environment(project);
        project->environment = choose(project, env_name, problems);
    }
    if (problems->error_count > errors) {
        project_free(project);
        return NULL;
    }
    finish(project);
    return project;
}

void project_free(struct project *project)
{
    if (!project)
        return;
    arena_deinit(&project->arena);
    free(project);
}
