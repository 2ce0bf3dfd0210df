/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which VM a sample is of: counters of VMs name it, their custom metrics have its UUID, and
 * packets and counters of an interface are of the VM that said last that this is its tap.
 * Pure. */
#pragma once

#include "samples.h"

/* What anyone may send bounds what is kept: at one VM more all are forgotten, since most
 * are made up then. */
#define VSF_VM_BOOK_MAX 16384
#define VSF_VM_BOOK_TAPS_MAX 128 /* of a VM */
#define VSF_VM_BOOK_NAME_MAX 255 /* bytes; the standard has 64 at most */

typedef struct {
    char *agent, *uuid;
    char *name;        /* the host name of its last sample, or NULL */
    GArray *ifindexes; /* guint32 */
} VsfVm;

typedef struct VsfVmBook VsfVmBook;

VsfVmBook *vsf_vm_book_new(void);
void vsf_vm_book_free(VsfVmBook *book);

/* Remembers what a VM's counter sample says of it; other samples say nothing. */
void vsf_vm_book_learn(VsfVmBook *book, const VsfSamples *samples, const VsfSample *sample);

/* The VM of that agent that the sample is of, or NULL: of none, or of one that is not known (yet).
 * It is the book's, until it learns more. */
const VsfVm *vsf_vm_book_find(const VsfVmBook *book, const VsfSamples *samples,
                              const VsfSample *sample);

/* Whether more than one VM of that agent has told this name: that stays so, also where one of them
 * is gone, until the book forgets. */
gboolean vsf_vm_book_shares_name(const VsfVmBook *book, const VsfSamples *samples,
                                 const char *name);

/* Whether the sample is of a VM whose name or UUID one of @patterns (* and ?) matches. */
gboolean vsf_vm_book_matches(const VsfVmBook *book, const VsfSamples *samples,
                             const VsfSample *sample, const char *const *patterns);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfVmBook, vsf_vm_book_free)
