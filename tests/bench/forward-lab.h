/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two bridged taps, each as QEMU opens them for a virtio-net NIC (with a virtio_net_hdr before
 * each frame and segmentation offload), and frames that pass from one to the other. */
#pragma once

#include <glib.h>

#define FORWARD_GSO_SEGMENTS 45
#define FORWARD_GSO 65536 /* frame_bytes of a TCP super-frame of 64 KiB */

typedef struct {
    int taps[2];
    char *names[2];
    guint8 *frame; /* with its virtio_net_hdr */
    gsize size;
} ForwardLab;

/* In a network namespace of our own. @number: of this pair of taps among others there. */
void forward_lab_new(ForwardLab *lab, guint number);
void forward_lab_free(ForwardLab *lab);

/* The frames that are sent from now on. */
void forward_lab_set_frame(ForwardLab *lab, gsize frame_bytes);

/* Sends @n frames into the one tap and reads them from the other; ends the program if they do
 * not all arrive whole. */
void forward_lab_pass(ForwardLab *lab, guint n);
