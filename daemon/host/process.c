/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process.h"

#include "proc-file.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* QEMU's command line grows with its devices (some 300 bytes a disk); "-uuid"
 * stands in the first KiBs. What lies beyond is not read. */
#define CMDLINE_BYTES (256 * 1024)

#define NS_PER_S G_GUINT64_CONSTANT(1000000000)

/* Fields of /proc/PID/stat as proc(5) numbers them. */
enum { FIELD_STATE = 3, FIELD_UTIME = 14, FIELD_STIME = 15, FIELD_START = 22, FIELD_RSS = 24 };

/* The next blank-separated word. One that the text's end cuts off is none: it
 * may be half a number. */
static gboolean
next_word(const char **at, const char *end, const char **word, gsize *length)
{
    while (*at < end && **at == ' ')
        (*at)++;
    *word = *at;
    while (*at < end && **at != ' ' && **at != '\n')
        (*at)++;
    *length = (gsize)(*at - *word);
    return *at<end && * length> 0;
}

static gboolean
parse_u64(const char *text, gsize length, guint64 *value)
{
    guint64 sum = 0;

    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isdigit(text[i]) || !g_uint64_checked_mul(&sum, sum, 10) ||
            !g_uint64_checked_add(&sum, sum, (guint64)(text[i] - '0')))
            return FALSE;
    }
    *value = sum;
    return length > 0;
}

/* Whole seconds and the rest apart, so that the product cannot overflow before
 * the result does, whatever the tick is. */
static gboolean
ticks_to_ns(guint64 ticks, guint64 ticks_per_s, guint64 *ns)
{
    guint64 whole = 0;

    return g_uint64_checked_mul(&whole, ticks / ticks_per_s, NS_PER_S) &&
           g_uint64_checked_add(ns, whole, ticks % ticks_per_s * NS_PER_S / ticks_per_s);
}

/* The command name stands in parentheses and may itself hold blanks, newlines
 * and parentheses; no later field can, so the last ")" ends it. */
static const char *
after_command(const char *text, gsize length)
{
    const char *close = memrchr(text, ')', length);

    return close != NULL ? close + 1 : NULL;
}

gboolean
vsf_process_parse(const char *text, gsize length, long ticks_per_s, long page_size,
                  VsfProcess *process)
{
    const char *end = text + length;
    const char *at = after_command(text, length);
    VsfProcess read = {0};
    guint64 utime = 0, stime = 0, ticks = 0, pages = 0;

    if (at == NULL || ticks_per_s <= 0 || ticks_per_s > 1000000 || page_size <= 0)
        return FALSE;
    for (int field = FIELD_STATE; field <= FIELD_RSS; field++) {
        const char *word;
        gsize size;
        gboolean good = TRUE;

        if (!next_word(&at, end, &word, &size))
            return FALSE;
        if (field == FIELD_STATE) {
            good = size == 1 && g_ascii_isalpha(word[0]);
            read.state = word[0];
        } else if (field == FIELD_UTIME) {
            good = parse_u64(word, size, &utime);
        } else if (field == FIELD_STIME) {
            good = parse_u64(word, size, &stime);
        } else if (field == FIELD_START) {
            good = parse_u64(word, size, &read.start_ticks);
        } else if (field == FIELD_RSS) {
            good = parse_u64(word, size, &pages);
        }
        if (!good)
            return FALSE;
    }
    if (!g_uint64_checked_add(&ticks, utime, stime) ||
        !ticks_to_ns(ticks, (guint64)ticks_per_s, &read.cpu_time_ns) ||
        !g_uint64_checked_mul(&read.rss_bytes, pages, (guint64)page_size))
        return FALSE;
    *process = read;
    return TRUE;
}

gboolean
vsf_process_read(int pid, int *kept, VsfProcess *process)
{
    char path[48];
    char text[2048];
    gssize length;

    g_snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    length = kept != NULL ? vsf_proc_read_kept(kept, path, text, sizeof(text))
                          : vsf_proc_read(path, text, sizeof(text));
    return length > 0 && vsf_process_parse(text, (gsize)length, sysconf(_SC_CLK_TCK),
                                           sysconf(_SC_PAGESIZE), process);
}

gboolean
vsf_process_cmdline_is(const char *text, gsize length, const char *uuid)
{
    const char *end = text + length;
    gboolean named = FALSE;

    for (const char *at = text; at < end;) {
        const char *stop = memchr(at, '\0', (gsize)(end - at));

        if (stop == NULL) /* cut off */
            return FALSE;
        if (named)
            return g_ascii_strcasecmp(at, uuid) == 0;
        named = strcmp(at, "-uuid") == 0;
        at = stop + 1;
    }
    return FALSE;
}

static gboolean
pid_runs(int pid, const char *uuid, char *buffer)
{
    char path[48];
    gssize length;

    g_snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    length = vsf_proc_read(path, buffer, CMDLINE_BYTES);
    return length > 0 && vsf_process_cmdline_is(buffer, (gsize)length, uuid);
}

static int
parse_pid(const char *text, gsize length)
{
    guint64 value = 0;

    return parse_u64(text, length, &value) && value > 0 && value <= INT_MAX ? (int)value : 0;
}

static int
find_by_pid_file(const char *uuid, const char *name, char *buffer)
{
    g_autofree char *path = NULL;
    char text[32];
    gssize length;
    int pid;

    /* libvirt forbids slashes in names; this file's path must not rest on it. */
    if (name == NULL || *name == '\0' || strchr(name, '/') != NULL || strlen(name) > NAME_MAX)
        return 0;
    path = g_strdup_printf("/run/libvirt/qemu/%s.pid", name);
    length = vsf_proc_read(path, text, sizeof(text));
    while (length > 0 && g_ascii_isspace(text[length - 1]))
        length--;
    if (length <= 0)
        return 0;
    pid = parse_pid(text, (gsize)length);
    return pid != 0 && pid_runs(pid, uuid, buffer) ? pid : 0;
}

/* Only root puts a process into the machine's scope; a command line can be
 * written by anyone. */
static gboolean
is_in_machine_scope(int pid)
{
    char path[48];
    char text[4096];
    gssize length;

    g_snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    length = vsf_proc_read(path, text, sizeof(text));
    return length > 0 && memmem(text, (gsize)length, "machine-qemu", strlen("machine-qemu"));
}

/* Several processes claim the UUID only if a local user plays tricks: then the
 * one in a machine's scope is right, and without one none is believed. */
static int
find_by_walk(const char *uuid, char *buffer)
{
    DIR *proc = opendir("/proc");
    int found = 0, scoped = 0;
    guint n_found = 0, n_scoped = 0;
    struct dirent *entry;

    if (proc == NULL)
        return 0;
    while ((entry = readdir(proc)) != NULL) {
        int pid = parse_pid(entry->d_name, strlen(entry->d_name));

        if (pid == 0 || !pid_runs(pid, uuid, buffer))
            continue;
        found = pid;
        n_found++;
        if (is_in_machine_scope(pid)) {
            scoped = pid;
            n_scoped++;
        }
    }
    closedir(proc);
    if (n_scoped == 1)
        return scoped;
    return n_found == 1 ? found : 0;
}

int
vsf_process_find(const char *uuid, const char *name, gboolean walk)
{
    g_autofree char *buffer = g_malloc(CMDLINE_BYTES);
    int pid = find_by_pid_file(uuid, name, buffer);

    return pid != 0 || !walk ? pid : find_by_walk(uuid, buffer);
}
