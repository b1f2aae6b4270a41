#include "tests/unit/origin.h"

#include "runner/base/mem.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { DAY_SECONDS = 24 * 3600 };

static FILE *create(const char *folder, const char *name)
{
    char *path = mem_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "we");

    free(path);
    if (!file)
        abort();
    return file;
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (!extension || X509_add_ext(certificate, extension, -1) != 1)
        abort();
    X509_EXTENSION_free(extension);
}

/* By `issuer`, or by itself where that is NULL. */
static X509 *make_certificate(const char *name, const char *alternatives, EVP_PKEY *key,
    X509 *issuer, EVP_PKEY *issuer_key, int days)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10L * DAY_SECONDS);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * DAY_SECONDS);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(certificate, key);
    if (alternatives)
        add_extension(
            certificate, issuer ? issuer : certificate, NID_subject_alt_name, alternatives);
    else
        add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    if (X509_sign(certificate, issuer_key, EVP_sha256()) == 0)
        abort();
    return certificate;
}

static void write_certificate(const char *folder, const char *name, X509 *certificate)
{
    FILE *file = create(folder, name);

    PEM_write_X509(file, certificate);
    fclose(file);
}

void origin_make_certificate(const char *folder, enum origin_certificate kind)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = make_certificate("sluice test CA", NULL, ca_key, NULL, ca_key, 10);
    const bool by_itself = kind == ORIGIN_CERTIFICATE_SELF_SIGNED;
    const char *names = kind == ORIGIN_CERTIFICATE_OTHER_NAME ? "DNS:elsewhere.example.com"
                                                              : "DNS:localhost,IP:127.0.0.1";
    X509 *certificate = make_certificate("sluice test", names, key, by_itself ? NULL : ca,
        by_itself ? key : ca_key, kind == ORIGIN_CERTIFICATE_EXPIRED ? -1 : 10);
    FILE *file = create(folder, "key.pem");

    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    write_certificate(folder, "ca.pem", ca);
    write_certificate(folder, "certificate.pem", certificate);
    X509_free(certificate);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}
