#include "connectors/aws/xml.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/arena_fixture.h"

static const struct xml_node *parse(const char *text)
{
    const struct xml_node *root = NULL;
    struct error err = {0};

    if (xml_parse(text, strlen(text), &arena, &root, &err))
        fail_msg("%s: %s", text, err.message);
    return root;
}

static void refused(const char *text, size_t length, enum error_code code, const char *why)
{
    const struct xml_node untouched = {0}, *root = &untouched;
    struct error err = {0};

    if (xml_parse(text, length, &arena, &root, &err) != -1)
        fail_msg("%s was taken", text);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.message, why));
    assert_ptr_equal(root, &untouched);
}

static void test_elements_and_texts(void **state)
{
    const struct xml_node *root = parse("<r><a>1</a><b><c>x</c></b><a>2</a><a/></r>");
    const struct xml_node *a = xml_child(root, "a");

    (void)state;
    assert_string_equal(root->name, "r");
    assert_string_equal(a->text, "1");
    assert_string_equal(xml_next(a)->text, "2");
    assert_string_equal(xml_next(xml_next(a))->text, "");
    assert_null(xml_next(xml_next(xml_next(a))));
    assert_string_equal(xml_text(xml_child(root, "b"), "c"), "x");
    assert_null(xml_text(root, "c"));
    assert_null(xml_child(a, "a"));
}

static void test_texts_are_whole_and_only_of_leaves(void **state)
{
    const struct xml_node *root = parse(
        "<r>\n  <a> &lt;&amp;&quot;&#233;<![CDATA[<x>]]> <!-- no --> </a>\n  <b>t<c/>t</b></r>");

    (void)state;
    assert_string_equal(xml_text(root, "a"), " <&\"\xc3\xa9<x>  ");
    assert_string_equal(xml_text(root, "b"), "");
    assert_string_equal(root->text, "");
}

static void test_namespaces_are_skipped(void **state)
{
    const struct xml_node *root =
        parse("<?xml version=\"1.0\"?><s:r xmlns:s='u' xmlns='v'><s:a k='1'>x</s:a></s:r>");

    (void)state;
    assert_string_equal(root->name, "r");
    assert_string_equal(xml_text(root, "a"), "x");
}

/* S3 sends it while it completes an upload, and only then the declaration. */
static void test_white_space_in_front(void **state)
{
    (void)state;
    assert_string_equal(parse("\n \r\n\t<?xml version=\"1.0\"?>\n<r/>\n")->name, "r");
}

static void test_what_is_no_xml(void **state)
{
    static const char *const wrong[] = {"{}", "<r>", "<r></s>", "<r/><r/>", "<r a=b/>",
        "<r>&x;</r>", "<r>\x01</r>", "<r>\xff</r>", "<html><br></html>"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        refused(wrong[i], strlen(wrong[i]), ERROR_DATA, "XML, line 1");
    refused("", 0, ERROR_DATA, "empty");
    refused(" \n", 2, ERROR_DATA, "empty");
    refused("<r>\n\n</x>", 9, ERROR_DATA, "line 3");
    refused("<r>\0</r>", 8, ERROR_DATA, "XML");
}

static void test_document_types_are_refused(void **state)
{
    static const char *const wrong[] = {
        "<!DOCTYPE r><r/>",
        "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><r>&b;</r>",
        "<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><r/>",
        "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r>&x;</r>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        refused(wrong[i], strlen(wrong[i]), ERROR_DATA, "document type");
}

static void test_limits(void **state)
{
    struct buffer text;

    (void)state;
    buffer_init(&text, 0);
    for (unsigned i = 0; i < XML_DEPTH_MAX; i++)
        buffer_puts(&text, "<d>");
    for (unsigned i = 0; i < XML_DEPTH_MAX; i++)
        buffer_puts(&text, "</d>");
    assert_string_equal(parse(text.data)->name, "d");
    buffer_clear(&text);
    for (unsigned i = 0; i <= XML_DEPTH_MAX; i++)
        buffer_puts(&text, "<d>");
    refused(text.data, text.length, ERROR_LIMIT, "deeper");

    buffer_clear(&text);
    buffer_puts(&text, "<r>");
    for (unsigned i = 0; i < XML_NODES_MAX; i++)
        buffer_puts(&text, "<e/>");
    buffer_puts(&text, "</r>");
    refused(text.data, text.length, ERROR_LIMIT, "elements");
    refused(text.data, XML_BYTES_MAX + 1UL, ERROR_LIMIT, "64 MiB"); /* judged before it is read */
    buffer_deinit(&text);
}

static void test_wiped(void **state)
{
    const struct xml_node *root = parse("<a><b>hidden</b><c><d>hidden, too</d><e/></c></a>");
    const char *first = root->children->text, *second = xml_text(root->children->next, "d");

    (void)state;
    assert_string_equal(second, "hidden, too");
    xml_wipe(root);
    for (size_t i = 0; i < strlen("hidden"); i++)
        assert_int_equal(first[i], 0);
    for (size_t i = 0; i < strlen("hidden, too"); i++)
        assert_int_equal(second[i], 0);
    xml_wipe(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_elements_and_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_texts_are_whole_and_only_of_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_namespaces_are_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_white_space_in_front, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_xml, setup, teardown),
        cmocka_unit_test_setup_teardown(test_document_types_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wiped, setup, teardown),
    };

    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
