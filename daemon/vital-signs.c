/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vital-signs.h"

#include "app-private.h"

/* One that has no address yet, or whose last datagrams did not get through. */
static void
look_at_collectors(VsfVitalSigns *signs, const VsfApp *app)
{
    g_autoptr(GPtrArray) statuses = vsf_sender_status(app->sender);

    signs->n_collectors = statuses->len;
    for (guint i = 0; i < statuses->len; i++) {
        const VsfCollectorStatus *status = statuses->pdata[i];

        if (status->address == NULL || status->last_error != NULL)
            signs->n_collectors_down++;
    }
}

VsfVitalSigns
vsf_vital_signs(const VsfApp *app)
{
    VsfVitalSigns signs = {0};
    VsfFlowTotals flows;

    look_at_collectors(&signs, app);
    /* The rest starts when the agent address is known. */
    if (app->conn == NULL)
        return signs;
    flows = vsf_flows_totals(app->flows);
    signs.up = app->links_known;
    signs.connected = vsf_conn_is_connected(app->conn);
    signs.n_domains = g_hash_table_size(vsf_registry_domains(app->registry));
    signs.taps_wanted = flows.wanted;
    signs.taps_sampled = flows.sampled;
    return signs;
}

void
vsf_vital_signs_look(VsfServiceLook *look, gpointer user_data)
{
    const VsfApp *app = user_data;
    VsfVitalSigns signs = vsf_vital_signs(app);

    look->up = signs.up;
    if (app->poller != NULL) {
        VsfPollerTurns turns = vsf_poller_turns(app->poller);

        look->turns = turns.taken + turns.missed;
        look->due = turns.due;
    }
    g_snprintf(look->status, sizeof(look->status),
               "%u VMs, %u of %u interfaces sampled, %u of %u collectors reached, libvirt %s",
               signs.n_domains, signs.taps_sampled, signs.taps_wanted,
               signs.n_collectors - signs.n_collectors_down, signs.n_collectors,
               signs.connected ? "connected" : "away");
}
