// Launches and copies through CUDA's driver API, which is opened by dlopen: building needs no CUDA, and so does
// loading.
#include "launch.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

using Status = int;  // CUresult; 0 is success
using Handle = void *;
using Address = unsigned long long;  // CUdeviceptr

constexpr int kComputeCapabilityMajor = 75, kComputeCapabilityMinor = 76;  // CUdevice_attribute
constexpr int kMemoryType = 2;                                             // CUpointer_attribute

// The driver's functions, by the names that its library exports (those of the ABI since CUDA 4).
#define OWC_FUNCTIONS(X)                                                                                      \
  X(cuInit, (unsigned))                                                                                       \
  X(cuDriverGetVersion, (int *))                                                                              \
  X(cuDeviceGetCount, (int *))                                                                                \
  X(cuDeviceGet, (int *, int))                                                                                \
  X(cuDeviceGetName, (char *, int, int))                                                                      \
  X(cuDeviceGetAttribute, (int *, int, int))                                                                  \
  X(cuDevicePrimaryCtxRetain, (Handle *, int))                                                                \
  X(cuCtxSetCurrent, (Handle))                                                                                \
  X(cuModuleLoadData, (Handle *, const void *))                                                               \
  X(cuModuleGetFunction, (Handle *, Handle, const char *))                                                    \
  X(cuLaunchKernel,                                                                                           \
    (Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle, void **, void **)) \
  X(cuMemcpyHtoDAsync_v2, (Address, const void *, size_t, Handle))                                            \
  X(cuMemcpyDtoHAsync_v2, (void *, Address, size_t, Handle))                                                  \
  X(cuMemcpyDtoDAsync_v2, (Address, Address, size_t, Handle))                                                 \
  X(cuStreamSynchronize, (Handle))                                                                            \
  X(cuPointerGetAttribute, (void *, int, Address))                                                            \
  X(cuGetErrorString, (Status, const char **))

struct Driver {
#define OWC_MEMBER(name, parameters) Status(*name) parameters;
  OWC_FUNCTIONS(OWC_MEMBER)
#undef OWC_MEMBER
};

struct Device {
  const Driver *driver;
  int device;
  Handle context;
};

struct Launch {
  const Device *device;
  Handle function;
  unsigned blocks, threads;
  void *space;  // behind the struct
};

struct Copy {
  const Device *device;
  int32_t what;
  Handle peer;
};

const char *text(const Driver *driver, Status status) {
  const char *found = nullptr;
  if (driver->cuGetErrorString(status, &found) != 0 || !found) return "unknown error";
  return found;
}

// Fails with the driver's words; `what` is what was tried.
int32_t failed(const ow_call *call, const Driver *driver, const char *what, Status status) {
  return OW_FAIL(call, status == 2 ? OW_NO_MEMORY : OW_INTERNAL, "CUDA: %s failed: %s (%d)", what, text(driver, status),
                 status);
}

void explain(char *why, const Driver *driver, const char *what, Status status) {
  std::snprintf(why, OWC_WHY, "%s failed: %s (CUDA error %d)", what, text(driver, status), status);
}

int64_t bytes_of(const ow_tensor *t) {
  int64_t n = (t->dtype.bits + 7) / 8;
  for (int32_t d = 0; d < t->ndim; ++d) n *= t->shape[d];
  return n;
}

Address address(const ow_tensor *t) { return reinterpret_cast<Address>(t->data); }

// The copy of memory that the system may page out is staged before the call returns; that of locked memory reads it
// later, when the user may have changed it.
bool is_page_locked(const Driver *driver, const void *memory) {
  int type = 0;
  return driver->cuPointerGetAttribute(&type, kMemoryType, reinterpret_cast<Address>(memory)) == 0;
}

int32_t launch_run(const ow_call *call, int64_t, int64_t) {
  const Launch &launch = *static_cast<const Launch *>(call->state);
  if (launch.blocks == 0) return OW_OK;  // a grid without blocks is an error
  const Driver *driver = launch.device->driver;
  void *parameters[OWC_MAX_TENSORS + 1];
  int32_t n = 0;
  for (int32_t i = 0; i < call->n_in; ++i) parameters[n++] = const_cast<void **>(&call->in[i]->data);
  for (int32_t i = 0; i < call->n_out; ++i) parameters[n++] = const_cast<void **>(&call->out[i]->data);
  parameters[n] = launch.space;
  if (Status status = driver->cuCtxSetCurrent(launch.device->context))
    return failed(call, driver, "making the GPU current", status);
  if (Status status = driver->cuLaunchKernel(launch.function, launch.blocks, 1, 1, launch.threads, 1, 1, 0,
                                             call->stream, parameters, nullptr))
    return failed(call, driver, "a launch", status);
  return OW_OK;
}

int32_t to_device(const ow_call *call, const Driver *driver, size_t n) {
  const void *from = call->in[0]->data;
  if (Status status = driver->cuMemcpyHtoDAsync_v2(address(call->out[0]), from, n, call->stream))
    return failed(call, driver, "a copy to the GPU", status);
  if (is_page_locked(driver, from))
    if (Status status = driver->cuStreamSynchronize(call->stream))
      return failed(call, driver, "a copy to the GPU", status);
  return OW_OK;
}

int32_t to_host(const ow_call *call, const Driver *driver, size_t n) {
  Status status = driver->cuMemcpyDtoHAsync_v2(call->out[0]->data, address(call->in[0]), n, call->stream);
  if (!status) status = driver->cuStreamSynchronize(call->stream);  // errors of kernels before it show up here too
  return status ? failed(call, driver, "the GPU's work, or the copy of its result,", status) : OW_OK;
}

int32_t on_device(const ow_call *call, const Copy &copy, size_t n) {
  const Driver *driver = copy.device->driver;
  const bool from_peer = copy.what == OWC_FROM_PEER;
  Status status = from_peer ? driver->cuStreamSynchronize(copy.peer) : 0;
  if (!status) status = driver->cuMemcpyDtoDAsync_v2(address(call->out[0]), address(call->in[0]), n, call->stream);
  if (!status && from_peer) status = driver->cuStreamSynchronize(call->stream);  // before the peer goes on
  return status ? failed(call, driver, "a copy on the GPU", status) : OW_OK;
}

int32_t copy_run(const ow_call *call, int64_t, int64_t) {
  const Copy &copy = *static_cast<const Copy *>(call->state);
  const Driver *driver = copy.device->driver;
  const size_t n = static_cast<size_t>(bytes_of(call->out[0]));
  if (n == 0) return OW_OK;
  if (Status status = driver->cuCtxSetCurrent(copy.device->context))
    return failed(call, driver, "making the GPU current", status);
  if (copy.what == OWC_TO_DEVICE) return to_device(call, driver, n);
  if (copy.what == OWC_TO_HOST) return to_host(call, driver, n);
  return on_device(call, copy, n);
}

bool load(void *library, Driver *driver, const char *name, char *why) {
#define OWC_LOAD(function, parameters)                                                      \
  driver->function = reinterpret_cast<Status(*) parameters>(dlsym(library, #function));     \
  if (!driver->function) {                                                                  \
    std::snprintf(why, OWC_WHY, "%s has no %s; update the NVIDIA driver", name, #function); \
    return false;                                                                           \
  }
  OWC_FUNCTIONS(OWC_LOAD)
#undef OWC_LOAD
  return true;
}

}  // namespace

#define OWC_EXPORT extern "C" OW_EXPORT

OWC_EXPORT void *owc_driver(const char *name, char *why) {
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    std::snprintf(why, OWC_WHY, "no NVIDIA driver: %s", dlerror());
    return nullptr;
  }
  Driver *driver = new (std::nothrow) Driver;
  int devices = 0;
  if (!driver || !load(library, driver, name, why)) return nullptr;
  Status status = driver->cuInit(0);
  if (!status) status = driver->cuDeviceGetCount(&devices);
  if (!status && devices > 0) return driver;
  if (status) explain(why, driver, "starting the NVIDIA driver", status);
  else std::snprintf(why, OWC_WHY, "the NVIDIA driver finds no GPU");
  return nullptr;
}

OWC_EXPORT int32_t owc_driver_version(void *driver) {
  int version = 0;
  static_cast<Driver *>(driver)->cuDriverGetVersion(&version);
  return version;
}

OWC_EXPORT int32_t owc_device_count(void *driver) {
  int count = 0;
  static_cast<Driver *>(driver)->cuDeviceGetCount(&count);
  return count;
}

OWC_EXPORT void *owc_device(void *opened, int32_t number, char *why) {
  const Driver *driver = static_cast<Driver *>(opened);
  Device *made = new (std::nothrow) Device{driver, 0, nullptr};
  if (!made) return nullptr;
  Status status = driver->cuDeviceGet(&made->device, number);
  if (!status) status = driver->cuDevicePrimaryCtxRetain(&made->context, made->device);
  if (!status) return made;
  explain(why, driver, "opening the GPU", status);
  delete made;
  return nullptr;
}

OWC_EXPORT int32_t owc_capability(void *device) {
  const Device &d = *static_cast<Device *>(device);
  int major = 0, minor = 0;
  d.driver->cuDeviceGetAttribute(&major, kComputeCapabilityMajor, d.device);
  d.driver->cuDeviceGetAttribute(&minor, kComputeCapabilityMinor, d.device);
  return 10 * major + minor;
}

OWC_EXPORT void owc_device_name(void *device, char *name, int32_t room) {
  const Device &d = *static_cast<Device *>(device);
  if (d.driver->cuDeviceGetName(name, room, d.device) != 0) name[0] = 0;
}

OWC_EXPORT void *owc_function(void *device, const void *image, const char *name, char *why) {
  const Device &d = *static_cast<Device *>(device);
  Handle module = nullptr, function = nullptr;
  Status status = d.driver->cuCtxSetCurrent(d.context);
  if (!status) status = d.driver->cuModuleLoadData(&module, image);
  if (!status) status = d.driver->cuModuleGetFunction(&function, module, name);
  if (!status) return function;
  explain(why, d.driver, "loading a generated kernel", status);
  return nullptr;
}

OWC_EXPORT int32_t owc_upload(void *device, uint64_t to, const void *from, uint64_t nbytes, void *stream, char *why) {
  const Device &d = *static_cast<Device *>(device);
  Status status = d.driver->cuCtxSetCurrent(d.context);
  if (!status && nbytes) status = d.driver->cuMemcpyHtoDAsync_v2(to, from, static_cast<size_t>(nbytes), stream);
  if (!status) status = d.driver->cuStreamSynchronize(stream);
  if (status) explain(why, d.driver, "a copy to the GPU", status);
  return status;
}

OWC_EXPORT void *owc_launch_state(void *device, void *function, int32_t blocks, int32_t threads, const void *space,
                                  uint64_t space_bytes) {
  char *memory = static_cast<char *>(std::malloc(sizeof(Launch) + static_cast<size_t>(space_bytes)));
  if (!memory) return nullptr;
  char *behind = memory + sizeof(Launch);
  std::memcpy(behind, space, static_cast<size_t>(space_bytes));
  return new (memory) Launch{static_cast<Device *>(device), function, static_cast<unsigned>(blocks),
                             static_cast<unsigned>(threads), behind};
}

OWC_EXPORT void *owc_copy_state(void *device, int32_t what, void *peer) {
  void *memory = std::malloc(sizeof(Copy));
  return memory ? new (memory) Copy{static_cast<Device *>(device), what, peer} : nullptr;
}

OWC_EXPORT void owc_state_free(void *state) { std::free(state); }

OWC_EXPORT uintptr_t owc_launch_run_address(void) { return reinterpret_cast<uintptr_t>(&launch_run); }
OWC_EXPORT uintptr_t owc_copy_run_address(void) { return reinterpret_cast<uintptr_t>(&copy_run); }
