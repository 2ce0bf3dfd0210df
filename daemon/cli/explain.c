/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain-private.h"

#include "ask.h"
#include "find-vm.h"
#include "member.h"

#include <gio/gio.h>
#include <string.h>

const char *const vsf_explain_fields[] = {"state",   "cpu",   "memory",      "disk", "net",
                                          "packets", "agent", "filesystems", NULL};

/* In the order of the names. */
static void (*const explain_field[])(const VsfExplain *explain, VsfFinding *finding) = {
    vsf_explain_state, vsf_explain_cpu,     vsf_explain_memory, vsf_explain_disk,
    vsf_explain_net,   vsf_explain_packets, vsf_explain_agent,  vsf_explain_filesystems,
};

void
vsf_explain_and(VsfFinding *finding, const char *more)
{
    char *all = finding->why != NULL ? g_strconcat(finding->why, " ", more, NULL) : g_strdup(more);

    g_free(finding->why);
    finding->why = all;
}

void
vsf_explain_not_told(VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "not-told",
                    "This daemon does not tell: it is of another version than this command.");
    vsf_finding_fix(finding, "if virt-sflow was upgraded while it ran",
                    "systemctl restart virt-sflowd");
}

gboolean
vsf_explain_is(JsonObject *object, const char *member, const char *word)
{
    g_autofree char *text = vsf_member_text(object, member);

    return strcmp(text, word) == 0;
}

double
vsf_explain_number(JsonObject *object, const char *member)
{
    JsonNode *node = vsf_member(object, member);

    return vsf_is_number(node) ? json_node_get_double(node) : 0;
}

/* virsh takes a number for an id; a shell takes most other characters for its own. The UUID's is a
 * daemon's word, but may come from elsewhere. */
static char *
virsh_target(JsonObject *vm)
{
    g_autofree char *domain = vsf_member_text(vm, "domain"), *uuid = vsf_member_text(vm, "uuid");

    if (g_ascii_isalpha(domain[0]) &&
        strspn(domain, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(domain))
        return g_steal_pointer(&domain);
    if (uuid[0] != '-' && strspn(uuid, G_CSET_DIGITS "abcdefABCDEF-") == strlen(uuid))
        return g_steal_pointer(&uuid);
    return g_strdup("DOMAIN");
}

/* ---- numbers that no turn brings ---- */

/* The first [vm PATTERN] section that matches the domain counts, as in the daemon, or NULL. */
static JsonObject *
rule_of(const VsfExplain *explain)
{
    JsonArray *rules = vsf_member_array(explain->status, "config/rules");
    g_autofree char *domain = vsf_member_text(explain->vm, "domain");

    for (guint i = 0; rules != NULL && i < json_array_get_length(rules); i++) {
        JsonNode *node = json_array_get_element(rules, i);
        JsonObject *rule = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        g_autofree char *pattern = vsf_member_text(rule, "vm");

        if (vsf_member(rule, "vm") != NULL && g_pattern_match_simple(pattern, domain))
            return rule;
    }
    return NULL;
}

static gboolean
is_zero(JsonObject *object, const char *member)
{
    JsonNode *node = vsf_member(object, member);

    return vsf_is_number(node) && json_node_get_double(node) <= 0;
}

static void
say_polling_off(const VsfExplain *explain, VsfFinding *finding)
{
    JsonObject *rule = rule_of(explain);
    gboolean is_ruled = vsf_is_number(vsf_member(rule, "polling"));

    if (is_ruled ? !is_zero(rule, "polling") : !is_zero(explain->status, "config/polling"))
        return;
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "polling-off",
                    "The VM has no turns in which its numbers are read: polling is 0 in %s.",
                    is_ruled ? "the [vm PATTERN] section that matches the domain"
                             : "the configuration");
    g_ptr_array_set_size(finding->fixes, 0); /* of what it was taken for */
    if (!is_ruled && is_zero(explain->status, "dns_sd/in_force/polling"))
        vsf_finding_fix(finding, "DNS says so: set polling in the TXT record of _sflow._udp there",
                        NULL);
    else
        vsf_finding_fix(finding,
                        is_ruled ? "set polling in that section of "
                                   "/etc/virt-sflow/virt-sflow.conf, or take it out, and then"
                                 : "set polling = 20 in [sflow] of "
                                   "/etc/virt-sflow/virt-sflow.conf, and then",
                        VSF_EXPLAIN_RELOAD);
}

/* What is said where a turn has not brought a number, or has not for too long. */
static gboolean
is_of_turns(const VsfFinding *finding)
{
    static const char *const fields[] = {"cpu", "memory", "disk", "net", NULL};
    static const char *const codes[] = {"waiting", "stale", "balloon-stale", "no-statistics", NULL};

    return g_strv_contains(fields, finding->field) && g_strv_contains(codes, finding->code);
}

gboolean
vsf_explain_vm(GPtrArray *findings, JsonObject *status, JsonObject *vm, const char *field)
{
    g_autofree char *target = virsh_target(vm), *name = vsf_member_text(vm, "name"),
                    *uuid = vsf_member_text(vm, "uuid");
    VsfExplain explain = {.status = status, .vm = vm, .target = target};
    gboolean found = FALSE;

    for (guint i = 0; vsf_explain_fields[i] != NULL; i++) {
        VsfFinding *finding;

        if (field != NULL && strcmp(field, vsf_explain_fields[i]) != 0)
            continue;
        found = TRUE;
        finding = vsf_finding_new(findings, vsf_explain_fields[i]);
        finding->vm = g_strdup(name);
        finding->uuid = g_strdup(uuid);
        finding->record = vsf_explain_record(vsf_explain_fields[i]);
        explain_field[i](&explain, finding);
        if (is_of_turns(finding))
            say_polling_off(&explain, finding);
    }
    return found;
}

/* Of one field all is said. */
static char *
text_of(const GPtrArray *findings, gboolean is_one)
{
    g_autofree char *text = vsf_findings_text(findings), *sent = NULL;
    const VsfRecord *record = ((const VsfFinding *)findings->pdata[0])->record;
    GString *all = g_string_new(text);

    if (is_one && record != NULL) {
        sent = vsf_explain_record_text(record);
        g_string_append_printf(all, "%*s", VSF_FINDING_INDENT, "");
        vsf_wrapped_text(all, sent, VSF_FINDING_INDENT, VSF_FINDING_INDENT);
    }
    return g_string_free(all, FALSE);
}

static char *
render(const VsfAsk *ask, JsonObject *status, const GError *failed G_GNUC_UNUSED, int *exit_status,
       GError **error)
{
    JsonObject *vm = vsf_find_vm(status, ask->words[0], error);
    g_autoptr(GPtrArray) findings = vsf_findings_new();

    if (vm == NULL)
        return NULL;
    if (!vsf_explain_vm(findings, status, vm, ask->words[1])) {
        g_autofree char *fields = g_strjoinv(", ", (char **)vsf_explain_fields);

        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "there is no such field; known: %s", fields);
        *exit_status = 2;
        return NULL;
    }
    return ask->as_json ? vsf_ask_line(vsf_findings_json(findings), TRUE)
                        : text_of(findings, ask->words[1] != NULL);
}

int
vsf_cli_explain(int argc, char **argv)
{
    static const VsfAskCommand command = {
        .name = "virt-sflow explain",
        .words = "VM [FIELD]",
        .help =
            "- say where a VM's numbers come from, why one is unknown or odd, and what mends it",
        .json = "Print an array of findings (docs/explain-json.md)",
        .fields = vsf_explain_fields,
        .n_words_min = 1,
        .n_words_max = 2,
        .usage_status = 2,
        .render = render,
    };

    return vsf_ask_run(&command, argc, argv);
}
