/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vcpu.h"

#include "proc-file.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>

gboolean
vsf_vcpu_is_thread(const char *comm)
{
    const char *slash = strchr(comm, '/');

    if (slash == NULL || (strcmp(slash, "/KVM") != 0 && strcmp(slash, "/TCG") != 0))
        return FALSE;
    if (strncmp(comm, "ALL CPUs/", strlen("ALL CPUs/")) == 0)
        return TRUE;
    if (!g_str_has_prefix(comm, "CPU ") || slash == comm + strlen("CPU "))
        return FALSE;
    for (const char *at = comm + strlen("CPU "); at < slash; at++)
        if (!g_ascii_isdigit(*at))
            return FALSE;
    return TRUE;
}

/* One decimal number and what ends it. */
static gboolean
take_number(const char **at, const char *end, guint64 *value)
{
    const char *start = *at;
    guint64 sum = 0;

    for (; *at < end && g_ascii_isdigit(**at); (*at)++)
        if (!g_uint64_checked_mul(&sum, sum, 10) ||
            !g_uint64_checked_add(&sum, sum, (guint64)(**at - '0')))
            return FALSE;
    if (*at == start || *at == end || (**at != ' ' && **at != '\n'))
        return FALSE;
    (*at)++;
    *value = sum;
    return TRUE;
}

gboolean
vsf_vcpu_parse_wait(const char *text, gsize length, guint64 *wait_ns)
{
    const char *at = text, *end = text + length;
    guint64 run_ns, wait, turns;

    if (!take_number(&at, end, &run_ns) || !take_number(&at, end, &wait) ||
        !take_number(&at, end, &turns))
        return FALSE;
    *wait_ns = wait;
    return TRUE;
}

static gboolean
is_vcpu(int pid, int thread)
{
    char path[64], comm[32];
    gssize length;

    g_snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", pid, thread);
    length = vsf_proc_read(path, comm, sizeof(comm) - 1);
    if (length <= 0 || comm[length - 1] != '\n')
        return FALSE;
    comm[length - 1] = '\0';
    return vsf_vcpu_is_thread(comm);
}

GArray *
vsf_vcpu_find(int pid)
{
    GArray *threads = g_array_new(FALSE, FALSE, sizeof(int));
    char path[48];
    struct dirent *entry;
    DIR *tasks;

    g_snprintf(path, sizeof(path), "/proc/%d/task", pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return threads;
    while ((entry = readdir(tasks)) != NULL) {
        guint64 number = 0;
        int thread;

        if (!g_ascii_string_to_unsigned(entry->d_name, 10, 1, INT_MAX, &number, NULL))
            continue;
        thread = (int)number;
        if (is_vcpu(pid, thread))
            g_array_append_val(threads, thread);
    }
    closedir(tasks);
    if (threads->len > VSF_VCPU_THREADS_MAX)
        g_array_set_size(threads, 0);
    return threads;
}

gboolean
vsf_vcpu_wait(int pid, const GArray *threads, GArray *kept, guint64 *wait_ns)
{
    guint64 sum = 0;

    for (guint i = 0; i < threads->len; i++) {
        char path[64], text[96];
        gssize length;
        guint64 wait = 0;

        g_snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid,
                   g_array_index(threads, int, i));
        length = i < kept->len
                     ? vsf_proc_read_kept(&g_array_index(kept, int, i), path, text, sizeof(text))
                     : vsf_proc_read(path, text, sizeof(text));
        if (length <= 0 || !vsf_vcpu_parse_wait(text, (gsize)length, &wait) ||
            !g_uint64_checked_add(&sum, sum, wait))
            return FALSE;
    }
    *wait_ns = sum;
    return threads->len > 0;
}
