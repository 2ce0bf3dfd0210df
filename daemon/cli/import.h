/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow import-hsflowd`: prints the equivalent of a Host sFlow configuration. */
#pragma once

/* @argv[0] is the subcommand's own name. Returns the exit status: 0 printed, 1 the file cannot
 * be read or is malformed, 2 for bad options. */
int vsf_cli_import(int argc, char **argv);
