/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs on a clsact qdisc of our own, by rtnetlink: for kernels without tcx. They outlive
 * their process, so each filter has its owner's name (owner.h). Everything here blocks. */
#pragma once

#include "bpf-private.h"

/* Whether an interface is there and Ethernet. */
gboolean vsf_bpf_link_check(int ifindex, GError **error);

/* A program fd of -1 leaves that hook alone. TAKEN: there is an ingress or clsact qdisc. */
gboolean vsf_bpf_clsact_attach(int ifindex, const int programs[VSF_BPF_N_HOOKS], const char *owner,
                               GError **error);

/* The owner's filters, and the qdisc unless others have filters there by now. */
void vsf_bpf_clsact_detach(int ifindex, const char *owner);

/* Those of owners that are dead, on all interfaces. */
VsfBpfSwept vsf_bpf_clsact_sweep(void);
