/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A datagram as a table of paths and texts, for assertions:
 * "samples.0.records.1.cpuTime" -> "1500"; unknown values are "unknown". */
#pragma once

#include <glib.h>

/* NULL if the datagram is malformed. The caller owns the table. */
GHashTable *decoded_new(const guint8 *data, gsize size);

/* The text at @path, or NULL. */
const char *decoded_get(GHashTable *table, const char *path);

/* A VsfExporterSend; @datagrams: GPtrArray of GBytes. */
void decoded_collect(const guint8 *data, gsize size, gpointer datagrams);

/* Puts all metrics of @datagrams, whose source must be @source, into @metrics, name -> value
 * (owned); no name may come twice. How many samples they took. */
guint decoded_metrics(const GPtrArray *datagrams, GHashTable *metrics, const char *source);

#define assert_decoded(table, path, expected) \
    g_assert_cmpstr(decoded_get((table), (path)), ==, (expected))
