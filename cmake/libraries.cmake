# Under sanitizers, clang reads headers for a third of its time: a library reads those that most files include once. Only
# there: elsewhere a file that forgets to include one does not compile.
function(shardmill_headers_once target)
  if(SHARDMILL_SANITIZE)
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <functional> <map> <memory>
                              <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility>
                              <vector> <fmt/format.h> ${ARGN})
  endif()
endfunction()

# One static library per folder; dependencies point downwards only (tests/unit/house_test.cpp checks the #include lines).
function(shardmill_library name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp
       ${PROJECT_SOURCE_DIR}/${folder}/support/*.cpp)
  if(sources)
    add_library(shardmill_${name} STATIC ${sources})
    target_include_directories(shardmill_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
    target_link_libraries(shardmill_${name} PUBLIC ${ARGN})
    shardmill_headers_once(shardmill_${name})
  else()
    add_library(shardmill_${name} INTERFACE)
    target_include_directories(shardmill_${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
    target_link_libraries(shardmill_${name} INTERFACE ${ARGN})
  endif()
  add_library(shardmill::${name} ALIAS shardmill_${name})
endfunction()

shardmill_library(base pipeline/base fmt::fmt PkgConfig::XXHASH Threads::Threads)
shardmill_library(formats pipeline/formats shardmill_base PkgConfig::ZSTD PkgConfig::LZ4 PkgConfig::LZMA
                  PkgConfig::DEFLATE PkgConfig::ISAL PkgConfig::HWY PkgConfig::SIMDJSON PkgConfig::HDF5
                  BZip2::BZip2)
shardmill_library(core pipeline/core shardmill_formats)
shardmill_library(inputs inputs shardmill_core)
shardmill_library(stages stages shardmill_core PkgConfig::PCRE2 PkgConfig::HWY)
# Only one file knows MPI: all others are compiled with the same words whichever it is, and come out of the compiler's cache.
shardmill_library(comm pipeline/comm shardmill_base)
target_link_libraries(shardmill_comm PRIVATE MPI::MPI_C)
# The headers of Open MPI and MPICH would otherwise ask for their C++ libraries.
set_source_files_properties(${PROJECT_SOURCE_DIR}/pipeline/comm/mpi_comm.cpp PROPERTIES COMPILE_DEFINITIONS
                            "OMPI_SKIP_MPICXX=1;MPICH_SKIP_MPICXX=1")
shardmill_library(plan pipeline/plan shardmill_core)
shardmill_library(report pipeline/report shardmill_core)
# What report.html is made of, Chart.js with it, is part of the program.
file(GLOB page_styles CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/pipeline/report/html/*.css)
file(GLOB page_scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/pipeline/report/html/*.js)
set(page_assets ${CMAKE_BINARY_DIR}/generated/report_html_assets.cpp)
add_custom_command(
  OUTPUT ${page_assets}
  COMMAND ${CMAKE_COMMAND} -DOUT=${page_assets} "-DSTYLE=${page_styles}" "-DSCRIPT=${page_scripts}"
          -DCHART=${CHART_JS} -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${page_styles} ${page_scripts} ${CHART_JS} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  VERBATIM)
target_sources(shardmill_report PRIVATE ${page_assets})

shardmill_library(run pipeline/run shardmill_plan shardmill_comm shardmill_report)
shardmill_library(cli pipeline/cli shardmill_run)
if(SHARDMILL_SANITIZE)
  # What handles no records is compiled for quick builds: clang takes twice as long to optimise what sanitizers add.
  foreach(name comm plan report run cli)
    target_compile_options(shardmill_${name} PRIVATE -O0)
  endforeach()
endif()

if(SHARDMILL_PLAIN_THREADS)
  target_compile_definitions(shardmill_base PUBLIC SHARDMILL_PLAIN_THREADS=1)
else()
  target_link_libraries(shardmill_base PUBLIC OpenMP::OpenMP_CXX)
endif()
# What tells one build from another, where ranks on several hosts must run the same.
target_link_options(shardmill_base INTERFACE LINKER:--build-id=sha1)
target_compile_definitions(shardmill_base PUBLIC SHARDMILL_VERSION="${PROJECT_VERSION}")

target_compile_options(shardmill_base INTERFACE -ffp-contract=off)  # stages of others, too
target_compile_features(shardmill_base PUBLIC cxx_std_20)

# The registry: every file in stages/ and inputs/ is a stage or an input format.
file(GLOB stage_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/stages/*.cpp)
file(GLOB input_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/inputs/*.cpp)
include(cmake/shardmill_program.cmake)
shardmill_names(SHARDMILL_STAGES ${stage_files})
shardmill_names(SHARDMILL_INPUTS ${input_files})
set(SHARDMILL_MAIN ${PROJECT_SOURCE_DIR}/pipeline/main.cpp)
shardmill_write_registry(${CMAKE_BINARY_DIR}/generated/registry.cpp "${SHARDMILL_STAGES}" "${SHARDMILL_INPUTS}")
add_library(shardmill_registry STATIC ${CMAKE_BINARY_DIR}/generated/registry.cpp)
target_link_libraries(shardmill_registry PUBLIC shardmill_inputs shardmill_stages)
