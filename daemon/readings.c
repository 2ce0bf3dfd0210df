/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "readings.h"

#define COLLECT_US (200 * G_TIME_SPAN_MILLISECOND)
#define GIVEN_MAX 32 /* at a time; the rest follows without a pause */

/* One question. */
typedef struct VsfReading {
    VsfReadings *readings;
    GPtrArray *readers; /* VsfReader */
    GArray *ifindexes;  /* int; also of readers that left */
    gint64 began_us;
    GHashTable *table; /* the answer while it is handed out */
    guint timer;       /* the same */
} VsfReading;

struct VsfReadings {
    VsfLinkStatsReader *link_stats;
    const VsfReadingsCallbacks *callbacks;
    gpointer user_data;
    VsfReading *next;  /* not asked yet; NULL: nobody waits */
    guint timer;       /* while it is put off */
    GHashTable *asked; /* set of VsfReading that are not handed out yet */
};

static void
reading_free(VsfReading *reading)
{
    g_clear_handle_id(&reading->timer, g_source_remove);
    g_clear_pointer(&reading->table, g_hash_table_unref);
    g_ptr_array_unref(reading->readers);
    g_array_unref(reading->ifindexes);
    g_free(reading);
}

VsfReadings *
vsf_readings_new(VsfLinkStatsReader *link_stats, const VsfReadingsCallbacks *callbacks,
                 gpointer user_data)
{
    VsfReadings *readings = g_new0(VsfReadings, 1);

    *readings = (VsfReadings){
        .link_stats = link_stats,
        .callbacks = callbacks,
        .user_data = user_data,
        .asked = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)reading_free, NULL)};
    return readings;
}

void
vsf_readings_free(VsfReadings *readings)
{
    if (readings == NULL)
        return;
    g_clear_handle_id(&readings->timer, g_source_remove);
    g_clear_pointer(&readings->next, reading_free);
    g_hash_table_unref(readings->asked);
    g_free(readings);
}

static VsfReading *
next_of(VsfReadings *readings)
{
    if (readings->next == NULL) {
        readings->next = g_new0(VsfReading, 1);
        *readings->next = (VsfReading){.readings = readings,
                                       .readers = g_ptr_array_new(),
                                       .ifindexes = g_array_new(FALSE, FALSE, sizeof(int)),
                                       .began_us = g_get_monotonic_time()};
    }
    return readings->next;
}

void
vsf_readings_leave(VsfReader *reader)
{
    if (reader->reading != NULL)
        g_ptr_array_remove_fast(reader->reading->readers, reader);
    reader->reading = NULL;
}

void
vsf_readings_wait(VsfReadings *readings, VsfReader *reader)
{
    vsf_readings_leave(reader);
    reader->reading = next_of(readings);
    g_ptr_array_add(reader->reading->readers, reader);
}

void
vsf_readings_add(VsfReadings *readings, int ifindex)
{
    g_array_append_val(next_of(readings)->ifindexes, ifindex);
}

static gboolean hand_out_more(gpointer user_data);

static void
hand_out(VsfReading *reading)
{
    VsfReadings *readings = reading->readings;

    for (guint i = 0; i < GIVEN_MAX && reading->readers->len > 0; i++) {
        VsfReader *reader = g_ptr_array_index(reading->readers, 0);

        vsf_readings_leave(reader);
        readings->callbacks->give(reader, reading->table, readings->user_data);
    }
    if (reading->readers->len > 0) {
        reading->timer = g_timeout_add(0, hand_out_more, reading);
        return;
    }
    g_hash_table_remove(readings->asked, reading);
    readings->callbacks->given(readings->user_data);
}

static gboolean
hand_out_more(gpointer user_data)
{
    VsfReading *reading = user_data;

    reading->timer = 0;
    hand_out(reading);
    return G_SOURCE_REMOVE;
}

/* Answers come in any order: a question that is refused has its own at once. */
static void
answer_came(GHashTable *table, gint64 read_ns, const GError *error, gpointer user_data)
{
    VsfReading *reading = user_data;
    VsfReadings *readings = reading->readings;

    readings->callbacks->came(table, read_ns, error, readings->user_data);
    reading->table = table != NULL ? g_hash_table_ref(table) : NULL;
    hand_out(reading);
}

gboolean
vsf_readings_are_out(const VsfReadings *readings)
{
    return readings->next != NULL || g_hash_table_size(readings->asked) > 0;
}

static gboolean
nobody_came(gpointer user_data)
{
    VsfReadings *readings = user_data;

    readings->timer = 0;
    vsf_readings_ask(readings, FALSE);
    return G_SOURCE_REMOVE;
}

void
vsf_readings_ask(VsfReadings *readings, gboolean more)
{
    VsfReading *reading = readings->next;

    if (reading == NULL)
        return;
    if (more && g_get_monotonic_time() - reading->began_us < COLLECT_US) {
        if (readings->timer == 0)
            readings->timer = g_timeout_add(COLLECT_US / 1000, nobody_came, readings);
        return;
    }
    g_clear_handle_id(&readings->timer, g_source_remove);
    readings->next = NULL;
    if (reading->readers->len == 0) {
        reading_free(reading);
        return;
    }
    g_hash_table_add(readings->asked, reading);
    vsf_link_stats_ask(readings->link_stats, (const int *)(void *)reading->ifindexes->data,
                       reading->ifindexes->len, answer_came, reading);
}
