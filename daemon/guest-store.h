/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps what was chosen for each VM's run on disk: the file "guests" of the state directory. As the
 * index store, it never stops the daemon. Main thread only. */
#pragma once

#include "model/guest-table.h"
#include "state-dir.h"

typedef struct VsfGuestStore VsfGuestStore;

/* Reads the file, once, before the main loop runs. An unusable file is set aside as
 * guests.bad, with a warning. @dir is used until the store is freed. */
VsfGuestStore *vsf_guest_store_new(VsfStateDir *dir);
/* Writes what is not written yet. Takes NULL. */
void vsf_guest_store_free(VsfGuestStore *store);

/* NULL: nothing is known of this run. */
const VsfGuestRecord *vsf_guest_store_get(VsfGuestStore *store, const char *uuid, const char *run);
void vsf_guest_store_set(VsfGuestStore *store, const char *uuid, const VsfGuestRecord *record);
/* The run ended. */
void vsf_guest_store_remove(VsfGuestStore *store, const char *uuid);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfGuestStore, vsf_guest_store_free)
