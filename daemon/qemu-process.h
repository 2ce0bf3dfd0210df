/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QEMU process of one run of a domain: found on a worker, read whenever it
 * is asked for, known by pid and start time so that a reused pid is another
 * process. Main thread only. */
#pragma once

#include "base/worker.h"
#include "host/process.h"
#include "model/domain.h"

typedef struct VsfQemuProcess VsfQemuProcess;

/* A search ended, with or without a find. */
typedef void (*VsfQemuSearched)(gpointer user_data);

/* The worker that searches, for all of them. */
VsfWorker *vsf_qemu_finder_new(void);

/* @finder outlives it. Does not search yet. */
VsfQemuProcess *vsf_qemu_process_new(VsfWorker *finder, VsfQemuSearched searched,
                                     gpointer user_data);
/* No callback comes any more. Takes NULL. */
void vsf_qemu_process_free(VsfQemuProcess *qemu);

/* Searches for the process of @def's run, unless a search is out: by its PID file each time, among
 * all processes more and more seldom. @anew: something happened, and it is the first search again
 * (or the next one is, if one is out). */
void vsf_qemu_process_find(VsfQemuProcess *qemu, const VsfDomainDef *def, gboolean anew);

typedef enum {
    VSF_QEMU_UNKNOWN, /* not found yet */
    VSF_QEMU_ALIVE,
    VSF_QEMU_GONE, /* it was known and ended: so did the run, whatever libvirt still says */
} VsfQemuLife;

/* Reads it now; *@process is filled in if ALIVE, and for the first time after its end if nobody
 * has waited for it yet ('Z'); else its state is '?'. */
VsfQemuLife vsf_qemu_process_read(VsfQemuProcess *qemu, VsfProcess *process);

int vsf_qemu_process_pid(const VsfQemuProcess *qemu);             /* 0: unknown or gone */
gboolean vsf_qemu_process_is_stopped(const VsfQemuProcess *qemu); /* at the last reading */
gint64 vsf_qemu_process_read_us(const VsfQemuProcess *qemu);      /* monotonic, 0 = never */

/* Names this run also after a restart of the daemon: boot and start of the process.
 * NULL until the process is found; stays when it is gone. */
const char *vsf_qemu_process_run(const VsfQemuProcess *qemu);
const char *vsf_qemu_process_boot(const VsfQemuProcess *qemu); /* the kernel's id of it, or "" */

/* ns that its vCPUs were runnable and waited for a CPU of the host; G_MAXUINT64 if
 * unknown. Threads that came or went are looked for, for the next time. */
guint64 vsf_qemu_process_vcpu_wait_ns(VsfQemuProcess *qemu, guint64 n_vcpus);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfQemuProcess, vsf_qemu_process_free)
