/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include "event.h"
#include "journal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_BYTES PIPE_BUF /* longer ones might block */

static const char *program = "virt-sflowd";
static gboolean show_debug, is_journal;
static int journal_fd = -1;
static const char *journal_path = VSF_JOURNAL_SOCKET;
static GMutex lock;
static guint n_left_out;

static int
priority(GLogLevelFlags level)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return LOG_ERR;
    if (level & G_LOG_LEVEL_WARNING)
        return LOG_WARNING;
    if (level & (G_LOG_LEVEL_DEBUG | G_LOG_LEVEL_INFO))
        return LOG_DEBUG;
    return LOG_INFO;
}

static const char *
level_word(GLogLevelFlags level)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return "error: ";
    if (level & G_LOG_LEVEL_WARNING)
        return "warning: ";
    if (level & G_LOG_LEVEL_DEBUG)
        return "debug: ";
    return "";
}

/* Libraries log under another name or none, some of them much at debug level. */
static gboolean
is_ours(const GLogField *fields, gsize n_fields)
{
    for (gsize i = 0; i < n_fields; i++)
        if (g_strcmp0(fields[i].key, "GLIB_DOMAIN") == 0)
            return g_strcmp0(fields[i].value, G_LOG_DOMAIN) == 0;
    return FALSE;
}

/* --- stderr ------------------------------------------------------------ */

/* Writes all of it or nothing, without waiting; what a pipe holds at least goes in whole.
 * FALSE: whoever reads it does not, for now. */
static gboolean
write_line(const char *line, gsize size)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t sent = send(STDERR_FILENO, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0 && errno == ENOTSOCK && poll(&ready, 1, 0) == 1 && ready.revents == POLLOUT)
        sent = write(STDERR_FILENO, line, size);
    return sent >= 0;
}

static void
append_prefix(GString *line, GLogLevelFlags level)
{
    if (is_journal) /* which knows who we are, and wants a priority of syslog's */
        g_string_append_printf(line, "<%d>", priority(level));
    else if (show_debug)
        g_string_append_printf(line, "[%10.3f] ", (double)g_get_monotonic_time() / G_USEC_PER_SEC);
    if (!is_journal)
        g_string_append_printf(line, "%s: ", program);
    g_string_append(line, level_word(level));
}

static gboolean
is_seen(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR &&
           type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

/* Names and errors in it may be others' text: none makes a line of its own, and none brings a
 * terminal to do anything. */
static void
append_text(GString *line, const char *text, gsize length)
{
    const char *end = text + strnlen(text, length);

    while (text < end && line->len < LINE_MAX_BYTES) {
        gunichar c = g_utf8_get_char_validated(text, end - text);
        gboolean valid = c != (gunichar)-1 && c != (gunichar)-2;
        const char *next = valid ? g_utf8_next_char(text) : text + 1;

        if (valid && is_seen(c))
            g_string_append_len(line, text, next - text);
        else
            g_string_append_printf(line, "\\x%02x", valid ? c : (guint8)*text);
        text = next;
    }
}

/* Any thread. Nobody waits for another here longer than a write that does not wait. */
static void
log_line(GLogLevelFlags level, const char *text, gssize length)
{
    g_autoptr(GString) line = g_string_new(NULL);

    g_mutex_lock(&lock);
    if (n_left_out > 0) {
        append_prefix(line, G_LOG_LEVEL_WARNING);
        g_string_append_printf(line, "%u lines of the log were left out: nobody took them\n",
                               n_left_out);
    }
    append_prefix(line, level);
    append_text(line, text, length < 0 ? LINE_MAX_BYTES : (gsize)length);
    if (line->len >= LINE_MAX_BYTES)
        g_string_truncate(line, LINE_MAX_BYTES - 1);
    g_string_append_c(line, '\n');
    if (write_line(line->str, line->len))
        n_left_out = 0;
    else
        n_left_out++;
    g_mutex_unlock(&lock);
}

/* --- the journal ------------------------------------------------------- */

/* The stream that is our stderr takes no fields. FALSE: the line has none, or the journal does not
 * take it so; then it may still take the line. */
static gboolean
log_event(GLogLevelFlags level, const char *text, gssize length)
{
    g_autoptr(GString) datagram = NULL;
    g_autofree char *message = NULL, *number = NULL;
    VsfLogAbout about;
    VsfEvent event;

    if (!is_journal || !vsf_event_current(&event, &about))
        return FALSE;
    datagram = g_string_new(NULL);
    message = length < 0 ? g_strdup(text) : g_strndup(text, (gsize)length);
    number = g_strdup_printf("%d", priority(level));
    if (strlen(message) >= LINE_MAX_BYTES)
        message[LINE_MAX_BYTES - 1] = '\0';
    vsf_journal_field(datagram, "MESSAGE", message);
    vsf_journal_field(datagram, "PRIORITY", number);
    vsf_journal_field(datagram, "SYSLOG_IDENTIFIER", program);
    vsf_journal_field(datagram, "MESSAGE_ID", vsf_event_id(event));
    vsf_journal_field(datagram, "VSF_DOMAIN_UUID", about.domain_uuid);
    vsf_journal_field(datagram, "VSF_DOMAIN", about.domain);
    vsf_journal_field(datagram, "VSF_TAP", about.tap);
    vsf_journal_field(datagram, "VSF_COLLECTOR", about.collector);
    return vsf_journal_send(journal_fd, journal_path, datagram);
}

static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
          gpointer user_data G_GNUC_UNUSED)
{
    if ((level & (G_LOG_LEVEL_DEBUG | G_LOG_LEVEL_INFO)) &&
        (!show_debug || !is_ours(fields, n_fields)))
        return G_LOG_WRITER_HANDLED;
    for (gsize i = 0; i < n_fields; i++)
        if (g_strcmp0(fields[i].key, "MESSAGE") == 0 &&
            !log_event(level, fields[i].value, fields[i].length))
            log_line(level, fields[i].value, fields[i].length);
    return G_LOG_WRITER_HANDLED;
}

void
vsf_log_init(const char *name, gboolean debug)
{
    program = name;
    show_debug = debug;
    is_journal = g_log_writer_is_journald(STDERR_FILENO);
    if (is_journal)
        journal_fd = vsf_journal_open();
    g_log_set_writer_func(write_log, NULL, NULL);
}

void
vsf_log_use_journal(const char *path)
{
    is_journal = TRUE;
    journal_path = path;
    if (journal_fd < 0)
        journal_fd = vsf_journal_open();
}

gboolean
vsf_log_rate_allow(VsfLogRate *rate, gint64 now_us, gint64 interval_us, guint *held_back)
{
    if (rate->last_us != 0 && now_us - rate->last_us < interval_us) {
        rate->held_back++;
        return FALSE;
    }
    *held_back = rate->held_back;
    rate->held_back = 0;
    rate->last_us = now_us;
    return TRUE;
}
