/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "adapters.h"

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

/* "pf0vf3", "c1pf0sf88", "pf0": the other end of a function, not a port ("p0"). */
static gboolean
is_representor(const char *folder)
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
    guint64 type = read_number(folder, "type");

    return (type == ARPHRD_ETHER || type == ARPHRD_INFINIBAND) && exists(folder, "device") &&
           !exists(folder, "device/physfn") && !exists(folder, "master/device") &&
           !is_representor(folder);
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
    return ((const VsfHostAdapter *)a)->ifindex - ((const VsfHostAdapter *)b)->ifindex;
}

static void
read_one(const char *root, const char *folder, const char *name, GArray *adapters)
{
    VsfHostAdapter adapter = {0};
    guint64 ifindex = read_number(folder, "ifindex");

    if (ifindex > G_MAXINT || strlen(name) >= sizeof(adapter.name))
        return;
    adapter.ifindex = (int)ifindex;
    g_strlcpy(adapter.name, name, sizeof(adapter.name));
    adapter.has_mac = find_mac(root, folder, name, adapter.mac);
    adapter.net = read_counters(folder);
    g_array_append_val(adapters, adapter);
}

void
vsf_adapters_read(const char *root, VsfHostCounters *counters)
{
    g_autofree char *all = g_strconcat(root, "/sys/class/net", NULL);
    g_autoptr(GDir) folder = g_dir_open(all, 0, NULL);
    const char *name;

    if (folder == NULL)
        return;
    while ((name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(all, name, NULL);

        if (is_physical(path))
            read_one(root, path, name, counters->adapters);
    }
    if (counters->adapters->len == 0)
        return;
    g_array_sort(counters->adapters, by_index);
    counters->net = vsf_net_counters_zero();
    for (guint i = 0; i < counters->adapters->len; i++)
        vsf_net_counters_add(&counters->net,
                             &g_array_index(counters->adapters, VsfHostAdapter, i).net);
}
