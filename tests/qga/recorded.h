/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies from tests/data/qga. */
#pragma once

#include <glib.h>

/* The text of @folder/@name.json without its newline, owned by the caller; NULL if
 * there is none. */
char *recorded(const char *folder, const char *name);
