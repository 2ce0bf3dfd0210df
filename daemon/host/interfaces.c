/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "interfaces.h"

#include "proc-file.h"
#include "text.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAC_LENGTH 6
#define LAYERS_MAX 4       /* above an interface: a bond, a VLAN, a bridge, and one more */
#define SPEED_MAX 10000000 /* Mbit/s; more is "unknown" of one width or another */

/* The first line of a file of the interface, without its newline; "" if there is none. */
static void
read_line(const char *folder, const char *file, char *line, gsize size)
{
    g_autofree char *path = g_strconcat(folder, "/", file, NULL);
    gssize used = vsf_proc_read(path, line, size - 1);

    line[MAX(used, 0)] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

static guint64
read_number(const char *folder, const char *file)
{
    char line[32];

    read_line(folder, file, line, sizeof(line));
    return vsf_text_number((VsfText){line, strlen(line)});
}

static gboolean
exists(const char *folder, const char *file)
{
    g_autofree char *path = g_strconcat(folder, "/", file, NULL);

    return access(path, F_OK) == 0;
}

gboolean
vsf_interface_is_representor(const char *folder)
{
    char name[32];
    const char *at = name;

    read_line(folder, "phys_port_name", name, sizeof(name));
    if (*at == 'c' && g_ascii_isdigit(at[1]))
        at += 1 + strspn(at + 1, "0123456789");
    return g_str_has_prefix(at, "pf") && g_ascii_isdigit(at[2]);
}

static gboolean
is_physical(const char *folder)
{
    guint64 type;

    if (!exists(folder, "device") || exists(folder, "device/physfn") ||
        exists(folder, "master/device") || vsf_interface_is_representor(folder))
        return FALSE;
    type = read_number(folder, "type");
    return type == ARPHRD_ETHER || type == ARPHRD_INFINIBAND;
}

/* Of thousands of taps this one question is asked: where they lie. What has a device lies below it.
 */
static gboolean
is_virtual(const char *folder)
{
    char target[256];
    gssize length = readlink(folder, target, sizeof(target) - 1);

    if (length < 0)
        return FALSE;
    target[length] = '\0';
    return strstr(target, "/devices/virtual/") != NULL;
}

/* Adds the bridges with a carrier above @name to @bridges, a set of names. The kernel keeps no
 * circles; the bound is against what changes meanwhile. */
static void
find_bridges_above(const char *all, const char *name, guint layers, GHashTable *bridges)
{
    g_autofree char *path = g_build_filename(all, name, NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *entry;

    while (folder != NULL && (entry = g_dir_read_name(folder)) != NULL) {
        const char *upper = entry + strlen("upper_");
        g_autofree char *above = NULL;

        if (!g_str_has_prefix(entry, "upper_"))
            continue;
        above = g_build_filename(all, upper, NULL);
        if (exists(above, "bridge") && read_number(above, "carrier") == 1)
            g_hash_table_add(bridges, g_strdup(upper));
        if (layers > 1)
            find_bridges_above(all, upper, layers - 1, bridges);
    }
}

/* Six pairs of hex digits; FALSE (and untouched) if it is anything else, or zero. */
static gboolean
parse_mac(const char *text, guint8 mac[MAC_LENGTH])
{
    guint8 bytes[MAC_LENGTH];
    guint8 any = 0;

    if (strlen(text) != MAC_LENGTH * 3 - 1)
        return FALSE;
    for (int i = 0; i < MAC_LENGTH; i++) {
        int high = g_ascii_xdigit_value(text[i * 3]), low = g_ascii_xdigit_value(text[i * 3 + 1]);

        if (high < 0 || low < 0 || (i + 1 < MAC_LENGTH && text[i * 3 + 2] != ':'))
            return FALSE;
        bytes[i] = (guint8)(high << 4 | low);
        any |= bytes[i];
    }
    if (any == 0)
        return FALSE;
    memcpy(mac, bytes, MAC_LENGTH);
    return TRUE;
}

static gboolean
ask_driver(const char *name, guint8 mac[MAC_LENGTH])
{
    static const guint8 zero[MAC_LENGTH];
    union {
        struct ethtool_perm_addr address;
        guint8 room[sizeof(struct ethtool_perm_addr) + 32];
    } question = {.address = {.cmd = ETHTOOL_GPERMADDR, .size = 32}};
    struct ifreq request = {.ifr_data = (void *)&question};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    gboolean known;

    if (fd < 0)
        return FALSE;
    g_strlcpy(request.ifr_name, name, sizeof(request.ifr_name));
    known = ioctl(fd, SIOCETHTOOL, &request) == 0 && question.address.size == MAC_LENGTH &&
            memcmp(question.address.data, zero, MAC_LENGTH) != 0;
    close(fd);
    if (known)
        memcpy(mac, question.address.data, MAC_LENGTH);
    return known;
}

/* A port of a bond has the bond's MAC; its own is kept by the bond. */
static gboolean
find_mac(const char *root, const char *folder, const char *name, guint8 mac[MAC_LENGTH])
{
    char line[64];

    if (*root == '\0' && ask_driver(name, mac))
        return TRUE;
    read_line(folder, "bonding_slave/perm_hwaddr", line, sizeof(line));
    if (parse_mac(line, mac))
        return TRUE;
    read_line(folder, "address", line, sizeof(line));
    return parse_mac(line, mac);
}

/* What a ring had no room for is dropped too, as /proc/net/dev adds it up. */
static guint64
dropped(const char *folder)
{
    guint64 dropped = read_number(folder, "statistics/rx_dropped");
    guint64 missed = read_number(folder, "statistics/rx_missed_errors");
    guint64 sum = 0;

    return dropped != VSF_UNKNOWN && missed != VSF_UNKNOWN &&
                   g_uint64_checked_add(&sum, dropped, missed)
               ? sum
               : VSF_UNKNOWN;
}

static VsfNetCounters
read_counters(const char *folder)
{
    return (VsfNetCounters){
        .bytes_in = read_number(folder, "statistics/rx_bytes"),
        .packets_in = read_number(folder, "statistics/rx_packets"),
        .errors_in = read_number(folder, "statistics/rx_errors"),
        .drops_in = dropped(folder),
        .bytes_out = read_number(folder, "statistics/tx_bytes"),
        .packets_out = read_number(folder, "statistics/tx_packets"),
        .errors_out = read_number(folder, "statistics/tx_errors"),
        .drops_out = read_number(folder, "statistics/tx_dropped"),
        .multicast_in = read_number(folder, "statistics/multicast"),
    };
}

static int
by_index(gconstpointer a, gconstpointer b)
{
    return ((const VsfHostInterface *)a)->ifindex - ((const VsfHostInterface *)b)->ifindex;
}

/* "0x1003" */
static guint32
read_flags(const char *folder)
{
    char line[32];
    guint64 flags = 0;

    read_line(folder, "flags", line, sizeof(line));
    return g_str_has_prefix(line, "0x") &&
                   g_ascii_string_to_unsigned(line + 2, 16, 0, G_MAXUINT32, &flags, NULL)
               ? (guint32)flags
               : 0;
}

static VsfDuplex
read_duplex(const char *folder)
{
    char line[32];

    read_line(folder, "duplex", line, sizeof(line));
    if (strcmp(line, "full") == 0)
        return VSF_DUPLEX_FULL;
    return strcmp(line, "half") == 0 ? VSF_DUPLEX_HALF : VSF_DUPLEX_UNKNOWN;
}

/* Bits a second; 0: unknown, which is -1 in one form or another, or an error. */
static guint64
read_speed(const char *folder)
{
    guint64 mbit = read_number(folder, "speed");

    return mbit <= SPEED_MAX ? mbit * 1000000 : 0;
}

static void
read_one(const char *root, const char *folder, const char *name, gboolean is_bridge,
         GArray *interfaces)
{
    VsfHostInterface interface = {.is_bridge = is_bridge};
    guint64 ifindex = read_number(folder, "ifindex");

    if (ifindex > G_MAXINT || strlen(name) >= sizeof(interface.name))
        return;
    interface.ifindex = (int)ifindex;
    g_strlcpy(interface.name, name, sizeof(interface.name));
    interface.has_mac = find_mac(root, folder, name, interface.mac);
    interface.flags = read_flags(folder);
    interface.carrier = read_number(folder, "carrier") == 1;
    interface.speed_bps = read_speed(folder);
    interface.duplex = read_duplex(folder);
    interface.net = read_counters(folder);
    interface.mac_counters = vsf_mac_counters_unknown();
    g_array_append_val(interfaces, interface);
}

static void
add_up(VsfHostCounters *counters)
{
    guint n = 0;
    guint64 set = 0;
    VsfNetCounters sum = vsf_net_counters_zero();

    for (guint i = 0; i < counters->interfaces->len; i++) {
        const VsfHostInterface *one = &g_array_index(counters->interfaces, VsfHostInterface, i);

        if (one->is_bridge)
            continue;
        vsf_net_counters_add(&sum, &one->net);
        set = vsf_host_set_with(set, (guint)one->ifindex);
        n++;
    }
    if (n == 0)
        return;
    counters->net = sum;
    counters->net_set = set;
}

void
vsf_interfaces_read(const char *root, VsfHostCounters *counters)
{
    g_autofree char *all = g_strconcat(root, "/sys/class/net", NULL);
    g_autoptr(GDir) folder = g_dir_open(all, 0, NULL);
    g_autoptr(GHashTable) bridges = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    const char *name;
    gpointer bridge;

    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(all, name, NULL);

        if (is_virtual(path) || !is_physical(path))
            continue;
        read_one(root, path, name, FALSE, counters->interfaces);
        find_bridges_above(all, name, LAYERS_MAX, bridges);
    }
    g_hash_table_iter_init(&iter, bridges);
    while (g_hash_table_iter_next(&iter, &bridge, NULL)) {
        g_autofree char *path = g_build_filename(all, bridge, NULL);

        read_one(root, path, bridge, TRUE, counters->interfaces);
    }
    g_array_sort(counters->interfaces, by_index);
    add_up(counters);
}

GArray *
vsf_interfaces_ports(const char *root)
{
    GArray *ports = g_array_new(FALSE, FALSE, sizeof(VsfPort));
    g_autofree char *all = g_strconcat(root, "/sys/class/net", NULL);
    g_autoptr(GDir) folder = g_dir_open(all, 0, NULL);
    const char *name;

    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(all, name, NULL);
        guint64 ifindex;
        VsfPort port;

        if (is_virtual(path) || !is_physical(path))
            continue;
        ifindex = read_number(path, "ifindex");
        if (ifindex > G_MAXINT)
            continue;
        port = (VsfPort){(int)ifindex, read_speed(path)};
        g_array_append_val(ports, port);
    }
    return ports;
}
