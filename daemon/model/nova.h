/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nova writes into the metadata of its VMs (nova/virt/libvirt/config.py, namespaces 1.0
 * and 1.1; ports since 1.1). Tenants choose the texts. Plain values, owned by their domain. */
#pragma once

#include <glib.h>

#define VSF_NOVA_TEXT_MAX 254 /* bytes of a text: what a custom metric takes */
#define VSF_NOVA_ID_MAX 64    /* of an id: Keystone's have up to that */
#define VSF_NOVA_PORTS_MAX 256
#define VSF_NOVA_ADDRESSES_MAX 32 /* of one port */
#define VSF_NOVA_UNKNOWN G_MAXUINT64

/* Every text is UTF-8 without control characters, line separators and blanks at its ends, and
 * an id is of [A-Za-z0-9._-]: what is not so was made so, or counts as absent. */
typedef struct {
    char *id;   /* or NULL */
    char *name; /* or NULL */
} VsfNovaParty;

typedef struct {
    char *name;              /* of the flavor, or NULL */
    guint64 vcpus;           /* VSF_NOVA_UNKNOWN, as all numbers here */
    guint64 memory, swap;    /* bytes; nova counts MiB */
    guint64 disk, ephemeral; /* bytes; nova counts GiB. 0: the volume's own size */
} VsfNovaFlavor;

typedef struct {
    char *id;             /* Neutron's, a UUID in lower case */
    GPtrArray *addresses; /* char *, IPv4 and IPv6 in text, in the XML's order */
} VsfNovaPort;

typedef struct {
    char *name;        /* the display name, or NULL */
    guint64 created_s; /* since 1970, UTC: when nova made this XML */
    VsfNovaFlavor flavor;
    VsfNovaParty user, project;
    char *image;      /* the id of the image that it boots from; NULL: a volume, or not told */
    GPtrArray *ports; /* VsfNovaPort: as Neutron lists them, not in the order of the NICs */
} VsfNova;

VsfNova *vsf_nova_new(void);
void vsf_nova_free(VsfNova *nova);

/* Takes nothing: NULL if nothing is left of @text, or it is NULL. */
char *vsf_nova_text(const char *text);
char *vsf_nova_id(const char *text);

/* "YYYY-MM-DD HH:MM:SS", UTC; VSF_NOVA_UNKNOWN for anything else. */
guint64 vsf_nova_time(const char *text);
