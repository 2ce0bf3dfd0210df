/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For encode-all: one custom-metrics sample with every type, every padding, the
 * longest and the empty texts, and the unknown values; and what it holds. */
#pragma once

#include "../../daemon/sflow/metrics.h"
#include "json-text.h"

#include <math.h>

static void
metric_json(GString *json, const char *name, int type)
{
    comma(json);
    g_string_append(json, "{");
    text(json, "name", name);
    plain(json, "type", (uint64_t)type);
}

static void
put_metric_text(VsfXdr *xdr, VsfSflowMetrics *metrics, GString *json, const char *name,
                const char *value)
{
    g_assert_true(vsf_sflow_metric_text(xdr, metrics, name, value));
    metric_json(json, name, 0);
    text(json, "value", value);
    g_string_append(json, "}");
}

static void
put_metric_integers(VsfXdr *xdr, VsfSflowMetrics *metrics, GString *json, uint64_t value)
{
    static const char *const names[] = {"c", "g4", "g32"};

    g_assert_true(vsf_sflow_metric_counter64(xdr, metrics, names[0], value));
    metric_json(json, names[0], 2);
    u64(json, "value", value);
    g_string_append(json, "}");
    g_assert_true(vsf_sflow_metric_gauge64(xdr, metrics, names[1], value));
    metric_json(json, names[1], 4);
    u64(json, "value", value);
    g_string_append(json, "}");
    g_assert_true(vsf_sflow_metric_gauge32(xdr, metrics, names[2], (uint32_t)value));
    metric_json(json, names[2], 3);
    u32(json, "value", (uint32_t)value);
    g_string_append(json, "}");
}

/* @shown: the value as JSON. */
static void
put_metric_double(VsfXdr *xdr, VsfSflowMetrics *metrics, GString *json, double value,
                  const char *shown)
{
    g_assert_true(vsf_sflow_metric_double(xdr, metrics, "load", value));
    metric_json(json, "load", 6);
    g_string_append_printf(json, ", \"value\": %s}", shown);
}

/* All but the closing "]}" of the sample's JSON. */
static void
encode_metrics(VsfXdr *xdr, GString *json, const char *source)
{
    g_autofree char *longest = g_strnfill(254, 'x');
    g_autofree char *longest_name = g_strnfill(63, 'n');
    VsfSflowMetrics metrics = vsf_sflow_metrics_begin(xdr, source);

    comma(json);
    g_string_append(json, "{");
    text(json, "format", "4300:1002");
    text(json, "name", source);
    key(json, "metrics");
    g_string_append(json, "[");
    for (int length = 0; length <= 5; length++)
        put_metric_text(xdr, &metrics, json, "t", longest + 254 - length);
    put_metric_text(xdr, &metrics, json, longest_name, longest);
    put_metric_text(xdr, &metrics, json, "os", "Gr\xc3\xbc\xc3\x9f Gott \xf0\x9f\x90\xa7");
    put_metric_integers(xdr, &metrics, json, 0);
    put_metric_integers(xdr, &metrics, json, G_GUINT64_CONSTANT(0x0102030405060708));
    put_metric_integers(xdr, &metrics, json, UINT64_MAX - 1);
    put_metric_integers(xdr, &metrics, json, UINT64_MAX);
    put_metric_double(xdr, &metrics, json, 0.0, "0.0");
    put_metric_double(xdr, &metrics, json, 1234.0625, "1234.0625");
    put_metric_double(xdr, &metrics, json, -1.0, "null");
    put_metric_double(xdr, &metrics, json, HUGE_VAL, "null");
    g_assert_true(vsf_sflow_metrics_end(xdr, &metrics));
}
