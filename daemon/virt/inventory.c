/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory.h"

#include "../model/domain-xml.h"
#include "autoptr.h"
#include "error.h"
#include "link.h"

#include <libvirt/virterror.h>

#define OCCUPIED_MS 1000 /* what others ask of QEMU is answered by then, unless it hangs */

void
vsf_domain_facts_free(VsfDomainFacts *facts)
{
    if (facts == NULL)
        return;
    vsf_domain_def_free(facts->def);
    g_free(facts);
}

VsfQuestion *
vsf_question_new(VsfSession *session, const char *uuid)
{
    VsfQuestion *question = g_new0(VsfQuestion, 1);

    question->session = vsf_session_use(session);
    g_strlcpy(question->uuid, uuid, sizeof(question->uuid));
    return question;
}

void
vsf_question_free(VsfQuestion *question)
{
    vsf_session_release(question->session);
    g_free(question);
}

static VsfAnswer *
answer_new(void)
{
    VsfAnswer *answer = g_new0(VsfAnswer, 1);

    answer->asked_us = g_get_monotonic_time();
    answer->facts = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_domain_facts_free);
    answer->unreadable = g_ptr_array_new_with_free_func(g_free);
    return answer;
}

void
vsf_answer_free(VsfAnswer *answer)
{
    if (answer == NULL)
        return;
    g_ptr_array_unref(answer->facts);
    g_ptr_array_unref(answer->unreadable);
    g_free(answer->unreadable_why);
    g_free(answer);
}

static gboolean
is_gone(const GError *error)
{
    return g_error_matches(error, VSF_VIRT_ERROR, VIR_ERR_NO_DOMAIN);
}

/* Facts without a def if the domain does not run; NULL with @error set if that
 * cannot be told. */
static VsfDomainFacts *
read_domain(virDomainPtr domain, GError **error)
{
    /* Flags 0: the XML of what runs, without secrets. */
    g_autoptr(VsfVirtString) xml = virDomainGetXMLDesc(domain, 0);
    g_autoptr(VsfDomainFacts) facts = g_new0(VsfDomainFacts, 1);
    g_autoptr(GError) problem = NULL;

    if (xml == NULL) {
        vsf_virt_error_set(&problem, "XML");
    } else {
        facts->def = vsf_domain_xml_parse(xml, -1, &problem);
        if (facts->def != NULL && virDomainGetState(domain, &facts->state, &facts->reason, 0) != 0)
            vsf_virt_error_set(&problem, "state");
    }
    if (problem != NULL && !is_gone(problem)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
    }
    /* A persistent domain outlives its run. */
    if (problem != NULL || facts->def->id < 0 || facts->state == VIR_DOMAIN_SHUTOFF)
        g_clear_pointer(&facts->def, vsf_domain_def_free);
    return g_steal_pointer(&facts);
}

/* Somebody waits for its QEMU, so that whoever asks of its job would wait as well, and with it the
 * whole list. Answered without QEMU and its job. */
static gboolean
is_occupied(virDomainPtr domain)
{
    virDomainControlInfo info;

    return virDomainGetControlInfo(domain, &info, 0) == 0 && info.state != VIR_DOMAIN_CONTROL_OK &&
           info.stateTime >= OCCUPIED_MS;
}

/* libvirt also calls "migrating" what was restored from a file and stays paused. Only that has no
 * job: of a guest on its way here libvirt refuses statistics, of one on its way elsewhere it has
 * some. The refusal is a line in libvirtd's log, so not each fetch asks: who saw the VM start knows
 * already. */
static void
doubt_migration(virDomainPtr domain, VsfDomainFacts *facts)
{
    virDomainJobInfo job;

    if (facts->state == VIR_DOMAIN_PAUSED && facts->reason == VIR_DOMAIN_PAUSED_MIGRATION &&
        !is_occupied(domain) && virDomainGetJobInfo(domain, &job) == 0 &&
        job.type == VIR_DOMAIN_JOB_NONE)
        facts->reason = VIR_DOMAIN_PAUSED_UNKNOWN;
}

static void
read_listed(VsfAnswer *answer, virDomainPtr domain)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfDomainFacts) facts = read_domain(domain, &error);
    char uuid[VSF_UUID_TEXT];

    if (facts == NULL) {
        if (virDomainGetUUIDString(domain, uuid) != 0)
            return;
        if (answer->unreadable->len == 0)
            answer->unreadable_why = g_strdup(error->message);
        g_ptr_array_add(answer->unreadable, g_strdup(uuid));
    } else if (facts->def != NULL) {
        doubt_migration(domain, facts);
        g_ptr_array_add(answer->facts, g_steal_pointer(&facts));
    }
}

/* A call that failed with its connection says nothing about the domain. */
static gboolean
lost_connection(VsfSession *session, VsfLink *link, GError **error)
{
    if (vsf_session_give_link(session, link))
        return FALSE;
    if (virConnectIsAlive(session->connection) != 1)
        vsf_session_tell_lost(session, "connection to libvirt failed");
    g_clear_error(error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "connection lost");
    return TRUE;
}

gpointer
vsf_inventory_list(gpointer data, GError **error)
{
    VsfQuestion *question = data;
    g_autoptr(VsfAnswer) answer = NULL;
    VsfLink *link = vsf_session_take_link(question->session, error);
    virDomainPtr *domains = NULL;
    int n;

    g_atomic_int_set(&question->begun, TRUE);
    if (link == NULL)
        return NULL;
    answer = answer_new();
    n = virConnectListAllDomains(vsf_link_connection(link), &domains,
                                 VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (n < 0)
        vsf_virt_error_set(error, "list of domains");
    for (int i = 0; i < n; i++) {
        /* A connection that breaks on the way fails for all the rest. */
        if (vsf_link_is_alive(link))
            read_listed(answer, domains[i]);
        virDomainFree(domains[i]);
    }
    free(domains);
    if (lost_connection(question->session, link, error) || n < 0)
        return NULL;
    g_ptr_array_add(answer->unreadable, NULL);
    return g_steal_pointer(&answer);
}

static VsfDomainFacts *
look_up_and_read(VsfLink *link, const char *uuid, GError **error)
{
    g_autoptr(GError) problem = NULL;
    virDomainPtr domain = vsf_link_domain(link, uuid, &problem);

    if (domain != NULL)
        return read_domain(domain, error);
    if (is_gone(problem))
        return g_new0(VsfDomainFacts, 1);
    g_propagate_error(error, g_steal_pointer(&problem));
    return NULL;
}

gpointer
vsf_inventory_fetch(gpointer data, GError **error)
{
    VsfQuestion *question = data;
    g_autoptr(VsfAnswer) answer = NULL;
    g_autoptr(VsfDomainFacts) facts = NULL;
    VsfLink *link = vsf_session_take_link(question->session, error);

    g_atomic_int_set(&question->begun, TRUE);
    if (link == NULL)
        return NULL;
    answer = answer_new();
    facts = look_up_and_read(link, question->uuid, error);
    if (lost_connection(question->session, link, error) || facts == NULL)
        return NULL;
    g_ptr_array_add(answer->facts, g_steal_pointer(&facts));
    return g_steal_pointer(&answer);
}
