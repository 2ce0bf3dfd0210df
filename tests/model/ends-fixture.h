/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VM n has the MAC 52:54:00:00:00:n and, mostly, the tap 10 + n; interface 3 is the bridge. */
#pragma once

#include "../../daemon/model/ends.h"
#include "registry-fixture.h"

#define BRIDGE 3
#define OTHER_BRIDGE 4
#define MANY 0xff    /* broadcast */
#define OUTSIDE 0x99 /* nobody's here */
#define NOW_US 100

typedef struct {
    int ifindex; /* where it was picked */
    gboolean from_vm;
    guint8 from, to; /* the last bytes of its addresses */
} Frame;

/* The ifindexes of the taps at its ends, 0 where unknown. */
typedef struct {
    int from, to;
} Ends;

Ends ends_at(const Fixture *fixture, Frame frame, gint64 time_us);

#define ASSERT_ENDS(fixture, time_us, from_index, to_index, ...)            \
    G_STMT_START                                                            \
    {                                                                       \
        Ends ends_ = ends_at(fixture, (const Frame){__VA_ARGS__}, time_us); \
        g_assert_cmpint(ends_.from, ==, from_index);                        \
        g_assert_cmpint(ends_.to, ==, to_index);                            \
    }                                                                       \
    G_STMT_END

void ends_set_mac(guint8 mac[6], guint8 last);
VsfLink bridge_link(int ifindex, const char *kind);
VsfLink port_link(int ifindex, const char *name, guint8 mac, int master);

/* VM 1 with the tap 11 and VM 2 with the tap 12 on one bridge. */
void two_on_a_bridge(Fixture *fixture);
/* The tap 12 becomes another. */
void change_two(Fixture *fixture, gint64 time_us, void (*change)(VsfLink *link));
/* From 1 to 2, on both taps. */
void assert_two_are_apart(const Fixture *fixture);
void assert_two_meet(const Fixture *fixture);
