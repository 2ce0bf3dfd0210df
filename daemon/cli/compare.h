/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow compare`: listens to virt-sflowd and Host sFlow, and tells how their numbers of the
 * same VMs differ, and why. */
#pragma once

/* @argv[0] is the subcommand's own name. Returns the exit status: 0 nothing is unexpected, 1
 * something is, 2 for bad options, 3 nothing could be compared. Signals: as receive. */
int vsf_cli_compare(int argc, char **argv);
