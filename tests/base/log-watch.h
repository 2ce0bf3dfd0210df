/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one warning that is expected between two points, by its text and by the kind of event that
 * it is, which g_test_expect_message() does not see. */
#pragma once

#include "../../daemon/base/event.h"

typedef struct {
    guint handler, n;
    GLogLevelFlags fatal;
    VsfEvent event; /* of the last one; VSF_N_EVENTS: none */
    char *text;
} LogWatch;

static inline void
log_watch_note(const char *domain G_GNUC_UNUSED, GLogLevelFlags level G_GNUC_UNUSED,
               const char *message, gpointer user_data)
{
    LogWatch *watch = user_data;
    VsfLogAbout about;

    watch->n++;
    g_free(watch->text);
    watch->text = g_strdup(message);
    if (!vsf_event_current(&watch->event, &about))
        watch->event = VSF_N_EVENTS;
}

static inline void
log_watch_begin(LogWatch *watch)
{
    *watch = (LogWatch){.event = VSF_N_EVENTS};
    watch->fatal = g_log_set_always_fatal(G_LOG_FATAL_MASK);
    watch->handler = g_log_set_handler(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, log_watch_note, watch);
}

static inline void
log_watch_end(LogWatch *watch, VsfEvent event, const char *pattern)
{
    g_log_remove_handler(G_LOG_DOMAIN, watch->handler);
    g_log_set_always_fatal(watch->fatal);
    g_assert_cmpuint(watch->n, ==, 1);
    g_assert_cmpint(watch->event, ==, event);
    if (!g_pattern_match_simple(pattern, watch->text))
        g_error("expected %s, logged was %s", pattern, watch->text);
    g_free(watch->text);
}
