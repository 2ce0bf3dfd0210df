/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-timer.h"

guint fake_timer_ms;
static GSourceFunc timer_func; /* NULL: none is set */
static gpointer timer_data;

guint __wrap_g_timeout_add(guint interval, GSourceFunc function, gpointer data);
gboolean __wrap_g_source_remove(guint tag);

guint
__wrap_g_timeout_add(guint interval, GSourceFunc function, gpointer data)
{
    g_assert_null(timer_func);
    timer_func = function;
    timer_data = data;
    fake_timer_ms = interval;
    return 1;
}

gboolean
__wrap_g_source_remove(guint tag G_GNUC_UNUSED)
{
    timer_func = NULL;
    return TRUE;
}

gboolean
fake_timer_is_set(void)
{
    return timer_func != NULL;
}

void
fake_timer_fire(void)
{
    GSourceFunc function = g_steal_pointer(&timer_func);

    g_assert_nonnull(function);
    g_assert_false(function(timer_data));
}
