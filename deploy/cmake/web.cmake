# web_assets(ROOM): bundles collector/radiator/web (npm with its lock file, esbuild) and
# turns the files into C arrays.  Needs node and npm at build time, nothing at run time.
function(web_assets room)
    find_program(NPM npm REQUIRED)
    set(web ${CMAKE_SOURCE_DIR}/collector/radiator/web)
    set(work ${CMAKE_BINARY_DIR}/web)
    file(GLOB inputs CONFIGURE_DEPENDS ${web}/*.js ${web}/*.html ${web}/*.css ${web}/*.svg ${web}/package*.json)
    add_custom_command(OUTPUT ${work}/assets.c
        COMMAND ${CMAKE_COMMAND} -E make_directory ${work}/out
        COMMAND ${CMAKE_COMMAND} -E copy ${inputs} ${web}/.npmrc ${work}
        COMMAND ${NPM} ci --prefix ${work} --no-audit --no-fund --loglevel=error
        COMMAND ${CMAKE_COMMAND} -E env OUT=${work}/out ${NPM} run build --prefix ${work} --silent
        COMMAND ${CMAKE_COMMAND} -DWORK=${work} -P ${CMAKE_SOURCE_DIR}/deploy/cmake/embed.cmake
        DEPENDS ${inputs} ${CMAKE_SOURCE_DIR}/deploy/cmake/embed.cmake
        WORKING_DIRECTORY ${work} COMMENT "bundling the pages" VERBATIM)
    file(MAKE_DIRECTORY ${work})
    target_sources(${room} PRIVATE ${work}/assets.c)
endfunction()
