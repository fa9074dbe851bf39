/* fake.h: what the fake driver offers besides the functions of CUDA's. */
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The device's memory lies in one region that nobody can touch but between enter and leave. */
void *fake_allocate(size_t bytes);
void fake_enter(void);
void fake_leave(void);
void fake_check(const void *pointer); /* ends the process unless it points to the device's memory, or to nothing */
int fake_is_stream(const void *stream);
void *fake_stream(void);
typedef const char *(*fake_resolver_fn)(const char *image);
void fake_resolver(fake_resolver_fn given); /* what finds the library of an image */
void fake_fail(const char *function, int status); /* the next call of a function fails */
int fake_count(const char *function);              /* how often it was called */

#ifdef __cplusplus
}
#endif
