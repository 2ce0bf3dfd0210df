/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/net/capture-filter.h"
#include "../net/tap-lab.h"
#include "sampler.h"

#include <pcap/pcap.h>
#include <sys/socket.h>

/* --- the daemon's ---------------------------------------------------------- */

typedef struct {
    VsfCapture *capture;
    GArray *ifindexes;
    guint n_wanted, n_opened;
    guint64 n_samples;
    guint base_sockets;
} Own;

/* Descriptors of this process that are sockets. */
static guint
count_sockets(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    const char *name;
    guint n = 0;

    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_strconcat("/proc/self/fd/", name, NULL);
        g_autofree char *target = g_file_read_link(path, NULL);

        n += target != NULL && g_str_has_prefix(target, "socket:");
    }
    return n;
}

static void
note_opened(int ifindex G_GNUC_UNUSED, gpointer user_data)
{
    ((Own *)user_data)->n_opened++;
}

static void
note_failed(int ifindex, const GError *error, gpointer user_data G_GNUC_UNUSED)
{
    g_error("interface %d: %s", ifindex, error->message);
}

static void
note_packet(const VsfPacket *packet G_GNUC_UNUSED, gpointer user_data)
{
    ((Own *)user_data)->n_samples++;
}

static gboolean
all_opened(gpointer user_data)
{
    Own *own = user_data;

    return own->n_opened == own->n_wanted;
}

static gpointer
own_open(const char *const *taps, guint n_taps, guint32 rate, const SamplerOptions *options,
         GError **error)
{
    static const VsfCaptureCallbacks callbacks = {note_opened, note_failed, note_packet, NULL};
    VsfCaptureConfig config = {.header_bytes = SAMPLER_HEADER_BYTES,
                               .direction = options->direction,
                               .ring_total = options->ring_total};
    Own *own = g_new0(Own, 1);

    own->ifindexes = g_array_new(FALSE, FALSE, sizeof(int));
    own->base_sockets = count_sockets();
    own->capture = vsf_capture_new(&config, &callbacks, own, error);
    for (guint i = 0; i < n_taps; i++) {
        int ifindex = tap_lab_ifindex(taps[i]);

        if (!vsf_capture_open(own->capture, ifindex, taps[i], FALSE, rate))
            break;
        g_array_append_val(own->ifindexes, ifindex);
    }
    own->n_wanted = own->ifindexes->len;
    tap_lab_loop_until(all_opened, own);
    return own;
}

static void
own_take(gpointer self G_GNUC_UNUSED)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
own_totals(gpointer self, SamplerTotals *totals)
{
    Own *own = self;

    *totals = (SamplerTotals){.opened = own->n_opened};
    for (guint i = 0; i < own->ifindexes->len; i++) {
        int ifindex = g_array_index(own->ifindexes, int, i);

        vsf_capture_drain(own->capture, ifindex);
        totals->lost += vsf_capture_drops(own->capture, ifindex);
    }
    totals->samples = own->n_samples;
}

static gboolean
all_closed(gpointer user_data)
{
    return count_sockets() <= ((Own *)user_data)->base_sockets;
}

static void
own_close(gpointer self)
{
    Own *own = self;

    vsf_capture_free(own->capture);
    tap_lab_loop_until(all_closed, own);
    g_array_unref(own->ifindexes);
    g_free(own);
}

const Sampler sampler_pcap = {"pcap", own_open, own_take, own_totals, own_close, FALSE};

/* --- plain libpcap --------------------------------------------------------- */

typedef struct {
    pcap_t **handles;
    guint n;
    guint64 n_samples;
} Plain;

static pcap_t *
open_handle(const char *name, guint32 rate, VsfDirection direction)
{
    VsfCaptureFilter wanted = {SAMPLER_HEADER_BYTES, rate, direction, FALSE};
    struct sock_filter program[VSF_CAPTURE_FILTER_MAX];
    struct sock_fprog filter = {.filter = program};
    char message[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_create(name, message);

    g_assert_nonnull(pcap);
    filter.len = (unsigned short)vsf_capture_filter_build(&wanted, program);
    pcap_set_snaplen(pcap, SAMPLER_HEADER_BYTES);
    pcap_set_immediate_mode(pcap, 1);
    g_assert_cmpint(pcap_activate(pcap), >=, 0);
    g_assert_cmpint(pcap_setnonblock(pcap, 1, message), ==, 0);
    g_assert_cmpint(
        setsockopt(pcap_fileno(pcap), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)), ==,
        0);
    return pcap;
}

static gpointer
plain_open(const char *const *taps, guint n_taps, guint32 rate, const SamplerOptions *options,
           GError **error G_GNUC_UNUSED)
{
    Plain *plain = g_new0(Plain, 1);

    plain->n = n_taps;
    plain->handles = g_new(pcap_t *, n_taps);
    for (guint i = 0; i < n_taps; i++)
        plain->handles[i] = open_handle(taps[i], rate, options->direction);
    return plain;
}

static void
count_plain(u_char *user, const struct pcap_pkthdr *header G_GNUC_UNUSED,
            const u_char *bytes G_GNUC_UNUSED)
{
    ((Plain *)(void *)user)->n_samples++;
}

static void
plain_take(gpointer self)
{
    Plain *plain = self;

    for (guint i = 0; i < plain->n; i++)
        pcap_dispatch(plain->handles[i], -1, count_plain, (u_char *)plain);
}

static void
plain_totals(gpointer self, SamplerTotals *totals)
{
    Plain *plain = self;

    plain_take(self);
    *totals = (SamplerTotals){.opened = plain->n, .samples = plain->n_samples};
    for (guint i = 0; i < plain->n; i++) {
        struct pcap_stat stat = {0};

        g_assert_cmpint(pcap_stats(plain->handles[i], &stat), ==, 0);
        totals->lost += stat.ps_drop;
    }
}

static void
plain_close(gpointer self)
{
    Plain *plain = self;

    for (guint i = 0; i < plain->n; i++)
        pcap_close(plain->handles[i]);
    g_free(plain->handles);
    g_free(plain);
}

const Sampler sampler_plain = {"plain libpcap", plain_open,  plain_take,
                               plain_totals,    plain_close, FALSE};
