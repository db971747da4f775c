# Runs one of the awk scripts here: a shell's redirection, for every generator.
set(arguments "")
foreach(argument IN LISTS VARIABLES)
  list(APPEND arguments "${argument}")
endforeach()
get_filename_component(folder "${SCRIPT}" DIRECTORY)
execute_process(COMMAND "${AWK}" ${arguments} -v "date=${DATE}" -f "${folder}/text.awk" -f "${SCRIPT}" "${SOURCE}"
  OUTPUT_FILE "${PAGE}" RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  file(REMOVE "${PAGE}")
  message(FATAL_ERROR "${SCRIPT} ${SOURCE}: ${status}")
endif()
