/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the benchmarks in C share: clocks, medians, one table for people and the same as JSON.
 * Nothing here knows what is measured. */
#pragma once

#include <glib.h>

#define BENCH_SKIPPED 77
#define BENCH_COLUMNS_MAX 10

/* A number that is not known: "-" in the table, null in the JSON. */
#define BENCH_NONE (-1.0)

typedef struct {
    const char *key;     /* in the JSON */
    const char *heading; /* in the table */
    int decimals;
} BenchColumn;

typedef struct BenchReport BenchReport;

/* @path: the file of the JSON, or NULL. Prints the machine. */
BenchReport *bench_report_new(const char *path);

/* Rows that follow are of this table. @columns: at most _COLUMNS_MAX, ended by one without a
 * key; static. */
void bench_report_table(BenchReport *report, const char *key, const char *title,
                        const BenchColumn *columns);
void bench_report_row(BenchReport *report, const char *label, const double *values);

/* A number beside the tables, in the JSON and on a line of its own. */
void bench_report_number(BenchReport *report, const char *key, double value);

/* Writes the JSON; ends the program if that fails. */
void bench_report_end(BenchReport *report);

/* CPU time of this thread and of the process, in ns. */
gint64 bench_thread_cpu_ns(void);
gint64 bench_process_cpu_ns(void);

/* Of @n values, which are left in order. 0 < n. */
double bench_median(double *values, guint n);
double bench_least(const double *values, guint n);

/* How often the default number of rounds is wanted: VSF_BENCH_TIMES, else 1. */
guint bench_times(void);

/* The process runs on this CPU alone from now on, and what it forks and starts. FALSE if there
 * is no such CPU. */
gboolean bench_pin(int cpu);
