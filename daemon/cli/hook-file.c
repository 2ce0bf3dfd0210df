/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../include/hook-msg.h"
#include "hook-trial.h"

/* In hooks/ itself, where libvirt runs nothing but the names it knows. */
#define STRAY_PREFIX ".virt-sflow-hook-"

/* A static program with debug information has less than 1 MiB. */
#define PROGRAM_SIZE_MAX (16 * 1024 * 1024)

/* The hook promises 0.2 s; the host may be busy. */
#define TRIAL_LIMIT_MS 3000

static gboolean
fail(GError **error, const char *path, const char *doing)
{
    const int number = errno;

    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number), "%s: %s: %s", path, doing,
                g_strerror(number));
    return FALSE;
}

/* Not g_file_get_contents(): that would wait for ever at a FIFO. */
static GBytes *
read_file(const char *path, int flags, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
    g_autofree char *buffer = NULL;
    struct stat info;
    gsize used = 0;
    gssize got = 0;

    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) ||
        info.st_size > PROGRAM_SIZE_MAX) {
        if (fd < 0)
            fail(error, path, "open");
        else
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: not a program file", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    buffer = g_malloc((gsize)info.st_size + 1);
    while (used < (gsize)info.st_size &&
           (got = read(fd, buffer + used, (gsize)info.st_size - used)) > 0)
        used += (gsize)got;
    if (got < 0) {
        fail(error, path, "read");
        close(fd);
        return NULL;
    }
    close(fd);
    return g_bytes_new_take(g_steal_pointer(&buffer), used);
}

static const char *
find_mark(GBytes *program)
{
    gsize size;
    const char *bytes = g_bytes_get_data(program, &size);

    return bytes != NULL ? memmem(bytes, size, VSF_HOOK_MARKER, strlen(VSF_HOOK_MARKER)) : NULL;
}

char *
vsf_hook_file_version(GBytes *program)
{
    const char *mark = find_mark(program);
    const char *end;
    gsize length = 0;

    if (mark == NULL)
        return g_strdup("unknown");
    end = (const char *)g_bytes_get_data(program, NULL) + g_bytes_get_size(program);
    mark += strlen(VSF_HOOK_MARKER);
    while (mark + length < end && length < 40 &&
           (g_ascii_isalnum(mark[length]) || strchr(".-+~", mark[length]) != NULL) &&
           mark[length] != '\0')
        length++;
    return g_strndup(mark, length);
}

gboolean
vsf_hook_file_inspect(const char *path, VsfHookFile *file, GError **error)
{
    VsfHookFile found = {.kind = VSF_HOOK_FILE_FOREIGN};
    struct stat info;

    if (lstat(path, &info) < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return fail(error, path, "cannot be seen");
        found.kind = VSF_HOOK_FILE_ABSENT;
    } else if (S_ISREG(info.st_mode) && info.st_size <= PROGRAM_SIZE_MAX) {
        found.bytes = read_file(path, O_NOFOLLOW, error);
        if (found.bytes == NULL)
            return FALSE;
        found.executable = (info.st_mode & 0111) != 0;
        if (find_mark(found.bytes) != NULL)
            found.kind = VSF_HOOK_FILE_OURS;
        else
            g_clear_pointer(&found.bytes, g_bytes_unref);
    }
    *file = found;
    return TRUE;
}

void
vsf_hook_file_clear(VsfHookFile *file)
{
    g_clear_pointer(&file->bytes, g_bytes_unref);
}

GBytes *
vsf_hook_file_read_program(const char *path, GError **error)
{
    g_autoptr(GBytes) program = read_file(path, 0, error);

    if (program == NULL)
        return NULL;
    if (find_mark(program) == NULL) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: not virt-sflow's hook", path);
        return NULL;
    }
    return g_steal_pointer(&program);
}

static gboolean
make_folder(const char *path, GError **error)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return TRUE;
    return fail(error, path,
                errno == ENOENT ? "cannot make this folder (is libvirt installed on this host?)"
                                : "cannot make this folder");
}

static gboolean
sync_folder(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean synced = fd >= 0 && fsync(fd) == 0;

    if (!synced)
        fail(error, path, "sync");
    if (fd >= 0)
        close(fd);
    return synced;
}

static gboolean
write_all(int fd, GBytes *program)
{
    gsize left;
    const char *at = g_bytes_get_data(program, &left);

    while (left > 0) {
        gssize put = write(fd, at, left);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FALSE;
        at += put;
        left -= (gsize)put;
    }
    return TRUE;
}

/* The bit is set last: before that no crash leaves anything that runs. Closed
 * before the trial, since a file open for writing cannot be run. */
static gboolean
write_temporary(GBytes *program, char *template, GError **error)
{
    int fd = g_mkstemp_full(template, O_RDWR | O_CLOEXEC, 0600);
    gboolean written;

    if (fd < 0)
        return fail(error, template, "create");
    written = write_all(fd, program) && fsync(fd) == 0 && fchmod(fd, 0755) == 0 && fsync(fd) == 0;
    if (!written)
        fail(error, template, "write");
    if (close(fd) < 0 && written)
        written = fail(error, template, "close");
    if (!written)
        unlink(template);
    return written;
}

gboolean
vsf_hook_file_install(GBytes *program, const char *hooks_dir, const char *target, GError **error)
{
    g_autofree char *temporary = g_build_filename(hooks_dir, STRAY_PREFIX "XXXXXX", NULL);
    g_autofree char *folder = g_path_get_dirname(target);

    if (!make_folder(hooks_dir, error) || !write_temporary(program, temporary, error))
        return FALSE;
    if (!vsf_hook_trial(temporary, TRIAL_LIMIT_MS, error)) {
        g_prefix_error(error, "the hook fails its trial and would stop VMs: ");
        unlink(temporary);
        return FALSE;
    }
    if (!make_folder(folder, error) ||
        (rename(temporary, target) < 0 && !fail(error, target, "cannot be put in place"))) {
        unlink(temporary);
        return FALSE;
    }
    return sync_folder(folder, error) && sync_folder(hooks_dir, error);
}

gboolean
vsf_hook_file_remove(const char *target, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(target);

    if (unlink(target) < 0 && errno != ENOENT)
        return fail(error, target, "cannot be removed");
    return sync_folder(folder, error);
}

guint
vsf_hook_file_remove_strays(const char *hooks_dir)
{
    g_autoptr(GDir) folder = g_dir_open(hooks_dir, 0, NULL);
    const char *name;
    guint n = 0;

    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(hooks_dir, name, NULL);
        struct stat info;

        if (g_str_has_prefix(name, STRAY_PREFIX) && lstat(path, &info) == 0 &&
            S_ISREG(info.st_mode) && unlink(path) == 0)
            n++;
    }
    return n;
}

/* As libvirt decides: it follows links and passes over folders. */
static gboolean
is_run(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0;
}

static int
compare_paths(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *
vsf_hook_file_others(const char *hooks_dir, const char *target)
{
    g_autofree char *single = g_build_filename(hooks_dir, "qemu", NULL);
    g_autofree char *folder_path = g_path_get_dirname(target);
    g_autoptr(GDir) folder = g_dir_open(folder_path, 0, NULL);
    GPtrArray *others = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(folder_path, name, NULL);

        if (strcmp(path, target) != 0 && is_run(path))
            g_ptr_array_add(others, g_steal_pointer(&path));
    }
    g_ptr_array_sort(others, compare_paths);
    if (is_run(single))
        g_ptr_array_insert(others, 0, g_steal_pointer(&single));
    return others;
}
