/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reduces guest-get-osinfo to the two fields that sFlow has. */
#include "guest-os.h"

enum {
    OS_UNKNOWN = 0,
    OS_OTHER = 1,
    OS_LINUX = 2,
    OS_WINDOWS = 3,
    OS_DARWIN = 4,
    OS_DRAGONFLY = 7,
    OS_FREEBSD = 8,
    OS_NETBSD = 9,
    OS_OPENBSD = 10,
    OS_SOLARIS = 12,
};

/* ID of os-release, which the agent passes on; "mswindows" is the agent's own. A
 * Linux that is not here is known by its kernel. */
static const struct {
    const char *id;
    guint32 name;
} systems[] = {
    {"mswindows", OS_WINDOWS},
    {"darwin", OS_DARWIN},
    {"macos", OS_DARWIN},
    {"macosx", OS_DARWIN},
    {"dragonfly", OS_DRAGONFLY},
    {"freebsd", OS_FREEBSD},
    {"ghostbsd", OS_FREEBSD},
    {"hardenedbsd", OS_FREEBSD},
    {"midnightbsd", OS_FREEBSD},
    {"opnsense", OS_FREEBSD},
    {"pfsense", OS_FREEBSD},
    {"netbsd", OS_NETBSD},
    {"openbsd", OS_OPENBSD},
    {"illumos", OS_SOLARIS},
    {"omnios", OS_SOLARIS},
    {"openindiana", OS_SOLARIS},
    {"smartos", OS_SOLARIS},
    {"solaris", OS_SOLARIS},
    {"tribblix", OS_SOLARIS},
    {"almalinux", OS_LINUX},
    {"alpine", OS_LINUX},
    {"amzn", OS_LINUX},
    {"arch", OS_LINUX},
    {"azurelinux", OS_LINUX},
    {"centos", OS_LINUX},
    {"debian", OS_LINUX},
    {"devuan", OS_LINUX},
    {"fedora", OS_LINUX},
    {"flatcar", OS_LINUX},
    {"gentoo", OS_LINUX},
    {"kali", OS_LINUX},
    {"linux", OS_LINUX}, /* os-release without an ID means this */
    {"linuxmint", OS_LINUX},
    {"nixos", OS_LINUX},
    {"ol", OS_LINUX},
    {"openeuler", OS_LINUX},
    {"opensuse", OS_LINUX},
    {"opensuse-leap", OS_LINUX},
    {"opensuse-tumbleweed", OS_LINUX},
    {"photon", OS_LINUX},
    {"raspbian", OS_LINUX},
    {"rhel", OS_LINUX},
    {"rocky", OS_LINUX},
    {"sled", OS_LINUX},
    {"sles", OS_LINUX},
    {"ubuntu", OS_LINUX},
    {"void", OS_LINUX},
};

static gboolean
is_told(const char *text)
{
    return text != NULL && *text != '\0';
}

/* uname -v of Linux counts builds, "#1 SMP PREEMPT_DYNAMIC ..."; other systems
 * begin with their name. */
static gboolean
has_linux_kernel(const VsfQgaOs *os)
{
    return is_told(os->kernel_version) && os->kernel_version[0] == '#' &&
           g_ascii_isdigit(os->kernel_version[1]);
}

guint32
vsf_guest_os_name(const VsfQgaOs *os)
{
    for (guint i = 0; os->id != NULL && i < G_N_ELEMENTS(systems); i++)
        if (g_ascii_strcasecmp(os->id, systems[i].id) == 0)
            return systems[i].name;
    if (has_linux_kernel(os))
        return OS_LINUX;
    if (is_told(os->id) || is_told(os->name) || is_told(os->pretty_name) || is_told(os->version) ||
        is_told(os->kernel_release) || is_told(os->kernel_version))
        return OS_OTHER;
    return OS_UNKNOWN;
}

void
vsf_guest_os_release(const VsfQgaOs *os, char release[VSF_OS_RELEASE_SIZE])
{
    gboolean windows = vsf_guest_os_name(os) == OS_WINDOWS;
    /* What Windows calls its kernel's release is the number of its build. */
    const char *const choices[] = {windows ? os->version : os->kernel_release,
                                   windows ? os->kernel_version : NULL,
                                   windows ? os->pretty_name : NULL};
    const char *from = "";
    guint used = 0;

    for (guint i = G_N_ELEMENTS(choices); i > 0; i--)
        if (is_told(choices[i - 1]))
            from = choices[i - 1];
    for (; *from != '\0' && used < VSF_OS_RELEASE_SIZE - 1; from++) {
        guint8 byte = (guint8)*from;

        /* One '?' for a character: the bytes that continue it are passed over. */
        if ((byte & 0xc0) != 0x80)
            release[used++] = g_ascii_isprint(*from) ? *from : '?';
    }
    release[used] = '\0';
}
