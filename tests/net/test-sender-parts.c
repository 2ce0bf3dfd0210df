/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sender's pure parts: how collectors are written, and what faults mean
 * over time. */
#include "../../daemon/net/sender-state.h"
#include "../../daemon/net/sender.h"

#include <errno.h>

static void
test_collector_forms(void)
{
    static const struct {
        const char *text, *host;
        guint16 port;
        const char *device;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1", 6343, NULL},
        {"10.0.0.1:1", "10.0.0.1", 1, NULL},
        {"10.0.0.1:65535%eth0.100", "10.0.0.1", 65535, "eth0.100"},
        {"collector", "collector", 6343, NULL},
        {"a-b_c.example.net.:7%vrf-mgmt", "a-b_c.example.net.", 7, "vrf-mgmt"},
        {"::1", "::1", 6343, NULL},
        {"2001:db8::1%eth0", "2001:db8::1", 6343, "eth0"},
        {"[2001:db8::1]", "2001:db8::1", 6343, NULL},
        {"[2001:db8::1]:7", "2001:db8::1", 7, NULL},
        {"[2001:db8::1]:7%mgmt", "2001:db8::1", 7, "mgmt"},
        {"[fe80::1%eth0]:7", "fe80::1", 7, "eth0"},
        {"fe80::1%eth0", "fe80::1", 6343, "eth0"},
        {"123.example", "123.example", 6343, NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VsfCollectorAddress) address = vsf_collector_address_parse(cases[i].text, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(address->text, ==, cases[i].text);
        g_assert_cmpstr(address->host, ==, cases[i].host);
        g_assert_cmpuint(address->port, ==, cases[i].port);
        g_assert_cmpstr(address->device, ==, cases[i].device);
    }
}

static void
test_wrong_collectors_are_refused(void)
{
    static const char *const texts[] = {
        "",
        ":6343",
        "a:",
        "a:0",
        "a:65536",
        "a:+1",
        "a: 1",
        "a b",
        "[::1",
        "::1]",
        "[10.0.0.1]",
        "[::1]7",
        "[]:1",
        "10.0.0.300",
        "1.2.3",
        "1",
        "a%",
        "a%x/y",
        "a%%b",
        "a%b:1",
        "[::1%a]%b",
        "a..b",
        ".a",
        "fe80::1",
        "[fe80::1]:7",
        "a/24",
        "\xc3\xa4",
        "%eth0",
        "1:2:3:4:5",
        "a:1:2",
        "a\x1b",
        "a%0123456789abcdef",
    };
    g_autofree char *filler = g_strnfill(254, 'a');

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        if (vsf_collector_address_parse(texts[i], &error) != NULL)
            g_error("\"%s\" was taken", texts[i]);
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }
    g_assert_null(vsf_collector_address_parse(filler, NULL));
}

static void
test_a_failure_ends_after_ten_seconds_without_fault(void)
{
    VsfSenderState state = {0};
    const gint64 second = G_USEC_PER_SEC;

    g_assert_false(vsf_sender_state_clean(&state, 1 * second));
    g_assert_true(vsf_sender_state_fault(&state, 2 * second));
    g_assert_false(vsf_sender_state_fault(&state, 3 * second));
    g_assert_false(vsf_sender_state_clean(&state, 4 * second));
    g_assert_false(vsf_sender_state_fault(&state, 10 * second));
    g_assert_false(vsf_sender_state_clean(&state, 19 * second));
    g_assert_true(state.failing);
    g_assert_true(vsf_sender_state_clean(&state, 20 * second));
    g_assert_false(vsf_sender_state_clean(&state, 21 * second));
    g_assert_true(vsf_sender_state_fault(&state, 22 * second));
}

static void
test_an_outage_is_measured_from_its_first_fault_to_its_last(void)
{
    VsfSenderState state = {0};
    const gint64 second = G_USEC_PER_SEC;

    for (guint round = 0; round < 2; round++) {
        gint64 began = (100 * round + 1) * second;

        vsf_sender_state_fault(&state, began);
        vsf_sender_state_fault(&state, began + 7 * second);
        g_assert_cmpint(state.since_us, ==, began);
        g_assert_true(vsf_sender_state_clean(&state, began + 20 * second));
        g_assert_cmpuint(state.n_faults, ==, 2);
        g_assert_cmpuint(vsf_sender_state_outage_s(&state), ==, 7);
        g_assert_cmpint(state.since_us, ==, began + 20 * second);
        g_assert_false(vsf_sender_state_over(&state, began + 21 * second));
    }
    vsf_sender_state_fault(&state, 300 * second);
    g_assert_true(vsf_sender_state_over(&state, 301 * second));
    g_assert_false(state.failing);
}

static void
test_errors_have_kinds(void)
{
    static const struct {
        int code;
        const char *name;
    } cases[] = {
        {ECONNREFUSED, "refused"}, {ENETUNREACH, "unreachable"}, {EADDRNOTAVAIL, "unreachable"},
        {EACCES, "forbidden"},     {EPERM, "forbidden"},         {EAGAIN, "full"},
        {ENOBUFS, "full"},         {EMSGSIZE, "too_big"},        {EIO, "other"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(vsf_send_error_name(vsf_send_error_of(cases[i].code)), ==, cases[i].name);
    for (guint kind = 0; kind < VSF_N_SEND_ERRORS; kind++) {
        g_assert_nonnull(vsf_send_error_name(kind));
        g_assert_nonnull(vsf_send_error_remedy(kind));
    }
}

static void
test_lookups_back_off_to_a_minute(void)
{
    static const guint want[] = {5, 10, 20, 40, 60, 60, 60};
    VsfSenderState state = {0};

    for (guint round = 0; round < 2; round++) {
        vsf_sender_state_fault(&state, 1);
        for (guint i = 0; i < G_N_ELEMENTS(want); i++)
            g_assert_cmpuint(vsf_sender_state_next_lookup_s(&state), ==, want[i]);
        g_assert_true(vsf_sender_state_clean(&state, 1 + VSF_SENDER_RECOVERED_US));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add_func("/net/sender/" path, func)
    CASE("collector-forms", test_collector_forms);
    CASE("wrong-collectors-are-refused", test_wrong_collectors_are_refused);
    CASE("a-failure-ends-after-ten-seconds-without-fault",
         test_a_failure_ends_after_ten_seconds_without_fault);
    CASE("an-outage-is-measured-from-its-first-fault-to-its-last",
         test_an_outage_is_measured_from_its_first_fault_to_its_last);
    CASE("errors-have-kinds", test_errors_have_kinds);
    CASE("lookups-back-off-to-a-minute", test_lookups_back_off_to_a_minute);
    return g_test_run();
}
