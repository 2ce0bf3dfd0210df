/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counter samples and custom metrics as lines for time-series databases. Nothing that an
 * agent, a guest or a tenant wrote can begin a line, or become a part of one that it is not.
 * Flow samples, texts that describe, and what is not known make no lines. Pure. */
#pragma once

#include "samples.h"
#include "vm-book.h"

/* Graphite's plaintext protocol: "PATH VALUE SECONDS". The path is
 *   virt-sflow.AGENT-SUBAGENT.host.RECORD.FIELD
 *   virt-sflow.AGENT-SUBAGENT.vm.NAME.RECORD.FIELD
 *   virt-sflow.AGENT-SUBAGENT.interface.NAME.RECORD.FIELD
 *   virt-sflow.AGENT-SUBAGENT.source.NAME.detail.METRIC
 * of parts of [A-Za-z0-9_-] and at most 63 bytes each. A NAME that had to be changed for that
 * ends in the first 8 digits of the VM's UUID (of other sources: of its hash); so do those of VMs
 * of one agent that have the same name, once the book knows of a second one. Custom metrics
 * of a VM are at "vm" too, once one of its counter samples told its name. */
void vsf_lines_graphite(GString *to, const VsfVmBook *book, const VsfSamples *samples,
                        const VsfSample *sample, gint64 time_ns);

/* InfluxDB's line protocol, a line a record:
 *   RECORD,agent=...,kind=host|vm|interface|source,source=3:200001,sub_agent=200000[,name=...]
 *          [,uuid=...] FIELD=1i,FIELD=0.5,FIELD="text" NANOSECONDS */
void vsf_lines_influx(GString *to, const VsfVmBook *book, const VsfSamples *samples,
                      const VsfSample *sample, gint64 time_ns);
