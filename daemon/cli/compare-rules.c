/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compare-rules.h"

#include <string.h>

#define HSFLOWD_INDEX_MAX 149999

#define TOO_LITTLE "heard only once from one of them; listen for two intervals or longer"
#define ONLY_OURS "Host sFlow sends no such field"
#define ONLY_THEIRS "virt-sflow sends no such field"
#define NOT_KNOWN "virt-sflow does not know it; virt-sflow status tells what it lacks"
#define ANOTHER_BEGINNING "it grows alike; the counts began at different moments"

/* Values of a field: of each agent's first and last sample, NULL where there is none. */
typedef struct {
    const VsfHeard *ours, *theirs;
    const VsfValue *our_first, *our_last, *their_first, *their_last;
} Pair;

typedef struct Rule Rule;

/* Of a gauge whose values are known and differ, and of a counter whose growth is known: why that
 * was expected; "" where they are equal after all; NULL where it is unexpected. */
typedef const char *(*ExcuseFunc)(const Rule *rule, const Pair *pair);

struct Rule {
    const char *field;
    const char *record, *name;
    gboolean is_counter;
    guint64 mask;        /* of a counter: where it wraps */
    double slack;        /* of a counter: what it may differ by in a second */
    const char *unknown; /* why virt-sflow may well not know it; NULL: it should */
    const char *excuse;  /* why any difference is expected, or NULL */
    ExcuseFunc find_excuse;
};

static gboolean
is_number(const VsfValue *value)
{
    return value != NULL && (value->kind == VSF_VALUE_INTEGER || value->kind == VSF_VALUE_REAL);
}

static double
number(const VsfValue *value)
{
    return value->kind == VSF_VALUE_REAL ? value->real : (double)value->integer;
}

static gboolean
are_equal(const VsfValue *one, const VsfValue *other)
{
    if (one == NULL || other == NULL || one->kind != other->kind)
        return FALSE;
    switch (one->kind) {
    case VSF_VALUE_INTEGER:
        return one->integer == other->integer;
    case VSF_VALUE_REAL:
        return one->real == other->real;
    case VSF_VALUE_TEXT:
        return strcmp(one->text, other->text) == 0;
    case VSF_VALUE_UNKNOWN:
        return TRUE;
    }
    g_assert_not_reached();
}

/* ---- counters ---- */

/* In a second; FALSE: it cannot be said. */
static gboolean
growth(const Rule *rule, const VsfHeard *heard, const VsfValue *first, const VsfValue *last,
       double *per_second)
{
    double seconds = (double)(heard->last_ns - heard->first_ns) / 1e9;

    if (first == NULL || last == NULL || first->kind != VSF_VALUE_INTEGER ||
        last->kind != VSF_VALUE_INTEGER || seconds <= 0)
        return FALSE;
    *per_second = (double)((last->integer - first->integer) & rule->mask) / seconds;
    return TRUE;
}

/* The agents look at different moments, and traffic comes in bursts: by half at most. */
static gboolean
are_alike(const Rule *rule, double one, double other)
{
    return ABS(one - other) <= rule->slack + MAX(one, other) / 2;
}

/* Whether the counts themselves are the same but for the time between the two looks. */
static gboolean
are_close(const Rule *rule, const Pair *pair, double per_second)
{
    double seconds = ABS((double)(pair->ours->last_ns - pair->theirs->last_ns)) / 1e9;
    double apart = ABS(number(pair->our_last) - number(pair->their_last));

    return apart <= (per_second * 2 + rule->slack) * (seconds + 1);
}

/* Counts that should be one and the same: NULL unexpected, "" equal. */
static const char *
plain_excuse(const Rule *rule, const Pair *pair, double ours, double theirs)
{
    if (!are_alike(rule, ours, theirs))
        return NULL;
    return are_close(rule, pair, MAX(ours, theirs)) ? "" : ANOTHER_BEGINNING;
}

static VsfVerdict
judge_counter(const Rule *rule, const Pair *pair, const char **why)
{
    double ours = 0, theirs = 0;

    *why = TOO_LITTLE;
    if (!growth(rule, pair->ours, pair->our_first, pair->our_last, &ours) ||
        !growth(rule, pair->theirs, pair->their_first, pair->their_last, &theirs))
        return VSF_VERDICT_NOT_COMPARED;
    *why = rule->find_excuse != NULL ? rule->find_excuse(rule, pair)
                                     : plain_excuse(rule, pair, ours, theirs);
    if (*why == NULL) {
        *why = "it grows differently";
        return VSF_VERDICT_UNEXPECTED;
    }
    return **why == '\0' ? VSF_VERDICT_EQUAL : VSF_VERDICT_EXPECTED;
}

/* ---- excuses ---- */

static const char *
state_excuse(const Rule *rule G_GNUC_UNUSED, const Pair *pair)
{
    if (number(pair->their_last) == 7 && number(pair->our_last) == 3)
        return "suspended by its guest's power management: sFlow's list of states ends before "
               "libvirt's number for that";
    if (!are_equal(pair->our_first, pair->our_last) ||
        !are_equal(pair->their_first, pair->their_last))
        return "it changed meanwhile";
    return NULL;
}

static const char *
changed_excuse(const Rule *rule G_GNUC_UNUSED, const Pair *pair)
{
    if (!are_equal(pair->our_first, pair->our_last) ||
        !are_equal(pair->their_first, pair->their_last))
        return "it changed meanwhile";
    return NULL;
}

static const char *
memory_excuse(const Rule *rule G_GNUC_UNUSED, const Pair *pair)
{
    if (number(pair->our_last) < number(pair->their_last))
        return "memory in use inside the guest; Host sFlow sends the balloon's size (virt-memory = "
               "balloon does too)";
    return changed_excuse(rule, pair);
}

static const char *
max_memory_excuse(const Rule *rule G_GNUC_UNUSED, const Pair *pair)
{
    if (number(pair->our_last) < number(pair->their_last))
        return "what the guest has now, by its balloon; Host sFlow sends what it may have at most";
    return changed_excuse(rule, pair);
}

static const char *
capacity_excuse(const Rule *rule G_GNUC_UNUSED, const Pair *pair)
{
    if (number(pair->their_last) < number(pair->our_last))
        return "all writable disks; Host sFlow counts those in files only";
    return changed_excuse(rule, pair);
}

static guint64
their_capacity(const Pair *pair)
{
    guint64 capacity = 0;

    vsf_sample_integer(pair->theirs->last, "virt_disk_io", "capacity", &capacity);
    return capacity;
}

/* "": equal. */
static const char *
block_excuse(const Rule *rule, const Pair *pair)
{
    double ours = 0, theirs = 0;
    gboolean alike = growth(rule, pair->ours, pair->our_first, pair->our_last, &ours) &&
                     growth(rule, pair->theirs, pair->their_first, pair->their_last, &theirs) &&
                     are_alike(rule, ours, theirs);
    guint64 our_capacity = 0;

    if (alike && are_close(rule, pair, MAX(ours, theirs)))
        return "";
    vsf_sample_integer(pair->ours->last, "virt_disk_io", "capacity", &our_capacity);
    if (their_capacity(pair) < our_capacity && theirs <= ours + rule->slack)
        return "all disks; Host sFlow counts those in files only";
    if (alike && rule->mask == G_MAXUINT32 &&
        ((pair->our_last->integer ^ pair->their_last->integer) & 0x80000000u) != 0)
        return "it grows alike; Host sFlow loses the count's upper bit";
    return alike ? ANOTHER_BEGINNING : NULL;
}

/* The field that counts the other direction. */
static const VsfValue *
opposite(const Rule *rule, const VsfSample *sample)
{
    g_autofree char *name = g_strdup(rule->name);
    char *end = strrchr(name, '_');
    g_autofree char *other = NULL;

    *end = '\0';
    other = g_strconcat(name, strcmp(rule->name + strlen(name), "_in") == 0 ? "_out" : "_in", NULL);
    return vsf_sample_value(sample, rule->record, other);
}

/* Which of Host sFlow's two directions ours is like; both counts begin when they are first seen. */
static const char *
net_excuse(const Rule *rule, const Pair *pair)
{
    double ours = 0, straight = 0, swapped = 0;
    gboolean is_straight, is_swapped;

    if (!growth(rule, pair->ours, pair->our_first, pair->our_last, &ours) ||
        !growth(rule, pair->theirs, pair->their_first, pair->their_last, &straight) ||
        !growth(rule, pair->theirs, opposite(rule, pair->theirs->first),
                opposite(rule, pair->theirs->last), &swapped))
        return NULL;
    /* Where it is like both, the much nearer one. */
    is_straight = are_alike(rule, ours, straight) &&
                  ABS(ours - straight) <= 2 * ABS(ours - swapped) + rule->slack;
    is_swapped = are_alike(rule, ours, swapped) &&
                 ABS(ours - swapped) <= 2 * ABS(ours - straight) + rule->slack;
    if (is_straight && is_swapped)
        return are_equal(pair->our_last, pair->their_last)
                   ? ""
                   : "both directions grow alike, or hardly; Host sFlow counts from the moment "
                     "when it saw the tap first";
    if (is_swapped)
        return "in is what the guest received; Host sFlow's in is what it sent (virt-net-direction "
               "= host does too)";
    return is_straight ? "" : NULL;
}

/* ---- the table ---- */

#define GAUGE(record_, name_, ...)                                                    \
    {                                                                                 \
        .field = #record_ "." #name_, .record = #record_, .name = #name_, __VA_ARGS__ \
    }
#define COUNTER(record_, name_, mask_, slack_, ...) \
    GAUGE(record_, name_, .is_counter = TRUE, .mask = (mask_), .slack = (slack_), __VA_ARGS__)
#define NET(name_, mask_, slack_) \
    COUNTER(virt_net_io, name_, mask_, slack_, .find_excuse = net_excuse, .unknown = NO_TAP)
#define NO_TAP                                                                                  \
    "a NIC has no tap that virt-sflow reads; less than all would be a lie, which is what Host " \
    "sFlow "                                                                                    \
    "sends"
#define FROM_GUEST "of the guest, or of the VM's definition; Host sFlow sends nothing for a VM"

static const Rule rules[] = {
    GAUGE(host_descr, hostname,
          .excuse = "the name by vm-name, of characters that all collectors bear; Host sFlow sends "
                    "the domain's (vm-name = domain does too)"),
    GAUGE(host_descr, machine_type, .excuse = FROM_GUEST),
    GAUGE(host_descr, os_name, .excuse = FROM_GUEST),
    GAUGE(host_descr, os_release, .excuse = FROM_GUEST),
    GAUGE(host_parent, class),
    GAUGE(host_parent, index),
    GAUGE(virt_cpu, state, .find_excuse = state_excuse),
    COUNTER(virt_cpu, cpuTime, G_MAXUINT32, 50),
    GAUGE(virt_cpu, nrVirtCpu, .find_excuse = changed_excuse),
    GAUGE(virt_memory, memory, .find_excuse = memory_excuse,
          .unknown = "neither balloon nor agent told it lately; virt-sflow agents says why"),
    GAUGE(virt_memory, maxMemory, .find_excuse = max_memory_excuse),
    GAUGE(virt_disk_io, capacity, .find_excuse = capacity_excuse),
    GAUGE(virt_disk_io, allocation,
          .excuse = "what the disks take on the host; Host sFlow sends libvirt's mark of how far "
                    "they were written",
          .unknown = "a network disk does not tell what it takes"),
    GAUGE(
        virt_disk_io, available,
        .excuse = "what the guest's filesystems have free, by its agent, or capacity less "
                  "allocation",
        .unknown = "no agent told it lately, and not every disk is a file; virt-sflow agents says "
                   "why"),
    COUNTER(virt_disk_io, rd_req, G_MAXUINT32, 10, .find_excuse = block_excuse),
    COUNTER(virt_disk_io, rd_bytes, G_MAXUINT64, 65536, .find_excuse = block_excuse),
    COUNTER(virt_disk_io, wr_req, G_MAXUINT32, 10, .find_excuse = block_excuse),
    COUNTER(virt_disk_io, wr_bytes, G_MAXUINT64, 65536, .find_excuse = block_excuse),
    GAUGE(virt_disk_io, errs, .unknown = "QEMU's disks have no such count in libvirt"),
    NET(bytes_in, G_MAXUINT64, 500),
    NET(pkts_in, G_MAXUINT32, 5),
    NET(errs_in, G_MAXUINT32, 1),
    NET(drops_in, G_MAXUINT32, 1),
    NET(bytes_out, G_MAXUINT64, 500),
    NET(pkts_out, G_MAXUINT32, 5),
    NET(errs_out, G_MAXUINT32, 1),
    NET(drops_out, G_MAXUINT32, 1),
};

/* ---- findings ---- */

static char *
shown(const VsfValue *value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];

    if (value == NULL)
        return g_strdup("-");
    switch (value->kind) {
    case VSF_VALUE_INTEGER:
        return g_strdup_printf("%" G_GUINT64_FORMAT, value->integer);
    case VSF_VALUE_REAL:
        return g_strdup(g_ascii_dtostr(digits, sizeof(digits), value->real));
    case VSF_VALUE_TEXT:
        return g_strdup(*value->text != '\0' ? value->text : "\"\"");
    case VSF_VALUE_UNKNOWN:
        return g_strdup("?");
    }
    g_assert_not_reached();
}

static void
finding_free(gpointer data)
{
    VsfFinding *finding = data;

    g_free(finding->ours);
    g_free(finding->theirs);
    g_free(finding);
}

/* Takes @ours and @theirs. */
static void
add_finding(GPtrArray *findings, const char *field, VsfVerdict verdict, char *ours, char *theirs,
            const char *why)
{
    VsfFinding *finding = g_new0(VsfFinding, 1);

    *finding = (VsfFinding){field, verdict, ours, theirs, verdict == VSF_VERDICT_EQUAL ? "" : why};
    g_ptr_array_add(findings, finding);
}

static VsfVerdict
judge_gauge(const Rule *rule, const Pair *pair, const char **why)
{
    *why = "";
    /* It may have changed between the two looks. */
    if (are_equal(pair->our_last, pair->their_last) ||
        are_equal(pair->our_first, pair->their_last) ||
        are_equal(pair->our_last, pair->their_first))
        return VSF_VERDICT_EQUAL;
    *why = rule->excuse;
    if (*why == NULL && rule->find_excuse != NULL && is_number(pair->our_last) &&
        is_number(pair->their_last))
        *why = rule->find_excuse(rule, pair);
    if (*why != NULL)
        return VSF_VERDICT_EXPECTED;
    *why = "they should be equal";
    return VSF_VERDICT_UNEXPECTED;
}

static VsfVerdict
judge(const Rule *rule, const Pair *pair, const char **why)
{
    *why = ONLY_OURS;
    if (pair->their_last == NULL)
        return VSF_VERDICT_UNEXPECTED;
    *why = ONLY_THEIRS;
    if (pair->our_last == NULL)
        return VSF_VERDICT_UNEXPECTED;
    if (pair->our_last->kind == VSF_VALUE_UNKNOWN && pair->their_last->kind != VSF_VALUE_UNKNOWN) {
        *why = rule->unknown != NULL ? rule->unknown : NOT_KNOWN;
        return rule->unknown != NULL ? VSF_VERDICT_EXPECTED : VSF_VERDICT_UNEXPECTED;
    }
    if (rule->is_counter && is_number(pair->our_last) && is_number(pair->their_last))
        return judge_counter(rule, pair, why);
    return judge_gauge(rule, pair, why);
}

static void
compare_field(GPtrArray *findings, const Rule *rule, const VsfHeard *ours, const VsfHeard *theirs)
{
    Pair pair = {
        .ours = ours,
        .theirs = theirs,
        .our_first = vsf_sample_value(ours->first, rule->record, rule->name),
        .our_last = vsf_sample_value(ours->last, rule->record, rule->name),
        .their_first = vsf_sample_value(theirs->first, rule->record, rule->name),
        .their_last = vsf_sample_value(theirs->last, rule->record, rule->name),
    };
    const char *why = "";
    VsfVerdict verdict;

    if (pair.our_last == NULL && pair.their_last == NULL)
        return;
    verdict = judge(rule, &pair, &why);
    add_finding(findings, rule->field, verdict, shown(pair.our_last), shown(pair.their_last), why);
}

static void
compare_source(GPtrArray *findings, const VsfSample *ours, const VsfSample *theirs)
{
    VsfVerdict verdict = VSF_VERDICT_EQUAL;
    const char *why = "";

    if (ours->source_index != theirs->source_index) {
        gboolean own = ours->source_index > HSFLOWD_INDEX_MAX;

        verdict = own ? VSF_VERDICT_EXPECTED : VSF_VERDICT_UNEXPECTED;
        why = own ? "the index by vm-index = own; Host sFlow's is the one by vm-index = hsflowd"
                  : "both from Host sFlow's formula; another VM may have had the number before";
    }
    add_finding(findings, "source", verdict, g_strdup(ours->source), g_strdup(theirs->source), why);
}

static char *
ifindexes_text(const VsfSample *sample)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < sample->ifindexes->len; i++)
        g_string_append_printf(text, "%s%u", i > 0 ? "," : "",
                               g_array_index(sample->ifindexes, guint32, i));
    return g_string_free(text, FALSE);
}

static void
compare_adapters(GPtrArray *findings, const VsfSample *ours, const VsfSample *theirs)
{
    g_autofree char *our_indexes = ifindexes_text(ours), *their_indexes = ifindexes_text(theirs);
    gboolean same_macs = g_strcmp0(ours->macs, theirs->macs) == 0;
    gboolean fewer = ours->ifindexes->len > theirs->ifindexes->len;
    gboolean same = strcmp(our_indexes, their_indexes) == 0;
    gboolean zeros = strspn(their_indexes, "0,") == strlen(their_indexes);

    add_finding(findings, "host_adapters.macs",
                same_macs ? VSF_VERDICT_EQUAL
                : fewer   ? VSF_VERDICT_EXPECTED
                          : VSF_VERDICT_UNEXPECTED,
                g_strdup(ours->macs != NULL ? ours->macs : "-"),
                g_strdup(theirs->macs != NULL ? theirs->macs : "-"),
                fewer ? "every NIC; Host sFlow lists none without an interface on the host"
                      : "they should be equal");
    add_finding(
        findings, "host_adapters.ifIndex",
        same                          ? VSF_VERDICT_EQUAL
        : zeros || fewer || same_macs ? VSF_VERDICT_EXPECTED
                                      : VSF_VERDICT_UNEXPECTED,
        g_steal_pointer(&our_indexes), g_steal_pointer(&their_indexes),
        "the taps'; Host sFlow looks for the guest's MAC on the host, and sends 0 for most");
}

GPtrArray *
vsf_compare(const VsfHeard *ours, const VsfHeard *theirs)
{
    GPtrArray *findings = g_ptr_array_new_with_free_func(finding_free);

    compare_source(findings, ours->last, theirs->last);
    compare_adapters(findings, ours->last, theirs->last);
    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++)
        compare_field(findings, &rules[i], ours, theirs);
    return findings;
}
