#include "runner/cli/s3_text.h"

#include "runner/base/text.h"

#include <string.h>

void s3_text_append_name(struct buffer *text, const char *bucket, const char *name)
{
    if (bucket)
        buffer_printf(text, "s3://%s/", bucket);
    text_append_printable(text, name);
}

static const char *act_name(enum s3_transfer_act act)
{
    static const char *const names[] = {"upload", "download", "copy", "delete"};

    return names[act];
}

void s3_text_append_item(struct buffer *text, const struct s3_transfer_item *item)
{
    if (item->outcome == S3_TRANSFER_PLANNED)
        buffer_puts(text, "(dry run) ");
    if (item->outcome == S3_TRANSFER_SKIPPED)
        buffer_puts(text, "(skipped) ");
    buffer_printf(text, "%s: ", act_name(item->act));
    s3_text_append_name(text, item->from_bucket, item->from);
    if (item->version_id)
        buffer_printf(text, " (version %s)", item->version_id);
    if (item->to) {
        buffer_puts(text, " to ");
        s3_text_append_name(text, item->to_bucket, item->to);
    }
}

json_t *s3_text_name_json(const char *bucket, const char *name)
{
    struct buffer text;
    json_t *value;

    buffer_init(&text, 0);
    if (bucket)
        buffer_printf(&text, "s3://%s/", bucket);
    buffer_puts(&text, name);
    value = json_text_n(text.data, text.length);
    buffer_deinit(&text);
    return value;
}

json_t *s3_text_etag_json(const char *etag)
{
    const size_t length = strlen(etag);

    if (length >= 2 && etag[0] == '"' && etag[length - 1] == '"')
        return json_text_n(etag + 1, length - 2);
    return json_text(etag);
}

json_t *s3_text_item_json(const struct s3_transfer_item *item, const struct error *err)
{
    static const char *const outcomes[] = {"done", "planned", "skipped", "failed"};
    json_t *value = json_object();

    json_put_text(value, "operation", act_name(item->act));
    json_put_text(value, "outcome", outcomes[item->outcome]);
    json_object_set_new(value, "source", s3_text_name_json(item->from_bucket, item->from));
    if (item->to)
        json_object_set_new(value, "target", s3_text_name_json(item->to_bucket, item->to));
    json_put_text(value, "version_id", item->version_id);
    if (item->size >= 0)
        json_put_int(value, "bytes", item->size);
    if (item->etag)
        json_object_set_new(value, "etag", s3_text_etag_json(item->etag));
    if (err) {
        json_put_text(value, "error_code", error_code_name(err->code));
        json_put_text(value, "error", err->message);
    }
    return value;
}
