/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole conversation whose answers are the input's lines: an empty line is no
 * answer, a first byte below ' ' is time that passes. What is asked must stay
 * within the known requests and what was listed, and files be closed; what is made
 * of it for export must stay within its bounds. */
#include "../../daemon/model/guest-facts.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

typedef struct {
    const char *at; /* the next line */
    gint64 now_us;
    guint n_requests;
    gboolean wants_close; /* a handle was given, and no close asked for since */
} Guest;

static char *
next_line(Guest *guest)
{
    const char *end = strchr(guest->at, '\n');
    gsize length = end != NULL ? (gsize)(end - guest->at) : strlen(guest->at);
    char *line;

    if (length > 0 && guest->at[0] > 0 && guest->at[0] < ' ') {
        guest->now_us += guest->at[0] * (G_USEC_PER_SEC / 4);
        guest->at++;
        length--;
    }
    line = g_strndup(guest->at, length);
    guest->at += length + (end != NULL);
    return line;
}

static char *
answer(const char *request, int timeout_s, GError **error, gpointer user_data)
{
    Guest *guest = user_data;
    g_autofree char *line = next_line(guest);

    g_assert_cmpint(timeout_s, >=, 1);
    g_assert_cmpuint(++guest->n_requests, <=, 12);
    g_assert_true(g_str_has_prefix(request, "{\"execute\":\"guest-info\"") ||
                  g_str_has_prefix(request, "{\"execute\":\"guest-get-") ||
                  g_str_has_prefix(request, "{\"execute\":\"guest-network-get-") ||
                  g_str_has_prefix(request, "{\"execute\":\"guest-file-open\",\"arguments\":"
                                            "{\"path\":\"/proc/meminfo\",\"mode\":\"r\"}}") ||
                  g_str_has_prefix(request, "{\"execute\":\"guest-file-read\"") ||
                  g_str_has_prefix(request, "{\"execute\":\"guest-file-close\""));
    /* A read means that a handle was taken for good. */
    if (strstr(request, "guest-file-read") != NULL)
        guest->wants_close = TRUE;
    else if (strstr(request, "guest-file-close") != NULL)
        guest->wants_close = FALSE;
    else
        g_assert_false(guest->wants_close);
    if (line[0] == '\0') {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO, "no answer");
        return NULL;
    }
    return g_steal_pointer(&line);
}

static gint64
now_us(gpointer user_data)
{
    return ((Guest *)user_data)->now_us;
}

static void
check_filesystems(const VsfGuestFacts *facts)
{
    g_assert_cmpuint(facts->filesystems->len, <=, VSF_GUEST_FILESYSTEMS_MAX);
    for (guint i = 0; i < facts->filesystems->len; i++) {
        const VsfGuestFilesystem *filesystem = facts->filesystems->pdata[i];

        g_assert_cmpuint(filesystem->key[0], !=, '\0');
        for (const char *at = filesystem->key; *at != '\0'; at++)
            g_assert_true(g_ascii_isalnum(*at) || *at == '_' || *at == '-');
        if (filesystem->total != G_MAXUINT64 && filesystem->used != G_MAXUINT64)
            g_assert_cmpuint(filesystem->used, <=, filesystem->total);
    }
}

static void
check_facts(const VsfQgaReport *first, const VsfQgaReport *second)
{
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_of_report(first, VSF_QGA_WANT_ALL, 1);
    g_autoptr(VsfGuestFacts) newer = vsf_guest_facts_of_report(second, VSF_QGA_WANT_ALL, 2);

    check_filesystems(facts);
    vsf_guest_facts_merge(facts, newer);
    check_filesystems(facts);
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++)
        g_assert_true(facts->state[part] != VSF_QGA_STATE_KNOWN || facts->known_us[part] > 0);
    g_assert_nonnull(memchr(facts->os_release, '\0', sizeof(facts->os_release)));
    for (const char *at = facts->os_release; *at != '\0'; at++)
        g_assert_true(g_ascii_isprint(*at));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    Guest guest = {.at = text};
    VsfQgaPlan plan = {.send = answer,
                       .now_us = now_us,
                       .user_data = &guest,
                       .timeout_s = 2,
                       .budget_s = 10,
                       .wants = VSF_QGA_WANT_ALL};
    g_autoptr(VsfQgaReport) first = vsf_qga_inspect(&plan);
    g_autoptr(VsfQgaReport) second = NULL;

    g_assert_false(guest.wants_close);
    g_assert_cmpuint(first->n_requests, ==, guest.n_requests);
    guest.n_requests = 0;
    plan.info = first->info;
    plan.open_handle = first->open_handle;
    second = vsf_qga_inspect(&plan);
    g_assert_false(guest.wants_close);
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++)
        g_assert_nonnull(vsf_qga_state_name(second->state[part]));
    check_facts(first, second);
    return 0;
}
