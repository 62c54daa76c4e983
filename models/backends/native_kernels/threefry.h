// Random bits, the same as JAX draws: the counter-based generator threefry2x32 (Salmon et al. 2011, section 3.3) with 20
// rounds. XLA draws them in several passes over the whole array, and takes a third of a second to compile each.

#include <cstdint>
#include <cstring>

namespace {

inline uint32_t rotate(uint32_t x, int left) { return (x << left) | (x >> (32 - left)); }

// Draws 32 bits for each counter from `begin` on, as jax.random.bits does; `keys` are the two halves of its key. `take`
// is given the place and the bits.
template <class Take>
inline void draw_bits(const uint32_t* keys, uint64_t begin, uint64_t end, const Take& take) {
  constexpr int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t parts[3] = {keys[0], keys[1], keys[0] ^ keys[1] ^ 0x1BD11BDA};
  for (uint64_t place = begin; place < end; ++place) {
    uint32_t x = uint32_t(place >> 32) + parts[0], y = uint32_t(place) + parts[1];
#pragma GCC unroll 5
    for (int group = 0; group < 5; ++group) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        x += y;
        y = rotate(y, rotations[group % 2][i]) ^ x;
      }
      x += parts[(group + 1) % 3];
      y += parts[(group + 2) % 3] + uint32_t(group + 1);
    }
    take(place, x ^ y);
  }
}

// Whether the number in [0, 1) that JAX makes of 32 bits is below `share`.
inline bool is_below(uint32_t bits, float share) {
  const uint32_t between_1_and_2 = (bits >> 9) | 0x3F800000;
  float number;
  std::memcpy(&number, &between_1_and_2, sizeof number);
  return number - 1.0f < share;
}

}  // namespace
