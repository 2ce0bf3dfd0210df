/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What joins VMs' taps to the world: the other ports of their bridges. Pure. */
#pragma once

#include "link.h"

/* @links: ifindex -> VsfLink, as of vsf_registry_links(). Of each Linux bridge (by its ifindex) the
 * ports that are no taps, GPtrArray of const VsfLink by ifindex: physical ports, bonds, VLANs,
 * tunnels, veths. They are those of @links, which must live as long. Open vSwitch does not tell
 * the kernel which bridge a port is of. */
GHashTable *vsf_bridge_ports(GHashTable *links);
