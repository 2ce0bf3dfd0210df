/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attributes of a netlink message, or of a nest in it, one after the other. Not
 * mnl_attr_ok(), which reads attributes where they lie: bytes here need not be aligned. Pure; any
 * thread. */
#pragma once

#include <glib.h>

/* Begins with @at and @left set, and all else zero. */
typedef struct {
    const guint8 *at;
    gsize left;
    /* of the attribute that was found last; the type without its flags */
    guint16 type;
    const guint8 *value;
    gsize length;
} VsfNetlinkAttributes;

/* The next attribute; FALSE at the end of the block, and at the first that lies about its length.
 */
gboolean vsf_netlink_attribute_next(VsfNetlinkAttributes *attributes);
