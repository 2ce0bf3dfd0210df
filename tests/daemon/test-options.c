/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, and the configuration that it and the files make. */
#include "../../daemon/options.h"

#include <glib/gstdio.h>
#include <string.h>

static char *
put(const char *text)
{
    char *path = NULL;
    int fd = g_file_open_tmp("vsf-options-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
parse(VsfOptions *options, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autofree char **argv = g_memdup2(words, (g_strv_length(words) + 1) * sizeof(*words));
    int argc = (int)g_strv_length(words);
    char **rest = argv;
    g_autoptr(GError) error = NULL;

    g_assert_true(vsf_options_parse(options, &argc, &rest, &error));
    g_assert_no_error(error);
}

static void
test_the_command_line_replaces_what_the_file_says_each_time(void)
{
    g_autofree char *path = put("[sflow]\ncollectors = 192.0.2.1\npolling = 7\n");
    g_autofree char *line = g_strdup_printf("virt-sflowd --config %s --collector 192.0.2.9 --uri "
                                            "test:///default",
                                            path);
    g_auto(VsfOptions) options = {0};

    parse(&options, line);
    for (int again = FALSE; again <= TRUE; again++) {
        g_autoptr(VsfConfig) config = vsf_options_load(&options, again, NULL);

        g_assert_nonnull(config);
        g_assert_cmpuint(config->polling_s, ==, 7);
        g_assert_cmpstr(config->uri, ==, "test:///default");
        g_assert_cmpstr(((VsfCollectorAddress *)config->collectors->pdata[0])->host, ==,
                        "192.0.2.9");
    }
    g_remove(path);
}

/* It would be empty the second time, and all would be as by default. */
static void
test_what_is_no_regular_file_is_not_read_again(void)
{
    g_auto(VsfOptions) options = {0};
    g_autoptr(VsfConfig) config = NULL;
    g_autoptr(VsfConfig) again = NULL;
    g_autoptr(GError) error = NULL;

    parse(&options, "virt-sflowd --config /dev/null");
    config = vsf_options_load(&options, FALSE, NULL);
    g_assert_nonnull(config);
    again = vsf_options_load(&options, TRUE, &error);
    g_assert_null(again);
    g_assert_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_READ);
    g_assert_nonnull(strstr(error->message, "/dev/null: is no regular file"));
}

static void
test_a_file_that_went_is_an_error(void)
{
    g_autofree char *path = put(""), *line = g_strdup_printf("virt-sflowd --config %s", path);
    g_auto(VsfOptions) options = {0};
    g_autoptr(VsfConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    parse(&options, line);
    g_remove(path);
    config = vsf_options_load(&options, TRUE, &error);
    g_assert_null(config);
    g_assert_nonnull(strstr(error->message, "No such file"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func) g_test_add_func("/daemon/options/" name, func)
    CASE("the-command-line-replaces-what-the-file-says-each-time",
         test_the_command_line_replaces_what_the_file_says_each_time);
    CASE("what-is-no-regular-file-is-not-read-again",
         test_what_is_no_regular_file_is_not_read_again);
    CASE("a-file-that-went-is-an-error", test_a_file_that_went_is_an_error);
    return g_test_run();
}
