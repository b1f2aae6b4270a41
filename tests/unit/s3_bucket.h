/* A scripted bucket behind origin.h: ListObjectsV2 over a few names, and one answer that is wrong
 * in a way that the test names. It runs in the origin's threads: no cmocka there. */
#ifndef TESTS_UNIT_S3_BUCKET_H
#define TESTS_UNIT_S3_BUCKET_H

#include "connectors/s3/uri.h"
#include "runner/base/text.h"
#include "tests/unit/s3_fixture.h"

#include <assert.h>
#include <pthread.h>

enum fault { FAULT_NONE, FAULT_BUSY, FAULT_RESET, FAULT_CUT, FAULT_STALL, FAULT_NO_XML };

static const char *const names[] = {"a b+c%.csv", "a.csv", "data-x/7.csv", "data/", "data/.6.csv",
    "data/.hidden/5.csv", "data/1.csv", "data/2.csv", "data/2.csv.gz", "data/x/3.csv",
    "data/x/y/4.csv", "data/z[1].csv", "e\xf0\x9f\x90\xa6.csv", "line\nend.csv"};

struct bucket {
    bool no_token;   /* says that there is more, and forgets to say where */
    bool same_token; /* sends the same one for ever */
    enum fault fault;
    unsigned fault_at; /* request 1 …; 0: none */

    pthread_mutex_t mutex;
    unsigned count;
    char *texts[256];
    size_t text_count;
};

/* A parameter of the query, decoded; NULL: none. To free(). */
static inline char *parameter(const char *target, const char *name)
{
    char *wanted = mem_printf("%s=", name);
    const char *at = strchr(target, '?');
    char *value = NULL;

    for (; at && !value; at = strchr(at, '&')) {
        at++;
        if (text_starts(at, wanted)) {
            struct buffer text;

            buffer_init(&text, 0);
            at += strlen(wanted);
            assert(s3_uri_decode_key(at, strcspn(at, "&"), &text, NULL) == 0);
            value = buffer_steal(&text);
        }
    }
    free(wanted);
    return value;
}

struct asked {
    char *prefix, *delimiter, *token, *start_after, *max_keys;
};

static inline bool is_behind(const struct asked *asked, const char *key)
{
    const char *behind = asked->token ? asked->token : asked->start_after;

    return !behind || strcmp(key, behind) > 0;
}

/* The key, or the prefix that it is rolled up to: to free(); NULL: not asked for. */
static inline char *entry_of(const struct asked *asked, const char *key, bool *ret_rolled)
{
    const char *prefix = asked->prefix ? asked->prefix : "";
    const char *end = NULL;

    if (!text_starts(key, prefix))
        return NULL;
    if (asked->delimiter)
        end = strstr(key + strlen(prefix), asked->delimiter);
    *ret_rolled = end != NULL;
    return end ? mem_strndup(key, (size_t)(end + 1 - key)) : mem_strdup(key);
}

static inline void put_entry(struct buffer *text, const char *entry, bool rolled, size_t size)
{
    struct buffer encoded;

    buffer_init(&encoded, 0);
    sigv4_encode(entry, strlen(entry), true, &encoded);
    if (!rolled)
        buffer_printf(text,
            "<Contents><Key>%s</Key><LastModified>1994-11-06T08:49:37.000Z</LastModified>"
            "<ETag>&quot;e%zu&quot;</ETag><Size>%zu</Size><StorageClass>STANDARD</StorageClass>"
            "</Contents>",
            encoded.data, size, size);
    else
        buffer_printf(text, "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>", encoded.data);
    buffer_deinit(&encoded);
}

static inline void put_page(
    const struct bucket *bucket, const struct asked *asked, struct buffer *text)
{
    const size_t most = strtoul(asked->max_keys, NULL, 10);
    char *last = NULL;
    size_t count = 0, i;

    for (i = 0; i < ARRAY_LENGTH(names); i++) {
        bool rolled = false;
        char *entry = entry_of(asked, names[i], &rolled);

        if (!entry || !is_behind(asked, entry) || (last && strcmp(last, entry) == 0)) {
            free(entry);
            continue;
        }
        if (count == most) {
            free(entry);
            break;
        }
        put_entry(text, entry, rolled, i);
        free(last);
        last = entry;
        count++;
    }
    buffer_printf(
        text, "<IsTruncated>%s</IsTruncated>", i < ARRAY_LENGTH(names) ? "true" : "false");
    if (i < ARRAY_LENGTH(names) && !bucket->no_token)
        buffer_printf(text, "<NextContinuationToken>%s</NextContinuationToken>",
            bucket->same_token ? "again" : last);
    free(last);
}

static inline void answer_page(struct bucket *bucket, const char *target, struct buffer *text)
{
    struct asked asked = {
        .prefix = parameter(target, "prefix"),
        .delimiter = parameter(target, "delimiter"),
        .token = parameter(target, "continuation-token"),
        .start_after = parameter(target, "start-after"),
        .max_keys = parameter(target, "max-keys"),
    };

    buffer_puts(text, "<ListBucketResult><EncodingType>url</EncodingType>");
    put_page(bucket, &asked, text);
    buffer_puts(text, "</ListBucketResult>");
    free(asked.prefix);
    free(asked.delimiter);
    free(asked.token);
    free(asked.start_after);
    free(asked.max_keys);
}

static inline char *keep(struct bucket *bucket, char *text)
{
    assert(bucket->text_count < ARRAY_LENGTH(bucket->texts));
    return bucket->texts[bucket->text_count++] = text;
}

static inline void bucket_answer(
    void *data, const struct origin_request *request, struct origin_answer *answer)
{
    struct bucket *bucket = data;
    enum fault fault = FAULT_NONE;
    struct buffer body;

    buffer_init(&body, 0);
    pthread_mutex_lock(&bucket->mutex);
    if (++bucket->count == bucket->fault_at)
        fault = bucket->fault;
    answer_page(bucket, request->target, &body);
    answer->bytes = keep(bucket, s3_answer(fault == FAULT_BUSY ? 503 : 200, "",
                                     fault == FAULT_NO_XML ? "<html>" : body.data));
    answer->length = strlen(answer->bytes);
    if (fault == FAULT_RESET)
        *answer = (struct origin_answer){.end = ORIGIN_RESET};
    if (fault == FAULT_CUT)
        answer->cut_after = answer->length / 2, answer->end = ORIGIN_CLOSE;
    if (fault == FAULT_STALL)
        answer->cut_after = answer->length / 2, answer->end = ORIGIN_HANG;
    pthread_mutex_unlock(&bucket->mutex);
    buffer_deinit(&body);
}

#endif
