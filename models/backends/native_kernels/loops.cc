// The loops over time alone: with UNROLLED_XLA as XLA FFI calls on the CPU, which takes JAX's headers, and with them what
// draws the masks of dropout; else as plain C functions. __init__.py compiles them.

#include "cells.h"

#ifdef UNROLLED_XLA

#include "calls.h"
#include "threefry.h"

namespace {

using Mask = ffi::Buffer<ffi::PRED>;

template <class Cell>
ffi::Error forward(ffi::ThreadPool pool, ffi::RemainingArgs args, ffi::RemainingRets results) {
  Given given(args, results);
  Arrays a{};
  Shape x, h0, shape;
  a.x = given.take(&x), a.mask = given.take<bool>(), a.h0 = given.take(&h0), a.c0 = given.take();
  const float *kernel = given.take(&shape), *bias = given.take();
  a.dropped = given.take(), a.zone_h = given.take(), a.zone_c = given.take();
  a.h = given.take(), a.c = given.take(), a.kept = given.take(), a.extra = given.take();
  if (auto error = check<Cell>(h0, shape); error.failure()) return error;
  a.time = x[0], a.batch = h0[0], a.units = h0[1];
  forward_all<Cell>(pool, a, kernel, bias);
  return ffi::Error::Success();
}

template <class Cell>
ffi::Error backward(ffi::ThreadPool pool, ffi::RemainingArgs args, ffi::RemainingRets results) {
  Given given(args, results);
  Arrays a{};
  Shape outputs, h0, shape;
  a.outputs = given.take(&outputs);
  const float *last_h = given.take(), *last_c = given.take();
  a.mask = given.take<bool>(), a.h0 = given.take(&h0), a.c0 = given.take();
  const float* kernel = given.take(&shape);
  a.h = given.take(), a.c = given.take(), a.saved = given.take(), a.saved_extra = given.take();
  a.dropped = given.take(), a.zone_h = given.take(), a.zone_c = given.take();
  a.dx = given.take(), a.dz = given.take();
  float *first_h = given.take(), *first_c = given.take();
  if (!a.dz) a.dz = a.dx;
  if (auto error = check<Cell>(h0, shape); error.failure()) return error;
  a.time = outputs[0], a.batch = h0[0], a.units = h0[1];
  backward_all<Cell>(pool, a, kernel, {last_h, last_c}, {first_h, first_c});
  return ffi::Error::Success();
}

// Draws for each element whether it is one of the share that a mask keeps, as jax.random.bernoulli does.
ffi::Error draw_mask(ffi::ThreadPool pool, ffi::Buffer<ffi::U32> key, ffi::Result<Mask> mask, float share) {
  if (key.element_count() != 2) return ffi::Error::InvalidArgument("the key is not of two halves");
  const Index count = mask->element_count(), part = 1 << 14;
  bool* kept = mask->typed_data();
  parallel(pool, (count + part - 1) / part, [&, keys = key.typed_data()](Index i) {
    draw_bits(keys, i * part, std::min(count, (i + 1) * part),
              [kept, share](uint64_t place, uint32_t bits) { kept[place] = is_below(bits, share); });
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(mask, draw_mask, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>()
    .Arg<ffi::Buffer<ffi::U32>>().Ret<Mask>().Attr<float>("share"));

#define UNROLLED_CELL(name, Cell)                                                                       \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name##_forward, forward<Cell>,                                          \
      ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().RemainingRets());                         \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name##_backward, backward<Cell>,                                        \
      ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().RemainingRets())

UNROLLED_CELL(simple, Simple);
UNROLLED_CELL(relu, Relu);
UNROLLED_CELL(lstm, Lstm);
UNROLLED_CELL(gru, Gru);

#else

// ---- Called by anyone: the same with plain pointers, the loops without a mask, on threads of its own ----

#define UNROLLED_PLAIN(name, Cell)                                                                            \
  extern "C" void name##_plain_forward(int threads, Index time, Index batch, Index units, const float* x,     \
                                       const float* h0, const float* c0, const float* kernel,                 \
                                       const float* bias, const float* dropped, const float* zone_h,          \
                                       const float* zone_c, float* h, float* c, float* kept, float* extra) {  \
    Arrays a{};                                                                                               \
    a.dropped = dropped, a.zone_h = zone_h, a.zone_c = zone_c;                                                \
    a.time = time, a.batch = batch, a.units = units, a.x = x, a.h0 = h0, a.c0 = c0;                           \
    a.h = h, a.c = c, a.kept = kept, a.extra = extra;                                                         \
    Threads pool{threads};                                                                                    \
    forward_all<Cell>(pool, a, kernel, bias);                                                                 \
  }                                                                                                           \
  extern "C" void name##_plain_backward(int threads, Index time, Index batch, Index units,                    \
                                        const float* outputs, const float* last_h, const float* last_c,       \
                                        const float* h0, const float* c0, const float* kernel, float* h,      \
                                        float* c, const float* kept, const float* extra,                      \
                                        const float* dropped, const float* zone_h, const float* zone_c,       \
                                        float* dx, float* dz, float* first_h, float* first_c) {               \
    Arrays a{};                                                                                               \
    a.dropped = dropped, a.zone_h = zone_h, a.zone_c = zone_c;                                                \
    a.time = time, a.batch = batch, a.units = units, a.outputs = outputs, a.h0 = h0, a.c0 = c0;               \
    a.saved = kept, a.saved_extra = extra, a.h = h, a.c = c, a.dx = dx, a.dz = dz ? dz : dx;                  \
    Threads pool{threads};                                                                                    \
    backward_all<Cell>(pool, a, kernel, {last_h, last_c}, {first_h, first_c});                                \
  }

UNROLLED_PLAIN(simple, Simple)
UNROLLED_PLAIN(relu, Relu)
UNROLLED_PLAIN(lstm, Lstm)
UNROLLED_PLAIN(gru, Gru)

#endif
