// The loops over time of the three cells, forward and backward, as XLA FFI calls on the CPU: models/kernels/__init__.py
// compiles and calls them, models/loops.py holds the same formulas in Keras' operations and says how the gradient is cut.
//
// A part of the batch goes through all steps on one thread, so no thread ever waits for another inside the loop. Within a
// step, the recurrent kernel is repacked into panels, the vectors of all gates of the same units side by side: a block of
// rows times a panel stays in registers, and what comes out is everything that the gates of those units need.
//
// All arrays are float32, time-major and contiguous: (time, batch, ...). One that is not used has no elements. A result
// may share its memory with an argument of the same shape (the thread that writes an element has read it before): fresh
// memory for all steps would cost more than the gates do.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "xla/ffi/api/ffi.h"

namespace {

namespace ffi = xla::ffi;
using Index = int64_t;

// A vector fills a register, and the accumulators of a block of rows leave room for the operands.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kAccumulators = 24;
#elif defined(__AVX__)
constexpr int kLanes = 8, kAccumulators = 12;
#elif defined(__aarch64__)
constexpr int kLanes = 4, kAccumulators = 24;
#else
constexpr int kLanes = 4, kAccumulators = 12;
#endif
constexpr int kRows = 8, kColumns = 4;  // the largest block: rows, vectors of a panel
constexpr Index kDepth = 128;           // rows of a panel used at a time: 32 KB, so that they stay in the first cache
constexpr Index kPart = 64;             // the most rows of the batch that go through the steps together
constexpr Index kAlignment = 64;

typedef float Vector __attribute__((vector_size(4 * kLanes)));
typedef uint32_t Bits __attribute__((vector_size(4 * kLanes)));

inline Vector load(const float* from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline void store(float* to, Vector value) { std::memcpy(to, &value, sizeof value); }

// The same for the last units, fewer than a vector: nothing beyond them is touched.
inline void copy(float* to, const float* from, Index count) {
  for (Index size = kLanes / 2; size; size /= 2)
    if (count & size) std::memcpy(to, from, size * sizeof(float)), to += size, from += size;
}

__attribute__((noinline)) Vector load_some(const float* from, Index width) {
  float lanes[kLanes] = {};
  copy(lanes, from, width);
  return load(lanes);
}

__attribute__((noinline)) void store_some(float* to, Vector value, Index width) {
  float lanes[kLanes];
  store(lanes, value);
  copy(to, lanes, width);
}

inline Vector load(const float* from, Index width) {
  return __builtin_expect(width >= kLanes, 1) ? load(from) : load_some(from, width);
}

inline void store(float* to, Vector value, Index width) {
  __builtin_expect(width >= kLanes, 1) ? store(to, value) : store_some(to, value, width);
}

// ---- The functions of the gates: NaN stays NaN (no comparison with it is true), infinities go to the limits. ----

inline Vector clamp(Vector x, float limit) {
  const Vector high = limit - Vector{}, low = -high;
  x = x > high ? high : x;
  return x < low ? low : x;
}

// A fraction: division is the dearest operation here, so gates that are wanted together share one.
struct Fraction {
  Vector above, below;
};

// tanh as the ratio of polynomials of Eigen and XLA: within 3e-7 of the true value, relatively; `below` lies in (0.004, 1).
inline Fraction tanh_fraction(Vector x) {
  x = clamp(x, 7.90531110763549805f);
  const Vector s = x * x;
  Vector above = s * -2.76076847742355e-16f + 2.00018790482477e-13f;
  above = above * s + -8.60467152213735e-11f;
  above = above * s + 5.12229709037114e-08f;
  above = above * s + 1.48572235717979e-05f;
  above = above * s + 6.37261928875436e-04f;
  above = above * s + 4.89352455891786e-03f;
  Vector below = s * 1.19825839466702e-06f + 1.18534705686654e-04f;
  below = below * s + 2.26843463243900e-03f;
  below = below * s + 4.89352518554385e-03f;
  return {above * x, below};
}

inline Vector tanh(Vector x) {
  const Fraction f = tanh_fraction(x);
  return f.above / f.below;
}

// What divides 1 in sigmoid(x) = 1 / (1 + exp(-x)). Beyond 28 sigmoid is 1, or below 1e-12: the product of three stays finite.
inline Vector sigmoid_divisor(Vector x) {
  x = clamp(-x, 28.0f);
  const Vector magic = 12582912.0f - Vector{};          // adding 1.5 * 2^23 rounds to an integer, held in the last bits
  const Vector shifted = x * 1.44269504088896341f + magic, power = shifted - magic;
  const Vector r = (x - power * 0.693359375f) - power * -2.12194440e-4f;
  Vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;   // exp on [-ln 2 / 2, ln 2 / 2] (Moshier, Cephes)
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Bits scale = ((Bits)shifted << 23) + 0x3f800000u;
  return p * (Vector)scale + 1.0f;
}

// ---- Matrix products ----

constexpr float kZeros[kColumns * kLanes] = {};

// sums += a b for R rows of `a` and a panel `b` of C vectors; sums is (R, C) vectors, or begins as `start`, C vectors.
template <int R, int C>
void multiply(const float* a, Index stride, const float* b, Index depth, float* sums, const float* start) {
  Vector s[R][C];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) s[i][j] = load(start ? start + j * kLanes : sums + (i * C + j) * kLanes);
  for (Index k = 0; k < depth; ++k) {
    Vector column[C];
    for (int j = 0; j < C; ++j) column[j] = load(b + (k * C + j) * kLanes);
    for (int i = 0; i < R; ++i) {
      const float scalar = a[i * stride + k];
      for (int j = 0; j < C; ++j) s[i][j] += scalar * column[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) store(sums + (i * C + j) * kLanes, s[i][j]);
}

using Multiply = void (*)(const float*, Index, const float*, Index, float*, const float*);

template <int R, int C>
constexpr Multiply choose() {
  if constexpr (R * C <= kAccumulators) return multiply<R, C>;
  return nullptr;
}

template <int... I>
Multiply find(int rows, int columns, std::integer_sequence<int, I...>) {
  static constexpr Multiply table[] = {choose<I / kColumns + 1, I % kColumns + 1>()...};
  return table[(rows - 1) * kColumns + columns - 1];
}

// sums = start + a b, a: (rows, depth), b: one panel. No sum's order depends on the rows: any split gives the same bits.
void product(const float* a, Index stride, Index rows, const float* panel, Index depth, int columns, float* sums,
             const float* start) {
  const Index slices = (depth + kDepth - 1) / kDepth, most = std::min(kRows, kAccumulators / columns);
  const Index blocks = (rows + most - 1) / most;
  for (Index slice = 0; slice < slices; ++slice) {
    const Index k = depth * slice / slices, end = depth * (slice + 1) / slices;
    for (Index block = 0; block < blocks; ++block) {
      const Index row = rows * block / blocks, size = rows * (block + 1) / blocks - row;
      find(size, columns, std::make_integer_sequence<int, kRows * kColumns>())(
          a + row * stride + k, stride, panel + k * columns * kLanes, end - k, sums + row * columns * kLanes,
          slice ? nullptr : start);
    }
  }
}

// ---- Memory and threads ----

// Memory of this thread's own, kept from call to call: fresh pages would cost more than what is done with them.
template <int purpose>
float* scratch(Index floats) {
  static thread_local std::vector<float> memory;
  const Index size = floats + kAlignment;
  if (Index(memory.size()) < size) memory.resize(size);
  return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(memory.data()) + kAlignment - 1) & ~uintptr_t(kAlignment - 1));
}

// Runs work(0) ... work(count - 1) on XLA's threads and this one. Whoever is free takes the next, and this thread waits only for
// what another has begun: a pool that is busy, or has the one thread that called, delays nothing and cannot lock up.
template <class Work>
void parallel(ffi::ThreadPool& pool, Index count, const Work& work) {
  struct Shared {
    std::atomic<Index> next{0};
    Index done = 0;
    std::mutex mutex;
    std::condition_variable ended;
  };
  auto shared = std::make_shared<Shared>();
  auto take = [shared, count, &work] {
    Index finished = 0;
    for (Index i; (i = shared->next.fetch_add(1)) < count; ++finished) work(i);
    if (!finished) return;
    std::lock_guard<std::mutex> lock(shared->mutex);
    shared->done += finished;
    if (shared->done == count) shared->ended.notify_all();
  };
  const Index helpers = std::min<Index>(pool.num_threads(), count) - 1;
  for (Index i = 0; i < helpers; ++i) pool.Schedule(decltype(take)(take));
  take();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->ended.wait(lock, [&] { return shared->done == count; });
}

// The batch in equal parts, at least one a thread.
struct Parts {
  Index batch, count;
  Parts(Index batch, Index threads) : batch(batch) {
    threads = std::max<Index>(threads, 1);
    const Index rounds = std::max<Index>(1, (batch + threads * kPart - 1) / (threads * kPart));
    count = std::min((batch + 1) / 2, rounds * threads);  // one row costs as much as two
  }
  Index begin(Index part) const { return batch * part / count; }
};

// ---- The cells ----

// The arrays of a call. The bias of h U (gru) is in the order of the panels, and so at the start of their sums.
struct Arrays {
  Index time, batch, units;
  const bool* mask;
  const float *x, *h0, *c0, *bias;                      // projected inputs, first states
  const float *outputs, *saved, *saved_extra;           // backward: gradient of h at all steps, what forward kept
  float *h, *c, *kept, *extra;                          // states at all steps, what only backward reads (or null)
  float *dx, *dz;
  const float* old_h(Index step) const { return step ? h + (step - 1) * batch * units : h0; }
  const float* old_c(Index step) const { return step ? c + (step - 1) * batch * units : c0; }
};

// Where a step of a cell works: row of the batch, row among all steps, first unit, number of units in the vector.
struct Place {
  Index step, row, n, width, units;
  Index all;                                            // step * batch + row
  // How much may be read: a whole vector where enough follows in the array, for nobody looks at the lanes beyond the units.
  Index reach;
  Place(Index step, Index row, Index n, Index width, Index units, const Arrays& a)
      : step(step), row(row), n(n), width(width), units(units), all(step * a.batch + row),
        reach((a.batch - 1 - row) * units >= kLanes - width ? Index(kLanes) : width) {}
  Index state() const { return all * units + n; }
  Index old() const { return row * units + n; }
};

// Asks for what the next step will want, `distance` from `now`: steps lie too far apart for the processor to guess it.
template <int count>
void ahead(const float* now, Index distance, Index stride = 0) {
  for (int i = 0; i < count; ++i) __builtin_prefetch(now + distance + i * stride, 1);
}

struct Simple {
  static constexpr int gates = 1, block = kColumns;     // vectors of units in a panel
  static constexpr bool has_c = false;

  static void forward(const Arrays& a, const Place& at, const float* z) {
    store(a.h + at.state(), tanh(load(a.x + at.state(), at.reach) + load(z)), at.width);
  }
  // Writes the gradients of the step; returns that of the old h by every way but h U.
  static Vector backward(const Arrays& a, const Place& at, Vector dh, float*) {
    const Vector h = load(a.h + at.state(), at.reach);
    store(a.dx + at.state(), dh * (1.0f - h * h), at.width);
    return Vector{};
  }
};

struct Lstm {
  static constexpr int gates = 4, block = 1;
  static constexpr bool has_c = true;

  static void forward(const Arrays& a, const Place& at, const float* z) {
    const Index w = at.width, m = at.reach, H = at.units, from = at.all * 4 * H + at.n;
    const float* x = a.x + from;
    ahead<gates>(x, a.batch * gates * H, H), ahead<1>(a.h + at.state(), a.batch * H), ahead<1>(a.c + at.state(), a.batch * H);
    const Vector di = sigmoid_divisor(load(x, m) + load(z)), df = sigmoid_divisor(load(x + H, m) + load(z + kLanes));
    const Fraction tg = tanh_fraction(load(x + 2 * H, m) + load(z + 2 * kLanes));
    const Vector dout = sigmoid_divisor(load(x + 3 * H, m) + load(z + 3 * kLanes));
    const Vector both = di * df, other = tg.below * dout, inverse = 1.0f / (both * other);
    const Vector left = inverse * other, right = inverse * both;
    const Vector i = left * df, f = left * di, g = tg.above * (right * dout), o = right * tg.below;
    const Vector c = f * load(a.old_c(at.step) + at.old(), m) + i * g;
    store(a.c + at.state(), c, w);
    store(a.h + at.state(), o * tanh(c), w);
    if (!a.kept) return;
    float* kept = a.kept + from;
    store(kept, i, w), store(kept + H, f, w), store(kept + 2 * H, g, w), store(kept + 3 * H, o, w);
  }
  static Vector backward(const Arrays& a, const Place& at, Vector dh, float* carried_c) {
    const Index w = at.width, m = at.reach, H = at.units, from = at.all * 4 * H + at.n;
    const float* kept = a.saved + from;
    ahead<gates>(kept, -a.batch * gates * H, H), ahead<1>(a.outputs + at.state(), -a.batch * H);
    ahead<1>(a.c + at.state(), -2 * a.batch * H);
    const Vector i = load(kept, m), f = load(kept + H, m), g = load(kept + 2 * H, m), o = load(kept + 3 * H, m);
    const Vector squashed = tanh(load(a.c + at.state(), m)), old = load(a.old_c(at.step) + at.old(), m);
    const Vector dc = load(carried_c) + dh * o * (1.0f - squashed * squashed);
    float* dx = a.dx + from;
    store(dx, dc * g * i * (1.0f - i), w);
    store(dx + H, dc * old * f * (1.0f - f), w);
    store(dx + 2 * H, dc * i * (1.0f - g * g), w);
    store(dx + 3 * H, dh * squashed * o * (1.0f - o), w);
    store(carried_c, dc * f);
    return Vector{};
  }
};

struct Gru {
  static constexpr int gates = 3, block = 1;
  static constexpr bool has_c = false;

  static void forward(const Arrays& a, const Place& at, const float* sums) {
    const Index w = at.width, m = at.reach, H = at.units, from = at.all * 3 * H + at.n;
    const float* x = a.x + from;
    ahead<gates>(x, a.batch * gates * H, H), ahead<1>(a.h + at.state(), a.batch * H);
    if (a.extra) ahead<1>(a.extra + at.state(), a.batch * H);
    const Vector dz = sigmoid_divisor(load(x, m) + load(sums));
    const Vector dr = sigmoid_divisor(load(x + H, m) + load(sums + kLanes));
    const Vector inverse = 1.0f / (dz * dr), z = inverse * dr, r = inverse * dz;
    const Vector hg = load(sums + 2 * kLanes);
    const Vector g = tanh(load(x + 2 * H, m) + r * hg);
    store(a.h + at.state(), g + z * (load(a.old_h(at.step) + at.old(), m) - g), w);
    if (!a.kept) return;
    float* kept = a.kept + from;
    store(kept, z, w), store(kept + H, r, w), store(kept + 2 * H, g, w), store(a.extra + at.state(), hg, w);
  }
  static Vector backward(const Arrays& a, const Place& at, Vector dh, float*) {
    const Index w = at.width, m = at.reach, H = at.units, from = at.all * 3 * H + at.n;
    const float* kept = a.saved + from;
    ahead<gates>(kept, -a.batch * gates * H, H), ahead<gates>(a.dz + from, -a.batch * gates * H, H);
    ahead<1>(a.outputs + at.state(), -a.batch * H), ahead<1>(a.saved_extra + at.state(), -a.batch * H);
    ahead<1>(a.h + at.state(), -2 * a.batch * H);
    const Vector z = load(kept, m), r = load(kept + H, m), g = load(kept + 2 * H, m);
    const Vector hg = load(a.saved_extra + at.state(), m), h = load(a.old_h(at.step) + at.old(), m);
    const Vector dg = dh * (1.0f - z) * (1.0f - g * g);
    const Vector dz = dh * (h - g) * z * (1.0f - z), dr = dg * hg * r * (1.0f - r);
    float *dx = a.dx + from, *gates = a.dz + from;
    store(dx, dz, w), store(dx + H, dr, w), store(dx + 2 * H, dg, w);
    store(gates, dz, w), store(gates + H, dr, w), store(gates + 2 * H, dg * r, w);
    return dh * z;
  }
};

// ---- The loops ----

inline Index vectors(Index units) { return (units + kLanes - 1) / kLanes; }

// Rows [begin, end) of the batch through all steps. panels: the kernel, for each `block` vectors of units (units, block, gates).
template <class Cell>
void forward_part(const Arrays& a, const float* panels, Index begin, Index end) {
  const Index H = a.units, rows = end - begin, all = vectors(H);
  float* sums = scratch<1>(rows * kColumns * kLanes);
  for (Index step = 0; step < a.time; ++step)
    for (Index v = 0; v < all; v += Cell::block) {
      const Index count = std::min<Index>(Cell::block, all - v), columns = count * Cell::gates;
      const float* old = a.old_h(step) + begin * H;
      product(old, H, rows, panels + v * Cell::gates * kLanes * H, H, columns, sums,
              a.bias ? a.bias + v * Cell::gates * kLanes : kZeros);
      for (Index row = 0; row < rows; ++row)
        for (Index j = 0; j < count; ++j) {
          const Index n = (v + j) * kLanes;
          const Place at{step, begin + row, n, std::min<Index>(kLanes, H - n), H, a};
          if (__builtin_expect(a.mask && !a.mask[at.all], 0)) {
            store(a.h + at.state(), load(old + row * H + n, at.width), at.width);
            if (Cell::has_c) store(a.c + at.state(), load(a.old_c(step) + at.old(), at.width), at.width);
          } else {
            Cell::forward(a, at, sums + (row * columns + j * Cell::gates) * kLanes);
          }
        }
    }
}

// The same rows backwards. panels: the transposed kernel, for each kColumns vectors of units (gates x units, kColumns).
template <class Cell>
void backward_part(const Arrays& a, const float* panels, float* first_h, float* first_c, Index begin, Index end) {
  const Index H = a.units, rows = end - begin, all = vectors(H), width = all * kLanes, depth = Cell::gates * H;
  float* sums = scratch<1>(rows * (kColumns * kLanes + 2 * width));
  float *dh = sums + rows * kColumns * kLanes, *dc = dh + rows * width;  // carried, in whole vectors
  const auto each = [&](auto&& body) {
    for (Index row = 0; row < rows; ++row)
      for (Index v = 0; v < all; ++v) body(row, v * kLanes, std::min<Index>(kLanes, H - v * kLanes));
  };
  each([&](Index row, Index n, Index w) {
    store(dh + row * width + n, load(first_h + (begin + row) * H + n, w));
    if (Cell::has_c) store(dc + row * width + n, load(first_c + (begin + row) * H + n, w));
  });
  for (Index step = a.time - 1; step >= 0; --step) {
    each([&](Index row, Index n, Index w) {
      const Place at{step, begin + row, n, w, H, a};
      float* carried = dh + row * width + n;
      const Vector d = load(carried) + load(a.outputs + at.state(), w);
      if (__builtin_expect(a.mask && !a.mask[at.all], 0)) {
        store(carried, d);
        for (Index from = at.all * depth + n, gate = 0; gate < Cell::gates; ++gate, from += H) {
          store(a.dx + from, Vector{}, w);
          if (a.dz != a.dx) store(a.dz + from, Vector{}, w);
        }
      } else {
        store(carried, Cell::backward(a, at, d, dc + row * width + n));
      }
    });
    const float* dz = a.dz + (step * a.batch + begin) * depth;
    for (Index v = 0; v < all; v += kColumns) {
      const Index columns = std::min<Index>(kColumns, all - v);
      product(dz, depth, rows, panels + v * kLanes * depth, depth, columns, sums, kZeros);
      for (Index row = 0; row < rows; ++row)
        for (Index j = 0; j < columns; ++j) {
          float* carried = dh + row * width + (v + j) * kLanes;
          store(carried, load(carried) + load(sums + (row * columns + j) * kLanes));
        }
    }
  }
  each([&](Index row, Index n, Index w) {
    store(first_h + (begin + row) * H + n, load(dh + row * width + n), w);
    if (Cell::has_c) store(first_c + (begin + row) * H + n, load(dc + row * width + n), w);
  });
}

using Floats = ffi::Buffer<ffi::F32>;
using Mask = ffi::Buffer<ffi::PRED>;
using Result = ffi::Result<Floats>;

float* data(Result& result) { return result->element_count() ? result->typed_data() : nullptr; }

template <class Cell>
ffi::Error check(const Floats& h0, const Floats& kernel) {
  const auto h = h0.dimensions(), k = kernel.dimensions();
  const bool right = h.size() == 2 && k.size() == 2 && k[0] == h[1] && k[1] == Cell::gates * h[1];
  return right ? ffi::Error::Success() : ffi::Error::InvalidArgument("the recurrent kernel has not the shape of the states");
}

template <class Cell>
ffi::Error forward(ffi::ThreadPool pool, Floats x, Mask mask, Floats h0, Floats c0, Floats kernel, Floats bias, Result h, Result c,
                   Result kept, Result extra) {
  if (auto error = check<Cell>(h0, kernel); error.failure()) return error;
  Arrays a{};
  a.time = x.dimensions()[0], a.batch = h0.dimensions()[0], a.units = h0.dimensions()[1];
  a.mask = mask.element_count() ? mask.typed_data() : nullptr;
  a.x = x.typed_data(), a.h0 = h0.typed_data(), a.c0 = c0.typed_data();
  a.h = data(h), a.c = data(c), a.kept = data(kept), a.extra = data(extra);
  const Index H = a.units, all = vectors(H);
  const float* u = kernel.typed_data();
  float* panels = scratch<0>(all * kLanes * Cell::gates * (H + 1));
  float* packed_bias = panels + all * kLanes * Cell::gates * H;
  a.bias = bias.element_count() ? packed_bias : nullptr;
  for (Index v = 0; v < all; v += Cell::block) {
    const Index count = std::min<Index>(Cell::block, all - v);
    const auto pack = [&](float* to, const float* from) {
      for (Index j = 0; j < count; ++j)
        for (Index gate = 0; gate < Cell::gates; ++gate, to += kLanes) {
          const Index n = (v + j) * kLanes;
          store(to, load(from + gate * H + n, std::min<Index>(kLanes, H - n)));
        }
    };
    float* to = panels + v * Cell::gates * kLanes * H;
    for (Index k = 0; k < H; ++k) pack(to + k * count * Cell::gates * kLanes, u + k * Cell::gates * H);
    if (a.bias) pack(packed_bias + v * Cell::gates * kLanes, bias.typed_data());
  }
  const Parts parts(a.batch, pool.num_threads());
  parallel(pool, parts.count, [&](Index i) { forward_part<Cell>(a, panels, parts.begin(i), parts.begin(i + 1)); });
  return ffi::Error::Success();
}

template <class Cell>
ffi::Error backward(ffi::ThreadPool pool, Floats outputs, Floats last_h, Floats last_c, Mask mask, Floats h0, Floats c0,
                    Floats kernel, Floats h, Floats c, Floats kept, Floats extra, Result dx, Result dz, Result first_h,
                    Result first_c) {
  if (auto error = check<Cell>(h0, kernel); error.failure()) return error;
  Arrays a{};
  a.time = outputs.dimensions()[0], a.batch = h0.dimensions()[0], a.units = h0.dimensions()[1];
  a.mask = mask.element_count() ? mask.typed_data() : nullptr;
  a.h0 = h0.typed_data(), a.c0 = c0.typed_data(), a.outputs = outputs.typed_data();
  a.h = h.typed_data(), a.c = c.typed_data(), a.saved = kept.typed_data(), a.saved_extra = extra.typed_data();
  a.dx = data(dx), a.dz = data(dz) ? data(dz) : a.dx;
  const Index H = a.units, all = vectors(H), depth = Cell::gates * H;
  const float* u = kernel.typed_data();
  float* panels = scratch<0>(all * kLanes * depth);
  for (Index v = 0; v < all; v += kColumns) {  // a few columns at a time, so that what they are written to stays in the cache
    const Index lanes = std::min<Index>(kColumns, all - v) * kLanes;
    float* to = panels + v * kLanes * depth;
    for (Index k = 0; k < depth; k += kLanes)
      for (Index n = 0; n < lanes; ++n)
        for (Index i = k; i < std::min(k + kLanes, depth); ++i)
          to[i * lanes + n] = v * kLanes + n < H ? u[(v * kLanes + n) * depth + i] : 0.0f;
  }
  const Index states = a.batch * H * sizeof(float);
  if (data(first_h) != last_h.typed_data()) std::memcpy(data(first_h), last_h.typed_data(), states);
  if (Cell::has_c && data(first_c) != last_c.typed_data()) std::memcpy(data(first_c), last_c.typed_data(), states);
  const Parts parts(a.batch, pool.num_threads());
  parallel(pool, parts.count, [&](Index i) {
    backward_part<Cell>(a, panels, data(first_h), data(first_c), parts.begin(i), parts.begin(i + 1));
  });
  return ffi::Error::Success();
}

}  // namespace

#define UNROLLED_CELL(name, Cell)                                                                       \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name##_forward, forward<Cell>, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>()  \
      .Arg<Floats>().Arg<Mask>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>()                \
      .Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>());                                        \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name##_backward, backward<Cell>, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>() \
      .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Mask>().Arg<Floats>().Arg<Floats>().Arg<Floats>()  \
      .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>()                                          \
      .Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>())

UNROLLED_CELL(simple, Simple);
UNROLLED_CELL(lstm, Lstm);
UNROLLED_CELL(gru, Gru);
