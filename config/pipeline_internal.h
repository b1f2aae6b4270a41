/* Between the files of the pipeline model. */
#ifndef CONFIG_PIPELINE_INTERNAL_H
#define CONFIG_PIPELINE_INTERNAL_H

#include "config/bind.h"
#include "config/pipeline.h"

struct zone;

/* --- pipeline_check.c: what one text must look like --- */

int pipeline_check_name(const char *text, struct error *err);
int pipeline_check_param_name(const char *text, struct error *err);
int pipeline_check_into(const char *text, struct error *err);
int pipeline_check_schedule(const char *text, struct error *err);
int pipeline_check_partition(const char *text, struct error *err);
int pipeline_check_column_type(const char *text, struct error *err);
int pipeline_check_delimiter(const char *text, struct error *err);
int pipeline_check_quote(const char *text, struct error *err);
int pipeline_check_date_format(const char *text, struct error *err);
int pipeline_check_encoding(const char *text, struct error *err);
int pipeline_check_decimal(const char *text, struct error *err);
int pipeline_check_share(const char *text, struct error *err);
int pipeline_check_percent(const char *text, struct error *err); /* up to 100% */
int pipeline_check_change(const char *text, struct error *err);  /* also more */
int pipeline_check_error_code(const char *text, struct error *err);
int pipeline_check_http_url(const char *text, struct error *err);

/* "5%" is a share of 0.05, "1000" so many rows; the other one is -1. */
int pipeline_parse_share(const char *text, double *ret_share, int64_t *ret_rows, struct error *err);

/* "5%" is 0.05. */
int pipeline_parse_percent(const char *text, double *ret_share, struct error *err);

/* What follows catalog:// in a path; NULL: it has another scheme, or none. */
const char *pipeline_catalog_table(const char *from);

/* --- what a file is turned into, in this order --- */

struct pipeline_reader {
    struct pipeline *pipeline;
    const struct pipeline_scope *scope;
    struct diagnostics *problems;
    struct zone *zone; /* the pipeline's; NULL: UTC */
};

/* Adds "address: message" where a field was written. */
void pipeline_fail(struct pipeline_reader *reader, const void *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* pipeline_params.c: types --param and defaults into each param's value. */
void pipeline_set_params(struct pipeline_reader *reader);

/* pipeline_checks.c, pipeline_hooks.c: what may be said about each. */
extern const struct option_set pipeline_check_set, pipeline_hook_set;
void pipeline_finish_checks(struct pipeline *pipeline, const struct option_items *checks);

/* pipeline_finish.c: what follows from what was written: inherited settings, files read, texts
 * taken apart. */
void pipeline_finish(struct pipeline_reader *reader);

/* pipeline_validate.c, validate_load.c, validate_merge.c: the rules. */
void pipeline_validate(struct pipeline_reader *reader);
struct table;
void pipeline_validate_loads(struct pipeline_reader *reader, const struct table *datasets);
void pipeline_validate_merge(struct pipeline_reader *reader, const struct load *load);
/* An option that means something only under some condition: reported where it is set and not
 * allowed. */
void pipeline_refuse_unless(struct pipeline_reader *reader, const struct load *load, bool allowed,
    const void *field, const char *name, const char *why);
void pipeline_validate_format(struct pipeline_reader *reader, const char *address, const char *key,
    const struct csv_dialect *csv, const int *format, const int *compression,
    const char *const *path);
void pipeline_validate_checks(
    struct pipeline_reader *reader, const char *address, const struct option_items *checks);
void pipeline_validate_hooks(
    struct pipeline_reader *reader, const char *address, const struct option_items *hooks);
void pipeline_validate_repeats(
    struct pipeline_reader *reader, const char *address, const struct text_list *list);

#endif
