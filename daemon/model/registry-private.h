/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What registry.c (domains), registry-links.c (links and taps), registry-ports.c (physical ports)
 * and registry-claims.c (which NIC claims which link) share. */
#pragma once

#include "registry.h"

typedef struct {
    VsfDomain domain; /* first: the public part */
    gint64 read_us;   /* of domain.def */
    gint64 state_us;  /* when an event told its state last, 0 = none did */
    GHashTable *lost; /* names of devices whose tap vanished during this run -> its MAC (6 bytes) */
    gboolean replaced; /* another run, by its id, without a word of that one's end */
} VsfRegistryDomain;

typedef struct {
    VsfTap tap;      /* first: the public part */
    char *device;    /* the NIC's name for it, NULL while provisional; the link may be renamed */
    gboolean by_mac; /* bound on the evidence of its MAC: later changes of the MAC do not matter */
} VsfRegistryTap;

typedef struct {
    VsfLink link;                /* first: the public part */
    gint64 named_us;             /* when it was first seen with this name */
    gint64 placed_us;            /* when it was first seen at this bridge, or at none */
    gint64 provisional_until_us; /* it may be provisional before that */
    gint64 xml_wanted_us;        /* when to ask for XML that decides, 0 = never */
    gboolean was_bound;          /* and released: its next message makes it provisional again */
    VsfRegistryTap *tap;         /* or NULL */
} VsfRegistryLink;

typedef struct {
    VsfRegistryDomain *domain;
    VsfNic *nic;
} VsfClaim;

struct VsfRegistry {
    const VsfRegistryCallbacks *callbacks;
    gpointer user_data;
    GStrv patterns;
    GHashTable *domains;        /* uuid -> VsfRegistryDomain, owned */
    GHashTable *links;          /* ifindex -> VsfRegistryLink, owned */
    GHashTable *links_by_name;  /* name -> the link that has it now */
    GHashTable *taps;           /* ifindex -> VsfRegistryTap, owned */
    GHashTable *taps_by_mac;    /* the bound ones: the guest's MAC -> GPtrArray of VsfTap */
    GHashTable *claims_by_name; /* device name -> GArray of VsfClaim */
    GHashTable *claims_by_tail; /* MAC but for its first byte -> GArray of VsfClaim */
    GStrv port_patterns;
    GHashTable *ports; /* ifindex -> guint64 *, its speed */
    GHashTable *ended; /* uuid -> gint64: XML read before that time is out of date */
    guint n_provisional;
};

#define VSF_CALL(registry, callback, ...)                                        \
    G_STMT_START                                                                 \
    {                                                                            \
        if ((registry)->callbacks->callback != NULL)                             \
            (registry)->callbacks->callback(__VA_ARGS__, (registry)->user_data); \
    }                                                                            \
    G_STMT_END

/* registry.c: forgets ends so old that no answer from before can still come. */
void vsf_registry_forget_ended(VsfRegistry *registry, gint64 now_us);

/* registry-claims.c */

typedef enum {
    VSF_EVIDENCE_NONE,
    VSF_EVIDENCE_STALE, /* newer XML would decide */
    VSF_EVIDENCE_NAME,
    VSF_EVIDENCE_MAC_AGAIN, /* the MAC fits, but the NIC lost a tap of this name before; or it is
                             * that tap's, which is back from another network namespace */
    VSF_EVIDENCE_MAC,
} VsfEvidence;

typedef struct {
    VsfClaim claim; /* all NULL if @evidence is below NAME and not STALE */
    VsfEvidence evidence;
} VsfChoice;

void vsf_registry_claims_init(VsfRegistry *registry);
void vsf_registry_claims_clear(VsfRegistry *registry);
void vsf_registry_claims_add(VsfRegistry *registry, VsfRegistryDomain *domain);
void vsf_registry_claims_remove(VsfRegistry *registry, VsfRegistryDomain *domain);

/* The NIC of @def whose host interface is @device and that can have a tap. */
VsfNic *vsf_registry_find_nic(const VsfDomainDef *def, const char *device);

/* The best claim on @link, and its evidence. */
VsfChoice vsf_registry_choose(const VsfRegistry *registry, const VsfRegistryLink *link);

/* registry-links.c */

void vsf_registry_links_init(VsfRegistry *registry);
void vsf_registry_links_clear(VsfRegistry *registry);

/* Binds, rebinds, releases or begins to sample @link as the facts now say. */
void vsf_registry_resolve(VsfRegistry *registry, VsfRegistryLink *link, gint64 now_us);

/* Ends the sampling of a tap whose domain or NIC is over; the link stays known. */
void vsf_registry_release(VsfRegistry *registry, VsfRegistryTap *tap);

/* A provisional one with its link, in the table, and not told of. */
VsfRegistryTap *vsf_registry_new_tap(VsfRegistry *registry, VsfRegistryLink *link);

/* Takes the tap out of every table, tells, and frees it. Its domain and NIC
 * can still be read in the callback. */
void vsf_registry_remove_tap(VsfRegistry *registry, VsfRegistryTap *tap);

/* Puts the taps of @domain into the order of its NICs. */
void vsf_registry_sort_taps(VsfDomain *domain);

/* Files @tap under its NIC's MAC, or takes it out. */
void vsf_registry_file_mac(VsfRegistry *registry, VsfTap *tap);
void vsf_registry_unfile_mac(VsfRegistry *registry, VsfTap *tap);

/* registry-ports.c */

void vsf_registry_ports_init(VsfRegistry *registry);
void vsf_registry_ports_clear(VsfRegistry *registry);

/* Begins or ends to sample @link as a port, as the facts now say. TRUE: it is a physical port,
 * sampled or not, and so nothing else. */
gboolean vsf_registry_resolve_port(VsfRegistry *registry, VsfRegistryLink *link);
