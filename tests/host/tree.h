/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc and /sys of some machine, unpacked from one text file of tests/host/trees into a folder
 * that is gone with it. In that file
 *   === PATH            begins a file, whose lines follow
 *   === PATH/           is a folder
 *   === PATH -> TARGET  is a symbolic link
 *   \                   alone on a line: the file ends before the newline in front of it. */
#pragma once

#include <glib.h>

/* Returns the root; a test that cannot unpack it fails. */
char *tree_unpack(const char *name);
/* Takes @root. */
void tree_remove(char *root);
