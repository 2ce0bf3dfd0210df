/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requests as text. Nothing that could change a guest can be said: there is
 * no way to give a command name, a path or a mode from outside (see qga.h). */
#pragma once

#include "../include/qga.h"

/* Bytes of /proc/meminfo to read: the agent's own default, and enough for what is
 * wanted, which stands in the first thousand. */
#define VSF_QGA_MEMINFO_BYTES 4096
