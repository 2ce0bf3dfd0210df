/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frames.h"

#include "../../include/json-scan.h"

struct VsfOvsFrames {
    gsize bytes_max;
    GByteArray *begun; /* of the message that has not ended */
    guint depth;       /* 0: between messages */
    gboolean in_string, escaped;
    gboolean lost;
    GQueue whole; /* GBytes */
    gsize waiting;
};

VsfOvsFrames *
vsf_ovs_frames_new(gsize bytes_max)
{
    VsfOvsFrames *frames = g_new0(VsfOvsFrames, 1);

    frames->bytes_max = bytes_max;
    frames->begun = g_byte_array_new();
    g_queue_init(&frames->whole);
    return frames;
}

void
vsf_ovs_frames_free(VsfOvsFrames *frames)
{
    if (frames == NULL)
        return;
    g_byte_array_unref(frames->begun);
    g_queue_clear_full(&frames->whole, (GDestroyNotify)g_bytes_unref);
    g_free(frames);
}

static gboolean
lose(VsfOvsFrames *frames, GError **error, GIOErrorEnum code, const char *what)
{
    frames->lost = TRUE;
    g_set_error(error, G_IO_ERROR, (int)code, "what it says %s", what);
    return FALSE;
}

/* What one byte of a message changes; FALSE: it is nested too deeply. */
static gboolean
step(VsfOvsFrames *frames, char byte)
{
    if (frames->in_string) {
        if (frames->escaped)
            frames->escaped = FALSE;
        else if (byte == '\\')
            frames->escaped = TRUE;
        else if (byte == '"')
            frames->in_string = FALSE;
        return TRUE;
    }
    if (byte == '"')
        frames->in_string = TRUE;
    else if (byte == '{' || byte == '[')
        frames->depth++;
    else if (byte == '}' || byte == ']')
        frames->depth--;
    return frames->depth <= VSF_JSON_DEPTH_MAX;
}

/* @data[0] is of a message. Where it ends in @data, or @size; 0: it cannot be one. */
static gsize
message_part(VsfOvsFrames *frames, const char *data, gsize size)
{
    for (gsize i = 0; i < size; i++) {
        if (!step(frames, data[i]))
            return 0;
        if (frames->depth == 0)
            return i + 1;
    }
    return size;
}

static void
end_message(VsfOvsFrames *frames)
{
    frames->waiting += frames->begun->len;
    g_queue_push_tail(&frames->whole, g_byte_array_free_to_bytes(frames->begun));
    frames->begun = g_byte_array_new();
}

gboolean
vsf_ovs_frames_add(VsfOvsFrames *frames, const char *data, gsize size, GError **error)
{
    if (frames->lost)
        return lose(frames, error, G_IO_ERROR_INVALID_DATA, "is lost");
    while (size > 0) {
        gsize part;

        if (frames->depth == 0 &&
            (*data == ' ' || *data == '\n' || *data == '\r' || *data == '\t')) {
            data++;
            size--;
            continue;
        }
        if (frames->depth == 0 && *data != '{')
            return lose(frames, error, G_IO_ERROR_INVALID_DATA, "is no JSON-RPC");
        part = message_part(frames, data, size);
        if (part == 0)
            return lose(frames, error, G_IO_ERROR_INVALID_DATA, "is nested too deeply");
        if (part > frames->bytes_max - frames->waiting - frames->begun->len)
            return lose(frames, error, G_IO_ERROR_NO_SPACE, "is too long");
        g_byte_array_append(frames->begun, (const guint8 *)data, (guint)part);
        if (frames->depth == 0)
            end_message(frames);
        data += part;
        size -= part;
    }
    return TRUE;
}

GBytes *
vsf_ovs_frames_take(VsfOvsFrames *frames)
{
    GBytes *message = g_queue_pop_head(&frames->whole);

    if (message != NULL)
        frames->waiting -= g_bytes_get_size(message);
    return message;
}

gsize
vsf_ovs_frames_waiting(const VsfOvsFrames *frames)
{
    return frames->waiting;
}

gboolean
vsf_ovs_frames_is_amid(const VsfOvsFrames *frames)
{
    return frames->depth > 0;
}
