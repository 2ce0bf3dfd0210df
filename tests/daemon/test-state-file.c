/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on the disk after writes that overtake each other. */
#include "../../daemon/model/state-seal.h"
#include "../../daemon/state-file.h"

#include <glib/gstdio.h>
#include <string.h>

#define SLOW_US 100000
#define PATIENCE_MS 10000

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

/* What lies in the way of the file: a directory that is not empty. */
static char *
obstruct(const Fixture *fixture)
{
    char *path = g_build_filename(fixture->directory, "table", "in-the-way", NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    return path;
}

static void
remove_obstruction(const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);

    g_assert_cmpint(g_rmdir(path), ==, 0);
    g_assert_cmpint(g_rmdir(parent), ==, 0);
}

/* The next file that is written ends the trouble. */
static void
assert_trouble_ends(Fixture *fixture)
{
    g_autofree char *path = g_build_filename(fixture->directory, "other", NULL);

    g_assert_nonnull(vsf_state_dir_trouble(fixture->dir));
    fixture->file = vsf_state_file_new(fixture->dir, "other", content, fixture);
    change(fixture, "kept", TRUE);
    for (guint i = 0; i < PATIENCE_MS && vsf_state_dir_trouble(fixture->dir) != NULL; i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_usleep(1000);
    }
    g_assert_null(vsf_state_dir_trouble(fixture->dir));
    vsf_state_file_free(fixture->file);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

static void
expect_trouble(void)
{
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "cannot keep state: *");
}

static void
test_a_file_that_is_kept_no_more_is_no_trouble(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *path = obstruct(fixture);

    expect_trouble();
    change(fixture, "one", TRUE);
    while (vsf_state_dir_trouble(fixture->dir) == NULL)
        g_main_context_iteration(NULL, TRUE);
    vsf_state_file_free(fixture->file);
    g_test_assert_expected_messages();
    assert_trouble_ends(fixture);
    remove_obstruction(path);
}

/* Nor if only its last write failed. */
static void
test_a_last_write_that_failed_is_no_trouble(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *path = obstruct(fixture);

    change(fixture, "one", FALSE);
    expect_trouble();
    vsf_state_file_free(fixture->file);
    g_test_assert_expected_messages();
    assert_trouble_ends(fixture);
    remove_obstruction(path);
}

#define ADD(name, func) g_test_add("/state-file/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-is-not-written-yet-is-at-the-end", test_what_is_not_written_yet_is_at_the_end);
    ADD("an-older-write-never-comes-last", test_an_older_write_never_comes_last);
    ADD("a-file-that-is-kept-no-more-is-no-trouble",
        test_a_file_that_is_kept_no_more_is_no_trouble);
    ADD("a-last-write-that-failed-is-no-trouble", test_a_last_write_that_failed_is_no_trouble);
    return g_test_run();
}
