/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chooses the sFlow agent address: who we are to every collector. */
#pragma once

#include <gio/gio.h>

/* @wanted: "auto", an IP address, an interface name, or a CIDR ("10.0.0.0/8":
 * the first address of this host in it). @collector: the first collector's
 * address or NULL; for "auto" the source address of the route to it. Never the address of a libvirt
 * bridge (virbr*), a tap or macvtap, link-local, or loopback unless nothing
 * else exists. Returns a new address; *@reason (caller frees) says in words why it was
 * chosen. NULL with @error set if @wanted names nothing on this host ("auto"
 * always finds one, 127.0.0.1 at the last). Does not block. */
GInetAddress *vsf_agent_address_choose(const char *wanted, GInetAddress *collector, char **reason,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The device whose address @agent is, for a program that takes the first address of a device that
 * it is told, as Open vSwitch does. NULL with @error set: no device has it, or not as its
 * first (an IPv4 one goes before). The caller frees. May wait for the kernel: not on the main
 * loop. */
char *vsf_agent_address_device(const char *agent, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether @wanted has one of the four forms; the message says what it is not. Pure. */
gboolean vsf_agent_address_check(const char *wanted, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The pure part: what the host looks like, as values. */
typedef struct {
    char *interface;
    GInetAddress *address;
    guint flags; /* IFF_* */
    gboolean is_tap;
} VsfHostAddress;

typedef struct {
    GPtrArray *hosts;               /* VsfHostAddress, in the kernel's order */
    GInetAddress *collector_source; /* of the route to the first collector, or NULL */
    GInetAddress *default_source_v4, *default_source_v6; /* of the default routes, or NULL */
} VsfAgentFacts;

/* @hosts: VsfHostAddress. Pure. */
char *vsf_agent_address_device_from(const GPtrArray *hosts, const char *agent,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

void vsf_host_address_free(VsfHostAddress *host);
GInetAddress *vsf_agent_address_choose_from(const VsfAgentFacts *facts, const char *wanted,
                                            char **reason,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
