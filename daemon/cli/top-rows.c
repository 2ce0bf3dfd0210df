/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top-rows.h"

#include "member.h"
#include "table.h"

#include <math.h>
#include <string.h>

#define SAME_TURN_S 0.05 /* how much two documents may differ about when one turn was */

struct VsfTop {
    GHashTable *rows; /* uuid -> VsfTopRow */
    GPtrArray *talks; /* VsfTopTalk */
};

static void
talk_free(gpointer data)
{
    VsfTopTalk *talk = data;

    g_free(talk->from);
    g_free(talk->to);
    g_free(talk);
}

static void
row_free(gpointer data)
{
    VsfTopRow *row = data;

    g_free(row->uuid);
    g_free(row->name);
    g_free(row->state);
    g_free(row);
}

VsfTop *
vsf_top_new(void)
{
    VsfTop *top = g_new0(VsfTop, 1);

    top->talks = g_ptr_array_new_with_free_func(talk_free);
    top->rows = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, row_free);
    return top;
}

void
vsf_top_free(VsfTop *top)
{
    if (top == NULL)
        return;
    g_hash_table_unref(top->rows);
    g_ptr_array_unref(top->talks);
    g_free(top);
}

static double
number(JsonObject *object, const char *member)
{
    JsonNode *node = vsf_member(object, member);

    return vsf_is_number(node) ? json_node_get_double(node) : NAN;
}

/* What is full of what: the guest's word where there is one. */
static void
take_disk(VsfTopRow *row, JsonObject *vm)
{
    g_autoptr(GPtrArray) all = vsf_table_rows(vsf_member_array(vm, "filesystems"), NULL);
    double used = 0, total = 0;

    for (guint i = 0; i < all->len; i++) {
        used += number(all->pdata[i], "used");
        total += number(all->pdata[i], "total");
    }
    if (all->len == 0 || isnan(used) || isnan(total)) {
        used = number(vm, "counters/disk_allocation");
        total = number(vm, "counters/disk_capacity");
    }
    row->value[VSF_TOP_DISK] = used;
    row->disk_total = total;
}

/* A turn is taken once, however often the document tells of it. */
static void
take_history(VsfTopRow *row, double turn_s)
{
    const float now[VSF_TOP_N_LINES] = {
        [VSF_TOP_LINE_CPU] = (float)row->value[VSF_TOP_CPU],
        [VSF_TOP_LINE_DISK] = (float)(row->value[VSF_TOP_READ] + row->value[VSF_TOP_WRITE]),
        [VSF_TOP_LINE_NET] = (float)(row->value[VSF_TOP_IN] + row->value[VSF_TOP_OUT]),
    };

    if (isnan(turn_s) || (row->n_history > 0 && fabs(turn_s - row->turn_s) < SAME_TURN_S))
        return;
    row->turn_s = turn_s;
    if (row->n_history < VSF_TOP_HISTORY)
        row->n_history++;
    for (guint line = 0; line < VSF_TOP_N_LINES; line++) {
        memmove(row->history[line], row->history[line] + 1, (VSF_TOP_HISTORY - 1) * sizeof(float));
        row->history[line][VSF_TOP_HISTORY - 1] = now[line];
    }
}

static void
take_row(VsfTopRow *row, JsonObject *vm, double now_s)
{
    static const struct {
        VsfTopColumn column;
        const char *member;
    } numbers[] = {
        {VSF_TOP_CPU, "rates/cpu_percent"},
        {VSF_TOP_MEMORY, "memory/bytes"},
        {VSF_TOP_READ, "rates/disk_read_bytes"},
        {VSF_TOP_WRITE, "rates/disk_written_bytes"},
        {VSF_TOP_IN, "rates/net_in_bits"},
        {VSF_TOP_OUT, "rates/net_out_bits"},
        {VSF_TOP_PACKETS_IN, "rates/net_in_packets"},
        {VSF_TOP_PACKETS_OUT, "rates/net_out_packets"},
    };

    g_free(row->name);
    g_free(row->state);
    row->name = vsf_member_text(vm, "name");
    row->state = vsf_member_text(vm, "state");
    row->value[VSF_TOP_NAME] = NAN;
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        row->value[numbers[i].column] = number(vm, numbers[i].member);
    row->memory_total = number(vm, "counters/memory_max");
    take_disk(row, vm);
    take_history(row, now_s - number(vm, "last_poll_s"));
    row->seen = TRUE;
}

static gboolean
forget_unseen(gpointer key G_GNUC_UNUSED, gpointer value, gpointer user_data G_GNUC_UNUSED)
{
    VsfTopRow *row = value;
    gboolean seen = row->seen;

    row->seen = FALSE;
    return !seen;
}

static void
take_talks(VsfTop *top, JsonObject *status)
{
    g_autoptr(GPtrArray) all = vsf_table_rows(vsf_member_array(status, "talkers"), NULL);

    g_ptr_array_set_size(top->talks, 0);
    for (guint i = 0; i < all->len; i++) {
        VsfTopTalk *talk = g_new0(VsfTopTalk, 1);

        talk->from = vsf_member_text(all->pdata[i], "from");
        talk->to = vsf_member_text(all->pdata[i], "to");
        talk->bits = number(all->pdata[i], "bits");
        talk->packets = number(all->pdata[i], "packets");
        g_ptr_array_add(top->talks, talk);
    }
}

const GPtrArray *
vsf_top_talks(const VsfTop *top)
{
    return top->talks;
}

void
vsf_top_take(VsfTop *top, JsonObject *status, double now_s)
{
    g_autoptr(GPtrArray) vms = vsf_table_rows(vsf_member_array(status, "vms"), NULL);

    for (guint i = 0; i < vms->len; i++) {
        g_autofree char *uuid = vsf_member_text(vms->pdata[i], "uuid");
        VsfTopRow *row = g_hash_table_lookup(top->rows, uuid);

        if (row == NULL) {
            row = g_new0(VsfTopRow, 1);
            row->uuid = g_steal_pointer(&uuid);
            g_hash_table_insert(top->rows, row->uuid, row);
        }
        take_row(row, vms->pdata[i], now_s);
    }
    g_hash_table_foreach_remove(top->rows, forget_unseen, NULL);
    take_talks(top, status);
}

guint
vsf_top_n_rows(const VsfTop *top)
{
    return g_hash_table_size(top->rows);
}

/* ---- in order ---- */

typedef struct {
    VsfTopColumn column;
    gboolean reverse;
} Order;

static int
compare(gconstpointer a, gconstpointer b, gpointer user_data)
{
    const VsfTopRow *one = *(VsfTopRow *const *)a, *other = *(VsfTopRow *const *)b;
    const Order *order = user_data;
    double first = one->value[order->column], second = other->value[order->column];
    int names = strcmp(one->name, other->name), sign = order->reverse ? -1 : 1;

    if (names == 0)
        names = strcmp(one->uuid, other->uuid);
    if (order->column == VSF_TOP_NAME)
        return names * sign;
    if (isnan(first) || isnan(second))
        return isnan(first) && isnan(second) ? names : isnan(first) ? 1 : -1;
    return first == second ? names : (first < second ? 1 : -1) * sign;
}

GPtrArray *
vsf_top_rows(const VsfTop *top, VsfTopColumn sort, gboolean reverse, const char *filter)
{
    g_autofree char *wanted = g_utf8_casefold(filter != NULL ? filter : "", -1);
    GPtrArray *rows = g_ptr_array_new();
    Order order = {sort, reverse};
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, top->rows);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        g_autofree char *name = g_utf8_casefold(((VsfTopRow *)value)->name, -1);

        if (strstr(name, wanted) != NULL)
            g_ptr_array_add(rows, value);
    }
    g_ptr_array_sort_with_data(rows, compare, &order);
    return rows;
}
