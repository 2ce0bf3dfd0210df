/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frames.h"
#include "message.h"

#define READ_BYTES (64 * 1024) /* of one turn of the main loop */
#define OUT_MAX (4 * 1024 * 1024)

struct VsfOvsStream {
    char *path;
    int fd;
    guint in_source, out_source, end_source;
    VsfOvsFrames *frames;
    GByteArray *out; /* not sent yet */
    GError *end;     /* why it is over, for end_source */
    const VsfOvsStreamCallbacks *callbacks;
    gpointer user_data;
    char buffer[READ_BYTES];
};

static const char *
remedy(int number)
{
    if (number == ENOENT)
        return "; is Open vSwitch running, and is this its socket?";
    if (number == EACCES || number == EPERM)
        return "; the daemon's user must be allowed to write to it";
    return "";
}

static int
connect_to(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, number;

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s: the path is too long",
                    path);
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    number = errno;
    if (fd >= 0)
        close(fd);
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(number), "%s: %s%s", path,
                number == EAGAIN ? "takes no connection" : g_strerror(number), remedy(number));
    return -1;
}

static gboolean
tell_end(gpointer user_data)
{
    VsfOvsStream *stream = user_data;
    g_autoptr(GError) end = g_steal_pointer(&stream->end);

    stream->end_source = 0;
    stream->callbacks->ended(end, stream->user_data);
    return G_SOURCE_REMOVE;
}

/* Takes @error. Told from the main loop, so that no caller finds the stream gone. */
static void
end_with(VsfOvsStream *stream, GError *error)
{
    if (stream->end_source != 0) {
        g_error_free(error);
        return;
    }
    g_prefix_error(&error, "%s: ", stream->path);
    stream->end = error;
    g_clear_handle_id(&stream->in_source, g_source_remove);
    g_clear_handle_id(&stream->out_source, g_source_remove);
    stream->end_source = g_timeout_add(0, tell_end, stream);
}

static void
end_at_errno(VsfOvsStream *stream, int number)
{
    end_with(stream,
             g_error_new(G_IO_ERROR, (int)g_io_error_from_errno(number), "%s", g_strerror(number)));
}

/* --- in --------------------------------------------------------------------- */

/* How many bytes came; -1 with @error set: it is over. */
static gssize
receive(VsfOvsStream *stream, GError **error)
{
    gssize size = recv(stream->fd, stream->buffer, sizeof(stream->buffer), MSG_DONTWAIT);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (size < 0 && errno != ECONNRESET) {
        g_set_error_literal(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                            g_strerror(errno));
        return -1;
    }
    if (size <= 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                            vsf_ovs_frames_is_amid(stream->frames) ? "closed amid a message"
                                                                   : "closed");
        return -1;
    }
    return vsf_ovs_frames_add(stream->frames, stream->buffer, (gsize)size, error) ? size : -1;
}

static gboolean
readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfOvsStream *stream = user_data;
    GError *error = NULL;
    gssize size = receive(stream, &error);

    if (size == 0)
        return G_SOURCE_CONTINUE;
    if (size < 0) {
        stream->in_source = 0;
        end_with(stream, error);
        return G_SOURCE_REMOVE;
    }
    stream->callbacks->heard(stream->user_data);
    return stream->in_source != 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void
vsf_ovs_stream_hold(VsfOvsStream *stream, gboolean hold)
{
    if (stream->end_source != 0)
        return;
    if (hold)
        g_clear_handle_id(&stream->in_source, g_source_remove);
    else if (stream->in_source == 0)
        stream->in_source = g_unix_fd_add(stream->fd, G_IO_IN, readable, stream);
}

GBytes *
vsf_ovs_stream_take(VsfOvsStream *stream)
{
    return vsf_ovs_frames_take(stream->frames);
}

gboolean
vsf_ovs_stream_take_reply(VsfOvsStream *stream, const char *id)
{
    g_autofree char *quoted_id = g_strdup_printf("\"%s\"", id);
    gboolean replied = FALSE;
    GBytes *message;

    while ((message = vsf_ovs_stream_take(stream)) != NULL) {
        gsize size;
        gconstpointer data = g_bytes_get_data(message, &size);

        replied |= memmem(data, size, quoted_id, strlen(quoted_id)) != NULL;
        g_bytes_unref(message);
    }
    return replied;
}

gboolean
vsf_ovs_stream_has_message(const VsfOvsStream *stream)
{
    return vsf_ovs_frames_waiting(stream->frames) > 0;
}

/* --- out -------------------------------------------------------------------- */

/* FALSE: it is over. */
static gboolean
send_some(VsfOvsStream *stream)
{
    while (stream->out->len > 0) {
        gssize size = send(stream->fd, stream->out->data, stream->out->len,
                           MSG_DONTWAIT | MSG_NOSIGNAL);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return TRUE;
        /* Why it closed may lie in what it said. */
        if (size < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            g_byte_array_set_size(stream->out, 0);
            return TRUE;
        }
        if (size < 0) {
            end_at_errno(stream, errno);
            return FALSE;
        }
        g_byte_array_remove_range(stream->out, 0, (guint)size);
    }
    return TRUE;
}

static gboolean
writable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfOvsStream *stream = user_data;
    guint source = stream->out_source;

    stream->out_source = 0;
    if (!send_some(stream) || stream->out->len == 0)
        return G_SOURCE_REMOVE;
    stream->out_source = source;
    return G_SOURCE_CONTINUE;
}

void
vsf_ovs_stream_send(VsfOvsStream *stream, const char *text)
{
    gsize length = strlen(text);

    if (stream->end_source != 0)
        return;
    if (length > OUT_MAX - stream->out->len) {
        end_with(stream, g_error_new_literal(G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                                             "takes nothing of what it is told"));
        return;
    }
    g_byte_array_append(stream->out, (const guint8 *)text, (guint)length);
    if (send_some(stream) && stream->out->len > 0 && stream->out_source == 0)
        stream->out_source = g_unix_fd_add(stream->fd, G_IO_OUT, writable, stream);
}

/* FALSE: it is over, or nothing goes or comes until @until_us. */
static gboolean
exchange_some(VsfOvsStream *stream, gint64 until_us)
{
    short events = stream->out->len > 0 ? POLLIN | POLLOUT : POLLIN;
    struct pollfd one = {.fd = stream->fd, .events = events};
    gint64 left_us = until_us - g_get_monotonic_time();

    return left_us > 0 && poll(&one, 1, (int)((left_us + 999) / 1000)) > 0 && send_some(stream) &&
           receive(stream, NULL) >= 0;
}

void
vsf_ovs_stream_last_words(VsfOvsStream *stream, const char *text, const char *id, int timeout_ms)
{
    gint64 until_us = g_get_monotonic_time() + timeout_ms * (gint64)1000;

    vsf_ovs_stream_send(stream, text);
    while (stream->end_source == 0 && !vsf_ovs_stream_take_reply(stream, id))
        if (!exchange_some(stream, until_us))
            return;
}

/* --- life ------------------------------------------------------------------- */

VsfOvsStream *
vsf_ovs_stream_new(const char *path, const VsfOvsStreamCallbacks *callbacks, gpointer user_data,
                   GError **error)
{
    int fd = connect_to(path, error);
    VsfOvsStream *stream;

    if (fd < 0)
        return NULL;
    stream = g_new0(VsfOvsStream, 1);
    stream->path = g_strdup(path);
    stream->fd = fd;
    stream->frames = vsf_ovs_frames_new(VSF_OVS_BYTES_MAX);
    stream->out = g_byte_array_new();
    stream->callbacks = callbacks;
    stream->user_data = user_data;
    vsf_ovs_stream_hold(stream, FALSE);
    return stream;
}

void
vsf_ovs_stream_set_callbacks(VsfOvsStream *stream, const VsfOvsStreamCallbacks *callbacks,
                             gpointer user_data)
{
    stream->callbacks = callbacks;
    stream->user_data = user_data;
}

void
vsf_ovs_stream_free(VsfOvsStream *stream)
{
    if (stream == NULL)
        return;
    g_clear_handle_id(&stream->in_source, g_source_remove);
    g_clear_handle_id(&stream->out_source, g_source_remove);
    g_clear_handle_id(&stream->end_source, g_source_remove);
    g_clear_error(&stream->end);
    close(stream->fd);
    vsf_ovs_frames_free(stream->frames);
    g_byte_array_unref(stream->out);
    g_free(stream->path);
    g_free(stream);
}
