/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a number of a VM is unknown, or odd, and what mends it: from the status document alone, so
 * that nothing is asked or touched for it. A daemon that is older than this command does not
 * tell all, which is said then. Pure. */
#pragma once

#include "finding.h"

/* The fields: state, cpu, memory, disk, net, packets, agent, filesystems; a NULL ends them. */
extern const char *const vsf_explain_fields[];

/* Appends what is to be said of @field of @vm (one of @status's); NULL: of each. FALSE: there is no
 * such field. */
gboolean vsf_explain_vm(GPtrArray *findings, JsonObject *status, JsonObject *vm, const char *field);

/* `virt-sflow explain`. @argv[0] is the subcommand's own name. Returns the exit status: 0 done, 1
 * no answer or no such VM, 2 bad options or no such field. */
int vsf_cli_explain(int argc, char **argv);
