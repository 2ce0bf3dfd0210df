/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The physical host: host_descr and virt_node (the rest of the host's records
 * is to come). Parsers are pure, read() touches /proc, /sys and uname. */
#pragma once

#include "../model/host-counters.h"

typedef struct {
    char *hostname;      /* sanitised like a VM's name, at most 63 bytes */
    guint8 uuid[16];     /* DMI product UUID, else from /etc/machine-id, else zero */
    char arch[32];       /* uname -m */
    char os_release[32]; /* uname -r, cut to 31 */
    guint32 cpus;
    guint32 mhz;         /* 0xffffffff unknown */
    guint64 memory;      /* bytes */
    guint64 memory_free; /* bytes, MemAvailable */
} VsfNode;

VsfNode *vsf_node_read(void);
/* Only what changes: memory, memory_free, cpus. From @counters (may be NULL) what they know; for
 * the rest it reads /proc/meminfo and the CPU mask, which never block: may run on the main loop. */
void vsf_node_refresh(VsfNode *node, const VsfHostCounters *counters);
void vsf_node_free(VsfNode *node);

/* /proc/meminfo: bytes; FALSE (and untouched) if MemTotal is missing. */
gboolean vsf_node_parse_meminfo(const char *text, gsize length, guint64 *total, guint64 *available);
/* /proc/cpuinfo: highest "cpu MHz" (or what other machines call it), 0xffffffff
 * if it has none. */
guint32 vsf_node_parse_mhz(const char *text, gsize length);
/* 32 hex digits, dashes left out; FALSE (and untouched) if it is anything else,
 * or the all-zero or all-one filler of a careless BIOS. */
gboolean vsf_node_parse_uuid(const char *text, guint8 bytes[16]);
/* [A-Za-z0-9._-], at most 63 bytes, never empty. */
char *vsf_node_sanitise_hostname(const char *raw);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfNode, vsf_node_free)
