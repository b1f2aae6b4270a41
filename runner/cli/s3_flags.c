#include "runner/cli/s3_flags.h"

#include "runner/base/text.h"

int s3_check_addressing(const char *text, struct error *err)
{
    if (text_equal(text, "auto") || text_equal(text, "virtual") || text_equal(text, "path"))
        return 0;
    return error_set(err, ERROR_INVALID, "\"%s\" is none of auto, virtual, path", text);
}

static const struct s3_pair *pairs_of(const struct option_pairs *pairs, struct arena *arena)
{
    struct s3_pair *items = arena_array(arena, pairs->count, sizeof(*items));

    for (size_t i = 0; i < pairs->count; i++)
        items[i] = (struct s3_pair){pairs->items[i].name, pairs->items[i].value};
    return items;
}

void s3_flags_object(
    const struct s3_write_flags *flags, struct arena *arena, struct s3_object_options *ret_object)
{
    *ret_object = (struct s3_object_options){
        .content_type = flags->content_type,
        .storage_class = flags->storage_class,
        .sse = flags->sse,
        .sse_kms_key_id = flags->sse_kms_key_id,
        .metadata = pairs_of(&flags->metadata, arena),
        .metadata_count = flags->metadata.count,
        .tags = pairs_of(&flags->tags, arena),
        .tag_count = flags->tags.count,
    };
}
