/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/cpu-brake.h"

#define START (1000 * G_USEC_PER_SEC)

/* A daemon whose CPU time is what its samples cost and what the rest does. */
typedef struct {
    VsfCpuBrake brake;
    VsfCpuReading reading;
    guint limit;
    guint demand;   /* samples a second that there would be */
    double each_us; /* what one costs */
    double rest;    /* percent of a core */
    guint changes[VSF_CPU_BRAKE_HELPLESS + 1];
} Daemon;

static Daemon
daemon_at(guint limit, guint demand, double each_us, double rest)
{
    Daemon daemon = {.limit = limit, .demand = demand, .each_us = each_us, .rest = rest};

    daemon.reading.at_us = START;
    daemon.reading.cpu_us = 7 * G_USEC_PER_SEC;
    vsf_cpu_brake_note(&daemon.brake, &daemon.reading, limit);
    return daemon;
}

static guint
picks(const Daemon *daemon)
{
    guint bound = vsf_cpu_brake_bound(&daemon->brake);

    return bound == 0 ? daemon->demand : MIN(bound, daemon->demand);
}

/* Percent of a core that it uses now. */
static double
uses(const Daemon *daemon)
{
    return picks(daemon) * daemon->each_us / 1e4 + daemon->rest;
}

static VsfCpuBrakeChange
second(Daemon *daemon)
{
    VsfCpuBrakeChange change;

    daemon->reading.at_us += G_USEC_PER_SEC;
    daemon->reading.cpu_us += (gint64)(uses(daemon) * 1e4);
    daemon->reading.picked += picks(daemon);
    change = vsf_cpu_brake_note(&daemon->brake, &daemon->reading, daemon->limit);
    daemon->changes[change]++;
    return change;
}

static void
seconds(Daemon *daemon, guint n)
{
    while (n-- > 0)
        second(daemon);
}

static guint
changes(const Daemon *daemon)
{
    guint n = 0;

    for (guint i = VSF_CPU_BRAKE_SAME + 1; i < G_N_ELEMENTS(daemon->changes); i++)
        n += daemon->changes[i];
    return n;
}

static void
test_below_the_limit_nothing_is_bounded(void)
{
    Daemon daemon = daemon_at(10, 5000, 18, 0.5); /* 9.5 % */

    seconds(&daemon, 3600);
    g_assert_cmpuint(changes(&daemon), ==, 0);
    g_assert_cmpuint(vsf_cpu_brake_bound(&daemon.brake), ==, 0);
    g_assert_cmpuint(vsf_cpu_brake_factor(&daemon.brake), ==, 1);
    g_assert_cmpfloat_with_epsilon(vsf_cpu_brake_percent(&daemon.brake), 9.5, 0.01);
}

static void
test_a_short_burst_is_within_the_limit(void)
{
    Daemon daemon = daemon_at(10, 0, 20, 0);

    /* A whole core for a little less than 3 of 30 seconds: at the start, and later. */
    daemon.rest = 99;
    seconds(&daemon, 3);
    daemon.rest = 0;
    seconds(&daemon, 60);
    daemon.rest = 99;
    seconds(&daemon, 3);
    daemon.rest = 0;
    seconds(&daemon, 60);
    g_assert_cmpuint(changes(&daemon), ==, 0);
}

/* Whatever a sample costs, and whatever the limit: soon below it, and not far below. */
static void
test_it_settles_below_the_limit(void)
{
    static const struct {
        guint limit, demand;
        double each_us, rest;
    } cases[] = {
        {10, 5000, 30, 0}, {10, 20000, 40, 1},  {2, 5000, 25, 0.3}, {2, 20000, 100, 0.9},
        {1, 3000, 50, 0},  {50, 50000, 18, 10}, {10, 1000, 400, 7}, {90, 100000, 9, 1},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Daemon daemon = daemon_at(cases[i].limit, cases[i].demand, cases[i].each_us, cases[i].rest);
        double lowest = 100;
        guint settled;

        seconds(&daemon, 60);
        g_assert_cmpuint(daemon.changes[VSF_CPU_BRAKE_TIGHTER], >=, 1);
        g_assert_cmpfloat(uses(&daemon), <=, cases[i].limit);
        settled = changes(&daemon);
        for (guint t = 0; t < 600; t++) {
            second(&daemon);
            g_assert_cmpfloat(uses(&daemon), <=, cases[i].limit);
            lowest = MIN(lowest, uses(&daemon));
        }
        /* At most one step that was too much is taken back; then it does not move. */
        g_assert_cmpuint(changes(&daemon), <=, settled + 4);
        g_assert_cmpfloat(uses(&daemon), >=, cases[i].limit * 0.45);
    }
}

static void
test_it_grips_at_once_and_by_as_much_as_needed(void)
{
    Daemon daemon = daemon_at(2, 5000, 40, 0); /* 20 % */
    guint waited = 1;

    while (second(&daemon) != VSF_CPU_BRAKE_TIGHTER)
        waited++;
    /* More than 30 s of 2 %, spent in 3 s. */
    g_assert_cmpuint(waited, ==, 4);
    g_assert_cmpuint(vsf_cpu_brake_factor(&daemon.brake), ==, 16);
    g_assert_cmpuint(vsf_cpu_brake_bound(&daemon.brake), ==, 5000 / 16);
}

static void
test_what_the_calm_before_hides_is_seen(void)
{
    Daemon daemon = daemon_at(2, 5000, 40, 0);

    daemon.demand = 0;
    seconds(&daemon, 60);
    daemon.demand = 5000;
    while (second(&daemon) != VSF_CPU_BRAKE_TIGHTER)
        ;
    /* By the last 5 s, one of which was calm: 16 % rather than the window's 2.6 %. */
    g_assert_cmpuint(vsf_cpu_brake_bound(&daemon.brake), ==, 500);
    seconds(&daemon, 600);
    g_assert_cmpuint(vsf_cpu_brake_bound(&daemon.brake), ==, 500);
}

static void
test_it_comes_back_step_by_step(void)
{
    Daemon daemon = daemon_at(2, 5000, 40, 0);
    guint factor = 16;

    seconds(&daemon, 30);
    g_assert_cmpuint(vsf_cpu_brake_factor(&daemon.brake), ==, factor);
    seconds(&daemon, 30);
    daemon.demand = 10;
    while (factor > 1) {
        guint waited = 1;

        while (second(&daemon) == VSF_CPU_BRAKE_SAME)
            waited++;
        factor /= 2;
        g_assert_cmpuint(vsf_cpu_brake_factor(&daemon.brake), ==, factor);
        g_assert_cmpuint(waited, <=, 30);
        g_assert_cmpuint(waited, >=, factor == 8 ? 1 : 30);
    }
    g_assert_cmpuint(daemon.changes[VSF_CPU_BRAKE_OFF], ==, 1);
    g_assert_cmpuint(daemon.changes[VSF_CPU_BRAKE_LOOSER], ==, 3);
    g_assert_cmpuint(vsf_cpu_brake_bound(&daemon.brake), ==, 0);
}

static void
test_a_flood_that_comes_and_goes_does_not_flap(void)
{
    Daemon daemon = daemon_at(5, 5000, 40, 0.5);

    for (guint i = 0; i < 60; i++) {
        daemon.demand = i % 2 == 0 ? 5000 : 500;
        seconds(&daemon, 10);
    }
    g_assert_cmpuint(changes(&daemon), <=, 4);
}

/* The counters of very many VMs: fewer samples would not help, and some are left. */
static void
test_what_samples_do_not_cost_they_do_not_pay(void)
{
    Daemon daemon = daemon_at(2, 1000, 1, 30);

    seconds(&daemon, 600);
    g_assert_cmpuint(vsf_cpu_brake_bound(&daemon.brake), ==, VSF_CPU_BRAKE_LEAST);
    g_assert_cmpuint(daemon.changes[VSF_CPU_BRAKE_HELPLESS], ==, 1);
    g_assert_cmpuint(daemon.changes[VSF_CPU_BRAKE_LOOSER], ==, 0);
    daemon.rest = 0;
    seconds(&daemon, 600);
    g_assert_cmpuint(vsf_cpu_brake_bound(&daemon.brake), ==, 0);
}

static void
test_few_samples_are_not_touched(void)
{
    Daemon daemon = daemon_at(2, VSF_CPU_BRAKE_LEAST, 1, 30);

    seconds(&daemon, 600);
    g_assert_cmpuint(vsf_cpu_brake_bound(&daemon.brake), ==, 0);
    g_assert_cmpuint(daemon.changes[VSF_CPU_BRAKE_HELPLESS], ==, 1);
    g_assert_cmpuint(changes(&daemon), ==, 1);
    daemon.rest = 0;
    seconds(&daemon, 60);
    daemon.rest = 30;
    seconds(&daemon, 60);
    g_assert_cmpuint(daemon.changes[VSF_CPU_BRAKE_HELPLESS], ==, 2);
}

static void
test_readings_may_come_late_or_too_often(void)
{
    Daemon daemon = daemon_at(10, 0, 0, 0);
    VsfCpuReading reading = daemon.reading;

    /* Ten a second. */
    for (guint i = 0; i < 1000; i++) {
        reading.at_us += G_USEC_PER_SEC / 10;
        reading.cpu_us += 9000;
        g_assert_cmpint(vsf_cpu_brake_note(&daemon.brake, &reading, 10), ==, VSF_CPU_BRAKE_SAME);
    }
    /* The machine stood still for an hour. */
    reading.at_us += 3600 * (gint64)G_USEC_PER_SEC;
    g_assert_cmpint(vsf_cpu_brake_note(&daemon.brake, &reading, 10), ==, VSF_CPU_BRAKE_SAME);
    /* Twice the same moment; a clock of CPU time that went back. */
    g_assert_cmpint(vsf_cpu_brake_note(&daemon.brake, &reading, 10), ==, VSF_CPU_BRAKE_SAME);
    reading.cpu_us = 0;
    reading.at_us += G_USEC_PER_SEC;
    g_assert_cmpint(vsf_cpu_brake_note(&daemon.brake, &reading, 10), ==, VSF_CPU_BRAKE_SAME);
    g_assert_cmpfloat(vsf_cpu_brake_percent(&daemon.brake), ==, 0);
}

static void
test_the_factor_has_an_end(void)
{
    VsfCpuBrake brake = {0};
    VsfCpuReading reading = {.at_us = START};

    for (guint i = 0; i < 10000; i++) {
        reading.at_us += G_USEC_PER_SEC;
        reading.cpu_us += 1000 * G_USEC_PER_SEC;
        reading.picked += G_GUINT64_CONSTANT(1) << 40;
        vsf_cpu_brake_note(&brake, &reading, 1);
    }
    g_assert_cmpuint(vsf_cpu_brake_factor(&brake), <=, 1u << 30);
    g_assert_cmpuint(vsf_cpu_brake_bound(&brake), >=, VSF_CPU_BRAKE_LEAST);
}

#define ADD(name, func) g_test_add_func("/model/cpu-brake/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("below-the-limit-nothing-is-bounded", test_below_the_limit_nothing_is_bounded);
    ADD("a-short-burst-is-within-the-limit", test_a_short_burst_is_within_the_limit);
    ADD("it-settles-below-the-limit", test_it_settles_below_the_limit);
    ADD("it-grips-at-once-and-by-as-much-as-needed",
        test_it_grips_at_once_and_by_as_much_as_needed);
    ADD("what-the-calm-before-hides-is-seen", test_what_the_calm_before_hides_is_seen);
    ADD("it-comes-back-step-by-step", test_it_comes_back_step_by_step);
    ADD("a-flood-that-comes-and-goes-does-not-flap",
        test_a_flood_that_comes_and_goes_does_not_flap);
    ADD("what-samples-do-not-cost-they-do-not-pay", test_what_samples_do_not_cost_they_do_not_pay);
    ADD("few-samples-are-not-touched", test_few_samples_are_not_touched);
    ADD("readings-may-come-late-or-too-often", test_readings_may_come_late_or_too_often);
    ADD("the-factor-has-an-end", test_the_factor_has_an_end);
    return g_test_run();
}
