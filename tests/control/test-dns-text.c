/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/cli/dns-text.h"
#include "../../daemon/cli/lists-text.h"
#include "../../daemon/cli/status-text.h"
#include "quoted.h"

#include <string.h>

static void
assert_text(const char *json, const char *want)
{
    g_autoptr(JsonNode) root = node_of(json);
    g_autoptr(GString) text = g_string_new(NULL);

    vsf_dns_text(text, json_node_get_object(root));
    g_assert_cmpstr(text->str, ==, want);
}

static void
test_answered(void)
{
    assert_text(
        "{'dns_sd':{'domain':'example.net','state':'answered','answered_s':12.5,'ttl_s':60,"
        "'next_s':47.5,'change_s':null,'error':null,'left_out':'\\\"foo=1\\\" has a key that "
        "is unknown','otherwise':'sampling 10 counts as 64','in_force':{'collectors':['a','b'],"
        "'sampling':64,'polling':5,'header_bytes':null,'agent_address':'eth0'}}}",
        "dns-sd      example.net, answered, last answer 12 s ago, TTL 60 s\n"
        "            in force: 2 collectors, sampling 1 in 64, polling 5, agent-address eth0\n"
        "            left out: \"foo=1\" has a key that is unknown\n"
        "            not as DNS has it: sampling 10 counts as 64\n");
}

static void
test_waiting(void)
{
    assert_text("{'dns_sd':{'domain':null,'state':'waiting','answered_s':null,'ttl_s':null,"
                "'in_force':null}}",
                "dns-sd      search domains, waiting, no answer yet\n"
                "            nothing from DNS is in force\n");
}

static void
test_failing_and_stopped(void)
{
    assert_text("{'dns_sd':{'domain':'x','state':'failing','answered_s':90,'ttl_s':null,"
                "'change_s':9.6,'error':'no answer in time','in_force':{'collectors':[]}}}",
                "dns-sd      x, failing, last answer 90 s ago\n"
                "            in force: nothing is sent\n"
                "            another answer comes into force in 9 s\n"
                "            no answer in time\n");
}

static void
test_off(void)
{
    assert_text("{'dns_sd':null}", "");
    assert_text("{}", "");
    assert_text("{'dns_sd':7}", "");
}

/* Words of DNS are others' input. */
static void
test_escaped(void)
{
    assert_text("{'dns_sd':{'domain':'a\\u001b[2J','state':'answered','in_force':null}}",
                "dns-sd      a\\x1b[2J, answered, no answer yet\n"
                "            nothing from DNS is in force\n");
}

static void
test_collectors_that_dns_may_still_name_are_not_said_to_be_nobodys(void)
{
    g_autoptr(JsonNode) asked = json_from_string("{\"collectors\":[],\"dns_sd\":{}}", NULL),
                        other = json_from_string("{\"collectors\":[],\"dns_sd\":null}", NULL);
    g_autofree char *list = vsf_collectors_text(json_node_get_object(asked)),
                    *all = vsf_status_text(json_node_get_object(asked)),
                    *none = vsf_collectors_text(json_node_get_object(other));

    g_assert_cmpstr(list, ==,
                    "No collector is configured: nothing is sent until DNS names a collector.\n");
    g_assert_nonnull(strstr(all, list));
    g_assert_cmpstr(none, ==, "No collector is configured: nothing is sent.\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/control/dns-text/an-answer-is-shown", test_answered);
    g_test_add_func("/control/dns-text/waiting-is-said", test_waiting);
    g_test_add_func("/control/dns-text/failure-and-end-are-said", test_failing_and_stopped);
    g_test_add_func("/control/dns-text/off-is-nothing", test_off);
    g_test_add_func("/control/dns-text/nothing-that-a-terminal-obeys", test_escaped);
    g_test_add_func(
        "/control/dns-text/collectors-that-dns-may-still-name-are-not-said-to-be-nobodys",
        test_collectors_that_dns_may_still_name_are_not_said_to_be_nobodys);
    return g_test_run();
}
