/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/net/links.h"
#include "../../daemon/net/netlink-answer.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

typedef struct {
    guint8 bytes[4096] __attribute__((aligned(MNL_ALIGNTO)));
    gsize size;
} Datagram;

static struct nlmsghdr *
add(Datagram *datagram, guint16 type, guint32 sequence)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(datagram->bytes + datagram->size);

    message->nlmsg_type = type;
    message->nlmsg_seq = sequence;
    return message;
}

static void
end(Datagram *datagram, const struct nlmsghdr *message)
{
    datagram->size += MNL_ALIGN(message->nlmsg_len);
}

static void
add_counters(Datagram *datagram, guint32 sequence, guint32 ifindex)
{
    struct nlmsghdr *message = add(datagram, RTM_NEWSTATS, sequence);
    struct if_stats_msg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
    struct rtnl_link_stats64 stats = {.rx_packets = 10 + ifindex};

    header->ifindex = ifindex;
    mnl_attr_put(message, IFLA_STATS_LINK_XSTATS, 8, "01234567");
    mnl_attr_put(message, IFLA_STATS_LINK_64, sizeof(stats), &stats);
    end(datagram, message);
}

static void
add_error(Datagram *datagram, guint32 sequence, int error)
{
    struct nlmsghdr *message = add(datagram, NLMSG_ERROR, sequence);
    struct nlmsgerr *failure = mnl_nlmsg_put_extra_header(message, sizeof(*failure));

    failure->error = -error;
    end(datagram, message);
}

static void
sum_packets(const struct nlmsghdr *reply, gpointer user_data)
{
    VsfLinkStats stats;
    int ifindex;

    if (vsf_link_stats_parse_reply((const guint8 *)reply, reply->nlmsg_len, &ifindex, &stats))
        *(guint64 *)user_data += stats.rx_packets;
}

static guint64 sum;

static VsfNetlinkAnswer
asked(guint n, gboolean dump)
{
    sum = 0;
    return (VsfNetlinkAnswer){
        .n_requests = n, .outstanding = n, .dump = dump, .reply = sum_packets, .user_data = &sum};
}

static void
test_each_question_has_one_answer(void)
{
    Datagram datagram = {0};
    VsfNetlinkAnswer answer = asked(3, FALSE);

    add_counters(&datagram, 1, 1);
    add_error(&datagram, 2, ENODEV);
    add_counters(&datagram, 3, 3);
    add_counters(&datagram, 3, 500); /* beyond the last answer */
    vsf_netlink_answer_take(&answer, datagram.bytes, datagram.size);
    g_assert_cmpuint(answer.outstanding, ==, 0);
    g_assert_cmpuint(sum, ==, 11 + 13);
    g_assert_cmpint(answer.dump_error, ==, 0);
}

static void
test_what_was_not_asked_is_no_answer(void)
{
    Datagram datagram = {0};
    VsfNetlinkAnswer answer = asked(1, FALSE);

    add_counters(&datagram, 0, 1);
    add_counters(&datagram, 2, 1);
    vsf_netlink_answer_take(&answer, datagram.bytes, datagram.size);
    g_assert_cmpuint(answer.outstanding, ==, 1);
    g_assert_cmpuint(sum, ==, 0);
}

static void
test_a_dump_ends_with_done_or_an_error(void)
{
    Datagram datagram = {0};
    VsfNetlinkAnswer answer = asked(1, TRUE);
    struct nlmsghdr *done;

    add_counters(&datagram, 1, 1);
    add_counters(&datagram, 1, 2);
    vsf_netlink_answer_take(&answer, datagram.bytes, datagram.size);
    g_assert_cmpuint(answer.outstanding, ==, 1);
    g_assert_false(answer.interrupted);
    datagram.size = 0;
    done = add(&datagram, NLMSG_DONE, 1);
    done->nlmsg_flags |= NLM_F_DUMP_INTR;
    end(&datagram, done);
    vsf_netlink_answer_take(&answer, datagram.bytes, datagram.size);
    g_assert_cmpuint(answer.outstanding, ==, 0);
    g_assert_true(answer.interrupted);
    g_assert_cmpuint(sum, ==, 11 + 12);

    answer = asked(1, TRUE);
    datagram.size = 0;
    add_error(&datagram, 1, EPERM);
    vsf_netlink_answer_take(&answer, datagram.bytes, datagram.size);
    g_assert_cmpuint(answer.outstanding, ==, 0);
    g_assert_cmpint(answer.dump_error, ==, EPERM);
}

/* A dump that has begun can fail only so. */
static void
test_the_end_of_a_dump_may_be_an_error(void)
{
    static const struct {
        int error; /* as the kernel writes it */
        gsize size;
        int expected;
    } cases[] = {
        {0, sizeof(int), 0},
        {-ENOMEM, sizeof(int), ENOMEM},
        {-EPERM, 64, EPERM},
        {-4095, sizeof(int), 4095},
        {-4096, sizeof(int), EPROTO},
        {G_MININT, sizeof(int), EPROTO},
        {1, sizeof(int), EPROTO},
        {-EPERM, 3, 0},
        {-EPERM, 0, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Datagram datagram = {0};
        VsfNetlinkAnswer answer = asked(1, TRUE);
        struct nlmsghdr *done;

        add_counters(&datagram, 1, 1);
        done = add(&datagram, NLMSG_DONE, 1);
        done->nlmsg_len += (guint32)cases[i].size;
        memcpy(mnl_nlmsg_get_payload(done), &cases[i].error, sizeof(int));
        end(&datagram, done);
        vsf_netlink_answer_take(&answer, datagram.bytes, datagram.size);
        g_assert_cmpuint(answer.outstanding, ==, 0);
        g_assert_cmpint(answer.dump_error, ==, cases[i].expected);
        g_assert_cmpuint(sum, ==, 11);
    }
}

/* libmnl's own check takes 2 GiB and more for a negative length, which is in bounds. */
static void
test_a_message_that_lies_about_its_length_ends_the_datagram(void)
{
    static const guint32 lengths[] = {0, 15, 64, 0x80000000, 0xffffffff};

    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        Datagram datagram = {0};
        VsfNetlinkAnswer answer = asked(2, FALSE);

        add_counters(&datagram, 1, 1);
        add(&datagram, RTM_NEWSTATS, 2)->nlmsg_len = lengths[i];
        vsf_netlink_answer_take(&answer, datagram.bytes, datagram.size + MNL_NLMSG_HDRLEN);
        g_assert_cmpuint(answer.outstanding, ==, 1);
        g_assert_cmpuint(sum, ==, 11);
    }
}

static void
test_counters_that_are_cut_short_are_none(void)
{
    Datagram datagram = {0};
    VsfLinkStats stats;
    int ifindex = 7;

    add_counters(&datagram, 1, 1);
    for (gsize size = 0; size < datagram.size; size++) {
        memcpy(datagram.bytes, &(guint32){(guint32)size}, sizeof(guint32));
        /* The last attribute is the one that counts. */
        g_assert_false(vsf_link_stats_parse_reply(datagram.bytes, size, &ifindex, &stats));
        g_assert_cmpint(ifindex, ==, 7);
    }
    datagram.size = 0;
    add_counters(&datagram, 1, 0); /* no interface has this index */
    g_assert_false(vsf_link_stats_parse_reply(datagram.bytes, datagram.size, &ifindex, &stats));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/netlink-answer/each-question-has-one-answer",
                    test_each_question_has_one_answer);
    g_test_add_func("/net/netlink-answer/what-was-not-asked-is-no-answer",
                    test_what_was_not_asked_is_no_answer);
    g_test_add_func("/net/netlink-answer/a-dump-ends-with-done-or-an-error",
                    test_a_dump_ends_with_done_or_an_error);
    g_test_add_func("/net/netlink-answer/the-end-of-a-dump-may-be-an-error",
                    test_the_end_of_a_dump_may_be_an_error);
    g_test_add_func("/net/netlink-answer/a-message-that-lies-about-its-length-ends-the-datagram",
                    test_a_message_that_lies_about_its_length_ends_the_datagram);
    g_test_add_func("/net/netlink-answer/counters-that-are-cut-short-are-none",
                    test_counters_that_are_cut_short_are_none);
    return g_test_run();
}
