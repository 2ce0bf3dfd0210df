/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
make_parent(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
}

/* @body: the lines that follow, each with its newline. */
static void
put(const char *root, const char *what, GString *body)
{
    const char *arrow = strstr(what, " -> ");
    g_autofree char *name = arrow != NULL ? g_strndup(what, (gsize)(arrow - what)) : g_strdup(what);
    g_autofree char *path = g_build_filename(root, name, NULL);

    make_parent(path);
    if (arrow != NULL) {
        g_assert_cmpint(symlink(arrow + strlen(" -> "), path), ==, 0);
    } else if (g_str_has_suffix(what, "/")) {
        g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    } else {
        if (g_str_has_suffix(body->str, "\n\\\n"))
            g_string_truncate(body, body->len - 3);
        g_assert_true(g_file_set_contents(path, body->str, (gssize)body->len, NULL));
    }
}

char *
tree_unpack(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file = g_strconcat(name, ".tree", NULL);
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "host", "trees", file, NULL);
    g_autofree char *text = NULL;
    g_autofree char *what = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GString) body = g_string_new(NULL);
    char *root = g_dir_make_tmp("vsf-tree-XXXXXX", &error);

    g_assert_no_error(error);
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++) {
        if (!g_str_has_prefix(lines[i], "=== ")) {
            g_string_append_printf(body, "%s\n", lines[i]);
            continue;
        }
        if (what != NULL)
            put(root, what, body);
        g_string_truncate(body, 0);
        g_free(what);
        what = g_strdup(lines[i] + strlen("=== "));
    }
    put(root, what, body);
    return root;
}

static int
remove_one(const char *path, const struct stat *stat G_GNUC_UNUSED, int type G_GNUC_UNUSED,
           struct FTW *place G_GNUC_UNUSED)
{
    return remove(path);
}

void
tree_remove(char *root)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    g_free(root);
}
