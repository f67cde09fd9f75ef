# Man pages and completions, written by the program that they describe.
set(HAGANE_HELP ${PROJECT_BINARY_DIR}/help)
if(NOT CMAKE_CROSSCOMPILING)
  add_custom_command(OUTPUT ${HAGANE_HELP}/bash/hagane
    COMMAND ${PROJECT_SOURCE_DIR}/tools/build_help $<TARGET_FILE:hagane_program> ${HAGANE_HELP}
    DEPENDS hagane_program ${PROJECT_SOURCE_DIR}/tools/build_help COMMENT "Man pages and completions")
  add_custom_target(hagane_help ALL DEPENDS ${HAGANE_HELP}/bash/hagane)
  install(DIRECTORY ${HAGANE_HELP}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(DIRECTORY ${HAGANE_HELP}/bash/ DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(DIRECTORY ${HAGANE_HELP}/zsh/ DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(DIRECTORY ${HAGANE_HELP}/fish/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
