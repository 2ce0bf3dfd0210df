/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-text.h"

#include "member.h"
#include "table.h"

#include <string.h>

/* "NAME VALUE", or nothing where DNS does not say. */
static void
append(GString *list, JsonObject *in_force, const char *member, const char *name)
{
    g_autofree char *value = vsf_member_text(in_force, member);

    if (strcmp(value, "-") != 0)
        g_string_append_printf(list, ", %s %s", name, value);
}

static void
add_in_force(GString *text, JsonObject *dns)
{
    JsonObject *in_force = vsf_member_object(dns, "in_force");
    JsonArray *collectors = vsf_member_array(in_force, "collectors");
    guint n = collectors != NULL ? json_array_get_length(collectors) : 0;
    g_autoptr(GString) list = g_string_new(NULL);

    if (in_force == NULL) {
        vsf_table_line(text, "", "nothing from DNS is in force", NULL);
        return;
    }
    if (n == 0) {
        vsf_table_line(text, "", "in force: nothing is sent", NULL);
        return;
    }
    g_string_printf(list, "in force: %u collector%s", n, n == 1 ? "" : "s");
    append(list, in_force, "sampling", "sampling 1 in");
    append(list, in_force, "polling", "polling");
    append(list, in_force, "header_bytes", "header-bytes");
    append(list, in_force, "agent_address", "agent-address");
    vsf_table_line(text, "", list->str, NULL);
}

static void
add_line(GString *text, JsonObject *dns, const char *member, const char *label)
{
    g_autofree char *value = vsf_member_text(dns, member);

    if (strcmp(value, "-") != 0)
        vsf_table_line(text, "", label, value, NULL);
}

void
vsf_dns_text(GString *text, JsonObject *status)
{
    JsonObject *dns = vsf_member_object(status, "dns_sd");
    g_autofree char *domain = vsf_member_text(dns, "domain"),
                    *state = vsf_member_text(dns, "state"),
                    *age = vsf_age_text(vsf_member(dns, "answered_s")),
                    *ttl = vsf_member_text(dns, "ttl_s"),
                    *change = vsf_age_text(vsf_member(dns, "change_s"));
    gboolean answered = strcmp(age, "-") != 0;

    if (dns == NULL)
        return;
    vsf_table_line(text, "dns-sd", strcmp(domain, "-") != 0 ? domain : "search domains", ", ",
                   state, answered ? ", last answer " : ", no answer yet", answered ? age : "",
                   answered ? " ago" : "", strcmp(ttl, "-") != 0 ? ", TTL " : "",
                   strcmp(ttl, "-") != 0 ? ttl : "", strcmp(ttl, "-") != 0 ? " s" : "", NULL);
    add_in_force(text, dns);
    if (strcmp(change, "-") != 0)
        vsf_table_line(text, "", "another answer comes into force in ", change, NULL);
    add_line(text, dns, "error", "");
    add_line(text, dns, "left_out", "left out: ");
    add_line(text, dns, "otherwise", "not as DNS has it: ");
}

const char *
vsf_dns_no_collector_text(JsonObject *status)
{
    return vsf_member_object(status, "dns_sd") != NULL
               ? "No collector is configured: nothing is sent until DNS names a collector."
               : "No collector is configured: nothing is sent.";
}
