/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams out of a capture file. */
#include "intake-private.h"

#include <netinet/in.h>
#include <string.h>

/* FALSE: a link type that this program does not know. */
static gboolean
find_link(int link_type, VsfFrameLink *link)
{
    static const struct {
        int link_type;
        VsfFrameLink link;
    } links[] = {
        {DLT_EN10MB, VSF_FRAME_ETHERNET},     {DLT_LINUX_SLL, VSF_FRAME_COOKED},
        {DLT_LINUX_SLL2, VSF_FRAME_COOKED_2}, {DLT_NULL, VSF_FRAME_LOOPBACK},
        {DLT_LOOP, VSF_FRAME_LOOPBACK},       {DLT_RAW, VSF_FRAME_RAW_IP},
        {DLT_IPV4, VSF_FRAME_RAW_IP},         {DLT_IPV6, VSF_FRAME_RAW_IP},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
        if (links[i].link_type == link_type) {
            *link = links[i].link;
            return TRUE;
        }
    }
    return FALSE;
}

static char *
packet_sender(const VsfFrame *frame)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_bytes(
        frame->src, frame->ip_family == 2 ? G_SOCKET_FAMILY_IPV6 : G_SOCKET_FAMILY_IPV4);

    return vsf_intake_endpoint(address, frame->src_port);
}

static gboolean
take_packet(VsfIntake *intake, const struct pcap_pkthdr *header, const uint8_t *data)
{
    gint64 time_ns = (gint64)header->ts.tv_sec * G_GINT64_CONSTANT(1000000000) +
                     (gint64)header->ts.tv_usec; /* of a handle with nanoseconds */
    g_autofree char *from = NULL;
    VsfFrame frame = {0};

    intake->n_packets++;
    vsf_frame_parse(intake->link, data, header->caplen, &frame);
    /* A later fragment has no port to tell whose it is. */
    if (frame.fragment && frame.ip_protocol == IPPROTO_UDP &&
        (!frame.has_ports || frame.dst_port == intake->options->port)) {
        intake->n_fragments++;
        return TRUE;
    }
    if (frame.udp_payload == NULL || frame.dst_port != intake->options->port)
        return TRUE;
    from = packet_sender(&frame);
    return vsf_intake_take(intake, frame.udp_payload, frame.udp_payload_size, from, time_ns);
}

static void
end_of_capture(VsfIntake *intake)
{
    const VsfIntakeOptions *options = intake->options;

    if (intake->n_fragments > 0)
        g_printerr("%s: %s: left out %" G_GUINT64_FORMAT
                   " IP fragments: they are not put together\n",
                   options->program, options->pcap, intake->n_fragments);
    if (intake->n_datagrams == 0)
        g_printerr("%s: %s: no datagram to UDP port %d in %" G_GUINT64_FORMAT " packets\n",
                   options->program, options->pcap, options->port, intake->n_packets);
    vsf_intake_finish(intake, 0);
}

static gboolean
on_capture_idle(gpointer user_data)
{
    VsfIntake *intake = user_data;

    for (int i = 0; i < VSF_INTAKE_BATCH; i++) {
        struct pcap_pkthdr *header;
        const uint8_t *data;
        int result = pcap_next_ex(intake->capture, &header, &data);

        if (result == PCAP_ERROR_BREAK) {
            end_of_capture(intake);
            return G_SOURCE_REMOVE;
        }
        if (result < 0) {
            g_printerr("%s: %s: %s\n", intake->options->program, intake->options->pcap,
                       pcap_geterr(intake->capture));
            vsf_intake_finish(intake, 1);
            return G_SOURCE_REMOVE;
        }
        if (result == 1 && !take_packet(intake, header, data))
            return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

gboolean
vsf_intake_open_capture(VsfIntake *intake)
{
    const VsfIntakeOptions *options = intake->options;
    char reason[PCAP_ERRBUF_SIZE] = "";
    int link_type;

    intake->capture = pcap_open_offline_with_tstamp_precision(options->pcap,
                                                              PCAP_TSTAMP_PRECISION_NANO, reason);
    if (intake->capture == NULL) {
        gboolean named = strstr(reason, options->pcap) != NULL;

        g_printerr("%s: %s%s%s\n", options->program, named ? "" : options->pcap, named ? "" : ": ",
                   reason);
        return FALSE;
    }
    link_type = pcap_datalink(intake->capture);
    if (!find_link(link_type, &intake->link)) {
        const char *name = pcap_datalink_val_to_name(link_type);

        g_printerr("%s: %s: packets of link type %s are not understood, "
                   "only Ethernet, Linux cooked, loopback and raw IP\n",
                   options->program, options->pcap, name != NULL ? name : "?");
        return FALSE;
    }
    g_idle_add(on_capture_idle, intake);
    return TRUE;
}
