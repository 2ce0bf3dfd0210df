/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfs.h"

#include "base/worker.h"
#include "net/link-vfs.h"

#include <string.h>

struct VsfVfs {
    const VsfRegistry *registry;
    VsfWorker *worker;
    GCancellable *cancel;
    GHashTable *readings; /* PCI address -> VsfVfReading */
    guint timer;
    gboolean out; /* a question is */
};

/* --- on the worker --------------------------------------------------------- */

static const VsfVf *
find_vf(const GArray *vfs, guint number)
{
    for (guint i = 0; vfs != NULL && i < vfs->len; i++)
        if (g_array_index(vfs, VsfVf, i).number == number)
            return &g_array_index(vfs, VsfVf, i);
    return NULL;
}

static void
array_free(gpointer array)
{
    if (array != NULL)
        g_array_unref(array);
}

GHashTable *
vsf_vfs_read(const char *root, const GPtrArray *pcis, VsfVfsAsk ask, gpointer user_data)
{
    GHashTable *readings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    /* Each card once: its port, and ifindex of that -> its list, or NULL. */
    g_autoptr(GHashTable) ports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) cards = g_hash_table_new_full(NULL, NULL, NULL, array_free);

    for (guint i = 0; i < pcis->len; i++) {
        VsfVfReading reading = {0};
        const VsfVf *vf;
        gpointer key;

        if (!vsf_vf_find(root, pcis->pdata[i], ports, &reading.place))
            continue;
        key = GINT_TO_POINTER(reading.place.ifindex);
        if (!g_hash_table_contains(cards, key))
            g_hash_table_insert(cards, key, ask(reading.place.ifindex, user_data));
        vf = find_vf(g_hash_table_lookup(cards, key), reading.place.number);
        if (vf == NULL)
            continue;
        reading.vf = *vf;
        reading.read_us = g_get_monotonic_time();
        g_hash_table_insert(readings, g_strdup(pcis->pdata[i]),
                            g_memdup2(&reading, sizeof(reading)));
    }
    return readings;
}

static GArray *
ask_kernel(int ifindex, gpointer line)
{
    g_autoptr(GError) error = NULL;
    GArray *vfs = vsf_link_vfs_read(line, ifindex, &error);

    if (vfs == NULL)
        g_debug("virtual functions of interface %d: %s", ifindex, error->message);
    return vfs;
}

static gpointer
read_all(gpointer pcis, GError **error G_GNUC_UNUSED)
{
    g_autoptr(VsfNetlinkLine) line = vsf_netlink_line_new(NETLINK_ROUTE);

    return vsf_vfs_read("", pcis, ask_kernel, line);
}

/* --- on the main loop -------------------------------------------------------- */

static void
readings_came(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfVfs *vfs = user_data;
    g_autoptr(GError) error = NULL;
    GHashTable *readings = vsf_worker_finish(result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    vfs->out = FALSE;
    if (readings == NULL)
        return;
    g_hash_table_unref(vfs->readings);
    vfs->readings = readings;
}

static GPtrArray *
pcis_of(const VsfRegistry *registry)
{
    GPtrArray *pcis = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, vsf_registry_domains(registry));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const GPtrArray *nics = ((const VsfDomain *)value)->def->nics;

        for (guint i = 0; i < nics->len; i++) {
            const VsfNic *nic = nics->pdata[i];

            if (nic->pci[0] != '\0')
                g_ptr_array_add(pcis, g_strdup(nic->pci));
        }
    }
    return pcis;
}

/* A question that hangs is not asked a second time. */
static gboolean
ask(gpointer user_data)
{
    VsfVfs *vfs = user_data;
    g_autoptr(GPtrArray) pcis = NULL;

    if (vfs->out)
        return G_SOURCE_CONTINUE;
    pcis = pcis_of(vfs->registry);
    if (pcis->len == 0) {
        g_hash_table_remove_all(vfs->readings);
        return G_SOURCE_CONTINUE;
    }
    vfs->out = TRUE;
    vsf_worker_run(vfs->worker, read_all, g_steal_pointer(&pcis), (GDestroyNotify)g_ptr_array_unref,
                   vfs->cancel, readings_came, vfs);
    return G_SOURCE_CONTINUE;
}

VsfVfs *
vsf_vfs_new(const VsfRegistry *registry)
{
    VsfVfs *vfs = g_new0(VsfVfs, 1);

    vfs->registry = registry;
    vfs->worker = vsf_worker_new(1, (GDestroyNotify)g_hash_table_unref);
    vfs->cancel = g_cancellable_new();
    vfs->readings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    vfs->timer = g_timeout_add_seconds(VSF_VFS_INTERVAL_S, ask, vfs);
    return vfs;
}

void
vsf_vfs_free(VsfVfs *vfs)
{
    if (vfs == NULL)
        return;
    g_source_remove(vfs->timer);
    g_cancellable_cancel(vfs->cancel);
    g_object_unref(vfs->cancel);
    vsf_worker_free(vfs->worker);
    g_hash_table_unref(vfs->readings);
    g_free(vfs);
}

const VsfVfReading *
vsf_vfs_get(const VsfVfs *vfs, const char *pci)
{
    return *pci != '\0' ? g_hash_table_lookup(vfs->readings, pci) : NULL;
}

const VsfNetCounters *
vsf_vf_reading_counters(const VsfVfReading *reading, gint64 now_us)
{
    return reading != NULL && now_us - reading->read_us <= VSF_VFS_FRESH_S * G_USEC_PER_SEC
               ? &reading->vf.net
               : NULL;
}

const VsfNetCounters *
vsf_vfs_counters(const char *pci, gpointer vfs)
{
    return vsf_vf_reading_counters(vsf_vfs_get(vfs, pci), g_get_monotonic_time());
}
