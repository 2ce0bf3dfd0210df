/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon and the command agree on about pauses. */
#pragma once

#define VSF_PAUSE_MAX_S (7 * 24 * 3600) /* one that ends by itself */
