/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room's door in a build without eBPF: nothing can be loaded, so that nothing else is ever
 * called with something. */
#include "bpf-sampler.h"

G_DEFINE_QUARK(vsf - bpf - error, vsf_bpf_error)

gboolean
vsf_bpf_is_built(void)
{
    return FALSE;
}

guint
vsf_bpf_taps_max(const VsfBpf *bpf G_GNUC_UNUSED)
{
    return 0;
}

const char *
vsf_bpf_attachment(const VsfBpf *bpf G_GNUC_UNUSED)
{
    return "none";
}

VsfBpf *
vsf_bpf_load(const VsfBpfConfig *config G_GNUC_UNUSED, GError **error)
{
    g_set_error_literal(error, VSF_BPF_ERROR, VSF_BPF_ERROR_NOT_BUILT,
                        "this build has no eBPF (it was made with -Dbpf=disabled, or without "
                        "clang or libbpf)");
    return NULL;
}

void
vsf_bpf_free(VsfBpf *bpf)
{
    g_assert(bpf == NULL);
}

int
vsf_bpf_fd(const VsfBpf *bpf G_GNUC_UNUSED)
{
    return -1;
}

int
vsf_bpf_read(VsfBpf *bpf G_GNUC_UNUSED, guint max G_GNUC_UNUSED,
             void (*sample)(const VsfBpfSample *, gpointer) G_GNUC_UNUSED,
             gpointer user_data G_GNUC_UNUSED)
{
    return 0;
}

VsfBpfTap *
vsf_bpf_attach(VsfBpf *bpf G_GNUC_UNUSED, int ifindex G_GNUC_UNUSED, VsfSide side G_GNUC_UNUSED,
               guint32 rate G_GNUC_UNUSED, GError **error)
{
    g_set_error_literal(error, VSF_BPF_ERROR, VSF_BPF_ERROR_NOT_BUILT, "this build has no eBPF");
    return NULL;
}

void
vsf_bpf_detach(VsfBpfTap *tap)
{
    g_assert(tap == NULL);
}

gboolean
vsf_bpf_set_rate(VsfBpfTap *tap G_GNUC_UNUSED, guint32 rate G_GNUC_UNUSED, GError **error)
{
    g_set_error_literal(error, VSF_BPF_ERROR, VSF_BPF_ERROR_NOT_BUILT, "this build has no eBPF");
    return FALSE;
}

void
vsf_bpf_counts(const VsfBpfTap *tap G_GNUC_UNUSED, VsfBpfCounts *counts)
{
    *counts = (VsfBpfCounts){0};
}

guint
vsf_bpf_fds(const VsfBpfTap *tap G_GNUC_UNUSED)
{
    return 0;
}

VsfBpfSwept
vsf_bpf_sweep(void)
{
    return (VsfBpfSwept){0};
}
