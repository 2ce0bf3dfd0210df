/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

struct BenchReport {
    char *path;
    const BenchColumn *columns; /* of the table that is open, or NULL */
    gboolean has_rows;
    GString *json;
};

/* The value of the first line of that name; the caller frees. */
static char *
cpu_model(void)
{
    g_autofree char *text = NULL;
    const char *at, *colon;

    if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL))
        return g_strdup("unknown");
    at = strstr(text, "model name");
    colon = at != NULL ? strchr(at, ':') : NULL;
    return colon != NULL ? g_strndup(colon + 2, strcspn(colon + 2, "\n\"\\")) : g_strdup("unknown");
}

static double
load(void)
{
    double loads[1] = {BENCH_NONE};

    return getloadavg(loads, 1) == 1 ? loads[0] : BENCH_NONE;
}

BenchReport *
bench_report_new(const char *path)
{
    BenchReport *report = g_new0(BenchReport, 1);
    g_autofree char *model = cpu_model();
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct utsname name;

    uname(&name);
    printf("%s, %ld CPUs, Linux %s, load %.2f\n", model, cpus, name.release, load());
    fflush(stdout);
    report->path = g_strdup(path);
    report->json = g_string_new(NULL);
    g_string_append_printf(report->json,
                           "{\n\"machine\": {\"cpu\": \"%s\", \"cpus\": %ld, \"kernel\": \"%s\", "
                           "\"load\": %.2f}",
                           model, cpus, name.release, load());
    return report;
}

static void
end_table(BenchReport *report)
{
    if (report->columns != NULL)
        g_string_append(report->json, "\n]");
    report->columns = NULL;
}

void
bench_report_table(BenchReport *report, const char *key, const char *title,
                   const BenchColumn *columns)
{
    end_table(report);
    report->columns = columns;
    report->has_rows = FALSE;
    g_string_append_printf(report->json, ",\n\"%s\": [", key);
    printf("\n%s\n  %-34s", title, "");
    for (; columns->key != NULL; columns++)
        printf(" %*s", (int)MAX(strlen(columns->heading), 9), columns->heading);
    printf("\n");
}

void
bench_report_row(BenchReport *report, const char *label, const double *values)
{
    const BenchColumn *column = report->columns;

    g_string_append_printf(report->json, "%s\n  {\"what\": \"%s\"", report->has_rows ? "," : "",
                           label);
    printf("  %-34s", label);
    for (guint i = 0; column[i].key != NULL; i++) {
        int width = (int)MAX(strlen(column[i].heading), 9);

        if (values[i] < 0) {
            printf(" %*s", width, "-");
            g_string_append_printf(report->json, ", \"%s\": null", column[i].key);
            continue;
        }
        printf(" %*.*f", width, column[i].decimals, values[i]);
        g_string_append_printf(report->json, ", \"%s\": %.6g", column[i].key, values[i]);
    }
    g_string_append_c(report->json, '}');
    report->has_rows = TRUE;
    printf("\n");
    fflush(stdout);
}

void
bench_report_number(BenchReport *report, const char *key, double value)
{
    end_table(report);
    g_string_append_printf(report->json, ",\n\"%s\": %.6g", key, value);
    printf("%s: %.6g\n", key, value);
}

void
bench_report_end(BenchReport *report)
{
    g_autoptr(GError) error = NULL;

    end_table(report);
    g_string_append(report->json, "\n}\n");
    if (report->path != NULL &&
        !g_file_set_contents(report->path, report->json->str, (gssize)report->json->len, &error))
        g_error("%s", error->message);
    g_string_free(report->json, TRUE);
    g_free(report->path);
    g_free(report);
}

static gint64
clock_ns(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

gint64
bench_thread_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

gint64
bench_process_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double
bench_median(double *values, guint n)
{
    qsort(values, n, sizeof(double), compare);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double
bench_least(const double *values, guint n)
{
    double least = values[0];

    for (guint i = 1; i < n; i++)
        least = MIN(least, values[i]);
    return least;
}

guint
bench_times(void)
{
    const char *text = g_getenv("VSF_BENCH_TIMES");
    guint64 times = 1;

    if (text != NULL && !g_ascii_string_to_unsigned(text, 10, 1, 1000, &times, NULL))
        g_error("VSF_BENCH_TIMES is a number from 1 to 1000, not %s", text);
    return (guint)times;
}

gboolean
bench_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}
