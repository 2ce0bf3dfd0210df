/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-sd-parse.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <string.h>

#define CHAIN_MAX 8        /* CNAMEs one behind the other */
#define RECORDS_MAX 1024   /* of one message that are looked at */
#define SHOWN_MAX_BYTES 40 /* of a word from outside, in a note */

static void
target_free(VsfDnsTarget *target)
{
    g_free(target->host);
    g_free(target);
}

VsfDnsRecords *
vsf_dns_records_new(void)
{
    VsfDnsRecords *records = g_new0(VsfDnsRecords, 1);

    records->targets = g_ptr_array_new_with_free_func((GDestroyNotify)target_free);
    records->strings = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    records->notes = g_ptr_array_new_with_free_func(g_free);
    return records;
}

void
vsf_dns_records_free(VsfDnsRecords *records)
{
    if (records == NULL)
        return;
    g_ptr_array_unref(records->targets);
    g_ptr_array_unref(records->strings);
    g_ptr_array_unref(records->notes);
    g_free(records);
}

static VsfDnsOutcome
fail(GError **error, const char *what)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, what);
    return VSF_DNS_FAILED;
}

static VsfDnsOutcome
none(GError **error, const char *what)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, what);
    return VSF_DNS_NONE;
}

/* @word is from outside: short, and without anything that a terminal would obey. */
static void
note(VsfDnsRecords *records, const char *word, gsize length, const char *what)
{
    g_autofree char *cut = g_strndup(word, MIN(length, SHOWN_MAX_BYTES));
    g_autofree char *shown = g_strescape(cut, NULL);

    if (records->n_notes++ < VSF_DNS_NOTES_MAX)
        g_ptr_array_add(records->notes, g_strdup_printf("\"%s\" %s", shown, what));
}

char *
vsf_dns_records_notes(const VsfDnsRecords *records)
{
    GString *text;

    if (records->n_notes == 0)
        return NULL;
    text = g_string_new(NULL);
    for (guint i = 0; i < records->notes->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? "; " : "", (char *)records->notes->pdata[i]);
    if (records->n_notes > records->notes->len)
        g_string_append_printf(text, "; and %u more", records->n_notes - records->notes->len);
    return g_string_free(text, FALSE);
}

/* RFC 2181, 8: a TTL with the top bit set is 0. */
static void
take_ttl(VsfDnsRecords *records, guint32 ttl_s)
{
    if (ttl_s > G_MAXINT32)
        ttl_s = 0;
    if (!records->has_ttl || ttl_s < records->ttl_s)
        records->ttl_s = ttl_s;
    records->has_ttl = TRUE;
}

/* Names as ns_name_ntop() writes them, without a dot at the end, but for the root's. */
static gboolean
is_name(const char *a, const char *b)
{
    gsize length = strlen(b);

    if (length > 1 && b[length - 1] == '.')
        length--;
    return strlen(a) == length && g_ascii_strncasecmp(a, b, length) == 0;
}

static gboolean
name_at(ns_msg *message, const guint8 *at, char name[NS_MAXDNAME])
{
    return ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), at, name, NS_MAXDNAME) >=
           0;
}

/* --- one message ------------------------------------------------------- */

static void
take_srv(VsfDnsRecords *records, ns_msg *message, ns_rr *rr)
{
    char host[NS_MAXDNAME];
    VsfDnsTarget *target;

    if (ns_rr_rdlen(*rr) < 7 || !name_at(message, ns_rr_rdata(*rr) + 6, host)) {
        note(records, "SRV", 3, "record is malformed");
        return;
    }
    target = g_new0(VsfDnsTarget, 1);
    target->priority = ns_get16(ns_rr_rdata(*rr));
    target->port = ns_get16(ns_rr_rdata(*rr) + 4);
    target->host = g_strdup(host[0] == '\0' ? "." : host);
    g_ptr_array_add(records->targets, target);
}

static void
take(VsfDnsRecords *records, ns_msg *message, ns_rr *rr)
{
    take_ttl(records, ns_rr_ttl(*rr));
    if (ns_rr_type(*rr) == ns_t_srv)
        take_srv(records, message, rr);
    else
        g_ptr_array_add(records->strings, g_bytes_new(ns_rr_rdata(*rr), ns_rr_rdlen(*rr)));
}

/* How many records of @type @name has; @next is the name that it is another one's name for,
 * empty if it is not. -1: malformed. */
static int
take_of(VsfDnsRecords *records, ns_msg *message, const char *name, int type, char next[NS_MAXDNAME])
{
    int n = MIN(ns_msg_count(*message, ns_s_an), RECORDS_MAX);
    int found = 0;

    next[0] = '\0';
    for (int i = 0; i < n; i++) {
        ns_rr rr;

        if (ns_parserr(message, ns_s_an, i, &rr) != 0)
            return -1;
        if (ns_rr_class(rr) != ns_c_in || !is_name(ns_rr_name(rr), name))
            continue;
        if ((int)ns_rr_type(rr) == type) {
            take(records, message, &rr);
            found++;
        } else if (ns_rr_type(rr) == ns_t_cname) {
            if (!name_at(message, ns_rr_rdata(rr), next))
                return -1;
            take_ttl(records, ns_rr_ttl(rr));
        }
    }
    return found;
}

/* RFC 2308, 5: how long a name or a record is known not to be. */
static void
take_absence(VsfDnsRecords *records, ns_msg *message)
{
    int n = MIN(ns_msg_count(*message, ns_s_ns), RECORDS_MAX);

    for (int i = 0; i < n; i++) {
        ns_rr rr;
        guint32 minimum;

        if (ns_parserr(message, ns_s_ns, i, &rr) != 0)
            return;
        if (ns_rr_type(rr) != ns_t_soa || ns_rr_rdlen(rr) < 22)
            continue;
        minimum = (guint32)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4);
        take_ttl(records, MIN(ns_rr_ttl(rr), minimum));
    }
}

static VsfDnsOutcome
read_chain(VsfDnsRecords *records, ns_msg *message, const char *asked, int type, GError **error)
{
    g_autofree char *name = g_strdup(asked);

    for (guint i = 0; i <= CHAIN_MAX; i++) {
        char next[NS_MAXDNAME];
        int found = take_of(records, message, name, type, next);

        if (found < 0)
            return fail(error, "the answer is malformed");
        if (found > 0)
            return VSF_DNS_FOUND;
        if (next[0] == '\0') {
            take_absence(records, message);
            return none(error, type == ns_t_srv ? "no SRV record" : "no TXT record");
        }
        g_free(name);
        name = g_strdup(next);
    }
    return fail(error, "its name is a loop of CNAME records, or a chain of too many");
}

VsfDnsOutcome
vsf_dns_records_read(VsfDnsRecords *records, const guint8 *bytes, gsize size, const char *name,
                     int type, GError **error)
{
    ns_msg message;

    if (size > G_MAXUINT16 || ns_initparse(bytes, (int)size, &message) != 0)
        return fail(error, "the answer is malformed");
    if (ns_msg_getflag(message, ns_f_rcode) == ns_r_nxdomain) {
        take_absence(records, &message);
        return none(error, "no such name");
    }
    if (ns_msg_getflag(message, ns_f_rcode) != ns_r_noerror)
        return fail(error, "the server answers with an error");
    return read_chain(records, &message, name, type, error);
}

/* --- all of them ------------------------------------------------------- */

static gint
by_priority(gconstpointer a, gconstpointer b)
{
    const VsfDnsTarget *one = *(VsfDnsTarget *const *)a, *other = *(VsfDnsTarget *const *)b;
    int order;

    if (one->priority != other->priority)
        return one->priority < other->priority ? -1 : 1;
    order = g_ascii_strcasecmp(one->host, other->host);
    return order != 0 ? order : (int)one->port - (int)other->port;
}

static gint
by_content(gconstpointer a, gconstpointer b)
{
    return g_bytes_compare(*(GBytes *const *)a, *(GBytes *const *)b);
}

/* How many could have been collectors. */
static guint
use_targets(VsfDnsRecords *records, VsfDnsSettings *settings)
{
    guint n = 0;

    g_ptr_array_sort(records->targets, by_priority);
    for (guint i = 0; i < records->targets->len; i++) {
        const VsfDnsTarget *target = records->targets->pdata[i];
        g_autoptr(GError) why = NULL;

        if (strcmp(target->host, ".") == 0)
            continue;
        n++;
        if (!vsf_dns_settings_add_collector(settings, target->host, target->port, &why))
            note(records, target->host, strlen(target->host), why->message);
    }
    return n;
}

/* RFC 6763, 6.4: of a key that comes twice the first counts. */
static void
use_pair(VsfDnsRecords *records, VsfDnsSettings *settings, GHashTable *seen, const char *string,
         gsize length)
{
    const char *equals = memchr(string, '=', length);
    g_autofree char *key = equals != NULL ? g_ascii_strdown(string, (gssize)(equals - string))
                                          : NULL;
    g_autofree char *value = NULL;
    g_autoptr(GError) why = NULL;

    if (key == NULL) {
        note(records, string, length, "has no =");
        return;
    }
    if (memchr(string, '\0', length) != NULL || !g_utf8_validate(string, (gssize)length, NULL)) {
        note(records, string, length, "is no text");
        return;
    }
    if (strcmp(key, "collector") != 0 && !g_hash_table_add(seen, g_strdup(key))) {
        note(records, string, length, "comes twice, the first counts");
        return;
    }
    value = g_strndup(equals + 1, length - (gsize)(equals + 1 - string));
    if (!vsf_dns_settings_set(settings, key, value, &why))
        note(records, string, length,
             g_error_matches(why, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ? "has a key that is unknown"
                                                                    : why->message);
}

static void
use_strings(VsfDnsRecords *records, VsfDnsSettings *settings, GBytes *bytes, GHashTable *seen)
{
    gsize size;
    const guint8 *at = g_bytes_get_data(bytes, &size);

    while (size > 0) {
        gsize length = at[0];

        if (length >= size) {
            note(records, "TXT", 3, "record is malformed");
            return;
        }
        /* An empty one is what a record without strings is made of. */
        if (length > 0)
            use_pair(records, settings, seen, (const char *)at + 1, length);
        at += length + 1;
        size -= length + 1;
    }
}

VsfDnsOutcome
vsf_dns_records_settings(VsfDnsRecords *records, VsfDnsSettings **settings, GError **error)
{
    g_autoptr(VsfDnsSettings) said = vsf_dns_settings_new();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guint n = use_targets(records, said);

    g_ptr_array_sort(records->strings, by_content);
    for (guint i = 0; i < records->strings->len; i++)
        use_strings(records, said, records->strings->pdata[i], seen);
    if (said->collectors->len == 0 && n > 0)
        return fail(error, "none of the targets of its SRV records can be a collector");
    if (said->collectors->len == 0)
        return none(error, "no SRV record that names a collector");
    *settings = g_steal_pointer(&said);
    return VSF_DNS_FOUND;
}

/* --- whose answer ------------------------------------------------------ */

/* @rest: type and class, 4 bytes. */
static gboolean
question_of(const guint8 *bytes, gsize size, char name[NS_MAXDNAME], const guint8 **rest)
{
    int length;

    if (size < NS_HFIXEDSZ || ns_get16(bytes + 4) != 1)
        return FALSE;
    length = ns_name_uncompress(bytes, bytes + size, bytes + NS_HFIXEDSZ, name, NS_MAXDNAME);
    if (length < 0 || NS_HFIXEDSZ + (gsize)length + NS_QFIXEDSZ > size)
        return FALSE;
    *rest = bytes + NS_HFIXEDSZ + length;
    return TRUE;
}

gboolean
vsf_dns_is_answer(const guint8 *bytes, gsize size, const guint8 *query, gsize query_size, int *code,
                  gboolean *truncated)
{
    char name[NS_MAXDNAME], asked[NS_MAXDNAME];
    const guint8 *rest, *asked_rest;

    if (size < NS_HFIXEDSZ || query_size < NS_HFIXEDSZ || memcmp(bytes, query, 2) != 0 ||
        !(bytes[2] & 0x80))
        return FALSE;
    *code = bytes[3] & 0x0f;
    *truncated = (bytes[2] & 0x02) != 0;
    /* A server that does not understand the question need not repeat it. */
    if (*code == ns_r_formerr && ns_get16(bytes + 4) == 0)
        return TRUE;
    return question_of(bytes, size, name, &rest) &&
           question_of(query, query_size, asked, &asked_rest) && is_name(name, asked) &&
           memcmp(rest, asked_rest, NS_QFIXEDSZ) == 0;
}
