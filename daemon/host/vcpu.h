/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a VM's vCPUs waited for a CPU of the host: QEMU's vCPU threads, told
 * by their names, and the kernel's account of each in /proc. Unlike libvirt's
 * VCPU group it needs no monitor. */
#pragma once

#include <glib.h>

#define VSF_VCPU_THREADS_MAX 512 /* a VM with more has no wait time */

/* TRUE for the name of a thread that runs vCPUs: "CPU 3/KVM", "CPU 0/TCG", "ALL
 * CPUs/TCG" (QEMU with debug-threads=on, as libvirt starts it). Pure. */
gboolean vsf_vcpu_is_thread(const char *comm);

/* /proc/.../schedstat: ns on a CPU, ns runnable but waiting for one, turns. Takes
 * the second. FALSE if the text is no such line. Pure. */
gboolean vsf_vcpu_parse_wait(const char *text, gsize length, guint64 *wait_ns);

/* Thread ids (int) of the vCPUs of QEMU @pid; empty if it is gone, or has more
 * than the bound. Reads a file for each thread: run it on a worker. */
GArray *vsf_vcpu_find(int pid);

/* The sum over @threads. FALSE if one of them is gone: find them anew. @kept (int): descriptors for
 * the next time of the first so many of them, -1 at first, the caller's. Any thread. */
gboolean vsf_vcpu_wait(int pid, const GArray *threads, GArray *kept, guint64 *wait_ns);
