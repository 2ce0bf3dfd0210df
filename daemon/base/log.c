/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <stdio.h>
#include <unistd.h>

static gboolean show_debug;

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

/* Libraries log under another name or none: libvirt-glib tells every poll of
 * a socket at debug level. */
static gboolean
is_ours(const GLogField *fields, gsize n_fields)
{
    for (gsize i = 0; i < n_fields; i++)
        if (g_strcmp0(fields[i].key, "GLIB_DOMAIN") == 0)
            return g_strcmp0(fields[i].value, G_LOG_DOMAIN) == 0;
    return FALSE;
}

static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
          gpointer user_data G_GNUC_UNUSED)
{
    if ((level & (G_LOG_LEVEL_DEBUG | G_LOG_LEVEL_INFO)) &&
        (!show_debug || !is_ours(fields, n_fields)))
        return G_LOG_WRITER_HANDLED;
    if (g_log_writer_is_journald(STDERR_FILENO) &&
        g_log_writer_journald(level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;

    for (gsize i = 0; i < n_fields; i++) {
        if (g_strcmp0(fields[i].key, "MESSAGE") != 0)
            continue;
        if (show_debug)
            fprintf(stderr, "[%10.3f] ", (double)g_get_monotonic_time() / G_USEC_PER_SEC);
        fprintf(stderr, "virt-sflowd: %s%.*s\n", level_word(level),
                fields[i].length < 0 ? -1 : (int)fields[i].length, (const char *)fields[i].value);
    }
    return G_LOG_WRITER_HANDLED;
}

void
vsf_log_init(gboolean debug)
{
    show_debug = debug;
    g_log_set_writer_func(write_log, NULL, NULL);
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
