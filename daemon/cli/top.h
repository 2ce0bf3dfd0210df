/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow top`: the VMs, live, on the whole terminal. */
#pragma once

/* @argv[0] is the subcommand's own name. Returns the exit status: 0 done, 1 no answer or no
 * terminal, 2 bad options. */
int vsf_cli_top(int argc, char **argv);
