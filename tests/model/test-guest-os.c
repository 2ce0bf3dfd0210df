/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/guest-os.h"

#include <string.h>

static void
test_the_system_by_its_id_or_its_kernel(void)
{
    static const struct {
        const char *id, *name, *kernel_release, *kernel_version;
        guint32 want;
    } cases[] = {
        {NULL, NULL, NULL, NULL, 0},
        {"", "", "", "", 0},
        {"debian", NULL, NULL, NULL, 2},
        {"Ubuntu", NULL, NULL, NULL, 2},
        {"opensuse-leap", NULL, NULL, NULL, 2},
        {"mswindows", "Microsoft Windows", "20348", "10.0", 3},
        {"macos", NULL, NULL, NULL, 4},
        {"dragonfly", NULL, NULL, NULL, 7},
        {"freebsd", NULL, "14.0-RELEASE", "FreeBSD 14.0-RELEASE", 8},
        {"netbsd", NULL, NULL, NULL, 9},
        {"openbsd", NULL, "7.4", "GENERIC.MP#2", 10},
        {"omnios", NULL, "5.11", "omnios-r151048", 12},
        {"our-own-distribution", NULL, "6.1.0", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1", 2},
        {"our-own-distribution", NULL, "6.1.0", "#41~22.04.1-Ubuntu SMP", 2},
        /* An agent that found no os-release. */
        {NULL, NULL, "6.6.1", "#1-Alpine SMP", 2},
        {NULL, NULL, "7.4", "GENERIC.MP#2", 1},
        {NULL, NULL, "x", "#", 1},
        {"haiku", NULL, NULL, NULL, 1},
        {"linux-lookalike", NULL, NULL, "# SMP", 1},
        {"linu", NULL, NULL, NULL, 1},
        {NULL, "Plan 9", NULL, NULL, 1},
        /* The id is believed before the kernel. */
        {"freebsd", NULL, NULL, "#1 SMP", 8},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const VsfQgaOs os = {.id = (char *)cases[i].id,
                             .name = (char *)cases[i].name,
                             .kernel_release = (char *)cases[i].kernel_release,
                             .kernel_version = (char *)cases[i].kernel_version};

        g_assert_cmpuint(vsf_guest_os_name(&os), ==, cases[i].want);
    }
}

static void
test_the_release_is_the_kernels_and_of_windows_the_version(void)
{
    static const struct {
        const char *id, *kernel_release, *version, *kernel_version, *pretty_name, *want;
    } cases[] = {
        {"debian", "6.1.0-18-amd64", "12 (bookworm)", "#1 SMP", "Debian 12", "6.1.0-18-amd64"},
        {"debian", NULL, "12 (bookworm)", "#1 SMP", "Debian 12", ""},
        {NULL, NULL, NULL, NULL, NULL, ""},
        {"mswindows", "20348", "Microsoft Windows Server 2022", "10.0", "Windows Server 2022",
         "Microsoft Windows Server 2022"},
        {"mswindows", "20348", NULL, "10.0", "Windows Server 2022", "10.0"},
        {"mswindows", "20348", "", NULL, "Windows Server 2022", "Windows Server 2022"},
        {"mswindows", "20348", NULL, NULL, NULL, ""},
        /* 31 bytes at most. */
        {NULL, "1234567890123456789012345678901", NULL, NULL, NULL,
         "1234567890123456789012345678901"},
        {NULL, "12345678901234567890123456789012", NULL, NULL, NULL,
         "1234567890123456789012345678901"},
        {NULL, "6.1 \xe2\x82\xac\xc3\xa9.x", NULL, NULL, NULL, "6.1 ??.x"},
        {NULL, "a\x7f\x1b[2Jb\n", NULL, NULL, NULL, "a??[2Jb?"},
        {NULL, "123456789012345678901234567890\xe2\x82\xac", NULL, NULL, NULL,
         "123456789012345678901234567890?"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const VsfQgaOs os = {.id = (char *)cases[i].id,
                             .kernel_release = (char *)cases[i].kernel_release,
                             .version = (char *)cases[i].version,
                             .kernel_version = (char *)cases[i].kernel_version,
                             .pretty_name = (char *)cases[i].pretty_name};
        char release[VSF_OS_RELEASE_SIZE];

        memset(release, 'x', sizeof(release));
        vsf_guest_os_release(&os, release);
        g_assert_cmpstr(release, ==, cases[i].want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/guest-os/the-system-by-its-id-or-its-kernel",
                    test_the_system_by_its_id_or_its_kernel);
    g_test_add_func("/model/guest-os/the-release-is-the-kernels-and-of-windows-the-version",
                    test_the_release_is_the_kernels_and_of_windows_the_version);
    return g_test_run();
}
