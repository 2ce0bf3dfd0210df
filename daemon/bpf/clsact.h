/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs on a clsact qdisc of our own, by rtnetlink: for kernels without tcx. They outlive
 * their process, so each filter has a name that tells whose it is. Everything here blocks. */
#pragma once

#include "bpf-private.h"

/* Whether an interface is there and Ethernet. */
gboolean vsf_bpf_link_check(int ifindex, GError **error);

/* A program fd of -1 leaves that hook alone. TAKEN: there is an ingress or clsact qdisc. */
gboolean vsf_bpf_clsact_attach(int ifindex, const int programs[VSF_BPF_N_HOOKS], GError **error);

/* Our filters, and the qdisc unless others have filters there by now. Returns the number of
 * interfaces that had some: 0 or 1. */
guint vsf_bpf_clsact_detach(int ifindex);

/* The same on all interfaces. */
guint vsf_bpf_clsact_sweep(void);
