/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What takes the packets: libpcap (packet sockets) or eBPF (programs in the kernel, which
 * need more of it and of the privileges). Chosen once, at the start. */
#pragma once

#include "../base/worker.h"
#include "../bpf/bpf-sampler.h"

typedef enum {
    VSF_CAPTURE_AUTO, /* eBPF where it is possible, else libpcap */
    VSF_CAPTURE_PCAP,
    VSF_CAPTURE_EBPF, /* the same as auto, but that it is not possible is worth a warning */
} VsfCaptureWanted;

typedef struct {
    VsfCaptureWanted wanted;
    VsfBpf *bpf;            /* NULL: libpcap is in force */
    guint32 header_bytes;   /* with these it was loaded: interfaces that are to have others are */
    VsfDirection direction; /* libpcap's */
    guint taps_max;         /* of eBPF; the others are libpcap's */
    VsfWorker *sweeper;     /* takes away what daemons that were killed left; NULL: that is done */
    char *reason; /* why this one is in force, in words, with the remedy if it is not the wanted */
} VsfCaptureChoice;

/* Loads the programs, unless libpcap is wanted: may take 100 ms, so before the main loop runs.
 * Takes away what daemons that were killed left, and logs that: before it returns if eBPF is in
 * force, else in the background, since that waits for the kernel.
 * Never fails: what keeps eBPF from being used is the reason for libpcap. @descriptors: open
 * files that the process may have. */
VsfCaptureChoice *vsf_capture_choose(VsfCaptureWanted wanted, guint32 header_bytes,
                                     VsfDirection direction, guint descriptors);

/* After the last sampler. NULL is fine. */
void vsf_capture_choice_free(VsfCaptureChoice *choice);

/* @choice NULL is libpcap. Static: "pcap" or "ebpf"; in what packets are counted, "frames" (a
 * super-frame of segmentation offload is one) or "segments" (as on the wire); how eBPF attaches
 * ("tcx", "clsact"; NULL with libpcap). */
const char *vsf_capture_choice_name(const VsfCaptureChoice *choice);
const char *vsf_capture_choice_unit(const VsfCaptureChoice *choice);
const char *vsf_capture_choice_attachment(const VsfCaptureChoice *choice);

/* One line for the log: what is in force, how, in which unit, and why. The caller frees. */
char *vsf_capture_choice_describe(const VsfCaptureChoice *choice);

/* The same of what daemons that were killed had left. NULL: there was nothing. The caller frees. */
char *vsf_capture_choice_describe_swept(const VsfBpfSwept *swept);

/* Whether that was wanted: else the line is a warning. */
gboolean vsf_capture_choice_is_as_wanted(const VsfCaptureChoice *choice);

/* How many interfaces eBPF may serve with so many descriptors; 0: none. Pure. */
guint vsf_capture_choice_taps_max(VsfCaptureWanted wanted, guint descriptors);

/* "pcap ebpf", or what is missing of that, for --version. Static. */
const char *vsf_capture_choice_built(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfCaptureChoice, vsf_capture_choice_free)
