/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-outcome.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

static int
code_of(const virError *error)
{
    return error != NULL ? error->code : VIR_ERR_INTERNAL_ERROR;
}

static gboolean
is_forbidden(const virError *error)
{
    switch (code_of(error)) {
    case VIR_ERR_OPERATION_DENIED: /* a connection that may only read */
    case VIR_ERR_ACCESS_DENIED:
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_AUTH_UNAVAILABLE:
        return TRUE;
    case VIR_ERR_SYSTEM_ERROR: /* int1 is the errno, and the text is in the user's language */
        return error->int1 == EACCES || error->int1 == EPERM;
    default:
        return FALSE;
    }
}

/* This domain is: libvirt's access control or its drivers say so for each. */
static gboolean
is_forbidden_here(const virError *error)
{
    return is_forbidden(error) &&
           (code_of(error) == VIR_ERR_ACCESS_DENIED || code_of(error) == VIR_ERR_SYSTEM_ERROR);
}

static GError *
not_asked(GIOErrorEnum code, const virError *last, const char *what)
{
    g_autofree char *text = vsf_virt_error_text(last);

    return g_error_new(G_IO_ERROR, (int)code, "%s: %s", what, text);
}

GError *
vsf_agent_error_unreached(const virError *last, const char *what)
{
    return not_asked(is_forbidden(last) ? G_IO_ERROR_READ_ONLY : G_IO_ERROR_NOT_CONNECTED, last,
                     what);
}

/* {"execute":"guest-info", ... */
static char *
command_of(const char *request)
{
    g_auto(GStrv) parts = g_strsplit(request, "\"", 5);

    return g_strdup(g_strv_length(parts) == 5 ? parts[3] : "");
}

/* "internal error: unable to execute QEMU agent command 'guest-get-load': The
 * command guest-get-load has not been found" is the agent's refusal. Newer libvirt
 * has a code of its own for it; the text before the agent's words is in libvirtd's
 * language, so only the command's name is looked for. NULL if @text is not of
 * this kind. */
static GError *
refusal_of_agent(const virError *last, const char *text, const char *request)
{
    g_autofree char *command = command_of(request);
    const char *found = strstr(text, command);
    const char *rest, *words;

    if (last->domain != VIR_FROM_QEMU || command[0] == '\0' || found == NULL)
        return NULL;
    rest = found + strlen(command);
    if (g_utf8_strlen(rest, -1) <= 2) /* the quotation mark */
        return g_error_new_literal(VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED,
                                   "the guest agent's reply has neither a result nor an error");
    words = strstr(rest, ": ");
    return vsf_qga_error_new(NULL, words != NULL ? words + strlen(": ") : text);
}

static GError *
no_reply(const virError *last, const char *text)
{
    return g_error_new_literal(VSF_VIRT_ERROR, code_of(last), text);
}

GError *
vsf_agent_error_of_command(const virError *last, gboolean is_alive, const char *request)
{
    g_autofree char *text = vsf_virt_error_text(last);
    GError *refusal = NULL;

    if (is_alive && is_forbidden_here(last))
        return not_asked(G_IO_ERROR_PERMISSION_DENIED, last, "agent command");
    if (!is_alive || is_forbidden(last))
        return vsf_agent_error_unreached(last, "agent command");
    switch (code_of(last)) {
    case VIR_ERR_OPERATION_INVALID: /* not running: shut off, paused, crashed */
    case VIR_ERR_NO_DOMAIN:
        return not_asked(G_IO_ERROR_NOT_CONNECTED, last, "agent command");
    case VIR_ERR_ARGUMENT_UNSUPPORTED: /* no channel for the agent */
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_NO_SUPPORT:
        return not_asked(G_IO_ERROR_NOT_SUPPORTED, last, "agent command");
    case VIR_ERR_RPC: /* beyond the 4 MiB that libvirt passes on */
        return g_error_new(VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED,
                           "the guest agent's reply did not come through: %s", text);
    case VIR_ERR_AGENT_UNRESPONSIVE:
    case VIR_ERR_AGENT_UNSYNCED:
    case VIR_ERR_OPERATION_TIMEOUT: /* someone else asks this agent for too long */
        break;
    default:
        refusal = last != NULL ? refusal_of_agent(last, text, request) : NULL;
        break;
    }
    return refusal != NULL ? refusal : no_reply(last, text);
}

GError *
vsf_agent_error_of_balloon(const virError *last, gboolean is_alive)
{
    g_autofree char *text = vsf_virt_error_text(last);

    /* OPERATION_INVALID: not running, or no balloon; which, only the text tells. */
    if (!is_alive || is_forbidden(last) || code_of(last) == VIR_ERR_NO_DOMAIN)
        return vsf_agent_error_unreached(last, "balloon period");
    return no_reply(last, text);
}

char *
vsf_agent_reply(const char *reply, GError **error)
{
    gsize length = strnlen(reply, VSF_QGA_REPLY_BYTES_MAX + 1);

    if (length > VSF_QGA_REPLY_BYTES_MAX) {
        g_set_error(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED,
                    "the guest agent's reply is longer than %d bytes", VSF_QGA_REPLY_BYTES_MAX);
        return NULL;
    }
    return g_strndup(reply, length);
}
