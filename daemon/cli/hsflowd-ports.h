/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Host sFlow samples and at which rate, as virt-sflow.conf has it: interfaces, physical ports,
 * rates by speed. Pure. */
#pragma once

#include "hsflowd-text.h"

/* What a pcap block says. */
typedef struct {
    const char *device, *pattern, *speed; /* or NULL */
    guint64 sampling;                     /* 0: none of its own */
} VsfHsflowdPcap;

/* Makes a section, a port, or a comment of it. */
void vsf_hsflowd_add_pcap(VsfHsflowdSettings *settings, const VsfHsflowdSetting *block,
                          const VsfHsflowdPcap *pcap);

/* FALSE: @text is no speed, or one too many. Of two rates for one speed the last counts. */
gboolean vsf_hsflowd_add_speed(VsfHsflowdSettings *settings, const char *text, guint64 sampling);
