/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is "migrating" by libvirt's word, and what of it migrates: on libvirt's test driver, which
 * has no migrations; its answers about state and job are the test's. */
#include "../../daemon/virt/conn.h"
#include "../../daemon/virt/init.h"

#include <libvirt/libvirt.h>

#define URI "test:///default"

static struct {
    int state, reason;
    int job;     /* virDomainJobType; -1: refused */
    int control; /* virDomainControlState */
    unsigned long long since_ms;
    gint asked;
} said;

int __wrap_virDomainGetState(virDomainPtr domain, int *state, int *reason, unsigned int flags);
int __wrap_virDomainGetJobInfo(virDomainPtr domain, virDomainJobInfoPtr info);
int __wrap_virDomainGetControlInfo(virDomainPtr domain, virDomainControlInfoPtr info,
                                   unsigned int flags);

int
__wrap_virDomainGetState(virDomainPtr domain G_GNUC_UNUSED, int *state, int *reason,
                         unsigned int flags G_GNUC_UNUSED)
{
    *state = said.state;
    *reason = said.reason;
    return 0;
}

int
__wrap_virDomainGetJobInfo(virDomainPtr domain G_GNUC_UNUSED, virDomainJobInfoPtr info)
{
    g_atomic_int_inc(&said.asked);
    *info = (virDomainJobInfo){.type = said.job};
    return said.job < 0 ? -1 : 0;
}

int
__wrap_virDomainGetControlInfo(virDomainPtr domain G_GNUC_UNUSED, virDomainControlInfoPtr info,
                               unsigned int flags G_GNUC_UNUSED)
{
    *info = (virDomainControlInfo){.state = (unsigned int)said.control, .stateTime = said.since_ms};
    return 0;
}

typedef struct {
    gboolean listed, fetched;
    int reason;
} Told;

static void
on_connected(gboolean connected G_GNUC_UNUSED, const char *why G_GNUC_UNUSED,
             gpointer user_data G_GNUC_UNUSED)
{
}

static void
on_listed(GPtrArray *all, const char *const *unreadable G_GNUC_UNUSED,
          gint64 asked_us G_GNUC_UNUSED, gpointer user_data)
{
    Told *told = user_data;

    g_assert_cmpuint(all->len, ==, 1);
    told->listed = TRUE;
    told->reason = ((const VsfDomainFacts *)all->pdata[0])->reason;
}

static void
on_fetched(const char *uuid G_GNUC_UNUSED, VsfDomainFacts *facts, gint64 asked_us G_GNUC_UNUSED,
           gpointer user_data)
{
    Told *told = user_data;

    told->fetched = TRUE;
    told->reason = facts->reason;
}

static const VsfConnCallbacks callbacks = {
    .connected = on_connected,
    .listed = on_listed,
    .fetched = on_fetched,
};

static const struct {
    const char *name;
    int state, reason, job;
    int told;
    gint asked;
} cases[] = {
    {"restored", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, VIR_DOMAIN_JOB_NONE,
     VIR_DOMAIN_PAUSED_UNKNOWN, 1},
    {"on-its-way-here", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, -1,
     VIR_DOMAIN_PAUSED_MIGRATION, 1},
    {"on-its-way-elsewhere", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION,
     VIR_DOMAIN_JOB_UNBOUNDED, VIR_DOMAIN_PAUSED_MIGRATION, 1},
    {"paused-by-its-user", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, VIR_DOMAIN_JOB_NONE,
     VIR_DOMAIN_PAUSED_USER, 0},
    {"arrived", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED, VIR_DOMAIN_JOB_NONE,
     VIR_DOMAIN_RUNNING_MIGRATED, 0},
};

static void
test_list(gconstpointer index)
{
    guint i = GPOINTER_TO_UINT(index);
    Told told = {0};
    g_autoptr(VsfConn) conn = NULL;

    said.state = cases[i].state;
    said.reason = cases[i].reason;
    said.job = cases[i].job;
    g_atomic_int_set(&said.asked, 0);
    conn = vsf_conn_new(URI, &callbacks, &told);
    while (!told.listed)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(told.reason, ==, cases[i].told);
    g_assert_cmpint(g_atomic_int_get(&said.asked), ==, cases[i].asked);
}

/* The list does not wait for a QEMU that hangs. */
static void
test_one_that_is_occupied_is_not_asked(void)
{
    static const struct {
        int control;
        unsigned long long since_ms;
        gint asked;
    } states[] = {
        {VIR_DOMAIN_CONTROL_OCCUPIED, 5000, 0},
        {VIR_DOMAIN_CONTROL_JOB, 5000, 0},
        {VIR_DOMAIN_CONTROL_OCCUPIED, 20, 1},
        {VIR_DOMAIN_CONTROL_OK, 0, 1},
    };

    said.state = VIR_DOMAIN_PAUSED;
    said.reason = VIR_DOMAIN_PAUSED_MIGRATION;
    said.job = VIR_DOMAIN_JOB_NONE;
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        Told told = {0};
        g_autoptr(VsfConn) conn = NULL;

        said.control = states[i].control;
        said.since_ms = states[i].since_ms;
        g_atomic_int_set(&said.asked, 0);
        conn = vsf_conn_new(URI, &callbacks, &told);
        while (!told.listed)
            g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(g_atomic_int_get(&said.asked), ==, states[i].asked);
        g_assert_cmpint(told.reason, ==,
                        states[i].asked ? VIR_DOMAIN_PAUSED_UNKNOWN : VIR_DOMAIN_PAUSED_MIGRATION);
    }
}

/* Each refusal is a line in libvirtd's log. */
static void
test_a_fetch_does_not_ask(void)
{
    Told told = {0};
    g_autoptr(VsfConn) conn = NULL;

    said.state = VIR_DOMAIN_RUNNING;
    conn = vsf_conn_new(URI, &callbacks, &told);
    while (!told.listed)
        g_main_context_iteration(NULL, TRUE);
    said.state = VIR_DOMAIN_PAUSED;
    said.reason = VIR_DOMAIN_PAUSED_MIGRATION;
    said.job = -1;
    g_atomic_int_set(&said.asked, 0);
    vsf_conn_fetch(conn, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    while (!told.fetched)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(told.reason, ==, VIR_DOMAIN_PAUSED_MIGRATION);
    g_assert_cmpint(g_atomic_int_get(&said.asked), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vsf_virt_init();
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/conn-paused/listed/%s", cases[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_list);
    }
    g_test_add_func("/conn-paused/one-that-is-occupied-is-not-asked",
                    test_one_that_is_occupied_is_not_asked);
    g_test_add_func("/conn-paused/a-fetch-does-not-ask", test_a_fetch_does_not_ask);
    return g_test_run();
}
