/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of Host sFlow's settings that virt-sflow has no equivalent of. Pure. */
#pragma once

#include <glib.h>

/* Why the setting @name of the sflow block (any case) is left out: lines of words, static.
 * NULL where it is not known. *@is_block: whether it is a block. */
const char *vsf_hsflowd_reason(const char *name, gboolean *is_block);
