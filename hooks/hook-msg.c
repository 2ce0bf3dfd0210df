/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encodes and decodes the hook's datagram. Pure: bytes in, bytes out, no
 * memory of its own. */
#include "../include/hook-msg.h"

#include <stdint.h>
#include <string.h>

enum { HEADER_SIZE = 16, VERSION = 1 };

static const char magic[4] = {'V', 'S', 'F', 'H'};

typedef struct {
    size_t op, name, xml;
} Lengths;

static void
put_u32(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static size_t
get_u32(const uint8_t *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* Both directions ask this, so that nothing is sent that would be refused.
 * Each length is bounded before they are added: the sum cannot overflow. */
static bool
lengths_fit(const Lengths *lengths)
{
    return lengths->op >= 1 && lengths->op <= VSF_HOOK_OP_LENGTH_MAX && lengths->name >= 1 &&
           lengths->name <= VSF_HOOK_NAME_LENGTH_MAX && lengths->xml <= VSF_HOOK_MESSAGE_SIZE_MAX;
}

static size_t
message_size(const Lengths *lengths)
{
    return HEADER_SIZE + lengths->op + 1 + lengths->name + 1 +
           (lengths->xml > 0 ? lengths->xml + 1 : 0);
}

static bool
is_op(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != '-' && (text[i] < 'a' || text[i] > 'z'))
            return false;
    return true;
}

static char *
put_text(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    at[length] = '\0';
    return at + length + 1;
}

size_t
vsf_hook_message_encode(const VsfHookMessage *message, void *buffer, size_t size)
{
    Lengths lengths = {
        .op = strnlen(message->op, VSF_HOOK_OP_LENGTH_MAX + 1),
        .name = strnlen(message->name, VSF_HOOK_NAME_LENGTH_MAX + 1),
        .xml = message->xml != NULL ? message->xml_length : 0,
    };
    uint8_t *header = buffer;
    size_t total;
    char *at;

    if (!lengths_fit(&lengths) || !is_op(message->op, lengths.op))
        return 0;
    total = message_size(&lengths);
    if (total > size || total > VSF_HOOK_MESSAGE_SIZE_MAX)
        return 0;
    if (lengths.xml > 0 && memchr(message->xml, '\0', lengths.xml) != NULL)
        return 0;
    memcpy(header, magic, sizeof(magic));
    header[4] = VERSION;
    header[5] = 0;
    header[6] = (uint8_t)(lengths.op >> 8);
    header[7] = (uint8_t)lengths.op;
    put_u32(header + 8, lengths.name);
    put_u32(header + 12, lengths.xml);
    at = put_text((char *)header + HEADER_SIZE, message->op, lengths.op);
    at = put_text(at, message->name, lengths.name);
    if (lengths.xml > 0)
        put_text(at, message->xml, lengths.xml);
    return total;
}

/* The text is @length bytes without a NUL, and then one. */
static bool
is_text(const char *at, size_t length)
{
    return memchr(at, '\0', length + 1) == at + length;
}

bool
vsf_hook_message_decode(const void *data, size_t size, VsfHookMessage *message)
{
    const uint8_t *header = data;
    const char *op, *name, *xml;
    Lengths lengths;

    if (size < HEADER_SIZE || size > VSF_HOOK_MESSAGE_SIZE_MAX ||
        memcmp(header, magic, sizeof(magic)) != 0 || header[4] != VERSION || header[5] != 0)
        return false;
    lengths.op = (size_t)header[6] << 8 | header[7];
    lengths.name = get_u32(header + 8);
    lengths.xml = get_u32(header + 12);
    if (!lengths_fit(&lengths) || message_size(&lengths) != size)
        return false;
    op = (const char *)header + HEADER_SIZE;
    name = op + lengths.op + 1;
    xml = name + lengths.name + 1;
    if (!is_text(op, lengths.op) || !is_op(op, lengths.op) || !is_text(name, lengths.name) ||
        (lengths.xml > 0 && !is_text(xml, lengths.xml)))
        return false;
    *message = (VsfHookMessage){
        .op = op,
        .name = name,
        .xml = lengths.xml > 0 ? xml : NULL,
        .xml_length = lengths.xml,
    };
    return true;
}
