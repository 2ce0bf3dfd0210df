/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow receive` as a program (VSF_RECEIVE names it): on loopback, with
 * capture files, with bad options, and how it ends. */
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

typedef struct {
    GSubprocess *process;
    GDataInputStream *out, *err;
} Run;

static Run
start(const char *const *options)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    Run run = {0};

    g_ptr_array_add(argv, (gpointer)g_getenv("VSF_RECEIVE"));
    for (; *options != NULL; options++)
        g_ptr_array_add(argv, (gpointer)*options);
    g_ptr_array_add(argv, NULL);
    run.process = g_subprocess_newv((const char *const *)argv->pdata,
                                    G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                                    &error);
    g_assert_no_error(error);
    run.out = g_data_input_stream_new(g_subprocess_get_stdout_pipe(run.process));
    run.err = g_data_input_stream_new(g_subprocess_get_stderr_pipe(run.process));
    return run;
}

#define START(...) start((const char *const[]){__VA_ARGS__, NULL})

/* NULL at the end. */
static char *
next_line(GDataInputStream *stream)
{
    return g_data_input_stream_read_line(stream, NULL, NULL, NULL);
}

static char *
rest(GDataInputStream *stream)
{
    GString *all = g_string_new(NULL);
    char *line;

    while ((line = next_line(stream)) != NULL) {
        g_string_append_printf(all, "%s\n", line);
        g_free(line);
    }
    return g_string_free(all, FALSE);
}

static int
end(Run *run)
{
    int status;

    g_assert_true(g_subprocess_wait(run->process, NULL, NULL));
    g_assert_true(g_subprocess_get_if_exited(run->process));
    status = g_subprocess_get_exit_status(run->process);
    g_clear_object(&run->out);
    g_clear_object(&run->err);
    g_clear_object(&run->process);
    return status;
}

/* The port from "... listening on 127.0.0.1:NNN"; ready when it is there. */
static guint16
listening_port(Run *run)
{
    g_autofree char *line = next_line(run->err);
    const char *colon;

    g_assert_nonnull(line);
    colon = strrchr(line, ':');
    g_assert_nonnull(strstr(line, "listening on "));
    return (guint16)g_ascii_strtoull(colon + 1, NULL, 10);
}

static GBytes *
vector(const char *name)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "vectors", name, NULL);
    char *bytes;
    gsize size;

    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    return g_bytes_new_take(bytes, size);
}

static void
send_to(const char *address, guint16 port, GBytes *bytes)
{
    g_autoptr(GSocketAddress) to = g_inet_socket_address_new_from_string(address, port);
    g_autoptr(GSocket) socket = g_socket_new(g_socket_address_get_family(to),
                                             G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);

    g_assert_cmpint(g_socket_send_to(socket, to, data, size, NULL, NULL), ==, (gssize)size);
}

static void
test_datagrams_become_lines_of_json(void)
{
    Run run = START("--json", "--port", "0", "--bind", "127.0.0.1", "--count", "2");
    guint16 port = listening_port(&run);
    g_autoptr(GBytes) vm = vector("vm.bin");
    g_autoptr(GBytes) junk = g_bytes_new_static("junk", 4);
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autofree char *more = NULL;

    /* The first is read before the second is sent: each is flushed. */
    send_to("127.0.0.1", port, vm);
    first = next_line(run.out);
    g_assert_nonnull(strstr(first, "\"virt_cpu\":{\"state\":1,\"cpuTime\":123456,"));
    g_assert_nonnull(strstr(first, "\"from\":\"127.0.0.1:"));
    send_to("127.0.0.1", port, junk);
    second = next_line(run.out);
    g_assert_nonnull(strstr(second, "\"error\":\"at byte 4: "));
    more = rest(run.out);
    g_assert_cmpstr(more, ==, "");
    g_assert_cmpint(end(&run), ==, 0);
}

static void
test_all_addresses_of_both_families_by_default(void)
{
    Run run = START("--port", "0", "--count", "1");
    guint16 port = listening_port(&run);
    g_autoptr(GBytes) vm = vector("vm.bin");
    g_autofree char *line = NULL;

    send_to("127.0.0.1", port, vm);
    line = next_line(run.out);
    /* Not as ::ffff:127.0.0.1 */
    g_assert_true(g_str_has_prefix(line, "datagram from=127.0.0.1:"));
    g_assert_cmpint(end(&run), ==, 0);
}

static void
test_signals_end_it_with_status_0(void)
{
    static const int signals[] = {SIGINT, SIGTERM};

    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++) {
        Run run = START("--port", "0", "--bind", "127.0.0.1");

        listening_port(&run);
        g_subprocess_send_signal(run.process, signals[i]);
        g_assert_cmpint(end(&run), ==, 0);
    }
}

/* How many bytes that takes depends on how they were written, so the kernel is
 * asked at the other end. */
static void
wait_until_pipe_is_full(Run *run)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/fd/1",
                                            g_subprocess_get_identifier(run->process));
    int fd = g_open(path, O_WRONLY | O_CLOEXEC, 0);
    GPollFD writable = {.fd = fd, .events = G_IO_OUT};

    g_assert_cmpint(fd, >=, 0);
    while (g_poll(&writable, 1, 0) == 1)
        g_thread_yield();
    g_assert_true(g_close(fd, NULL));
}

static void
test_a_full_pipe_does_not_make_it_deaf(void)
{
    Run run = START("--port", "0", "--bind", "127.0.0.1");
    guint16 port = listening_port(&run);
    g_autoptr(GBytes) host = vector("host.bin");

    /* About 5 KiB of text each into a pipe of 64 KiB that nobody reads. */
    for (int i = 0; i < 40; i++)
        send_to("127.0.0.1", port, host);
    wait_until_pipe_is_full(&run);
    g_subprocess_send_signal(run.process, SIGTERM);
    g_assert_cmpint(end(&run), ==, 0);
}

static void
test_a_reader_that_leaves_ends_it_quietly(void)
{
    Run run = START("--port", "0", "--bind", "127.0.0.1");
    guint16 port = listening_port(&run);
    g_autoptr(GBytes) vm = vector("vm.bin");
    g_autofree char *errors = NULL;

    g_input_stream_close(g_subprocess_get_stdout_pipe(run.process), NULL, NULL);
    send_to("127.0.0.1", port, vm);
    errors = rest(run.err);
    g_assert_cmpstr(errors, ==, "");
    g_assert_cmpint(end(&run), ==, 0);
}

static void
test_a_port_in_use_is_named(void)
{
    Run first = START("--port", "0", "--bind", "127.0.0.1");
    g_autofree char *port = g_strdup_printf("%u", listening_port(&first));
    Run second = START("--port", port, "--bind", "127.0.0.1");
    g_autofree char *errors = rest(second.err);
    g_autofree char *expected = g_strdup_printf("cannot listen on UDP port %s: ", port);

    g_assert_cmpint(end(&second), ==, 1);
    g_assert_nonnull(strstr(errors, expected));
    g_assert_nonnull(strstr(errors, "another collector"));
    g_subprocess_send_signal(first.process, SIGTERM);
    g_assert_cmpint(end(&first), ==, 0);
}

static void
test_bad_options_exit_with_2_and_a_hint(void)
{
    static const struct {
        const char *options[4];
        const char *message;
    } cases[] = {
        {{"--frobnicate"}, "--frobnicate"},
        {{"--port", "65536"}, "--port must be"},
        {{"--port", "-1"}, "--port must be"},
        {{"--port", "x"}, "x"},
        {{"--bind", "localhost"}, "--bind must"},
        {{"--count", "-1"}, "--count must"},
        {{"--seconds", "-1"}, "--seconds must"},
        {{"file"}, "options only"},
        {{"--pcap", "f", "--bind=::1"}, "--bind has no meaning"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Run run = start(cases[i].options);
        g_autofree char *errors = rest(run.err);

        g_assert_cmpint(end(&run), ==, 2);
        g_assert_nonnull(strstr(errors, cases[i].message));
        g_assert_nonnull(strstr(errors, "\nTry 'virt-sflow receive --help'."));
    }
}

/* ---- capture files ---- */

/* An Ethernet frame with that UDP payload; takes nothing. */
static GByteArray *
frame_new(GBytes *payload, guint16 port, gboolean fragment)
{
    GByteArray *frame = g_byte_array_new();
    gsize size = g_bytes_get_size(payload);
    guint16 ip_length = GUINT16_TO_BE((guint16)(size + 28));
    guint16 udp[] = {GUINT16_TO_BE(5000), GUINT16_TO_BE(port), GUINT16_TO_BE((guint16)(size + 8)),
                     0};

    g_byte_array_append(frame, (const guint8 *)"\x52\x54\0\0\0\1\x52\x54\0\0\0\2\x08\0\x45\0", 16);
    g_byte_array_append(frame, (const guint8 *)&ip_length, 2);
    g_byte_array_append(frame, (const guint8 *)(fragment ? "\0\0\x20\0" : "\0\0\0\0"), 4);
    g_byte_array_append(frame, (const guint8 *)"\x40\x11\0\0\xc0\0\2\1\xc0\0\2\2", 12);
    g_byte_array_append(frame, (const guint8 *)udp, sizeof(udp));
    g_byte_array_append(frame, g_bytes_get_data(payload, NULL), (guint)size);
    return frame;
}

static void
append_packet(GByteArray *file, GByteArray *packet)
{
    guint32 header[] = {1700000000, 123456, packet->len, packet->len};

    g_byte_array_append(file, (const guint8 *)header, sizeof(header));
    g_byte_array_append(file, packet->data, packet->len);
    g_byte_array_unref(packet);
}

static GByteArray *
capture_new(guint32 link_type)
{
    guint32 header[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, link_type};
    GByteArray *file = g_byte_array_new();

    /* Major and minor are 16 bits each, in the byte order of the rest. */
    ((guint16 *)&header[1])[0] = 2;
    ((guint16 *)&header[1])[1] = 4;
    g_byte_array_append(file, (const guint8 *)header, sizeof(header));
    return file;
}

/* Takes @file. */
static char *
save(GByteArray *file)
{
    g_autoptr(GError) error = NULL;
    char *path;
    int fd = g_file_open_tmp("vsf-receive-XXXXXX.pcap", &path, &error);

    g_assert_no_error(error);
    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path, (const char *)file->data, file->len, NULL));
    g_byte_array_unref(file);
    return path;
}

static void
test_a_capture_file_is_read_to_its_end(void)
{
    g_autoptr(GBytes) vm = vector("vm.bin");
    GByteArray *file = capture_new(1);
    g_autofree char *path = NULL;
    g_autofree char *lines = NULL;
    g_autofree char *errors = NULL;
    Run run;

    append_packet(file, frame_new(vm, 6343, FALSE));
    append_packet(file, frame_new(vm, 53, FALSE));
    append_packet(file, frame_new(vm, 6343, TRUE));
    append_packet(file, frame_new(vm, 6343, FALSE));
    path = save(file);
    run = START("--json", "--pcap", path);
    lines = rest(run.out);
    errors = rest(run.err);
    g_assert_cmpint(end(&run), ==, 0);
    g_assert_true(g_str_has_prefix(
        lines, "{\"time_ns\":1700000000123456000,\"from\":\"192.0.2.1:5000\",\"size\":308,"));
    g_assert_nonnull(strchr(lines, '\n'));
    g_assert_cmpint(strlen(strchr(lines, '\n') + 1) * 2, ==, strlen(lines)); /* twice the same */
    g_assert_nonnull(strstr(errors, "left out 1 IP fragments"));
    g_unlink(path);
}

/* The VM of vm.bin with a name that a terminal would obey. */
static GBytes *
evil_vector(void)
{
    static const char name[] = "insta", evil[] = "\033\302\2331m";
    g_autoptr(GBytes) vm = vector("vm.bin");
    gsize size;
    char *bytes = g_memdup2(g_bytes_get_data(vm, &size), g_bytes_get_size(vm));
    char *found = memmem(bytes, size, name, strlen(name));

    G_STATIC_ASSERT(sizeof(name) == sizeof(evil));
    g_assert_nonnull(found);
    memcpy(found, evil, strlen(evil));
    return g_bytes_new_take(bytes, size);
}

static void
test_names_are_harmless_in_each_format(void)
{
    static const char *const formats[] = {"text", "json", "graphite", "influx", "table"};
    g_autoptr(GBytes) vm = evil_vector();
    GByteArray *file = capture_new(1);
    g_autofree char *path = NULL;

    append_packet(file, frame_new(vm, 6343, FALSE));
    path = save(file);
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        Run run = START("--format", formats[i], "--pcap", path);
        g_autofree char *lines = rest(run.out), *errors = rest(run.err);

        g_assert_cmpint(end(&run), ==, 0);
        g_assert_cmpstr(lines, !=, "");
        g_assert_cmpstr(errors, ==, "");
        g_assert_true(g_utf8_validate(lines, -1, NULL));
        for (const char *at = lines; *at != '\0'; at = g_utf8_next_char(at))
            g_assert_true(*at == '\n' || g_unichar_isprint(g_utf8_get_char(at)));
    }
    g_unlink(path);
}

static void
test_bad_capture_files_are_clear(void)
{
    GByteArray *foreign = capture_new(105); /* 802.11 */
    GByteArray *cut = capture_new(1);
    g_autoptr(GBytes) vm = vector("vm.bin");
    g_autofree char *foreign_path = save(foreign);
    g_autofree char *cut_path = NULL;
    g_autofree char *empty_path = save(capture_new(1));
    struct {
        const char *path, *message;
        int status;
    } cases[4];

    append_packet(cut, frame_new(vm, 6343, FALSE));
    g_byte_array_set_size(cut, cut->len - 10);
    cut_path = save(cut);
    cases[0] = (typeof(cases[0])){"/nonexistent.pcap", "/nonexistent.pcap: No such file", 1};
    cases[1] = (typeof(cases[0])){foreign_path, "are not understood", 1};
    cases[2] = (typeof(cases[0])){cut_path, "truncated", 1};
    cases[3] = (typeof(cases[0])){empty_path, "no datagram to UDP port 6343 in 0 packets", 0};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Run run = START("--pcap", cases[i].path);
        g_autofree char *errors = rest(run.err);

        g_assert_cmpint(end(&run), ==, cases[i].status);
        if (strstr(errors, cases[i].message) == NULL)
            g_error("expected \"%s\", found \"%s\"", cases[i].message, errors);
    }
    g_unlink(foreign_path);
    g_unlink(cut_path);
    g_unlink(empty_path);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/cli/receive/" name, func)
    ADD("datagrams-become-lines-of-json", test_datagrams_become_lines_of_json);
    ADD("all-addresses-of-both-families-by-default",
        test_all_addresses_of_both_families_by_default);
    ADD("signals-end-it-with-status-0", test_signals_end_it_with_status_0);
    ADD("a-full-pipe-does-not-make-it-deaf", test_a_full_pipe_does_not_make_it_deaf);
    ADD("a-reader-that-leaves-ends-it-quietly", test_a_reader_that_leaves_ends_it_quietly);
    ADD("a-port-in-use-is-named", test_a_port_in_use_is_named);
    ADD("bad-options-exit-with-2-and-a-hint", test_bad_options_exit_with_2_and_a_hint);
    ADD("a-capture-file-is-read-to-its-end", test_a_capture_file_is_read_to_its_end);
    ADD("names-are-harmless-in-each-format", test_names_are_harmless_in_each_format);
    ADD("bad-capture-files-are-clear", test_bad_capture_files_are_clear);
    return g_test_run();
}
