/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a configuration of Host sFlow to the equivalent one of virt-sflowd. Pure. */
#pragma once

#include "../hsflowd/hsflowd-file.h"

/* The text of a virt-sflow.conf that virt-sflowd takes; what has no equivalent stands in
 * comments at its end, with the reason. NULL where the file is malformed; the error begins
 * with "NAME:LINE: " and says what would be right. The caller frees. */
char *vsf_hsflowd_import(const char *name, const char *text, gsize length,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
