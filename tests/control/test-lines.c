/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which series VMs of the same name get; the formats are tested with the command. */
#include "../../daemon/cli/lines.h"

#include <string.h>

#define A "11223344-5566-7788-99aa-bbccddeeff00"
#define B "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

static VsfSample *
sample_new(VsfSampleKind kind, const char *source, guint64 number)
{
    VsfSample *sample = g_new0(VsfSample, 1);
    VsfValue *value = g_new0(VsfValue, 1);

    sample->kind = kind;
    sample->source = g_strdup(source);
    sample->ifindexes = g_array_new(FALSE, FALSE, sizeof(guint32));
    sample->values = g_ptr_array_new();
    value->record = g_strdup(kind == VSF_SAMPLE_METRICS ? "detail" : "virt_cpu");
    value->name = g_strdup("n");
    value->kind = VSF_VALUE_INTEGER;
    value->integer = number;
    g_ptr_array_add(sample->values, value);
    return sample;
}

static void
sample_clear(VsfSample *sample)
{
    VsfValue *value = sample->values->pdata[0];

    g_free(value->record);
    g_free(value->name);
    g_free(value);
    g_ptr_array_unref(sample->values);
    g_array_unref(sample->ifindexes);
    g_free(sample->source);
    g_free(sample->hostname);
    g_free(sample->uuid);
    g_free(sample);
}

/* The path of the only line. */
static char *
path_of(const VsfVmBook *book, const VsfSamples *samples, const VsfSample *sample)
{
    g_autoptr(GString) lines = g_string_new(NULL);

    vsf_lines_graphite(lines, book, samples, sample, 0);
    g_assert_nonnull(strchr(lines->str, ' '));
    return g_strndup(lines->str, strcspn(lines->str, " "));
}

/* The VM's sample is learnt, and then its line is at @path. */
static void
hear(VsfVmBook *book, const char *agent, const char *uuid, const char *name, const char *path)
{
    VsfSamples samples = {.agent = (char *)agent, .sub_agent_id = 7};
    VsfSample *sample = sample_new(VSF_SAMPLE_COUNTERS, "3:200001", 1);
    g_autofree char *found = NULL;

    sample->source_class = 3;
    sample->hostname = g_strdup(name);
    sample->uuid = g_strdup(uuid);
    vsf_vm_book_learn(book, &samples, sample);
    found = path_of(book, &samples, sample);
    g_assert_cmpstr(found, ==, path);
    sample_clear(sample);
}

static void
hear_metric(VsfVmBook *book, const char *agent, const char *uuid, const char *path)
{
    VsfSamples samples = {.agent = (char *)agent, .sub_agent_id = 7};
    VsfSample *sample = sample_new(VSF_SAMPLE_METRICS, uuid, 1);
    g_autofree char *found = path_of(book, &samples, sample);

    g_assert_cmpstr(found, ==, path);
    sample_clear(sample);
}

#define AT(part) "virt-sflow.192_0_2_1-7.vm." part ".virt_cpu.n"

static void
test_vms_of_one_name_have_series_of_their_own(void)
{
    g_autoptr(VsfVmBook) book = vsf_vm_book_new();

    hear(book, "192.0.2.1", A, "web", AT("web"));
    hear(book, "192.0.2.1", A, "web", AT("web"));
    hear(book, "192.0.2.1", B, "web", AT("web-4dea22b3"));
    hear(book, "192.0.2.1", A, "web", AT("web-11223344"));
    hear_metric(book, "192.0.2.1", A, "virt-sflow.192_0_2_1-7.vm.web-11223344.detail.n");
    /* It stays so when one of them is renamed. */
    hear(book, "192.0.2.1", B, "db", AT("db"));
    hear(book, "192.0.2.1", A, "web", AT("web-11223344"));
}

static void
test_a_name_that_was_left_is_free_again(void)
{
    g_autoptr(VsfVmBook) book = vsf_vm_book_new();

    hear(book, "192.0.2.1", A, "web", AT("web"));
    hear(book, "192.0.2.1", A, "old", AT("old"));
    hear(book, "192.0.2.1", B, "web", AT("web"));
}

static void
test_vms_of_other_agents_are_no_rivals(void)
{
    g_autoptr(VsfVmBook) book = vsf_vm_book_new();

    hear(book, "192.0.2.1", A, "web", AT("web"));
    hear(book, "192.0.2.2", B, "web", "virt-sflow.192_0_2_2-7.vm.web.virt_cpu.n");
    hear(book, "192.0.2.1", A, "web", AT("web"));
}

static void
test_long_names_stay_within_a_part(void)
{
    g_autoptr(VsfVmBook) book = vsf_vm_book_new();
    g_autofree char *name = g_strnfill(63, 'w'), *cut = g_strnfill(54, 'w'),
                    *plain = g_strdup_printf("virt-sflow.192_0_2_1-7.vm.%s.virt_cpu.n", name),
                    *marked = g_strdup_printf("virt-sflow.192_0_2_1-7.vm.%s-4dea22b3.virt_cpu.n",
                                              cut);

    hear(book, "192.0.2.1", A, name, plain);
    hear(book, "192.0.2.1", B, name, marked);
}

/* Renamed without end, as anyone may pretend: what is kept stays bounded, and nothing breaks. */
static void
test_names_without_end_are_forgotten(void)
{
    g_autoptr(VsfVmBook) book = vsf_vm_book_new();

    hear(book, "192.0.2.1", A, "web", AT("web"));
    hear(book, "192.0.2.1", B, "web", AT("web-4dea22b3"));
    for (guint i = 0; i < VSF_VM_BOOK_MAX; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i),
                        *path = g_strdup_printf("virt-sflow.192_0_2_1-7.vm.%s.virt_cpu.n", name),
                        *both = g_strdup_printf("virt-sflow.192_0_2_1-7.vm.%s-4dea22b3.virt_cpu.n",
                                                name);

        hear(book, "192.0.2.1", A, name, path);
        hear(book, "192.0.2.1", B, name, both);
    }
    hear(book, "192.0.2.1", A, "web", AT("web"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/lines/vms-of-one-name-have-series-of-their-own",
                    test_vms_of_one_name_have_series_of_their_own);
    g_test_add_func("/cli/lines/a-name-that-was-left-is-free-again",
                    test_a_name_that_was_left_is_free_again);
    g_test_add_func("/cli/lines/vms-of-other-agents-are-no-rivals",
                    test_vms_of_other_agents_are_no_rivals);
    g_test_add_func("/cli/lines/long-names-stay-within-a-part", test_long_names_stay_within_a_part);
    g_test_add_func("/cli/lines/names-without-end-are-forgotten",
                    test_names_without_end_are_forgotten);
    return g_test_run();
}
