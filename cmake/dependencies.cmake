# Every library we link, once. tools/install-deps names the Debian packages; tests/house compares the two.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(NLOPT REQUIRED IMPORTED_TARGET nlopt)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(TLS REQUIRED IMPORTED_TARGET libssl)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(CAIRO REQUIRED IMPORTED_TARGET cairo)

add_library(hagane_dependencies INTERFACE)
target_link_libraries(hagane_dependencies INTERFACE PkgConfig::OPENBLAS PkgConfig::NLOPT PkgConfig::ZLIB PkgConfig::LZMA
  PkgConfig::ZSTD PkgConfig::YAML PkgConfig::TLS PkgConfig::CRYPTO PkgConfig::SODIUM PkgConfig::SQLITE PkgConfig::CAIRO Threads::Threads m)

# Training by several processes: a second program beside hagane, so that hagane itself is free of MPI.
set(HAGANE_MPI AUTO CACHE STRING "build hagane-mpi: AUTO (when MPI is there), ON, OFF")
set_property(CACHE HAGANE_MPI PROPERTY STRINGS AUTO ON OFF)
if(NOT HAGANE_MPI STREQUAL OFF)
  pkg_search_module(MPI IMPORTED_TARGET mpi-c ompi-c mpich)
  if(HAGANE_MPI STREQUAL ON AND NOT MPI_FOUND)
    message(FATAL_ERROR "HAGANE_MPI is ON, but pkg-config knows no MPI: tools/install-deps mpi")
  endif()
endif()
