// Indices from data: checked, and named in an error as TensorFlow names them.
#pragma once
#include "opwright/kernel.hpp"

namespace opwright {

// "indices[1,2] = 7 is not in [0, 5)"; `at` counts the tensor's elements.
inline int32_t index_error(const ow_call *call, const ow_tensor *tensor, int64_t at, int64_t value, int64_t limit) {
  char where[160];
  int64_t place[12], rest = at;
  for (int32_t d = tensor->ndim - 1; d >= 0; --d) {
    place[d] = rest % tensor->shape[d];
    rest /= tensor->shape[d];
  }
  size_t used = 0;
  where[0] = '\0';
  for (int32_t d = 0; d < tensor->ndim && used < sizeof where; ++d)
    used += static_cast<size_t>(
        snprintf(where + used, sizeof where - used, "%s%lld", d ? "," : "", static_cast<long long>(place[d])));
  const char *open = tensor->ndim ? "[" : "", *close = tensor->ndim ? "]" : "";
  return OW_FAIL(call, OW_OUT_OF_RANGE, "indices%s%s%s = %lld is not in [0, %lld)", open, where, close,
                 static_cast<long long>(value), static_cast<long long>(limit));
}

// The same for a row of coordinates: "indices[3] = [2, 9] does not index into shape [4,5]".
template <typename I>
inline int32_t point_error(const ow_call *call, const I *point, int64_t depth, int64_t row, const int64_t *shape) {
  char text[200];
  size_t used = 0;
  text[0] = '\0';
  for (int64_t d = 0; d < depth && used < sizeof text; ++d)
    used += static_cast<size_t>(
        snprintf(text + used, sizeof text - used, "%s%lld", d ? ", " : "", static_cast<long long>(point[d])));
  char limits[200];
  used = 0;
  limits[0] = '\0';
  for (int64_t d = 0; d < depth && used < sizeof limits; ++d)
    used += static_cast<size_t>(
        snprintf(limits + used, sizeof limits - used, "%s%lld", d ? ", " : "", static_cast<long long>(shape[d])));
  return OW_FAIL(call, OW_OUT_OF_RANGE, "indices[%lld] = [%s] is not inside [%s]", static_cast<long long>(row), text,
                 limits);
}

}  // namespace opwright
