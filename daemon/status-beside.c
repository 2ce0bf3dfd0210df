/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The member "beside" of the status: another agent on this host, and the data sources that both
 * export. */
#include "app-private.h"
#include "model/index-table.h"
#include "status.h"

#include <limits.h>
#include <string.h>

static void
add_bool(JsonBuilder *builder, const char *name, gboolean value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, value);
}

/* @kind, @index: of our data source; @theirs: the index of theirs, of the same kind. */
static void
add_source(JsonBuilder *builder, guint kind, guint index, guint theirs, const char *what,
           const char *name)
{
    g_autofree char *ours_text = g_strdup_printf("%u:%u", kind, index),
                    *theirs_text = g_strdup_printf("%u:%u", kind, theirs);

    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "what", what);
    vsf_status_text_member(builder, "name", name);
    vsf_status_text_member(builder, "source", ours_text);
    vsf_status_text_member(builder, "theirs", theirs_text);
    json_builder_end_object(builder);
}

static void
add_vms(JsonBuilder *builder, const VsfApp *app)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, vsf_registry_domains(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const VsfDomain *domain = value;

        if (vsf_config_vm_polling_s(app->config, domain->def->name) > 0)
            add_source(builder, 3, domain->index,
                       vsf_index_hsflowd(domain->def->uuid_bytes, CHAR_MIN < 0), "vm",
                       domain->name);
    }
}

static void
add_taps(JsonBuilder *builder, const VsfApp *app, const VsfHsflowdExports *exports)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, vsf_registry_taps(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const VsfTap *tap = value;
        guint ifindex = (guint)tap->link.ifindex;

        if (vsf_hsflowd_exports_device(exports, tap->link.name))
            add_source(builder, 0, ifindex, ifindex, "interface", tap->link.name);
    }
}

/* Empty where it is not known what it exports, or it sends no counters (packets it may). */
static void
add_sources(JsonBuilder *builder, const VsfApp *app, const VsfBesideLook *look)
{
    const VsfHsflowdExports *exports = look->exports;
    gint polling_s = look->says != NULL && look->says->polling_s >= 0 ? look->says->polling_s
                     : exports != NULL                                ? (gint)exports->polling_s
                                                                      : 0;

    json_builder_set_member_name(builder, "sources");
    json_builder_begin_array(builder);
    if (polling_s > 0 && app->config->host == VSF_HOST_ON && app->config->polling_s > 0)
        add_source(builder, 2, 1, 1, "host", NULL);
    if (exports != NULL && polling_s > 0 && exports->watches_vms && app->registry != NULL)
        add_vms(builder, app);
    if (exports != NULL && app->registry != NULL)
        add_taps(builder, app, exports);
    json_builder_end_array(builder);
}

/* Collectors that go by address and sub-agent id take both for one. */
static void
add_identity(JsonBuilder *builder, const VsfApp *app, const VsfBesideLook *look)
{
    const char *address = look->says != NULL ? look->says->agent_address : NULL;
    guint first = look->exports != NULL ? look->exports->sub_agent_id : 0;

    vsf_status_text_member(builder, "agent_address", address);
    if (address == NULL || app->agent_address == NULL)
        vsf_status_text_member(builder, "same_agent_address", NULL);
    else
        add_bool(builder, "same_agent_address", strcmp(address, app->agent_address) == 0);
    json_builder_set_member_name(builder, "sub_agent_ids");
    json_builder_begin_array(builder);
    for (guint i = 0; look->exports != NULL && i < 2; i++)
        json_builder_add_int_value(builder, first + i);
    json_builder_end_array(builder);
    add_bool(builder, "same_sub_agent_id",
             look->exports != NULL && app->config->sub_agent_id - first <= 1);
}

void
vsf_app_status_beside_member(JsonBuilder *builder, const VsfApp *app)
{
    const VsfBesideLook *look = vsf_beside_look(app->beside);

    json_builder_set_member_name(builder, "beside");
    if (look == NULL) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "agent", "hsflowd");
    vsf_status_int_member(builder, "pid", look->pid);
    vsf_status_text_member(builder, "config", look->config);
    vsf_status_text_member(builder, "trouble", look->trouble);
    add_identity(builder, app, look);
    json_builder_set_member_name(builder, "collectors");
    json_builder_begin_array(builder);
    for (guint i = 0; look->says != NULL && i < look->says->collectors->len; i++) {
        g_autofree char *valid = g_utf8_make_valid(look->says->collectors->pdata[i], -1);

        json_builder_add_string_value(builder, valid);
    }
    json_builder_end_array(builder);
    add_sources(builder, app, look);
    json_builder_end_object(builder);
}
