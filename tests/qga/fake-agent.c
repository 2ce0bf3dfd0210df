/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-agent.h"

#include "recorded.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* The only requests there are; anything else is a bug that could harm a guest. */
static const char *const allowed[] = {
    "{\"execute\":\"guest-info\"}",
    "{\"execute\":\"guest-get-fsinfo\"}",
    "{\"execute\":\"guest-get-diskstats\"}",
    "{\"execute\":\"guest-get-cpustats\"}",
    "{\"execute\":\"guest-get-osinfo\"}",
    "{\"execute\":\"guest-get-host-name\"}",
    "{\"execute\":\"guest-network-get-interfaces\"}",
    "{\"execute\":\"guest-get-load\"}",
    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/proc/meminfo\",\"mode\":\"r\"}}",
    "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":1000,\"count\":4096}}",
    "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":1000}}",
};

static char *
name_of(const char *request)
{
    g_autoptr(JsonNode) root = json_from_string(request, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(allowed); i++) {
        if (strcmp(allowed[i], request) == 0)
            return g_strdup(json_object_get_string_member(json_node_get_object(root), "execute"));
    }
    g_error("a request that must not be: %s", request);
}

static char *
reply_of(FakeAgent *agent, const char *name)
{
    char *reply = g_strdup(g_hash_table_lookup(agent->replies, name));

    if (reply == NULL)
        reply = recorded(agent->folder, name);
    return reply != NULL ? reply : recorded("qemu-ga-7.2", name);
}

static char *
transport(const char *request, int timeout_s, GError **error, gpointer user_data)
{
    FakeAgent *agent = user_data;
    g_autofree char *name = name_of(request);
    g_autofree char *reply = reply_of(agent, name);
    guint cost_ms = GPOINTER_TO_UINT(g_hash_table_lookup(agent->costs, name));

    g_assert_cmpint(timeout_s, >=, 1);
    g_array_append_val(agent->timeouts_s, timeout_s);
    agent->now_us += (gint64)cost_ms * 1000;
    g_ptr_array_add(agent->asked, g_strdup(name));
    if (reply[0] == '\0') {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO, "guest agent is not responding");
        return NULL;
    }
    if (strcmp(name, "guest-file-open") == 0)
        agent->n_open += strstr(reply, "1000") != NULL;
    else if (strcmp(name, "guest-file-close") == 0 && strstr(reply, "\"return\"") != NULL)
        agent->n_open--;
    return g_steal_pointer(&reply);
}

static gint64
now_us(gpointer user_data)
{
    FakeAgent *agent = user_data;

    return agent->now_us;
}

FakeAgent *
fake_agent_new(const char *folder)
{
    FakeAgent *agent = g_new0(FakeAgent, 1);

    *agent = (FakeAgent){
        .folder = folder,
        .replies = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free),
        .costs = g_hash_table_new(g_str_hash, g_str_equal),
        .asked = g_ptr_array_new_with_free_func(g_free),
        .timeouts_s = g_array_new(FALSE, FALSE, sizeof(int)),
        .now_us = 1000 * G_USEC_PER_SEC,
    };
    agent->plan = (VsfQgaPlan){
        .send = transport,
        .now_us = now_us,
        .user_data = agent,
        .timeout_s = 2,
        .budget_s = 10,
        .wants = VSF_QGA_WANT_ALL,
    };
    return agent;
}

void
fake_agent_free(FakeAgent *agent)
{
    g_hash_table_unref(agent->replies);
    g_hash_table_unref(agent->costs);
    g_ptr_array_unref(agent->asked);
    g_array_unref(agent->timeouts_s);
    g_free(agent);
}

void
fake_agent_reply(FakeAgent *agent, const char *command, const char *reply)
{
    g_hash_table_insert(agent->replies, (gpointer)command, g_strdup(reply));
}

void
fake_agent_cost(FakeAgent *agent, const char *command, guint ms)
{
    g_hash_table_insert(agent->costs, (gpointer)command, GUINT_TO_POINTER(ms));
}

VsfQgaReport *
fake_agent_inspect(FakeAgent *agent)
{
    return vsf_qga_inspect(&agent->plan);
}

char *
fake_agent_asked(FakeAgent *agent)
{
    char *names;

    g_ptr_array_add(agent->asked, NULL);
    names = g_strjoinv(" ", (char **)agent->asked->pdata);
    g_ptr_array_set_size(agent->asked, 0);
    return names;
}
