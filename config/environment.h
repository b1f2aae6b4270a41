/* sluice.yaml: where the catalog, the store, state and logs of each environment are (DESIGN
 * section 3). Found by --config, $SLUICE_CONFIG, ./sluice.yaml, ./config/sluice.yaml, then the
 * same in each parent folder; without any, the embedded defaults below the working folder. */
#ifndef CONFIG_ENVIRONMENT_H
#define CONFIG_ENVIRONMENT_H

#include "config/diagnostics.h"
#include "runner/base/arena.h"
#include "runner/base/option.h"

#include <stdbool.h>
#include <stdint.h>

struct log_options_config {
    const char *dir;   /* absolute */
    const char *level; /* the filter's default */
    struct duration keep;
    bool samples; /* sample rows in logs */
};

struct catalog_config {
    const char *url;                           /* the shorthand: sqlite:PATH; path made absolute */
    const char *kind, *uri, *warehouse, *auth; /* the long form, for catalogs to come */
};

struct s3_config {
    const char *region, *profile, *endpoint, *ca_file, *addressing;
    uint64_t part_size, memory;
    double throughput_target_gbps; /* 0: not set */
    bool unsigned_access, dual_stack, fips, accelerate, requester_pays;
    int64_t concurrency; /* 0: not set */
    const char *checksums;
    const char *storage_class, *sse, *sse_kms_key_id; /* of what is written, like the next two */
    struct option_pairs tags, metadata;
};

struct http_config {
    const char *ca_file;
};

struct cloudwatch_config {
    const char *log_group, *namespace, *mode;
};

struct environment {
    struct option_item item; /* "dev", "prod" */
    const char *root;        /* the project's: absolute */
    struct option_pairs vars;
    struct catalog_config catalog;
    const char *store; /* file:/absolute, s3://… */
    const char *state; /* sqlite:/absolute, s3://… */
    const char *spool; /* absolute folder: each run's own files while it runs; .sluice/spool */
    struct log_options_config logs;
    struct s3_config s3;
    struct http_config http;
    struct cloudwatch_config cloudwatch;
};

struct project {
    struct arena arena;
    const char *path;                      /* of sluice.yaml; NULL: the embedded defaults */
    const char *root;                      /* absolute: where relative paths start */
    const char *name;                      /* `project:`, or the root folder's name */
    const char *pipelines;                 /* absolute folder */
    struct option_items environments;      /* struct environment */
    const struct environment *environment; /* the chosen one */
};

/* `config_path` and `env_name` NULL: not given on the command line. Relative paths come out
 * absolute. NULL, with every error in `problems`, when it cannot be used. */
struct project *project_load(
    const char *config_path, const char *env_name, struct diagnostics *problems);
void project_free(struct project *project);

/* Environments that share a catalog's file and have different stores: the names of data files in
 * the catalog are relative to the store, so that each would look in its own for those of the other.
 */
void project_check_environments(const struct project *project, struct diagnostics *problems);

/* Every pipeline file of the project's folder (*.yaml, *.yml, sub-folders included, names that
 * begin with "." or "_" and tests, *.test.yaml, left out), sorted; owned by the project. */
int project_pipeline_paths(struct project *project, struct text_list *ret_paths, struct error *err);

/* A pipeline as named on the command line: a path that ends in .yaml/.yml, or the name of one in
 * the folder (NAME.yaml first, then the files' `name:`). The error suggests near names. */
int project_find_pipeline(
    struct project *project, const char *name, const char **ret_path, struct error *err);

extern const struct option_set project_options;

#endif
