/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor.h"

#include "ask.h"
#include "doctor-node.h"
#include "explain.h"
#include "member.h"
#include "table.h"

#include <string.h>

#define NAMES_MAX 5 /* VMs of one kind of finding that are named; explain tells the others */

static void
add_silent(GPtrArray *findings, const char *failed)
{
    VsfFinding *finding = vsf_finding_new(findings, "daemon");

    vsf_finding_say(finding, VSF_SEVERITY_CRITICAL, "no-answer", "%s.", failed);
    vsf_finding_fix(finding, "see what it said last", "journalctl -u virt-sflowd -n 50");
}

GPtrArray *
vsf_doctor_findings(JsonObject *status, const char *failed)
{
    GPtrArray *findings = vsf_findings_new();
    g_autoptr(GPtrArray) vms = NULL;

    if (status == NULL) {
        add_silent(findings, failed);
        return findings;
    }
    vms = vsf_table_rows(vsf_member_array(status, "vms"), "name");
    vsf_doctor_node(findings, status);
    for (guint i = 0; i < vms->len; i++)
        vsf_explain_vm(findings, status, vms->pdata[i], NULL);
    return findings;
}

int
vsf_doctor_exit_status(const GPtrArray *findings)
{
    static const int statuses[] = {
        [VSF_SEVERITY_OK] = 0,
        [VSF_SEVERITY_NOTE] = 0,
        [VSF_SEVERITY_WARNING] = 1,
        [VSF_SEVERITY_CRITICAL] = 2,
    };

    return statuses[vsf_findings_worst(findings)];
}

/* ---- those of VMs that say the same ---- */

typedef struct {
    char *key; /* what is the same */
    VsfSeverity severity;
    const VsfFinding *first;
    GPtrArray *vms; /* their names, once each; the findings' */
} Group;

static void
group_free(gpointer data)
{
    Group *group = data;

    g_ptr_array_unref(group->vms);
    g_free(group->key);
    g_free(group);
}

/* One code may have several reasons, of which each VM's must be told. Words with digits (ages,
 * interfaces, addresses) are each VM's own and make no other reason: the first VM's stand there
 * for all, else a crowd would fill pages with one sentence. */
static char *
key_of(const VsfFinding *finding)
{
    g_auto(GStrv) words = g_strsplit(finding->why != NULL ? finding->why : "", " ", -1);
    GString *key = g_string_new(finding->code);

    g_string_append_printf(key, " %s", finding->field);
    for (guint i = 0; words[i] != NULL; i++)
        g_string_append_printf(key, " %s", strpbrk(words[i], "0123456789") ? "0" : words[i]);
    return g_string_free(key, FALSE);
}

static Group *
group_of(GPtrArray *groups, const VsfFinding *finding)
{
    g_autofree char *key = key_of(finding);
    Group *group;

    for (guint i = 0; i < groups->len; i++) {
        group = groups->pdata[i];
        if (strcmp(group->key, key) == 0)
            return group;
    }
    group = g_new0(Group, 1);
    group->key = g_steal_pointer(&key);
    group->first = finding;
    group->vms = g_ptr_array_new();
    g_ptr_array_add(groups, group);
    return group;
}

static int
compare_groups(gconstpointer a, gconstpointer b)
{
    return (int)(*(Group *const *)b)->severity - (int)(*(Group *const *)a)->severity;
}

/* The worst first. */
static GPtrArray *
groups_of(const GPtrArray *findings)
{
    GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);

    for (guint i = 0; i < findings->len; i++) {
        const VsfFinding *finding = findings->pdata[i];
        Group *group;

        if (finding->vm == NULL || finding->severity == VSF_SEVERITY_OK)
            continue;
        group = group_of(groups, finding);
        group->severity = MAX(group->severity, finding->severity);
        if (group->vms->len == 0 ||
            g_strcmp0(group->vms->pdata[group->vms->len - 1], finding->vm) != 0)
            g_ptr_array_add(group->vms, finding->vm);
    }
    g_ptr_array_sort(groups, compare_groups);
    return groups;
}

static void
add_group(GString *text, const Group *group)
{
    g_autoptr(GPtrArray) shown = vsf_findings_new();
    VsfFinding *finding = vsf_finding_new(shown, group->first->field);
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < MIN(group->vms->len, NAMES_MAX); i++)
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", (char *)group->vms->pdata[i]);
    finding->severity = group->severity;
    finding->value = g_strdup_printf("%u %s: %s%s", group->vms->len,
                                     group->vms->len == 1 ? "VM" : "VMs", names->str,
                                     group->vms->len > NAMES_MAX ? " ..." : "");
    finding->why = g_strdup(group->first->why);
    for (guint i = 0; i < group->first->fixes->len; i++) {
        const VsfFix *fix = group->first->fixes->pdata[i];

        if (fix->command != NULL)
            vsf_finding_fix(finding, fix->how, "%s", fix->command);
        else
            vsf_finding_fix(finding, fix->how, NULL);
    }
    vsf_finding_text(text, finding);
}

/* ---- for people ---- */

typedef struct {
    guint of[VSF_SEVERITY_CRITICAL + 1]; /* things to be said, by severity */
    guint n_vms;
} Counts;

static Counts
count(const GPtrArray *findings, const GPtrArray *groups)
{
    Counts counts = {0};
    const char *vm = NULL;

    for (guint i = 0; i < findings->len; i++) {
        const VsfFinding *finding = findings->pdata[i];

        if (finding->vm == NULL)
            counts.of[finding->severity]++;
        else if (g_strcmp0(vm, finding->uuid) != 0)
            counts.n_vms++;
        vm = finding->uuid;
    }
    for (guint i = 0; i < groups->len; i++)
        counts.of[((const Group *)groups->pdata[i])->severity]++;
    return counts;
}

char *
vsf_doctor_text(const GPtrArray *findings)
{
    static const char *const words[] = {"OK", "OK", "WARNING", "CRITICAL"};
    g_autoptr(GPtrArray) groups = groups_of(findings);
    Counts counts = count(findings, groups);
    GString *text = g_string_new(NULL);

    /* Check systems show the first line. */
    g_string_append_printf(text, "%s: %u critical, %u warnings, %u notes, %u VMs\n",
                           words[vsf_findings_worst(findings)], counts.of[VSF_SEVERITY_CRITICAL],
                           counts.of[VSF_SEVERITY_WARNING], counts.of[VSF_SEVERITY_NOTE],
                           counts.n_vms);
    for (guint i = 0; i < findings->len; i++)
        if (((const VsfFinding *)findings->pdata[i])->vm == NULL)
            vsf_finding_text(text, findings->pdata[i]);
    for (guint i = 0; i < groups->len; i++)
        add_group(text, groups->pdata[i]);
    if (groups->len > 0)
        g_string_append(text, "virt-sflow explain VM tells more of each VM.\n");
    return g_string_free(text, FALSE);
}

/* ---- for programs ---- */

JsonNode *
vsf_doctor_json(const GPtrArray *findings)
{
    g_autoptr(GPtrArray) groups = groups_of(findings);
    Counts counts = count(findings, groups);
    JsonNode *root = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "severity",
                                  vsf_severity_name(vsf_findings_worst(findings)));
    json_object_set_int_member(object, "exit_status", vsf_doctor_exit_status(findings));
    json_object_set_int_member(object, "vms", counts.n_vms);
    json_object_set_member(object, "findings", vsf_findings_json(findings));
    json_node_take_object(root, object);
    return root;
}

static char *
render(const VsfAsk *ask, JsonObject *status, const GError *failed, int *exit_status,
       GError **error G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray)
        findings = vsf_doctor_findings(status, failed != NULL ? failed->message : NULL);

    *exit_status = vsf_doctor_exit_status(findings);
    return ask->as_json ? vsf_ask_line(vsf_doctor_json(findings), TRUE) : vsf_doctor_text(findings);
}

int
vsf_cli_doctor(int argc, char **argv)
{
    static const VsfAskCommand command = {
        .name = "virt-sflow doctor",
        .words = "",
        .help = "- say what is wrong on this node; exit status 0 fine, 1 warnings, 2 critical",
        .json = "Print an object with all findings (docs/explain-json.md)",
        .usage_status = 3,
        .may_fail = TRUE,
        .render = render,
    };

    return vsf_ask_run(&command, argc, argv);
}
