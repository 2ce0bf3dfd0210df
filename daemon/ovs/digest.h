/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What messages of OVSDB change, made of them where it may take long: the first answer of a host
 * with 10,000 ports takes hundreds of milliseconds, so it is a worker's matter. */
#pragma once

#include "db.h"

#define VSF_OVS_ID_MONITOR "monitor"
#define VSF_OVS_ID_COUNTERS "counters"
#define VSF_OVS_ID_ECHO "echo"
#define VSF_OVS_ID_TRANSACT "transact" /* one at a time */

typedef struct {
    VsfOvsSnapshot *snapshot; /* NULL: nothing changed */
    GPtrArray *answers;       /* char *: what is to be said in return */
    gboolean monitored;       /* the request for the tables was answered */
    gboolean transacted;      /* the transaction was answered ... */
    char *trouble;            /* ... and this is why it failed, NULL: it did not */
} VsfOvsDigest;

typedef struct VsfOvsMeal VsfOvsMeal;

/* Takes a reference to @db, which nobody else may touch until the digest is there. */
VsfOvsMeal *vsf_ovs_meal_new(VsfOvsDb *db);
void vsf_ovs_meal_add(VsfOvsMeal *meal, GBytes *message); /* takes @message */
void vsf_ovs_meal_free(gpointer meal);

/* A VsfWorkerFunc: a VsfOvsMeal in, a VsfOvsDigest out. NULL with @error set: what was said is no
 * OVSDB, or it refuses to tell its tables; then what @db holds is not known. */
gpointer vsf_ovs_digest(gpointer meal, GError **error);
void vsf_ovs_digest_free(gpointer digest); /* takes NULL */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsDigest, vsf_ovs_digest_free)
