# shardmill_program(NAME [STAGES FILE...] [INPUTS FILE...])
#
# A program like shardmill, with the stages and input formats of these files besides the built-in ones: FILE.cpp defines
# StageSpec shardmill::stage_FILE() or InputSpec shardmill::input_FILE(). For projects that call find_package(shardmill),
# and for shardmill itself.
set(SHARDMILL_PROGRAM_FOLDER ${CMAKE_CURRENT_LIST_DIR})

# Names from paths, as declarations and as elements of a list of C++.
function(shardmill_registry_entries type prefix names declarations elements)
  set(text "")
  set(list "")
  foreach(name IN LISTS names)
    string(APPEND text "${type} ${prefix}_${name}();\n")
    string(APPEND list "${prefix}_${name}(), ")
  endforeach()
  set(${declarations} "${text}" PARENT_SCOPE)
  set(${elements} "${list}" PARENT_SCOPE)
endfunction()

function(shardmill_names variable)
  set(names "")
  foreach(file IN LISTS ARGN)
    get_filename_component(name ${file} NAME_WE)
    list(APPEND names ${name})
  endforeach()
  set(${variable} "${names}" PARENT_SCOPE)
endfunction()

# Writes OUT, the registry of stages and inputs with these names: find_stage gives them sorted by name.
function(shardmill_write_registry out stages inputs)
  list(SORT stages)
  list(SORT inputs)
  shardmill_registry_entries(StageSpec stage "${stages}" REGISTRY_STAGE_DECLARATIONS REGISTRY_STAGES)
  shardmill_registry_entries(InputSpec input "${inputs}" REGISTRY_INPUT_DECLARATIONS REGISTRY_INPUTS)
  set(REGISTRY_DECLARATIONS "${REGISTRY_STAGE_DECLARATIONS}${REGISTRY_INPUT_DECLARATIONS}")
  configure_file(${SHARDMILL_PROGRAM_FOLDER}/registry.cpp.in ${out} @ONLY)
endfunction()

function(shardmill_program name)
  cmake_parse_arguments(own "" "" "STAGES;INPUTS" ${ARGN})
  shardmill_names(stages ${own_STAGES})
  shardmill_names(inputs ${own_INPUTS})
  set(registry ${CMAKE_CURRENT_BINARY_DIR}/${name}_registry.cpp)
  list(APPEND stages ${SHARDMILL_STAGES})
  list(APPEND inputs ${SHARDMILL_INPUTS})
  shardmill_write_registry(${registry} "${stages}" "${inputs}")
  add_executable(${name} ${SHARDMILL_MAIN} ${registry} ${own_STAGES} ${own_INPUTS})
  target_link_libraries(${name} PRIVATE shardmill::cli shardmill::inputs shardmill::stages)
endfunction()
