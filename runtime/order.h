/* The arithmetic of order and chance: keys, the permutation of `shuffle`, record
 * ids, Philox (docs/language.md, sections 8 and 9). Integers only: the same on
 * every machine. */
#ifndef PIPERT_ORDER_H
#define PIPERT_ORDER_H
#include <stdint.h>

#define ORDER_PHI UINT64_C(0x9E3779B97F4A7C15)

/* splitmix64's finaliser */
static inline uint64_t order_mix64(uint64_t z) {
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Of an epoch: key of shuffle and of all draws. */
static inline uint64_t order_key(uint64_t seed, uint64_t epoch) {
    return order_mix64(order_mix64(seed) + epoch);
}

/* Of the child that `each` makes of row `row`. */
static inline uint64_t order_child(uint64_t id, int64_t row) {
    return order_mix64(id * ORDER_PHI + (uint64_t)row + 1);
}

/* The permutation of n places; n = 0 has none. */
typedef struct order_shuffle {
    uint64_t n, low_mask, high_mask, round_key[6];
    int low_bits;
} order_shuffle;

static inline void order_shuffle_init(order_shuffle *s, uint64_t n, uint64_t key) {
    int bits = 1;
    while (bits < 64 && n > 1 && (n - 1) >> bits) bits++;
    s->n = n;
    s->low_bits = bits / 2;
    s->low_mask = (UINT64_C(1) << bits / 2) - 1;
    s->high_mask = (UINT64_C(1) << (bits - bits / 2)) - 1;
    for (int r = 0; r < 6; r++) s->round_key[r] = order_mix64(key + (uint64_t)r);
}

/* The source index at a place below n. */
static inline uint64_t order_shuffle_at(const order_shuffle *s, uint64_t x) {
    do {
        uint64_t high = x >> s->low_bits, low = x & s->low_mask;
        for (int r = 0; r < 6; r += 2) {
            high ^= order_mix64(low ^ s->round_key[r]) & s->high_mask;
            low ^= order_mix64(high ^ s->round_key[r + 1]) & s->low_mask;
        }
        x = high << s->low_bits | low;
    } while (x >= s->n);
    return x;
}

/* The source index, of n > 0, that place p draws: the high word of n times splitmix64's
 * value p of the stream with this key. */
static inline uint64_t order_sample_at(uint64_t n, uint64_t key, uint64_t p) {
    uint64_t x = order_mix64(key + (p + 1) * ORDER_PHI);
    return (uint64_t)(__extension__ (unsigned __int128)x * n >> 64);
}

/* Philox4x32-10: counter words lowest first. */
static inline void order_philox(const uint32_t counter[4], uint64_t key,
                                uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int r = 0; r < 10; r++) {
        uint64_t p0 = c0 * UINT64_C(0xD2511F53), p1 = c2 * UINT64_C(0xCD9E8D57);
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}
#endif
