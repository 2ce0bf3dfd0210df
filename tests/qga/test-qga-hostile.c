/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole replies that are made to hurt: every parser takes each of them, in a
 * process of its own whose memory is measured. */
#include "../../qga/reply.h"

#include <stdio.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#define EXTRA_MAX_KIB (32 * 1024)

typedef enum {
    REFUSED, /* by every parser */
    TAKEN,   /* by at least one */
} Verdict;

static GString *
repeated(const char *before, const char *what, guint n, const char *after)
{
    GString *text = g_string_new(before);

    for (guint i = 0; i < n; i++) {
        g_string_append(text, what);
        if (i + 1 < n)
            g_string_append_c(text, ',');
    }
    return g_string_append(text, after);
}

static GString *
many_filesystems(guint n)
{
    GString *text = g_string_new("{\"return\":[");

    for (guint i = 0; i < n; i++)
        g_string_append_printf(text, "%s{\"name\":\"v%u\",\"mountpoint\":\"/%u\"}",
                               i > 0 ? "," : "", i, i);
    return g_string_append(text, "]}");
}

static GString *
hundred_thousand_filesystems(void)
{
    return many_filesystems(100000);
}

static GString *
all_the_filesystems_that_pass(void)
{
    return many_filesystems(16000);
}

static GString *
nested(const char *open, guint n)
{
    GString *text = g_string_new("{\"return\":");

    for (guint i = 0; i < n; i++)
        g_string_append(text, open);
    return text;
}

static GString *
hundred_thousand_arrays_deep(void)
{
    return nested("[", 100000);
}

static GString *
hundred_thousand_objects_deep(void)
{
    return nested("{\"return\":", 100000);
}

static GString *
four_mib_of_small_objects(void)
{
    return repeated("{\"return\":[", "{}", 1300000, "]}");
}

static GString *
all_the_small_objects_that_pass(void)
{
    return repeated("{\"return\":[", "{\"a\":0}", 24990, "]}");
}

/* Chains as deep as they may be, of objects that each need a table. */
static GString *
all_the_chains_that_pass(void)
{
    g_autoptr(GString) chain = g_string_new(NULL);

    for (guint i = 0; i < 28; i++)
        g_string_append(chain, "{\"a\":");
    g_string_append(chain, "{}");
    for (guint i = 0; i < 28; i++)
        g_string_append_c(chain, '}');
    return repeated("{\"return\":[", chain->str, 1720, "]}");
}

static GString *
all_the_cpus_that_pass(void)
{
    return repeated("{\"return\":[", "{\"cpu\":0,\"user\":1,\"nice\":2}", 12400, "]}");
}

/* "Az" and "BY" have one hash in GLib's g_str_hash(). */
static GString *
keys_that_collide(void)
{
    GString *text = g_string_new("{\"return\":{");

    for (guint i = 0; i < 1 << 14; i++) {
        g_string_append(text, i > 0 ? ",\"" : "\"");
        for (guint bit = 0; bit < 14; bit++)
            g_string_append(text, (i >> bit & 1) != 0 ? "Az" : "BY");
        g_string_append(text, "\":1");
    }
    return g_string_append(text, "}}");
}

static GString *
a_name_of_almost_a_mib(void)
{
    g_autofree char *name = g_strnfill(1024 * 1024 - 100, 'x');
    GString *text = g_string_new(NULL);

    g_string_printf(text, "{\"return\":[{\"name\":\"%s\",\"mountpoint\":\"/\"}]}", name);
    return text;
}

static GString *
a_number_of_almost_a_mib(void)
{
    g_autofree char *digits = g_strnfill(1024 * 1024 - 100, '9');
    GString *text = g_string_new(NULL);

    g_string_printf(text, "{\"return\":{\"load1m\":%s.5}}", digits);
    return text;
}

static GString *
four_mib_of_nothing(void)
{
    g_autofree char *spaces = g_strnfill(4 * 1024 * 1024, ' ');

    return g_string_new(spaces);
}

static GString *
invalid_utf8(void)
{
    return g_string_new("{\"return\":[{\"name\":\"\xff\xfe\",\"mountpoint\":\"/\"}]}");
}

static GString *
not_a_number(void)
{
    return g_string_new("{\"return\":[{\"name\":\"a\",\"mountpoint\":\"/\",\"total-bytes\":NaN}]}");
}

static GString *
neither_result_nor_error(void)
{
    return g_string_new("{\"event\":\"x\",\"QMP\":{}}");
}

static GString *
a_result_of_the_wrong_type(void)
{
    return g_string_new("{\"return\":\"yes\"}");
}

static GString *
an_error_that_is_none(void)
{
    return g_string_new("{\"error\":[\"GenericError\"],\"return\":{}}");
}

static GString *
an_error_beside_a_result(void)
{
    return g_string_new("{\"return\":{\"host-name\":\"a\"},\"error\":{\"class\":7}}");
}

static GString *
an_empty_text(void)
{
    return g_string_new("");
}

static const struct {
    const char *name;
    GString *(*make)(void);
    Verdict verdict;
} cases[] = {
    {"a-hundred-thousand-filesystems", hundred_thousand_filesystems, REFUSED},
    {"all-the-filesystems-that-pass", all_the_filesystems_that_pass, TAKEN},
    {"a-hundred-thousand-arrays-deep", hundred_thousand_arrays_deep, REFUSED},
    {"a-hundred-thousand-objects-deep", hundred_thousand_objects_deep, REFUSED},
    {"four-mib-of-small-objects", four_mib_of_small_objects, REFUSED},
    {"all-the-small-objects-that-pass", all_the_small_objects_that_pass, TAKEN},
    {"all-the-chains-that-pass", all_the_chains_that_pass, TAKEN},
    {"all-the-cpus-that-pass", all_the_cpus_that_pass, TAKEN},
    {"keys-that-collide", keys_that_collide, REFUSED},
    {"a-name-of-almost-a-mib", a_name_of_almost_a_mib, TAKEN},
    {"a-number-of-almost-a-mib", a_number_of_almost_a_mib, TAKEN},
    {"four-mib-of-nothing", four_mib_of_nothing, REFUSED},
    {"invalid-utf8", invalid_utf8, REFUSED},
    {"not-a-number", not_a_number, REFUSED},
    {"neither-result-nor-error", neither_result_nor_error, REFUSED},
    {"a-result-of-the-wrong-type", a_result_of_the_wrong_type, REFUSED},
    {"an-error-that-is-none", an_error_that_is_none, REFUSED},
    {"an-error-beside-a-result", an_error_beside_a_result, REFUSED},
    {"an-empty-text", an_empty_text, REFUSED},
};

/* A figure of /proc/self/status in KiB: getrusage() would count what the parent
 * had before the exec. */
static glong
status_kib(const char *key)
{
    g_autofree char *status = NULL;
    const char *at;

    g_assert_true(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
    at = strstr(status, key);
    g_assert_nonnull(at);
    return (glong)g_ascii_strtoll(at + strlen(key), NULL, 10);
}

#define TRY(call, release)                                    \
    do {                                                      \
        g_autoptr(GError) error = NULL;                       \
        gpointer got = call(text->str, text->len, &error);    \
        g_assert_cmpint(got == NULL, ==, error != NULL);      \
        if (error != NULL) {                                  \
            g_assert_true(error->domain == VSF_QGA_ERROR);    \
            g_assert_cmpuint(strlen(error->message), <, 512); \
        } else {                                              \
            n_taken++;                                        \
            release(got);                                     \
        }                                                     \
    } while (0)

static void
test_reply(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data), n_taken = 0;
    g_autoptr(GString) text = NULL;
    glong before;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    text = cases[i].make();
    /* Makes VmHWM start anew from VmRSS. */
    g_file_set_contents_full("/proc/self/clear_refs", "5", 1, G_FILE_SET_CONTENTS_NONE, 0, NULL);
    before = status_kib("VmHWM:");
    TRY(vsf_qga_parse_info, vsf_qga_info_free);
    TRY(vsf_qga_parse_filesystems, vsf_qga_filesystems_free);
    TRY(vsf_qga_parse_os, vsf_qga_os_free);
    TRY(vsf_qga_parse_host_name, g_free);
    TRY(vsf_qga_parse_load, g_free);
    TRY(vsf_qga_parse_cpu_stats, g_array_unref);
    TRY(vsf_qga_parse_disk_stats, g_ptr_array_unref);
    TRY(vsf_qga_parse_interfaces, g_ptr_array_unref);
    TRY(vsf_qga_parse_memory, g_free);
    g_assert_cmpint(n_taken > 0, ==, cases[i].verdict == TAKEN);
#ifndef __SANITIZE_ADDRESS__
    if (status_kib("VmHWM:") - before >= EXTRA_MAX_KIB)
        g_error("%s takes %ld KiB", cases[i].name, status_kib("VmHWM:") - before);
#endif
    fprintf(stderr, "# %s: %ld KiB\n", cases[i].name, status_kib("VmHWM:") - before);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/qga/hostile/", cases[i].name, "-is-survived", NULL);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_reply);
    }
    return g_test_run();
}
