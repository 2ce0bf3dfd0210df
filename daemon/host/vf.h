/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a virtual function (SR-IOV) belongs, as sysfs tells it. Any thread; reads few files, but
 * may wait for a driver that is being loaded. */
#pragma once

#include <glib.h>

typedef struct {
    int ifindex; /* of its physical function's interface; of several ports the first by name */
    char interface[16]; /* that one's name */
    guint number;       /* the kernel's of the function, as netlink counts them */
} VsfVfPlace;

/* @root: "" or a recorded tree. @pci: "0000:81:00.2". @cards: what was found of their cards' ports
 * before, PCI address -> VsfVfPlace (both freed by the table), empty at first; as good as it is
 * new. FALSE (@place untouched) if that is no virtual function, or its card's driver is not the
 * host's. */
gboolean vsf_vf_find(const char *root, const char *pci, GHashTable *cards, VsfVfPlace *place);
