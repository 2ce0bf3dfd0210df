/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose the files are that root makes: in a directory of another user's they are that
 * user's. So the service, which is not root, goes on with what root left by hand. */
#pragma once

#include <glib.h>

/* Until vsf_owner_leave() this thread opens, makes and renames files as the owner of
 * @directory, with no more rights than that user has there; a change of owner afterwards
 * could be led to another file by who owns the directory. FALSE, and nothing changes, if
 * the process is not root's, or the directory is root's or not there. */
gboolean vsf_owner_enter(const char *directory);

/* TRUE if @path is a socket of another user's in a directory of our own: of a daemon that ran as
 * that user, as none does here any more. Nobody else has made it who may not write there. */
gboolean vsf_owner_is_left_socket(const char *path);

/* Takes what vsf_owner_enter() returned; keeps errno. */
void vsf_owner_leave(gboolean entered);
