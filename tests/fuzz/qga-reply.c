/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every parser of a guest agent's reply over the same bytes, as they are and with
 * a "return" around them, which the fuzzer would have to find each time. */
#include "../../qga/field.h"
#include "../../qga/reply.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_text(const char *text)
{
    if (text == NULL)
        return;
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_cmpuint(strlen(text), <=, VSF_QGA_TEXT_MAX);
    for (const char *at = text; *at != '\0'; at++)
        g_assert_false(g_ascii_iscntrl(*at));
}

static void
check_filesystems(const char *text, gsize length)
{
    g_autoptr(VsfQgaFilesystems) all = vsf_qga_parse_filesystems(text, length, NULL);

    for (guint i = 0; all != NULL && i < all->filesystems->len; i++) {
        const VsfQgaFilesystem *filesystem = all->filesystems->pdata[i];

        check_text(filesystem->name);
        check_text(filesystem->mount_point);
        check_text(filesystem->type);
        if (filesystem->total_bytes != VSF_QGA_UNKNOWN && filesystem->used_bytes != VSF_QGA_UNKNOWN)
            g_assert_cmpuint(filesystem->used_bytes, <=, filesystem->total_bytes);
        g_assert_cmpuint(filesystem->disks->len, <=, VSF_QGA_DISKS_MAX);
        if (filesystem->type == NULL)
            g_assert_false(filesystem->read_only_type);
    }
    if (all != NULL)
        g_assert_cmpuint(all->filesystems->len, <=, VSF_QGA_FILESYSTEMS_MAX);
}

static void
check_system(const char *text, gsize length)
{
    g_autoptr(VsfQgaInfo) info = vsf_qga_parse_info(text, length, NULL);
    g_autoptr(VsfQgaOs) os = vsf_qga_parse_os(text, length, NULL);
    g_autofree char *name = vsf_qga_parse_host_name(text, length, NULL);
    g_autofree VsfQgaLoad *load = vsf_qga_parse_load(text, length, NULL);
    g_autofree VsfQgaMemory *memory = vsf_qga_parse_memory(text, length, NULL);

    if (info != NULL)
        g_assert_cmphex(info->enabled & ~info->listed, ==, 0);
    check_text(os != NULL ? os->pretty_name : NULL);
    check_text(name);
    if (load != NULL)
        g_assert_true(load->one_minute >= 0 || load->one_minute == VSF_QGA_UNKNOWN_LOAD);
    if (memory != NULL && memory->available != VSF_QGA_UNKNOWN)
        g_assert_cmpuint(memory->available, <=, memory->total);
}

static void
check_all(const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) cpus = vsf_qga_parse_cpu_stats(text, length, NULL);
    g_autoptr(GPtrArray) disks = vsf_qga_parse_disk_stats(text, length, NULL);
    g_autoptr(GPtrArray) interfaces = vsf_qga_parse_interfaces(text, length, NULL);
    gint64 handle = VSF_QGA_NO_HANDLE;

    check_filesystems(text, length);
    check_system(text, length);
    if (vsf_qga_parse_handle(text, length, &handle, NULL))
        g_assert_cmpint(handle, >, VSF_QGA_NO_HANDLE);
    if (!vsf_qga_parse_closed(text, length, &error))
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
    if (cpus != NULL)
        g_assert_cmpuint(cpus->len, <=, VSF_QGA_CPUS_MAX);
    if (disks != NULL)
        g_assert_cmpuint(disks->len, <=, VSF_QGA_DISK_STATS_MAX);
    if (interfaces != NULL)
        g_assert_cmpuint(interfaces->len, <=, VSF_QGA_INTERFACES_MAX);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    /* A copy of just that size, so that a read past the end is seen. */
    g_autofree char *exact = g_memdup2(data, size);
    const char *bytes = exact != NULL ? exact : "";
    g_autofree char *text = g_strndup(bytes, size);
    g_autofree char *wrapped = g_strdup_printf("{\"return\":%s}", text);
    g_autofree char *shown = vsf_qga_text(text);
    g_autofree VsfQgaMemory *memory = vsf_qga_parse_meminfo(bytes, size);

    check_text(shown);
    if (memory != NULL)
        g_assert_cmpuint(memory->total, >, 0);
    check_all(bytes, size);
    check_all(wrapped, strlen(wrapped));
    return 0;
}
