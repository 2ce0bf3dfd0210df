/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "finding.h"

#include "member.h"
#include "table.h"

#include <string.h>

#define COLUMNS 80

static void
fix_free(gpointer data)
{
    VsfFix *fix = data;

    g_free(fix->how);
    g_free(fix->command);
    g_free(fix);
}

static void
finding_free(gpointer data)
{
    VsfFinding *finding = data;

    g_free(finding->vm);
    g_free(finding->uuid);
    g_free(finding->value);
    g_free(finding->source);
    g_free(finding->why);
    g_ptr_array_unref(finding->fixes);
    g_free(finding);
}

GPtrArray *
vsf_findings_new(void)
{
    return g_ptr_array_new_with_free_func(finding_free);
}

VsfFinding *
vsf_finding_new(GPtrArray *findings, const char *field)
{
    VsfFinding *finding = g_new0(VsfFinding, 1);

    finding->field = field;
    finding->code = "ok";
    finding->age_s = -1;
    finding->fixes = g_ptr_array_new_with_free_func(fix_free);
    g_ptr_array_add(findings, finding);
    return finding;
}

void
vsf_finding_say(VsfFinding *finding, VsfSeverity severity, const char *code, const char *why, ...)
{
    va_list args;

    finding->severity = severity;
    finding->code = code;
    g_free(finding->why);
    va_start(args, why);
    finding->why = g_strdup_vprintf(why, args);
    va_end(args);
}

void
vsf_finding_fix(VsfFinding *finding, const char *how, const char *command, ...)
{
    VsfFix *fix = g_new0(VsfFix, 1);
    va_list args;

    fix->how = g_strdup(how);
    va_start(args, command);
    if (command != NULL)
        fix->command = g_strdup_vprintf(command, args);
    va_end(args);
    g_ptr_array_add(finding->fixes, fix);
}

VsfSeverity
vsf_findings_worst(const GPtrArray *findings)
{
    VsfSeverity worst = VSF_SEVERITY_OK;

    for (guint i = 0; i < findings->len; i++)
        worst = MAX(worst, ((const VsfFinding *)findings->pdata[i])->severity);
    return worst;
}

const char *
vsf_severity_name(VsfSeverity severity)
{
    static const char *const names[] = {"ok", "note", "warning", "critical"};

    return names[severity];
}

/* ---- for people ---- */

void
vsf_wrapped_text(GString *text, const char *words, guint column, guint indent)
{
    g_auto(GStrv) parts = g_strsplit(words, " ", -1);

    for (guint i = 0; parts[i] != NULL; i++) {
        g_autoptr(GString) word = g_string_new(NULL);
        guint width;

        vsf_table_cell(word, parts[i], 0, FALSE);
        width = (guint)g_utf8_strlen(word->str, -1);
        if (i > 0 && column + 1 + width > COLUMNS) {
            g_string_append_printf(text, "\n%*s", (int)indent, "");
            column = indent;
        } else if (i > 0) {
            g_string_append_c(text, ' ');
            column++;
        }
        g_string_append(text, word->str);
        column += width;
    }
    g_string_append_c(text, '\n');
}

void
vsf_finding_text(GString *text, const VsfFinding *finding)
{
    static const char *const marks[] = {"ok", "note", "WARN", "CRIT"};
    g_autoptr(GString) said = g_string_new(NULL);

    g_string_append(said, finding->value != NULL ? finding->value : "unknown");
    if (finding->source != NULL)
        g_string_append_printf(said, ", by the %s", finding->source);
    if (finding->age_s >= 0) {
        g_autoptr(JsonNode) node = json_node_init_double(json_node_alloc(), finding->age_s);
        g_autofree char *age = vsf_age_text(node);

        g_string_append_printf(said, ", %s ago", age);
    }
    g_string_append_printf(text, "  %-4s  %-13s  ", marks[finding->severity], finding->field);
    vsf_wrapped_text(text, said->str, VSF_FINDING_INDENT, VSF_FINDING_INDENT);
    if (finding->why != NULL) {
        g_string_append_printf(text, "%*s", VSF_FINDING_INDENT, "");
        vsf_wrapped_text(text, finding->why, VSF_FINDING_INDENT, VSF_FINDING_INDENT);
    }
    for (guint i = 0; i < finding->fixes->len; i++) {
        const VsfFix *fix = finding->fixes->pdata[i];

        g_string_append_printf(text, "%*s%s", VSF_FINDING_INDENT - 3, "", "-> ");
        vsf_wrapped_text(text, fix->how, VSF_FINDING_INDENT, VSF_FINDING_INDENT);
        if (fix->command == NULL)
            continue;
        g_string_append_printf(text, "%*s", VSF_FINDING_INDENT + 2, "");
        vsf_table_cell(text, fix->command, 0, FALSE);
        g_string_append_c(text, '\n');
    }
}

char *
vsf_findings_text(const GPtrArray *findings)
{
    GString *text = g_string_new(NULL);
    const char *vm = NULL;

    for (guint i = 0; i < findings->len; i++) {
        const VsfFinding *finding = findings->pdata[i];

        if (finding->vm != NULL && g_strcmp0(vm, finding->vm) != 0) {
            vm = finding->vm;
            vsf_table_cell(text, vm, 0, FALSE);
            g_string_append_c(text, '\n');
        }
        vsf_finding_text(text, finding);
    }
    return g_string_free(text, FALSE);
}

/* ---- for programs ---- */

static void
add_text(JsonObject *object, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_string_member(object, name, text);
    else
        json_object_set_null_member(object, name);
}

static JsonObject *
finding_json(const VsfFinding *finding)
{
    JsonObject *object = json_object_new();
    JsonArray *fixes = json_array_new();

    add_text(object, "vm", finding->vm);
    add_text(object, "uuid", finding->uuid);
    add_text(object, "field", finding->field);
    add_text(object, "severity", vsf_severity_name(finding->severity));
    add_text(object, "code", finding->code);
    add_text(object, "value", finding->value);
    add_text(object, "source", finding->source);
    if (finding->age_s >= 0)
        json_object_set_double_member(object, "age_s", finding->age_s);
    else
        json_object_set_null_member(object, "age_s");
    add_text(object, "why", finding->why);
    add_text(object, "record", finding->record != NULL ? finding->record->format : NULL);
    add_text(object, "record_name", finding->record != NULL ? finding->record->name : NULL);
    if (finding->record != NULL && finding->record->since != 0)
        json_object_set_int_member(object, "record_since", finding->record->since);
    else
        json_object_set_null_member(object, "record_since");
    for (guint i = 0; i < finding->fixes->len; i++) {
        const VsfFix *fix = finding->fixes->pdata[i];
        JsonObject *one = json_object_new();

        add_text(one, "how", fix->how);
        add_text(one, "command", fix->command);
        json_array_add_object_element(fixes, one);
    }
    json_object_set_array_member(object, "fixes", fixes);
    return object;
}

JsonNode *
vsf_findings_json(const GPtrArray *findings)
{
    JsonNode *root = json_node_new(JSON_NODE_ARRAY);
    JsonArray *array = json_array_new();

    for (guint i = 0; i < findings->len; i++)
        json_array_add_object_element(array, finding_json(findings->pdata[i]));
    json_node_take_array(root, array);
    return root;
}
