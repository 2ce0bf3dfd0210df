/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt's domain events -> the connection's callbacks. libvirt calls these
 * from the main loop; the domain handle is used for its UUID alone. */
#include "error.h"
#include "session.h"

#include <libvirt/virterror.h>

static gboolean
begin_event(VsfSession *session, virDomainPtr domain, char uuid[VSF_UUID_TEXT])
{
    return session->sink != NULL && session->listening && virDomainGetUUIDString(domain, uuid) == 0;
}

static void
tell_changed(gpointer data, virDomainPtr domain, const char *what)
{
    VsfSession *session = data;
    char uuid[VSF_UUID_TEXT];

    if (begin_event(session, domain, uuid))
        session->sink->callbacks.changed(uuid, what, session->sink->user_data);
}

static int
on_lifecycle(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain, int event, int detail,
             void *data)
{
    VsfSession *session = data;
    char uuid[VSF_UUID_TEXT];

    /* The id is part of the handle, no call; (unsigned)-1 when it does not run. */
    if (begin_event(session, domain, uuid))
        session->sink->callbacks.lifecycle(uuid, (int)virDomainGetID(domain), event, detail,
                                           session->sink->user_data);
    return 0;
}

static void
on_agent(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain, int state, int reason,
         void *data)
{
    VsfSession *session = data;
    char uuid[VSF_UUID_TEXT];

    if (begin_event(session, domain, uuid))
        session->sink->callbacks.agent(uuid, state, reason, session->sink->user_data);
}

static void
on_device_added(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain,
                const char *alias G_GNUC_UNUSED, void *data)
{
    tell_changed(data, domain, "device added");
}

static void
on_device_removed(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain,
                  const char *alias G_GNUC_UNUSED, void *data)
{
    tell_changed(data, domain, "device removed");
}

static void
on_reboot(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain, void *data)
{
    tell_changed(data, domain, "reboot");
}

static void
on_block_job(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain,
             const char *disk G_GNUC_UNUSED, int type G_GNUC_UNUSED, int status, void *data)
{
    /* READY only says that the copy has caught up; the disk is still the old. */
    if (status != VIR_DOMAIN_BLOCK_JOB_READY)
        tell_changed(data, domain, "block job");
}

static void
on_disk_change(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain,
               const char *old_path G_GNUC_UNUSED, const char *new_path G_GNUC_UNUSED,
               const char *alias G_GNUC_UNUSED, int reason G_GNUC_UNUSED, void *data)
{
    tell_changed(data, domain, "disk change");
}

static void
on_metadata_change(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain,
                   int type G_GNUC_UNUSED, const char *uri G_GNUC_UNUSED, void *data)
{
    tell_changed(data, domain, "metadata");
}

#if LIBVIR_CHECK_VERSION(11, 2, 0)
static void
on_mac_change(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain,
              const char *alias G_GNUC_UNUSED, const char *old_mac G_GNUC_UNUSED,
              const char *new_mac G_GNUC_UNUSED, void *data)
{
    tell_changed(data, domain, "mac change");
}
#endif

/* Not here: DEVICE_REMOVAL_FAILED, after which the XML is what it was. */
static const struct {
    int id;
    GCallback callback;
} events[] = {
    {VIR_DOMAIN_EVENT_ID_LIFECYCLE, G_CALLBACK(on_lifecycle)}, /* the first: must succeed */
    {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, G_CALLBACK(on_device_added)},
    {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, G_CALLBACK(on_device_removed)},
    {VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, G_CALLBACK(on_agent)},
    {VIR_DOMAIN_EVENT_ID_REBOOT, G_CALLBACK(on_reboot)},
    {VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, G_CALLBACK(on_block_job)},
    {VIR_DOMAIN_EVENT_ID_DISK_CHANGE, G_CALLBACK(on_disk_change)},
    {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, G_CALLBACK(on_metadata_change)},
#if LIBVIR_CHECK_VERSION(11, 2, 0)
    {VIR_DOMAIN_EVENT_ID_NIC_MAC_CHANGE, G_CALLBACK(on_mac_change)},
#endif
};
G_STATIC_ASSERT(G_N_ELEMENTS(events) <= VSF_SESSION_MAX_EVENTS);

static void
free_reference(gpointer session)
{
    vsf_session_unref(session);
}

gboolean
vsf_events_register(VsfSession *session, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(events); i++) {
        int id = virConnectDomainEventRegisterAny(
            session->connection, NULL, events[i].id,
            (virConnectDomainEventGenericCallback)events[i].callback, vsf_session_ref(session),
            free_reference);

        if (id >= 0) {
            session->callback_ids[session->n_callbacks++] = id;
            continue;
        }
        vsf_session_unref(session); /* refused: the callback's reference */
        if (events[i].id == VIR_DOMAIN_EVENT_ID_LIFECYCLE) {
            vsf_virt_error_set(error, "lifecycle events");
            return FALSE;
        }
        virResetLastError();
    }
    return TRUE;
}

void
vsf_events_deregister(VsfSession *session)
{
    for (guint i = 0; i < session->n_callbacks; i++)
        virConnectDomainEventDeregisterAny(session->connection, session->callback_ids[i]);
}
