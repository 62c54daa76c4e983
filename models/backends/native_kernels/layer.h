// A whole layer on arrays of (batch, time, ...), as Keras has them, with a mask: the products with the inputs, the loop,
// and all gradients. cells.h has the cells.
//
// Steps where the mask is false are left out, so that padding costs nothing: nothing is computed for them, and the state
// goes on to the row's next step. Rows are dealt out to the threads by their number of steps, the longest first, so that
// those that still go on are always the first ones.
//
// All arrays are float32 and contiguous. Of what is kept, a step has as many numbers for each unit as `wide` says.

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

// Asks for huge pages where an array is about to be written for the first time: to have the system fill thousands of
// small ones takes as long as what is done with them.
inline void ask_for_huge_pages(float* array, Index floats) {
#if defined(__linux__)
  constexpr uintptr_t page = 2 << 20;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(array) + page - 1) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(array + floats) / page * page;
  if (array && begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

// ../tensorflow_layers.py has the same fields in the same order.
struct Layer {
  Index batch, time, features, units;
  Index backwards;   // step t reads the inputs of step time - 1 - t, and their mask
  Index zero;        // the output where the mask is false is 0, not the state
  Index blank;       // the same before a row's first step alone: so it is with Keras on TensorFlow
  const bool* mask;  // (batch, time), or null: all steps are computed
  const float *x, *h0, *c0, *kernel, *recurrent, *bias, *bias_within;
  float *outputs, *c, *kept;        // h and c at all steps; the gates, in the place of the projected inputs, or null
  float *last_h, *last_c;           // the states after the last step
  const float *d_outputs, *d_last_h, *d_last_c;
  float* dz;                        // the gradients of x W, and for a gru of its part of h U, in the place of `kept`
  float *dx, *d_kernel, *d_recurrent, *d_bias, *d_bias_within, *first_h, *first_c;

  Index input(Index row, Index step) const { return row * time + (backwards ? time - 1 - step : step); }
};

template <class Cell>
constexpr int wide = Cell::gates == 1 ? 1 : 4;

// The steps of each row that are computed, (batch, time), how many there are, and the rows by that number.
struct Steps {
  std::vector<Index> steps, counts, order;
  Index time, total = 0;

  explicit Steps(const Layer& l) : steps(l.batch * l.time), counts(l.batch), order(l.batch), time(l.time) {
    for (Index row = 0; row < l.batch; ++row) {
      Index count = 0;
      for (Index step = 0; step < time; ++step)
        if (!l.mask || l.mask[l.input(row, step)]) steps[row * time + count++] = step;
      counts[row] = count, order[row] = row, total += count;
    }
    std::stable_sort(order.begin(), order.end(), [&](Index one, Index other) { return counts[one] > counts[other]; });
  }
  Index at(Index row, Index number) const { return steps[row * time + number]; }
};

// Steps of a row that follow each other.
struct Run {
  Index row, step, count;
};

inline std::vector<Run> find_runs(const Steps& steps) {
  std::vector<Run> runs;
  for (Index row = 0; row < Index(steps.counts.size()); ++row)
    for (Index i = 0, end; i < steps.counts[row]; i = end) {
      for (end = i + 1; end < steps.counts[row] && steps.at(row, end) == steps.at(row, end - 1) + 1;) ++end;
      const Index parts = (end - i + kPart - 1) / kPart;
      for (Index part = 0; part < parts; ++part) {
        const Index from = (end - i) * part / parts, to = (end - i) * (part + 1) / parts;
        runs.push_back({row, steps.at(row, i) + from, to - from});
      }
    }
  return runs;
}

// Deals the rows out to the threads, the longest first, and runs work(rows), these in the same order.
template <class Pool, class Work>
void deal(Pool& pool, const Steps& steps, const Work& work) {
  const Index batch = steps.order.size(), count = count_parts(pool, batch);
  parallel(pool, count, [&](Index i) {
    std::vector<Index> rows;
    for (Index j = i; j < batch; j += count) rows.push_back(steps.order[j]);
    work(rows);
  });
}

// to = start + a b for some rows: b in panels of kColumns vectors, `width` columns in all.
inline void multiply_rows(const float* a, Index stride, Index rows, const float* panels, Index depth, Index width,
                          const float* start, float* to, Index distance) {
  float* sums = scratch<1>(rows * kColumns * kLanes);
  const Index all = vectors(width);
  for (Index v = 0; v < all; v += kColumns) {
    const Index columns = std::min<Index>(kColumns, all - v);
    product(a, stride, rows, panels + v * kLanes * depth, depth, columns, sums, start ? start + v * kLanes : kZeros);
    for (Index row = 0; row < rows; ++row)
      for (Index j = 0; j < columns; ++j)
        store(to + row * distance + (v + j) * kLanes, load(sums + (row * columns + j) * kLanes),
              width - (v + j) * kLanes);
  }
}

// Where a row of a batch is: its last step so far among all of them, the one before, -1 for none.
struct Cursor {
  Index row, now, before;
};

template <class Cell>
void forward_group(const Layer& l, const Arrays& a, const Steps& steps, const std::vector<Index>& rows,
                   const float* panels) {
  const Index H = l.units, all = vectors(H), count = rows.size();
  float *h = scratch<1>(count * (H + kColumns * kLanes)), *sums = h + count * H;
  std::vector<Cursor> cursors;
  for (Index r = 0; r < count; ++r) {
    cursors.push_back({rows[r], -1, -1});
    std::copy_n(l.h0 + rows[r] * H, H, h + r * H);
  }
  Index active = count;
  for (Index s = 0; s < l.time; ++s) {
    while (active && steps.counts[rows[active - 1]] <= s) --active;
    if (!active) break;
    for (Index r = 0; r < active; ++r) {
      Cursor& cursor = cursors[r];
      cursor.before = cursor.now, cursor.now = cursor.row * l.time + steps.at(cursor.row, s);
    }
    for (Index v = 0; v < all; v += Cell::block) {
      const Index size = std::min<Index>(Cell::block, all - v), columns = size * Cell::gates;
      const Index panel = v * Cell::gates * kLanes;
      product(h, H, active, panels + panel * H, H, columns, sums, a.bias ? a.bias + panel : kZeros);
      for (Index r = 0; r < active; ++r)
        for (Index j = 0; j < size; ++j) {
          const Cursor& at = cursors[r];
          const Index n = (v + j) * kLanes;
          Cell::forward(a, Place(a, Cell::gates, wide<Cell>, at.now, at.before, at.row, r, n),
                        sums + (r * columns + j * Cell::gates) * kLanes);
        }
    }
    for (Index r = 0; r < active; ++r) std::copy_n(l.outputs + cursors[r].now * H, H, h + r * H);
  }
  for (Index r = 0; r < count; ++r) {
    const Index row = rows[r], last = cursors[r].now;
    std::copy_n(last < 0 ? l.h0 + row * H : l.outputs + last * H, H, l.last_h + row * H);
    if (Cell::has_c) std::copy_n(last < 0 ? l.c0 + row * H : l.c + last * H, H, l.last_c + row * H);
    const float* state = l.blank ? nullptr : l.h0 + row * H;
    for (Index step = 0, next = 0; step < l.time; ++step) {
      float* to = l.outputs + (row * l.time + step) * H;
      if (next < steps.counts[row] && steps.at(row, next) == step) {
        ++next, state = to;
      } else if (l.zero || !state) {
        std::fill_n(to, H, 0.0f);
      } else {
        std::copy_n(state, H, to);
      }
    }
  }
}

template <class Cell, class Pool>
void forward_layer(Pool& pool, const Layer& l, bool keep) {
  const Index H = l.units, all = vectors(H), width = Cell::gates * H, padded = vectors(width) * kLanes;
  const Steps steps(l);
  Arrays a{};
  a.time = l.time, a.batch = l.batch, a.units = H, a.h0 = l.h0, a.c0 = l.c0, a.h = l.outputs, a.c = l.c;
  const Index states = l.batch * l.time * H;
  float* inputs = Cell::gates == 1 ? l.outputs : l.kept;
  // Nothing is to be kept: the same memory serves each call.
  if (!inputs) inputs = scratch<2>(states * wide<Cell>);
  ask_for_huge_pages(inputs, states * wide<Cell>), ask_for_huge_pages(l.outputs, states), ask_for_huge_pages(l.c, states);
  a.x = inputs, a.kept = a.extra = keep ? l.kept : nullptr;
  const Index gates = all * Cell::gates * kLanes;
  float *panels = scratch<0>(padded * (l.features + 1) + gates * (H + 1)), *bias = panels + padded * l.features;
  float *recurrent = bias + padded, *bias_within = recurrent + gates * H;
  for (Index n = 0; n < padded; n += kLanes) {
    const Index columns = std::min<Index>(kColumns * kLanes, padded - n / (kColumns * kLanes) * (kColumns * kLanes));
    const Index first = n / (kColumns * kLanes) * (kColumns * kLanes);
    for (Index k = 0; k < l.features; ++k)
      store(panels + first * l.features + k * columns + n - first, load(l.kernel + k * width + n, width - n));
    store(bias + n, load(l.bias + n, width - n));
  }
  pack_gates<Cell>(H, l.recurrent, l.bias_within, recurrent, bias_within);
  a.bias = l.bias_within ? bias_within : nullptr;
  const std::vector<Run> runs = find_runs(steps);
  parallel(pool, runs.size(), [&](Index i) {
    const Run& run = runs[i];
    const float* from = l.x + l.input(run.row, run.step) * l.features;
    multiply_rows(from, l.backwards ? -l.features : l.features, run.count, panels, l.features, width, bias,
                  inputs + (run.row * l.time + run.step) * wide<Cell> * H, wide<Cell> * H);
  });
  deal(pool, steps, [&](const std::vector<Index>& rows) { forward_group<Cell>(l, a, steps, rows, recurrent); });
}

// Some rows backwards, as far as the gradients of x W and h U at all steps, and those of the first states.
template <class Cell>
void backward_group(const Layer& l, Arrays a, const Steps& steps, const std::vector<Index>& rows, const float* panels) {
  const Index H = l.units, all = vectors(H), width = all * kLanes, count = rows.size(), depth = Cell::gates * H;
  // What follows the last gradients may be read, and is not used.
  float* sums = scratch<1>(count * (kColumns * kLanes + 2 * width + 2 * depth) + 2 * kLanes);
  float *dh = sums + count * kColumns * kLanes, *dc = dh + count * width, *dz = dc + count * width;
  a.dx = dz, a.dz = Cell::gates == 3 ? dz + count * depth + kLanes : dz;
  std::vector<Cursor> cursors;
  for (Index r = 0; r < count; ++r) {
    const Index row = rows[r], ends = steps.counts[row];
    cursors.push_back({row, -1, ends ? row * l.time + steps.at(row, ends - 1) : -1});
    std::copy_n(l.d_last_h + row * H, H, dh + r * width);
    if (Cell::has_c) std::copy_n(l.d_last_c + row * H, H, dc + r * width);
  }
  // Adds the gradients of the outputs from a step to another, of one row, which all were one state.
  const auto add = [&](Index r, Index from, Index to) {
    for (Index step = from; step < to; ++step) {
      const float* d = l.d_outputs + (rows[r] * l.time + step) * H;
      for (Index n = 0; n < H; ++n) dh[r * width + n] += d[n];
    }
  };
  Index active = 0;
  for (Index s = count ? steps.counts[rows[0]] - 1 : -1; s >= 0; --s) {
    while (active < count && steps.counts[rows[active]] > s) ++active;
    for (Index r = 0; r < active; ++r) {
      Cursor& at = cursors[r];
      const Index step = steps.at(at.row, s), next = s + 1 < steps.counts[at.row] ? steps.at(at.row, s + 1) : l.time;
      at.now = at.before, at.before = s ? at.row * l.time + steps.at(at.row, s - 1) : -1;
      add(r, step, l.zero ? step + 1 : next);
      for (Index n = 0; n < width; n += kLanes) {
        float* to = dh + r * width + n;
        const Place place(a, Cell::gates, wide<Cell>, at.now, at.before, at.row, r, n);
        store(to, Cell::backward(a, place, load(to), dc + r * width + n));
      }
      float* kept = l.dz + at.now * wide<Cell> * H;
      std::copy_n(a.dx + r * depth, depth, kept);
      if (Cell::gates == 3) std::copy_n(a.dz + r * depth + 2 * H, H, kept + depth);
    }
    for (Index v = 0; v < all; v += kColumns) {
      const Index columns = std::min<Index>(kColumns, all - v);
      product(a.dz, depth, active, panels + v * kLanes * depth, depth, columns, sums, kZeros);
      for (Index r = 0; r < active; ++r)
        for (Index j = 0; j < columns; ++j) {
          float* to = dh + r * width + (v + j) * kLanes;
          store(to, load(to) + load(sums + (r * columns + j) * kLanes));
        }
    }
  }
  for (Index r = 0; r < count; ++r) {
    const Index row = rows[r];
    if (!l.zero && !l.blank) add(r, 0, steps.counts[row] ? steps.at(row, 0) : l.time);
    std::copy_n(dh + r * width, H, l.first_h + row * H);
    if (Cell::has_c) std::copy_n(dc + r * width, H, l.first_c + row * H);
    for (Index step = 0, next = 0; step < l.time; ++step)
      if (next < steps.counts[row] && steps.at(row, next) == step) ++next;
      else std::fill_n(l.dx + l.input(row, step) * l.features, l.features, 0.0f);
  }
}

// sums += a^T b for columns i ... i + R - 1 of the rows of `a`, and C vectors of `b`; sums is (R, C) vectors.
template <int R, int C>
void multiply_transposed(const float* const* a, Index i, const float* b, Index rows, float* sums, bool begins) {
  Vector s[R][C];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) s[r][j] = begins ? Vector{} : load(sums + (r * C + j) * kLanes);
  for (Index k = 0; k < rows; ++k) {
    Vector row[C];
    const float* column = a[k] + i;
    if (k + 8 < rows) __builtin_prefetch(a[k + 8] + i);
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) row[j] = load(b + (k * C + j) * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int j = 0; j < C; ++j) s[r][j] += column[r] * row[j];
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) store(sums + (r * C + j) * kLanes, s[r][j]);
}

using MultiplyTransposed = void (*)(const float* const*, Index, const float*, Index, float*, bool);

template <int... I>
MultiplyTransposed find_transposed(int rows, int columns, std::integer_sequence<int, I...>) {
  static constexpr MultiplyTransposed table[] = {multiply_transposed<I / kColumns + 1, I % kColumns + 1>...};
  return table[(rows - 1) * kColumns + columns - 1];
}

constexpr Index kSteps = 64;  // steps used at a time: half of the first cache is left for `a`

// kernel = a^T z, for `columns` vectors of z and so many of its columns, `width` of them units, and bias = the sum of z.
// a: rows of `rows` numbers. The kernel's rows are `distance` apart. Either result may be null.
inline void multiply_steps(const std::vector<const float*>& a, const std::vector<const float*>& z, Index column,
                           Index rows, int columns, Index width, float* kernel, Index distance, float* bias) {
  const Index lanes = columns * kLanes, most = std::min(kRows, kAccumulators / columns);
  const Index blocks = (rows + most - 1) / most, count = a.size();
  float *sums = scratch<1>((rows + kSteps + 1) * lanes), *part = sums + rows * lanes, *total = part + kSteps * lanes;
  std::fill_n(total, lanes, 0.0f);
  if (!count) std::fill_n(sums, rows * lanes, 0.0f);
  for (Index from = 0; from < count; from += kSteps) {
    const Index size = std::min(kSteps, count - from);
    for (Index k = 0; k < size; ++k)
      for (int j = 0; j < columns; ++j) {
        const Vector now = load(z[from + k] + column + j * kLanes, width - j * kLanes);
        store(part + k * lanes + j * kLanes, now);
        store(total + j * kLanes, load(total + j * kLanes) + now);
      }
    for (Index block = 0; block < blocks; ++block) {
      const Index row = rows * block / blocks, end = rows * (block + 1) / blocks;
      find_transposed(end - row, columns, std::make_integer_sequence<int, kRows * kColumns>())(
          a.data() + from, row, part, size, sums + row * lanes, !from);
    }
  }
  for (int j = 0; j < columns; ++j) {
    const Index left = width - j * kLanes;
    for (Index row = 0; row < rows; ++row)
      store(kernel + row * distance + j * kLanes, load(sums + row * lanes + j * kLanes), left);
    if (bias) store(bias + j * kLanes, load(total + j * kLanes), left);
  }
}

template <class Cell, class Pool>
void backward_layer(Pool& pool, const Layer& l) {
  const Index H = l.units, F = l.features, all = vectors(H), depth = Cell::gates * H, width = wide<Cell> * H;
  ask_for_huge_pages(l.dx, l.batch * l.time * F);
  const Steps steps(l);
  Arrays a{};
  a.time = l.time, a.batch = l.batch, a.units = H, a.h0 = l.h0, a.c0 = l.c0, a.h = l.outputs, a.c = l.c;
  a.outputs = l.d_outputs, a.saved = a.saved_extra = l.kept;
  float *panels = scratch<0>((all + vectors(F)) * kLanes * depth), *input_panels = panels + all * kLanes * depth;
  pack_transposed(H, depth, l.recurrent, panels);
  pack_transposed(F, depth, l.kernel, input_panels);
  deal(pool, steps, [&](const std::vector<Index>& rows) { backward_group<Cell>(l, a, steps, rows, panels); });

  // What is left has no order: the gradients of the inputs, run by run, and of the weights, by columns.
  std::vector<const float*> x, h, z;
  for (Index row = 0; row < l.batch; ++row)
    for (Index i = 0; i < steps.counts[row]; ++i) {
      const Index step = steps.at(row, i);
      x.push_back(l.x + l.input(row, step) * F);
      h.push_back(i ? l.outputs + (row * l.time + steps.at(row, i - 1)) * H : l.h0 + row * H);
      z.push_back(l.dz + (row * l.time + step) * width);
    }
  const std::vector<Run> runs = find_runs(steps);
  const Index parts = (all + kColumns - 1) / kColumns, products = 2 * Cell::gates * parts;
  parallel(pool, products + runs.size(), [&](Index i) {
    if (i >= products) {
      const Run& run = runs[i - products];
      multiply_rows(l.dz + (run.row * l.time + run.step) * width, width, run.count, input_panels, depth, F, nullptr,
                    l.dx + l.input(run.row, run.step) * F, l.backwards ? -F : F);
      return;
    }
    const Index gate = i / 2 / parts, n = i / 2 % parts * kColumns * kLanes, column = gate * H + n, left = H - n;
    const int columns = std::min<Index>(kColumns, all - n / kLanes);
    if (i % 2)
      // Of a gru's candidate, h U has a gradient of its own.
      multiply_steps(h, z, gate == 2 && Cell::gates == 3 ? depth + n : column, H, columns, left,
                     l.d_recurrent + column, depth, l.d_bias_within ? l.d_bias_within + column : nullptr);
    else
      multiply_steps(x, z, column, F, columns, left, l.d_kernel + column, depth, l.d_bias + column);
  });
}

}  // namespace
