/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pause-text.h"

#include "../../include/pause.h"
#include "member.h"
#include "table.h"

#include <string.h>

gboolean
vsf_pause_text(GString *text, JsonObject *answer)
{
    static const char *const names[] = {"sampling", "agents"};
    JsonObject *paused = vsf_member_object(answer, "paused");
    gboolean is_any = FALSE;

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        JsonObject *pause = vsf_member_object(paused, names[i]);
        g_autofree char *uid = vsf_member_text(pause, "by_uid"),
                        *since = vsf_age_text(vsf_member(pause, "since_s")),
                        *left = vsf_age_text(vsf_member(pause, "left_s"));

        if (pause == NULL)
            continue;
        if (strcmp(left, "-") == 0)
            vsf_table_line(text, "paused", names[i], " for ", since, ", by uid ", uid,
                           ", until resumed", NULL);
        else
            vsf_table_line(text, "paused", names[i], " for ", since, ", by uid ", uid, ", ends in ",
                           left, NULL);
        is_any = TRUE;
    }
    return is_any;
}

gboolean
vsf_pause_seconds(const char *text, guint *seconds)
{
    static const struct {
        const char *unit;
        guint seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}};
    char *end = NULL;
    guint64 number = g_ascii_isdigit(text[0]) ? g_ascii_strtoull(text, &end, 10) : 0;

    if (number < 1 || number > VSF_PAUSE_MAX_S)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        if (strcmp(end, units[i].unit) != 0 || number * units[i].seconds > VSF_PAUSE_MAX_S)
            continue;
        *seconds = (guint)number * units[i].seconds;
        return TRUE;
    }
    return FALSE;
}
