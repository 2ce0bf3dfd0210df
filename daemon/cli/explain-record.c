/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In which record a field leaves. What a collector makes of it nobody tells us: sFlow goes one way.
 * So this is all that can be said of one that is too old for a record, or knows none of VMs. */
#include "explain-private.h"

#include <string.h>

/* Of the sFlow specifications: version 5 of 2004, Host Structures of 2010. */
static const struct {
    const char *field;
    VsfRecord record;
} records[] = {
    {"state", {"0:2101", "virt_cpu", 2010}},
    {"cpu", {"0:2101", "virt_cpu", 2010}},
    {"memory", {"0:2102", "virt_memory", 2010}},
    {"disk", {"0:2103", "virt_disk_io", 2010}},
    {"net", {"0:2104", "virt_net_io", 2010}},
    {"packets", {"0:1", "sampled_header", 2004}},
    {"filesystems", {"4300:1002", "custom metrics", 0}},
};

const VsfRecord *
vsf_explain_record(const char *field)
{
    for (guint i = 0; i < G_N_ELEMENTS(records); i++)
        if (strcmp(field, records[i].field) == 0)
            return &records[i].record;
    return NULL; /* of an agent nothing leaves but what it said */
}

char *
vsf_explain_record_text(const VsfRecord *record)
{
    g_autofree char *since =
        record->since != 0
            ? g_strdup_printf("which is in sFlow since %d", record->since)
            : g_strdup("which is no record of sFlow.org's and which few collectors know");

    return g_strdup_printf(
        "It leaves in %s (%s), %s. A collector tells nobody what it makes of that: one that shows "
        "nothing is too old for it, or takes none of VMs; docs/collectors.md has a table.",
        record->name, record->format, since);
}
