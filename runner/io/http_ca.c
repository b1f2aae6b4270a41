#include "runner/base/mem.h"
#include "runner/io/http_private.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <unistd.h>

/* curl looks at it only when the first connection is made, and then blames the server. */
static int check_ca_file(const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");
    X509 *certificate;

    if (!file) {
        error_set_errno(err, errno, "cannot read the CA file %s", path);
        err->code = ERROR_INVALID;
        return -1;
    }
    certificate = PEM_read_X509_AUX(file, NULL, NULL, NULL);
    fclose(file);
    if (!certificate)
        return error_set(err, ERROR_INVALID,
            "the CA file %s has no certificate in it: it must be in PEM form, with a line "
            "-----BEGIN CERTIFICATE-----",
            path);
    X509_free(certificate);
    return 0;
}

/* Where the system has its certificates, if that is not where curl was built to look: a program
 * may run on another distribution than the one that it was built on. NULL: leave it to curl. */
static const char *system_ca_file(void)
{
    static const char *const paths[] = {"/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    const char *built_in = curl_version_info(CURLVERSION_NOW)->cainfo;

    if (built_in && access(built_in, R_OK) == 0)
        return built_in;
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        if (access(paths[i], R_OK) == 0)
            return paths[i];
    }
    return NULL;
}

int http_choose_ca_file(struct http *http, const char *asked, struct error *err)
{
    const char *path = asked ? asked : getenv("SSL_CERT_FILE");
    const bool named = path && path[0];

    if (!named)
        path = system_ca_file();
    if (path)
        http->ca_file = mem_strdup(path);
    return named ? check_ca_file(path, err) : 0;
}
