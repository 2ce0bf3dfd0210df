/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who runs here: every running domain, every tap, and which tap is whose; and which
 * physical ports of the host are sampled beside them.
 *
 * Facts come in from libvirt (primary), from link messages (when a tap really
 * exists and which ifIndex it has) and from the hook (a hint); decisions go out
 * through the callbacks. Messages that are lost, doubled or out of order change
 * nothing but lead time. Main thread only; time is an argument.
 *
 * A tap is an ifIndex, never a name: libvirt reuses vnet0 at once. A link is
 * bound to a NIC by name, and only with evidence that this link is that NIC's:
 * the link's MAC is the guest's but for its first byte (what libvirt gives its
 * taps; a macvtap has the guest's own), or the XML was read after the link
 * appeared and no running domain that also claims the name has the MAC.
 * One that the NIC had in this run and lost (it went to another network namespace, say) is taken
 * up again, with newer XML, if it has the MAC that it had.
 * The second kind, by name alone, is refused if the MAC is one that libvirt
 * made for another guest (libvirt makes the taps of NICs with a <source
 * bridge=>) or is that of another running domain's NIC, or if the NIC had a tap
 * in this run already and lost it: so the XML of a domain that is just dying
 * does not get the tap that took over its name. A better claim takes a tap away
 * from a worse one at any time, and of two equal ones the younger run has it. */
#pragma once

#include "domain.h"
#include "link.h"

#include <glib.h>

/* libvirt's virDomainState and the parts of its events that matter here. */
typedef enum {
    VSF_STATE_UNKNOWN = -1,
    VSF_STATE_NOSTATE = 0,
    VSF_STATE_RUNNING = 1,
    VSF_STATE_BLOCKED = 2,
    VSF_STATE_PAUSED = 3,
    VSF_STATE_SHUTDOWN = 4,
    VSF_STATE_SHUTOFF = 5,
    VSF_STATE_CRASHED = 6,
    VSF_STATE_PMSUSPENDED = 7,
} VsfDomainState;

typedef struct VsfRegistry VsfRegistry;
typedef struct VsfDomain VsfDomain;
typedef struct VsfTap VsfTap;

struct VsfDomain {
    VsfDomainDef *def; /* the newest XML of this run */
    guint32 index;     /* data source 3:index */
    char *name;        /* exported name, sanitised */
    int state;         /* VsfDomainState */
    int reason;        /* libvirt's number */
    gboolean here;     /* vsf_lifecycle_is_here(): its samples are this host's to send */
    gint64 since_us;   /* monotonic: when this run was first seen */
    GPtrArray *taps;   /* VsfTap bound to this domain, not owned, in NIC order */
    gpointer owner;    /* for the app: its per-domain state; the registry never looks at it */
};

typedef enum {
    VSF_TAP_PROVISIONAL, /* it only matches the patterns: nobody's yet */
    VSF_TAP_OF_VM,
    VSF_TAP_PORT, /* no tap, but a physical port of the host */
} VsfTapRole;

/* An interface that is sampled. */
struct VsfTap {
    VsfLink link; /* the newest link message */
    VsfTapRole role;
    VsfDomain *domain; /* OF_VM's, else NULL */
    const VsfNic *nic; /* into domain->def; NULL where @domain is */
    VsfNicKind kind;   /* TAP or MACVTAP, also while provisional; a port counts as a tap does */
    guint64 speed_bps; /* a port's; 0: unknown */
    gint64 provisional_until_us;
    gint64 since_us; /* it has been where it is, with the NIC's MAC that it has, since then */
    gint64 doubtful_until_us; /* others use its MAC: see ends.h, which sets this */
    gpointer owner;           /* for the app: sampler state */
    guint16 port_vlan;        /* for the app: VLAN of its port of a switch, 0: none known */
    gboolean switch_samples;  /* for the app: its switch sends its packets and counters for us */
};

/* Whose it is is settled, so that what was picked on it may leave. */
static inline gboolean
vsf_tap_is_settled(const VsfTap *tap)
{
    return tap->role != VSF_TAP_PROVISIONAL;
}

/* A physical port, as the host's devices tell. */
typedef struct {
    int ifindex;
    guint64 speed_bps; /* 0: unknown */
} VsfPort;

typedef struct {
    /* A run of a domain began to be known; its taps follow by tap_bound. */
    void (*domain_added)(VsfDomain *domain, gpointer user_data);
    /* New XML (NICs, disks, vCPUs, name may differ) or another state. */
    void (*domain_changed)(VsfDomain *domain, gpointer user_data);
    /* The run is over; @domain is freed afterwards. Its taps were released before. */
    void (*domain_removed)(VsfDomain *domain, gpointer user_data);
    /* Sample this interface. If it is PROVISIONAL, hold its samples until tap_bound. */
    void (*tap_added)(VsfTap *tap, gpointer user_data);
    /* @tap->domain and @tap->nic are set now (after tap_added, or with it). */
    void (*tap_bound)(VsfTap *tap, gpointer user_data);
    /* Its link went up, down, changed name or bridge; a port's speed is another. */
    void (*tap_changed)(VsfTap *tap, gpointer user_data);
    /* Stop sampling; @tap is freed afterwards. */
    void (*tap_removed)(VsfTap *tap, gpointer user_data);
    /* A link has the name of one of @domain's NICs, its MAC does not tell whose
     * it is, and the XML is older than the link: fetch the XML again. Called
     * from vsf_registry_expire(), when no newer XML came within a second. */
    void (*xml_wanted)(VsfDomain *domain, gpointer user_data);
    /* The index for a UUID (from the index table) and the name for a definition. */
    guint32 (*index_for)(const VsfDomainDef *def, gpointer user_data);
    char *(*name_for)(const VsfDomainDef *def, gpointer user_data);
} VsfRegistryCallbacks; /* each may be NULL; none may change the registry */

/* @patterns: interface names that may be sampled (wildcards * and ?), both for
 * provisional taps and for bound ones; copied. @callbacks must outlive it. */
VsfRegistry *vsf_registry_new(const char *const *patterns, const VsfRegistryCallbacks *callbacks,
                              gpointer user_data);

/* Other patterns: taps that match none of them are let go, and those that match now are found. */
void vsf_registry_set_patterns(VsfRegistry *registry, const char *const *patterns, gint64 now_us);

/* The physical ports that there are, all of them, instead of those told before; copied. They
 * count as soon as their link is seen, and never as a VM's. */
void vsf_registry_set_ports(VsfRegistry *registry, const VsfPort *ports, guint n_ports,
                            gint64 now_us);

/* Which of them are sampled, by name; none at first. */
void vsf_registry_set_port_patterns(VsfRegistry *registry, const char *const *patterns,
                                    gint64 now_us);

/* Calls tap_removed and domain_removed for all that is left. Takes NULL. */
void vsf_registry_free(VsfRegistry *registry);

/* A running domain's XML. Takes @def. @read_us: monotonic time just before it
 * was asked for (the hook's: when its message came). @state may be
 * VSF_STATE_UNKNOWN (the hook knows none). Another libvirt id than the known
 * run's means that run is over: removed first, then added. Returns the domain,
 * NULL if @def is not running (id < 0: then the run, if any, is over). XML that
 * was asked for before the newest known one, or before the end of the run was
 * told, is out of date and changes nothing. */
VsfDomain *vsf_registry_domain_seen(VsfRegistry *registry, VsfDomainDef *def, int state, int reason,
                                    gint64 read_us, gint64 now_us);

/* State only, as an event at @now_us told it: what was asked for before then has an older one.
 * Unknown UUIDs are ignored: FALSE, and the caller fetches the XML. */
gboolean vsf_registry_domain_state(VsfRegistry *registry, const char *uuid, int state, int reason,
                                   gint64 now_us);

/* libvirt told of its start, and that no migration brings it: it is here, whatever it waits for. */
void vsf_registry_domain_began(VsfRegistry *registry, VsfDomain *domain);

/* Its QEMU runs. If libvirt's word on its state has been awaited for VSF_WORD_US it is here, until
 * libvirt says otherwise. */
void vsf_registry_domain_runs(VsfRegistry *registry, VsfDomain *domain, gint64 now_us);

/* What name_for() says of it may be another now: asks it again. */
void vsf_registry_domain_renamed(VsfRegistry *registry, VsfDomain *domain);

/* The run ended. Its taps go back to provisional only by a new link message.
 * libvirt's STOPPED does not say which run it means: if this run took another
 * one's place (by its id) and no end was told since, the message is taken for
 * that one's and FALSE is returned, once: the caller fetches to be sure. TRUE:
 * no run is left. */
gboolean vsf_registry_domain_gone(VsfRegistry *registry, const char *uuid, gint64 now_us);

/* An answer that was asked for at @asked_us says that it does not run. Unlike
 * an event's this is sure; newer XML is newer still and stays. */
void vsf_registry_domain_not_running(VsfRegistry *registry, const char *uuid, gint64 asked_us);

/* Removes every domain that is not in @uuids (the answer of one list call
 * asked for at @asked_us): runs whose XML was read after @asked_us stay. */
void vsf_registry_reconcile(VsfRegistry *registry, const char *const *uuids, gint64 asked_us);

/* RTM_NEWLINK and RTM_DELLINK. A move to another namespace arrives as gone. */
void vsf_registry_link_seen(VsfRegistry *registry, const VsfLink *link, gint64 now_us);
void vsf_registry_link_gone(VsfRegistry *registry, int ifindex);

/* After a full dump: links that are not in @ifindexes are gone. */
void vsf_registry_links_reconcile(VsfRegistry *registry, const int *ifindexes, guint n_ifindexes);

/* Lets provisional taps go whose 10 s are over, and asks for XML that decides
 * about a link. Returns the monotonic time of the next of either, or -1. */
gint64 vsf_registry_expire(VsfRegistry *registry, gint64 now_us);

VsfDomain *vsf_registry_by_uuid(const VsfRegistry *registry, const char *uuid);
/* How many of the domains are here (VsfDomain.here). */
guint vsf_registry_n_here(const VsfRegistry *registry);
VsfTap *vsf_registry_tap(const VsfRegistry *registry, int ifindex);
/* Any link of the host that was seen, tap or not; NULL if unknown. */
const VsfLink *vsf_registry_link(const VsfRegistry *registry, int ifindex);
/* The bound tap whose NIC has this MAC, NULL if no local sampled VM has it. */
VsfTap *vsf_registry_tap_by_mac(const VsfRegistry *registry, const guint8 mac[6]);
/* All of them (VsfTap, not owned), since two bridges may each have a VM with
 * this MAC; NULL if there is none. */
const GPtrArray *vsf_registry_taps_by_mac(const VsfRegistry *registry, const guint8 mac[6]);

/* How many NICs of running domains have this MAC and are, or may be, where frames from
 * @tap get without leaving the host: on its bridge, if that knows no VLANs, or beside it
 * on a macvtap's lower interface, @tap itself included. From a port frames get to the taps
 * of the bridge that it, or the bond above it, is of, and to the macvtaps above either.
 * One that has no tap may be anywhere. *@holder: the only one's tap; NULL if there are more, if
 * there is none, and if it has no tap. Open vSwitch shows all its ports under one master, whatever
 * keeps them apart: nobody is known to be where one of its taps is. */
guint vsf_registry_holders(const VsfRegistry *registry, const VsfTap *tap, const guint8 mac[6],
                           VsfTap **holder);

/* VsfDomain and VsfTap, not owned; valid until the next change. */
GHashTable *vsf_registry_domains(const VsfRegistry *registry); /* uuid text -> VsfDomain */
GHashTable *vsf_registry_taps(const VsfRegistry *registry);    /* ifindex -> VsfTap, ports too */
/* Every link seen: ifindex -> VsfLink. */
GHashTable *vsf_registry_links(const VsfRegistry *registry);

#define VSF_PROVISIONAL_US (10 * G_USEC_PER_SEC)
/* Provisional taps at a time. One more takes the place of the oldest, which is not
 * sampled any more until a VM claims it. */
#define VSF_PROVISIONAL_MAX 256
#define VSF_XML_WANTED_US G_USEC_PER_SEC
/* From the hook's announcement of a domain; libvirt is asked in half of it. */
#define VSF_WORD_US (30 * G_USEC_PER_SEC)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfRegistry, vsf_registry_free)
