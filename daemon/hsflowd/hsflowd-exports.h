/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which data sources a Host sFlow exports that has this configuration, as far as they are ours
 * too: the host, VMs, their interfaces. Pure. */
#pragma once

#include <glib.h>

#define VSF_HSFLOWD_SUB_AGENT 100000 /* where its configuration names none */

typedef struct {
    guint sub_agent_id;   /* of packets; counters have this or the next */
    guint polling_s;      /* 0: no counters */
    gboolean watches_vms; /* kvm { } */
    GPtrArray *devices;   /* char *: interfaces whose packets it takes */
    GPtrArray *patterns;  /* GRegex *: those whose name holds a match */
} VsfHsflowdExports;

/* NULL with an error that begins with "NAME:LINE: " where Host sFlow would not take it. Rules of
 * pcap { } by speed are not looked at: a tap's is made up. The caller frees. */
VsfHsflowdExports *vsf_hsflowd_exports_parse(const char *name, const char *text, gsize length,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_hsflowd_exports_free(VsfHsflowdExports *exports);

/* TRUE if a rule names that interface. Host sFlow looks at its rules for pcap { } once, at its
 * start: an interface that came later is not taken. */
gboolean vsf_hsflowd_exports_device(const VsfHsflowdExports *exports, const char *device);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfHsflowdExports, vsf_hsflowd_exports_free)
