/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of Host sFlow's settings, checked so that what is made of them is one that
 * virt-sflowd takes. Each function that can fail sets an error without its position. Pure. */
#pragma once

#include <glib.h>

/* A whole number as C writes it (also 0x10 and 010), with K, M or G behind it for
 * thousands, millions and billions. */
gboolean vsf_hsflowd_number(const char *text, guint64 min, guint64 max, guint64 *number,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vsf_hsflowd_on_off(const char *text, gboolean *on,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* HOST, HOST:PORT, [V6]:PORT, each with %DEV if @device is not NULL. @ip is an address, which
 * may have its own %DEV, or a name. The caller frees. */
char *vsf_hsflowd_collector(const char *ip, guint port, const char *device,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What can be [sflow] agent-address: the address alone; an interface; a network, whose host
 * part is made zero (virt-sflowd wants that, Host sFlow does not). The caller frees. */
gboolean vsf_hsflowd_is_address(const char *text);
gboolean vsf_hsflowd_check_device(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *vsf_hsflowd_network(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A domain as DNS has it; a dot before it is left out. The caller frees. */
char *vsf_hsflowd_domain(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
