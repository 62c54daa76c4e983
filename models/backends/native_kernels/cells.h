// The loops over time of the cells, forward and backward. ../jax_loops.py holds the formulas in JAX' operations and says
// how the gradient is cut.
//
// A part of the batch goes through all steps on one thread, so no thread waits for another inside the loop. Within a
// step, the recurrent kernel is repacked into panels, the vectors of all gates of the same units side by side: a block
// of rows times a panel stays in registers, and what comes out is everything that the gates of those units need.
//
// All arrays are float32, time-major and contiguous: (time, batch, ...). One that is not used has no elements. A result
// may share its memory with an argument of the same shape (the thread that writes an element has read it before).

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace {

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
constexpr Index kDepth = 128;           // rows of a panel used at a time: 32 KB, so that they stay in the cache
constexpr Index kPart = 64;             // the most rows of the batch that go through the steps together
constexpr Index kLine = 16;             // floats in a line of the cache

typedef float Vector __attribute__((vector_size(4 * kLanes)));
typedef uint32_t Bits __attribute__((vector_size(4 * kLanes)));

inline Vector load(const float* from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline void store(float* to, Vector value) { std::memcpy(to, &value, sizeof value); }

// The same for the last units, fewer than a vector: nothing beyond them is touched.
inline Vector load(const float* from, Index width) {
  if (__builtin_expect(width >= kLanes, 1)) return load(from);
  Vector value{};
  std::memcpy(&value, from, width * sizeof(float));
  return value;
}

inline void store(float* to, Vector value, Index width) {
  if (__builtin_expect(width >= kLanes, 1)) return store(to, value);
  std::memcpy(to, &value, width * sizeof(float));
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

// tanh as the ratio of polynomials of Eigen and XLA, with a relative error of 3e-7; `below` lies in (0.004, 1).
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

// 1 + exp(-x): sigmoid(x) is 1 over it. Cut at 28, where sigmoid is 1 or 7e-13: a product of three stays finite.
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
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) column[j] = load(b + (k * C + j) * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      const float scalar = a[i * stride + k];
#pragma GCC unroll 8
      for (int j = 0; j < C; ++j) s[i][j] += scalar * column[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) store(sums + (i * C + j) * kLanes, s[i][j]);
}

using Multiply = void (*)(const float*, Index, const float*, Index, float*, const float*);

template <int... I>
Multiply find(int rows, int columns, std::integer_sequence<int, I...>) {
  static constexpr Multiply table[] = {multiply<I / kColumns + 1, I % kColumns + 1>...};
  return table[(rows - 1) * kColumns + columns - 1];
}

// sums = start + a b, a: (rows, depth), b: one panel. No sum's order depends on the rows: every split gives these bits.
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
  if (Index(memory.size()) < floats + kLine) memory.resize(floats + kLine);
  return memory.data() + (-reinterpret_cast<uintptr_t>(memory.data()) / sizeof(float)) % kLine;
}

// Threads made for a call, where there are none of XLA's.
struct Threads {
  int count;
  int num_threads() const { return count; }
  template <class Work>
  void Schedule(Work work) { std::thread(std::move(work)).detach(); }
};

// Runs work(0) ... work(count - 1) on a pool's threads and this one. Whoever is free takes the next, and this thread
// waits only for what another has begun: a pool that is busy, or is this thread alone, delays nothing and cannot lock up.
template <class Pool, class Work>
void parallel(Pool& pool, Index count, const Work& work) {
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
    if (!finished) return;  // and `work` may be gone
    std::lock_guard<std::mutex> lock(shared->mutex);
    if ((shared->done += finished) == count) shared->ended.notify_all();
  };
  const Index helpers = std::min<Index>(pool.num_threads(), count) - 1;
  for (Index i = 0; i < helpers; ++i) pool.Schedule(decltype(take)(take));
  take();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->ended.wait(lock, [&] { return shared->done == count; });
}

// Returns in how many parts the rows of the batch go through the steps, as many for each thread.
template <class Pool>
Index count_parts(Pool& pool, Index batch) {
  const Index threads = std::max<Index>(pool.num_threads(), 1);
  const Index rounds = (batch + threads * kPart - 1) / (threads * kPart);
  return std::min((batch + 1) / 2, rounds * threads);  // one row takes as long as two
}

// Runs work(begin, end) on the rows of the batch in equal parts.
template <class Pool, class Work>
void split(Pool& pool, Index batch, const Work& work) {
  const Index count = count_parts(pool, batch);
  parallel(pool, count, [&](Index i) { work(batch * i / count, batch * (i + 1) / count); });
}

// ---- The cells ----

// The arrays of a call. The bias of h U (gru) is in the order of the panels: their sums begin with it. What h is
// multiplied with before U (recurrent dropout), (gates, batch, units), and how much of each state stays as it was
// (zoneout), (time, batch, units), are null where there is none.
struct Arrays {
  Index time, batch, units;
  const bool* mask;
  const float *h0, *c0;                        // the first states
  const float *x, *bias;                       // forward: the projected inputs
  const float *outputs, *saved, *saved_extra;  // backward: the gradient of h at all steps, and what forward kept
  float *h, *c, *kept, *extra;                 // the states at all steps, what only backward reads (or null)
  float *dx, *dz;                              // the gradients of x and of h U
  const float *dropped, *zone_h, *zone_c;
};

// Where in the arrays a vector of units of one row and step is. Only `width` of its lanes are units; `reach` may be
// read, all where enough follows in the array: nobody looks at what comes of the others.
struct Place {
  Index all, width, reach, H, state, gate;
  Index extra, gradient;  // in what only backward reads, and in the gradients
  Index next, next_gate;  // how much further the next step is
  const float *old_h, *old_c;

  Place(const Arrays& a, int gates, Index step, Index row, Index n)
      : all(step * a.batch + row), width(std::min<Index>(kLanes, a.units - n)),
        reach((a.batch - 1 - row) * a.units >= kLanes - width ? Index(kLanes) : width),
        H(a.units), state(all * H + n), gate(all * gates * H + n), extra(state), gradient(gate),
        next(a.batch * H), next_gate(next * gates),
        old_h(step ? a.h + state - a.batch * H : a.h0 + row * H + n),
        old_c(step ? a.c + state - a.batch * H : a.c0 + row * H + n) {}

  // The same in arrays of (batch, time, ...), for which see layer.h. all: the row and step; before: those of the step
  // before, or -1. wide: how many numbers are kept for each unit. local: of the row's among the gradients.
  Place(const Arrays& a, int gates, int wide, Index all, Index before, Index row, Index local, Index n)
      : all(all), width(std::min<Index>(kLanes, a.units - n)),
        reach((a.batch * a.time - 1 - all) * a.units >= kLanes - width ? Index(kLanes) : width),
        H(a.units), state(all * H + n), gate(all * wide * H + n), extra(gate + gates * H),
        gradient(local * gates * H + n), next(H), next_gate(wide * H),
        old_h(before < 0 ? a.h0 + row * H + n : a.h + before * H + n),
        old_c(before < 0 ? a.c0 + row * H + n : a.c + before * H + n) {}
};

// Asks for what the next step will want, `distance` further: steps lie too far apart for the processor to guess it.
template <int count>
inline void ahead(const float* now, Index distance, Index stride = 0) {
  for (int i = 0; i < count; ++i) __builtin_prefetch(now + distance + i * stride, 1);
}

// A new state, or the part of it that is not kept.
inline Vector zone(const float* kept, const Place& at, Vector fresh, const float* old) {
  return kept ? fresh + load(kept + at.state, at.reach) * (load(old, at.reach) - fresh) : fresh;
}

// What of a gradient goes to the new state; the rest goes to the old one.
inline Vector pass(const float* kept, const Place& at, Vector gradient) {
  return kept ? gradient * (1.0f - load(kept + at.state, at.reach)) : gradient;
}

// A cell's `forward` takes the sums of its gates for a vector of units; `backward` the gradient of h, and returns that
// of the old h by every way but h U. Both write their results. A panel holds `block` vectors of units.
template <bool rectified>
struct OneGate {
  static constexpr int gates = 1, block = kColumns;
  static constexpr bool has_c = false;

  static void forward(const Arrays& a, const Place& at, const float* sums) {
    const Vector z = load(a.x + at.state, at.reach) + load(sums);
    const Vector h = rectified ? (z < 0.0f ? Vector{} : z) : tanh(z);
    store(a.h + at.state, zone(a.zone_h, at, h, at.old_h), at.width);
  }
  static Vector backward(const Arrays& a, const Place& at, Vector dh, float*) {
    Vector h = load(a.h + at.state, at.reach), part = pass(a.zone_h, at, dh);
    if (a.zone_h) {
      // The new state again; of relu its sign is enough. Where nothing of it was taken, it has no gradient.
      const Vector kept = load(a.zone_h + at.state, at.reach), taken = 1.0f - kept;
      const Vector old = kept * load(at.old_h, at.reach);
      if (rectified) h = h > old ? Vector{} + 1.0f : Vector{};
      else h = taken > 0.0f ? (h - old) / taken : Vector{};
    }
    const Vector slope = rectified ? (h > 0.0f ? Vector{} + 1.0f : Vector{}) : 1.0f - h * h;
    store(a.dx + at.gradient, part * slope, at.width);
    return dh - part;
  }
};

using Simple = OneGate<false>;
using Relu = OneGate<true>;

struct Lstm {
  static constexpr int gates = 4, block = 1;
  static constexpr bool has_c = true;

  static void forward(const Arrays& a, const Place& at, const float* sums) {
    const Index w = at.width, m = at.reach, H = at.H, next = at.next;
    const float* x = a.x + at.gate;
    ahead<gates>(x, at.next_gate, H), ahead<1>(a.h + at.state, next), ahead<1>(a.c + at.state, next);
    const Vector di = sigmoid_divisor(load(x, m) + load(sums));
    const Vector df = sigmoid_divisor(load(x + H, m) + load(sums + kLanes));
    const Fraction tg = tanh_fraction(load(x + 2 * H, m) + load(sums + 2 * kLanes));
    const Vector dout = sigmoid_divisor(load(x + 3 * H, m) + load(sums + 3 * kLanes));
    const Vector left = di * df, right = tg.below * dout, inverse = 1.0f / (left * right);
    const Vector i = inverse * right * df, f = inverse * right * di;
    const Vector g = inverse * left * dout * tg.above, o = inverse * left * tg.below;
    const Vector c = f * load(at.old_c, m) + i * g;
    store(a.c + at.state, zone(a.zone_c, at, c, at.old_c), w);
    store(a.h + at.state, zone(a.zone_h, at, o * tanh(c), at.old_h), w);
    if (!a.kept) return;
    float* kept = a.kept + at.gate;
    store(kept, i, w), store(kept + H, f, w), store(kept + 2 * H, g, w), store(kept + 3 * H, o, w);
  }
  static Vector backward(const Arrays& a, const Place& at, Vector dh, float* carried_c) {
    const Index w = at.width, m = at.reach, H = at.H, next = -at.next;
    const float* kept = a.saved + at.gate;
    ahead<gates>(kept, -at.next_gate, H), ahead<1>(a.outputs + at.state, next), ahead<1>(a.c + at.state, 2 * next);
    const Vector i = load(kept, m), f = load(kept + H, m), g = load(kept + 2 * H, m), o = load(kept + 3 * H, m);
    const Vector squashed = tanh(a.zone_c ? f * load(at.old_c, m) + i * g : load(a.c + at.state, m));
    const Vector whole = load(carried_c), dh_new = pass(a.zone_h, at, dh), dc_new = pass(a.zone_c, at, whole);
    const Vector dc = dc_new + dh_new * o * (1.0f - squashed * squashed);
    float* dx = a.dx + at.gradient;
    const Vector df = dc * load(at.old_c, m) * f * (1.0f - f), dout = dh_new * squashed * o * (1.0f - o);
    store(dx, dc * g * i * (1.0f - i), w), store(dx + H, df, w);
    store(dx + 2 * H, dc * i * (1.0f - g * g), w), store(dx + 3 * H, dout, w);
    store(carried_c, dc * f + (whole - dc_new));
    return dh - dh_new;
  }
};

struct Gru {
  static constexpr int gates = 3, block = 1;
  static constexpr bool has_c = false;

  static void forward(const Arrays& a, const Place& at, const float* sums) {
    const Index w = at.width, m = at.reach, H = at.H, next = at.next;
    const float* x = a.x + at.gate;
    ahead<gates>(x, at.next_gate, H), ahead<1>(a.h + at.state, next);
    const Vector dz = sigmoid_divisor(load(x, m) + load(sums));
    const Vector dr = sigmoid_divisor(load(x + H, m) + load(sums + kLanes));
    const Vector inverse = 1.0f / (dz * dr), z = inverse * dr, r = inverse * dz, hg = load(sums + 2 * kLanes);
    const Vector g = tanh(load(x + 2 * H, m) + r * hg);
    store(a.h + at.state, zone(a.zone_h, at, g + z * (load(at.old_h, m) - g), at.old_h), w);
    if (!a.kept) return;
    float* kept = a.kept + at.gate;
    ahead<1>(a.extra + at.extra, next);
    store(kept, z, w), store(kept + H, r, w), store(kept + 2 * H, g, w), store(a.extra + at.extra, hg, w);
  }
  static Vector backward(const Arrays& a, const Place& at, Vector dh, float*) {
    const Index w = at.width, m = at.reach, H = at.H, next = -at.next;
    const float* kept = a.saved + at.gate;
    float *dx = a.dx + at.gradient, *dhu = a.dz + at.gradient;
    ahead<gates>(kept, -at.next_gate, H), ahead<gates>(dhu, -at.next_gate, H), ahead<1>(a.outputs + at.state, next);
    ahead<1>(a.saved_extra + at.extra, next), ahead<1>(a.h + at.state, 2 * next);
    const Vector z = load(kept, m), r = load(kept + H, m), g = load(kept + 2 * H, m);
    const Vector part = pass(a.zone_h, at, dh);
    const Vector dg = part * (1.0f - z) * (1.0f - g * g), dz = part * (load(at.old_h, m) - g) * z * (1.0f - z);
    const Vector dr = dg * load(a.saved_extra + at.extra, m) * r * (1.0f - r);
    store(dx, dz, w), store(dx + H, dr, w), store(dx + 2 * H, dg, w);
    store(dhu, dz, w), store(dhu + H, dr, w), store(dhu + 2 * H, dg * r, w);
    return dh - part + part * z;
  }
};

// ---- The loops ----

inline Index vectors(Index units) { return (units + kLanes - 1) / kLanes; }

// What a cell does of a step and a vector of units; where the mask is false, the states stay.
template <class Cell>
inline void advance(const Arrays& a, const Place& at, const float* sums) {
  if (__builtin_expect(a.mask && !a.mask[at.all], 0)) {
    store(a.h + at.state, load(at.old_h, at.width), at.width);
    if (Cell::has_c) store(a.c + at.state, load(at.old_c, at.width), at.width);
  } else {
    Cell::forward(a, at, sums);
  }
}

// Rows [begin, end) of the batch through all steps, where each gate sees another h. panels: U, for each kColumns vectors
// of units as (gates, units, kColumns).
template <class Cell>
void forward_rows_dropped(const Arrays& a, const float* panels, Index begin, Index end) {
  const Index H = a.units, rows = end - begin, all = vectors(H), part = rows * kColumns * kLanes;
  float *sums = scratch<1>(Cell::gates * (part + rows * H)), *seen = sums + Cell::gates * part;
  float gates[Cell::gates * kLanes];
  for (Index step = 0; step < a.time; ++step) {
    const float* old = (step ? a.h + (step - 1) * a.batch * H : a.h0) + begin * H;
    for (int gate = 0; gate < Cell::gates; ++gate) {
      const float* kept = a.dropped + (gate * a.batch + begin) * H;
      for (Index i = 0; i < rows * H; ++i) seen[gate * rows * H + i] = old[i] * kept[i];
    }
    for (Index v = 0; v < all; v += kColumns) {
      const Index count = std::min<Index>(kColumns, all - v);
      for (int gate = 0; gate < Cell::gates; ++gate) {
        const Index panel = (v * Cell::gates + gate * count) * kLanes;
        product(seen + gate * rows * H, H, rows, panels + panel * H, H, count, sums + gate * part,
                a.bias ? a.bias + panel : kZeros);
      }
      for (Index row = 0; row < rows; ++row)
        for (Index j = 0; j < count; ++j) {
          for (int gate = 0; gate < Cell::gates; ++gate)
            store(gates + gate * kLanes, load(sums + gate * part + (row * count + j) * kLanes));
          advance<Cell>(a, Place(a, Cell::gates, step, begin + row, (v + j) * kLanes), gates);
        }
    }
  }
}

// Rows [begin, end) of the batch through all steps. panels: U, for each block of units as (units, block, gates).
template <class Cell>
void forward_rows(const Arrays& a, const float* panels, Index begin, Index end) {
  if (a.dropped) return forward_rows_dropped<Cell>(a, panels, begin, end);
  const Index H = a.units, rows = end - begin, all = vectors(H);
  float* sums = scratch<1>(rows * kColumns * kLanes);
  for (Index step = 0; step < a.time; ++step)
    for (Index v = 0; v < all; v += Cell::block) {
      const Index count = std::min<Index>(Cell::block, all - v), columns = count * Cell::gates;
      const Index panel = v * Cell::gates * kLanes;
      const float* old = (step ? a.h + (step - 1) * a.batch * H : a.h0) + begin * H;
      product(old, H, rows, panels + panel * H, H, columns, sums, a.bias ? a.bias + panel : kZeros);
      for (Index row = 0; row < rows; ++row)
        for (Index j = 0; j < count; ++j) {
          const Place at(a, Cell::gates, step, begin + row, (v + j) * kLanes);
          advance<Cell>(a, at, sums + (row * columns + j * Cell::gates) * kLanes);
        }
    }
}

// The same rows backwards. first: the gradients of h and c after the last step, then of the initial ones. panels: the
// transposed kernel, as (gates x units, kColumns) for each kColumns vectors of units.
template <class Cell>
void backward_rows(const Arrays& a, const float* panels, float* const (&first)[2], Index begin, Index end) {
  const Index H = a.units, rows = end - begin, all = vectors(H), width = all * kLanes, depth = Cell::gates * H;
  float* sums = scratch<1>(rows * (kColumns * kLanes + 2 * width));
  float *dh = sums + rows * kColumns * kLanes, *dc = dh + rows * width, *carried[] = {dh, dc};
  for (int s = 0; s <= Cell::has_c; ++s)
    for (Index row = 0; row < rows; ++row) std::copy_n(first[s] + (begin + row) * H, H, carried[s] + row * width);
  for (Index step = a.time - 1; step >= 0; --step) {
    for (Index row = 0; row < rows; ++row)
      for (Index n = 0; n < width; n += kLanes) {
        const Place at(a, Cell::gates, step, begin + row, n);
        float* to = dh + row * width + n;
        const Vector d = load(to) + load(a.outputs + at.state, at.reach);
        if (__builtin_expect(a.mask && !a.mask[at.all], 0)) {
          store(to, d);
          for (int gate = 0; gate < Cell::gates; ++gate) {
            store(a.dx + at.gate + gate * H, Vector{}, at.width);
            store(a.dz + at.gate + gate * H, Vector{}, at.width);
          }
        } else {
          store(to, Cell::backward(a, at, d, dc + row * width + n));
        }
      }
    const float* dz = a.dz + (step * a.batch + begin) * depth;
    for (Index v = 0; v < all; v += kColumns) {
      const Index columns = std::min<Index>(kColumns, all - v);
      // With dropout, one gate after the other: each saw another part of h.
      const Index parts = a.dropped ? Cell::gates : 1, length = depth / parts;
      for (Index part = 0; part < parts; ++part) {
        product(dz + part * length, depth, rows, panels + (v * depth + part * length * columns) * kLanes, length,
                columns, sums, kZeros);
        for (Index row = 0; row < rows; ++row)
          for (Index j = 0; j < columns; ++j) {
            const Index n = (v + j) * kLanes;
            float* to = dh + row * width + n;
            Vector sum = load(sums + (row * columns + j) * kLanes);
            if (a.dropped) sum *= load(a.dropped + (part * a.batch + begin + row) * H + n, H - n);
            store(to, load(to) + sum);
          }
      }
    }
  }
  for (int s = 0; s <= Cell::has_c; ++s)
    for (Index row = 0; row < rows; ++row) std::copy_n(carried[s] + row * width, H, first[s] + (begin + row) * H);
}

// Packs U for `forward_rows`, and its bias where there is one.
template <class Cell>
void pack_gates(Index H, const float* kernel, const float* bias, float* panels, float* packed_bias) {
  for (Index v = 0; v < vectors(H); v += Cell::block) {
    const Index count = std::min<Index>(Cell::block, vectors(H) - v), panel = v * Cell::gates * kLanes;
    const auto pack = [&](float* to, const float* from) {
      for (Index n = v * kLanes; n < (v + count) * kLanes; n += kLanes)
        for (Index gate = 0; gate < Cell::gates; ++gate, to += kLanes)
          store(to, load(from + gate * H + n, H - n));
    };
    for (Index k = 0; k < H; ++k)
      pack(panels + panel * H + k * count * Cell::gates * kLanes, kernel + k * Cell::gates * H);
    if (bias) pack(packed_bias + panel, bias);
  }
}

// Packs a kernel of (rows, depth) transposed, as (depth, kColumns) for each kColumns vectors of rows.
inline void pack_transposed(Index rows, Index depth, const float* kernel, float* panels) {
  const Index all = vectors(rows);
  for (Index v = 0; v < all; v += kColumns) {
    const Index lanes = std::min<Index>(kColumns, all - v) * kLanes;
    const float* from = kernel + v * kLanes * depth;
    float* to = panels + v * kLanes * depth;
    for (Index k = 0; k < depth; k += kLanes)  // a few at a time: what they are written to stays in the cache
      for (Index n = 0; n < lanes; ++n)
        for (Index i = k; i < std::min(k + kLanes, depth); ++i)
          to[i * lanes + n] = v * kLanes + n < rows ? from[n * depth + i] : 0.0f;
  }
}

// All rows forward. kernel, bias: as Keras has them; bias: null where h U has none.
template <class Cell, class Pool>
void forward_all(Pool& pool, Arrays a, const float* kernel, const float* bias) {
  const Index H = a.units, all = vectors(H), width = all * Cell::gates * kLanes;
  float *panels = scratch<0>(width * (H + 1)), *packed_bias = panels + width * H;
  a.bias = bias ? packed_bias : nullptr;
  if (!a.dropped) pack_gates<Cell>(H, kernel, bias, panels, packed_bias);
  for (Index v = 0; a.dropped && v < all; v += kColumns) {
    const Index count = std::min<Index>(kColumns, all - v), panel = v * Cell::gates * kLanes;
    for (int gate = 0; gate < Cell::gates; ++gate)
      for (Index k = 0; k < H + (bias ? 1 : 0); ++k)  // the bias is one row more, of its own
        for (Index j = 0; j < count; ++j) {
          const Index n = (v + j) * kLanes, row = panel + gate * count * kLanes;
          float* to = k < H ? panels + row * H + (k * count + j) * kLanes : packed_bias + row + j * kLanes;
          store(to, load((k < H ? kernel + k * Cell::gates * H : bias) + gate * H + n, H - n));
        }
  }
  split(pool, a.batch, [&](Index begin, Index end) { forward_rows<Cell>(a, panels, begin, end); });
}

// All rows backward. last: the gradients of h and c after the last step; first: to be those of the initial ones.
template <class Cell, class Pool>
void backward_all(Pool& pool, const Arrays& a, const float* kernel, const float* const (&last)[2],
                  float* const (&first)[2]) {
  const Index H = a.units, all = vectors(H), depth = Cell::gates * H;
  float* panels = scratch<0>(all * kLanes * depth);
  pack_transposed(H, depth, kernel, panels);
  for (int s = 0; s <= Cell::has_c; ++s) std::copy_n(last[s], a.batch * H, first[s]);
  split(pool, a.batch, [&](Index begin, Index end) { backward_rows<Cell>(a, panels, first, begin, end); });
}

}  // namespace
