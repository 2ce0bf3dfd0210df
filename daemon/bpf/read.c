/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the ring to samples. */
#include "bpf-private.h"

#include <errno.h>
#include <string.h>

typedef struct {
    VsfBpf *bpf;
    guint max, n;
    void (*sample)(const VsfBpfSample *, gpointer);
    gpointer user_data;
} Reading;

/* Those of a super-frame come as one record. The first one has the gap before it, and those after
 * it share what is left: which of its segments they were on was not kept. */
static void
hand_out(Reading *reading, const struct vsf_bpf_record *record)
{
    VsfBpfSample sample = {
        .ifindex = (int)record->ifindex,
        .time_ns = record->time_ns,
        .from_vm = record->from_vm,
        .rate = record->rate,
        .frame_length = record->frame_length,
        .gap = record->gap - (record->hits - 1U),
        .header = record->header,
        .header_length = MIN(record->header_length, reading->bpf->config.header_bytes),
    };

    for (guint hit = 1; hit <= record->hits; hit++) {
        if (hit == record->hits)
            sample.frame_length = record->last_length;
        reading->sample(&sample, reading->user_data);
        reading->n++;
        sample.gap = 1;
    }
}

/* libbpf gives the record's place back to the kernel when this returns, whatever it returns. */
static int
take_record(void *context, void *data, size_t size)
{
    VsfBpf *bpf = context;
    Reading *reading = bpf->reading;
    const struct vsf_bpf_record *record = data;
    struct vsf_bpf_tap *tap;

    if (size < sizeof(*record) + bpf->config.header_bytes || record->slot >= bpf->n_slots)
        return 0;
    tap = &bpf->slots[record->slot];
    __atomic_store_n(&tap->consumed, tap->consumed + 1, __ATOMIC_RELAXED);
    if (record->generation == __atomic_load_n(&tap->generation, __ATOMIC_RELAXED))
        hand_out(reading, record);
    return reading->n >= reading->max ? -ENOBUFS : 0;
}

gboolean
vsf_bpf_ring_open(VsfBpf *bpf, GError **error)
{
    bpf->ring = ring_buffer__new(bpf->ring_fd, take_record, bpf, NULL);
    if (bpf->ring != NULL)
        return TRUE;
    vsf_bpf_set_error(error, errno, "mapping the ring of samples");
    return FALSE;
}

int
vsf_bpf_fd(const VsfBpf *bpf)
{
    return bpf->ring_fd;
}

int
vsf_bpf_read(VsfBpf *bpf, guint max, void (*sample)(const VsfBpfSample *, gpointer),
             gpointer user_data)
{
    Reading reading = {bpf, max, 0, sample, user_data};

    if (max == 0)
        return 0;
    bpf->reading = &reading;
    ring_buffer__consume(bpf->ring);
    bpf->reading = NULL;
    return (int)reading.n;
}
