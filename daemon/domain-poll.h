/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One turn of one domain's counters: the QEMU process and the taps, which
 * always answer, and libvirt's statistics, which may not. What has not come by
 * the deadline leaves as unknown. Main thread only. */
#pragma once

#include "base/worker.h"
#include "domain-net.h"
#include "exporter.h"
#include "guests.h"
#include "virt/stats.h"

typedef struct VsfDomainPoll VsfDomainPoll;

/* What all polls share; outlives them. */
typedef struct {
    const VsfConfig *config;
    VsfRegistry *registry;
    VsfExporter *exporter;
    VsfCalls *stats;
    VsfGuests *guests;
    VsfNicStats others; /* of NICs without a tap */
    VsfWorker *finder;  /* walks /proc: vsf_qemu_finder_new() */
    gboolean connected; /* libvirt answers; while it does not, it is not asked */
    /* The poll whose libvirt answer came, by UUID; NULL if there is none. */
    VsfDomainPoll *(*poll_for)(const char *uuid, gpointer user_data);
    /* The turn is over (a sample left, or none could). */
    void (*finished)(VsfDomainPoll *poll, gpointer user_data);
    /* libvirt answered a call that had been out for long. */
    void (*answered_late)(gpointer user_data);
    /* Its QEMU process is gone; called every turn until the domain goes. */
    void (*process_gone)(VsfDomain *domain, gpointer user_data);
    gpointer user_data;
} VsfPollContext;

typedef struct {              /* for the status */
    gint64 last_poll_us;      /* monotonic, 0 = never */
    gint64 stuck_since_us;    /* since when libvirt or QEMU does not answer for it, 0 = it does */
    gint64 stale_since_us;    /* when libvirt's part was had last, 0 = in the last turn */
    gboolean stopped;         /* the QEMU process is stopped */
    int pid;                  /* of QEMU, 0 unknown */
    VsfDomainCounters sent;   /* as they left last; all unknown before */
    VsfDomainCounters before; /* the turn before that, the same */
    gint64 before_us;         /* monotonic, 0 = there was none */
} VsfPollStatus;

typedef enum {
    VSF_POLL_REGULAR,
    VSF_POLL_EXTRA, /* to make good what the last sample lacked: none while a call is out */
    VSF_POLL_FIRST, /* right after the start: must leave within 0.5 s */
    VSF_POLL_LAST,  /* it shuts itself down: what can be had at once */
} VsfPollUrgency;

VsfDomainPoll *vsf_domain_poll_new(const VsfPollContext *context, VsfDomain *domain);
void vsf_domain_poll_free(VsfDomainPoll *poll);

/* FALSE: a turn is under way, or an extra one is no use. */
gboolean vsf_domain_poll_may_begin(const VsfDomainPoll *poll, VsfPollUrgency urgency);

/* Starts a turn unless one is under way. TRUE: the caller reads the counters
 * of the domain's taps and gives them to vsf_domain_poll_readings(), and calls
 * vsf_calls_begin_gathered() when it has begun all turns that are due. FALSE: no
 * turn (it may not begin, or the QEMU process is gone). */
gboolean vsf_domain_poll_begin(VsfDomainPoll *poll, VsfPollUrgency urgency);

/* Instead of a turn, for a domain that is not here: whether its QEMU still is. The registry may
 * take it for one that is here then. */
void vsf_domain_poll_look(VsfDomainPoll *poll);

/* Asks libvirt for what the last sample should have of the disks' counters, since at the end it
 * will not tell them any more: no sample leaves. Begun by vsf_calls_begin_gathered(). A turn that
 * begins meanwhile waits for this answer. */
void vsf_domain_poll_keep(VsfDomainPoll *poll);

/* A turn that is under way becomes one of this urgency, with its deadline from
 * now on. FALSE: none is. */
gboolean vsf_domain_poll_hurry(VsfDomainPoll *poll, VsfPollUrgency urgency);

/* The domain is gone: a last turn that is under way leaves with what it has,
 * any other with nothing. finished() is not called. TRUE if one was. */
gboolean vsf_domain_poll_end(VsfDomainPoll *poll);

/* @table: ifindex -> VsfLinkStats, NULL if they could not be read. */
void vsf_domain_poll_readings(VsfDomainPoll *poll, GHashTable *table);

/* The counters of one of the domain's taps at its end: the tap may be gone when
 * libvirt tells that the guest shuts itself down. */
void vsf_domain_poll_tap_final(VsfDomainPoll *poll, const VsfTap *tap, const VsfLinkStats *stats);

/* The last sample has not what libvirt could have told, or there was none yet. FALSE
 * while the QEMU process is stopped: then it cannot. */
gboolean vsf_domain_poll_lacks(const VsfDomainPoll *poll);

VsfDomain *vsf_domain_poll_domain(const VsfDomainPoll *poll);
VsfPollStatus vsf_domain_poll_status(const VsfDomainPoll *poll);
