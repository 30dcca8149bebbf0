# cmake -DREADELF=... -DOBJECT=walker.o -P check_blob.cmake: fails if the object needs a loader or a dynamic table.
execute_process(COMMAND ${READELF} -rW ${OBJECT} OUTPUT_VARIABLE relocations RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "cannot read the relocations of ${OBJECT}")
endif()
if(relocations MATCHES "R_X86_64_(64|32S?|GOT[A-Z0-9]*|REX_GOT[A-Z]*|TLS[A-Z]*|[DGT]TPOFF[0-9]*|DTP[A-Z0-9]*) ")
  message(FATAL_ERROR "the walker blob has a relocation that only a loader could do:\n${relocations}")
endif()
