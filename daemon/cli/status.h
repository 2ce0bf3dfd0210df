/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow status`: asks the running daemon how it is. */
#pragma once

/* @argv[0] is the subcommand's own name. Returns the exit status: 0 done, 1 no
 * answer, 2 bad options. */
int vsf_cli_status(int argc, char **argv);
