/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include "member.h"

#include <string.h>

#define CUT_MARK '~'

void
vsf_table_cell(GString *line, const char *text, guint width, gboolean to_the_right)
{
    g_autoptr(GString) cell = g_string_new(NULL);
    /* The last bytes of a text that is cut would lead past its end. */
    g_autofree char *valid = g_utf8_validate(text, -1, NULL) ? NULL : g_utf8_make_valid(text, -1);
    guint used = 0;

    for (const char *at = valid != NULL ? valid : text; *at != '\0'; at = g_utf8_next_char(at)) {
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

/* The age without its blank and with one letter for its unit: two such cells share
 * a row. */
static char *
source_text(JsonObject *truth)
{
    g_autofree char *source = vsf_member_text(truth, "source"),
                    *age = vsf_age_text(vsf_member(truth, "age_s"));
    char *unit = strchr(age, ' ');

    if (unit == NULL || strcmp(source, "-") == 0)
        return g_steal_pointer(&source);
    return g_strdup_printf("%s/%.*s%c", source, (int)(unit - age), age, unit[1]);
}

static char *
column_text(const VsfColumn *column, JsonObject *row)
{
    JsonNode *node = vsf_member(row, column->member);

    if (column->show == VSF_CELL_AGE)
        return vsf_age_text(node);
    if (column->show == VSF_CELL_LENGTH)
        return node != NULL && JSON_NODE_HOLDS_ARRAY(node)
                   ? g_strdup_printf("%u", json_array_get_length(json_node_get_array(node)))
                   : g_strdup("-");
    if (column->show == VSF_CELL_MS)
        return vsf_is_number(node) ? g_strdup_printf("%.0f ms", json_node_get_double(node))
                                   : g_strdup("-");
    if (column->show == VSF_CELL_BYTES)
        return vsf_bytes_text(node);
    if (column->show == VSF_CELL_SPEED)
        return vsf_speed_cell(node);
    if (column->show == VSF_CELL_SOURCE)
        return source_text(vsf_member_object(row, column->member));
    if (column->show == VSF_CELL_SHORT) {
        g_autofree char *text = vsf_value_text(node);

        return g_utf8_substring(text, 0, MIN(8, g_utf8_strlen(text, -1)));
    }
    return vsf_value_text(node);
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
add_row(GString *text, const VsfColumn *columns, guint n_columns, JsonObject *row)
{
    for (guint i = 0; i < n_columns; i++) {
        g_autofree char *cell = row != NULL ? column_text(&columns[i], row)
                                            : g_strdup(columns[i].title);
        /* A number is never cut: a wide one pushes its row out instead. */
        gboolean whole = columns[i].to_the_right && strlen(cell) > columns[i].width;

        if (i > 0)
            g_string_append_c(text, ' ');
        vsf_table_cell(text, cell, whole ? 0 : columns[i].width, columns[i].to_the_right);
    }
    end_row(text);
}

/* The daemon tells its VMs and taps in no order. */
static int
compare_rows(gconstpointer a, gconstpointer b, gpointer sort_member)
{
    JsonNode *one = vsf_member(*(JsonObject *const *)a, sort_member),
             *other = vsf_member(*(JsonObject *const *)b, sort_member);
    g_autofree char *one_text = vsf_value_text(one), *other_text = vsf_value_text(other);
    gint64 difference = 0;

    if (one != NULL && other != NULL && JSON_NODE_HOLDS_VALUE(one) &&
        JSON_NODE_HOLDS_VALUE(other) && json_node_get_value_type(one) == G_TYPE_INT64 &&
        json_node_get_value_type(other) == G_TYPE_INT64)
        difference = (json_node_get_int(one) > json_node_get_int(other)) -
                     (json_node_get_int(one) < json_node_get_int(other));
    return difference != 0 ? (int)difference : strcmp(one_text, other_text);
}

GPtrArray *
vsf_table_rows(JsonArray *rows, const char *sort_member)
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

void
vsf_table_add(GString *text, const VsfColumn *columns, guint n_columns, GPtrArray *rows,
              const char *empty, VsfTableRowFunc after_row)
{
    g_autoptr(GPtrArray) owned = rows;

    if (owned->len == 0 && empty == NULL)
        return;
    if (text->len > 0)
        g_string_append_c(text, '\n');
    if (owned->len == 0)
        g_string_append_printf(text, "%s\n", empty);
    else
        add_row(text, columns, n_columns, NULL);
    for (guint i = 0; i < owned->len; i++) {
        add_row(text, columns, n_columns, owned->pdata[i]);
        if (after_row != NULL)
            after_row(text, owned->pdata[i]);
    }
}

void
vsf_table_line(GString *text, const char *label, ...)
{
    va_list args;

    g_string_append_printf(text, "%-11s ", label);
    va_start(args, label);
    for (const char *part = va_arg(args, const char *); part != NULL;
         part = va_arg(args, const char *))
        vsf_table_cell(text, part, 0, FALSE);
    va_end(args);
    g_string_append_c(text, '\n');
}
