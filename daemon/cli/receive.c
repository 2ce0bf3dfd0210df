/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options and output of `virt-sflow receive`. Where datagrams come from is intake's, what one
 * says sflow/decode's, and each format has a file of its own. */
#include "receive.h"

#include "../../include/json-text.h"
#include "../sflow/text-sink.h"
#include "intake.h"
#include "json-sink.h"
#include "lines.h"
#include "rows.h"

#include <string.h>

#define PROGRAM "virt-sflow receive"

typedef enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_GRAPHITE, FORMAT_INFLUX, FORMAT_TABLE } Format;
static const char *const format_names[] = {"text", "json", "graphite", "influx", "table", NULL};

typedef struct {
    VsfIntakeOptions intake;
    gboolean json;
    char *format_name;
    Format format;
    GStrv vms;    /* patterns, or NULL: everything */
    gint64 count; /* 0: no end */
    gint64 n_datagrams;
    guint64 n_malformed; /* of those that make no output */
    gboolean titled;
    VsfVmBook *book;
    VsfRows *rows;
} Receive;

/* Malformed datagrams are shown by the formats that show datagrams; of the others it is told. */
static void
tell_malformed(Receive *receive, const char *from, const char *why)
{
    if (receive->n_malformed++ == 0)
        g_printerr(PROGRAM ": a datagram from %s is malformed and left out, as all such: %s\n",
                   from, why);
}

static void
add_lines(Receive *receive, GString *to, const VsfSamples *samples, const VsfSample *sample,
          gint64 time_ns)
{
    switch (receive->format) {
    case FORMAT_GRAPHITE:
        vsf_lines_graphite(to, receive->book, samples, sample, time_ns);
        break;
    case FORMAT_INFLUX:
        vsf_lines_influx(to, receive->book, samples, sample, time_ns);
        break;
    case FORMAT_TABLE:
        vsf_rows_add(receive->rows, to, samples, sample, time_ns);
        break;
    case FORMAT_TEXT:
    case FORMAT_JSON:
        break;
    }
}

/* Appends the datagram, or those of its samples that are wanted, as text or JSON. */
static void
add_datagram(const Receive *receive, GString *to, const uint8_t *data, size_t size,
             const char *from, gint64 time_ns)
{
    if (receive->format == FORMAT_JSON) {
        g_autoptr(JsonNode) node = vsf_json_sink_datagram(data, size, from, time_ns);
        g_autofree char *made = json_to_string(node, FALSE), *line = vsf_json_printable(made);

        g_string_append_printf(to, "%s\n", line);
    } else {
        g_autofree char *text = vsf_sflow_text(data, size, from);

        g_string_append(to, text);
    }
}

/* *@keep: one for each sample. TRUE: there is something to show. */
static gboolean
choose(Receive *receive, const VsfSamples *samples, GArray *keep)
{
    gboolean any = FALSE;

    for (guint i = 0; i < samples->samples->len; i++) {
        const VsfSample *sample = g_ptr_array_index(samples->samples, i);
        gboolean wanted;

        vsf_vm_book_learn(receive->book, samples, sample);
        wanted = receive->vms == NULL || vsf_vm_book_matches(receive->book, samples, sample,
                                                             (const char *const *)receive->vms);
        g_array_append_val(keep, wanted);
        any |= wanted;
    }
    return any;
}

static gboolean
shows_datagrams(const Receive *receive)
{
    return receive->format == FORMAT_TEXT || receive->format == FORMAT_JSON;
}

/* What is to be printed of the datagram; may be nothing. */
static void
render(Receive *receive, GString *to, const uint8_t *data, size_t size, const char *from,
       gint64 time_ns)
{
    g_autoptr(GArray) keep = g_array_new(FALSE, FALSE, sizeof(gboolean));
    g_autoptr(VsfSamples) samples = NULL;
    g_autoptr(GError) error = NULL;

    if (shows_datagrams(receive) && receive->vms == NULL) {
        add_datagram(receive, to, data, size, from, time_ns);
        return;
    }
    samples = vsf_samples_read(data, size, &error);
    if (error != NULL) {
        tell_malformed(receive, from, error->message);
        return;
    }
    if (!choose(receive, samples, keep))
        return;
    if (shows_datagrams(receive)) {
        size_t kept_size;
        g_autofree uint8_t *kept = vsf_samples_cut(data, size, (const gboolean *)(void *)keep->data,
                                                   &kept_size);

        add_datagram(receive, to, kept, kept_size, from, time_ns);
        return;
    }
    for (guint i = 0; i < keep->len; i++)
        if (g_array_index(keep, gboolean, i))
            add_lines(receive, to, samples, g_ptr_array_index(samples->samples, i), time_ns);
}

/* FALSE: it is to end. */
static gboolean
show(VsfIntake *intake, const uint8_t *data, size_t size, const char *from, gint64 time_ns,
     gpointer user_data)
{
    Receive *receive = user_data;
    g_autoptr(GString) text = g_string_new(NULL);

    render(receive, text, data, size, from, time_ns);
    receive->n_datagrams++;
    if (receive->format == FORMAT_TABLE && text->len > 0 && !receive->titled) {
        g_string_prepend(text, vsf_rows_title());
        receive->titled = TRUE;
    }
    return vsf_intake_print(intake, text->str, text->len) &&
           (receive->count == 0 || receive->n_datagrams < receive->count);
}

static gboolean
find_format(Receive *receive)
{
    receive->format = receive->json ? FORMAT_JSON : FORMAT_TEXT;
    for (guint i = 0; receive->format_name != NULL; i++) {
        if (format_names[i] == NULL)
            return FALSE;
        if (strcmp(format_names[i], receive->format_name) == 0) {
            receive->format = (Format)i;
            break;
        }
    }
    return !receive->json || receive->format == FORMAT_JSON;
}

/* What is wrong with the options, or NULL. */
static const char *
check_options(Receive *receive, int argc)
{
    if (argc > 1)
        return "it takes options only";
    if (receive->count < 0)
        return "--count must not be negative";
    if (!find_format(receive))
        return receive->json ? "--json is --format json and goes with no other"
                             : "--format must be text, json, graphite, influx or table";
    return vsf_intake_check(&receive->intake);
}

static gboolean
parse_options(Receive *receive, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"port", 'p', 0, G_OPTION_ARG_INT, &receive->intake.port,
         "UDP port (default 6343; 0: any free one)", "PORT"},
        {"bind", 'b', 0, G_OPTION_ARG_STRING, &receive->intake.bind,
         "Listen on this address only (default: all, IPv4 and IPv6)", "ADDR"},
        {"format", 'f', 0, G_OPTION_ARG_STRING, &receive->format_name,
         "text (default), json, graphite, influx or table", "FORMAT"},
        {"json", 'j', 0, G_OPTION_ARG_NONE, &receive->json,
         "The same as --format json: each datagram as one JSON object on one line", NULL},
        {"vm", 0, 0, G_OPTION_ARG_STRING_ARRAY, &receive->vms,
         "Only what is of a VM whose name or UUID matches (* and ?); may come again", "PATTERN"},
        {"count", 'n', 0, G_OPTION_ARG_INT64, &receive->count, "End after N datagrams", "N"},
        {"seconds", 's', 0, G_OPTION_ARG_INT64, &receive->intake.seconds, "End after N seconds",
         "N"},
        {"pcap", 'r', 0, G_OPTION_ARG_FILENAME, &receive->intake.pcap,
         "Read the datagrams to that port from a capture file (- for standard input)", "FILE"},
        {0}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    const char *wrong;

    g_set_prgname(PROGRAM);
    g_option_context_set_summary(context, "Receives sFlow v5 and shows what is in it: decodes what "
                                          "virt-sflow sends, skips the\nrest by its length.");
    g_option_context_set_description(
        context, "Ends with status 0 after --count, --seconds, the end of the file, SIGINT or "
                 "SIGTERM;\nwith 1 if it cannot listen, read or write; with 2 for a bad option.\n"
                 "In text and table ? is a value that the sender does not know (null in JSON, left "
                 "out\nin the lines for Graphite and InfluxDB).");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        wrong = error->message;
    else
        wrong = check_options(receive, argc);
    if (wrong != NULL)
        g_printerr(PROGRAM ": %s\nTry '" PROGRAM " --help'.\n", wrong);
    return wrong == NULL;
}

int
vsf_cli_receive(int argc, char **argv)
{
    Receive receive = {.intake = {.program = PROGRAM, .port = VSF_INTAKE_PORT}};
    int status = 2;

    receive.book = vsf_vm_book_new();
    receive.rows = vsf_rows_new();
    if (parse_options(&receive, argc, argv))
        status = vsf_intake_run(&receive.intake, show, &receive);
    if (receive.n_malformed > 1)
        g_printerr(PROGRAM ": %" G_GUINT64_FORMAT " datagrams were malformed\n",
                   receive.n_malformed);
    vsf_vm_book_free(receive.book);
    vsf_rows_free(receive.rows);
    g_strfreev(receive.vms);
    g_free(receive.format_name);
    g_free(receive.intake.bind);
    g_free(receive.intake.pcap);
    return status;
}
