/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded big-endian reader (XDR) with containers: inside one, nothing can
 * be read past its end. Of the decoder alone.
 *
 * Each function that can fail sets the error once, with offset and reason, and
 * returns FALSE; the caller passes that on. */
#pragma once

#include "decode.h"

typedef struct {
    const uint8_t *data;
    size_t at;
    size_t end; /* of the innermost container */
    const VsfSflowSink *sink;
    gpointer user_data; /* of the sink */
    GError **error;
    const char *context; /* the record that is being read, or NULL; for errors */
} VsfReader;

static inline size_t
vsf_reader_left(const VsfReader *reader)
{
    return reader->end - reader->at;
}

/* Always FALSE. */
gboolean vsf_reader_fail(VsfReader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* @what names the value in an error. */
gboolean vsf_reader_u32(VsfReader *reader, const char *what, uint32_t *value);
gboolean vsf_reader_u64(VsfReader *reader, const char *what, uint64_t *value);

/* *@bytes points into the datagram. */
gboolean vsf_reader_fixed(VsfReader *reader, const char *what, size_t length,
                          const uint8_t **bytes);
/* Length word, bytes, padding. */
gboolean vsf_reader_opaque(VsfReader *reader, const char *what, const uint8_t **bytes,
                           uint32_t *length);

/* A count of things that take at least @each bytes: refused if they cannot all
 * be there. */
gboolean vsf_reader_count(VsfReader *reader, const char *what, size_t each, uint32_t *count);

/* Reads a length word and makes that many bytes the container; *@outer is for
 * vsf_reader_leave(), which goes behind it whatever was read of it. */
gboolean vsf_reader_enter(VsfReader *reader, const char *what, size_t *outer);
void vsf_reader_leave(VsfReader *reader, size_t outer);

/* Tell the sink. @unknown: all ones of the value's width. */
void vsf_reader_tell_integer(VsfReader *reader, const char *name, uint64_t value, uint64_t unknown);
void vsf_reader_tell_real(VsfReader *reader, const char *name, double value);
void vsf_reader_tell_float(VsfReader *reader, const char *name, float value);
void vsf_reader_tell_text(VsfReader *reader, const char *name, const char *text);
void vsf_reader_tell_format(VsfReader *reader, uint32_t format); /* "0:2101" */
void vsf_reader_tell_mac(VsfReader *reader, const char *name, const uint8_t mac[6]);
/* @family as on the wire: 1 = IPv4, 2 = IPv6. */
void vsf_reader_tell_address(VsfReader *reader, const char *name, uint32_t family,
                             const uint8_t *bytes);
