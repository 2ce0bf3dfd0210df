/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest says through the QEMU guest agent: one conversation over a
 * transport that the caller brings, and the facts that come out of it.
 *
 * The guest wrote every byte. What is here is bounded and typed, never more: a
 * number may still be a lie. Sums over a list must be checked for overflow.
 *
 * Unknown is VSF_QGA_UNKNOWN for a counter or a size, NULL for a text, -1 for a
 * load. A field is unknown if the guest left it out, or gave it as another type,
 * negative, or above 2^63 - 1. Of two members with one name the last counts.
 * Texts are UTF-8 without control characters, cut at VSF_QGA_TEXT_MAX bytes; what
 * cannot be shown is '?'. They may hold quotes and spaces.
 *
 * "since" is the QEMU version whose agent has it. Any thread but the main loop. */
#pragma once

#include <glib.h>

#define VSF_QGA_UNKNOWN G_MAXUINT64
#define VSF_QGA_UNKNOWN_LOAD (-1.0)

/* Bounds. A reply beyond the first three is refused whole, a list is cut. */
#define VSF_QGA_REPLY_BYTES_MAX (1024 * 1024)
#define VSF_QGA_REPLY_DEPTH_MAX 32
#define VSF_QGA_REPLY_VALUES_MAX 50000
#define VSF_QGA_TEXT_MAX 255
#define VSF_QGA_FILESYSTEMS_MAX 1024
#define VSF_QGA_DISKS_MAX 16 /* of one filesystem */
#define VSF_QGA_CPUS_MAX 4096
#define VSF_QGA_DISK_STATS_MAX 1024
#define VSF_QGA_INTERFACES_MAX 256
#define VSF_QGA_ADDRESSES_MAX 64 /* of one interface */

#define VSF_QGA_ERROR (vsf_qga_error_quark())
GQuark vsf_qga_error_quark(void);

/* Why a request has no result, though the transport works. */
typedef enum {
    VSF_QGA_ERROR_MALFORMED, /* no reply of the agent's language, or beyond the bounds */
    VSF_QGA_ERROR_NOT_FOUND, /* the agent has no such command */
    VSF_QGA_ERROR_DISABLED,  /* the guest's administrator forbids it; agents before
                                6.0 say so of a frozen guest too */
    VSF_QGA_ERROR_FROZEN,    /* the guest's filesystems are frozen, no failure */
    VSF_QGA_ERROR_FAILED,    /* the guest tried and failed */
    VSF_QGA_ERROR_NO_TIME,   /* not asked: the conversation's budget is used up */
} VsfQgaError;

/* The error that the agent's own words mean. @class_name: the envelope's "class",
 * NULL where only the text is left, as in libvirt's "unable to execute QEMU agent
 * command 'guest-get-load': The command guest-get-load has not been found". */
GError *vsf_qga_error_new(const char *class_name, const char *text);

/* The commands that this code can say, and no other: all of them only read. */
typedef enum {
    VSF_QGA_COMMAND_INFO,       /* guest-info */
    VSF_QGA_COMMAND_FSINFO,     /* guest-get-fsinfo, since 2.2 */
    VSF_QGA_COMMAND_DISKSTATS,  /* guest-get-diskstats, since 7.1, Linux */
    VSF_QGA_COMMAND_CPUSTATS,   /* guest-get-cpustats, since 7.1, Linux */
    VSF_QGA_COMMAND_OSINFO,     /* guest-get-osinfo, since 2.10 */
    VSF_QGA_COMMAND_HOST_NAME,  /* guest-get-host-name, since 2.10 */
    VSF_QGA_COMMAND_INTERFACES, /* guest-network-get-interfaces, since 1.1 */
    VSF_QGA_COMMAND_LOAD,       /* guest-get-load, since 10.0, Linux */
    VSF_QGA_COMMAND_FILE_OPEN,  /* guest-file-*, since 0.15; only /proc/meminfo, for */
    VSF_QGA_COMMAND_FILE_READ,  /* reading. Distributions of the RHEL family forbid them */
    VSF_QGA_COMMAND_FILE_CLOSE,
    VSF_QGA_N_COMMANDS,
} VsfQgaCommand;

/* "guest-get-fsinfo" */
const char *vsf_qga_command_name(VsfQgaCommand command);

/* The command with this name, or VSF_QGA_N_COMMANDS. */
VsfQgaCommand vsf_qga_command_of_name(const char *name);

/* The request as the agent takes it, one line. @handle is that of FILE_READ and FILE_CLOSE, and
 * not looked at otherwise. The caller owns the result. */
char *vsf_qga_request(VsfQgaCommand command, gint64 handle);

/* guest-info. Ask once per connection of the agent, and again after FROZEN. */
typedef struct {
    char *version;   /* "7.2.22" */
    guint32 listed;  /* bit 1 << VsfQgaCommand: the agent has the command */
    guint32 enabled; /* and may run it */
    gboolean frozen; /* only what is safe while frozen is enabled: says nothing of
                        what the agent may do once thawed */
} VsfQgaInfo;

gboolean vsf_qga_info_may(const VsfQgaInfo *info, VsfQgaCommand command);
VsfQgaInfo *vsf_qga_info_copy(const VsfQgaInfo *info); /* NULL gives NULL */
void vsf_qga_info_free(VsfQgaInfo *info);

/* A disk below a filesystem. Numbers are G_MAXUINT32 if unknown. */
typedef struct {
    char *serial;   /* since 3.1; OpenStack: the volume's UUID */
    char *dev;      /* "/dev/vda1", since 3.1; Windows: "\\.\PhysicalDrive0" */
    char *bus_type; /* "virtio", "scsi", "unknown" */
    guint32 pci_domain, pci_bus, pci_slot, pci_function;
    guint32 bus, target, unit;
} VsfQgaDisk;

/* guest-get-fsinfo lists what is on a block device: no tmpfs, overlay, network
 * or ZFS filesystems. */
typedef struct {
    char *name;                     /* kernel's device "vda1", "dm-0"; Windows: the volume's GUID */
    char *mount_point;              /* the shortest of those it is mounted at; "C:\" */
    char *type;                     /* "ext4", "NTFS"; NULL if left out */
    guint64 used_bytes;             /* since 3.0; at most total_bytes if both are known */
    guint64 total_bytes;            /* since 3.0: used + what an unprivileged process can still
                                       take, not the raw size. May be 0. Windows leaves both
                                       out for a volume that is not mounted */
    guint64 total_privileged_bytes; /* since 9.1: with what is reserved for root */
    gboolean read_only_type;        /* such as iso9660 or squashfs: full from birth, not to be
                                       counted. The agent does not tell a read-only mount of others */
    GPtrArray *disks;               /* VsfQgaDisk, never NULL; often empty */
} VsfQgaFilesystem;

typedef struct {
    GPtrArray *filesystems; /* VsfQgaFilesystem, one per name, in the guest's order */
    guint n_repeated;       /* bind mounts and subvolumes of those */
    guint n_left_out;       /* beyond the bound, or without name or mount point */
} VsfQgaFilesystems;

/* guest-get-diskstats: /proc/diskstats, with partitions, loop and dm devices. */
typedef struct {
    char *name;
    guint32 major, minor;
    guint64 read_ios, read_merges, read_sectors, read_ms; /* sectors of 512 bytes */
    guint64 write_ios, write_merges, write_sectors, write_ms;
    guint64 discard_ios, discard_merges, discard_sectors, discard_ms; /* Linux >= 4.18 */
    guint64 flush_ios, flush_ms;                                      /* Linux >= 5.5 */
    guint64 in_progress, total_ms, weighted_ms;
} VsfQgaDiskStats;

/* guest-get-cpustats: milliseconds since the guest booted, of one CPU. */
typedef struct {
    guint32 cpu;
    guint64 user_ms, nice_ms, system_ms, idle_ms;
    guint64 iowait_ms, irq_ms, softirq_ms, steal_ms, guest_ms, guest_nice_ms;
} VsfQgaCpuStats;

/* guest-get-osinfo. On Windows id is "mswindows", kernel_version "10.0",
 * kernel_release the build. A system without os-release gives the kernel's
 * fields and machine only. */
typedef struct {
    char *id, *name, *pretty_name, *version, *version_id, *variant, *variant_id;
    char *kernel_release, *kernel_version, *machine;
} VsfQgaOs;

typedef struct {
    char *address;  /* as the guest wrote it, not parsed */
    guint32 family; /* 4, 6, or 0 for neither */
    guint32 prefix; /* G_MAXUINT32 if unknown */
} VsfQgaAddress;

/* guest-network-get-interfaces; bytes and packets as the guest sees them. */
typedef struct {
    char *name;
    char *hardware_address;                              /* NULL for those without */
    GPtrArray *addresses;                                /* VsfQgaAddress, never NULL */
    guint64 rx_bytes, rx_packets, rx_errors, rx_dropped; /* since 2.11 */
    guint64 tx_bytes, tx_packets, tx_errors, tx_dropped;
} VsfQgaInterface;

typedef struct {
    double one_minute, five_minutes, fifteen_minutes;
} VsfQgaLoad;

/* /proc/meminfo in bytes. total is always known. Kernels before 3.14 give no
 * available. */
typedef struct {
    guint64 total, available; /* available <= total */
    guint64 buffers, cached;
    guint64 swap_total, swap_free; /* free <= total */
} VsfQgaMemory;

/* The parts of a conversation, in the order in which they are asked for. */
typedef enum {
    VSF_QGA_PART_FILESYSTEMS,
    VSF_QGA_PART_MEMORY,
    VSF_QGA_PART_OS,
    VSF_QGA_PART_HOST_NAME,
    VSF_QGA_PART_LOAD,
    VSF_QGA_PART_CPU_STATS,
    VSF_QGA_PART_DISK_STATS,
    VSF_QGA_PART_INTERFACES,
    VSF_QGA_N_PARTS,
} VsfQgaPart;

#define VSF_QGA_WANT(part) (1u << (part))
#define VSF_QGA_WANT_ALL ((1u << VSF_QGA_N_PARTS) - 1)

typedef enum {
    VSF_QGA_STATE_NOT_ASKED, /* not wanted, or the conversation ended before */
    VSF_QGA_STATE_KNOWN,
    VSF_QGA_STATE_NOT_FOUND,
    VSF_QGA_STATE_DISABLED, /* by guest-info, not asked */
    VSF_QGA_STATE_FROZEN,   /* also if the agent forbids what it had listed as enabled */
    VSF_QGA_STATE_FAILED,   /* the agent is fine: Windows has no /proc/meminfo */
    VSF_QGA_STATE_MALFORMED,
    VSF_QGA_STATE_NO_REPLY, /* the transport failed */
    VSF_QGA_STATE_NO_TIME,
} VsfQgaState;

/* A word for the status, such as "frozen". */
const char *vsf_qga_state_name(VsfQgaState state);

/* Sends @request, one line without newline, and returns the agent's whole reply
 * (the caller owns it), or NULL with @error set. An error of domain VSF_QGA_ERROR
 * is the agent's own refusal of this request; any other means that the agent does
 * not answer, and ends the conversation. May block for about @timeout_s, >= 1. */
typedef char *(*VsfQgaTransport)(const char *request, int timeout_s, GError **error,
                                 gpointer user_data);

/* Monotonic microseconds. */
typedef gint64 (*VsfQgaClock)(gpointer user_data);

/* Agents count from 1000. */
#define VSF_QGA_NO_HANDLE 0

typedef struct {
    VsfQgaTransport send;
    VsfQgaClock now_us;
    gpointer user_data;     /* of both */
    int timeout_s;          /* of one request, >= 1 */
    int budget_s;           /* of all: no request starts when less than 1 s is left, but
                               for the one that closes a file */
    guint32 wants;          /* VSF_QGA_WANT() of each part */
    const VsfQgaInfo *info; /* of this connection, or NULL: then guest-info comes first */
    gint64 open_handle;     /* of the last report, else VSF_QGA_NO_HANDLE */
} VsfQgaPlan;

typedef struct {
    VsfQgaInfo *info;                   /* if guest-info was asked and answered, else NULL */
    VsfQgaState state[VSF_QGA_N_PARTS]; /* KNOWN: the part's member below is not NULL */
    char *reason[VSF_QGA_N_PARTS];      /* why it is not known, one line, or NULL */
    VsfQgaFilesystems *filesystems;
    VsfQgaMemory *memory;
    VsfQgaOs *os;
    char *host_name;
    VsfQgaLoad *load;
    GArray *cpu_stats;     /* VsfQgaCpuStats */
    GPtrArray *disk_stats; /* VsfQgaDiskStats */
    GPtrArray *interfaces; /* VsfQgaInterface */
    GError *error;         /* why the conversation ended early; NULL if it did not */
    VsfQgaState ended;     /* what that means for the parts that it did not come to */
    gboolean frozen;       /* nothing failed: ask again later, with no info */
    gint64 open_handle;    /* of a file in the guest that could not be closed: give it to
                              the next conversation of this agent connection */
    guint n_requests;
    gint64 slowest_us; /* of the requests */
} VsfQgaReport;

/* Asks for what @plan wants, one request after the other, and only for what the
 * agent lists as enabled. Never NULL. Blocks as long as the transport does: run it
 * on a worker. */
VsfQgaReport *vsf_qga_inspect(const VsfQgaPlan *plan);
void vsf_qga_report_free(VsfQgaReport *report);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfQgaInfo, vsf_qga_info_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfQgaReport, vsf_qga_report_free)
