/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical ports and rates by speed that a configuration of Host sFlow has, as virt-sflowd reads
 * what import-hsflowd makes of it. */
#include "../../daemon/cli/hsflowd-import.h"
#include "../../daemon/config-keys.h"

#include <string.h>

#define ONE "collector { ip=192.0.2.10 udpport=6343 }"

static VsfConfig *
config_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *made = vsf_hsflowd_import("hsflowd.conf", text, strlen(text), &error);
    VsfConfig *config;

    g_assert_no_error(error);
    config = vsf_config_parse("made", made, strlen(made), &error);
    if (config == NULL)
        g_error("%s\nmade of\n%s\nis\n%s", error->message, text, made);
    return config;
}

/* What virt-sflowd makes of it. */
static void
test_ports_and_rates_by_speed_are_taken(void)
{
    g_autoptr(VsfConfig) config = config_of(
        "sflow { sampling = 400 sampling.1G = 2000 sampling.10G=10K sampling.1000M = 3000 " ONE
        " pcap { dev = eth0 } pcap { dev = eth1 sampling = 5 } pcap { dev = vnet0 sampling = 6 } "
        "}");
    g_autoptr(VsfConfig) all = config_of("sflow { " ONE " pcap { speed = 1G-1T } pcap { dev=e } }");
    g_autofree char *ports = g_strjoinv(" ", config->ports), *every = g_strjoinv(" ", all->ports);
    const guint64 gbit = 1000000000;

    g_assert_cmpstr(ports, ==, "eth0 eth1");
    g_assert_cmpstr(every, ==, "*");
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth0", gbit), ==, 3000);
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth0", 10 * gbit), ==, 10000);
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth0", 0), ==, 400);
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth1", gbit), ==, 5);
}

/* Further ones are comments. */
static void
test_more_than_the_keys_take_is_left_out(void)
{
    g_autoptr(GString) text = g_string_new("sflow { " ONE);
    g_autoptr(VsfConfig) config = NULL;

    for (guint i = 1; i <= 300; i++)
        g_string_append_printf(text, "\nsampling.%uM = 9 pcap { dev = eth%u }", i, i);
    g_string_append(text, " }");
    config = config_of(text->str);
    g_assert_cmpuint(config->speeds->len, ==, 16);
    g_assert_cmpuint(g_strv_length(config->ports), ==, 256);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/import-ports/ports-and-rates-by-speed-are-taken",
                    test_ports_and_rates_by_speed_are_taken);
    g_test_add_func("/cli/import-ports/more-than-the-keys-take-is-left-out",
                    test_more_than_the_keys_take_is_left_out);
    return g_test_run();
}
