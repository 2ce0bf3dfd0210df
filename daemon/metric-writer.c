/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "metric-writer.h"

#include <string.h>

#define NAME_MAX_BYTES 63 /* of a metric */
#define UNKNOWN G_MAXUINT64

static void
begin_sample(VsfMetricWriter *writer)
{
    writer->xdr->used = 0;
    writer->xdr->overflow = FALSE;
    writer->metrics = vsf_sflow_metrics_begin(writer->xdr, writer->source);
}

static void
end_sample(VsfMetricWriter *writer)
{
    if (vsf_sflow_metrics_end(writer->xdr, &writer->metrics))
        writer->sample(writer->xdr, writer->user_data);
}

/* What a name may not hold becomes a "_"; what has no room is left out. */
static gsize
append(char *name, gsize used, const char *text)
{
    for (; *text != '\0' && used < NAME_MAX_BYTES; text++)
        name[used++] = g_ascii_isalnum(*text) || *text == '-' ? *text : '_';
    return used;
}

/* "disk", "vda", "reads" -> "disk_vda_reads". What stands in the middle comes from
 * the domain's XML or is a key made of such characters. Written for each metric of each poll,
 * hence without a format. */
static void
join_name(char name[NAME_MAX_BYTES + 1], const char *group, const char *key, const char *field)
{
    gsize used = append(name, 0, group);

    if (*key != '\0')
        used = append(name, append(name, used, "_"), key);
    if (*field != '\0')
        used = append(name, append(name, used, "_"), field);
    name[used] = '\0';
}

static gboolean
write_number(VsfMetricWriter *writer, const char *name, VsfMetricKind kind, guint64 value)
{
    return kind == VSF_METRIC_COUNTER
               ? vsf_sflow_metric_counter64(writer->xdr, &writer->metrics, name, value)
               : vsf_sflow_metric_gauge64(writer->xdr, &writer->metrics, name, value);
}

void
vsf_metric_number(VsfMetricWriter *writer, const char *group, const char *key, const char *field,
                  VsfMetricKind kind, guint64 value)
{
    char name[NAME_MAX_BYTES + 1];

    if (value == UNKNOWN)
        return;
    join_name(name, group, key, field);
    if (write_number(writer, name, kind, value))
        return;
    end_sample(writer);
    begin_sample(writer);
    /* An empty sample has room for one metric of any size. */
    if (!write_number(writer, name, kind, value))
        g_assert_not_reached();
}

void
vsf_metric_text(VsfMetricWriter *writer, const char *group, const char *key, const char *field,
                const char *text)
{
    char name[NAME_MAX_BYTES + 1];

    if (text == NULL)
        return;
    join_name(name, group, key, field);
    if (vsf_sflow_metric_text(writer->xdr, &writer->metrics, name, text))
        return;
    end_sample(writer);
    begin_sample(writer);
    if (!vsf_sflow_metric_text(writer->xdr, &writer->metrics, name, text))
        g_assert_not_reached();
}

void
vsf_metric_real(VsfMetricWriter *writer, const char *name, double value)
{
    if (value < 0)
        return;
    if (vsf_sflow_metric_double(writer->xdr, &writer->metrics, name, value))
        return;
    end_sample(writer);
    begin_sample(writer);
    if (!vsf_sflow_metric_double(writer->xdr, &writer->metrics, name, value))
        g_assert_not_reached();
}

void
vsf_metric_writer_begin(VsfMetricWriter *writer, VsfXdr *xdr, const char *source,
                        VsfMetricSample sample, gpointer user_data)
{
    *writer = (VsfMetricWriter){
        .xdr = xdr,
        .source = source,
        .sample = sample,
        .user_data = user_data,
    };
    begin_sample(writer);
}

void
vsf_metric_writer_end(VsfMetricWriter *writer)
{
    end_sample(writer);
}
