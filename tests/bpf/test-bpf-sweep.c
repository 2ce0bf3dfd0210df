/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters that a daemon left when it was killed, beside those of one that lives. */
#include "../../daemon/bpf/bpf-private.h"
#include "../base/passing.h"
#include "bpf-lab.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "virt-sflow-0123456789abcdef"

/* Another daemon on vnet0; it waits for its end. */
static pid_t
start_other(gconstpointer way)
{
    int fds[2];
    char byte;
    pid_t pid;

    g_assert_cmpint(pipe(fds), ==, 0);
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        BpfLab lab;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bpf_lab_start(&lab, way, VSF_DIRECTION_BOTH);
        bpf_lab_attach(&lab, "vnet0", FALSE, 1);
        g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
        for (;;)
            pause();
    }
    g_assert_cmpint(read(fds[0], &byte, 1), ==, 1);
    close(fds[0]);
    close(fds[1]);
    return pid;
}

static void
kill_other(pid_t pid)
{
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static gboolean
has_no_tcx(gpointer unused G_GNUC_UNUSED)
{
    return bpf_lab_n_tcx("vnet0") == 0;
}

static void
test_removes_what_a_killed_one_left(gconstpointer way)
{
    int fd = bpf_lab_new_tap("vnet0"), other = bpf_lab_new_tap("vnet1");
    gboolean is_tcx = strcmp(way, BPF_LAB_TCX) == 0;
    g_autofree char *before = bpf_lab_show_tc(), *left = NULL, *after = NULL, *others = NULL;

    g_free(bpf_lab_tc("qdisc add dev vnet1 clsact"));
    g_free(bpf_lab_tc("filter add dev vnet1 egress protocol ip prio 9 u32 match u32 0 0 "
                      "flowid 1:1"));
    kill_other(start_other(way));
    left = bpf_lab_show_tc();
    if (is_tcx) /* the kernel ends links a moment after their process */
        tap_lab_loop_until(has_no_tcx, NULL);
    else
        g_assert_nonnull(strstr(left, "virt-sflow"));
    g_assert_cmpuint(vsf_bpf_sweep().removed, ==, is_tcx ? 0 : 1);
    g_assert_cmpuint(vsf_bpf_sweep().removed, ==, 0);
    after = bpf_lab_show_tc();
    g_assert_cmpstr(after, ==, before);
    others = bpf_lab_tc("filter show dev vnet1 egress");
    g_assert_nonnull(strstr(others, "u32"));
    close(fd);
    close(other);
}

/* A second daemon of this host, and our own. */
static void
test_leaves_those_of_the_living(void)
{
    int fds[2] = {bpf_lab_new_tap("vnet0"), bpf_lab_new_tap("vnet1")};
    g_autofree char *before = bpf_lab_show_tc(), *during = NULL, *swept = NULL, *after = NULL;
    pid_t pid = start_other(BPF_LAB_CLSACT);
    VsfBpfTap *tap;
    BpfLab lab;

    bpf_lab_start(&lab, BPF_LAB_CLSACT, VSF_DIRECTION_BOTH);
    tap = bpf_lab_attach(&lab, "vnet1", FALSE, 1);
    during = bpf_lab_show_tc();
    g_assert_cmpstr(during, !=, before);
    g_assert_cmpuint(vsf_bpf_sweep().removed, ==, 0);
    swept = bpf_lab_show_tc();
    g_assert_cmpstr(swept, ==, during);
    bpf_lab_send(fds[1], 100, 3);
    g_assert_cmpuint(bpf_lab_counts(tap).candidates, ==, 3);
    kill_other(pid);
    g_assert_cmpuint(vsf_bpf_sweep().removed, ==, 1);
    after = bpf_lab_show_tc();
    g_assert_cmpstr(after, ==, before);
    bpf_lab_send(fds[1], 100, 3);
    g_assert_cmpuint(bpf_lab_counts(tap).candidates, ==, 6);
    vsf_bpf_detach(tap);
    bpf_lab_stop(&lab);
    close(fds[0]);
    close(fds[1]);
}

static void
test_counts_what_it_may_not_remove(void)
{
    int fd = bpf_lab_new_tap("vnet0");
    g_autofree char *before = bpf_lab_show_tc(), *left = NULL, *after = NULL;
    VsfBpfSwept swept;

    kill_other(start_other(BPF_LAB_CLSACT));
    left = bpf_lab_show_tc();
    /* With the user the capabilities go, and come back. */
    g_assert_cmpint(seteuid(65534), ==, 0);
    swept = vsf_bpf_sweep();
    g_assert_cmpint(seteuid(0), ==, 0);
    g_assert_cmpuint(swept.removed, ==, 0);
    g_assert_cmpuint(swept.left, ==, 1);
    after = bpf_lab_show_tc();
    g_assert_cmpstr(after, ==, left);
    g_assert_cmpuint(vsf_bpf_sweep().removed, ==, 1);
    g_free(after);
    after = bpf_lab_show_tc();
    g_assert_cmpstr(after, ==, before);
    close(fd);
}

static void
test_only_names_of_ours_are_ours(void)
{
    static const char *const names[] = {"virt-sflow-0123456789abcde", "virt-sflow-0123456789abcdeg",
                                        "other"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_false(vsf_bpf_owner_is_name(names[i]));
    g_assert_false(vsf_bpf_owner_is_name(NULL));
    g_assert_true(vsf_bpf_owner_is_name(NAME));
    g_assert_false(vsf_bpf_owner_lives(NAME));
}

static socklen_t
name_address(struct sockaddr_un *address, const char *name)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path + 1, name, strlen(name));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int
bind_name(int type)
{
    struct sockaddr_un address;
    socklen_t size = name_address(&address, NAME);
    int fd = socket(AF_UNIX, type, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, size), ==, 0);
    return fd;
}

/* Its name is there for all to read, and free for all when it is dead. */
static void
test_others_are_no_owner(void)
{
    static const uid_t users[] = {0, 65534};
    int fd = bind_name(SOCK_DGRAM);
    VsfBpfOwner owner;

    g_assert_false(vsf_bpf_owner_lives(NAME));
    close(fd);
    for (guint i = 0; i < G_N_ELEMENTS(users); i++) {
        fd = bind_name(SOCK_SEQPACKET);
        g_assert_false(vsf_bpf_owner_lives(NAME));
        g_assert_cmpint(seteuid(users[i]), ==, 0);
        g_assert_cmpint(listen(fd, 1), ==, 0);
        /* A daemon of that user has no other to believe. */
        g_assert_true(vsf_bpf_owner_lives(NAME));
        g_assert_cmpint(seteuid(0), ==, 0);
        g_assert_true(vsf_bpf_owner_lives(NAME) == (users[i] == 0));
        close(fd);
    }
    g_assert_true(vsf_bpf_owner_init(&owner, NULL));
    g_assert_true(vsf_bpf_owner_lives(owner.name));
    /* Root's is believed by all. */
    g_assert_cmpint(seteuid(65534), ==, 0);
    g_assert_true(vsf_bpf_owner_lives(owner.name));
    g_assert_cmpint(seteuid(0), ==, 0);
    vsf_bpf_owner_clear(&owner);
    g_assert_false(vsf_bpf_owner_lives(owner.name));
}

/* So many asked that no more are let in. */
static void
test_in_doubt_an_owner_lives(void)
{
    struct sockaddr_un address;
    socklen_t size = name_address(&address, NAME);
    int fd = bind_name(SOCK_SEQPACKET), asking;

    g_assert_cmpint(listen(fd, 0), ==, 0);
    do {
        asking = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        errno = 0;
        (void)!connect(asking, (struct sockaddr *)&address, size);
        close(asking);
    } while (errno == 0);
    g_assert_true(vsf_bpf_owner_lives(NAME));
    close(fd);
    g_assert_false(vsf_bpf_owner_lives(NAME));
}

/* It would be closed with the owner's socket, which could take long. Where the kernel (< 6.16)
 * cannot refuse it, it is passed. */
static void
test_nobody_passes_descriptors(void)
{
    const int off = 0;
    int asking = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), got;
    gboolean can_refuse = setsockopt(asking, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == 0;
    struct sockaddr_un address;
    VsfBpfOwner owner;
    socklen_t size;

    g_assert_true(vsf_bpf_owner_init(&owner, NULL));
    size = name_address(&address, owner.name);
    g_assert_cmpint(connect(asking, (struct sockaddr *)&address, size), ==, 0);
    got = pass_descriptor(asking, asking);
    g_assert_cmpint(got, ==, can_refuse ? EPERM : 0);
    close(asking);
    vsf_bpf_owner_clear(&owner);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    bpf_lab_add("/bpf/sweep/removes-what-a-killed-one-left", test_removes_what_a_killed_one_left);
    g_test_add_func("/bpf/sweep/leaves-those-of-the-living", test_leaves_those_of_the_living);
    g_test_add_func("/bpf/sweep/counts-what-it-may-not-remove", test_counts_what_it_may_not_remove);
    g_test_add_func("/bpf/sweep/only-names-of-ours-are-ours", test_only_names_of_ours_are_ours);
    g_test_add_func("/bpf/sweep/others-are-no-owner", test_others_are_no_owner);
    g_test_add_func("/bpf/sweep/in-doubt-an-owner-lives", test_in_doubt_an_owner_lives);
    g_test_add_func("/bpf/sweep/nobody-passes-descriptors", test_nobody_passes_descriptors);
    return g_test_run();
}
