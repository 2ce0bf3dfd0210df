/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with the node, for people and for check systems: the daemon and what it needs, and
 * all that explain says of each VM. Pure but for vsf_cli_doctor(). */
#pragma once

#include "finding.h"

/* @status NULL: the daemon did not answer, and @failed says why. */
GPtrArray *vsf_doctor_findings(JsonObject *status, const char *failed);

/* The first line is a summary; VMs of which the same is to be said stand together. */
char *vsf_doctor_text(const GPtrArray *findings);

/* An object (docs/explain-json.md). */
JsonNode *vsf_doctor_json(const GPtrArray *findings);

/* 0: nothing worse than a note; 1: a warning; 2: something critical. */
int vsf_doctor_exit_status(const GPtrArray *findings);

/* `virt-sflow doctor`. @argv[0] is the subcommand's own name. Returns that status, or 3 for bad
 * options, or where nothing could be written. */
int vsf_cli_doctor(int argc, char **argv);
