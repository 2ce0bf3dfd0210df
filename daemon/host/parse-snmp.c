/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/net/snmp: two lines for each group, its columns' names and their values. Kernels insert
 * columns in the middle (InCsumErrors, OutRateLimitGlobal), so only names tell what they are. */
#include "parse.h"
#include "text.h"

static const char *const ip_columns[] = {
    "Forwarding",    "DefaultTTL",      "InReceives",   "InHdrErrors", "InAddrErrors",
    "ForwDatagrams", "InUnknownProtos", "InDiscards",   "InDelivers",  "OutRequests",
    "OutDiscards",   "OutNoRoutes",     "ReasmTimeout", "ReasmReqds",  "ReasmOKs",
    "ReasmFails",    "FragOKs",         "FragFails",    "FragCreates",
};
static const char *const icmp_columns[] = {
    "InMsgs",       "InErrors",       "InDestUnreachs",   "InTimeExcds",  "InParmProbs",
    "InSrcQuenchs", "InRedirects",    "InEchos",          "InEchoReps",   "InTimestamps",
    "InAddrMasks",  "InAddrMaskReps", "OutMsgs",          "OutErrors",    "OutDestUnreachs",
    "OutTimeExcds", "OutParmProbs",   "OutSrcQuenchs",    "OutRedirects", "OutEchos",
    "OutEchoReps",  "OutTimestamps",  "OutTimestampReps", "OutAddrMasks", "OutAddrMaskReps",
};
static const char *const tcp_columns[] = {
    "RtoAlgorithm", "RtoMin",       "RtoMax",      "MaxConn",   "ActiveOpens",
    "PassiveOpens", "AttemptFails", "EstabResets", "CurrEstab", "InSegs",
    "OutSegs",      "RetransSegs",  "InErrs",      "OutRsts",   "InCsumErrors",
};
static const char *const udp_columns[] = {
    "InDatagrams",  "NoPorts",      "InErrors",     "OutDatagrams",
    "RcvbufErrors", "SndbufErrors", "InCsumErrors",
};

typedef struct {
    const char *prefix; /* the first word of both lines */
    const char *const *columns;
    gsize n_columns;
    guint64 *values;
} Group;

static void
take_column(const Group *group, VsfText name, VsfText value)
{
    for (gsize i = 0; i < group->n_columns; i++) {
        if (vsf_text_is(name, group->columns[i]))
            group->values[i] = vsf_text_number(value);
    }
}

void
vsf_host_parse_snmp(const char *text, gsize length, VsfHostMib *mib)
{
    const Group groups[] = {
        {"Ip:", ip_columns, G_N_ELEMENTS(ip_columns), mib->ip},
        {"Icmp:", icmp_columns, G_N_ELEMENTS(icmp_columns), mib->icmp},
        {"Tcp:", tcp_columns, G_N_ELEMENTS(tcp_columns), mib->tcp},
        {"Udp:", udp_columns, G_N_ELEMENTS(udp_columns), mib->udp},
    };
    VsfText rest = {text, length};
    VsfText names, values, prefix, name, value;

    G_STATIC_ASSERT(G_N_ELEMENTS(ip_columns) == G_N_ELEMENTS(((VsfHostMib *)NULL)->ip));
    G_STATIC_ASSERT(G_N_ELEMENTS(icmp_columns) == G_N_ELEMENTS(((VsfHostMib *)NULL)->icmp));
    G_STATIC_ASSERT(G_N_ELEMENTS(tcp_columns) == G_N_ELEMENTS(((VsfHostMib *)NULL)->tcp));
    G_STATIC_ASSERT(G_N_ELEMENTS(udp_columns) == G_N_ELEMENTS(((VsfHostMib *)NULL)->udp));
    while (vsf_text_line(&rest, &names) && vsf_text_line(&rest, &values)) {
        if (!vsf_text_word(&names, &prefix))
            continue;
        for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
            if (!vsf_text_is(prefix, groups[i].prefix) ||
                !vsf_text_begins(values, groups[i].prefix))
                continue;
            vsf_text_word(&values, &value); /* the prefix */
            while (vsf_text_word(&names, &name) && vsf_text_word(&values, &value))
                take_column(&groups[i], name, value);
        }
    }
}
