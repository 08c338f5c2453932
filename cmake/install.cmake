# cmake --install: the program, its pages, and what find_package(shardmill) needs. Nothing in it knows the prefix.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # the program is enough, its tests are not installed
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(shardmill PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)  # libraries of a site, outside of the system's folders
install(TARGETS shardmill RUNTIME COMPONENT program)
install(CODE "
  foreach(shell bash zsh)
    execute_process(COMMAND $<TARGET_FILE:shardmill> completion \${shell} COMMAND_ERROR_IS_FATAL ANY
                    OUTPUT_FILE ${CMAKE_BINARY_DIR}/completion.\${shell})
  endforeach()" COMPONENT program)
install(FILES ${CMAKE_BINARY_DIR}/completion.bash RENAME shardmill COMPONENT program
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_BINARY_DIR}/completion.zsh RENAME _shardmill COMPONENT program
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program
        PATTERN "*.run" EXCLUDE)

set(libraries base formats core inputs stages comm plan report run cli)
foreach(library IN LISTS libraries)
  set_target_properties(shardmill_${library} PROPERTIES EXPORT_NAME ${library})
  list(APPEND targets shardmill_${library})
endforeach()
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/shardmill)
install(TARGETS ${targets} EXPORT shardmillTargets ARCHIVE COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/shardmill)
install(EXPORT shardmillTargets NAMESPACE shardmill:: DESTINATION ${package_folder} COMPONENT development)
# The contracts, under the names by which stages include them.
foreach(folder core formats base)
  install(DIRECTORY pipeline/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/shardmill/pipeline
          COMPONENT development FILES_MATCHING PATTERN "*.h")
endforeach()
install(FILES pipeline/cli/cli.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/shardmill/pipeline/cli COMPONENT development)
configure_package_config_file(cmake/shardmillConfig.cmake.in ${CMAKE_BINARY_DIR}/shardmillConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/shardmillConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/shardmillConfig.cmake ${CMAKE_BINARY_DIR}/shardmillConfigVersion.cmake
              cmake/dependencies.cmake cmake/shardmill_program.cmake cmake/registry.cpp.in pipeline/main.cpp
        DESTINATION ${package_folder} COMPONENT development)

# scripts/package: a .deb of the program, a .tar.gz of everything.
set(CPACK_PACKAGE_VENDOR shardmill)
set(CPACK_PACKAGE_CONTACT "the shardmill project")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "run a pipeline of stages over very many large files, on one machine or a cluster")
set(CPACK_PACKAGE_FILE_NAME shardmill-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME shardmill)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS openmpi-bin)
set(CPACK_COMPONENTS_GROUPING IGNORE)
include(CPack)
