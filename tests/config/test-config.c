/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/config-keys.h"

#include <glib/gstdio.h>
#include <string.h>

/* The fields as text, in the table's order, to compare two configurations. */
static char *
dump(VsfConfig *config)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < schema->n_keys; i++) {
        const VsfConfigKey *key = &schema->keys[i];
        gpointer field = G_STRUCT_MEMBER_P(config, key->offset);

        g_string_append_printf(text, "%s.%s=", key->group, key->name);
        if (key->type == VSF_KEY_NUMBER || key->type == VSF_KEY_WORD) {
            g_string_append_printf(text, "%u", *(guint *)field);
        } else if (key->type == VSF_KEY_TEXT) {
            const char *value = *(char **)field;

            g_string_append(text, value != NULL ? value : "(none)");
        } else if (key->type != VSF_KEY_COLLECTORS) {
            g_autofree char *value = vsf_config_key_text(key, config);

            g_string_append(text, value);
        } else {
            GPtrArray *list = *(GPtrArray **)field;

            for (guint j = 0; j < list->len; j++)
                g_string_append_printf(text, "%s|", ((VsfCollectorAddress *)list->pdata[j])->text);
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

static VsfConfig *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfConfig *config = vsf_config_parse("f.conf", text, strlen(text), &error);

    g_assert_no_error(error);
    return config;
}

static void
test_defaults_are_the_documented_ones(void)
{
    g_autoptr(VsfConfig) config = vsf_config_new();

    g_assert_cmpuint(config->collectors->len, ==, 0);
    g_assert_cmpuint(config->polling_s, ==, 20);
    g_assert_cmpuint(config->sampling, ==, 512);
    g_assert_cmpuint(config->header_bytes, ==, 128);
    g_assert_cmpuint(config->datagram_bytes, ==, 1400);
    g_assert_cmpstr(config->agent_address, ==, "auto");
    g_assert_cmpuint(config->sub_agent_id, ==, 200000);
    g_assert_cmpint(config->vm_name, ==, VSF_VM_NAME_AUTO);
    g_assert_cmpint(config->virt_memory, ==, VSF_VIRT_MEMORY_GUEST);
    g_assert_cmpint(config->virt_net_direction, ==, VSF_NET_DIRECTION_GUEST);
    g_assert_null(config->source_address);
    g_assert_cmpuint(config->dscp, ==, 0);
    g_assert_cmpstr(config->uri, ==, "qemu:///system");
    g_assert_cmpuint(g_strv_length(config->interfaces), ==, 3);
    g_assert_cmpstr(config->interfaces[0], ==, "vnet*");
    g_assert_cmpstr(config->interfaces[1], ==, "tap*");
    g_assert_cmpstr(config->interfaces[2], ==, "macvtap*");
    g_assert_cmpint(config->direction, ==, VSF_DIRECTION_ONCE);
    g_assert_cmpuint(config->max_samples_per_second, ==, 5000);
    g_assert_cmpuint(config->max_host_samples_per_second, ==, 20000);
    g_assert_cmpint(config->agent, ==, VSF_GUEST_AGENT_AUTO);
    g_assert_cmpuint(config->canary, ==, 100);
    g_assert_cmpuint(config->filesystems_interval_s, ==, 60);
    g_assert_cmpuint(config->os_interval_s, ==, 600);
    g_assert_cmpuint(config->agent_timeout_s, ==, 2);
    g_assert_cmpuint(g_strv_length(config->agent_exclude), ==, 0);
    g_assert_cmpuint(config->balloon_period_s, ==, 0);
    g_assert_cmpint(config->detail, ==, VSF_DETAIL_RTMETRIC);
    g_assert_cmpuint(config->warnings->len, ==, 0);
}

static void
test_every_key_can_be_set(void)
{
    g_autoptr(VsfConfig) config = parse(
        "[sflow]\n"
        "collectors = 192.0.2.1 , collector.example.net:6344,[2001:db8::1]:7%mgmt\n"
        "polling=0\nsampling=10000000\nheader-bytes=64\ndatagram-bytes=9000\n"
        "agent-address=10.0.0.0/8\nsub-agent-id=4294967295\nvm-name=guest\n"
        "virt-memory=balloon\nvirt-net-direction=host\nsource-address=2001:db8::2\ndscp=63\n"
        "[libvirt]\nuri=test:///default\n"
        "[capture]\ninterfaces=a?c,tap*  eth0\ndirection=out\nmax-samples-per-second=0\n"
        "max-host-samples-per-second=1000000\n"
        "[guest]\nagent=off\ncanary=5\nfilesystems-interval=10\nos-interval=86400\ntimeout=30\n"
        "exclude=db-*, ?win web01\nballoon-period=10\ndetail=none\n"
        "[daemon]\ncpu-limit=off\n[host]\nenabled=off\ninterfaces=off\n");
    VsfCollectorAddress *last;

    g_assert_cmpuint(config->collectors->len, ==, 3);
    last = config->collectors->pdata[2];
    g_assert_cmpstr(last->host, ==, "2001:db8::1");
    g_assert_cmpuint(last->port, ==, 7);
    g_assert_cmpstr(last->device, ==, "mgmt");
    g_assert_cmpuint(config->polling_s, ==, 0);
    g_assert_cmpuint(config->sampling, ==, 10000000);
    g_assert_cmpuint(config->header_bytes, ==, 64);
    g_assert_cmpuint(config->datagram_bytes, ==, 9000);
    g_assert_cmpstr(config->agent_address, ==, "10.0.0.0/8");
    g_assert_cmpuint(config->sub_agent_id, ==, G_MAXUINT32);
    g_assert_cmpint(config->vm_name, ==, VSF_VM_NAME_GUEST);
    g_assert_cmpint(config->virt_memory, ==, VSF_VIRT_MEMORY_BALLOON);
    g_assert_cmpint(config->virt_net_direction, ==, VSF_NET_DIRECTION_HOST);
    g_assert_cmpstr(config->source_address, ==, "2001:db8::2");
    g_assert_cmpuint(config->dscp, ==, 63);
    g_assert_cmpstr(config->uri, ==, "test:///default");
    g_assert_cmpuint(g_strv_length(config->interfaces), ==, 3);
    g_assert_cmpstr(config->interfaces[2], ==, "eth0");
    g_assert_cmpint(config->direction, ==, VSF_DIRECTION_OUT);
    g_assert_cmpuint(config->max_samples_per_second, ==, 0);
    g_assert_cmpuint(config->max_host_samples_per_second, ==, 1000000);
    g_assert_cmpint(config->agent, ==, VSF_GUEST_AGENT_OFF);
    g_assert_cmpuint(config->canary, ==, 5);
    g_assert_cmpuint(config->filesystems_interval_s, ==, 10);
    g_assert_cmpuint(config->os_interval_s, ==, 86400);
    g_assert_cmpuint(config->agent_timeout_s, ==, 30);
    g_assert_cmpuint(g_strv_length(config->agent_exclude), ==, 3);
    g_assert_cmpstr(config->agent_exclude[1], ==, "?win");
    g_assert_cmpuint(config->balloon_period_s, ==, 10);
    g_assert_cmpint(config->detail, ==, VSF_DETAIL_NONE);
    g_assert_cmpuint(config->cpu_limit, ==, 0);
}

static void
test_words_stand_in_the_order_of_their_enums(void)
{
    static const struct {
        const char *text;
        gsize offset;
        guint value;
    } cases[] = {
        {"[sflow]\nvm-name=nova", G_STRUCT_OFFSET(VsfConfig, vm_name), VSF_VM_NAME_NOVA},
        {"[sflow]\nvm-name=domain", G_STRUCT_OFFSET(VsfConfig, vm_name), VSF_VM_NAME_DOMAIN},
        {"[sflow]\nvm-name=title", G_STRUCT_OFFSET(VsfConfig, vm_name), VSF_VM_NAME_TITLE},
        {"[capture]\ndirection=both", G_STRUCT_OFFSET(VsfConfig, direction), VSF_DIRECTION_BOTH},
        {"[capture]\ndirection=in", G_STRUCT_OFFSET(VsfConfig, direction), VSF_DIRECTION_IN},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfConfig) config = parse(cases[i].text);

        g_assert_cmpuint(G_STRUCT_MEMBER(guint, config, cases[i].offset), ==, cases[i].value);
    }
}

static void
test_agent_address_takes_its_four_forms(void)
{
    static const char *const forms[] = {"auto",  "192.0.2.1", "fe80::1",    "eth0",
                                        "br-ex", "bond0.100", "10.0.0.0/8", "2001:db8::/32"};

    for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *text = g_strdup_printf("[sflow]\nagent-address = %s  \n", forms[i]);
        g_autoptr(VsfConfig) config = parse(text);

        g_assert_cmpstr(config->agent_address, ==, forms[i]);
    }
}

static void
test_empty_text_is_all_defaults(void)
{
    g_autoptr(VsfConfig) fresh = vsf_config_new();
    g_autoptr(VsfConfig) empty = vsf_config_parse("f", NULL, 0, NULL);
    g_autofree char *want = dump(fresh), *have = dump(empty);

    g_assert_cmpstr(have, ==, want);
}

static void
test_groups_named_x_are_ignored(void)
{
    g_autoptr(VsfConfig) config = parse("[x-agent]\npolling = nonsense\npolling = again\n[sflow]\n"
                                        "polling = 7\n[x-]\nwhatever = 1\n");

    g_assert_cmpuint(config->polling_s, ==, 7);
    g_assert_cmpuint(config->warnings->len, ==, 0);
}

static void
test_repeated_groups_merge(void)
{
    g_autoptr(VsfConfig) config = parse("[sflow]\npolling=7\n[capture]\n[sflow]\nsampling=9\n");

    g_assert_cmpuint(config->polling_s, ==, 7);
    g_assert_cmpuint(config->sampling, ==, 9);
}

static VsfConfigSchema
schema_with_rename(void)
{
    static const VsfConfigRename renames[] = {{"sflow", "interval", "polling", "0.3"}};
    VsfConfigSchema schema = *vsf_config_schema();

    schema.renames = renames;
    schema.n_renames = 1;
    return schema;
}

static void
test_renamed_key_works_with_a_warning(void)
{
    static const char text[] = "[sflow]\n\ninterval = 9\n";
    VsfConfigSchema schema = schema_with_rename();
    g_autoptr(VsfConfig) config = vsf_config_new();

    g_assert_true(vsf_config_apply(config, &schema, "f", text, strlen(text), NULL));
    g_assert_cmpuint(config->polling_s, ==, 9);
    g_assert_cmpuint(config->warnings->len, ==, 1);
    g_assert_cmpstr(config->warnings->pdata[0], ==,
                    "f:3: [sflow] interval is called polling now; the old name works until "
                    "release 0.3");
}

static void
test_renamed_key_beside_its_new_name_is_a_duplicate(void)
{
    static const char text[] = "[sflow]\npolling = 9\ninterval = 9\n";
    VsfConfigSchema schema = schema_with_rename();
    g_autoptr(VsfConfig) config = vsf_config_new();
    g_autoptr(GError) error = NULL;

    g_assert_false(vsf_config_apply(config, &schema, "f", text, strlen(text), &error));
    g_assert_nonnull(strstr(error->message, "f:3: [sflow] interval: given twice"));
}

/* "#key = value" lines lose their '#'; "# words" stay comments. */
static char *
uncomment(const char *example, guint *n_keys)
{
    g_auto(GStrv) lines = g_strsplit(example, "\n", -1);

    *n_keys = 0;
    for (guint i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] != '#' || !g_ascii_isalpha(lines[i][1]))
            continue;
        memmove(lines[i], lines[i] + 1, strlen(lines[i]));
        ++*n_keys;
    }
    return g_strjoinv("\n", lines);
}

static void
test_example_with_every_key_uncommented_is_the_defaults(void)
{
    g_autofree char *example = vsf_config_example();
    guint n_keys;
    g_autofree char *uncommented = uncomment(example, &n_keys);
    g_autoptr(VsfConfig) as_shipped = parse(example), all_set = parse(uncommented);
    g_autoptr(VsfConfig) defaults = vsf_config_new();
    g_autofree char *want = dump(defaults), *shipped = dump(as_shipped), *set = dump(all_set);

    g_assert_cmpuint(n_keys, ==, vsf_config_schema()->n_keys);
    g_assert_cmpstr(shipped, ==, want);
    g_assert_cmpstr(set, ==, want);
}

/* With VSF_WRITE_EXAMPLE set the file is written instead of compared. */
static void
test_installed_example_is_the_generated_one(void)
{
    g_autofree char *example = vsf_config_example();
    const char *path = g_getenv("VSF_EXAMPLE");
    g_autofree char *shipped = NULL;
    g_autoptr(GError) error = NULL;

    if (path == NULL) {
        g_test_skip("VSF_EXAMPLE names no file");
        return;
    }
    if (g_getenv("VSF_WRITE_EXAMPLE") != NULL)
        g_file_set_contents(path, example, -1, &error);
    g_assert_no_error(error);
    g_file_get_contents(path, &shipped, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(shipped, ==, example);
    for (const char *line = example; line != NULL; line = strchr(line + 1, '\n'))
        g_assert_cmpuint(strcspn(line + 1, "\n"), <=, 100);
}

static void
test_manual_has_every_key_and_default(void)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    const char *path = g_getenv("VSF_MANUAL");
    g_autofree char *manual = NULL;

    if (path == NULL) {
        g_test_skip("VSF_MANUAL names no file");
        return;
    }
    g_assert_true(g_file_get_contents(path, &manual, NULL, NULL));
    for (guint i = 0; i < schema->n_keys; i++) {
        const VsfConfigKey *key = &schema->keys[i];
        g_autofree char *entry = g_strdup_printf(
            "\n.BR %s \" = %s\"\n", key->name, *key->fallback != '\0' ? key->fallback : "(empty)");

        if (strstr(manual, entry) == NULL)
            g_error("the manual lacks%s", entry);
    }
}

/* A folder of files that goes when the test ends. */
static char *
make_folder(void)
{
    char *folder = g_dir_make_tmp("vsf-config-XXXXXX", NULL);

    g_assert_nonnull(folder);
    return folder;
}

static char *
put(const char *folder, const char *name, const char *text)
{
    char *path = g_build_filename(folder, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_remove(path);
    }
    g_rmdir(folder);
}

static void
test_later_files_replace_earlier_ones(void)
{
    g_autofree char *folder = make_folder();
    g_autofree char *b = put(folder, "20-b.conf", "[sflow]\npolling=3\n");
    g_autofree char *a = put(folder, "10-a.conf", "[sflow]\npolling=2\nsampling=5\n");
    g_autofree char *other G_GNUC_UNUSED = put(folder, "30-c.conf.bak", "nonsense");
    g_autofree char *hidden G_GNUC_UNUSED = put(folder, ".40.conf", "nonsense");
    g_autofree char *main_file = put(folder, "main", "[sflow]\npolling=1\ndscp=7\n");
    g_autoptr(VsfConfig) config = vsf_config_load_from(main_file, folder, NULL);

    g_assert_nonnull(config);
    g_assert_cmpuint(config->polling_s, ==, 3);
    g_assert_cmpuint(config->sampling, ==, 5);
    g_assert_cmpuint(config->dscp, ==, 7);
    g_assert_cmpuint(config->files->len, ==, 3);
    g_assert_cmpstr(config->files->pdata[0], ==, main_file);
    g_assert_cmpstr(config->files->pdata[1], ==, a);
    g_assert_cmpstr(config->files->pdata[2], ==, b);
    remove_folder(folder);
}

static void
test_error_in_a_later_file_names_that_file(void)
{
    g_autofree char *folder = make_folder();
    g_autofree char *path = put(folder, "x.conf", "[sflow]\n\npolling=x\n");
    g_autofree char *absent = g_build_filename(folder, "absent", NULL);
    g_autofree char *place = g_strdup_printf("%s:3: [sflow] polling: ", path);
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_config_load_from(absent, folder, &error));
    g_assert_true(g_str_has_prefix(error->message, place));
    remove_folder(folder);
}

static void
test_absent_files_are_the_defaults_unless_named(void)
{
    g_autoptr(VsfConfig) config = vsf_config_load_from("/nonexistent/a", "/nonexistent/b", NULL);
    g_autoptr(VsfConfig) nothing = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(config);
    g_assert_cmpuint(config->files->len, ==, 0);
    nothing = vsf_config_load("/nonexistent/a", &error);
    g_assert_null(nothing);
    g_assert_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_READ);
    g_assert_nonnull(strstr(error->message, "/nonexistent/a: cannot be read: No such file"));
}

static void
test_unreadable_kinds_of_files_are_errors(void)
{
    static const struct {
        const char *path, *words;
    } cases[] = {{"/", "directory"}, {"/dev/zero", "larger than 1 MiB"}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(vsf_config_load(cases[i].path, &error));
        g_assert_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_READ);
        g_assert_nonnull(strstr(error->message, cases[i].words));
    }
}

static void
test_long_polling_warns(void)
{
    g_autofree char *folder = make_folder();
    g_autofree char *path = put(folder, "a", "[sflow]\npolling=61\n");
    g_autoptr(VsfConfig) config = vsf_config_load(path, NULL);

    g_assert_cmpuint(config->warnings->len, ==, 1);
    remove_folder(folder);
}

static void
test_command_line_replaces_the_collectors(void)
{
    static const char *const good[] = {"10.0.0.1", "[::1]:7", NULL};
    static const char *const bad[] = {"10.0.0.1", "a:b:c", NULL};
    g_autoptr(VsfConfig) config = parse("[sflow]\ncollectors = 192.0.2.1\n");
    g_autoptr(GError) error = NULL;

    g_assert_true(vsf_config_set_collectors(config, good, NULL));
    g_assert_cmpuint(config->collectors->len, ==, 2);
    g_assert_false(vsf_config_set_collectors(config, bad, &error));
    g_assert_true(g_str_has_prefix(error->message, "--collector: \"a:b:c\" "));
    g_assert_cmpuint(config->collectors->len, ==, 2);
}

static void
test_uri_on_the_command_line_is_checked(void)
{
    g_autoptr(VsfConfig) config = vsf_config_new();
    g_autoptr(GError) garbage = NULL;
    g_autoptr(GError) empty = NULL;

    g_assert_true(vsf_config_set_uri(config, "qemu+ssh://host/system", NULL));
    g_assert_cmpstr(config->uri, ==, "qemu+ssh://host/system");
    g_assert_false(vsf_config_set_uri(config, "garbage", &garbage));
    g_assert_true(g_str_has_prefix(garbage->message, "--uri: \"garbage\" is no libvirt URI"));
    g_assert_false(vsf_config_set_uri(config, "", &empty));
    g_assert_cmpstr(config->uri, ==, "qemu+ssh://host/system");
}

static void
test_empty_collector_on_the_command_line_is_refused(void)
{
    static const char *const empty[] = {"", ",", NULL};
    g_autoptr(VsfConfig) config = parse("[sflow]\ncollectors = 192.0.2.1\n");
    g_autoptr(GError) error = NULL;

    g_assert_false(vsf_config_set_collectors(config, empty, &error));
    g_assert_true(g_str_has_prefix(error->message, "--collector: is empty"));
    g_assert_cmpuint(config->collectors->len, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add_func("/config/" path, func)
    CASE("defaults-are-the-documented-ones", test_defaults_are_the_documented_ones);
    CASE("every-key-can-be-set", test_every_key_can_be_set);
    CASE("words-stand-in-the-order-of-their-enums", test_words_stand_in_the_order_of_their_enums);
    CASE("agent-address-takes-its-four-forms", test_agent_address_takes_its_four_forms);
    CASE("empty-text-is-all-defaults", test_empty_text_is_all_defaults);
    CASE("groups-named-x-are-ignored", test_groups_named_x_are_ignored);
    CASE("repeated-groups-merge", test_repeated_groups_merge);
    CASE("renamed-key-works-with-a-warning", test_renamed_key_works_with_a_warning);
    CASE("renamed-key-beside-its-new-name-is-a-duplicate",
         test_renamed_key_beside_its_new_name_is_a_duplicate);
    CASE("example-with-every-key-uncommented-is-the-defaults",
         test_example_with_every_key_uncommented_is_the_defaults);
    CASE("installed-example-is-the-generated-one", test_installed_example_is_the_generated_one);
    CASE("manual-has-every-key-and-default", test_manual_has_every_key_and_default);
    CASE("later-files-replace-earlier-ones", test_later_files_replace_earlier_ones);
    CASE("error-in-a-later-file-names-that-file", test_error_in_a_later_file_names_that_file);
    CASE("absent-files-are-the-defaults-unless-named",
         test_absent_files_are_the_defaults_unless_named);
    CASE("unreadable-kinds-of-files-are-errors", test_unreadable_kinds_of_files_are_errors);
    CASE("long-polling-warns", test_long_polling_warns);
    CASE("command-line-replaces-the-collectors", test_command_line_replaces_the_collectors);
    CASE("empty-collector-on-the-command-line-is-refused",
         test_empty_collector_on_the_command_line_is_refused);
    g_test_add_func("/config/uri-on-the-command-line-is-checked",
                    test_uri_on_the_command_line_is_checked);
    return g_test_run();
}
