# opwright_add_kernels(<family> [PACKAGE <import package>] [BASELINE] [LINK <libraries>] [INCLUDE <folders>])
#
# Builds kernels/*.cpp into lib<family>_cpu, once for each processor level (baseline, AVX2, AVX-512 on x86-64; the core
# opens the best one the machine runs; BASELINE: only the first), and kernels/*.cu into lib<family>_cuda where nvcc is
# found, and installs them into the package. The kernels find `<family>_attributes.h`, made from the signatures in the
# package: an index for each attribute of each op.
include_guard(GLOBAL)
set(OPWRIGHT_LEVELS "baseline;avx2;avx512" CACHE STRING "Processor levels that kernels are built for on x86-64")
include(CheckLanguage)
set(OPWRIGHT_CMAKE_DIR "${CMAKE_CURRENT_LIST_DIR}")

function(opwright_configure target)
  target_compile_features(${target} PRIVATE cxx_std_17)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(${target} PRIVATE "${OPWRIGHT_INCLUDE_DIR}")
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release PARENT_SCOPE)
  endif()
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Werror -O3 -fno-math-errno -fno-trapping-math>)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
    endif()
  endif()
  if(OPWRIGHT_SANITIZE)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer>)
    target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  endif()
endfunction()

# A macro: languages are enabled in the caller's folder, not in a function.
macro(opwright_add_kernels family)
  file(GLOB opwright_cuda_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/kernels/*.cu")
  if(opwright_cuda_sources AND NOT "${OPWRIGHT_CUDA}" STREQUAL "OFF" AND NOT OPWRIGHT_SANITIZE)
    check_language(CUDA)
    if(CMAKE_CUDA_COMPILER)
      if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
        set(CMAKE_CUDA_ARCHITECTURES 75-virtual 80-real 90-real) # the driver compiles 7.5's PTX for all others
      endif()
      enable_language(CUDA)
    else()
      message(STATUS "opwright: no nvcc, ${family} is built without CUDA kernels")
      set(opwright_cuda_sources "")
    endif()
  else()
    set(opwright_cuda_sources "")
  endif()
  opwright_add_libraries(${family} ${ARGN})
endmacro()

function(opwright_add_libraries family)
  cmake_parse_arguments(arg "BASELINE" "PACKAGE" "LINK;INCLUDE" ${ARGN})
  if(NOT arg_PACKAGE)
    set(arg_PACKAGE "opwright_${family}")
  endif()
  set(folder "${CMAKE_CURRENT_SOURCE_DIR}")
  opwright_attributes(${family} "${folder}/${arg_PACKAGE}")

  file(GLOB sources CONFIGURE_DEPENDS "${folder}/kernels/*.cpp")
  set(levels baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT arg_BASELINE AND NOT OPWRIGHT_SANITIZE)
    set(levels ${OPWRIGHT_LEVELS})
  endif()
  set(flags_avx2 -mavx2 -mfma -mf16c -mbmi2)
  set(flags_avx512 -march=skylake-avx512 -mprefer-vector-width=512)
  if(MSVC)
    set(flags_avx2 /arch:AVX2)
    set(flags_avx512 /arch:AVX512)
  endif()
  foreach(level IN LISTS levels)
    if(sources)
      set(target "${family}_cpu_${level}")
      add_library(${target} MODULE ${sources} "${OPWRIGHT_CMAKE_DIR}/library.cpp")
      opwright_library(${target} ${family} "${arg_PACKAGE}" "${arg_LINK}" "${arg_INCLUDE}")
      target_compile_options(${target} PRIVATE ${flags_${level}})
      set(suffix "")
      if(NOT level STREQUAL baseline)
        set(suffix ".${level}")
      endif()
      set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME "lib${family}_cpu${suffix}")
    endif()
  endforeach()

  if(opwright_cuda_sources)
    opwright_add_cuda(${family} "${arg_PACKAGE}" "${opwright_cuda_sources}")
  endif()
endfunction()

function(opwright_library target family package link include)
  opwright_configure(${target})
  add_dependencies(${target} ${family}_attributes)
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}" ${include})
  target_link_libraries(${target} PRIVATE ${link})
  set(dist "${SKBUILD_PROJECT_NAME}")
  set(version "${SKBUILD_PROJECT_VERSION_FULL}")
  target_compile_definitions(${target} PRIVATE OW_DIST="${dist}" OW_VERSION="${version}")
  set_target_properties(${target} PROPERTIES SUFFIX "${CMAKE_SHARED_LIBRARY_SUFFIX}") # a module's is .so on macOS too
  # One export: hidden visibility does not reach what the standard library's templates make.
  if(APPLE)
    target_link_options(${target} PRIVATE "LINKER:-exported_symbol,_ow_library_v1")
  elseif(UNIX)
    target_link_options(${target} PRIVATE "LINKER:--version-script=${OPWRIGHT_CMAKE_DIR}/exports.map")
    set_target_properties(${target} PROPERTIES LINK_DEPENDS "${OPWRIGHT_CMAKE_DIR}/exports.map")
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION "${package}")
endfunction()

function(opwright_add_cuda family package sources)
  add_library(${family}_cuda MODULE ${sources} "${OPWRIGHT_CMAKE_DIR}/library.cpp")
  opwright_library(${family}_cuda ${family} "${package}" "" "")
  set_target_properties(${family}_cuda PROPERTIES
    PREFIX "" OUTPUT_NAME "lib${family}_cuda" CUDA_RUNTIME_LIBRARY Static CUDA_STANDARD 17
    CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}" CUDA_VISIBILITY_PRESET hidden)
  target_compile_options(${family}_cuda PRIVATE
    "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;-Xcompiler=-Wall,-Wextra>")
endfunction()

function(opwright_attributes family package)
  find_package(Python REQUIRED COMPONENTS Interpreter)
  set(header "${CMAKE_CURRENT_BINARY_DIR}/${family}_attributes.h")
  file(GLOB modules CONFIGURE_DEPENDS "${package}/*.py")
  add_custom_command(
    OUTPUT "${header}"
    COMMAND ${Python_EXECUTABLE} "${OPWRIGHT_CMAKE_DIR}/make_attributes.py" "${header}" ${modules}
    DEPENDS ${modules} "${OPWRIGHT_CMAKE_DIR}/make_attributes.py"
    VERBATIM)
  add_custom_target(${family}_attributes DEPENDS "${header}")
endfunction()
