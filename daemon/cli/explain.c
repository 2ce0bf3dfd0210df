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
        explain_field[i](&explain, finding);
    }
    return found;
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
                        : vsf_findings_text(findings);
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
