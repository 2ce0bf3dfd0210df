/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options and messages of `virt-sflow hook`. The files are hook-file's. */
#include "hook.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "hook-file.h"

#define PROGRAM "virt-sflow hook"
#define DEFAULT_HOOKS_DIR "/etc/libvirt/hooks"
#define FOLDER "qemu.d"
#define NAME "50-virt-sflow"

typedef struct {
    char *hooks_dir, *target;
    char *binary; /* NULL: search */
} Hook;

/* ---- where the program is ---- */

/* Beside a command that was not installed but built: BUILD/daemon/cli or
 * BUILD/daemon for the command, BUILD/hooks for the hook. */
static char *
binary_of_build_tree(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self != NULL ? g_path_get_dirname(self) : NULL;
    const char *up;
    g_autofree char *path = NULL;

    if (folder == NULL)
        return NULL;
    if (g_str_has_suffix(folder, "/daemon/cli"))
        up = "../..";
    else if (g_str_has_suffix(folder, "/daemon"))
        up = "..";
    else
        return NULL;
    path = g_build_filename(folder, up, "hooks", "qemu-hook", NULL);
    return g_file_test(path, G_FILE_TEST_IS_REGULAR) ? g_canonicalize_filename(path, NULL) : NULL;
}

static char *
find_binary(const Hook *hook)
{
    char *built;

    if (hook->binary != NULL)
        return g_canonicalize_filename(hook->binary, NULL);
    built = binary_of_build_tree();
    return built != NULL ? built : g_strdup(VSF_HOOK_BINARY);
}

/* ---- what else an operator has to know ---- */

static void
print_reload(void)
{
    g_print("No other hook for QEMU was there, and libvirtd looks for hooks only when it starts "
            "or reloads. To begin:\n"
            "    systemctl reload libvirtd      (virtqemud where the daemons are separate)\n");
}

/* Newer policies (Fedora, RHEL 10) confine virtqemud and have no rule for
 * QEMU hooks: exec is denied, which libvirt takes for a failed hook. */
static void
print_selinux(void)
{
    g_autofree char *enforce = NULL;

    if (!g_file_get_contents("/sys/fs/selinux/enforce", &enforce, NULL, NULL) || enforce[0] != '1')
        return;
    g_print("Warning: SELinux is enforcing. Some policies do not let libvirt's daemon run hooks, "
            "and then no VM starts.\n"
            "Start a VM that may fail now; if it does: " PROGRAM " remove\n");
}

static void
print_others(const Hook *hook)
{
    g_autoptr(GPtrArray) others = vsf_hook_file_others(hook->hooks_dir, hook->target);

    if (others->len == 0)
        g_print("no other hook for QEMU\n");
    for (guint i = 0; i < others->len; i++)
        g_print("another hook for QEMU: %s\n", (const char *)others->pdata[i]);
}

/* ---- the three commands ---- */

static int
complain(GError *error)
{
    const char *remedy = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED) &&
                                 geteuid() != 0
                             ? "; run it as root"
                             : "";

    g_printerr(PROGRAM ": %s%s\n", error->message, remedy);
    return 1;
}

static int
complain_foreign(const Hook *hook)
{
    g_printerr(PROGRAM ": %s is there and is not virt-sflow's; left as it is\n", hook->target);
    return 1;
}

static int
install(const Hook *hook)
{
    g_autofree char *binary = find_binary(hook);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) program = vsf_hook_file_read_program(binary, &error);
    g_autoptr(GPtrArray) others = vsf_hook_file_others(hook->hooks_dir, hook->target);
    g_autofree char *version = NULL;
    g_auto(VsfHookFile) old = {0};

    if (program == NULL || !vsf_hook_file_inspect(hook->target, &old, &error))
        return complain(error);
    if (old.kind == VSF_HOOK_FILE_FOREIGN)
        return complain_foreign(hook);
    version = vsf_hook_file_version(program);
    if (old.kind == VSF_HOOK_FILE_OURS && old.executable && g_bytes_equal(old.bytes, program)) {
        g_print("%s is already installed (version %s)\n", hook->target, version);
        return 0;
    }
    if (!vsf_hook_file_install(program, hook->hooks_dir, hook->target, &error))
        return complain(error);
    g_print("%s: tried and %s (version %s)\n", hook->target,
            old.kind == VSF_HOOK_FILE_OURS ? "replaced" : "installed", version);
    if (others->len == 0 && !old.executable)
        print_reload();
    print_selinux();
    return 0;
}

/* libvirt first lists the folder and then runs what it found, so a VM that
 * starts in this very moment may miss the file and fail: nothing here can
 * prevent that. */
static int
remove_hook(const Hook *hook)
{
    g_autoptr(GError) error = NULL;
    g_auto(VsfHookFile) old = {0};
    const guint n_strays = vsf_hook_file_remove_strays(hook->hooks_dir);

    if (n_strays > 0)
        g_print("%u temporary %s of an interrupted install removed from %s\n", n_strays,
                n_strays == 1 ? "file" : "files", hook->hooks_dir);
    if (!vsf_hook_file_inspect(hook->target, &old, &error))
        return complain(error);
    if (old.kind == VSF_HOOK_FILE_FOREIGN)
        return complain_foreign(hook);
    if (old.kind == VSF_HOOK_FILE_ABSENT) {
        g_print("%s is not installed\n", hook->target);
        return 0;
    }
    if (!vsf_hook_file_remove(hook->target, &error))
        return complain(error);
    g_print("%s removed; libvirtd needs no reload\n", hook->target);
    return 0;
}

static int
print_installed(const Hook *hook, const VsfHookFile *installed)
{
    g_autofree char *binary = find_binary(hook);
    g_autofree char *version = vsf_hook_file_version(installed->bytes);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) program = vsf_hook_file_read_program(binary, &error);

    if (!installed->executable) {
        g_print("not active: %s is not executable, so libvirt skips it; mend with " PROGRAM
                " install\n",
                hook->target);
        return 1;
    }
    if (program == NULL) {
        g_print("installed: %s (version %s), not compared: %s\n", hook->target, version,
                error->message);
        return 0;
    }
    if (!g_bytes_equal(program, installed->bytes)) {
        g_print("installed: %s (version %s), but it differs from %s; update with " PROGRAM
                " install\n",
                hook->target, version, binary);
        return 1;
    }
    g_print("installed: %s (version %s)\n", hook->target, version);
    return 0;
}

static int
status(const Hook *hook)
{
    g_autoptr(GError) error = NULL;
    g_auto(VsfHookFile) installed = {0};
    int result = 1;

    if (!vsf_hook_file_inspect(hook->target, &installed, &error))
        return complain(error);
    if (installed.kind == VSF_HOOK_FILE_OURS)
        result = print_installed(hook, &installed);
    else if (installed.kind == VSF_HOOK_FILE_FOREIGN)
        g_print("not installed: %s is not virt-sflow's\n", hook->target);
    else
        g_print("not installed\n");
    print_others(hook);
    return result;
}

static const struct {
    const char *name;
    int (*run)(const Hook *hook);
} actions[] = {{"install", install}, {"remove", remove_hook}, {"status", status}};

static int
run_action(Hook *hook, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(actions); i++)
        if (g_strcmp0(name, actions[i].name) == 0)
            return actions[i].run(hook);
    if (name == NULL)
        g_printerr(PROGRAM ": install, remove or status?\nTry '" PROGRAM " --help'.\n");
    else
        g_printerr(PROGRAM ": unknown: %s\nTry '" PROGRAM " --help'.\n", name);
    return 2;
}

int
vsf_cli_hook(int argc, char **argv)
{
    g_autofree char *hooks_dir = NULL, *binary = NULL, *absolute = NULL, *target = NULL;
    const GOptionEntry entries[] = {
        {"hooks-dir", 0, 0, G_OPTION_ARG_FILENAME, &hooks_dir,
         "libvirt's hooks (" DEFAULT_HOOKS_DIR ")", "DIR"},
        {"binary", 0, 0, G_OPTION_ARG_FILENAME, &binary, "the program (" VSF_HOOK_BINARY ")",
         "PATH"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("install|remove|status");
    g_autoptr(GError) error = NULL;
    Hook hook;

    g_set_prgname(PROGRAM);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context, "A hint from libvirt that a VM starts, a little earlier than its events. The\n"
                 "daemon works without it. Installing tries the program first and puts it into\n"
                 "qemu.d, as " NAME "; hooks/qemu is never touched.");
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 2) {
        g_printerr(PROGRAM ": %s\nTry '" PROGRAM " --help'.\n",
                   error != NULL ? error->message : "too many arguments");
        return 2;
    }
    absolute = g_canonicalize_filename(hooks_dir != NULL ? hooks_dir : DEFAULT_HOOKS_DIR, NULL);
    target = g_build_filename(absolute, FOLDER, NAME, NULL);
    hook = (Hook){.hooks_dir = absolute, .target = target, .binary = binary};
    return run_action(&hook, argc == 2 ? argv[1] : NULL);
}
