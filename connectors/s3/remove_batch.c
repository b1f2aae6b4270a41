#include "connectors/s3/remove_private.h"

#include "connectors/s3/answers.h"
#include "connectors/s3/checksum.h"
#include "connectors/s3/error.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <openssl/evp.h>
#include <string.h>

/* Source: production [2] Char of XML 1.0. What is not UTF-8 is no character at all. */
bool s3_remove_fits_xml(const char *key)
{
    const size_t length = strlen(key);

    for (size_t at = 0; at < length;) {
        const unsigned char c = (unsigned char)key[at];
        const size_t step = text_utf8_length(key + at, length - at);

        if (step == 0 || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
            return false;
        if (step == 3 &&
            (memcmp(key + at, "\xef\xbf\xbe", 3) == 0 || memcmp(key + at, "\xef\xbf\xbf", 3) == 0))
            return false;
        at += step;
    }
    return true;
}

static void append_text(struct buffer *xml, const char *text)
{
    for (; *text; text++) {
        if (strchr("&<>\t\r\n", *text)) /* a parser would make other white space of the latter */
            buffer_printf(xml, "&#%d;", *text);
        else
            buffer_putc(xml, *text);
    }
}

static int add_digest(struct remove_slot *slot, struct http_header *ret_digest, struct error *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    struct s3_checksum checksum;
    int result;

    if (EVP_Digest(slot->body.data, slot->body.length, bytes, &length, EVP_md5(), NULL) == 1) {
        EVP_EncodeBlock((unsigned char *)slot->digest, bytes, (int)length);
        *ret_digest = (struct http_header){"Content-MD5", slot->digest};
        return 0;
    }
    /* Where FIPS forbids MD5; AWS takes this as well. */
    if (s3_checksum_init(&checksum, S3_CHECKSUM_CRC32C, err))
        return -1;
    s3_checksum_update(&checksum, slot->body.data, slot->body.length);
    result = s3_checksum_text(&checksum, slot->digest, err);
    s3_checksum_deinit(&checksum);
    *ret_digest = (struct http_header){s3_checksum_header(S3_CHECKSUM_CRC32C), slot->digest};
    return result;
}

int s3_remove_write(struct remove_slot *slot, struct http_header *ret_digest, struct error *err)
{
    struct buffer *xml = &slot->body;

    buffer_clear(xml);
    buffer_puts(xml, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                     "<Quiet>true</Quiet>");
    for (size_t i = 0; i < slot->count; i++) {
        const struct s3_remove_item *item = &slot->operation->remove->items[slot->indexes[i]];

        buffer_puts(xml, "<Object><Key>");
        append_text(xml, item->key);
        buffer_puts(xml, "</Key>");
        if (item->version_id) {
            buffer_puts(xml, "<VersionId>");
            append_text(xml, item->version_id);
            buffer_puts(xml, "</VersionId>");
        }
        buffer_puts(xml, "</Object>");
    }
    buffer_puts(xml, "</Delete>");
    return add_digest(slot, ret_digest, err);
}

/* Which of the slot's items an <Error> is about; S3_REMOVE_BATCH: none. */
static size_t find_item(const struct remove_slot *slot, const struct s3_delete_error *failed)
{
    for (size_t i = 0; failed->key && i < slot->count; i++) {
        const struct s3_remove_item *item = &slot->operation->remove->items[slot->indexes[i]];
        const char *version =
            failed->version_id && failed->version_id[0] ? failed->version_id : item->version_id;

        if (strcmp(item->key, failed->key) == 0 && text_equal(item->version_id, version))
            return i;
    }
    return S3_REMOVE_BATCH;
}

static void read_failure(struct remove_slot *slot, const struct s3_delete_error *failed,
    bool seen[S3_REMOVE_BATCH], size_t *failed_count)
{
    const struct s3_error error = {
        .status = slot->call.status, .code = failed->code, .message = failed->message};
    const struct s3_error_context context = {
        .method = "DELETE", .bucket = slot->operation->remove->bucket, .key = failed->key};
    const size_t found = find_item(slot, failed);
    struct error err = {0};

    if (text_equal(failed->code, "NoSuchKey") || text_equal(failed->code, "NoSuchVersion"))
        return;
    if (found == S3_REMOVE_BATCH || seen[found])
        return;
    seen[found] = true;
    ++*failed_count;
    s3_error_set(&err, &error, &context);
    if (err.class == ERROR_TRANSIENT)
        s3_remove_try_again(slot->operation, slot->indexes[found]);
    else
        s3_remove_give_up(slot->operation, slot->indexes[found], &err);
}

int s3_remove_read(struct remove_slot *slot, struct error *err)
{
    bool seen[S3_REMOVE_BATCH] = {false};
    struct s3_delete_result result;
    struct arena arena;
    size_t failed_count = 0;

    arena_init(&arena);
    if (s3_answer_parse(&s3_document_delete_result, slot->call.answer, slot->call.answer_length,
            &arena, &result, err)) {
        arena_deinit(&arena);
        return -1;
    }
    for (size_t i = 0; i < result.errors.count; i++)
        read_failure(
            slot, &((const struct s3_delete_error *)result.errors.items)[i], seen, &failed_count);
    arena_deinit(&arena);
    atomic_fetch_add(&slot->operation->remove->removed, slot->count - failed_count);
    return 0;
}
