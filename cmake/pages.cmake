# Man pages and shell completions, made by the program itself from its table of verbs.
find_program(SCDOC scdoc REQUIRED)
set(HAGANE_PAGES ${PROJECT_BINARY_DIR}/pages)
add_custom_command(OUTPUT ${HAGANE_PAGES}/made
  COMMAND sh ${PROJECT_SOURCE_DIR}/cmake/pages.sh $<TARGET_FILE:hagane_program> ${SCDOC} ${HAGANE_PAGES}
  DEPENDS hagane_program ${PROJECT_SOURCE_DIR}/cmake/pages.sh
  COMMENT "Making man pages and shell completions" VERBATIM)
add_custom_target(pages ALL DEPENDS ${HAGANE_PAGES}/made)
