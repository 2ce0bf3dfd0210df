/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables and lines for people, of JSON objects from outside: nothing in them that
 * a terminal obeys, since names of VMs and interfaces are others' input. Pure. */
#pragma once

#include <json-glib/json-glib.h>

typedef enum {
    VSF_CELL_PLAIN,
    VSF_CELL_AGE,    /* seconds */
    VSF_CELL_LENGTH, /* of an array */
    VSF_CELL_SHORT,  /* the first 8 characters */
    VSF_CELL_MS,     /* milliseconds */
    VSF_CELL_BYTES,
    VSF_CELL_SPEED,  /* bits a second: "10G" */
    VSF_CELL_SOURCE, /* of an object with source and age_s: "balloon/6s" */
} VsfCellShow;

/* What stands over a column, whose member it shows, how wide. */
typedef struct {
    const char *title, *member;
    guint width; /* of the last column: 0, no padding */
    VsfCellShow show;
    gboolean to_the_right;
} VsfColumn;

/* Appends @text cut or padded to @width columns; 0: whole. Characters that are
 * not printable, directional marks too, are shown as \x.. */
void vsf_table_cell(GString *line, const char *text, guint width, gboolean to_the_right);

/* The objects of @rows (NULL: none), sorted by @sort_member unless it is NULL. They
 * stay the array's. */
GPtrArray *vsf_table_rows(JsonArray *rows, const char *sort_member);

/* May append lines below a row. */
typedef void (*VsfTableRowFunc)(GString *text, JsonObject *row);

/* Appends an empty line, unless @text is empty, and the table, or @empty where there
 * are no rows; with @empty NULL then nothing. Takes @rows. */
void vsf_table_add(GString *text, const VsfColumn *columns, guint n_columns, GPtrArray *rows,
                   const char *empty, VsfTableRowFunc after_row);

/* "LABEL  text", the label padded; the parts, up to a NULL, are escaped. */
void vsf_table_line(GString *text, const char *label, ...) G_GNUC_NULL_TERMINATED;
