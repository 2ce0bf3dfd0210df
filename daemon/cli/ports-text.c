/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ports-text.h"

#include "member.h"

#include <string.h>

static const VsfColumn port_columns[] = {
    {"PORT", "name", 15, VSF_CELL_PLAIN, FALSE},
    {"IFINDEX", "ifindex", 7, VSF_CELL_PLAIN, TRUE},
    {"SPEED", "speed", 7, VSF_CELL_SPEED, TRUE},
    {"DIRECTION", "direction", 9, VSF_CELL_PLAIN, FALSE},
    {"1 IN", "sampling", 7, VSF_CELL_PLAIN, TRUE},
    {"SAMPLES", "flow_samples", 9, VSF_CELL_PLAIN, TRUE},
    {"DROPS", "drops", 6, VSF_CELL_PLAIN, TRUE},
    {"STATE", "state", 0, VSF_CELL_PLAIN, FALSE},
};

static gboolean
is_port(JsonObject *row)
{
    g_autofree char *role = vsf_member_text(row, "role");

    return strcmp(role, "port") == 0;
}

static GPtrArray *
rows_of(JsonObject *status, gboolean ports)
{
    GPtrArray *rows = vsf_table_rows(vsf_member_array(status, "taps"), "ifindex");

    for (guint i = rows->len; i > 0; i--)
        if (is_port(rows->pdata[i - 1]) != ports)
            g_ptr_array_remove_index(rows, i - 1);
    return rows;
}

GPtrArray *
vsf_tap_rows(JsonObject *status)
{
    return rows_of(status, FALSE);
}

void
vsf_ports_add(GString *text, JsonObject *status, VsfTableRowFunc after_row)
{
    vsf_table_add(text, port_columns, G_N_ELEMENTS(port_columns), rows_of(status, TRUE), NULL,
                  after_row);
}
