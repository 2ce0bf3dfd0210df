/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "digest.h"

#include <malloc.h>
#include <string.h>

#define TRIM_BYTES (1024 * 1024) /* of messages, which take ten times that while they are read */

struct VsfOvsMeal {
    VsfOvsDb *db;
    GPtrArray *messages; /* GBytes */
};

VsfOvsMeal *
vsf_ovs_meal_new(VsfOvsDb *db)
{
    VsfOvsMeal *meal = g_new0(VsfOvsMeal, 1);

    meal->db = vsf_ovs_db_ref(db);
    meal->messages = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    return meal;
}

void
vsf_ovs_meal_add(VsfOvsMeal *meal, GBytes *message)
{
    g_ptr_array_add(meal->messages, message);
}

void
vsf_ovs_meal_free(gpointer data)
{
    VsfOvsMeal *meal = data;

    vsf_ovs_db_unref(meal->db);
    g_ptr_array_unref(meal->messages);
    g_free(meal);
}

void
vsf_ovs_digest_free(gpointer data)
{
    VsfOvsDigest *digest = data;

    if (digest == NULL)
        return;
    vsf_ovs_snapshot_unref(digest->snapshot);
    g_ptr_array_unref(digest->answers);
    g_free(digest->trouble);
    g_free(digest);
}

static gboolean
take_reply(VsfOvsDb *db, VsfOvsDigest *digest, const VsfOvsMessage *message, gboolean *changed,
           GError **error)
{
    if (vsf_ovs_message_answers(message, VSF_OVS_ID_MONITOR)) {
        g_autofree char *trouble = vsf_ovs_message_trouble(message);

        if (trouble != NULL) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        "it does not tell its tables: %s", trouble);
            return FALSE;
        }
        digest->monitored = *changed = TRUE;
        return vsf_ovs_db_update(db, message->result, error);
    }
    if (vsf_ovs_message_answers(message, VSF_OVS_ID_COUNTERS)) {
        vsf_ovs_db_counters(db, message, g_get_monotonic_time());
        *changed = TRUE;
    } else if (vsf_ovs_message_answers(message, VSF_OVS_ID_TRANSACT)) {
        digest->transacted = TRUE;
        g_free(digest->trouble);
        digest->trouble = vsf_ovs_transact_trouble(message);
    }
    return TRUE;
}

static gboolean
take_message(VsfOvsDb *db, VsfOvsDigest *digest, const VsfOvsMessage *message, gboolean *changed,
             GError **error)
{
    char *echo;

    if (message->kind == VSF_OVS_REPLY)
        return take_reply(db, digest, message, changed, error);
    if (message->kind == VSF_OVS_REQUEST) {
        echo = vsf_ovs_echo_reply(message);
        if (echo != NULL)
            g_ptr_array_add(digest->answers, echo);
        return TRUE;
    }
    if (strcmp(message->method, "update") != 0 || json_array_get_length(message->params) < 2)
        return TRUE;
    *changed = TRUE;
    return vsf_ovs_db_update(db, json_array_get_element(message->params, 1), error);
}

gpointer
vsf_ovs_digest(gpointer payload, GError **error)
{
    VsfOvsMeal *meal = payload;
    g_autoptr(VsfOvsDigest) digest = g_new0(VsfOvsDigest, 1);
    gboolean changed = FALSE;
    gsize total = 0;

    digest->answers = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < meal->messages->len; i++) {
        gsize length;
        const char *text = g_bytes_get_data(meal->messages->pdata[i], &length);
        g_autoptr(VsfOvsMessage) message = vsf_ovs_message_parse(text, length, error);

        total += length;
        if (message == NULL || !take_message(meal->db, digest, message, &changed, error))
            return NULL;
    }
    if (total > TRIM_BYTES)
        malloc_trim(0);
    if (changed)
        digest->snapshot = vsf_ovs_db_snapshot(meal->db);
    return g_steal_pointer(&digest);
}
