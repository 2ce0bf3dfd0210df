/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pauses.h"

#include "status.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    VsfPauses *pauses;
    gboolean on;
    guint uid;       /* who paused it */
    gint64 since_us; /* monotonic, as the other */
    gint64 until_us; /* 0: until resumed */
    guint timer;
} Pause;

struct VsfPauses {
    VsfFlows *flows;
    VsfGuests *guests;
    Pause all[VSF_N_PAUSES];
};

typedef struct {
    const char *name, *is, *meaning;
} Words;

static const Words words[VSF_N_PAUSES] = {
    [VSF_PAUSE_SAMPLING] = {"sampling", "sampling is", "no packet is sampled, counters go on"},
    [VSF_PAUSE_AGENTS] = {"agents", "guest agents are", "none is asked, what they told goes stale"},
};

static VsfPauseWhat
what_of(const Pause *pause)
{
    return (VsfPauseWhat)(pause - pause->pauses->all);
}

static void
apply(const Pause *pause)
{
    if (what_of(pause) == VSF_PAUSE_SAMPLING)
        vsf_flows_pause(pause->pauses->flows, pause->on);
    else
        vsf_guests_pause(pause->pauses->guests, pause->on);
}

static void
end(Pause *pause, const char *why)
{
    g_clear_handle_id(&pause->timer, g_source_remove);
    if (!pause->on)
        return;
    pause->on = FALSE;
    apply(pause);
    g_message("%s not paused any more: %s", words[what_of(pause)].is, why);
}

static gboolean
time_is_over(gpointer user_data)
{
    Pause *pause = user_data;

    pause->timer = 0;
    end(pause, "its time is over");
    return G_SOURCE_REMOVE;
}

/* One that is on takes the new end, and was paused by who asked last. */
static void
begin(Pause *pause, guint uid, guint for_s)
{
    const Words *word = &words[what_of(pause)];
    g_autofree char *until = for_s > 0 ? g_strdup_printf("for %u s", for_s)
                                       : g_strdup("until resumed");
    gboolean was_on = pause->on;

    g_clear_handle_id(&pause->timer, g_source_remove);
    pause->on = TRUE;
    pause->uid = uid;
    pause->until_us = 0;
    if (!was_on)
        pause->since_us = g_get_monotonic_time();
    if (for_s > 0) {
        pause->until_us = g_get_monotonic_time() + for_s * (gint64)G_USEC_PER_SEC;
        pause->timer = g_timeout_add(for_s * 1000, time_is_over, pause);
    }
    if (!was_on)
        apply(pause);
    g_message("%s paused by uid %u %s: %s; virt-sflow resume or a restart ends it", word->is, uid,
              until, word->meaning);
}

/* --- requests ---------------------------------------------------------- */

gboolean
vsf_pauses_is_request(const VsfRequest *request)
{
    return strcmp(request->word, "pause") == 0 || strcmp(request->word, "resume") == 0;
}

static gboolean
may_change(const VsfRequest *request, GError **error)
{
    if (request->uid == 0 || request->uid == geteuid())
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                "only root may %s (this is uid %u); run it as root", request->word, request->uid);
    return FALSE;
}

static gboolean
is_meant(const VsfRequest *request, const Pause *pause)
{
    const char *name = words[what_of(pause)].name;

    return request->what == NULL || strcmp(request->what, "all") == 0 ||
           strcmp(request->what, name) == 0;
}

static gboolean
check(const VsfPauses *pauses, const VsfRequest *request, GError **error)
{
    gboolean is_pause = strcmp(request->word, "pause") == 0, is_meaningful = FALSE;

    for (guint i = 0; i < VSF_N_PAUSES; i++)
        is_meaningful = is_meaningful || is_meant(request, &pauses->all[i]);
    if (!is_meaningful || (is_pause && request->what == NULL)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "%s what? sampling, agents or all", request->word);
        return FALSE;
    }
    if (request->for_s > (is_pause ? VSF_PAUSE_MAX_S : 0)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    is_pause ? "a pause lasts 7 days at most; without \"for_s\" it has no end"
                             : "resume takes no \"for_s\"");
        return FALSE;
    }
    return TRUE;
}

JsonNode *
vsf_pauses_answer(VsfPauses *pauses, const VsfRequest *request, GError **error)
{
    g_autoptr(JsonBuilder) builder = NULL;

    if (!may_change(request, error))
        return NULL;
    if (pauses == NULL) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                            "the daemon is starting; try again in a few seconds");
        return NULL;
    }
    if (!check(pauses, request, error))
        return NULL;
    for (guint i = 0; i < VSF_N_PAUSES; i++) {
        Pause *pause = &pauses->all[i];
        g_autofree char *why = g_strdup_printf("resumed by uid %u", request->uid);

        if (!is_meant(request, pause))
            continue;
        if (strcmp(request->word, "pause") == 0)
            begin(pause, request->uid, request->for_s);
        else
            end(pause, why);
    }
    builder = json_builder_new();
    json_builder_begin_object(builder);
    vsf_pauses_status_members(builder, pauses);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}

/* --- up, down and status ----------------------------------------------- */

gboolean
vsf_pauses_is_on(const VsfPauses *pauses, VsfPauseWhat what)
{
    return pauses->all[what].on;
}

VsfPauses *
vsf_pauses_new(VsfFlows *flows, VsfGuests *guests)
{
    VsfPauses *pauses = g_new0(VsfPauses, 1);

    pauses->flows = flows;
    pauses->guests = guests;
    for (guint i = 0; i < VSF_N_PAUSES; i++)
        pauses->all[i].pauses = pauses;
    return pauses;
}

void
vsf_pauses_free(VsfPauses *pauses)
{
    if (pauses == NULL)
        return;
    for (guint i = 0; i < VSF_N_PAUSES; i++)
        g_clear_handle_id(&pauses->all[i].timer, g_source_remove);
    g_free(pauses);
}

static void
add_pause(JsonBuilder *builder, const Pause *pause)
{
    json_builder_begin_object(builder);
    vsf_status_int_member(builder, "by_uid", pause->uid);
    vsf_status_age_member(builder, "since_s", pause->since_us);
    json_builder_set_member_name(builder, "left_s");
    if (pause->until_us == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(
            builder, (double)(MAX(pause->until_us - g_get_monotonic_time(), 0) / 1000) / 1000.0);
    json_builder_end_object(builder);
}

void
vsf_pauses_status_members(JsonBuilder *builder, const VsfPauses *pauses)
{
    json_builder_set_member_name(builder, "paused");
    json_builder_begin_object(builder);
    for (guint i = 0; i < VSF_N_PAUSES; i++) {
        json_builder_set_member_name(builder, words[i].name);
        if (pauses->all[i].on)
            add_pause(builder, &pauses->all[i]);
        else
            json_builder_add_null_value(builder);
    }
    json_builder_end_object(builder);
}
