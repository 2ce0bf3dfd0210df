/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of the status document. */
#include "status.h"

void
vsf_status_int_member(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

void
vsf_status_number_member(JsonBuilder *builder, const char *name, guint64 value)
{
    json_builder_set_member_name(builder, name);
    /* JSON's integers are signed here; no real number is beyond. */
    if (value > G_MAXINT64)
        json_builder_add_null_value(builder);
    else
        json_builder_add_int_value(builder, (gint64)value);
}

void
vsf_status_text_member(JsonBuilder *builder, const char *name, const char *text)
{
    json_builder_set_member_name(builder, name);
    vsf_status_text_element(builder, text);
}

void
vsf_status_text_element(JsonBuilder *builder, const char *text)
{
    g_autofree char *valid = text == NULL ? NULL : g_utf8_make_valid(text, -1);

    if (valid == NULL)
        json_builder_add_null_value(builder);
    else
        json_builder_add_string_value(builder, valid);
}

void
vsf_status_age_member(JsonBuilder *builder, const char *name, gint64 since_us)
{
    json_builder_set_member_name(builder, name);
    if (since_us == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(
            builder, (double)((g_get_monotonic_time() - since_us) / 1000) / 1000.0);
}
