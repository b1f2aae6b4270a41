#include "connectors/s3/multipart.h"

#include "connectors/s3/answers.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the document that completes --- */

static bool all_confirmed(const struct s3_multipart *upload)
{
    for (unsigned i = 0; i < upload->part_count; i++) {
        if (!upload->sent[i].checksum[0])
            return false;
    }
    return upload->checksum != S3_CHECKSUM_NONE;
}

static void append_text(struct buffer *xml, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buffer_puts(xml, "&amp;");
            break;
        case '<':
            buffer_puts(xml, "&lt;");
            break;
        case '>':
            buffer_puts(xml, "&gt;");
            break;
        case '"':
            buffer_puts(xml, "&quot;");
            break;
        default:
            buffer_putc(xml, *text);
        }
    }
}

void s3_multipart_write_completion(struct s3_multipart *upload)
{
    const char *name = s3_checksum_name(upload->checksum);
    const bool checksums = all_confirmed(upload);
    struct buffer *xml = &upload->body;

    buffer_clear(xml);
    buffer_puts(xml, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (unsigned i = 0; i < upload->part_count; i++) {
        buffer_printf(xml, "<Part><PartNumber>%u</PartNumber><ETag>", i + 1);
        append_text(xml, upload->sent[i].etag);
        buffer_puts(xml, "</ETag>");
        if (checksums)
            buffer_printf(xml, "<Checksum%s>%s</Checksum%s>", name, upload->sent[i].checksum, name);
        buffer_puts(xml, "</Part>");
    }
    buffer_puts(xml, "</CompleteMultipartUpload>");
}

/* --- whether an object is what these parts make --- */

static bool parse_hex(const char *text, size_t length, unsigned char *ret_bytes)
{
    for (size_t i = 0; i < length; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

        if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
            return false;
        ret_bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return true;
}

enum { MD5_BYTES = 16 };

/* Without quotes and the "W/" that proxies add. */
static const char *bare(const char *etag)
{
    if (strncmp(etag, "W/", 2) == 0)
        etag += 2;
    return etag + (*etag == '"');
}

/* The MD5 of the parts' MD5s and how many they are: what all stores make of ETags that are MD5s. */
static bool expected_etag(const struct s3_multipart *upload, char text[64])
{
    unsigned char *all = mem_calloc(upload->part_count, MD5_BYTES), digest[EVP_MAX_MD_SIZE];
    bool known = upload->part_count > 0;
    int length = 0;

    for (unsigned i = 0; known && i < upload->part_count; i++) {
        const char *etag = bare(upload->sent[i].etag);

        known = strcspn(etag, "\"") == (size_t)2 * MD5_BYTES &&
                parse_hex(etag, MD5_BYTES, all + (size_t)i * MD5_BYTES);
    }
    known = known && EVP_Digest(all, (size_t)upload->part_count * MD5_BYTES, digest, NULL,
                         EVP_md5(), NULL) == 1;
    free(all);
    for (int i = 0; known && i < MD5_BYTES; i++)
        length += snprintf(text + length, 64 - (size_t)length, "%02x", digest[i]);
    if (known)
        snprintf(text + length, 64 - (size_t)length, "-%u", upload->part_count);
    return known;
}

static bool etag_is_ours(const struct s3_multipart *upload, const char *etag)
{
    char expected[64];

    if (!etag || !expected_etag(upload, expected))
        return false;
    etag = bare(etag);
    return strcspn(etag, "\"") == strlen(expected) &&
           strncasecmp(etag, expected, strlen(expected)) == 0;
}

static bool composite_is_ours(const struct s3_multipart *upload, const char *said)
{
    struct s3_checksum_value *values = mem_calloc(upload->part_count, sizeof(*values));
    char text[S3_CHECKSUM_TEXT_SIZE];
    bool ours = upload->part_count > 0;

    for (unsigned i = 0; ours && i < upload->part_count; i++)
        ours = s3_checksum_parse(upload->checksum, upload->sent[i].checksum, &values[i], NULL) == 0;
    ours = ours && s3_checksum_composite(values, upload->part_count, text, NULL) == 0 &&
           strcmp(text, said) == 0;
    free(values);
    return ours;
}

bool s3_multipart_is_ours(const struct s3_multipart *upload, const struct s3_call *head)
{
    const char *length = s3_call_header(head, "Content-Length");
    const char *said = s3_checksum_header(upload->checksum);

    if (!length || strtoull(length, NULL, 10) != upload->bytes_stored)
        return false;
    if (etag_is_ours(upload, s3_call_header(head, "ETag")))
        return true;
    said = said ? s3_call_header(head, said) : NULL;
    if (!said || !all_confirmed(upload))
        return false;
    if (upload->whole_checksum[0])
        return strcmp(said, upload->whole_checksum) == 0;
    return composite_is_ours(upload, said);
}

/* --- uploads that nobody knows of --- */

void s3_multipart_find_strays(struct s3_multipart *upload)
{
    enum { ROUNDING_MS = 2000 };
    const int64_t elapsed_ms = (int64_t)((time_monotonic_ns() - upload->created_ns) / 1000000U);
    const char *date = s3_call_header(&upload->control, "Date");
    const struct s3_upload *found;
    struct s3_list_uploads list;
    int64_t server_ms;

    upload->stray_count = 0;
    /* By the store's clock: ours may be off. */
    if (!date || time_parse_http(date, &server_ms, NULL) ||
        s3_answer_parse(&s3_document_list_uploads, upload->control.answer,
            upload->control.answer_length, &upload->arena, &list, NULL))
        return;
    found = list.uploads.items;
    for (size_t i = 0; i < list.uploads.count && upload->stray_count < S3_SWEEP_MAX; i++) {
        if (text_equal(found[i].key, upload->key) && found[i].upload_id &&
            !text_equal(found[i].upload_id, upload->upload_id) &&
            found[i].initiated_ms >= server_ms - elapsed_ms - ROUNDING_MS)
            upload->strays[upload->stray_count++] = found[i].upload_id;
    }
}
