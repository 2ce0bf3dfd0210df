/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server of OVSDB may say: a stream of messages, of which some are updates and some answers.
 * The first byte says how large the pieces are in which it comes. The corpus was recorded from
 * ovsdb-server 3.1. */
#include "../../daemon/ovs/db.h"
#include "../../daemon/ovs/frames.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_snapshot(const VsfOvsDb *db)
{
    g_autoptr(VsfOvsSnapshot) snapshot = vsf_ovs_db_snapshot(db);

    for (guint i = 0; i < vsf_ovs_snapshot_n_ports(snapshot); i++) {
        const VsfOvsPort *port = vsf_ovs_snapshot_port(snapshot, i);

        g_assert(port->name != NULL && port->bridge != NULL && port->type != NULL);
        g_assert(strlen(port->name) <= 255 && port->tag >= -1 && port->tag < 4096);
        g_assert(vsf_ovs_snapshot_by_name(snapshot, port->name) != NULL);
    }
    for (guint i = 0; i < vsf_ovs_snapshot_n_bridges(snapshot); i++)
        g_assert(vsf_ovs_snapshot_bridge(snapshot, i)->name != NULL);
    for (guint i = 0; i < vsf_ovs_snapshot_n_sflows(snapshot); i++)
        g_assert(vsf_ovs_snapshot_sflow(snapshot, i)->targets != NULL);
}

static void
digest(VsfOvsDb *db, const char *text, gsize length)
{
    g_autoptr(VsfOvsMessage) message = vsf_ovs_message_parse(text, length, NULL);
    g_autofree char *trouble = NULL, *echo = NULL;

    if (message == NULL)
        return;
    if (message->kind == VSF_OVS_REPLY) {
        trouble = vsf_ovs_transact_trouble(message);
        g_assert(trouble == NULL || g_utf8_validate(trouble, -1, NULL));
        vsf_ovs_db_counters(db, message, 1);
        if (message->result != NULL && !vsf_ovs_db_update(db, message->result, NULL))
            return;
    } else if (message->kind == VSF_OVS_REQUEST) {
        echo = vsf_ovs_echo_reply(message);
        g_assert(echo == NULL || echo[0] == '{');
    } else if (json_array_get_length(message->params) == 2 &&
               !vsf_ovs_db_update(db, json_array_get_element(message->params, 1), NULL)) {
        return;
    }
    check_snapshot(db);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(VsfOvsFrames) frames = vsf_ovs_frames_new(64 * 1024);
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    gsize piece = size > 0 ? (gsize)data[0] + 1 : 1;
    gboolean good = TRUE;

    for (gsize at = 0; good && at < size; at += piece) {
        g_autoptr(GBytes) message = NULL;

        good = vsf_ovs_frames_add(frames, (const char *)data + at, MIN(piece, size - at), NULL);
        while ((message = vsf_ovs_frames_take(frames)) != NULL) {
            gsize length;
            const char *text = g_bytes_get_data(message, &length);
            g_autofree char *apart = g_memdup2(text, length); /* a byte too many is seen */

            digest(db, apart, length);
            g_clear_pointer(&message, g_bytes_unref);
        }
    }
    return 0;
}
