/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap-lab.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WATCHDOG_US (60 * G_USEC_PER_SEC)

static void
write_sysctl(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    g_assert_cmpint(write(fd, value, strlen(value)), ==, (gssize)strlen(value));
    close(fd);
}

static void
change(const char *name, unsigned long request, struct ifreq *ifr)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_strlcpy(ifr->ifr_name, name, sizeof(ifr->ifr_name));
    if (ioctl(fd, request, ifr) != 0)
        g_error("%s: ioctl %lx: %s", name, request, g_strerror(errno));
    close(fd);
}

gboolean
tap_lab_enter(void)
{
    if (g_access("/dev/net/tun", R_OK | W_OK) != 0 || unshare(CLONE_NEWNET) != 0)
        return FALSE;
    write_sysctl("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    write_sysctl("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    write_sysctl("/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
    tap_lab_up("lo");
    return TRUE;
}

gboolean
tap_lab_skip_all(void)
{
    if (tap_lab_enter())
        return FALSE;
    printf("1..0 # SKIP needs root (a network namespace and /dev/net/tun)\n");
    return TRUE;
}

static int
make_tun(const char *name, short flags)
{
    struct ifreq ifr = {0};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_strlcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
    ifr.ifr_flags = (short)(flags | IFF_NO_PI);
    if (ioctl(fd, TUNSETIFF, &ifr) != 0)
        g_error("%s: TUNSETIFF: %s", name, g_strerror(errno));
    return fd;
}

int
tap_lab_tap(const char *name)
{
    return make_tun(name, IFF_TAP);
}

int
tap_lab_tap_virtio(const char *name)
{
    return make_tun(name, IFF_TAP | IFF_VNET_HDR);
}

int
tap_lab_tun_l3(const char *name)
{
    return make_tun(name, IFF_TUN);
}

void
tap_lab_tap_queues(const char *name, int fds[], guint n)
{
    for (guint i = 0; i < n; i++)
        fds[i] = make_tun(name, IFF_TAP | IFF_MULTI_QUEUE);
}

int
tap_lab_ifindex(const char *name)
{
    return (int)if_nametoindex(name);
}

static void
set_flag(const char *name, gboolean up)
{
    struct ifreq ifr = {0};

    change(name, SIOCGIFFLAGS, &ifr);
    ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
    change(name, SIOCSIFFLAGS, &ifr);
}

void
tap_lab_up(const char *name)
{
    set_flag(name, TRUE);
}

void
tap_lab_down(const char *name)
{
    set_flag(name, FALSE);
}

void
tap_lab_mtu(const char *name, int mtu)
{
    struct ifreq ifr = {.ifr_mtu = mtu};

    change(name, SIOCSIFMTU, &ifr);
}

void
tap_lab_rename(const char *name, const char *new_name)
{
    struct ifreq ifr = {0};

    g_strlcpy(ifr.ifr_newname, new_name, sizeof(ifr.ifr_newname));
    change(name, SIOCSIFNAME, &ifr);
}

void
tap_lab_bridge(const char *name)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(ioctl(fd, SIOCBRADDBR, name), ==, 0);
    close(fd);
    tap_lab_up(name);
}

void
tap_lab_enslave(const char *bridge, const char *port)
{
    struct ifreq ifr = {.ifr_ifindex = tap_lab_ifindex(port)};

    change(bridge, SIOCBRADDIF, &ifr);
}

void
tap_lab_ip(const char *arguments)
{
    g_autofree char *line = g_strconcat("ip ", arguments, NULL);
    g_autoptr(GError) error = NULL;
    int status = 0;

    if (!g_spawn_command_line_sync(line, NULL, NULL, &status, &error) ||
        !g_spawn_check_wait_status(status, &error))
        g_error("%s: %s", line, error->message);
}

static guint8 *
put_tag(guint8 *at, guint16 protocol, guint16 vlan)
{
    const guint8 tag[4] = {(guint8)(protocol >> 8), (guint8)protocol, (guint8)(vlan >> 8),
                           (guint8)vlan};

    memcpy(at, tag, sizeof(tag));
    return at + sizeof(tag);
}

void
tap_lab_frame(guint8 *frame, gsize length, const guint8 to[6], const guint8 from[6], guint n_tags)
{
    guint8 *at = frame + 12;

    g_assert_cmpuint(length, >=, 14 + 4 * n_tags);
    for (gsize i = 0; i < length; i++)
        frame[i] = (guint8)i;
    memcpy(frame, to, 6);
    memcpy(frame + 6, from, 6);
    if (n_tags == 2)
        at = put_tag(at, 0x88a8, 102);
    if (n_tags >= 1)
        at = put_tag(at, 0x8100, 101);
    at[0] = TAP_LAB_ETH_P >> 8;
    at[1] = TAP_LAB_ETH_P & 0xff;
}

void
tap_lab_send(int tap, const guint8 *frame, gsize length)
{
    gssize sent;

    do
        sent = write(tap, frame, length);
    while (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS));
    g_assert_cmpint(sent, ==, (gssize)length);
}

int
tap_lab_packet_socket(const char *name)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = tap_lab_ifindex(name)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    return fd;
}

void
tap_lab_send_packet(int packet_socket, const guint8 *frame, gsize length)
{
    gssize sent;

    do
        sent = send(packet_socket, frame, length, 0);
    while (sent < 0 && (errno == EINTR || errno == ENOBUFS));
    g_assert_cmpint(sent, ==, (gssize)length);
}

guint
tap_lab_discard(int tap)
{
    static guint8 buffer[65536];
    guint n = 0;

    while (read(tap, buffer, sizeof(buffer)) > 0)
        n++;
    return n;
}

static gboolean
tick(gpointer user_data G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

void
tap_lab_loop_until(TapLabDone done, gpointer user_data)
{
    gint64 until = g_get_monotonic_time() + WATCHDOG_US;
    guint id = g_timeout_add(5, tick, NULL);

    while (!done(user_data)) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(id);
}

static gboolean
has_passed(gpointer user_data)
{
    return g_get_monotonic_time() >= *(gint64 *)user_data;
}

void
tap_lab_loop_for(guint ms)
{
    gint64 end = g_get_monotonic_time() + (gint64)ms * 1000;

    tap_lab_loop_until(has_passed, &end);
}

guint
tap_lab_n_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir) != NULL)
        n++;
    return n - 1; /* the folder itself */
}
