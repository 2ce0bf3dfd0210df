/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the agent calls libvirt: one request as a domain's agent command, and what
 * libvirt's errors say about whose fault it is. */
#include "agent-link.h"

#include "autoptr.h"
#include "error.h"
#include "link.h"

#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

/* What libvirt's last error in this thread is to us; 0: an error of libvirt's. */
static gint
io_code(const virError *error)
{
    switch (error->code) {
    case VIR_ERR_OPERATION_DENIED:
    case VIR_ERR_ACCESS_DENIED:
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_AUTH_UNAVAILABLE:
        return G_IO_ERROR_PERMISSION_DENIED;
    case VIR_ERR_SYSTEM_ERROR: /* the socket's mode; int1 is errno */
        return error->int1 == EACCES || error->int1 == EPERM ? G_IO_ERROR_PERMISSION_DENIED
                                                             : G_IO_ERROR_NOT_CONNECTED;
    case VIR_ERR_OPERATION_INVALID: /* paused, or shut off meanwhile */
    case VIR_ERR_NO_DOMAIN:
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_RPC:
    case VIR_ERR_INVALID_CONN:
        return G_IO_ERROR_NOT_CONNECTED;
    case VIR_ERR_AGENT_UNRESPONSIVE:
    case VIR_ERR_AGENT_UNSYNCED:
    case VIR_ERR_OPERATION_TIMEOUT: /* another user's command takes long */
        return G_IO_ERROR_TIMED_OUT;
    default:
        return 0;
    }
}

/* "@what: <libvirt's words>", with a code that says whose fault it is. */
static void
set_error(GError **error, const char *what, gint fallback)
{
    const virError *last = virGetLastError();
    g_autoptr(GError) told = NULL;
    gint code = last != NULL ? io_code(last) : 0;

    vsf_virt_error_set(&told, what);
    g_set_error_literal(error, G_IO_ERROR, code != 0 ? code : fallback, told->message);
}

static gpointer
open_link(const char *uri, GError **error)
{
    g_autoptr(GError) told = NULL;
    VsfLink *link = vsf_link_open(uri, FALSE, &told);

    if (link == NULL)
        set_error(error, "cannot connect for writing", G_IO_ERROR_NOT_CONNECTED);
    return link;
}

/* libvirt folds all refusals of the agent into one code; only the text is left. */
static gboolean
is_refusal(const virError *error)
{
    return error != NULL && error->code == VIR_ERR_INTERNAL_ERROR && error->message != NULL &&
           strstr(error->message, "unable to execute QEMU agent command") != NULL;
}

static char *
send_request(gpointer link, const char *uuid, const char *request, int timeout_s, GError **error)
{
    virDomainPtr domain = vsf_link_domain(link, uuid, NULL);
    g_autoptr(VsfVirtString) reply = NULL;

    if (domain != NULL)
        reply = virDomainQemuAgentCommand(domain, request, timeout_s, 0);
    if (reply == NULL && is_refusal(virGetLastError())) {
        g_propagate_error(error, vsf_qga_error_new(NULL, virGetLastError()->message));
        return NULL;
    }
    if (reply == NULL) {
        if (!vsf_link_is_alive(link))
            set_error(error, "connection lost", G_IO_ERROR_NOT_CONNECTED);
        else
            set_error(error, "no answer", G_IO_ERROR_TIMED_OUT);
        return NULL;
    }
    if (strlen(reply) > VSF_QGA_REPLY_BYTES_MAX) {
        g_set_error_literal(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED,
                            "the guest agent's reply is too long");
        return NULL;
    }
    return g_strdup(reply);
}

static gboolean
set_balloon_period(gpointer link, const char *uuid, int period_s, GError **error)
{
    virDomainPtr domain = vsf_link_domain(link, uuid, NULL);

    if (domain != NULL &&
        virDomainSetMemoryStatsPeriod(domain, period_s, VIR_DOMAIN_AFFECT_LIVE) == 0)
        return TRUE;
    set_error(error, "balloon", G_IO_ERROR_FAILED);
    return FALSE;
}

const VsfAgentOps vsf_agent_libvirt = {
    .calls =
        {
            .open = open_link,
            .call = vsf_agent_call,
            .is_alive = vsf_link_is_alive,
            .close = vsf_link_close,
            .question_free = vsf_agent_question_free,
            .answer_free = (GDestroyNotify)vsf_agent_answer_free,
            .now_us = g_get_monotonic_time,
            .deadline_us = VSF_AGENT_DEADLINE_US,
        },
    .send = send_request,
    .set_balloon_period = set_balloon_period,
};
