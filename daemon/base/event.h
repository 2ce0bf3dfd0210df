/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the log that a program can tell apart: each kind of event has a MESSAGE_ID, and names
 * what it is about in fields of the journal (virt-sflowd(8), JOURNAL). On a terminal or in a pipe
 * they are lines as any other. data/virt-sflow.catalog tells operators what those mean that they
 * must act on. */
#pragma once

#include <glib.h>

typedef enum {
    VSF_EVENT_DAEMON_STARTED,
    VSF_EVENT_DAEMON_STOPPED,
    VSF_EVENT_LIBVIRT_CONNECTED,
    VSF_EVENT_LIBVIRT_LOST,
    VSF_EVENT_VM_STARTED,
    VSF_EVENT_VM_ENDED,
    VSF_EVENT_COLLECTOR_FAILING,
    VSF_EVENT_COLLECTOR_WORKS,
    VSF_EVENT_COLLECTOR_UNRESOLVED,
    VSF_EVENT_NO_COLLECTOR,
    VSF_EVENT_AGENTS_REFUSED,
    VSF_EVENT_AGENT_DENIED,
    VSF_EVENT_AGENT_FAILING,
    VSF_EVENT_AGENT_ANSWERS,
    VSF_EVENT_AGENT_QUARANTINED,
    VSF_EVENT_BALLOON_SET,
    VSF_EVENT_BALLOON_FAILED,
    VSF_EVENT_SAMPLER_FAILED,
    VSF_EVENT_NO_ROOM,
    VSF_EVENT_ROOM_AGAIN,
    VSF_EVENT_FLOOD,
    VSF_EVENT_CPU_LIMIT,
    VSF_EVENT_CPU_CALM,
    VSF_EVENT_STATE_TROUBLE,
    VSF_EVENT_STATE_KEPT,
    VSF_EVENT_RELOAD_FAILED,
    VSF_EVENT_RESTART_NEEDED,
    VSF_EVENT_DNS_FAILING,
    VSF_EVENT_DNS_NOTHING,
    VSF_EVENT_DNS_ANSWERS,
    VSF_EVENT_DNS_REFUSED,
    VSF_EVENT_OTHER_BACKEND,
    VSF_N_EVENTS,
} VsfEvent;

/* What it is about; each may be NULL. Used during the call alone. */
typedef struct {
    const char *domain_uuid, *domain; /* libvirt's */
    const char *tap;                  /* name of the interface */
    const char *collector;            /* as configured */
} VsfLogAbout;

/* As g_log() with our domain; @about may be NULL. Of one kind at most some lines leave in a
 * minute (600 of VMs that come and go, else 60); the next one then says how many did not. Any
 * thread. */
void vsf_log_event(GLogLevelFlags level, VsfEvent event, const VsfLogAbout *about,
                   const char *format, ...) G_GNUC_PRINTF(4, 5);

/* 32 hexadecimal digits. */
const char *vsf_event_id(VsfEvent event);

/* Of the line that this thread is about to log by vsf_log_event(); FALSE: it is no such line. For
 * the log's writer. */
gboolean vsf_event_current(VsfEvent *event, VsfLogAbout *about);

/* The bound of one kind of event. */
typedef struct {
    gint64 since_us; /* when this minute began */
    guint n, held_back;
} VsfEventRate;

/* TRUE if a line may leave at @now_us (monotonic), @per_minute at most; then *@held_back is how
 * many were left out since the last one. Pure. */
gboolean vsf_event_rate_allow(VsfEventRate *rate, gint64 now_us, guint per_minute,
                              guint *held_back);
