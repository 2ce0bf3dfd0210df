/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The member "dns_sd" of the status: what DNS was asked and said, and what of it is in force. */
#include "app-private.h"
#include "dns-bounds.h"
#include "status.h"

static void
add_wait(JsonBuilder *builder, const char *name, gint64 until_us)
{
    gint64 wait_us = until_us - g_get_monotonic_time();

    json_builder_set_member_name(builder, name);
    if (until_us == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(builder, (double)(MAX(wait_us, 0) / 1000) / 1000.0);
}

static void
add_number(JsonBuilder *builder, const char *name, gint64 number)
{
    if (number == VSF_DNS_UNSAID)
        vsf_status_text_member(builder, name, NULL);
    else
        vsf_status_int_member(builder, name, number);
}

static void
add_speeds(JsonBuilder *builder, const GArray *speeds)
{
    json_builder_set_member_name(builder, "sampling_by_speed");
    json_builder_begin_array(builder);
    for (guint i = 0; i < speeds->len; i++) {
        const VsfSpeedRate *speed = &g_array_index(speeds, VsfSpeedRate, i);

        json_builder_begin_object(builder);
        vsf_status_int_member(builder, "bits_per_second", (gint64)speed->bits_per_second);
        vsf_status_int_member(builder, "sampling", speed->sampling);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_in_force(JsonBuilder *builder, const VsfApp *app)
{
    const VsfDnsSettings *said = vsf_dns_sd_in_force(app->dns);
    g_autoptr(VsfDnsSettings) settings = NULL;

    json_builder_set_member_name(builder, "in_force");
    if (said == NULL) {
        json_builder_add_null_value(builder);
        return;
    }
    settings = vsf_dns_bounded(app->base, said, NULL);
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "collectors");
    json_builder_begin_array(builder);
    for (guint i = 0; i < settings->collectors->len; i++)
        json_builder_add_string_value(
            builder, ((const VsfCollectorAddress *)settings->collectors->pdata[i])->text);
    json_builder_end_array(builder);
    add_number(builder, "sampling", settings->sampling);
    add_speeds(builder, settings->by_speed);
    add_number(builder, "polling", settings->polling_s);
    add_number(builder, "header_bytes", settings->header_bytes);
    vsf_status_text_member(builder, "agent_address",
                           app->overlay != NULL ? app->overlay->agent_address : NULL);
    json_builder_end_object(builder);
}

void
vsf_app_status_dns_member(JsonBuilder *builder, const VsfApp *app)
{
    VsfDnsSdStatus status;

    json_builder_set_member_name(builder, "dns_sd");
    if (app->dns == NULL) {
        json_builder_add_null_value(builder);
        return;
    }
    status = vsf_dns_sd_status(app->dns);
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "domain", status.domain);
    vsf_status_text_member(builder, "state", status.state);
    vsf_status_age_member(builder, "answered_s", status.answered_us);
    add_number(builder, "ttl_s", status.ttl_s);
    add_wait(builder, "next_s", status.next_us);
    add_wait(builder, "change_s", status.change_us);
    vsf_status_int_member(builder, "answers", (gint64)status.n_answers);
    vsf_status_int_member(builder, "failures", (gint64)status.n_failures);
    vsf_status_text_member(builder, "error", status.error);
    vsf_status_text_member(builder, "left_out", status.ignored);
    vsf_status_text_member(builder, "otherwise", app->dns_note);
    add_in_force(builder, app);
    json_builder_end_object(builder);
}
