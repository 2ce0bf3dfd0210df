/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on the disk after writes that overtake each other. */
#include "../../daemon/model/state-seal.h"
#include "../../daemon/state-file.h"

#include <glib/gstdio.h>
#include <string.h>

#define SLOW_US 100000

typedef struct {
    char *directory;
    VsfStateDir *dir;
    VsfStateFile *file;
    const char *content;
} Fixture;

static gint begun; /* writes; atomic */

guint __real_g_timeout_add(guint interval, GSourceFunc function, gpointer data);
guint __wrap_g_timeout_add(guint interval, GSourceFunc function, gpointer data);
gboolean __real_g_file_set_contents_full(const gchar *filename, const gchar *contents,
                                         gssize length, GFileSetContentsFlags flags, int mode,
                                         GError **error);
gboolean __wrap_g_file_set_contents_full(const gchar *filename, const gchar *contents,
                                         gssize length, GFileSetContentsFlags flags, int mode,
                                         GError **error);

guint
__wrap_g_timeout_add(guint interval G_GNUC_UNUSED, GSourceFunc function, gpointer data)
{
    return __real_g_timeout_add(0, function, data);
}

/* The first write meets a slow disk. */
gboolean
__wrap_g_file_set_contents_full(const gchar *filename, const gchar *contents, gssize length,
                                GFileSetContentsFlags flags, int mode, GError **error)
{
    if (g_atomic_int_add(&begun, 1) == 0)
        g_usleep(SLOW_US);
    return __real_g_file_set_contents_full(filename, contents, length, flags, mode, error);
}

static char *
content(gsize *length, gpointer user_data)
{
    const Fixture *fixture = user_data;

    *length = strlen(fixture->content);
    return g_strdup(fixture->content);
}

static void
set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_atomic_int_set(&begun, 0);
    fixture->directory = g_dir_make_tmp("vsf-state-XXXXXX", NULL);
    fixture->dir = vsf_state_dir_new(fixture->directory);
    fixture->file = vsf_state_file_new(fixture->dir, "table", content, fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *path = g_build_filename(fixture->directory, "table", NULL);

    g_unlink(path);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    vsf_state_dir_free(fixture->dir);
    g_free(fixture->directory);
}

static void
change(Fixture *fixture, const char *text, gboolean soon)
{
    fixture->content = text;
    vsf_state_file_changed(fixture->file, soon);
}

static void
assert_on_disk(const Fixture *fixture, const char *expected)
{
    g_autofree char *path = g_build_filename(fixture->directory, "table", NULL);
    g_autofree char *text = NULL;
    gsize length;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    g_assert_true(vsf_state_seal_take(text, &length));
    g_assert_cmpstr(text, ==, expected);
}

static void
test_what_is_not_written_yet_is_at_the_end(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    change(fixture, "one", FALSE);
    vsf_state_file_free(fixture->file);
    assert_on_disk(fixture, "one");
}

static void
test_an_older_write_never_comes_last(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    change(fixture, "older", TRUE);
    while (g_atomic_int_get(&begun) == 0)
        g_main_context_iteration(NULL, FALSE);
    change(fixture, "newer", FALSE);
    vsf_state_file_free(fixture->file);
    assert_on_disk(fixture, "newer");
    g_usleep(2 * SLOW_US);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    assert_on_disk(fixture, "newer");
}

#define ADD(name, func) g_test_add("/state-file/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-is-not-written-yet-is-at-the-end", test_what_is_not_written_yet_is_at_the_end);
    ADD("an-older-write-never-comes-last", test_an_older_write_never_comes_last);
    return g_test_run();
}
