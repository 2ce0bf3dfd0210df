/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ports.h"

#include "base/worker.h"
#include "host/interfaces.h"

#define SOON_MS 200 /* one look for all messages that come until then */
#define AGAIN_MS 30000

struct VsfPorts {
    VsfPortsRead read;
    VsfPortsFound found;
    gpointer user_data;
    VsfWorker *worker;
    gboolean wanted;
    gboolean stale; /* a message came while one look was out */
    gboolean soon;  /* the timer is set for a message */
    guint timer;
    int count;
};

static gboolean look(gpointer user_data);

static GArray *
read_this_machine(void)
{
    return vsf_interfaces_ports("");
}

static void
free_ports(gpointer data)
{
    g_array_unref(data);
}

static void
look_in(VsfPorts *ports, guint delay_ms)
{
    g_clear_handle_id(&ports->timer, g_source_remove);
    ports->soon = delay_ms < AGAIN_MS;
    ports->timer = g_timeout_add(delay_ms, look, ports);
}

static gpointer
read_ports(gpointer payload, GError **error G_GNUC_UNUSED)
{
    return (*(VsfPortsRead *)payload)();
}

static void
ports_came(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfPorts *ports = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) found = vsf_worker_finish(result, &error);

    if (found == NULL || !ports->wanted)
        return;
    ports->count = (int)found->len;
    look_in(ports, ports->stale ? SOON_MS : AGAIN_MS);
    ports->stale = FALSE;
    ports->found(found, ports->user_data);
}

/* A driver that hangs keeps the one thread that there is; what was found last counts on. */
static gboolean
look(gpointer user_data)
{
    VsfPorts *ports = user_data;

    ports->timer = 0;
    ports->soon = FALSE;
    if (vsf_worker_pending(ports->worker) == 0)
        vsf_worker_run(ports->worker, read_ports, g_memdup2(&ports->read, sizeof(ports->read)),
                       g_free, NULL, ports_came, ports);
    else
        ports->stale = TRUE;
    return G_SOURCE_REMOVE;
}

VsfPorts *
vsf_ports_new(VsfPortsRead read, VsfPortsFound found, gpointer user_data)
{
    VsfPorts *ports = g_new0(VsfPorts, 1);

    ports->read = read != NULL ? read : read_this_machine;
    ports->found = found;
    ports->user_data = user_data;
    ports->worker = vsf_worker_new(1, free_ports);
    ports->count = -1;
    return ports;
}

void
vsf_ports_free(VsfPorts *ports)
{
    if (ports == NULL)
        return;
    g_clear_handle_id(&ports->timer, g_source_remove);
    vsf_worker_free(ports->worker);
    g_free(ports);
}

void
vsf_ports_set_wanted(VsfPorts *ports, gboolean wanted)
{
    if (ports->wanted == wanted)
        return;
    ports->wanted = wanted;
    ports->count = -1;
    g_clear_handle_id(&ports->timer, g_source_remove);
    if (wanted)
        look(ports);
}

int
vsf_ports_count(const VsfPorts *ports)
{
    return ports->count;
}

void
vsf_ports_link_seen(VsfPorts *ports, const VsfLink *link)
{
    if (!ports->wanted || link->kind[0] != '\0' || ports->soon)
        return;
    if (vsf_worker_pending(ports->worker) > 0)
        ports->stale = TRUE;
    else
        look_in(ports, SOON_MS);
}
