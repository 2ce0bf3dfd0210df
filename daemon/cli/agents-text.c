/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents-text.h"

#include "explain-private.h"
#include "member.h"
#include "table.h"

#include <string.h>

static const VsfColumn agent_columns[] = {
    {"VM", "name", 16, VSF_CELL_PLAIN, FALSE},
    {"STATE", "agent/state", 12, VSF_CELL_PLAIN, FALSE},
    {"VERSION", "agent/version", 7, VSF_CELL_PLAIN, FALSE},
    {"ANSWERED", "agent/answered_s", 8, VSF_CELL_AGE, TRUE},
    {"LATENCY", "agent/latency_ms", 7, VSF_CELL_MS, TRUE},
    {"MEMORY", "memory", 12, VSF_CELL_SOURCE, FALSE},
    {"DISK", "disk", 12, VSF_CELL_SOURCE, FALSE},
};
static const VsfColumn plan_columns[] = {
    {"VM", "name", 28, VSF_CELL_PLAIN, FALSE},
    {"UUID", "uuid", 8, VSF_CELL_SHORT, FALSE},
    {"ASK", "ask", 3, VSF_CELL_PLAIN, FALSE},
    {"WHY", "why", 0, VSF_CELL_PLAIN, FALSE},
};

/* The document's words for programs, told to people. */
typedef struct {
    const char *word, *meaning;
} Meaning;

static const Meaning whys[] = {
    {"waiting", "the guest may still answer"},
    {"no-statistics", "libvirt gave none this time"},
    {"no-driver", "no balloon driver in the guest"},
    {"stale", "the last value is too old"},
    {"agent-off", "its agent may not be asked, or is not there"},
    {"not-found", "its agent has no such command"},
    {"disabled", "the guest's administrator forbids the command"},
    {"frozen", "the guest's file systems are frozen"},
    {"failed", "its agent's command failed"},
    {"malformed", "its agent's answer makes no sense"},
    {"no-reply", "its agent did not answer"},
    {"incomplete", "the guest told a part only"},
    {"not-files", "not every writable disk is a file"},
};
static const Meaning plans[] = {
    {"ask", "it has an agent's channel"},
    {"no-channel", "no channel of an agent in its XML"},
    {"metadata", "its own metadata forbid it"},
    {"excluded", "the configuration excludes its name"},
    {"canary", "its UUID is not among the canaries"},
    {"rule", "a [vm] section of its name says off"},
};

/* "WORD: MEANING", or the word alone if a later daemon has it. The caller frees. */
static char *
explain(const char *word, const Meaning *meanings, guint n_meanings)
{
    for (guint i = 0; i < n_meanings; i++) {
        if (strcmp(word, meanings[i].word) == 0)
            return g_strconcat(word, ": ", meanings[i].meaning, NULL);
    }
    return g_strdup(word);
}

/* ---- who answers ---- */

static void
add_why(GString *text, JsonObject *vm, const char *field)
{
    g_autofree char *word = vsf_member_text(vsf_member_object(vm, field), "why");
    g_autofree char *why = explain(word, whys, G_N_ELEMENTS(whys));

    if (strcmp(word, "-") == 0 || strcmp(word, "ok") == 0)
        return;
    g_string_append_printf(text, "  %s: ", field);
    vsf_table_cell(text, why, 0, FALSE);
    g_string_append_c(text, '\n');
}

static void
add_trouble(GString *text, JsonObject *vm)
{
    JsonObject *agent = vsf_member_object(vm, "agent");
    g_autofree char *trouble = vsf_member_text(agent, "trouble"),
                    *retry = vsf_age_text(vsf_member(agent, "retry_s"));

    if (strcmp(trouble, "-") == 0 && strcmp(retry, "-") == 0)
        return;
    g_string_append(text, "  agent: ");
    if (strcmp(trouble, "-") != 0)
        vsf_table_cell(text, trouble, 0, FALSE);
    if (strcmp(retry, "-") != 0)
        g_string_append_printf(text, "%sasked again in %s", strcmp(trouble, "-") != 0 ? "; " : "",
                               retry);
    g_string_append_c(text, '\n');
}

static void
add_reasons(GString *text, JsonObject *vm)
{
    add_why(text, vm, "memory");
    add_why(text, vm, "disk");
    add_trouble(text, vm);
}

/* What to run, where the service is not there. */
static void
add_start(GString *text, const char *trouble)
{
    g_autoptr(GPtrArray) findings = vsf_findings_new();
    VsfFinding *finding = vsf_finding_new(findings, "agents");

    vsf_explain_refused(finding, trouble);
    if (strcmp(finding->code, "no-agent-service") == 0)
        vsf_table_line(text, "", "run: ", ((const VsfFix *)finding->fixes->pdata[0])->command,
                       NULL);
}

void
vsf_agents_summary(GString *text, JsonObject *status)
{
    JsonObject *agents = vsf_member_object(status, "agents");
    g_autofree char *mode = vsf_member_text(agents, "mode"),
                    *running = vsf_member_text(agents, "running"),
                    *stuck = vsf_member_text(agents, "stuck"),
                    *trouble = vsf_member_text(agents, "trouble");

    if (agents == NULL)
        return;
    vsf_table_line(text, "agents", mode, ", ", running, " conversations, ", stuck,
                   " past their deadline", NULL);
    if (strcmp(trouble, "-") == 0)
        return;
    vsf_table_line(text, "", trouble, NULL);
    add_start(text, trouble);
}

/* The daemon tells no VMs until it knows its own address. */
static const char *
no_vms(JsonObject *status)
{
    return vsf_member_array(status, "vms") != NULL ? "No VM is running."
                                                   : "The daemon tells of no VMs yet.";
}

char *
vsf_agents_text(JsonObject *status)
{
    GString *text = g_string_new(NULL);

    vsf_agents_summary(text, status);
    vsf_table_add(text, agent_columns, G_N_ELEMENTS(agent_columns),
                  vsf_table_rows(vsf_member_array(status, "vms"), "name"), no_vms(status),
                  add_reasons);
    return g_string_free(text, FALSE);
}

/* ---- who would be asked ---- */

/* A row of the plan's table. */
static JsonObject *
plan_row(JsonObject *vm)
{
    g_autofree char *name = vsf_member_text(vm, "name"), *uuid = vsf_member_text(vm, "uuid"),
                    *plan = vsf_member_text(vsf_member_object(vm, "agent"), "plan"),
                    *why = explain(plan, plans, G_N_ELEMENTS(plans));
    const char *ask = strcmp(plan, "-") == 0 ? "-" : strcmp(plan, "ask") == 0 ? "yes" : "no";
    JsonObject *row = json_object_new();

    json_object_set_string_member(row, "name", name);
    json_object_set_string_member(row, "uuid", uuid);
    json_object_set_string_member(row, "ask", ask);
    json_object_set_string_member(row, "why", why);
    return row;
}

/* Some [vm] section lets agents be asked that [guest] does not. */
static gboolean
has_exceptions(JsonObject *status)
{
    JsonArray *rules = vsf_member_array(vsf_member_object(status, "config"), "rules");
    guint n_rules = rules != NULL ? json_array_get_length(rules) : 0;

    for (guint i = 0; i < n_rules; i++) {
        JsonNode *rule = json_array_get_element(rules, i);
        g_autofree char *agent = JSON_NODE_HOLDS_OBJECT(rule)
                                     ? vsf_member_text(json_node_get_object(rule), "agent")
                                     : NULL;

        if (g_strcmp0(agent, "auto") == 0)
            return TRUE;
    }
    return FALSE;
}

char *
vsf_agents_plan_text(JsonObject *status)
{
    g_autoptr(GPtrArray) vms = vsf_table_rows(vsf_member_array(status, "vms"), "name");
    GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)json_object_unref);
    g_autofree char *mode = vsf_member_text(vsf_member_object(status, "agents"), "mode");
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < vms->len; i++)
        g_ptr_array_add(rows, plan_row(vms->pdata[i]));
    vsf_table_add(text, plan_columns, G_N_ELEMENTS(plan_columns), rows, no_vms(status), NULL);
    g_string_append(
        text, "\nOnly commands that read: guest-info, guest-get-fsinfo, guest-get-load,\n"
              "guest-get-cpustats, guest-get-osinfo, guest-get-host-name, and guest-file-open,\n"
              "-read and -close for /proc/meminfo.\n");
    if (strcmp(mode, "off") == 0)
        g_string_append_printf(
            text, "%s is asked now: the configuration has agent = off.\n",
            has_exceptions(status) ? "Only who has agent = auto in its [vm] section" : "Nobody");
    return g_string_free(text, FALSE);
}

/* ---- for programs ---- */

static void
copy_member(JsonObject *to, JsonObject *from, const char *name, const char *as)
{
    JsonNode *node = vsf_member(from, name);

    json_object_set_member(to, as,
                           node != NULL ? json_node_copy(node) : json_node_new(JSON_NODE_NULL));
}

JsonNode *
vsf_agents_json(JsonObject *status, gboolean plan)
{
    static const char *const members[] = {"uuid", "name", "domain", "agent", "memory", "disk"};
    g_autoptr(GPtrArray) vms = vsf_table_rows(vsf_member_array(status, "vms"), "name");
    JsonNode *root = json_node_new(JSON_NODE_ARRAY);
    JsonArray *array = json_array_new();

    for (guint i = 0; i < vms->len; i++) {
        JsonObject *vm = json_object_new();

        /* The first two are who it is. */
        for (guint j = 0; j < (plan ? 2 : G_N_ELEMENTS(members)); j++)
            copy_member(vm, vms->pdata[i], members[j], members[j]);
        if (plan)
            copy_member(vm, vms->pdata[i], "agent/plan", "plan");
        json_array_add_object_element(array, vm);
    }
    json_node_take_array(root, array);
    return root;
}
