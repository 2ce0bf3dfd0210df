/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of the configuration and what to say about keys that are none. */
#include "config-keys.h"

#include "net/agent-address.h"
#include "net/dns-settings.h"

#include <string.h>

/* Each list stands in the order of its enum. */
static const char *const timestamps_words[] = {"on", "off", NULL};
static const char *const vm_name_words[] = {"auto", "nova", "domain", "title", "guest", NULL};
static const char *const vm_index_words[] = {"own", "hsflowd", NULL};
static const char *const virt_memory_words[] = {"guest", "balloon", NULL};
static const char *const net_direction_words[] = {"guest", "host", NULL};
static const char *const dns_sd_words[] = {"off", "on", NULL};
static const char *const direction_words[] = {"once", "both", "in", "out", NULL};
static const char *const backend_words[] = {"auto", "pcap", "ebpf", NULL};
static const char *const agent_words[] = {"auto", "off", NULL};
static const char *const detail_words[] = {"rtmetric", "none", NULL};
static const char *const host_words[] = {"on", "off", NULL};
static const char *const host_interfaces_words[] = {"auto", "off", NULL};
static const char *const ovs_mode_words[] = {"off", "observe", "configure", NULL};

static gboolean
check_source_address(const char *text, GError **error)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(text);

    if (address == NULL)
        g_set_error_literal(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "is no IP address");
    return address != NULL;
}

static gboolean
check_uri(const char *text, GError **error)
{
    const char *colon = strstr(text, "://");

    if (colon != NULL && colon != text && strpbrk(text, " \t\n\r") == NULL)
        return TRUE;
    g_set_error_literal(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "is no libvirt URI");
    return FALSE;
}

/* sun_path has 108 bytes. */
static gboolean
check_agent_socket(const char *text, GError **error)
{
    if (strcmp(text, "auto") == 0 || strcmp(text, "none") == 0 ||
        (text[0] == '/' && strlen(text) < 108))
        return TRUE;
    g_set_error_literal(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID,
                        "is neither auto nor none nor the path of a socket");
    return FALSE;
}

static gboolean
check_ovs_socket(const char *text, GError **error)
{
    if (text[0] == '/' && strlen(text) < 108)
        return TRUE;
    g_set_error_literal(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID,
                        "is no path of a socket");
    return FALSE;
}

#define FIELD(member) .offset = G_STRUCT_OFFSET(VsfConfig, member)

static const VsfConfigKey keys[] = {
    {"sflow", "collectors", VSF_KEY_COLLECTORS, FIELD(collectors), .fallback = "",
     .form = "HOST, HOST:PORT or [IPV6]:PORT, each with %DEV at its end if wanted",
     .help =
         "Where the datagrams go: collectors with blanks or commas between them.\n"
         "The port is 6343 if none is given; %DEV sends through that interface or VRF.\n"
         "Example: collectors = 192.0.2.10 collector.example.net:6344 [2001:db8::10]:6343%mgmt"},
    {"sflow", "polling", VSF_KEY_NUMBER, FIELD(polling_s), .max = 300, .fallback = "20",
     .help = "Seconds between two counter samples of each VM, interface and the host; 0 turns\n"
             "counters off. Above 60 some collectors take the source for dead."},
    {"sflow", "sampling", VSF_KEY_NUMBER, FIELD(sampling), .max = 10000000, .fallback = "512",
     .help = "One in how many packets is sampled; 0 turns packet samples off while counters go\n"
             "on (a physical switch may do the sampling), 1 takes every packet."},
    {"sflow", "sampling.SPEED", VSF_KEY_SPEEDS, FIELD(speeds), .max = VSF_SPEED_SAMPLING_MAX,
     .fallback = "", .form = "a whole number of 0 to 10000000, or nothing",
     .help = "The same for physical ports of one speed, such as sampling.10G = 20000, where\n"
             "[capture] ports wants any. Without one, a port is sampled by its speed: one packet\n"
             "in as many as it moves megabits a second (1 in 10000 at 10G), at least one in 100;\n"
             "one whose speed is unknown takes sampling. Taps always do: their speed is fiction."},
    {"sflow", "header-bytes", VSF_KEY_NUMBER, FIELD(header_bytes), .min = 64, .max = 256,
     .fallback = "128", .help = "Bytes of each sampled packet that are sent."},
    {"sflow", "datagram-bytes", VSF_KEY_NUMBER, FIELD(datagram_bytes), .min = 512, .max = 9000,
     .fallback = "1400",
     .help = "Bytes of a datagram at most (UDP payload). Keep it below the path's MTU less 48."},
    {"sflow", "agent-address", VSF_KEY_TEXT, FIELD(agent_address), .check = vsf_agent_address_check,
     .fallback = "auto", .form = "auto, an IP address, an interface name, or a CIDR",
     .help = "The address that names this host to every collector: auto (the source address of\n"
             "the route to the first collector), an IP address, an interface name, or a CIDR such\n"
             "as 10.0.0.0/8 (the first address of this host in it)."},
    {"sflow", "sub-agent-id", VSF_KEY_NUMBER, FIELD(sub_agent_id), .max = G_MAXUINT32,
     .fallback = "200000",
     .help = "Tells this agent from others with the same agent address (Host sFlow uses 100000\n"
             "to 199999, Open vSwitch counts its bridges from 0)."},
    {"sflow", "vm-name", VSF_KEY_WORD, FIELD(vm_name), .words = vm_name_words, .fallback = "auto",
     .help = "The name under which a VM is exported: auto (OpenStack's display name and the first\n"
             "8 digits of the UUID if there is one, else the domain name), nova, domain, title,\n"
             "or guest (the guest's own host name)."},
    {"sflow", "vm-index", VSF_KEY_WORD, FIELD(vm_index), .words = vm_index_words, .fixed = TRUE,
     .fallback = "own",
     .help =
         "The number of a VM's data source, which comes from its UUID: own (200000 to 16777215,\n"
         "the same on every host, and hardly ever that of two VMs) or hsflowd (100000 to 149999,\n"
         "the one that Host sFlow gives it, for collectors that know the VM by that number)."},
    {"sflow", "virt-memory", VSF_KEY_WORD, FIELD(virt_memory), .words = virt_memory_words,
     .fallback = "guest",
     .help = "virt_memory.memory: guest (memory in use inside the guest, where it can be known)\n"
             "or balloon (the balloon's size, as Host sFlow sends it)."},
    {"sflow", "virt-net-direction", VSF_KEY_WORD, FIELD(virt_net_direction),
     .words = net_direction_words, .fallback = "guest",
     .help = "virt_net_io: guest (bytes_in is what the guest received) or host (bytes_in is what\n"
             "the host's interface received from the guest, as Host sFlow sends it)."},
    {"sflow", "source-address", VSF_KEY_TEXT, FIELD(source_address), .check = check_source_address,
     .optional = TRUE, .fallback = "", .form = "an IP address of this host, or nothing",
     .help = "The source address of the datagrams; empty leaves it to the routing table."},
    {"sflow", "dscp", VSF_KEY_NUMBER, FIELD(dscp), .max = 63, .fallback = "0",
     .help = "Differentiated-services code point of the datagrams."},
    {"sflow", "timestamps", VSF_KEY_WORD, FIELD(timestamps), .words = timestamps_words,
     .fallback = "on",
     .help = "Whether each packet sample says when its packet passed: on or off. Wireshark 4.0\n"
             "decodes packet samples without it; with it, only the first of each datagram."},
    {"sflow", "dns-sd", VSF_KEY_WORD, FIELD(dns_sd), .words = dns_sd_words, .fallback = "off",
     .help = "Whether DNS says where to send and how to sample: on (the SRV and TXT records of\n"
             "_sflow._udp in the domain below go before this file) or off."},
    {"sflow", "dns-sd-domain", VSF_KEY_TEXT, FIELD(dns_sd_domain), .check = vsf_dns_domain_check,
     .optional = TRUE, .fallback = "", .form = "a domain name such as example.net, or nothing",
     .help = "The domain where DNS is asked; empty takes the search domains of resolv.conf."},
    {"sflow", "dns-min-sampling", VSF_KEY_NUMBER, FIELD(dns_min_sampling), .min = 1,
     .max = 10000000, .fallback = "64",
     .help = "DNS cannot ask for more than one packet in so many; 0 (off) it always can."},
    {"sflow", "dns-min-polling", VSF_KEY_NUMBER, FIELD(dns_min_polling_s), .min = 1, .max = 300,
     .fallback = "5",
     .help = "DNS cannot ask for shorter intervals of polling than these seconds."},
    {"libvirt", "uri", VSF_KEY_TEXT, FIELD(uri), .check = check_uri, .fallback = "qemu:///system",
     .fixed = TRUE, .form = "a libvirt URI such as qemu:///system",
     .help = "The libvirt daemon to watch."},
    {"libvirt", "agent-socket", VSF_KEY_TEXT, FIELD(agent_socket), .check = check_agent_socket,
     .fallback = "auto", .fixed = TRUE, .form = "auto, none, or the path of a socket",
     .help =
         "Where virt-sflow-agent is, which asks guest agents for us, since that takes libvirt's\n"
         "read-write connection: the path of its socket, none (nobody is asked), or auto\n"
         "(agent.sock in the runtime directory; where nobody listens there and virt-sflowd is\n"
         "root, it starts the one that lies beside its own program)."},
    {"capture", "interfaces", VSF_KEY_PATTERNS, FIELD(interfaces),
     .fallback = "vnet* tap* macvtap*", .form = "patterns of at most 15 characters with * and ?",
     .help = "Interfaces that may be sampled: patterns with * and ?, blanks or commas between."},
    {"capture", "ports", VSF_KEY_PORTS, FIELD(ports), .fallback = "off",
     .form = "off, uplinks, or patterns of at most 15 characters with * and ?",
     .help =
         "Physical ports whose packets are sampled as well, where no switch does that: off,\n"
         "uplinks (all of them), or patterns of their names. A bond's ports are, not the bond;\n"
         "no bridge, VLAN or tap is one. With [host] enabled = off none is sampled."},
    {"capture", "direction", VSF_KEY_WORD, FIELD(direction), .words = direction_words,
     .fallback = "once",
     .help = "Which packets are candidates: once (each packet once per host, so that traffic\n"
             "between two local VMs is not counted twice), both, in (only what VMs send), or\n"
             "out (only what VMs get). Of a physical port: in is what it receives, out what it\n"
             "sends, once is both."},
    {"capture", "backend", VSF_KEY_WORD, FIELD(backend), .words = backend_words, .fixed = TRUE,
     .fallback = "auto",
     .help =
         "What takes the packets: ebpf (programs in the kernel: the least cost for each packet,\n"
         "counted in segments of the wire), pcap (packet sockets; counted in frames, of which\n"
         "one of segmentation offload is many segments), or auto (ebpf where kernel,\n"
         "privileges and build allow it, else pcap; the log and the status say which)."},
    {"capture", "max-samples-per-second", VSF_KEY_NUMBER, FIELD(max_samples_per_second),
     .max = 1000000, .fallback = "5000",
     .help = "Samples of one interface at most; 0 is no bound. Above it the interface is sampled\n"
             "2, 4, 8 ... times more coarsely, as each sample says, until ten calm seconds."},
    {"capture", "max-host-samples-per-second", VSF_KEY_NUMBER, FIELD(max_host_samples_per_second),
     .max = 1000000, .fallback = "20000",
     .help = "The same of all interfaces together: those with the most traffic are cut first."},
    {"guest", "agent", VSF_KEY_WORD, FIELD(agent), .words = agent_words, .fallback = "auto",
     .help =
         "Whether guest agents are asked, by commands that only read, for what the host cannot\n"
         "see: auto (every VM whose XML has the agent's channel) or off. A VM's own metadata\n"
         "may say no. See who would be asked: virt-sflow agents --plan"},
    {"guest", "canary", VSF_KEY_NUMBER, FIELD(canary), .max = 100, .fallback = "100",
     .help = "Percent of the VMs, by a hash of their UUID, whose agent may be asked."},
    {"guest", "filesystems-interval", VSF_KEY_NUMBER, FIELD(filesystems_interval_s), .min = 10,
     .max = 86400, .fallback = "60",
     .help = "Seconds between two questions for filesystems, memory, load and CPU."},
    {"guest", "os-interval", VSF_KEY_NUMBER, FIELD(os_interval_s), .min = 60, .max = 86400,
     .fallback = "600",
     .help = "Seconds between two questions for the operating system and the host name, which are\n"
             "also asked for whenever the agent connects."},
    {"guest", "timeout", VSF_KEY_NUMBER, FIELD(agent_timeout_s), .min = 1, .max = 30,
     .fallback = "2", .help = "Seconds that one agent command may take."},
    {"guest", "exclude", VSF_KEY_NAMES, FIELD(agent_exclude), .fallback = "",
     .form = "patterns with * and ?, or nothing",
     .help = "VMs whose agent is never asked: patterns of domain names or exported names, blanks\n"
             "or commas between (write ? for a blank in a name)."},
    {"guest", "balloon-period", VSF_KEY_NUMBER, FIELD(balloon_period_s), .max = 3600,
     .fallback = "0",
     .help = "Seconds at which the balloon of a running VM whose XML sets no period is made to\n"
             "collect memory statistics; 0 changes no VM."},
    {"guest", "detail", VSF_KEY_WORD, FIELD(detail), .words = detail_words, .fallback = "rtmetric",
     .help =
         "What has no standard field (filesystems, swap, load, disk latency, vCPU wait, sources\n"
         "and ages) and how the daemon fares: rtmetric (as custom metrics, named by the VM's UUID\n"
         "and virt-sflowd-HOST) or none."},
    {"daemon", "cpu-limit", VSF_KEY_NUMBER, FIELD(cpu_limit), .max = 1000, .zero = "off",
     .fallback = "10",
     .help = "Percent of a core that the daemon itself may use, over 30 seconds; off is no limit.\n"
             "Above it packets are sampled more coarsely, as each sample says; counters go on."},
    {"host", "enabled", VSF_KEY_WORD, FIELD(host), .words = host_words, .fallback = "on",
     .help = "The host's own counter sample (source 2:1): on, or off where another agent on this\n"
             "host, such as Host sFlow, sends one from the same agent address. Off is for its\n"
             "interfaces too."},
    {"host", "interfaces", VSF_KEY_WORD, FIELD(host_interfaces), .words = host_interfaces_words,
     .fallback = "auto",
     .help =
         "Counter samples of the host's own interfaces: auto (physical ones, and bridges with a\n"
         "carrier that have one below them) or off."},
    {"ovs", "mode", VSF_KEY_WORD, FIELD(ovs_mode), .words = ovs_mode_words, .fallback = "observe",
     .help = "What Open vSwitch's database is for, where there is one: observe (each interface's\n"
             "bridge, port and VLAN are read there, and the counters of vhost-user ports;\n"
             "nothing is written), configure (every bridge is made to send samples of its ports to "
             "our\n"
             "collectors, unless it has an sFlow of another agent) or off."},
    {"ovs", "bridges", VSF_KEY_NAMES, FIELD(ovs_bridges), .fallback = "",
     .form = "patterns with * and ?, or nothing",
     .help = "With configure: bridges that are made to, patterns with blanks or commas between;\n"
             "empty is every bridge."},
    {"ovs", "socket", VSF_KEY_TEXT, FIELD(ovs_socket), .check = check_ovs_socket,
     .fallback = "/run/openvswitch/db.sock", .form = "the path of a socket",
     .help = "Where ovsdb-server listens. The daemon's user must be allowed to write there."},
};

#define RULE_FIELD(member) .offset = G_STRUCT_OFFSET(VsfConfigRule, member)
#define RULE_KEYS(name)                                                                  \
    {name, "sampling", VSF_KEY_NUMBER, RULE_FIELD(sampling), .max = 10000000},           \
        {name, "polling", VSF_KEY_NUMBER, RULE_FIELD(polling_s), .max = 300},            \
    {                                                                                    \
        name, "direction", VSF_KEY_WORD, RULE_FIELD(direction), .words = direction_words \
    }

static const VsfConfigKey rule_keys[] = {
    RULE_KEYS("vm PATTERN"),
    {"vm PATTERN", "agent", VSF_KEY_WORD, RULE_FIELD(agent), .words = agent_words},
    RULE_KEYS("interface PATTERN"),
};

/* Nothing was renamed yet: an entry of zeros ends the table. */
static const VsfConfigRename renames[] = {{0}};

const VsfConfigSchema *
vsf_config_schema(void)
{
    static const VsfConfigSchema schema = {keys, G_N_ELEMENTS(keys), renames,
                                           G_N_ELEMENTS(renames) - 1};

    return &schema;
}

const VsfConfigSchema *
vsf_config_rule_schema(void)
{
    static const VsfConfigSchema schema = {rule_keys, G_N_ELEMENTS(rule_keys), renames, 0};

    return &schema;
}

const char *
vsf_config_rule_group(VsfRuleKind kind)
{
    return kind == VSF_RULE_VM ? "vm PATTERN" : "interface PATTERN";
}

gboolean
vsf_config_schema_has_group(const VsfConfigSchema *schema, const char *group)
{
    for (guint i = 0; i < schema->n_keys; i++)
        if (strcmp(schema->keys[i].group, group) == 0)
            return TRUE;
    return FALSE;
}

/* To where the speed begins in "sampling.1G". NULL: it is no such name. */
static const char *
speed_in(const VsfConfigKey *key, const char *written)
{
    gsize length = strcspn(key->name, ".") + 1;

    if (key->type != VSF_KEY_SPEEDS || strncmp(key->name, written, length) != 0)
        return NULL;
    return vsf_speed_parse(written + length) != 0 ? written + length : NULL;
}

int
vsf_config_schema_find(const VsfConfigSchema *schema, const char *group, const char *name)
{
    for (guint i = 0; i < schema->n_keys; i++) {
        const VsfConfigKey *key = &schema->keys[i];

        if (strcmp(key->group, group) == 0 &&
            (key->type == VSF_KEY_SPEEDS ? speed_in(key, name) != NULL
                                         : strcmp(key->name, name) == 0))
            return (int)i;
    }
    return -1;
}

char *
vsf_config_key_name(const VsfConfigKey *key, const char *written)
{
    const char *speed = speed_in(key, written);
    g_autofree char *text = speed != NULL ? vsf_speed_text(vsf_speed_parse(speed)) : NULL;

    if (speed == NULL)
        return g_strdup(key->name);
    return g_strdup_printf("%.*s%s", (int)(strcspn(key->name, ".") + 1), key->name, text);
}

/* Lower case and one kind of dash, so that Polling_ and polling- are alike. */
static char *
plain_form(const char *text)
{
    char *plain = g_ascii_strdown(text, -1);

    g_strdelimit(plain, "_ .", '-');
    return plain;
}

#define NEAR_MISS_MAX 63 /* bytes of a word that is worth comparing */

/* How many letters must be put in, taken out or changed to get from @a to @b. */
static guint
edit_distance(const char *a, const char *b)
{
    guint row[NEAR_MISS_MAX + 1];
    guint length = (guint)strlen(b);

    for (guint j = 0; j <= length; j++)
        row[j] = j;
    for (guint i = 0; a[i] != '\0'; i++) {
        guint diagonal = row[0];

        row[0] = i + 1;
        for (guint j = 0; j < length; j++) {
            guint change = diagonal + (a[i] != b[j]);

            diagonal = row[j + 1];
            row[j + 1] = MIN(change, MIN(row[j], diagonal) + 1);
        }
    }
    return row[length];
}

const char *
vsf_config_near_miss(const char *text, const char *const *candidates)
{
    g_autofree char *plain = plain_form(text);
    const char *best = NULL;
    guint best_distance = G_MAXUINT;

    if (strlen(plain) > NEAR_MISS_MAX)
        return NULL;
    for (; *candidates != NULL; candidates++) {
        guint length = (guint)strlen(*candidates), typed = (guint)strlen(plain);
        guint distance = edit_distance(plain, *candidates);
        gboolean is_part = MIN(typed, length) >= 3 && (g_str_has_prefix(plain, *candidates) ||
                                                       g_str_has_prefix(*candidates, plain));

        /* One slip in three letters; or the beginning of the other. */
        if ((is_part || distance <= MAX(typed, length) / 3) && distance < best_distance) {
            best = *candidates;
            best_distance = distance;
        }
    }
    return best;
}

/* The names of @group's keys, or with @group NULL of all groups; unowned strings. */
static GPtrArray *
names_of(const VsfConfigSchema *schema, const char *group)
{
    GPtrArray *names = g_ptr_array_new();

    for (guint i = 0; i < schema->n_keys; i++) {
        const VsfConfigKey *key = &schema->keys[i];
        const char *name = group != NULL ? key->name : key->group;

        if (group != NULL && strcmp(key->group, group) != 0)
            continue;
        if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
            g_ptr_array_add(names, (gpointer)name);
    }
    g_ptr_array_add(names, NULL);
    return names;
}

char *
vsf_config_advise_key(const VsfConfigSchema *schema, const char *group, const char *name)
{
    g_autoptr(GPtrArray) names = names_of(schema, group);
    g_autofree char *allowed = g_strjoinv(", ", (char **)names->pdata);
    const char *near_miss;

    if (g_str_has_prefix(name, "sampling."))
        return g_strdup_printf("a rate by speed is of physical ports and belongs in [sflow], as in "
                               "sampling.10G%s",
                               strcmp(group, "sflow") == 0 ? "; this names no speed" : "");
    for (guint i = 0; i < schema->n_keys; i++)
        if (strcmp(schema->keys[i].name, name) == 0)
            return g_strdup_printf("it belongs in [%s]", schema->keys[i].group);
    near_miss = vsf_config_near_miss(name, (const char *const *)names->pdata);
    if (near_miss != NULL)
        return g_strdup_printf("did you mean %s? allowed are %s", near_miss, allowed);
    return g_strdup_printf("allowed are %s", allowed);
}

char *
vsf_config_advise_group(const VsfConfigSchema *schema, const char *group)
{
    g_autoptr(GPtrArray) names = names_of(schema, NULL);
    g_autofree char *allowed = g_strjoinv("], [", (char **)names->pdata);
    const char *near_miss = vsf_config_near_miss(group, (const char *const *)names->pdata);
    g_autofree char *question = near_miss != NULL
                                    ? g_strdup_printf("did you mean [%s]? ", near_miss)
                                    : g_strdup("");

    return g_strdup_printf("%sallowed are [%s], [vm PATTERN], [interface PATTERN], and [x-...], "
                           "which is ignored",
                           question, allowed);
}
