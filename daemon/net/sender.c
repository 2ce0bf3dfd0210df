/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All collectors together; each by itself is a target's. */
#include "sender.h"

#include "sender-target.h"

struct VsfSender {
    GPtrArray *targets; /* VsfTarget, as configured */
    VsfTargetCommon common;
    VsfSenderReadyFunc ready;
    gpointer ready_data;
    guint ready_id; /* timeout or idle source */
};

static VsfTarget *
first_target(const VsfSender *sender)
{
    return sender->targets->len > 0 ? sender->targets->pdata[0] : NULL;
}

static gboolean
tell_ready(gpointer user_data)
{
    VsfSender *sender = user_data;
    VsfSenderReadyFunc ready = g_steal_pointer(&sender->ready);
    VsfTarget *first = first_target(sender);

    sender->ready_id = 0;
    /* The last thing here: @ready may free the sender. */
    if (ready != NULL)
        ready(first != NULL ? vsf_target_address(first) : NULL, sender->ready_data);
    return G_SOURCE_REMOVE;
}

static void
tell_ready_soon(VsfSender *sender)
{
    g_clear_handle_id(&sender->ready_id, g_source_remove);
    sender->ready_id = g_idle_add(tell_ready, sender);
}

static void
on_moved(VsfTarget *target, gpointer user_data)
{
    VsfSender *sender = user_data;

    if (sender->ready != NULL && target == first_target(sender))
        tell_ready_soon(sender);
}

static gboolean
parse_source(const char *text, GInetAddress **source, GError **error)
{
    *source = text != NULL ? g_inet_address_new_from_string(text) : NULL;
    if (text == NULL || *source != NULL)
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "source-address %s: is no IP address", text);
    return FALSE;
}

VsfSender *
vsf_sender_new(const GPtrArray *collectors, const char *source_address, guint dscp, GError **error)
{
    g_autoptr(GInetAddress) source = NULL;
    VsfSender *sender;

    if (!parse_source(source_address, &source, error))
        return NULL;
    sender = g_new0(VsfSender, 1);
    sender->targets = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_target_free);
    sender->common = (VsfTargetCommon){
        .source = g_steal_pointer(&source),
        .dscp = dscp,
        .resolver = g_resolver_get_default(),
        .moved = on_moved,
        .user_data = sender,
    };
    for (guint i = 0; i < collectors->len; i++)
        g_ptr_array_add(sender->targets, vsf_target_new(collectors->pdata[i], &sender->common));
    return sender;
}

void
vsf_sender_free(VsfSender *sender)
{
    if (sender == NULL)
        return;
    g_clear_handle_id(&sender->ready_id, g_source_remove);
    g_clear_pointer(&sender->targets, g_ptr_array_unref);
    g_clear_object(&sender->common.source);
    g_clear_object(&sender->common.resolver);
    g_free(sender);
}

/* The target of @targets for @address, or NULL; taken out of there. */
static VsfTarget *
take_target(GPtrArray *targets, const VsfCollectorAddress *address)
{
    for (guint i = 0; i < targets->len; i++)
        if (vsf_collector_address_equal(vsf_target_collector(targets->pdata[i]), address))
            return g_ptr_array_steal_index(targets, i);
    return NULL;
}

static gboolean
same_address(GInetAddress *a, GInetAddress *b)
{
    return a == b || (a != NULL && b != NULL && g_inet_address_equal(a, b));
}

gboolean
vsf_sender_change(VsfSender *sender, const GPtrArray *collectors, const char *source_address,
                  guint dscp, GError **error)
{
    g_autoptr(GInetAddress) source = NULL;
    g_autoptr(GPtrArray) before = NULL;
    gboolean reopen;

    if (!parse_source(source_address, &source, error))
        return FALSE;
    reopen = !same_address(source, sender->common.source) || dscp != sender->common.dscp;
    g_set_object(&sender->common.source, source);
    sender->common.dscp = dscp;
    before = g_steal_pointer(&sender->targets);
    sender->targets = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_target_free);
    for (guint i = 0; i < collectors->len; i++) {
        VsfTarget *target = take_target(before, collectors->pdata[i]);

        if (target != NULL && reopen)
            vsf_target_reopen(target);
        if (target == NULL)
            target = vsf_target_new(collectors->pdata[i], &sender->common);
        g_ptr_array_add(sender->targets, target);
    }
    /* Whoever waits for the first one's address may have it, or another first one. */
    if (sender->ready != NULL &&
        (first_target(sender) == NULL || vsf_target_address(first_target(sender)) != NULL))
        tell_ready_soon(sender);
    return TRUE;
}

GInetAddress *
vsf_sender_first_address(const VsfSender *sender)
{
    const VsfTarget *first = first_target(sender);

    return first != NULL ? vsf_target_address(first) : NULL;
}

void
vsf_sender_send(VsfSender *sender, const guint8 *data, gsize size)
{
    for (guint i = 0; i < sender->targets->len; i++)
        vsf_target_send(sender->targets->pdata[i], data, size);
}

void
vsf_collector_status_free(VsfCollectorStatus *status)
{
    if (status == NULL)
        return;
    g_free(status->address);
    g_free(status->last_error);
    g_free(status->lookup_error);
    g_free(status);
}

GPtrArray *
vsf_sender_status(VsfSender *sender)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_collector_status_free);

    for (guint i = 0; i < sender->targets->len; i++)
        g_ptr_array_add(list, vsf_target_status(sender->targets->pdata[i]));
    return list;
}

void
vsf_sender_when_first_resolved(VsfSender *sender, guint timeout_ms, VsfSenderReadyFunc done,
                               gpointer user_data)
{
    VsfTarget *first = first_target(sender);

    sender->ready = done;
    sender->ready_data = user_data;
    g_clear_handle_id(&sender->ready_id, g_source_remove);
    if (first == NULL || vsf_target_address(first) != NULL)
        tell_ready_soon(sender);
    else
        sender->ready_id = g_timeout_add(timeout_ms, tell_ready, sender);
}
