#include "runner/cli/s3_flags.h"

#include "runner/base/text.h"
#include "runner/cli/s3_settings.h"

int s3_check_addressing(const char *text, struct error *err)
{
    if (text_equal(text, "auto") || text_equal(text, "virtual") || text_equal(text, "path"))
        return 0;
    return error_set(err, ERROR_INVALID, "\"%s\" is none of auto, virtual, path", text);
}

void s3_flags_object(const struct s3_write_flags *flags, const struct s3_config *s3,
    struct arena *arena, struct s3_object_options *ret_object)
{
    s3_settings_object(s3, arena, ret_object);
    ret_object->content_type = flags->content_type;
    if (flags->storage_class)
        ret_object->storage_class = flags->storage_class;
    if (flags->sse) { /* another kind has another key, or none */
        ret_object->sse = flags->sse;
        ret_object->sse_kms_key_id = NULL;
    }
    if (flags->sse_kms_key_id)
        ret_object->sse_kms_key_id = flags->sse_kms_key_id;
    if (flags->metadata.count) {
        ret_object->metadata = s3_settings_pairs(&flags->metadata, arena);
        ret_object->metadata_count = flags->metadata.count;
    }
    if (flags->tags.count) {
        ret_object->tags = s3_settings_pairs(&flags->tags, arena);
        ret_object->tag_count = flags->tags.count;
    }
}
