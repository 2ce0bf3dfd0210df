/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/control/request.h"

#include <gio/gio.h>
#include <string.h>

static VsfRequest *
parse(const char *text, GError **error)
{
    return vsf_request_parse(text, strlen(text), error);
}

static void
test_members_that_are_not_there_are_not_given(void)
{
    g_autoptr(VsfRequest) request = parse("{\"request\":\"status\"}\r", NULL);

    g_assert_cmpstr(request->word, ==, "status");
    g_assert_null(request->what);
    g_assert_cmpuint(request->for_s, ==, 0);
    /* Whoever that is may do nothing. */
    g_assert_cmpuint(request->uid, ==, G_MAXUINT);
}

static void
test_what_and_how_long_are_read(void)
{
    g_autoptr(VsfRequest) request = parse(
        "{\"for_s\":90,\"what\":\"agents\",\"request\":\"pause\",\"else\":1}", NULL);

    g_assert_cmpstr(request->word, ==, "pause");
    g_assert_cmpstr(request->what, ==, "agents");
    g_assert_cmpuint(request->for_s, ==, 90);
}

static void
test_members_of_another_kind_are_refused(void)
{
    static const struct {
        const char *members, *why;
    } cases[] = {
        {"\"what\":1", "the request has a \"what\" that is no string"},
        {"\"what\":null", "the request has a \"what\" that is no string"},
        {"\"what\":[\"all\"]", "the request has a \"what\" that is no string"},
        {"\"for_s\":\"90\"", "the request has a \"for_s\" that is no whole number of seconds"},
        {"\"for_s\":1.5", "the request has a \"for_s\" that is no whole number of seconds"},
        {"\"for_s\":null", "the request has a \"for_s\" that is no whole number of seconds"},
        {"\"for_s\":true", "the request has a \"for_s\" that is no whole number of seconds"},
        {"\"for_s\":0", "the request has a \"for_s\" that is out of range"},
        {"\"for_s\":-1", "the request has a \"for_s\" that is out of range"},
        {"\"for_s\":9223372036854775807", "the request has a \"for_s\" that is out of range"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("{\"request\":\"pause\",%s}", cases[i].members);
        g_autoptr(GError) error = NULL;

        g_assert_null(parse(text, &error));
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, cases[i].why);
    }
}

#define ADD(name, func) g_test_add_func("/control/request/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("members-that-are-not-there-are-not-given", test_members_that_are_not_there_are_not_given);
    ADD("what-and-how-long-are-read", test_what_and_how_long_are_read);
    ADD("members-of-another-kind-are-refused", test_members_of_another_kind_are_refused);
    return g_test_run();
}
