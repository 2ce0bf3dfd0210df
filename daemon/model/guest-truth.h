/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What virt_memory.memory and virt_disk_io.available mean for one run of a
 * domain, and what to send now.
 *
 * A series never changes its meaning: each field chooses its source once per
 * run and keeps it; from then on a missing or stale value is unknown, never
 * another source's number. Where the guest may still answer, the field is
 * unknown until it does, or until VSF_TRUTH_PATIENCE_S passed without an
 * answer; only then, and for guests that cannot answer at once, the host's
 * number is used. Pure; time is an argument. */
#pragma once

#include "counters.h"
#include "guest-facts.h"

#define VSF_TRUTH_PATIENCE_S 300
#define VSF_TRUTH_FRESH_S 60 /* at least; else three collection periods */

typedef enum {
    VSF_SOURCE_UNDECIDED,
    VSF_SOURCE_BALLOON, /* memory in use inside the guest, by the balloon's statistics */
    VSF_SOURCE_AGENT,   /* inside the guest, by its agent */
    VSF_SOURCE_HOST,    /* the balloon's size; capacity - allocation */
    VSF_N_SOURCES,
} VsfSource;

/* NULL for UNDECIDED; else "balloon", "agent", "host". */
const char *vsf_source_name(VsfSource source);
/* FALSE if @name (may be NULL) is no source's. */
gboolean vsf_source_of_name(const char *name, VsfSource *source);

/* Why a field has no value; OK: it has one. */
typedef enum {
    VSF_WHY_OK,
    VSF_WHY_WAITING,       /* no source yet: the guest may still answer; or the agent is the
                              source, and was not asked since the daemon began */
    VSF_WHY_NO_STATISTICS, /* libvirt gave none this time */
    VSF_WHY_NO_DRIVER,     /* the guest has no balloon driver */
    VSF_WHY_STALE,         /* the source's last value is too old */
    VSF_WHY_AGENT_OFF,     /* the agent may not be asked any more, or is not there */
    VSF_WHY_NOT_FOUND,     /* the agent has no such command */
    VSF_WHY_DISABLED,      /* the guest's administrator forbids it */
    VSF_WHY_FROZEN,
    VSF_WHY_FAILED,
    VSF_WHY_MALFORMED,
    VSF_WHY_NO_REPLY,
    VSF_WHY_INCOMPLETE, /* the guest told a part only */
    VSF_WHY_NOT_FILES,  /* host: not every writable disk is a file of known size */
    VSF_N_WHYS,
} VsfWhy;

/* A word for programs: "ok", "waiting", "no-statistics" ... */
const char *vsf_why_name(VsfWhy why);

/* libvirt's BALLOON group. Bytes, VSF_UNKNOWN where it told nothing. */
typedef struct {
    guint64 current;
    guint64 available;     /* what the guest's kernel has: MemTotal */
    guint64 usable;        /* MemAvailable; older guests do not tell it */
    guint64 unused;        /* MemFree */
    guint64 disk_caches;   /* page cache */
    guint64 last_update_s; /* host's time since the epoch; 0 = the guest has no driver;
                              VSF_UNKNOWN = libvirt could not ask QEMU for these */
} VsfBalloon;

/* Chosen once per run; a plain value that outlives the daemon. */
typedef struct {
    VsfSource memory, disk;
} VsfGuestChoice;

typedef struct {
    gint64 now_us;           /* monotonic */
    gint64 now_s;            /* since the epoch */
    gint64 known_for_s;      /* how long the run is known */
    gboolean agent_possible; /* the channel is there, and nothing forbids to ask */
    guint agent_period_s;    /* how often it is asked for memory and filesystems */
    guint balloon_period_s;  /* 0: the balloon collects nothing */
    gboolean decide;         /* FALSE: choose nothing yet (which run it is is not known) */
} VsfTruthTerms;

typedef struct {
    guint64 value;    /* bytes, VSF_UNKNOWN */
    VsfSource source; /* the chosen one */
    gint64 age_s;     /* of the source's newest value, also of a stale one; -1: there is none,
                         or it is of the future */
    VsfWhy why;
} VsfTruth;

/* @balloon: NULL if libvirt told nothing this time. @facts: NULL if the agent
 * was never asked. *@choice is set once. The balloon is preferred: where it
 * collects, the agent's memory is chosen only after the agent has answered and
 * VSF_TRUTH_FRESH_S of the run passed without the balloon. It was not silent while
 * libvirt told nothing: then patience goes on, which costs no value. A guest that
 * forbids or lacks guest-file-* can answer by its balloon only. */
VsfTruth vsf_truth_memory(VsfGuestChoice *choice, const VsfTruthTerms *terms,
                          const VsfBalloon *balloon, const VsfGuestFacts *facts);

/* @host: capacity - allocation of writable disks that are all files, VSF_UNKNOWN
 * else; @has_statistics: FALSE if libvirt told nothing this time. A guest that
 * forbids or lacks guest-get-fsinfo cannot answer. Where the host has no number either, no
 * source is chosen, so that an agent which comes later still is. */
VsfTruth vsf_truth_available(VsfGuestChoice *choice, const VsfTruthTerms *terms, guint64 host,
                             gboolean has_statistics, const VsfGuestFacts *facts);
