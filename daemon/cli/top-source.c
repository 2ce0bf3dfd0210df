/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top-source.h"

#include "control-client.h"

struct VsfTopSource {
    char *runtime_dir;
    guint interval_ms;
    GAsyncQueue *answers;
};

void
vsf_top_answer_free(VsfTopAnswer *answer)
{
    if (answer == NULL)
        return;
    g_clear_pointer(&answer->root, json_node_unref);
    g_free(answer->failed);
    g_free(answer);
}

static gpointer
ask_for_ever(gpointer data)
{
    VsfTopSource *source = data;

    for (;;) {
        VsfTopAnswer *answer = g_new0(VsfTopAnswer, 1);
        g_autoptr(GError) error = NULL;
        g_autofree char *document = NULL;

        answer->root = vsf_control_client_status(source->runtime_dir, &document, &error);
        answer->failed = g_strdup(error != NULL ? error->message : NULL);
        answer->at_us = g_get_monotonic_time();
        g_async_queue_push(source->answers, answer);
        g_usleep((gulong)source->interval_ms * 1000);
    }
    return NULL;
}

VsfTopSource *
vsf_top_source_start(const char *runtime_dir, guint interval_ms)
{
    VsfTopSource *source = g_new0(VsfTopSource, 1);

    source->runtime_dir = g_strdup(runtime_dir);
    source->interval_ms = interval_ms;
    source->answers = g_async_queue_new();
    g_thread_unref(g_thread_new("status", ask_for_ever, source));
    return source;
}

VsfTopAnswer *
vsf_top_source_take(VsfTopSource *source)
{
    VsfTopAnswer *newest = NULL, *answer;

    while ((answer = g_async_queue_try_pop(source->answers)) != NULL) {
        vsf_top_answer_free(newest);
        newest = answer;
    }
    return newest;
}
