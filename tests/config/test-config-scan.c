/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line scan, judged by GKeyFile: both must see the same in every text. */
#include "../../daemon/config-scan.h"

#include "../../daemon/config.h"

#include <string.h>

/* Everything that the scan saw, "group|key|value" a line; a later value of the
 * same key replaces the earlier one, as in GKeyFile. NULL: refused. */
static GHashTable *
scan_all(const char *text, gsize length, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(VsfConfigScan) scan = {0};

    if (!vsf_config_scan_init(&scan, "f", text, length, error))
        return NULL;
    for (;;) {
        g_auto(VsfConfigItem) item = {0};
        VsfScanResult result = vsf_config_scan_next(&scan, &item, error);

        if (result == VSF_SCAN_ERROR)
            return NULL;
        if (result == VSF_SCAN_END)
            return g_steal_pointer(&seen);
        if (item.key != NULL)
            g_hash_table_replace(seen, g_strdup_printf("%s|%s", item.group, item.key),
                                 g_steal_pointer(&item.value));
    }
}

/* NULL: GKeyFile refuses the text, or one of its values. */
static GHashTable *
key_file_all(const char *text, gsize length)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_auto(GStrv) groups = NULL;

    if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_KEEP_TRANSLATIONS, NULL))
        return NULL;
    groups = g_key_file_get_groups(file, NULL);
    for (guint i = 0; groups[i] != NULL; i++) {
        g_auto(GStrv) keys = g_key_file_get_keys(file, groups[i], NULL, NULL);

        for (guint j = 0; keys != NULL && keys[j] != NULL; j++) {
            g_autoptr(GError) error = NULL;
            g_autofree char *value = g_key_file_get_string(file, groups[i], keys[j], &error);

            if (error != NULL) /* it may give a value all the same */
                return NULL;
            g_hash_table_replace(seen, g_strdup_printf("%s|%s", groups[i], keys[j]),
                                 g_steal_pointer(&value));
        }
    }
    return g_steal_pointer(&seen);
}

static void
assert_agreement(const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) ours = scan_all(text, length, &error);
    g_autoptr(GHashTable) theirs = NULL;
    GHashTableIter iter;
    gpointer key, value;

    /* Two bad escapes in one value make GKeyFile set an error twice and warn. */
    if (error != NULL && strstr(error->message, "backslash") != NULL)
        return;
    theirs = key_file_all(text, length);
    if ((ours == NULL) != (theirs == NULL)) {
        g_autofree char *escaped = g_strescape(text, NULL);

        g_error("\"%s\": the scan %s it, GKeyFile %s it", escaped, ours ? "takes" : "refuses",
                theirs ? "takes" : "refuses");
    }
    if (ours == NULL)
        return;
    g_assert_cmpuint(g_hash_table_size(ours), ==, g_hash_table_size(theirs));
    g_hash_table_iter_init(&iter, ours);
    while (g_hash_table_iter_next(&iter, &key, &value))
        g_assert_cmpstr(value, ==, g_hash_table_lookup(theirs, key));
}

static void
test_scan_agrees_with_gkeyfile(void)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "# only a comment",
        "[a]\nb=c\n",
        "[a]\nb=c",
        "[a]\r\nb=c\r\n",
        "[a]\r\nb=c\r",
        "[a]\r",
        "  [a]  \n\t b \t=\t c \t\n",
        "[a]x\n",
        "[a] x=1\n",
        "[a\n",
        "[]\n",
        "[a[b]\n",
        "[a]]\n",
        "[a b]\nc=d\n",
        "[\xc3\xa4]\n\xc3\xb6=\xc3\xbc\n",
        "[a\x01]\nb=c\n",
        "b=c\n",
        "# x\nb=c\n[a]\n",
        "[a]\n=c\n",
        "[a]\n  =c\n",
        "[a]\nb\n",
        "[a]\nb=\n",
        "[a]\nb==c\n",
        "[a]\nb=c=d\n",
        "[a]\nb c=d\n",
        "[a]\nb[de]=d\n",
        "[a]\nb[de_DE.UTF-8@euro]=d\n",
        "[a]\nb[]=d\n",
        "[a]\nb[de=d\n",
        "[a]\nb[d e]=d\n",
        "[a]\nb [de]=d\n",
        "[a]\nb[de]x=d\n",
        "[a]\nb]=d\n",
        "[a]\n; b=d\n",
        "[a]\n;b=d\n",
        "[a]\n;b\n",
        "[a]\n# b\n   # c\n\t\nb = d # e\n",
        "[a]\nb=1\n[c]\nb=2\n[a]\nd=3\nb=4\n",
        "[a]\nb=x\\sy\\nz\\tu\\rv\\\\w\n",
        "[a]\nb=\\s\\s\n",
        "[a]\nb=\"q\"\n",
        "[a]\n\vb=c\n",
        "[a]\n\fb\f=\fc\f\n",
        "[a]\nb=c\\\\\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_agreement(texts[i], strlen(texts[i]));
}

static void
test_bad_escapes_are_refused_as_gkeyfile_does(void)
{
    static const char *const texts[] = {"[a]\nb=x\\\n", "[a]\nb=x\\\nc=d\n", "[a]\nb=\\q\n",
                                        "[a]\nb=\\;\n"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_assert_null(scan_all(texts[i], strlen(texts[i]), NULL));
        g_assert_null(key_file_all(texts[i], strlen(texts[i])));
    }
}

static void
test_scan_agrees_on_random_texts(void)
{
    static const char *const pieces[] = {"[",        "]",  "a",  "b", "=",    " ",     "\t",
                                         "\n",       "#",  "\\", "s", ";",    "[a]\n", "\r",
                                         "\xc3\xa4", "b=", "\n", ",", "\r\n", "."};
    g_autoptr(GRand) random = g_rand_new_with_seed(42);

    for (guint i = 0; i < 60000; i++) {
        g_autoptr(GString) text = g_string_new(i % 2 ? "[a]\n" : "");
        guint n = (guint)g_rand_int_range(random, 0, 24);

        while (n-- > 0)
            g_string_append(text, pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))]);
        assert_agreement(text->str, text->len);
    }
}

static void
test_items_know_their_line(void)
{
    static const char text[] = "\xef\xbb\xbf# c\r\n\r\n[a]\r\n\r\nb = 1 \r\n#\r\n[c]";
    g_auto(VsfConfigScan) scan = {0};
    g_auto(VsfConfigItem) first = {0}, second = {0}, third = {0}, last = {0};

    g_assert_true(vsf_config_scan_init(&scan, "f", text, sizeof(text) - 1, NULL));
    g_assert_cmpint(vsf_config_scan_next(&scan, &first, NULL), ==, VSF_SCAN_ITEM);
    g_assert_cmpuint(first.line, ==, 3);
    g_assert_cmpstr(first.group, ==, "a");
    g_assert_null(first.key);
    g_assert_cmpint(vsf_config_scan_next(&scan, &second, NULL), ==, VSF_SCAN_ITEM);
    g_assert_cmpuint(second.line, ==, 5);
    g_assert_cmpstr(second.key, ==, "b");
    g_assert_cmpstr(second.value, ==, "1 ");
    g_assert_cmpint(vsf_config_scan_next(&scan, &third, NULL), ==, VSF_SCAN_ITEM);
    g_assert_cmpuint(third.line, ==, 7);
    g_assert_cmpint(vsf_config_scan_next(&scan, &last, NULL), ==, VSF_SCAN_END);
}

static void
test_quotes_hold_nothing_a_terminal_obeys(void)
{
    g_autofree char *quoted = vsf_config_quote("a\x1b[31m\xc2\x9b\n");
    g_autofree char *filler = g_strnfill(500, 'x');
    g_autofree char *cut = vsf_config_quote(filler);

    g_assert_cmpstr(quoted, ==, "\"a\\x1b[31m\\x9b\\x0a\"");
    g_assert_cmpuint(strlen(cut), <, 80);
    g_assert_true(g_str_has_suffix(cut, "...\""));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/scan/agrees-with-gkeyfile", test_scan_agrees_with_gkeyfile);
    g_test_add_func("/config/scan/bad-escapes-are-refused-as-gkeyfile-does",
                    test_bad_escapes_are_refused_as_gkeyfile_does);
    g_test_add_func("/config/scan/agrees-on-random-texts", test_scan_agrees_on_random_texts);
    g_test_add_func("/config/scan/items-know-their-line", test_items_know_their_line);
    g_test_add_func("/config/scan/quotes-hold-nothing-a-terminal-obeys",
                    test_quotes_hold_nothing_a_terminal_obeys);
    return g_test_run();
}
