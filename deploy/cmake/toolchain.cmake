# Language, warnings, hardening, sanitizers: one place for every target.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")
find_package(Threads REQUIRED)

set(ANDON_WARNINGS
    -Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wshadow -Wcast-qual
    -Wcast-align -Wvla -Wwrite-strings -Wundef -Wformat=2 -Wpointer-arith -Wdouble-promotion
    -Wimplicit-fallthrough -Wnull-dereference -Wswitch-enum
    # Out-parameters are written on TSDB_OK only, which gcc's flow analysis cannot follow;
    # clang's and the sanitizers' can.
    -Wno-maybe-uninitialized $<$<C_COMPILER_ID:Clang>:-Wno-unknown-warning-option>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition>)

add_library(andon_flags INTERFACE)
target_include_directories(andon_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(andon_flags INTERFACE _GNU_SOURCE ANDON_VERSION="${PROJECT_VERSION}")
target_compile_options(andon_flags INTERFACE
    -fno-strict-aliasing -fno-strict-overflow -fno-delete-null-pointer-checks
    -fstack-protector-strong -fvisibility=hidden -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_link_libraries(andon_flags INTERFACE Threads::Threads)
if(NOT ANDON_SANITIZE)
    # Fortification needs optimisation; it also conflicts with the sanitizers.
    target_compile_options(andon_flags INTERFACE
        $<$<CONFIG:RelWithDebInfo>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-clash-protection>)
    target_link_options(andon_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

if(ANDON_SANITIZE)
    add_compile_options(-fsanitize=${ANDON_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
    add_link_options(-fsanitize=${ANDON_SANITIZE})
    add_compile_definitions(ANDON_LIBC_MALLOC)
endif()
if(ANDON_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(ANDON_COVERAGE)
    add_compile_options(--coverage -O0)
    add_link_options(--coverage)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_definitions(ANDON_SLOW_CHECKS)
endif()
if(ANDON_TIDY)
    find_program(CLANG_TIDY NAMES clang-tidy REQUIRED)
    set(CMAKE_C_CLANG_TIDY ${CLANG_TIDY} --quiet)
endif()
