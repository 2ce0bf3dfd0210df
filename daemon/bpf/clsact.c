/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clsact.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <time.h>

/* How ours are told from others, beside the owner's name: all three must be so. */
#define FILTER_HANDLE 0x7666
#define FILTER_PRIORITY 0x7666

#define MESSAGE_BYTES 1024 /* of a request */
#define ANSWER_BYTES 32768

static const guint32 parents[VSF_BPF_N_HOOKS] = {
    TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
    TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
};

typedef union {
    guint8 bytes[MESSAGE_BYTES];
    struct nlmsghdr header;
} Request;

/* Sends @request on a socket of its own and hands the answers to @answer, if not NULL. Returns 0 or
 * an errno. */
static int
ask(Request *request, mnl_cb_t answer, void *user_data)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    g_autofree guint8 *buffer = g_malloc(ANSWER_BYTES);
    struct nlmsghdr *header = &request->header;
    int result = -1, code;

    if (socket == NULL)
        return errno;
    header->nlmsg_seq = 1;
    /* Other flags share bits with it. */
    if ((header->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
        header->nlmsg_flags |= NLM_F_ACK;
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(socket, header, header->nlmsg_len) >= 0)
        do {
            ssize_t size = mnl_socket_recvfrom(socket, buffer, ANSWER_BYTES);

            result = size < 0 ? -1
                              : mnl_cb_run(buffer, (size_t)size, 1, mnl_socket_get_portid(socket),
                                           answer, user_data);
        } while (result > 0);
    code = result < 0 ? errno : 0;
    mnl_socket_close(socket);
    return code;
}

/* --- requests -------------------------------------------------------------- */

static struct tcmsg *
begin(Request *request, guint16 type, guint16 flags, int ifindex, guint32 parent)
{
    struct tcmsg *tc;

    memset(request, 0, sizeof(*request));
    mnl_nlmsg_put_header(request->bytes);
    request->header.nlmsg_type = type;
    request->header.nlmsg_flags = NLM_F_REQUEST | flags;
    tc = mnl_nlmsg_put_extra_header(&request->header, sizeof(*tc));
    tc->tcm_family = AF_UNSPEC;
    tc->tcm_ifindex = ifindex;
    tc->tcm_parent = parent;
    return tc;
}

static int
make_qdisc(int ifindex)
{
    Request request;
    struct tcmsg *tc = begin(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex,
                             TC_H_CLSACT);

    tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    mnl_attr_put_strz(&request.header, TCA_KIND, "clsact");
    return ask(&request, NULL, NULL);
}

static int
remove_qdisc(int ifindex)
{
    Request request;

    begin(&request, RTM_DELQDISC, 0, ifindex, TC_H_CLSACT)->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    mnl_attr_put_strz(&request.header, TCA_KIND, "clsact");
    return ask(&request, NULL, NULL);
}

static int
make_filter(int ifindex, guint hook, int program, const char *owner)
{
    Request request;
    struct tcmsg *tc = begin(&request, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, ifindex,
                             parents[hook]);
    struct nlattr *options;

    tc->tcm_handle = FILTER_HANDLE;
    tc->tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL));
    mnl_attr_put_strz(&request.header, TCA_KIND, "bpf");
    options = mnl_attr_nest_start(&request.header, TCA_OPTIONS);
    mnl_attr_put_u32(&request.header, TCA_BPF_FD, (guint32)program);
    mnl_attr_put_strz(&request.header, TCA_BPF_NAME, owner);
    mnl_attr_put_u32(&request.header, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    mnl_attr_nest_end(&request.header, options);
    return ask(&request, NULL, NULL);
}

static int
remove_filter(int ifindex, guint hook)
{
    Request request;
    struct tcmsg *tc = begin(&request, RTM_DELTFILTER, 0, ifindex, parents[hook]);

    tc->tcm_handle = FILTER_HANDLE;
    tc->tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL));
    mnl_attr_put_strz(&request.header, TCA_KIND, "bpf");
    return ask(&request, NULL, NULL);
}

/* --- what is there --------------------------------------------------------- */

typedef struct {
    const char *owner;    /* whose are looked for; NULL: those of all that are dead */
    guint wanted, others; /* filters */
} Found;

typedef struct {
    const char *kind, *name;
} FilterText;

static int
note_option(const struct nlattr *attr, void *user_data)
{
    if (mnl_attr_get_type(attr) == TCA_BPF_NAME && mnl_attr_validate(attr, MNL_TYPE_STRING) >= 0)
        ((FilterText *)user_data)->name = mnl_attr_get_str(attr);
    return MNL_CB_OK;
}

static int
note_filter_attr(const struct nlattr *attr, void *user_data)
{
    FilterText *text = user_data;

    if (mnl_attr_get_type(attr) == TCA_KIND && mnl_attr_validate(attr, MNL_TYPE_STRING) >= 0)
        text->kind = mnl_attr_get_str(attr);
    else if (mnl_attr_get_type(attr) == TCA_OPTIONS)
        mnl_attr_parse_nested(attr, note_option, text);
    return MNL_CB_OK;
}

static gboolean
is_wanted(const Found *found, const char *name)
{
    if (found->owner != NULL)
        return g_strcmp0(name, found->owner) == 0;
    return vsf_bpf_owner_is_name(name) && !vsf_bpf_owner_lives(name);
}

/* Each priority shows itself as a filter of handle 0 as well. */
static int
note_filter(const struct nlmsghdr *message, void *user_data)
{
    const struct tcmsg *tc = mnl_nlmsg_get_payload(message);
    FilterText text = {NULL, NULL};
    Found *found = user_data;

    if (message->nlmsg_type != RTM_NEWTFILTER || tc->tcm_handle == 0)
        return MNL_CB_OK;
    mnl_attr_parse(message, sizeof(*tc), note_filter_attr, &text);
    if (tc->tcm_handle == FILTER_HANDLE && TC_H_MAJ(tc->tcm_info) >> 16 == FILTER_PRIORITY &&
        g_strcmp0(text.kind, "bpf") == 0 && is_wanted(found, text.name))
        found->wanted++;
    else
        found->others++;
    return MNL_CB_OK;
}

/* Returns 0 or an errno. */
static int
find_filters(int ifindex, guint hook, Found *found)
{
    Request request;

    begin(&request, RTM_GETTFILTER, NLM_F_DUMP, ifindex, parents[hook]);
    return ask(&request, note_filter, found);
}

/* Takes away what is wanted, and the qdisc unless others have filters there. Returns FALSE if
 * there was nothing; else *@code is 0 or an errno. */
static gboolean
take_away(int ifindex, const char *owner, int *code)
{
    Found found[VSF_BPF_N_HOOKS] = {{.owner = owner}, {.owner = owner}};
    gboolean known = TRUE;

    *code = 0;
    for (guint hook = 0; hook < VSF_BPF_N_HOOKS; hook++)
        known = find_filters(ifindex, hook, &found[hook]) == 0 && known;
    if (found[0].wanted + found[1].wanted == 0)
        return FALSE;
    if (known && found[0].others + found[1].others == 0 && remove_qdisc(ifindex) == 0)
        return TRUE;
    for (guint hook = 0; hook < VSF_BPF_N_HOOKS; hook++) {
        int failed = found[hook].wanted != 0 ? remove_filter(ifindex, hook) : 0;

        *code = *code == 0 ? failed : *code;
    }
    return TRUE;
}

void
vsf_bpf_clsact_detach(int ifindex, const char *owner)
{
    int code;

    take_away(ifindex, owner, &code);
}

static int
note_kind(const struct nlattr *attr, void *user_data)
{
    if (mnl_attr_get_type(attr) == TCA_KIND && mnl_attr_validate(attr, MNL_TYPE_STRING) >= 0)
        *(const char **)user_data = mnl_attr_get_str(attr);
    return MNL_CB_OK;
}

static int
note_qdisc(const struct nlmsghdr *message, void *user_data)
{
    const struct tcmsg *tc = mnl_nlmsg_get_payload(message);
    const char *kind = NULL;

    if (message->nlmsg_type != RTM_NEWQDISC)
        return MNL_CB_OK;
    mnl_attr_parse(message, sizeof(*tc), note_kind, &kind);
    if (g_strcmp0(kind, "clsact") == 0)
        g_array_append_val((GArray *)user_data, tc->tcm_ifindex);
    return MNL_CB_OK;
}

VsfBpfSwept
vsf_bpf_clsact_sweep(void)
{
    g_autoptr(GArray) ifindexes = g_array_new(FALSE, FALSE, sizeof(int));
    VsfBpfSwept swept = {0};
    Request request;

    begin(&request, RTM_GETQDISC, NLM_F_DUMP, 0, 0);
    if (ask(&request, note_qdisc, ifindexes) != 0)
        return swept;
    for (guint i = 0; i < ifindexes->len; i++) {
        int code;

        if (!take_away(g_array_index(ifindexes, int, i), NULL, &code))
            continue;
        if (code == 0)
            swept.removed++;
        else if (code != ENODEV && code != ENOENT && code != EINVAL) /* gone meanwhile */
            swept.left++;
    }
    return swept;
}

/* --- attaching ------------------------------------------------------------- */

gboolean
vsf_bpf_clsact_attach(int ifindex, const int programs[VSF_BPF_N_HOOKS], const char *owner,
                      GError **error)
{
    int code = make_qdisc(ifindex);

    if (code == EEXIST) {
        g_set_error_literal(error, VSF_BPF_ERROR, VSF_BPF_ERROR_TAKEN,
                            "another's ingress or clsact qdisc is on the interface (a limit on the "
                            "VM's outbound traffic makes one)");
        return FALSE;
    }
    if (code != 0) {
        /* ENOENT: the kernel does not know the kind. */
        vsf_bpf_set_error(error, code == ENOENT ? EOPNOTSUPP : code, "clsact qdisc");
        return FALSE;
    }
    for (guint hook = 0; hook < VSF_BPF_N_HOOKS && code == 0; hook++)
        if (programs[hook] >= 0)
            code = make_filter(ifindex, hook, programs[hook], owner);
    if (code == 0)
        return TRUE;
    /* It is new and has at most a filter of ours. */
    remove_qdisc(ifindex);
    vsf_bpf_set_error(error, code == ENOENT ? EOPNOTSUPP : code, "bpf filter");
    return FALSE;
}

static int
note_type(const struct nlmsghdr *message, void *user_data)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);

    if (message->nlmsg_type == RTM_NEWLINK)
        *(int *)user_data = link->ifi_type;
    return MNL_CB_OK;
}

gboolean
vsf_bpf_link_check(int ifindex, GError **error)
{
    Request request = {0};
    struct ifinfomsg *link;
    int type = -1, code;

    mnl_nlmsg_put_header(request.bytes);
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    link = mnl_nlmsg_put_extra_header(&request.header, sizeof(*link));
    link->ifi_index = ifindex;
    code = ask(&request, note_type, &type);
    if (code != 0) {
        vsf_bpf_set_error(error, code, "interface");
        return FALSE;
    }
    if (type == ARPHRD_ETHER)
        return TRUE;
    g_set_error(error, VSF_BPF_ERROR, VSF_BPF_ERROR_NOT_ETHERNET,
                "not an Ethernet interface (link type %d): its packets cannot be sampled", type);
    return FALSE;
}
