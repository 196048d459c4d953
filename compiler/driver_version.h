/* Set by CMake; the defaults serve builds by hand. */
#ifndef PIPEC_DRIVER_VERSION_H
#define PIPEC_DRIVER_VERSION_H
#ifndef PIPEC_VERSION
#define PIPEC_VERSION "0.0.0"
#endif
#ifndef PIPEC_LLVM_VERSION
#define PIPEC_LLVM_VERSION "19"
#endif
#endif
