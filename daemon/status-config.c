/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The member "config" of the status: what is in force, and how the last reload went. */
#include "app-private.h"
#include "status.h"

const char *
vsf_status_direction(VsfDirection direction)
{
    static const char *const directions[] = {
        [VSF_DIRECTION_ONCE] = "once",
        [VSF_DIRECTION_BOTH] = "both",
        [VSF_DIRECTION_IN] = "in",
        [VSF_DIRECTION_OUT] = "out",
    };

    return directions[direction];
}

static void
add_texts(JsonBuilder *builder, const char *name, const char *const *texts, guint n_texts)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (guint i = 0; i < n_texts; i++) {
        g_autofree char *text = g_filename_display_name(texts[i]);

        json_builder_add_string_value(builder, text);
    }
    json_builder_end_array(builder);
}

static void
add_rules(JsonBuilder *builder, const VsfConfig *config)
{
    json_builder_set_member_name(builder, "rules");
    json_builder_begin_array(builder);
    for (guint i = 0; i < config->rules->len; i++) {
        const VsfConfigRule *rule = g_ptr_array_index(config->rules, i);

        json_builder_begin_object(builder);
        vsf_status_text_member(builder, rule->kind == VSF_RULE_VM ? "vm" : "interface",
                               rule->pattern);
        if (rule->set & 1u << VSF_RULE_SAMPLING)
            vsf_status_int_member(builder, "sampling", rule->sampling);
        if (rule->set & 1u << VSF_RULE_POLLING)
            vsf_status_int_member(builder, "polling", rule->polling_s);
        if (rule->set & 1u << VSF_RULE_DIRECTION)
            vsf_status_text_member(builder, "direction", vsf_status_direction(rule->direction));
        if (rule->set & 1u << VSF_RULE_AGENT)
            vsf_status_text_member(builder, "agent",
                                   rule->agent == VSF_GUEST_AGENT_AUTO ? "auto" : "off");
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static const char *
reload_state(const VsfReloadState *reload)
{
    if (reload->reading_since_us != 0)
        return "reading";
    if (reload->ended_us == 0)
        return "never";
    return reload->error != NULL ? "failed" : "ok";
}

static void
add_reload(JsonBuilder *builder, const VsfReloadState *reload)
{
    static const VsfReloadState none = {0};
    const VsfReloadState *state = reload != NULL ? reload : &none;

    json_builder_set_member_name(builder, "reload");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "state", reload_state(state));
    vsf_status_age_member(builder, "reading_s", state->reading_since_us);
    vsf_status_age_member(builder, "ended_s", state->ended_us);
    vsf_status_text_member(builder, "error", state->error);
    vsf_status_int_member(builder, "good", (gint64)state->good);
    vsf_status_int_member(builder, "bad", (gint64)state->bad);
    json_builder_end_object(builder);
}

void
vsf_app_status_config_member(JsonBuilder *builder, const VsfApp *app)
{
    const VsfConfig *config = app->config;
    const char *const *fixed = (const char *const *)app->config_fixed;

    json_builder_set_member_name(builder, "config");
    json_builder_begin_object(builder);
    add_texts(builder, "files", (const char *const *)config->files->pdata, config->files->len);
    vsf_status_age_member(builder, "since_s", app->config_us);
    vsf_status_int_member(builder, "polling", config->polling_s);
    vsf_status_int_member(builder, "sampling", config->sampling);
    vsf_status_text_member(builder, "direction", vsf_status_direction(config->direction));
    add_texts(builder, "interfaces", (const char *const *)config->interfaces,
              g_strv_length(config->interfaces));
    vsf_status_int_member(builder, "balloon_period", config->balloon_period_s);
    vsf_status_text_member(builder, "virt_memory",
                           config->virt_memory == VSF_VIRT_MEMORY_BALLOON ? "balloon" : "guest");
    vsf_status_text_member(builder, "detail",
                           config->detail == VSF_DETAIL_NONE ? "none" : "rtmetric");
    add_rules(builder, config);
    add_texts(builder, "restart_needed", fixed,
              fixed != NULL ? g_strv_length(app->config_fixed) : 0);
    add_reload(builder, app->reload);
    json_builder_end_object(builder);
}
