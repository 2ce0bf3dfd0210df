/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each command's reply as a typed value: whole reply in, NULL with an error of
 * VSF_QGA_ERROR or the value out, which the caller owns. @length is in bytes. An
 * entry of a list that is no object, or has no name, is left out. */
#pragma once

#include "../include/qga.h"

VsfQgaInfo *vsf_qga_parse_info(const char *reply, gsize length, GError **error);
VsfQgaFilesystems *vsf_qga_parse_filesystems(const char *reply, gsize length, GError **error);
VsfQgaOs *vsf_qga_parse_os(const char *reply, gsize length, GError **error);
char *vsf_qga_parse_host_name(const char *reply, gsize length, GError **error);
VsfQgaLoad *vsf_qga_parse_load(const char *reply, gsize length, GError **error);
GArray *vsf_qga_parse_cpu_stats(const char *reply, gsize length, GError **error);
GPtrArray *vsf_qga_parse_disk_stats(const char *reply, gsize length, GError **error);
GPtrArray *vsf_qga_parse_interfaces(const char *reply, gsize length, GError **error);

/* guest-file-open: FALSE with @error, and @handle untouched, if there is none. */
gboolean vsf_qga_parse_handle(const char *reply, gsize length, gint64 *handle, GError **error);

/* guest-file-read of /proc/meminfo. */
VsfQgaMemory *vsf_qga_parse_memory(const char *reply, gsize length, GError **error);

/* guest-file-close: a reply without anything in it. */
gboolean vsf_qga_parse_closed(const char *reply, gsize length, GError **error);

/* The text of /proc/meminfo itself; NULL if it has no MemTotal. A last line
 * without a newline is half a line, and left out. */
VsfQgaMemory *vsf_qga_parse_meminfo(const char *text, gsize length);

void vsf_qga_filesystem_free(VsfQgaFilesystem *filesystem);
void vsf_qga_filesystems_free(VsfQgaFilesystems *filesystems);
void vsf_qga_os_free(VsfQgaOs *os);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfQgaFilesystem, vsf_qga_filesystem_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfQgaFilesystems, vsf_qga_filesystems_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfQgaOs, vsf_qga_os_free)
