/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host-counters.h"

#include <string.h>

/* Of structures that hold nothing but 64-bit numbers. */
#define SET_UNKNOWN(pointer) memset((pointer), 0xff, sizeof(*(pointer)))

VsfHostSpace
vsf_host_space_unknown(void)
{
    return (VsfHostSpace){VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN};
}

VsfHostCounters *
vsf_host_counters_new(void)
{
    VsfHostCounters *counters = g_new0(VsfHostCounters, 1);

    SET_UNKNOWN(&counters->cpu);
    for (gsize i = 0; i < G_N_ELEMENTS(counters->cpu.load); i++)
        counters->cpu.load[i] = -1.0;
    SET_UNKNOWN(&counters->memory);
    SET_UNKNOWN(&counters->disk);
    SET_UNKNOWN(&counters->mib);
    counters->space = vsf_host_space_unknown();
    counters->net = vsf_net_counters_unknown();
    counters->disk_set = counters->net_set = VSF_UNKNOWN;
    counters->interfaces = g_array_new(FALSE, TRUE, sizeof(VsfHostInterface));
    return counters;
}

void
vsf_host_counters_free(VsfHostCounters *counters)
{
    if (counters == NULL)
        return;
    g_array_unref(counters->interfaces);
    g_free(counters);
}

VsfHostLast
vsf_host_last_none(void)
{
    VsfHostLast last = {.idle_ms = VSF_UNKNOWN,
                        .wio_ms = VSF_UNKNOWN,
                        .disk_set = VSF_UNKNOWN,
                        .net_set = VSF_UNKNOWN};

    SET_UNKNOWN(&last.disk);
    last.net = vsf_net_counters_unknown();
    return last;
}

guint64
vsf_host_set_with(guint64 set, guint member)
{
    /* Each bit of the product depends on those below; never VSF_UNKNOWN. */
    guint64 mixed = (member + G_GUINT64_CONSTANT(1)) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

    return (set + (mixed ^ mixed >> 32)) & G_MAXINT64;
}

static void
steady(guint64 *last, guint64 *now)
{
    if (*now == VSF_UNKNOWN)
        return;
    if (*last != VSF_UNKNOWN && *now < *last)
        *now = *last;
    *last = *now;
}

void
vsf_host_counters_steady(VsfHostLast *last, VsfHostCounters *now)
{
    steady(&last->idle_ms, &now->cpu.idle_ms);
    steady(&last->wio_ms, &now->cpu.wio_ms);
}

static gboolean
is_back(guint64 *last, guint64 now)
{
    gboolean back = now != VSF_UNKNOWN && *last != VSF_UNKNOWN && now < *last;

    if (now != VSF_UNKNOWN)
        *last = now;
    return back;
}

static gboolean
is_another(guint64 *last, guint64 now)
{
    gboolean another = now != VSF_UNKNOWN && *last != VSF_UNKNOWN && now != *last;

    if (now != VSF_UNKNOWN)
        *last = now;
    return another;
}

gboolean
vsf_host_counters_step_back(VsfHostLast *last, const VsfHostCounters *now)
{
    VsfHostDisk *before = &last->disk;
    const VsfHostDisk *disk = &now->disk;
    /* All are walked: each copies its part. */
    guint n = (guint)is_back(&before->reads, disk->reads) +
              (guint)is_back(&before->bytes_read, disk->bytes_read) +
              (guint)is_back(&before->read_ms, disk->read_ms) +
              (guint)is_back(&before->writes, disk->writes) +
              (guint)is_back(&before->bytes_written, disk->bytes_written) +
              (guint)is_back(&before->write_ms, disk->write_ms) +
              (guint)is_another(&last->disk_set, now->disk_set) +
              (guint)is_another(&last->net_set, now->net_set);

    return vsf_net_counters_step_back(&last->net, &now->net) || n > 0;
}
