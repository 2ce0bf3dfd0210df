/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A registry whose callbacks write a line of words that a test can compare:
 *
 *     +vm1  domain added      ~vm1  changed        -vm1  removed
 *     a5    tap 5 added       b5=vm1:net0  bound to vm1's NIC
 *     c5    tap changed       r5    tap removed, r5=vm1 if it was vm1's
 *     ?vm1  its XML is wanted
 */
#pragma once

#include "../../daemon/model/registry.h"

#define SECOND ((gint64)G_USEC_PER_SEC)

typedef struct {
    VsfRegistry *registry;
    GString *told;
} Fixture;

/* A NIC of a test's VM; the guest's MAC is 52:54:00:00:00:@mac. */
typedef struct {
    const char *device;
    guint8 mac;
    const char *bridge; /* NULL: type='ethernet', or direct */
    VsfNicKind kind;
} Nic;

#define TAP_NIC(dev, last) ((Nic){.device = (dev), .mac = (last), .bridge = "br0"})

/* Patterns NULL: the default ones. */
void fixture_init(Fixture *fixture, const char *const *patterns);
void fixture_free_registry(Fixture *fixture);
void fixture_clear(Fixture *fixture);

/* The VM "vm@number" (and its UUID), run @id, read and told at @time_us. */
VsfDomainDef *make_def(guint number, int id, const Nic *nics, guint n_nics);
VsfDomain *see_vm(Fixture *fixture, guint number, int id, gint64 time_us, const Nic *nics,
                  guint n_nics);
#define SEE_VM(fixture, number, id, time_us, ...)                    \
    see_vm(fixture, number, id, time_us, (const Nic[]){__VA_ARGS__}, \
           G_N_ELEMENTS(((const Nic[]){__VA_ARGS__})))
const char *uuid_of(guint number);

/* A tap as libvirt makes it for the guest with this MAC; up. */
VsfLink tap_link(int ifindex, const char *name, guint8 mac);
/* The same with a MAC of no guest. */
VsfLink odd_link(int ifindex, const char *name);
VsfLink macvtap_link(int ifindex, const char *name, guint8 mac);
void see_link(Fixture *fixture, VsfLink link, gint64 time_us);

/* What was told since the last time, words parted by blanks. */
#define TOLD(fixture, want)                              \
    G_STMT_START                                         \
    {                                                    \
        g_assert_cmpstr((fixture)->told->str, ==, want); \
        g_string_truncate((fixture)->told, 0);           \
    }                                                    \
    G_STMT_END
