/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"

#include "table.h"

#include <string.h>

enum { CPU, READ, WRITTEN, IN, OUT, N_COUNTERS };

typedef struct {
    gint64 time_ns;
    guint32 sequence;
    gboolean known[N_COUNTERS];
    guint64 value[N_COUNTERS];
} Last;

struct VsfRows {
    GHashTable *last; /* "AGENT SUBAGENT SOURCE" -> Last, owned */
};

/* Of cpuTime, which is ms in 32 bits; the others are bytes in 64. */
static const struct {
    const char *record, *name;
} counters[N_COUNTERS] = {
    [CPU] = {"virt_cpu", "cpuTime"},          [READ] = {"virt_disk_io", "rd_bytes"},
    [WRITTEN] = {"virt_disk_io", "wr_bytes"}, [IN] = {"virt_net_io", "bytes_in"},
    [OUT] = {"virt_net_io", "bytes_out"},
};

VsfRows *
vsf_rows_new(void)
{
    VsfRows *rows = g_new0(VsfRows, 1);

    rows->last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return rows;
}

void
vsf_rows_free(VsfRows *rows)
{
    if (rows == NULL)
        return;
    g_hash_table_unref(rows->last);
    g_free(rows);
}

const char *
vsf_rows_title(void)
{
    return "TIME     AGENT           NAME                     STATE      CPU %    MEMORY used      "
           "DISK free    rd/wr B/s  in/out bit/s\n";
}

/* @step: 1024 for sizes, 1000 for rates. */
static char *
size_text(gboolean known, double size, double step)
{
    static const char units[] = " KMGTPE";
    guint unit = 0;

    if (!known)
        return g_strdup("?");
    for (; size >= 999.5 && unit < sizeof(units) - 2; unit++)
        size /= step;
    if (unit == 0)
        return g_strdup_printf("%.0f", size);
    return g_strdup_printf(size < 99.95 ? "%.1f%c" : "%.0f%c", size, units[unit]);
}

/* "1.2G/2.0G" of two fields */
static char *
pair_of(const VsfSample *sample, const char *record, const char *one, const char *other)
{
    guint64 first = 0, second = 0;
    gboolean known = vsf_sample_integer(sample, record, one, &first);
    gboolean other_known = vsf_sample_integer(sample, record, other, &second);
    g_autofree char *left = size_text(known, (double)first, 1024);
    g_autofree char *right = size_text(other_known, (double)second, 1024);

    return vsf_sample_value(sample, record, one) == NULL ? g_strdup("-")
                                                         : g_strdup_printf("%s/%s", left, right);
}

/* How much the counter grew in a second, times @factor; or - or ?. */
static char *
rate_text(const Last *last, const Last *now, int which, double factor)
{
    guint64 grown;
    double seconds = last != NULL ? (double)(now->time_ns - last->time_ns) / 1e9 : 0;

    if (!now->known[which])
        return g_strdup("?");
    /* A sequence that begins anew says that counters did. */
    if (seconds <= 0 || !last->known[which] || now->sequence <= last->sequence)
        return g_strdup("-");
    grown = now->value[which] - last->value[which];
    if (which == CPU)
        grown &= 0xffffffff;
    if (grown > G_MAXINT64)
        return g_strdup("-");
    if (which == CPU)
        return g_strdup_printf("%.1f", (double)grown * factor / seconds);
    return size_text(TRUE, (double)grown * factor / seconds, 1000);
}

static char *
rates_text(const Last *last, const Last *now, int one, int other, double factor)
{
    g_autofree char *left = rate_text(last, now, one, factor);
    g_autofree char *right = rate_text(last, now, other, factor);

    return g_strdup_printf("%s/%s", left, right);
}

static void
append_cell(GString *to, const char *text, guint width)
{
    vsf_table_cell(to, text, width, FALSE);
    g_string_append_c(to, ' ');
}

static void
append_right(GString *to, const char *text, int width)
{
    g_string_append_printf(to, "%*s ", width, text);
}

static void
append_begin(GString *to, const VsfSamples *samples, const char *name, gint64 time_ns)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(time_ns / 1000000000);
    g_autofree char *clock = time != NULL ? g_date_time_format(time, "%H:%M:%S") : g_strdup("?");

    append_cell(to, clock, 8);
    append_cell(to, samples->agent, 15);
    append_cell(to, name, 24);
}

/* The sample is kept in place of @last. */
static Last
read_counters(const VsfSample *sample, gint64 time_ns)
{
    Last now = {.time_ns = time_ns, .sequence = sample->sequence};

    for (int i = 0; i < N_COUNTERS; i++)
        now.known[i] = vsf_sample_integer(sample, counters[i].record, counters[i].name,
                                          &now.value[i]);
    return now;
}

static void
keep(VsfRows *rows, char *key, const Last *now)
{
    if (g_hash_table_size(rows->last) >= VSF_ROWS_MAX)
        g_hash_table_remove_all(rows->last);
    g_hash_table_insert(rows->last, key, g_memdup2(now, sizeof(*now)));
}

static void
add_vm(VsfRows *rows, GString *to, const VsfSamples *samples, const VsfSample *sample,
       gint64 time_ns)
{
    static const char *const states[] = {"none",     "running", "blocked", "paused",
                                         "shutdown", "off",     "crashed"};
    char *key = g_strdup_printf("%s %u %s", samples->agent, samples->sub_agent_id, sample->source);
    const Last *last = g_hash_table_lookup(rows->last, key);
    Last now = read_counters(sample, time_ns);
    g_autofree char *cpu = rate_text(last, &now, CPU, 0.1); /* ms in a second to percent */
    g_autofree char *memory = pair_of(sample, "virt_memory", "memory", "maxMemory");
    g_autofree char *disk = pair_of(sample, "virt_disk_io", "available", "capacity");
    g_autofree char *io = rates_text(last, &now, READ, WRITTEN, 1);
    g_autofree char *net = rates_text(last, &now, IN, OUT, 8);
    guint64 state;

    if (!vsf_sample_integer(sample, "virt_cpu", "state", &state))
        state = G_N_ELEMENTS(states);
    append_begin(to, samples, sample->hostname != NULL ? sample->hostname : sample->source,
                 time_ns);
    append_cell(to, state < G_N_ELEMENTS(states) ? states[state] : "?", 8);
    append_right(to, cpu, 7);
    append_right(to, memory, 14);
    append_right(to, disk, 14);
    append_right(to, io, 12);
    g_string_append_printf(to, "%13s\n", net);
    keep(rows, key, &now);
}

static void
add_host(GString *to, const VsfSamples *samples, const VsfSample *sample, gint64 time_ns)
{
    guint64 n = 0, memory = 0, free = 0;
    gboolean known = vsf_sample_integer(sample, "virt_node", "num_domains", &n);
    gboolean memory_known = vsf_sample_integer(sample, "virt_node", "memory", &memory) &&
                            vsf_sample_integer(sample, "virt_node", "memory_free", &free);
    g_autofree char *vms = known ? g_strdup_printf("%" G_GUINT64_FORMAT " VMs", n) : g_strdup("?");
    g_autofree char *used = size_text(memory_known, free <= memory ? (double)(memory - free) : 0,
                                      1024);
    g_autofree char *all = size_text(memory_known, (double)memory, 1024);
    g_autofree char *pair = g_strdup_printf("%s/%s", used, all);

    append_begin(to, samples, sample->hostname != NULL ? sample->hostname : "(host)", time_ns);
    append_cell(to, vms, 8);
    append_right(to, "", 7);
    g_string_append_printf(to, "%14s\n", pair);
}

void
vsf_rows_add(VsfRows *rows, GString *to, const VsfSamples *samples, const VsfSample *sample,
             gint64 time_ns)
{
    if (sample->kind != VSF_SAMPLE_COUNTERS || samples->agent == NULL || sample->source == NULL)
        return;
    if (sample->source_class == 3)
        add_vm(rows, to, samples, sample, time_ns);
    else if (sample->source_class == 2)
        add_host(to, samples, sample, time_ns);
}
