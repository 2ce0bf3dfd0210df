/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow receive`: a small collector that shows what arrives. */
#pragma once

/* @argv[0] is the subcommand's own name. Returns the exit status: 0 also after
 * SIGINT and SIGTERM, 1 where running failed, 2 for bad options. Blocks both
 * signals in the calling thread, so no other thread may take them. */
int vsf_cli_receive(int argc, char **argv);
