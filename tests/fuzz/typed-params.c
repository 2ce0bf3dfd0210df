/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt's typed parameters of a domain, and the sums and latencies that are made
 * of them. A line "TYPE NAME=VALUE" is one parameter: i int, u unsigned, l long long,
 * U unsigned long long, d double, b boolean, s string, n string that is NULL. A name
 * that fills the field has no NUL, as a peer could send it. */
#include "../../daemon/model/domain-detail.h"
#include "../../daemon/virt/stats-parse.h"

#include <stdlib.h>
#include <string.h>

#define UUID "c7a5fdbd-edaf-9455-926a-d65c16db1809"
#define PARAMS_MAX 4096

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
read_value(virTypedParameter *param, char type, char *value)
{
    static const char types[] = "iulUdbs";
    const char *at = strchr(types, type);

    param->type = at != NULL && type != '\0' ? (int)(at - types) + VIR_TYPED_PARAM_INT
                                             : VIR_TYPED_PARAM_STRING;
    switch (param->type) {
    case VIR_TYPED_PARAM_INT:
        param->value.i = atoi(value);
        break;
    case VIR_TYPED_PARAM_UINT:
        param->value.ui = (guint)strtoul(value, NULL, 10);
        break;
    case VIR_TYPED_PARAM_LLONG:
        param->value.l = strtoll(value, NULL, 10);
        break;
    case VIR_TYPED_PARAM_ULLONG:
        param->value.ul = strtoull(value, NULL, 10);
        break;
    case VIR_TYPED_PARAM_DOUBLE:
        param->value.d = strtod(value, NULL);
        break;
    case VIR_TYPED_PARAM_BOOLEAN:
        param->value.b = value[0] == '1';
        break;
    default:
        param->value.s = type == 'n' ? NULL : value;
        break;
    }
}

/* FALSE if @line, which is cut to pieces, is none. */
static gboolean
read_line(virTypedParameter *param, char *line)
{
    char *equals = strchr(line, '=');

    if (strlen(line) < 3 || line[1] != ' ' || equals == NULL)
        return FALSE;
    *equals = '\0';
    memset(param, 0, sizeof(*param));
    memcpy(param->field, line + 2, MIN(strlen(line + 2), sizeof(param->field)));
    read_value(param, line[0], equals + 1);
    return TRUE;
}

/* A domain whose disks are those that were told of. */
static VsfDomainDef *
domain_of(const GArray *blocks)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();

    for (guint i = 0; i < blocks->len; i++) {
        VsfDisk *disk = g_new0(VsfDisk, 1);

        disk->target = g_strdup(g_array_index(blocks, VsfBlockStats, i).target);
        g_ptr_array_add(def->disks, disk);
    }
    return g_steal_pointer(&def);
}

static void
check_sums(const VsfDomainStats *stats, GHashTable *last)
{
    g_autoptr(VsfDomainDef) def = domain_of(stats->blocks);
    g_auto(VsfDomainDetail) detail;
    VsfDiskCounters sum = vsf_disk_counters_sum(
        def, (const VsfBlockStats *)(const void *)stats->blocks->data, stats->blocks->len);

    if (sum.available != VSF_UNKNOWN)
        g_assert_cmpuint(sum.available, <=, sum.capacity);
    vsf_domain_detail_init(&detail);
    vsf_domain_detail_blocks(&detail, stats->blocks, last);
    g_assert_cmpuint(detail.disks->len, <=, VSF_DETAIL_DISKS_MAX);
    for (guint i = 0; i < detail.disks->len; i++) {
        const VsfDiskDetail *disk = &g_array_index(detail.disks, VsfDiskDetail, i);

        g_assert_nonnull(memchr(disk->target, '\0', sizeof(disk->target)));
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", PARAMS_MAX);
    g_autofree virTypedParameter *params = g_new0(virTypedParameter, PARAMS_MAX);
    g_autoptr(GHashTable) last = vsf_block_history_new();
    g_autoptr(VsfDomainStats) stats = NULL;
    int n = 0;

    for (guint i = 0; lines[i] != NULL; i++)
        n += read_line(&params[n], lines[i]);
    stats = vsf_stats_parse(UUID, params, n);
    g_assert_cmpstr(stats->uuid, ==, UUID);
    g_assert_cmpuint(stats->blocks->len, <=, VSF_STATS_MAX_BLOCKS);
    g_assert_true(stats->has_blocks || stats->blocks->len == 0);
    for (guint i = 0; i < stats->blocks->len; i++) {
        const VsfBlockStats *block = &g_array_index(stats->blocks, VsfBlockStats, i);

        g_assert_nonnull(memchr(block->target, '\0', sizeof(block->target)));
        g_assert_cmpuint(block->target[0], !=, '\0');
    }
    /* Twice: the first is the past of the second. */
    check_sums(stats, last);
    check_sums(stats, last);
    return 0;
}
