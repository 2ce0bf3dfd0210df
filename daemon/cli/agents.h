/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow agents`: which guest agents answer, and which would be asked. */
#pragma once

/* @argv[0] is the subcommand's own name. Returns the exit status: 0 done, 1 no
 * answer, 2 bad options. */
int vsf_cli_agents(int argc, char **argv);
