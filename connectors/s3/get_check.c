/* Checksums. What a store says beside a range may be of that range (AWS, where the range is a part
 * of the upload) or of the whole object (others): the bytes tell which. */
#include "connectors/s3/get_private.h"

#include <string.h>

static bool same(const struct s3_checksum_value *a, const struct s3_checksum_value *b)
{
    return a->kind == b->kind && a->parts == b->parts && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool is_crc(enum s3_checksum_kind kind)
{
    return kind == S3_CHECKSUM_CRC32 || kind == S3_CHECKSUM_CRC32C || kind == S3_CHECKSUM_CRC64NVME;
}

/* --- what the store says --- */

static int read_value(struct get_part *part, struct error *err)
{
    for (int kind = S3_CHECKSUM_NONE + 1; kind < S3_CHECKSUM_KINDS; kind++) {
        const char *text = s3_call_header(&part->call, s3_checksum_header(kind));

        if (!text || !text[0])
            continue;
        if (s3_checksum_parse(kind, text, &part->value, err)) {
            error_prefix(err, "the answer's %s", s3_checksum_header(kind));
            return error_set_class(err, ERROR_TRANSIENT);
        }
        part->has_value = true;
        return 0;
    }
    return 0;
}

/* The first part's may be the whole object's. */
static int take_claim(struct get_part *part, struct error *err)
{
    struct get_flow *flow = part->flow;
    const uint64_t rest = flow->total - part->length;
    const bool whole = flow->total == flow->get->size;

    flow->claim = part->value;
    flow->has_claim = true;
    if (whole && !flow->sums) {
        flow->sum_count = (size_t)(1 + (rest + flow->part_bytes - 1) / flow->part_bytes);
        flow->sums = mem_calloc(flow->sum_count, sizeof(*flow->sums));
    }
    /* Of a range that is not a part of the upload nobody sends a SHA: it is the whole object's. */
    if (whole && rest > 0 && get_in_order(flow) && !is_crc(part->value.kind) &&
        part->value.parts == 0 && !flow->running.kind)
        return s3_checksum_init(&flow->running, part->value.kind, err);
    return 0;
}

int get_check_begin(struct get_part *part, struct error *err)
{
    struct get_flow *flow = part->flow;
    enum s3_checksum_kind kind;

    s3_checksum_deinit(&part->sum);
    part->has_value = false;
    if (!s3_client_wants_checksums(flow->client))
        return 0;
    if (read_value(part, err))
        return -1;
    if (part->index == 0 && part->has_value && take_claim(part, err))
        return -1;
    kind = part->has_value   ? part->value.kind
           : flow->has_claim ? flow->claim.kind
                             : S3_CHECKSUM_NONE;
    /* A SHA of the whole object is not made of those of parts. */
    if (part->index > 0 && part->has_value && !is_crc(kind) && part->value.parts == 0 &&
        flow->has_claim && same(&part->value, &flow->claim))
        kind = S3_CHECKSUM_NONE;
    return kind ? s3_checksum_init(&part->sum, kind, err) : 0;
}

void get_check_reset(struct get_flow *flow)
{
    free(flow->sums);
    flow->sums = NULL;
    flow->sum_count = 0;
    flow->has_claim = false;
    flow->part_proven = 0;
    s3_checksum_deinit(&flow->running);
}

/* --- what came --- */

static int value_of(
    const struct s3_checksum *sum, struct s3_checksum_value *ret_value, struct error *err)
{
    char text[S3_CHECKSUM_TEXT_SIZE];

    return s3_checksum_text(sum, text, err) || s3_checksum_parse(sum->kind, text, ret_value, err)
               ? -1
               : 0;
}

static int mismatch(enum s3_checksum_kind kind, const char *of, struct error *err)
{
    return error_set(err, ERROR_DATA,
        "the %s checksum of %s is not the one that the store has: it was damaged under way or in "
        "the store",
        s3_checksum_name(kind), of);
}

int get_check_part(struct get_part *part, struct error *err)
{
    struct get_flow *flow = part->flow;
    struct s3_checksum_value value;

    if (!part->sum.kind)
        return 0;
    if (value_of(&part->sum, &value, err))
        return -1;
    if (flow->has_claim && part->index < flow->sum_count && value.kind == flow->claim.kind)
        flow->sums[part->index] = value;
    if (!part->has_value)
        return 0;
    if (same(&part->value, &value)) {
        flow->part_proven++;
        flow->get->verified = value.kind;
        if (part->index == 0 && part->length < flow->get->size)
            flow->has_claim = false; /* it was of the range */
        return 0;
    }
    if (part->value.parts == 0 && part->length == flow->get->size)
        return mismatch(value.kind, "the object", err);
    if (part->index > 0 && !(flow->has_claim && same(&part->value, &flow->claim)))
        return mismatch(value.kind, part->range, err);
    return 0; /* of the whole object, as far as can be seen */
}

/* --- the whole object --- */

/* 1: it is the claim's; 0: cannot be told; -1: it is not, or err. */
static int check_composite(const struct get_flow *flow, struct error *err)
{
    char text[S3_CHECKSUM_TEXT_SIZE];
    struct s3_checksum_value value;

    if (flow->claim.parts != flow->sum_count ||
        s3_checksum_composite(flow->sums, flow->sum_count, text, err) ||
        s3_checksum_parse(flow->claim.kind, text, &value, err))
        return 0;
    if (same(&value, &flow->claim))
        return 1;
    /* Other cuts into as many parts are possible; but not into one. */
    return flow->sum_count == 1 ? mismatch(value.kind, "the object", err) : 0;
}

static int compare_whole(
    const struct s3_checksum *sum, const struct get_flow *flow, struct error *err)
{
    struct s3_checksum_value value;

    if (value_of(sum, &value, err))
        return -1;
    return same(&value, &flow->claim) ? 1 : mismatch(value.kind, "the object", err);
}

static int check_full(const struct get_flow *flow, struct error *err)
{
    struct s3_checksum whole;
    uint64_t left = flow->total;
    int result;

    if (flow->running.kind)
        return compare_whole(&flow->running, flow, err);
    if (!is_crc(flow->claim.kind) || s3_checksum_init(&whole, flow->claim.kind, err))
        return 0;
    for (size_t i = 0; i < flow->sum_count; i++) {
        const uint64_t length = i == 0 ? flow->first_bytes : MIN(flow->part_bytes, left);

        s3_checksum_append(&whole, &flow->sums[i], length);
        left -= length;
    }
    result = compare_whole(&whole, flow, err);
    s3_checksum_deinit(&whole);
    return result;
}

static bool sums_are_there(const struct get_flow *flow)
{
    for (size_t i = 0; i < flow->sum_count; i++) {
        if (flow->sums[i].kind != flow->claim.kind)
            return false;
    }
    return flow->sum_count > 0;
}

int get_check_whole(struct get_flow *flow, struct error *err)
{
    const bool all_proven = flow->part_proven > 0 && flow->part_proven == flow->part_count;
    int result = 0;

    if (all_proven)
        return 0;
    flow->get->verified = S3_CHECKSUM_NONE;
    if (!flow->has_claim || flow->total != flow->get->size)
        return 0;
    if (flow->claim.parts == 0 && (flow->running.kind || sums_are_there(flow)))
        result = check_full(flow, err);
    else if (flow->claim.parts > 0 && sums_are_there(flow))
        result = check_composite(flow, err);
    if (result > 0)
        flow->get->verified = flow->claim.kind;
    return result < 0 ? -1 : 0;
}
