/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/host/vcpu.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void
test_vcpu_threads_are_known_by_name(void)
{
    static const struct {
        const char *comm;
        gboolean is_vcpu;
    } cases[] = {
        {"CPU 0/KVM", TRUE},
        {"CPU 127/TCG", TRUE},
        {"ALL CPUs/TCG", TRUE},
        {"qemu-system-x86", FALSE},
        {"IO mon_iothread", FALSE},
        {"CPU /KVM", FALSE},
        {"CPU 1", FALSE},
        {"CPU 1x/KVM", FALSE},
        {"CPU 1/KVMX", FALSE},
        {"vnc_worker", FALSE},
        {"", FALSE},
        {"/KVM", FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(vsf_vcpu_is_thread(cases[i].comm), ==, cases[i].is_vcpu);
}

static void
test_wait_is_the_second_number(void)
{
    static const struct {
        const char *text;
        gboolean good;
        guint64 wait_ns;
    } cases[] = {
        {"1000 2000 3\n", TRUE, 2000},
        {"0 0 0\n", TRUE, 0},
        {"18446744073709551615 18446744073709551615 1\n", TRUE, G_MAXUINT64},
        {"1 18446744073709551616 1\n", FALSE},
        {"1 2 3", FALSE}, /* cut off: it may be half a number */
        {"1 2\n", FALSE},
        {"1  2 3\n", FALSE},
        {"-1 2 3\n", FALSE},
        {"a b c\n", FALSE},
        {"", FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 wait_ns = 77;

        g_assert_cmpint(vsf_vcpu_parse_wait(cases[i].text, strlen(cases[i].text), &wait_ns), ==,
                        cases[i].good);
        g_assert_cmpuint(wait_ns, ==, cases[i].good ? cases[i].wait_ns : 77);
    }
}

typedef struct {
    pthread_t thread;
    int ready[2], end[2];
} Sleeper;

static void *
sleep_under_name(void *data)
{
    Sleeper *sleeper = data;
    char byte = 0;

    pthread_setname_np(pthread_self(), "CPU 0/KVM");
    g_assert_cmpint(write(sleeper->ready[1], &byte, 1), ==, 1);
    g_assert_cmpint(read(sleeper->end[0], &byte, 1), ==, 0);
    return NULL;
}

static void
test_threads_of_a_process_are_found_and_read(void)
{
    Sleeper sleeper;
    g_autoptr(GArray) none = vsf_vcpu_find(getpid());
    g_autoptr(GArray) found = NULL;
    g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(int));
    guint64 wait_ns = G_MAXUINT64;
    int closed = -1;
    char byte;

    g_assert_cmpuint(none->len, ==, 0);
    g_assert_false(vsf_vcpu_wait(getpid(), none, kept, &wait_ns));
    g_assert_cmpint(pipe(sleeper.ready), ==, 0);
    g_assert_cmpint(pipe(sleeper.end), ==, 0);
    g_assert_cmpint(pthread_create(&sleeper.thread, NULL, sleep_under_name, &sleeper), ==, 0);
    g_assert_cmpint(read(sleeper.ready[0], &byte, 1), ==, 1);
    found = vsf_vcpu_find(getpid());
    g_assert_cmpuint(found->len, ==, 1);
    g_assert_true(vsf_vcpu_wait(getpid(), found, kept, &wait_ns));
    g_assert_cmpuint(wait_ns, <, G_MAXUINT64);
    g_array_append_val(kept, closed);
    for (guint i = 0; i < 2; i++) {
        g_assert_true(vsf_vcpu_wait(getpid(), found, kept, &wait_ns));
        g_assert_cmpint(g_array_index(kept, int, 0), >=, 0);
    }
    close(sleeper.end[1]);
    pthread_join(sleeper.thread, NULL);
    /* It is gone from /proc a moment later than from pthread_join(). */
    while (vsf_vcpu_wait(getpid(), found, kept, &wait_ns))
        g_usleep(1000);
    g_assert_cmpint(g_array_index(kept, int, 0), ==, -1);
    close(sleeper.end[0]);
    close(sleeper.ready[0]);
    close(sleeper.ready[1]);
}

static void
test_a_process_that_is_gone_has_no_threads(void)
{
    g_autoptr(GArray) found = vsf_vcpu_find(0x7ffffffe);

    g_assert_cmpuint(found->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/vcpu/threads-are-known-by-name", test_vcpu_threads_are_known_by_name);
    g_test_add_func("/host/vcpu/wait-is-the-second-number", test_wait_is_the_second_number);
    g_test_add_func("/host/vcpu/threads-of-a-process-are-found-and-read",
                    test_threads_of_a_process_are_found_and_read);
    g_test_add_func("/host/vcpu/a-process-that-is-gone-has-no-threads",
                    test_a_process_that_is_gone_has_no_threads);
    return g_test_run();
}
