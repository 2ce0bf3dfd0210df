/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lists.h"

#include "ask.h"
#include "find-vm.h"
#include "lists-text.h"

static char *
render_vms(const VsfAsk *ask, JsonObject *status, const GError *failed G_GNUC_UNUSED,
           int *exit_status G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    if (ask->names)
        return vsf_vm_names(status);
    if (ask->as_json)
        return vsf_ask_line(vsf_list_json(status, "vms", "name"), FALSE);
    return vsf_vms_text(status);
}

static char *
render_vm(const VsfAsk *ask, JsonObject *status, const GError *failed G_GNUC_UNUSED,
          int *exit_status G_GNUC_UNUSED, GError **error)
{
    JsonObject *vm = vsf_find_vm(status, ask->words[0], error);
    JsonNode *node;

    if (vm == NULL)
        return NULL;
    if (!ask->as_json)
        return vsf_vm_text(status, vm);
    node = json_node_new(JSON_NODE_OBJECT);
    json_node_set_object(node, vm);
    return vsf_ask_line(node, FALSE);
}

static char *
render_taps(const VsfAsk *ask, JsonObject *status, const GError *failed G_GNUC_UNUSED,
            int *exit_status G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return ask->as_json ? vsf_ask_line(vsf_list_json(status, "taps", "ifindex"), FALSE)
                        : vsf_taps_text(status);
}

static char *
render_collectors(const VsfAsk *ask, JsonObject *status, const GError *failed G_GNUC_UNUSED,
                  int *exit_status G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return ask->as_json ? vsf_ask_line(vsf_list_json(status, "collectors", NULL), FALSE)
                        : vsf_collectors_text(status);
}

int
vsf_cli_vms(int argc, char **argv)
{
    static const VsfAskCommand command = {
        .name = "virt-sflow vms",
        .words = "",
        .help = "- show the VMs, and their memory and disk",
        .json = "Print an array of the VMs, as in the status document",
        .has_names = TRUE,
        .usage_status = 2,
        .render = render_vms,
    };

    return vsf_ask_run(&command, argc, argv);
}

int
vsf_cli_vm(int argc, char **argv)
{
    static const VsfAskCommand command = {
        .name = "virt-sflow vm",
        .words = "VM",
        .help = "- show one VM, by its name, domain, UUID or index",
        .json = "Print the VM, as in the status document",
        .n_words_min = 1,
        .n_words_max = 1,
        .usage_status = 2,
        .render = render_vm,
    };

    return vsf_ask_run(&command, argc, argv);
}

int
vsf_cli_taps(int argc, char **argv)
{
    static const VsfAskCommand command = {
        .name = "virt-sflow taps",
        .words = "",
        .help = "- show the interfaces that are sampled",
        .json = "Print an array of the interfaces, as in the status document",
        .usage_status = 2,
        .render = render_taps,
    };

    return vsf_ask_run(&command, argc, argv);
}

int
vsf_cli_collectors(int argc, char **argv)
{
    static const VsfAskCommand command = {
        .name = "virt-sflow collectors",
        .words = "",
        .help = "- show where samples are sent, and what is wrong there",
        .json = "Print an array of the collectors, as in the status document",
        .usage_status = 2,
        .render = render_collectors,
    };

    return vsf_ask_run(&command, argc, argv);
}
