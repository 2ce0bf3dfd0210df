/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Broken configurations: each is refused with file, line, key, what is wrong
 * and what is allowed. */
#include "../../daemon/config.h"

#include <string.h>

typedef struct {
    const char *text;
    guint line;
    const char *key;    /* "[group] key", or another part that names the place */
    const char *advice; /* words that must be in the message */
} Broken;

static const Broken broken[] = {
    /* groups */
    {"[sfow]\n", 1, "[sfow]", "did you mean [sflow]?"},
    {"\n[SFLOW]\n", 2, "[SFLOW]", "did you mean [sflow]?"},
    {"[agent]\n", 1, "[agent]",
     "allowed are [sflow], [libvirt], [capture], [guest], [daemon], [host], [ovs], "
     "[vm PATTERN], [interface PATTERN], and [x-...]"},
    {"[sflow]\n[x]\na=b\n", 2, "[x]", "unknown group"},
    {"[sflow\npolling=20\n", 1, "[sflow", "is no setting"},
    {"[]\n", 1, "f.conf:1", "proper name"},
    {"polling = 20\n", 1, "polling", "put it below [sflow]"},
    /* keys */
    {"[sflow]\npoling = 20\n", 2, "[sflow] poling", "did you mean polling?"},
    {"[sflow]\npolling-interval = 20\n", 2, "[sflow] polling-interval", "did you mean polling?"},
    {"[sflow]\nCollector = 10.0.0.1\n", 2, "[sflow] Collector", "did you mean collectors?"},
    {"[sflow]\nheader_bytes = 128\n", 2, "[sflow] header_bytes", "did you mean header-bytes?"},
    {"[sflow]\nbanana = 1\n", 2, "[sflow] banana", "allowed are collectors, polling, sampling"},
    {"[sflow]\nuri = qemu:///system\n", 2, "[sflow] uri", "it belongs in [libvirt]"},
    {"[libvirt]\ninterfaces = vnet*\n", 2, "[libvirt] interfaces", "it belongs in [capture]"},
    {"[sflow]\npolling[de] = 20\n", 2, "[sflow] polling[de]", "without the bracket"},
    {"[sflow]\npolling = 20\n\npolling = 30\n", 4, "[sflow] polling", "line 2 has it too"},
    {"[sflow]\npolling=1\n[capture]\n[sflow]\npolling=1\n", 5, "[sflow] polling", "given twice"},
    {"[sflow]\npolling\n", 2, "\"polling\"", "key = value"},
    {"[sflow]\npolling: 20\n", 2, "\"polling: 20\"", "key = value"},
    {"[sflow]\n= 20\n", 2, "f.conf:2", "key = value"},
    {"[sflow]\n;polling = 20\n", 2, "[sflow] ;polling", "comments begin with #"},
    {"[sflow]\npolling = 2\\0\n", 2, "[sflow] polling", "backslash"},
    /* numbers */
    {"[sflow]\npolling = 301\n", 2, "[sflow] polling", "0 to 300"},
    {"[sflow]\npolling = -1\n", 2, "[sflow] polling", "0 to 300"},
    {"[sflow]\npolling = 20s\n", 2, "[sflow] polling", "no whole number"},
    {"[sflow]\npolling = 20 # seconds\n", 2, "[sflow] polling", "a line of its own"},
    {"[sflow]\npolling = 1e1\n", 2, "[sflow] polling", "no whole number"},
    {"[sflow]\npolling = 0x10\n", 2, "[sflow] polling", "no whole number"},
    {"[sflow]\npolling = +5\n", 2, "[sflow] polling", "no whole number"},
    {"[sflow]\npolling = \n", 2, "[sflow] polling", "0 to 300"},
    {"[sflow]\npolling = \"20\"\n", 2, "[sflow] polling", "without quotes"},
    {"[sflow]\nsampling = 10000001\n", 2, "[sflow] sampling", "0 to 10000000"},
    {"[sflow]\nsampling = 1:512\n", 2, "[sflow] sampling", "no whole number"},
    {"[sflow]\nheader-bytes = 63\n", 2, "[sflow] header-bytes", "64 to 256"},
    {"[sflow]\nheader-bytes = 257\n", 2, "[sflow] header-bytes", "64 to 256"},
    {"[sflow]\ndatagram-bytes = 511\n", 2, "[sflow] datagram-bytes", "512 to 9000"},
    {"[sflow]\ndatagram-bytes = 9001\n", 2, "[sflow] datagram-bytes", "512 to 9000"},
    {"[sflow]\nsub-agent-id = 4294967296\n", 2, "[sflow] sub-agent-id", "0 to 4294967295"},
    {"[sflow]\nsub-agent-id = 99999999999999999999999\n", 2, "[sflow] sub-agent-id", "range"},
    {"[sflow]\ntimestamps = yes\n", 2, "[sflow] timestamps", "on or off"},
    {"[sflow]\ndscp = 64\n", 2, "[sflow] dscp", "0 to 63"},
    {"[sflow]\ndscp = EF\n", 2, "[sflow] dscp", "0 to 63"},
    {"[sflow]\ndscp = off\n", 2, "[sflow] dscp", "0 to 63"},
    {"[sflow]\ndns-sd = maybe\n", 2, "[sflow] dns-sd", "off or on"},
    {"[sflow]\ndns-sd-domain = a..b\n", 2, "[sflow] dns-sd-domain", "is no domain name"},
    {"[sflow]\ndns-min-sampling = 0\n", 2, "[sflow] dns-min-sampling", "1 to 10000000"},
    {"[sflow]\ndns-min-polling = 301\n", 2, "[sflow] dns-min-polling", "1 to 300"},
    {"[sflow]\ndnssd = on\n", 2, "dnssd", "did you mean dns-sd?"},
    {"[daemon]\ncpu-limit = 1001\n", 2, "[daemon] cpu-limit", "0 to 1000 or off"},
    {"[daemon]\ncpu-limit = 10%\n", 2, "[daemon] cpu-limit", "no whole number"},
    {"[daemon]\ncpu-limit = none\n", 2, "[daemon] cpu-limit", "0 to 1000 or off"},
    {"[daemon]\ncpu-limit =\n", 2, "[daemon] cpu-limit", "0 to 1000 or off"},
    {"[sflow]\nsampling.10G = 1000\n", 2, "[sflow] sampling.10G", "taps take sampling"},
    {"[host]\nenabled = no\n", 2, "[host] enabled", "on or off"},
    {"[host]\ninterfaces = eth0\n", 2, "[host] interfaces", "auto or off"},
    {"[host]\nenable = off\n", 2, "[host] enable", "did you mean enabled?"},
    /* sections about some */
    {"[vm]\nsampling = 1\n", 1, "[vm]", "names no vm; write [vm web*], or [vm *] for all"},
    {"[vm ]\n", 1, "[vm ]", "names no vm"},
    {"[interface]\n", 1, "[interface]", "write [interface vnet*]"},
    {"[VM web*]\n", 1, "[VM web*]", "[vm PATTERN]"},
    {"[vms web*]\n", 1, "[vms web*]", "[vm PATTERN]"},
    {"\n[vm \"web*\"]\n", 2, "[vm \\\"web*\\\"]", "without them: [vm web*]"},
    {"[vm a/b]\n", 1, "[vm a/b]", "no pattern of a domain's name"},
    {"[interface an-interface-of-it]\n", 1, "[interface an-interface-of-it]", "15 characters"},
    {"[interface vnet* tap*]\n", 1, "[interface vnet* tap*]", "one pattern in each section"},
    {"[vm web[0-9]]\n", 1, "[vm web[0-9]]", "key = value"},
    {"[vm a]\nspeed = 1\n", 2, "[vm a] speed", "allowed are sampling, polling, direction, agent"},
    {"[vm a]\nsamplin = 1\n", 2, "[vm a] samplin", "did you mean sampling?"},
    {"[interface a]\nagent = off\n", 2, "[interface a] agent", "it belongs in [vm PATTERN]"},
    {"[vm a]\nheader-bytes = 64\n", 2, "[vm a] header-bytes",
     "it belongs in [sflow] and is for all; here allowed are sampling"},
    {"[vm a]\nsampling.1G = 5\n", 2, "[vm a] sampling.1G", "taps take sampling"},
    {"[vm a]\n;sampling = 5\n", 2, "[vm a] ;sampling", "comments begin with #"},
    {"[vm a]\nsampling = 10000001\n", 2, "[vm a] sampling", "0 to 10000000"},
    {"[vm a]\nsampling = off\n", 2, "[vm a] sampling", "no whole number"},
    {"[vm a]\npolling = 301\n", 2, "[vm a] polling", "0 to 300"},
    {"[vm a]\ndirection = ingress\n", 2, "[vm a] direction", "once, both, in or out"},
    {"[vm a]\nagent = on\n", 2, "[vm a] agent", "auto or off"},
    {"[interface a]\ndirection = 1\n", 2, "[interface a] direction", "once, both, in or out"},
    {"[vm a]\npolling = 1\n[vm b]\n[vm  a]\npolling = 1\n", 5, "[vm  a] polling",
     "line 2 has it too"},
    {"[vm a]\npolling[de] = 1\n", 2, "[vm a] polling[de]", "without the bracket"},
    /* words */
    {"[sflow]\nvm-name = Nova\n", 2, "[sflow] vm-name", "did you mean nova?"},
    {"[sflow]\nvm-name = uuid\n", 2, "[sflow] vm-name", "auto, nova, domain, title or guest"},
    {"[sflow]\nvirt-memory = rss\n", 2, "[sflow] virt-memory", "guest or balloon"},
    {"[sflow]\nvirt-net-direction = in\n", 2, "[sflow] virt-net-direction", "guest or host"},
    {"[capture]\ndirection = ingress\n", 2, "[capture] direction", "once, both, in or out"},
    {"[capture]\ndirection =\n", 2, "[capture] direction", "once, both, in or out"},
    {"[capture]\nmax-samples-per-second = 1000001\n", 2, "[capture] max-samples-per-second",
     "0 to 1000000"},
    {"[guest]\nagent = on\n", 2, "[guest] agent", "auto or off"},
    {"[guest]\ncanary = 101\n", 2, "[guest] canary", "0 to 100"},
    {"[guest]\nfilesystems-interval = 9\n", 2, "[guest] filesystems-interval", "10 to 86400"},
    {"[guest]\nos-interval = 0\n", 2, "[guest] os-interval", "60 to 86400"},
    {"[guest]\ntimeout = 0\n", 2, "[guest] timeout", "1 to 30"},
    {"[guest]\nexclude = \"web01\"\n", 2, "[guest] exclude", "without quotes"},
    {"[guest]\nexclude = a/b\n", 2, "[guest] exclude", "no pattern of a VM's name"},
    {"[guest]\nballoon-period = 3601\n", 2, "[guest] balloon-period", "0 to 3600"},
    {"[guest]\ndetail = all\n", 2, "[guest] detail", "rtmetric or none"},
    /* addresses */
    {"[sflow]\nagent-address = 10.0.0.300\n", 2, "[sflow] agent-address", "no IP address"},
    {"[sflow]\nagent-address = 10.0.0.1/8\n", 2, "[sflow] agent-address", "must be zero"},
    {"[sflow]\nagent-address = 10.0.0.0/33\n", 2, "[sflow] agent-address", "no CIDR"},
    {"[sflow]\nagent-address = an-interface-of-this-host\n", 2, "[sflow] agent-address", "longer"},
    {"[sflow]\nagent-address =\n", 2, "[sflow] agent-address", "auto, an IP address"},
    {"[sflow]\nagent-address = eth0 eth1\n", 2, "[sflow] agent-address", "no interface name"},
    {"[sflow]\nsource-address = eth0\n", 2, "[sflow] source-address", "an IP address"},
    {"[libvirt]\nuri = system\n", 2, "[libvirt] uri", "qemu:///system"},
    {"[libvirt]\nuri =\n", 2, "[libvirt] uri", "is empty"},
    /* lists */
    {"[sflow]\ncollectors = 10.0.0.1:0\n", 2, "[sflow] collectors", "1 to 65535"},
    {"[sflow]\ncollectors = a, 10.0.0.1:65536\n", 2, "10.0.0.1:65536", "1 to 65535"},
    {"[sflow]\ncollectors = 10.0.0.256\n", 2, "[sflow] collectors", "no IPv4 address"},
    {"[sflow]\ncollectors = \"10.0.0.1\"\n", 2, "[sflow] collectors", "without quotes"},
    {"[sflow]\ncollectors = 10.0.0.1/6343\n", 2, "[sflow] collectors", "follows a colon"},
    {"[sflow]\ncollectors = udp://a\n", 2, "[sflow] collectors", "HOST:PORT"},
    {"[sflow]\ncollectors = 2001:db8::1:x\n", 2, "[sflow] collectors", "[V6]:PORT"},
    {"[sflow]\ncollectors = [2001:db8::1\n", 2, "[sflow] collectors", "bracket"},
    {"[sflow]\ncollectors = a%eth0:6343\n", 2, "[sflow] collectors", "at the end"},
    {"[sflow]\ncollectors = a%an-interface-of-it\n", 2, "[sflow] collectors", "interface name"},
    {"[sflow]\ncollectors = a b a:6343\n", 2, "\"a:6343\"", "listed twice"},
    {"[capture]\ninterfaces = , ,\n", 2, "[capture] interfaces", "sampling = 0"},
    {"[capture]\ninterfaces = vnet* interfaces-of-vms*\n", 2, "interfaces-of-vms*", "longer"},
    {"[capture]\ninterfaces = vnet[0-9]\n", 2, "[capture] interfaces", "* and ?"},
    /* bytes */
    {"[sflow]\n# caf\xe9\n", 2, "f.conf:2", "UTF-8"},
    {"[sflow]\n\x1b[2J=1\n", 2, "\\x1b[2J", "key"},
};

static void
test_broken_files_say_where_what_and_what_is_allowed(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(broken); i++) {
        const Broken *it = &broken[i];
        g_autoptr(GError) error = NULL;
        g_autofree char *place = g_strdup_printf("f.conf:%u: ", it->line);
        VsfConfig *config = vsf_config_parse("f.conf", it->text, strlen(it->text), &error);

        g_assert_null(config);
        g_assert_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID);
        g_test_message("%s", error->message);
        if (!g_str_has_prefix(error->message, place) || strstr(error->message, it->key) == NULL ||
            strstr(error->message, it->advice) == NULL)
            g_error("\"%s\": want %s ... %s ... %s, have %s", it->text, place, it->key, it->advice,
                    error->message);
        for (const char *at = error->message; *at != '\0'; at++)
            g_assert_false(g_ascii_iscntrl(*at));
    }
}

static void
test_nul_byte_is_refused_with_its_line(void)
{
    static const char text[] = "[sflow]\npolling=2\0000\n";
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_config_parse("f.conf", text, sizeof(text) - 1, &error));
    g_assert_true(g_str_has_prefix(error->message, "f.conf:2: "));
    g_assert_nonnull(strstr(error->message, "NUL"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/broken-files-say-where-what-and-what-is-allowed",
                    test_broken_files_say_where_what_and_what_is_allowed);
    g_test_add_func("/config/nul-byte-is-refused-with-its-line",
                    test_nul_byte_is_refused_with_its_line);
    return g_test_run();
}
