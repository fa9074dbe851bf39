/* launch.h: what plans need of CUDA's driver, opened at run time. The driver's types are void pointers here.
 *
 * Functions that can fail take `why`, room for OWC_WHY bytes, and write a sentence there. Nothing that they return is
 * ever freed, except by owc_state_free.
 */
#ifndef OPWRIGHT_CUDA_LAUNCH_H
#define OPWRIGHT_CUDA_LAUNCH_H

#include "opwright/kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cdef begin */

enum { OWC_WHY = 512, OWC_MAX_TENSORS = 256 };

enum { /* what owc_copy_run does */
  OWC_TO_DEVICE = 0,
  OWC_TO_HOST = 1,
  OWC_WITHIN = 2, /* the device */
  OWC_FROM_PEER = 3 /* another device */
};

/* The driver in a library, "libcuda.so.1"; NULL if there is none, or no GPU. */
void *owc_driver(const char *library, char *why);
int32_t owc_driver_version(void *driver); /* 13000 is CUDA 13.0 */
int32_t owc_device_count(void *driver);

/* A GPU with its primary context, which CuPy and CUDA's runtime use too; NULL if it cannot be used. */
void *owc_device(void *driver, int32_t number, char *why);
int32_t owc_capability(void *device); /* 90 is compute capability 9.0 */
void owc_device_name(void *device, char *name, int32_t room);

/* A kernel of an image (PTX or cubin); NULL if it cannot be loaded. */
void *owc_function(void *device, const void *image, const char *name, char *why);

/* Copies host memory to the device, and returns when it is there. */
int32_t owc_upload(void *device, uint64_t to, const void *from, uint64_t nbytes, void *stream, char *why);

/* What ow_call.state points to, for owc_launch_run: a kernel whose parameters are the addresses of the call's inputs,
 * then of its outputs, then `space` by value. */
void *owc_launch_state(void *device, void *function, int32_t blocks, int32_t threads, const void *space,
                       uint64_t space_bytes);
/* For owc_copy_run. `peer` is the stream on which the other device computes, of OWC_FROM_PEER. */
void *owc_copy_state(void *device, int32_t what, void *peer);
void owc_state_free(void *state);

/* ow_run_fns, for use by their address. */
uintptr_t owc_launch_run_address(void);
uintptr_t owc_copy_run_address(void);

/* cdef end */

#ifdef __cplusplus
}
#endif
#endif
