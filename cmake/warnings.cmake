# Let the compiler review. HAGANE_WERROR is on in every preset but release, where a newer compiler must not stop a user.
add_library(hagane_warnings INTERFACE)
target_compile_options(hagane_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wundef -Werror=implicit-function-declaration)
if(HAGANE_WERROR)
  target_compile_options(hagane_warnings INTERFACE -Werror)
endif()
