/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal and the keys; top-rows has the numbers and top-text the screen. */
#include "top.h"

#include "control-client.h"
#include "top-source.h"
#include "top-text.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KEY_WAIT_MS 100 /* for a key; then there may be news */
#define ESCAPE 27
#define FILTER_MAX 64

typedef struct {
    VsfTop *top;
    VsfTopView view;
    GString *filter;
    char *selected, *failed;
    gboolean is_held, is_over;
} Screen;

static volatile sig_atomic_t is_told_to_end;

static void
on_signal(int number G_GNUC_UNUSED)
{
    is_told_to_end = 1;
}

static double
now_s(gint64 at_us)
{
    return (double)at_us / G_USEC_PER_SEC;
}

static gboolean
has_unicode(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* ---- once ---- */

static guint
width_of_output(void)
{
    const char *columns = g_getenv("COLUMNS");
    guint64 width = columns != NULL ? g_ascii_strtoull(columns, NULL, 10) : 0;

    return width > 0 && width < 1000 ? (guint)width : 80;
}

static int
show_once(const char *runtime_dir, VsfTopView *view)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *document = NULL;
    g_autoptr(JsonNode) root = vsf_control_client_status(runtime_dir, &document, &error);
    g_autoptr(VsfTop) top = vsf_top_new();
    g_autoptr(GPtrArray) lines = NULL;

    if (root == NULL) {
        fprintf(stderr, "virt-sflow: %s\n", error->message);
        return 1;
    }
    vsf_top_take(top, json_node_get_object(root), now_s(g_get_monotonic_time()));
    view->width = width_of_output();
    lines = vsf_top_lines(top, view);
    for (guint i = 0; i < lines->len; i++)
        printf("%s\n", ((const VsfTopLine *)lines->pdata[i])->text);
    if (fflush(stdout) != 0) {
        perror("virt-sflow: cannot write");
        return 1;
    }
    return 0;
}

/* ---- the screen ---- */

static void
draw(Screen *screen)
{
    static const attr_t attributes[] = {
        [VSF_TOP_PLAIN] = A_NORMAL,
        [VSF_TOP_HEAD] = A_REVERSE,
        [VSF_TOP_SELECTED] = A_BOLD | A_UNDERLINE,
    };
    g_autoptr(GPtrArray) lines = NULL;

    screen->view.width = (guint)MAX(COLS, 1);
    screen->view.height = (guint)MAX(LINES, 1);
    screen->view.filter = screen->filter->str;
    screen->view.selected = screen->selected;
    screen->view.message = screen->failed != NULL ? screen->failed
                           : screen->is_held      ? "held: space lets the numbers go again"
                                                  : NULL;
    lines = vsf_top_lines(screen->top, &screen->view);
    erase();
    for (guint i = 0; i < lines->len; i++) {
        const VsfTopLine *line = lines->pdata[i];

        attrset(attributes[line->style]);
        mvaddstr((int)i, 0, line->text);
        if (line->style == VSF_TOP_HEAD) /* to the edge */
            mvchgat((int)i, 0, -1, A_REVERSE, 0, NULL);
    }
    attrset(A_NORMAL);
    refresh();
}

/* ---- keys ---- */

/* By so many rows; one that is not there any more begins anew. */
static void
move_selection(Screen *screen, int by)
{
    g_autoptr(GPtrArray) rows = vsf_top_rows(screen->top, screen->view.sort, screen->view.reverse,
                                             screen->filter->str);
    int at = -1;

    for (guint i = 0; screen->selected != NULL && i < rows->len; i++)
        if (strcmp(((const VsfTopRow *)rows->pdata[i])->uuid, screen->selected) == 0)
            at = (int)i;
    g_clear_pointer(&screen->selected, g_free);
    if (rows->len == 0)
        return;
    at = at < 0 && by > 0 ? by - 1 : MAX(at, 0) + by;
    at = CLAMP(at, 0, (int)rows->len - 1);
    screen->selected = g_strdup(((const VsfTopRow *)rows->pdata[at])->uuid);
}

static void
type_filter(Screen *screen, int key)
{
    if (key == ESCAPE) {
        g_string_truncate(screen->filter, 0);
        screen->view.is_typing = FALSE;
    } else if (key == '\n' || key == '\r' || key == KEY_ENTER) {
        screen->view.is_typing = FALSE;
    } else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
        vsf_top_filter_erase(screen->filter);
    } else if (key >= ' ' && key < 127 && screen->filter->len < FILTER_MAX) {
        g_string_append_c(screen->filter, (char)key);
    }
}

static gboolean
move_key(Screen *screen, int key)
{
    int page = MAX(LINES - 8, 1);

    switch (key) {
    case KEY_UP:
        move_selection(screen, -1);
        return TRUE;
    case KEY_DOWN:
        move_selection(screen, 1);
        return TRUE;
    case KEY_PPAGE:
        move_selection(screen, -page);
        return TRUE;
    case KEY_NPAGE:
        move_selection(screen, page);
        return TRUE;
    case KEY_HOME:
        move_selection(screen, -G_MAXINT16);
        return TRUE;
    case KEY_END:
        move_selection(screen, G_MAXINT16);
        return TRUE;
    default:
        return FALSE;
    }
}

static void
take_key(Screen *screen, int key)
{
    VsfTopColumn column;

    if (move_key(screen, key))
        return;
    if (screen->view.is_typing) {
        type_filter(screen, key);
    } else if (vsf_top_sort_key(key, &column)) {
        screen->view.sort = column;
    } else if (key == 'R') {
        screen->view.reverse = !screen->view.reverse;
    } else if (key == '/') {
        screen->view.is_typing = TRUE;
        screen->view.has_help = FALSE;
    } else if (key == 'h' || key == '?') {
        screen->view.has_help = !screen->view.has_help;
    } else if (key == 't') {
        screen->view.has_talkers = !screen->view.has_talkers;
    } else if (key == ' ') {
        screen->is_held = !screen->is_held;
    } else if (key == ESCAPE) {
        g_string_truncate(screen->filter, 0);
        screen->view.has_help = FALSE;
    } else if (key == 'q' || key == 'Q') {
        screen->is_over = TRUE;
    }
}

/* ---- the loop ---- */

static void
take_news(Screen *screen, VsfTopSource *source)
{
    g_autoptr(VsfTopAnswer) answer = vsf_top_source_take(source);

    if (answer == NULL || screen->is_held)
        return;
    g_clear_pointer(&screen->failed, g_free);
    if (answer->root == NULL)
        screen->failed = g_strdup(answer->failed);
    else
        vsf_top_take(screen->top, json_node_get_object(answer->root), now_s(answer->at_us));
}

/* Of a terminal that is gone each read ends at once, as getch() does then, with ERR as for no key.
 * Nothing is read here: that might be a key. */
static gboolean
is_terminal_gone(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int n_bytes = 0;

    if (poll(&input, 1, 0) <= 0)
        return FALSE;
    if ((input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        return TRUE;
    return ioctl(STDIN_FILENO, FIONREAD, &n_bytes) < 0 || n_bytes == 0;
}

static void
run(Screen *screen, VsfTopSource *source)
{
    while (!screen->is_over && !is_told_to_end) {
        int key;

        take_news(screen, source);
        draw(screen);
        /* All that were pressed, before the next picture. */
        for (key = getch(); key != ERR; key = getch()) {
            take_key(screen, key);
            timeout(0);
        }
        screen->is_over |= is_terminal_gone();
        timeout(KEY_WAIT_MS);
    }
}

static int
show_screen(const char *runtime_dir, guint interval_s, VsfTopView *view)
{
    g_autoptr(VsfTop) top = vsf_top_new();
    Screen screen = {.top = top, .view = *view, .filter = g_string_new(view->filter)};
    const struct sigaction ends = {.sa_handler = on_signal};
    SCREEN *terminal;

    if (!isatty(STDIN_FILENO)) {
        fputs("virt-sflow top: standard input is no terminal that keys can be read from; "
              "--once prints one picture\n",
              stderr);
        g_string_free(screen.filter, TRUE);
        return 1;
    }
    if (!isatty(STDOUT_FILENO) || (terminal = newterm(NULL, stdout, stdin)) == NULL) {
        fprintf(stderr,
                "virt-sflow top: this is no terminal that can be drawn on (TERM=%s); "
                "--once prints one picture\n",
                g_getenv("TERM") != NULL ? g_getenv("TERM") : "");
        g_string_free(screen.filter, TRUE);
        return 1;
    }
    sigaction(SIGINT, &ends, NULL);
    sigaction(SIGTERM, &ends, NULL);
    sigaction(SIGHUP, &ends, NULL);
    cbreak();
    noecho();
    set_escdelay(25);
    keypad(stdscr, TRUE);
    curs_set(0);
    timeout(KEY_WAIT_MS);
    run(&screen, vsf_top_source_start(runtime_dir, interval_s * 1000));
    endwin();
    delscreen(terminal);
    g_string_free(screen.filter, TRUE);
    g_free(screen.selected);
    g_free(screen.failed);
    return 0;
}

static int
wrong(const char *what)
{
    fprintf(stderr, "virt-sflow top: %s\nTry 'virt-sflow top --help'.\n", what);
    return 2;
}

int
vsf_cli_top(int argc, char **argv)
{
    gboolean once = FALSE;
    int interval_s = 2;
    g_autofree char *runtime_dir = NULL, *sort = NULL, *filter = NULL;
    VsfTopView view = {.sort = VSF_TOP_CPU, .has_unicode = has_unicode()};
    const GOptionEntry entries[] = {
        {"once", 0, 0, G_OPTION_ARG_NONE, &once, "Print one picture, and all rows, and end", NULL},
        {"interval", 0, 0, G_OPTION_ARG_INT, &interval_s,
         "Seconds between two questions to the daemon (2)", "N"},
        {"sort", 0, 0, G_OPTION_ARG_STRING, &sort,
         "Begin as if this key was pressed: c m d r w i "
         "o I O or n (c)",
         "KEY"},
        {"filter", 0, 0, G_OPTION_ARG_STRING, &filter, "Only VMs with this in their name", "TEXT"},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &runtime_dir,
         "Where the daemon's sockets are (" VSF_RUNTIME_DIR ")", "DIR"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- show the VMs live");
    g_autoptr(GError) error = NULL;

    g_set_prgname("virt-sflow top");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return wrong(error->message);
    if (argc > 1)
        return wrong("unexpected argument");
    if (interval_s < 1 || interval_s > 3600)
        return wrong("--interval takes 1 to 3600");
    if (sort != NULL && (strlen(sort) != 1 || !vsf_top_sort_key(sort[0], &view.sort)))
        return wrong("--sort takes one of c m d r w i o I O n");
    view.filter = filter;
    return once ? show_once(runtime_dir, &view)
                : show_screen(runtime_dir, (guint)interval_s, &view);
}
