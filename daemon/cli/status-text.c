/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status-text.h"

#include <string.h>

#define CUT_MARK '~'

/* One table: what stands over a column, whose member it shows, how wide. */
typedef struct {
    const char *title, *member;
    guint width; /* of the last column: 0, no padding */
    enum { PLAIN, AGE, LENGTH, SHORT } show;
    gboolean to_the_right;
} Column;

static const Column collector_columns[] = {
    {"COLLECTOR", "collector", 28, PLAIN, FALSE}, {"ADDRESS", "address", 24, PLAIN, FALSE},
    {"DATAGRAMS", "datagrams", 10, PLAIN, TRUE},  {"ERRORS", "errors", 6, PLAIN, TRUE},
    {"SENT", "last_sent_s", 7, AGE, TRUE},
};
static const Column vm_columns[] = {
    {"VM", "name", 28, PLAIN, FALSE},        {"STATE", "state", 10, PLAIN, FALSE},
    {"UUID", "uuid", 8, SHORT, FALSE},       {"INDEX", "index", 8, PLAIN, TRUE},
    {"POLLED", "last_poll_s", 7, AGE, TRUE}, {"TAPS", "taps", 4, LENGTH, TRUE},
    {"DISKS", "disks", 5, PLAIN, TRUE},
};
static const Column tap_columns[] = {
    {"TAP", "name", 15, PLAIN, FALSE},
    {"IFINDEX", "ifindex", 7, PLAIN, TRUE},
    {"VM", "vm", 21, PLAIN, FALSE},
    {"1 IN", "sampling", 6, PLAIN, TRUE},
    {"SAMPLES", "flow_samples", 9, PLAIN, TRUE},
    {"DROPS", "drops", 6, PLAIN, TRUE},
    {"STATE", "state", 0, PLAIN, FALSE},
};

void
vsf_status_cell(GString *line, const char *text, guint width, gboolean to_the_right)
{
    g_autoptr(GString) cell = g_string_new(NULL);
    guint used = 0;

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        g_autofree char *shown = NULL;
        guint columns;

        if (g_unichar_isprint(c)) {
            shown = g_strndup(at, (gsize)(g_utf8_next_char(at) - at));
            columns = g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
        } else {
            shown = g_strdup_printf("\\x%02x", c);
            columns = (guint)strlen(shown);
        }
        /* Room for the mark, unless this is the last character. */
        if (width > 0 && used + columns + (*g_utf8_next_char(at) != '\0') > width) {
            g_string_append_c(cell, CUT_MARK);
            used++;
            break;
        }
        g_string_append(cell, shown);
        used += columns;
    }
    for (guint i = used; to_the_right && i < width; i++)
        g_string_append_c(line, ' ');
    g_string_append_len(line, cell->str, (gssize)cell->len);
    for (guint i = used; !to_the_right && i < width; i++)
        g_string_append_c(line, ' ');
}

static JsonNode *
member(JsonObject *object, const char *name)
{
    return object != NULL ? json_object_get_member(object, name) : NULL;
}

static JsonObject *
member_object(JsonObject *object, const char *name)
{
    JsonNode *node = member(object, name);

    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *
member_array(JsonObject *object, const char *name)
{
    JsonNode *node = member(object, name);

    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static char *
value_text(JsonNode *node)
{
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node))
        return g_strdup("-");
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        return g_strdup(*json_node_get_string(node) != '\0' ? json_node_get_string(node) : "-");
    case G_TYPE_BOOLEAN:
        return g_strdup(json_node_get_boolean(node) ? "yes" : "no");
    case G_TYPE_INT64:
        return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    default:
        return g_strdup_printf("%.1f", json_node_get_double(node));
    }
}

static char *
member_text(JsonObject *object, const char *name)
{
    return value_text(member(object, name));
}

/* One unit: "3 s", "12 min", "5 h", "41 d". */
static char *
age_text(JsonNode *node)
{
    gint64 s;

    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        (json_node_get_value_type(node) != G_TYPE_INT64 &&
         json_node_get_value_type(node) != G_TYPE_DOUBLE))
        return g_strdup("-");
    s = json_node_get_int(node);
    if (s < 0)
        return g_strdup("-");
    if (s < 120)
        return g_strdup_printf("%" G_GINT64_FORMAT " s", s);
    if (s < 120 * 60)
        return g_strdup_printf("%" G_GINT64_FORMAT " min", s / 60);
    if (s < 48 * 3600)
        return g_strdup_printf("%" G_GINT64_FORMAT " h", s / 3600);
    return g_strdup_printf("%" G_GINT64_FORMAT " d", s / 86400);
}

static char *
column_text(const Column *column, JsonObject *row)
{
    JsonNode *node = member(row, column->member);

    if (column->show == AGE)
        return age_text(node);
    if (column->show == LENGTH)
        return node != NULL && JSON_NODE_HOLDS_ARRAY(node)
                   ? g_strdup_printf("%u", json_array_get_length(json_node_get_array(node)))
                   : g_strdup("-");
    if (column->show == SHORT) {
        g_autofree char *text = value_text(node);

        return g_utf8_substring(text, 0, MIN(8, g_utf8_strlen(text, -1)));
    }
    return value_text(node);
}

/* Without the blanks at the end of a row. */
static void
end_row(GString *text)
{
    while (text->len > 0 && text->str[text->len - 1] == ' ')
        g_string_truncate(text, text->len - 1);
    g_string_append_c(text, '\n');
}

static void
add_row(GString *text, const Column *columns, guint n_columns, JsonObject *row)
{
    for (guint i = 0; i < n_columns; i++) {
        g_autofree char *cell = row != NULL ? column_text(&columns[i], row)
                                            : g_strdup(columns[i].title);
        /* A number is never cut: a wide one pushes its row out instead. */
        gboolean whole = columns[i].to_the_right && strlen(cell) > columns[i].width;

        if (i > 0)
            g_string_append_c(text, ' ');
        vsf_status_cell(text, cell, whole ? 0 : columns[i].width, columns[i].to_the_right);
    }
    end_row(text);
}

/* The daemon tells its VMs and taps in no order. */
static int
compare_rows(gconstpointer a, gconstpointer b, gpointer sort_member)
{
    JsonNode *one = member(*(JsonObject *const *)a, sort_member),
             *other = member(*(JsonObject *const *)b, sort_member);
    g_autofree char *one_text = value_text(one), *other_text = value_text(other);
    gint64 difference = 0;

    if (one != NULL && other != NULL && JSON_NODE_HOLDS_VALUE(one) &&
        JSON_NODE_HOLDS_VALUE(other) && json_node_get_value_type(one) == G_TYPE_INT64 &&
        json_node_get_value_type(other) == G_TYPE_INT64)
        difference = (json_node_get_int(one) > json_node_get_int(other)) -
                     (json_node_get_int(one) < json_node_get_int(other));
    return difference != 0 ? (int)difference : strcmp(one_text, other_text);
}

/* The objects of @rows (NULL: none), sorted by @sort_member unless it is NULL. */
static GPtrArray *
sorted_rows(JsonArray *rows, const char *sort_member)
{
    GPtrArray *sorted = g_ptr_array_new();

    for (guint i = 0; rows != NULL && i < json_array_get_length(rows); i++) {
        JsonNode *node = json_array_get_element(rows, i);

        if (JSON_NODE_HOLDS_OBJECT(node))
            g_ptr_array_add(sorted, json_node_get_object(node));
    }
    if (sort_member != NULL)
        g_ptr_array_sort_with_data(sorted, compare_rows, (gpointer)sort_member);
    return sorted;
}

typedef void (*RowFunc)(GString *text, JsonObject *row);

/* Takes @rows. */
static void
add_table(GString *text, const Column *columns, guint n_columns, GPtrArray *rows, const char *empty,
          RowFunc after_row)
{
    g_string_append_c(text, '\n');
    if (rows->len == 0)
        g_string_append_printf(text, "%s\n", empty);
    else
        add_row(text, columns, n_columns, NULL);
    for (guint i = 0; i < rows->len; i++) {
        add_row(text, columns, n_columns, rows->pdata[i]);
        if (after_row != NULL)
            after_row(text, rows->pdata[i]);
    }
    g_ptr_array_unref(rows);
}

static void
add_last_error(GString *text, JsonObject *collector)
{
    g_autofree char *error = member_text(collector, "last_error");

    if (strcmp(error, "-") == 0)
        return;
    g_string_append(text, "  last error: ");
    vsf_status_cell(text, error, 0, FALSE);
    g_string_append_c(text, '\n');
}

static void
add_stuck(GString *text, JsonObject *vm)
{
    JsonNode *node = member(vm, "stuck_s");
    g_autofree char *age = age_text(node);

    if (strcmp(age, "-") == 0 || strcmp(age, "0 s") == 0)
        return;
    g_string_append_printf(text, "  QEMU has not answered for %s\n", age);
}

/* "LABEL  text", the label padded; everything in @parts is escaped. */
G_GNUC_NULL_TERMINATED
static void
add_line(GString *text, const char *label, ...)
{
    va_list args;

    g_string_append_printf(text, "%-11s ", label);
    va_start(args, label);
    for (const char *part = va_arg(args, const char *); part != NULL;
         part = va_arg(args, const char *))
        vsf_status_cell(text, part, 0, FALSE);
    va_end(args);
    g_string_append_c(text, '\n');
}

static void
add_daemon(GString *text, JsonObject *status)
{
    JsonObject *libvirt = member_object(status, "libvirt");
    g_autofree char *version = member_text(status, "version"), *pid = member_text(status, "pid"),
                    *up = age_text(member(status, "uptime_s")),
                    *agent = member_text(status, "agent_address"),
                    *why = member_text(status, "agent_address_reason"),
                    *sub = member_text(status, "sub_agent_id"), *uri = member_text(libvirt, "uri"),
                    *connected = member_text(libvirt, "connected"),
                    *what = member_text(libvirt, "description"),
                    *since = age_text(member(libvirt, "since_s")),
                    *stuck = member_text(libvirt, "stuck_calls");
    gboolean is_connected = strcmp(connected, "yes") == 0;

    add_line(text, "virt-sflowd", version, ", pid ", pid, ", up ", up, NULL);
    add_line(text, "agent", agent, ", sub-agent ", sub, NULL);
    if (strcmp(why, "-") != 0)
        add_line(text, "", "chosen as ", why, NULL);
    if (libvirt == NULL) {
        add_line(text, "libvirt", "waits until the agent address is known", NULL);
        return;
    }
    add_line(text, "libvirt", uri, is_connected ? ", connected for " : ", not connected for ",
             since, NULL);
    if (strcmp(what, "-") != 0)
        add_line(text, "", what, NULL);
    if (strcmp(stuck, "-") != 0 && strcmp(stuck, "0") != 0)
        add_line(text, "", stuck, " calls to it do not return", NULL);
}

/* "@prefix NUMBER @suffix", or "off" for 0. The caller frees. */
static char *
or_off(JsonObject *config, const char *name, const char *prefix, const char *suffix)
{
    g_autofree char *number = member_text(config, name);

    return strcmp(number, "0") == 0 ? g_strdup("off") : g_strconcat(prefix, number, suffix, NULL);
}

static void
add_numbers(GString *text, JsonObject *status)
{
    JsonObject *config = member_object(status, "config"), *hook = member_object(status, "hook"),
               *exporter = member_object(status, "exporter");
    JsonArray *files = member_array(config, "files");
    guint n_files = files != NULL ? json_array_get_length(files) : 0;
    g_autofree char *polling = or_off(config, "polling", "", " s"),
                    *sampling = or_off(config, "sampling", "1 in ", ""),
                    *direction = member_text(config, "direction"),
                    *datagrams = member_text(exporter, "datagrams"),
                    *flows = member_text(exporter, "flow_samples"),
                    *counters = member_text(exporter, "counter_samples"),
                    *cut = member_text(exporter, "truncated"),
                    *received = member_text(hook, "received"),
                    *malformed = member_text(hook, "malformed"),
                    *refused = member_text(hook, "refused");

    add_line(text, "settings", "polling ", polling, ", sampling ", sampling, ", direction ",
             direction, NULL);
    for (guint i = 0; i < n_files; i++) {
        g_autofree char *file = value_text(json_array_get_element(files, i));

        add_line(text, "", "from ", file, NULL);
    }
    add_line(text, "sent", datagrams, " datagrams, ", flows, " flow samples, ", counters,
             " counter samples, ", cut, " cut", NULL);
    add_line(text, "hook", received, " received, ", malformed, " malformed, ", refused, " refused",
             NULL);
}

char *
vsf_status_text(JsonObject *status)
{
    GString *text = g_string_new(NULL);

    add_daemon(text, status);
    add_numbers(text, status);
    add_table(text, collector_columns, G_N_ELEMENTS(collector_columns),
              sorted_rows(member_array(status, "collectors"), NULL),
              "No collector is configured: nothing is sent.", add_last_error);
    add_table(text, vm_columns, G_N_ELEMENTS(vm_columns),
              sorted_rows(member_array(status, "vms"), "name"), "No VM is running.", add_stuck);
    add_table(text, tap_columns, G_N_ELEMENTS(tap_columns),
              sorted_rows(member_array(status, "taps"), "ifindex"), "No interface is sampled.",
              NULL);
    return g_string_free(text, FALSE);
}
