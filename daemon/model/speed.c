/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "speed.h"

#include <string.h>

#define LEAST_SAMPLING 100

guint64
vsf_speed_parse(const char *text)
{
    static const char units[] = "KMGT";
    gsize length = strlen(text);
    const char *unit = length > 1 ? strchr(units, g_ascii_toupper(text[length - 1])) : NULL;
    gsize digits = strspn(text, "0123456789");
    guint64 speed = 0, scale = 1000;

    if (unit == NULL || digits == 0 || digits > 6)
        return 0;
    for (; unit > units; unit--)
        scale *= 1000;
    speed = g_ascii_strtoull(text, NULL, 10) * scale;
    /* One digit behind a point: 2.5G is the one that there is. */
    if (text[digits] == '.' && g_ascii_isdigit(text[digits + 1])) {
        speed += (guint64)(text[digits + 1] - '0') * (scale / 10);
        digits += 2;
    }
    return digits == length - 1 ? speed : 0;
}

char *
vsf_speed_text(guint64 bits_per_second)
{
    guint64 tenths = bits_per_second / 100;
    char unit = 'K';

    while (tenths >= 10000 && tenths % 1000 == 0 && unit != 'T') {
        tenths /= 1000;
        unit = unit == 'K' ? 'M' : unit == 'M' ? 'G' : 'T';
    }
    if (tenths % 10 == 0)
        return g_strdup_printf("%" G_GUINT64_FORMAT "%c", tenths / 10, unit);
    return g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT "%c", tenths / 10,
                           tenths % 10, unit);
}

GArray *
vsf_speed_rates_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(VsfSpeedRate));
}

GArray *
vsf_speed_rates_copy(const GArray *rates)
{
    GArray *copy = vsf_speed_rates_new();

    g_array_append_vals(copy, rates->data, rates->len);
    return copy;
}

static gint
by_speed(gconstpointer a, gconstpointer b)
{
    guint64 one = ((const VsfSpeedRate *)a)->bits_per_second;
    guint64 other = ((const VsfSpeedRate *)b)->bits_per_second;

    return one < other ? -1 : one > other;
}

static VsfSpeedRate *
find(const GArray *rates, guint64 bits_per_second)
{
    for (guint i = 0; i < rates->len; i++) {
        VsfSpeedRate *rate = &g_array_index(rates, VsfSpeedRate, i);

        if (rate->bits_per_second == bits_per_second)
            return rate;
    }
    return NULL;
}

gboolean
vsf_speed_rates_has(const GArray *rates, guint64 bits_per_second)
{
    return find(rates, bits_per_second) != NULL;
}

gboolean
vsf_speed_rates_set(GArray *rates, guint64 bits_per_second, guint sampling)
{
    VsfSpeedRate rate = {bits_per_second, sampling}, *known = find(rates, bits_per_second);

    if (known != NULL) {
        known->sampling = sampling;
        return TRUE;
    }
    if (rates->len == VSF_SPEEDS_MAX)
        return FALSE;
    g_array_append_val(rates, rate);
    g_array_sort(rates, by_speed);
    return TRUE;
}

void
vsf_speed_rates_unset(GArray *rates, guint64 bits_per_second)
{
    VsfSpeedRate *known = find(rates, bits_per_second);

    if (known != NULL)
        g_array_remove_index(rates, (guint)(known - (VsfSpeedRate *)rates->data));
}

guint
vsf_speed_sampling(const GArray *rates, guint sampling, guint64 bits_per_second)
{
    const VsfSpeedRate *rate = bits_per_second != 0 ? find(rates, bits_per_second) : NULL;

    if (rate != NULL)
        return rate->sampling;
    if (sampling == 0 || bits_per_second == 0)
        return sampling;
    return (guint)CLAMP(bits_per_second / 1000000, LEAST_SAMPLING, VSF_SPEED_SAMPLING_MAX);
}
