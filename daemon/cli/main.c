/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `virt-sflow` command: finds the subcommand, which does the rest. */
#include "agents.h"
#include "compare.h"
#include "doctor.h"
#include "explain.h"
#include "hook.h"
#include "import.h"
#include "lists.h"
#include "pause.h"
#include "receive.h"
#include "status.h"
#include "top.h"

#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} Command;

static const Command commands[] = {
    {"status", vsf_cli_status, "show how the running virt-sflowd is"},
    {"vms", vsf_cli_vms, "show the VMs, and their memory and disk"},
    {"vm", vsf_cli_vm, "show one VM"},
    {"taps", vsf_cli_taps, "show the interfaces that are sampled"},
    {"collectors", vsf_cli_collectors, "show where samples are sent"},
    {"agents", vsf_cli_agents, "show which guest agents answer, or would be asked"},
    {"top", vsf_cli_top, "show the VMs live, with their load"},
    {"explain", vsf_cli_explain, "say why a VM's number is unknown or odd, and what mends it"},
    {"doctor", vsf_cli_doctor, "say what is wrong on this node, for people and check systems"},
    {"pause", vsf_cli_pause, "stop packet samples or questions to guest agents for a while"},
    {"resume", vsf_cli_resume, "end what was paused"},
    {"receive", vsf_cli_receive, "receive sFlow and show what is in it"},
    {"compare", vsf_cli_compare, "compare its numbers of the VMs with Host sFlow's"},
    {"import-hsflowd", vsf_cli_import, "print the equivalent of a Host sFlow configuration"},
    {"hook", vsf_cli_hook, "install, remove or look at the libvirt hook"},
};

static void
print_usage(FILE *to)
{
    fprintf(to, "Usage: virt-sflow [--help] [--version] COMMAND [OPTION...]\n\nCommands:\n");
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(to, "  %-14s  %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\n'virt-sflow COMMAND --help' tells its options. Exit status: 0 done, 1 failed,\n"
                "2 wrong usage; doctor has its own.\n");
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("virt-sflow %s\n", VSF_VERSION);
        return 0;
    }
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "virt-sflow: unknown %s '%s'\n\n", argv[1][0] == '-' ? "option" : "command",
            argv[1]);
    print_usage(stderr);
    return 2;
}
