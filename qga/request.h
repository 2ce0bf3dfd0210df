/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requests as text. Nothing that could change a guest can be said: there is
 * no way to give a command name, a path or a mode from outside. */
#pragma once

#include "../include/qga.h"

/* Bytes of /proc/meminfo to read: the agent's own default, and enough for what is
 * wanted, which stands in the first thousand. */
#define VSF_QGA_MEMINFO_BYTES 4096

/* "guest-get-fsinfo" */
const char *vsf_qga_command_name(VsfQgaCommand command);

/* The command with this name, or VSF_QGA_N_COMMANDS. */
VsfQgaCommand vsf_qga_command_of_name(const char *name);

/* The request, one line. @handle is that of FILE_READ and FILE_CLOSE, and not
 * looked at otherwise. The caller owns the result. */
char *vsf_qga_request(VsfQgaCommand command, gint64 handle);
