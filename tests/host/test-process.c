/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/host/process.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fields 3 to 24 of a QEMU as Linux 6.1 wrote them, and the head of what follows. */
#define FIELDS(state, utime, stime, start, rss)                                                 \
    " " state " 1 5512 5512 0 -1 138412416 9113 0 12 0 " utime " " stime " 0 0 20 0 4 0 " start \
    " 2152333312 " rss " 18446744073709551615 1 1 0"

typedef struct {
    const char *name, *text;
    gboolean good;
    char state;
    guint64 cpu_time_ns, start_ticks, rss_bytes;
} StatCase;

static const StatCase stat_cases[] = {
    {"running", "5512 (qemu-system-x86)" FIELDS("S", "1234", "66", "88001", "6000"), TRUE, 'S',
     G_GUINT64_CONSTANT(13000000000), 88001, 6000 * 4096},
    {"stopped", "5512 (qemu-system-x86)" FIELDS("T", "0", "0", "1", "0"), TRUE, 'T', 0, 1, 0},
    {"command-forges-fields",
     "1 (x) R 1 (y) Z 9 9 9 9 9 9 9 9 9 9 9 9" /* cut where the true name ends: */
     ")" FIELDS("D", "5", "6", "7", "8"),
     TRUE, 'D', 110000000, 7, 8 * 4096},
    {"command-holds-newlines", "1 (a\nb c)" FIELDS("S", "1", "1", "2", "3"), TRUE, 'S', 20000000, 2,
     3 * 4096},
    {"empty-command", "1 ()" FIELDS("S", "1", "1", "2", "3"), TRUE, 'S', 20000000, 2, 3 * 4096},
    {"years-of-many-cpus", "1 (q)" FIELDS("S", "900000000000", "900000000000", "2", "3"), TRUE, 'S',
     G_GUINT64_CONSTANT(18000000000000000000), 2, 3 * 4096},
    {"nanoseconds-overflow", "1 (q)" FIELDS("S", "1844674407371", "0", "2", "3"), FALSE},
    {"sum-overflows", "1 (q)" FIELDS("S", "18446744073709551615", "1", "2", "3"), FALSE},
    {"number-overflows", "1 (q)" FIELDS("S", "18446744073709551616", "0", "2", "3"), FALSE},
    {"rss-overflows", "1 (q)" FIELDS("S", "1", "1", "2", "9223372036854775807"), FALSE},
    {"negative", "1 (q)" FIELDS("S", "-1", "1", "2", "3"), FALSE},
    {"state-is-a-word", "1 (q)" FIELDS("SS", "1", "1", "2", "3"), FALSE},
    {"no-command", "1 q S 1 1 1 1", FALSE},
    {"nothing-after-command", "1 (q)", FALSE},
    {"empty", "", FALSE},
};

static void
test_stat(gconstpointer data)
{
    const StatCase *is = data;
    VsfProcess process = {.state = '-'};

    g_assert_cmpint(vsf_process_parse(is->text, strlen(is->text), 100, 4096, &process), ==,
                    is->good);
    if (!is->good) {
        g_assert_cmpint(process.state, ==, '-');
        return;
    }
    g_assert_cmpint(process.state, ==, is->state);
    g_assert_cmpuint(process.cpu_time_ns, ==, is->cpu_time_ns);
    g_assert_cmpuint(process.start_ticks, ==, is->start_ticks);
    g_assert_cmpuint(process.rss_bytes, ==, is->rss_bytes);
}

static void
test_a_cut_text_is_refused(void)
{
    static const char text[] = "5512 (qemu)" FIELDS("S", "1234", "66", "88001", "6000");
    const char *rss_end = strstr(text, " 6000 ") + strlen(" 6000");
    VsfProcess process;

    for (gsize length = 0; length < sizeof(text); length++)
        g_assert_cmpint(vsf_process_parse(text, length, 100, 4096, &process), ==,
                        text + length > rss_end);
}

static void
test_odd_ticks_are_exact(void)
{
    static const char text[] = "1 (q)" FIELDS("S", "1024", "512", "1", "1");
    VsfProcess process;

    g_assert_true(vsf_process_parse(text, strlen(text), 1024, 4096, &process));
    g_assert_cmpuint(process.cpu_time_ns, ==, 1500000000);
    g_assert_false(vsf_process_parse(text, strlen(text), 0, 4096, &process));
    g_assert_false(vsf_process_parse(text, strlen(text), -1, 4096, &process));
}

#define UUID "c7a5fdbd-edaf-9455-926a-d65c16db1809"

static const struct {
    const char *name, *text;
    gsize length;
    gboolean found;
} cmdline_cases[] = {
#define CMDLINE(text) text, sizeof(text)
    {"found", CMDLINE("/usr/bin/qemu\0-name\0guest=vm,debug-threads=on\0-uuid\0" UUID "\0-S"),
     TRUE},
    {"upper-case", CMDLINE("qemu\0-uuid\0C7A5FDBD-EDAF-9455-926A-D65C16DB1809"), TRUE},
    {"other-uuid", CMDLINE("qemu\0-uuid\0c7a5fdbd-edaf-9455-926a-d65c16db1800"), FALSE},
    {"uuid-of-another-option", CMDLINE("qemu\0-smbios\0type=1,uuid=" UUID "\0-name\0" UUID), FALSE},
    {"only-the-first-uuid-counts", CMDLINE("qemu\0-uuid\0none\0-uuid\0" UUID), FALSE},
    {"one-argument", CMDLINE("grep -uuid " UUID), FALSE},
    {"no-value", CMDLINE("qemu\0-uuid"), FALSE},
    {"cut-off", "qemu\0-uuid\0" UUID, sizeof("qemu\0-uuid\0" UUID) - 1, FALSE},
    {"empty", "", 0, FALSE},
};

static void
test_cmdline(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cmdline_cases); i++) {
        g_test_message("%s", cmdline_cases[i].name);
        g_assert_cmpint(
            vsf_process_cmdline_is(cmdline_cases[i].text, cmdline_cases[i].length, UUID), ==,
            cmdline_cases[i].found);
    }
}

static void
test_own_process_is_read(void)
{
    VsfProcess first, second;

    g_assert_true(vsf_process_read(getpid(), NULL, &first));
    g_assert_cmpuint(first.rss_bytes, >, 0);
    g_assert_true(vsf_process_read(getpid(), NULL, &second));
    g_assert_cmpuint(second.cpu_time_ns, >=, first.cpu_time_ns);
    g_assert_cmpuint(second.start_ticks, ==, first.start_ticks);
    g_assert_false(vsf_process_read(-1, NULL, &first));
}

/* A stand-in for QEMU: a shell that waits for its stdin's end. */
static GSubprocess *
start_claimant(const char *uuid)
{
    g_autoptr(GError) error = NULL;
    GSubprocess *process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE, &error, "/bin/sh", "-c",
                                            "read line; exit", "qemu", "-uuid", uuid, NULL);

    g_assert_no_error(error);
    return process;
}

static int
pid_of(GSubprocess *process)
{
    return (int)g_ascii_strtoll(g_subprocess_get_identifier(process), NULL, 10);
}

static void
end_claimant(GSubprocess *process)
{
    g_subprocess_force_exit(process);
    g_subprocess_wait(process, NULL, NULL);
    g_object_unref(process);
}

static void
test_walk_finds_one_and_believes_no_two(void)
{
    g_autofree char *uuid = g_uuid_string_random();
    GSubprocess *one, *two;

    g_assert_cmpint(vsf_process_find(uuid, "no-such-domain", TRUE), ==, 0);
    one = start_claimant(uuid);
    g_assert_cmpint(vsf_process_find(uuid, "no-such-domain", TRUE), ==,
                    atoi(g_subprocess_get_identifier(one)));
    g_assert_cmpint(vsf_process_find(uuid, "no-such-domain", FALSE), ==, 0);
    g_assert_cmpint(vsf_process_find(uuid, "../../../etc/passwd", TRUE), ==,
                    atoi(g_subprocess_get_identifier(one)));
    g_assert_cmpint(vsf_process_find(uuid, NULL, TRUE), ==, atoi(g_subprocess_get_identifier(one)));
    two = start_claimant(uuid);
    g_assert_cmpint(vsf_process_find(uuid, "no-such-domain", TRUE), ==, 0);
    end_claimant(one);
    end_claimant(two);
}

/* Whoever has the pid afterwards: the path is not looked up again. */
static void
test_a_file_that_is_kept_is_one_processs(void)
{
    GSubprocess *child = start_claimant(UUID);
    int pid = pid_of(child), kept = -1, first_kept;
    VsfProcess first, second;

    g_assert_true(vsf_process_read(pid, &kept, &first));
    g_assert_cmpint(kept, >=, 0);
    first_kept = kept;
    g_assert_true(vsf_process_read(getpid(), &kept, &second));
    g_assert_cmpint(kept, ==, first_kept);
    g_assert_cmpuint(second.start_ticks, ==, first.start_ticks);
    end_claimant(child);
    g_assert_false(vsf_process_read(getpid(), &kept, &second));
    g_assert_cmpint(kept, ==, -1);
    g_assert_true(vsf_process_read(getpid(), &kept, &second));
    close(kept);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(stat_cases); i++) {
        g_autofree char *path = g_strdup_printf("/host/process/stat/%s", stat_cases[i].name);

        g_test_add_data_func(path, &stat_cases[i], test_stat);
    }
    g_test_add_func("/host/process/a-cut-text-is-refused", test_a_cut_text_is_refused);
    g_test_add_func("/host/process/odd-ticks-are-exact", test_odd_ticks_are_exact);
    g_test_add_func("/host/process/cmdline-names-the-uuid", test_cmdline);
    g_test_add_func("/host/process/own-process-is-read", test_own_process_is_read);
    g_test_add_func("/host/process/walk-finds-one-and-believes-no-two",
                    test_walk_finds_one_and_believes_no_two);
    g_test_add_func("/host/process/a-file-that-is-kept-is-one-processs",
                    test_a_file_that_is_kept_is_one_processs);
    return g_test_run();
}
