/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest said through its agent, reduced to what is exported and bounded.
 * A guest controls every byte: a number may be a lie, but only about this guest.
 * Pure; any thread, one at a time. */
#pragma once

#include "../../include/qga.h"

#define VSF_GUEST_FILESYSTEMS_MAX 32
/* Bytes of a filesystem's key: with what stands around it below 64. */
#define VSF_GUEST_KEY_MAX 45

typedef struct {
    /* [A-Za-z0-9_-] only: a slug of the mount point and 4 hex digits of its hash,
     * "var_lib_9c1e" ("root_..." for "/"), so that it stays when others come and go. */
    char key[VSF_GUEST_KEY_MAX + 1];
    char *mount_point;   /* as the guest wrote it: UTF-8 without control characters */
    char *type;          /* or NULL */
    char *device;        /* the kernel's name of it */
    guint64 total, used; /* bytes, used <= total; G_MAXUINT64 if unknown */
} VsfGuestFilesystem;

typedef struct {
    /* Of the newest conversation that wanted the part; NOT_ASKED: none did yet. */
    VsfQgaState state[VSF_QGA_N_PARTS];
    char *reason[VSF_QGA_N_PARTS];    /* why it is not known, one line, or NULL */
    gint64 known_us[VSF_QGA_N_PARTS]; /* monotonic: when it was known last, 0 = never. The
                                         part's values below are of then. */
    /* PART_FILESYSTEMS */
    guint64 available; /* bytes: the sum of total - used over distinct filesystems on disks;
                          G_MAXUINT64 if one of them gives no sizes, if the guest's list
                          had to be cut, or if there is none */
    GPtrArray
        *filesystems; /* VsfGuestFilesystem, never NULL, the first ones in the guest's order */
    guint n_rest;     /* filesystems beyond those, and their sums */
    guint64 rest_total, rest_used;
    /* PART_MEMORY */
    VsfQgaMemory memory;
    /* PART_OS */
    guint32 os_name;     /* host_descr's number: 0 unknown, 1 other, 2 linux, 3 windows ... */
    char os_release[32]; /* kernel release; Windows: version. [!-~] and blanks, at most 31 bytes */
    /* PART_HOST_NAME */
    char *host_name; /* or NULL */
    /* PART_LOAD */
    VsfQgaLoad load;
    /* PART_CPU_STATS */
    guint64 steal_ms; /* of all CPUs; G_MAXUINT64 if one does not tell, or none is there */
} VsfGuestFacts;

/* Nothing known, nothing asked. */
VsfGuestFacts *vsf_guest_facts_new(void);
void vsf_guest_facts_free(VsfGuestFacts *facts);

/* What one conversation taught. @wants: VSF_QGA_WANT() bits, what it was for: of a
 * conversation that ended early, each of these parts has its reason. @now_us: monotonic,
 * when it ended. Filesystems
 * that can only be read, and those on loop, ram or zram devices, are left out
 * everywhere: not storage that can be filled, or already counted below another. So
 * are those of no size, and volumes that Windows has mounted nowhere. */
VsfGuestFacts *vsf_guest_facts_of_report(const VsfQgaReport *report, guint32 wants, gint64 now_us);

/* Takes over from @newer what it was asked for; a part that it could not tell
 * changes state and reason and leaves values and known_us. @newer is used up
 * but not freed. */
void vsf_guest_facts_merge(VsfGuestFacts *known, VsfGuestFacts *newer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfGuestFacts, vsf_guest_facts_free)
