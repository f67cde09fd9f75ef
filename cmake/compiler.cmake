# How everything is compiled.

# Let the compiler review. HAGANE_WERROR is on in every preset but release, where a newer compiler must not stop a user.
add_library(hagane_warnings INTERFACE)
target_compile_options(hagane_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wundef -Werror=implicit-function-declaration)
if(HAGANE_WERROR)
  target_compile_options(hagane_warnings INTERFACE -Werror)
endif()

# -O3, not CMake's -O2: gcc 12 vectorises loops of unknown length only there. Formulae to descriptors: 1.75 times as many a
# second, for a library 12 % larger.
string(REPLACE "-O2" "-O3" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")

# No -march: a build runs on every x86-64 (or whatever the compiler's baseline is) and chooses faster code at run time, in
# OpenBLAS and in our own hot loops (target_clones). No -ffast-math: results must not depend on the compiler's mood.
# -fno-math-errno: sqrt and the like become one instruction; nobody here reads errno after them.
# -ffp-contract=off: clang would fuse multiply and add where the machine can, and the last digit would depend on it.
add_compile_options(-fno-math-errno -ffp-contract=off)
add_link_options(-Wl,-z,defs,-z,relro,-z,now,--as-needed)
if(CMAKE_C_FLAGS MATCHES "-fsanitize")
  # the sanitizers' own symbols come from the program, not from a library
  add_link_options(-Wl,-z,undefs)
endif()
