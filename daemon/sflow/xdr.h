/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded big-endian writer (XDR, RFC 4506).
 *
 * The first write that does not fit sets @overflow; every later write does
 * nothing. Callers write a whole record and look at @overflow once. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct {
    uint8_t *data;
    size_t size;
    size_t used;
    gboolean overflow;
} VsfXdr;

#define VSF_XDR_INIT(buffer, length) ((VsfXdr){.data = (buffer), .size = (length)})

void vsf_xdr_u32(VsfXdr *xdr, uint32_t value);
void vsf_xdr_u64(VsfXdr *xdr, uint64_t value);
void vsf_xdr_float(VsfXdr *xdr, float value);
void vsf_xdr_double(VsfXdr *xdr, double value);

/* Bytes as they are, no length word, zero padding to a multiple of four. */
void vsf_xdr_fixed(VsfXdr *xdr, const void *bytes, uint32_t length);

/* Length word, bytes, zero padding to a multiple of four. */
void vsf_xdr_opaque(VsfXdr *xdr, const void *bytes, uint32_t length);

/* A string of at most @max bytes (longer is cut); NULL is the empty string. */
void vsf_xdr_string(VsfXdr *xdr, const char *text, uint32_t max);

/* Writes a placeholder word; returns its offset for vsf_xdr_patch_u32(). */
size_t vsf_xdr_reserve_u32(VsfXdr *xdr);
void vsf_xdr_patch_u32(VsfXdr *xdr, size_t offset, uint32_t value);
