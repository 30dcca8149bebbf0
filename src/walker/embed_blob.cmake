# cmake -DBLOB=walker.bin -DOUT=walker_blob.cc -P embed_blob.cmake: the file as a byte array.
file(READ ${BLOB} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}") # 16 a line
file(WRITE ${OUT} "#include \"walker/blob.h\"\nnamespace unleak {\nconst unsigned char kWalkerBlob[] = {\n${bytes}0};\nconst std::size_t kWalkerBlobSize = ${size};\n}  // namespace unleak\n")
