/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's own network interfaces, from /sys/class/net. Blocks: the kernel asks their drivers.
 * Any thread. */
#pragma once

#include "../model/host-counters.h"
#include "../model/registry.h"

/* Fills in @counters->interfaces, but for what their MACs count, and the sum over the physical
 * ones. Physical is what has a device (PCI, virtio, USB ...) and is no other's part: no virtual
 * function, no representor of one, no interface below another with a device. A bridge is listed if
 * it has a carrier, and a physical interface below it, if need be through bonds and VLANs. @root:
 * in front of "/sys", "" for this machine's; only then is the driver asked for the permanent MAC.
 */
void vsf_interfaces_read(const char *root, VsfHostCounters *counters);

/* The physical ones alone, with the speed that their driver says: VsfPort, in no order. Asks less,
 * and for each virtual one no more than where it lies. @root as above. */
GArray *vsf_interfaces_ports(const char *root);

/* "pf0vf3", "c1pf0sf88", "pf0" in its phys_port_name: the other end of a function of a card that is
 * a switch, not a port ("p0"). @folder: of the interface, below /sys. */
gboolean vsf_interface_is_representor(const char *folder);
