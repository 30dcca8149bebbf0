# Flags of the special builds (CMakePresets.json).
set(UNLEAK_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize")
option(UNLEAK_COVERAGE "Measure line coverage by gcov" OFF)
option(UNLEAK_WERROR "Make warnings errors, with the compilers that the project is kept clean for" OFF)

if(UNLEAK_SANITIZE)
  add_compile_options(-fsanitize=${UNLEAK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${UNLEAK_SANITIZE})
  # GCC says that it does not see fences; the ones here order reads of rings that the kernel or the clone fills, which it
  # does not see either.
  if(UNLEAK_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(UNLEAK_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
# A newer compiler's new warning must not stop anybody from building.
if(UNLEAK_WERROR AND ((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
                      OR (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)))
  set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
endif()
