/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loader says where bpf(2) is not for us, and that two capabilities are all it needs. Each
 * case is a process of its own. */
#include "bpf-lab.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAP_BPF_BIT 39
#define ALL_GOOD 100 /* an exit status; others are VsfBpfError */

/* Keeps @capabilities alone; 64 bits. */
static void
keep_capabilities(guint64 capabilities)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    for (guint i = 0; i < 2; i++)
        data[i].effective = data[i].permitted = (guint32)(capabilities >> (32 * i));
    g_assert_cmpint(syscall(SYS_capset, &header, data), ==, 0);
}

/* bpf(2) answers @code from now on. */
static void
forbid_bpf(int code)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((guint32)code & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {G_N_ELEMENTS(program), program};

    g_assert_cmpint(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
    g_assert_cmpint(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), ==, 0);
}

/* Loads and attaches; the exit status says how that went, the pipe in which words. */
static void
try_all(int words)
{
    VsfBpfConfig config = {128, VSF_DIRECTION_ONCE, 4, 0};
    g_autoptr(GError) error = NULL;
    VsfBpf *bpf = vsf_bpf_load(&config, &error);
    VsfBpfTap *tap = NULL;

    if (bpf != NULL)
        tap = vsf_bpf_attach(bpf, tap_lab_ifindex("vnet0"), FALSE, 512, &error);
    if (tap != NULL) {
        vsf_bpf_detach(tap);
        vsf_bpf_free(bpf);
        _exit(ALL_GOOD);
    }
    if (write(words, error->message, strlen(error->message)) < 0)
        _exit(ALL_GOOD + 1);
    _exit(error->code);
}

static int
answer_of(gboolean drop, guint64 capabilities, int forbid, char text[300])
{
    int fds[2], status = 0, tap = tap_lab_tap("vnet0");
    gssize size;
    pid_t pid;

    tap_lab_up("vnet0");
    g_assert_cmpint(pipe(fds), ==, 0);
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        if (forbid != 0)
            forbid_bpf(forbid);
        if (drop)
            keep_capabilities(capabilities);
        try_all(fds[1]);
    }
    close(fds[1]);
    size = read(fds[0], text, 299);
    text[MAX(size, 0)] = 0;
    close(fds[0]);
    close(tap);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFEXITED(status));
    g_test_message("%s", text);
    return WEXITSTATUS(status);
}

#define BIT(n) (G_GUINT64_CONSTANT(1) << (n))

static void
test_two_capabilities_are_enough(void)
{
    char text[300];

    g_assert_cmpint(answer_of(TRUE, BIT(CAP_BPF_BIT) | BIT(CAP_NET_ADMIN), 0, text), ==, ALL_GOOD);
}

static void
test_a_missing_capability_is_told(void)
{
    static const guint64 sets[] = {0, BIT(CAP_NET_ADMIN), BIT(CAP_BPF_BIT)};
    char text[300];

    for (guint i = 0; i < G_N_ELEMENTS(sets); i++) {
        g_assert_cmpint(answer_of(TRUE, sets[i], 0, text), ==, VSF_BPF_ERROR_PERMISSION);
        g_assert_nonnull(strstr(text, "CAP_BPF and CAP_NET_ADMIN"));
    }
}

static void
test_seccomp_is_told(void)
{
    char text[300];

    g_assert_cmpint(answer_of(FALSE, 0, EPERM, text), ==, VSF_BPF_ERROR_PERMISSION);
    g_assert_nonnull(strstr(text, "seccomp"));
    g_assert_cmpint(answer_of(FALSE, 0, ENOSYS, text), ==, VSF_BPF_ERROR_UNSUPPORTED);
    g_assert_cmpint(answer_of(FALSE, 0, ENOMEM, text), ==, VSF_BPF_ERROR_FAILED);
    g_assert_nonnull(strstr(text, "RLIMIT_MEMLOCK"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    g_test_add_func("/bpf/rights/two-capabilities-are-enough", test_two_capabilities_are_enough);
    g_test_add_func("/bpf/rights/a-missing-capability-is-told", test_a_missing_capability_is_told);
    g_test_add_func("/bpf/rights/seccomp-is-told", test_seccomp_is_told);
    return g_test_run();
}
