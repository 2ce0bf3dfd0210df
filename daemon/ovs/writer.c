/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writer.h"

#include <string.h>

struct VsfOvsWriter {
    VsfOvsClient *client;
    VsfOvsWanted *wanted;
    GHashTable *had;     /* set of UUIDs of bridges that had our row when we looked last */
    GHashTable *covered; /* set of names of those that have it now */
    gint64 claimed_us;   /* when a row of ours vanished or was changed last; 0: never */
    gboolean told;       /* what is wanted */
    gboolean settled;    /* our row was seen as it is wanted */
    gboolean stopped;
    gboolean dead;     /* the switch does not run */
    gint64 refused_us; /* when a transaction failed last; 0: the last one went well */
    gboolean writing;
    gint64 leaving_us; /* since when nothing is begun any more; 0: it is */
    char *rival;       /* who has a bridge that we want; or NULL */
    char *refusal;     /* of the last transaction; or NULL */
    char *claim;       /* why it stopped; or NULL */
};

#define RETRY_US (5 * G_USEC_PER_SEC)

VsfOvsWriter *
vsf_ovs_writer_new(VsfOvsClient *client)
{
    VsfOvsWriter *writer = g_new0(VsfOvsWriter, 1);

    writer->client = client;
    writer->had = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    writer->covered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return writer;
}

void
vsf_ovs_writer_free(VsfOvsWriter *writer)
{
    if (writer == NULL)
        return;
    g_hash_table_unref(writer->had);
    g_hash_table_unref(writer->covered);
    vsf_ovs_wanted_free(writer->wanted);
    g_free(writer->rival);
    g_free(writer->refusal);
    g_free(writer->claim);
    g_free(writer);
}

/* Once may be an operator's hand. */
static void
note_claim(VsfOvsWriter *writer, const char *what, const char *rival, gint64 now_us)
{
    gboolean again = writer->claimed_us != 0 && now_us - writer->claimed_us <= VSF_OVS_CLAIM_US;

    writer->claimed_us = now_us;
    if (!again)
        return;
    writer->stopped = TRUE;
    g_free(writer->claim);
    writer->claim = g_strdup_printf("our sFlow row %s twice within 5 minutes: another agent claims "
                                    "it (%s); nothing is written any more",
                                    what, rival);
}

/* Whoever took it away is who is there now, if anybody is. */
static void
note_vanished(VsfOvsWriter *writer, const VsfOvsSnapshot *snapshot, const VsfOvsBridge *bridge,
              gint64 now_us)
{
    g_autofree char *rival = vsf_ovs_rival(snapshot, bridge);
    g_autofree char *what = g_strdup_printf("of bridge %s vanished", bridge->name);

    note_claim(writer, what, rival != NULL ? rival : "which leaves no row of its own", now_us);
}

/* An agent that takes the first row that it finds for its own keeps our mark in it. */
static void
look_for_changed(VsfOvsWriter *writer, const VsfOvsSnapshot *snapshot, gint64 now_us)
{
    const VsfOvsSflow *row = vsf_ovs_our_row(snapshot);
    g_autofree char *rival = NULL;

    if (row == NULL || writer->wanted == NULL)
        return;
    if (vsf_ovs_row_is_as_wanted(row, writer->wanted)) {
        writer->settled = TRUE;
        return;
    }
    if (!writer->settled)
        return;
    writer->settled = FALSE;
    rival = g_strdup_printf("agent %s, targets %s", row->agent != NULL ? row->agent : "not set",
                            row->targets);
    note_claim(writer, "was changed", rival, now_us);
}

/* One that another agent made its own has our mark, and sends to others; so does what an earlier
 * daemon left, where it cannot be made right. */
static gboolean
is_kept(const VsfOvsWriter *writer, const VsfOvsSnapshot *snapshot, const VsfOvsBridge *bridge)
{
    return (!writer->stopped && writer->refusal == NULL) ||
           (writer->wanted != NULL &&
            vsf_ovs_row_is_as_wanted(vsf_ovs_snapshot_sflow_by_uuid(snapshot, bridge->sflow),
                                     writer->wanted));
}

/* What our own transaction took away has not vanished: who is not wanted is not looked for. */
static void
look_for_vanished(VsfOvsWriter *writer, const VsfOvsSnapshot *snapshot, gint64 now_us)
{
    g_autoptr(GHashTable) had = g_steal_pointer(&writer->had);
    const VsfOvsBridge *vanished = NULL;

    writer->had = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_remove_all(writer->covered);
    for (guint i = 0; i < vsf_ovs_snapshot_n_bridges(snapshot); i++) {
        const VsfOvsBridge *bridge = vsf_ovs_snapshot_bridge(snapshot, i);

        if (vsf_ovs_bridge_is_ours(snapshot, bridge)) {
            if (is_kept(writer, snapshot, bridge))
                g_hash_table_add(writer->covered, g_strdup(bridge->name));
            g_hash_table_add(writer->had, g_strdup(bridge->uuid));
        } else if (g_hash_table_contains(had, bridge->uuid) &&
                   vsf_ovs_bridge_is_wanted(writer->wanted, bridge)) {
            vanished = bridge;
        }
    }
    if (vanished != NULL)
        note_vanished(writer, snapshot, vanished, now_us);
}

static void
look_for_rivals(VsfOvsWriter *writer, const VsfOvsSnapshot *snapshot)
{
    g_clear_pointer(&writer->rival, g_free);
    for (guint i = 0; writer->rival == NULL && i < vsf_ovs_snapshot_n_bridges(snapshot); i++) {
        const VsfOvsBridge *bridge = vsf_ovs_snapshot_bridge(snapshot, i);
        g_autofree char *rival = vsf_ovs_bridge_is_wanted(writer->wanted, bridge)
                                     ? vsf_ovs_rival(snapshot, bridge)
                                     : NULL;

        if (rival != NULL)
            writer->rival = g_strdup_printf("bridge %s has an sFlow row of another agent (%s), "
                                            "which is left alone",
                                            bridge->name, rival);
    }
}

static void
written(const char *trouble, gpointer user_data)
{
    VsfOvsWriter *writer = user_data;

    writer->writing = FALSE;
    g_free(writer->refusal);
    writer->refusal = trouble != NULL
                          ? g_strdup_printf("the database refuses to be written: %s", trouble)
                          : NULL;
    writer->refused_us = trouble != NULL ? g_get_monotonic_time() : 0;
}

void
vsf_ovs_writer_look(VsfOvsWriter *writer, gint64 now_us)
{
    const VsfOvsSnapshot *snapshot = vsf_ovs_client_snapshot(writer->client);
    g_autofree char *params = NULL;

    if (snapshot == NULL)
        return;
    look_for_vanished(writer, snapshot, now_us);
    look_for_changed(writer, snapshot, now_us);
    look_for_rivals(writer, snapshot);
    if (!writer->told || writer->writing || writer->stopped || writer->leaving_us != 0 ||
        vsf_ovs_client_state(writer->client) != VSF_OVS_WATCHED ||
        (writer->refused_us != 0 && now_us - writer->refused_us < RETRY_US))
        return;
    params = vsf_ovs_plan(snapshot, writer->wanted);
    if (params != NULL)
        writer->writing = vsf_ovs_client_transact(writer->client, params, written, writer);
}

void
vsf_ovs_writer_want(VsfOvsWriter *writer, const VsfOvsWanted *wanted, gint64 now_us)
{
    gboolean first = !writer->told;

    writer->told = TRUE;
    if (!first && vsf_ovs_wanted_equal(writer->wanted, wanted))
        return;
    vsf_ovs_wanted_free(writer->wanted);
    writer->wanted = vsf_ovs_wanted_copy(wanted);
    writer->stopped = FALSE;
    writer->claimed_us = 0;
    writer->settled = FALSE;
    g_clear_pointer(&writer->claim, g_free);
    vsf_ovs_writer_look(writer, now_us);
}

/* The database tells of a change before it tells of the transaction that made it. */
gboolean
vsf_ovs_writer_may_leave(VsfOvsWriter *writer, gint64 now_us, gint64 patience_us)
{
    if (writer->leaving_us == 0)
        writer->leaving_us = now_us;
    return !writer->writing || now_us - writer->leaving_us >= patience_us;
}

char *
vsf_ovs_writer_leave(const VsfOvsWriter *writer)
{
    const VsfOvsSnapshot *snapshot = vsf_ovs_client_snapshot(writer->client);

    return snapshot != NULL ? vsf_ovs_plan(snapshot, NULL) : NULL;
}

void
vsf_ovs_writer_set_dead(VsfOvsWriter *writer, gboolean dead)
{
    writer->dead = dead;
}

const char *
vsf_ovs_writer_trouble(const VsfOvsWriter *writer)
{
    if (writer->dead && g_hash_table_size(writer->covered) > 0)
        return "ovs-vswitchd does not run: nobody has the lock of its pid file";
    if (writer->claim != NULL)
        return writer->claim;
    return writer->refusal != NULL ? writer->refusal : writer->rival;
}

gboolean
vsf_ovs_writer_has_stopped(const VsfOvsWriter *writer)
{
    return writer->stopped;
}

gboolean
vsf_ovs_writer_covers(const VsfOvsWriter *writer, const VsfOvsPort *port)
{
    return port != NULL && !writer->dead && g_hash_table_contains(writer->covered, port->bridge);
}

guint
vsf_ovs_writer_n_bridges(const VsfOvsWriter *writer)
{
    return writer->dead ? 0 : g_hash_table_size(writer->covered);
}
