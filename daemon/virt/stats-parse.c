/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats-parse.h"

#include <string.h>

/* libvirt counts memory in KiB. */
#define KIB 1024

typedef struct {
    const char *name;
    gsize offset; /* of a guint64 */
    guint64 unit;
    gboolean of_qemu; /* only a QEMU that was asked and answered has it */
} Field;

/* In the order in which libvirt tells them most often. */
static const Field domain_fields[] = {
    {"balloon.current", G_STRUCT_OFFSET(VsfDomainStats, balloon_current), KIB, FALSE},
    {"balloon.maximum", G_STRUCT_OFFSET(VsfDomainStats, balloon_maximum), KIB, FALSE},
    {"balloon.unused", G_STRUCT_OFFSET(VsfDomainStats, balloon_unused), KIB, FALSE},
    {"balloon.available", G_STRUCT_OFFSET(VsfDomainStats, balloon_available), KIB, FALSE},
    {"balloon.usable", G_STRUCT_OFFSET(VsfDomainStats, balloon_usable), KIB, FALSE},
    {"balloon.last-update", G_STRUCT_OFFSET(VsfDomainStats, balloon_last_update_s), 1, FALSE},
    {"balloon.disk_caches", G_STRUCT_OFFSET(VsfDomainStats, balloon_disk_caches), KIB, FALSE},
};

/* The same. An empty drive has no counters. */
static const Field block_fields[] = {
    {"rd.reqs", G_STRUCT_OFFSET(VsfBlockStats, rd_req), 1, TRUE},
    {"rd.bytes", G_STRUCT_OFFSET(VsfBlockStats, rd_bytes), 1, TRUE},
    {"rd.times", G_STRUCT_OFFSET(VsfBlockStats, rd_times_ns), 1, TRUE},
    {"wr.reqs", G_STRUCT_OFFSET(VsfBlockStats, wr_req), 1, TRUE},
    {"wr.bytes", G_STRUCT_OFFSET(VsfBlockStats, wr_bytes), 1, TRUE},
    {"wr.times", G_STRUCT_OFFSET(VsfBlockStats, wr_times_ns), 1, TRUE},
    {"fl.reqs", G_STRUCT_OFFSET(VsfBlockStats, fl_req), 1, TRUE},
    {"fl.times", G_STRUCT_OFFSET(VsfBlockStats, fl_times_ns), 1, TRUE},
    {"capacity", G_STRUCT_OFFSET(VsfBlockStats, capacity), 1, FALSE},
    {"physical", G_STRUCT_OFFSET(VsfBlockStats, physical), 1, FALSE},
};

VsfDomainStats *
vsf_domain_stats_new(const char *uuid)
{
    VsfDomainStats *stats = g_new0(VsfDomainStats, 1);

    g_strlcpy(stats->uuid, uuid, sizeof(stats->uuid));
    stats->state = stats->reason = -1;
    for (guint i = 0; i < G_N_ELEMENTS(domain_fields); i++)
        G_STRUCT_MEMBER(guint64, stats, domain_fields[i].offset) = VSF_UNKNOWN;
    stats->n_vcpus = VSF_UNKNOWN;
    stats->blocks = g_array_new(FALSE, TRUE, sizeof(VsfBlockStats));
    return stats;
}

void
vsf_domain_stats_free(VsfDomainStats *stats)
{
    if (stats == NULL)
        return;
    g_array_unref(stats->blocks);
    g_free(stats);
}

/* libvirt has widened types before (int to long long): any integer that is not
 * negative will do. */
static gboolean
number_of(const virTypedParameter *param, guint64 *value)
{
    switch (param->type) {
    case VIR_TYPED_PARAM_UINT:
        *value = param->value.ui;
        return TRUE;
    case VIR_TYPED_PARAM_ULLONG:
        *value = param->value.ul;
        return TRUE;
    case VIR_TYPED_PARAM_INT:
        *value = (guint64)param->value.i;
        return param->value.i >= 0;
    case VIR_TYPED_PARAM_LLONG:
        *value = (guint64)param->value.l;
        return param->value.l >= 0;
    default:
        return FALSE;
    }
}

/* What stands at @name in the table, if its value was good; else NULL. The search begins at @next,
 * behind what was found last. */
static const Field *
take_field(const Field *fields, guint n_fields, guint *next, const char *name,
           const virTypedParameter *param, gpointer into)
{
    for (guint n = 0; n < n_fields; n++) {
        guint i = (*next + n) % n_fields;
        guint64 value = 0;

        if (strcmp(name, fields[i].name) != 0)
            continue;
        *next = i + 1;
        if (!number_of(param, &value) || !g_uint64_checked_mul(&value, value, fields[i].unit))
            return NULL;
        G_STRUCT_MEMBER(guint64, into, fields[i].offset) = value;
        return &fields[i];
    }
    return NULL;
}

static void
take_state(VsfDomainStats *stats, const virTypedParameter *param)
{
    if (param->type != VIR_TYPED_PARAM_INT)
        return;
    if (strcmp(param->field, "state.state") == 0)
        stats->state = param->value.i;
    else if (strcmp(param->field, "state.reason") == 0)
        stats->reason = param->value.i;
}

static VsfBlockStats
block_unknown(void)
{
    VsfBlockStats block = {.target = ""};

    for (guint i = 0; i < G_N_ELEMENTS(block_fields); i++)
        G_STRUCT_MEMBER(guint64, &block, block_fields[i].offset) = VSF_UNKNOWN;
    return block;
}

static gboolean
begins(const virTypedParameter *param, const char *prefix)
{
    return memcmp(param->field, prefix, strlen(prefix)) == 0;
}

/* "block.12.rd.reqs" -> 12 and "rd.reqs". */
static gboolean
split_block_name(const char *field, guint *index, const char **rest)
{
    const char *at = field + strlen("block.");
    guint number = 0;

    if (!g_ascii_isdigit(*at))
        return FALSE;
    for (; g_ascii_isdigit(*at); at++) {
        number = number * 10 + (guint)(*at - '0');
        if (number >= VSF_STATS_MAX_BLOCKS)
            return FALSE;
    }
    *index = number;
    *rest = at + 1;
    return *at == '.';
}

/* A name that does not fit is none: a cut one could be another device's. */
static void
take_target(VsfBlockStats *block, const virTypedParameter *param)
{
    if (param->type == VIR_TYPED_PARAM_STRING && param->value.s != NULL &&
        strlen(param->value.s) < sizeof(block->target))
        g_strlcpy(block->target, param->value.s, sizeof(block->target));
}

/* libvirt tells a path for what is on this host alone. */
static void
take_path(VsfBlockStats *block, const virTypedParameter *param)
{
    if (param->type != VIR_TYPED_PARAM_STRING || param->value.s == NULL ||
        param->value.s[0] == '\0')
        return;
    block->where = g_str_has_prefix(param->value.s, "/dev/") ? VSF_BLOCK_DEVICE : VSF_BLOCK_FILE;
}

/* @param is "block.*". TRUE if it was a counter. */
static gboolean
take_block(GArray *blocks, guint *next, const virTypedParameter *param)
{
    VsfBlockStats *block;
    const Field *field;
    guint index = 0;
    const char *rest;

    if (!split_block_name(param->field, &index, &rest))
        return FALSE;
    while (blocks->len <= index) {
        VsfBlockStats unknown = block_unknown();

        g_array_append_val(blocks, unknown);
    }
    block = &g_array_index(blocks, VsfBlockStats, index);
    field = take_field(block_fields, G_N_ELEMENTS(block_fields), next, rest, param, block);
    if (field != NULL)
        return field->of_qemu;
    if (strcmp(rest, "name") == 0)
        take_target(block, param);
    else if (strcmp(rest, "path") == 0)
        take_path(block, param);
    return FALSE;
}

static void
drop_nameless(GArray *blocks)
{
    for (guint i = blocks->len; i > 0; i--) {
        if (g_array_index(blocks, VsfBlockStats, i - 1).target[0] == '\0')
            g_array_remove_index(blocks, i - 1);
    }
}

VsfDomainStats *
vsf_stats_parse(const char *uuid, const virTypedParameter *params, int n_params)
{
    VsfDomainStats *stats = vsf_domain_stats_new(uuid);
    gboolean has_counters = FALSE, is_counted = FALSE;
    guint64 count = 0;
    guint next_domain = 0, next_block = 0;

    for (int i = 0; i < n_params; i++) {
        const virTypedParameter *param = &params[i];

        /* From a peer by RPC: the field need not hold a NUL. */
        if (memchr(param->field, '\0', sizeof(param->field)) == NULL)
            continue;
        if (begins(param, "block.")) {
            if (strcmp(param->field, "block.count") == 0)
                is_counted = number_of(param, &count);
            else if (take_block(stats->blocks, &next_block, param))
                has_counters = TRUE;
        } else if (begins(param, "balloon.")) {
            take_field(domain_fields, G_N_ELEMENTS(domain_fields), &next_domain, param->field,
                       param, stats);
            if (strcmp(param->field, "balloon.rss") == 0)
                stats->asked_qemu = TRUE;
        } else if (begins(param, "state.")) {
            take_state(stats, param);
        }
    }
    /* Either comes only with the domain's job, and one of them then nearly always. */
    stats->asked_qemu = stats->asked_qemu || has_counters;
    drop_nameless(stats->blocks);
    stats->has_blocks = has_counters || (is_counted && count == 0);
    if (!stats->has_blocks)
        g_array_set_size(stats->blocks, 0);
    return stats;
}
