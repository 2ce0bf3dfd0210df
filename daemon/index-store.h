/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the index table on disk: the file "indexes" or "indexes-hsflowd" of the state directory.
 * What cannot be read or written never stops the daemon. Main thread only. */
#pragma once

#include "model/index-table.h"
#include "state-dir.h"

typedef struct VsfIndexStore VsfIndexStore;

/* Reads the file of @kind, once, before the main loop runs. An unusable file is set
 * aside as indexes.bad, with a warning. @dir is used until the store is freed. */
VsfIndexStore *vsf_index_store_new(VsfStateDir *dir, VsfIndexKind kind);

/* Writes what is not written yet (waits for it), then frees. Takes NULL. */
void vsf_index_store_free(VsfIndexStore *store);

/* The domain's index; a new one is written soon. */
guint32 vsf_index_store_get(VsfIndexStore *store, const guint8 uuid[16]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfIndexStore, vsf_index_store_free)
