/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

G_DEFINE_QUARK(vsf - sflow - error - quark, vsf_sflow_error)

gboolean
vsf_reader_fail(VsfReader *reader, const char *format, ...)
{
    g_autofree char *reason = NULL;
    va_list args;

    va_start(args, format);
    reason = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(reader->error, VSF_SFLOW_ERROR, VSF_SFLOW_ERROR_MALFORMED,
                "at byte %" G_GSIZE_FORMAT ": %s%s%s", reader->at,
                reader->context != NULL ? reader->context : "", reader->context != NULL ? ": " : "",
                reason);
    return FALSE;
}

gboolean
vsf_reader_fixed(VsfReader *reader, const char *what, size_t length, const uint8_t **bytes)
{
    if (length > vsf_reader_left(reader))
        return vsf_reader_fail(
            reader, "%s: %" G_GSIZE_FORMAT " bytes are needed, %" G_GSIZE_FORMAT " are left", what,
            length, vsf_reader_left(reader));
    *bytes = reader->data + reader->at;
    reader->at += length;
    return TRUE;
}

gboolean
vsf_reader_u32(VsfReader *reader, const char *what, uint32_t *value)
{
    const uint8_t *at;

    if (!vsf_reader_fixed(reader, what, sizeof(*value), &at))
        return FALSE;
    memcpy(value, at, sizeof(*value));
    *value = GUINT32_FROM_BE(*value);
    return TRUE;
}

gboolean
vsf_reader_u64(VsfReader *reader, const char *what, uint64_t *value)
{
    const uint8_t *at;

    if (!vsf_reader_fixed(reader, what, sizeof(*value), &at))
        return FALSE;
    memcpy(value, at, sizeof(*value));
    *value = GUINT64_FROM_BE(*value);
    return TRUE;
}

gboolean
vsf_reader_opaque(VsfReader *reader, const char *what, const uint8_t **bytes, uint32_t *length)
{
    uint32_t n;

    if (!vsf_reader_u32(reader, what, &n))
        return FALSE;
    /* Before the padding is added: the sum could wrap where size_t is 32 bits. */
    if (n > vsf_reader_left(reader))
        return vsf_reader_fail(reader,
                               "%s: its length %" G_GUINT32_FORMAT " passes the %" G_GSIZE_FORMAT
                               " bytes left",
                               what, n, vsf_reader_left(reader));
    if (!vsf_reader_fixed(reader, what, ((size_t)n + 3) / 4 * 4, bytes))
        return FALSE;
    *length = n;
    return TRUE;
}

gboolean
vsf_reader_count(VsfReader *reader, const char *what, size_t each, uint32_t *count)
{
    uint32_t n;

    if (!vsf_reader_u32(reader, what, &n))
        return FALSE;
    if (n > vsf_reader_left(reader) / each)
        return vsf_reader_fail(
            reader, "%s: %" G_GUINT32_FORMAT " of them cannot be in %" G_GSIZE_FORMAT " bytes",
            what, n, vsf_reader_left(reader));
    *count = n;
    return TRUE;
}

gboolean
vsf_reader_enter(VsfReader *reader, const char *what, size_t *outer)
{
    uint32_t length;

    if (!vsf_reader_u32(reader, what, &length))
        return FALSE;
    if (length > vsf_reader_left(reader))
        return vsf_reader_fail(reader,
                               "%s: its length %" G_GUINT32_FORMAT " passes the %" G_GSIZE_FORMAT
                               " bytes left",
                               what, length, vsf_reader_left(reader));
    if (length % 4 != 0)
        return vsf_reader_fail(
            reader, "%s: its length %" G_GUINT32_FORMAT " is no multiple of four", what, length);
    *outer = reader->end;
    reader->end = reader->at + length;
    return TRUE;
}

void
vsf_reader_leave(VsfReader *reader, size_t outer)
{
    reader->at = reader->end;
    reader->end = outer;
}

void
vsf_reader_tell_integer(VsfReader *reader, const char *name, uint64_t value, uint64_t unknown)
{
    if (value == unknown)
        reader->sink->unknown(reader->user_data, name);
    else
        reader->sink->integer(reader->user_data, name, value);
}

void
vsf_reader_tell_real(VsfReader *reader, const char *name, double value)
{
    if (isfinite(value))
        reader->sink->real(reader->user_data, name, value);
    else
        reader->sink->unknown(reader->user_data, name);
}

void
vsf_reader_tell_float(VsfReader *reader, const char *name, float value)
{
    static const char *const formats[] = {"%.6g", "%.7g", "%.8g", "%.9g"};
    double nearest = value;

    for (gsize i = 0; isfinite(value) && i < G_N_ELEMENTS(formats); i++) {
        char text[G_ASCII_DTOSTR_BUF_SIZE];

        nearest = g_ascii_strtod(g_ascii_formatd(text, sizeof(text), formats[i], value), NULL);
        if ((float)nearest == value)
            break;
    }
    vsf_reader_tell_real(reader, name, nearest);
}

void
vsf_reader_tell_text(VsfReader *reader, const char *name, const char *text)
{
    reader->sink->text(reader->user_data, name, text, strlen(text));
}

void
vsf_reader_tell_format(VsfReader *reader, uint32_t format)
{
    char text[32];

    g_snprintf(text, sizeof(text), "%u:%u", format >> 12, format & 0xfff);
    vsf_reader_tell_text(reader, "format", text);
}

void
vsf_reader_tell_mac(VsfReader *reader, const char *name, const uint8_t mac[6])
{
    char text[18];

    g_snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
               mac[4], mac[5]);
    vsf_reader_tell_text(reader, name, text);
}

void
vsf_reader_tell_address(VsfReader *reader, const char *name, uint32_t family, const uint8_t *bytes)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(family == 2 ? AF_INET6 : AF_INET, bytes, text, sizeof(text));
    vsf_reader_tell_text(reader, name, text);
}
