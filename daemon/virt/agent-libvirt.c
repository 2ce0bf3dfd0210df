/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-libvirt.h"

#include "agent-outcome.h"
#include "autoptr.h"
#include "link.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

gpointer
vsf_agent_libvirt_open(const char *uri, GError **error)
{
    g_autoptr(GError) told = NULL;
    VsfLink *link = vsf_link_open(uri, FALSE, &told);

    if (link == NULL)
        g_propagate_error(
            error, vsf_agent_error_unreached(virGetLastError(), "cannot connect for writing"));
    return link;
}

/* libvirt's last error of this thread, kept over the calls that reset it. */
static VsfVirtError *
keep_error(void)
{
    return virSaveLastError();
}

char *
vsf_agent_libvirt_send(gpointer link, const char *uuid, const char *request, int timeout_s,
                       GError **error)
{
    virDomainPtr domain = vsf_link_domain(link, uuid, NULL);
    g_autoptr(VsfVirtString) reply = NULL;
    g_autoptr(VsfVirtError) last = NULL;

    if (domain != NULL)
        reply = virDomainQemuAgentCommand(domain, request, timeout_s, 0);
    if (reply != NULL)
        return vsf_agent_reply(reply, error);
    last = keep_error();
    g_propagate_error(error, vsf_agent_error_of_command(last, vsf_link_is_alive(link), request));
    return NULL;
}

gboolean
vsf_agent_libvirt_set_balloon_period(gpointer link, const char *uuid, int period_s, GError **error)
{
    virDomainPtr domain = vsf_link_domain(link, uuid, NULL);
    g_autoptr(VsfVirtError) last = NULL;

    if (domain != NULL &&
        virDomainSetMemoryStatsPeriod(domain, period_s, VIR_DOMAIN_AFFECT_LIVE) == 0)
        return TRUE;
    last = keep_error();
    g_propagate_error(error, vsf_agent_error_of_balloon(last, vsf_link_is_alive(link)));
    return FALSE;
}
