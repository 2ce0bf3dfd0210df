/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top-text.h"

#include "table.h"

#include <math.h>
#include <string.h>

#define NAME_LEAST 14
#define NAME_MOST 40
#define SPARK_LEAST 8
#define SPARK_MOST 30
#define PANEL_LINES 4   /* of the selected VM, below the rows */
#define PANEL_HEIGHT 12 /* of a terminal that has room for it */

typedef struct {
    VsfTopColumn column;
    const char *title;
    guint width;
    int key;
} Column;

static const Column columns[] = {
    {VSF_TOP_NAME, "VM", NAME_LEAST, 'n'},
    {VSF_TOP_CPU, "CPU%", 5, 'c'},
    {VSF_TOP_MEMORY, "MEMORY", 11, 'm'},
    {VSF_TOP_DISK, "DISK", 11, 'd'},
    {VSF_TOP_READ, "READ", 5, 'r'},
    {VSF_TOP_WRITE, "WRITE", 5, 'w'},
    {VSF_TOP_IN, "IN", 5, 'i'},
    {VSF_TOP_OUT, "OUT", 5, 'o'},
    {VSF_TOP_PACKETS_IN, "PK/IN", 5, 'I'},
    {VSF_TOP_PACKETS_OUT, "PKOUT", 5, 'O'},
};

gboolean
vsf_top_sort_key(int key, VsfTopColumn *column)
{
    for (guint i = 0; i < G_N_ELEMENTS(columns); i++) {
        if (columns[i].key == key) {
            *column = columns[i].column;
            return TRUE;
        }
    }
    return FALSE;
}

char *
vsf_top_number(double value, double base)
{
    static const char units[] = {0, 'k', 'M', 'G', 'T', 'P', 'E'};
    guint unit = 0;

    if (isnan(value) || value < 0)
        return g_strdup("-");
    while (value >= 999.5 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= base;
        unit++;
    }
    if (unit == 0)
        return g_strdup_printf("%.0f", value);
    return g_strdup_printf(value < 9.95 ? "%.1f%c" : "%.0f%c", MIN(value, 999), units[unit]);
}

void
vsf_top_sparkline(GString *text, const float *values, guint n_known, guint n, gboolean has_unicode)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const signs[] = {"_", ".", "-", ":", "=", "+", "*", "#"};
    float most = 0;

    n = MIN(n, VSF_TOP_HISTORY);
    for (guint i = VSF_TOP_HISTORY - MIN(n, n_known); i < VSF_TOP_HISTORY; i++)
        if (!isnan(values[i]))
            most = MAX(most, values[i]);
    for (guint i = VSF_TOP_HISTORY - n; i < VSF_TOP_HISTORY; i++) {
        gboolean is_known = i >= VSF_TOP_HISTORY - n_known && !isnan(values[i]);
        guint level = is_known && most > 0 ? (guint)(values[i] / most * 7.0f + 0.5f) : 0;

        g_string_append(text, !is_known ? " " : (has_unicode ? blocks : signs)[MIN(level, 7)]);
    }
}

/* ---- rows ---- */

/* How the width is shared out. */
typedef struct {
    guint n_columns, name, spark; /* the last: of a sparkline at the end, or 0 */
} Layout;

static Layout
layout_of(guint width)
{
    Layout layout = {.n_columns = 0, .name = NAME_LEAST};
    guint used = 0, rest;

    while (layout.n_columns < G_N_ELEMENTS(columns)) {
        guint more = columns[layout.n_columns].width + (layout.n_columns > 0);

        if (used + more > width)
            break;
        used += more;
        layout.n_columns++;
    }
    if (layout.n_columns < G_N_ELEMENTS(columns))
        return layout;
    rest = width - used;
    if (rest > SPARK_LEAST)
        layout.spark = MIN(rest - 1 < SPARK_LEAST ? 0 : MAX(SPARK_LEAST, (rest - 1) / 2),
                           SPARK_MOST);
    layout.name += MIN(rest - (layout.spark > 0 ? layout.spark + 1 : 0), NAME_MOST - NAME_LEAST);
    return layout;
}

static char *
of_total(double used, double total)
{
    g_autofree char *part = vsf_top_number(used, 1024), *whole = vsf_top_number(total, 1024);

    return isnan(total) ? g_steal_pointer(&part) : g_strdup_printf("%s/%s", part, whole);
}

static char *
cell_of(const VsfTopRow *row, VsfTopColumn column)
{
    double value = row->value[column];

    switch (column) {
    case VSF_TOP_NAME:
        return g_strdup(row->name);
    case VSF_TOP_CPU:
        return isnan(value) ? g_strdup("-")
                            : g_strdup_printf(value < 999.95 ? "%.1f" : "%.0f", value);
    case VSF_TOP_MEMORY:
        return of_total(value, row->memory_total);
    case VSF_TOP_DISK:
        return of_total(value, row->disk_total);
    default:
        return vsf_top_number(value, 1000);
    }
}

static void
add_line(GPtrArray *lines, GString *text, VsfTopStyle style)
{
    VsfTopLine *line = g_new0(VsfTopLine, 1);

    while (text->len > 0 && text->str[text->len - 1] == ' ')
        g_string_truncate(text, text->len - 1);
    line->text = g_string_free(text, FALSE);
    line->style = style;
    g_ptr_array_add(lines, line);
}

/* One line, cut to the width. */
static void
add_text(GPtrArray *lines, const VsfTopView *view, VsfTopStyle style, const char *words)
{
    GString *text = g_string_new(NULL);

    vsf_table_cell(text, words, MAX(view->width, 1), FALSE);
    add_line(lines, text, style);
}

/* @row NULL: the titles. */
static void
add_row(GPtrArray *lines, const VsfTopView *view, const VsfTopRow *row)
{
    Layout layout = layout_of(view->width);
    GString *text = g_string_new(NULL);
    VsfTopStyle style = row == NULL ? VSF_TOP_HEAD : VSF_TOP_PLAIN;

    for (guint i = 0; i < layout.n_columns; i++) {
        gboolean is_name = columns[i].column == VSF_TOP_NAME;
        g_autofree char *cell = row != NULL ? cell_of(row, columns[i].column)
                                            : g_strdup(columns[i].title);

        if (i > 0)
            g_string_append_c(text, ' ');
        vsf_table_cell(text, cell, is_name ? layout.name : columns[i].width, !is_name);
    }
    if (layout.spark > 0) {
        g_string_append_c(text, ' ');
        if (row == NULL)
            g_string_append(text, "CPU");
        else
            vsf_top_sparkline(text, row->history[VSF_TOP_LINE_CPU], row->n_history, layout.spark,
                              view->has_unicode);
    }
    if (row != NULL && view->selected != NULL && strcmp(row->uuid, view->selected) == 0)
        style = VSF_TOP_SELECTED;
    add_line(lines, text, style);
}

/* ---- around them ---- */

static void
add_summary(GPtrArray *lines, const VsfTop *top, const VsfTopView *view, const GPtrArray *rows)
{
    g_autoptr(GString) text = g_string_new(NULL);
    double cpu = 0, in = 0, out = 0;
    g_autofree char *ins = NULL, *outs = NULL;

    for (guint i = 0; i < rows->len; i++) {
        const VsfTopRow *row = rows->pdata[i];

        cpu += isnan(row->value[VSF_TOP_CPU]) ? 0 : row->value[VSF_TOP_CPU];
        in += isnan(row->value[VSF_TOP_IN]) ? 0 : row->value[VSF_TOP_IN];
        out += isnan(row->value[VSF_TOP_OUT]) ? 0 : row->value[VSF_TOP_OUT];
    }
    ins = vsf_top_number(in, 1000);
    outs = vsf_top_number(out, 1000);
    g_string_append_printf(text, "%u of %u VMs, CPU %.1f%%, %s bit/s in, %s out; by %s%s",
                           rows->len, vsf_top_n_rows(top), cpu, ins, outs,
                           columns[view->sort].title, view->reverse ? ", least first" : "");
    if (view->is_typing || (view->filter != NULL && view->filter[0] != '\0'))
        g_string_append_printf(text, "; /%s%s", view->filter != NULL ? view->filter : "",
                               view->is_typing ? "_" : "");
    add_text(lines, view, VSF_TOP_PLAIN, text->str);
}

static void
add_history(GPtrArray *lines, const VsfTopView *view, const VsfTopRow *row, const char *label,
            VsfTopHistory which, const char *newest)
{
    GString *text = g_string_new(NULL);
    guint room = view->width > 24 ? view->width - 24 : 0;

    vsf_table_cell(text, label, MIN(view->width, 12), FALSE);
    if (room > 0) {
        vsf_table_cell(text, newest, 11, TRUE);
        g_string_append_c(text, ' ');
        vsf_top_sparkline(text, row->history[which], row->n_history, room, view->has_unicode);
    }
    add_line(lines, text, VSF_TOP_PLAIN);
}

static void
add_panel(GPtrArray *lines, const VsfTopView *view, const VsfTopRow *row)
{
    g_autofree char *title = g_strdup_printf("%s, %s", row->name, row->state),
                    *cpu = cell_of(row, VSF_TOP_CPU),
                    *disk = vsf_top_number(row->value[VSF_TOP_READ] + row->value[VSF_TOP_WRITE],
                                           1000),
                    *net = vsf_top_number(row->value[VSF_TOP_IN] + row->value[VSF_TOP_OUT], 1000);

    add_text(lines, view, VSF_TOP_HEAD, title);
    add_history(lines, view, row, "CPU %", VSF_TOP_LINE_CPU, cpu);
    add_history(lines, view, row, "disk byte/s", VSF_TOP_LINE_DISK, disk);
    add_history(lines, view, row, "net bit/s", VSF_TOP_LINE_NET, net);
}

static void
add_help(GPtrArray *lines, const VsfTopView *view)
{
    static const char *const help[] = {
        "",
        "sort by   c CPU  m memory  d disk  r read  w written  n name",
        "          i bits in  o bits out  I packets in  O packets out",
        "          R the other way round",
        "filter    / and a part of the names; Enter keeps it, Esc ends it",
        "look at   up, down, page up, page down, Home, End: a VM, shown below",
        "          space holds the numbers and lets them go again",
        "          t shows who sends to whom, by sampled packets; h or ? this; q ends",
        "",
        "MEMORY and DISK are in use and total; DISK is of the guest's filesystems, or",
        "what the host has allocated. IN and OUT are bits a second as the guest sees",
        "them, READ and WRITE bytes a second, - is not known: virt-sflow explain VM.",
    };

    for (guint i = 0; i < G_N_ELEMENTS(help); i++)
        add_text(lines, view, VSF_TOP_PLAIN, help[i]);
}

static void
add_talks(GPtrArray *lines, const VsfTop *top, const VsfTopView *view)
{
    const GPtrArray *talks = vsf_top_talks(top);

    for (guint i = 0; i < talks->len; i++) {
        const VsfTopTalk *talk = talks->pdata[i];
        g_autofree char *bits = vsf_top_number(talk->bits, 1000),
                        *packets = vsf_top_number(talk->packets, 1000);
        g_autoptr(GString) text = g_string_new(NULL);

        vsf_table_cell(text, strcmp(talk->from, "-") == 0 ? "(outside)" : talk->from, 28, FALSE);
        g_string_append_c(text, ' ');
        vsf_table_cell(text, strcmp(talk->to, "-") == 0 ? "(outside)" : talk->to, 28, FALSE);
        g_string_append_c(text, ' ');
        vsf_table_cell(text, bits, 7, TRUE);
        g_string_append_c(text, ' ');
        vsf_table_cell(text, packets, 9, TRUE);
        add_text(lines, view, VSF_TOP_PLAIN, text->str);
    }
    if (talks->len == 0)
        add_text(lines, view, VSF_TOP_PLAIN, "No packet was sampled in the last 10 seconds.");
}

static const VsfTopRow *
selected_of(const GPtrArray *rows, const VsfTopView *view, guint *number)
{
    for (guint i = 0; view->selected != NULL && i < rows->len; i++) {
        const VsfTopRow *row = rows->pdata[i];

        if (strcmp(row->uuid, view->selected) == 0) {
            *number = i;
            return row;
        }
    }
    *number = 0;
    return NULL;
}

static void
line_free(gpointer data)
{
    VsfTopLine *line = data;

    g_free(line->text);
    g_free(line);
}

/* What a screen has room for, with the selected row among it. */
static void
add_screen(GPtrArray *lines, const VsfTop *top, const VsfTopView *view, const GPtrArray *rows)
{
    guint selected, panel, room, first;
    const VsfTopRow *row = selected_of(rows, view, &selected);

    panel = row != NULL && view->height >= PANEL_HEIGHT && !view->has_help ? PANEL_LINES : 0;
    room = view->height > panel + 3 ? view->height - panel - 3 : 0;
    first = selected >= room && room > 0 ? selected - room + 1 : 0;
    add_summary(lines, top, view, rows);
    if (view->has_talkers)
        add_text(lines, view, VSF_TOP_HEAD,
                 "FROM                         TO                             BIT/S PACKETS/S");
    else
        add_row(lines, view, NULL);
    if (view->has_help)
        add_help(lines, view);
    else if (view->has_talkers)
        add_talks(lines, top, view);
    for (guint i = first; !view->has_help && !view->has_talkers && i < MIN(rows->len, first + room);
         i++)
        add_row(lines, view, rows->pdata[i]);
    while (lines->len < 2 + room)
        add_text(lines, view, VSF_TOP_PLAIN, "");
    g_ptr_array_set_size(lines, (gint)(2 + room));
    if (panel > 0)
        add_panel(lines, view, row);
    add_text(lines, view, VSF_TOP_PLAIN,
             view->message != NULL
                 ? view->message
                 : "q ends, h helps, / filters, t talkers, cmdrwnioIO sort, R reverses");
    g_ptr_array_set_size(lines, (gint)MIN(lines->len, view->height));
}

GPtrArray *
vsf_top_lines(const VsfTop *top, const VsfTopView *view)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(line_free);
    g_autoptr(GPtrArray) rows = vsf_top_rows(top, view->sort, view->reverse, view->filter);

    if (view->height > 0) {
        add_screen(lines, top, view, rows);
        return lines;
    }
    add_summary(lines, top, view, rows);
    add_row(lines, view, NULL);
    for (guint i = 0; i < rows->len; i++)
        add_row(lines, view, rows->pdata[i]);
    return lines;
}

/* ---- keys ---- */

void
vsf_top_filter_erase(GString *filter)
{
    const char *last;

    if (!g_utf8_validate_len(filter->str, filter->len, NULL)) {
        g_autofree char *valid = g_utf8_make_valid(filter->str, (gssize)filter->len);

        g_string_assign(filter, valid);
    }
    last = g_utf8_find_prev_char(filter->str, filter->str + filter->len);
    if (last != NULL)
        g_string_truncate(filter, (gsize)(last - filter->str));
}
