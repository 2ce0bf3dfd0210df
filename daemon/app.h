/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The composition root: makes the rooms, connects their callbacks, and takes
 * them down in reverse. No room knows another except through here. */
#pragma once

#include "config.h"
#include "reload.h"

typedef struct VsfApp VsfApp;

/* Starts everything. Takes @config, also when it fails; @runtime_dir and @state_dir are used
 * until vsf_app_free(). NULL with @error set if the daemon cannot do its work (the
 * sockets or the agent address). @failed is called on the main loop if that
 * turns out later. */
typedef void (*VsfAppFailed)(const GError *error, gpointer user_data);
VsfApp *vsf_app_new(VsfConfig *config, const char *runtime_dir, const char *state_dir,
                    VsfAppFailed failed, gpointer user_data,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* FALSE: something is under way without whose end not all can be taken away that others would find;
 * to be asked again in a moment. TRUE after 500 ms in any case. */
gboolean vsf_app_may_end(VsfApp *app);

/* Sends what is collected and closes everything; never waits for libvirt. */
void vsf_app_free(VsfApp *app);

/* Puts @config, which is taken, in force in the place of what files and command line said before,
 * under the overlay if there is one. Keys that are read at the start alone keep their values, as
 * one line in the log and the status say. Sequence numbers, sample pools, indexes, what agents
 * did, and collectors that stay go on. FALSE with @error set: nothing changed. */
gboolean vsf_app_set_config(VsfApp *app, VsfConfig *config,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for what another source than the files wants; copied. NULL: nothing any more. */
gboolean vsf_app_set_overlay(VsfApp *app, const VsfConfigOverlay *overlay,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For the status; used until vsf_app_free(). */
void vsf_app_show_reload(VsfApp *app, const VsfReloadState *reload);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfApp, vsf_app_free)
