/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "parting.h"

struct VsfOvsParting {
    VsfOvsStream *stream; /* NULL: it is over */
    char *id;
    guint timer;
};

static void
end(VsfOvsParting *parting)
{
    g_clear_handle_id(&parting->timer, g_source_remove);
    g_clear_pointer(&parting->stream, vsf_ovs_stream_free);
}

static gboolean
timed_out(gpointer user_data)
{
    VsfOvsParting *parting = user_data;

    parting->timer = 0;
    end(parting);
    return G_SOURCE_REMOVE;
}

/* Nothing else that comes is of interest. What only looks like the reply ends it early: then as
 * much was sent as was taken. */
static void
heard(gpointer user_data)
{
    VsfOvsParting *parting = user_data;
    gboolean replied = vsf_ovs_stream_take_reply(parting->stream, parting->id);

    /* The stream is not freed in this callback of its own. */
    if (replied && parting->timer != 0) {
        g_source_remove(parting->timer);
        parting->timer = g_timeout_add(0, timed_out, parting);
    }
}

static void
ended(const GError *error G_GNUC_UNUSED, gpointer user_data)
{
    end(user_data);
}

static const VsfOvsStreamCallbacks callbacks = {.heard = heard, .ended = ended};

VsfOvsParting *
vsf_ovs_parting_new(VsfOvsStream *stream, const char *text, const char *id, guint timeout_ms)
{
    VsfOvsParting *parting = g_new0(VsfOvsParting, 1);

    parting->stream = stream;
    parting->id = g_strdup(id);
    parting->timer = g_timeout_add(timeout_ms, timed_out, parting);
    vsf_ovs_stream_set_callbacks(stream, &callbacks, parting);
    vsf_ovs_stream_hold(stream, FALSE);
    vsf_ovs_stream_send(stream, text);
    return parting;
}

void
vsf_ovs_parting_free(VsfOvsParting *parting)
{
    if (parting == NULL)
        return;
    end(parting);
    g_free(parting->id);
    g_free(parting);
}

gboolean
vsf_ovs_parting_is_over(const VsfOvsParting *parting)
{
    return parting->stream == NULL;
}
