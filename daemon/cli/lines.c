/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lines.h"

#include <string.h>

#define PART_MAX 63 /* bytes of a part of a path */

/* What a sample is of, for both formats. */
typedef struct {
    const char *kind; /* "host", "vm", "interface", "source"; NULL: makes no lines */
    const char *name; /* or NULL; not owned */
    const char *uuid; /* of a VM, or NULL; not owned */
} Subject;

/* Names and kinds of machines describe; they are no series. */
static gboolean
is_series(const VsfValue *value)
{
    return strcmp(value->record, "host_descr") != 0 && strcmp(value->record, "host_parent") != 0 &&
           strcmp(value->record, "host_adapters") != 0 && strcmp(value->record, "port_name") != 0 &&
           strchr(value->record, ':') == NULL; /* a record that is not known: only a length */
}

static Subject
subject_of(const VsfVmBook *book, const VsfSamples *samples, const VsfSample *sample)
{
    const VsfVm *vm = vsf_vm_book_find(book, samples, sample);
    const VsfValue *port;

    if (samples->agent == NULL || sample->source == NULL)
        return (Subject){0};
    if (sample->kind == VSF_SAMPLE_METRICS)
        return vm != NULL ? (Subject){"vm", vm->name, vm->uuid}
                          : (Subject){"source", sample->source, NULL};
    if (sample->kind != VSF_SAMPLE_COUNTERS)
        return (Subject){0};
    switch (sample->source_class) {
    case 0:
        port = vsf_sample_value(sample, "port_name", "name");
        return (Subject){"interface", port != NULL ? port->text : NULL, NULL};
    case 2:
        return (Subject){"host", sample->hostname, NULL};
    case 3:
        return (Subject){"vm", sample->hostname, sample->uuid};
    default:
        return (Subject){0};
    }
}

/* The shortest of the usual forms that reads as the same number. */
static void
append_real(GString *to, double value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd(digits, sizeof(digits), "%.15g", value);
    if (g_ascii_strtod(digits, NULL) != value)
        g_ascii_dtostr(digits, sizeof(digits), value);
    g_string_append(to, digits);
}

/* ---- Graphite ---- */

static gboolean
is_plain(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '-';
}

/* The first 8 hex digits of the UUID, or of a hash that is the same in every run. */
static void
append_mark(GString *to, const char *text, const char *uuid)
{
    guint32 hash = 0x811c9dc5u; /* 32-bit FNV-1a */

    if (uuid != NULL) {
        g_string_append_printf(to, "-%.8s", uuid);
        return;
    }
    for (; *text != '\0'; text++)
        hash = (hash ^ (guint8)*text) * 0x01000193u;
    g_string_append_printf(to, "-%08x", hash);
}

/* Two names that differ stay apart, also where they differ in what a path cannot hold; so do two
 * VMs of one name, which @is_shared then. */
static void
append_name(GString *to, const char *text, const char *uuid, gboolean is_shared)
{
    gsize length = strlen(text);
    gboolean fits = length > 0 && length <= PART_MAX && !is_shared;

    for (gsize i = 0; i < length && fits; i++)
        fits = is_plain(text[i]);
    if (fits) {
        g_string_append(to, text);
        return;
    }
    for (gsize i = 0; i < MIN(length, PART_MAX - 9); i++)
        g_string_append_c(to, is_plain(text[i]) ? text[i] : '_');
    append_mark(to, text, uuid);
}

static void
append_part(GString *to, const char *text)
{
    append_name(to, text, NULL, FALSE);
}

static char *
graphite_path(const Subject *subject, const VsfVmBook *book, const VsfSamples *samples,
              const VsfSample *sample)
{
    GString *path = g_string_new("virt-sflow.");
    g_autofree char *agent = g_strdelimit(g_strdup(samples->agent), ".:", '_');
    const char *name = subject->name != NULL   ? subject->name
                       : subject->uuid != NULL ? subject->uuid
                                               : sample->source;

    g_string_append_printf(path, "%s-%u.%s.", agent, samples->sub_agent_id, subject->kind);
    if (strcmp(subject->kind, "host") != 0) {
        append_name(path, name, subject->uuid,
                    subject->uuid != NULL && vsf_vm_book_shares_name(book, samples, name));
        g_string_append_c(path, '.');
    }
    return g_string_free(path, FALSE);
}

void
vsf_lines_graphite(GString *to, const VsfVmBook *book, const VsfSamples *samples,
                   const VsfSample *sample, gint64 time_ns)
{
    Subject subject = subject_of(book, samples, sample);
    g_autofree char *path = NULL;

    if (subject.kind == NULL)
        return;
    path = graphite_path(&subject, book, samples, sample);
    for (guint i = 0; i < sample->values->len; i++) {
        const VsfValue *value = g_ptr_array_index(sample->values, i);

        if ((value->kind != VSF_VALUE_INTEGER && value->kind != VSF_VALUE_REAL) ||
            !is_series(value))
            continue;
        g_string_append(to, path);
        append_part(to, value->record);
        g_string_append_c(to, '.');
        append_part(to, value->name);
        g_string_append_c(to, ' ');
        if (value->kind == VSF_VALUE_INTEGER)
            g_string_append_printf(to, "%" G_GUINT64_FORMAT, value->integer);
        else
            append_real(to, value->real);
        g_string_append_printf(to, " %" G_GINT64_FORMAT "\n", time_ns / 1000000000);
    }
}

/* ---- InfluxDB ---- */

/* A tag's value or a field's name. The protocol has no way to write a line's end there, takes a
 * backslash before the next comma for one that escapes it, and its readers differ in what they
 * make of quotes there: all become _. */
static void
append_key(GString *to, const char *text)
{
    for (; *text != '\0'; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if (c == ' ' || c == ',' || c == '=')
            g_string_append_printf(to, "\\%c", (char)c);
        else if (c == '\\' || c == '"' || !g_unichar_isprint(c))
            g_string_append_c(to, '_');
        else
            g_string_append_unichar(to, c);
    }
}

static void
append_quoted(GString *to, const char *text)
{
    g_string_append_c(to, '"');
    for (; *text != '\0'; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if (c == '"' || c == '\\')
            g_string_append_c(to, '\\');
        g_string_append_unichar(to, g_unichar_isprint(c) ? c : '_');
    }
    g_string_append_c(to, '"');
}

/* An empty value is not allowed. */
static void
append_tag(GString *to, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    g_string_append_printf(to, ",%s=", name);
    append_key(to, value);
}

/* Tags in the order of their names, as the server would sort them. */
static char *
influx_tags(const Subject *subject, const VsfSamples *samples, const VsfSample *sample)
{
    GString *tags = g_string_new(NULL);
    g_autofree char *sub_agent = g_strdup_printf("%u", samples->sub_agent_id);

    append_tag(tags, "agent", samples->agent);
    append_tag(tags, "kind", subject->kind);
    append_tag(tags, "name", subject->name);
    append_tag(tags, "source", sample->source);
    append_tag(tags, "sub_agent", sub_agent);
    append_tag(tags, "uuid", subject->uuid);
    return g_string_free(tags, FALSE);
}

/* "time" and what begins with _ are the server's own. NULL: there is no name. */
static char *
field_name(const char *name)
{
    g_autoptr(GString) key = g_string_new(NULL);

    append_key(key, name);
    if (key->len == 0)
        return NULL;
    return g_strconcat(key->str[0] == '_' || strcmp(key->str, "time") == 0 ? "x" : "", key->str,
                       NULL);
}

/* Integers are signed there, and the type of a field may never change: one beyond is left out. */
static gboolean
makes_field(const VsfValue *value)
{
    return is_series(value) && value->kind != VSF_VALUE_UNKNOWN &&
           (value->kind != VSF_VALUE_INTEGER || value->integer <= G_MAXINT64);
}

static void
append_field(GString *fields, const char *name, const VsfValue *value)
{
    if (fields->len > 0)
        g_string_append_c(fields, ',');
    g_string_append_printf(fields, "%s=", name);
    if (value->kind == VSF_VALUE_INTEGER)
        g_string_append_printf(fields, "%" G_GUINT64_FORMAT "i", value->integer);
    else if (value->kind == VSF_VALUE_REAL)
        append_real(fields, value->real);
    else
        append_quoted(fields, value->text);
}

/* The fields from @i on that are of one record; returns where the next one begins. A name that
 * comes again in the record, as it is written there, would say two things at one time: the first
 * holds. */
static guint
append_record(GString *fields, const VsfSample *sample, guint i)
{
    const char *record = ((const VsfValue *)g_ptr_array_index(sample->values, i))->record;
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (; i < sample->values->len; i++) {
        const VsfValue *value = g_ptr_array_index(sample->values, i);
        char *name;

        if (strcmp(value->record, record) != 0)
            break;
        name = makes_field(value) ? field_name(value->name) : NULL;
        if (name == NULL)
            continue;
        if (!g_hash_table_contains(seen, name))
            append_field(fields, name, value);
        g_hash_table_add(seen, name);
    }
    return i;
}

void
vsf_lines_influx(GString *to, const VsfVmBook *book, const VsfSamples *samples,
                 const VsfSample *sample, gint64 time_ns)
{
    Subject subject = subject_of(book, samples, sample);
    g_autofree char *tags = NULL;

    if (subject.kind == NULL)
        return;
    tags = influx_tags(&subject, samples, sample);
    for (guint i = 0; i < sample->values->len;) {
        const VsfValue *first = g_ptr_array_index(sample->values, i);
        g_autoptr(GString) fields = g_string_new(NULL);

        i = append_record(fields, sample, i);
        if (fields->len == 0)
            continue;
        append_key(to, first->record);
        g_string_append_printf(to, "%s %s %" G_GINT64_FORMAT "\n", tags, fields->str, time_ns);
    }
}
