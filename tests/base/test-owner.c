/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER 4711 /* no name is needed */
#define GROUP 4712

typedef struct {
    char *folder;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->folder = g_dir_make_tmp("vsf-owner-XXXXXX", NULL);
    g_assert_nonnull(fixture->folder);
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
    g_free(fixture->folder);
}

/* Owner and group of a file that is made there now. */
static void
make_file(const Fixture *fixture, uid_t *uid, gid_t *gid)
{
    g_autofree char *path = g_build_filename(fixture->folder, "file", NULL);
    g_autoptr(GError) error = NULL;
    struct stat info;

    g_assert_true(g_file_set_contents(path, "text", -1, &error));
    g_assert_no_error(error);
    g_assert_cmpint(stat(path, &info), ==, 0);
    g_assert_cmpint(g_unlink(path), ==, 0);
    *uid = info.st_uid;
    *gid = info.st_gid;
}

static gboolean
is_root(void)
{
    if (geteuid() != 0)
        g_test_skip("needs root");
    return geteuid() == 0;
}

static void
test_files_are_the_owners_of_the_directory(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    gboolean entered;
    uid_t uid;
    gid_t gid;

    if (!is_root())
        return;
    g_assert_cmpint(chown(fixture->folder, USER, GROUP), ==, 0);
    entered = vsf_owner_enter(fixture->folder);
    g_assert_true(entered);
    make_file(fixture, &uid, &gid);
    vsf_owner_leave(entered);
    g_assert_cmpuint(uid, ==, USER);
    g_assert_cmpuint(gid, ==, GROUP);
    /* And then they are root's as ever. */
    make_file(fixture, &uid, &gid);
    g_assert_cmpuint(uid, ==, 0);
    g_assert_cmpuint(gid, ==, getegid());
}

static void
test_what_is_roots_alone_is_not_reached(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *secret = g_build_filename(fixture->folder, "secret", NULL);
    gboolean entered;
    int fd;

    if (!is_root())
        return;
    g_assert_true(
        g_file_set_contents_full(secret, "text", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    g_assert_cmpint(chown(fixture->folder, USER, GROUP), ==, 0);
    entered = vsf_owner_enter(fixture->folder);
    fd = g_open(secret, O_RDONLY | O_CLOEXEC, 0);
    g_assert_cmpint(fd, ==, -1);
    g_assert_cmpint(errno, ==, EACCES);
    vsf_owner_leave(entered);
    fd = g_open(secret, O_RDONLY | O_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_cmpint(g_unlink(secret), ==, 0);
}

static void
test_ones_own_directory_changes_nothing(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    uid_t uid;
    gid_t gid;

    g_assert_false(vsf_owner_enter(fixture->folder));
    g_assert_false(vsf_owner_enter("/nonexistent"));
    vsf_owner_leave(FALSE);
    make_file(fixture, &uid, &gid);
    g_assert_cmpuint(uid, ==, geteuid());
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/base/owner/files-are-the-owners-of-the-directory", Fixture, NULL, set_up,
               test_files_are_the_owners_of_the_directory, tear_down);
    g_test_add("/base/owner/what-is-roots-alone-is-not-reached", Fixture, NULL, set_up,
               test_what_is_roots_alone_is_not_reached, tear_down);
    g_test_add("/base/owner/ones-own-directory-changes-nothing", Fixture, NULL, set_up,
               test_ones_own_directory_changes_nothing, tear_down);
    return g_test_run();
}
