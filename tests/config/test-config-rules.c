/* SPDX-License-Identifier: GPL-2.0-or-later */
/* [vm PATTERN] and [interface PATTERN]: which section counts for whom. */
#include "../../daemon/config.h"

#include <glib/gstdio.h>
#include <string.h>

static VsfConfig *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfConfig *config = vsf_config_parse("f.conf", text, strlen(text), &error);

    g_assert_no_error(error);
    return config;
}

static void
test_the_first_section_that_matches_counts(void)
{
    g_autoptr(VsfConfig) config = parse("[vm web*]\nsampling = 1\n[vm *]\nsampling = 2\n"
                                        "[vm web02]\nsampling = 3\n[sflow]\nsampling = 4\n");

    g_assert_cmpuint(vsf_config_sampling(config, "web02", "vnet0"), ==, 1);
    g_assert_cmpuint(vsf_config_sampling(config, "db", "vnet0"), ==, 2);
    /* Whose it is is not known. */
    g_assert_cmpuint(vsf_config_sampling(config, NULL, "vnet0"), ==, 4);
}

static void
test_what_it_does_not_set_is_as_for_all(void)
{
    g_autoptr(VsfConfig) config = parse("[sflow]\nsampling = 4\npolling = 5\n[guest]\nagent = off\n"
                                        "[vm web*]\npolling = 7\n[vm *]\nsampling = 2\n"
                                        "agent = auto\n[vm nothing]\n");

    g_assert_cmpuint(vsf_config_sampling(config, "web", "vnet0"), ==, 4);
    g_assert_cmpuint(vsf_config_vm_polling_s(config, "web"), ==, 7);
    g_assert_cmpint(vsf_config_agent(config, "web"), ==, VSF_GUEST_AGENT_OFF);
    g_assert_cmpuint(vsf_config_vm_polling_s(config, "db"), ==, 5);
    g_assert_cmpint(vsf_config_agent(config, "db"), ==, VSF_GUEST_AGENT_AUTO);
    /* A section without keys takes its VMs out of those that follow, not of those before. */
    g_assert_cmpuint(vsf_config_sampling(config, "nothing", "vnet0"), ==, 2);
}

static void
test_an_empty_section_is_an_exception(void)
{
    g_autoptr(VsfConfig) config = parse("[vm db01]\n[vm db*]\nsampling = 0\n");

    g_assert_cmpuint(vsf_config_sampling(config, "db01", "vnet0"), ==, 512);
    g_assert_cmpuint(vsf_config_sampling(config, "db02", "vnet0"), ==, 0);
}

static void
test_an_interfaces_section_goes_before_its_vms(void)
{
    g_autoptr(VsfConfig) config = parse("[vm *]\nsampling = 2\npolling = 3\ndirection = in\n"
                                        "[interface macvtap?]\nsampling = 9\n");

    g_assert_cmpuint(vsf_config_sampling(config, "a", "macvtap7"), ==, 9);
    g_assert_cmpuint(vsf_config_sampling(config, NULL, "macvtap7"), ==, 9);
    g_assert_cmpuint(vsf_config_sampling(config, "a", "macvtap10"), ==, 2);
    /* What the interface's does not set its VM's may. */
    g_assert_cmpuint(vsf_config_tap_polling_s(config, "a", "macvtap7"), ==, 3);
    g_assert_cmpint(vsf_config_direction(config, "a", "macvtap7"), ==, VSF_DIRECTION_IN);
    g_assert_cmpint(vsf_config_direction(config, NULL, "macvtap7"), ==, VSF_DIRECTION_ONCE);
}

static void
test_a_port_has_the_rate_of_its_section_or_speed(void)
{
    g_autoptr(VsfConfig) config = parse("[sflow]\nsampling = 7\nsampling.1G = 9\n"
                                        "sampling.40G = 8\n"
                                        "[vm *]\nsampling = 1\n[interface eth1]\nsampling = 5\n"
                                        "[interface eth2]\ndirection = in\n");
    guint64 gbit = vsf_speed_parse("1G");

    g_assert_cmpuint(vsf_config_port_sampling(config, "eth0", gbit), ==, 9);
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth0", 10 * gbit), ==, 10000);
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth0", 0), ==, 7);
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth1", gbit), ==, 5);
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth2", gbit), ==, 9);
    g_assert_cmpint(vsf_config_direction(config, NULL, "eth2"), ==, VSF_DIRECTION_IN);
    /* A tap has no speed that means anything. */
    g_assert_cmpuint(vsf_config_sampling(config, NULL, "vnet0"), ==, 7);
}

/* Files are read one after another: the last word counts, and an empty one is none. */
static void
test_ports_and_speeds_as_files_have_them(void)
{
    static const struct {
        const char *text, *ports;
        guint at_40g;
    } cases[] = {
        {"", "", 40000},
        {"[capture]\nports = off\n", "", 40000},
        {"[capture]\nports = uplinks\n[sflow]\nsampling.40G = 3\n", "*", 3},
        {"[capture]\nports = eth* , p?p1\n[sflow]\nsampling.40G =\n", "eth* p?p1", 40000},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfConfig) config = parse(cases[i].text);
        g_autofree char *ports = g_strjoinv(" ", config->ports);

        g_assert_cmpstr(ports, ==, cases[i].ports);
        g_assert_cmpuint(vsf_config_port_sampling(config, "eth0", vsf_speed_parse("40G")), ==,
                         cases[i].at_40g);
    }
}

static void
test_each_key_of_a_section_is_read(void)
{
    g_autoptr(VsfConfig) config = parse("[vm a b]\nsampling = 10000000\npolling = 300\n"
                                        "direction = both\nagent = off\n"
                                        "[interface vnet1]\nsampling = 0\npolling = 0\n"
                                        "direction = out\n");

    g_assert_cmpuint(vsf_config_sampling(config, "a b", "vnet0"), ==, 10000000);
    g_assert_cmpuint(vsf_config_vm_polling_s(config, "a b"), ==, 300);
    g_assert_cmpint(vsf_config_direction(config, "a b", "vnet0"), ==, VSF_DIRECTION_BOTH);
    g_assert_cmpint(vsf_config_agent(config, "a b"), ==, VSF_GUEST_AGENT_OFF);
    g_assert_cmpuint(vsf_config_sampling(config, "a b", "vnet1"), ==, 0);
    g_assert_cmpuint(vsf_config_tap_polling_s(config, "a b", "vnet1"), ==, 0);
    g_assert_cmpint(vsf_config_direction(config, "a b", "vnet1"), ==, VSF_DIRECTION_OUT);
}

static void
test_names_need_not_be_ascii(void)
{
    g_autoptr(VsfConfig) config = parse("[vm caf\xc3\xa9?]\nsampling = 3\n"
                                        "[interface v?]\nsampling = 4\n");

    g_assert_cmpuint(vsf_config_sampling(config, "caf\xc3\xa9\xc3\xa9", "x"), ==, 3);
    /* The kernel takes any bytes. */
    g_assert_cmpuint(vsf_config_sampling(config, "a", "v\xff"), ==, 4);
    g_assert_cmpuint(vsf_config_sampling(config, "a", "v\xc3\xa9"), ==, 512);
}

static void
test_the_order_is_that_of_the_files(void)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-rules-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "main", NULL);
    g_autofree char *a = g_build_filename(folder, "10-a.conf", NULL);
    g_autofree char *b = g_build_filename(folder, "20-b.conf", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfConfig) config = NULL;

    g_file_set_contents(file, "[vm web*]\nsampling = 1\npolling = 11\n", -1, NULL);
    g_file_set_contents(b, "[vm *]\nsampling = 3\n", -1, NULL);
    /* The same section again keeps its place, and the later file's key counts. */
    g_file_set_contents(a, "[vm db*]\nsampling = 2\n[vm  web* ]\nsampling = 7\n", -1, NULL);
    config = vsf_config_load_from(file, folder, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(config->rules->len, ==, 3);
    g_assert_cmpuint(vsf_config_sampling(config, "web01", ""), ==, 7);
    g_assert_cmpuint(vsf_config_vm_polling_s(config, "web01"), ==, 11);
    g_assert_cmpuint(vsf_config_sampling(config, "db01", ""), ==, 2);
    g_assert_cmpuint(vsf_config_sampling(config, "x", ""), ==, 3);
    g_remove(file);
    g_remove(a);
    g_remove(b);
    g_rmdir(folder);
}

static void
test_the_number_of_sections_is_bounded(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 257; i++)
        g_string_append_printf(text, "[vm a%u]\n", i);
    g_assert_null(vsf_config_parse("f.conf", text->str, text->len, &error));
    g_assert_true(g_str_has_prefix(error->message, "f.conf:257: [vm a256]: more than 256"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func) g_test_add_func("/config/rules/" name, func)
    CASE("the-first-section-that-matches-counts", test_the_first_section_that_matches_counts);
    CASE("what-it-does-not-set-is-as-for-all", test_what_it_does_not_set_is_as_for_all);
    CASE("an-empty-section-is-an-exception", test_an_empty_section_is_an_exception);
    CASE("an-interfaces-section-goes-before-its-vms",
         test_an_interfaces_section_goes_before_its_vms);
    CASE("a-port-has-the-rate-of-its-section-or-speed",
         test_a_port_has_the_rate_of_its_section_or_speed);
    CASE("ports-and-speeds-as-files-have-them", test_ports_and_speeds_as_files_have_them);
    CASE("each-key-of-a-section-is-read", test_each_key_of_a_section_is_read);
    CASE("names-need-not-be-ascii", test_names_need_not_be_ascii);
    CASE("the-order-is-that-of-the-files", test_the_order_is_that_of_the_files);
    CASE("the-number-of-sections-is-bounded", test_the_number_of_sections_is_bounded);
    return g_test_run();
}
