#include "runner/base/mem.h"
#include "runner/io/http_private.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* --- the host of a URL: for queues and messages --- */

/* Where scheme and "://" end; 0: neither http nor https. */
static size_t scheme_length(const char *url, const char **ret_default_port)
{
    if (strncasecmp(url, "http://", 7) == 0) {
        *ret_default_port = ":80";
        return 7;
    }
    if (strncasecmp(url, "https://", 8) == 0) {
        *ret_default_port = ":443";
        return 8;
    }
    return 0;
}

char *http_url_host(const char *url)
{
    const char *default_port = NULL;
    const size_t scheme = url ? scheme_length(url, &default_port) : 0;
    const char *start, *at;
    char *name, *port;
    size_t length;

    if (!scheme)
        return NULL;
    start = url + scheme;
    length = strcspn(start, "/?#");
    at = memrchr(start, '@', length); /* behind a name and a password */
    if (at) {
        length -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    if (length == 0)
        return NULL;
    name = mem_printf("%.*s%.*s", (int)scheme, url, (int)length, start);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    port = strrchr(name, ':');
    if (!port[1] || strcmp(port, default_port) == 0)
        *port = '\0';
    return name;
}

/* --- redirects --- */

/* By curl's parser, which is the one that will connect. A text to curl_free(). */
static char *url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;

    curl_url_get(url, part, &text, CURLU_DEFAULT_PORT);
    return text;
}

static bool part_differs(CURLU *a, CURLU *b, CURLUPart part)
{
    char *text_a = url_part(a, part), *text_b = url_part(b, part);
    const bool differs = !text_a || !text_b || strcasecmp(text_a, text_b) != 0;

    curl_free(text_a);
    curl_free(text_b);
    return differs;
}

static bool scheme_is(CURLU *url, const char *scheme)
{
    char *text = url_part(url, CURLUPART_SCHEME);
    const bool is = text && strcmp(text, scheme) == 0;

    curl_free(text);
    return is;
}

static int check_scheme(CURLU *from, CURLU *to, struct error *err)
{
    if (scheme_is(from, "https") && !scheme_is(to, "https"))
        return error_set(err, ERROR_DENIED,
            "the server redirects from https to a place without encryption, which is not followed");
    if (!scheme_is(to, "https") && !scheme_is(to, "http"))
        return error_set(
            err, ERROR_DENIED, "the server redirects to something that is no HTTP URL");
    return 0;
}

static int redirect(CURLU *from, CURLU *to, char **ret_url, bool *ret_foreign, struct error *err)
{
    bool foreign;
    char *url = NULL;

    if (check_scheme(from, to, err))
        return -1;
    foreign = part_differs(from, to, CURLUPART_SCHEME) || part_differs(from, to, CURLUPART_HOST) ||
              part_differs(from, to, CURLUPART_PORT);
    if (foreign) {
        curl_url_set(to, CURLUPART_USER, NULL, 0);
        curl_url_set(to, CURLUPART_PASSWORD, NULL, 0);
    }
    curl_url_set(to, CURLUPART_FRAGMENT, NULL, 0);
    if (curl_url_get(to, CURLUPART_URL, &url, 0))
        return error_set(err, ERROR_IO, "the server redirects to something that is no HTTP URL");
    *ret_url = mem_strdup(url);
    *ret_foreign = foreign;
    curl_free(url);
    return 0;
}

int http_url_redirect(
    const char *from, const char *location, char **ret_url, bool *ret_foreign, struct error *err)
{
    const unsigned flags =
        CURLU_PATH_AS_IS | CURLU_URLENCODE | CURLU_ALLOW_SPACE | CURLU_NON_SUPPORT_SCHEME;
    CURLU *base = curl_url(), *target = NULL;
    int rc = -1;

    if (base && curl_url_set(base, CURLUPART_URL, from, CURLU_PATH_AS_IS) == CURLUE_OK)
        target = curl_url_dup(base);
    if (target && curl_url_set(target, CURLUPART_URL, location, flags) == CURLUE_OK)
        rc = redirect(base, target, ret_url, ret_foreign, err);
    else
        error_set(err, ERROR_IO, "the server redirects to something that is no URL");
    curl_url_cleanup(target);
    curl_url_cleanup(base);
    return rc;
}
