/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `virt-sflow top` knows of the VMs: their newest numbers, and how some were over time. Pure.
 */
#pragma once

#include <json-glib/json-glib.h>

#define VSF_TOP_HISTORY 120 /* turns */

typedef enum {
    VSF_TOP_NAME,
    VSF_TOP_CPU,    /* percent of one core */
    VSF_TOP_MEMORY, /* bytes in use, or given where only that is known */
    VSF_TOP_DISK,   /* bytes in use: of filesystems, or allocated where those are not known */
    VSF_TOP_READ,   /* bytes a second */
    VSF_TOP_WRITE,
    VSF_TOP_IN, /* bits a second */
    VSF_TOP_OUT,
    VSF_TOP_PACKETS_IN, /* a second */
    VSF_TOP_PACKETS_OUT,
    VSF_TOP_N_COLUMNS,
} VsfTopColumn;

typedef enum {
    VSF_TOP_LINE_CPU,
    VSF_TOP_LINE_DISK,
    VSF_TOP_LINE_NET,
    VSF_TOP_N_LINES
} VsfTopHistory;

typedef struct {
    char *uuid, *name, *state;
    double value[VSF_TOP_N_COLUMNS]; /* NAN: unknown; of the name: nothing */
    double memory_total, disk_total; /* NAN: unknown */
    /* The last turns, the newest last: CPU, read and written bytes, bits in and out. */
    float history[VSF_TOP_N_LINES][VSF_TOP_HISTORY];
    guint n_history;
    double turn_s; /* when the newest one was */
    gboolean seen;
} VsfTopRow;

typedef struct {
    char *from, *to;      /* names of VMs; "-": outside */
    double bits, packets; /* each second, as the samples stand for */
} VsfTopTalk;

typedef struct VsfTop VsfTop;

VsfTop *vsf_top_new(void);
void vsf_top_free(VsfTop *top);

/* The status document as it is at @now_s (any clock that goes evenly). VMs that it does not name
 * are forgotten. */
void vsf_top_take(VsfTop *top, JsonObject *status, double now_s);

/* The rows whose names have @filter in them ("" or NULL: all), in any case of letters; the largest
 * first (names: in their order), or the other way round if @reverse; unknown ones last. They stay
 * @top's; the caller frees the array. */
GPtrArray *vsf_top_rows(const VsfTop *top, VsfTopColumn sort, gboolean reverse, const char *filter);

/* VsfTopTalk, the most bits first; @top's. */
const GPtrArray *vsf_top_talks(const VsfTop *top);

guint vsf_top_n_rows(const VsfTop *top);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfTop, vsf_top_free)
