/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow pause` and `virt-sflow resume`: holds the running daemon back, and lets it
 * go again. */
#pragma once

/* @argv[0] is the subcommand's own name. Returns the exit status: 0 done, 1 the daemon did
 * not do it, 2 bad options. */
int vsf_cli_pause(int argc, char **argv);
int vsf_cli_resume(int argc, char **argv);
