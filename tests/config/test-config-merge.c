/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One configuration after another: copies, what a second source wants, differences. */
#include "../../daemon/config-keys.h"

#include <string.h>

static const char everything[] =
    "[sflow]\ncollectors = 192.0.2.1 c.example:7%eth0\npolling = 7\nsampling = 9\nsampling.1G = 8\n"
    "header-bytes = 100\ndatagram-bytes = 900\nagent-address = 10.0.0.0/8\nsub-agent-id = 5\n"
    "vm-name = nova\nvm-index = hsflowd\ntimestamps = off\nvirt-memory = "
    "balloon\nvirt-net-direction = host\n"
    "source-address = 192.0.2.9\ndscp = 3\ndns-sd = on\ndns-sd-domain = example.net\n"
    "dns-min-sampling = 20\ndns-min-polling = 21\n[libvirt]\nuri = test:///default\n"
    "agent-socket = none\n"
    "[capture]\nbackend = pcap\ninterfaces = vnet* x?\nports = eth*\ndirection = "
    "both\nmax-samples-per-second = "
    "11\n"
    "max-host-samples-per-second = 12\n[guest]\nagent = off\ncanary = 13\n"
    "filesystems-interval = 14\nos-interval = 115\ntimeout = 16\nexclude = a b\n"
    "balloon-period = 17\ndetail = none\n[daemon]\ncpu-limit = 18\n[host]\nenabled = off\n"
    "interfaces = off\n[ovs]\nmode = off\nbridges = br-*\nsocket = /x\n"
    "[vm web*]\nsampling = 19\nagent = off\n[interface vnet7]\ndirection = in\n";

static VsfConfig *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfConfig *config = vsf_config_parse("f.conf", text, strlen(text), &error);

    g_assert_no_error(error);
    return config;
}

static char *
changes(const char *before, const char *after)
{
    g_autoptr(VsfConfig) one = parse(before), other = parse(after);
    g_auto(GStrv) names = vsf_config_changes(one, other);

    return g_strjoinv(", ", names);
}

static void
assert_changes(const char *before, const char *after, const char *expected)
{
    g_autofree char *text = changes(before, after);

    g_assert_cmpstr(text, ==, expected);
}

/* Every key differs from its default there, so that none can be left out of a copy. */
static void
test_a_copy_has_everything(void)
{
    g_autoptr(VsfConfig) defaults = vsf_config_new();
    VsfConfig *config = parse(everything);
    g_autoptr(VsfConfig) copy = vsf_config_copy(config);
    g_auto(GStrv) from_defaults = vsf_config_changes(defaults, copy);
    g_auto(GStrv) from_original = vsf_config_changes(config, copy);
    g_autofree char *hash = vsf_config_hash(config), *copied = vsf_config_hash(copy);

    g_assert_cmpuint(g_strv_length(from_original), ==, 0);
    g_assert_cmpuint(g_strv_length(from_defaults), ==, vsf_config_schema()->n_keys + 2);
    g_assert_cmpstr(hash, ==, copied);
    g_assert_cmpstr(vsf_config_place(copy, "sflow", "polling"), ==, "f.conf:3");
    vsf_config_free(config);
    /* Nothing is shared. */
    g_assert_cmpuint(vsf_config_sampling(copy, "web1", "vnet0"), ==, 19);
    g_assert_cmpstr(((VsfCollectorAddress *)copy->collectors->pdata[1])->device, ==, "eth0");
}

static void
test_changes_name_what_differs(void)
{
    assert_changes("", "", "");
    assert_changes("[sflow]\npolling = 20\n", "[sflow]\nsampling=512\n", "");
    assert_changes("", "[guest]\nagent=off\n[sflow]\npolling=7\n",
                   "[sflow] polling, [guest] agent");
    assert_changes("", "[vm a]\n[interface b]\npolling=1\n", "[vm a], [interface b]");
    assert_changes("[vm a]\n", "[vm a]\npolling=1\n", "[vm a]");
    assert_changes("[vm a]\npolling=1\n", "[vm b]\npolling=1\n", "[vm b], [vm a]");
    assert_changes("[vm a]\n[vm b]\n", "[vm b]\n[vm a]\n",
                   "order of the [vm] and [interface] sections");
}

static void
test_an_overlay_changes_what_it_has(void)
{
    static const char *const texts[] = {"10.1.1.1", NULL};
    g_autoptr(VsfConfig) config = parse(everything), merged = NULL;
    g_autoptr(VsfConfig) plain = vsf_config_overlay(config, NULL);
    VsfConfig *other = parse("");
    char address[] = "10.2.2.2";
    VsfConfigOverlay overlay = {.has_sampling = TRUE, .sampling = 77, .agent_address = address};
    g_autoptr(VsfConfigOverlay) copy = NULL;
    g_auto(GStrv) names = NULL, none = vsf_config_changes(config, plain);
    g_autofree char *text = NULL;

    g_assert_true(vsf_config_set_collectors(other, texts, NULL));
    overlay.collectors = other->collectors;
    copy = vsf_config_overlay_copy(&overlay);
    vsf_config_free(other);
    merged = vsf_config_overlay(config, copy);
    names = vsf_config_changes(config, merged);
    text = g_strjoinv(", ", names);
    g_assert_cmpstr(text, ==, "[sflow] collectors, [sflow] sampling, [sflow] agent-address");
    g_assert_cmpuint(g_strv_length(none), ==, 0);
    g_assert_cmpuint(merged->collectors->len, ==, 1);
    /* Rules go before it. */
    g_assert_cmpuint(vsf_config_sampling(merged, "web1", "vnet0"), ==, 19);
    g_assert_cmpuint(vsf_config_sampling(merged, "db1", "vnet0"), ==, 77);
}

static void
test_an_overlay_may_have_all(void)
{
    g_autoptr(VsfConfig) config = parse(""), merged = NULL;
    VsfConfigOverlay overlay = {
        .has_sampling = TRUE,
        .has_polling = TRUE,
        .polling_s = 8,
        .has_header_bytes = TRUE,
        .header_bytes = 64,
    };

    merged = vsf_config_overlay(config, &overlay);
    g_assert_cmpuint(merged->sampling, ==, 0);
    g_assert_cmpuint(merged->polling_s, ==, 8);
    g_assert_cmpuint(merged->header_bytes, ==, 64);
}

/* What DNS says of one speed says nothing of another. */
static void
test_an_overlay_has_rates_for_some_speeds(void)
{
    g_autoptr(VsfConfig) config = parse("[sflow]\nsampling.1G=8\nsampling.10G=9\n");
    g_autoptr(VsfConfig) merged = NULL;
    VsfConfigOverlay overlay = {.speeds = vsf_speed_rates_new()};
    g_autoptr(VsfConfigOverlay) copy = NULL;

    vsf_speed_rates_set(overlay.speeds, vsf_speed_parse("10G"), 64);
    vsf_speed_rates_set(overlay.speeds, vsf_speed_parse("40G"), 65);
    copy = vsf_config_overlay_copy(&overlay);
    g_array_unref(overlay.speeds);
    merged = vsf_config_overlay(config, copy);
    g_assert_cmpuint(vsf_config_port_sampling(merged, "eth0", vsf_speed_parse("1G")), ==, 8);
    g_assert_cmpuint(vsf_config_port_sampling(merged, "eth0", vsf_speed_parse("10G")), ==, 64);
    g_assert_cmpuint(vsf_config_port_sampling(merged, "eth0", vsf_speed_parse("40G")), ==, 65);
    g_assert_cmpuint(vsf_config_port_sampling(config, "eth0", vsf_speed_parse("10G")), ==, 9);
}

/* More than a list has room for: those of the files go, the slowest first. */
static void
test_an_overlay_makes_room_for_all_of_its_rates(void)
{
    GString *text = g_string_new("[sflow]\n");
    g_autoptr(VsfConfig) config = NULL, merged = NULL;
    VsfConfigOverlay overlay = {.speeds = vsf_speed_rates_new()};

    for (guint i = 1; i <= VSF_SPEEDS_MAX; i++)
        g_string_append_printf(text, "sampling.%uG=%u\n", i, i);
    config = parse(text->str);
    g_string_free(text, TRUE);
    vsf_speed_rates_set(overlay.speeds, vsf_speed_parse("10M"), 64);
    vsf_speed_rates_set(overlay.speeds, vsf_speed_parse("100M"), 65);
    vsf_speed_rates_set(overlay.speeds, vsf_speed_parse("1G"), 66);
    merged = vsf_config_overlay(config, &overlay);
    g_array_unref(overlay.speeds);
    g_assert_cmpuint(merged->speeds->len, ==, VSF_SPEEDS_MAX);
    g_assert_cmpuint(vsf_config_port_sampling(merged, "eth0", vsf_speed_parse("10M")), ==, 64);
    g_assert_cmpuint(vsf_config_port_sampling(merged, "eth0", vsf_speed_parse("100M")), ==, 65);
    g_assert_cmpuint(vsf_config_port_sampling(merged, "eth0", vsf_speed_parse("1G")), ==, 66);
    g_assert_cmpuint(vsf_config_port_sampling(merged, "eth0", vsf_speed_parse("4G")), ==, 4);
}

static void
test_what_is_read_at_the_start_alone_stays(void)
{
    g_autoptr(VsfConfig) config = parse(everything);
    g_autoptr(VsfConfig) in_force = parse("[sflow]\npolling=9\n");
    g_auto(GStrv) names = vsf_config_keep_fixed(config, in_force);
    g_auto(GStrv) again = vsf_config_keep_fixed(config, in_force);

    g_assert_cmpuint(g_strv_length(names), ==, 4);
    g_assert_cmpstr(names[0], ==, "[sflow] vm-index");
    g_assert_cmpint(config->vm_index, ==, VSF_INDEX_OWN);
    g_assert_cmpstr(names[1], ==, "[libvirt] uri");
    g_assert_cmpstr(config->uri, ==, "qemu:///system");
    g_assert_cmpstr(names[2], ==, "[libvirt] agent-socket");
    g_assert_cmpstr(config->agent_socket, ==, "auto");
    g_assert_cmpstr(names[3], ==, "[capture] backend");
    g_assert_cmpuint(config->polling_s, ==, 7);
    g_assert_cmpuint(g_strv_length(again), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func) g_test_add_func("/config/merge/" name, func)
    CASE("a-copy-has-everything", test_a_copy_has_everything);
    CASE("changes-name-what-differs", test_changes_name_what_differs);
    CASE("an-overlay-changes-what-it-has", test_an_overlay_changes_what_it_has);
    CASE("an-overlay-may-have-all", test_an_overlay_may_have_all);
    CASE("an-overlay-has-rates-for-some-speeds", test_an_overlay_has_rates_for_some_speeds);
    CASE("an-overlay-makes-room-for-all-of-its-rates",
         test_an_overlay_makes_room_for_all_of_its_rates);
    CASE("what-is-read-at-the-start-alone-stays", test_what_is_read_at_the_start_alone_stays);
    return g_test_run();
}
