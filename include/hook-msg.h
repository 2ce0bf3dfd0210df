/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one datagram that the libvirt hook sends to the daemon. Plain C, since
 * the hook links nothing but libc.
 *
 *     offset size
 *          0    4  "VSFH"
 *          4    1  version, 1
 *          5    1  zero
 *          6    2  length of the op
 *          8    4  length of the name
 *         12    4  length of the XML, 0 = none
 *         16       op NUL, name NUL, and if its length is not 0: XML NUL
 *
 * Numbers are big-endian, since a hook in a container need not be of the same
 * build as the daemon. Lengths leave out the NUL, which is there so that a
 * decoded message can be read in place. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Where the daemon listens unless told otherwise. */
#define VSF_HOOK_SOCKET_PATH "/run/virt-sflow/hook"

/* In the hook's program file, followed by the version: by it `virt-sflow hook`
 * knows a file to be ours. */
#define VSF_HOOK_MARKER "virt-sflow qemu hook, version "

/* A whole datagram. A unix datagram has to fit the sender's socket buffer,
 * net.core.wmem_default, which is 212992 bytes unless somebody lowered it;
 * this leaves room for the kernel's own overhead. The XML of a VM with 64 NICs
 * and 64 disks takes about 90 KiB. */
#define VSF_HOOK_MESSAGE_SIZE_MAX (128u * 1024u)
#define VSF_HOOK_OP_LENGTH_MAX 32u
#define VSF_HOOK_NAME_LENGTH_MAX 4096u

typedef struct {
    const char *op;   /* libvirt's word: "start", "stopped"; lower-case letters and '-' */
    const char *name; /* the domain's, not empty, any bytes but NUL */
    const char *xml;  /* NULL if there is none */
    size_t xml_length;
} VsfHookMessage;

/* Returns the datagram's size; 0 if @message does not fit @size or the limits,
 * or could not be decoded again (an op of other letters, a NUL in the XML). */
size_t vsf_hook_message_encode(const VsfHookMessage *message, void *buffer, size_t size);

/* FALSE, with @message untouched, unless @data is exactly what encode makes.
 * The strings of @message point into @data and end with NUL. */
bool vsf_hook_message_decode(const void *data, size_t size, VsfHookMessage *message);
