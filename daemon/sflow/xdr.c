/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xdr.h"

#include <string.h>

/* The only place that moves the cursor, so the only place that checks bounds. */
static uint8_t *
reserve(VsfXdr *xdr, size_t length)
{
    if (xdr->overflow || length > xdr->size - xdr->used) {
        xdr->overflow = TRUE;
        return NULL;
    }
    xdr->used += length;
    return xdr->data + xdr->used - length;
}

static size_t
padding(uint32_t length)
{
    return (4 - length % 4) % 4;
}

void
vsf_xdr_u32(VsfXdr *xdr, uint32_t value)
{
    uint8_t *at = reserve(xdr, sizeof(value));

    if (at == NULL)
        return;
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, sizeof(value));
}

void
vsf_xdr_u64(VsfXdr *xdr, uint64_t value)
{
    uint8_t *at = reserve(xdr, sizeof(value));

    if (at == NULL)
        return;
    value = GUINT64_TO_BE(value);
    memcpy(at, &value, sizeof(value));
}

void
vsf_xdr_float(VsfXdr *xdr, float value)
{
    uint32_t bits;

    G_STATIC_ASSERT(sizeof(bits) == sizeof(value));
    memcpy(&bits, &value, sizeof(bits));
    vsf_xdr_u32(xdr, bits);
}

void
vsf_xdr_double(VsfXdr *xdr, double value)
{
    uint64_t bits;

    G_STATIC_ASSERT(sizeof(bits) == sizeof(value));
    memcpy(&bits, &value, sizeof(bits));
    vsf_xdr_u64(xdr, bits);
}

void
vsf_xdr_fixed(VsfXdr *xdr, const void *bytes, uint32_t length)
{
    uint8_t *at;

    /* Before the padding is added: the sum could wrap where size_t is 32 bits. */
    if (length > xdr->size) {
        xdr->overflow = TRUE;
        return;
    }
    at = reserve(xdr, length + padding(length));
    if (at == NULL || length == 0)
        return;
    memcpy(at, bytes, length);
    memset(at + length, 0, padding(length));
}

void
vsf_xdr_opaque(VsfXdr *xdr, const void *bytes, uint32_t length)
{
    vsf_xdr_u32(xdr, length);
    vsf_xdr_fixed(xdr, bytes, length);
}

void
vsf_xdr_string(VsfXdr *xdr, const char *text, uint32_t max)
{
    size_t length = text != NULL ? strlen(text) : 0;

    if (length > max) {
        length = max;
        /* A UTF-8 character is left out whole, not cut in two; one has at most
         * three continuation bytes. */
        for (int i = 0; i < 3 && length > 0 && ((uint8_t)text[length] & 0xC0) == 0x80; i++)
            length--;
    }
    vsf_xdr_opaque(xdr, text, (uint32_t)length);
}

size_t
vsf_xdr_reserve_u32(VsfXdr *xdr)
{
    size_t offset = xdr->used;

    vsf_xdr_u32(xdr, 0);
    return offset;
}

void
vsf_xdr_patch_u32(VsfXdr *xdr, size_t offset, uint32_t value)
{
    if (xdr->overflow) /* the word may not be there */
        return;
    g_assert(xdr->used >= sizeof(value) && offset <= xdr->used - sizeof(value));
    value = GUINT32_TO_BE(value);
    memcpy(xdr->data + offset, &value, sizeof(value));
}
