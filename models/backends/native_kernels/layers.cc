// Whole layers with a mask, as loops.cc has the loops. __init__.py compiles them where somebody wants one.

#include "cells.h"
#include "layer.h"

// Runs work(a cell) for the cell of a number, in the order of KINDS in __init__.py.
template <class Work>
auto with_cell(Index cell, const Work& work) {
  switch (cell) {
    case 0: return work(Simple());
    case 1: return work(Relu());
    case 2: return work(Lstm());
    default: return work(Gru());
  }
}

#ifdef UNROLLED_XLA

#include "calls.h"

namespace {

// Takes the arguments that both directions have in common.
Layer take_layer(Given& given, bool backwards, bool zero, Shape& recurrent) {
  Layer l{};
  Shape x, h0;
  l.x = given.take(&x), l.mask = given.take<bool>(), l.h0 = given.take(&h0), l.c0 = given.take();
  l.kernel = given.take(), l.recurrent = given.take(&recurrent);
  l.batch = x.at(0), l.time = x.at(1), l.features = x.at(2), l.units = h0.at(1);
  l.backwards = backwards, l.zero = zero;
  return l;
}

// cell: its place among the cells of `with_cell`.
ffi::Error run_layer_forward(ffi::ThreadPool pool, ffi::RemainingArgs args, ffi::RemainingRets results, int64_t cell,
                             bool backwards, bool zero, bool keep) {
  Given given(args, results);
  Shape shape;
  Layer l = take_layer(given, backwards, zero, shape);
  l.bias = given.take(), l.bias_within = given.take();
  l.outputs = given.take(), l.c = given.take(), l.kept = given.take(), l.last_h = given.take(), l.last_c = given.take();
  return with_cell(cell, [&](auto kind) {
    if (auto error = check<decltype(kind)>({l.batch, l.units}, shape); error.failure()) return error;
    forward_layer<decltype(kind)>(pool, l, keep);
    return ffi::Error::Success();
  });
}

ffi::Error run_layer_backward(ffi::ThreadPool pool, ffi::RemainingArgs args, ffi::RemainingRets results, int64_t cell,
                              bool backwards, bool zero) {
  Given given(args, results);
  const float *d_outputs = given.take(), *d_last_h = given.take(), *d_last_c = given.take();
  Shape shape;
  Layer l = take_layer(given, backwards, zero, shape);
  l.d_outputs = d_outputs, l.d_last_h = d_last_h, l.d_last_c = d_last_c;
  l.outputs = given.take(), l.c = given.take(), l.kept = given.take();
  l.dz = given.take(), l.dx = given.take(), l.d_kernel = given.take(), l.d_recurrent = given.take();
  l.d_bias = given.take(), l.d_bias_within = given.take(), l.first_h = given.take(), l.first_c = given.take();
  return with_cell(cell, [&](auto kind) {
    if (auto error = check<decltype(kind)>({l.batch, l.units}, shape); error.failure()) return error;
    backward_layer<decltype(kind)>(pool, l);
    return ffi::Error::Success();
  });
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(layer_forward, run_layer_forward, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>()
    .RemainingArgs().RemainingRets()
    .Attr<int64_t>("cell").Attr<bool>("backwards").Attr<bool>("zero").Attr<bool>("keep"));
XLA_FFI_DEFINE_HANDLER_SYMBOL(layer_backward, run_layer_backward, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>()
    .RemainingArgs().RemainingRets()
    .Attr<int64_t>("cell").Attr<bool>("backwards").Attr<bool>("zero"));

#else

extern "C" void plain_layer_forward(int threads, Index cell, const Layer* layer, int keep) {
  Threads pool{threads};
  with_cell(cell, [&](auto kind) { forward_layer<decltype(kind)>(pool, *layer, keep); });
}

extern "C" void plain_layer_backward(int threads, Index cell, const Layer* layer) {
  Threads pool{threads};
  with_cell(cell, [&](auto kind) { backward_layer<decltype(kind)>(pool, *layer); });
}

#endif
