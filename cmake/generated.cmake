# Sources made from data/ at build time: element tables become C arrays, so that no file is needed at run time.
add_executable(make_tables tools/make_tables.c)
target_link_libraries(make_tables PRIVATE hagane_warnings)

set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated)
set(elements ${CMAKE_CURRENT_SOURCE_DIR}/data/elements)
file(MAKE_DIRECTORY ${generated}/matter ${generated}/describe)
set(matter_inputs ${elements}/elements.tsv ${elements}/isotopes.tsv)
set(describe_inputs ${elements}/elements.tsv ${elements}/xenonpy_94x58.csv ${elements}/magpie_103x22.tsv ${elements}/oxidation_states.tsv
  ${elements}/miedema.tsv ${elements}/mixing_enthalpies.tsv)
foreach(room matter describe)
  add_custom_command(OUTPUT ${generated}/${room}/tables.h ${generated}/${room}/tables.c
    COMMAND make_tables ${room} ${${room}_inputs} ${generated}/${room}/tables.h ${generated}/${room}/tables.c
    DEPENDS make_tables ${${room}_inputs} VERBATIM)
  list(APPEND HAGANE_GENERATED ${generated}/${room}/tables.h ${generated}/${room}/tables.c)
endforeach()
