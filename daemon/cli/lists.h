/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow vms | vm NAME | taps | collectors`: parts of the status. */
#pragma once

/* @argv[0] is the subcommand's own name. Each returns the exit status: 0 done, 1 no answer or no
 * such VM, 2 bad options. */
int vsf_cli_vms(int argc, char **argv);
int vsf_cli_vm(int argc, char **argv);
int vsf_cli_taps(int argc, char **argv);
int vsf_cli_collectors(int argc, char **argv);
