/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What intake.c and intake-pcap.c share. */
#pragma once

#include "../sflow/frame.h"
#include "intake.h"

#include <gio/gio.h>
#include <pcap/pcap.h>

#define VSF_INTAKE_BATCH 64 /* datagrams or packets between two looks at the rest of the loop */

struct VsfIntake {
    const VsfIntakeOptions *options;
    VsfIntakeFunc func;
    gpointer user_data;
    GMainLoop *loop;
    int signal_fd;
    int status;
    guint64 n_datagrams;
    GSocket *socket;
    pcap_t *capture;
    VsfFrameLink link;
    guint64 n_packets, n_fragments; /* of the capture file */
};

void vsf_intake_finish(VsfIntake *intake, int status);
/* FALSE: it ends. */
gboolean vsf_intake_take(VsfIntake *intake, const uint8_t *data, size_t size, const char *from,
                         gint64 time_ns);
/* "192.0.2.1:6343", "[2001:db8::1]:6343". The caller frees. */
char *vsf_intake_endpoint(GInetAddress *address, guint port);

/* FALSE: it was told why not. */
gboolean vsf_intake_open_capture(VsfIntake *intake);
