/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "comparison.h"

#include "table.h"

#include <string.h>

typedef struct {
    char *name; /* of the newest sample of either */
    char *uuid; /* or NULL */
    VsfHeard ours, theirs;
} Vm;

struct VsfComparison {
    guint32 our_sub_agent;
    GHashTable *vms; /* UUID, or the name of one without -> Vm, owned */
    guint64 n_left_out;
};

static void
heard_clear(VsfHeard *heard)
{
    if (heard->last != heard->first)
        vsf_sample_free(heard->last);
    vsf_sample_free(heard->first);
    *heard = (VsfHeard){0};
}

static void
vm_free(gpointer data)
{
    Vm *vm = data;

    heard_clear(&vm->ours);
    heard_clear(&vm->theirs);
    g_free(vm->name);
    g_free(vm->uuid);
    g_free(vm);
}

VsfComparison *
vsf_comparison_new(guint32 our_sub_agent)
{
    VsfComparison *comparison = g_new0(VsfComparison, 1);

    comparison->our_sub_agent = our_sub_agent;
    comparison->vms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, vm_free);
    return comparison;
}

void
vsf_comparison_free(VsfComparison *comparison)
{
    if (comparison == NULL)
        return;
    g_hash_table_unref(comparison->vms);
    g_free(comparison);
}

/* A sample is kept until the end: of one that is larger than any agent's, the beginning. */
static void
trim(VsfSample *sample)
{
    if (sample->values->len > VSF_COMPARISON_VALUES_MAX)
        g_ptr_array_set_size(sample->values, VSF_COMPARISON_VALUES_MAX);
    if (sample->ifindexes->len > VSF_COMPARISON_ADAPTERS_MAX) {
        g_array_set_size(sample->ifindexes, VSF_COMPARISON_ADAPTERS_MAX);
        g_clear_pointer(&sample->macs, g_free);
    }
}

/* Takes @sample. */
static void
hear(VsfHeard *heard, VsfSample *sample, gint64 time_ns)
{
    trim(sample);
    if (heard->last != NULL && sample->sequence <= heard->last->sequence)
        heard_clear(heard);
    if (heard->first == NULL) {
        heard->first = sample;
        heard->first_ns = time_ns;
    } else if (heard->last != heard->first) {
        vsf_sample_free(heard->last);
    }
    heard->last = sample;
    heard->last_ns = time_ns;
}

/* NULL: too many are known already, or it does not say which VM it is. */
static Vm *
vm_for(VsfComparison *comparison, const VsfSample *sample)
{
    const char *key = sample->uuid != NULL ? sample->uuid : sample->hostname;
    Vm *vm = key != NULL ? g_hash_table_lookup(comparison->vms, key) : NULL;

    if (key == NULL || (vm == NULL && g_hash_table_size(comparison->vms) >= VSF_COMPARISON_MAX)) {
        comparison->n_left_out++;
        return NULL;
    }
    if (vm == NULL) {
        vm = g_new0(Vm, 1);
        vm->uuid = g_strdup(sample->uuid);
        g_hash_table_insert(comparison->vms, g_strdup(key), vm);
    }
    g_free(vm->name);
    vm->name = g_strdup(sample->hostname != NULL ? sample->hostname : key);
    return vm;
}

void
vsf_comparison_add(VsfComparison *comparison, VsfSamples *samples, gint64 time_ns)
{
    gboolean is_ours = samples->sub_agent_id == comparison->our_sub_agent;

    for (guint i = 0; i < samples->samples->len;) {
        VsfSample *sample = g_ptr_array_index(samples->samples, i);
        Vm *vm;

        if (sample->kind != VSF_SAMPLE_COUNTERS || sample->source_class != 3 ||
            (vm = vm_for(comparison, sample)) == NULL) {
            i++;
            continue;
        }
        g_ptr_array_steal_index(samples->samples, i);
        hear(is_ours ? &vm->ours : &vm->theirs, sample, time_ns);
    }
}

/* ---- the report ---- */

static const char *const verdict_names[VSF_N_VERDICTS] = {"equal", "expected", "unexpected",
                                                          "not compared"};

static void
add_finding(GString *text, const VsfFinding *finding)
{
    g_string_append_printf(text, "  %-12s  %-23s  ", verdict_names[finding->verdict],
                           finding->field);
    vsf_table_cell(text, finding->ours, 0, FALSE);
    if (finding->verdict != VSF_VERDICT_EQUAL || strcmp(finding->ours, finding->theirs) != 0) {
        g_string_append(text, " | ");
        vsf_table_cell(text, finding->theirs, 0, FALSE);
    }
    if (*finding->why != '\0')
        g_string_append_printf(text, ": %s", finding->why);
    g_string_append_c(text, '\n');
}

static void
add_title(GString *text, const Vm *vm)
{
    if (text->len > 0)
        g_string_append_c(text, '\n');
    vsf_table_cell(text, vm->name, 0, FALSE);
    if (vm->uuid != NULL && strcmp(vm->uuid, vm->name) != 0)
        g_string_append_printf(text, " %s", vm->uuid);
    g_string_append_c(text, '\n');
}

static void
add_vm(GString *text, const Vm *vm, VsfTally *tally)
{
    g_autoptr(GPtrArray) findings = NULL;

    tally->n_vms++;
    add_title(text, vm);
    if (vm->ours.last == NULL || vm->theirs.last == NULL) {
        tally->n[VSF_VERDICT_UNEXPECTED]++;
        g_string_append_printf(text, "  %-12s  only %s sends it\n",
                               verdict_names[VSF_VERDICT_UNEXPECTED],
                               vm->ours.last != NULL ? "virt-sflow" : "the other agent");
        return;
    }
    findings = vsf_compare(&vm->ours, &vm->theirs);
    for (guint i = 0; i < findings->len; i++) {
        const VsfFinding *finding = g_ptr_array_index(findings, i);

        tally->n[finding->verdict]++;
        add_finding(text, finding);
    }
}

static int
by_name(gconstpointer a, gconstpointer b)
{
    const Vm *one = a, *other = b;
    int names = strcmp(one->name, other->name);

    return names != 0 ? names : g_strcmp0(one->uuid, other->uuid);
}

static void
add_sums(GString *text, const VsfComparison *comparison, const VsfTally *tally)
{
    g_string_append_printf(text, "%s%u VMs:", text->len > 0 ? "\n" : "", tally->n_vms);
    for (guint i = 0; i < VSF_N_VERDICTS; i++)
        g_string_append_printf(text, "%s %u %s", i > 0 ? "," : "", tally->n[i], verdict_names[i]);
    g_string_append_c(text, '\n');
    if (comparison->n_left_out > 0)
        g_string_append_printf(text,
                               "%" G_GUINT64_FORMAT " samples were left out: of more than %u VMs, "
                               "or without name and UUID\n",
                               comparison->n_left_out, VSF_COMPARISON_MAX);
}

char *
vsf_comparison_text(const VsfComparison *comparison, VsfTally *tally)
{
    g_autoptr(GList) vms = g_list_sort(g_hash_table_get_values(comparison->vms), by_name);
    GString *text = g_string_new(NULL);

    *tally = (VsfTally){0};
    for (const GList *at = vms; at != NULL; at = at->next) {
        const Vm *vm = at->data;

        tally->heard_ours |= vm->ours.last != NULL;
        tally->heard_theirs |= vm->theirs.last != NULL;
    }
    for (const GList *at = vms; at != NULL; at = at->next)
        add_vm(text, at->data, tally);
    add_sums(text, comparison, tally);
    return g_string_free(text, FALSE);
}
