/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "forward-lab.h"

#include "../net/tap-lab.h"

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define HEADER sizeof(struct virtio_net_hdr)
#define MAX_BYTES (HEADER + FORWARD_GSO)
#define IP_AT 14
#define TCP_AT 34
#define PAYLOAD_AT 54
#define SEGMENT_BYTES 1448
#define GSO_BYTES \
    (PAYLOAD_AT + FORWARD_GSO_SEGMENTS * SEGMENT_BYTES) /* what Linux makes of 64 KiB */

static const guint8 from[6] = {0x52, 0x54, 0, 0, 0, 1}, to[6] = {0x52, 0x54, 0, 0, 0, 2};

void
forward_lab_new(ForwardLab *lab, guint number)
{
    g_autofree char *bridge = g_strdup_printf("br%u", number);

    *lab = (ForwardLab){.frame = g_malloc0(MAX_BYTES)};
    tap_lab_bridge(bridge);
    for (guint i = 0; i < 2; i++) {
        lab->names[i] = g_strdup_printf("vnet%u", 2 * number + i);
        lab->taps[i] = tap_lab_tap_virtio(lab->names[i]);
        g_assert_cmpint(ioctl(lab->taps[i], TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), ==, 0);
        tap_lab_enslave(bridge, lab->names[i]);
        tap_lab_up(lab->names[i]);
    }
}

void
forward_lab_free(ForwardLab *lab)
{
    for (guint i = 0; i < 2; i++) {
        close(lab->taps[i]);
        g_free(lab->names[i]);
    }
    g_free(lab->frame);
}

static void
put16(guint8 *at, guint16 value)
{
    at[0] = (guint8)(value >> 8);
    at[1] = (guint8)value;
}

/* As a guest sends what the host, or its NIC, is to cut. */
static void
make_super_frame(guint8 *bytes)
{
    struct virtio_net_hdr header = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
        .hdr_len = PAYLOAD_AT,
        .gso_size = SEGMENT_BYTES,
        .csum_start = TCP_AT,
        .csum_offset = 16,
    };
    guint8 *frame = bytes + HEADER, *ip = frame + IP_AT, *tcp = frame + TCP_AT;

    memcpy(bytes, &header, HEADER);
    memset(ip, 0, PAYLOAD_AT - IP_AT);
    put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, GSO_BYTES - IP_AT);
    ip[8] = 64;
    ip[9] = 6;
    put16(ip + 12, 0x0a00);
    put16(ip + 14, 1);
    put16(ip + 16, 0x0a00);
    put16(ip + 18, 2);
    put16(tcp, 40000);
    put16(tcp + 2, 443);
    tcp[12] = 0x50;
    tcp[13] = 0x10;
}

void
forward_lab_set_frame(ForwardLab *lab, gsize frame_bytes)
{
    gsize length = frame_bytes == FORWARD_GSO ? GSO_BYTES : frame_bytes;

    memset(lab->frame, 0, HEADER);
    tap_lab_frame(lab->frame + HEADER, length, to, from, 0);
    if (frame_bytes == FORWARD_GSO)
        make_super_frame(lab->frame);
    lab->size = HEADER + length;
}

void
forward_lab_pass(ForwardLab *lab, guint n)
{
    static guint8 buffer[MAX_BYTES];

    for (guint i = 0; i < n; i++)
        tap_lab_send(lab->taps[0], lab->frame, lab->size);
    while (n > 0) {
        gssize size = read(lab->taps[1], buffer, sizeof(buffer));

        if (size < 0)
            g_error("%u frames did not arrive", n);
        /* The bridge tells of its multicast groups now and then. */
        if (memcmp(buffer + HEADER, lab->frame + HEADER, IP_AT) != 0)
            continue;
        if (size != (gssize)lab->size)
            g_error("of %" G_GSIZE_FORMAT " bytes sent %" G_GSSIZE_FORMAT " arrived", lab->size,
                    size);
        n--;
    }
}
