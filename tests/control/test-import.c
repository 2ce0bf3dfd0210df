/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What import-hsflowd makes of a configuration of Host sFlow, judged by the reader of
 * virt-sflowd's own. The command itself is VIRT_SFLOW. */
#include "../../daemon/cli/hsflowd-import.h"
#include "../../daemon/config-keys.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#define LABEL_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ONE "collector { ip=192.0.2.10 udpport=6343 }"

/* The made text; virt-sflowd must take it. */
static char *
import(const char *text)
{
    g_autoptr(GError) error = NULL;
    char *made = vsf_hsflowd_import("hsflowd.conf", text, strlen(text), &error);
    g_autoptr(VsfConfig) config = NULL;

    g_assert_no_error(error);
    config = vsf_config_parse("made", made, strlen(made), &error);
    if (config == NULL)
        g_error("%s\nmade of\n%s\nis\n%s", error->message, text, made);
    return made;
}

static VsfConfig *
config_of(const char *text)
{
    g_autofree char *made = import(text);

    return vsf_config_parse("made", made, strlen(made), NULL);
}

static void
assert_collectors(const VsfConfig *config, const char *expected)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (guint i = 0; i < config->collectors->len; i++) {
        const VsfCollectorAddress *address = g_ptr_array_index(config->collectors, i);

        g_string_append_printf(all, "%s%s/%u", i > 0 ? " " : "", address->host, address->port);
        if (address->device != NULL)
            g_string_append_printf(all, "/%s", address->device);
    }
    g_assert_cmpstr(all->str, ==, expected);
}

static void
test_the_example_of_the_site_goes_round(void)
{
    g_autoptr(VsfConfig) config = config_of("# hsflowd configuration file\n"
                                            "sflow {\n"
                                            "  DNSSD = off\n"
                                            "  polling = 20\n"
                                            "  sampling = 512\n"
                                            "  collector {\n"
                                            "    ip = 192.0.2.10\n"
                                            "    udpport = 6343\n"
                                            "  }\n"
                                            "}\n");

    g_assert_cmpuint(config->polling_s, ==, 20);
    g_assert_cmpuint(config->sampling, ==, 512);
    assert_collectors(config, "192.0.2.10/6343");
    g_assert_cmpuint(config->sub_agent_id, ==, 200000);
}

static void
test_the_old_graphs_are_kept(void)
{
    g_autoptr(VsfConfig) config = config_of("sflow { " ONE " kvm { } }");
    g_autofree char *made = import("sflow { " ONE " kvm { } }");
    static const char *const keys[] = {"vm-name = domain", "vm-index = hsflowd",
                                       "virt-memory = balloon", "virt-net-direction = host"};

    g_assert_cmpint(config->vm_name, ==, VSF_VM_NAME_DOMAIN);
    g_assert_cmpint(config->vm_index, ==, VSF_INDEX_HSFLOWD);
    g_assert_cmpint(config->virt_memory, ==, VSF_VIRT_MEMORY_BALLOON);
    g_assert_cmpint(config->virt_net_direction, ==, VSF_NET_DIRECTION_HOST);
    /* Host sFlow's defaults, not ours. */
    g_assert_cmpuint(config->polling_s, ==, 30);
    g_assert_cmpuint(config->sampling, ==, 400);
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *key = strstr(made, keys[i]);

        /* Each stands below a comment that says what is better. */
        g_assert_nonnull(key);
        g_assert_nonnull(g_strrstr_len(made, key - made, "Better without"));
        g_assert_cmpint(key[-1], ==, '\n');
    }
}

/* Settings, and lines that must be in what is made of them. */
static void
test_settings_become_keys(void)
{
    static const struct {
        const char *settings, *expected[3];
    } cases[] = {
        {"polling=0 sampling=1M " ONE, {"\npolling = 0\n", "\nsampling = 1000000\n"}},
        {"POLLING = 10; Sampling = 2k\n" ONE, {"\npolling = 10\n", "\nsampling = 2000\n"}},
        {"counterPollingInterval=0x10 packetSamplingRate=010 " ONE,
         {"\npolling = 16\n", "\nsampling = 8\n"}},
        {"polling=10 polling=15 " ONE, {"\npolling = 15\n"}},
        {"headerBytes=0 datagramBytes=200 " ONE,
         {"\nheader-bytes = 64\n", "\ndatagram-bytes = 512\n", "# 200 in the file; 512 to 9000"}},
        {"headerBytes=256 datagramBytes=8192 " ONE,
         {"\nheader-bytes = 256\n", "\ndatagram-bytes = 8192\n"}},
        {"collector{ip=192.0.2.1 udpport=6344 dev=mgmt0}collector{ip=\"2001:db8::1\"}",
         {"\ncollectors = 192.0.2.1:6344%mgmt0 [2001:db8::1]\n"}},
        {"collector { ip = fe80::1%eth0 udpport=99 } collector { UDPPort=1 IP=c.example.net }",
         {"\ncollectors = [fe80::1]:99%eth0 c.example.net:1\n"}},
        {ONE " collector { ip=192.0.2.10 }",
         {"\ncollectors = 192.0.2.10\n", "# line 1: collector 192.0.2.10: it stands there twice"}},
        {ONE " collector { ip=192.0.2.2 namespace=red }",
         {"\ncollectors = 192.0.2.10\n", "# line 1: collector 192.0.2.2: datagrams are not sent"}},
        {"agentIP=192.0.2.7 agent=eth0 " ONE,
         {"\nagent-address = 192.0.2.7\n", "# line 1: agent = eth0: agent-address is one value"}},
        {"agent=eth0 agentIP=192.0.2.7 " ONE,
         {"\nagent-address = 192.0.2.7\n", "# line 1: agent = eth0: agent-address is one value"}},
        {"agent.cidr=10.1.2.3/8 agent.CIDR=192.0.2.0/24 " ONE,
         {"\nagent-address = 10.0.0.0/8\n", "# line 1: agent.CIDR = 192.0.2.0/24: "}},
        {"agent.cidr=!10.0.0.0/8 agent.cidr=2001:db8:f::/33 " ONE,
         {"\nagent-address = 2001:db8::/33\n", "excludes no network"}},
        {"agentIP=host.example.net " ONE, {"# line 1: agentIP = host.example.net: "}},
        {"subAgentId=7 pcap { dev=virbr0 sampling=100 } " ONE,
         {"\n#sub-agent-id = 7\n", "\n[capture]\nports = virbr0\n",
          "\n[interface virbr0]\nsampling = 100\n"}},
        {"pcap { dev=eth0 } pcap { dev = eth1 } pcap { dev = eth0 } " ONE,
         {"\n[capture]\nports = eth0 eth1\n", "# line 1: pcap { dev = eth0 }: taps of VMs"}},
        {"pcap { speed=1G- } pcap { dev = eth1 sampling = 7 } " ONE,
         {"\n[capture]\nports = uplinks\n", "\n[interface eth1]\nsampling = 7\n",
          "# line 1: pcap { speed = 1G- }: [capture] ports = uplinks"}},
        {"pcap { dev = off } pcap { dev.pattern = ^eth } " ONE,
         {"# line 1: pcap { dev = off }: taps", "# line 1: pcap { dev.pattern = ^eth }: taps"}},
        {"kvm { refreshVMs=60 forgetVMs=180 } " ONE,
         {"\n#sub-agent-id = 100001\n", "# line 1: refreshVMs = 60: there is nothing to set"}},
        {"sampling.10G=10000 sampling.http=50 polling.http=30 sampling.bps_ratio=0 " ONE,
         {"\nsampling.10G = 10000\n", "# line 1: sampling.http = 50: it is of an application",
          "# line 1: sampling.bps_ratio = 0: a port without a rate"}},
        {"sampling.1G=7 sampling.2.5g=8 sampling.1000M=9 sampling.10=5 sampling.bps_ratio=1M " ONE,
         {"\nsampling.1G = 9\nsampling.2.5g = 8\n",
          "# line 1: sampling.10 = 5: it names no speed"}},
        {"ovs { } psample { group=1 ingress=on egress=on } dent { sw=on switchport=^vnet.* } " ONE,
         {"# line 1: ovs { }: Open vSwitch is not configured", "# line 1: psample { group = 1",
          "# line 1: dent { sw = on switchport = ^vnet.* }"}},
        {"json { UDPport = 36343 } nvml { } docker { } " ONE,
         {"# line 1: json { UDPport = 36343 }: it is no matter of VMs", "nvml { }", "docker { }"}},
        {"warpDrive = 9 flux { a { b { c = 1 } } } " ONE,
         {"# line 1: warpDrive = 9: it is not known to virt-sflow", "flux { a { b { c = 1 } } }"}},
        {"", {"\ncollectors =\n", "nothing is sent", "no kvm { }"}},
        {ONE, {"Host sFlow sampled no packets"}},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("sflow { %s }\n", cases[i].settings);
        g_autofree char *made = import(text);
        g_autofree char *flat = g_strdup(made);

        for (guint j = 0; j < G_N_ELEMENTS(cases[i].expected); j++)
            if (cases[i].expected[j] != NULL && strstr(flat, cases[i].expected[j]) == NULL)
                g_error("%s: no \"%s\" in\n%s", text, cases[i].expected[j], made);
    }
}

/* Judged by what virt-sflowd would sample each at. */
static void
test_interfaces_keep_their_own_rates(void)
{
    static const char text[] =
        "sflow { sampling = 400 " ONE " pcap { dev = vnet3 sampling = 100 }\n"
        "pcap { dev=tap1a-2 promisc=off sampling=1K } pcap { sampling=5 dev=macvtap0 }\n"
        "pcap { dev = br0 sampling = 7 } pcap { dev = vnet3 sampling = 9 }\n"
        "pcap { dev = vnet4 sampling = 0 } pcap { dev = vnet5 }\n"
        "pcap { dev = \"vnet*\" sampling = 3 } pcap { dev = \"vnet6]\" sampling = 4 } }";
    static const struct {
        const char *name;
        guint sampling;
    } wanted[] = {{"vnet3", 100}, {"tap1a-2", 1000}, {"macvtap0", 5}, {"br0", 7},
                  {"vnet4", 400}, {"vnet5", 400},    {"vnet6", 400}};
    g_autofree char *made = import(text);
    g_autoptr(VsfConfig) config = config_of(text);

    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
        g_assert_cmpuint(vsf_config_sampling(config, NULL, wanted[i].name), ==, wanted[i].sampling);
    g_assert_cmpuint(config->rules->len, ==, 4);
    g_assert_nonnull(strstr(made, "\n[interface vnet3]\nsampling = 100\n"));
    g_assert_nonnull(strstr(made, "\n[interface br0]\nsampling = 7\n"));
    g_assert_null(strstr(made, "# line 1: pcap")); /* it has an equivalent */
    g_assert_nonnull(strstr(made, "# line 3: pcap { dev = vnet3 sampling = 9 }: taps of VMs"));
    g_assert_nonnull(strstr(made, "[interface PATTERN] or [vm PATTERN]"));
    g_assert_null(strstr(made, "all at [sflow] sampling"));
}

static void
test_more_interfaces_than_sections_are_taken_as_far_as_they_go(void)
{
    g_autoptr(GString) text = g_string_new("sflow { " ONE);
    g_autoptr(VsfConfig) config = NULL;

    for (guint i = 0; i < 300; i++)
        g_string_append_printf(text, "\npcap { dev = vnet%u sampling = 9 }", i);
    g_string_append(text, " }");
    config = config_of(text->str);
    g_assert_cmpuint(config->rules->len, ==, 256);
}

/* The daemon remembers which VM has which number. */
static void
test_the_index_is_not_said_to_change(void)
{
    g_autofree char *made = import("sflow { " ONE " }");

    g_assert_null(strstr(made, "it may change"));
    g_assert_nonnull(strstr(made, "then one takes the"));
}

/* All that the site and the file that is installed with it document. */
static void
test_the_documented_grammar_is_read(void)
{
    g_autofree char *made = import(
        "# hsflowd configuration file\n"
        "sFlow {\n"
        "  # ======  Agent IP selection ======\n"
        "  agent.cidr = 192.168.0.0/16   # a comment behind a setting\n"
        "  agent = eth0\n"
        "  DNS-SD { domain=.sf.example.com }\n"
        "  polling = 30\n"
        "  sampling = 400\n"
        "  sampling.100M = 100\n  sampling.1G = 1000\n  sampling.10G = 10000\n"
        "  sampling.40G = 40000\n  sampling.http = 50\n  sampling.app.myapp = 100\n"
        "  collector { ip=127.0.0.1 udpport=6343 }\n"
        "  collector { ip = 10.144.1.2 UDPPort=6344 }\n"
        "  json { UDPport = 36343 FIFO=/tmp/hsflowd_json_fifo }\n"
        "  pcap { dev = docker0 }\n  pcap { dev = eth0 }\n  pcap { speed=1G-1T }\n  pcap { speed = "
        "1- }\n"
        "  pcap { dev.pattern = \"^vnet[0-9]{1,3}\" promisc=off vport=on dynamic=on sampling=256 "
        "}\n"
        "  nflog { group = 5  probability = 0.0025 }\n  ulog { group = 1  probability = 0.0025 }\n"
        "  psample { group = 1 }\n  dent { sw=on switchport=enp.* egress=on }\n"
        "  dropmon { group=1 start=on limit=50 hide=\"a \"\"quoted\"\" name\" }\n"
        "  nvml { }\n  xen { }\n  ovs { }\n  kvm { }\n  docker { }\n  tcp { tunnel=on }\n"
        "  systemd { dropPriv=off markTraffic=on }\n  dbus { }\n  eapi { }\n"
        "  os10 { port { dev=e1 } }\n  k8s { eof=on }\n  containerd { }\n  epcap { }\n"
        "  loopback = on\n  refreshAdaptors = 180\n  checkAdaptors = 10\n  refreshVMs = 60\n"
        "  uuid = 11223344-5566-7788-99aa-bbccddeeff00\n  modules = /etc/hsflowd/modules\n"
        "  samplingDirection = both\n"
        "}\n");

    g_assert_null(strstr(made, "is not known to virt-sflow"));
    g_assert_nonnull(strstr(made, "^vnet[0-9]{1,3}"));
    g_assert_nonnull(strstr(made, "# line 17: json {"));
    g_assert_nonnull(strstr(made, "hide = a \\\"quoted\\\" name"));
}

static void
test_dns_sd_is_printed_if_the_daemon_has_it(void)
{
    gboolean has = vsf_config_schema_find(vsf_config_schema(), "sflow", "dns-sd") >= 0;
    const char *on = has ? "\ndns-sd = on\ndns-sd-domain = example.net\n"
                         : "\n#dns-sd = on\n#dns-sd-domain = example.net\n";
    g_autofree char *block = import("sflow { DNS-SD { domain = .example.net } }");
    g_autofree char *old = import("sflow { DNSSD = on DNSSD_domain = .example.net }");
    g_autofree char *plain = import("sflow { dns-sd { } }");
    g_autofree char *off = import("sflow { DNSSD = off " ONE " }");

    g_assert_nonnull(strstr(block, on));
    g_assert_nonnull(strstr(old, on));
    g_assert_nonnull(strstr(plain, "dns-sd = on\n"));
    g_assert_null(strstr(plain, "dns-sd-domain"));
    g_assert_null(strstr(off, "dns-sd"));
}

static void
test_the_host_is_named_if_the_daemon_can_leave_it_out(void)
{
    gboolean has = vsf_config_schema_find(vsf_config_schema(), "host", "enabled") >= 0;
    g_autofree char *made = import("sflow { " ONE " }");

    g_assert_true(has == (strstr(made, "\n#[host]\n#enabled = off\n") != NULL));
}

static void
assert_refused(const char *text, gsize length, guint line, const char *words)
{
    g_autofree char *place = g_strdup_printf("f.conf:%u: ", line);
    g_autoptr(GError) error = NULL;
    g_autofree char *made = vsf_hsflowd_import("f.conf", text, length, &error);

    if (made != NULL)
        g_error("taken: %s", text);
    g_assert_true(error->domain == VSF_HSFLOWD_ERROR);
    if (!g_str_has_prefix(error->message, place) || strstr(error->message, words) == NULL)
        g_error("%s: expected %s...%s, found %s", text, place, words, error->message);
}

static void
test_errors_name_line_and_remedy(void)
{
    static const struct {
        const char *text;
        guint line;
        const char *words;
    } cases[] = {
        {"", 1, "must begin with sflow {"},
        {"\n# nothing\n", 3, "must begin with sflow {"},
        {"polling = 20\n", 1, "must begin with sflow {"},
        {"{ }", 1, "must begin with sflow {"},
        {"sflow\npolling=20", 2, "has no { behind it"},
        {"sflow { } }", 1, "a } too many"},
        {"sflow { }\nsflow { }", 2, "nothing may follow"},
        {"sflow {\n polling = }\n", 2, "\"polling\" has no value"},
        {"sflow {\n polling", 2, "\"polling\" has no value"},
        {"sflow {\n { }\n}", 2, "has no name before it"},
        {"sflow {\n uuid = \"1122\n}", 2, "no closing quote"},
        {"sflow {\n uuid = \"11 # 22\"\n}", 2, "no closing quote"},
        {"sflow {\n polling = 301 }", 2, "polling: 301 must be from 0 to 300"},
        {"sflow {\n polling = twenty }", 2, "twenty must be a whole number"},
        {"sflow {\n polling = -1 }", 2, "must be a whole number"},
        {"sflow {\n polling = 20s }", 2, "with K, M or G behind it at most"},
        {"sflow {\n polling = 1KK }", 2, "with K, M or G behind it at most"},
        {"sflow {\n polling { } }", 2, "is no block; write NAME = VALUE"},
        {"sflow {\n kvm = on }", 2, "is a block; write NAME { }"},
        {"sflow {\n ovs = on }", 2, "is a block; write NAME { }"},
        {"sflow {\n loopback { } }", 2, "is no block"},
        {"sflow {\n sampling = 11M }", 2, "must be from 0 to 10000000"},
        {"sflow {\n sampling = 99999999999999999999 }", 2, "must be from 0 to 10000000"},
        {"sflow {\n sampling = 18446744073709551615G }", 2, "must be from 0 to 10000000"},
        {"sflow {\n sampling = 18446744073709552K }", 2, "must be from 0 to 10000000"},
        {"sflow {\n sampling.1G = x }", 2, "sampling.1G: x must be a whole number"},
        {"sflow {\n polling.http = 301 }", 2, "must be from 0 to 300"},
        {"sflow {\n headerBytes = 257 }", 2, "must be from 0 to 256"},
        {"sflow {\n datagramBytes = 199 }", 2, "must be from 200 to 8192"},
        {"sflow {\n subAgentId = 200000 }", 2, "must be from 0 to 199999"},
        {"sflow {\n DNSSD = perhaps }", 2, "must be on or off"},
        {"sflow {\n dns-sd { domain = a..b } }", 2, "must be a domain"},
        {"sflow {\n dns-sd { domain = " LABEL_64 " } }", 2, "must be a domain"},
        {"sflow {\n dns-sd { server = a } }", 2, "is no setting of dns-sd"},
        {"sflow {\n collector { } }", 2, "write collector { ip = ADDRESS }"},
        {"sflow {\n collector {\n ip = 192.0.2.1\n port = 1 } }", 4, "ip, udpport, dev and"},
        {"sflow {\n collector { ip { } } }", 2, "is no block within collector"},
        {"sflow {\n collector { ip = 192.0.2.1,x } }", 2, "IP address or a host name"},
        {"sflow {\n collector { ip = \"a b\" } }", 2, "IP address or a host name"},
        {"sflow {\n collector { ip = a..b } }", 2, "IP address or a host name"},
        {"sflow {\n collector { ip = \"\" } }", 2, "IP address or a host name"},
        {"sflow {\n collector { ip = 10.1 } }", 2, "is no whole IPv4 address"},
        {"sflow {\n collector { ip = fe80::1 } }", 2, "needs dev = INTERFACE"},
        {"sflow {\n collector { ip = a udpport = 0 } }", 2, "must be from 1 to 65535"},
        {"sflow {\n collector { ip = a udpport = 65536 } }", 2, "must be from 1 to 65535"},
        {"sflow {\n collector { ip = a dev = \"a b\" } }", 2, "name of an interface"},
        {"sflow {\n agent = interface-with-long-name }", 2, "name of an interface"},
        {"sflow {\n agent = 10.1 }", 2, "name of an interface"},
        {"sflow {\n agent.cidr = 10.0.0.0 }", 2, "must be a network such as"},
        {"sflow {\n agent.cidr = 10.0.0.0/33 }", 2, "prefix length from 0 to 32"},
        {"sflow {\n agent.cidr = ::/129 }", 2, "prefix length from 0 to 128"},
        {"sflow {\n agent.cidr = !x/8 }", 2, "must be a network"},
        {"sflow {\n pcap { sampling = many } }", 2, "must be a whole number"},
        {"sflow {\n\x1b[31m\n}", 2, "\\u{1b}[31m"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].words);
    assert_refused("sflow {\n\0}", 10, 2, "no UTF-8");
    assert_refused("sflow {\n#\xff\n}", 12, 2, "no UTF-8");
}

static void
test_bounds_hold(void)
{
    g_autofree char *word = g_strnfill(255, 'w'), *line = g_strnfill(2048, ' ');
    g_autofree char *file = g_strnfill(VSF_HSFLOWD_FILE_MAX, '\n');
    g_autofree char *long_word = g_strdup_printf("sflow {\n uuid = %s }", word);
    g_autofree char *long_line = g_strdup_printf("sflow {\n%s\n}", line);
    g_autofree char *large = g_strconcat(file, "x", NULL);
    g_autoptr(GString) deep = g_string_new("sflow {\n");
    g_autoptr(GString) many = g_string_new("sflow {\n");

    for (guint i = 0; i < 100000; i++)
        g_string_append(deep, "a{");
    for (guint i = 0; i < 65; i++)
        g_string_append_printf(many, "collector{ip=192.0.2.%u}\n", i);
    g_string_append(many, "}");
    assert_refused(long_word, strlen(long_word), 2, "longer than 254 bytes");
    assert_refused(long_line, strlen(long_line), 2, "longer than 2047 bytes");
    assert_refused(large, strlen(large), 1, "larger than 256 KiB");
    assert_refused(deep->str, MIN(deep->len, 2000), 2, "too deep");
    assert_refused(many->str, many->len, 66, "64 are taken at most");
}

static void
test_what_the_file_says_stays_in_comments(void)
{
    g_autofree char *made = import("sflow { " ONE
                                   " uuid = \"a\x1b[31m\xe2\x80\xae[sflow]\" \"x\ty\" = \"\" }");

    g_assert_null(strchr(made, '\x1b'));
    g_assert_null(strstr(made, "\xe2\x80\xae"));
    for (const char *at = made; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        g_assert_cmpuint(strcspn(at, "\n"), <=, 200);
        if (*at == '\0')
            break;
    }
}

static void
test_an_unclosed_block_is_let_pass_with_a_word(void)
{
    g_autofree char *made = import("sflow {\n" ONE "\n kvm {");

    g_assert_nonnull(strstr(made, "the file ends before its last }"));
}

/* ---- the command ---- */

static int
run(const char *file, const char *more, char **out, char **err)
{
    const char *const argv[] = {g_getenv("VIRT_SFLOW"), "import-hsflowd", file, more, NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);

    g_assert_no_error(error);
    g_assert_true(g_subprocess_communicate_utf8(process, NULL, NULL, out, err, NULL));
    g_assert_true(g_subprocess_get_if_exited(process));
    return g_subprocess_get_exit_status(process);
}

static void
test_the_command_prints_and_says_why_not(void)
{
    g_autofree char *path = NULL, *out = NULL, *err = NULL, *out2 = NULL, *err2 = NULL;
    g_autofree char *out3 = NULL, *err3 = NULL, *out4 = NULL, *err4 = NULL;
    g_autofree char *expected = NULL;
    int fd = g_file_open_tmp("hsflowd-XXXXXX.conf", &path, NULL);

    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path, "sflow { " ONE " }", -1, NULL));
    g_assert_cmpint(run(path, NULL, &out, &err), ==, 0);
    g_assert_cmpstr(err, ==, "");
    g_assert_nonnull(strstr(out, "\ncollectors = 192.0.2.10\n"));
    g_assert_true(g_file_set_contents(path, "sflow {\n polling = x }", -1, NULL));
    g_assert_cmpint(run(path, NULL, &out2, &err2), ==, 1);
    expected = g_strdup_printf(
        "virt-sflow import-hsflowd: %s:2: polling: x must be a whole number\n", path);
    g_assert_cmpstr(out2, ==, "");
    g_assert_cmpstr(err2, ==, expected);
    g_assert_cmpint(run("/dev/zero", NULL, &out3, &err3), ==, 1);
    g_assert_nonnull(strstr(err3, "larger than 256 KiB"));
    g_assert_cmpint(run(path, "more", &out4, &err4), ==, 2);
    g_assert_nonnull(strstr(err4, "it takes one file"));
    g_unlink(path);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func) g_test_add_func("/cli/import/" name, func)
    CASE("the-example-of-the-site-goes-round", test_the_example_of_the_site_goes_round);
    CASE("the-old-graphs-are-kept", test_the_old_graphs_are_kept);
    CASE("settings-become-keys", test_settings_become_keys);
    CASE("the-documented-grammar-is-read", test_the_documented_grammar_is_read);
    CASE("dns-sd-is-printed-if-the-daemon-has-it", test_dns_sd_is_printed_if_the_daemon_has_it);
    CASE("the-host-is-named-if-the-daemon-can-leave-it-out",
         test_the_host_is_named_if_the_daemon_can_leave_it_out);
    CASE("errors-name-line-and-remedy", test_errors_name_line_and_remedy);
    CASE("bounds-hold", test_bounds_hold);
    CASE("what-the-file-says-stays-in-comments", test_what_the_file_says_stays_in_comments);
    CASE("an-unclosed-block-is-let-pass-with-a-word",
         test_an_unclosed_block_is_let_pass_with_a_word);
    CASE("the-command-prints-and-says-why-not", test_the_command_prints_and_says_why_not);
    CASE("interfaces-keep-their-own-rates", test_interfaces_keep_their_own_rates);
    CASE("more-interfaces-than-sections-are-taken-as-far-as-they-go",
         test_more_interfaces_than_sections_are_taken_as_far_as_they_go);
    CASE("the-index-is-not-said-to-change", test_the_index_is_not_said_to_change);
    return g_test_run();
}
