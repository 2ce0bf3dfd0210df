/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open vSwitch's daemon is a child with a lock, as ovs-vswitchd has it. */
#include "../../daemon/ovs/alive.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *folder, *socket, *pid_file;
    VsfOvsAlive *alive;
} House;

static void
house_open(House *house)
{
    house->folder = g_dir_make_tmp("vsf-alive-XXXXXX", NULL);
    house->socket = g_build_filename(house->folder, "db.sock", NULL);
    house->pid_file = g_build_filename(house->folder, "ovs-vswitchd.pid", NULL);
    house->alive = vsf_ovs_alive_new(house->socket);
}

static void
house_close(House *house)
{
    vsf_ovs_alive_free(house->alive);
    g_unlink(house->pid_file);
    g_assert_cmpint(g_rmdir(house->folder), ==, 0);
    g_free(house->folder);
    g_free(house->socket);
    g_free(house->pid_file);
}

static void
child_locks(const char *path, int told)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT, 0644);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0 || write(told, "", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

/* It has its lock when this returns. */
static pid_t
switch_starts(const House *house)
{
    int told[2];
    char byte;
    pid_t child;

    g_assert_cmpint(pipe(told), ==, 0);
    child = fork();
    if (child == 0)
        child_locks(house->pid_file, told[1]);
    close(told[1]);
    g_assert_cmpint(read(told[0], &byte, 1), ==, 1);
    close(told[0]);
    return child;
}

static void
switch_dies(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void
test_a_killed_one_is_dead(void)
{
    House house;
    pid_t child;

    house_open(&house);
    child = switch_starts(&house);
    g_assert_false(vsf_ovs_alive_is_dead(house.alive));
    switch_dies(child);
    g_assert_true(vsf_ovs_alive_is_dead(house.alive));
    child = switch_starts(&house);
    g_assert_false(vsf_ovs_alive_is_dead(house.alive));
    switch_dies(child);
    house_close(&house);
}

/* Who ends in order takes the file away; who has none is not missed. */
static void
test_a_file_that_is_gone(void)
{
    House house;
    pid_t child;

    house_open(&house);
    g_assert_false(vsf_ovs_alive_is_dead(house.alive));
    child = switch_starts(&house);
    g_assert_false(vsf_ovs_alive_is_dead(house.alive));
    g_unlink(house.pid_file);
    g_assert_true(vsf_ovs_alive_is_dead(house.alive));
    switch_dies(child);
    house_close(&house);
}

static void
test_what_is_no_file_tells_nothing(void)
{
    House house;

    house_open(&house);
    g_assert_cmpint(symlink("ovs-vswitchd.pid", house.pid_file), ==, 0);
    g_assert_false(vsf_ovs_alive_is_dead(house.alive));
    house_close(&house);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ovs/alive/a-killed-one-is-dead", test_a_killed_one_is_dead);
    g_test_add_func("/ovs/alive/a-file-that-is-gone-was-somebodys", test_a_file_that_is_gone);
    g_test_add_func("/ovs/alive/what-is-no-file-tells-nothing", test_what_is_no_file_tells_nothing);
    return g_test_run();
}
