/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the datagrams of `receive` and `compare` come from: a UDP port or a capture file;
 * and how these commands end and print. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define VSF_INTAKE_PORT 6343

typedef struct {
    const char *program; /* in messages */
    int port;            /* 0: any free one */
    char *bind;          /* an address, or NULL: all of both families */
    char *pcap;          /* a capture file instead of a socket, or NULL; - is standard input */
    gint64 seconds;      /* after so many it ends; 0: no end */
} VsfIntakeOptions;

typedef struct VsfIntake VsfIntake;

/* One datagram: who sent it ("192.0.2.1:6343"), and when it came or the packet's time, in ns
 * since the epoch. FALSE ends it. */
typedef gboolean (*VsfIntakeFunc)(VsfIntake *intake, const uint8_t *data, size_t size,
                                  const char *from, gint64 time_ns, gpointer user_data);

/* What is wrong with the options, or NULL. */
const char *vsf_intake_check(const VsfIntakeOptions *options);

/* Until the time is up, the file ends, @func says so, or SIGINT or SIGTERM comes: then 0; 1 where
 * running failed, which was told on stderr. Blocks both signals in the calling thread, so no
 * other thread may take them. */
int vsf_intake_run(const VsfIntakeOptions *options, VsfIntakeFunc func, gpointer user_data);

/* For @func: writes to standard output, yet ends where a signal comes while nobody reads. FALSE:
 * nobody wants more. */
gboolean vsf_intake_print(VsfIntake *intake, const char *text,
                          size_t size) G_GNUC_WARN_UNUSED_RESULT;
