/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends datagrams to the collectors. Never blocks: names are resolved by
 * GResolver in the background, sockets are non-blocking, and each collector
 * stands alone, so that one that is down never delays another. */
#pragma once

#include "sender-state.h"

#include <gio/gio.h>

#define VSF_SFLOW_PORT 6343

/* HOST, HOST:PORT, [V6]:PORT or a bare V6 address, each with an optional
 * %DEV (interface or VRF) at the end. */
typedef struct {
    char *text; /* as configured */
    char *host; /* name or address, without brackets */
    guint16 port;
    char *device; /* or NULL */
} VsfCollectorAddress;

VsfCollectorAddress *vsf_collector_address_parse(const char *text,
                                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* "192.0.2.1:6343" or "[2001:db8::1]:6343"; NULL for none. The caller frees. */
char *vsf_collector_used_text(GInetAddress *address, guint port);
VsfCollectorAddress *vsf_collector_address_copy(const VsfCollectorAddress *address);
void vsf_collector_address_free(VsfCollectorAddress *address);
/* However they are written: the same host, port and device. */
gboolean vsf_collector_address_equal(const VsfCollectorAddress *a, const VsfCollectorAddress *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfCollectorAddress, vsf_collector_address_free)

typedef struct VsfSender VsfSender;

typedef struct { /* one collector, for the status */
    const char *text;
    char *address;     /* resolved, "192.0.2.1:6343"; NULL while it is not */
    const char *state; /* "resolving", "sending" or "failing" */
    gint64 since_us;   /* monotonic: it is in that state */
    guint64 datagrams, bytes;
    guint64 errors; /* datagrams that were not sent, and ICMP messages that came back */
    guint64 errors_by[VSF_N_SEND_ERRORS];
    char *last_error;    /* or NULL; cleared when the collector works again */
    char *lookup_error;  /* why the name did not resolve last, or NULL */
    gint64 last_sent_us; /* monotonic, 0 = never */
} VsfCollectorStatus;

/* @collectors: VsfCollectorAddress, copied. @source_address: text or NULL.
 * @dscp 0-63. */
VsfSender *vsf_sender_new(const GPtrArray *collectors, const char *source_address, guint dscp,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_sender_free(VsfSender *sender);

/* Other ones, as in vsf_sender_new(). Collectors that stay keep their socket, address, state and
 * counts; another source address or DSCP opens their sockets anew. FALSE with @error set:
 * @source_address is none, and nothing changed. */
gboolean vsf_sender_change(VsfSender *sender, const GPtrArray *collectors,
                           const char *source_address, guint dscp,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The first collector's address, NULL: there is none, or it is not known yet. */
GInetAddress *vsf_sender_first_address(const VsfSender *sender);

/* To every collector that has an address by now, once: what cannot be sent is
 * counted and gone. Errors are logged when a failure begins and when it is over
 * (10 s without any). A name is looked up anew every minute or so, and more often
 * while its collector fails (5 s, backing off to 60 s); while it does not
 * resolve, its last address stays. A socket that cannot be opened is tried again
 * at most every second. The first datagrams, sent before a name is resolved, wait for it (up
 * to 64 KiB per collector, then the oldest are dropped). */
void vsf_sender_send(VsfSender *sender, const guint8 *data, gsize size);

/* VsfCollectorStatus, owned by the caller. */
GPtrArray *vsf_sender_status(VsfSender *sender);
void vsf_collector_status_free(VsfCollectorStatus *status);

/* Calls @done once, on the main loop, when the first collector's address is
 * known or @timeout_ms passed: @address is it, or NULL. */
typedef void (*VsfSenderReadyFunc)(GInetAddress *address, gpointer user_data);
void vsf_sender_when_first_resolved(VsfSender *sender, guint timeout_ms, VsfSenderReadyFunc done,
                                    gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfSender, vsf_sender_free)
