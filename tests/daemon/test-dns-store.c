/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What DNS said last, over a restart; and what of it the configuration allows. */
#include "../../daemon/dns-bounds.h"
#include "../../daemon/dns-store.h"

#include <glib/gstdio.h>
#include <string.h>

#define SAID "collector=192.0.2.1/6343/\nsampling=100\n"

static VsfDnsSettings *
settings_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfDnsSettings *settings = vsf_dns_settings_parse(text, &error);

    g_assert_no_error(error);
    return settings;
}

static void
assert_settings(const VsfDnsSettings *settings, const char *text)
{
    g_autofree char *is = settings != NULL ? vsf_dns_settings_to_text(settings) : NULL;

    g_assert_cmpstr(is, ==, text);
}

/* --- the store --------------------------------------------------------- */

typedef struct {
    char *folder, *file;
} Place;

static void
place_set_up(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    place->folder = g_dir_make_tmp("vsf-dns-XXXXXX", NULL);
    place->file = g_build_filename(place->folder, "dns-sd", NULL);
}

static void
place_tear_down(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const names[] = {"dns-sd", "dns-sd.bad", "dns-sd.newer"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(place->folder, names[i], NULL);

        g_unlink(path);
    }
    g_rmdir(place->folder);
    g_free(place->folder);
    g_free(place->file);
}

static void
keep(const Place *place, const char *domain, const char *text)
{
    g_autoptr(VsfStateDir) dir = vsf_state_dir_new(place->folder);
    g_autoptr(VsfDnsStore) store = vsf_dns_store_new(dir, domain);
    g_autoptr(VsfDnsSettings) settings = settings_of(text);

    vsf_dns_store_set(store, settings);
    assert_settings(vsf_dns_store_get(store), text);
}

static void
assert_kept(const Place *place, const char *domain, const char *text)
{
    g_autoptr(VsfStateDir) dir = vsf_state_dir_new(place->folder);
    g_autoptr(VsfDnsStore) store = vsf_dns_store_new(dir, domain);

    assert_settings(vsf_dns_store_get(store), text);
}

static void
test_restart(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    assert_kept(place, NULL, NULL);
    keep(place, NULL, SAID);
    assert_kept(place, NULL, SAID);
    keep(place, NULL, ""); /* was taken back, which is kept as well */
    assert_kept(place, NULL, "");
}

static void
test_other_domain(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    keep(place, "one.test", SAID);
    assert_kept(place, "two.test", NULL);
    assert_kept(place, NULL, NULL);
    assert_kept(place, "one.test", SAID);
}

static void
test_domain_changes(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    {
        g_autoptr(VsfStateDir) dir = vsf_state_dir_new(place->folder);
        g_autoptr(VsfDnsStore) store = vsf_dns_store_new(dir, "one.test");
        g_autoptr(VsfDnsSettings) settings = settings_of(SAID);

        vsf_dns_store_set(store, settings);
        vsf_dns_store_set_domain(store, "one.test");
        assert_settings(vsf_dns_store_get(store), SAID);
        vsf_dns_store_set_domain(store, NULL);
        g_assert_null(vsf_dns_store_get(store));
    }
    assert_kept(place, NULL, NULL);
    assert_kept(place, "one.test", NULL);
}

/* Cut short anywhere, or with any byte turned over, nothing of it is used. */
static void
test_damaged(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *text = NULL;
    gsize length;

    keep(place, NULL, SAID);
    g_assert_true(g_file_get_contents(place->file, &text, &length, NULL));
    for (gsize i = 0; i < 2 * length; i++) {
        g_autofree char *copy = g_memdup2(text, length);

        if (i < length)
            copy[i] ^= 1;
        g_assert_true(g_file_set_contents_full(place->file, copy, i < length ? length : i - length,
                                               G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*dns-sd.bad*");
        assert_kept(place, NULL, NULL);
        g_test_assert_expected_messages();
        /* Nor is what was written then taken for DNS's word that there is nothing. */
        assert_kept(place, NULL, NULL);
        g_unlink(place->file);
    }
}

static void
test_versions(void)
{
    static const struct {
        const char *text;
        int code; /* -1: can be used */
    } cases[] = {
        {"virt-sflow dns-sd 1\ndomain=\nsampling=5\n", -1},
        {"virt-sflow dns-sd 2\ndomain=\nsampling=5\n", G_IO_ERROR_NOT_SUPPORTED},
        {"virt-sflow dns-sd 0\ndomain=\n", G_IO_ERROR_INVALID_DATA},
        {"virt-sflow dns-sd 1\n", G_IO_ERROR_INVALID_DATA},
        {"", G_IO_ERROR_INVALID_DATA},
        {"virt-sflow dns-sd 1\ndomain=\nnew-key=5\n", G_IO_ERROR_NOT_FOUND},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VsfDnsSettings) settings = vsf_dns_store_parse(NULL, cases[i].text, &error);

        if (cases[i].code < 0)
            g_assert_no_error(error);
        else
            g_assert_error(error, G_IO_ERROR, cases[i].code);
        g_assert_true((settings != NULL) == (cases[i].code < 0));
    }
}

/* --- bounds ------------------------------------------------------------ */

static void
test_bounds(void)
{
    static const struct {
        const char *config, *said, *is, *note;
    } cases[] = {
        {"", "sampling=64\npolling=5\n", "sampling=64\npolling=5\n", NULL},
        {"", "sampling=63\n", "sampling=64\n", "sampling 63 counts as 64"},
        {"", "sampling=1\n", "sampling=64\n", "sampling 1 counts as 64"},
        {"", "sampling=0\npolling=0\n", "sampling=0\npolling=0\n", NULL},
        {"", "sampling=10000001\n", "sampling=10000000\n", "sampling 10000001 counts as 10000000"},
        {"", "polling=1\n", "polling=5\n", "polling 1 counts as 5"},
        {"", "polling=301\n", "polling=300\n", "polling 301 counts as 300"},
        {"", "headerBytes=0\n", "headerBytes=64\n", "header-bytes 0 counts as 64"},
        {"", "headerBytes=9000\n", "headerBytes=256\n", "header-bytes 9000 counts as 256"},
        {"", "sampling.1G=10\nsampling.10G=1000\n", "sampling.1G=64\nsampling.10G=1000\n",
         "sampling by speed 10 counts as 64"},
        {"dns-min-sampling = 1\ndns-min-polling = 1", "sampling=1\npolling=1\n",
         "sampling=1\npolling=1\n", NULL},
        {"dns-min-sampling = 1000\ndns-min-polling = 30", "sampling=512\npolling=20\n",
         "sampling=1000\npolling=30\n", "sampling 512 counts as 1000, polling 20 counts as 30"},
        {"sampling = 10", "", "", NULL}, /* what the file says is not DNS's */
        {"", "agentIP=192.0.2.1\nagent=eth0\n", "agentIP=192.0.2.1\nagent=eth0\n", NULL},
        {"agent-address = auto", "agent=eth0\n", "agent=eth0\n", NULL},
        {"agent-address = eth1", "sampling=99\nagent=eth0\nagent.cidr=10.0.0.0/8\n",
         "sampling=99\n", "agent-address is configured here"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("[sflow]\n%s\n", cases[i].config);
        g_autoptr(GError) error = NULL;
        g_autoptr(VsfConfig) config = vsf_config_parse("test", text, strlen(text), &error);
        g_autoptr(VsfDnsSettings) said = settings_of(cases[i].said);
        g_autofree char *note = NULL;
        g_autoptr(VsfDnsSettings) is = NULL;

        g_assert_no_error(error);
        is = vsf_dns_bounded(config, said, &note);
        assert_settings(is, cases[i].is);
        g_assert_cmpstr(note, ==, cases[i].note);
        assert_settings(said, cases[i].said);
    }
}

static void
test_agent_address(void)
{
    static const struct {
        const char *said, *address;
    } cases[] = {
        {"sampling=1\n", NULL},
        {"agent.cidr=10.0.0.0/8\n", "10.0.0.0/8"},
        {"agent=eth0\nagent.cidr=10.0.0.0/8\n", "eth0"},
        {"agentIP=192.0.2.1\nagent=eth0\nagent.cidr=10.0.0.0/8\n", "192.0.2.1"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfDnsSettings) settings = settings_of(cases[i].said);

        g_assert_cmpstr(vsf_dns_agent_address(settings), ==, cases[i].address);
    }
}

static void
add(const char *name, void (*test)(Place *place, gconstpointer data))
{
    g_test_add(name, Place, NULL, place_set_up, test, place_tear_down);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/daemon/dns-store/a-restart-finds-the-last-answer", test_restart);
    add("/daemon/dns-store/another-domain's-answer-is-not-used", test_other_domain);
    add("/daemon/dns-store/another-domain-while-it-runs", test_domain_changes);
    add("/daemon/dns-store/a-damaged-file-is-set-aside", test_damaged);
    g_test_add_func("/daemon/dns-store/versions", test_versions);
    g_test_add_func("/daemon/dns-bounds/what-dns-asks-for-is-bounded", test_bounds);
    g_test_add_func("/daemon/dns-bounds/which-agent-address-counts", test_agent_address);
    return g_test_run();
}
