/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-guests.h"

typedef struct {
    VsfCallsFunc done;
    gpointer user_data;
} Call;

guint fake_agents_asked, fake_balloon_asked;
guint32 fake_agents_wants;
gboolean fake_agents_had_info, fake_agents_busy;
static GHashTable *calls; /* uuid -> Call */
static VsfGuestTable *table;

void
fake_guests_reset(void)
{
    g_clear_pointer(&calls, g_hash_table_unref);
    g_clear_pointer(&table, vsf_guest_table_free);
    calls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    table = vsf_guest_table_new();
    fake_agents_asked = fake_balloon_asked = 0;
    fake_agents_wants = 0;
    fake_agents_busy = FALSE;
}

static gboolean
ask(const char *uuid, VsfCallsFunc done, gpointer user_data)
{
    Call call = {done, user_data};

    if (fake_agents_busy || g_hash_table_contains(calls, uuid))
        return FALSE;
    g_hash_table_insert(calls, g_strdup(uuid), g_memdup2(&call, sizeof(call)));
    return TRUE;
}

gboolean
vsf_agents_ask(VsfAgents *agents G_GNUC_UNUSED, const char *uuid, guint32 wants,
               const VsfQgaInfo *info, gint64 open_handle G_GNUC_UNUSED, VsfCallsFunc done,
               gpointer user_data)
{
    if (!ask(uuid, done, user_data))
        return FALSE;
    fake_agents_asked++;
    fake_agents_wants = wants;
    fake_agents_had_info = info != NULL;
    return TRUE;
}

gboolean
vsf_agents_set_balloon_period(VsfAgents *agents G_GNUC_UNUSED, const char *uuid,
                              int period_s G_GNUC_UNUSED, VsfCallsFunc done, gpointer user_data)
{
    if (!ask(uuid, done, user_data))
        return FALSE;
    fake_balloon_asked++;
    return TRUE;
}

void
vsf_agent_answer_free(VsfAgentAnswer *answer)
{
    vsf_qga_info_free(answer->info);
    vsf_guest_facts_free(answer->facts);
    g_free(answer->trouble);
    g_clear_error(&answer->not_asked);
    g_free(answer);
}

gboolean
fake_agents_is_asking(const char *uuid)
{
    return g_hash_table_contains(calls, uuid);
}

static Call
take_call(const char *uuid)
{
    Call *call = g_hash_table_lookup(calls, uuid);
    Call copy;

    g_assert_nonnull(call);
    copy = *call;
    g_hash_table_remove(calls, uuid);
    return copy;
}

void
fake_agents_answer(const char *uuid, VsfAgentAnswer *answer)
{
    Call call = take_call(uuid);

    call.done(uuid, answer, NULL, call.user_data);
    vsf_agent_answer_free(answer);
}

void
fake_agents_fail(const char *uuid, GIOErrorEnum code)
{
    Call call = take_call(uuid);
    g_autoptr(GError) error = g_error_new_literal(G_IO_ERROR, code, "as the test said");

    call.done(uuid, NULL, error, call.user_data);
}

VsfAgentAnswer *
fake_answer_known(guint64 available, guint64 memory_used, const char *host_name)
{
    VsfAgentAnswer *answer = g_new0(VsfAgentAnswer, 1);

    answer->answered = TRUE;
    answer->info = g_new0(VsfQgaInfo, 1);
    answer->info->version = g_strdup("7.2.22");
    answer->facts = vsf_guest_facts_new();
    answer->n_requests = 1;
    answer->slowest_us = 5000;
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++) {
        if ((fake_agents_wants & VSF_QGA_WANT(part)) == 0)
            continue;
        answer->facts->state[part] = VSF_QGA_STATE_KNOWN;
        answer->facts->known_us[part] = g_get_monotonic_time();
    }
    answer->facts->available = available;
    answer->facts->memory = (VsfQgaMemory){.total = 2 * memory_used,
                                           .available = memory_used,
                                           .buffers = VSF_QGA_UNKNOWN,
                                           .cached = VSF_QGA_UNKNOWN,
                                           .swap_total = VSF_QGA_UNKNOWN,
                                           .swap_free = VSF_QGA_UNKNOWN};
    answer->facts->host_name = g_strdup(host_name);
    return answer;
}

VsfAgentAnswer *
fake_answer_silent(void)
{
    VsfAgentAnswer *answer = g_new0(VsfAgentAnswer, 1);

    answer->facts = vsf_guest_facts_new();
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++) {
        if ((fake_agents_wants & VSF_QGA_WANT(part)) != 0)
            answer->facts->state[part] = VSF_QGA_STATE_NO_REPLY;
    }
    answer->trouble = g_strdup("agent is not responding");
    answer->n_requests = 1;
    answer->slowest_us = 2000000;
    return answer;
}

/* --- the store ----------------------------------------------------------- */

VsfGuestTable *
fake_guest_table(void)
{
    return table;
}

const VsfGuestRecord *
vsf_guest_store_get(VsfGuestStore *store G_GNUC_UNUSED, const char *uuid, const char *run)
{
    return vsf_guest_table_get(table, uuid, run, 1);
}

void
vsf_guest_store_set(VsfGuestStore *store G_GNUC_UNUSED, const char *uuid,
                    const VsfGuestRecord *record)
{
    vsf_guest_table_set(table, uuid, record, 1);
}

void
vsf_guest_store_remove(VsfGuestStore *store G_GNUC_UNUSED, const char *uuid)
{
    vsf_guest_table_remove(table, uuid);
}
