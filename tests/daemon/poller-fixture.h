/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Poller, domain-poll, registry and exporter as they are; kernel, libvirt, QEMU
 * and time are fakes (fake-net.h, fake-poll.h). */
#pragma once

#include "../../daemon/poller.h"

#define UUID_1 "01010101-0101-0101-0101-010101010101"
#define VM_1 "3:200001"
#define CPU_NS (1500 * G_GUINT64_CONSTANT(1000000))

typedef struct {
    VsfConfig *config;
    VsfRegistry *registry;
    VsfExporter *exporter;
    VsfLinkStatsReader *reader;
    VsfGuests *guests;
    VsfPoller *poller;
    GPtrArray *datagrams; /* GBytes */
    guint n_gone;         /* QEMU processes found gone */
    guint32 seed;         /* one for each host, of the next poller_set_up() */
} Fixture;

/* @polling: GUINT_TO_POINTER of seconds. */
void poller_set_up(Fixture *fixture, gconstpointer polling);
void poller_tear_down(Fixture *fixture, gconstpointer user_data);

/* Run @id of VM @number, with @n_nics NICs at vnet0... and one disk. */
VsfDomain *poller_see_domain(Fixture *fixture, guint8 number, int id, guint n_nics, int state);

/* VM 1 runs, its QEMU is known, and its taps (17...) have counters. */
VsfDomain *poller_start_vm(Fixture *fixture, guint n_nics);

/* A turn of VM 1 begins now. */
void poller_begin_turn(Fixture *fixture, VsfPollUrgency urgency);

/* libvirt's answer about VM 1. */
void poller_answer_stats(guint64 rd_req);

/* The same without what needs the monitor, which it leaves out while another client has that. */
void poller_answer_busy(void);

/* Samples of @source in all datagrams; the newest one's record member @path in
 * *@value (freed and replaced), NULL if there is none. */
guint poller_count_samples(Fixture *fixture, const char *source, const char *path, char **value);

/* Of VM 1, flushed. */
guint poller_n_samples(Fixture *fixture);
void poller_assert_newest(Fixture *fixture, const char *path, const char *expected);

#define POLLER_MANY 250

/* VMs 1 to POLLER_MANY run. No QEMU is found and nobody answers: each turn ends at its deadline. */
void poller_start_many(Fixture *fixture);

/* VM 1's turns for that long, whose readings come at once; libvirt does not answer. */
void poller_pass(gint64 ms);

/* Poller, exporter and guests get another configuration. */
void poller_set_config_text(Fixture *fixture, const char *text);
