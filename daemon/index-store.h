/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the index table on disk: STATE_DIR/indexes, replaced atomically. A
 * state directory that cannot be read or written never stops the daemon; it is
 * said once what that means. Writes run on a worker. */
#pragma once

#include "model/index-table.h"

typedef struct VsfIndexStore VsfIndexStore;

/* Reads the file, once, before the main loop runs. An unusable file is set
 * aside as indexes.bad. */
VsfIndexStore *vsf_index_store_new(const char *state_dir);

/* Writes what is not written yet (waits for it), then frees. Takes NULL. */
void vsf_index_store_free(VsfIndexStore *store);

/* The domain's index; a new one is written soon. */
guint32 vsf_index_store_get(VsfIndexStore *store, const guint8 uuid[16]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfIndexStore, vsf_index_store_free)
