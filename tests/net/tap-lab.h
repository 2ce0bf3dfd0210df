/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taps, bridges and frames for tests and benchmarks, in a network namespace of
 * the test's own. Everything here asserts that it works. */
#pragma once

#include <glib.h>

#define TAP_LAB_ETH_P 0x88b5 /* the local experimental EtherType */

/* Enters a new network namespace that ends with the process, without IPv6 (its
 * solicitations would be frames that nobody counted). FALSE without the right
 * to (or without /dev/net/tun). Before any thread is started. */
gboolean tap_lab_enter(void);

/* tap_lab_enter(), and a whole test program that is skipped if it fails: TRUE
 * if main() shall return 0 now. */
gboolean tap_lab_skip_all(void);

/* Makes a tap; the interface lives as long as the returned descriptor
 * (non-blocking). */
int tap_lab_tap(const char *name);
int tap_lab_tap_virtio(const char *name); /* with a virtio_net_hdr before each frame */
int tap_lab_tun_l3(const char *name);
/* One tap with @n queues, a descriptor each. */
void tap_lab_tap_queues(const char *name, int fds[], guint n);
int tap_lab_ifindex(const char *name);
void tap_lab_up(const char *name);
void tap_lab_down(const char *name);
void tap_lab_mtu(const char *name, int mtu);
void tap_lab_rename(const char *name, const char *new_name);

void tap_lab_bridge(const char *name);
void tap_lab_enslave(const char *bridge, const char *port);

/* Runs `ip ARGUMENTS`. */
void tap_lab_ip(const char *arguments);

/* Writes an Ethernet frame of @length bytes (at least 14; 18 with a tag, 22
 * with two) to @frame. @n_tags: 0, 1 (802.1Q, VLAN 100 + tag), 2 (802.1ad
 * outside). */
void tap_lab_frame(guint8 *frame, gsize length, const guint8 to[6], const guint8 from[6],
                   guint n_tags);

/* Sends it into the tap, as its VM would. */
void tap_lab_send(int tap, const guint8 *frame, gsize length);

/* Sends it out of the interface, as the host does to the VM. */
int tap_lab_packet_socket(const char *name);
void tap_lab_send_packet(int packet_socket, const guint8 *frame, gsize length);

/* Reads and discards what the tap's VM would receive; how many frames. */
guint tap_lab_discard(int tap);

/* Runs the main loop until @done returns TRUE; fails after a minute. */
typedef gboolean (*TapLabDone)(gpointer user_data);
void tap_lab_loop_until(TapLabDone done, gpointer user_data);

/* Runs the main loop for @ms. */
void tap_lab_loop_for(guint ms);

guint tap_lab_n_fds(void);
