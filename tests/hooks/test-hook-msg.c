/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../include/hook-msg.h"

#include <glib.h>
#include <string.h>

static const char *const xml = "<domain><name>web01</name></domain>";

static gsize
encode_web01(char *buffer, gsize size)
{
    VsfHookMessage message = {
        .op = "start", .name = "web01", .xml = xml, .xml_length = strlen(xml)};

    return vsf_hook_message_encode(&message, buffer, size);
}

static void
test_message_survives_the_way(void)
{
    char buffer[256];
    gsize size = encode_web01(buffer, sizeof(buffer));
    VsfHookMessage message;

    g_assert_cmpuint(size, ==, 16 + 6 + 6 + strlen(xml) + 1);
    g_assert_true(vsf_hook_message_decode(buffer, size, &message));
    g_assert_cmpstr(message.op, ==, "start");
    g_assert_cmpstr(message.name, ==, "web01");
    g_assert_cmpstr(message.xml, ==, xml);
    g_assert_cmpuint(message.xml_length, ==, strlen(xml));
}

/* The layout is a contract with hooks of other builds. */
static void
test_layout_is_as_documented(void)
{
    static const char expected[] = "VSFH\1\0\0\7\0\0\0\2\0\0\0\0stopped\0v1";
    VsfHookMessage message = {.op = "stopped", .name = "v1"};
    char buffer[64];
    gsize size = vsf_hook_message_encode(&message, buffer, sizeof(buffer));

    g_assert_cmpmem(buffer, size, expected, sizeof(expected));
}

static void
test_no_xml_stays_none(void)
{
    VsfHookMessage message = {.op = "start", .name = "web01", .xml = "", .xml_length = 0};
    char buffer[64];
    gsize size = vsf_hook_message_encode(&message, buffer, sizeof(buffer));

    g_assert_true(vsf_hook_message_decode(buffer, size, &message));
    g_assert_null(message.xml);
    g_assert_cmpuint(message.xml_length, ==, 0);
}

static void
test_longest_name_passes_and_no_longer(void)
{
    g_autofree char *name = g_strnfill(VSF_HOOK_NAME_LENGTH_MAX + 1, 'n');
    g_autofree char *buffer = g_malloc(8192);
    VsfHookMessage message = {.op = "start", .name = name};
    gsize size;

    g_assert_cmpuint(vsf_hook_message_encode(&message, buffer, 8192), ==, 0);
    name[VSF_HOOK_NAME_LENGTH_MAX] = '\0';
    size = vsf_hook_message_encode(&message, buffer, 8192);
    g_assert_true(vsf_hook_message_decode(buffer, size, &message));
    g_assert_cmpstr(message.name, ==, name);
}

static void
test_largest_xml_passes_and_no_larger(void)
{
    const gsize room = VSF_HOOK_MESSAGE_SIZE_MAX - (16 + 6 + 6 + 1);
    g_autofree char *big = g_strnfill(room + 1, 'x');
    g_autofree char *buffer = g_malloc(VSF_HOOK_MESSAGE_SIZE_MAX + 100);
    VsfHookMessage message = {.op = "start", .name = "web01", .xml = big, .xml_length = room};
    const gsize size = vsf_hook_message_encode(&message, buffer, VSF_HOOK_MESSAGE_SIZE_MAX + 100);
    VsfHookMessage decoded;

    g_assert_cmpuint(size, ==, VSF_HOOK_MESSAGE_SIZE_MAX);
    g_assert_true(vsf_hook_message_decode(buffer, size, &decoded));
    g_assert_cmpuint(decoded.xml_length, ==, room);
    message.xml_length = room + 1;
    g_assert_cmpuint(vsf_hook_message_encode(&message, buffer, VSF_HOOK_MESSAGE_SIZE_MAX + 100), ==,
                     0);
    message.xml_length = G_MAXSIZE;
    g_assert_cmpuint(vsf_hook_message_encode(&message, buffer, VSF_HOOK_MESSAGE_SIZE_MAX + 100), ==,
                     0);
}

static void
test_encode_refuses_what_decode_would(void)
{
    static const struct {
        const char *op, *name;
    } cases[] = {
        {"", "web01"},
        {"start", ""},
        {"Start", "web01"},
        {"start now", "web01"},
        {"st\n", "web01"},
        {"start\xff", "web01"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "web01"},
    };
    char buffer[256];
    VsfHookMessage with_nul = {.op = "start", .name = "web01", .xml = "<a>\0</a>", .xml_length = 8};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfHookMessage message = {.op = cases[i].op, .name = cases[i].name};

        g_assert_cmpuint(vsf_hook_message_encode(&message, buffer, sizeof(buffer)), ==, 0);
    }
    g_assert_cmpuint(vsf_hook_message_encode(&with_nul, buffer, sizeof(buffer)), ==, 0);
}

static void
test_encode_writes_nothing_past_the_buffer(void)
{
    char buffer[256];
    const gsize size = encode_web01(buffer, sizeof(buffer));

    for (gsize room = 0; room < size; room++) {
        /* On the heap, for a sanitizer to watch. */
        g_autofree char *small = g_malloc(room + 1);

        small[room] = '#';
        g_assert_cmpuint(encode_web01(small, room), ==, 0);
        g_assert_cmpint(small[room], ==, '#');
    }
}

static void
test_every_truncation_and_extension_is_refused(void)
{
    char buffer[256] = {0};
    const gsize size = encode_web01(buffer, sizeof(buffer));
    VsfHookMessage message = {.op = "untouched"};

    for (gsize part = 0; part < sizeof(buffer); part++) {
        g_autofree char *copy = g_memdup2(buffer, part);

        if (part != size)
            g_assert_false(vsf_hook_message_decode(copy, part, &message));
    }
    g_assert_cmpstr(message.op, ==, "untouched");
}

/* One field of a good message changed at a time. */
static void
test_malformed_messages_are_refused(void)
{
    static const struct {
        const char *what;
        gsize at;
        const char *bytes;
        gsize n_bytes;
    } cases[] = {
        {"magic", 0, "VSFI", 4},
        {"version 0", 4, "\0", 1},
        {"version 2", 4, "\2", 1},
        {"reserved", 5, "\1", 1},
        {"op empty", 6, "\0\0", 2},
        {"op longer", 6, "\0\6", 2},
        {"op shorter", 6, "\0\4", 2},
        {"op huge", 6, "\xff\xff", 2},
        {"name empty", 8, "\0\0\0\0", 4},
        {"name longer", 8, "\0\0\0\6", 4},
        {"name huge", 8, "\xff\xff\xff\xff", 4},
        {"name and xml wrap around", 8, "\xff\xff\xff\xf0\0\0\0\x38", 8},
        {"name takes from xml", 8, "\0\0\0\6\0\0\0\x22", 8},
        {"xml none but there", 12, "\0\0\0\0", 4},
        {"xml longer", 12, "\0\0\0\x24", 4},
        {"xml shorter", 12, "\0\0\0\x22", 4},
        {"xml huge", 12, "\xff\xff\xff\xff", 4},
        {"NUL in op", 18, "\0", 1},
        {"capital in op", 16, "S", 1},
        {"digit in op", 16, "0", 1},
        {"op without NUL", 21, "x", 1},
        {"NUL in name", 23, "\0", 1},
        {"NUL first in name", 22, "\0", 1},
        {"name without NUL", 27, "x", 1},
        {"NUL in xml", 30, "\0", 1},
        {"xml without NUL", 63, "x", 1},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        char buffer[256];
        const gsize size = encode_web01(buffer, sizeof(buffer));
        VsfHookMessage message;

        g_assert_cmpuint(size, ==, 64);
        memcpy(buffer + cases[i].at, cases[i].bytes, cases[i].n_bytes);
        if (vsf_hook_message_decode(buffer, size, &message))
            g_error("accepted: %s", cases[i].what);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hooks/hook-msg/message-survives-the-way", test_message_survives_the_way);
    g_test_add_func("/hooks/hook-msg/layout-is-as-documented", test_layout_is_as_documented);
    g_test_add_func("/hooks/hook-msg/no-xml-stays-none", test_no_xml_stays_none);
    g_test_add_func("/hooks/hook-msg/longest-name-passes-and-no-longer",
                    test_longest_name_passes_and_no_longer);
    g_test_add_func("/hooks/hook-msg/largest-xml-passes-and-no-larger",
                    test_largest_xml_passes_and_no_larger);
    g_test_add_func("/hooks/hook-msg/encode-refuses-what-decode-would",
                    test_encode_refuses_what_decode_would);
    g_test_add_func("/hooks/hook-msg/encode-writes-nothing-past-the-buffer",
                    test_encode_writes_nothing_past_the_buffer);
    g_test_add_func("/hooks/hook-msg/every-truncation-and-extension-is-refused",
                    test_every_truncation_and_extension_is_refused);
    g_test_add_func("/hooks/hook-msg/malformed-messages-are-refused",
                    test_malformed_messages_are_refused);
    return g_test_run();
}
