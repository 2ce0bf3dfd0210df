/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compare.h"

#include "comparison.h"
#include "intake.h"

#include <stdio.h>

#define PROGRAM "virt-sflow compare"
#define DEFAULT_SECONDS 65 /* two intervals of Host sFlow's default, and a little */
#define OUR_SUB_AGENT 200000

typedef struct {
    VsfIntakeOptions intake;
    gint64 sub_agent;
    VsfComparison *comparison;
    guint64 n_malformed;
} Compare;

static gboolean
listen_to(VsfIntake *intake G_GNUC_UNUSED, const uint8_t *data, size_t size, const char *from,
          gint64 time_ns, gpointer user_data)
{
    Compare *compare = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfSamples) samples = vsf_samples_read(data, size, &error);

    if (error == NULL)
        vsf_comparison_add(compare->comparison, samples, time_ns);
    else if (compare->n_malformed++ == 0)
        g_printerr(PROGRAM ": a datagram from %s is malformed and left out, as all such: %s\n",
                   from, error->message);
    return TRUE;
}

static const char *
check_options(const Compare *compare, int argc)
{
    if (argc > 1)
        return "it takes options only";
    if (compare->sub_agent < 0 || compare->sub_agent > G_MAXUINT32)
        return "--sub-agent-id must be from 0 to 4294967295";
    if (compare->intake.seconds == 0)
        return "--seconds must be 1 or more";
    return vsf_intake_check(&compare->intake);
}

static gboolean
parse_options(Compare *compare, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"seconds", 's', 0, G_OPTION_ARG_INT64, &compare->intake.seconds,
         "How long to listen (default 65: two intervals of 30 s)", "N"},
        {"port", 'p', 0, G_OPTION_ARG_INT, &compare->intake.port,
         "UDP port (default 6343; 0: any free one)", "PORT"},
        {"bind", 'b', 0, G_OPTION_ARG_STRING, &compare->intake.bind,
         "Listen on this address only (default: all, IPv4 and IPv6)", "ADDR"},
        {"pcap", 'r', 0, G_OPTION_ARG_FILENAME, &compare->intake.pcap,
         "Read the datagrams to that port from a capture file (- for standard input)", "FILE"},
        {"sub-agent-id", 0, 0, G_OPTION_ARG_INT64, &compare->sub_agent,
         "virt-sflowd's (default 200000); every other one is Host sFlow's", "ID"},
        {0}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    const char *wrong;

    g_set_prgname(PROGRAM);
    g_option_context_set_summary(
        context,
        "Listens to virt-sflowd and to Host sFlow, which both send here, and tells for each "
        "VM\nand field whether their numbers are equal, differ as expected and why, or "
        "differ\nunexpectedly. VMs are matched by UUID.");
    g_option_context_set_description(
        context, "Ends with status 0 if nothing is unexpected, 1 if something is, 2 for a bad "
                 "option, 3 if\nnothing could be compared: it cannot listen, or only one agent was "
                 "heard.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        wrong = error->message;
    else
        wrong = check_options(compare, argc);
    if (wrong != NULL)
        g_printerr(PROGRAM ": %s\nTry '" PROGRAM " --help'.\n", wrong);
    return wrong == NULL;
}

/* What was not heard, and the remedy; NULL: both were. */
static const char *
missing(const VsfTally *tally)
{
    if (!tally->heard_ours && !tally->heard_theirs)
        return "no VM's counters came from either agent; make this host a collector of both, and "
               "listen for two intervals or longer";
    if (!tally->heard_ours)
        return "no VM's counters came from virt-sflowd; make this host a collector of it too (or "
               "name its --sub-agent-id)";
    if (!tally->heard_theirs)
        return "no VM's counters came from another agent than virt-sflowd; make this host a "
               "collector of Host sFlow too";
    return NULL;
}

static int
report(const Compare *compare)
{
    VsfTally tally;
    g_autofree char *text = vsf_comparison_text(compare->comparison, &tally);
    const char *lacks = missing(&tally);

    if (lacks != NULL) {
        g_printerr(PROGRAM ": %s\n", lacks);
        return 3;
    }
    printf("%s", text);
    if (fflush(stdout) == EOF)
        return 3;
    return tally.n[VSF_VERDICT_UNEXPECTED] > 0 ? 1 : 0;
}

int
vsf_cli_compare(int argc, char **argv)
{
    Compare compare = {
        .intake = {.program = PROGRAM, .port = VSF_INTAKE_PORT, .seconds = DEFAULT_SECONDS},
        .sub_agent = OUR_SUB_AGENT};
    int status = 2;

    if (parse_options(&compare, argc, argv)) {
        if (compare.intake.pcap != NULL)
            compare.intake.seconds = 0; /* the file has an end of its own */
        compare.comparison = vsf_comparison_new((guint32)compare.sub_agent);
        status = vsf_intake_run(&compare.intake, listen_to, &compare) == 0 ? report(&compare) : 3;
    }
    vsf_comparison_free(compare.comparison);
    g_free(compare.intake.bind);
    g_free(compare.intake.pcap);
    return status;
}
