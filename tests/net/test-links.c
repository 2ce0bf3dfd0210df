/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links as they come, change and go in a network namespace. */
#include "../../daemon/net/links.h"
#include "tap-lab.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The picture that a user of the links has. */
typedef struct {
    VsfLinks *links;
    GHashTable *there; /* ifindex -> VsfLink */
    guint n_dumps, n_seen, n_gone;
    VsfLinkStats final; /* of the link that went last */
} Lab;

static void
note_seen(const VsfLink *link, gpointer user_data)
{
    Lab *lab = user_data;

    lab->n_seen++;
    g_hash_table_replace(lab->there, GINT_TO_POINTER(link->ifindex),
                         g_memdup2(link, sizeof(*link)));
}

static void
note_gone(int ifindex, const VsfLinkStats *final, gpointer user_data)
{
    Lab *lab = user_data;

    lab->n_gone++;
    g_assert_nonnull(final);
    lab->final = *final;
    g_hash_table_remove(lab->there, GINT_TO_POINTER(ifindex));
}

static gboolean
is_not_in(gpointer key, gpointer value G_GNUC_UNUSED, gpointer user_data)
{
    return !g_hash_table_contains(user_data, key);
}

static void
note_dumped(const int *ifindexes, guint n, gpointer user_data)
{
    g_autoptr(GHashTable) all = g_hash_table_new(NULL, NULL);
    Lab *lab = user_data;

    for (guint i = 0; i < n; i++) {
        g_assert_true(g_hash_table_add(all, GINT_TO_POINTER(ifindexes[i])));
        g_assert_true(g_hash_table_contains(lab->there, GINT_TO_POINTER(ifindexes[i])));
    }
    g_hash_table_foreach_remove(lab->there, is_not_in, all);
    lab->n_dumps++;
}

static gboolean
has_dumped(gpointer user_data)
{
    return ((Lab *)user_data)->n_dumps > 0;
}

static void
lab_start(Lab *lab)
{
    static const VsfLinksCallbacks callbacks = {note_seen, note_gone, note_dumped};
    g_autoptr(GError) error = NULL;

    *lab = (Lab){.there = g_hash_table_new_full(NULL, NULL, NULL, g_free)};
    lab->links = vsf_links_new(&callbacks, lab, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(lab->n_seen, ==, 0);
}

static void
lab_stop(Lab *lab)
{
    vsf_links_free(lab->links);
    g_hash_table_unref(lab->there);
}

static const VsfLink *
find(const Lab *lab, const char *name)
{
    GHashTableIter iter;
    gpointer link;

    g_hash_table_iter_init(&iter, lab->there);
    while (g_hash_table_iter_next(&iter, NULL, &link))
        if (strcmp(((VsfLink *)link)->name, name) == 0)
            return link;
    return NULL;
}

/* The picture equals what the kernel says, by the C library's own question. */
static gboolean
is_true(gpointer user_data)
{
    const Lab *lab = user_data;
    struct if_nameindex *all = if_nameindex();
    guint n = 0;
    gboolean same = TRUE;

    for (; all[n].if_index != 0; n++) {
        const VsfLink *link = g_hash_table_lookup(lab->there, GINT_TO_POINTER(all[n].if_index));

        same = same && link != NULL && strcmp(link->name, all[n].if_name) == 0;
    }
    if_freenameindex(all);
    return same && lab->n_dumps > 0 && n == g_hash_table_size(lab->there);
}

typedef struct {
    const Lab *lab;
    const char *name;
    guint32 flags, mask;
    int master;
} Expected;

static gboolean
link_is(gpointer user_data)
{
    const Expected *expected = user_data;
    const VsfLink *link = find(expected->lab, expected->name);

    return link != NULL && (link->flags & expected->mask) == expected->flags &&
           link->master == expected->master;
}

static void
wait_link(const Lab *lab, const char *name, gboolean up, int master)
{
    Expected expected = {lab, name, up ? IFF_UP : 0, IFF_UP, master};

    tap_lab_loop_until(link_is, &expected);
}

static void
test_links_there_before_are_dumped(void)
{
    int tap = tap_lab_tap("vnet0"), l3 = tap_lab_tun_l3("tun0");
    const VsfLink *link;
    Lab lab;

    tap_lab_bridge("br0");
    tap_lab_enslave("br0", "vnet0");
    tap_lab_up("vnet0");
    tap_lab_mtu("vnet0", 1450);
    lab_start(&lab);
    tap_lab_loop_until(has_dumped, &lab);
    g_assert_true(is_true(&lab));
    link = find(&lab, "vnet0");
    g_assert_nonnull(link);
    g_assert_cmpint(link->ifindex, ==, tap_lab_ifindex("vnet0"));
    g_assert_cmpstr(link->kind, ==, "tun");
    g_assert_cmpuint(link->type, ==, 1);
    g_assert_cmpuint(link->mtu, ==, 1450);
    g_assert_cmpint(link->master, ==, tap_lab_ifindex("br0"));
    g_assert_false(link->tun_l3);
    g_assert_cmpuint(link->carrier, ==, 1);
    g_assert_cmpuint(link->mac[0] & 2, ==, 2); /* random ones are local */
    g_assert_true(find(&lab, "tun0")->tun_l3);
    g_assert_cmpstr(find(&lab, "br0")->kind, ==, "bridge");
    g_assert_true((find(&lab, "lo")->flags & IFF_LOOPBACK) != 0);
    lab_stop(&lab);
    close(tap);
    close(l3);
    tap_lab_ip("link del br0");
}

static void
test_a_link_is_followed_through_its_life(void)
{
    static const guint8 to[6] = {2, 0, 0, 0, 0, 1}, from[6] = {2, 0, 0, 0, 0, 2};
    guint8 frame[60];
    int tap, master;
    Lab lab;

    lab_start(&lab);
    tap_lab_loop_until(is_true, &lab);
    tap_lab_bridge("br0");
    master = tap_lab_ifindex("br0");
    tap = tap_lab_tap("vnet0");
    wait_link(&lab, "vnet0", FALSE, 0);
    tap_lab_enslave("br0", "vnet0");
    wait_link(&lab, "vnet0", FALSE, master);
    tap_lab_up("vnet0");
    wait_link(&lab, "vnet0", TRUE, master);
    tap_lab_down("vnet0");
    wait_link(&lab, "vnet0", FALSE, master);
    tap_lab_rename("vnet0", "vnet7");
    wait_link(&lab, "vnet7", FALSE, master);
    g_assert_null(find(&lab, "vnet0"));
    /* The bridge tells by a DELLINK of its own family; the link stays. */
    tap_lab_ip("link set vnet7 nomaster");
    wait_link(&lab, "vnet7", FALSE, 0);
    g_assert_cmpuint(lab.n_gone, ==, 0);
    tap_lab_up("vnet7");
    tap_lab_frame(frame, sizeof(frame), to, from, 0);
    for (guint i = 0; i < 3; i++)
        tap_lab_send(tap, frame, sizeof(frame));
    close(tap);
    tap_lab_loop_until(is_true, &lab);
    g_assert_null(find(&lab, "vnet7"));
    g_assert_cmpuint(lab.n_gone, ==, 1);
    g_assert_cmpuint(lab.final.rx_packets, ==, 3);
    g_assert_cmpuint(lab.final.rx_bytes, ==, 3 * sizeof(frame));
    tap_lab_ip("link del br0");
    tap_lab_loop_until(is_true, &lab);
    lab_stop(&lab);
}

static void
test_macvtap_names_what_lies_below(void)
{
    Lab lab;

    lab_start(&lab);
    tap_lab_ip("link add veth0 type veth peer name veth1");
    tap_lab_ip("link add link veth0 name macvtap0 type macvtap mode bridge");
    tap_lab_loop_until(is_true, &lab);
    g_assert_cmpstr(find(&lab, "macvtap0")->kind, ==, "macvtap");
    g_assert_cmpint(find(&lab, "macvtap0")->lower, ==, tap_lab_ifindex("veth0"));
    tap_lab_ip("link del veth0");
    tap_lab_loop_until(is_true, &lab);
    lab_stop(&lab);
}

typedef struct {
    const Lab *lab;
    const char *name;
    gboolean vlan_filtering, isolated, macvlan_bridge;
} Apart;

static gboolean
is_apart(gpointer user_data)
{
    const Apart *apart = user_data;
    const VsfLink *link = find(apart->lab, apart->name);

    return link != NULL && link->vlan_filtering == apart->vlan_filtering &&
           link->isolated == apart->isolated && link->macvlan_bridge == apart->macvlan_bridge;
}

static void
wait_apart(const Lab *lab, const char *name, gboolean vlan_filtering, gboolean isolated,
           gboolean macvlan_bridge)
{
    Apart apart = {lab, name, vlan_filtering, isolated, macvlan_bridge};

    tap_lab_loop_until(is_apart, &apart);
}

/* Some kernels are built without. */
static gboolean
set_vlan_filtering(const char *bridge)
{
    g_autofree char *command = g_strdup_printf("ip link set %s type bridge vlan_filtering 1",
                                               bridge);
    int status = 0;

    return g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) && status == 0;
}

static void
test_what_keeps_ports_apart_is_followed(void)
{
    int tap = tap_lab_tap("vnet0");
    Lab lab;

    tap_lab_bridge("br0");
    tap_lab_enslave("br0", "vnet0");
    lab_start(&lab);
    wait_apart(&lab, "br0", FALSE, FALSE, FALSE);
    wait_apart(&lab, "vnet0", FALSE, FALSE, FALSE);
    tap_lab_up("br0"); /* the kernel tells of no change while it is down */
    if (set_vlan_filtering("br0")) {
        wait_apart(&lab, "br0", TRUE, FALSE, FALSE);
        tap_lab_ip("link set br0 type bridge vlan_filtering 0");
        wait_apart(&lab, "br0", FALSE, FALSE, FALSE);
    }
    /* As libvirt does: the port is isolated before it goes up. */
    tap_lab_ip("link set vnet0 type bridge_slave isolated on");
    tap_lab_up("vnet0");
    wait_apart(&lab, "vnet0", FALSE, TRUE, FALSE);
    tap_lab_ip("link add veth0 type veth peer name veth1");
    tap_lab_ip("link add link veth0 name macvtap0 type macvtap mode bridge");
    wait_apart(&lab, "macvtap0", FALSE, FALSE, TRUE);
    tap_lab_up("veth0");
    tap_lab_up("macvtap0");
    tap_lab_ip("link set macvtap0 type macvtap mode private");
    wait_apart(&lab, "macvtap0", FALSE, FALSE, FALSE);
    tap_lab_ip("link del veth0");
    tap_lab_ip("link del br0");
    close(tap);
    tap_lab_loop_until(is_true, &lab);
    lab_stop(&lab);
}

static gboolean
has_no_veth0(gpointer user_data)
{
    return find(user_data, "veth0") == NULL;
}

static void
test_a_link_that_moves_to_another_namespace_is_gone(void)
{
    g_autofree char *move = NULL;
    int gate[2], status;
    char byte = 0;
    pid_t child;
    Lab lab;

    g_assert_cmpint(pipe(gate), ==, 0);
    lab_start(&lab);
    tap_lab_ip("link add veth0 type veth peer name veth1");
    tap_lab_loop_until(is_true, &lab);
    child = fork();
    if (child == 0) {
        close(gate[1]);
        _exit(tap_lab_enter() && read(gate[0], &byte, 1) >= 0 ? 0 : 1);
    }
    close(gate[0]);
    tap_lab_loop_for(100); /* until the child is in its namespace */
    move = g_strdup_printf("link set veth1 netns %d", child);
    tap_lab_ip(move);
    tap_lab_loop_until(is_true, &lab);
    g_assert_null(find(&lab, "veth1"));
    close(gate[1]);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    tap_lab_loop_until(has_no_veth0, &lab); /* it ends with its peer's namespace */
    lab_stop(&lab);
}

#define MANY 300

static void
make_some(int taps[MANY], guint from)
{
    for (guint i = from; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("vnet%u", i);

        taps[i] = tap_lab_tap(name);
        tap_lab_up(name);
    }
}

static void
drop_one(gpointer tap, gpointer user_data G_GNUC_UNUSED)
{
    close(GPOINTER_TO_INT(tap));
}

/* On threads, whose waits for the kernel meet: one after another 300 take seconds. */
static void
drop_some(const int taps[MANY], guint from, guint to)
{
    GThreadPool *pool = g_thread_pool_new(drop_one, NULL, 32, FALSE, NULL);

    for (guint i = from; i < to; i++)
        g_thread_pool_push(pool, GINT_TO_POINTER(taps[i]), NULL);
    g_thread_pool_free(pool, FALSE, TRUE);
}

/* Some hundreds that go may interrupt as many dumps as are tried in a row; then there is another.
 */
static gboolean
is_fatal(const char *domain G_GNUC_UNUSED, GLogLevelFlags level G_GNUC_UNUSED, const char *message,
         gpointer user_data G_GNUC_UNUSED)
{
    return strstr(message, "interfaces change all the time") == NULL;
}

static void
test_many_at_once_while_the_dump_runs(void)
{
    int taps[MANY];
    Lab lab;

    g_test_log_set_fatal_handler(is_fatal, NULL);
    make_some(taps, 0);
    lab_start(&lab);
    g_usleep(2000); /* the dump is taken about now, and handed over after all this */
    drop_some(taps, 10, MANY);
    tap_lab_loop_until(is_true, &lab);
    tap_lab_loop_for(20);
    g_assert_true(is_true(&lab));
    make_some(taps, 10);
    tap_lab_loop_until(is_true, &lab);
    drop_some(taps, 0, MANY);
    tap_lab_loop_until(is_true, &lab);
    lab_stop(&lab);
    g_test_log_set_fatal_handler(NULL, NULL);
}

/* The links' socket: the one that is in a multicast group. */
static int
find_netlink_socket(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);

        if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
            address.ss_family == AF_NETLINK)
            return fd;
    }
    g_assert_not_reached();
}

static void
test_lost_messages_are_made_good_by_a_new_dump(void)
{
    int taps[MANY], small = 4096, fd;
    guint n_dumps;
    Lab lab;

    lab_start(&lab);
    tap_lab_loop_until(is_true, &lab);
    fd = find_netlink_socket();
    g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), ==, 0);
    n_dumps = lab.n_dumps;
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "links: messages were lost*");
    make_some(taps, 0);
    tap_lab_loop_until(is_true, &lab);
    g_test_assert_expected_messages();
    g_assert_cmpuint(lab.n_dumps, >, n_dumps);
    n_dumps = lab.n_dumps;
    drop_some(taps, 5, MANY);
    tap_lab_loop_until(is_true, &lab);
    g_assert_cmpuint(lab.n_dumps, >, n_dumps);
    drop_some(taps, 0, 5);
    tap_lab_loop_until(is_true, &lab);
    lab_stop(&lab);
}

static void
test_freed_during_the_dump_nothing_comes(void)
{
    guint before = tap_lab_n_fds();
    Lab lab;

    lab_start(&lab);
    lab_stop(&lab);
    tap_lab_loop_for(50);
    g_assert_cmpuint(lab.n_seen + lab.n_dumps, ==, 0);
    g_assert_cmpuint(tap_lab_n_fds(), ==, before);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (tap_lab_skip_all())
        return 0;
    g_test_add_func("/net/links/links-there-before-are-dumped", test_links_there_before_are_dumped);
    g_test_add_func("/net/links/a-link-is-followed-through-its-life",
                    test_a_link_is_followed_through_its_life);
    g_test_add_func("/net/links/macvtap-names-what-lies-below", test_macvtap_names_what_lies_below);
    g_test_add_func("/net/links/what-keeps-ports-apart-is-followed",
                    test_what_keeps_ports_apart_is_followed);
    g_test_add_func("/net/links/a-link-that-moves-to-another-namespace-is-gone",
                    test_a_link_that_moves_to_another_namespace_is_gone);
    g_test_add_func("/net/links/many-at-once-while-the-dump-runs",
                    test_many_at_once_while_the_dump_runs);
    g_test_add_func("/net/links/lost-messages-are-made-good-by-a-new-dump",
                    test_lost_messages_are_made_good_by_a_new_dump);
    g_test_add_func("/net/links/freed-during-the-dump-nothing-comes",
                    test_freed_during_the_dump_nothing_comes);
    return g_test_run();
}
