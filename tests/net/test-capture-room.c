/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/net/capture-room.h"

#define KIB 1024
#define MIB (1024 * 1024)
#define PAGE 4096

static void
test_many_samplers_have_smaller_rings_and_a_bounded_sum(void)
{
    VsfCaptureRoom room;
    guint32 last = 128 * KIB, ring_bytes;
    guint n = 0;

    vsf_capture_room_init(&room, 0, 0, 0, PAGE);
    while ((ring_bytes = vsf_capture_room_take(&room)) != 0) {
        g_assert_cmpuint(ring_bytes, <=, last);
        g_assert_cmpuint(ring_bytes % PAGE, ==, 0);
        if (n == 0)
            g_assert_cmpuint(ring_bytes, ==, 128 * KIB);
        if (n == 99)
            g_assert_cmpuint(ring_bytes, >=, 100 * KIB);
        if (n == 499)
            g_assert_cmpuint(ring_bytes, >=, 48 * KIB);
        last = ring_bytes;
        n++;
    }
    g_assert_cmpuint(n, >=, 2000);
    g_assert_cmpuint(room.used, <=, 64 * MIB);
    g_assert_cmpuint(last, ==, 2 * PAGE);
    g_assert_false(vsf_capture_room_is_there(&room));
    vsf_capture_room_give_ring(&room, last);
    vsf_capture_room_give_sampler(&room);
    g_assert_true(vsf_capture_room_is_there(&room));
}

static void
test_samplers_are_counted(void)
{
    VsfCaptureRoom room;
    guint32 first, second;

    vsf_capture_room_init(&room, 2, 0, 0, PAGE);
    first = vsf_capture_room_take(&room);
    second = vsf_capture_room_take(&room);
    g_assert_cmpuint(vsf_capture_room_take(&room), ==, 0);
    vsf_capture_room_give_ring(&room, first);
    g_assert_cmpuint(vsf_capture_room_take(&room), ==, 0); /* it is still being closed */
    vsf_capture_room_give_sampler(&room);
    first = vsf_capture_room_take(&room);
    g_assert_cmpuint(first, >, 0);
    g_assert_false(vsf_capture_room_is_there(&room));
    vsf_capture_room_give_ring(&room, second);
    vsf_capture_room_give_ring(&room, first);
    g_assert_cmpuint(room.used, ==, 0);
}

static void
test_rings_are_no_larger_than_asked_for(void)
{
    VsfCaptureRoom room;

    vsf_capture_room_init(&room, 0, 0, 20000, PAGE);
    g_assert_cmpuint(vsf_capture_room_take(&room), ==, 16384);
    vsf_capture_room_init(&room, 0, 0, 1, PAGE);
    g_assert_cmpuint(vsf_capture_room_take(&room), ==, 2 * PAGE);
    vsf_capture_room_init(&room, 0, 0, G_MAXUINT32, PAGE);
    g_assert_cmpuint(vsf_capture_room_take(&room), ==, VSF_CAPTURE_RING_BYTES);
}

/* aarch64 and ppc64 have kernels whose pages are larger. */
static void
test_rings_are_whole_pages_of_any_size(void)
{
    static const struct {
        guint32 page_bytes, first, last;
        guint n;
    } cases[] = {
        {16 * KIB, 128 * KIB, 32 * KIB, 1326},
        {64 * KIB, 128 * KIB, 128 * KIB, 512},
        {256 * KIB, 512 * KIB, 512 * KIB, 128},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint32 page_bytes = cases[i].page_bytes, last = 0, ring_bytes;
        VsfCaptureRoom room;

        vsf_capture_room_init(&room, 0, 0, 0, page_bytes);
        while ((ring_bytes = vsf_capture_room_take(&room)) != 0) {
            g_assert_cmpuint(ring_bytes % page_bytes, ==, 0);
            if (room.n_samplers == 1)
                g_assert_cmpuint(ring_bytes, ==, cases[i].first);
            last = ring_bytes;
        }
        g_assert_cmpuint(last, ==, cases[i].last);
        g_assert_cmpuint(room.n_samplers, ==, cases[i].n);
        g_assert_cmpuint(room.used, <=, 64 * MIB);
        vsf_capture_room_init(&room, 0, 0, 20000, page_bytes);
        g_assert_cmpuint(vsf_capture_room_take(&room), ==, 2 * page_bytes);
    }
}

static void
test_hooks_take_two_descriptors_and_no_ring(void)
{
    VsfCaptureRoom room;

    vsf_capture_room_init(&room, 7, 0, 0, PAGE);
    g_assert_false(vsf_capture_room_take_hooks(&room)); /* nobody said how many */
    room.hooked_max = 3;
    g_assert_true(vsf_capture_room_take_hooks(&room));
    g_assert_cmpuint(room.used, ==, 0);
    g_assert_cmpuint(vsf_capture_room_samplers_max(&room), ==, 6);
    g_assert_cmpuint(vsf_capture_room_take(&room), !=, 0);
    g_assert_true(vsf_capture_room_take_hooks(&room));
    g_assert_cmpuint(vsf_capture_room_take(&room), !=, 0);
    /* One is left, and two are needed. */
    g_assert_false(vsf_capture_room_take_hooks(&room));
    g_assert_true(vsf_capture_room_is_there(&room));
    g_assert_cmpuint(vsf_capture_room_take(&room), !=, 0);
    g_assert_false(vsf_capture_room_is_there(&room));
    g_assert_cmpuint(vsf_capture_room_samplers_max(&room), ==, room.n_samplers);

    vsf_capture_room_give_hooks(&room);
    g_assert_true(vsf_capture_room_take_hooks(&room));
    g_assert_cmpuint(room.n_hooked, ==, 2);
    g_assert_cmpuint(room.n_samplers, ==, 5);
}

/* Where rings have no room any more hooks may. */
static void
test_hooks_are_room_as_well(void)
{
    VsfCaptureRoom room;

    vsf_capture_room_init(&room, 0, 2 * PAGE, 0, PAGE);
    room.hooked_max = 1;
    g_assert_cmpuint(vsf_capture_room_take(&room), !=, 0);
    g_assert_cmpuint(vsf_capture_room_take(&room), ==, 0);
    g_assert_true(vsf_capture_room_is_there(&room));
    g_assert_true(vsf_capture_room_take_hooks(&room));
    g_assert_false(vsf_capture_room_is_there(&room));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/capture-room/many-samplers-have-smaller-rings-and-a-bounded-sum",
                    test_many_samplers_have_smaller_rings_and_a_bounded_sum);
    g_test_add_func("/net/capture-room/samplers-are-counted", test_samplers_are_counted);
    g_test_add_func("/net/capture-room/rings-are-no-larger-than-asked-for",
                    test_rings_are_no_larger_than_asked_for);
    g_test_add_func("/net/capture-room/rings-are-whole-pages-of-any-size",
                    test_rings_are_whole_pages_of_any_size);
    g_test_add_func("/net/capture-room/hooks-take-two-descriptors-and-no-ring",
                    test_hooks_take_two_descriptors_and_no_ring);
    g_test_add_func("/net/capture-room/hooks-are-room-as-well", test_hooks_are_room_as_well);
    return g_test_run();
}
