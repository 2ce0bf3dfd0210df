/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The composition root: makes the rooms, connects their callbacks, and takes
 * them down in reverse. No room knows another except through here. */
#pragma once

#include "config.h"

typedef struct VsfApp VsfApp;

/* Starts everything. @config, @runtime_dir and @state_dir are used until
 * vsf_app_free(). NULL with @error set if the daemon cannot do its work (the
 * sockets or the agent address). @failed is called on the main loop if that
 * turns out later. */
typedef void (*VsfAppFailed)(const GError *error, gpointer user_data);
VsfApp *vsf_app_new(const VsfConfig *config, const char *runtime_dir, const char *state_dir,
                    VsfAppFailed failed, gpointer user_data,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sends what is collected and closes everything; never waits for libvirt. */
void vsf_app_free(VsfApp *app);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfApp, vsf_app_free)
