/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "talkers.h"

typedef struct {
    gint64 key; /* both indexes */
    guint64 packets, bytes;
} Pair;

struct VsfTalkers {
    GHashTable *filling, *whole; /* key -> Pair: of the span that goes on, and of the one before */
    gint64 began_us;             /* the one that goes on; 0: none did */
};

static GHashTable *
new_pairs(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

VsfTalkers *
vsf_talkers_new(void)
{
    VsfTalkers *talkers = g_new0(VsfTalkers, 1);

    talkers->filling = new_pairs();
    talkers->whole = new_pairs();
    return talkers;
}

void
vsf_talkers_free(VsfTalkers *talkers)
{
    if (talkers == NULL)
        return;
    g_hash_table_unref(talkers->filling);
    g_hash_table_unref(talkers->whole);
    g_free(talkers);
}

/* Ends the span if it is over. After a silence nothing is left of what was before it. */
static void
turn_over(VsfTalkers *talkers, gint64 now_us)
{
    gint64 spans = (now_us - talkers->began_us) / VSF_TALKERS_SPAN_US;
    GHashTable *before = talkers->whole;

    if (spans < 1)
        return;
    talkers->whole = talkers->filling;
    talkers->filling = before;
    g_hash_table_remove_all(talkers->filling);
    if (spans > 1)
        g_hash_table_remove_all(talkers->whole);
    talkers->began_us += spans * VSF_TALKERS_SPAN_US;
}

void
vsf_talkers_add(VsfTalkers *talkers, guint32 from, guint32 to, guint64 packets, guint64 bytes,
                gint64 now_us)
{
    gint64 key = (gint64)((guint64)from << 32 | to);
    Pair *pair;

    turn_over(talkers, now_us);
    pair = g_hash_table_lookup(talkers->filling, &key);
    if (pair == NULL) {
        if (g_hash_table_size(talkers->filling) >= VSF_TALKERS_PAIRS_MAX)
            return;
        pair = g_new0(Pair, 1);
        pair->key = key;
        g_hash_table_insert(talkers->filling, &pair->key, pair);
    }
    pair->packets += packets;
    pair->bytes += bytes;
}

static int
compare(gconstpointer a, gconstpointer b)
{
    const Pair *one = *(Pair *const *)a, *other = *(Pair *const *)b;

    if (one->bytes != other->bytes)
        return one->bytes < other->bytes ? 1 : -1;
    return (one->key > other->key) - (one->key < other->key);
}

guint
vsf_talkers_top(VsfTalkers *talkers, VsfTalk *talks, guint n_max, gint64 now_us)
{
    g_autoptr(GPtrArray) pairs = g_ptr_array_new();
    const double span_s = (double)VSF_TALKERS_SPAN_US / G_USEC_PER_SEC;
    GHashTableIter iter;
    gpointer value;

    turn_over(talkers, now_us);
    g_hash_table_iter_init(&iter, talkers->whole);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(pairs, value);
    g_ptr_array_sort(pairs, compare);
    for (guint i = 0; i < MIN(pairs->len, n_max); i++) {
        const Pair *pair = pairs->pdata[i];

        talks[i] = (VsfTalk){
            .from = (guint32)((guint64)pair->key >> 32),
            .to = (guint32)pair->key,
            .bits_per_second = (double)pair->bytes * 8 / span_s,
            .packets_per_second = (double)pair->packets / span_s,
        };
    }
    return MIN(pairs->len, n_max);
}
