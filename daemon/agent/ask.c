/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask.h"

#include "../virt/agent-libvirt.h"
#include "../virt/link.h"

static gpointer
call(gpointer link, const char *uuid, gpointer question, GError **error)
{
    const VsfAgentRequest *request = question;
    g_autofree char *made = NULL;

    if (request->kind == VSF_AGENT_REQUEST_BALLOON)
        return vsf_agent_libvirt_set_balloon_period(link, uuid, request->period_s, error)
                   ? g_strdup("")
                   : NULL;
    made = vsf_qga_request(request->command, request->handle);
    return vsf_agent_libvirt_send(link, uuid, made, request->timeout_s, error);
}

const VsfCallsOps vsf_agent_ask_libvirt = {
    .open = vsf_agent_libvirt_open,
    .call = call,
    .is_alive = vsf_link_is_alive,
    .close = vsf_link_close,
    .question_free = g_free,
    .answer_free = g_free,
    .now_us = g_get_monotonic_time,
};
