// What the calls of XLA have in common.

#include "xla/ffi/api/ffi.h"

namespace {

namespace ffi = xla::ffi;
using Shape = std::vector<Index>;

// The arrays of a call, arguments and then results, taken one after the other. XLA's bindings with a type for each would
// take seconds to compile.
class Given {
 public:
  Given(ffi::RemainingArgs args, ffi::RemainingRets results) {
    for (size_t i = 0; i < args.size(); ++i) add(args.get<ffi::AnyBuffer>(i));
    for (size_t i = 0; i < results.size(); ++i)
      if (auto found = results.get<ffi::AnyBuffer>(i); found.has_value()) arrays.push_back(**found);
  }
  // Null for one without elements. shape: takes the shape.
  template <class T = float>
  T* take(Shape* shape = nullptr) {
    const ffi::AnyBuffer& array = arrays.at(next++);
    if (shape) shape->assign(array.dimensions().begin(), array.dimensions().end());
    return array.element_count() ? static_cast<T*>(array.untyped_data()) : nullptr;
  }

 private:
  std::vector<ffi::AnyBuffer> arrays;
  size_t next = 0;

  void add(ffi::ErrorOr<ffi::AnyBuffer> found) {
    if (found.has_value()) arrays.push_back(*found);
  }
};

template <class Cell>
ffi::Error check(const Shape& h0, const Shape& kernel) {
  if (h0.size() == 2 && kernel.size() == 2 && kernel[0] == h0[1] && kernel[1] == Cell::gates * h0[1])
    return ffi::Error::Success();
  return ffi::Error::InvalidArgument("the recurrent kernel does not have the shape (units, gates x units)");
}

}  // namespace
