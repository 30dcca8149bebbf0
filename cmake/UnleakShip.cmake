# unleak_ship(TARGET...)
# What ends in a user's hands: the C++ runtime is linked in, nothing of the build machine is needed or recorded.
# The install component `unleak` puts it into unleak/_native of the Python package: in the wheel, or, with
# `cmake --install BUILD --prefix python --component unleak`, in the checkout (`./dev build` does that).
function(unleak_ship)
  foreach(target IN LISTS ARGN)
    set_target_properties(${target} PROPERTIES SKIP_BUILD_RPATH ON)
    if(NOT UNLEAK_SANITIZE)
      target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc -Wl,--as-needed -Wl,-z,relro,-z,now)
    endif()
    install(TARGETS ${target} COMPONENT unleak RUNTIME DESTINATION unleak/_native LIBRARY DESTINATION unleak/_native)
  endforeach()
endfunction()
