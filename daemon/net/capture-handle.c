/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-handle.h"

#include "capture.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RING_MAX (128 * 1024)
#define SLOT_OVERHEAD 96 /* bytes of a ring slot beside the frame, rounded up */
#define SETTLE_US 1000   /* for a frame that another CPU passes by the old filter meanwhile */
#define DROPS_AGE_US 50000

struct VsfCaptureHandle {
    pcap_t *pcap;
    VsfCaptureHandleConfig config;
    u_int last_drops; /* libpcap's running total, 32 bits */
    guint64 drops;
    gint64 drops_read_us;
};

G_DEFINE_QUARK(vsf - capture - error - quark, vsf_capture_error)

static guint32
ring_size(guint32 ring_bytes)
{
    guint32 least = VSF_CAPTURE_RING_PAGES * (guint32)getpagesize();

    return CLAMP(ring_bytes == 0 ? RING_MAX : ring_bytes, least, MAX(RING_MAX, least));
}

/* libpcap makes whole slots of the size it is asked for and puts as many into a
 * page as fit, so that it maps more than it was asked for; this much less
 * (an eighth; slots are below 512 bytes) never ends above @ring_bytes. */
static guint32
buffer_size(guint32 ring_bytes)
{
    return ring_size(ring_bytes) / 8 * 7 - 512;
}

guint
vsf_capture_handle_ring_frames(guint32 header_bytes, guint32 ring_bytes)
{
    guint32 slot = (guint32)VSF_CAPTURE_SNAPLEN(header_bytes) + SLOT_OVERHEAD;

    return buffer_size(ring_bytes) / 10 * 9 / slot;
}

static gboolean
is_still_there(const VsfCaptureHandleConfig *config)
{
    return (int)if_nametoindex(config->name) == config->ifindex;
}

static VsfCaptureError
error_code(int status, const VsfCaptureHandleConfig *config)
{
    switch (status) {
    case PCAP_ERROR_IFACE_NOT_UP:
        return VSF_CAPTURE_ERROR_DOWN;
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return VSF_CAPTURE_ERROR_PERMISSION;
    case PCAP_ERROR_NO_SUCH_DEVICE:
        return VSF_CAPTURE_ERROR_GONE;
    default:
        return is_still_there(config) ? VSF_CAPTURE_ERROR_FAILED : VSF_CAPTURE_ERROR_GONE;
    }
}

static gboolean
activate(VsfCaptureHandle *handle, GError **error)
{
    pcap_t *pcap = handle->pcap;
    int status;

    /* Immediate mode is the ring of version 2: one slot a frame, no waiting
     * for a block to fill, and slots as small as the snapshot. */
    pcap_set_immediate_mode(pcap, 1);
    pcap_set_promisc(pcap, 0);
    pcap_set_snaplen(pcap, VSF_CAPTURE_SNAPLEN(handle->config.filter.header_bytes));
    pcap_set_buffer_size(pcap, (int)buffer_size(handle->config.ring_bytes));
    /* Microseconds, as it is by default: for nanoseconds libpcap sets SO_TIMESTAMPNS, upon
     * which the kernel stamps every frame of the host, twice where it is forwarded. */
    status = pcap_activate(pcap);
    if (status >= 0)
        return TRUE;
    g_set_error(error, VSF_CAPTURE_ERROR, (gint)error_code(status, &handle->config), "%s%s%s",
                pcap_statustostr(status), pcap_geterr(pcap)[0] != '\0' ? ": " : "",
                pcap_geterr(pcap));
    return FALSE;
}

/* The ifindex to which the socket is bound: 0 if it is another kind of socket
 * (libpcap takes some names for devices of its own), negative if the interface
 * is gone. */
static int
bound_ifindex(const VsfCaptureHandle *handle)
{
    struct sockaddr_ll address = {0};
    socklen_t size = sizeof(address);

    if (getsockname(pcap_fileno(handle->pcap), (struct sockaddr *)&address, &size) < 0 ||
        address.sll_family != AF_PACKET)
        return 0;
    return address.sll_ifindex;
}

static gboolean
check_interface(const VsfCaptureHandle *handle, GError **error)
{
    if (bound_ifindex(handle) != handle->config.ifindex) {
        g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_GONE,
                    "the name is another interface's now");
        return FALSE;
    }
    if (pcap_datalink(handle->pcap) != DLT_EN10MB) {
        g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_NOT_ETHERNET,
                    "its frames are not Ethernet");
        return FALSE;
    }
    return TRUE;
}

static gboolean
set_filter(const VsfCaptureHandle *handle, struct sock_filter *program, guint n, GError **error)
{
    struct sock_fprog filter = {.len = (unsigned short)n, .filter = program};

    if (setsockopt(pcap_fileno(handle->pcap), SOL_SOCKET, SO_ATTACH_FILTER, &filter,
                   sizeof(filter)) == 0)
        return TRUE;
    g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_FAILED,
                "the kernel refused the sampler's filter: %s", g_strerror(errno));
    return FALSE;
}

static void
ignore_frame(u_char *user G_GNUC_UNUSED, const struct pcap_pkthdr *header G_GNUC_UNUSED,
             const u_char *bytes G_GNUC_UNUSED)
{
}

/* Not pcap_setfilter(): libpcap runs that filter again in user space on what
 * is in the ring, where the random load rejects everything. Between the bind
 * and here every frame was let in; so first nothing is, then the ring is
 * emptied, and only then the sampler's filter goes in. */
static gboolean
start_sampling(VsfCaptureHandle *handle, GError **error)
{
    struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_filter program[VSF_CAPTURE_FILTER_MAX];
    guint n = vsf_capture_filter_build(&handle->config.filter, program);
    struct pcap_stat before = {0};

    if (!set_filter(handle, &nothing, 1, error))
        return FALSE;
    g_usleep(SETTLE_US);
    if (pcap_dispatch(handle->pcap, -1, ignore_frame, NULL) < 0) {
        g_set_error(error, VSF_CAPTURE_ERROR, (gint)error_code(PCAP_ERROR, &handle->config), "%s",
                    pcap_geterr(handle->pcap));
        return FALSE;
    }
    if (pcap_stats(handle->pcap, &before) == 0)
        handle->last_drops = before.ps_drop;
    return set_filter(handle, program, n, error);
}

gboolean
vsf_capture_handle_set_rate(VsfCaptureHandle *handle, guint32 rate, GError **error)
{
    struct sock_filter program[VSF_CAPTURE_FILTER_MAX];
    VsfCaptureFilter filter = handle->config.filter;

    filter.rate = rate;
    if (!set_filter(handle, program, vsf_capture_filter_build(&filter, program), error))
        return FALSE;
    handle->config.filter = filter;
    return TRUE;
}

VsfCaptureHandle *
vsf_capture_handle_open(const VsfCaptureHandleConfig *config, GError **error)
{
    g_autoptr(VsfCaptureHandle) handle = g_new0(VsfCaptureHandle, 1);
    char message[PCAP_ERRBUF_SIZE] = "";

    handle->config = *config;
    handle->pcap = pcap_create(config->name, message);
    if (handle->pcap == NULL) {
        g_set_error(error, VSF_CAPTURE_ERROR, (gint)error_code(PCAP_ERROR, config), "%s", message);
        return NULL;
    }
    if (!activate(handle, error) || !check_interface(handle, error))
        return NULL;
    if (pcap_setnonblock(handle->pcap, 1, message) < 0) {
        g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_FAILED,
                    "libpcap has no non-blocking capture: %s", message);
        return NULL;
    }
    if (!start_sampling(handle, error))
        return NULL;
    return g_steal_pointer(&handle);
}

void
vsf_capture_handle_close(VsfCaptureHandle *handle)
{
    if (handle == NULL)
        return;
    g_clear_pointer(&handle->pcap, pcap_close);
    g_free(handle);
}

int
vsf_capture_handle_fd(const VsfCaptureHandle *handle)
{
    return pcap_fileno(handle->pcap);
}

int
vsf_capture_handle_read(VsfCaptureHandle *handle, int max, pcap_handler frame, gpointer user)
{
    int n = pcap_dispatch(handle->pcap, max, frame, user);

    return n < 0 ? -1 : n;
}

static gboolean
is_up(int fd, int ifindex, gboolean *up)
{
    struct ifreq request = {.ifr_ifindex = ifindex};

    if (ioctl(fd, SIOCGIFNAME, &request) < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return FALSE;
    *up = (request.ifr_flags & IFF_UP) != 0;
    return TRUE;
}

/* An interface that went down and is up again needs nothing: the kernel takes
 * the socket back in. Reporting it as down would leave the caller waiting for a
 * message that it has had. */
gboolean
vsf_capture_handle_check(VsfCaptureHandle *handle, gboolean failed, GError **error)
{
    int fd = pcap_fileno(handle->pcap);
    int pending = 0;
    socklen_t size = sizeof(pending);
    gboolean up = FALSE;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size) < 0)
        pending = errno;
    if (bound_ifindex(handle) != handle->config.ifindex ||
        !is_up(fd, handle->config.ifindex, &up)) {
        g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_GONE, "the interface is gone");
        return FALSE;
    }
    if (!up) {
        g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_DOWN, "the interface is down");
        return FALSE;
    }
    if (failed || (pending != 0 && pending != ENETDOWN)) {
        g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_FAILED, "capture ended: %s",
                    failed ? pcap_geterr(handle->pcap) : g_strerror(pending));
        return FALSE;
    }
    return TRUE;
}

guint64
vsf_capture_handle_drops(VsfCaptureHandle *handle, gint64 now_us)
{
    struct pcap_stat stat = {0};

    if (handle->drops_read_us != 0 && now_us - handle->drops_read_us < DROPS_AGE_US)
        return handle->drops;
    handle->drops_read_us = now_us;
    if (pcap_stats(handle->pcap, &stat) == 0) {
        handle->drops += (u_int)(stat.ps_drop - handle->last_drops);
        handle->last_drops = stat.ps_drop;
    }
    return handle->drops;
}
