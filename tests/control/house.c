/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "house.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

JsonNode *
house_answer(const VsfRequest *request, GError **error, gpointer user_data)
{
    House *house = user_data;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autofree char *pad = g_strnfill(house->pad, 'x');

    house->asked++;
    house->uid = request->uid;
    if (strcmp(request->word, "status") != 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "unknown request %s", request->word);
        return NULL;
    }
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "pad");
    json_builder_add_string_value(builder, pad);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}

void
house_open(House *house)
{
    g_autoptr(GError) error = NULL;

    *house = (House){.folder = g_dir_make_tmp("vsf-control-XXXXXX", NULL)};
    house->path = g_build_filename(house->folder, "control", NULL);
    house->control = vsf_control_new(house->path, house_answer, house, &error);
    g_assert_no_error(error);
}

void
house_close(House *house)
{
    vsf_control_free(house->control);
    g_assert_false(g_file_test(house->path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(g_rmdir(house->folder), ==, 0);
    g_free(house->path);
    g_free(house->folder);
}

int
visit(const House *house)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, house->path, sizeof(address.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    return fd;
}

void
say(int fd, const char *text, gsize length)
{
    /* The other side may hang up early. */
    if (send(fd, text, length, MSG_NOSIGNAL) < 0)
        g_assert_true(errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
}

char *
hear(int fd)
{
    GString *heard = g_string_new(NULL);
    char buffer[4096];
    gssize n;

    for (;;) {
        n = recv(fd, buffer, sizeof(buffer), 0);
        if (n > 0)
            g_string_append_len(heard, buffer, n);
        else if (n < 0 && errno == EAGAIN)
            g_main_context_iteration(NULL, TRUE);
        else
            break;
    }
    close(fd);
    return g_string_free(heard, FALSE);
}

char *
ask(const House *house, const char *text, gsize length)
{
    int fd = visit(house);

    say(fd, text, length);
    return hear(fd);
}

char *
ask_once(House *house, const char *text, gsize length)
{
    char *heard;

    house_open(house);
    vsf_control_set_limits(house->control, (VsfControlLimits)PATIENT);
    heard = ask(house, text, length);
    g_assert_cmpuint(vsf_control_clients(house->control), ==, 0);
    house_close(house);
    return heard;
}

void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}
