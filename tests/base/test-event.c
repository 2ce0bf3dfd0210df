/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/event.h"
#include "../../daemon/base/journal.h"
#include "../../daemon/base/log.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MINUTE (60 * (gint64)G_USEC_PER_SEC)

static void
test_a_value_cannot_end_its_field(void)
{
    g_autoptr(GString) datagram = g_string_new(NULL);

    vsf_journal_field(datagram, "A", "plain");
    vsf_journal_field(datagram, "B", NULL);
    vsf_journal_field(datagram, "C", "two\nVSF_TAP=forged");
    vsf_journal_field(datagram, "D", "");
    g_assert_cmpmem(datagram->str, datagram->len,
                    "A=plain\nC\n\x12\0\0\0\0\0\0\0two\nVSF_TAP=forged\nD=\n", 40);
}

static void
test_a_minute_has_a_bound_and_what_was_left_out_is_counted(void)
{
    VsfEventRate rate = {0};
    guint held_back = 99;

    for (guint minute = 1; minute < 3; minute++) {
        for (guint i = 0; i < 3; i++) {
            g_assert_true(vsf_event_rate_allow(&rate, minute * MINUTE + i, 3, &held_back));
            g_assert_cmpuint(held_back, ==, minute == 2 && i == 0 ? 2 : 0);
        }
        g_assert_false(vsf_event_rate_allow(&rate, minute * MINUTE + 3, 3, &held_back));
        g_assert_false(vsf_event_rate_allow(&rate, (minute + 1) * MINUTE - 1, 3, &held_back));
    }
}

static void
test_ids_are_of_their_own_kind(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint event = 0; event < VSF_N_EVENTS; event++) {
        const char *id = vsf_event_id(event);

        g_assert_cmpuint(strlen(id), ==, 32);
        g_assert_cmpuint(strspn(id, "0123456789abcdef"), ==, 32);
        g_assert_true(g_hash_table_add(seen, (gpointer)id));
    }
}

/* --- what leaves -------------------------------------------------------- */

typedef struct {
    char *folder, *path;
    int journal, stderr_fd, reader; /* the last: of what is written to stderr */
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int ends[2];

    fixture->folder = g_dir_make_tmp("vsf-event-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->folder, "socket", NULL);
    g_strlcpy(address.sun_path, fixture->path, sizeof(address.sun_path));
    fixture->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(fixture->journal, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(pipe2(ends, O_NONBLOCK), ==, 0);
    fixture->stderr_fd = dup(STDERR_FILENO);
    fixture->reader = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    /* Past the tests' own handler of messages. */
    g_log_set_default_handler(g_log_default_handler, NULL);
    vsf_log_use_journal(fixture->path);
}

static void
tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    dup2(fixture->stderr_fd, STDERR_FILENO);
    close(fixture->stderr_fd);
    close(fixture->reader);
    close(fixture->journal);
    g_unlink(fixture->path);
    g_rmdir(fixture->folder);
    g_free(fixture->path);
    g_free(fixture->folder);
}

/* What came: the next datagram, or what is in the pipe. "": nothing. */
static char *
next(int fd)
{
    char bytes[65536];
    gssize n = read(fd, bytes, sizeof(bytes) - 1);

    return g_strndup(bytes, n > 0 ? (gsize)n : 0);
}

static void
test_an_event_leaves_with_its_fields(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLogAbout about = {.domain_uuid = "1b4e28ba", .domain = "web 01", .tap = "vnet0"};
    g_autofree char *datagram = NULL, *wanted = NULL, *line = NULL, *plain = NULL, *none = NULL;

    vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_AGENT_QUARANTINED, &about, "slow: %d", 7);
    datagram = next(fixture->journal);
    wanted = g_strdup_printf("MESSAGE=slow: 7\nPRIORITY=4\nSYSLOG_IDENTIFIER=virt-sflowd\n"
                             "MESSAGE_ID=%s\nVSF_DOMAIN_UUID=1b4e28ba\nVSF_DOMAIN=web 01\n"
                             "VSF_TAP=vnet0\n",
                             vsf_event_id(VSF_EVENT_AGENT_QUARANTINED));
    g_assert_cmpstr(datagram, ==, wanted);
    line = next(fixture->reader);
    g_assert_cmpstr(line, ==, "");
    /* A line of no kind goes the old way, also right after. */
    g_log(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "plain");
    plain = next(fixture->reader);
    g_assert_cmpstr(plain, ==, "<6>plain\n");
    none = next(fixture->journal);
    g_assert_cmpstr(none, ==, "");
}

static void
test_a_journal_that_takes_no_event_gets_the_line(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *gone = NULL, *full = NULL;

    close(fixture->journal);
    fixture->journal = -1;
    vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_LIBVIRT_LOST, NULL, "gone");
    gone = next(fixture->reader);
    g_assert_cmpstr(gone, ==, "<6>gone\n");
    vsf_log_use_journal("/nonexistent");
    vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_LIBVIRT_LOST, NULL, "absent");
    full = next(fixture->reader);
    g_assert_cmpstr(full, ==, "<6>absent\n");
}

/* Nobody reads: events and their lines are left out rather than waited for. */
static void
test_a_full_journal_is_not_waited_for(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *long_text = g_strnfill(3000, 'x');
    guint taken = 0;

    alarm(60); /* or it hangs */
    for (guint i = 0; i < 600; i++)
        vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_VM_STARTED, NULL, "%u %s", i, long_text);
    alarm(0);
    for (;; taken++) {
        g_autofree char *one = next(fixture->journal);

        if (*one == '\0')
            break;
    }
    g_assert_cmpuint(taken, >, 0);
    g_assert_cmpuint(taken, <, 600);
}

/* Kinds are bounded each by itself. */
static void
test_what_repeats_is_left_out(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint taken = 0;

    for (guint i = 0; i < 200; i++) {
        g_autofree char *one = NULL;

        vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_FLOOD, NULL, "%u", i);
        one = next(fixture->journal);
        taken += *one != '\0';
    }
    g_assert_cmpuint(taken, ==, 60);
    {
        g_autofree char *other = NULL;

        vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_CPU_CALM, NULL, "other");
        other = next(fixture->journal);
        g_assert_true(g_str_has_prefix(other, "MESSAGE=other\n"));
    }
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK); /* warnings are what is tested */
    vsf_log_init("virt-sflowd", FALSE);
    g_test_add_func("/base/event/a-value-cannot-end-its-field", test_a_value_cannot_end_its_field);
    g_test_add_func("/base/event/a-minute-has-a-bound-and-what-was-left-out-is-counted",
                    test_a_minute_has_a_bound_and_what_was_left_out_is_counted);
    g_test_add_func("/base/event/ids-are-of-their-own-kind", test_ids_are_of_their_own_kind);
    ADD("/base/event/an-event-leaves-with-its-fields", test_an_event_leaves_with_its_fields);
    ADD("/base/event/a-journal-that-takes-no-event-gets-the-line",
        test_a_journal_that_takes_no_event_gets_the_line);
    ADD("/base/event/a-full-journal-is-not-waited-for", test_a_full_journal_is_not_waited_for);
    ADD("/base/event/what-repeats-is-left-out", test_what_repeats_is_left_out);
    return g_test_run();
}
