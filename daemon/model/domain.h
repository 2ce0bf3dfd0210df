/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain as its XML describes it: a plain value, parsed by domain-xml, owned
 * by whoever holds it, and never changed after parsing. */
#pragma once

#include "nova.h"

#include <glib.h>

#define VSF_PCI_TEXT 13  /* "0000:81:00.2" and the NUL */
#define VSF_UUID_TEXT 37 /* 36 characters and the NUL */

typedef enum {
    VSF_NIC_TAP,        /* bridge, network, ethernet: a tap on the host, sampled */
    VSF_NIC_MACVTAP,    /* type='direct': a macvtap, sampled, mirrored sense */
    VSF_NIC_VHOST_USER, /* a switch's shared memory: no kernel interface */
    VSF_NIC_HOSTDEV,    /* SR-IOV: no kernel interface on the host */
    VSF_NIC_OTHER,      /* user, passt, vdpa, mcast ...: nothing to sample */
} VsfNicKind;

typedef struct {
    VsfNicKind kind;
    guint8 mac[6];          /* as the guest sees it; all zero if the XML has none */
    char *type;             /* <interface type=>, or NULL */
    char *device;           /* interface on the host, "vnet0"; NULL while there is none */
    char *socket;           /* path of a VHOST_USER's, or NULL */
    char *bridge;           /* <source bridge=...>, or NULL */
    char *alias;            /* "net0", or NULL */
    char *port;             /* <virtualport>'s interfaceid, a UUID in lower case, or NULL */
    char pci[VSF_PCI_TEXT]; /* of a HOSTDEV: the host's device, "" if the XML has none */
    guint64 bandwidth_bps;  /* larger of <bandwidth>'s average limits, bits/s; 0 = no limit */
} VsfNic;

typedef enum {
    VSF_DISK_FILE,
    VSF_DISK_BLOCK,
    VSF_DISK_NETWORK,    /* rbd, nbd, iscsi, ... */
    VSF_DISK_VOLUME,     /* pool and volume: what is behind it is not in the XML */
    VSF_DISK_VHOST_USER, /* no statistics */
    VSF_DISK_OTHER,      /* nvme, dir, ... */
} VsfDiskKind;

typedef struct {
    char *target; /* "vda" */
    VsfDiskKind kind;
    gboolean removable; /* device is cdrom or floppy */
    gboolean readonly;
    gboolean empty;        /* no source at all */
    gboolean config_drive; /* nova's, by its source's name in a VM that is nova's: no tenant's data
                            * are on it */
    char *source;          /* path, device, "rbd:pool/image", "pool/volume", or NULL */
    char *serial;          /* <serial>, or NULL; both are cleaned as nova's texts are */
} VsfDisk;

typedef enum { VSF_AGENT_UNKNOWN, VSF_AGENT_CONNECTED, VSF_AGENT_DISCONNECTED } VsfAgentState;

#define VSF_MONITOR_NAMESPACE "https://virt-sflow.org/xmlns/domain/1"
#define VSF_MONITOR_SAMPLING_MAX 10000000
#define VSF_MONITOR_UNSET G_MAXUINT32

/* <monitor xmlns="VSF_MONITOR_NAMESPACE" agent="on | off" sampling="N"/> below
 * <metadata>, whatever its prefix. A value that is not allowed counts as not given. */
typedef struct {
    gboolean agent_off; /* agent="off": its guest agent is not to be asked */
    guint32 sampling;   /* 0 (off) to _SAMPLING_MAX; VSF_MONITOR_UNSET: as configured */
} VsfMonitor;

typedef struct {
    char uuid[VSF_UUID_TEXT]; /* lower case, with dashes */
    guint8 uuid_bytes[16];
    int id;                 /* libvirt's id of this run, -1 when not running */
    char *name;             /* raw, may hold anything that is UTF-8 */
    char *title;            /* raw <title>, or NULL */
    VsfNova *nova;          /* what nova says of it, or NULL */
    char *arch;             /* <type arch=...>, "x86_64", or NULL */
    guint n_vcpus;          /* <vcpu current=...>, else <vcpu> */
    guint64 max_memory;     /* bytes, <memory> */
    guint64 memory;         /* bytes, <currentMemory>: the balloon when the XML was made */
    gboolean has_agent;     /* the guest agent's channel is there */
    VsfAgentState agent;    /* whether an agent was connected to it when the XML was made */
    gboolean has_balloon;   /* a balloon device of a model other than none */
    guint balloon_period_s; /* <memballoon><stats period=...>; 0: collects nothing */
    VsfMonitor monitor;     /* what the domain's own metadata asks of us */
    GPtrArray *nics;        /* VsfNic, in the XML's order */
    GPtrArray *disks;       /* VsfDisk, in the XML's order */
} VsfDomainDef;

VsfDomainDef *vsf_domain_def_new(void);
void vsf_domain_def_free(VsfDomainDef *def);
void vsf_nic_free(VsfNic *nic);
void vsf_disk_free(VsfDisk *disk);

/* Neutron's id of the port that @nic is, or NULL: by its virtualport, else the one of nova's whose
 * first 11 characters the device is named by (tapXXXXXXXX-XX), or with vhost-user, whose device
 * libvirt may not know, the device or the socket's file (vhuXXXXXXXX-XX). */
const char *vsf_domain_port(const VsfDomainDef *def, const VsfNic *nic);

/* The id of the Cinder volume that @disk is: nova gives it as its serial, a UUID in lower case with
 * dashes. NULL: it is none. */
const char *vsf_domain_volume(const VsfDomainDef *def, const VsfDisk *disk);

/* The disk of that target, or NULL. */
const VsfDisk *vsf_domain_disk(const VsfDomainDef *def, const char *target);

/* Writes 16 bytes; FALSE if @text is no UUID (then @bytes is untouched). Takes
 * upper and lower case, with or without dashes. */
gboolean vsf_uuid_parse(const char *text, guint8 bytes[16]);
void vsf_uuid_format(const guint8 bytes[16], char text[VSF_UUID_TEXT]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDomainDef, vsf_domain_def_free)
