/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State files after a power cut, and state directories that are none. Runs without
 * syncing each file to the disk. */
#include "../../daemon/guest-store.h"
#include "../../daemon/index-store.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define N_VMS 2
#define RUN "boot/123"

static const guint8 uuids[N_VMS][16] = {"one-------------", "two-------------"};
static const char *const uuid_texts[N_VMS] = {"11111111-1111-1111-1111-111111111111",
                                              "22222222-2222-2222-2222-222222222222"};
static guint n_warnings;
static GString *warnings;

gboolean __real_g_file_set_contents_full(const gchar *filename, const gchar *contents,
                                         gssize length, GFileSetContentsFlags flags, int mode,
                                         GError **error);
gboolean __wrap_g_file_set_contents_full(const gchar *filename, const gchar *contents,
                                         gssize length, GFileSetContentsFlags flags, int mode,
                                         GError **error);

gboolean
__wrap_g_file_set_contents_full(const gchar *filename, const gchar *contents, gssize length,
                                GFileSetContentsFlags flags G_GNUC_UNUSED, int mode, GError **error)
{
    g_unlink(filename); /* else GLib writes over what is longer */
    return __real_g_file_set_contents_full(filename, contents, length, G_FILE_SET_CONTENTS_NONE,
                                           mode, error);
}

static void
put(const char *path, const char *text, gssize length)
{
    g_assert_true(
        g_file_set_contents_full(path, text, length, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void
count_warnings(const gchar *domain G_GNUC_UNUSED, GLogLevelFlags level, const gchar *message,
               gpointer user_data G_GNUC_UNUSED)
{
    if (!(level & G_LOG_LEVEL_WARNING))
        return;
    n_warnings++;
    g_string_append_printf(warnings, "%s\n", message);
}

static void
forget_warnings(void)
{
    n_warnings = 0;
    g_string_truncate(warnings, 0);
}

/* --- a run of the daemon: what it gave out, and what it remembered ---------- */

typedef struct {
    guint32 indexes[N_VMS];
    guint n_known; /* VMs whose choice was known */
} Seen;

static Seen
run_once(const char *directory)
{
    g_autoptr(VsfStateDir) dir = vsf_state_dir_new(directory);
    g_autoptr(VsfIndexStore) indexes = vsf_index_store_new(dir, VSF_INDEX_OWN);
    g_autoptr(VsfGuestStore) guests = vsf_guest_store_new(dir);
    Seen seen = {0};

    for (guint i = 0; i < N_VMS; i++) {
        VsfGuestRecord record = {.run = RUN, .choice = {VSF_SOURCE_BALLOON, VSF_SOURCE_AGENT}};
        const VsfGuestRecord *known = vsf_guest_store_get(guests, uuid_texts[i], RUN);

        seen.indexes[i] = vsf_index_store_get(indexes, uuids[i]);
        if (known != NULL) {
            seen.n_known++;
            g_assert_cmpint(known->choice.memory, ==, VSF_SOURCE_BALLOON);
            g_assert_cmpint(known->choice.disk, ==, VSF_SOURCE_AGENT);
        }
        vsf_guest_store_set(guests, uuid_texts[i], &record);
    }
    return seen;
}

static void
remove_all(const char *directory)
{
    GDir *dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_dir_close(dir);
}

static void
assert_same(const Seen *seen, const Seen *before)
{
    g_assert_cmpmem(seen->indexes, sizeof(seen->indexes), before->indexes, sizeof(before->indexes));
}

/* A run that gives out the same indexes and says so many warnings: how many choices it knew. */
static guint
run_again(const char *directory, const Seen *before, guint n_expected)
{
    Seen after;

    forget_warnings();
    after = run_once(directory);
    assert_same(&after, before);
    g_assert_cmpuint(n_warnings, ==, n_expected);
    return after.n_known;
}

/* A new directory, and what lies in it after a first run. */
static char *
new_directory(Seen *first)
{
    char *directory = g_dir_make_tmp("vsf-stores-XXXXXX", NULL);

    forget_warnings();
    *first = run_once(directory);
    g_assert_cmpuint(n_warnings, ==, 0);
    return directory;
}

static void
end_directory(char *directory)
{
    remove_all(directory);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
    g_free(directory);
}

/* --- the tests ------------------------------------------------------------- */

static void
test_a_restart_changes_nothing(void)
{
    Seen before;
    char *directory = new_directory(&before);

    g_assert_cmpuint(run_again(directory, &before, 0), ==, N_VMS);
    end_directory(directory);
}

static void
check_bad(const char *directory, const char *path, const char *text, gsize length,
          const Seen *before)
{
    g_autofree char *aside = g_strconcat(path, ".bad", NULL);
    g_autofree char *kept = NULL;
    gsize kept_length;
    gboolean guests = g_str_has_suffix(path, "guests");

    put(path, text, (gssize)length);
    g_assert_cmpuint(run_again(directory, before, 1), ==, guests ? 0 : N_VMS);
    g_assert_nonnull(strstr(warnings->str, path));
    g_assert_true(g_file_get_contents(aside, &kept, &kept_length, NULL));
    g_assert_cmpmem(kept, kept_length, text, length);
    if (length % 16 != 0)
        return;
    /* And it is whole again. */
    g_assert_cmpuint(run_again(directory, before, 0), ==, N_VMS);
}

static void
test_every_prefix_is_set_aside_once(void)
{
    static const char *const names[] = {"indexes", "guests"};
    Seen before;
    char *directory = new_directory(&before);

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(directory, names[i], NULL);
        g_autofree char *text = NULL;
        gsize whole;

        g_assert_true(g_file_get_contents(path, &text, &whole, NULL));
        for (gsize length = 0; length < whole; length++)
            check_bad(directory, path, text, length, &before);
    }
    end_directory(directory);
}

static void
test_garbage_is_set_aside_once(void)
{
    static const char *const names[] = {"indexes", "guests"};
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    char garbage[4096];
    Seen before;
    char *directory = new_directory(&before);

    for (guint i = 0; i < sizeof(garbage); i++)
        garbage[i] = (char)g_rand_int(random);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(directory, names[i], NULL);

        check_bad(directory, path, garbage, sizeof(garbage), &before);
        memset(garbage, 0, sizeof(garbage)); /* what ext4 leaves of a file that was not synced */
        check_bad(directory, path, garbage, sizeof(garbage), &before);
    }
    end_directory(directory);
}

static void
test_a_newer_release_finds_its_files_again(void)
{
    static const char *const texts[][2] = {
        {"indexes", "virt-sflow-indexes 9\nhow it is then\n"},
        {"guests", "[virt-sflow guests]\nversion=9\nhow=it is then\n"}};
    Seen before;
    char *directory = new_directory(&before);

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *path = g_build_filename(directory, texts[i][0], NULL);
        g_autofree char *aside = g_strconcat(path, ".newer", NULL);
        g_autofree char *kept = NULL;

        put(path, texts[i][1], -1);
        run_again(directory, &before, 1);
        g_assert_nonnull(strstr(warnings->str, aside));
        g_assert_true(g_file_get_contents(aside, &kept, NULL, NULL));
        g_assert_cmpstr(kept, ==, texts[i][1]);
    }
    end_directory(directory);
}

/* Neither is read, and the pipe does not hold us up. */
static void
test_what_is_no_file_is_set_aside(void)
{
    Seen before;
    char *directory = new_directory(&before);
    g_autofree char *indexes = g_build_filename(directory, "indexes", NULL);
    g_autofree char *guests = g_build_filename(directory, "guests", NULL);

    g_unlink(indexes);
    g_unlink(guests);
    g_assert_cmpint(g_mkdir(indexes, 0700), ==, 0);
    g_assert_cmpint(mkfifo(guests, 0600), ==, 0);
    run_again(directory, &before, 2);
    g_assert_cmpuint(run_again(directory, &before, 0), ==, N_VMS);
    end_directory(directory);
}

static void
test_what_cannot_be_set_aside_stays_as_it_is(void)
{
    Seen before;
    char *directory = new_directory(&before);
    g_autofree char *path = g_build_filename(directory, "indexes", NULL);
    g_autofree char *aside = g_strconcat(path, ".bad", NULL);
    g_autofree char *text = NULL;

    put(path, "bad", -1);
    g_assert_cmpint(g_mkdir(aside, 0700), ==, 0);
    run_again(directory, &before, 1);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "bad");
    end_directory(directory);
}

/* A file where the directory should be: also root cannot write there. */
static void
test_no_directory_is_said_once_and_stands_in_the_status(void)
{
    Seen before;
    char *directory = new_directory(&before);
    g_autofree char *path = g_build_filename(directory, "file", NULL);

    put(path, "", 0);
    run_again(path, &before, 1);
    {
        g_autoptr(VsfStateDir) dir = vsf_state_dir_new(path);

        g_assert_nonnull(strstr(vsf_state_dir_trouble(dir), path));
    }
    end_directory(directory);
}

static void
test_what_a_kill_left_is_removed(void)
{
    static const char *const names[] = {"indexes.A1B2C3", "indexes.a1b2c3", "indexes.newer",
                                        "indexes.A1B2C3D", "other.A1B2C3"};
    Seen before;
    char *directory = new_directory(&before);

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(directory, names[i], NULL);

        put(path, "", 0);
    }
    run_once(directory);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(directory, names[i], NULL);

        g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==, i > 0);
    }
    end_directory(directory);
}

#define CASE(name, func) g_test_add_func("/state-stores/" name, func)

/* Going to Host sFlow's indexes and back gives every VM the one that it had. */
static void
test_each_kind_of_index_has_its_own_file(void)
{
    Seen first;
    g_autofree char *directory = new_directory(&first);
    g_autofree char *path = g_build_filename(directory, "indexes-hsflowd", NULL);
    guint32 theirs[N_VMS];

    for (guint run = 0; run < 2; run++) {
        g_autoptr(VsfStateDir) dir = vsf_state_dir_new(directory);
        g_autoptr(VsfIndexStore) indexes = vsf_index_store_new(dir, VSF_INDEX_HSFLOWD);

        for (guint i = 0; i < N_VMS; i++) {
            guint32 index = vsf_index_store_get(indexes, uuids[i]);

            g_assert_cmpuint(index, >=, VSF_INDEX_HSFLOWD_MIN);
            g_assert_cmpuint(index, <=, VSF_INDEX_HSFLOWD_MAX);
            g_assert_true(run == 0 || index == theirs[i]);
            theirs[i] = index;
        }
    }
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
    run_again(directory, &first, 0);
    remove_all(directory);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    warnings = g_string_new(NULL);
    g_log_set_default_handler(count_warnings, NULL);
    CASE("a-restart-changes-nothing", test_a_restart_changes_nothing);
    CASE("every-prefix-is-set-aside-once", test_every_prefix_is_set_aside_once);
    CASE("garbage-is-set-aside-once", test_garbage_is_set_aside_once);
    CASE("a-newer-release-finds-its-files-again", test_a_newer_release_finds_its_files_again);
    CASE("what-is-no-file-is-set-aside", test_what_is_no_file_is_set_aside);
    CASE("what-cannot-be-set-aside-stays-as-it-is", test_what_cannot_be_set_aside_stays_as_it_is);
    CASE("no-directory-is-said-once-and-stands-in-the-status",
         test_no_directory_is_said_once_and_stands_in_the_status);
    CASE("what-a-kill-left-is-removed", test_what_a_kill_left_is_removed);
    CASE("each-kind-of-index-has-its-own-file", test_each_kind_of_index_has_its_own_file);
    return g_test_run();
}
