/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow hook install | remove | status`: puts the libvirt hook in its
 * place and takes it away. By command alone: a hook that cannot run keeps VMs
 * from starting, and kills running ones when libvirtd restarts. */
#pragma once

/* @argv[0] is the subcommand's own name. Returns the exit status: 0 done (status:
 * installed, and this version's), 1 not done (status: not so), 2 for bad options. */
int vsf_cli_hook(int argc, char **argv);
